/* What is ours is not held against names: a limit of our own, a want of sockets or of a route, and what another question has spent. */
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

#define VICTIM "NOERROR\nwww.victim.com. A 198.51.100.20\n"
#define WWW    "NOERROR\nwww.example.com. A 198.51.100.1\n"

static void begin_many(sim_t *sim, unsigned count, const char *zone)
{
    for (unsigned i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof name, "r%u.%s", i, zone);
        sim_begin(sim, name, TYPE_A, 0);
    }
}

/* An attacker asks for many names of a zone whose server is slow just then. Who asks for another one is told SERVFAIL; but that says
 * nothing about that name, which is asked for as soon as there is room again (RFC 9520 2 knows no such failure). */
static void a_full_server_is_not_a_failure_of_names(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.fetches_a_server_max = 10;
    sim_find_host(sim, "192.0.2.20")->behaviours = SIM_SILENT;
    sim_start(sim);
    sim_begin(sim, "warm.victim.com.", TYPE_A, 0);
    sim_run(sim, 100);
    begin_many(sim, 50, "victim.com.");
    size_t victim = sim_begin(sim, "www.victim.com.", TYPE_A, 0);
    sim_run(sim, 100);
    assert_string_equal(sim->answers[victim].text, "SERVFAIL\n");
    sim_find_host(sim, "192.0.2.20")->behaviours = 0;
    sim_run(sim, 3000);
    internet_expect(sim, "www.victim.com.", TYPE_A, VICTIM);
    sim_free(sim);
}

static void a_full_zone_is_not_a_failure_of_names(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.fetches_a_zone_max = 10;
    sim_find_host(sim, "192.0.2.20")->behaviours = SIM_SILENT;
    sim_start(sim);
    sim_begin(sim, "warm.victim.com.", TYPE_A, 0);
    sim_run(sim, 100);
    begin_many(sim, 50, "victim.com.");
    size_t victim = sim_begin(sim, "www.victim.com.", TYPE_A, 0);
    sim_run(sim, 100);
    assert_string_equal(sim->answers[victim].text, "SERVFAIL\n");
    sim_find_host(sim, "192.0.2.20")->behaviours = 0;
    sim_run(sim, 3000);
    internet_expect(sim, "www.victim.com.", TYPE_A, VICTIM);
    sim_free(sim);
}

