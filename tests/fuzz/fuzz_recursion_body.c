/* Odd answers of a resolver, made into messages for a client who asked oddly: the message is well formed and within its limit, says of the
 * sections no more than the answer did, and comes again out of the cache as it was.
 *
 * Input: how (see read_how), the client's request behind its length, and a message whose sections are the answer's RRsets. */
#include "base/require.h"
#include "fuzz.h"
#include "served.h"
#include "server/recursor.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1000000, RRSETS_MAX = 64, ARENA_MAX = 16 << 20, UDP_CAPACITY = 4096, TEXT_MAX = 300 };

typedef struct fuzz {
    served_t served;
    cache_t *cache;
    net_later_t later;
    const query_t *query; /* of the request handed over */
    query_t kept;
    uint8_t request[MESSAGE_MAX];
    size_t size;
    uint8_t body[MESSAGE_MAX];
    uint8_t first[MESSAGE_MAX]; /* the answer that came later */
} fuzz_t;

static status_t take_request(void *context, const struct recursor_request *request)
{
    fuzz_t *fuzz = context;
    memcpy(fuzz->request, request->bytes, request->size);
    fuzz->size = request->size;
    REQUIRE(query_parse(&fuzz->kept, fuzz->request, fuzz->size) == QUERY_ANSWER);
    fuzz->query = &fuzz->kept;
    return STATUS_OK;
}

static void refresh(void *context, const name_key_t *name, uint16_t type, bool checking_disabled)
{
    (void)context;
    (void)name;
    (void)type;
    (void)checking_disabled;
}

static fuzz_t *set_up(void)
{
    fuzz_t *fuzz = calloc(1, sizeof *fuzz);
    acl_t *everybody = acl_new();
    cache_settings_t settings;
    REQUIRE(fuzz && everybody && acl_add(everybody, "any", 3) == STATUS_OK);
    served_init(&fuzz->served);
    cache_settings_default(&settings);
    settings.budget_bytes = 1 << 20;
    REQUIRE(cache_new(&fuzz->cache, &settings, NULL, NULL) == STATUS_OK);
    fuzz->served.view.nsid = "fuzz";
    fuzz->served.view.recursion_allow = everybody;
    fuzz->served.view.cache = fuzz->cache;
    dispatch_set_resolver(fuzz->served.dispatch, (dispatch_resolver_t){.context = fuzz, .ask = take_request, .refresh = refresh});
    dispatch_set_time(fuzz->served.dispatch, NOW_S);
    return fuzz;
}

/* ---- the answer ---- */

static bool is_known(const rrset_t *rrsets, unsigned count, const record_t *record)
{
    for (unsigned i = 0; i < count; i++) {
        if (rrsets[i].type == record->type && name_equal(rrsets[i].owner, record->owner)) {
            return true;
        }
    }
    return false;
}

/* All RRsets of a section, as the resolver gathers them. */
static const rrset_t *collect(const message_t *message, section_t section, arena_t *arena, uint16_t *count)
{
    rrset_t *rrsets = arena_alloc(arena, RRSETS_MAX * sizeof *rrsets);
    REQUIRE(rrsets);
    *count = 0;
    for (unsigned i = 0; i < message->count[section] && *count < RRSETS_MAX; i++) {
        const record_t *record = &message->records[section][i];
        if (record->type != TYPE_TSIG && !is_known(rrsets, *count, record) &&
            rrset_collect(message, section, record->owner, record->type, 1000, arena, &rrsets[*count]) == STATUS_OK) {
            (*count)++;
        }
    }
    return rrsets;
}

static void read_answer(byte_reader_t *reader, arena_t *arena, resolver_answer_t *answer)
{
    message_t message;
    size_t size = byte_reader_left(reader);
    if (size == 0 || message_parse(&message, byte_read(reader, size), size, arena) != STATUS_OK) {
        return;
    }
    answer->answer = collect(&message, SECTION_ANSWER, arena, &answer->answer_count);
    answer->authority = collect(&message, SECTION_AUTHORITY, arena, &answer->authority_count);
    answer->additional = collect(&message, SECTION_ADDITIONAL, arena, &answer->additional_count);
}

typedef enum how { HOW_STALE = 1, HOW_SERVED = 2, HOW_CACHED_FAILURE = 4, HOW_LOCAL = 8, HOW_TEXT = 16, HOW_TCP = 32, HOW_TLS = 64 } how_t;

static unsigned read_how(byte_reader_t *reader, char text[static TEXT_MAX], resolver_answer_t *answer)
{
    unsigned how = byte_read_u8(reader);
    size_t length = byte_read_u8(reader) + 40u; /* may be longer than any that is sent */
    memset(text, 'x', length);
    text[length] = 0;
    *answer = (resolver_answer_t){
        .rcode = byte_read_u8(reader),
        .extended_error = (int16_t)((int)(byte_read_u8(reader) % 32) - 1),
        .extended_text = how & HOW_TEXT ? text : NULL,
        .is_cached_failure = (how & HOW_CACHED_FAILURE) != 0,
        .is_stale = (how & HOW_STALE) != 0,
        .is_local = (how & HOW_LOCAL) != 0,
        .is_served = (how & HOW_SERVED) != 0,
        .security = (store_security_t)(byte_read_u8(reader) % 4),
        .ttl_s = byte_read_u16(reader),
    };
    return how;
}

