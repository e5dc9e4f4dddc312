#include "zone_signer.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/canonical.h"
#include "dnssec/nsec3_hash.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/builder.h"

#include <stdlib.h>
#include <string.h>

enum { UNITS_MAX = 1 << 16, TYPES_MAX = 128, KEY_TTL_S = 3600, SIGNED_DATA_MAX = 1 << 20, ARENA_MAX = 1 << 28 };

/* An RRset of the zone to be. */
typedef struct unit {
    const uint8_t *owner;
    const uint8_t *subject; /* NSEC3: the name whose hash the owner is; else the owner */
    uint16_t type;
    uint32_t ttl_s;
    bool is_signed;
    uint32_t count;
    dnssec_rdata_t *records;
} unit_t;

/* One name of the chain. */
typedef struct link {
    uint8_t hash[NSEC3_HASH_SIZE];
    const zone_node_t *node;
} link_t;

typedef struct signer {
    const zone_contents_t *plain;
    const zone_signing_t *signing;
    const zone_node_t *apex;
    zone_builder_t *builder;
    arena_t arena;
    buffer_t scratch;
    nsec3_parameters_t parameters;
    bool is_nsec3;
    unit_t *units;
    size_t unit_count;
    link_t *links;
    size_t link_count;
    name_t fault_owners[ZONE_SIGNER_FAULTS_MAX];
    uint8_t rdata[RDATA_MAX];
} signer_t;

static void *allocate(signer_t *signer, size_t size)
{
    void *memory = arena_alloc(&signer->arena, size);
    REQUIRE(memory);
    return memory;
}

static name_t name_of(const char *text)
{
    name_t name;
    REQUIRE(name_from_text(&name, text, strlen(text), NULL, NULL) == STATUS_OK);
    name_lower(name.wire, name.length);
    return name;
}

/* ---- faults ---- */

/* The next fault of a kind that concerns an RRset; *at begins at 0. */
static const zone_fault_t *next_fault(const signer_t *signer, zone_fault_kind_t kind, const unit_t *unit, size_t *at)
{
    while (*at < signer->signing->fault_count) {
        size_t i = (*at)++;
        const zone_fault_t *fault = &signer->signing->faults[i];
        if (fault->kind == kind && (fault->type == 0 || fault->type == unit->type) &&
            (!fault->owner || name_equal(signer->fault_owners[i].wire, unit->subject))) {
            return fault;
        }
    }
    return NULL;
}

static const zone_fault_t *fault_of(const signer_t *signer, zone_fault_kind_t kind, const unit_t *unit, const signing_key_t *key)
{
    size_t at = 0;
    const zone_fault_t *fault;
    while ((fault = next_fault(signer, kind, unit, &at)) != NULL && fault->key && fault->key != key) {
    }
    return fault;
}

/* ---- RRsets ---- */

static unit_t *add_unit(signer_t *signer, const uint8_t *owner, uint16_t type, uint32_t ttl_s, uint32_t records_max)
{
    REQUIRE(signer->unit_count < UNITS_MAX);
    unit_t *unit = &signer->units[signer->unit_count++];
    *unit = (unit_t){.owner = owner, .subject = owner, .type = type, .ttl_s = ttl_s, .is_signed = true};
    unit->records = allocate(signer, (records_max + 1) * sizeof unit->records[0]);
    return unit;
}

static void add_record(signer_t *signer, unit_t *unit, const uint8_t *rdata, size_t size)
{
    uint8_t *copy = allocate(signer, size + 1);
    memcpy(copy, rdata, size);
    unit->records[unit->count++] = (dnssec_rdata_t){copy, (uint16_t)size};
}

static bool is_secure_at(const zone_node_t *node, uint16_t type)
{
    return !(node->flags & ZONE_NODE_OCCLUDED) && (!(node->flags & ZONE_NODE_CUT) || type == TYPE_DS);
}

static void remember(signer_t *signer, const zone_node_t *node)
{
    REQUIRE(signer->link_count < UNITS_MAX);
    link_t *link = &signer->links[signer->link_count++];
    link->node = node;
    if (signer->is_nsec3) {
        nsec3_hash(&signer->parameters, node->wire, node->length, link->hash);
    }
}