static void a_want_of_sockets_is_not_a_failure_of_names(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->sockets_max = 5;
    sim_find_host(sim, "192.0.2.20")->behaviours = SIM_SILENT;
    sim_start(sim);
    sim_ask(sim, "ns1.example.com.", TYPE_A);
    sim_begin(sim, "warm.victim.com.", TYPE_A, 0);
    sim_run(sim, 100);
    begin_many(sim, 8, "victim.com.");
    size_t other = sim_begin(sim, "www.example.com.", TYPE_A, 0);
    sim_run(sim, 100);
    assert_string_equal(sim->answers[other].text, "SERVFAIL\n");
    sim->sockets_max = 0;
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

/* A machine without a network: its programs ask again and again. When the network is back they are answered soon, not in minutes. */
static void a_network_that_was_away_is_noticed(void **state)
{
    static const char *const hosts[] = {"192.0.2.1", "192.0.2.2", "192.0.2.10", "192.0.2.11"};
    (void)state;
    sim_t *sim = internet_new();
    for (unsigned i = 0; i < 4; i++) {
        sim_find_host(sim, hosts[i])->behaviours = SIM_UNREACHABLE;
    }
    sim_start(sim);
    for (unsigned minute = 0; minute < 20; minute++) {
        assert_string_equal(sim_ask(sim, "www.example.com.", TYPE_A)->text, "SERVFAIL\n");
        sim_sleep(sim, 60);
    }
    assert_string_equal(sim_ask(sim, "www.example.com.", TYPE_A)->text, "SERVFAIL\n");
    unsigned before = sim_queries(sim);
    assert_string_equal(sim_ask(sim, "www.example.com.", TYPE_A)->text, "SERVFAIL\n"); /* yet not at once (RFC 9520 3.2) */
    assert_int_equal(sim_queries(sim), before);
    for (unsigned i = 0; i < 4; i++) {
        sim_find_host(sim, hosts[i])->behaviours = 0;
    }
    sim_sleep(sim, sim->settings.failure_ttl_min_s + 1);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

/* ---- trees ---- */

/* Below example.com.: zK-N is a zone whose two servers are in z(K-1)-2N and z(K-1)-(2N+1) and can only be found there; those of z0-N have
 * addresses where nobody answers. */
static size_t tree_of_zones(sim_host_t *host, const query_t *query, uint8_t *out)
{
    char name[NAME_TEXT_MAX];
    unsigned level = 0;
    unsigned number = 0;
    message_writer_t writer;
    (void)host;
    name_to_text(query->message + MESSAGE_HEADER_SIZE, name);
    for (char *c = name; *c; c++) {
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    }
    const char *zone = strchr(name, 'z');
    sim_reply_begin(&writer, query, out, zone ? 0 : FLAG_AA);
    char *behind = name;
    level = zone ? (unsigned)strtoul(zone + 1, &behind, 10) : 0;
    if (zone && *behind == '-') {
        number = (unsigned)strtoul(behind + 1, NULL, 10);
        for (unsigned i = 0; i < 2; i++) {
            char server[64];
            if (level > 0) {
                snprintf(server, sizeof server, "ns.z%u-%u.example.com.", level - 1, 2 * number + i);
            } else {
                snprintf(server, sizeof server, "ns%u.%.40s", i, zone);
            }
            sim_reply_add(&writer, SECTION_AUTHORITY, zone, TYPE_NS, 3600, server);
        }
        if (level == 0) {
            char server[64];
            snprintf(server, sizeof server, "ns0.%.40s", zone);
            sim_reply_add(&writer, SECTION_ADDITIONAL, server, TYPE_A, 3600, "203.0.113.99");
        }
    }
    return message_writer_finish(&writer);
}

/* Each of an attacker's questions needs as many look-ups as it may have, all of which wait long. The few questions that one client may have
 * at once must not fill the table. */
static void a_few_questions_do_not_fill_the_table(void **state)
{
    enum { QUESTIONS = 40, LEVELS = 5 };
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.fetches_max = 400;
    sim->settings.fetches_a_server_max = 10000;
    sim_find_host(sim, "192.0.2.10")->script = tree_of_zones;
    sim_find_host(sim, "192.0.2.11")->script = tree_of_zones;
    sim_start(sim);
    sim_ask(sim, "ns.victim.com.", TYPE_A);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        char name[64];
        snprintf(name, sizeof name, "www.z%u-%u.example.com.", LEVELS, i);
        sim_begin(sim, name, TYPE_A, 0);
        sim_run(sim, 50);
    }
    assert_in_range(resolver_fetches(sim->resolver), 100, 350);
    size_t victim = sim_begin(sim, "www.victim.com.", TYPE_A, 0);
    sim_run(sim, 200);
    assert_true(sim->answers[victim].is_there);
    assert_string_equal(sim->answers[victim].text, VICTIM);
    sim_free(sim);
}

/* ---- chains of an attacker that end at somebody else's name ---- */

/* Aliases a1, a2, ... of example.com., never kept; the last one is of www.victim.com. */
static size_t chain_to_victim(sim_host_t *host, const query_t *query, uint8_t *out)
{
    const unsigned *last = host->script_data;
    char name[NAME_TEXT_MAX];
    char target[64];
    message_writer_t writer;
    char *end;
    name_to_text(query->message + MESSAGE_HEADER_SIZE, name);
    unsigned long number = strtoul(name + 1, &end, 10);
    bool is_ours = (name[0] | 0x20) == 'a' && end > name + 1 && *end == '.';
    snprintf(target, sizeof target, "a%lu.example.com.", number + 1);
    sim_reply_begin(&writer, query, out, FLAG_AA);
    if (is_ours) {
        sim_reply_add(&writer, SECTION_ANSWER, name, TYPE_CNAME, 0, number == *last ? "www.victim.com." : target);
    }
    return message_writer_finish(&writer);
}

static sim_t *with_chain(const unsigned *last)
{
    sim_t *sim = internet_new();
    const char *const hosts[] = {"192.0.2.10", "192.0.2.11"};
    for (unsigned i = 0; i < 2; i++) {
        sim_find_host(sim, hosts[i])->script = chain_to_victim;
        sim_find_host(sim, hosts[i])->script_data = last;
    }
    return sim;
}

/* Its sends are spent when it gets there. */
static void a_chain_that_spent_its_sends_fails_no_other_name(void **state)
{
    static const unsigned last = 5;
    (void)state;
    sim_t *sim = with_chain(&last);
    sim->settings.upstream_queries_max = 8;
    sim_start(sim);
    assert_string_equal(sim_ask(sim, "a1.example.com.", TYPE_A)->text, "SERVFAIL\n");
    internet_expect(sim, "www.victim.com.", TYPE_A, VICTIM);
    sim_free(sim);
}

/* Its time. */
static void a_chain_that_spent_its_time_fails_no_other_name(void **state)
{
    static const unsigned last = 3;
    (void)state;
    sim_t *sim = with_chain(&last);
    sim->settings.timeout_initial_ms = 3400;
    sim_find_host(sim, "192.0.2.10")->latency_ms = 3200;
    sim_find_host(sim, "192.0.2.11")->latency_ms = 3200;
    sim_find_host(sim, "192.0.2.20")->latency_ms = 600;
    sim_start(sim);
    assert_string_equal(sim_ask(sim, "a1.example.com.", TYPE_A)->text, "SERVFAIL\n");
    internet_expect(sim, "www.victim.com.", TYPE_A, VICTIM);
    sim_free(sim);
}

/* The look-ups it may have. ns.other.net. has no address but by a look-up of its own. */
static void a_chain_that_spent_its_look_ups_fails_no_other_name(void **state)
{
    static const unsigned last = 4;
    (void)state;
    sim_t *sim = with_chain(&last);
    sim->settings.fetches_max_a_request = 5;
    sim_change_zone(sim, "com.",
                    "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"
                    "example.com. 3600 NS ns1.example.com.\nns1.example.com. 3600 A 192.0.2.10\n"
                    "victim.com. 3600 NS ns.victim.net.\n");
    sim_change_zone(sim, "net.",
                    "net. 3600 SOA ns.net. host.net. 1 7200 900 1209600 300\nnet. 3600 NS ns.net.\nns.net. 3600 A 192.0.2.3\n"
                    "ns.victim.net. 3600 A 192.0.2.20\n");
    sim_start(sim);
    assert_string_equal(sim_ask(sim, "a1.example.com.", TYPE_A)->text, "SERVFAIL\n");
    internet_expect(sim, "www.victim.com.", TYPE_A, VICTIM);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_server_is_not_a_failure_of_names),
        cmocka_unit_test(a_full_zone_is_not_a_failure_of_names),
        cmocka_unit_test(a_want_of_sockets_is_not_a_failure_of_names),
        cmocka_unit_test(a_network_that_was_away_is_noticed),
        cmocka_unit_test(a_few_questions_do_not_fill_the_table),
        cmocka_unit_test(a_chain_that_spent_its_sends_fails_no_other_name),
        cmocka_unit_test(a_chain_that_spent_its_time_fails_no_other_name),
        cmocka_unit_test(a_chain_that_spent_its_look_ups_fails_no_other_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
