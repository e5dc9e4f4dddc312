/* Chains of trust: from anchors over DS and DNSKEY to answers, whole and broken (RFC 4035 5, RFC 6840 5). */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WWW "NOERROR\nwww.example.net. A 198.51.100.1\n"

static void secure_answers(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_expect(sim, "WWW.Example.NET.", TYPE_A, WWW);
    secure_expect(sim, "www.example.org.", TYPE_A, "NOERROR\nwww.example.org. A 198.51.100.1\n");
    secure_expect(sim, "www.example.com.", TYPE_A, "NOERROR\nwww.example.com. A 198.51.100.1\n");
    secure_expect(sim, "mail.example.net.", TYPE_MX, "NOERROR\nmail.example.net. MX 10 www.example.net.\n");
    secure_expect(
        sim, "x.d.example.net.", TYPE_A,
        "NOERROR\nd.example.net. DNAME t.example.net.\nx.d.example.net. CNAME x.t.example.net.\nx.t.example.net. A 198.51.100.4\n");
    secure_expect(sim, "alias2.example.net.", TYPE_A,
                  "NOERROR\nalias.example.net. CNAME www.example.net.\nalias2.example.net. CNAME alias.example.net.\nwww.example.net. A "
                  "198.51.100.1\n");
    secure_free(secure);
}

static void every_algorithm(void **state)
{
    (void)state;
    static const uint8_t algorithms[] = {5, 7, 8, 10, 13, 14, 15, 16};
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        for (unsigned split = 0; split < 2; split++) {
            secure_t *secure = secure_new();
            secure_zone(secure, "example.net.")->algorithm = algorithms[i];
            secure_zone(secure, "example.net.")->is_split = split;
            sim_t *sim = secure_start(secure);
            secure_expect(sim, "www.example.net.", TYPE_A, WWW);
            secure_expect(sim, "nowhere.example.net.", TYPE_A, "NXDOMAIN\n");
            secure_free(secure);
        }
    }
}

static void every_digest(void **state)
{
    (void)state;
    static const uint8_t digests[] = {1, 2, 4};
    for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->digest_type = digests[i];
        secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
        secure_free(secure);
    }
}

/* RFC 8624: what only SHA-1 secures may be treated as unsigned. */
static void sha1_by_policy(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        secure_t *secure = secure_new();
        secure_zone_t *zone = secure_zone(secure, "example.net.");
        zone->algorithm = i == 0 ? DNSSEC_RSASHA1 : i == 1 ? DNSSEC_RSASHA1_NSEC3_SHA1 : zone->algorithm;
        zone->digest_type = i == 2 ? DNSSEC_DIGEST_SHA1 : zone->digest_type;
        secure->sim->settings.accept_sha1 = false;
        insecure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
        secure_free(secure);
    }
}

/* A zone signed with two algorithms is secure by either (RFC 6840 5.11). */
static void two_algorithms_either_suffices(void **state)
{
    (void)state;
    for (unsigned broken = 0; broken < 3; broken++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->second_algorithm = DNSSEC_ED25519;
        signing_key_t *const *keys = secure_keys(secure, "example.net.");
        if (broken > 0) {
            secure_fault(secure, "example.net.",
                         (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = TYPE_A, .key = keys[broken == 1 ? 1 : 3]});
        }
        secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
        secure_free(secure);
    }
}

/* ---- insecure by the DS ---- */

static void algorithms_nobody_supports_are_insecure(void **state)
{
    (void)state;
    static const uint8_t algorithms[] = {1,   3,   6,   12,
                                         123, 200, 253, 254}; /* RSA/MD5, DSA, DSA-NSEC3, GOST, reserved, unassigned, private */
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->algorithm = algorithms[i];
        sim_t *sim = secure_start(secure);
        insecure_expect(sim, "www.example.net.", TYPE_A, WWW);
        assert_int_equal(sim->answers[0].extended_error, EDE_UNSUPPORTED_DNSKEY_ALGORITHM);
        insecure_expect(sim, "nowhere.example.net.", TYPE_A, "NXDOMAIN\n");
        secure_free(secure);
    }
}

static void digests_nobody_supports_are_insecure(void **state)
{
    (void)state;
    static const unsigned digests[] = {0, 3, 5, 100, 255}; /* reserved, GOST, the rest unassigned */
    for (size_t i = 0; i < ARRAY_SIZE(digests); i++) {
        secure_t *secure = secure_new();
        secure_zone_t *zone = secure_zone(secure, "example.net.");
        signing_key_t *const *keys = secure_keys(secure, "example.net.");
        char ds[SECURE_DS_TEXT_MAX];
        snprintf(ds, sizeof ds, "example.net. 3600 DS %u 13 %u 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
                 keys[0]->tag, digests[i]);
        zone->ds_text = ds;
        sim_t *sim = secure_start(secure);
        insecure_expect(sim, "www.example.net.", TYPE_A, WWW);
        assert_int_equal(sim->answers[0].extended_error, EDE_UNSUPPORTED_DS_DIGEST);
        secure_free(secure);
    }
}

