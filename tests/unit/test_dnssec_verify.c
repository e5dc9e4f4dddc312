#include "base/bytes.h"
#include "dnssec/trust_anchor.h"
#include "dnssec/verify.h"
#include "dnssec_vectors.h"
#include "signed_zone.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

enum { TIME_4035 = 1082000000, TIME_5155 = 1300000000, TIME_5702 = 1000000000, TIME_6605 = 1282000000, TIME_8080 = 1439000000 };

/* A zone, and what it takes to verify it. */
typedef struct bench {
    signed_zone_t zone;
    dnssec_policy_t policy;
    dnssec_budget_t budget;
    buffer_t scratch;
    dnssec_context_t context;
    dnssec_verified_t verified;
} bench_t;

static void set_up(bench_t *bench, const char *apex, const char *text, uint32_t now_s)
{
    signed_zone_load_text(&bench->zone, apex, text, strlen(text));
    dnssec_policy_init(&bench->policy);
    dnssec_budget_init(&bench->budget);
    bench->budget.signature_checks = 1000;
    buffer_init(&bench->scratch, 1 << 20);
    bench->context = (dnssec_context_t){.policy = &bench->policy, .budget = &bench->budget, .scratch = &bench->scratch, .now_s = now_s};
}

static void tear_down(bench_t *bench)
{
    signed_zone_clear(&bench->zone);
    buffer_clear(&bench->scratch);
}

static dnssec_result_t verify(bench_t *bench, const dnssec_rrset_t *rrset, dnssec_records_t rrsigs)
{
    return dnssec_verify(&bench->context, rrset, rrsigs, &bench->zone.keys, &bench->verified);
}

/* Returns how many RRsets were verified. */
static unsigned assert_all_valid(bench_t *bench)
{
    unsigned count = 0;
    for (size_t i = 0; i < bench->zone.count; i++) {
        const signed_rrset_t *set = &bench->zone.rrsets[i];
        if (set->rrsigs.count > 0) {
            assert_int_equal(verify(bench, &set->rrset, set->rrsigs), DNSSEC_VALID);
            assert_false(bench->verified.is_expansion);
            count++;
        }
    }
    return count;
}

static void assert_zone_valid(const char *apex, const char *text, uint32_t now_s, unsigned expected)
{
    bench_t bench;
    set_up(&bench, apex, text, now_s);
    assert_int_equal(assert_all_valid(&bench), expected);
    tear_down(&bench);
}

/* ---- vectors ---- */

static void test_zone_of_rfc_4035(void **state)
{
    (void)state;
    assert_zone_valid("example.", rfc4035_zone, TIME_4035, 26);
}

static void test_zone_of_rfc_5155(void **state)
{
    (void)state;
    assert_zone_valid("example.", rfc5155_zone, TIME_5155, 30);
}

static void test_vectors_of_rfc_5702(void **state)
{
    (void)state;
    assert_zone_valid("example.net.", rfc5702_sha256, TIME_5702, 1);
    assert_zone_valid("example.net.", rfc5702_sha512, TIME_5702, 1);
}

static void test_vectors_of_rfc_6605(void **state)
{
    (void)state;
    assert_zone_valid("example.net.", rfc6605_p256, TIME_6605, 1);
    assert_zone_valid("example.net.", rfc6605_p384, TIME_6605, 1);
}

static void test_vectors_of_rfc_8080(void **state)
{
    (void)state;
    assert_zone_valid("example.com.", rfc8080_ed25519_one, TIME_8080, 1);
    assert_zone_valid("example.com.", rfc8080_ed25519_two, TIME_8080, 1);
    assert_zone_valid("example.com.", rfc8080_ed448_one, TIME_8080, 1);
    assert_zone_valid("example.com.", rfc8080_ed448_two, TIME_8080, 1);
}

/* ---- one signature, changed ---- */

/* A copy of one signed RRset whose parts may be changed. */
typedef struct copy {
    uint8_t rrsig[1024];
    dnssec_rdata_t rrsig_record;
    dnssec_rrset_t rrset;
} copy_t;

