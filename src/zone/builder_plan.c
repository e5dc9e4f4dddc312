/* Planning: flags and places of all names, and the size of the image. */
#include "base/bytes.h"
#include "base/require.h"
#include "zone/builder_state.h"

/* In 100 home places so many names: 11.4 bytes a name; 2.2 slots touched on average, by a hit as by a miss (image.h invariant 2). */
enum { SLOTS_FILLED_PERCENT = 70 };

static status_t take_place(build_plan_t *plan, uint64_t size, zone_ref_t *ref)
{
    if (plan->size + size > REGION_MAX) {
        return STATUS_LIMIT;
    }
    *ref = (zone_ref_t)(plan->size / ZONE_IMAGE_ALIGNMENT);
    plan->size += zone_aligned(size);
    return STATUS_OK;
}

static status_t place_name(build_plan_t *plan, build_name_t *name, uint64_t rrsets_size)
{
    plan->image.names += name->rrset_count > 0;
    return take_place(plan, zone_aligned(sizeof(zone_node_t) + name->length) + rrsets_size, &name->ref);
}

/* Parents come first in canonical order: what they are is known. */
static status_t plan_tree_name(zone_builder_t *builder, uint32_t id, zone_findings_t *findings)
{
    build_plan_t *plan = &builder->plan;
    build_name_t *name = build_name(builder, id);
    uint64_t size;
    status_t status = builder_plan_records(builder, name, findings, &size);
    if (status != STATUS_OK) {
        return status;
    }
    if (id == builder->apex) {
        name->flags |= ZONE_NODE_APEX;
    } else {
        build_name_t *parent = build_name(builder, name->parent);
        if (parent->flags & (ZONE_NODE_OCCLUDED | ZONE_NODE_CUT | ZONE_NODE_DNAME)) {
            name->flags |= ZONE_NODE_OCCLUDED;
        }
        if (name_is_wildcard(name->wire)) {
            parent->flags |= ZONE_NODE_WILDCARD_CHILD;
        }
    }
    if (!(name->flags & ZONE_NODE_OCCLUDED)) {
        plan->visible++;
        plan->cuts += name->flags & ZONE_NODE_CUT ? 1 : 0;
    }
    plan->image.nsec.count += name->flags & ZONE_NODE_NSEC ? 1 : 0;
    return place_name(plan, name, size);
}

static status_t plan_tree(zone_builder_t *builder, zone_findings_t *findings)
{
    const uint32_t *ids = id_list_items(&builder->tree);
    status_t status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < builder->tree.count; i++) {
        build_prefetch(builder, &builder->tree, i);
        status = plan_tree_name(builder, ids[i], findings);
    }
    builder->plan.image.denial_begin = (zone_ref_t)(builder->plan.size / ZONE_IMAGE_ALIGNMENT);
    return status;
}

static status_t plan_denial_names(zone_builder_t *builder, zone_findings_t *findings)
{
    const uint32_t *ids = id_list_items(&builder->denial);
    status_t status = STATUS_OK;
    for (uint32_t i = 0; status == STATUS_OK && i < builder->denial.count; i++) {
        build_prefetch(builder, &builder->denial, i);
        build_name_t *name = build_name(builder, ids[i]);
        if (name->flags & NAME_IN_TREE) {
            continue;
        }
        uint64_t size;
        status = builder_plan_records(builder, name, findings, &size);
        if (status == STATUS_OK) {
            status = place_name(&builder->plan, name, size);
        }
    }
    builder->plan.image.foreign_begin = (zone_ref_t)(builder->plan.size / ZONE_IMAGE_ALIGNMENT);
    return status;
}

static status_t plan_foreign_names(zone_builder_t *builder)
{
    status_t status = STATUS_OK;
    uint32_t end = (uint32_t)(builder->names.used / 8);
    for (uint32_t id = 1; status == STATUS_OK && id < end;) {
        build_name_t *name = build_name(builder, id);
        if (!(name->flags & (NAME_IN_TREE | NAME_IN_DENIAL))) {
            name->flags |= ZONE_NODE_FOREIGN;
            status = place_name(&builder->plan, name, 0);
        }
        id = build_name_behind(name, id);
    }
    builder->plan.image.foreign_end = (zone_ref_t)(builder->plan.size / ZONE_IMAGE_ALIGNMENT);
    return status;
}

