/* What the transports of one worker count. Written by the worker alone, read by anybody with relaxed loads. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef enum net_counter {
    NET_UDP_OVERSIZED,       /* requests longer than the receive buffer, dropped */
    NET_UDP_SEND_FAILED,     /* answers the system refused to send */
    NET_UDP_TOO_BIG,         /* answers sent again truncated, because the path's first link is too small */
    NET_UDP_CLIENT_GONE,     /* answers that came after their socket was closed */
    NET_TCP_ACCEPTED,        /* connections taken */
    NET_TCP_CLOSED,          /* connections that ended, for whatever reason */
    NET_TCP_EVICTED,         /* oldest idle ones closed to make room */
    NET_TCP_REFUSED,         /* closed at once: a limit, and nothing to evict */
    NET_TCP_TIMED_OUT,       /* first-byte, idle, message and write timers */
    NET_TCP_MALFORMED,       /* frames too short to be a message */
    NET_TCP_BUFFERS_REFUSED, /* closed because all buffer memory was in use */
    NET_TCP_NO_DESCRIPTORS,  /* accepts that met EMFILE or ENFILE */
    NET_TCP_CLIENT_GONE,     /* answers that came after their connection had ended */
    NET_UPSTREAM_UDP_SENT,   /* queries to other servers */
    NET_UPSTREAM_TCP_SENT,
    NET_UPSTREAM_FAILED,             /* of them, those that the network ended */
    NET_UPSTREAM_LIMITED,            /* not sent: all queries, sockets, connections or descriptors in use */
    NET_UPSTREAM_NO_DESCRIPTORS,     /* sockets that met EMFILE, ENFILE or no kernel memory */
    NET_UPSTREAM_SOCKETS_OPENED,     /* UDP descriptors made */
    NET_UPSTREAM_UDP_PORTS,          /* fresh ports connected to a server */
    NET_UPSTREAM_PORT_TAKEN,         /* ports drawn that somebody else had */
    NET_UPSTREAM_LATE,               /* replies to queries that were over */
    NET_UPSTREAM_WRONG_SOURCE,       /* datagrams from somebody who was not asked */
    NET_UPSTREAM_FRAGMENTED,         /* replies dropped because they came in fragments */
    NET_UPSTREAM_OVERSIZED,          /* replies longer than the receive buffer, dropped */
    NET_UPSTREAM_MALFORMED,          /* replies shorter than a header */
    NET_UPSTREAM_CONNECTIONS_OPENED, /* TCP connections begun */
    NET_UPSTREAM_CONNECTIONS_CLOSED, /* and ended, for whatever reason */
    NET_COUNTERS
} net_counter_t;

typedef struct net_counters {
    _Atomic uint64_t value[NET_COUNTERS];
} net_counters_t;

/* Stable: "udp.oversized", "tcp.accepted" ... */
const char *net_counter_name(net_counter_t counter);

/* The owning thread only: a plain increment that others may read. */
static inline void net_count(net_counters_t *counters, net_counter_t counter)
{
    uint64_t value = atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
    atomic_store_explicit(&counters->value[counter], value + 1, memory_order_relaxed);
}

static inline uint64_t net_counter_read(const net_counters_t *counters, net_counter_t counter)
{
    return atomic_load_explicit(&counters->value[counter], memory_order_relaxed);
}
