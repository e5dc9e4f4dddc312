#include "wire/rdata.h"

#include "rdata_vectors.h"
#include "wire/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint8_t origin[] = "\x07"
                                "example";

typedef struct rdata {
    uint8_t data[RDATA_MAX];
    size_t size;
} rdata_t;

static status_t parse(uint16_t type, const char *text, rdata_t *rdata, rdata_error_t *error)
{
    byte_writer_t writer = byte_writer(rdata->data, sizeof rdata->data);
    status_t status = rdata_from_line(type, CLASS_IN, text, strlen(text), origin, &writer, error);
    rdata->size = writer.position;
    return status;
}

static void expect_text(uint16_t type, const uint8_t *data, size_t size, const char *expected)
{
    buffer_t out;
    buffer_init(&out, 1 << 20);
    rdata_to_text(type, CLASS_IN, data, size, &out);
    assert_string_equal(buffer_text(&out), expected);
    buffer_clear(&out);
}

static void expect_hex(const rdata_t *rdata, const char *expected)
{
    buffer_t out;
    buffer_init(&out, 1 << 20);
    text_append_hex(&out, rdata->data, rdata->size);
    assert_string_equal(buffer_text(&out), expected);
    buffer_clear(&out);
}

/* Whatever passes the check has a text that leads back to it. */
static void expect_round_trip(uint16_t type, const uint8_t *data, size_t size)
{
    static rdata_t again;
    rdata_error_t error;
    buffer_t out;
    buffer_init(&out, 1 << 20);
    rdata_to_text(type, CLASS_IN, data, size, &out);
    status_t status = parse(type, buffer_text(&out), &again, &error);
    if (status != STATUS_OK) {
        fail_msg("type %u: \"%s\": %s", type, buffer_text(&out), error.message);
    }
    if (again.size != size || (size > 0 && memcmp(again.data, data, size) != 0)) {
        fail_msg("type %u: \"%s\" does not lead back", type, buffer_text(&out));
    }
    buffer_clear(&out);
}

static void good_text_becomes_wire_and_text_again(void **state)
{
    (void)state;
    static rdata_t rdata;
    for (size_t i = 0; i < COUNT(good_vectors); i++) {
        const good_vector_t *v = &good_vectors[i];
        rdata_error_t error;
        if (parse(v->type, v->text, &rdata, &error) != STATUS_OK) {
            fail_msg("type %u \"%s\": %s", v->type, v->text, error.message);
        }
        if (v->wire) {
            expect_hex(&rdata, v->wire);
        }
        assert_int_equal(rdata_check(v->type, CLASS_IN, rdata.data, rdata.size), STATUS_OK);
        if (strncmp(v->text, "\\#", 2) != 0 || v->canonical) {
            expect_text(v->type, rdata.data, rdata.size, v->canonical ? v->canonical : v->text);
        }
        expect_round_trip(v->type, rdata.data, rdata.size);
    }
}

static void good_records_are_read_in_generic_form_too(void **state)
{
    (void)state;
    static rdata_t rdata;
    static rdata_t again;
    for (size_t i = 0; i < COUNT(good_vectors); i++) {
        rdata_error_t error;
        assert_int_equal(parse(good_vectors[i].type, good_vectors[i].text, &rdata, &error), STATUS_OK);
        buffer_t out;
        buffer_init(&out, 1 << 20);
        rdata_to_text(65280, CLASS_IN, rdata.data, rdata.size, &out);
        assert_int_equal(parse(good_vectors[i].type, buffer_text(&out), &again, &error), STATUS_OK);
        assert_int_equal(again.size, rdata.size);
        assert_memory_equal(again.data, rdata.data, rdata.size);
        buffer_clear(&out);
    }
}

static void bad_text_is_refused_and_explained(void **state)
{
    (void)state;
    static rdata_t rdata;
    for (size_t i = 0; i < COUNT(bad_vectors); i++) {
        const bad_vector_t *v = &bad_vectors[i];
        rdata_error_t error;
        if (parse(v->type, v->text, &rdata, &error) == STATUS_OK) {
            fail_msg("type %u \"%s\" was taken", v->type, v->text);
        }
        assert_int_equal(rdata.size, 0);
        if (!strstr(error.message, v->message)) {
            fail_msg("type %u \"%s\": \"%s\" does not say \"%s\"", v->type, v->text, error.message, v->message);
        }
        assert_true(!error.at || (error.at >= v->text && error.at <= v->text + strlen(v->text)));
    }
}

