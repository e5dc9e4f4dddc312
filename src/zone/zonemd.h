/* The digest of a whole zone (RFC 8976), SIMPLE scheme with SHA-384 and SHA-512.
 *
 * Pure: any thread that holds the contents. Cost: one pass over the zone and its hash, some 2 s for a gigabyte.
 */
#pragma once

#include "base/status.h"
#include "zone/contents.h"

#include <stddef.h>
#include <stdint.h>

enum { ZONEMD_SCHEME_SIMPLE = 1, ZONEMD_SHA384 = 1, ZONEMD_SHA512 = 2, ZONEMD_DIGEST_MAX = 64 };

/* RFC 8976 3.3.1.2. *size becomes 48 or 64. STATUS_UNSUPPORTED: unknown algorithm; STATUS_NO_MEMORY. */
status_t zonemd_digest(const zone_contents_t *contents, uint8_t algorithm, uint8_t digest[static ZONEMD_DIGEST_MAX], size_t *size) MUST_USE;

/* RFC 8976 4, steps 4 and 5 (signatures are judged elsewhere). STATUS_OK: a ZONEMD record verifies the zone. STATUS_NOT_FOUND: there is
 * none. STATUS_UNSUPPORTED: only records of schemes or algorithms that are not known here. STATUS_INVALID: none verifies; `why` says why,
 * in a sentence without full stop. STATUS_NO_MEMORY. */
status_t zonemd_verify(const zone_contents_t *contents, char *why, size_t why_size) MUST_USE;
