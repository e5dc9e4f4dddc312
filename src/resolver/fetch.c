/* Fetches: one question asked of authoritative servers (or forwarders), for all who want it.
 *
 *              cut_find()            address chosen                    good reply
 *     [BEGIN] ------------> [SELECT] --------------> [WAIT_REPLY] ------------------> (result_take) --> [DONE] --> waiters told, freed
 *        |                   ^  |  ^                   |   |  ^                                            ^
 *        | known in store    |  |  | referral, next    |   |  | a reply that does not fit: wait goes on    |
 *        |                   |  |  | label, bad reply, |   +--+                                            |
 *        |                   |  |  | silence           |                                                   |
 *        |                   |  |  +-------------------+                                                   |
 *        |                   |  | no address left, names to look up                                        |
 *        |           address |  v                                                                          |
 *        |             found [WAIT_ADDRESSES]                                                              |
 *        |                      |    (between SELECT and WAIT_REPLY, FOLLOW: somebody else's open exchange asks the same, see follow.c)
 *        |                      | nothing left to try                                                      |
 *        +----------------------+--------------------------------------------------------------------------+
 *
 * (Between a complete answer and DONE, of a fetch made for a question with CD clear, stands VALIDATE: see validate.c. From there it may go
 * back to SELECT when the data is bogus.)
 *
 * Invariants
 *  1. An exchange is open exactly in WAIT_REPLY, and then the timer runs.
 *  2. WAIT_ADDRESSES has at least one look-up that is not over.
 *  3. Every way back to SELECT took from the budget: a send, or a look-up, or was one of bogus_retries_max. At one cut: at most
 * sends_a_cut_max sends and ns_lookups_max look-ups; every new cut is deeper than the last one (but for the one fall-back of a forward
 * zone, and the one delegation that is asked for again, see renew.c), so there are at most 3 * 127.
 *  4. A fetch lives as long as somebody waits for it or it is pinned.
 *  5. fetch_want() adds no edge that would close a circle of waiting (TsuNAME, NS loops).
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>

enum { PRIMING_RETRY_MS = 30000 };

/* ---- waiting ---- */

static void wake(resolver_t *resolver, edge_t *edge)
{
    if (edge->by_fetch) {
        resolver_ready_fetch(resolver, edge->by_fetch);
    } else {
        resolver_ready_request(resolver, edge->by_request);
    }
}

static void edge_attach(fetch_t *fetch, edge_t *edge)
{
    DEBUG_ASSERT(!edge->fetch && !edge->outcome);
    edge->fetch = fetch;
    edge->next = fetch->waiters;
    fetch->waiters = edge;
}

void edge_detach(resolver_t *resolver, edge_t *edge)
{
    fetch_t *fetch = edge->fetch;
    outcome_unref(edge->outcome);
    edge->outcome = NULL;
    edge->fetch = NULL;
    if (!fetch) {
        return;
    }
    edge_t **place = &fetch->waiters;
    while (*place != edge) {
        REQUIRE(*place);
        place = &(*place)->next;
    }
    *place = edge->next;
    if (!fetch->waiters) {
        resolver_ready_fetch(resolver, fetch); /* its step ends it */
    }
}

/* Does `from` wait for `to`, directly or through others? A search too long counts as yes. */
static bool waits_for(resolver_t *resolver, fetch_t *from, const fetch_t *to)
{
    fetch_t *open[LOOP_SEARCH_MAX];
    unsigned count = 0;
    unsigned seen = 1;
    uint64_t mark = ++resolver->visit;
    open[count++] = from;
    from->visited = mark;
    while (count > 0) {
        fetch_t *fetch = open[--count];
        if (fetch == to) {
            return true;
        }
        for (unsigned i = 0; i <= fetch->cut.lookups; i++) {
            fetch_t *next = i < fetch->cut.lookups ? fetch->lookups[i].fetch : fetch->validation.edge.fetch;
            if (next && next->visited != mark) {
                if (seen++ == LOOP_SEARCH_MAX) {
                    return true;
                }
                next->visited = mark;
                open[count++] = next;
            }
        }
    }
    return false;
}

