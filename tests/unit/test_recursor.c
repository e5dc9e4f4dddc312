/* The whole server resolves: workers, mailboxes, sockets, a server to ask on a loopback address (server/recursor.h). */
#include "fake_server.h"
#include "resolver/hints.h"
#include "server/server.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOW_MS = 300, PATIENCE_MS = 8000 };

typedef struct fixture {
    fake_server_t fake;
    hints_t hints;
    server_t *server;
    uint16_t port;
    unsigned workers;
    unsigned waiting_max;
    char zone_file[64];
} fixture_t;

/* ---- the server ---- */

static uint16_t free_port(void)
{
    net_address_t address = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address.v4;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &address.sa, sizeof address.v4), 0);
    assert_int_equal(getsockname(fd, &address.sa, &length), 0);
    close(fd);
    return ntohs(address.v4.sin_port);
}

static void set_zone(server_settings_t *settings, const char *file)
{
    settings->zones = arena_alloc(&settings->arena, sizeof *settings->zones);
    assert_non_null(settings->zones);
    *settings->zones = (zone_settings_t){.file = arena_strndup(&settings->arena, file, strlen(file))};
    assert_int_equal(name_from_text(&settings->zones->name, "served.test.", 12, NULL, NULL), STATUS_OK);
    settings->zone_count = 1;
}

