/* Zone contents against a model: thousands of small random zones, full of wildcards, empty non-terminals, zone cuts, DNAMEs and what they
 * occlude, built and asked about every name of a small universe; the model answers by looking at all records. */
#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/nsec3_hash.h"
#include "wire/rrtype.h"
#include "zone/builder.h"
#include "zone/contents.h"
#include "zone/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MAX = 256, UNIVERSE_MAX = 512, RDATA_SIZE = 320, ZONES = 1500 };

typedef struct record {
    name_t owner; /* lower case */
    uint16_t type;
    uint16_t rdlength;
    uint8_t rdata[RDATA_SIZE]; /* names in lower case */
} record_t;

typedef struct model {
    name_t apex;
    record_t records[RECORDS_MAX];
    size_t count;
    name_t universe[UNIVERSE_MAX]; /* at or below the apex */
    size_t universe_count;
    uint64_t random;
    const zone_contents_t *contents;
} model_t;

static uint32_t pick(model_t *model, uint32_t below)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return (uint32_t)((model->random >> 32) * below >> 32);
}

static name_t from_text(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    return name;
}

static name_t below(const name_t *parent, const uint8_t *label, size_t length)
{
    name_t name;
    assert_true(parent->length + length + 1 <= NAME_WIRE_MAX);
    name.wire[0] = (uint8_t)length;
    memcpy(name.wire + 1, label, length);
    memcpy(name.wire + 1 + length, parent->wire, parent->length);
    name.length = (uint8_t)(parent->length + length + 1);
    name.labels = (uint8_t)(parent->labels + 1);
    return name;
}

static bool same(const name_t *a, const uint8_t *b)
{
    return name_length(b) == a->length && memcmp(a->wire, b, a->length) == 0;
}

static name_t suffix_of(const name_t *name, unsigned labels)
{
    name_t suffix;
    name_set(&suffix, name_suffix(name->wire, labels));
    return suffix;
}

/* ---- what the model says ---- */

static uint16_t rrset_type(const record_t *record)
{
    return record->type == TYPE_RRSIG ? load_be16(record->rdata) : record->type;
}

static bool model_exists(const model_t *model, const name_t *name)
{
    for (size_t i = 0; i < model->count; i++) {
        const record_t *record = &model->records[i];
        if (rrset_type(record) != TYPE_NSEC3 && name_is_at_or_below(record->owner.wire, name->wire)) {
            return true;
        }
    }
    return false;
}

static bool model_has(const model_t *model, const name_t *name, uint16_t type)
{
    for (size_t i = 0; i < model->count; i++) {
        if (model->records[i].type == type && same(name, model->records[i].owner.wire)) {
            return true;
        }
    }
    return false;
}

static bool model_is_cut(const model_t *model, const name_t *name)
{
    return name->labels > model->apex.labels && model_has(model, name, TYPE_NS);
}

static bool model_is_occluded(const model_t *model, const name_t *name)
{
    for (unsigned labels = model->apex.labels; labels < name->labels; labels++) {
        name_t above = suffix_of(name, labels);
        if (model_is_cut(model, &above) || model_has(model, &above, TYPE_DNAME)) {
            return true;
        }
    }
    return false;
}

typedef struct expected {
    name_t node;
    bool exact, cut, dname, wildcard;
} expected_t;

static expected_t model_lookup(const model_t *model, const name_t *name)
{
    expected_t expected = {.node = model->apex};
    for (unsigned labels = model->apex.labels; labels <= name->labels; labels++) {
        name_t at = suffix_of(name, labels);
        if (!model_exists(model, &at)) {
            break;
        }
        expected.node = at;
        expected.exact = labels == name->labels;
        expected.cut = model_is_cut(model, &at);
        expected.dname = !expected.cut && !expected.exact && model_has(model, &at, TYPE_DNAME);
        if (expected.cut || expected.dname) {
            break;
        }
    }
    if (!expected.exact && !expected.cut && !expected.dname && expected.node.length + 2 <= NAME_WIRE_MAX) {
        name_t wildcard = below(&expected.node, (const uint8_t *)"*", 1);
        expected.wildcard = model_exists(model, &wildcard);
    }
    return expected;
}

/* ---- making zones ---- */

