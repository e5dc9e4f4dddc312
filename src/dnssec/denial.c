#include "dnssec/denial.h"

#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/denial_internal.h"

#include <string.h>

void denial_set_init(denial_set_t *set, const uint8_t *zone, const dnssec_policy_t *policy, dnssec_budget_t *budget, nsec3_cache_t *cache)
{
    set->policy = policy;
    set->budget = budget;
    set->cache = cache;
    set->zone = zone;
    set->has_parameters = false;
    set->exceeds_iterations = false;
    set->is_spent = false;
    set->nsec_count = 0;
    set->nsec3_count = 0;
}

/* ---- collecting ---- */

static bool add_nsec(denial_set_t *set, const uint8_t *owner, const dnssec_rdata_t *rdata)
{
    byte_reader_t reader = byte_reader(rdata->data, rdata->length);
    name_t next;
    if (set->nsec_count == DENIAL_RECORDS_MAX || name_read_uncompressed(&reader, &next) != STATUS_OK ||
        !name_is_at_or_below(next.wire, set->zone)) {
        return false;
    }
    /* The last one leads back to the apex, and no other goes backwards (RFC 4034 4.1.1). */
    if (name_compare(owner, next.wire) >= 0 && !name_equal(next.wire, set->zone)) {
        return false;
    }
    denial_record_t *record = &set->nsec[set->nsec_count++];
    record->owner = owner;
    record->next = rdata->data;
    record->bitmap = rdata->data + reader.position;
    record->bitmap_size = (uint16_t)byte_reader_left(&reader);
    return true;
}

/* All records must be of one chain; its parameters are those of the first. */
static bool take_parameters(denial_set_t *set, const nsec3_parameters_t *parameters)
{
    if (set->has_parameters) {
        return nsec3_parameters_equal(&set->parameters, parameters);
    }
    set->has_parameters = true;
    set->parameters = *parameters;
    set->exceeds_iterations = parameters->iterations > set->policy->nsec3_iterations_max;
    return true;
}

static bool add_nsec3(denial_set_t *set, const uint8_t *owner, const dnssec_rdata_t *rdata)
{
    nsec3_parameters_t parameters;
    denial_record_t *record = &set->nsec3[set->nsec3_count];
    if (set->nsec3_count == DENIAL_RECORDS_MAX || !nsec3_parameters_read(&parameters, rdata->data, rdata->length) ||
        (rdata->data[1] & ~NSEC3_FLAG_OPT_OUT) != 0 || !name_equal(owner + 1 + owner[0], set->zone) ||
        !nsec3_hash_from_label(owner + 1, owner[0], record->hash)) {
        return false;
    }
    byte_reader_t reader = byte_reader(rdata->data, rdata->length);
    byte_read(&reader, 5u + parameters.salt_size);
    uint8_t hash_size = byte_read_u8(&reader);
    const uint8_t *next = byte_read(&reader, hash_size);
    if (!next || hash_size != NSEC3_HASH_SIZE || !take_parameters(set, &parameters)) {
        return false;
    }
    record->next = next;
    record->is_opt_out = rdata->data[1] & NSEC3_FLAG_OPT_OUT;
    record->bitmap = rdata->data + reader.position;
    record->bitmap_size = (uint16_t)byte_reader_left(&reader);
    set->nsec3_count++;
    return true;
}

bool denial_set_add(denial_set_t *set, const dnssec_rrset_t *rrset, const dnssec_verified_t *verified)
{
    bool is_any_added = false;
    if (verified->is_expansion || rrset->owner[0] > NAME_LABEL_MAX || !name_is_at_or_below(rrset->owner, set->zone)) {
        return false;
    }
    for (uint32_t i = 0; i < rrset->count; i++) {
        if (rrset->type == TYPE_NSEC) {
            is_any_added |= add_nsec(set, rrset->owner, &rrset->records[i]);
        } else if (rrset->type == TYPE_NSEC3 && rrset->owner[0] > 0) {
            is_any_added |= add_nsec3(set, rrset->owner, &rrset->records[i]);
        }
    }
    return is_any_added;
}

/* ---- what a matching record says ---- */

