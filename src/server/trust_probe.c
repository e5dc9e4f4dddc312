/* Asking trust points for their keys (RFC 5011 2.3), what their answers change, and telling them which keys are trusted (RFC 8145). */
#include "base/bytes.h"
#include "resolver/signal.h"
#include "server/trust_keeper_internal.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum {
    REFUSED_MS = 10000,    /* nobody could be asked, as when settings were just changing: look again then */
    SIGNAL_MS = 86400000,  /* points that are not followed are told once a day */
    CHECKS_MAX = 512,      /* public-key operations for one answer */
    SCRATCH_MAX = 1 << 20, /* bytes that a signature is made over */
};

/* ---- on the worker's thread ---- */

static const rrset_t *find_keys(const probe_t *probe, const resolver_answer_t *answer)
{
    for (unsigned i = 0; i < answer->answer_count; i++) {
        const rrset_t *rrset = &answer->answer[i];
        if (rrset->type == TYPE_DNSKEY && name_equal(rrset->owner, probe->inquiry.name.wire)) {
            return rrset;
        }
    }
    return NULL;
}

static void copy_keys(probe_t *probe, const rrset_t *rrset)
{
    size_t size = rrset->data_size + rrset->signature_size;
    probe->data = malloc(size);
    if (probe->data) {
        memcpy(probe->data, rrset->data, size);
        probe->ttl_s = rrset->ttl_s;
        probe->count = rrset->count;
        probe->signature_count = rrset->signature_count;
    }
}

static void answered(recursor_inquiry_t *inquiry, const resolver_answer_t *answer)
{
    probe_t *probe = (probe_t *)inquiry;
    trust_keeper_t *keeper = probe->keeper;
    probe->is_refused = !answer;
    if (answer) {
        const rrset_t *rrset = probe->is_signal ? NULL : find_keys(probe, answer);
        probe->rcode = answer->rcode;
        if (rrset) {
            copy_keys(probe, rrset);
        }
    }
    pthread_mutex_lock(&keeper->inbox_lock);
    probe->next = keeper->inbox;
    keeper->inbox = probe;
    pthread_mutex_unlock(&keeper->inbox_lock);
    keeper_wake(keeper);
}

/* ---- asking ---- */

static void probe_free(probe_t *probe)
{
    free(probe->data);
    free(probe);
}

static bool ask(trust_keeper_t *keeper, const name_t *name, uint16_t type, bool is_signal)
{
    probe_t *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return false;
    }
    probe->inquiry = (recursor_inquiry_t){.name = *name, .type = type, .answered = answered};
    probe->keeper = keeper;
    probe->is_signal = is_signal;
    if (keeper->environment.inquire(keeper->environment.context, &probe->inquiry) != STATUS_OK) {
        probe_free(probe);
        return false;
    }
    return true;
}

static void signal_point(trust_keeper_t *keeper, const uint8_t *owner)
{
    name_t name;
    const trust_point_t *point = keeper->current ? trust_anchors_find(&keeper->current->anchors, owner) : NULL;
    if (keeper_recursion(keeper)->resolver.signal_key_tags && point && signal_key_tags_name(point, &name)) {
        name_lower(name.wire, name.length);
        (void)ask(keeper, &name, TYPE_NULL, true); /* nobody waits for it */
    }
}

bool probe_is_asking(const trust_keeper_t *keeper, const uint8_t *owner)
{
    for (unsigned i = 0; i < keeper->asking_count; i++) {
        if (name_equal(keeper->asking[i].wire, owner)) {
            return true;
        }
    }
    return false;
}

static void ask_point(trust_keeper_t *keeper, const rollover_point_t *point)
{
    if (keeper->asking_count == ROLLOVER_POINTS_MAX || !ask(keeper, &point->owner, TYPE_DNSKEY, false)) {
        keeper->first_ms = keeper_monotonic_ms() + REFUSED_MS;
        return;
    }
    keeper->asking[keeper->asking_count++] = point->owner;
    signal_point(keeper, point->owner.wire);
}

static bool signals_daily(const trust_keeper_t *keeper)
{
    const resolver_settings_t *resolver = &keeper_recursion(keeper)->resolver;
    return !keeper_follows(keeper) && resolver->validate && resolver->signal_key_tags;
}

