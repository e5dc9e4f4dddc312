/* What the resolver remembers, as an interface: whoever implements it (cache/, or a plain table in tests) is handed to resolver_new().
 *
 * Invariants
 *  1. An entry belongs to one (name, type); a name error belongs to the name as a whole and is found for every type of it.
 *  2. A fresh entry is replaced only by one of the same or a higher rank (RFC 2181 5.4.1), at the same rank a secure one not by one of
 *     indeterminate security; an expired one by any. An entry whose security is STORE_BOGUS never replaces one that is not. Putting an
 *     RRset or NODATA at a name forgets a name error there that it might replace; a name error hides older data that it might replace.
 *     A failure stands beside the data of its (name, type) and replaces only an earlier failure: stale data survives it.
 *  3. Delegations are apart from RRsets: only what a parent said is a delegation, and a child's NS RRset or addresses never lengthen its
 *     life (ghost and phoenix domains).
 *  4. What find() gives is a copy in the caller's arena: readers of other threads may replace the entry meanwhile. TTLs in it are those
 *     left at now_s.
 *  5. Times are seconds since 1970 by the wall clock, so that TTLs and signature times follow the same clock.
 */
#pragma once

#include "resolver/address.h"
#include "resolver/rrset.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum store_kind {
    STORE_RRSET,      /* the RRset exists: rrsets[0]; behind it the proofs: NSEC or NSEC3 of a wildcard expansion, the DNAME of a CNAME */
    STORE_NODATA,     /* the name exists, the type does not; rrsets are the SOA and the proofs */
    STORE_NAME_ERROR, /* the name does not exist; likewise */
    STORE_FAILURE,    /* resolution failed (RFC 9520); no rrsets */
} store_kind_t;

/* RFC 2181 5.4.1, from the least trusted up. */
typedef enum store_rank {
    STORE_RANK_FAILURE,       /* knows nothing: any data replaces it */
    STORE_RANK_ADDITIONAL,    /* additional data of an answer; glue */
    STORE_RANK_REFERRAL,      /* authority section of a referral */
    STORE_RANK_ANSWER,        /* answer section without AA, or from a forwarder */
    STORE_RANK_AUTHORITY,     /* authority section of an authoritative answer */
    STORE_RANK_AUTHORITATIVE, /* answer section of an authoritative answer */
} store_rank_t;

/* RFC 4033 5. Never raised without proof. */
typedef enum store_security { STORE_INDETERMINATE, STORE_INSECURE, STORE_SECURE, STORE_BOGUS } store_security_t;

/* What is made of both is worth: indeterminate < insecure < secure, and bogus is below all. */
static inline store_security_t store_security_least(store_security_t a, store_security_t b)
{
    return a == STORE_BOGUS || b == STORE_BOGUS ? STORE_BOGUS : a < b ? a : b;
}

enum {
    STORE_ENTRY_RRSETS_MAX = 16,
    STORE_TEXT_MAX = 256, /* octets of a text that are kept, with its end: as many as an extended error takes */
};

typedef struct store_entry {
    store_kind_t kind;
    store_rank_t rank;
    store_security_t security;
    uint16_t type;          /* of the RRset; what a name error was found for, otherwise */
    int16_t extended_error; /* EDE_*, EDE_NONE mostly; a failure's cause */
    bool is_stale;          /* out: expired */
    uint32_t ttl_s;         /* in: to live; out: left, 0 when stale */
    uint32_t lifetime_s;    /* out: the TTL it was put with */
    uint16_t rrset_count;
    const uint8_t *zone;   /* wire, lower case: apex of the zone whose servers said it; NULL: not known */
    const rrset_t *rrsets; /* at most STORE_ENTRY_RRSETS_MAX */
    const char *text;      /* of a failure: what went wrong, for people; NULL: none. What is longer than STORE_TEXT_MAX is cut off */
} store_entry_t;

/* One name server of a delegation, with the glue that came with it. */
typedef struct delegation_server {
    const uint8_t *name;
    uint16_t address_count;
    const resolver_address_t *addresses;
} delegation_server_t;

typedef struct delegation {
    const uint8_t *zone; /* wire, lower case */
    uint32_t ttl_s;      /* in: to live; out: left */
    uint16_t server_count;
    uint16_t proof_count;
    const delegation_server_t *servers;
    const rrset_t *proofs; /* DS, or NSEC or NSEC3, with their RRSIGs, as the parent sent them; unvalidated */
} delegation_t;

typedef enum store_want {
    STORE_WANT_FRESH,   /* data, or else a failure, not expired */
    STORE_WANT_STALE,   /* data only, expired or not, as long as it is kept (RFC 8767) */
    STORE_WANT_FAILURE, /* a failure only, expired or not: its lifetime_s tells how long the next one lasts (RFC 9520 3.2) */
} store_want_t;

typedef struct store_question {
    const name_key_t *name;
    uint16_t type;
    store_want_t want;
    uint64_t now_s;
} store_question_t;

typedef struct store store_t;

typedef struct store_operations {
    /* The entry of (name, type), or the name error of the name. False: nothing known (or no memory in arena). */
    bool (*find)(store_t *store, const store_question_t *question, arena_t *arena, store_entry_t *entry);
    /* The deepest fresh delegation at or above the suffix of `labels` labels of name. False: none, not even of the root. */
    bool (*find_delegation)(store_t *store, const name_key_t *name, unsigned labels, uint64_t now_s, arena_t *arena,
                            delegation_t *delegation);
    /* Takes a copy, or drops it by invariant 2 or for want of room. A TTL of 0 is not kept. */
    void (*put)(store_t *store, const name_key_t *name, const store_entry_t *entry, uint64_t now_s);
    /* Likewise; replaces the delegation of the same zone. Without servers: forgets it, whatever the TTL. */
    void (*put_delegation)(store_t *store, const delegation_t *delegation, uint64_t now_s);
    /* May be NULL. For aggressive use (RFC 8198): what secure NSEC or NSEC3 RRsets of the zone, learned with other answers, say of a name
     * in it. Fills the entry like a find() that found a denial: kind STORE_NAME_ERROR or STORE_NODATA as the proofs look, STORE_SECURE, the
     * zone, rrsets[0] its SOA, then the proofs; no TTL longer than any of them nor than the SOA's MINIMUM (RFC 8198 5.4). What they really
     * prove for the question's type is for the caller to judge (dnssec/denial.h). False: they do not suffice, or hold an opt-out span.
     * question->want does not count. */
    bool (*find_denial)(store_t *store, const store_question_t *question, const uint8_t *zone, arena_t *arena, store_entry_t *entry);
    /* May be NULL. Likewise for RFC 8198 5.3: the RRset of a secure wildcard that the name would be made from, under the name's own owner,
     * and behind it the NSEC or NSEC3 RRset that shows that there is no closer match. Kind STORE_RRSET, of the question's type or CNAME,
     * STORE_SECURE; no TTL longer than any of them. What that proves is for the caller to judge. */
    bool (*find_expansion)(store_t *store, const store_question_t *question, const uint8_t *zone, arena_t *arena, store_entry_t *entry);
} store_operations_t;

/* An implementation begins with this. */
struct store {
    const store_operations_t *operations;
};
