/* net/upstream: settings, queries, and UDP towards servers in the same thread. */
#include "upstream_fixture.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { PORTS = 65536 };

/* ---- the plain case ---- */

static void exchange(int family)
{
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    int fd = server_socket(family, SOCK_DGRAM, &server);
    if (fd < 0) {
        fixture_free(f);
        skip();
    }
    send_query(f, NET_UDP, &server, 4711, 1);
    assert_int_equal(upstream_outstanding(f->upstream), 1);
    assert_int_equal(take_query(fd, &client), 4711);
    send_reply(fd, &client, 4711, 100);
    settle_down(f);
    assert_int_equal(f->replies[1], 1);
    assert_int_equal(f->size[1], 100);
    assert_int_equal(f->last_octet[1], 0x5a);
    assert_int_equal(upstream_outstanding(f->upstream), 0);
    close(fd);
    fixture_free(f);
}

static void test_exchange_v4(void **state)
{
    (void)state;
    exchange(AF_INET);
}

static void test_exchange_v6(void **state)
{
    (void)state;
    exchange(AF_INET6);
}

static void test_settings_are_checked(void **state)
{
    (void)state;
    upstream_environment_t environment = {.epoll_fd = -1, .random = {.next = next_random, .context = &(fixture_t){.now_ms = 0}}};
    upstream_t *upstream = NULL;
    upstream_settings_t bad[6];
    for (size_t i = 0; i < 6; i++) {
        bad[i] = settings_for_test();
    }
    bad[0].queries_max = 0;
    bad[1].udp_uses_max = 0;
    bad[2].port_low = 2000;
    bad[2].port_high = 1999;
    bad[3].tcp_connections_per_server_max = bad[3].tcp_connections_max + 1;
    bad[4].source_count = 1; /* of no family */
    bad[5].port_high = 1999; /* port 0 is none */
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(upstream_new(&environment, &bad[i], &upstream), STATUS_INVALID);
    }
    assert_null(upstream);
}

/* ---- ports ---- */

typedef struct spread {
    unsigned seen[PORTS]; /* how often each port was drawn */
    unsigned distinct;
    unsigned total;
} spread_t;

/* Pearson's statistic of the ports over 64 equal parts of low..high: about 63, plus or minus 11. */
static double chi_square(const spread_t *spread, unsigned low, unsigned high)
{
    unsigned parts[64] = {0};
    double expected = (double)spread->total / 64;
    double sum = 0;
    for (unsigned port = low; port <= high; port++) {
        parts[(port - low) * 64 / (high - low + 1)] += spread->seen[port];
    }
    for (unsigned i = 0; i < 64; i++) {
        sum += (parts[i] - expected) * (parts[i] - expected) / expected;
    }
    return sum;
}

/* `total` queries, 32 at a time; the ports that the server saw. */
static void ask_many(fixture_t *f, int fd, const net_address_t *server, unsigned total, spread_t *spread)
{
    for (unsigned sent = 0; sent < total;) {
        bool in_use[PORTS] = {false};
        net_address_t clients[32];
        uint16_t ids[32];
        for (unsigned i = 0; i < 32; i++, sent++) {
            send_query(f, NET_UDP, server, (uint16_t)next_random(f), i);
        }
        for (unsigned i = 0; i < 32; i++) {
            ids[i] = take_query(fd, &clients[i]);
            uint16_t port = net_address_port(&clients[i]);
            assert_false(in_use[port]); /* never two outstanding queries on one port */
            in_use[port] = true;
            spread->distinct += spread->seen[port]++ == 0;
            spread->total++;
        }
        for (unsigned i = 32; i-- > 0;) {
            send_reply(fd, &clients[i], ids[i], HEADER + 1 + i);
        }
        await_all(f);
    }
    assert_int_equal(f->total_replies, total);
}

