#include "net/address.h"

#include "base/bytes.h"

#include <arpa/inet.h>
#include <stdio.h>

socklen_t net_address_size(const net_address_t *address)
{
    return address->sa.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

uint16_t net_address_port(const net_address_t *address)
{
    return ntohs(address->sa.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

const char *net_address_text(const net_address_t *address, char text[static NET_ADDRESS_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN] = "?";
    char scope[16] = "";
    if (address->sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
        snprintf(text, NET_ADDRESS_TEXT_MAX, "%s:%u", host, net_address_port(address));
        return text;
    }
    inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
    if (address->v6.sin6_scope_id != 0) {
        snprintf(scope, sizeof scope, "%%%u", address->v6.sin6_scope_id);
    }
    snprintf(text, NET_ADDRESS_TEXT_MAX, "[%s%s]:%u", host, scope, net_address_port(address));
    return text;
}

bool net_address_equal(const net_address_t *a, const net_address_t *b)
{
    if (a->sa.sa_family != b->sa.sa_family || net_address_port(a) != net_address_port(b)) {
        return false;
    }
    if (a->sa.sa_family == AF_INET) {
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    }
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0 && a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

bool net_address_is_wildcard(const net_address_t *address)
{
    return address->sa.sa_family == AF_INET ? address->v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                            : IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

net_prefix_t net_address_prefix(const net_address_t *address)
{
    if (address->sa.sa_family == AF_INET) {
        return (net_prefix_t){.bits = ntohl(address->v4.sin_addr.s_addr), .family = AF_INET};
    }
    const uint8_t *bytes = address->v6.sin6_addr.s6_addr;
    return (net_prefix_t){.bits = ((uint64_t)load_be32(bytes) << 32 | load_be32(bytes + 4)) & ~UINT64_C(0xff), .family = AF_INET6};
}
