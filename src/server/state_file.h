/* Files that the server itself keeps over a restart, in its state directory: read as a whole, replaced as a whole. One thread a file. */
#pragma once

#include "base/buffer.h"
#include "base/status.h"

#include <stddef.h>

typedef struct state_file {
    const char *directory; /* not owned */
    const char *name;      /* of the file there; not owned */
} state_file_t;

/* Appends the content, at most out->maximum bytes. STATUS_NOT_FOUND: there is none. STATUS_INVALID: not an ordinary file. STATUS_NO_SPACE:
 * larger than that. STATUS_DENIED, STATUS_IO (errno), STATUS_NO_MEMORY. */
status_t state_file_read(const state_file_t *file, buffer_t *out) MUST_USE;

/* Replaces the content: after a crash, whenever it comes, the file is the old one or the new one. Mode 0640. The directory is made if only
 * its last part is missing. STATUS_NO_SPACE, STATUS_DENIED, STATUS_IO (errno), STATUS_LIMIT: the path is too long. */
status_t state_file_write(const state_file_t *file, const void *data, size_t size) MUST_USE;

/* Renames it to NAME.bad, in the place of an older one of that name: for people to look at. Statuses of state_file_write(). */
status_t state_file_set_aside(const state_file_t *file) MUST_USE;
