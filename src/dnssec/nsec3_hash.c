#define OPENSSL_SUPPRESS_DEPRECATED
#include "dnssec/nsec3_hash.h"

#include "wire/text.h"

#include <openssl/sha.h>
#include <string.h>

_Static_assert(NSEC3_HASH_SIZE == SHA_DIGEST_LENGTH, "RFC 5155 knows SHA-1 only");

static void hash_once(const nsec3_parameters_t *parameters, const uint8_t *data, size_t size, uint8_t hash[static NSEC3_HASH_SIZE])
{
    SHA_CTX state;
    SHA1_Init(&state);
    SHA1_Update(&state, data, size);
    if (parameters->salt_size > 0) {
        SHA1_Update(&state, parameters->salt, parameters->salt_size);
    }
    SHA1_Final(hash, &state);
}

void nsec3_hash(const nsec3_parameters_t *parameters, const uint8_t *wire, size_t length, uint8_t hash[static NSEC3_HASH_SIZE])
{
    hash_once(parameters, wire, length, hash);
    for (unsigned i = 0; i < parameters->iterations; i++) {
        hash_once(parameters, hash, NSEC3_HASH_SIZE, hash);
    }
}

/* Both rdata begin with algorithm, flags, iterations, salt length, salt (RFC 5155 3.2, 4.2). */
bool nsec3_parameters_read(nsec3_parameters_t *parameters, const uint8_t *rdata, size_t length)
{
    if (length < 5 || rdata[0] != NSEC3_ALGORITHM_SHA1 || length - 5 < rdata[4]) {
        return false;
    }
    parameters->iterations = (uint16_t)(rdata[2] << 8 | rdata[3]);
    parameters->salt_size = rdata[4];
    parameters->salt = rdata + 5;
    return true;
}

bool nsec3_parameters_equal(const nsec3_parameters_t *a, const nsec3_parameters_t *b)
{
    return a->iterations == b->iterations && a->salt_size == b->salt_size &&
           (a->salt_size == 0 || memcmp(a->salt, b->salt, a->salt_size) == 0);
}

void nsec3_hash_to_label(const uint8_t hash[static NSEC3_HASH_SIZE], uint8_t label[static NSEC3_LABEL_SIZE])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    for (unsigned group = 0; group < NSEC3_HASH_SIZE / 5; group++) {
        uint64_t bits = 0;
        for (unsigned i = 0; i < 5; i++) {
            bits = bits << 8 | hash[group * 5 + i];
        }
        for (unsigned i = 0; i < 8; i++) {
            label[group * 8 + i] = (uint8_t)digits[bits >> (35 - 5 * i) & 31];
        }
    }
}

bool nsec3_hash_from_label(const uint8_t *label, size_t length, uint8_t hash[static NSEC3_HASH_SIZE])
{
    byte_writer_t writer = byte_writer(hash, NSEC3_HASH_SIZE);
    return length == NSEC3_LABEL_SIZE && base32hex_decode((const char *)label, length, &writer) && !writer.failed;
}
