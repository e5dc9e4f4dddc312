/* Names: reading, text, order, keys, substitution. */
#include "../lib/random.h"
#include "base/require.h"
#include "wire/name.h"
#include "wire/name_fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static name_t from_text(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    assert_int_equal(name.length, name_length(name.wire));
    assert_int_equal(name.labels, name_labels(name.wire));
    return name;
}

/* ---- text ---- */

static void text_goes_to_wire_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wire, *back;
        size_t length;
    } cases[] = {
        {".", "\0", ".", 1},
        {"example.com.", "\7example\3com\0", "example.com.", 13},
        {"Example.COM.", "\7Example\3COM\0", "Example.COM.", 13},
        {"a\\.b.c.", "\3a.b\1c\0", "a\\.b.c.", 7},
        {"\\000\\255\\032.x.", "\3\0\377 \1x\0", "\\000\\255\\032.x.", 7},
        {"\\097\\b.", "\2ab\0", "ab.", 4},
        {"\\\"\\(\\)\\;\\\\\\@\\$.", "\7\"();\\@$\0", "\\\"\\(\\)\\;\\\\\\@\\$.", 9},
        {"*._tcp.", "\1*\4_tcp\0", "*._tcp.", 8},
        {"\\@.", "\1@\0", "\\@.", 3},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        name_t name = from_text(cases[i].text);
        char text[NAME_TEXT_MAX];
        assert_int_equal(name.length, cases[i].length);
        assert_memory_equal(name.wire, cases[i].wire, cases[i].length);
        assert_int_equal(name_to_text(name.wire, text), strlen(cases[i].back));
        assert_string_equal(text, cases[i].back);
    }
}

static void relative_text_takes_the_origin(void **state)
{
    (void)state;
    name_t origin = from_text("Example.com.");
    name_t name;
    assert_int_equal(name_from_text(&name, "www", 3, origin.wire, NULL), STATUS_OK);
    assert_true(name_equal(name.wire, from_text("www.Example.com.").wire));
    assert_int_equal(name.labels, 3);
    assert_int_equal(name_from_text(&name, "@", 1, origin.wire, NULL), STATUS_OK);
    assert_memory_equal(name.wire, origin.wire, origin.length);
    assert_int_equal(name_from_text(&name, "www.", 4, origin.wire, NULL), STATUS_OK);
    assert_int_equal(name.labels, 1);
    assert_int_equal(name_from_text(&name, "www\\.", 5, origin.wire, NULL), STATUS_OK);
    assert_int_equal(name.labels, 3);
}

static void broken_text_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        status_t status;
        size_t at;
    } cases[] = {
        {"", STATUS_MALFORMED, 0},     {"..", STATUS_MALFORMED, 0},      {".a.", STATUS_MALFORMED, 0},   {"a..b.", STATUS_MALFORMED, 2},
        {"ab\\", STATUS_MALFORMED, 2}, {"ab\\25.", STATUS_MALFORMED, 2}, {"ab\\2", STATUS_MALFORMED, 2}, {"ab\\256.", STATUS_MALFORMED, 2},
        {"www", STATUS_INVALID, 0},    {"@", STATUS_INVALID, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        name_t name;
        size_t at = 999;
        assert_int_equal(name_from_text(&name, cases[i].text, strlen(cases[i].text), NULL, &at), cases[i].status);
        assert_int_equal(at, cases[i].at);
    }
}

/* A name of `labels` labels of `length` octets each, as text with the final dot. */
static size_t repeat_label(char *text, unsigned labels, size_t length)
{
    size_t used = 0;
    for (unsigned i = 0; i < labels; i++) {
        memset(text + used, 'a', length);
        used += length;
        text[used++] = '.';
    }
    return used;
}

