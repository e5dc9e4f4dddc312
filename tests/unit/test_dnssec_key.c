#include "base/bytes.h"
#include "dnssec/key.h"
#include "dnssec/result.h"
#include "dnssec/trust_anchor.h"
#include "wire/edns.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

typedef struct rdata {
    uint8_t data[4096];
    size_t length;
} rdata_t;

static rdata_t parse(uint16_t type, const char *text)
{
    rdata_t out;
    rdata_error_t error;
    uint8_t memory[RDATA_MAX];
    byte_writer_t writer = byte_writer(memory, sizeof memory);
    assert_int_equal(rdata_from_line(type, CLASS_IN, text, strlen(text), (const uint8_t *)"", &writer, &error), STATUS_OK);
    assert_true(writer.position <= sizeof out.data);
    memcpy(out.data, memory, writer.position);
    out.length = writer.position;
    return out;
}

static name_t name_of(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    return name;
}

/* RFC 4034 5.4. */
static const char rfc4034_key[] = "256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMm"
                                  "mAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";

static void assert_ds(const char *owner, const char *key, const char *ds)
{
    rdata_t dnskey = parse(TYPE_DNSKEY, key);
    rdata_t expected = parse(TYPE_DS, ds);
    name_t name = name_of(owner);
    uint8_t made[DNSSEC_DS_MAX];
    size_t size = dnssec_ds_make(expected.data[3], name.wire, dnskey.data, dnskey.length, made);
    assert_int_equal(size, expected.length);
    assert_memory_equal(made, expected.data, size);
    assert_true(dnssec_ds_matches(expected.data, expected.length, name.wire, dnskey.data, dnskey.length));
    assert_false(dnssec_ds_matches(expected.data, expected.length - 1, name.wire, dnskey.data, dnskey.length));
    expected.data[expected.length - 1] ^= 1;
    assert_false(dnssec_ds_matches(expected.data, expected.length, name.wire, dnskey.data, dnskey.length));
}

static void test_ds_of_rfc_4034_and_4509(void **state)
{
    (void)state;
    rdata_t key = parse(TYPE_DNSKEY, rfc4034_key);
    assert_int_equal(dnssec_key_tag(key.data, key.length), 60485);
    assert_ds("dskey.example.com.", rfc4034_key, "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118");
    assert_ds("dskey.example.com.", rfc4034_key, "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A");
    assert_ds("DSKey.Example.COM.", rfc4034_key, "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A");
}

/* RFC 6605 6, RFC 8080 6: SHA-384, and keys of the curves. */
static void test_ds_of_curves(void **state)
{
    (void)state;
    assert_ds("example.net.", "257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
              "55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17");
    assert_ds("example.net.",
              "257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6"
              "Glur8I/mlVNgF6W/qTI37m40",
              "10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6");
    assert_ds("example.com.", "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
              "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b");
    assert_ds("example.com.", "257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
              "9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7");
}

static void test_unknown_digests_make_nothing(void **state)
{
    (void)state;
    rdata_t key = parse(TYPE_DNSKEY, rfc4034_key);
    uint8_t made[DNSSEC_DS_MAX];
    name_t name = name_of("dskey.example.com.");
    for (unsigned type = 0; type < 256; type++) {
        bool is_known = type == DNSSEC_DIGEST_SHA1 || type == DNSSEC_DIGEST_SHA256 || type == DNSSEC_DIGEST_SHA384;
        assert_int_equal(dnssec_ds_make((uint8_t)type, name.wire, key.data, key.length, made) > 0, is_known);
    }
    assert_int_equal(dnssec_ds_make(DNSSEC_DIGEST_SHA1, name.wire, key.data, DNSKEY_FIXED_SIZE, made), 0);
}

