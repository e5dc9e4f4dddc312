/* Recursors of two workers on one thread, so that the test says who runs when: mail, its bounds, endings, late answers, renewal. */
#include "base/random.h"
#include "fake_server.h"
#include "net/event.h"
#include "resolver/hints.h"
#include "server/cache_store.h"
#include "server/recursor.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 2, TOLD_MAX = 9216, PATIENCE_MS = 8000, SLOW_MS = 200 };

/* What became of one request. */
typedef struct told {
    unsigned answers; /* calls of net_later_t.answer() */
    size_t size;
    uint16_t flags; /* of the body */
    int16_t extended_error;
} told_t;

typedef struct fixture {
    net_later_t later; /* first: keep() gets here from it */
    fake_server_t fake;
    hints_t hints;
    server_settings_t *settings;
    recursor_group_t *group;
    recursor_t *recursors[WORKERS];
    int epoll_fds[WORKERS];
    net_counters_t net_counters[WORKERS];
    recursor_counters_t counters[WORKERS];
    cache_t *cache;
    zone_set_t *zones; /* none */
    dispatch_view_t view;
    _Atomic(const dispatch_view_t *) published;
    uint64_t asked;
    told_t told[TOLD_MAX]; /* by request */
    recursion_body_t body; /* of the answer being given */
    bool has_body;
} fixture_t;

/* ---- the transport ---- */

static void keep(net_later_t *later, const net_client_t *client, net_route_t *route)
{
    fixture_t *fixture = (fixture_t *)later;
    *route = (net_route_t){.later = later, .protocol = client->protocol, .client = *client->address, .owner = fixture->asked};
}

static void answer(const net_route_t *route, const uint8_t *message, size_t size, uint16_t idle_timeout_ds)
{
    fixture_t *fixture = (fixture_t *)route->later;
    (void)message;
    (void)idle_timeout_ds;
    assert_true(route->owner < fixture->asked);
    told_t *told = &fixture->told[route->owner];
    told->answers++;
    told->size = size;
    if (size > 0) {
        assert_true(fixture->has_body);
        told->flags = load_be16(fixture->body.message + 2);
        told->extended_error = fixture->body.extended_error;
    }
    fixture->has_body = false;
}

static void resume(void *context, const net_client_t *client, const uint8_t *request, size_t size, const recursion_body_t *body,
                   uint8_t *out, size_t capacity, net_reply_t *reply)
{
    fixture_t *fixture = context;
    query_t query;
    assert_true(client->protocol == NET_TCP || capacity == 4096);
    assert_int_equal(query_parse(&query, request, size), QUERY_ANSWER);
    assert_true(body->size <= capacity && body->size >= MESSAGE_HEADER_SIZE);
    memcpy(out, body->message, body->size);
    reply->size = body->size;
    fixture->body = *body;
    fixture->has_body = true;
}

/* ---- set-up ---- */

static void make_settings(fixture_t *fixture)
{
    server_settings_t *settings = calloc(1, sizeof *settings);
    assert_non_null(settings);
    arena_init(&settings->arena, 0, 1 << 20);
    trust_anchors_init(&settings->own_anchors);
    assert_int_equal(recursion_settings_default(settings), STATUS_OK);
    resolver_settings_t *resolver = &settings->recursion.resolver;
    settings->recursion.anchors = NULL;
    settings->recursion.waiting_max_a_client = TOLD_MAX;
    resolver->hints = &fixture->hints;
    resolver->ask_loopback = true;
    resolver->priming = false;
    resolver->ipv6 = false;
    resolver->timeout_initial_ms = resolver->timeout_min_ms = 1500;
    fixture->settings = settings;
}