/* ---- life ---- */

static void budget_unref(budget_t *budget)
{
    if (--budget->references == 0) {
        free(budget);
    }
}

static void fetch_draw_on(fetch_t *fetch, budget_t *budget)
{
    budget->references++;
    budget->running++;
    if (fetch->budget) {
        fetch->budget->running--;
        budget_unref(fetch->budget);
    }
    fetch->budget = budget;
}

static fetch_t *fetch_new(resolver_t *resolver, const fetch_wish_t *wish)
{
    fetch_t *fetch = resolver->free_slot_count > 0 ? calloc(1, sizeof *fetch) : NULL;
    if (!fetch) {
        return NULL;
    }
    fetch->slot = resolver->free_slots[--resolver->free_slot_count];
    resolver->fetch_slots[fetch->slot] = fetch;
    fetch->name = *wish->name;
    fetch->type = wish->type;
    fetch->depth = wish->depth;
    fetch_draw_on(fetch, wish->budget);
    fetch->timer.fetch = fetch;
    fetch->is_pinned = !wish->edge;
    fetch->is_checked = wish->is_checked;
    fetch->is_renewal = wish->is_renewal;
    fetch->is_first = budget_is_whole(wish->budget, resolver->settings);
    fetch->node = (question_node_t){.name = &fetch->name, .type = fetch->type, .flags = wish->is_checked};
    question_table_add(&resolver->fetches, &resolver->hash_key, &fetch->node);
    resolver->counters[RESOLVER_COUNT_FETCHES]++;
    return fetch;
}

void fetch_free(resolver_t *resolver, fetch_t *fetch)
{
    exchange_close(resolver, fetch);
    follow_leave(fetch);
    cut_leave(resolver, fetch);
    validate_leave(resolver, fetch);
    if (!fetch->outcome) { /* those with one left the table when they finished */
        question_table_remove(&resolver->fetches, &fetch->node);
    }
    outcome_unref(fetch->outcome);
    free(fetch->renewal);
    fetch->budget->running--;
    budget_unref(fetch->budget);
    resolver->fetch_slots[fetch->slot] = NULL;
    resolver->free_slots[resolver->free_slot_count++] = fetch->slot;
    free(fetch);
}

/* A question may need many look-ups at once, and a client may have many questions: as the table fills, each gets by with fewer at a time. A
 * good one is content with the last share, or waits for its turn of a name server's name; trees that an attacker grew are cut back. (What
 * counts is the table, or the sockets that it keeps busy: net/upstream has a quarter as many.) */
static bool has_share(const resolver_t *resolver, const budget_t *budget)
{
    enum { SHARE = 8, LAST_SHARE = 4 };
    const size_t room = resolver->settings->fetches_max;
    const size_t used = room - resolver->free_slot_count;
    const size_t open = resolver->asked.count;
    if (used >= room / 4 * 3 || open >= room / 16 * 3) {
        return budget->running < LAST_SHARE;
    }
    return budget->running < SHARE || (used < room / 2 && open < room / 8);
}

