#include "server/dispatch.h"

#include "base/rcu.h"
#include "server/exchange.h"
#include "server/transfer.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

/* One worker's own: nobody else writes here, and no line of it is shared with another worker's. */
struct dispatch {
    _Alignas(CACHE_LINE) _Atomic uint64_t counters[DISPATCH_COUNTERS];
    _Atomic(const dispatch_view_t *) *view;
    query_t query;
    auth_scratch_t scratch;
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
static inline void add(dispatch_t *dispatch, dispatch_counter_t counter, uint64_t n)
{
    uint64_t value = atomic_load_explicit(&dispatch->counters[counter], memory_order_relaxed);
    atomic_store_explicit(&dispatch->counters[counter], value + n, memory_order_relaxed);
}

uint64_t dispatch_count(const dispatch_t *dispatch, dispatch_counter_t counter)
{
    return atomic_load_explicit(&dispatch->counters[counter], memory_order_relaxed);
}

static inline void count_answer(dispatch_t *dispatch, const exchange_t *exchange, size_t size)
{
    static const uint8_t counter_of_rcode[] = {
        [RCODE_NOERROR] = COUNT_NOERROR,
        [RCODE_FORMERR] = COUNT_FORMERR,
        [RCODE_SERVFAIL] = COUNT_SERVFAIL,
        [RCODE_NXDOMAIN] = COUNT_NXDOMAIN,
        [RCODE_NOTIMP] = COUNT_NOTIMP,
        [RCODE_REFUSED] = COUNT_REFUSED,
        [RCODE_YXDOMAIN] = COUNT_OTHER_RCODE,
        [RCODE_YXRRSET] = COUNT_OTHER_RCODE,
        [RCODE_NXRRSET] = COUNT_OTHER_RCODE,
        [RCODE_NOTAUTH] = COUNT_NOTAUTH,
        [RCODE_NOTZONE] = COUNT_OTHER_RCODE,
        [11] = COUNT_OTHER_RCODE,
        [12] = COUNT_OTHER_RCODE,
        [13] = COUNT_OTHER_RCODE,
        [14] = COUNT_OTHER_RCODE,
        [15] = COUNT_OTHER_RCODE,
        [RCODE_BADVERS] = COUNT_BADVERS,
    };
    const auth_answer_t *answer = &exchange->answer;
    add(dispatch, COUNT_ANSWERS, 1);
    add(dispatch, COUNT_BYTES_OUT, size);
    add(dispatch, answer->rcode < sizeof counter_of_rcode ? counter_of_rcode[answer->rcode] : COUNT_OTHER_RCODE, 1);
    if (answer->outcome == AUTH_REFERRAL) {
        add(dispatch, COUNT_REFERRALS, 1);
    } else if (answer->outcome == AUTH_NODATA) {
        add(dispatch, COUNT_NODATA, 1);
    }
    if (UNLIKELY(answer->flags & FLAG_TC)) {
        add(dispatch, COUNT_TRUNCATED, 1);
    }
    if (exchange->query->edns.present) {
        add(dispatch, COUNT_EDNS, 1);
        if (exchange->query->edns.dnssec_ok) {
            add(dispatch, COUNT_DNSSEC_OK, 1);
        }
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
    auth_scratch_init(&dispatch->scratch);
    return dispatch;
}

void dispatch_free(dispatch_t *dispatch)
{
    free(dispatch);
}

/* ---- where a request goes ---- */

static void answer_from_zones(exchange_t *exchange, uint16_t type)
{
    auth_request_t request = {
        .query = exchange->query,
        .type = type,
        .zones = exchange->view->zones,
        .out = exchange->out,
        .size = exchange->answer.size,
        .limit = exchange->limit - exchange->reserved,
        .minimal_responses = exchange->view->minimal_responses,
        .rotate_rrsets = exchange->view->rotate_rrsets,
    };
    auth_answer(exchange->scratch, &request, &exchange->answer);
}

static void answer_transfer(dispatch_t *dispatch, exchange_t *exchange)
{
    switch (transfer_answer(exchange)) {
    case TRANSFER_STARTED:
        add(dispatch, COUNT_TRANSFERS, 1);
        break;
    case TRANSFER_SOA:
        answer_from_zones(exchange, TYPE_SOA);
        break;
    case TRANSFER_REFUSED:
        add(dispatch, COUNT_TRANSFERS_REFUSED, 1);
        break;
    }
}

/* NOTIFY and UPDATE: we are the primary and take neither (RFC 1996 3.10, RFC 2136 3.1). */
static void answer_maintenance(exchange_t *exchange)
{
    const query_t *query = exchange->query;
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
    switch (exchange->query->type) {
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
    return (type >= TYPE_TKEY && type <= TYPE_MAILA) || type == TYPE_OPT || type == TYPE_NXNAME;
}

/* Everything but an ordinary question. */
static __attribute__((noinline)) void answer_special(dispatch_t *dispatch, exchange_t *exchange)
{
    const query_t *query = exchange->query;
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
        add(dispatch, COUNT_CHAOS, 1);
        chaos_answer(exchange);
    } else if (query->rrclass != CLASS_IN) {
        exchange_fail(exchange, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE);
    } else {
        answer_meta(dispatch, exchange);
    }
}

void dispatch_answer(void *context, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                     net_reply_t *reply)
{
    dispatch_t *dispatch = context;
    query_t *query = &dispatch->query;
    *reply = (net_reply_t){.size = 0};
    add(dispatch, client->protocol == NET_UDP ? COUNT_QUERIES_UDP : COUNT_QUERIES_TCP, 1);
    add(dispatch, COUNT_BYTES_IN, size);
    const dispatch_view_t *view = rcu_read(dispatch->view);
    if (UNLIKELY(query_parse(query, request, size) == QUERY_DROP || !view || capacity < UDP_SIZE_MIN)) {
        add(dispatch, COUNT_DROPPED, 1);
        return;
    }
    exchange_t exchange;
    exchange.view = view;
    exchange.client = client;
    exchange.query = query;
    exchange.scratch = &dispatch->scratch;
    exchange.out = out;
    exchange.reply = reply;
    reply_begin(&exchange, capacity);
    bool is_ordinary = (query->rcode | query->opcode) == 0 && query->has_question && !query->has_tsig && query->rrclass == CLASS_IN;
    if (LIKELY(is_ordinary && !is_meta(query->type))) {
        answer_from_zones(&exchange, query->type);
    } else {
        answer_special(dispatch, &exchange);
    }
    if (LIKELY(!reply->stream)) {
        reply->size = reply_close(&exchange);
    }
    count_answer(dispatch, &exchange, reply->size);
}
