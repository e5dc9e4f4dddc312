#include "wire/rrtype.h"
#include "zone/check.h"
#include "zone/loader.h"
#include "zone/zonemd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t example[32] = "\7example";

#define DIGEST "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD   "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

/* Loads HEAD and `text`; writes the findings, "severity code:line" each behind a blank, into `found`. */
static status_t load_with(const char *head, const char *text, const zone_check_policy_t *policy, char found[static 2048])
{
    char path[] = "/tmp/test_zone_check.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, head, strlen(head)), strlen(head));
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    const zone_contents_t *contents;
    status_t status = zone_load(example, CLASS_IN, path, policy, &diagnostics, &contents);
    unlink(path);
    size_t at = 0;
    found[0] = 0;
    for (const diagnostic_t *entry = diagnostics.first; entry; entry = entry->next) {
        at += (size_t)snprintf(found + at, 2048 - at, "%s%s %s:%u", at ? " " : "",
                               entry->severity == DIAGNOSTIC_ERROR ? "error" : "warning", entry->code, entry->place.line);
        assert_true(at < 2048);
    }
    assert_int_equal(status == STATUS_OK, diagnostics.errors == 0);
    assert_int_equal(status == STATUS_OK, contents != NULL);
    if (contents) {
        zone_contents_unref(contents);
    }
    diagnostics_clear(&diagnostics);
    return status;
}

static void expect(const char *text, const char *findings)
{
    char found[2048];
    status_t status = load_with(HEAD, text, NULL, found);
    assert_string_equal(found, findings);
    assert_int_equal(status, strstr(findings, "error") ? STATUS_INVALID : STATUS_OK);
}

static void test_sound_zones(void **state)
{
    (void)state;
    expect("", "");
    expect("a CNAME b\n* A 192.0.2.1\n*.x TXT a\nsub NS ns.sub\nsub NS ns.elsewhere.\nsub DS 1 13 2 " DIGEST "\nns.sub A 192.0.2.9\n", "");
    expect("d DNAME elsewhere.\nm MX 0 .\n_x._tcp SRV 0 0 0 .\nm TXT a\nm TXT b\n", "");
    /* glue of a sibling's name server is the sibling's business (RFC 9471) */
    expect("s1 NS ns.s2\ns2 NS ns.s2\nns.s2 A 192.0.2.1\ns3 NS other.s2\n", "");
    /* a wildcard gives the address */
    expect("*.w A 192.0.2.1\na MX 0 b.w\n", "");
    expect("@ TYPE65400 \\# 3 abcdef\n", "");
}

static void test_apex(void **state)
{
    (void)state;
    char found[2048];
    assert_int_equal(load_with("", "", NULL, found), STATUS_INVALID);
    assert_string_equal(found, "error no-soa:0");
    assert_int_equal(load_with("$TTL 1\n", "@ SOA a b 1 2 3 4 5\n", NULL, found), STATUS_OK);
    assert_string_equal(found, "warning no-apex-ns:2");
    expect("@ SOA ns h 2 2 3 4 5\n", "error multiple-soa:5");
    expect("@ DS 1 13 2 " DIGEST "\n", "warning ds-at-apex:5");
    assert_int_equal(load_with("$TTL 1\n", "@ SOA a b@example. 1 2 3 4 5\n@ NS x.\n", NULL, found), STATUS_OK);
    assert_string_equal(found, "warning soa-rname-at-sign:2");
}

/* With the question an RRset has 65535 - 12 - (9 + 2 + 4) bytes, a record of it 12 less than that for its rdata. */
static void test_sizes(void **state)
{
    (void)state;
    enum { RDATA_MOST = 65535 - 12 - (9 + 2 + 4) - 12 };
    size_t capacity = 2 * 65536 + 100;
    char *text = malloc(capacity);
    assert_non_null(text);
    for (int size = RDATA_MOST; size <= RDATA_MOST + 1; size++) {
        int at = snprintf(text, capacity, "a TYPE65400 \\# %d ", size);
        memset(text + at, '0', 2 * (size_t)size);
        memcpy(text + at + 2 * size, "\n", 2);
        expect(text, size > RDATA_MOST ? "warning rrset-too-large:5" : "");
    }
    int at = 0;
    for (int i = 0; i < 4500; i++) {
        at += snprintf(text + at, capacity - (size_t)at, "a A 10.0.%d.%d\n", i / 250, i % 250);
        if (i == 3999) {
            expect(text, "");
        }
    }
    expect(text, "warning rrset-too-large:5");
    free(text);
}