static void limits_hold_exactly(void **state)
{
    (void)state;
    char text[NAME_TEXT_MAX * 2];
    name_t name;
    size_t at = 0;
    size_t length = repeat_label(text, 1, 63);
    assert_int_equal(name_from_text(&name, text, length, NULL, NULL), STATUS_OK);
    length = repeat_label(text, 1, 64);
    assert_int_equal(name_from_text(&name, text, length, NULL, &at), STATUS_LIMIT);
    assert_int_equal(at, 63);
    length = repeat_label(text, 127, 1);
    assert_int_equal(name_from_text(&name, text, length, NULL, NULL), STATUS_OK);
    assert_int_equal(name.length, 255);
    assert_int_equal(name.labels, 127);
    length = repeat_label(text, 128, 1);
    assert_int_equal(name_from_text(&name, text, length, NULL, NULL), STATUS_LIMIT);

    /* 3 * 64 + 62 + 1 = 255, then one octet more. */
    length = repeat_label(text, 3, 63);
    length += repeat_label(text + length, 1, 61);
    assert_int_equal(name_from_text(&name, text, length, NULL, NULL), STATUS_OK);
    assert_int_equal(name.length, 255);
    name_t origin = from_text("b.");
    assert_int_equal(name_from_text(&name, text, length - 1, origin.wire, NULL), STATUS_LIMIT);
    length = repeat_label(text, 3, 63);
    length += repeat_label(text + length, 1, 62);
    assert_int_equal(name_from_text(&name, text, length, NULL, NULL), STATUS_LIMIT);
}

static void longest_text_fits(void **state)
{
    (void)state;
    name_t name = {.length = 0};
    for (size_t i = 0; i < 4; i++) {
        name.wire[i * 64] = i < 3 ? 63 : 61;
    }
    char text[NAME_TEXT_MAX];
    size_t length = name_to_text(name.wire, text);
    assert_int_equal(length, 250 * 4 + 4);
    name_t again;
    assert_int_equal(name_from_text(&again, text, length, NULL, NULL), STATUS_OK);
    assert_memory_equal(again.wire, name.wire, 255);
}

static void random_names_survive_text(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        name_t name = {.length = 0};
        size_t used = 0;
        while (random_below(&seed, 5) != 0) {
            size_t length = 1 + random_below(&seed, (uint32_t)NAME_LABEL_MAX);
            if (used + length + 1 >= NAME_WIRE_MAX) {
                break;
            }
            name.wire[used++] = (uint8_t)length;
            for (size_t i = 0; i < length; i++) {
                name.wire[used++] = (uint8_t)random_next(&seed);
            }
        }
        name.wire[used++] = 0;
        char text[NAME_TEXT_MAX];
        name_t again;
        size_t length = name_to_text(name.wire, text);
        assert_int_equal(strlen(text), length);
        assert_int_equal(name_from_text(&again, text, length, NULL, NULL), STATUS_OK);
        assert_int_equal(again.length, used);
        assert_memory_equal(again.wire, name.wire, used);
        byte_reader_t reader = byte_reader(name.wire, used);
        assert_int_equal(name_read(&reader, &again), STATUS_OK);
        assert_int_equal(reader.position, used);
        assert_memory_equal(again.wire, name.wire, used);
    }
}

/* ---- reading from messages ---- */

static status_t read_at(const char *bytes, size_t size, size_t position, name_t *name, size_t *end)
{
    byte_reader_t reader = byte_reader(bytes, size);
    reader.position = position;
    status_t status = name_read(&reader, name);
    assert_int_equal(reader.failed, status != STATUS_OK);
    *end = reader.position;
    return status;
}

static void pointers_are_followed(void **state)
{
    (void)state;
    static const char message[] = "\3com\0\7example\300\0\3WWW\300\5\300\17";
    size_t size = sizeof message - 1;
    name_t name;
    size_t end;
    assert_int_equal(read_at(message, size, 0, &name, &end), STATUS_OK);
    assert_int_equal(end, 5);
    assert_int_equal(read_at(message, size, 15, &name, &end), STATUS_OK);
    assert_int_equal(end, 21);
    assert_int_equal(name.labels, 3);
    assert_memory_equal(name.wire, "\3WWW\7example\3com", 17);
    assert_int_equal(read_at(message, size, 21, &name, &end), STATUS_OK);
    assert_int_equal(end, 23);
    assert_int_equal(name.length, 17);

    byte_reader_t reader = byte_reader(message, size);
    reader.position = 5;
    assert_int_equal(name_read_uncompressed(&reader, &name), STATUS_MALFORMED);
    assert_int_equal(reader.position, 5);
}