/* RFC 6840 5.5: third-to-last and second-to-last octets. */
static void test_tag_of_rsa_md5(void **state)
{
    (void)state;
    const uint8_t rdata[] = {1, 0, 3, 1, 1, 3, 0x11, 0x22, 0x33, 0x44};
    assert_int_equal(dnssec_key_tag(rdata, sizeof rdata), 0x2233);
    assert_int_equal(dnssec_key_tag(rdata, 3), 0);
    assert_int_equal(dnssec_key_tag(rdata, 6), 0);
}

/* An odd number of octets, and a carry out of the upper half. */
static void test_tag_by_the_book(void **state)
{
    (void)state;
    uint8_t rdata[1025];
    for (size_t i = 0; i < sizeof rdata; i++) {
        rdata[i] = (uint8_t)(0xff - i % 3);
    }
    for (size_t length = 4; length <= sizeof rdata; length++) {
        uint32_t sum = 0;
        for (size_t i = 0; i < length; i++) {
            sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
        }
        sum += sum >> 16 & 0xffff;
        assert_int_equal(dnssec_key_tag(rdata, length), sum & 0xffff);
    }
}

/* ---- what keys are taken ---- */

static status_t make_key(const dnssec_policy_t *policy, const uint8_t *rdata, size_t length)
{
    dnssec_key_t *key = NULL;
    status_t status = dnssec_key_new(policy, rdata, length, &key);
    if (status == STATUS_OK) {
        dnssec_key_unref(key);
    }
    return status;
}

/* An RSA key of any size: exponent bits and modulus bits set at both ends. */
static rdata_t rsa_key(uint8_t algorithm, size_t exponent_bits, size_t modulus_bits, bool long_form)
{
    rdata_t key = {.data = {1, 0, 3, algorithm}};
    byte_writer_t writer = byte_writer(key.data, sizeof key.data);
    byte_reserve(&writer, 4);
    size_t exponent_size = (exponent_bits + 7) / 8;
    if (long_form || exponent_size > 255) {
        byte_write_u8(&writer, 0);
        byte_write_u16(&writer, (uint16_t)exponent_size);
    } else {
        byte_write_u8(&writer, (uint8_t)exponent_size);
    }
    uint8_t *exponent = byte_reserve(&writer, exponent_size);
    memset(exponent, 0, exponent_size);
    exponent[exponent_size - 1] |= 1;
    exponent[0] |= (uint8_t)(1u << (exponent_bits - 1) % 8);
    uint8_t *modulus = byte_reserve(&writer, (modulus_bits + 7) / 8);
    memset(modulus, 0x55, (modulus_bits + 7) / 8);
    modulus[0] = (uint8_t)(1u << (modulus_bits - 1) % 8);
    assert_false(writer.failed);
    key.length = writer.position;
    return key;
}

static void assert_rsa(status_t expected, uint8_t algorithm, size_t exponent_bits, size_t modulus_bits, bool long_form)
{
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    rdata_t key = rsa_key(algorithm, exponent_bits, modulus_bits, long_form);
    assert_int_equal(make_key(&policy, key.data, key.length), expected);
}

static void test_sizes_of_rsa_keys(void **state)
{
    (void)state;
    assert_rsa(STATUS_OK, DNSSEC_RSASHA256, 17, 2048, false);
    assert_rsa(STATUS_OK, DNSSEC_RSASHA256, 17, 2048, true);
    assert_rsa(STATUS_OK, DNSSEC_RSASHA256, 2, 512, false);
    assert_rsa(STATUS_UNSUPPORTED, DNSSEC_RSASHA256, 17, 511, false);
    assert_rsa(STATUS_OK, DNSSEC_RSASHA256, 17, 4096, false);
    assert_rsa(STATUS_UNSUPPORTED, DNSSEC_RSASHA256, 17, 4097, false);
    assert_rsa(STATUS_UNSUPPORTED, DNSSEC_RSASHA512, 17, 1023, false);
    assert_rsa(STATUS_OK, DNSSEC_RSASHA512, 17, 1024, false);
    assert_rsa(STATUS_OK, DNSSEC_RSASHA1, 64, 1024, false);
    assert_rsa(STATUS_UNSUPPORTED, DNSSEC_RSASHA1, 65, 1024, false);
    assert_rsa(STATUS_UNSUPPORTED, DNSSEC_RSASHA1, 2048, 2048, true);
}

