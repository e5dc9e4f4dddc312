/* What a resolver must show without DNSSEC, case by case. */
#include "internet.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static sim_t *started(void)
{
    sim_t *sim = internet_new();
    sim_start(sim);
    return sim;
}

/* Both servers of example.com. behave in this way. */
static sim_t *with_example(unsigned behaviours)
{
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->behaviours = behaviours;
    sim_find_host(sim, "192.0.2.11")->behaviours = behaviours;
    sim_start(sim);
    return sim;
}

static uint64_t counted(const sim_t *sim, resolver_counter_t counter)
{
    return resolver_count(sim->resolver, counter);
}

#define WWW "NOERROR\nwww.example.com. A 198.51.100.1\n"

static void an_address(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    unsigned queries = sim_queries(sim);
    assert_int_equal(queries, 3);
    internet_expect(sim, "WWW.Example.COM.", TYPE_A, WWW); /* from the store */
    assert_int_equal(sim_queries(sim), queries);
    sim_free(sim);
}

static void ns_queries(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "example.com.", TYPE_NS, "NOERROR\nexample.com. NS ns1.example.com.\nexample.com. NS ns2.example.com.\n");
    internet_expect(sim, "com.", TYPE_NS, "NOERROR\ncom. NS ns.com.\n");
    internet_expect(sim, ".", TYPE_NS, "NOERROR\n. NS ns.rootsrv.\n");
    internet_expect(sim, "www.example.com.", TYPE_NS, "NOERROR\n");
    sim_free(sim);
}

static void unresolvable_ns_gives_servfail(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_change_zone(sim, "com.",
                    "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\n"
                    "com. 3600 NS ns.com.\n"
                    "ns.com. 3600 A 192.0.2.2\n"
                    "example.com. 3600 NS ns.nowhere.com.\n");
    sim_start(sim);
    const sim_answer_t *answer = sim_ask(sim, "www.example.com.", TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_int_equal(answer->extended_error, EDE_NO_REACHABLE_AUTHORITY);
    assert_non_null(strstr(answer->why, "example.com."));
    sim_free(sim);
}

static void truncated_answers_with_tcp(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_TRUNCATES);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    assert_int_equal(counted(sim, RESOLVER_COUNT_SENT_TCP), 1);
    assert_int_equal(counted(sim, RESOLVER_COUNT_TRUNCATED), 1);
    sim_free(sim);
}

static void truncated_answers_without_tcp(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_TRUNCATES | SIM_NO_TCP);
    internet_expect(sim, "www.example.com.", TYPE_A, "SERVFAIL\n"); /* never the truncated data */
    sim_free(sim);
    sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->behaviours = SIM_TRUNCATES | SIM_NO_TCP;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW); /* the other server has it */
    sim_free(sim);
}

static void unknown_types_passed_through(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "odd.example.com.", 65280, "NOERROR\nodd.example.com. TYPE65280 \\# 3 010203\n");
    internet_expect(sim, "www.example.com.", 65280, "NOERROR\n");
    sim_free(sim);
}

static void cname_chains_fresh_and_cached(void **state)
{
    (void)state;
    sim_t *sim = started();
    const char *within = "NOERROR\nalias.example.com. CNAME www.example.com.\n"
                         "alias2.example.com. CNAME alias.example.com.\nwww.example.com. A 198.51.100.1\n";
    const char *across = "NOERROR\nacross.example.com. CNAME www.other.net.\nwww.other.net. A 198.51.100.30\n";
    for (unsigned i = 0; i < 2; i++) {
        internet_expect(sim, "alias2.example.com.", TYPE_A, within);
        internet_expect(sim, "across.example.com.", TYPE_A, across);
        internet_expect(sim, "alias2.example.com.", TYPE_CNAME, "NOERROR\nalias2.example.com. CNAME alias.example.com.\n");
        internet_expect(sim, "dangling.example.com.", TYPE_A, "NXDOMAIN\ndangling.example.com. CNAME nowhere.example.com.\n");
        internet_expect(sim, "alias.example.com.", TYPE_AAAA, "NOERROR\nalias.example.com. CNAME www.example.com.\n");
    }
    internet_expect(sim, "back.other.net.", TYPE_A,
                    "NOERROR\nalias.example.com. CNAME www.example.com.\nback.other.net. CNAME alias.example.com.\n"
                    "www.example.com. A 198.51.100.1\n");
    sim_free(sim);
}

