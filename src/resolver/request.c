/* Requests: what clients wait for.
 *
 *                 local data, special name, store                     no alias, or an error
 *     [LOOK_UP] ------------------------------------> (take outcome) ------------------------> [DONE] --> answers, freed
 *        |  ^                                             |    ^                                  ^
 *        |  |              an alias: the next name        |    | outcome of the fetch             | wall time over; no room
 *        |  +---------------------------------------------+    |                                  |
 *        +--------------------- fetch_want() -------------> [WAIT] -------------------------------+
 *                                                           |  ^
 *                                          stale_client_ms: |  | clients get a stale answer; the fetch goes on for the store
 *                                                           +--+
 * Invariants
 *  1. hop_count <= cname_hops_max + 1, and every hop takes from the budget.
 *  2. A request in WAIT has an edge to a fetch and a timer; in the other states neither.
 *  3. Clients are answered in the order they came, each once; a request without clients lives only to fill the store.
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What tells requests for one question apart. */
enum { REQUEST_FLAGS = RESOLVER_FLAG_CACHED_ONLY | RESOLVER_FLAG_CHECKING_DISABLED | RESOLVER_FLAG_REFRESH };

/* ---- clients ---- */

static status_t add_client(resolver_t *resolver, request_t *request, const resolver_question_t *question)
{
    client_t *client = malloc(sizeof *client);
    action_node_t *action = action_node_new(RESOLVER_ANSWER, 0);
    if (!client || !action) {
        free(client);
        free(action);
        return STATUS_NO_MEMORY;
    }
    *client = (client_t){.action = action, .handle = question->client, .arrived_ms = resolver->now.monotonic_ms, .flags = question->flags};
    *request->last_client = client;
    request->last_client = &client->next;
    request->client_count++;
    resolver->client_count++;
    return STATUS_OK;
}

/* Has it waited so long that an answer now would only add to a burst (DNSBomb)? */
static bool is_discarded(const resolver_t *resolver, const client_t *client)
{
    unsigned limit_ms = resolver->settings->discard_waiter_ms;
    return limit_ms > 0 && !(client->flags & RESOLVER_FLAG_PATIENT) && resolver->now.monotonic_ms - client->arrived_ms > limit_ms;
}

/* Gives every client that waits the answer; takes the caller's reference. NULL: there was no memory for one. */
static void answer_clients(resolver_t *resolver, request_t *request, answer_memory_t *answer)
{
    static const resolver_answer_t failure = {.rcode = RCODE_SERVFAIL, .extended_error = EDE_OTHER, .extended_text = "out of memory"};
    for (client_t *client = request->clients; client;) {
        client_t *next = client->next;
        action_node_t *node = client->action;
        node->action.client = client->handle;
        bool is_stale = answer && answer->answer.is_stale; /* given because the client has waited: sooner it could not come */
        if (!is_stale && is_discarded(resolver, client)) {
            node->action.kind = RESOLVER_DISCARD;
            resolver->counters[RESOLVER_COUNT_DISCARDED]++;
        } else {
            node->action.answer = answer ? &answer->answer : &failure;
            node->answer = answer;
            if (answer) {
                answer->references++;
                resolver->counters[RESOLVER_COUNT_STALE] += answer->answer.is_stale;
                resolver->counters[RESOLVER_COUNT_FAILURES] += answer->answer.rcode == RCODE_SERVFAIL;
            }
        }
        resolver_add_action(resolver, node);
        free(client);
        client = next;
    }
    resolver->client_count -= request->client_count;
    request->client_count = 0;
    request->clients = NULL;
    request->last_client = &request->clients;
    answer_memory_unref(answer);
}

/* ---- beginning ---- */

/* The type that is looked up now: A where AAAA is to be made of it. */
static uint16_t wanted_type(const request_t *request)
{
    return request->without_aaaa ? TYPE_A : request->type;
}

static question_node_t node_of(request_t *request)
{
    return (question_node_t){.name = &request->name, .type = request->type, .flags = request->flags};
}