static server_settings_t *make_settings(const fixture_t *fixture)
{
    server_settings_t *settings = calloc(1, sizeof *settings);
    assert_non_null(settings);
    arena_init(&settings->arena, 0, 1 << 24);
    trust_anchors_init(&settings->own_anchors);
    assert_int_equal(recursion_settings_default(settings), STATUS_OK);
    settings->recursion.cache_bytes = 4 << 20;
    settings->recursion.waiting_max_a_client = fixture->waiting_max;
    settings->recursion.anchors = NULL; /* nothing there is signed */
    resolver_settings_t *resolver = &settings->recursion.resolver;
    resolver->hints = &fixture->hints;
    resolver->ask_loopback = true;
    resolver->priming = false;
    resolver->ipv6 = false;
    resolver->timeout_initial_ms = resolver->timeout_min_ms = 1500; /* nothing is asked twice because this machine is busy */
    resolver->builtin_local_zones = false;
    settings->listen = arena_alloc(&settings->arena, sizeof *settings->listen);
    assert_non_null(settings->listen);
    *settings->listen = (listen_settings_t){
        .protocol = NET_UDP,
        .address.v4 = {.sin_family = AF_INET, .sin_port = htons(fixture->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    settings->listen_count = 1;
    settings->workers = fixture->workers;
    settings->log_level = LOG_ERROR;
    settings->udp_size_max = 1232;
    settings->tcp_connections_max = 100;
    settings->tcp_connections_per_prefix_max = 100;
    settings->tcp_idle_timeout_ms = 10000;
    settings->tcp_first_byte_timeout_ms = 3000;
    settings->tcp_message_timeout_ms = 10000;
    if (fixture->zone_file[0]) {
        set_zone(settings, fixture->zone_file);
    }
    return settings;
}

static void set_hints(fixture_t *fixture)
{
    hint_t *hint = &fixture->hints.servers[0];
    fixture->hints.count = 1;
    assert_int_equal(name_from_text(&hint->name, "ns.fake.", 8, NULL, NULL), STATUS_OK);
    hint->address_count = 1;
    hint->addresses[0] = (resolver_address_t){.family = RESOLVER_IPV4, .port = fixture->fake.port, .bytes = {127, 0, 0, 1}};
}

static void run_server(fixture_t *fixture)
{
    fixture->port = free_port();
    fixture->server = server_new(make_settings(fixture), NULL);
    assert_non_null(fixture->server);
    assert_int_equal(server_start(fixture->server), STATUS_OK);
    assert_int_equal(server_run(fixture->server), STATUS_OK);
}

static void begin(fixture_t *fixture, unsigned workers)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->workers = workers;
    fixture->waiting_max = 200;
    fake_server_start(&fixture->fake, SLOW_MS, "www.served.test.");
    set_hints(fixture);
}

static void end(fixture_t *fixture)
{
    server_stop(fixture->server);
    server_free(fixture->server);
    fake_server_stop(&fixture->fake);
}

/* ---- clients ---- */

typedef struct told {
    uint16_t flags;
    uint16_t rcode;
    uint16_t answers;
    uint8_t last_octet; /* of the last answer record */
} told_t;

static int client_new(const fixture_t *fixture, int type)
{
    net_address_t server = {.v4 = {.sin_family = AF_INET, .sin_port = htons(fixture->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &server.sa, sizeof server.v4), 0);
    return fd;
}

static size_t write_question(const char *text, uint16_t type, uint16_t id, uint8_t out[512])
{
    message_writer_t writer;
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    message_writer_init(&writer, out, 512, id, FLAG_RD);
    message_write_question(&writer, name.wire, type, CLASS_IN);
    assert_int_equal(message_write_opt(&writer, 1232, 0, 0, 0, NULL, 0), STATUS_OK);
    return message_writer_finish(&writer);
}

static void ask(int fd, const char *name, uint16_t type, uint16_t id)
{
    uint8_t message[512];
    size_t size = write_question(name, type, id, message);
    assert_int_equal(send(fd, message, size, 0), size);
}

static void read_message(const uint8_t *bytes, size_t size, told_t *told)
{
    message_t message;
    arena_t arena;
    arena_init(&arena, 0, 1 << 20);
    assert_int_equal(message_parse(&message, bytes, size, &arena), STATUS_OK);
    *told = (told_t){.flags = message.flags, .rcode = message.rcode, .answers = message.count[SECTION_ANSWER]};
    if (told->answers > 0) {
        const record_t *last = &message.records[SECTION_ANSWER][told->answers - 1];
        told->last_octet = last->rdata[last->rdlength - 1];
    }
    arena_clear(&arena);
}

/* False: nothing came. */
static bool hear(int fd, unsigned patience_ms, uint16_t id, told_t *told)
{
    uint8_t bytes[4096];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, (int)patience_ms) != 1) {
        return false;
    }
    ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    assert_true(size >= MESSAGE_HEADER_SIZE);
    assert_int_equal(load_be16(bytes), id);
    read_message(bytes, (size_t)size, told);
    return true;
}

static told_t resolve(const fixture_t *fixture, const char *name, uint16_t type)
{
    told_t told;
    int fd = client_new(fixture, SOCK_DGRAM);
    ask(fd, name, type, 77);
    assert_true(hear(fd, PATIENCE_MS, 77, &told));
    close(fd);
    return told;
}

typedef struct wanted {
    const char *name;
    uint64_t value;
} wanted_t;

static void take_counter(void *context, const char *name, uint64_t value)
{
    wanted_t *wanted = context;
    if (strcmp(name, wanted->name) == 0) {
        wanted->value = value;
    }
}

static uint64_t counter(const fixture_t *fixture, const char *name)
{
    wanted_t wanted = {.name = name, .value = UINT64_MAX};
    server_visit_counters(fixture->server, take_counter, &wanted);
    assert_int_not_equal(wanted.value, UINT64_MAX);
    return wanted.value;
}

static void wait_for_counter(const fixture_t *fixture, const char *name, uint64_t value)
{
    uint64_t end_ms = test_now_ms() + PATIENCE_MS;
    while (counter(fixture, name) != value && test_now_ms() < end_ms) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(counter(fixture, name), value);
}

/* ---- tests ---- */

static void test_resolves(void **state)
{
    (void)state;
    fixture_t fixture;
    begin(&fixture, 1);
    run_server(&fixture);
    for (unsigned i = 0; i < 3; i++) {
        told_t told = resolve(&fixture, "www.example.", TYPE_A);
        assert_int_equal(told.rcode, RCODE_NOERROR);
        assert_int_equal(told.answers, 1);
        assert_int_equal(told.flags & (FLAG_QR | FLAG_RD | FLAG_RA | FLAG_AA | FLAG_TC), FLAG_QR | FLAG_RD | FLAG_RA);
    }
    assert_int_equal(resolve(&fixture, "www.example.", TYPE_AAAA).answers, 0);
    assert_int_equal(fake_server_asked(&fixture.fake, "www.example.", TYPE_A), 1);
    assert_int_equal(counter(&fixture, "resolver.requests"), 2); /* the others came from the cache */
    assert_int_equal(counter(&fixture, "resolver.waiting"), 0);
    assert_true(counter(&fixture, "resolver.sent-udp") >= 2);
    assert_int_equal(counter(&fixture, "resolver.sent-udp"), counter(&fixture, "upstream.udp-sent"));
    end(&fixture);
}

static void test_streams(void **state)
{
    (void)state;
    fixture_t fixture;
    uint8_t message[2 + 512];
    uint8_t reply[4096];
    size_t have = 0;
    begin(&fixture, 2);
    run_server(&fixture);
    int fd = client_new(&fixture, SOCK_STREAM);
    size_t size = write_question("slow.example.", TYPE_A, 5, message + 2);
    store_be16(message, (uint16_t)size);
    assert_int_equal(send(fd, message, size + 2, 0), size + 2);
    while (have < 2 || have < 2u + load_be16(reply)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, PATIENCE_MS), 1);
        ssize_t got = recv(fd, reply + have, sizeof reply - have, 0);
        assert_true(got > 0);
        have += (size_t)got;
    }
    told_t told;
    read_message(reply + 2, have - 2, &told);
    assert_int_equal(told.answers, 1);
    close(fd);
    end(&fixture);
}

