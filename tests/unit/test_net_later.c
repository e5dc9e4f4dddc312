/* net/udp and net/tcp: answers that come later, through real sockets on the loopback, all in one thread. */
#include "base/bytes.h"
#include "base/rcu.h"
#include "base/require.h"
#include "net/address.h"
#include "net/event.h"
#include "net/socket.h"
#include "net/tcp.h"
#include "net/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
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

enum {
    KEPT_MAX = 512,
    ROUNDS_MAX = 2000,
    REQUEST_SIZE = 16, /* a header, and what is wanted */
    IN_WORK_MAX = 128, /* as net/tcp_connection.h says */
    STREAM_MESSAGES = 40,
    STREAM_MESSAGE_SIZE = 60000,
};

/* What a request asks the handler for, in its 13th byte. */
enum { ASK_NOW = 'n', ASK_LATER = 'l', ASK_WITHIN = 'w', ASK_NEXT = 'x', ASK_STREAM = 's' };

typedef struct kept {
    net_route_t route;
    uint16_t id;
    bool done;
} kept_t;

typedef struct world {
    int epoll_fd;
    net_quota_t *quota;
    net_counters_t counters;
    udp_t *udp;
    tcp_t *tcp;
    net_address_t address; /* of TCP */
    unsigned kept_count;
    size_t within_size; /* of answers given within the handler */
    kept_t kept[KEPT_MAX];
} world_t;

/* ---- the handler ---- */

typedef struct messages {
    net_stream_t stream;
    unsigned left;
} messages_t;

static void write_answer(uint8_t *out, size_t size, uint16_t id)
{
    for (size_t i = 2; i < size; i++) {
        out[i] = (uint8_t)(id + i);
    }
    store_be16(out, id);
}

static status_t next_message(net_stream_t *stream, uint8_t *out, size_t capacity, size_t *size)
{
    messages_t *messages = (messages_t *)stream;
    assert_true(capacity >= 65535);
    if (messages->left-- == 0) {
        return STATUS_END;
    }
    write_answer(out, STREAM_MESSAGE_SIZE, 0xffff);
    *size = STREAM_MESSAGE_SIZE;
    return STATUS_OK;
}

static void free_messages(net_stream_t *stream)
{
    free(stream);
}

static void answer_kept(world_t *world, unsigned i, size_t size)
{
    uint8_t message[65535];
    kept_t *kept = &world->kept[i];
    assert_true(i < world->kept_count && !kept->done);
    kept->done = true;
    write_answer(message, size, kept->id);
    kept->route.later->answer(&kept->route, message, size, 0);
}

static void keep(world_t *world, const net_client_t *client, uint16_t id)
{
    kept_t *kept = &world->kept[world->kept_count++];
    assert_true(world->kept_count <= KEPT_MAX);
    *kept = (kept_t){.id = id};
    client->later->keep(client->later, client, &kept->route);
    assert_ptr_equal(kept->route.later, client->later);
    assert_true(net_address_equal(&kept->route.client, client->address));
}

static void handle(void *context, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                   net_reply_t *reply)
{
    world_t *world = context;
    uint16_t id = load_be16(request);
    assert_int_equal(size, REQUEST_SIZE);
    assert_true(capacity >= REQUEST_SIZE);
    switch (request[12]) {
    case ASK_NOW:
        write_answer(out, REQUEST_SIZE, id);
        reply->size = REQUEST_SIZE;
        break;
    case ASK_STREAM: {
        messages_t *messages = malloc(sizeof *messages);
        assert_non_null(messages);
        *messages = (messages_t){.stream = {.next = next_message, .free = free_messages}, .left = STREAM_MESSAGES};
        reply->stream = &messages->stream;
        break;
    }
    default:
        keep(world, client, id);
        reply->later = true;
        if (request[12] == ASK_WITHIN) {
            answer_kept(world, world->kept_count - 1, world->within_size);
        } else if (request[12] == ASK_NEXT && world->kept_count > 1) {
            answer_kept(world, world->kept_count - 2, REQUEST_SIZE);
        }
        break;
    }
    assert_int_equal(load_be16(request), id); /* it stays as long as it is being answered */
}

/* ---- the world ---- */

