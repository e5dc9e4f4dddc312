/* What validation found, precise enough for an extended error (RFC 8914) and for a person.
 *
 * Failures stand in the order of how much they say about what is wrong: of several attempts that failed, the one with the highest value is
 * reported.
 */
#pragma once

typedef enum dnssec_result {
    DNSSEC_VALID = 0,
    DNSSEC_SIGNATURE_MISSING,       /* no RRSIG over this type */
    DNSSEC_ALGORITHM_UNSUPPORTED,   /* only by algorithms, or sizes of keys, that are not accepted */
    DNSSEC_DIGEST_UNSUPPORTED,      /* DS only with digests that are not accepted */
    DNSSEC_SIGNATURE_MALFORMED,     /* no RRSIG rdata */
    DNSSEC_SIGNER_WRONG,            /* the signer is not the zone that the data must be from (RFC 4035 5.3.1) */
    DNSSEC_LABELS_WRONG,            /* Labels field above the owner's or below the signer's, or of what no wildcard may make */
    DNSSEC_KEY_MISSING,             /* no DNSKEY with the signature's tag and algorithm; no DNSKEY that a DS refers to */
    DNSSEC_KEY_REVOKED,             /* there is one, and it is revoked (RFC 5011 2.1) */
    DNSSEC_KEY_NOT_ZONE_KEY,        /* there is one without the zone key flag, or with another protocol than 3 */
    DNSSEC_KEY_MALFORMED,           /* there is one, and its public key is none */
    DNSSEC_SIGNATURE_INVERTED,      /* it expires before it begins to be valid */
    DNSSEC_SIGNATURE_NOT_YET_VALID, /* inception lies in the future */
    DNSSEC_SIGNATURE_EXPIRED,       /* expiration lies in the past */
    DNSSEC_SIGNATURE_WRONG,         /* everything fits but the cryptography */
    DNSSEC_BUDGET_SPENT,            /* a limit on checks was reached before a valid signature was found */
    DNSSEC_NO_RESOURCES,            /* no memory, or the RRset exceeds the scratch buffer's maximum: nothing is known */
    DNSSEC_RESULT_COUNT,
} dnssec_result_t;

/* A short English sentence without a full stop. */
const char *dnssec_result_text(dnssec_result_t result);
/* The extended error code (EDE_* of wire/edns.h), or EDE_NONE for DNSSEC_VALID. */
int dnssec_result_ede(dnssec_result_t result);
