/* Address lists. */
#include "../lib/random.h"
#include "base/require.h"
#include "policy/acl.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static acl_t *build(const char *const *entries)
{
    acl_t *acl = acl_new();
    assert_non_null(acl);
    for (; *entries; entries++) {
        assert_int_equal(acl_add(acl, *entries, strlen(*entries)), STATUS_OK);
    }
    return acl;
}

static bool allows(const acl_t *acl, const char *address)
{
    uint8_t bytes[16];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(family, address, bytes), 1);
    return acl_allows(acl, family, bytes);
}

static void nobody_by_default(void **state)
{
    (void)state;
    acl_t *empty = build((const char *const[]){NULL});
    acl_t *none = build((const char *const[]){"none", NULL});
    assert_false(allows(empty, "127.0.0.1") || allows(empty, "::1"));
    assert_false(allows(none, "127.0.0.1") || allows(none, "::1"));
    assert_false(allows(NULL, "127.0.0.1"));
    assert_false(acl_allows(empty, AF_UNIX, (const uint8_t *)"0123456789abcdef"));
    acl_free(empty);
    acl_free(none);
    acl_free(NULL);
}

static void edges_of_prefixes(void **state)
{
    (void)state;
    acl_t *acl = build((const char *const[]){"192.0.2.64/26", "198.51.100.7", "2001:db8::/33", "2001:db8:ffff::1", NULL});
    static const struct {
        const char *address;
        bool allowed;
    } cases[] = {
        {"192.0.2.63", false},      {"192.0.2.64", true},    {"192.0.2.127", true},      {"192.0.2.128", false},
        {"198.51.100.7", true},     {"198.51.100.6", false}, {"2001:db8::", true},       {"2001:db8:7fff::", true},
        {"2001:db8:8000::", false}, {"2001:db7::", false},   {"2001:db8:ffff::1", true}, {"2001:db8:ffff::", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(allows(acl, cases[i].address), cases[i].allowed);
    }
    acl_free(acl);
}

/* The same entries in any order: the longest prefix wins, and refusal among equals. */
static void longest_prefix_wins(void **state)
{
    (void)state;
    static const char *const orders[][7] = {
        {"any", "!10.0.0.0/8", "10.1.0.0/16", "!10.1.1.0/24", "10.1.1.1", "!10.1.1.1", NULL},
        {"!10.1.1.1", "10.1.1.1", "!10.1.1.0/24", "10.1.0.0/16", "!10.0.0.0/8", "any", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        acl_t *acl = build(orders[i]);
        assert_true(allows(acl, "11.0.0.0"));
        assert_false(allows(acl, "10.0.0.1"));
        assert_true(allows(acl, "10.1.0.1"));
        assert_false(allows(acl, "10.1.1.2"));
        assert_false(allows(acl, "10.1.1.1"));
        assert_true(allows(acl, "2001:db8::1"));
        acl_free(acl);
    }
}

static void groups_hold_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *group;
        const char *in[10];
        const char *out[10];
    } cases[] = {
        {"loopback", {"127.0.0.1", "127.255.255.255", "::1"}, {"126.255.255.255", "128.0.0.0", "::2", "::"}},
        {"private",
         {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1", "fc00::", "fdff::1"},
         {"11.0.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.0", "100.64.0.1", "169.254.0.1", "fe00::", "fbff::", "::1"}},
        {"linklocal", {"169.254.0.1", "fe80::1", "febf::"}, {"169.253.0.1", "fec0::", "fe7f::"}},
        {"any", {"0.0.0.0", "255.255.255.255", "::", "ffff::"}, {NULL}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        acl_t *acl = build((const char *const[]){cases[i].group, NULL});
        for (const char *const *in = cases[i].in; *in; in++) {
            assert_true(allows(acl, *in));
        }
        for (const char *const *out = cases[i].out; *out; out++) {
            assert_false(allows(acl, *out));
        }
        acl_free(acl);
    }
    acl_t *acl = build((const char *const[]){"any", "!private", NULL});
    assert_false(allows(acl, "10.0.0.1") || allows(acl, "fd00::1"));
    assert_true(allows(acl, "9.0.0.1"));
    acl_free(acl);
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    acl_t *acl = build((const char *const[]){"192.0.2.0/24", "!192.0.2.1", "::/0", NULL});
    assert_true(allows(acl, "::ffff:192.0.2.2"));
    assert_false(allows(acl, "::ffff:192.0.2.1"));
    assert_false(allows(acl, "::ffff:192.0.3.1")); /* not by ::/0 */
    assert_false(allows(acl, "192.0.3.1"));
    assert_true(allows(acl, "::fffe:192.0.3.1"));
    acl_free(acl);
    acl = build((const char *const[]){"::ffff:198.51.100.0/120", NULL});
    assert_true(allows(acl, "198.51.100.255") && allows(acl, "::ffff:198.51.100.0"));
    assert_false(allows(acl, "198.51.101.0"));
    acl_free(acl);
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",
                                            "!",
                                            "!!10.0.0.1",
                                            "10.0.0",
                                            "10.0.0.1/",
                                            "10.0.0.1/33",
                                            "10.0.0.1/-1",
                                            "10.0.0.1/+8",
                                            "10.0.0.0/08",
                                            "10.0.0.0/8 ",
                                            " 10.0.0.0/8",
                                            "10.0.0.0/8/8",
                                            "::1/129",
                                            "::1/1280",
                                            "fe80::1%lo",
                                            "localhost",
                                            "Any",
                                            "anyone",
                                            "!none",
                                            "300.0.0.1",
                                            "1:2:3",
                                            "/8",
                                            "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
    static const char *const invalid[] = {"10.0.0.1/8", "192.0.2.1/31", "2001:db8::1/64", "::1/0", "!172.16.0.1/12"};
    acl_t *acl = acl_new();
    assert_non_null(acl);
    for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
        assert_int_equal(acl_add(acl, malformed[i], strlen(malformed[i])), STATUS_MALFORMED);
    }
    for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
        assert_int_equal(acl_add(acl, invalid[i], strlen(invalid[i])), STATUS_INVALID);
    }
    assert_int_equal(acl_add(acl, "10.0.0.1\0/8", 11), STATUS_MALFORMED);
    assert_false(allows(acl, "10.0.0.1"));
    acl_free(acl);
}