static void test_aliases(void **state)
{
    (void)state;
    expect("a CNAME b\na A 192.0.2.1\n", "error cname-and-other-data:6");
    expect("a CNAME b\na CNAME c\n", "error multiple-cname:6");
    expect("a CNAME b\na CNAME B\n", "warning duplicate-record:6");
    expect("a DNAME b\na DNAME c\n", "error multiple-dname:6");
    expect("a DNAME b\na CNAME c\n", "error cname-and-other-data:5");
    expect("a DNAME b\na NS ns\n", "error dname-and-ns:5");
    expect("a DNAME b\nx.a A 192.0.2.1\n", "warning dname-with-children:6");
    expect("@ CNAME b\n", "error cname-and-other-data:3");
}

static void test_delegations(void **state)
{
    (void)state;
    expect("sub NS ns.sub\n", "warning missing-glue:5");
    expect("sub NS sub\n", "warning missing-glue:5");
    expect("sub NS ns.sub\nns.sub A 192.0.2.1\nx.sub TXT a\n", "warning occluded-data:7");
    expect("sub NS no\n", "warning ns-target-no-address:5");
    expect("sub NS c\nc CNAME ns\n", "warning ns-target-cname:5");
    expect("sub NS x.d\nd DNAME elsewhere.\n", "warning ns-target-cname:5");
    expect("sub DS 1 13 2 " DIGEST "\n", "warning ds-without-ns:5");
    expect("*.sub NS ns\n", "warning wildcard-ns:5");
    expect("*.sub DNAME ns\n", "warning wildcard-dname:5");
}

static void test_targets(void **state)
{
    (void)state;
    expect("a MX 0 c\nc CNAME ns\n", "warning mx-target-cname:5");
    expect("a MX 0 no\n", "warning mx-target-no-address:5");
    expect("_s._tcp SRV 0 0 1 no\n", "warning srv-target-no-address:5");
    expect("_s._tcp SRV 0 0 1 c\nc CNAME ns\n", "warning srv-target-cname:5");
    expect("a MX 0 192.0.2.1.\n", "warning target-is-address:5");
    expect("a MX 0 192.0.2.1\n", "warning target-is-address:5 warning mx-target-no-address:5");
    expect("a_b A 192.0.2.1\n", "warning bad-host-name:5");
    expect("-a A 192.0.2.1\n", "warning bad-host-name:5");
    expect("a MX 0 x_y.elsewhere.\n", "warning bad-host-name:5");
    /* of several records, the one that is meant */
    expect("a MX 0 ns\na MX 1 No\na MX 2 c\nc CNAME ns\n", "warning mx-target-no-address:6 warning mx-target-cname:7");
    expect("s NS ns\ns NS b.s\ns NS a.S\n", "warning missing-glue:6 warning missing-glue:7");
    expect("_s SRV 0 0 1 ns\n_s SRV 0 0 1 no\n", "warning srv-target-no-address:6");
}

static void test_records(void **state)
{
    (void)state;
    expect("a A 192.0.2.1\na A 192.0.2.2\na A 192.0.2.1\n", "warning duplicate-record:7");
    expect("a 1 A 192.0.2.1\na 1 A 192.0.2.2\na 2 A 192.0.2.3\n", "warning ttl-mismatch:7");
    expect("a.elsewhere. A 192.0.2.1\n", "warning out-of-zone:5");
    expect("a CH TXT x\n", "error wrong-class:5");
}

static void test_mistakes_in_the_text_are_told_once(void **state)
{
    (void)state;
    char found[2048];
    /* the A that is wrong is not missed, what else is wrong is told */
    status_t status = load_with("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n", "ns A 192.0.2\na CNAME b\na TXT c\n", NULL, found);
    assert_int_equal(status, STATUS_MALFORMED);
    assert_string_equal(found, "error bad-rdata:4 error cname-and-other-data:6");
    status = load_with("$TTL 60\n@ SOA ns h 1 2 3 4\n@ NS ns\n", "", NULL, found);
    assert_int_equal(status, STATUS_MALFORMED);
    assert_string_equal(found, "error bad-rdata:2");
}

