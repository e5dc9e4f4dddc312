#include "dnssec/verify.h"

#include "base/bytes.h"
#include "base/require.h"
#include "wire/rrtype.h"

#include <string.h>

enum { ALGORITHM_NUMBERS = 32 }; /* dnssec_policy_t.algorithms */

/* The work on one RRset. */
typedef struct verification {
    const dnssec_context_t *context;
    const dnssec_rrset_t *rrset;
    dnssec_verified_t *verified;          /* may be NULL */
    uint16_t attempts[ALGORITHM_NUMBERS]; /* signatures whose cryptography was tried, by algorithm */
} verification_t;

/* The octets of one signature, made when the first key is tried. */
typedef struct signed_data {
    const uint8_t *data; /* NULL: not yet */
    size_t size;
} signed_data_t;

static dnssec_result_t worse(dnssec_result_t a, dnssec_result_t b)
{
    return a > b ? a : b;
}

/* ---- one signature ---- */

/* a - b as RFC 1982 and RFC 4034 3.1.5 have it. */
static int32_t serial_difference(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static dnssec_result_t check_times(const dnssec_context_t *context, const dnssec_rrsig_t *rrsig)
{
    uint32_t skew_s = context->policy->skew_s;
    if (serial_difference(rrsig->expiration_s, rrsig->inception_s) < 0) {
        return DNSSEC_SIGNATURE_INVERTED;
    }
    if (serial_difference(context->now_s + skew_s, rrsig->inception_s) < 0) {
        return DNSSEC_SIGNATURE_NOT_YET_VALID;
    }
    return serial_difference(rrsig->expiration_s + skew_s, context->now_s) < 0 ? DNSSEC_SIGNATURE_EXPIRED : DNSSEC_VALID;
}

/* RFC 4035 5.3.1; a DS RRset belongs to the parent (RFC 4035 2.4). */
static bool is_signer_right(const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig, const uint8_t *zone)
{
    return name_equal(rrsig->signer, zone) && name_is_at_or_below(rrset->owner, rrsig->signer) &&
           !(rrset->type == TYPE_DS && name_equal(rrset->owner, rrsig->signer));
}

/* Fewer labels than the signer's would make a wildcard outside of the zone. NSEC3 owners are hashes: no wildcard makes one. */
static bool are_labels_right(const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig)
{
    unsigned owner_labels = dnssec_rrsig_labels(rrset->owner);
    return rrsig->labels <= owner_labels && rrsig->labels >= name_labels(rrsig->signer) &&
           !(rrset->type == TYPE_NSEC3 && rrsig->labels < owner_labels);
}

dnssec_result_t dnssec_check_rrsig(const dnssec_context_t *context, const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig,
                                   const uint8_t *zone)
{
    if (rrsig->type_covered != rrset->type || rrset->count == 0) {
        return DNSSEC_SIGNATURE_MISSING;
    }
    if (!is_signer_right(rrset, rrsig, zone)) {
        return DNSSEC_SIGNER_WRONG;
    }
    if (!are_labels_right(rrset, rrsig)) {
        return DNSSEC_LABELS_WRONG;
    }
    return check_times(context, rrsig);
}

static void fill_verified(const dnssec_context_t *context, const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig,
                          dnssec_verified_t *verified)
{
    int32_t left_s = serial_difference(rrsig->expiration_s, context->now_s);
    uint32_t ttl_s = left_s > 0 ? (uint32_t)left_s : 0;
    ttl_s = ttl_s < rrset->ttl_s ? ttl_s : rrset->ttl_s;
    ttl_s = ttl_s < rrsig->original_ttl_s ? ttl_s : rrsig->original_ttl_s;
    ttl_s = ttl_s < context->policy->ttl_max_s ? ttl_s : context->policy->ttl_max_s;
    *verified = (dnssec_verified_t){
        .is_expansion = rrsig->labels < dnssec_rrsig_labels(rrset->owner),
        .key_tag = rrsig->key_tag,
        .algorithm = rrsig->algorithm,
        .ttl_s = ttl_s,
        .expiration_s = rrsig->expiration_s,
    };
    verified->closest_encloser = verified->is_expansion ? rrsig->labels : 0;
}

/* The cryptography, at the budget's cost. */
static dnssec_result_t try_key(const dnssec_context_t *context, const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig,
                               signed_data_t *octets, dnssec_key_t *key)
{
    if (context->budget->signature_checks == 0) {
        return DNSSEC_BUDGET_SPENT;
    }
    if (!octets->data && dnssec_signed_data(rrset, rrsig, context->scratch, &octets->data, &octets->size) != STATUS_OK) {
        return DNSSEC_NO_RESOURCES;
    }
    context->budget->signature_checks--;
    switch (dnssec_key_verify(key, octets->data, octets->size, rrsig->signature, rrsig->signature_size)) {
    case STATUS_OK:
        return DNSSEC_VALID;
    case STATUS_NO_MEMORY:
        return DNSSEC_NO_RESOURCES;
    case STATUS_MALFORMED:
        return DNSSEC_KEY_MALFORMED;
    default:
        return DNSSEC_SIGNATURE_WRONG;
    }
}

static bool does_key_fit(const dnssec_rrsig_t *rrsig, const dnssec_key_t *key)
{
    return key->tag == rrsig->key_tag && key->algorithm == rrsig->algorithm;
}

dnssec_result_t dnssec_verify_rrsig(const dnssec_context_t *context, const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig,
                                    const dnssec_signer_t *signer, dnssec_verified_t *verified)
{
    dnssec_result_t result = dnssec_check_rrsig(context, rrset, rrsig, signer->zone);
    if (result != DNSSEC_VALID) {
        return result;
    }
    if (!does_key_fit(rrsig, signer->key)) {
        return DNSSEC_KEY_MISSING;
    }
    signed_data_t octets = {0};
    result = try_key(context, rrset, rrsig, &octets, signer->key);
    if (result == DNSSEC_VALID && verified) {
        fill_verified(context, rrset, rrsig, verified);
    }
    return result;
}

/* ---- several signatures and keys ---- */

/* May this key, which has the signature's tag and algorithm, be used at all? */
static dnssec_result_t check_key(const dnssec_key_t *key)
{
    if (dnssec_key_is_zone_key(key)) {
        return DNSSEC_VALID;
    }
    return key->flags & DNSKEY_FLAG_REVOKE ? DNSSEC_KEY_REVOKED : DNSSEC_KEY_NOT_ZONE_KEY;
}

/* A signature that passed dnssec_check_rrsig(). */
static dnssec_result_t try_keys(verification_t *work, const dnssec_rrsig_t *rrsig, const dnssec_keys_t *keys)
{
    const dnssec_policy_t *policy = work->context->policy;
    dnssec_result_t failure = DNSSEC_KEY_MISSING;
    signed_data_t octets = {0};
    unsigned tried = 0;
    for (size_t i = 0; i < keys->count; i++) {
        if (!does_key_fit(rrsig, keys->list[i])) {
            continue;
        }
        dnssec_result_t result = check_key(keys->list[i]);
        if (result == DNSSEC_VALID) {
            if (tried == 0 && work->attempts[rrsig->algorithm]++ >= policy->signatures_per_algorithm_max) {
                return DNSSEC_BUDGET_SPENT;
            }
            if (tried++ >= policy->keys_per_tag_max) {
                return DNSSEC_BUDGET_SPENT;
            }
            result = try_key(work->context, work->rrset, rrsig, &octets, keys->list[i]);
            if (result == DNSSEC_VALID || result == DNSSEC_BUDGET_SPENT) {
                return result;
            }
        }
        failure = worse(failure, result);
    }
    return failure;
}

static dnssec_result_t verify_one(verification_t *work, const dnssec_rdata_t *rdata, const dnssec_keys_t *keys)
{
    dnssec_rrsig_t rrsig;
    if (!dnssec_rrsig_read(&rrsig, rdata->data, rdata->length)) {
        return DNSSEC_SIGNATURE_MALFORMED;
    }
    if (rrsig.type_covered != work->rrset->type) {
        return DNSSEC_SIGNATURE_MISSING;
    }
    if (!dnssec_policy_has_algorithm(work->context->policy, rrsig.algorithm)) {
        return DNSSEC_ALGORITHM_UNSUPPORTED;
    }
    dnssec_result_t result = dnssec_check_rrsig(work->context, work->rrset, &rrsig, keys->zone);
    if (result == DNSSEC_VALID) {
        result = try_keys(work, &rrsig, keys);
    }
    if (result == DNSSEC_VALID && work->verified) {
        fill_verified(work->context, work->rrset, &rrsig, work->verified);
    }
    return result;
}

static dnssec_result_t verify_all(verification_t *work, dnssec_records_t rrsigs, const dnssec_keys_t *keys)
{
    dnssec_result_t failure = DNSSEC_SIGNATURE_MISSING;
    for (size_t i = 0; i < rrsigs.count; i++) {
        dnssec_result_t result = verify_one(work, &rrsigs.list[i], keys);
        if (result == DNSSEC_VALID) {
            return result;
        }
        failure = worse(failure, result);
    }
    return failure;
}

dnssec_result_t dnssec_verify(const dnssec_context_t *context, const dnssec_rrset_t *rrset, dnssec_records_t rrsigs,
                              const dnssec_keys_t *keys, dnssec_verified_t *verified)
{
    verification_t work = {.context = context, .rrset = rrset, .verified = verified};
    return verify_all(&work, rrsigs, keys);
}

/* ---- DNSKEY RRsets ---- */

static bool is_ds_usable(const dnssec_policy_t *policy, const dnssec_rdata_t *ds)
{
    return ds->length > DS_FIXED_SIZE && dnssec_policy_has_algorithm(policy, ds->data[2]) && dnssec_policy_has_digest(policy, ds->data[3]);
}

dnssec_result_t dnssec_ds_usable(const dnssec_policy_t *policy, dnssec_records_t ds)
{
    dnssec_result_t failure = DNSSEC_KEY_MISSING;
    for (size_t i = 0; i < ds.count; i++) {
        if (is_ds_usable(policy, &ds.list[i])) {
            return DNSSEC_VALID;
        }
        bool is_algorithm_known = ds.list[i].length > DS_FIXED_SIZE && dnssec_policy_has_algorithm(policy, ds.list[i].data[2]);
        dnssec_result_t reason = is_algorithm_known ? DNSSEC_DIGEST_UNSUPPORTED : DNSSEC_ALGORITHM_UNSUPPORTED;
        failure = failure == DNSSEC_DIGEST_UNSUPPORTED ? failure : reason;
    }
    return failure;
}

/* RFC 4509 3, RFC 6605 2: is there a usable DS with a better digest than SHA-1? */
static bool has_strong_digest(const dnssec_policy_t *policy, dnssec_records_t ds)
{
    for (size_t i = 0; i < ds.count; i++) {
        if (is_ds_usable(policy, &ds.list[i]) && ds.list[i].data[3] != DNSSEC_DIGEST_SHA1) {
            return true;
        }
    }
    return false;
}

/* One DNSKEY record that is trusted: does it sign its RRset? */
static dnssec_result_t verify_by_key(verification_t *work, dnssec_records_t rrsigs, const dnssec_rdata_t *dnskey)
{
    dnssec_key_t *key;
    switch (dnssec_key_new(work->context->policy, dnskey->data, dnskey->length, &key)) {
    case STATUS_OK:
        break;
    case STATUS_UNSUPPORTED:
        return DNSSEC_ALGORITHM_UNSUPPORTED;
    case STATUS_NO_MEMORY:
        return DNSSEC_NO_RESOURCES;
    default:
        return DNSSEC_KEY_MALFORMED;
    }
    dnssec_result_t result = check_key(key);
    if (result == DNSSEC_VALID) {
        dnssec_key_t *const list[] = {key};
        const dnssec_keys_t keys = {.zone = work->rrset->owner, .list = list, .count = 1};
        result = verify_all(work, rrsigs, &keys);
        /* There may be signatures, but none by this key; those by algorithms that are not accepted do not make the key one of them. */
        result = result == DNSSEC_ALGORITHM_UNSUPPORTED || result == DNSSEC_KEY_MISSING ? DNSSEC_SIGNATURE_MISSING : result;
    }
    dnssec_key_unref(key);
    return result;
}

static dnssec_result_t verify_by_ds(verification_t *work, dnssec_records_t rrsigs, const dnssec_rdata_t *ds)
{
    const dnssec_rrset_t *dnskeys = work->rrset;
    dnssec_result_t failure = DNSSEC_KEY_MISSING;
    unsigned digests = 0;
    for (uint32_t i = 0; i < dnskeys->count; i++) {
        const dnssec_rdata_t *record = &dnskeys->records[i];
        if (record->length <= DNSKEY_FIXED_SIZE || record->data[3] != ds->data[2] ||
            dnssec_key_tag(record->data, record->length) != load_be16(ds->data)) {
            continue;
        }
        if (digests++ >= work->context->policy->keys_per_tag_max) {
            return worse(failure, DNSSEC_BUDGET_SPENT);
        }
        if (dnssec_ds_matches(ds->data, ds->length, dnskeys->owner, record->data, record->length)) {
            return verify_by_key(work, rrsigs, record);
        }
    }
    return failure;
}

static dnssec_result_t verify_by_anchor(verification_t *work, dnssec_records_t rrsigs, const dnssec_rdata_t *anchor)
{
    for (uint32_t i = 0; i < work->rrset->count; i++) {
        const dnssec_rdata_t *record = &work->rrset->records[i];
        if (record->length == anchor->length && memcmp(record->data, anchor->data, record->length) == 0) {
            return verify_by_key(work, rrsigs, record);
        }
    }
    return DNSSEC_KEY_MISSING;
}

/* What came of all that a zone may be trusted by. */
typedef struct trust_outcome {
    dnssec_result_t failure;
    unsigned considered;
    unsigned refused; /* led to a key that is not accepted for its size */
} trust_outcome_t;

static bool count_outcome(trust_outcome_t *outcome, dnssec_result_t result)
{
    outcome->considered++;
    outcome->refused += result == DNSSEC_ALGORITHM_UNSUPPORTED;
    outcome->failure = worse(outcome->failure, result);
    return result == DNSSEC_VALID;
}

static bool verify_by_any_ds(verification_t *work, dnssec_records_t rrsigs, dnssec_records_t ds, trust_outcome_t *outcome)
{
    const dnssec_policy_t *policy = work->context->policy;
    bool passes_over_sha1 = has_strong_digest(policy, ds);
    for (size_t i = 0; i < ds.count; i++) {
        if (!is_ds_usable(policy, &ds.list[i]) || (passes_over_sha1 && ds.list[i].data[3] == DNSSEC_DIGEST_SHA1)) {
            continue;
        }
        if (outcome->considered >= policy->ds_max) {
            return count_outcome(outcome, DNSSEC_BUDGET_SPENT);
        }
        if (count_outcome(outcome, verify_by_ds(work, rrsigs, &ds.list[i]))) {
            return true;
        }
    }
    return false;
}

dnssec_result_t dnssec_verify_dnskeys(const dnssec_context_t *context, const dnssec_rrset_t *dnskeys, dnssec_records_t rrsigs,
                                      const dnssec_trust_t *trust, dnssec_verified_t *verified)
{
    verification_t work = {.context = context, .rrset = dnskeys, .verified = verified};
    trust_outcome_t outcome = {.failure = DNSSEC_VALID};
    if (verify_by_any_ds(&work, rrsigs, trust->ds, &outcome)) {
        return DNSSEC_VALID;
    }
    for (size_t i = 0; i < trust->dnskeys.count; i++) {
        const dnssec_rdata_t *anchor = &trust->dnskeys.list[i];
        if (anchor->length > DNSKEY_FIXED_SIZE && dnssec_policy_has_algorithm(context->policy, anchor->data[3]) &&
            count_outcome(&outcome, verify_by_anchor(&work, rrsigs, anchor))) {
            return DNSSEC_VALID;
        }
    }
    if (outcome.considered == 0) {
        return trust->ds.count > 0 ? dnssec_ds_usable(context->policy, trust->ds)
                                   : (trust->dnskeys.count > 0 ? DNSSEC_ALGORITHM_UNSUPPORTED : DNSSEC_KEY_MISSING);
    }
    if (outcome.refused == outcome.considered) {
        return DNSSEC_ALGORITHM_UNSUPPORTED;
    }
    /* Insecure only if nothing else could have been used: an attacker may have removed the signatures of the rest. */
    return outcome.failure == DNSSEC_ALGORITHM_UNSUPPORTED ? DNSSEC_SIGNATURE_MISSING : outcome.failure;
}
