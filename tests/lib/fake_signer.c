#include "fake_signer.h"

#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/nsec3_hash.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/builder.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIGNATURE_SIZE = 64, /* ECDSA P-256 */
    ALGORITHM = 13,
    DENIAL_TTL_S = 300,
    TYPES_MAX = 64,
};

/* One name of the chain. */
typedef struct link {
    uint8_t hash[NSEC3_HASH_SIZE];
    const zone_node_t *node;
} link_t;

typedef struct signer {
    const zone_contents_t *plain;
    const zone_node_t *apex;
    zone_builder_t *builder;
    zone_findings_t *findings;
    link_t *links;
    size_t count;
    size_t capacity;
    bool nsec3;
    bool opt_out;
    uint8_t rdata[RDATA_MAX];
} signer_t;

static void add(signer_t *signer, const uint8_t *owner, uint16_t type, uint32_t ttl_s, size_t rdlength)
{
    status_t status = zone_builder_add(signer->builder, owner, type, CLASS_IN, ttl_s, signer->rdata, rdlength, signer->findings);
    REQUIRE(status == STATUS_OK);
}

static void add_signature(signer_t *signer, const uint8_t *owner, uint16_t type, uint32_t ttl_s)
{
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    unsigned labels = name_labels(owner) - name_is_wildcard(owner);
    byte_write_u16(&writer, type);
    byte_write_u8(&writer, ALGORITHM);
    byte_write_u8(&writer, (uint8_t)labels);
    byte_write_u32(&writer, ttl_s);
    byte_write_u32(&writer, 1800000000);
    byte_write_u32(&writer, 1700000000);
    byte_write_u16(&writer, 12345);
    byte_write(&writer, signer->apex->wire, signer->apex->length);
    for (unsigned i = 0; i < SIGNATURE_SIZE; i++) {
        byte_write_u8(&writer, (uint8_t)(owner[i % name_length(owner)] * 31 + type + i));
    }
    add(signer, owner, TYPE_RRSIG, ttl_s, writer.position);
}

static bool is_secure_at(const zone_node_t *node, uint16_t type)
{
    return !(node->flags & ZONE_NODE_CUT) || type == TYPE_DS;
}

static void remember(signer_t *signer, const zone_node_t *node)
{
    if (signer->count == signer->capacity) {
        signer->capacity = signer->capacity ? signer->capacity * 2 : 1024;
        signer->links = realloc(signer->links, signer->capacity * sizeof *signer->links);
        REQUIRE(signer->links);
    }
    link_t *link = &signer->links[signer->count++];
    link->node = node;
    if (signer->nsec3) {
        nsec3_parameters_t parameters = {.iterations = 0};
        nsec3_hash(&parameters, node->wire, node->length, link->hash);
    }
}

static void copy_node(signer_t *signer, const zone_node_t *node)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        const uint8_t *record = rrset->data;
        uint32_t ttl_s = load_be32(rrset->fixed + 4);
        for (unsigned r = 0; r < rrset->count; r++) {
            size_t size = zone_record_rdata(signer->plain, rrset, record, signer->rdata, &record);
            add(signer, node->wire, rrset->type, ttl_s, size);
        }
        if (!(node->flags & ZONE_NODE_OCCLUDED) && is_secure_at(node, rrset->type)) {
            add_signature(signer, node->wire, rrset->type, ttl_s);
        }
    }
    if (node->flags & ZONE_NODE_OCCLUDED) {
        return;
    }
    bool insecure = node->flags & ZONE_NODE_CUT && !zone_node_find(node, TYPE_DS);
    if (signer->nsec3 && signer->opt_out && insecure) {
        return;
    }
    remember(signer, node);
    for (; signer->nsec3 && node != signer->apex; node = zone_node(signer->plain, node->parent)) {
        const zone_node_t *parent = zone_node(signer->plain, node->parent);
        if (parent->rrset_count == 0) {
            remember(signer, parent); /* empty non-terminals; twice does no harm, they are merged below */
        }
    }
}

/* The type bitmap of a node (RFC 4034 4.1.2); types below 256 only. */
static void write_bitmap(const signer_t *signer, const zone_node_t *node, byte_writer_t *writer)
{
    uint8_t bits[32] = {0};
    unsigned last = 0;
    uint16_t types[TYPES_MAX];
    unsigned count = 0;
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    bool has_signature = !signer->nsec3;
    for (unsigned i = 0; i < node->rrset_count && count < TYPES_MAX - 4; i++, rrset = zone_rrset_next(rrset)) {
        if (!(node->flags & ZONE_NODE_CUT) || rrset->type == TYPE_DS || rrset->type == TYPE_NS) {
            types[count++] = rrset->type;
            has_signature = has_signature || is_secure_at(node, rrset->type);
        }
    }
    if (node == signer->apex) {
        types[count++] = TYPE_DNSKEY;
    }
    if (node == signer->apex && signer->nsec3) {
        types[count++] = TYPE_NSEC3PARAM;
    }
    if (!signer->nsec3) {
        types[count++] = TYPE_NSEC;
    }
    if (has_signature && count > 0) {
        types[count++] = TYPE_RRSIG;
    }
    for (unsigned i = 0; i < count; i++) {
        if (types[i] < 256) {
            bits[types[i] / 8] |= (uint8_t)(0x80 >> types[i] % 8);
            last = types[i] / 8 > last ? types[i] / 8 : last;
        }
    }
    if (count > 0) {
        byte_write_u8(writer, 0);
        byte_write_u8(writer, (uint8_t)(last + 1));
        byte_write(writer, bits, last + 1);
    }
}

