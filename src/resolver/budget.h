/* The one budget of a client's request: every loop takes from it, and nothing gives back.
 *
 * Invariants
 *  1. A budget is made with a request and only shrinks: restarts, CNAME hops, sub-look-ups and other transports draw on the same one
 *     (CAMP, and the `max` quotas that peers reset).
 *     (`running` is no budget: it counts what is drawn on it at the moment.)
 *  2. Each fetch draws on exactly one budget. When that is spent and somebody else waits for the same fetch, the fetch goes on at that
 *     one's expense: a greedy question never makes a modest one fail.
 */
#pragma once

#include "base/require.h"
#include "resolver/settings.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct budget {
    unsigned references;
    unsigned running; /* fetches that draw on it now */
    unsigned sends_left;
    unsigned fetches_left;
    unsigned hops_left;
    unsigned bytes_left;
    unsigned signature_checks_left;
    unsigned nsec3_hashes_left;
    uint64_t deadline_ms;
} budget_t;

static inline void budget_init(budget_t *budget, const resolver_settings_t *settings, uint64_t now_ms)
{
    *budget = (budget_t){
        .references = 1,
        .sends_left = settings->upstream_queries_max,
        .fetches_left = settings->fetches_max_a_request,
        .hops_left = settings->cname_hops_max,
        .bytes_left = settings->reply_bytes_max,
        .signature_checks_left = settings->signature_checks_max,
        .nsec3_hashes_left = settings->nsec3_hashes_max,
        .deadline_ms = now_ms + settings->request_wall_ms,
    };
}

/* Has nothing been spent yet? */
static inline bool budget_is_whole(const budget_t *budget, const resolver_settings_t *settings)
{
    return budget->sends_left == settings->upstream_queries_max && budget->fetches_left == settings->fetches_max_a_request &&
           budget->bytes_left == settings->reply_bytes_max && budget->signature_checks_left == settings->signature_checks_max &&
           budget->nsec3_hashes_left == settings->nsec3_hashes_max;
}

/* Takes one from a counter of a budget; false when there is none left. */
static inline bool budget_take(unsigned *left)
{
    if (*left == 0) {
        return false;
    }
    --*left;
    return true;
}

/* May another message be sent? */
static inline bool budget_allows_send(const budget_t *budget, uint64_t now_ms)
{
    return budget->sends_left > 0 && budget->bytes_left > 0 && now_ms < budget->deadline_ms;
}

static inline void budget_take_bytes(budget_t *budget, size_t size)
{
    budget->bytes_left = size < budget->bytes_left ? budget->bytes_left - (unsigned)size : 0;
}