static void dname_fresh_and_cached(void **state)
{
    (void)state;
    sim_t *sim = started();
    const char *text = "NOERROR\nd.example.com. DNAME other.net.\nwww.d.example.com. CNAME www.other.net.\n"
                       "www.other.net. A 198.51.100.30\n";
    internet_expect(sim, "www.d.example.com.", TYPE_A, text);
    internet_expect(sim, "www.d.example.com.", TYPE_A, text);
    unsigned queries = sim_queries(sim);
    internet_expect(sim, "nix.d.example.com.", TYPE_A,
                    "NXDOMAIN\nd.example.com. DNAME other.net.\nnix.d.example.com. CNAME nix.other.net.\n");
    assert_int_equal(sim_queries(sim), queries + 1); /* the DNAME was known */
    internet_expect(sim, "d.example.com.", TYPE_DNAME, "NOERROR\nd.example.com. DNAME other.net.\n");
    sim_free(sim);
}

static void wildcards_and_empty_non_terminals(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "x.wild.example.com.", TYPE_A, "NOERROR\nx.wild.example.com. A 198.51.100.9\n");
    internet_expect(sim, "x.y.wild.example.com.", TYPE_A, "NOERROR\nx.y.wild.example.com. A 198.51.100.9\n");
    internet_expect(sim, "c.d.example.com.", TYPE_A, "NXDOMAIN\nc.d.example.com. CNAME c.other.net.\nd.example.com. DNAME other.net.\n");
    sim_free(sim);
}

static void nxdomain_and_nodata(void **state)
{
    (void)state;
    sim_t *sim = started();
    for (unsigned i = 0; i < 2; i++) {
        internet_expect(sim, "nowhere.example.com.", TYPE_A, "NXDOMAIN\n");
        assert_int_equal(sim->answers[sim->answer_count - 1].authority_count, 1);
        internet_expect(sim, "www.example.com.", TYPE_MX, "NOERROR\n");
        assert_int_equal(sim->answers[sim->answer_count - 1].authority_count, 1);
    }
    assert_int_equal(counted(sim, RESOLVER_COUNT_FROM_STORE), 2);
    assert_true(sim->answers[0].ttl_s == 300); /* the SOA's MINIMUM (RFC 2308 5) */
    sim_free(sim);
}

static void nxdomain_with_ns_in_authority(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_NO_SOA | SIM_PARENT_NS);
    internet_expect(sim, "nowhere.example.com.", TYPE_A, "NXDOMAIN\n");
    sim_free(sim);
}

static void no_soa_in_a_negative_answer(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_NO_SOA);
    internet_expect(sim, "nowhere.example.com.", TYPE_A, "NXDOMAIN\n");
    internet_expect(sim, "www.example.com.", TYPE_MX, "NOERROR\n");
    unsigned queries = sim_queries(sim);
    internet_expect(sim, "nowhere.example.com.", TYPE_A, "NXDOMAIN\n");
    assert_true(sim_queries(sim) > queries); /* not kept (RFC 2308 5) */
    sim_free(sim);
}

static void recursion_desired(void **state)
{
    (void)state;
    sim_t *sim = started();
    size_t client = sim_begin(sim, "www.example.com.", TYPE_A, RESOLVER_FLAG_CACHED_ONLY);
    assert_string_equal(sim->answers[client].text, "REFUSED\n");
    assert_int_equal(sim->answers[client].extended_error, EDE_NOT_AUTHORITATIVE);
    assert_int_equal(sim_queries(sim), 0);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    client = sim_begin(sim, "www.example.com.", TYPE_A, RESOLVER_FLAG_CACHED_ONLY);
    assert_string_equal(sim->answers[client].text, WWW);
    sim_free(sim);
}

static sim_t *with_glue(const char *address, bool ask_loopback)
{
    char zone[500];
    snprintf(zone, sizeof zone,
             "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"
             "example.com. 3600 NS ns1.example.com.\nns1.example.com. 3600 A %s\n",
             address);
    sim_t *sim = internet_new();
    sim_change_zone(sim, "com.", zone);
    sim_host(sim, address, "example.com.");
    sim->settings.ask_loopback = ask_loopback;
    sim_start(sim);
    return sim;
}

static void referrals_to_addresses_never_asked(void **state)
{
    (void)state;
    static const char *const addresses[] = {"0.0.0.0",     "127.0.0.1", "127.255.0.9", "255.255.255.255",
                                            "224.0.0.251", "240.0.0.1", "0.1.2.3"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        sim_t *sim = with_glue(addresses[i], false);
        internet_expect(sim, "www.example.com.", TYPE_A, "SERVFAIL\n");
        assert_int_equal(sim_find_host(sim, addresses[i])->queries, 0);
        sim_free(sim);
    }
    sim_t *sim = with_glue("127.0.0.1", true);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

static void filters_on_addresses_that_may_be_asked(void **state)
{
    (void)state;
    static const resolver_prefix_t denied[] = {{{.family = RESOLVER_IPV4, .bytes = {192, 0, 2, 8}}, 29}};
    sim_t *sim = internet_new();
    sim->settings.denied = denied;
    sim->settings.denied_count = 1;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, "SERVFAIL\n");
    assert_int_equal(sim_find_host(sim, "192.0.2.10")->queries, 0);
    internet_expect(sim, "www.other.net.", TYPE_A, "NOERROR\nwww.other.net. A 198.51.100.30\n");
    sim_free(sim);
}

