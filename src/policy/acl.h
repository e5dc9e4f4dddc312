/* Address lists: who may. Prefixes and the named groups loopback, private, linklocal, any, none.
 *
 * Immutable once built. A list matches by its longest matching prefix; entries beginning with '!' deny. An empty list matches nobody.
 * IPv4-mapped IPv6 addresses count as IPv4.
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
/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.1", "!10.0.0.1", "loopback", "private" (RFC 1918, RFC 4193), "linklocal", "any", "none".
 * STATUS_MALFORMED: not such a text; STATUS_INVALID: host bits set behind the prefix; STATUS_NO_MEMORY. */
status_t acl_add(acl_t *acl, const char *text, size_t length) MUST_USE;
/* family: AF_INET (4 bytes) or AF_INET6 (16 bytes), network order. acl NULL: nobody. Cost: logarithmic or one pass over few entries. */
bool acl_allows(const acl_t *acl, int family, const uint8_t *address);