/* The node's place in the chain, and with NSEC3 those of the empty non-terminals above it; that they come twice is mended by sorting. */
static void link_node(signer_t *signer, const zone_node_t *node)
{
    bool is_insecure = node->flags & ZONE_NODE_CUT && !zone_node_find(node, TYPE_DS);
    if ((node->flags & ZONE_NODE_OCCLUDED) || (signer->signing->denial == ZONE_DENIAL_OPT_OUT && is_insecure)) {
        return;
    }
    remember(signer, node);
    for (; signer->is_nsec3 && node != signer->apex; node = zone_node(signer->plain, node->parent)) {
        const zone_node_t *parent = zone_node(signer->plain, node->parent);
        if (parent->rrset_count == 0) {
            remember(signer, parent);
        }
    }
}

static void take_node(signer_t *signer, const zone_node_t *node)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        const uint8_t *record = rrset->data;
        unit_t *unit = add_unit(signer, node->wire, rrset->type, load_be32(rrset->fixed + 4), rrset->count);
        unit->is_signed = is_secure_at(node, rrset->type);
        for (unsigned r = 0; r < rrset->count; r++) {
            size_t size = zone_record_rdata(signer->plain, rrset, record, signer->rdata, &record);
            add_record(signer, unit, signer->rdata, size);
        }
    }
    link_node(signer, node);
}

static void add_colliding(signer_t *signer, unit_t *unit, const signing_key_t *key, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t forged[SIGNING_FORGED_SIZE];
        signing_key_forge(1000 + i, key->tag, forged);
        add_record(signer, unit, forged, sizeof forged);
    }
}

static void add_keys(signer_t *signer)
{
    enum { KEYS_MAX = 4096 };
    const unit_t *apex = &(unit_t){.owner = signer->apex->wire, .subject = signer->apex->wire, .type = TYPE_DNSKEY};
    unit_t *unit = add_unit(signer, signer->apex->wire, TYPE_DNSKEY, KEY_TTL_S, KEYS_MAX);
    for (size_t i = 0; i < signer->signing->key_count; i++) {
        const signing_key_t *key = signer->signing->keys[i];
        const zone_fault_t *colliding = fault_of(signer, FAULT_COLLIDING_KEYS, apex, key);
        const zone_fault_t *flags = fault_of(signer, FAULT_KEY_FLAGS, apex, key);
        const zone_fault_t *protocol = fault_of(signer, FAULT_KEY_PROTOCOL, apex, key);
        uint8_t rdata[SIGNING_RDATA_MAX];
        memcpy(rdata, key->rdata, key->rdata_size);
        if (flags) {
            store_be16(rdata, (uint16_t)flags->value);
        }
        rdata[2] = protocol ? (uint8_t)protocol->value : rdata[2];
        add_colliding(signer, unit, key, colliding ? colliding->value : 0);
        if (!fault_of(signer, FAULT_NO_KEY, apex, key)) {
            add_record(signer, unit, rdata, key->rdata_size);
        }
    }
}

static void write_parameters(const signer_t *signer, byte_writer_t *writer, uint8_t flags)
{
    byte_write_u8(writer, NSEC3_ALGORITHM_SHA1);
    byte_write_u8(writer, flags);
    byte_write_u16(writer, signer->parameters.iterations);
    byte_write_u8(writer, signer->parameters.salt_size);
    byte_write(writer, signer->parameters.salt, signer->parameters.salt_size);
}

static void add_nsec3param(signer_t *signer)
{
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    write_parameters(signer, &writer, 0);
    add_record(signer, add_unit(signer, signer->apex->wire, TYPE_NSEC3PARAM, 0, 1), signer->rdata, writer.position);
}

/* ---- denial of existence ---- */

