/* Tells the service manager how the server is: the datagram protocol of sd_notify(3), without its library. */
#pragma once

/* state: lines such as "READY=1\nSTATUS=...". Does nothing where NOTIFY_SOCKET is not set; a manager that does not listen is no error. */
void notify_manager(const char *state);
/* "RELOADING=1" with the monotonic time that goes with it (Type=notify-reload); to be followed by READY=1. */
void notify_reloading(void);
