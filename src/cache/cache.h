/* The cache of a resolver: RRsets, what does not exist, failures, delegations, denial ranges and prebuilt answers, in one mapping.
 *
 * Invariants
 *  1. All content lies in one mapping of a fixed size; inside it everything is referred to by 32-bit offsets in units of 8 bytes. It never
 *     grows. Outside it there is one small object for each cache (locks, sizes), whose size does not depend on content.
 *  2. Readers take no lock and wait for nobody. They copy out of the mapping into the caller's buffer and then make sure, by the sequence
 *     counter of the bucket that led there, that nothing changed meanwhile; after CACHE_RETRIES_MAX disturbed attempts it is a miss. The
 * only shared memory that a reader writes is a "visited" bit, and only if it was clear. Counters belong to the reader.
 *  3. Writers hold the lock of one shard. They never allocate.
 *  4. What is read from the mapping is checked against its bounds before use, as it may come from a damaged file: the worst that damage
 *     can do is a miss. Records that an earlier run wrote are believed only if their checksum is right.
 *  5. An entry is replaced only as RFC 2181 5.4.1 and cache_put() say, and its security is what the put says, never more.
 *  6. A delegation (what the parent said: NS, glue, DS) and the child's own NS RRset are different entries. What the child says never
 * lengthens the life of a delegation (the Ghost and Phoenix attacks).
 *  7. Eviction is S3-FIFO (Yang et al., SOSP 2023): new entries pass through a tenth of the memory and stay only if asked for again. So
 *     names that are asked once, however many, wash out nothing that is used.
 *
 * Time is a parameter everywhere: Unix seconds, 32 bits (until 2106). The hash key (SipHash-1-3) is a parameter of cache_new().
 * Names are lower-case uncompressed wire names; nothing behind them is read.
 */
#pragma once

#include "base/siphash.h"
#include "base/status.h"
#include "dnssec/nsec3_hash.h"
#include "wire/name.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CACHE_BUDGET_MIN = 1 << 20, /* bytes */
    CACHE_VALUE_MAX = 65528,    /* bytes of one entry besides its name; more is not cached. Small caches hold less, see cache_value_max() */
    CACHE_BUFFER_SIZE = 65536,  /* a buffer of this size holds any entry */
    CACHE_RETRIES_MAX = 16,
    CACHE_ANSWER_TTLS_MAX = 255, /* records of a prebuilt answer; larger answers are made from RRsets */
};

typedef enum cache_kind {
    CACHE_RRSET,      /* an RRset, its RRSIGs; proof: of a wildcard's expansion (RFC 4035 5.3.4) */
    CACHE_NODATA,     /* the name has no such type (RFC 2308 2.2). Shares its place with CACHE_RRSET: one of the two */
    CACHE_NXDOMAIN,   /* the name and all below do not exist (RFC 2308 2.1, RFC 8020); the type is ignored */
    CACHE_FAILURE,    /* resolution failed (RFC 9520). Apart from data, so that stale data survive it */
    CACHE_DELEGATION, /* the parent's NS RRset for the name, then glue and DS; the type is ignored */
    CACHE_ANSWER,     /* prebuilt message; only in statistics and iteration */
    CACHE_KINDS
} cache_kind_t;

/* How far data is to be trusted (RFC 2181 5.4.1), lowest first. */
typedef enum cache_rank {
    CACHE_RANK_ADDITIONAL,               /* additional sections, glue */
    CACHE_RANK_REFERRAL,                 /* authority section of an answer without AA */
    CACHE_RANK_ANSWER_NOT_AUTHORITATIVE, /* answer section without AA, or behind an alias in one with AA */
    CACHE_RANK_AUTHORITY,                /* authority section of an answer with AA */
    CACHE_RANK_ANSWER,                   /* answer section with AA */
    CACHE_RANK_LOCAL,                    /* zone file, transfer, configuration */
    CACHE_RANKS
} cache_rank_t;

/* RFC 4035 4.3. */
typedef enum cache_security {
    CACHE_INDETERMINATE, /* not validated (yet) */
    CACHE_INSECURE,      /* proven to be unsigned */
    CACHE_BOGUS,
    CACHE_SECURE,
    CACHE_SECURITIES
} cache_security_t;

typedef struct cache cache_t; /* any thread may use it, unless a function says otherwise */

/* One thread's way into the cache, with its counters, which only this thread writes (relaxed) and all may read. */
typedef enum cache_counter {
    CACHE_COUNT_HITS,
    CACHE_COUNT_STALE_HITS,
    CACHE_COUNT_MISSES,
    CACHE_COUNT_ANSWER_HITS,
    CACHE_COUNT_ANSWER_MISSES,
    CACHE_COUNT_RANGE_HITS,
    CACHE_COUNT_DISTURBED, /* misses because writers were always quicker */
    CACHE_COUNTERS
} cache_counter_t;

