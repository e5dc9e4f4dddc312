/* Random worlds for the simulator. */
#pragma once

#include "sim.h"

enum { WORLD_NAMES_MAX = 1024 };

typedef struct world_settings {
    unsigned broken_percent; /* of the servers; 0: all are well, and every answer must be there */
    unsigned loss_percent;   /* the greatest a server may have */
    bool knots;              /* name servers that need each other, delegations to nowhere, CNAME loops */
} world_settings_t;

typedef struct world {
    sim_t *sim;
    size_t name_count;
    char *names[WORLD_NAMES_MAX]; /* owners in the zones, and names that are not */
} world_t;

/* Zones four levels deep, their servers, and a resolver that is started. */
world_t *world_new(uint64_t seed, const world_settings_t *settings);
void world_free(world_t *world);
/* A name to ask, and a type that fits such worlds. */
const char *world_question(world_t *world, uint16_t *type);
