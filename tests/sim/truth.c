/* What the zones of the virtual internet say, found by looking into them: no message, no server, no resolver's code. */
#include "sim_internal.h"

#include "base/require.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { HOPS_MAX = 16 };

typedef struct truth {
    sim_t *sim;
    uint16_t type;
    name_key_t name;
    unsigned hops;
    uint16_t rcode;
    buffer_t records;
    sim_truth_path_t *path; /* may be NULL */
} truth_t;

/* The zone that holds the name: the deepest one at or above it; for DS, above it. */
static const zone_slot_t *zone_of(truth_t *truth)
{
    const zone_slot_t *best = NULL;
    for (size_t i = 0; i < truth->sim->zone_count; i++) {
        const zone_slot_t *slot = &truth->sim->zones[i];
        bool is_above = name_is_at_or_below(truth->name.wire, slot->name.wire);
        bool is_ds_apex = truth->type == TYPE_DS && slot->name.labels == truth->name.labels && slot->name.labels > 0;
        if (is_above && !is_ds_apex && (!best || slot->name.labels > best->name.labels)) {
            best = slot;
        }
    }
    return best;
}

static const zone_rrset_t *print_rrset(truth_t *truth, const zone_contents_t *zone, const zone_node_t *node, uint16_t type,
                                       const uint8_t *owner, name_t *target)
{
    const zone_rrset_t *rrset = zone_node_find(node, type);
    if (!rrset) {
        return NULL;
    }
    uint8_t *rdata = malloc(RDATA_MAX);
    REQUIRE(rdata);
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        size_t rdlength = zone_record_rdata(zone, rrset, record, rdata, &record);
        sim_print_record(owner, type, rdata, rdlength, &truth->records);
        if (target && i == 0) {
            name_set(target, rdata);
        }
    }
    free(rdata);
    return rrset;
}

typedef enum step { STEP_END, STEP_FOLLOW, STEP_NOWHERE } step_t;

static step_t follow(truth_t *truth, const name_t *target)
{
    if (++truth->hops > HOPS_MAX) {
        return STEP_NOWHERE;
    }
    name_key_init(&truth->name, target->wire, target->length);
    return STEP_FOLLOW;
}

static step_t through_dname(truth_t *truth, const zone_contents_t *zone, const zone_node_t *node)
{
    name_t target;
    name_t alias;
    print_rrset(truth, zone, node, TYPE_DNAME, node->wire, &target);
    if (name_substitute(&alias, truth->name.wire, node->labels, target.wire) != STATUS_OK) {
        truth->rcode = RCODE_YXDOMAIN;
        return STEP_END;
    }
    sim_print_record(truth->name.wire, TYPE_CNAME, alias.wire, alias.length, &truth->records);
    return truth->type == TYPE_CNAME ? STEP_END : follow(truth, &alias);
}

/* In an opt-out zone: does what is said of the name rest on a record that covers a name, so that it cannot be secure (RFC 5155 9.2)? */
static bool is_covered(const truth_t *truth, const zone_contents_t *zone, const zone_lookup_t *found)
{
    if (!zone_head(zone)->has_nsec3 || found->dname) {
        return false;
    }
    bool has_data = found->exact && (zone_node_find(found->node, truth->type) || zone_node_find(found->node, TYPE_CNAME));
    return !has_data && (!found->exact || zone_node_match(found->node) == 0);
}

static void remember(truth_t *truth, const zone_slot_t *slot, const zone_contents_t *zone, const zone_lookup_t *found)
{
    if (truth->path && truth->path->count < SIM_TRUTH_STEPS_MAX) {
        truth->path->steps[truth->path->count++] = (sim_truth_step_t){slot->name.wire, is_covered(truth, zone, found)};
    }
}

static step_t look(truth_t *truth)
{
    const zone_slot_t *slot = zone_of(truth);
    const zone_contents_t *zone = slot ? atomic_load(&slot->contents) : NULL;
    if (!zone) {
        return STEP_NOWHERE;
    }
    zone_lookup_t found;
    zone_lookup(zone, &truth->name, &found);
    remember(truth, slot, zone, &found);
    bool is_parent_side = truth->type == TYPE_DS && found.exact && found.cut == found.node;
    if (found.cut && !is_parent_side) {
        return STEP_NOWHERE; /* delegated to servers without the zone */
    }
    if (found.dname) {
        return through_dname(truth, zone, found.dname);
    }
    const zone_node_t *node = found.exact ? found.node : found.wildcard;
    if (!node) {
        truth->rcode = RCODE_NXDOMAIN;
        return STEP_END;
    }
    name_t target;
    if (print_rrset(truth, zone, node, truth->type, truth->name.wire, NULL) || truth->type == TYPE_CNAME) {
        return STEP_END;
    }
    return print_rrset(truth, zone, node, TYPE_CNAME, truth->name.wire, &target) ? follow(truth, &target) : STEP_END;
}

bool sim_truth(sim_t *sim, const char *text, uint16_t type, buffer_t *out)
{
    return sim_truth_path(sim, text, type, out, NULL);
}

bool sim_truth_path(sim_t *sim, const char *text, uint16_t type, buffer_t *out, sim_truth_path_t *path)
{
    name_t name = sim_name(text);
    truth_t truth = {.sim = sim, .type = type, .rcode = RCODE_NOERROR, .path = path};
    name_key_init(&truth.name, name.wire, name.length);
    buffer_init(&truth.records, 1 << 20);
    step_t step = look(&truth);
    while (step == STEP_FOLLOW) {
        step = look(&truth);
    }
    buffer_reset(out);
    if (step == STEP_END) {
        char *whole = sim_finish_text(truth.rcode, &truth.records);
        buffer_append_text(out, whole);
        free(whole);
    }
    buffer_clear(&truth.records);
    return step == STEP_END;
}
