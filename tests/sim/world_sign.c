#include "world_sign.h"

#include "base/require.h"
#include "secure.h"
#include "served.h"
#include "wire/rrtype.h"

enum { HALF_A_MONTH_S = 15 * 86400 };

/* Faults after which nothing of the zone can be valid. */
static void draw_fault(world_signing_t *signing, sim_t *sim)
{
    static const zone_fault_kind_t kinds[] = {FAULT_NO_SIGNATURE, FAULT_ALTER_SIGNATURE, FAULT_TIMES, FAULT_SIGNER, FAULT_KEY_TAG};
    uint32_t now_s = (uint32_t)sim->epoch_s;
    signing->fault = (zone_fault_t){
        .kind = kinds[sim_random(sim, ARRAY_SIZE(kinds))],
        .type = sim_random(sim, 2) ? TYPE_DNSKEY : 0,
        .name = "elsewhere.",
        .value = now_s - 2 * HALF_A_MONTH_S,
        .more = now_s - HALF_A_MONTH_S,
    };
    signing->signing.faults = &signing->fault;
    signing->signing.fault_count = 1;
}

void world_signing_draw(world_signing_t *signing, sim_t *sim, const char *apex, unsigned broken_percent)
{
    static const uint8_t algorithms[] = {13, 13, 15, 15, 15, 14, 16};
    *signing = (world_signing_t){.is_signed = true, .algorithm = algorithms[sim_random(sim, ARRAY_SIZE(algorithms))]};
    signing->signing.denial = (zone_denial_t)sim_random(sim, ZONE_DENIAL_NONE);
    signing->signing.iterations = (uint16_t)(sim_random(sim, 3) ? 0 : sim_random(sim, 20));
    signing->signing.salt_size = (uint8_t)(sim_random(sim, 3) ? 0 : sim_random(sim, ZONE_SIGNER_SALT_MAX));
    signing->signing.inception_s = (uint32_t)sim->epoch_s - HALF_A_MONTH_S;
    signing->signing.expiration_s = (uint32_t)sim->epoch_s + HALF_A_MONTH_S;
    uint64_t seed = sim_random(sim, UINT32_MAX);
    for (const char *at = apex; *at; at++) {
        seed = seed * 257 + (uint8_t)*at;
    }
    signing->keys[signing->key_count++] = signing_key_new(seed, signing->algorithm, SIGNING_KSK);
    if (sim_random(sim, 2)) {
        signing->keys[signing->key_count++] = signing_key_new(seed + 1, signing->algorithm, SIGNING_ZSK);
    }
    signing->is_broken = sim_random(sim, 100) < broken_percent;
    if (signing->is_broken) {
        draw_fault(signing, sim);
    }
}

void world_signing_clear(world_signing_t *signing)
{
    for (size_t i = 0; i < signing->key_count; i++) {
        signing_key_free(signing->keys[i]);
    }
    signing->key_count = 0;
}

void world_signing_write_ds(const world_signing_t *signing, const char *apex, buffer_t *text)
{
    const secure_zone_t zone = {.apex = apex};
    char ds[SECURE_DS_TEXT_MAX];
    secure_ds_text(&zone, signing->keys[0], DNSSEC_DIGEST_SHA256, ds);
    buffer_append_text(text, ds);
}

const zone_contents_t *world_signing_make(world_signing_t *signing, const char *apex, const char *text)
{
    const zone_contents_t *contents = served_zone(apex, text, SERVED_UNSIGNED);
    if (signing->is_signed) {
        const zone_contents_t *plain = contents;
        signing->signing.keys = (const signing_key_t *const *)signing->keys;
        signing->signing.key_count = signing->key_count;
        contents = zone_sign(plain, &signing->signing);
        zone_contents_unref(plain);
    }
    return contents;
}