typedef struct cache_reader {
    const cache_t *cache;
    _Atomic uint64_t counts[CACHE_COUNTERS];
} cache_reader_t;
const char *cache_counter_name(cache_counter_t counter);
void cache_reader_init(cache_reader_t *reader, const cache_t *cache);

/* ---- life ---- */

typedef struct cache_settings {
    size_t budget_bytes;     /* of the mapping; at least CACHE_BUDGET_MIN, at most 32 GiB; rounded down to 4 KiB */
    siphash_key_t key;       /* random; a cache taken from a file keeps its file's key */
    uint32_t ttl_min_s;      /* TTLs below are raised to this: 0, or a few seconds */
    uint32_t ttl_max_s;      /* TTLs above are lowered to this: 86,400 (RFC 8767 4: at most 7 days) */
    uint32_t negative_max_s; /* NODATA, NXDOMAIN: 3,600 (RFC 2308 5) */
    uint32_t failure_max_s;  /* FAILURE; 1..300 (RFC 9520 3.2) */
    uint32_t bogus_max_s;    /* whatever is CACHE_BOGUS: 60 */
    uint32_t stale_max_s; /* how long behind their expiry entries are still found with CACHE_STALE: 0 off, 86,400 (RFC 8767 5: 1..3 days) */
} cache_settings_t;

/* The defaults above; the key is zero and to be filled. */
void cache_settings_default(cache_settings_t *settings);

/* memory NULL: an anonymous mapping, owned by the cache. Else settings->budget_bytes bytes at `memory` (aligned to 4096), the mapping of a
 * file that nobody else uses, which stays the caller's and must outlive the cache; *found then says what was in it: STATUS_OK, content of
 * an earlier run, taken over; STATUS_NOT_FOUND, all zeros at its head, a new file; STATUS_UNSUPPORTED, written by another version or for
 * another layout; STATUS_INVALID, made for another budget; STATUS_CORRUPT, no header of ours. In all cases but the first the cache starts
 * empty. Damage behind the header shows later, as misses. found may be NULL. Cost: constant for taking over, else one pass over a tenth of
 * the mapping. STATUS_INVALID: a budget out of range; STATUS_NO_MEMORY. */
status_t cache_new(cache_t **cache, const cache_settings_t *settings, void *memory, status_t *found) MUST_USE;
/* May a file that begins so be given to cache_new()? The first 4096 bytes, or as many as there are: an empty one, zeros, or a cache's,
 * whatever its version. */
bool cache_is_file_head(const void *head, size_t size);
/* No other thread may be inside. */
void cache_free(cache_t *cache);

/* The largest value that this cache takes, in bytes: CACHE_VALUE_MAX, or a part of a shard. */
size_t cache_value_max(const cache_t *cache);

/* ---- RRsets ---- */

/* An RRset as it comes and goes: records and RRSIG records, each {16-bit length in network order, rdata}, rdata uncompressed. */
typedef struct cache_rrset {
    const uint8_t *owner; /* lower-case wire; NULL when putting: the entry's name */
    uint16_t type;
    uint16_t count;           /* records */
    uint16_t signature_count; /* at most 255 */
    uint32_t ttl_s;           /* when read: what is left of it */
    const uint8_t *data;
    size_t data_size; /* bytes */
    const uint8_t *signatures;
    size_t signature_size;
} cache_rrset_t;

typedef struct cache_question {
    const uint8_t *name; /* lower-case wire */
    uint8_t length;      /* of it, bytes */
    uint16_t type;
    uint16_t rrclass;
} cache_question_t;

typedef struct cache_put {
    cache_question_t question; /* type as each kind says */
    cache_kind_t kind;         /* all but CACHE_ANSWER */
    cache_rank_t rank;
    cache_security_t security;
    uint16_t info;      /* free for the caller, for example an extended error code */
    bool is_from_child; /* DELEGATION: it does not come from the parent's servers, see cache_put() */
    uint32_t ttl_s;     /* of the entry, before the limits in the settings */
    uint32_t
        expires_limit_s; /* it ends then at the latest, whatever the settings say: end of a signature, of the delegation above. 0: none */
    const uint8_t *zone; /* apex of the zone that it is from, at or above the name (else it counts as unknown); NULL: unknown. Secure NSEC
                          * and NSEC3 RRsets with a zone are found by range */
    const cache_rrset_t *rrsets; /* RRSET: itself first, then proof. Others: all of the proof, or the delegation */
    size_t rrset_count;
} cache_put_t;

