#include "auth/state.h"

#include "dnssec/nsec3_hash.h"
#include "wire/rrtype.h"

#include <string.h>

static void push(auth_state_t *state, const zone_node_t *node)
{
    if (!node || state->count.proofs == AUTH_PROOFS_MAX) {
        return;
    }
    for (unsigned i = 0; i < state->count.proofs; i++) {
        if (state->proofs[i].node == node) {
            return;
        }
    }
    state->proofs[state->count.proofs++] = (auth_proof_t){.zone = state->zone, .node = node, .stamp = state->writer.stamp};
}

static inline bool write_proof(auth_state_t *state, const auth_proof_t *proof)
{
    const zone_node_t *node = proof->node;
    const zone_rrset_t *rrset = zone_node_find(node, node->flags & ZONE_NODE_NSEC3_OWNER ? TYPE_NSEC3 : TYPE_NSEC);
    return !rrset || auth_require(state, AUTHORITY, auth_write_denial(&state->writer, node, rrset));
}

/* Those of earlier zones of the chain; the writer comes back to the zone at hand, whose glue may follow. */
static __attribute__((noinline)) void write_proofs_of_zones(auth_state_t *state, unsigned from)
{
    uint16_t stamp = auth_writer_stamp(&state->writer);
    for (unsigned i = from; i < state->count.proofs; i++) {
        const auth_proof_t *proof = &state->proofs[i];
        if (proof->zone != state->writer.zone) {
            auth_writer_switch(&state->writer, proof->zone, proof->stamp);
        }
        if (!write_proof(state, proof)) {
            break;
        }
    }
    if (state->writer.zone != state->zone) {
        auth_writer_switch(&state->writer, state->zone, stamp);
    }
}

void auth_write_proofs(auth_state_t *state)
{
    for (unsigned i = 0; i < state->count.proofs; i++) {
        const auth_proof_t *proof = &state->proofs[i];
        if (UNLIKELY(proof->zone != state->writer.zone)) {
            write_proofs_of_zones(state, i);
            break;
        }
        if (!write_proof(state, proof)) {
            break;
        }
    }
    state->count.proofs = 0;
}

/* ---- NSEC ---- */

static void push_covering(auth_state_t *state, const uint8_t *wire)
{
    push(state, zone_nsec_covering(state->zone, wire));
}

/* The NSEC of a name that exists: its own, or, for an empty non-terminal, the one that covers it. */
static void push_matching(auth_state_t *state, const zone_node_t *node)
{
    if (node->flags & ZONE_NODE_NSEC) {
        push(state, node);
    } else {
        push_covering(state, node->wire);
    }
}

/* "*" below a name that has a descendant, so that there is room for the label. */
static size_t wildcard_of(const zone_node_t *encloser, uint8_t wire[static NAME_WIRE_MAX + 1])
{
    size_t length = encloser->length + (size_t)2;
    if (length > NAME_WIRE_MAX) {
        return 0;
    }
    wire[0] = 1;
    wire[1] = '*';
    memcpy(wire + 2, encloser->wire, encloser->length);
    return length;
}

/* ---- NSEC3 ---- */

/* The NSEC3 that matches or covers a name. The caller says which it must be; the other is a collision (RFC 5155 7.2.9) or a
 * chain with a hole. */
static bool push_hashed(auth_state_t *state, const uint8_t *wire, size_t length, bool must_match)
{
    const zone_contents_head_t *head = zone_head(state->zone);
    nsec3_parameters_t parameters = {
        .salt = head->nsec3_salt,
        .salt_size = head->nsec3_salt_size,
        .iterations = head->nsec3_iterations,
    };
    uint8_t hash[NSEC3_HASH_SIZE];
    bool matches = false;
    nsec3_hash(&parameters, wire, length, hash);
    const zone_node_t *node = zone_nsec3_covering(state->zone, hash, &matches);
    push(state, node);
    return matches == must_match;
}

static void fail(auth_state_t *state)
{
    state->head.answer.outcome = AUTH_FAILURE;
}

/* The closest provable encloser: with opt-out, insecure delegations and the empty non-terminals above them have no NSEC3
 * (RFC 5155 7.2.1). The apex always has one; a chain that lacks it proves nothing. */
