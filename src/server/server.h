/* The running server: workers, listeners, zones, reload. What control/ and daemon/ drive.
 *
 * Life: server_new() -> server_start() (binds, loads, starts threads) -> any number of server_reload*() -> server_stop() -> server_free().
 * All functions but server_new/_free may be called from any one control thread; none of them stalls answers.
 */
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "base/status.h"
#include "cache/cache.h"
#include "resolver/trust.h"
#include "server/settings.h"
#include "zone/contents.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct server server_t;

/* Takes settings (owned from now on, freed with the server or when replaced). NULL without memory. */
server_t *server_new(server_settings_t *settings, log_t *log);
/* Binds every listener (all or none; the log names each that fails and why). Optional: server_start() does it otherwise. So that zones can
 * be read with the rights that a later reload will have. STATUS_EXISTS, STATUS_DENIED, STATUS_NOT_FOUND, STATUS_IO ... as listener_open().
 */
status_t server_bind(server_t *server) MUST_USE;
/* Binds every listener, if server_bind() has not, and loads zones on background threads; zones that cannot be
 * loaded answer SERVFAIL and the log has every error of the file. Returns when all are bound and loaded, with workers not yet running,
 * so that the caller can give up privileges before server_run(). */
status_t server_start(server_t *server) MUST_USE;
/* Starts the workers. */
status_t server_run(server_t *server) MUST_USE;
/* New settings as a whole or not at all: on failure the old ones stay and *why (for people) is filled. Takes settings on success only. */
status_t server_reload(server_t *server, server_settings_t *settings, buffer_t *why) MUST_USE;
/* Reads one zone's file again if it changed (force: always); the old version serves until the new one is good. */
status_t server_reload_zone(server_t *server, const uint8_t *name, bool force, buffer_t *why) MUST_USE;
/* All zones whose file changed (mtime, size or inode). Returns the count of zones reloaded and failed through pointers. */
status_t server_reload_zones(server_t *server, bool force, size_t *reloaded, size_t *failed) MUST_USE;

/* What validation trusts, from somebody who keeps it up to date (RFC 5011). */
typedef struct server_trust {
    resolver_trust_t trust; /* all it points to lives as long as it does */
    void (*free)(struct server_trust *trust);
} server_trust_t;
/* From now on, over reloads too, until the next call; NULL: what the settings say. Takes trust; the one before is freed when no worker
 * uses it any more. What the cache holds as proven by an earlier trust is the caller's to flush. Waits for the workers. */
void server_set_trust(server_t *server, server_trust_t *trust);
/* Who does that in this server; NULL: it never resolved. It lives as long as the server. */
typedef struct trust_keeper trust_keeper_t;
trust_keeper_t *server_trust_keeper(server_t *server);
/* The cache of all that was resolved; NULL: this server never resolved. It lives as long as the server. */
cache_t *server_cache(server_t *server);
/* The file that it lies in; NULL: in memory only. */
const char *server_cache_path(const server_t *server);

/* Ends workers, closes sockets; answers in flight are sent. */
void server_stop(server_t *server);
void server_free(server_t *server);

typedef struct server_zone_status {
    const uint8_t *name; /* wire */
    const char *file;
    bool loaded;
    uint32_t serial;
    zone_statistics_t size;
    int64_t loaded_at_s; /* Unix time of the version that serves; 0: none */
    uint32_t load_ms;
    bool is_signed;
    const char *last_error; /* first error of the last failed load, or NULL */
} server_zone_status_t;
/* Calls visit for each zone in canonical order (or just `name` when not NULL). STATUS_NOT_FOUND: no such zone. */
status_t server_visit_zones(server_t *server, const uint8_t *name, void (*visit)(void *context, const server_zone_status_t *status),
                            void *context) MUST_USE;

/* Counters summed over workers; names are stable ("queries.udp", "answers.nxdomain", "tcp.connections" ...). */
void server_visit_counters(server_t *server, void (*visit)(void *context, const char *name, uint64_t value), void *context);
int64_t server_started_at_s(const server_t *server);
const server_settings_t *server_settings(const server_t *server); /* valid until the next server_reload() */