static void check_spread(uint16_t low, uint16_t high, unsigned uses)
{
    enum { TOTAL = 16000 };
    unsigned first = low;
    unsigned last = high;
    upstream_settings_t settings = settings_for_test();
    settings.port_low = low;
    settings.port_high = high;
    settings.udp_uses_max = uses;
    settings.udp_sockets_max = 64;
    if (low == 0) {
        char line[64] = "";
        char *behind = line;
        FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
        if (!file || !fgets(line, sizeof line, file)) {
            skip();
        }
        fclose(file);
        first = (unsigned)strtoul(line, &behind, 10);
        last = (unsigned)strtoul(behind, NULL, 10);
        assert_int_equal(upstream_system_ports(), last - first + 1);
    }
    fixture_t *f = fixture_new(&settings);
    spread_t *spread = calloc(1, sizeof *spread);
    net_address_t server;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    ask_many(f, fd, &server, TOTAL, spread);
    unsigned range = last - first + 1;
    unsigned drawn = TOTAL / uses;
    for (unsigned port = 0; port < PORTS; port++) {
        assert_true(spread->seen[port] == 0 || (port >= first && port <= last));
    }
    /* Of n draws among r ports about n - n^2/2r are distinct (somewhat fewer collide, as ports in use are not drawn). */
    double expected = drawn - (double)drawn * drawn / (2.0 * range);
    assert_true(spread->distinct > expected * 0.95 && spread->distinct <= drawn);
    if (uses == 1) {
        assert_true(chi_square(spread, first, last) < 63 + 7 * 11.3);
    }
    assert_int_equal(counted(f, NET_UPSTREAM_UDP_PORTS), drawn);
    assert_true(low != 0 || counted(f, NET_UPSTREAM_SOCKETS_OPENED) <= 64); /* the system's ports cost no new descriptors */
    free(spread);
    close(fd);
    fixture_free(f);
}

static void test_own_ports_are_spread(void **state)
{
    (void)state;
    check_spread(20000, 20000 + 32767, 1);
}

static void test_system_ports_are_spread(void **state)
{
    (void)state;
    check_spread(0, 0, 1);
}

static void test_ports_wear_out(void **state)
{
    (void)state;
    check_spread(0, 0, 5);
    check_spread(20000, 20000 + 32767, 5);
}

/* Who sees one server's ports learns nothing of another's. */
static void check_ports_are_not_shared(uint16_t low, uint16_t high)
{
    upstream_settings_t settings = settings_for_test();
    settings.port_low = low;
    settings.port_high = high;
    settings.udp_sockets_max = 2; /* as much temptation as can be */
    settings.udp_uses_max = 100;
    fixture_t *f = fixture_new(&settings);
    uint8_t *seen = calloc(2, PORTS);
    unsigned shared = 0;
    net_address_t server[3];
    int fd[3];
    for (unsigned i = 0; i < 3; i++) {
        fd[i] = server_socket(AF_INET, SOCK_DGRAM, &server[i]);
    }
    for (unsigned i = 0; i < 900; i++) { /* three servers, two sockets: each turn needs another port */
        net_address_t client;
        unsigned which = i % 3;
        uint16_t id = (uint16_t)next_random(f);
        send_query(f, NET_UDP, &server[which], id, 1);
        assert_int_equal(take_query(fd[which], &client), id);
        seen[net_address_port(&client)] |= (uint8_t)(1u << which);
        send_reply(fd[which], &client, id, 50);
        await_all(f);
    }
    for (unsigned port = 0; port < PORTS; port++) {
        shared += (seen[port] & (seen[port] - 1)) != 0;
    }
    assert_int_equal(f->total_replies, 900);
    assert_true(shared < 40); /* by chance: 3 * 300^2 / 28,232 = 10; were ports shared it would be hundreds, or 2 */
    assert_true(counted(f, NET_UPSTREAM_UDP_PORTS) > 890);
    for (unsigned i = 0; i < 3; i++) {
        close(fd[i]);
    }
    free(seen);
    fixture_free(f);
}

static void test_ports_are_not_shared(void **state)
{
    (void)state;
    check_ports_are_not_shared(0, 0);
    check_ports_are_not_shared(20000, 60000);
}

static void test_ports_grow_old(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.udp_life_ms = 100;
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    uint16_t ports[4];
    for (unsigned i = 0; i < 4; i++) { /* at 0, 60, 120 and 180 ms: the third is too late for the first one's port */
        send_query(f, NET_UDP, &server, (uint16_t)(i + 1), i);
        take_query(fd, &client);
        ports[i] = net_address_port(&client);
        send_reply(fd, &client, (uint16_t)(i + 1), 20);
        settle_down(f);
        f->now_ms += 60;
    }
    assert_int_equal(f->total_replies, 4);
    assert_int_equal(ports[0], ports[1]);
    assert_int_not_equal(ports[1], ports[2]);
    assert_int_equal(ports[2], ports[3]);
    assert_true(upstream_next_deadline_ms(f->upstream) <= f->now_ms);
    upstream_tick(f->upstream, f->now_ms);
    assert_true(upstream_next_deadline_ms(f->upstream) == UINT64_MAX);
    close(fd);
    fixture_free(f);
}

