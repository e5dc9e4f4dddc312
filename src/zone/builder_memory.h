/* Memory of the builder: blocks that grow without copying and go back to the system when they are freed.
 *
 * A block below BLOCK_MAPPED bytes comes from malloc, so that a hundred thousand small zones cost no system call each; from there on it is
 * a mapping of its own, which mremap() grows by moving page tables, and which does not linger in malloc's free lists.
 * One thread at a time.
 */
#pragma once

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { BLOCK_MAPPED = 1 << 20, HUGE_PAGE = 1 << 21 };

typedef struct block {
    uint8_t *base;
    size_t size; /* bytes */
} block_t;

/* Content is kept up to the smaller size; new bytes are undefined; size > 0. STATUS_NO_MEMORY: nothing has changed. */
status_t block_resize(block_t *block, size_t size) MUST_USE;
/* Grows to at least size; content is kept. STATUS_NO_MEMORY. */
status_t block_reserve(block_t *block, size_t size) MUST_USE;
void block_free(block_t *block);

/* Things in one block, each at a multiple of 8 bytes; a thing's id is its offset / 8, never 0. Growth moves them: ids stay, pointers do
 * not. */
typedef struct region {
    block_t block;
    size_t used; /* bytes */
} region_t;

#define REGION_MAX ((size_t)32 << 30) /* what 32-bit ids reach */

/* n bytes, undefined. STATUS_NO_MEMORY; STATUS_LIMIT beyond REGION_MAX. */
status_t region_take(region_t *region, size_t n, uint32_t *id) MUST_USE;
void region_free(region_t *region);

static inline void *region_at(const region_t *region, uint32_t id)
{
    return region->block.base + (size_t)id * 8;
}

/* A growing array of 32-bit numbers. */
typedef struct id_list {
    block_t block;
    uint32_t count;
} id_list_t;

/* STATUS_NO_MEMORY. */
status_t id_list_append(id_list_t *list, uint32_t id) MUST_USE;
void id_list_free(id_list_t *list);

static inline uint32_t *id_list_items(const id_list_t *list)
{
    return (uint32_t *)(void *)list->block.base;
}

/* A zeroed mapping whose beginning suits huge pages; size: a multiple of the page size. NULL without memory. Unmapped with munmap(). */
uint8_t *image_map(size_t size);
