/* The server's query parser (wire/message.h, query_parse). */
#include "../lib/random.h"
#include "base/require.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- building requests ---- */

typedef struct request {
    uint8_t bytes[2048];
    byte_writer_t writer;
    query_t query;
} request_t;

static void begin(request_t *request, uint16_t flags, uint16_t qd, uint16_t an, uint16_t ns, uint16_t ar)
{
    request->writer = byte_writer(request->bytes, sizeof request->bytes);
    const uint16_t words[] = {0x1234, flags, qd, an, ns, ar};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        byte_write_u16(&request->writer, words[i]);
    }
}

static void put_name(request_t *request, const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    byte_write(&request->writer, name.wire, name.length);
}

static void put_question(request_t *request, const char *name, uint16_t type)
{
    put_name(request, name);
    byte_write_u16(&request->writer, type);
    byte_write_u16(&request->writer, CLASS_IN);
}

static void put_record(request_t *request, const char *owner, uint16_t type, uint16_t rrclass, uint32_t ttl_s, const char *rdata,
                       size_t rdlength)
{
    put_name(request, owner);
    byte_write_u16(&request->writer, type);
    byte_write_u16(&request->writer, rrclass);
    byte_write_u32(&request->writer, ttl_s);
    byte_write_u16(&request->writer, (uint16_t)rdlength);
    byte_write(&request->writer, rdata, rdlength);
}

#define PUT_OPT(request, ttl_s, options) put_record((request), ".", TYPE_OPT, 1232, (ttl_s), (options), sizeof(options) - 1)

static void same_edns(const edns_t *a, const edns_t *b)
{
    assert_int_equal(a->present, b->present);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->dnssec_ok, b->dnssec_ok);
    assert_int_equal(a->nsid_wanted, b->nsid_wanted);
    assert_int_equal(a->keepalive_wanted, b->keepalive_wanted);
    assert_int_equal(a->padding_wanted, b->padding_wanted);
    assert_int_equal(a->expire_wanted, b->expire_wanted);
    assert_int_equal(a->zoneversion_wanted, b->zoneversion_wanted);
    assert_int_equal(a->malformed, b->malformed);
    assert_int_equal(a->cookie_malformed, b->cookie_malformed);
    assert_int_equal(a->cookie_length, b->cookie_length);
    assert_memory_equal(a->cookie, b->cookie, sizeof a->cookie);
    assert_int_equal(a->udp_size, b->udp_size);
    assert_int_equal(a->extended_rcode, b->extended_rcode);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->options_size, b->options_size);
    assert_true((a->options == NULL) == (b->options == NULL));
}

static void same_query(const query_t *a, const query_t *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->opcode, b->opcode);
    assert_int_equal(a->rcode, b->rcode);
    assert_int_equal(a->has_question, b->has_question);
    assert_int_equal(a->has_tsig, b->has_tsig);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->rrclass, b->rrclass);
    assert_int_equal(a->question_size, b->question_size);
    assert_int_equal(a->tsig_offset, b->tsig_offset);
    assert_int_equal(a->ixfr_serial, b->ixfr_serial);
    assert_int_equal(a->has_ixfr_serial, b->has_ixfr_serial);
    assert_int_equal(a->name.length, b->name.length);
    assert_int_equal(a->name.labels, b->name.labels);
    assert_memory_equal(a->name.wire, b->name.wire, a->name.length);
    assert_memory_equal(a->name.offset, b->name.offset, a->name.labels + 1u);
    assert_memory_equal(a->name.hash, b->name.hash, (a->name.labels + 1u) * sizeof a->name.hash[0]);
    same_edns(&a->edns, &b->edns);
}

/* Parses a copy of exactly the request's size, into a struct full of other things and into an empty one: the same must come out. */
static query_verdict_t parse_bytes(query_t *query, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    query_t *other = calloc(1, sizeof *other);
    assert_true(copy && other);
    memcpy(copy, bytes, size);
    memset(query, 0xee, sizeof *query);
    query_verdict_t verdict = query_parse(query, copy, size);
    assert_int_equal(query_parse(other, copy, size), verdict);
    if (verdict == QUERY_ANSWER) {
        assert_ptr_equal(query->message, copy);
        assert_int_equal(query->size, size);
        same_query(query, other);
        /* From here on only the caller's bytes are there. */
        query->message = bytes;
        query->edns.options = query->edns.options ? bytes + (query->edns.options - copy) : NULL;
    }
    free(other);
    free(copy);
    return verdict;
}

