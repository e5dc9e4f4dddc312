#include "auth/writer.h"

#include "auth/copy.h"
#include "base/bytes.h"
#include "wire/rrtype.h"

#include <string.h>

enum {
    FIXED_SIZE = 8,      /* type, class, TTL */
    RECORD_SIZE = 2 + 8, /* pointer and fixed part; the length stands with the rdata */
    POINTER_SIZE = 2,
    SOA_TIMERS = 20, /* serial, refresh, retry, expire, minimum */
};

/* Type, class and TTL as they stand in a message. */
static inline uint64_t rrset_fixed(const zone_rrset_t *rrset)
{
    uint64_t fixed;
    memcpy(&fixed, rrset->fixed, sizeof fixed);
    return fixed;
}

/* The same for the signatures, which share class and TTL with what they cover (RFC 4034 3). */
static inline uint64_t signature_fixed(uint64_t fixed)
{
    uint8_t bytes[FIXED_SIZE];
    memcpy(bytes, &fixed, FIXED_SIZE);
    store_be16(bytes, TYPE_RRSIG);
    memcpy(&fixed, bytes, FIXED_SIZE);
    return fixed;
}

static inline const uint8_t *record_next(const uint8_t *record)
{
    return record + 2 + load_be16(record);
}

void auth_writer_init(auth_writer_t *writer, auth_names_t *names, const zone_contents_t *zone, uint8_t *begin, size_t size, size_t limit)
{
    *writer = (auth_writer_t){
        .begin = begin,
        .at = begin + size,
        .end = begin + limit,
        .zone = zone,
        .names = names,
        .stamp = auth_names_begin(names),
    };
}

void auth_writer_know(auth_writer_t *writer, const zone_node_t *node, const name_key_t *key, uint16_t at)
{
    writer->known = node;
    writer->known_key = key;
    writer->known_at = at;
}

static __attribute__((noinline)) void enter_known(auth_writer_t *writer)
{
    const zone_node_t *node = writer->known;
    writer->known = NULL;
    while (node->labels > 0) {
        zone_ref_t ref = zone_node_ref(writer->zone, node);
        auth_names_add(writer->names, ref, writer->stamp, writer->known_at + writer->known_key->offset[node->labels]);
        node = zone_node(writer->zone, node->parent);
    }
}

void auth_writer_switch(auth_writer_t *writer, const zone_contents_t *zone, uint16_t stamp)
{
    if (writer->known) {
        enter_known(writer);
    }
    writer->zone = zone;
    writer->stamp = stamp;
}

void auth_writer_enter(auth_writer_t *writer, const zone_node_t *node, const uint16_t *offsets)
{
    for (; node->labels > 0; node = zone_node(writer->zone, node->parent)) {
        if (offsets[node->labels] != 0) {
            auth_names_add(writer->names, zone_node_ref(writer->zone, node), writer->stamp, offsets[node->labels]);
        }
    }
}

static inline unsigned find(auth_writer_t *writer, zone_ref_t ref)
{
    if (writer->known) {
        enter_known(writer);
    }
    return auth_names_find(writer->names, ref, writer->stamp);
}

unsigned auth_writer_find(auth_writer_t *writer, const zone_node_t *node)
{
    return find(writer, zone_node_ref(writer->zone, node));
}

/* Forgets names entered at or behind `mark`, since what stood there is given up. All are forgotten: this is rare. */
static void roll_back(auth_writer_t *writer, const uint8_t *mark)
{
    if (writer->names->highest >= (size_t)(mark - writer->begin)) {
        writer->stamp = auth_names_begin(writer->names);
    }
}

/* Writes the name of a node at p. NULL: no room. */
static uint8_t *put_name(auth_writer_t *writer, uint8_t *p, zone_ref_t ref)
{
    for (;;) {
        const zone_node_t *node = zone_node(writer->zone, ref);
        size_t label = node->wire[0] + (size_t)1;
        if (UNLIKELY((size_t)(writer->end - p) < POINTER_SIZE)) {
            return NULL; /* what ends in one octet, the root, is followed by more in every record */
        }
        if (label == 1) {
            *p = 0;
            return p + 1;
        }
        unsigned offset = find(writer, ref);
        if (offset != 0) {
            store_be16(p, (uint16_t)(AUTH_POINTER | offset));
            return p + POINTER_SIZE;
        }
        if (UNLIKELY((size_t)(writer->end - p) < label)) {
            return NULL;
        }
        auth_names_add(writer->names, ref, writer->stamp, (size_t)(p - writer->begin));
        p = copy_bytes(p, node->wire, label);
        ref = node->parent;
    }
}