static void errors_point_into_the_token(void **state)
{
    (void)state;
    static rdata_t rdata;
    rdata_error_t error;
    const char *text = "foo ba\\999r";
    assert_int_equal(parse(TYPE_TXT, text, &rdata, &error), STATUS_MALFORMED);
    assert_ptr_equal(error.at, text + 6);
    assert_false(error.at_end);
    assert_int_equal(parse(TYPE_MX, "10", &rdata, &error), STATUS_MALFORMED);
    assert_true(error.at_end);
    text = "1 . alpn=h2 ipv4hint=1.2.3.4,x";
    assert_int_equal(parse(TYPE_HTTPS, text, &rdata, &error), STATUS_MALFORMED);
    assert_ptr_equal(error.at, text + 29);
}

static void relative_names_need_an_origin(void **state)
{
    (void)state;
    uint8_t data[RDATA_MAX];
    byte_writer_t writer = byte_writer(data, sizeof data);
    rdata_error_t error;
    assert_int_equal(rdata_from_line(TYPE_NS, CLASS_IN, "a", 1, NULL, &writer, &error), STATUS_INVALID);
    assert_non_null(strstr(error.message, "origin"));
    assert_int_equal(rdata_from_line(TYPE_NS, CLASS_IN, "a.", 2, NULL, &writer, &error), STATUS_OK);
}

static void strings_have_up_to_255_octets(void **state)
{
    (void)state;
    static rdata_t rdata;
    rdata_error_t error;
    char text[300];
    memset(text, 'x', sizeof text);
    text[255] = 0;
    assert_int_equal(parse(TYPE_TXT, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 256);
    text[255] = 'x';
    text[256] = 0;
    assert_int_equal(parse(TYPE_TXT, text, &rdata, &error), STATUS_LIMIT);
    assert_non_null(strstr(error.message, "255 octets"));
    assert_ptr_equal(error.at, text + 255);
}

/* 65,535 octets of rdata are allowed, not one more: TXT strings, base64, \#. */
static void rdata_has_up_to_65535_octets(void **state)
{
    (void)state;
    static rdata_t rdata;
    static char text[200000];
    rdata_error_t error;
    size_t length = 0;
    for (unsigned i = 0; i < 65535 / 256; i++) {
        memset(text + length, 'x', 255);
        text[length + 255] = ' ';
        length += 256;
    }
    memset(text + length, 'y', 255);
    text[length + 254] = 0;
    assert_int_equal(parse(TYPE_TXT, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 65535);
    expect_round_trip(TYPE_TXT, rdata.data, rdata.size);
    text[length + 254] = 'y';
    text[length + 255] = 0;
    assert_int_equal(parse(TYPE_TXT, text, &rdata, &error), STATUS_LIMIT);
    assert_non_null(strstr(error.message, "65535"));
    memset(text, 'A', 65535 / 3 * 4);
    text[65535 / 3 * 4] = 0;
    assert_int_equal(parse(TYPE_OPENPGPKEY, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 65535);
    memset(text, 'A', 65535 / 3 * 4 + 4);
    text[65535 / 3 * 4 + 4] = 0;
    assert_int_equal(parse(TYPE_OPENPGPKEY, text, &rdata, &error), STATUS_LIMIT);
    length = (size_t)snprintf(text, sizeof text, "\\# 65535 ");
    memset(text + length, '0', 131070);
    text[length + 131070] = 0;
    assert_int_equal(parse(65280, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 65535);
}

/* The sum of many values and one value as large as it can be. */
static void service_parameters_do_not_overflow(void **state)
{
    (void)state;
    static rdata_t rdata;
    static char text[400000];
    rdata_error_t error;
    size_t length = (size_t)snprintf(text, sizeof text, "1 . key9=");
    memset(text + length, 'x', 70000);
    text[length + 65528] = 0;
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 65535);
    expect_round_trip(TYPE_SVCB, rdata.data, rdata.size);
    text[length + 65528] = 'x';
    text[length + 65529] = 0;
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_LIMIT);

    length = (size_t)snprintf(text, sizeof text, "1 .");
    for (unsigned key = 17000; key > 0; key -= 10) {
        length += (size_t)snprintf(text + length, sizeof text - length, " key%u=abcdefghijklmnopqrstuvwxyz", key + 100);
    }
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 3 + 1700 * 30);
    assert_int_equal(load_be16(rdata.data + 3), 110);
    snprintf(text + length, sizeof text - length, " alpn=\"%0*d\"", 255 * 56, 0);
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_INVALID);
    snprintf(text + length, sizeof text - length, " key1100");
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_INVALID);
    assert_string_equal(error.message, "key1100 is there twice");
    length += (size_t)snprintf(text + length, sizeof text - length, " ipv4hint=1.2.3.4");
    for (unsigned i = 0; i < 4000; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, ",1.2.3.4");
    }
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_LIMIT);
}

