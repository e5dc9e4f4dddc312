/* The resolver's outside: life, events, actions. Inside, an event only marks requests and fetches as ready; run() then steps them until
 * none is ready, so no step ever happens inside another one.
 */
#include "resolver/resolver.h"

#include "resolver/hints.h"
#include "resolver/state.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCRATCH_CHUNK = 32768,
    SIGNED_DATA_MAX = 1 << 20, /* any RRset that fits a message, twice (dnssec/verify.h) */
};

/* ---- outcomes ---- */

outcome_t *outcome_new(void)
{
    outcome_t *outcome = calloc(1, sizeof *outcome);
    if (outcome) {
        outcome->references = 1;
        outcome->entry.extended_error = EDE_NONE;
        arena_init(&outcome->arena, 2048, OUTCOME_ARENA_MAX);
    }
    return outcome;
}

outcome_t *outcome_ref(outcome_t *outcome)
{
    outcome->references++;
    return outcome;
}

void outcome_unref(outcome_t *outcome)
{
    if (outcome && --outcome->references == 0) {
        arena_clear(&outcome->arena);
        free(outcome);
    }
}

/* ---- life ---- */

static bool make_hints(resolver_t *resolver)
{
    if (resolver->settings->hints) {
        return true;
    }
    resolver->hints = malloc(sizeof *resolver->hints);
    if (resolver->hints) {
        hints_built_in(resolver->hints);
    }
    return resolver->hints != NULL;
}

static bool make_tables(resolver_t *resolver)
{
    const resolver_settings_t *settings = resolver->settings;
    resolver->fetch_slots = calloc(settings->fetches_max, sizeof(fetch_t *));
    resolver->free_slots = calloc(settings->fetches_max, sizeof(uint32_t));
    resolver->infra = infra_new(settings, &resolver->hash_key);
    resolver->special = special_new(settings);
    resolver->zone_trust = zone_trust_table_new(settings->zones_trusted_max, &resolver->hash_key);
    if (!resolver->zone_trust || !resolver->fetch_slots || !resolver->free_slots || !resolver->infra || !resolver->special) {
        return false;
    }
    for (unsigned i = 0; i < settings->fetches_max; i++) {
        resolver->free_slots[i] = settings->fetches_max - 1 - i;
    }
    resolver->free_slot_count = settings->fetches_max;
    return question_table_init(&resolver->requests, settings->requests_max) &&
           question_table_init(&resolver->fetches, settings->fetches_max) && question_table_init(&resolver->asked, settings->fetches_max) &&
           timer_heap_init(&resolver->timers, (size_t)settings->requests_max + settings->fetches_max) && make_hints(resolver);
}

resolver_t *resolver_new(const resolver_settings_t *settings, store_t *store, resolver_random_t random)
{
    REQUIRE(settings->cname_hops_max <= RESOLVER_CNAME_HOPS_MAX && settings->ns_names_max <= RESOLVER_NS_NAMES_MAX);
    REQUIRE(settings->ns_lookups_max <= RESOLVER_NS_LOOKUPS_MAX && settings->fetches_max > 0 && settings->requests_max > 0);
    resolver_t *resolver = calloc(1, sizeof *resolver);
    if (!resolver) {
        return NULL;
    }
    resolver->settings = settings;
    resolver->store = store;
    resolver->random = random;
    resolver->hash_key = (siphash_key_t){resolver_random(resolver), resolver_random(resolver)};
    resolver->cookie_secret = (siphash_key_t){resolver_random(resolver), resolver_random(resolver)};
    resolver->last_ready_fetch = &resolver->ready_fetches;
    resolver->last_ready_request = &resolver->ready_requests;
    resolver->last_action = &resolver->actions;
    resolver->exhausted = (outcome_t){.references = 1, .by_budget = true, .is_shortage = true, .text = "out of memory"};
    resolver->exhausted.entry = (store_entry_t){.kind = STORE_FAILURE, .extended_error = EDE_OTHER};
    arena_init(&resolver->scratch, SCRATCH_CHUNK, REPLY_ARENA_MAX);
    arena_init(&resolver->reply_arena, SCRATCH_CHUNK, REPLY_ARENA_MAX);
    buffer_init(&resolver->signed_data, SIGNED_DATA_MAX);
    validate_policy(settings, &resolver->dnssec_policy);
    if (!make_tables(resolver)) {
        resolver_free(resolver);
        return NULL;
    }
    return resolver;
}