/* ---- what comes of it ---- */

static void check(const fuzz_t *fuzz, const resolver_answer_t *answer, const uint8_t *bytes, size_t size)
{
    arena_t arena;
    message_t message;
    arena_init(&arena, 0, 64 << 20);
    REQUIRE(message_parse(&message, bytes, size, &arena) == STATUS_OK);
    REQUIRE(message.id == fuzz->query->id && (message.flags & FLAG_QR) && (message.flags & FLAG_RA));
    REQUIRE(((message.flags ^ fuzz->query->flags) & (FLAG_RD | FLAG_CD)) == 0);
    REQUIRE(!(message.flags & (FLAG_AA | FLAG_Z)));
    REQUIRE(!(message.flags & FLAG_AD) || (answer->security == STORE_SECURE && !answer->is_stale));
    REQUIRE(message.question_count == 1 && message.question_type == fuzz->query->type);
    size_t length = fuzz->query->name.length;
    REQUIRE(memcmp(bytes + MESSAGE_HEADER_SIZE, fuzz->request + MESSAGE_HEADER_SIZE, length + 4) == 0); /* in the case as asked */
    REQUIRE(message.edns.present == fuzz->query->edns.present);
    if (message.flags & FLAG_TC) {
        arena_clear(&arena);
        return;
    }
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        for (unsigned i = 0; i < message.count[section] && !fuzz->query->edns.dnssec_ok; i++) {
            uint16_t type = message.records[section][i].type;
            bool is_asked = section == SECTION_ANSWER && type == fuzz->query->type;
            REQUIRE(is_asked || (type != TYPE_RRSIG && type != TYPE_NSEC && type != TYPE_NSEC3));
        }
    }
    arena_clear(&arena);
}

/* The same request again: out of the cache, it is the same answer. */
static void ask_again(fuzz_t *fuzz, const net_client_t *client, size_t capacity, size_t first_size)
{
    net_reply_t reply;
    dispatch_answer(fuzz->served.dispatch, client, fuzz->request, fuzz->size, fuzz->served.out, capacity, &reply);
    if (reply.later || (load_be16(fuzz->first + 2) & FLAG_TC)) {
        return; /* not kept, or cut: what does not fit into `capacity` loses its RCODE besides */
    }
    REQUIRE(reply.size == first_size && memcmp(fuzz->served.out, fuzz->first, first_size) == 0);
}

static void resume(fuzz_t *fuzz, const net_client_t *client, const resolver_answer_t *answer)
{
    const query_t *query = fuzz->query;
    const recursion_want_t want = {&query->name, query->type, query->edns.dnssec_ok, (query->flags & FLAG_CD) != 0};
    size_t capacity = client->protocol == NET_UDP ? UDP_CAPACITY : MESSAGE_MAX;
    recursion_body_t body;
    net_reply_t reply;
    recursion_body_make(&want, answer, fuzz->body, &body);
    REQUIRE(body.size >= MESSAGE_HEADER_SIZE && body.size <= MESSAGE_MAX);
    recursion_body_put(fuzz->cache, &want, &body, NOW_S);
    dispatch_resume(fuzz->served.dispatch, client, fuzz->request, fuzz->size, &body, fuzz->first, capacity, &reply);
    REQUIRE(reply.size > 0 && reply.size <= (client->protocol == NET_UDP ? UDP_SIZE_DEFAULT : MESSAGE_MAX));
    check(fuzz, answer, fuzz->first, reply.size);
    bool is_kept_whole = !answer->extended_text && !answer->is_cached_failure; /* texts are not, nor that it is an old failure */
    if (is_kept_whole) {
        ask_again(fuzz, client, capacity, reply.size);
    }
    cache_flush_name(fuzz->cache, query->name.wire, CLASS_IN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_t *fuzz;
    if (!fuzz) {
        fuzz = set_up();
    }
    char text[TEXT_MAX];
    resolver_answer_t answer;
    byte_reader_t reader = byte_reader(data, size);
    unsigned how = read_how(&reader, text, &answer);
    size_t length = byte_read_u16(&reader);
    length = length < byte_reader_left(&reader) ? length : byte_reader_left(&reader);
    if (reader.failed || length == 0) {
        return 0;
    }
    const uint8_t *request = byte_read(&reader, length);
    net_protocol_t protocol = how & HOW_TLS ? NET_TLS : how & HOW_TCP ? NET_TCP : NET_UDP;
    net_client_t client = {.address = &fuzz->served.address, .protocol = protocol, .later = &fuzz->later};
    net_reply_t reply;
    size_t capacity = protocol == NET_UDP ? UDP_CAPACITY : MESSAGE_MAX;
    dispatch_answer(fuzz->served.dispatch, &client, request, length, fuzz->served.out, capacity, &reply);
    if (reply.later) {
        arena_t arena;
        arena_init(&arena, 0, ARENA_MAX);
        read_answer(&reader, &arena, &answer);
        resume(fuzz, &client, &answer);
        arena_clear(&arena);
    }
    return 0;
}
