/* What is answered locally: local-data and hosts files. */
#include "control/config_tree.h"

#include "base/require.h"
#include "resolver/hosts.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOCAL_NAMES_MAX = 1000 * 1000,
    LOCAL_RECORDS_MAX = 4 * 1000 * 1000,
    RRSET_RECORDS_MAX = 256, /* what special.c gives at most */
    HOSTS_FILE_MAX = 64 << 20,
    LOCAL_TTL_S = 3600,
};

static const uint8_t root[1 + NAME_PADDING] = {0};

/* ---- collecting ---- */

/* Room for one more; NULL: no memory. */
static config_record_t *add_record(config_t *config)
{
    config_records_t *list = &config->records;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        config_record_t *items = capacity <= LOCAL_RECORDS_MAX * 2 ? realloc(list->items, capacity * sizeof *items) : NULL;
        if (!items) {
            config->out_of_memory = true;
            return NULL;
        }
        list->items = items;
        list->capacity = capacity;
    }
    config_record_t *item = &list->items[list->count];
    memset(item, 0, sizeof *item);
    item->sequence = (uint32_t)list->count++;
    return item;
}

static const uint8_t *copy_rdata(config_t *config, const uint8_t *rdata, size_t length)
{
    const char *copy = arena_strndup(&config->settings->arena, (const char *)rdata, length);
    config->out_of_memory |= copy == NULL;
    return (const uint8_t *)copy;
}

/* ---- local-data ---- */

typedef struct local_name {
    const yaml_node_t *key;
    name_t name;
    uint32_t ttl_s;
    uint8_t *rdata; /* RDATA_MAX bytes */
} local_name_t;

static bool is_word(const yaml_node_t *node, const char *word)
{
    if (node->length != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < node->length; i++) {
        char c = node->text[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != word[i]) {
            return false;
        }
    }
    return true;
}

static void keep(config_t *config, const local_name_t *local, uint16_t type, const uint8_t *rdata, size_t length)
{
    config_record_t *item = add_record(config);
    if (item) {
        item->key = local->key;
        item->record = (resolver_local_record_t){.owner = local->name,
                                                 .type = type,
                                                 .ttl_s = local->ttl_s,
                                                 .rdlength = (uint16_t)length,
                                                 .rdata = copy_rdata(config, rdata, length)};
    }
}

/* nxdomain or nodata, in place of records. */
static void read_denial(config_t *config, const local_name_t *local, const yaml_node_t *value)
{
    static const char *const words[] = {"nxdomain", "nodata", NULL};
    for (size_t i = 0; words[i]; i++) {
        if (is_word(value, words[i])) {
            keep(config, local, i == 0 ? RESOLVER_LOCAL_NXDOMAIN : RESOLVER_LOCAL_NODATA, root, 0);
            return;
        }
    }
    const char *near = diagnostics_suggest(value->text, value->length, words);
    char hint[64];
    snprintf(hint, sizeof hint, "did you mean %s?", near ? near : "{ A: 192.0.2.1 }");
    yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", value, 0, hint,
                "records by type, nxdomain or nodata expected, got \"%.*s\"", value_shown(value->length), value->text);
}

static void read_rdata(config_t *config, const local_name_t *local, uint16_t type, const yaml_node_t *value)
{
    byte_writer_t writer = byte_writer(local->rdata, RDATA_MAX);
    rdata_error_t error;
    status_t status = rdata_from_line(type, CLASS_IN, value->text, value->length, root, &writer, &error);
    if (status == STATUS_OK) {
        keep(config, local, type, writer.data, writer.position);
        return;
    }
    bool inside = error.at && error.at >= value->text && error.at < value->text + value->length;
    yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-rdata", value, inside ? (size_t)(error.at - value->text) : 0, NULL, "%s",
                error.message);
}

static bool read_type(config_t *config, const yaml_node_t *key, uint16_t *type)
{
    static const char *const common[] = {"A",   "AAAA",  "CNAME", "TXT", "PTR",   "MX",    "SRV", "NS",
                                         "SOA", "HTTPS", "SVCB",  "CAA", "NAPTR", "SSHFP", "ttl", NULL};
    if (rrtype_from_text(key->text, key->length, type) == STATUS_OK && rrtype_is_data(*type) && *type != RESOLVER_LOCAL_NXDOMAIN) {
        return true;
    }
    char hint[64];
    const char *near = diagnostics_suggest(key->text, key->length, common);
    snprintf(hint, sizeof hint, "did you mean %s?", near ? near : "");
    yaml_report(&config->document, DIAGNOSTIC_ERROR, "unknown-type", key, 0, near ? hint : NULL,
                "a record type or ttl expected, got \"%.*s\"", value_shown(key->length), key->text);
    return false;
}

