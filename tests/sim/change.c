#include "sim_internal.h"

#include "base/require.h"
#include "dnssec/nsec3_hash.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <string.h>

/* ---- which records ---- */

static bool is_owned_by(const record_t *record, const char *owner)
{
    if (!owner) {
        return true;
    }
    name_t name = sim_name(owner);
    return name_equal(record->owner, name.wire);
}

/* Matches or covers, around the end of the chain too. */
static bool speaks_of(const record_t *record, const name_t *name)
{
    name_t owner;
    name_set(&owner, record->owner);
    name_lower(owner.wire, owner.length);
    if (record->type == TYPE_NSEC) {
        name_t next;
        name_set(&next, record->rdata);
        name_lower(next.wire, next.length);
        bool is_behind = name_compare(owner.wire, name->wire) <= 0;
        bool is_last = name_compare(next.wire, owner.wire) <= 0;
        return is_behind && (is_last || name_compare(name->wire, next.wire) < 0);
    }
    nsec3_parameters_t parameters;
    uint8_t hash[NSEC3_HASH_SIZE];
    uint8_t from[NSEC3_HASH_SIZE];
    if (record->type != TYPE_NSEC3 || !nsec3_parameters_read(&parameters, record->rdata, record->rdlength) ||
        !nsec3_hash_from_label(owner.wire + 1, owner.wire[0], from)) {
        return false;
    }
    nsec3_hash(&parameters, name->wire, name->length, hash);
    const uint8_t *to = record->rdata + 5 + parameters.salt_size + 1;
    bool is_behind = memcmp(from, hash, sizeof hash) <= 0;
    bool is_before = memcmp(hash, to, sizeof hash) < 0;
    bool is_last = memcmp(to, from, sizeof hash) <= 0;
    return is_last ? is_behind || is_before : is_behind && is_before;
}

/* ---- taking away ---- */

typedef bool (*is_meant_t)(const sim_change_t *change, const record_t *record, const void *context);

static void drop(const sim_change_t *change, message_t *message, is_meant_t is_meant, const void *context)
{
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        uint16_t kept = 0;
        for (unsigned i = 0; i < message->count[section]; i++) {
            if (!is_meant(change, &message->records[section][i], context)) {
                message->records[section][kept++] = message->records[section][i];
            }
        }
        message->count[section] = kept;
    }
}

static bool is_named(const sim_change_t *change, const record_t *record, const void *context)
{
    (void)context;
    bool covers = change->covered == 0 || (record->type == TYPE_RRSIG && load_be16(record->rdata) == change->covered);
    return is_owned_by(record, change->owner) && (change->type == 0 || record->type == change->type) && covers;
}

typedef struct denial {
    name_t name;
    const uint8_t *owner; /* of the record found */
    uint16_t type;
} denial_t;

static bool is_denial(const sim_change_t *change, const record_t *record, const void *context)
{
    (void)change;
    const denial_t *denial = context;
    bool is_signature = record->type == TYPE_RRSIG && load_be16(record->rdata) == denial->type;
    return (is_signature || record->type == denial->type) && name_equal(record->owner, denial->owner);
}

static void drop_denial(const sim_change_t *change, message_t *message)
{
    denial_t denial = {.name = sim_name(change->owner)};
    name_lower(denial.name.wire, denial.name.length);
    for (unsigned i = 0; i < message->count[SECTION_AUTHORITY];) {
        const record_t *record = &message->records[SECTION_AUTHORITY][i++];
        if (speaks_of(record, &denial.name)) {
            denial.owner = record->owner;
            denial.type = record->type;
            drop(change, message, is_denial, &denial);
            i = 0;
        }
    }
}

static bool is_signature_of_denial(const sim_change_t *change, const record_t *record, const void *context)
{
    return record->type == TYPE_RRSIG && is_denial(change, record, context);
}

static void drop_nth_denial(const sim_change_t *change, message_t *message)
{
    unsigned seen = 0;
    for (unsigned i = 0; i < message->count[SECTION_AUTHORITY]; i++) {
        const record_t *record = &message->records[SECTION_AUTHORITY][i];
        if ((record->type == TYPE_NSEC || record->type == TYPE_NSEC3) && seen++ == change->value) {
            const denial_t denial = {.owner = record->owner, .type = record->type};
            drop(change, message, change->kind == CHANGE_DROP_NTH_DENIAL ? is_denial : is_signature_of_denial, &denial);
            return;
        }
    }
}

/* ---- adding ---- */

typedef struct addition {
    message_t *message;
    arena_t *arena;
    const zone_contents_t *zone;
    section_t section;
    const uint8_t *owner;
} addition_t;

static record_t *add_record(const addition_t *addition, uint16_t type, uint32_t ttl_s)
{
    message_t *message = addition->message;
    unsigned count = message->count[addition->section];
    record_t *records = arena_alloc(addition->arena, (count + 1) * sizeof *records);
    REQUIRE(records);
    if (count > 0) {
        memcpy(records, message->records[addition->section], count * sizeof *records);
    }
    message->records[addition->section] = records;
    message->count[addition->section]++;
    records[count] = (record_t){.owner = addition->owner, .type = type, .rrclass = CLASS_IN, .ttl_s = ttl_s};
    return &records[count];
}

