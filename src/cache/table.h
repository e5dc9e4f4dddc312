/* Writing: the hash table and the rings of one shard, under its lock. Not for others. */
#pragma once

#include "cache/key.h"

/* Where a record stands, as seen by a writer. record NULL: the key is not there. */
typedef struct cache_place {
    cache_bucket_t *bucket;
    unsigned slot;
    uint64_t *record;
} cache_place_t;

void shard_lock(cache_t *cache, uint32_t shard);
void shard_unlock(cache_t *cache, uint32_t shard);
/* Empties a shard: at the beginning, on cache_flush_all(), and when its rings make no sense. */
void shard_reset(cache_t *cache, uint32_t shard);
/* Buckets in use of an empty shard. */
uint32_t shard_buckets_min(const cache_t *cache);
/* True if the positions of its rings lie inside of them, and as many buckets are in use as there can be. */
bool shard_is_sane(const cache_t *cache, uint32_t shard);

/* Mends the bucket if an earlier run left it half changed. */
void bucket_claim(cache_t *cache, cache_bucket_t *bucket);
cache_place_t table_find(cache_t *cache, const cache_key_t *key);
/* Unlinks a record. */
void table_remove(cache_t *cache, uint32_t shard, const cache_place_t *place);

/* A record being written. */
typedef struct record_writer {
    const cache_t *cache;
    uint64_t *record;
    uint64_t *at;
    uint64_t pending; /* bytes that do not fill a word yet */
    unsigned pending_bits;
    uint64_t sum;
} record_writer_t;

/* What a record's head is made of. */
typedef struct record_head {
    uint64_t time;
    uint64_t state; /* without the hash */
    uint16_t value_size;
} record_head_t;

/* Makes room for a record of this key in place of `place` (what table_find() said), writes its head and name; then record_append() gives
 * its value, exactly value_size bytes, and table_end() publishes it. Between the two the shard's lock is held and nothing else is called.
 */
typedef struct table_write {
    record_writer_t writer;
    const cache_key_t *key;
    cache_bucket_t *bucket;
    unsigned slot;
    uint32_t hash; /* that the bucket is of */
    uint32_t reference;
    unsigned units;
    bool in_place;
} table_write_t;
void table_begin(cache_t *cache, table_write_t *write, const cache_key_t *key, const cache_place_t *place, const record_head_t *head);
void record_append(record_writer_t *writer, const void *bytes, size_t size);
void table_end(cache_t *cache, table_write_t *write);

/* Room for `units` at the head of a ring, by eviction. Never fails for records that cache_value_max() allows. */
uint32_t ring_allocate(cache_t *cache, uint32_t shard, unsigned ring, unsigned units);
/* The ghost of a record that left the small ring: asked for again soon, it goes to the main ring at once. */
void ghost_add(cache_t *cache, uint32_t shard, uint32_t tag);
bool ghost_take(cache_t *cache, uint32_t shard, uint32_t tag);
