/* NSEC3: hashes of names in a ring (RFC 5155 8). */
#include "dnssec/denial_internal.h"

#include <string.h>

/* ---- hashing ---- */

static void adjust_cache(nsec3_cache_t *cache, const nsec3_parameters_t *parameters)
{
    const nsec3_parameters_t cached = {.salt = cache->salt, .salt_size = cache->salt_size, .iterations = cache->iterations};
    if (nsec3_parameters_equal(&cached, parameters)) {
        return;
    }
    cache->count = 0;
    cache->next = 0;
    cache->iterations = parameters->iterations;
    cache->salt_size = parameters->salt_size;
    if (parameters->salt_size > 0) {
        memcpy(cache->salt, parameters->salt, parameters->salt_size);
    }
}

static bool find_cached(const nsec3_cache_t *cache, const name_t *name, uint8_t hash[static NSEC3_HASH_SIZE])
{
    for (unsigned i = 0; i < cache->count; i++) {
        if (cache->entries[i].name.length == name->length && memcmp(cache->entries[i].name.wire, name->wire, name->length) == 0) {
            memcpy(hash, cache->entries[i].hash, NSEC3_HASH_SIZE);
            return true;
        }
    }
    return false;
}

static void keep(nsec3_cache_t *cache, const name_t *name, const uint8_t hash[static NSEC3_HASH_SIZE])
{
    cache->entries[cache->next].name = *name;
    memcpy(cache->entries[cache->next].hash, hash, NSEC3_HASH_SIZE);
    cache->next = (uint8_t)((cache->next + 1) % DENIAL_CACHE_MAX);
    cache->count = (uint8_t)(cache->count < DENIAL_CACHE_MAX ? cache->count + 1 : DENIAL_CACHE_MAX);
}

/* False when the budget is spent. */
static bool hash_name(denial_set_t *set, const uint8_t *wire, uint8_t hash[static NSEC3_HASH_SIZE])
{
    name_t name;
    name_set(&name, wire);
    name_lower(name.wire, name.length);
    if (set->cache) {
        adjust_cache(set->cache, &set->parameters);
        if (find_cached(set->cache, &name, hash)) {
            return true;
        }
    }
    if (set->budget->nsec3_hashes == 0) {
        set->is_spent = true;
        return false;
    }
    set->budget->nsec3_hashes--;
    nsec3_hash(&set->parameters, name.wire, name.length, hash);
    if (set->cache) {
        keep(set->cache, &name, hash);
    }
    return true;
}

/* ---- records ---- */

static const denial_record_t *match_of_hash(const denial_set_t *set, const uint8_t hash[static NSEC3_HASH_SIZE])
{
    for (unsigned i = 0; i < set->nsec3_count; i++) {
        if (memcmp(set->nsec3[i].hash, hash, NSEC3_HASH_SIZE) == 0) {
            return &set->nsec3[i];
        }
    }
    return NULL;
}

static bool covers(const denial_record_t *record, const uint8_t hash[static NSEC3_HASH_SIZE])
{
    bool is_above = memcmp(record->hash, hash, NSEC3_HASH_SIZE) < 0;
    bool is_below = memcmp(hash, record->next, NSEC3_HASH_SIZE) < 0;
    int order = memcmp(record->hash, record->next, NSEC3_HASH_SIZE);
    if (order < 0) {
        return is_above && is_below;
    }
    /* The last of the ring; alone in it, it covers all but itself. */
    return order > 0 ? is_above || is_below : memcmp(record->hash, hash, NSEC3_HASH_SIZE) != 0;
}

static const denial_record_t *cover_of_hash(const denial_set_t *set, const uint8_t hash[static NSEC3_HASH_SIZE])
{
    for (unsigned i = 0; i < set->nsec3_count; i++) {
        if (covers(&set->nsec3[i], hash)) {
            return &set->nsec3[i];
        }
    }
    return NULL;
}

