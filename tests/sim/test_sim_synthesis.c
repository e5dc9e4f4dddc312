/* Answers out of what other answers have proven (RFC 8198, RFC 8020): in the signed internet, with the server's cache, as the plain store
 * knows no ranges; with it nothing is synthesised and all answers are the same. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint64_t synthesised(const sim_t *sim)
{
    return resolver_count(sim->resolver, RESOLVER_COUNT_SYNTHESISED);
}

/* Asks and gets the truth, secure; tells whether that took no message. */
static bool is_known(sim_t *sim, const char *name, uint16_t type)
{
    unsigned before = sim_queries(sim);
    truth_expect(sim, name, type, STORE_SECURE);
    return sim_queries(sim) == before;
}

static void expect_known(sim_t *sim, const char *name, uint16_t type)
{
    uint64_t before = synthesised(sim);
    bool is_silent = is_known(sim, name, type);
    if (sim->cache && (!is_silent || synthesised(sim) == before)) {
        fail_msg("%s was asked for", name);
    }
}

static void expect_asked(sim_t *sim, const char *name, uint16_t type)
{
    if (is_known(sim, name, type)) {
        fail_msg("%s was not asked for", name);
    }
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* ---- denials ---- */

static void names_in_a_known_gap(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "nowhere.example.net.", TYPE_A); /* between mail and nowhere-nsec; and *.example.net. */
    expect_known(sim, "nov.example.net.", TYPE_A);
    expect_known(sim, "nov.example.net.", TYPE_MX);
    expect_known(sim, "x.y.nov.example.net.", TYPE_A);
    expect_asked(sim, "zz.example.net.", TYPE_A); /* another gap */
    expect_known(sim, "zy.example.net.", TYPE_A);
    const sim_answer_t *answer = sim_ask(sim, "zx.example.net.", TYPE_A);
    if (sim->cache) {
        assert_int_equal(answer->extended_error, EDE_SYNTHESIZED);
        assert_true(has(answer->with_do, "RRSIG NSEC") && has(answer->with_do, "RRSIG SOA"));
    }
    secure_free(secure);
}

static void types_in_a_known_bitmap(void **state)
{
    (void)state;
    static const char *const zones[] = {"example.net.", "example.org.", "example.com."};
    for (unsigned i = 0; i < ARRAY_SIZE(zones); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        char www[64], alias[64];
        snprintf(www, sizeof www, "www.%s", zones[i]);
        snprintf(alias, sizeof alias, "alias.%s", zones[i]);
        expect_asked(sim, www, TYPE_MX);
        expect_known(sim, www, TYPE_SRV);
        expect_asked(sim, www, TYPE_A);   /* is there */
        expect_asked(sim, www, TYPE_TXT); /* likewise */
        expect_asked(sim, alias, TYPE_MX);
        secure_free(secure);
    }
}

static void empty_non_terminals(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "b.ent.example.net.", TYPE_A);
    expect_known(sim, "ent.example.net.", TYPE_A);
    expect_asked(sim, "a.b.ent.example.net.", TYPE_A);
    secure_free(secure);
}

