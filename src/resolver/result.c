/* From a good reply to an outcome: RRsets gathered, TTLs bounded, the store told (RFC 2181 5, 2308 5, 6672 3). */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "resolver/referral.h"
#include "wire/rrtype.h"

#include <string.h>

enum { SOA_NUMBERS_SIZE = 20 };

typedef struct making {
    resolver_t *resolver;
    fetch_t *fetch;
    const message_t *message;
    const uint8_t *zone; /* whose servers said it; NULL: a forwarder, which may have it from anywhere */
    outcome_t *outcome;
    rrset_t rrsets[STORE_ENTRY_RRSETS_MAX];
    unsigned count;
} making_t;

/* ---- gathering ---- */

static status_t gather(making_t *making, section_t section, const uint8_t *owner, uint16_t type)
{
    if (making->count == STORE_ENTRY_RRSETS_MAX) {
        return STATUS_OK;
    }
    status_t status = rrset_collect(making->message, section, owner, type, making->resolver->settings->records_an_rrset_max,
                                    &making->outcome->arena, &making->rrsets[making->count]);
    making->count += status == STATUS_OK;
    return status;
}

static bool is_gathered(const making_t *making, const record_t *record)
{
    for (unsigned i = 0; i < making->count; i++) {
        if (making->rrsets[i].type == record->type && name_equal(making->rrsets[i].owner, record->owner)) {
            return true;
        }
    }
    return false;
}