static void broken_wire_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size, position;
    } cases[] = {
        {"", 0, 0},
        {"\3com", 4, 0},          /* no root */
        {"\3co", 3, 0},           /* cut label */
        {"\300", 1, 0},           /* half a pointer */
        {"\300\0", 2, 0},         /* itself */
        {"\1a\300\0", 4, 0},      /* its own beginning */
        {"\1a\300\2", 4, 0},      /* itself, behind a label */
        {"\300\2\0", 3, 0},       /* forward */
        {"\100abc\0", 5, 0},      /* label type 01 */
        {"\200abc\0", 5, 0},      /* label type 10 */
        {"\300\3\0\300\0", 5, 3}, /* back, then forward: a loop */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        name_t name;
        size_t end;
        assert_int_equal(read_at(cases[i].bytes, cases[i].size, cases[i].position, &name, &end), STATUS_MALFORMED);
        assert_int_equal(end, cases[i].position);
    }
}

static void chains_of_pointers_are_bounded(void **state)
{
    (void)state;
    uint8_t message[1 + 2 * 200] = {0};
    for (size_t i = 0; i < 200; i++) {
        store_be16(message + 1 + 2 * i, (uint16_t)(0xc000u | (i == 0 ? 0 : 2 * i - 1)));
    }
    name_t name;
    size_t end;
    assert_int_equal(read_at((const char *)message, sizeof message, 1 + 2 * 125, &name, &end), STATUS_OK);
    assert_int_equal(name.length, 1);
    assert_int_equal(read_at((const char *)message, sizeof message, 1 + 2 * 126, &name, &end), STATUS_MALFORMED);
}

static void long_names_out_of_pointers_are_refused(void **state)
{
    (void)state;
    /* Label after label, each followed by a pointer to the one before: 64 bytes more each time. */
    uint8_t message[512] = {0};
    size_t used = 1, last = 0;
    for (int i = 0; i < 4; i++) {
        size_t begin = used;
        message[used] = 63;
        used += 64;
        store_be16(message + used, (uint16_t)(0xc000u | last));
        used += 2;
        last = begin;
    }
    name_t name;
    size_t end;
    assert_int_equal(read_at((const char *)message, used, last - 66, &name, &end), STATUS_OK);
    assert_int_equal(name.length, 3 * 64 + 1);
    assert_int_equal(read_at((const char *)message, used, last, &name, &end), STATUS_MALFORMED);
    message[last + 2] = 61; /* a label of 61 that begins two bytes later: 255 bytes in all */
    assert_int_equal(read_at((const char *)message, used, last + 2, &name, &end), STATUS_OK);
    assert_int_equal(name.length, 255);
    message[last + 1] = 62;
    assert_int_equal(read_at((const char *)message, used, last + 1, &name, &end), STATUS_MALFORMED);
}

/* ---- order and equality ---- */

static void order_is_canonical(void **state)
{
    (void)state;
    /* The example of RFC 4034 6.1, with the root and a prefix case added. */
    static const char *const sorted[] = {
        ".",          "example.",         "a.example.",   "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.",
        "z.example.", "\\001.z.example.", "*.z.example.", "\\200.z.example.",    "zz.example."};
    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
            int order = name_compare(from_text(sorted[i]).wire, from_text(sorted[j]).wire);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(name_equal(from_text(sorted[i]).wire, from_text(sorted[j]).wire), i == j);
        }
    }
    assert_int_equal(name_compare(from_text("A.B.").wire, from_text("a.b.").wire), 0);
    assert_true(name_equal(from_text("wWw.eXample.").wire, from_text("WwW.ExaMPLE.").wire));
    assert_false(name_equal(from_text("a.b.").wire, from_text("a\\.b.").wire));
    assert_false(name_equal(from_text("@.").wire, from_text("`.").wire)); /* 0x40 and 0x60: not letters */
    assert_false(name_equal(from_text("[.").wire, from_text("{.").wire));
}

