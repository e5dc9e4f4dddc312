/* Proofs that a name or a type does not exist, out of NSEC and NSEC3 records (RFC 4035 5.4, RFC 5155 8, RFC 6840 4, RFC 9276 3.2).
 *
 * The caller collects the records of one answer that dnssec_verify() found valid with the keys of one zone, then asks what they prove. What
 * a record must not be used for is kept out when it is added or asked:
 *  1. owner and next name must lie in the zone; an NSEC made from a wildcard denies nothing;
 *  2. an ancestor delegation (NS without SOA) says nothing about its own name but for DS, and nothing about names below (RFC 6840 4.1); a
 *     DNAME's record nothing about names below;
 *  3. for a DS only the parent's record counts: without SOA, the root apart;
 *  4. NSEC3 of an unknown hash or with unknown flags are ignored (RFC 5155 8.1, 8.2); so are those whose parameters are not those of the
 *     first;
 *  5. every name that is hashed is taken from the budget; a set of more iterations than policy allows proves nothing but that the answer
 *     is insecure.
 *
 * Pure. A set belongs to one thread; it points into the records' memory, which must outlive it. Names are wire, of any case.
 */
#pragma once

#include "dnssec/algorithm.h"
#include "dnssec/canonical.h"
#include "dnssec/nsec3_hash.h"
#include "dnssec/verify.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum denial_result {
    DENIAL_NOT_PROVEN = 0, /* bogus, unless something else proves it (EDE_NSEC_MISSING) */
    DENIAL_PROVEN,
    DENIAL_OPT_OUT,      /* proven but for unsigned delegations in an opt-out span: insecure, no AD (RFC 5155 9.2) */
    DENIAL_ITERATIONS,   /* too many NSEC3 iterations: insecure (RFC 9276 3.2; EDE_UNSUPPORTED_NSEC3_ITERATIONS) */
    DENIAL_BUDGET_SPENT, /* too many hashes: nothing is known (CVE-2023-50868) */
} denial_result_t;

enum { DENIAL_RECORDS_MAX = 16, DENIAL_CACHE_MAX = 32 };

/* Hashes of names, kept across the sets of one request. A zeroed one is empty. */
typedef struct nsec3_cache {
    uint8_t salt[UINT8_MAX];
    uint8_t salt_size;
    uint16_t iterations;
    uint8_t count;
    uint8_t next; /* to be replaced */
    struct {
        name_t name; /* lower case */
        uint8_t hash[NSEC3_HASH_SIZE];
    } entries[DENIAL_CACHE_MAX];
} nsec3_cache_t;

typedef struct denial_record {
    const uint8_t *owner;  /* NSEC */
    const uint8_t *next;   /* NSEC: a name; NSEC3: a hash */
    const uint8_t *bitmap; /* windows */
    uint16_t bitmap_size;
    bool is_opt_out;               /* NSEC3 */
    uint8_t hash[NSEC3_HASH_SIZE]; /* NSEC3: of the owner */
} denial_record_t;

typedef struct denial_set {
    const dnssec_policy_t *policy;
    dnssec_budget_t *budget;
    nsec3_cache_t *cache; /* may be NULL */
    const uint8_t *zone;
    nsec3_parameters_t parameters; /* of the NSEC3 records */
    bool has_parameters;
    bool exceeds_iterations;
    bool is_spent; /* a name could not be hashed for want of budget */
    uint8_t nsec_count;
    uint8_t nsec3_count;
    denial_record_t nsec[DENIAL_RECORDS_MAX];
    denial_record_t nsec3[DENIAL_RECORDS_MAX];
} denial_set_t;

/* An empty set for the records of `zone`. cache may be NULL. */
void denial_set_init(denial_set_t *set, const uint8_t *zone, const dnssec_policy_t *policy, dnssec_budget_t *budget, nsec3_cache_t *cache);
/* Adds the records of a valid NSEC or NSEC3 RRset. False: none of them can be used (or the set is full). */
bool denial_set_add(denial_set_t *set, const dnssec_rrset_t *rrset, const dnssec_verified_t *verified);

/* The name does not exist and no wildcard makes it (RCODE NXDOMAIN). */
denial_result_t denial_name_error(denial_set_t *set, const uint8_t *name);
/* The name exists, or a wildcard makes it, and it has neither this type nor CNAME. Empty non-terminals have no type at all. type may be
 * TYPE_ANY: then only an empty non-terminal will do. For TYPE_DS the zone must be that of the parent; what DENIAL_PROVEN means then (no
 * delegation here, or an insecure one) denial_insecure_delegation() tells. */
denial_result_t denial_no_data(denial_set_t *set, const uint8_t *name, uint16_t type);
/* No closer match than the wildcard that an answer was made from, whose parent has `encloser_labels` labels
 * (dnssec_verified_t.closest_encloser). */
denial_result_t denial_wildcard_answer(denial_set_t *set, const uint8_t *name, unsigned encloser_labels);
/* The name is a zone cut without DS (RFC 6840 4.4, RFC 5155 8.9), or may be one in an opt-out span (DENIAL_OPT_OUT). */
denial_result_t denial_insecure_delegation(denial_set_t *set, const uint8_t *name);

const char *denial_result_text(denial_result_t result);
