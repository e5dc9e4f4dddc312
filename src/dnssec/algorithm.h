/* The DNSSEC algorithms and DS digests that can be verified, and the policy that says which of them are trusted.
 *
 * An algorithm that is not accepted is treated as if it were unknown: what only it secures is insecure, not bogus (RFC 4035 5.2, RFC 6840
 * 5.2). Everything here is constant data and pure functions: any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* IANA "DNS Security Algorithm Numbers". */
enum {
    DNSSEC_RSASHA1 = 5,            /* RFC 3110 */
    DNSSEC_RSASHA1_NSEC3_SHA1 = 7, /* RFC 5155 2 */
    DNSSEC_RSASHA256 = 8,          /* RFC 5702 */
    DNSSEC_RSASHA512 = 10,         /* RFC 5702 */
    DNSSEC_ECDSAP256SHA256 = 13,   /* RFC 6605 */
    DNSSEC_ECDSAP384SHA384 = 14,   /* RFC 6605 */
    DNSSEC_ED25519 = 15,           /* RFC 8080 */
    DNSSEC_ED448 = 16,             /* RFC 8080 */
};

/* IANA "DS RR Type Digest Algorithms". */
enum {
    DNSSEC_DIGEST_SHA1 = 1,   /* RFC 3658 */
    DNSSEC_DIGEST_SHA256 = 2, /* RFC 4509 */
    DNSSEC_DIGEST_SHA384 = 4, /* RFC 6605 */
    DNSSEC_DIGEST_MAX = 48,   /* bytes of the longest */
};

typedef enum dnssec_family { DNSSEC_FAMILY_RSA, DNSSEC_FAMILY_ECDSA, DNSSEC_FAMILY_EDDSA } dnssec_family_t;
/* The hash that is signed; EdDSA signs the data itself. */
typedef enum dnssec_hash { DNSSEC_HASH_NONE, DNSSEC_HASH_SHA1, DNSSEC_HASH_SHA256, DNSSEC_HASH_SHA384, DNSSEC_HASH_SHA512 } dnssec_hash_t;

typedef struct dnssec_algorithm {
    uint8_t number;
    uint8_t family;         /* dnssec_family_t */
    uint8_t hash;           /* dnssec_hash_t */
    uint8_t key_size;       /* bytes of the public key field; 0: it varies */
    uint8_t signature_size; /* bytes; 0: that of the RSA modulus */
    uint16_t rsa_bits_min;  /* smallest modulus that the algorithm's RFC allows */
    const char *mnemonic;   /* "ECDSAP256SHA256" */
    const char *curve;      /* libcrypto's name of the curve or key type; NULL: RSA */
} dnssec_algorithm_t;

/* NULL for a number that cannot be verified whatever the policy. */
const dnssec_algorithm_t *dnssec_algorithm(uint8_t number);
/* Bytes of a DS digest; 0 for a digest type that is not known. */
size_t dnssec_digest_size(uint8_t digest_type);
enum { DNSSEC_HASH_MAX = 64 };
typedef struct dnssec_bytes {
    const uint8_t *data;
    size_t size;
} dnssec_bytes_t;
/* Hashes two stretches of bytes, one behind the other; the second may be empty. Returns the bytes written, 0 for DNSSEC_HASH_NONE. */
size_t dnssec_hash_data(dnssec_hash_t hash, dnssec_bytes_t first, dnssec_bytes_t second, uint8_t out[static DNSSEC_HASH_MAX]);

/* What a validator accepts, and how much of it. */
typedef struct dnssec_policy {
    uint32_t algorithms;                  /* bit n: algorithm n is accepted (all known ones are below 32) */
    uint32_t digests;                     /* bit n: DS digest type n is accepted */
    uint16_t rsa_bits_max;                /* a larger modulus is refused: it costs too much (RFC 3110 2: 4096) */
    uint16_t rsa_exponent_bits_max;       /* likewise for the exponent, whose bits are the cost of a check */
    uint32_t skew_s;                      /* seconds by which signature times may be missed in both directions */
    uint32_t ttl_max_s;                   /* cap for validated TTLs, seconds */
    uint16_t nsec3_iterations_max;        /* more: insecure (RFC 9276 3.2) */
    uint8_t keys_per_tag_max;             /* keys with one tag and algorithm tried for one signature (CVE-2023-50387) */
    uint8_t signatures_per_algorithm_max; /* signatures by one algorithm tried for one RRset (likewise) */
    uint8_t ds_max;                       /* DS records considered at one delegation */
} dnssec_policy_t;

/* The defaults: every algorithm and digest known; RSA 4096 bits with exponents of 64; no skew; a week of TTL; 50 iterations; 2 keys a tag,
 * 2 signatures an algorithm, 8 DS. */
void dnssec_policy_init(dnssec_policy_t *policy);
bool dnssec_policy_has_algorithm(const dnssec_policy_t *policy, uint8_t number);
bool dnssec_policy_has_digest(const dnssec_policy_t *policy, uint8_t digest_type);

/* What one client request may still spend, all restarts included; every function takes from it and none gives back. */
typedef struct dnssec_budget {
    uint32_t signature_checks; /* public-key operations left; 30 at the start of a request */
    uint32_t nsec3_hashes;     /* names that may still be hashed for NSEC3; 600 at the start. With 50 iterations each: 1.6 ms */
} dnssec_budget_t;

enum { DNSSEC_SIGNATURE_CHECKS_MAX = 30, DNSSEC_NSEC3_HASHES_MAX = 600 };
/* The defaults for a request: 30 checks, 600 hashes. */
void dnssec_budget_init(dnssec_budget_t *budget);
