/* The way from a trust anchor down to a zone (RFC 4035 5.2, 5.5; RFC 6840 4.4, 5.10; RFC 7646).
 *
 * At each zone whose keys are known the next one is found by its delegation, where the store holds that with valid proofs, or by asking for
 * the DS: of the zone that is said to have signed, or label by label where nobody has. Nothing is remembered between steps but what is
 * proven: a step begins again at the deepest zone known.
 */
#include "resolver/validate.h"

#include "dnssec/denial.h"
#include "wire/rrtype.h"

#include <string.h>

enum {
    ROUNDS_MAX = 4 * NAME_LABELS_MAX, /* of one step; each has learned something */
    SERVED_INSECURE_S = 60,           /* how long a zone served here counts as insecure for want of a proof */
    TTL_MIN_S = 1,                    /* what was just found out is good for the step that asked for it */
};

static const uint8_t *suffix(const validator_t *validator, unsigned labels)
{
    const name_key_t *name = &validator->fetch->name;
    return name->wire + name->offset[labels];
}

static uint64_t now_s(const validator_t *validator)
{
    return validator->resolver->now.unix_s;
}

static uint64_t until(const validator_t *validator, uint32_t ttl_s)
{
    return now_s(validator) + (ttl_s > TTL_MIN_S ? ttl_s : TTL_MIN_S);
}

static void limit_life(validator_t *validator, uint64_t until_s)
{
    uint64_t left_s = until_s - now_s(validator);
    if (left_s < validator->limit_s) {
        validator->limit_s = (uint32_t)left_s;
    }
}

/* ---- anchors ---- */

const trust_point_t *validate_point(const validator_t *validator, unsigned labels)
{
    const trust_anchors_t *anchors = validator->resolver->trust->anchors;
    return anchors ? trust_anchors_find(anchors, suffix(validator, labels)) : NULL;
}

/* The closest negative anchor that is in force at or above the name: its labels, or -1. */
static int find_negative(const validator_t *validator, uint64_t *until_s)
{
    const resolver_trust_t *trust = validator->resolver->trust;
    int labels = -1;
    for (size_t i = 0; i < trust->negative_count; i++) {
        const negative_anchor_t *anchor = &trust->negative[i];
        bool is_in_force = anchor->until_s == 0 || now_s(validator) < anchor->until_s;
        if (is_in_force && (int)anchor->name.labels > labels &&
            name_is_at_or_below(suffix(validator, validator->home), anchor->name.wire)) {
            labels = anchor->name.labels;
            *until_s = anchor->until_s;
        }
    }
    return labels;
}

/* Where the walk begins. VERDICT_GO_ON with the labels of the anchor, or a verdict. */
static verdict_t find_anchor(validator_t *validator, unsigned *labels)
{
    const trust_anchors_t *anchors = validator->resolver->trust ? validator->resolver->trust->anchors : NULL;
    const trust_point_t *point = anchors ? trust_anchors_closest(anchors, suffix(validator, validator->home)) : NULL;
    if (!point) {
        return VERDICT_INDETERMINATE;
    }
    uint64_t until_s = 0;
    *labels = name_labels(point->owner);
    if (find_negative(validator, &until_s) >= (int)*labels) {
        if (until_s > 0) {
            limit_life(validator, until_s);
        }
        return VERDICT_INSECURE;
    }
    return VERDICT_GO_ON;
}

/* ---- what validated records say about a zone ---- */

static dnssec_records_t records_of(validator_t *validator, const rrset_t *rrset)
{
    validate_records_t records;
    return validate_records(&validator->resolver->scratch, rrset, &records) ? (dnssec_records_t){records.rrset.records, records.rrset.count}
                                                                            : (dnssec_records_t){NULL, 0};
}

