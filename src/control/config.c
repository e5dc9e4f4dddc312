#include "control/config_tree.h"

#include "base/require.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HINT_MAX = 512, SETTINGS_ARENA_CHUNK = 256 * 1024 };
static const size_t SETTINGS_ARENA_MAX = (size_t)16 * 1024 * 1024 * 1024;

/* ---- keys ---- */

void config_keys_init(config_keys_t *keys, const char *path)
{
    *keys = (config_keys_t){.path = path};
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (config_item_is_below(item, path)) {
            REQUIRE(keys->count < CONFIG_KEYS_MAX);
            keys->names[keys->count] = config_item_key(item);
            keys->items[keys->count++] = item;
        }
    }
}

static size_t find_key(const config_keys_t *keys, const yaml_node_t *key)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (strlen(keys->names[i]) == key->length && memcmp(keys->names[i], key->text, key->length) == 0) {
            return i;
        }
    }
    return keys->count;
}

/* A key that other sections know: said so, since a wrong indentation is the usual cause. */
static const char *find_elsewhere(const yaml_node_t *key)
{
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        const char *name = config_item_key(item);
        if (strlen(name) == key->length && memcmp(name, key->text, key->length) == 0) {
            return item->path;
        }
    }
    return NULL;
}

static void report_unknown_key(config_t *config, const config_keys_t *keys, const yaml_node_t *key)
{
    char hint[HINT_MAX];
    const char *near = diagnostics_suggest(key->text, key->length, keys->names);
    const char *elsewhere = find_elsewhere(key);
    if (near) {
        snprintf(hint, sizeof hint, "did you mean %s?", near);
    } else if (elsewhere) {
        snprintf(hint, sizeof hint, "there is %s", elsewhere);
    } else {
        int used = snprintf(hint, sizeof hint, "known here:");
        for (size_t i = 0; i < keys->count && (size_t)used < sizeof hint; i++) {
            used += snprintf(hint + used, sizeof hint - (size_t)used, "%s %s", i == 0 ? "" : ",", keys->names[i]);
        }
    }
    yaml_report(&config->document, DIAGNOSTIC_ERROR, "unknown-key", key, 0, hint, "unknown setting \"%.*s\"%s%s", value_shown(key->length),
                key->text, *keys->path ? " in " : "", strcmp(keys->path, "zones.*") == 0 ? "a zone" : keys->path);
}

static void check_required(config_t *config, const config_keys_t *keys, const yaml_node_t *mapping, const bool *seen)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i]->is_required && !seen[i] && config->document.is_complete) {
            char hint[HINT_MAX];
            snprintf(hint, sizeof hint, "%s: %s", keys->names[i], keys->items[i]->example);
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "missing-key", mapping, 0, hint, "\"%s\" is missing here", keys->names[i]);
        }
    }
}

void config_read_keys(config_t *config, const config_keys_t *keys, const yaml_node_t *mapping, const yaml_node_t **values)
{
    bool seen[CONFIG_KEYS_MAX] = {false};
    for (size_t i = 0; i < keys->count; i++) {
        values[i] = NULL;
    }
    for (const yaml_node_t *key = mapping->first; key; key = key->next ? key->next->next : NULL) {
        const yaml_node_t *name = yaml_follow(&config->document, key);
        if (!name) {
            return;
        }
        if (name->kind != YAML_SCALAR) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", key, 0, NULL, "the name of a setting expected, got %s",
                        yaml_kind_text(name));
            continue;
        }
        size_t i = find_key(keys, name);
        if (i == keys->count) {
            report_unknown_key(config, keys, name);
        } else if (seen[i]) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "duplicate-key", key, 0, NULL, "\"%s\" is given twice", keys->names[i]);
        } else {
            seen[i] = true;
            values[i] = key->next ? yaml_follow(&config->document, key->next) : NULL;
        }
    }
    check_required(config, keys, mapping, seen);
}

/* ---- values ---- */

void config_report(config_t *config, const char *code, const yaml_node_t *node, const value_error_t *error)
{
    yaml_report(&config->document, DIAGNOSTIC_ERROR, code, node, error->at, *error->hint ? error->hint : NULL, "%s", error->message);
}

static void read_section(config_t *config, const config_item_t *item, const yaml_node_t *value);

