/* One worker's hands and clock for its resolver: sockets (net/upstream), the wall clock, randomness, the clients that wait, the zones we
 * serve ourselves; and the other workers, as each question has one owner among them (by its keyed hash), so that identical questions merge.
 *
 *     recursor_ask() -> question --+-- mine ------> resolver -- SEND, CLOSE --> net/upstream, or our own zones
 *        (waiters join those       |                   +------- ANSWER -------> body -> answer cache, each waiter's transport
 *         who asked the same)      +-- another's --> its mailbox ... body comes back through ours -> each waiter's transport
 *
 * Invariants
 *  1. Every request taken is answered or forgotten exactly once, by its own worker, through its own transport.
 *  2. What one worker gives another goes through mailboxes (a mutex and an eventfd); nothing of a mailbox is on the path of an answer out
 *     of a zone or the cache. Questions in a mailbox are bounded; the answers to them are the same objects, so they always find room.
 *  3. A recursor that was replaced by another (new settings) serves those who wait on it until they have their answers. It ends when
 *     nobody waits on any recursor of its group any more, as until then others may ask it.
 *  4. One question (name, type, DO, CD, RD) is one object here, and one client of the resolver, however many clients wait for it.
 * One thread: the worker's, but where said.
 */
#pragma once

#include "base/log.h"
#include "cache/cache.h"
#include "net/handler.h"
#include "net/upstream.h"
#include "resolver/resolver.h"
#include "server/dispatch.h"
#include "server/recursion.h"
#include "server/settings.h"
#include "wire/message.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct recursor recursor_t;

enum { RECURSOR_DESCRIPTORS = 1024 + 128 + 1 }; /* a recursor opens at most: sockets, connections, the mailbox */

/* ---- what all workers share: one group for each generation of settings. Control thread; ends with its last recursor ---- */

typedef struct recursor_group recursor_group_t;

typedef struct recursor_group_settings {
    server_settings_t *settings;         /* its `recursion` is what counts; the group takes a reference of its own */
    const upstream_settings_t *upstream; /* as upstream_settings_default() gave them; sources and ports come from `settings` */
    unsigned workers;                    /* recursors there will be; 1 or more */
} recursor_group_settings_t;

/* NULL without memory or descriptors. The caller has one reference. */
recursor_group_t *recursor_group_new(const recursor_group_settings_t *settings);
void recursor_group_unref(recursor_group_t *group);
/* For whoever makes the stores. */
const resolver_settings_t *recursor_group_resolver_settings(const recursor_group_t *group);

/* ---- counters of one worker, over all its recursors; any thread may read them ---- */

/* Clients of questions that were not cached, by how long they waited: within 1, 10, 50, 100, 250, 500 ms, 1, 2, 5 s, and longer. Each
 * counts once, where it fits first, those whose wait was too long for an answer (late) as well. */
enum { RECURSOR_TOOK_BUCKETS = 10 };

typedef enum recursor_counter {
    /* those of the resolver (resolver_counter_t), then: */
    RECURSOR_COUNT_REQUESTS = RESOLVER_COUNTERS,                          /* of clients, taken */
    RECURSOR_COUNT_JOINED,                                                /* of them, those that joined a question in work */
    RECURSOR_COUNT_DENIED,                                                /* not taken: too many of the client's wait */
    RECURSOR_COUNT_LIMITED,                                               /* not taken: a table or a mailbox is full */
    RECURSOR_COUNT_LATE,                                                  /* waited too long: nothing was sent */
    RECURSOR_COUNT_MAILED,                                                /* questions given to another worker */
    RECURSOR_COUNT_REFRESHES,                                             /* questions asked for nobody, to renew the cache */
    RECURSOR_COUNT_SERVED,                                                /* questions of the resolver answered from our own zones */
    RECURSOR_COUNT_TOOK,                                                  /* the first of RECURSOR_TOOK_BUCKETS */
    RECURSOR_COUNT_WAITING = RECURSOR_COUNT_TOOK + RECURSOR_TOOK_BUCKETS, /* requests that wait now */
    RECURSOR_COUNTERS
} recursor_counter_t;

typedef struct recursor_counters {
    _Atomic uint64_t value[RECURSOR_COUNTERS];
} recursor_counters_t;

