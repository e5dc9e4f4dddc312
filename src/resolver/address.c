#include "resolver/address.h"

#include "base/require.h"
#include "resolver/settings.h"
#include "wire/rrtype.h"
#include "wire/text.h"

#include <string.h>

_Static_assert(sizeof(resolver_address_t) == 20, "compared and hashed as memory");

bool resolver_address_from_rdata(resolver_address_t *address, uint16_t type, const uint8_t *rdata, size_t rdlength)
{
    size_t size = type == TYPE_A ? 4 : 16;
    if ((type != TYPE_A && type != TYPE_AAAA) || rdlength != size) {
        return false;
    }
    *address = (resolver_address_t){.family = type == TYPE_A ? RESOLVER_IPV4 : RESOLVER_IPV6, .port = RESOLVER_PORT};
    memcpy(address->bytes, rdata, size);
    return true;
}

bool resolver_address_from_text(resolver_address_t *address, const char *text, size_t length)
{
    *address = (resolver_address_t){.family = RESOLVER_IPV4, .port = RESOLVER_PORT};
    if (text_to_ipv4(text, length, address->bytes)) {
        return true;
    }
    memset(address->bytes, 0, sizeof address->bytes);
    address->family = RESOLVER_IPV6;
    return text_to_ipv6(text, length, address->bytes);
}

void resolver_address_to_text(const resolver_address_t *address, buffer_t *out)
{
    if (address->family == RESOLVER_IPV4) {
        text_append_ipv4(out, address->bytes);
    } else {
        text_append_ipv6(out, address->bytes);
    }
    if (address->port != RESOLVER_PORT) {
        buffer_printf(out, "#%u", address->port);
    }
}

bool resolver_address_equal(const resolver_address_t *a, const resolver_address_t *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool resolver_prefix_contains(const resolver_prefix_t *prefix, const resolver_address_t *address)
{
    if (prefix->address.family != address->family) {
        return false;
    }
    unsigned whole = prefix->length / 8;
    unsigned bits = prefix->length % 8;
    if (memcmp(prefix->address.bytes, address->bytes, whole) != 0) {
        return false;
    }
    uint8_t mask = (uint8_t)(0xff00u >> bits);
    return bits == 0 || ((prefix->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

static bool ipv4_is_unicast(const uint8_t *bytes, bool ask_loopback)
{
    if (bytes[0] == 0 || bytes[0] >= 224) { /* this network; multicast, reserved, broadcast */
        return false;
    }
    return bytes[0] != 127 || ask_loopback;
}

static bool ipv6_is_unicast(const uint8_t *bytes, bool ask_loopback)
{
    static const uint8_t zero[15];
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (bytes[0] == 0xff || memcmp(bytes, mapped, sizeof mapped) == 0) {
        return false;
    }
    if (memcmp(bytes, zero, sizeof zero) == 0) { /* ::, ::1 and the sort */
        return bytes[15] == 1 && ask_loopback;
    }
    return true;
}

bool resolver_address_may_be_asked(const struct resolver_settings *settings, const resolver_address_t *address)
{
    bool is_ipv4 = address->family == RESOLVER_IPV4;
    if (address->port == 0 || !(is_ipv4 ? settings->ipv4 : settings->ipv6)) {
        return false;
    }
    if (!(is_ipv4 ? ipv4_is_unicast : ipv6_is_unicast)(address->bytes, settings->ask_loopback)) {
        return false;
    }
    for (size_t i = 0; i < settings->denied_count; i++) {
        if (resolver_prefix_contains(&settings->denied[i], address)) {
            return false;
        }
    }
    return true;
}