static request_t *request_new(resolver_t *resolver, const resolver_question_t *question)
{
    request_t *request = calloc(1, sizeof *request);
    budget_t *budget = malloc(sizeof *budget);
    if (!request || !budget) {
        free(request);
        free(budget);
        return NULL;
    }
    budget_init(budget, resolver->settings, resolver->now.monotonic_ms);
    request->budget = budget;
    request->state = REQUEST_LOOK_UP;
    request->name = *question->name;
    request->current = *question->name;
    request->type = question->type;
    request->flags = question->flags & REQUEST_FLAGS;
    request->cached_only = (question->flags & RESOLVER_FLAG_CACHED_ONLY) != 0;
    request->is_local = true;
    request->last_client = &request->clients;
    request->timer.request = request;
    request->edge.by_request = request;
    request->node = node_of(request);
    return request;
}

status_t request_begin(resolver_t *resolver, const resolver_question_t *question)
{
    const resolver_settings_t *settings = resolver->settings;
    question_node_t wanted = {
        .name = question->name,
        .type = question->type,
        .flags = (uint16_t)(question->flags & REQUEST_FLAGS),
    };
    if (resolver->client_count >= settings->clients_max) {
        return STATUS_LIMIT;
    }
    bool is_plain = question->rrclass == CLASS_IN;
    request_t *request = is_plain ? (request_t *)question_table_find(&resolver->requests, &resolver->hash_key, &wanted) : NULL;
    if (request) {
        if (request->client_count >= settings->clients_a_request_max) {
            return STATUS_LIMIT;
        }
        resolver->counters[RESOLVER_COUNT_MERGED]++;
        status_t status = add_client(resolver, request, question);
        answer_memory_t *stale = status == STATUS_OK && request->stale_tried ? chain_stale(resolver, request) : NULL;
        if (stale) {
            answer_clients(resolver, request, stale);
        }
        return status;
    }
    if (resolver->requests.count >= settings->requests_max) {
        return STATUS_LIMIT;
    }
    request = request_new(resolver, question);
    status_t status = request ? add_client(resolver, request, question) : STATUS_NO_MEMORY;
    if (status != STATUS_OK) {
        if (request) {
            free(request->budget);
            free(request);
        }
        return status;
    }
    question_table_add(&resolver->requests, &resolver->hash_key, &request->node);
    if (!is_plain || (question->type != TYPE_ANY && !rrtype_is_data(question->type))) {
        request->state = REQUEST_DONE;
        answer_clients(resolver, request,
                       chain_failure(is_plain ? RCODE_NOTIMP : RCODE_REFUSED, EDE_INVALID_QUERY_TYPE, "no data of such a type or class"));
    }
    resolver_ready_request(resolver, request);
    return STATUS_OK;
}

void request_free(resolver_t *resolver, request_t *request)
{
    question_table_remove(&resolver->requests, &request->node);
    timer_stop(&resolver->timers, &request->timer);
    edge_detach(resolver, &request->edge);
    outcome_unref(request->without_aaaa);
    for (client_t *client = request->clients; client;) {
        client_t *next = client->next;
        free(client->action);
        free(client);
        client = next;
    }
    for (unsigned i = 0; i < request->hop_count; i++) {
        outcome_unref(request->hops[i]);
    }
    if (--request->budget->references == 0) {
        free(request->budget);
    }
    free(request);
}

/* ---- ending ---- */

/* Takes the reference. */
static void end_with(resolver_t *resolver, request_t *request, answer_memory_t *answer)
{
    answer_clients(resolver, request, answer);
    request->state = REQUEST_DONE;
    timer_stop(&resolver->timers, &request->timer);
    edge_detach(resolver, &request->edge);
    resolver_ready_request(resolver, request);
}