static void ancestors_are_recognised(void **state)
{
    (void)state;
    name_t name = from_text("www.Example.com.");
    assert_true(name_is_at_or_below(name.wire, name.wire));
    assert_true(name_is_at_or_below(name.wire, from_text("eXAMPLE.com.").wire));
    assert_true(name_is_at_or_below(name.wire, from_text(".").wire));
    assert_false(name_is_at_or_below(name.wire, from_text("ample.com.").wire));
    assert_false(name_is_at_or_below(name.wire, from_text("a.www.example.com.").wire));
    assert_ptr_equal(name_suffix(name.wire, 3), name.wire);
    assert_ptr_equal(name_suffix(name.wire, 1), name.wire + 12);
    assert_ptr_equal(name_suffix(name.wire, 0), name.wire + 16);
    assert_true(name_is_wildcard(from_text("*.a.").wire));
    assert_false(name_is_wildcard(from_text("**.a.").wire));
    assert_false(name_is_wildcard(from_text("a.*.").wire));
    assert_false(name_is_wildcard(from_text(".").wire));
}

static void dname_substitution_stays_within_255(void **state)
{
    (void)state;
    name_t name = from_text("a.b.old.example.");
    name_t result;
    assert_int_equal(name_substitute(&result, name.wire, 2, from_text("new.test.").wire), STATUS_OK);
    assert_true(name_equal(result.wire, from_text("a.b.new.test.").wire));
    assert_int_equal(result.labels, 4);
    assert_int_equal(result.length, name_length(result.wire));
    assert_int_equal(name_substitute(&name, name.wire, 2, name_suffix(name.wire, 1)), STATUS_OK); /* in place */
    assert_true(name_equal(name.wire, from_text("a.b.example.").wire));

    char text[NAME_TEXT_MAX];
    name_t longest;
    size_t length = repeat_label(text, 3, 63);
    length += repeat_label(text + length, 1, 59);
    assert_int_equal(name_from_text(&longest, text, length, NULL, NULL), STATUS_OK);
    assert_int_equal(longest.length, 253);
    assert_int_equal(name_substitute(&result, from_text("a.x.").wire, 1, longest.wire), STATUS_OK);
    assert_int_equal(result.length, 255);
    assert_int_equal(name_substitute(&result, from_text("ab.x.").wire, 1, longest.wire), STATUS_LIMIT);
}

/* ---- keys, hashes, case ---- */

static void every_octet_folds_rightly(void **state)
{
    (void)state;
    for (unsigned octet = 0; octet < 256; octet++) {
        uint8_t expected = (uint8_t)(octet >= 'A' && octet <= 'Z' ? octet + 32 : octet);
        for (size_t at = 0; at < NAME_FOLD_BLOCK; at++) {
            uint8_t block[NAME_FOLD_BLOCK] = {0};
            block[at] = (uint8_t)octet;
            name_fold_block(block, block);
            for (size_t i = 0; i < NAME_FOLD_BLOCK; i++) {
                assert_int_equal(block[i], i == at ? expected : 0);
            }
        }
        assert_int_equal(name_fold_byte((uint8_t)octet), expected);
    }
    uint8_t bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    name_lower(bytes, 19);
    assert_string_equal(bytes, "abcdefghijklmnopqrsTUVWXYZ");
}

