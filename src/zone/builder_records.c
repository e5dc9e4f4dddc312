/* The records of one name: canonical order, duplicates, TTLs, and the room they take. */
#include "base/bytes.h"
#include "wire/rdata.h"
#include "zone/builder_state.h"

#include <stdlib.h>
#include <string.h>

enum { INSERTION_MAX = 16, ID_SIZE = sizeof(uint32_t) };

/* ---- order ---- */

static int compare_octets(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    size_t shorter = a_size < b_size ? a_size : b_size;
    int order = shorter > 0 ? memcmp(a, b, shorter) : 0;
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* As rdata on the wire, RFC 4034 6.3; the names in it are lower case. */
static int compare_with_names(const zone_builder_t *builder, zone_rdata_shape_t shape, const uint8_t *a, const uint8_t *b)
{
    int order = memcmp(a, b, shape.prefix);
    a += shape.prefix;
    b += shape.prefix;
    for (unsigned i = 0; order == 0 && i < shape.names; i++, a += ID_SIZE, b += ID_SIZE) {
        uint32_t a_id = zone_ref_load(a);
        uint32_t b_id = zone_ref_load(b);
        if (a_id != b_id) {
            const build_name_t *a_name = build_name(builder, a_id);
            const build_name_t *b_name = build_name(builder, b_id);
            order = compare_octets(a_name->wire, a_name->length, b_name->wire, b_name->length);
        }
    }
    return order != 0 ? order : memcmp(a, b, shape.suffix);
}

/* Types whose canonical form is not what is stored: names in rdata keep their case, and are compared without (RFC 4034 6.2). */
static bool is_compared_downcased(uint16_t type)
{
    const rrtype_info_t *info = zone_rdata_shape(type).names == 0 ? rrtype_info(type) : NULL;
    return info && (info->flags & RRTYPE_DOWNCASED);
}

static int compare_downcased(const zone_builder_t *builder, const build_record_t *a, const build_record_t *b)
{
    uint8_t *a_copy = builder->canonical.base;
    uint8_t *b_copy = a_copy + a->size;
    memcpy(a_copy, a->data, a->size);
    memcpy(b_copy, b->data, b->size);
    rdata_canonicalize(a->type, a_copy, a->size);
    rdata_canonicalize(b->type, b_copy, b->size);
    return compare_octets(a_copy, a->size, b_copy, b->size);
}

/* RRsets by type, in each the records, then the signatures. */
static uint32_t group_of(const build_record_t *record)
{
    return (uint32_t)build_record_rrset_type(record) << 1 | (record->type == TYPE_RRSIG);
}

static int compare_rdata(const zone_builder_t *builder, const build_record_t *a, const build_record_t *b)
{
    zone_rdata_shape_t shape = zone_rdata_shape(a->type);
    if (shape.names > 0) {
        return compare_with_names(builder, shape, a->data, b->data);
    }
    return is_compared_downcased(a->type) ? compare_downcased(builder, a, b) : compare_octets(a->data, a->size, b->data, b->size);
}

static int compare_ids(const void *a_id, const void *b_id, void *context)
{
    const zone_builder_t *builder = context;
    uint32_t a_number = *(const uint32_t *)a_id;
    uint32_t b_number = *(const uint32_t *)b_id;
    const build_record_t *a = build_record(builder, a_number);
    const build_record_t *b = build_record(builder, b_number);
    uint32_t a_group = group_of(a);
    uint32_t b_group = group_of(b);
    if (a_group != b_group) {
        return a_group < b_group ? -1 : 1;
    }
    int order = compare_rdata(builder, a, b);
    return order != 0 ? order : (a_number > b_number) - (a_number < b_number);
}

static void sort_records(zone_builder_t *builder, uint32_t *ids, size_t count)
{
    if (count > INSERTION_MAX) {
        qsort_r(ids, count, sizeof *ids, compare_ids, builder);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        uint32_t id = ids[i];
        size_t to = i;
        for (; to > 0 && compare_ids(&ids[to - 1], &id, builder) > 0; to--) {
            ids[to] = ids[to - 1];
        }
        ids[to] = id;
    }
}

/* The records of a name in order of addition, and room to compare those that need it. */
static status_t collect(zone_builder_t *builder, const build_name_t *name)
{
    id_list_t *list = &builder->scratch;
    list->count = 0;
    bool needs_room = false;
    for (uint32_t id = name->records; id != 0; id = build_record(builder, id)->next) {
        status_t status = id_list_append(list, id);
        if (status != STATUS_OK) {
            return status;
        }
        needs_room = needs_room || is_compared_downcased(build_record(builder, id)->type);
    }
    uint32_t *ids = id_list_items(list);
    for (uint32_t i = 0, j = list->count; i + 1 < j--; i++) {
        uint32_t swap = ids[i];
        ids[i] = ids[j];
        ids[j] = swap;
    }
    return needs_room && builder->canonical.size == 0 ? block_resize(&builder->canonical, (size_t)2 * RDATA_MAX) : STATUS_OK;
}

/* ---- RRsets ---- */

typedef struct group {
    uint32_t begin;
    uint32_t end;
    uint32_t first; /* id of the one added first */
    uint32_t size;  /* bytes in the image */
} group_t;

static void report(zone_findings_t *findings, const char *code, const build_name_t *name, uint16_t type, const char *message)
{
    if (findings) {
        zone_findings_add(findings, DIAGNOSTIC_WARNING, code, name->wire, type, NULL, "%s", message);
    }
}

/* Goes over the records with the same group as the one at `begin`, dropping duplicates. */
static group_t take_group(zone_builder_t *builder, const build_name_t *name, uint32_t begin, zone_findings_t *findings)
{
    uint32_t *ids = id_list_items(&builder->scratch);
    uint32_t count = builder->scratch.count;
    const build_record_t *last = build_record(builder, ids[begin]);
    uint32_t of = group_of(last);
    group_t group = {.begin = begin, .end = begin + 1, .first = ids[begin], .size = 2u + last->size};
    uint32_t from = begin + 1;
    for (; from < count; from++) {
        const build_record_t *record = build_record(builder, ids[from]);
        if (group_of(record) != of) {
            break;
        }
        if (compare_rdata(builder, last, record) == 0) {
            report(findings, "duplicate-record", name, record->type, "the same record stands twice; one is kept");
            continue;
        }
        group.first = ids[from] < group.first ? ids[from] : group.first;
        group.size += 2u + record->size;
        ids[group.end++] = ids[from];
        last = record;
    }
    if (from > group.end) {
        memmove(ids + group.end, ids + from, (count - from) * sizeof *ids);
        builder->scratch.count -= from - group.end;
    }
    return group;
}

static bool set_ttl(zone_builder_t *builder, const group_t *group, uint32_t ttl_s)
{
    bool same = true;
    for (uint32_t i = group->begin; i < group->end; i++) {
        build_record_t *record = build_record(builder, id_list_items(&builder->scratch)[i]);
        same = same && record->ttl_s == ttl_s;
        record->ttl_s = ttl_s;
    }
    return same;
}

/* RFC 2181 5.2: one TTL for an RRset; RFC 4034 3: its signatures have the same. */
static void plan_ttls(zone_builder_t *builder, const build_name_t *name, const group_t *data, const group_t *signatures,
                      zone_findings_t *findings)
{
    bool has_data = data->end > data->begin;
    uint32_t first = has_data ? data->first : signatures->first;
    const build_record_t *record = build_record(builder, first);
    uint32_t ttl_s = record->ttl_s;
    uint16_t type = build_record_rrset_type(record);
    if (!set_ttl(builder, data, ttl_s)) {
        report(findings, "ttl-mismatch", name, type, "records of one RRset with different TTLs; the first one's is used");
    }
    if (!set_ttl(builder, signatures, ttl_s) && has_data) {
        report(findings, "rrsig-ttl-mismatch", name, TYPE_RRSIG,
               "TTL of a signature differs from that of the RRset it covers, which is used");
    }
}

static uint16_t flags_of(uint16_t type, bool is_apex)
{
    switch (type) {
    case TYPE_NS:
        return is_apex ? 0 : ZONE_NODE_CUT;
    case TYPE_DNAME:
        return ZONE_NODE_DNAME;
    case TYPE_CNAME:
        return ZONE_NODE_CNAME;
    case TYPE_A:
    case TYPE_AAAA:
        return ZONE_NODE_ADDRESS;
    case TYPE_NSEC:
        return ZONE_NODE_NSEC;
    case TYPE_NSEC3:
        return ZONE_NODE_NSEC3_OWNER;
    default:
        return 0;
    }
}

static status_t count_rrset(zone_builder_t *builder, build_name_t *name, const group_t *data, const group_t *signatures,
                            zone_findings_t *findings)
{
    uint32_t count = data->end - data->begin;
    uint32_t signature_count = signatures->end - signatures->begin;
    uint32_t any = id_list_items(&builder->scratch)[count > 0 ? data->begin : signatures->begin];
    uint16_t type = build_record_rrset_type(build_record(builder, any));
    if (count > UINT16_MAX || signature_count > UINT16_MAX || name->rrset_count == UINT16_MAX) {
        if (findings) {
            zone_findings_add(findings, DIAGNOSTIC_ERROR, "too-many-records", name->wire, type, NULL,
                              "more than 65535 records of one type");
        }
        return STATUS_LIMIT;
    }
    if (count > 0) {
        name->flags |= flags_of(type, name == build_name(builder, builder->apex));
    }
    name->rrset_count++;
    builder->plan.image.rrsets += count > 0;
    builder->plan.image.records += count + signature_count;
    return STATUS_OK;
}

static void chain(const zone_builder_t *builder, build_name_t *name)
{
    const uint32_t *ids = id_list_items(&builder->scratch);
    uint32_t next = 0;
    for (uint32_t i = builder->scratch.count; i-- > 0;) {
        build_record(builder, ids[i])->next = next;
        next = ids[i];
    }
    name->records = next;
}

status_t builder_plan_records(zone_builder_t *builder, build_name_t *name, zone_findings_t *findings, uint64_t *size)
{
    *size = 0;
    status_t status = collect(builder, name);
    if (status != STATUS_OK) {
        return status;
    }
    id_list_t *list = &builder->scratch;
    sort_records(builder, id_list_items(list), list->count);
    for (uint32_t at = 0; at < list->count;) {
        uint32_t of = group_of(build_record(builder, id_list_items(list)[at]));
        group_t data = {.begin = at, .end = at};
        if (!(of & 1)) {
            data = take_group(builder, name, at, findings);
        }
        group_t signatures = {.begin = data.end, .end = data.end};
        if (data.end < list->count && group_of(build_record(builder, id_list_items(list)[data.end])) == (of | 1)) {
            signatures = take_group(builder, name, data.end, findings);
        }
        plan_ttls(builder, name, &data, &signatures, findings);
        status = count_rrset(builder, name, &data, &signatures, findings);
        if (status != STATUS_OK) {
            return status;
        }
        *size += zone_aligned(sizeof(zone_rrset_t) + (size_t)data.size + signatures.size);
        at = signatures.end;
    }
    chain(builder, name);
    return STATUS_OK;
}
