/* Reading zone files: in parallel on threads of its own, publishing each new version as soon as it is good.
 *
 * Half-written files. A file that changes while it is read is read again, and one that has errors and was written within the last second is
 * given a little time to become whole: LOADING_TRIES_MAX times, with growing pauses. What is still bad then is logged, and the old
 * version goes on serving. An editor that writes a new file and renames it never meets any of this.
 */
#pragma once

#include "base/log.h"
#include "server/zone_table.h"

#include <pthread.h>

struct zone_check_policy; /* zone/check.h */

enum { LOADING_TRIES_MAX = 4 };

typedef enum loading_extent {
    LOADING_NEW,     /* zones of which no file was tried */
    LOADING_CHANGED, /* files that changed since, or of which an included one did, and zones that failed or have none */
    LOADING_ALL,
} loading_extent_t;

typedef struct loading {
    log_t *log;
    pthread_mutex_t *state_lock; /* guards the entries against those who look at them */
    zone_table_t *table;
    _Atomic size_t loaded; /* results: files read and good */
    _Atomic size_t failed;
} loading_t;

/* What is not used as a copy of the root zone: what does not match its digest (RFC 8806 2, RFC 8976 4), or names no servers. */
void loading_policy_of_root(struct zone_check_policy *policy);

/* How many processors this process may use. */
unsigned loading_processors(void);

/* Loads zones of the table; returns when all are done. Workers may be answering from it. Control threads only, one at a time. */
void loading_run(loading_t *loading, loading_extent_t extent);
/* The same for one zone on the calling thread. STATUS_OK: loaded, or unchanged; else why: the entry's last_error. */
status_t loading_run_one(loading_t *loading, zone_entry_t *entry, loading_extent_t extent) MUST_USE;