status_t fetch_want(resolver_t *resolver, const fetch_wish_t *wish)
{
    question_node_t wanted = {.name = wish->name, .type = wish->type, .flags = wish->is_checked};
    fetch_t *fetch = (fetch_t *)question_table_find(&resolver->fetches, &resolver->hash_key, &wanted);
    if (fetch) {
        const fetch_t *waiter = wish->edge ? wish->edge->by_fetch : NULL;
        if (!wish->edge || (waiter && waits_for(resolver, fetch, waiter))) {
            resolver->counters[RESOLVER_COUNT_LOOPS] += wish->edge != NULL;
            return STATUS_EXISTS;
        }
        resolver->counters[RESOLVER_COUNT_FETCHES_MERGED]++;
        edge_attach(fetch, wish->edge);
        return STATUS_OK;
    }
    if (wish->depth > resolver->settings->depth_max || wish->budget->fetches_left == 0) {
        resolver->counters[RESOLVER_COUNT_BUDGET_SPENT]++;
        return STATUS_LIMIT;
    }
    if (!has_share(resolver, wish->budget)) {
        resolver->counters[RESOLVER_COUNT_QUOTA]++;
        return STATUS_NO_SPACE;
    }
    fetch = fetch_new(resolver, wish);
    if (!fetch) {
        return resolver->free_slot_count == 0 ? STATUS_NO_SPACE : STATUS_NO_MEMORY;
    }
    wish->budget->fetches_left--;
    if (wish->edge) {
        edge_attach(fetch, wish->edge);
    }
    resolver_ready_fetch(resolver, fetch);
    return STATUS_OK;
}

/* ---- ending ---- */

void fetch_finish(resolver_t *resolver, fetch_t *fetch, outcome_t *outcome)
{
    DEBUG_ASSERT(fetch->state != FETCH_DONE && !fetch->outcome);
    exchange_close(resolver, fetch);
    follow_leave(fetch);
    cut_leave(resolver, fetch);
    validate_leave(resolver, fetch);
    question_table_remove(&resolver->fetches, &fetch->node);
    fetch->outcome = outcome ? outcome : outcome_ref(&resolver->exhausted);
    fetch->state = FETCH_DONE;
    for (edge_t *edge = fetch->waiters; edge;) {
        edge_t *next = edge->next;
        edge->fetch = NULL;
        edge->next = NULL;
        edge->outcome = outcome_ref(fetch->outcome);
        wake(resolver, edge);
        edge = next;
    }
    fetch->waiters = NULL;
    if (fetch->outcome->entry.kind != STORE_FAILURE) {
        cut_look_ahead(resolver, fetch);
    }
    resolver_ready_fetch(resolver, fetch);
}

void fetch_set_trouble(fetch_t *fetch, const char *what, int16_t extended_error, const resolver_address_t *address)
{
    fetch->trouble = (trouble_t){.what = what, .extended_error = extended_error, .has_address = address && address->family != 0};
    if (address) {
        fetch->trouble.address = *address;
    }
}

/* "no server of example.com. gave an answer (the last, 192.0.2.1, did not answer)" */
void fetch_write_trouble(const fetch_t *fetch, char text[static TEXT_MAX])
{
    char zone[NAME_TEXT_MAX];
    buffer_t address;
    buffer_init(&address, NAME_TEXT_MAX);
    name_to_text(fetch->cut.zone.wire, zone);
    if (fetch->trouble.has_address) {
        resolver_address_to_text(&fetch->trouble.address, &address);
        snprintf(text, TEXT_MAX, "no server of %.200s gave an answer: the last, %s, %s", zone, buffer_text(&address), fetch->trouble.what);
    } else {
        snprintf(text, TEXT_MAX, "no server of %.200s could be asked: %s", zone,
                 fetch->trouble.what ? fetch->trouble.what : "none has an address that may be asked");
    }
    buffer_clear(&address);
}

void fetch_keep_failure(resolver_t *resolver, const name_key_t *name, store_entry_t *entry)
{
    const resolver_settings_t *settings = resolver->settings;
    store_entry_t earlier;
    entry->ttl_s = settings->failure_ttl_min_s;
    if (resolver_find(resolver, name, entry->type, STORE_WANT_FAILURE, &resolver->scratch, &earlier)) {
        entry->ttl_s = earlier.lifetime_s > settings->failure_ttl_max_s / 2 ? settings->failure_ttl_max_s : 2 * earlier.lifetime_s;
    }
    resolver->store->operations->put(resolver->store, name, entry, resolver->now.unix_s);
}

