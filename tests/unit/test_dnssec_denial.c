#include "dnssec/denial.h"
#include "dnssec_vectors.h"
#include "signed_zone.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* A set of records out of a zone; the signatures are another test's business. */
typedef struct proof {
    signed_zone_t zone;
    dnssec_policy_t policy;
    dnssec_budget_t budget;
    nsec3_cache_t cache;
    denial_set_t set;
    signed_zone_t extra[DENIAL_RECORDS_MAX + 8]; /* of add_nsec() */
    unsigned extra_count;
} proof_t;

static name_t name_of(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    return name;
}

static void set_up(proof_t *proof, const char *apex, const char *text)
{
    signed_zone_load_text(&proof->zone, apex, text, strlen(text));
    dnssec_policy_init(&proof->policy);
    dnssec_budget_init(&proof->budget);
    memset(&proof->cache, 0, sizeof proof->cache);
    proof->extra_count = 0;
    denial_set_init(&proof->set, proof->zone.apex, &proof->policy, &proof->budget, &proof->cache);
}

static void tear_down(proof_t *proof)
{
    signed_zone_clear(&proof->zone);
    for (unsigned i = 0; i < proof->extra_count; i++) {
        signed_zone_clear(&proof->extra[i]);
    }
}

static bool add(proof_t *proof, const char *owner)
{
    const signed_rrset_t *set = signed_zone_find_text(&proof->zone, owner, TYPE_NSEC);
    set = set ? set : signed_zone_find_text(&proof->zone, owner, TYPE_NSEC3);
    assert_non_null(set);
    const dnssec_verified_t verified = {0};
    return denial_set_add(&proof->set, &set->rrset, &verified);
}

/* Only these records. */
static void use(proof_t *proof, const char *const *owners)
{
    denial_set_init(&proof->set, proof->zone.apex, &proof->policy, &proof->budget, &proof->cache);
    for (; *owners; owners++) {
        assert_true(add(proof, *owners));
    }
}

#define USE(proof, ...) use(proof, (const char *const[]){__VA_ARGS__, NULL})

static denial_result_t name_error(proof_t *proof, const char *name)
{
    return denial_name_error(&proof->set, name_of(name).wire);
}

static denial_result_t no_data(proof_t *proof, const char *name, uint16_t type)
{
    return denial_no_data(&proof->set, name_of(name).wire, type);
}

static denial_result_t wildcard_answer(proof_t *proof, const char *name, unsigned encloser)
{
    return denial_wildcard_answer(&proof->set, name_of(name).wire, encloser);
}

static denial_result_t insecure_delegation(proof_t *proof, const char *name)
{
    return denial_insecure_delegation(&proof->set, name_of(name).wire);
}

/* ---- RFC 4035 appendix B ---- */

static void test_answers_of_rfc_4035(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc4035_zone);
    USE(&proof, "b.example.", "example."); /* B.2 */
    assert_int_equal(name_error(&proof, "ml.example."), DENIAL_PROVEN);
    USE(&proof, "b.example.");
    assert_int_equal(name_error(&proof, "ml.example."), DENIAL_NOT_PROVEN);
    USE(&proof, "example.");
    assert_int_equal(name_error(&proof, "ml.example."), DENIAL_NOT_PROVEN);
    USE(&proof, "ns1.example."); /* B.3 */
    assert_int_equal(no_data(&proof, "ns1.example.", TYPE_MX), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "ns1.example.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "ns2.example.", TYPE_MX), DENIAL_NOT_PROVEN);
    USE(&proof, "b.example."); /* B.5 */
    assert_int_equal(insecure_delegation(&proof, "b.example."), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "b.example.", TYPE_DS), DENIAL_PROVEN);
    USE(&proof, "x.y.w.example."); /* B.6 */
    assert_int_equal(wildcard_answer(&proof, "a.z.w.example.", 2), DENIAL_PROVEN);
    USE(&proof, "x.y.w.example.", "*.w.example."); /* B.7 */
    assert_int_equal(no_data(&proof, "a.z.w.example.", TYPE_AAAA), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "a.z.w.example.", TYPE_MX), DENIAL_NOT_PROVEN);
    assert_int_equal(name_error(&proof, "a.z.w.example."), DENIAL_NOT_PROVEN);
    USE(&proof, "example."); /* B.8: the child speaks of its own DS */
    assert_int_equal(no_data(&proof, "example.", TYPE_DS), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "example.", TYPE_A), DENIAL_PROVEN);
    tear_down(&proof);
}