static bool is_same_ds(const zone_trust_t *zone, dnssec_records_t ds)
{
    if (zone->ds_count != ds.count || (zone->state != ZONE_SIGNED && zone->state != ZONE_SECURE)) {
        return false;
    }
    for (size_t i = 0; i < ds.count; i++) {
        if (zone->ds[i].length != ds.list[i].length || memcmp(zone->ds[i].data, ds.list[i].data, ds.list[i].length) != 0) {
            return false;
        }
    }
    return true;
}

static void learn_ds(validator_t *validator, unsigned labels, const rrset_t *rrset, uint32_t ttl_s)
{
    zone_trust_table_t *table = validator->resolver->zone_trust;
    const uint8_t *zone = suffix(validator, labels);
    dnssec_records_t ds = records_of(validator, rrset);
    if (ds.count == 0) {
        return; /* no memory: the rounds come to their end */
    }
    dnssec_result_t usable = dnssec_ds_usable(validator->context.policy, ds);
    if (usable != DNSSEC_VALID) {
        zone_trust_put_insecure(table, zone, (int16_t)dnssec_result_ede(usable), until(validator, ttl_s));
        return;
    }
    zone_trust_t *known = zone_trust_find(table, zone, now_s(validator));
    if (known && is_same_ds(known, ds)) {
        known->until_s = until(validator, ttl_s); /* its keys stay */
    } else {
        zone_trust_put_signed(table, zone, ds, until(validator, ttl_s));
    }
}

static void learn_keys(validator_t *validator, unsigned labels, const store_entry_t *entry)
{
    zone_trust_put_keys(validator->resolver->zone_trust, suffix(validator, labels), validator->context.policy,
                        records_of(validator, &entry->rrsets[0]), until(validator, entry->ttl_s));
}

/* Does a validated denial of a DS show a zone cut? Without a trace of one there is none (RFC 6840 4.4). */
static bool shows_cut(validator_t *validator, unsigned labels, const store_entry_t *entry)
{
    denial_set_t set;
    if (!entry->zone) {
        return false;
    }
    denial_set_init(&set, entry->zone, validator->context.policy, &validator->purse, &validator->resolver->nsec3_cache);
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        const dnssec_verified_t verified = {.is_expansion = false};
        validate_records_t records;
        bool is_proof = entry->rrsets[i].type == TYPE_NSEC || entry->rrsets[i].type == TYPE_NSEC3;
        if (is_proof && validate_records(&validator->resolver->scratch, &entry->rrsets[i], &records)) {
            (void)denial_set_add(&set, &records.rrset, &verified);
        }
    }
    return denial_insecure_delegation(&set, suffix(validator, labels)) != DENIAL_NOT_PROVEN;
}

/* DNSKEY records that are not the zone's own, but data of a name in it, are no keys. */
static bool is_of_apex(const validator_t *validator, unsigned labels, const store_entry_t *entry)
{
    return entry->zone && name_equal(entry->zone, suffix(validator, labels));
}

bool validate_learn(validator_t *validator, unsigned labels, const store_entry_t *entry)
{
    zone_trust_table_t *table = validator->resolver->zone_trust;
    if (entry->security == STORE_INSECURE) {
        zone_trust_put_insecure(table, suffix(validator, labels), entry->extended_error, until(validator, entry->ttl_s));
        return true;
    }
    if (entry->security != STORE_SECURE) {
        return false;
    }
    if (entry->kind == STORE_RRSET && entry->type == TYPE_DS) {
        learn_ds(validator, labels, &entry->rrsets[0], entry->ttl_s);
        return true;
    }
    if (entry->kind == STORE_RRSET && entry->type == TYPE_DNSKEY && is_of_apex(validator, labels, entry)) {
        learn_keys(validator, labels, entry);
        return true;
    }
    if (entry->kind == STORE_NODATA && shows_cut(validator, labels, entry)) {
        zone_trust_put_insecure(table, suffix(validator, labels), EDE_NONE, until(validator, entry->ttl_s));
        return true;
    }
    return false;
}

/* ---- look-ups ---- */

