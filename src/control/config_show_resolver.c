/* The resolver's lists and mappings in normal form. */
#include "control/config_show.h"

#include <string.h>

static void emit_buffer(show_t *show, buffer_t *text)
{
    emit_text(show->emitter, buffer_text(text));
    buffer_clear(text);
}

/* ---- arrays ---- */

static void show_prefixes(show_t *show, const config_item_t *item, const void *base)
{
    const resolver_prefix_t *prefixes;
    size_t count;
    memcpy(&prefixes, (const char *)base + item->offset, sizeof prefixes);
    memcpy(&count, (const char *)base + item->count, sizeof count);
    emit_open(show->emitter, EMIT_LIST);
    for (size_t i = 0; i < count; i++) {
        buffer_t text;
        buffer_init(&text, 256);
        value_print_prefix(&prefixes[i], &text);
        emit_buffer(show, &text);
    }
    emit_close(show->emitter);
}

static void show_sources(show_t *show)
{
    const recursion_settings_t *recursion = &show->config->settings->recursion;
    emit_open(show->emitter, EMIT_LIST);
    for (size_t i = 0; i < recursion->source_count; i++) {
        buffer_t text;
        buffer_init(&text, 256);
        value_print_source(&recursion->sources[i], &text);
        emit_buffer(show, &text);
    }
    emit_close(show->emitter);
}

static void show_servers(show_t *show, const resolver_address_t *servers, size_t count)
{
    emit_open(show->emitter, EMIT_LIST);
    for (size_t i = 0; i < count; i++) {
        buffer_t text;
        buffer_init(&text, 256);
        value_print_server(&servers[i], &text);
        emit_buffer(show, &text);
    }
    emit_close(show->emitter);
}

static void show_delegates(show_t *show, resolver_zone_kind_t kind)
{
    const resolver_settings_t *resolver = &show->config->settings->recursion.resolver;
    emit_open(show->emitter, EMIT_MAP);
    for (size_t i = 0; i < resolver->zone_count; i++) {
        const resolver_zone_t *zone = &resolver->zones[i];
        char name[NAME_TEXT_MAX];
        if (zone->kind != kind) {
            continue;
        }
        name_to_text(zone->zone.wire, name);
        emit_key(show->emitter, name);
        if (zone->fallback) {
            emit_open(show->emitter, EMIT_MAP);
            emit_key(show->emitter, "addresses");
        }
        show_servers(show, zone->addresses, zone->address_count);
        if (zone->fallback) {
            emit_key(show->emitter, "fallback");
            emit_boolean(show->emitter, true);
            emit_close(show->emitter);
        }
    }
    emit_close(show->emitter);
}

/* ---- as written ---- */

/* A path as the settings would have it; other texts as they are. */
static void show_path(show_t *show, const config_item_t *item, const yaml_node_t *node, bool is_path)
{
    const char *path = is_path ? config_read_path(show->config, item, node) : NULL;
    if (path) {
        emit_text(show->emitter, path);
    } else {
        emit_text_n(show->emitter, node->text, node->length);
    }
}

static bool is_word(const yaml_node_t *node, const char *word)
{
    return word && node->length == strlen(word) && memcmp(node->text, word, node->length) == 0;
}

static void show_paths(show_t *show, const config_item_t *item, const yaml_node_t *value)
{
    bool is_none = value && value->kind == YAML_SCALAR && is_word(value, item->none);
    emit_open(show->emitter, EMIT_LIST);
    for (const yaml_node_t *node = value && !is_none ? config_list_first(show->config, item, value) : NULL; node;
         node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(show->config, node);
        if (entry) {
            bool is_path = item->type == CONFIG_HOSTS || (!is_word(entry, item->initial) && !config_is_anchor_record(entry));
            show_path(show, item, entry, is_path);
        }
    }
    if (!value && item->initial) {
        emit_text(show->emitter, item->initial);
    }
    emit_close(show->emitter);
}

/* A tree of texts as it stands in the file, aliases followed. */
static void show_node(show_t *show, const yaml_node_t *node)
{
    node = yaml_follow(&show->config->document, node);
    if (!node || node->kind == YAML_SCALAR || node->kind == YAML_NULL) {
        emit_text_n(show->emitter, node && node->text ? node->text : "", node ? node->length : 0);
        return;
    }
    bool is_map = node->kind == YAML_MAPPING;
    emit_open(show->emitter, is_map ? EMIT_MAP : EMIT_LIST);
    for (const yaml_node_t *child = node->first; child; child = child->next) {
        const yaml_node_t *key = is_map ? yaml_follow(&show->config->document, child) : NULL;
        char name[NAME_TEXT_MAX + 1];
        if (is_map && (!key || !child->next || key->length >= sizeof name)) {
            break;
        }
        if (is_map) {
            memcpy(name, key->text, key->length);
            name[key->length] = 0;
            emit_key(show->emitter, name);
            child = child->next;
        }
        show_node(show, child);
    }
    emit_close(show->emitter);
}

void show_resolver_item(show_t *show, const config_item_t *item, const yaml_node_t *value)
{
    const recursion_settings_t *recursion = &show->config->settings->recursion;
    emit_key(show->emitter, config_item_key(item));
    switch (item->type) {
    case CONFIG_PREFIXES:
        show_prefixes(show, item, show->config->settings);
        return;
    case CONFIG_SOURCES:
        show_sources(show);
        return;
    case CONFIG_SERVERS:
        if (recursion->root_primary_count > 0) {
            show_servers(show, recursion->root_primaries, recursion->root_primary_count);
        } else {
            emit_text(show->emitter, item->none);
        }
        return;
    case CONFIG_FORWARD:
    case CONFIG_STUB:
        show_delegates(show, item->type == CONFIG_FORWARD ? RESOLVER_FORWARD : RESOLVER_STUB);
        return;
    case CONFIG_HINTS:
        if (value && recursion->resolver.hints) {
            show_path(show, item, value, true);
        } else {
            emit_text(show->emitter, item->none);
        }
        return;
    case CONFIG_ANCHORS:
        if (!recursion->anchors) {
            emit_text(show->emitter, item->none);
            return;
        }
        show_paths(show, item, value);
        return;
    case CONFIG_HOSTS:
        show_paths(show, item, value);
        return;
    default: /* CONFIG_LOCAL_DATA, CONFIG_NEGATIVE */
        if (value && value->kind != YAML_NULL) {
            show_node(show, value);
        } else {
            emit_open(show->emitter, EMIT_MAP);
            emit_close(show->emitter);
        }
    }
}
