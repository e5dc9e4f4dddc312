/* Where names stand in the message being written: a table from a zone's name references to message offsets.
 *
 * Names of a zone are nodes, stored once, each leading to its parent. So compression (RFC 1035 4.1.4) is a look-up by reference on the way
 * up, without comparing text. Open addressing with a bounded number of probes (a table that a zone's owner can fill: CVE-2024-8508);
 * entries carry a stamp, so that a new message starts empty without the table being cleared.
 *
 * Invariants: an entry is live when its stamp is not below `first`; a stamp belongs to one zone of one message; offsets are below
 * NAMES_OFFSET_MAX, the reach of a compression pointer.
 */
#pragma once

#include "zone/contents.h"

#include <stdint.h>
#include <string.h>

enum {
    AUTH_NAMES_OFFSET_MAX = 0x4000,
    AUTH_NAMES_PROBES_MAX = 12,
    AUTH_POINTER = 0xc000, /* the two upper bits of a compression pointer */
};

typedef struct auth_name_entry {
    zone_ref_t ref;
    uint16_t stamp;
    uint16_t offset;
} auth_name_entry_t;

typedef struct auth_names {
    auth_name_entry_t *entries;
    uint16_t first;   /* stamps of the message being written begin here */
    uint16_t last;    /* the newest stamp */
    uint16_t highest; /* the highest offset entered into this message */
    uint8_t shift;    /* 32 - bits of the table's size */
} auth_names_t;

/* entries: 1 << bits of them, the caller's. */
static inline void auth_names_init(auth_names_t *names, auth_name_entry_t *entries, unsigned bits)
{
    memset(entries, 0, sizeof *entries << bits);
    *names = (auth_names_t){.entries = entries, .shift = (uint8_t)(32 - bits)};
}

/* Empties the table and returns the stamp for the first zone. */
static inline uint16_t auth_names_begin(auth_names_t *names)
{
    enum { STAMPS_OF_A_MESSAGE = 256 };
    if (UNLIKELY(names->last >= UINT16_MAX - STAMPS_OF_A_MESSAGE)) {
        memset(names->entries, 0, sizeof *names->entries << (32 - names->shift));
        names->last = 0;
    }
    names->highest = 0;
    names->first = ++names->last;
    return names->first;
}

/* The stamp for another zone in the same message. */
static inline uint16_t auth_names_next_zone(auth_names_t *names)
{
    return ++names->last;
}

/* The message offset of a name, or 0. */
static inline unsigned auth_names_find(const auth_names_t *names, zone_ref_t ref, uint16_t stamp)
{
    unsigned mask = (1u << (32 - names->shift)) - 1;
    unsigned slot = (ref * 0x9e3779b1u) >> names->shift;
    for (unsigned probes = 0; probes < AUTH_NAMES_PROBES_MAX; probes++, slot = (slot + 1) & mask) {
        const auth_name_entry_t *entry = &names->entries[slot];
        if (entry->stamp < names->first) {
            return 0;
        }
        if (entry->ref == ref && entry->stamp == stamp) {
            return entry->offset;
        }
    }
    return 0;
}

/* Remembers a name that is not in the table. Nothing happens where it cannot be pointed at or the neighbourhood is full: the name is then
 * written again when it is needed. */
static inline void auth_names_add(auth_names_t *names, zone_ref_t ref, uint16_t stamp, size_t offset)
{
    unsigned mask = (1u << (32 - names->shift)) - 1;
    unsigned slot = (ref * 0x9e3779b1u) >> names->shift;
    if (UNLIKELY(offset >= AUTH_NAMES_OFFSET_MAX)) {
        return;
    }
    for (unsigned probes = 0; probes < AUTH_NAMES_PROBES_MAX; probes++, slot = (slot + 1) & mask) {
        auth_name_entry_t *entry = &names->entries[slot];
        if (entry->stamp < names->first) {
            *entry = (auth_name_entry_t){.ref = ref, .stamp = stamp, .offset = (uint16_t)offset};
            names->highest = offset > names->highest ? (uint16_t)offset : names->highest;
            return;
        }
    }
}