static void copy_set(copy_t *copy, const signed_zone_t *zone, const char *owner, uint16_t type)
{
    const signed_rrset_t *set = signed_zone_find_text(zone, owner, type);
    assert_non_null(set);
    assert_true(set->rrsigs.count > 0 && set->rrsigs.list[0].length <= sizeof copy->rrsig);
    memcpy(copy->rrsig, set->rrsigs.list[0].data, set->rrsigs.list[0].length);
    copy->rrsig_record = (dnssec_rdata_t){copy->rrsig, set->rrsigs.list[0].length};
    copy->rrset = set->rrset;
}

static dnssec_result_t verify_copy(bench_t *bench, const copy_t *copy)
{
    return verify(bench, &copy->rrset, (dnssec_records_t){&copy->rrsig_record, 1});
}

enum { AT_TYPE = 0, AT_ALGORITHM = 2, AT_LABELS = 3, AT_TTL = 4, AT_EXPIRATION = 8, AT_INCEPTION = 12, AT_TAG = 16, AT_SIGNER = 18 };

static void test_each_field_counts(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    const struct {
        size_t at;
        uint8_t value;
        dnssec_result_t result;
    } cases[] = {
        {AT_TYPE + 1, TYPE_NS, DNSSEC_SIGNATURE_MISSING},
        {AT_ALGORITHM, DNSSEC_RSASHA256, DNSSEC_KEY_MISSING},
        {AT_ALGORITHM, 1, DNSSEC_ALGORITHM_UNSUPPORTED},
        {AT_ALGORITHM, 253, DNSSEC_ALGORITHM_UNSUPPORTED},
        {AT_LABELS, 3, DNSSEC_LABELS_WRONG},
        {AT_LABELS, 1, DNSSEC_SIGNATURE_WRONG},
        {AT_LABELS, 0, DNSSEC_LABELS_WRONG}, /* fewer than the signer's */
        {AT_TTL + 3, 1, DNSSEC_SIGNATURE_WRONG},
        {AT_EXPIRATION + 3, 1, DNSSEC_SIGNATURE_WRONG},
        {AT_INCEPTION + 3, 1, DNSSEC_SIGNATURE_WRONG},
        {AT_TAG, 1, DNSSEC_KEY_MISSING},
        {AT_SIGNER, 0, DNSSEC_SIGNER_WRONG},
        {AT_SIGNER, 200, DNSSEC_SIGNATURE_MALFORMED},
        {AT_SIGNER + 1, 'x', DNSSEC_SIGNER_WRONG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
        assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
        copy.rrsig[cases[i].at] = cases[i].value;
        assert_int_equal(verify_copy(&bench, &copy), cases[i].result);
    }
    /* The signer in another case is the same signer: canonical form lowers it. */
    copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
    copy.rrsig[AT_SIGNER + 1] = 'E';
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    tear_down(&bench);
}

static void test_each_bit_of_a_signature_counts(void **state)
{
    (void)state;
    static const struct {
        const char *apex;
        const char *text;
        const char *owner;
        uint16_t type;
        uint32_t now_s;
    } cases[] = {
        {"example.net.", rfc5702_sha256, "www.example.net.", TYPE_A, TIME_5702},
        {"example.net.", rfc6605_p256, "www.example.net.", TYPE_A, TIME_6605},
        {"example.net.", rfc6605_p384, "www.example.net.", TYPE_A, TIME_6605},
        {"example.com.", rfc8080_ed25519_one, "example.com.", TYPE_MX, TIME_8080},
        {"example.com.", rfc8080_ed448_one, "example.com.", TYPE_MX, TIME_8080},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench_t bench;
        copy_t copy;
        set_up(&bench, cases[i].apex, cases[i].text, cases[i].now_s);
        copy_set(&copy, &bench.zone, cases[i].owner, cases[i].type);
        size_t start = AT_SIGNER + name_length(copy.rrsig + AT_SIGNER);
        for (size_t at = start; at < copy.rrsig_record.length; at++) {
            copy.rrsig[at] ^= (uint8_t)(1u << at % 8);
            assert_int_equal(verify_copy(&bench, &copy), DNSSEC_SIGNATURE_WRONG);
            copy.rrsig[at] ^= (uint8_t)(1u << at % 8);
        }
        copy.rrsig_record.length--;
        assert_int_equal(verify_copy(&bench, &copy), DNSSEC_SIGNATURE_WRONG);
        copy.rrsig_record.length += 2;
        assert_int_equal(verify_copy(&bench, &copy), DNSSEC_SIGNATURE_WRONG);
        copy.rrsig_record.length = (uint16_t)start; /* no signature at all */
        assert_int_equal(verify_copy(&bench, &copy), DNSSEC_SIGNATURE_MALFORMED);
        bench.budget.signature_checks = 1000;
        tear_down(&bench);
    }
}

static void test_times(void **state)
{
    (void)state;
    enum { INCEPTION = 1081535779, EXPIRATION = 1084127779 };
    static const struct {
        uint32_t now_s;
        uint32_t skew_s;
        dnssec_result_t result;
    } cases[] = {
        {INCEPTION, 0, DNSSEC_VALID},
        {EXPIRATION, 0, DNSSEC_VALID},
        {INCEPTION - 1, 0, DNSSEC_SIGNATURE_NOT_YET_VALID},
        {EXPIRATION + 1, 0, DNSSEC_SIGNATURE_EXPIRED},
        {INCEPTION - 300, 300, DNSSEC_VALID},
        {EXPIRATION + 300, 300, DNSSEC_VALID},
        {INCEPTION - 301, 300, DNSSEC_SIGNATURE_NOT_YET_VALID},
        {EXPIRATION + 301, 300, DNSSEC_SIGNATURE_EXPIRED},
        {0, 0, DNSSEC_SIGNATURE_NOT_YET_VALID},
        {(uint32_t)INCEPTION + INT32_MAX, 0, DNSSEC_SIGNATURE_EXPIRED},
        {(uint32_t)INCEPTION + INT32_MAX + 2, 0, DNSSEC_SIGNATURE_NOT_YET_VALID}, /* the future, modulo 2^32 */
    };
    bench_t bench;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        copy_t copy;
        copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
        bench.context.now_s = cases[i].now_s;
        bench.policy.skew_s = cases[i].skew_s;
        assert_int_equal(verify_copy(&bench, &copy), cases[i].result);
    }
    tear_down(&bench);
}

