/* How the servers of the virtual internet answer, well or badly. */
#include "sim_internal.h"

#include "base/require.h"
#include "served.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVER_COOKIE_SIZE = 8 };

/* ---- help for scripts ---- */

void sim_reply_begin(message_writer_t *writer, const query_t *query, uint8_t *out, uint16_t flags)
{
    name_t name; /* in the case as asked */
    name_set(&name, query->message + MESSAGE_HEADER_SIZE);
    message_writer_init(writer, out, MESSAGE_MAX, query->id, (uint16_t)(FLAG_QR | flags));
    message_write_question(writer, name.wire, query->type, query->rrclass);
}

void sim_reply_add(message_writer_t *writer, section_t section, const char *owner, uint16_t type, uint32_t ttl_s, const char *text)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    name_t name = sim_name(owner);
    uint8_t *memory = malloc(RDATA_MAX);
    REQUIRE(memory);
    byte_writer_t rdata = byte_writer(memory, RDATA_MAX);
    rdata_error_t error;
    if (rdata_from_line(type, CLASS_IN, text, strlen(text), root, &rdata, &error) != STATUS_OK ||
        message_write_record(writer, section, name.wire, type, CLASS_IN, ttl_s, memory, rdata.position) != STATUS_OK) {
        sim_give_up("record", text);
    }
    free(memory);
}

/* ---- answers ---- */

typedef struct serving {
    sim_host_t *host;
    const resolver_action_t *action;
    query_t query;
    uint8_t *out;
    size_t size;
} serving_t;

static size_t answer_from_zones(sim_host_t *host, const resolver_action_t *action, uint8_t *out)
{
    net_address_t address = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc6336401)}};
    net_client_t client = {.address = &address, .protocol = action->transport == RESOLVER_TCP ? NET_TCP : NET_UDP};
    net_reply_t reply = {.size = 0};
    dispatch_answer(host->dispatch, &client, action->message, action->size, out, action->transport == RESOLVER_TCP ? MESSAGE_MAX : 4096,
                    &reply);
    return reply.size;
}

static size_t answer_error(const serving_t *serving, uint16_t flags)
{
    message_writer_t writer;
    sim_reply_begin(&writer, &serving->query, serving->out, flags);
    return message_writer_finish(&writer);
}

static size_t answer_upward(const serving_t *serving)
{
    message_writer_t writer;
    sim_reply_begin(&writer, &serving->query, serving->out, 0);
    sim_reply_add(&writer, SECTION_AUTHORITY, ".", TYPE_NS, 3600, "a.root-servers.net.");
    sim_reply_add(&writer, SECTION_ADDITIONAL, "a.root-servers.net.", TYPE_A, 3600, "203.0.113.66");
    return message_writer_finish(&writer);
}

/* What is answered instead of an answer; 0: nothing of the kind. */
static size_t answer_badly(const serving_t *serving)
{
    unsigned behaviours = serving->host->behaviours;
    if (behaviours & SIM_REFUSES) {
        return answer_error(serving, RCODE_REFUSED);
    }
    if (behaviours & SIM_FAILS) {
        return answer_error(serving, RCODE_SERVFAIL);
    }
    if (behaviours & SIM_LAME) {
        return answer_error(serving, 0);
    }
    if (behaviours & SIM_UPWARD) {
        return answer_upward(serving);
    }
    return 0;
}

/* ---- answers made worse ---- */

static void add_poison(message_writer_t *writer)
{
    sim_reply_add(writer, SECTION_AUTHORITY, ".", TYPE_NS, 86400, "evil.poison.");
    sim_reply_add(writer, SECTION_AUTHORITY, "com.", TYPE_NS, 86400, "evil.poison.");
    sim_reply_add(writer, SECTION_ADDITIONAL, "evil.poison.", TYPE_A, 86400, "203.0.113.66");
    sim_reply_add(writer, SECTION_ADDITIONAL, "www.victim.com.", TYPE_A, 86400, "203.0.113.66");
    sim_reply_add(writer, SECTION_ADDITIONAL, "ns.victim.com.", TYPE_A, 86400, "203.0.113.66");
}

static void write_cookie(const serving_t *serving, const message_t *message, message_writer_t *writer)
{
    uint8_t option[4 + 8 + SERVER_COOKIE_SIZE] = {0, EDNS_COOKIE, 0, 8 + SERVER_COOKIE_SIZE};
    memcpy(option + 4, serving->query.edns.cookie, 8);
    memset(option + 12, serving->host->address.bytes[3], SERVER_COOKIE_SIZE);
    bool has_cookie = (serving->host->behaviours & SIM_SPEAKS_COOKIES) && serving->query.edns.cookie_length > 0;
    status_t status =
        message_write_opt(writer, 1232, (uint8_t)(message->rcode >> 4), 0, EDNS_FLAG_DO, option, has_cookie ? sizeof option : 0);
    REQUIRE(status == STATUS_OK);
}

