/* Text to wire: the fields with a grammar of their own, and the \# form. */
#include "wire/rdata_parse.h"
#include "wire/rdata_words.h"
#include "wire/rrtype.h"
#include "wire/text.h"

#include <string.h>

static bool token_is(const rdata_parser_t *parser, const char *word)
{
    return text_equal(parser->token.text, parser->token.length, word);
}

/* ---- \# (RFC 3597 5) ---- */

status_t rdata_parse_generic(rdata_parser_t *parser)
{
    uint32_t length;
    status_t status = rdata_parse_number(parser, RDATA_MAX, &length, "length of the data, from 0 to 65535,");
    if (status != STATUS_OK) {
        return status;
    }
    if (length > 0) {
        status = rdata_parse_hex(parser);
    } else {
        bool taken;
        status = rdata_take_if_any(parser, &taken);
        if (status == STATUS_OK && taken) {
            return rdata_unexpected(parser, "end of the record");
        }
    }
    if (status == STATUS_OK && parser->writer.position != length) {
        return rdata_fail(parser, STATUS_MALFORMED, NULL, "the length says %u octets, and %zu are given", length, parser->writer.position);
    }
    return status;
}

/* ---- identifiers in groups ---- */

/* Groups of up to `digits` hexadecimal digits (exactly so many when `full`) between separators. */
typedef struct group_form {
    unsigned groups;
    unsigned digits;
    char separator;
    bool full;
    const char *expected;
} group_form_t;

static bool scan_groups(const rdata_parser_t *parser, const group_form_t *form, uint8_t *out)
{
    const char *text = parser->token.text;
    const char *end = text + parser->token.length;
    for (unsigned group = 0; group < form->groups; group++) {
        unsigned value = 0;
        unsigned digits = 0;
        for (; text < end && text_hex_digit(*text) >= 0; text++) {
            value = value << 4 | (unsigned)text_hex_digit(*text);
            if (++digits > form->digits) {
                return false;
            }
        }
        if (digits == 0 || (form->full && digits != form->digits)) {
            return false;
        }
        if (form->digits == 4) {
            *out++ = (uint8_t)(value >> 8);
        }
        *out++ = (uint8_t)value;
        if (group + 1 < form->groups && (text == end || *text++ != form->separator)) {
            return false;
        }
    }
    return text == end;
}

