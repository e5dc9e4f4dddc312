/* net/udp: answers that come later. */
#include "net_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp_answers_come_from_where_they_were_asked),
        cmocka_unit_test(test_udp_answers_at_once_go_first),
        cmocka_unit_test(test_udp_queue_that_is_full_is_sent),
        cmocka_unit_test(test_udp_socket_that_was_removed),
        cmocka_unit_test(test_udp_answers_that_the_link_does_not_take_are_cut),
        cmocka_unit_test(test_udp_drain),
    };
    rcu_register();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rcu_unregister();
    return failed;
}