static void read_ttl(config_t *config, local_name_t *local, const yaml_node_t *value)
{
    const config_item_t item = {.path = "ttl", .type = CONFIG_SECONDS, .size = sizeof local->ttl_s, .maximum = 7 * 86400};
    const value_context_t context = {.arena = &config->settings->arena, .directory = config->directory};
    value_error_t error;
    if (value->kind != YAML_SCALAR) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, NULL, "ttl: a single value expected, got %s",
                    yaml_kind_text(value));
    } else if (value_parse(&item, value->text, value->length, &context, &local->ttl_s, &error) != STATUS_OK) {
        config_report(config, "bad-value", value, &error);
    }
}

static void read_rrset(config_t *config, const local_name_t *local, const yaml_node_t *key, const yaml_node_t *value)
{
    const config_item_t item = {.path = "records"};
    uint16_t type;
    if (!read_type(config, key, &type)) {
        return;
    }
    for (const yaml_node_t *node = config_list_first(config, &item, value); node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        if (entry) {
            read_rdata(config, local, type, entry);
        }
    }
}

/* A CNAME stands alone (RFC 2181 10.1). */
static void check_alias(config_t *config, const yaml_node_t *records)
{
    const yaml_node_t *alias = NULL;
    unsigned types = 0;
    for (const yaml_node_t *key = records->first; key && key->next; key = key->next->next) {
        if (key->kind == YAML_SCALAR && !is_word(key, "ttl")) {
            alias = is_word(key, "cname") ? key : alias;
            types += is_word(key, "cname") && key->next->kind == YAML_SEQUENCE ? key->next->children : 1;
        }
    }
    if (alias && types > 1) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "cname-and-other-data", alias, 0, NULL, "a CNAME stands alone at its name");
    }
}

static void read_records(config_t *config, local_name_t *local, const yaml_node_t *records)
{
    for (int round = 0; round < 2; round++) { /* the TTL first, wherever it stands */
        for (const yaml_node_t *key = records->first; key && key->next; key = key->next->next) {
            const yaml_node_t *value = yaml_follow(&config->document, key->next);
            const yaml_node_t *type = yaml_follow(&config->document, key);
            if (!value || !type) {
                return;
            }
            if (type->kind != YAML_SCALAR) {
                if (round == 0) {
                    yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", key, 0, NULL, "a record type expected, got %s",
                                yaml_kind_text(type));
                }
            } else if (is_word(type, "ttl")) {
                if (round == 0) {
                    read_ttl(config, local, value);
                }
            } else if (round == 1) {
                read_rrset(config, local, type, value);
            }
        }
    }
    check_alias(config, records);
}

static void read_local_name(config_t *config, local_name_t *local, const yaml_node_t *value)
{
    const yaml_node_t *name = config_list_entry(config, local->key);
    local->ttl_s = LOCAL_TTL_S;
    if (!name || !value || !config_read_name(config, name, "bad-name", &local->name)) {
        return;
    }
    if (value->kind == YAML_MAPPING && value->children > 0) {
        read_records(config, local, value);
    } else if (value->kind == YAML_SCALAR) {
        read_denial(config, local, value);
    } else {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, "{ A: 192.0.2.1 }",
                    "records by type, nxdomain or nodata expected, got %s", yaml_kind_text(value));
    }
}

void config_read_local_data(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    if (value->kind == YAML_NULL) {
        return;
    }
    if (value->kind != YAML_MAPPING || value->children / 2 > LOCAL_NAMES_MAX) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, item->example,
                    value->kind == YAML_MAPPING ? "more than 1,000,000 names%s" : "a mapping of names to records expected, got %s",
                    value->kind == YAML_MAPPING ? "" : yaml_kind_text(value));
        return;
    }
    local_name_t local = {.rdata = malloc(RDATA_MAX)};
    if (!local.rdata) {
        config->out_of_memory = true;
        return;
    }
    for (const yaml_node_t *key = value->first; key && key->next && !config->out_of_memory; key = key->next->next) {
        local.key = key;
        read_local_name(config, &local, yaml_follow(&config->document, key->next));
    }
    free(local.rdata);
}

/* ---- hosts files ---- */

/* 0.0.0.0 and :: stand for "nowhere" in lists of names to block: nobody asks who that is. */
static bool is_unspecified(const resolver_address_t *address)
{
    static const uint8_t zero[16];
    return memcmp(address->bytes, zero, sizeof zero) == 0;
}

static status_t take_host(void *context, const resolver_address_t *address, const name_t *name, bool is_first)
{
    config_t *config = context;
    config_record_t *item = add_record(config);
    bool is_ipv4 = address->family == RESOLVER_IPV4;
    size_t length = is_ipv4 ? 4 : 16;
    if (!item) {
        return STATUS_NO_MEMORY;
    }
    item->record = (resolver_local_record_t){.owner = *name,
                                             .type = is_ipv4 ? TYPE_A : TYPE_AAAA,
                                             .ttl_s = LOCAL_TTL_S,
                                             .rdlength = (uint16_t)length,
                                             .rdata = copy_rdata(config, address->bytes, length)};
    if (is_first && !is_unspecified(address)) {
        item = add_record(config);
        if (!item) {
            return STATUS_NO_MEMORY;
        }
        item->is_reverse = true;
        item->record = (resolver_local_record_t){
            .type = TYPE_PTR, .ttl_s = LOCAL_TTL_S, .rdlength = name->length, .rdata = copy_rdata(config, name->wire, name->length)};
        hosts_reverse_name(address, &item->record.owner);
    }
    return STATUS_OK;
}