static void test_nsec_that_must_not_be_used(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc4035_zone);
    /* An ancestor delegation says nothing of its own name but for DS, and nothing of names below (RFC 6840 4.1). */
    USE(&proof, "b.example.", "example.");
    assert_int_equal(no_data(&proof, "b.example.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "b.example.", TYPE_NS), DENIAL_NOT_PROVEN);
    assert_int_equal(name_error(&proof, "www.b.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "www.b.example.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(wildcard_answer(&proof, "www.b.example.", 2), DENIAL_NOT_PROVEN);
    /* A secure delegation is not an insecure one, and a name without NS is none at all (RFC 6840 4.4). */
    USE(&proof, "a.example.", "ns1.example.", "example.");
    assert_int_equal(insecure_delegation(&proof, "a.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "ns1.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "a.example.", TYPE_DS), DENIAL_NOT_PROVEN);
    /* Names of other zones. */
    assert_int_equal(name_error(&proof, "other."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "other.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, ".", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "other."), DENIAL_NOT_PROVEN);
    assert_int_equal(wildcard_answer(&proof, "a.b.c.example.", 0), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

/* One NSEC record by its text. */
static bool add_nsec(proof_t *proof, const char *owner, const char *rdata, bool is_expansion)
{
    char line[512];
    snprintf(line, sizeof line, "%s 60 NSEC %s\n", owner, rdata);
    assert_true(proof->extra_count < DENIAL_RECORDS_MAX + 8);
    signed_zone_t *zone = &proof->extra[proof->extra_count++];
    signed_zone_load_text(zone, ".", line, strlen(line));
    const dnssec_verified_t verified = {.is_expansion = is_expansion};
    return denial_set_add(&proof->set, &zone->rrsets[0].rrset, &verified);
}

static void test_nsec_that_is_refused(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc4035_zone);
    assert_false(add_nsec(&proof, "a.example.", "z.example. A", true));  /* made from a wildcard */
    assert_false(add_nsec(&proof, "a.example.", "other. A", false));     /* out of the zone */
    assert_false(add_nsec(&proof, "other.", "a.example. A", false));     /* likewise */
    assert_false(add_nsec(&proof, "b.example.", "a.example. A", false)); /* backwards, and not to the apex */
    assert_false(add_nsec(&proof, "b.example.", "b.example. A", false)); /* to itself */
    assert_false(add_nsec(&proof, "example.", ". A", false));            /* above the zone */
    assert_true(add_nsec(&proof, "example.", "EXAMPLE. SOA NS", false)); /* the only name of its zone */
    assert_int_equal(name_error(&proof, "x.example."), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "example.", TYPE_A), DENIAL_PROVEN);
    for (unsigned i = 0; i < DENIAL_RECORDS_MAX - 1; i++) {
        assert_true(add_nsec(&proof, "a.example.", "b.example. A", false));
    }
    assert_false(add_nsec(&proof, "a.example.", "b.example. A", false)); /* full */
    tear_down(&proof);
}

static void test_empty_non_terminals_by_nsec(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc4035_zone);
    assert_true(add_nsec(&proof, "a.example.", "x.c.b.example. A", false));
    assert_int_equal(no_data(&proof, "b.example.", TYPE_A), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "c.b.example.", TYPE_ANY), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "x.c.b.example.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(name_error(&proof, "b.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(name_error(&proof, "c.b.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(wildcard_answer(&proof, "c.b.example.", 1), DENIAL_NOT_PROVEN); /* b exists: the wildcard is not of example */
    assert_int_equal(wildcard_answer(&proof, "a.b.example.", 2), DENIAL_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "b.example."), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

/* The wildcard is an empty non-terminal: it exists, and makes no data out of any type (RFC 4592 2.2.2, 3.3.1). */
static void test_wildcard_that_is_an_empty_non_terminal(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc4035_zone);
    assert_true(add_nsec(&proof, "example.", "x.*.example. SOA NS", false));
    assert_true(add_nsec(&proof, "x.*.example.", "z.example. A", false));
    assert_int_equal(name_error(&proof, "q.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "q.example.", TYPE_A), DENIAL_PROVEN);
    tear_down(&proof);
}

static void test_bits_of_matching_nsec(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc4035_zone);
    assert_true(add_nsec(&proof, "alias.example.", "d.example. CNAME RRSIG NSEC", false));
    assert_int_equal(no_data(&proof, "alias.example.", TYPE_A), DENIAL_NOT_PROVEN); /* RFC 6840 4.3 */
    assert_int_equal(no_data(&proof, "alias.example.", TYPE_CNAME), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "alias.example.", TYPE_DS), DENIAL_NOT_PROVEN);
    assert_true(add_nsec(&proof, "d.example.", "k.example. DNAME RRSIG NSEC", false));
    assert_int_equal(no_data(&proof, "d.example.", TYPE_A), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "x.d.example.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(name_error(&proof, "x.d.example."), DENIAL_NOT_PROVEN); /* RFC 6840 4.1 */
    assert_int_equal(wildcard_answer(&proof, "x.d.example.", 2), DENIAL_NOT_PROVEN);
    assert_int_equal(wildcard_answer(&proof, "e.example.", 1), DENIAL_PROVEN);
    assert_true(add_nsec(&proof, "child.example.", "k.example. NS SOA DNSKEY RRSIG NSEC", false));
    assert_int_equal(no_data(&proof, "child.example.", TYPE_DS), DENIAL_NOT_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "child.example."), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

/* The root has no parent: its own record tells that it has no DS. */
static void test_ds_of_the_root(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, ".", ". 60 NSEC com. NS SOA RRSIG NSEC DNSKEY\n");
    USE(&proof, ".");
    assert_int_equal(no_data(&proof, ".", TYPE_DS), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, ".", TYPE_NS), DENIAL_NOT_PROVEN);
    assert_int_equal(name_error(&proof, "aaa."), DENIAL_PROVEN);
    assert_int_equal(name_error(&proof, "zzz."), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

/* ---- RFC 5155 appendix B ---- */

#define H_EXAMPLE "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."
#define H_NS1     "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example."
#define H_XYW     "2vptu5timamqttgl4luu9kg21e0aor3s.example."
#define H_A       "35mthgpgcu1qg68fab165klnsnk3dpvl.example."
#define H_XW      "b4um86eghhds6nea196smvmlo4ors995.example."
#define H_W       "k8udemvp1j2f7eg6jebps17vp3n8i58h.example."
#define H_NS2     "q04jkcevqvmu85r014c7dkba38o0ji5r.example."
#define H_WILD_W  "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example."
#define H_YW      "ji6neoaepv8b5o6k4ev33abha8ht9fgc.example."

static void test_answers_of_rfc_5155(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc5155_zone);
    USE(&proof, H_EXAMPLE, H_XW, H_A); /* B.1: the zone has opt-out set everywhere */
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_OPT_OUT);
    USE(&proof, H_XW, H_EXAMPLE);
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_NOT_PROVEN);
    USE(&proof, H_XW, H_A);
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_NOT_PROVEN);
    USE(&proof, H_NS1); /* B.2 */
    assert_int_equal(no_data(&proof, "ns1.example.", TYPE_MX), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "ns1.example.", TYPE_A), DENIAL_NOT_PROVEN);
    USE(&proof, H_YW); /* B.2.1 */
    assert_int_equal(no_data(&proof, "y.w.example.", TYPE_A), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "y.w.example.", TYPE_ANY), DENIAL_PROVEN);
    USE(&proof, H_A, H_EXAMPLE); /* B.3 */
    assert_int_equal(insecure_delegation(&proof, "c.example."), DENIAL_OPT_OUT);
    assert_int_equal(no_data(&proof, "c.example.", TYPE_DS), DENIAL_OPT_OUT);
    USE(&proof, H_NS2); /* B.4 */
    assert_int_equal(wildcard_answer(&proof, "a.z.w.example.", 2), DENIAL_OPT_OUT);
    USE(&proof, H_W, H_NS2, H_WILD_W); /* B.5 */
    assert_int_equal(no_data(&proof, "a.z.w.example.", TYPE_AAAA), DENIAL_OPT_OUT);
    USE(&proof, H_EXAMPLE); /* B.6: the child speaks of its own DS */
    assert_int_equal(no_data(&proof, "example.", TYPE_DS), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

/* The same zone as if it had no opt-out: what was insecure is proven, and what needed opt-out no longer is. */
static void clear_opt_out(signed_zone_t *zone)
{
    for (size_t i = 0; i < zone->count; i++) {
        if (zone->rrsets[i].rrset.type == TYPE_NSEC3) {
            uint8_t *rdata = arena_alloc(&zone->arena, zone->rrsets[i].rrset.records[0].length);
            dnssec_rdata_t *record = arena_alloc(&zone->arena, sizeof *record);
            memcpy(rdata, zone->rrsets[i].rrset.records[0].data, zone->rrsets[i].rrset.records[0].length);
            rdata[1] = 0;
            *record = (dnssec_rdata_t){rdata, zone->rrsets[i].rrset.records[0].length};
            zone->rrsets[i].rrset.records = record;
        }
    }
}

static void test_answers_without_opt_out(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc5155_zone);
    clear_opt_out(&proof.zone);
    USE(&proof, H_EXAMPLE, H_XW, H_A);
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_PROVEN);
    USE(&proof, H_NS2);
    assert_int_equal(wildcard_answer(&proof, "a.z.w.example.", 2), DENIAL_PROVEN);
    USE(&proof, H_W, H_NS2, H_WILD_W);
    assert_int_equal(no_data(&proof, "a.z.w.example.", TYPE_AAAA), DENIAL_PROVEN);
    assert_int_equal(no_data(&proof, "a.z.w.example.", TYPE_MX), DENIAL_NOT_PROVEN);
    USE(&proof, H_A, H_EXAMPLE);
    assert_int_equal(insecure_delegation(&proof, "c.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "c.example.", TYPE_DS), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

/* a.example is a delegation: its record is no closest encloser for names below, nor does it deny its own types (RFC 5155 8.3). */
static void test_nsec3_that_must_not_be_used(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc5155_zone);
    USE(&proof, H_EXAMPLE, H_NS1, H_XYW, H_A, H_XW, H_W, H_NS2, H_WILD_W, H_YW);
    assert_int_equal(name_error(&proof, "www.a.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "www.a.example.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "www.a.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "a.example.", TYPE_A), DENIAL_NOT_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "a.example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "a.example.", TYPE_DS), DENIAL_NOT_PROVEN);
    assert_int_equal(name_error(&proof, "other."), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

static void test_iterations_over_the_limit(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc5155_zone);
    proof.policy.nsec3_iterations_max = 12;
    USE(&proof, H_EXAMPLE, H_XW, H_A);
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_OPT_OUT);
    proof.policy.nsec3_iterations_max = 11;
    USE(&proof, H_EXAMPLE, H_XW, H_A);
    uint32_t left = proof.budget.nsec3_hashes;
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_ITERATIONS);
    assert_int_equal(no_data(&proof, "ns1.example.", TYPE_MX), DENIAL_ITERATIONS);
    assert_int_equal(insecure_delegation(&proof, "c.example."), DENIAL_ITERATIONS);
    assert_int_equal(wildcard_answer(&proof, "a.z.w.example.", 2), DENIAL_ITERATIONS);
    assert_int_equal(proof.budget.nsec3_hashes, left);
    tear_down(&proof);
}

static void test_hashes_are_counted(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", rfc5155_zone);
    USE(&proof, H_EXAMPLE, H_XW, H_A);
    proof.budget.nsec3_hashes = 100;
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_OPT_OUT);
    assert_int_equal(proof.budget.nsec3_hashes, 100 - 4); /* a.c.x.w, c.x.w, x.w, *.x.w */
    assert_int_equal(name_error(&proof, "A.c.X.w.example."), DENIAL_OPT_OUT);
    assert_int_equal(proof.budget.nsec3_hashes, 100 - 4); /* out of the cache */
    proof.set.cache = NULL;
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_OPT_OUT);
    assert_int_equal(proof.budget.nsec3_hashes, 100 - 8);
    proof.budget.nsec3_hashes = 3;
    assert_int_equal(name_error(&proof, "a.c.x.w.example."), DENIAL_BUDGET_SPENT);
    assert_int_equal(proof.budget.nsec3_hashes, 0);
    tear_down(&proof);
}

/* The longest name asks for a hash of each of its suffixes, and no more. */
static void test_longest_name_is_within_the_budget(void **state)
{
    (void)state;
    proof_t proof;
    uint8_t name[NAME_WIRE_MAX + NAME_PADDING] = {0};
    set_up(&proof, "example.", rfc5155_zone);
    USE(&proof, H_EXAMPLE, H_NS1, H_XYW, H_A, H_XW, H_W, H_NS2, H_WILD_W, H_YW);
    static const uint8_t tail[] = "\007example";
    for (size_t i = 0; i + sizeof tail + 2 <= NAME_WIRE_MAX; i += 2) {
        name[i] = 1;
        name[i + 1] = 'q';
        memcpy(name + i + 2, tail, sizeof tail);
    }
    unsigned labels = name_labels(name);
    denial_result_t result = denial_name_error(&proof.set, name);
    assert_true(result == DENIAL_OPT_OUT || result == DENIAL_NOT_PROVEN);
    assert_true(DNSSEC_NSEC3_HASHES_MAX - proof.budget.nsec3_hashes <= labels + 1);
    tear_down(&proof);
}

static void test_nsec3_that_is_refused(void **state)
{
    (void)state;
    proof_t proof;
    static const char zone[] = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 NSEC3 1 2 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
                               "1p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 NSEC3 2 0 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
                               "2p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 NSEC3 1 0 12 aabbccdd 2t7b4g4v A\n"
                               "short.example. 60 NSEC3 1 0 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
                               "3p9mhaveqvm6t7vbl5lop2u3t2rp3tom.sub.example. 60 NSEC3 1 0 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
                               "4p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 NSEC3 1 0 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
                               "5p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 NSEC3 1 0 13 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
                               "6p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 60 NSEC3 1 1 12 AABBCCDD 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n";
    set_up(&proof, "example.", zone);
    assert_false(add(&proof, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."));     /* flags (RFC 5155 8.2) */
    assert_false(add(&proof, "1p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."));     /* hash (RFC 5155 8.1) */
    assert_false(add(&proof, "2p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."));     /* length of the next hash */
    assert_false(add(&proof, "short.example."));                                /* owner is no hash */
    assert_false(add(&proof, "3p9mhaveqvm6t7vbl5lop2u3t2rp3tom.sub.example.")); /* of another zone */
    assert_true(add(&proof, "4p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."));
    assert_false(add(&proof, "5p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.")); /* other parameters than the first */
    assert_true(add(&proof, "6p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example."));
    tear_down(&proof);
}

/* A zone of one name: its only record leads to itself and covers all else. */
static void test_only_nsec3_of_a_zone(void **state)
{
    (void)state;
    proof_t proof;
    set_up(&proof, "example.", H_EXAMPLE " 60 NSEC3 1 0 12 aabbccdd 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NS SOA RRSIG DNSKEY NSEC3PARAM\n");
    USE(&proof, H_EXAMPLE);
    assert_int_equal(name_error(&proof, "x.example."), DENIAL_PROVEN);
    assert_int_equal(name_error(&proof, "example."), DENIAL_NOT_PROVEN);
    assert_int_equal(no_data(&proof, "example.", TYPE_A), DENIAL_PROVEN);
    assert_int_equal(insecure_delegation(&proof, "x.example."), DENIAL_NOT_PROVEN);
    tear_down(&proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_of_rfc_4035),
        cmocka_unit_test(test_nsec_that_must_not_be_used),
        cmocka_unit_test(test_nsec_that_is_refused),
        cmocka_unit_test(test_empty_non_terminals_by_nsec),
        cmocka_unit_test(test_wildcard_that_is_an_empty_non_terminal),
        cmocka_unit_test(test_bits_of_matching_nsec),
        cmocka_unit_test(test_ds_of_the_root),
        cmocka_unit_test(test_answers_of_rfc_5155),
        cmocka_unit_test(test_answers_without_opt_out),
        cmocka_unit_test(test_nsec3_that_must_not_be_used),
        cmocka_unit_test(test_iterations_over_the_limit),
        cmocka_unit_test(test_hashes_are_counted),
        cmocka_unit_test(test_longest_name_is_within_the_budget),
        cmocka_unit_test(test_nsec3_that_is_refused),
        cmocka_unit_test(test_only_nsec3_of_a_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
