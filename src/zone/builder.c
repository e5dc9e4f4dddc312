/* Collecting: what is added is interned and chained to its owner. */
#include "zone/builder.h"

#include "base/bytes.h"
#include "base/require.h"
#include "zone/builder_state.h"

#include <stdlib.h>
#include <string.h>

enum { RRSIG_SIZE_MIN = 19 }; /* RFC 4034 3.1, with a root signer and no signature yet */

zone_builder_t *zone_builder_new(const uint8_t *apex, uint16_t rrclass)
{
    zone_builder_t *builder = calloc(1, sizeof *builder);
    if (!builder) {
        return NULL;
    }
    builder->rrclass = rrclass;
    name_key_init(&builder->key, apex, name_length(apex));
    if (builder_intern(builder, &builder->apex) != STATUS_OK || builder_enter_tree(builder, builder->apex) != STATUS_OK) {
        zone_builder_free(builder);
        return NULL;
    }
    return builder;
}

void zone_builder_free(zone_builder_t *builder)
{
    if (!builder) {
        return;
    }
    region_free(&builder->names);
    region_free(&builder->records);
    id_list_free(&builder->tree);
    id_list_free(&builder->denial);
    id_list_free(&builder->scratch);
    block_free(&builder->slots);
    block_free(&builder->canonical);
    free(builder);
}

static bool key_is_in_zone(const zone_builder_t *builder)
{
    const build_name_t *apex = build_name(builder, builder->apex);
    const name_key_t *key = &builder->key;
    return key->labels >= apex->labels && key->hash[apex->labels] == apex->hash &&
           memcmp(key->wire + key->offset[apex->labels], apex->wire, apex->length) == 0;
}

/* STATUS_NOT_FOUND: out of the zone. Zone files and transfers mostly have an owner's records together: the last one is known. */
static status_t intern_owner(zone_builder_t *builder, const uint8_t *owner, uint32_t *id)
{
    size_t length = name_length(owner);
    if (length == builder->last_owner_length && memcmp(owner, builder->last_owner_wire, length) == 0) {
        *id = builder->last_owner;
        return STATUS_OK;
    }
    name_key_init(&builder->key, owner, length);
    if (!key_is_in_zone(builder)) {
        return STATUS_NOT_FOUND;
    }
    status_t status = builder_intern(builder, id);
    if (status == STATUS_OK) {
        builder->last_owner = *id;
        builder->last_owner_length = length;
        memcpy(builder->last_owner_wire, owner, length);
    }
    return status;
}

/* Writes the stored form of rdata with names into stored (prefix, ids, suffix). STATUS_INVALID: not of this shape. */
static status_t store_names(zone_builder_t *builder, zone_rdata_shape_t shape, byte_reader_t *rdata, byte_writer_t *stored)
{
    const uint8_t *prefix = byte_read(rdata, shape.prefix);
    if (!prefix) {
        return STATUS_INVALID;
    }
    byte_write(stored, prefix, shape.prefix);
    for (unsigned i = 0; i < shape.names; i++) {
        size_t length = name_key_read(&builder->key, rdata->data + rdata->position, byte_reader_left(rdata));
        if (length == 0 || !byte_read(rdata, length)) {
            return STATUS_INVALID;
        }
        uint32_t id;
        status_t status = builder_intern(builder, &id);
        if (status != STATUS_OK) {
            return status;
        }
        byte_write(stored, &id, sizeof id);
    }
    if (byte_reader_left(rdata) != shape.suffix) {
        return STATUS_INVALID;
    }
    byte_write(stored, rdata->data + rdata->position, shape.suffix);
    return STATUS_OK;
}

static status_t add_record(zone_builder_t *builder, uint16_t type, uint32_t ttl_s, byte_reader_t *rdata, uint32_t *id)
{
    uint8_t with_names[2 + 2 * sizeof(zone_ref_t) + 20];
    const uint8_t *data = rdata->data;
    size_t size = rdata->size;
    zone_rdata_shape_t shape = zone_rdata_shape(type);
    if (shape.names > 0) {
        byte_writer_t stored = byte_writer(with_names, sizeof with_names);
        status_t status = store_names(builder, shape, rdata, &stored);
        if (status != STATUS_OK) {
            return status;
        }
        data = with_names;
        size = stored.position;
    }
    status_t status = region_take(&builder->records, offsetof(build_record_t, data) + size, id);
    if (status != STATUS_OK) {
        return status;
    }
    build_record_t *record = build_record(builder, *id);
    record->ttl_s = ttl_s;
    record->type = type;
    record->size = (uint16_t)size;
    if (size > 0) {
        memcpy(record->data, data, size);
    }
    return STATUS_OK;
}

