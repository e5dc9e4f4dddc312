/* Whole messages: the query parser leaves nothing of an earlier request, and what the general parser accepts can be built again and
 * then says the same. What both can read, both read alike.
 */
#include "base/require.h"
#include "fuzz.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 64 * 1024 * 1024 };

static void check_query(const uint8_t *data, size_t size)
{
    query_t used, fresh;
    memset(&used, 0xa5, sizeof used);
    memset(&fresh, 0, sizeof fresh);
    query_verdict_t verdict = query_parse(&used, data, size);
    REQUIRE(query_parse(&fresh, data, size) == verdict);
    if (verdict == QUERY_DROP) {
        return;
    }
    REQUIRE(used.rcode == fresh.rcode && used.opcode == fresh.opcode && used.flags == fresh.flags && used.id == fresh.id);
    REQUIRE(used.has_question == fresh.has_question && used.type == fresh.type && used.rrclass == fresh.rrclass);
    REQUIRE(used.question_size == fresh.question_size && MESSAGE_HEADER_SIZE + (size_t)used.question_size <= size);
    REQUIRE(used.has_tsig == fresh.has_tsig && used.tsig_offset == fresh.tsig_offset && used.tsig_offset < size);
    REQUIRE(used.has_ixfr_serial == fresh.has_ixfr_serial && used.ixfr_serial == fresh.ixfr_serial);
    REQUIRE(used.name.length == fresh.name.length && used.name.labels == fresh.name.labels);
    REQUIRE(memcmp(used.name.wire, fresh.name.wire, used.name.length) == 0);
    for (unsigned labels = 0; labels <= used.name.labels; labels++) {
        REQUIRE(used.name.offset[labels] == fresh.name.offset[labels] && used.name.hash[labels] == fresh.name.hash[labels]);
    }
    REQUIRE(used.edns.present == fresh.edns.present && used.edns.options == fresh.edns.options);
    REQUIRE(used.edns.udp_size == fresh.edns.udp_size && used.edns.cookie_length == fresh.edns.cookie_length);
    REQUIRE(used.edns.cookie_length <= sizeof used.edns.cookie);
}

static bool write_message(const message_t *message, uint8_t *out, size_t *size)
{
    message_writer_t writer;
    message_writer_init(&writer, out, MESSAGE_MAX, message->id, message->flags);
    if (message->question_name) {
        message_write_question(&writer, message->question_name, message->question_type, message->question_class);
    }
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        const edns_t *edns = &message->edns;
        if (section == SECTION_ADDITIONAL && edns->present &&
            message_write_opt(&writer, edns->udp_size, edns->extended_rcode, edns->version, edns->flags, edns->options,
                              edns->options_size) != STATUS_OK) {
            return false;
        }
        for (unsigned i = 0; i < message->count[section]; i++) {
            const record_t *record = &message->records[section][i];
            if (message_write_record(&writer, (section_t)section, record->owner, record->type, record->rrclass, record->ttl_s,
                                     record->rdata, record->rdlength) != STATUS_OK) {
                return false;
            }
        }
    }
    *size = message_writer_finish(&writer);
    return *size > 0;
}

/* Names may come back in the case of an earlier spelling of the same name: the writer compresses without regard to case. */
static bool same_record(const record_t *a, const record_t *b)
{
    if (a->type != b->type || a->rrclass != b->rrclass || a->ttl_s != b->ttl_s || a->rdlength != b->rdlength ||
        !name_equal(a->owner, b->owner)) {
        return false;
    }
    for (size_t i = 0; i < a->rdlength; i++) {
        uint8_t difference = a->rdata[i] ^ b->rdata[i];
        if (difference != 0 && difference != 0x20) {
            return false;
        }
    }
    return true;
}

static void check_same(const message_t *a, const message_t *b)
{
    REQUIRE(a->id == b->id && a->flags == b->flags && a->rcode == b->rcode);
    REQUIRE((a->question_name == NULL) == (b->question_name == NULL));
    REQUIRE(!a->question_name || name_equal(a->question_name, b->question_name));
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        REQUIRE(a->count[section] == b->count[section]);
        for (unsigned i = 0; i < a->count[section]; i++) {
            REQUIRE(same_record(&a->records[section][i], &b->records[section][i]));
        }
    }
    REQUIRE(a->edns.present == b->edns.present && a->edns.options_size == b->edns.options_size);
}

static void check_edns_agrees(const edns_t *a, const edns_t *b)
{
    REQUIRE(a->present == b->present && a->version == b->version && a->udp_size == b->udp_size && a->flags == b->flags);
    REQUIRE(a->dnssec_ok == b->dnssec_ok && a->extended_rcode == b->extended_rcode);
    REQUIRE(a->nsid_wanted == b->nsid_wanted && a->padding_wanted == b->padding_wanted && a->expire_wanted == b->expire_wanted);
    REQUIRE(a->keepalive_wanted == b->keepalive_wanted && a->zoneversion_wanted == b->zoneversion_wanted);
    REQUIRE(a->cookie_malformed == b->cookie_malformed && a->cookie_length == b->cookie_length);
    REQUIRE(memcmp(a->cookie, b->cookie, a->cookie_length) == 0);
}

/* Two parsers, one message: what the general one can read, a server must not call malformed, but for what only queries may not do; and
 * both must have read the same. */
static void check_agreement(const message_t *message, const uint8_t *data, size_t size)
{
    query_t query;
    if (query_parse(&query, data, size) == QUERY_DROP) {
        return;
    }
    unsigned records = message->edns.present;
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        records += message->count[section];
    }
    REQUIRE(query.id == message->id && query.flags == message->flags && query.opcode == message->opcode);
    bool is_plain = query.has_question && query.opcode == OPCODE_QUERY && query.type != TYPE_IXFR && records <= QUERY_RECORDS_MAX;
    bool is_judged = message->edns.present; /* its owner as a pointer to a root, its cookie, its version */
    REQUIRE(!is_plain || is_judged || query.rcode == RCODE_NOERROR);
    if (query.rcode != RCODE_NOERROR || !query.has_question) {
        return;
    }
    REQUIRE(name_equal(query.name.wire, message->question_name));
    REQUIRE(query.type == message->question_type && query.rrclass == message->question_class);
    REQUIRE(query.has_tsig == (message->tsig_offset != 0) && query.tsig_offset == message->tsig_offset);
    check_edns_agrees(&query.edns, &message->edns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    message_t message, again;
    arena_t arena;
    size_t written = 0;
    check_query(data, size);
    uint8_t *out = malloc(MESSAGE_MAX);
    REQUIRE(out);
    arena_init(&arena, 0, ARENA_MAX);
    status_t status = message_parse(&message, data, size, &arena);
    REQUIRE(status == STATUS_OK || status == STATUS_MALFORMED);
    if (status == STATUS_OK) {
        check_agreement(&message, data, size);
    }
    if (status == STATUS_OK && write_message(&message, out, &written)) {
        REQUIRE(message_parse(&again, out, written, &arena) == STATUS_OK);
        check_same(&message, &again);
    }
    arena_clear(&arena);
    free(out);
    return 0;
}
