#include "server/trust_view.h"

#include "base/bytes.h"
#include "dnssec/key.h"
#include "server/trust_keeper_internal.h"

#include <string.h>

enum { DS_DIGEST_TYPE_AT = 3, DS_ALGORITHM_AT = 2, DNSKEY_ALGORITHM_AT = 3 };

/* ---- keys ---- */

static bool has_dnskey(const trust_point_t *trust, const uint8_t *rdata, size_t length)
{
    for (unsigned i = 0; trust && i < trust->dnskey_count; i++) {
        if (trust->dnskeys[i].length == length && memcmp(trust->dnskeys[i].data, rdata, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_ds(const trust_point_t *trust, const uint8_t *rdata, size_t length)
{
    for (unsigned i = 0; trust && i < trust->ds_count; i++) {
        if (dnssec_ds_matches(trust->ds[i].data, trust->ds[i].length, trust->owner, rdata, length)) {
            return true;
        }
    }
    return false;
}

static void visit_followed(const rollover_point_t *point, const trust_point_t *configured, const trust_visitor_t *visitor)
{
    for (unsigned i = 0; point && i < ROLLOVER_KEYS_MAX; i++) {
        const rollover_key_t *key = &point->keys[i];
        if (key->is_used) {
            const trust_key_view_t view = {
                .state = rollover_key_state_text(key->state),
                .is_trusted = key->state == ROLLOVER_VALID || key->state == ROLLOVER_MISSING,
                .is_configured = has_dnskey(configured, key->rdata, key->length) || has_ds(configured, key->rdata, key->length),
                .tag = key->tag,
                .algorithm = key->rdata[DNSKEY_ALGORITHM_AT],
                .digest_type = -1,
                .since_s = key->since_s,
                .acceptable_s = key->state == ROLLOVER_ADD_PENDING ? key->acceptable_s : 0,
            };
            visitor->key(visitor->context, &view);
        }
    }
}

/* Does a key that was seen stand for the digest? */
static bool is_seen(const rollover_point_t *point, const dnssec_rdata_t *ds)
{
    for (unsigned i = 0; point && i < ROLLOVER_KEYS_MAX; i++) {
        const rollover_key_t *key = &point->keys[i];
        if (key->is_used && dnssec_ds_matches(ds->data, ds->length, point->owner.wire, key->rdata, key->length)) {
            return true;
        }
    }
    return false;
}

/* What is configured, but for what the keys seen have told of already. */
static void visit_configured(const trust_point_t *configured, const rollover_point_t *point, const trust_visitor_t *visitor)
{
    trust_key_view_t view = {.state = "configured", .is_trusted = true, .is_configured = true};
    for (unsigned i = 0; i < configured->ds_count; i++) {
        const dnssec_rdata_t *ds = &configured->ds[i];
        if (!is_seen(point, ds)) {
            view.tag = load_be16(ds->data);
            view.algorithm = ds->data[DS_ALGORITHM_AT];
            view.digest_type = ds->data[DS_DIGEST_TYPE_AT];
            visitor->key(visitor->context, &view);
        }
    }
    for (unsigned i = 0; !point && i < configured->dnskey_count; i++) {
        const dnssec_rdata_t *dnskey = &configured->dnskeys[i];
        view.tag = dnssec_key_tag(dnskey->data, dnskey->length);
        view.algorithm = dnskey->data[DNSKEY_ALGORITHM_AT];
        view.digest_type = -1;
        visitor->key(visitor->context, &view);
    }
}

/* ---- points ---- */

static void visit_point(const trust_keeper_t *keeper, const trust_point_t *configured, const trust_visitor_t *visitor)
{
    const rollover_point_t *point = keeper_follows(keeper) ? rollover_find(&keeper->rollover, configured->owner) : NULL;
    const trust_point_t *trusted = keeper->current ? trust_anchors_find(&keeper->current->anchors, configured->owner) : NULL;
    trust_point_view_t view = {.owner = configured->owner,
                               .is_followed = point != NULL,
                               .is_asking = probe_is_asking(keeper, configured->owner),
                               .trusted = trusted ? (unsigned)trusted->ds_count + trusted->dnskey_count : 0};
    if (point) {
        view.next_query_s = point->next_query_s;
        view.seen_s = point->seen_s;
    }
    if (visitor->point) {
        visitor->point(visitor->context, &view);
    }
    if (visitor->key) {
        visit_followed(point, configured, visitor);
        visit_configured(configured, point, visitor);
    }
}

static void visit_negative(const trust_keeper_t *keeper, const trust_visitor_t *visitor)
{
    const recursion_settings_t *recursion = keeper_recursion(keeper);
    uint64_t now_s = keeper_now_s();
    for (size_t i = 0; i < recursion->negative_count; i++) {
        const negative_anchor_t *anchor = &recursion->negative[i];
        if (anchor->until_s == 0 || now_s < anchor->until_s) {
            visitor->negative(visitor->context, &(trust_negative_view_t){.name = anchor->name.wire, true, 0, anchor->until_s});
        }
    }
    for (size_t i = 0; i < keeper->negative.count; i++) {
        const timed_anchor_t *anchor = &keeper->negative.items[i];
        visitor->negative(visitor->context, &(trust_negative_view_t){anchor->name.wire, false, anchor->since_s, anchor->until_s});
    }
}

void trust_keeper_visit(trust_keeper_t *keeper, const trust_visitor_t *visitor)
{
    pthread_mutex_lock(&keeper->lock);
    const recursion_settings_t *recursion = keeper_recursion(keeper);
    if (recursion->enabled) {
        const trust_point_t *point = recursion->anchors ? recursion->anchors->points : NULL;
        for (; (visitor->point || visitor->key) && point; point = point->next) {
            visit_point(keeper, point, visitor);
        }
        if (visitor->negative) {
            visit_negative(keeper, visitor);
        }
    }
    pthread_mutex_unlock(&keeper->lock);
}

/* ---- changes ---- */

static void tell(const trust_keeper_t *keeper, const char *event, const uint8_t *wire, uint64_t until_s)
{
    char name[NAME_TEXT_MAX];
    (void)name_to_text(wire, name);
    log_event(keeper->environment.log, LOG_NOTICE, event, LOG_TEXT("name", name), LOG_NUMBER("until", until_s));
}

static void carry_out(trust_keeper_t *keeper)
{
    keeper->is_negative_unsaved = true;
    keeper->save_again_ms = 0;
    keeper_await(keeper, keeper_want(keeper));
}

status_t trust_keeper_ignore(trust_keeper_t *keeper, const name_t *name, uint64_t life_s)
{
    pthread_mutex_lock(&keeper->lock);
    uint64_t now_s = keeper_now_s();
    status_t status = negative_anchors_add(&keeper->negative, name, now_s, life_s);
    if (status == STATUS_OK) {
        tell(keeper, "nta.added", name->wire, now_s + life_s);
        carry_out(keeper);
    }
    pthread_mutex_unlock(&keeper->lock);
    return status;
}

static bool is_configured(const trust_keeper_t *keeper, const uint8_t *name)
{
    const recursion_settings_t *recursion = keeper_recursion(keeper);
    for (size_t i = 0; i < recursion->negative_count; i++) {
        if (name_equal(recursion->negative[i].name.wire, name)) {
            return true;
        }
    }
    return false;
}

status_t trust_keeper_heed(trust_keeper_t *keeper, const uint8_t *name)
{
    pthread_mutex_lock(&keeper->lock);
    status_t status = negative_anchors_remove(&keeper->negative, name);
    if (status == STATUS_OK) {
        tell(keeper, "nta.removed", name, keeper_now_s());
        carry_out(keeper);
    } else if (is_configured(keeper, name)) {
        status = STATUS_DENIED;
    }
    pthread_mutex_unlock(&keeper->lock);
    return status;
}

status_t trust_keeper_refresh(trust_keeper_t *keeper, const uint8_t *owner, unsigned *asked)
{
    pthread_mutex_lock(&keeper->lock);
    status_t status = keeper_follows(keeper) ? STATUS_OK : STATUS_UNSUPPORTED;
    *asked = 0;
    for (rollover_point_t *point = status == STATUS_OK ? keeper->rollover.points : NULL; point; point = point->next) {
        if (!owner || name_equal(point->owner.wire, owner)) {
            point->next_query_s = 0;
            ++*asked;
        }
    }
    if (*asked > 0) {
        keeper->first_ms = 0;
        keeper_wake(keeper);
    } else if (status == STATUS_OK && owner) {
        status = STATUS_NOT_FOUND;
    }
    pthread_mutex_unlock(&keeper->lock);
    return status;
}