/* With all ranges of a zone known, no name that is not there is asked for any more. */
static void hashed_names(void **state)
{
    (void)state;
    enum { ASKED = 400, LAST = 30 };
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    unsigned before = 0;
    for (unsigned i = 0; i < ASKED; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.example.org.", i);
        before = i == ASKED - LAST ? sim_queries(sim) : before;
        secure_expect(sim, name, TYPE_A, "NXDOMAIN\n");
    }
    if (sim->cache) {
        assert_int_equal(sim_queries(sim), before);
        assert_true(synthesised(sim) > LAST);
    } else {
        assert_int_equal(sim_queries(sim), before + LAST);
    }
    truth_expect(sim, "www.example.org.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "a.b.ent.example.org.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "x.d.example.org.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "x.wild.example.org.", TYPE_A, STORE_SECURE);
    secure_free(secure);
}

/* RFC 8198 5.2: what an opt-out span covers may be there, unsigned. */
static void not_out_of_opt_out_spans(void **state)
{
    (void)state;
    enum { ASKED = 60 };
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    for (unsigned i = 0; i < ASKED; i++) {
        char name[64];
        unsigned before = sim_queries(sim);
        snprintf(name, sizeof name, "n%u.example.com.", i);
        insecure_expect(sim, name, TYPE_A, "NXDOMAIN\n");
        assert_true(sim_queries(sim) > before);
    }
    for (unsigned i = 0; i < ASKED; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.com.", i);
        insecure_expect(sim, name, TYPE_A, "NXDOMAIN\n");
    }
    assert_int_equal(synthesised(sim), 0);
    insecure_expect(sim, "www.unsigned.com.", TYPE_A, "NOERROR\nwww.unsigned.com. A 198.51.100.1\n");
    secure_free(secure);
}

/* The parent's NSEC at a cut, or the NSEC beside a DNAME, says nothing of the names below (RFC 6840 4.1, 4.4). */
static void not_below_cuts_and_dnames(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "unsigned.net.", TYPE_DS, "NOERROR\n");
    secure_expect(sim, "d.example.net.", TYPE_MX, "NOERROR\n");
    insecure_expect(sim, "www.unsigned.net.", TYPE_A, "NOERROR\nwww.unsigned.net. A 198.51.100.1\n");
    truth_expect(sim, "x.d.example.net.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "y.d.example.net.", TYPE_A, STORE_SECURE);
    secure_free(secure);
}

/* DS is the parent's, ANY is answered with a word, and CD is for those who want to see themselves. */
static void not_for_these_questions(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "www.example.net.", TYPE_MX);
    expect_asked(sim, "www.example.net.", TYPE_DS);
    assert_true(has(sim_ask(sim, "nowhere.example.net.", TYPE_ANY)->text, "HINFO"));
    unsigned before = sim_queries(sim);
    assert_string_equal(sim_ask_with(sim, "www.example.net.", TYPE_SRV, RESOLVER_FLAG_CHECKING_DISABLED)->text, "NOERROR\n");
    assert_true(sim_queries(sim) > before);
    secure_free(secure);
}

static void only_if_switched_on(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        secure_t *secure = secure_new();
        secure->sim->settings.aggressive_nsec &= i != 0;
        secure->sim->settings.validate &= i != 1;
        sim_t *sim = secure_start(secure);
        for (const char *const *name = (const char *const[]){"nowhere.example.net.", "nov.example.net.", NULL}; *name; name++) {
            unsigned before = sim_queries(sim);
            assert_string_equal(sim_ask(sim, *name, TYPE_A)->text, "NXDOMAIN\n");
            assert_true(sim_queries(sim) > before);
        }
        secure_free(secure);
    }
}

/* Out of data that was not proven, nothing. */
static void only_out_of_secure_data(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    for (unsigned i = 0; i < 2; i++) {
        unsigned before = sim_queries(sim);
        sim_ask_with(sim, i == 0 ? "nowhere.example.net." : "nov.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED);
        assert_true(sim_queries(sim) > before);
    }
    expect_asked(sim, "not.example.net.", TYPE_A); /* they were not validated */
    insecure_expect(sim, "nowhere.unsigned.net.", TYPE_A, "NXDOMAIN\n");
    unsigned before = sim_queries(sim);
    insecure_expect(sim, "nov.unsigned.net.", TYPE_A, "NXDOMAIN\n");
    assert_true(sim_queries(sim) > before);
    secure_free(secure);
}

/* RFC 8198 5.4: no longer than the records themselves, which are no older than the SOA's MINIMUM. */
static void times_to_live(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "nowhere.example.net.", TYPE_A);
    sim_sleep(sim, 100);
    const sim_answer_t *answer = sim_ask(sim, "nov.example.net.", TYPE_A);
    assert_int_equal(answer->ttl_s, sim->cache ? 200 : 300);
    sim_sleep(sim, 201);
    expect_asked(sim, "not.example.net.", TYPE_A);
    secure_free(secure);
}

/* ---- names that are asked elsewhere ---- */

static void not_in_zones_served_here(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_zone(secure->sim, "nov.example.net.",
             "nov.example.net. 3600 SOA ns.nov.example.net. host.nov.example.net. 1 7200 900 1209600 300\n"
             "nov.example.net. 3600 NS ns.nov.example.net.\nnov.example.net. 3600 A 198.51.100.77\n");
    sim_serve(secure->sim, "nov.example.net.");
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "nowhere.example.net.", TYPE_A);
    insecure_expect(sim, "nov.example.net.", TYPE_A, "NOERROR\nnov.example.net. A 198.51.100.77\n");
    insecure_expect(sim, "x.nov.example.net.", TYPE_A, "NXDOMAIN\n");
    assert_int_equal(synthesised(sim), 0);
    secure_free(secure);
}