static void test_malformed_keys(void **state)
{
    (void)state;
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    const uint8_t no_key[] = {1, 0, 3, 8};
    const uint8_t exponent_only[] = {1, 0, 3, 8, 1, 3};
    const uint8_t exponent_cut[] = {1, 0, 3, 8, 3, 1, 0};
    const uint8_t long_form_cut[] = {1, 0, 3, 8, 0, 1};
    const uint8_t zero_exponent[] = {1, 0, 3, 8, 1, 0, 0xff, 0xff};
    const uint8_t no_exponent[] = {1, 0, 3, 8, 0, 0, 0, 0xff, 0xff};
    const uint8_t zero_modulus[] = {1, 0, 3, 8, 1, 3, 0, 0, 0};
    assert_int_equal(make_key(&policy, no_key, sizeof no_key), STATUS_MALFORMED);
    assert_int_equal(make_key(&policy, exponent_only, sizeof exponent_only), STATUS_MALFORMED);
    assert_int_equal(make_key(&policy, exponent_cut, sizeof exponent_cut), STATUS_MALFORMED);
    assert_int_equal(make_key(&policy, long_form_cut, sizeof long_form_cut), STATUS_MALFORMED);
    assert_int_equal(make_key(&policy, zero_exponent, sizeof zero_exponent), STATUS_MALFORMED);
    assert_int_equal(make_key(&policy, no_exponent, sizeof no_exponent), STATUS_MALFORMED);
    assert_int_equal(make_key(&policy, zero_modulus, sizeof zero_modulus), STATUS_MALFORMED);
    const struct {
        uint8_t algorithm;
        size_t size;
    } curves[] = {{DNSSEC_ECDSAP256SHA256, 64}, {DNSSEC_ECDSAP384SHA384, 96}, {DNSSEC_ED25519, 32}, {DNSSEC_ED448, 57}};
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        uint8_t rdata[128] = {1, 0, 3, curves[i].algorithm, 1};
        assert_int_equal(make_key(&policy, rdata, 4 + curves[i].size), STATUS_OK);
        assert_int_equal(make_key(&policy, rdata, 4 + curves[i].size - 1), STATUS_MALFORMED);
        assert_int_equal(make_key(&policy, rdata, 4 + curves[i].size + 1), STATUS_MALFORMED);
    }
}

/* Right size, no point of the curve: found out when it is used. */
static void test_points_off_the_curve(void **state)
{
    (void)state;
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    const uint8_t rdata[4 + 64] = {1, 0, 3, DNSSEC_ECDSAP256SHA256, 1, 2, 3};
    const uint8_t signature[64] = {1};
    dnssec_key_t *key;
    assert_int_equal(dnssec_key_new(&policy, rdata, sizeof rdata, &key), STATUS_OK);
    assert_int_equal(dnssec_key_verify(key, rdata, sizeof rdata, signature, sizeof signature), STATUS_MALFORMED);
    dnssec_key_unref(key);
}

static void test_algorithms_by_policy(void **state)
{
    (void)state;
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    unsigned known = 0;
    for (unsigned number = 0; number < 256; number++) {
        assert_int_equal(dnssec_policy_has_algorithm(&policy, (uint8_t)number), dnssec_algorithm((uint8_t)number) != NULL);
        known += dnssec_policy_has_algorithm(&policy, (uint8_t)number);
    }
    assert_int_equal(known, 8);
    rdata_t key = parse(TYPE_DNSKEY, rfc4034_key);
    assert_int_equal(make_key(&policy, key.data, key.length), STATUS_OK);
    policy.algorithms &= ~(1u << DNSSEC_RSASHA1);
    assert_int_equal(make_key(&policy, key.data, key.length), STATUS_UNSUPPORTED);
    policy.digests = 1u << DNSSEC_DIGEST_SHA256;
    assert_false(dnssec_policy_has_digest(&policy, DNSSEC_DIGEST_SHA1));
    assert_true(dnssec_policy_has_digest(&policy, DNSSEC_DIGEST_SHA256));
}

