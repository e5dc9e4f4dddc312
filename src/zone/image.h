/* The image: what stands in a zone's mapping, byte for byte. Shared by the builder, which writes it, and the look-ups.
 *
 *     zone_image_t                header: magic, version, sizes, places of all that follows
 *     nodes of the tree           canonical order; apex first; each with its RRsets
 *     NSEC3 owner nodes           canonical order, which is hash order
 *     foreign nodes               names that are only spoken of, and the ancestors of all names up to "."
 *     slots                       hash of the tree's names
 *     NSEC index, NSEC3 index     each: keys, refs, buckets
 *
 * Invariants
 *  1. Everything is at a multiple of 8 bytes; padding is zero; a node's wire form may be read in words of 8 bytes up to its padding.
 *  2. slots are sorted: a name's slot stands at or behind its home, which grows with its tag (upper bits of its hash), and no smaller tag
 *     stands behind a greater one. So a search for a missing name ends as soon as one for an existing name. An empty slot is
 *     ZONE_SLOT_EMPTY, greater than any other; at least one is at the end.
 *  3. An index has its keys in ascending order; refs[i] belongs to keys[i]. Where keys are evenly spread (NSEC3), buckets[b] is the number
 *     of keys whose upper half times bucket_count / 2^32 is below b; bucket_count + 1 of them. bucket_count 0: none.
 */
#pragma once

#include "wire/rrtype.h"
#include "zone/contents.h"

#define ZONE_IMAGE_MAGIC UINT64_C(0x0a454e4f5a0d4c50) /* "PL\rZONE\n": shows text-mode damage */
#define ZONE_SLOT_EMPTY  UINT64_MAX

enum {
    ZONE_IMAGE_VERSION = 1,
    ZONE_IMAGE_ALIGNMENT = 8,
    ZONE_PROBES_MAX = 4096, /* slots a search may touch; a zone that needs more was made to hurt and is refused */
    ZONE_COLLISIONS_MAX =
        64, /* names whose tags are equal: each costs a search a node out of the cache. Of 10^9 names seldom 10 share one */
};

typedef struct zone_index {
    zone_ref_t keys;    /* uint64_t[count] */
    zone_ref_t refs;    /* zone_ref_t[count]: nodes */
    zone_ref_t buckets; /* uint32_t[bucket_count + 1] */
    uint32_t bucket_count;
    uint32_t count;
    uint32_t reserved;
} zone_index_t;

typedef struct zone_image {
    uint64_t magic;
    uint32_t version;
    uint32_t header_size;
    uint64_t size;     /* bytes of the image */
    uint64_t checksum; /* of an image on disk; 0 in memory */
    zone_ref_t apex;
    zone_ref_t denial_begin;  /* behind the tree, whose first node is the apex */
    zone_ref_t foreign_begin; /* behind the NSEC3 owners */
    zone_ref_t foreign_end;
    zone_ref_t slots;
    uint32_t slot_count;
    zone_index_t nsec;
    zone_index_t nsec3;
    uint64_t nsec3_salt; /* offset in bytes */
    uint64_t names;      /* statistics */
    uint64_t rrsets;
    uint64_t records;
    uint32_t serial;
    uint32_t negative_ttl_s;
    uint16_t rrclass;
    uint16_t nsec3_iterations;
    uint8_t nsec3_salt_size;
    uint8_t has_nsec;
    uint8_t has_nsec3;
    uint8_t is_signed;
    uint8_t walks_down;
    uint8_t reserved[7];
} zone_image_t;

_Static_assert(sizeof(zone_image_t) % ZONE_IMAGE_ALIGNMENT == 0, "nodes follow the header");

struct zone_contents {
    zone_contents_head_t head;
    atomic_uint references;
    bool is_mapped; /* the image is a mapping of its own, else it stands behind this struct */
};

/* Where zone_refs stand in stored rdata: prefix octets, so many names, suffix octets. names 0: stored as on the wire. */
typedef struct zone_rdata_shape {
    uint8_t prefix;
    uint8_t names;
    uint8_t suffix;
} zone_rdata_shape_t;

static inline zone_rdata_shape_t zone_rdata_shape(uint16_t type)
{
    switch (type) {
    case TYPE_NS:
    case TYPE_MD:
    case TYPE_MF:
    case TYPE_CNAME:
    case TYPE_MB:
    case TYPE_MG:
    case TYPE_MR:
    case TYPE_PTR:
        return (zone_rdata_shape_t){.names = 1};
    case TYPE_MX:
        return (zone_rdata_shape_t){.prefix = 2, .names = 1};
    case TYPE_MINFO:
        return (zone_rdata_shape_t){.names = 2};
    case TYPE_SOA:
        return (zone_rdata_shape_t){.names = 2, .suffix = 20};
    default:
        return (zone_rdata_shape_t){0};
    }
}

static inline size_t zone_aligned(size_t size)
{
    return (size + ZONE_IMAGE_ALIGNMENT - 1) & ~(size_t)(ZONE_IMAGE_ALIGNMENT - 1);
}

/* The part of a name's hash that its slot holds: the upper 31 bits, in place. A slot is tag + ref, so slot - tag exceeds 32 bits for all
 * other tags, and for ZONE_SLOT_EMPTY. */
static inline uint64_t zone_slot_tag(uint64_t hash)
{
    return hash & UINT64_C(0xfffffffe00000000);
}

static inline uint64_t zone_slot_home(uint64_t tag, uint32_t slot_count)
{
    return (tag >> 32) * slot_count >> 32;
}

static inline const zone_image_t *zone_image(const zone_contents_t *contents)
{
    return (const zone_image_t *)(const void *)contents->head.base;
}

static inline const void *zone_at(const zone_contents_t *contents, zone_ref_t ref)
{
    return contents->head.base + (size_t)ref * ZONE_IMAGE_ALIGNMENT;
}

/* Fills the head from the image at head.base. */
void zone_contents_attach(zone_contents_t *contents);
