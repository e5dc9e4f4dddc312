#include "server/trust_set.h"

#include "base/bytes.h"
#include "dnssec/key.h"

#include <stdlib.h>
#include <string.h>

static void free_published(server_trust_t *published)
{
    trust_set_free((trust_set_t *)published);
}

void trust_set_free(trust_set_t *set)
{
    if (set) {
        trust_anchors_clear(&set->anchors);
        free(set);
    }
}

static status_t add_anchors(const trust_anchors_t *configured, const rollover_t *rollover, trust_anchors_t *anchors)
{
    rollover_t nothing;
    rollover_init(&nothing);
    return configured ? rollover_effective(rollover ? rollover : &nothing, configured, anchors) : STATUS_OK;
}

status_t trust_set_new(const recursion_settings_t *settings, const rollover_t *rollover, const negative_anchors_t *negative,
                       trust_set_t **out)
{
    size_t count = settings->negative_count + negative->count;
    trust_set_t *set = malloc(sizeof *set + count * sizeof *set->negative);
    if (!set) {
        return STATUS_NO_MEMORY;
    }
    *set = (trust_set_t){.published = {.free = free_published}};
    set->published.trust = (resolver_trust_t){.anchors = &set->anchors, .negative = set->negative, .negative_count = count};
    trust_anchors_init(&set->anchors);
    for (size_t i = 0; i < settings->negative_count; i++) {
        set->negative[i] = settings->negative[i];
    }
    for (size_t i = 0; i < negative->count; i++) {
        set->negative[settings->negative_count + i] =
            (negative_anchor_t){.name = negative->items[i].name, .until_s = negative->items[i].until_s};
    }
    status_t status = add_anchors(settings->anchors, rollover, &set->anchors);
    if (status != STATUS_OK) {
        trust_set_free(set);
        return status;
    }
    *out = set;
    return STATUS_OK;
}

bool trust_set_is_usable(const trust_set_t *set, const dnssec_policy_t *policy)
{
    for (const trust_point_t *point = set->anchors.points; point; point = point->next) {
        if (dnssec_ds_usable(policy, (dnssec_records_t){point->ds, point->ds_count}) == DNSSEC_VALID) {
            return true;
        }
        for (unsigned i = 0; i < point->dnskey_count; i++) {
            const dnssec_rdata_t *dnskey = &point->dnskeys[i];
            if (dnskey->length > DNSKEY_FIXED_SIZE && dnssec_policy_has_algorithm(policy, dnskey->data[3])) {
                return true;
            }
        }
    }
    return false;
}

/* ---- changes ---- */

static void note(trust_changes_t *changes, const uint8_t *name)
{
    for (unsigned i = 0; i < changes->count; i++) {
        if (name_is_at_or_below(name, changes->names[i].wire)) {
            return;
        }
    }
    if (changes->count == TRUST_CHANGES_MAX) {
        changes->is_too_many = true;
        return;
    }
    name_set(&changes->names[changes->count++], name);
}

static bool has_record(const dnssec_rdata_t *records, unsigned count, const dnssec_rdata_t *wanted)
{
    for (unsigned i = 0; i < count; i++) {
        if (records[i].length == wanted->length && memcmp(records[i].data, wanted->data, wanted->length) == 0) {
            return true;
        }
    }
    return false;
}

/* Does the second point have all of the first's records? */
static bool is_within(const trust_point_t *first, const trust_point_t *second)
{
    for (unsigned i = 0; i < first->ds_count; i++) {
        if (!has_record(second->ds, second->ds_count, &first->ds[i])) {
            return false;
        }
    }
    for (unsigned i = 0; i < first->dnskey_count; i++) {
        if (!has_record(second->dnskeys, second->dnskey_count, &first->dnskeys[i])) {
            return false;
        }
    }
    return true;
}

static void compare_anchors(const trust_anchors_t *before, const trust_anchors_t *after, trust_changes_t *changes)
{
    for (const trust_point_t *point = before->points; point; point = point->next) {
        const trust_point_t *next = trust_anchors_find(after, point->owner);
        if (!next || !is_within(point, next)) {
            note(changes, point->owner);
        }
    }
    for (const trust_point_t *point = after->points; point; point = point->next) {
        const trust_point_t *previous = trust_anchors_find(before, point->owner);
        if (!previous) {
            note(changes, point->owner);
        }
        changes->any = changes->any || !previous || !is_within(point, previous);
    }
}

/* Its end, if it is one of the list; 0 may be an end too. */
static bool find_negative(const resolver_trust_t *trust, const negative_anchor_t *wanted, uint64_t *until_s)
{
    bool found = false;
    for (size_t i = 0; i < trust->negative_count; i++) {
        if (name_equal(trust->negative[i].name.wire, wanted->name.wire)) {
            *until_s = !found || trust->negative[i].until_s > *until_s ? trust->negative[i].until_s : *until_s;
            found = true;
        }
    }
    return found;
}

/* Those of one list that are not in the other. */
static void compare_negative(const resolver_trust_t *from, const resolver_trust_t *to, trust_changes_t *changes)
{
    for (size_t i = 0; i < from->negative_count; i++) {
        uint64_t until_s = 0;
        uint64_t own_until_s = 0;
        (void)find_negative(from, &from->negative[i], &own_until_s);
        if (!find_negative(to, &from->negative[i], &until_s)) {
            note(changes, from->negative[i].name.wire);
        } else if (until_s != own_until_s) {
            changes->any = true;
        }
    }
}

void trust_set_compare(const trust_set_t *before, const trust_set_t *after, trust_changes_t *changes)
{
    *changes = (trust_changes_t){.any = before == NULL};
    if (before) {
        compare_anchors(&before->anchors, &after->anchors, changes);
        compare_negative(&before->published.trust, &after->published.trust, changes);
        compare_negative(&after->published.trust, &before->published.trust, changes);
        changes->any = changes->any || changes->count > 0;
    }
}
