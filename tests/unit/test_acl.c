#include "policy/acl.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static status_t add(acl_t *acl, const char *text)
{
    return acl_add(acl, text, strlen(text));
}

static bool allows(const acl_t *acl, const char *text)
{
    uint8_t address[16];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(family, text, address), 1);
    return acl_allows(acl, family, address);
}

static void empty_list_matches_nobody(void **state)
{
    (void)state;
    acl_t *acl = acl_new();
    assert_false(allows(acl, "127.0.0.1"));
    assert_false(allows(NULL, "127.0.0.1"));
    assert_int_equal(add(acl, "none"), STATUS_OK);
    assert_false(allows(acl, "::1"));
    acl_free(acl);
}

static void longest_prefix_decides(void **state)
{
    (void)state;
    acl_t *acl = acl_new();
    assert_int_equal(add(acl, "10.0.0.0/8"), STATUS_OK);
    assert_int_equal(add(acl, "!10.1.0.0/16"), STATUS_OK);
    assert_int_equal(add(acl, "10.1.2.0/23"), STATUS_OK);
    assert_int_equal(add(acl, "!10.1.3.4"), STATUS_OK);
    assert_true(allows(acl, "10.0.0.1"));
    assert_false(allows(acl, "10.1.0.1"));
    assert_true(allows(acl, "10.1.2.9"));
    assert_true(allows(acl, "10.1.3.3"));
    assert_false(allows(acl, "10.1.3.4"));
    assert_false(allows(acl, "11.0.0.1"));
    acl_free(acl);
}

static void denial_wins_over_the_same_prefix(void **state)
{
    (void)state;
    acl_t *acl = acl_new();
    assert_int_equal(add(acl, "!192.0.2.0/24"), STATUS_OK);
    assert_int_equal(add(acl, "192.0.2.0/24"), STATUS_OK);
    assert_false(allows(acl, "192.0.2.1"));
    acl_free(acl);
}

static void groups_and_mapped_addresses(void **state)
{
    (void)state;
    acl_t *acl = acl_new();
    assert_int_equal(add(acl, "loopback"), STATUS_OK);
    assert_int_equal(add(acl, "private"), STATUS_OK);
    assert_int_equal(add(acl, "linklocal"), STATUS_OK);
    const char *inside[] = {"127.255.0.1", "::1",         "10.2.3.4", "172.31.255.255",  "192.168.7.7",
                            "fd00::1",     "169.254.1.1", "fe80::1",  "::ffff:127.0.0.1"};
    const char *outside[] = {"128.0.0.1", "::2", "172.32.0.0", "192.169.0.0", "2001:db8::1", "fec0::1", "::ffff:8.8.8.8"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        assert_true(allows(acl, inside[i]));
    }
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_false(allows(acl, outside[i]));
    }
    assert_int_equal(add(acl, "any"), STATUS_OK);
    assert_true(allows(acl, "2001:db8::1"));
    assert_true(allows(acl, "198.51.100.1"));
    acl_free(acl);
}

static void bad_texts_are_told_apart(void **state)
{
    (void)state;
    acl_t *acl = acl_new();
    const char *malformed[] = {"",
                               "!",
                               "10.0.0",
                               "10.0.0.0/33",
                               "10.0.0.0/",
                               "10.0.0.0/-1",
                               "10.0.0.0/08x",
                               "2001:db8::/129",
                               "locals",
                               "fe80::1%eth0",
                               "1.2.3.4/24/24",
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        assert_int_equal(add(acl, malformed[i]), STATUS_MALFORMED);
    }
    assert_int_equal(add(acl, "10.0.0.1/8"), STATUS_INVALID);
    assert_int_equal(add(acl, "2001:db8::1/32"), STATUS_INVALID);
    assert_false(allows(acl, "10.0.0.1"));
    acl_free(acl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_list_matches_nobody),        cmocka_unit_test(longest_prefix_decides),
        cmocka_unit_test(denial_wins_over_the_same_prefix), cmocka_unit_test(groups_and_mapped_addresses),
        cmocka_unit_test(bad_texts_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
