/* Validation: between the outcome of a fetch and all who wait for it (RFC 4035 5).
 *
 * A fetch made for a question with CD clear is a checked one. Its outcome, fresh from a server or out of the store, comes here:
 *
 *      FETCH_VALIDATE                                        secure, insecure, no anchor
 *     ---> [judge] -------------------------------------------------------------------------> kept in the store, DONE
 *           |  ^  |                                                                              ^
 *           |  |  | bogus by its own fault, and a server is left: [SELECT] asks it, and back     | bogus: SERVFAIL, kept for bogus_ttl_s
 *           |  |  +----> (rejected) ------------------------------------------------------------>+
 *           |  |         as many as bogus_retries_max; then, or when no server is left           | cannot be found out: SERVFAIL
 *     needs |  | a DS or DNSKEY RRset has come                                                   |
 *           v  |                                                                                 |
 *         (edge) a checked fetch of its own, which validates that RRset first -------------------+ it failed, or is bogus
 *
 * Data that only keys not known here could have signed make the zone's DNSKEY RRset be asked for again, DNSKEY RRsets that fit no DS the DS
 * (validate_renew.c).
 *
 * What was found out about zones stands in zone_trust.h, for all fetches; a step that has learned something begins again from there.
 *
 * Invariants
 *  1. An entry becomes STORE_SECURE only when every RRset left in it was verified with the keys of one zone that a trust anchor leads to
 *     (or is the CNAME made of such a DNAME), and, where it denies or comes from a wildcard, the denial is proven by such RRsets.
 *  2. It becomes STORE_INSECURE only when validated records show that the zone is not signed, or only in ways not accepted, or that a
 *     limit of RFC 9276 is passed; or by the operator's word: a negative anchor, a zone served here.
 *  3. Public-key operations and NSEC3 hashes are taken from the fetch's budget, and never given back. What ends for want of budget is
 *     neither secure nor bogus.
 *  4. A checked fetch waits only for checked fetches of a zone's DS or DNSKEY, at a shorter name or of the same name and an earlier kind
 *     (DS, DNSKEY, all else; the root's DS, which cannot be, counts among the last), and for unchecked ones of addresses, which wait for
 *     no checked one. So there is no circle.
 *  5. In FETCH_VALIDATE there is an outcome and no open exchange, and between events a look-up is running.
 *  6. At most bogus_retries_max servers are asked again, each at most once more for this, on the same budget.
 *  7. Nothing is ever put into the store with more than was proven here; a question with CD set puts only what is indeterminate.
 */
#include "resolver/validate.h"

#include "wire/rrtype.h"

#include <stdio.h>
#include <string.h>

/* ---- settings ---- */

static uint8_t limit_u8(unsigned value)
{
    return value > UINT8_MAX ? UINT8_MAX : (uint8_t)value;
}

void validate_policy(const resolver_settings_t *settings, dnssec_policy_t *policy)
{
    dnssec_policy_init(policy);
    policy->skew_s = settings->signature_skew_s;
    policy->ttl_max_s = settings->ttl_max_s;
    policy->nsec3_iterations_max = settings->nsec3_iterations_max > UINT16_MAX ? UINT16_MAX : (uint16_t)settings->nsec3_iterations_max;
    policy->keys_per_tag_max = limit_u8(settings->keys_a_tag_max);
    policy->signatures_per_algorithm_max = limit_u8(settings->signatures_an_rrset_max);
    policy->ds_max = limit_u8(settings->ds_max);
    if (!settings->accept_sha1) {
        policy->algorithms &= ~(1u << DNSSEC_RSASHA1 | 1u << DNSSEC_RSASHA1_NSEC3_SHA1);
        policy->digests &= ~(1u << DNSSEC_DIGEST_SHA1);
    }
}

bool validate_is_on(const resolver_t *resolver)
{
    return resolver->settings->validate && resolver->trust && resolver->trust->anchors && resolver->trust->anchors->points;
}

/* ---- ends ---- */