/* NSEC3 and what signs it do not make a name exist (RFC 5155 7.2.8): their owners are listed apart. */
static status_t enter(zone_builder_t *builder, uint32_t owner, uint16_t rrset_type)
{
    uint16_t wanted = rrset_type == TYPE_NSEC3 ? NAME_IN_DENIAL : NAME_IN_TREE;
    build_name_t *name = build_name(builder, owner);
    if (name->flags & wanted) {
        return STATUS_OK;
    }
    if (wanted == NAME_IN_TREE) {
        return builder_enter_tree(builder, owner);
    }
    name->flags |= NAME_IN_DENIAL;
    return id_list_append(&builder->denial, owner);
}

static status_t add(zone_builder_t *builder, uint32_t owner, uint16_t type, uint32_t ttl_s, byte_reader_t *rdata)
{
    uint32_t id;
    status_t status = add_record(builder, type, ttl_s, rdata, &id);
    if (status != STATUS_OK) {
        return status;
    }
    build_record_t *record = build_record(builder, id);
    build_name_t *name = build_name(builder, owner);
    record->next = name->records;
    name->records = id;
    return enter(builder, owner, build_record_rrset_type(record));
}

status_t zone_builder_add(zone_builder_t *builder, const uint8_t *owner, uint16_t type, uint16_t rrclass, uint32_t ttl_s,
                          const uint8_t *rdata, size_t rdlength, zone_findings_t *findings)
{
    REQUIRE(!builder->is_finished);
    if (builder->failure != STATUS_OK) {
        return builder->failure;
    }
    if (rrclass != builder->rrclass) {
        if (findings) {
            char is[RRTYPE_TEXT_MAX];
            char wanted[RRTYPE_TEXT_MAX];
            rrclass_to_text(rrclass, is);
            rrclass_to_text(builder->rrclass, wanted);
            zone_findings_add(findings, DIAGNOSTIC_ERROR, "wrong-class", owner, type, NULL, "class %s in a zone of class %s", is, wanted);
        }
        return STATUS_INVALID;
    }
    if (rdlength > UINT16_MAX || (type == TYPE_RRSIG && rdlength < RRSIG_SIZE_MIN)) {
        if (findings) {
            zone_findings_add(findings, DIAGNOSTIC_ERROR, "bad-rdata", owner, type, NULL, "rdata of %zu bytes", rdlength);
        }
        return STATUS_INVALID;
    }
    uint32_t owner_id;
    status_t status = intern_owner(builder, owner, &owner_id);
    if (status == STATUS_NOT_FOUND) {
        if (findings) {
            zone_findings_add(findings, DIAGNOSTIC_WARNING, "out-of-zone", owner, type, NULL, "not in this zone, left out");
        }
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        byte_reader_t reader = byte_reader(rdata, rdlength);
        status = add(builder, owner_id, type, ttl_s, &reader);
    }
    if (status == STATUS_INVALID && findings) {
        zone_findings_add(findings, DIAGNOSTIC_ERROR, "bad-rdata", owner, type, NULL, "rdata that does not fit its type");
    }
    if (status != STATUS_OK && status != STATUS_INVALID) {
        builder->failure = status;
    }
    return status;
}

status_t zone_builder_finish(zone_builder_t *builder, zone_findings_t *findings, const zone_contents_t **contents)
{
    REQUIRE(!builder->is_finished);
    builder->is_finished = true;
    if (builder->failure != STATUS_OK) {
        return builder->failure;
    }
    status_t status = builder_sort_names(builder, &builder->tree);
    if (status == STATUS_OK) {
        status = builder_sort_names(builder, &builder->denial);
    }
    if (status == STATUS_OK) {
        status = builder_plan(builder, findings);
    }
    return status == STATUS_OK ? builder_write(builder, contents) : status;
}
