/* $GENERATE range owner [TTL] [class] type rdata, as BIND has it: for each number of the range, `$` in owner and rdata is replaced by it;
 * ${offset[,width[,base]]} adds, pads and chooses the base: d o x X, or n N for reversed hexadecimal digits with dots between. `$$` and
 * `\$` are a plain dollar sign. Rdata of several words may stand in one pair of quotes.
 */
#include "zone/parser_state.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATED_TEXT_MAX = 1 << 18, NUMBER_WIDTH_MAX = 255 };
static const uint64_t GENERATE_DEFAULT_MAX = UINT64_C(1) << 25;

typedef struct generate_range {
    uint32_t first;
    uint32_t last;
    uint32_t step;
} generate_range_t;

typedef struct generator {
    generate_range_t range;
    zone_token_t owner;
    zone_position_t position; /* of the directive */
    parser_entry_t entry;
    buffer_t rdata; /* template */
    buffer_t text;  /* one expansion; SOURCE_PADDING zero bytes behind it */
} generator_t;

/* ---- the range ---- */

static bool read_number(const char **at, const char *end, uint32_t *number)
{
    uint64_t value = 0;
    const char *p = *at;
    while (p < end && *p >= '0' && *p <= '9' && value <= INT32_MAX) {
        value = value * 10 + (uint64_t)(*p++ - '0');
    }
    if (p == *at || value > INT32_MAX) {
        return false;
    }
    *at = p;
    *number = (uint32_t)value;
    return true;
}

static bool parse_range(const zone_token_t *token, generate_range_t *range)
{
    const char *p = token->text;
    const char *end = p + token->length;
    range->step = 1;
    if (!read_number(&p, end, &range->first) || p == end || *p++ != '-' || !read_number(&p, end, &range->last)) {
        return false;
    }
    if (p < end && (*p++ != '/' || !read_number(&p, end, &range->step))) {
        return false;
    }
    return p == end && range->first <= range->last && range->step > 0;
}

/* ---- expansion ---- */

/* The least significant hexadecimal digit first, dots between; width counts digits and dots. */
static void append_nibbles(buffer_t *out, uint32_t value, unsigned width, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (;;) {
        buffer_append_byte(out, (uint8_t)digits[value & 0xf]);
        value >>= 4;
        width -= width > 0;
        if (value == 0 && width == 0) {
            return;
        }
        buffer_append_byte(out, '.');
        width -= width > 0;
        if (value == 0 && width == 0) {
            return;
        }
    }
}

static void append_number(buffer_t *out, uint32_t value, unsigned width, char base)
{
    int padded = (int)width;
    switch (base) {
    case 'o':
        buffer_printf(out, "%0*" PRIo32, padded, value);
        break;
    case 'x':
        buffer_printf(out, "%0*" PRIx32, padded, value);
        break;
    case 'X':
        buffer_printf(out, "%0*" PRIX32, padded, value);
        break;
    case 'n':
    case 'N':
        append_nibbles(out, value, width, base == 'N');
        break;
    default:
        buffer_printf(out, "%0*" PRIu32, padded, value);
        break;
    }
}

/* What stands between the braces at *at; moves behind the closing one. */
static bool read_modifier(const char **at, const char *end, int64_t *offset, uint32_t *width, char *base)
{
    const char *p = *at;
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    uint32_t number;
    if (!read_number(&p, end, &number)) {
        return false;
    }
    *offset = negative ? -(int64_t)number : (int64_t)number;
    if (p < end && *p == ',') {
        p++;
        if (!read_number(&p, end, width) || *width > NUMBER_WIDTH_MAX) {
            return false;
        }
        if (p + 1 < end && *p == ',') {
            *base = p[1];
            p += 2;
        }
    }
    if (p >= end || *p != '}' || !strchr("doxXnN", *base)) {
        return false;
    }
    *at = p + 1;
    return true;
}

/* STATUS_MALFORMED: a bad modifier; STATUS_LIMIT: the number is negative or too large; STATUS_NO_SPACE, STATUS_NO_MEMORY. */
static status_t expand(const char *template, size_t length, uint32_t number, buffer_t *out)
{
    const char *end = template + length;
    buffer_reset(out);
    for (const char *p = template; p < end;) {
        char c = *p++;
        if (c == '\\' && p < end) {
            buffer_append_byte(out, '\\');
            buffer_append_byte(out, (uint8_t)*p++);
            continue;
        }
        if (c != '$') {
            buffer_append_byte(out, (uint8_t)c);
            continue;
        }
        if (p < end && *p == '$') {
            buffer_append_byte(out, '$');
            p++;
            continue;
        }
        int64_t offset = 0;
        uint32_t width = 0;
        char base = 'd';
        if (p < end && *p == '{') {
            p++;
            if (!read_modifier(&p, end, &offset, &width, &base)) {
                return STATUS_MALFORMED;
            }
        }
        if (number + offset < 0 || number + offset > INT32_MAX) {
            return STATUS_LIMIT;
        }
        append_number(out, (uint32_t)(number + offset), width, base);
    }
    return out->status;
}

/* ---- records ---- */

static status_t report_expansion(parser_t *parser, const zone_position_t *position, size_t length, status_t status)
{
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    const char *what = status == STATUS_MALFORMED ? "a bad modifier: ${offset[,width[,base]]} with a base of d o x X n N expected"
                       : status == STATUS_LIMIT   ? "the offset leads to a number below 0 or over 2147483647"
                                                  : "the text of a record grows too long";
    parser_error(parser, "bad-generate", position, length, NULL, "%s", what);
    return STATUS_MALFORMED;
}

