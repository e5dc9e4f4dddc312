/* What the store still has and the internet does not any more: a delegation whose servers are silent, lame or give bogus data is asked for
 * again, of its parent.
 *
 *     [SELECT] --- every server was tried, or none had good data --->  the store has another delegation by now: its servers
 *        ^                                                            | it does not: the parent is asked, if this zone's was not lately
 *        |                                                            v
 *        +------ new servers, or old ones with tries left <----- referral      anything else: the delegation is forgotten
 *
 * Invariants
 *  1. A fetch does so once, and of one zone once in RENEWAL_WAIT_S: a zone whose servers are down, or whose data is bogus, costs its parent
 *     one question a minute, however many names are asked for in it.
 *  2. Only what the parent says makes, changes or ends a delegation; nothing that a child says does (ghost domains).
 *  3. What was found out about servers that the new delegation names too stands: they are asked no more often than otherwise.
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include <stdlib.h>
#include <string.h>

enum { RENEWAL_WAIT_S = 60, MS_A_SECOND = 1000 };

/* ---- once in a while ---- */

bool renewal_take(resolver_t *resolver, const uint8_t *zone, uint16_t type)
{
    uint8_t asked[NAME_WIRE_MAX + 1 + sizeof type];
    const size_t length = name_length(zone);
    memcpy(asked, zone, length);
    memcpy(asked + length, &type, sizeof type);
    const uint64_t hash = siphash(&resolver->hash_key, asked, length + sizeof type);
    const uint32_t tag = (uint32_t)(hash >> 32);
    const uint64_t now_s = resolver->now.monotonic_ms / MS_A_SECOND;
    renewal_slot_t *slot = &resolver->renewals[hash % RENEWAL_SLOTS];
    if (slot->tag == tag && now_s < slot->until_s) {
        return false;
    }
    *slot = (renewal_slot_t){.tag = tag, .until_s = (uint32_t)now_s + RENEWAL_WAIT_S};
    return true;
}

/* ---- what is new ---- */

static const candidate_t *find_candidate(const candidate_t *candidates, unsigned count, const resolver_address_t *address)
{
    for (unsigned i = 0; i < count; i++) {
        if (resolver_address_equal(&candidates[i].address, address)) {
            return &candidates[i];
        }
    }
    return NULL;
}

static bool has_server(const cut_t *cut, const uint8_t *name)
{
    for (unsigned i = 0; i < cut->server_count; i++) {
        if (name_equal(cut->servers[i].name.wire, name)) {
            return true;
        }
    }
    return false;
}

/* Does a delegation of the cut's zone lead anywhere else? */
static bool leads_elsewhere(const resolver_t *resolver, const cut_t *cut, const delegation_t *delegation)
{
    for (unsigned i = 0; i < delegation->server_count; i++) {
        const delegation_server_t *server = &delegation->servers[i];
        for (unsigned j = 0; j < server->address_count; j++) {
            if (resolver_address_may_be_asked(resolver->settings, &server->addresses[j]) &&
                !find_candidate(cut->candidates, cut->candidate_count, &server->addresses[j])) {
                return true;
            }
        }
        if (server->address_count == 0 && !has_server(cut, server->name)) {
            return true;
        }
    }
    return false;
}

/* ---- asking again ---- */

static bool remember(fetch_t *fetch)
{
    const cut_t *cut = &fetch->cut;
    const size_t size = cut->candidate_count * sizeof(candidate_t);
    renewal_t *renewal = malloc(sizeof *renewal + size);
    if (!renewal) {
        return false;
    }
    *renewal = (renewal_t){
        .labels = (uint8_t)cut->zone.labels,
        .minimises = fetch->minimise.enabled,
        .silences = fetch->minimised_silences,
        .sends = cut->sends,
        .rounds = cut->rounds,
        .trouble = fetch->trouble,
        .candidate_count = cut->candidate_count,
    };
    memcpy(renewal->candidates, cut->candidates, size);
    fetch->renewal = renewal;
    return true;
}

bool renew_is_open(const fetch_t *fetch)
{
    return fetch->cut.kind == CUT_DELEGATION && fetch->cut.is_from_store && !fetch->renewal;
}

static void forget(resolver_t *resolver, const uint8_t *zone)
{
    const delegation_t none = {.zone = zone};
    resolver->store->operations->put_delegation(resolver->store, &none, resolver->now.unix_s);
}

bool renew_delegation(resolver_t *resolver, fetch_t *fetch)
{
    const cut_t *cut = &fetch->cut;
    delegation_t known;
    if (cut->kind != CUT_DELEGATION || fetch->renewal || fetch->trouble.fault > FAULT_NETWORK) {
        return false;
    }
    bool is_known = resolver->store->operations->find_delegation(resolver->store, &cut->zone, cut->zone.labels, resolver->now.unix_s,
                                                                 &resolver->scratch, &known) &&
                    name_equal(known.zone, cut->zone.wire);
    bool is_replaced = is_known && leads_elsewhere(resolver, cut, &known); /* somebody else was told meanwhile */
    bool may_ask = cut->is_from_store && (!is_known || renewal_take(resolver, cut->zone.wire, 0));
    if (!is_replaced && !may_ask) {
        return false;
    }
    if (!remember(fetch)) {
        return false;
    }
    resolver->counters[RESOLVER_COUNT_RENEWALS]++;
    if (is_replaced) {
        cut_enter(resolver, fetch, &known, CUT_DELEGATION);
        return true;
    }
    if (fetch->renewal->labels == 0) {
        forget(resolver, cut->zone.wire); /* the root has no parent but the hints, until it is primed again */
    }
    cut_find(resolver, fetch);
    return true;
}

bool renew_enter(resolver_t *resolver, fetch_t *fetch)
{
    const renewal_t *renewal = fetch->renewal;
    cut_t *cut = &fetch->cut;
    bool is_new = false;
    if (!renewal || cut->zone.labels != renewal->labels) {
        return true;
    }
    for (unsigned i = 0; i < cut->candidate_count; i++) {
        const candidate_t *earlier = find_candidate(renewal->candidates, renewal->candidate_count, &cut->candidates[i].address);
        if (earlier) {
            cut->candidates[i] = *earlier;
        }
        is_new = is_new || !earlier;
    }
    for (unsigned i = 0; i < cut->server_count; i++) {
        is_new = is_new || cut->servers[i].families == 0;
    }
    fetch->trouble = renewal->trouble;
    if (!is_new) {
        cut->sends = renewal->sends;
        cut->rounds = renewal->rounds;
        fetch->minimise.enabled = fetch->minimise.enabled && renewal->minimises;
        fetch->minimised_silences = renewal->silences;
    }
    if (fetch->validation.rejected) {
        fetch->validation.sends = cut->sends;
        if (!is_new) {
            fetch_fail(resolver, fetch);
            return false;
        }
    }
    return true;
}

void renew_forget(resolver_t *resolver, const fetch_t *fetch)
{
    const renewal_t *renewal = fetch->renewal;
    bool is_by_parent = fetch->cut.kind == CUT_DELEGATION || fetch->cut.kind == CUT_HINTS || fetch->cut.kind == CUT_LOCAL_ROOT;
    if (!renewal || !is_by_parent || fetch->cut.zone.labels >= renewal->labels) {
        return;
    }
    forget(resolver, fetch->name.wire + fetch->name.offset[renewal->labels]);
}
