/* Zone contents: one immutable, position-independent version of a zone, and the look-ups that answers need.
 *
 * Invariants
 *  1. A version lives in one mapping; inside it everything refers to everything else by zone_ref_t (offset / 8 from the
 *     mapping's base), never by pointer. So it can be written to disk and mapped back as it stands. Ref 0 means none.
 *  2. Published contents never change. Readers hold them by RCU (until their next quiescent state) or, for longer, by a
 *     reference (zone_contents_ref/_unref, any thread).
 *  3. Names are lower case. Each owner name, each empty non-terminal, and each name in compressible rdata (NS, CNAME, SOA, PTR, MX ...: the
 * types with RRTYPE_COMPRESSED) is one node, stored once; parent leads one label up, up to the root ".". Two names are equal exactly when
 * their refs are. So compression and glue need no string comparison.
 *  4. A node's RRsets follow it directly, so a signed positive answer is one sequential read. Nodes of the zone stand in the arena in
 *     canonical order (RFC 4034 6.1); foreign nodes and NSEC3 owner nodes follow.
 *  5. Only names that exist in the zone's tree (RFC 4592 2.2: owners and empty non-terminals, occluded ones flagged) are found by
 *     zone_lookup(); foreign names and NSEC3 owner names are not (RFC 5155 7.2.8).
 *  6. From any octet of a node or an RRset on, 16 octets may be read: the hash stands behind the last one (zone/image.h).
 */
#pragma once

#include "base/require.h"
#include "base/status.h"
#include "wire/name.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t zone_ref_t; /* offset from the mapping's base in units of 8 bytes; up to 32 GiB */

enum {
    ZONE_NODE_APEX = 1u << 0,
    ZONE_NODE_CUT = 1u << 1,            /* holds NS and is not the apex: a delegation */
    ZONE_NODE_DNAME = 1u << 2,          /* holds a DNAME */
    ZONE_NODE_CNAME = 1u << 3,          /* holds a CNAME */
    ZONE_NODE_OCCLUDED = 1u << 4,       /* below a zone cut or a DNAME: glue, or not visible at all */
    ZONE_NODE_WILDCARD_CHILD = 1u << 5, /* "*" below this name exists */
    ZONE_NODE_FOREIGN = 1u << 6,        /* not in this zone's tree: only named in rdata, or an ancestor of names that are not */
    ZONE_NODE_NSEC3_OWNER = 1u << 7,    /* owner of an NSEC3 RRset; outside the tree, unless it owns other types too */
    ZONE_NODE_ADDRESS = 1u << 8,        /* holds A or AAAA */
    ZONE_NODE_NSEC = 1u << 9,           /* holds NSEC */
    ZONE_NODE_DENIAL_COVERS = 1u << 10, /* denial does not match but covers the name: an insecure delegation left out of an opt-out chain */
};

/* A name of the zone. Its wire form, lower case, follows; then, 8-byte aligned, rrset_count RRsets. */
typedef struct zone_node {
    zone_ref_t parent; /* the name one label up; 0 only for "." */
    zone_ref_t denial; /* NSEC3 zones: the NSEC3 owner node that matches this name (zone_node_match()), or, with
                        * ZONE_NODE_DENIAL_COVERS, covers it; or 0 */
    uint16_t flags;    /* ZONE_NODE_* */
    uint16_t rrset_count;
    uint8_t length; /* of wire */
    uint8_t labels;
    uint8_t reserved[2];
    uint8_t wire[];
} zone_node_t;

