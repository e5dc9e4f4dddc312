#include "cache/table.h"

#include "base/require.h"
#include "cache/read.h"

#include <string.h>

static uint64_t record_mix(uint64_t sum, uint64_t word)
{
    unsigned __int128 product = (unsigned __int128)(sum ^ word) * UINT64_C(0x9fb21c651e98df25);
    return (uint64_t)product ^ (uint64_t)(product >> 64) ^ word;
}

/* The units count too: a record that seems to have more room than it has would be written over its neighbour. */
static uint64_t record_seed(const cache_t *cache, unsigned units)
{
    return cache->settings.key.k1 ^ units;
}

uint32_t record_checksum(const cache_t *cache, const uint64_t *record, size_t words)
{
    uint64_t sum = record_seed(cache, head_units(word_load(record + RECORD_PLACE)));
    for (size_t i = 1; i < words; i++) {
        sum = record_mix(sum, word_load(record + i));
    }
    return (uint32_t)(sum >> 32);
}

/* ---- shards ---- */

void shard_lock(cache_t *cache, uint32_t shard)
{
    REQUIRE(pthread_mutex_lock(&cache->locks[shard].mutex) == 0);
}

void shard_unlock(cache_t *cache, uint32_t shard)
{
    REQUIRE(pthread_mutex_unlock(&cache->locks[shard].mutex) == 0);
}

uint32_t shard_buckets_min(const cache_t *cache)
{
    return cache->layout.buckets < CACHE_BUCKETS_MIN ? cache->layout.buckets : CACHE_BUCKETS_MIN;
}

static void bucket_clear(cache_bucket_t *bucket)
{
    for (unsigned slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
        atomic_store_explicit(&bucket->slots[slot], 0, memory_order_release);
    }
    atomic_store_explicit(&bucket->visited, 0, memory_order_relaxed);
}

void shard_reset(cache_t *cache, uint32_t number)
{
    cache_shard_t *shard = &cache->shards[number];
    const uint32_t count = shard_buckets(cache, number);
    for (uint32_t i = 0; i < count && i < cache->layout.buckets; i++) {
        cache_bucket_t *bucket = cache->buckets + (size_t)number * cache->layout.buckets + i;
        bucket_claim(cache, bucket);
        bucket_begin(bucket);
        bucket_clear(bucket);
        bucket_end(bucket);
    }
    memset(cache->ghosts + (size_t)number * cache->layout.ghosts, 0, sizeof *cache->ghosts * cache->layout.ghosts);
    atomic_store_explicit(&shard->buckets, table_of(shard_buckets_min(cache)), memory_order_release);
    memset(shard->entries, 0, sizeof shard->entries);
    memset(shard->bytes, 0, sizeof shard->bytes);
    for (unsigned ring = 0; ring < RINGS; ring++) {
        shard->rings[ring].head = shard->rings[ring].tail = ring_begin(cache, number, ring);
    }
}

bool shard_is_sane(const cache_t *cache, uint32_t number)
{
    const uint32_t buckets = shard_buckets(cache, number);
    if (buckets < shard_buckets_min(cache) || buckets > cache->layout.buckets || shard_table(cache, number) != table_of(buckets)) {
        return false;
    }
    for (unsigned ring = 0; ring < RINGS; ring++) {
        const cache_ring_t *r = &cache->shards[number].rings[ring];
        uint32_t begin = ring_begin(cache, number, ring);
        uint32_t units = cache->layout.ring_units[ring];
        if (r->head - begin >= units || r->tail - begin >= units) {
            return false;
        }
    }
    return true;
}

static void shard_account(cache_t *cache, uint32_t number, const uint64_t *record, bool adds)
{
    cache_shard_t *shard = &cache->shards[number];
    cache_kind_t kind = head_kind(record[RECORD_STATE]);
    uint64_t bytes = (uint64_t)head_units(record[RECORD_PLACE]) * CACHE_UNIT;
    if (kind >= CACHE_KINDS) {
        return;
    }
    if (adds) {
        shard->entries[kind]++;
        shard->bytes[kind] += bytes;
    } else {
        /* a damaged file may have other ideas of what was there */
        shard->entries[kind] -= shard->entries[kind] > 0;
        shard->bytes[kind] -= shard->bytes[kind] > bytes ? bytes : shard->bytes[kind];
    }
}

/* ---- buckets ---- */

void bucket_claim(cache_t *cache, cache_bucket_t *bucket)
{
    if (UNLIKELY(atomic_load_explicit(&bucket->sequence, memory_order_relaxed) & 1)) {
        uint32_t shard = (uint32_t)((size_t)(bucket - cache->buckets) / cache->layout.buckets);
        cache->locks[shard].damaged++;
        bucket_clear(bucket);
        bucket_end(bucket);
    }
}

