/* A configuration while it is read: the text, its tree, and the settings made of it. Private to control/. */
#pragma once

#include "control/config.h"
#include "control/schema.h"
#include "control/value.h"
#include "control/yaml.h"

enum { CONFIG_KEYS_MAX = 64, CONFIG_ITEMS_MAX = 192, CONFIG_LIST_BUCKETS = 4096 };

/* An access list by the texts of its entries, so that equal ones are made once. */
typedef struct config_list {
    struct config_list *next; /* in its bucket */
    const char *text;         /* the entries, each behind a newline */
    size_t length;
    const acl_t *acl;
} config_list_t;

/* A record that is answered locally, while they are collected. */
typedef struct config_record {
    resolver_local_record_t record;
    const yaml_node_t *key; /* its name in local-data; NULL: from a hosts file */
    uint32_t sequence;      /* in the order of reading */
    bool is_reverse;        /* made of a hosts file's address: gives way to others */
} config_record_t;

typedef struct config_records {
    config_record_t *items; /* malloced */
    size_t count;
    size_t capacity;
} config_records_t;

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
    config_records_t records;
    config_list_t **lists; /* CONFIG_LIST_BUCKETS, or NULL: none yet */
    size_t errors_before;  /* of diagnostics, before this file */
    bool out_of_memory;
} config_t;

/* Reads and checks; see config_load_text(). The caller clears in any case. text is owned by config from now on, freed with it. */
status_t config_read(config_t *config, char *text, size_t size, const char *name, const char *directory,
                     diagnostics_t *diagnostics) MUST_USE;
/* The same from a file (NULL: an empty one, called "(defaults)"). */
status_t config_read_file(config_t *config, const char *file, diagnostics_t *diagnostics) MUST_USE;
void config_clear(config_t *config);

/* ---- between config.c and the others ---- */

void config_keys_init(config_keys_t *keys, const char *path);
/* Walks a mapping: for each pair with a known, single key, values[i] is set to the node of keys->items[i] (aliases followed). Unknown and
 * doubled keys and missing required ones are reported. */
void config_read_keys(config_t *config, const config_keys_t *keys, const yaml_node_t *mapping, const yaml_node_t **values);
/* One value into base + item->offset, reporting what is wrong with it. */
void config_read_value(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base);
void config_read_listen(config_t *config, const yaml_node_t *value);
void config_read_zones(config_t *config, const yaml_node_t *value);
void config_read_addresses(config_t *config, const config_item_t *item, const yaml_node_t *value, void *field);
/* The access list that an item has by default. */
void config_default_addresses(config_t *config, const config_item_t *item);

/* A domain name, to lower case. False: reported with this code. */
bool config_read_name(config_t *config, const yaml_node_t *key, const char *code, name_t *name) MUST_USE;
/* A single value where a list may stand counts as a list of one: the first node, or NULL (reported if it is no list). */
const yaml_node_t *config_list_first(config_t *config, const config_item_t *item, const yaml_node_t *value);
const yaml_node_t *config_list_next(const yaml_node_t *list, const yaml_node_t *node);
/* The single value of a list's entry, or NULL with a report. */
const yaml_node_t *config_list_entry(config_t *config, const yaml_node_t *node);

/* ---- config_files.c ---- */

/* The absolute path that a node's text stands for, in the settings' arena; NULL: reported, or out of memory. */
const char *config_read_path(config_t *config, const config_item_t *item, const yaml_node_t *node);
/* The content of a regular file of at most `maximum` bytes. False: reported at the node. The caller clears `content` in any case. */
bool config_read_content(config_t *config, const yaml_node_t *node, const char *path, size_t maximum, buffer_t *content) MUST_USE;
/* Reports at the node what was found in its text, and clears the list. */
void config_relay(config_t *config, const yaml_node_t *node, diagnostics_t *findings);

/* ---- config_resolver.c, config_trust.c, config_local.c ---- */

void config_read_prefixes(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base);
void config_default_prefix(config_t *config, const config_item_t *item);
void config_read_sources(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base);
void config_read_servers(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base);
/* CONFIG_FORWARD, CONFIG_STUB */
void config_read_delegates(config_t *config, const config_item_t *item, const yaml_node_t *value);
/* What is wrong between several settings; with all of them read and defaults set. */
void config_check_resolver(config_t *config);

void config_read_hints(config_t *config, const config_item_t *item, const yaml_node_t *value);
/* value NULL: the default. */
void config_read_anchors(config_t *config, const config_item_t *item, const yaml_node_t *value);
/* Is this a record, or else the path of a file? */
bool config_is_anchor_record(const yaml_node_t *node);
void config_read_negative(config_t *config, const config_item_t *item, const yaml_node_t *value);

void config_read_local_data(config_t *config, const config_item_t *item, const yaml_node_t *value);
void config_read_hosts(config_t *config, const config_item_t *item, const yaml_node_t *value);
/* Puts the records into the settings, each once. */
void config_keep_records(config_t *config);

/* A pointer and a count into the fields of an item. */
void config_store_array(const config_item_t *item, void *base, const void *items, size_t count);
void config_report(config_t *config, const char *code, const yaml_node_t *node, const value_error_t *error);
