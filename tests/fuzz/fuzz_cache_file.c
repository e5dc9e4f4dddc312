/* What a cache finds in its file: a good one with patches, or anything at all. It never reads or writes outside of the mapping, every walk
 * ends, and the cache goes on working.
 *
 * Through the resolver's store as well: whatever it gives is whole, so that the resolver may look into it without asking.
 *
 * Input: 0xff, then the beginning of the file; else patches {area, place (16 bits), count, bytes}, the place within the area in words.
 * 0xfe before the patches: they are read by the run that wrote what they damage, and which believes it without checksums.
 */
#include "../lib/cache_content.h"
#include "base/require.h"
#include "cache/layout.h"
#include "fuzz.h"
#include "server/cache_store.h"

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

/* ---- through the store ---- */

enum { STORE_NAMES = 40, ARENA_MAX = 1 << 20 };

static rrset_t make_rrset(arena_t *arena, const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t size)
{
    static const uint8_t signature[] = {0, 1, 8, 3, 0, 0, 1, 44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 'c', 'o', 'm', 0, 1, 2, 3};
    rrset_t rrset;
    REQUIRE(rrset_make(&rrset, arena, owner, type, 600, rdata, size) == STATUS_OK);
    uint8_t *data = arena_alloc(arena, rrset.data_size + 2 + sizeof signature);
    REQUIRE(data);
    memcpy(data, rrset.data, rrset.data_size);
    store_be16(data + rrset.data_size, sizeof signature);
    memcpy(data + rrset.data_size + 2, signature, sizeof signature);
    store_be16(data + rrset.data_size + 2, type);
    data[rrset.data_size + 2 + 3] = (uint8_t)name_labels(owner);
    rrset.data = data;
    rrset.signature_count = 1;
    rrset.signature_size = 2 + sizeof signature;
    return rrset;
}

static void put_delegation(store_t *store, const name_key_t *name, const rrset_t *proof)
{
    const resolver_address_t addresses[] = {{RESOLVER_IPV4, 53, {192, 0, 2, 1}}, {RESOLVER_IPV6, 5353, {0x20, 1}}};
    const delegation_server_t servers[] = {{name->wire, 2, addresses}, {name->wire + name->offset[1], 1, addresses}};
    delegation_t delegation = {.zone = name->wire, .ttl_s = 600, .server_count = 2, .proof_count = 1, .servers = servers, .proofs = proof};
    store->operations->put_delegation(store, &delegation, NOW);
}

static void fill_store(store_t *store)
{
    static const uint8_t soa[2 + 20] = {0, 0, [20] = 1};
    content_name_t com = content_name("com");
    arena_t arena;
    arena_init(&arena, 0, ARENA_MAX);
    for (unsigned i = 0; i < STORE_NAMES; i++) {
        content_name_t host = content_host("s", i);
        content_name_t next = content_host("t", i);
        name_key_t name;
        arena_reset(&arena);
        name_key_init(&name, host.wire, host.length);
        rrset_t rrsets[3];
        rrsets[0] = make_rrset(&arena, com.wire, TYPE_SOA, soa, sizeof soa);
        rrsets[1] = make_rrset(&arena, name.wire, TYPE_NSEC, next.wire, next.length);
        rrsets[2] = make_rrset(&arena, next.wire, TYPE_NSEC, name.wire, name.length);
        store_entry_t entry = {
            .kind = (store_kind_t)(i % 4), .rank = STORE_RANK_AUTHORITY, .security = STORE_SECURE, .type = TYPE_SOA, .ttl_s = 600};
        entry.zone = com.wire;
        entry.rrsets = rrsets;
        entry.rrset_count = entry.kind == STORE_FAILURE ? 0 : 3;
        store->operations->put(store, &name, &entry, NOW);
        put_delegation(store, &name, &rrsets[1]);
    }
    arena_clear(&arena);
}

static void check_rrsets(const rrset_t *rrsets, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *at = NULL;
        uint16_t length = 0;
        unsigned records = 0;
        REQUIRE(name_length(rrsets[i].owner) <= NAME_WIRE_MAX);
        for (; rrset_next(&rrsets[i], &at, &length); records++) {
            REQUIRE(at <= rrsets[i].data + rrsets[i].data_size);
        }
        REQUIRE(records == rrsets[i].count);
        records = 0;
        for (at = NULL; rrset_next_signature(&rrsets[i], &at, &length); records++) {
            REQUIRE(at <= rrsets[i].data + rrsets[i].data_size + rrsets[i].signature_size);
        }
        REQUIRE(records == rrsets[i].signature_count);
    }
}

