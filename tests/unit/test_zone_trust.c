#include "resolver/zone_trust.h"

#include "base/bytes.h"
#include "wire/edns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const siphash_key_t key = {1, 2};

static name_key_t name_of(const char *text)
{
    name_t name;
    name_key_t made;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    name_key_init(&made, name.wire, name.length);
    return made;
}

static const uint8_t ds_rdata[] = {0, 1, 13, 2, 1, 2, 3, 4};
static const dnssec_rdata_t one_ds[] = {{ds_rdata, sizeof ds_rdata}};

/* Ed25519 keys: any 32 octets have the form of one. */
static dnssec_records_t some_keys(unsigned count)
{
    enum { SIZE = DNSKEY_FIXED_SIZE + 32, MAX = 64 };
    static uint8_t rdata[MAX][SIZE];
    static dnssec_rdata_t list[MAX];
    for (unsigned i = 0; i < count && i < MAX; i++) {
        memset(rdata[i], (int)i, SIZE);
        memcpy(rdata[i], "\001\000\003\017", DNSKEY_FIXED_SIZE);
        list[i] = (dnssec_rdata_t){rdata[i], SIZE};
    }
    return (dnssec_records_t){list, count};
}

static void the_deepest_zone_within_limits(void **state)
{
    (void)state;
    zone_trust_table_t *table = zone_trust_table_new(100, &key);
    name_key_t name = name_of("www.example.com.");
    assert_null(zone_trust_deepest(table, &name, 3, 0, 100));
    zone_trust_put_signed(table, name_of("com.").wire, (dnssec_records_t){one_ds, 1}, 200);
    zone_trust_put_insecure(table, name_of("example.com.").wire, EDE_NONE, 150);
    assert_int_equal(zone_trust_deepest(table, &name, 3, 0, 100)->state, ZONE_INSECURE);
    assert_int_equal(zone_trust_deepest(table, &name, 1, 0, 100)->state, ZONE_SIGNED);
    assert_null(zone_trust_deepest(table, &name, 0, 0, 100));
    assert_null(zone_trust_deepest(table, &name, 3, 3, 100));
    assert_int_equal(zone_trust_deepest(table, &name, 3, 0, 149)->labels, 2);
    assert_int_equal(zone_trust_deepest(table, &name, 3, 0, 150)->labels, 1); /* its life is over */
    assert_int_equal(zone_trust_table_count(table), 1);
    assert_null(zone_trust_deepest(table, &name, 3, 0, 200));
    zone_trust_table_free(table);
}

static void keys_come_and_go(void **state)
{
    (void)state;
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    zone_trust_table_t *table = zone_trust_table_new(100, &key);
    name_key_t zone = name_of("example.");
    zone_trust_put_signed(table, zone.wire, (dnssec_records_t){one_ds, 1}, 1000);
    zone_trust_put_keys(table, zone.wire, &policy, some_keys(3), 500);
    zone_trust_t *entry = zone_trust_find(table, zone.wire, 499);
    assert_int_equal(entry->state, ZONE_SECURE);
    assert_int_equal(entry->key_count, 3);
    assert_int_equal(entry->ds_count, 1);
    entry = zone_trust_find(table, zone.wire, 500); /* the keys' end; the DS are still good */
    assert_int_equal(entry->state, ZONE_SIGNED);
    assert_int_equal(entry->key_count, 0);
    assert_memory_equal(entry->ds[0].data, ds_rdata, sizeof ds_rdata);
    zone_trust_put_keys(table, zone.wire, &policy, some_keys(ZONE_KEYS_MAX + 8), 5000);
    entry = zone_trust_find(table, zone.wire, 999);
    assert_int_equal(entry->key_count, ZONE_KEYS_MAX);
    assert_null(zone_trust_find(table, zone.wire, 1000));               /* no longer than the DS */
    zone_trust_put_keys(table, zone.wire, &policy, some_keys(1), 2000); /* below an anchor: no DS */
    assert_int_equal(zone_trust_find(table, zone.wire, 1999)->state, ZONE_SECURE);
    assert_null(zone_trust_find(table, zone.wire, 2000));
    zone_trust_table_free(table);
}

