/* What stands where in the mapping, and how it is read and written by several threads. Not for others.
 *
 *     header | shards | index shards | buckets | ghosts | nodes of the index | rings
 *
 * A shard has buckets (the hash table, 64 bytes each), a table of ghosts and two rings of records. A ring is a log: records are written at
 * its head and leave at its tail, so nothing is ever fragmented and no free list can be damaged. A key has two buckets to stand in.
 *
 * A shard's table grows with its content, bucket by bucket (linear hashing; Litwin, VLDB 1980), so that memory is touched only as it is
 * needed: of the buckets that the budget has room for, the first `buckets` are in use. A hash stands in the bucket that its low bits name,
 * of as many bits as the number of buckets has; if there is no such bucket yet, in the one that a bit less names. So a new bucket takes its
 * records from exactly one other, and a record says by which of its two hashes it stands where it is.
 *
 * Reading without locks (a seqlock after Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012). All memory
 * that readers see is accessed in atomic words: writers store with release, readers load with acquire, which on x86-64 are plain moves.
 *  1. A writer makes the bucket's sequence odd, changes slots and the records they refer to, and makes it even again by a release store.
 * Every data store is a release, so none of them is seen before the odd sequence is.
 *  2. A reader loads the sequence, then data by acquire loads, then the sequence again. Has it read anything written under (1), the acquire
 * load makes the odd sequence, or a later one, visible to the second load, and the attempt is void.
 *  3. Memory is used anew only after its record was unlinked under (1), by the same thread or behind the same lock. So the sequence of the
 * bucket that led to a record guards all bytes of it. Fences would do as well; ThreadSanitizer does not understand them.
 *  4. When a bucket is split, what moves is linked in the new one before the new one is in use, and unlinked in the old one, under (1),
 * when it is. A reader that finds nothing, and then that the number of buckets has changed, looks again.
 */
#pragma once

#include "cache/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are taken apart in little-endian order");

enum {
    CACHE_UNIT = 8,           /* bytes; what references count in */
    CACHE_BUCKET_SLOTS = 7,   /* with sequence and visited bits one cache line */
    CACHE_BUCKET_BYTES = 640, /* of the budget for each bucket: 91 for each slot, so that the memory is full before the table is */
    CACHE_BUCKETS_MIN = 16,   /* in use from the beginning: a quarter of a page */
    CACHE_BUCKETS_LOAD = 5,   /* records for two buckets in use; more, and there comes a new one */
    CACHE_GHOSTS_PER_BUCKET = 8,
    CACHE_SHARDS_MAX = 64,
    CACHE_SHARD_BYTES_MIN = 2 << 20, /* of the budget */
    CACHE_SMALL_SHARE = 10,          /* one in so many bytes is for new entries (Yang et al. 2023, 4.1) */
    CACHE_REINSERTIONS_MAX = 32,     /* entries given another round to make room for one */
    CACHE_INDEX_SHARE = 32,          /* one in so many bytes of the budget is for ranges */
    CACHE_INDEX_NODES_MAX = 4096,    /* of one index shard: each insertion moves half of as many 16-bit numbers */
    CACHE_INDEX_SHARDS_MAX = 512,
    CACHE_NODE_KEY_MAX = 76,
    CACHE_PAGE = 4096,
    CACHE_FORMAT = 2,
};

/* ---- records ---- */

/* What a key stands for, apart from name, class and type. */
enum {
    CACHE_SPACE_DATA,
    CACHE_SPACE_NXDOMAIN,
    CACHE_SPACE_FAILURE,
    CACHE_SPACE_DELEGATION,
    CACHE_SPACE_ANSWER = 32, /* + variant */
    CACHE_SPACES = CACHE_SPACE_ANSWER + CACHE_ANSWER_VARIANTS,
};