static world_t *world_with(size_t buffers_max, tcp_timeouts_t timeouts)
{
    world_t *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world->within_size = REQUEST_SIZE;
    world->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    world->quota = net_quota_new(100, 100, buffers_max);
    tcp_environment_t environment = {
        .epoll_fd = world->epoll_fd, .handler = {.context = world, .answer = handle}, .quota = world->quota, .counters = &world->counters};
    world->udp = udp_new(world->epoll_fd, &environment.handler, &world->counters);
    world->tcp = tcp_new(&environment, timeouts);
    assert_true(world->epoll_fd >= 0 && world->quota && world->udp && world->tcp);
    return world;
}

static world_t *world_new(void)
{
    return world_with(64 << 20, (tcp_timeouts_t){.first_byte_ms = 5000, .idle_ms = 5000, .message_ms = 5000});
}

static size_t buffers_used(const world_t *world)
{
    return net_quota_buffers(world->quota)->used;
}

static void world_free(world_t *world)
{
    udp_free(world->udp);
    tcp_free(world->tcp);
    assert_int_equal(buffers_used(world), 0);
    assert_int_equal(net_quota_used(world->quota), 0);
    net_quota_free(world->quota);
    close(world->epoll_fd);
    free(world);
}

/* As the worker does. */
static int run_round(world_t *world, int wait_ms)
{
    struct epoll_event events[16];
    int count = epoll_wait(world->epoll_fd, events, ARRAY_SIZE(events), wait_ms);
    for (int i = 0; i < count; i++) {
        net_event_t *event = events[i].data.ptr;
        event->ready(event, events[i].events);
    }
    tcp_run(world->tcp);
    udp_flush(world->udp);
    return count;
}

/* Until nothing happens. */
static void run(world_t *world)
{
    for (unsigned i = 0; i < ROUNDS_MAX && (run_round(world, 0) > 0 || tcp_wait_ms(world->tcp) == 0); i++) {
    }
}

static void run_until_kept(world_t *world, unsigned count)
{
    for (unsigned i = 0; i < ROUNDS_MAX && world->kept_count < count; i++) {
        run_round(world, 1);
    }
    assert_int_equal(world->kept_count, count);
}

static uint64_t count_of(const world_t *world, net_counter_t counter)
{
    return net_counter_read(&world->counters, counter);
}

static net_address_t address_of(const char *text, uint16_t port)
{
    net_address_t address = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        return address;
    }
    address = (net_address_t){.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    assert_int_equal(inet_pton(AF_INET, text, &address.v4.sin_addr), 1);
    return address;
}

static net_address_t bound_address(int fd)
{
    net_address_t address = {.sa.sa_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(fd, &address.sa, &size), 0);
    return address;
}

/* ---- clients ---- */

/* A datagram client hears only whom it asked: an answer from another address is none. */
static int udp_client(const net_address_t *own, const net_address_t *server)
{
    int fd = socket(server->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &own->sa, net_address_size(own)), 0);
    assert_int_equal(connect(fd, &server->sa, net_address_size(server)), 0);
    return fd;
}

static void ask(int fd, uint16_t id, char what)
{
    uint8_t request[REQUEST_SIZE] = {[12] = (uint8_t)what};
    store_be16(request, id);
    assert_int_equal(send(fd, request, sizeof request, 0), sizeof request);
}

static void assert_answer(const uint8_t *message, size_t size, uint16_t id)
{
    uint8_t expected[65535];
    write_answer(expected, size, id);
    assert_memory_equal(message, expected, size);
}

static void assert_datagram(int fd, uint16_t id, size_t size)
{
    uint8_t message[UDP_MESSAGE_MAX + 1];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 1000), 1);
    assert_int_equal(recv(fd, message, sizeof message, 0), size);
    assert_answer(message, size, id);
}

static void assert_no_datagram(int fd)
{
    uint8_t message[UDP_MESSAGE_MAX];
    assert_int_equal(recv(fd, message, sizeof message, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

static net_address_t serve_udp(world_t *world, const char *text, uint16_t port)
{
    net_address_t address = address_of(text, port);
    int fd = -1;
    assert_int_equal(net_socket_udp(&address, &fd), STATUS_OK);
    address = bound_address(fd);
    assert_int_equal(udp_add(world->udp, fd, &address), STATUS_OK);
    return address;
}

static void serve_tcp(world_t *world)
{
    net_address_t address = address_of("127.0.0.1", 0);
    int fd = -1;
    assert_int_equal(net_socket_tcp(&address, &fd), STATUS_OK);
    world->address = bound_address(fd);
    assert_int_equal(tcp_add(world->tcp, fd, &world->address), STATUS_OK);
}

static int tcp_client(world_t *world)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &world->address.sa, net_address_size(&world->address)), 0);
    return fd;
}