static void others_take_the_place(void **state)
{
    (void)state;
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    zone_trust_table_t *table = zone_trust_table_new(100, &key);
    name_key_t zone = name_of("example.");
    zone_trust_put_keys(table, zone.wire, &policy, some_keys(2), 2000);
    zone_trust_put_bogus(table, zone.wire, (zone_reason_t){EDE_DNSKEY_MISSING, "no key"}, 1500);
    zone_trust_t *entry = zone_trust_find(table, zone.wire, 1000);
    assert_int_equal(entry->state, ZONE_BOGUS);
    assert_int_equal(entry->extended_error, EDE_DNSKEY_MISSING);
    assert_string_equal(entry->text, "no key");
    zone_trust_put_keys(table, zone.wire, &policy, some_keys(1), 2000); /* they were found good after all */
    assert_int_equal(zone_trust_find(table, zone.wire, 1000)->state, ZONE_SECURE);
    assert_int_equal(zone_trust_table_count(table), 1);
    zone_trust_table_clear(table);
    assert_null(zone_trust_find(table, zone.wire, 1000));
    zone_trust_table_free(table);
}

/* A clock that was years ahead when keys were learned: once it is right they are not believed for years. */
static void a_clock_set_back_forgets_all(void **state)
{
    enum { YEAR_S = 365 * 86400 };
    (void)state;
    zone_trust_table_t *table = zone_trust_table_new(100, &key);
    name_key_t zone = name_of("example.");
    zone_trust_put_insecure(table, zone.wire, EDE_NONE, YEAR_S + 100);
    assert_non_null(zone_trust_find(table, zone.wire, YEAR_S));
    assert_non_null(zone_trust_find(table, zone.wire, YEAR_S - 60)); /* a correction */
    assert_null(zone_trust_find(table, zone.wire, 1000));
    zone_trust_put_insecure(table, zone.wire, EDE_NONE, 2000);
    assert_non_null(zone_trust_find(table, zone.wire, 1000));
    zone_trust_table_free(table);
}

static void the_longest_unused_goes_first(void **state)
{
    (void)state;
    enum { ZONES = 64 };
    zone_trust_table_t *table = zone_trust_table_new(ZONES, &key);
    name_key_t used = name_of("used.");
    zone_trust_put_insecure(table, used.wire, EDE_NONE, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        char text[32];
        snprintf(text, sizeof text, "z%u.example.", i);
        zone_trust_put_insecure(table, name_of(text).wire, EDE_NONE, 1000);
        assert_non_null(zone_trust_find(table, used.wire, 1));
        assert_non_null(zone_trust_find(table, name_of(text).wire, 1));
        assert_true(zone_trust_table_count(table) <= ZONES);
    }
    assert_null(zone_trust_find(table, name_of("z900.example.").wire, 1));
    assert_non_null(zone_trust_find(table, name_of("z950.example.").wire, 1));
    zone_trust_table_free(table);
}

/* A check by the zone's first key, which has to be parsed for it. */
static void check_by(zone_trust_t *zone)
{
    const uint8_t signature[64] = {1};
    assert_int_equal(dnssec_key_verify(zone->keys[0], signature, sizeof signature, signature, sizeof signature), STATUS_INVALID);
    assert_non_null(zone->keys[0]->public_key);
}

static void keys_of_few_zones_are_kept_parsed(void **state)
{
    enum { ZONES = 500 };
    (void)state;
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    zone_trust_table_t *table = zone_trust_table_new(1000, &key);
    zone_trust_t *zones[ZONES];
    name_key_t used = name_of("used.");
    zone_trust_put_keys(table, used.wire, &policy, some_keys(1), 2000);
    check_by(zone_trust_find(table, used.wire, 1));
    for (unsigned i = 0; i < ZONES; i++) {
        char text[32];
        snprintf(text, sizeof text, "z%u.example.", i);
        zone_trust_put_keys(table, name_of(text).wire, &policy, some_keys(1), 2000);
        zones[i] = zone_trust_find(table, name_of(text).wire, 1);
        check_by(zones[i]);
        assert_non_null(zone_trust_find(table, used.wire, 1)->keys[0]->public_key);
    }
    unsigned parsed = 0;
    for (unsigned i = 0; i < ZONES; i++) {
        parsed += zones[i]->keys[0]->public_key != NULL;
    }
    assert_int_equal(parsed, ZONES_PARSED_MAX - 1);
    assert_null(zones[0]->keys[0]->public_key);
    check_by(zone_trust_find(table, zones[0]->zone, 1)); /* parsed again */
    for (unsigned i = 0; i < ZONES; i++) {               /* those among them may go */
        zone_trust_put_bogus(table, zones[i]->zone, (zone_reason_t){EDE_DNSKEY_MISSING, "gone"}, 1500);
    }
    check_by(zone_trust_find(table, used.wire, 1));
    zone_trust_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_deepest_zone_within_limits), cmocka_unit_test(keys_come_and_go),
        cmocka_unit_test(others_take_the_place),          cmocka_unit_test(a_clock_set_back_forgets_all),
        cmocka_unit_test(the_longest_unused_goes_first),  cmocka_unit_test(keys_of_few_zones_are_kept_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
