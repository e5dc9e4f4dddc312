/* Whole messages: parsing, building, and the one against the other. */
#include "base/require.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ARENA_MAX = 8 * 1024 * 1024 };

static name_t from_text(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    return name;
}

static status_t add_record(message_writer_t *writer, section_t section, const char *owner, uint16_t type, const char *text)
{
    uint8_t rdata[4096];
    byte_writer_t bytes = byte_writer(rdata, sizeof rdata);
    rdata_error_t error;
    assert_int_equal(rdata_from_line(type, CLASS_IN, text, strlen(text), NULL, &bytes, &error), STATUS_OK);
    return message_write_record(writer, section, from_text(owner).wire, type, CLASS_IN, 300, rdata, bytes.position);
}

static void assert_rdata(const record_t *record, const char *expected)
{
    buffer_t text;
    buffer_init(&text, 65536 * 5);
    rdata_to_text(record->type, record->rrclass, record->rdata, record->rdlength, &text);
    assert_string_equal(buffer_text(&text), expected);
    buffer_clear(&text);
}

static void assert_name(const uint8_t *wire, const char *expected)
{
    char text[NAME_TEXT_MAX];
    name_to_text(wire, text);
    assert_string_equal(text, expected);
}

static void built_messages_parse_back(void **state)
{
    (void)state;
    uint8_t out[1232];
    message_writer_t writer;
    arena_t arena;
    message_t message;
    message_writer_init(&writer, out, sizeof out, 7, FLAG_QR | FLAG_AA | RCODE_NXDOMAIN);
    message_write_question(&writer, from_text("WWW.Example.com.").wire, TYPE_MX, CLASS_IN);
    assert_int_equal(add_record(&writer, SECTION_ANSWER, "www.example.com.", TYPE_MX, "10 mail.example.com."), STATUS_OK);
    assert_int_equal(add_record(&writer, SECTION_AUTHORITY, "example.com.", TYPE_SOA, "ns1.example.com. h.example.com. 1 2 3 4 5"),
                     STATUS_OK);
    assert_int_equal(add_record(&writer, SECTION_ADDITIONAL, "mail.example.com.", TYPE_SRV, "1 2 3 mail.example.com."), STATUS_OK);
    assert_int_equal(message_write_opt(&writer, 1232, 1, 0, 0x8000, (const uint8_t *)"\0\3\0\2ns", 6), STATUS_OK);
    size_t size = message_writer_finish(&writer);
    /* SOA: both names shrink to a label and a pointer; SRV's target must not (RFC 2782). */
    assert_int_equal(size, 12 + 21 + (2 + 10 + 2 + 7) + (2 + 10 + 6 + 4 + 20) + (2 + 10 + 6 + 18) + 11 + 6);

    arena_init(&arena, 0, ARENA_MAX);
    assert_int_equal(message_parse(&message, out, size, &arena), STATUS_OK);
    assert_int_equal(message.id, 7);
    assert_int_equal(message.rcode, 16 + RCODE_NXDOMAIN);
    assert_int_equal(message.question_count, 1);
    assert_name(message.question_name, "WWW.Example.com.");
    assert_int_equal(message.question_type, TYPE_MX);
    assert_int_equal(message.count[SECTION_ANSWER], 1);
    assert_int_equal(message.count[SECTION_AUTHORITY], 1);
    assert_int_equal(message.count[SECTION_ADDITIONAL], 1);
    assert_name(message.records[SECTION_ANSWER][0].owner, "WWW.Example.com.");
    assert_int_equal(message.records[SECTION_ANSWER][0].ttl_s, 300);
    assert_rdata(&message.records[SECTION_ANSWER][0], "10 mail.Example.com.");
    assert_rdata(&message.records[SECTION_AUTHORITY][0], "ns1.Example.com. h.Example.com. 1 2 3 4 5");
    assert_rdata(&message.records[SECTION_ADDITIONAL][0], "1 2 3 mail.example.com.");
    assert_true(message.edns.present && message.edns.dnssec_ok && message.edns.nsid_wanted);
    assert_int_equal(message.edns.options_size, 6);
    arena_clear(&arena);
}

