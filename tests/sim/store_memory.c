#include "store_memory.h"

#include "base/require.h"
#include "wire/edns.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, ENTRY_ARENA_MAX = 1 << 21 };

typedef enum item_kind { ITEM_DATA, ITEM_FAILURE, ITEM_DELEGATION } item_kind_t;

typedef struct item {
    struct item *next;  /* in its bucket */
    struct item *newer; /* in order of arrival */
    struct item *older;
    item_kind_t kind;
    uint16_t type; /* 0: a name error, or a delegation */
    uint64_t hash;
    uint64_t put_s;
    name_t name;
    arena_t arena;
    store_entry_t entry;
    delegation_t delegation;
} item_t;

struct store_memory {
    store_t store; /* first: what the resolver holds */
    size_t entries_max;
    size_t count;
    uint32_t stale_max_s;
    item_t *newest;
    item_t *oldest;
    item_t *buckets[BUCKETS];
};

/* ---- copies ---- */

static uint8_t *copy_name(arena_t *arena, const uint8_t *wire)
{
    if (!wire) {
        return NULL;
    }
    size_t length = name_length(wire);
    uint8_t *copy = arena_alloc(arena, length + NAME_PADDING);
    REQUIRE(copy);
    memset(copy + length, 0, NAME_PADDING);
    memcpy(copy, wire, length);
    return copy;
}

static rrset_t *copy_rrsets(arena_t *arena, const rrset_t *rrsets, unsigned count, uint64_t age_s)
{
    rrset_t *copies = arena_alloc(arena, (count + 1) * sizeof *copies);
    REQUIRE(copies);
    for (unsigned i = 0; i < count; i++) {
        status_t status = rrset_copy(&copies[i], &rrsets[i], arena);
        REQUIRE(status == STATUS_OK);
        copies[i].ttl_s = rrsets[i].ttl_s > age_s ? rrsets[i].ttl_s - (uint32_t)age_s : 0;
    }
    return copies;
}

static const char *copy_text(arena_t *arena, const char *text)
{
    const char *copy = text ? arena_strndup(arena, text, strnlen(text, STORE_TEXT_MAX - 1)) : NULL;
    REQUIRE(copy || !text);
    return copy;
}

static void copy_entry(store_entry_t *to, const store_entry_t *from, arena_t *arena, uint64_t age_s)
{
    *to = *from;
    to->lifetime_s = from->ttl_s;
    to->is_stale = age_s >= from->ttl_s;
    to->ttl_s = to->is_stale ? 0 : from->ttl_s - (uint32_t)age_s;
    to->zone = copy_name(arena, from->zone);
    to->rrsets = copy_rrsets(arena, from->rrsets, from->rrset_count, age_s);
    to->text = copy_text(arena, from->text);
}

static void copy_delegation(delegation_t *to, const delegation_t *from, arena_t *arena, uint64_t age_s)
{
    delegation_server_t *servers = arena_alloc(arena, (from->server_count + 1u) * sizeof *servers);
    REQUIRE(servers);
    *to = *from;
    to->ttl_s = from->ttl_s - (uint32_t)age_s;
    to->zone = copy_name(arena, from->zone);
    for (unsigned i = 0; i < from->server_count; i++) {
        size_t size = from->servers[i].address_count * sizeof(resolver_address_t);
        resolver_address_t *addresses = arena_alloc(arena, size + 1);
        REQUIRE(addresses);
        memcpy(addresses, from->servers[i].addresses, size);
        servers[i] = (delegation_server_t){copy_name(arena, from->servers[i].name), from->servers[i].address_count, addresses};
    }
    to->servers = servers;
    to->proofs = copy_rrsets(arena, from->proofs, from->proof_count, age_s);
}

/* ---- the table ---- */

static item_t **place_of(store_memory_t *memory, item_kind_t kind, const uint8_t *wire, uint64_t hash, uint16_t type)
{
    item_t **place = &memory->buckets[(hash + type) % BUCKETS];
    while (*place &&
           !((*place)->kind == kind && (*place)->type == type && (*place)->hash == hash && name_equal((*place)->name.wire, wire))) {
        place = &(*place)->next;
    }
    return place;
}

static void drop(store_memory_t *memory, item_t **place)
{
    item_t *item = *place;
    *place = item->next;
    *(item->newer ? &item->newer->older : &memory->newest) = item->older;
    *(item->older ? &item->older->newer : &memory->oldest) = item->newer;
    arena_clear(&item->arena);
    free(item);
    memory->count--;
}

static item_t *add(store_memory_t *memory, item_kind_t kind, const uint8_t *wire, uint64_t hash, uint16_t type)
{
    item_t **place = place_of(memory, kind, wire, hash, type);
    if (*place) {
        drop(memory, place);
    }
    if (memory->count == memory->entries_max) {
        item_t *oldest = memory->oldest;
        drop(memory, place_of(memory, oldest->kind, oldest->name.wire, oldest->hash, oldest->type));
    }
    item_t *item = calloc(1, sizeof *item);
    REQUIRE(item);
    *item = (item_t){.kind = kind, .type = type, .hash = hash};
    name_set(&item->name, wire);
    arena_init(&item->arena, 1024, ENTRY_ARENA_MAX);
    item->next = memory->buckets[(hash + type) % BUCKETS];
    memory->buckets[(hash + type) % BUCKETS] = item;
    item->older = memory->newest;
    *(memory->newest ? &memory->newest->newer : &memory->oldest) = item;
    memory->newest = item;
    memory->count++;
    return item;
}

static uint64_t age_of(const item_t *item, uint64_t now_s)
{
    return now_s > item->put_s ? now_s - item->put_s : 0;
}

