/* Being told to end while the zones are still being read: there is nothing to finish then, and nobody should have to wait.
 *
 * A thread reads the signals until the main thread is ready to do so itself.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

typedef struct early_end {
    int signal_fd;
    int done_fd;
    void (*end)(void *context, int signal_number);
    void *context;
    bool hung_up; /* SIGHUP came */
    pthread_t thread;
} early_end_t;

/* Calls end(), which does not return, when SIGTERM or SIGINT comes through signal_fd; SIGHUP is kept for
 * later. False: no such thread can be had, which only means that a signal waits. Call after privileges are given up. */
bool early_end_watch(early_end_t *watch, int signal_fd, void (*end)(void *context, int signal_number), void *context);
/* From here on the signals are the caller's. Only after early_end_watch() returned true. Returns whether SIGHUP came meanwhile. */
bool early_end_stop(early_end_t *watch);
