/* The judgement of one outcome: who must have signed it, do the signatures hold, and is proven what it denies (RFC 4035 5.3, 5.4,
 * RFC 5155 8, RFC 6672 5.3, RFC 6840 4).
 */
#include "resolver/validate.h"

#include "dnssec/denial.h"
#include "wire/rrtype.h"

#include <string.h>

/* ---- RRsets ---- */

bool validate_records(arena_t *arena, const rrset_t *rrset, validate_records_t *records)
{
    dnssec_rdata_t *list = arena_alloc(arena, (rrset->count + rrset->signature_count + 1u) * sizeof *list);
    if (!list) {
        return false;
    }
    const uint8_t *at = NULL;
    for (unsigned i = 0; i < rrset->count; i++) {
        list[i].data = rrset_next(rrset, &at, &list[i].length);
    }
    at = NULL;
    for (unsigned i = 0; i < rrset->signature_count; i++) {
        list[rrset->count + i].data = rrset_next_signature(rrset, &at, &list[rrset->count + i].length);
    }
    records->rrset = (dnssec_rrset_t){.owner = rrset->owner,
                                      .records = list,
                                      .count = rrset->count,
                                      .ttl_s = rrset->ttl_s,
                                      .type = rrset->type,
                                      .rrclass = rrset->rrclass};
    records->signatures = (dnssec_records_t){list + rrset->count, rrset->signature_count};
    return true;
}

dnssec_result_t validate_rrset(validator_t *validator, const zone_trust_t *zone, const rrset_t *rrset, dnssec_verified_t *verified)
{
    validate_records_t records;
    if (!validate_records(&validator->resolver->scratch, rrset, &records)) {
        return DNSSEC_NO_RESOURCES;
    }
    const dnssec_keys_t keys = {.zone = zone->zone, .list = zone->keys, .count = zone->key_count};
    return dnssec_verify(&validator->context, &records.rrset, records.signatures, &keys, verified);
}

/* ---- who signed ---- */

/* May this signer have signed the RRset? It must be a zone at or above the name (strictly above for a DS, which is the parent's), and not
 * above the zone whose servers gave the data: that one has no say there any more (RFC 4035 5.3.1). */
static bool is_possible_signer(const validator_t *validator, const rrset_t *rrset, const dnssec_rrsig_t *rrsig)
{
    const uint8_t *apex = validator->outcome->entry.zone;
    return rrsig->type_covered == rrset->type && name_is_at_or_below(rrset->owner, rrsig->signer) &&
           name_is_at_or_below(validator->fetch->name.wire, rrsig->signer) && name_labels(rrsig->signer) <= validator->home &&
           (!apex || name_is_at_or_below(rrsig->signer, apex));
}

/* Labels of the zone that signed; -1: none that counts. Of several the one whose servers were asked. */
static int find_signer(const validator_t *validator, const rrset_t *rrset)
{
    const uint8_t *apex = validator->outcome->entry.zone;
    const uint8_t *at = NULL;
    const uint8_t *rdata;
    uint16_t rdlength;
    int signer = -1;
    while ((rdata = rrset_next_signature(rrset, &at, &rdlength)) != NULL) {
        dnssec_rrsig_t rrsig;
        if (!dnssec_rrsig_read(&rrsig, rdata, rdlength) || !is_possible_signer(validator, rrset, &rrsig)) {
            continue;
        }
        if (apex && name_equal(rrsig.signer, apex)) {
            return (int)name_labels(rrsig.signer);
        }
        signer = signer < 0 ? (int)name_labels(rrsig.signer) : signer;
    }
    return signer;
}

/* The RRset that stands for a positive answer: a CNAME made of a DNAME needs no signature of its own (RFC 6672 5.3.1). */
static unsigned subject_of(const store_entry_t *entry)
{
    return entry->rrset_count > 1 && entry->rrsets[1].type == TYPE_DNAME && entry->type == TYPE_CNAME;
}

static int find_entry_signer(const validator_t *validator)
{
    const store_entry_t *entry = &validator->outcome->entry;
    if (entry->kind == STORE_RRSET) {
        return find_signer(validator, &entry->rrsets[subject_of(entry)]);
    }
    int signer = -1;
    for (unsigned i = 0; i < entry->rrset_count && signer < 0; i++) {
        signer = find_signer(validator, &entry->rrsets[i]);
    }
    return signer;
}

/* ---- what is kept of the entry ---- */

typedef struct keeping {
    uint8_t *zone;
    rrset_t *rrsets;
    unsigned count;
    uint32_t ttl_s;
} keeping_t;