/* Stale data is better than a failure (RFC 8767 4). */
static void finish_with(resolver_t *resolver, request_t *request, answer_memory_t *answer)
{
    bool may_be_stale = answer && answer->answer.rcode == RCODE_SERVFAIL && answer->answer.security != STORE_BOGUS;
    if (may_be_stale && resolver->settings->serve_stale && request->clients) {
        answer_memory_t *stale = chain_stale(resolver, request);
        if (stale) {
            answer_memory_unref(answer);
            answer = stale;
        }
    }
    end_with(resolver, request, answer);
}

static void finish(resolver_t *resolver, request_t *request)
{
    answer_memory_t *answer = chain_answer(request, request->hops, request->hop_count);
    if (answer) {
        answer->answer.is_local = request->is_local;
        if (chain_fails_by_sentinel(resolver, request, &answer->answer)) {
            answer_memory_unref(answer);
            end_with(resolver, request,
                     chain_failure(RCODE_SERVFAIL, EDE_OTHER, "this failure tells which root keys are trusted (RFC 8509)"));
            return;
        }
        if (!resolver->settings->minimal_answers) {
            chain_add_optional(resolver, request, answer);
        }
    }
    finish_with(resolver, request, answer);
}

/* A limit was reached on the way to this very question: so it will be the next time, and is not tried again at once (RFC 9520 3). But not
 * on the way to the name that an alias leads to: others ask for that with a budget of their own, and the alias may be an attacker's. */
static void keep_spent(resolver_t *resolver, const request_t *request, store_entry_t *entry)
{
    if (request->hop_count == 0) {
        fetch_keep_failure(resolver, &request->current, entry);
    }
}

static void spend_out(resolver_t *resolver, request_t *request, int16_t extended_error, const char *text)
{
    store_entry_t entry = {.kind = STORE_FAILURE, .type = wanted_type(request), .extended_error = extended_error, .text = text};
    resolver->counters[RESOLVER_COUNT_BUDGET_SPENT]++;
    keep_spent(resolver, request, &entry);
    answer_memory_t *failure = chain_failure(RCODE_SERVFAIL, extended_error, NULL);
    if (failure) {
        failure->answer.extended_text = arena_strndup(&failure->arena, text, strlen(text));
    }
    finish_with(resolver, request, failure);
}

/* ---- hops ---- */

static bool was_visited(const request_t *request, const uint8_t *target)
{
    if (name_equal(request->name.wire, target)) {
        return true;
    }
    for (unsigned i = 0; i + 1 < request->hop_count; i++) {
        const uint8_t *earlier = chain_target(&request->hops[i]->entry);
        if (earlier && name_equal(earlier, target)) {
            return true;
        }
    }
    return false;
}

/* One more outcome for the chain; takes the reference. */
static void take(resolver_t *resolver, request_t *request, outcome_t *outcome)
{
    REQUIRE(request->hop_count <= resolver->settings->cname_hops_max);
    outcome = request_dns64(resolver, request, outcome);
    if (!outcome) {
        request->state = REQUEST_LOOK_UP;
        resolver_ready_request(resolver, request);
        return;
    }
    request->hops[request->hop_count++] = outcome;
    const uint8_t *target = outcome->entry.type == TYPE_CNAME && request->type != TYPE_CNAME ? chain_target(&outcome->entry) : NULL;
    if (!target || outcome->overflow) {
        finish(resolver, request);
        return;
    }
    if (was_visited(request, target)) {
        finish_with(resolver, request, chain_failure(RCODE_SERVFAIL, EDE_INVALID_DATA, "the aliases of this name lead in a circle"));
        return;
    }
    if (!budget_take(&request->budget->hops_left)) {
        spend_out(resolver, request, EDE_OTHER, "too many aliases in a row");
        return;
    }
    name_key_init(&request->current, target, name_length(target));
    request->state = REQUEST_LOOK_UP;
    resolver_ready_request(resolver, request);
}

/* CD clear: only what validation lets pass. */
static bool is_checked(const request_t *request)
{
    return !(request->flags & RESOLVER_FLAG_CHECKING_DISABLED);
}

/* Whoever wants an answer renewed wants the data at the end of its chain from the servers, and what else would soon make it end. Not while
 * they fail (RFC 9520 3). */