/* Who waits for whom: for what is above, and at the same name a DS for nothing, keys for the DS, data for both. The root, which has no
 * parent, has no DS: one that is asked for is data like any other. */
static unsigned rank_of(unsigned labels, uint16_t type)
{
    bool is_ds = type == TYPE_DS && labels > 0;
    return 3 * labels + (is_ds ? 0 : type == TYPE_DNSKEY ? 1 : 2);
}

bool validate_may_look_up(const validator_t *validator, unsigned labels, uint16_t type)
{
    return rank_of(labels, type) < rank_of(validator->fetch->name.labels, validator->fetch->type); /* invariant 4 of validate.c */
}

verdict_t validate_look_up(validator_t *validator, unsigned labels, uint16_t type)
{
    fetch_t *fetch = validator->fetch;
    validation_t *state = validator->state;
    name_key_t name;
    name_key_init(&name, suffix(validator, labels), name_length(suffix(validator, labels)));
    bool is_below = validate_may_look_up(validator, labels, type);
    DEBUG_ASSERT(is_below);
    if (!is_below || state->lookups++ >= validator->resolver->settings->fetches_max_a_request) {
        return validate_say(validator, VERDICT_FAILED, EDE_DNSSEC_INDETERMINATE,
                            "not validated: too many DS and DNSKEY records are needed");
    }
    state->edge = (edge_t){.by_fetch = fetch, .type = type};
    state->wanted = (uint8_t)labels;
    fetch_wish_t wish = {&name, type, fetch->depth + 1, fetch->budget, &state->edge, true, state->is_renewing};
    (void)renewal_take(validator->resolver, name.wire, type); /* not again soon, whyever it is asked for now */
    status_t status = fetch_want(validator->resolver, &wish);
    if (status == STATUS_OK) {
        return VERDICT_WAIT;
    }
    validator->by_budget = true;
    validator->is_shortage = status == STATUS_NO_SPACE || status == STATUS_NO_MEMORY;
    return validate_say(validator, VERDICT_FAILED, EDE_DNSSEC_INDETERMINATE, "not validated: %s",
                        status == STATUS_EXISTS  ? "its keys can only be found by asking for themselves"
                        : status == STATUS_LIMIT ? "finding its keys takes too many questions"
                                                 : "too many questions are being resolved to find its keys");
}

static void say_lookup(validator_t *validator, const outcome_t *outcome, uint16_t type)
{
    char zone[NAME_TEXT_MAX];
    name_to_text(suffix(validator, validator->state->wanted), zone);
    (void)validate_say(validator, VERDICT_FAILED, outcome->entry.extended_error, "the %s records of %.120s cannot be had: %.200s",
                       type == TYPE_DS ? "DS" : "DNSKEY", zone, outcome->text);
}

/* A zone served by this very server counts as insecure where no proof is to be had: the operator's own word. Is there one here, below all
 * that is proven? */
static bool is_served(validator_t *validator)
{
    const resolver_served_t *served = &validator->resolver->served;
    zone_trust_table_t *table = validator->resolver->zone_trust;
    const name_key_t *name = &validator->fetch->name;
    name_t zone;
    if (!served->find || !served->find(served->context, name, validator->home, &zone) || zone.labels == 0) {
        return false;
    }
    const zone_trust_t *proven = zone_trust_deepest(table, name, validator->home, 0, now_s(validator));
    while (proven && proven->state == ZONE_BOGUS) {
        proven = proven->labels > 0 ? zone_trust_deepest(table, name, proven->labels - 1u, 0, now_s(validator)) : NULL;
    }
    if (proven && zone.labels <= proven->labels) {
        return false;
    }
    zone_trust_put_insecure(table, zone.wire, EDE_NONE, now_s(validator) + SERVED_INSECURE_S);
    limit_life(validator, now_s(validator) + SERVED_INSECURE_S);
    validator->extended_error = EDE_NONE;
    return true;
}