/* With few ports of our own, those that others have are left out. */
static void test_taken_ports(void **state)
{
    (void)state;
    net_address_t taken;
    int other = server_socket(AF_INET, SOCK_DGRAM, &taken);
    upstream_settings_t settings = settings_for_test();
    settings.port_low = settings.port_high = net_address_port(&taken);
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    upstream_ticket_t ticket;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    assert_int_equal(try_send(f, NET_UDP, &server, 1, 1, &ticket), STATUS_LIMIT);
    assert_int_equal(counted(f, NET_UPSTREAM_PORT_TAKEN), 16);
    assert_int_equal(counted(f, NET_UPSTREAM_LIMITED), 1);
    close(other);
    assert_int_equal(try_send(f, NET_UDP, &server, 1, 1, &ticket), STATUS_OK);
    close(fd);
    fixture_free(f);
}

static void check_source(uint16_t low, uint16_t high)
{
    upstream_settings_t settings = settings_for_test();
    settings.port_low = low;
    settings.port_high = high;
    settings.udp_uses_max = 1;
    settings.udp_sockets_max = 2;
    settings.source_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        settings.sources[i] = loopback(AF_INET);
        settings.sources[i].v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 4 + i);
    }
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    unsigned seen[2] = {0};
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    for (uint16_t i = 0; i < 20; i += 2) { /* both sockets at once */
        send_query(f, NET_UDP, &server, i, i);
        send_query(f, NET_UDP, &server, i + 1, i + 1);
        for (unsigned both = 0; both < 2; both++) {
            uint16_t id = take_query(fd, &client);
            uint32_t which = ntohl(client.v4.sin_addr.s_addr) - INADDR_LOOPBACK - 4;
            assert_in_range(which, 0, 1);
            seen[which]++;
            send_reply(fd, &client, id, 20);
        }
        settle_down(f);
    }
    assert_int_equal(f->total_replies, 20);
    assert_true(low == 0 || (seen[0] > 0 && seen[1] > 0));
    close(fd);
    fixture_free(f);
}

static void test_configured_sources(void **state)
{
    (void)state;
    check_source(0, 0);
    check_source(20000, 60000);
}

/* ---- what must not be believed ---- */

static void test_not_mine_goes_on_waiting(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t stranger_address;
    net_address_t client;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    int stranger = server_socket(AF_INET, SOCK_DGRAM, &stranger_address);
    send_query(f, NET_UDP, &server, 77, 3);
    take_query(fd, &client);
    for (uint16_t guess = 0; guess < 20; guess++) {
        send_reply(fd, &client, guess, 40); /* the right source, a wrong id */
    }
    send_reply(stranger, &client, 77, 40); /* the right id, a wrong source */
    send_reply(fd, &client, 77, 5);        /* no message */
    settle_down(f);
    assert_int_equal(f->not_mine, 20);
    assert_int_equal(f->replies[3], 0);
    assert_int_equal(upstream_outstanding(f->upstream), 1);
    assert_int_equal(counted(f, NET_UPSTREAM_MALFORMED), 1);
    send_reply(fd, &client, 77, 40);
    settle_down(f);
    assert_int_equal(f->replies[3], 1);
    close(fd);
    close(stranger);
    fixture_free(f);
}

/* Somebody has found the port and guesses at ids: the queries that come after this one must not give him more of them to guess at. */
static void test_a_port_that_was_guessed_at_is_given_up(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client[3];
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    send_query(f, NET_UDP, &server, 10, 1);
    take_query(fd, &client[0]);
    send_reply(fd, &client[0], 10, 40);
    settle_down(f);
    send_query(f, NET_UDP, &server, 11, 2); /* all was well: the port serves again */
    take_query(fd, &client[1]);
    assert_int_equal(net_address_port(&client[0]), net_address_port(&client[1]));
    send_reply(fd, &client[1], 77, 40);
    send_reply(fd, &client[1], 11, 40);
    settle_down(f);
    assert_int_equal(f->not_mine, 1);
    assert_int_equal(f->replies[2], 1);
    send_query(f, NET_UDP, &server, 12, 3);
    take_query(fd, &client[2]);
    assert_int_not_equal(net_address_port(&client[1]), net_address_port(&client[2]));
    close(fd);
    fixture_free(f);
}

