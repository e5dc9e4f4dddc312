/* What a server_t is made of; private to server/server*.c.
 *
 * Invariants
 *  1. `table` is what answers come from: table->view is what `view` publishes.
 *  2. control_lock is held by whoever changes the server, for as long as that takes; state_lock guards `table`, its entries and
 *     `listening` for moments only. Lock order: control_lock, then state_lock. Workers take neither.
 *  3. listening[] are the addresses whose sockets the workers have, or `listeners` until the workers get them.
 */
#pragma once

#include "net/quota.h"
#include "server/listener.h"
#include "server/loading.h"
#include "server/root_keeper.h"
#include "server/server.h"
#include "server/server_cache.h"
#include "server/trust_keeper.h"
#include "server/worker.h"
#include "server/zone_table.h"

#include <pthread.h>

typedef struct listener_list {
    listener_t *items;
    size_t count;
} listener_list_t;

struct server {
    log_t *log;
    server_cache_t *cache;        /* NULL: this server never resolved */
    upstream_settings_t upstream; /* as the system has them */
    bool has_recursors;           /* each worker has one made by the settings of `table`, or by equal ones */
    server_trust_t *trust;        /* set by server_set_trust(); NULL: as the settings say */
    trust_keeper_t *keeper;       /* who keeps it up to date; NULL: this server never resolved. Of the control threads */
    root_keeper_t *root_keeper;   /* NULL: nothing is to be fetched, so far. Of the control threads */
    pthread_mutex_t control_lock;
    pthread_mutex_t state_lock;
    zone_table_t *table;
    _Atomic(const dispatch_view_t *) view;
    _Atomic unsigned transfers_running;
    net_quota_t *quota;
    worker_t **workers;
    unsigned worker_count;
    listener_list_t listening;
    bool bound;
    bool started;
    bool running;
    bool stopped;
    int64_t started_at_s;
};

/* ---- server_recursion.c ---- */

/* A recursor for each worker, made and not given yet; `recursors` NULL where the settings want none. */
typedef struct recursion_plan {
    bool keeps; /* those that are there do */
    recursor_t **recursors;
    unsigned count;
} recursion_plan_t;

/* Makes what the table's settings want, the cache too, and shows it in the table's view. STATUS_NO_MEMORY. */
status_t server_plan_recursion(server_t *server, zone_table_t *table, recursion_plan_t *plan) MUST_USE;
/* Gives each worker its own. STATUS_NO_MEMORY: some go on with what they had. */
status_t server_change_recursion(server_t *server, recursion_plan_t *plan) MUST_USE;
/* A plan that is not carried out. */
void recursion_plan_clear(recursion_plan_t *plan);

/* ---- server_trust.c: not with the control lock held ---- */

/* Makes the keeper, if there is something to keep, and puts its first trust in force. STATUS_NO_MEMORY. */
status_t server_make_keeper(server_t *server) MUST_USE;
/* Other settings are in force: the keeper's too, when this returns. */
void server_follow_trust(server_t *server);
/* Likewise the one who fetches the root zone, who is made when there is something to do; STATUS_NO_MEMORY, STATUS_IO. */
status_t server_follow_root(server_t *server) MUST_USE;

void server_visit_recursion(server_t *server, void (*visit)(void *context, const char *name, uint64_t value), void *context);

/* ---- server.c, server_listen.c ---- */

tcp_timeouts_t server_tcp_timeouts(const server_settings_t *settings);
/* Opens sockets for those of `wanted` that are not in `present`; all or none. Where an optional one has no address it is left out, and the
 * log says so. */
status_t server_open_listeners(server_t *server, const server_settings_t *wanted, const listener_list_t *present, listener_list_t *opened,
                               buffer_t *why) MUST_USE;
void listener_list_close(listener_list_t *list);
bool listener_list_has(const listener_list_t *list, const listen_settings_t *settings);
/* Gives the sockets of all items to the workers. STATUS_NO_MEMORY: some may be there already. */
status_t server_hand_over(server_t *server, listener_list_t *list) MUST_USE;
