#include "resolver/special.h"

#include "base/require.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOCAL_TTL_S = 10800, ZONES_MAX = 160, RECORDS_MAX = 256 };

typedef enum special_kind {
    SPECIAL_EMPTY,     /* nothing below the apex */
    SPECIAL_LOCALHOST, /* the apex and all names below are this host (RFC 6761 6.3) */
    SPECIAL_NODATA,    /* every name exists, none has data (RFC 9462 8: resolver.arpa) */
    SPECIAL_REVERSE_LOCALHOST,
} special_kind_t;

typedef struct special_zone {
    uint64_t hash; /* name_hash() */
    special_kind_t kind;
    name_t name;
} special_zone_t;

struct special {
    const resolver_settings_t *settings;
    size_t zone_count;
    special_zone_t zones[ZONES_MAX]; /* sorted by hash */
    size_t record_count;
    unsigned deepest;                        /* labels of the longest owner */
    const resolver_local_record_t **records; /* sorted by owner */
};

static void add_zone(special_t *special, const char *text, special_kind_t kind)
{
    REQUIRE(special->zone_count < ZONES_MAX);
    special_zone_t *zone = &special->zones[special->zone_count++];
    status_t status = name_from_text(&zone->name, text, strlen(text), NULL, NULL);
    REQUIRE(status == STATUS_OK);
    zone->hash = name_hash(zone->name.wire);
    zone->kind = kind;
}

static void add_numbered(special_t *special, unsigned first, unsigned last, const char *suffix)
{
    for (unsigned i = first; i <= last; i++) {
        char text[64];
        snprintf(text, sizeof text, "%u%s", i, suffix);
        add_zone(special, text, SPECIAL_EMPTY);
    }
}

static void add_built_in(special_t *special)
{
    static const char *const empty[] = {
        "invalid.",
        "test.",
        "onion.",
        "home.arpa.", /* RFC 6761 6.2, 6.4; RFC 7686; RFC 8375 */
        "10.in-addr.arpa.",
        "168.192.in-addr.arpa.",
        "0.in-addr.arpa.",
        "254.169.in-addr.arpa.", /* RFC 6303 4.1, 4.2 */
        "2.0.192.in-addr.arpa.",
        "100.51.198.in-addr.arpa.",
        "113.0.203.in-addr.arpa.",
        "255.255.255.255.in-addr.arpa.",
        "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", /* RFC 6303 4.3 to 4.6 */
        "d.f.ip6.arpa.",
        "8.e.f.ip6.arpa.",
        "9.e.f.ip6.arpa.",
        "a.e.f.ip6.arpa.",
        "b.e.f.ip6.arpa.",
        "8.b.d.0.1.0.0.2.ip6.arpa.",
    };
    for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
        add_zone(special, empty[i], SPECIAL_EMPTY);
    }
    add_numbered(special, 16, 31, ".172.in-addr.arpa.");
    add_numbered(special, 64, 127, ".100.in-addr.arpa."); /* RFC 7793 */
    add_zone(special, "localhost.", SPECIAL_LOCALHOST);
    add_zone(special, "resolver.arpa.", SPECIAL_NODATA);
    add_zone(special, "127.in-addr.arpa.", SPECIAL_REVERSE_LOCALHOST);
    add_zone(special, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.", SPECIAL_REVERSE_LOCALHOST);
}

