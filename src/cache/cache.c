#include "cache/cache.h"

#include "base/require.h"
#include "cache/index.h"
#include "cache/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BUDGET_MAX (UINT64_C(32) << 30)

static const uint8_t cache_magic[8] = {'P', 'R', 'T', 'L', 'c', 'a', 'c', 'h'};

void cache_settings_default(cache_settings_t *settings)
{
    *settings = (cache_settings_t){
        .budget_bytes = 64 << 20,
        .ttl_max_s = 86400,
        .negative_max_s = 3600,
        .failure_max_s = 30,
        .bogus_max_s = 60,
        .stale_max_s = 86400,
    };
}

const char *cache_counter_name(cache_counter_t counter)
{
    static const char *const names[CACHE_COUNTERS] = {
        [CACHE_COUNT_HITS] = "hits",
        [CACHE_COUNT_STALE_HITS] = "stale-hits",
        [CACHE_COUNT_MISSES] = "misses",
        [CACHE_COUNT_ANSWER_HITS] = "answer-hits",
        [CACHE_COUNT_ANSWER_MISSES] = "answer-misses",
        [CACHE_COUNT_RANGE_HITS] = "range-hits",
        [CACHE_COUNT_DISTURBED] = "disturbed",
    };
    REQUIRE(counter < CACHE_COUNTERS);
    return names[counter];
}

void cache_reader_init(cache_reader_t *reader, const cache_t *cache)
{
    memset(reader, 0, sizeof *reader);
    reader->cache = cache;
}

static uint64_t page_up(uint64_t bytes)
{
    return (bytes + CACHE_PAGE - 1) & ~(uint64_t)(CACHE_PAGE - 1);
}

/* budget: a multiple of the page, within its limits. */
static void layout_make(cache_layout_t *layout, uint64_t budget)
{
    *layout = (cache_layout_t){.budget = budget, .shards = 1};
    while (layout->shards < CACHE_SHARDS_MAX && (uint64_t)layout->shards * 2 * CACHE_SHARD_BYTES_MIN <= budget) {
        layout->shards *= 2;
    }
    layout->buckets = (uint32_t)(budget / CACHE_BUCKET_BYTES / layout->shards);
    layout->ghosts = layout->buckets * CACHE_GHOSTS_PER_BUCKET;
    uint64_t nodes = budget / CACHE_INDEX_SHARE / (sizeof(cache_node_t) + sizeof(uint16_t) + 1);
    uint64_t index_shards = (nodes + CACHE_INDEX_NODES_MAX - 1) / CACHE_INDEX_NODES_MAX;
    layout->index_shards = index_shards < CACHE_INDEX_SHARDS_MAX ? (uint32_t)index_shards : CACHE_INDEX_SHARDS_MAX;
    uint64_t each = nodes / layout->index_shards;
    layout->index_nodes = each < CACHE_INDEX_NODES_MAX ? (uint32_t)each : CACHE_INDEX_NODES_MAX;
    nodes = (uint64_t)layout->index_nodes * layout->index_shards;
    layout->shard_at = CACHE_PAGE;
    layout->index_at = layout->shard_at + (uint64_t)layout->shards * sizeof(cache_shard_t);
    layout->bucket_at = layout->index_at + (uint64_t)layout->index_shards * sizeof(cache_index_t);
    layout->node_at = layout->bucket_at + (uint64_t)layout->shards * layout->buckets * sizeof(cache_bucket_t);
    layout->ghost_at = layout->node_at + nodes * sizeof(cache_node_t);
    layout->order_at = layout->ghost_at + (uint64_t)layout->shards * layout->ghosts * sizeof(uint16_t);
    layout->touched_at = layout->order_at + nodes * sizeof(uint16_t);
    layout->ring_at = page_up(layout->touched_at + nodes);
    layout->ring_first = (uint32_t)(layout->ring_at / CACHE_UNIT);
    uint64_t units = (budget - layout->ring_at) / CACHE_UNIT / layout->shards;
    layout->ring_units[RING_SMALL] = (uint32_t)(units / CACHE_SMALL_SHARE);
    layout->ring_units[RING_MAIN] = (uint32_t)units - layout->ring_units[RING_SMALL];
}

size_t cache_value_max(const cache_t *cache)
{
    size_t part = (size_t)cache->layout.ring_units[RING_SMALL] / 2 * CACHE_UNIT - RECORD_HEAD * 8 - NAME_WIRE_MAX - 1;
    return part < CACHE_VALUE_MAX ? part : CACHE_VALUE_MAX;
}

/* ---- the header ---- */

static uint64_t header_checksum(const cache_file_header_t *header, const cache_layout_t *layout)
{
    struct {
        uint64_t format;
        uint64_t sizes;
        cache_layout_t layout;
    } covered;
    memset(&covered, 0, sizeof covered);
    covered.format = header->format;
    covered.sizes = sizeof(cache_head_t) | sizeof(cache_bucket_t) << 16 | sizeof(cache_shard_t) << 32 | (uint64_t)CACHE_SPACES << 48;
    covered.layout = *layout;
    return siphash(&header->key, &covered, sizeof covered);
}

bool cache_is_file_head(const void *head, size_t size)
{
    const uint8_t *bytes = head;
    bool is_zero = true;
    if (size >= sizeof cache_magic && memcmp(bytes, cache_magic, sizeof cache_magic) == 0) {
        return true;
    }
    for (size_t i = 0; i < size && is_zero; i++) {
        is_zero = bytes[i] == 0;
    }
    return is_zero;
}