/* An RRset with its signatures. Behind it `data_size` bytes of records, then `signature_size` bytes of RRSIG records, each
 * {16-bit length in network order, rdata}; then padding to 8 bytes.
 * RRsets of a node are sorted by type. count == 0: there are only signatures, the RRset itself does not exist.
 *
 * Where `has_refs` is set (types with RRTYPE_COMPRESSED), a domain name in rdata stands as a zone_ref_t (4 bytes, host order, unaligned),
 * so NS CNAME PTR MB MD MF MG MR: {len=4, ref}; MX: {len=6, preference (network order), ref}; MINFO: {len=8, ref, ref}; SOA: {len=28, ref
 * mname, ref rname, 20 bytes}. The length prefix is that of this stored form. Elsewhere records are as on the wire and the RRset's records
 * can be copied length and all. */
typedef struct zone_rrset {
    uint8_t fixed[8]; /* type, class, TTL exactly as on the wire */
    uint16_t type;    /* host order */
    uint16_t count;   /* records */
    uint16_t signature_count;
    uint8_t has_refs;
    uint8_t reserved;
    uint32_t data_size;      /* bytes */
    uint32_t signature_size; /* bytes */
    uint8_t data[];          /* records, canonical order (RFC 4034 6.3) */
} zone_rrset_t;

_Static_assert(sizeof(zone_node_t) == 16, "nodes are packed by hand");
_Static_assert(sizeof(zone_rrset_t) == 24, "RRsets are packed by hand");

typedef struct zone_contents zone_contents_t; /* opaque but for the head below */

/* The part of the contents that in-line accessors and look-ups need; every zone_contents_t begins with it. The first line of it is all that
 * a look-up reads besides the image itself. */
typedef struct zone_contents_head {
    const uint8_t *base;   /* the mapping */
    const uint64_t *slots; /* the hash of the tree's names, see zone/image.h */
    uint32_t slot_count;   /* home places in slots */
    zone_ref_t apex;
    uint8_t apex_labels;
    uint8_t walks_down; /* most names are delegations: look-ups begin below the apex, not at the full name */
    uint8_t has_nsec;   /* the apex holds NSEC: denial by NSEC */
    uint8_t has_nsec3;  /* NSEC3PARAM and a chain: denial by NSEC3 */
    uint8_t is_signed;  /* any RRSIG at the apex */
    uint8_t nsec3_salt_size;
    uint16_t nsec3_iterations;
    uint32_t serial;           /* of the SOA */
    uint32_t negative_ttl_s;   /* min(SOA TTL, SOA MINIMUM), RFC 2308 3 */
    const uint8_t *nsec3_salt; /* inside the mapping */
    zone_ref_t apex_wildcard;  /* the node whose NSEC or NSEC3 covers or matches "*" below the apex; 0: none */
} zone_contents_head_t;

static inline const zone_contents_head_t *zone_head(const zone_contents_t *contents)
{
    return (const zone_contents_head_t *)contents;
}

static inline const zone_node_t *zone_node(const zone_contents_t *contents, zone_ref_t ref)
{
    DEBUG_ASSERT(ref != 0);
    return (const zone_node_t *)(zone_head(contents)->base + (size_t)ref * 8);
}

static inline zone_ref_t zone_node_ref(const zone_contents_t *contents, const zone_node_t *node)
{
    return (zone_ref_t)(((const uint8_t *)node - zone_head(contents)->base) / 8);
}

static inline const zone_node_t *zone_apex(const zone_contents_t *contents)
{
    return zone_node(contents, zone_head(contents)->apex);
}

/* The NSEC3 owner node that matches a node's name, or 0. */
static inline zone_ref_t zone_node_match(const zone_node_t *node)
{
    return node->flags & ZONE_NODE_DENIAL_COVERS ? 0 : node->denial;
}

static inline const zone_rrset_t *zone_node_first_rrset(const zone_node_t *node)
{
    return (const zone_rrset_t *)((const uint8_t *)node + ((sizeof *node + node->length + 7) & ~(size_t)7));
}

static inline const zone_rrset_t *zone_rrset_next(const zone_rrset_t *rrset)
{
    return (const zone_rrset_t *)((const uint8_t *)rrset +
                                  ((sizeof *rrset + (size_t)rrset->data_size + rrset->signature_size + 7) & ~(size_t)7));
}