/* Clients of all workers ask the same: one message leaves. */
static void test_merges(void **state)
{
    (void)state;
    enum { CLIENTS = 64 };
    fixture_t fixture;
    int fds[CLIENTS];
    begin(&fixture, 4);
    run_server(&fixture);
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_new(&fixture, SOCK_DGRAM);
        ask(fds[i], "slow.example.", TYPE_A, (uint16_t)i);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        told_t told;
        assert_true(hear(fds[i], PATIENCE_MS, (uint16_t)i, &told));
        assert_int_equal(told.answers, 1);
        close(fds[i]);
    }
    assert_int_equal(fake_server_asked(&fixture.fake, "slow.example.", TYPE_A), 1);
    assert_int_equal(counter(&fixture, "resolver.requests"), CLIENTS);
    assert_true(counter(&fixture, "resolver.mailed") >= 1 && counter(&fixture, "resolver.mailed") <= 3);
    wait_for_counter(&fixture, "resolver.waiting", 0);
    end(&fixture);
}

/* Many different names through several workers, all at once. */
static void test_many_names(void **state)
{
    (void)state;
    enum { NAMES = 150 };
    fixture_t fixture;
    char name[64];
    int fds[NAMES];
    begin(&fixture, 3);
    run_server(&fixture);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%u.z%u.", i, i % 10);
        fds[i] = client_new(&fixture, SOCK_DGRAM);
        ask(fds[i], name, TYPE_A, (uint16_t)i);
    }
    for (unsigned i = 0; i < NAMES; i++) {
        told_t told;
        assert_true(hear(fds[i], PATIENCE_MS, (uint16_t)i, &told));
        assert_int_equal(told.rcode, RCODE_NOERROR);
        assert_int_equal(told.answers, 1);
        close(fds[i]);
    }
    wait_for_counter(&fixture, "resolver.waiting", 0);
    end(&fixture);
}

/* One client has its fill of requests that wait; the others are not concerned. */
static void test_denied(void **state)
{
    (void)state;
    enum { ASKED = 20, ALLOWED = 8 };
    fixture_t fixture;
    char name[64];
    unsigned refused = 0;
    unsigned answered = 0;
    begin(&fixture, 2);
    fixture.waiting_max = ALLOWED;
    run_server(&fixture);
    for (unsigned i = 0; i < ASKED; i++) {
        told_t told;
        int fd = client_new(&fixture, SOCK_DGRAM);
        snprintf(name, sizeof name, "silent%u.example.", i);
        ask(fd, name, TYPE_A, (uint16_t)i);
        if (i >= ALLOWED) {
            assert_true(hear(fd, PATIENCE_MS, (uint16_t)i, &told));
            refused += told.rcode == RCODE_REFUSED;
        } else {
            wait_for_counter(&fixture, "resolver.waiting", i + 1);
        }
        answered += i >= ALLOWED;
        close(fd);
    }
    assert_int_equal(refused, answered);
    assert_int_equal(counter(&fixture, "resolver.denied"), ASKED - ALLOWED);
    assert_int_equal(resolve(&fixture, "www.example.", TYPE_A).rcode, RCODE_REFUSED);
    end(&fixture);
}

