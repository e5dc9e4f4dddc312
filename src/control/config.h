/* The configuration file: YAML in, checked settings or every error out.
 *
 * One schema table (control/schema.h) says which keys there are; it gives the checks, the defaults, the JSON Schema, the reference
 * page and the effective view. The file is read by libfyaml's event parser into a small tree of nodes that know their place
 * (control/yaml.h), never by its document tree, which is quadratic in the size of a mapping.
 *
 * Invariants: all errors of a file are reported in one run, each with its place; either *settings is complete, or it is NULL and
 * diagnostics has at least one error. Nothing here keeps state; any thread.
 */
#pragma once

#include "base/buffer.h"
#include "base/diagnostic.h"
#include "base/status.h"
#include "server/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_FILE_DEFAULT    "/etc/portolan/portolan.yaml"
#define CONFIG_STATE_DEFAULT   "/var/lib/portolan"
#define CONFIG_CONTROL_DEFAULT "/run/portolan/control.sock"

enum {
    CONFIG_FILE_MAX_BYTES = 256 * 1024 * 1024,
    CONFIG_ZONES_MAX = 10 * 1000 * 1000,
};

/* Reads a file; NULL: all defaults (dns on 127.0.0.1 and ::1, port 53, no zones). Relative paths in it count from the file's own
 * directory. The caller owns *settings (server_settings_free()). Warnings may be there with STATUS_OK.
 * STATUS_INVALID: the file has errors; STATUS_IO: it cannot be read (said in diagnostics as well); STATUS_NO_MEMORY.
 * Cost: linear in the file, n log n in the zones. */
status_t config_load(const char *file, server_settings_t **settings, diagnostics_t *diagnostics) MUST_USE;

/* The same from text, for tests and fuzzing. name: what diagnostics call it; directory: where relative paths count from (absolute). */
status_t config_load_text(const char *text, size_t size, const char *name, const char *directory, server_settings_t **settings,
                          diagnostics_t *diagnostics) MUST_USE;

typedef enum config_format { CONFIG_YAML, CONFIG_JSON } config_format_t;

/* What a file sets, in normal form (absolute paths, full names, plain units): just that, or with `effective` every setting there is.
 * file as for config_load(). Statuses as there, and out's own. */
status_t config_show(const char *file, bool effective, config_format_t format, buffer_t *out, diagnostics_t *diagnostics) MUST_USE;