static bool is_to_be_renewed(resolver_t *resolver, request_t *request, const store_entry_t *entry)
{
    enum { RENEWED_PART = 5 }; /* of the lifetime */
    store_entry_t failure;
    bool is_own = request->hop_count == 0 && (entry->type != TYPE_CNAME || request->type == TYPE_CNAME);
    if (!(request->flags & RESOLVER_FLAG_REFRESH) || entry->kind == STORE_FAILURE ||
        !(is_own || entry->ttl_s <= entry->lifetime_s / RENEWED_PART)) {
        return false;
    }
    return !resolver_find(resolver, &request->current, wanted_type(request), STORE_WANT_FAILURE, &resolver->scratch, &failure) ||
           failure.ttl_s == 0;
}

/* The current name in the store: the type, or an alias. */
static bool find_known(resolver_t *resolver, request_t *request, outcome_t *outcome)
{
    if (resolver_find_special(resolver, &request->current, wanted_type(request), &outcome->arena, &outcome->entry)) {
        resolver->counters[RESOLVER_COUNT_LOCAL]++;
        return true;
    }
    if (request_reverse_dns64(resolver, request, outcome)) {
        return true;
    }
    request->is_local = false;
    bool found = resolver_find(resolver, &request->current, wanted_type(request), STORE_WANT_FRESH, &outcome->arena, &outcome->entry);
    if ((!found || outcome->entry.kind == STORE_FAILURE) && wanted_type(request) != TYPE_CNAME) {
        store_entry_t alias;
        if (resolver_find(resolver, &request->current, TYPE_CNAME, STORE_WANT_FRESH, &outcome->arena, &alias) &&
            alias.kind == STORE_RRSET) {
            outcome->entry = alias;
            found = true;
        }
    }
    /* What was not validated yet goes through a fetch, which takes it from the store; what was found bogus is for CD to see. */
    found = found && validate_is_good(resolver, is_checked(request), &outcome->entry);
    found = found && !is_to_be_renewed(resolver, request, &outcome->entry);
    resolver->counters[RESOLVER_COUNT_FROM_STORE] += found;
    return found;
}

/* ANY is answered minimally: one record that says so (RFC 8482 4.2). */
static bool answer_any(const request_t *request, outcome_t *outcome)
{
    static const uint8_t rdata[] = "\7RFC8482";
    enum { ANY_TTL_S = 3600 };
    rrset_t *rrset = arena_alloc(&outcome->arena, sizeof *rrset);
    if (!rrset || rrset_make(rrset, &outcome->arena, request->current.wire, TYPE_HINFO, ANY_TTL_S, rdata, sizeof rdata) != STATUS_OK) {
        return false;
    }
    outcome->entry = (store_entry_t){
        .kind = STORE_RRSET, .type = TYPE_HINFO, .extended_error = EDE_NONE, .ttl_s = ANY_TTL_S, .rrset_count = 1, .rrsets = rrset};
    return true;
}

/* When the look-up that is waited for has had its time. */
static uint64_t wait_until(const request_t *request)
{
    return request->aaaa_until_ms ? request->aaaa_until_ms : request->budget->deadline_ms;
}

