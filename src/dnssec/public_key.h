/* Public keys and signatures as DNSSEC writes them, given to libcrypto: the one place below server/ that uses its EVP_PKEY.
 *
 * A public key is immutable once made and may be used by many threads at a time. No function here judges policy or time.
 */
#pragma once

#include "base/status.h"
#include "dnssec/algorithm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct public_key public_key_t;

/* The two numbers of an RSA key field (RFC 3110 2); they point into it, without leading zeros. */
typedef struct rsa_numbers {
    const uint8_t *exponent;
    const uint8_t *modulus;
    size_t exponent_size; /* bytes */
    size_t modulus_size;  /* bytes */
    size_t exponent_bits;
    size_t modulus_bits;
} rsa_numbers_t;

/* Both forms of the exponent's length. False: truncated, or a number that is zero. */
bool rsa_numbers_read(rsa_numbers_t *numbers, const uint8_t *field, size_t size);

/* Makes a key of a DNSKEY's public key field. The caller frees it. Cost: RSA some microseconds, curves some tens (the point is checked).
 * STATUS_MALFORMED: wrong size, or no point of the curve; STATUS_NO_MEMORY. */
status_t public_key_new(const dnssec_algorithm_t *algorithm, const uint8_t *field, size_t size, public_key_t **key) MUST_USE;
void public_key_free(public_key_t *key);

/* Is this the algorithm's signature, in the form of an RRSIG, over the data? STATUS_OK: yes; STATUS_INVALID: no (a wrong size included);
 * STATUS_NO_MEMORY: the check could not be made. */
status_t public_key_verify(const public_key_t *key, const uint8_t *data, size_t size, const uint8_t *signature,
                           size_t signature_size) MUST_USE;
