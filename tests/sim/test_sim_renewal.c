/* Delegations in the store that are not what they were: zones that moved, that are delegated no more, that somebody forged. */
#include "internet.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define WWW  "NOERROR\nwww.victim.com. A 198.51.100.20\n"
#define MAIL "NOERROR\nmail.victim.com. A 198.51.100.21\n"
#define COM  "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"
#define OLD  "victim.com. 3600 NS ns.victim.com.\nns.victim.com. 3600 A 192.0.2.20\n"
#define VICTIM                                                                                                                             \
    "victim.com. 3600 SOA ns.victim.com. host.victim.com. 1 7200 900 1209600 300\nvictim.com. 3600 NS ns.victim.com.\n"                    \
    "www.victim.com. 3600 A 198.51.100.20\nmail.victim.com. 3600 A 198.51.100.21\n*.wild.victim.com. 3600 A 198.51.100.22\n"

static const unsigned helpless[] = {SIM_SILENT, SIM_REFUSES,      SIM_FAILS,       SIM_LAME,
                                    SIM_UPWARD, SIM_OUT_OF_CACHE, SIM_UNREACHABLE, SIM_ONLY_GARBAGE};

static unsigned asked(sim_t *sim, const char *address)
{
    return sim_find_host(sim, address)->queries;
}

static uint64_t renewals(const sim_t *sim)
{
    return resolver_count(sim->resolver, RESOLVER_COUNT_RENEWALS);
}

/* victim.com. is known; then com. says this of it, and its old server does that. 192.0.2.21 is its new one. */
static sim_t *after(const char *com, unsigned behaviour)
{
    sim_t *sim = internet_new();
    sim_change_zone(sim, "victim.com.", VICTIM "ns.victim.com. 3600 A 192.0.2.20\n");
    sim_host(sim, "192.0.2.21", "victim.com.");
    sim_start(sim);
    internet_expect(sim, "www.victim.com.", TYPE_A, WWW);
    sim_change_zone(sim, "com.", com);
    sim_find_host(sim, "192.0.2.20")->behaviours = behaviour;
    return sim;
}

static void a_zone_that_moved(void **state)
{
    (void)state;
    static const char *const moved[] = {
        COM "victim.com. 3600 NS ns.victim.com.\nns.victim.com. 3600 A 192.0.2.21\n", /* the same name */
        COM "victim.com. 3600 NS ns2.victim.com.\nns2.victim.com. 3600 A 192.0.2.21\n",
        COM OLD "victim.com. 3600 NS ns2.victim.com.\nns2.victim.com. 3600 A 192.0.2.21\n", /* the old one is named still */
    };
    for (size_t i = 0; i < ARRAY_SIZE(helpless); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(moved); j++) {
            sim_t *sim = after(moved[j], helpless[i]);
            unsigned before = asked(sim, "192.0.2.2");
            const sim_answer_t *answer = sim_ask(sim, "mail.victim.com.", TYPE_A);
            assert_string_equal(answer->text, MAIL);
            assert_in_range(answer->took_ms, 0, helpless[i] == SIM_ONLY_GARBAGE ? 10000 : 1800);
            assert_int_equal(asked(sim, "192.0.2.2"), before + 1);
            assert_int_equal(renewals(sim), 1);
            unsigned old = asked(sim, "192.0.2.20");
            internet_expect(sim, "a.wild.victim.com.", TYPE_A, "NOERROR\na.wild.victim.com. A 198.51.100.22\n");
            assert_int_equal(asked(sim, "192.0.2.20"), old); /* the store knows, too */
            sim_free(sim);
        }
    }
}

/* Servers without glue. */
static void a_zone_that_moved_out_of_itself(void **state)
{
    (void)state;
    sim_t *sim = after(COM "victim.com. 3600 NS www.other.net.\n", SIM_REFUSES);
    sim_host(sim, "198.51.100.30", "victim.com.");
    internet_expect(sim, "mail.victim.com.", TYPE_A, MAIL);
    sim_free(sim);
}

static void a_zone_that_is_delegated_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(helpless); i++) {
        sim_t *sim = after(COM "mail.victim.com. 3600 A 203.0.113.1\n", helpless[i]);
        internet_expect(sim, "mail.victim.com.", TYPE_A, "NOERROR\nmail.victim.com. A 203.0.113.1\n");
        unsigned old = asked(sim, "192.0.2.20");
        sim_sleep(sim, 2);
        internet_expect(sim, "nix.victim.com.", TYPE_A, "NXDOMAIN\n");
        assert_int_equal(asked(sim, "192.0.2.20"), old);
        assert_int_equal(renewals(sim), 1);
        sim_free(sim);
    }
}