/* As many parameters as fit, in the worst order, and all of them mandatory. */
static void many_service_parameters_are_put_in_order(void **state)
{
    (void)state;
    static rdata_t rdata;
    static char text[400000];
    rdata_error_t error;
    size_t length = (size_t)snprintf(text, sizeof text, "1 .");
    for (unsigned key = 16383; key > 0; key--) {
        length += (size_t)snprintf(text + length, sizeof text - length, " key%u", key + 40000);
    }
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 65535);
    assert_int_equal(load_be16(rdata.data + 3), 40001);
    assert_int_equal(load_be16(rdata.data + 65531), 56383);
    expect_round_trip(TYPE_SVCB, rdata.data, rdata.size);

    length = (size_t)snprintf(text, sizeof text, "1 . mandatory=key50000");
    for (unsigned key = 50001; key < 60000; key++) {
        length += (size_t)snprintf(text + length, sizeof text - length, ",key%u", key);
    }
    for (unsigned key = 59999; key >= 50000; key--) {
        length += (size_t)snprintf(text + length, sizeof text - length, " key%u", key);
    }
    assert_int_equal(parse(TYPE_SVCB, text, &rdata, &error), STATUS_OK);
    assert_int_equal(rdata.size, 3 + 4 + 10000 * 2 + 10000 * 4);
    expect_round_trip(TYPE_SVCB, rdata.data, rdata.size);
}

/* Every truncation and every single changed octet of every good rdata, in memory of exactly that size. */
static void damaged_wire_data_is_handled(void **state)
{
    (void)state;
    static rdata_t rdata;
    unsigned refused = 0;
    for (size_t i = 0; i < COUNT(good_vectors); i++) {
        const uint16_t type = good_vectors[i].type;
        rdata_error_t error;
        assert_int_equal(parse(type, good_vectors[i].text, &rdata, &error), STATUS_OK);
        for (size_t size = 0; size <= rdata.size; size++) {
            uint8_t *copy = malloc(size > 0 ? size : 1);
            assert_non_null(copy);
            memcpy(copy, rdata.data, size);
            refused += rdata_check(type, CLASS_IN, copy, size) != STATUS_OK;
            expect_round_trip(rdata_check(type, CLASS_IN, copy, size) == STATUS_OK ? type : 65280, copy, size);
            for (size_t at = size < 60 ? 0 : size; at < size; at++) {
                static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x40, 0x08};
                for (size_t m = 0; m < sizeof masks; m++) {
                    copy[at] ^= masks[m];
                    if (rdata_check(type, CLASS_IN, copy, size) == STATUS_OK) {
                        expect_round_trip(type, copy, size);
                        rdata_canonicalize(type, copy, size);
                        copy[at] = rdata.data[at];
                        memcpy(copy, rdata.data, size);
                    } else {
                        copy[at] ^= masks[m];
                    }
                }
            }
            free(copy);
        }
    }
    assert_true(refused > 1000);
}

