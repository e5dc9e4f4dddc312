#include "dnssec/public_key.h"

#include "base/bytes.h"
#include "base/require.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

struct public_key {
    const dnssec_algorithm_t *algorithm;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX
    *prepared;             /* RSA and ECDSA: set up for one check, copied for each: sets up nothing again, shares nothing between threads */
    size_t signature_size; /* bytes that an RRSIG's signature must have */
};

enum {
    COORDINATE_MAX = 48,                             /* bytes of half an ECDSA signature or key */
    DER_SIGNATURE_MAX = 3 + 2 * (3 + COORDINATE_MAX) /* SEQUENCE with a length of two octets, two INTEGERs with a leading zero */
};

/* ---- RSA key fields ---- */

static size_t count_bits(const uint8_t *number, size_t size)
{
    return size * 8 - (size_t)(__builtin_clz(number[0]) - 24);
}

static void skip_zeros(const uint8_t **number, size_t *size)
{
    while (*size > 0 && **number == 0) {
        ++*number;
        --*size;
    }
}

bool rsa_numbers_read(rsa_numbers_t *numbers, const uint8_t *field, size_t size)
{
    byte_reader_t reader = byte_reader(field, size);
    size_t exponent_size = byte_read_u8(&reader);
    if (exponent_size == 0) {
        exponent_size = byte_read_u16(&reader);
    }
    numbers->exponent = byte_read(&reader, exponent_size);
    numbers->exponent_size = exponent_size;
    numbers->modulus_size = byte_reader_left(&reader);
    numbers->modulus = byte_read(&reader, numbers->modulus_size);
    if (reader.failed) {
        return false;
    }
    skip_zeros(&numbers->exponent, &numbers->exponent_size);
    skip_zeros(&numbers->modulus, &numbers->modulus_size);
    if (numbers->exponent_size == 0 || numbers->modulus_size == 0) {
        return false;
    }
    numbers->exponent_bits = count_bits(numbers->exponent, numbers->exponent_size);
    numbers->modulus_bits = count_bits(numbers->modulus, numbers->modulus_size);
    return true;
}

/* ---- keys ---- */

static EVP_PKEY *pkey_from_parameters(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (parameters && context && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return pkey;
}

static EVP_PKEY *make_rsa(const uint8_t *field, size_t size)
{
    rsa_numbers_t numbers;
    if (!rsa_numbers_read(&numbers, field, size)) {
        return NULL;
    }
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *exponent = BN_bin2bn(numbers.exponent, (int)numbers.exponent_size, NULL);
    BIGNUM *modulus = BN_bin2bn(numbers.modulus, (int)numbers.modulus_size, NULL);
    if (builder && exponent && modulus && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1) {
        pkey = pkey_from_parameters("RSA", builder);
    }
    BN_free(exponent);
    BN_free(modulus);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

/* RFC 6605 4: the uncompressed point without its leading octet 4. */
static EVP_PKEY *make_ecdsa(const dnssec_algorithm_t *algorithm, const uint8_t *field, size_t size)
{
    uint8_t point[1 + 2 * COORDINATE_MAX] = {4};
    REQUIRE(size < sizeof point);
    memcpy(point + 1, field, size);
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, algorithm->curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, size + 1) == 1) {
        pkey = pkey_from_parameters("EC", builder);
    }
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static bool prepare(public_key_t *key)
{
    if (key->algorithm->family == DNSSEC_FAMILY_EDDSA) {
        return true;
    }
    key->prepared = EVP_PKEY_CTX_new(key->pkey, NULL);
    if (!key->prepared || EVP_PKEY_verify_init(key->prepared) != 1) {
        return false;
    }
    if (key->algorithm->family == DNSSEC_FAMILY_ECDSA) {
        return true;
    }
    const EVP_MD *hash = key->algorithm->hash == DNSSEC_HASH_SHA1     ? EVP_sha1()
                         : key->algorithm->hash == DNSSEC_HASH_SHA256 ? EVP_sha256()
                                                                      : EVP_sha512();
    return EVP_PKEY_CTX_set_rsa_padding(key->prepared, RSA_PKCS1_PADDING) == 1 && EVP_PKEY_CTX_set_signature_md(key->prepared, hash) == 1;
}

status_t public_key_new(const dnssec_algorithm_t *algorithm, const uint8_t *field, size_t size, public_key_t **out)
{
    if (algorithm->key_size > 0 && size != algorithm->key_size) {
        return STATUS_MALFORMED;
    }
    public_key_t *key = calloc(1, sizeof *key);
    if (!key) {
        return STATUS_NO_MEMORY;
    }
    key->algorithm = algorithm;
    switch ((dnssec_family_t)algorithm->family) {
    case DNSSEC_FAMILY_RSA:
        key->pkey = make_rsa(field, size);
        break;
    case DNSSEC_FAMILY_ECDSA:
        key->pkey = make_ecdsa(algorithm, field, size);
        break;
    case DNSSEC_FAMILY_EDDSA:
        key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, algorithm->curve, NULL, field, size);
        break;
    }
    if (!key->pkey || !prepare(key)) {
        ERR_clear_error();
        public_key_free(key);
        return STATUS_MALFORMED;
    }
    key->signature_size = algorithm->signature_size > 0 ? algorithm->signature_size : (size_t)EVP_PKEY_get_size(key->pkey);
    *out = key;
    return STATUS_OK;
}