/* The parent says what it said before: that costs it one question a minute, and its child not one more than it would have got. */
static void a_zone_that_is_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(helpless); i++) {
        sim_t *sim = after(COM OLD, helpless[i]);
        unsigned parent = asked(sim, "192.0.2.2");
        for (unsigned j = 0; j < 5; j++) {
            char name[64];
            unsigned before = asked(sim, "192.0.2.20");
            snprintf(name, sizeof name, "n%u.victim.com.", j);
            const uint64_t begun_ms = sim->now_ms;
            internet_expect(sim, name, TYPE_A, "SERVFAIL\n");
            assert_true(sim->answers[sim->answer_count - 1].took_ms <= sim->settings.request_wall_ms);
            assert_in_range(asked(sim, "192.0.2.20") - before, 0, sim->settings.tries_an_address);
            if (sim->now_ms - begun_ms > 15000) {
                break; /* then it is more than a minute */
            }
        }
        assert_in_range(asked(sim, "192.0.2.2") - parent, 1, 2);
        parent = asked(sim, "192.0.2.2");
        sim_sleep(sim, 120);
        sim_ask(sim, "later.victim.com.", TYPE_A);
        assert_int_equal(asked(sim, "192.0.2.2"), parent + 1);
        sim_find_host(sim, "192.0.2.20")->behaviours = 0;
        internet_expect(sim, "mail.victim.com.", TYPE_A, MAIL);
        sim_free(sim);
    }
}

/* Whoever finds out spares the others the wait. */
static void many_names_at_once(void **state)
{
    (void)state;
    sim_t *sim = after(COM "victim.com. 3600 NS ns.victim.com.\nns.victim.com. 3600 A 192.0.2.21\n", SIM_SILENT);
    unsigned parent = asked(sim, "192.0.2.2");
    for (unsigned i = 0; i < 50; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.wild.victim.com.", i);
        sim_begin(sim, name, TYPE_A, 0);
        sim_run(sim, 30);
    }
    sim_run(sim, 10000);
    for (size_t i = 1; i < sim->answer_count; i++) {
        assert_int_equal(sim->answers[i].rcode, RCODE_NOERROR);
        assert_in_range(sim->answers[i].took_ms, 0, 1800);
    }
    assert_int_equal(asked(sim, "192.0.2.2"), parent + 1);
    sim_free(sim);
}

/* A child that is well is not left for what its parent says, and what it says itself does not become a delegation. */
static void ns_of_the_child(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_change_zone(sim, "victim.com.",
                    "victim.com. 86400 SOA ns.victim.com. host.victim.com. 1 7200 900 1209600 300\nvictim.com. 86400 NS ns.victim.com.\n"
                    "victim.com. 86400 NS ns9.victim.com.\nns.victim.com. 86400 A 192.0.2.20\nns9.victim.com. 86400 A 203.0.113.66\n"
                    "www.victim.com. 60 A 198.51.100.20\n");
    sim_host_t *other = sim_host(sim, "203.0.113.66", "victim.com.");
    sim_start(sim);
    internet_expect(sim, "www.victim.com.", TYPE_A, WWW);
    internet_expect(sim, "victim.com.", TYPE_NS, "NOERROR\nvictim.com. NS ns.victim.com.\nvictim.com. NS ns9.victim.com.\n");
    assert_int_equal(sim->answers[1].ttl_s, 86400); /* the child's own, and its TTL */
    sim_find_host(sim, "192.0.2.20")->behaviours = SIM_REFUSES;
    sim_ask(sim, "ns9.victim.com.", TYPE_A);
    sim_sleep(sim, 100);
    internet_expect(sim, "www.victim.com.", TYPE_A, "SERVFAIL\n");
    assert_int_equal(other->queries, 0);
    sim_find_host(sim, "192.0.2.20")->behaviours = 0;
    sim_change_zone(sim, "com.", COM);
    for (unsigned i = 0; i < 12; i++) {
        sim_sleep(sim, 300);
        sim_ask(sim, "victim.com.", TYPE_NS);
    }
    sim_sleep(sim, 400);
    internet_expect(sim, "www.victim.com.", TYPE_A, "NXDOMAIN\n");
    assert_int_equal(other->queries, 0);
    sim_free(sim);
}

/* The root's own delegation is what priming found; the hints are there still. */
static void a_root_that_moved(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.priming = true;
    sim_host(sim, "192.0.2.9", ".");
    sim_hint(sim, "ns2.rootsrv.", "192.0.2.9");
    sim_start(sim);
    internet_expect(sim, "www.victim.com.", TYPE_A, WWW);
    sim_find_host(sim, "192.0.2.1")->behaviours = SIM_SILENT;
    internet_expect(sim, "nix.", TYPE_A, "NXDOMAIN\n");
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_that_moved),
        cmocka_unit_test(a_zone_that_moved_out_of_itself),
        cmocka_unit_test(a_zone_that_is_delegated_no_more),
        cmocka_unit_test(a_zone_that_is_down),
        cmocka_unit_test(many_names_at_once),
        cmocka_unit_test(ns_of_the_child),
        cmocka_unit_test(a_root_that_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
