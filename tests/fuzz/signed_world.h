/* What the fuzz targets of the resolver share: the signed internet of tests/sim, made once, and questions to ask in it. */
#pragma once

#include "secure.h"

/* Where resolution begins: from the root all the way down; or from the zones asked themselves, which takes two or three messages in place
 * of ten: what stands in the last answer is reached the sooner. */
typedef enum signed_world_start { SIGNED_WORLD_ROOT, SIGNED_WORLD_ISLANDS, SIGNED_WORLD_STARTS } signed_world_start_t;

/* With a resolver as new, over the server's cache or a plain store that does not deny names by itself (RFC 8198); tamper sees each answer
 * of a server. Every call forgets the last one. */
typedef struct signed_world_way {
    signed_world_start_t start;
    bool uses_cache;
} signed_world_way_t;
sim_t *signed_world_begin(signed_world_way_t way, size_t (*tamper)(void *context, uint8_t *message, size_t size), void *context);
/* Asks the questions that these octets choose, and judges each answer: exactly one for each, and what is said to be secure is what the
 * zones say, whatever the servers said. */
void signed_world_ask(sim_t *sim, const uint8_t *choices, size_t count);
