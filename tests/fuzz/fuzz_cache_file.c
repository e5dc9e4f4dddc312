/* What a cache finds in its file: a good one with patches, or anything at all. It never reads or writes outside of the mapping, every walk
 * ends, and the cache goes on working.
 *
 * Input: 0xff, then the beginning of the file; else patches {area, place (16 bits), count, bytes}, the place within the area in words.
 */
#include "../lib/cache_content.h"
#include "base/require.h"
#include "cache/layout.h"
#include "fuzz.h"

enum { NOW = 1700000000, NAMES = 200, BUDGET = 1 << 20, BIG = 40000 };

static void put_rrset(cache_t *cache, const content_name_t *name, uint16_t type, const uint8_t *data, size_t size)
{
    content_name_t zone = content_name("com");
    cache_rrset_t rrset = {.type = type, .count = 1, .ttl_s = 600, .data = data, .data_size = size};
    cache_put_t put = {
        .question = content_question(name, type),
        .security = CACHE_SECURE,
        .ttl_s = 600,
        .zone = zone.wire,
        .rrsets = &rrset,
        .rrset_count = 1,
    };
    status_t status = cache_put(cache, &put, NOW);
    REQUIRE(status == STATUS_OK || status == STATUS_EXISTS);
}

static void put_some(cache_t *cache, const char *word)
{
    uint8_t data[512];
    for (unsigned i = 0; i < NAMES; i++) {
        content_name_t name = content_host(word, i);
        content_name_t next = content_host("z", i);
        put_rrset(cache, &name, TYPE_A, data, content_records(data, 1, 4, i));
        store_be16(data, next.length);
        memcpy(data + 2, next.wire, next.length);
        put_rrset(cache, &name, TYPE_NSEC, data, 2u + next.length);
        cache_answer_put_t answer = {.question = content_question(&name, TYPE_A), .message = data, .ttl_limit_s = 600};
        answer.size = content_message(data, &name, 1 + i % 9, 600, 1);
        REQUIRE(cache_answer_put(cache, &answer, NOW) == STATUS_OK);
    }
}

/* Every record passes by the tails of the rings. */
static void turn_rings(cache_t *cache)
{
    static const uint8_t zeros[BIG];
    uint8_t *data = malloc(BIG);
    REQUIRE(data);
    memcpy(data, zeros, BIG);
    store_be16(data, BIG - 2);
    cache_reader_t reader;
    uint8_t byte;
    cache_entry_t entry = {.buffer = &byte, .capacity = 1};
    cache_reader_init(&reader, cache);
    for (unsigned i = 0; i < 60; i++) {
        content_name_t name = content_host("big", i);
        cache_question_t question = content_question(&name, TYPE_TXT);
        put_rrset(cache, &name, TYPE_TXT, data, BIG);
        REQUIRE(cache_get(&reader, &question, CACHE_RRSET, 0, NOW, &entry) == STATUS_NO_SPACE);
    }
    free(data);
}

static void read_entry(cache_entry_t *entry)
{
    cache_rrset_t rrset;
    while (cache_entry_next(entry, &rrset)) {
        REQUIRE(rrset.data + rrset.data_size <= entry->buffer + entry->size);
    }
}

static void read_all(cache_t *cache)
{
    cache_reader_t reader;
    uint8_t request[128];
    uint8_t out[512];
    uint64_t cursor = 0;
    uint8_t *buffer = malloc(CACHE_BUFFER_SIZE);
    cache_entry_t entry = {.buffer = buffer, .capacity = CACHE_BUFFER_SIZE};
    content_name_t zone = content_name("com");
    bool matches;
    REQUIRE(buffer);
    cache_reader_init(&reader, cache);
    for (unsigned i = 0; i < NAMES; i++) {
        content_name_t name = content_host("n", i);
        cache_question_t question = content_question(&name, TYPE_A);
        content_request(request, &name, 1);
        cache_answer_get_t get = {.question = question, .request = request, .flags_keep = 0xffff, .out = out, .capacity = sizeof out};
        if (cache_answer_get(&reader, &get, NOW) == STATUS_OK) {
            REQUIRE(get.size <= sizeof out);
        }
        if (cache_get(&reader, &question, CACHE_RRSET, CACHE_STALE, NOW, &entry) == STATUS_OK) {
            read_entry(&entry);
        }
        if (cache_find_nsec(&reader, zone.wire, &question, NOW, &matches, &entry) == STATUS_OK) {
            read_entry(&entry);
        }
    }
    for (status_t status = STATUS_OK; status != STATUS_END;) {
        status = cache_iterate(&reader, &cursor, NOW, &entry);
        if (status == STATUS_OK) {
            read_entry(&entry);
        }
    }
    free(buffer);
}

static void patch(const cache_t *cache, uint8_t *memory, const uint8_t *data, size_t size)
{
    const cache_layout_t *layout = &cache->layout;
    const uint64_t areas[] = {layout->shard_at, layout->index_at, layout->bucket_at, layout->node_at, layout->order_at, layout->ring_at};
    while (size >= 4) {
        uint64_t at = areas[data[0] % ARRAY_SIZE(areas)] + (uint64_t)load_be16(data + 1) * 8;
        size_t count = data[3] < size - 4 ? data[3] : size - 4;
        for (size_t i = 0; i < count && at + i < BUDGET; i++) {
            memory[at + i] = data[4 + i];
        }
        data += 4 + count;
        size -= 4 + count;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cache_settings_t settings;
    cache_t *cache;
    status_t found;
    uint8_t *memory = aligned_alloc(CACHE_PAGE, BUDGET);
    REQUIRE(memory);
    memset(memory, 0, BUDGET);
    cache_settings_default(&settings);
    settings.budget_bytes = BUDGET;
    settings.key = (siphash_key_t){1, 2};
    if (size > 0 && data[0] == 0xff) {
        memcpy(memory, data + 1, size - 1 < BUDGET ? size - 1 : BUDGET);
    } else {
        REQUIRE(cache_new(&cache, &settings, memory, NULL) == STATUS_OK);
        put_some(cache, "n");
        patch(cache, memory, data, size);
        cache_free(cache);
    }
    REQUIRE(cache_new(&cache, &settings, memory, &found) == STATUS_OK);
    REQUIRE(found == STATUS_OK || (size > 0 && data[0] == 0xff));
    read_all(cache);
    put_some(cache, "m");
    (void)cache_flush_name(cache, content_host("n", 7).wire, 0);
    (void)cache_flush_subtree(cache, content_name("com").wire, 0);
    turn_rings(cache);
    read_all(cache);
    (void)cache_flush_all(cache);
    cache_free(cache);
    free(memory);
    return 0;
}