/* A record is a number of words: four of head, the name (padded with zeros), the value. */
enum {
    RECORD_PLACE, /* units (16 bits), session (16), checksum (32) */
    RECORD_KEY,   /* type (16), class (16), space (8), length of the name (8), size of the value (16) */
    RECORD_TIME,  /* stored (32), expires (32) */
    RECORD_STATE, /* hash of its bucket (32), kind (3) rank (3) security (2), labels of the zone (8), info (16) */
    RECORD_HEAD,
};

#define RECORD_KEY_MASK UINT64_C(0x0000ffffffffffff)
enum { RECORD_ZONE_UNKNOWN = 255 };

typedef struct cache_head {
    uint64_t word[RECORD_HEAD];
} cache_head_t;

static inline unsigned head_units(uint64_t place)
{
    return (uint16_t)place;
}

static inline unsigned head_session(uint64_t place)
{
    return (uint16_t)(place >> 16);
}

static inline unsigned head_name_length(uint64_t key)
{
    return (uint8_t)(key >> 40);
}

static inline unsigned head_space(uint64_t key)
{
    return (uint8_t)(key >> 32);
}

static inline unsigned head_value_size(uint64_t key)
{
    return (unsigned)(key >> 48);
}

static inline uint32_t head_stored(uint64_t time)
{
    return (uint32_t)time;
}

static inline uint32_t head_expires(uint64_t time)
{
    return (uint32_t)(time >> 32);
}

static inline cache_kind_t head_kind(uint64_t state)
{
    return (cache_kind_t)(state >> 32 & 7);
}

static inline cache_rank_t head_rank(uint64_t state)
{
    return (cache_rank_t)(state >> 35 & 7);
}

static inline cache_security_t head_security(uint64_t state)
{
    return (cache_security_t)(state >> 38 & 3);
}

static inline size_t words_of(size_t bytes)
{
    return (bytes + 7) / 8;
}

/* Words of the whole record with these key bits; 0 if it is none. */
static inline size_t record_words(uint64_t key)
{
    unsigned name_length = head_name_length(key);
    return name_length == 0 ? 0 : RECORD_HEAD + words_of(name_length) + words_of(head_value_size(key));
}

/* ---- the mapping ---- */

typedef struct cache_bucket {
    _Atomic uint32_t sequence;                  /* odd: being changed */
    _Atomic uint32_t visited;                   /* a bit for each slot */
    _Atomic uint64_t slots[CACHE_BUCKET_SLOTS]; /* tag (32), reference (32); 0: empty */
} cache_bucket_t;
_Static_assert(sizeof(cache_bucket_t) == 64, "a bucket is one cache line");

/* Positions in units from the beginning of the mapping. head == tail: empty; the head never catches up with the tail. */
typedef struct cache_ring {
    uint32_t head;
    uint32_t tail;
} cache_ring_t;

enum { RING_SMALL, RING_MAIN, RINGS };

typedef struct cache_shard {
    cache_ring_t rings[RINGS];
    uint64_t entries[CACHE_KINDS];
    uint64_t bytes[CACHE_KINDS];
    uint8_t reserved[192 - RINGS * 8 - 16 * CACHE_KINDS];
    _Atomic uint64_t buckets; /* in use; the others are empty. All readers read it: it has a cache line of its own. Number (32), and the
                               * bits of a hash that count (32): all up to the number's highest */
    uint8_t reserved_too[56];
} cache_shard_t;
_Static_assert(sizeof(cache_shard_t) == 256, "shards do not share cache lines");
_Static_assert(offsetof(cache_shard_t, buckets) % 64 == 0, "what readers read stands apart from what writers write");

/* A denial range by the place of its owner in its chain. */
typedef struct cache_node {
    uint64_t zone;    /* keyed hash of class and zone */
    uint32_t chain;   /* 0: NSEC; else a hash of the NSEC3 parameters */
    uint32_t expires; /* Unix seconds */
    uint8_t key_length;
    uint8_t labels; /* of the zone */
    uint8_t reserved[2];
    uint8_t key[CACHE_NODE_KEY_MAX]; /* the owner below the zone, so that memcmp() gives canonical order; NSEC3: the hash */
} cache_node_t;
enum { CACHE_NODE_WORDS = 12 };
_Static_assert(sizeof(cache_node_t) == CACHE_NODE_WORDS * 8, "nodes are read in words");

