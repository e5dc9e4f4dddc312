/* Keys and DS records that are not what they were: a zone that changed its keys before the TTLs of the old ones were over, as operators do
 * who lost a key or had to give one up (RFC 6781 4.2), signs with keys that the DNSKEY RRset known here does not have, or publishes a
 * DNSKEY RRset that the DS RRset known here does not fit. Then what is known is asked for once more, and the data judged again.
 *
 * Invariants
 *  1. A fetch asks for each of the two once, and of one zone each is asked for once a minute (renew.c), the ordinary questions included:
 * key tags that somebody made up cost no more than that.
 *  2. What is renewed is validated like all else. When that fails, what was known stands, and so does the verdict.
 */
#include "resolver/validate.h"

#include "wire/rrtype.h"

verdict_t validate_renew(validator_t *validator, unsigned labels, uint16_t type)
{
    resolver_t *resolver = validator->resolver;
    validation_t *state = validator->state;
    const name_key_t *name = &validator->fetch->name;
    bool *is_renewed = type == TYPE_DS ? &state->is_ds_renewed : &state->is_keys_renewed;
    if (*is_renewed || !validate_may_look_up(validator, labels, type) || !renewal_take(resolver, name->wire + name->offset[labels], type)) {
        return VERDICT_GO_ON;
    }
    *is_renewed = true;
    state->is_renewing = true;
    if (validate_look_up(validator, labels, type) == VERDICT_WAIT) {
        resolver->counters[RESOLVER_COUNT_RENEWALS]++;
        return VERDICT_WAIT;
    }
    state->is_renewing = false; /* what it takes is not there: without it, then */
    validator->by_budget = false;
    validator->is_shortage = false;
    return VERDICT_GO_ON;
}

static bool has_key(const zone_trust_t *zone, const dnssec_rrsig_t *rrsig)
{
    for (unsigned i = 0; i < zone->key_count; i++) {
        if (zone->keys[i]->tag == rrsig->key_tag && zone->keys[i]->algorithm == rrsig->algorithm) {
            return true;
        }
    }
    return false;
}

verdict_t validate_renew_keys(validator_t *validator, const zone_trust_t *zone, const rrset_t *rrset)
{
    validate_records_t records;
    if (!validate_records(&validator->resolver->scratch, rrset, &records)) {
        return VERDICT_GO_ON;
    }
    for (size_t i = 0; i < records.signatures.count; i++) {
        dnssec_rrsig_t rrsig;
        if (dnssec_rrsig_read(&rrsig, records.signatures.list[i].data, records.signatures.list[i].length) &&
            dnssec_check_rrsig(&validator->context, &records.rrset, &rrsig, zone->zone) == DNSSEC_VALID && !has_key(zone, &rrsig)) {
            return validate_renew(validator, zone->labels, TYPE_DNSKEY);
        }
    }
    return VERDICT_GO_ON;
}
