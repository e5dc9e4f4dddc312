/* What can be asked about the cache, and taken out of it. */
#include "control/service_commands.h"
#include "server/cache_store.h"
#include "server/recursion.h"
#include "wire/edns.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT_MAX_BYTES = 1 << 20, ARENA_MAX_BYTES = 1 << 20 };

static status_t find_cache(const control_exchange_t *exchange, cache_t **cache, buffer_t *why)
{
    *cache = server_cache(exchange->service->server);
    if (!*cache) {
        buffer_append_text(why, "this server has no cache, as it does not resolve");
        return STATUS_UNSUPPORTED;
    }
    return STATUS_OK;
}

/* The name that a request is about. STATUS_NOT_FOUND: it says none. */
static status_t requested_name(const control_exchange_t *exchange, name_t *name, buffer_t *why)
{
    static const uint8_t root[NAME_PADDING] = {0};
    const json_t *value = json_object_get(exchange->request, "name");
    if (!value) {
        return STATUS_NOT_FOUND;
    }
    const char *text = json_string_value(value);
    if (!text || name_from_text(name, text, json_string_length(value), root, NULL) != STATUS_OK) {
        buffer_printf(why, "not a name: \"%.100s\"", text ? text : "");
        return STATUS_MALFORMED;
    }
    name_lower(name->wire, name->length);
    return STATUS_OK;
}

/* ---- words ---- */

static const char *kind_text(unsigned kind)
{
    static const char *const texts[CACHE_KINDS] = {
        [CACHE_RRSET] = "rrset",     [CACHE_NODATA] = "nodata",         [CACHE_NXDOMAIN] = "name-error",
        [CACHE_FAILURE] = "failure", [CACHE_DELEGATION] = "delegation", [CACHE_ANSWER] = "answer",
    };
    return kind < CACHE_KINDS ? texts[kind] : "unknown";
}

static const char *rank_text(cache_rank_t rank)
{
    static const char *const texts[CACHE_RANKS] = {
        [CACHE_RANK_ADDITIONAL] = "additional", [CACHE_RANK_REFERRAL] = "referral",    [CACHE_RANK_ANSWER_NOT_AUTHORITATIVE] = "answer",
        [CACHE_RANK_AUTHORITY] = "authority",   [CACHE_RANK_ANSWER] = "authoritative", [CACHE_RANK_LOCAL] = "local",
    };
    return rank < CACHE_RANKS ? texts[rank] : "unknown";
}

static const char *security_text(cache_security_t security)
{
    static const char *const texts[CACHE_SECURITIES] = {
        [CACHE_INDETERMINATE] = "indeterminate", [CACHE_INSECURE] = "insecure", [CACHE_BOGUS] = "bogus", [CACHE_SECURE] = "secure"};
    return security < CACHE_SECURITIES ? texts[security] : "unknown";
}

static json_t *name_json(const uint8_t *wire)
{
    char text[NAME_TEXT_MAX];
    if (!wire) {
        return json_null();
    }
    name_to_text(wire, text);
    return json_string(text);
}

static json_t *type_json(uint16_t type)
{
    char text[RRTYPE_TEXT_MAX];
    rrtype_to_text(type, text);
    return json_string(text);
}

/* ---- one entry ---- */

typedef struct look_up {
    cache_reader_t reader;
    cache_question_t question;
    name_t name;
    uint32_t now_s;
    bool has_type;
    arena_t arena;
    uint64_t entries;
    cache_entry_t entry;
    _Alignas(8) uint8_t buffer[CACHE_BUFFER_SIZE];
    uint8_t message[MESSAGE_MAX];
} look_up_t;

/* One RRset's records, or its RRSIGs, behind those in the list. */
static void append_records(json_t *list, const cache_rrset_t *rrset, bool signatures)
{
    const uint8_t *data = signatures ? rrset->signatures : rrset->data;
    size_t size = signatures ? rrset->signature_size : rrset->data_size;
    uint16_t type = signatures ? TYPE_RRSIG : rrset->type;
    buffer_t text;
    buffer_init(&text, TEXT_MAX_BYTES);
    for (size_t at = 0; at + 2 <= size;) {
        size_t length = load_be16(data + at);
        buffer_reset(&text);
        rdata_to_text(type, CLASS_IN, data + at + 2, length, &text);
        json_array_append_new(list, json_pack("{s:o, s:I, s:o, s:s}", "owner", name_json(rrset->owner), "ttl", (json_int_t)rrset->ttl_s,
                                              "type", type_json(type), "rdata", buffer_text(&text)));
        at += 2 + length;
    }
    buffer_clear(&text);
}

