#include "dnssec/rollover.h"

#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/key.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    QUERY_MAX_S = 15 * DAY_S,
};

/* One RRset being looked at. */
typedef struct observation {
    rollover_t *rollover;
    rollover_point_t *point;
    const trust_anchors_t *configured;
    const rollover_sight_t *sight;
    rollover_watch_t watch;
    uint16_t vouchers;     /* bit n: keys[n] is trusted and has signed the RRset */
    uint32_t expiration_s; /* of the signature that lasts longest, of those */
    uint32_t original_ttl_s;
} observation_t;

const char *rollover_key_state_text(rollover_key_state_t state)
{
    static const char *const texts[] = {
        [ROLLOVER_ADD_PENDING] = "add-pending", [ROLLOVER_VALID] = "valid",     [ROLLOVER_MISSING] = "missing",
        [ROLLOVER_REVOKED] = "revoked",         [ROLLOVER_REMOVED] = "removed",
    };
    return texts[state];
}

/* ---- points and keys ---- */

void rollover_init(rollover_t *rollover)
{
    *rollover = (rollover_t){.settings = {.add_hold_s = ROLLOVER_HOLD_S, .remove_hold_s = ROLLOVER_HOLD_S}};
}

void rollover_clear(rollover_t *rollover)
{
    while (rollover->points) {
        rollover_point_t *next = rollover->points->next;
        free(rollover->points);
        rollover->points = next;
    }
    rollover->count = 0;
}

rollover_point_t *rollover_find(const rollover_t *rollover, const uint8_t *owner)
{
    rollover_point_t *point = rollover->points;
    while (point && !name_equal(point->owner.wire, owner)) {
        point = point->next;
    }
    return point;
}

static bool is_trusted(const rollover_key_t *key)
{
    return key->is_used && (key->state == ROLLOVER_VALID || key->state == ROLLOVER_MISSING);
}

static bool is_dead(const rollover_key_t *key)
{
    return key->is_used && (key->state == ROLLOVER_REVOKED || key->state == ROLLOVER_REMOVED);
}

/* The same key, whether its REVOKE bit is set or not. */
static bool is_same_key(const rollover_key_t *key, const uint8_t *rdata, size_t length)
{
    return key->is_used && key->length == length && (load_be16(rdata) & ~(unsigned)DNSKEY_FLAG_REVOKE) == load_be16(key->rdata) &&
           memcmp(key->rdata + 2, rdata + 2, length - 2) == 0;
}

static rollover_key_t *find_key(rollover_point_t *point, const dnssec_rdata_t *dnskey)
{
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX; i++) {
        if (is_same_key(&point->keys[i], dnskey->data, dnskey->length)) {
            return &point->keys[i];
        }
    }
    return NULL;
}

static bool can_be_kept(const dnssec_rdata_t *dnskey)
{
    return dnskey->length > DNSKEY_FIXED_SIZE && dnskey->length <= ROLLOVER_RDATA_MAX;
}

/* A free place, or else that of a key that was removed; NULL: the point is full. No voucher may stand for the new key. */
static rollover_key_t *place_for_key(rollover_point_t *point)
{
    rollover_key_t *place = NULL;
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX && !place; i++) {
        place = point->keys[i].is_used ? NULL : &point->keys[i];
    }
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX && !place; i++) {
        place = point->keys[i].state == ROLLOVER_REMOVED ? &point->keys[i] : NULL;
    }
    for (unsigned i = 0; place && i < ROLLOVER_KEYS_MAX; i++) {
        point->keys[i].vouchers &= (uint16_t) ~(1u << (place - point->keys));
    }
    return place;
}

static rollover_key_t *add_key(rollover_point_t *point, const dnssec_rdata_t *dnskey, rollover_key_state_t state, uint64_t now_s)
{
    rollover_key_t *key = can_be_kept(dnskey) ? place_for_key(point) : NULL;
    if (!key) {
        return NULL;
    }
    *key = (rollover_key_t){.is_used = true, .state = state, .since_s = now_s, .length = dnskey->length};
    memcpy(key->rdata, dnskey->data, dnskey->length);
    store_be16(key->rdata, (uint16_t)(load_be16(key->rdata) & ~(unsigned)DNSKEY_FLAG_REVOKE));
    key->tag = dnssec_key_tag(key->rdata, key->length);
    return key;
}