/* For each capacity: what fits is there and parses; what does not fit leaves the message as it was. */
static void full_messages_stay_whole(void **state)
{
    (void)state;
    static const char *const targets[] = {"y.z.example.", "x.y.example.", "y.z.example."};
    uint8_t reference[512], out[512];
    message_writer_t writer;
    size_t ends[4];
    message_writer_init(&writer, reference, sizeof reference, 1, FLAG_QR);
    message_write_question(&writer, from_text("a.example.").wire, TYPE_NS, CLASS_IN);
    for (size_t i = 0; i < 4; i++) {
        ends[i] = writer.bytes.position;
        if (i < 3) {
            assert_int_equal(add_record(&writer, SECTION_ANSWER, "a.example.", TYPE_NS, targets[i]), STATUS_OK);
        }
    }
    for (size_t capacity = 0; capacity <= ends[3]; capacity++) {
        uint8_t *exact = malloc(capacity > 0 ? capacity : 1);
        assert_non_null(exact);
        message_writer_init(&writer, exact, capacity, 1, FLAG_QR);
        message_write_question(&writer, from_text("a.example.").wire, TYPE_NS, CLASS_IN);
        unsigned written = 0;
        while (written < 3 && add_record(&writer, SECTION_ANSWER, "a.example.", TYPE_NS, targets[written]) == STATUS_OK) {
            written++;
        }
        assert_int_equal(written, (capacity >= ends[1]) + (capacity >= ends[2]) + (capacity >= ends[3]));
        size_t size = message_writer_finish(&writer);
        assert_int_equal(size, capacity >= ends[0] ? ends[written] : 0);
        if (size > 0) {
            memcpy(out, exact, size);
            store_be16(out + 6, 3);
            store_be16(reference + 4, 1);
            store_be16(reference + 6, 3);
            assert_memory_equal(out, reference, size);
        }
        free(exact);
    }
}

/* More suffixes than the table holds, and names out of a pointer's reach, still make a right message. */
static void compression_is_bounded(void **state)
{
    (void)state;
    static uint8_t out[MESSAGE_MAX];
    message_writer_t writer;
    message_t message;
    arena_t arena;
    char text[64];
    enum { RECORDS = 700 };
    message_writer_init(&writer, out, sizeof out, 1, FLAG_QR);
    for (unsigned i = 0; i < RECORDS; i++) {
        snprintf(text, sizeof text, "n%u.a-rather-long-label-%u.example.", i, i);
        assert_int_equal(add_record(&writer, SECTION_ANSWER, text, TYPE_PTR, text), STATUS_OK);
        assert_true(writer.suffix_count <= COMPRESSION_ENTRIES_MAX);
    }
    size_t size = message_writer_finish(&writer);
    assert_true(size > 0x8000);
    arena_init(&arena, 0, ARENA_MAX);
    assert_int_equal(message_parse(&message, out, size, &arena), STATUS_OK);
    assert_int_equal(message.count[SECTION_ANSWER], RECORDS);
    for (unsigned i = 0; i < RECORDS; i++) {
        snprintf(text, sizeof text, "n%u.a-rather-long-label-%u.example.", i, i);
        assert_name(message.records[SECTION_ANSWER][i].owner, text);
        assert_rdata(&message.records[SECTION_ANSWER][i], text);
    }
    arena_clear(&arena);
}

static status_t parse_hex(const char *bytes, size_t size, message_t *message, arena_t *arena)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    arena_init(arena, 4096, ARENA_MAX);
    status_t status = message_parse(message, exact, size, arena);
    free(exact);
    return status;
}

#define HEADER(qd, an, ns, ar) "\0\1\200\0\0" qd "\0" an "\0" ns "\0" ar
#define OPT                    "\0\0\51\4\320\0\0\0\0\0\0"
#define TSIG                   "\0\0\372\0\377\0\0\0\0\0\25\3mac\0\0\0\0\0\0\1\1\54\0\0\0\1\0\0\0\0"