void config_read_hosts(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    if (value->kind == YAML_SCALAR && is_word(value, item->none)) {
        return;
    }
    for (const yaml_node_t *node = config_list_first(config, item, value); node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        const char *path = entry ? config_read_path(config, item, entry) : NULL;
        if (!path) {
            continue;
        }
        buffer_t content;
        if (config_read_content(config, entry, path, HOSTS_FILE_MAX, &content)) {
            const hosts_reader_t reader = {
                .file = path, .diagnostics = config->document.diagnostics, .entry = take_host, .context = config};
            status_t status = hosts_parse(&reader, buffer_text(&content), content.size);
            config->out_of_memory |= status == STATUS_NO_MEMORY;
        }
        buffer_clear(&content);
    }
}

/* ---- into the settings ---- */

static int compare_records(const void *a, const void *b)
{
    const config_record_t *x = *(const config_record_t *const *)a;
    const config_record_t *y = *(const config_record_t *const *)b;
    int difference = name_compare(x->record.owner.wire, y->record.owner.wire);
    if (difference != 0) {
        return difference;
    }
    if ((x->key == NULL) != (y->key == NULL)) { /* what the operator wrote here, then hosts files */
        return x->key == NULL ? 1 : -1;
    }
    if (x->record.type != y->record.type) {
        return x->record.type < y->record.type ? -1 : 1;
    }
    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static bool is_denial(const config_record_t *item)
{
    return item->record.type == RESOLVER_LOCAL_NODATA || item->record.type == RESOLVER_LOCAL_NXDOMAIN;
}

typedef enum wanted { WANTED, NOT_WANTED, TOO_MANY } wanted_t;

/* Is there a place for the item among those of the same owner? */
static wanted_t is_wanted(const resolver_local_record_t *kept, size_t count, const config_record_t *item, const config_record_t *first)
{
    const resolver_local_record_t *record = &item->record;
    if (item->key == NULL && first->key != NULL && (is_denial(first) || first->record.type == TYPE_CNAME)) {
        return NOT_WANTED;
    }
    unsigned same = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept[i].type == record->type) {
            same++;
            if (item->is_reverse || (kept[i].rdlength == record->rdlength && memcmp(kept[i].rdata, record->rdata, record->rdlength) == 0)) {
                return NOT_WANTED;
            }
        }
    }
    return same < RRSET_RECORDS_MAX ? WANTED : TOO_MANY;
}

static void report_left_out(config_t *config, const config_record_t *item)
{
    const yaml_node_t *hosts = config->given[config_schema_index(config_schema_find("resolver", "hosts-files", strlen("hosts-files")))];
    const yaml_node_t *node = item->key ? item->key : hosts;
    char name[NAME_TEXT_MAX];
    name_to_text(item->record.owner.wire, name);
    yaml_report(&config->document, DIAGNOSTIC_WARNING, "too-many-records", node, 0, NULL, "%s: only %d records of a type are given", name,
                RRSET_RECORDS_MAX);
}

static void check_twice(config_t *config, const config_record_t *item, const config_record_t *before)
{
    if (item->key && before->key && item->key != before->key) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "duplicate-name", item->key, 0, NULL, "this name stands already in line %u",
                    before->key->line);
    }
}

static void keep_sorted(config_t *config, const config_record_t *const *order)
{
    resolver_settings_t *resolver = &config->settings->recursion.resolver;
    size_t count = config->records.count;
    resolver_local_record_t *records = arena_alloc(&config->settings->arena, (count + 1) * sizeof *records);
    size_t kept = 0;
    size_t group = 0; /* where the owner's begin among those kept */
    const config_record_t *first = NULL;
    const config_record_t *told = NULL; /* the first record of the owner that was last told to have too many */
    if (!records) {
        config->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!first || name_compare(first->record.owner.wire, order[i]->record.owner.wire) != 0) {
            first = order[i];
            group = kept;
        } else {
            check_twice(config, order[i], order[i - 1]);
        }
        wanted_t wanted = is_wanted(records + group, kept - group, order[i], first);
        if (wanted == WANTED) {
            records[kept++] = order[i]->record;
        } else if (wanted == TOO_MANY && told != first) {
            report_left_out(config, order[i]);
            told = first;
        }
    }
    resolver->local_records = records;
    resolver->local_record_count = kept;
}

void config_keep_records(config_t *config)
{
    const config_records_t *list = &config->records;
    if (list->count == 0 || config->out_of_memory) {
        return;
    }
    const config_record_t **order = malloc(list->count * sizeof(const config_record_t *));
    if (!order) {
        config->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        order[i] = &list->items[i];
    }
    qsort((void *)order, list->count, sizeof(const config_record_t *), compare_records);
    keep_sorted(config, order);
    free((void *)order);
}
