/* The one interface between transports and whoever answers: a transport moves messages, calls up, and sends what it is given.
 *
 * Transports know nothing of zones or policy; the handler knows nothing of sockets.
 */
#pragma once

#include "base/status.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef enum net_protocol { NET_UDP, NET_TCP, NET_TLS, NET_HTTPS, NET_QUIC } net_protocol_t;

typedef union net_address {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} net_address_t;

struct net_client;

/* The way back to a client whose answer comes later (somebody else is being asked). Plain data, copied freely; used on the transport's
 * thread, exactly once (a draining server waits for it), and never after the transport's end. A client that has left meanwhile, or whose
 * socket was closed, is no error: the answer goes nowhere. */
typedef struct net_route {
    struct net_later *later;
    net_protocol_t protocol;
    net_address_t client;
    net_address_t local; /* the transport's own: what a datagram to a wildcard socket was sent to */
    uint32_t interface;  /* likewise */
    uint64_t owner;      /* likewise: which socket or connection; never reused */
} net_route_t;

/* What a transport offers to those who answer later. Neither function may be called from inside the other transport's callbacks but
 * answer(); both from the transport's own thread. */
typedef struct net_later {
    /* During net_handler_t.answer() only, by a handler that sets reply->later: notes the way back. On streams it counts as a query in work:
     * the connection's idle timer rests. */
    void (*keep)(struct net_later *later, const struct net_client *client, net_route_t *route);
    /* The answer, copied; sent with others at the end of the round. size 0: none will come, the query is over all the same. size is at most
     * what `capacity` was for the request. */
    void (*answer)(const net_route_t *route, const uint8_t *message, size_t size, uint16_t idle_timeout_ds);
} net_later_t;

/* Who sent a request, and how. Valid during the call. */
typedef struct net_client {
    const net_address_t *address;
    net_protocol_t protocol;
    net_later_t *later; /* NULL: this transport (a test, a tool) cannot answer later */
} net_client_t;

/* An answer of many messages (AXFR). Owned by the transport once it was handed over. */
typedef struct net_stream {
    /* Writes the next message into out[capacity] (capacity >= 65535). STATUS_OK with *size; STATUS_END after the last; any other ends the
     * connection. */
    status_t (*next)(struct net_stream *stream, uint8_t *out, size_t capacity, size_t *size);
    void (*free)(struct net_stream *stream);
} net_stream_t;

typedef struct net_reply {
    size_t size;              /* bytes written to out; 0: no answer */
    net_stream_t *stream;     /* instead of bytes: many messages; stream transports only */
    uint16_t idle_timeout_ds; /* stream transports: what edns-tcp-keepalive promised, in 100 ms; 0: unchanged */
    bool later;               /* size is 0; the answer comes by net_later_t.answer(), whose keep() was called */
} net_reply_t;

typedef struct net_handler {
    void *context;
    /* Answers one request; runs on the transport's thread, must not block. out has capacity bytes: for UDP at most 4096, else 65535. */
    void (*answer)(void *context, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                   net_reply_t *reply);
} net_handler_t;