static int compare_types(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static unsigned collect_types(const signer_t *signer, const zone_node_t *node, const unit_t *denial, uint16_t types[static TYPES_MAX])
{
    unsigned count = 0;
    bool has_signature = !signer->is_nsec3;
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count && count < TYPES_MAX / 2; i++, rrset = zone_rrset_next(rrset)) {
        if (is_secure_at(node, rrset->type) || rrset->type == TYPE_NS) {
            types[count++] = rrset->type;
            has_signature = has_signature || is_secure_at(node, rrset->type);
        }
    }
    if (node == signer->apex) {
        types[count++] = TYPE_DNSKEY;
        types[count] = TYPE_NSEC3PARAM;
        count += signer->is_nsec3;
    }
    types[count] = TYPE_NSEC;
    count += !signer->is_nsec3;
    types[count] = TYPE_RRSIG;
    count += has_signature;
    const zone_fault_t *fault;
    for (size_t at = 0; (fault = next_fault(signer, FAULT_BITMAP_ADD, denial, &at)) != NULL;) {
        types[count++] = (uint16_t)fault->value;
    }
    for (size_t at = 0; (fault = next_fault(signer, FAULT_BITMAP_DROP, denial, &at)) != NULL;) {
        for (unsigned i = 0; i < count; i++) {
            types[i] = types[i] == fault->value ? types[--count] : types[i];
        }
    }
    qsort(types, count, sizeof types[0], compare_types);
    return count;
}

/* RFC 4034 4.1.2 */
static void write_bitmap(const signer_t *signer, const zone_node_t *node, const unit_t *denial, byte_writer_t *writer)
{
    uint16_t types[TYPES_MAX];
    unsigned count = collect_types(signer, node, denial, types);
    for (unsigned i = 0; i < count;) {
        uint8_t bits[32] = {0};
        unsigned window = types[i] / 256;
        unsigned last = 0;
        for (; i < count && types[i] / 256u == window; i++) {
            last = types[i] % 256 / 8;
            bits[last] |= (uint8_t)(0x80 >> types[i] % 8);
        }
        byte_write_u8(writer, (uint8_t)window);
        byte_write_u8(writer, (uint8_t)(last + 1));
        byte_write(writer, bits, last + 1);
    }
}

static const uint8_t *nsec3_owner(signer_t *signer, const uint8_t *hash)
{
    uint8_t *owner = allocate(signer, 1 + NSEC3_LABEL_SIZE + signer->apex->length + NAME_PADDING);
    owner[0] = NSEC3_LABEL_SIZE;
    nsec3_hash_to_label(hash, owner + 1);
    memcpy(owner + 1 + NSEC3_LABEL_SIZE, signer->apex->wire, signer->apex->length);
    return owner;
}

static void add_nsec3(signer_t *signer, const link_t *link, const link_t *next)
{
    unit_t *unit = add_unit(signer, nsec3_owner(signer, link->hash), TYPE_NSEC3, zone_head(signer->plain)->negative_ttl_s, 1);
    unit->subject = link->node->wire;
    const zone_fault_t *fault = fault_of(signer, FAULT_NEXT_NAME, unit, NULL);
    uint8_t hash[NSEC3_HASH_SIZE];
    memcpy(hash, next->hash, sizeof hash);
    if (fault) {
        name_t name = name_of(fault->name);
        nsec3_hash(&signer->parameters, name.wire, name.length, hash);
    }
    unsigned flags = signer->signing->denial == ZONE_DENIAL_OPT_OUT ? NSEC3_FLAG_OPT_OUT : 0;
    flags |= fault_of(signer, FAULT_UNKNOWN_NSEC3_FLAG, unit, NULL) ? 2 : 0;
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    write_parameters(signer, &writer, (uint8_t)flags);
    byte_write_u8(&writer, NSEC3_HASH_SIZE);
    byte_write(&writer, hash, NSEC3_HASH_SIZE);
    write_bitmap(signer, link->node, unit, &writer);
    add_record(signer, unit, signer->rdata, writer.position);
}

static void add_nsec(signer_t *signer, const link_t *link, const link_t *next)
{
    unit_t *unit = add_unit(signer, link->node->wire, TYPE_NSEC, zone_head(signer->plain)->negative_ttl_s, 1);
    const zone_fault_t *fault = fault_of(signer, FAULT_NEXT_NAME, unit, NULL);
    name_t name;
    if (fault) {
        name = name_of(fault->name);
    } else {
        name_set(&name, next->node->wire);
    }
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    byte_write(&writer, name.wire, name.length);
    write_bitmap(signer, link->node, unit, &writer);
    add_record(signer, unit, signer->rdata, writer.position);
}

static int compare_links(const void *a, const void *b)
{
    return memcmp(((const link_t *)a)->hash, ((const link_t *)b)->hash, NSEC3_HASH_SIZE);
}

