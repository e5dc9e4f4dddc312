/* Messages of the resolver: to other servers through net/upstream, to our own zones at once. */
#include "server/recursor_internal.h"

#include "base/rcu.h"
#include "net/address.h"
#include "wire/rrtype.h"

#include <errno.h>
#include <string.h>

/* ---- addresses ---- */

static void to_socket_address(net_address_t *to, const resolver_address_t *from)
{
    memset(to, 0, sizeof *to);
    if (from->family == RESOLVER_IPV4) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(from->port);
        memcpy(&to->v4.sin_addr, from->bytes, sizeof to->v4.sin_addr);
    } else {
        to->v6.sin6_family = AF_INET6;
        to->v6.sin6_port = htons(from->port);
        memcpy(&to->v6.sin6_addr, from->bytes, sizeof to->v6.sin6_addr);
    }
}

static void from_socket_address(resolver_address_t *to, const net_address_t *from)
{
    memset(to, 0, sizeof *to);
    if (from->sa.sa_family == AF_INET) {
        to->family = RESOLVER_IPV4;
        to->port = ntohs(from->v4.sin_port);
        memcpy(to->bytes, &from->v4.sin_addr, sizeof from->v4.sin_addr);
    } else {
        to->family = RESOLVER_IPV6;
        to->port = ntohs(from->v6.sin6_port);
        memcpy(to->bytes, &from->v6.sin6_addr, sizeof from->v6.sin6_addr);
    }
}

/* ---- our own zones ---- */

bool network_find_served(void *context, const name_key_t *name, unsigned labels, name_t *zone)
{
    const recursor_t *recursor = context;
    const dispatch_view_t *view = rcu_read(recursor->environment.view);
    const zone_slot_t *slot = view ? zone_set_find(view->zones, name, labels) : NULL;
    if (slot) {
        *zone = slot->name;
    }
    return slot != NULL;
}

bool network_has_root(void *context)
{
    recursor_t *recursor = context;
    const dispatch_view_t *view = rcu_read(recursor->environment.view);
    const zone_contents_t *contents = view && view->local_root ? rcu_read(&zone_set_at(view->local_root, 0)->contents) : NULL;
    if (!contents) {
        return false;
    }
    bool is_good = (int64_t)recursor_now(recursor).unix_s < *view->local_root_until_s;
    if (!is_good && !recursor->is_root_expired) { /* RFC 8806 3 */
        log_event(recursor->environment.log, LOG_WARNING, "local-root.expired", LOG_NUMBER("serial", zone_head(contents)->serial));
    }
    recursor->is_root_expired = !is_good;
    return is_good;
}

enum { OPT_SIZE = 11 };

/* A bare OPT record: version 0, DO as in the question. */
static size_t write_opt(const query_t *query, uint8_t *at)
{
    const uint8_t opt[OPT_SIZE] = {0, 0, TYPE_OPT, UDP_SIZE_DEFAULT >> 8, UDP_SIZE_DEFAULT & 255, 0, 0, query->edns.dnssec_ok ? 0x80 : 0};
    if (!query->edns.present) {
        return 0;
    }
    memcpy(at, opt, sizeof opt);
    return sizeof opt;
}

/* The message that our server would send to itself, out of its zones or its copy of the root zone, in recursor->out. 0: there is none. */
static size_t write_served(recursor_t *recursor, bool is_root, const uint8_t *message, size_t size)
{
    query_t *query = &recursor->query;
    auth_t *auth = recursor->auth;
    const dispatch_view_t *view = rcu_read(recursor->environment.view);
    const zone_set_t *zones = !view ? NULL : is_root ? view->local_root : view->zones;
    if (!zones || query_parse(query, message, size) != QUERY_ANSWER || query->rcode != RCODE_NOERROR || !query->has_question) {
        return 0;
    }
    uint8_t *out = recursor->out;
    size_t question_end = MESSAGE_HEADER_SIZE + (size_t)query->question_size;
    memcpy(out, message, question_end);
    auth->request = (auth_request_t){
        .query = query,
        .type = query->type,
        .zones = zones,
        .out = out,
        .size = question_end,
        .limit = sizeof recursor->out - OPT_SIZE,
        .minimal_responses = true,
    };
    auth_answer(auth);
    const auth_answer_t *answer = &auth->answer;
    size_t opt_size = write_opt(query, out + answer->size);
    store_be16(out + 2, (uint16_t)(FLAG_QR | answer->flags | answer->rcode));
    store_be16(out + 4, 1);
    store_be16(out + 6, answer->counts[0]);
    store_be16(out + 8, answer->counts[1]);
    store_be16(out + 10, (uint16_t)(answer->counts[2] + (opt_size > 0)));
    return answer->size + opt_size;
}