static uint8_t parse(request_t *request)
{
    assert_false(request->writer.failed);
    assert_int_equal(parse_bytes(&request->query, request->bytes, request->writer.position), QUERY_ANSWER);
    return request->query.rcode;
}

/* ---- tests ---- */

static void plain_query(void **state)
{
    (void)state;
    request_t r;
    begin(&r, FLAG_RD | FLAG_CD | FLAG_AD | FLAG_Z, 1, 0, 0, 0);
    put_question(&r, "wWw.Example.COM.", TYPE_AAAA);
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_int_equal(r.query.id, 0x1234);
    assert_int_equal(r.query.flags, FLAG_RD | FLAG_CD | FLAG_AD | FLAG_Z);
    assert_int_equal(r.query.opcode, OPCODE_QUERY);
    assert_true(r.query.has_question);
    assert_int_equal(r.query.type, TYPE_AAAA);
    assert_int_equal(r.query.rrclass, CLASS_IN);
    assert_int_equal(r.query.question_size, 17 + 4);
    assert_memory_equal(r.query.name.wire, "\3www\7example\3com", 17);
    assert_int_equal(r.query.name.labels, 3);
    assert_false(r.query.edns.present);
    assert_false(r.query.has_tsig);
}

static void query_with_edns(void **state)
{
    (void)state;
    request_t r;
    begin(&r, 0, 1, 0, 0, 1);
    put_question(&r, ".", TYPE_NS);
    PUT_OPT(&r, 0x00008001,
            "\0\3\0\0"
            "\0\12\0\10cookie12"
            "\0\13\0\0"
            "\0\14\0\2\0\0"
            "\0\11\0\0"
            "\0\23\0\0"
            "\xfd\xe9\0\1x");
    assert_int_equal(parse(&r), RCODE_NOERROR);
    const edns_t *edns = &r.query.edns;
    assert_true(edns->present && edns->dnssec_ok && edns->nsid_wanted && edns->keepalive_wanted && edns->padding_wanted &&
                edns->expire_wanted && edns->zoneversion_wanted);
    assert_false(edns->malformed || edns->cookie_malformed);
    assert_int_equal(edns->udp_size, 1232);
    assert_int_equal(edns->flags, 0x8001);
    assert_int_equal(edns->cookie_length, 8);
    assert_memory_equal(edns->cookie, "cookie12", 8);
    assert_ptr_equal(edns->options, r.bytes + r.writer.position - edns->options_size);
    assert_int_equal(r.query.name.labels, 0);
    assert_int_equal(r.query.question_size, 5);
}

static void small_udp_sizes_count_as_512(void **state)
{
    (void)state;
    request_t r;
    for (unsigned size = 510; size < 514; size++) {
        begin(&r, 0, 1, 0, 0, 1);
        put_question(&r, "a.", TYPE_A);
        put_record(&r, ".", TYPE_OPT, (uint16_t)size, 0, "", 0);
        assert_int_equal(parse(&r), RCODE_NOERROR);
        assert_int_equal(r.query.edns.udp_size, size < 512 ? 512 : size);
    }
}

static void responses_and_fragments_are_dropped(void **state)
{
    (void)state;
    static request_t r;
    begin(&r, FLAG_QR, 1, 0, 0, 0);
    put_question(&r, "a.", TYPE_A);
    assert_int_equal(parse_bytes(&r.query, r.bytes, r.writer.position), QUERY_DROP);
    begin(&r, 0, 1, 0, 0, 0);
    for (size_t size = 0; size < MESSAGE_HEADER_SIZE; size++) {
        assert_int_equal(parse_bytes(&r.query, r.bytes, size), QUERY_DROP);
    }
    assert_int_equal(parse_bytes(&r.query, r.bytes, MESSAGE_HEADER_SIZE), QUERY_ANSWER);
    assert_int_equal(r.query.rcode, RCODE_FORMERR);
}