static void packet_loss(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    for (size_t i = 0; i < sim->host_count; i++) {
        sim->hosts[i].loss_percent = 30;
    }
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    internet_expect(sim, "across.example.com.", TYPE_A,
                    "NOERROR\nacross.example.com. CNAME www.other.net.\nwww.other.net. A 198.51.100.30\n");
    assert_true(counted(sim, RESOLVER_COUNT_TIMEOUTS) > 0);
    sim_free(sim);
}

static void out_of_bailiwick_records_are_rejected(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_POISONS);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    internet_expect(sim, "nowhere.example.com.", TYPE_A, "NXDOMAIN\n");
    internet_expect(sim, "www.victim.com.", TYPE_A, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    internet_expect(sim, "ns.victim.com.", TYPE_A, "NOERROR\nns.victim.com. A 192.0.2.20\n");
    internet_expect(sim, "com.", TYPE_NS, "NOERROR\ncom. NS ns.com.\n");
    sim_free(sim);
}

/* A chain that runs into somebody else's zone: its end is asked there, whatever the first server says of it. */
static size_t lying_chain(sim_host_t *host, const query_t *query, uint8_t *out)
{
    (void)host;
    message_writer_t writer;
    sim_reply_begin(&writer, query, out, FLAG_AA);
    sim_reply_add(&writer, SECTION_ANSWER, "www.example.com.", TYPE_CNAME, 3600, "www.victim.com.");
    sim_reply_add(&writer, SECTION_ANSWER, "www.victim.com.", TYPE_A, 3600, "203.0.113.66");
    return message_writer_finish(&writer);
}

static void out_of_bailiwick_cnames_are_asked_again(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->script = lying_chain;
    sim_find_host(sim, "192.0.2.11")->script = lying_chain;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, "NOERROR\nwww.example.com. CNAME www.victim.com.\nwww.victim.com. A 198.51.100.20\n");
    sim_free(sim);
}

/* Each forgery comes before the answer; none is believed, all are counted. */
static void qr_id_question_and_source_are_checked(void **state)
{
    (void)state;
    static const struct {
        unsigned behaviour;
        resolver_counter_t counter;
    } cases[] = {
        {SIM_WRONG_ID, RESOLVER_COUNT_WRONG_ID},         {SIM_WRONG_QUESTION, RESOLVER_COUNT_WRONG_QUESTION},
        {SIM_WRONG_SOURCE, RESOLVER_COUNT_WRONG_SOURCE}, {SIM_NOT_A_RESPONSE, RESOLVER_COUNT_WRONG_QUESTION},
        {SIM_GARBAGE, RESOLVER_COUNT_MALFORMED},         {SIM_SPEAKS_COOKIES | SIM_WRONG_COOKIE, RESOLVER_COUNT_WRONG_COOKIE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sim_t *sim = with_example(cases[i].behaviour);
        internet_expect(sim, "www.example.com.", TYPE_A, WWW);
        assert_true(counted(sim, cases[i].counter) > 0);
        assert_int_equal(counted(sim, RESOLVER_COUNT_TIMEOUTS), 0); /* the wait went on */
        sim_free(sim);
    }
}

static void cname_loops(void **state)
{
    (void)state;
    sim_t *sim = started();
    const sim_answer_t *answer = sim_ask(sim, "loop1.example.com.", TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_int_equal(answer->extended_error, EDE_INVALID_DATA);
    assert_true(sim_queries(sim) < 8);
    internet_expect(sim, "loop1.example.com.", TYPE_CNAME, "NOERROR\nloop1.example.com. CNAME loop2.example.com.\n");
    sim_free(sim);
}

static void ns_loops(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_change_zone(sim, "com.",
                    "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"
                    "one.com. 3600 NS ns.two.com.\ntwo.com. 3600 NS ns.three.com.\nthree.com. 3600 NS ns.one.com.\n"
                    "self.com. 3600 NS ns.self.com.\n");
    sim_start(sim);
    internet_expect(sim, "www.one.com.", TYPE_A, "SERVFAIL\n");
    assert_true(counted(sim, RESOLVER_COUNT_LOOPS) > 0);
    assert_true(sim_queries(sim) < 12);
    internet_expect(sim, "www.self.com.", TYPE_A, "SERVFAIL\n");
    unsigned queries = sim_queries(sim);
    internet_expect(sim, "www.one.com.", TYPE_A, "SERVFAIL\n"); /* the failure is kept (RFC 9520) */
    assert_int_equal(sim_queries(sim), queries);
    sim_free(sim);
}

/* A server from before DS answers for the child's apex, or refers to it: no end of questions comes of it. */
static size_t refers_always(sim_host_t *host, const query_t *query, uint8_t *out)
{
    (void)host;
    message_writer_t writer;
    sim_reply_begin(&writer, query, out, 0);
    sim_reply_add(&writer, SECTION_AUTHORITY, "example.com.", TYPE_NS, 3600, "ns1.example.com.");
    sim_reply_add(&writer, SECTION_ADDITIONAL, "ns1.example.com.", TYPE_A, 3600, "192.0.2.10");
    return message_writer_finish(&writer);
}

static void unsigned_ds_and_old_algorithms(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "example.com.", TYPE_DS, "NOERROR\n");
    internet_expect(sim, "com.", TYPE_DS, "NOERROR\n");
    internet_expect(sim, ".", TYPE_DS, "NOERROR\n");
    assert_true(sim_queries(sim) < 10);
    sim_free(sim);
    sim = internet_new();
    sim_find_host(sim, "192.0.2.2")->script = refers_always;
    sim_start(sim);
    internet_expect(sim, "example.com.", TYPE_DS, "SERVFAIL\n");
    assert_true(sim_queries(sim) < 12);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

static void a_parent_ns_set_in_authority(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_PARENT_NS);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    internet_expect(sim, "www.example.com.", TYPE_MX, "NOERROR\n");
    sim_free(sim);
}

/* The zone's servers are named in another zone, whose servers are named in a third. */
static void recursive_delegation(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "www.glueless.net.", TYPE_A, "NOERROR\nwww.glueless.net. A 198.51.100.40\n");
    sim_free(sim);
}

