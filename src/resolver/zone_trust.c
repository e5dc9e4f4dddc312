#include "resolver/zone_trust.h"

#include "base/require.h"
#include "wire/edns.h"

#include <stdlib.h>
#include <string.h>

struct zone_trust_table {
    siphash_key_t key;
    unsigned zones_max;
    uint64_t latest_s; /* that anybody said it is */
    size_t count;
    size_t mask;
    zone_trust_t *newest;
    zone_trust_t *oldest;
    zone_trust_t *parsed[ZONES_PARSED_MAX]; /* a clock */
    unsigned hand;
    zone_trust_t *slots[];
};

_Static_assert(ZONES_PARSED_MAX <= UINT8_MAX, "places are counted from 1 in an octet");

/* ---- parsed keys ---- */

static void leave_parsed(zone_trust_table_t *table, zone_trust_t *entry)
{
    if (entry->parsed_place > 0) {
        table->parsed[entry->parsed_place - 1] = NULL;
        entry->parsed_place = 0;
    }
}

/* Whoever comes here uses the zone's keys, and has them parsed. The zone that makes room is one not found again since it came: leaf zones
 * go by, those above them stay. */
static void note_parsed(zone_trust_table_t *table, zone_trust_t *entry)
{
    if (entry->parsed_place > 0) {
        entry->is_parsed_again = true;
        return;
    }
    zone_trust_t *other;
    while ((other = table->parsed[table->hand]) != NULL && other->is_parsed_again) {
        other->is_parsed_again = false;
        table->hand = (table->hand + 1) % ZONES_PARSED_MAX;
    }
    if (other) {
        for (unsigned i = 0; i < other->key_count; i++) {
            dnssec_key_forget_parsed(other->keys[i]);
        }
        other->parsed_place = 0;
    }
    table->parsed[table->hand] = entry;
    entry->parsed_place = (uint8_t)(table->hand + 1);
    entry->is_parsed_again = false;
    table->hand = (table->hand + 1) % ZONES_PARSED_MAX;
}

/* ---- life ---- */

zone_trust_table_t *zone_trust_table_new(unsigned zones_max, const siphash_key_t *key)
{
    enum { ZONES_MIN = 16 }; /* so that a walk along one name never pushes out what it stands on */
    size_t slots = ZONES_MIN;
    zones_max = zones_max < ZONES_MIN ? ZONES_MIN : zones_max;
    while (slots < zones_max) {
        slots *= 2;
    }
    zone_trust_table_t *table = calloc(1, sizeof *table + slots * sizeof table->slots[0]);
    if (table) {
        table->key = *key;
        table->zones_max = zones_max;
        table->mask = slots - 1;
    }
    return table;
}

static void entry_free(zone_trust_t *entry)
{
    for (unsigned i = 0; i < entry->key_count; i++) {
        dnssec_key_unref(entry->keys[i]);
    }
    free(entry->keys);
    free(entry);
}

static void link_newest(zone_trust_table_t *table, zone_trust_t *entry)
{
    entry->newer = NULL;
    entry->older = table->newest;
    *(table->newest ? &table->newest->newer : &table->oldest) = entry;
    table->newest = entry;
}

static void unlink_entry(zone_trust_table_t *table, zone_trust_t *entry)
{
    *(entry->newer ? &entry->newer->older : &table->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &table->oldest) = entry->newer;
}

static void drop(zone_trust_table_t *table, zone_trust_t *entry)
{
    zone_trust_t **place = &table->slots[entry->hash & table->mask];
    while (*place != entry) {
        place = &(*place)->next;
    }
    *place = entry->next;
    unlink_entry(table, entry);
    leave_parsed(table, entry);
    table->count--;
    entry_free(entry);
}

void zone_trust_table_clear(zone_trust_table_t *table)
{
    while (table->oldest) {
        drop(table, table->oldest);
    }
}

void zone_trust_table_free(zone_trust_table_t *table)
{
    if (table) {
        zone_trust_table_clear(table);
        free(table);
    }
}

size_t zone_trust_table_count(const zone_trust_table_t *table)
{
    return table->count;
}

/* ---- finding ---- */

