/* Keys that sign zones in tests: the same from the same seed, on every machine, and so are their signatures (ECDSA takes its nonce from the
 * data, as RFC 6979 does in spirit; RSA primes are searched from seeded numbers). Worth nothing as secrets.
 */
#pragma once

#include "dnssec/algorithm.h"
#include "dnssec/key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIGNING_RSA_BITS = 1024, /* the least that RFC 5702 allows for SHA-512, for the sake of speed */
    SIGNATURE_SIZE_MAX = SIGNING_RSA_BITS / 8,
    SIGNING_RDATA_MAX = 4 + 4 + SIGNING_RSA_BITS / 8,
    SIGNING_KSK = 257,
    SIGNING_ZSK = 256,
};

typedef struct signing_key {
    uint16_t flags;
    uint16_t tag;
    uint8_t algorithm;
    size_t rdata_size;
    uint8_t rdata[SIGNING_RDATA_MAX]; /* DNSKEY */
    void *pkey;                       /* libcrypto's; NULL: ECDSA, or an algorithm that nobody knows, whose signatures are noise */
    void *scalar;                     /* ECDSA's private number */
    uint64_t seed;
} signing_key_t;

/* Never NULL: ends the program instead. Cost: RSA some ten milliseconds, the others some ten microseconds. */
signing_key_t *signing_key_new(uint64_t seed, uint8_t algorithm, uint16_t flags);
void signing_key_free(signing_key_t *key);
/* Returns the signature's size. */
size_t signing_key_sign(const signing_key_t *key, const uint8_t *data, size_t size, uint8_t out[static SIGNATURE_SIZE_MAX]);
/* DNSKEY rdata (Ed25519's form) with this tag, whose public key nobody has the private one of: keys that collide (CVE-2023-50387). Writes
 * and returns 36 octets. */
enum { SIGNING_FORGED_SIZE = 36 };
size_t signing_key_forge(uint64_t seed, uint16_t tag, uint8_t out[static SIGNING_FORGED_SIZE]);
