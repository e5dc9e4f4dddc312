/* Zones that the resolver's own server serves, and data asked for again before it expires. */
#include "internet.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define OWN_HEAD                                                                                                                           \
    "own.test. 3600 SOA ns.own.test. host.own.test. 1 7200 900 1209600 300\n"                                                              \
    "own.test. 3600 NS ns.own.test.\n"                                                                                                     \
    "ns.own.test. 3600 A 192.0.2.99\n"

static const char own_zone[] = OWN_HEAD "www.own.test. 3600 A 198.51.100.90\n"
                                        "out.own.test. 3600 CNAME www.example.com.\n"
                                        "d.own.test. 3600 DNAME other.net.\n"
                                        "*.wild.own.test. 3600 A 198.51.100.91\n"
                                        "sub.own.test. 3600 NS ns.sub.own.test.\n"
                                        "ns.sub.own.test. 3600 A 192.0.2.98\n";

static const char sub_zone[] = "sub.own.test. 3600 SOA ns.sub.own.test. host.sub.own.test. 1 7200 900 1209600 300\n"
                               "sub.own.test. 3600 NS ns.sub.own.test.\n"
                               "ns.sub.own.test. 3600 A 192.0.2.98\n"
                               "www.sub.own.test. 3600 A 198.51.100.92\n";

static sim_t *serving(void)
{
    sim_t *sim = internet_new();
    sim_zone(sim, "own.test.", own_zone);
    sim_zone(sim, "sub.own.test.", sub_zone);
    sim_host(sim, "192.0.2.98", "sub.own.test.");
    sim_serve(sim, "own.test.");
    sim_start(sim);
    return sim;
}

/* Messages to others. */
static unsigned sent(const sim_t *sim)
{
    return sim_queries(sim) - sim->own->queries;
}

static void without_the_network(void **state)
{
    (void)state;
    sim_t *sim = serving();
    internet_expect(sim, "www.own.test.", TYPE_A, "NOERROR\nwww.own.test. A 198.51.100.90\n");
    internet_expect(sim, "x.wild.own.test.", TYPE_A, "NOERROR\nx.wild.own.test. A 198.51.100.91\n");
    internet_expect(sim, "www.own.test.", TYPE_AAAA, "NOERROR\n");
    internet_expect(sim, "nowhere.own.test.", TYPE_A, "NXDOMAIN\n");
    assert_int_equal(sent(sim), 0);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_SENT_UDP), 0);
    internet_expect(sim, "out.own.test.", TYPE_A, "NOERROR\nout.own.test. CNAME www.example.com.\nwww.example.com. A 198.51.100.1\n");
    assert_int_equal(sent(sim), 3);
    sim_free(sim);
}

/* Whatever a zone of ours says is asked anew each time: answers, denials, aliases, failures. */
static void nothing_is_kept(void **state)
{
    (void)state;
    sim_t *sim = serving();
    internet_expect(sim, "www.own.test.", TYPE_A, "NOERROR\nwww.own.test. A 198.51.100.90\n");
    internet_expect(sim, "late.own.test.", TYPE_A, "NXDOMAIN\n");
    internet_expect(sim, "www.d.own.test.", TYPE_A,
                    "NOERROR\nd.own.test. DNAME other.net.\nwww.d.own.test. CNAME www.other.net.\nwww.other.net. A 198.51.100.30\n");
    sim->own->behaviours = SIM_FAILS;
    internet_expect(sim, "www.own.test.", TYPE_A, "SERVFAIL\n");
    sim->own->behaviours = SIM_REFUSES;
    internet_expect(sim, "www.own.test.", TYPE_A, "SERVFAIL\n");
    sim->own->behaviours = 0;
    sim_change_zone(sim, "own.test.", OWN_HEAD "www.own.test. 3600 A 198.51.100.77\nlate.own.test. 3600 A 198.51.100.78\n");
    internet_expect(sim, "www.own.test.", TYPE_A, "NOERROR\nwww.own.test. A 198.51.100.77\n");
    internet_expect(sim, "late.own.test.", TYPE_A, "NOERROR\nlate.own.test. A 198.51.100.78\n");
    internet_expect(sim, "www.d.own.test.", TYPE_A, "NXDOMAIN\n");
    sim_free(sim);
}

/* What our zone delegates is asked there, and kept. */
static void delegated_below(void **state)
{
    (void)state;
    sim_t *sim = serving();
    for (unsigned i = 0; i < 2; i++) {
        internet_expect(sim, "www.sub.own.test.", TYPE_A, "NOERROR\nwww.sub.own.test. A 198.51.100.92\n");
        assert_int_equal(sent(sim), 1);
    }
    internet_expect(sim, "www.sub.own.test.", TYPE_DS, "NOERROR\n");
    internet_expect(sim, "sub.own.test.", TYPE_DS, "NOERROR\n"); /* the parent's: ours */
    assert_int_equal(sent(sim), 2);
    sim_free(sim);
}