static void send_to_ourselves(recursor_t *recursor, const resolver_action_t *action)
{
    const uint64_t exchange = action->exchange; /* the action lives until the resolver is called */
    const resolver_address_t address = action->address;
    size_t size = write_served(recursor, action->transport == RESOLVER_LOCAL_ROOT, action->message, action->size);
    resolver_verdict_t verdict = RESOLVER_IGNORED;
    recursor_add(recursor, RECURSOR_COUNT_SERVED, 1);
    if (size > 0) {
        verdict = resolver_reply(recursor->resolver, exchange, &address, recursor->out, size, recursor_now(recursor));
    }
    if (verdict != RESOLVER_ACCEPTED) { /* nothing better will come */
        resolver_failed(recursor->resolver, exchange, RESOLVER_FAILURE_REFUSED, recursor_now(recursor));
    }
}

/* ---- other servers ---- */

/* What the system says of one address (EINVAL, EACCES, EHOSTUNREACH ...) must not be held against all of its family. */
static resolver_failure_t failure_of(status_t status, int reason)
{
    if (status != STATUS_IO) {
        return RESOLVER_FAILURE_NO_SOCKET;
    }
    bool is_family = reason == ENETUNREACH || reason == ENETDOWN || reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL;
    return is_family ? RESOLVER_FAILURE_UNREACHABLE : RESOLVER_FAILURE_REFUSED;
}

void network_send(recursor_t *recursor, const resolver_action_t *action)
{
    if (action->transport == RESOLVER_LOCAL || action->transport == RESOLVER_LOCAL_ROOT) {
        send_to_ourselves(recursor, action);
        return;
    }
    net_address_t server;
    to_socket_address(&server, &action->address);
    const uint64_t exchange = action->exchange;
    const size_t slot = (uint32_t)exchange;
    const resolver_time_t now = recursor_now(recursor);
    upstream_request_t request = {
        .protocol = action->transport == RESOLVER_TCP ? NET_TCP : NET_UDP,
        .server = &server,
        .message = action->message,
        .size = action->size,
        .owner = exchange,
        .now_ms = now.monotonic_ms,
    };
    REQUIRE(slot < group_settings(recursor->group)->resolver.fetches_max);
    status_t status = upstream_send(recursor->upstream, &request, &recursor->tickets[slot]);
    const int reason = errno;
    if (status == STATUS_OK) {
        recursor->exchanges[slot] = exchange;
        return;
    }
    recursor->exchanges[slot] = 0;
    resolver_failed(recursor->resolver, exchange, failure_of(status, reason), now);
}

void network_close(recursor_t *recursor, uint64_t exchange)
{
    const size_t slot = (uint32_t)exchange;
    if (slot < group_settings(recursor->group)->resolver.fetches_max && recursor->exchanges[slot] == exchange) {
        recursor->exchanges[slot] = 0;
        upstream_cancel(recursor->upstream, recursor->tickets[slot]);
    }
}

/* The other half of resolution.unreachable, where it was not only for some zones: once for each, as a client that asks for good and bad
 * names by turns could fill the log. */
static void tell_of_reach(recursor_t *recursor, const net_address_t *server)
{
    char text[NET_ADDRESS_TEXT_MAX];
    recursor->is_cut_off = false;
    if (!recursor->is_told) {
        return;
    }
    recursor->is_told = false;
    log_event(recursor->environment.log, LOG_NOTICE, "resolution.reachable", LOG_TEXT("server", net_address_text(server, text)),
              LOG_NUMBER("failed", recursor->untold));
    recursor->untold = 0;
}

bool network_reply(void *context, const upstream_reply_t *reply)
{
    recursor_t *recursor = context;
    resolver_address_t source;
    from_socket_address(&source, reply->server);
    recursor->is_touched = true;
    resolver_verdict_t verdict =
        resolver_reply(recursor->resolver, reply->owner, &source, reply->message, reply->size, recursor_now(recursor));
    recursor->heard += verdict == RESOLVER_ACCEPTED;
    if (recursor->is_cut_off && verdict == RESOLVER_ACCEPTED) {
        tell_of_reach(recursor, reply->server);
    }
    return verdict != RESOLVER_IGNORED;
}

void network_failed(void *context, uint64_t owner, upstream_failure_t failure)
{
    recursor_t *recursor = context;
    resolver_failure_t meaning = RESOLVER_FAILURE_REFUSED;
    switch (failure) {
    case UPSTREAM_REFUSED:
    case UPSTREAM_CLOSED:
    case UPSTREAM_BROKEN:
        break;
    case UPSTREAM_UNREACHABLE:
        meaning = RESOLVER_FAILURE_UNREACHABLE;
        break;
    case UPSTREAM_NO_MEMORY:
        meaning = RESOLVER_FAILURE_NO_SOCKET;
        break;
    }
    recursor->is_touched = true;
    resolver_failed(recursor->resolver, owner, meaning, recursor_now(recursor));
}
