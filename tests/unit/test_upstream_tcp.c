/* net/upstream over TCP: connections to servers in the same thread. */
#include "upstream_fixture.h"

enum { FRAME_PLAIN = 2 + 40 }; /* of what send_query() sends */

/* A server that reads whole queries, and answers what and when the test says. */
typedef struct peer {
    int listener;
    int fd; /* the connection accepted last */
    net_address_t address;
} peer_t;

static peer_t peer_new(void)
{
    peer_t peer = {.fd = -1};
    peer.listener = server_socket(AF_INET, SOCK_STREAM, &peer.address);
    assert_true(peer.listener >= 0);
    return peer;
}

static void peer_free(peer_t *peer)
{
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    close(peer->listener);
}

/* The next connection; runs the client's loop meanwhile. */
static int peer_accept(fixture_t *f, peer_t *peer)
{
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        int fd = accept4(peer->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            peer->fd = fd;
            return fd;
        }
        run_round(f, 1);
    }
    fail();
    return -1;
}

/* The id of the next query on a connection. */
static uint16_t peer_take(fixture_t *f, int fd)
{
    uint8_t frame[FRAME_PLAIN];
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        if (recv(fd, frame, sizeof frame, MSG_PEEK) == FRAME_PLAIN) {
            assert_int_equal(recv(fd, frame, sizeof frame, 0), FRAME_PLAIN);
            assert_int_equal(load_be16(frame), FRAME_PLAIN - 2);
            return load_be16(frame + 2);
        }
        run_round(f, 1);
    }
    fail();
    return 0;
}

/* Sends bytes[0..size) in pieces, running the client's loop after each. */
static void peer_write(fixture_t *f, int fd, const uint8_t *bytes, size_t size, size_t piece)
{
    for (size_t done = 0; done < size;) {
        size_t now = size - done < piece ? size - done : piece;
        ssize_t n = send(fd, bytes + done, now, MSG_NOSIGNAL);
        assert_true(n > 0 || errno == EAGAIN);
        done += n > 0 ? (size_t)n : 0;
        run_round(f, 1);
    }
}

static void peer_reply(fixture_t *f, int fd, uint16_t id, size_t size, size_t piece)
{
    uint8_t *frame = calloc(1, size + 2);
    store_be16(frame, (uint16_t)size);
    store_be16(frame + 2, id);
    if (size > 2) {
        frame[size + 1] = 0x5a;
    }
    peer_write(f, fd, frame, size + 2, piece);
    free(frame);
}

/* Whether the client has closed its end. */
static bool peer_sees_end(fixture_t *f, int fd)
{
    uint8_t byte;
    for (unsigned i = 0; i < 50; i++) {
        ssize_t n = recv(fd, &byte, 1, MSG_PEEK);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
            return true;
        }
        run_round(f, 1);
    }
    return false;
}

/* ---- the plain cases ---- */

static void test_out_of_order(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    for (uint16_t i = 0; i < 50; i++) {
        send_query(f, NET_TCP, &peer.address, 100 + i, i);
    }
    int fd = peer_accept(f, &peer);
    for (uint16_t i = 0; i < 50; i++) {
        assert_int_equal(peer_take(f, fd), 100 + i);
    }
    for (unsigned i = 50; i-- > 0;) {
        peer_reply(f, fd, (uint16_t)(100 + i), 20 + i, 1000);
    }
    await_all(f);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(f->replies[i], 1);
        assert_int_equal(f->size[i], 20 + i);
    }
    send_query(f, NET_TCP, &peer.address, 1, 60); /* the connection is used again */
    assert_int_equal(peer_take(f, fd), 1);
    peer_reply(f, fd, 1, 30, 30);
    await_all(f);
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_OPENED), 1);
    peer_free(&peer);
    fixture_free(f);
}

static void test_one_write_a_round(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    uint8_t bytes[10 * FRAME_PLAIN + 1];
    send_query(f, NET_TCP, &peer.address, 1, 1);
    int fd = peer_accept(f, &peer);
    peer_take(f, fd);
    for (uint16_t i = 0; i < 10; i++) {
        send_query(f, NET_TCP, &peer.address, 10 + i, 10 + i);
    }
    assert_int_equal(recv(fd, bytes, sizeof bytes, 0), -1); /* nothing before the tick */
    assert_int_equal(upstream_next_deadline_ms(f->upstream), 0);
    upstream_tick(f->upstream, f->now_ms);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 1000), 1);
    assert_int_equal(recv(fd, bytes, sizeof bytes, 0), 10 * FRAME_PLAIN);
    peer_free(&peer);
    fixture_free(f);
}

