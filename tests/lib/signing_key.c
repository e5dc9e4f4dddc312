#include "signing_key.h"

#include "base/bytes.h"
#include "base/require.h"
#include "random.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

enum { NOISE_SIZE = 64, RSA_EXPONENT = 65537, COORDINATE_MAX = 48 };

static void fill(uint64_t seed, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)random_next(&seed);
    }
}

/* ---- RSA ---- */

/* The first good prime behind a seeded number of half the modulus' bits, the two highest set. */
static BIGNUM *find_prime(uint64_t seed, BN_CTX *context)
{
    enum { SIZE = SIGNING_RSA_BITS / 16 };
    uint8_t bytes[SIZE];
    fill(seed, bytes, SIZE);
    bytes[0] |= 0xc0;
    bytes[SIZE - 1] |= 1;
    BIGNUM *prime = BN_bin2bn(bytes, SIZE, NULL);
    REQUIRE(prime);
    while (BN_mod_word(prime, RSA_EXPONENT) == 1 || BN_check_prime(prime, context, NULL) != 1) {
        REQUIRE(BN_add_word(prime, 2) == 1);
    }
    return prime;
}

static EVP_PKEY *rsa_from_numbers(BIGNUM *const numbers[static 8])
{
    static const char *const names[8] = {OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_D,
                                         OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,     OSSL_PKEY_PARAM_RSA_EXPONENT1,
                                         OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    REQUIRE(builder);
    for (unsigned i = 0; i < 8; i++) {
        REQUIRE(OSSL_PARAM_BLD_push_BN(builder, names[i], numbers[i]) == 1);
    }
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    REQUIRE(parameters && context && EVP_PKEY_fromdata_init(context) == 1);
    REQUIRE(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, parameters) == 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static void make_rsa(signing_key_t *key)
{
    BN_CTX *context = BN_CTX_new();
    REQUIRE(context);
    BIGNUM *p = find_prime(key->seed * 2, context);
    BIGNUM *q = find_prime(key->seed * 2 + 1, context);
    BIGNUM *numbers[8] = {BN_new(), BN_new(), BN_new(), p, q, BN_new(), BN_new(), BN_new()};
    BIGNUM *p1 = BN_dup(p);
    BIGNUM *q1 = BN_dup(q);
    BIGNUM *phi = BN_new();
    REQUIRE(BN_sub_word(p1, 1) && BN_sub_word(q1, 1) && BN_mul(phi, p1, q1, context) && BN_mul(numbers[0], p, q, context));
    REQUIRE(BN_set_word(numbers[1], RSA_EXPONENT) && BN_mod_inverse(numbers[2], numbers[1], phi, context));
    REQUIRE(BN_mod(numbers[5], numbers[2], p1, context) && BN_mod(numbers[6], numbers[2], q1, context));
    REQUIRE(BN_mod_inverse(numbers[7], q, p, context));
    key->pkey = rsa_from_numbers(numbers);
    byte_writer_t writer = byte_writer(key->rdata + DNSKEY_FIXED_SIZE, sizeof key->rdata - DNSKEY_FIXED_SIZE);
    static const uint8_t exponent[] = {3, 1, 0, 1};
    uint8_t modulus[SIGNING_RSA_BITS / 8];
    REQUIRE(BN_bn2bin(numbers[0], modulus) == sizeof modulus);
    byte_write(&writer, exponent, sizeof exponent);
    byte_write(&writer, modulus, sizeof modulus);
    REQUIRE(!writer.failed);
    key->rdata_size = DNSKEY_FIXED_SIZE + writer.position;
    for (unsigned i = 0; i < 8; i++) {
        BN_free(numbers[i]);
    }
    BN_free(p1);
    BN_free(q1);
    BN_free(phi);
    BN_CTX_free(context);
}

/* ---- ECDSA ---- */

static EC_GROUP *group_of(const signing_key_t *key)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(key->algorithm == DNSSEC_ECDSAP256SHA256 ? NID_X9_62_prime256v1 : NID_secp384r1);
    REQUIRE(group);
    return group;
}

static int coordinate_size(const signing_key_t *key)
{
    return key->algorithm == DNSSEC_ECDSAP256SHA256 ? 32 : 48;
}

/* 1 .. order - 1 */
static BIGNUM *scalar_from(const uint8_t *bytes, int size, const EC_GROUP *group, BN_CTX *context)
{
    BIGNUM *scalar = BN_bin2bn(bytes, size, NULL);
    BIGNUM *limit = BN_dup(EC_GROUP_get0_order(group));
    REQUIRE(scalar && limit && BN_sub_word(limit, 1) && BN_mod(scalar, scalar, limit, context) && BN_add_word(scalar, 1));
    BN_free(limit);
    return scalar;
}

static void make_ecdsa(signing_key_t *key)
{
    BN_CTX *context = BN_CTX_new();
    EC_GROUP *group = group_of(key);
    EC_POINT *point = EC_POINT_new(group);
    uint8_t bytes[COORDINATE_MAX];
    uint8_t encoded[1 + 2 * COORDINATE_MAX];
    fill(key->seed, bytes, sizeof bytes);
    key->scalar = scalar_from(bytes, sizeof bytes, group, context);
    REQUIRE(point && EC_POINT_mul(group, point, key->scalar, NULL, NULL, context) == 1);
    size_t size = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, encoded, sizeof encoded, context);
    REQUIRE(size == 1 + 2 * (size_t)coordinate_size(key));
    memcpy(key->rdata + DNSKEY_FIXED_SIZE, encoded + 1, size - 1);
    key->rdata_size = DNSKEY_FIXED_SIZE + size - 1;
    EC_POINT_free(point);
    EC_GROUP_free(group);
    BN_CTX_free(context);
}