cache_place_t table_find(cache_t *cache, const cache_key_t *key)
{
    cache_found_t found;
    const uint64_t table = shard_table(cache, key->shard);
    bucket_claim(cache, cache_bucket(cache, key->shard, cache_key_hash(key, 0), table));
    bucket_claim(cache, cache_bucket(cache, key->shard, cache_key_hash(key, 1), table));
    if (cache_probe(cache, key, &found) != PROBE_FOUND) {
        return (cache_place_t){.record = NULL};
    }
    return (cache_place_t){
        .bucket = cache->buckets + (found.bucket - cache->buckets),
        .slot = found.slot,
        .record = (uint64_t *)(void *)cache->base + (found.record - (const uint64_t *)(const void *)cache->base),
    };
}

static void slot_set(cache_bucket_t *bucket, unsigned slot, uint64_t value)
{
    bucket_begin(bucket);
    atomic_store_explicit(&bucket->slots[slot], value, memory_order_release);
    bucket_end(bucket);
    atomic_fetch_and_explicit(&bucket->visited, ~(UINT32_C(1) << slot), memory_order_relaxed);
}

void table_remove(cache_t *cache, uint32_t shard, const cache_place_t *place)
{
    shard_account(cache, shard, place->record, false);
    slot_set(place->bucket, place->slot, 0);
}

/* ---- growth ---- */

/* Copies to the next bucket what will stand there; returns a bit for each slot it was in. */
static unsigned bucket_copy_moving(cache_t *cache, uint32_t shard, const cache_bucket_t *from, uint32_t count)
{
    unsigned moving = 0;
    cache_bucket_t *to = cache->buckets + ((size_t)shard * cache->layout.buckets + count);
    bucket_claim(cache, to);
    bucket_begin(to);
    for (unsigned slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
        uint64_t value = bucket_slot(from, slot);
        uint64_t ignored;
        const uint64_t *record = (uint32_t)value ? record_at(cache, shard, (uint32_t)value, &ignored) : NULL;
        bool moves = record && cache_bucket(cache, shard, (uint32_t)record[RECORD_STATE], table_of(count + 1)) == to;
        atomic_store_explicit(&to->slots[slot], moves ? value : 0, memory_order_release);
        moving |= (unsigned)moves << slot;
    }
    atomic_store_explicit(&to->visited, atomic_load_explicit(&from->visited, memory_order_relaxed) & moving, memory_order_relaxed);
    bucket_end(to);
    return moving;
}

/* One bucket more if there are many records; each of those to come makes as much room as it takes. */
static void table_grow(cache_t *cache, uint32_t number)
{
    cache_shard_t *shard = &cache->shards[number];
    const uint32_t count = shard_buckets(cache, number);
    uint64_t entries = 0;
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        entries += shard->entries[kind];
    }
    if (count == cache->layout.buckets || 2 * entries < (uint64_t)count * CACHE_BUCKETS_LOAD) {
        return;
    }
    cache_bucket_t *from = cache_bucket(cache, number, count, table_of(count)); /* the one that stood for the new one so far */
    bucket_claim(cache, from);
    const unsigned moving = bucket_copy_moving(cache, number, from, count);
    bucket_begin(from); /* first: if the process ends in between, it is found half changed */
    atomic_store_explicit(&shard->buckets, table_of(count + 1), memory_order_release);
    for (unsigned slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
        if (moving >> slot & 1) {
            atomic_store_explicit(&from->slots[slot], 0, memory_order_release);
        }
    }
    bucket_end(from);
    atomic_fetch_and_explicit(&from->visited, ~moving, memory_order_relaxed);
}

static unsigned bucket_records(const cache_bucket_t *bucket)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
        count += (uint32_t)bucket_slot(bucket, slot) != 0;
    }
    return count;
}

/* Which of a key's two buckets takes it: the first, which is looked into first, unless it is crowded and the other one less so. */
static unsigned bucket_choose(const cache_bucket_t *first, const cache_bucket_t *other)
{
    enum { CROWDED = 5 };
    unsigned count = bucket_records(first);
    return count >= CROWDED && bucket_records(other) < count;
}

/* Of a full bucket: whoever was not asked for goes, and else the one that chance, by the tag, names. */
static void slot_free(cache_t *cache, const cache_key_t *key, cache_bucket_t *bucket)
{
    unsigned slot = (key->tag >> 1) % CACHE_BUCKET_SLOTS;
    uint32_t visited = atomic_load_explicit(&bucket->visited, memory_order_relaxed);
    for (unsigned i = 0; i < CACHE_BUCKET_SLOTS && (visited >> slot & 1); i++) {
        slot = (slot + 1) % CACHE_BUCKET_SLOTS;
    }
    uint64_t ignored;
    uint32_t reference = (uint32_t)bucket_slot(bucket, slot);
    if (record_at(cache, key->shard, reference, &ignored)) {
        shard_account(cache, key->shard, cache_words(cache, reference), false);
    }
    cache->locks[key->shard].evictions++;
    slot_set(bucket, slot, 0);
}