static void test_flags(void **state)
{
    (void)state;
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    const struct {
        uint16_t flags;
        uint8_t protocol;
        bool is_zone_key;
    } cases[] = {{256, 3, true}, {257, 3, true}, {257 | 128, 3, false}, {256 | 128, 3, false},
                 {0, 3, false},  {1, 3, false},  {256, 2, false}};
    rdata_t rdata = parse(TYPE_DNSKEY, rfc4034_key);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnssec_key_t *key;
        store_be16(rdata.data, cases[i].flags);
        rdata.data[2] = cases[i].protocol;
        assert_int_equal(dnssec_key_new(&policy, rdata.data, rdata.length, &key), STATUS_OK);
        assert_int_equal(dnssec_key_is_zone_key(key), cases[i].is_zone_key);
        assert_int_equal(key->tag, dnssec_key_tag(rdata.data, rdata.length));
        dnssec_key_unref(dnssec_key_ref(key));
        dnssec_key_unref(key);
    }
}

/* ---- results ---- */

static void test_results_have_text_and_code(void **state)
{
    (void)state;
    for (unsigned result = 0; result < DNSSEC_RESULT_COUNT; result++) {
        assert_non_null(dnssec_result_text((dnssec_result_t)result));
        assert_int_equal(dnssec_result_ede((dnssec_result_t)result) == EDE_NONE, result == DNSSEC_VALID);
    }
    assert_int_equal(dnssec_result_ede(DNSSEC_SIGNATURE_EXPIRED), EDE_SIGNATURE_EXPIRED);
    assert_int_equal(dnssec_result_ede(DNSSEC_SIGNATURE_NOT_YET_VALID), EDE_SIGNATURE_NOT_YET_VALID);
    assert_int_equal(dnssec_result_ede(DNSSEC_SIGNATURE_MISSING), EDE_RRSIGS_MISSING);
}

/* ---- trust anchors ---- */

static status_t parse_anchors(trust_anchors_t *anchors, const char *text, trust_anchor_error_t *error)
{
    return trust_anchors_parse(anchors, text, strlen(text), error);
}

/* The DNSKEY records of the root's key signing keys, published by IANA, and the built-in DS must be of one another. */
static const char root_keys[] =
    ". IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv"
    "ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Ap"
    "xz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU= ; 20326\n"
    "\n"
    ". 172800 IN DNSKEY ( 257 3 8 ; 38696\n"
    "  AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHbGiSh\n"
    "  vZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTv\n"
    "  oB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc= )\n";

static void test_root_anchors_are_digests_of_the_root_keys(void **state)
{
    (void)state;
    trust_anchors_t anchors;
    trust_anchor_error_t error;
    trust_anchors_init(&anchors);
    assert_int_equal(trust_anchors_add_root(&anchors), STATUS_OK);
    assert_int_equal(parse_anchors(&anchors, root_keys, &error), STATUS_OK);
    const trust_point_t *point = trust_anchors_find(&anchors, (const uint8_t *)"");
    assert_non_null(point);
    assert_int_equal(point->ds_count, 2);
    assert_int_equal(point->dnskey_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(
            dnssec_ds_matches(point->ds[i].data, point->ds[i].length, point->owner, point->dnskeys[i].data, point->dnskeys[i].length));
    }
    assert_int_equal(load_be16(point->ds[0].data), 20326);
    assert_int_equal(load_be16(point->ds[1].data), 38696);
    trust_anchors_clear(&anchors);
}

