/* Addresses of servers that the resolver asks, and which of them it may ask. (net/ has socket addresses; this layer has no sockets.)
 *
 * Invariant: bytes behind an IPv4 address are zero, so that two addresses are equal exactly when their memory is.
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resolver_settings;

enum { RESOLVER_IPV4 = 4, RESOLVER_IPV6 = 6, RESOLVER_PORT = 53 };

typedef struct resolver_address {
    uint16_t family; /* RESOLVER_IPV4 or RESOLVER_IPV6 */
    uint16_t port;
    uint8_t bytes[16];
} resolver_address_t;

typedef struct resolver_prefix {
    resolver_address_t address; /* the port does not count */
    uint8_t length;             /* bits */
} resolver_prefix_t;

/* From the rdata of an A or AAAA record; port 53. False for other types or lengths. */
bool resolver_address_from_rdata(resolver_address_t *address, uint16_t type, const uint8_t *rdata, size_t rdlength);
/* "192.0.2.1" or "2001:db8::1"; port 53. */
bool resolver_address_from_text(resolver_address_t *address, const char *text, size_t length);
/* The same, and "#port" behind it if it is not 53. */
void resolver_address_to_text(const resolver_address_t *address, buffer_t *out);
bool resolver_address_equal(const resolver_address_t *a, const resolver_address_t *b);
bool resolver_prefix_contains(const resolver_prefix_t *prefix, const resolver_address_t *address);
/* May a server that a stranger named at this address be asked? Not: families switched off; this network, loopback (unless allowed),
 * multicast, reserved and broadcast (RFC 1122 3.2.1.3, RFC 6890); IPv4 in IPv6 clothes; what the operator denied. */
bool resolver_address_may_be_asked(const struct resolver_settings *settings, const resolver_address_t *address);
