/* Random worlds for the simulator. */
#pragma once

#include "sim.h"

enum { WORLD_NAMES_MAX = 1024 };

typedef struct world_settings {
    unsigned broken_percent; /* of the servers; 0: all are well, and every answer must be there */
    unsigned loss_percent;   /* the greatest a server may have */
    unsigned signed_percent; /* of the zones; 0: none, and no trust anchor. The root is signed whenever others are */
    unsigned bogus_percent;  /* of the signed zones but the root */
    bool knots;              /* name servers that need each other, delegations to nowhere, CNAME loops */
} world_settings_t;

enum { WORLD_ZONES_MAX = 24 };

typedef struct world {
    sim_t *sim;
    size_t zone_count;
    struct {
        name_t apex;
        bool is_opt_out;
        store_security_t security; /* of what it holds: by its own signatures and those above it */
    } zones[WORLD_ZONES_MAX];
    size_t name_count;
    char *names[WORLD_NAMES_MAX]; /* owners in the zones, and names that are not */
} world_t;

/* Zones four levels deep, their servers, and a resolver that is started. */
world_t *world_new(uint64_t seed, const world_settings_t *settings);
void world_free(world_t *world);
/* What an answer by these zones is worth: the least of all steps, in signed worlds. */
store_security_t world_security(const world_t *world, const sim_truth_path_t *path);
/* A name to ask, and a type that fits such worlds. */
const char *world_question(world_t *world, uint16_t *type);
