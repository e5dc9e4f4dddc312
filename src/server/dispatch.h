/* One request in, one answer out: parse, policy, authoritative zones, answer cache, close the message, count. What neither a zone nor the
 * cache can answer goes to whoever resolves, and comes back through dispatch_resume().
 *
 *                             zone of ours, and the answer is in our zones
 *     [ordinary question] ---------------------------------------------------> authoritative answer
 *              |                 no zone of ours, client not allowed
 *              |-------------------------------------------------------------> REFUSED
 *              |   no zone of ours, or RD and its zones lead out of ours
 *              +--> [answer cache] --hit--> answer
 *                        | miss (not asked at all for a chain that begins in our zones: they may change at any time)
 *                        +--> ask() --> reply->later ... dispatch_resume() --> answer
 *
 * This is the hot path without sockets: the budget harness and the fuzzers call it directly. One dispatch_t per worker; it owns
 * the worker's scratch memory and counters, written by this thread only. No malloc, no lock, no system call, no log line.
 */
#pragma once

#include "base/status.h"
#include "cache/cache.h"
#include "net/handler.h"
#include "policy/acl.h"
#include "server/recursion.h"
#include "wire/name.h"
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
    _Atomic unsigned *transfers_running;       /* shared by all workers; only transfers touch it */
    const acl_t *recursion_allow;              /* whom we resolve for; NULL: nobody, we only serve zones */
    const cache_t *cache;                      /* of answers; NULL: none */
    const zone_set_t *local_root;              /* the resolver's copy of the root zone (RFC 8806), and nothing else; NULL: none */
    const _Atomic int64_t *local_root_until_s; /* Unix time until which it may be used */
    unsigned prefetch_percent; /* a cached answer that was asked for is refreshed when so much of its TTL is left; 0: never */
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
    COUNT_RECURSION_REFUSED,  /* clients that may not: REFUSED */
    COUNT_RECURSION_CACHED,   /* answered out of the answer cache */
    COUNT_RECURSION_ASKED,    /* handed over, to be answered later */
    COUNT_RECURSION_ANSWERED, /* of them, those that came back */
    COUNT_RECURSION_DENIED,   /* not taken: this client has too many waiting. REFUSED */
    COUNT_RECURSION_LIMITED,  /* not taken: too many wait, or no memory. SERVFAIL */
    COUNT_RECURSION_REFRESHED,
    DISPATCH_COUNTERS
} dispatch_counter_t;
const char *dispatch_counter_name(dispatch_counter_t counter);

typedef struct dispatch dispatch_t;

/* view: where the current dispatch_view_t is published; read once per request (or batch) with rcu_read(). NULL without memory. */
dispatch_t *dispatch_new(_Atomic(const dispatch_view_t *) *view);
void dispatch_free(dispatch_t *dispatch);

struct recursor; /* server/recursor.h */
struct recursor_request;

/* Whoever resolves: recursor.h says what the two do. ask NULL: nobody; then no client may recurse, whatever the view says. */
typedef struct dispatch_resolver {
    void *context;
    status_t (*ask)(void *context, const struct recursor_request *request);
    void (*refresh)(void *context, const name_key_t *name, uint16_t type, bool checking_disabled);
} dispatch_resolver_t;
void dispatch_set_resolver(dispatch_t *dispatch, dispatch_resolver_t resolver);
/* The same for a recursor, which must outlive the dispatch_t or the next call; NULL: nobody. */
void dispatch_set_recursor(dispatch_t *dispatch, struct recursor *recursor);
/* The wall clock, Unix seconds, that the ages of cached answers follow: set once a round. */
void dispatch_set_time(dispatch_t *dispatch, uint32_t now_s);

uint64_t dispatch_count(const dispatch_t *dispatch, dispatch_counter_t counter);

/* The handler to give to a transport: context is the dispatch_t. */
void dispatch_answer(void *dispatch, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                     net_reply_t *reply);
/* The answer to a request that was handed over, now that it is known: the body with the request's id, question and flags, its OPT, and
 * truncated if the client cannot take it all. request: the bytes that came; client: who and how, `later` is not used. reply->size 0:
 * nothing is to be sent. The worker's thread, but not from inside dispatch_resolver_t.ask(). dispatch is the dispatch_t. */
void dispatch_resume(void *dispatch, const net_client_t *client, const uint8_t *request, size_t size, const recursion_body_t *body,
                     uint8_t *out, size_t capacity, net_reply_t *reply);