static inline uint64_t recursor_count(const recursor_counters_t *counters, unsigned counter)
{
    return atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
}
enum { RECURSOR_COUNTER_NAME_MAX = 64 };
/* Stable names: "resolver.sent-udp". Returns text. */
const char *recursor_counter_name(unsigned counter, char text[static RECURSOR_COUNTER_NAME_MAX]);

/* ---- life ---- */

/* What the recursor works with; nothing of it is owned, all of it outlives it, but the store. */
typedef struct recursor_environment {
    int epoll_fd;
    net_counters_t *net_counters;
    recursor_counters_t *counters;
    _Atomic(const dispatch_view_t *) *view; /* whose zones are used without the network */
    cache_t *cache;                         /* takes finished answers; NULL: none */
    store_t *store;                         /* this worker's; owned from recursor_new() on, also on failure */
    void (*free_store)(store_t *store);     /* NULL: the store is not owned */
    /* Makes one client's answer of a body: dispatch_resume(). */
    void (*resume)(void *context, const net_client_t *client, const uint8_t *request, size_t size, const recursion_body_t *body,
                   uint8_t *out, size_t capacity, net_reply_t *reply);
    void *resume_context;
    log_t *log; /* NULL: nothing is written */
} recursor_environment_t;

/* For worker `index` of the group, of which it takes a reference. Control thread. NULL without memory. Memory: the resolver's tables,
 * upstream's, and 270 KiB. */
recursor_t *recursor_new(recursor_group_t *group, unsigned index, const recursor_environment_t *environment);
/* Its thread must be the caller's, or have ended. Whoever waits gets nothing. Frees those it replaced too. NULL is allowed. */
void recursor_free(recursor_t *recursor);
/* From now on it takes what others mail. replaced (may be NULL) is owned from now on: retired, run with the new one, and freed when its
 * group is done. STATUS_IO: the system refused; then it answers its own questions only, and the others' fail. */
status_t recursor_start(recursor_t *recursor, recursor_t *replaced) MUST_USE;
/* Takes no requests any more; goes on with those it has. */
void recursor_retire(recursor_t *recursor);
/* It is retired, and so are all of its group, and nobody waits on any of them, nor on those it replaced. */
bool recursor_is_finished(const recursor_t *recursor);
/* Answers SERVFAIL to all who wait here: before the end. */
void recursor_abandon(recursor_t *recursor);
/* See resolver_set_trust(); also for those it replaced. NULL: what the settings say. */
void recursor_set_trust(recursor_t *recursor, const resolver_trust_t *trust);

/* ---- requests ---- */

/* A request, as dispatch has parsed it; bytes and key are copied. */
typedef struct recursor_request {
    const net_client_t *client;
    const uint8_t *bytes;
    size_t size;
    const query_t *query;
} recursor_request_t;

/* Takes the request: the client's route is kept, and dispatch_resume() makes the answer when it is known, never before this call has
 * returned. STATUS_LIMIT, STATUS_NO_MEMORY: not taken, answer SERVFAIL. STATUS_DENIED: this client has too many requests waiting. */
status_t recursor_ask(recursor_t *recursor, const recursor_request_t *request) MUST_USE;
/* A cached answer is about to expire and was asked for: resolve it again, for nobody. Never fails as far as anybody can see. */
void recursor_refresh(recursor_t *recursor, const name_key_t *name, uint16_t type, bool checking_disabled);

/* A question of the server itself, to the servers of the name, whatever the cache holds; the answer is not validated (as with CD), so that
 * who asked can judge it. The caller's until it is answered. */
typedef struct recursor_inquiry {
    name_t name; /* lower case */
    uint16_t type;
    /* Called exactly once, on the worker's thread, perhaps before recursor_inquire() returns. answer: valid during the call; NULL: there is
     * none, and there will be none. The inquiry is the callee's again. */
    void (*answered)(struct recursor_inquiry *inquiry, const resolver_answer_t *answer);
} recursor_inquiry_t;
void recursor_inquire(recursor_t *recursor, recursor_inquiry_t *inquiry);

/* ---- the loop ---- */

/* After each round of events: mail, timers, what the resolver wishes, what waits to be sent. Cheap when there is nothing. */
void recursor_run(recursor_t *recursor);
/* How long the event loop may wait: milliseconds, 0 when there is work, -1 for ever. */
int recursor_wait_ms(recursor_t *recursor);
