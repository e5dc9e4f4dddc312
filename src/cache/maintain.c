/* Flushing, counting and walking over everything. */
#include "base/require.h"
#include "cache/get.h"
#include "cache/index.h"
#include "cache/read.h"
#include "cache/table.h"

#include <string.h>

typedef struct flush {
    const uint8_t *name;
    size_t length;
    uint16_t rrclass; /* 0: any */
    bool with_below;
} flush_t;

static bool flush_takes(const flush_t *flush, const uint64_t *record, uint64_t key)
{
    const uint8_t *name = (const uint8_t *)(record + RECORD_HEAD);
    size_t length = head_name_length(key);
    if ((flush->rrclass != 0 && flush->rrclass != (uint16_t)(key >> 16)) || length < flush->length ||
        (length > flush->length && !flush->with_below)) {
        return false;
    }
    /* the suffix must begin with a label; a damaged name ends the walk all the same, as every step goes forward */
    size_t at = 0;
    while (at + flush->length < length) {
        at += name[at] + 1u;
    }
    return at + flush->length == length && memcmp(name + at, flush->name, flush->length) == 0;
}

static uint64_t flush_bucket(cache_t *cache, uint32_t shard, cache_bucket_t *bucket, const flush_t *flush)
{
    uint64_t flushed = 0;
    bucket_claim(cache, bucket);
    for (unsigned slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
        uint32_t reference = (uint32_t)bucket_slot(bucket, slot);
        uint64_t key;
        const uint64_t *record = reference ? record_at(cache, shard, reference, &key) : NULL;
        if (record && flush_takes(flush, record, key)) {
            cache_place_t place = {.bucket = bucket, .slot = slot, .record = cache_words(cache, reference)};
            table_remove(cache, shard, &place);
            flushed++;
        }
    }
    return flushed;
}

static uint64_t cache_flush(cache_t *cache, const flush_t *flush)
{
    enum { BUCKETS_PER_LOCK = 1024 }; /* nobody waits for long */
    uint64_t flushed = 0;
    for (uint32_t shard = 0; shard < cache->layout.shards; shard++) {
        for (uint32_t at = 0; at < shard_buckets(cache, shard);) {
            shard_lock(cache, shard);
            const uint32_t end = at + BUCKETS_PER_LOCK;
            for (; at < end && at < shard_buckets(cache, shard); at++) {
                flushed += flush_bucket(cache, shard, cache->buckets + (size_t)shard * cache->layout.buckets + at, flush);
            }
            shard_unlock(cache, shard);
        }
    }
    return flushed;
}

uint64_t cache_flush_name(cache_t *cache, const uint8_t *name, uint16_t rrclass)
{
    flush_t flush = {.name = name, .length = name_length(name), .rrclass = rrclass};
    return cache_flush(cache, &flush);
}

uint64_t cache_flush_subtree(cache_t *cache, const uint8_t *name, uint16_t rrclass)
{
    flush_t flush = {.name = name, .length = name_length(name), .rrclass = rrclass, .with_below = true};
    return cache_flush(cache, &flush);
}

static uint64_t shard_entries(const cache_shard_t *shard)
{
    uint64_t entries = 0;
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        entries += shard->entries[kind];
    }
    return entries;
}

uint64_t cache_flush_all(cache_t *cache)
{
    uint64_t flushed = 0;
    for (uint32_t shard = 0; shard < cache->layout.shards; shard++) {
        shard_lock(cache, shard);
        flushed += shard_entries(&cache->shards[shard]);
        shard_reset(cache, shard);
        shard_unlock(cache, shard);
    }
    index_clear(cache);
    return flushed;
}

void cache_statistics(cache_t *cache, cache_statistics_t *out)
{
    *out = (cache_statistics_t){
        .ranges = index_count(cache),
        .budget_bytes = cache->layout.budget,
        .data_bytes = cache->layout.budget - cache->layout.ring_at,
    };
    for (uint32_t i = 0; i < cache->layout.shards; i++) {
        shard_lock(cache, i);
        const cache_shard_t *shard = &cache->shards[i];
        for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
            out->entries[kind] += shard->entries[kind];
            out->bytes[kind] += shard->bytes[kind];
        }
        out->puts += cache->locks[i].puts;
        out->kept += cache->locks[i].kept;
        out->evictions += cache->locks[i].evictions;
        out->damaged += cache->locks[i].damaged;
        shard_unlock(cache, i);
    }
}

/* ---- walking: the cursor counts slots. Records move to buckets further on only, when the table grows: one may come twice ---- */

/* One slot. STATUS_NOT_FOUND: nothing there. */
static status_t iterate_slot(const cache_t *cache, uint64_t position, uint32_t now_s, cache_entry_t *entry)
{
    const cache_bucket_t *bucket = cache->buckets + position / CACHE_BUCKET_SLOTS;
    uint32_t shard = (uint32_t)(position / CACHE_BUCKET_SLOTS / cache->layout.buckets);
    for (unsigned attempt = 0; attempt < CACHE_RETRIES_MAX; attempt++) {
        uint32_t sequence = atomic_load_explicit(&bucket->sequence, memory_order_acquire);
        uint32_t reference = (uint32_t)bucket_slot(bucket, (unsigned)(position % CACHE_BUCKET_SLOTS));
        uint64_t key;
        const uint64_t *record = reference ? record_at(cache, shard, reference, &key) : NULL;
        bool is_good = record && record_copy(cache, record, key, now_s, entry);
        if (!(sequence & 1) && atomic_load_explicit(&bucket->sequence, memory_order_relaxed) == sequence) {
            if (!is_good) {
                return STATUS_NOT_FOUND;
            }
            return entry->size <= entry->capacity ? STATUS_OK : STATUS_NO_SPACE;
        }
        cache_relax();
    }
    return STATUS_NOT_FOUND;
}

status_t cache_iterate(cache_reader_t *reader, uint64_t *cursor, uint32_t now_s, cache_entry_t *entry)
{
    const cache_t *cache = reader->cache;
    const uint64_t shard_slots = (uint64_t)cache->layout.buckets * CACHE_BUCKET_SLOTS;
    const uint64_t end = cache->layout.shards * shard_slots;
    while (*cursor < end) {
        const uint32_t shard = (uint32_t)(*cursor / shard_slots);
        if (*cursor % shard_slots >= (uint64_t)shard_buckets(cache, shard) * CACHE_BUCKET_SLOTS) {
            *cursor = (shard + 1) * shard_slots;
            continue;
        }
        status_t status = iterate_slot(cache, (*cursor)++, now_s, entry);
        if (status != STATUS_NOT_FOUND) {
            return status;
        }
    }
    return STATUS_END;
}
