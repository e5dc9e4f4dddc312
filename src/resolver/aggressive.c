/* Answers out of what other answers have proven (RFC 8198): a name that lies in a gap which signed NSEC or NSEC3 records show is not asked
 * for again. The store finds the records, which it holds only if they were validated; what they prove is judged here, as for any answer.
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "dnssec/denial.h"
#include "wire/rrtype.h"

/* Types that the parent's side of a zone cut speaks of, or that are no data of the name. */
static bool is_fit(const name_key_t *name, uint16_t type)
{
    return name->labels > 0 && type != TYPE_DS && type != TYPE_ANY && type != TYPE_NSEC && type != TYPE_NSEC3 && type != TYPE_RRSIG;
}

/* Is the name asked elsewhere than the delegations below `zone` say? Then proofs of that zone do not speak for it. */
static bool is_elsewhere(resolver_t *resolver, const name_key_t *name, const uint8_t *zone)
{
    const resolver_settings_t *settings = resolver->settings;
    name_t served;
    if (resolver->served.find && resolver->served.find(resolver->served.context, name, name->labels, &served)) {
        return true;
    }
    for (size_t i = 0; i < settings->zone_count; i++) {
        const resolver_zone_t *other = &settings->zones[i];
        bool is_deeper = name_is_at_or_below(other->zone.wire, zone) && !name_equal(other->zone.wire, zone);
        if (name_is_at_or_below(name->wire, other->zone.wire) && (is_deeper || other->kind == RESOLVER_FORWARD)) {
            return true;
        }
    }
    for (size_t i = 0; i < resolver->trust->negative_count; i++) {
        if (name_is_at_or_below(name->wire, resolver->trust->negative[i].name.wire)) {
            return true;
        }
    }
    return false;
}

/* Labels of the parent of the wildcard that an RRset was made from, by its RRSIG (RFC 4035 5.3.2). */
static unsigned encloser_of(const rrset_t *rrset)
{
    const uint8_t *at = NULL;
    uint16_t rdlength;
    dnssec_rrsig_t rrsig;
    const uint8_t *rdata = rrset_next_signature(rrset, &at, &rdlength);
    return rdata && dnssec_rrsig_read(&rrsig, rdata, rdlength) ? rrsig.labels : NAME_LABELS_MAX;
}

static denial_result_t judge(denial_set_t *set, const aggressive_question_t *question, const store_entry_t *entry)
{
    const uint8_t *name = question->name->wire;
    switch (entry->kind) {
    case STORE_NAME_ERROR:
        return denial_name_error(set, name);
    case STORE_NODATA:
        return denial_no_data(set, name, question->type);
    case STORE_RRSET: {
        unsigned encloser = encloser_of(&entry->rrsets[0]);
        return encloser < question->name->labels ? denial_wildcard_answer(set, name, encloser) : DENIAL_NOT_PROVEN;
    }
    case STORE_FAILURE:
        break;
    }
    return DENIAL_NOT_PROVEN;
}

/* Does the entry prove what it says, for this type? An opt-out span proves nothing about unsigned delegations (RFC 8198 5.2). */
static bool is_proven(resolver_t *resolver, const aggressive_question_t *question, const store_entry_t *entry)
{
    budget_t *budget = question->budget;
    dnssec_budget_t purse = {.nsec3_hashes = budget->nsec3_hashes_left};
    denial_set_t set;
    if (entry->security != STORE_SECURE || entry->rrset_count < 2) {
        return false;
    }
    denial_set_init(&set, entry->zone, &resolver->dnssec_policy, &purse, NULL);
    for (unsigned i = 1; i < entry->rrset_count; i++) {
        const dnssec_verified_t verified = {.is_expansion = false}; /* the store keeps no others */
        validate_records_t records;
        if (validate_records(&resolver->scratch, &entry->rrsets[i], &records)) {
            (void)denial_set_add(&set, &records.rrset, &verified);
        }
    }
    denial_result_t result = judge(&set, question, entry);
    budget->nsec3_hashes_left = purse.nsec3_hashes;
    return result == DENIAL_PROVEN;
}

bool aggressive_find(resolver_t *resolver, const aggressive_question_t *question, arena_t *arena, store_entry_t *entry)
{
    store_t *store = resolver->store;
    const store_operations_t *operations = store->operations;
    const name_key_t *name = question->name;
    const store_question_t wanted = {.name = name, .type = question->type, .now_s = resolver->now.unix_s};
    delegation_t delegation;
    if (!resolver->settings->aggressive_nsec || !validate_is_on(resolver) || !operations->find_denial || !operations->find_expansion ||
        !is_fit(name, question->type) ||
        !operations->find_delegation(store, name, name->labels, wanted.now_s, &resolver->scratch, &delegation) ||
        is_elsewhere(resolver, name, delegation.zone)) {
        return false;
    }
    bool is_denied = operations->find_denial(store, &wanted, delegation.zone, arena, entry) && is_proven(resolver, question, entry);
    if (!is_denied &&
        !(operations->find_expansion(store, &wanted, delegation.zone, arena, entry) && is_proven(resolver, question, entry))) {
        return false;
    }
    entry->extended_error = EDE_SYNTHESIZED;
    resolver->counters[RESOLVER_COUNT_SYNTHESISED]++;
    return true;
}
