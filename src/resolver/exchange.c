/* Exchanges: one message to one server, and what ends the wait for its answer besides a good reply.
 *
 * Each is a message with a random id, from a random port of its own (which the server's sockets see to), a name in random case, and a
 * cookie: what an attacker off the path has to guess (RFC 5452, RFC 7873).
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum {
    SILENCES_BEFORE_PLAIN = 2,      /* then a server never known to speak EDNS is asked without it */
    SILENCES_BEFORE_WHOLE_NAME = 3, /* then minimisation is given up at this cut: some servers drop what they find odd */
    FAMILY_DOWN_MS = 60000,
};

fetch_t *exchange_find(const resolver_t *resolver, uint64_t handle)
{
    uint32_t slot = (uint32_t)handle;
    fetch_t *fetch = slot < resolver->settings->fetches_max ? resolver->fetch_slots[slot] : NULL;
    return fetch && fetch->exchange.is_open && fetch->exchange.handle == handle ? fetch : NULL;
}

/* ---- what to ask ---- */

/* Labels to show next. Names on the way that are known to exist are passed without a question. */
unsigned exchange_labels(resolver_t *resolver, fetch_t *fetch)
{
    for (;;) {
        unsigned labels = minimise_next(&fetch->minimise, &fetch->name);
        if (labels == fetch->name.labels) {
            return labels;
        }
        name_key_t ancestor;
        store_entry_t entry;
        const uint8_t *wire = fetch->name.wire + fetch->name.offset[labels];
        name_key_init(&ancestor, wire, name_length(wire));
        if (!resolver_find(resolver, &ancestor, TYPE_A, STORE_WANT_FRESH, &resolver->scratch, &entry) ||
            (entry.kind != STORE_RRSET && entry.kind != STORE_NODATA)) {
            return labels;
        }
        fetch->minimise.known = labels;
    }
}

static void choose_question(resolver_t *resolver, fetch_t *fetch, exchange_t *exchange)
{
    unsigned labels = exchange_labels(resolver, fetch);
    exchange->labels = labels;
    exchange->is_whole = labels == fetch->name.labels;
    exchange->type = exchange->is_whole ? fetch->type : TYPE_A;
    name_set(&exchange->name, fetch->name.wire + fetch->name.offset[labels]);
    if (exchange->is_randomised) {
        uint64_t random[4];
        for (unsigned i = 0; i < ARRAY_SIZE(random); i++) {
            random[i] = resolver_random(resolver);
        }
        query_randomise_case(exchange->name.wire, exchange->name.length, random);
    }
}

/* ---- sending ---- */

static size_t write_message(const resolver_t *resolver, const fetch_t *fetch, const infra_entry_t *infra, uint8_t *out)
{
    const exchange_t *exchange = &fetch->exchange;
    query_shape_t shape = {
        .name = exchange->name.wire,
        .type = exchange->type,
        .id = exchange->id,
        .recursion_desired = fetch->cut.kind == CUT_FORWARD,
        .checking_disabled = fetch->cut.kind == CUT_FORWARD && validate_is_on(resolver),
        .edns = exchange->has_edns,
        .udp_size = resolver->settings->udp_size,
        .client_cookie = exchange->has_cookie ? exchange->cookie : NULL,
        .server_cookie = infra->cookie,
        .server_cookie_size = infra->cookie_length,
    };
    return query_write(&shape, out);
}

static void shape_exchange(resolver_t *resolver, fetch_t *fetch, const candidate_t *candidate, const infra_entry_t *infra)
{
    const resolver_settings_t *settings = resolver->settings;
    uint64_t now_ms = resolver->now.monotonic_ms;
    exchange_t *exchange = &fetch->exchange;
    bool is_udp = exchange->transport == RESOLVER_UDP;
    exchange->has_edns = !candidate->without_edns && !infra_has_no_edns(infra, now_ms);
    bool is_local = cut_is_local(&fetch->cut);
    exchange->has_cookie = exchange->has_edns && settings->cookies && !is_local;
    /* A connection cannot be answered from off the path: there the case proves nothing about the reply, but tells whether the server
     * keeps it. */
    exchange->keeps_case = settings->randomise_case && is_udp && !candidate->without_case && now_ms >= infra->case_lost_until_ms;
    exchange->is_randomised = exchange->keeps_case || (settings->randomise_case && !is_udp && !is_local);
    exchange->id = (uint16_t)resolver_random(resolver);
    if (exchange->has_cookie) {
        query_client_cookie(&resolver->cookie_secret, &candidate->address, exchange->cookie);
    }
    choose_question(resolver, fetch, exchange);
}