static void read_scalar(config_t *config, const config_item_t *item, const yaml_node_t *value, void *field)
{
    value_error_t error;
    const value_context_t context = {.arena = &config->settings->arena, .directory = config->directory};
    if (value->kind != YAML_SCALAR) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, NULL, "%s: a single value expected, got %s",
                    config_item_key(item), yaml_kind_text(value));
        return;
    }
    status_t status = value_parse(item, value->text, value->length, &context, field, &error);
    if (status == STATUS_NO_MEMORY) {
        config->out_of_memory = true;
    } else if (status != STATUS_OK) {
        config_report(config, "bad-value", value, &error);
    }
}

/* The resolver's lists and mappings. */
static void read_resolver_parts(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base)
{
    switch (item->type) {
    case CONFIG_PREFIXES:
        config_read_prefixes(config, item, value, base);
        return;
    case CONFIG_SOURCES:
        config_read_sources(config, item, value, base);
        return;
    case CONFIG_SERVERS:
        config_read_servers(config, item, value, base);
        return;
    case CONFIG_FORWARD:
    case CONFIG_STUB:
        config_read_delegates(config, item, value);
        return;
    case CONFIG_LOCAL_DATA:
        config_read_local_data(config, item, value);
        return;
    case CONFIG_HOSTS:
        config_read_hosts(config, item, value);
        return;
    case CONFIG_HINTS:
        config_read_hints(config, item, value);
        return;
    case CONFIG_ANCHORS:
        config_read_anchors(config, item, value);
        return;
    case CONFIG_NEGATIVE:
        config_read_negative(config, item, value);
        return;
    default:
        REQUIRE(false);
    }
}

void config_read_value(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base)
{
    void *field = (char *)base + item->offset;
    switch (item->type) {
    case CONFIG_SECTION:
        read_section(config, item, value);
        return;
    case CONFIG_ZONES:
        config_read_zones(config, value);
        return;
    case CONFIG_LISTEN:
        config_read_listen(config, value);
        return;
    case CONFIG_ADDRESSES:
        config_read_addresses(config, item, value, field);
        return;
    case CONFIG_LATER:
        return;
    default:
        if (item->type < CONFIG_LISTEN) {
            read_scalar(config, item, value, field);
        } else {
            read_resolver_parts(config, item, value, base);
        }
    }
}

/* The pairs of the top or of a section, in the table's order. */
static void read_pairs(config_t *config, const char *path, const yaml_node_t *mapping)
{
    config_keys_t keys;
    const yaml_node_t *values[CONFIG_KEYS_MAX];
    config_keys_init(&keys, path);
    config_read_keys(config, &keys, mapping, values);
    for (size_t i = 0; i < keys.count; i++) {
        if (values[i]) {
            config->given[config_schema_index(keys.items[i])] = values[i];
            config_read_value(config, keys.items[i], values[i], config->settings);
        }
    }
}

static void read_section(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    if (value->kind == YAML_MAPPING) {
        read_pairs(config, item->path, value);
    } else if (value->kind == YAML_SCALAR && item->size > 0) {
        const config_item_t *enabled = config_schema_find(item->path, "enabled", strlen("enabled"));
        config->given[config_schema_index(enabled)] = value;
        read_scalar(config, enabled, value, (char *)config->settings + enabled->offset);
    } else if (value->kind != YAML_NULL) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, NULL, "%s: a mapping expected, got %s", item->path,
                    yaml_kind_text(value));
    }
}

/* Keys of the design that this version does not have yet: refused at the key, before anything else is said of their content. */
static void refuse_later(config_t *config, const yaml_node_t *root)
{
    for (const yaml_node_t *key = root->first; key; key = key->next ? key->next->next : NULL) {
        const config_item_t *item = key->kind == YAML_SCALAR ? config_schema_find("", key->text, key->length) : NULL;
        if (item && item->type == CONFIG_LATER) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "not-supported", key, 0, "leave it out: this version serves zones only",
                        "\"%s\" is not supported by this version", item->path);
        }
    }
}

/* ---- defaults ---- */

