/* Text to wire: sets of types and of services. */
#include "wire/rdata_parse.h"
#include "wire/rdata_words.h"
#include "wire/rrtype.h"
#include "wire/text.h"

#include <string.h>

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
    {"tcpmux", 1},      {"rje", 5},     {"echo", 7},         {"discard", 9},       {"systat", 11},       {"daytime", 13},
    {"netstat", 15},    {"qotd", 17},   {"chargen", 19},     {"ftp-data", 20},     {"ftp", 21},          {"ssh", 22},
    {"telnet", 23},     {"smtp", 25},   {"time", 37},        {"nameserver", 42},   {"whois", 43},        {"domain", 53},
    {"tacacs", 49},     {"bootps", 67}, {"bootpc", 68},      {"tftp", 69},         {"gopher", 70},       {"finger", 79},
    {"http", 80},       {"www", 80},    {"kerberos", 88},    {"link", 87},         {"supdup", 95},       {"hostname", 101},
    {"iso-tsap", 102},  {"pop2", 109},  {"pop3", 110},       {"sunrpc", 111},      {"auth", 113},        {"nntp", 119},
    {"uucp-path", 117}, {"ntp", 123},   {"netbios-ns", 137}, {"netbios-dgm", 138}, {"netbios-ssn", 139}, {"imap", 143},
    {"imap2", 143},     {"snmp", 161},  {"snmptrap", 162},   {"bgp", 179},         {"irc", 194},         {"ldap", 389},
    {"https", 443},     {"exec", 512},  {"login", 513},      {"shell", 514},       {"printer", 515},     {"talk", 517},
    {"route", 520},     {"uucp", 540},  {"submission", 587}, {"ldaps", 636},       {"domain-s", 853},    {"imaps", 993},
    {"pop3s", 995},     {NULL, 0},
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
