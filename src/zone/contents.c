#include "zone/contents.h"
#include "dnssec/nsec3_hash.h"

#include "base/bytes.h"
#include "zone/image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Nearly every name that does not exist is right below the apex, and so is the wildcard that must be denied with it (RFC 4035 3.1.3.2, RFC
 * 5155 7.2.2): its proof is found once. */
static zone_ref_t find_apex_wildcard(const zone_contents_t *contents)
{
    const zone_contents_head_t *head = &contents->head;
    const zone_node_t *apex = zone_apex(contents);
    uint8_t wire[NAME_WIRE_MAX + 1 + NAME_PADDING] = {1, '*'};
    size_t length = apex->length + (size_t)2;
    const zone_node_t *denial = NULL;
    if (length > NAME_WIRE_MAX) {
        return 0;
    }
    memcpy(wire + 2, apex->wire, apex->length);
    if (head->has_nsec3) {
        nsec3_parameters_t parameters = {
            .salt = head->nsec3_salt, .salt_size = head->nsec3_salt_size, .iterations = head->nsec3_iterations};
        uint8_t hash[NSEC3_HASH_SIZE];
        bool matches;
        nsec3_hash(&parameters, wire, length, hash);
        denial = zone_nsec3_covering(contents, hash, &matches);
    } else if (head->has_nsec) {
        denial = zone_nsec_covering(contents, wire);
    }
    return denial ? zone_node_ref(contents, denial) : 0;
}

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
    head->apex_wildcard = find_apex_wildcard(contents);
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
