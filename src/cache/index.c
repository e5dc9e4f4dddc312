#include "cache/index.h"

#include "base/require.h"
#include "cache/denial.h"
#include "cache/read.h"
#include "wire/rrtype.h"

#include <string.h>

enum { KEY_LABEL_END = 0, KEY_ESCAPE = 1 };

/* ---- places ---- */

size_t denial_name_key(const uint8_t *name, unsigned zone_labels, uint8_t key[static DENIAL_KEY_MAX])
{
    unsigned labels = name_labels(name);
    size_t size = 0;
    for (unsigned i = zone_labels + 1; i <= labels; i++) {
        const uint8_t *label = name_suffix(name, i);
        for (unsigned j = 1; j <= label[0]; j++) {
            if (label[j] <= KEY_ESCAPE) {
                key[size++] = KEY_ESCAPE;
                key[size++] = (uint8_t)(label[j] + 1);
            } else {
                key[size++] = label[j];
            }
        }
        key[size++] = KEY_LABEL_END;
    }
    return size;
}

bool denial_key_name(const uint8_t *key, size_t size, const uint8_t *zone, name_t *name)
{
    uint8_t reversed[NAME_WIRE_MAX]; /* labels behind one another as in the key, each with its length behind it */
    size_t used = 0;
    size_t label = 0;
    for (size_t i = 0; i < size; i++) {
        if (used + 1 >= sizeof reversed) {
            return false;
        }
        if (key[i] != KEY_LABEL_END) {
            bool is_escape = key[i] == KEY_ESCAPE && i + 1 < size;
            reversed[used++] = is_escape ? (uint8_t)(key[++i] - 1) : key[i];
            label++;
            continue;
        }
        if (label == 0 || label > NAME_LABEL_MAX) {
            return false;
        }
        reversed[used++] = (uint8_t)label;
        label = 0;
    }
    size_t zone_length = name_length(zone);
    if (label != 0 || used + zone_length > NAME_WIRE_MAX) {
        return false;
    }
    size_t at = 0;
    for (size_t left = used; left > 0; at += name->wire[at] + 1u) {
        size_t length = reversed[left - 1];
        name->wire[at] = (uint8_t)length;
        memcpy(name->wire + at + 1, reversed + left - 1 - length, length);
        left -= length + 1;
    }
    memcpy(name->wire + at, zone, zone_length);
    name->length = (uint8_t)(at + zone_length);
    name->labels = (uint8_t)name_labels(name->wire);
    return true;
}

uint64_t denial_zone_hash(const cache_t *cache, const uint8_t *zone, uint16_t rrclass)
{
    uint8_t bytes[NAME_WIRE_MAX + 2];
    size_t length = name_length(zone);
    store_be16(bytes, rrclass);
    memcpy(bytes + 2, zone, length);
    return siphash(&cache->settings.key, bytes, length + 2);
}

uint32_t denial_chain(const cache_t *cache, const nsec3_parameters_t *parameters)
{
    uint8_t bytes[2 + UINT8_MAX];
    store_be16(bytes, parameters->iterations);
    if (parameters->salt_size > 0) {
        memcpy(bytes + 2, parameters->salt, parameters->salt_size);
    }
    return (uint32_t)siphash(&cache->settings.key, bytes, 2u + parameters->salt_size) | 1;
}

/* ---- searching; also by readers, so everything is loaded in words and checked ---- */

static void node_load(const cache_t *cache, uint32_t shard, uint32_t number, cache_node_t *node)
{
    uint64_t words[CACHE_NODE_WORDS];
    const uint64_t *from = (const uint64_t *)(const void *)(cache->nodes + (size_t)shard * cache->layout.index_nodes + number);
    for (unsigned i = 0; i < CACHE_NODE_WORDS; i++) {
        words[i] = word_load(from + i);
    }
    memcpy(node, words, sizeof words);
    if (node->key_length > CACHE_NODE_KEY_MAX) {
        node->key_length = 0;
    }
}

static int node_compare(const cache_node_t *node, const denial_place_t *place)
{
    if (node->zone != place->zone) {
        return node->zone < place->zone ? -1 : 1;
    }
    if (node->chain != place->chain) {
        return node->chain < place->chain ? -1 : 1;
    }
    if (place->is_end) {
        return -1;
    }
    size_t common = node->key_length < place->size ? node->key_length : place->size;
    int order = common > 0 ? memcmp(node->key, place->key, common) : 0;
    return order != 0 ? order : (int)node->key_length - (int)place->size;
}

static _Atomic uint16_t *order_of(const cache_t *cache, uint32_t shard)
{
    return cache->order + (size_t)shard * cache->layout.index_nodes;
}

static uint32_t number_at(const cache_t *cache, uint32_t shard, uint32_t position)
{
    uint32_t number = atomic_load_explicit(order_of(cache, shard) + position, memory_order_acquire);
    return number < cache->layout.index_nodes ? number : 0;
}