void validate_leave(resolver_t *resolver, fetch_t *fetch)
{
    validation_t *state = &fetch->validation;
    edge_detach(resolver, &state->edge);
    outcome_unref(state->outcome);
    outcome_unref(state->rejected);
    state->outcome = NULL;
    state->rejected = NULL;
}

static store_security_t security_of(verdict_t verdict)
{
    return verdict == VERDICT_SECURE ? STORE_SECURE : verdict == VERDICT_INSECURE ? STORE_INSECURE : STORE_INDETERMINATE;
}

/* No RRset outlives the verdict. */
static bool limit_ttls(outcome_t *outcome, uint32_t limit_s)
{
    store_entry_t *entry = &outcome->entry;
    if (entry->ttl_s <= limit_s) {
        return true;
    }
    rrset_t *rrsets = arena_alloc(&outcome->arena, (entry->rrset_count + 1u) * sizeof *rrsets);
    if (!rrsets) {
        return false;
    }
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        rrsets[i] = entry->rrsets[i];
        rrsets[i].ttl_s = rrsets[i].ttl_s < limit_s ? rrsets[i].ttl_s : limit_s;
    }
    entry->rrsets = rrsets;
    entry->ttl_s = limit_s;
    return true;
}

/* Invariant 1, as far as it can be seen of the outcome: all of it is of the zone and carries signatures. */
static __attribute__((unused)) bool looks_secure(const store_entry_t *entry)
{
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        const rrset_t *rrset = &entry->rrsets[i];
        bool is_made = i == 0 && rrset->type == TYPE_CNAME && entry->rrset_count == 2 && entry->rrsets[1].type == TYPE_DNAME;
        if (!entry->zone || !name_is_at_or_below(rrset->owner, entry->zone) || (rrset->signature_count == 0 && !is_made)) {
            return false;
        }
    }
    return true;
}

static void accept(validator_t *validator, verdict_t verdict)
{
    resolver_t *resolver = validator->resolver;
    fetch_t *fetch = validator->fetch;
    outcome_t *outcome = validator->outcome;
    DEBUG_ASSERT(verdict != VERDICT_SECURE || looks_secure(&outcome->entry));
    outcome->entry.security = security_of(verdict);
    outcome->entry.extended_error = validator->extended_error;
    if (!limit_ttls(outcome, validator->limit_s)) {
        outcome->entry.ttl_s = 0; /* not kept, then */
    }
    resolver->counters[RESOLVER_COUNT_SECURE] += verdict == VERDICT_SECURE;
    resolver->counters[RESOLVER_COUNT_INSECURE] += verdict == VERDICT_INSECURE;
    if (fetch->type == TYPE_DS || fetch->type == TYPE_DNSKEY) {
        (void)validate_learn(validator, fetch->name.labels, &outcome->entry);
    }
    result_keep(resolver, fetch, outcome);
    fetch->validation.outcome = NULL;
    fetch_finish(resolver, fetch, outcome);
}

/* An outcome that says why there is none. */
static outcome_t *failure_new(const fetch_t *fetch, int16_t extended_error, const char *text)
{
    outcome_t *outcome = outcome_new();
    if (outcome) {
        outcome->entry.kind = STORE_FAILURE;
        outcome->entry.type = fetch->type;
        outcome->entry.extended_error = extended_error;
        snprintf(outcome->text, sizeof outcome->text, "%s", text);
        outcome->entry.text = outcome->text;
    }
    return outcome;
}

static void fail(validator_t *validator)
{
    fetch_t *fetch = validator->fetch;
    outcome_t *outcome = failure_new(fetch, validator->extended_error, validator->text);
    if (outcome) {
        outcome->by_budget = validator->by_budget;
        outcome->is_shortage = validator->is_shortage;
        /* What the whole budget of a question does not pay for comes to the same the next time (RFC 9520 3). */
        if (!validator->by_budget || (!validator->is_shortage && fetch->is_first)) {
            fetch_keep_failure(validator->resolver, &fetch->name, &outcome->entry);
        }
    }
    validator->resolver->counters[RESOLVER_COUNT_BUDGET_SPENT] += validator->by_budget;
    fetch_finish(validator->resolver, fetch, outcome);
}

