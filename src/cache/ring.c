/* The two rings of a shard: S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023).
 *
 *     put -> [ small ring ] -- visited --> [ main ring ] --- visited: once more ---+
 *                  |                        ^       |  ^__________________________|
 *              not visited                  |   not visited
 *                  v                        |       v
 *               ghost ---- put again -------+     gone
 *
 * A record leaves a ring only at its tail. One that was replaced or flushed meanwhile is no longer linked and is passed over.
 */
#include "base/require.h"
#include "cache/read.h"
#include "cache/table.h"

/* What stands at the tail of a ring. */
typedef struct ring_tail {
    cache_place_t place; /* record NULL: nothing is linked to it */
    uint32_t reference;
    unsigned units;
    uint64_t slot_value;
} ring_tail_t;

static cache_ring_t *ring_of(const cache_t *cache, uint32_t shard, unsigned ring)
{
    return &cache->shards[shard].rings[ring];
}

static uint32_t ring_end(const cache_t *cache, uint32_t shard, unsigned ring)
{
    return ring_begin(cache, shard, ring) + cache->layout.ring_units[ring];
}

static void slot_visited_clear(const cache_place_t *place)
{
    atomic_fetch_and_explicit(&place->bucket->visited, ~(UINT32_C(1) << place->slot), memory_order_relaxed);
}

/* False: there is no sense in what stands there. */
static bool ring_read_tail(cache_t *cache, uint32_t shard, unsigned ring, ring_tail_t *tail)
{
    uint32_t at = ring_of(cache, shard, ring)->tail;
    uint64_t *record = cache_words(cache, at);
    tail->place.record = NULL;
    tail->reference = at;
    tail->units = head_units(record[RECORD_PLACE]);
    if (tail->units == 0 || tail->units > ring_end(cache, shard, ring) - at) {
        return false;
    }
    if (head_session(record[RECORD_PLACE]) == 0) {
        return true; /* padding */
    }
    if (tail->units < RECORD_HEAD) {
        return false;
    }
    cache_bucket_t *bucket = cache_bucket(cache, shard, (uint32_t)record[RECORD_STATE], shard_table(cache, shard));
    bucket_claim(cache, bucket);
    for (unsigned slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
        uint64_t value = bucket_slot(bucket, slot);
        if ((uint32_t)value == at) {
            tail->slot_value = value;
            tail->place = (cache_place_t){.bucket = bucket, .slot = slot, .record = record};
        }
    }
    return true;
}

static void ring_pop(cache_t *cache, uint32_t shard, unsigned ring, const ring_tail_t *tail)
{
    cache_ring_t *r = ring_of(cache, shard, ring);
    uint32_t next = r->tail + tail->units;
    r->tail = next == ring_end(cache, shard, ring) ? ring_begin(cache, shard, ring) : next;
}

/* What stands in the ring and is no record. */
static void ring_pad(cache_t *cache, uint32_t at, uint32_t units)
{
    word_store(cache_words(cache, at), units); /* session 0 */
}

/* Room at the head without touching the tail, or 0. It is padding until a record is complete: if the process ends in between, the ring can
 * still be read. */
static uint32_t ring_take(cache_t *cache, uint32_t shard, unsigned ring, unsigned units)
{
    cache_ring_t *r = ring_of(cache, shard, ring);
    uint32_t begin = ring_begin(cache, shard, ring);
    uint32_t end = ring_end(cache, shard, ring);
    if (r->head == r->tail) {
        r->head = r->tail = begin;
    }
    uint32_t at = r->head;
    if (at >= r->tail) {
        /* head must not come to stand on tail: at the very end it would wrap to the beginning */
        if (units < end - at || (units == end - at && r->tail != begin)) {
            ring_pad(cache, at, units);
            r->head = at + units == end ? begin : at + units;
            return at;
        }
        if (r->tail == begin) {
            return 0;
        }
        ring_pad(cache, at, end - at);
        r->head = at = begin;
    }
    if (r->tail - at > units) {
        ring_pad(cache, at, units);
        r->head = at + units;
        return at;
    }
    return 0;
}

/* Copies a record, known to be good, to new room and links it there. The new place may overlap the old one from below, so the words go
 * upwards; the old place is not in any ring by now, or still is in the other one. */
static void record_move(cache_t *cache, const ring_tail_t *tail, uint32_t to)
{
    uint64_t *target = cache_words(cache, to);
    const uint64_t *source = cache_words(cache, tail->reference);
    uint64_t place = (source[RECORD_PLACE] & ~UINT64_C(0xffff0000)) | (uint64_t)cache->session << 16;
    bucket_begin(tail->place.bucket);
    for (unsigned i = 1; i < tail->units; i++) {
        word_store(target + i, source[i]);
    }
    word_store(target, place);
    atomic_store_explicit(&tail->place.bucket->slots[tail->place.slot], (tail->slot_value & ~(uint64_t)UINT32_MAX) | to,
                          memory_order_release);
    bucket_end(tail->place.bucket);
    slot_visited_clear(&tail->place);
}