/* What one server left in a socket's queue is not shown as another's. */
static void test_leftovers_are_not_the_next_server_s(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.udp_sockets_max = 1;
    settings.udp_uses_max = 1;
    fixture_t *f = fixture_new(&settings);
    net_address_t evil;
    net_address_t good;
    net_address_t client;
    int evil_fd = server_socket(AF_INET, SOCK_DGRAM, &evil);
    int good_fd = server_socket(AF_INET, SOCK_DGRAM, &good);
    upstream_ticket_t ticket = send_query(f, NET_UDP, &evil, 1, 1);
    take_query(evil_fd, &client);
    upstream_cancel(f->upstream, ticket);
    for (unsigned i = 0; i < 3; i++) {
        send_reply(evil_fd, &client, 2, 40);
    }
    send_query(f, NET_UDP, &good, 2, 2);
    take_query(good_fd, &client);
    settle_down(f);
    assert_int_equal(f->total_replies, 0);
    assert_int_equal(counted(f, NET_UPSTREAM_WRONG_SOURCE), 3);
    send_reply(good_fd, &client, 2, 40);
    settle_down(f);
    assert_int_equal(f->replies[2], 1);
    close(evil_fd);
    close(good_fd);
    fixture_free(f);
}

static void test_cancelled_ones_are_late(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client[4];
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    upstream_ticket_t first = send_query(f, NET_UDP, &server, 10, 1);
    take_query(fd, &client[0]);
    upstream_cancel(f->upstream, first);
    upstream_cancel(f->upstream, first); /* void already */
    assert_int_equal(upstream_outstanding(f->upstream), 0);

    upstream_ticket_t second = send_query(f, NET_UDP, &server, 10, 2); /* the same id needs another port */
    take_query(fd, &client[1]);
    assert_int_not_equal(net_address_port(&client[0]), net_address_port(&client[1]));
    send_query(f, NET_UDP, &server, 11, 3); /* another id does not */
    take_query(fd, &client[2]);
    assert_int_equal(net_address_port(&client[0]), net_address_port(&client[2]));

    send_reply(fd, &client[0], 10, 40);
    settle_down(f);
    assert_int_equal(counted(f, NET_UPSTREAM_LATE), 1);
    assert_int_equal(f->not_mine + f->total_replies, 0);
    upstream_cancel(f->upstream, first); /* its slot has another query perhaps */
    assert_int_equal(upstream_outstanding(f->upstream), 2);
    send_reply(fd, &client[2], 11, 40);
    send_reply(fd, &client[1], 10, 40);
    settle_down(f);
    assert_int_equal(f->replies[2], 1);
    assert_int_equal(f->replies[3], 1);
    send_reply(fd, &client[1], 10, 40); /* twice */
    settle_down(f);
    assert_int_equal(counted(f, NET_UPSTREAM_LATE), 2);
    upstream_cancel(f->upstream, second);
    assert_int_equal(f->total_replies, 2);
    close(fd);
    fixture_free(f);
}

static void test_big_replies(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    send_query(f, NET_UDP, &server, 1, 1);
    take_query(fd, &client);
    send_reply(fd, &client, 1, UPSTREAM_UDP_MESSAGE_MAX + 1);
    settle_down(f);
    assert_int_equal(counted(f, NET_UPSTREAM_OVERSIZED), 1);
    assert_int_equal(f->replies[1], 0);
    send_reply(fd, &client, 1, UPSTREAM_UDP_MESSAGE_MAX);
    settle_down(f);
    assert_int_equal(f->replies[1], 1);
    assert_int_equal(f->size[1], UPSTREAM_UDP_MESSAGE_MAX);
    assert_int_equal(f->last_octet[1], 0x5a);
    close(fd);
    fixture_free(f);
}

/* ---- fragments, in a network of its own ---- */

/* A loopback whose packets hold 1,500 bytes. False: not allowed here. */
static bool enter_narrow_network(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_mtu = 1500};
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return false;
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && ioctl(fd, SIOCSIFMTU, &request) == 0;
    request = (struct ifreq){.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    good = good && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return good;
}

