/* For the tests of net/upstream: an event loop, a handler that writes down what it is told, and servers that do what the test says. */
#pragma once

#include "base/bytes.h"
#include "net/address.h"
#include "net/event.h"
#include "net/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { OWNERS = 256, ROUNDS_MAX = 2000, HEADER = 12 };

typedef struct fixture {
    upstream_t *upstream;
    net_counters_t counters;
    uint64_t random_state;
    uint64_t now_ms;
    int epoll_fd;
    /* by owner modulo OWNERS */
    unsigned replies[OWNERS];
    unsigned failures[OWNERS];
    upstream_failure_t failure[OWNERS];
    uint16_t expected_id[OWNERS];
    size_t size[OWNERS];
    uint8_t last_octet[OWNERS];
    unsigned total_replies;
    unsigned total_failures;
    unsigned not_mine;
    void (*on_reply)(struct fixture *f, const upstream_reply_t *reply);
    void (*on_failed)(struct fixture *f, uint64_t owner);
    void *extra;
} fixture_t;

static inline uint64_t next_random(void *context)
{
    uint64_t z = (((fixture_t *)context)->random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline bool take_reply(void *context, const upstream_reply_t *reply)
{
    fixture_t *f = context;
    size_t i = reply->owner % OWNERS;
    assert_true(reply->size >= HEADER);
    if (load_be16(reply->message) != f->expected_id[i]) {
        f->not_mine++;
        return false;
    }
    f->replies[i]++;
    f->total_replies++;
    f->size[i] = reply->size;
    f->last_octet[i] = reply->message[reply->size - 1];
    if (f->on_reply) {
        f->on_reply(f, reply);
    }
    return true;
}

static inline void take_failure(void *context, uint64_t owner, upstream_failure_t failure)
{
    fixture_t *f = context;
    f->failures[owner % OWNERS]++;
    f->failure[owner % OWNERS] = failure;
    f->total_failures++;
    if (f->on_failed) {
        f->on_failed(f, owner);
    }
}

static inline upstream_settings_t settings_for_test(void)
{
    upstream_settings_t settings;
    upstream_settings_default(&settings);
    settings.port_low = 0;
    settings.port_high = 0;
    return settings;
}

static inline fixture_t *fixture_new(const upstream_settings_t *settings)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_true(f->epoll_fd >= 0);
    f->now_ms = 1000;
    upstream_environment_t environment = {.epoll_fd = f->epoll_fd,
                                          .handler = {.context = f, .reply = take_reply, .failed = take_failure},
                                          .random = {.next = next_random, .context = f},
                                          .counters = &f->counters};
    assert_int_equal(upstream_new(&environment, settings, &f->upstream), STATUS_OK);
    return f;
}

static inline void fixture_free(fixture_t *f)
{
    upstream_free(f->upstream);
    close(f->epoll_fd);
    free(f);
}

static inline uint64_t counted(const fixture_t *f, net_counter_t counter)
{
    return net_counter_read(&f->counters, counter);
}

/* One round of the loop; returns how many events there were. */
static inline int run_round(fixture_t *f, int wait_ms)
{
    struct epoll_event events[64];
    int count = epoll_wait(f->epoll_fd, events, 64, wait_ms);
    for (int i = 0; i < count; i++) {
        net_event_t *event = events[i].data.ptr;
        event->ready(event, events[i].events);
    }
    upstream_tick(f->upstream, f->now_ms);
    return count;
}

/* Until nothing happens for a moment. */
static inline void settle_down(fixture_t *f)
{
    for (unsigned i = 0; i < ROUNDS_MAX && run_round(f, 20) > 0; i++) {
    }
}

/* Until no query is left. */
static inline void await_all(fixture_t *f)
{
    for (unsigned i = 0; i < ROUNDS_MAX && upstream_outstanding(f->upstream) > 0; i++) {
        run_round(f, 10);
    }
    assert_int_equal(upstream_outstanding(f->upstream), 0);
}

static inline status_t try_send(fixture_t *f, net_protocol_t protocol, const net_address_t *server, uint16_t id, uint64_t owner,
                                upstream_ticket_t *ticket)
{
    uint8_t message[40] = {0};
    store_be16(message, id);
    f->expected_id[owner % OWNERS] = id;
    upstream_request_t request = {
        .protocol = protocol, .server = server, .message = message, .size = sizeof message, .owner = owner, .now_ms = f->now_ms};
    return upstream_send(f->upstream, &request, ticket);
}

static inline upstream_ticket_t send_query(fixture_t *f, net_protocol_t protocol, const net_address_t *server, uint16_t id, uint64_t owner)
{
    upstream_ticket_t ticket = 0;
    assert_int_equal(try_send(f, protocol, server, id, owner, &ticket), STATUS_OK);
    assert_true(ticket != 0);
    return ticket;
}

/* ---- servers ---- */

static inline net_address_t loopback(int family)
{
    net_address_t address = {.sa = {.sa_family = AF_UNSPEC}};
    if (family == AF_INET) {
        address.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    } else {
        address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    }
    return address;
}

/* A bound socket on a port of the system's choice; -1 if the family is missing here. */
static inline int server_socket(int family, int type, net_address_t *address)
{
    *address = loopback(family);
    socklen_t size = net_address_size(address);
    const int large = 4 << 20;
    int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, &address->sa, size) != 0) {
        return -1;
    }
    assert_int_equal(getsockname(fd, &address->sa, &size), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 128), 0);
    }
    return fd;
}

/* Waits for the next query; its id. */
static inline uint16_t take_query(int fd, net_address_t *from)
{
    uint8_t message[512];
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    socklen_t size = sizeof *from;
    assert_int_equal(poll(&readable, 1, 2000), 1);
    assert_true(recvfrom(fd, message, sizeof message, 0, &from->sa, &size) >= HEADER);
    return load_be16(message);
}

static inline void send_reply(int fd, const net_address_t *to, uint16_t id, size_t size)
{
    static const uint8_t zero[70000];
    uint8_t head[HEADER] = {0};
    const uint8_t last = 0x5a;
    struct iovec parts[3] = {{head, HEADER}, {(void *)(uintptr_t)zero, 0}, {(void *)(uintptr_t)&last, 0}};
    if (size > HEADER) {
        parts[1].iov_len = size - HEADER - 1;
        parts[2].iov_len = 1;
    } else {
        parts[0].iov_len = size;
    }
    store_be16(head, id);
    struct msghdr header = {.msg_name = (void *)(uintptr_t)to, .msg_namelen = net_address_size(to), .msg_iov = parts, .msg_iovlen = 3};
    assert_int_equal(sendmsg(fd, &header, 0), size);
}

/* A port on which nobody listens. */
static inline net_address_t closed_port(int type)
{
    net_address_t address;
    int fd = server_socket(AF_INET, type, &address);
    assert_true(fd >= 0);
    close(fd);
    return address;
}
