/* Text to wire: the common fields, driven by the layout. */
#include "wire/rdata_parse.h"

#include "base/require.h"
#include "wire/rdata_words.h"
#include "wire/rrtype.h"
#include "wire/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ---- */

status_t rdata_fail(rdata_parser_t *parser, status_t status, const char *at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error->message, sizeof parser->error->message, format, arguments);
    va_end(arguments);
    parser->error->at = at;
    return status;
}

status_t rdata_unexpected(rdata_parser_t *parser, const char *expected)
{
    char shown[64];
    size_t used = 0;
    const rdata_token_t *token = &parser->token;
    for (size_t i = 0; i < token->length; i++) {
        unsigned char c = (unsigned char)token->text[i];
        if (used > sizeof shown - 8) {
            memcpy(shown + used, "...", 3);
            used += 3;
            break;
        }
        if (c >= 0x20 && c < 0x7f) {
            shown[used++] = (char)c;
        } else {
            used += (size_t)snprintf(shown + used, sizeof shown - used, "\\%03u", c);
        }
    }
    shown[used] = 0;
    return rdata_fail(parser, STATUS_MALFORMED, NULL, "%s expected, got %s\"%s\"", expected, token->quoted ? "the quoted string " : "",
                      shown);
}

status_t rdata_too_long(rdata_parser_t *parser)
{
    return rdata_fail(parser, STATUS_LIMIT, NULL, "the record's data is longer than %d octets", RDATA_MAX);
}

/* ---- tokens ---- */

static status_t next_token(rdata_parser_t *parser)
{
    if (parser->put_back) {
        parser->put_back = false;
        return STATUS_OK;
    }
    return parser->source->next(parser->source, &parser->token);
}

status_t rdata_take(rdata_parser_t *parser, const char *expected)
{
    status_t status = next_token(parser);
    if (UNLIKELY(status == STATUS_END)) {
        parser->error->at_end = true;
        return rdata_fail(parser, STATUS_MALFORMED, NULL, "%s expected, but the record ends here", expected);
    }
    return status;
}

status_t rdata_take_word(rdata_parser_t *parser, const char *expected)
{
    status_t status = rdata_take(parser, expected);
    return status == STATUS_OK && UNLIKELY(parser->token.quoted) ? rdata_unexpected(parser, expected) : status;
}

status_t rdata_take_if_any(rdata_parser_t *parser, bool *taken)
{
    status_t status = next_token(parser);
    *taken = status == STATUS_OK;
    return status == STATUS_END ? STATUS_OK : status;
}

/* ---- integers ---- */

status_t rdata_parse_number(rdata_parser_t *parser, uint32_t maximum, uint32_t *value, const char *expected)
{
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    return LIKELY(text_to_u32(parser->token.text, parser->token.length, maximum, value)) ? STATUS_OK : rdata_unexpected(parser, expected);
}

static status_t parse_u8(rdata_parser_t *parser)
{
    uint32_t value;
    status_t status = rdata_parse_number(parser, UINT8_MAX, &value, "number from 0 to 255");
    if (status == STATUS_OK) {
        byte_write_u8(&parser->writer, (uint8_t)value);
    }
    return status;
}

static status_t parse_u16(rdata_parser_t *parser)
{
    uint32_t value;
    status_t status = rdata_parse_number(parser, UINT16_MAX, &value, "number from 0 to 65535");
    if (status == STATUS_OK) {
        byte_write_u16(&parser->writer, (uint16_t)value);
    }
    return status;
}

static status_t parse_u32(rdata_parser_t *parser)
{
    uint32_t value;
    status_t status = rdata_parse_number(parser, UINT32_MAX, &value, "number from 0 to 4294967295");
    if (status == STATUS_OK) {
        byte_write_u32(&parser->writer, value);
    }
    return status;
}

static status_t parse_u64(rdata_parser_t *parser)
{
    const char *expected = "number from 0 to 18446744073709551615";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t value;
    if (!text_to_u64(parser->token.text, parser->token.length, &value)) {
        return rdata_unexpected(parser, expected);
    }
    byte_write_u32(&parser->writer, (uint32_t)(value >> 32));
    byte_write_u32(&parser->writer, (uint32_t)value);
    return STATUS_OK;
}

