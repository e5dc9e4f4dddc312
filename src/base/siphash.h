/* SipHash-2-4 (Aumasson and Bernstein 2012): the keyed hash of every table that strangers can fill. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct siphash_key {
    uint64_t k0;
    uint64_t k1;
} siphash_key_t;

uint64_t siphash(const siphash_key_t *key, const void *data, size_t size);