static bool has_own_cookie(const serving_t *serving)
{
    const edns_t *edns = &serving->query.edns;
    return edns->cookie_length == 8 + SERVER_COOKIE_SIZE && edns->cookie[8] == serving->host->address.bytes[3];
}

/* The header's flags as this server sets them. */
static void bend_header(const serving_t *serving, message_t *message)
{
    unsigned behaviours = serving->host->behaviours;
    bool is_nodata = message->rcode == RCODE_NOERROR && message->count[SECTION_ANSWER] == 0 && (message->flags & FLAG_AA);
    if ((behaviours & SIM_DENIES_EMPTY) && is_nodata) {
        message->rcode = RCODE_NXDOMAIN;
    }
    if ((behaviours & SIM_NOTIMP_UNLESS_WHOLE) && is_nodata && serving->query.type == TYPE_A) {
        message->rcode = RCODE_NOTIMP;
    }
    if ((behaviours & SIM_BAD_COOKIE_FIRST) && serving->query.edns.cookie_length > 0 && !has_own_cookie(serving) &&
        serving->action->transport == RESOLVER_UDP) {
        message->rcode = RCODE_BADCOOKIE;
        memset(message->count, 0, sizeof message->count);
    }
    if (behaviours & SIM_OUT_OF_CACHE) {
        message->flags = (uint16_t)((message->flags & ~FLAG_AA) | FLAG_RA);
    }
    if ((behaviours & SIM_TRUNCATES) && serving->action->transport == RESOLVER_UDP) {
        message->flags |= FLAG_TC;
    }
    message->flags = (uint16_t)((message->flags & ~15) | (message->rcode & 15));
}

/* Writes the answer again, with this server's habits. */
static void rewrite(serving_t *serving)
{
    unsigned behaviours = serving->host->behaviours;
    arena_t arena;
    arena_init(&arena, 0, 1 << 22);
    message_t message;
    status_t status = message_parse(&message, serving->out, serving->size, &arena);
    REQUIRE(status == STATUS_OK);
    for (size_t i = 0; i < serving->host->change_count; i++) {
        sim_change_apply(serving->host, &serving->host->changes[i], &message, &arena);
    }
    bend_header(serving, &message);
    uint8_t *out = malloc(MESSAGE_MAX);
    REQUIRE(out);
    name_t name;
    name_set(&name, message.question_name);
    if (behaviours & SIM_LOSES_CASE) {
        name_lower(name.wire, name.length);
    }
    message_writer_t writer;
    message_writer_init(&writer, out, MESSAGE_MAX, message.id, message.flags);
    message_write_question(&writer, name.wire, message.question_type, message.question_class);
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        for (unsigned i = 0; i < message.count[section]; i++) {
            const record_t *record = &message.records[section][i];
            bool is_dnssec = record->type == TYPE_RRSIG || record->type == TYPE_NSEC || record->type == TYPE_NSEC3;
            if (((behaviours & SIM_NO_SOA) && section == SECTION_AUTHORITY && record->type == TYPE_SOA) ||
                ((behaviours & SIM_STRIPS_DNSSEC) && is_dnssec)) {
                continue;
            }
            status = message_write_record(&writer, (section_t)section, record->owner, record->type, record->rrclass, record->ttl_s,
                                          record->rdata, record->rdlength);
            REQUIRE(status == STATUS_OK);
        }
        if (section == SECTION_AUTHORITY && (behaviours & SIM_PARENT_NS)) {
            sim_reply_add(&writer, SECTION_AUTHORITY, ".", TYPE_NS, 3600, "a.root-servers.net.");
        }
    }
    if (behaviours & SIM_POISONS) {
        if (writer.counts[3] == 0) {
            add_poison(&writer);
        } else {
            sim_reply_add(&writer, SECTION_ADDITIONAL, "www.victim.com.", TYPE_A, 86400, "203.0.113.66");
        }
    }
    if (serving->query.edns.present && !(behaviours & (SIM_FORMERR_ON_EDNS | SIM_DROPS_EDNS))) {
        write_cookie(serving, &message, &writer);
    }
    serving->size = message_writer_finish(&writer);
    REQUIRE(serving->size > 0);
    memcpy(serving->out, out, serving->size);
    free(out);
    arena_clear(&arena);
}

/* ---- forgeries ---- */

static void deliver(const serving_t *serving, const resolver_address_t *source, const uint8_t *bytes, size_t size, unsigned delay_ms)
{
    sim_delivery_t delivery = {serving->action->exchange, delay_ms, *source, bytes, size};
    sim_deliver(serving->host->sim, &delivery);
}

/* An answer as somebody off the path would make it: all fits but what he must guess. */
static size_t forge(const serving_t *serving, uint8_t *out)
{
    message_writer_t writer;
    sim_reply_begin(&writer, &serving->query, out, FLAG_AA);
    char name[NAME_TEXT_MAX];
    name_to_text(serving->query.message + MESSAGE_HEADER_SIZE, name);
    if (serving->query.type == TYPE_A) {
        sim_reply_add(&writer, SECTION_ANSWER, name, TYPE_A, 86400, "203.0.113.66");
    }
    return message_writer_finish(&writer);
}

