/* Makes zone contents out of records that come in any order.
 *
 * zone_builder_add() only collects; zone_builder_finish() sorts, merges duplicates, links names and parents, computes flags, NSEC3 hashes
 * and indexes, and writes the image. Memory for it is about as much as the finished zone takes, and goes back to the system. One thread at
 * a time; several builders may run in parallel.
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
/* Adds one record; owner in any case; rdata uncompressed and valid for its type (rdata_check). findings may be NULL here and below.
 * STATUS_OK; also for a record out of the zone, which is left out (finding "out-of-zone", a warning, as in NSD and Knot). STATUS_INVALID
 * for one that was not taken: another class ("wrong-class"), or rdata that cannot be stored ("bad-rdata"). STATUS_NO_MEMORY; STATUS_LIMIT:
 * over 32 GiB, or names made to collide in the hash; after these two the builder is good for zone_builder_free() only. */
status_t zone_builder_add(zone_builder_t *builder, const uint8_t *owner, uint16_t type, uint16_t rrclass, uint32_t ttl_s,
                          const uint8_t *rdata, size_t rdlength, zone_findings_t *findings) MUST_USE;
/* Consumes what was added; called once. Findings: "no-soa", "multiple-soa", "duplicate-record" (warning, merged), "ttl-mismatch" (warning,
 * the first record's TTL is used, RFC 2181 5.2), "rrsig-ttl-mismatch" (warning, the covered RRset's TTL is used, RFC 4034 3),
 * "too-many-records", "nsec3-iterations" (warning, that chain is not served). On success *contents holds one reference, owned by the
 * caller. STATUS_INVALID: not exactly one SOA at the apex. STATUS_NO_MEMORY. STATUS_LIMIT: over 32 GiB, over 65535 records in an RRset, or
 * names made to collide. Or what an addition failed with. Cost: about 0.2 us a record, and NSEC3 hashes of all names where there is a
 * chain. */
status_t zone_builder_finish(zone_builder_t *builder, zone_findings_t *findings, const zone_contents_t **contents) MUST_USE;
