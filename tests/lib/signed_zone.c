#include "signed_zone.h"

#include "base/require.h"
#include "wire/rrtype.h"
#include "zone/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MAX = 1 << 20, ZONE_BYTES_MAX = 1 << 30 };

typedef struct loaded_record {
    const uint8_t *owner;
    uint16_t type; /* of the data; for an RRSIG the type it covers */
    bool is_signature;
    uint32_t ttl_s;
    dnssec_rdata_t rdata;
} loaded_record_t;

typedef struct loader {
    signed_zone_t *zone;
    loaded_record_t *records;
    size_t count;
} loader_t;

static void *allocate(signed_zone_t *zone, size_t size)
{
    void *memory = arena_alloc(&zone->arena, size);
    REQUIRE(memory);
    return memory;
}

static uint8_t *copy_lower(signed_zone_t *zone, const uint8_t *wire)
{
    size_t length = name_length(wire);
    uint8_t *copy = allocate(zone, length + NAME_PADDING);
    memcpy(copy, wire, length);
    name_lower(copy, length);
    return copy;
}

static status_t take_record(void *context, const zone_record_t *record)
{
    loader_t *loader = context;
    REQUIRE(loader->count < RECORDS_MAX);
    loaded_record_t *loaded = &loader->records[loader->count++];
    uint8_t *rdata = allocate(loader->zone, record->rdlength + 1);
    memcpy(rdata, record->rdata, record->rdlength);
    loaded->owner = copy_lower(loader->zone, record->owner);
    loaded->is_signature = record->type == TYPE_RRSIG;
    loaded->type = loaded->is_signature ? load_be16(rdata) : record->type;
    loaded->ttl_s = record->ttl_s;
    loaded->rdata = (dnssec_rdata_t){rdata, (uint16_t)record->rdlength};
    return STATUS_OK;
}

static int compare_loaded(const void *a, const void *b)
{
    const loaded_record_t *one = a;
    const loaded_record_t *other = b;
    int order = name_compare(one->owner, other->owner);
    if (order == 0) {
        order = (int)one->type - (int)other->type;
    }
    return order ? order : (int)one->is_signature - (int)other->is_signature;
}

static void group(signed_zone_t *zone, loader_t *loader)
{
    qsort(loader->records, loader->count, sizeof loader->records[0], compare_loaded);
    zone->rrsets = allocate(zone, (loader->count + 1) * sizeof zone->rrsets[0]);
    dnssec_rdata_t *rdata = allocate(zone, (loader->count + 1) * sizeof *rdata);
    const uint8_t *cut = NULL;
    for (size_t i = 0; i < loader->count;) {
        const loaded_record_t *first = &loader->records[i];
        signed_rrset_t *set = &zone->rrsets[zone->count++];
        *set = (signed_rrset_t){.rrset = {.owner = first->owner, .type = first->type, .rrclass = CLASS_IN, .ttl_s = first->ttl_s}};
        set->rrset.records = rdata;
        for (; i < loader->count && loader->records[i].type == first->type && name_equal(loader->records[i].owner, first->owner); i++) {
            if (loader->records[i].is_signature && set->rrsigs.count == 0) {
                set->rrsigs.list = rdata;
            }
            set->rrsigs.count += loader->records[i].is_signature;
            set->rrset.count += !loader->records[i].is_signature;
            *rdata++ = loader->records[i].rdata;
        }
        bool is_below = cut && name_is_at_or_below(first->owner, cut) && !name_equal(first->owner, cut);
        if (!is_below && (first->type == TYPE_NS || first->type == TYPE_DNAME) &&
            (first->type == TYPE_DNAME || !name_equal(first->owner, zone->apex))) {
            cut = first->owner;
        }
    }
}

/* Cuts are known once all types of a name have been seen. */
static void mark_authoritative(signed_zone_t *zone)
{
    const uint8_t *cut = NULL;
    const uint8_t *dname = NULL;
    for (size_t i = 0; i < zone->count; i++) {
        signed_rrset_t *set = &zone->rrsets[i];
        const uint8_t *owner = set->rrset.owner;
        bool is_below = (cut && name_is_at_or_below(owner, cut) && !name_equal(owner, cut)) ||
                        (dname && name_is_at_or_below(owner, dname) && !name_equal(owner, dname));
        bool is_at_cut = !name_equal(owner, zone->apex) && signed_zone_find(zone, owner, TYPE_NS);
        if (!is_below && is_at_cut) {
            cut = owner;
        }
        if (!is_below && set->rrset.type == TYPE_DNAME) {
            dname = owner;
        }
        set->is_authoritative = !is_below && (!is_at_cut || set->rrset.type == TYPE_DS || set->rrset.type == TYPE_NSEC);
    }
}