bool validate_has_tried_enough(const resolver_t *resolver, const fetch_t *fetch)
{
    enum { SENDS_A_RETRY = 2 }; /* one is lost now and then */
    return fetch->validation.rejected &&
           fetch->cut.sends >= fetch->validation.sends + SENDS_A_RETRY * resolver->settings->bogus_retries_max;
}

void validate_give_up(resolver_t *resolver, fetch_t *fetch)
{
    outcome_t *rejected = fetch->validation.rejected;
    const uint32_t ttl_s = resolver->settings->bogus_ttl_s;
    outcome_t *outcome = failure_new(fetch, rejected->entry.extended_error, rejected->text);
    resolver->counters[RESOLVER_COUNT_BOGUS]++;
    rejected->entry.security = STORE_BOGUS;
    if (limit_ttls(rejected, ttl_s)) {
        result_keep(resolver, fetch, rejected); /* for those who ask with CD */
    }
    if (outcome) {
        outcome->entry.security = STORE_BOGUS;
        outcome->entry.ttl_s = ttl_s;
        resolver->store->operations->put(resolver->store, &fetch->name, &outcome->entry, resolver->now.unix_s);
        /* Of a zone whose keys are known, those that were to take their place say nothing. */
        bool is_of_zone = (fetch->type == TYPE_DNSKEY || fetch->type == TYPE_DS) &&
                          !(fetch->is_renewal && zone_trust_find(resolver->zone_trust, fetch->name.wire, resolver->now.unix_s));
        if (is_of_zone && ttl_s > 0) {
            zone_reason_t fault = {outcome->entry.extended_error, outcome->text};
            zone_trust_put_bogus(resolver->zone_trust, fetch->name.wire, fault, resolver->now.unix_s + ttl_s);
        }
    }
    fetch_finish(resolver, fetch, outcome);
}

/* ---- again ---- */

/* The server that gave it is not asked again; who is left may have better. */
static void reject(validator_t *validator)
{
    resolver_t *resolver = validator->resolver;
    fetch_t *fetch = validator->fetch;
    validation_t *state = validator->state;
    outcome_t *outcome = state->outcome;
    outcome_unref(state->rejected);
    state->outcome = NULL;
    state->rejected = outcome;
    outcome->entry.extended_error = validator->extended_error;
    memcpy(outcome->text, validator->text, sizeof outcome->text);
    bool is_enough = state->retries >= resolver->settings->bogus_retries_max;
    if (!validator->is_own || (is_enough && (state->is_from_store || !renew_delegation(resolver, fetch)))) {
        validate_give_up(resolver, fetch);
        return;
    }
    if (is_enough) {
        return; /* other servers, of a delegation that is newer */
    }
    state->retries++;
    resolver->counters[RESOLVER_COUNT_BOGUS_RETRIES]++;
    if (state->is_from_store) {
        state->is_from_store = false;
        state->sends = 0;
        fetch->state = FETCH_BEGIN;
        cut_find(resolver, fetch);
        return;
    }
    candidate_t *candidate = &fetch->cut.candidates[fetch->exchange.candidate];
    candidate->is_dead = true;
    state->sends = state->retries == 1 ? fetch->cut.sends : state->sends;
    fetch_set_trouble(fetch, "sent bogus data", EDE_DNSSEC_BOGUS, &candidate->address);
    fetch->state = FETCH_SELECT;
    resolver_ready_fetch(resolver, fetch);
}

/* ---- steps ---- */

/* The owner that decides which zone the data is from. */
static const uint8_t *owner_of(const fetch_t *fetch, const store_entry_t *entry)
{
    for (unsigned i = 0; entry->kind == STORE_RRSET && i < entry->rrset_count; i++) {
        if (entry->rrsets[i].type == TYPE_DNAME) {
            return entry->rrsets[i].owner;
        }
    }
    return fetch->name.wire;
}