/* ---- what is configured ---- */

static bool is_configured(const trust_point_t *trust, const rollover_key_t *key)
{
    for (unsigned i = 0; trust && i < trust->ds_count; i++) {
        if (dnssec_ds_matches(trust->ds[i].data, trust->ds[i].length, trust->owner, key->rdata, key->length)) {
            return true;
        }
    }
    for (unsigned i = 0; trust && i < trust->dnskey_count; i++) {
        if (is_same_key(key, trust->dnskeys[i].data, trust->dnskeys[i].length)) {
            return true;
        }
    }
    return false;
}

/* A key that was trusted because it was configured, and is so no more: whoever took it out wants it gone. */
static void forget_unconfigured(rollover_point_t *point, const trust_point_t *trust)
{
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX; i++) {
        rollover_key_t *key = &point->keys[i];
        if (is_trusted(key) && key->acceptable_s == 0 && !is_configured(trust, key)) {
            key->is_used = false;
        }
    }
}

static status_t follow(rollover_t *rollover, const trust_point_t *trust, uint64_t now_s)
{
    rollover_point_t *point = rollover_find(rollover, trust->owner);
    if (!point) {
        if (rollover->count == ROLLOVER_POINTS_MAX) {
            return STATUS_LIMIT;
        }
        point = calloc(1, sizeof *point);
        if (!point) {
            return STATUS_NO_MEMORY;
        }
        name_set(&point->owner, trust->owner);
        point->next = rollover->points;
        rollover->points = point;
        rollover->count++;
    }
    forget_unconfigured(point, trust);
    for (unsigned i = 0; i < trust->dnskey_count; i++) {
        const rollover_key_t *known = find_key(point, &trust->dnskeys[i]);
        if (!known) {
            (void)add_key(point, &trust->dnskeys[i], ROLLOVER_VALID, now_s);
        }
    }
    return STATUS_OK;
}

status_t rollover_configure(rollover_t *rollover, const trust_anchors_t *configured, uint64_t now_s)
{
    status_t status = STATUS_OK;
    for (rollover_point_t **place = &rollover->points; *place;) {
        rollover_point_t *point = *place;
        if (trust_anchors_find(configured, point->owner.wire)) {
            place = &point->next;
        } else {
            *place = point->next;
            rollover->count--;
            free(point);
        }
    }
    for (const trust_point_t *trust = configured->points; trust; trust = trust->next) {
        status_t one = follow(rollover, trust, now_s);
        status = one != STATUS_OK ? one : status;
    }
    return status;
}

/* ---- one RRset ---- */

static void tell(const observation_t *observation, const rollover_key_t *key, rollover_key_state_t from, rollover_key_state_t to)
{
    if (observation->watch.changed) {
        observation->watch.changed(observation->watch.context,
                                   &(rollover_change_t){.owner = observation->point->owner.wire, .tag = key->tag, .from = from, .to = to});
    }
}

static void move(const observation_t *observation, rollover_key_t *key, rollover_key_state_t to)
{
    tell(observation, key, key->state, to);
    key->state = to;
    key->since_s = observation->sight->now_s;
}

static void forget(const observation_t *observation, rollover_key_t *key)
{
    tell(observation, key, key->state, ROLLOVER_REMOVED);
    key->is_used = false;
}

/* Has this very DNSKEY, flags as they are in the RRset, signed the RRset? *rrsig: by which signature. */
static bool has_signed(const observation_t *observation, const dnssec_rdata_t *dnskey, dnssec_rrsig_t *rrsig)
{
    const rollover_sight_t *sight = observation->sight;
    dnssec_key_t *key;
    if (dnssec_key_new(sight->context->policy, dnskey->data, dnskey->length, &key) != STATUS_OK) {
        return false;
    }
    const dnssec_signer_t signer = {observation->point->owner.wire, key};
    bool found = false;
    for (size_t i = 0; i < sight->rrsigs.count && !found; i++) {
        found = dnssec_rrsig_read(rrsig, sight->rrsigs.list[i].data, sight->rrsigs.list[i].length) && rrsig->type_covered == TYPE_DNSKEY &&
                rrsig->key_tag == key->tag && rrsig->algorithm == key->algorithm &&
                dnssec_verify_rrsig(sight->context, sight->dnskeys, rrsig, &signer, NULL) == DNSSEC_VALID;
    }
    dnssec_key_unref(key);
    return found;
}

