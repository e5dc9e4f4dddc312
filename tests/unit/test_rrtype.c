#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void every_mnemonic_leads_back_to_its_number(void **state)
{
    (void)state;
    unsigned known = 0;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        char text[RRTYPE_TEXT_MAX];
        size_t length = rrtype_to_text((uint16_t)type, text);
        assert_int_equal(length, strlen(text));
        uint16_t back = 0;
        assert_int_equal(rrtype_from_text(text, length, &back), STATUS_OK);
        assert_int_equal(back, type);
        const rrtype_info_t *info = rrtype_info((uint16_t)type);
        if (info) {
            known++;
            assert_int_equal(info->type, type);
            assert_string_equal(info->mnemonic, text);
        } else {
            char expected[RRTYPE_TEXT_MAX];
            snprintf(expected, sizeof expected, "TYPE%u", type);
            assert_string_equal(text, expected);
        }
    }
    assert_int_equal(known, 93);
}

static void mnemonics_are_read_in_any_case(void **state)
{
    (void)state;
    uint16_t type;
    assert_int_equal(rrtype_from_text("nsec3Param", 10, &type), STATUS_OK);
    assert_int_equal(type, TYPE_NSEC3PARAM);
    assert_int_equal(rrtype_from_text("nsap-ptr", 8, &type), STATUS_OK);
    assert_int_equal(type, TYPE_NSAP_PTR);
    assert_int_equal(rrtype_from_text("type1", 5, &type), STATUS_OK);
    assert_int_equal(type, TYPE_A);
    assert_int_equal(rrtype_from_text("TYPE65535", 9, &type), STATUS_OK);
    assert_int_equal(type, 65535);
}

static void what_is_no_type_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    "AAA",      "AAAAA", "NSEC3PARAMS",           "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "TYPE 1", "IN", "NSEC3PARAMETERS",
        "A6A", "NSAP_PTR", "\\#",   "TYPE99999999999999999", "1",    "ZZZ",       "@",      "NS\t"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint16_t type;
        assert_int_equal(rrtype_from_text(bad[i], strlen(bad[i]), &type), STATUS_NOT_FOUND);
    }
    uint16_t type;
    assert_int_equal(rrtype_from_text("NS\0", 3, &type), STATUS_NOT_FOUND);
}

static void classes_have_mnemonics_and_numbers(void **state)
{
    (void)state;
    for (uint32_t number = 0; number <= UINT16_MAX; number++) {
        char text[RRTYPE_TEXT_MAX];
        size_t length = rrclass_to_text((uint16_t)number, text);
        uint16_t back = 0;
        assert_int_equal(rrclass_from_text(text, length, &back), STATUS_OK);
        assert_int_equal(back, number);
    }
    uint16_t rrclass;
    assert_int_equal(rrclass_from_text("ch", 2, &rrclass), STATUS_OK);
    assert_int_equal(rrclass, CLASS_CH);
    assert_int_equal(rrclass_from_text("CLASS65536", 10, &rrclass), STATUS_NOT_FOUND);
    assert_int_equal(rrclass_from_text("A", 1, &rrclass), STATUS_NOT_FOUND);
}

static void meta_types_are_no_data(void **state)
{
    (void)state;
    static const uint16_t meta[] = {0,         TYPE_OPT,   TYPE_NXNAME, TYPE_TKEY, TYPE_TSIG, TYPE_IXFR,
                                    TYPE_AXFR, TYPE_MAILB, TYPE_MAILA,  TYPE_ANY,  200};
    for (size_t i = 0; i < sizeof meta / sizeof meta[0]; i++) {
        assert_false(rrtype_is_data(meta[i]));
    }
    static const uint16_t data[] = {TYPE_A, TYPE_NULL, TYPE_EUI64, 127, TYPE_URI, TYPE_DLV, 12345, 65280};
    for (size_t i = 0; i < sizeof data / sizeof data[0]; i++) {
        assert_true(rrtype_is_data(data[i]));
    }
}

/* RFC 3597 4 and RFC 4034 6.2 with RFC 6840 5.1 name the types. */
static void flags_follow_the_standards(void **state)
{
    (void)state;
    static const uint16_t compressed[] = {TYPE_NS, TYPE_MD, TYPE_MF,  TYPE_CNAME, TYPE_SOA, TYPE_MB,
                                          TYPE_MG, TYPE_MR, TYPE_PTR, TYPE_MINFO, TYPE_MX};
    static const uint16_t downcased[] = {TYPE_RP,    TYPE_AFSDB, TYPE_RT,  TYPE_SIG,   TYPE_PX, TYPE_NXT,
                                         TYPE_NAPTR, TYPE_KX,    TYPE_SRV, TYPE_DNAME, TYPE_A6, TYPE_RRSIG};
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        const rrtype_info_t *info = rrtype_info((uint16_t)type);
        if (!info) {
            continue;
        }
        bool is_compressed = false;
        bool is_downcased = false;
        for (size_t i = 0; i < sizeof compressed / sizeof compressed[0]; i++) {
            is_compressed = is_compressed || compressed[i] == type;
        }
        for (size_t i = 0; i < sizeof downcased / sizeof downcased[0]; i++) {
            is_downcased = is_downcased || downcased[i] == type;
        }
        assert_int_equal(is_compressed, (info->flags & RRTYPE_COMPRESSED) != 0);
        assert_int_equal(is_compressed || is_downcased, (info->flags & RRTYPE_DOWNCASED) != 0);
        assert_int_equal(type == TYPE_SOA || type == TYPE_CNAME || type == TYPE_DNAME, (info->flags & RRTYPE_SINGLETON) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mnemonic_leads_back_to_its_number),
        cmocka_unit_test(mnemonics_are_read_in_any_case),
        cmocka_unit_test(what_is_no_type_is_refused),
        cmocka_unit_test(classes_have_mnemonics_and_numbers),
        cmocka_unit_test(meta_types_are_no_data),
        cmocka_unit_test(flags_follow_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
