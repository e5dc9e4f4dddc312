#include "zone/set.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

enum { FILLED_PERCENT = 60 };

/* An open-addressing hash of whole names. Which numbers of labels the apexes have is known, so a look-up probes for those only, the longest
 * first: once for a server whose zones all have two labels. */
typedef struct set_entry {
    uint64_t hash;
    zone_slot_t *slot; /* NULL: empty */
} set_entry_t;

struct zone_set {
    uint64_t lengths[2]; /* bit n: some apex has n labels */
    uint64_t home_count;
    set_entry_t *entries; /* home_count of them */
    size_t count;
    zone_slot_t *slots[];
};

_Static_assert(NAME_LABELS_MAX < 128, "two words of label counts");

static bool same_octets(const zone_slot_t *slot, const uint8_t *wire, size_t length)
{
    return slot->name.length == length && memcmp(slot->name.wire, wire, length) == 0;
}

/* The entry of a name, or the empty one where it would go. */
static inline set_entry_t *entry_of(const zone_set_t *set, uint64_t hash, const uint8_t *wire, size_t length)
{
    size_t at = (size_t)((hash >> 32) * set->home_count >> 32);
    for (;;) {
        set_entry_t *entry = &set->entries[at];
        if (!entry->slot || (entry->hash == hash && same_octets(entry->slot, wire, length))) {
            return entry;
        }
        at = at + 1 < set->home_count ? at + 1 : 0;
    }
}

status_t zone_set_new(zone_slot_t *const *slots, size_t count, zone_set_t **set)
{
    zone_set_t *fresh = calloc(1, sizeof *fresh + count * sizeof *fresh->slots);
    if (!fresh) {
        return STATUS_NO_MEMORY;
    }
    fresh->count = count;
    fresh->home_count = count * 100 / FILLED_PERCENT + 2;
    fresh->entries = calloc(fresh->home_count, sizeof *fresh->entries);
    status_t status = fresh->entries ? STATUS_OK : STATUS_NO_MEMORY;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        zone_slot_t *slot = slots[i];
        uint64_t hash = name_hash(slot->name.wire);
        set_entry_t *entry = entry_of(fresh, hash, slot->name.wire, slot->name.length);
        if (entry->slot) {
            status = STATUS_EXISTS;
        }
        *entry = (set_entry_t){.hash = hash, .slot = slot};
        fresh->slots[i] = slot;
        fresh->lengths[slot->name.labels / 64] |= UINT64_C(1) << slot->name.labels % 64;
    }
    if (status != STATUS_OK) {
        zone_set_free(fresh);
        return status;
    }
    *set = fresh;
    return STATUS_OK;
}

void zone_set_free(zone_set_t *set)
{
    if (set) {
        free(set->entries);
        free(set);
    }
}

size_t zone_set_count(const zone_set_t *set)
{
    return set->count;
}

zone_slot_t *zone_set_at(const zone_set_t *set, size_t index)
{
    REQUIRE(index < set->count);
    return set->slots[index];
}

/* Label counts of word `word` that are at most `labels`, as bits. */
static inline uint64_t lengths_up_to(const zone_set_t *set, unsigned word, unsigned labels)
{
    unsigned first = word * 64;
    if (labels < first) {
        return 0;
    }
    unsigned last = labels - first;
    return last >= 63 ? set->lengths[word] : set->lengths[word] & ((UINT64_C(2) << last) - 1);
}

zone_slot_t *zone_set_find(const zone_set_t *set, const name_key_t *key, unsigned labels)
{
    DEBUG_ASSERT(labels <= key->labels);
    for (unsigned word = 2; word-- > 0;) {
        uint64_t candidates = lengths_up_to(set, word, labels);
        while (candidates != 0) {
            unsigned bit = 63 - (unsigned)__builtin_clzll(candidates);
            unsigned suffix = word * 64 + bit;
            const set_entry_t *entry =
                entry_of(set, key->hash[suffix], key->wire + key->offset[suffix], (size_t)key->length - key->offset[suffix]);
            if (entry->slot) {
                return entry->slot;
            }
            candidates ^= UINT64_C(1) << bit;
        }
    }
    return NULL;
}

zone_slot_t *zone_set_get(const zone_set_t *set, const uint8_t *name)
{
    name_key_t key;
    name_key_init(&key, name, name_length(name));
    return entry_of(set, key.hash[key.labels], key.wire, key.length)->slot;
}