/* Serial arithmetic goes over the end of 32 bits (RFC 4034 3.1.5). */
static void test_times_around_the_end_of_32_bits(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
    dnssec_rrsig_t rrsig;
    store_be32(copy.rrsig + AT_INCEPTION, UINT32_MAX - 100);
    store_be32(copy.rrsig + AT_EXPIRATION, 100);
    assert_true(dnssec_rrsig_read(&rrsig, copy.rrsig, copy.rrsig_record.length));
    const struct {
        uint32_t now_s;
        dnssec_result_t result;
    } cases[] = {
        {UINT32_MAX, DNSSEC_VALID},
        {0, DNSSEC_VALID},
        {100, DNSSEC_VALID},
        {101, DNSSEC_SIGNATURE_EXPIRED},
        {UINT32_MAX - 101, DNSSEC_SIGNATURE_NOT_YET_VALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench.context.now_s = cases[i].now_s;
        assert_int_equal(dnssec_check_rrsig(&bench.context, &copy.rrset, &rrsig, bench.zone.apex), cases[i].result);
    }
    store_be32(copy.rrsig + AT_INCEPTION, 200);
    assert_true(dnssec_rrsig_read(&rrsig, copy.rrsig, copy.rrsig_record.length));
    assert_int_equal(dnssec_check_rrsig(&bench.context, &copy.rrset, &rrsig, bench.zone.apex), DNSSEC_SIGNATURE_INVERTED);
    tear_down(&bench);
}

static void test_ttl(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    assert_int_equal(bench.verified.ttl_s, 3600);
    copy.rrset.ttl_s = 86400; /* more than the original TTL */
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    assert_int_equal(bench.verified.ttl_s, 3600);
    copy.rrset.ttl_s = 17;
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    assert_int_equal(bench.verified.ttl_s, 17);
    copy.rrset.ttl_s = 3600;
    bench.context.now_s = 1084127779 - 5;
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    assert_int_equal(bench.verified.ttl_s, 5);
    bench.context.now_s = 1084127779 + 5;
    bench.policy.skew_s = 60;
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    assert_int_equal(bench.verified.ttl_s, 0);
    bench.context.now_s = TIME_4035;
    bench.policy.ttl_max_s = 100;
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    assert_int_equal(bench.verified.ttl_s, 100);
    tear_down(&bench);
}

/* RFC 4035 B.6. */
static void test_wildcard_expansion(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    name_t name;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    copy_set(&copy, &bench.zone, "*.w.example.", TYPE_MX);
    static const char *const expansions[] = {"a.z.w.example.", "A.W.Example.", "*.a.w.example."};
    for (size_t i = 0; i < sizeof expansions / sizeof expansions[0]; i++) {
        assert_int_equal(name_from_text(&name, expansions[i], strlen(expansions[i]), NULL, NULL), STATUS_OK);
        copy.rrset.owner = name.wire;
        assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
        assert_true(bench.verified.is_expansion);
        assert_int_equal(bench.verified.closest_encloser, 2);
    }
    /* The parent of the wildcard, and a name not below it, are no expansions. */
    static const char *const others[] = {"w.example.", "a.y.example."};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(name_from_text(&name, others[i], strlen(others[i]), NULL, NULL), STATUS_OK);
        copy.rrset.owner = name.wire;
        assert_int_equal(verify_copy(&bench, &copy), DNSSEC_SIGNATURE_WRONG);
    }
    tear_down(&bench);
}

