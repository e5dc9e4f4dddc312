/* RFC 5011 with real keys (Ed25519 from fixed seeds) and a clock that the test turns. */
#include "base/bytes.h"
#include "dnssec/rollover.h"
#include "wire/rrtype.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    DAY = 86400,
    START = 1700000000,
    TTL = 2 * DAY,
    KEYS = 24,
    KEY_SIZE = 32,
    SIGNATURE_SIZE = 64,
    DNSKEY_SIZE = 4 + KEY_SIZE,
    RRSIG_SIZE = 18 + 1 + SIGNATURE_SIZE,
    KSK = 257,
    ZSK = 256,
    REVOKED_KSK = 257 | 128,
};

static const uint8_t root[NAME_PADDING] = {0};

typedef struct test_key {
    EVP_PKEY *pair;
    uint8_t rdata[DNSKEY_SIZE];
} test_key_t;

typedef struct sight {
    dnssec_rdata_t records[KEYS];
    uint8_t dnskeys[KEYS][DNSKEY_SIZE];
    uint8_t signatures[KEYS][RRSIG_SIZE];
    dnssec_rdata_t rrsigs[KEYS];
    unsigned count;
    unsigned signature_count;
} sight_t;

typedef struct fixture {
    test_key_t keys[KEYS];
    rollover_t rollover;
    trust_anchors_t configured;
    rollover_point_t *point;
    sight_t sight;
    uint64_t now_s;
    unsigned changes;
} fixture_t;

static void make_key(test_key_t *key, unsigned number)
{
    uint8_t seed[KEY_SIZE] = {(uint8_t)(number + 1)};
    size_t size = KEY_SIZE;
    key->pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    assert_non_null(key->pair);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key->pair, key->rdata + 4, &size), 1);
    store_be16(key->rdata, KSK);
    key->rdata[2] = DNSKEY_PROTOCOL;
    key->rdata[3] = DNSSEC_ED25519;
}

static int set_up(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    for (unsigned i = 0; i < KEYS; i++) {
        make_key(&f->keys[i], i);
    }
    f->now_s = START;
    rollover_init(&f->rollover);
    trust_anchors_init(&f->configured);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *f = *state;
    for (unsigned i = 0; i < KEYS; i++) {
        EVP_PKEY_free(f->keys[i].pair);
    }
    rollover_clear(&f->rollover);
    trust_anchors_clear(&f->configured);
    free(f);
    return 0;
}

static void configure_ds(fixture_t *f, unsigned key)
{
    uint8_t ds[DNSSEC_DS_MAX];
    size_t size = dnssec_ds_make(DNSSEC_DIGEST_SHA256, root, f->keys[key].rdata, DNSKEY_SIZE, ds);
    assert_int_equal(trust_anchors_add(&f->configured, root, TYPE_DS, ds, size), STATUS_OK);
    assert_int_equal(rollover_configure(&f->rollover, &f->configured, f->now_s), STATUS_OK);
    f->point = rollover_find(&f->rollover, root);
    assert_non_null(f->point);
}

/* ---- RRsets ---- */

static void show(fixture_t *f, unsigned key, uint16_t flags)
{
    sight_t *sight = &f->sight;
    uint8_t *rdata = sight->dnskeys[sight->count];
    memcpy(rdata, f->keys[key].rdata, DNSKEY_SIZE);
    store_be16(rdata, flags);
    sight->records[sight->count++] = (dnssec_rdata_t){rdata, DNSKEY_SIZE};
}

static dnssec_rrset_t rrset_of(const sight_t *sight)
{
    return (dnssec_rrset_t){
        .owner = root, .records = sight->records, .count = sight->count, .ttl_s = TTL, .type = TYPE_DNSKEY, .rrclass = CLASS_IN};
}