/* A failed look-up: bogus is bogus for all below. */
static verdict_t take_failure(validator_t *validator, const outcome_t *outcome, uint16_t type)
{
    if (outcome->entry.security == STORE_BOGUS) {
        return validate_say(validator, VERDICT_BOGUS, outcome->entry.extended_error, "%s", outcome->text);
    }
    validator->by_budget = outcome->by_budget;
    validator->is_shortage = outcome->is_shortage;
    say_lookup(validator, outcome, type);
    return VERDICT_FAILED;
}

/* There is no zone cut at the name, or at none below it: the search for one need not look there again. */
static void note_no_cut(validator_t *validator, unsigned labels, const store_entry_t *entry)
{
    bool is_moved = entry->kind == STORE_RRSET && entry->rrset_count > 1 && entry->rrsets[1].type == TYPE_DNAME;
    unsigned walked = entry->kind == STORE_NAME_ERROR || is_moved ? NAME_LABELS_MAX : labels;
    if (walked > validator->state->walked) {
        validator->state->walked = (uint8_t)walked;
    }
}

verdict_t validate_take_lookup(validator_t *validator)
{
    edge_t *edge = &validator->state->edge;
    outcome_t *outcome = edge->outcome;
    const unsigned labels = validator->state->wanted;
    const bool is_renewing = validator->state->is_renewing;
    verdict_t verdict = VERDICT_GO_ON;
    edge->outcome = NULL;
    validator->state->is_renewing = false;
    if (is_renewing) {
        (void)validate_learn(validator, labels, &outcome->entry); /* if it is of no use, what was known stands */
    } else if (outcome->entry.kind == STORE_FAILURE) {
        verdict = take_failure(validator, outcome, edge->type);
    } else if (!validate_learn(validator, labels, &outcome->entry)) {
        if (edge->type == TYPE_DS) {
            note_no_cut(validator, labels, &outcome->entry);
        } else {
            verdict = validate_say(validator, VERDICT_BOGUS, EDE_DNSKEY_MISSING, "a zone that its parent says is signed has no DNSKEY");
        }
    }
    outcome_unref(outcome);
    return verdict != VERDICT_GO_ON && is_served(validator) ? VERDICT_GO_ON : verdict;
}

/* ---- steps ---- */

/* The keys of a signed zone: out of the store if they were validated before, else by asking. */
static verdict_t obtain_keys(validator_t *validator, unsigned labels)
{
    const fetch_t *fetch = validator->fetch;
    name_key_t name;
    store_entry_t entry;
    if (fetch->type == TYPE_DNSKEY && labels == fetch->name.labels) {
        char zone[NAME_TEXT_MAX];
        name_to_text(fetch->name.wire, zone);
        validator->is_own = true;
        return validate_say(validator, VERDICT_BOGUS, EDE_DNSKEY_MISSING, "%.120s is a signed zone but has no DNSKEY", zone);
    }
    name_key_init(&name, suffix(validator, labels), name_length(suffix(validator, labels)));
    if (resolver_find(validator->resolver, &name, TYPE_DNSKEY, STORE_WANT_FRESH, &validator->resolver->scratch, &entry) &&
        entry.kind == STORE_RRSET && entry.security == STORE_SECURE && validate_learn(validator, labels, &entry)) {
        return VERDICT_GO_ON;
    }
    return validate_look_up(validator, labels, TYPE_DNSKEY);
}

/* A DS RRset that came with a referral and proved valid is worth keeping: clients ask for it, too. */
static void remember_ds(validator_t *validator, const zone_trust_t *parent, const rrset_t *rrset, uint32_t ttl_s)
{
    resolver_t *resolver = validator->resolver;
    rrset_t bounded = *rrset;
    bounded.ttl_s = ttl_s;
    const store_entry_t entry = {
        .kind = STORE_RRSET,
        .rank = STORE_RANK_AUTHORITY,
        .security = STORE_SECURE,
        .type = TYPE_DS,
        .extended_error = EDE_NONE,
        .ttl_s = ttl_s,
        .rrset_count = 1,
        .zone = parent->zone,
        .rrsets = &bounded,
    };
    name_key_t name;
    name_key_init(&name, rrset->owner, name_length(rrset->owner));
    resolver->store->operations->put(resolver->store, &name, &entry, resolver->now.unix_s);
}

