/* Look-ups in zone contents. See docs/decisions/0002-zone-contents.md for the figures behind their shape. */
#include "base/bytes.h"
#include "dnssec/nsec3_hash.h"
#include "zone/contents.h"
#include "zone/image.h"
#include "zone/order.h"

#include <string.h>

/* ---- the hash ---- */

static inline uint64_t load_word(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* length >= 1; both may be read in words up to the next multiple of 8 (image.h invariant 1, NAME_PADDING). */
static inline bool same_name(const uint8_t *a, const uint8_t *b, size_t length)
{
    size_t last = (length - 1) & ~(sizeof(uint64_t) - 1);
    for (size_t at = 0; at < last; at += sizeof(uint64_t)) {
        if (load_word(a + at) != load_word(b + at)) {
            return false;
        }
    }
    return (load_word(a + last) ^ load_word(b + last)) << (-8 * length & 63) == 0; /* drops what is behind length */
}

/* The first slot that is not below the tag. */
static inline const uint64_t *first_slot(const zone_contents_head_t *head, uint64_t tag)
{
    const uint64_t *slot = head->slots + zone_slot_home(tag, head->slot_count);
    while (*slot < tag) {
        slot++;
    }
    return slot;
}

/* Does a slot from first_slot() on still have the tag? Then *node is the node. */
static inline bool slot_matches(const zone_contents_head_t *head, uint64_t slot, uint64_t tag, const zone_node_t **node)
{
    uint64_t ref = slot - tag;
    *node = (const zone_node_t *)((uintptr_t)head->base + ref * ZONE_IMAGE_ALIGNMENT); /* no place in memory unless it matches */
    return ref <= UINT32_MAX;
}

/* The node of key's suffix of `labels` labels. */
static inline const zone_node_t *probe(const zone_contents_head_t *head, const name_key_t *key, unsigned labels)
{
    uint64_t tag = zone_slot_tag(key->hash[labels]);
    const uint8_t *wire = key->wire + key->offset[labels];
    size_t length = (size_t)key->length - key->offset[labels];
    const zone_node_t *node;
    for (const uint64_t *slot = first_slot(head, tag); slot_matches(head, *slot, tag, &node); slot++) {
        if (LIKELY(node->length == length && same_name(node->wire, wire, length))) {
            return node;
        }
    }
    return NULL;
}

const zone_node_t *zone_find(const zone_contents_t *contents, const uint8_t *wire)
{
    const zone_contents_head_t *head = zone_head(contents);
    size_t length = name_length(wire);
    uint64_t tag = zone_slot_tag(name_hash(wire));
    const zone_node_t *node;
    for (const uint64_t *slot = first_slot(head, tag); slot_matches(head, *slot, tag, &node); slot++) {
        if (node->length == length && memcmp(node->wire, wire, length) == 0) {
            return node;
        }
    }
    return NULL;
}

static __attribute__((noinline)) const zone_node_t *wildcard_child(const zone_contents_t *contents, const zone_node_t *node, uint64_t hash)
{
    const zone_contents_head_t *head = zone_head(contents);
    zone_ref_t parent = zone_node_ref(contents, node);
    uint64_t tag = zone_slot_tag(name_hash_label(hash, (const uint8_t *)"*", 1));
    const zone_node_t *child;
    for (const uint64_t *slot = first_slot(head, tag); slot_matches(head, *slot, tag, &child); slot++) {
        if (child->parent == parent && name_is_wildcard(child->wire)) {
            return child;
        }
    }
    return NULL;
}

/* ---- the walk ---- */

/* From an occluded name to what occludes it: the topmost zone cut or DNAME above it. */
static __attribute__((noinline)) void climb(const zone_contents_t *contents, const zone_node_t *occluded, zone_lookup_t *out)
{
    const zone_node_t *apex = zone_apex(contents);
    const zone_node_t *topmost = NULL;
    for (const zone_node_t *node = occluded; node != apex;) {
        node = zone_node(contents, node->parent);
        topmost = node->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME) ? node : topmost;
    }
    DEBUG_ASSERT(topmost != NULL);
    out->node = topmost;
    out->exact = false;
    if (topmost->flags & ZONE_NODE_CUT) {
        out->cut = topmost;
    } else {
        out->dname = topmost;
    }
}

static inline void found(const zone_contents_t *contents, const zone_node_t *node, zone_lookup_t *out)
{
    out->wildcard = NULL;
    out->dname = NULL;
    out->cut = NULL;
    if (UNLIKELY(node->flags & ZONE_NODE_OCCLUDED)) {
        climb(contents, node, out);
        return;
    }
    out->node = node;
    out->exact = true;
    out->cut = node->flags & ZONE_NODE_CUT ? node : NULL;
}