void public_key_free(public_key_t *key)
{
    if (key) {
        EVP_PKEY_CTX_free(key->prepared);
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

/* ---- signatures ---- */

static void write_integer(byte_writer_t *writer, const uint8_t *number, size_t size)
{
    while (size > 1 && *number == 0) {
        number++;
        size--;
    }
    bool is_padded = *number & 0x80;
    byte_write_u8(writer, 2);
    byte_write_u8(writer, (uint8_t)(size + is_padded));
    if (is_padded) {
        byte_write_u8(writer, 0);
    }
    byte_write(writer, number, size);
}

/* r and s side by side (RFC 6605 4) as the Ecdsa-Sig-Value that libcrypto reads. At most 127 bytes inside: a length of one octet. */
static size_t write_der(const uint8_t *signature, size_t size, uint8_t der[static DER_SIGNATURE_MAX])
{
    _Static_assert(2 * (3 + COORDINATE_MAX) < 128, "DER lengths of one octet");
    byte_writer_t writer = byte_writer(der, DER_SIGNATURE_MAX);
    byte_write_u8(&writer, 0x30);
    byte_write_u8(&writer, 0);
    write_integer(&writer, signature, size / 2);
    write_integer(&writer, signature + size / 2, size / 2);
    REQUIRE(!writer.failed);
    der[1] = (uint8_t)(writer.position - 2);
    return writer.position;
}

static status_t verify_hash(const public_key_t *key, const uint8_t *data, size_t size, const uint8_t *signature, size_t signature_size)
{
    uint8_t hash[DNSSEC_HASH_MAX];
    size_t hash_size = dnssec_hash_data((dnssec_hash_t)key->algorithm->hash, (dnssec_bytes_t){data, size}, (dnssec_bytes_t){0}, hash);
    uint8_t der[DER_SIGNATURE_MAX];
    if (key->algorithm->family == DNSSEC_FAMILY_ECDSA) {
        signature_size = write_der(signature, signature_size, der);
        signature = der;
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_dup(key->prepared);
    if (!context) {
        return STATUS_NO_MEMORY;
    }
    int good = EVP_PKEY_verify(context, signature, signature_size, hash, hash_size);
    EVP_PKEY_CTX_free(context);
    return good == 1 ? STATUS_OK : STATUS_INVALID;
}

static status_t verify_data(const public_key_t *key, const uint8_t *data, size_t size, const uint8_t *signature, size_t signature_size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1) {
        EVP_MD_CTX_free(context);
        return STATUS_NO_MEMORY;
    }
    int good = EVP_DigestVerify(context, signature, signature_size, data, size);
    EVP_MD_CTX_free(context);
    return good == 1 ? STATUS_OK : STATUS_INVALID;
}

status_t public_key_verify(const public_key_t *key, const uint8_t *data, size_t size, const uint8_t *signature, size_t signature_size)
{
    if (signature_size != key->signature_size) {
        return STATUS_INVALID;
    }
    status_t status =
        key->prepared ? verify_hash(key, data, size, signature, signature_size) : verify_data(key, data, size, signature, signature_size);
    if (status != STATUS_OK) {
        ERR_clear_error(); /* libcrypto's queue belongs to the thread, not to this check */
    }
    return status;
}