static zone_trust_t *find_any(zone_trust_table_t *table, const uint8_t *zone, size_t length, uint64_t *hash)
{
    *hash = siphash(&table->key, zone, length);
    zone_trust_t *entry = table->slots[*hash & table->mask];
    while (entry && !(entry->hash == *hash && name_equal(entry->zone, zone))) {
        entry = entry->next;
    }
    return entry;
}

static void forget_keys(zone_trust_table_t *table, zone_trust_t *entry)
{
    leave_parsed(table, entry);
    for (unsigned i = 0; i < entry->key_count; i++) {
        dnssec_key_unref(entry->keys[i]);
    }
    free(entry->keys);
    entry->keys = NULL;
    entry->key_count = 0;
    entry->state = ZONE_SIGNED;
}

static zone_trust_t *find(zone_trust_table_t *table, const uint8_t *zone, size_t length, uint64_t now_s)
{
    uint64_t hash;
    zone_trust_t *entry = find_any(table, zone, length, &hash);
    if (!entry) {
        return NULL;
    }
    if (entry->state == ZONE_SECURE && now_s >= entry->keys_until_s) {
        forget_keys(table, entry);
    }
    if (now_s >= entry->until_s || (entry->state == ZONE_SIGNED && entry->ds_count == 0)) {
        drop(table, entry);
        return NULL;
    }
    unlink_entry(table, entry);
    link_newest(table, entry);
    if (entry->state == ZONE_SECURE) {
        note_parsed(table, entry);
    }
    return entry;
}

/* If the clock was set back, what was learned by the earlier one would be believed until it has caught up, and keys that were rolled over
 * meanwhile would make their zone bogus all that time. Small corrections change nothing. */
static void follow_clock(zone_trust_table_t *table, uint64_t now_s)
{
    enum { CORRECTION_MAX_S = 3600 };
    if (now_s + CORRECTION_MAX_S < table->latest_s) {
        zone_trust_table_clear(table);
        table->latest_s = now_s;
    }
    table->latest_s = now_s > table->latest_s ? now_s : table->latest_s;
}

zone_trust_t *zone_trust_find(zone_trust_table_t *table, const uint8_t *zone, uint64_t now_s)
{
    follow_clock(table, now_s);
    return find(table, zone, name_length(zone), now_s);
}

zone_trust_t *zone_trust_deepest(zone_trust_table_t *table, const name_key_t *name, unsigned labels_max, unsigned labels_min,
                                 uint64_t now_s)
{
    REQUIRE(labels_max <= name->labels);
    follow_clock(table, now_s);
    for (unsigned labels = labels_max + 1; labels-- > labels_min;) {
        unsigned offset = name->offset[labels];
        zone_trust_t *entry = find(table, name->wire + offset, name->length - offset, now_s);
        if (entry) {
            return entry;
        }
    }
    return NULL;
}

/* ---- putting ---- */

typedef struct content {
    zone_state_t state;
    int16_t extended_error;
    dnssec_records_t ds;
    const char *text;
    uint64_t until_s;
} content_t;

static size_t size_of(const content_t *content, size_t zone_length)
{
    size_t size = content->ds.count * sizeof(dnssec_rdata_t) + zone_length + NAME_PADDING;
    for (size_t i = 0; i < content->ds.count; i++) {
        size += content->ds.list[i].length;
    }
    return size + (content->text ? strlen(content->text) + 1 : 0);
}

/* A new entry with a copy of everything. DS records first, as they must be aligned. */
static zone_trust_t *entry_new(const uint8_t *zone, size_t zone_length, const content_t *content)
{
    zone_trust_t *entry = calloc(1, sizeof *entry + size_of(content, zone_length));
    if (!entry) {
        return NULL;
    }
    uint8_t *at = entry->memory;
    entry->ds = (dnssec_rdata_t *)(void *)at;
    entry->ds_count = (uint16_t)content->ds.count;
    at += content->ds.count * sizeof(dnssec_rdata_t);
    for (size_t i = 0; i < content->ds.count; i++) {
        memcpy(at, content->ds.list[i].data, content->ds.list[i].length);
        entry->ds[i] = (dnssec_rdata_t){at, content->ds.list[i].length};
        at += content->ds.list[i].length;
    }
    memcpy(at, zone, zone_length);
    name_lower(at, zone_length);
    entry->zone = at;
    at += zone_length + NAME_PADDING;
    if (content->text) {
        memcpy(at, content->text, strlen(content->text) + 1);
        entry->text = (char *)at;
    }
    entry->state = content->state;
    entry->extended_error = content->extended_error;
    entry->until_s = content->until_s;
    entry->labels = (uint8_t)name_labels(zone);
    return entry;
}