static void test_big_replies_in_pieces(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    for (uint16_t i = 1; i <= 4; i++) {
        send_query(f, NET_TCP, &peer.address, i, i);
    }
    int fd = peer_accept(f, &peer);
    peer_reply(f, fd, 2, 65535, 1400);
    peer_reply(f, fd, 1, 65535, 65537);
    peer_reply(f, fd, 4, 300, 1);
    peer_reply(f, fd, 3, HEADER, 5);
    await_all(f);
    for (unsigned i = 1; i <= 4; i++) {
        assert_int_equal(f->replies[i], 1);
    }
    assert_int_equal(f->size[1], 65535);
    assert_int_equal(f->size[2], 65535);
    assert_int_equal(f->last_octet[2], 0x5a);
    assert_int_equal(f->size[4], 300);
    peer_free(&peer);
    fixture_free(f);
}

/* The server takes nothing for a while: what does not fit waits, and nothing is lost. */
static void test_slow_server(void **state)
{
    (void)state;
    enum { TOTAL = 40000 };
    upstream_settings_t settings = settings_for_test();
    settings.queries_max = TOTAL;
    settings.tcp_pipeline_max = UINT16_MAX;
    settings.tcp_connections_per_server_max = 1;
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    const int small = 4096;
    uint8_t buffer[4096];
    size_t taken = 0;
    unsigned sent = 0;
    upstream_ticket_t ticket;
    uint8_t message[2000] = {0};
    upstream_request_t request = {
        .protocol = NET_TCP, .server = &peer.address, .message = message, .size = sizeof message, .owner = 1, .now_ms = f->now_ms};
    assert_int_equal(setsockopt(peer.listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    status_t status = STATUS_OK;
    for (; sent < TOTAL; sent++) {
        store_be16(message, (uint16_t)sent);
        status = upstream_send(f->upstream, &request, &ticket);
        if (status != STATUS_OK) {
            break;
        }
        run_round(f, 0);
    }
    assert_int_equal(status, STATUS_LIMIT); /* full before all ids are */
    assert_true(sent > 8);
    int fd = peer_accept(f, &peer);
    while (taken < sent * (sizeof message + 2)) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        run_round(f, 0);
        assert_int_equal(poll(&readable, 1, 2000), 1);
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        assert_true(n > 0);
        for (size_t i = 0; i < (size_t)n; i++) { /* frame by frame, octet by octet */
            size_t at = (taken + i) % (sizeof message + 2);
            size_t index = (taken + i) / (sizeof message + 2);
            uint8_t expected[4] = {sizeof message >> 8, sizeof message & 255, (uint8_t)(index >> 8), (uint8_t)index};
            assert_int_equal(buffer[i], at < 4 ? expected[at] : 0);
        }
        taken += (size_t)n;
    }
    assert_int_equal(upstream_outstanding(f->upstream), sent);
    peer_free(&peer);
    fixture_free(f);
}

/* ---- endings ---- */

static void test_refused(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    net_address_t nobody = closed_port(SOCK_STREAM);
    send_query(f, NET_TCP, &nobody, 1, 1);
    send_query(f, NET_TCP, &nobody, 2, 2);
    await_all(f);
    assert_int_equal(f->total_failures, 2);
    assert_int_equal(f->failure[1], UPSTREAM_REFUSED);
    assert_int_equal(f->failure[2], UPSTREAM_REFUSED);
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_CLOSED), 1);
    fixture_free(f);
}

static void test_closed_in_mid_stream(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    for (uint16_t i = 1; i <= 3; i++) {
        send_query(f, NET_TCP, &peer.address, i, i);
    }
    int fd = peer_accept(f, &peer);
    for (unsigned i = 1; i <= 3; i++) {
        peer_take(f, fd);
    }
    peer_reply(f, fd, 3, 100, 100);
    peer_write(f, fd, (const uint8_t *)"\0\100\0\1half", 8, 8); /* and the half of another */
    close(fd);
    peer.fd = -1;
    await_all(f);
    assert_int_equal(f->replies[3], 1);
    assert_int_equal(f->failures[1], 1);
    assert_int_equal(f->failure[1], UPSTREAM_CLOSED);
    assert_int_equal(f->failure[2], UPSTREAM_CLOSED);
    assert_int_equal(f->total_failures, 2);
    peer_free(&peer);
    fixture_free(f);
}

static void ask_again(fixture_t *f, uint64_t owner)
{
    peer_t *peer = f->extra;
    if (owner < 100) {
        send_query(f, NET_TCP, &peer->address, (uint16_t)(owner + 100), owner + 100);
    }
}