static int compare_links(const void *a, const void *b)
{
    return memcmp(((const link_t *)a)->hash, ((const link_t *)b)->hash, NSEC3_HASH_SIZE);
}

static void sort_links(signer_t *signer)
{
    size_t kept = 0;
    qsort(signer->links, signer->count, sizeof *signer->links, compare_links);
    for (size_t i = 0; i < signer->count; i++) {
        if (kept == 0 || compare_links(&signer->links[kept - 1], &signer->links[i]) != 0) {
            signer->links[kept++] = signer->links[i];
        }
    }
    signer->count = kept;
}

static void add_nsec3(signer_t *signer, const link_t *link, const link_t *next)
{
    name_t owner = {.length = (uint8_t)(1 + NSEC3_LABEL_SIZE + signer->apex->length)};
    owner.wire[0] = NSEC3_LABEL_SIZE;
    nsec3_hash_to_label(link->hash, owner.wire + 1);
    memcpy(owner.wire + 1 + NSEC3_LABEL_SIZE, signer->apex->wire, signer->apex->length);
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    byte_write_u8(&writer, NSEC3_ALGORITHM_SHA1);
    byte_write_u8(&writer, signer->opt_out ? NSEC3_FLAG_OPT_OUT : 0);
    byte_write_u16(&writer, 0);
    byte_write_u8(&writer, 0);
    byte_write_u8(&writer, NSEC3_HASH_SIZE);
    byte_write(&writer, next->hash, NSEC3_HASH_SIZE);
    write_bitmap(signer, link->node, &writer);
    add(signer, owner.wire, TYPE_NSEC3, DENIAL_TTL_S, writer.position);
    add_signature(signer, owner.wire, TYPE_NSEC3, DENIAL_TTL_S);
}

static void add_nsec(signer_t *signer, const link_t *link, const link_t *next)
{
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    byte_write(&writer, next->node->wire, next->node->length);
    write_bitmap(signer, link->node, &writer);
    add(signer, link->node->wire, TYPE_NSEC, DENIAL_TTL_S, writer.position);
    add_signature(signer, link->node->wire, TYPE_NSEC, DENIAL_TTL_S);
}

/* A key of the right size, and NSEC3PARAM. */
static void add_apex(signer_t *signer)
{
    byte_writer_t writer = byte_writer(signer->rdata, sizeof signer->rdata);
    byte_write_u16(&writer, 257);
    byte_write_u8(&writer, 3);
    byte_write_u8(&writer, ALGORITHM);
    for (unsigned i = 0; i < SIGNATURE_SIZE; i++) {
        byte_write_u8(&writer, (uint8_t)(i * 7));
    }
    add(signer, signer->apex->wire, TYPE_DNSKEY, 3600, writer.position);
    add_signature(signer, signer->apex->wire, TYPE_DNSKEY, 3600);
    if (signer->nsec3) {
        writer = byte_writer(signer->rdata, sizeof signer->rdata);
        byte_write_u8(&writer, NSEC3_ALGORITHM_SHA1);
        byte_write_u8(&writer, 0);
        byte_write_u16(&writer, 0);
        byte_write_u8(&writer, 0);
        add(signer, signer->apex->wire, TYPE_NSEC3PARAM, 0, writer.position);
        add_signature(signer, signer->apex->wire, TYPE_NSEC3PARAM, 0);
    }
}

const zone_contents_t *fake_sign(const zone_contents_t *plain, bool nsec3, bool opt_out)
{
    const zone_contents_t *contents = NULL;
    signer_t *signer = calloc(1, sizeof *signer);
    if (!signer) {
        return NULL;
    }
    signer->plain = plain;
    signer->apex = zone_apex(plain);
    signer->builder = zone_builder_new(signer->apex->wire, CLASS_IN);
    signer->findings = zone_findings_new();
    signer->nsec3 = nsec3;
    signer->opt_out = opt_out;
    REQUIRE(signer->builder && signer->findings);
    uint64_t position = 0;
    for (const zone_node_t *node = zone_iterate(plain, &position); node; node = zone_iterate(plain, &position)) {
        copy_node(signer, node);
    }
    if (nsec3) {
        sort_links(signer);
    }
    for (size_t i = 0; i < signer->count; i++) {
        const link_t *next = &signer->links[i + 1 < signer->count ? i + 1 : 0];
        nsec3 ? add_nsec3(signer, &signer->links[i], next) : add_nsec(signer, &signer->links[i], next);
    }
    add_apex(signer);
    if (zone_builder_finish(signer->builder, signer->findings, &contents) != STATUS_OK) {
        contents = NULL;
    }
    zone_builder_free(signer->builder);
    zone_findings_free(signer->findings);
    free(signer->links);
    free(signer);
    return contents;
}