bool denial_denies_type(const denial_record_t *record, const uint8_t *name, uint16_t type)
{
    if (denial_has_type(record, type) || denial_has_type(record, TYPE_CNAME) || (type == TYPE_ANY && record->bitmap_size > 0)) {
        return false;
    }
    if (type == TYPE_DS) {
        return !denial_has_type(record, TYPE_SOA) || name[0] == 0;
    }
    return !denial_is_ancestor_delegation(record);
}

bool denial_is_insecure_cut(const denial_record_t *record)
{
    return denial_is_ancestor_delegation(record) && !denial_has_type(record, TYPE_DS);
}

bool denial_wildcard(name_t *wildcard, const uint8_t *encloser)
{
    size_t length = name_length(encloser);
    if (length + 2 > NAME_WIRE_MAX) {
        return false;
    }
    memcpy(wildcard->wire, "\001*", 2);
    memcpy(wildcard->wire + 2, encloser, length);
    name_lower(wildcard->wire, length + 2);
    wildcard->length = (uint8_t)(length + 2);
    wildcard->labels = (uint8_t)(name_labels(encloser) + 1);
    return true;
}

/* ---- questions ---- */

/* NSEC was asked first: it costs no hashes. Is NSEC3 to be asked, too? If not, *result is final. */
static bool asks_nsec3(const denial_set_t *set, denial_result_t *result)
{
    if (*result != DENIAL_NOT_PROVEN || set->nsec3_count == 0) {
        return false;
    }
    if (set->exceeds_iterations) {
        *result = DENIAL_ITERATIONS;
        return false;
    }
    return true;
}

static denial_result_t finish(const denial_set_t *set, denial_result_t result)
{
    return set->is_spent && result == DENIAL_NOT_PROVEN ? DENIAL_BUDGET_SPENT : result;
}

denial_result_t denial_name_error(denial_set_t *set, const uint8_t *name)
{
    if (!name_is_at_or_below(name, set->zone)) {
        return DENIAL_NOT_PROVEN;
    }
    denial_result_t result = nsec_name_error(set, name);
    return asks_nsec3(set, &result) ? finish(set, nsec3_name_error(set, name)) : result;
}

denial_result_t denial_no_data(denial_set_t *set, const uint8_t *name, uint16_t type)
{
    if (!name_is_at_or_below(name, set->zone)) {
        return DENIAL_NOT_PROVEN;
    }
    denial_result_t result = nsec_no_data(set, name, type);
    return asks_nsec3(set, &result) ? finish(set, nsec3_no_data(set, name, type)) : result;
}

denial_result_t denial_wildcard_answer(denial_set_t *set, const uint8_t *name, unsigned encloser_labels)
{
    if (!name_is_at_or_below(name, set->zone) || encloser_labels >= name_labels(name) || encloser_labels < name_labels(set->zone)) {
        return DENIAL_NOT_PROVEN;
    }
    const uint8_t *next_closer = name_suffix(name, encloser_labels + 1);
    denial_result_t result = nsec_wildcard_answer(set, next_closer);
    return asks_nsec3(set, &result) ? finish(set, nsec3_wildcard_answer(set, next_closer)) : result;
}

denial_result_t denial_insecure_delegation(denial_set_t *set, const uint8_t *name)
{
    if (!name_is_at_or_below(name, set->zone) || name_equal(name, set->zone)) {
        return DENIAL_NOT_PROVEN;
    }
    denial_result_t result = nsec_insecure_delegation(set, name);
    return asks_nsec3(set, &result) ? finish(set, nsec3_insecure_delegation(set, name)) : result;
}

const char *denial_result_text(denial_result_t result)
{
    switch (result) {
    case DENIAL_NOT_PROVEN:
        return "not proven";
    case DENIAL_PROVEN:
        return "proven";
    case DENIAL_OPT_OUT:
        return "insecure by an NSEC3 opt-out span";
    case DENIAL_ITERATIONS:
        return "insecure by too many NSEC3 iterations";
    case DENIAL_BUDGET_SPENT:
        return "too many names would have to be hashed";
    }
    return "unknown result";
}