static uint32_t shard_count(const cache_t *cache, uint32_t shard)
{
    uint32_t count = atomic_load_explicit(&cache->indexes[shard].count, memory_order_acquire);
    return count < cache->layout.index_nodes ? count : cache->layout.index_nodes;
}

/* How many nodes stand before the place, or at it too. */
static uint32_t index_search(const cache_t *cache, uint32_t shard, const denial_place_t *place, bool with_equal)
{
    uint32_t low = 0;
    uint32_t high = shard_count(cache, shard);
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        cache_node_t node;
        node_load(cache, shard, number_at(cache, shard, middle), &node);
        int order = node_compare(&node, place);
        if (order < 0 || (order == 0 && with_equal)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool node_find(const cache_t *cache, uint32_t shard, const denial_place_t *place, denial_seek_t seek, denial_hit_t *hit)
{
    uint32_t count = shard_count(cache, shard);
    uint32_t position = index_search(cache, shard, place, seek == DENIAL_AT_OR_BEFORE);
    if (seek == DENIAL_AT_OR_BEFORE) {
        if (position == 0) {
            return false;
        }
        position--;
    }
    if (position >= count) {
        return false;
    }
    hit->number = number_at(cache, shard, position);
    node_load(cache, shard, hit->number, &hit->node);
    return hit->node.zone == place->zone && (seek == DENIAL_FIRST ? hit->node.chain != 0 : hit->node.chain == place->chain);
}

bool index_find(const cache_t *cache, const denial_place_t *place, denial_seek_t seek, denial_hit_t *hit)
{
    hit->shard = (uint32_t)(place->zone % cache->layout.index_shards);
    const cache_index_t *index = &cache->indexes[hit->shard];
    for (unsigned attempt = 0; attempt < CACHE_RETRIES_MAX; attempt++) {
        uint32_t sequence = atomic_load_explicit(&index->sequence, memory_order_acquire);
        if (!(sequence & 1)) {
            bool is_found = node_find(cache, hit->shard, place, seek, hit);
            if (atomic_load_explicit(&index->sequence, memory_order_relaxed) == sequence) {
                return is_found;
            }
        }
        cache_relax();
    }
    return false;
}

void index_touch(const cache_t *cache, const denial_hit_t *hit)
{
    _Atomic uint8_t *touched = cache->touched + (size_t)hit->shard * cache->layout.index_nodes + hit->number;
    if (!atomic_load_explicit(touched, memory_order_relaxed)) {
        atomic_store_explicit(touched, 1, memory_order_relaxed);
    }
}

/* ---- changing, behind the index shard's lock ---- */

static void index_lock(cache_t *cache, uint32_t shard)
{
    shard += cache->layout.shards;
    REQUIRE(pthread_mutex_lock(&cache->locks[shard].mutex) == 0);
}

static void index_unlock(cache_t *cache, uint32_t shard)
{
    shard += cache->layout.shards;
    REQUIRE(pthread_mutex_unlock(&cache->locks[shard].mutex) == 0);
}

static void index_begin(cache_index_t *index)
{
    uint32_t sequence = atomic_load_explicit(&index->sequence, memory_order_relaxed);
    atomic_store_explicit(&index->sequence, sequence + 1, memory_order_relaxed);
}

static void index_end(cache_index_t *index)
{
    uint32_t sequence = atomic_load_explicit(&index->sequence, memory_order_relaxed);
    atomic_store_explicit(&index->sequence, sequence + 1, memory_order_release);
}

static void node_store(cache_t *cache, uint32_t shard, uint32_t number, const cache_node_t *node)
{
    uint64_t words[CACHE_NODE_WORDS];
    memcpy(words, node, sizeof words);
    words_store((uint64_t *)(void *)(cache->nodes + (size_t)shard * cache->layout.index_nodes + number), words, CACHE_NODE_WORDS);
    atomic_store_explicit(cache->touched + (size_t)shard * cache->layout.index_nodes + number, 0, memory_order_relaxed);
}

/* Who goes: the next one that was not used since the hand last passed. */
static uint32_t index_victim(cache_t *cache, uint32_t shard)
{
    cache_index_t *index = &cache->indexes[shard];
    for (uint32_t turns = 0; turns <= 2 * cache->layout.index_nodes; turns++) {
        index->hand = index->hand + 1 < cache->layout.index_nodes ? index->hand + 1 : 0;
        _Atomic uint8_t *touched = cache->touched + (size_t)shard * cache->layout.index_nodes + index->hand;
        if (!atomic_exchange_explicit(touched, 0, memory_order_relaxed)) {
            break;
        }
    }
    return index->hand;
}

/* Where in the order a node's number stands; the count if nowhere. */
static uint32_t index_position(const cache_t *cache, uint32_t shard, uint32_t number)
{
    uint32_t count = shard_count(cache, shard);
    uint32_t position = 0;
    while (position < count && number_at(cache, shard, position) != number) {
        position++;
    }
    return position;
}

static void order_set(cache_t *cache, uint32_t shard, uint32_t position, uint32_t number)
{
    atomic_store_explicit(order_of(cache, shard) + position, (uint16_t)number, memory_order_release);
}

/* Puts a number at `to`, shifting all between there and `from`, whose number goes. to counts places with `from` still there. */
static void order_move(cache_t *cache, uint32_t shard, uint32_t from, uint32_t to, uint32_t number)
{
    for (; from > to; from--) {
        order_set(cache, shard, from, number_at(cache, shard, from - 1));
    }
    for (; from + 1 < to; from++) {
        order_set(cache, shard, from, number_at(cache, shard, from + 1));
    }
    order_set(cache, shard, from, number);
}

static void index_insert(cache_t *cache, uint32_t shard, const denial_place_t *place, const cache_node_t *node)
{
    cache_index_t *index = &cache->indexes[shard];
    uint32_t count = shard_count(cache, shard);
    uint32_t to = index_search(cache, shard, place, false);
    uint32_t number = count;
    uint32_t from = count;
    if (to < count) {
        cache_node_t old;
        node_load(cache, shard, number_at(cache, shard, to), &old);
        if (node_compare(&old, place) == 0) {
            index_begin(index);
            node_store(cache, shard, number_at(cache, shard, to), node);
            index_end(index);
            return;
        }
    }
    if (count == cache->layout.index_nodes) {
        number = index_victim(cache, shard);
        from = index_position(cache, shard, number);
    }
    index_begin(index);
    if (from == cache->layout.index_nodes) {
        /* the order is not one of all nodes: damaged, and built anew */
        number = from = to = 0;
        atomic_store_explicit(&index->count, 0, memory_order_release);
        count = 0;
    }
    order_move(cache, shard, from, to, number);
    node_store(cache, shard, number, node);
    if (count < cache->layout.index_nodes) {
        atomic_store_explicit(&index->count, count + 1, memory_order_release);
    }
    index_end(index);
}

/* The place of an RRset's owner. False: it has none. */
static bool place_of(const cache_t *cache, const cache_put_t *put, denial_place_t *place)
{
    const uint8_t *name = put->question.name;
    unsigned labels = name_labels(put->zone);
    *place = (denial_place_t){.zone = denial_zone_hash(cache, put->zone, put->question.rrclass)};
    if (!name_is_at_or_below(name, put->zone)) {
        return false;
    }
    if (put->question.type == TYPE_NSEC) {
        place->size = denial_name_key(name, labels, place->key);
        return place->size <= CACHE_NODE_KEY_MAX;
    }
    const cache_rrset_t *rrset = &put->rrsets[0];
    nsec3_parameters_t parameters;
    if (rrset->count != 1 || rrset->data_size < 2 || name_labels(name) != labels + 1 ||
        !nsec3_parameters_read(&parameters, rrset->data + 2, rrset->data_size - 2)) {
        return false;
    }
    place->chain = denial_chain(cache, &parameters);
    place->size = NSEC3_HASH_SIZE;
    return nsec3_hash_from_label(name + 1, name[0], place->key);
}

void index_add(cache_t *cache, const cache_put_t *put, uint32_t expires)
{
    denial_place_t place;
    if (!place_of(cache, put, &place)) {
        return;
    }
    cache_node_t node = {.zone = place.zone, .chain = place.chain, .expires = expires, .key_length = (uint8_t)place.size};
    memcpy(node.key, place.key, place.size);
    uint32_t shard = (uint32_t)(place.zone % cache->layout.index_shards);
    index_lock(cache, shard);
    index_insert(cache, shard, &place, &node);
    index_unlock(cache, shard);
}

void index_clear(cache_t *cache)
{
    for (uint32_t shard = 0; shard < cache->layout.index_shards; shard++) {
        index_lock(cache, shard);
        index_begin(&cache->indexes[shard]);
        atomic_store_explicit(&cache->indexes[shard].count, 0, memory_order_release);
        index_end(&cache->indexes[shard]);
        index_unlock(cache, shard);
    }
}

void index_adopt(cache_t *cache)
{
    for (uint32_t shard = 0; shard < cache->layout.index_shards; shard++) {
        cache_index_t *index = &cache->indexes[shard];
        if ((index->sequence & 1) != 0 || index->count > cache->layout.index_nodes) {
            index->count = 0;
            index->sequence += index->sequence & 1;
        }
        index->hand = index->hand < cache->layout.index_nodes ? index->hand : 0;
    }
}

uint64_t index_count(cache_t *cache)
{
    uint64_t count = 0;
    for (uint32_t shard = 0; shard < cache->layout.index_shards; shard++) {
        count += shard_count(cache, shard);
    }
    return count;
}