static item_t *find_item(store_memory_t *memory, item_kind_t kind, const name_key_t *name, uint16_t type)
{
    return *place_of(memory, kind, name->wire, name->hash[name->labels], type);
}

/* ---- operations ---- */

static bool give(item_t *item, uint64_t now_s, uint64_t grace_s, arena_t *arena, store_entry_t *entry)
{
    if (!item || age_of(item, now_s) >= item->entry.ttl_s + grace_s) {
        return false;
    }
    copy_entry(entry, &item->entry, arena, age_of(item, now_s));
    return true;
}

/* Would this entry take the item's place? */
static bool may_replace(const store_memory_t *memory, const item_t *item, const store_entry_t *entry, uint64_t now_s)
{
    if (!item || age_of(item, now_s) >= (uint64_t)item->entry.ttl_s + memory->stale_max_s) {
        return true;
    }
    if (entry->security == STORE_BOGUS && item->entry.security != STORE_BOGUS) {
        return false;
    }
    bool would_unprove = entry->rank == item->entry.rank && item->entry.security == STORE_SECURE && entry->security == STORE_INDETERMINATE;
    return age_of(item, now_s) >= item->entry.ttl_s || (entry->rank >= item->entry.rank && !would_unprove);
}

/* A name error hides older data that it might have replaced. */
static bool hides(const store_memory_t *memory, const item_t *name_error, const item_t *data, uint64_t now_s)
{
    return name_error->put_s > data->put_s && may_replace(memory, data, &name_error->entry, now_s);
}

static bool find(store_t *store, const store_question_t *question, arena_t *arena, store_entry_t *entry)
{
    store_memory_t *memory = (store_memory_t *)store;
    uint64_t grace_s = question->want == STORE_WANT_FRESH ? 0 : memory->stale_max_s;
    if (question->want != STORE_WANT_FAILURE) {
        item_t *data = find_item(memory, ITEM_DATA, question->name, question->type);
        item_t *name_error = find_item(memory, ITEM_DATA, question->name, 0);
        if (data && name_error && hides(memory, name_error, data, question->now_s) &&
            give(name_error, question->now_s, grace_s, arena, entry)) {
            return true;
        }
        if (give(data, question->now_s, grace_s, arena, entry) || give(name_error, question->now_s, grace_s, arena, entry)) {
            return true;
        }
    }
    item_t *failure = find_item(memory, ITEM_FAILURE, question->name, question->type);
    return question->want != STORE_WANT_STALE && give(failure, question->now_s, grace_s, arena, entry);
}

static bool find_delegation(store_t *store, const name_key_t *name, unsigned labels, uint64_t now_s, arena_t *arena,
                            delegation_t *delegation)
{
    store_memory_t *memory = (store_memory_t *)store;
    for (unsigned left = labels + 1; left-- > 0;) {
        item_t *item = *place_of(memory, ITEM_DELEGATION, name->wire + name->offset[left], name->hash[left], 0);
        if (item && age_of(item, now_s) < item->delegation.ttl_s) {
            copy_delegation(delegation, &item->delegation, arena, age_of(item, now_s));
            return true;
        }
    }
    return false;
}

static void put(store_t *store, const name_key_t *name, const store_entry_t *entry, uint64_t now_s)
{
    store_memory_t *memory = (store_memory_t *)store;
    item_kind_t kind = entry->kind == STORE_FAILURE ? ITEM_FAILURE : ITEM_DATA;
    uint16_t type = entry->kind == STORE_NAME_ERROR ? 0 : entry->type;
    uint64_t hash = name->hash[name->labels];
    if (entry->ttl_s == 0 || !may_replace(memory, find_item(memory, kind, name, type), entry, now_s)) {
        return;
    }
    if (entry->kind == STORE_RRSET || entry->kind == STORE_NODATA) {
        item_t **name_error = place_of(memory, ITEM_DATA, name->wire, hash, 0);
        if (*name_error && may_replace(memory, *name_error, entry, now_s)) {
            drop(memory, name_error);
        }
    }
    item_t *item = add(memory, kind, name->wire, hash, type);
    item->put_s = now_s;
    copy_entry(&item->entry, entry, &item->arena, 0);
    item->entry.ttl_s = entry->ttl_s;
}

static void put_delegation(store_t *store, const delegation_t *delegation, uint64_t now_s)
{
    store_memory_t *memory = (store_memory_t *)store;
    if (delegation->server_count == 0) {
        item_t **place = place_of(memory, ITEM_DELEGATION, delegation->zone, name_hash(delegation->zone), 0);
        if (*place) {
            drop(memory, place);
        }
    } else if (delegation->ttl_s > 0) {
        item_t *item = add(memory, ITEM_DELEGATION, delegation->zone, name_hash(delegation->zone), 0);
        item->put_s = now_s;
        copy_delegation(&item->delegation, delegation, &item->arena, 0);
    }
}

/* ---- life ---- */

store_memory_t *store_memory_new(size_t entries_max, uint32_t stale_max_s)
{
    static const store_operations_t operations = {find, find_delegation, put, put_delegation};
    store_memory_t *memory = calloc(1, sizeof *memory);
    REQUIRE(memory && entries_max > 0);
    memory->store.operations = &operations;
    memory->entries_max = entries_max;
    memory->stale_max_s = stale_max_s;
    return memory;
}

void store_memory_free(store_memory_t *memory)
{
    while (memory->oldest) {
        item_t *oldest = memory->oldest;
        drop(memory, place_of(memory, oldest->kind, oldest->name.wire, oldest->hash, oldest->type));
    }
    free(memory);
}

store_t *store_memory_store(store_memory_t *memory)
{
    return &memory->store;
}

size_t store_memory_count(const store_memory_t *memory)
{
    return memory->count;
}
