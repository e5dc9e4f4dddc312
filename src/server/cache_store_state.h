/* What the files of the cache store share. Not for others. */
#pragma once

#include "server/cache_store.h"

#include "wire/rrtype.h"

enum { CACHE_STORE_TYPES_SLOTS = 4096 };

/* A name, and how many types of it were learned since then. */
typedef struct cache_store_types {
    uint64_t hash;
    uint32_t since_s;
    uint32_t count;
} cache_store_types_t;

typedef struct cache_store {
    store_t store; /* first: what the resolver holds */
    cache_t *cache;
    const resolver_settings_t *settings;
    cache_reader_t reader;
    siphash_key_t types_key;
    cache_store_types_t types[CACHE_STORE_TYPES_SLOTS];
    cache_entry_t data; /* of the look-up that runs */
    cache_entry_t name_error;
    _Alignas(8) uint8_t data_buffer[CACHE_BUFFER_SIZE];
    _Alignas(8) uint8_t name_error_buffer[CACHE_BUFFER_SIZE];
} cache_store_t;

/* The cache counts seconds in 32 bits. */
static inline uint32_t cache_store_clock(uint64_t now_s)
{
    return now_s < UINT32_MAX ? (uint32_t)now_s : UINT32_MAX;
}

static inline cache_question_t cache_store_question(const uint8_t *name, size_t length, uint16_t type)
{
    return (cache_question_t){.name = name, .length = (uint8_t)length, .type = type, .rrclass = CLASS_IN};
}

/* Copies between the two shapes of an RRset; the first refers to what it was made from. */
cache_rrset_t cache_store_rrset(const rrset_t *rrset);
bool cache_store_take_rrset(const cache_rrset_t *from, arena_t *arena, rrset_t *rrset);
uint8_t *cache_store_take_name(const uint8_t *wire, arena_t *arena);

/* cache_store_delegation.c */
bool cache_store_find_delegation(store_t *store, const name_key_t *name, unsigned labels, uint64_t now_s, arena_t *arena,
                                 delegation_t *delegation);
void cache_store_put_delegation(store_t *store, const delegation_t *delegation, uint64_t now_s);

/* cache_store_types.c */
/* May one more type of the name be learned, if it is one? Counts it. */
bool cache_store_takes_type(cache_store_t *store, const cache_put_t *put, uint32_t now_s);

/* cache_store_denial.c */
/* Keeps the proofs and the SOA of a secure entry under their own names. */
void cache_store_put_proofs(cache_store_t *store, const store_entry_t *entry, uint32_t now_s);
bool cache_store_find_denial(store_t *store, const store_question_t *question, const uint8_t *zone, arena_t *arena, store_entry_t *entry);
bool cache_store_find_expansion(store_t *store, const store_question_t *question, const uint8_t *zone, arena_t *arena,
                                store_entry_t *entry);