static void not_in_configured_zones(void **state)
{
    (void)state;
    static const resolver_address_t servers[] = {{.family = RESOLVER_IPV4, .port = 53, .bytes = {192, 0, 2, 98}}};
    const resolver_zone_t zones[] = {
        {.zone = sim_name("nov.example.net."), .kind = RESOLVER_STUB, .addresses = servers, .address_count = 1},
        {.zone = sim_name("not.example.net."), .kind = RESOLVER_FORWARD, .addresses = servers, .address_count = 1},
    };
    const negative_anchor_t anchors[] = {{.name = sim_name("nov.example.net.")}, {.name = sim_name("not.example.net.")}};
    secure_t *secure = secure_new();
    sim_zone(secure->sim, "nov.example.net.",
             "nov.example.net. 3600 SOA ns.nov.example.net. host.nov.example.net. 1 7200 900 1209600 300\n"
             "nov.example.net. 3600 NS ns.nov.example.net.\nnov.example.net. 3600 A 198.51.100.77\n");
    sim_zone(secure->sim, "not.example.net.",
             "not.example.net. 3600 SOA ns.not.example.net. host.not.example.net. 1 7200 900 1209600 300\n"
             "not.example.net. 3600 NS ns.not.example.net.\nnot.example.net. 3600 A 198.51.100.78\n");
    sim_host(secure->sim, "192.0.2.98", "nov.example.net. not.example.net.");
    secure->sim->settings.zones = zones;
    secure->sim->settings.zone_count = ARRAY_SIZE(zones);
    secure->sim->trust.negative = anchors;
    secure->sim->trust.negative_count = ARRAY_SIZE(anchors);
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "nowhere.example.net.", TYPE_A);
    insecure_expect(sim, "nov.example.net.", TYPE_A, "NOERROR\nnov.example.net. A 198.51.100.77\n");
    insecure_expect(sim, "not.example.net.", TYPE_A, "NOERROR\nnot.example.net. A 198.51.100.78\n");
    assert_int_equal(synthesised(sim), 0);
    expect_known(sim, "nou.example.net.", TYPE_A);
    secure_free(secure);
}

/* Below a negative anchor whatever the servers say counts. */
static void not_below_negative_anchors(void **state)
{
    (void)state;
    const negative_anchor_t anchors[] = {{.name = sim_name("nov.example.net.")}};
    secure_t *secure = secure_new();
    secure->sim->trust.negative = anchors;
    secure->sim->trust.negative_count = ARRAY_SIZE(anchors);
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "nowhere.example.net.", TYPE_A);
    unsigned before = sim_queries(sim);
    insecure_expect(sim, "x.nov.example.net.", TYPE_A, "NXDOMAIN\n");
    assert_true(sim_queries(sim) > before);
    secure_free(secure);
}

/* ---- wildcards: RFC 8198 5.3 ---- */

static void wildcards_expand_again(void **state)
{
    (void)state;
    static const char *const zones[] = {"example.net.", "example.org."};
    for (unsigned i = 0; i < ARRAY_SIZE(zones); i++) {
        char name[8][64];
        static const char *const labels[] = {"x.wild", "y.wild", "z.y.wild", "*.wild", "x.walias", "y.walias", "w.wild", "x.ent"};
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        for (unsigned j = 0; j < ARRAY_SIZE(labels); j++) {
            snprintf(name[j], sizeof name[j], "%s.%s", labels[j], zones[i]);
        }
        expect_asked(sim, name[0], TYPE_A);
        if (i == 0) { /* hashed names lie anywhere */
            expect_known(sim, name[1], TYPE_A);
            expect_known(sim, name[2], TYPE_A);
        }
        for (unsigned j = 0; j < 120; j++) {
            char other[64];
            snprintf(other, sizeof other, "n%u.wild.%s", j, zones[i]);
            truth_expect(sim, other, TYPE_A, STORE_SECURE);
        }
        assert_true(!sim->cache || synthesised(sim) >= 60);
        const sim_answer_t *answer = sim_ask(sim, name[6], TYPE_A);
        assert_int_equal(answer->security, STORE_SECURE);
        assert_true(has(answer->with_do, "RRSIG A") && has(answer->with_do, i == 0 ? "RRSIG NSEC\n" : "RRSIG NSEC3\n"));
        assert_true(!sim->cache || is_known(sim, name[3], TYPE_A)); /* the wildcard by its own name */
        truth_expect(sim, name[4], TYPE_A, STORE_SECURE);
        truth_expect(sim, name[5], TYPE_A, STORE_SECURE);
        truth_expect(sim, name[1], TYPE_MX, STORE_SECURE);
        truth_expect(sim, name[7], TYPE_A, STORE_SECURE);
        secure_free(secure);
    }
}

