/* The settings of a file in normal form, as YAML or JSON. */
#include "control/config_show.h"

#include "base/require.h"

#include <string.h>

static void show_field(show_t *show, const config_item_t *item, const void *base)
{
    const void *field = (const char *)base + item->offset;
    buffer_t text;
    buffer_init(&text, 65536);
    value_print(item, field, &text);
    emit_key(show->emitter, config_item_key(item));
    switch (item->type) {
    case CONFIG_BOOLEAN:
        emit_boolean(show->emitter, *(const bool *)field);
        break;
    case CONFIG_INTEGER:
    case CONFIG_SIZE:
        emit_number_text(show->emitter, buffer_text(&text));
        break;
    default:
        emit_text(show->emitter, buffer_text(&text));
    }
    buffer_clear(&text);
}

static void show_listen(show_t *show)
{
    const server_settings_t *settings = show->config->settings;
    emit_key(show->emitter, "listen");
    emit_open(show->emitter, EMIT_LIST);
    for (size_t i = 0; i < settings->listen_count; i++) {
        buffer_t text;
        buffer_init(&text, 256);
        value_print_listen(&settings->listen[i], &text);
        emit_text(show->emitter, buffer_text(&text));
        buffer_clear(&text);
    }
    emit_close(show->emitter);
}

/* The entries as written: an access list does not remember them. */
static void show_addresses(show_t *show, const config_item_t *item, const yaml_node_t *value)
{
    yaml_document_t *document = &show->config->document;
    if (!value && !show->effective) {
        return;
    }
    emit_key(show->emitter, config_item_key(item));
    emit_open(show->emitter, EMIT_LIST);
    const yaml_node_t *first = value && value->kind == YAML_SEQUENCE ? value->first : value;
    for (const yaml_node_t *node = first; node; node = node == value ? NULL : node->next) {
        const yaml_node_t *entry = yaml_follow(document, node);
        if (entry) {
            emit_text_n(show->emitter, entry->text, entry->length);
        }
    }
    for (const char *text = value || !item->initial ? "" : item->initial; *text;) {
        size_t length = strcspn(text, " ");
        emit_text_n(show->emitter, text, length);
        text += length + strspn(text + length, " ");
    }
    emit_close(show->emitter);
}

static void show_zone(show_t *show, const config_keys_t *keys, const zone_settings_t *zone, const yaml_node_t *node)
{
    char name[NAME_TEXT_MAX];
    const yaml_node_t *values[CONFIG_KEYS_MAX];
    name_to_text(zone->name.wire, name);
    config_read_keys(show->config, keys, node, values);
    emit_key(show->emitter, name);
    emit_open(show->emitter, EMIT_MAP);
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->items[i]->type == CONFIG_ADDRESSES) {
            show_addresses(show, keys->items[i], values[i]);
        } else if (values[i] || show->effective) {
            show_field(show, keys->items[i], zone);
        }
    }
    emit_close(show->emitter);
}

static void show_zones(show_t *show)
{
    config_keys_t keys;
    config_keys_init(&keys, "zones.*");
    const server_settings_t *settings = show->config->settings;
    emit_key(show->emitter, "zones");
    emit_open(show->emitter, EMIT_MAP);
    for (size_t i = 0; i < settings->zone_count; i++) {
        show_zone(show, &keys, &settings->zones[i], show->config->zone_nodes[i]);
    }
    emit_close(show->emitter);
}

static void show_section(show_t *show, const char *path)
{
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        bool wanted = show->effective || show->config->given[i];
        if (!wanted || !config_item_is_below(item, path) || item->type == CONFIG_LATER) {
            continue;
        }
        switch (item->type) {
        case CONFIG_LISTEN:
            show_listen(show);
            break;
        case CONFIG_ZONES:
            show_zones(show);
            break;
        case CONFIG_SECTION:
            emit_key(show->emitter, config_item_key(item));
            emit_open(show->emitter, EMIT_MAP);
            show_section(show, item->path);
            emit_close(show->emitter);
            break;
        case CONFIG_ADDRESSES:
            show_addresses(show, item, show->config->given[i]);
            break;
        case CONFIG_PREFIXES:
        case CONFIG_SOURCES:
        case CONFIG_SERVERS:
        case CONFIG_FORWARD:
        case CONFIG_STUB:
        case CONFIG_LOCAL_DATA:
        case CONFIG_HOSTS:
        case CONFIG_HINTS:
        case CONFIG_ANCHORS:
        case CONFIG_NEGATIVE:
            show_resolver_item(show, item, show->config->given[i]);
            break;
        default:
            show_field(show, item, show->config->settings);
        }
    }
}

status_t config_show(const char *file, bool effective, config_format_t format, buffer_t *out, diagnostics_t *diagnostics)
{
    config_t config;
    status_t status = config_read_file(&config, file, diagnostics);
    emitter_t *emitter = status == STATUS_OK ? emitter_new(format == CONFIG_JSON ? EMIT_JSON : EMIT_YAML) : NULL;
    if (emitter) {
        show_t show = {.config = &config, .emitter = emitter, .effective = effective};
        emit_open(emitter, EMIT_MAP);
        show_section(&show, "");
        emit_close(emitter);
        status = emitter_finish(emitter, out);
    } else if (status == STATUS_OK) {
        status = STATUS_NO_MEMORY;
    }
    config_clear(&config);
    return status;
}
