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
        return rdata_parse_strings(parser, 1, 1);
    case FIELD_STRING_OPTIONAL:
        return rdata_parse_strings(parser, 0, 1);
    case FIELD_STRINGS:
        return rdata_parse_strings(parser, 1, SIZE_MAX);
    case FIELD_TAG:
        return rdata_parse_tag(parser);
    case FIELD_LONG_STRING:
        return rdata_parse_long_string(parser);
    case FIELD_SALT:
        return rdata_parse_salt(parser);
    case FIELD_HASH:
        return rdata_parse_hash(parser);
    case FIELD_HEX:
        return rdata_parse_hex(parser);
    case FIELD_BASE64:
        return rdata_parse_base64(parser);
    case FIELD_BASE64_OPTIONAL:
        return rdata_parse_base64_optional(parser);
    case FIELD_BASE64_DASH:
        return rdata_parse_base64_dash(parser);
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
