/* The table of settings: each key's type, unit, default, range and one sentence. Everything that knows settings comes from here: the
 * checks and defaults (control/config.c), the JSON Schema, the reference page, the manual page (control/schema_output.c), and the
 * effective view (control/config_show.c).
 *
 * Invariants: parents stand before their children; a path is keys joined by dots, "*" standing for the names of zones; every default
 * passes the item's own check (a test holds the table to this).
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum config_type {
    CONFIG_SECTION,   /* a mapping with the keys below it */
    CONFIG_ZONES,     /* a mapping from zone names to sections */
    CONFIG_BOOLEAN,   /* bool */
    CONFIG_INTEGER,   /* unsigned or uint16_t */
    CONFIG_SIZE,      /* bytes, unsigned or uint16_t; written plain or with B, KiB, MiB, GiB */
    CONFIG_DURATION,  /* milliseconds, unsigned; written with ms, s, m, h, d */
    CONFIG_CHOICE,    /* one of `choices`; bool, or an enum of int's size */
    CONFIG_TEXT,      /* const char * */
    CONFIG_PATH,      /* const char *, absolute */
    CONFIG_LISTEN,    /* the list of listeners */
    CONFIG_ADDRESSES, /* acl_t * */
    CONFIG_LATER,     /* known, and refused: for a later version */
} config_type_t;

typedef struct config_choice {
    const char *text; /* NULL ends the list */
    int value;
} config_choice_t;

typedef struct config_item {
    const char *path;
    config_type_t type;
    uint16_t offset;     /* of the field in server_settings_t, or in zone_settings_t below "zones.*" */
    uint16_t size;       /* bytes of the field */
    const char *initial; /* the default as one writes it; lists separated by blanks; NULL: none */
    const char *none;    /* the word that stands for nothing: NULL pointer or 0 */
    uint64_t minimum;    /* numbers: in the field's unit; texts and paths: bytes */
    uint64_t maximum;    /* the same */
    const config_choice_t *choices;
    bool is_required;    /* must be given where its section is */
    bool is_fixed;       /* taken at start only, a reload cannot change it */
    const char *summary; /* one sentence, Markdown code marks allowed */
    const char *example; /* a value as one writes it */
} config_item_t;

/* The table; *count entries. */
const config_item_t *config_schema(size_t *count);
/* The entry of a key below a parent ("" for the top, "tcp", "zones.*"), or NULL. */
const config_item_t *config_schema_find(const char *parent, const char *key, size_t length);
/* The last key of an item's path. */
const char *config_item_key(const config_item_t *item);
/* Is item directly below parent ("" for the top)? */
bool config_item_is_below(const config_item_t *item, const char *parent);

/* JSON Schema (draft 2020-12) of the file. STATUS_NO_MEMORY. */
status_t config_schema_json(buffer_t *out) MUST_USE;
/* docs/configuration.md and man/portolan.yaml.5. Result in out's status. */
void config_reference_markdown(buffer_t *out);
void config_reference_manual(buffer_t *out);