static status_t header_judge(const cache_t *cache)
{
    cache_file_header_t header;
    memcpy(&header, cache->base, sizeof header);
    static const uint8_t nothing[sizeof header.magic];
    if (memcmp(header.magic, cache_magic, sizeof header.magic) != 0) {
        return memcmp(header.magic, nothing, sizeof nothing) == 0 ? STATUS_NOT_FOUND : STATUS_CORRUPT;
    }
    if (header.format != CACHE_FORMAT) {
        return STATUS_UNSUPPORTED;
    }
    if (header.budget != cache->layout.budget) {
        return STATUS_INVALID;
    }
    if (header.session == 0 || header.session > UINT16_MAX) {
        return STATUS_CORRUPT;
    }
    return header.checksum == header_checksum(&header, &cache->layout) ? STATUS_OK : STATUS_UNSUPPORTED;
}

/* Takes over what an earlier run left: its key, and a session of our own. */
static void cache_adopt(cache_t *cache)
{
    cache_file_header_t header;
    memcpy(&header, cache->base, sizeof header);
    header.session = header.session % UINT16_MAX + 1;
    memcpy(cache->base, &header, sizeof header);
    cache->settings.key = header.key;
    cache->session = (uint16_t)header.session;
    for (uint32_t shard = 0; shard < cache->layout.shards; shard++) {
        if (!shard_is_sane(cache, shard)) {
            cache->locks[shard].damaged++;
            shard_reset(cache, shard);
        }
    }
    index_adopt(cache);
}

/* The header is written last: a file that is not complete is not ours. */
static void cache_begin_empty(cache_t *cache, bool is_zero)
{
    cache_file_header_t header = {.format = CACHE_FORMAT, .session = 1, .key = cache->settings.key, .budget = cache->layout.budget};
    if (!is_zero) {
        memset(cache->base, 0, cache->layout.ring_at);
    }
    for (uint32_t shard = 0; shard < cache->layout.shards; shard++) {
        for (unsigned ring = 0; ring < RINGS; ring++) {
            cache_ring_t *r = &cache->shards[shard].rings[ring];
            r->head = r->tail = ring_begin(cache, shard, ring);
        }
        atomic_store_explicit(&cache->shards[shard].buckets, table_of(shard_buckets_min(cache)), memory_order_relaxed);
    }
    memcpy(header.magic, cache_magic, sizeof header.magic);
    header.checksum = header_checksum(&header, &cache->layout);
    memcpy(cache->base, &header, sizeof header);
    cache->session = 1;
}

/* ---- life ---- */

static bool locks_make(cache_t *cache)
{
    uint32_t count = cache->layout.shards + cache->layout.index_shards;
    cache->locks = aligned_alloc(_Alignof(cache_lock_t), count * sizeof *cache->locks);
    if (!cache->locks) {
        return false;
    }
    memset(cache->locks, 0, count * sizeof *cache->locks);
    for (uint32_t i = 0; i < count; i++) {
        REQUIRE(pthread_mutex_init(&cache->locks[i].mutex, NULL) == 0);
    }
    return true;
}

static void areas_find(cache_t *cache)
{
    const cache_layout_t *layout = &cache->layout;
    cache->shards = (cache_shard_t *)(void *)(cache->base + layout->shard_at);
    cache->indexes = (cache_index_t *)(void *)(cache->base + layout->index_at);
    cache->buckets = (cache_bucket_t *)(void *)(cache->base + layout->bucket_at);
    cache->ghosts = (uint16_t *)(void *)(cache->base + layout->ghost_at);
    cache->nodes = (cache_node_t *)(void *)(cache->base + layout->node_at);
    cache->order = (_Atomic uint16_t *)(void *)(cache->base + layout->order_at);
    cache->touched = (_Atomic uint8_t *)(void *)(cache->base + layout->touched_at);
}

status_t cache_new(cache_t **out, const cache_settings_t *settings, void *memory, status_t *found)
{
    status_t judged = STATUS_NOT_FOUND;
    uint64_t budget = settings->budget_bytes & ~(uint64_t)(CACHE_PAGE - 1);
    if (budget < CACHE_BUDGET_MIN || budget > BUDGET_MAX) {
        return STATUS_INVALID;
    }
    REQUIRE(((uintptr_t)memory & 63) == 0);
    cache_t *cache = calloc(1, sizeof *cache);
    if (!cache) {
        return STATUS_NO_MEMORY;
    }
    cache->settings = *settings;
    layout_make(&cache->layout, budget);
    cache->base = memory;
    cache->owns_mapping = memory == NULL;
    if (cache->owns_mapping) {
        void *mapping = mmap(NULL, budget, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        cache->base = mapping == MAP_FAILED ? NULL : mapping;
    }
    if (!cache->base || !locks_make(cache)) {
        cache_free(cache);
        return STATUS_NO_MEMORY;
    }
    areas_find(cache);
    judged = memory ? header_judge(cache) : STATUS_NOT_FOUND;
    if (judged == STATUS_OK) {
        cache_adopt(cache);
    } else {
        cache_begin_empty(cache, memory == NULL);
    }
    if (found) {
        *found = judged;
    }
    *out = cache;
    return STATUS_OK;
}

void cache_free(cache_t *cache)
{
    if (!cache) {
        return;
    }
    for (uint32_t i = 0; cache->locks && i < cache->layout.shards + cache->layout.index_shards; i++) {
        REQUIRE(pthread_mutex_destroy(&cache->locks[i].mutex) == 0);
    }
    if (cache->owns_mapping && cache->base) {
        REQUIRE(munmap(cache->base, cache->layout.budget) == 0);
    }
    free(cache->locks);
    free(cache);
}
