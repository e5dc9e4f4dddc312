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
        status = rdata_parse_field(parser, FIELD_HEX);
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

/* ---- bitmaps ---- */

/* Sets of 16-bit numbers in windows of 256; only the windows in use are cleared. */
typedef struct bit_set {
    uint8_t used[32]; /* a bit for each window */
    uint8_t bits[256][32];
} bit_set_t;

static bool window_is_used(const bit_set_t *set, unsigned window)
{
    return set->used[window >> 3] & 0x80u >> (window & 7);
}

static void bit_set_add(bit_set_t *set, uint16_t number)
{
    unsigned window = number >> 8;
    if (!window_is_used(set, window)) {
        set->used[window >> 3] |= (uint8_t)(0x80u >> (window & 7));
        memset(set->bits[window], 0, sizeof set->bits[window]);
    }
    set->bits[window][(number & 0xff) >> 3] |= (uint8_t)(0x80u >> (number & 7));
}

/* Octets of a window up to the last that is not zero. */
static uint8_t window_size(const bit_set_t *set, unsigned window)
{
    uint8_t size = 32;
    while (size > 0 && set->bits[window][size - 1] == 0) {
        size--;
    }
    return size;
}

static void write_windows(const bit_set_t *set, byte_writer_t *writer)
{
    for (unsigned octet = 0; octet < sizeof set->used; octet++) {
        for (unsigned window = octet * 8; set->used[octet] != 0 && window < octet * 8 + 8; window++) {
            if (window_is_used(set, window)) {
                uint8_t size = window_size(set, window);
                byte_write_u8(writer, (uint8_t)window);
                byte_write_u8(writer, size);
                byte_write(writer, set->bits[window], size);
            }
        }
    }
}

/* RFC 2535 5.2: one string of bits, for types 1 to 127. */
static void write_nxt(const bit_set_t *set, byte_writer_t *writer)
{
    if (window_is_used(set, 0)) {
        byte_write(writer, set->bits[0], window_size(set, 0));
    }
}

status_t rdata_parse_bitmap(rdata_parser_t *parser, uint8_t code)
{
    bit_set_t set;
    memset(set.used, 0, sizeof set.used);
    for (;;) {
        bool taken;
        status_t status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK) {
            return status;
        }
        if (!taken) {
            break;
        }
        uint16_t type;
        if (parser->token.quoted || rrtype_from_text(parser->token.text, parser->token.length, &type) != STATUS_OK) {
            return rdata_unexpected(parser, "record type");
        }
        if (code == FIELD_NXT_BITMAP && (type == 0 || type > 127)) {
            return rdata_unexpected(parser, "record type from 1 to 127");
        }
        bit_set_add(&set, type);
    }
    if (code == FIELD_NXT_BITMAP) {
        write_nxt(&set, &parser->writer);
    } else {
        write_windows(&set, &parser->writer);
    }
    return STATUS_OK;
}

/* The services that old zone files name (RFC 1010 and its successors); others are given by number. */
static const rdata_word_t services[] = {
    {"echo", 7},       {"discard", 9},    {"systat", 11}, {"daytime", 13}, {"netstat", 15},   {"qotd", 17},  {"chargen", 19},
    {"ftp-data", 20},  {"ftp", 21},       {"ssh", 22},    {"telnet", 23},  {"smtp", 25},      {"time", 37},  {"nameserver", 42},
    {"whois", 43},     {"domain", 53},    {"tftp", 69},   {"gopher", 70},  {"finger", 79},    {"http", 80},  {"www", 80},
    {"hostname", 101}, {"iso-tsap", 102}, {"pop2", 109},  {"pop3", 110},   {"sunrpc", 111},   {"auth", 113}, {"nntp", 119},
    {"ntp", 123},      {"imap", 143},     {"imap2", 143}, {"snmp", 161},   {"snmptrap", 162}, {"irc", 194},  {"ldap", 389},
    {"https", 443},    {"exec", 512},     {"login", 513}, {"shell", 514},  {"printer", 515},  {"talk", 517}, {"route", 520},
    {"uucp", 540},     {"imaps", 993},    {"pop3s", 995}, {NULL, 0},
};

static const rdata_word_t transports[] = {
    {"icmp", 1}, {"igmp", 2}, {"ggp", 3}, {"ip", 0}, {"tcp", 6}, {"egp", 8}, {"igp", 9}, {"udp", 17}, {"rdp", 27}, {NULL, 0},
};

/* RFC 1035 3.4.2. */
status_t rdata_parse_services(rdata_parser_t *parser)
{
    const rdata_words_t protocol = {transports, UINT8_MAX, "protocol number, TCP or UDP"};
    const rdata_words_t service = {services, UINT16_MAX, "port number or service name"};
    status_t status = rdata_take_word(parser, protocol.expected);
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t number;
    if (!text_to_u32(parser->token.text, parser->token.length, UINT8_MAX, &number) &&
        !rdata_word_find(&protocol, parser->token.text, parser->token.length, &number)) {
        return rdata_unexpected(parser, protocol.expected);
    }
    byte_write_u8(&parser->writer, (uint8_t)number);
    uint8_t bits[65536 / 8];
    memset(bits, 0, sizeof bits);
    size_t size = 0;
    for (;;) {
        bool taken;
        status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK) {
            return status;
        }
        if (!taken) {
            byte_write(&parser->writer, bits, size);
            return STATUS_OK;
        }
        if (!text_to_u32(parser->token.text, parser->token.length, UINT16_MAX, &number) &&
            !rdata_word_find(&service, parser->token.text, parser->token.length, &number)) {
            return rdata_unexpected(parser, service.expected);
        }
        bits[number >> 3] |= (uint8_t)(0x80u >> (number & 7));
        size = size > (number >> 3) + 1 ? size : (number >> 3) + 1;
    }
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
