#include "auth/writer.h"

#include "auth/copy.h"
#include "base/bytes.h"
#include "wire/rrtype.h"

#include <string.h>

enum {
    FIXED_SIZE = 8, /* type, class, TTL */
    POINTER_SIZE = 2,
    SOA_TIMERS = 20, /* serial, refresh, retry, expire, minimum */
};

/* Type, class and TTL as they stand in a message: in a register, the type in the lowest bits. */
static inline uint64_t rrset_fixed(const zone_rrset_t *rrset)
{
    uint64_t fixed;
    memcpy(&fixed, rrset->fixed, sizeof fixed);
    return fixed;
}

/* The same for the signatures, which share class and TTL with what they cover (RFC 4034 3). */
static inline uint64_t signature_fixed(uint64_t fixed)
{
    return (fixed & ~UINT64_C(0xffff)) | __builtin_bswap16(TYPE_RRSIG);
}

static inline const uint8_t *record_next(const uint8_t *record)
{
    return record + 2 + load_be16(record);
}

static inline size_t room(const auth_writer_t *writer, const uint8_t *p)
{
    return (size_t)(writer->end - p);
}

void auth_writer_init(auth_writer_t *writer, auth_names_t *names, const zone_contents_t *zone, uint8_t *begin, size_t size, size_t limit)
{
    writer->begin = begin;
    writer->at = begin + size;
    writer->end = begin + limit;
    writer->zone = zone;
    writer->names = names;
    writer->stamp = auth_names_begin(names);
    writer->first = 0;
    writer->parent = 0;
    writer->has_first = false;
    writer->suffixes.node = NULL;
    writer->suffixes.is_filled = false;
}

/* ---- names ---- */

static void fill_suffixes(auth_suffixes_t *suffixes, const zone_contents_t *zone)
{
    const zone_node_t *node = suffixes->node ? suffixes->node : zone_apex(zone);
    zone_ref_t ref = zone_node_ref(zone, node);
    unsigned labels = node->labels;
    suffixes->labels = suffixes->node ? node->labels : 0;
    suffixes->is_filled = true;
    for (; labels > 0; labels--) {
        suffixes->refs[labels] = ref;
        ref = zone_node(zone, ref)->parent;
    }
    suffixes->refs[0] = ref;
}

static inline const auth_suffixes_t *get_suffixes(auth_writer_t *writer)
{
    auth_suffixes_t *suffixes = &writer->suffixes;
    if (UNLIKELY(!suffixes->is_filled)) {
        fill_suffixes(suffixes, writer->zone);
    }
    return suffixes;
}

/* The offset of a name that is a suffix of the one that stands in one piece; 0 for the root. */
static inline unsigned suffix_offset(const auth_suffixes_t *suffixes, unsigned labels)
{
    return LIKELY(labels > 0) ? suffixes->at + (unsigned)suffixes->key->offset[labels] : 0;
}

/* A node and its ancestors, up to the first that is a suffix or is there already. */
static __attribute__((noinline)) void enter_first(auth_writer_t *writer)
{
    const auth_suffixes_t *suffixes = get_suffixes(writer);
    zone_ref_t ref = writer->first;
    const zone_node_t *node = zone_node(writer->zone, ref);
    size_t end = writer->first_at + (size_t)node->length;
    writer->first = 0;
    while (node->labels > suffixes->labels || suffixes->refs[node->labels] != ref) {
        if (auth_names_place(writer->names, ref, writer->stamp, end - node->length) != 0) {
            break;
        }
        ref = node->parent;
        node = zone_node(writer->zone, ref);
    }
}

unsigned auth_writer_find(auth_writer_t *writer, const zone_node_t *node)
{
    const auth_suffixes_t *suffixes = get_suffixes(writer);
    zone_ref_t ref = zone_node_ref(writer->zone, node);
    if (node->labels <= suffixes->labels && suffixes->refs[node->labels] == ref) {
        return suffix_offset(suffixes, node->labels);
    }
    if (writer->first != 0) {
        enter_first(writer);
    }
    return node->labels > 0 ? auth_names_find(writer->names, ref, writer->stamp) : 0;
}

