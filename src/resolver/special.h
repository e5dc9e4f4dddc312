/* Names that are answered here and never asked upstream: local data of the operator, and the special-use names (RFC 6761, 6303, 7534,
 * 7686, 8375, 8880, 9462).
 *
 * Immutable once made; any thread may look up.
 */
#pragma once

#include "resolver/settings.h"
#include "resolver/store.h"

typedef struct special special_t;

/* settings must outlive it. NULL without memory. */
special_t *special_new(const resolver_settings_t *settings);
void special_free(special_t *special);
/* The local answer as an entry whose memory comes from arena (or lives as long as special): local data first; then the built-in zones,
 * unless a configured stub or forward zone lies at or below such a zone and at or above the name. False: not ours to answer. */
bool special_find(const special_t *special, const name_key_t *name, uint16_t type, arena_t *arena, store_entry_t *entry);
/* Local data alone. */
bool special_find_data(const special_t *special, const name_key_t *name, uint16_t type, arena_t *arena, store_entry_t *entry);
/* Labels of the built-in zone at or above the name; 0: none. */
unsigned special_built_in(const special_t *special, const name_key_t *name);