/* A name that consists of 127 labels of a wildcard at the top: the longest owner there is. */
static void test_longest_wildcard_expansion(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    uint8_t owner[NAME_WIRE_MAX + NAME_PADDING] = {0};
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    copy_set(&copy, &bench.zone, "*.w.example.", TYPE_MX);
    static const uint8_t tail[] = "\001w\007example";
    for (size_t i = 0; i + sizeof tail + 2 <= NAME_WIRE_MAX; i += 2) {
        owner[i] = 1;
        owner[i + 1] = 'q';
        memcpy(owner + i + 2, tail, sizeof tail);
    }
    assert_true(name_length(owner) >= NAME_WIRE_MAX - 1);
    copy.rrset.owner = owner;
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    tear_down(&bench);
}

static void test_order_case_and_duplicates_do_not_count(void **state)
{
    (void)state;
    bench_t bench;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    const signed_rrset_t *set = signed_zone_find_text(&bench.zone, "example.", TYPE_NS);
    assert_int_equal(set->rrset.count, 2);
    uint8_t upper[64];
    memcpy(upper, set->rrset.records[0].data, set->rrset.records[0].length);
    upper[1] -= 'a' - 'A'; /* "ns1" */
    const dnssec_rdata_t records[] = {
        set->rrset.records[1], {upper, set->rrset.records[0].length}, set->rrset.records[1], set->rrset.records[0]};
    dnssec_rrset_t rrset = set->rrset;
    rrset.owner = (const uint8_t *)"\007EXAMPLE";
    rrset.records = records;
    rrset.count = 4;
    assert_int_equal(verify(&bench, &rrset, set->rrsigs), DNSSEC_VALID);
    rrset.count = 1;
    assert_int_equal(verify(&bench, &rrset, set->rrsigs), DNSSEC_SIGNATURE_WRONG);
    rrset.count = 0;
    assert_int_equal(verify(&bench, &rrset, set->rrsigs), DNSSEC_SIGNATURE_MISSING);
    tear_down(&bench);
}

/* A DS RRset at the apex of the zone that signs it is the child speaking for its parent. */
static void test_ds_by_the_wrong_side(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    copy_set(&copy, &bench.zone, "a.example.", TYPE_DS);
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_VALID);
    copy.rrset.owner = bench.zone.apex;
    copy.rrsig[AT_LABELS] = 1;
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_SIGNER_WRONG);
    tear_down(&bench);
}