static void malformed_wire_data_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *hex;
    } bad[] = {
        {TYPE_A, "C00002"},
        {TYPE_A, "C000020100"},
        {TYPE_A, ""},
        {TYPE_NS, "C000"},
        {TYPE_NS, "4000"},
        {TYPE_NS, "0361"},
        {TYPE_NS, "016100FF"},
        {TYPE_TXT, ""},
        {TYPE_TXT, "0261"},
        {TYPE_TXT, "016103"},
        {TYPE_HINFO, "0161"},
        {TYPE_NSEC, "000021"},
        {TYPE_NSEC, "00000140000001"
                    "40"},
        {TYPE_NSEC, "00010140000140"},
        {TYPE_NSEC3, "01000000000001"},
        {TYPE_NSEC3, "0100000000"},
        {TYPE_NSEC3PARAM, "010000000100"
                          "00"},
        {TYPE_SVCB, "0001000003000200350002000168"},
        {TYPE_SVCB, "00010000030002003500030002"
                    "0035"},
        {TYPE_SVCB, "0001000003000300350000"},
        {TYPE_SVCB, "00010000010003"
                    "036832"},
        {TYPE_SVCB, "0001000001000100"},
        {TYPE_SVCB, "000100000000020000"},
        {TYPE_SVCB, "00010000000004000400010001000302"
                    "6832"},
        {TYPE_SVCB, "000100000000"},
        {TYPE_SVCB, "0001000009FFFF00"},
        {TYPE_APL, "00012104C0A82001"},
        {TYPE_APL, "00011005C0A8200101"},
        {TYPE_APL, "00028100"},
        {TYPE_APL, "000115"},
        {TYPE_HIP, "0002000100"},
        {TYPE_HIP, "0102000120"},
        {TYPE_HIP, "010200012001C000"},
        {TYPE_IPSECKEY, "0A0102C00002"},
        {TYPE_IPSECKEY, "0A"},
        {TYPE_AMTRELAY, "0A8200"},
        {TYPE_AMTRELAY, "0A8000"},
        {TYPE_LOC, "0012161380"},
        {TYPE_LOC, ""},
        {TYPE_CAA, "000069"},
        {TYPE_CAA, "00056973"},
        {TYPE_DNSKEY, "01010308"},
        {TYPE_A6, "81"},
        {TYPE_A6, "40000000"},
        {TYPE_WKS, "0A000001"},
        {TYPE_ISDN, "0131013201"
                    "33"},
        {TYPE_EUI48, "0000000000"},
        {TYPE_ATMA, "00"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        uint8_t data[256];
        byte_writer_t writer = byte_writer(data, sizeof data);
        radix_decoder_t decoder = {0};
        assert_int_equal(hex_feed(&decoder, bad[i].hex, strlen(bad[i].hex), &writer), strlen(bad[i].hex));
        if (rdata_check(bad[i].type, CLASS_IN, data, writer.position) != STATUS_MALFORMED) {
            fail_msg("type %u %s was taken", bad[i].type, bad[i].hex);
        }
        byte_reader_t reader = byte_reader(data, writer.position);
        uint8_t out[256];
        byte_writer_t copy = byte_writer(out, sizeof out);
        assert_int_equal(rdata_read(&reader, bad[i].type, CLASS_IN, writer.position, &copy), STATUS_MALFORMED);
        assert_int_equal(copy.position, 0);
    }
}

static void no_data_is_data_only_in_update_classes(void **state)
{
    (void)state;
    assert_int_equal(rdata_check(TYPE_A, CLASS_ANY, NULL, 0), STATUS_OK);
    assert_int_equal(rdata_check(TYPE_MX, CLASS_NONE, NULL, 0), STATUS_OK);
    assert_int_equal(rdata_check(TYPE_MX, CLASS_IN, NULL, 0), STATUS_MALFORMED);
    uint8_t out[4];
    byte_writer_t writer = byte_writer(out, sizeof out);
    byte_reader_t reader = byte_reader("", 0);
    assert_int_equal(rdata_read(&reader, TYPE_MX, CLASS_ANY, 0, &writer), STATUS_OK);
    assert_int_equal(rdata_read(&reader, TYPE_MX, CLASS_IN, 0, &writer), STATUS_MALFORMED);
}

