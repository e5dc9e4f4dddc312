/* The options of an OPT. */
#include "base/require.h"
#include "wire/edns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static edns_t read_options(const void *options, size_t size)
{
    edns_t edns = {.present = true};
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, options, size);
    edns_read_options(&edns, exact, (uint16_t)size);
    assert_ptr_equal(edns.options, exact);
    assert_int_equal(edns.options_size, size);
    free(exact);
    return edns;
}

#define READ(text) read_options((text), sizeof(text) - 1)

static void each_option_sets_its_own_field(void **state)
{
    (void)state;
    for (uint16_t code = 0; code < 300; code++) {
        uint8_t option[4 + 8] = {0, 0, 0, 8, 'c', 'o', 'o', 'k', 'i', 'e', '1', '2'};
        store_be16(option, code);
        edns_t edns = read_options(option, sizeof option);
        assert_int_equal(edns.nsid_wanted, code == EDNS_NSID);
        assert_int_equal(edns.cookie_length, code == EDNS_COOKIE ? 8 : 0);
        assert_int_equal(edns.keepalive_wanted, code == EDNS_TCP_KEEPALIVE);
        assert_int_equal(edns.padding_wanted, code == EDNS_PADDING);
        assert_int_equal(edns.expire_wanted, code == EDNS_EXPIRE);
        assert_int_equal(edns.zoneversion_wanted, code == EDNS_ZONEVERSION);
        assert_false(edns.malformed || edns.cookie_malformed);
    }
    edns_t none = READ("");
    assert_false(none.malformed || none.nsid_wanted);
}

static void fixed_fields(void **state)
{
    (void)state;
    edns_t edns = {.cookie_length = 8};
    edns_set_fixed(&edns, 4096, 0x12345678);
    assert_true(edns.present);
    assert_int_equal(edns.udp_size, 4096);
    assert_int_equal(edns.extended_rcode, 0x12);
    assert_int_equal(edns.version, 0x34);
    assert_int_equal(edns.flags, 0x5678);
    assert_false(edns.dnssec_ok);
    assert_int_equal(edns.cookie_length, 8);
    edns_set_fixed(&edns, 0, 0x8000);
    assert_true(edns.dnssec_ok);
    assert_int_equal(edns.udp_size, 512);
}

static void framing_is_checked(void **state)
{
    (void)state;
    static const char options[] = "\0\3\0\2ab\0\12\0\10cookie12";
    for (size_t size = 0; size < sizeof options; size++) {
        edns_t edns = read_options(options, size);
        assert_int_equal(edns.malformed, size != 0 && size != 6 && size != sizeof options - 1);
        assert_int_equal(edns.nsid_wanted, size >= 6);
        assert_int_equal(edns.cookie_length, size == sizeof options - 1 ? 8 : 0);
    }
    assert_true(READ("\0\3\377\377").malformed);
}

static void the_first_cookie_counts(void **state)
{
    (void)state;
    edns_t edns = READ("\0\12\0\21seventeen octets!\0\12\0\10second  \0\12\0\7illegal");
    assert_int_equal(edns.cookie_length, 17);
    assert_memory_equal(edns.cookie, "seventeen octets!", 17);
    assert_false(edns.cookie_malformed);
    edns = READ("\0\12\0\7illegal\0\12\0\10second  ");
    assert_true(edns.cookie_malformed);
    assert_int_equal(edns.cookie_length, 0);
}

static void only_so_many_options_are_looked_at(void **state)
{
    (void)state;
    uint8_t options[4 * (EDNS_OPTIONS_MAX + 2)] = {0};
    store_be16(options + 4 * (EDNS_OPTIONS_MAX - 1), EDNS_NSID);
    store_be16(options + 4 * EDNS_OPTIONS_MAX, EDNS_EXPIRE);
    edns_t edns = read_options(options, sizeof options);
    assert_true(edns.nsid_wanted);
    assert_false(edns.expire_wanted || edns.malformed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_sets_its_own_field),
        cmocka_unit_test(fixed_fields),
        cmocka_unit_test(framing_is_checked),
        cmocka_unit_test(the_first_cookie_counts),
        cmocka_unit_test(only_so_many_options_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
