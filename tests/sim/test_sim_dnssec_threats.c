/* What DNSSEC lets strangers make a validator do, and the limits that answer it (KeyTrap, CVE-2023-50868, and the bug classes of 2024 to
 * 2026 that concern validation). */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define WWW "NOERROR\nwww.example.net. A 198.51.100.1\n"

/* The work that this process did, in milliseconds: tests of bounds allow for machines a hundred times slower than any of today. */
static uint64_t worked_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

enum { WORK_MAX_MS = 2000 };

static void expect_bounded(secure_t *secure, const char *name)
{
    sim_t *sim = secure_start(secure);
    uint64_t before_ms = worked_ms();
    const sim_answer_t *answer = sim_ask(sim, name, TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_true(answer->extended_error != EDE_NONE);
    assert_true(worked_ms() - before_ms < WORK_MAX_MS);
    assert_true(sim_queries(sim) <= sim->settings.upstream_queries_max);
    assert_true(answer->took_ms <= sim->settings.request_wall_ms);
    secure_free(secure);
}

/* ---- KeyTrap (CVE-2023-50387) ---- */

static void keytrap_keys_times_signatures(void **state)
{
    (void)state;
    static const struct {
        unsigned keys;
        unsigned signatures;
    } cases[] = {{0, 60}, {60, 60}, {150, 4}, {300, 200}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->algorithm = DNSSEC_ED25519;
        signing_key_t *const *keys = secure_keys(secure, "example.net.");
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_COLLIDING_KEYS, .key = keys[1], .value = cases[i].keys});
        secure_fault(secure, "example.net.",
                     (zone_fault_t){.kind = FAULT_NOISE_SIGNATURES, .key = keys[1], .type = TYPE_A, .value = cases[i].signatures});
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .key = keys[1], .type = TYPE_A});
        expect_bounded(secure, "www.example.net.");
    }
}

static void keytrap_at_the_keys_themselves(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "example.net.")->algorithm = DNSSEC_ED25519;
    signing_key_t *const *keys = secure_keys(secure, "example.net.");
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_COLLIDING_KEYS, .key = keys[0], .value = 90});
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_NOISE_SIGNATURES, .type = TYPE_DNSKEY, .value = 90});
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = TYPE_DNSKEY});
    expect_bounded(secure, "www.example.net.");
}

/* Many DS, each of the tag and algorithm of all keys, none with their digest: hashes rather than signatures. */
static void keytrap_by_ds(void **state)
{
    (void)state;
    enum { DS_COUNT = 90, TEXT_SIZE = DS_COUNT * 128 };
    char text[TEXT_SIZE];
    int length = 0;
    secure_t *secure = secure_new();
    secure_zone_t *zone = secure_zone(secure, "example.net.");
    zone->algorithm = DNSSEC_ED25519;
    signing_key_t *const *keys = secure_keys(secure, "example.net.");
    for (unsigned i = 0; i < DS_COUNT; i++) {
        length += snprintf(text + length, TEXT_SIZE - (size_t)length, "example.net. 3600 DS %u 15 2 %064x\n", keys[0]->tag, i);
    }
    zone->ds_text = text;
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_COLLIDING_KEYS, .key = keys[0], .value = 90});
    expect_bounded(secure, "www.example.net.");
}

/* The same at many names: each request has its own purse, and no more than that. */
static void keytrap_again_and_again(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "example.net.")->algorithm = DNSSEC_ED25519;
    signing_key_t *const *keys = secure_keys(secure, "example.net.");
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_COLLIDING_KEYS, .key = keys[1], .value = 60});
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_NOISE_SIGNATURES, .key = keys[1], .value = 30});
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .key = keys[1]});
    sim_t *sim = secure_start(secure);
    uint64_t before_ms = worked_ms();
    for (unsigned i = 0; i < 20; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.wild.example.net.", i);
        assert_string_equal(sim_ask(sim, name, TYPE_A)->text, "SERVFAIL\n");
    }
    assert_true(worked_ms() - before_ms < 20 * WORK_MAX_MS);
    secure_expect(sim, "www.example.org.", TYPE_A, "NOERROR\nwww.example.org. A 198.51.100.1\n"); /* others are not hurt */
    secure_free(secure);
}

/* Two keys may share a tag by chance: that is no attack. */
static void a_chance_collision_is_tolerated(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "example.net.")->algorithm = DNSSEC_ED25519;
    signing_key_t *const *keys = secure_keys(secure, "example.net.");
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_COLLIDING_KEYS, .key = keys[1], .value = 1});
    secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

