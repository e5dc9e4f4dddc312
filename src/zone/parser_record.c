#include "zone/parser_state.h"

#include "wire/rrtype.h"
#include "wire/text.h"

#include <stdio.h>
#include <string.h>

enum { RRTYPES_SUGGESTED_END = 512 }; /* beyond stand only the obsolete TA and DLV */

/* ---- TTLs ---- */

/* "1h30m", plain seconds, and both in a row. STATUS_MALFORMED; STATUS_LIMIT: a number over 2^32 - 1. */
static status_t ttl_from_text(const char *text, size_t length, uint32_t *ttl_s)
{
    /* NSD takes seconds without a unit behind numbers with units: 1h30. */
    size_t head = length;
    while (head > 0 && text[head - 1] >= '0' && text[head - 1] <= '9') {
        head--;
    }
    uint32_t first = 0;
    uint32_t last = 0;
    if ((head > 0 && !text_to_ttl(text, head, &first)) || (head < length && !text_to_ttl(text + head, length - head, &last))) {
        return head == 0 && length > 0 ? STATUS_LIMIT : STATUS_MALFORMED;
    }
    *ttl_s = first + last;
    return length == 0 || *ttl_s < first ? STATUS_MALFORMED : STATUS_OK;
}

bool parser_ttl(parser_t *parser, const zone_token_t *token, const char *expected, uint32_t *ttl_s)
{
    status_t status = ttl_from_text(token->text, token->length, ttl_s);
    if (status == STATUS_OK && *ttl_s <= INT32_MAX) {
        return true;
    }
    if (status == STATUS_OK) {
        /* RFC 8767 4: such a value is large, not zero. */
        parser_warning(parser, "ttl-too-large", &token->from, token->length, "the largest TTL is 2147483647 (RFC 2181 section 8)",
                       "TTL is too large: 2147483647 is used");
        *ttl_s = INT32_MAX;
        return true;
    }
    if (status == STATUS_LIMIT) {
        parser_error(parser, "ttl-too-large", &token->from, token->length, "the largest TTL is 2147483647 (RFC 2181 section 8)",
                     "TTL is too large");
    } else {
        parser_error(parser, "bad-ttl", &token->from, token->length, NULL, "%s expected, got \"%.*s\"", expected,
                     (int)(token->length > 64 ? 64 : token->length), token->text);
    }
    return false;
}

/* ---- the fields before the rdata ---- */

static bool is_type_or_class(const zone_token_t *token)
{
    uint16_t number;
    return rrtype_from_text(token->text, token->length, &number) == STATUS_OK ||
           rrclass_from_text(token->text, token->length, &number) == STATUS_OK;
}

/* One letter too many, too few, or two swapped; in words of three letters and more also one wrong letter. */
static bool is_slip(const char *word, size_t length, const char *right)
{
    size_t right_length = strlen(right);
    size_t head = 0;
    while (head < length && head < right_length && word[head] == right[head]) {
        head++;
    }
    const char *rest = word + head;
    const char *right_rest = right + head;
    size_t left = length - head;
    size_t right_left = right_length - head;
    if (right_length < 2) {
        return false;
    }
    if (left == right_left + 1) {
        return memcmp(rest + 1, right_rest, right_left) == 0;
    }
    if (left + 1 == right_left) {
        return memcmp(rest, right_rest + 1, left) == 0;
    }
    if (left != right_left || left == 0) {
        return false;
    }
    bool swapped = left >= 2 && rest[0] == right_rest[1] && rest[1] == right_rest[0] && memcmp(rest + 2, right_rest + 2, left - 2) == 0;
    return swapped || (length >= 3 && memcmp(rest + 1, right_rest + 1, left - 1) == 0);
}