static void keys_agree_with_the_plain_functions(void **state)
{
    (void)state;
    uint64_t seed = 2;
    name_key_t key; /* used again and again: nothing of the name before may show */
    memset(&key, 0xee, sizeof key);
    for (int round = 0; round < 3000; round++) {
        uint8_t *wire = malloc(NAME_WIRE_MAX);
        assert_non_null(wire);
        size_t used = 0;
        unsigned labels = 0;
        size_t longest = round % 3 == 0 ? 1 : NAME_LABEL_MAX;
        while (random_below(&seed, 40) != 0) {
            size_t length = 1 + random_below(&seed, (uint32_t)longest);
            if (used + length + 1 >= NAME_WIRE_MAX) {
                break;
            }
            wire[used++] = (uint8_t)length;
            for (size_t i = 0; i < length; i++) {
                wire[used++] = (uint8_t)random_next(&seed);
            }
            labels++;
        }
        wire[used++] = 0;
        uint8_t *exact = realloc(wire, used); /* so that AddressSanitizer sees a read behind the name */
        assert_non_null(exact);
        name_key_init(&key, exact, used);
        assert_int_equal(key.length, used);
        assert_int_equal(key.labels, labels);
        name_lower(exact, used);
        assert_memory_equal(key.wire, exact, used);
        for (unsigned i = 0; i <= labels; i++) {
            assert_ptr_equal(exact + key.offset[i], name_suffix(exact, i));
            assert_true(key.hash[i] == name_hash(exact + key.offset[i]));
        }
        for (size_t cut = 0; cut < used; cut++) {
            assert_int_equal(name_key_read(&key, exact, cut), 0);
        }
        free(exact);
    }
}

static void keys_are_checked(void **state)
{
    (void)state;
    static name_key_t key;
    assert_int_equal(name_key_read(&key, (const uint8_t *)"\1a\300\0", 4), 0);
    assert_int_equal(name_key_read(&key, (const uint8_t *)"\100a\0", 3), 0);
    assert_int_equal(name_key_read(&key, (const uint8_t *)"\0\0", 2), 1);
    assert_int_equal(key.labels, 0);
    uint8_t wire[300] = {0};
    for (size_t i = 0; i < 254; i += 2) {
        wire[i] = 1;
    }
    assert_int_equal(name_key_read(&key, wire, sizeof wire), 255);
    assert_int_equal(key.labels, 127);
    wire[252] = 2; /* 256 bytes */
    assert_int_equal(name_key_read(&key, wire, sizeof wire), 0);
}

static void similar_names_hash_apart(void **state)
{
    (void)state;
    static const char *const names[] = {".",      "a.",     "b.",     "aa.",       "a\\000.",  "\\000.",     "\\000\\000.",    "a.a.",
                                        "a.b.",   "b.a.",   "ab.",    "abcdefgh.", "abcdefg.", "abcdefghi.", "abcdefgh\\000.", "a.bcdefgh.",
                                        "ab.cd.", "abc.d.", "cd.ab.", "\\001a.",   "1.0.",     "0.1."};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(name_hash(from_text(names[i]).wire) != name_hash(from_text(names[j]).wire));
        }
    }
    /* Low bits of sequential names spread: at most a few of 4,096 in one of 4,096 buckets. */
    static unsigned bucket[2][4096];
    for (unsigned i = 0; i < 4096; i++) {
        uint8_t label[8] = {'h',
                            'o',
                            's',
                            't',
                            (uint8_t)('0' + i / 1000),
                            (uint8_t)('0' + i / 100 % 10),
                            (uint8_t)('0' + i / 10 % 10),
                            (uint8_t)('0' + i % 10)};
        uint64_t hash = name_hash_label(NAME_HASH_ROOT, label, sizeof label);
        assert_true(++bucket[0][hash % 4096] < 12);
        assert_true(++bucket[1][hash >> 52] < 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_goes_to_wire_and_back),
        cmocka_unit_test(relative_text_takes_the_origin),
        cmocka_unit_test(broken_text_is_refused_with_its_place),
        cmocka_unit_test(limits_hold_exactly),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(random_names_survive_text),
        cmocka_unit_test(pointers_are_followed),
        cmocka_unit_test(broken_wire_is_refused),
        cmocka_unit_test(chains_of_pointers_are_bounded),
        cmocka_unit_test(long_names_out_of_pointers_are_refused),
        cmocka_unit_test(order_is_canonical),
        cmocka_unit_test(ancestors_are_recognised),
        cmocka_unit_test(dname_substitution_stays_within_255),
        cmocka_unit_test(every_octet_folds_rightly),
        cmocka_unit_test(keys_agree_with_the_plain_functions),
        cmocka_unit_test(keys_are_checked),
        cmocka_unit_test(similar_names_hash_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