static void sort_links(signer_t *signer)
{
    size_t kept = 0;
    qsort(signer->links, signer->link_count, sizeof *signer->links, compare_links);
    for (size_t i = 0; i < signer->link_count; i++) {
        if (kept == 0 || compare_links(&signer->links[kept - 1], &signer->links[i]) != 0) {
            signer->links[kept++] = signer->links[i];
        }
    }
    signer->link_count = kept;
}

static void add_chain(signer_t *signer)
{
    if (signer->signing->denial == ZONE_DENIAL_NONE) {
        return;
    }
    if (signer->is_nsec3) {
        sort_links(signer);
        add_nsec3param(signer);
    }
    for (size_t i = 0; i < signer->link_count; i++) {
        const link_t *next = &signer->links[i + 1 < signer->link_count ? i + 1 : 0];
        signer->is_nsec3 ? add_nsec3(signer, &signer->links[i], next) : add_nsec(signer, &signer->links[i], next);
    }
}

/* ---- signatures ---- */

static void write_record(signer_t *signer, const unit_t *unit, uint16_t type, const uint8_t *rdata, size_t size)
{
    status_t status = zone_builder_add(signer->builder, unit->owner, type, CLASS_IN, unit->ttl_s, rdata, size, NULL);
    REQUIRE(status == STATUS_OK);
}

/* Does the key sign this RRset? */
static bool signs(const signer_t *signer, const signing_key_t *key, const unit_t *unit)
{
    bool wants_sep = unit->type == TYPE_DNSKEY;
    bool has_wanted = false;
    for (size_t i = 0; i < signer->signing->key_count; i++) {
        const signing_key_t *other = signer->signing->keys[i];
        has_wanted = has_wanted || (other->algorithm == key->algorithm && (other->flags & DNSKEY_FLAG_SEP) == wants_sep);
    }
    return !has_wanted || (key->flags & DNSKEY_FLAG_SEP) == wants_sep;
}

/* RRSIG rdata with all but the signature, for which one octet stands. */
static size_t write_head(signer_t *signer, const unit_t *unit, const signing_key_t *key, unsigned labels)
{
    const zone_fault_t *times = fault_of(signer, FAULT_TIMES, unit, key);
    const zone_fault_t *ttl = fault_of(signer, FAULT_ORIGINAL_TTL, unit, key);
    const zone_fault_t *algorithm = fault_of(signer, FAULT_ALGORITHM, unit, key);
    const zone_fault_t *tag = fault_of(signer, FAULT_KEY_TAG, unit, key);
    const zone_fault_t *by = fault_of(signer, FAULT_SIGNER, unit, key);
    name_t name;
    name_set(&name, signer->apex->wire);
    if (by) {
        name = name_of(by->name);
    }
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    byte_write_u16(&writer, unit->type);
    byte_write_u8(&writer, algorithm ? (uint8_t)algorithm->value : key->algorithm);
    byte_write_u8(&writer, (uint8_t)labels);
    byte_write_u32(&writer, ttl ? ttl->value : unit->ttl_s);
    byte_write_u32(&writer, times ? times->more : signer->signing->expiration_s);
    byte_write_u32(&writer, times ? times->value : signer->signing->inception_s);
    byte_write_u16(&writer, (uint16_t)(key->tag + (tag ? tag->value : 0)));
    byte_write(&writer, name.wire, name.length);
    byte_write_u8(&writer, 0);
    return writer.position - 1;
}