static void test_rrset_too_large_for_the_scratch_buffer(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
    buffer_clear(&bench.scratch);
    buffer_init(&bench.scratch, 64);
    assert_int_equal(verify_copy(&bench, &copy), DNSSEC_NO_RESOURCES);
    assert_int_equal(bench.budget.signature_checks, 1000);
    tear_down(&bench);
}

/* ---- limits (CVE-2023-50387) ---- */

enum { MANY = 40 };

static void test_signatures_tried_are_limited(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copies[MANY];
    dnssec_rdata_t rrsigs[MANY + 1];
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    for (unsigned i = 0; i < MANY; i++) {
        copy_set(&copies[i], &bench.zone, "ns1.example.", TYPE_A);
        rrsigs[i] = copies[i].rrsig_record;
        copies[i].rrsig[AT_SIGNER + 30 + i] ^= 1;
    }
    rrsigs[MANY] = signed_zone_find_text(&bench.zone, "ns1.example.", TYPE_A)->rrsigs.list[0];
    assert_int_equal(verify(&bench, &copies[0].rrset, (dnssec_records_t){rrsigs, MANY + 1}), DNSSEC_BUDGET_SPENT);
    assert_int_equal(bench.budget.signature_checks, 1000 - 2);
    /* One bad one before the good one is within the limit. */
    assert_int_equal(verify(&bench, &copies[0].rrset, (dnssec_records_t){rrsigs + MANY - 1, 2}), DNSSEC_VALID);
    assert_int_equal(bench.budget.signature_checks, 1000 - 4);
    /* Any number of bad ones that cost nothing is no hindrance. */
    for (unsigned i = 0; i < MANY; i++) {
        copies[i].rrsig[AT_TAG] ^= 0xff;
    }
    assert_int_equal(verify(&bench, &copies[0].rrset, (dnssec_records_t){rrsigs, MANY + 1}), DNSSEC_VALID);
    assert_int_equal(bench.budget.signature_checks, 1000 - 5);
    tear_down(&bench);
}

/* RSA keys with one tag: exchanging 16-bit words leaves the sum as it is. */
static void test_keys_with_one_tag_are_limited(void **state)
{
    (void)state;
    bench_t bench;
    copy_t copy;
    dnssec_key_t *keys[MANY + 1];
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
    dnssec_key_t *good = NULL;
    for (size_t i = 0; i < bench.zone.keys.count; i++) {
        good = bench.zone.keys.list[i]->tag == load_be16(copy.rrsig + AT_TAG) ? bench.zone.keys.list[i] : good;
    }
    assert_non_null(good);
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t rdata[1024];
        memcpy(rdata, good->rdata, good->length);
        memcpy(rdata + 20, good->rdata + 22 + 2 * i, 2);
        memcpy(rdata + 22 + 2 * i, good->rdata + 20, 2);
        assert_int_equal(dnssec_key_new(&bench.policy, rdata, good->length, &keys[i]), STATUS_OK);
        assert_int_equal(keys[i]->tag, good->tag);
    }
    keys[MANY] = good;
    const dnssec_keys_t all = {.zone = bench.zone.apex, .list = keys, .count = MANY + 1};
    const dnssec_records_t rrsigs = {&copy.rrsig_record, 1};
    assert_int_equal(dnssec_verify(&bench.context, &copy.rrset, rrsigs, &all, NULL), DNSSEC_BUDGET_SPENT);
    assert_int_equal(bench.budget.signature_checks, 1000 - 2);
    const dnssec_keys_t last_two = {.zone = bench.zone.apex, .list = keys + MANY - 1, .count = 2};
    assert_int_equal(dnssec_verify(&bench.context, &copy.rrset, rrsigs, &last_two, NULL), DNSSEC_VALID);
    assert_int_equal(bench.budget.signature_checks, 1000 - 4);
    for (unsigned i = 0; i < MANY; i++) {
        dnssec_key_unref(keys[i]);
    }
    tear_down(&bench);
}