static void send_forgeries(const serving_t *serving)
{
    static const unsigned kinds[] = {SIM_WRONG_ID,       SIM_WRONG_QUESTION, SIM_WRONG_SOURCE, SIM_GARBAGE,
                                     SIM_NOT_A_RESPONSE, SIM_ONLY_GARBAGE,   SIM_WRONG_COOKIE};
    uint8_t *forged = malloc(MESSAGE_MAX);
    REQUIRE(forged);
    unsigned delay_ms = serving->host->latency_ms / 2;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        bool has_cookie = serving->query.edns.cookie_length > 0;
        if (!(serving->host->behaviours & kinds[i]) || (kinds[i] == SIM_WRONG_COOKIE && !has_cookie)) {
            continue; /* without a cookie there is nothing left that this one would have to guess */
        }
        resolver_address_t source = serving->host->address;
        size_t size = forge(serving, forged);
        switch (kinds[i]) {
        case SIM_WRONG_ID:
            forged[0] ^= 0x5a;
            break;
        case SIM_WRONG_QUESTION:
            forged[MESSAGE_HEADER_SIZE + 1] ^= 0x01;
            break;
        case SIM_WRONG_SOURCE:
            source.bytes[2] ^= 0x01;
            break;
        case SIM_NOT_A_RESPONSE:
            forged[2] &= 0x7f;
            break;
        case SIM_WRONG_COOKIE:
            store_be16(forged + 10, 1); /* an OPT with a cookie */
            static const uint8_t opt[] = {0, 0, TYPE_OPT, 4, 0xd0, 0, 0, 0, 0, 0, 12, 0, EDNS_COOKIE, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
            memcpy(forged + size, opt, sizeof opt);
            size += sizeof opt;
            break;
        default: /* garbage: a header that fits, and half of something */
            store_be16(forged + 6, 7);
            size -= 3;
            break;
        }
        deliver(serving, &source, forged, size, delay_ms);
    }
    free(forged);
}

/* ---- the way of one message ---- */

static bool serve(serving_t *serving)
{
    sim_host_t *host = serving->host;
    bool has_edns = serving->query.edns.present;
    if ((host->behaviours & SIM_DROPS_EDNS) && has_edns) {
        return false;
    }
    if ((host->behaviours & SIM_FORMERR_ON_EDNS) && has_edns) {
        memcpy(serving->out, serving->action->message, MESSAGE_HEADER_SIZE);
        memset(serving->out + 2, 0, MESSAGE_HEADER_SIZE - 2);
        store_be16(serving->out + 2, FLAG_QR | RCODE_FORMERR);
        serving->size = MESSAGE_HEADER_SIZE;
        return true;
    }
    if (host->script) {
        serving->size = host->script(host, &serving->query, serving->out);
        return serving->size > 0;
    }
    serving->size = answer_badly(serving);
    if (serving->size == 0) {
        serving->size = answer_from_zones(host, serving->action, serving->out);
        if (serving->size > 0 && (host->behaviours != 0 || host->change_count > 0)) {
            rewrite(serving);
        }
    }
    return serving->size > 0;
}

static void print_reply(const serving_t *serving)
{
    buffer_t text;
    buffer_init(&text, 1 << 20);
    served_print(serving->out, serving->size, &text);
    fprintf(stderr, "         %s", buffer_text(&text));
    buffer_clear(&text);
}

void sim_host_answer(sim_host_t *host, const resolver_action_t *action)
{
    sim_t *sim = host->sim;
    bool is_tcp = action->transport == RESOLVER_TCP;
    serving_t serving = {.host = host, .action = action, .out = malloc(MESSAGE_MAX)};
    REQUIRE(serving.out);
    query_verdict_t verdict = query_parse(&serving.query, action->message, action->size);
    REQUIRE(verdict == QUERY_ANSWER && serving.query.rcode == RCODE_NOERROR); /* what the resolver sends is well formed */
    sim->sent_ad += (serving.query.flags & FLAG_AD) != 0;
    sim->sent_cd += (serving.query.flags & FLAG_CD) != 0;
    sim->sent_without_do += !serving.query.edns.dnssec_ok;
    host->queries_ds += serving.query.type == TYPE_DS;
    host->queries_dnskey += serving.query.type == TYPE_DNSKEY;
    bool answers = serve(&serving);
    if (answers && sim->tamper) {
        serving.size = sim->tamper(sim->tamper_context, serving.out, serving.size);
        answers = serving.size > 0;
    }
    if (!is_tcp) {
        send_forgeries(&serving);
    }
    if (sim->prints && answers) {
        print_reply(&serving);
    }
    bool is_lost = !is_tcp && sim_random(sim, 100) < host->loss_percent;
    if (answers && !is_lost && !(host->behaviours & SIM_ONLY_GARBAGE)) {
        deliver(&serving, &host->address, serving.out, serving.size, host->latency_ms * (is_tcp ? 2 : 1));
    }
    free(serving.out);
}