static void set_listen_default(config_t *config, const config_item_t *item)
{
    server_settings_t *settings = config->settings;
    const char *text = item->initial;
    size_t maximum = 1;
    for (const char *p = text; *p; p++) {
        maximum += *p == ' ';
    }
    settings->listen = arena_alloc(&settings->arena, maximum * sizeof *settings->listen);
    if (!settings->listen) {
        config->out_of_memory = true;
        return;
    }
    while (*text) {
        size_t length = strcspn(text, " ");
        value_error_t error;
        listen_settings_t *listen = &settings->listen[settings->listen_count++];
        REQUIRE(value_parse_listen(text, length, listen, &error) == STATUS_OK);
        listen->optional = listen->address.sa.sa_family == AF_INET6; /* a system without IPv6 is no error of its operator */
        text += length + strspn(text + length, " ");
    }
}

static void set_default(config_t *config, const config_item_t *item)
{
    value_error_t error;
    const value_context_t context = {.arena = &config->settings->arena, .directory = config->directory};
    switch (item->type) {
    case CONFIG_LISTEN:
        set_listen_default(config, item);
        return;
    case CONFIG_ADDRESSES:
        config_default_addresses(config, item);
        return;
    case CONFIG_PREFIXES:
        config_default_prefix(config, item);
        return;
    case CONFIG_ANCHORS:
        config_read_anchors(config, item, NULL);
        return;
    case CONFIG_HINTS: /* NULL means built in */
        return;
    default: {
        void *field = (char *)config->settings + item->offset;
        status_t status = value_parse(item, item->initial, strlen(item->initial), &context, field, &error);
        REQUIRE(status != STATUS_INVALID);
        config->out_of_memory |= status != STATUS_OK;
    }
    }
}

static void set_defaults(config_t *config)
{
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        REQUIRE(i < CONFIG_ITEMS_MAX);
        if (item->initial && !config->given[i]) {
            set_default(config, item);
        }
    }
}

/* ---- files ---- */

static status_t file_error(diagnostics_t *diagnostics, const char *file, const char *what)
{
    const diagnostic_place_t place = {.file = file};
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, "cannot-read", &place, NULL, "%s", what);
    return STATUS_IO;
}

static status_t read_all(int fd, buffer_t *content)
{
    for (;;) {
        uint8_t *room = buffer_reserve(content, 65536);
        if (!room) {
            return content->status;
        }
        ssize_t n = read(fd, room, 65536);
        if (n == 0) {
            return STATUS_OK;
        }
        if (n < 0 && errno != EINTR) {
            return STATUS_IO;
        }
        content->size += n > 0 ? (size_t)n : 0;
    }
}

static status_t read_file(const char *file, buffer_t *content, diagnostics_t *diagnostics)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return file_error(diagnostics, file, strerror(errno));
    }
    status_t status = read_all(fd, content);
    int error = errno;
    close(fd);
    switch (status) {
    case STATUS_OK:
    case STATUS_NO_MEMORY:
        return status;
    case STATUS_NO_SPACE:
        return file_error(diagnostics, file, "larger than 256 MiB");
    default:
        return file_error(diagnostics, file, strerror(error));
    }
}

/* The absolute directory of a file that exists, malloced; NULL without memory or with errno. */
static char *directory_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (!slash) {
        return realpath(".", NULL);
    }
    char *name = strndup(file, slash == file ? 1 : (size_t)(slash - file));
    char *directory = name ? realpath(name, NULL) : NULL;
    free(name);
    return directory;
}

/* ---- reading ---- */

/* An entry and its number: what is said of other files (root hints, hosts) stays in the order in which they were read, behind this file. */
typedef struct placed {
    diagnostic_t *entry;
    size_t number;
    bool is_elsewhere;
} placed_t;