/* New settings: those who wait keep what they wait for. */
static void test_reload(void **state)
{
    (void)state;
    enum { RELOADS = 5 };
    fixture_t fixture;
    int fds[RELOADS];
    char name[64];
    begin(&fixture, 3);
    run_server(&fixture);
    for (unsigned i = 0; i < RELOADS; i++) {
        buffer_t why;
        buffer_init(&why, 4096);
        snprintf(name, sizeof name, "slow%u.example.", i);
        fds[i] = client_new(&fixture, SOCK_DGRAM);
        ask(fds[i], name, TYPE_A, (uint16_t)i);
        wait_for_counter(&fixture, "resolver.requests", 2 * i + 1);
        assert_int_equal(server_reload(fixture.server, make_settings(&fixture), &why), STATUS_OK);
        buffer_clear(&why);
        snprintf(name, sizeof name, "new%u.example.", i);
        assert_int_equal(resolve(&fixture, name, TYPE_A).answers, 1);
    }
    for (unsigned i = 0; i < RELOADS; i++) {
        told_t told;
        assert_true(hear(fds[i], PATIENCE_MS, (uint16_t)i, &told));
        assert_int_equal(told.answers, 1);
        snprintf(name, sizeof name, "slow%u.example.", i);
        assert_int_equal(fake_server_asked(&fixture.fake, name, TYPE_A), 1);
        close(fds[i]);
    }
    wait_for_counter(&fixture, "resolver.waiting", 0);
    end(&fixture);
}

typedef struct load {
    const fixture_t *fixture;
    _Atomic bool ends;
    unsigned asked;
    unsigned answered;
} load_t;

/* Keeps a window of questions open, some of them slow, until told to end. */
static void *put_load(void *context)
{
    enum { WINDOW = 32 };
    load_t *load = context;
    int fds[WINDOW];
    while (!atomic_load(&load->ends)) {
        for (unsigned i = 0; i < WINDOW; i++) {
            char name[64];
            fds[i] = client_new(load->fixture, SOCK_DGRAM);
            snprintf(name, sizeof name, i % 4 == 0 ? "slow%u.example." : "n%u.example.", load->asked++ % 300);
            ask(fds[i], name, TYPE_A, (uint16_t)i);
        }
        for (unsigned i = 0; i < WINDOW; i++) {
            told_t told = {.answers = 0};
            load->answered += hear(fds[i], PATIENCE_MS, (uint16_t)i, &told) && told.answers == 1;
            close(fds[i]);
        }
    }
    return NULL;
}

/* Generation after generation, while clients ask: not one question is lost. */
static void test_reload_under_load(void **state)
{
    (void)state;
    enum { RELOADS = 12 };
    fixture_t fixture;
    pthread_t thread;
    begin(&fixture, 3);
    run_server(&fixture);
    load_t load = {.fixture = &fixture};
    assert_int_equal(pthread_create(&thread, NULL, put_load, &load), 0);
    for (unsigned i = 0; i < RELOADS; i++) {
        buffer_t why;
        buffer_init(&why, 4096);
        assert_int_equal(server_reload(fixture.server, make_settings(&fixture), &why), STATUS_OK);
        buffer_clear(&why);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    atomic_store(&load.ends, true);
    pthread_join(thread, NULL);
    assert_true(load.asked >= 100);
    assert_int_equal(load.answered, load.asked);
    wait_for_counter(&fixture, "resolver.waiting", 0);
    end(&fixture);
}

/* Recursion is switched off and on again by reloads. */
static void test_switch(void **state)
{
    (void)state;
    fixture_t fixture;
    begin(&fixture, 2);
    run_server(&fixture);
    for (unsigned i = 0; i < 4; i++) {
        buffer_t why;
        buffer_init(&why, 4096);
        server_settings_t *settings = make_settings(&fixture);
        settings->recursion.enabled = i % 2 != 0;
        assert_int_equal(server_reload(fixture.server, settings, &why), STATUS_OK);
        buffer_clear(&why);
        assert_int_equal(resolve(&fixture, "www.example.", TYPE_A).rcode, i % 2 != 0 ? RCODE_NOERROR : RCODE_REFUSED);
    }
    end(&fixture);
}

/* The end does not wait for silent servers, and tells those who wait. */
static void test_stop(void **state)
{
    (void)state;
    enum { WAITING = 30 };
    fixture_t fixture;
    int fds[WAITING];
    char name[64];
    begin(&fixture, 4);
    run_server(&fixture);
    for (unsigned i = 0; i < WAITING; i++) {
        snprintf(name, sizeof name, i % 2 == 0 ? "silent%u.example." : "slow%u.example.", i % 10);
        fds[i] = client_new(&fixture, SOCK_DGRAM);
        ask(fds[i], name, TYPE_A, (uint16_t)i);
    }
    wait_for_counter(&fixture, "resolver.requests", WAITING);
    uint64_t begin_ms = test_now_ms();
    server_stop(fixture.server);
    assert_true(test_now_ms() - begin_ms < 3000);
    for (unsigned i = 0; i < WAITING; i++) {
        told_t told;
        assert_true(hear(fds[i], 0, (uint16_t)i, &told));
        assert_int_equal(told.rcode, i % 2 == 0 ? RCODE_SERVFAIL : RCODE_NOERROR);
        close(fds[i]);
    }
    end(&fixture);
}

static void make_zone(fixture_t *fixture)
{
    static const char zone[] = "$TTL 3600\n@ SOA ns host 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.8\nwww A 192.0.2.9\n";
    snprintf(fixture->zone_file, sizeof fixture->zone_file, "/tmp/portolan-recursor-XXXXXX");
    int fd = mkstemp(fixture->zone_file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, zone, sizeof zone - 1), sizeof zone - 1);
    close(fd);
}