static const zone_node_t *provable_encloser(const auth_state_t *state, const zone_node_t *node)
{
    while (zone_node_match(node) == 0 && !(node->flags & ZONE_NODE_APEX)) {
        node = zone_node(state->zone, node->parent);
    }
    return node;
}

/* The NSEC3 that covers the name one label below the encloser on the way to the current name (RFC 5155 1.3 "next closer"). */
static void push_next_closer(auth_state_t *state, const zone_node_t *encloser)
{
    const name_key_t *key = state->key;
    unsigned labels = encloser->labels + 1u;
    if (labels > key->labels) {
        return;
    }
    if (!push_hashed(state, key->wire + key->offset[labels], (size_t)key->length - key->offset[labels], false)) {
        fail(state);
    }
}

/* RFC 5155 7.2.1. Returns the closest provable encloser. */
static const zone_node_t *push_encloser_proof(auth_state_t *state, const zone_node_t *node)
{
    const zone_node_t *encloser = provable_encloser(state, node);
    if (zone_node_match(encloser) != 0) {
        push(state, zone_node(state->zone, encloser->denial));
        push_next_closer(state, encloser);
    }
    return encloser;
}

/* A name that exists: what matches it, or, in an opt-out zone, the proof that it may be an insecure delegation. */
static void push_existing(auth_state_t *state, const zone_node_t *node)
{
    if (zone_node_match(node) != 0) {
        push(state, zone_node(state->zone, node->denial));
        return;
    }
    const zone_node_t *parent = zone_node(state->zone, node->parent);
    if (node->denial != 0 && zone_node_match(parent) != 0) {
        push(state, zone_node(state->zone, parent->denial));
        push(state, zone_node(state->zone, node->denial));
    } else {
        (void)push_encloser_proof(state, node);
    }
}

/* ---- proofs ---- */

static void prove_existing(auth_state_t *state, const zone_node_t *node)
{
    if (zone_head(state->zone)->has_nsec3) {
        push_existing(state, node);
    } else if (zone_head(state->zone)->has_nsec) {
        push_matching(state, node);
    }
}

void auth_prove_nodata(auth_state_t *state)
{
    prove_existing(state, state->found.node);
}

void auth_prove_insecure_delegation(auth_state_t *state)
{
    prove_existing(state, state->found.cut);
}

/* That there is no wildcard below the encloser. */
static void push_wildcard(auth_state_t *state, const zone_node_t *encloser)
{
    const zone_contents_head_t *head = zone_head(state->zone);
    uint8_t wildcard[NAME_WIRE_MAX + 1 + NAME_PADDING];
    if (LIKELY(encloser->flags & ZONE_NODE_APEX && head->apex_wildcard != 0)) {
        push(state, zone_node(state->zone, head->apex_wildcard));
        return;
    }
    size_t length = wildcard_of(encloser, wildcard);
    if (length > 0 && head->has_nsec3) {
        (void)push_hashed(state, wildcard, length, false);
    } else if (length > 0) {
        push_covering(state, wildcard);
    }
}

void auth_prove_name_error(auth_state_t *state)
{
    const zone_contents_head_t *head = zone_head(state->zone);
    if (head->has_nsec3) {
        push_wildcard(state, push_encloser_proof(state, state->found.node));
    } else if (head->has_nsec) {
        push_covering(state, state->key->wire);
        push_wildcard(state, state->found.node);
    }
}

void auth_prove_wildcard_answer(auth_state_t *state)
{
    const zone_contents_head_t *head = zone_head(state->zone);
    if (head->has_nsec3) {
        push_next_closer(state, state->found.node);
    } else if (head->has_nsec) {
        push_covering(state, state->key->wire);
    }
}

void auth_prove_wildcard_nodata(auth_state_t *state)
{
    const zone_contents_head_t *head = zone_head(state->zone);
    if (head->has_nsec3) {
        (void)push_encloser_proof(state, state->found.node);
        push_existing(state, state->found.wildcard);
    } else if (head->has_nsec) {
        push_covering(state, state->key->wire);
        push_matching(state, state->found.wildcard);
    }
}