void auth_writer_enter(auth_writer_t *writer, const zone_node_t *node, const uint16_t *offsets)
{
    for (; node->labels > 0; node = zone_node(writer->zone, node->parent)) {
        if (offsets[node->labels] != 0) {
            (void)auth_names_place(writer->names, zone_node_ref(writer->zone, node), writer->stamp, offsets[node->labels]);
        }
    }
}

void auth_writer_switch(auth_writer_t *writer, const zone_contents_t *zone, uint16_t stamp)
{
    auth_suffixes_t *suffixes = &writer->suffixes;
    if (writer->first != 0) {
        enter_first(writer);
    }
    for (const zone_node_t *node = suffixes->node; node && node->labels > 0; node = zone_node(writer->zone, node->parent)) {
        (void)auth_names_place(writer->names, zone_node_ref(writer->zone, node), writer->stamp,
                               suffixes->at + (size_t)suffixes->key->offset[node->labels]);
    }
    writer->zone = zone;
    writer->stamp = stamp;
    writer->parent = 0;
    auth_writer_know(writer, NULL, NULL, 0);
}

/* What was written behind `at` is given up, and with it all names entered, some of which may stand there. This is rare. */
static __attribute__((noinline)) void roll_back(auth_writer_t *writer)
{
    writer->stamp = auth_names_begin(writer->names);
    writer->first = 0;
    writer->parent = 0;
}

static inline uint8_t *put_ending(uint8_t *p, unsigned offset)
{
    if (LIKELY(offset != 0)) {
        store_be16(p, (uint16_t)(AUTH_POINTER | offset));
        return p + POINTER_SIZE;
    }
    *p = 0;
    return p + 1;
}

/* Any name: the labels in front of its longest suffix that stands in the message already, and a pointer to that. */
static __attribute__((noinline)) uint8_t *put_far_name(auth_writer_t *writer, uint8_t *p, zone_ref_t ref)
{
    const auth_suffixes_t *suffixes = &writer->suffixes;
    const zone_node_t *name = zone_node(writer->zone, ref);
    const zone_node_t *node = name;
    size_t begin = (size_t)(p - writer->begin);
    unsigned offset;
    if (writer->first != 0) {
        enter_first(writer);
    }
    bool is_first = !writer->has_first && begin + name->length < AUTH_NAMES_OFFSET_MAX;
    if (is_first) {
        writer->has_first = true;
        writer->first = ref;
        writer->first_at = (uint16_t)begin;
    }
    for (;;) {
        unsigned labels = node->labels;
        if (labels <= suffixes->labels && suffixes->refs[labels] == ref) {
            offset = suffix_offset(suffixes, labels);
            break;
        }
        if (!is_first) {
            offset = auth_names_place(writer->names, ref, writer->stamp, begin + name->length - node->length);
            if (offset != 0) {
                break;
            }
        }
        ref = node->parent;
        node = zone_node(writer->zone, ref);
    }
    size_t size = (size_t)name->length - node->length;
    if (UNLIKELY(room(writer, p) < size + POINTER_SIZE)) {
        return NULL; /* what ends in one octet, the root, is followed by more in every record */
    }
    if (size > 0) {
        size_t label = name->wire[0] + (size_t)1;
        size_t parent_at = size > label ? begin + label : offset;
        writer->parent = parent_at < AUTH_NAMES_OFFSET_MAX && parent_at > 0 ? name->parent : 0;
        writer->parent_at = (uint16_t)parent_at;
        p = copy_from_zone(p, writer->end, name->wire, size);
    }
    return put_ending(p, offset);
}

/* Writes the name of a node at p. NULL: no room. Most names are one label below a name that the question ends in, or below the parent of
 * the name before: no table is needed for those. `entered`: such a name can be found again by auth_writer_find(). */
