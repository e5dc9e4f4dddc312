/* A bump allocator: many small objects, freed together.
 *
 * Invariants: returned memory is 16-byte aligned and never moves; arena_reset() keeps the first chunk, so that a warm arena
 * serves a query without malloc; the total never exceeds `maximum`. One thread at a time.
 */
#pragma once

#include "base/status.h"

#include <stddef.h>

typedef struct arena_chunk arena_chunk_t;

typedef struct arena {
    arena_chunk_t *chunks; /* newest first */
    size_t used;           /* bytes used in the newest chunk */
    size_t total;          /* bytes allocated in all chunks */
    size_t maximum;        /* bytes */
    size_t chunk_size;     /* bytes of an ordinary chunk */
} arena_t;

/* Allocates nothing yet. chunk_size in bytes (0: 64 KiB). */
void arena_init(arena_t *arena, size_t chunk_size, size_t maximum);
/* Frees everything. */
void arena_clear(arena_t *arena);
/* Frees all objects, keeps one chunk. */
void arena_reset(arena_t *arena);
/* n uninitialised bytes, or NULL when memory or the maximum is exhausted. */
void *arena_alloc(arena_t *arena, size_t n);
/* A zero-terminated copy of n bytes, or NULL. */
char *arena_strndup(arena_t *arena, const char *text, size_t n);