static void load_keys(signed_zone_t *zone)
{
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    const signed_rrset_t *dnskeys = signed_zone_find(zone, zone->apex, TYPE_DNSKEY);
    uint32_t count = dnskeys ? dnskeys->rrset.count : 0;
    dnssec_key_t **keys = allocate(zone, (count + 1) * sizeof(dnssec_key_t *));
    zone->keys = (dnssec_keys_t){.zone = zone->apex, .list = keys};
    for (uint32_t i = 0; i < count; i++) {
        const dnssec_rdata_t *record = &dnskeys->rrset.records[i];
        if (dnssec_key_new(&policy, record->data, record->length, &keys[zone->keys.count]) == STATUS_OK) {
            zone->keys.count++;
        }
    }
}

static void load(signed_zone_t *zone, const char *apex, zone_parser_settings_t *settings, const char *text, size_t length)
{
    *zone = (signed_zone_t){0};
    arena_init(&zone->arena, 1 << 20, ZONE_BYTES_MAX);
    name_t name;
    REQUIRE(name_from_text(&name, apex, strlen(apex), (const uint8_t *)"", NULL) == STATUS_OK);
    zone->apex = copy_lower(zone, name.wire);
    loader_t loader = {.zone = zone, .records = malloc(RECORDS_MAX * sizeof(loaded_record_t))};
    REQUIRE(loader.records);
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 10);
    settings->origin = zone->apex;
    settings->rrclass = CLASS_IN;
    settings->diagnostics = &diagnostics;
    settings->record = take_record;
    settings->context = &loader;
    status_t status = text ? zone_parse_text(settings, text, length) : zone_parse_file(settings);
    if (status != STATUS_OK) {
        buffer_t out;
        buffer_init(&out, SIZE_MAX);
        diagnostics_print(&diagnostics, &out);
        fprintf(stderr, "%s%s: %s\n", buffer_text(&out), settings->file, status_text(status));
        exit(2);
    }
    diagnostics_clear(&diagnostics);
    group(zone, &loader);
    free(loader.records);
    mark_authoritative(zone);
    load_keys(zone);
}

void signed_zone_load_text(signed_zone_t *zone, const char *apex, const char *text, size_t length)
{
    zone_parser_settings_t settings = {.file = "text"};
    load(zone, apex, &settings, text, length);
}

void signed_zone_load_file(signed_zone_t *zone, const char *apex, const char *path)
{
    zone_parser_settings_t settings = {.file = path};
    load(zone, apex, &settings, NULL, 0);
}

void signed_zone_clear(signed_zone_t *zone)
{
    for (size_t i = 0; i < zone->keys.count; i++) {
        dnssec_key_unref(zone->keys.list[i]);
    }
    arena_clear(&zone->arena);
}

/* The first RRset at or behind (owner, type). */
static size_t lower_bound(const signed_zone_t *zone, const uint8_t *owner, uint16_t type)
{
    size_t low = 0;
    size_t high = zone->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const dnssec_rrset_t *rrset = &zone->rrsets[middle].rrset;
        int order = name_compare(rrset->owner, owner);
        if (order < 0 || (order == 0 && rrset->type < type)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const signed_rrset_t *signed_zone_find(const signed_zone_t *zone, const uint8_t *owner, uint16_t type)
{
    size_t at = lower_bound(zone, owner, type);
    if (at == zone->count || zone->rrsets[at].rrset.type != type || !name_equal(zone->rrsets[at].rrset.owner, owner)) {
        return NULL;
    }
    return zone->rrsets[at].rrset.count > 0 ? &zone->rrsets[at] : NULL;
}

const signed_rrset_t *signed_zone_find_text(const signed_zone_t *zone, const char *owner, uint16_t type)
{
    name_t name;
    REQUIRE(name_from_text(&name, owner, strlen(owner), zone->apex, NULL) == STATUS_OK);
    return signed_zone_find(zone, name.wire, type);
}

bool signed_zone_name_exists(const signed_zone_t *zone, const uint8_t *name)
{
    for (size_t at = lower_bound(zone, name, 0); at < zone->count && name_is_at_or_below(zone->rrsets[at].rrset.owner, name); at++) {
        const signed_rrset_t *set = &zone->rrsets[at];
        bool is_cut = set->rrset.type == TYPE_NS && signed_zone_find(zone, set->rrset.owner, TYPE_NS);
        if ((set->is_authoritative || is_cut) && set->rrset.type != TYPE_NSEC3 && set->rrset.count > 0) {
            return true;
        }
    }
    return false;
}
