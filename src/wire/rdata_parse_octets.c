/* Text to wire: strings, and octets in hexadecimal, base32hex and base64. */
#include "base/require.h"
#include "wire/rdata_parse.h"
#include "wire/text.h"

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

status_t rdata_parse_strings(rdata_parser_t *parser, size_t minimum, size_t maximum)
{
    for (size_t count = 0; count < maximum; count++) {
        bool taken = true;
        status_t status = count < minimum ? rdata_take(parser, "string") : rdata_take_if_any(parser, &taken);
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

status_t rdata_parse_tag(rdata_parser_t *parser)
{
    status_t status = rdata_take_word(parser, "property tag");
    if (status != STATUS_OK) {
        return status;
    }
    return parser->token.length > 0 ? write_string(parser) : rdata_unexpected(parser, "property tag");
}

status_t rdata_parse_long_string(rdata_parser_t *parser)
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

status_t rdata_parse_hex(rdata_parser_t *parser)
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

status_t rdata_parse_base64(rdata_parser_t *parser)
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

status_t rdata_parse_base64_optional(rdata_parser_t *parser)
{
    bool taken;
    status_t status = rdata_take_if_any(parser, &taken);
    parser->put_back = status == STATUS_OK && taken;
    return parser->put_back ? rdata_parse_base64(parser) : status;
}

static bool token_is(const rdata_parser_t *parser, char c)
{
    return parser->token.length == 1 && parser->token.text[0] == c && !parser->token.quoted;
}

status_t rdata_parse_base64_dash(rdata_parser_t *parser)
{
    status_t status = rdata_take_word(parser, "base64 text or \"-\"");
    if (status != STATUS_OK || token_is(parser, '-')) {
        return status;
    }
    parser->put_back = true;
    return rdata_parse_base64(parser);
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

status_t rdata_parse_salt(rdata_parser_t *parser)
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

status_t rdata_parse_hash(rdata_parser_t *parser)
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
