/* The lists and mappings of the configuration: listeners, zones, addresses. */
#include "control/config_tree.h"

#include "base/require.h"
#include "base/siphash.h"
#include "net/address.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTENERS_MAX = 1024, ADDRESSES_MAX = 100 * 1000 };

/* A single value where a list may stand counts as a list of one: the first node, or NULL with a report. */
const yaml_node_t *config_list_first(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    if (value->kind == YAML_SEQUENCE) {
        return value->first;
    }
    if (value->kind == YAML_SCALAR) {
        return value;
    }
    yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, NULL, "%s: a list expected, got %s", config_item_key(item),
                yaml_kind_text(value));
    return NULL;
}

const yaml_node_t *config_list_next(const yaml_node_t *list, const yaml_node_t *node)
{
    return list->kind == YAML_SEQUENCE ? node->next : NULL;
}

/* The single value of a list's entry, or NULL with a report. */
const yaml_node_t *config_list_entry(config_t *config, const yaml_node_t *node)
{
    const yaml_node_t *entry = yaml_follow(&config->document, node);
    if (entry && entry->kind != YAML_SCALAR) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", node, 0, NULL, "a single value expected, got %s",
                    yaml_kind_text(entry));
        return NULL;
    }
    return entry;
}

/* ---- listen ---- */

/* Would the system not give both? A wildcard address takes its port on all addresses of its family. */
static bool listeners_overlap(const listen_settings_t *a, const listen_settings_t *b)
{
    return a->protocol == b->protocol && a->address.sa.sa_family == b->address.sa.sa_family &&
           net_address_port(&a->address) == net_address_port(&b->address) &&
           (net_address_is_wildcard(&a->address) || net_address_is_wildcard(&b->address) || net_address_equal(&a->address, &b->address));
}

static void read_listener(config_t *config, const yaml_node_t *entry)
{
    server_settings_t *settings = config->settings;
    listen_settings_t *listen = &settings->listen[settings->listen_count];
    value_error_t error;
    status_t status = value_parse_listen(entry->text, entry->length, listen, &error);
    if (status != STATUS_OK) {
        config_report(config, status == STATUS_UNSUPPORTED ? "not-supported" : "bad-value", entry, &error);
        return;
    }
    for (size_t i = 0; i < settings->listen_count; i++) {
        const net_address_t *other = &settings->listen[i].address;
        if (listeners_overlap(listen, &settings->listen[i])) {
            char text[NET_ADDRESS_TEXT_MAX];
            bool same = net_address_equal(&listen->address, other);
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "duplicate-listener", entry, 0, NULL,
                        same ? "the same listener stands above" : "this overlaps with %s above: a wildcard takes all addresses of its port",
                        net_address_text(other, text));
            return;
        }
    }
    settings->listen_count++;
}

void config_read_listen(config_t *config, const yaml_node_t *value)
{
    const config_item_t *item = config_schema_find("", "listen", strlen("listen"));
    server_settings_t *settings = config->settings;
    size_t maximum = value->kind == YAML_SEQUENCE ? value->children : 1;
    if (maximum == 0 || maximum > LISTENERS_MAX) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", value, 0, NULL, "listen: from 1 to %d listeners are possible",
                    LISTENERS_MAX);
        return;
    }
    settings->listen = arena_alloc(&settings->arena, maximum * sizeof *settings->listen);
    if (!settings->listen) {
        config->out_of_memory = true;
        return;
    }
    for (const yaml_node_t *node = config_list_first(config, item, value); node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        if (entry) {
            read_listener(config, entry);
        }
    }
}

/* ---- addresses ---- */

static void report_address(config_t *config, const yaml_node_t *entry, status_t status)
{
    bool host_bits = status == STATUS_INVALID;
    yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-address", entry, 0,
                host_bits ? "clear the bits behind the prefix length"
                          : "an address, a prefix such as 192.0.2.0/24, loopback, private, linklocal, any or none",
                host_bits ? "\"%.*s\" has bits set behind its prefix length" : "not an address or prefix: \"%.*s\"",
                value_shown(entry->length), entry->text);
}