/* The wait: what the address is known to need, doubled by each silence. Where another one may do better, or the address may be an old one,
 * what others waited for in vain is not waited for again at once: a server that has died costs little to look after. */
static uint64_t timeout_of(resolver_t *resolver, const fetch_t *fetch, const infra_entry_t *infra)
{
    if (fetch->exchange.transport == RESOLVER_TCP) {
        return resolver->settings->tcp_timeout_ms;
    }
    const unsigned tries = fetch->cut.candidates[fetch->exchange.candidate].tries;
    const bool may_be_old = renew_is_open(fetch) && fetch->cut.rounds == 0;
    if (may_be_old || (tries == 1 && selection_has_other(resolver, fetch, fetch->exchange.candidate))) {
        const uint64_t wait_ms = (uint64_t)infra_first_timeout(resolver->infra, infra) << (tries > 1);
        return wait_ms < infra->timeout_ms ? wait_ms : infra->timeout_ms;
    }
    return infra->timeout_ms;
}

static void out_of_memory(resolver_t *resolver, fetch_t *fetch)
{
    fetch_set_trouble(fetch, "out of memory", EDE_OTHER, NULL);
    fetch->trouble.fault = FAULT_SHORTAGE;
    fetch_fail_by_budget(resolver, fetch);
}

static void emit_send(resolver_t *resolver, fetch_t *fetch, infra_entry_t *infra, action_node_t *node)
{
    exchange_t *exchange = &fetch->exchange;
    node->action.exchange = exchange->handle;
    node->action.address = infra->address;
    node->action.transport = exchange->transport;
    node->action.message = node->message;
    node->action.size = write_message(resolver, fetch, infra, node->message);
    resolver_add_action(resolver, node);
    exchange->closing->action.exchange = exchange->handle;
    exchange->is_open = true;
    follow_open(resolver, fetch);
    infra->outstanding++;
    fetch->state = FETCH_WAIT_REPLY;
    timer_set(&resolver->timers, &fetch->timer, resolver->now.monotonic_ms + timeout_of(resolver, fetch, infra));
    resolver->counters[RESOLVER_COUNT_SENT_TCP] += exchange->transport == RESOLVER_TCP;
    resolver->counters[RESOLVER_COUNT_SENT_UDP] += exchange->transport == RESOLVER_UDP;
}

void exchange_send(resolver_t *resolver, fetch_t *fetch, unsigned index, resolver_transport_t transport)
{
    DEBUG_ASSERT(!fetch->exchange.is_open && fetch->state == FETCH_SELECT);
    candidate_t *candidate = &fetch->cut.candidates[index];
    infra_entry_t *infra = infra_get(resolver->infra, &candidate->address, resolver->now.monotonic_ms);
    bool is_local = cut_is_local(&fetch->cut); /* answers at once: there is no other way to ask it, and no limit */
    if (!infra || (!is_local && infra->outstanding >= resolver->settings->fetches_a_server_max)) {
        resolver->counters[RESOLVER_COUNT_QUOTA]++;
        candidate->is_dead = true;
        fetch_set_trouble(fetch, "has too many questions of ours to answer already", EDE_OTHER, &candidate->address);
        fetch->trouble.fault = FAULT_SHORTAGE;
        resolver_ready_fetch(resolver, fetch);
        return;
    }
    action_node_t *sending = action_node_new(RESOLVER_SEND, QUERY_SIZE_MAX);
    action_node_t *closing = action_node_new(RESOLVER_CLOSE, 0);
    if (!sending || !closing) {
        free(sending);
        free(closing);
        out_of_memory(resolver, fetch);
        return;
    }
    REQUIRE(fetch->budget->sends_left > 0);
    fetch->budget->sends_left--;
    fetch->cut.sends++;
    candidate->tries++;
    fetch->exchange = (exchange_t){
        .candidate = index,
        .transport = fetch->cut.kind == CUT_SERVED ? RESOLVER_LOCAL
                     : is_local                    ? RESOLVER_LOCAL_ROOT
                                                   : transport,
        .sent_ms = resolver->now.monotonic_ms,
        .handle = (uint64_t)++resolver->generation << 32 | fetch->slot,
        .closing = closing,
    };
    shape_exchange(resolver, fetch, candidate, infra);
    emit_send(resolver, fetch, infra, sending);
}

