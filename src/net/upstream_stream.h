/* What a connection to another server reads and writes through: a plain TCP socket, or a session of another layer on top of one (TLS). */
#pragma once

#include "base/status.h"

#include <stddef.h>

typedef struct upstream_stream upstream_stream_t;

/* None of them blocks; STATUS_AGAIN: call again when the descriptor is ready. STATUS_IO: over, errno says why. */
typedef struct upstream_stream_operations {
    /* Until it is STATUS_OK nothing is read or written. Called when the descriptor is writable, or readable. */
    status_t (*establish)(upstream_stream_t *stream);
    /* At least one byte with STATUS_OK. STATUS_END: the peer sends no more. */
    status_t (*read)(upstream_stream_t *stream, void *where, size_t room, size_t *n);
    status_t (*write)(upstream_stream_t *stream, const void *bytes, size_t size, size_t *n);
    /* Gives back all, the descriptor too. */
    void (*close)(upstream_stream_t *stream);
} upstream_stream_operations_t;

struct upstream_stream {
    const upstream_stream_operations_t *operations;
    void *session; /* of the operations */
    int fd;
};

/* A socket on which connect() was called; the stream owns it from now on. */
void upstream_stream_plain(upstream_stream_t *stream, int fd);
