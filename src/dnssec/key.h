/* DNSKEY records as keys: what their rdata says (RFC 4034 2), their tags, their digests in DS records, and the parsed public key.
 *
 * A key is made from rdata once and kept: its public key is parsed at its first use and then shared. Fields never change after
 * dnssec_key_new(), but for dnssec_key_forget_parsed(). Any thread may use a key that it holds a reference on, also at the same time as
 * others.
 */
#pragma once

#include "base/status.h"
#include "dnssec/algorithm.h"
#include "dnssec/public_key.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DNSKEY_FLAG_ZONE = 0x0100,   /* RFC 4034 2.1.1 */
    DNSKEY_FLAG_REVOKE = 0x0080, /* RFC 5011 3 */
    DNSKEY_FLAG_SEP = 0x0001,    /* RFC 4034 2.1.1: a hint for people and tools, not for validation */
    DNSKEY_PROTOCOL = 3,         /* RFC 4034 2.1.2: the only one */
    DNSKEY_FIXED_SIZE = 4,       /* bytes before the public key */
};

typedef struct dnssec_key {
    _Atomic(uint32_t) references;
    _Atomic(public_key_t *) public_key; /* NULL until the first use */
    uint16_t flags;
    uint16_t tag;
    uint8_t algorithm;
    uint8_t protocol;
    uint16_t length; /* bytes of rdata */
    uint8_t rdata[];
} dnssec_key_t;

/* Makes a key of DNSKEY (or CDNSKEY) rdata, which is copied; one reference for the caller. No cryptography is done here.
 * STATUS_MALFORMED: too short, or the public key does not have its algorithm's form. STATUS_UNSUPPORTED: the algorithm is not accepted by
 * policy, or an RSA key is smaller or larger than it may be. STATUS_NO_MEMORY. */
status_t dnssec_key_new(const dnssec_policy_t *policy, const uint8_t *rdata, size_t length, dnssec_key_t **key) MUST_USE;
dnssec_key_t *dnssec_key_ref(dnssec_key_t *key);
/* NULL is allowed. */
void dnssec_key_unref(dnssec_key_t *key);
/* Gives back what libcrypto holds of the public key, some 5 KiB; the next use parses it again. Contract: the caller's is the only
 * reference.
 */
void dnssec_key_forget_parsed(dnssec_key_t *key);

/* May signatures of zone data be checked with it? Zone key, protocol 3 (RFC 4034 2.1), and not revoked (RFC 5011 2.1: a revoked key is
 * good for its own revocation only). */
bool dnssec_key_is_zone_key(const dnssec_key_t *key);

/* Is this a signature by the key over the data? Statuses of public_key_verify(), and STATUS_MALFORMED when the public key is none.
 * Cost: a public-key operation, tens to hundreds of microseconds; the caller counts it. */
status_t dnssec_key_verify(dnssec_key_t *key, const uint8_t *data, size_t size, const uint8_t *signature, size_t signature_size) MUST_USE;

/* The tag of DNSKEY rdata (RFC 4034 appendix B; with algorithm 1 as RFC 6840 5.5 has it). 0 when it is too short. */
uint16_t dnssec_key_tag(const uint8_t *rdata, size_t length);

/* The digest of a DNSKEY in a DS record (RFC 4034 5.1.4): of the lower-cased owner (a valid wire name of any case) and the rdata. Returns
 * its size, 0 for an unknown digest type. */
size_t dnssec_ds_digest(uint8_t digest_type, const uint8_t *owner, const uint8_t *rdata, size_t length,
                        uint8_t digest[static DNSSEC_DIGEST_MAX]);
/* Writes the DS rdata of a DNSKEY; out must hold DNSSEC_DS_MAX bytes. Returns its size, 0 for an unknown digest type or too short rdata. */
enum { DS_FIXED_SIZE = 4, DNSSEC_DS_MAX = DS_FIXED_SIZE + DNSSEC_DIGEST_MAX };
size_t dnssec_ds_make(uint8_t digest_type, const uint8_t *owner, const uint8_t *rdata, size_t length, uint8_t out[static DNSSEC_DS_MAX]);
/* Does DS rdata refer to this DNSKEY: same tag, algorithm and digest? False for unknown digest types. */
bool dnssec_ds_matches(const uint8_t *ds, size_t ds_length, const uint8_t *owner, const uint8_t *rdata, size_t length);
