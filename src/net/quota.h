/* How many connections there may be: in all, and from one client's prefix (RFC 7766 6.2.2); shared by all workers.
 *
 * Taken once at accept and given back once at close, under a mutex: never on the way of a query. It also holds the budget of buffer memory,
 * which is touched only by connections that have a partial message or an answer they do not read.
 * Memory: 32 bytes for each connection allowed. Any thread.
 */
#pragma once

#include "net/address.h"
#include "net/framing.h"

typedef struct net_quota net_quota_t;

typedef enum net_quota_verdict { QUOTA_TAKEN, QUOTA_FULL, QUOTA_PREFIX_FULL } net_quota_verdict_t;

/* Both maxima >= 1. buffers_max: bytes. NULL without memory. */
net_quota_t *net_quota_new(unsigned connections_max, unsigned per_prefix_max, size_t buffers_max);
void net_quota_free(net_quota_t *quota);
/* New maxima; connections beyond them stay. STATUS_NO_MEMORY: nothing changed. */
status_t net_quota_configure(net_quota_t *quota, unsigned connections_max, unsigned per_prefix_max) MUST_USE;
net_quota_verdict_t net_quota_take(net_quota_t *quota, net_prefix_t prefix);
void net_quota_give(net_quota_t *quota, net_prefix_t prefix);
/* Connections open now. */
unsigned net_quota_used(net_quota_t *quota);
net_budget_t *net_quota_buffers(net_quota_t *quota);
