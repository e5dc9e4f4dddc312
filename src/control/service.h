/* The control service: a Unix socket on which `portolan` talks to the running server, and the one place that reloads.
 *
 * Protocol: newline-delimited JSON. A request is one object on one line, {"command": "zone-status", "zone": "example.com."}; the answer
 * is any number of {"item": ...} lines, then one line {"ok": true, "result": ...} or {"ok": false, "status": "...", "error": "..."}.
 *
 * Invariants
 *  1. One thread serves all clients; a client that is slow, silent or too many never disturbs another, nor any answer to a query.
 *  2. Requests, answers, clients and idle times have maxima (below).
 *  3. The socket has mode 0660. Who may connect may look; only root, the server's own user and members of its group may change
 *     anything, and each change is logged with who asked for it (SO_PEERCRED).
 *  4. All calls that change the server are made under one lock, here; server/ sees one control thread at a time.
 */
#pragma once

#include "base/buffer.h"
#include "base/log.h"
#include "base/status.h"
#include "server/server.h"

enum {
    CONTROL_CLIENTS_MAX = 32,
    CONTROL_REQUEST_MAX_BYTES = 65536,
    CONTROL_ANSWER_MAX_BYTES = 1024 * 1024 * 1024,
    CONTROL_IDLE_TIMEOUT_MS = 30000,
};

typedef struct control_service control_service_t;

/* server and log are not owned and outlive the service. config_file (copied): what a reload reads; NULL: no file, only zones are reloaded.
 * Does nothing but allocate: a service that is never opened can still reload. NULL without memory. */
control_service_t *control_service_new(server_t *server, log_t *log, const char *config_file);

/* Binds the socket that the server's settings name (nothing to do if they name none), making its directory if that is missing. A socket
 * left behind by a server that is gone is removed; one that answers is not. Call before privileges are given up: directory and
 * socket go to settings->user then. On failure *why (for people) is filled. That the socket of the defaults cannot be made is no failure
 * but a warning in the log: who starts the server without settings and rights still gets a server. STATUS_EXISTS: another server answers
 * there; STATUS_DENIED, STATUS_IO: the system refused (errno); STATUS_INVALID: path too long. */
status_t control_service_open(control_service_t *service, buffer_t *why) MUST_USE;

/* Starts the thread (all signals blocked in it); call after privileges are given up. STATUS_OK without a socket as well. STATUS_NO_MEMORY,
 * STATUS_IO. */
status_t control_service_start(control_service_t *service) MUST_USE;

/* Reads the configuration file again and gives it to the server, as a whole or not at all, then reads the zones whose files changed. For
 * SIGHUP and for the command `reload`. Logs what happened. On failure *why says why, with every error of the file. Any thread; blocks
 * until done. STATUS_INVALID: errors in the file, or settings that cannot change while running; others as server_reload(). */
status_t control_service_reload(control_service_t *service, buffer_t *why) MUST_USE;

/* Ends the thread, closes and removes the socket. A reload under way is finished first. */
void control_service_stop(control_service_t *service);
/* Stops it if need be. NULL is allowed. */
void control_service_free(control_service_t *service);