/* Every opcode, with nothing but a header, with a question, with a question and OPT. */
static void opcodes(void **state)
{
    (void)state;
    request_t r;
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        bool known = opcode == OPCODE_QUERY || opcode == OPCODE_NOTIFY || opcode == OPCODE_UPDATE;
        uint16_t flags = (uint16_t)(opcode << 11);
        begin(&r, flags, 0, 0, 0, 0);
        assert_int_equal(parse(&r), known ? RCODE_FORMERR : RCODE_NOTIMP);
        assert_int_equal(r.query.opcode, opcode);
        assert_false(r.query.has_question);
        begin(&r, flags, 1, 0, 0, 0);
        put_question(&r, "a.example.", TYPE_SOA);
        assert_int_equal(parse(&r), known ? RCODE_NOERROR : RCODE_NOTIMP);
        assert_true(r.query.has_question);
        begin(&r, flags, 1, 0, 0, 1);
        put_question(&r, "a.example.", TYPE_SOA);
        PUT_OPT(&r, 0, "");
        assert_int_equal(parse(&r), known ? RCODE_NOERROR : RCODE_NOTIMP);
        assert_true(r.query.edns.present);
        /* A body in a form we do not know. */
        begin(&r, flags, 7, 0, 3, 0);
        byte_write(&r.writer, "\xff\xff garbage", 10);
        assert_int_equal(parse(&r), known ? RCODE_FORMERR : RCODE_NOTIMP);
        assert_false(r.query.has_question || r.query.edns.present);
    }
}

static void question_counts_other_than_one(void **state)
{
    (void)state;
    request_t r;
    begin(&r, 0, 2, 0, 0, 0);
    put_question(&r, "a.", TYPE_A);
    put_question(&r, "b.", TYPE_A);
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_false(r.query.has_question);
    begin(&r, 0, 0, 0, 0, 0);
    assert_int_equal(parse(&r), RCODE_FORMERR);
    begin(&r, 0, 0, 0, 0, 1);
    PUT_OPT(&r, 0, "");
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_true(r.query.edns.present);
    begin(&r, 0, 0, 0, 0, 1);
    PUT_OPT(&r, 0, "\0\12\0\10cookie12"); /* RFC 7873 5.4: only a cookie is asked for */
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_false(r.query.has_question);
    assert_int_equal(r.query.edns.cookie_length, 8);
    begin(&r, 0, 0, 0, 0, 1);
    PUT_OPT(&r, 0x00010000, "\0\12\0\10cookie12");
    assert_int_equal(parse(&r), RCODE_BADVERS);
    begin(&r, OPCODE_NOTIFY << 11, 0, 0, 0, 1);
    PUT_OPT(&r, 0, "\0\12\0\10cookie12");
    assert_int_equal(parse(&r), RCODE_FORMERR);
    begin(&r, OPCODE_UPDATE << 11, 2, 0, 0, 0);
    put_question(&r, "a.", TYPE_SOA);
    put_question(&r, "b.", TYPE_SOA);
    assert_int_equal(parse(&r), RCODE_FORMERR);
}

static void broken_questions(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"", 0},
        {"\0", 1},
        {"\0\0\1\0", 4},
        {"\1a", 2},
        {"\1a\300\14\0\1\0\1", 8},
        {"\300\14\0\1\0\1", 6},
        {"\300\0\0\1\0\1", 6},
        {"\100a\0\0\1\0\1", 7},
        {"\200a\0\0\1\0\1", 7},
    };
    request_t r;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(&r, 0, 1, 0, 0, 0);
        byte_write(&r.writer, cases[i].bytes, cases[i].size);
        assert_int_equal(parse(&r), RCODE_FORMERR);
        assert_false(r.query.has_question);
        assert_int_equal(r.query.name.length, 1);
    }
    /* 255 bytes are a name, 256 are not. */
    for (uint8_t last = 61; last < 63; last++) {
        begin(&r, 0, 1, 0, 0, 0);
        for (uint8_t i = 0; i < 4; i++) {
            uint8_t length = i < 3 ? 63 : last;
            byte_write_u8(&r.writer, length);
            memset(byte_reserve(&r.writer, length), 'A', length);
        }
        byte_write(&r.writer, "\0\0\1\0\1", 5);
        assert_int_equal(parse(&r), last == 61 ? RCODE_NOERROR : RCODE_FORMERR);
    }
}

