/* One worker: a thread with its own event loop, sockets, scratch memory and counters. Workers share nothing but what RCU publishes and the
 * quota of connections.
 *
 * Other threads speak to a worker by orders, which it carries out between two rounds of events. Orders given before worker_start() are
 * carried out first of all. One control thread at a time gives orders.
 */
#pragma once

#include "base/log.h"
#include "net/tcp.h"
#include "server/dispatch.h"
#include "server/recursor.h"

typedef struct worker worker_t;

/* Nothing of it is owned; all of it outlives the worker. */
typedef struct worker_environment {
    _Atomic(const dispatch_view_t *) *view;
    net_quota_t *quota;
    log_t *log;
} worker_environment_t;

/* NULL without memory or descriptors (errno). index: for the thread's name. */
worker_t *worker_new(const worker_environment_t *environment, unsigned index, tcp_timeouts_t timeouts);
/* After worker_stop(), or when it was never started. NULL is allowed. */
void worker_free(worker_t *worker);
/* STATUS_NO_MEMORY, STATUS_LIMIT: no thread could be made. */
status_t worker_start(worker_t *worker) MUST_USE;
/* Sends the answers in flight (at most DRAIN_MS), closes every socket and ends the thread. Nothing to do when it never ran. */
void worker_stop(worker_t *worker);
/* Asks it to stop without waiting, so that all workers drain at the same time; worker_stop() then waits. */
void worker_ask_to_stop(worker_t *worker);

/* Orders. The descriptors are owned from now on, also on failure. STATUS_NO_MEMORY. */
status_t worker_serve(worker_t *worker, const net_address_t *address, int udp_fd, int tcp_fd) MUST_USE;
status_t worker_leave(worker_t *worker, const net_address_t *address) MUST_USE;
status_t worker_set_timeouts(worker_t *worker, tcp_timeouts_t timeouts) MUST_USE;
/* The worker's member of a group, to be given to it or freed. cache outlives the worker. NULL without memory. */
recursor_t *worker_make_recursor(worker_t *worker, recursor_group_t *group, cache_t *cache);
/* From now on the worker resolves with it; the questions in work go on as they were begun. Owned from now on, also on failure. NULL: it
 * resolves no more. */
status_t worker_set_recursor(worker_t *worker, recursor_t *recursor) MUST_USE;
/* What validation trusts; outlives the worker, or the next call once that was waited for. NULL: what the settings say. */
status_t worker_set_trust(worker_t *worker, const resolver_trust_t *trust) MUST_USE;
/* The server's own question, see recursor_inquire(). Answered without an answer where nobody resolves, and at the latest when the worker is
 * freed. STATUS_NO_MEMORY: not taken. */
status_t worker_inquire(worker_t *worker, recursor_inquiry_t *inquiry) MUST_USE;
/* Returns when all orders so far are carried out; at once when the thread does not run. */
void worker_wait(worker_t *worker);

/* Any thread may read them while the worker lives. */
const dispatch_t *worker_dispatch(const worker_t *worker);
const net_counters_t *worker_counters(const worker_t *worker);
const recursor_counters_t *worker_recursor_counters(const worker_t *worker);
