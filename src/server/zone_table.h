/* One generation of the server's zones and of all that answers depend on: made whole from settings, published whole, freed whole.
 *
 * Invariants
 *  1. entries are in the order of settings->zones and never move; each slot's user is the entry's own access.
 *  2. Answers see only `view`, through RCU; the other fields are for control threads, under the server's state lock.
 *  3. Each slot that has contents holds one reference on them. A generation that adopted another's contents has references of its own,
 *     so that the two can be freed independently.
 *  4. The copy of the root zone is loaded, adopted and freed like the others, but in no set but its own.
 *  5. Only loading (server/loading.h) replaces contents of a published table.
 */
#pragma once

#include "base/status.h"
#include "server/dispatch.h"
#include "server/file_identity.h"
#include "server/settings.h"
#include "zone/set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct zone_entry {
    zone_slot_t slot;
    zone_access_t access;
    const char *file;           /* the settings' */
    file_identity_t identity;   /* of the version that serves */
    included_files_t *included; /* likewise, NULL: none; one reference */
    int64_t loaded_at_s;        /* Unix time; 0: never */
    uint32_t load_ms;
    char *last_error; /* of the last load, if that failed; owned */
    bool is_root_copy;
    bool is_fetched;              /* it, by ourselves: there may be no file yet */
    _Atomic int64_t good_until_s; /* Unix time: when it will be as old as its SOA's EXPIRE says (RFC 1035 3.3.13) */
} zone_entry_t;

typedef struct zone_table {
    server_settings_t *settings; /* owned */
    zone_entry_t *entries;
    size_t count;
    zone_entry_t *root; /* behind the entries: the resolver's copy of the root zone, which no client is answered from; NULL: none */
    zone_set_t *set;
    zone_set_t *root_set; /* of it alone */
    dispatch_view_t view;
} zone_table_t;

/* A table of unloaded zones. Takes settings on success. transfers_running outlives it. STATUS_NO_MEMORY; STATUS_EXISTS: a zone twice. */
status_t zone_table_new(server_settings_t *settings, _Atomic unsigned *transfers_running, zone_table_t **table) MUST_USE;
/* Nobody may read it any more. NULL is allowed. */
void zone_table_free(zone_table_t *table);
/* Gives every zone of `table` what `before` serves under the same name; where the file is another one too, its identity is left empty. */
void zone_table_adopt(zone_table_t *table, const zone_table_t *before);
/* NULL: no such zone. name: wire, lower case. */
zone_entry_t *zone_table_find(const zone_table_t *table, const uint8_t *name);
