/* zone check --verify: signatures by cryptography, in whole zones. */
#include "dnssec_vectors.h"
#include "wire/rrtype.h"
#include "zone/check.h"
#include "zone/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIME_4035 = 1082000000, TIME_5155 = 1300000000 };

static const uint8_t apex[32] = "\7example";

/* Loads a copy of the zone in which the octet behind `place` is changed (place NULL: as it is). Returns how many errors are found when only
 * rrsig-invalid counts, by `action`. */
static size_t count_errors(const char *zone, const char *place, uint32_t now_s, const char *action)
{
    char *text = strdup(zone);
    assert_non_null(text);
    if (place) {
        char *at = strstr(text, place);
        assert_non_null(at);
        at[strlen(place)] = at[strlen(place)] == '1' ? '2' : '1';
    }
    char path[] = "/tmp/test_zone_verify.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    free(text);
    zone_check_policy_t policy;
    zone_check_policy_init(&policy);
    policy.now_s = now_s;
    assert_int_equal(zone_check_policy_set(&policy, "all", "ignore"), STATUS_OK);
    if (action) {
        assert_int_equal(zone_check_policy_set(&policy, "rrsig-invalid", action), STATUS_OK);
    }
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    const zone_contents_t *contents = NULL;
    status_t status = zone_load(apex, CLASS_IN, path, &policy, &diagnostics, &contents);
    unlink(path);
    size_t errors = diagnostics.errors;
    assert_int_equal(status, errors > 0 ? STATUS_INVALID : STATUS_OK);
    for (const diagnostic_t *entry = diagnostics.first; entry; entry = entry->next) {
        assert_string_equal(entry->code, "rrsig-invalid");
    }
    diagnostics_clear(&diagnostics);
    if (contents) {
        zone_contents_unref(contents);
    }
    return errors;
}

static void test_zones_of_the_rfcs(void **state)
{
    (void)state;
    assert_int_equal(count_errors(rfc4035_zone, NULL, TIME_4035, "error"), 0);
    assert_int_equal(count_errors(rfc5155_zone, NULL, TIME_5155, "error"), 0);
}

/* Cryptography is judged at the signature's own time: that it is over is another finding. */
static void test_time_is_not_judged(void **state)
{
    (void)state;
    assert_int_equal(count_errors(rfc4035_zone, NULL, TIME_5155, "error"), 0);
    assert_int_equal(count_errors(rfc4035_zone, NULL, 0, "error"), 0);
}

static void test_changed_data_is_found(void **state)
{
    (void)state;
    assert_int_equal(count_errors(rfc4035_zone, "ns1.example. 3600 A 192.0.2.", TIME_4035, "error"), 1);
    assert_int_equal(count_errors(rfc4035_zone, "example. 3600 MX ", TIME_4035, "error"), 1);
    assert_int_equal(count_errors(rfc5155_zone, "ns2.example. 3600 A 192.0.2.", TIME_5155, "error"), 1);
    assert_int_equal(count_errors(rfc4035_zone, "example. 3600 SOA ns1.example. bugs.x.w.example. ", TIME_4035, "error"), 1);
}

static void test_data_that_is_not_signed_may_change(void **state)
{
    (void)state;
    assert_int_equal(count_errors(rfc4035_zone, "ns1.a.example. 3600 A 192.0.2.", TIME_4035, "error"), 0);
}

static void test_nothing_is_verified_unasked(void **state)
{
    (void)state;
    assert_int_equal(count_errors(rfc4035_zone, "ns1.example. 3600 A 192.0.2.", TIME_4035, NULL), 0);
    assert_int_equal(count_errors(rfc4035_zone, "ns1.example. 3600 A 192.0.2.", TIME_4035, "warning"), 0);
    zone_check_policy_t policy;
    zone_check_policy_init(&policy);
    assert_int_equal(zone_check_policy_get(&policy, "rrsig-invalid", ZONE_CHECK_ERROR), ZONE_CHECK_IGNORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zones_of_the_rfcs),           cmocka_unit_test(test_time_is_not_judged),
        cmocka_unit_test(test_changed_data_is_found),       cmocka_unit_test(test_data_that_is_not_signed_may_change),
        cmocka_unit_test(test_nothing_is_verified_unasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