static int compare_places(const void *a, const void *b)
{
    const placed_t *x = a;
    const placed_t *y = b;
    if (x->is_elsewhere != y->is_elsewhere) {
        return x->is_elsewhere - y->is_elsewhere;
    }
    const diagnostic_place_t *p = &x->entry->place;
    const diagnostic_place_t *q = &y->entry->place;
    if (!x->is_elsewhere && p->line != q->line) {
        return p->line < q->line ? -1 : 1;
    }
    if (!x->is_elsewhere && p->column != q->column) {
        return p->column < q->column ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The checks run in the schema's order; people read from top to bottom. `last` was the last entry before this file's, or NULL. */
static void sort_diagnostics(diagnostics_t *diagnostics, diagnostic_t *last, const char *name)
{
    size_t count = 0;
    diagnostic_t *first = last ? last->next : diagnostics->first;
    for (diagnostic_t *entry = first; entry; entry = entry->next) {
        count++;
    }
    placed_t *entries = count > 1 ? malloc(count * sizeof *entries) : NULL;
    if (!entries) {
        return;
    }
    for (size_t i = 0; i < count; i++, first = first->next) {
        entries[i] = (placed_t){first, i, first->place.file && strcmp(first->place.file, name) != 0};
    }
    qsort(entries, count, sizeof *entries, compare_places);
    for (size_t i = 0; i < count; i++) {
        *(last ? &last->next : &diagnostics->first) = entries[i].entry;
        last = entries[i].entry;
    }
    last->next = NULL;
    diagnostics->last = last;
    free(entries);
}

static status_t make_settings(config_t *config)
{
    const yaml_node_t *root = config->document.root ? yaml_follow(&config->document, config->document.root) : NULL;
    if (root && root->kind == YAML_MAPPING) {
        refuse_later(config, root);
        read_pairs(config, "", root);
    } else if (root && root->kind != YAML_NULL) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", root, 0, "listen: [\"dns://127.0.0.1:53\"]",
                    "settings expected, each as \"name: value\", got %s", yaml_kind_text(root));
    }
    set_defaults(config);
    config_keep_records(config);
    config_check_resolver(config);
    if (config->out_of_memory) {
        return STATUS_NO_MEMORY;
    }
    return config->document.is_complete && config->document.diagnostics->errors == config->errors_before ? STATUS_OK : STATUS_INVALID;
}

status_t config_read(config_t *config, char *text, size_t size, const char *name, const char *directory, diagnostics_t *diagnostics)
{
    *config = (config_t){.text = text, .size = size, .directory = directory, .errors_before = diagnostics->errors};
    diagnostic_t *last = diagnostics->last;
    size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
    status_t status = yaml_read(&config->document, text + mark, size - mark, name, diagnostics);
    config->settings = calloc(1, sizeof *config->settings);
    if (status != STATUS_OK || !config->settings) {
        return STATUS_NO_MEMORY;
    }
    arena_init(&config->settings->arena, SETTINGS_ARENA_CHUNK, SETTINGS_ARENA_MAX);
    trust_anchors_init(&config->settings->own_anchors);
    status = make_settings(config);
    sort_diagnostics(diagnostics, last, name);
    return status;
}

status_t config_read_file(config_t *config, const char *file, diagnostics_t *diagnostics)
{
    *config = (config_t){.settings = NULL};
    if (!file) {
        return config_read(config, NULL, 0, "(defaults)", "/", diagnostics);
    }
    buffer_t content;
    buffer_init(&content, CONFIG_FILE_MAX_BYTES);
    status_t status = read_file(file, &content, diagnostics);
    char *directory = status == STATUS_OK ? directory_of(file) : NULL;
    if (status == STATUS_OK && !directory) {
        status = file_error(diagnostics, file, strerror(errno));
    }
    if (status == STATUS_OK) {
        status = config_read(config, (char *)content.data, content.size, file, directory, diagnostics);
        config->owned_directory = directory;
    } else {
        buffer_clear(&content);
    }
    return status;
}

void config_clear(config_t *config)
{
    yaml_clear(&config->document);
    server_settings_free(config->settings);
    free(config->zone_nodes);
    free(config->records.items);
    free(config->text);
    free(config->owned_directory);
    *config = (config_t){.settings = NULL};
}

status_t config_load(const char *file, server_settings_t **settings, diagnostics_t *diagnostics)
{
    config_t config;
    *settings = NULL;
    status_t status = config_read_file(&config, file, diagnostics);
    if (status == STATUS_OK) {
        *settings = config.settings;
        config.settings = NULL;
    }
    config_clear(&config);
    return status;
}

status_t config_load_text(const char *text, size_t size, const char *name, const char *directory, server_settings_t **settings,
                          diagnostics_t *diagnostics)
{
    config_t config;
    *settings = NULL;
    if (size > CONFIG_FILE_MAX_BYTES) {
        return file_error(diagnostics, name, "larger than 256 MiB");
    }
    char *copy = malloc(size > 0 ? size : 1);
    if (!copy) {
        return STATUS_NO_MEMORY;
    }
    memcpy(copy, text ? text : "", size);
    status_t status = config_read(&config, copy, size, name, directory, diagnostics);
    if (status == STATUS_OK) {
        *settings = config.settings;
        config.settings = NULL;
    }
    config_clear(&config);
    return status;
}
