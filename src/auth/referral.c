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

/* In-domain glue must be there, or TC says that it is not (RFC 9471 3.1); addresses of sibling and authoritative names come along
 * as far as they fit (RFC 9471 3.2). */
static void write_glue(auth_state_t *state, const zone_node_t *cut, const zone_rrset_t *servers)
{
    bool has_others = false;
    const uint8_t *record = servers->data;
    for (unsigned left = servers->count; left > 0; left--, record += 2 + load_be16(record)) {
        const zone_node_t *node = zone_node(state->zone, zone_ref_load(record + 2));
        if (!auth_has_addresses(node)) {
            continue;
        }
        if (!is_at_or_below(state->zone, node, cut)) {
            has_others = true;
        } else if (!auth_write_addresses(state, node)) {
            state->answer->flags |= FLAG_TC;
            return;
        }
    }
    record = servers->data;
    for (unsigned left = has_others ? servers->count : 0; left > 0; left--, record += 2 + load_be16(record)) {
        const zone_node_t *node = zone_node(state->zone, zone_ref_load(record + 2));
        if (auth_has_addresses(node) && !is_at_or_below(state->zone, node, cut) && auth_is_visible(state->zone, node) &&
            !auth_write_addresses(state, node)) {
            return;
        }
    }
}

void auth_write_referral(auth_state_t *state)
{
    const zone_node_t *cut = state->found.cut;
    const zone_rrset_t *servers = zone_node_find(cut, TYPE_NS);
    if (UNLIKELY(!servers) || !auth_require(state, AUTHORITY, auth_write_node_rrset(&state->writer, cut, servers, WRITE_RECORDS))) {
        return;
    }
    if (state->dnssec) {
        const zone_rrset_t *ds = zone_node_find(cut, TYPE_DS);
        if (!ds) {
            auth_prove_insecure_delegation(state);
        } else if (!auth_require(state, AUTHORITY, auth_write_node_rrset(&state->writer, cut, ds, WRITE_RECORDS | WRITE_SIGNATURES))) {
            return;
        }
        auth_write_proofs(state);
        if (state->answer->flags & FLAG_TC) {
            return;
        }
    }
    write_glue(state, cut, servers);
}