/* An empty slot in one of the key's buckets. */
static void slot_choose(cache_t *cache, const cache_key_t *key, table_write_t *write)
{
    const uint32_t hashes[2] = {cache_key_hash(key, 0), cache_key_hash(key, 1)};
    const uint64_t table = shard_table(cache, key->shard);
    cache_bucket_t *const buckets[2] = {cache_bucket(cache, key->shard, hashes[0], table),
                                        cache_bucket(cache, key->shard, hashes[1], table)};
    const unsigned choice = bucket_choose(buckets[0], buckets[1]);
    write->bucket = buckets[choice];
    write->hash = hashes[choice];
    write->slot = 0;
    if (bucket_records(write->bucket) == CACHE_BUCKET_SLOTS) {
        slot_free(cache, key, write->bucket);
    }
    while ((uint32_t)bucket_slot(write->bucket, write->slot) != 0) {
        write->slot++;
    }
}

/* ---- records ---- */

static void writer_word(record_writer_t *writer, uint64_t word)
{
    word_store(writer->at++, word);
    writer->sum = record_mix(writer->sum, word);
}

void record_append(record_writer_t *writer, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    for (; size >= 8; size -= 8, from += 8) {
        uint64_t word = bytes_load(from);
        unsigned bits = writer->pending_bits;
        writer_word(writer, bits == 0 ? word : writer->pending | word << bits);
        writer->pending = bits == 0 ? 0 : word >> (64 - bits);
    }
    for (; size > 0; size--, from++) {
        writer->pending |= (uint64_t)*from << writer->pending_bits;
        writer->pending_bits += 8;
        if (writer->pending_bits == 64) {
            writer_word(writer, writer->pending);
            writer->pending = 0;
            writer->pending_bits = 0;
        }
    }
}

static void writer_pad(record_writer_t *writer)
{
    if (writer->pending_bits > 0) {
        writer_word(writer, writer->pending);
        writer->pending = 0;
        writer->pending_bits = 0;
    }
}

/* The old record's room is used again if little of it is lost: refreshed entries are mostly of one size. */
static bool fits_in_place(const cache_place_t *place, size_t words)
{
    size_t room = place->record ? head_units(place->record[RECORD_PLACE]) : 0;
    return words <= room && room - words <= room / 4;
}

void table_begin(cache_t *cache, table_write_t *write, const cache_key_t *key, const cache_place_t *place, const record_head_t *head)
{
    uint64_t key_word = key->word | (uint64_t)head->value_size << 48;
    size_t words = record_words(key_word);
    unsigned ring = RING_SMALL;
    *write = (table_write_t){.key = key, .in_place = fits_in_place(place, words)};
    cache->locks[key->shard].puts++;
    if (write->in_place) {
        write->bucket = place->bucket;
        write->slot = place->slot;
        write->hash = (uint32_t)place->record[RECORD_STATE];
        write->reference = (uint32_t)bucket_slot(place->bucket, place->slot);
        write->units = head_units(place->record[RECORD_PLACE]);
        shard_account(cache, key->shard, place->record, false);
        bucket_begin(write->bucket);
    } else {
        if (place->record) {
            uint32_t reference = (uint32_t)bucket_slot(place->bucket, place->slot);
            ring = reference >= ring_begin(cache, key->shard, RING_MAIN) ? RING_MAIN : RING_SMALL;
            table_remove(cache, key->shard, place);
        } else if (ghost_take(cache, key->shard, key->tag)) {
            ring = RING_MAIN;
        }
        write->units = (unsigned)words;
        write->reference = ring_allocate(cache, key->shard, ring, write->units);
        table_grow(cache, key->shard);
        slot_choose(cache, key, write);
    }
    uint64_t *record = cache_words(cache, write->reference);
    write->writer = (record_writer_t){.cache = cache, .record = record, .at = record + 1};
    write->writer.sum = record_seed(cache, write->units);
    writer_word(&write->writer, key_word);
    writer_word(&write->writer, head->time);
    writer_word(&write->writer, (head->state & ~(uint64_t)UINT32_MAX) | write->hash);
    record_append(&write->writer, key->name, head_name_length(key->word));
    writer_pad(&write->writer);
}

void table_end(cache_t *cache, table_write_t *write)
{
    record_writer_t *writer = &write->writer;
    writer_pad(writer);
    DEBUG_ASSERT((size_t)(writer->at - writer->record) == record_words(writer->record[RECORD_KEY]));
    uint64_t checksum = (uint32_t)(writer->sum >> 32);
    word_store(writer->record, write->units | (uint64_t)cache->session << 16 | checksum << 32);
    shard_account(cache, write->key->shard, writer->record, true);
    if (write->in_place) {
        bucket_end(write->bucket);
    } else {
        slot_set(write->bucket, write->slot, (uint64_t)write->key->tag << 32 | write->reference);
    }
}