static const char *suggest_type(const zone_token_t *token)
{
    char upper[16];
    if (token->length > sizeof upper) {
        return NULL;
    }
    for (size_t i = 0; i < token->length; i++) {
        char c = token->text[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    for (uint16_t type = 1; type < RRTYPES_SUGGESTED_END; type++) {
        const rrtype_info_t *info = rrtype_info(type);
        if (info && !(info->flags & RRTYPE_META) && is_slip(upper, token->length, info->mnemonic)) {
            return info->mnemonic;
        }
    }
    return NULL;
}

static void report_type(parser_t *parser, const zone_token_t *token, const zone_token_t *owner)
{
    char hint[160];
    const char *shown = hint;
    const char *suggestion = suggest_type(token);
    if (suggestion) {
        snprintf(hint, sizeof hint, "did you mean %s?", suggestion);
    } else if (token->length > 0 && token->text[0] == '$') {
        snprintf(hint, sizeof hint, "directives begin in the first column");
    } else if (owner && is_type_or_class(owner)) {
        snprintf(hint, sizeof hint, "the first word of a line is the owner name; begin the line with a blank to use the last owner");
    } else {
        shown = NULL;
    }
    parser_error(parser, "unknown-type", &token->from, token->length, shown, "unknown record type \"%.*s\"",
                 (int)(token->length > 64 ? 64 : token->length), token->text);
}

/* A field that begins with a digit where a TTL, class or type may stand. */
static bool take_ttl(parser_t *parser, parser_entry_t *entry, const zone_token_t *token)
{
    if (entry->has_ttl) {
        parser_error(parser, "bad-ttl", &token->from, token->length, NULL, "a second TTL");
        return false;
    }
    entry->has_ttl = true;
    return parser_ttl(parser, token, "record type or TTL", &entry->ttl_s);
}

bool parser_header(parser_t *parser, parser_entry_t *entry, zone_token_t *token, const zone_token_t *owner)
{
    bool has_class = false;
    for (;; zone_lexer_next(parser->lexer, token)) {
        if (token->kind == TOKEN_END) {
            parser_error(parser, "no-type", &token->from, 1, NULL, "the record ends before its type");
            return false;
        }
        if (parser_report_token(parser, token)) {
            return false;
        }
        if (token->kind == TOKEN_QUOTED) {
            parser_error(parser, "unknown-type", &token->from, token->length + 2, NULL, "record type expected, got a quoted string");
            return false;
        }
        uint16_t number;
        if (token->text[0] >= '0' && token->text[0] <= '9') {
            if (!take_ttl(parser, entry, token)) {
                return false;
            }
        } else if (!has_class && rrclass_from_text(token->text, token->length, &number) == STATUS_OK &&
                   (number != CLASS_ANY && number != CLASS_NONE)) {
            has_class = true;
            entry->rrclass = number;
        } else {
            break;
        }
    }
    if (rrtype_from_text(token->text, token->length, &entry->type) != STATUS_OK) {
        report_type(parser, token, owner);
        return false;
    }
    if (!rrtype_is_data(entry->type)) {
        parser_error(parser, "meta-type", &token->from, token->length, NULL, "type %.*s cannot stand in a zone", (int)token->length,
                     token->text);
        return false;
    }
    return true;
}

status_t parser_record(parser_t *parser)
{
    zone_lexer_t *lexer = parser->lexer;
    parser_entry_t entry = {.rrclass = parser->settings->rrclass};
    bool has_owner = zone_byte_class[*lexer->here.at] != BYTE_BLANK;
    zone_token_t owner;
    zone_token_t token;
    zone_lexer_next(lexer, &token);
    if (token.kind == TOKEN_END) {
        return STATUS_OK;
    }
    if (parser_report_token(parser, &token)) {
        return STATUS_MALFORMED;
    }
    entry.from = token.from;
    entry.from_length = token.length;
    if (has_owner) {
        owner = token;
        parser->owner_text = NULL;
        parser->owner_was_bad = !parser_name(parser, &token, "owner name", &parser->owner);
        parser->has_owner = true;
        if (parser->owner_was_bad) {
            return STATUS_MALFORMED;
        }
        zone_lexer_next(lexer, &token);
    } else if (parser->owner_was_bad) {
        parser->errors++;
        return STATUS_MALFORMED;
    } else if (!parser->has_owner) {
        parser_warning(parser, "no-owner", &token.from, token.length,
                       "a line that begins with a blank uses the owner of the record before it",
                       "the first record has no owner name: the origin is used");
        parser->owner = parser->origin;
        parser->has_owner = true;
    }
    if (!parser_header(parser, &entry, &token, has_owner ? &owner : NULL)) {
        return STATUS_MALFORMED;
    }
    return parser_record_rdata(parser, &entry);
}

/* ---- rdata ---- */

typedef struct token_source {
    rdata_source_t base;
    parser_t *parser;
    zone_token_t token; /* the last one given */
    bool ended;
    bool reported;
} token_source_t;

static status_t next_rdata_token(rdata_source_t *base, rdata_token_t *out)
{
    token_source_t *source = (token_source_t *)base;
    if (source->ended) {
        return STATUS_END;
    }
    source->parser->lexer->pairs = source->base.pairs;
    zone_lexer_next(source->parser->lexer, &source->token);
    if (source->token.kind == TOKEN_END) {
        source->ended = true;
        return STATUS_END;
    }
    if (parser_report_token(source->parser, &source->token)) {
        source->reported = true;
        return STATUS_MALFORMED;
    }
    *out = (rdata_token_t){
        .text = source->token.text,
        .length = source->token.length,
        .quoted = source->token.kind == TOKEN_QUOTED,
    };
    return STATUS_OK;
}

/* A parenthesis that was forgotten shows as a record that goes on where another should begin. */
static const char *hint_open_parenthesis(const parser_t *parser, const zone_token_t *token, char *hint, size_t size)
{
    const zone_lexer_t *lexer = parser->lexer;
    if (lexer->depth == 0 || token->from.line == lexer->open.line || token->from.at != token->from.line_start) {
        return NULL;
    }
    snprintf(hint, size, "the parenthesis of line %u, column %u is still open here", lexer->open.line,
             (unsigned)(lexer->open.at - lexer->open.line_start) + 1);
    return hint;
}

static void report_rdata(parser_t *parser, const token_source_t *source, const parser_entry_t *entry, const rdata_error_t *error)
{
    const zone_token_t *token = &source->token;
    zone_position_t position = token->from;
    size_t length = token->length + (token->kind == TOKEN_QUOTED ? 2 : 0);
    if (error->at && error->at >= token->text && error->at < token->text + token->length &&
        !memchr(token->text, '\n', (size_t)(error->at - token->text))) {
        position.at = (const uint8_t *)error->at;
        length = 1;
    }
    char type[RRTYPE_TEXT_MAX];
    rrtype_to_text(entry->type, type);
    char hint[100];
    parser_error(parser, "bad-rdata", &position, length, hint_open_parenthesis(parser, token, hint, sizeof hint), "%s: %s", type,
                 error->message);
}

status_t parser_record_rdata(parser_t *parser, parser_entry_t *entry)
{
    token_source_t source = {.base.next = next_rdata_token, .parser = parser};
    source.token = (zone_token_t){.from = parser->lexer->here, .text = ""};
    byte_writer_t writer = byte_writer(parser->rdata, RDATA_MAX);
    rdata_error_t error = {.message = ""};
    status_t status = rdata_from_text(entry->type, entry->rrclass, &source.base, parser->origin.wire, &writer, &error);
    rdata_token_t extra;
    if (status == STATUS_OK && next_rdata_token(&source.base, &extra) == STATUS_OK) {
        status = STATUS_MALFORMED;
        snprintf(error.message, sizeof error.message, "a field too many");
        error.at = NULL;
    }
    if (source.reported) {
        parser->has_soa_ttl |= entry->type == TYPE_SOA;
        return STATUS_MALFORMED;
    }
    switch (status) {
    case STATUS_OK:
        return parser_deliver(parser, entry, writer.position);
    case STATUS_NO_MEMORY:
        return status;
    default:
        report_rdata(parser, &source, entry, &error);
        parser->has_soa_ttl |= entry->type == TYPE_SOA; /* its MINIMUM is missed by nobody */
        return STATUS_MALFORMED;
    }
}