/* Stores an entry; everything is copied. What is there already and fresh stays
 *  - if its rank is higher (RFC 2181 5.4.1);
 *  - if the new one is bogus and it is not;
 *  - at the same rank, if it is secure and the new one is indeterminate: nobody displaces validated data by a forgery.
 * An RRset or NODATA that is stored removes an NXDOMAIN of the same name, unless the NXDOMAIN would have stayed by these rules, and a bogus
 * one not even an expired NXDOMAIN that is not bogus.
 * A delegation that is_from_child replaces a fresh one only, and ends no later than it would have. TTL 0 is not stored, apart from
 * ttl_min_s. STATUS_OK: stored. STATUS_EXISTS: what was there stays. STATUS_LIMIT: larger than cache_value_max(). STATUS_INVALID: TTL 0, an
 * expired limit, a delegation from a child without the parent's, fields out of range. Takes a shard's lock. Cost: one copy, and on average
 * one eviction. */
status_t cache_put(cache_t *cache, const cache_put_t *put, uint32_t now_s) MUST_USE;

/* What a look-up copied out. buffer and capacity are the caller's and set before; everything else is filled and points into buffer. */
typedef struct cache_entry {
    uint8_t *buffer;
    size_t capacity; /* bytes; CACHE_BUFFER_SIZE suffices always. After STATUS_NO_SPACE: what is needed is in `size` */
    size_t size;     /* bytes used */
    cache_kind_t kind;
    cache_rank_t rank;
    cache_security_t security;
    uint16_t info;
    uint16_t type; /* as asked; 0 for NXDOMAIN, NS for DELEGATION */
    uint16_t rrclass;
    uint8_t variant; /* of an ANSWER */
    bool is_stale;
    uint32_t stored_s;
    uint32_t expires_s;
    uint32_t ttl_s;                                 /* left; 0 when stale */
    uint8_t name[NAME_WIRE_MAX + 1 + NAME_PADDING]; /* of the entry: the ancestor that was found, the range's owner */
    uint8_t name_length;
    const uint8_t *zone; /* inside name, or NULL */
    uint32_t age_s;
    size_t position; /* of cache_entry_next() */
} cache_entry_t;

/* Walks over the RRsets of an entry, in the order of the put. False at the end, or where the content is damaged. */
bool cache_entry_next(cache_entry_t *entry, cache_rrset_t *rrset);
/* Begins again. */
void cache_entry_rewind(cache_entry_t *entry);

enum {
    CACHE_STALE = 1 << 0, /* entries that are expired by less than stale_max_s are found too */
    CACHE_PEEK = 1 << 1,  /* leave the visited bit alone: a look-up that no client asked for, or that follows the put */
};

/* The entry of a question: kind says which; CACHE_RRSET and CACHE_NODATA are the same question and find either.
 * STATUS_OK; STATUS_NOT_FOUND; STATUS_NO_SPACE. */
status_t cache_get(cache_reader_t *reader, const cache_question_t *question, cache_kind_t kind, unsigned flags, uint32_t now_s,
                   cache_entry_t *entry) MUST_USE;
/* The deepest fresh entry of kind DELEGATION or NXDOMAIN at or above the name: where to ask, or RFC 8020. Cost: one look-up a label.
 * Statuses as cache_get(). */
status_t cache_find_above(cache_reader_t *reader, const cache_question_t *question, cache_kind_t kind, uint32_t now_s,
                          cache_entry_t *entry) MUST_USE;

/* ---- denial by range (RFC 8198) ---- */

/* The parameters of the NSEC3 chain of a zone, of which at least one range is cached. */
typedef struct cache_nsec3 {
    uint16_t iterations;
    uint8_t salt_size;
    uint8_t salt[255];
} cache_nsec3_t;
/* STATUS_NOT_FOUND: no range of an NSEC3 chain is known. entry is scratch. */
status_t cache_find_nsec3(cache_reader_t *reader, const uint8_t *zone, uint16_t rrclass, uint32_t now_s, cache_nsec3_t *parameters,
                          cache_entry_t *entry) MUST_USE;
/* The secure NSEC RRset of the zone that matches the name (*matches) or covers it. The zone is at or above the name. */
status_t cache_find_nsec(cache_reader_t *reader, const uint8_t *zone, const cache_question_t *question, uint32_t now_s, bool *matches,
                         cache_entry_t *entry) MUST_USE;
/* What to look for in a zone's NSEC3 chain: the chain by its parameters, and a hashed name. */
typedef struct cache_hashed {
    const uint8_t *zone;
    uint16_t rrclass;
    nsec3_parameters_t parameters;
    uint8_t hash[NSEC3_HASH_SIZE];
} cache_hashed_t;
/* Likewise for NSEC3. STATUS_NOT_FOUND, STATUS_NO_SPACE. */
status_t cache_find_nsec3_range(cache_reader_t *reader, const cache_hashed_t *hashed, uint32_t now_s, bool *matches,
                                cache_entry_t *entry) MUST_USE;

