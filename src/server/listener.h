/* The sockets of one listen address: one UDP and one TCP socket for each worker, all or none. Control thread only. */
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "server/settings.h"

typedef struct listener {
    listen_settings_t settings;
    unsigned workers;
    int *udp_fds; /* one a worker; -1 once handed over */
    int *tcp_fds;
} listener_t;

/* Opens all sockets. On failure *why says which address and protocol, what the system said, and who holds the port if that can be told.
 * STATUS_NOT_FOUND: the system has no such address (the caller may go on where it is optional); STATUS_EXISTS: taken; STATUS_DENIED;
 * STATUS_IO; STATUS_UNSUPPORTED: a protocol other than dns; STATUS_NO_MEMORY. */
status_t listener_open(listener_t *listener, const listen_settings_t *settings, unsigned workers, buffer_t *why) MUST_USE;
/* Closes the sockets that were not handed over, frees the arrays. */
void listener_close(listener_t *listener);