/* The denial that came with a referral. */
static bool try_denial(validator_t *validator, const zone_trust_t *parent, const delegation_t *delegation)
{
    uint32_t ttl_s = delegation->ttl_s;
    denial_set_t set;
    denial_set_init(&set, parent->zone, validator->context.policy, &validator->purse, &validator->resolver->nsec3_cache);
    for (unsigned i = 0; i < delegation->proof_count; i++) {
        dnssec_verified_t verified;
        validate_records_t records;
        const rrset_t *rrset = &delegation->proofs[i];
        if (rrset->type != TYPE_DS && validate_rrset(validator, parent, rrset, &verified) == DNSSEC_VALID &&
            validate_records(&validator->resolver->scratch, rrset, &records) && denial_set_add(&set, &records.rrset, &verified)) {
            ttl_s = verified.ttl_s < ttl_s ? verified.ttl_s : ttl_s;
        }
    }
    denial_result_t result = denial_insecure_delegation(&set, delegation->zone);
    if (result != DENIAL_PROVEN && result != DENIAL_OPT_OUT && result != DENIAL_ITERATIONS) {
        return false;
    }
    int16_t extended_error = result == DENIAL_ITERATIONS ? EDE_UNSUPPORTED_NSEC3_ITERATIONS : EDE_NONE;
    zone_trust_put_insecure(validator->resolver->zone_trust, delegation->zone, extended_error, until(validator, ttl_s));
    return true;
}

/* Do the proofs of a delegation, as the parent sent them, tell what the zone is? */
static bool try_proofs(validator_t *validator, const zone_trust_t *parent, const delegation_t *delegation)
{
    for (unsigned i = 0; i < delegation->proof_count; i++) {
        const rrset_t *rrset = &delegation->proofs[i];
        dnssec_verified_t verified;
        if (rrset->type != TYPE_DS || !name_equal(rrset->owner, delegation->zone)) {
            continue;
        }
        if (validate_rrset(validator, parent, rrset, &verified) != DNSSEC_VALID || verified.is_expansion) {
            return false;
        }
        remember_ds(validator, parent, rrset, verified.ttl_s);
        learn_ds(validator, name_labels(delegation->zone), rrset, verified.ttl_s);
        return true;
    }
    return try_denial(validator, parent, delegation);
}

/* The next known delegation below a zone, towards the name. */
static bool find_next_delegation(validator_t *validator, unsigned above, unsigned labels, delegation_t *delegation)
{
    resolver_t *resolver = validator->resolver;
    const name_key_t *name = &validator->fetch->name;
    unsigned found = 0;
    for (unsigned limit = labels; limit > above; limit = found - 1) {
        delegation_t deeper;
        if (!resolver->store->operations->find_delegation(resolver->store, name, limit, resolver->now.unix_s, &resolver->scratch,
                                                          &deeper) ||
            name_labels(deeper.zone) <= above) {
            break;
        }
        *delegation = deeper;
        found = name_labels(deeper.zone);
    }
    return found > 0;
}

