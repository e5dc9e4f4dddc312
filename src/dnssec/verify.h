/* Signatures over RRsets (RFC 4035 5.3) and the trust from a DS or an anchor to a DNSKEY RRset (RFC 4035 5.2).
 *
 * Invariants
 *  1. Pure: time is a parameter, every public-key operation is taken from context->budget before it is done, and nothing is ever given
 * back.
 *  2. All that is cheap is checked before any cryptography: signer, labels, times, tags. So a signature that cannot count costs nothing.
 *  3. For one signature at most keys_per_tag_max keys are tried; for one RRset at most signatures_per_algorithm_max signatures by each
 *     algorithm (CVE-2023-50387).
 *  4. One valid signature suffices (RFC 6840 5.4). Signatures that fail, of whatever kind, never make a valid one bad.
 *
 * Threads: a context belongs to one thread at a time; keys may be shared.
 */
#pragma once

#include "base/buffer.h"
#include "dnssec/algorithm.h"
#include "dnssec/canonical.h"
#include "dnssec/key.h"
#include "dnssec/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dnssec_context {
    const dnssec_policy_t *policy;
    dnssec_budget_t *budget;
    buffer_t *scratch; /* its maximum bounds the RRsets that can be checked; 1 MiB is enough for any that fits a message */
    uint32_t now_s;    /* seconds since 1970, modulo 2^32 (RFC 1982) */
} dnssec_context_t;

/* What a valid signature says. */
typedef struct dnssec_verified {
    bool is_expansion;        /* made from a wildcard; that no closer match exists is still to be proven (RFC 4035 5.3.4) */
    uint8_t closest_encloser; /* labels of the wildcard's parent, if is_expansion */
    uint16_t key_tag;         /* of the key that verified */
    uint8_t algorithm;        /* likewise */
    uint32_t ttl_s;           /* at most that of RRset, signature (original and left to live) and policy (RFC 4035 5.3.3) */
    uint32_t expiration_s;    /* of the signature */
} dnssec_verified_t;

/* One key of a zone. */
typedef struct dnssec_signer {
    const uint8_t *zone; /* wire, any case */
    dnssec_key_t *key;   /* not owned */
} dnssec_signer_t;

/* The validated keys of a zone. */
typedef struct dnssec_keys {
    const uint8_t *zone;       /* wire, any case */
    dnssec_key_t *const *list; /* those that could be made by dnssec_key_new(), in any order; a reference is held by the owner */
    size_t count;
} dnssec_keys_t;

/* Everything about a signature but the key and the cryptography: the RRset's own shape, type covered, signer == zone at or above the owner
 * (strictly above for DS: it is the parent's), Labels, times. */
dnssec_result_t dnssec_check_rrsig(const dnssec_context_t *context, const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig,
                                   const uint8_t *zone);

/* One signature, one key: dnssec_check_rrsig(), then tag, algorithm and cryptography. Takes one check from the budget if it comes to that.
 * Does not ask whether the key is a zone key or revoked: RFC 5011 needs the revoked one. *verified (may be NULL) is filled if valid. */
dnssec_result_t dnssec_verify_rrsig(const dnssec_context_t *context, const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig,
                                    const dnssec_signer_t *signer, dnssec_verified_t *verified);

/* Records of one type, as received. */
typedef struct dnssec_records {
    const dnssec_rdata_t *list;
    size_t count;
} dnssec_records_t;

/* An RRset with its RRSIG records and the keys of its zone. rrsigs: rdata of the RRSIGs at the owner; those that cover other types are
 * passed over. DNSSEC_VALID with *verified (may be NULL), or the failure that says most. */
dnssec_result_t dnssec_verify(const dnssec_context_t *context, const dnssec_rrset_t *rrset, dnssec_records_t rrsigs,
                              const dnssec_keys_t *keys, dnssec_verified_t *verified);

/* What a DNSKEY RRset is to be trusted by: the validated DS RRset of the parent, or trust anchors of either form. */
typedef struct dnssec_trust {
    dnssec_records_t ds;
    dnssec_records_t dnskeys; /* anchors given as keys */
} dnssec_trust_t;

/* Is a zone with this DS RRset to be validated at all? DNSSEC_VALID: yes. DNSSEC_ALGORITHM_UNSUPPORTED, DNSSEC_DIGEST_UNSUPPORTED: no DS
 * has both a known algorithm and a known digest, so the zone is insecure (RFC 4035 5.2, RFC 6840 5.2). No DS: DNSSEC_KEY_MISSING. */
dnssec_result_t dnssec_ds_usable(const dnssec_policy_t *policy, dnssec_records_t ds);

/* A DNSKEY RRset: a zone key in it that `trust` refers to must have signed it. With a usable DS by SHA-256 or SHA-384 those by SHA-1 are
 * passed over (RFC 4509 3); ds_max usable ones are considered.
 * DNSSEC_VALID. DNSSEC_ALGORITHM_UNSUPPORTED, DNSSEC_DIGEST_UNSUPPORTED: insecure, as nothing in `trust` can be used, or all it refers to
 * are keys of sizes that are refused. All else is bogus. */
dnssec_result_t dnssec_verify_dnskeys(const dnssec_context_t *context, const dnssec_rrset_t *dnskeys, dnssec_records_t rrsigs,
                                      const dnssec_trust_t *trust, dnssec_verified_t *verified);