/* A handler that is told of the end asks again, on a new connection (RFC 7766 6.2.4). */
static void test_ask_again_after_the_end(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.tcp_connections_max = 2;
    settings.tcp_connections_per_server_max = 2;
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    f->on_failed = ask_again;
    f->extra = &peer;
    for (uint16_t i = 1; i <= 3; i++) {
        send_query(f, NET_TCP, &peer.address, i, i);
    }
    close(peer_accept(f, &peer));
    int fd = peer_accept(f, &peer);
    for (uint16_t i = 101; i <= 103; i++) {
        assert_int_equal(peer_take(f, fd), i);
        peer_reply(f, fd, i, 50, 50);
    }
    await_all(f);
    assert_int_equal(f->total_failures, 3);
    assert_int_equal(f->total_replies, 3);
    peer_free(&peer);
    fixture_free(f);
}

static void test_broken_framing(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    send_query(f, NET_TCP, &peer.address, 1, 1);
    send_query(f, NET_TCP, &peer.address, 2, 2);
    int fd = peer_accept(f, &peer);
    peer_take(f, fd);
    peer_take(f, fd);
    peer_reply(f, fd, 2, 50, 50);
    peer_reply(f, fd, 1, 11, 11); /* shorter than a header */
    await_all(f);
    assert_int_equal(f->replies[2], 1);
    assert_int_equal(f->failure[1], UPSTREAM_BROKEN);
    assert_int_equal(f->failures[1], 1);
    assert_int_equal(counted(f, NET_UPSTREAM_MALFORMED), 1);
    assert_true(peer_sees_end(f, fd));
    peer_free(&peer);
    fixture_free(f);
}

static void test_memory_for_replies_is_bounded(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.tcp_buffers_max_bytes = 8192;
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    uint8_t part[20000] = {0xff, 0xff, 0, 1};
    send_query(f, NET_TCP, &peer.address, 1, 1);
    int fd = peer_accept(f, &peer);
    peer_take(f, fd);
    assert_true(send(fd, part, sizeof part, 0) > 0);
    await_all(f);
    assert_int_equal(f->failure[1], UPSTREAM_NO_MEMORY);
    assert_int_equal(f->failures[1], 1);
    peer_free(&peer);
    fixture_free(f);
}

/* ---- cancelling ---- */

static void test_cancel(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    upstream_ticket_t first = send_query(f, NET_TCP, &peer.address, 1, 1);
    send_query(f, NET_TCP, &peer.address, 2, 2);
    int fd = peer_accept(f, &peer);
    peer_take(f, fd);
    peer_take(f, fd);
    upstream_cancel(f->upstream, first);
    upstream_cancel(f->upstream, first);
    assert_int_equal(upstream_outstanding(f->upstream), 1);
    send_query(f, NET_TCP, &peer.address, 3, 3); /* not on a connection that keeps us waiting */
    int second = peer_accept(f, &peer);
    assert_int_equal(peer_take(f, second), 3);
    peer_reply(f, fd, 1, 50, 50); /* late */
    settle_down(f);
    assert_int_equal(counted(f, NET_UPSTREAM_LATE), 1);
    assert_int_equal(f->total_replies, 0);
    peer_reply(f, fd, 2, 50, 50);
    settle_down(f);
    assert_int_equal(f->replies[2], 1);
    peer_reply(f, second, 3, 50, 50);
    await_all(f);
    assert_int_equal(f->replies[3], 1);
    close(fd);
    peer_free(&peer);
    fixture_free(f);
}

static void test_connection_that_nobody_wants(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    upstream_cancel(f->upstream, send_query(f, NET_TCP, &peer.address, 1, 1)); /* while connecting */
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_CLOSED), 1);
    upstream_ticket_t ticket = send_query(f, NET_TCP, &peer.address, 2, 2);
    close(peer_accept(f, &peer)); /* the one that was given up */
    int fd = peer_accept(f, &peer);
    peer_take(f, fd);
    upstream_cancel(f->upstream, ticket); /* it has never given a reply */
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_CLOSED), 2);
    assert_true(peer_sees_end(f, fd));
    peer_free(&peer);
    fixture_free(f);
}

static void test_not_mine(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    send_query(f, NET_TCP, &peer.address, 1, 1);
    f->expected_id[1] = 9; /* so that the handler refuses it */
    int fd = peer_accept(f, &peer);
    peer_take(f, fd);
    peer_reply(f, fd, 1, 50, 50);
    settle_down(f);
    assert_int_equal(f->not_mine, 1);
    assert_int_equal(upstream_outstanding(f->upstream), 1);
    f->expected_id[1] = 1;
    peer_reply(f, fd, 1, 50, 50);
    await_all(f);
    assert_int_equal(f->replies[1], 1);
    peer_free(&peer);
    fixture_free(f);
}

/* ---- limits ---- */