/* The RRset of a type with at least one record, or NULL. */
static inline const zone_rrset_t *zone_node_find(const zone_node_t *node, uint16_t type)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned left = node->rrset_count; left > 0 && rrset->type <= type; left--, rrset = zone_rrset_next(rrset)) {
        if (rrset->type == type) {
            return rrset->count > 0 ? rrset : NULL;
        }
    }
    return NULL;
}

static inline zone_ref_t zone_ref_load(const uint8_t *p)
{
    zone_ref_t ref;
    __builtin_memcpy(&ref, p, sizeof ref);
    return ref;
}

/* ---- look-ups: no allocation, no lock; any registered RCU reader or holder of a reference ---- */

/* Where a name leads in this zone. The walk goes from the apex down and ends at the first zone cut or DNAME below whose
 * reach the name lies (RFC 1034 4.3.2 3, RFC 6672 3.2). */
typedef struct zone_lookup {
    const zone_node_t *node;  /* the exact match when `exact`, else the closest encloser (RFC 4592 3.3.1) */
    const zone_node_t *cut;   /* the topmost zone cut at or above the name, or NULL; then node is it (exact if names are equal) */
    const zone_node_t *dname; /* a DNAME strictly above the name, no cut above it, or NULL; then node is its owner */
    const zone_node_t
        *wildcard; /* source of synthesis (RFC 4592 3.3.1): "*" below the closest encloser, when not exact, no cut, no dname */
    bool exact;
} zone_lookup_t;

/* key must be at or below the apex. */
void zone_lookup(const zone_contents_t *contents, const name_key_t *key, zone_lookup_t *out);
/* Exact match of any name in the tree, occluded ones too (glue); NULL if none. wire is lower case. Not needed for what a zone_ref_t leads
 * to: that node is the tree's own, or marked ZONE_NODE_FOREIGN. */
const zone_node_t *zone_find(const zone_contents_t *contents, const uint8_t *wire);
/* Starts loading the memory that zone_lookup(key) will read first. Worth it some look-ups ahead: of 8 questions in a zone of a million
 * names each then costs two thirds. */
void zone_prefetch(const zone_contents_t *contents, const name_key_t *key);

/* The node whose NSEC covers or matches a lower-case name: the last node with an NSEC at or before it in canonical order. NULL only if the
 * zone has no NSEC. */
const zone_node_t *zone_nsec_covering(const zone_contents_t *contents, const uint8_t *wire);
/* The NSEC3 owner node whose hash equals `hash` (*matches true), or the one that covers it (RFC 5155 7.2). NULL only if there is no chain.
 */
const zone_node_t *zone_nsec3_covering(const zone_contents_t *contents, const uint8_t hash[static 20], bool *matches);

/* All nodes with RRsets in canonical order of the tree, then the NSEC3 owners in hash order; foreign nodes not. position starts at 0 and is
 * advanced; NULL at the end. For transfers, checks and text output. */
const zone_node_t *zone_iterate(const zone_contents_t *contents, uint64_t *position);

/* One record's rdata in full wire form, uncompressed, at most 65535 bytes. record points at the length prefix of a record in rrset->data;
 * *next (may be NULL) is set behind it. Returns the size. */
size_t zone_record_rdata(const zone_contents_t *contents, const zone_rrset_t *rrset, const uint8_t *record, uint8_t *out,
                         const uint8_t **next);

/* ---- life ---- */

const zone_contents_t *zone_contents_ref(const zone_contents_t *contents);
void zone_contents_unref(const zone_contents_t *contents);

typedef struct zone_statistics {
    uint64_t names; /* owners with data */
    uint64_t rrsets;
    uint64_t records; /* RRSIGs included */
    uint64_t bytes;   /* of the mapping */
} zone_statistics_t;
void zone_contents_statistics(const zone_contents_t *contents, zone_statistics_t *out);