static void test_policy(void **state)
{
    (void)state;
    zone_check_policy_t policy;
    char found[2048];
    const char *text = "a CNAME b\na A 192.0.2.1\nsub NS no\n";
    zone_check_policy_init(&policy);
    assert_int_equal(zone_check_policy_set(&policy, "cname-and-other-data", "warning"), STATUS_OK);
    assert_int_equal(load_with(HEAD, text, &policy, found), STATUS_OK);
    assert_string_equal(found, "warning cname-and-other-data:6 warning ns-target-no-address:7");
    assert_int_equal(zone_check_policy_set(&policy, "ns-target-no-address", "error"), STATUS_OK);
    assert_int_equal(zone_check_policy_set(&policy, "cname-and-other-data", "ignore"), STATUS_OK);
    assert_int_equal(load_with(HEAD, text, &policy, found), STATUS_INVALID);
    assert_string_equal(found, "error ns-target-no-address:7");
    assert_int_equal(zone_check_policy_set(&policy, "all", "ignore"), STATUS_OK);
    assert_int_equal(load_with(HEAD, text, &policy, found), STATUS_OK);
    assert_string_equal(found, "");
    assert_int_equal(zone_check_policy_set(&policy, "no-such-check", "error"), STATUS_NOT_FOUND);
    assert_int_equal(zone_check_policy_set(&policy, "no-soa", "fatal"), STATUS_INVALID);
    assert_string_equal(zone_check_suggest("mising-glue"), "missing-glue");
    assert_int_equal(zone_check_policy_set(&policy, "orphan-glue", "warning"), STATUS_OK);
    assert_int_equal(load_with(HEAD, "sub NS a.sub\na.sub A 192.0.2.1\nb.sub A 192.0.2.2\n", &policy, found), STATUS_OK);
    assert_string_equal(found, "warning orphan-glue:7");
}

static void test_codes_are_sorted(void **state)
{
    (void)state;
    size_t count;
    const zone_check_code_t *codes = zone_check_codes(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(codes[i - 1].code, codes[i].code) < 0);
        assert_int_equal(zone_check_index(codes[i].code), i);
    }
}

static void test_many_findings_are_counted(void **state)
{
    (void)state;
    char text[8192];
    size_t at = 0;
    for (int i = 0; i < FINDINGS_KEPT_MAX + 7; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "a_%d A 192.0.2.1\n", i);
    }
    snprintf(text + at, sizeof text - at, "x.elsewhere. A 192.0.2.1\n");
    char found[2048];
    zone_check_policy_t policy;
    zone_check_policy_init(&policy);
    assert_int_equal(load_with(HEAD, text, &policy, found), STATUS_OK);
    assert_non_null(strstr(found, "warning bad-host-name:58 warning out-of-zone:62 warning bad-host-name:0"));
}

/* ---- DNSSEC ---- */

#define SIG(type, labels) " RRSIG " type " 13 " labels " 60 20300101000000 20200101000000 3086 @ AA==\n"
#define SIGNED_HEAD                                                                                                                        \
    "$TTL 60\n@ SOA ns h 1 2 3 4 5\n" SIG("SOA", "1") "@ NS ns\n" SIG("NS", "1") "@ DNSKEY 257 3 13 CAAA\n" SIG("DNSKEY", "1")
#define NSEC_HEAD SIGNED_HEAD "@ NSEC ns NS SOA RRSIG NSEC DNSKEY\n" SIG("NSEC", "1")
#define NSEC_NS   "ns A 192.0.2.1\n" SIG("A", "2") "ns NSEC @ A RRSIG NSEC\n" SIG("NSEC", "2")

static void expect_signed(const char *text, const char *findings)
{
    char found[2048];
    zone_check_policy_t policy;
    zone_check_policy_init(&policy);
    policy.now_s = 1750000000;
    (void)!load_with("", text, &policy, found);
    assert_string_equal(found, findings);
}

static void test_nsec(void **state)
{
    (void)state;
    expect_signed(NSEC_HEAD NSEC_NS, "");
    expect_signed(SIGNED_HEAD NSEC_NS, "warning nsec-missing:2");
    expect_signed(NSEC_HEAD NSEC_NS "zz A 192.0.2.1\n" SIG("A", "2"), "warning nsec-missing:14");
    expect_signed(NSEC_HEAD "ns A 192.0.2.1\n" SIG("A", "2") "ns NSEC zz A RRSIG NSEC\n" SIG("NSEC", "2"), "warning nsec-chain:12");
    expect_signed(NSEC_HEAD "ns A 192.0.2.1\n" SIG("A", "2") "ns NSEC @ A TXT RRSIG NSEC\n" SIG("NSEC", "2"), "warning nsec-bitmap:12");
    expect_signed(NSEC_HEAD "ns A 192.0.2.1\n" SIG("A", "2") "ns NSEC @ RRSIG NSEC\n" SIG("NSEC", "2"), "warning nsec-bitmap:12");
    expect_signed(NSEC_HEAD "ns A 192.0.2.1\n" SIG("A", "2") "ns NSEC sub A RRSIG NSEC\n" SIG("NSEC", "2") /**/
                  "sub NS x.sub\nsub NSEC @ NS RRSIG NSEC\n" SIG("NSEC", "2") "x.sub A 192.0.2.1\nx.sub NSEC @ A NSEC\n",
                  "warning occluded-data:18 warning nsec-extra:18");
}

