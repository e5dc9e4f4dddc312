/* Makes zone contents out of records that come in any order.
 *
 * zone_builder_add() only collects; zone_builder_finish() sorts, merges duplicates, links names and parents, computes flags, NSEC3 hashes
 * and indexes, and writes the arena. One thread at a time; several builders may run in parallel.
 */
#pragma once

#include "base/status.h"
#include "zone/contents.h"
#include "zone/finding.h"

#include <stdint.h>

typedef struct zone_builder zone_builder_t;

/* apex: wire name of the zone. NULL without memory. */
zone_builder_t *zone_builder_new(const uint8_t *apex, uint16_t rrclass);
void zone_builder_free(zone_builder_t *builder);
/* Adds one record; owner in any case; rdata uncompressed and valid for its type (rdata_check). Findings "out-of-zone" (ignored with a
 * warning, as NSD and Knot do), "wrong-class". STATUS_NO_MEMORY; STATUS_INVALID for a record that was not taken (a finding says why). */
status_t zone_builder_add(zone_builder_t *builder, const uint8_t *owner, uint16_t type, uint16_t rrclass, uint32_t ttl_s,
                          const uint8_t *rdata, size_t rdlength, zone_findings_t *findings) MUST_USE;
/* Consumes what was added. Findings: "no-soa", "multiple-soa", "duplicate-record" (warning, merged), "ttl-mismatch" (warning, the
 * first record's TTL is used, RFC 2181 5.2), "rrsig-ttl-mismatch". The SOA must be there and single, else STATUS_INVALID. On success
 * *contents holds one reference, owned by the caller. STATUS_NO_MEMORY, STATUS_LIMIT (over 32 GiB). */
status_t zone_builder_finish(zone_builder_t *builder, zone_findings_t *findings, const zone_contents_t **contents) MUST_USE;
