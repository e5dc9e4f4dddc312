/* From a referral, or the answer to a priming query, to a delegation (RFC 1034 5.3.3, 2181 5.4.1, 8109, 9471).
 *
 * Invariants
 *  1. At most ns_names_max names are taken, those that came with addresses first (NXNSAttack).
 *  2. Glue is taken only for names that the NS RRset holds and that lie inside the zone whose server was asked (bailiwick; any
 *     without harden_glue), and only addresses that may be asked.
 *  3. The delegation lives no longer than the shortest TTL among its NS records and glue, nor than delegation_ttl_max_s.
 */
#pragma once

#include "resolver/settings.h"
#include "resolver/store.h"

typedef struct referral_source {
    const message_t *message;
    section_t section;   /* where the NS RRset stands: authority of a referral, answer of a priming query */
    const uint8_t *zone; /* apex of the zone whose server was asked */
    const uint8_t *cut;  /* owner of the NS RRset */
} referral_source_t;

/* STATUS_NOT_FOUND: no usable NS record. STATUS_NO_MEMORY. All memory from arena. */
status_t referral_read(const referral_source_t *source, const resolver_settings_t *settings, arena_t *arena,
                       delegation_t *delegation) MUST_USE;