static bool begin_keeping(validator_t *validator, const uint8_t *zone, keeping_t *keeping)
{
    const store_entry_t *entry = &validator->outcome->entry;
    arena_t *arena = &validator->outcome->arena;
    *keeping = (keeping_t){.ttl_s = entry->ttl_s};
    keeping->rrsets = arena_alloc(arena, (entry->rrset_count + 1u) * sizeof(rrset_t));
    keeping->zone = arena_alloc(arena, NAME_WIRE_MAX + 1 + NAME_PADDING);
    if (!keeping->rrsets || !keeping->zone) {
        return false;
    }
    memcpy(keeping->zone, zone, name_length(zone));
    return true;
}

/* RFC 4035 5.3.3: no longer than the signature allows. */
static void keep(keeping_t *keeping, const rrset_t *rrset, uint32_t limit_s)
{
    rrset_t *kept = &keeping->rrsets[keeping->count++];
    *kept = *rrset;
    kept->ttl_s = kept->ttl_s < limit_s ? kept->ttl_s : limit_s;
    keeping->ttl_s = keeping->ttl_s < kept->ttl_s ? keeping->ttl_s : kept->ttl_s;
}

/* What was not validated is left out: it would be given to clients beside what was. */
static void end_keeping(validator_t *validator, const keeping_t *keeping)
{
    store_entry_t *entry = &validator->outcome->entry;
    entry->rrsets = keeping->rrsets;
    entry->rrset_count = (uint16_t)keeping->count;
    entry->ttl_s = keeping->ttl_s;
    entry->zone = keeping->zone;
}

static verdict_t fail_memory(validator_t *validator)
{
    validator->by_budget = true;
    validator->is_shortage = true;
    return validate_say(validator, VERDICT_FAILED, EDE_OTHER, "out of memory");
}

/* An RRset that the zone's keys do not verify: perhaps it has others by now. */
static verdict_t say_result(validator_t *validator, const zone_trust_t *zone, const rrset_t *rrset, dnssec_result_t result)
{
    bool is_bogus = result != DNSSEC_BUDGET_SPENT && result != DNSSEC_NO_RESOURCES;
    if (is_bogus && validate_renew_keys(validator, zone, rrset) == VERDICT_WAIT) {
        return VERDICT_WAIT;
    }
    return validate_say_result(validator, rrset, zone->zone, result);
}

/* ---- denials ---- */

/* The proofs that came with an answer. */
typedef struct proofs {
    const zone_trust_t *zone;
    denial_set_t set;
    const rrset_t *failed; /* the one that is not valid for the worst reason; NULL: none */
    dnssec_result_t failure;
} proofs_t;

static void begin_proofs(validator_t *validator, const zone_trust_t *zone, proofs_t *proofs)
{
    proofs->zone = zone;
    proofs->failed = NULL;
    proofs->failure = DNSSEC_VALID;
    denial_set_init(&proofs->set, zone->zone, validator->context.policy, &validator->purse, &validator->resolver->nsec3_cache);
}

/* Those that are valid go into the set. VERDICT_GO_ON, or FAILED. */
static verdict_t collect_proofs(validator_t *validator, proofs_t *proofs, keeping_t *keeping)
{
    const store_entry_t *entry = &validator->outcome->entry;
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        const rrset_t *rrset = &entry->rrsets[i];
        if (rrset->type != TYPE_NSEC && rrset->type != TYPE_NSEC3) {
            continue;
        }
        dnssec_verified_t verified;
        validate_records_t records;
        dnssec_result_t result = validate_rrset(validator, proofs->zone, rrset, &verified);
        if (result == DNSSEC_NO_RESOURCES || (result == DNSSEC_BUDGET_SPENT && validator->purse.signature_checks == 0)) {
            return validate_say_result(validator, rrset, proofs->zone->zone, result);
        }
        if (result == DNSSEC_VALID && validate_records(&validator->resolver->scratch, rrset, &records)) {
            (void)denial_set_add(&proofs->set, &records.rrset, &verified);
            keep(keeping, rrset, verified.ttl_s);
        } else if (result > proofs->failure && result != DNSSEC_SIGNER_WRONG) { /* another zone's proof is none at all */
            proofs->failure = result;
            proofs->failed = rrset;
        }
    }
    return VERDICT_GO_ON;
}

/* A denial's worth. */
static verdict_t take_denial(validator_t *validator, const proofs_t *proofs, denial_result_t result)
{
    switch (result) {
    case DENIAL_PROVEN:
        return VERDICT_SECURE;
    case DENIAL_OPT_OUT:
        return VERDICT_INSECURE;
    case DENIAL_ITERATIONS:
        validator->extended_error = EDE_UNSUPPORTED_NSEC3_ITERATIONS;
        return VERDICT_INSECURE;
    case DENIAL_NOT_PROVEN:
        if (proofs->failed) { /* it may have been the one that is missing, but for its signature */
            return say_result(validator, proofs->zone, proofs->failed, proofs->failure);
        }
        break;
    case DENIAL_BUDGET_SPENT:
        break;
    }
    return validate_say_denial(validator, &validator->outcome->entry, result);
}

