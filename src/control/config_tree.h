/* A configuration while it is read: the text, its tree, and the settings made of it. Private to control/. */
#pragma once

#include "control/config.h"
#include "control/schema.h"
#include "control/value.h"
#include "control/yaml.h"

enum { CONFIG_KEYS_MAX = 32, CONFIG_ITEMS_MAX = 64, CONFIG_LIST_BUCKETS = 4096 };

/* An access list by the texts of its entries, so that equal ones are made once. */
typedef struct config_list {
    struct config_list *next; /* in its bucket */
    const char *text;         /* the entries, each behind a newline */
    size_t length;
    const acl_t *acl;
} config_list_t;

/* The keys of one section, found once and used for each of its mappings. */
typedef struct config_keys {
    const char *path; /* "", "tcp", "zones.*" */
    const config_item_t *items[CONFIG_KEYS_MAX];
    const char *names[CONFIG_KEYS_MAX + 1]; /* ends with NULL */
    size_t count;
} config_keys_t;

typedef struct config {
    char *text;
    size_t size;
    const char *directory;
    char *owned_directory; /* the same when it is ours to free */
    yaml_document_t document;
    server_settings_t *settings;                /* being made; taken (NULL) by the one who keeps it */
    const yaml_node_t *given[CONFIG_ITEMS_MAX]; /* by index in the schema: the value the file gives outside zones, or NULL */
    const yaml_node_t **zone_nodes;             /* beside settings->zones: each zone's mapping */
    config_list_t **lists;                      /* CONFIG_LIST_BUCKETS, or NULL: none yet */
    size_t errors_before;                       /* of diagnostics, before this file */
    bool out_of_memory;
} config_t;

/* Reads and checks; see config_load_text(). The caller clears in any case. text is owned by config from now on, freed with it. */
status_t config_read(config_t *config, char *text, size_t size, const char *name, const char *directory,
                     diagnostics_t *diagnostics) MUST_USE;
/* The same from a file (NULL: an empty one, called "(defaults)"). */
status_t config_read_file(config_t *config, const char *file, diagnostics_t *diagnostics) MUST_USE;
void config_clear(config_t *config);

/* ---- between config.c and config_zones.c ---- */

void config_keys_init(config_keys_t *keys, const char *path);
/* Walks a mapping: for each pair with a known, single key, values[i] is set to the node of keys->items[i] (aliases followed). Unknown and
 * doubled keys and missing required ones are reported. */
void config_read_keys(config_t *config, const config_keys_t *keys, const yaml_node_t *mapping, const yaml_node_t **values);
/* One value into base + item->offset, reporting what is wrong with it. */
void config_read_value(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base);
void config_read_listen(config_t *config, const yaml_node_t *value);
void config_read_zones(config_t *config, const yaml_node_t *value);
void config_read_addresses(config_t *config, const config_item_t *item, const yaml_node_t *value, void *field);
void config_report(config_t *config, const char *code, const yaml_node_t *node, const value_error_t *error);