static void lame_and_failing_servers(void **state)
{
    (void)state;
    static const unsigned behaviours[] = {SIM_SILENT,       SIM_REFUSES,     SIM_FAILS,
                                          SIM_LAME,         SIM_UPWARD,      SIM_OUT_OF_CACHE,
                                          SIM_ONLY_GARBAGE, SIM_UNREACHABLE, SIM_NO_TCP | SIM_TRUNCATES};
    for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++) {
        sim_t *sim = internet_new();
        sim_find_host(sim, "192.0.2.10")->behaviours = behaviours[i];
        sim_start(sim);
        internet_expect(sim, "www.example.com.", TYPE_A, WWW); /* by the other */
        internet_expect(sim, "short.example.com.", TYPE_A, "NOERROR\nshort.example.com. A 198.51.100.2\n");
        sim_free(sim);
        sim = with_example(behaviours[i]);
        const sim_answer_t *answer = sim_ask(sim, "www.example.com.", TYPE_A);
        assert_string_equal(answer->text, "SERVFAIL\n");
        assert_true(answer->extended_error != EDE_NONE && answer->why[0]);
        sim_free(sim);
    }
}

static void edns_hostile_servers(void **state)
{
    (void)state;
    static const unsigned behaviours[] = {SIM_FORMERR_ON_EDNS, SIM_DROPS_EDNS};
    for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++) {
        sim_t *sim = with_example(behaviours[i]);
        internet_expect(sim, "www.example.com.", TYPE_A, WWW);
        uint64_t first = counted(sim, RESOLVER_COUNT_NO_EDNS);
        assert_true(first > 0);
        for (unsigned j = 0; j < 6; j++) {
            char name[64];
            snprintf(name, sizeof name, "n%u.wild.example.com.", j);
            sim_ask(sim, name, TYPE_A);
        }
        assert_true(counted(sim, RESOLVER_COUNT_NO_EDNS) <= 2 * first + 2); /* remembered for each of the two addresses */
        sim_free(sim);
    }
}

static void servers_that_lose_the_case(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_LOSES_CASE);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    assert_true(counted(sim, RESOLVER_COUNT_SUSPICIONS) > 0);
    for (unsigned j = 0; j < 8; j++) {
        char name[64];
        snprintf(name, sizeof name, "name%u.wild.example.com.", j);
        sim_ask(sim, name, TYPE_A);
    }
    assert_true(counted(sim, RESOLVER_COUNT_SUSPICIONS) <= 2); /* remembered for each of the two addresses */
    sim_free(sim);
    sim = with_example(SIM_LOSES_CASE | SIM_NO_TCP);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

static void cookies_of_servers(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_SPEAKS_COOKIES | SIM_BAD_COOKIE_FIRST);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    assert_int_equal(counted(sim, RESOLVER_COUNT_SENT_TCP), 0);
    sim_free(sim);
}

