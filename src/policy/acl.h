/* Address lists: who may. Prefixes and the named groups loopback, private, linklocal, any, none.
 *
 * Immutable once built: then any thread may ask. A list matches by its longest matching prefix, whatever the order of its entries;
 * entries beginning with '!' deny, and win over an equal prefix that allows. An empty list matches nobody. IPv4-mapped IPv6 addresses
 * and prefixes (::ffff:0:0/96) count as IPv4; "::/0" is IPv6 alone, "any" is both.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct acl acl_t;

/* NULL without memory. Owner frees. */
acl_t *acl_new(void);
void acl_free(acl_t *acl);
/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.1", "!10.0.0.1"; or a group: "loopback" (127.0.0.0/8, ::1), "private" (RFC 1918, RFC 4193),
 * "linklocal" (169.254.0.0/16, fe80::/10), "any", "none" (adds nothing; may not be negated).
 * STATUS_MALFORMED: not such a text; STATUS_INVALID: host bits set behind the prefix; STATUS_NO_MEMORY. */
status_t acl_add(acl_t *acl, const char *text, size_t length) MUST_USE;
/* family: AF_INET (4 bytes) or AF_INET6 (16 bytes), network order. acl NULL: nobody. Cost: a step for each prefix of the list that
 * the address lies in, and for each place where others part on the way; at most 33 or 129. */
bool acl_allows(const acl_t *acl, int family, const uint8_t *address);