static void make_recursor(fixture_t *fixture, unsigned i)
{
    fixture->epoll_fds[i] = epoll_create1(EPOLL_CLOEXEC);
    recursor_environment_t environment = {
        .epoll_fd = fixture->epoll_fds[i],
        .net_counters = &fixture->net_counters[i],
        .counters = &fixture->counters[i],
        .view = &fixture->published,
        .cache = fixture->cache,
        .store = cache_store_new(fixture->cache, recursor_group_resolver_settings(fixture->group)),
        .free_store = cache_store_free,
        .resume = resume,
        .resume_context = fixture,
    };
    fixture->recursors[i] = recursor_new(fixture->group, i, &environment);
    assert_non_null(fixture->recursors[i]);
    assert_int_equal(recursor_start(fixture->recursors[i], NULL), STATUS_OK);
}

static fixture_t *prepare(void)
{
    fixture_t *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->later = (net_later_t){.keep = keep, .answer = answer};
    fake_server_start(&fixture->fake, SLOW_MS, "www.example.");
    fixture->hints.count = 1;
    fixture->hints.servers[0].address_count = 1;
    fixture->hints.servers[0].addresses[0] =
        (resolver_address_t){.family = RESOLVER_IPV4, .port = fixture->fake.port, .bytes = {127, 0, 0, 1}};
    make_settings(fixture);
    return fixture;
}

static void start(fixture_t *fixture)
{
    cache_settings_t cache;
    upstream_settings_t upstream;
    cache_store_settings(&cache, 4 << 20);
    cache.key = (siphash_key_t){1, 2};
    assert_int_equal(cache_new(&fixture->cache, &cache, NULL, NULL), STATUS_OK);
    upstream_settings_default(&upstream);
    assert_int_equal(zone_set_new(NULL, 0, &fixture->zones), STATUS_OK);
    fixture->view.zones = fixture->zones;
    atomic_store(&fixture->published, &fixture->view);
    recursor_group_settings_t group = {.settings = fixture->settings, .upstream = &upstream, .workers = WORKERS};
    fixture->group = recursor_group_new(&group);
    assert_non_null(fixture->group);
    for (unsigned i = 0; i < WORKERS; i++) {
        make_recursor(fixture, i);
    }
    recursor_group_unref(fixture->group);
}

static fixture_t *begin(void)
{
    fixture_t *fixture = prepare();
    start(fixture);
    return fixture;
}

static void end(fixture_t *fixture)
{
    for (unsigned i = 0; i < WORKERS; i++) {
        recursor_free(fixture->recursors[i]);
        close(fixture->epoll_fds[i]);
        assert_int_equal(recursor_count(&fixture->counters[i], RECURSOR_COUNT_WAITING), 0);
    }
    cache_free(fixture->cache);
    zone_set_free(fixture->zones);
    server_settings_free(fixture->settings);
    fake_server_stop(&fixture->fake);
    free(fixture);
}

/* ---- the loop ---- */

static void run_one(fixture_t *fixture, unsigned i, int wait_ms)
{
    struct epoll_event events[16];
    int count = epoll_wait(fixture->epoll_fds[i], events, ARRAY_SIZE(events), wait_ms);
    for (int e = 0; e < count; e++) {
        net_event_t *event = events[e].data.ptr;
        event->ready(event, events[e].events);
    }
    recursor_run(fixture->recursors[i]);
}

static void run_for(fixture_t *fixture, unsigned time_ms)
{
    for (uint64_t end_ms = test_now_ms() + time_ms; test_now_ms() < end_ms;) {
        for (unsigned i = 0; i < WORKERS; i++) {
            if (fixture->recursors[i]) {
                run_one(fixture, i, 1);
            }
        }
    }
}

static void run_until_told(fixture_t *fixture, uint64_t request)
{
    for (uint64_t end_ms = test_now_ms() + PATIENCE_MS; fixture->told[request].answers == 0 && test_now_ms() < end_ms;) {
        run_for(fixture, 1);
    }
    assert_int_equal(fixture->told[request].answers, 1);
}