static void test_signatures(void **state)
{
    (void)state;
    expect_signed(NSEC_HEAD "ns A 192.0.2.1\nns NSEC @ A RRSIG NSEC\n" SIG("NSEC", "2"), "warning rrsig-missing:10");
    expect_signed(NSEC_HEAD NSEC_NS SIG("TXT", "2"), "warning rrsig-extra:11");
    expect_signed(NSEC_HEAD "ns A 192.0.2.1\n" SIG("A", "1") "ns NSEC @ A RRSIG NSEC\n" SIG("NSEC", "2"), "warning rrsig-labels:11");
    expect_signed(NSEC_HEAD NSEC_NS " RRSIG A 13 2 60 20300101000000 20200101000000 3086 other. AA==\n", "warning rrsig-signer:11");
    expect_signed(NSEC_HEAD NSEC_NS " RRSIG A 13 2 60 20300101000000 20200101000000 1 @ AA==\n", "warning rrsig-no-key:11");
    expect_signed(NSEC_HEAD NSEC_NS " RRSIG A 13 2 61 20300101000000 20200101000000 3086 @ AA==\n", "warning rrsig-ttl:11");
    expect_signed(NSEC_HEAD NSEC_NS " RRSIG A 13 2 60 20240101000000 20200101000000 3086 @ AA==\n", "warning rrsig-expired:11");
    expect_signed(NSEC_HEAD NSEC_NS " RRSIG A 13 2 60 20300101000000 20290101000000 3086 @ AA==\n", "warning rrsig-expired:11");
}

/* ---- ZONEMD: RFC 8976 appendix A ---- */

static const char simple_zone[] =
    "example. 86400 IN SOA ns1 admin 2018031900 ( 1800 900 604800 86400 )\n"
    " 86400 IN NS ns1\n 86400 IN NS ns2\n"
    " 86400 IN ZONEMD 2018031900 1 1 ( c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c )\n"
    "ns1 3600 IN A 203.0.113.63\nns2 3600 IN AAAA 2001:db8::63\n";

static const char complex_zone[] =
    "example. 86400 IN SOA ns1 admin 2018031900 ( 1800 900 604800 86400 )\n"
    " 86400 IN NS ns1\n 86400 IN NS ns2\n"
    " 86400 IN ZONEMD 2018031900 1 1 ( a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe )\n"
    "ns1 3600 IN A 203.0.113.63\nNS2 3600 IN AAAA 2001:db8::63\n"
    "occluded.sub 7200 IN TXT \"I'm occluded but must be digested\"\nsub 7200 IN NS ns1\n"
    "duplicate 300 IN TXT \"I must be digested just once\"\nduplicate 300 IN TXT \"I must be digested just once\"\n"
    "foo.test. 555 IN TXT \"out-of-zone data must be excluded\"\n"
    "UPPERCASE 3600 IN TXT \"canonicalize uppercase owner names\"\n* 777 IN PTR dont-forget-about-wildcards\n"
    "mail 3600 IN MX 20 MAIL1\nmail 3600 IN MX 10 Mail2.Example.\n"
    "sortme 3600 IN AAAA 2001:db8::5:61\nsortme 3600 IN AAAA 2001:db8::3:62\nsortme 3600 IN AAAA 2001:db8::4:63\n"
    "sortme 3600 IN AAAA 2001:db8::1:65\nsortme 3600 IN AAAA 2001:db8::2:64\n"
    "non-apex 900 IN ZONEMD 2018031900 1 1 ( "
    "616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7765 )\n";

static void test_zonemd(void **state)
{
    (void)state;
    static const char *const zones[] = {simple_zone, complex_zone};
    char found[2048];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(load_with("", zones[i], NULL, found), STATUS_OK);
        assert_null(strstr(found, "zonemd"));
        assert_int_equal(load_with(zones[i], "x 1 TXT y\n", NULL, found), STATUS_OK);
        assert_non_null(strstr(found, "warning zonemd-mismatch:4"));
        /* twice the same scheme and algorithm: neither counts (RFC 8976 4, step 4) */
        char twice[256];
        snprintf(twice, sizeof twice, "@ 86400 ZONEMD 2018031900 1 1 %096d\n", 0);
        assert_int_equal(load_with(zones[i], twice, NULL, found), STATUS_OK);
        assert_non_null(strstr(found, "warning zonemd-mismatch"));
        /* a scheme that is not known neither verifies nor breaks the zone */
        assert_int_equal(load_with(zones[i], "@ 86400 ZONEMD 2018031900 240 1 000000000000000000000000\n", NULL, found), STATUS_OK);
        assert_null(strstr(found, "zonemd"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_zones),
        cmocka_unit_test(test_apex),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_delegations),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_mistakes_in_the_text_are_told_once),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_codes_are_sorted),
        cmocka_unit_test(test_many_findings_are_counted),
        cmocka_unit_test(test_nsec),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_zonemd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