static denial_result_t deny(const validator_t *validator, denial_set_t *set)
{
    const uint8_t *name = validator->fetch->name.wire;
    if (validator->outcome->entry.kind == STORE_NAME_ERROR) {
        return denial_name_error(set, name);
    }
    if (validator->fetch->type == TYPE_DS) {
        denial_result_t result = denial_insecure_delegation(set, name);
        if (result != DENIAL_NOT_PROVEN) {
            return result;
        }
    }
    return denial_no_data(set, name, validator->fetch->type);
}

/* The SOA of a negative answer: of the very zone, and signed like all else. */
static dnssec_result_t check_soa(validator_t *validator, const zone_trust_t *zone, const rrset_t *soa, dnssec_verified_t *verified)
{
    dnssec_result_t result = validate_rrset(validator, zone, soa, verified);
    bool is_apex = !verified->is_expansion && name_equal(soa->owner, zone->zone);
    return result == DNSSEC_VALID && !is_apex ? DNSSEC_SIGNER_WRONG : result;
}

static verdict_t judge_negative(validator_t *validator, const zone_trust_t *zone)
{
    const store_entry_t *entry = &validator->outcome->entry;
    proofs_t proofs;
    keeping_t keeping;
    if (!begin_keeping(validator, zone->zone, &keeping)) {
        return fail_memory(validator);
    }
    if (entry->rrset_count > 0 && entry->rrsets[0].type == TYPE_SOA) {
        dnssec_verified_t verified = {.is_expansion = false};
        dnssec_result_t result = check_soa(validator, zone, &entry->rrsets[0], &verified);
        if (result != DNSSEC_VALID) {
            return say_result(validator, zone, &entry->rrsets[0], result);
        }
        keep(&keeping, &entry->rrsets[0], verified.ttl_s);
    }
    begin_proofs(validator, zone, &proofs);
    verdict_t verdict = collect_proofs(validator, &proofs, &keeping);
    if (verdict == VERDICT_GO_ON) {
        verdict = take_denial(validator, &proofs, deny(validator, &proofs.set));
    }
    if (verdict == VERDICT_SECURE || verdict == VERDICT_INSECURE) {
        end_keeping(validator, &keeping);
    }
    return verdict;
}

/* ---- data ---- */

static verdict_t judge_expansion(validator_t *validator, const zone_trust_t *zone, const dnssec_verified_t *verified, keeping_t *keeping)
{
    const uint8_t *owner = keeping->rrsets[keeping->count - 1].owner;
    proofs_t proofs;
    begin_proofs(validator, zone, &proofs);
    verdict_t verdict = collect_proofs(validator, &proofs, keeping);
    return verdict != VERDICT_GO_ON
               ? verdict
               : take_denial(validator, &proofs, denial_wildcard_answer(&proofs.set, owner, verified->closest_encloser));
}

/* The wildcard that an RRset was made from, under its own name: more names may be made from it (RFC 8198 5.3). */
static void remember_wildcard(validator_t *validator, const zone_trust_t *zone, const rrset_t *expanded, unsigned encloser)
{
    resolver_t *resolver = validator->resolver;
    const uint8_t *suffix = expanded->owner;
    uint8_t owner[NAME_WIRE_MAX + 1 + NAME_PADDING] = {1, '*'};
    for (unsigned labels = name_labels(suffix); labels > encloser; labels--) {
        suffix += *suffix + 1u;
    }
    const size_t length = name_length(suffix);
    if (length + 2 > NAME_WIRE_MAX) {
        return;
    }
    memcpy(owner + 2, suffix, length);
    rrset_t rrset = *expanded;
    rrset.owner = owner;
    const store_entry_t entry = {.kind = STORE_RRSET,
                                 .rank = STORE_RANK_AUTHORITY,
                                 .security = STORE_SECURE,
                                 .type = rrset.type,
                                 .extended_error = EDE_NONE,
                                 .ttl_s = rrset.ttl_s,
                                 .rrset_count = 1,
                                 .zone = zone->zone,
                                 .rrsets = &rrset};
    name_key_t name;
    name_key_init(&name, owner, length + 2);
    resolver->store->operations->put(resolver->store, &name, &entry, resolver->now.unix_s);
}