/* ---- prebuilt answers ---- */

enum {
    CACHE_ANSWER_DO = 1 << 0,      /* with DNSSEC records */
    CACHE_ANSWER_CD = 1 << 1,      /* made for CD: bogus data too */
    CACHE_ANSWER_VARIANTS = 1 << 5 /* variants are below this; the rest is the caller's (views) */
};

typedef struct cache_answer_put {
    cache_question_t question;
    uint8_t variant;
    uint16_t info;          /* returned with a hit: extended error and the like */
    const uint8_t *message; /* header, question, sections; without OPT and TSIG */
    size_t size;            /* bytes */
    uint32_t ttl_limit_s;   /* lives no longer than this, nor than the lowest TTL in it. Without records: just this */
} cache_answer_put_t;
/* STATUS_OK; STATUS_MALFORMED: no such message, or a question of another length; STATUS_INVALID: TTL 0, an OPT or TSIG in it;
 * STATUS_LIMIT: too large, or too many records. */
status_t cache_answer_put(cache_t *cache, const cache_answer_put_t *put, uint32_t now_s) MUST_USE;

typedef struct cache_answer_get {
    cache_question_t question;
    uint8_t variant;
    const uint8_t *request; /* the client's message: id, and the question as it wrote it (question.length + 4 bytes behind the header). May
                             * be `out`: they stand there already */
    uint16_t flags_keep;    /* of the stored header flags: ~FLAG_AD for clients that did not ask for it */
    uint16_t flags_add;     /* RD and CD of the request */
    uint8_t *out;
    size_t capacity; /* bytes */
    /* filled by a hit: */
    size_t size; /* bytes; with STATUS_NO_SPACE what it would be */
    uint16_t info;
    uint32_t ttl_s;          /* left */
    uint32_t ttl_original_s; /* when stored */
} cache_answer_get_t;
/* A hit writes the whole message to `out`: id, flags, question as asked, TTLs less its age. STATUS_OK, STATUS_NOT_FOUND, STATUS_NO_SPACE.
 * No lock, no allocation; about 520 instructions for an answer of 80 bytes, half of them for the keyed hash and finding the record. */
status_t cache_answer_get(cache_reader_t *reader, cache_answer_get_t *get, uint32_t now_s) MUST_USE;

/* ---- maintenance: one pass over the table, shard by shard under its lock, off the hot path ---- */

/* Removes all entries of a name (and of all below it), answers included. rrclass 0: any. Returns how many. */
uint64_t cache_flush_name(cache_t *cache, const uint8_t *name, uint16_t rrclass);
uint64_t cache_flush_subtree(cache_t *cache, const uint8_t *name, uint16_t rrclass);
uint64_t cache_flush_all(cache_t *cache);

typedef struct cache_statistics {
    uint64_t entries[CACHE_KINDS];
    uint64_t bytes[CACHE_KINDS]; /* in the mapping, without their share of the table */
    uint64_t ranges;
    uint64_t budget_bytes;
    uint64_t data_bytes; /* of the budget: what entries can occupy */
    uint64_t puts;
    uint64_t kept;      /* puts answered by STATUS_EXISTS */
    uint64_t evictions; /* live entries that had to go */
    uint64_t damaged;   /* shards emptied, and records dropped, as their content made no sense */
} cache_statistics_t;
/* Counts since cache_new(), gauges as they are. After a restart from a damaged file the gauges may be off. Takes each lock once. */
void cache_statistics(cache_t *cache, cache_statistics_t *out);

/* Walks over all entries, one a call. *cursor starts at 0. Entries changed meanwhile may be seen twice or not at all, and twice those that
 * move as the table grows. Answers come with their question only. STATUS_OK, STATUS_END; STATUS_NO_SPACE: this one is too large for the
 * buffer, the next call gives the next. */
status_t cache_iterate(cache_reader_t *reader, uint64_t *cursor, uint32_t now_s, cache_entry_t *entry) MUST_USE;
/* Likewise over all entries of the question's name and class, expired ones of at most stale_max_s included: delegation and NXDOMAIN first,
 * then by type. The question's type is ignored. Cost, for the whole walk: one look-up for each type there could be and each kind and
 * variant, 2.2 million, some tenths of a second whatever the size of the cache. For people who look. */
status_t cache_iterate_name(cache_reader_t *reader, const cache_question_t *question, uint64_t *cursor, uint32_t now_s,
                            cache_entry_t *entry) MUST_USE;
