/* For the tests of answers that come later: net/udp and net/tcp under one event loop, clients on the loopback, all in one thread, and a
 * handler that keeps routes until the test answers. */
#pragma once

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
    REQUEST_SIZE = 16,     /* a header, and what is wanted */
    IN_WORK_MAX = 128,     /* as net/tcp_connection.h says */
    STREAM_MESSAGES = 200, /* more than the kernel holds */
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

static inline void write_answer(uint8_t *out, size_t size, uint16_t id)
{
    for (size_t i = 2; i < size; i++) {
        out[i] = (uint8_t)(id + i);
    }
    store_be16(out, id);
}

static inline status_t next_message(net_stream_t *stream, uint8_t *out, size_t capacity, size_t *size)
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

static inline void free_messages(net_stream_t *stream)
{
    free(stream);
}

static inline void answer_kept(world_t *world, unsigned i, size_t size)
{
    uint8_t message[65535];
    kept_t *kept = &world->kept[i];
    assert_true(i < world->kept_count && !kept->done);
    kept->done = true;
    write_answer(message, size, kept->id);
    kept->route.later->answer(&kept->route, message, size, 0);
}

static inline void keep(world_t *world, const net_client_t *client, uint16_t id)
{
    kept_t *kept = &world->kept[world->kept_count++];
    assert_true(world->kept_count <= KEPT_MAX);
    *kept = (kept_t){.id = id};
    client->later->keep(client->later, client, &kept->route);
    assert_ptr_equal(kept->route.later, client->later);
    assert_true(net_address_equal(&kept->route.client, client->address));
}

static inline void handle(void *context, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
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

static inline world_t *world_with(size_t buffers_max, tcp_timeouts_t timeouts)
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

static inline world_t *world_new(void)
{
    return world_with(64 << 20, (tcp_timeouts_t){.first_byte_ms = 5000, .idle_ms = 5000, .message_ms = 5000});
}

static inline size_t buffers_used(const world_t *world)
{
    return net_quota_buffers(world->quota)->used;
}

static inline void world_free(world_t *world)
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
static inline int run_round(world_t *world, int wait_ms)
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
static inline void run(world_t *world)
{
    for (unsigned i = 0; i < ROUNDS_MAX && (run_round(world, 0) > 0 || tcp_wait_ms(world->tcp) == 0); i++) {
    }
}

static inline void run_until_kept(world_t *world, unsigned count)
{
    for (unsigned i = 0; i < ROUNDS_MAX && world->kept_count < count; i++) {
        run_round(world, 1);
    }
    assert_int_equal(world->kept_count, count);
}

static inline uint64_t count_of(const world_t *world, net_counter_t counter)
{
    return net_counter_read(&world->counters, counter);
}

static inline net_address_t address_of(const char *text, uint16_t port)
{
    net_address_t address = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        return address;
    }
    address = (net_address_t){.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    assert_int_equal(inet_pton(AF_INET, text, &address.v4.sin_addr), 1);
    return address;
}

static inline net_address_t bound_address(int fd)
{
    net_address_t address = {.sa.sa_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(fd, &address.sa, &size), 0);
    return address;
}

/* ---- clients ---- */

/* A datagram client hears only whom it asked: an answer from another address is none. */
static inline int udp_client(const net_address_t *own, const net_address_t *server)
{
    int fd = socket(server->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &own->sa, net_address_size(own)), 0);
    assert_int_equal(connect(fd, &server->sa, net_address_size(server)), 0);
    return fd;
}

static inline void ask(int fd, uint16_t id, char what)
{
    uint8_t request[REQUEST_SIZE] = {[12] = (uint8_t)what};
    store_be16(request, id);
    assert_int_equal(send(fd, request, sizeof request, 0), sizeof request);
}

static inline void assert_answer(const uint8_t *message, size_t size, uint16_t id)
{
    uint8_t expected[65535];
    write_answer(expected, size, id);
    assert_memory_equal(message, expected, size);
}

static inline void assert_datagram(int fd, uint16_t id, size_t size)
{
    uint8_t message[UDP_MESSAGE_MAX + 1];
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 1000), 1);
    assert_int_equal(recv(fd, message, sizeof message, 0), size);
    assert_answer(message, size, id);
}

static inline void assert_no_datagram(int fd)
{
    uint8_t message[UDP_MESSAGE_MAX];
    assert_int_equal(recv(fd, message, sizeof message, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

static inline net_address_t serve_udp(world_t *world, const char *text, uint16_t port)
{
    net_address_t address = address_of(text, port);
    int fd = -1;
    assert_int_equal(net_socket_udp(&address, &fd), STATUS_OK);
    address = bound_address(fd);
    assert_int_equal(udp_add(world->udp, fd, &address), STATUS_OK);
    return address;
}

static inline void serve_tcp(world_t *world)
{
    net_address_t address = address_of("127.0.0.1", 0);
    int fd = -1;
    assert_int_equal(net_socket_tcp(&address, &fd), STATUS_OK);
    world->address = bound_address(fd);
    assert_int_equal(tcp_add(world->tcp, fd, &world->address), STATUS_OK);
}

static inline int tcp_client(world_t *world)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, &world->address.sa, net_address_size(&world->address)), 0);
    return fd;
}

/* Frames with the ids first, first + 1 ..., all in one segment. */
static inline void pipeline(int fd, uint16_t first, unsigned count, char what)
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
static inline size_t take(world_t *world, int fd, uint8_t *out, size_t size)
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

static inline void assert_frame(world_t *world, int fd, uint16_t id, size_t size)
{
    uint8_t frame[2 + 65535];
    assert_int_equal(take(world, fd, frame, 2), 2);
    assert_int_equal(load_be16(frame), size);
    assert_int_equal(take(world, fd, frame, size), size);
    assert_answer(frame, size, id);
}

static inline void assert_end(world_t *world, int fd)
{
    uint8_t byte;
    assert_int_equal(take(world, fd, &byte, 1), 0);
}

static inline void assert_open(world_t *world, int fd)
{
    uint8_t byte;
    run(world);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
    assert_int_equal(errno, EAGAIN);
}

static inline void run_for_ms(world_t *world, int64_t duration_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t end = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + duration_ms;
    while ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 < end) {
        run_round(world, 5);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
}