/* Beside one that is supported they do not matter. */
static void an_unsupported_ds_beside_a_supported_one(void **state)
{
    (void)state;
    for (unsigned bad = 0; bad < 2; bad++) {
        secure_t *secure = secure_new();
        secure_zone_t *zone = secure_zone(secure, "example.net.");
        signing_key_t *const *keys = secure_keys(secure, "example.net.");
        char ds[2 * SECURE_DS_TEXT_MAX];
        secure_ds_text(zone, keys[bad], DNSSEC_DIGEST_SHA256, ds); /* bad: the ZSK, which does not sign the DNSKEY RRset */
        size_t length = strlen(ds);
        snprintf(ds + length, sizeof ds - length, "example.net. 3600 DS 4711 200 2 %064d\nexample.net. 3600 DS 4712 13 100 aabb\n", 0);
        zone->ds_text = ds;
        sim_t *sim = secure_start(secure);
        if (bad) {
            assert_string_equal(sim_ask(sim, "www.example.net.", TYPE_A)->text, "SERVFAIL\n");
        } else {
            secure_expect(sim, "www.example.net.", TYPE_A, WWW);
        }
        secure_free(secure);
    }
}

/* ---- bogus by the DS ---- */

static void ds_that_does_not_match(void **state)
{
    (void)state;
    static const struct {
        unsigned tag; /* added */
        unsigned algorithm;
        unsigned digest; /* what is added to the digest's last octet */
    } cases[] = {{1, 13, 0}, {0, 8, 0}, {0, 13, 1}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        secure_t *secure = secure_new();
        secure_zone_t *zone = secure_zone(secure, "example.net.");
        const signing_key_t *key = secure_keys(secure, "example.net.")[0];
        uint8_t rdata[DNSSEC_DS_MAX];
        char ds[SECURE_DS_TEXT_MAX];
        name_t apex = sim_name("example.net.");
        size_t size = dnssec_ds_make(DNSSEC_DIGEST_SHA256, apex.wire, key->rdata, key->rdata_size, rdata);
        rdata[size - 1] = (uint8_t)(rdata[size - 1] + cases[i].digest);
        int length = snprintf(ds, sizeof ds, "example.net. 3600 DS %u %u 2 ", key->tag + cases[i].tag, cases[i].algorithm);
        for (size_t j = DS_FIXED_SIZE; j < size; j++) {
            length += snprintf(ds + length, sizeof ds - (size_t)length, "%02x", rdata[j]);
        }
        snprintf(ds + length, sizeof ds - (size_t)length, "\n");
        zone->ds_text = ds;
        sim_t *sim = secure_start(secure);
        bogus_expect(sim, "www.example.net.", TYPE_A, EDE_DNSKEY_MISSING);
        bogus_expect(sim, "nowhere.example.net.", TYPE_A, EDE_DNSKEY_MISSING);
        secure_free(secure);
    }
}

/* With a DS by SHA-256 that fits no key, one by SHA-1 that does is passed over (RFC 4509 3). */
static void no_downgrade_to_sha1(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone_t *zone = secure_zone(secure, "example.net.");
    char ds[2 * SECURE_DS_TEXT_MAX];
    secure_ds_text(zone, secure_keys(secure, "example.net.")[0], DNSSEC_DIGEST_SHA1, ds);
    size_t length = strlen(ds);
    snprintf(ds + length, sizeof ds - length, "example.net. 3600 DS %u 13 2 %064d\n", zone->keys[0]->tag, 0);
    zone->ds_text = ds;
    bogus_expect(secure_start(secure), "www.example.net.", TYPE_A, EDE_DNSKEY_MISSING);
    secure_free(secure);
}

/* ---- bogus by what the zone holds ---- */

static void faulty(const char *apex, zone_fault_t fault, const char *name, int extended_error)
{
    secure_t *secure = secure_new();
    secure_fault(secure, apex, fault);
    bogus_expect(secure_start(secure), name, TYPE_A, extended_error);
    secure_free(secure);
}

static void missing_signatures(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *owner;
        uint16_t type;
        const char *name;
    } cases[] = {
        {"example.net.", NULL, TYPE_DNSKEY, "www.example.net."},
        {"example.net.", NULL, TYPE_A, "www.example.net."},
        {"example.net.", NULL, 0, "www.example.net."},
        {"net.", NULL, TYPE_DNSKEY, "www.example.net."},
        {"net.", "example.net.", TYPE_DS, "www.example.net."},
        {".", NULL, TYPE_DNSKEY, "www.example.net."},
        {".", "net.", TYPE_DS, "www.unsigned.net."},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        faulty(cases[i].zone, (zone_fault_t){.kind = FAULT_NO_SIGNATURE, .owner = cases[i].owner, .type = cases[i].type}, cases[i].name,
               EDE_RRSIGS_MISSING);
    }
}

/* The DNSKEY RRset is signed, but not by the key that the DS refers to. */
static void missing_signature_of_the_ksk(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    signing_key_t *const *keys = secure_keys(secure, "example.net.");
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_FOREIGN_KEY, .type = TYPE_DNSKEY, .key = keys[0], .other = keys[1]});
    bogus_expect(secure_start(secure), "www.example.net.", TYPE_A, SECURE_ANY_REASON);
    secure_free(secure);
}

