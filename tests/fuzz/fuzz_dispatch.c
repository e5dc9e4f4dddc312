/* Any bytes as a request, over UDP and over TCP, on a server that serves zones and on one that resolves for the client besides: whatever
 * comes back, at once or later, is a well-formed message within its limit, and a transfer that was let in runs to its end. */
#include "base/require.h"
#include "fuzz.h"
#include "served.h"
#include "server/recursor.h"
#include "told.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char zone_text[] = "$TTL 3600\n"
                                "@ SOA ns1 host 7 7200 900 1209600 300\n"
                                "@ NS ns1\n"
                                "@ MX 10 mail\n"
                                "ns1 A 192.0.2.1\n"
                                "mail AAAA 2001:db8::1\n"
                                "alias CNAME www\n"
                                "www A 192.0.2.3\n"
                                "*.w TXT \"w\"\n"
                                "*.c CNAME across.other.\n"
                                "d DNAME e.d2\n"
                                "d2 DNAME d\n"
                                "x.y.ent TXT \"deep\"\n"
                                "sub NS ns.sub\n"
                                "sub NS ns.sub2\n"
                                "ns.sub A 192.0.2.9\n"
                                "sub2 NS ns.sub\n"
                                "srv SRV 1 2 3 mail\n"
                                "svc HTTPS 1 . alpn=h2\n";
static const char other_text[] = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n*.across CNAME b.c.example.\nacross CNAME a.d.example.\n";

/* ---- resolving ---- */

enum { NOW_S = 1000000, ANSWERS = 3 };

typedef struct fuzz {
    net_later_t later;
    served_t served;
    resolver_answer_t answers[ANSWERS];
    arena_t arena;
    uint8_t request[MESSAGE_MAX]; /* handed over */
    size_t size;
    uint8_t body[MESSAGE_MAX];
} fuzz_t;

static status_t take_request(void *context, const struct recursor_request *request)
{
    fuzz_t *fuzz = context;
    memcpy(fuzz->request, request->bytes, request->size);
    fuzz->size = request->size;
    REQUIRE(request->query->has_question && request->query->rrclass == CLASS_IN);
    return request->query->type == TYPE_LOC ? STATUS_LIMIT : request->query->type == TYPE_PTR ? STATUS_DENIED : STATUS_OK;
}

static void refresh(void *context, const name_key_t *name, uint16_t type, bool checking_disabled)
{
    (void)context;
    (void)type;
    (void)checking_disabled;
    REQUIRE(name_length(name->wire) == name->length);
}

/* Short, as a chain, as a denial, and too large for a datagram; with and without signatures. */
static void prime(fuzz_t *fuzz, cache_t *cache)
{
    static char large[8192];
    size_t length = 0;
    for (unsigned i = 0; i < 120; i++) {
        length += (size_t)snprintf(large + length, sizeof large - length, "large.test. 300 A 192.0.2.%u\n", i);
    }
    const told_t told[] = {
        {.answer = "a.test. 300 A 192.0.2.1\n", .extended_error = EDE_NONE, .security = STORE_SECURE, .is_signed = true},
        {.answer = "c.test. 300 CNAME a.test.\na.test. 90 A 192.0.2.1\n", .extended_error = EDE_STALE_ANSWER},
        {.authority = "test. 300 SOA ns. host. 1 2 3 4 5\n", .rcode = RCODE_NXDOMAIN, .extended_error = EDE_SYNTHESIZED},
        {.answer = large, .extended_error = EDE_NONE},
    };
    static const char *const names[] = {"a.test.", "c.test.", "no.test.", "large.test."};
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned variant = 0; variant < 4; variant++) {
            told_put(cache, &(told_question_t){names[i], TYPE_A, variant & 1, variant & 2}, &told[i], NOW_S);
        }
    }
    const told_t later[ANSWERS] = {
        {.answer = "a.test. 300 A 192.0.2.1\n", .extended_error = EDE_NONE, .security = STORE_SECURE, .is_signed = true},
        {.rcode = RCODE_SERVFAIL, .extended_error = EDE_DNSSEC_BOGUS, .extended_text = "the signature of a.test. A does not verify"},
        {.answer = large, .extended_error = EDE_NONE, .extended_text = "large"},
    };
    for (unsigned i = 0; i < ANSWERS; i++) {
        told_answer(&later[i], &fuzz->arena, &fuzz->answers[i]);
    }
}