/* NSEC and NSEC3 of the zone: proofs of a denial or of a wildcard's expansion. */
static status_t gather_proofs(making_t *making)
{
    for (unsigned i = 0; i < making->message->count[SECTION_AUTHORITY]; i++) {
        const record_t *record = &making->message->records[SECTION_AUTHORITY][i];
        bool is_proof =
            (record->type == TYPE_NSEC || record->type == TYPE_NSEC3) && name_is_at_or_below(record->owner, making->fetch->cut.zone.wire);
        if (is_proof && !is_gathered(making, record)) {
            status_t status = gather(making, SECTION_AUTHORITY, record->owner, record->type);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

/* ---- TTLs ---- */

static uint32_t bounded(const resolver_settings_t *settings, uint32_t ttl_s)
{
    ttl_s = ttl_s < settings->ttl_min_s ? settings->ttl_min_s : ttl_s;
    return ttl_s > settings->ttl_max_s ? settings->ttl_max_s : ttl_s;
}

/* RFC 2308 5: the least of the SOA's TTL and its MINIMUM. */
static uint32_t negative_ttl(const resolver_settings_t *settings, const rrset_t *soa)
{
    const uint8_t *at = NULL;
    uint16_t rdlength = 0;
    const uint8_t *rdata = rrset_next(soa, &at, &rdlength);
    uint32_t minimum_s = rdlength >= SOA_NUMBERS_SIZE ? load_be32(rdata + rdlength - 4) : 0;
    uint32_t ttl_s = minimum_s < soa->ttl_s ? minimum_s : soa->ttl_s;
    ttl_s = ttl_s < settings->ttl_min_s ? settings->ttl_min_s : ttl_s;
    return ttl_s > settings->negative_ttl_max_s ? settings->negative_ttl_max_s : ttl_s;
}

static void bound_ttls(making_t *making, uint32_t limit_s)
{
    making->outcome->entry.ttl_s = limit_s;
    for (unsigned i = 0; i < making->count; i++) {
        uint32_t ttl_s = bounded(making->resolver->settings, making->rrsets[i].ttl_s);
        making->rrsets[i].ttl_s = ttl_s < limit_s ? ttl_s : limit_s;
        if (making->rrsets[i].ttl_s < making->outcome->entry.ttl_s) {
            making->outcome->entry.ttl_s = making->rrsets[i].ttl_s;
        }
    }
}

/* ---- finishing ---- */

static void out_of_memory(making_t *making)
{
    outcome_unref(making->outcome);
    fetch_set_trouble(making->fetch, "out of memory", EDE_OTHER, NULL);
    making->fetch->trouble.fault = FAULT_SHORTAGE;
    fetch_fail_by_budget(making->resolver, making->fetch);
}

/* The RRsets go into the outcome; that is validated, goes to all who wait, and a copy to the store under the fetch's name. */
static void deliver(making_t *making)
{
    outcome_t *outcome = making->outcome;
    rrset_t *rrsets = arena_alloc(&outcome->arena, (making->count + 1) * sizeof *rrsets);
    uint8_t *zone = arena_alloc(&outcome->arena, NAME_WIRE_MAX + 1 + NAME_PADDING);
    if (!rrsets || !zone) {
        out_of_memory(making);
        return;
    }
    memcpy(rrsets, making->rrsets, making->count * sizeof *rrsets);
    outcome->entry.rrsets = rrsets;
    outcome->entry.rrset_count = (uint16_t)making->count;
    if (making->zone) {
        memcpy(zone, making->zone, name_length(making->zone));
        outcome->entry.zone = zone;
    } else {
        outcome->entry.zone = NULL;
    }
    validate_take(making->resolver, making->fetch, outcome);
}

/* An RRset too large, a proof that cannot be read: the server is left, others may do better. */
static void reject(making_t *making)
{
    fetch_t *fetch = making->fetch;
    candidate_t *candidate = &fetch->cut.candidates[fetch->exchange.candidate];
    outcome_unref(making->outcome);
    candidate->is_dead = true;
    fetch_set_trouble(fetch, "sent more records than are taken", EDE_INVALID_DATA, &candidate->address);
    exchange_close(making->resolver, fetch);
    resolver_ready_fetch(making->resolver, fetch);
}

static void set_entry(making_t *making, store_kind_t kind, uint16_t type, bool is_authoritative)
{
    making->outcome->entry = (store_entry_t){
        .kind = kind,
        .rank = is_authoritative ? (kind == STORE_RRSET ? STORE_RANK_AUTHORITATIVE : STORE_RANK_AUTHORITY) : STORE_RANK_ANSWER,
        .security = STORE_INDETERMINATE,
        .type = type,
        .extended_error = EDE_NONE,
    };
}

/* ---- kinds ---- */

/* The CNAME that a DNAME makes of the name, put before it (RFC 6672 3.1, 3.4). False: the name would be too long. */
static status_t synthesise(making_t *making, const rrset_t *dname)
{
    const uint8_t *at = NULL;
    uint16_t rdlength;
    const uint8_t *target = rrset_next(dname, &at, &rdlength);
    name_t alias;
    if (name_substitute(&alias, making->fetch->name.wire, name_labels(dname->owner), target) != STATUS_OK) {
        return STATUS_INVALID;
    }
    making->rrsets[1] = *dname;
    making->count = 2;
    return rrset_make(&making->rrsets[0], &making->outcome->arena, making->fetch->name.wire, TYPE_CNAME, dname->ttl_s, alias.wire,
                      alias.length);
}

static status_t take_dname(making_t *making, const rrset_t *dname, bool is_authoritative)
{
    const rrset_t own = *dname;
    set_entry(making, STORE_RRSET, TYPE_CNAME, is_authoritative);
    status_t status = synthesise(making, &own);
    if (status == STATUS_INVALID) {
        making->outcome->overflow = true;
        making->outcome->entry.type = TYPE_DNAME;
        making->rrsets[0] = own;
        making->count = 1;
        return STATUS_OK;
    }
    return status;
}

static status_t make_dname(making_t *making, const reply_t *reply)
{
    status_t status = gather(making, SECTION_ANSWER, reply->owner, TYPE_DNAME);
    if (status != STATUS_OK) {
        return status;
    }
    const rrset_t dname = making->rrsets[0];
    status = take_dname(making, &dname, reply->is_authoritative);
    if (status == STATUS_OK) {
        bound_ttls(making, making->resolver->settings->ttl_max_s);
    }
    return status;
}

/* The zone's own NS RRset beside an answer: of use to clients who want more than the answer alone. Unvalidated. */
static void keep_servers(const making_t *making)
{
    resolver_t *resolver = making->resolver;
    const fetch_t *fetch = making->fetch;
    rrset_t rrset;
    if (resolver->settings->minimal_answers || fetch->cut.kind == CUT_SERVED || fetch->cut.kind == CUT_FORWARD ||
        rrset_collect(making->message, SECTION_AUTHORITY, fetch->cut.zone.wire, TYPE_NS, resolver->settings->records_an_rrset_max,
                      &resolver->reply_arena, &rrset) != STATUS_OK) {
        return;
    }
    rrset.ttl_s = bounded(resolver->settings, rrset.ttl_s);
    const store_entry_t entry = {.kind = STORE_RRSET,
                                 .rank = STORE_RANK_AUTHORITY,
                                 .security = STORE_INDETERMINATE,
                                 .type = TYPE_NS,
                                 .extended_error = EDE_NONE,
                                 .ttl_s = rrset.ttl_s,
                                 .rrset_count = 1,
                                 .zone = fetch->cut.zone.wire,
                                 .rrsets = &rrset};
    resolver->store->operations->put(resolver->store, &fetch->cut.zone, &entry, resolver->now.unix_s);
}

static status_t make_data(making_t *making, const reply_t *reply)
{
    uint16_t type = reply->kind == REPLY_CNAME ? TYPE_CNAME : making->fetch->type;
    set_entry(making, STORE_RRSET, type, reply->is_authoritative);
    status_t status = gather(making, SECTION_ANSWER, reply->owner, type);
    if (status == STATUS_OK && making->rrsets[0].signature_count > 0) {
        status = gather_proofs(making); /* of a wildcard's expansion; left out when it proves to be none */
    }
    bound_ttls(making, making->resolver->settings->ttl_max_s);
    return status;
}

static status_t make_denial(making_t *making, const reply_t *reply)
{
    set_entry(making, reply->kind == REPLY_NODATA ? STORE_NODATA : STORE_NAME_ERROR, making->fetch->type, reply->is_authoritative);
    if (!reply->owner) { /* no SOA: nobody says how long, so it is not kept (RFC 2308 5) */
        status_t status = gather_proofs(making);
        bound_ttls(making, 0);
        return status;
    }
    status_t status = gather(making, SECTION_AUTHORITY, reply->owner, TYPE_SOA);
    if (status == STATUS_OK) {
        uint32_t limit_s = negative_ttl(making->resolver->settings, &making->rrsets[0]);
        status = gather_proofs(making);
        bound_ttls(making, limit_s);
    }
    return status;
}

/* The root's own NS RRset, with addresses, takes the place of the hints (RFC 8109 4). */
static void take_priming(making_t *making)
{
    resolver_t *resolver = making->resolver;
    const fetch_t *fetch = making->fetch;
    referral_source_t source = {making->message, SECTION_ANSWER, fetch->cut.zone.wire, fetch->name.wire};
    delegation_t delegation;
    bool is_root = fetch->name.labels == 0 && fetch->type == TYPE_NS && fetch->cut.kind != CUT_FORWARD && fetch->cut.kind != CUT_SERVED;
    if (!is_root || referral_read(&source, resolver->settings, &resolver->reply_arena, &delegation) != STATUS_OK) {
        return;
    }
    for (unsigned i = 0; i < delegation.server_count; i++) {
        if (delegation.servers[i].address_count > 0) { /* without a single address it would be worse than the hints */
            resolver->store->operations->put_delegation(resolver->store, &delegation, resolver->now.unix_s);
            return;
        }
    }
}

/* ---- the store ---- */

/* The DNAME itself is worth keeping: it answers for all names below it. */
static void remember_dname(resolver_t *resolver, const store_entry_t *made, const rrset_t *dname)
{
    store_entry_t entry = *made;
    name_key_t owner;
    name_key_init(&owner, dname->owner, name_length(dname->owner));
    entry.type = TYPE_DNAME;
    entry.ttl_s = dname->ttl_s;
    entry.rrsets = dname;
    entry.rrset_count = 1;
    resolver->store->operations->put(resolver->store, &owner, &entry, resolver->now.unix_s);
}

void result_keep(resolver_t *resolver, const fetch_t *fetch, const outcome_t *outcome)
{
    const store_entry_t *entry = &outcome->entry;
    if (fetch->cut.kind == CUT_SERVED && !fetch->validation.is_from_store) {
        return;
    }
    if (entry->kind == STORE_RRSET && entry->rrset_count > 0 && entry->rrsets[entry->rrset_count - 1].type == TYPE_DNAME &&
        (entry->type == TYPE_CNAME || outcome->overflow)) {
        remember_dname(resolver, entry, &entry->rrsets[entry->rrset_count - 1]);
    }
    if (!outcome->overflow) {
        resolver->store->operations->put(resolver->store, &fetch->name, entry, resolver->now.unix_s);
    }
}

void result_take(resolver_t *resolver, fetch_t *fetch, const message_t *message, const reply_t *reply)
{
    making_t making = {.resolver = resolver, .fetch = fetch, .message = message, .outcome = outcome_new()};
    making.zone = fetch->cut.kind == CUT_FORWARD ? NULL : fetch->cut.zone.wire;
    fetch->validation.is_from_store = false;
    renew_forget(resolver, fetch);
    if (!making.outcome) {
        fetch_finish(resolver, fetch, NULL);
        return;
    }
    making.outcome->is_served = fetch->cut.kind == CUT_SERVED;
    status_t status;
    if (reply->kind == REPLY_DNAME) {
        status = make_dname(&making, reply);
    } else if (reply->kind == REPLY_ANSWER || reply->kind == REPLY_CNAME) {
        status = make_data(&making, reply);
        if (reply->is_authoritative) {
            keep_servers(&making);
        }
        take_priming(&making);
    } else {
        status = make_denial(&making, reply);
    }
    if (status == STATUS_OK) {
        deliver(&making);
    } else if (status == STATUS_NO_MEMORY) {
        out_of_memory(&making);
    } else {
        reject(&making);
    }
}

void result_take_known(resolver_t *resolver, fetch_t *fetch, const store_entry_t *entry)
{
    making_t making = {.resolver = resolver, .fetch = fetch, .outcome = outcome_new()};
    if (!making.outcome) {
        fetch_finish(resolver, fetch, NULL);
        return;
    }
    making.zone = entry->zone;
    fetch->validation.is_from_store = true;
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        if (rrset_copy(&making.rrsets[i], &entry->rrsets[i], &making.outcome->arena) != STATUS_OK) {
            out_of_memory(&making);
            return;
        }
        making.count++;
    }
    making.outcome->entry = *entry;
    status_t status = STATUS_OK;
    if (entry->kind == STORE_RRSET) {
        const rrset_t dname = making.rrsets[0];
        status = take_dname(&making, &dname, entry->rank == STORE_RANK_AUTHORITATIVE);
        making.outcome->entry.security = entry->security;
        making.outcome->entry.ttl_s = entry->ttl_s;
    }
    if (status == STATUS_OK) {
        deliver(&making);
    } else {
        out_of_memory(&making);
    }
}