static void signal_daily(trust_keeper_t *keeper, uint64_t now_ms)
{
    if (!signals_daily(keeper) || now_ms < keeper->signal_ms) {
        return;
    }
    keeper->signal_ms = now_ms + SIGNAL_MS;
    for (const trust_point_t *point = keeper->current ? keeper->current->anchors.points : NULL; point; point = point->next) {
        signal_point(keeper, point->owner);
    }
}

void probe_send_due(trust_keeper_t *keeper)
{
    uint64_t now_ms = keeper_monotonic_ms();
    uint64_t now_s = keeper_now_s();
    if (!keeper_recursion(keeper)->enabled || now_ms < keeper->first_ms) {
        return;
    }
    signal_daily(keeper, now_ms);
    for (const rollover_point_t *point = keeper_follows(keeper) ? keeper->rollover.points : NULL; point; point = point->next) {
        if (rollover_is_due(point, now_s) && !probe_is_asking(keeper, point->owner.wire)) {
            ask_point(keeper, point);
        }
    }
}

uint64_t probe_deadline_ms(const trust_keeper_t *keeper)
{
    uint64_t now_ms = keeper_monotonic_ms();
    uint64_t now_s = keeper_now_s();
    uint64_t deadline_ms = UINT64_MAX;
    if (!keeper_recursion(keeper)->enabled) {
        return deadline_ms;
    }
    if (signals_daily(keeper)) {
        deadline_ms = keeper->signal_ms;
    }
    for (const rollover_point_t *point = keeper_follows(keeper) ? keeper->rollover.points : NULL; point; point = point->next) {
        uint64_t wait_s = rollover_is_due(point, now_s) ? 0 : point->next_query_s - now_s;
        if (!probe_is_asking(keeper, point->owner.wire)) {
            uint64_t own_ms = now_ms + 1000 * wait_s;
            deadline_ms = own_ms < deadline_ms ? own_ms : deadline_ms;
        }
    }
    return deadline_ms > keeper->first_ms ? deadline_ms : keeper->first_ms;
}

/* ---- answers ---- */

typedef struct change_text {
    const char *event;
    log_level_t level;
} change_text_t;

static change_text_t text_of(const rollover_change_t *change)
{
    switch (change->to) {
    case ROLLOVER_ADD_PENDING:
        return (change_text_t){"trust.key-pending", LOG_NOTICE};
    case ROLLOVER_VALID:
        return change->from == ROLLOVER_MISSING   ? (change_text_t){"trust.key-returned", LOG_NOTICE}
               : change->from == ROLLOVER_REMOVED ? (change_text_t){"trust.key-found", LOG_INFO}
                                                  : (change_text_t){"trust.key-accepted", LOG_NOTICE};
    case ROLLOVER_MISSING:
        return (change_text_t){"trust.key-missing", LOG_WARNING};
    case ROLLOVER_REVOKED:
        return (change_text_t){"trust.key-revoked", LOG_WARNING};
    case ROLLOVER_REMOVED:
        break;
    }
    return change->from == ROLLOVER_ADD_PENDING ? (change_text_t){"trust.key-forgotten", LOG_NOTICE}
                                                : (change_text_t){"trust.key-removed", LOG_INFO};
}

static void changed(void *context, const rollover_change_t *change)
{
    trust_keeper_t *keeper = context;
    change_text_t text = text_of(change);
    char owner[NAME_TEXT_MAX];
    (void)name_to_text(change->owner, owner);
    log_event(keeper->environment.log, text.level, text.event, LOG_TEXT("zone", owner), LOG_NUMBER("tag", change->tag));
    keeper->is_unsaved = true;
    (void)keeper_want(keeper);
}

/* The records of the copy, one behind the other. */
static bool read_records(const probe_t *probe, dnssec_rdata_t **out)
{
    size_t count = (size_t)probe->count + probe->signature_count;
    dnssec_rdata_t *records = malloc((count + 1) * sizeof *records);
    const uint8_t *at = probe->data;
    for (size_t i = 0; records && i < count; i++) {
        records[i] = (dnssec_rdata_t){.data = at + 2, .length = load_be16(at)};
        at += 2 + records[i].length;
    }
    *out = records;
    return records != NULL;
}