/* Signatures by keys and algorithms that do not exist cost nothing, so they do not use up what the good one needs. */
static void signatures_that_cannot_count_are_free(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    for (unsigned i = 0; i < 5; i++) {
        secure_add_key(secure, "example.net.", (uint8_t)(200 + i), SIGNING_ZSK);
    }
    secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

/* ---- NSEC3 ---- */

/* RFC 9276 3.2: beyond the limit what they prove is insecure. Data that need no proof are as secure as ever. */
static void nsec3_iterations(void **state)
{
    (void)state;
    static const unsigned iterations[] = {0, 1, 50, 51, 101, 151, 200};
    for (size_t i = 0; i < ARRAY_SIZE(iterations); i++) {
        bool is_good = iterations[i] <= 50;
        secure_t *secure = secure_new();
        secure_zone(secure, "example.org.")->signing.iterations = (uint16_t)iterations[i];
        secure_zone(secure, "example.org.")->signing.salt_size = 4;
        sim_t *sim = secure_start(secure);
        static const char *const names[] = {"nowhere.example.org.", "x.wild.example.org.", "ent.example.org."};
        for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
            truth_expect(sim, names[j], TYPE_A, is_good ? STORE_SECURE : STORE_INSECURE);
            assert_true(is_good || sim->answers[sim->answer_count - 1].extended_error == EDE_UNSUPPORTED_NSEC3_ITERATIONS);
        }
        truth_expect(sim, "www.example.org.", TYPE_A, STORE_SECURE);
        secure_free(secure);
    }
}

/* A parent of many iterations: its unsigned children are insecure; those with a DS are not made so. */
static void delegations_with_many_iterations(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "org.")->signing.iterations = 150;
    sim_t *sim = secure_start(secure);
    truth_expect(sim, "www.unsigned.org.", TYPE_A, STORE_INSECURE);
    truth_expect(sim, "www.example.org.", TYPE_A, STORE_SECURE);
    secure_free(secure);
}

/* Iterations that are not signed count for nothing: they would be a way to strip DNSSEC from any zone. */
static void unsigned_iterations_do_not_make_insecure(void **state)
{
    (void)state;
    static const sim_change_t changes[] = {
        {.kind = CHANGE_CLEAR, .for_name = "nowhere.example.net.", .section = SECTION_AUTHORITY},
        {.kind = CHANGE_ADD,
         .for_name = "nowhere.example.net.",
         .zone = "example.net.",
         .owner = "example.net.",
         .type = TYPE_SOA,
         .section = SECTION_AUTHORITY},
        {.kind = CHANGE_ADD_DENIAL, .for_name = "nowhere.example.net.", .zone = "example.org.", .owner = "nowhere.example.org."},
        {.kind = CHANGE_ADD_DENIAL, .for_name = "nowhere.example.net.", .zone = "example.org.", .owner = "example.org."},
    };
    secure_t *secure = secure_new();
    secure_zone(secure, "example.org.")->signing.iterations = 200;
    sim_t *sim = secure_start(secure);
    sim_change_answers(sim, "192.0.2.11", changes, ARRAY_SIZE(changes));
    bogus_expect(sim, "nowhere.example.net.", TYPE_A, SECURE_ANY_REASON);
    secure_free(secure);
}

/* CVE-2023-50868: a name of as many labels as there can be, each of which would have to be hashed. */
static void expensive_closest_encloser_proofs(void **state)
{
    (void)state;
    char name[256] = "";
    for (unsigned i = 0; i < 110; i++) {
        snprintf(name + 2 * i, sizeof name - 2 * i, "a.");
    }
    snprintf(name + 220, sizeof name - 220, "example.org.");
    secure_t *secure = secure_new();
    secure_zone(secure, "example.org.")->signing.iterations = 50;
    sim_t *sim = secure_start(secure);
    uint64_t before_ms = worked_ms();
    const sim_answer_t *answer = sim_ask(sim, name, TYPE_A);
    assert_true(strcmp(answer->text, "NXDOMAIN\n") == 0 || strcmp(answer->text, "SERVFAIL\n") == 0);
    assert_true(worked_ms() - before_ms < WORK_MAX_MS);
    secure_free(secure);
    secure = secure_new(); /* hashes run out: nothing is known, so nothing is said */
    secure->sim->settings.nsec3_hashes_max = 3;
    secure_zone(secure, "example.org.")->signing.iterations = 50;
    sim = secure_start(secure);
    answer = sim_ask(sim, name, TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_true(answer->security != STORE_INSECURE);
    secure_free(secure);
}

/* Negative answers padded with records that prove nothing of the name: what proves it still counts, however many there are. */
static void padded_negative_answers(void **state)
{
    (void)state;
    static const char *const owners[] = {"www",       "alias",       "mail",         "short",     "to-nsec",   "x.t", "a.b.ent",
                                         "d",         "ns",          "dangling",     "to-nsec3",  "wild",      "t",   "walias",
                                         "to-optout", "to-unsigned", "nowhere-nsec", "wild-nsec", "wild-nsec3"};
    for (unsigned zone = 0; zone < 2; zone++) {
        const char *apex = zone ? "example.org." : "example.net.";
        char names[ARRAY_SIZE(owners)][64];
        sim_change_t changes[ARRAY_SIZE(owners)];
        for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
            snprintf(names[i], sizeof names[i], "%s.%s", owners[i], apex);
            changes[i] = (sim_change_t){.kind = CHANGE_ADD_DENIAL, .zone = apex, .owner = names[i]};
        }
        char name[64];
        snprintf(name, sizeof name, "nowhere.%s", apex);
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        sim_change_answers(sim, zone ? "192.0.2.12" : "192.0.2.11", changes, 8);
        secure_expect(sim, name, TYPE_A, "NXDOMAIN\n");
        secure_free(secure);
        secure = secure_new();
        sim = secure_start(secure);
        sim_change_answers(sim, zone ? "192.0.2.12" : "192.0.2.11", changes, ARRAY_SIZE(owners));
        uint64_t before_ms = worked_ms();
        const sim_answer_t *answer = sim_ask(sim, name, TYPE_A);
        assert_true(strcmp(answer->text, "NXDOMAIN\n") == 0 || strcmp(answer->text, "SERVFAIL\n") == 0);
        assert_true(worked_ms() - before_ms < WORK_MAX_MS);
        secure_free(secure);
    }
}