/* Each cut and each byte too many of a query with everything is an error that still knows its question. */
static void cuts_and_trailing_bytes(void **state)
{
    (void)state;
    request_t r;
    begin(&r, 0, 1, 1, 1, 2);
    put_question(&r, "a.example.", TYPE_A);
    size_t question_end = r.writer.position;
    put_record(&r, "a.example.", TYPE_A, CLASS_IN, 1, "abcd", 4);
    put_record(&r, "b.example.", TYPE_TXT, CLASS_IN, 1, "\3abc", 4);
    PUT_OPT(&r, 0, "\0\12\0\10cookie12");
    size_t opt_end = r.writer.position;
    put_record(&r, "key.", TYPE_TSIG, CLASS_ANY, 0, "rdata", 5);
    size_t size = r.writer.position;
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_true(r.query.has_tsig);
    assert_int_equal(r.query.tsig_offset, opt_end);
    for (size_t cut = MESSAGE_HEADER_SIZE; cut < size; cut++) {
        assert_int_equal(parse_bytes(&r.query, r.bytes, cut), QUERY_ANSWER);
        assert_int_equal(r.query.rcode, RCODE_FORMERR);
        assert_int_equal(r.query.has_question, cut >= question_end);
        assert_int_equal(r.query.edns.present, cut >= opt_end);
        assert_false(r.query.has_tsig);
    }
    byte_write_u8(&r.writer, 0);
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_true(r.query.has_question && r.query.edns.present);

    begin(&r, 0, 1, 0, 0, 0);
    put_question(&r, "a.", TYPE_A);
    byte_write_u8(&r.writer, 0);
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_true(r.query.has_question);
    begin(&r, 0, 1, 0, 0, 1);
    put_question(&r, "a.", TYPE_A);
    PUT_OPT(&r, 0, "");
    byte_write_u8(&r.writer, 0);
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_true(r.query.has_question && r.query.edns.present);
}

static void misplaced_opt_and_tsig(void **state)
{
    (void)state;
    request_t r;
    begin(&r, 0, 1, 0, 0, 2);
    put_question(&r, "a.", TYPE_A);
    PUT_OPT(&r, 0, "");
    PUT_OPT(&r, 0, "");
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_true(r.query.has_question);
    assert_false(r.query.edns.present);

    begin(&r, 0, 1, 0, 0, 1);
    put_question(&r, "a.", TYPE_A);
    put_record(&r, "x.", TYPE_OPT, 1232, 0, "", 0);
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_false(r.query.edns.present);

    const uint16_t types[] = {TYPE_OPT, TYPE_TSIG};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        begin(&r, 0, 1, 1, 0, 0);
        put_question(&r, "a.", TYPE_A);
        put_record(&r, ".", types[i], 1232, 0, "", 0);
        assert_int_equal(parse(&r), RCODE_FORMERR);
        begin(&r, 0, 1, 0, 1, 0);
        put_question(&r, "a.", TYPE_A);
        put_record(&r, ".", types[i], 1232, 0, "", 0);
        assert_int_equal(parse(&r), RCODE_FORMERR);
        assert_false(r.query.edns.present || r.query.has_tsig);
    }

    begin(&r, 0, 1, 0, 0, 2); /* TSIG is not last */
    put_question(&r, "a.", TYPE_A);
    put_record(&r, "key.", TYPE_TSIG, CLASS_ANY, 0, "rdata", 5);
    PUT_OPT(&r, 0, "");
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_false(r.query.has_tsig);
    begin(&r, 0, 1, 0, 0, 2); /* OPT before TSIG is the order of RFC 8945 5.1 */
    put_question(&r, "a.", TYPE_A);
    PUT_OPT(&r, 0, "");
    put_record(&r, "key.", TYPE_TSIG, CLASS_ANY, 0, "rdata", 5);
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_true(r.query.has_tsig && r.query.edns.present);
}

static void edns_versions(void **state)
{
    (void)state;
    request_t r;
    for (uint32_t version = 0; version < 256; version++) {
        begin(&r, 0, 1, 0, 0, 1);
        put_question(&r, "a.", TYPE_A);
        PUT_OPT(&r, version << 16 | 0x8000, "\0\3\0\0");
        assert_int_equal(parse(&r), version == 0 ? RCODE_NOERROR : RCODE_BADVERS);
        assert_true(r.query.edns.present && r.query.has_question && r.query.edns.dnssec_ok);
        assert_int_equal(r.query.edns.version, version);
        assert_int_equal(r.query.edns.nsid_wanted, version == 0);
    }
    begin(&r, 0, 1, 0, 0, 1); /* options in a form we do not know */
    put_question(&r, "a.", TYPE_A);
    PUT_OPT(&r, 0x00010000, "\0");
    assert_int_equal(parse(&r), RCODE_BADVERS);
}