/* One request of a client to a worker. */
static status_t ask(fixture_t *fixture, unsigned worker, const char *text, net_protocol_t protocol)
{
    uint8_t message[512];
    message_writer_t writer;
    query_t query;
    name_t name;
    net_address_t address = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    net_client_t client = {.address = &address, .protocol = protocol, .later = &fixture->later};
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    message_writer_init(&writer, message, sizeof message, 7, FLAG_RD);
    message_write_question(&writer, name.wire, TYPE_A, CLASS_IN);
    size_t size = message_writer_finish(&writer);
    assert_int_equal(query_parse(&query, message, size), QUERY_ANSWER);
    recursor_request_t request = {.client = &client, .bytes = message, .size = size, .query = &query};
    assert_true(fixture->asked < TOLD_MAX);
    status_t status = recursor_ask(fixture->recursors[worker], &request);
    fixture->asked += status == STATUS_OK;
    return status;
}

static uint64_t count(const fixture_t *fixture, unsigned counter)
{
    return recursor_count(&fixture->counters[0], counter) + recursor_count(&fixture->counters[1], counter);
}

/* A name "PREFIXn.example." that the other worker owns; the question is asked. */
static void ask_foreign(fixture_t *fixture, unsigned worker, const char *prefix)
{
    for (unsigned i = 0; i < 100; i++) {
        char name[64];
        uint64_t before = recursor_count(&fixture->counters[worker], RECURSOR_COUNT_MAILED);
        snprintf(name, sizeof name, "%s%u.example.", prefix, i);
        assert_int_equal(ask(fixture, worker, name, NET_UDP), STATUS_OK);
        if (recursor_count(&fixture->counters[worker], RECURSOR_COUNT_MAILED) > before) {
            return;
        }
    }
    fail_msg("all names have one owner");
}

/* ---- tests ---- */

static void test_mail(void **state)
{
    (void)state;
    fixture_t *fixture = begin();
    ask_foreign(fixture, 0, "www");
    uint64_t request = fixture->asked - 1;
    run_until_told(fixture, request);
    assert_int_equal(fixture->told[request].flags & 15, RCODE_NOERROR);
    assert_int_equal(recursor_count(&fixture->counters[1], RESOLVER_COUNT_QUESTIONS), 1);
    end(fixture);
}

/* The owner does not come to run: its mailbox takes so many questions, then no more; those in it are answered in the end. */
static void test_mailbox_is_bounded(void **state)
{
    (void)state;
    enum { MAILBOX = 4096 }; /* half of the names are the other worker's: TOLD_MAX has enough of them, whatever the hash */
    fixture_t *fixture = begin();
    status_t status = STATUS_OK;
    unsigned i = 0;
    for (; i < TOLD_MAX && status == STATUS_OK; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.silent.", i);
        status = ask(fixture, 0, name, NET_UDP);
    }
    assert_true(status == STATUS_LIMIT);
    uint64_t mailed = recursor_count(&fixture->counters[0], RECURSOR_COUNT_MAILED);
    assert_true(mailed <= MAILBOX);
    assert_int_equal(count(fixture, RECURSOR_COUNT_LIMITED), 1);
    assert_int_equal(count(fixture, RECURSOR_COUNT_WAITING), fixture->asked);
    end(fixture);
}

/* Whoever ends answers what the others asked: nothing, which makes SERVFAIL. */
static void test_owner_ends(void **state)
{
    (void)state;
    for (unsigned runs = 0; runs < 2; runs++) { /* with the question in the mailbox, and in its resolver */
        fixture_t *fixture = begin();
        ask_foreign(fixture, 0, "silent");
        uint64_t request = fixture->asked - 1;
        if (runs == 1) {
            run_for(fixture, 20);
            assert_int_equal(recursor_count(&fixture->counters[1], RESOLVER_COUNT_QUESTIONS), 1);
        }
        recursor_free(fixture->recursors[1]);
        fixture->recursors[1] = NULL;
        run_until_told(fixture, request);
        assert_int_equal(fixture->told[request].flags & 15, RCODE_SERVFAIL);
        uint64_t limited = recursor_count(&fixture->counters[0], RECURSOR_COUNT_LIMITED);
        for (unsigned i = 0; i < 100 && recursor_count(&fixture->counters[0], RECURSOR_COUNT_LIMITED) == limited; i++) {
            char name[64];
            snprintf(name, sizeof name, "later%u.example.", i);
            (void)!ask(fixture, 0, name, NET_UDP);
        }
        assert_int_equal(recursor_count(&fixture->counters[0], RECURSOR_COUNT_LIMITED), limited + 1);
        end(fixture);
    }
}