static void test_budget_is_never_exceeded(void **state)
{
    (void)state;
    bench_t bench;
    set_up(&bench, "example.", rfc4035_zone, TIME_4035);
    bench.budget.signature_checks = 3;
    unsigned valid = 0;
    unsigned spent = 0;
    for (size_t i = 0; i < bench.zone.count; i++) {
        const signed_rrset_t *set = &bench.zone.rrsets[i];
        if (set->rrsigs.count > 0) {
            dnssec_result_t result = verify(&bench, &set->rrset, set->rrsigs);
            valid += result == DNSSEC_VALID;
            spent += result == DNSSEC_BUDGET_SPENT;
        }
    }
    assert_int_equal(valid, 3);
    assert_int_equal(spent, 23);
    assert_int_equal(bench.budget.signature_checks, 0);
    tear_down(&bench);
}

/* ---- DNSKEY RRsets ---- */

typedef struct trusted {
    bench_t bench;
    const signed_rrset_t *dnskeys;
    uint8_t ds[16][DNSSEC_DS_MAX];
    dnssec_rdata_t records[16];
    dnssec_trust_t trust;
} trusted_t;

/* The zone of RFC 4035, trusted by DS of its key signing key (9465) with the digests given. */
static void set_up_trust(trusted_t *trusted, const uint8_t *digests, size_t count)
{
    set_up(&trusted->bench, "example.", rfc4035_zone, TIME_4035);
    trusted->dnskeys = signed_zone_find_text(&trusted->bench.zone, "example.", TYPE_DNSKEY);
    assert_non_null(trusted->dnskeys);
    const dnssec_rrset_t *rrset = &trusted->dnskeys->rrset;
    unsigned ksk = load_be16(rrset->records[0].data) & DNSKEY_FLAG_SEP ? 0 : 1;
    for (size_t i = 0; i < count; i++) {
        size_t size = dnssec_ds_make(digests[i], rrset->owner, rrset->records[ksk].data, rrset->records[ksk].length, trusted->ds[i]);
        assert_true(size > 0);
        assert_int_equal(load_be16(trusted->ds[i]), 9465);
        trusted->records[i] = (dnssec_rdata_t){trusted->ds[i], (uint16_t)size};
    }
    trusted->trust = (dnssec_trust_t){.ds = {trusted->records, count}};
}

static dnssec_result_t verify_trust(trusted_t *trusted)
{
    return dnssec_verify_dnskeys(&trusted->bench.context, &trusted->dnskeys->rrset, trusted->dnskeys->rrsigs, &trusted->trust,
                                 &trusted->bench.verified);
}

static void test_dnskeys_by_ds_of_each_digest(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 4; i++) {
        if (dnssec_digest_size((uint8_t)i) == 0) {
            continue;
        }
        trusted_t trusted;
        set_up_trust(&trusted, (const uint8_t[]){(uint8_t)i}, 1);
        assert_int_equal(verify_trust(&trusted), DNSSEC_VALID);
        assert_int_equal(trusted.bench.verified.key_tag, 9465);
        trusted.ds[0][10] ^= 1;
        assert_int_equal(verify_trust(&trusted), DNSSEC_KEY_MISSING);
        tear_down(&trusted.bench);
    }
}

/* RFC 4509 3. */
static void test_sha1_is_passed_over_beside_sha256(void **state)
{
    (void)state;
    trusted_t trusted;
    set_up_trust(&trusted, (const uint8_t[]){DNSSEC_DIGEST_SHA1, DNSSEC_DIGEST_SHA256}, 2);
    assert_int_equal(verify_trust(&trusted), DNSSEC_VALID);
    trusted.ds[1][10] ^= 1;
    assert_int_equal(verify_trust(&trusted), DNSSEC_KEY_MISSING);
    trusted.bench.policy.digests = 1u << DNSSEC_DIGEST_SHA1; /* now the other one does not count */
    assert_int_equal(verify_trust(&trusted), DNSSEC_VALID);
    tear_down(&trusted.bench);
}