/* Replies that a reply in fragments brings, or -1. */
static int replies_in_fragments(int family, bool allowed)
{
    upstream_settings_t settings = settings_for_test();
    settings.udp_fragments_allowed = allowed;
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    int fd = server_socket(family, SOCK_DGRAM, &server);
    if (fd < 0) {
        fixture_free(f);
        return allowed ? 1 : 0; /* the family is missing */
    }
    send_query(f, NET_UDP, &server, 1, 1);
    take_query(fd, &client);
    send_reply(fd, &client, 1, 3000);
    settle_down(f);
    int replies = (int)f->replies[1];
    bool counters_agree = counted(f, NET_UPSTREAM_FRAGMENTED) == (allowed ? 0 : 1);
    send_reply(fd, &client, 1, 1400);
    settle_down(f);
    bool goes_on = f->replies[1] == 1;
    close(fd);
    fixture_free(f);
    return counters_agree && goes_on ? replies : -1;
}

static void test_fragments_are_dropped(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!enter_narrow_network()) {
            _exit(77);
        }
        bool good = replies_in_fragments(AF_INET, false) == 0 && replies_in_fragments(AF_INET, true) == 1 &&
                    replies_in_fragments(AF_INET6, false) == 0 && replies_in_fragments(AF_INET6, true) == 1;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- errors ---- */

static void test_refused_is_told_to_whom_it_belongs(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    net_address_t nobody = closed_port(SOCK_DGRAM);
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    send_query(f, NET_UDP, &server, 1, 1);
    send_query(f, NET_UDP, &nobody, 2, 2);
    send_query(f, NET_UDP, &server, 3, 3);
    settle_down(f);
    assert_int_equal(f->total_failures, 1);
    assert_int_equal(f->failures[2], 1);
    assert_int_equal(f->failure[2], UPSTREAM_REFUSED);
    for (unsigned i = 0; i < 2; i++) {
        uint16_t id = take_query(fd, &client);
        send_reply(fd, &client, id, 30);
    }
    settle_down(f);
    assert_int_equal(f->total_replies, 2);
    assert_int_equal(upstream_outstanding(f->upstream), 0);
    close(fd);
    fixture_free(f);
}

/* An error that came for a query that is over does not end the next one on the same descriptor. */
static void test_refused_late(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.udp_sockets_max = 1;
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    net_address_t nobody = closed_port(SOCK_DGRAM);
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    upstream_cancel(f->upstream, send_query(f, NET_UDP, &nobody, 1, 1));
    send_query(f, NET_UDP, &server, 2, 2);
    settle_down(f);
    assert_int_equal(f->total_failures, 0);
    assert_int_equal(take_query(fd, &client), 2);
    send_reply(fd, &client, 2, 30);
    settle_down(f);
    assert_int_equal(f->replies[2], 1);
    close(fd);
    fixture_free(f);
}

static void test_no_way_to_the_server(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t broadcast = loopback(AF_INET);
    upstream_ticket_t ticket;
    broadcast.v4.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    broadcast.v4.sin_port = htons(53);
    assert_int_equal(try_send(f, NET_UDP, &broadcast, 1, 1, &ticket), STATUS_IO);
    assert_int_equal(try_send(f, NET_TCP, &broadcast, 1, 1, &ticket), STATUS_IO);
    assert_int_equal(upstream_outstanding(f->upstream), 0);
    assert_int_equal(f->total_failures, 0);
    fixture_free(f);
}

/* ---- limits ---- */

static void test_pool_is_bounded(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.udp_sockets_max = 8;
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t client;
    upstream_ticket_t ticket;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    for (uint16_t i = 0; i < 8; i++) {
        send_query(f, NET_UDP, &server, i, i);
    }
    assert_int_equal(try_send(f, NET_UDP, &server, 9, 9, &ticket), STATUS_LIMIT);
    assert_int_equal(counted(f, NET_UPSTREAM_LIMITED), 1);
    uint16_t id = take_query(fd, &client);
    send_reply(fd, &client, id, 30);
    settle_down(f);
    assert_int_equal(try_send(f, NET_UDP, &server, 9, 9, &ticket), STATUS_OK);
    assert_int_equal(upstream_outstanding(f->upstream), 8);
    close(fd);
    fixture_free(f);
}

static void test_queries_are_bounded(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.queries_max = 3;
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    upstream_ticket_t ticket;
    upstream_ticket_t first = 0;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    for (uint16_t i = 0; i < 3; i++) {
        ticket = send_query(f, NET_UDP, &server, i, i);
        first = first ? first : ticket;
    }
    assert_int_equal(try_send(f, NET_UDP, &server, 9, 9, &ticket), STATUS_LIMIT);
    upstream_cancel(f->upstream, first);
    assert_int_equal(try_send(f, NET_UDP, &server, 9, 9, &ticket), STATUS_OK);
    close(fd);
    fixture_free(f);
}

