#include "server/dispatch.h"

#include "auth/copy.h"
#include "base/rcu.h"
#include "server/dispatch_state.h"
#include "server/transfer.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* ---- counters ---- */

static inline void count_answer(dispatch_t *dispatch, const exchange_t *exchange, size_t size)
{
    const auth_answer_t *answer = &exchange->auth->answer;
    dispatch_add(&dispatch->bytes_out, size);
    if (LIKELY(answer->outcome != AUTH_OUTCOMES)) {
        dispatch_add(&dispatch->outcomes[answer->outcome], 1);
    } else {
        dispatch_add(&dispatch->rcodes[answer->rcode % TALLY_RCODES], 1);
    }
    if (UNLIKELY(answer->flags & FLAG_TC)) {
        dispatch_add(&dispatch->truncated, 1);
    }
}

/* ---- life ---- */

dispatch_t *dispatch_new(_Atomic(const dispatch_view_t *) *view)
{
    dispatch_t *dispatch = aligned_alloc(CACHE_LINE, (sizeof *dispatch + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
    if (!dispatch) {
        return NULL;
    }
    memset(dispatch, 0, sizeof *dispatch);
    dispatch->view = view;
    dispatch->exchange.auth = auth_new();
    if (!dispatch->exchange.auth) {
        free(dispatch);
        return NULL;
    }
    dispatch->exchange.auth->request.query = &dispatch->query;
    return dispatch;
}

void dispatch_free(dispatch_t *dispatch)
{
    if (dispatch) {
        auth_free(dispatch->exchange.auth);
        free(dispatch);
    }
}

void dispatch_set_resolver(dispatch_t *dispatch, dispatch_resolver_t resolver)
{
    dispatch->resolver = resolver;
}

void dispatch_set_time(dispatch_t *dispatch, uint32_t now_s)
{
    dispatch->now_s = now_s;
}

/* ---- where a request goes ---- */

static void answer_transfer(dispatch_t *dispatch, exchange_t *exchange)
{
    switch (transfer_answer(exchange)) {
    case TRANSFER_STARTED:
        dispatch_add(&dispatch->transfers, 1);
        break;
    case TRANSFER_SOA:
        exchange->auth->request.type = TYPE_SOA;
        auth_answer(dispatch->exchange.auth);
        break;
    case TRANSFER_REFUSED:
        dispatch_add(&dispatch->transfers_refused, 1);
        break;
    }
}

/* NOTIFY and UPDATE: we are the primary and take neither (RFC 1996 3.10, RFC 2136 3.1). */
static void answer_maintenance(exchange_t *exchange)
{
    const query_t *query = exchange->auth->request.query;
    const zone_slot_t *slot = query->has_question ? zone_set_get(exchange->view->zones, query->name.wire) : NULL;
    if (!query->has_question) {
        exchange_fail(exchange, RCODE_FORMERR, EDE_NONE);
    } else if (!slot || query->rrclass != CLASS_IN) {
        exchange_fail(exchange, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE);
    } else {
        exchange_fail(exchange, query->opcode == OPCODE_UPDATE ? RCODE_NOTIMP : RCODE_REFUSED, EDE_NOT_SUPPORTED);
    }
}

/* Types that are no data (RFC 6895 3.1). */
static __attribute__((noinline)) void answer_meta(dispatch_t *dispatch, exchange_t *exchange)
{
    switch (exchange->auth->request.query->type) {
    case TYPE_AXFR:
    case TYPE_IXFR:
        answer_transfer(dispatch, exchange);
        break;
    case TYPE_OPT:
    case TYPE_NXNAME: /* RFC 9824 3.3 */
        exchange_fail(exchange, RCODE_FORMERR, EDE_INVALID_QUERY_TYPE);
        break;
    default:
        exchange_fail(exchange, RCODE_NOTIMP, EDE_INVALID_QUERY_TYPE);
        break;
    }
}

static bool is_meta(uint16_t type)
{
    return type > TYPE_DNAME && ((type >= TYPE_TKEY && type <= TYPE_MAILA) || type == TYPE_OPT || type == TYPE_NXNAME);
}

/* Everything but an ordinary question. */
static __attribute__((noinline)) void answer_special(dispatch_t *dispatch, exchange_t *exchange)
{
    const query_t *query = exchange->auth->request.query;
    if (query->rcode != RCODE_NOERROR) {
        exchange_fail(exchange, query->rcode, EDE_NONE);
    } else if (query->has_tsig) {
        exchange_fail(exchange, RCODE_NOTAUTH, EDE_NONE);
        exchange->tsig_error = RCODE_BADKEY;
    } else if (query->opcode != OPCODE_QUERY) {
        answer_maintenance(exchange);
    } else if (!query->has_question) {
        /* A question-less query asks for a server cookie (RFC 7873 5.4), which we do not hand out. */
        exchange_fail(exchange, RCODE_FORMERR, EDE_NONE);
    } else if (query->rrclass == CLASS_CH) {
        dispatch_add(&dispatch->chaos, 1);
        chaos_answer(exchange);
    } else if (query->rrclass != CLASS_IN) {
        exchange_fail(exchange, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE);
    } else {
        answer_meta(dispatch, exchange);
    }
    if (recursion_is_allowed(dispatch, exchange)) {
        exchange->auth->answer.flags |= FLAG_RA;
    }
}

/* A question of class IN for data, no error, no TSIG. The four octets from opcode on are looked at as one. */
static inline bool is_ordinary(const query_t *query)
{
    static const uint8_t ordinary[4] = {OPCODE_QUERY, RCODE_NOERROR, true, false};
    _Static_assert(offsetof(query_t, rcode) == offsetof(query_t, opcode) + 1 &&
                       offsetof(query_t, has_question) == offsetof(query_t, opcode) + 2 &&
                       offsetof(query_t, has_tsig) == offsetof(query_t, opcode) + 3,
                   "the order of these fields");
    return memcmp(&query->opcode, ordinary, sizeof ordinary) == 0 && query->rrclass == CLASS_IN && !is_meta(query->type);
}

/* Header and question are those of the request; the limits follow from transport and EDNS. */
static inline void begin(exchange_t *exchange, const query_t *query, uint8_t *out, size_t capacity)
{
    const dispatch_view_t *view = exchange->view;
    size_t size = MESSAGE_HEADER_SIZE + (size_t)query->question_size; /* 0 without a question */
    size_t limit = MESSAGE_MAX;
    if (LIKELY(!exchange_is_stream(exchange))) {
        limit = query->edns.present ? query->edns.udp_size : UDP_SIZE_MIN;
        limit = limit < view->udp_size_max ? limit : view->udp_size_max;
    }
    limit = limit < capacity ? limit : capacity;
    exchange->limit = limit;
    if (query->edns.present) {
        limit -= REPLY_OPT_SIZE;
        if (UNLIKELY(query->edns.options_size > 0)) {
            limit -= reply_options_reserved(exchange);
        }
    }
    exchange->tsig_error = 0;
    auth_request_t *request = &exchange->auth->request;
    request->type = query->type;
    request->zones = view->zones;
    request->out = out;
    request->size = size;
    request->limit = limit;
    request->minimal_responses = view->minimal_responses;
    request->rotate_rrsets = view->rotate_rrsets;
    (void)copy_bytes(out, query->message, size);
}

/* Completes header, OPT and TSIG; returns the size of the message. */
static inline size_t close_message(const exchange_t *exchange, uint8_t *out)
{
    const auth_answer_t *answer = &exchange->auth->answer;
    size_t size = answer->size;
    unsigned additional = answer->counts[2];
    size_t opt = reply_write_opt(exchange, out + size, size);
    additional += opt > 0;
    size += opt;
    if (UNLIKELY(exchange->tsig_error)) {
        size_t tsig = reply_write_tsig(exchange, out + size, size);
        additional += tsig > 0;
        size += tsig;
    }
    reply_write_header(&exchange->auth->request, answer, out, additional);
    return size;
}

/* An answer whose header is complete but for what comes into the additional section. */
static inline void finish_cached(dispatch_t *dispatch, const exchange_t *exchange, uint8_t *out)
{
    size_t size = exchange->auth->answer.size;
    size_t opt = reply_write_opt(exchange, out + size, size);
    if (opt > 0) {
        store_be16(out + 10, load_be16(out + 10) + 1u);
    }
    exchange->reply->size = size + opt;
    dispatch_add(&dispatch->requests[dispatch_tally(exchange)], 1);
    count_answer(dispatch, exchange, size + opt);
}

void dispatch_answer(void *context, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                     net_reply_t *reply)
{
    dispatch_t *dispatch = context;
    query_t *query = &dispatch->query;
    exchange_t *exchange = &dispatch->exchange;
    *reply = (net_reply_t){.size = 0};
    dispatch_add(&dispatch->bytes_in, size);
    const dispatch_view_t *view = rcu_read(dispatch->view);
    if (UNLIKELY(query_parse(query, request, size) == QUERY_DROP || !view || capacity < UDP_SIZE_MIN)) {
        dispatch_add(&dispatch->dropped[client->protocol != NET_UDP], 1);
        return;
    }
    exchange->view = view;
    exchange->client = client;
    exchange->reply = reply;
    begin(exchange, query, out, capacity);
    if (LIKELY(is_ordinary(query))) {
        if (LIKELY(!view->recursion_allow)) {
            auth_answer(dispatch->exchange.auth);
        } else {
            recursion_result_t result = recursion_answer(dispatch, exchange, capacity);
            if (result != RECURSION_ANSWERED) {
                if (result == RECURSION_CACHED) {
                    finish_cached(dispatch, exchange, out);
                }
                return;
            }
        }
    } else {
        answer_special(dispatch, exchange);
    }
    if (LIKELY(!reply->stream)) {
        reply->size = close_message(exchange, out);
    }
    dispatch_add(&dispatch->requests[dispatch_tally(exchange)], 1);
    count_answer(dispatch, exchange, reply->size);
}

void dispatch_resume(void *context, const net_client_t *client, const uint8_t *request, size_t size, const recursion_body_t *body,
                     uint8_t *out, size_t capacity, net_reply_t *reply)
{
    dispatch_t *dispatch = context;
    query_t *query = &dispatch->query;
    exchange_t *exchange = &dispatch->exchange;
    *reply = (net_reply_t){.size = 0};
    const dispatch_view_t *view = rcu_read(dispatch->view);
    if (query_parse(query, request, size) == QUERY_DROP || !view || capacity < UDP_SIZE_MIN) {
        return;
    }
    exchange->view = view;
    exchange->client = client;
    exchange->reply = reply;
    begin(exchange, query, out, capacity);
    recursion_take(exchange, body);
    reply->size = close_message(exchange, out);
    dispatch_add(&dispatch->recursion.answered, 1);
    count_answer(dispatch, exchange, reply->size);
}