static int compare_zones(const void *a, const void *b)
{
    const special_zone_t *x = a;
    const special_zone_t *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int compare_records(const void *a, const void *b)
{
    const resolver_local_record_t *const *x = a;
    const resolver_local_record_t *const *y = b;
    return name_compare((*x)->owner.wire, (*y)->owner.wire);
}

special_t *special_new(const resolver_settings_t *settings)
{
    special_t *special = calloc(1, sizeof *special);
    const resolver_local_record_t **records = calloc(settings->local_record_count + 1, sizeof(const resolver_local_record_t *));
    if (!special || !records) {
        free(special);
        free(records);
        return NULL;
    }
    special->settings = settings;
    special->records = records;
    special->record_count = settings->local_record_count;
    for (size_t i = 0; i < settings->local_record_count; i++) {
        records[i] = &settings->local_records[i];
        special->deepest = records[i]->owner.labels > special->deepest ? records[i]->owner.labels : special->deepest;
    }
    qsort(records, special->record_count, sizeof *records, compare_records);
    if (settings->builtin_local_zones) {
        add_built_in(special);
        qsort(special->zones, special->zone_count, sizeof special->zones[0], compare_zones);
    }
    return special;
}

void special_free(special_t *special)
{
    if (special) {
        free(special->records);
        free(special);
    }
}

/* ---- the operator's records ---- */

/* The place of the first record whose owner is not before the name. */
static size_t first_record(const special_t *special, const uint8_t *name)
{
    size_t low = 0;
    size_t high = special->record_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(special->records[middle]->owner.wire, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_owner(const special_t *special, size_t index, const uint8_t *name)
{
    return index < special->record_count && name_equal(special->records[index]->owner.wire, name);
}

/* The first record of "*.ancestor", if it is there. */
static bool find_wildcard(const special_t *special, const uint8_t *ancestor, size_t *first)
{
    uint8_t wildcard[2 + NAME_WIRE_MAX + NAME_PADDING] = {1, '*'};
    memcpy(wildcard + 2, ancestor, name_length(ancestor)); /* what it stands for is at least as long */
    *first = first_record(special, wildcard);
    return is_owner(special, *first, wildcard);
}

/* The first of the records that speak for a name: its own; else those of the wildcard below its closest encloser (RFC 4592 3.3.1, among
 * the names given here); else the closest name above it that was said not to exist. False: the operator said nothing of it. */
static bool match_local(const special_t *special, const name_key_t *name, size_t *first)
{
    *first = first_record(special, name->wire);
    if (special->record_count == 0 || is_owner(special, *first, name->wire)) {
        return special->record_count > 0;
    }
    bool is_enclosed = *first < special->record_count && name_is_at_or_below(special->records[*first]->owner.wire, name->wire);
    for (unsigned labels = name->labels < special->deepest + 1 ? name->labels : special->deepest + 1; labels-- > 0;) {
        const uint8_t *ancestor = name->wire + name->offset[labels];
        if (!is_enclosed && find_wildcard(special, ancestor, first)) {
            return true;
        }
        *first = first_record(special, ancestor);
        if (is_owner(special, *first, ancestor) && special->records[*first]->type == RESOLVER_LOCAL_NXDOMAIN) {
            return true;
        }
        is_enclosed |= *first < special->record_count && name_is_at_or_below(special->records[*first]->owner.wire, ancestor);
    }
    return false;
}

/* The records as a message holds them, so that one function makes RRsets of both; a wildcard's get the name that was asked for. */
static bool collect_local(const special_t *special, size_t first, const name_key_t *name, uint16_t type, arena_t *arena, rrset_t *rrset)
{
    record_t *records = arena_alloc(arena, RECORDS_MAX * sizeof *records);
    message_t message = {.id = 0};
    if (!records) {
        return false;
    }
    message.records[SECTION_ANSWER] = records;
    for (size_t i = first; i < special->record_count && message.count[SECTION_ANSWER] < RECORDS_MAX; i++) {
        const resolver_local_record_t *local = special->records[i];
        if (!name_equal(local->owner.wire, special->records[first]->owner.wire)) {
            break;
        }
        records[message.count[SECTION_ANSWER]++] =
            (record_t){name->wire, local->type, CLASS_IN, local->ttl_s, local->rdlength, local->rdata};
    }
    return rrset_collect(&message, SECTION_ANSWER, name->wire, type, RECORDS_MAX, arena, rrset) == STATUS_OK;
}

/* ---- entries ---- */

static bool set_rrset(store_entry_t *entry, rrset_t *rrset)
{
    entry->kind = STORE_RRSET;
    entry->type = rrset->type;
    entry->ttl_s = rrset->ttl_s;
    entry->rrsets = rrset;
    entry->rrset_count = 1;
    return true;
}

/* A denial with a SOA as RFC 6303 3 writes it. */
static bool set_denial(store_entry_t *entry, store_kind_t kind, const uint8_t *apex, uint32_t ttl_s, arena_t *arena)
{
    static const uint8_t numbers[] = {0, 0, 0, 1, 0, 0, 0x0e, 0x10, 0, 0, 4, 0xb0, 0, 9, 0x3a, 0x80, 0, 0, 0x2a, 0x30};
    static const uint8_t nobody[] = "\6nobody\7invalid";
    uint8_t rdata[NAME_WIRE_MAX + sizeof nobody + sizeof numbers];
    size_t length = name_length(apex);
    memcpy(rdata, apex, length);
    memcpy(rdata + length, nobody, sizeof nobody);
    memcpy(rdata + length + sizeof nobody, numbers, sizeof numbers);
    rrset_t *soa = arena_alloc(arena, sizeof *soa);
    if (!soa || rrset_make(soa, arena, apex, TYPE_SOA, ttl_s, rdata, length + sizeof nobody + sizeof numbers) != STATUS_OK) {
        return false;
    }
    entry->kind = kind;
    entry->ttl_s = ttl_s;
    entry->zone = soa->owner;
    entry->rrsets = soa;
    entry->rrset_count = 1;
    return true;
}

static bool set_record(store_entry_t *entry, const name_key_t *name, uint16_t type, const void *rdata, size_t rdlength, arena_t *arena)
{
    rrset_t *rrset = arena_alloc(arena, sizeof *rrset);
    return rrset && rrset_make(rrset, arena, name->wire, type, LOCAL_TTL_S, rdata, rdlength) == STATUS_OK && set_rrset(entry, rrset);
}

/* ---- the zones ---- */

static const special_zone_t *find_zone(const special_t *special, const name_key_t *name)
{
    for (unsigned labels = name->labels; labels > 0 && special->zone_count > 0; labels--) {
        special_zone_t key = {.hash = name->hash[labels]};
        const special_zone_t *zone = bsearch(&key, special->zones, special->zone_count, sizeof key, compare_zones);
        if (zone && name_equal(zone->name.wire, name->wire + name->offset[labels])) {
            return zone;
        }
    }
    return NULL;
}

/* An operator who names servers for such a zone, or a part of it, means it (RFC 6303 3, RFC 8375 4). */
static bool is_configured(const special_t *special, const special_zone_t *zone, const name_key_t *name)
{
    for (size_t i = 0; i < special->settings->zone_count; i++) {
        const uint8_t *configured = special->settings->zones[i].zone.wire;
        if (name_is_at_or_below(configured, zone->name.wire) && name_is_at_or_below(name->wire, configured)) {
            return true;
        }
    }
    return false;
}

static bool answer_zone(const special_zone_t *zone, const name_key_t *name, uint16_t type, arena_t *arena, store_entry_t *entry)
{
    static const uint8_t localhost[] = "\11localhost";
    static const uint8_t ipv4[4] = {127, 0, 0, 1};
    static const uint8_t ipv6[16] = {[15] = 1};
    const uint8_t *apex = zone->name.wire;
    bool is_apex = name->labels == zone->name.labels;
    store_kind_t denial = is_apex || zone->kind == SPECIAL_NODATA ? STORE_NODATA : STORE_NAME_ERROR;
    if (is_apex && type == TYPE_SOA) {
        entry->type = TYPE_SOA;
        return set_denial(entry, STORE_RRSET, apex, LOCAL_TTL_S, arena);
    }
    if (is_apex && type == TYPE_NS) {
        return set_record(entry, name, TYPE_NS, apex, name_length(apex), arena);
    }
    if (zone->kind == SPECIAL_LOCALHOST) {
        if (type == TYPE_A || type == TYPE_AAAA) {
            return set_record(entry, name, type, type == TYPE_A ? ipv4 : ipv6, type == TYPE_A ? sizeof ipv4 : sizeof ipv6, arena);
        }
        denial = STORE_NODATA;
    }
    if (zone->kind == SPECIAL_REVERSE_LOCALHOST) {
        static const uint8_t host_127_0_0_1[] = "\1"
                                                "1\1"
                                                "0\1"
                                                "0\3"
                                                "127\7in-addr\4arpa";
        bool is_host = name_equal(name->wire, host_127_0_0_1) || (is_apex && zone->name.labels > 4);
        if (is_host && type == TYPE_PTR) {
            return set_record(entry, name, TYPE_PTR, localhost, sizeof localhost, arena);
        }
        denial = is_host ? STORE_NODATA : denial;
    }
    return set_denial(entry, denial, apex, LOCAL_TTL_S, arena);
}

/* What the operator has for a name, from the first of its records on. */
static bool answer_local(const special_t *special, size_t first, const name_key_t *name, uint16_t type, arena_t *arena,
                         store_entry_t *entry)
{
    const resolver_local_record_t *local = special->records[first];
    if (local->type == RESOLVER_LOCAL_NXDOMAIN) {
        bool is_wildcard = name_is_wildcard(local->owner.wire);
        entry->extended_error = EDE_BLOCKED;
        return set_denial(entry, STORE_NAME_ERROR, name_suffix(local->owner.wire, local->owner.labels - is_wildcard), local->ttl_s, arena);
    }
    rrset_t *rrset = arena_alloc(arena, sizeof *rrset);
    if (rrset && local->type != RESOLVER_LOCAL_NODATA &&
        (collect_local(special, first, name, type, arena, rrset) || collect_local(special, first, name, TYPE_CNAME, arena, rrset))) {
        return set_rrset(entry, rrset);
    }
    return set_denial(entry, STORE_NODATA, name->wire, local->ttl_s, arena);
}

unsigned special_built_in(const special_t *special, const name_key_t *name)
{
    const special_zone_t *zone = find_zone(special, name);
    return zone ? zone->name.labels : 0;
}

bool special_find_data(const special_t *special, const name_key_t *name, uint16_t type, arena_t *arena, store_entry_t *entry)
{
    *entry = (store_entry_t){.rank = STORE_RANK_AUTHORITATIVE, .security = STORE_INSECURE, .type = type, .extended_error = EDE_NONE};
    size_t first;
    return match_local(special, name, &first) && answer_local(special, first, name, type, arena, entry);
}

bool special_find(const special_t *special, const name_key_t *name, uint16_t type, arena_t *arena, store_entry_t *entry)
{
    *entry = (store_entry_t){.rank = STORE_RANK_AUTHORITATIVE, .security = STORE_INSECURE, .type = type, .extended_error = EDE_NONE};
    size_t first;
    if (match_local(special, name, &first)) {
        return answer_local(special, first, name, type, arena, entry);
    }
    const special_zone_t *zone = find_zone(special, name);
    if (!zone || is_configured(special, zone, name)) {
        return false;
    }
    /* The parent of home.arpa has a delegation without DS for it: only asking there proves that to a validator (RFC 8375 4). */
    if (type == TYPE_DS && name->labels == zone->name.labels) {
        return false;
    }
    return answer_zone(zone, name, type, arena, entry);
}