/* Writes length and rdata of a record with references in place of names; the layouts of zone_rrset_t differ in their size. */
static uint8_t *put_references(auth_writer_t *writer, uint8_t *p, const uint8_t *record)
{
    enum { ONE_NAME = 4, PREFERENCE_AND_NAME = 6, TWO_NAMES = 8, SOA = 28 };
    size_t size = load_be16(record);
    const uint8_t *in = record + 2;
    uint8_t *rdlength = p;
    if (UNLIKELY(writer->end - p < 2 + 2)) {
        return NULL;
    }
    p += 2;
    if (size == PREFERENCE_AND_NAME) {
        memcpy(p, in, 2);
        p += 2;
        in += 2;
    }
    p = put_name(writer, p, zone_ref_load(in));
    if (p && size >= TWO_NAMES) {
        p = put_name(writer, p, zone_ref_load(in + ONE_NAME));
    }
    if (p && size == SOA) {
        if (UNLIKELY(writer->end - p < SOA_TIMERS)) {
            return NULL;
        }
        memcpy(p, in + TWO_NAMES, SOA_TIMERS);
        p += SOA_TIMERS;
    }
    if (p) {
        store_be16(rdlength, (uint16_t)(p - rdlength - 2));
    }
    return p;
}

static inline uint8_t *put_owner(uint8_t *p, uint16_t pointer)
{
    if (LIKELY(pointer != ROOT_OWNER)) {
        store_be16(p, pointer);
        return p + POINTER_SIZE;
    }
    *p = 0;
    return p + 1;
}

/* Records that are stored as they are sent. The caller has checked that there is room. */
static inline uint8_t *put_plain(uint8_t *p, uint16_t pointer, uint64_t fixed, const uint8_t *record, unsigned count)
{
    for (; count > 0; count--) {
        size_t size = 2 + (size_t)load_be16(record);
        p = put_owner(p, pointer);
        memcpy(p, &fixed, FIXED_SIZE);
        p = copy_bytes(p + FIXED_SIZE, record, size);
        record += size;
    }
    return p;
}

static uint8_t *put_referring(auth_writer_t *writer, uint8_t *p, uint16_t pointer, const zone_rrset_t *rrset, uint64_t fixed)
{
    const uint8_t *record = rrset->data;
    for (unsigned left = rrset->count; left > 0; left--, record = record_next(record)) {
        if (UNLIKELY((size_t)(writer->end - p) < RECORD_SIZE)) {
            return NULL;
        }
        p = put_owner(p, pointer);
        memcpy(p, &fixed, FIXED_SIZE);
        p = put_references(writer, p + FIXED_SIZE, record);
        if (UNLIKELY(!p)) {
            return NULL;
        }
    }
    return p;
}

/* Plain records, beginning with record `first` of them. */
static uint8_t *put_rotated(uint8_t *p, uint16_t pointer, const zone_rrset_t *rrset, unsigned first)
{
    uint64_t fixed = rrset_fixed(rrset);
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < first; i++) {
        record = record_next(record);
    }
    p = put_plain(p, pointer, fixed, record, rrset->count - first);
    return put_plain(p, pointer, fixed, rrset->data, first);
}

static inline unsigned write_fixed(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what, uint64_t fixed)
{
    uint8_t *p = writer->at;
    unsigned count = 0;
    unsigned signatures = what & WRITE_SIGNATURES ? rrset->signature_count : 0;
    size_t overhead = FIXED_SIZE + (pointer != ROOT_OWNER ? POINTER_SIZE : 1);
    size_t needed = signatures > 0 ? rrset->signature_size + signatures * overhead : 0;
    if (what & WRITE_RECORDS) {
        count = rrset->count;
        if (rrset->has_refs) {
            p = put_referring(writer, p, pointer, rrset, fixed);
            if (UNLIKELY(!p || needed > (size_t)(writer->end - p))) {
                roll_back(writer, writer->at);
                return 0;
            }
        } else {
            needed += rrset->data_size + count * overhead;
            if (UNLIKELY(needed > (size_t)(writer->end - p))) {
                return 0;
            }
            unsigned rotation = what >> WRITE_ROTATION_SHIFT;
            p = rotation > 0 && count > 1 ? put_rotated(p, pointer, rrset, rotation % count)
                                          : put_plain(p, pointer, fixed, rrset->data, count);
        }
    } else if (UNLIKELY(needed > (size_t)(writer->end - p))) {
        return 0;
    }
    if (signatures > 0) {
        p = put_plain(p, pointer, signature_fixed(fixed), rrset->data + rrset->data_size, signatures);
    }
    writer->at = p;
    return count + signatures;
}

