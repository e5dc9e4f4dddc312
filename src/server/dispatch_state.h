/* One worker's dispatch_t: what dispatch.c, dispatch_count.c and dispatch_recursion.c share. Not for others. */
#pragma once

#include "server/dispatch.h"
#include "server/exchange.h"
#include "wire/message.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_LINE = 64 };

/* What one request adds one to: the fewest counters that all those of dispatch_counter_t can be told from. */
enum {
    TALLY_STREAM = 1u << 0, /* bits of an index into requests */
    TALLY_EDNS = 1u << 1,
    TALLY_DNSSEC_OK = 1u << 2,
    TALLY_REQUESTS = 8,
    TALLY_RCODES = 32,
};

enum { REFRESHED_MAX = 256 }; /* answers that are refreshed before they expire */

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
    struct {
        _Atomic uint64_t refused;
        _Atomic uint64_t cached;
        _Atomic uint64_t asked;
        _Atomic uint64_t answered;
        _Atomic uint64_t denied;
        _Atomic uint64_t limited;
        _Atomic uint64_t refreshed;
    } recursion;
    _Atomic(const dispatch_view_t *) *view;
    exchange_t exchange;
    query_t query;
    /* ---- recursion ---- */
    dispatch_resolver_t resolver;
    uint32_t now_s;
    cache_reader_t reader;
    uint32_t refreshed_until_s[REFRESHED_MAX]; /* by name, type and CD: when the answer that was seen expires; not asked again before */
};

/* Only this worker writes, so a load and a store do: no locked instruction. */
static inline void dispatch_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline unsigned dispatch_tally(const exchange_t *exchange)
{
    const edns_t *edns = &exchange->auth->request.query->edns;
    unsigned tally = exchange_is_stream(exchange) ? TALLY_STREAM : 0;
    if (edns->present) {
        tally |= edns->dnssec_ok ? TALLY_EDNS | TALLY_DNSSEC_OK : TALLY_EDNS;
    }
    return tally;
}

/* ---- dispatch_recursion.c ---- */

/* May this client have us resolve? False on a server that resolves for nobody. */
bool recursion_is_allowed(const dispatch_t *dispatch, const exchange_t *exchange);
/* How an ordinary question was answered on a server that resolves for some. */
typedef enum recursion_result {
    RECURSION_ANSWERED, /* exchange->auth->answer says what is in out */
    RECURSION_CACHED,   /* likewise, and the header is written */
    RECURSION_LATER,    /* the answer comes later, and the exchange is over */
} recursion_result_t;
/* out is of `capacity` bytes. */
recursion_result_t recursion_answer(dispatch_t *dispatch, exchange_t *exchange, size_t capacity);
/* Takes the answer out of a body. */
void recursion_take(exchange_t *exchange, const recursion_body_t *body);
