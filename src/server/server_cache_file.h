/* A file mapped for a cache, and the page behind it. Private to server_cache.c. */
#pragma once

#include "base/buffer.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cache_file {
    int descriptor;
    uint8_t *memory; /* NULL: no file; all others are then without meaning */
    size_t budget;   /* bytes of the cache, whole pages */
} cache_file_t;

/* Opens or makes the file, locks it, gives it all its blocks, maps it. On failure *why says why, for people.
 * STATUS_EXISTS: another process uses it; STATUS_INVALID: it is no cache file; STATUS_DENIED; STATUS_NO_SPACE; STATUS_IO. */
status_t cache_file_map(cache_file_t *file, const char *path, size_t budget_bytes, buffer_t *why) MUST_USE;
void cache_file_unmap(cache_file_t *file);

/* False: none is there, or it is damaged. */
bool cache_file_fingerprint(const cache_file_t *file, uint64_t *fingerprint);
/* Takes it off the disk before the cache is emptied, */
void cache_file_forget_fingerprint(cache_file_t *file);
/* and puts the new one there when the emptied cache is there: no crash leaves content under a fingerprint that is not its own. */
void cache_file_set_fingerprint(cache_file_t *file, uint64_t fingerprint);
