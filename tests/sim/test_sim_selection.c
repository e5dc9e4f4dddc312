/* Which servers are asked, and what it costs when some are slow, dead or out of reach. */
#include "internet.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COM "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"

enum { QUESTIONS = 1000, FAST_MS = 20, SLOW_MS = 200 };

static unsigned asked(sim_t *sim, const char *address)
{
    return sim_find_host(sim, address)->queries;
}

typedef struct waits {
    double mean_ms;
    uint64_t p99_ms;
    uint64_t greatest_ms;
} waits_t;

static int compare_times(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return *left < *right ? -1 : *left > *right;
}

/* Names of example.com. never asked before, one each pause_ms. */
static waits_t ask_cold(sim_t *sim, unsigned count, unsigned pause_ms)
{
    static unsigned serial;
    uint64_t times[QUESTIONS];
    uint64_t sum_ms = 0;
    sim_ask(sim, "wild.example.com.", TYPE_A); /* so that each takes one question */
    const size_t first = sim->answer_count;
    for (unsigned i = 0; i < count; i++) {
        char name[64];
        const uint64_t end_ms = sim->now_ms + pause_ms;
        snprintf(name, sizeof name, "n%u.wild.example.com.", serial++);
        sim_begin(sim, name, TYPE_A, 0);
        sim_run(sim, pause_ms);
        sim->now_ms = end_ms;
    }
    sim_run(sim, 10000);
    for (unsigned i = 0; i < count; i++) {
        const sim_answer_t *answer = &sim->answers[first + i];
        assert_true(answer->is_there);
        assert_int_equal(answer->rcode, RCODE_NOERROR);
        times[i] = answer->took_ms;
        sum_ms += answer->took_ms;
    }
    qsort(times, count, sizeof times[0], compare_times);
    return (waits_t){(double)sum_ms / count, times[count * 99 / 100], times[count - 1]};
}

/* example.com. has three servers; 192.0.2.12 is the third. */
static sim_t *three_servers(void)
{
    sim_t *sim = internet_new();
    sim_change_zone(
        sim, "example.com.",
        "example.com. 86400 SOA ns1.example.com. host.example.com. 1 7200 900 1209600 300\nexample.com. 86400 NS ns1.example.com.\n"
        "wild.example.com. 86400 A 198.51.100.8\n*.wild.example.com. 60 A 198.51.100.9\n");
    sim_change_zone(sim, "com.",
                    COM
                    "example.com. 86400 NS ns1.example.com.\nns1.example.com. 86400 A 192.0.2.10\nexample.com. 86400 NS ns2.example.com.\n"
                    "ns2.example.com. 86400 A 192.0.2.11\nexample.com. 86400 NS ns3.example.com.\nns3.example.com. 86400 A 192.0.2.12\n");
    sim_find_host(sim, "192.0.2.10")->latency_ms = FAST_MS;
    sim_find_host(sim, "192.0.2.11")->latency_ms = SLOW_MS;
    sim_host(sim, "192.0.2.12", "example.com.")->latency_ms = FAST_MS / 2;
    return sim;
}

static void one_fast_one_slow_one_dead(void **state)
{
    (void)state;
    static const unsigned pauses_ms[] = {10, 300, 3000};
    for (size_t i = 0; i < ARRAY_SIZE(pauses_ms); i++) {
        sim_t *sim = three_servers();
        sim_find_host(sim, "192.0.2.12")->behaviours = SIM_SILENT;
        sim_start(sim);
        const waits_t waits = ask_cold(sim, QUESTIONS, pauses_ms[i]);
        print_message("pause %u ms: mean %.1f, p99 %lu, greatest %lu; fast %u, slow %u, dead %u\n", pauses_ms[i], waits.mean_ms,
                      (unsigned long)waits.p99_ms, (unsigned long)waits.greatest_ms, asked(sim, "192.0.2.10"), asked(sim, "192.0.2.11"),
                      asked(sim, "192.0.2.12"));
        assert_true(waits.mean_ms < 1.75 * FAST_MS);
        assert_true(waits.greatest_ms <= 1000);
        assert_in_range(asked(sim, "192.0.2.12"), 4, QUESTIONS / 20 - 1);
        assert_in_range(asked(sim, "192.0.2.11"), 1, QUESTIONS / 10);
        /* It returns, and is the fastest. */
        sim_find_host(sim, "192.0.2.12")->behaviours = 0;
        const unsigned before = asked(sim, "192.0.2.12");
        ask_cold(sim, QUESTIONS, 300);
        print_message("back: %u\n", asked(sim, "192.0.2.12") - before);
        assert_true(asked(sim, "192.0.2.12") - before > QUESTIONS / 10);
        sim_free(sim);
    }
}

