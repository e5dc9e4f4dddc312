/* The zones a server answers for: an immutable set, found by one longest-match look-up; each zone's current contents behind one pointer.
 *
 * A slot outlives the sets it is in and keeps its address; its contents pointer is replaced by RCU (rcu_publish; the writer
 * calls rcu_wait() before it drops its reference on the old version). A set is replaced as a whole, likewise.
 */
#pragma once

#include "base/status.h"
#include "wire/name.h"
#include "zone/contents.h"

#include <stdatomic.h>
#include <stddef.h>

typedef struct zone_slot {
    name_t name;                               /* apex, lower case */
    _Atomic(const zone_contents_t *) contents; /* NULL: not loaded (yet): SERVFAIL */
    void *user;                                /* the owner's: transfer rules and the like; constant while published */
} zone_slot_t;

typedef struct zone_set zone_set_t;

/* slots are not owned and must have different names (STATUS_EXISTS otherwise). Any number, 0 too. */
status_t zone_set_new(zone_slot_t *const *slots, size_t count, zone_set_t **set) MUST_USE;
void zone_set_free(zone_set_t *set);
size_t zone_set_count(const zone_set_t *set);
zone_slot_t *zone_set_at(const zone_set_t *set, size_t index);
/* The slot with the longest apex that is an ancestor of, or equal to, key's suffix of `labels` labels (key->labels for the whole name);
 * NULL if none. So the parent side of an apex is found with labels = apex labels - 1. */
zone_slot_t *zone_set_find(const zone_set_t *set, const name_key_t *key, unsigned labels);
/* Exact. */
zone_slot_t *zone_set_get(const zone_set_t *set, const uint8_t *name);