/* RFC 4035 5.2, RFC 6840 5.2: nothing that can be used makes the zone insecure; something unusable beside is ignored. */
static void test_unsupported_ds(void **state)
{
    (void)state;
    trusted_t trusted;
    set_up_trust(&trusted, (const uint8_t[]){DNSSEC_DIGEST_SHA256, DNSSEC_DIGEST_SHA256}, 2);
    trusted.ds[0][2] = 1; /* RSA/MD5 */
    assert_int_equal(verify_trust(&trusted), DNSSEC_VALID);
    trusted.ds[1][2] = 253;
    assert_int_equal(verify_trust(&trusted), DNSSEC_ALGORITHM_UNSUPPORTED);
    assert_int_equal(dnssec_ds_usable(&trusted.bench.policy, trusted.trust.ds), DNSSEC_ALGORITHM_UNSUPPORTED);
    trusted.ds[1][2] = DNSSEC_RSASHA1;
    trusted.ds[1][3] = 3; /* GOST */
    assert_int_equal(verify_trust(&trusted), DNSSEC_DIGEST_UNSUPPORTED);
    assert_int_equal(dnssec_ds_usable(&trusted.bench.policy, trusted.trust.ds), DNSSEC_DIGEST_UNSUPPORTED);
    trusted.trust.ds.count = 0;
    assert_int_equal(verify_trust(&trusted), DNSSEC_KEY_MISSING);
    tear_down(&trusted.bench);
}

/* A refused size makes insecure only when there is nothing else: a stripped signature must not. */
static void test_refused_key_sizes(void **state)
{
    (void)state;
    trusted_t trusted;
    set_up_trust(&trusted, (const uint8_t[]){DNSSEC_DIGEST_SHA256, DNSSEC_DIGEST_SHA256}, 2);
    trusted.bench.policy.rsa_bits_max = 512;
    assert_int_equal(verify_trust(&trusted), DNSSEC_ALGORITHM_UNSUPPORTED);
    trusted.ds[1][0] ^= 1;
    assert_int_equal(verify_trust(&trusted), DNSSEC_KEY_MISSING);
    tear_down(&trusted.bench);
}

static void test_ds_considered_are_limited(void **state)
{
    (void)state;
    trusted_t trusted;
    uint8_t digests[9];
    memset(digests, DNSSEC_DIGEST_SHA256, sizeof digests);
    set_up_trust(&trusted, digests, sizeof digests);
    for (unsigned i = 0; i < 8; i++) {
        trusted.ds[i][1] ^= (uint8_t)(i + 1);
    }
    assert_int_equal(verify_trust(&trusted), DNSSEC_BUDGET_SPENT);
    trusted.trust.ds.list++;
    trusted.trust.ds.count--;
    assert_int_equal(verify_trust(&trusted), DNSSEC_VALID);
    tear_down(&trusted.bench);
}

/* The key that the DS refers to must itself have signed (RFC 4035 5.2). */
static void test_dnskeys_not_signed_by_the_trusted_key(void **state)
{
    (void)state;
    trusted_t trusted;
    set_up_trust(&trusted, (const uint8_t[]){DNSSEC_DIGEST_SHA256}, 1);
    signed_rrset_t stripped = *trusted.dnskeys;
    dnssec_rdata_t other;
    for (size_t i = 0; i < stripped.rrsigs.count; i++) {
        dnssec_rrsig_t rrsig;
        assert_true(dnssec_rrsig_read(&rrsig, stripped.rrsigs.list[i].data, stripped.rrsigs.list[i].length));
        other = rrsig.key_tag != 9465 ? stripped.rrsigs.list[i] : other;
    }
    stripped.rrsigs = (dnssec_records_t){&other, 1};
    trusted.dnskeys = &stripped;
    assert_int_equal(verify_trust(&trusted), DNSSEC_SIGNATURE_MISSING);
    stripped.rrsigs.count = 0;
    assert_int_equal(verify_trust(&trusted), DNSSEC_SIGNATURE_MISSING);
    tear_down(&trusted.bench);
}