static inline __attribute__((always_inline)) uint8_t *put_name(auth_writer_t *writer, uint8_t *p, zone_ref_t ref, bool entered)
{
    const auth_suffixes_t *suffixes = get_suffixes(writer);
    const zone_node_t *node = zone_node(writer->zone, ref);
    unsigned above = node->labels - 1u; /* of the root: no suffix has so many */
    unsigned offset;
    if (above < suffixes->labels && suffixes->refs[above + 1] == ref) {
        return LIKELY(room(writer, p) >= POINTER_SIZE) ? put_ending(p, suffix_offset(suffixes, above + 1)) : NULL;
    }
    if (above <= suffixes->labels && suffixes->refs[above] == node->parent) {
        offset = suffix_offset(suffixes, above);
    } else if (node->parent == writer->parent && node->parent != 0) {
        offset = writer->parent_at;
    } else {
        return put_far_name(writer, p, ref);
    }
    if (entered) {
        unsigned there = auth_names_place(writer->names, ref, writer->stamp, (size_t)(p - writer->begin));
        if (UNLIKELY(there != 0)) {
            return LIKELY(room(writer, p) >= POINTER_SIZE) ? put_ending(p, there) : NULL;
        }
    }
    size_t label = node->wire[0] + (size_t)1;
    if (UNLIKELY(room(writer, p) < label + POINTER_SIZE)) {
        return NULL;
    }
    return put_ending(copy_from_zone(p, writer->end, node->wire, label), offset);
}

/* ---- rdata ---- */

/* Rdata with references in place of names; the layouts of zone_rrset_t differ in their size. */
enum { ONE_NAME = 4, PREFERENCE_AND_NAME = 6, TWO_NAMES = 8, SOA = 28 };

static __attribute__((noinline)) uint8_t *put_references(auth_writer_t *writer, uint8_t *p, const uint8_t *record)
{
    const bool names_entered = true;
    size_t size = load_be16(record);
    const uint8_t *in = record + 2;
    if (size == PREFERENCE_AND_NAME) {
        if (UNLIKELY(room(writer, p) < 2)) {
            return NULL;
        }
        memcpy(p, in, 2);
        p += 2;
        in += 2;
    }
    for (unsigned names = size >= TWO_NAMES ? 2 : 1; names > 0; names--, in += ONE_NAME) {
        p = put_name(writer, p, zone_ref_load(in), names_entered);
        if (UNLIKELY(!p)) {
            return NULL;
        }
    }
    if (size == SOA) {
        if (UNLIKELY(room(writer, p) < SOA_TIMERS)) {
            return NULL;
        }
        memcpy(p, in, SOA_TIMERS);
        p += SOA_TIMERS;
    }
    return p;
}

/* ---- records ---- */

static inline uint8_t *put_owner(uint8_t *p, uint16_t pointer)
{
    if (LIKELY(pointer != ROOT_OWNER)) {
        store_be16(p, pointer);
        return p + POINTER_SIZE;
    }
    *p = 0;
    return p + 1;
}

static inline uint8_t *put_head(uint8_t *p, uint16_t pointer, uint64_t fixed)
{
    p = put_owner(p, pointer);
    memcpy(p, &fixed, FIXED_SIZE);
    return p + FIXED_SIZE;
}

/* Records that are stored as they are sent. The caller has checked that there is room. The owner is two octets, or the first of two
 * zeros. */
static inline uint8_t *put_plain(const auth_writer_t *writer, uint8_t *p, uint16_t pointer, uint64_t fixed, const uint8_t *record,
                                 unsigned count)
{
    const uint8_t *end = writer->end;
    size_t owner_size = LIKELY(pointer != ROOT_OWNER) ? POINTER_SIZE : 1;
    uint16_t owner = __builtin_bswap16(pointer);
    do {
        size_t size = 2 + (size_t)load_be16(record);
        memcpy(p, &owner, sizeof owner);
        p += owner_size;
        memcpy(p, &fixed, FIXED_SIZE);
        p = copy_from_zone(p + FIXED_SIZE, end, record, size);
        record += size;
    } while (--count > 0);
    return p;
}