typedef struct cache_index {
    _Atomic uint32_t sequence;
    _Atomic uint32_t count; /* nodes in use, sorted by order[] */
    uint32_t hand;          /* of the clock that chooses who goes */
    uint8_t reserved[52];
} cache_index_t;
_Static_assert(sizeof(cache_index_t) == 64, "index shards do not share cache lines");

/* How the budget is divided; follows from the budget alone. All positions in bytes. */
typedef struct cache_layout {
    uint64_t budget;
    uint32_t shards;  /* a power of two */
    uint32_t buckets; /* of a shard, at most */
    uint32_t ghosts;  /* of a shard */
    uint32_t ring_units[RINGS];
    uint32_t ring_first; /* unit where the rings of the first shard begin */
    uint32_t index_shards;
    uint32_t index_nodes; /* of an index shard */
    uint64_t shard_at;
    uint64_t index_at;
    uint64_t bucket_at;
    uint64_t ghost_at;
    uint64_t node_at;
    uint64_t order_at;
    uint64_t touched_at;
    uint64_t ring_at; /* of each shard: small ring, main ring */
} cache_layout_t;

typedef struct cache_file_header {
    uint8_t magic[8];
    uint32_t format;
    uint32_t session; /* 1..65535, another one for each run; in the records that it wrote */
    siphash_key_t key;
    uint64_t budget;
    uint64_t checksum; /* of all above by the key, so far as they do not change, and of the layout */
} cache_file_header_t;

/* ---- the object ---- */

typedef struct cache_lock {
    _Alignas(64) pthread_mutex_t mutex;
    /* counts of writers, behind the mutex */
    uint64_t puts;
    uint64_t kept;
    uint64_t evictions;
    uint64_t damaged;
} cache_lock_t;

struct cache {
    uint8_t *base; /* the mapping */
    cache_layout_t layout;
    cache_settings_t settings; /* with the key in use */
    uint16_t session;
    bool owns_mapping;
    cache_shard_t *shards;
    cache_index_t *indexes;
    cache_bucket_t *buckets;
    uint16_t *ghosts;
    cache_node_t *nodes;
    _Atomic uint16_t *order;
    _Atomic uint8_t *touched; /* of nodes */
    cache_lock_t *locks;      /* shards, then index shards */
};

static inline uint64_t *cache_words(const cache_t *cache, uint32_t reference)
{
    return (uint64_t *)(void *)cache->base + reference;
}

static inline uint64_t word_load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void word_store(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void words_store(uint64_t *to, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        word_store(to + i, from[i]);
    }
}

/* First unit of a ring of a shard. */
static inline uint32_t ring_begin(const cache_t *cache, uint32_t shard, unsigned ring)
{
    const cache_layout_t *layout = &cache->layout;
    uint32_t first = layout->ring_first + shard * (layout->ring_units[RING_SMALL] + layout->ring_units[RING_MAIN]);
    return ring == RING_MAIN ? first + layout->ring_units[RING_SMALL] : first;
}

static inline void bucket_begin(cache_bucket_t *bucket)
{
    atomic_store_explicit(&bucket->sequence, atomic_load_explicit(&bucket->sequence, memory_order_relaxed) + 1, memory_order_relaxed);
}

static inline void bucket_end(cache_bucket_t *bucket)
{
    atomic_store_explicit(&bucket->sequence, atomic_load_explicit(&bucket->sequence, memory_order_relaxed) + 1, memory_order_release);
}

static inline uint64_t bucket_slot(const cache_bucket_t *bucket, unsigned slot)
{
    return atomic_load_explicit(&bucket->slots[slot], memory_order_acquire);
}