static void test_ids_on_one_connection_differ(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.tcp_connections_per_server_max = 2;
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    upstream_ticket_t ticket;
    send_query(f, NET_TCP, &peer.address, 7, 1);
    assert_int_equal(try_send(f, NET_TCP, &peer.address, 7, 2, &ticket), STATUS_OK); /* on another connection */
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_OPENED), 2);
    assert_int_equal(try_send(f, NET_TCP, &peer.address, 7, 3, &ticket), STATUS_AGAIN);
    assert_int_equal(try_send(f, NET_TCP, &peer.address, 8, 3, &ticket), STATUS_OK);
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_OPENED), 2);
    peer_free(&peer);
    fixture_free(f);
}

static void test_connections_are_bounded(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.tcp_connections_max = 3;
    settings.tcp_connections_per_server_max = 2;
    settings.tcp_pipeline_max = 2;
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    peer_t other = peer_new();
    peer_t third = peer_new();
    upstream_ticket_t ticket;
    for (uint16_t i = 0; i < 4; i++) {
        send_query(f, NET_TCP, &peer.address, i, i);
    }
    assert_int_equal(try_send(f, NET_TCP, &peer.address, 4, 4, &ticket), STATUS_LIMIT);
    send_query(f, NET_TCP, &other.address, 5, 5);
    assert_int_equal(try_send(f, NET_TCP, &third.address, 6, 6, &ticket), STATUS_LIMIT);
    assert_int_equal(counted(f, NET_UPSTREAM_LIMITED), 2);
    int fd = peer_accept(f, &other);
    peer_take(f, fd);
    peer_reply(f, fd, 5, 50, 50);
    settle_down(f);
    assert_int_equal(f->replies[5], 1);
    send_query(f, NET_TCP, &third.address, 6, 6); /* the idle connection makes room */
    assert_true(peer_sees_end(f, fd));
    assert_int_equal(peer_take(f, peer_accept(f, &third)), 6);
    peer_free(&peer);
    peer_free(&other);
    peer_free(&third);
    fixture_free(f);
}

static void test_idle_connections_end(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.tcp_idle_ms = 500;
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    send_query(f, NET_TCP, &peer.address, 1, 1);
    int fd = peer_accept(f, &peer);
    peer_take(f, fd);
    assert_true(upstream_next_deadline_ms(f->upstream) == UINT64_MAX); /* the caller's timers, not ours */
    peer_reply(f, fd, 1, 50, 50);
    await_all(f);
    assert_int_equal(upstream_next_deadline_ms(f->upstream), f->now_ms + 500);
    upstream_tick(f->upstream, f->now_ms + 499);
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_CLOSED), 0);
    upstream_tick(f->upstream, f->now_ms + 500);
    assert_int_equal(counted(f, NET_UPSTREAM_CONNECTIONS_CLOSED), 1);
    assert_true(peer_sees_end(f, fd));
    peer_free(&peer);
    fixture_free(f);
}

static void test_message_too_long(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    upstream_ticket_t ticket;
    uint8_t *message = calloc(1, UPSTREAM_TCP_OUT_SIZE);
    upstream_request_t request = {
        .protocol = NET_TCP, .server = &peer.address, .message = message, .size = UPSTREAM_TCP_OUT_SIZE - 1, .now_ms = 1};
    assert_int_equal(upstream_send(f->upstream, &request, &ticket), STATUS_NO_SPACE);
    request.size--;
    assert_int_equal(upstream_send(f->upstream, &request, &ticket), STATUS_OK);
    request.protocol = NET_UDP;
    assert_int_equal(upstream_send(f->upstream, &request, &ticket), STATUS_NO_SPACE);
    free(message);
    peer_free(&peer);
    fixture_free(f);
}

static void test_configured_source(void **state)
{
    (void)state;
    upstream_settings_t settings = settings_for_test();
    settings.source_count = 1;
    settings.sources[0] = loopback(AF_INET);
    settings.sources[0].v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 4);
    fixture_t *f = fixture_new(&settings);
    peer_t peer = peer_new();
    net_address_t client;
    socklen_t size = sizeof client;
    send_query(f, NET_TCP, &peer.address, 1, 1);
    assert_int_equal(getpeername(peer_accept(f, &peer), &client.sa, &size), 0);
    assert_int_equal(ntohl(client.v4.sin_addr.s_addr), INADDR_LOOPBACK + 4);
    peer_free(&peer);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_one_write_a_round),
        cmocka_unit_test(test_big_replies_in_pieces),
        cmocka_unit_test(test_slow_server),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_closed_in_mid_stream),
        cmocka_unit_test(test_ask_again_after_the_end),
        cmocka_unit_test(test_broken_framing),
        cmocka_unit_test(test_memory_for_replies_is_bounded),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_connection_that_nobody_wants),
        cmocka_unit_test(test_not_mine),
        cmocka_unit_test(test_ids_on_one_connection_differ),
        cmocka_unit_test(test_connections_are_bounded),
        cmocka_unit_test(test_idle_connections_end),
        cmocka_unit_test(test_message_too_long),
        cmocka_unit_test(test_configured_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