/* Plain records, beginning with record `first` of them. */
static __attribute__((noinline)) uint8_t *put_rotated(const auth_writer_t *writer, uint8_t *p, uint16_t pointer, const zone_rrset_t *rrset,
                                                      unsigned first)
{
    uint64_t fixed = rrset_fixed(rrset);
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < first; i++) {
        record = record_next(record);
    }
    p = put_plain(writer, p, pointer, fixed, record, rrset->count - first);
    return first > 0 ? put_plain(writer, p, pointer, fixed, rrset->data, first) : p;
}

/* Records with references. NULL: no room. */
static inline uint8_t *put_referring(auth_writer_t *writer, uint8_t *p, uint16_t pointer, const zone_rrset_t *rrset, uint64_t fixed)
{
    const uint8_t *record = rrset->data;
    unsigned left = rrset->count;
    do {
        if (UNLIKELY(room(writer, p) < POINTER_SIZE + FIXED_SIZE + 2)) {
            return NULL;
        }
        uint8_t *rdlength = put_head(p, pointer, fixed);
        unsigned size = load_be16(record);
        if (LIKELY(size == ONE_NAME)) {
            p = put_name(writer, rdlength + 2, zone_ref_load(record + 2), true);
        } else {
            p = put_references(writer, rdlength + 2, record);
        }
        if (UNLIKELY(!p)) {
            return NULL;
        }
        store_be16(rdlength, (uint16_t)(p - rdlength - 2));
        record += 2 + size;
    } while (--left > 0);
    return p;
}

/* Bytes of `count` plain records with their owners and fixed parts. */
static inline size_t plain_size(uint16_t pointer, size_t data_size, unsigned count)
{
    return data_size + count * (size_t)(FIXED_SIZE + (LIKELY(pointer != ROOT_OWNER) ? POINTER_SIZE : 1));
}

/* Signatures, at p. NULL: no room. */
static inline uint8_t *put_signatures(const auth_writer_t *writer, uint8_t *p, uint16_t pointer, const zone_rrset_t *rrset, uint64_t fixed)
{
    if (UNLIKELY(plain_size(pointer, rrset->signature_size, rrset->signature_count) > room(writer, p))) {
        return NULL;
    }
    return put_plain(writer, p, pointer, signature_fixed(fixed), rrset->data + rrset->data_size, rrset->signature_count);
}

static __attribute__((noinline)) unsigned write_referring(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what,
                                                          uint64_t fixed)
{
    unsigned count = rrset->count;
    uint8_t *p = put_referring(writer, writer->at, pointer, rrset, fixed);
    if (p && what & WRITE_SIGNATURES && rrset->signature_count > 0) {
        p = put_signatures(writer, p, pointer, rrset, fixed);
        count += rrset->signature_count;
    }
    if (UNLIKELY(!p)) {
        roll_back(writer);
        return 0;
    }
    writer->at = p;
    return count;
}

static inline unsigned write_rrset(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what, uint64_t fixed)
{
    uint8_t *p = writer->at;
    unsigned count = 0;
    if (LIKELY(what & WRITE_RECORDS) && rrset->count > 0) {
        if (rrset->has_refs) {
            return write_referring(writer, pointer, rrset, what, fixed);
        }
        count = rrset->count;
        if (UNLIKELY(plain_size(pointer, rrset->data_size, count) > room(writer, p))) {
            return 0;
        }
        unsigned rotation = what >> WRITE_ROTATION_SHIFT;
        p = UNLIKELY(rotation > 0) ? put_rotated(writer, p, pointer, rrset, rotation % count)
                                   : put_plain(writer, p, pointer, fixed, rrset->data, count);
    }
    if (what & WRITE_SIGNATURES && rrset->signature_count > 0) {
        p = put_signatures(writer, p, pointer, rrset, fixed);
        count += rrset->signature_count;
        if (UNLIKELY(!p)) {
            return 0;
        }
    }
    writer->at = p;
    return count;
}

