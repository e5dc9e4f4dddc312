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

/* Both names have NAME_PADDING behind them and may be read in words. length >= 1. */
static inline bool same_octets(const zone_slot_t *slot, const uint8_t *wire, size_t length)
{
    const uint8_t *name = slot->name.wire;
    uint64_t difference = 0;
    if (slot->name.length != length) {
        return false;
    }
    for (;;) {
        uint64_t words[2];
        memcpy(&words[0], name, sizeof words[0]);
        memcpy(&words[1], wire, sizeof words[1]);
        difference = words[0] ^ words[1];
        if (length <= sizeof difference || difference != 0) {
            break;
        }
        name += sizeof difference;
        wire += sizeof difference;
        length -= sizeof difference;
    }
    return length >= sizeof difference ? difference == 0 : difference << (64 - 8 * length) == 0;
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

static inline zone_slot_t *find_suffix(const zone_set_t *set, const name_key_t *key, unsigned labels)
{
    unsigned offset = key->offset[labels];
    return entry_of(set, key->hash[labels], key->wire + offset, (size_t)key->length - offset)->slot;
}

/* The numbers of labels up to `last`, as bits. */
static inline uint64_t up_to(unsigned last)
{
    return UINT64_MAX >> (63 - last);
}

/* The longest of the suffixes with so many labels that are an apex. */
static __attribute__((noinline)) zone_slot_t *find_longest(const zone_set_t *set, const name_key_t *key, unsigned labels)
{
    for (unsigned word = labels / 64 + 1; word-- > 0;) {
        uint64_t candidates = set->lengths[word] & up_to(labels < word * 64 + 63 ? labels - word * 64 : 63);
        for (; candidates != 0; candidates &= ~(UINT64_C(1) << (63 - __builtin_clzll(candidates)))) {
            zone_slot_t *slot = find_suffix(set, key, word * 64 + 63 - (unsigned)__builtin_clzll(candidates));
            if (slot) {
                return slot;
            }
        }
    }
    return NULL;
}

zone_slot_t *zone_set_find(const zone_set_t *set, const name_key_t *key, unsigned labels)
{
    DEBUG_ASSERT(labels <= key->labels);
    /* Mostly the first probe for the longest suffix that may be an apex hits. */
    uint64_t candidates = LIKELY(labels < 64) ? set->lengths[0] & up_to(labels) : 0;
    if (LIKELY(candidates != 0)) {
        unsigned longest = 63 - (unsigned)__builtin_clzll(candidates);
        unsigned offset = key->offset[longest];
        const set_entry_t *entry = &set->entries[(key->hash[longest] >> 32) * set->home_count >> 32];
        if (LIKELY(entry->slot && entry->hash == key->hash[longest] &&
                   same_octets(entry->slot, key->wire + offset, (size_t)key->length - offset))) {
            return entry->slot;
        }
    }
    return find_longest(set, key, labels);
}

zone_slot_t *zone_set_get(const zone_set_t *set, const uint8_t *name)
{
    name_key_t key;
    name_key_init(&key, name, name_length(name));
    return entry_of(set, key.hash[key.labels], key.wire, key.length)->slot;
}