static bool is_sep_key(const dnssec_rdata_t *dnskey)
{
    enum { WANTED = DNSKEY_FLAG_ZONE | DNSKEY_FLAG_SEP };
    return can_be_kept(dnskey) && (load_be16(dnskey->data) & WANTED) == WANTED && dnskey->data[2] == DNSKEY_PROTOCOL;
}

static bool is_revoked(const dnssec_rdata_t *dnskey)
{
    return (load_be16(dnskey->data) & DNSKEY_FLAG_REVOKE) != 0;
}

/* RevBit (4.1). Needs no other proof than the key's own signature (2.1). */
static void take_revocations(observation_t *observation)
{
    const dnssec_rrset_t *dnskeys = observation->sight->dnskeys;
    dnssec_rrsig_t rrsig;
    for (uint32_t i = 0; i < dnskeys->count; i++) {
        const dnssec_rdata_t *dnskey = &dnskeys->records[i];
        if (!can_be_kept(dnskey) || !is_revoked(dnskey)) {
            continue;
        }
        rollover_key_t *key = find_key(observation->point, dnskey);
        if (key && key->state == ROLLOVER_REVOKED) {
            key->since_s = observation->sight->now_s;
        } else if (key && (is_trusted(key) || key->state == ROLLOVER_ADD_PENDING) && has_signed(observation, dnskey, &rrsig)) {
            move(observation, key, ROLLOVER_REVOKED);
        }
    }
}

/* The keys that a configured DS names, as soon as they are seen to sign: they were trusted from the start. */
static void take_configured(observation_t *observation, const trust_point_t *trust)
{
    const dnssec_rrset_t *dnskeys = observation->sight->dnskeys;
    dnssec_rrsig_t rrsig;
    for (uint32_t i = 0; i < dnskeys->count; i++) {
        const dnssec_rdata_t *dnskey = &dnskeys->records[i];
        if (!can_be_kept(dnskey)) {
            continue;
        }
        rollover_key_t *known = find_key(observation->point, dnskey);
        rollover_key_t key = {.is_used = true, .length = dnskey->length};
        memcpy(key.rdata, dnskey->data, dnskey->length);
        store_be16(key.rdata, (uint16_t)(load_be16(key.rdata) & ~(unsigned)DNSKEY_FLAG_REVOKE));
        if ((known && known->state != ROLLOVER_ADD_PENDING) || !is_configured(trust, &key) || !has_signed(observation, dnskey, &rrsig)) {
            continue;
        }
        rollover_key_state_t state = is_revoked(dnskey) ? ROLLOVER_REVOKED : ROLLOVER_VALID;
        if (known) {
            move(observation, known, state);
            known->acceptable_s = 0;
        } else {
            known = add_key(observation->point, dnskey, state, observation->sight->now_s);
            if (known) {
                tell(observation, known, ROLLOVER_REMOVED, state);
            }
        }
    }
}

/* Which of the trusted keys have signed the RRset: if any, it is validated. */
static void find_vouchers(observation_t *observation)
{
    const dnssec_rrset_t *dnskeys = observation->sight->dnskeys;
    uint32_t longest_s = 0;
    for (uint32_t i = 0; i < dnskeys->count; i++) {
        const dnssec_rdata_t *dnskey = &dnskeys->records[i];
        const rollover_key_t *key = can_be_kept(dnskey) && !is_revoked(dnskey) ? find_key(observation->point, dnskey) : NULL;
        dnssec_rrsig_t rrsig;
        if (!key || !is_trusted(key) || !has_signed(observation, dnskey, &rrsig)) {
            continue;
        }
        uint32_t lifetime_s = rrsig.expiration_s - (uint32_t)observation->sight->now_s;
        observation->vouchers |= (uint16_t)(1u << (key - observation->point->keys));
        observation->original_ttl_s = rrsig.original_ttl_s;
        longest_s = lifetime_s > longest_s && lifetime_s <= INT32_MAX ? lifetime_s : longest_s;
    }
    observation->expiration_s = longest_s;
}