unsigned auth_write_rrset(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what)
{
    return write_fixed(writer, pointer, rrset, what, rrset_fixed(rrset));
}

static uint8_t *put_record(auth_writer_t *writer, const zone_node_t *node, uint64_t fixed, const uint8_t *record, bool has_refs)
{
    uint8_t *p = put_name(writer, writer->at, zone_node_ref(writer->zone, node));
    if (!p || (size_t)(writer->end - p) < FIXED_SIZE) {
        return NULL;
    }
    memcpy(p, &fixed, FIXED_SIZE);
    p += FIXED_SIZE;
    if (has_refs) {
        return put_references(writer, p, record);
    }
    size_t size = 2 + (size_t)load_be16(record);
    return size <= (size_t)(writer->end - p) ? copy_bytes(p, record, size) : NULL;
}

bool auth_write_record(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, const uint8_t *record, bool is_signature)
{
    uint64_t fixed = is_signature ? signature_fixed(rrset_fixed(rrset)) : rrset_fixed(rrset);
    uint8_t *p = put_record(writer, node, fixed, record, rrset->has_refs && !is_signature);
    if (!p) {
        roll_back(writer, writer->at);
        return false;
    }
    writer->at = p;
    return true;
}

/* The owner's name does not stand in the message yet, or out of a pointer's reach: record by record, the first one brings the name. */
static __attribute__((noinline)) unsigned write_records(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset,
                                                        uint32_t what, uint64_t fixed)
{
    uint8_t *mark = writer->at;
    const uint8_t *record = rrset->data;
    unsigned records = what & WRITE_RECORDS ? rrset->count : 0;
    unsigned signatures = what & WRITE_SIGNATURES ? rrset->signature_count : 0;
    for (unsigned i = 0; i < records + signatures; i++) {
        if (i == records) {
            record = rrset->data + rrset->data_size;
            fixed = signature_fixed(fixed);
        }
        uint8_t *p = put_record(writer, node, fixed, record, rrset->has_refs && i < records);
        if (!p) {
            writer->at = mark;
            roll_back(writer, mark);
            return 0;
        }
        writer->at = p;
        record = record_next(record);
    }
    return records + signatures;
}

static inline unsigned write_at_node(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, uint32_t what,
                                     uint64_t fixed)
{
    if (UNLIKELY(node->labels == 0)) {
        return write_fixed(writer, ROOT_OWNER, rrset, what, fixed);
    }
    unsigned offset = auth_writer_find(writer, node);
    if (LIKELY(offset != 0)) {
        return write_fixed(writer, (uint16_t)(AUTH_POINTER | offset), rrset, what, fixed);
    }
    return write_records(writer, node, rrset, what, fixed);
}

unsigned auth_write_node_rrset(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, uint32_t what)
{
    return write_at_node(writer, node, rrset, what, rrset_fixed(rrset));
}

unsigned auth_write_negative_soa(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, uint32_t what)
{
    uint8_t bytes[FIXED_SIZE];
    uint64_t fixed;
    memcpy(bytes, rrset->fixed, FIXED_SIZE);
    store_be32(bytes + 4, zone_head(writer->zone)->negative_ttl_s);
    memcpy(&fixed, bytes, FIXED_SIZE);
    return write_at_node(writer, node, rrset, what, fixed);
}

unsigned auth_write_cname(auth_writer_t *writer, uint16_t pointer, uint32_t ttl_s, const name_t *target)
{
    uint8_t *p = writer->at;
    if ((size_t)(writer->end - p) < RECORD_SIZE + 2 + (size_t)target->length) {
        return 0;
    }
    p = put_owner(p, pointer);
    store_be16(p, TYPE_CNAME);
    store_be16(p + 2, CLASS_IN);
    store_be32(p + 4, ttl_s);
    store_be16(p + FIXED_SIZE, target->length);
    memcpy(p + FIXED_SIZE + 2, target->wire, target->length);
    writer->at = p + FIXED_SIZE + 2 + target->length;
    return 1;
}