static unsigned home_of(const fetch_t *fetch, const store_entry_t *entry)
{
    unsigned labels = name_labels(owner_of(fetch, entry));
    return labels - (fetch->type == TYPE_DS && labels > 0 && labels == fetch->name.labels);
}

static void begin_step(validator_t *validator, resolver_t *resolver, fetch_t *fetch)
{
    *validator = (validator_t){
        .resolver = resolver,
        .fetch = fetch,
        .state = &fetch->validation,
        .outcome = fetch->validation.outcome,
        .purse = {.signature_checks = fetch->budget->signature_checks_left, .nsec3_hashes = fetch->budget->nsec3_hashes_left},
        .extended_error = EDE_NONE,
        .limit_s = UINT32_MAX,
    };
    validator->context = (dnssec_context_t){
        .policy = &resolver->dnssec_policy,
        .budget = &validator->purse,
        .scratch = &resolver->signed_data,
        .now_s = (uint32_t)resolver->now.unix_s,
    };
    validator->home = home_of(fetch, &validator->outcome->entry);
}

static void end_step(validator_t *validator)
{
    budget_t *budget = validator->fetch->budget;
    validator->resolver->counters[RESOLVER_COUNT_SIGNATURES] += budget->signature_checks_left - validator->purse.signature_checks;
    DEBUG_ASSERT(validator->purse.signature_checks <= budget->signature_checks_left);
    DEBUG_ASSERT(validator->purse.nsec3_hashes <= budget->nsec3_hashes_left);
    budget->signature_checks_left = validator->purse.signature_checks;
    budget->nsec3_hashes_left = validator->purse.nsec3_hashes;
}

/* Can this budget pay for validation? */
static bool is_solvent(const budget_t *budget, uint64_t now_ms)
{
    return budget->signature_checks_left > 0 && budget->nsec3_hashes_left > 0 && budget->fetches_left > 0 && now_ms < budget->deadline_ms;
}

static void conclude(validator_t *validator, verdict_t verdict)
{
    fetch_t *fetch = validator->fetch;
    bool is_served = fetch->cut.kind == CUT_SERVED && !validator->state->is_from_store;
    if (is_served && (verdict == VERDICT_BOGUS || verdict == VERDICT_FAILED)) {
        validator->extended_error = EDE_NONE; /* the operator's own word */
        verdict = VERDICT_INSECURE;
    }
    switch (verdict) {
    case VERDICT_SECURE:
    case VERDICT_INSECURE:
    case VERDICT_INDETERMINATE:
        accept(validator, verdict);
        break;
    case VERDICT_BOGUS:
        reject(validator);
        break;
    case VERDICT_FAILED:
        if (validator->by_budget && !is_solvent(fetch->budget, validator->resolver->now.monotonic_ms) &&
            fetch_find_budget(validator->resolver, fetch, is_solvent)) {
            resolver_ready_fetch(validator->resolver, fetch); /* somebody else who waits pays */
        } else {
            fail(validator);
        }
        break;
    case VERDICT_WAIT:
    case VERDICT_GO_ON:
        break;
    }
}

void validate_step(resolver_t *resolver, fetch_t *fetch)
{
    validation_t *state = &fetch->validation;
    validator_t validator;
    DEBUG_ASSERT(fetch->state == FETCH_VALIDATE && state->outcome && !fetch->exchange.is_open);
    if (state->edge.fetch) {
        return;
    }
    begin_step(&validator, resolver, fetch);
    verdict_t verdict = VERDICT_GO_ON;
    if (state->edge.outcome) {
        verdict = validate_take_lookup(&validator);
    }
    if (verdict == VERDICT_GO_ON) {
        verdict = validate_judge(&validator);
    }
    end_step(&validator);
    conclude(&validator, verdict);
}

/* ---- the way in ---- */

