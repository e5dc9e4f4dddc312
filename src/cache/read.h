/* From a key to a record, without a lock: the inside of every look-up. Not for others. The rules are in layout.h. */
#pragma once

#include "base/require.h"
#include "cache/key.h"

typedef enum cache_probe_result { PROBE_MISSING, PROBE_FOUND, PROBE_DISTURBED } cache_probe_result_t;

typedef struct cache_found {
    const cache_bucket_t *bucket;
    const uint64_t *record;
    uint64_t key; /* RECORD_KEY */
    uint32_t sequence;
    unsigned slot;
} cache_found_t;

/* Checksum of a record's units and of its words but the first. */
uint32_t record_checksum(const cache_t *cache, const uint64_t *record, size_t words);

/* A reference's record, if it lies within its shard with all it says it holds, and was written by this run or has its checksum; else NULL.
 * Everything that a look-up reads of a record afterwards is inside. */
static inline const uint64_t *record_at(const cache_t *cache, uint32_t shard, uint32_t reference, uint64_t *key)
{
    uint32_t begin = ring_begin(cache, shard, RING_SMALL);
    uint32_t span = cache->layout.ring_units[RING_SMALL] + cache->layout.ring_units[RING_MAIN];
    uint32_t offset = reference - begin;
    if (UNLIKELY(offset >= span - RECORD_HEAD)) {
        return NULL;
    }
    const uint64_t *record = cache_words(cache, reference);
    uint64_t place = word_load(record + RECORD_PLACE);
    *key = word_load(record + RECORD_KEY);
    size_t words = record_words(*key);
    if (UNLIKELY(words == 0 || words > head_units(place) || head_units(place) > span - offset)) {
        return NULL;
    }
    if (UNLIKELY(head_session(place) != cache->session) && record_checksum(cache, record, words) != (uint32_t)(place >> 32)) {
        return NULL;
    }
    return record;
}

static inline __attribute__((always_inline)) cache_probe_result_t cache_probe(const cache_t *cache, const cache_key_t *key,
                                                                              cache_found_t *found)
{
    const uint64_t table = shard_table(cache, key->shard);
    for (unsigned choice = 0; choice < 2; choice++) {
        const cache_bucket_t *bucket = cache_bucket(cache, key->shard, cache_key_hash(key, choice), table);
        uint32_t sequence = atomic_load_explicit(&bucket->sequence, memory_order_acquire);
        if (UNLIKELY(sequence & 1)) {
            return PROBE_DISTURBED;
        }
        for (unsigned slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
            uint64_t value = bucket_slot(bucket, slot);
            if (value >> 32 != key->tag) {
                continue;
            }
            const uint64_t *record = record_at(cache, key->shard, (uint32_t)value, &found->key);
            if (record && (found->key & RECORD_KEY_MASK) == key->word && cache_key_is_name(key, record, head_name_length(key->word))) {
                found->bucket = bucket;
                found->record = record;
                found->sequence = sequence;
                found->slot = slot;
                return PROBE_FOUND;
            }
        }
        if (UNLIKELY(atomic_load_explicit(&bucket->sequence, memory_order_relaxed) != sequence)) {
            return PROBE_DISTURBED;
        }
    }
    if (UNLIKELY(shard_table(cache, key->shard) != table)) {
        return PROBE_DISTURBED;
    }
    return PROBE_MISSING;
}

/* Is all that was read through `found` what one writer wrote? */
static inline bool cache_is_undisturbed(const cache_found_t *found)
{
    return LIKELY(atomic_load_explicit(&found->bucket->sequence, memory_order_relaxed) == found->sequence);
}

/* The bit may by now belong to another record of the bucket: it then lives a little longer than it deserved. */
static inline void cache_visit(const cache_found_t *found)
{
    cache_bucket_t *bucket = (cache_bucket_t *)(uintptr_t)found->bucket;
    uint32_t bit = UINT32_C(1) << found->slot;
    if (!(atomic_load_explicit(&bucket->visited, memory_order_relaxed) & bit)) {
        atomic_fetch_or_explicit(&bucket->visited, bit, memory_order_relaxed);
    }
}

static inline void cache_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static inline void cache_count(cache_reader_t *reader, cache_counter_t counter)
{
    atomic_store_explicit(&reader->counts[counter], atomic_load_explicit(&reader->counts[counter], memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* What is left of a record's life, never more than it had. If the clock has gone back by more than that, it is over: it would last until
 * the clock has caught up, which may take years. */
static inline uint32_t time_left(uint64_t time, uint32_t now_s)
{
    uint32_t expires = head_expires(time);
    uint32_t stored = head_stored(time);
    if (UNLIKELY(now_s < stored)) {
        return expires > stored && stored - now_s < expires - stored ? expires - stored : 0;
    }
    return expires > now_s ? expires - now_s : 0;
}

static inline uint32_t time_age(uint64_t time, uint32_t now_s)
{
    return now_s > head_stored(time) ? now_s - head_stored(time) : 0;
}