static void ring_drop(cache_t *cache, uint32_t shard, unsigned ring, const ring_tail_t *tail)
{
    if (tail->place.record) {
        cache->locks[shard].evictions++;
        table_remove(cache, shard, &tail->place);
        if (ring == RING_SMALL) {
            ghost_add(cache, shard, (uint32_t)(tail->slot_value >> 32));
        }
    }
    ring_pop(cache, shard, ring, tail);
}

static bool is_visited(const ring_tail_t *tail)
{
    return tail->place.record && atomic_load_explicit(&tail->place.bucket->visited, memory_order_relaxed) & UINT32_C(1) << tail->place.slot;
}

/* Earlier runs' records are looked at before they are kept: damage does not travel. */
static bool is_worth_keeping(const cache_t *cache, uint32_t shard, const ring_tail_t *tail)
{
    uint64_t key;
    return is_visited(tail) && record_at(cache, shard, tail->reference, &key);
}

/* Gives the record at the main ring's tail another round. If the ring wraps just there, others have to go to make room. */
static void main_reinsert(cache_t *cache, uint32_t shard, const ring_tail_t *tail)
{
    uint32_t to;
    ring_pop(cache, shard, RING_MAIN, tail);
    while ((to = ring_take(cache, shard, RING_MAIN, tail->units)) == 0) {
        ring_tail_t other;
        if (!ring_read_tail(cache, shard, RING_MAIN, &other)) {
            cache->locks[shard].damaged++;
            shard_reset(cache, shard);
            return;
        }
        ring_drop(cache, shard, RING_MAIN, &other);
    }
    record_move(cache, tail, to);
}

static uint32_t main_allocate(cache_t *cache, uint32_t shard, unsigned units)
{
    unsigned reinsertions = 0;
    uint32_t to;
    while ((to = ring_take(cache, shard, RING_MAIN, units)) == 0) {
        ring_tail_t tail;
        if (!ring_read_tail(cache, shard, RING_MAIN, &tail)) {
            cache->locks[shard].damaged++;
            shard_reset(cache, shard);
        } else if (reinsertions < CACHE_REINSERTIONS_MAX && is_worth_keeping(cache, shard, &tail)) {
            reinsertions++;
            main_reinsert(cache, shard, &tail);
        } else {
            ring_drop(cache, shard, RING_MAIN, &tail);
        }
    }
    return to;
}

uint32_t ring_allocate(cache_t *cache, uint32_t shard, unsigned ring, unsigned units)
{
    REQUIRE(units < cache->layout.ring_units[RING_SMALL]);
    if (ring == RING_MAIN) {
        return main_allocate(cache, shard, units);
    }
    uint32_t to;
    while ((to = ring_take(cache, shard, RING_SMALL, units)) == 0) {
        ring_tail_t tail;
        if (!ring_read_tail(cache, shard, RING_SMALL, &tail)) {
            cache->locks[shard].damaged++;
            shard_reset(cache, shard);
        } else if (tail.units < cache->layout.ring_units[RING_SMALL] && is_worth_keeping(cache, shard, &tail)) {
            uint32_t target = main_allocate(cache, shard, tail.units);
            /* room in the main ring may have cost the shard, if it was damaged: then nothing is linked any more */
            if ((uint32_t)bucket_slot(tail.place.bucket, tail.place.slot) == tail.reference) {
                record_move(cache, &tail, target);
                ring_pop(cache, shard, RING_SMALL, &tail);
            }
        } else {
            ring_drop(cache, shard, RING_SMALL, &tail);
        }
    }
    return to;
}

/* ---- ghosts: fingerprints of what left the small ring, each in the one place that its tag gives ---- */

static uint16_t *ghost_place(cache_t *cache, uint32_t shard, uint32_t tag)
{
    return cache->ghosts + (size_t)shard * cache->layout.ghosts + (size_t)((uint64_t)tag * cache->layout.ghosts >> 32);
}

void ghost_add(cache_t *cache, uint32_t shard, uint32_t tag)
{
    *ghost_place(cache, shard, tag) = (uint16_t)tag | 1;
}

bool ghost_take(cache_t *cache, uint32_t shard, uint32_t tag)
{
    uint16_t *ghost = ghost_place(cache, shard, tag);
    bool is_there = *ghost == ((uint16_t)tag | 1);
    if (is_there) {
        *ghost = 0;
    }
    return is_there;
}