static void empty_non_terminals_denied(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_change_zone(sim, "victim.com.",
                    "victim.com. 3600 SOA ns.victim.com. host.victim.com. 1 7200 900 1209600 300\nvictim.com. 3600 NS ns.victim.com.\n"
                    "ns.victim.com. 3600 A 192.0.2.20\na.b.c.victim.com. 3600 A 198.51.100.20\n");
    sim_find_host(sim, "192.0.2.20")->behaviours = SIM_DENIES_EMPTY;
    sim_start(sim);
    internet_expect(sim, "a.b.c.victim.com.", TYPE_A, "NOERROR\na.b.c.victim.com. A 198.51.100.20\n");
    assert_true(counted(sim, RESOLVER_COUNT_NAME_SHOWN) > 0);
    sim_free(sim);
}

/* What the root and com. get to see. */
static size_t tell_tale(sim_host_t *host, const query_t *query, uint8_t *out)
{
    assert_true(query->name.labels <= 1);
    (void)host;
    message_writer_t writer;
    sim_reply_begin(&writer, query, out, 0);
    sim_reply_add(&writer, SECTION_AUTHORITY, "com.", TYPE_NS, 3600, "ns.com.");
    sim_reply_add(&writer, SECTION_ADDITIONAL, "ns.com.", TYPE_A, 3600, "192.0.2.2");
    return message_writer_finish(&writer);
}

static void names_are_minimised(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.1")->script = tell_tale;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_TXT, "NOERROR\n");
    internet_expect(sim, "a.very.deep.name.that.goes.on.and.on.and.on.wild.example.com.", TYPE_A,
                    "NOERROR\na.very.deep.name.that.goes.on.and.on.and.on.wild.example.com. A 198.51.100.9\n");
    assert_true(sim_queries(sim) <= 3 + RESOLVER_MINIMISE_STEPS);
    sim_free(sim);
}

static void identical_questions_merge(void **state)
{
    (void)state;
    sim_t *sim = started();
    size_t first = sim_begin(sim, "www.example.com.", TYPE_A, 0);
    for (unsigned i = 0; i < 50; i++) {
        sim_begin(sim, "www.example.com.", TYPE_A, 0);
    }
    sim_begin(sim, "alias.example.com.", TYPE_A, 0);
    sim_run(sim, 5000);
    for (size_t i = first; i <= first + 50; i++) {
        assert_string_equal(sim->answers[i].text, WWW);
    }
    assert_int_equal(counted(sim, RESOLVER_COUNT_MERGED), 50);
    assert_true(sim_queries(sim) <= 6);
    sim_free(sim);
}

static void priming(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.priming = true;
    sim->hints.servers[0].addresses[0].bytes[3] = 99; /* a hint that is of no use */
    sim_hint(sim, "ns2.rootsrv.", "192.0.2.1");
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    assert_int_equal(counted(sim, RESOLVER_COUNT_PRIMINGS), 1);
    uint64_t timeouts = counted(sim, RESOLVER_COUNT_TIMEOUTS);
    internet_expect(sim, "www.other.net.", TYPE_A, "NOERROR\nwww.other.net. A 198.51.100.30\n");
    assert_int_equal(counted(sim, RESOLVER_COUNT_TIMEOUTS), timeouts); /* the hints are no longer asked */
    sim_free(sim);
}

static void special_names(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "localhost.", TYPE_A, "NOERROR\nlocalhost. A 127.0.0.1\n");
    internet_expect(sim, "a.localhost.", TYPE_AAAA, "NOERROR\na.localhost. AAAA ::1\n");
    internet_expect(sim, "localhost.", TYPE_MX, "NOERROR\n");
    internet_expect(sim, "host.invalid.", TYPE_A, "NXDOMAIN\n");
    internet_expect(sim, "x.onion.", TYPE_A, "NXDOMAIN\n");
    internet_expect(sim, "test.", TYPE_A, "NOERROR\n");
    internet_expect(sim, "printer.home.arpa.", TYPE_A, "NXDOMAIN\n");
    internet_expect(sim, "_dns.resolver.arpa.", TYPE_SVCB, "NOERROR\n");
    internet_expect(sim, "1.0.0.127.in-addr.arpa.", TYPE_PTR, "NOERROR\n1.0.0.127.in-addr.arpa. PTR localhost.\n");
    internet_expect(sim, "1.1.168.192.in-addr.arpa.", TYPE_PTR, "NXDOMAIN\n");
    internet_expect(sim, "9.31.172.in-addr.arpa.", TYPE_PTR, "NXDOMAIN\n");
    assert_int_equal(sim_queries(sim), 0);
    internet_expect(sim, "local.example.com.", TYPE_A, "NOERROR\nlocal.example.com. CNAME localhost.\nlocalhost. A 127.0.0.1\n");
    sim_free(sim);
}

