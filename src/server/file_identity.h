/* What tells one version of a file from another without reading it; and the files that a zone file includes.
 *
 * included_files_t: the files that one reading of a zone file named by $INCLUDE, each with its identity from just before it was read, so
 * that what has changed since is seen. Immutable once the reading is over, counted. Control threads only.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: no file was read. */
typedef struct file_identity {
    uint64_t device;
    uint64_t inode;
    int64_t size;
    int64_t changed_ns; /* mtime, since 1970 */
} file_identity_t;

/* STATUS_IO with errno; *identity is zero then. */
status_t file_identity_read(const char *file, file_identity_t *identity) MUST_USE;
bool file_identity_equal(const file_identity_t *a, const file_identity_t *b);

typedef struct included_files included_files_t;

/* Adds a file to a list that nobody else has yet; *files NULL: none so far. Without memory the list counts as changed ever after. */
void included_files_add(included_files_t **files, const char *path);
/* Has any of them changed, come or gone? NULL: no. One stat() for each. */
bool included_files_changed(const included_files_t *files);
included_files_t *included_files_ref(included_files_t *files); /* NULL is allowed, here and below */
void included_files_unref(included_files_t *files);