static status_t parse_octal(rdata_parser_t *parser)
{
    const char *expected = "octal number from 0 to 177777";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < parser->token.length; i++) {
        unsigned digit = (unsigned char)parser->token.text[i] - (unsigned)'0';
        value = value << 3 | digit;
        if (digit > 7 || value > UINT16_MAX) {
            return rdata_unexpected(parser, expected);
        }
    }
    byte_write_u16(&parser->writer, (uint16_t)value);
    return STATUS_OK;
}

static status_t parse_ttl(rdata_parser_t *parser)
{
    const char *expected = "time in seconds, or as in 1h30m,";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t seconds;
    if (!text_to_ttl(parser->token.text, parser->token.length, &seconds)) {
        return rdata_unexpected(parser, expected);
    }
    byte_write_u32(&parser->writer, seconds);
    return STATUS_OK;
}

static status_t parse_time(rdata_parser_t *parser)
{
    const char *expected = "time as YYYYMMDDHHmmSS, or seconds since 1970,";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t seconds;
    if (UNLIKELY(!text_to_time(parser->token.text, parser->token.length, &seconds))) {
        return rdata_unexpected(parser, expected);
    }
    byte_write_u32(&parser->writer, seconds);
    return STATUS_OK;
}

static status_t parse_type(rdata_parser_t *parser)
{
    const char *expected = "record type";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint16_t type;
    if (UNLIKELY(rrtype_from_text(parser->token.text, parser->token.length, &type) != STATUS_OK)) {
        return rdata_unexpected(parser, expected);
    }
    byte_write_u16(&parser->writer, type);
    return STATUS_OK;
}

