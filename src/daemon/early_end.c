#include "daemon/early_end.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void *watch_signals(void *context)
{
    early_end_t *watch = context;
    struct pollfd fds[] = {{.fd = watch->done_fd, .events = POLLIN}, {.fd = watch->signal_fd, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            return NULL;
        }
        struct signalfd_siginfo received;
        if (fds[0].revents != 0) {
            return NULL;
        }
        if (fds[1].revents == 0 || read(watch->signal_fd, &received, sizeof received) != (ssize_t)sizeof received) {
            continue;
        }
        if (received.ssi_signo != SIGHUP) {
            watch->end(watch->context, (int)received.ssi_signo);
        }
        watch->hung_up = true;
    }
}

bool early_end_watch(early_end_t *watch, int signal_fd, void (*end)(void *context, int signal_number), void *context)
{
    *watch = (early_end_t){.signal_fd = signal_fd, .done_fd = eventfd(0, EFD_CLOEXEC), .end = end, .context = context};
    if (watch->done_fd < 0) {
        return false;
    }
    if (pthread_create(&watch->thread, NULL, watch_signals, watch) != 0) {
        close(watch->done_fd);
        return false;
    }
    return true;
}

bool early_end_stop(early_end_t *watch)
{
    uint64_t one = 1;
    ssize_t written = write(watch->done_fd, &one, sizeof one);
    (void)written; /* cannot fail: the counter is far from its end */
    pthread_join(watch->thread, NULL);
    close(watch->done_fd);
    return watch->hung_up;
}
