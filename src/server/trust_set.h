/* One generation of what is trusted: made of what is configured, of what was learned by following rollovers, and of negative anchors set at
 * run time; handed to the server as a whole, and compared with the next one.
 *
 * Immutable once made; any thread may read it.
 */
#pragma once

#include "dnssec/rollover.h"
#include "server/negative_anchors.h"
#include "server/server.h"

typedef struct trust_set {
    server_trust_t published; /* first; its `free` frees the whole */
    trust_anchors_t anchors;
    negative_anchor_t negative[];
} trust_set_t;

/* rollover NULL: rollovers are not followed. Everything is copied. STATUS_NO_MEMORY; STATUS_LIMIT. */
status_t trust_set_new(const recursion_settings_t *settings, const rollover_t *rollover, const negative_anchors_t *negative,
                       trust_set_t **set) MUST_USE;
/* NULL is allowed. */
void trust_set_free(trust_set_t *set);

/* Is there an anchor that this server can use: a key or digest, and algorithm, that it accepts? */
bool trust_set_is_usable(const trust_set_t *set, const dnssec_policy_t *policy);

/* What one generation proved, and the next might not, or the other way round: names whose subtrees the cache must forget. A key that was
 * only added makes nothing wrong that was right. */
enum { TRUST_CHANGES_MAX = 16 };
typedef struct trust_changes {
    bool any;         /* the two are not the same */
    bool is_too_many; /* more names than fit: forget everything */
    unsigned count;
    name_t names[TRUST_CHANGES_MAX];
} trust_changes_t;
/* before NULL: nothing was trusted, and the cache knows nothing by it. Cost: product of the numbers of points. */
void trust_set_compare(const trust_set_t *before, const trust_set_t *after, trust_changes_t *changes);