/* From a zone whose keys are known one step down. */
static verdict_t descend(validator_t *validator, const zone_trust_t *zone, unsigned labels, walk_goal_t goal)
{
    validation_t *state = validator->state;
    delegation_t delegation;
    unsigned next = state->walked > zone->labels ? state->walked : zone->labels;
    if (next >= labels) {
        return VERDICT_SECURE;
    }
    if (find_next_delegation(validator, next, labels, &delegation) && try_proofs(validator, zone, &delegation)) {
        return VERDICT_GO_ON;
    }
    if (validator->purse.signature_checks == 0) {
        validator->by_budget = true;
        return validate_say(validator, VERDICT_FAILED, EDE_DNSSEC_INDETERMINATE,
                            "not validated: too many signatures would have to be checked");
    }
    next = goal == WALK_TO_CUT ? next + 1 : labels;
    name_key_t name;
    store_entry_t entry;
    name_key_init(&name, suffix(validator, next), name_length(suffix(validator, next)));
    if (resolver_find(validator->resolver, &name, TYPE_DS, STORE_WANT_FRESH, &validator->resolver->scratch, &entry) &&
        (entry.security == STORE_SECURE || entry.security == STORE_INSECURE) && entry.kind != STORE_FAILURE) {
        if (!validate_learn(validator, next, &entry)) {
            note_no_cut(validator, next, &entry);
        }
        return VERDICT_GO_ON;
    }
    return validate_look_up(validator, next, TYPE_DS);
}

static verdict_t say_no_zone(validator_t *validator, unsigned labels)
{
    char zone[NAME_TEXT_MAX];
    name_to_text(suffix(validator, labels), zone);
    validator->is_own = true;
    return validate_say(validator, VERDICT_BOGUS, EDE_DNSSEC_BOGUS, "%.120s, which is said to have signed, is no zone", zone);
}

/* One round: the deepest zone known, and what it leads to. */
static verdict_t walk_on(validator_t *validator, const zone_trust_t *zone, unsigned labels, walk_goal_t goal)
{
    switch (zone->state) {
    case ZONE_INSECURE:
        validator->extended_error = zone->extended_error;
        return VERDICT_INSECURE;
    case ZONE_BOGUS:
        limit_life(validator, zone->until_s);
        return validate_say(validator, VERDICT_BOGUS, zone->extended_error, "%s", zone->text);
    case ZONE_SIGNED:
        return goal == WALK_TO_DS && zone->labels == labels ? VERDICT_SECURE : obtain_keys(validator, zone->labels);
    case ZONE_SECURE:
        break;
    }
    if (zone->labels == labels) {
        return VERDICT_SECURE;
    }
    verdict_t verdict = descend(validator, zone, labels, goal);
    return verdict == VERDICT_SECURE && goal != WALK_TO_CUT ? say_no_zone(validator, labels) : verdict;
}

static verdict_t walk(validator_t *validator, unsigned labels, walk_goal_t goal, zone_trust_t **zone)
{
    unsigned anchor;
    verdict_t verdict = find_anchor(validator, &anchor);
    *zone = NULL;
    if (verdict == VERDICT_GO_ON && labels < anchor) {
        return say_no_zone(validator, labels); /* a closer anchor has the say */
    }
    for (unsigned rounds = 0; verdict == VERDICT_GO_ON && rounds < ROUNDS_MAX; rounds++) {
        *zone = zone_trust_deepest(validator->resolver->zone_trust, &validator->fetch->name, labels, anchor, now_s(validator));
        if (*zone) {
            verdict = walk_on(validator, *zone, labels, goal);
        } else {
            verdict = goal == WALK_TO_DS && labels == anchor ? VERDICT_SECURE : obtain_keys(validator, anchor);
        }
    }
    if (verdict == VERDICT_GO_ON) {
        validator->by_budget = true;
        validator->is_shortage = true;
        return validate_say(validator, VERDICT_FAILED, EDE_OTHER, "out of memory");
    }
    return verdict;
}

verdict_t validate_walk(validator_t *validator, unsigned labels, walk_goal_t goal, zone_trust_t **zone)
{
    verdict_t verdict = walk(validator, labels, goal, zone);
    bool is_unproven = verdict == VERDICT_BOGUS || verdict == VERDICT_FAILED || (verdict == VERDICT_SECURE && goal == WALK_TO_CUT);
    return is_unproven && is_served(validator) ? VERDICT_INSECURE : verdict;
}