/* The bucket's place where the list of this text is, or would be put. */
static config_list_t **find_list(config_t *config, const char *text, size_t length)
{
    static const siphash_key_t key = {0, 0}; /* not keyed: who writes the file may slow down its reading */
    config_list_t **place = &config->lists[siphash(&key, text, length) % CONFIG_LIST_BUCKETS];
    while (*place && ((*place)->length != length || memcmp((*place)->text, text, length) != 0)) {
        place = &(*place)->next;
    }
    return place;
}

/* A new access list, owned by the settings. NULL without memory. */
static acl_t *add_list(server_settings_t *settings)
{
    access_list_t *list = arena_alloc(&settings->arena, sizeof *list);
    acl_t *acl = list ? acl_new() : NULL;
    if (acl) {
        *list = (access_list_t){.next = settings->access_lists, .acl = acl};
        settings->access_lists = list;
    }
    return acl;
}

/* The access list of these entries, made if there is none like it yet. */
static const acl_t *make_list(config_t *config, const yaml_node_t *value, const yaml_node_t *first, const buffer_t *text)
{
    arena_t *arena = &config->document.arena;
    if (!config->lists) {
        config->lists = arena_alloc(arena, CONFIG_LIST_BUCKETS * sizeof(config_list_t *));
        if (!config->lists) {
            return NULL;
        }
        memset((void *)config->lists, 0, CONFIG_LIST_BUCKETS * sizeof(config_list_t *));
    }
    config_list_t **place = find_list(config, (const char *)text->data, text->size);
    if (*place) {
        return (*place)->acl;
    }
    acl_t *acl = add_list(config->settings);
    bool good = acl != NULL;
    for (const yaml_node_t *node = first; acl && node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = yaml_follow(&config->document, node);
        if (!entry || entry->kind != YAML_SCALAR) { /* reported already */
            good = false;
            continue;
        }
        status_t status = acl_add(acl, entry->text, entry->length);
        if (status == STATUS_NO_MEMORY) {
            return NULL;
        }
        if (status != STATUS_OK) {
            report_address(config, entry, status);
            good = false;
        }
    }
    config_list_t *list = good ? arena_alloc(arena, sizeof *list) : NULL;
    if (list) { /* lists with errors are not remembered: each place gets its reports */
        *list = (config_list_t){.text = arena_strndup(arena, (const char *)text->data, text->size), .length = text->size, .acl = acl};
        *place = list->text ? list : NULL;
    }
    return acl;
}

void config_default_addresses(config_t *config, const config_item_t *item)
{
    acl_t *acl = add_list(config->settings);
    const char *text = item->initial;
    while (acl && *text) {
        size_t length = strcspn(text, " ");
        config->out_of_memory |= acl_add(acl, text, length) != STATUS_OK;
        text += length + strspn(text + length, " ");
    }
    config->out_of_memory |= acl == NULL;
    memcpy((char *)config->settings + item->offset, &(const acl_t *){acl}, sizeof(const acl_t *));
}

void config_read_addresses(config_t *config, const config_item_t *item, const yaml_node_t *value, void *field)
{
    if (value->kind == YAML_SEQUENCE && value->children > ADDRESSES_MAX) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", value, 0, NULL, "%s: more than %d entries", config_item_key(item),
                    ADDRESSES_MAX);
        return;
    }
    buffer_t text;
    buffer_init(&text, SIZE_MAX / 2);
    const yaml_node_t *first = config_list_first(config, item, value);
    for (const yaml_node_t *node = first; node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        if (entry) {
            buffer_append_byte(&text, '\n');
            buffer_append(&text, entry->text, entry->length);
        }
    }
    if (first) {
        const acl_t *acl = text.status == STATUS_OK ? make_list(config, value, first, &text) : NULL;
        config->out_of_memory |= acl == NULL;
        memcpy(field, &acl, sizeof acl);
    }
    buffer_clear(&text);
}

/* ---- zones ---- */