/* r and s side by side (RFC 6605 4); the nonce is a hash of seed and data. */
static size_t sign_ecdsa(const signing_key_t *key, const uint8_t *data, size_t size, uint8_t *out)
{
    uint8_t seed[8];
    uint8_t hash[DNSSEC_HASH_MAX];
    int length = coordinate_size(key);
    BN_CTX *context = BN_CTX_new();
    EC_GROUP *group = group_of(key);
    EC_POINT *point = EC_POINT_new(group);
    const BIGNUM *order = EC_GROUP_get0_order(group);
    store_be32(seed, (uint32_t)(key->seed >> 32));
    store_be32(seed + 4, (uint32_t)key->seed);
    size_t hash_size = dnssec_hash_data(DNSSEC_HASH_SHA512, (dnssec_bytes_t){seed, sizeof seed}, (dnssec_bytes_t){data, size}, hash);
    BIGNUM *nonce = scalar_from(hash, (int)hash_size, group, context);
    hash_size = dnssec_hash_data(dnssec_algorithm(key->algorithm)->hash, (dnssec_bytes_t){data, size}, (dnssec_bytes_t){0}, hash);
    BIGNUM *digest = BN_bin2bn(hash, (int)hash_size, NULL);
    BIGNUM *r = BN_new();
    BIGNUM *s = BN_new();
    REQUIRE(EC_POINT_mul(group, point, nonce, NULL, NULL, context) == 1);
    REQUIRE(EC_POINT_get_affine_coordinates(group, point, r, NULL, context) == 1 && BN_nnmod(r, r, order, context));
    REQUIRE(BN_mod_mul(s, r, key->scalar, order, context) && BN_mod_add(s, s, digest, order, context));
    REQUIRE(BN_mod_inverse(nonce, nonce, order, context) && BN_mod_mul(s, s, nonce, order, context));
    REQUIRE(BN_bn2binpad(r, out, length) == length && BN_bn2binpad(s, out + length, length) == length);
    BN_free(nonce);
    BN_free(digest);
    BN_free(r);
    BN_free(s);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    BN_CTX_free(context);
    return 2 * (size_t)length;
}

/* ---- EdDSA ---- */

