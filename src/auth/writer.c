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

#define NO_PARENT UINT32_MAX /* the root's parent is 0 */

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
    writer->stamp = 0; /* until the table is needed, which mostly it is not */
    writer->first = 0;
    writer->parent = NO_PARENT;
    writer->has_first = 0;
    writer->known = NULL;
}

/* ---- names ---- */

static inline const zone_node_t *parent_of(const zone_contents_t *zone, const zone_node_t *node)
{
    return zone_node(zone, node->parent);
}

/* The same where the base stands in a register. */
static inline const zone_node_t *node_at(const uint8_t *base, zone_ref_t ref)
{
    return (const zone_node_t *)(const void *)(base + (size_t)ref * 8);
}

/* The offset of a node's name in the known one, of which it is a suffix; 0 for the root. */
static inline unsigned known_offset(const auth_writer_t *writer, const zone_node_t *suffix)
{
    return suffix->labels > 0 ? writer->known_at + (unsigned)writer->known_key->offset[suffix->labels] : 0;
}

/* The nearest ancestor of a node, or itself, that is a suffix of the known name; the root at last. */
static inline const zone_node_t *common_suffix(const auth_writer_t *writer, const zone_node_t *node)
{
    const uint8_t *base = zone_head(writer->zone)->base;
    const zone_node_t *known = writer->known;
    if (UNLIKELY(!known)) {
        while (node->labels > 0) {
            node = node_at(base, node->parent);
        }
        return node;
    }
    while (node->labels > known->labels) {
        node = node_at(base, node->parent);
    }
    while (known->labels > node->labels) {
        known = node_at(base, known->parent);
    }
    while (node != known) {
        node = node_at(base, node->parent);
        known = node_at(base, known->parent);
    }
    return node;
}

uint16_t auth_writer_stamp(auth_writer_t *writer)
{
    if (writer->stamp == 0) {
        writer->stamp = auth_names_begin(writer->names);
    }
    return writer->stamp;
}

static inline unsigned place(auth_writer_t *writer, zone_ref_t ref, size_t at)
{
    return auth_names_place(writer->names, ref, auth_writer_stamp(writer), at);
}

/* Enters a name that stands at offset `at`, and its ancestors below `suffix`, up to one that is there already. */
static void enter_chain(auth_writer_t *writer, const zone_node_t *name, const zone_node_t *suffix, size_t at)
{
    size_t end = at + name->length;
    for (const zone_node_t *node = name; node != suffix; node = parent_of(writer->zone, node)) {
        if (place(writer, zone_node_ref(writer->zone, node), end - node->length) != 0) {
            break;
        }
    }
}

static __attribute__((noinline)) void enter_first(auth_writer_t *writer)
{
    const zone_node_t *name = zone_node(writer->zone, writer->first);
    writer->first = 0;
    enter_chain(writer, name, common_suffix(writer, name), writer->first_at);
}

unsigned auth_writer_find(auth_writer_t *writer, const zone_node_t *node)
{
    if (node->labels == 0) {
        return 0;
    }
    if (common_suffix(writer, node) == node) {
        return known_offset(writer, node);
    }
    if (writer->first != 0) {
        enter_first(writer);
    }
    return place(writer, zone_node_ref(writer->zone, node), 0);
}

void auth_writer_enter(auth_writer_t *writer, const zone_node_t *node, const uint16_t *offsets)
{
    for (; node->labels > 0; node = parent_of(writer->zone, node)) {
        if (offsets[node->labels] != 0) {
            (void)place(writer, zone_node_ref(writer->zone, node), offsets[node->labels]);
        }
    }
}

void auth_writer_switch(auth_writer_t *writer, const zone_contents_t *zone, uint16_t stamp)
{
    if (writer->first != 0) {
        enter_first(writer);
    }
    for (const zone_node_t *node = writer->known; node && node->labels > 0; node = parent_of(writer->zone, node)) {
        (void)place(writer, zone_node_ref(writer->zone, node), known_offset(writer, node));
    }
    writer->zone = zone;
    writer->stamp = stamp;
    writer->parent = NO_PARENT;
    writer->known = NULL;
}