void validate_take(resolver_t *resolver, fetch_t *fetch, outcome_t *outcome)
{
    if (!fetch->is_checked || outcome->entry.security != STORE_INDETERMINATE || outcome->entry.kind == STORE_FAILURE) {
        result_keep(resolver, fetch, outcome);
        fetch_finish(resolver, fetch, outcome);
        return;
    }
    exchange_close(resolver, fetch);
    follow_leave(fetch);
    DEBUG_ASSERT(!fetch->validation.outcome);
    fetch->validation.outcome = outcome;
    fetch->validation.walked = 0;
    fetch->state = FETCH_VALIDATE;
    resolver_ready_fetch(resolver, fetch);
}

bool validate_is_good(const resolver_t *resolver, bool is_checked, const store_entry_t *entry)
{
    if (entry->kind == STORE_FAILURE) {
        return is_checked || entry->security != STORE_BOGUS;
    }
    return !is_checked || !validate_is_on(resolver) || entry->security != STORE_INDETERMINATE;
}

/* Of data that was found bogus: why, as it is kept beside the data for those who ask with CD clear. */
static const char *find_fault(resolver_t *resolver, const name_key_t *name, outcome_t *outcome)
{
    store_entry_t failure;
    bool is_known = resolver_find(resolver, name, outcome->entry.type, STORE_WANT_FAILURE, &outcome->arena, &failure) &&
                    !failure.is_stale && failure.security == STORE_BOGUS;
    return is_known ? failure.text : NULL;
}

void validate_make_failure(resolver_t *resolver, const name_key_t *name, outcome_t *outcome)
{
    store_entry_t *entry = &outcome->entry;
    const char *text = entry->text;
    const char *otherwise = "resolution failed a moment ago";
    if (entry->security != STORE_BOGUS && entry->kind != STORE_FAILURE) {
        return;
    }
    if (entry->security == STORE_BOGUS) {
        text = entry->kind == STORE_FAILURE ? text : find_fault(resolver, name, outcome);
        otherwise = "the data of this name was found bogus a moment ago";
        *entry = (store_entry_t){
            .kind = STORE_FAILURE,
            .security = STORE_BOGUS,
            .type = entry->type,
            .extended_error = entry->extended_error == EDE_NONE ? EDE_DNSSEC_BOGUS : entry->extended_error,
            .ttl_s = entry->ttl_s,
        };
    }
    snprintf(outcome->text, sizeof outcome->text, "%s", text && text[0] ? text : otherwise);
    entry->text = outcome->text;
    outcome->is_known_failure = true;
}

/* What the store has for a question: the type, or an alias. */
static bool find_known(resolver_t *resolver, const fetch_t *fetch, outcome_t *outcome)
{
    store_entry_t *entry = &outcome->entry;
    if (resolver_find(resolver, &fetch->name, fetch->type, STORE_WANT_FRESH, &outcome->arena, entry)) {
        return true;
    }
    return fetch->type != TYPE_CNAME && resolver_find(resolver, &fetch->name, TYPE_CNAME, STORE_WANT_FRESH, &outcome->arena, entry) &&
           entry->kind == STORE_RRSET;
}

bool validate_take_known(resolver_t *resolver, fetch_t *fetch)
{
    outcome_t *outcome = fetch->is_checked ? outcome_new() : NULL;
    if (!outcome || !find_known(resolver, fetch, outcome)) {
        outcome_unref(outcome);
        return false;
    }
    store_entry_t *entry = &outcome->entry;
    store_entry_t failure;
    if (entry->security == STORE_INDETERMINATE && entry->kind != STORE_FAILURE &&
        resolver_find(resolver, &fetch->name, fetch->type, STORE_WANT_FAILURE, &outcome->arena, &failure) && !failure.is_stale &&
        failure.security == STORE_BOGUS) {
        *entry = failure; /* the very data was found bogus */
    }
    if (entry->security == STORE_INDETERMINATE && entry->kind != STORE_FAILURE) {
        fetch->validation.is_from_store = true;
        validate_take(resolver, fetch, outcome);
        return true;
    }
    validate_make_failure(resolver, &fetch->name, outcome);
    fetch_finish(resolver, fetch, outcome);
    return true;
}
