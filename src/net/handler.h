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

/* Who sent a request, and how. Valid during the call. */
typedef struct net_client {
    const net_address_t *address;
    net_protocol_t protocol;
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
} net_reply_t;

typedef struct net_handler {
    void *context;
    /* Answers one request; runs on the transport's thread, must not block. out has capacity bytes: for UDP at most 4096, else 65535. */
    void (*answer)(void *context, const net_client_t *client, const uint8_t *request, size_t size, uint8_t *out, size_t capacity,
                   net_reply_t *reply);
} net_handler_t;
