/* DNS64: IPv6 addresses that stand for IPv4 ones behind a translator (RFC 6147, 6052), and back again for reverse look-ups.
 *
 * Pure; any thread. What is made carries no signatures. When to make it is decided in request.c.
 */
#pragma once

#include "resolver/rrset.h"
#include "resolver/settings.h"

#include <stdbool.h>
#include <stdint.h>

/* Has a prefix one of the lengths that RFC 6052 2.2 allows: 32, 40, 48, 56, 64, 96, its bits 64 to 71 being zero? */
bool dns64_prefix_is_valid(const resolver_prefix_t *prefix);
/* RFC 6052 2.2. */
void dns64_embed(const resolver_prefix_t *prefix, const uint8_t ipv4[static 4], uint8_t ipv6[static 16]);
/* The IPv4 address in an IPv6 one; false: not of this prefix, or with bits set behind the address. */
bool dns64_extract(const resolver_prefix_t *prefix, const uint8_t ipv6[static 16], uint8_t ipv4[static 4]);

/* The AAAA RRset made of an A RRset, an address for each prefix; its TTL is at most ttl_max_s (that of the SOA which denied AAAA; RFC 6147
 * 5.1.7). STATUS_NO_MEMORY. */
status_t dns64_make(const resolver_settings_t *settings, const rrset_t *a, uint32_t ttl_max_s, arena_t *arena, rrset_t *aaaa) MUST_USE;
/* Is one of the AAAA records in an excluded prefix (RFC 6147 5.1.4)? */
bool dns64_has_excluded(const resolver_settings_t *settings, const rrset_t *aaaa);
/* The RRset without them, and without its signatures. STATUS_NOT_FOUND: nothing is left; STATUS_NO_MEMORY. */
status_t dns64_filter(const resolver_settings_t *settings, const rrset_t *aaaa, arena_t *arena, rrset_t *left) MUST_USE;
/* Where the reverse name of an address made by a prefix leads: its IPv4 address's (RFC 6147 5.3.1, 2). False: no such name. */
bool dns64_pointer(const resolver_settings_t *settings, const uint8_t *name, name_t *target);