/* Frames with the ids first, first + 1 ..., all in one segment. */
static void pipeline(int fd, uint16_t first, unsigned count, char what)
{
    uint8_t frames[KEPT_MAX * (2 + REQUEST_SIZE)] = {0};
    assert_true(count <= KEPT_MAX);
    for (unsigned i = 0; i < count; i++) {
        uint8_t *frame = frames + (size_t)i * (2 + REQUEST_SIZE);
        store_be16(frame, REQUEST_SIZE);
        store_be16(frame + 2, (uint16_t)(first + i));
        frame[2 + 12] = (uint8_t)what;
    }
    size_t size = (size_t)count * (2 + REQUEST_SIZE);
    assert_int_equal(send(fd, frames, size, 0), size);
}

/* The next bytes, running the server meanwhile. Fewer: the connection has ended. */
static size_t take(world_t *world, int fd, uint8_t *out, size_t size)
{
    size_t done = 0;
    for (unsigned i = 0; i < ROUNDS_MAX && done < size; i++) {
        ssize_t got = recv(fd, out + done, size - done, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            return done;
        }
        if (got > 0) {
            done += (size_t)got;
        } else {
            run_round(world, 1);
        }
    }
    assert_int_equal(done, size);
    return done;
}

static void assert_frame(world_t *world, int fd, uint16_t id, size_t size)
{
    uint8_t frame[2 + 65535];
    assert_int_equal(take(world, fd, frame, 2), 2);
    assert_int_equal(load_be16(frame), size);
    assert_int_equal(take(world, fd, frame, size), size);
    assert_answer(frame, size, id);
}

static void assert_end(world_t *world, int fd)
{
    uint8_t byte;
    assert_int_equal(take(world, fd, &byte, 1), 0);
}

static void assert_open(world_t *world, int fd)
{
    uint8_t byte;
    run(world);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
    assert_int_equal(errno, EAGAIN);
}

static void run_for_ms(world_t *world, int64_t duration_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + duration_ms;
    while ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 < end) {
        run_round(world, 5);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
}

/* ---- datagrams ---- */