static status_t parse_groups(rdata_parser_t *parser, const group_form_t *form)
{
    status_t status = rdata_take_word(parser, form->expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t out[8];
    if (!scan_groups(parser, form, out)) {
        return rdata_unexpected(parser, form->expected);
    }
    byte_write(&parser->writer, out, form->groups * form->digits / 2);
    return STATUS_OK;
}

static const group_form_t ilnp64 = {4, 4, ':', false, "four groups of hexadecimal digits, as in 14:4fff:ff20:ee64,"};
static const group_form_t eui48 = {6, 2, '-', true, "address as in 00-00-5e-00-53-2a"};
static const group_form_t eui64 = {8, 2, '-', true, "address as in 00-00-5e-ef-10-00-00-2a"};

/* ---- gateways and relays ---- */

static status_t parse_gateway(rdata_parser_t *parser, uint8_t code)
{
    switch (rdata_gateway_type(code, parser->writer.data)) {
    case GATEWAY_NONE: {
        status_t status = rdata_take_word(parser, "\".\" for no gateway");
        return status == STATUS_OK && !token_is(parser, ".") ? rdata_unexpected(parser, "\".\" for no gateway") : status;
    }
    case GATEWAY_IPV4:
        return rdata_parse_field(parser, FIELD_IPV4);
    case GATEWAY_IPV6:
        return rdata_parse_field(parser, FIELD_IPV6);
    case GATEWAY_NAME:
        return rdata_parse_name(parser);
    default:
        return rdata_fail(parser, STATUS_INVALID, NULL, "the type of gateway or relay is 0 (none), 1 (IPv4), 2 (IPv6) or 3 (name)");
    }
}

/* RFC 8777 4.3.1: the discovery-optional bit, then the type. */
static status_t parse_relay_type(rdata_parser_t *parser)
{
    uint32_t optional;
    status_t status = rdata_parse_number(parser, 1, &optional, "discovery-optional flag, 0 or 1,");
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t type;
    status = rdata_parse_number(parser, 127, &type, "relay type");
    if (status == STATUS_OK) {
        byte_write_u8(&parser->writer, (uint8_t)(optional << 7 | type));
    }
    return status;
}

/* ---- HIP (RFC 8005 6) ---- */

static status_t parse_hip(rdata_parser_t *parser)
{
    uint32_t algorithm;
    status_t status = rdata_parse_number(parser, UINT8_MAX, &algorithm, "algorithm number");
    if (status == STATUS_OK) {
        status = rdata_take_word(parser, "HIT in hexadecimal digits");
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint8_t *head = byte_reserve(&parser->writer, 4);
    if (!head) {
        return rdata_too_long(parser);
    }
    radix_decoder_t hex = {0};
    size_t took = hex_feed(&hex, parser->token.text, parser->token.length, &parser->writer);
    size_t hit_size = parser->writer.position - 4;
    if (took < parser->token.length || !hex_finish(&hex) || hit_size == 0 || hit_size > UINT8_MAX) {
        return rdata_unexpected(parser, "HIT in hexadecimal digits");
    }
    status = rdata_take_word(parser, "public key in base64");
    if (status != STATUS_OK) {
        return status;
    }
    radix_decoder_t base64 = {0};
    took = base64_feed(&base64, parser->token.text, parser->token.length, &parser->writer);
    size_t key_size = parser->writer.position - 4 - hit_size;
    if (took < parser->token.length || !base64_finish(&base64) || key_size == 0) {
        return rdata_unexpected(parser, "public key in base64, as one word,");
    }
    head[0] = (uint8_t)hit_size;
    head[1] = (uint8_t)algorithm;
    store_be16(head + 2, (uint16_t)key_size);
    return STATUS_OK;
}

/* ---- APL (RFC 3123 5) ---- */

static status_t parse_apl_item(rdata_parser_t *parser)
{
    const char *expected = "address prefix as in 1:192.0.2.0/24 or !2:2001:db8::/32";
    const char *text = parser->token.text;
    const char *end = text + parser->token.length;
    bool negated = text < end && *text == '!';
    text += negated;
    const char *colon = memchr(text, ':', (size_t)(end - text));
    const char *slash = colon ? memchr(colon, '/', (size_t)(end - colon)) : NULL;
    uint32_t family;
    uint32_t prefix;
    if (!slash || parser->token.quoted || !text_to_u32(text, (size_t)(colon - text), UINT16_MAX, &family) || (family != 1 && family != 2) ||
        !text_to_u32(slash + 1, (size_t)(end - slash - 1), family == 1 ? 32 : 128, &prefix)) {
        return rdata_unexpected(parser, expected);
    }
    uint8_t address[16] = {0};
    size_t length = (size_t)(slash - colon - 1);
    if (!(family == 1 ? text_to_ipv4(colon + 1, length, address) : text_to_ipv6(colon + 1, length, address))) {
        return rdata_unexpected(parser, expected);
    }
    /* Zero octets at the end are not sent (RFC 3123 4). */
    uint8_t size = family == 1 ? 4 : 16;
    while (size > 0 && address[size - 1] == 0) {
        size--;
    }
    byte_write_u16(&parser->writer, (uint16_t)family);
    byte_write_u8(&parser->writer, (uint8_t)prefix);
    byte_write_u8(&parser->writer, (uint8_t)(size | (negated ? 0x80 : 0)));
    byte_write(&parser->writer, address, size);
    return STATUS_OK;
}

static status_t parse_apl(rdata_parser_t *parser)
{
    for (;;) {
        bool taken;
        status_t status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK || !taken) {
            return status;
        }
        status = parse_apl_item(parser);
        if (status != STATUS_OK) {
            return status;
        }
        if (parser->writer.failed) {
            return rdata_too_long(parser);
        }
    }
}

/* ---- NSAP, ATMA ---- */

/* Hexadecimal digits with dots between octets for the eye (RFC 1706 7). */
static bool write_dotted_hex(rdata_parser_t *parser, const char *text, const char *end)
{
    radix_decoder_t decoder = {0};
    size_t start = parser->writer.position;
    for (; text < end; text++) {
        if (*text == '.' && decoder.count == 0) {
            continue;
        }
        if (hex_feed(&decoder, text, 1, &parser->writer) == 0) {
            return false;
        }
    }
    return hex_finish(&decoder) && parser->writer.position > start;
}

static status_t parse_nsap(rdata_parser_t *parser)
{
    const char *expected = "NSAP address as in 0x47.0005.80";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    const char *text = parser->token.text;
    bool marked = parser->token.length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    bool good = marked && write_dotted_hex(parser, text + 2, text + parser->token.length);
    return good ? STATUS_OK : rdata_unexpected(parser, expected);
}

enum { ATMA_AESA = 0, ATMA_E164 = 1 };

static status_t parse_atma(rdata_parser_t *parser)
{
    const char *expected = "ATM address: + and digits, or hexadecimal digits,";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    const char *text = parser->token.text;
    const char *end = text + parser->token.length;
    if (text == end) {
        return rdata_unexpected(parser, expected);
    }
    if (*text != '+') {
        byte_write_u8(&parser->writer, ATMA_AESA);
        return write_dotted_hex(parser, text, end) ? STATUS_OK : rdata_unexpected(parser, expected);
    }
    byte_write_u8(&parser->writer, ATMA_E164);
    unsigned digits = 0;
    for (text++; text < end; text++) {
        if (*text == '.' && digits > 0) {
            continue;
        }
        if (*text < '0' || *text > '9') {
            return rdata_unexpected(parser, expected);
        }
        byte_write_u8(&parser->writer, (uint8_t)*text);
        digits++;
    }
    return digits > 0 ? STATUS_OK : rdata_unexpected(parser, expected);
}

/* ---- A6 (RFC 2874 3.2) ---- */

static status_t parse_a6_prefix(rdata_parser_t *parser)
{
    uint32_t prefix;
    status_t status = rdata_parse_number(parser, 128, &prefix, "prefix length from 0 to 128");
    if (status != STATUS_OK) {
        return status;
    }
    byte_write_u8(&parser->writer, (uint8_t)prefix);
    if (prefix == 128) {
        return STATUS_OK;
    }
    uint8_t address[16];
    status = rdata_take_word(parser, "IPv6 address suffix");
    if (status != STATUS_OK) {
        return status;
    }
    if (!text_to_ipv6(parser->token.text, parser->token.length, address)) {
        return rdata_unexpected(parser, "IPv6 address suffix");
    }
    /* The prefix's own bits are not part of the suffix. */
    unsigned first = prefix / 8;
    address[first] &= (uint8_t)(0xff >> prefix % 8);
    byte_write(&parser->writer, address + first, 16 - first);
    return STATUS_OK;
}

/* ---- KEY flags (RFC 2535 7.1) ---- */

static status_t parse_key_flags(rdata_parser_t *parser)
{
    const rdata_words_t *words = rdata_words(FIELD_KEY_FLAGS);
    status_t status = rdata_take_word(parser, words->expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t flags = 0;
    const char *text = parser->token.text;
    const char *end = text + parser->token.length;
    if (!text_to_u32(text, parser->token.length, UINT16_MAX, &flags)) {
        flags = 0;
        for (bool more = true; more;) {
            const char *bar = memchr(text, '|', (size_t)(end - text));
            const char *stop = bar ? bar : end;
            uint32_t value;
            if (!rdata_word_find(words, text, (size_t)(stop - text), &value)) {
                return rdata_unexpected(parser, words->expected);
            }
            flags |= value;
            more = bar != NULL;
            text = stop + more;
        }
    }
    byte_write_u16(&parser->writer, (uint16_t)flags);
    return STATUS_OK;
}

status_t rdata_parse_special(rdata_parser_t *parser, uint8_t code)
{
    switch (code) {
    case FIELD_ILNP64:
        return parse_groups(parser, &ilnp64);
    case FIELD_EUI48:
        return parse_groups(parser, &eui48);
    case FIELD_EUI64:
        return parse_groups(parser, &eui64);
    case FIELD_KEY_FLAGS:
        return parse_key_flags(parser);
    case FIELD_NSAP:
        return parse_nsap(parser);
    case FIELD_SERVICES:
        return rdata_parse_services(parser);
    case FIELD_GATEWAY:
    case FIELD_RELAY:
        return parse_gateway(parser, code);
    case FIELD_RELAY_TYPE:
        return parse_relay_type(parser);
    case FIELD_HIP:
        return parse_hip(parser);
    case FIELD_APL:
        return parse_apl(parser);
    case FIELD_LOC:
        return rdata_parse_loc(parser);
    case FIELD_SVCPARAMS:
        return rdata_parse_svcparams(parser);
    case FIELD_ATMA:
        return parse_atma(parser);
    case FIELD_A6_PREFIX:
        return parse_a6_prefix(parser);
    case FIELD_A6_NAME:
        return parser->writer.data[0] > 0 ? rdata_parse_name(parser) : STATUS_OK;
    default:
        return rdata_fail(parser, STATUS_UNSUPPORTED, NULL, "this type has no text form but \\#");
    }
}
