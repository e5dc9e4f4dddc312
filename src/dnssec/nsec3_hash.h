/* NSEC3 owner hashes (RFC 5155 5) and the labels made of them (RFC 5155 3, RFC 4648 7).
 *
 * Nothing here allocates, locks or keeps state: any thread, also on the hot path. SHA-1 comes from libcrypto's low-level functions, the one
 * place that uses them: with its state on the stack a hash costs 52 ns and no context must be handed down to whoever answers; the EVP
 * interface, with a context allocated and an algorithm fetched beforehand, costs 135 ns for the same block (OpenSSL 3.0, SHA extensions).
 * They are deprecated in favour of EVP and still part of every OpenSSL 3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NSEC3_HASH_SIZE = 20,
    NSEC3_LABEL_SIZE = 32,        /* a hash in base32hex without padding */
    NSEC3_ALGORITHM_SHA1 = 1,     /* the only one (RFC 5155 11) */
    NSEC3_FLAG_OPT_OUT = 1,       /* RFC 5155 3.1.2.1 */
    NSEC3_ITERATIONS_LIMIT = 500, /* validators answer SERVFAIL beyond (RFC 9276 Appendix A); each costs us up to three hashes a query */
};

/* What NSEC3 and NSEC3PARAM rdata say about the hash. */
typedef struct nsec3_parameters {
    const uint8_t *salt; /* not owned */
    uint8_t salt_size;   /* bytes */
    uint16_t iterations; /* additional ones: 0 is one hash */
} nsec3_parameters_t;

/* The hash of a lower-case uncompressed name of `length` bytes, root included (RFC 5155 5). Cost: iterations + 1 times SHA-1 of the name,
 * then of 20 bytes, with the salt. */
void nsec3_hash(const nsec3_parameters_t *parameters, const uint8_t *wire, size_t length, uint8_t hash[static NSEC3_HASH_SIZE]);

/* The parameters of NSEC3 or NSEC3PARAM rdata; salt points into it. False if it is too short or the algorithm is not SHA-1. */
bool nsec3_parameters_read(nsec3_parameters_t *parameters, const uint8_t *rdata, size_t length);
bool nsec3_parameters_equal(const nsec3_parameters_t *a, const nsec3_parameters_t *b);

/* base32hex, lower case, without terminator. Keeps the order of hashes. */
void nsec3_hash_to_label(const uint8_t hash[static NSEC3_HASH_SIZE], uint8_t label[static NSEC3_LABEL_SIZE]);
/* From the text of a label in any case. False if it is no hash. */
bool nsec3_hash_from_label(const uint8_t *label, size_t length, uint8_t hash[static NSEC3_HASH_SIZE]);