/* The answer to somebody who has ended meanwhile is nobody's. */
static void test_asker_ends(void **state)
{
    (void)state;
    fixture_t *fixture = begin();
    ask_foreign(fixture, 0, "slow");
    run_for(fixture, 20);
    recursor_free(fixture->recursors[0]);
    fixture->recursors[0] = NULL;
    run_for(fixture, 2 * SLOW_MS);
    assert_int_equal(fixture->told[fixture->asked - 1].answers, 0);
    end(fixture);
}

/* A group ends when all are retired and nobody waits. */
static void test_retired(void **state)
{
    (void)state;
    fixture_t *fixture = begin();
    ask_foreign(fixture, 0, "slow");
    uint64_t request = fixture->asked - 1;
    recursor_retire(fixture->recursors[1]);
    recursor_retire(fixture->recursors[0]);
    assert_int_equal(ask(fixture, 1, "www.example.", NET_UDP), STATUS_LIMIT);
    assert_false(recursor_is_finished(fixture->recursors[0]) || recursor_is_finished(fixture->recursors[1]));
    run_until_told(fixture, request);
    assert_int_equal(fixture->told[request].flags & 15, RCODE_NOERROR);
    run_for(fixture, 5);
    assert_true(recursor_is_finished(fixture->recursors[0]) && recursor_is_finished(fixture->recursors[1]));
    end(fixture);
}

/* All who wait are told, wherever their question is; what comes for them afterwards is nobody's. */
static void test_abandoned(void **state)
{
    (void)state;
    fixture_t *fixture = begin();
    ask_foreign(fixture, 0, "slow");
    assert_int_equal(ask(fixture, 0, "slow.example.", NET_TCP), STATUS_OK);
    run_for(fixture, 20);
    recursor_abandon(fixture->recursors[0]);
    for (uint64_t i = 0; i < fixture->asked; i++) {
        assert_int_equal(fixture->told[i].answers, 1);
        assert_int_equal(fixture->told[i].flags & 15, RCODE_SERVFAIL);
    }
    run_for(fixture, 2 * SLOW_MS);
    for (uint64_t i = 0; i < fixture->asked; i++) {
        assert_int_equal(fixture->told[i].answers, 1);
    }
    end(fixture);
}

/* Datagrams are not answered so late; streams are. */
static void test_late(void **state)
{
    (void)state;
    fixture_t *fixture = prepare();
    fixture->settings->recursion.resolver.discard_waiter_ms = SLOW_MS / 2;
    start(fixture);
    assert_int_equal(ask(fixture, 0, "slow.example.", NET_UDP), STATUS_OK);
    assert_int_equal(ask(fixture, 0, "slow.example.", NET_TCP), STATUS_OK);
    run_until_told(fixture, 0);
    run_until_told(fixture, 1);
    assert_int_equal(fixture->told[0].size, 0);
    assert_true(fixture->told[1].size > 0);
    assert_int_equal(count(fixture, RECURSOR_COUNT_LATE), 1);
    assert_int_equal(count(fixture, RECURSOR_COUNT_JOINED), 1);
    unsigned took = 0; /* how long each waited is counted once, whether or not it was told */
    for (unsigned i = 0; i < RECURSOR_TOOK_BUCKETS; i++) {
        uint64_t here = count(fixture, RECURSOR_COUNT_TOOK + i);
        char name[RECURSOR_COUNTER_NAME_MAX];
        bool is_too_short =
            (int)strtol(recursor_counter_name(RECURSOR_COUNT_TOOK + i, name) + strlen("resolver.took-"), NULL, 10) < SLOW_MS &&
            strstr(name, "ms");
        assert_true(here == 0 || !is_too_short);
        took += (unsigned)here;
    }
    assert_int_equal(took, 2);
    end(fixture);
}

