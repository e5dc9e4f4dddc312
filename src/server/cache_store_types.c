/* How many types of one name are learned (CVE-2024-1737). Entries of one name share nothing here, least of all a list that somebody walks;
 * what is held down is the room that one name can take.
 *
 * A table of the names that new types were learned of last. Two names in one slot wear each other's count down, so that it never holds the
 * name of long ago, and never counts too much: a name of few types is never refused. To be forgotten, the name of an attacker needs as many
 * new names as there are slots for each type, in random slots.
 */
#include "server/cache_store_state.h"

enum { WINDOW_S = 3600 };

static bool is_there(cache_store_t *store, const cache_put_t *put, uint32_t now_s)
{
    uint8_t byte;
    cache_entry_t entry = {.buffer = &byte, .capacity = 0};
    return cache_get(&store->reader, &put->question, put->kind, CACHE_STALE | CACHE_PEEK, now_s, &entry) != STATUS_NOT_FOUND;
}

bool cache_store_takes_type(cache_store_t *store, const cache_put_t *put, uint32_t now_s)
{
    if ((put->kind != CACHE_RRSET && put->kind != CACHE_NODATA) || is_there(store, put, now_s)) {
        return true;
    }
    uint64_t hash = siphash(&store->types_key, put->question.name, put->question.length);
    cache_store_types_t *slot = &store->types[hash % CACHE_STORE_TYPES_SLOTS];
    bool is_past = now_s < slot->since_s || now_s - slot->since_s >= WINDOW_S;
    if (slot->hash != hash && slot->count > 0 && !is_past) {
        slot->count--;
        return true;
    }
    if (slot->hash != hash || is_past) {
        *slot = (cache_store_types_t){.hash = hash, .since_s = now_s};
    }
    if (slot->count >= store->settings->types_a_name_max) {
        return false;
    }
    slot->count++;
    return true;
}