static void set_up_resolving(fuzz_t *fuzz)
{
    served_t *served = &fuzz->served;
    cache_settings_t settings;
    cache_t *cache;
    acl_t *everybody = acl_new();
    cache_settings_default(&settings);
    settings.budget_bytes = 4 << 20;
    REQUIRE(everybody && acl_add(everybody, "any", 3) == STATUS_OK && cache_new(&cache, &settings, NULL, NULL) == STATUS_OK);
    prime(fuzz, cache);
    served->view.recursion_allow = everybody;
    served->view.cache = cache;
    served->view.prefetch_percent = 50;
    dispatch_set_resolver(served->dispatch, (dispatch_resolver_t){.context = fuzz, .ask = take_request, .refresh = refresh});
    dispatch_set_time(served->dispatch, NOW_S + 200);
}

/* ---- */

static void set_up_zones(served_t *served)
{
    served_init(served);
    served->view.version = "fuzz";
    served->view.nsid = "fuzz";
    served->view.minimal_responses = false;
    served_add(served, "example.", zone_text, SERVED_NSEC3);
    served_add(served, "other.", other_text, SERVED_NSEC);
    acl_t *everybody = acl_new();
    REQUIRE(everybody && acl_add(everybody, "any", 3) == STATUS_OK);
    served->access[0].allow_transfer = everybody;
}

static fuzz_t *set_up(void)
{
    fuzz_t *fuzz = calloc(2, sizeof *fuzz); /* one serves zones only */
    REQUIRE(fuzz);
    for (unsigned i = 0; i < 2; i++) {
        arena_init(&fuzz[i].arena, 0, 16 << 20);
        set_up_zones(&fuzz[i].served);
    }
    set_up_resolving(&fuzz[1]);
    return fuzz;
}

static void check(const uint8_t *request, size_t request_size, const uint8_t *answer, size_t size)
{
    arena_t arena;
    arena_init(&arena, 0, 64 << 20);
    message_t message;
    REQUIRE(message_parse(&message, answer, size, &arena) == STATUS_OK);
    REQUIRE(request_size >= MESSAGE_HEADER_SIZE && memcmp(request, answer, 2) == 0);
    REQUIRE(message.flags & FLAG_QR);
    arena_clear(&arena);
}

/* The request that was handed over, answered in every way. */
static void resume(fuzz_t *fuzz, const net_client_t *client, size_t capacity)
{
    served_t *served = &fuzz->served;
    query_t query;
    REQUIRE(query_parse(&query, fuzz->request, fuzz->size) == QUERY_ANSWER);
    const recursion_want_t want = {&query.name, query.type, query.edns.dnssec_ok, (query.flags & FLAG_CD) != 0};
    for (unsigned i = 0; i < ANSWERS; i++) {
        recursion_body_t body;
        net_reply_t reply;
        recursion_body_make(&want, &fuzz->answers[i], fuzz->body, &body);
        dispatch_resume(served->dispatch, client, fuzz->request, fuzz->size, &body, served->out, capacity, &reply);
        REQUIRE(reply.size > 0 && reply.size <= (client->protocol == NET_UDP ? UDP_SIZE_DEFAULT : MESSAGE_MAX));
        check(fuzz->request, fuzz->size, served->out, reply.size);
    }
}

static void run(fuzz_t *fuzz, const uint8_t *data, size_t size, net_protocol_t protocol)
{
    served_t *served = &fuzz->served;
    net_client_t client = {.address = &served->address, .protocol = protocol, .later = &fuzz->later};
    net_reply_t reply;
    size_t capacity = protocol == NET_UDP ? 4096 : MESSAGE_MAX;
    dispatch_answer(served->dispatch, &client, data, size, served->out, capacity, &reply);
    REQUIRE(reply.size <= (protocol == NET_UDP ? UDP_SIZE_DEFAULT : MESSAGE_MAX));
    REQUIRE(!reply.later || (reply.size == 0 && served->view.recursion_allow));
    if (reply.size > 0) {
        check(data, size, served->out, reply.size);
    }
    if (reply.later) {
        resume(fuzz, &client, capacity);
    }
    if (reply.stream) {
        REQUIRE(protocol != NET_UDP);
        unsigned messages = 0;
        while (reply.stream->next(reply.stream, served->out, capacity, &reply.size) == STATUS_OK) {
            check(data, size, served->out, reply.size);
            REQUIRE(++messages < 100);
        }
        reply.stream->free(reply.stream);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_t *fuzz;
    if (!fuzz) {
        fuzz = set_up();
    }
    if (size > MESSAGE_MAX) {
        return 0;
    }
    for (unsigned i = 0; i < 2; i++) {
        run(&fuzz[i], data, size, NET_UDP);
        run(&fuzz[i], data, size, NET_TCP);
        run(&fuzz[i], data, size, NET_TLS);
    }
    return 0;
}