/* Signs what is shown; to be called behind all show(). */
static void sign(fixture_t *f, unsigned key, uint16_t flags)
{
    sight_t *sight = &f->sight;
    uint8_t dnskey[DNSKEY_SIZE];
    uint8_t *rdata = sight->signatures[sight->signature_count];
    memcpy(dnskey, f->keys[key].rdata, DNSKEY_SIZE);
    store_be16(dnskey, flags);
    memset(rdata, 0, RRSIG_SIZE);
    store_be16(rdata, TYPE_DNSKEY);
    rdata[2] = DNSSEC_ED25519;
    store_be32(rdata + 4, TTL);
    store_be32(rdata + 8, (uint32_t)f->now_s + 20 * DAY);
    store_be32(rdata + 12, (uint32_t)f->now_s - DAY);
    store_be16(rdata + 16, dnssec_key_tag(dnskey, DNSKEY_SIZE));
    dnssec_rrset_t rrset = rrset_of(sight);
    dnssec_rrsig_t rrsig;
    buffer_t scratch;
    const uint8_t *data;
    size_t size;
    size_t signature_size = SIGNATURE_SIZE;
    buffer_init(&scratch, 1 << 16);
    assert_true(dnssec_rrsig_read(&rrsig, rdata, RRSIG_SIZE));
    assert_int_equal(dnssec_signed_data(&rrset, &rrsig, &scratch, &data, &size), STATUS_OK);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, f->keys[key].pair), 1);
    assert_int_equal(EVP_DigestSign(context, rdata + 19, &signature_size, data, size), 1);
    EVP_MD_CTX_free(context);
    buffer_clear(&scratch);
    sight->rrsigs[sight->signature_count++] = (dnssec_rdata_t){rdata, RRSIG_SIZE};
}

static void count_change(void *context, const rollover_change_t *change)
{
    fixture_t *f = context;
    assert_int_not_equal(change->from, change->to);
    f->changes++;
}

/* What was shown and signed is seen now; then the stage is empty again. */
static dnssec_result_t observe(fixture_t *f)
{
    dnssec_policy_t policy;
    dnssec_budget_t budget = {.signature_checks = 200};
    buffer_t scratch;
    dnssec_policy_init(&policy);
    buffer_init(&scratch, 1 << 16);
    const dnssec_context_t context = {.policy = &policy, .budget = &budget, .scratch = &scratch, .now_s = (uint32_t)f->now_s};
    const dnssec_rrset_t rrset = rrset_of(&f->sight);
    const rollover_sight_t sight = {&rrset, {f->sight.rrsigs, f->sight.signature_count}, &context, f->now_s};
    dnssec_result_t result = rollover_observe(&f->rollover, f->point, &f->configured, &sight, (rollover_watch_t){count_change, f});
    buffer_clear(&scratch);
    f->sight.count = 0;
    f->sight.signature_count = 0;
    return result;
}

/* ---- what is trusted ---- */

static bool is_trusted(fixture_t *f, unsigned key)
{
    trust_anchors_t effective;
    bool found = false;
    trust_anchors_init(&effective);
    assert_int_equal(rollover_effective(&f->rollover, &f->configured, &effective), STATUS_OK);
    const trust_point_t *point = trust_anchors_find(&effective, root);
    for (unsigned i = 0; point && i < point->dnskey_count; i++) {
        found = found || memcmp(point->dnskeys[i].data, f->keys[key].rdata, DNSKEY_SIZE) == 0;
    }
    for (unsigned i = 0; point && i < point->ds_count; i++) {
        found = found || dnssec_ds_matches(point->ds[i].data, point->ds[i].length, root, f->keys[key].rdata, DNSKEY_SIZE);
    }
    trust_anchors_clear(&effective);
    return found;
}

static const rollover_key_t *key_of(const fixture_t *f, unsigned key)
{
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX; i++) {
        if (f->point->keys[i].is_used && memcmp(f->point->keys[i].rdata, f->keys[key].rdata, DNSKEY_SIZE) == 0) {
            return &f->point->keys[i];
        }
    }
    return NULL;
}