static void local_data(void **state)
{
    (void)state;
    static const uint8_t address[4] = {10, 0, 0, 1};
    resolver_local_record_t records[] = {
        {.owner = sim_name("Printer.lan."), .type = TYPE_A, .rdlength = 4, .ttl_s = 60, .rdata = address},
        {.owner = sim_name("www.example.com."), .type = TYPE_A, .rdlength = 4, .ttl_s = 60, .rdata = address}};
    sim_t *sim = internet_new();
    sim->settings.local_records = records;
    sim->settings.local_record_count = 2;
    sim_start(sim);
    internet_expect(sim, "printer.lan.", TYPE_A, "NOERROR\nprinter.lan. A 10.0.0.1\n");
    internet_expect(sim, "printer.lan.", TYPE_AAAA, "NOERROR\n");
    internet_expect(sim, "alias.example.com.", TYPE_A, "NOERROR\nalias.example.com. CNAME www.example.com.\nwww.example.com. A 10.0.0.1\n");
    sim_free(sim);
}

/* A resolver to forward to. */
static size_t forwarder(sim_host_t *host, const query_t *query, uint8_t *out)
{
    (void)host;
    assert_true(query->flags & FLAG_RD);
    message_writer_t writer;
    sim_reply_begin(&writer, query, out, FLAG_RA);
    if (query->type == TYPE_A) {
        char name[NAME_TEXT_MAX];
        name_to_text(query->message + MESSAGE_HEADER_SIZE, name);
        sim_reply_add(&writer, SECTION_ANSWER, name, TYPE_A, 3600, "10.1.1.1");
        sim_reply_add(&writer, SECTION_ANSWER, "www.victim.com.", TYPE_A, 3600, "203.0.113.66");
    }
    return message_writer_finish(&writer);
}

static void stub_and_forward_zones(void **state)
{
    (void)state;
    static const resolver_address_t forwarders[] = {{RESOLVER_IPV4, 53, {10, 0, 0, 53}}, {RESOLVER_IPV4, 53, {10, 0, 0, 54}}};
    static const resolver_address_t stubs[] = {{RESOLVER_IPV4, 53, {192, 0, 2, 30}}};
    const resolver_zone_t zones[] = {
        {.zone = sim_name("corp.example."), .kind = RESOLVER_FORWARD, .addresses = forwarders, .address_count = 2},
        {.zone = sim_name("victim.com."), .kind = RESOLVER_FORWARD, .fallback = true, .addresses = forwarders + 1, .address_count = 1},
        {.zone = sim_name("other.net."), .kind = RESOLVER_STUB, .addresses = stubs, .address_count = 1},
    };
    sim_t *sim = internet_new();
    sim_scripted(sim, "10.0.0.53", forwarder, NULL);
    sim->settings.zones = zones;
    sim->settings.zone_count = sizeof zones / sizeof zones[0];
    sim_start(sim);
    internet_expect(sim, "www.other.net.", TYPE_A, "NOERROR\nwww.other.net. A 198.51.100.30\n");
    assert_int_equal(sim_queries(sim), 1); /* neither the root nor net. */
    internet_expect(sim, "host.corp.example.", TYPE_A, "NOERROR\nhost.corp.example. A 10.1.1.1\n");
    internet_expect(sim, "host.corp.example.", TYPE_MX, "NOERROR\n");
    /* The forwarder's word counts for its zone alone (MaginotDNS); the fall-back goes to the real servers. */
    internet_expect(sim, "www.victim.com.", TYPE_A, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    sim_free(sim);
}

/* A forwarder that has died costs one question a wait; those behind it go straight to the fall-back, and when it is back it is used. */
static void dead_forwarder_with_fallback(void **state)
{
    (void)state;
    static const resolver_address_t forwarders[] = {{RESOLVER_IPV4, 53, {10, 0, 0, 53}}};
    const resolver_zone_t zones[] = {
        {.zone = sim_name("com."), .kind = RESOLVER_FORWARD, .fallback = true, .addresses = forwarders, .address_count = 1},
    };
    sim_t *sim = internet_new();
    sim_host_t *host = sim_scripted(sim, "10.0.0.53", forwarder, NULL);
    host->behaviours = SIM_SILENT;
    sim->settings.zones = zones;
    sim->settings.zone_count = 1;
    sim_start(sim);
    assert_true(sim_ask(sim, "www.victim.com.", TYPE_A)->took_ms < 1800);
    unsigned asked = host->queries;
    const sim_answer_t *answer = sim_ask(sim, "www.example.com.", TYPE_A);
    assert_string_equal(answer->text, WWW);
    assert_true(answer->took_ms < 400);
    assert_int_equal(host->queries, asked);
    for (unsigned i = 0; i < 8; i++) { /* one message now and then sees whether it is back */
        char name[32];
        (void)snprintf(name, sizeof name, "name%u.victim.com.", i);
        sim_sleep(sim, 300);
        (void)sim_ask(sim, name, TYPE_A);
    }
    assert_int_equal(host->queries, asked + 8);
    host->behaviours = 0;
    sim_sleep(sim, 300);
    internet_expect(sim, "back.victim.com.", TYPE_A, "NOERROR\nback.victim.com. A 10.1.1.1\n");
    sim_free(sim);
}

static void one_address_family_missing(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_change_zone(sim, "victim.com.",
                    "victim.com. 3600 SOA ns.victim.com. host.victim.com. 1 7200 900 1209600 300\nvictim.com. 3600 NS ns.victim.com.\n"
                    "ns.victim.com. 3600 AAAA 2001:db8::20\nwww.victim.com. 3600 A 198.51.100.20\n");
    sim_change_zone(sim, "com.",
                    "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"
                    "victim.com. 3600 NS ns.victim.com.\nns.victim.com. 3600 AAAA 2001:db8::20\n"
                    "example.com. 3600 NS ns1.example.com.\nns1.example.com. 3600 A 192.0.2.10\nns1.example.com. 3600 AAAA 2001:db8::10\n");
    sim_host(sim, "2001:db8::20", "victim.com.");
    sim_host(sim, "2001:db8::10", "example.com.")->behaviours = SIM_UNREACHABLE;
    sim->settings.prefer_ipv6 = true;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    assert_int_equal(counted(sim, RESOLVER_COUNT_TIMEOUTS), 0);
    internet_expect(sim, "www.victim.com.", TYPE_A, "NOERROR\nwww.victim.com. A 198.51.100.20\n");
    sim_free(sim);
    sim = internet_new();
    sim->settings.ipv4 = false;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, "SERVFAIL\n");
    assert_int_equal(sim_queries(sim), 0);
    sim_free(sim);
}