static void missing_keys(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        secure_t *secure = secure_new();
        signing_key_t *const *keys = secure_keys(secure, "example.net.");
        zone_fault_t fault = {.kind = FAULT_NO_KEY, .key = keys[which % 2]};
        if (which == 2) {
            fault = (zone_fault_t){.kind = FAULT_NO_RECORDS, .type = TYPE_DNSKEY};
        }
        secure_fault(secure, "example.net.", fault);
        bogus_expect(secure_start(secure), "www.example.net.", TYPE_A, EDE_DNSKEY_MISSING);
        secure_free(secure);
    }
}

static void keys_that_do_not_count(void **state)
{
    (void)state;
    static const struct {
        uint16_t ksk;
        uint16_t zsk;
        int extended_error;
    } cases[] = {
        {1, 256, EDE_NO_ZONE_KEY_BIT},
        {257, 0, EDE_NO_ZONE_KEY_BIT},
        {257 | DNSKEY_FLAG_REVOKE, 256, EDE_DNSKEY_MISSING},
        {257, 256 | DNSKEY_FLAG_REVOKE, EDE_DNSKEY_MISSING},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->ksk_flags = cases[i].ksk;
        secure_zone(secure, "example.net.")->zsk_flags = cases[i].zsk;
        bogus_expect(secure_start(secure), "www.example.net.", TYPE_A, cases[i].extended_error);
        secure_free(secure);
    }
    for (unsigned which = 0; which < 2; which++) {
        secure_t *secure = secure_new();
        signing_key_t *const *keys = secure_keys(secure, "example.net.");
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_KEY_PROTOCOL, .key = keys[which], .value = 2});
        bogus_expect(secure_start(secure), "www.example.net.", TYPE_A, EDE_DNSKEY_MISSING);
        secure_free(secure);
    }
}

static void altered_data_and_signatures(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *owner;
        uint16_t type;
    } cases[] = {
        {"example.net.", "www.example.net.", TYPE_A},
        {"example.net.", NULL, TYPE_DNSKEY},
        {"net.", "example.net.", TYPE_DS},
        {".", "net.", TYPE_DS},
        {".", NULL, TYPE_DNSKEY},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        faulty(cases[i].zone, (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .owner = cases[i].owner, .type = cases[i].type},
               "www.example.net.", EDE_DNSSEC_BOGUS);
    }
    faulty("example.net.", (zone_fault_t){.kind = FAULT_ALTER_DATA, .owner = "www.example.net.", .type = TYPE_A}, "www.example.net.",
           EDE_DNSSEC_BOGUS);
}

static void signatures_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        zone_fault_kind_t kind;
        uint32_t value;
        const char *name;
        int extended_error;
    } cases[] = {
        {FAULT_KEY_TAG, 1, NULL, EDE_DNSKEY_MISSING},
        {FAULT_ALGORITHM, 8, NULL, EDE_DNSKEY_MISSING},
        {FAULT_SIGNER, 0, "net.", SECURE_ANY_REASON},
        {FAULT_SIGNER, 0, "www.example.net.", SECURE_ANY_REASON},
        {FAULT_SIGNER, 0, "example.org.", SECURE_ANY_REASON},
        {FAULT_SIGNER, 0, ".", SECURE_ANY_REASON},
        {FAULT_LABELS, 4, NULL, EDE_DNSSEC_BOGUS},
        {FAULT_LABELS, 1, NULL, EDE_DNSSEC_BOGUS}, /* fewer than the signer's own */
        {FAULT_LABELS, 0, NULL, EDE_DNSSEC_BOGUS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        faulty("example.net.",
               (zone_fault_t){
                   .kind = cases[i].kind, .owner = "www.example.net.", .type = TYPE_A, .value = cases[i].value, .name = cases[i].name},
               "www.example.net.", cases[i].extended_error);
    }
}

/* One good signature suffices, whatever stands beside it (RFC 6840 5.4). */
static void a_bad_signature_beside_a_good_one(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_NOISE_SIGNATURES, .type = TYPE_A, .value = 1});
    secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secure_answers),
        cmocka_unit_test(every_algorithm),
        cmocka_unit_test(every_digest),
        cmocka_unit_test(sha1_by_policy),
        cmocka_unit_test(two_algorithms_either_suffices),
        cmocka_unit_test(algorithms_nobody_supports_are_insecure),
        cmocka_unit_test(digests_nobody_supports_are_insecure),
        cmocka_unit_test(an_unsupported_ds_beside_a_supported_one),
        cmocka_unit_test(ds_that_does_not_match),
        cmocka_unit_test(no_downgrade_to_sha1),
        cmocka_unit_test(missing_signatures),
        cmocka_unit_test(missing_signature_of_the_ksk),
        cmocka_unit_test(missing_keys),
        cmocka_unit_test(keys_that_do_not_count),
        cmocka_unit_test(altered_data_and_signatures),
        cmocka_unit_test(signatures_that_do_not_fit),
        cmocka_unit_test(a_bad_signature_beside_a_good_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
