/* Socket addresses: text, comparison, and the prefix that stands for one client (RFC 7766 6.2.2's limits per client).
 *
 * All functions are pure; any thread.
 */
#pragma once

#include "net/handler.h"

enum { NET_ADDRESS_TEXT_MAX = 80 }; /* "[address%scope]:port" with terminator */

/* What one client is counted by: its /32 (IPv4) or its /56 (IPv6: what one site is commonly given). */
typedef struct net_prefix {
    uint64_t bits;   /* the prefix, left-aligned for IPv6 */
    uint64_t family; /* AF_INET or AF_INET6 */
} net_prefix_t;

/* Bytes of the sockaddr, by its family. */
socklen_t net_address_size(const net_address_t *address);
/* Host order. */
uint16_t net_address_port(const net_address_t *address);
/* "192.0.2.1:53" or "[2001:db8::1]:53"; text is terminated. Returns text. */
const char *net_address_text(const net_address_t *address, char text[static NET_ADDRESS_TEXT_MAX]);
/* Family, address, port and scope are the same. */
bool net_address_equal(const net_address_t *a, const net_address_t *b);
/* 0.0.0.0 or ::. */
bool net_address_is_wildcard(const net_address_t *address);
net_prefix_t net_address_prefix(const net_address_t *address);