static void slow_servers_are_waited_for(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->latency_ms = 1500;
    sim_find_host(sim, "192.0.2.11")->latency_ms = 1500;
    sim_start(sim);
    internet_expect(sim, "www.example.com.", TYPE_A, WWW);
    sim_free(sim);
}

static void the_faster_server_is_preferred(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim_find_host(sim, "192.0.2.10")->latency_ms = 200;
    sim_find_host(sim, "192.0.2.11")->latency_ms = 10;
    sim_start(sim);
    for (unsigned i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.wild.example.com.", i);
        sim_ask(sim, name, TYPE_A);
    }
    unsigned slow = sim_find_host(sim, "192.0.2.10")->queries;
    assert_in_range(slow, 1, 20); /* looked at now and then */
    sim_free(sim);
}

static void any_is_answered_minimally(void **state)
{
    (void)state;
    sim_t *sim = started();
    internet_expect(sim, "www.example.com.", TYPE_ANY, "NOERROR\nwww.example.com. HINFO \"RFC8482\" \"\"\n");
    assert_int_equal(sim_queries(sim), 0);
    internet_expect(sim, "www.example.com.", TYPE_AXFR, "NOTIMP\n");
    sim_free(sim);
}

static void stale_answers(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.serve_stale = true;
    sim_start(sim);
    const char *text = "NOERROR\nshort.example.com. A 198.51.100.2\n";
    internet_expect(sim, "short.example.com.", TYPE_A, text);
    sim_sleep(sim, 100);
    sim_find_host(sim, "192.0.2.10")->behaviours = SIM_SILENT;
    sim_find_host(sim, "192.0.2.11")->behaviours = SIM_SILENT;
    const sim_answer_t *answer = sim_ask(sim, "short.example.com.", TYPE_A);
    assert_string_equal(answer->text, text);
    assert_true(answer->is_stale && answer->ttl_s == 30 && answer->extended_error == EDE_STALE_ANSWER);
    assert_int_equal(answer->took_ms, 1800);
    answer = sim_ask(sim, "short.example.com.", TYPE_A); /* the failure is known: at once */
    assert_true(answer->is_stale && answer->took_ms == 0);
    sim_find_host(sim, "192.0.2.10")->behaviours = 0;
    sim_sleep(sim, 400);
    answer = sim_ask(sim, "short.example.com.", TYPE_A);
    assert_true(!answer->is_stale && strcmp(answer->text, text) == 0);
    sim_free(sim);
}