/* Not for a name that is there, nor below one that is; nor where an opt-out span hides what there is. */
static void wildcards_give_way(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "example.net.")->text = "* A 198.51.100.9\n"
                                                "www TXT \"here\"\n"
                                                "a.b A 198.51.100.3\n"
                                                "z TXT \"the end\"\n";
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "x.example.net.", TYPE_A); /* between www and z */
    expect_known(sim, "y.example.net.", TYPE_A);
    truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "x.www.example.net.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "b.example.net.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "x.b.example.net.", TYPE_A, STORE_SECURE);
    truth_expect(sim, "x.a.b.example.net.", TYPE_A, STORE_SECURE);
    for (unsigned i = 0; i < 20; i++) {
        char name[64];
        unsigned before = sim_queries(sim);
        snprintf(name, sizeof name, "n%u.wild.example.com.", i);
        truth_expect(sim, name, TYPE_A, STORE_INSECURE);
        assert_true(sim_queries(sim) > before);
    }
    secure_free(secure);
}

static void wildcards_end(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "x.wild.example.net.", TYPE_A);
    sim_sleep(sim, 100);
    assert_int_equal(sim_ask(sim, "y.wild.example.net.", TYPE_A)->ttl_s, sim->cache ? 200 : 300); /* the proof's */
    sim_sleep(sim, 201);
    expect_asked(sim, "z.wild.example.net.", TYPE_A);
    secure_free(secure);
}

/* ---- RFC 8020 ---- */

/* Nothing is below a name that is proven not to be there; where nothing is proven, servers that deny empty non-terminals are not rare. */
static void below_names_that_are_not_there(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->sim->settings.aggressive_nsec = false;
    sim_t *sim = secure_start(secure);
    expect_asked(sim, "nowhere.example.net.", TYPE_A);
    assert_true(is_known(sim, "www.nowhere.example.net.", TYPE_A));
    assert_true(is_known(sim, "a.b.c.nowhere.example.net.", TYPE_MX));
    expect_asked(sim, "nowhere.example.org.", TYPE_A);
    assert_true(is_known(sim, "www.nowhere.example.org.", TYPE_A));
    static const char *const unproven[] = {"unsigned.net.", "example.com."}; /* unsigned; an opt-out span */
    for (unsigned i = 0; i < ARRAY_SIZE(unproven); i++) {
        char name[64];
        snprintf(name, sizeof name, "nowhere.%s", unproven[i]);
        insecure_expect(sim, name, TYPE_A, "NXDOMAIN\n");
        unsigned before = sim_queries(sim);
        snprintf(name, sizeof name, "www.nowhere.%s", unproven[i]);
        insecure_expect(sim, name, TYPE_A, "NXDOMAIN\n");
        assert_true(sim_queries(sim) > before);
    }
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_a_known_gap),
        cmocka_unit_test(types_in_a_known_bitmap),
        cmocka_unit_test(empty_non_terminals),
        cmocka_unit_test(hashed_names),
        cmocka_unit_test(not_out_of_opt_out_spans),
        cmocka_unit_test(not_below_cuts_and_dnames),
        cmocka_unit_test(not_for_these_questions),
        cmocka_unit_test(only_if_switched_on),
        cmocka_unit_test(only_out_of_secure_data),
        cmocka_unit_test(times_to_live),
        cmocka_unit_test(not_in_zones_served_here),
        cmocka_unit_test(not_in_configured_zones),
        cmocka_unit_test(not_below_negative_anchors),
        cmocka_unit_test(wildcards_expand_again),
        cmocka_unit_test(wildcards_give_way),
        cmocka_unit_test(wildcards_end),
        cmocka_unit_test(below_names_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