void exchange_close(resolver_t *resolver, fetch_t *fetch)
{
    exchange_t *exchange = &fetch->exchange;
    if (!exchange->is_open) {
        return;
    }
    infra_entry_t *infra = infra_find(resolver->infra, &fetch->cut.candidates[exchange->candidate].address);
    REQUIRE(infra && infra->outstanding > 0);
    infra->outstanding--;
    exchange->is_open = false;
    follow_close(resolver, fetch);
    resolver_add_action(resolver, exchange->closing);
    exchange->closing = NULL;
    timer_stop(&resolver->timers, &fetch->timer);
    if (fetch->state == FETCH_WAIT_REPLY) {
        fetch->state = FETCH_SELECT;
    }
}

/* ---- ends without a reply ---- */

static void try_others(resolver_t *resolver, fetch_t *fetch)
{
    exchange_close(resolver, fetch);
    resolver_ready_fetch(resolver, fetch);
}

void exchange_timed_out(resolver_t *resolver, fetch_t *fetch)
{
    exchange_t *exchange = &fetch->exchange;
    candidate_t *candidate = &fetch->cut.candidates[exchange->candidate];
    infra_entry_t *infra = infra_find(resolver->infra, &candidate->address);
    resolver->counters[RESOLVER_COUNT_TIMEOUTS]++;
    REQUIRE(infra);
    infra_silent(resolver->infra, infra, resolver->now.monotonic_ms);
    fetch_set_trouble(fetch, "did not answer", EDE_NO_REACHABLE_AUTHORITY, &candidate->address);
    if (exchange->transport == RESOLVER_TCP) {
        candidate->tcp_failed = true;
        candidate->is_dead = !candidate->without_case;
    } else if (exchange->has_edns && infra->edns == INFRA_EDNS_UNKNOWN && candidate->tries >= SILENCES_BEFORE_PLAIN) {
        candidate->without_edns = true;
        resolver->counters[RESOLVER_COUNT_NO_EDNS]++;
    }
    if (!exchange->is_whole && ++fetch->minimised_silences >= SILENCES_BEFORE_WHOLE_NAME) {
        fetch->minimise.enabled = false;
        resolver->counters[RESOLVER_COUNT_NAME_SHOWN]++;
    }
    try_others(resolver, fetch);
}

void exchange_failed(resolver_t *resolver, fetch_t *fetch, resolver_failure_t failure)
{
    candidate_t *candidate = &fetch->cut.candidates[fetch->exchange.candidate];
    const char *what = "cannot be reached from here";
    fault_t fault = FAULT_SERVERS;
    switch (failure) {
    case RESOLVER_FAILURE_REFUSED:
        what = fetch->exchange.transport == RESOLVER_TCP ? "closed the connection" : "has no DNS service";
        candidate->is_dead = fetch->exchange.transport == RESOLVER_UDP || !candidate->without_case;
        candidate->tcp_failed = fetch->exchange.transport == RESOLVER_TCP;
        break;
    case RESOLVER_FAILURE_UNREACHABLE:
        candidate->is_dead = true;
        fault = FAULT_NETWORK;
        resolver->family_down_until_ms[candidate->address.family == RESOLVER_IPV6] = resolver->now.monotonic_ms + FAMILY_DOWN_MS;
        break;
    case RESOLVER_FAILURE_NO_SOCKET:
        what = "could not be asked for want of a socket";
        fault = FAULT_SHORTAGE;
        break;
    }
    fetch_set_trouble(fetch, what, EDE_NETWORK_ERROR, &candidate->address);
    fetch->trouble.fault = fault;
    try_others(resolver, fetch);
}
