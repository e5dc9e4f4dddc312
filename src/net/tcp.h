/* TCP for one worker (RFC 7766, RFC 9210): pipelining, timers, caps, and answers of many messages.
 *
 * Invariants
 *  1. A connection at rest holds 240 bytes here and no buffer. All buffers of all workers together stay within the quota's budget.
 *  2. While a connection has an answer that the peer does not take, nothing more is read from it; nor while it has 128 queries in work.
 *  3. Every connection is under exactly one timer: first byte, idle, whole message, or stalled write; under none while all that came is
 *     taken and answers are still to come. Only a message that was answered restarts the idle timer, which rests as long as queries are in
 *     work; only bytes that the peer took restart the write timer.
 *  4. One turn of one connection is bounded: one read of 16 KiB, 512 queries, 256 KiB of a transfer. All answers to what one read
 *     brought leave with one write (as far as 192 KiB hold them), and so do all that came later in one round.
 *  5. When a cap is reached, the connection that has been idle for longest goes (of the same client, where it is the client's cap); if none
 *     is idle, the one that has not taken its answer, or has waited for one, for longest, and at least a second.
 *  6. Answers that come later leave in any order (RFC 7766 6.2.1.1), but whole, and none in the midst of a transfer. A peer that sends no
 *     more still gets them before its connection is closed.
 * A frame too short to be a message ends its connection, after the answers before it. One thread: the worker's; counters any.
 */
#pragma once

#include "base/log.h"
#include "net/counters.h"
#include "net/handler.h"
#include "net/quota.h"

#include <stdbool.h>

typedef struct tcp tcp_t;

/* All in milliseconds. */
typedef struct tcp_timeouts {
    unsigned first_byte_ms; /* from accept to the first byte */
    unsigned idle_ms;       /* between an answer and the next query */
    unsigned message_ms;    /* from a message's first byte to its last; also: to take 4 KiB of an answer */
} tcp_timeouts_t;

/* What a tcp_t works with; nothing of it is owned, all of it outlives it. */
typedef struct tcp_environment {
    int epoll_fd;
    net_handler_t handler;
    net_quota_t *quota;
    net_counters_t *counters;
    log_t *log;
} tcp_environment_t;

/* NULL without memory. Memory: 280 KiB. */
tcp_t *tcp_new(const tcp_environment_t *environment, tcp_timeouts_t timeouts);
/* Closes everything. NULL is allowed. */
void tcp_free(tcp_t *tcp);
void tcp_set_timeouts(tcp_t *tcp, tcp_timeouts_t timeouts);
/* Accepts on a socket made by net_socket_tcp() for `address`; the descriptor is owned from now on, also on failure. STATUS_NO_MEMORY,
 * STATUS_IO. */
status_t tcp_add(tcp_t *tcp, int fd, const net_address_t *address) MUST_USE;
/* Accepts who waits already, then closes the listener; connections stay. address NULL: all listeners. */
void tcp_remove(tcp_t *tcp, const net_address_t *address);
/* How long the event loop may wait: milliseconds, 0 when there is work, -1 for ever. */
int tcp_wait_ms(const tcp_t *tcp);
/* After each round of events: connections with work left or answers that came later, and timers. */
void tcp_run(tcp_t *tcp);
/* No answer is being sent, made, or still to come. */
bool tcp_is_quiet(const tcp_t *tcp);
