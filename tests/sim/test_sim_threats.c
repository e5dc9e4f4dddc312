/* Attacks by name (each with its limit): how many messages they cost, and that nobody else suffers. */
#include "internet.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WWW "NOERROR\nwww.example.com. A 198.51.100.1\n"

static uint64_t counted(const sim_t *sim, resolver_counter_t counter)
{
    return resolver_count(sim->resolver, counter);
}

static uint64_t sent(const sim_t *sim)
{
    return counted(sim, RESOLVER_COUNT_SENT_UDP) + counted(sim, RESOLVER_COUNT_SENT_TCP);
}

static void qname_of(const query_t *query, char text[static NAME_TEXT_MAX])
{
    name_to_text(query->message + MESSAGE_HEADER_SIZE, text);
}

/* ---- referrals that multiply ---- */

enum { NXNS_NAMES = 200 };

/* example.com. refers each name below it to 200 servers of victim.com. that do not exist, other ones for each question. */
static size_t nxns(sim_host_t *host, const query_t *query, uint8_t *out)
{
    char name[NAME_TEXT_MAX];
    message_writer_t writer;
    (void)host;
    qname_of(query, name);
    sim_reply_begin(&writer, query, out, 0);
    for (unsigned i = 0; i < NXNS_NAMES; i++) {
        char server[64];
        snprintf(server, sizeof server, "ns%u-%u.victim.com.", load_be16(query->message), i);
        sim_reply_add(&writer, SECTION_AUTHORITY, name, TYPE_NS, 3600, server);
    }
    return message_writer_finish(&writer);
}

