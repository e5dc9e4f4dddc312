/* Where resolution begins and what it trusts: root hints, trust anchors, negative trust anchors. */
#include "control/config_tree.h"

#include "base/require.h"
#include "resolver/hints.h"
#include "wire/message.h"
#include "wire/rrtype.h"
#include "zone/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HINTS_FILE_MAX = 1 << 20, ANCHORS_FILE_MAX = 1 << 20, NEGATIVE_MAX = 10000 };

static bool is_word(const yaml_node_t *node, const char *word)
{
    return node->kind == YAML_SCALAR && node->length == strlen(word) && memcmp(node->text, word, node->length) == 0;
}

/* ---- root hints ---- */

void config_read_hints(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    if (value->kind != YAML_SCALAR) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, NULL, "%s: the path of a file expected, got %s",
                    config_item_key(item), yaml_kind_text(value));
        return;
    }
    if (is_word(value, item->none)) {
        return;
    }
    const char *path = config_read_path(config, item, value);
    hints_t *hints = arena_alloc(&config->settings->arena, sizeof *hints);
    buffer_t content;
    config->out_of_memory |= hints == NULL;
    if (!path || !hints || !config_read_content(config, value, path, HINTS_FILE_MAX, &content)) {
        if (path && hints) {
            buffer_clear(&content);
        }
        return;
    }
    status_t status = hints_parse(hints, buffer_text(&content), content.size, path, config->document.diagnostics);
    buffer_clear(&content);
    config->out_of_memory |= status == STATUS_NO_MEMORY;
    if (status == STATUS_NOT_FOUND) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "no-servers", value, 0,
                    ". 3600000 NS a.example.  and  a.example. 3600000 A 192.0.2.1", "%s names no server of the root that has an address",
                    path);
    }
    config->settings->recursion.resolver.hints = hints;
}

/* ---- trust anchors ---- */

typedef struct anchor_reading {
    trust_anchors_t *anchors;
    diagnostics_t *diagnostics;
    size_t count;
} anchor_reading_t;

static status_t take_anchor(void *context, const zone_record_t *record)
{
    anchor_reading_t *reading = context;
    status_t status = STATUS_INVALID;
    const char *what = "a trust anchor is a DS or a DNSKEY record";
    reading->count++;
    if (record->type == TYPE_DS || record->type == TYPE_DNSKEY) {
        status = trust_anchors_add(reading->anchors, record->owner, record->type, record->rdata, record->rdlength);
        what = status == STATUS_INVALID ? "this DNSKEY is no zone key, or is revoked"
               : status == STATUS_LIMIT ? "too many trust anchors for this name"
                                        : status_text(status);
    }
    if (status == STATUS_OK || status == STATUS_NO_MEMORY) {
        return status;
    }
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, "bad-trust-anchor", record->place, NULL, "%s", what);
    return STATUS_INVALID;
}

static status_t parse_anchors(anchor_reading_t *reading, const char *text, size_t length, const char *file)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    const zone_parser_settings_t settings = {
        .origin = root,
        .rrclass = CLASS_IN,
        .file = file,
        .diagnostics = reading->diagnostics,
        .ttl_is_optional = true,
        .record = take_anchor,
        .context = reading,
    };
    return zone_parse_text(&settings, text, length);
}

/* OWNER ... DS|DNSKEY ...: no path has such a word between blanks. */
bool config_is_anchor_record(const yaml_node_t *node)
{
    static const char *const words[] = {" DS ", " DNSKEY ", " ds ", " dnskey "};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (memmem(node->text, node->length, words[i], strlen(words[i]))) {
            return true;
        }
    }
    return false;
}

static void read_anchor_record(config_t *config, const yaml_node_t *node)
{
    diagnostics_t findings;
    diagnostics_init(&findings, 0);
    anchor_reading_t reading = {&config->settings->own_anchors, &findings, 0};
    config->out_of_memory |= parse_anchors(&reading, node->text, node->length, config->document.name) == STATUS_NO_MEMORY;
    config_relay(config, node, &findings);
}

static void read_anchor_file(config_t *config, const config_item_t *item, const yaml_node_t *node)
{
    buffer_t content;
    const char *path = config_read_path(config, item, node);
    if (!path) {
        return;
    }
    if (config_read_content(config, node, path, ANCHORS_FILE_MAX, &content)) {
        anchor_reading_t reading = {&config->settings->own_anchors, config->document.diagnostics, 0};
        status_t status = parse_anchors(&reading, buffer_text(&content), content.size, path);
        config->out_of_memory |= status == STATUS_NO_MEMORY;
        if (status == STATUS_OK && reading.count == 0) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "no-trust-anchor", node, 0, NULL, "%s has no DS or DNSKEY record", path);
        }
    }
    buffer_clear(&content);
}