/* Key 0 is configured by DS and seen; key 1 is new. */
static void begin_with_new_key(fixture_t *f)
{
    configure_ds(f, 0);
    show(f, 0, KSK);
    show(f, 1, KSK);
    sign(f, 0, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_true(is_trusted(f, 0));
    assert_false(is_trusted(f, 1));
    assert_int_equal(key_of(f, 1)->state, ROLLOVER_ADD_PENDING);
}

static void see_both(fixture_t *f, unsigned days_later)
{
    f->now_s += (uint64_t)days_later * DAY;
    show(f, 0, KSK);
    show(f, 1, KSK);
    sign(f, 0, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
}

/* Who takes an anchor out of the configuration wants it gone; what was learned behind its hold-down time stays. */
static void a_key_that_is_configured_no_more_is_forgotten(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    see_both(f, 31);
    assert_true(is_trusted(f, 1));
    trust_anchors_clear(&f->configured);
    trust_anchors_init(&f->configured);
    configure_ds(f, 2);
    assert_null(key_of(f, 0));
    assert_false(is_trusted(f, 0));
    assert_true(is_trusted(f, 1));
    assert_true(is_trusted(f, 2));
}

/* A key that did not have to wait, as it was configured meanwhile, is trusted for that reason only. */
static void a_pending_key_that_was_configured_is_forgotten_with_that(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    configure_ds(f, 1);
    show(f, 0, KSK);
    show(f, 1, KSK);
    sign(f, 0, KSK);
    sign(f, 1, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_int_equal(key_of(f, 1)->state, ROLLOVER_VALID);
    trust_anchors_clear(&f->configured);
    trust_anchors_init(&f->configured);
    configure_ds(f, 0);
    assert_true(is_trusted(f, 0));
    assert_false(is_trusted(f, 1));
}

static void a_configured_ds_finds_its_key(void **state)
{
    fixture_t *f = *state;
    configure_ds(f, 0);
    assert_true(is_trusted(f, 0));
    assert_null(key_of(f, 0));
    show(f, 0, KSK);
    show(f, 5, ZSK);
    sign(f, 0, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_int_equal(key_of(f, 0)->state, ROLLOVER_VALID);
    assert_null(key_of(f, 5)); /* no SEP bit: no anchor */
}

static void a_new_key_is_trusted_after_the_hold_down_time(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    see_both(f, 29);
    assert_false(is_trusted(f, 1));
    f->now_s += 2 * DAY; /* the time is over, but no RRset has been seen since */
    assert_false(is_trusted(f, 1));
    see_both(f, 0);
    assert_true(is_trusted(f, 1));
    /* from now on it vouches alone */
    f->now_s += DAY;
    show(f, 0, KSK);
    show(f, 1, KSK);
    show(f, 2, KSK);
    sign(f, 1, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_int_equal(key_of(f, 2)->state, ROLLOVER_ADD_PENDING);
}

static void a_pending_key_that_is_missing_begins_anew(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    f->now_s += 20 * DAY;
    show(f, 0, KSK);
    sign(f, 0, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_null(key_of(f, 1));
    see_both(f, 1);
    see_both(f, 15);
    assert_false(is_trusted(f, 1));
    see_both(f, 15);
    assert_true(is_trusted(f, 1));
}

static void nothing_follows_from_an_rrset_that_is_not_validated(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    f->now_s += 31 * DAY;
    show(f, 1, KSK); /* the new key alone, signed by itself */
    sign(f, 1, KSK);
    assert_int_not_equal(observe(f), DNSSEC_VALID);
    assert_false(is_trusted(f, 1));
    assert_true(is_trusted(f, 0));
    show(f, 0, KSK); /* signed by nobody */
    show(f, 1, KSK);
    assert_int_not_equal(observe(f), DNSSEC_VALID);
    assert_false(is_trusted(f, 1));
}

static void a_revocation_is_at_once_and_for_ever(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    see_both(f, 31);
    f->now_s += DAY;
    show(f, 0, REVOKED_KSK);
    show(f, 1, KSK);
    sign(f, 0, REVOKED_KSK);
    sign(f, 1, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_false(is_trusted(f, 0)); /* though it is configured */
    assert_true(is_trusted(f, 1));
    f->now_s += 31 * DAY;
    show(f, 1, KSK);
    sign(f, 1, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_int_equal(key_of(f, 0)->state, ROLLOVER_REMOVED);
    show(f, 0, KSK);
    show(f, 1, KSK);
    sign(f, 0, KSK);
    sign(f, 1, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_false(is_trusted(f, 0));
}

static void a_revocation_takes_the_keys_own_signature(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    see_both(f, 31);
    show(f, 0, REVOKED_KSK);
    show(f, 1, KSK);
    sign(f, 1, KSK); /* not by key 0 */
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_true(is_trusted(f, 0));
    assert_int_equal(key_of(f, 0)->state, ROLLOVER_MISSING);
    see_both(f, 1);
    assert_int_equal(key_of(f, 0)->state, ROLLOVER_VALID);
}

static void a_key_vouched_for_by_a_revoked_one_begins_anew(void **state)
{
    fixture_t *f = *state;
    configure_ds(f, 0);
    configure_ds(f, 3);
    show(f, 0, KSK);
    show(f, 3, KSK);
    sign(f, 0, KSK);
    sign(f, 3, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    show(f, 0, KSK); /* stolen: it brings key 9 */
    show(f, 3, KSK);
    show(f, 9, KSK);
    sign(f, 0, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    f->now_s += 25 * DAY;
    show(f, 0, REVOKED_KSK);
    show(f, 3, KSK);
    show(f, 9, KSK);
    sign(f, 0, REVOKED_KSK);
    sign(f, 3, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    assert_true(key_of(f, 9)->acceptable_s >= f->now_s + 30 * DAY);
}

static void a_point_without_keys_is_deleted(void **state)
{
    fixture_t *f = *state;
    configure_ds(f, 0);
    show(f, 0, REVOKED_KSK);
    sign(f, 0, REVOKED_KSK);
    assert_int_not_equal(observe(f), DNSSEC_VALID);
    trust_anchors_t effective;
    trust_anchors_init(&effective);
    assert_int_equal(rollover_effective(&f->rollover, &f->configured, &effective), STATUS_OK);
    assert_null(trust_anchors_find(&effective, root));
    trust_anchors_clear(&effective);
}

static void queries_follow_the_rfc(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    assert_int_equal(f->point->next_query_s, f->now_s + TTL / 2);
    rollover_failed(f->point, f->now_s);
    assert_int_equal(f->point->next_query_s, f->now_s + TTL / 10);
    f->point->ttl_s = 60;
    rollover_failed(f->point, f->now_s);
    assert_int_equal(f->point->next_query_s, f->now_s + 3600);
}

static void a_full_point_takes_no_more(void **state)
{
    fixture_t *f = *state;
    configure_ds(f, 0);
    for (unsigned i = 0; i < KEYS; i++) {
        show(f, i, KSK);
    }
    sign(f, 0, KSK);
    assert_int_equal(observe(f), DNSSEC_VALID);
    unsigned used = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        used += key_of(f, i) != NULL;
    }
    assert_int_equal(used, ROLLOVER_KEYS_MAX);
    assert_true(is_trusted(f, 0));
}

/* ---- text ---- */

static void the_state_survives_as_text(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    f->now_s += 5 * DAY;
    buffer_t first;
    buffer_t second;
    buffer_init(&first, ROLLOVER_STATE_MAX);
    buffer_init(&second, ROLLOVER_STATE_MAX);
    rollover_write(&f->rollover, &first);
    rollover_t copy;
    unsigned line;
    rollover_init(&copy);
    assert_int_equal(rollover_read(&copy, buffer_text(&first), first.size, &line), STATUS_OK);
    rollover_write(&copy, &second);
    assert_string_equal(buffer_text(&first), buffer_text(&second));
    rollover_clear(&f->rollover);
    f->rollover = copy;
    f->point = rollover_find(&f->rollover, root);
    see_both(f, 26); /* five days and 26 */
    assert_true(is_trusted(f, 1));
    buffer_clear(&first);
    buffer_clear(&second);
}

static void damaged_text_is_not_taken(void **state)
{
    fixture_t *f = *state;
    begin_with_new_key(f);
    buffer_t text;
    buffer_init(&text, ROLLOVER_STATE_MAX);
    rollover_write(&f->rollover, &text);
    rollover_t copy;
    unsigned line;
    rollover_init(&copy);
    for (size_t size = 0; size < text.size - 1; size++) { /* cut short anywhere but before the last newline */
        assert_int_equal(rollover_read(&copy, buffer_text(&text), size, &line), STATUS_MALFORMED);
        assert_null(copy.points);
    }
    static const char *const bad[] = {
        "portolan-trust-anchors 2\nend\n",
        "portolan-trust-anchors 1\nend\nend\n",
        "portolan-trust-anchors 1\nkey valid place=0 since=0 acceptable=0 vouchers=0 257 3 15 AAAA\nend\n",
        "portolan-trust-anchors 1\npoint . query=99999999999999999999 seen=0 ttl=0 lifetime=0\nend\n",
        ("portolan-trust-anchors 1\npoint . query=0 seen=0 ttl=0 lifetime=0\nkey valid place=16 since=0 acceptable=0 vouchers=0 257 3 15 "
         "AAAA\nend\n"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(rollover_read(&copy, bad[i], strlen(bad[i]), &line), STATUS_MALFORMED);
        assert_true(line >= 1 && line <= 3);
    }
    buffer_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_configured_ds_finds_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_is_configured_no_more_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pending_key_that_was_configured_is_forgotten_with_that, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_key_is_trusted_after_the_hold_down_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pending_key_that_is_missing_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_follows_from_an_rrset_that_is_not_validated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revocation_is_at_once_and_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revocation_takes_the_keys_own_signature, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_vouched_for_by_a_revoked_one_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_point_without_keys_is_deleted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queries_follow_the_rfc, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_point_takes_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_state_survives_as_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_text_is_not_taken, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
