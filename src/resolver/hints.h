/* Where resolution begins: names and addresses of the root's servers (RFC 8109). Immutable once made. */
#pragma once

#include "base/diagnostic.h"
#include "resolver/settings.h"

#include <stddef.h>

enum { HINTS_SERVERS_MAX = RESOLVER_NS_NAMES_MAX, HINTS_ADDRESSES_MAX = 4 };

typedef struct hint {
    name_t name; /* lower case */
    unsigned address_count;
    resolver_address_t addresses[HINTS_ADDRESSES_MAX];
} hint_t;

typedef struct hints {
    unsigned count;
    hint_t servers[HINTS_SERVERS_MAX];
} hints_t;

/* The servers of the root as of 2026 (root zone of 2026-08-22). */
void hints_built_in(hints_t *hints);
/* From master-file text (named.root): NS records of "." and addresses of their names; the rest is ignored. Every error goes to
 * diagnostics. STATUS_MALFORMED: errors in the text; STATUS_NOT_FOUND: no server with an address. */
status_t hints_parse(hints_t *hints, const char *text, size_t length, const char *file, diagnostics_t *diagnostics) MUST_USE;