static json_t *records_json(cache_entry_t *entry)
{
    json_t *list = json_array();
    cache_rrset_t rrset;
    cache_entry_rewind(entry);
    while (list && cache_entry_next(entry, &rrset)) {
        append_records(list, &rrset, false);
        append_records(list, &rrset, true);
    }
    return list;
}

static json_t *address_json(const resolver_address_t *address)
{
    buffer_t text;
    buffer_init(&text, 256);
    resolver_address_to_text(address, &text);
    json_t *value = json_string(buffer_text(&text));
    buffer_clear(&text);
    return value;
}

static json_t *servers_json(const delegation_t *delegation)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < delegation->server_count; i++) {
        json_t *addresses = json_array();
        for (unsigned j = 0; j < delegation->servers[i].address_count; j++) {
            json_array_append_new(addresses, address_json(&delegation->servers[i].addresses[j]));
        }
        json_array_append_new(list, json_pack("{s:o, s:o}", "name", name_json(delegation->servers[i].name), "addresses", addresses));
    }
    return list;
}

static json_t *proofs_json(const delegation_t *delegation)
{
    json_t *list = json_array();
    for (unsigned i = 0; list && i < delegation->proof_count; i++) {
        const rrset_t *proof = &delegation->proofs[i];
        cache_rrset_t rrset = {.owner = proof->owner,
                               .type = proof->type,
                               .ttl_s = proof->ttl_s,
                               .data = proof->data,
                               .data_size = proof->data_size,
                               .signatures = proof->data + proof->data_size,
                               .signature_size = proof->signature_size};
        append_records(list, &rrset, false);
        append_records(list, &rrset, true);
    }
    return list;
}

/* The entry in hand as a delegation; NULL if it is damaged. */
static json_t *delegation_json(look_up_t *look_up)
{
    delegation_t delegation;
    arena_reset(&look_up->arena);
    if (!cache_store_delegation(&look_up->entry, &look_up->arena, &delegation)) {
        return NULL;
    }
    return json_pack("{s:o, s:I, s:o, s:o}", "zone", name_json(delegation.zone), "ttl", (json_int_t)delegation.ttl_s, "servers",
                     servers_json(&delegation), "records", proofs_json(&delegation));
}

/* What a prebuilt answer says. NULL: it has expired, or gone meanwhile. */
static json_t *answer_json(look_up_t *look_up)
{
    uint8_t request[MESSAGE_HEADER_SIZE + NAME_WIRE_MAX + 4] = {0};
    cache_question_t question = look_up->question;
    question.type = look_up->entry.type;
    memcpy(request + MESSAGE_HEADER_SIZE, question.name, question.length);
    store_be16(request + MESSAGE_HEADER_SIZE + question.length, question.type);
    store_be16(request + MESSAGE_HEADER_SIZE + question.length + 2, question.rrclass);
    cache_answer_get_t get = {.question = question,
                              .variant = look_up->entry.variant,
                              .request = request,
                              .flags_keep = UINT16_MAX,
                              .out = look_up->message,
                              .capacity = sizeof look_up->message};
    if (cache_answer_get(&look_up->reader, &get, look_up->now_s) != STATUS_OK || get.size < MESSAGE_HEADER_SIZE) {
        return NULL;
    }
    uint16_t flags = load_be16(get.out + 2);
    return json_pack("{s:s, s:b, s:b, s:I, s:I, s:I, s:I}", "rcode", rcode_text(flags & 15), "authenticated", (flags & FLAG_AD) != 0,
                     "truncated", (flags & FLAG_TC) != 0, "answer", (json_int_t)load_be16(get.out + 6), "authority",
                     (json_int_t)load_be16(get.out + 8), "additional", (json_int_t)load_be16(get.out + 10), "bytes", (json_int_t)get.size);
}

/* Why a failure failed; null if it was not kept. */
static json_t *reason_json(look_up_t *look_up)
{
    arena_reset(&look_up->arena);
    return control_text(cache_store_reason(&look_up->entry, &look_up->arena));
}