/* A permutation of [0, count). */
static void shuffle(unsigned *order, unsigned count)
{
    uint32_t random = 4711;
    for (unsigned i = 0; i < count; i++) {
        order[i] = i;
    }
    for (unsigned i = count; i > 1; i--) {
        random = random * 1664525 + 1013904223;
        unsigned other = (random >> 8) % i;
        unsigned swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
}

/* Addresses of ours that a client can ask, link-local ones with their interface; at most `max`. */
static unsigned own_v6_addresses(net_address_t *out, unsigned max)
{
    struct ifaddrs *all = NULL;
    unsigned count = 0;
    assert_int_equal(getifaddrs(&all), 0);
    for (const struct ifaddrs *one = all; one && count < max; one = one->ifa_next) {
        if (one->ifa_addr && one->ifa_addr->sa_family == AF_INET6) {
            memcpy(&out[count++].v6, one->ifa_addr, sizeof out->v6);
        }
    }
    freeifaddrs(all);
    return count;
}

static void test_udp_answers_come_from_where_they_were_asked(void **state)
{
    enum { V4 = 9, V6_MAX = 8, ROUNDS = 5, CLIENTS_MAX = V4 + V6_MAX };
    (void)state;
    world_t *world = world_new();
    net_address_t four = serve_udp(world, "0.0.0.0", 0);
    net_address_t six = serve_udp(world, "::", ntohs(four.v4.sin_port));
    net_address_t asked[CLIENTS_MAX];
    net_address_t own_v6[V6_MAX];
    unsigned order[CLIENTS_MAX * ROUNDS];
    int clients[CLIENTS_MAX];
    unsigned v6_count = own_v6_addresses(own_v6, V6_MAX);
    unsigned count = V4 + v6_count;
    for (unsigned i = 0; i < V4; i++) {
        char text[16];
        snprintf(text, sizeof text, "127.0.%u.%u", i % 3, i + 1);
        asked[i] = address_of(text, ntohs(four.v4.sin_port));
        net_address_t own = address_of("127.0.0.1", 0);
        clients[i] = udp_client(&own, &asked[i]);
    }
    for (unsigned i = 0; i < v6_count; i++) {
        net_address_t own = own_v6[IN6_IS_ADDR_LINKLOCAL(&own_v6[i].v6.sin6_addr) ? i : 0];
        asked[V4 + i] = own_v6[i];
        asked[V4 + i].v6.sin6_port = six.v6.sin6_port;
        clients[V4 + i] = udp_client(&own, &asked[V4 + i]);
    }
    for (unsigned i = 0; i < ROUNDS * count; i++) {
        ask(clients[i % count], (uint16_t)i, ASK_LATER);
    }
    run_until_kept(world, ROUNDS * count);
    assert_false(udp_is_quiet(world->udp));
    shuffle(order, ROUNDS * count);
    for (unsigned i = 0; i < ROUNDS * count; i++) {
        answer_kept(world, order[i], 100 + order[i]);
        if (i % 7 == 0) {
            run_round(world, 0);
        }
    }
    run(world);
    for (unsigned i = 0; i < ROUNDS * count; i++) {
        unsigned id = world->kept[order[i]].id;
        assert_datagram(clients[id % count], (uint16_t)id, 100 + order[i]);
    }
    assert_true(udp_is_quiet(world->udp));
    assert_int_equal(count_of(world, NET_UDP_SEND_FAILED), 0);
    for (unsigned i = 0; i < count; i++) {
        assert_no_datagram(clients[i]);
        close(clients[i]);
    }
    world_free(world);
}

/* Answers at once, later, and given within the handler of another request. */
static void test_udp_answers_at_once_go_first(void **state)
{
    (void)state;
    world_t *world = world_new();
    net_address_t server = serve_udp(world, "127.0.0.1", 0);
    net_address_t own = address_of("127.0.0.1", 0);
    int client = udp_client(&own, &server);
    ask(client, 1, ASK_WITHIN);
    ask(client, 2, ASK_NOW);
    ask(client, 3, ASK_LATER);
    ask(client, 4, ASK_NEXT); /* answers 3 */
    ask(client, 5, ASK_NOW);
    world->within_size = 0; /* "there is no answer" */
    run_until_kept(world, 3);
    assert_datagram(client, 2, REQUEST_SIZE);
    assert_datagram(client, 5, REQUEST_SIZE);
    assert_datagram(client, 3, REQUEST_SIZE);
    assert_no_datagram(client);
    close(client);
    world_free(world);
}

/* Full by its bytes first, then by its number; no more than the clients' receive buffers hold. */
static size_t size_of_queued(unsigned i)
{
    return i < 54 && i % 3 == 0 ? UDP_MESSAGE_MAX : 50;
}

static void test_udp_queue_that_is_full_is_sent(void **state)
{
    enum { COUNT = 140 };
    (void)state;
    world_t *world = world_new();
    net_address_t server = serve_udp(world, "127.0.0.1", 0);
    net_address_t other = serve_udp(world, "127.0.0.2", ntohs(server.v4.sin_port));
    net_address_t own = address_of("127.0.0.1", 0);
    int clients[] = {udp_client(&own, &server), udp_client(&own, &other)};
    for (unsigned i = 0; i < COUNT; i++) {
        ask(clients[i % 2], (uint16_t)i, ASK_LATER);
    }
    run_until_kept(world, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        answer_kept(world, i, size_of_queued(i));
    }
    udp_flush(world->udp);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned id = world->kept[i].id;
        assert_datagram(clients[id % 2], (uint16_t)id, size_of_queued(i));
    }
    close(clients[0]);
    close(clients[1]);
    world_free(world);
}