static void test_without_descriptors(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t server;
    net_address_t other;
    net_address_t client;
    upstream_ticket_t ticket;
    struct rlimit before;
    int fd = server_socket(AF_INET, SOCK_DGRAM, &server);
    int other_fd = server_socket(AF_INET, SOCK_DGRAM, &other);
    send_query(f, NET_UDP, &server, 1, 1);
    take_query(fd, &client);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max}), 0);
    assert_int_equal(try_send(f, NET_UDP, &server, 2, 2, &ticket), STATUS_LIMIT);
    assert_int_equal(try_send(f, NET_TCP, &server, 2, 2, &ticket), STATUS_LIMIT);
    assert_int_equal(counted(f, NET_UPSTREAM_NO_DESCRIPTORS), 2);
    send_reply(fd, &client, 1, 30);
    settle_down(f);
    assert_int_equal(f->replies[1], 1); /* the others go on */
    /* One descriptor that does no work makes room. */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = (rlim_t)other_fd + 2, .rlim_max = before.rlim_max}), 0);
    assert_int_equal(try_send(f, NET_UDP, &other, 3, 3, &ticket), STATUS_OK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(take_query(other_fd, &client), 3);
    send_reply(other_fd, &client, 3, 30);
    settle_down(f);
    assert_int_equal(f->replies[3], 1);
    close(fd);
    close(other_fd);
    fixture_free(f);
}

/* ---- handlers that act ---- */

typedef struct chain {
    net_address_t server;
    upstream_ticket_t victim;
    unsigned left;
} chain_t;

static void send_the_next(fixture_t *f, const upstream_reply_t *reply)
{
    chain_t *chain = f->extra;
    assert_true(net_address_equal(reply->server, &chain->server));
    upstream_cancel(f->upstream, chain->victim);
    if (chain->left > 0) {
        chain->left--;
        chain->victim = send_query(f, NET_UDP, &chain->server, 7, 200); /* never answered */
        send_query(f, NET_UDP, &chain->server, (uint16_t)(1000 + chain->left), reply->owner + 1);
    }
}

static void test_handlers_may_send_and_cancel(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t client;
    chain_t chain = {.left = 100};
    int fd = server_socket(AF_INET, SOCK_DGRAM, &chain.server);
    f->on_reply = send_the_next;
    f->extra = &chain;
    send_query(f, NET_UDP, &chain.server, 1000, 1);
    for (unsigned answered = 0; answered < 101;) {
        uint16_t id = take_query(fd, &client);
        if (id != 7) {
            send_reply(fd, &client, id, 30);
            answered++;
            run_round(f, 1000);
        }
    }
    assert_int_equal(f->total_replies, 101);
    assert_int_equal(upstream_outstanding(f->upstream), 0);
    close(fd);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange_v4),
        cmocka_unit_test(test_exchange_v6),
        cmocka_unit_test(test_settings_are_checked),
        cmocka_unit_test(test_own_ports_are_spread),
        cmocka_unit_test(test_system_ports_are_spread),
        cmocka_unit_test(test_ports_wear_out),
        cmocka_unit_test(test_ports_are_not_shared),
        cmocka_unit_test(test_ports_grow_old),
        cmocka_unit_test(test_taken_ports),
        cmocka_unit_test(test_configured_sources),
        cmocka_unit_test(test_not_mine_goes_on_waiting),
        cmocka_unit_test(test_a_port_that_was_guessed_at_is_given_up),
        cmocka_unit_test(test_leftovers_are_not_the_next_server_s),
        cmocka_unit_test(test_cancelled_ones_are_late),
        cmocka_unit_test(test_big_replies),
        cmocka_unit_test(test_fragments_are_dropped),
        cmocka_unit_test(test_refused_is_told_to_whom_it_belongs),
        cmocka_unit_test(test_refused_late),
        cmocka_unit_test(test_no_way_to_the_server),
        cmocka_unit_test(test_pool_is_bounded),
        cmocka_unit_test(test_queries_are_bounded),
        cmocka_unit_test(test_without_descriptors),
        cmocka_unit_test(test_handlers_may_send_and_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
