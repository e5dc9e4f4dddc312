/* One answer in the making: what the files of auth/ share. Not for others; see answer.h. */
#pragma once

#include "auth/answer.h"
#include "auth/writer.h"
#include "zone/contents.h"

#include <stdbool.h>
#include <stdint.h>

/* How suffixes of the current name can be pointed at. */
typedef enum auth_place {
    PLACE_WHOLE,   /* it stands uncompressed at state->at */
    PLACE_TABLE,   /* it and its suffixes are in the table of names already */
    PLACE_OFFSETS, /* state->offsets says where they stand; the current zone has other nodes for them */
} auth_place_t;

/* One NSEC or NSEC3 RRset that the authority section must hold. */
typedef struct auth_proof {
    const zone_contents_t *zone;
    const zone_node_t *node;
    uint16_t stamp; /* of the zone's names in the compression table */
} auth_proof_t;

typedef struct auth_state {
    auth_t head; /* first: the caller knows no more */
    auth_writer_t writer;
    const zone_contents_t *zone; /* that answers for the current name */
    const name_key_t *key;       /* the current name: the question's, or what a chain has led to */
    uint16_t at;                 /* message offset of the current name */
    uint16_t pointer;            /* compression pointer to it; ROOT_OWNER for the root */
    bool dnssec;                 /* the client set DO */
    uint32_t what;               /* WRITE_* for RRsets of the answer */
    struct {
        uint8_t hops;
        uint8_t dnames;
        uint8_t proofs;
        uint8_t added;
    } count; /* what stands in the arrays below */
    auth_place_t place;
    const zone_rrset_t *additional; /* the RRset whose names may bring addresses */
    const zone_node_t *owner;       /* its node; the target of the CNAME just written */
    size_t target_at;               /* where that target stands */
    zone_lookup_t found;            /* of the current name */

    auth_names_t names;
    name_key_t next_key;  /* of the name that a chain leads to */
    name_t name;          /* made by a DNAME, or lower-cased out of rdata */
    zone_lookup_t parent; /* look-up at the parent's side of a zone cut */
    uint64_t visited[AUTH_HOPS_MAX + 1];
    const zone_rrset_t *dnames[AUTH_HOPS_MAX + 1]; /* sent already */
    auth_proof_t proofs[AUTH_PROOFS_MAX];
    const zone_node_t *added[AUTH_ADDITIONAL_MAX];
    uint16_t offsets[NAME_LABELS_MAX + 1];
    uint16_t targets[AUTH_TARGETS_MAX]; /* of auth_write_servers() */
} auth_state_t;

/* The three sections, as indexes of auth_answer_t.counts. */
enum { ANSWER, AUTHORITY, ADDITIONAL };

/* Pointer to the name of a node at or above the current name, which stands in one piece. */
static inline uint16_t auth_pointer_above(const auth_state_t *state, const zone_node_t *node)
{
    return LIKELY(node->labels > 0) ? (uint16_t)(AUTH_POINTER | (state->at + state->key->offset[node->labels])) : ROOT_OWNER;
}

/* Writes an RRset of a node at or above the current name. */
static inline unsigned auth_write_above(auth_state_t *state, const zone_node_t *node, const zone_rrset_t *rrset, uint32_t what)
{
    if (LIKELY(state->place == PLACE_WHOLE)) {
        return auth_write_rrset(&state->writer, auth_pointer_above(state, node), rrset, what);
    }
    return auth_write_node_rrset(&state->writer, node, rrset, what);
}

/* Counts what a writer's call returned; false, with TC set, if it wrote nothing. */
static inline bool auth_require(auth_state_t *state, unsigned section, unsigned records)
{
    state->head.answer.counts[section] = (uint16_t)(state->head.answer.counts[section] + records);
    if (UNLIKELY(records == 0)) {
        state->head.answer.flags |= FLAG_TC;
        return false;
    }
    return true;
}

/* The same for data that may be missing. */
static inline bool auth_offer(auth_state_t *state, unsigned section, unsigned records)
{
    state->head.answer.counts[section] = (uint16_t)(state->head.answer.counts[section] + records);
    return records > 0;
}

/* ---- referral.c ---- */

/* Authority and additional sections of a referral at state->found.cut (RFC 1034 4.3.2 3b, RFC 4035 3.1.4, RFC 9471). */
void auth_write_referral(auth_state_t *state);

/* ---- denial.c: each finds the RRsets of one proof; auth_write_proofs() writes all that were found ---- */

void auth_prove_nodata(auth_state_t *state);              /* the current name exists: RFC 4035 3.1.3.1, RFC 5155 7.2.3, 7.2.4 */
void auth_prove_name_error(auth_state_t *state);          /* RFC 4035 3.1.3.2, RFC 5155 7.2.2 */
void auth_prove_wildcard_answer(auth_state_t *state);     /* RFC 4035 3.1.3.3, RFC 5155 7.2.6 */
void auth_prove_wildcard_nodata(auth_state_t *state);     /* RFC 4035 3.1.3.4, RFC 5155 7.2.5 */
void auth_prove_insecure_delegation(auth_state_t *state); /* no DS at state->found.cut: RFC 4035 3.1.4, RFC 5155 7.2.7 */
void auth_write_proofs(auth_state_t *state);

/* ---- additional.c ---- */

/* Addresses of the names in state->additional, as far as they are there and fit. */
void auth_write_additional(auth_state_t *state);
/* An occluded node is glue below a zone cut; below a DNAME it cannot be seen at all (RFC 6672 2.4). */
bool auth_is_visible(const zone_contents_t *zone, const zone_node_t *node);
/* A and AAAA of a node, with signatures where they are wanted. at: message offset of its name; 0: to be found. False: not all fitted; the
 * rest is left out. */
bool auth_write_addresses(auth_state_t *state, const zone_node_t *node, uint16_t at);
