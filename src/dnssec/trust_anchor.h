/* Trust anchors: what the operator, or the program itself, trusts without proof (RFC 4033 2, RFC 6840 5.10).
 *
 * Invariants: an anchor is a DS or a DNSKEY record; DNSKEYs are zone keys, not revoked; no anchor is there twice. Owners are lower case.
 * A list is built by one thread and may then be read by any.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "dnssec/canonical.h"
#include "dnssec/verify.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All anchors at one name. */
typedef struct trust_point {
    struct trust_point *next;
    const uint8_t *owner; /* wire, lower case */
    dnssec_rdata_t *ds;
    dnssec_rdata_t *dnskeys;
    uint16_t ds_count;
    uint16_t dnskey_count;
} trust_point_t;

typedef struct trust_anchors {
    arena_t arena;
    trust_point_t *points;
} trust_anchors_t;

enum {
    TRUST_ANCHORS_SIZE_MAX = 16 << 20, /* bytes */
    TRUST_POINT_RECORDS_MAX = 64,      /* of each type at one name */
};

void trust_anchors_init(trust_anchors_t *anchors);
void trust_anchors_clear(trust_anchors_t *anchors);

/* Adds one record; owner and rdata are copied. The same once more is fine.
 * STATUS_INVALID: another type than DS and DNSKEY; a DNSKEY that is no zone key, or is revoked; STATUS_MALFORMED: no rdata of its type;
 * STATUS_LIMIT: too many at this name; STATUS_NO_MEMORY. */
status_t trust_anchors_add(trust_anchors_t *anchors, const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t length) MUST_USE;

typedef struct trust_anchor_error {
    unsigned line; /* from 1 */
    char message[160];
} trust_anchor_error_t;

/* Adds the records of master-file text: one or more of  OWNER [TTL] [CLASS] DS|DNSKEY RDATA,  with comments, blank lines, and parentheses
 * over several lines; names are absolute, with or without the final dot. Reading ends at the first error; what stood before it has been
 * added. STATUS_MALFORMED or a status of trust_anchors_add(), with *error filled. */
status_t trust_anchors_parse(trust_anchors_t *anchors, const char *text, size_t length, trust_anchor_error_t *error) MUST_USE;

/* Adds the key signing keys of the root of 2017 (20326) and 2024 (38696), as IANA publishes them. */
status_t trust_anchors_add_root(trust_anchors_t *anchors) MUST_USE;

/* The anchors at exactly this name; NULL: none. */
const trust_point_t *trust_anchors_find(const trust_anchors_t *anchors, const uint8_t *name);
/* Those at the closest name at or above; NULL: none (the name is not to be validated). */
const trust_point_t *trust_anchors_closest(const trust_anchors_t *anchors, const uint8_t *name);
/* For dnssec_verify_dnskeys(). */
static inline dnssec_trust_t trust_point_trust(const trust_point_t *point)
{
    return (dnssec_trust_t){.ds = {point->ds, point->ds_count}, .dnskeys = {point->dnskeys, point->dnskey_count}};
}