static void make_eddsa(signing_key_t *key, const dnssec_algorithm_t *algorithm)
{
    uint8_t secret[64];
    size_t size = algorithm->key_size;
    fill(key->seed, secret, size);
    key->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, algorithm->curve, NULL, secret, size);
    REQUIRE(key->pkey && EVP_PKEY_get_raw_public_key(key->pkey, key->rdata + DNSKEY_FIXED_SIZE, &size) == 1);
    key->rdata_size = DNSKEY_FIXED_SIZE + size;
}

/* ---- all ---- */

static const EVP_MD *hash_of(const dnssec_algorithm_t *algorithm)
{
    switch ((dnssec_hash_t)algorithm->hash) {
    case DNSSEC_HASH_SHA1:
        return EVP_sha1();
    case DNSSEC_HASH_SHA256:
        return EVP_sha256();
    case DNSSEC_HASH_SHA384:
        return EVP_sha384();
    case DNSSEC_HASH_SHA512:
        return EVP_sha512();
    case DNSSEC_HASH_NONE:
        break;
    }
    return NULL;
}

signing_key_t *signing_key_new(uint64_t seed, uint8_t number, uint16_t flags)
{
    signing_key_t *key = calloc(1, sizeof *key);
    REQUIRE(key);
    *key = (signing_key_t){.flags = flags, .algorithm = number, .seed = random_next(&seed)};
    store_be16(key->rdata, flags);
    key->rdata[2] = DNSKEY_PROTOCOL;
    key->rdata[3] = number;
    const dnssec_algorithm_t *algorithm = dnssec_algorithm(number);
    if (!algorithm) {
        key->rdata_size = DNSKEY_FIXED_SIZE + NOISE_SIZE;
        fill(key->seed, key->rdata + DNSKEY_FIXED_SIZE, NOISE_SIZE);
    } else if (algorithm->family == DNSSEC_FAMILY_RSA) {
        make_rsa(key);
    } else if (algorithm->family == DNSSEC_FAMILY_ECDSA) {
        make_ecdsa(key);
    } else {
        make_eddsa(key, algorithm);
    }
    key->tag = dnssec_key_tag(key->rdata, key->rdata_size);
    return key;
}

void signing_key_free(signing_key_t *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        BN_free(key->scalar);
        free(key);
    }
}

size_t signing_key_sign(const signing_key_t *key, const uint8_t *data, size_t size, uint8_t out[static SIGNATURE_SIZE_MAX])
{
    const dnssec_algorithm_t *algorithm = dnssec_algorithm(key->algorithm);
    if (!algorithm) {
        fill(key->seed ^ size, out, NOISE_SIZE);
        return NOISE_SIZE;
    }
    if (algorithm->family == DNSSEC_FAMILY_ECDSA) {
        return sign_ecdsa(key, data, size, out);
    }
    size_t signature_size = SIGNATURE_SIZE_MAX;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    REQUIRE(context && EVP_DigestSignInit(context, NULL, hash_of(algorithm), NULL, key->pkey) == 1);
    REQUIRE(EVP_DigestSign(context, out, &signature_size, data, size) == 1);
    EVP_MD_CTX_free(context);
    return signature_size;
}

size_t signing_key_forge(uint64_t seed, uint16_t tag, uint8_t out[static SIGNING_FORGED_SIZE])
{
    store_be16(out, SIGNING_ZSK);
    out[2] = DNSKEY_PROTOCOL;
    out[3] = DNSSEC_ED25519;
    fill(random_next(&seed), out + DNSKEY_FIXED_SIZE, SIGNING_FORGED_SIZE - DNSKEY_FIXED_SIZE);
    uint32_t word = 0; /* the tag is a sum: one word more makes any */
    do {
        REQUIRE(word <= UINT16_MAX);
        store_be16(out + SIGNING_FORGED_SIZE - 2, (uint16_t)word++);
    } while (dnssec_key_tag(out, SIGNING_FORGED_SIZE) != tag);
    return SIGNING_FORGED_SIZE;
}
