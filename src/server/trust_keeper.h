/* Keeps what validation trusts up to date while the server runs: follows rollovers of trust anchors (RFC 5011), tells zones which of their
 * keys are trusted (RFC 8145), and holds negative trust anchors that end by themselves (RFC 7646).
 *
 *     configured anchors --+                     a change: publish() to all workers, then flush() what was proven by the old
 *     state file ----------+--> [ rollover_t ] ------------------------------------------------------> trust_set_t
 *     probes' answers -----+         |                                                                     ^
 *                                    +--> when due: inquire(DNSKEY), inquire(NULL _ta-...)                 |
 *     `portolan nta` ------------> [ negative_anchors_t ] -------------------------------------------------+
 *
 * Invariants
 *  1. One thread of its own does all that takes long: signatures, files, waiting for workers. Workers only leave copies of answers in an
 *     inbox, whose lock nobody holds for longer than a moment.
 *  2. `lock` guards the state; nothing outside is called with it held but the log and the state files. Lock order: the server's control
 *     lock, then `lock`, then `inbox_lock`.
 *  3. Whoever changes something by a function here gets back when all workers have the change and the state files do too.
 *  4. What cannot be read is set aside (FILE.bad), told in the log, and what is configured counts. What cannot be written is told; the
 *     server goes on with what is in memory.
 */
#pragma once

#include "base/log.h"
#include "base/status.h"
#include "server/recursor.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/trust_set.h"

#include <stdbool.h>
#include <stdint.h>

/* What the keeper works with. Called from the keeper's thread, and publish and flush by trust_keeper_load() too. */
typedef struct trust_environment {
    void *context;
    /* See server_set_trust(). */
    void (*publish)(void *context, server_trust_t *trust);
    /* The cache forgets a name and all below it. */
    void (*flush)(void *context, const uint8_t *name);
    /* See recursor_inquire(); it may be answered by any thread. STATUS_NO_MEMORY: not taken. */
    status_t (*inquire)(void *context, recursor_inquiry_t *inquiry);
    log_t *log;
} trust_environment_t;

/* settings: a reference is taken. NULL without memory or descriptors. */
trust_keeper_t *trust_keeper_new(server_settings_t *settings, const trust_environment_t *environment);
/* Reads the state files and publishes for the first time. Before trust_keeper_start(), with the rights that the server keeps. */
void trust_keeper_load(trust_keeper_t *keeper);
/* STATUS_NO_MEMORY, STATUS_LIMIT: no thread could be made. */
status_t trust_keeper_start(trust_keeper_t *keeper) MUST_USE;
/* Ends the thread. Inquiries may still be answered until trust_keeper_free(). */
void trust_keeper_stop(trust_keeper_t *keeper);
/* Every inquiry was answered. NULL is allowed. */
void trust_keeper_free(trust_keeper_t *keeper);

/* From now on these settings; a reference is taken. Does not wait. Any thread. */
void trust_keeper_configure(trust_keeper_t *keeper, server_settings_t *settings);
/* Waits until all that was said so far is in force; at once when the thread does not run. Not with the server's control lock held. */
void trust_keeper_wait(trust_keeper_t *keeper);
