/* The image, written front to back: every place in it is known from planning. */
#include "base/bytes.h"
#include "base/require.h"
#include "zone/builder_state.h"
#include "zone/order.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* From here on an image is a mapping of its own: smaller ones share pages, and the system's limit on mappings (65,530) is not met by a
 * server of very many zones. */
enum { IMAGE_MAPPED = 1 << 20 };

/* Both zeroed, as padding must be. */
static zone_contents_t *contents_new(uint64_t size)
{
    bool is_mapped = size >= IMAGE_MAPPED;
    size_t head = zone_aligned(sizeof(zone_contents_t));
    zone_contents_t *contents = calloc(1, head + (is_mapped ? 0 : size));
    if (!contents) {
        return NULL;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    contents->is_mapped = is_mapped;
    contents->head.base = is_mapped ? image_map((size + page - 1) & ~(page - 1)) : (uint8_t *)contents + head;
    if (!contents->head.base) {
        free(contents);
        return NULL;
    }
    atomic_init(&contents->references, 1);
    return contents;
}

/* ---- nodes ---- */

static uint8_t *write_data(const zone_builder_t *builder, const build_record_t *record, uint8_t *to)
{
    store_be16(to, record->size);
    to += 2;
    if (record->size > 0) {
        memcpy(to, record->data, record->size);
    }
    zone_rdata_shape_t shape = zone_rdata_shape(record->type);
    uint8_t *at = to + shape.prefix;
    for (unsigned i = 0; i < shape.names; i++, at += sizeof(zone_ref_t)) {
        zone_ref_t ref = build_name(builder, zone_ref_load(at))->ref;
        memcpy(at, &ref, sizeof ref);
    }
    return to + record->size;
}

/* The records with this type from *id on; *id ends behind them. */
static uint8_t *write_records(const zone_builder_t *builder, uint32_t *id, uint16_t type, uint16_t rrset_type, uint8_t *to, uint16_t *count)
{
    for (; *id != 0; *id = build_record(builder, *id)->next) {
        const build_record_t *record = build_record(builder, *id);
        if (record->type != type || build_record_rrset_type(record) != rrset_type) {
            break;
        }
        to = write_data(builder, record, to);
        ++*count;
    }
    return to;
}

static uint8_t *write_rrset(const zone_builder_t *builder, uint32_t *id, uint8_t *to)
{
    const build_record_t *first = build_record(builder, *id);
    zone_rrset_t *rrset = (zone_rrset_t *)(void *)to;
    uint16_t type = build_record_rrset_type(first);
    rrset->type = type;
    rrset->has_refs = zone_rdata_shape(type).names > 0;
    store_be16(rrset->fixed, type);
    store_be16(rrset->fixed + 2, builder->rrclass);
    store_be32(rrset->fixed + 4, first->ttl_s);
    uint8_t *signatures = rrset->data;
    if (first->type != TYPE_RRSIG) {
        signatures = write_records(builder, id, type, type, rrset->data, &rrset->count);
    }
    uint8_t *end = write_records(builder, id, TYPE_RRSIG, type, signatures, &rrset->signature_count);
    rrset->data_size = (uint32_t)(signatures - rrset->data);
    rrset->signature_size = (uint32_t)(end - signatures);
    return to + zone_aligned(sizeof *rrset + (size_t)(end - rrset->data));
}

static void write_name(const zone_builder_t *builder, uint8_t *base, const build_name_t *name)
{
    uint8_t *to = base + (size_t)name->ref * ZONE_IMAGE_ALIGNMENT;
    zone_node_t *node = (zone_node_t *)(void *)to;
    node->parent = name->parent != 0 ? build_name(builder, name->parent)->ref : 0;
    node->flags = name->flags & (uint16_t) ~(NAME_IN_TREE | NAME_IN_DENIAL);
    node->rrset_count = name->rrset_count;
    node->length = name->length;
    node->labels = name->labels;
    memcpy(node->wire, name->wire, name->length);
    to += zone_aligned(sizeof *node + name->length);
    uint32_t id = name->records;
    for (unsigned left = name->rrset_count; left > 0; left--) {
        to = write_rrset(builder, &id, to);
    }
    REQUIRE(id == 0);
}

static void write_list(const zone_builder_t *builder, uint8_t *base, const id_list_t *list, bool in_tree)
{
    for (uint32_t i = 0; i < list->count; i++) {
        build_prefetch(builder, list, i);
        const build_name_t *name = build_name(builder, id_list_items(list)[i]);
        if ((name->flags & NAME_IN_TREE) == (in_tree ? NAME_IN_TREE : 0)) {
            write_name(builder, base, name);
        }
    }
}

static void write_foreign(const zone_builder_t *builder, uint8_t *base)
{
    uint32_t end = (uint32_t)(builder->names.used / 8);
    for (uint32_t id = 1; id < end;) {
        const build_name_t *name = build_name(builder, id);
        if (name->flags & ZONE_NODE_FOREIGN) {
            write_name(builder, base, name);
        }
        id = build_name_behind(name, id);
    }
}

/* ---- indexes and header ---- */

/* Sorted slots, each at its home or, where that is taken, behind those before it. */
static void write_slots(const zone_builder_t *builder, uint8_t *base)
{
    const build_plan_t *plan = &builder->plan;
    const uint64_t *items = (const uint64_t *)(const void *)builder->slots.base;
    uint64_t *slots = (uint64_t *)(void *)(base + (size_t)plan->image.slots * ZONE_IMAGE_ALIGNMENT);
    size_t place = 0;
    for (uint32_t i = 0; i < builder->tree.count; i++) {
        size_t home = zone_slot_home(items[i], plan->image.slot_count);
        for (; place < home; place++) {
            slots[place] = ZONE_SLOT_EMPTY;
        }
        slots[place++] = items[i];
    }
    for (; place <= plan->slot_places; place++) {
        slots[place] = ZONE_SLOT_EMPTY;
    }
}

static void write_nsec(const zone_builder_t *builder, uint8_t *base)
{
    const zone_index_t *index = &builder->plan.image.nsec;
    uint64_t *keys = (uint64_t *)(void *)(base + (size_t)index->keys * ZONE_IMAGE_ALIGNMENT);
    zone_ref_t *refs = (zone_ref_t *)(void *)(base + (size_t)index->refs * ZONE_IMAGE_ALIGNMENT);
    unsigned apex_labels = build_name(builder, builder->apex)->labels;
    for (uint32_t i = 0, at = 0; i < builder->tree.count && at < index->count; i++) {
        const build_name_t *name = build_name(builder, id_list_items(&builder->tree)[i]);
        if (name->flags & ZONE_NODE_NSEC) {
            keys[at] = zone_order_key(name->wire, apex_labels, 0);
            refs[at++] = name->ref;
        }
    }
}

/* Where the salt of the served chain stands: in the NSEC3PARAM record of the apex, behind its 5 octets of other fields. */
static void locate_chain(const zone_builder_t *builder, zone_contents_t *contents, zone_image_t *image)
{
    const zone_rrset_t *rrset = zone_node_find(zone_node(contents, image->apex), TYPE_NSEC3PARAM);
    const build_record_t *chain = build_record(builder, builder->plan.chain);
    const uint8_t *record = rrset->data;
    while (load_be16(record) != chain->size || memcmp(record + 2, chain->data, chain->size) != 0) {
        record += 2 + load_be16(record);
        REQUIRE(record < rrset->data + rrset->data_size);
    }
    image->has_nsec3 = 1;
    image->nsec3_iterations = load_be16(record + 4);
    image->nsec3_salt_size = record[6];
    image->nsec3_salt = (uint64_t)(record + 7 - contents->head.base);
}

static void write_header(const zone_builder_t *builder, zone_contents_t *contents, zone_image_t *image)
{
    *image = builder->plan.image;
    image->magic = ZONE_IMAGE_MAGIC;
    image->version = ZONE_IMAGE_VERSION;
    image->header_size = sizeof *image;
    image->size = builder->plan.size;
    image->apex = build_name(builder, builder->apex)->ref;
    image->rrclass = builder->rrclass;
    image->walks_down = 2 * builder->plan.cuts > builder->plan.visible;
    const zone_node_t *apex = zone_node(contents, image->apex);
    const zone_rrset_t *rrset = zone_node_first_rrset(apex);
    for (unsigned left = apex->rrset_count; left > 0; left--, rrset = zone_rrset_next(rrset)) {
        image->is_signed |= rrset->signature_count > 0;
    }
    image->has_nsec = (apex->flags & ZONE_NODE_NSEC) != 0;
    if (builder->plan.chain != 0) {
        locate_chain(builder, contents, image);
    }
}

/* Published contents never change: a stray write shall show at once. A refusal changes nothing for readers. */
static void protect(const zone_contents_t *contents)
{
    if (contents->is_mapped) {
        int ignored = mprotect((void *)(uintptr_t)contents->head.base, zone_image(contents)->size, PROT_READ);
        (void)ignored;
    }
}

status_t builder_write(zone_builder_t *builder, const zone_contents_t **contents)
{
    build_plan_t *plan = &builder->plan;
    zone_contents_t *fresh = contents_new(plan->size);
    if (!fresh) {
        return STATUS_NO_MEMORY;
    }
    uint8_t *base = (uint8_t *)(uintptr_t)fresh->head.base;
    write_list(builder, base, &builder->tree, true);
    write_list(builder, base, &builder->denial, false);
    write_foreign(builder, base);
    write_slots(builder, base);
    write_nsec(builder, base);
    write_header(builder, fresh, (zone_image_t *)(void *)base);
    builder_write_denial(builder, fresh);
    zone_contents_attach(fresh);
    protect(fresh);
    *contents = fresh;
    return STATUS_OK;
}