static void test_udp_socket_that_was_removed(void **state)
{
    (void)state;
    world_t *world = world_new();
    net_address_t server = serve_udp(world, "127.0.0.1", 0);
    net_address_t own = address_of("127.0.0.1", 0);
    int client = udp_client(&own, &server);
    ask(client, 1, ASK_LATER);
    ask(client, 2, ASK_LATER);
    run_until_kept(world, 2);
    answer_kept(world, 0, 20);
    udp_remove(world->udp, &server);
    assert_datagram(client, 1, 20); /* it was there in time */
    serve_udp(world, "127.0.0.1", ntohs(server.v4.sin_port));
    answer_kept(world, 1, 20);
    run(world);
    assert_no_datagram(client);
    assert_int_equal(count_of(world, NET_UDP_CLIENT_GONE), 1);
    assert_true(udp_is_quiet(world->udp));
    ask(client, 3, ASK_NOW);
    run_round(world, 1000);
    assert_datagram(client, 3, REQUEST_SIZE);
    close(client);
    world_free(world);
}

static void test_udp_answers_that_the_link_does_not_take_are_cut(void **state)
{
    (void)state;
    world_t *world = world_new();
    net_address_t server = address_of("::1", 0);
    net_address_t own = address_of("::1", 0);
    int fd = -1;
    int mtu = 1280;
    assert_int_equal(net_socket_udp(&server, &fd), STATUS_OK);
    assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, sizeof mtu), 0);
    server = bound_address(fd);
    assert_int_equal(udp_add(world->udp, fd, &server), STATUS_OK);
    int client = udp_client(&own, &server);
    for (uint16_t id = 0; id < 3; id++) {
        ask(client, id, ASK_LATER);
    }
    run_until_kept(world, 3);
    answer_kept(world, 0, 20);
    uint8_t large[2000] = {0, 1, 0x84, 0, 0, 0, 0, 1}; /* no question, an answer that is too long */
    world->kept[1].route.later->answer(&world->kept[1].route, large, sizeof large, 0);
    answer_kept(world, 2, 30);
    udp_flush(world->udp);
    assert_datagram(client, 0, 20);
    assert_int_equal(recv(client, large, sizeof large, 0), 12);
    assert_int_equal(load_be16(large + 2), 0x8600); /* TC */
    assert_datagram(client, 2, 30);
    assert_int_equal(count_of(world, NET_UDP_TOO_BIG), 1);
    close(client);
    world_free(world);
}

/* The server ends: nothing more is taken, what is in work is still answered. */
static void test_udp_drain(void **state)
{
    (void)state;
    world_t *world = world_new();
    net_address_t server = serve_udp(world, "127.0.0.1", 0);
    net_address_t own = address_of("127.0.0.1", 0);
    int client = udp_client(&own, &server);
    ask(client, 1, ASK_LATER);
    ask(client, 2, ASK_LATER);
    udp_drain(world->udp);
    assert_int_equal(world->kept_count, 2);
    assert_false(udp_is_quiet(world->udp));
    ask(client, 3, ASK_NOW);
    assert_int_equal(run_round(world, 20), 0);
    answer_kept(world, 1, 20);
    run_round(world, 0);
    assert_datagram(client, 2, 20);
    assert_no_datagram(client);
    answer_kept(world, 0, 0);
    assert_true(udp_is_quiet(world->udp));
    close(client);
    world_free(world);
}

/* ---- connections ---- */

static void test_tcp_answers_in_any_order(void **state)
{
    enum { COUNT = 100 };
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    int other = tcp_client(world);
    pipeline(client, 0, COUNT / 2, ASK_LATER);
    pipeline(other, 1000, COUNT, ASK_LATER);
    pipeline(client, 900, 2, ASK_NOW);
    pipeline(client, COUNT / 2, COUNT / 2, ASK_LATER);
    run_until_kept(world, 2 * COUNT);
    assert_frame(world, client, 900, REQUEST_SIZE);
    assert_frame(world, client, 901, REQUEST_SIZE);
    assert_false(tcp_is_quiet(world->tcp));
    for (unsigned i = 2 * COUNT; i-- > 0;) {
        answer_kept(world, i, 20 + i);
        if (i % 9 == 0) {
            run_round(world, 0);
        }
    }
    assert_int_equal(tcp_wait_ms(world->tcp) == 0, !tcp_is_quiet(world->tcp));
    for (unsigned i = 2 * COUNT; i-- > 0;) {
        unsigned id = world->kept[i].id;
        assert_frame(world, id >= 1000 ? other : client, (uint16_t)id, 20 + i);
    }
    assert_true(tcp_is_quiet(world->tcp));
    assert_int_equal(buffers_used(world), 0);
    close(client);
    close(other);
    world_free(world);
}