/* That a client has waited is what a stale answer is for: it is not too late for it, whatever others are told then. */
static void stale_answers_are_not_too_late(void **state)
{
    (void)state;
    sim_t *sim = internet_new();
    sim->settings.serve_stale = true;
    sim->settings.discard_waiter_ms = 1900;
    sim->settings.stale_client_ms = 2400;
    sim_start(sim);
    const char *text = "NOERROR\nshort.example.com. A 198.51.100.2\n";
    internet_expect(sim, "short.example.com.", TYPE_A, text);
    sim_sleep(sim, 100);
    sim_find_host(sim, "192.0.2.10")->behaviours = SIM_SILENT;
    sim_find_host(sim, "192.0.2.11")->behaviours = SIM_SILENT;
    const sim_answer_t *answer = sim_ask_with(sim, "short.example.com.", TYPE_A, 0);
    assert_true(answer->is_stale && !answer->is_discarded && answer->took_ms == sim->settings.stale_client_ms);
    assert_string_equal(answer->text, text);
    sim_free(sim);
}

static void failures_are_kept_a_while(void **state)
{
    (void)state;
    sim_t *sim = with_example(SIM_FAILS);
    internet_expect(sim, "www.example.com.", TYPE_A, "SERVFAIL\n");
    unsigned queries = sim_queries(sim);
    const sim_answer_t *answer = sim_ask(sim, "www.example.com.", TYPE_A);
    assert_int_equal(answer->extended_error, EDE_NO_REACHABLE_AUTHORITY); /* the reason is kept as well */
    assert_true(answer->is_cached_failure);
    assert_non_null(strstr(answer->why, "no server of example.com. gave an answer: the last, 192.0.2.1"));
    assert_int_equal(sim_queries(sim), queries);
    sim_sleep(sim, 6);
    internet_expect(sim, "www.example.com.", TYPE_A, "SERVFAIL\n"); /* 5 seconds, then 10 (RFC 9520 3.2) */
    assert_true(sim_queries(sim) > queries);
    queries = sim_queries(sim);
    sim_sleep(sim, 3);
    internet_expect(sim, "www.example.com.", TYPE_A, "SERVFAIL\n");
    assert_int_equal(sim_queries(sim), queries);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address),
        cmocka_unit_test(ns_queries),
        cmocka_unit_test(unresolvable_ns_gives_servfail),
        cmocka_unit_test(truncated_answers_with_tcp),
        cmocka_unit_test(truncated_answers_without_tcp),
        cmocka_unit_test(unknown_types_passed_through),
        cmocka_unit_test(cname_chains_fresh_and_cached),
        cmocka_unit_test(dname_fresh_and_cached),
        cmocka_unit_test(wildcards_and_empty_non_terminals),
        cmocka_unit_test(nxdomain_and_nodata),
        cmocka_unit_test(nxdomain_with_ns_in_authority),
        cmocka_unit_test(no_soa_in_a_negative_answer),
        cmocka_unit_test(recursion_desired),
        cmocka_unit_test(referrals_to_addresses_never_asked),
        cmocka_unit_test(filters_on_addresses_that_may_be_asked),
        cmocka_unit_test(packet_loss),
        cmocka_unit_test(out_of_bailiwick_records_are_rejected),
        cmocka_unit_test(out_of_bailiwick_cnames_are_asked_again),
        cmocka_unit_test(qr_id_question_and_source_are_checked),
        cmocka_unit_test(cname_loops),
        cmocka_unit_test(ns_loops),
        cmocka_unit_test(unsigned_ds_and_old_algorithms),
        cmocka_unit_test(a_parent_ns_set_in_authority),
        cmocka_unit_test(recursive_delegation),
        cmocka_unit_test(lame_and_failing_servers),
        cmocka_unit_test(edns_hostile_servers),
        cmocka_unit_test(servers_that_lose_the_case),
        cmocka_unit_test(cookies_of_servers),
        cmocka_unit_test(empty_non_terminals_denied),
        cmocka_unit_test(names_are_minimised),
        cmocka_unit_test(identical_questions_merge),
        cmocka_unit_test(priming),
        cmocka_unit_test(special_names),
        cmocka_unit_test(local_data),
        cmocka_unit_test(stub_and_forward_zones),
        cmocka_unit_test(dead_forwarder_with_fallback),
        cmocka_unit_test(one_address_family_missing),
        cmocka_unit_test(slow_servers_are_waited_for),
        cmocka_unit_test(the_faster_server_is_preferred),
        cmocka_unit_test(any_is_answered_minimally),
        cmocka_unit_test(stale_answers),
        cmocka_unit_test(stale_answers_are_not_too_late),
        cmocka_unit_test(failures_are_kept_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
