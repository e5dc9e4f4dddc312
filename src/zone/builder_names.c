/* Interning: every name that is spoken of, once. */
#include "base/require.h"
#include "zone/builder_state.h"

#include <string.h>

enum { SLOTS_FIRST = 64 };

/* Slots hold {tag, id}, 0 where empty. Their place goes by the same part of the hash as in the image, so that names which would crowd
 * there are found out here (ZONE_PROBES_MAX). */
static uint64_t *slot_find(const zone_builder_t *builder, uint64_t hash, const uint8_t *wire, size_t length)
{
    uint64_t *slots = (uint64_t *)(void *)builder->slots.base;
    uint64_t tag = zone_slot_tag(hash);
    uint32_t at = (uint32_t)zone_slot_home(tag, builder->slot_count);
    for (unsigned probes = 0; probes < ZONE_PROBES_MAX; probes++) {
        uint64_t *slot = slots + at;
        if (*slot == 0) {
            return slot;
        }
        if ((*slot ^ tag) >> 32 == 0) {
            const build_name_t *name = build_name(builder, (uint32_t)*slot);
            if (name->length == length && memcmp(name->wire, wire, length) == 0) {
                return slot;
            }
        }
        at = at + 1 < builder->slot_count ? at + 1 : 0;
    }
    return NULL;
}

static void slot_refill(uint64_t *slots, uint32_t slot_count, uint64_t slot)
{
    uint32_t at = (uint32_t)zone_slot_home(slot, slot_count);
    while (slots[at] != 0) {
        at = at + 1 < slot_count ? at + 1 : 0;
    }
    slots[at] = slot;
}

/* The names themselves say what was in the table: it grows in place and is filled anew. */
static status_t slots_grow(zone_builder_t *builder)
{
    uint64_t wanted = builder->slot_count > 0 ? 2 * (uint64_t)builder->slot_count : SLOTS_FIRST;
    if (wanted > UINT32_MAX) {
        return STATUS_LIMIT;
    }
    status_t status = block_resize(&builder->slots, wanted * sizeof(uint64_t));
    if (status != STATUS_OK) {
        return status;
    }
    uint64_t *slots = (uint64_t *)(void *)builder->slots.base;
    memset(slots, 0, wanted * sizeof *slots);
    builder->slot_count = (uint32_t)wanted;
    uint32_t end = (uint32_t)(builder->names.used / 8);
    for (uint32_t id = 1; id < end;) {
        const build_name_t *name = build_name(builder, id);
        slot_refill(slots, builder->slot_count, zone_slot_tag(name->hash) | id);
        id = build_name_behind(name, id);
    }
    return STATUS_OK;
}

static status_t make_name(zone_builder_t *builder, unsigned labels, uint64_t *slot, uint32_t *id)
{
    const name_key_t *key = &builder->key;
    size_t length = (size_t)key->length - key->offset[labels];
    status_t status = region_take(&builder->names, offsetof(build_name_t, wire) + length, id);
    if (status != STATUS_OK) {
        return status;
    }
    build_name_t *name = build_name(builder, *id);
    *name = (build_name_t){.hash = key->hash[labels], .length = (uint8_t)length, .labels = (uint8_t)labels};
    memcpy(name->wire, key->wire + key->offset[labels], length);
    *slot = zone_slot_tag(name->hash) | *id;
    builder->name_count++;
    return STATUS_OK;
}

status_t builder_intern(zone_builder_t *builder, uint32_t *id)
{
    const name_key_t *key = &builder->key;
    /* At most 3 in 4 slots in use. */
    while ((uint64_t)builder->name_count + key->labels + 1 > (uint64_t)builder->slot_count / 4 * 3) {
        status_t status = slots_grow(builder);
        if (status != STATUS_OK) {
            return status;
        }
    }
    uint32_t child = 0;
    for (unsigned labels = key->labels + 1u; labels-- > 0;) {
        uint64_t *slot = slot_find(builder, key->hash[labels], key->wire + key->offset[labels], (size_t)key->length - key->offset[labels]);
        if (!slot) {
            return STATUS_LIMIT;
        }
        bool is_new = *slot == 0;
        uint32_t this_id = (uint32_t)*slot;
        status_t status = is_new ? make_name(builder, labels, slot, &this_id) : STATUS_OK;
        if (status != STATUS_OK) {
            return status;
        }
        if (child != 0) {
            build_name(builder, child)->parent = this_id;
        } else {
            *id = this_id;
        }
        if (!is_new) {
            break;
        }
        child = this_id;
    }
    return STATUS_OK;
}

status_t builder_enter_tree(zone_builder_t *builder, uint32_t id)
{
    uint32_t missing[NAME_LABELS_MAX + 1];
    unsigned count = 0;
    for (; !(build_name(builder, id)->flags & NAME_IN_TREE); id = build_name(builder, id)->parent) {
        REQUIRE(count <= NAME_LABELS_MAX);
        missing[count++] = id;
        if (id == builder->apex) {
            break;
        }
    }
    /* Parents first: sorted input gives a sorted list. */
    while (count > 0) {
        status_t status = id_list_append(&builder->tree, missing[--count]);
        if (status != STATUS_OK) {
            return status;
        }
        build_name(builder, missing[count])->flags |= NAME_IN_TREE;
    }
    return STATUS_OK;
}