static const struct label {
    uint8_t length;
    uint8_t octets[9];
} labels[] = {
    {1, "a"}, {1, "b"}, {1, "*"}, {2, "ab"}, {1, {0}}, {2, {'a', 0}}, {2, {'a', 1}}, {9, "aaaaaaaab"}, {9, "aaaaaaaac"},
};

static void make_universe(model_t *model)
{
    model->universe[0] = model->apex;
    model->universe_count = 1;
    /* All labels at first; fewer at each level below, so that names meet often. */
    for (size_t at = 0; at < model->universe_count; at++) {
        name_t name = model->universe[at];
        unsigned depth = name.labels - model->apex.labels;
        size_t wide = depth == 0 ? ARRAY_SIZE(labels) : depth == 1 ? 5 : depth == 2 ? 3 : depth == 3 ? 1 : 0;
        for (size_t i = 0; i < wide; i++) {
            assert_true(model->universe_count < UNIVERSE_MAX);
            model->universe[model->universe_count++] = below(&name, labels[i].octets, labels[i].length);
        }
    }
}

static void add_record(model_t *model, const name_t *owner, uint16_t type, const uint8_t *rdata, size_t rdlength)
{
    assert_true(model->count < RECORDS_MAX && rdlength <= RDATA_SIZE);
    record_t *record = &model->records[model->count++];
    record->owner = *owner;
    record->type = type;
    record->rdlength = (uint16_t)rdlength;
    memcpy(record->rdata, rdata, rdlength);
}

static name_t random_name(model_t *model)
{
    return model->universe[pick(model, (uint32_t)model->universe_count)];
}

/* A name for rdata: of the zone, above it, or of another. */
static name_t random_target(model_t *model)
{
    switch (pick(model, 6)) {
    case 0:
        return from_text("ns1.other.test.");
    case 1:
        return from_text("x.y.other.test.");
    case 2:
        return pick(model, 2) ? from_text(".") : suffix_of(&model->apex, pick(model, model->apex.labels + 1u));
    case 3: {
        name_t name = random_name(model);
        return below(&name, (const uint8_t *)"ns", 2);
    }
    default:
        return random_name(model);
    }
}

static void add_with_target(model_t *model, const name_t *owner, uint16_t type, size_t prefix)
{
    name_t target = random_target(model);
    uint8_t rdata[RDATA_SIZE] = {0, (uint8_t)pick(model, 3), 0, 0, 0, 0};
    memcpy(rdata + prefix, target.wire, target.length);
    add_record(model, owner, type, rdata, prefix + target.length);
}

static void add_signature(model_t *model, const name_t *owner, uint16_t covered)
{
    uint8_t rdata[24] = {0};
    store_be16(rdata, covered);
    store_be16(rdata + 16, (uint16_t)pick(model, 3));
    add_record(model, owner, TYPE_RRSIG, rdata, 22);
}

static void add_random(model_t *model, const name_t *owner)
{
    static const uint16_t types[] = {TYPE_A, TYPE_A, TYPE_NS, TYPE_TXT, TYPE_CNAME, TYPE_MX, TYPE_DNAME, TYPE_SRV, TYPE_AAAA, TYPE_MINFO};
    uint16_t type = types[pick(model, ARRAY_SIZE(types))];
    uint8_t octets[16] = {0};
    switch (type) {
    case TYPE_A:
        octets[3] = (uint8_t)pick(model, 4);
        add_record(model, owner, type, octets, 4);
        break;
    case TYPE_AAAA:
        octets[15] = (uint8_t)pick(model, 4);
        add_record(model, owner, type, octets, 16);
        break;
    case TYPE_TXT:
        octets[0] = (uint8_t)pick(model, 3);
        add_record(model, owner, type, octets, octets[0] + 1u);
        break;
    case TYPE_MX:
        add_with_target(model, owner, type, 2);
        break;
    case TYPE_SRV:
        add_with_target(model, owner, type, 6);
        break;
    case TYPE_MINFO: {
        name_t first = random_target(model);
        name_t second = random_target(model);
        uint8_t rdata[2 * NAME_WIRE_MAX];
        memcpy(rdata, first.wire, first.length);
        memcpy(rdata + first.length, second.wire, second.length);
        if (first.length + second.length <= RDATA_SIZE) {
            add_record(model, owner, type, rdata, (size_t)first.length + second.length);
        }
        break;
    }
    default:
        if (pick(model, 3) == 0) {
            add_with_target(model, owner, type, 0);
        }
    }
    if (pick(model, 4) == 0) {
        add_signature(model, owner, pick(model, 8) == 0 ? TYPE_CAA : type);
    }
}