/* What failed for want of a route is asked for again soon, however often it failed: the network may be back. */
static void keep_failure(resolver_t *resolver, const fetch_t *fetch, store_entry_t *entry)
{
    if (fetch->trouble.fault != FAULT_NETWORK) {
        fetch_keep_failure(resolver, &fetch->name, entry);
        return;
    }
    entry->ttl_s = resolver->settings->failure_ttl_min_s;
    resolver->store->operations->put(resolver->store, &fetch->name, entry, resolver->now.unix_s);
}

static void fail(resolver_t *resolver, fetch_t *fetch, bool by_budget)
{
    by_budget = by_budget || fetch->trouble.fault >= FAULT_BUDGET;
    if (fetch->validation.rejected) { /* there was an answer, and nobody had a better one */
        validate_give_up(resolver, fetch);
        return;
    }
    outcome_t *outcome = outcome_new();
    if (outcome) {
        outcome->by_budget = by_budget;
        outcome->is_shortage = fetch->trouble.fault == FAULT_SHORTAGE;
        outcome->entry.kind = STORE_FAILURE;
        outcome->entry.type = fetch->type;
        outcome->entry.extended_error = fetch->trouble.what ? fetch->trouble.extended_error : EDE_NO_REACHABLE_AUTHORITY;
        fetch_write_trouble(fetch, outcome->text);
        outcome->entry.text = outcome->text;
        if (!by_budget && fetch->cut.kind != CUT_SERVED) {
            keep_failure(resolver, fetch, &outcome->entry);
        }
    }
    fetch_finish(resolver, fetch, outcome);
}

void fetch_fail(resolver_t *resolver, fetch_t *fetch)
{
    fail(resolver, fetch, false);
}

void fetch_fail_by_budget(resolver_t *resolver, fetch_t *fetch)
{
    resolver->counters[RESOLVER_COUNT_BUDGET_SPENT]++;
    fail(resolver, fetch, true);
}

/* ---- stepping ---- */

static budget_t *budget_of(const edge_t *edge)
{
    return edge->by_fetch ? edge->by_fetch->budget : edge->by_request->budget;
}

bool fetch_find_budget(resolver_t *resolver, fetch_t *fetch, bool (*allows)(const budget_t *budget, uint64_t now_ms))
{
    uint64_t now_ms = resolver->now.monotonic_ms;
    if (allows(fetch->budget, now_ms)) {
        return true;
    }
    for (edge_t *edge = fetch->waiters; edge; edge = edge->next) {
        budget_t *other = budget_of(edge);
        if (allows(other, now_ms)) {
            fetch_draw_on(fetch, other);
            return true;
        }
    }
    return false;
}

static bool waits_for_addresses(const fetch_t *fetch)
{
    for (unsigned i = 0; i < fetch->cut.lookups; i++) {
        if (fetch->lookups[i].fetch) {
            return true;
        }
    }
    return false;
}

/* One more try of each address of a delegation that may soon be another. */
static bool begin_round(resolver_t *resolver, fetch_t *fetch)
{
    while (renew_is_open(fetch) && fetch->cut.rounds < resolver->settings->tries_an_address) {
        fetch->cut.rounds++;
        if (selection_next(resolver, fetch) >= 0) {
            fetch->state = FETCH_SELECT;
            resolver_ready_fetch(resolver, fetch);
            return true;
        }
    }
    return false;
}