static void cookie_lengths(void **state)
{
    (void)state;
    request_t r;
    char option[4 + 64];
    for (uint8_t length = 0; length < 64; length++) {
        memset(option, 'c', sizeof option);
        memcpy(option, "\0\12\0", 3);
        option[3] = (char)length;
        begin(&r, 0, 1, 0, 0, 1);
        put_question(&r, "a.", TYPE_A);
        put_record(&r, ".", TYPE_OPT, 1232, 0, option, 4u + length);
        bool good = length == 8 || (length >= 16 && length <= 40);
        assert_int_equal(parse(&r), good ? RCODE_NOERROR : RCODE_FORMERR);
        assert_true(r.query.edns.present && r.query.has_question);
        assert_int_equal(r.query.edns.cookie_malformed, !good);
        assert_int_equal(r.query.edns.cookie_length, good ? length : 0);
    }
    begin(&r, 0, 1, 0, 0, 1);
    put_question(&r, "a.", TYPE_A);
    PUT_OPT(&r, 0, "\0\12\0\10first   \0\12\0\10second  \0\12\0\0");
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_memory_equal(r.query.edns.cookie, "first   ", 8);
}

static void malformed_options(void **state)
{
    (void)state;
    request_t r;
    begin(&r, 0, 1, 0, 0, 1);
    put_question(&r, "a.", TYPE_A);
    PUT_OPT(&r, 0, "\0\3\0\1");
    assert_int_equal(parse(&r), RCODE_FORMERR);
    assert_true(r.query.edns.present && r.query.edns.malformed);
    begin(&r, 0, 1, 0, 0, 1);
    put_question(&r, "a.", TYPE_A);
    PUT_OPT(&r, 0, "\0\3\0\0\0");
    assert_int_equal(parse(&r), RCODE_FORMERR);
}

static void ixfr_serials(void **state)
{
    (void)state;
    static const char rdata[] = "\1a\0\300\14\x89\xab\xcd\xef\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1";
    size_t size = sizeof rdata - 1;
    request_t r;
    begin(&r, 0, 1, 0, 1, 0);
    put_question(&r, "example.", TYPE_IXFR);
    put_record(&r, "example.", TYPE_SOA, CLASS_IN, 0, rdata, size);
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_true(r.query.has_ixfr_serial);
    assert_int_equal(r.query.ixfr_serial, 0x89abcdef);
    for (size_t cut = 0; cut < size; cut++) {
        begin(&r, 0, 1, 0, 1, 0);
        put_question(&r, "example.", TYPE_IXFR);
        put_record(&r, "example.", TYPE_SOA, CLASS_IN, 0, rdata, cut);
        assert_int_equal(parse(&r), RCODE_FORMERR);
        assert_false(r.query.has_ixfr_serial);
    }
    begin(&r, 0, 1, 0, 1, 0); /* only IXFR gives it a meaning */
    put_question(&r, "example.", TYPE_AXFR);
    put_record(&r, "example.", TYPE_SOA, CLASS_IN, 0, rdata, 3);
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_false(r.query.has_ixfr_serial);
    begin(&r, 0, 1, 0, 0, 0);
    put_question(&r, "example.", TYPE_IXFR);
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_false(r.query.has_ixfr_serial);
}

static void updates_and_notifies(void **state)
{
    (void)state;
    request_t r;
    begin(&r, OPCODE_UPDATE << 11, 1, 1, 2, 1);
    put_question(&r, "example.", TYPE_SOA);
    put_record(&r, "a.example.", TYPE_ANY, CLASS_ANY, 0, "", 0);
    put_record(&r, "a.example.", TYPE_A, CLASS_ANY, 0, "", 0);
    put_record(&r, "b.example.", TYPE_A, CLASS_IN, 5, "abcd", 4);
    put_record(&r, "key.", TYPE_TSIG, CLASS_ANY, 0, "rdata", 5);
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_true(r.query.has_question && r.query.has_tsig);
    assert_int_equal(r.query.type, TYPE_SOA);
    begin(&r, OPCODE_NOTIFY << 11 | FLAG_AA, 1, 1, 0, 0);
    put_question(&r, "example.", TYPE_SOA);
    put_record(&r, "example.", TYPE_SOA, CLASS_IN, 0, "any rdata", 9);
    assert_int_equal(parse(&r), RCODE_NOERROR);
    assert_int_equal(r.query.opcode, OPCODE_NOTIFY);
}

