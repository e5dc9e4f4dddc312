/* UDP for one worker: batches in by recvmmsg, answers written straight into the send buffers, batches out by sendmmsg.
 *
 * Invariants
 *  1. All buffers are made once; nothing is allocated, and no lock is taken, while serving.
 *  2. A request longer than 4096 bytes is dropped: no such request is valid, as no answer ever advertised more.
 *  3. A datagram that cannot be sent never costs the others of its batch.
 *  4. An answer that comes later leaves by the socket and from the address that were asked, at the end of the round (udp_flush()), sooner
 *     only when the queue is full. It costs the answers that come at once nothing but a pointer in net_client_t.
 *  5. One RCU quiescent state a batch; at most UDP_BATCHES_PER_TURN batches before TCP has its turn.
 * One thread: the worker that owns the epoll descriptor; the counters may be read by any.
 */
#pragma once

#include "net/counters.h"
#include "net/handler.h"

enum {
    UDP_BATCH = 32,           /* 318,000 echoes a CPU second against 275,000 one by one; more gains nothing */
    UDP_BATCHES_PER_TURN = 8, /* 256 requests, about a millisecond */
    UDP_MESSAGE_MAX = 4096,
};

typedef struct udp udp_t;

/* handler (copied) is called on this thread. epoll_fd and counters are not owned and outlive it. NULL without memory. Memory: 360 KiB. */
udp_t *udp_new(int epoll_fd, const net_handler_t *handler, net_counters_t *counters);
/* Closes all sockets. NULL is allowed. */
void udp_free(udp_t *udp);
/* Serves a socket made by net_socket_udp() for `address`; the descriptor is owned from now on, also on failure. STATUS_NO_MEMORY,
 * STATUS_IO. */
status_t udp_add(udp_t *udp, int fd, const net_address_t *address) MUST_USE;
/* Answers what has come to the address already, then closes its socket. Answers that come later go nowhere. */
void udp_remove(udp_t *udp, const net_address_t *address);
/* Sends the answers that came later: at the end of each round, after all that may bring some. No call to the handler. */
void udp_flush(udp_t *udp);
/* Before the end: answers what has come to any socket already, and takes nothing more. The sockets stay for the answers still to come. */
void udp_drain(udp_t *udp);
/* No answer is still to come. */
bool udp_is_quiet(const udp_t *udp);
