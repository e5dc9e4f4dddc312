#include "zone/diff.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { NODE_MEMORY_MAX = 1 << 30 };

/* One record of the name at hand, expanded. */
typedef struct flat_record {
    uint16_t type;
    uint16_t rrclass;
    uint32_t ttl_s;
    size_t length;
    uint8_t *rdata;
} flat_record_t;

/* One version of the zone, and the records of its current name. */
typedef struct side {
    const zone_contents_t *contents;
    uint64_t position;
    const zone_node_t *node;
    flat_record_t *records;
    size_t count;
    size_t capacity;
    arena_t arena;
} side_t;

typedef struct differ {
    side_t from;
    side_t to;
    status_t (*change)(void *context, const zone_change_t *change);
    void *context;
    uint8_t rdata[RDATA_MAX + 1];
} differ_t;

static status_t add_record(side_t *side, uint16_t type, const zone_rrset_t *rrset, uint8_t *rdata, size_t length)
{
    if (side->count == side->capacity) {
        size_t capacity = side->capacity ? side->capacity * 2 : 64;
        flat_record_t *larger = realloc(side->records, capacity * sizeof *larger);
        if (!larger) {
            return STATUS_NO_MEMORY;
        }
        side->records = larger;
        side->capacity = capacity;
    }
    rdata_canonicalize(type, rdata, length);
    flat_record_t *record = &side->records[side->count];
    *record = (flat_record_t){
        .type = type,
        .rrclass = load_be16(rrset->fixed + 2),
        .ttl_s = load_be32(rrset->fixed + 4),
        .length = length,
        .rdata = arena_alloc(&side->arena, length ? length : 1),
    };
    if (!record->rdata) {
        return STATUS_LIMIT;
    }
    memcpy(record->rdata, rdata, length);
    side->count++;
    return STATUS_OK;
}

static int compare_records(const void *a, const void *b)
{
    const flat_record_t *one = a;
    const flat_record_t *other = b;
    if (one->type != other->type) {
        return one->type < other->type ? -1 : 1;
    }
    int order = rdata_compare(one->rdata, one->length, other->rdata, other->length);
    if (order != 0) {
        return order;
    }
    return (one->ttl_s > other->ttl_s) - (one->ttl_s < other->ttl_s);
}

static status_t flatten(differ_t *differ, side_t *side)
{
    status_t status = STATUS_OK;
    arena_reset(&side->arena);
    side->count = 0;
    const zone_rrset_t *rrset = zone_node_first_rrset(side->node);
    for (unsigned i = 0; i < side->node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        const uint8_t *record = rrset->data;
        for (unsigned j = 0; j < rrset->count && status == STATUS_OK; j++) {
            size_t length = zone_record_rdata(side->contents, rrset, record, differ->rdata, &record);
            status = add_record(side, rrset->type, rrset, differ->rdata, length);
        }
        record = rrset->data + rrset->data_size;
        for (unsigned j = 0; j < rrset->signature_count && status == STATUS_OK; j++) {
            size_t length = load_be16(record);
            memcpy(differ->rdata, record + 2, length);
            status = add_record(side, TYPE_RRSIG, rrset, differ->rdata, length);
            record += 2 + length;
        }
    }
    if (side->count > 1) {
        qsort(side->records, side->count, sizeof side->records[0], compare_records);
    }
    return status;
}

static status_t report(differ_t *differ, const side_t *side, const flat_record_t *record)
{
    zone_change_t change = {
        .is_added = side == &differ->to,
        .owner = side->node->wire,
        .type = record->type,
        .rrclass = record->rrclass,
        .ttl_s = record->ttl_s,
        .rdata = record->rdata,
        .rdlength = record->length,
    };
    return differ->change(differ->context, &change);
}

static status_t merge_records(differ_t *differ)
{
    const side_t *from = &differ->from;
    const side_t *to = &differ->to;
    size_t i = 0;
    size_t j = 0;
    status_t status = STATUS_OK;
    while (status == STATUS_OK && (i < from->count || j < to->count)) {
        int order = i == from->count ? 1 : j == to->count ? -1 : compare_records(&from->records[i], &to->records[j]);
        if (order < 0) {
            status = report(differ, from, &from->records[i++]);
        } else if (order > 0) {
            status = report(differ, to, &to->records[j++]);
        } else {
            i++;
            j++;
        }
    }
    return status;
}

/* The order of zone_iterate(): the tree, then the owners of NSEC3. */
static int compare_nodes(const zone_node_t *a, const zone_node_t *b)
{
    int a_last = (a->flags & ZONE_NODE_NSEC3_OWNER) != 0;
    int b_last = (b->flags & ZONE_NODE_NSEC3_OWNER) != 0;
    return a_last != b_last ? a_last - b_last : name_compare(a->wire, b->wire);
}

static void advance(side_t *side)
{
    side->node = zone_iterate(side->contents, &side->position);
}

static status_t merge_names(differ_t *differ)
{
    side_t *from = &differ->from;
    side_t *to = &differ->to;
    status_t status = STATUS_OK;
    advance(from);
    advance(to);
    while (status == STATUS_OK && (from->node || to->node)) {
        int order = !from->node ? 1 : !to->node ? -1 : compare_nodes(from->node, to->node);
        from->count = 0;
        to->count = 0;
        if (order <= 0) {
            status = flatten(differ, from);
        }
        if (order >= 0 && status == STATUS_OK) {
            status = flatten(differ, to);
        }
        if (status == STATUS_OK) {
            status = merge_records(differ);
        }
        if (order <= 0) {
            advance(from);
        }
        if (order >= 0) {
            advance(to);
        }
    }
    return status;
}

status_t zone_diff(const zone_contents_t *from, const zone_contents_t *to, status_t (*change)(void *context, const zone_change_t *change),
                   void *context)
{
    differ_t *differ = calloc(1, sizeof *differ);
    if (!differ) {
        return STATUS_NO_MEMORY;
    }
    differ->from.contents = from;
    differ->to.contents = to;
    differ->change = change;
    differ->context = context;
    arena_init(&differ->from.arena, 0, NODE_MEMORY_MAX);
    arena_init(&differ->to.arena, 0, NODE_MEMORY_MAX);
    status_t status = merge_names(differ);
    arena_clear(&differ->from.arena);
    arena_clear(&differ->to.arena);
    free(differ->from.records);
    free(differ->to.records);
    free(differ);
    return status;
}
