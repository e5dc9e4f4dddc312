/* Addresses of servers, prefixes, source addresses, and points in time. */
#include "control/value.h"

#include "base/require.h"
#include "wire/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128 };

/* ---- servers ---- */

/* Somebody used to another program writes 192.0.2.1@5353 or 192.0.2.1#5353. */
static void hint_port(const char *text, size_t length, value_error_t *error)
{
    size_t at = 0;
    while (at < length && text[at] != '@' && text[at] != '#') {
        at++;
    }
    if (at < length) {
        bool is_v6 = memchr(text, ':', at) != NULL;
        snprintf(error->hint, sizeof error->hint, "%s%.*s%s:%.*s", is_v6 ? "[" : "", value_shown(at), text, is_v6 ? "]" : "",
                 value_shown(length - at - 1), text + at + 1);
    } else {
        snprintf(error->hint, sizeof error->hint, "192.0.2.1, 192.0.2.1:5353, 2001:db8::1 or [2001:db8::1]:5353");
    }
}

static status_t parse_port(const char *text, size_t length, size_t at, uint16_t *port, value_error_t *error)
{
    uint32_t number;
    if (!text_to_u32(text + at, length - at, UINT16_MAX, &number) || number == 0) {
        return value_invalid(error, at, "a port from 1 to 65535 expected, got \"%.*s\"", value_shown(length - at), text + at);
    }
    *port = (uint16_t)number;
    return STATUS_OK;
}

status_t value_parse_server(const char *text, size_t length, resolver_address_t *address, value_error_t *error)
{
    *error = (value_error_t){.at = 0};
    if (resolver_address_from_text(address, text, length)) {
        return STATUS_OK;
    }
    bool bracket = length > 0 && text[0] == '[';
    const char *end = length > 0 ? memchr(text, bracket ? ']' : ':', length) : NULL;
    size_t start = bracket ? 1 : 0;
    size_t size = end ? (size_t)(end - text) - start : length - start;
    if (bracket && !end) {
        return value_invalid(error, 0, "the closing bracket is missing");
    }
    bool good = resolver_address_from_text(address, text + start, size) && bracket == (address->family == RESOLVER_IPV6);
    if (!good) {
        hint_port(text, length, error);
        return value_invalid(error, start, "the IP address of a server expected, got \"%.*s\"", value_shown(length), text);
    }
    size_t behind = start + size + (bracket ? 1 : 0);
    if (behind == length) {
        return STATUS_OK;
    }
    if (text[behind] != ':') {
        hint_port(text, length, error);
        return value_invalid(error, behind, "a colon and a port expected behind the address");
    }
    return parse_port(text, length, behind + 1, &address->port, error);
}

void value_print_server(const resolver_address_t *address, buffer_t *out)
{
    bool has_port = address->port != RESOLVER_PORT;
    bool bracket = has_port && address->family == RESOLVER_IPV6;
    resolver_address_t plain = *address;
    plain.port = RESOLVER_PORT;
    buffer_append_text(out, bracket ? "[" : "");
    resolver_address_to_text(&plain, out);
    buffer_append_text(out, bracket ? "]" : "");
    if (has_port) {
        buffer_printf(out, ":%u", address->port);
    }
}

/* ---- prefixes ---- */

static bool has_host_bits(const resolver_prefix_t *prefix)
{
    unsigned bits = prefix->address.family == RESOLVER_IPV4 ? IPV4_BITS : IPV6_BITS;
    for (unsigned i = prefix->length; i < bits; i++) {
        if (prefix->address.bytes[i / 8] & (0x80u >> (i % 8))) {
            return true;
        }
    }
    return false;
}

