#include "server/dispatch.h"

#include "auth/copy.h"
#include "base/rcu.h"
#include "server/exchange.h"
#include "server/transfer.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

/* What one request adds one to: the fewest counters that all those of dispatch_counter_t can be told from. */
enum {
    TALLY_STREAM = 1u << 0, /* bits of an index into requests */
    TALLY_EDNS = 1u << 1,
    TALLY_DNSSEC_OK = 1u << 2,
    TALLY_REQUESTS = 8,
    TALLY_RCODES = 32,
};

/* One worker's own: nobody else writes here, and no line of it is shared with another worker's. */
struct dispatch {
    _Alignas(CACHE_LINE) _Atomic uint64_t requests[TALLY_REQUESTS];
    _Atomic uint64_t outcomes[AUTH_OUTCOMES]; /* of answers from zones */
    _Atomic uint64_t rcodes[TALLY_RCODES];    /* of all others */
    _Atomic uint64_t dropped[2];              /* from datagrams, from streams */
    _Atomic uint64_t truncated;
    _Atomic uint64_t transfers;
    _Atomic uint64_t transfers_refused;
    _Atomic uint64_t chaos;
    _Atomic uint64_t bytes_in;
    _Atomic uint64_t bytes_out;
    _Atomic(const dispatch_view_t *) *view;
    exchange_t exchange;
    query_t query;
};

/* ---- counters ---- */

const char *dispatch_counter_name(dispatch_counter_t counter)
{
    static const char *const names[DISPATCH_COUNTERS] = {
        [COUNT_QUERIES_UDP] = "queries.udp",     [COUNT_QUERIES_TCP] = "queries.tcp",
        [COUNT_DROPPED] = "queries.dropped",     [COUNT_ANSWERS] = "answers",
        [COUNT_NOERROR] = "answers.noerror",     [COUNT_FORMERR] = "answers.formerr",
        [COUNT_SERVFAIL] = "answers.servfail",   [COUNT_NXDOMAIN] = "answers.nxdomain",
        [COUNT_NOTIMP] = "answers.notimp",       [COUNT_REFUSED] = "answers.refused",
        [COUNT_NOTAUTH] = "answers.notauth",     [COUNT_BADVERS] = "answers.badvers",
        [COUNT_OTHER_RCODE] = "answers.other",   [COUNT_NODATA] = "answers.nodata",
        [COUNT_REFERRALS] = "answers.referral",  [COUNT_TRUNCATED] = "answers.truncated",
        [COUNT_DNSSEC_OK] = "queries.dnssec_ok", [COUNT_EDNS] = "queries.edns",
        [COUNT_TRANSFERS] = "transfers",         [COUNT_TRANSFERS_REFUSED] = "transfers.refused",
        [COUNT_CHAOS] = "queries.chaos",         [COUNT_BYTES_IN] = "bytes.in",
        [COUNT_BYTES_OUT] = "bytes.out",
    };
    REQUIRE(counter < DISPATCH_COUNTERS);
    return names[counter];
}

/* Only this worker writes, so a load and a store do: no locked instruction. */
static inline void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Requests that were answered, of those with all bits of `with` and none of `without`. */
static uint64_t requests(const dispatch_t *dispatch, unsigned with, unsigned without)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < TALLY_REQUESTS; i++) {
        sum += (i & with) == with && (i & without) == 0 ? get(&dispatch->requests[i]) : 0;
    }
    return sum;
}

static uint64_t noerror(const dispatch_t *dispatch)
{
    return get(&dispatch->rcodes[RCODE_NOERROR]) + get(&dispatch->outcomes[AUTH_ANSWER]) + get(&dispatch->outcomes[AUTH_NODATA]) +
           get(&dispatch->outcomes[AUTH_REFERRAL]) + get(&dispatch->outcomes[AUTH_CHAIN_END]);
}

static uint64_t other_rcodes(const dispatch_t *dispatch)
{
    uint64_t sum = get(&dispatch->outcomes[AUTH_NAME_OVERFLOW]);
    for (unsigned rcode = RCODE_YXDOMAIN; rcode < TALLY_RCODES; rcode++) {
        sum += rcode != RCODE_NOTAUTH && rcode != RCODE_BADVERS ? get(&dispatch->rcodes[rcode]) : 0;
    }
    return sum;
}

