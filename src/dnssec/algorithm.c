#define OPENSSL_SUPPRESS_DEPRECATED
#include "dnssec/algorithm.h"

#include "base/require.h"

#include <openssl/sha.h>

/* RSA key sizes: RFC 3110 2 and RFC 5702 2. */
static const dnssec_algorithm_t algorithms[] = {
    {DNSSEC_RSASHA1, DNSSEC_FAMILY_RSA, DNSSEC_HASH_SHA1, 0, 0, 512, "RSASHA1", NULL},
    {DNSSEC_RSASHA1_NSEC3_SHA1, DNSSEC_FAMILY_RSA, DNSSEC_HASH_SHA1, 0, 0, 512, "RSASHA1-NSEC3-SHA1", NULL},
    {DNSSEC_RSASHA256, DNSSEC_FAMILY_RSA, DNSSEC_HASH_SHA256, 0, 0, 512, "RSASHA256", NULL},
    {DNSSEC_RSASHA512, DNSSEC_FAMILY_RSA, DNSSEC_HASH_SHA512, 0, 0, 1024, "RSASHA512", NULL},
    {DNSSEC_ECDSAP256SHA256, DNSSEC_FAMILY_ECDSA, DNSSEC_HASH_SHA256, 64, 64, 0, "ECDSAP256SHA256", "P-256"},
    {DNSSEC_ECDSAP384SHA384, DNSSEC_FAMILY_ECDSA, DNSSEC_HASH_SHA384, 96, 96, 0, "ECDSAP384SHA384", "P-384"},
    {DNSSEC_ED25519, DNSSEC_FAMILY_EDDSA, DNSSEC_HASH_NONE, 32, 64, 0, "ED25519", "ED25519"},
    {DNSSEC_ED448, DNSSEC_FAMILY_EDDSA, DNSSEC_HASH_NONE, 57, 114, 0, "ED448", "ED448"},
};

const dnssec_algorithm_t *dnssec_algorithm(uint8_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        if (algorithms[i].number == number) {
            return &algorithms[i];
        }
    }
    return NULL;
}

size_t dnssec_digest_size(uint8_t digest_type)
{
    switch (digest_type) {
    case DNSSEC_DIGEST_SHA1:
        return SHA_DIGEST_LENGTH;
    case DNSSEC_DIGEST_SHA256:
        return SHA256_DIGEST_LENGTH;
    case DNSSEC_DIGEST_SHA384:
        return SHA384_DIGEST_LENGTH;
    default:
        return 0;
    }
}

/* The low-level functions for the reason that nsec3_hash.h gives: no context to allocate, no algorithm to look up. */
size_t dnssec_hash_data(dnssec_hash_t hash, dnssec_bytes_t first, dnssec_bytes_t second, uint8_t out[static DNSSEC_HASH_MAX])
{
    union {
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512;
    } state;
    switch (hash) {
    case DNSSEC_HASH_SHA1:
        SHA1_Init(&state.sha1);
        SHA1_Update(&state.sha1, first.data, first.size);
        SHA1_Update(&state.sha1, second.data, second.size);
        SHA1_Final(out, &state.sha1);
        return SHA_DIGEST_LENGTH;
    case DNSSEC_HASH_SHA256:
        SHA256_Init(&state.sha256);
        SHA256_Update(&state.sha256, first.data, first.size);
        SHA256_Update(&state.sha256, second.data, second.size);
        SHA256_Final(out, &state.sha256);
        return SHA256_DIGEST_LENGTH;
    case DNSSEC_HASH_SHA384:
        SHA384_Init(&state.sha512);
        SHA384_Update(&state.sha512, first.data, first.size);
        SHA384_Update(&state.sha512, second.data, second.size);
        SHA384_Final(out, &state.sha512);
        return SHA384_DIGEST_LENGTH;
    case DNSSEC_HASH_SHA512:
        SHA512_Init(&state.sha512);
        SHA512_Update(&state.sha512, first.data, first.size);
        SHA512_Update(&state.sha512, second.data, second.size);
        SHA512_Final(out, &state.sha512);
        return SHA512_DIGEST_LENGTH;
    case DNSSEC_HASH_NONE:
        break;
    }
    return 0;
}

void dnssec_policy_init(dnssec_policy_t *policy)
{
    *policy = (dnssec_policy_t){
        .digests = 1u << DNSSEC_DIGEST_SHA1 | 1u << DNSSEC_DIGEST_SHA256 | 1u << DNSSEC_DIGEST_SHA384,
        .rsa_bits_max = 4096,
        .rsa_exponent_bits_max = 64,
        .ttl_max_s = 7 * 86400,
        .nsec3_iterations_max = 50,
        .keys_per_tag_max = 2,
        .signatures_per_algorithm_max = 2,
        .ds_max = 8,
    };
    for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
        policy->algorithms |= 1u << algorithms[i].number;
    }
}

bool dnssec_policy_has_algorithm(const dnssec_policy_t *policy, uint8_t number)
{
    return number < 32 && (policy->algorithms >> number & 1) && dnssec_algorithm(number);
}

bool dnssec_policy_has_digest(const dnssec_policy_t *policy, uint8_t digest_type)
{
    return digest_type < 32 && (policy->digests >> digest_type & 1) && dnssec_digest_size(digest_type) > 0;
}

void dnssec_budget_init(dnssec_budget_t *budget)
{
    *budget = (dnssec_budget_t){.signature_checks = DNSSEC_SIGNATURE_CHECKS_MAX, .nsec3_hashes = DNSSEC_NSEC3_HASHES_MAX};
}