static void look_up(resolver_t *resolver, request_t *request)
{
    outcome_t *outcome = outcome_new();
    if (!outcome) {
        finish_with(resolver, request, NULL);
        return;
    }
    aggressive_question_t denied = {&request->current, wanted_type(request), request->budget};
    bool is_known = request->type == TYPE_ANY ? answer_any(request, outcome) : find_known(resolver, request, outcome);
    if (is_known ||
        (!(request->flags & RESOLVER_FLAG_CHECKING_DISABLED) && aggressive_find(resolver, &denied, &outcome->arena, &outcome->entry))) {
        if (outcome->entry.kind == STORE_FAILURE || is_checked(request)) {
            validate_make_failure(resolver, &request->current, outcome);
        }
        take(resolver, request, outcome);
        return;
    }
    outcome_unref(outcome);
    if (request->cached_only) {
        finish_with(resolver, request, chain_failure(RCODE_REFUSED, EDE_NOT_AUTHORITATIVE, "not cached, and recursion was not desired"));
        return;
    }
    bool validates = is_checked(request) && validate_is_on(resolver);
    fetch_wish_t wish = {&request->current,
                         wanted_type(request),
                         0,
                         request->budget,
                         &request->edge,
                         validates,
                         (request->flags & RESOLVER_FLAG_REFRESH) != 0};
    status_t status = fetch_want(resolver, &wish);
    if (status != STATUS_OK) {
        const char *text = status == STATUS_NO_MEMORY ? "out of memory" : "too many questions are being resolved";
        finish_with(resolver, request, chain_failure(RCODE_SERVFAIL, EDE_OTHER, text));
        return;
    }
    request->state = REQUEST_WAIT;
    request->aaaa_until_ms = 0;
    if (request_is_dns64(resolver, request) && !request->without_aaaa) { /* servers that are silent for AAAA are not rare (RFC 4074) */
        request->aaaa_until_ms = resolver->now.monotonic_ms + (request->budget->deadline_ms - resolver->now.monotonic_ms) / 2;
    }
    uint64_t end_ms = wait_until(request);
    uint64_t stale_ms = resolver->now.monotonic_ms + resolver->settings->stale_client_ms;
    bool first_stale = resolver->settings->serve_stale && !request->stale_tried && stale_ms < end_ms;
    timer_set(&resolver->timers, &request->timer, first_stale ? stale_ms : end_ms);
}

void request_step(resolver_t *resolver, request_t *request)
{
    switch (request->state) {
    case REQUEST_LOOK_UP:
        look_up(resolver, request);
        break;
    case REQUEST_WAIT:
        if (request->edge.outcome) {
            outcome_t *outcome = request->edge.outcome;
            request->edge.outcome = NULL;
            timer_stop(&resolver->timers, &request->timer);
            take(resolver, request, outcome);
        }
        break;
    case REQUEST_DONE:
        REQUIRE(!request->clients);
        request_free(resolver, request);
        break;
    }
}

/* Why the look-up that is waited for has no outcome yet. */
static void write_trouble(const request_t *request, char text[static TEXT_MAX])
{
    const fetch_t *fetch = request->edge.fetch;
    if (fetch && fetch->trouble.what) {
        fetch_write_trouble(fetch, text);
    } else {
        snprintf(text, TEXT_MAX, "%s", "no server answered in time");
    }
}

/* A time-out counts as an empty answer (RFC 6147 5.1.3). */
static void give_up_aaaa(resolver_t *resolver, request_t *request)
{
    outcome_t *outcome = outcome_new();
    if (!outcome) {
        finish_with(resolver, request, NULL);
        return;
    }
    write_trouble(request, outcome->text);
    outcome->entry =
        (store_entry_t){.kind = STORE_FAILURE, .type = TYPE_AAAA, .extended_error = EDE_NO_REACHABLE_AUTHORITY, .text = outcome->text};
    keep_spent(resolver, request, &outcome->entry);
    edge_detach(resolver, &request->edge);
    take(resolver, request, outcome);
}

void request_timer(resolver_t *resolver, request_t *request)
{
    DEBUG_ASSERT(request->state == REQUEST_WAIT);
    if (resolver->now.monotonic_ms >= request->budget->deadline_ms) {
        char text[TEXT_MAX];
        write_trouble(request, text);
        spend_out(resolver, request, EDE_NO_REACHABLE_AUTHORITY, text);
        return;
    }
    if (request->aaaa_until_ms && resolver->now.monotonic_ms >= request->aaaa_until_ms) {
        give_up_aaaa(resolver, request);
        return;
    }
    request->stale_tried = true;
    answer_memory_t *stale = chain_stale(resolver, request);
    if (stale) {
        answer_clients(resolver, request, stale);
    }
    timer_set(&resolver->timers, &request->timer, wait_until(request));
}