static verdict_t judge_positive(validator_t *validator, const zone_trust_t *zone)
{
    const store_entry_t *entry = &validator->outcome->entry;
    const rrset_t *rrset = &entry->rrsets[subject_of(entry)];
    dnssec_verified_t verified;
    keeping_t keeping;
    dnssec_result_t result = validate_rrset(validator, zone, rrset, &verified);
    if (result != DNSSEC_VALID) {
        return say_result(validator, zone, rrset, result);
    }
    if (!begin_keeping(validator, zone->zone, &keeping)) {
        return fail_memory(validator);
    }
    for (unsigned i = 0; i <= subject_of(entry); i++) {
        keep(&keeping, &entry->rrsets[i], verified.ttl_s);
    }
    verdict_t verdict = verified.is_expansion ? judge_expansion(validator, zone, &verified, &keeping) : VERDICT_SECURE;
    if (verdict == VERDICT_SECURE || verdict == VERDICT_INSECURE) {
        end_keeping(validator, &keeping);
    }
    if (verdict == VERDICT_SECURE && verified.is_expansion && subject_of(entry) == 0 && validator->fetch->cut.kind != CUT_SERVED) {
        remember_wildcard(validator, zone, &keeping.rrsets[0], verified.closest_encloser);
    }
    return verdict;
}

/* ---- keys ---- */

static bool is_keys_of_name(const validator_t *validator)
{
    const store_entry_t *entry = &validator->outcome->entry;
    return entry->kind == STORE_RRSET && entry->type == TYPE_DNSKEY;
}

/* The DNSKEY RRset of a zone is trusted by the DS of its parent, or an anchor (RFC 4035 5.2). */
static verdict_t judge_keys(validator_t *validator)
{
    const rrset_t *rrset = &validator->outcome->entry.rrsets[0];
    zone_trust_t *zone;
    verdict_t verdict = validate_walk(validator, validator->home, WALK_TO_DS, &zone);
    if (verdict != VERDICT_SECURE) {
        return verdict;
    }
    const trust_point_t *point = validate_point(validator, validator->home);
    dnssec_trust_t trust = {.ds = {NULL, 0}};
    if (point) {
        trust = trust_point_trust(point);
    } else if (zone) {
        trust.ds = (dnssec_records_t){zone->ds, zone->ds_count};
    }
    validate_records_t records;
    keeping_t keeping;
    if (!validate_records(&validator->resolver->scratch, rrset, &records) || !begin_keeping(validator, rrset->owner, &keeping)) {
        return fail_memory(validator);
    }
    dnssec_verified_t verified;
    dnssec_result_t result = dnssec_verify_dnskeys(&validator->context, &records.rrset, records.signatures, &trust, &verified);
    if (result == DNSSEC_ALGORITHM_UNSUPPORTED || result == DNSSEC_DIGEST_UNSUPPORTED) {
        validator->extended_error = (int16_t)dnssec_result_ede(result);
        return VERDICT_INSECURE;
    }
    if (result != DNSSEC_VALID) {
        bool may_be_of_others = !point && (result == DNSSEC_KEY_MISSING || result == DNSSEC_SIGNATURE_MISSING);
        if (may_be_of_others && validate_renew(validator, validator->home, TYPE_DS) == VERDICT_WAIT) {
            return VERDICT_WAIT;
        }
        return validate_say_keys(validator, rrset, point != NULL, result);
    }
    keep(&keeping, rrset, verified.ttl_s);
    end_keeping(validator, &keeping);
    return VERDICT_SECURE;
}

/* ---- the whole ---- */

verdict_t validate_judge(validator_t *validator)
{
    const store_entry_t *entry = &validator->outcome->entry;
    if (entry->kind == STORE_RRSET && entry->type == TYPE_RRSIG) {
        return VERDICT_INSECURE; /* signatures are not signed (RFC 4035 2.2) */
    }
    int signer = find_entry_signer(validator);
    if (signer < 0 && validator->fetch->cut.kind == CUT_SERVED && !validator->state->is_from_store) {
        return VERDICT_INSECURE; /* the operator's own word, for which nobody else need be asked */
    }
    if (is_keys_of_name(validator) && (signer < 0 || (unsigned)signer == validator->home)) {
        return judge_keys(validator);
    }
    zone_trust_t *zone = NULL;
    verdict_t verdict =
        validate_walk(validator, signer < 0 ? validator->home : (unsigned)signer, signer < 0 ? WALK_TO_CUT : WALK_TO_KEYS, &zone);
    if (verdict != VERDICT_SECURE) {
        return verdict;
    }
    if (signer < 0) {
        return validate_say_unsigned(validator, entry, zone->zone);
    }
    return entry->kind == STORE_RRSET ? judge_positive(validator, zone) : judge_negative(validator, zone);
}