unsigned auth_write_rrset(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what)
{
    return write_rrset(writer, pointer, rrset, what, rrset_fixed(rrset));
}

/* ---- records whose owner does not stand in the message yet ---- */

static uint8_t *put_record(auth_writer_t *writer, const zone_node_t *node, uint64_t fixed, const uint8_t *record, bool has_refs)
{
    uint8_t *p = put_name(writer, writer->at, zone_node_ref(writer->zone, node), true);
    if (!p || room(writer, p) < FIXED_SIZE) {
        return NULL;
    }
    memcpy(p, &fixed, FIXED_SIZE);
    p += FIXED_SIZE;
    if (has_refs) {
        uint8_t *rdlength = p;
        p = room(writer, p) < 2 ? NULL : put_references(writer, p + 2, record);
        if (p) {
            store_be16(rdlength, (uint16_t)(p - rdlength - 2));
        }
        return p;
    }
    size_t size = 2 + (size_t)load_be16(record);
    return size <= room(writer, p) ? copy_from_zone(p, writer->end, record, size) : NULL;
}

bool auth_write_record(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, const uint8_t *record, bool is_signature)
{
    uint64_t fixed = is_signature ? signature_fixed(rrset_fixed(rrset)) : rrset_fixed(rrset);
    uint8_t *p = put_record(writer, node, fixed, record, rrset->has_refs && !is_signature);
    if (!p) {
        roll_back(writer);
        return false;
    }
    writer->at = p;
    return true;
}

/* Record by record: the first one brings the name, unless it is out of a pointer's reach. */
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
            roll_back(writer);
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
    unsigned offset = auth_writer_find(writer, node);
    if (UNLIKELY(offset == 0 && node->labels > 0)) {
        return write_records(writer, node, rrset, what, fixed);
    }
    return write_rrset(writer, offset ? (uint16_t)(AUTH_POINTER | offset) : ROOT_OWNER, rrset, what, fixed);
}

unsigned auth_write_node_rrset(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, uint32_t what)
{
    return write_at_node(writer, node, rrset, what, rrset_fixed(rrset));
}

unsigned auth_write_negative_soa(auth_writer_t *writer, const zone_node_t *node, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what)
{
    uint64_t ttl = __builtin_bswap32(zone_head(writer->zone)->negative_ttl_s);
    uint64_t fixed = (rrset_fixed(rrset) & UINT32_MAX) | ttl << 32;
    return LIKELY(pointer != 0) ? write_rrset(writer, pointer, rrset, what, fixed) : write_at_node(writer, node, rrset, what, fixed);
}

unsigned auth_write_servers(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint16_t *targets, unsigned limit)
{
    enum { RECORD = 2 + ONE_NAME };
    uint64_t fixed = rrset_fixed(rrset);
    uint8_t *p = writer->at;
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++, record += RECORD) {
        if (UNLIKELY(room(writer, p) < POINTER_SIZE + FIXED_SIZE + 2)) {
            roll_back(writer);
            return 0;
        }
        uint8_t *name = put_head(p, pointer, fixed) + 2;
        p = put_name(writer, name, zone_ref_load(record + 2), false);
        if (UNLIKELY(!p)) {
            roll_back(writer);
            return 0;
        }
        store_be16(name - 2, (uint16_t)(p - name));
        size_t at = name[0] < AUTH_POINTER >> 8 ? (size_t)(name - writer->begin) : load_be16(name) & (AUTH_NAMES_OFFSET_MAX - 1u);
        if (i < limit) {
            targets[i] = LIKELY(at < AUTH_NAMES_OFFSET_MAX) ? (uint16_t)at : 0;
        }
    }
    writer->at = p;
    return rrset->count;
}

unsigned auth_write_cname(auth_writer_t *writer, uint16_t pointer, uint32_t ttl_s, const name_t *target)
{
    uint8_t *p = writer->at;
    if (room(writer, p) < POINTER_SIZE + FIXED_SIZE + 2 + (size_t)target->length) {
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
