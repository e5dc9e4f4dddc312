/* net/tcp: who makes room when a limit is reached. */
#include "net_fixture.h"

enum { STALLED_MS = 1000 }; /* as net/tcp.c says */

/* Two connections, and no third unless one of them goes; all of one client, so that either limit can be the one. */
static world_t *full_world(unsigned connections_max, unsigned per_prefix_max, char what, int clients[2])
{
    world_t *world = world_new();
    serve_tcp(world);
    assert_int_equal(net_quota_configure(world->quota, connections_max, per_prefix_max), STATUS_OK);
    for (uint16_t i = 0; i < 2; i++) {
        clients[i] = tcp_client(world);
        pipeline(clients[i], i, 1, what);
        run_for_ms(world, 20);
    }
    assert_int_equal(net_quota_used(world->quota), 2);
    return world;
}

static void assert_refused(world_t *world)
{
    uint64_t before = count_of(world, NET_TCP_REFUSED);
    int client = tcp_client(world);
    assert_end(world, client);
    assert_int_equal(count_of(world, NET_TCP_REFUSED), before + 1);
    close(client);
}

static void assert_admitted(world_t *world)
{
    int client = tcp_client(world);
    pipeline(client, 7, 1, ASK_NOW);
    assert_frame(world, client, 7, REQUEST_SIZE);
    close(client);
}

static void idle_ones_go_at_once(unsigned connections_max, unsigned per_prefix_max)
{
    int clients[2];
    world_t *world = full_world(connections_max, per_prefix_max, ASK_NOW, clients);
    assert_frame(world, clients[0], 0, REQUEST_SIZE);
    assert_frame(world, clients[1], 1, REQUEST_SIZE);
    assert_admitted(world);
    assert_end(world, clients[0]);
    assert_open(world, clients[1]);
    assert_int_equal(count_of(world, NET_TCP_EVICTED), 1);
    close(clients[0]);
    close(clients[1]);
    world_free(world);
}

static void test_idle_ones_go_at_once(void **state)
{
    (void)state;
    idle_ones_go_at_once(2, 2);
    idle_ones_go_at_once(2, 100);
    idle_ones_go_at_once(100, 2);
}

/* Those who do not take their answer, or wait for one, go only when that has lasted. */
static void busy_ones_go_when_they_have_stalled(unsigned connections_max, unsigned per_prefix_max, char what)
{
    int clients[2];
    world_t *world = full_world(connections_max, per_prefix_max, what, clients);
    assert_refused(world);
    run_for_ms(world, STALLED_MS - 200);
    for (unsigned i = 0; i < 50 && count_of(world, NET_TCP_EVICTED) == 0; i++) { /* the kernel may have gone on filling its buffers */
        int client = tcp_client(world);
        run_for_ms(world, 100);
        close(client);
        run_for_ms(world, 20);
    }
    assert_admitted(world);
    assert_int_equal(count_of(world, NET_TCP_EVICTED), 1);
    if (what == ASK_LATER) {
        assert_end(world, clients[0]);
        answer_kept(world, 1, 20);
        answer_kept(world, 0, 20);
        assert_frame(world, clients[1], 1, 20);
        assert_int_equal(count_of(world, NET_TCP_CLIENT_GONE), 1);
    }
    close(clients[0]);
    close(clients[1]);
    world_free(world);
}

static void test_stalled_writers_go(void **state)
{
    (void)state;
    busy_ones_go_when_they_have_stalled(2, 100, ASK_STREAM);
    busy_ones_go_when_they_have_stalled(100, 2, ASK_STREAM);
}

static void test_waiting_ones_go(void **state)
{
    (void)state;
    busy_ones_go_when_they_have_stalled(2, 100, ASK_LATER);
    busy_ones_go_when_they_have_stalled(100, 2, ASK_LATER);
}

/* Who takes its answer slowly, but takes it, stays. */
static void test_slow_readers_stay(void **state)
{
    (void)state;
    int clients[2];
    world_t *world = full_world(2, 100, ASK_STREAM, clients);
    for (unsigned i = 0; i < 2 * STALLED_MS / 100; i++) {
        uint8_t part[150000];
        assert_int_equal(take(world, clients[0], part, sizeof part / 2), sizeof part / 2);
        assert_int_equal(take(world, clients[1], part, sizeof part / 2), sizeof part / 2);
        run_for_ms(world, 100);
    }
    assert_refused(world);
    assert_int_equal(count_of(world, NET_TCP_EVICTED), 0);
    close(clients[0]);
    close(clients[1]);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_ones_go_at_once),
        cmocka_unit_test(test_stalled_writers_go),
        cmocka_unit_test(test_waiting_ones_go),
        cmocka_unit_test(test_slow_readers_stay),
    };
    rcu_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
