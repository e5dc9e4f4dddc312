/* How zones of random worlds are signed, and what that makes of them. */
#pragma once

#include "sim.h"
#include "zone_signer.h"

enum { WORLD_KEYS_MAX = 2 };

typedef struct world_signing {
    bool is_signed; /* and has a DS at its parent */
    bool is_broken; /* in one of many ways: everything in it is bogus, where it would be secure */
    uint8_t algorithm;
    zone_signing_t signing;
    zone_fault_t fault;
    size_t key_count;
    signing_key_t *keys[WORLD_KEYS_MAX];
} world_signing_t;

/* Draws it all out of the sim's numbers. The keys belong to the caller, see world_signing_clear(). */
void world_signing_draw(world_signing_t *signing, sim_t *sim, const char *apex, unsigned broken_percent);
void world_signing_clear(world_signing_t *signing);
/* Appends the DS record as zone text. */
void world_signing_write_ds(const world_signing_t *signing, const char *apex, buffer_t *text);
/* The contents, signed or not. */
const zone_contents_t *world_signing_make(world_signing_t *signing, const char *apex, const char *text);
