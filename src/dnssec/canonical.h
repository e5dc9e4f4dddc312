/* RRsets as validation takes them, RRSIG rdata in fields, and the octets that a signature is made over (RFC 4034 3.1.8.1, 6).
 *
 * Nothing is owned: names and rdata point to the caller's memory. Rdata is uncompressed and has passed rdata_check() or come from
 * rdata_read(). Any thread; the scratch buffer belongs to the call.
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dnssec_rdata {
    const uint8_t *data;
    uint16_t length;
} dnssec_rdata_t;

typedef struct dnssec_rrset {
    const uint8_t *owner;          /* wire, any case */
    const dnssec_rdata_t *records; /* any order, duplicates allowed */
    uint32_t count;
    uint32_t ttl_s; /* as received */
    uint16_t type;
    uint16_t rrclass;
} dnssec_rrset_t;

/* RRSIG rdata (RFC 4034 3.1). */
typedef struct dnssec_rrsig {
    const uint8_t *rdata;
    const uint8_t *signer;    /* wire, inside rdata */
    const uint8_t *signature; /* inside rdata */
    size_t signature_size;    /* bytes, at least 1 */
    uint16_t type_covered;
    uint8_t algorithm;
    uint8_t labels;
    uint32_t original_ttl_s;
    uint32_t expiration_s; /* seconds since 1970, modulo 2^32 */
    uint32_t inception_s;
    uint16_t key_tag;
    uint8_t signer_length;
} dnssec_rrsig_t;

/* False: not RRSIG rdata. */
bool dnssec_rrsig_read(dnssec_rrsig_t *rrsig, const uint8_t *rdata, size_t length);

/* Labels of an owner as RRSIG counts them: without the root and a leftmost "*" (RFC 4034 3.1.3). */
unsigned dnssec_rrsig_labels(const uint8_t *owner);

/* Makes the octets that the signature covers: RRSIG rdata without the signature, then each record once, in canonical form and order, with
 * the owner as the Labels field says. rrsig->labels must not exceed dnssec_rrsig_labels(owner). *data points into scratch, whose content is
 * replaced, until its next use. STATUS_NO_SPACE (scratch's maximum), STATUS_NO_MEMORY. Cost: one copy; sorting when the records are out of
 * order; a second copy for types with names to be lower-cased. */
status_t dnssec_signed_data(const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig, buffer_t *scratch, const uint8_t **data,
                            size_t *size) MUST_USE;
