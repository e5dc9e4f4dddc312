/* What the NSEC and NSEC3 halves of denial share. Private to denial*.c. */
#pragma once

#include "dnssec/denial.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

static inline bool denial_has_type(const denial_record_t *record, uint16_t type)
{
    return type_bitmap_has(record->bitmap, record->bitmap_size, type);
}

/* RFC 6840 4.1. All records of a set are signed by the set's zone, so that only the apex has SOA. */
static inline bool denial_is_ancestor_delegation(const denial_record_t *record)
{
    return denial_has_type(record, TYPE_NS) && !denial_has_type(record, TYPE_SOA);
}

/* May the record tell of names below its own? */
static inline bool denial_speaks_for_below(const denial_record_t *record)
{
    return !denial_is_ancestor_delegation(record) && !denial_has_type(record, TYPE_DNAME);
}

/* Does the record of the very name, or of the wildcard that makes it, deny the type? */
bool denial_denies_type(const denial_record_t *record, const uint8_t *name, uint16_t type);
/* Does it prove a zone cut without DS? */
bool denial_is_insecure_cut(const denial_record_t *record);
/* "*" put before `encloser`. False when that is no name (longer than 255 octets). */
bool denial_wildcard(name_t *wildcard, const uint8_t *encloser);

denial_result_t nsec_name_error(const denial_set_t *set, const uint8_t *name);
denial_result_t nsec_no_data(const denial_set_t *set, const uint8_t *name, uint16_t type);
denial_result_t nsec_wildcard_answer(const denial_set_t *set, const uint8_t *next_closer);
denial_result_t nsec_insecure_delegation(const denial_set_t *set, const uint8_t *name);

denial_result_t nsec3_name_error(denial_set_t *set, const uint8_t *name);
denial_result_t nsec3_no_data(denial_set_t *set, const uint8_t *name, uint16_t type);
denial_result_t nsec3_wildcard_answer(denial_set_t *set, const uint8_t *next_closer);
denial_result_t nsec3_insecure_delegation(denial_set_t *set, const uint8_t *name);
