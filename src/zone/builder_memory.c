#include "zone/builder_memory.h"

#include "base/require.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { REGION_FIRST = 2048, LIST_FIRST = 256 };

static size_t rounded(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

static uint8_t *map(size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

/* Advice only: without huge pages everything works, with more TLB misses. */
static void advise_huge(uint8_t *base, size_t size)
{
    int ignored = madvise(base, size, MADV_HUGEPAGE);
    (void)ignored;
}

static status_t grow_mapping(block_t *block, size_t size)
{
    void *base = mremap(block->base, block->size, size, MREMAP_MAYMOVE);
    if (base == MAP_FAILED) {
        return STATUS_NO_MEMORY;
    }
    advise_huge(base, size);
    *block = (block_t){.base = base, .size = size};
    return STATUS_OK;
}

status_t block_resize(block_t *block, size_t size)
{
    if (size >= BLOCK_MAPPED || block->size >= BLOCK_MAPPED) {
        size = rounded(size, HUGE_PAGE);
        if (block->size >= BLOCK_MAPPED) {
            return grow_mapping(block, size);
        }
        uint8_t *base = map(size);
        if (!base) {
            return STATUS_NO_MEMORY;
        }
        advise_huge(base, size);
        if (block->size > 0) {
            memcpy(base, block->base, block->size);
        }
        free(block->base);
        *block = (block_t){.base = base, .size = size};
        return STATUS_OK;
    }
    uint8_t *base = realloc(block->base, size);
    if (!base) {
        return STATUS_NO_MEMORY;
    }
    *block = (block_t){.base = base, .size = size};
    return STATUS_OK;
}

status_t block_reserve(block_t *block, size_t size)
{
    return size > block->size ? block_resize(block, size) : STATUS_OK;
}

void block_free(block_t *block)
{
    if (block->size >= BLOCK_MAPPED) {
        munmap(block->base, block->size);
    } else {
        free(block->base);
    }
    *block = (block_t){0};
}

status_t region_take(region_t *region, size_t n, uint32_t *id)
{
    size_t from = region->used > 0 ? region->used : 8; /* id 0 is none */
    size_t to = from + ((n + 7) & ~(size_t)7);
    if (to > REGION_MAX) {
        return STATUS_LIMIT;
    }
    if (to > region->block.size) {
        size_t doubled = region->block.size > 0 ? 2 * region->block.size : REGION_FIRST;
        status_t status = block_resize(&region->block, doubled > to ? doubled : to);
        if (status != STATUS_OK) {
            return status;
        }
    }
    region->used = to;
    *id = (uint32_t)(from / 8);
    return STATUS_OK;
}

void region_free(region_t *region)
{
    block_free(&region->block);
    region->used = 0;
}

status_t id_list_append(id_list_t *list, uint32_t id)
{
    if (((size_t)list->count + 1) * sizeof id > list->block.size) {
        status_t status = block_resize(&list->block, list->block.size > 0 ? 2 * list->block.size : LIST_FIRST);
        if (status != STATUS_OK) {
            return status;
        }
    }
    id_list_items(list)[list->count++] = id;
    return STATUS_OK;
}

void id_list_free(id_list_t *list)
{
    block_free(&list->block);
    list->count = 0;
}

uint8_t *image_map(size_t size)
{
    if (size < HUGE_PAGE) {
        return map(size);
    }
    uint8_t *wide = map(size + HUGE_PAGE);
    if (!wide) {
        return NULL;
    }
    size_t before = rounded((uintptr_t)wide, HUGE_PAGE) - (uintptr_t)wide;
    if (before > 0) {
        munmap(wide, before);
    }
    if (before < HUGE_PAGE) {
        munmap(wide + before + size, HUGE_PAGE - before);
    }
    advise_huge(wide + before, size);
    return wide + before;
}