/* Thousands of entries against the plainest way to answer: look at all of them. */
static void many_entries_agree_with_a_scan(void **state)
{
    (void)state;
    enum { ENTRIES = 2000 };
    static struct {
        uint32_t address;
        unsigned length;
        bool deny;
    } entries[ENTRIES];
    uint64_t seed = 4;
    acl_t *acl = acl_new();
    assert_non_null(acl);
    for (size_t i = 0; i < ENTRIES; i++) {
        unsigned length = random_below(&seed, 33);
        uint32_t mask = length == 0 ? 0 : UINT32_MAX << (32 - length);
        uint32_t address = ((uint32_t)random_next(&seed)) & 0x0fff00ff & mask;
        entries[i].address = address;
        entries[i].length = length;
        entries[i].deny = random_below(&seed, 2);
        char text[64];
        int size = snprintf(text, sizeof text, "%s%u.%u.%u.%u/%u", entries[i].deny ? "!" : "", address >> 24, address >> 16 & 255,
                            address >> 8 & 255, address & 255, length);
        assert_int_equal(acl_add(acl, text, (size_t)size), STATUS_OK);
    }
    for (int round = 0; round < 20000; round++) {
        uint32_t address = ((uint32_t)random_next(&seed)) & 0x0fff00ff;
        int best = -1;
        bool allowed = false;
        for (size_t i = 0; i < ENTRIES; i++) {
            uint32_t mask = entries[i].length == 0 ? 0 : UINT32_MAX << (32 - entries[i].length);
            if ((address & mask) != entries[i].address || (int)entries[i].length < best) {
                continue;
            }
            allowed = !entries[i].deny && ((int)entries[i].length > best || allowed);
            best = (int)entries[i].length;
        }
        uint32_t network = htonl(address);
        assert_int_equal(acl_allows(acl, AF_INET, (const uint8_t *)&network), allowed);
    }
    acl_free(acl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_by_default),
        cmocka_unit_test(edges_of_prefixes),
        cmocka_unit_test(longest_prefix_wins),
        cmocka_unit_test(groups_hold_what_they_say),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(many_entries_agree_with_a_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