static void chaosnet_addresses_are_a_name_and_an_octal_number(void **state)
{
    (void)state;
    uint8_t data[RDATA_MAX];
    byte_writer_t writer = byte_writer(data, sizeof data);
    rdata_error_t error;
    assert_int_equal(rdata_from_line(TYPE_A, CLASS_CH, "a. 177777", 9, NULL, &writer, &error), STATUS_OK);
    assert_int_equal(writer.position, 5);
    buffer_t out;
    buffer_init(&out, 100);
    rdata_to_text(TYPE_A, CLASS_CH, data, writer.position, &out);
    assert_string_equal(buffer_text(&out), "a. 177777");
    buffer_clear(&out);
}

/* A message of 12 octets, the name a.example at 12, then rdata. */
static const uint8_t message_head[] = "\0\0\0\0\0\0\0\0\0\0\0\0\1a\7example";

typedef struct read_vector {
    uint16_t type;
    const char *rdata;
    size_t size;
    const char *text; /* NULL: refused */
} read_vector_t;

static void names_are_expanded_where_their_type_allows(void **state)
{
    (void)state;
    static const read_vector_t vectors[] = {
        {TYPE_NS, "\xc0\x0c", 2, "a.example."},
        {TYPE_MX, "\0\1\1b\xc0\x0e", 6, "1 b.example."},
        {TYPE_SOA, "\xc0\x0c\xc0\x0e\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 24, "a.example. example. 1 2 3 4 5"},
        {TYPE_MINFO, "\xc0\x0c\xc0\x0c", 4, "a.example. a.example."},
        {TYPE_SRV, "\0\1\0\2\0\3\xc0\x0c", 8, "1 2 3 a.example."},
        {TYPE_NAPTR, "\0\1\0\2\0\0\0\xc0\x0c", 9, "1 2 \"\" \"\" \"\" a.example."},
        {TYPE_DNAME, "\xc0\x0c", 2, "a.example."},
        {TYPE_NXT, "\xc0\x0c\x40", 3, "a.example. A"},
        {TYPE_SIG, "\0\1\5\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xc0\x0c\xff", 21, "A 5 2 0 19700101000000 19700101000000 1 a.example. /w=="},
        {TYPE_RRSIG, "\0\1\5\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xc0\x0c\xff", 21, NULL},
        {TYPE_NSEC, "\xc0\x0c\0\1\x40", 5, NULL},
        {TYPE_LP, "\0\1\xc0\x0c", 4, NULL},
        {TYPE_SVCB, "\0\1\xc0\x0c", 4, NULL},
        {TYPE_NS, "\xc0\x0c\0", 3, NULL},
        {TYPE_NS, "\xc0", 1, NULL},
        {TYPE_NS, "\xc0\x17", 2, NULL}, /* points at itself */
        {TYPE_NS, "\xff\xff", 2, NULL},
        {TYPE_MX, "\0", 1, NULL},
        {TYPE_SOA, "\xc0\x0c\xc0\x0e\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0", 23, NULL},
        {TYPE_TXT, "\2ab", 3, "\"ab\""},
        {65280, "\xc0\x0c", 2, "\\# 2 C00C"},
    };
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const read_vector_t *v = &vectors[i];
        size_t size = sizeof message_head + v->size;
        uint8_t *message = malloc(size);
        assert_non_null(message);
        memcpy(message, message_head, sizeof message_head);
        memcpy(message + sizeof message_head, v->rdata, v->size);
        byte_reader_t reader = byte_reader(message, size);
        reader.position = sizeof message_head;
        uint8_t out[512];
        byte_writer_t writer = byte_writer(out, sizeof out);
        status_t status = rdata_read(&reader, v->type, CLASS_IN, v->size, &writer);
        assert_int_equal(status, v->text ? STATUS_OK : STATUS_MALFORMED);
        if (v->text) {
            assert_int_equal(reader.position, size);
            expect_text(v->type, out, writer.position, v->text);
            byte_writer_t small = byte_writer(out, writer.position - 1);
            reader.position = sizeof message_head;
            assert_int_equal(rdata_read(&reader, v->type, CLASS_IN, v->size, &small), STATUS_NO_SPACE);
            assert_int_equal(small.position, 0);
        }
        free(message);
    }
}

static void rdata_past_the_end_of_the_message_is_refused(void **state)
{
    (void)state;
    uint8_t out[16];
    byte_writer_t writer = byte_writer(out, sizeof out);
    byte_reader_t reader = byte_reader("\1\2\3\4", 4);
    assert_int_equal(rdata_read(&reader, TYPE_A, CLASS_IN, 5, &writer), STATUS_MALFORMED);
}

