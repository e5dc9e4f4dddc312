/* One request in, one answer out: parse, policy, authoritative zones (later: cache and resolver), close the message, count.
 *
 * This is the hot path without sockets: the budget harness and the fuzzers call it directly. One dispatch_t per worker; it owns
 * the worker's scratch memory and counters, written by this thread only. No malloc, no lock, no system call, no log line.
 */
#pragma once

#include "base/status.h"
#include "net/handler.h"
#include "policy/acl.h"
#include "zone/set.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all workers share: immutable, published by RCU, replaced as a whole. */
typedef struct dispatch_view {
    const zone_set_t *zones; /* each slot's user: a const zone_access_t * or NULL */
    const char *nsid;        /* NULL: none */
    const char *version;     /* NULL: hidden */
    const char *hostname;    /* NULL: hidden */
    bool minimal_responses;
    bool rotate_rrsets;
    uint16_t udp_size_max; /* 512..4096 */
    unsigned transfers_max;
    unsigned transfer_time_max_ms; /* then a transfer is cut short; 0: never */
    uint16_t tcp_idle_timeout_ds;
    _Atomic unsigned *transfers_running; /* shared by all workers; only transfers touch it */
} dispatch_view_t;

/* Who may do what with one zone. */
typedef struct zone_access {
    const acl_t *allow_transfer; /* NULL: nobody */
} zone_access_t;

/* Counters of one worker; read by others with relaxed loads. dispatch_counter_name() gives the stable names. */
typedef enum dispatch_counter {
    COUNT_QUERIES_UDP,
    COUNT_QUERIES_TCP,
    COUNT_DROPPED,
    COUNT_ANSWERS,
    COUNT_NOERROR,
    COUNT_FORMERR,
    COUNT_SERVFAIL,
    COUNT_NXDOMAIN,
    COUNT_NOTIMP,
    COUNT_REFUSED,
    COUNT_NOTAUTH,
    COUNT_BADVERS,
    COUNT_OTHER_RCODE,
    COUNT_NODATA,
    COUNT_REFERRALS,
    COUNT_TRUNCATED,
    COUNT_DNSSEC_OK,
    COUNT_EDNS,
    COUNT_TRANSFERS,
    COUNT_TRANSFERS_REFUSED,
    COUNT_CHAOS,
    COUNT_BYTES_IN,
    COUNT_BYTES_OUT,
    DISPATCH_COUNTERS
} dispatch_counter_t;
const char *dispatch_counter_name(dispatch_counter_t counter);

typedef struct dispatch dispatch_t;

/* view: where the current dispatch_view_t is published; read once per request (or batch) with rcu_read(). NULL without memory. */
dispatch_t *dispatch_new(_Atomic(const dispatch_view_t *) *view);
void dispatch_free(dispatch_t *dispatch);
uint64_t dispatch_count(const dispatch_t *dispatch, dispatch_counter_t counter);

/* The handler to give to a transport: context is the dispatch_t. */
void dispatch_answer(void *dispatch, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                     net_reply_t *reply);
