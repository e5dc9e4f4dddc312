/* An RRset as it was received: records and the RRSIGs that cover it, in one piece of memory.
 *
 * Invariants: owner is lower case; duplicate records are dropped (RFC 2181 5), the others keep their order and case; the TTL is the least
 * of the records' (RFC 2181 5.2). Everything a view points to lives in somebody's arena; a view is copied freely.
 */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rrset {
    const uint8_t *owner; /* wire, lower case */
    uint16_t type;
    uint16_t rrclass;
    uint32_t ttl_s;
    uint16_t count;
    uint16_t signature_count;
    uint32_t data_size;      /* bytes of the records, lengths included */
    uint32_t signature_size; /* bytes of the RRSIGs behind them, likewise */
    const uint8_t *data;     /* {16-bit length in network order, rdata} for each record, then for each RRSIG */
} rrset_t;

/* Gathers the RRset of (owner, type, IN) from one section, with its RRSIGs. Asked for RRSIG itself, all RRSIGs of the owner are its
 * records. STATUS_NOT_FOUND; STATUS_LIMIT: more records than records_max; STATUS_NO_MEMORY. Memory from arena. */
status_t rrset_collect(const message_t *message, section_t section, const uint8_t *owner, uint16_t type, unsigned records_max,
                       arena_t *arena, rrset_t *rrset) MUST_USE;
/* An RRset of one record without signatures. owner is copied and lower-cased. */
status_t rrset_make(rrset_t *rrset, arena_t *arena, const uint8_t *owner, uint16_t type, uint32_t ttl_s, const uint8_t *rdata,
                    size_t rdlength) MUST_USE;
/* A copy with all it points to in arena. from and to may be the same object. */
status_t rrset_copy(rrset_t *to, const rrset_t *from, arena_t *arena) MUST_USE;
/* Steps through records: *at NULL begins (signatures false) or use rrset_signatures(). The next rdata and its length; NULL at the end. */
const uint8_t *rrset_next(const rrset_t *rrset, const uint8_t **at, uint16_t *rdlength);
/* Likewise through RRSIGs. */
const uint8_t *rrset_next_signature(const rrset_t *rrset, const uint8_t **at, uint16_t *rdlength);
