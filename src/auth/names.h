/* Where names stand in the message being written: a table from a zone's name references to message offsets.
 *
 * Names of a zone are nodes, stored once, each leading to its parent. So compression (RFC 1035 4.1.4) is a look-up by reference on the way
 * up, without comparing text. Open addressing with a bounded number of probes (a table that a zone's owner can fill: CVE-2024-8508);
 * entries carry a stamp, so that a new message starts empty without the table being cleared.
 *
 * Invariants: an entry is {ref: 32 bits, stamp: 16, offset: 16}, and is live when its stamp is not below `first`; a stamp belongs to one
 * zone of one message; offsets are below AUTH_NAMES_OFFSET_MAX, the reach of a compression pointer.
 */
#pragma once

#include "zone/contents.h"

#include <stdint.h>
#include <string.h>

enum {
    AUTH_NAMES_BITS = 10, /* an answer holds tens of names, a message of a transfer hundreds */
    AUTH_NAMES_OFFSET_MAX = 0x4000,
    AUTH_NAMES_PROBES_MAX = 12,
    AUTH_POINTER = 0xc000, /* the two upper bits of a compression pointer */
};

typedef struct auth_names {
    uint16_t first; /* stamps of the message being written begin here */
    uint16_t last;  /* the newest stamp */
    uint64_t entries[1u << AUTH_NAMES_BITS];
} auth_names_t;

static inline void auth_names_init(auth_names_t *names)
{
    memset(names, 0, sizeof *names);
}

/* Empties the table and returns the stamp for the first zone. */
static inline uint16_t auth_names_begin(auth_names_t *names)
{
    enum { STAMPS_OF_A_MESSAGE = 256 };
    if (UNLIKELY(names->last >= UINT16_MAX - STAMPS_OF_A_MESSAGE)) {
        auth_names_init(names);
    }
    names->first = ++names->last;
    return names->first;
}

/* The stamp for another zone in the same message. */
static inline uint16_t auth_names_next_zone(auth_names_t *names)
{
    return ++names->last;
}

/* The message offset of a name that is in the table; else enters it at `at`, if not 0, and returns 0. A name is not entered where it cannot
 * be pointed at or the neighbourhood is full: it is then written again when it is needed. */
static inline unsigned auth_names_place(auth_names_t *names, zone_ref_t ref, uint16_t stamp, size_t at)
{
    uint64_t key = (uint64_t)ref << 16 | stamp;
    unsigned slot = (ref * 0x9e3779b1u) >> (32 - AUTH_NAMES_BITS);
    for (unsigned probes = 0; probes < AUTH_NAMES_PROBES_MAX; probes++) {
        uint64_t entry = names->entries[slot];
        if (entry >> 16 == key) {
            return (uint16_t)entry;
        }
        if ((uint16_t)(entry >> 16) < names->first) {
            if (at - 1 < AUTH_NAMES_OFFSET_MAX - 1) {
                names->entries[slot] = key << 16 | at;
            }
            return 0;
        }
        slot = (slot + 1) % (1u << AUTH_NAMES_BITS);
    }
    return 0;
}