static void owners_are_framed(void **state)
{
    (void)state;
    static const struct {
        const char *owner;
        size_t size;
        uint8_t rcode;
    } cases[] = {
        {"\300\14", 2, RCODE_NOERROR}, {"\1x\300\14", 4, RCODE_NOERROR}, {"\0", 1, RCODE_NOERROR},
        {"\100x\0", 3, RCODE_FORMERR}, {"\200x\0", 3, RCODE_FORMERR},    {"\77short", 6, RCODE_FORMERR},
    };
    request_t r;
    for (uint16_t section = 0; section < 3; section++) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            begin(&r, 0, 1, section == 0, section == 1, section == 2);
            put_question(&r, "a.", TYPE_A);
            byte_write(&r.writer, cases[i].owner, cases[i].size);
            byte_write(&r.writer, "\0\1\0\1\0\0\0\0\0\4abcd", 14);
            assert_int_equal(parse(&r), cases[i].rcode);
        }
    }
}

/* What no client sends costs nothing to read: the records are not even looked at. */
static void records_are_counted(void **state)
{
    (void)state;
    static const uint16_t opcodes[] = {OPCODE_QUERY, OPCODE_NOTIFY, OPCODE_STATUS, OPCODE_UPDATE};
    for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
        for (unsigned count = QUERY_RECORDS_MAX - 1; count <= QUERY_RECORDS_MAX + 1; count++) {
            request_t request;
            begin(&request, (uint16_t)(opcodes[i] << 11), 1, 1, 1, (uint16_t)(count - 2));
            put_question(&request, "example.", TYPE_SOA);
            for (unsigned left = count; left > 0; left--) {
                put_record(&request, "example.", TYPE_A, CLASS_IN, 0, "\300\0\2\1", 4);
            }
            query_t query;
            assert_int_equal(parse_bytes(&query, request.bytes, request.writer.position), QUERY_ANSWER);
            bool too_many = count > QUERY_RECORDS_MAX && opcodes[i] != OPCODE_UPDATE;
            assert_int_equal(query.rcode, opcodes[i] == OPCODE_STATUS ? RCODE_NOTIMP : too_many ? RCODE_FORMERR : RCODE_NOERROR);
            assert_true(query.has_question);
        }
    }
}

/* Flips and cuts at random: no crash, nothing of an earlier request, sizes within the message. */
static void mutations(void **state)
{
    (void)state;
    request_t r;
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        begin(&r, 0, 1, round % 3 == 0, round % 5 == 0, 2);
        put_question(&r, "a.Long-Name.with.some.labels.example.", round % 2 ? TYPE_IXFR : TYPE_A);
        if (round % 3 == 0) {
            put_record(&r, "a.example.", TYPE_A, CLASS_IN, 1, "abcd", 4);
        }
        if (round % 5 == 0) {
            put_record(&r, "b.", TYPE_SOA, CLASS_IN, 1, "\0\0abcdabcdabcdabcdabcd", 22);
        }
        PUT_OPT(&r, 0x8000, "\0\3\0\0\0\12\0\10cookie12");
        put_record(&r, "key.", TYPE_TSIG, CLASS_ANY, 0, "rdata", 5);
        size_t size = r.writer.position;
        for (int flips = random_below(&seed, 6); flips > 0; flips--) {
            r.bytes[random_below(&seed, (uint32_t)size)] ^= (uint8_t)(1 << random_below(&seed, 8));
        }
        size = random_below(&seed, 4) == 0 ? random_below(&seed, (uint32_t)size) : size;
        if (parse_bytes(&r.query, r.bytes, size) == QUERY_ANSWER) {
            assert_true(!r.query.has_question || MESSAGE_HEADER_SIZE + (size_t)r.query.question_size <= size);
            assert_true(!r.query.has_tsig || r.query.tsig_offset < size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_query),
        cmocka_unit_test(query_with_edns),
        cmocka_unit_test(small_udp_sizes_count_as_512),
        cmocka_unit_test(responses_and_fragments_are_dropped),
        cmocka_unit_test(opcodes),
        cmocka_unit_test(question_counts_other_than_one),
        cmocka_unit_test(broken_questions),
        cmocka_unit_test(cuts_and_trailing_bytes),
        cmocka_unit_test(misplaced_opt_and_tsig),
        cmocka_unit_test(edns_versions),
        cmocka_unit_test(cookie_lengths),
        cmocka_unit_test(malformed_options),
        cmocka_unit_test(ixfr_serials),
        cmocka_unit_test(updates_and_notifies),
        cmocka_unit_test(owners_are_framed),
        cmocka_unit_test(records_are_counted),
        cmocka_unit_test(mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