static void free_action(action_node_t *node)
{
    if (node) {
        answer_memory_unref(node->answer);
        free(node);
    }
}

/* First nobody waits for anybody, then all go. */
static void free_fetches(resolver_t *resolver)
{
    unsigned count = resolver->fetch_slots ? resolver->settings->fetches_max : 0;
    for (unsigned i = 0; i < count; i++) {
        if (resolver->fetch_slots[i]) {
            cut_leave(resolver, resolver->fetch_slots[i]);
            validate_leave(resolver, resolver->fetch_slots[i]);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (resolver->fetch_slots[i]) {
            fetch_free(resolver, resolver->fetch_slots[i]);
        }
    }
}

void resolver_free(resolver_t *resolver)
{
    if (!resolver) {
        return;
    }
    for (size_t i = 0; resolver->requests.slots && i <= resolver->requests.mask; i++) {
        while (resolver->requests.slots[i]) {
            request_free(resolver, (request_t *)resolver->requests.slots[i]);
        }
    }
    free_fetches(resolver);
    for (action_node_t *node = resolver->actions; node;) {
        action_node_t *next = node->next;
        free_action(node);
        node = next;
    }
    free_action(resolver->drained);
    question_table_clear(&resolver->requests);
    question_table_clear(&resolver->fetches);
    question_table_clear(&resolver->asked);
    free(resolver->timers.timers);
    free(resolver->fetch_slots);
    free(resolver->free_slots);
    free(resolver->hints);
    infra_free(resolver->infra);
    special_free(resolver->special);
    zone_trust_table_free(resolver->zone_trust);
    buffer_clear(&resolver->signed_data);
    arena_clear(&resolver->scratch);
    arena_clear(&resolver->reply_arena);
    free(resolver);
}

/* ---- the run ---- */

void resolver_ready_fetch(resolver_t *resolver, fetch_t *fetch)
{
    if (!fetch->is_ready) {
        fetch->is_ready = true;
        fetch->next_ready = NULL;
        *resolver->last_ready_fetch = fetch;
        resolver->last_ready_fetch = &fetch->next_ready;
    }
}

void resolver_ready_request(resolver_t *resolver, request_t *request)
{
    if (!request->is_ready) {
        request->is_ready = true;
        request->next_ready = NULL;
        *resolver->last_ready_request = request;
        resolver->last_ready_request = &request->next_ready;
    }
}

static fetch_t *pop_fetch(resolver_t *resolver)
{
    fetch_t *fetch = resolver->ready_fetches;
    if (fetch) {
        fetch->is_ready = false;
        resolver->ready_fetches = fetch->next_ready;
        if (!resolver->ready_fetches) {
            resolver->last_ready_fetch = &resolver->ready_fetches;
        }
    }
    return fetch;
}

static request_t *pop_request(resolver_t *resolver)
{
    request_t *request = resolver->ready_requests;
    if (request) {
        request->is_ready = false;
        resolver->ready_requests = request->next_ready;
        if (!resolver->ready_requests) {
            resolver->last_ready_request = &resolver->ready_requests;
        }
    }
    return request;
}

/* Ends: each step of a fetch or a request takes from a budget, waits for an event, or ends it. */
static void run(resolver_t *resolver)
{
    for (;;) {
        fetch_t *fetch = pop_fetch(resolver);
        request_t *request = fetch ? NULL : pop_request(resolver);
        if (fetch) {
            fetch_step(resolver, fetch);
        } else if (request) {
            request_step(resolver, request);
        } else {
            return;
        }
        arena_reset(&resolver->scratch);
    }
}

/* ---- events ---- */

status_t resolver_ask(resolver_t *resolver, const resolver_question_t *question, resolver_time_t now)
{
    resolver->now = now;
    resolver->counters[RESOLVER_COUNT_QUESTIONS]++;
    status_t status = request_begin(resolver, question);
    run(resolver);
    return status;
}

resolver_verdict_t resolver_reply(resolver_t *resolver, uint64_t exchange, const resolver_address_t *source, const uint8_t *bytes,
                                  size_t size, resolver_time_t now)
{
    resolver->now = now;
    fetch_t *fetch = exchange_find(resolver, exchange);
    if (!fetch) {
        resolver->counters[RESOLVER_COUNT_UNEXPECTED]++;
        return RESOLVER_UNKNOWN;
    }
    resolver_verdict_t verdict = receive_reply(resolver, fetch, source, bytes, size);
    run(resolver);
    arena_reset(&resolver->reply_arena);
    return verdict;
}

void resolver_failed(resolver_t *resolver, uint64_t exchange, resolver_failure_t failure, resolver_time_t now)
{
    resolver->now = now;
    fetch_t *fetch = exchange_find(resolver, exchange);
    if (fetch) {
        exchange_failed(resolver, fetch, failure);
        run(resolver);
    }
}

uint64_t resolver_deadline(const resolver_t *resolver)
{
    return resolver->timers.count > 0 ? resolver->timers.timers[1]->deadline_ms : UINT64_MAX;
}

void resolver_tick(resolver_t *resolver, resolver_time_t now)
{
    resolver->now = now;
    while (resolver->timers.count > 0 && resolver->timers.timers[1]->deadline_ms <= now.monotonic_ms) {
        resolver_timer_t *timer = resolver->timers.timers[1];
        timer_stop(&resolver->timers, timer);
        if (timer->fetch) {
            exchange_timed_out(resolver, timer->fetch);
        } else {
            request_timer(resolver, timer->request);
        }
        run(resolver);
    }
}

/* ---- actions ---- */

action_node_t *action_node_new(resolver_action_kind_t kind, size_t message_size)
{
    action_node_t *node = calloc(1, sizeof *node + message_size);
    if (node) {
        node->action.kind = kind;
    }
    return node;
}

void resolver_add_action(resolver_t *resolver, action_node_t *node)
{
    node->next = NULL;
    *resolver->last_action = node;
    resolver->last_action = &node->next;
}

bool resolver_next_action(resolver_t *resolver, resolver_action_t *action)
{
    free_action(resolver->drained);
    action_node_t *node = resolver->actions;
    resolver->drained = node;
    if (!node) {
        return false;
    }
    resolver->actions = node->next;
    if (!resolver->actions) {
        resolver->last_action = &resolver->actions;
    }
    *action = node->action;
    return true;
}

/* ---- the store ---- */

bool resolver_find(resolver_t *resolver, const name_key_t *name, uint16_t type, store_want_t want, arena_t *arena, store_entry_t *entry)
{
    store_question_t question = {.name = name, .type = type, .want = want, .now_s = resolver->now.unix_s};
    return resolver->store->operations->find(resolver->store, &question, arena, entry);
}

bool resolver_find_served(const resolver_t *resolver, const name_key_t *name, uint16_t type, name_t *zone)
{
    /* A DS RRset is the parent's (RFC 4035 3.1.4.1). */
    bool is_ds = type == TYPE_DS && name->labels > 0;
    return resolver->served.find && resolver->served.find(resolver->served.context, name, (unsigned)name->labels - is_ds, zone);
}

bool resolver_find_special(resolver_t *resolver, const name_key_t *name, uint16_t type, arena_t *arena, store_entry_t *entry)
{
    name_t served;
    unsigned built_in = resolver->served.find ? special_built_in(resolver->special, name) : 0;
    if (built_in > 0 && resolver_find_served(resolver, name, type, &served) && served.labels >= built_in) {
        return special_find_data(resolver->special, name, type, arena, entry);
    }
    return special_find(resolver->special, name, type, arena, entry);
}

/* ---- watching ---- */

void resolver_set_trust(resolver_t *resolver, const resolver_trust_t *trust)
{
    resolver->trust = trust;
    zone_trust_table_clear(resolver->zone_trust);
}

void resolver_set_served(resolver_t *resolver, resolver_served_t served)
{
    resolver->served = served;
}

uint64_t resolver_count(const resolver_t *resolver, resolver_counter_t counter)
{
    return counter < RESOLVER_COUNTERS ? resolver->counters[counter] : 0;
}

const char *resolver_counter_name(resolver_counter_t counter)
{
    static const char *const names[RESOLVER_COUNTERS] = {
        "questions",      "merged",
        "local",          "from-store",
        "synthesised",    "stale",
        "discarded",      "failures",
        "fetches",        "fetches-merged",
        "followed",       "sent-udp",
        "sent-tcp",       "timeouts",
        "replies",        "unexpected-replies",
        "wrong-source",   "wrong-id",
        "wrong-question", "wrong-cookie",
        "malformed",      "suspicions",
        "truncated",      "referrals",
        "lame",           "no-edns",
        "name-shown",     "loops",
        "budget-spent",   "quota",
        "primings",       "root-fallbacks",
        "renewals",       "secure",
        "insecure",       "bogus",
        "bogus-retries",  "signature-checks",
    };
    return counter < RESOLVER_COUNTERS ? names[counter] : "";
}

unsigned resolver_requests(const resolver_t *resolver)
{
    return (unsigned)resolver->requests.count;
}

unsigned resolver_fetches(const resolver_t *resolver)
{
    return resolver->settings->fetches_max - resolver->free_slot_count;
}

unsigned resolver_exchanges(const resolver_t *resolver)
{
    unsigned open = 0;
    for (unsigned i = 0; i < resolver->settings->fetches_max; i++) {
        open += resolver->fetch_slots[i] && resolver->fetch_slots[i]->exchange.is_open;
    }
    return open;
}

static void check_fetch(const resolver_t *resolver, const fetch_t *fetch)
{
    REQUIRE(fetch->waiters || fetch->is_pinned);
    REQUIRE(fetch->exchange.is_open == (fetch->state == FETCH_WAIT_REPLY));
    REQUIRE((fetch->timer.place != 0) == fetch->exchange.is_open);
    REQUIRE(fetch->cut.sends <= resolver->settings->sends_a_cut_max && fetch->cut.lookups <= resolver->settings->ns_lookups_max);
    REQUIRE(fetch->depth <= resolver->settings->depth_max);
    bool waits = false;
    for (unsigned i = 0; i < fetch->cut.lookups; i++) {
        REQUIRE(!(fetch->lookups[i].fetch && fetch->lookups[i].outcome));
        waits = waits || fetch->lookups[i].fetch;
    }
    REQUIRE((fetch->state == FETCH_FOLLOW) == (fetch->leader != NULL));
    REQUIRE(!fetch->leader || fetch->leader->exchange.is_open);
    bool validates = fetch->state == FETCH_VALIDATE;
    REQUIRE(fetch->state == FETCH_WAIT_REPLY || fetch->state == FETCH_FOLLOW || validates ||
            (fetch->state == FETCH_WAIT_ADDRESSES && waits));
    REQUIRE(validates == (fetch->validation.outcome != NULL) && validates == (fetch->validation.edge.fetch != NULL));
    REQUIRE(fetch->is_checked || !validates);
    REQUIRE(fetch->validation.retries <= resolver->settings->bogus_retries_max);
    for (const edge_t *edge = fetch->waiters; edge; edge = edge->next) {
        REQUIRE(edge->fetch == fetch && !edge->outcome && (!edge->by_fetch != !edge->by_request));
    }
}

void resolver_check(const resolver_t *resolver)
{
    REQUIRE(!resolver->ready_fetches && !resolver->ready_requests);
    unsigned fetches = 0;
    for (unsigned i = 0; i < resolver->settings->fetches_max; i++) {
        if (resolver->fetch_slots[i]) {
            check_fetch(resolver, resolver->fetch_slots[i]);
            fetches++;
        }
    }
    REQUIRE(fetches == resolver_fetches(resolver));
    for (size_t i = 1; i <= resolver->timers.count; i++) {
        REQUIRE(resolver->timers.timers[i]->place == i);
    }
}
