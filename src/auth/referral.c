#include "auth/state.h"

#include "base/bytes.h"
#include "wire/rrtype.h"

/* Is the node's name at or below that of ancestor? Equal names are equal nodes. */
static bool is_at_or_below(const zone_contents_t *zone, const zone_node_t *node, const zone_node_t *ancestor)
{
    while (node->labels > ancestor->labels) {
        node = zone_node(zone, node->parent);
    }
    return node == ancestor;
}

/* The server of a record, if it has addresses. at: message offset of its name, 0 if that is to be found. */
static inline const zone_node_t *target(const auth_state_t *state, const zone_rrset_t *servers, unsigned record, uint16_t *at)
{
    enum { RECORD = 2 + sizeof(zone_ref_t) };
    *at = LIKELY(record < AUTH_TARGETS_MAX) ? state->targets[record] : AUTH_TARGET_UNKNOWN;
    if (*at == 0) {
        return NULL;
    }
    *at = UNLIKELY(*at == AUTH_TARGET_UNKNOWN) ? 0 : *at;
    const zone_node_t *node = zone_node(state->zone, zone_ref_load(servers->data + record * (size_t)RECORD + 2));
    return auth_has_addresses(node) ? node : NULL;
}

/* Addresses of sibling and authoritative names come along as far as they fit (RFC 9471 3.2). */
static __attribute__((noinline)) void write_sibling_glue(auth_state_t *state, const zone_node_t *cut, const zone_rrset_t *servers)
{
    for (unsigned i = 0; i < servers->count; i++) {
        uint16_t at;
        const zone_node_t *node = target(state, servers, i, &at);
        if (node && !is_at_or_below(state->zone, node, cut) && auth_is_visible(state->zone, node) &&
            !auth_write_addresses(state, node, at)) {
            return;
        }
    }
}

/* In-domain glue must be there, or TC says that it is not (RFC 9471 3.1). */
static inline void write_glue(auth_state_t *state, const zone_node_t *cut, const zone_rrset_t *servers)
{
    bool has_others = false;
    unsigned count = servers->count;
    for (unsigned i = 0; i < count; i++) {
        uint16_t at;
        const zone_node_t *node = target(state, servers, i, &at);
        if (!node) {
            continue;
        }
        if (!is_at_or_below(state->zone, node, cut)) {
            has_others = true;
        } else if (!auth_write_addresses(state, node, at)) {
            state->head.answer.flags |= FLAG_TC;
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
    return !(state->head.answer.flags & FLAG_TC);
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
        count = auth_write_servers(&state->writer, auth_pointer_above(state, cut), servers, state->targets);
    } else {
        for (unsigned i = 0; i < AUTH_TARGETS_MAX; i++) {
            state->targets[i] = AUTH_TARGET_UNKNOWN;
        }
        count = auth_write_node_rrset(&state->writer, cut, servers, WRITE_RECORDS);
    }
    if (auth_require(state, AUTHORITY, count) && (!state->dnssec || write_security(state, cut))) {
        write_glue(state, cut, servers);
    }
}