/* What was written behind `at` is given up, and with it all names entered, some of which may stand there. This is rare. */
static __attribute__((noinline)) void roll_back(auth_writer_t *writer)
{
    writer->stamp = auth_names_begin(writer->names);
    writer->first = 0;
    writer->parent = NO_PARENT;
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

/* The longest suffix of a name that stands in the message: below `known`, the one it shares with the known name, only the table may have a
 * longer one. What is not there yet is entered: it will stand at `at`. */
static inline const zone_node_t *search_table(auth_writer_t *writer, const zone_node_t *name, const zone_node_t *known, size_t at,
                                              unsigned *offset)
{
    size_t end = at + name->length;
    for (const zone_node_t *node = name; node != known; node = parent_of(writer->zone, node)) {
        *offset = place(writer, zone_node_ref(writer->zone, node), end - node->length);
        if (*offset != 0) {
            return node;
        }
    }
    *offset = known_offset(writer, known);
    return known;
}

/* Any name: the labels in front of its longest suffix that stands in the message already, and a pointer to that. */
static __attribute__((noinline)) uint8_t *put_far_name(auth_writer_t *writer, uint8_t *p, zone_ref_t ref)
{
    const zone_node_t *name = zone_node(writer->zone, ref);
    const zone_node_t *suffix = common_suffix(writer, name);
    size_t at = (size_t)(p - writer->begin);
    unsigned offset;
    if (!writer->has_first && suffix != name && at < AUTH_NAMES_OFFSET_MAX) {
        writer->has_first = 1;
        writer->first = ref;
        writer->first_at = (uint16_t)at;
        offset = known_offset(writer, suffix);
    } else {
        if (writer->first != 0) {
            enter_first(writer);
        }
        suffix = search_table(writer, name, suffix, at, &offset);
    }
    size_t size = (size_t)name->length - suffix->length;
    if (UNLIKELY((size_t)(writer->end - p) < size + POINTER_SIZE)) {
        return NULL; /* what ends in one octet, the root, is followed by more in every record */
    }
    if (size > 0) {
        size_t label = name->wire[0] + (size_t)1;
        size_t parent_at = size > label ? at + label : offset;
        writer->parent = parent_at < AUTH_NAMES_OFFSET_MAX && parent_at > 0 ? name->parent : NO_PARENT;
        writer->parent_at = (uint16_t)parent_at;
        p = copy_from_zone(p, writer->end, name->wire, size);
    }
    return put_ending(p, offset);
}

/* What the parent of the first name written most likely is: a suffix of the known name. parent_at is 0 for the root. */
static inline void suggest_parent(auth_writer_t *writer, const zone_node_t *node)
{
    writer->parent = zone_node_ref(writer->zone, node);
    writer->parent_at = (uint16_t)known_offset(writer, node);
}

/* Writes the name of a node at p. NULL: no room. `entered`: the name can be found again by auth_writer_find(). */
static inline __attribute__((always_inline)) uint8_t *put_name(auth_writer_t *writer, uint8_t *p, const zone_node_t *node, zone_ref_t ref,
                                                               bool entered)
{
    if (node->parent != writer->parent) {
        return put_far_name(writer, p, ref);
    }
    if (entered) {
        unsigned there = place(writer, ref, (size_t)(p - writer->begin));
        if (UNLIKELY(there != 0)) {
            return LIKELY(room(writer, p) >= POINTER_SIZE) ? put_ending(p, there) : NULL;
        }
    }
    size_t label = node->wire[0] + (size_t)1;
    if (UNLIKELY(room(writer, p) < label + POINTER_SIZE)) {
        return NULL;
    }
    return put_ending(copy_from_zone(p, writer->end, node->wire, label), writer->parent_at);
}

/* Rdata with references in place of names; the layouts of zone_rrset_t differ in their size. */
enum { ONE_NAME = 4, PREFERENCE_AND_NAME = 6, TWO_NAMES = 8, SOA = 28 };

static __attribute__((noinline)) uint8_t *put_references(auth_writer_t *writer, uint8_t *p, const uint8_t *record)
{
    size_t size = load_be16(record);
    bool is_soa = size == SOA;
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
        p = put_name(writer, p, zone_node(writer->zone, zone_ref_load(in)), zone_ref_load(in), !is_soa);
        if (UNLIKELY(!p)) {
            return NULL;
        }
    }
    if (is_soa) {
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
    if (writer->parent == NO_PARENT && writer->known) { /* a neighbour of the name asked for, or of the closest one that exists */
        bool is_exact = writer->known->length == writer->known_key->length && writer->known->labels > 0;
        suggest_parent(writer, is_exact ? parent_of(writer->zone, writer->known) : writer->known);
    }
    do {
        if (UNLIKELY(room(writer, p) < POINTER_SIZE + FIXED_SIZE + 2)) {
            return NULL;
        }
        uint8_t *rdlength = put_head(p, pointer, fixed);
        unsigned size = load_be16(record);
        if (LIKELY(size == ONE_NAME)) {
            zone_ref_t ref = zone_ref_load(record + 2);
            p = put_name(writer, rdlength + 2, zone_node(writer->zone, ref), ref, true);
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

unsigned auth_write_plain(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what)
{
    uint64_t fixed = rrset_fixed(rrset);
    uint8_t *p = writer->at;
    unsigned count = rrset->count;
    if (UNLIKELY(plain_size(pointer, rrset->data_size, count) > room(writer, p))) {
        return 0;
    }
    p = put_plain(writer, p, pointer, fixed, rrset->data, count);
    if (what & WRITE_SIGNATURES && rrset->signature_count > 0) {
        p = put_signatures(writer, p, pointer, rrset, fixed);
        count += rrset->signature_count;
    }
    if (UNLIKELY(!p)) {
        return 0;
    }
    writer->at = p;
    return count;
}

/* ---- records whose owner does not stand in the message yet ---- */

static uint8_t *put_record(auth_writer_t *writer, const zone_node_t *node, uint64_t fixed, const uint8_t *record, bool has_refs)
{
    uint8_t *p = put_name(writer, writer->at, node, zone_node_ref(writer->zone, node), true);
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

unsigned auth_write_denial(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset)
{
    uint64_t fixed = rrset_fixed(rrset);
    bool is_nsec3 = node->flags & ZONE_NODE_NSEC3_OWNER && writer->known;
    const zone_node_t *suffix = is_nsec3 ? parent_of(writer->zone, node) : common_suffix(writer, node); /* RFC 5155 3: below the apex */
    if (suffix == node) {
        uint16_t pointer = node->labels > 0 ? (uint16_t)(AUTH_POINTER | known_offset(writer, node)) : ROOT_OWNER;
        return write_rrset(writer, pointer, rrset, WRITE_RECORDS | WRITE_SIGNATURES, fixed);
    }
    size_t at = (size_t)(writer->at - writer->begin);
    if (UNLIKELY(at >= AUTH_NAMES_OFFSET_MAX || rrset->count != 1)) {
        return write_records(writer, node, rrset, WRITE_RECORDS | WRITE_SIGNATURES, fixed);
    }
    /* The record brings the owner's name, the signatures point at it. */
    size_t labels = (size_t)node->length - suffix->length;
    size_t size = 2 + (size_t)load_be16(rrset->data);
    uint8_t *p = writer->at;
    if (UNLIKELY(room(writer, p) < labels + POINTER_SIZE + FIXED_SIZE + size)) {
        return 0;
    }
    p = put_ending(copy_bytes(p, node->wire, labels), known_offset(writer, suffix));
    memcpy(p, &fixed, FIXED_SIZE);
    p = copy_bytes(p + FIXED_SIZE, rrset->data, size);
    if (rrset->signature_count > 0) {
        p = put_signatures(writer, p, (uint16_t)(AUTH_POINTER | at), rrset, fixed);
        if (UNLIKELY(!p)) {
            return 0;
        }
    }
    writer->at = p;
    return 1u + rrset->signature_count;
}

unsigned auth_write_negative_soa(auth_writer_t *writer, const zone_node_t *node, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what)
{
    uint64_t ttl = __builtin_bswap32(zone_head(writer->zone)->negative_ttl_s);
    uint64_t fixed = (rrset_fixed(rrset) & UINT32_MAX) | ttl << 32;
    if (UNLIKELY((pointer == 0 && node->labels > 0) || room(writer, writer->at) < POINTER_SIZE + FIXED_SIZE + 2)) {
        return write_at_node(writer, node, rrset, what, fixed);
    }
    if (writer->parent == NO_PARENT && writer->known) {
        suggest_parent(writer, node); /* the primary and the mailbox are mostly in the zone */
    }
    uint8_t *rdata = put_head(writer->at, pointer, fixed) + 2;
    uint8_t *p = rdata;
    const uint8_t *in = rrset->data + 2;
    for (unsigned i = 0; i < 2 && p; i++, in += ONE_NAME) {
        p = put_name(writer, p, zone_node(writer->zone, zone_ref_load(in)), zone_ref_load(in), false);
    }
    if (UNLIKELY(!p || room(writer, p) < SOA_TIMERS)) {
        roll_back(writer);
        return 0;
    }
    memcpy(p, in, SOA_TIMERS);
    p += SOA_TIMERS;
    store_be16(rdata - 2, (uint16_t)(p - rdata));
    unsigned count = 1;
    if (what & WRITE_SIGNATURES && rrset->signature_count > 0) {
        p = put_signatures(writer, p, pointer, rrset, fixed);
        count += rrset->signature_count;
        if (UNLIKELY(!p)) {
            roll_back(writer);
            return 0;
        }
    }
    writer->at = p;
    return count;
}

static uint16_t target_offset(const auth_writer_t *writer, const uint8_t *name)
{
    size_t at = name[0] < AUTH_POINTER >> 8 ? (size_t)(name - writer->begin) : load_be16(name) & (AUTH_NAMES_OFFSET_MAX - 1u);
    return at < AUTH_NAMES_OFFSET_MAX ? (uint16_t)at : AUTH_TARGET_UNKNOWN;
}

unsigned auth_write_servers(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint16_t targets[AUTH_TARGETS_MAX])
{
    enum { RECORD = 2 + ONE_NAME };
    uint64_t fixed = rrset_fixed(rrset);
    uint8_t *p = writer->at;
    const uint8_t *record = rrset->data;
    const uint8_t *base = zone_head(writer->zone)->base;
    unsigned count = rrset->count;
    if (writer->parent == NO_PARENT && writer->known) {
        suggest_parent(writer, writer->known); /* servers inside the zone that is delegated */
    }
    for (unsigned i = 0; i < count; i++, record += RECORD) {
        zone_ref_t ref = zone_ref_load(record + 2);
        uint8_t *name = p + POINTER_SIZE + FIXED_SIZE + 2;
        const zone_node_t *node = node_at(base, ref);
        p = LIKELY(room(writer, p) >= POINTER_SIZE + FIXED_SIZE + 2) ? put_name(writer, put_head(p, pointer, fixed) + 2, node, ref, false)
                                                                     : NULL;
        if (UNLIKELY(!p)) {
            roll_back(writer);
            return 0;
        }
        store_be16(name - 2, (uint16_t)(p - name));
        if (LIKELY(i < AUTH_TARGETS_MAX)) {
            targets[i] = auth_has_addresses(node) ? target_offset(writer, name) : 0;
        }
    }
    writer->at = p;
    return count;
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