static void add_soa(model_t *model)
{
    name_t mname = random_target(model);
    name_t rname = random_target(model);
    uint8_t rdata[RDATA_SIZE] = {0};
    size_t size = 0;
    memcpy(rdata, mname.wire, mname.length);
    size += mname.length;
    memcpy(rdata + size, rname.wire, rname.length);
    size += rname.length;
    store_be32(rdata + size, 4711);
    store_be32(rdata + size + 16, 60);
    add_record(model, &model->apex, TYPE_SOA, rdata, size + 20);
}

static void add_nsec(model_t *model)
{
    uint8_t rdata[] = {0, 0, 1, 0x40};
    for (size_t i = 0; i < model->universe_count; i++) {
        if (i == 0 ? pick(model, 3) > 0 : model_exists(model, &model->universe[i]) && pick(model, 3) > 0) {
            add_record(model, &model->universe[i], TYPE_NSEC, rdata, sizeof rdata);
        }
    }
}

static const uint8_t salt[] = {0xca, 0xfe};
static const nsec3_parameters_t chain_parameters = {.salt = salt, .salt_size = sizeof salt, .iterations = 2};
static const nsec3_parameters_t other_parameters = {.salt = salt, .salt_size = 1, .iterations = 2};

static void hash_of(const name_t *name, const nsec3_parameters_t *parameters, uint8_t hash[NSEC3_HASH_SIZE])
{
    nsec3_hash(parameters, name->wire, name->length, hash);
}

static void add_nsec3(model_t *model, const name_t *name, const nsec3_parameters_t *parameters)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    uint8_t label[NSEC3_LABEL_SIZE];
    hash_of(name, parameters, hash);
    nsec3_hash_to_label(hash, label);
    name_t owner = below(&model->apex, label, sizeof label);
    uint8_t rdata[64] = {NSEC3_ALGORITHM_SHA1, 0, 0, (uint8_t)parameters->iterations, parameters->salt_size};
    memcpy(rdata + 5, salt, parameters->salt_size);
    rdata[5 + parameters->salt_size] = NSEC3_HASH_SIZE;
    add_record(model, &owner, TYPE_NSEC3, rdata, 6u + parameters->salt_size + NSEC3_HASH_SIZE);
    add_signature(model, &owner, TYPE_NSEC3);
}

static void add_nsec3_chain(model_t *model)
{
    const uint8_t other[] = {NSEC3_ALGORITHM_SHA1, 0, 0, 2, 1, salt[0]};
    const uint8_t unfinished[] = {NSEC3_ALGORITHM_SHA1, 1, 0, 2, 1, salt[0]};
    const uint8_t served[] = {NSEC3_ALGORITHM_SHA1, 0, 0, 2, 2, salt[0], salt[1]};
    bool has_other = pick(model, 2);
    /* An announcement without a chain, or one that is not complete: both are passed over. */
    add_record(model, &model->apex, TYPE_NSEC3PARAM, has_other ? unfinished : other, sizeof other);
    add_record(model, &model->apex, TYPE_NSEC3PARAM, served, sizeof served);
    size_t count = model->count;
    for (size_t i = 0; i < model->universe_count && model->count + 8 < RECORDS_MAX; i++) {
        bool in_chain = model_is_occluded(model, &model->universe[i]) ? pick(model, 8) == 0 : i == 0 || pick(model, 4) > 0;
        if (in_chain && model_exists(model, &model->universe[i])) {
            add_nsec3(model, &model->universe[i], &chain_parameters);
            if (has_other && pick(model, 4) == 0) {
                add_nsec3(model, &model->universe[i], &other_parameters);
            }
        }
    }
    assert_true(model->count > count);
}

static void shuffle(model_t *model)
{
    for (size_t i = model->count; i > 1; i--) {
        size_t j = pick(model, (uint32_t)i);
        record_t record = model->records[i - 1];
        model->records[i - 1] = model->records[j];
        model->records[j] = record;
    }
}

