/* Searching the index of denial ranges. Not for others. */
#pragma once

#include "cache/index.h"

enum { DENIAL_KEY_MAX = 2 * NAME_WIRE_MAX + 2 };

/* A place in the order of a chain. */
typedef struct denial_place {
    uint64_t zone;
    uint32_t chain;
    bool is_end; /* behind all of the chain */
    size_t size;
    uint8_t key[DENIAL_KEY_MAX];
} denial_place_t;

typedef struct denial_hit {
    cache_node_t node;
    uint32_t shard;
    uint32_t number;
} denial_hit_t;

typedef enum denial_seek {
    DENIAL_AT_OR_BEFORE, /* the last of the chain that is not behind the place */
    DENIAL_FIRST,        /* the first of any NSEC3 chain of the zone */
} denial_seek_t;

bool index_find(const cache_t *cache, const denial_place_t *place, denial_seek_t seek, denial_hit_t *hit);
/* Used: the clock hand is to pass it by once. */
void index_touch(const cache_t *cache, const denial_hit_t *hit);

/* A name below its zone as octets whose order, by memcmp() and then by size, is the canonical order of names (RFC 4034 6.1): labels from
 * the right, each closed by 0; the octets 0 and 1 stand as 1 1 and 1 2. */
size_t denial_name_key(const uint8_t *name, unsigned zone_labels, uint8_t key[static DENIAL_KEY_MAX]);
/* Back again; false if it is no name. */
bool denial_key_name(const uint8_t *key, size_t size, const uint8_t *zone, name_t *name);
uint64_t denial_zone_hash(const cache_t *cache, const uint8_t *zone, uint16_t rrclass);
uint32_t denial_chain(const cache_t *cache, const nsec3_parameters_t *parameters);