static void check_entry(const store_entry_t *entry)
{
    REQUIRE(entry->kind <= STORE_FAILURE && entry->rank <= STORE_RANK_AUTHORITATIVE && entry->security <= STORE_BOGUS);
    REQUIRE(entry->kind != STORE_RRSET || (entry->rrset_count > 0 && entry->rrsets[0].count > 0));
    REQUIRE(!entry->zone || name_length(entry->zone) <= NAME_WIRE_MAX);
    check_rrsets(entry->rrsets, entry->rrset_count);
}

static void check_delegation(const delegation_t *delegation)
{
    REQUIRE(delegation->server_count > 0);
    for (unsigned i = 0; i < delegation->server_count; i++) {
        REQUIRE(name_length(delegation->servers[i].name) <= NAME_WIRE_MAX);
        for (unsigned j = 0; j < delegation->servers[i].address_count; j++) {
            uint16_t family = delegation->servers[i].addresses[j].family;
            REQUIRE(family == RESOLVER_IPV4 || family == RESOLVER_IPV6);
        }
    }
    check_rrsets(delegation->proofs, delegation->proof_count);
}

static void read_store(store_t *store)
{
    content_name_t com = content_name("com");
    arena_t arena;
    arena_init(&arena, 0, ARENA_MAX);
    for (unsigned i = 0; i < STORE_NAMES; i++) {
        content_name_t host = content_host("s", i);
        name_key_t name;
        store_entry_t entry;
        delegation_t delegation;
        name_key_init(&name, host.wire, host.length);
        store_question_t question = {.name = &name, .type = TYPE_SOA, .now_s = NOW};
        for (unsigned want = STORE_WANT_FRESH; want <= STORE_WANT_FAILURE; want++) {
            question.want = (store_want_t)want;
            arena_reset(&arena);
            if (store->operations->find(store, &question, &arena, &entry)) {
                check_entry(&entry);
            }
        }
        if (store->operations->find_denial(store, &question, com.wire, &arena, &entry)) {
            check_entry(&entry);
        }
        if (store->operations->find_delegation(store, &name, name.labels, NOW, &arena, &delegation)) {
            check_delegation(&delegation);
        }
    }
    arena_clear(&arena);
}

static void use_store(cache_t *cache, bool fills)
{
    resolver_settings_t settings;
    resolver_settings_default(&settings);
    store_t *store = cache_store_new(cache, &settings);
    REQUIRE(store);
    if (fills) {
        fill_store(store);
    }
    read_store(store);
    cache_store_free(store);
}

static void patch(const cache_layout_t *layout, uint8_t *memory, const uint8_t *data, size_t size)
{
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

/* A good file, as a server leaves it. Made once: to fill a cache takes longer than all that is done with a damaged one. */
static const uint8_t *good_file(const cache_settings_t *settings, cache_layout_t *layout)
{
    static uint8_t *file;
    static cache_layout_t file_layout;
    if (!file) {
        cache_t *cache;
        file = aligned_alloc(CACHE_PAGE, BUDGET);
        REQUIRE(file);
        memset(file, 0, BUDGET);
        REQUIRE(cache_new(&cache, settings, file, NULL) == STATUS_OK);
        put_some(cache, "n");
        use_store(cache, true);
        file_layout = cache->layout;
        cache_free(cache);
    }
    *layout = file_layout;
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cache_settings_t settings;
    cache_layout_t layout;
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
    } else if (size > 0 && data[0] == 0xfe) {
        REQUIRE(cache_new(&cache, &settings, memory, NULL) == STATUS_OK);
        put_some(cache, "n");
        use_store(cache, true);
        patch(&cache->layout, memory, data + 1, size - 1);
        use_store(cache, false);
        read_all(cache);
        cache_free(cache);
    } else {
        memcpy(memory, good_file(&settings, &layout), BUDGET);
        patch(&layout, memory, data, size);
    }
    REQUIRE(cache_new(&cache, &settings, memory, &found) == STATUS_OK);
    REQUIRE(found == STATUS_OK || (size > 0 && data[0] == 0xff));
    read_all(cache);
    use_store(cache, false);
    use_store(cache, true);
    put_some(cache, "m");
    (void)cache_flush_name(cache, content_host("n", 7).wire, 0);
    (void)cache_flush_subtree(cache, content_name("com").wire, 0);
    if (size % 4 == 0) { /* takes as long as the rest together */
        turn_rings(cache);
        read_all(cache);
    }
    (void)cache_flush_all(cache);
    cache_free(cache);
    free(memory);
    return 0;
}