static void add_rrset(const addition_t *addition, const zone_rrset_t *rrset)
{
    uint32_t ttl_s = load_be32(rrset->fixed + 4);
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        uint8_t *rdata = arena_alloc(addition->arena, RDATA_MAX);
        REQUIRE(rdata);
        record_t *added = add_record(addition, rrset->type, ttl_s);
        added->rdlength = (uint16_t)zone_record_rdata(addition->zone, rrset, record, rdata, &record);
        added->rdata = rdata;
    }
    const uint8_t *signature = rrset->data + rrset->data_size;
    for (unsigned i = 0; i < rrset->signature_count; i++) {
        record_t *added = add_record(addition, TYPE_RRSIG, ttl_s);
        added->rdlength = load_be16(signature);
        added->rdata = signature + 2;
        signature += 2 + added->rdlength;
    }
}

static const zone_contents_t *contents_of(sim_host_t *host, const char *apex)
{
    name_t name = sim_name(apex);
    zone_slot_t *slot = sim_find_zone(host->sim, name.wire);
    if (!slot) {
        sim_give_up("no such zone", apex);
    }
    return atomic_load(&slot->contents);
}

static void add(sim_host_t *host, const sim_change_t *change, message_t *message, arena_t *arena)
{
    const zone_contents_t *zone = contents_of(host, change->zone);
    name_t owner = sim_name(change->owner);
    name_t *shown = arena_alloc(arena, sizeof *shown);
    REQUIRE(shown);
    *shown = sim_name(change->name ? change->name : change->owner);
    const zone_node_t *node = zone_find(zone, owner.wire);
    const zone_rrset_t *rrset = node ? zone_node_find(node, change->type) : NULL;
    if (!rrset) {
        sim_give_up("no such RRset", change->owner);
    }
    add_rrset(&(addition_t){message, arena, zone, (section_t)change->section, shown->wire}, rrset);
}

static void add_denial(sim_host_t *host, const sim_change_t *change, message_t *message, arena_t *arena)
{
    const zone_contents_t *zone = contents_of(host, change->zone);
    const zone_contents_head_t *head = zone_head(zone);
    name_t name = sim_name(change->owner);
    name_lower(name.wire, name.length);
    const zone_node_t *node = NULL;
    if (head->has_nsec3) {
        uint8_t hash[NSEC3_HASH_SIZE];
        bool matches;
        nsec3_parameters_t parameters = {head->nsec3_salt, head->nsec3_salt_size, head->nsec3_iterations};
        nsec3_hash(&parameters, name.wire, name.length, hash);
        node = zone_nsec3_covering(zone, hash, &matches);
    } else {
        node = zone_nsec_covering(zone, name.wire);
    }
    const zone_rrset_t *rrset = node ? zone_node_find(node, head->has_nsec3 ? TYPE_NSEC3 : TYPE_NSEC) : NULL;
    if (!rrset) {
        sim_give_up("no denial", change->owner);
    }
    add_rrset(&(addition_t){message, arena, zone, SECTION_AUTHORITY, node->wire}, rrset);
}

/* ---- the whole ---- */

static void rename_records(const sim_change_t *change, message_t *message, arena_t *arena)
{
    name_t *name = arena_alloc(arena, sizeof *name);
    REQUIRE(name);
    *name = sim_name(change->name);
    for (unsigned i = 0; i < message->count[change->section]; i++) {
        record_t *record = &message->records[change->section][i];
        record->owner = is_owned_by(record, change->owner) ? name->wire : record->owner;
    }
}

static void set_ttl(const sim_change_t *change, message_t *message)
{
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        for (unsigned i = 0; i < message->count[section]; i++) {
            record_t *record = &message->records[section][i];
            record->ttl_s = is_named(change, record, NULL) ? change->value : record->ttl_s;
        }
    }
}

void sim_change_apply(sim_host_t *host, const sim_change_t *change, message_t *message, arena_t *arena)
{
    name_t wanted = sim_name(change->for_name ? change->for_name : ".");
    if ((change->for_name && !name_equal(wanted.wire, message->question_name)) ||
        (change->for_type != 0 && change->for_type != message->question_type)) {
        return;
    }
    switch (change->kind) {
    case CHANGE_DROP:
        drop(change, message, is_named, NULL);
        break;
    case CHANGE_DROP_DENIAL:
        drop_denial(change, message);
        break;
    case CHANGE_DROP_NTH_DENIAL:
    case CHANGE_DROP_NTH_SIGNATURE:
        drop_nth_denial(change, message);
        break;
    case CHANGE_ADD:
        add(host, change, message, arena);
        break;
    case CHANGE_ADD_DENIAL:
        add_denial(host, change, message, arena);
        break;
    case CHANGE_RENAME:
        rename_records(change, message, arena);
        break;
    case CHANGE_RCODE:
        message->rcode = (uint16_t)change->value;
        break;
    case CHANGE_TTL:
        set_ttl(change, message);
        break;
    case CHANGE_CLEAR:
        message->count[change->section] = 0;
        break;
    }
}
