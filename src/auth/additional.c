#include "auth/state.h"

#include "base/bytes.h"
#include "wire/rrtype.h"

#include <string.h>

static inline bool write_one(auth_state_t *state, const zone_node_t *node, const zone_rrset_t *rrset, uint16_t at)
{
    uint32_t what = state->dnssec ? WRITE_RECORDS | WRITE_SIGNATURES : WRITE_RECORDS;
    unsigned count = LIKELY(at != 0) ? auth_write_plain(&state->writer, AUTH_POINTER | at, rrset, what)
                                     : auth_write_node_rrset(&state->writer, node, rrset, what);
    return auth_offer(state, ADDITIONAL, count);
}

bool auth_write_addresses(auth_state_t *state, const zone_node_t *node, uint16_t at)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned left = node->rrset_count; left > 0 && rrset->type <= TYPE_AAAA; left--) {
        bool is_address = rrset->type == TYPE_A || rrset->type == TYPE_AAAA;
        if (is_address && rrset->count > 0 && !write_one(state, node, rrset, at)) {
            return false;
        }
        if (left > 1) {
            rrset = zone_rrset_next(rrset);
        }
    }
    return true;
}

bool auth_is_visible(const zone_contents_t *zone, const zone_node_t *node)
{
    if (!(node->flags & ZONE_NODE_OCCLUDED)) {
        return true;
    }
    while (node->flags & ZONE_NODE_OCCLUDED) {
        node = zone_node(zone, node->parent);
    }
    return node->flags & ZONE_NODE_CUT;
}

/* One name of the RRset's rdata: at most AUTH_ADDITIONAL_MAX different ones. False ends the section. Glue goes with NS only: the servers
 * of the root are named below a delegated zone. */
static bool add_node(auth_state_t *state, const zone_node_t *node)
{
    if (!auth_has_addresses(node)) {
        return true;
    }
    if (node->flags & (ZONE_NODE_OCCLUDED | ZONE_NODE_CUT) && (state->additional->type != TYPE_NS || !auth_is_visible(state->zone, node))) {
        return true;
    }
    for (unsigned i = 0; i < state->count.added; i++) {
        if (state->added[i] == node) {
            return true;
        }
    }
    state->added[state->count.added++] = node;
    return auth_write_addresses(state, node, 0);
}

/* The node of a name that stands in rdata as on the wire, or NULL. */
static const zone_node_t *find_target(auth_state_t *state, const uint8_t *wire)
{
    const zone_node_t *apex = zone_apex(state->zone);
    name_t *name = &state->name;
    name_set(name, wire);
    name_lower(name->wire, name->length);
    return name_is_at_or_below(name->wire, apex->wire) ? zone_find(state->zone, name->wire) : NULL;
}

/* The name that wants addresses, in one record; NULL: none in this zone. */
static const zone_node_t *target_of(auth_state_t *state, const zone_rrset_t *rrset, const uint8_t *rdata)
{
    enum { MX_NAME = 2, SRV_NAME = 6, SVCB_NAME = 2 };
    switch (rrset->type) {
    case TYPE_NS:
        return zone_node(state->zone, zone_ref_load(rdata));
    case TYPE_MX:
        return zone_node(state->zone, zone_ref_load(rdata + MX_NAME));
    case TYPE_SRV:
        return find_target(state, rdata + SRV_NAME);
    default: /* SVCB and HTTPS: "." is the owner in ServiceMode and nothing in AliasMode (RFC 9460 2.5) */
        if (rdata[SVCB_NAME] == 0) {
            return load_be16(rdata) != 0 && state->found.exact ? state->owner : NULL;
        }
        return find_target(state, rdata + SVCB_NAME);
    }
}

void auth_write_additional(auth_state_t *state)
{
    const zone_rrset_t *rrset = state->additional;
    const uint8_t *record = rrset->data;
    for (unsigned left = rrset->count; left > 0 && state->count.added < AUTH_ADDITIONAL_MAX; left--) {
        const zone_node_t *node = target_of(state, rrset, record + 2);
        if (node && !add_node(state, node)) {
            return;
        }
        record += 2 + load_be16(record);
    }
}