/* Owners are given in random case: the zone has them in lower case. */
static void build(model_t *model)
{
    zone_builder_t *builder = zone_builder_new(model->apex.wire, CLASS_IN);
    assert_non_null(builder);
    for (size_t i = 0; i < model->count; i++) {
        const record_t *record = &model->records[i];
        name_t owner = record->owner;
        for (size_t j = 0; j < owner.length; j++) {
            if (owner.wire[j] >= 'a' && owner.wire[j] <= 'z' && pick(model, 2)) {
                owner.wire[j] ^= 0x20;
            }
        }
        assert_int_equal(zone_builder_add(builder, owner.wire, record->type, CLASS_IN, 300, record->rdata, record->rdlength, NULL),
                         STATUS_OK);
    }
    assert_int_equal(zone_builder_finish(builder, NULL, &model->contents), STATUS_OK);
    zone_builder_free(builder);
}

static void make_zone(model_t *model, uint64_t seed)
{
    static const char *const apexes[] = {"example.", ".", "z.example.", "a.b.c.d."};
    model->count = 0;
    model->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    model->apex = from_text(apexes[pick(model, ARRAY_SIZE(apexes))]);
    make_universe(model);
    add_soa(model);
    bool is_registry = pick(model, 3) == 0;
    for (unsigned left = pick(model, 40); left > 0; left--) {
        name_t owner = random_name(model);
        if (is_registry && pick(model, 8) > 0) {
            owner = model->universe[1 + pick(model, ARRAY_SIZE(labels))];
            add_with_target(model, &owner, TYPE_NS, 0);
        } else {
            add_random(model, &owner);
        }
    }
    for (unsigned left = pick(model, 4); left > 0; left--) { /* duplicates */
        record_t twin = model->records[pick(model, (uint32_t)model->count)];
        add_record(model, &twin.owner, twin.type, twin.rdata, twin.rdlength);
    }
    switch (pick(model, 3)) {
    case 0:
        add_nsec(model);
        break;
    case 1:
        add_nsec3_chain(model);
        break;
    default:
        break;
    }
    shuffle(model);
    build(model);
}

/* ---- comparing ---- */

static void check_lookup(const model_t *model, const name_t *name)
{
    name_key_t key;
    name_key_init(&key, name->wire, name->length);
    zone_lookup_t lookup;
    memset(&lookup, 0xff, sizeof lookup);
    zone_prefetch(model->contents, &key);
    zone_lookup(model->contents, &key, &lookup);
    expected_t expected = model_lookup(model, name);
    assert_true(same(&expected.node, lookup.node->wire));
    assert_int_equal(lookup.exact, expected.exact);
    assert_ptr_equal(lookup.cut, expected.cut ? lookup.node : NULL);
    assert_ptr_equal(lookup.dname, expected.dname ? lookup.node : NULL);
    assert_int_equal(lookup.wildcard != NULL, expected.wildcard);
    if (lookup.wildcard) {
        name_t wildcard = below(&expected.node, (const uint8_t *)"*", 1);
        assert_true(same(&wildcard, lookup.wildcard->wire));
    }
}

static void check_node(const model_t *model, const name_t *name)
{
    const zone_node_t *node = zone_find(model->contents, name->wire);
    assert_int_equal(node != NULL, model_exists(model, name));
    if (!node) {
        return;
    }
    assert_true(same(name, node->wire));
    assert_int_equal(node->labels, name->labels);
    assert_int_equal((node->flags & ZONE_NODE_APEX) != 0, name->labels == model->apex.labels);
    assert_int_equal((node->flags & ZONE_NODE_CUT) != 0, model_is_cut(model, name));
    assert_int_equal((node->flags & ZONE_NODE_DNAME) != 0, model_has(model, name, TYPE_DNAME));
    assert_int_equal((node->flags & ZONE_NODE_CNAME) != 0, model_has(model, name, TYPE_CNAME));
    assert_int_equal((node->flags & ZONE_NODE_NSEC) != 0, model_has(model, name, TYPE_NSEC));
    assert_int_equal((node->flags & ZONE_NODE_ADDRESS) != 0, model_has(model, name, TYPE_A) || model_has(model, name, TYPE_AAAA));
    assert_int_equal((node->flags & ZONE_NODE_OCCLUDED) != 0, model_is_occluded(model, name));
    assert_int_equal(node->flags & ZONE_NODE_FOREIGN, 0);
    name_t wildcard = below(name, (const uint8_t *)"*", 1);
    assert_int_equal((node->flags & ZONE_NODE_WILDCARD_CHILD) != 0, model_exists(model, &wildcard));
    for (unsigned labels_left = name->labels; labels_left > 0; labels_left--) {
        name_t parent = suffix_of(name, labels_left - 1);
        node = zone_node(model->contents, node->parent);
        assert_true(same(&parent, node->wire));
    }
    assert_int_equal(node->parent, 0);
}