status_t value_parse_prefix(const char *text, size_t length, resolver_prefix_t *prefix, value_error_t *error)
{
    *error = (value_error_t){.at = 0};
    *prefix = (resolver_prefix_t){.length = 0};
    const char *slash = length > 0 ? memchr(text, '/', length) : NULL;
    size_t size = slash ? (size_t)(slash - text) : length;
    if (!resolver_address_from_text(&prefix->address, text, size)) {
        snprintf(error->hint, sizeof error->hint, "192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
        return value_invalid(error, 0, "an address or prefix expected, got \"%.*s\"", value_shown(length), text);
    }
    unsigned bits = prefix->address.family == RESOLVER_IPV4 ? IPV4_BITS : IPV6_BITS;
    uint32_t number = bits;
    if (slash && !text_to_u32(slash + 1, length - size - 1, bits, &number)) {
        return value_invalid(error, size + 1, "the length of a prefix, 0 to %u, expected, got \"%.*s\"", bits,
                             value_shown(length - size - 1), slash + 1);
    }
    prefix->length = (uint8_t)number;
    if (has_host_bits(prefix)) {
        snprintf(error->hint, sizeof error->hint, "clear the bits behind the prefix length");
        return value_invalid(error, 0, "\"%.*s\" has bits set behind its prefix length", value_shown(length), text);
    }
    return STATUS_OK;
}

void value_print_prefix(const resolver_prefix_t *prefix, buffer_t *out)
{
    resolver_address_t plain = prefix->address;
    plain.port = RESOLVER_PORT;
    resolver_address_to_text(&plain, out);
    if (prefix->length != (plain.family == RESOLVER_IPV4 ? IPV4_BITS : IPV6_BITS)) {
        buffer_printf(out, "/%u", prefix->length);
    }
}

/* ---- source addresses ---- */

status_t value_parse_source(const char *text, size_t length, net_address_t *address, value_error_t *error)
{
    *error = (value_error_t){.at = 0};
    *address = (net_address_t){.v6 = {.sin6_family = AF_UNSPEC}};
    resolver_address_t plain;
    if (!resolver_address_from_text(&plain, text, length)) {
        return value_invalid(error, 0, "an IP address of this host, without a port, expected, got \"%.*s\"", value_shown(length), text);
    }
    if (plain.family == RESOLVER_IPV4) {
        address->v4.sin_family = AF_INET;
        memcpy(&address->v4.sin_addr, plain.bytes, sizeof address->v4.sin_addr);
    } else {
        address->v6.sin6_family = AF_INET6;
        memcpy(&address->v6.sin6_addr, plain.bytes, sizeof address->v6.sin6_addr);
    }
    return STATUS_OK;
}

void value_print_source(const net_address_t *address, buffer_t *out)
{
    if (address->sa.sa_family == AF_INET) {
        text_append_ipv4(out, (const uint8_t *)&address->v4.sin_addr);
    } else {
        text_append_ipv6(out, address->v6.sin6_addr.s6_addr);
    }
}

/* ---- time ---- */

typedef struct time_reader {
    const char *text;
    size_t length;
    size_t at;
    bool failed;
} time_reader_t;

/* Exactly so many digits. */
static int take_number(time_reader_t *reader, unsigned digits)
{
    int number = 0;
    for (unsigned i = 0; i < digits; i++) {
        char c = reader->at < reader->length ? reader->text[reader->at] : 0;
        if (c < '0' || c > '9') {
            reader->failed = true;
            return 0;
        }
        number = number * 10 + (c - '0');
        reader->at++;
    }
    return number;
}

static bool take_one_of(time_reader_t *reader, const char *characters)
{
    char c = reader->at < reader->length ? reader->text[reader->at] : 0;
    bool good = c != 0 && strchr(characters, c) != NULL;
    reader->at += good;
    return good;
}

static int take_behind(time_reader_t *reader, const char *character)
{
    reader->failed |= !take_one_of(reader, character);
    return take_number(reader, 2);
}

/* What is behind the time: seconds east of UTC. */
static int take_offset(time_reader_t *reader)
{
    if (reader->at == reader->length || take_one_of(reader, "Zz")) {
        return 0;
    }
    bool west = reader->text[reader->at] == '-';
    reader->failed |= !take_one_of(reader, "+-");
    int hours = take_number(reader, 2);
    int minutes = take_behind(reader, ":");
    reader->failed |= hours > 23 || minutes > 59;
    return (west ? -1 : 1) * (hours * 3600 + minutes * 60);
}

status_t value_parse_time(const char *text, size_t length, uint64_t *time_s, value_error_t *error)
{
    *error = (value_error_t){.at = 0};
    time_reader_t reader = {.text = text, .length = length};
    struct tm parts = {.tm_year = take_number(&reader, 4) - 1900};
    parts.tm_mon = take_behind(&reader, "-") - 1;
    parts.tm_mday = take_behind(&reader, "-");
    int offset_s = 0;
    if (!reader.failed && reader.at < length) {
        parts.tm_hour = take_behind(&reader, "Tt ");
        parts.tm_min = take_behind(&reader, ":");
        parts.tm_sec = reader.at < length && text[reader.at] == ':' ? take_behind(&reader, ":") : 0;
        offset_s = take_offset(&reader);
    }
    struct tm normal = parts;
    time_t seconds = timegm(&normal);
    bool exists = normal.tm_mon == parts.tm_mon && normal.tm_mday == parts.tm_mday && normal.tm_hour == parts.tm_hour &&
                  normal.tm_min == parts.tm_min && normal.tm_sec == parts.tm_sec;
    if (reader.failed || reader.at < length || !exists || seconds - offset_s < 0) {
        snprintf(error->hint, sizeof error->hint, "2026-09-01, 2026-09-01T12:00:00Z or 2026-09-01T14:00:00+02:00");
        return value_invalid(error, 0, "a point in time expected, got \"%.*s\"", value_shown(length), text);
    }
    *time_s = (uint64_t)(seconds - offset_s);
    return STATUS_OK;
}