static json_t *entry_json(look_up_t *look_up)
{
    const cache_entry_t *entry = &look_up->entry;
    bool is_answer = entry->kind == CACHE_ANSWER;
    bool has_type = entry->kind != CACHE_NXDOMAIN && entry->kind != CACHE_DELEGATION;
    uint32_t past_s = entry->is_stale && look_up->now_s > entry->expires_s ? look_up->now_s - entry->expires_s : 0;
    int extended_error = is_answer ? recursion_extended_error(entry->info) : (int16_t)entry->info;
    json_t *item = json_pack("{s:s, s:o, s:I, s:b, s:I, s:I}", "kind", kind_text(entry->kind), "type",
                             has_type ? type_json(entry->type) : json_null(), "ttl", (json_int_t)entry->ttl_s, "expired", entry->is_stale,
                             "expired-since", (json_int_t)past_s, "lifetime", (json_int_t)(entry->expires_s - entry->stored_s));
    json_object_set_new(item, "extended-error",
                        extended_error == EDE_NONE || entry->kind == CACHE_DELEGATION ? json_null() : json_integer(extended_error));
    if (is_answer) {
        json_object_set_new(item, "dnssec", json_boolean(entry->variant & CACHE_ANSWER_DO));
        json_object_set_new(item, "checking-disabled", json_boolean(entry->variant & CACHE_ANSWER_CD));
        json_t *message = answer_json(look_up);
        json_object_set_new(item, "message", message ? message : json_null());
        return item;
    }
    json_object_set_new(item, "rank", json_string(rank_text(entry->rank)));
    json_object_set_new(item, "security", json_string(security_text(entry->security)));
    json_object_set_new(item, "zone", name_json(entry->zone));
    if (entry->kind == CACHE_DELEGATION) {
        json_t *delegation = delegation_json(look_up);
        json_object_update_missing(item, delegation);
        json_decref(delegation);
    } else if (entry->kind == CACHE_FAILURE) {
        json_object_set_new(item, "reason", reason_json(look_up));
    } else {
        json_object_set_new(item, "records", records_json(&look_up->entry));
    }
    return item;
}

/* ---- cache lookup ---- */

/* Is this entry of the type asked for, or of none? */
static bool is_wanted(const look_up_t *look_up)
{
    const cache_entry_t *entry = &look_up->entry;
    return !look_up->has_type || entry->kind == CACHE_NXDOMAIN || entry->kind == CACHE_DELEGATION || entry->type == look_up->question.type;
}

static void write_entries(look_up_t *look_up, buffer_t *out)
{
    uint64_t cursor = 0;
    status_t status;
    do {
        status = cache_iterate_name(&look_up->reader, &look_up->question, &cursor, look_up->now_s, &look_up->entry);
        if (status == STATUS_OK && is_wanted(look_up)) {
            control_write_line(out, json_pack("{s:o}", "item", entry_json(look_up)));
            look_up->entries++;
        }
    } while (status != STATUS_END);
}

/* The zone of the configuration that the name's questions go to, if they go by the configuration (as resolver/cut.c decides). */
static const resolver_zone_t *configured_zone(const server_settings_t *settings, const uint8_t *name, const uint8_t *delegated)
{
    const resolver_settings_t *resolver = &settings->recursion.resolver;
    const resolver_zone_t *best = NULL;
    for (size_t i = 0; i < resolver->zone_count; i++) {
        const resolver_zone_t *zone = &resolver->zones[i];
        if (name_is_at_or_below(name, zone->zone.wire) && (!best || zone->zone.labels > best->zone.labels)) {
            best = zone;
        }
    }
    bool is_overruled = best && delegated && best->kind == RESOLVER_STUB && best->zone.labels < name_labels(delegated);
    return is_overruled ? NULL : best;
}

static json_t *configured_json(const resolver_zone_t *zone)
{
    json_t *addresses = json_array();
    if (!zone) {
        json_decref(addresses);
        return json_null();
    }
    for (size_t i = 0; i < zone->address_count; i++) {
        json_array_append_new(addresses, address_json(&zone->addresses[i]));
    }
    return json_pack("{s:o, s:s, s:o}", "zone", name_json(zone->zone.wire), "kind", zone->kind == RESOLVER_FORWARD ? "forward" : "stub",
                     "addresses", addresses);
}

/* Beside the name's own entries: where a question for it would go, and who says that nothing is there. */
static json_t *surroundings_json(look_up_t *look_up, const server_settings_t *settings)
{
    json_t *delegation = NULL;
    json_t *missing = NULL;
    const uint8_t *delegated = NULL;
    name_t zone;
    if (cache_find_above(&look_up->reader, &look_up->question, CACHE_DELEGATION, look_up->now_s, &look_up->entry) == STATUS_OK) {
        delegation = delegation_json(look_up);
        name_set(&zone, look_up->entry.name);
        delegated = zone.wire;
    }
    const resolver_zone_t *configured = configured_zone(settings, look_up->name.wire, delegated);
    if (cache_find_above(&look_up->reader, &look_up->question, CACHE_NXDOMAIN, look_up->now_s, &look_up->entry) == STATUS_OK &&
        look_up->entry.security == CACHE_SECURE && look_up->entry.name_length < look_up->question.length) {
        missing = name_json(look_up->entry.name); /* RFC 8020, where proven */
    }
    return json_pack("{s:o, s:I, s:o, s:o, s:o}", "name", name_json(look_up->name.wire), "entries", (json_int_t)look_up->entries,
                     "delegation", delegation ? delegation : json_null(), "configured", configured_json(configured), "missing-above",
                     missing ? missing : json_null());
}