static const denial_record_t *find_match(denial_set_t *set, const uint8_t *name)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    return hash_name(set, name, hash) ? match_of_hash(set, hash) : NULL;
}

static const denial_record_t *find_cover(denial_set_t *set, const uint8_t *name)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    return hash_name(set, name, hash) ? cover_of_hash(set, hash) : NULL;
}

/* ---- closest encloser ---- */

/* RFC 5155 8.3. */
typedef struct encloser_proof {
    const uint8_t *encloser;      /* suffix of the name, or NULL: not proven */
    const denial_record_t *match; /* of the encloser */
    const denial_record_t *cover; /* of the next closer name; NULL: the name itself is matched */
} encloser_proof_t;

static encloser_proof_t prove_encloser(denial_set_t *set, const uint8_t *name)
{
    const encloser_proof_t failed = {0};
    encloser_proof_t proof = {0};
    unsigned zone_labels = name_labels(set->zone);
    for (unsigned labels = name_labels(name) + 1; labels-- > zone_labels;) {
        uint8_t hash[NSEC3_HASH_SIZE];
        proof.encloser = name_suffix(name, labels);
        if (!hash_name(set, proof.encloser, hash)) {
            return failed;
        }
        proof.match = match_of_hash(set, hash);
        if (proof.match) {
            bool is_good = proof.encloser == name || (proof.cover && denial_speaks_for_below(proof.match));
            return is_good ? proof : failed;
        }
        proof.cover = cover_of_hash(set, hash);
    }
    return failed;
}

static denial_result_t by_cover(const denial_record_t *cover)
{
    return cover->is_opt_out ? DENIAL_OPT_OUT : DENIAL_PROVEN;
}

/* ---- questions ---- */

denial_result_t nsec3_name_error(denial_set_t *set, const uint8_t *name)
{
    encloser_proof_t proof = prove_encloser(set, name);
    name_t wildcard;
    if (!proof.encloser || !proof.cover || !denial_wildcard(&wildcard, proof.encloser) || !find_cover(set, wildcard.wire)) {
        return DENIAL_NOT_PROVEN;
    }
    return by_cover(proof.cover);
}

denial_result_t nsec3_no_data(denial_set_t *set, const uint8_t *name, uint16_t type)
{
    encloser_proof_t proof = prove_encloser(set, name);
    if (!proof.encloser) {
        return DENIAL_NOT_PROVEN;
    }
    if (!proof.cover) {
        return denial_denies_type(proof.match, name, type) ? DENIAL_PROVEN : DENIAL_NOT_PROVEN;
    }
    /* RFC 5155 8.6 says so of DS; an empty non-terminal above unsigned delegations only may have no record either (RFC 5155 7.1). */
    if (proof.cover->is_opt_out) {
        return DENIAL_OPT_OUT;
    }
    name_t wildcard;
    if (!denial_wildcard(&wildcard, proof.encloser)) {
        return DENIAL_NOT_PROVEN;
    }
    const denial_record_t *match = find_match(set, wildcard.wire);
    return match && denial_denies_type(match, wildcard.wire, type) ? DENIAL_PROVEN : DENIAL_NOT_PROVEN;
}

denial_result_t nsec3_wildcard_answer(denial_set_t *set, const uint8_t *next_closer)
{
    const denial_record_t *cover = find_cover(set, next_closer);
    return cover ? by_cover(cover) : DENIAL_NOT_PROVEN;
}

denial_result_t nsec3_insecure_delegation(denial_set_t *set, const uint8_t *name)
{
    encloser_proof_t proof = prove_encloser(set, name);
    if (!proof.encloser) {
        return DENIAL_NOT_PROVEN;
    }
    if (!proof.cover) {
        return denial_is_insecure_cut(proof.match) ? DENIAL_PROVEN : DENIAL_NOT_PROVEN;
    }
    return proof.cover->is_opt_out ? DENIAL_OPT_OUT : DENIAL_NOT_PROVEN;
}
