/* net/tcp: answers that come later. */
#include "net_fixture.h"

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
    world_t *world = world_with(1 << 20, (tcp_timeouts_t){.first_byte_ms = 400, .idle_ms = 400, .message_ms = 400});
    serve_tcp(world);
    int answered = tcp_client(world);
    int dropped = tcp_client(world);
    pipeline(answered, 0, 1, ASK_LATER);
    run_until_kept(world, 1);
    pipeline(dropped, 1, 1, ASK_LATER);
    run_until_kept(world, 2);
    assert_int_equal(tcp_wait_ms(world->tcp), -1);
    run_for_ms(world, 600);
    assert_open(world, answered);
    assert_open(world, dropped);
    answer_kept(world, 0, 20);
    answer_kept(world, 1, 0);
    assert_frame(world, answered, 0, 20);
    run_for_ms(world, 30);
    assert_open(world, answered);
    assert_open(world, dropped);
    run_for_ms(world, 500);
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