static void check_nsec(const model_t *model, const name_t *name)
{
    const record_t *covering = NULL;
    const record_t *last = NULL;
    for (size_t i = 0; i < model->count; i++) {
        const record_t *record = &model->records[i];
        if (record->type != TYPE_NSEC) {
            continue;
        }
        if (name_compare(record->owner.wire, name->wire) <= 0 &&
            (!covering || name_compare(record->owner.wire, covering->owner.wire) > 0)) {
            covering = record;
        }
        if (!last || name_compare(record->owner.wire, last->owner.wire) > 0) {
            last = record;
        }
    }
    covering = covering ? covering : last;
    const zone_node_t *node = zone_nsec_covering(model->contents, name->wire);
    assert_int_equal(node != NULL, covering != NULL);
    assert_true(!node || same(&covering->owner, node->wire));
}

static bool is_of_chain(const record_t *record)
{
    nsec3_parameters_t parameters;
    return record->type == TYPE_NSEC3 && nsec3_parameters_read(&parameters, record->rdata, record->rdlength) &&
           nsec3_parameters_equal(&parameters, &chain_parameters);
}

static void check_nsec3(const model_t *model, const uint8_t hash[NSEC3_HASH_SIZE])
{
    uint8_t label[NSEC3_LABEL_SIZE];
    nsec3_hash_to_label(hash, label);
    const record_t *covering = NULL;
    const record_t *last = NULL;
    for (size_t i = 0; i < model->count; i++) {
        const record_t *record = &model->records[i];
        if (!is_of_chain(record)) {
            continue;
        }
        const uint8_t *own = record->owner.wire + 1;
        if (memcmp(own, label, sizeof label) <= 0 && (!covering || memcmp(own, covering->owner.wire + 1, sizeof label) > 0)) {
            covering = record;
        }
        if (!last || memcmp(own, last->owner.wire + 1, sizeof label) > 0) {
            last = record;
        }
    }
    bool expect_match = covering && memcmp(covering->owner.wire + 1, label, sizeof label) == 0;
    covering = covering ? covering : last;
    bool matches = true;
    const zone_node_t *node = zone_nsec3_covering(model->contents, hash, &matches);
    assert_int_equal(node != NULL, covering != NULL);
    assert_true(!node || same(&covering->owner, node->wire));
    assert_int_equal(matches, expect_match);
}

static void check_denial(model_t *model, const name_t *name)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    hash_of(name, &chain_parameters, hash);
    check_nsec3(model, hash);
    const zone_node_t *node = zone_find(model->contents, name->wire);
    if (node) {
        bool matches;
        const zone_node_t *owner = zone_nsec3_covering(model->contents, hash, &matches);
        zone_ref_t ref = owner ? zone_node_ref(model->contents, owner) : 0;
        bool is_visible = !model_is_occluded(model, name);
        bool is_left_out = owner && is_visible && !matches && node->flags & ZONE_NODE_CUT;
        assert_int_equal(zone_node_match(node), is_visible && matches ? ref : 0);
        assert_int_equal((node->flags & ZONE_NODE_DENIAL_COVERS) != 0, is_left_out);
        assert_true(!is_left_out || node->denial == ref);
    }
    hash[pick(model, 3)] ^= (uint8_t)(1 << pick(model, 8));
    check_nsec3(model, hash);
    hash[NSEC3_HASH_SIZE - 1]++;
    check_nsec3(model, hash);
}

static size_t count_distinct(const model_t *model, const name_t *owner, uint16_t type, bool signatures)
{
    size_t distinct = 0;
    for (size_t i = 0; i < model->count; i++) {
        const record_t *record = &model->records[i];
        bool counts = same(owner, record->owner.wire) && rrset_type(record) == type && (record->type == TYPE_RRSIG) == signatures;
        for (size_t j = 0; counts && j < i; j++) {
            const record_t *twin = &model->records[j];
            counts = !(same(owner, twin->owner.wire) && twin->type == record->type && twin->rdlength == record->rdlength &&
                       memcmp(twin->rdata, record->rdata, record->rdlength) == 0);
        }
        distinct += counts;
    }
    return distinct;
}

