/* NSEC: names in canonical order (RFC 4034 4, RFC 4035 5.4). */
#include "dnssec/denial_internal.h"

static bool covers(const denial_set_t *set, const denial_record_t *record, const uint8_t *name)
{
    return name_compare(record->owner, name) < 0 && (name_equal(record->next, set->zone) || name_compare(name, record->next) < 0);
}

/* May the record speak of this name, which it covers? */
static bool may_speak(const denial_record_t *record, const uint8_t *name)
{
    return !name_is_at_or_below(name, record->owner) || denial_speaks_for_below(record);
}

/* Neither the name nor anything below it exists. */
static bool denies_name(const denial_set_t *set, const denial_record_t *record, const uint8_t *name)
{
    return covers(set, record, name) && !name_is_at_or_below(record->next, name) && may_speak(record, name);
}

static bool denies_name_somewhere(const denial_set_t *set, const uint8_t *name)
{
    for (unsigned i = 0; i < set->nsec_count; i++) {
        if (denies_name(set, &set->nsec[i], name)) {
            return true;
        }
    }
    return false;
}

/* The name has no record and something below it has (RFC 4592 2.2.2). */
static bool is_empty_non_terminal(const denial_set_t *set, const uint8_t *name)
{
    for (unsigned i = 0; i < set->nsec_count; i++) {
        const denial_record_t *record = &set->nsec[i];
        if (covers(set, record, name) && name_is_at_or_below(record->next, name) && may_speak(record, name)) {
            return true;
        }
    }
    return false;
}

static const denial_record_t *find_match(const denial_set_t *set, const uint8_t *name)
{
    for (unsigned i = 0; i < set->nsec_count; i++) {
        if (name_equal(set->nsec[i].owner, name)) {
            return &set->nsec[i];
        }
    }
    return NULL;
}

/* How many labels, from the right, two names share. */
static unsigned count_shared(const uint8_t *a, const uint8_t *b)
{
    unsigned labels = name_labels(b);
    while (!name_is_at_or_below(a, name_suffix(b, labels))) {
        labels--;
    }
    return labels;
}

/* The closest encloser of a name that the record denies is the longest name above it that its owner or its next name shares. */
static bool wildcard_of(const denial_record_t *record, const uint8_t *name, name_t *wildcard)
{
    unsigned by_owner = count_shared(record->owner, name);
    unsigned by_next = count_shared(record->next, name);
    return denial_wildcard(wildcard, name_suffix(name, by_owner > by_next ? by_owner : by_next));
}

denial_result_t nsec_name_error(const denial_set_t *set, const uint8_t *name)
{
    for (unsigned i = 0; i < set->nsec_count; i++) {
        name_t wildcard;
        if (denies_name(set, &set->nsec[i], name) && wildcard_of(&set->nsec[i], name, &wildcard) &&
            denies_name_somewhere(set, wildcard.wire)) {
            return DENIAL_PROVEN;
        }
    }
    return DENIAL_NOT_PROVEN;
}

static bool denies_type_by_wildcard(const denial_set_t *set, const name_t *wildcard, uint16_t type)
{
    const denial_record_t *match = find_match(set, wildcard->wire);
    return match ? denial_denies_type(match, wildcard->wire, type) : is_empty_non_terminal(set, wildcard->wire);
}

denial_result_t nsec_no_data(const denial_set_t *set, const uint8_t *name, uint16_t type)
{
    const denial_record_t *match = find_match(set, name);
    if (match) {
        return denial_denies_type(match, name, type) ? DENIAL_PROVEN : DENIAL_NOT_PROVEN;
    }
    if (is_empty_non_terminal(set, name)) {
        return DENIAL_PROVEN;
    }
    for (unsigned i = 0; i < set->nsec_count; i++) {
        name_t wildcard;
        if (denies_name(set, &set->nsec[i], name) && wildcard_of(&set->nsec[i], name, &wildcard) &&
            denies_type_by_wildcard(set, &wildcard, type)) {
            return DENIAL_PROVEN;
        }
    }
    return DENIAL_NOT_PROVEN;
}

denial_result_t nsec_wildcard_answer(const denial_set_t *set, const uint8_t *next_closer)
{
    return denies_name_somewhere(set, next_closer) ? DENIAL_PROVEN : DENIAL_NOT_PROVEN;
}

denial_result_t nsec_insecure_delegation(const denial_set_t *set, const uint8_t *name)
{
    const denial_record_t *match = find_match(set, name);
    return match && denial_is_insecure_cut(match) ? DENIAL_PROVEN : DENIAL_NOT_PROVEN;
}