/* Zones as they stand in the file, before they are sorted. */
typedef struct zone_list {
    zone_settings_t *zones;
    const yaml_node_t **keys;
    const yaml_node_t **nodes;
    uint32_t *table; /* open addressing: index + 1 of a zone, by the hash of its name */
    size_t table_mask;
    size_t count;
} zone_list_t;

static void report_name(config_t *config, const yaml_node_t *key, const char *code, status_t status, size_t at)
{
    const char *what = status == STATUS_LIMIT ? "a label of a name has at most 63 bytes, a name 255" : "not a domain name";
    yaml_report(&config->document, DIAGNOSTIC_ERROR, code, key, at, NULL, "%s: \"%.*s\"", what, value_shown(key->length), key->text);
}

bool config_read_name(config_t *config, const yaml_node_t *key, const char *code, name_t *name)
{
    static const uint8_t root[NAME_PADDING] = {0};
    for (size_t i = 0; i < key->length; i++) {
        if ((unsigned char)key->text[i] <= ' ' || (unsigned char)key->text[i] >= 0x7f) {
            bool international = (unsigned char)key->text[i] >= 0x80;
            yaml_report(&config->document, DIAGNOSTIC_ERROR, code, key, i,
                        international ? "write an international name in its ASCII form, xn--..." : NULL,
                        "this character may not stand in a domain name");
            return false;
        }
    }
    size_t at = 0;
    bool is_origin = key->length == 1 && key->text[0] == '@';
    status_t status = is_origin || key->length == 0 ? STATUS_MALFORMED : name_from_text(name, key->text, key->length, root, &at);
    if (status != STATUS_OK) {
        report_name(config, key, code, status, at);
        return false;
    }
    name_lower(name->wire, name->length);
    return true;
}

/* The zone of that name already in the list, or NULL after having entered the one at the end of the list. */
static const yaml_node_t *enter_zone(zone_list_t *list)
{
    const zone_settings_t *zone = &list->zones[list->count];
    for (size_t i = name_hash(zone->name.wire) & list->table_mask;; i = (i + 1) & list->table_mask) {
        uint32_t entry = list->table[i];
        if (entry == 0) {
            list->table[i] = (uint32_t)list->count + 1;
            return NULL;
        }
        const name_t *other = &list->zones[entry - 1].name;
        if (other->length == zone->name.length && memcmp(other->wire, zone->name.wire, other->length) == 0) {
            return list->keys[entry - 1];
        }
    }
}

/* A zone's settings; the keys are the same for all zones. */
static void read_zone(config_t *config, const config_keys_t *keys, const yaml_node_t *value, zone_settings_t *zone)
{
    const yaml_node_t *values[CONFIG_KEYS_MAX];
    if (value->kind != YAML_MAPPING) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, "example.com: { file: example.com.zone }",
                    "the settings of a zone expected, got %s", yaml_kind_text(value));
        return;
    }
    config_read_keys(config, keys, value, values);
    for (size_t i = 0; i < keys->count; i++) {
        if (values[i]) {
            config_read_value(config, keys->items[i], values[i], zone);
        }
    }
}

static void read_zone_pairs(config_t *config, zone_list_t *list, const yaml_node_t *mapping)
{
    config_keys_t keys;
    config_keys_init(&keys, "zones.*");
    for (const yaml_node_t *key = mapping->first; key && key->next; key = key->next->next) {
        const yaml_node_t *name = yaml_follow(&config->document, key);
        const yaml_node_t *value = yaml_follow(&config->document, key->next);
        if (!name || !value) {
            return;
        }
        if (name->kind != YAML_SCALAR) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", key, 0, NULL, "the name of a zone expected, got %s",
                        yaml_kind_text(name));
            continue;
        }
        zone_settings_t *zone = &list->zones[list->count];
        *zone = (zone_settings_t){.file = NULL};
        bool named = config_read_name(config, name, "bad-zone-name", &zone->name);
        const yaml_node_t *first = named ? enter_zone(list) : NULL;
        if (first) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "duplicate-zone", key, 0, NULL, "zone \"%.*s\" stands already in line %u",
                        value_shown(name->length), name->text, first->line);
        }
        read_zone(config, &keys, value, zone);
        if (named && !first) {
            list->keys[list->count] = key;
            list->nodes[list->count] = value;
            list->count++;
        }
    }
}