/* ---- one budget ---- */

/* A chain of zones, each of which costs keys and a DS: within the budget it is secure, beyond it fails, and never more is sent. */
static void the_budget_is_never_reset(void **state)
{
    (void)state;
    enum { DEPTH = 12 };
    static const unsigned limits[] = {100, 20, 10};
    char apexes[DEPTH + 1][64] = {"example.net."};
    char addresses[DEPTH + 1][16];
    char name[80];
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        secure_t *secure = secure_new();
        for (unsigned depth = 1; depth <= DEPTH; depth++) {
            snprintf(apexes[depth], sizeof apexes[depth], "d%u.%.50s", depth, apexes[depth - 1]);
            snprintf(addresses[depth], sizeof addresses[depth], "192.0.2.%u", 60 + depth);
            secure_add(secure, apexes[depth], apexes[depth - 1], addresses[depth], "www A 198.51.100.1\n");
        }
        secure->sim->settings.upstream_queries_max = limits[i];
        secure->sim->settings.signature_checks_max = 200;
        sim_t *sim = secure_start(secure);
        snprintf(name, sizeof name, "www.%s", apexes[DEPTH]);
        const sim_answer_t *answer = sim_ask(sim, name, TYPE_A);
        assert_int_equal(answer->rcode, limits[i] == 100 ? RCODE_NOERROR : RCODE_SERVFAIL);
        assert_true(limits[i] != 100 || answer->security == STORE_SECURE);
        assert_true(sim_queries(sim) <= limits[i]);
        secure_free(secure);
    }
}

/* The checks of one request are counted over all its parts: aliases do not begin anew. */
static void signature_checks_are_counted_over_aliases(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->sim->settings.signature_checks_max = 8;
    sim_t *sim = secure_start(secure);
    const sim_answer_t *answer = sim_ask(sim, "to-nsec3.example.net.", TYPE_A); /* 11 for root, net, example.net, org, example.org */
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_true(answer->security != STORE_SECURE);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW); /* nothing is wrong with the name; the keys are known by now */
    /* Nor with the name that the alias leads to: its failure would be everybody's, at the price of one alias. */
    secure_expect(sim, "www.example.org.", TYPE_A, "NOERROR\nwww.example.org. A 198.51.100.1\n");
    secure_free(secure);
}

/* A zone whose DS goes round in circles: keys that cannot be had without themselves. */
static void unresolvable_keys(void **state)
{
    (void)state;
    static const sim_change_t change = {.kind = CHANGE_RCODE, .for_type = TYPE_DNSKEY, .value = RCODE_SERVFAIL};
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    sim_change_answers(sim, "192.0.2.11", &change, 1);
    const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_true(sim_queries(sim) < 40);
    secure_free(secure);
}

/* Neither a DS without signature nor keys of forgotten algorithms make it ask without end (conformance: infinite recursion). */
static void unsigned_ds_and_old_algorithms_end(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        secure_t *secure = secure_new();
        if (which < 2) {
            secure_fault(secure, which ? "." : "net.", (zone_fault_t){.kind = FAULT_NO_SIGNATURE, .type = TYPE_DS});
        } else {
            secure_zone(secure, "example.net.")->algorithm = 1;
        }
        sim_t *sim = secure_start(secure);
        const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
        assert_string_equal(answer->text, which < 2 ? "SERVFAIL\n" : WWW);
        assert_true(sim_queries(sim) < 30);
        secure_free(secure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keytrap_keys_times_signatures),
        cmocka_unit_test(keytrap_at_the_keys_themselves),
        cmocka_unit_test(keytrap_by_ds),
        cmocka_unit_test(keytrap_again_and_again),
        cmocka_unit_test(a_chance_collision_is_tolerated),
        cmocka_unit_test(signatures_that_cannot_count_are_free),
        cmocka_unit_test(nsec3_iterations),
        cmocka_unit_test(delegations_with_many_iterations),
        cmocka_unit_test(unsigned_iterations_do_not_make_insecure),
        cmocka_unit_test(expensive_closest_encloser_proofs),
        cmocka_unit_test(padded_negative_answers),
        cmocka_unit_test(the_budget_is_never_reset),
        cmocka_unit_test(signature_checks_are_counted_over_aliases),
        cmocka_unit_test(unresolvable_keys),
        cmocka_unit_test(unsigned_ds_and_old_algorithms_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