/* All answers of a round leave together: the peer's first read finds them all. */
static void test_tcp_answers_of_a_round_are_one_write(void **state)
{
    enum { COUNT = 20 };
    (void)state;
    uint8_t frames[COUNT * 42];
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, COUNT, ASK_LATER);
    run_until_kept(world, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        answer_kept(world, i, 40);
        assert_int_equal(tcp_wait_ms(world->tcp), 0);
    }
    assert_int_equal(recv(client, frames, sizeof frames, MSG_DONTWAIT), -1);
    tcp_run(world->tcp);
    assert_int_equal(recv(client, frames, sizeof frames, 0), sizeof frames);
    close(client);
    world_free(world);
}

static void test_tcp_answers_within_the_handler(void **state)
{
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 1, 1, ASK_NOW);
    pipeline(client, 2, 2, ASK_WITHIN);
    pipeline(client, 4, 1, ASK_LATER);
    pipeline(client, 5, 1, ASK_NEXT); /* answers 4 */
    pipeline(client, 6, 1, ASK_NOW);
    run_until_kept(world, 4);
    bool seen[7] = {false};
    for (unsigned i = 0; i < 5; i++) {
        uint8_t frame[2 + REQUEST_SIZE];
        assert_int_equal(take(world, client, frame, sizeof frame), sizeof frame);
        uint16_t id = load_be16(frame + 2);
        assert_true(load_be16(frame) == REQUEST_SIZE && id < 7 && !seen[id]);
        seen[id] = true;
        assert_answer(frame + 2, REQUEST_SIZE, id);
    }
    assert_true(seen[1] && seen[2] && seen[3] && seen[4] && seen[6]);
    close(client);
    world_free(world);
}

/* A peer that does not read loses nothing, and nothing more is read from it. */
static void test_tcp_peer_that_does_not_read(void **state)
{
    enum { COUNT = 120, SIZE = 60000 };
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, COUNT, ASK_LATER);
    run_until_kept(world, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        answer_kept(world, i, SIZE - i);
        if (i % 10 == 0) {
            run_round(world, 0);
        }
    }
    run(world);
    assert_true(buffers_used(world) > 0);
    assert_false(tcp_is_quiet(world->tcp));
    pipeline(client, 500, 1, ASK_NOW);
    run(world);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_frame(world, client, world->kept[i].id, SIZE - i);
    }
    assert_frame(world, client, 500, REQUEST_SIZE);
    assert_int_equal(buffers_used(world), 0);
    close(client);
    world_free(world);
}

static void test_tcp_half_closed(void **state)
{
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    int nothing = tcp_client(world);
    pipeline(client, 0, 3, ASK_LATER);
    pipeline(nothing, 3, 1, ASK_LATER);
    run_until_kept(world, 4);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    assert_int_equal(shutdown(nothing, SHUT_WR), 0);
    run_for_ms(world, 30);
    answer_kept(world, 2, 20);
    assert_frame(world, client, 2, 20);
    assert_open(world, client);
    answer_kept(world, 0, 0);
    assert_open(world, client);
    answer_kept(world, 1, 20);
    assert_frame(world, client, 1, 20);
    assert_end(world, client);
    answer_kept(world, 3, 0);
    assert_end(world, nothing);
    assert_int_equal(net_quota_used(world->quota), 0);
    close(client);
    close(nothing);
    world_free(world);
}

static void test_tcp_client_gone(void **state)
{
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, 3, ASK_LATER);
    run_until_kept(world, 3);
    answer_kept(world, 0, 20);
    struct linger reset = {.l_onoff = 1};
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(client);
    run_for_ms(world, 20);
    assert_int_equal(net_quota_used(world->quota), 0);
    assert_true(tcp_is_quiet(world->tcp));
    int other = tcp_client(world); /* perhaps in the same memory, with the same descriptor */
    run(world);
    answer_kept(world, 1, 20);
    answer_kept(world, 2, 0);
    assert_open(world, other);
    assert_int_equal(count_of(world, NET_TCP_CLIENT_GONE), 1);
    close(other);
    world_free(world);
}

