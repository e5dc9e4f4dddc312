/* What a connection writes: out of the worker's scratch, what the peer has not taken yet, and answers that came later. */
#include "base/require.h"
#include "net/tcp_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRESS_BYTES = 4096 };

void tcp_output_clear(tcp_connection_t *connection)
{
    if (connection->out) {
        net_budget_give(tcp_connection_budget(connection), connection->out_capacity);
        free(connection->out);
    }
    connection->out = NULL;
    connection->out_start = connection->out_end = connection->out_capacity = 0;
}

/* How many bytes the peer took; -1: the connection is gone. */
static ssize_t write_some(tcp_connection_t *connection, const uint8_t *data, size_t size)
{
    for (;;) {
        ssize_t written = send(connection->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written >= 0) {
            return written;
        }
        if (errno == EAGAIN || errno == ENOBUFS) {
            return 0;
        }
        if (errno != EINTR) {
            return -1;
        }
    }
}

bool tcp_output_take_budget(tcp_connection_t *connection, size_t size)
{
    tcp_connection_t *oldest = connection->tcp->phases[TCP_WRITING].first;
    if (net_budget_take(tcp_connection_budget(connection), size)) {
        return true;
    }
    net_count(connection->tcp->environment.counters, NET_TCP_BUFFERS_REFUSED);
    if (!oldest || oldest == connection || oldest == connection->tcp->answering) {
        return false;
    }
    tcp_connection_close(oldest);
    return net_budget_take(tcp_connection_budget(connection), size);
}

static bool keep_out(tcp_connection_t *connection, const uint8_t *rest, size_t size)
{
    DEBUG_ASSERT(!connection->out);
    if (!tcp_output_take_budget(connection, size)) {
        return false;
    }
    connection->out = malloc(size);
    if (!connection->out) {
        net_budget_give(tcp_connection_budget(connection), size);
        return false;
    }
    memcpy(connection->out, rest, size);
    connection->out_start = 0;
    connection->out_end = connection->out_capacity = (uint32_t)size;
    connection->taken = 0;
    tcp_connection_enter(connection, TCP_WRITING, connection->tcp->now_ms);
    return true;
}

bool tcp_output_flush_scratch(tcp_connection_t *connection)
{
    tcp_t *tcp = connection->tcp;
    size_t size = tcp->out_used;
    tcp->out_used = 0;
    if (size == 0) {
        return true;
    }
    ssize_t written = write_some(connection, tcp->out_scratch, size);
    if (written == (ssize_t)size) {
        return true;
    }
    if (written < 0 || !keep_out(connection, tcp->out_scratch + written, size - (size_t)written)) {
        tcp_connection_close(connection);
    }
    return false;
}

bool tcp_output_flush(tcp_connection_t *connection)
{
    if (!connection->out) {
        return true;
    }
    size_t left = connection->out_end - connection->out_start;
    ssize_t written = write_some(connection, connection->out + connection->out_start, left);
    if (written < 0) {
        tcp_connection_close(connection);
        return false;
    }
    connection->out_start += (uint32_t)written;
    connection->taken += (uint32_t)written;
    if ((size_t)written == left) {
        tcp_output_clear(connection);
        connection->rested_ms = connection->tcp->now_ms; /* the answer has only now been taken */
        return true;
    }
    if (connection->taken >= PROGRESS_BYTES || connection->phase != TCP_WRITING) {
        connection->taken = 0;
        tcp_connection_enter(connection, TCP_WRITING, connection->tcp->now_ms);
    }
    return false;
}

/* A client that does not pipeline transfers need not understand another answer in the midst of one (RFC 9103 6). */
bool tcp_output_flush_pending(tcp_connection_t *connection)
{
    tcp_pending_t *pending = &connection->pending;
    if (pending->size == 0 || connection->stream) {
        return true;
    }
    DEBUG_ASSERT(!connection->out);
    connection->out = pending->data;
    connection->out_start = 0;
    connection->out_end = pending->size;
    connection->out_capacity = pending->capacity;
    *pending = (tcp_pending_t){.data = NULL};
    return tcp_output_flush(connection);
}
