#include "resolver/referral.h"

#include "base/require.h"
#include "wire/rrtype.h"

#include <string.h>

enum {
    ADDRESSES_A_NAME_MAX = 8,
    PROOFS_MAX = 8,
    /* For each of these all other records are gone through, so that there must not be as many of them as a message holds. */
    NAMES_LOOKED_AT_MAX = 4 * RESOLVER_NS_NAMES_MAX,
    PROOFS_LOOKED_AT_MAX = 2 * PROOFS_MAX,
};

typedef struct reading {
    const referral_source_t *source;
    const resolver_settings_t *settings;
    arena_t *arena;
    uint32_t ttl_s;
    delegation_server_t servers[RESOLVER_NS_NAMES_MAX];
    unsigned count;
} reading_t;

static bool is_address(const record_t *record)
{
    return (record->type == TYPE_A || record->type == TYPE_AAAA) && record->rrclass == CLASS_IN;
}

/* The glue of one name into addresses[]; how many. */
static unsigned read_glue(reading_t *reading, const uint8_t *name, resolver_address_t addresses[static ADDRESSES_A_NAME_MAX])
{
    const message_t *message = reading->source->message;
    unsigned count = 0;
    if (reading->settings->harden_glue && !name_is_at_or_below(name, reading->source->zone)) {
        return 0;
    }
    for (unsigned i = 0; i < message->count[SECTION_ADDITIONAL] && count < ADDRESSES_A_NAME_MAX; i++) {
        const record_t *record = &message->records[SECTION_ADDITIONAL][i];
        if (is_address(record) && name_equal(record->owner, name) &&
            resolver_address_from_rdata(&addresses[count], record->type, record->rdata, record->rdlength) &&
            resolver_address_may_be_asked(reading->settings, &addresses[count])) {
            reading->ttl_s = record->ttl_s < reading->ttl_s ? record->ttl_s : reading->ttl_s;
            count++;
        }
    }
    return count;
}

static bool is_taken(const reading_t *reading, const uint8_t *name)
{
    for (unsigned i = 0; i < reading->count; i++) {
        if (name_equal(reading->servers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static status_t take_server(reading_t *reading, const uint8_t *name, const resolver_address_t *addresses, unsigned count)
{
    size_t length = name_length(name);
    uint8_t *own = arena_alloc(reading->arena, length + NAME_PADDING);
    resolver_address_t *copy = arena_alloc(reading->arena, (count + 1) * sizeof *copy);
    if (!own || !copy) {
        return STATUS_NO_MEMORY;
    }
    memcpy(own, name, length);
    memset(own + length, 0, NAME_PADDING);
    name_lower(own, length);
    memcpy(copy, addresses, count * sizeof *copy);
    reading->servers[reading->count++] = (delegation_server_t){own, (uint16_t)count, copy};
    return STATUS_OK;
}

/* Names with glue in the first pass, those without in the second. */
static status_t read_servers(reading_t *reading, bool with_glue)
{
    const referral_source_t *source = reading->source;
    unsigned looked_at = 0;
    for (unsigned i = 0; i < source->message->count[source->section] && looked_at < NAMES_LOOKED_AT_MAX; i++) {
        const record_t *record = &source->message->records[source->section][i];
        if (record->type != TYPE_NS || record->rrclass != CLASS_IN || !name_equal(record->owner, source->cut)) {
            continue;
        }
        looked_at++;
        reading->ttl_s = record->ttl_s < reading->ttl_s ? record->ttl_s : reading->ttl_s;
        if (reading->count >= reading->settings->ns_names_max || reading->count == RESOLVER_NS_NAMES_MAX) {
            return STATUS_OK;
        }
        resolver_address_t addresses[ADDRESSES_A_NAME_MAX];
        unsigned count = read_glue(reading, record->rdata, addresses);
        if ((count > 0) == with_glue && !is_taken(reading, record->rdata)) {
            status_t status = take_server(reading, record->rdata, addresses, count);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

/* DS of the cut, or the NSEC or NSEC3 records that say there is none: for a validator, which alone can tell what they are worth. */
static status_t read_proofs(reading_t *reading, delegation_t *delegation)
{
    const referral_source_t *source = reading->source;
    rrset_t *proofs = arena_alloc(reading->arena, PROOFS_MAX * sizeof *proofs);
    if (!proofs) {
        return STATUS_NO_MEMORY;
    }
    unsigned count = 0;
    unsigned looked_at = 0;
    for (unsigned i = 0; i < source->message->count[SECTION_AUTHORITY] && count < PROOFS_MAX && looked_at < PROOFS_LOOKED_AT_MAX; i++) {
        const record_t *record = &source->message->records[SECTION_AUTHORITY][i];
        bool fits = record->type == TYPE_DS
                        ? name_equal(record->owner, source->cut)
                        : (record->type == TYPE_NSEC || record->type == TYPE_NSEC3) && name_is_at_or_below(record->owner, source->zone);
        bool is_new = fits && record->rrclass == CLASS_IN;
        for (unsigned j = 0; j < count && is_new; j++) {
            is_new = proofs[j].type != record->type || !name_equal(proofs[j].owner, record->owner);
        }
        if (!is_new) {
            continue;
        }
        looked_at++;
        status_t status = rrset_collect(source->message, SECTION_AUTHORITY, record->owner, record->type,
                                        reading->settings->records_an_rrset_max, reading->arena, &proofs[count]);
        if (status == STATUS_NO_MEMORY) {
            return status;
        }
        count += status == STATUS_OK;
    }
    delegation->proofs = proofs;
    delegation->proof_count = (uint16_t)count;
    return STATUS_OK;
}

status_t referral_read(const referral_source_t *source, const resolver_settings_t *settings, arena_t *arena, delegation_t *delegation)
{
    *delegation = (delegation_t){.zone = NULL};
    reading_t reading = {.source = source, .settings = settings, .arena = arena, .ttl_s = settings->delegation_ttl_max_s};
    status_t status = read_servers(&reading, true);
    status = status == STATUS_OK ? read_servers(&reading, false) : status;
    status = status == STATUS_OK && source->section == SECTION_AUTHORITY ? read_proofs(&reading, delegation) : status;
    if (status != STATUS_OK) {
        return status;
    }
    if (reading.count == 0) {
        return STATUS_NOT_FOUND;
    }
    delegation_server_t *servers = arena_alloc(arena, reading.count * sizeof *servers);
    uint8_t *zone = arena_alloc(arena, NAME_WIRE_MAX + 1 + NAME_PADDING);
    if (!servers || !zone) {
        return STATUS_NO_MEMORY;
    }
    memcpy(servers, reading.servers, reading.count * sizeof *servers);
    size_t length = name_length(source->cut);
    memcpy(zone, source->cut, length);
    name_lower(zone, length);
    memset(zone + length, 0, NAME_PADDING);
    delegation->zone = zone;
    delegation->ttl_s = reading.ttl_s;
    delegation->servers = servers;
    delegation->server_count = (uint16_t)reading.count;
    return STATUS_OK;
}