static void test_tcp_queries_in_work_are_limited(void **state)
{
    enum { COUNT = 400 };
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, COUNT, ASK_LATER);
    run_until_kept(world, IN_WORK_MAX);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    run_for_ms(world, 20);
    assert_int_equal(world->kept_count, IN_WORK_MAX);
    answer_kept(world, 5, 20);
    answer_kept(world, 6, 0);
    run(world);
    assert_int_equal(world->kept_count, IN_WORK_MAX + 2);
    assert_frame(world, client, 5, 20);
    for (unsigned i = 0; i < COUNT; i++) {
        run(world);
        assert_true(i < world->kept_count);
        if (i != 5 && i != 6) {
            answer_kept(world, i, 20);
            assert_frame(world, client, (uint16_t)i, 20);
        }
    }
    assert_int_equal(world->kept_count, COUNT);
    assert_end(world, client);
    close(client);
    world_free(world);
}

/* A connection at its limit is not read, also when what it sends is more than the kernel holds for it. */
static void test_tcp_limit_stops_reading(void **state)
{
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, KEPT_MAX, ASK_LATER);
    run_until_kept(world, IN_WORK_MAX);
    uint8_t more[4096] = {0};
    size_t sent = 0;
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        ssize_t size = send(client, more, sizeof more, MSG_DONTWAIT);
        sent += size > 0 ? (size_t)size : 0;
        run_round(world, 0);
    }
    assert_true(sent < (size_t)ROUNDS_MAX * sizeof more);
    assert_int_equal(world->kept_count, IN_WORK_MAX);
    assert_true(tcp_wait_ms(world->tcp) != 0); /* nor does it keep the loop busy */
    assert_true(buffers_used(world) <= 100 * 1024);
    close(client);
    world_free(world);
}

static void test_tcp_idle_timer_rests(void **state)
{
    (void)state;
    world_t *world = world_with(1 << 20, (tcp_timeouts_t){.first_byte_ms = 100, .idle_ms = 100, .message_ms = 100});
    serve_tcp(world);
    int answered = tcp_client(world);
    int dropped = tcp_client(world);
    pipeline(answered, 0, 1, ASK_LATER);
    run_until_kept(world, 1);
    pipeline(dropped, 1, 1, ASK_LATER);
    run_until_kept(world, 2);
    assert_int_equal(tcp_wait_ms(world->tcp), -1);
    run_for_ms(world, 300);
    assert_open(world, answered);
    assert_open(world, dropped);
    answer_kept(world, 0, 20);
    answer_kept(world, 1, 0);
    assert_frame(world, answered, 0, 20);
    run_for_ms(world, 30);
    assert_open(world, answered);
    assert_open(world, dropped);
    run_for_ms(world, 150);
    assert_end(world, answered);
    assert_end(world, dropped);
    assert_int_equal(count_of(world, NET_TCP_TIMED_OUT), 2);
    close(answered);
    close(dropped);
    world_free(world);
}

/* A message that has begun has its timer, whatever else is in work. */
static void test_tcp_message_timer_does_not_rest(void **state)
{
    (void)state;
    world_t *world = world_with(1 << 20, (tcp_timeouts_t){.first_byte_ms = 5000, .idle_ms = 5000, .message_ms = 60});
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, 1, ASK_LATER);
    assert_int_equal(send(client, "\0\20x", 3, 0), 3);
    run_until_kept(world, 1);
    run_for_ms(world, 150);
    assert_end(world, client);
    answer_kept(world, 0, 20);
    assert_int_equal(count_of(world, NET_TCP_CLIENT_GONE), 1);
    close(client);
    world_free(world);
}

static void test_tcp_frame_too_short_ends_after_the_answers(void **state)
{
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 7, 1, ASK_LATER);
    assert_int_equal(send(client, "\0\3abc", 5, 0), 5);
    pipeline(client, 8, 1, ASK_NOW);
    run_until_kept(world, 1);
    run_for_ms(world, 20);
    assert_open(world, client);
    answer_kept(world, 0, 20);
    assert_frame(world, client, 7, 20);
    assert_end(world, client);
    close(client);
    world_free(world);
}

