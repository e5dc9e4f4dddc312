/* The text of one zone file: read(2) in strides into reserved address space; what was parsed makes room for what comes.
 *
 * Invariants
 *  1. Text keeps its address but in zone_source_slide(); so tokens are pointers into it and nothing is copied. The address space reserved
 *     holds the whole file, if one record is that large; memory is used for a few MiB.
 *  2. Behind `filled` stand at least SOURCE_PADDING readable bytes, the first of them 0: a scanner needs no bounds, only a look at
 *     zone_source_fill() when it meets a 0.
 *  3. Only read(2) touches the file, never a mapping of it: a file that shrinks meanwhile gives a short read, not SIGBUS.
 * One thread at a time.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { SOURCE_PADDING = 4096, SOURCE_STRIDE = 1 << 20 };

typedef struct zone_source {
    uint8_t *base;
    const uint8_t *filled; /* end of the text that is there */
    size_t reserved;       /* bytes of the mapping, padding included */
    uint64_t read_size;    /* bytes read so far */
    int fd;                /* -1: nothing more to read */
    int error_number;      /* errno of a read that failed; 0: none */
    struct stat identity;  /* as it was when opened; st_ino 0 for text from memory */
} zone_source_t;

/* Opens a regular file, or, unless regular_only, reads a pipe or device to its end, however long that takes. STATUS_IO (errno says why:
 * EISDIR for a directory), STATUS_NO_MEMORY, STATUS_LIMIT (a stream over 4 GiB), STATUS_UNSUPPORTED (a pipe or device, and regular_only;
 * it is not waited for). On an error nothing is to be closed. */
status_t zone_source_open(zone_source_t *source, const char *path, bool regular_only) MUST_USE;
/* Copies text. STATUS_NO_MEMORY. */
status_t zone_source_copy(zone_source_t *source, const char *text, size_t length) MUST_USE;
void zone_source_close(zone_source_t *source);

/* More text behind `filled`? False at the end (look at error_number). */
bool zone_source_fill(zone_source_t *source);
/* Text before `position` is needed no more: moves the rest to the front when that is worth it. Returns by how many bytes; all pointers
 * into the text are to be lowered by as many. */
size_t zone_source_slide(zone_source_t *source, const uint8_t *position);
/* True if the file is no longer what it was when it was opened: another size or time of modification, or a shorter text. */
bool zone_source_has_changed(const zone_source_t *source);