/* RFC 1035 5.2, RFC 2308 3. */
static status_t plan_soa(zone_builder_t *builder, zone_findings_t *findings)
{
    const build_name_t *apex = build_name(builder, builder->apex);
    const build_record_t *soa = NULL;
    unsigned count = 0;
    for (uint32_t id = apex->records; id != 0; id = build_record(builder, id)->next) {
        if (build_record(builder, id)->type == TYPE_SOA) {
            soa = count++ == 0 ? build_record(builder, id) : soa;
        }
    }
    if (count != 1) {
        if (findings) {
            zone_findings_add(findings, DIAGNOSTIC_ERROR, count == 0 ? "no-soa" : "multiple-soa", apex->wire, TYPE_SOA, NULL,
                              count == 0 ? "the zone has no SOA record" : "the zone has %u different SOA records", count);
        }
        return STATUS_INVALID;
    }
    const uint8_t *numbers = soa->data + 2 * sizeof(zone_ref_t);
    uint32_t minimum_s = load_be32(numbers + 16);
    builder->plan.image.serial = load_be32(numbers);
    builder->plan.image.negative_ttl_s = soa->ttl_s < minimum_s ? soa->ttl_s : minimum_s;
    return STATUS_OK;
}

/* ---- the hash ---- */

/* Places that sorted slots take when each stands at its home or, where that is taken, behind those before it. */
static size_t places_needed(const uint64_t *items, size_t count, uint32_t homes, bool *crowded)
{
    uint64_t place = 0;  /* next free one */
    unsigned equals = 0; /* slots before this one with its tag */
    for (size_t i = 0; i < count; i++) {
        uint64_t home = zone_slot_home(items[i], homes);
        equals = i > 0 && zone_slot_tag(items[i] ^ items[i - 1]) == 0 ? equals + 1 : 0;
        *crowded = *crowded || equals >= ZONE_COLLISIONS_MAX || (place > home && place - home >= ZONE_PROBES_MAX);
        place = (place > home ? place : home) + 1;
    }
    return place > homes ? place : homes;
}

static status_t plan_slots(zone_builder_t *builder)
{
    build_plan_t *plan = &builder->plan;
    size_t count = builder->tree.count;
    uint64_t homes = (uint64_t)count * 100 / SLOTS_FILLED_PERCENT + 1;
    status_t status = homes > UINT32_MAX ? STATUS_LIMIT : block_resize(&builder->slots, 2 * count * sizeof(uint64_t));
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t *items = (uint64_t *)(void *)builder->slots.base;
    for (uint32_t i = 0; i < count; i++) {
        build_prefetch(builder, &builder->tree, i);
        const build_name_t *name = build_name(builder, id_list_items(&builder->tree)[i]);
        items[i] = zone_slot_tag(name->hash) | name->ref;
    }
    builder_sort_slots(items, items + count, count);
    status = block_resize(&builder->slots, count * sizeof *items);
    if (status != STATUS_OK) {
        return status;
    }
    items = (uint64_t *)(void *)builder->slots.base;
    bool crowded = false;
    plan->slot_places = places_needed(items, count, (uint32_t)homes, &crowded);
    plan->image.slot_count = (uint32_t)homes;
    return crowded ? STATUS_LIMIT : take_place(plan, (plan->slot_places + 1) * sizeof(uint64_t), &plan->image.slots);
}

static status_t plan_index(build_plan_t *plan, zone_index_t *index)
{
    status_t status = take_place(plan, (uint64_t)index->count * sizeof(uint64_t), &index->keys);
    if (status == STATUS_OK) {
        status = take_place(plan, (uint64_t)index->count * sizeof(zone_ref_t), &index->refs);
    }
    if (status == STATUS_OK && index->bucket_count > 0) {
        status = take_place(plan, ((uint64_t)index->bucket_count + 1) * sizeof(uint32_t), &index->buckets);
    }
    return status;
}

/* All findings of all names come before the answer whether the zone can be used. */
status_t builder_plan(zone_builder_t *builder, zone_findings_t *findings)
{
    build_plan_t *plan = &builder->plan;
    plan->size = sizeof(zone_image_t);
    status_t status = plan_tree(builder, findings);
    if (status == STATUS_OK) {
        status = plan_denial_names(builder, findings);
    }
    if (status == STATUS_OK) {
        status = plan_soa(builder, findings);
    }
    if (status == STATUS_OK) {
        status = plan_foreign_names(builder);
    }
    if (status == STATUS_OK) {
        builder_plan_denial(builder, findings);
        status = plan_slots(builder);
    }
    if (status == STATUS_OK) {
        status = plan_index(plan, &plan->image.nsec);
    }
    if (status == STATUS_OK) {
        status = plan_index(plan, &plan->image.nsec3);
    }
    return status;
}