static void test_tcp_answers_stay_out_of_a_transfer(void **state)
{
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, 2, ASK_LATER);
    pipeline(client, 2, 1, ASK_STREAM);
    pipeline(client, 3, 1, ASK_NOW);
    run_until_kept(world, 2);
    answer_kept(world, 1, 20);
    run(world);
    for (unsigned i = 0; i < STREAM_MESSAGES; i++) {
        assert_frame(world, client, 0xffff, STREAM_MESSAGE_SIZE);
        if (i == 3) {
            answer_kept(world, 0, 30);
        }
    }
    bool seen[4] = {false};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t frame[2 + 65535];
        assert_int_equal(take(world, client, frame, 2), 2);
        size_t size = load_be16(frame);
        assert_int_equal(take(world, client, frame, size), size);
        uint16_t id = load_be16(frame);
        assert_true(id < 4 && !seen[id]);
        seen[id] = true;
        assert_int_equal(size, id == 0 ? 30 : id == 1 ? 20 : REQUEST_SIZE);
        assert_answer(frame, size, id);
    }
    assert_true(seen[0] && seen[1] && seen[3]);
    close(client);
    world_free(world);
}

/* Without memory for an answer its connection ends; so it does when that happens within the handler, but not before it is done. */
static void test_tcp_no_memory_for_an_answer(void **state)
{
    (void)state;
    world_t *world = world_with(8192, (tcp_timeouts_t){.first_byte_ms = 5000, .idle_ms = 5000, .message_ms = 5000});
    serve_tcp(world);
    int client = tcp_client(world);
    pipeline(client, 0, 2, ASK_LATER);
    run_until_kept(world, 2);
    answer_kept(world, 0, 10000);
    answer_kept(world, 1, 10000);
    assert_end(world, client);
    close(client);
    int other = tcp_client(world);
    world->within_size = 10000;
    assert_int_equal(send(other, "\0", 1, 0), 1); /* so that it has a buffer of its own */
    run_for_ms(world, 20);
    assert_int_equal(send(other, "\20\0\2__________w___", 17, 0), 17);
    assert_end(world, other);
    close(other);
    assert_int_equal(count_of(world, NET_TCP_CLIENT_GONE), 1);
    assert_true(count_of(world, NET_TCP_BUFFERS_REFUSED) >= 2);
    world_free(world);
}

/* The end with queries in work, answers that wait for their turn, and a transfer under way. */
static void test_tcp_end(void **state)
{
    (void)state;
    world_t *world = world_new();
    serve_tcp(world);
    int client = tcp_client(world);
    int reader = tcp_client(world);
    pipeline(client, 0, 3, ASK_LATER);
    pipeline(client, 9, 1, ASK_STREAM);
    run_until_kept(world, 3);
    pipeline(reader, 3, 2, ASK_LATER);
    run_until_kept(world, 5);
    answer_kept(world, 0, 20);
    answer_kept(world, 3, 20);
    tcp_remove(world->tcp, NULL);
    assert_false(tcp_is_quiet(world->tcp));
    close(client);
    close(reader);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp_answers_come_from_where_they_were_asked),
        cmocka_unit_test(test_udp_answers_at_once_go_first),
        cmocka_unit_test(test_udp_queue_that_is_full_is_sent),
        cmocka_unit_test(test_udp_socket_that_was_removed),
        cmocka_unit_test(test_udp_answers_that_the_link_does_not_take_are_cut),
        cmocka_unit_test(test_udp_drain),
        cmocka_unit_test(test_tcp_answers_in_any_order),
        cmocka_unit_test(test_tcp_answers_of_a_round_are_one_write),
        cmocka_unit_test(test_tcp_answers_within_the_handler),
        cmocka_unit_test(test_tcp_peer_that_does_not_read),
        cmocka_unit_test(test_tcp_half_closed),
        cmocka_unit_test(test_tcp_client_gone),
        cmocka_unit_test(test_tcp_queries_in_work_are_limited),
        cmocka_unit_test(test_tcp_limit_stops_reading),
        cmocka_unit_test(test_tcp_idle_timer_rests),
        cmocka_unit_test(test_tcp_message_timer_does_not_rest),
        cmocka_unit_test(test_tcp_frame_too_short_ends_after_the_answers),
        cmocka_unit_test(test_tcp_answers_stay_out_of_a_transfer),
        cmocka_unit_test(test_tcp_no_memory_for_an_answer),
        cmocka_unit_test(test_tcp_end),
    };
    rcu_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