static void canonical_form_lowers_the_names_of_old_types_only(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *text;
        const char *canonical;
    } vectors[] = {
        {TYPE_NS, "A.B.", "a.b."},
        {TYPE_SOA, "A. B. 1 2 3 4 5", "a. b. 1 2 3 4 5"},
        {TYPE_MX, "1 A.", "1 a."},
        {TYPE_RP, "A. B.", "a. b."},
        {TYPE_SRV, "1 2 3 A.", "1 2 3 a."},
        {TYPE_NAPTR, "1 2 \"A\" \"B\" \"C\" D.", "1 2 \"A\" \"B\" \"C\" d."},
        {TYPE_A6, "64 ::1 A.", "64 ::1 a."},
        {TYPE_RRSIG, "A 8 1 1 20200101000000 20200101000000 1 A. AQID", "A 8 1 1 20200101000000 20200101000000 1 a. AQID"},
        {TYPE_NXT, "A. NS", "a. NS"},
        {TYPE_NSEC, "A. NS", "A. NS"},
        {TYPE_HINFO, "\"A\" \"B\"", "\"A\" \"B\""},
        {TYPE_SVCB, "1 A.", "1 A."},
        {TYPE_IPSECKEY, "1 3 1 A. AQID", "1 3 1 A. AQID"},
        {TYPE_LP, "1 A.", "1 A."},
        {TYPE_NSAP_PTR, "A.", "A."},
        {TYPE_TXT, "\"ABC\"", "\"ABC\""},
    };
    static rdata_t rdata;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        rdata_error_t error;
        assert_int_equal(parse(vectors[i].type, vectors[i].text, &rdata, &error), STATUS_OK);
        rdata_canonicalize(vectors[i].type, rdata.data, rdata.size);
        expect_text(vectors[i].type, rdata.data, rdata.size, vectors[i].canonical);
    }
}

static void canonical_order_is_that_of_octet_strings(void **state)
{
    (void)state;
    assert_true(rdata_compare((const uint8_t *)"a", 1, (const uint8_t *)"b", 1) < 0);
    assert_true(rdata_compare((const uint8_t *)"\x80", 1, (const uint8_t *)"\x7f", 1) > 0);
    assert_true(rdata_compare((const uint8_t *)"a", 1, (const uint8_t *)"a\0", 2) < 0);
    assert_true(rdata_compare((const uint8_t *)"b", 1, (const uint8_t *)"aa", 2) > 0);
    assert_int_equal(rdata_compare((const uint8_t *)"a", 1, (const uint8_t *)"a", 1), 0);
    assert_int_equal(rdata_compare(NULL, 0, NULL, 0), 0);
    assert_true(rdata_compare(NULL, 0, (const uint8_t *)"a", 1) < 0);
}

static void names_are_found_one_after_the_other(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *text;
        unsigned count;
        size_t offsets[3];
    } vectors[] = {
        {TYPE_NS, "a.", 1, {0}},
        {TYPE_A, "1.2.3.4", 0, {0}},
        {TYPE_SOA, "a. b. 1 2 3 4 5", 2, {0, 3}},
        {TYPE_MX, "1 a.", 1, {2}},
        {TYPE_NAPTR, "1 2 a b c d.", 1, {10}},
        {TYPE_RRSIG, "A 8 1 1 20200101000000 20200101000000 1 a. AQID", 1, {18}},
        {TYPE_HIP, "2 20 AwEA a. b. c.", 3, {8, 11, 14}},
        {TYPE_HIP, "2 20 AwEA", 0, {0}},
        {TYPE_IPSECKEY, "1 3 1 a. AQID", 1, {3}},
        {TYPE_IPSECKEY, "1 1 1 1.2.3.4 AQID", 0, {0}},
        {TYPE_AMTRELAY, "1 1 3 a.", 1, {2}},
        {TYPE_A6, "128 a.", 1, {1}},
        {TYPE_A6, "0 ::", 0, {0}},
        {TYPE_SVCB, "1 a. alpn=h2", 1, {2}},
        {TYPE_TXT, "a", 0, {0}},
        {65280, "\\# 1 00", 0, {0}},
    };
    static rdata_t rdata;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        rdata_error_t error;
        assert_int_equal(parse(vectors[i].type, vectors[i].text, &rdata, &error), STATUS_OK);
        size_t offset = 0;
        for (unsigned n = 0; n < vectors[i].count; n++) {
            assert_int_equal(rdata_next_name(vectors[i].type, rdata.data, rdata.size, &offset), STATUS_OK);
            assert_int_equal(offset, vectors[i].offsets[n]);
            offset++;
        }
        assert_int_equal(rdata_next_name(vectors[i].type, rdata.data, rdata.size, &offset), STATUS_END);
    }
}