static void test_dnskeys_by_anchor(void **state)
{
    (void)state;
    trusted_t trusted;
    set_up_trust(&trusted, (const uint8_t[]){DNSSEC_DIGEST_SHA256}, 1);
    trust_anchors_t anchors;
    trust_anchors_init(&anchors);
    const dnssec_rrset_t *rrset = &trusted.dnskeys->rrset;
    unsigned ksk = load_be16(rrset->records[0].data) & DNSKEY_FLAG_SEP ? 0 : 1;
    uint8_t rdata[1024];
    memcpy(rdata, rrset->records[ksk].data, rrset->records[ksk].length);
    rdata[rrset->records[ksk].length - 1] ^= 1;
    assert_int_equal(trust_anchors_add(&anchors, rrset->owner, TYPE_DNSKEY, rdata, rrset->records[ksk].length), STATUS_OK);
    trusted.trust = trust_point_trust(trust_anchors_find(&anchors, rrset->owner));
    assert_int_equal(verify_trust(&trusted), DNSSEC_KEY_MISSING);
    assert_int_equal(trust_anchors_add(&anchors, rrset->owner, TYPE_DNSKEY, rrset->records[ksk].data, rrset->records[ksk].length),
                     STATUS_OK);
    trusted.trust = trust_point_trust(trust_anchors_find(&anchors, rrset->owner));
    assert_int_equal(verify_trust(&trusted), DNSSEC_VALID);
    trust_anchors_clear(&anchors);
    tear_down(&trusted.bench);
}

/* A key without the zone flag, or revoked, verifies nothing, whatever its digest. */
static void test_keys_that_are_no_zone_keys(void **state)
{
    (void)state;
    static const struct {
        uint16_t flags;
        dnssec_result_t result;
    } cases[] = {{0x0001, DNSSEC_KEY_NOT_ZONE_KEY}, {0x0181, DNSSEC_KEY_REVOKED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench_t bench;
        copy_t copy;
        dnssec_key_t *key;
        uint8_t rdata[1024];
        set_up(&bench, "example.", rfc4035_zone, TIME_4035);
        copy_set(&copy, &bench.zone, "ns1.example.", TYPE_A);
        const dnssec_key_t *good = bench.zone.keys.list[0];
        memcpy(rdata, good->rdata, good->length);
        store_be16(rdata, cases[i].flags);
        assert_int_equal(dnssec_key_new(&bench.policy, rdata, good->length, &key), STATUS_OK);
        store_be16(copy.rrsig + AT_TAG, key->tag);
        const dnssec_keys_t keys = {.zone = bench.zone.apex, .list = &key, .count = 1};
        assert_int_equal(dnssec_verify(&bench.context, &copy.rrset, (dnssec_records_t){&copy.rrsig_record, 1}, &keys, NULL),
                         cases[i].result);
        assert_int_equal(bench.budget.signature_checks, 1000);
        dnssec_key_unref(key);
        tear_down(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zone_of_rfc_4035),
        cmocka_unit_test(test_zone_of_rfc_5155),
        cmocka_unit_test(test_vectors_of_rfc_5702),
        cmocka_unit_test(test_vectors_of_rfc_6605),
        cmocka_unit_test(test_vectors_of_rfc_8080),
        cmocka_unit_test(test_each_field_counts),
        cmocka_unit_test(test_each_bit_of_a_signature_counts),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_times_around_the_end_of_32_bits),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_wildcard_expansion),
        cmocka_unit_test(test_longest_wildcard_expansion),
        cmocka_unit_test(test_order_case_and_duplicates_do_not_count),
        cmocka_unit_test(test_ds_by_the_wrong_side),
        cmocka_unit_test(test_rrset_too_large_for_the_scratch_buffer),
        cmocka_unit_test(test_signatures_tried_are_limited),
        cmocka_unit_test(test_keys_with_one_tag_are_limited),
        cmocka_unit_test(test_budget_is_never_exceeded),
        cmocka_unit_test(test_dnskeys_by_ds_of_each_digest),
        cmocka_unit_test(test_sha1_is_passed_over_beside_sha256),
        cmocka_unit_test(test_unsupported_ds),
        cmocka_unit_test(test_refused_key_sizes),
        cmocka_unit_test(test_ds_considered_are_limited),
        cmocka_unit_test(test_dnskeys_not_signed_by_the_trusted_key),
        cmocka_unit_test(test_dnskeys_by_anchor),
        cmocka_unit_test(test_keys_that_are_no_zone_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
