#include "zone/contents.h"

#include "base/bytes.h"
#include "zone/image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void zone_contents_attach(zone_contents_t *contents)
{
    const zone_image_t *image = zone_image(contents);
    zone_contents_head_t *head = &contents->head;
    head->slots = zone_at(contents, image->slots);
    head->slot_count = image->slot_count;
    head->apex = image->apex;
    head->apex_labels = zone_node(contents, image->apex)->labels;
    head->walks_down = image->walks_down;
    head->has_nsec = image->has_nsec;
    head->has_nsec3 = image->has_nsec3;
    head->is_signed = image->is_signed;
    head->nsec3_salt_size = image->nsec3_salt_size;
    head->nsec3_iterations = image->nsec3_iterations;
    head->serial = image->serial;
    head->negative_ttl_s = image->negative_ttl_s;
    head->nsec3_salt = head->base + image->nsec3_salt;
}

/* ---- walking all nodes ---- */

static zone_ref_t behind_node(const zone_contents_t *contents, const zone_node_t *node)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned left = node->rrset_count; left > 0; left--) {
        rrset = zone_rrset_next(rrset);
    }
    return (zone_ref_t)(((const uint8_t *)rrset - contents->head.base) / ZONE_IMAGE_ALIGNMENT);
}

const zone_node_t *zone_iterate(const zone_contents_t *contents, uint64_t *position)
{
    const zone_image_t *image = zone_image(contents);
    zone_ref_t ref = *position == 0 ? image->apex : (zone_ref_t)*position;
    const zone_node_t *found = NULL;
    while (!found && ref < image->foreign_begin) {
        const zone_node_t *node = zone_node(contents, ref);
        found = node->rrset_count > 0 ? node : NULL;
        ref = behind_node(contents, node);
    }
    *position = ref;
    return found;
}

/* ---- records ---- */

size_t zone_record_rdata(const zone_contents_t *contents, const zone_rrset_t *rrset, const uint8_t *record, uint8_t *out,
                         const uint8_t **next)
{
    size_t stored = load_be16(record);
    const uint8_t *from = record + 2;
    if (next) {
        *next = from + stored;
    }
    if (!rrset->has_refs) {
        memcpy(out, from, stored);
        return stored;
    }
    zone_rdata_shape_t shape = zone_rdata_shape(rrset->type);
    uint8_t *to = out;
    memcpy(to, from, shape.prefix);
    to += shape.prefix;
    from += shape.prefix;
    for (unsigned i = 0; i < shape.names; i++, from += sizeof(zone_ref_t)) {
        const zone_node_t *name = zone_node(contents, zone_ref_load(from));
        memcpy(to, name->wire, name->length);
        to += name->length;
    }
    memcpy(to, from, shape.suffix);
    return (size_t)(to - out) + shape.suffix;
}

/* ---- life ---- */

/* The count is not part of what readers see as immutable. */
static atomic_uint *references(const zone_contents_t *contents)
{
    return (atomic_uint *)((uintptr_t)contents + offsetof(zone_contents_t, references));
}

const zone_contents_t *zone_contents_ref(const zone_contents_t *contents)
{
    unsigned before = atomic_fetch_add_explicit(references(contents), 1, memory_order_relaxed);
    REQUIRE(before > 0 && before < UINT32_MAX);
    return contents;
}

void zone_contents_unref(const zone_contents_t *contents)
{
    if (!contents || atomic_fetch_sub_explicit(references(contents), 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (contents->is_mapped) {
        munmap((void *)(uintptr_t)contents->head.base, zone_image(contents)->size);
    }
    free((void *)(uintptr_t)contents);
}

void zone_contents_statistics(const zone_contents_t *contents, zone_statistics_t *out)
{
    const zone_image_t *image = zone_image(contents);
    *out = (zone_statistics_t){.names = image->names, .rrsets = image->rrsets, .records = image->records, .bytes = image->size};
}