static bool is_present(const observation_t *observation, const rollover_key_t *key)
{
    const dnssec_rrset_t *dnskeys = observation->sight->dnskeys;
    for (uint32_t i = 0; i < dnskeys->count; i++) {
        const dnssec_rdata_t *dnskey = &dnskeys->records[i];
        if (can_be_kept(dnskey) && !is_revoked(dnskey) && is_same_key(key, dnskey->data, dnskey->length)) {
            return true;
        }
    }
    return false;
}

/* How long a new key must be seen (2.4.1). */
static uint32_t hold_of(const observation_t *observation)
{
    uint32_t hold_s = observation->rollover->settings.add_hold_s;
    uint32_t ttl_s = observation->sight->dnskeys->ttl_s;
    return ttl_s > hold_s ? ttl_s : hold_s;
}

/* NewKey (4.1); none while the point is full of keys. */
static void take_new_keys(observation_t *observation)
{
    const dnssec_rrset_t *dnskeys = observation->sight->dnskeys;
    for (uint32_t i = 0; i < dnskeys->count; i++) {
        const dnssec_rdata_t *dnskey = &dnskeys->records[i];
        if (!is_sep_key(dnskey) || is_revoked(dnskey) || find_key(observation->point, dnskey)) {
            continue;
        }
        rollover_key_t *key = add_key(observation->point, dnskey, ROLLOVER_ADD_PENDING, observation->sight->now_s);
        if (key) {
            key->vouchers = observation->vouchers;
            key->acceptable_s = observation->sight->now_s + hold_of(observation);
            tell(observation, key, ROLLOVER_REMOVED, ROLLOVER_ADD_PENDING);
        }
    }
}

/* All other transitions of the table in section 4, for one key, after a validated RRset. */
static void follow_key(const observation_t *observation, rollover_key_t *key)
{
    uint64_t now_s = observation->sight->now_s;
    bool present = is_present(observation, key);
    switch (key->state) {
    case ROLLOVER_ADD_PENDING:
        if (!present) {
            forget(observation, key);
        } else if (key->since_s > now_s) { /* seen first by a clock that ran ahead: it begins to wait now */
            key->since_s = now_s;
            key->acceptable_s = now_s + hold_of(observation);
        } else if (now_s >= key->acceptable_s) {
            move(observation, key, ROLLOVER_VALID);
        }
        break;
    case ROLLOVER_VALID:
        if (!present) {
            move(observation, key, ROLLOVER_MISSING);
        }
        break;
    case ROLLOVER_MISSING:
        if (present) {
            move(observation, key, ROLLOVER_VALID);
        }
        break;
    case ROLLOVER_REVOKED:
        if (now_s >= key->since_s && now_s - key->since_s >= observation->rollover->settings.remove_hold_s) {
            move(observation, key, ROLLOVER_REMOVED);
        }
        break;
    case ROLLOVER_REMOVED:
        break;
    }
}