/* A zone that others serve too: our copy goes first, also where the way to the others is known. */
static void before_delegations(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_serve(sim, "victim.com.");
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, "NOERROR\nwww.example.com. A 198.51.100.1\n");
    unsigned before = sent(sim);
    internet_expect(sim, "www.victim.com.", TYPE_A, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    assert_int_equal(sent(sim), before);
    internet_expect(sim, "victim.com.", TYPE_DS, "NOERROR\n"); /* the parent is not ours */
    assert_int_equal(sent(sim), before + 1);
    sim_free(sim);
}

static void configured_zones(void **state)
{
    (void)state;
    const resolver_address_t servers[] = {{.family = RESOLVER_IPV4, .port = 53, .bytes = {192, 0, 2, 98}}};
    resolver_zone_t zones[] = {
        {.zone = sim_name("sub.own.test."), .kind = RESOLVER_STUB, .addresses = servers, .address_count = 1},
        {.zone = sim_name("."), .kind = RESOLVER_FORWARD, .addresses = servers, .address_count = 1},
    };
    sim_t *sim = internet_new();
    sim_zone(sim, "own.test.", OWN_HEAD "www.own.test. 3600 A 198.51.100.90\n");
    sim_zone(sim, "sub.own.test.", sub_zone);
    sim_host(sim, "192.0.2.98", "sub.own.test.");
    sim_serve(sim, "own.test.");
    sim->settings.zones = zones;
    sim->settings.zone_count = ARRAY_SIZE(zones);
    sim_start(sim);
    internet_expect(sim, "www.own.test.", TYPE_A, "NOERROR\nwww.own.test. A 198.51.100.90\n"); /* deeper than the forward zone */
    assert_int_equal(sent(sim), 0);
    internet_expect(sim, "www.sub.own.test.", TYPE_A, "NOERROR\nwww.sub.own.test. A 198.51.100.92\n"); /* the stub zone is deeper */
    assert_int_equal(sent(sim), 1);
    sim_free(sim);
}

/* Any number at once: our own zones are no server to be spared. */
static void many_at_once(void **state)
{
    (void)state;
    enum { CLIENTS = 450 };
    sim_t *sim = serving();
    for (unsigned i = 0; i < CLIENTS; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.wild.own.test.", i);
        sim_begin(sim, name, TYPE_A, 0);
    }
    sim_run(sim, 60000);
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_true(sim->answers[i].is_there);
        assert_int_equal(sim->answers[i].rcode, RCODE_NOERROR);
    }
    assert_int_equal(sent(sim), 0);
    sim_free(sim);
}

/* ---- RESOLVER_FLAG_REFRESH ---- */

static void refreshed(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_start(sim);
    const sim_host_t *servers[] = {sim_find_host(sim, "192.0.2.10"), sim_find_host(sim, "192.0.2.11")};
    internet_expect(sim, "alias.example.com.", TYPE_A,
                    "NOERROR\nalias.example.com. CNAME www.example.com.\nwww.example.com. A 198.51.100.1\n");
    sim_sleep(sim, 3300);
    unsigned before = servers[0]->queries + servers[1]->queries;
    assert_int_equal(sim_ask(sim, "www.example.com.", TYPE_A)->rcode, RCODE_NOERROR);
    assert_int_equal(servers[0]->queries + servers[1]->queries, before); /* known */
    const sim_answer_t *answer = sim_ask_with(sim, "alias.example.com.", TYPE_A, RESOLVER_FLAG_REFRESH);
    assert_int_equal(answer->rcode, RCODE_NOERROR);
    assert_int_equal(answer->ttl_s, 3600);
    assert_int_equal(servers[0]->queries + servers[1]->queries, before + 2); /* the alias, and what it leads to */
    sim_sleep(sim, 1800);
    assert_int_equal(sim_ask(sim, "www.example.com.", TYPE_A)->rcode, RCODE_NOERROR); /* the store has the new one */
    assert_int_equal(servers[0]->queries + servers[1]->queries, before + 2);
    sim_free(sim);
}

/* A name that cannot be had now is not asked for with each refresh, and keeps its data. */
static void not_refreshed_while_failing(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_start(sim);
    sim_host_t *servers[] = {sim_find_host(sim, "192.0.2.10"), sim_find_host(sim, "192.0.2.11")};
    internet_expect(sim, "short.example.com.", TYPE_A, "NOERROR\nshort.example.com. A 198.51.100.2\n");
    servers[0]->behaviours = servers[1]->behaviours = SIM_FAILS;
    assert_int_equal(sim_ask_with(sim, "short.example.com.", TYPE_A, RESOLVER_FLAG_REFRESH)->rcode, RCODE_SERVFAIL);
    unsigned before = servers[0]->queries + servers[1]->queries;
    sim_ask_with(sim, "short.example.com.", TYPE_A, RESOLVER_FLAG_REFRESH);
    assert_int_equal(servers[0]->queries + servers[1]->queries, before);
    internet_expect(sim, "short.example.com.", TYPE_A, "NOERROR\nshort.example.com. A 198.51.100.2\n");
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_network), cmocka_unit_test(nothing_is_kept),
        cmocka_unit_test(delegated_below),     cmocka_unit_test(before_delegations),
        cmocka_unit_test(configured_zones),    cmocka_unit_test(many_at_once),
        cmocka_unit_test(refreshed),           cmocka_unit_test(not_refreshed_while_failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
