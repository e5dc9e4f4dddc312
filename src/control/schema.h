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
    CONFIG_SECTION, /* a mapping with the keys below it; with a field (bool) also yes or no, which is short for its key `enabled` */
    CONFIG_ZONES,   /* a mapping from zone names to sections */
    /* one value */
    CONFIG_BOOLEAN,  /* bool */
    CONFIG_INTEGER,  /* unsigned or uint16_t */
    CONFIG_SIZE,     /* bytes: unsigned, uint16_t or size_t; written plain or with B, KiB, MiB, GiB */
    CONFIG_DURATION, /* milliseconds, unsigned; written with ms, s, m, h, d */
    CONFIG_SECONDS,  /* seconds, uint32_t; written with s, m, h, d */
    CONFIG_CHOICE,   /* one of `choices`; bool, or an enum of int's size */
    CONFIG_TEXT,     /* const char * */
    CONFIG_PATH,     /* const char *, absolute */
    CONFIG_PORTS,    /* LOW-HIGH: two uint16_t, one behind the other */
    /* what consists of parts */
    CONFIG_LISTEN,     /* the list of listeners */
    CONFIG_ADDRESSES,  /* acl_t * */
    CONFIG_PREFIXES,   /* const resolver_prefix_t *, and their count */
    CONFIG_SOURCES,    /* const net_address_t *, and their count */
    CONFIG_SERVERS,    /* const resolver_address_t *, and their count */
    CONFIG_FORWARD,    /* mapping of zones to resolvers: const resolver_zone_t *, and their count */
    CONFIG_STUB,       /* the same to authoritative servers; shares field and count with CONFIG_FORWARD */
    CONFIG_LOCAL_DATA, /* mapping of names to records: const resolver_local_record_t *, and their count */
    CONFIG_HOSTS,      /* list of hosts files, whose records go to the same field */
    CONFIG_HINTS,      /* path of a file that is read: const hints_t * */
    CONFIG_ANCHORS,    /* list of files and records: const trust_anchors_t * */
    CONFIG_NEGATIVE,   /* list of names, or mapping of names to times: const negative_anchor_t *, and their count */
    CONFIG_LATER,      /* known, and refused: for a later version */
} config_type_t;

typedef struct config_choice {
    const char *text; /* NULL ends the list */
    int value;
} config_choice_t;

typedef struct config_item {
    const char *path;
    config_type_t type;
    uint16_t offset;     /* of the field in server_settings_t; in zone_settings_t below "zones.*", else in resolver_zone_t below a "*" */
    uint16_t size;       /* bytes of the field */
    uint16_t count;      /* offset of the size_t that counts what the field points to; 0: there is none */
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

/* The table's entry of that number, in the order in which they are shown; NULL behind the last. */
const config_item_t *config_schema_at(size_t index);
/* The number of an entry. */
size_t config_schema_index(const config_item_t *item);
/* The entry of a key below a parent ("" for the top, "tcp", "resolver.limits", "zones.*"), or NULL. */
const config_item_t *config_schema_find(const char *parent, const char *key, size_t length);
/* The last key of an item's path. */
const char *config_item_key(const config_item_t *item);
/* Is item directly below parent ("" for the top)? */
bool config_item_is_below(const config_item_t *item, const char *parent);

/* Parts of the table, which config_schema_at() puts together. */
const config_item_t *schema_resolver(size_t *count);
const config_item_t *schema_resolver_limits(size_t *count);

/* JSON Schema (draft 2020-12) of the file. STATUS_NO_MEMORY. */
status_t config_schema_json(buffer_t *out) MUST_USE;
/* docs/configuration.md and man/portolan.yaml.5. Result in out's status. */
void config_reference_markdown(buffer_t *out);
void config_reference_manual(buffer_t *out);