/* A pending key whose vouchers are all revoked starts anew (2.2). */
static void drop_unvouched(const observation_t *observation)
{
    rollover_key_t *keys = observation->point->keys;
    uint16_t alive = 0;
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX; i++) {
        alive |= (uint16_t)((keys[i].is_used && !is_dead(&keys[i])) << i);
    }
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX; i++) {
        if (keys[i].is_used && keys[i].state == ROLLOVER_ADD_PENDING && (keys[i].vouchers & alive) == 0) {
            forget(observation, &keys[i]);
        }
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* queryInterval of 2.3. */
static void schedule(rollover_point_t *point, uint64_t now_s)
{
    uint64_t wait_s = least(QUERY_MAX_S, least(point->ttl_s / 2, point->lifetime_s / 2));
    point->next_query_s = now_s + (wait_s > HOUR_S ? wait_s : HOUR_S);
}

bool rollover_is_due(const rollover_point_t *point, uint64_t now_s)
{
    return point->next_query_s <= now_s || point->next_query_s > now_s + QUERY_MAX_S;
}

/* retryTime of 2.3. */
void rollover_failed(rollover_point_t *point, uint64_t now_s)
{
    uint64_t wait_s = point->seen_s == 0 ? HOUR_S : least(DAY_S, least(point->ttl_s / 10, point->lifetime_s / 10));
    point->next_query_s = now_s + (wait_s > HOUR_S ? wait_s : HOUR_S);
}

dnssec_result_t rollover_observe(rollover_t *rollover, rollover_point_t *point, const trust_anchors_t *configured,
                                 const rollover_sight_t *sight, rollover_watch_t watch)
{
    observation_t observation = {.rollover = rollover, .point = point, .configured = configured, .sight = sight, .watch = watch};
    take_revocations(&observation);
    take_configured(&observation, trust_anchors_find(configured, point->owner.wire));
    drop_unvouched(&observation);
    find_vouchers(&observation);
    if (observation.vouchers == 0) {
        rollover_failed(point, sight->now_s);
        return sight->context->budget->signature_checks == 0 ? DNSSEC_BUDGET_SPENT : DNSSEC_KEY_MISSING;
    }
    for (unsigned i = 0; i < ROLLOVER_KEYS_MAX; i++) {
        if (point->keys[i].is_used) {
            follow_key(&observation, &point->keys[i]);
        }
    }
    take_new_keys(&observation);
    point->seen_s = sight->now_s;
    point->ttl_s = observation.original_ttl_s;
    point->lifetime_s = observation.expiration_s;
    schedule(point, sight->now_s);
    return DNSSEC_VALID;
}

/* ---- what is trusted ---- */

/* Is what the DS refers to a key that was revoked? */
static bool is_dead_ds(const rollover_point_t *point, const dnssec_rdata_t *ds)
{
    for (unsigned i = 0; point && i < ROLLOVER_KEYS_MAX; i++) {
        const rollover_key_t *key = &point->keys[i];
        if (is_dead(key) && dnssec_ds_matches(ds->data, ds->length, point->owner.wire, key->rdata, key->length)) {
            return true;
        }
    }
    return false;
}

static status_t add_configured(const rollover_t *rollover, const trust_point_t *trust, trust_anchors_t *effective)
{
    rollover_point_t *point = rollover_find(rollover, trust->owner);
    status_t status = STATUS_OK;
    for (unsigned i = 0; i < trust->ds_count && status == STATUS_OK; i++) {
        if (!is_dead_ds(point, &trust->ds[i])) {
            status = trust_anchors_add(effective, trust->owner, TYPE_DS, trust->ds[i].data, trust->ds[i].length);
        }
    }
    for (unsigned i = 0; i < trust->dnskey_count && status == STATUS_OK; i++) {
        const rollover_key_t *key = point ? find_key(point, &trust->dnskeys[i]) : NULL;
        if (!key || !is_dead(key)) {
            status = trust_anchors_add(effective, trust->owner, TYPE_DNSKEY, trust->dnskeys[i].data, trust->dnskeys[i].length);
        }
    }
    return status;
}

status_t rollover_effective(const rollover_t *rollover, const trust_anchors_t *configured, trust_anchors_t *effective)
{
    status_t status = STATUS_OK;
    for (const trust_point_t *trust = configured->points; trust && status == STATUS_OK; trust = trust->next) {
        status = add_configured(rollover, trust, effective);
    }
    for (const rollover_point_t *point = rollover->points; point; point = point->next) {
        for (unsigned i = 0; i < ROLLOVER_KEYS_MAX && status == STATUS_OK; i++) {
            const rollover_key_t *key = &point->keys[i];
            if (is_trusted(key)) {
                status = trust_anchors_add(effective, point->owner.wire, TYPE_DNSKEY, key->rdata, key->length);
            }
        }
    }
    return status;
}