/* A zone's place in canonical order: its labels from the root down, each ended by a zero, so that memcmp() orders as RFC 4034 6.1 does.
 * Bytes 0 and 1 inside a label are escaped. Comparing names label by label took a third of the whole load of 100,000 zones. */
typedef struct zone_order {
    const uint8_t *key;
    uint32_t length;
    uint32_t index;
} zone_order_t;

static int compare_order(const void *a, const void *b)
{
    const zone_order_t *x = a;
    const zone_order_t *y = b;
    int difference = memcmp(x->key, y->key, x->length < y->length ? x->length : y->length);
    return difference != 0 ? difference : (x->length > y->length) - (x->length < y->length);
}

static bool make_order(zone_order_t *order, uint32_t index, const name_t *name, arena_t *arena)
{
    uint8_t key[2 * NAME_WIRE_MAX];
    size_t size = 0;
    for (unsigned labels = 1; labels <= name->labels; labels++) {
        const uint8_t *label = name_suffix(name->wire, labels);
        for (unsigned i = 1; i <= label[0]; i++) {
            if (label[i] <= 1) {
                key[size++] = 1;
            }
            key[size++] = label[i] <= 1 ? (uint8_t)(label[i] + 1) : label[i];
        }
        key[size++] = 0;
    }
    uint8_t *copy = arena_alloc(arena, size + 1);
    if (!copy) {
        return false;
    }
    memcpy(copy, key, size);
    *order = (zone_order_t){.key = copy, .length = (uint32_t)size, .index = index};
    return true;
}

/* Puts the list into the settings in canonical order. */
static bool keep_zones(config_t *config, const zone_list_t *list)
{
    server_settings_t *settings = config->settings;
    zone_order_t *order = calloc(list->count + 1, sizeof *order);
    config->zone_nodes = calloc(list->count + 1, sizeof *config->zone_nodes);
    settings->zones = arena_alloc(&settings->arena, (list->count + 1) * sizeof *settings->zones);
    bool good = order && config->zone_nodes && settings->zones;
    for (size_t i = 0; good && i < list->count; i++) {
        good = make_order(&order[i], (uint32_t)i, &list->zones[i].name, &config->document.arena);
    }
    if (good) {
        qsort(order, list->count, sizeof *order, compare_order);
    }
    for (size_t i = 0; good && i < list->count; i++) {
        settings->zones[i] = list->zones[order[i].index];
        config->zone_nodes[i] = list->nodes[order[i].index];
    }
    settings->zone_count = good ? list->count : 0;
    free(order);
    return good;
}

void config_read_zones(config_t *config, const yaml_node_t *value)
{
    if (value->kind == YAML_NULL) {
        return;
    }
    size_t maximum = value->children / 2 + 1;
    if (value->kind != YAML_MAPPING || maximum > CONFIG_ZONES_MAX) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, "example.com: { file: example.com.zone }",
                    value->kind == YAML_MAPPING ? "zones: more than 10,000,000 zones%s" : "zones: a mapping expected, got %s",
                    value->kind == YAML_MAPPING ? "" : yaml_kind_text(value));
        return;
    }
    size_t table_size = 16;
    while (table_size < maximum * 2) {
        table_size *= 2;
    }
    zone_list_t list = {.table_mask = table_size - 1};
    list.zones = malloc(maximum * sizeof *list.zones);
    list.keys = calloc(maximum, sizeof *list.keys);
    list.nodes = calloc(maximum, sizeof *list.nodes);
    list.table = calloc(table_size, sizeof *list.table);
    if (list.zones && list.keys && list.nodes && list.table) {
        read_zone_pairs(config, &list, value);
        config->out_of_memory |= !keep_zones(config, &list);
    } else {
        config->out_of_memory = true;
    }
    free(list.zones);
    free(list.keys);
    free(list.nodes);
    free(list.table);
}
