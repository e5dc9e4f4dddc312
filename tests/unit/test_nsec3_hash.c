#include "dnssec/nsec3_hash.h"
#include "wire/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static const uint8_t rfc_salt[] = {0xaa, 0xbb, 0xcc, 0xdd};
static const nsec3_parameters_t rfc_parameters = {.salt = rfc_salt, .salt_size = sizeof rfc_salt, .iterations = 12};

static void assert_label(const nsec3_parameters_t *parameters, const char *text, const char *expected)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    uint8_t hash[NSEC3_HASH_SIZE];
    uint8_t label[NSEC3_LABEL_SIZE];
    nsec3_hash(parameters, name.wire, name.length, hash);
    nsec3_hash_to_label(hash, label);
    assert_memory_equal(label, expected, NSEC3_LABEL_SIZE);
    uint8_t back[NSEC3_HASH_SIZE];
    assert_true(nsec3_hash_from_label(label, sizeof label, back));
    assert_memory_equal(back, hash, sizeof hash);
}

/* RFC 5155 appendix A. */
static void test_vectors_of_rfc_5155(void **state)
{
    (void)state;
    assert_label(&rfc_parameters, "example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
    assert_label(&rfc_parameters, "a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl");
    assert_label(&rfc_parameters, "ai.example.", "gjeqe526plbf1g8mklp59enfd789njgi");
    assert_label(&rfc_parameters, "ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr");
    assert_label(&rfc_parameters, "ns2.example.", "q04jkcevqvmu85r014c7dkba38o0ji5r");
    assert_label(&rfc_parameters, "w.example.", "k8udemvp1j2f7eg6jebps17vp3n8i58h");
    assert_label(&rfc_parameters, "*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en");
    assert_label(&rfc_parameters, "x.w.example.", "b4um86eghhds6nea196smvmlo4ors995");
    assert_label(&rfc_parameters, "y.w.example.", "ji6neoaepv8b5o6k4ev33abha8ht9fgc");
    assert_label(&rfc_parameters, "x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s");
    assert_label(&rfc_parameters, "xx.example.", "t644ebqk9bibcna874givr6joj62mlhv");
}

static void test_no_salt_and_no_iterations_is_plain_sha1(void **state)
{
    (void)state;
    const nsec3_parameters_t plain = {0};
    /* SHA-1 of the single zero octet. */
    static const uint8_t expected[NSEC3_HASH_SIZE] = {0x5b, 0xa9, 0x3c, 0x9d, 0xb0, 0xcf, 0xf9, 0x3f, 0x52, 0xb5,
                                                      0x21, 0xd7, 0x42, 0x0e, 0x43, 0xf6, 0xed, 0xa2, 0x78, 0x4f};
    uint8_t hash[NSEC3_HASH_SIZE];
    nsec3_hash(&plain, (const uint8_t *)"", 1, hash);
    assert_memory_equal(hash, expected, sizeof expected);
}

static void test_parameters_of_rdata(void **state)
{
    (void)state;
    const uint8_t rdata[] = {1, 0, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd, 20};
    nsec3_parameters_t parameters;
    assert_true(nsec3_parameters_read(&parameters, rdata, sizeof rdata));
    assert_true(nsec3_parameters_equal(&parameters, &rfc_parameters));
    assert_true(nsec3_parameters_read(&parameters, rdata, 9));
    assert_false(nsec3_parameters_read(&parameters, rdata, 8));
    assert_false(nsec3_parameters_read(&parameters, rdata, 4));
    const uint8_t other_algorithm[] = {2, 0, 0, 12, 0};
    assert_false(nsec3_parameters_read(&parameters, other_algorithm, sizeof other_algorithm));
    const uint8_t no_salt[] = {1, 0, 0, 12, 0};
    assert_true(nsec3_parameters_read(&parameters, no_salt, sizeof no_salt));
    assert_false(nsec3_parameters_equal(&parameters, &rfc_parameters));
}

static void test_labels_that_are_no_hashes(void **state)
{
    (void)state;
    uint8_t hash[NSEC3_HASH_SIZE];
    assert_true(nsec3_hash_from_label((const uint8_t *)"0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM", 32, hash));
    assert_false(nsec3_hash_from_label((const uint8_t *)"0p9mhaveqvm6t7vbl5lop2u3t2rp3tow", 32, hash));
    assert_false(nsec3_hash_from_label((const uint8_t *)"0p9mhaveqvm6t7vbl5lop2u3t2rp3to", 31, hash));
    assert_false(nsec3_hash_from_label((const uint8_t *)"0p9mhaveqvm6t7vbl5lop2u3t2rp3to-", 32, hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_rfc_5155),
        cmocka_unit_test(test_no_salt_and_no_iterations_is_plain_sha1),
        cmocka_unit_test(test_parameters_of_rdata),
        cmocka_unit_test(test_labels_that_are_no_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
