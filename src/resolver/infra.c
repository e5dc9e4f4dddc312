#include "resolver/infra.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>

struct infra {
    const resolver_settings_t *settings;
    siphash_key_t key;
    size_t mask; /* sets - 1 */
    infra_entry_t *entries;
    infra_entry_t own; /* of no address: this very server */
};

infra_t *infra_new(const resolver_settings_t *settings, const siphash_key_t *key)
{
    size_t sets = 1;
    while (sets * INFRA_WAYS < settings->addresses_remembered_max) {
        sets *= 2;
    }
    infra_t *infra = malloc(sizeof *infra);
    infra_entry_t *entries = calloc(sets * INFRA_WAYS, sizeof *entries);
    if (!infra || !entries) {
        free(infra);
        free(entries);
        return NULL;
    }
    *infra = (infra_t){.settings = settings, .key = *key, .mask = sets - 1, .entries = entries};
    infra->own = (infra_entry_t){.in_use = true, .timeout_ms = settings->timeout_initial_ms};
    return infra;
}

void infra_free(infra_t *infra)
{
    if (infra) {
        free(infra->entries);
        free(infra);
    }
}

static infra_entry_t *set_of(const infra_t *infra, const resolver_address_t *address)
{
    uint64_t hash = siphash(&infra->key, address, sizeof *address);
    return &infra->entries[(hash & infra->mask) * INFRA_WAYS];
}

infra_entry_t *infra_find(infra_t *infra, const resolver_address_t *address)
{
    if (address->family == 0) {
        return &infra->own;
    }
    infra_entry_t *set = set_of(infra, address);
    for (unsigned i = 0; i < INFRA_WAYS; i++) {
        if (set[i].in_use && resolver_address_equal(&set[i].address, address)) {
            return &set[i];
        }
    }
    return NULL;
}

infra_entry_t *infra_get(infra_t *infra, const resolver_address_t *address, uint64_t now_ms)
{
    infra_entry_t *entry = infra_find(infra, address);
    if (entry) {
        entry->used_ms = now_ms;
        return entry;
    }
    infra_entry_t *set = set_of(infra, address);
    for (unsigned i = 0; i < INFRA_WAYS; i++) {
        bool is_older = !entry || !set[i].in_use || (entry->in_use && set[i].used_ms < entry->used_ms);
        if (set[i].outstanding == 0 && is_older) {
            entry = &set[i];
        }
    }
    if (entry) {
        *entry = (infra_entry_t){.address = *address, .in_use = true, .used_ms = now_ms, .timeout_ms = infra->settings->timeout_initial_ms};
    }
    return entry;
}

static uint32_t clamp(const infra_t *infra, uint32_t timeout_ms)
{
    uint32_t least = infra->settings->timeout_min_ms;
    uint32_t greatest = infra->settings->timeout_max_ms;
    return timeout_ms < least ? least : timeout_ms > greatest ? greatest : timeout_ms;
}

uint32_t infra_first_timeout(const infra_t *infra, const infra_entry_t *entry)
{
    return entry->smoothed_ms == 0 ? infra->settings->timeout_initial_ms : clamp(infra, entry->smoothed_ms + 4 * entry->variation_ms);
}

void infra_answered(infra_t *infra, infra_entry_t *entry, uint64_t now_ms, uint32_t took_ms)
{
    uint32_t took = took_ms > 0 ? took_ms : 1;
    if (entry->smoothed_ms == 0) {
        entry->smoothed_ms = took;
        entry->variation_ms = took / 2;
    } else {
        uint32_t off = took > entry->smoothed_ms ? took - entry->smoothed_ms : entry->smoothed_ms - took;
        entry->variation_ms = (3 * entry->variation_ms + off) / 4;
        entry->smoothed_ms = (7 * entry->smoothed_ms + took) / 8;
        entry->smoothed_ms += entry->smoothed_ms == 0;
    }
    entry->timeout_ms = infra_first_timeout(infra, entry);
    entry->silences = 0;
    entry->backed_off_until_ms = 0;
    entry->used_ms = now_ms;
}

/* How long an address rests that was silent so many times more than it may be. */
static uint64_t back_off_ms(unsigned silences_more)
{
    return silences_more < 6 ? (uint64_t)INFRA_BACK_OFF_MS << silences_more : INFRA_BACK_OFF_MAX_MS;
}

void infra_silent(infra_t *infra, infra_entry_t *entry, uint64_t now_ms)
{
    entry->silent_ms = now_ms;
    entry->timeout_ms = clamp(infra, entry->timeout_ms * 2);
    if (entry->silences < UINT8_MAX) {
        entry->silences++;
    }
    if (entry->silences >= INFRA_SILENCES_MAX) {
        entry->backed_off_until_ms = now_ms + back_off_ms(entry->silences - INFRA_SILENCES_MAX);
    }
}

bool infra_is_backed_off(const infra_entry_t *entry, uint64_t now_ms)
{
    return now_ms < entry->backed_off_until_ms;
}

bool infra_is_given_up(const infra_entry_t *entry, unsigned silences, uint64_t now_ms)
{
    bool is_resting = entry->silences >= silences && now_ms < entry->silent_ms + back_off_ms(entry->silences - silences);
    return is_resting || (entry->silences >= silences && entry->outstanding > 0);
}

static uint64_t zone_hash(const infra_t *infra, const name_key_t *zone)
{
    return siphash(&infra->key, zone->wire, zone->length);
}

void infra_set_lame(infra_t *infra, infra_entry_t *entry, const name_key_t *zone, uint64_t now_ms)
{
    infra_lame_t *place = &entry->lame[0];
    uint64_t hash = zone_hash(infra, zone);
    for (unsigned i = 0; i < INFRA_LAME_ZONES; i++) {
        if (entry->lame[i].zone == hash) {
            place = &entry->lame[i];
            break;
        }
        if (entry->lame[i].until_ms < place->until_ms) {
            place = &entry->lame[i];
        }
    }
    *place = (infra_lame_t){hash, now_ms + INFRA_MEMORY_MS};
}

bool infra_is_lame(const infra_t *infra, const infra_entry_t *entry, const name_key_t *zone, uint64_t now_ms)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < INFRA_LAME_ZONES; i++) {
        if (entry->lame[i].until_ms > now_ms) {
            hash = hash != 0 ? hash : zone_hash(infra, zone);
            if (entry->lame[i].zone == hash) {
                return true;
            }
        }
    }
    return false;
}

void infra_set_no_edns(infra_entry_t *entry, uint64_t now_ms)
{
    entry->edns = INFRA_EDNS_NONE;
    entry->edns_none_until_ms = now_ms + INFRA_MEMORY_MS;
}

bool infra_has_no_edns(const infra_entry_t *entry, uint64_t now_ms)
{
    return entry->edns == INFRA_EDNS_NONE && now_ms < entry->edns_none_until_ms;
}