static void nxnsattack(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->script = nxns;
    sim_find_host(sim, "192.0.2.11")->script = nxns;
    sim_start(sim);
    internet_expect(sim, "a.example.com.", TYPE_A, "SERVFAIL\n");
    assert_in_range(sim_find_host(sim, "192.0.2.20")->queries, 1, RESOLVER_NS_LOOKUPS_MAX);
    assert_true(sent(sim) <= 12);
    internet_expect(sim, "www.victim.com.", TYPE_A, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    sim_free(sim);
}

/* Every server that a referral names is itself named by a referral with new names, and so on. */
static size_t nest(sim_host_t *host, const query_t *query, uint8_t *out)
{
    char name[NAME_TEXT_MAX];
    message_writer_t writer;
    qname_of(query, name);
    sim_reply_begin(&writer, query, out, 0);
    for (unsigned i = 0; i < RESOLVER_NS_NAMES_MAX; i++) {
        char server[64];
        snprintf(server, sizeof server, "x%u.y%u-%u.example.com.", i, host->queries, i);
        sim_reply_add(&writer, SECTION_AUTHORITY, name, TYPE_NS, 3600, server);
    }
    return message_writer_finish(&writer);
}

static void camp_and_deep_nesting(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->script = nest;
    sim_find_host(sim, "192.0.2.11")->script = nest;
    sim_start(sim);
    internet_expect(sim, "a.example.com.", TYPE_A, "SERVFAIL\n");
    assert_true(counted(sim, RESOLVER_COUNT_BUDGET_SPENT) > 0);
    assert_true(sent(sim) <= sim->settings.upstream_queries_max);
    assert_true(counted(sim, RESOLVER_COUNT_FETCHES) <= sim->settings.fetches_max_a_request);
    internet_expect(sim, "www.other.net.", TYPE_A, "NOERROR\nwww.other.net. A 198.51.100.30\n");
    sim_free(sim);
}

/* A chain that never ends: each alias is new. */
static size_t endless_chain(sim_host_t *host, const query_t *query, uint8_t *out)
{
    char name[NAME_TEXT_MAX];
    char target[64];
    message_writer_t writer;
    qname_of(query, name);
    snprintf(target, sizeof target, "c%u.example.com.", host->queries + (unsigned)host->address.bytes[3] * 1000);
    sim_reply_begin(&writer, query, out, FLAG_AA);
    sim_reply_add(&writer, SECTION_ANSWER, name, TYPE_CNAME, 0, target);
    return message_writer_finish(&writer);
}

static void endless_cname_chain(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->script = endless_chain;
    sim_find_host(sim, "192.0.2.11")->script = endless_chain;
    sim_start(sim);
    internet_expect(sim, "a.example.com.", TYPE_A, "SERVFAIL\n");
    assert_in_range(sent(sim), RESOLVER_CNAME_HOPS_MAX, RESOLVER_CNAME_HOPS_MAX + 4);
    sim_free(sim);
}

/* Two zones whose servers are in each other, and a crowd that asks for names below them. */
static void tsuname(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_change_zone(sim, "com.",
                    "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"
                    "one.com. 3600 NS ns.two.com.\none.com. 3600 NS ns2.two.com.\n"
                    "two.com. 3600 NS ns.one.com.\ntwo.com. 3600 NS ns2.one.com.\n");
    sim_start(sim);
    for (unsigned i = 0; i < 200; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.%s.com.", i, i % 2 ? "one" : "two");
        sim_begin(sim, name, TYPE_A, 0);
    }
    sim_run(sim, 30000);
    for (size_t i = 0; i < sim->answer_count; i++) {
        assert_string_equal(sim->answers[i].text, "SERVFAIL\n");
    }
    assert_true(counted(sim, RESOLVER_COUNT_LOOPS) > 0);
    assert_true(sent(sim) <= 6); /* com., and both delegations, once each, and once more as they lead nowhere */
    sim_free(sim);
}

enum { SILENT_SERVERS = 40 };

static size_t refers_to_silence(sim_host_t *host, const query_t *query, uint8_t *out)
{
    char name[NAME_TEXT_MAX];
    message_writer_t writer;
    (void)host;
    qname_of(query, name);
    sim_reply_begin(&writer, query, out, 0);
    for (unsigned i = 0; i < SILENT_SERVERS; i++) {
        char server[64];
        snprintf(server, sizeof server, "ns%u.%.40s", i, name);
        sim_reply_add(&writer, SECTION_AUTHORITY, name, TYPE_NS, 3600, server);
    }
    for (unsigned i = 0; i < SILENT_SERVERS; i++) {
        char server[64];
        char address[32];
        snprintf(server, sizeof server, "ns%u.%.40s", i, name);
        snprintf(address, sizeof address, "192.0.2.%u", 100 + i);
        sim_reply_add(&writer, SECTION_ADDITIONAL, server, TYPE_A, 3600, address);
    }
    return message_writer_finish(&writer);
}

static void nrdelegationattack(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->script = refers_to_silence;
    sim_find_host(sim, "192.0.2.11")->script = refers_to_silence;
    sim_start(sim);
    const sim_answer_t *answer = sim_ask(sim, "a.example.com.", TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_true(sent(sim) <= sim->settings.sends_a_cut_max + 4);
    assert_true(answer->took_ms <= sim->settings.request_wall_ms);
    uint64_t before = sent(sim);
    internet_expect(sim, "a.example.com.", TYPE_A, "SERVFAIL\n");
    assert_true(sent(sim) == before);
    sim_free(sim);
}

/* ---- withdrawn delegations ---- */

static void ghost_domain(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_start(sim);
    internet_expect(sim, "www.victim.com.", TYPE_A, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    /* com. withdraws the delegation; the child goes on answering, NS and addresses with long TTLs, and is asked for them. */
    sim_change_zone(sim, "com.",
                    "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n");
    for (unsigned i = 0; i < 10; i++) {
        sim_sleep(sim, 350);
        sim_ask(sim, "victim.com.", TYPE_NS);
        sim_ask(sim, "ns.victim.com.", TYPE_A);
    }
    sim_sleep(sim, 400);
    internet_expect(sim, "ghost.victim.com.", TYPE_A, "NXDOMAIN\n");
    sim_sleep(sim, 4000);
    internet_expect(sim, "www.victim.com.", TYPE_A, "NXDOMAIN\n");
    sim_free(sim);
}

/* The same one cut further down: a delegation that the child gives, with a life as long as it likes, and new ones below it shortly before
 * each ends (CVE-2022-30698). Or the referral is held back until the delegation that led to its server is over (CVE-2022-30699). */
static void phoenix_domain(void **state)
{
    static const char com[] = "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n";
    (void)state;
    sim_t *sim = internet_new();
    sim_change_zone(sim, "victim.com.",
                    "victim.com. 3600 SOA ns.victim.com. host.victim.com. 1 7200 900 1209600 300\nvictim.com. 3600 NS ns.victim.com.\n"
                    "ns.victim.com. 3600 A 192.0.2.20\nsub.victim.com. 86400 NS ns.sub.victim.com.\n"
                    "ns.sub.victim.com. 86400 A 203.0.113.66\n");
    sim_zone(
        sim, "sub.victim.com.",
        "sub.victim.com. 60 SOA ns.sub.victim.com. host.victim.com. 1 7200 900 1209600 60\nsub.victim.com. 86400 NS ns.sub.victim.com.\n"
        "ns.sub.victim.com. 86400 A 203.0.113.66\n*.sub.victim.com. 60 A 198.51.100.66\n");
    sim_host(sim, "203.0.113.66", "sub.victim.com.");
    sim_start(sim);
    sim_ask(sim, "victim.com.", TYPE_NS);
    sim_sleep(sim, 3000);
    internet_expect(sim, "a.sub.victim.com.", TYPE_A, "NOERROR\na.sub.victim.com. A 198.51.100.66\n");
    sim_change_zone(sim, "com.", com);
    sim_sleep(sim, 500);
    internet_expect(sim, "b.sub.victim.com.", TYPE_A, "NOERROR\nb.sub.victim.com. A 198.51.100.66\n"); /* com. said so for an hour */
    sim_sleep(sim, 200);
    internet_expect(sim, "c.sub.victim.com.", TYPE_A, "NXDOMAIN\n");
    sim_free(sim);
}

/* ---- guessing ---- */

/* Each answer is preceded by many guesses at the id. */
static void kaminsky_near_misses_lead_to_tcp(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->behaviours = SIM_WRONG_ID | SIM_WRONG_QUESTION | SIM_NOT_A_RESPONSE | SIM_GARBAGE;
    sim_find_host(sim, "192.0.2.11")->behaviours = SIM_WRONG_ID | SIM_WRONG_QUESTION | SIM_NOT_A_RESPONSE | SIM_GARBAGE;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    assert_int_equal(counted(sim, RESOLVER_COUNT_SUSPICIONS), 1);
    assert_int_equal(counted(sim, RESOLVER_COUNT_SENT_TCP), 1);
    sim_free(sim);
}

static void ids_names_and_cookies_vary(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_start(sim);
    uint64_t first = sim->trace;
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    uint64_t one = sim->trace;
    sim_free(sim);
    sim = internet_new();
    sim->seed = 8;
    sim_start(sim);
    assert_true(sim->trace == first);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    assert_true(sim->trace != one);
    sim_free(sim);
}

/* A server that once gave a cookie: an answer without one is not believed over UDP. */
static void a_missing_cookie_leads_to_tcp(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.20")->behaviours = SIM_SPEAKS_COOKIES;
    sim_start(sim);
    internet_expect(sim, "www.victim.com.", TYPE_A, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    assert_int_equal(counted(sim, RESOLVER_COUNT_SENT_TCP), 0);
    sim_find_host(sim, "192.0.2.20")->behaviours = 0;
    internet_expect(sim, "nix.victim.com.", TYPE_A, "NXDOMAIN\n");
    assert_int_equal(counted(sim, RESOLVER_COUNT_SENT_TCP), 1);
    internet_expect(sim, "nix2.victim.com.", TYPE_A, "NXDOMAIN\n"); /* TCP said that it has none any more */
    assert_int_equal(counted(sim, RESOLVER_COUNT_SENT_TCP), 1);
    sim_free(sim);
}

/* A crowd asks for names below one zone that is not known yet: each zone on the way is asked for the next once, and a forger has one id to
 * guess, not five hundred. */
static void rebirthday(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.fetches_max = sim->settings.fetches_a_zone_max = sim->settings.fetches_a_server_max = 1000;
    sim_start(sim);
    for (unsigned i = 0; i < 500; i++) {
        char name[64];
        snprintf(name, sizeof name, "r%u.wild.example.com.", i);
        sim_begin(sim, name, i % 2 ? TYPE_A : TYPE_TXT, 0);
    }
    sim_begin(sim, "wild.example.com.", TYPE_A, 0);
    sim_begin(sim, "example.com.", TYPE_A, 0);
    sim_run(sim, 20000);
    for (size_t i = 0; i < sim->answer_count; i++) {
        assert_int_equal(sim->answers[i].rcode, RCODE_NOERROR);
    }
    assert_int_equal(sim_find_host(sim, "192.0.2.1")->queries, 1);
    assert_int_equal(sim_find_host(sim, "192.0.2.2")->queries, 1);
    assert_in_range(sent(sim), 500 + 4, 500 + 6); /* root, com., example.com., wild.example.com. */
    sim_free(sim);
}

/* ---- bad replies ---- */

static void tudoor(void **state)
{
    (void)state;
    static const unsigned kinds[] = {SIM_GARBAGE, SIM_NOT_A_RESPONSE, SIM_WRONG_QUESTION, SIM_WRONG_SOURCE, SIM_WRONG_ID};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        sim_t *sim = internet_new();
        for (size_t j = 0; j < sim->host_count; j++) {
            sim->hosts[j].behaviours = kinds[i];
        }
        sim_start(sim);
        const sim_answer_t *answer = sim_ask(sim, "www.example.com.", TYPE_A);
        assert_string_equal(answer->text, WWW);
        assert_int_equal(answer->took_ms, 60); /* not a millisecond longer than without */
        sim_free(sim);
    }
}

/* ---- too much ---- */

static size_t many_records(sim_host_t *host, const query_t *query, uint8_t *out)
{
    char name[NAME_TEXT_MAX];
    message_writer_t writer;
    (void)host;
    qname_of(query, name);
    sim_reply_begin(&writer, query, out, FLAG_AA);
    for (unsigned i = 0; i < 101; i++) {
        char address[32];
        snprintf(address, sizeof address, "198.51.100.%u", i);
        sim_reply_add(&writer, SECTION_ANSWER, name, TYPE_A, 3600, address);
    }
    return message_writer_finish(&writer);
}

static void too_many_records(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->script = many_records;
    sim_find_host(sim, "192.0.2.11")->script = many_records;
    sim_start(sim);
    const sim_answer_t *answer = sim_ask(sim, "www.example.com.", TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_int_equal(answer->extended_error, EDE_INVALID_DATA);
    sim_free(sim);
}

static void random_subdomains(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.fetches_a_zone_max = 20;
    sim_find_host(sim, "192.0.2.10")->behaviours = SIM_SILENT;
    sim_find_host(sim, "192.0.2.11")->behaviours = SIM_SILENT;
    sim_start(sim);
    sim_ask(sim, "www.victim.com.", TYPE_A);
    sim_begin(sim, "warm.example.com.", TYPE_A, 0);
    sim_run(sim, 200);
    for (unsigned i = 0; i < 400; i++) {
        char name[64];
        snprintf(name, sizeof name, "r%u.example.com.", i);
        sim_begin(sim, name, TYPE_A, 0);
    }
    assert_in_range(resolver_fetches(sim->resolver), 1, 20);
    assert_true(counted(sim, RESOLVER_COUNT_QUOTA) >= 380);
    internet_expect(sim, "nix.victim.com.", TYPE_A, "NXDOMAIN\n"); /* others do not suffer */
    sim_free(sim);
}

static void a_server_has_a_quota(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.fetches_a_server_max = 10;
    sim_find_host(sim, "192.0.2.20")->behaviours = SIM_SILENT;
    sim_start(sim);
    sim_begin(sim, "warm.victim.com.", TYPE_A, 0);
    sim_run(sim, 100);
    uint64_t before = sent(sim);
    for (unsigned i = 0; i < 50; i++) {
        char name[64];
        snprintf(name, sizeof name, "r%u.victim.com.", i);
        sim_begin(sim, name, TYPE_A, 0);
    }
    assert_true(sent(sim) - before <= 10);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

static void dnsbomb(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.discard_waiter_ms = 1900;
    sim_find_host(sim, "192.0.2.20")->latency_ms = 2500;
    sim_start(sim);
    size_t impatient = sim_begin(sim, "www.victim.com.", TYPE_A, 0);
    size_t patient = sim_begin(sim, "www.victim.com.", TYPE_A, RESOLVER_FLAG_PATIENT);
    sim_run(sim, 2000);
    size_t late = sim_begin(sim, "www.victim.com.", TYPE_A, 0);
    sim_run(sim, 20000);
    assert_true(sim->answers[impatient].is_discarded);
    assert_string_equal(sim->answers[patient].text, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    assert_true(sim->answers[late].is_there);
    assert_true(counted(sim, RESOLVER_COUNT_DISCARDED) >= 1);
    sim_free(sim);
}

static void tables_are_bounded(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.requests_max = 30;
    sim->settings.fetches_max = 20;
    sim->settings.clients_max = 60;
    sim->settings.addresses_remembered_max = 4;
    sim_find_host(sim, "192.0.2.1")->behaviours = SIM_SILENT;
    sim_start(sim);
    for (unsigned i = 0; i < 200; i++) {
        char name[64];
        snprintf(name, sizeof name, "r%u.example.com.", i / 2);
        sim_begin(sim, name, TYPE_A, 0);
        assert_true(resolver_requests(sim->resolver) <= 30 && resolver_fetches(sim->resolver) <= 20);
    }
    sim_run(sim, 60000);
    assert_int_equal(resolver_requests(sim->resolver), 0);
    for (size_t i = 0; i < sim->answer_count; i++) {
        assert_true(sim->answers[i].is_there);
    }
    sim_find_host(sim, "192.0.2.1")->behaviours = 0;
    sim_sleep(sim, 400);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

/* A greedy question and a modest one want the same: the modest one is answered though the greedy one's purse is empty. */
static void a_greedy_question_does_not_starve_others(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.upstream_queries_max = 3;
    sim_find_host(sim, "192.0.2.1")->latency_ms = 100;
    sim_start(sim);
    size_t greedy = sim_begin(sim, "www.glueless.net.", TYPE_A, 0); /* root, net., then com. for its server's address: 3 */
    sim_run(sim, 230);
    size_t modest = sim_begin(sim, "ns1.example.com.", TYPE_A, 0);
    sim_run(sim, 20000);
    assert_string_equal(sim->answers[greedy].text, "SERVFAIL\n");
    assert_string_equal(sim->answers[modest].text, "NOERROR\nns1.example.com. A 192.0.2.10\n");
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nxnsattack),
        cmocka_unit_test(camp_and_deep_nesting),
        cmocka_unit_test(endless_cname_chain),
        cmocka_unit_test(tsuname),
        cmocka_unit_test(nrdelegationattack),
        cmocka_unit_test(ghost_domain),
        cmocka_unit_test(phoenix_domain),
        cmocka_unit_test(kaminsky_near_misses_lead_to_tcp),
        cmocka_unit_test(ids_names_and_cookies_vary),
        cmocka_unit_test(a_missing_cookie_leads_to_tcp),
        cmocka_unit_test(rebirthday),
        cmocka_unit_test(tudoor),
        cmocka_unit_test(too_many_records),
        cmocka_unit_test(random_subdomains),
        cmocka_unit_test(a_server_has_a_quota),
        cmocka_unit_test(dnsbomb),
        cmocka_unit_test(tables_are_bounded),
        cmocka_unit_test(a_greedy_question_does_not_starve_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