void zone_lookup(const zone_contents_t *contents, const name_key_t *key, zone_lookup_t *out)
{
    const zone_contents_head_t *head = zone_head(contents);
    unsigned labels = head->apex_labels;
    unsigned last = key->labels;
    DEBUG_ASSERT(last >= labels);
    /* Where most names lie below delegations the full name is seldom there. Elsewhere it mostly is, and finding it needs no walk; where it
     * is not, the walk still begins at the top, as the query's sender chose how many labels there are. */
    if (!head->walks_down && last > labels) {
        const zone_node_t *node = probe(head, key, last);
        if (node) {
            found(contents, node, out);
            return;
        }
        last--;
    }
    const zone_node_t *node = zone_apex(contents);
    while (labels < last && !(node->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME))) {
        const zone_node_t *below = probe(head, key, labels + 1);
        if (!below) {
            break;
        }
        node = below;
        labels++;
    }
    bool exact = labels == key->labels;
    out->node = node;
    out->exact = exact;
    out->cut = node->flags & ZONE_NODE_CUT ? node : NULL;
    out->dname = !exact && (node->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) == ZONE_NODE_DNAME ? node : NULL;
    out->wildcard = NULL;
    if (!exact && (node->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME | ZONE_NODE_WILDCARD_CHILD)) == ZONE_NODE_WILDCARD_CHILD) {
        out->wildcard = wildcard_child(contents, node, key->hash[labels]);
    }
}

void zone_prefetch(const zone_contents_t *contents, const name_key_t *key)
{
    const zone_contents_head_t *head = zone_head(contents);
    unsigned labels = head->walks_down && key->labels > head->apex_labels ? head->apex_labels + 1u : key->labels;
    __builtin_prefetch(head->slots + zone_slot_home(zone_slot_tag(key->hash[labels]), head->slot_count));
}

/* ---- ordered indexes ---- */

/* How many of keys[begin .. end) are below key, or not above it, plus begin. */
static uint32_t bound(const uint64_t *keys, uint32_t begin, uint32_t end, uint64_t key, bool not_above)
{
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (keys[middle] < key || (not_above && keys[middle] == key)) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

static const zone_node_t *index_node(const zone_contents_t *contents, const zone_index_t *index, uint32_t at)
{
    const zone_ref_t *refs = zone_at(contents, index->refs);
    return zone_node(contents, refs[at]);
}

/* Of the entries whose keys equal the key, how many stand at or before the name; compare() orders a node against it. */
typedef int (*node_compare_t)(const zone_node_t *node, const void *name);

static uint32_t count_at_or_before(const zone_contents_t *contents, const zone_index_t *index, uint32_t begin, uint32_t end,
                                   node_compare_t compare, const void *name)
{
    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;
        if (compare(index_node(contents, index, middle), name) <= 0) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

static int compare_names(const zone_node_t *node, const void *name)
{
    return name_compare(node->wire, name);
}

const zone_node_t *zone_nsec_covering(const zone_contents_t *contents, const uint8_t *wire)
{
    const zone_index_t *index = &zone_image(contents)->nsec;
    if (index->count == 0) {
        return NULL;
    }
    const uint64_t *keys = zone_at(contents, index->keys);
    uint64_t key = zone_order_key(wire, contents->head.apex_labels, 0);
    uint32_t begin = bound(keys, 0, index->count, key, false);
    bool is_shared = begin < index->count && keys[begin] == key; /* which only names that begin alike do */
    uint32_t end = is_shared ? bound(keys, begin, index->count, key, true) : begin;
    uint32_t behind = count_at_or_before(contents, index, begin, end, compare_names, wire);
    return index_node(contents, index, (behind > 0 ? behind : index->count) - 1);
}

static int compare_label(const zone_node_t *node, const void *label)
{
    return memcmp(node->wire + 1, label, NSEC3_LABEL_SIZE);
}

const zone_node_t *zone_nsec3_covering(const zone_contents_t *contents, const uint8_t hash[static 20], bool *matches)
{
    const zone_index_t *index = &zone_image(contents)->nsec3;
    *matches = false;
    if (index->count == 0) {
        return NULL;
    }
    const uint64_t *keys = zone_at(contents, index->keys);
    const uint32_t *buckets = zone_at(contents, index->buckets);
    uint64_t key = (uint64_t)load_be32(hash) << 32 | load_be32(hash + 4);
    uint32_t bucket = (uint32_t)((key >> 32) * index->bucket_count >> 32);
    uint32_t end = bound(keys, buckets[bucket], buckets[bucket + 1], key, true);
    if (end > 0 && keys[end - 1] == key) {
        uint8_t label[NSEC3_LABEL_SIZE];
        nsec3_hash_to_label(hash, label);
        uint32_t begin = bound(keys, buckets[bucket], end, key, false);
        end = count_at_or_before(contents, index, begin, end, compare_label, label);
        *matches = end > begin && compare_label(index_node(contents, index, end - 1), label) == 0;
    }
    /* The last NSEC3 of the chain covers what is before the first (RFC 5155 3.1.7). */
    return index_node(contents, index, (end > 0 ? end : index->count) - 1);
}