/* An alias that leads into a zone of ours: no message is sent for it. */
static void test_served_zone(void **state)
{
    (void)state;
    fixture_t fixture;
    begin(&fixture, 2);
    make_zone(&fixture);
    run_server(&fixture);
    told_t told = resolve(&fixture, "alias.example.", TYPE_A);
    assert_int_equal(told.rcode, RCODE_NOERROR);
    assert_int_equal(told.answers, 2);
    assert_int_equal(told.last_octet, 9);
    assert_int_equal(fake_server_asked(&fixture.fake, "www.served.test.", TYPE_A), 0);
    assert_int_equal(fake_server_asked(&fixture.fake, "test.", TYPE_A), 0);
    assert_int_equal(counter(&fixture, "resolver.served"), 1);
    assert_true(resolve(&fixture, "www.served.test.", TYPE_A).flags & FLAG_AA);
    unlink(fixture.zone_file);
    end(&fixture);
}

/* A zone that we serve from now on: what others said of it is forgotten. */
static void test_served_from_now_on(void **state)
{
    (void)state;
    fixture_t fixture;
    buffer_t why;
    begin(&fixture, 2);
    run_server(&fixture);
    assert_int_equal(resolve(&fixture, "alias.example.", TYPE_A).last_octet, 1);
    assert_int_equal(resolve(&fixture, "alias2.example.", TYPE_A).last_octet, 1);
    assert_int_equal(fake_server_asked(&fixture.fake, "www.served.test.", TYPE_A), 1); /* it is in the cache */
    make_zone(&fixture);
    buffer_init(&why, 4096);
    assert_int_equal(server_reload(fixture.server, make_settings(&fixture), &why), STATUS_OK);
    buffer_clear(&why);
    assert_int_equal(resolve(&fixture, "alias3.example.", TYPE_A).last_octet, 9);
    assert_int_equal(fake_server_asked(&fixture.fake, "www.served.test.", TYPE_A), 1);
    unlink(fixture.zone_file);
    end(&fixture);
}

/* ---- trust ---- */

static void free_trust(server_trust_t *trust)
{
    free(trust);
}

static server_trust_t *new_trust(void)
{
    server_trust_t *trust = calloc(1, sizeof *trust);
    assert_non_null(trust);
    trust->free = free_trust;
    return trust;
}

/* Each trust is freed once, while questions are in work. */
static void test_trust(void **state)
{
    (void)state;
    fixture_t fixture;
    begin(&fixture, 2);
    run_server(&fixture);
    int fd = client_new(&fixture, SOCK_DGRAM);
    ask(fd, "slow.example.", TYPE_A, 1);
    for (unsigned i = 0; i < 10; i++) {
        server_set_trust(fixture.server, new_trust());
    }
    server_set_trust(fixture.server, NULL);
    server_set_trust(fixture.server, new_trust());
    told_t told;
    assert_true(hear(fd, PATIENCE_MS, 1, &told));
    assert_int_equal(told.answers, 1);
    close(fd);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolves),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_merges),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_denied),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_reload_under_load),
        cmocka_unit_test(test_switch),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_served_zone),
        cmocka_unit_test(test_served_from_now_on),
        cmocka_unit_test(test_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
