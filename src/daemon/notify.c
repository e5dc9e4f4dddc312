#include "daemon/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void notify_init(notify_t *notify)
{
    notify->fd = -1;
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') {
        address.sun_path[0] = 0; /* an abstract socket */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    if (connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) {
        close(fd);
        return;
    }
    notify->fd = fd;
}

static void notify_send(const notify_t *notify, const char *text)
{
    if (notify->fd >= 0) {
        ssize_t sent = send(notify->fd, text, strlen(text), MSG_NOSIGNAL);
        (void)sent; /* a service manager that went away is no reason to stop */
    }
}

void notify_ready(const notify_t *notify)
{
    notify_send(notify, "READY=1\nSTATUS=answering");
}

void notify_reloading(const notify_t *notify)
{
    struct timespec now;
    char text[96];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify_send(notify, text);
}

void notify_stopping(const notify_t *notify)
{
    notify_send(notify, "STOPPING=1\nSTATUS=stopping");
}

void notify_clear(notify_t *notify)
{
    if (notify->fd >= 0) {
        close(notify->fd);
        notify->fd = -1;
    }
}
