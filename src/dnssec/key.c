#include "dnssec/key.h"

#include "base/bytes.h"
#include "base/require.h"
#include "wire/name.h"

#include <stdlib.h>
#include <string.h>

/* ---- rdata ---- */

uint16_t dnssec_key_tag(const uint8_t *rdata, size_t length)
{
    enum { RSAMD5 = 1 };
    if (length < DNSKEY_FIXED_SIZE) {
        return 0;
    }
    if (rdata[3] == RSAMD5) {
        return length >= DNSKEY_FIXED_SIZE + 3 ? load_be16(rdata + length - 3) : 0;
    }
    uint32_t sum = 0;
    size_t i = 0;
    for (; i + 1 < length; i += 2) {
        sum += load_be16(rdata + i);
    }
    if (i < length) {
        sum += (uint32_t)rdata[i] << 8;
    }
    return (uint16_t)(sum + (sum >> 16));
}

/* Sizes by arithmetic alone: a key that costs too much must not reach libcrypto. */
static status_t check_public_key(const dnssec_policy_t *policy, const dnssec_algorithm_t *algorithm, const uint8_t *field, size_t size)
{
    if (algorithm->family != DNSSEC_FAMILY_RSA) {
        return size == algorithm->key_size ? STATUS_OK : STATUS_MALFORMED;
    }
    rsa_numbers_t numbers;
    if (!rsa_numbers_read(&numbers, field, size)) {
        return STATUS_MALFORMED;
    }
    bool is_accepted = numbers.modulus_bits >= algorithm->rsa_bits_min && numbers.modulus_bits <= policy->rsa_bits_max &&
                       numbers.exponent_bits <= policy->rsa_exponent_bits_max;
    return is_accepted ? STATUS_OK : STATUS_UNSUPPORTED;
}

status_t dnssec_key_new(const dnssec_policy_t *policy, const uint8_t *rdata, size_t length, dnssec_key_t **out)
{
    if (length <= DNSKEY_FIXED_SIZE || length > UINT16_MAX) {
        return STATUS_MALFORMED;
    }
    if (!dnssec_policy_has_algorithm(policy, rdata[3])) {
        return STATUS_UNSUPPORTED;
    }
    status_t status = check_public_key(policy, dnssec_algorithm(rdata[3]), rdata + DNSKEY_FIXED_SIZE, length - DNSKEY_FIXED_SIZE);
    if (status != STATUS_OK) {
        return status;
    }
    dnssec_key_t *key = malloc(sizeof *key + length);
    if (!key) {
        return STATUS_NO_MEMORY;
    }
    atomic_init(&key->references, 1);
    atomic_init(&key->public_key, NULL);
    key->flags = load_be16(rdata);
    key->protocol = rdata[2];
    key->algorithm = rdata[3];
    key->tag = dnssec_key_tag(rdata, length);
    key->length = (uint16_t)length;
    memcpy(key->rdata, rdata, length);
    *out = key;
    return STATUS_OK;
}

dnssec_key_t *dnssec_key_ref(dnssec_key_t *key)
{
    atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

void dnssec_key_unref(dnssec_key_t *key)
{
    if (key && atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) == 1) {
        public_key_free(atomic_load_explicit(&key->public_key, memory_order_relaxed));
        free(key);
    }
}

void dnssec_key_forget_parsed(dnssec_key_t *key)
{
    REQUIRE(atomic_load_explicit(&key->references, memory_order_acquire) == 1);
    public_key_free(atomic_exchange_explicit(&key->public_key, NULL, memory_order_acq_rel));
}

bool dnssec_key_is_zone_key(const dnssec_key_t *key)
{
    return key->protocol == DNSKEY_PROTOCOL && (key->flags & (DNSKEY_FLAG_ZONE | DNSKEY_FLAG_REVOKE)) == DNSKEY_FLAG_ZONE;
}

/* The parsed key. Two threads may parse it at the same time; the first to finish publishes, the other drops its own. */
static status_t get_public_key(dnssec_key_t *key, public_key_t **public_key)
{
    *public_key = atomic_load_explicit(&key->public_key, memory_order_acquire);
    if (*public_key) {
        return STATUS_OK;
    }
    public_key_t *parsed;
    status_t status =
        public_key_new(dnssec_algorithm(key->algorithm), key->rdata + DNSKEY_FIXED_SIZE, (size_t)key->length - DNSKEY_FIXED_SIZE, &parsed);
    if (status != STATUS_OK) {
        return status;
    }
    if (!atomic_compare_exchange_strong_explicit(&key->public_key, public_key, parsed, memory_order_acq_rel, memory_order_acquire)) {
        public_key_free(parsed);
    } else {
        *public_key = parsed;
    }
    return STATUS_OK;
}

status_t dnssec_key_verify(dnssec_key_t *key, const uint8_t *data, size_t size, const uint8_t *signature, size_t signature_size)
{
    public_key_t *public_key;
    status_t status = get_public_key(key, &public_key);
    return status == STATUS_OK ? public_key_verify(public_key, data, size, signature, signature_size) : status;
}

/* ---- DS ---- */

static dnssec_hash_t hash_of_digest(uint8_t digest_type)
{
    switch (digest_type) {
    case DNSSEC_DIGEST_SHA1:
        return DNSSEC_HASH_SHA1;
    case DNSSEC_DIGEST_SHA256:
        return DNSSEC_HASH_SHA256;
    case DNSSEC_DIGEST_SHA384:
        return DNSSEC_HASH_SHA384;
    default:
        return DNSSEC_HASH_NONE;
    }
}

size_t dnssec_ds_digest(uint8_t digest_type, const uint8_t *owner, const uint8_t *rdata, size_t length,
                        uint8_t digest[static DNSSEC_DIGEST_MAX])
{
    uint8_t lower[NAME_WIRE_MAX];
    size_t owner_length = name_length(owner);
    memcpy(lower, owner, owner_length);
    name_lower(lower, owner_length);
    uint8_t full[DNSSEC_HASH_MAX];
    size_t size =
        dnssec_hash_data(hash_of_digest(digest_type), (dnssec_bytes_t){lower, owner_length}, (dnssec_bytes_t){rdata, length}, full);
    memcpy(digest, full, size);
    return size;
}

size_t dnssec_ds_make(uint8_t digest_type, const uint8_t *owner, const uint8_t *rdata, size_t length, uint8_t out[static DNSSEC_DS_MAX])
{
    if (length <= DNSKEY_FIXED_SIZE) {
        return 0;
    }
    store_be16(out, dnssec_key_tag(rdata, length));
    out[2] = rdata[3];
    out[3] = digest_type;
    size_t size = dnssec_ds_digest(digest_type, owner, rdata, length, out + DS_FIXED_SIZE);
    return size > 0 ? DS_FIXED_SIZE + size : 0;
}

bool dnssec_ds_matches(const uint8_t *ds, size_t ds_length, const uint8_t *owner, const uint8_t *rdata, size_t length)
{
    if (ds_length <= DS_FIXED_SIZE || length <= DNSKEY_FIXED_SIZE || ds[2] != rdata[3] || load_be16(ds) != dnssec_key_tag(rdata, length) ||
        ds_length - DS_FIXED_SIZE != dnssec_digest_size(ds[3])) {
        return false;
    }
    uint8_t digest[DNSSEC_DIGEST_MAX];
    size_t size = dnssec_ds_digest(ds[3], owner, rdata, length, digest);
    return size == ds_length - DS_FIXED_SIZE && memcmp(digest, ds + DS_FIXED_SIZE, size) == 0;
}