static bool model_has_record(const model_t *model, const name_t *owner, uint16_t type, const uint8_t *rdata, size_t size)
{
    for (size_t i = 0; i < model->count; i++) {
        const record_t *record = &model->records[i];
        if (same(owner, record->owner.wire) && record->type == type && record->rdlength == size &&
            memcmp(record->rdata, rdata, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Names in rdata are nodes: the one of the tree where there is one, else one that is marked as foreign. */
static void check_refs(const model_t *model, const zone_rrset_t *rrset, const uint8_t *record)
{
    if (rrset->type != TYPE_NS && rrset->type != TYPE_CNAME) {
        return;
    }
    const zone_node_t *target = zone_node(model->contents, zone_ref_load(record + 2));
    bool in_zone = name_is_at_or_below(target->wire, model->apex.wire);
    const zone_node_t *own = in_zone ? zone_find(model->contents, target->wire) : NULL;
    if (own) {
        assert_ptr_equal(target, own);
    } else {
        assert_true(target->flags & (ZONE_NODE_FOREIGN | ZONE_NODE_NSEC3_OWNER));
    }
}

static void check_rrset(const model_t *model, const name_t *owner, const zone_rrset_t *rrset)
{
    static uint8_t rdata[65536];
    static uint8_t before[65536];
    size_t before_size = 0;
    assert_int_equal(load_be16(rrset->fixed), rrset->type);
    assert_int_equal(load_be16(rrset->fixed + 2), CLASS_IN);
    assert_int_equal(load_be32(rrset->fixed + 4), 300);
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        check_refs(model, rrset, record);
        size_t size = zone_record_rdata(model->contents, rrset, record, rdata, &record);
        assert_true(model_has_record(model, owner, rrset->type, rdata, size));
        size_t shorter = size < before_size ? size : before_size;
        int order = i == 0 ? 1 : memcmp(rdata, before, shorter);
        assert_true(order > 0 || (order == 0 && size > before_size));
        memcpy(before, rdata, size);
        before_size = size;
    }
    assert_ptr_equal(record, rrset->data + rrset->data_size);
    for (unsigned i = 0; i < rrset->signature_count; i++) {
        assert_true(model_has_record(model, owner, TYPE_RRSIG, record + 2, load_be16(record)));
        record += 2 + load_be16(record);
    }
    assert_ptr_equal(record, rrset->data + rrset->data_size + rrset->signature_size);
    assert_int_equal(rrset->count, count_distinct(model, owner, rrset->type, false));
    assert_int_equal(rrset->signature_count, count_distinct(model, owner, rrset->type, true));
}

static bool is_denial_owner(const model_t *model, const name_t *owner)
{
    for (size_t i = 0; i < model->count; i++) {
        if (same(owner, model->records[i].owner.wire) && rrset_type(&model->records[i]) != TYPE_NSEC3) {
            return false;
        }
    }
    return true;
}

static void check_iteration(const model_t *model)
{
    zone_statistics_t counted = {0};
    uint64_t position = 0;
    name_t before = {0};
    bool before_is_denial = false;
    for (const zone_node_t *node; (node = zone_iterate(model->contents, &position)) != NULL;) {
        name_t owner;
        name_set(&owner, node->wire);
        bool denial = is_denial_owner(model, &owner);
        assert_int_equal(denial, zone_find(model->contents, owner.wire) == NULL);
        if (counted.names > 0 && denial == before_is_denial) {
            assert_true(name_compare(before.wire, owner.wire) < 0);
        }
        assert_true(denial || !before_is_denial);
        const zone_rrset_t *rrset = zone_node_first_rrset(node);
        int type_before = -1;
        for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
            assert_true(rrset->type > type_before);
            type_before = rrset->type;
            check_rrset(model, &owner, rrset);
            assert_ptr_equal(zone_node_find(node, rrset->type), rrset->count > 0 ? rrset : NULL);
            counted.rrsets += rrset->count > 0;
            counted.records += rrset->count + rrset->signature_count;
        }
        counted.names++;
        before = owner;
        before_is_denial = denial;
    }
    size_t distinct = 0;
    for (size_t i = 0; i < model->count; i++) {
        const record_t *record = &model->records[i];
        bool is_first = true;
        for (size_t j = 0; j < i; j++) {
            const record_t *twin = &model->records[j];
            is_first = is_first && !(same(&record->owner, twin->owner.wire) && twin->type == record->type &&
                                     twin->rdlength == record->rdlength && memcmp(twin->rdata, record->rdata, record->rdlength) == 0);
        }
        distinct += is_first;
    }
    assert_int_equal(counted.records, distinct);
    zone_statistics_t statistics;
    zone_contents_statistics(model->contents, &statistics);
    assert_int_equal(statistics.names, counted.names);
    assert_int_equal(statistics.rrsets, counted.rrsets);
    assert_int_equal(statistics.records, counted.records);
}

static void check_head(const model_t *model)
{
    const zone_contents_head_t *head = zone_head(model->contents);
    assert_true(same(&model->apex, zone_apex(model->contents)->wire));
    assert_int_equal(head->serial, 4711);
    assert_int_equal(head->negative_ttl_s, 60);
    assert_int_equal(head->has_nsec, model_has(model, &model->apex, TYPE_NSEC));
    assert_int_equal(head->has_nsec3, model_has(model, &model->apex, TYPE_NSEC3PARAM));
    assert_int_equal(head->is_signed, model_has(model, &model->apex, TYPE_RRSIG));
    if (head->has_nsec3) {
        assert_int_equal(head->nsec3_iterations, chain_parameters.iterations);
        assert_int_equal(head->nsec3_salt_size, sizeof salt);
        assert_memory_equal(head->nsec3_salt, salt, sizeof salt);
    }
}

static void zones_answer_as_the_model_does(void **state)
{
    (void)state;
    model_t *model = calloc(1, sizeof *model);
    assert_non_null(model);
    unsigned walking_down = 0;
    for (unsigned seed = 0; seed < ZONES; seed++) {
        make_zone(model, seed);
        walking_down += zone_head(model->contents)->walks_down;
        check_head(model);
        check_iteration(model);
        for (size_t i = 0; i < model->universe_count; i++) {
            const name_t *name = &model->universe[i];
            name_t deeper = below(name, (const uint8_t *)"q", 1);
            name_t deepest = below(&deeper, (const uint8_t *)"aaaaaaaabz", 10);
            check_lookup(model, name);
            check_lookup(model, &deeper);
            check_lookup(model, &deepest);
            check_node(model, name);
            check_nsec(model, name);
            check_nsec(model, &deeper);
            check_denial(model, name);
        }
        zone_contents_unref(model->contents);
    }
    assert_true(walking_down > ZONES / 20 && walking_down < ZONES * 19 / 20);
    free(model);
}

typedef struct tagged {
    uint64_t tag;
    unsigned number;
} tagged_t;

static int compare_tags(const void *a, const void *b)
{
    uint64_t a_tag = ((const tagged_t *)a)->tag;
    uint64_t b_tag = ((const tagged_t *)b)->tag;
    return (a_tag > b_tag) - (a_tag < b_tag);
}

static name_t numbered(const char *first, unsigned number)
{
    char text[48];
    snprintf(text, sizeof text, "%s.h%u.t.", first, number);
    return from_text(text);
}

static zone_lookup_t look_up(const zone_contents_t *contents, const name_t *name)
{
    name_key_t key;
    zone_lookup_t lookup;
    name_key_init(&key, name->wire, name->length);
    zone_lookup(contents, &key, &lookup);
    return lookup;
}

static const zone_contents_t *build_pair(const name_t *owners, size_t count)
{
    name_t apex = from_text("t.");
    uint8_t rdata[22] = {0};
    zone_builder_t *builder = zone_builder_new(apex.wire, CLASS_IN);
    assert_int_equal(zone_builder_add(builder, apex.wire, TYPE_SOA, CLASS_IN, 300, rdata, 22, NULL), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(zone_builder_add(builder, owners[i].wire, TYPE_A, CLASS_IN, 300, rdata, 4, NULL), STATUS_OK);
    }
    const zone_contents_t *contents;
    assert_int_equal(zone_builder_finish(builder, NULL, &contents), STATUS_OK);
    zone_builder_free(builder);
    return contents;
}

/* Among so many wildcards some pairs have the same tag in the hash. */
static void names_with_the_same_tag_are_told_apart(void **state)
{
    (void)state;
    enum { NAMES = 300000 };
    tagged_t *tagged = malloc(NAMES * sizeof *tagged);
    assert_non_null(tagged);
    for (unsigned i = 0; i < NAMES; i++) {
        name_t name = numbered("*", i);
        tagged[i] = (tagged_t){.tag = zone_slot_tag(name_hash(name.wire)), .number = i};
    }
    qsort(tagged, NAMES, sizeof *tagged, compare_tags);
    unsigned pairs = 0;
    for (unsigned i = 1; i < NAMES; i++) {
        if (tagged[i].tag != tagged[i - 1].tag) {
            continue;
        }
        pairs++;
        name_t owners[] = {numbered("*", tagged[i - 1].number), numbered("*", tagged[i].number)};
        name_t queries[] = {numbered("q", tagged[i - 1].number), numbered("q", tagged[i].number)};
        const zone_contents_t *both = build_pair(owners, 2);
        const zone_contents_t *one = build_pair(owners, 1);
        for (unsigned j = 0; j < 2; j++) {
            assert_true(same(&owners[j], zone_find(both, owners[j].wire)->wire));
            assert_true(same(&owners[j], look_up(both, &owners[j]).node->wire));
            assert_true(same(&owners[j], look_up(both, &queries[j]).wildcard->wire));
        }
        assert_null(zone_find(one, owners[1].wire));
        assert_false(look_up(one, &owners[1]).exact);
        zone_contents_unref(both);
        zone_contents_unref(one);
    }
    assert_true(pairs > 3);
    free(tagged);
}

/* A full hash of many names, and an image that is a mapping of its own. */
static void a_large_zone_is_found_whole(void **state)
{
    (void)state;
    enum { NAMES = 60000 };
    name_t apex = from_text("big.example.");
    zone_builder_t *builder = zone_builder_new(apex.wire, CLASS_IN);
    uint8_t soa[22] = {0};
    uint8_t nsec[] = {0, 0, 1, 0x40};
    assert_int_equal(zone_builder_add(builder, apex.wire, TYPE_SOA, CLASS_IN, 300, soa, sizeof soa, NULL), STATUS_OK);
    for (unsigned i = 0; i < NAMES; i++) {
        char text[32];
        snprintf(text, sizeof text, "host-%u.big.example.", i * 7919 % NAMES);
        name_t owner = from_text(text);
        assert_int_equal(zone_builder_add(builder, owner.wire, TYPE_NSEC, CLASS_IN, 300, nsec, sizeof nsec, NULL), STATUS_OK);
    }
    const zone_contents_t *contents;
    assert_int_equal(zone_builder_finish(builder, NULL, &contents), STATUS_OK);
    zone_builder_free(builder);
    for (unsigned i = 0; i < NAMES + 100; i++) {
        char text[32];
        snprintf(text, sizeof text, "host-%u.big.example.", i);
        name_t name = from_text(text);
        name_key_t key;
        name_key_init(&key, name.wire, name.length);
        zone_lookup_t lookup;
        zone_lookup(contents, &key, &lookup);
        assert_int_equal(lookup.exact, i < NAMES);
        assert_true(i >= NAMES || same(&name, lookup.node->wire));
        const zone_node_t *covering = zone_nsec_covering(contents, name.wire);
        assert_int_equal(same(&name, covering->wire), i < NAMES);
        assert_true(name_compare(covering->wire, name.wire) <= 0);
    }
    zone_statistics_t statistics;
    zone_contents_statistics(contents, &statistics);
    assert_int_equal(statistics.names, NAMES + 1);
    assert_true(statistics.bytes > 1 << 20);
    const zone_contents_t *again = zone_contents_ref(contents);
    assert_ptr_equal(again, contents);
    zone_contents_unref(contents);
    assert_int_equal(zone_apex(again)->labels, 2);
    zone_contents_unref(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_answer_as_the_model_does),
        cmocka_unit_test(names_with_the_same_tag_are_told_apart),
        cmocka_unit_test(a_large_zone_is_found_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