/* The record's rdata is parsed out of the generated text, by a lexer of its own. */
static status_t generate_rdata(parser_t *parser, generator_t *generator)
{
    size_t length = generator->text.size;
    uint8_t *behind = buffer_reserve(&generator->text, SOURCE_PADDING);
    if (!behind) {
        return generator->text.status;
    }
    memset(behind, 0, SOURCE_PADDING);
    zone_source_t source = {.base = generator->text.data, .filled = generator->text.data + length, .fd = -1};
    zone_lexer_t lexer;
    zone_lexer_init(&lexer, &source);
    zone_lexer_t *outer = parser->lexer;
    parser->lexer = &lexer;
    status_t status = parser_record_rdata(parser, &generator->entry);
    parser->lexer = outer;
    return status;
}

static status_t generate_one(parser_t *parser, generator_t *generator, uint32_t number)
{
    const zone_token_t *owner = &generator->owner;
    status_t status = expand(owner->text, owner->length, number, &generator->text);
    if (status != STATUS_OK) {
        return report_expansion(parser, &owner->from, owner->length, status);
    }
    zone_token_t written = {.kind = TOKEN_WORD, .text = buffer_text(&generator->text), .length = generator->text.size};
    written.from = owner->from;
    if (!parser_name(parser, &written, "generated owner name", &parser->owner)) {
        return STATUS_MALFORMED;
    }
    const char *template = (const char *)generator->rdata.data;
    status = expand(template ? template : "", generator->rdata.size, number, &generator->text);
    if (status != STATUS_OK) {
        return report_expansion(parser, &generator->position, 9, status);
    }
    return generate_rdata(parser, generator);
}

static status_t generate_all(parser_t *parser, generator_t *generator)
{
    uint64_t maximum = parser->settings->generate_max ? parser->settings->generate_max : GENERATE_DEFAULT_MAX;
    const generate_range_t *range = &generator->range;
    status_t status = STATUS_OK;
    diagnostic_place_t place = zone_lexer_place(parser->lexer, parser->input->file, &generator->position, 9);
    parser->fixed_place = &place;
    uint64_t count = ((uint64_t)range->last - range->first) / range->step + 1;
    if (count > maximum || parser->generated > maximum - count) { /* said before any is made: a slip of the pen costs nothing */
        parser_error(parser, "generate-limit", &generator->position, 9, NULL, "$GENERATE would make more than %" PRIu64 " records",
                     maximum);
        status = STATUS_MALFORMED;
    }
    for (uint64_t number = range->first; number <= range->last && status == STATUS_OK; number += range->step) {
        parser->generated++;
        status = generate_one(parser, generator, (uint32_t)number);
    }
    parser->fixed_place = NULL;
    return status;
}

/* The rest of the line: rdata with `$` in it. Quotes around all of it are taken off, quotes around a part stay. */
static status_t read_template(parser_t *parser, buffer_t *out)
{
    zone_token_t first = {0};
    for (size_t words = 0;; words++) {
        zone_token_t token;
        zone_lexer_next(parser->lexer, &token);
        if (parser_report_token(parser, &token)) {
            return STATUS_MALFORMED;
        }
        if (token.kind == TOKEN_END) {
            if (words == 1 && first.kind == TOKEN_QUOTED) {
                buffer_reset(out);
                buffer_append(out, first.text, first.length);
            }
            return out->status;
        }
        if (memchr(token.text, '\n', token.length)) {
            parser_error(parser, "bad-generate", &token.from, 1, NULL, "a string with a line's end in it cannot be generated");
            return STATUS_MALFORMED;
        }
        first = words == 0 ? token : first;
        const char *quote = token.kind == TOKEN_QUOTED ? "\"" : "";
        buffer_append_text(out, words > 0 ? " " : "");
        buffer_append_text(out, quote);
        buffer_append(out, token.text, token.length);
        buffer_append_text(out, quote);
    }
}

static status_t read_arguments(parser_t *parser, generator_t *generator)
{
    zone_token_t token;
    zone_lexer_next(parser->lexer, &token);
    if (parser_report_token(parser, &token)) {
        return STATUS_MALFORMED;
    }
    if (token.kind != TOKEN_WORD || !parse_range(&token, &generator->range)) {
        parser_error(parser, "bad-generate", &token.from, token.length, "for example: $GENERATE 1-254 host$ A 192.0.2.$",
                     "a range expected: first-last or first-last/step");
        return STATUS_MALFORMED;
    }
    zone_lexer_next(parser->lexer, &generator->owner);
    if (parser_report_token(parser, &generator->owner)) {
        return STATUS_MALFORMED;
    }
    if (generator->owner.kind != TOKEN_WORD) {
        parser_error(parser, "bad-generate", &generator->owner.from, 1, NULL, "an owner name expected");
        return STATUS_MALFORMED;
    }
    zone_lexer_next(parser->lexer, &token);
    if (!parser_header(parser, &generator->entry, &token, NULL)) {
        return STATUS_MALFORMED;
    }
    return read_template(parser, &generator->rdata);
}

status_t parser_generate(parser_t *parser, const zone_position_t *directive)
{
    generator_t generator = {.position = *directive};
    generator.entry = (parser_entry_t){.from = *directive, .from_length = 9, .rrclass = parser->settings->rrclass};
    buffer_init(&generator.rdata, GENERATED_TEXT_MAX);
    buffer_init(&generator.text, GENERATED_TEXT_MAX + SOURCE_PADDING);
    status_t status = read_arguments(parser, &generator);
    if (status == STATUS_OK) {
        parser->owner_text = NULL;
        parser->has_owner = true;
        parser->owner_was_bad = false;
        status = generate_all(parser, &generator);
    }
    if (status == STATUS_NO_SPACE) {
        status = report_expansion(parser, directive, 9, status);
    }
    buffer_clear(&generator.rdata);
    buffer_clear(&generator.text);
    return status;
}
