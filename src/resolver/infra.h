/* What is remembered of each server address: how fast it is, how often it was silent, what it copes with.
 *
 * A fixed table, keyed hash, sets of INFRA_WAYS: a flood of addresses pushes out what was not used for longest, never more. Entries with
 * questions outstanding are not pushed out. Belongs to one resolver (one thread).
 *
 * Invariants
 *  1. smoothed_ms and variation_ms follow RFC 6298; timeout_ms lies between the settings' least and greatest.
 *  2. Each silence doubles timeout_ms; after INFRA_SILENCES_MAX in a row the address is backed off: used only when nothing better is left.
 *     One answer ends that.
 *  3. A server that once answered with EDNS is never asked without it because it was silent (no downgrade by dropping packets).
 */
#pragma once

#include "base/siphash.h"
#include "resolver/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    INFRA_WAYS = 4,
    INFRA_SILENCES_MAX = 4,
    INFRA_COOKIE_MAX = 32,
    INFRA_LAME_ZONES = 4,
    INFRA_MEMORY_MS = 900000, /* 15 minutes: what is held against an address is forgotten then */
    INFRA_BACK_OFF_MS = 2000, /* the first back-off; doubled by each silence that follows */
    INFRA_BACK_OFF_MAX_MS = 120000,
};

typedef enum infra_edns { INFRA_EDNS_UNKNOWN, INFRA_EDNS_GOOD, INFRA_EDNS_NONE } infra_edns_t;

typedef struct infra_lame {
    uint64_t zone;     /* keyed hash of the zone's name */
    uint64_t until_ms; /* 0: none */
} infra_lame_t;

typedef struct infra_entry {
    resolver_address_t address;
    bool in_use;
    uint8_t silences; /* in a row */
    uint8_t cookie_length;
    uint8_t cookie[INFRA_COOKIE_MAX]; /* the server's part (RFC 7873) */
    infra_edns_t edns;
    uint32_t smoothed_ms; /* 0: never measured */
    uint32_t variation_ms;
    uint32_t timeout_ms;
    uint32_t outstanding;
    uint32_t near_misses; /* ever, for those who watch */
    uint64_t used_ms;
    uint64_t backed_off_until_ms;
    uint64_t silent_ms; /* when it was silent last */
    uint64_t edns_none_until_ms;
    uint64_t case_lost_until_ms; /* it does not keep the question's case */
    infra_lame_t lame[INFRA_LAME_ZONES];
} infra_entry_t;

typedef struct infra infra_t;

/* settings must outlive the table. NULL without memory. */
infra_t *infra_new(const resolver_settings_t *settings, const siphash_key_t *key);
void infra_free(infra_t *infra);
/* The entry of an address, made if it is not there. Valid until the next infra_get(). NULL only when its whole set has questions
 * outstanding. Family 0 is this very server, whose entry is always there. */
infra_entry_t *infra_get(infra_t *infra, const resolver_address_t *address, uint64_t now_ms);
/* The same, never made. */
infra_entry_t *infra_find(infra_t *infra, const resolver_address_t *address);
/* An answer came after so long. */
void infra_answered(infra_t *infra, infra_entry_t *entry, uint64_t now_ms, uint32_t took_ms);
/* No answer within timeout_ms. */
void infra_silent(infra_t *infra, infra_entry_t *entry, uint64_t now_ms);
bool infra_is_backed_off(const infra_entry_t *entry, uint64_t now_ms);
/* timeout_ms as it was before the silences. */
uint32_t infra_first_timeout(const infra_t *infra, const infra_entry_t *entry);
/* For those with somebody else to ask, who give an address up after so many silences in a row: is it given up for now? It is tried again
 * when INFRA_BACK_OFF_MS, doubled by each silence more, are over, and then by one question at a time. */
bool infra_is_given_up(const infra_entry_t *entry, unsigned silences, uint64_t now_ms);
/* It does not serve this zone. */
void infra_set_lame(infra_t *infra, infra_entry_t *entry, const name_key_t *zone, uint64_t now_ms);
bool infra_is_lame(const infra_t *infra, const infra_entry_t *entry, const name_key_t *zone, uint64_t now_ms);
void infra_set_no_edns(infra_entry_t *entry, uint64_t now_ms);
bool infra_has_no_edns(const infra_entry_t *entry, uint64_t now_ms);
