/* Following the rollovers of trust anchors (RFC 5011): which keys of a trust point count, learned from the DNSKEY RRsets that are seen
 * there.
 *
 *                 new SEP key in a validated RRset            in every validated RRset for add_hold_s
 *     (unknown) ------------------------------> [ADD_PENDING] -----------------------------------> [VALID] <--+
 *         ^                                       |                                                 |   |     | seen again
 *         +---------------------------------------+                                missing in a     |   v     |
 *             missing in a validated RRset, or all that                            validated RRset  |  [MISSING]
 *             vouched for it are revoked                                                            |   |
 *                                               REVOKE bit set, and the RRset signed by this key    v   v
 *                                        [REMOVED] <----------------------------------------------- [REVOKED]
 *                                                    missing for remove_hold_s
 * Invariants
 *  1. A key is never trusted before a validated RRset that contains it has been seen behind its hold-down time (2.2).
 *  2. Revoked and removed keys are never trusted again, not even when configured (2.1, 4.2).
 *  3. What is configured (DS or DNSKEY) is trusted from the start unless it was seen revoked; so a DS finds its key at the first RRset.
 *  4. VALID and MISSING keys are trusted; nothing but a revocation ends that.
 *
 * Pure: time is a parameter (Unix seconds). One thread at a time. The state as text is what a server keeps over a restart.
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "dnssec/trust_anchor.h"
#include "dnssec/verify.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROLLOVER_HOLD_S = 30 * 86400, /* both hold-down times, unless set otherwise (2.4.1, 2.4.2) */
    ROLLOVER_KEYS_MAX = 16,       /* of one point, in all states (RFC 5011 2.4.3: at least five) */
    ROLLOVER_POINTS_MAX = 256,    /* more are not followed */
    ROLLOVER_RDATA_MAX = 1100,    /* bytes: more than an RSA key of 4096 bits with any exponent that is accepted */
    ROLLOVER_STATE_MAX = 8 << 20  /* bytes of the state as text */
};

typedef enum rollover_key_state {
    ROLLOVER_ADD_PENDING,
    ROLLOVER_VALID,
    ROLLOVER_MISSING,
    ROLLOVER_REVOKED,
    ROLLOVER_REMOVED
} rollover_key_state_t;

typedef struct rollover_key {
    bool is_used; /* false: a free place */
    rollover_key_state_t state;
    uint16_t tag;                      /* without the REVOKE bit */
    uint16_t vouchers;                 /* ADD_PENDING: bit n: keys[n] validated the RRset that brought it (2.2) */
    uint16_t length;                   /* bytes of rdata */
    uint64_t since_s;                  /* in this state; REVOKED: last seen */
    uint64_t acceptable_s;             /* ADD_PENDING: not before; 0: trusted because it was configured, not because it was seen */
    uint8_t rdata[ROLLOVER_RDATA_MAX]; /* DNSKEY, REVOKE bit clear */
} rollover_key_t;

typedef struct rollover_point {
    struct rollover_point *next;
    name_t owner;          /* lower case */
    uint64_t next_query_s; /* when its DNSKEY RRset is to be asked for again (2.3); 0: at once */
    uint64_t seen_s;       /* last validated RRset; 0: never */
    uint32_t ttl_s;        /* original TTL of the last validated RRset */
    uint32_t lifetime_s;   /* from when it was retrieved to its signature's expiration */
    rollover_key_t keys[ROLLOVER_KEYS_MAX];
} rollover_point_t;

typedef struct rollover_settings {
    uint32_t add_hold_s;    /* 30 days (2.4.1) */
    uint32_t remove_hold_s; /* 30 days (2.4.2) */
} rollover_settings_t;

typedef struct rollover {
    rollover_settings_t settings;
    rollover_point_t *points;
    size_t count;
} rollover_t;

/* No points yet; the RFC's hold-down times. */
void rollover_init(rollover_t *rollover);
void rollover_clear(rollover_t *rollover);

/* Makes sure that each configured point is followed, and forgets points that are no longer configured. Configured DNSKEYs become VALID
 * keys; configured DS take effect when their keys are seen. A key that was trusted only because it was configured, and is not any more, is
 * forgotten. STATUS_LIMIT: some are not followed; STATUS_NO_MEMORY. */
status_t rollover_configure(rollover_t *rollover, const trust_anchors_t *configured, uint64_t now_s) MUST_USE;
/* NULL: not followed. */
rollover_point_t *rollover_find(const rollover_t *rollover, const uint8_t *owner);

/* A key that changed its state; from == to never. For a key that is new, from is ROLLOVER_REMOVED; one forgotten goes to ROLLOVER_REMOVED.
 */
typedef struct rollover_change {
    const uint8_t *owner;
    uint16_t tag;
    rollover_key_state_t from;
    rollover_key_state_t to;
} rollover_change_t;
typedef struct rollover_watch {
    void (*changed)(void *context, const rollover_change_t *change); /* NULL: nobody listens */
    void *context;
} rollover_watch_t;

/* A DNSKEY RRset of a point, as its servers gave it (not through a validator: revoked keys must be in it), with its RRSIGs. The context's
 * budget is taken from; it should hold a check for each key and signature. */
typedef struct rollover_sight {
    const dnssec_rrset_t *dnskeys;
    dnssec_records_t rrsigs;
    const dnssec_context_t *context;
    uint64_t now_s;
} rollover_sight_t;
/* DNSSEC_VALID: validated by a trusted key, states follow. All else: it proves nothing but revocations; try again later. In both cases
 * next_query_s is set anew. */
dnssec_result_t rollover_observe(rollover_t *rollover, rollover_point_t *point, const trust_anchors_t *configured,
                                 const rollover_sight_t *sight, rollover_watch_t watch);
/* Is the RRset to be asked for? Also when it would not be for longer than any rule says: then a clock that ran ahead was set right. */
bool rollover_is_due(const rollover_point_t *point, uint64_t now_s);
/* The RRset could not be had: next_query_s by the rule for failures (2.3). */
void rollover_failed(rollover_point_t *point, uint64_t now_s);

/* What is to be trusted now: configured anchors, less those revoked or removed, and keys learned. Added to *effective, which is empty. A
 * point of which nothing is left is not in it (RFC 5011 5). Statuses of trust_anchors_add(). */
status_t rollover_effective(const rollover_t *rollover, const trust_anchors_t *configured, trust_anchors_t *effective) MUST_USE;

/* The state as lines of text, for people too. Result in out's status. */
void rollover_write(const rollover_t *rollover, buffer_t *out);
/* Adds the points of such text to an empty rollover. STATUS_MALFORMED with *line (from 1): what stood before it is kept out too. */
status_t rollover_read(rollover_t *rollover, const char *text, size_t length, unsigned *line) MUST_USE;

/* "valid", "add-pending" ... */
const char *rollover_key_state_text(rollover_key_state_t state);
