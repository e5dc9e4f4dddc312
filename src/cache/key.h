/* Keys: SipHash-1-3 (Aumasson and Bernstein 2012, with the round counts that hash tables use) over the words of a name, in line, as it
 * runs for every look-up; and where a key may stand. Not for others.
 */
#pragma once

#include "cache/layout.h"

#include <string.h>

typedef struct cache_key {
    const uint8_t *name;
    uint64_t word; /* RECORD_KEY without the value's size */
    uint64_t tail; /* the name's last bytes, fewer than 8, as a word */
    uint32_t tag;
    uint32_t low; /* of the hash; the tag is its other half */
    uint32_t shard;
} cache_key_t;

typedef struct cache_sip {
    uint64_t v0, v1, v2, v3;
} cache_sip_t;

static inline uint64_t sip_rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void cache_sip_round(cache_sip_t *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = sip_rotate(s->v1, 13) ^ s->v0;
    s->v3 = sip_rotate(s->v3, 16) ^ s->v2;
    s->v0 = sip_rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = sip_rotate(s->v1, 17) ^ s->v2;
    s->v3 = sip_rotate(s->v3, 21) ^ s->v0;
    s->v2 = sip_rotate(s->v2, 32);
}

static inline void cache_sip_word(cache_sip_t *s, uint64_t word)
{
    s->v3 ^= word;
    cache_sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t bytes_load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* The last length % 8 bytes as a word with zeros above, without touching a byte that is not the name's. */
static inline uint64_t name_tail(const uint8_t *name, size_t length)
{
    size_t rest = length % 8;
    if (rest == 0) {
        return 0;
    }
    if (__builtin_expect(length > 8, 1)) {
        return bytes_load(name + length - 8) >> (64 - 8 * rest);
    }
    uint64_t word = 0;
    for (size_t i = 0; i < rest; i++) {
        word |= (uint64_t)name[i] << (8 * i);
    }
    return word;
}

static inline __attribute__((always_inline)) void cache_key_init(cache_key_t *key, const cache_t *cache, const cache_question_t *question,
                                                                 unsigned space)
{
    const siphash_key_t *secret = &cache->settings.key;
    cache_sip_t s = {secret->k0 ^ UINT64_C(0x736f6d6570736575), secret->k1 ^ UINT64_C(0x646f72616e646f6d),
                     secret->k0 ^ UINT64_C(0x6c7967656e657261), secret->k1 ^ UINT64_C(0x7465646279746573)};
    size_t length = question->length;
    key->name = question->name;
    key->tail = name_tail(question->name, length);
    key->word = question->type | (uint64_t)question->rrclass << 16 | (uint64_t)space << 32 | (uint64_t)length << 40;
    for (size_t i = 0; i + 8 <= length; i += 8) {
        cache_sip_word(&s, bytes_load(question->name + i));
    }
    if (length % 8 != 0) {
        cache_sip_word(&s, key->tail);
    }
    cache_sip_word(&s, key->word); /* holds the length: padded names stay apart */
    s.v2 ^= 0xff;
    cache_sip_round(&s);
    cache_sip_round(&s);
    cache_sip_round(&s);
    uint64_t hash = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    key->low = (uint32_t)hash;
    key->tag = (uint32_t)(hash >> 32);
    key->shard = key->low & (cache->layout.shards - 1);
}

/* The two hashes that choose buckets, by other bits than those that chose the shard. Their lowest bits differ, and so do the buckets. */
static inline uint32_t cache_key_hash(const cache_key_t *key, unsigned choice)
{
    enum { SHARD_BITS = 6 };
    _Static_assert(1 << SHARD_BITS == CACHE_SHARDS_MAX, "bits that choose the shard");
    uint32_t hash = key->low >> SHARD_BITS;
    if (choice > 0) {
        uint32_t other = ((key->low ^ key->tag) * UINT32_C(0x9e3779b1)) >> SHARD_BITS;
        hash = (other & ~UINT32_C(1)) | (~hash & 1);
    }
    return hash;
}

/* How many buckets a shard has in use, and the mask that goes with that: cache_shard_t.buckets. */
static inline uint64_t shard_table(const cache_t *cache, uint32_t shard)
{
    return atomic_load_explicit(&cache->shards[shard].buckets, memory_order_acquire);
}

static inline uint64_t table_of(uint32_t count)
{
    return count | (uint64_t)(UINT32_MAX >> __builtin_clz(count)) << 32;
}

static inline uint32_t shard_buckets(const cache_t *cache, uint32_t shard)
{
    return (uint32_t)shard_table(cache, shard);
}

/* The bucket of a hash in a shard with such a table. */
static inline cache_bucket_t *cache_bucket(const cache_t *cache, uint32_t shard, uint32_t hash, uint64_t table)
{
    uint32_t mask = (uint32_t)(table >> 32);
    uint32_t number = hash & mask;
    number = number < (uint32_t)table ? number : hash & mask >> 1;
    return cache->buckets + ((size_t)shard * cache->layout.buckets + number);
}

/* Does the record, with its key word already compared, hold this name? */
static inline bool cache_key_is_name(const cache_key_t *key, const uint64_t *record, size_t length)
{
    const uint64_t *words = record + RECORD_HEAD;
    size_t whole = length / 8;
    for (size_t i = 0; i < whole; i++) {
        if (word_load(words + i) != bytes_load(key->name + 8 * i)) {
            return false;
        }
    }
    return length % 8 == 0 || word_load(words + whole) == key->tail;
}