static void test_anchor_text(void **state)
{
    (void)state;
    static const char text[] = "; nothing yet\n\n"
                               "Example.COM. 60 IN DS 1 8 2 ( 0000000000000000000000000000000000000000\n"
                               "   0000000000000000 00000000 ) ; done\n"
                               "example.com DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\r\n"
                               "  sub.example.com IN 5m DS 2 8 1 0101010101010101010101010101010101010101";
    trust_anchors_t anchors;
    trust_anchor_error_t error;
    trust_anchors_init(&anchors);
    assert_int_equal(parse_anchors(&anchors, text, &error), STATUS_OK);
    const trust_point_t *point = trust_anchors_closest(&anchors, name_of("www.EXAMPLE.com.").wire);
    assert_non_null(point);
    assert_int_equal(point->ds_count, 1);
    point = trust_anchors_closest(&anchors, name_of("a.sub.example.com.").wire);
    assert_int_equal(point->ds_count, 1);
    assert_int_equal(load_be16(point->ds[0].data), 2);
    assert_null(trust_anchors_closest(&anchors, name_of("com.").wire));
    assert_null(trust_anchors_find(&anchors, name_of("www.example.com.").wire));
    trust_anchors_clear(&anchors);
}

static void test_anchor_text_in_error(void **state)
{
    (void)state;
    const struct {
        const char *text;
        unsigned line;
        status_t status;
    } cases[] = {
        {". IN A 192.0.2.1\n", 1, STATUS_INVALID},
        {"\n\n. IN DS 1 8 2\n", 3, STATUS_MALFORMED},
        {". IN DS x 8 2 00\n", 1, STATUS_MALFORMED},
        {".\n", 1, STATUS_MALFORMED},
        {"a..b DS 1 8 1 00\n", 1, STATUS_MALFORMED},
        {". IN NONSENSE 1 8 1 00\n", 1, STATUS_MALFORMED},
        {". IN DNSKEY 385 3 8 AwEAAaz/\n", 1, STATUS_INVALID}, /* revoked */
        {". IN DNSKEY 1 3 8 AwEAAaz/\n", 1, STATUS_INVALID},
        {". IN DNSKEY 257 2 8 AwEAAaz/\n", 1, STATUS_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        trust_anchors_t anchors;
        trust_anchor_error_t error = {0};
        trust_anchors_init(&anchors);
        assert_int_equal(parse_anchors(&anchors, cases[i].text, &error), cases[i].status);
        assert_int_equal(error.line, cases[i].line);
        assert_true(error.message[0] != 0);
        trust_anchors_clear(&anchors);
    }
}

static void test_number_of_anchors_is_bounded(void **state)
{
    (void)state;
    trust_anchors_t anchors;
    trust_anchors_init(&anchors);
    uint8_t ds[24] = {0, 0, 8, 1};
    for (unsigned i = 0; i < TRUST_POINT_RECORDS_MAX; i++) {
        ds[1] = (uint8_t)i;
        assert_int_equal(trust_anchors_add(&anchors, (const uint8_t *)"", TYPE_DS, ds, sizeof ds), STATUS_OK);
    }
    ds[1] = 200;
    assert_int_equal(trust_anchors_add(&anchors, (const uint8_t *)"", TYPE_DS, ds, sizeof ds), STATUS_LIMIT);
    trust_anchors_clear(&anchors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ds_of_rfc_4034_and_4509),
        cmocka_unit_test(test_ds_of_curves),
        cmocka_unit_test(test_unknown_digests_make_nothing),
        cmocka_unit_test(test_tag_of_rsa_md5),
        cmocka_unit_test(test_tag_by_the_book),
        cmocka_unit_test(test_sizes_of_rsa_keys),
        cmocka_unit_test(test_malformed_keys),
        cmocka_unit_test(test_points_off_the_curve),
        cmocka_unit_test(test_algorithms_by_policy),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_results_have_text_and_code),
        cmocka_unit_test(test_root_anchors_are_digests_of_the_root_keys),
        cmocka_unit_test(test_anchor_text),
        cmocka_unit_test(test_anchor_text_in_error),
        cmocka_unit_test(test_number_of_anchors_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