/* A number, or a word from the field's own list. */
static status_t parse_word(rdata_parser_t *parser, uint8_t code)
{
    const rdata_words_t *words = rdata_words(code);
    status_t status = rdata_take_word(parser, words->expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t value;
    if (!text_to_u32(parser->token.text, parser->token.length, words->maximum, &value) &&
        !rdata_word_find(words, parser->token.text, parser->token.length, &value)) {
        return rdata_unexpected(parser, words->expected);
    }
    if (words->maximum > UINT8_MAX) {
        byte_write_u16(&parser->writer, (uint16_t)value);
    } else {
        byte_write_u8(&parser->writer, (uint8_t)value);
    }
    return STATUS_OK;
}

/* ---- addresses ---- */

static status_t parse_ipv4(rdata_parser_t *parser)
{
    status_t status = rdata_take_word(parser, "IPv4 address");
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t address[4];
    if (UNLIKELY(!text_to_ipv4(parser->token.text, parser->token.length, address))) {
        return rdata_unexpected(parser, "IPv4 address");
    }
    byte_write(&parser->writer, address, sizeof address);
    return STATUS_OK;
}

static status_t parse_ipv6(rdata_parser_t *parser)
{
    status_t status = rdata_take_word(parser, "IPv6 address");
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t address[16];
    if (UNLIKELY(!text_to_ipv6(parser->token.text, parser->token.length, address))) {
        return rdata_unexpected(parser, "IPv6 address");
    }
    byte_write(&parser->writer, address, sizeof address);
    return STATUS_OK;
}

/* ---- names ---- */

status_t rdata_parse_name(rdata_parser_t *parser)
{
    status_t status = rdata_take_word(parser, "domain name");
    if (status != STATUS_OK) {
        return status;
    }
    name_t name;
    size_t error_at = 0;
    status = name_from_text(&name, parser->token.text, parser->token.length, parser->origin, &error_at);
    if (LIKELY(status == STATUS_OK)) {
        byte_write(&parser->writer, name.wire, name.length);
        return STATUS_OK;
    }
    if (status == STATUS_INVALID) {
        return rdata_fail(parser, status, NULL,
                          "the domain name is relative, and there is no origin to complete it; it would end in a dot");
    }
    const char *at = parser->token.text + (error_at <= parser->token.length ? error_at : parser->token.length);
    if (status == STATUS_LIMIT) {
        return rdata_fail(parser, status, at, "the domain name is too long: labels have up to 63 octets, names up to 255");
    }
    rdata_unexpected(parser, "domain name");
    parser->error->at = at;
    return STATUS_MALFORMED;
}

static status_t parse_names(rdata_parser_t *parser)
{
    for (;;) {
        bool taken;
        status_t status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK || !taken) {
            return status;
        }
        parser->put_back = true;
        status = rdata_parse_name(parser);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

/* ---- texts ---- */

/* The token's octets with escapes resolved, at most `maximum` of them. */
static status_t write_octets(rdata_parser_t *parser, size_t maximum)
{
    const char *text = parser->token.text;
    const char *end = text + parser->token.length;
    size_t start = parser->writer.position;
    while (text < end) {
        const char *at = text;
        int octet = *text == '\\' ? text_escape(&text, end) : (unsigned char)*text++;
        if (octet < 0) {
            return rdata_fail(parser, STATUS_MALFORMED, at,
                              "bad escape: \\ is followed by three digits up to 255 or by one other character");
        }
        if (parser->writer.position - start == maximum) {
            return rdata_fail(parser, STATUS_LIMIT, at, "the string is longer than %zu octets; longer text is split into several strings",
                              maximum);
        }
        byte_write_u8(&parser->writer, (uint8_t)octet);
        if (UNLIKELY(parser->writer.failed)) {
            return rdata_too_long(parser);
        }
    }
    return STATUS_OK;
}

static status_t write_string(rdata_parser_t *parser)
{
    uint8_t *length = byte_reserve(&parser->writer, 1);
    if (!length) {
        return rdata_too_long(parser);
    }
    status_t status = write_octets(parser, UINT8_MAX);
    *length = (uint8_t)(parser->writer.data + parser->writer.position - length - 1);
    return status;
}

static status_t parse_string(rdata_parser_t *parser)
{
    status_t status = rdata_take(parser, "string");
    return status == STATUS_OK ? write_string(parser) : status;
}

static status_t parse_more_strings(rdata_parser_t *parser, size_t maximum)
{
    for (size_t count = 0; count < maximum; count++) {
        bool taken;
        status_t status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK || !taken) {
            return status;
        }
        status = write_string(parser);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static status_t parse_strings(rdata_parser_t *parser)
{
    status_t status = parse_string(parser);
    return status == STATUS_OK ? parse_more_strings(parser, SIZE_MAX) : status;
}

static status_t parse_tag(rdata_parser_t *parser)
{
    status_t status = rdata_take_word(parser, "property tag");
    if (status != STATUS_OK) {
        return status;
    }
    return parser->token.length > 0 ? write_string(parser) : rdata_unexpected(parser, "property tag");
}

static status_t parse_long_string(rdata_parser_t *parser)
{
    status_t status = rdata_take(parser, "string");
    return status == STATUS_OK ? write_octets(parser, RDATA_MAX) : status;
}

/* ---- octets ---- */

typedef size_t feed_t(radix_decoder_t *decoder, const char *text, size_t length, byte_writer_t *writer);

/* All tokens to the end of the record. */
static status_t parse_pieces(rdata_parser_t *parser, feed_t *feed, radix_decoder_t *decoder, const char *expected)
{
    for (;;) {
        const rdata_token_t *token = &parser->token;
        size_t took = feed(decoder, token->text, token->length, &parser->writer);
        if (UNLIKELY(took < token->length || token->quoted)) {
            rdata_unexpected(parser, expected);
            parser->error->at = took < token->length ? token->text + took : NULL;
            return STATUS_MALFORMED;
        }
        if (UNLIKELY(parser->writer.failed)) {
            return rdata_too_long(parser);
        }
        bool taken;
        status_t status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK || !taken) {
            return status;
        }
    }
}

static status_t parse_hex(rdata_parser_t *parser)
{
    radix_decoder_t decoder = {0};
    status_t status = rdata_take_word(parser, "hexadecimal digits");
    if (status == STATUS_OK) {
        status = parse_pieces(parser, hex_feed, &decoder, "hexadecimal digits");
    }
    if (status == STATUS_OK && !hex_finish(&decoder)) {
        return rdata_fail(parser, STATUS_MALFORMED, NULL, "the number of hexadecimal digits is odd");
    }
    return status;
}

static status_t parse_base64(rdata_parser_t *parser)
{
    radix_decoder_t decoder = {0};
    status_t status = rdata_take_word(parser, "base64 text");
    if (status == STATUS_OK) {
        status = parse_pieces(parser, base64_feed, &decoder, "base64 text");
    }
    if (status == STATUS_OK && !base64_finish(&decoder)) {
        return rdata_fail(parser, STATUS_MALFORMED, NULL, "the base64 text ends inside a group of four characters");
    }
    return status;
}

static status_t parse_base64_optional(rdata_parser_t *parser)
{
    bool taken;
    status_t status = rdata_take_if_any(parser, &taken);
    parser->put_back = status == STATUS_OK && taken;
    return parser->put_back ? parse_base64(parser) : status;
}

static bool token_is(const rdata_parser_t *parser, char c)
{
    return parser->token.length == 1 && parser->token.text[0] == c && !parser->token.quoted;
}

static status_t parse_base64_dash(rdata_parser_t *parser)
{
    status_t status = rdata_take_word(parser, "base64 text or \"-\"");
    if (status != STATUS_OK || token_is(parser, '-')) {
        return status;
    }
    parser->put_back = true;
    return parse_base64(parser);
}

static status_t finish_counted(rdata_parser_t *parser, uint8_t *length, const char *expected, bool good)
{
    size_t size = (size_t)(parser->writer.data + parser->writer.position - length) - 1;
    if (!good) {
        return rdata_unexpected(parser, expected);
    }
    if (size > UINT8_MAX) {
        return rdata_fail(parser, STATUS_LIMIT, NULL, "longer than 255 octets");
    }
    *length = (uint8_t)size;
    return STATUS_OK;
}

static status_t parse_salt(rdata_parser_t *parser)
{
    const char *expected = "salt in hexadecimal digits, or \"-\",";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *length = byte_reserve(&parser->writer, 1);
    if (!length) {
        return rdata_too_long(parser);
    }
    *length = 0;
    if (token_is(parser, '-')) {
        return STATUS_OK;
    }
    radix_decoder_t decoder = {0};
    size_t took = hex_feed(&decoder, parser->token.text, parser->token.length, &parser->writer);
    return finish_counted(parser, length, expected, took == parser->token.length && took > 0 && hex_finish(&decoder));
}

static status_t parse_hash(rdata_parser_t *parser)
{
    const char *expected = "hash in base32hex digits";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *length = byte_reserve(&parser->writer, 1);
    if (!length) {
        return rdata_too_long(parser);
    }
    bool good = base32hex_decode(parser->token.text, parser->token.length, &parser->writer) && parser->token.length > 0;
    return finish_counted(parser, length, expected, good);
}

/* ---- the record ---- */

status_t rdata_parse_field(rdata_parser_t *parser, uint8_t code)
{
    switch (code) {
    case FIELD_U8:
        return parse_u8(parser);
    case FIELD_U16:
        return parse_u16(parser);
    case FIELD_U32:
        return parse_u32(parser);
    case FIELD_U64:
        return parse_u64(parser);
    case FIELD_OCTAL16:
        return parse_octal(parser);
    case FIELD_TTL:
        return parse_ttl(parser);
    case FIELD_TIME:
        return parse_time(parser);
    case FIELD_TYPE:
        return parse_type(parser);
    case FIELD_ALGORITHM:
    case FIELD_DIGEST:
    case FIELD_CERT_TYPE:
    case FIELD_PROTOCOL:
    case FIELD_SCHEME:
        return parse_word(parser, code);
    case FIELD_IPV4:
        return parse_ipv4(parser);
    case FIELD_IPV6:
        return parse_ipv6(parser);
    case FIELD_NAME:
        return rdata_parse_name(parser);
    case FIELD_NAMES:
        return parse_names(parser);
    case FIELD_STRING:
    case FIELD_DIGITS:
        return parse_string(parser);
    case FIELD_STRING_OPTIONAL:
        return parse_more_strings(parser, 1);
    case FIELD_STRINGS:
        return parse_strings(parser);
    case FIELD_TAG:
        return parse_tag(parser);
    case FIELD_LONG_STRING:
        return parse_long_string(parser);
    case FIELD_SALT:
        return parse_salt(parser);
    case FIELD_HASH:
        return parse_hash(parser);
    case FIELD_HEX:
        return parse_hex(parser);
    case FIELD_BASE64:
        return parse_base64(parser);
    case FIELD_BASE64_OPTIONAL:
        return parse_base64_optional(parser);
    case FIELD_BASE64_DASH:
        return parse_base64_dash(parser);
    case FIELD_BITMAP:
    case FIELD_NXT_BITMAP:
        return rdata_parse_bitmap(parser, code);
    default:
        return rdata_parse_special(parser, code);
    }
}

static bool is_generic(const rdata_token_t *token)
{
    return token->length == 2 && token->text[0] == '\\' && token->text[1] == '#' && !token->quoted;
}

static status_t refuse_more(rdata_parser_t *parser)
{
    bool taken;
    status_t status = rdata_take_if_any(parser, &taken);
    return status == STATUS_OK && UNLIKELY(taken) ? rdata_unexpected(parser, "end of the record") : status;
}

static status_t parse_fields(rdata_parser_t *parser, const uint8_t *fields)
{
    status_t status = STATUS_OK;
    for (; *fields != FIELD_END && status == STATUS_OK; fields++) {
        status = rdata_parse_field(parser, *fields);
        if (status == STATUS_OK && UNLIKELY(parser->writer.failed)) {
            status = rdata_too_long(parser);
        }
    }
    if (status == STATUS_OK) {
        status = refuse_more(parser);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const char *complaint = rdata_complaint(parser->type, parser->writer.data, parser->writer.position);
    return LIKELY(!complaint) ? STATUS_OK : rdata_fail(parser, STATUS_INVALID, NULL, "%s", complaint);
}

static status_t parse_generic_checked(rdata_parser_t *parser)
{
    status_t status = rdata_parse_generic(parser);
    if (status != STATUS_OK) {
        return status;
    }
    /* An empty rdata is well formed only where the type says so, whatever the class. */
    const uint16_t rrclass = rdata_may_be_absent(parser->rrclass) ? CLASS_IN : parser->rrclass;
    if (rdata_check(parser->type, rrclass, parser->writer.data, parser->writer.position) != STATUS_OK) {
        char type[RRTYPE_TEXT_MAX];
        rrtype_to_text(parser->type, type);
        return rdata_fail(parser, STATUS_MALFORMED, NULL, "these octets do not have the format of type %s", type);
    }
    return STATUS_OK;
}

static status_t parse_record(rdata_parser_t *parser)
{
    const uint8_t *fields = rdata_layout(parser->type, parser->rrclass);
    bool taken;
    status_t status = rdata_take_if_any(parser, &taken);
    if (status != STATUS_OK) {
        return status;
    }
    if (taken && UNLIKELY(is_generic(&parser->token))) {
        return parse_generic_checked(parser);
    }
    if (!fields) {
        if (!taken) {
            parser->error->at_end = true;
            return rdata_fail(parser, STATUS_MALFORMED, NULL, "\\# expected, but the record ends here");
        }
        return rdata_unexpected(parser, "\\# with length and hexadecimal data");
    }
    parser->put_back = taken;
    return parse_fields(parser, fields);
}

status_t rdata_from_text(uint16_t type, uint16_t rrclass, rdata_source_t *source, const uint8_t *origin, byte_writer_t *writer,
                         rdata_error_t *error)
{
    error->message[0] = 0;
    error->at = NULL;
    error->at_end = false;
    size_t room = byte_writer_left(writer);
    rdata_parser_t parser = {
        .source = source,
        .origin = origin,
        .error = error,
        .writer = byte_writer(writer->data + writer->position, room < RDATA_MAX ? room : RDATA_MAX),
        .type = type,
        .rrclass = rrclass,
    };
    source->pairs = type == TYPE_SVCB || type == TYPE_HTTPS;
    status_t status = parse_record(&parser);
    if (status == STATUS_OK) {
        writer->position += parser.writer.position;
    }
    return status;
}