/* The fastest of three dies while it is in use. */
static void the_one_in_use_dies(void **state)
{
    (void)state;
    sim_t *sim = three_servers();
    sim_start(sim);
    ask_cold(sim, 200, 50);
    sim_find_host(sim, "192.0.2.12")->behaviours = SIM_SILENT;
    const unsigned before = asked(sim, "192.0.2.12");
    const waits_t waits = ask_cold(sim, QUESTIONS, 50);
    print_message("mean %.1f, p99 %lu, greatest %lu; dead %u\n", waits.mean_ms, (unsigned long)waits.p99_ms,
                  (unsigned long)waits.greatest_ms, asked(sim, "192.0.2.12") - before);
    assert_true(waits.mean_ms < 1.75 * FAST_MS);
    assert_true(waits.greatest_ms <= 1000);
    assert_in_range(asked(sim, "192.0.2.12") - before, 4, QUESTIONS / 20 - 1);
    sim_free(sim);
}

/* ---- families ---- */

/* Every server has an address of each family, and one family is not there. */
static void a_family_that_is_missing(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        sim_t *sim = internet_new();
        sim_change_zone(sim, "com.",
                        COM "example.com. 86400 NS ns1.example.com.\nns1.example.com. 86400 A 192.0.2.10\n"
                            "ns1.example.com. 86400 AAAA 2001:db8::10\nexample.com. 86400 NS ns2.example.com.\n"
                            "ns2.example.com. 86400 A 192.0.2.11\nns2.example.com. 86400 AAAA 2001:db8::11\n");
        sim_change_zone(
            sim, ".",
            ". 86400 SOA ns.rootsrv. host.rootsrv. 1 7200 900 1209600 300\n. 86400 NS ns.rootsrv.\nns.rootsrv. 86400 A 192.0.2.1\n"
            "ns.rootsrv. 86400 AAAA 2001:db8::1\ncom. 86400 NS ns.com.\nns.com. 86400 A 192.0.2.2\nns.com. 86400 AAAA 2001:db8::2\n");
        sim_host(sim, "2001:db8::1", ".");
        sim_host(sim, "2001:db8::2", "com.");
        sim_host(sim, "2001:db8::10", "example.com.");
        sim_host(sim, "2001:db8::11", "example.com.");
        sim_hint(sim, "ns.rootsrv.", "2001:db8::1");
        for (size_t i = 0; i < sim->host_count; i++) {
            bool is_missing = (sim->hosts[i].address.family == RESOLVER_IPV6) == (missing == 0);
            sim->hosts[i].behaviours = is_missing ? SIM_UNREACHABLE : 0;
        }
        sim->settings.prefer_ipv6 = missing == 0;
        sim_start(sim);
        const waits_t waits = ask_cold(sim, QUESTIONS, 100);
        const uint64_t vain =
            resolver_count(sim->resolver, RESOLVER_COUNT_SENT_UDP) - resolver_count(sim->resolver, RESOLVER_COUNT_REPLIES);
        print_message("%s missing: mean %.1f, greatest %lu, in vain %lu\n", missing == 0 ? "IPv6" : "IPv4", waits.mean_ms,
                      (unsigned long)waits.greatest_ms, (unsigned long)vain);
        assert_true(waits.mean_ms <= FAST_MS + 1);
        assert_true(waits.greatest_ms <= 4 * FAST_MS);
        assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_TIMEOUTS), 0);
        assert_in_range(vain, 1, 4); /* once a minute */
        sim_free(sim);
    }
}

/* A name server without glue: the addresses that are looked up must be of a family that is there. */
static void addresses_of_the_family_that_is_there(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        sim_t *sim = internet_new();
        sim_change_zone(sim, "com.", COM "example.com. 86400 NS www.other.net.\n");
        sim_change_zone(sim, "other.net.",
                        "other.net. 3600 SOA ns.other.net. host.other.net. 1 7200 900 1209600 300\nother.net. 3600 NS ns.other.net.\n"
                        "ns.other.net. 3600 A 192.0.2.30\nwww.other.net. 3600 A 192.0.2.13\nwww.other.net. 3600 AAAA 2001:db8::13\n");
        sim_host(sim, "192.0.2.13", "example.com.")->behaviours = missing == 1 ? SIM_UNREACHABLE : 0;
        sim_host(sim, "2001:db8::13", "example.com.")->behaviours = missing == 0 ? SIM_UNREACHABLE : 0;
        sim->settings.prefer_ipv6 = missing == 0;
        sim_start(sim);
        internet_expect(sim, "www.example.com.", TYPE_A, "NOERROR\nwww.example.com. A 198.51.100.1\n");
        assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_TIMEOUTS), 0);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_fast_one_slow_one_dead),
        cmocka_unit_test(the_one_in_use_dies),
        cmocka_unit_test(a_family_that_is_missing),
        cmocka_unit_test(addresses_of_the_family_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