static void structure_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        status_t status;
    } cases[] = {
#define CASE(text, status) {text, sizeof(text) - 1, status}
        CASE("", STATUS_MALFORMED),
        CASE("\0\1\200\0\0\0\0\0\0\0\0", STATUS_MALFORMED),
        CASE(HEADER("\0", "\0", "\0", "\0"), STATUS_OK),
        CASE(HEADER("\0", "\0", "\0", "\0") "x", STATUS_MALFORMED),
        CASE(HEADER("\1", "\0", "\0", "\0") "\0\0\1\0\1", STATUS_OK),
        CASE(HEADER("\2", "\0", "\0", "\0") "\0\0\1\0\1\300\14\0\1\0\1", STATUS_OK),
        CASE(HEADER("\1", "\0", "\0", "\0") "\0\0\1\0", STATUS_MALFORMED),
        CASE(HEADER("\0", "\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\4abcd", STATUS_OK),
        CASE(HEADER("\0", "\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\3abc", STATUS_MALFORMED),
        CASE(HEADER("\0", "\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\4abc", STATUS_MALFORMED),
        CASE(HEADER("\0", "\2", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\4abcd", STATUS_MALFORMED),
        CASE(HEADER("\0", "\1", "\0", "\0") "\0\0\1\0\1\0\0\0\0\0\0", STATUS_MALFORMED),
        CASE(HEADER("\0", "\0", "\0", "\1") OPT, STATUS_OK),
        CASE(HEADER("\0", "\0", "\0", "\2") OPT OPT, STATUS_MALFORMED),
        CASE(HEADER("\0", "\1", "\0", "\0") OPT, STATUS_MALFORMED),
        CASE(HEADER("\0", "\0", "\0", "\1") "\1x" OPT, STATUS_MALFORMED),
        CASE(HEADER("\0", "\0", "\0", "\1") "\0\0\51\4\320\0\0\0\0\0\4\0\3\0\1", STATUS_MALFORMED),
        CASE(HEADER("\0", "\0", "\0", "\2") OPT TSIG, STATUS_OK),
        CASE(HEADER("\0", "\0", "\0", "\2") TSIG OPT, STATUS_MALFORMED),
        CASE(HEADER("\0", "\0", "\1", "\0") TSIG, STATUS_MALFORMED),
#undef CASE
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        message_t message;
        arena_t arena;
        assert_int_equal(parse_hex(cases[i].bytes, cases[i].size, &message, &arena), cases[i].status);
        arena_clear(&arena);
    }
}

static void details_are_kept(void **state)
{
    (void)state;
    static const char bytes[] = HEADER("\0", "\1", "\0", "\2") "\0\0\20\0\1\377\0\0\0\0\2\1x" OPT TSIG;
    message_t message;
    arena_t arena;
    assert_int_equal(parse_hex(bytes, sizeof bytes - 1, &message, &arena), STATUS_OK);
    assert_int_equal(message.records[SECTION_ANSWER][0].ttl_s, 0); /* RFC 2181 8 */
    assert_int_equal(message.tsig_offset, 12 + 13 + 11);
    assert_int_equal(message.count[SECTION_ADDITIONAL], 1);
    assert_int_equal(message.records[SECTION_ADDITIONAL][0].type, TYPE_TSIG);
    assert_true(message.edns.present);
    assert_null(message.question_name);
    arena_clear(&arena);

    /* UPDATE deletes with records of class ANY and no rdata (RFC 2136 2.5.2); the same in an answer is broken. */
    static const char update[] = "\0\1\50\0\0\1\0\0\0\1\0\0\0\0\6\0\1\0\0\1\0\377\0\0\0\0\0\0";
    assert_int_equal(parse_hex(update, sizeof update - 1, &message, &arena), STATUS_OK);
    assert_int_equal(message.count[SECTION_AUTHORITY], 1);
    assert_int_equal(message.records[SECTION_AUTHORITY][0].rdlength, 0);
    arena_clear(&arena);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    static const char bytes[] = HEADER("\1", "\1", "\0", "\0") "\0\0\1\0\1\0\0\1\0\1\0\0\0\0\0\4abcd";
    bool fitted = false;
    for (size_t maximum = 0; maximum < 4096; maximum += 64) {
        message_t message;
        arena_t arena;
        arena_init(&arena, 64, maximum);
        status_t status = message_parse(&message, (const uint8_t *)bytes, sizeof bytes - 1, &arena);
        assert_true(status == STATUS_OK || status == STATUS_NO_MEMORY);
        assert_true(arena.total <= maximum);
        assert_true(!fitted || status == STATUS_OK);
        fitted = status == STATUS_OK;
        arena_clear(&arena);
    }
    assert_true(fitted);
    /* A count that cannot be true allocates nothing for itself. */
    static const char lie[] = "\0\1\200\0\0\0\377\377\0\0\0\0\0\0\1\0\1\0\0\0\0\0\4abcd";
    message_t message;
    arena_t arena;
    assert_int_equal(parse_hex(lie, sizeof lie - 1, &message, &arena), STATUS_MALFORMED);
    assert_true(arena.total <= 4096);
    arena_clear(&arena);
}

static void texts_of_codes(void **state)
{
    (void)state;
    char expected[32];
    assert_string_equal(rcode_text(0), "NOERROR");
    assert_string_equal(rcode_text(3), "NXDOMAIN");
    assert_string_equal(rcode_text(16), "BADVERS");
    assert_string_equal(rcode_text(23), "BADCOOKIE");
    assert_string_equal(rcode_text(12), "RCODE12");
    for (uint16_t rcode = 24; rcode < 4096; rcode++) {
        snprintf(expected, sizeof expected, "RCODE%u", (unsigned)rcode);
        assert_string_equal(rcode_text(rcode), expected);
    }
    assert_non_null(rcode_text(UINT16_MAX));
    assert_string_equal(opcode_text(OPCODE_UPDATE), "UPDATE");
    assert_string_equal(opcode_text(15), "OPCODE15");
    assert_non_null(opcode_text(255));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_messages_parse_back),
        cmocka_unit_test(full_messages_stay_whole),
        cmocka_unit_test(compression_is_bounded),
        cmocka_unit_test(structure_is_checked),
        cmocka_unit_test(details_are_kept),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(texts_of_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
