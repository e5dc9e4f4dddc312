/* Tells the service manager how the server is (the protocol of sd_notify(3): one datagram to $NOTIFY_SOCKET).
 *
 * Without a service manager every call does nothing. Main thread only.
 */
#pragma once

typedef struct notify {
    int fd; /* -1: nobody listens */
} notify_t;

/* Connects to $NOTIFY_SOCKET if it is set. Call before privileges are given up. */
void notify_init(notify_t *notify);
void notify_ready(const notify_t *notify);
/* A reload has begun; notify_ready() ends it. */
void notify_reloading(const notify_t *notify);
void notify_stopping(const notify_t *notify);
void notify_clear(notify_t *notify);
