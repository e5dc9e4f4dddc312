#include "resolver/dns64.h"

#include "base/bytes.h"
#include "base/require.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <string.h>

enum {
    IPV4_SIZE = 4,
    IPV6_SIZE = 16,
    LENGTH_SIZE = 2,
    RESERVED_OCTET = 8, /* bits 64 to 71 are zero in every form (RFC 6052 2.2) */
    PREFIX_BITS_MAX = 96,
    NIBBLES = 32,
};

bool dns64_prefix_is_valid(const resolver_prefix_t *prefix)
{
    unsigned length = prefix->length;
    bool is_length = length == PREFIX_BITS_MAX || (length >= 32 && length <= 64 && length % 8 == 0);
    return prefix->address.family == RESOLVER_IPV6 && is_length && (length < PREFIX_BITS_MAX || prefix->address.bytes[RESERVED_OCTET] == 0);
}

/* Where the address's octets stand behind a prefix. */
static void places(const resolver_prefix_t *prefix, unsigned place[static IPV4_SIZE])
{
    unsigned at = prefix->length / 8;
    for (unsigned i = 0; i < IPV4_SIZE; i++) {
        at += at == RESERVED_OCTET;
        place[i] = at++;
    }
}

void dns64_embed(const resolver_prefix_t *prefix, const uint8_t ipv4[static IPV4_SIZE], uint8_t ipv6[static IPV6_SIZE])
{
    unsigned place[IPV4_SIZE];
    places(prefix, place);
    memset(ipv6, 0, IPV6_SIZE);
    memcpy(ipv6, prefix->address.bytes, prefix->length / 8);
    for (unsigned i = 0; i < IPV4_SIZE; i++) {
        ipv6[place[i]] = ipv4[i];
    }
}

bool dns64_extract(const resolver_prefix_t *prefix, const uint8_t ipv6[static IPV6_SIZE], uint8_t ipv4[static IPV4_SIZE])
{
    uint8_t again[IPV6_SIZE];
    unsigned place[IPV4_SIZE];
    places(prefix, place);
    for (unsigned i = 0; i < IPV4_SIZE; i++) {
        ipv4[i] = ipv6[place[i]];
    }
    dns64_embed(prefix, ipv4, again);
    return memcmp(again, ipv6, IPV6_SIZE) == 0;
}

status_t dns64_make(const resolver_settings_t *settings, const rrset_t *a, uint32_t ttl_max_s, arena_t *arena, rrset_t *aaaa)
{
    size_t capacity = (size_t)a->count * settings->dns64_count * (LENGTH_SIZE + IPV6_SIZE);
    uint8_t *memory = arena_alloc(arena, capacity);
    status_t status = rrset_copy(aaaa, a, arena);
    if (!memory || status != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    byte_writer_t writer = byte_writer(memory, capacity);
    const uint8_t *at = NULL;
    const uint8_t *ipv4;
    uint16_t rdlength;
    uint16_t count = 0;
    while ((ipv4 = rrset_next(a, &at, &rdlength)) != NULL) {
        for (size_t i = 0; rdlength == IPV4_SIZE && i < settings->dns64_count; i++) {
            uint8_t ipv6[IPV6_SIZE];
            dns64_embed(&settings->dns64[i], ipv4, ipv6);
            byte_write_u16(&writer, IPV6_SIZE);
            byte_write(&writer, ipv6, sizeof ipv6);
            count++;
        }
    }
    REQUIRE(!writer.failed);
    aaaa->type = TYPE_AAAA;
    aaaa->ttl_s = a->ttl_s < ttl_max_s ? a->ttl_s : ttl_max_s;
    aaaa->count = count;
    aaaa->data = memory;
    aaaa->data_size = (uint32_t)writer.position;
    aaaa->signature_count = 0;
    aaaa->signature_size = 0;
    return STATUS_OK;
}

static bool is_excluded(const resolver_settings_t *settings, const uint8_t *rdata, uint16_t rdlength)
{
    resolver_address_t address;
    if (!resolver_address_from_rdata(&address, TYPE_AAAA, rdata, rdlength)) {
        return false;
    }
    for (size_t i = 0; i < settings->dns64_excluded_count; i++) {
        if (resolver_prefix_contains(&settings->dns64_excluded[i], &address)) {
            return true;
        }
    }
    return false;
}

bool dns64_has_excluded(const resolver_settings_t *settings, const rrset_t *aaaa)
{
    const uint8_t *at = NULL;
    const uint8_t *rdata;
    uint16_t rdlength;
    while ((rdata = rrset_next(aaaa, &at, &rdlength)) != NULL) {
        if (is_excluded(settings, rdata, rdlength)) {
            return true;
        }
    }
    return false;
}

status_t dns64_filter(const resolver_settings_t *settings, const rrset_t *aaaa, arena_t *arena, rrset_t *left)
{
    uint8_t *memory = arena_alloc(arena, aaaa->data_size);
    status_t status = rrset_copy(left, aaaa, arena);
    if (!memory || status != STATUS_OK) {
        return STATUS_NO_MEMORY;
    }
    byte_writer_t writer = byte_writer(memory, aaaa->data_size);
    const uint8_t *at = NULL;
    const uint8_t *rdata;
    uint16_t rdlength;
    left->count = 0;
    while ((rdata = rrset_next(aaaa, &at, &rdlength)) != NULL) {
        if (!is_excluded(settings, rdata, rdlength)) {
            byte_write_u16(&writer, rdlength);
            byte_write(&writer, rdata, rdlength);
            left->count++;
        }
    }
    REQUIRE(!writer.failed);
    left->data = memory;
    left->data_size = (uint32_t)writer.position;
    left->signature_count = 0;
    left->signature_size = 0;
    return left->count > 0 ? STATUS_OK : STATUS_NOT_FOUND;
}

/* ---- reverse ---- */

static int nibble_of(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The address of a full name below ip6.arpa (RFC 3596 2.5). */
static bool read_reverse(const uint8_t *name, uint8_t ipv6[static IPV6_SIZE])
{
    static const uint8_t tree[] = "\3ip6\4arpa";
    for (unsigned i = 0; i < NIBBLES; i++) {
        int nibble = name[0] == 1 ? nibble_of(name[1]) : -1;
        if (nibble < 0) {
            return false;
        }
        uint8_t *octet = &ipv6[(NIBBLES - 1 - i) / 2];
        *octet = i % 2 == 0 ? (uint8_t)nibble : (uint8_t)(*octet | nibble << 4);
        name += 2;
    }
    return name_equal(name, tree);
}

bool dns64_pointer(const resolver_settings_t *settings, const uint8_t *name, name_t *target)
{
    static const uint8_t root[NAME_PADDING] = {0};
    uint8_t ipv6[IPV6_SIZE];
    uint8_t ipv4[IPV4_SIZE];
    if (settings->dns64_count == 0 || !read_reverse(name, ipv6)) {
        return false;
    }
    for (size_t i = 0; i < settings->dns64_count; i++) {
        if (dns64_extract(&settings->dns64[i], ipv6, ipv4)) {
            char text[sizeof "255.255.255.255.in-addr.arpa."];
            int length = snprintf(text, sizeof text, "%u.%u.%u.%u.in-addr.arpa.", ipv4[3], ipv4[2], ipv4[1], ipv4[0]);
            return name_from_text(target, text, (size_t)length, root, NULL) == STATUS_OK;
        }
    }
    return false;
}