static void add_signature(signer_t *signer, const unit_t *unit, const signing_key_t *key)
{
    const zone_fault_t *wanted_labels = fault_of(signer, FAULT_LABELS, unit, key);
    const zone_fault_t *foreign = fault_of(signer, FAULT_FOREIGN_KEY, unit, key);
    const zone_fault_t *noise = fault_of(signer, FAULT_NOISE_SIGNATURES, unit, key);
    unsigned own_labels = dnssec_rrsig_labels(unit->owner);
    unsigned labels = wanted_labels ? wanted_labels->value : own_labels;
    key = foreign ? foreign->other : key;
    size_t size = write_head(signer, unit, key, labels);
    dnssec_rrsig_t rrsig;
    REQUIRE(dnssec_rrsig_read(&rrsig, signer->rdata, size + 1));
    rrsig.labels = (uint8_t)(labels < own_labels ? labels : own_labels);
    const dnssec_rrset_t rrset = {unit->owner, unit->records, unit->count, unit->ttl_s, unit->type, CLASS_IN};
    const uint8_t *data;
    size_t data_size;
    status_t status = dnssec_signed_data(&rrset, &rrsig, &signer->scratch, &data, &data_size);
    REQUIRE(status == STATUS_OK);
    size_t signature_size = signing_key_sign(key, data, data_size, signer->rdata + size);
    for (unsigned i = 0; noise && i < noise->value; i++) {
        uint8_t *last = signer->rdata + size + signature_size - 4;
        uint32_t kept = load_be32(last);
        store_be32(last, kept + i + 1);
        write_record(signer, unit, TYPE_RRSIG, signer->rdata, size + signature_size);
        store_be32(last, kept);
    }
    signer->rdata[size + signature_size - 1] ^= fault_of(signer, FAULT_ALTER_SIGNATURE, unit, key) ? 1 : 0;
    write_record(signer, unit, TYPE_RRSIG, signer->rdata, size + signature_size);
}

static void write_unit(signer_t *signer, const unit_t *unit)
{
    bool is_altered = fault_of(signer, FAULT_ALTER_DATA, unit, NULL);
    if (fault_of(signer, FAULT_NO_RECORDS, unit, NULL)) {
        return;
    }
    for (uint32_t i = 0; i < unit->count; i++) {
        memcpy(signer->rdata, unit->records[i].data, unit->records[i].length);
        signer->rdata[unit->records[i].length - 1] ^= is_altered ? 1 : 0;
        write_record(signer, unit, unit->type, signer->rdata, unit->records[i].length);
    }
    for (size_t i = 0; unit->is_signed && i < signer->signing->key_count; i++) {
        const signing_key_t *key = signer->signing->keys[i];
        if (signs(signer, key, unit) && !fault_of(signer, FAULT_NO_SIGNATURE, unit, key)) {
            add_signature(signer, unit, key);
        }
    }
}

/* ---- the whole ---- */

static signer_t *begin(const zone_contents_t *plain, const zone_signing_t *signing)
{
    signer_t *signer = calloc(1, sizeof *signer);
    REQUIRE(signer && signing->fault_count <= ZONE_SIGNER_FAULTS_MAX);
    signer->plain = plain;
    signer->signing = signing;
    signer->apex = zone_apex(plain);
    signer->builder = zone_builder_new(signer->apex->wire, CLASS_IN);
    signer->is_nsec3 = signing->denial == ZONE_DENIAL_NSEC3 || signing->denial == ZONE_DENIAL_OPT_OUT;
    signer->parameters = (nsec3_parameters_t){signing->salt, signing->salt_size, signing->iterations};
    arena_init(&signer->arena, 0, ARENA_MAX);
    buffer_init(&signer->scratch, SIGNED_DATA_MAX);
    signer->units = calloc(UNITS_MAX, sizeof *signer->units);
    signer->links = calloc(UNITS_MAX, sizeof *signer->links);
    REQUIRE(signer->builder && signer->units && signer->links);
    for (size_t i = 0; i < signing->fault_count; i++) {
        if (signing->faults[i].owner) {
            signer->fault_owners[i] = name_of(signing->faults[i].owner);
        }
    }
    return signer;
}

const zone_contents_t *zone_sign(const zone_contents_t *plain, const zone_signing_t *signing)
{
    signer_t *signer = begin(plain, signing);
    const zone_contents_t *contents = NULL;
    uint64_t position = 0;
    for (const zone_node_t *node = zone_iterate(plain, &position); node; node = zone_iterate(plain, &position)) {
        take_node(signer, node);
    }
    if (signing->key_count > 0) {
        add_keys(signer);
        add_chain(signer);
    }
    for (size_t i = 0; i < signer->unit_count; i++) {
        write_unit(signer, &signer->units[i]);
    }
    status_t status = zone_builder_finish(signer->builder, NULL, &contents);
    REQUIRE(status == STATUS_OK && contents);
    zone_builder_free(signer->builder);
    arena_clear(&signer->arena);
    buffer_clear(&signer->scratch);
    free(signer->units);
    free(signer->links);
    free(signer);
    return contents;
}
