#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct arena_chunk {
    arena_chunk_t *next;
    size_t size;
    alignas(16) unsigned char data[];
};

void arena_init(arena_t *arena, size_t chunk_size, size_t maximum)
{
    /* Half the address space, so that rounding up cannot overflow. */
    maximum = maximum < SIZE_MAX / 2 ? maximum : SIZE_MAX / 2;
    *arena = (arena_t){.chunk_size = chunk_size ? chunk_size : 65536, .maximum = maximum};
}

static void arena_free_after(arena_chunk_t *chunk)
{
    while (chunk) {
        arena_chunk_t *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void arena_clear(arena_t *arena)
{
    arena_free_after(arena->chunks);
    arena_init(arena, arena->chunk_size, arena->maximum);
}

void arena_reset(arena_t *arena)
{
    if (arena->chunks) {
        arena_free_after(arena->chunks->next);
        arena->chunks->next = NULL;
        arena->total = arena->chunks->size;
    }
    arena->used = 0;
}

void *arena_alloc(arena_t *arena, size_t n)
{
    if (n > arena->maximum) {
        return NULL;
    }
    n = (n + 15) & ~(size_t)15;
    if (!arena->chunks || arena->chunks->size - arena->used < n) {
        size_t size = n > arena->chunk_size ? n : arena->chunk_size;
        if (size > arena->maximum - arena->total) {
            size = n;
        }
        if (size > arena->maximum - arena->total) {
            return NULL;
        }
        arena_chunk_t *chunk = malloc(sizeof *chunk + size);
        if (!chunk) {
            return NULL;
        }
        chunk->next = arena->chunks;
        chunk->size = size;
        arena->chunks = chunk;
        arena->total += size;
        arena->used = 0;
    }
    void *p = arena->chunks->data + arena->used;
    arena->used += n;
    return p;
}

char *arena_strndup(arena_t *arena, const char *text, size_t n)
{
    char *copy = n < arena->maximum ? arena_alloc(arena, n + 1) : NULL;
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = 0;
    }
    return copy;
}