static zone_trust_t *put(zone_trust_table_t *table, const uint8_t *zone, const content_t *content)
{
    size_t length = name_length(zone);
    uint64_t hash;
    zone_trust_t *entry = entry_new(zone, length, content);
    if (!entry) {
        return NULL;
    }
    zone_trust_t *earlier = find_any(table, entry->zone, length, &hash);
    if (earlier) {
        drop(table, earlier);
    } else if (table->count == table->zones_max) {
        drop(table, table->oldest);
    }
    entry->hash = hash;
    entry->next = table->slots[hash & table->mask];
    table->slots[hash & table->mask] = entry;
    link_newest(table, entry);
    table->count++;
    return entry;
}

void zone_trust_put_signed(zone_trust_table_t *table, const uint8_t *zone, dnssec_records_t ds, uint64_t until_s)
{
    ds.count = ds.count > ZONE_DS_MAX ? ZONE_DS_MAX : ds.count;
    const content_t content = {.state = ZONE_SIGNED, .extended_error = EDE_NONE, .ds = ds, .until_s = until_s};
    (void)put(table, zone, &content);
}

void zone_trust_put_insecure(zone_trust_table_t *table, const uint8_t *zone, int16_t extended_error, uint64_t until_s)
{
    const content_t content = {.state = ZONE_INSECURE, .extended_error = extended_error, .until_s = until_s};
    (void)put(table, zone, &content);
}

void zone_trust_put_bogus(zone_trust_table_t *table, const uint8_t *zone, zone_reason_t fault, uint64_t until_s)
{
    const content_t content = {.state = ZONE_BOGUS, .extended_error = fault.extended_error, .text = fault.text, .until_s = until_s};
    (void)put(table, zone, &content);
}

/* Keys that can sign zone data, as many as are kept. */
static bool take_keys(zone_trust_t *entry, const dnssec_policy_t *policy, dnssec_records_t dnskeys)
{
    const size_t room = dnskeys.count < ZONE_KEYS_MAX ? dnskeys.count : ZONE_KEYS_MAX;
    entry->keys = calloc(room + 1, sizeof(dnssec_key_t *));
    if (!entry->keys) {
        return false;
    }
    for (size_t i = 0; i < dnskeys.count && entry->key_count < room; i++) {
        dnssec_key_t *key;
        status_t status = dnssec_key_new(policy, dnskeys.list[i].data, dnskeys.list[i].length, &key);
        if (status == STATUS_NO_MEMORY) { /* without one of its keys all that the zone has would be bogus */
            return false;
        }
        if (status == STATUS_OK) {
            entry->keys[entry->key_count++] = key;
        }
    }
    return true;
}

void zone_trust_put_keys(zone_trust_table_t *table, const uint8_t *zone, const dnssec_policy_t *policy, dnssec_records_t dnskeys,
                         uint64_t until_s)
{
    uint64_t hash;
    zone_trust_t *entry = find_any(table, zone, name_length(zone), &hash);
    if (!entry || (entry->state != ZONE_SIGNED && entry->state != ZONE_SECURE)) {
        const content_t content = {.state = ZONE_SIGNED, .extended_error = EDE_NONE, .until_s = until_s};
        entry = put(table, zone, &content);
    }
    if (!entry) {
        return;
    }
    if (entry->ds_count == 0) {
        entry->until_s = until_s;
    }
    forget_keys(table, entry);
    if (take_keys(entry, policy, dnskeys)) {
        entry->state = ZONE_SECURE;
        entry->keys_until_s = until_s < entry->until_s ? until_s : entry->until_s;
    } else {
        forget_keys(table, entry);
    }
}
