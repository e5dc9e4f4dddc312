/* Puts RRsets of a zone into a message: whole or not at all, owners and names in rdata compressed by reference (auth/names.h).
 *
 * Invariants: begin <= at <= end; what a failed call wrote lies behind `at` and does not count. Pointers of a message written
 * by this writer lead backwards only.
 */
#pragma once

#include "auth/names.h"
#include "wire/name.h"
#include "zone/contents.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct auth_writer {
    uint8_t *begin; /* of the message */
    uint8_t *at;    /* the next byte */
    uint8_t *end;   /* records end here */
    const zone_contents_t *zone;
    auth_names_t *names;
    /* A name that stands in the message in one piece, the question's mostly: its suffixes are found by climbing, not in the table. NULL:
     * none. */
    const zone_node_t *known;    /* its node, or the nearest ancestor that is one */
    const name_key_t *known_key; /* the name */
    uint16_t known_at;           /* where it stands */
    uint16_t stamp;              /* of `zone` in names; 0: nothing is in the table yet */
    /* Most names are one label below the known one, or below the parent of the name written last: no search at all. */
    zone_ref_t parent; /* UINT32_MAX: none */
    /* The first name that shares nothing with the known one is entered into the table only when another such name comes. */
    zone_ref_t first;   /* 0: none, or entered */
    uint16_t has_first; /* there was one */
    uint16_t parent_at; /* message offset of `parent` */
    uint16_t first_at;
} auth_writer_t;

enum { ROOT_OWNER = 0 }; /* in place of a compression pointer: the owner is the root, one byte */

/* What of an RRset is written. The upper 16 bits: the record to begin with, modulo their count (rotation). */
enum {
    WRITE_RECORDS = 1u << 0,
    WRITE_SIGNATURES = 1u << 1,
    WRITE_ROTATION_SHIFT = 16,
};

/* Starts an empty table of names for `zone` in the message begin..end, whose first `size` bytes are written. */
void auth_writer_init(auth_writer_t *writer, auth_names_t *names, const zone_contents_t *zone, uint8_t *begin, size_t size, size_t limit);
/* The stamp of the writer's zone, to come back to it. */
uint16_t auth_writer_stamp(auth_writer_t *writer);
/* Goes on with another zone; names of the former one are no longer compressed against, unless it is given back with its stamp. */
void auth_writer_switch(auth_writer_t *writer, const zone_contents_t *zone, uint16_t stamp);
/* Says that `key` stands uncompressed in the message at offset `at`, and node is its node or its closest ancestor. */
static inline void auth_writer_know(auth_writer_t *writer, const zone_node_t *node, const name_key_t *key, uint16_t at)
{
    writer->known = node;
    writer->known_key = key;
    writer->known_at = at;
}
/* Enters a node and its ancestors, where offsets by count of labels are not 0. */
void auth_writer_enter(auth_writer_t *writer, const zone_node_t *node, const uint16_t *offsets);

/* The message offset of a node's name, or 0 if it does not stand there whole; the root never does. */
unsigned auth_writer_find(auth_writer_t *writer, const zone_node_t *node);

/* pointer: a compression pointer with its upper bits (AUTH_POINTER), or ROOT_OWNER.
 * Each returns the count of records written, 0 when there is no room (the writer is then as before). */
unsigned auth_write_rrset(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what);
/* The owner is the node's own name. */
unsigned auth_write_node_rrset(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, uint32_t what);
/* An RRset without references: A and AAAA. */
unsigned auth_write_plain(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint32_t what);
/* NS records. For the first AUTH_TARGETS_MAX of them, targets[i] becomes the message offset of the name if that has addresses in this zone,
 * AUTH_TARGET_UNKNOWN if it has and cannot be pointed at, else 0. */
enum { AUTH_TARGETS_MAX = 32, AUTH_TARGET_UNKNOWN = 1 };
unsigned auth_write_servers(auth_writer_t *writer, uint16_t pointer, const zone_rrset_t *rrset, uint16_t targets[AUTH_TARGETS_MAX]);
/* NSEC or NSEC3 with its signatures: like auth_write_node_rrset(), but that the owner's name, which stands nowhere else, is looked for
 * among the suffixes of the known name only. */
unsigned auth_write_denial(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset);
/* Does a node hold A or AAAA that may come along? */
static inline bool auth_has_addresses(const zone_node_t *node)
{
    return (node->flags & (ZONE_NODE_ADDRESS | ZONE_NODE_FOREIGN)) == ZONE_NODE_ADDRESS;
}
/* A SOA for a negative answer, with its own TTL (RFC 2308 3). pointer 0: to be found. */
unsigned auth_write_negative_soa(auth_writer_t *writer, const zone_node_t *node, uint16_t pointer, const zone_rrset_t *rrset,
                                 uint32_t what);
/* CNAME with a target in wire form, uncompressed. */
unsigned auth_write_cname(auth_writer_t *writer, uint16_t pointer, uint32_t ttl_s, const name_t *target);
/* One record of an RRset, for transfers: record points at its length prefix in the RRset. */
bool auth_write_record(auth_writer_t *writer, const zone_node_t *node, const zone_rrset_t *rrset, const uint8_t *record, bool is_signature);