static status_t requested_type(const control_exchange_t *exchange, look_up_t *look_up, buffer_t *why)
{
    const json_t *value = json_object_get(exchange->request, "type");
    const char *text = json_string_value(value);
    look_up->has_type = value != NULL;
    if (value && (!text || rrtype_from_text(text, strlen(text), &look_up->question.type) != STATUS_OK)) {
        buffer_printf(why, "not a type of record: \"%.100s\"", text ? text : "");
        return STATUS_MALFORMED;
    }
    return STATUS_OK;
}

static status_t run_lookup(control_exchange_t *exchange, look_up_t *look_up, json_t **result, buffer_t *why)
{
    status_t status = requested_name(exchange, &look_up->name, why);
    if (status == STATUS_NOT_FOUND) {
        buffer_append_text(why, "which name? \"name\" is missing");
        return STATUS_MALFORMED;
    }
    look_up->question = (cache_question_t){.name = look_up->name.wire, .length = look_up->name.length, .rrclass = CLASS_IN};
    status = status == STATUS_OK ? requested_type(exchange, look_up, why) : status;
    if (status == STATUS_OK) {
        write_entries(look_up, exchange->out);
        *result = surroundings_json(look_up, server_settings(exchange->service->server));
    }
    return status;
}

status_t control_cache_lookup(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    cache_t *cache;
    status_t status = find_cache(exchange, &cache, why);
    if (status != STATUS_OK) {
        return status;
    }
    look_up_t *look_up = calloc(1, sizeof *look_up);
    if (!look_up) {
        return STATUS_NO_MEMORY;
    }
    cache_reader_init(&look_up->reader, cache);
    look_up->now_s = (uint32_t)time(NULL);
    look_up->entry.buffer = look_up->buffer;
    look_up->entry.capacity = sizeof look_up->buffer;
    arena_init(&look_up->arena, 0, ARENA_MAX_BYTES);
    status = run_lookup(exchange, look_up, result, why);
    arena_clear(&look_up->arena);
    free(look_up);
    return status;
}

/* ---- cache flush ---- */

status_t control_cache_flush(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    cache_t *cache;
    name_t name;
    uint64_t flushed;
    status_t status = find_cache(exchange, &cache, why);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_all = json_is_true(json_object_get(exchange->request, "all"));
    bool is_tree = json_is_true(json_object_get(exchange->request, "tree"));
    status = requested_name(exchange, &name, why);
    if (is_all ? status != STATUS_NOT_FOUND : status == STATUS_NOT_FOUND) {
        buffer_append_text(why, "either a \"name\" or \"all\"");
        return STATUS_MALFORMED;
    }
    if (is_all) {
        flushed = cache_flush_all(cache);
    } else if (status != STATUS_OK) {
        return status;
    } else {
        flushed = is_tree ? cache_flush_subtree(cache, name.wire, 0) : cache_flush_name(cache, name.wire, 0);
    }
    *result = json_pack("{s:I}", "flushed", (json_int_t)flushed);
    return *result ? STATUS_OK : STATUS_NO_MEMORY;
}

/* ---- cache stats ---- */

/* What clients got out of the cache, of the server's counters. */
static void add_counter(void *context, const char *name, uint64_t value)
{
    static const char *const wanted[][2] = {{"recursion.cached", "answers-from-cache"},
                                            {"recursion.asked", "answers-resolved"},
                                            {"resolver.from-store", "resolved-from-cache"}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (strcmp(name, wanted[i][0]) == 0) {
            json_object_set_new(context, wanted[i][1], json_integer((json_int_t)value));
        }
    }
}

status_t control_cache_stats(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    cache_t *cache;
    cache_statistics_t statistics;
    status_t status = find_cache(exchange, &cache, why);
    if (status != STATUS_OK) {
        return status;
    }
    cache_statistics(cache, &statistics);
    json_t *entries = json_object();
    json_t *bytes = json_object();
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        json_object_set_new(entries, kind_text(kind), json_integer((json_int_t)statistics.entries[kind]));
        json_object_set_new(bytes, kind_text(kind), json_integer((json_int_t)statistics.bytes[kind]));
    }
    *result =
        json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "file", control_text(server_cache_path(exchange->service->server)),
                  "budget", (json_int_t)statistics.budget_bytes, "room", (json_int_t)statistics.data_bytes, "entries", entries, "bytes",
                  bytes, "ranges", (json_int_t)statistics.ranges, "stored", (json_int_t)statistics.puts, "refused",
                  (json_int_t)statistics.kept, "evicted", (json_int_t)statistics.evictions, "damaged", (json_int_t)statistics.damaged);
    if (!*result) {
        return STATUS_NO_MEMORY;
    }
    server_visit_counters(exchange->service->server, add_counter, *result);
    return STATUS_OK;
}
