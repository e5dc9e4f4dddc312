#include "net/upstream_stream.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static status_t failure_status(void)
{
    return errno == EAGAIN || errno == EINTR ? STATUS_AGAIN : STATUS_IO;
}

static status_t plain_establish(upstream_stream_t *stream)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0) {
        return STATUS_IO;
    }
    if (reason != 0) {
        errno = reason;
        return STATUS_IO;
    }
    if (getpeername(stream->fd, (struct sockaddr *)&peer, &peer_size) != 0) {
        return errno == ENOTCONN ? STATUS_AGAIN : STATUS_IO;
    }
    return STATUS_OK;
}

static status_t plain_read(upstream_stream_t *stream, void *where, size_t room, size_t *n)
{
    ssize_t size = recv(stream->fd, where, room, MSG_DONTWAIT);
    if (size < 0) {
        return failure_status();
    }
    *n = (size_t)size;
    return size == 0 ? STATUS_END : STATUS_OK;
}

static status_t plain_write(upstream_stream_t *stream, const void *bytes, size_t size, size_t *n)
{
    ssize_t written = send(stream->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0) {
        return failure_status();
    }
    *n = (size_t)written;
    return STATUS_OK;
}

static void plain_close(upstream_stream_t *stream)
{
    close(stream->fd);
    stream->fd = -1;
}

static const upstream_stream_operations_t plain_operations = {
    .establish = plain_establish, .read = plain_read, .write = plain_write, .close = plain_close};

void upstream_stream_plain(upstream_stream_t *stream, int fd)
{
    *stream = (upstream_stream_t){.operations = &plain_operations, .fd = fd};
}