uint64_t dispatch_count(const dispatch_t *dispatch, dispatch_counter_t counter)
{
    switch (counter) {
    case COUNT_QUERIES_UDP:
        return requests(dispatch, 0, TALLY_STREAM) + get(&dispatch->dropped[0]);
    case COUNT_QUERIES_TCP:
        return requests(dispatch, TALLY_STREAM, 0) + get(&dispatch->dropped[1]);
    case COUNT_DROPPED:
        return get(&dispatch->dropped[0]) + get(&dispatch->dropped[1]);
    case COUNT_ANSWERS:
        return requests(dispatch, 0, 0);
    case COUNT_NOERROR:
        return noerror(dispatch);
    case COUNT_FORMERR:
        return get(&dispatch->rcodes[RCODE_FORMERR]);
    case COUNT_SERVFAIL:
        return get(&dispatch->rcodes[RCODE_SERVFAIL]) + get(&dispatch->outcomes[AUTH_FAILURE]);
    case COUNT_NXDOMAIN:
        return get(&dispatch->rcodes[RCODE_NXDOMAIN]) + get(&dispatch->outcomes[AUTH_NAME_ERROR]);
    case COUNT_NOTIMP:
        return get(&dispatch->rcodes[RCODE_NOTIMP]);
    case COUNT_REFUSED:
        return get(&dispatch->rcodes[RCODE_REFUSED]) + get(&dispatch->outcomes[AUTH_REFUSED]);
    case COUNT_NOTAUTH:
        return get(&dispatch->rcodes[RCODE_NOTAUTH]);
    case COUNT_BADVERS:
        return get(&dispatch->rcodes[RCODE_BADVERS]);
    case COUNT_OTHER_RCODE:
        return other_rcodes(dispatch);
    case COUNT_NODATA:
        return get(&dispatch->outcomes[AUTH_NODATA]);
    case COUNT_REFERRALS:
        return get(&dispatch->outcomes[AUTH_REFERRAL]);
    case COUNT_TRUNCATED:
        return get(&dispatch->truncated);
    case COUNT_DNSSEC_OK:
        return requests(dispatch, TALLY_DNSSEC_OK, 0);
    case COUNT_EDNS:
        return requests(dispatch, TALLY_EDNS, 0);
    case COUNT_TRANSFERS:
        return get(&dispatch->transfers);
    case COUNT_TRANSFERS_REFUSED:
        return get(&dispatch->transfers_refused);
    case COUNT_CHAOS:
        return get(&dispatch->chaos);
    case COUNT_BYTES_IN:
        return get(&dispatch->bytes_in);
    case COUNT_BYTES_OUT:
        return get(&dispatch->bytes_out);
    case DISPATCH_COUNTERS:
        break;
    }
    return 0;
}

static inline void count_request(dispatch_t *dispatch, const exchange_t *exchange, size_t size)
{
    const edns_t *edns = &exchange->auth->request.query->edns;
    const auth_answer_t *answer = &exchange->auth->answer;
    unsigned tally = exchange_is_stream(exchange) ? TALLY_STREAM : 0;
    if (edns->present) {
        tally |= edns->dnssec_ok ? TALLY_EDNS | TALLY_DNSSEC_OK : TALLY_EDNS;
    }
    add(&dispatch->requests[tally], 1);
    add(&dispatch->bytes_out, size);
    if (LIKELY(answer->outcome != AUTH_OUTCOMES)) {
        add(&dispatch->outcomes[answer->outcome], 1);
    } else {
        add(&dispatch->rcodes[answer->rcode % TALLY_RCODES], 1);
    }
    if (UNLIKELY(answer->flags & FLAG_TC)) {
        add(&dispatch->truncated, 1);
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

/* ---- where a request goes ---- */

static void answer_transfer(dispatch_t *dispatch, exchange_t *exchange)
{
    switch (transfer_answer(exchange)) {
    case TRANSFER_STARTED:
        add(&dispatch->transfers, 1);
        break;
    case TRANSFER_SOA:
        exchange->auth->request.type = TYPE_SOA;
        auth_answer(dispatch->exchange.auth);
        break;
    case TRANSFER_REFUSED:
        add(&dispatch->transfers_refused, 1);
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
        add(&dispatch->chaos, 1);
        chaos_answer(exchange);
    } else if (query->rrclass != CLASS_IN) {
        exchange_fail(exchange, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE);
    } else {
        answer_meta(dispatch, exchange);
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

void dispatch_answer(void *context, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                     net_reply_t *reply)
{
    dispatch_t *dispatch = context;
    query_t *query = &dispatch->query;
    exchange_t *exchange = &dispatch->exchange;
    *reply = (net_reply_t){.size = 0};
    add(&dispatch->bytes_in, size);
    const dispatch_view_t *view = rcu_read(dispatch->view);
    if (UNLIKELY(query_parse(query, request, size) == QUERY_DROP || !view || capacity < UDP_SIZE_MIN)) {
        add(&dispatch->dropped[client->protocol != NET_UDP], 1);
        return;
    }
    exchange->view = view;
    exchange->client = client;
    exchange->reply = reply;
    begin(exchange, query, out, capacity);
    if (LIKELY(is_ordinary(query))) {
        auth_answer(dispatch->exchange.auth);
    } else {
        answer_special(dispatch, exchange);
    }
    if (LIKELY(!reply->stream)) {
        reply->size = close_message(exchange, out);
    }
    count_request(dispatch, exchange, reply->size);
}
