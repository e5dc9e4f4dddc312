/* Inside the builder: what builder.c (collecting), builder_names.c (interning), builder_sort.c, builder_plan.c (RRsets, places, flags),
 * builder_denial.c (NSEC3) and builder_write.c (the image) share. Nobody else includes it.
 *
 * Way of a record: zone_builder_add() interns its owner and the names in its rdata and chains the record to the owner. finish() then
 * sorts the names of the tree, plans (orders each name's records, drops duplicates, gives each name its place in the image), and writes
 * the image in one sequential pass in which every reference is known.
 */
#pragma once

#include "zone/builder.h"
#include "zone/builder_memory.h"
#include "zone/image.h"

#include <stdbool.h>

/* Beside ZONE_NODE_*, in build_name.flags only. */
enum {
    NAME_IN_TREE = 1u << 14,   /* exists in the zone: an owner or an empty non-terminal */
    NAME_IN_DENIAL = 1u << 15, /* in the list of NSEC3 owners */
};

/* A name, in builder->names. */
typedef struct build_name {
    uint64_t hash;
    uint32_t parent;  /* id; 0 for "." */
    uint32_t records; /* id of the last one added, after planning of the first in order; 0: none */
    zone_ref_t ref;   /* place in the image, after planning */
    uint16_t flags;
    uint8_t length;
    uint8_t labels;
    uint16_t rrset_count; /* after planning */
    uint8_t wire[];
} build_name_t;

/* A record, in builder->records. Names in data are ids of names where zone_rdata_shape() says so. */
typedef struct build_record {
    uint32_t next; /* the one added before, after planning the next in order; 0: none */
    uint32_t ttl_s;
    uint16_t type;
    uint16_t size; /* of data */
    uint8_t data[];
} build_record_t;

/* Where things will stand in the image. */
typedef struct build_plan {
    zone_image_t image; /* header as far as it is known */
    uint64_t size;      /* bytes so far */
    size_t slot_places; /* of the hash, without the empty one at its end */
    uint64_t cuts;      /* delegations that are seen */
    uint64_t visible;   /* names that are not occluded */
    uint32_t chain;     /* id of the NSEC3PARAM record whose chain is served; 0: none */
} build_plan_t;

struct zone_builder {
    region_t names;
    region_t records;
    id_list_t tree;   /* names of the tree, parents before children */
    id_list_t denial; /* NSEC3 owners */
    block_t slots;    /* collecting: hash of all names; finishing: work space, last the sorted slots of the image */
    uint32_t slot_count;
    uint32_t name_count;
    uint32_t apex; /* id */
    uint16_t rrclass;
    status_t failure; /* of an addition: what was collected is not whole; finish() gives it back */
    bool is_finished;
    id_list_t scratch; /* records of the name being planned */
    block_t canonical; /* two rdata, being compared */
    uint32_t last_owner;
    size_t last_owner_length;
    uint8_t last_owner_wire[NAME_WIRE_MAX]; /* as given */
    name_key_t key;
    build_plan_t plan;
};

static inline build_name_t *build_name(const zone_builder_t *builder, uint32_t id)
{
    return region_at(&builder->names, id);
}

static inline build_record_t *build_record(const zone_builder_t *builder, uint32_t id)
{
    return region_at(&builder->records, id);
}

enum { PREFETCH_NAMES = 12, PREFETCH_RECORDS = 6 };

/* For a loop over list in its order, which is seldom that of the memory: begins to load what comes soon. Always inlined, as gcc takes
 * calls of a function that only prefetches for calls without effect, and drops them. */
static inline __attribute__((always_inline)) void build_prefetch(const zone_builder_t *builder, const id_list_t *list, uint32_t at)
{
    if (at + PREFETCH_NAMES < list->count) {
        const uint32_t *ids = id_list_items(list) + at;
        __builtin_prefetch(build_name(builder, ids[PREFETCH_NAMES]));
        __builtin_prefetch(build_record(builder, build_name(builder, ids[PREFETCH_RECORDS])->records));
    }
}

/* The next name behind one in builder->names. */
static inline uint32_t build_name_behind(const build_name_t *name, uint32_t id)
{
    return id + (uint32_t)((offsetof(build_name_t, wire) + name->length + 7) / 8);
}

/* The type whose RRset a record belongs to: an RRSIG to that of the type it covers. */
static inline uint16_t build_record_rrset_type(const build_record_t *record)
{
    return record->type == TYPE_RRSIG ? (uint16_t)(record->data[0] << 8 | record->data[1]) : record->type;
}

/* builder_names.c: the id of builder->key's suffix of all labels; it and its ancestors are made if they are not there. STATUS_NO_MEMORY,
 * STATUS_LIMIT (size; names made to collide). */
status_t builder_intern(zone_builder_t *builder, uint32_t *id) MUST_USE;
/* Puts a name, which is at or below the apex, and its ancestors into the tree. STATUS_NO_MEMORY. */
status_t builder_enter_tree(zone_builder_t *builder, uint32_t id) MUST_USE;

/* builder_sort.c: sorts ids of names at or below the apex in canonical order. STATUS_NO_MEMORY. */
status_t builder_sort_names(zone_builder_t *builder, id_list_t *ids) MUST_USE;
/* Sorts by the upper half of each item; extra: room for as many items. */
void builder_sort_slots(uint64_t *items, uint64_t *extra, size_t count);

/* builder_plan.c. Statuses of zone_builder_finish(). */
status_t builder_plan(zone_builder_t *builder, zone_findings_t *findings) MUST_USE;
/* builder_records.c: orders the records of a name, drops duplicates, sets TTLs and counts RRsets; *size: bytes of its RRsets in the
 * image. STATUS_NO_MEMORY, STATUS_LIMIT (more than 65535 records in an RRset). */
status_t builder_plan_records(zone_builder_t *builder, build_name_t *name, zone_findings_t *findings, uint64_t *size) MUST_USE;

/* builder_denial.c: chooses the NSEC3 chain and counts its members, after the records are planned. */
void builder_plan_denial(zone_builder_t *builder, zone_findings_t *findings);
/* Writes the NSEC3 index, then to each name its NSEC3 owner. */
void builder_write_denial(const zone_builder_t *builder, zone_contents_t *contents);

/* builder_write.c. STATUS_NO_MEMORY. */
status_t builder_write(zone_builder_t *builder, const zone_contents_t **contents) MUST_USE;
