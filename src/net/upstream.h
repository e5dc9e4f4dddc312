/* The way to other servers, for one worker: "send this message to that address by UDP or TCP; tell me the reply, the failure, or nothing
 * until I cancel". It is the hands of the resolver, which has no sockets; it knows no DNS beyond the length and the id of a message.
 *
 *     upstream_send() -> ticket --+--> reply()  true: mine, the query is over; false: not mine, go on waiting (TuDoor)
 *                                 +--> failed() the network said no; the query is over
 *                                 +--> upstream_cancel(): the query is over; what still comes is dropped and counted
 *
 * Invariants
 *  1. A UDP socket is connected, and carries one query at a time: an id and port are never shared by two outstanding queries, an ICMP
 *     error belongs to exactly one, and a datagram is delivered only if its source is the server that was asked.
 *  2. A port is only ever used towards one server. Who runs servers of his own learns nothing of the ports others see, whatever he makes
 *     us ask. After `udp_uses_max` queries or `udp_life_ms` a port is given up (RFC 5452 9.2; docs/decisions/0005).
 *  3. What comes for a query that is over, from elsewhere, in fragments, or too long, changes nothing but counters.
 *  4. On a TCP connection the ids of outstanding queries differ, also from those cancelled on it. Replies come in any order (RFC 7766
 *     6.2.1.1); a connection that left a query without a reply takes no new ones until it has given a reply.
 *  5. Every table has a fixed size; nothing is allocated for a query. Without descriptors a query is refused (STATUS_LIMIT), the others
 *     go on.
 * One thread: the worker's; the counters may be read by any. There is no clock inside: time is what upstream_send() and upstream_tick()
 * are told, in milliseconds of any monotonic clock.
 */
#pragma once

#include "net/counters.h"
#include "net/handler.h"

enum {
    UPSTREAM_UDP_MESSAGE_MAX = 4096, /* longer replies are dropped: nobody asked for them */
    UPSTREAM_SOURCES_MAX = 16,
    UPSTREAM_TCP_OUT_SIZE = 16 * 1024, /* waiting to be written on one connection; longest message: two less */
};

typedef struct upstream upstream_t;
typedef uint64_t upstream_ticket_t; /* names one query; never 0, and not given again for a long time */

typedef struct upstream_reply {
    uint64_t owner;              /* of the request */
    const net_address_t *server; /* whom it came from: the one that was asked */
    net_protocol_t protocol;     /* NET_UDP or NET_TCP */
    const uint8_t *message;      /* at least 12 bytes; valid during the call. Not checked: question, over UDP also the id */
    size_t size;
} upstream_reply_t;

typedef enum upstream_failure {
    UPSTREAM_REFUSED,     /* ICMP port unreachable, or a TCP connection was not taken */
    UPSTREAM_UNREACHABLE, /* the network has no way to the address */
    UPSTREAM_CLOSED,      /* the TCP connection ended before the reply. If it was an old one, another attempt is fair (RFC 7766 6.2.4) */
    UPSTREAM_BROKEN,      /* the server does not keep to the framing of TCP */
    UPSTREAM_NO_MEMORY,   /* for TCP's replies */
} upstream_failure_t;

/* Both functions may call upstream_send() and upstream_cancel(), nothing else here. */
typedef struct upstream_handler {
    void *context;
    bool (*reply)(void *context, const upstream_reply_t *reply);
    /* The query is over already. */
    void (*failed)(void *context, uint64_t owner, upstream_failure_t failure);
} upstream_handler_t;

/* Unpredictable numbers; ports depend on them. */
typedef struct upstream_random {
    uint64_t (*next)(void *context);
    void *context;
} upstream_random_t;

/* Copied; nothing of it is owned, all of it outlives the upstream_t. */
typedef struct upstream_environment {
    int epoll_fd;
    upstream_handler_t handler;
    upstream_random_t random;
    net_counters_t *counters;
} upstream_environment_t;

typedef struct upstream_settings {
    unsigned queries_max;     /* outstanding, of both protocols */
    unsigned udp_sockets_max; /* descriptors */
    unsigned udp_uses_max;    /* queries on one port, 1..65535; 1: a fresh port for each query */
    unsigned udp_life_ms;     /* of a port */
    /* Where ports come from. 0 and 0: the system's range (net.ipv4.ip_local_port_range), chosen by the kernel's generator: fresh ports for
     * two system calls. Else from port_low to port_high, chosen by `random`: seven. */
    uint16_t port_low;
    uint16_t port_high;
    bool udp_fragments_allowed;                  /* false: replies that came in fragments are dropped (RFC 9715: they can be forged) */
    unsigned tcp_connections_max;                /* descriptors */
    unsigned tcp_connections_per_server_max;     /* 1 to tcp_connections_max */
    unsigned tcp_pipeline_max;                   /* outstanding queries on one connection */
    unsigned tcp_idle_ms;                        /* a connection without queries stays open as long */
    size_t tcp_buffers_max_bytes;                /* of unfinished replies, all connections together */
    net_address_t sources[UPSTREAM_SOURCES_MAX]; /* ports do not count. A family without any: the system chooses its source */
    unsigned source_count;
} upstream_settings_t;

typedef struct upstream_request {
    net_protocol_t protocol; /* NET_UDP or NET_TCP */
    const net_address_t *server;
    const uint8_t *message; /* 12 bytes or more; not needed after the call. Its id is the caller's choice, at random */
    size_t size;
    uint64_t owner; /* the caller's; comes back with the reply */
    uint64_t now_ms;
} upstream_request_t;

/* Defaults. The ports are the system's if those are 28,000 or more (Linux: 28,232), else 16384 to 65535. Reads /proc. */
void upstream_settings_default(upstream_settings_t *settings);
/* How many ports the system has to choose from; 0 if it does not say. Reads /proc. */
unsigned upstream_system_ports(void);

/* STATUS_INVALID: settings out of their ranges; STATUS_NO_MEMORY. Memory: 48 bytes a query, 136 a UDP socket, 240 a connection (16 KiB more
 * once it was used), 50 KiB for what is read; descriptors only when needed. */
status_t upstream_new(const upstream_environment_t *environment, const upstream_settings_t *settings, upstream_t **out) MUST_USE;
/* Closes everything; nobody is told. NULL is allowed. */
void upstream_free(upstream_t *upstream);

/* Sends now (UDP), or at the next upstream_tick() at the latest (TCP). No callback comes out of it. On success *ticket is set.
 * STATUS_LIMIT: all queries, sockets, connections or descriptors are in use (counted); STATUS_AGAIN: every connection to the server has
 * this id in use, take another; STATUS_IO: the system refused (errno says why: no route, filtered, family missing ...);
 * STATUS_NO_SPACE: the message is too long for the protocol; STATUS_NO_MEMORY. */
status_t upstream_send(upstream_t *upstream, const upstream_request_t *request, upstream_ticket_t *ticket) MUST_USE;
/* The caller waits no longer. Tickets of queries that are over are ignored. */
void upstream_cancel(upstream_t *upstream, upstream_ticket_t ticket);

/* When upstream_tick() has something to do: 0: at once; UINT64_MAX: never. */
uint64_t upstream_next_deadline_ms(const upstream_t *upstream);
/* After each round of events and whatever was sent in it: writes what waits for TCP (queries of one round leave together), ends idle
 * connections and old ports. May call failed(). */
void upstream_tick(upstream_t *upstream, uint64_t now_ms);
/* Queries that are not over. */
unsigned upstream_outstanding(const upstream_t *upstream);