void config_read_anchors(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    server_settings_t *settings = config->settings;
    if (value && (is_word(value, item->none) || (value->kind == YAML_SEQUENCE && value->children == 0))) {
        return;
    }
    settings->recursion.anchors = &settings->own_anchors;
    if (!value) {
        config->out_of_memory |= trust_anchors_add_root(&settings->own_anchors) != STATUS_OK;
        return;
    }
    for (const yaml_node_t *node = config_list_first(config, item, value); node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        if (!entry) {
            continue;
        }
        if (is_word(entry, item->initial)) {
            config->out_of_memory |= trust_anchors_add_root(&settings->own_anchors) != STATUS_OK;
        } else if (is_word(entry, item->none)) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", entry, 0, NULL, "none stands alone");
        } else if (config_is_anchor_record(entry)) {
            read_anchor_record(config, entry);
        } else {
            read_anchor_file(config, item, entry);
        }
    }
}

/* ---- negative trust anchors ---- */

/* none, a time, or a duration from now. False: reported. */
static bool read_end(config_t *config, const yaml_node_t *value, uint64_t now_s, uint64_t *until_s)
{
    value_error_t error;
    *until_s = 0;
    if (is_word(value, "none")) {
        return true;
    }
    if (value->kind != YAML_SCALAR) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, NULL, "a time, a duration or none expected, got %s",
                    yaml_kind_text(value));
        return false;
    }
    bool is_time = value->length > 4 && value->text[4] == '-';
    uint64_t number = 0;
    status_t status = is_time ? value_parse_time(value->text, value->length, &number, &error)
                              : value_parse_seconds(value->text, value->length, &number, &error);
    if (status == STATUS_OK && !is_time && (number == 0 || number > UINT32_MAX)) {
        status = value_invalid(&error, 0, "a duration of at least 1s and less than 100 years expected");
    }
    if (status != STATUS_OK) {
        if (!is_time) {
            snprintf(error.hint, sizeof error.hint, "7d, 2026-09-01T00:00:00Z or none");
        }
        config_report(config, "bad-value", value, &error);
        return false;
    }
    *until_s = is_time ? number : now_s + number;
    if (is_time && number <= now_s) {
        yaml_report(&config->document, DIAGNOSTIC_WARNING, "in-the-past", value, 0, "take it out",
                    "this time has passed: the name is validated");
    }
    return true;
}

static int compare_negative(const void *a, const void *b)
{
    return name_compare(((const negative_anchor_t *)a)->name.wire, ((const negative_anchor_t *)b)->name.wire);
}

static void read_negative(config_t *config, const yaml_node_t *key, const yaml_node_t *value, negative_anchor_t *anchors, size_t *count)
{
    const yaml_node_t *name = config_list_entry(config, key);
    negative_anchor_t *anchor = &anchors[*count];
    if (!name || !config_read_name(config, name, "bad-name", &anchor->name)) {
        return;
    }
    if (value && !read_end(config, value, (uint64_t)time(NULL), &anchor->until_s)) {
        return;
    }
    for (size_t i = 0; i < *count; i++) {
        if (compare_negative(anchor, &anchors[i]) == 0) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "duplicate-name", key, 0, NULL, "\"%.*s\" stands here already",
                        value_shown(name->length), name->text);
            return;
        }
    }
    ++*count;
}

void config_read_negative(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    if (value->kind == YAML_NULL) {
        return;
    }
    size_t maximum = value->kind == YAML_SCALAR ? 1 : value->children;
    if (maximum > 2 * NEGATIVE_MAX) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", value, 0, NULL, "%s: more than %d names", config_item_key(item),
                    NEGATIVE_MAX);
        return;
    }
    negative_anchor_t *anchors = arena_alloc(&config->settings->arena, (maximum + 1) * sizeof *anchors);
    size_t count = 0;
    if (!anchors) {
        config->out_of_memory = true;
        return;
    }
    memset(anchors, 0, (maximum + 1) * sizeof *anchors);
    if (value->kind == YAML_MAPPING) {
        for (const yaml_node_t *key = value->first; key && key->next; key = key->next->next) {
            const yaml_node_t *end = yaml_follow(&config->document, key->next);
            if (end) {
                read_negative(config, key, end, anchors, &count);
            }
        }
    } else {
        for (const yaml_node_t *node = config_list_first(config, item, value); node; node = config_list_next(value, node)) {
            read_negative(config, node, NULL, anchors, &count);
        }
    }
    config_store_array(item, config->settings, anchors, count);
}