/* No address is left: more names, or the forward zone's fall-back, or another delegation, or the end. */
static void look_further(resolver_t *resolver, fetch_t *fetch)
{
    enum { LOOKUPS_AT_ONCE = 2 };
    unsigned running = 0;
    for (unsigned i = 0; i < fetch->cut.lookups; i++) {
        running += fetch->lookups[i].fetch != NULL;
    }
    while (running < LOOKUPS_AT_ONCE && cut_look_up(resolver, fetch)) {
        running++;
    }
    if (waits_for_addresses(fetch)) {
        fetch->state = FETCH_WAIT_ADDRESSES;
    } else if (selection_next(resolver, fetch) >= 0) { /* found in the store on the way */
        fetch->state = FETCH_SELECT;
        resolver_ready_fetch(resolver, fetch);
    } else if (fetch->cut.kind == CUT_FORWARD && !fetch->cut.fallback_used) {
        fetch->cut.fallback_used = true;
        cut_find(resolver, fetch);
    } else if (fetch->cut.kind == CUT_LOCAL_ROOT) {
        fetch->cut.root_failed = true; /* RFC 8806 3: whatever is wrong with it, the root's servers are there */
        resolver->counters[RESOLVER_COUNT_ROOT_FALLBACKS]++;
        cut_find(resolver, fetch);
    } else if (!renew_delegation(resolver, fetch) && !begin_round(resolver, fetch)) {
        fetch_fail(resolver, fetch);
    }
}

static void select_server(resolver_t *resolver, fetch_t *fetch)
{
    fetch->state = FETCH_SELECT;
    if (!fetch_find_budget(resolver, fetch, budget_allows_send)) { /* nobody pays for another message */
        fetch_fail_by_budget(resolver, fetch);
        return;
    }
    if (fetch->cut.sends >= resolver->settings->sends_a_cut_max) {
        resolver->counters[RESOLVER_COUNT_BUDGET_SPENT]++;
        fetch_fail(resolver, fetch);
        return;
    }
    if (validate_has_tried_enough(resolver, fetch)) {
        if (!renew_delegation(resolver, fetch)) {
            validate_give_up(resolver, fetch);
        }
        return;
    }
    int candidate = selection_next(resolver, fetch);
    if (candidate >= 0) {
        if (follow_same_question(resolver, fetch, exchange_labels(resolver, fetch))) {
            return;
        }
        exchange_send(resolver, fetch, (unsigned)candidate, RESOLVER_UDP);
    } else {
        look_further(resolver, fetch);
    }
}

static void take_lookups(resolver_t *resolver, fetch_t *fetch)
{
    for (unsigned i = 0; i < fetch->cut.lookups; i++) {
        if (fetch->lookups[i].outcome) {
            cut_take_lookup(resolver, fetch, &fetch->lookups[i]);
        }
    }
}

void fetch_step(resolver_t *resolver, fetch_t *fetch)
{
    if (fetch->state == FETCH_DONE || (!fetch->waiters && !fetch->is_pinned)) {
        fetch_free(resolver, fetch);
        return;
    }
    take_lookups(resolver, fetch);
    switch (fetch->state) {
    case FETCH_BEGIN:
        if (fetch->is_renewal || !validate_take_known(resolver, fetch)) {
            cut_find(resolver, fetch);
        }
        break;
    case FETCH_VALIDATE:
        validate_step(resolver, fetch);
        break;
    case FETCH_SELECT:
    case FETCH_WAIT_ADDRESSES:
        select_server(resolver, fetch);
        break;
    case FETCH_WAIT_REPLY:
    case FETCH_FOLLOW:
    case FETCH_DONE:
        break;
    }
}

/* ---- priming ---- */

void fetch_prime(resolver_t *resolver)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    if (!resolver->settings->priming || resolver->now.monotonic_ms < resolver->priming_after_ms) {
        return;
    }
    resolver->priming_after_ms = resolver->now.monotonic_ms + PRIMING_RETRY_MS;
    budget_t *budget = malloc(sizeof *budget);
    if (!budget) {
        return;
    }
    budget_init(budget, resolver->settings, resolver->now.monotonic_ms);
    name_key_t name;
    name_key_init(&name, root, 1);
    fetch_wish_t wish = {&name, TYPE_NS, 0, budget, NULL, false, true};
    if (fetch_want(resolver, &wish) == STATUS_OK) {
        resolver->counters[RESOLVER_COUNT_PRIMINGS]++;
    }
    budget_unref(budget);
}
