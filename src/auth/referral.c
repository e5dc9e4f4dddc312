#include "auth/state.h"

#include "base/bytes.h"
#include "wire/rrtype.h"

#include <string.h>

/* Is the node's name at or below that of ancestor? Equal names are equal nodes. */
static bool is_at_or_below(const zone_contents_t *zone, const zone_node_t *node, const zone_node_t *ancestor)
{
    while (node->labels > ancestor->labels) {
        node = zone_node(zone, node->parent);
    }
    return node == ancestor;
}

static inline uint16_t target_at(const auth_state_t *state, unsigned record)
{
    return LIKELY(record < AUTH_TARGETS_MAX) ? state->targets[record] : 0;
}

static const zone_node_t *target(const auth_state_t *state, const zone_rrset_t *servers, unsigned record)
{
    enum { RECORD = 2 + sizeof(zone_ref_t) };
    return zone_node(state->zone, zone_ref_load(servers->data + record * (size_t)RECORD + 2));
}

/* Addresses of sibling and authoritative names come along as far as they fit (RFC 9471 3.2). */
static __attribute__((noinline)) void write_sibling_glue(auth_state_t *state, const zone_node_t *cut, const zone_rrset_t *servers)
{
    for (unsigned i = 0; i < servers->count; i++) {
        const zone_node_t *node = target(state, servers, i);
        if (auth_has_addresses(node) && !is_at_or_below(state->zone, node, cut) && auth_is_visible(state->zone, node) &&
            !auth_write_addresses(state, node, target_at(state, i))) {
            return;
        }
    }
}

/* In-domain glue must be there, or TC says that it is not (RFC 9471 3.1). */
static inline void write_glue(auth_state_t *state, const zone_node_t *cut, const zone_rrset_t *servers)
{
    bool has_others = false;
    for (unsigned i = 0; i < servers->count; i++) {
        const zone_node_t *node = target(state, servers, i);
        if (!auth_has_addresses(node)) {
            continue;
        }
        if (!is_at_or_below(state->zone, node, cut)) {
            has_others = true;
        } else if (!auth_write_addresses(state, node, target_at(state, i))) {
            state->answer->flags |= FLAG_TC;
            return;
        }
    }
    if (has_others) {
        write_sibling_glue(state, cut, servers);
    }
}

/* DS, or the proof that there is none. False: TC is set. */
static __attribute__((noinline)) bool write_security(auth_state_t *state, const zone_node_t *cut)
{
    const zone_rrset_t *ds = zone_node_find(cut, TYPE_DS);
    if (!ds) {
        auth_prove_insecure_delegation(state);
    } else if (!auth_require(state, AUTHORITY, auth_write_above(state, cut, ds, WRITE_RECORDS | WRITE_SIGNATURES))) {
        return false;
    }
    auth_write_proofs(state);
    return !(state->answer->flags & FLAG_TC);
}

void auth_write_referral(auth_state_t *state)
{
    const zone_node_t *cut = state->found.cut;
    const zone_rrset_t *servers = zone_node_find(cut, TYPE_NS);
    unsigned count = 0;
    if (UNLIKELY(!servers)) {
        return;
    }
    if (LIKELY(state->place == PLACE_WHOLE)) {
        count = auth_write_servers(&state->writer, auth_pointer_above(state, cut), servers, state->targets, AUTH_TARGETS_MAX);
    } else {
        memset(state->targets, 0, sizeof state->targets);
        count = auth_write_node_rrset(&state->writer, cut, servers, WRITE_RECORDS);
    }
    if (auth_require(state, AUTHORITY, count) && (!state->dnssec || write_security(state, cut))) {
        write_glue(state, cut, servers);
    }
}
