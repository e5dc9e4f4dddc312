/* A plain store for the resolver: a bounded table in ordinary memory, oldest entries dropped first. What resolver/store.h asks for, in the
 * simplest form that keeps every rule of it; a cache is judged by the same tests.
 */
#pragma once

#include "resolver/store.h"

#include <stddef.h>

typedef struct store_memory store_memory_t;

store_memory_t *store_memory_new(size_t entries_max, uint32_t stale_max_s);
void store_memory_free(store_memory_t *memory);
store_t *store_memory_store(store_memory_t *memory);
/* Entries held, for tests of the bound. */
size_t store_memory_count(const store_memory_t *memory);