/* ---- renewal ---- */

static bool is_cached(fixture_t *fixture, const char *text, bool dnssec_ok, uint32_t *ttl_s)
{
    uint8_t request[512] = {0};
    uint8_t out[512];
    cache_reader_t reader;
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    memcpy(request + MESSAGE_HEADER_SIZE, name.wire, name.length);
    cache_answer_get_t get = {
        .question = {.name = name.wire, .length = name.length, .type = TYPE_A, .rrclass = CLASS_IN},
        .variant = recursion_variant(dnssec_ok, false),
        .request = request,
        .out = out,
        .capacity = sizeof out,
    };
    cache_reader_init(&reader, fixture->cache);
    status_t status = cache_answer_get(&reader, &get, (uint32_t)time(NULL));
    *ttl_s = get.ttl_s;
    return status == STATUS_OK;
}

static void refresh(fixture_t *fixture, unsigned worker, const char *text)
{
    name_t name;
    name_key_t key;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    name_key_init(&key, name.wire, name.length);
    recursor_refresh(fixture->recursors[worker], &key, TYPE_A, false);
}

/* Asked once, by whichever worker and however often at a time; the answers are renewed in all forms. */
static void test_refresh(void **state)
{
    (void)state;
    fixture_t *fixture = begin();
    uint32_t ttl_s;
    assert_int_equal(ask(fixture, 0, "www.example.", NET_UDP), STATUS_OK);
    run_until_told(fixture, 0);
    assert_int_equal(fake_server_asked(&fixture->fake, "www.example.", TYPE_A), 1);
    assert_true(is_cached(fixture, "www.example.", false, &ttl_s));
    assert_false(is_cached(fixture, "www.example.", true, &ttl_s));
    for (unsigned i = 0; i < 4; i++) {
        refresh(fixture, i % 2, "www.example.");
    }
    assert_int_equal(count(fixture, RECURSOR_COUNT_REFRESHES), 2);
    run_for(fixture, 100);
    assert_int_equal(fake_server_asked(&fixture->fake, "www.example.", TYPE_A), 2);
    assert_true(is_cached(fixture, "www.example.", true, &ttl_s));
    assert_int_equal(count(fixture, RECURSOR_COUNT_WAITING), 0);
    refresh(fixture, 0, "www.example."); /* the one before is over */
    assert_int_equal(count(fixture, RECURSOR_COUNT_REFRESHES), 3);
    end(fixture);
}

/* What the daemon asks the system for. */
static void test_descriptors(void **state)
{
    (void)state;
    upstream_settings_t upstream;
    upstream_settings_default(&upstream);
    assert_int_equal(upstream.udp_sockets_max + upstream.tcp_connections_max + 1, RECURSOR_DESCRIPTORS);
}

static void test_counter_names(void **state)
{
    (void)state;
    char a[RECURSOR_COUNTER_NAME_MAX];
    char b[RECURSOR_COUNTER_NAME_MAX];
    for (unsigned i = 0; i < RECURSOR_COUNTERS; i++) {
        assert_memory_equal(recursor_counter_name(i, a), "resolver.", 9);
        assert_true(a[9] != '\0');
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(a, recursor_counter_name(j, b));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mail),          cmocka_unit_test(test_mailbox_is_bounded),
        cmocka_unit_test(test_owner_ends),    cmocka_unit_test(test_asker_ends),
        cmocka_unit_test(test_retired),       cmocka_unit_test(test_abandoned),
        cmocka_unit_test(test_late),          cmocka_unit_test(test_refresh),
        cmocka_unit_test(test_counter_names), cmocka_unit_test(test_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