static dnssec_result_t observe(trust_keeper_t *keeper, rollover_point_t *point, const probe_t *probe)
{
    const recursion_settings_t *recursion = keeper_recursion(keeper);
    dnssec_rdata_t *records;
    if (!read_records(probe, &records)) {
        rollover_failed(point, keeper_now_s());
        return DNSSEC_NO_RESOURCES;
    }
    uint64_t now_s = keeper_now_s();
    dnssec_policy_t policy;
    buffer_t scratch;
    dnssec_budget_t budget = {.signature_checks = CHECKS_MAX};
    validate_policy(&recursion->resolver, &policy);
    buffer_init(&scratch, SCRATCH_MAX);
    const dnssec_context_t context = {.policy = &policy, .budget = &budget, .scratch = &scratch, .now_s = (uint32_t)now_s};
    const dnssec_rrset_t dnskeys = {.owner = point->owner.wire,
                                    .records = records,
                                    .count = probe->count,
                                    .ttl_s = probe->ttl_s,
                                    .type = TYPE_DNSKEY,
                                    .rrclass = CLASS_IN};
    const rollover_sight_t sight = {
        .dnskeys = &dnskeys, .rrsigs = {records + probe->count, probe->signature_count}, .context = &context, .now_s = now_s};
    dnssec_result_t result =
        rollover_observe(&keeper->rollover, point, recursion->anchors, &sight, (rollover_watch_t){.changed = changed, .context = keeper});
    buffer_clear(&scratch);
    free(records);
    return result;
}

static void tell_of_failure(const trust_keeper_t *keeper, const rollover_point_t *point, const char *reason)
{
    char owner[NAME_TEXT_MAX];
    (void)name_to_text(point->owner.wire, owner);
    log_event(keeper->environment.log, LOG_WARNING, "trust.probe-failed", LOG_TEXT("zone", owner), LOG_TEXT("reason", reason),
              LOG_NUMBER("again-in", point->next_query_s - keeper_now_s()));
}

static void take_keys(trust_keeper_t *keeper, rollover_point_t *point, const probe_t *probe)
{
    if (!probe->data) {
        rollover_failed(point, keeper_now_s());
        tell_of_failure(keeper, point, probe->rcode == RCODE_NOERROR ? "the zone has no keys" : "the zone's keys could not be had");
        return;
    }
    dnssec_result_t result = observe(keeper, point, probe);
    if (result == DNSSEC_VALID) {
        keeper->is_unsaved = true;
    } else {
        tell_of_failure(keeper, point,
                        result == DNSSEC_KEY_MISSING ? "no trusted key has signed the zone's keys" : dnssec_result_text(result));
    }
}

static void forget_asking(trust_keeper_t *keeper, const uint8_t *owner)
{
    for (unsigned i = 0; i < keeper->asking_count; i++) {
        if (name_equal(keeper->asking[i].wire, owner)) {
            keeper->asking[i] = keeper->asking[--keeper->asking_count];
            return;
        }
    }
}

static void take_answer(trust_keeper_t *keeper, const probe_t *probe)
{
    if (probe->is_signal) {
        return;
    }
    forget_asking(keeper, probe->inquiry.name.wire);
    rollover_point_t *point = keeper_follows(keeper) ? rollover_find(&keeper->rollover, probe->inquiry.name.wire) : NULL;
    if (probe->is_refused) {
        keeper->first_ms = keeper_monotonic_ms() + REFUSED_MS;
    } else if (point) {
        take_keys(keeper, point, probe);
    }
}

static probe_t *empty_inbox(trust_keeper_t *keeper)
{
    pthread_mutex_lock(&keeper->inbox_lock);
    probe_t *probe = keeper->inbox;
    keeper->inbox = NULL;
    pthread_mutex_unlock(&keeper->inbox_lock);
    return probe;
}

void probe_take_answers(trust_keeper_t *keeper)
{
    for (probe_t *probe = empty_inbox(keeper); probe;) {
        probe_t *next = probe->next;
        take_answer(keeper, probe);
        probe_free(probe);
        probe = next;
    }
}

void probe_free_inbox(trust_keeper_t *keeper)
{
    for (probe_t *probe = empty_inbox(keeper); probe;) {
        probe_t *next = probe->next;
        probe_free(probe);
        probe = next;
    }
}
