/* The server's one cache: in memory, or in a file that outlives the server.
 *
 * Invariants
 *  1. A file that cannot be used (locked by another server, no room, another's, not a cache) is an error in the log and no more: the server
 *     then resolves from memory. Nothing that is not a cache file is ever written over.
 *  2. A file's blocks are all there before it is mapped: a full disk is an error now, not a signal later.
 *  3. What the file holds is believed if its records' checksums are right and it was learned under settings that make the same of it
 *     (trust anchors, forward zones, DNS64 ...): their fingerprint stands behind the cache in the file. Otherwise it is emptied.
 *  4. The file is for the server's user alone (mode 0600), and locked (flock) as long as it is mapped.
 * One thread, but server_cache_content(), which any may use.
 */
#pragma once

#include "base/log.h"
#include "base/status.h"
#include "cache/cache.h"
#include "server/settings.h"

typedef struct server_cache server_cache_t;

/* Opens the file that the settings name, with the rights of the process as they are now, or maps memory. Logs which, and what was found.
 * STATUS_NO_MEMORY; STATUS_INVALID: no size for a cache. */
status_t server_cache_new(server_cache_t **cache, const recursion_settings_t *settings, log_t *log) MUST_USE;
/* Unmaps; what was learned stays in the file. No store may be in use any more. NULL is allowed. */
void server_cache_free(server_cache_t *cache);

cache_t *server_cache_content(const server_cache_t *cache);
/* The path of the file in use; NULL: none. */
const char *server_cache_file(const server_cache_t *cache);

/* To be called when other settings are in force: empties the cache if what was learned may be another under them. */
void server_cache_follow(server_cache_t *cache, const recursion_settings_t *settings);