static void bitmaps_are_searched(void **state)
{
    (void)state;
    static rdata_t rdata;
    rdata_error_t error;
    assert_int_equal(parse(TYPE_NSEC, ". A MX TYPE1234 TYPE65535", &rdata, &error), STATUS_OK);
    unsigned found = 0;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        found += type_bitmap_has(rdata.data + 1, rdata.size - 1, (uint16_t)type);
    }
    assert_int_equal(found, 4);
    assert_true(type_bitmap_has(rdata.data + 1, rdata.size - 1, TYPE_MX));
    assert_true(type_bitmap_has(rdata.data + 1, rdata.size - 1, 65535));
    assert_false(type_bitmap_has(rdata.data + 1, 2, TYPE_A));
    assert_false(type_bitmap_has(NULL, 0, TYPE_A));
}

static void printing_reports_a_full_buffer(void **state)
{
    (void)state;
    static rdata_t rdata;
    for (size_t i = 0; i < COUNT(good_vectors); i++) {
        rdata_error_t error;
        assert_int_equal(parse(good_vectors[i].type, good_vectors[i].text, &rdata, &error), STATUS_OK);
        for (size_t maximum = 0; maximum < 40; maximum++) {
            buffer_t out;
            buffer_init(&out, maximum);
            rdata_to_text(good_vectors[i].type, CLASS_IN, rdata.data, rdata.size, &out);
            assert_true(out.size <= maximum);
            buffer_clear(&out);
        }
    }
}

static void a_small_writer_is_not_overrun(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_vectors); i++) {
        for (size_t size = 0; size < 48; size++) {
            uint8_t *data = malloc(size > 0 ? size : 1);
            assert_non_null(data);
            byte_writer_t writer = byte_writer(data, size);
            rdata_error_t error;
            const char *text = good_vectors[i].text;
            status_t status = rdata_from_line(good_vectors[i].type, CLASS_IN, text, strlen(text), origin, &writer, &error);
            assert_true(status == STATUS_OK || error.message[0] != 0);
            free(data);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_becomes_wire_and_text_again),
        cmocka_unit_test(good_records_are_read_in_generic_form_too),
        cmocka_unit_test(bad_text_is_refused_and_explained),
        cmocka_unit_test(errors_point_into_the_token),
        cmocka_unit_test(relative_names_need_an_origin),
        cmocka_unit_test(strings_have_up_to_255_octets),
        cmocka_unit_test(rdata_has_up_to_65535_octets),
        cmocka_unit_test(service_parameters_do_not_overflow),
        cmocka_unit_test(many_service_parameters_are_put_in_order),
        cmocka_unit_test(damaged_wire_data_is_handled),
        cmocka_unit_test(malformed_wire_data_is_refused),
        cmocka_unit_test(no_data_is_data_only_in_update_classes),
        cmocka_unit_test(chaosnet_addresses_are_a_name_and_an_octal_number),
        cmocka_unit_test(names_are_expanded_where_their_type_allows),
        cmocka_unit_test(rdata_past_the_end_of_the_message_is_refused),
        cmocka_unit_test(canonical_form_lowers_the_names_of_old_types_only),
        cmocka_unit_test(canonical_order_is_that_of_octet_strings),
        cmocka_unit_test(names_are_found_one_after_the_other),
        cmocka_unit_test(bitmaps_are_searched),
        cmocka_unit_test(printing_reports_a_full_buffer),
        cmocka_unit_test(a_small_writer_is_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
