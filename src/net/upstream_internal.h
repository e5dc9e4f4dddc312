/* The inside of upstream.h; private to net/upstream*.c. */
#pragma once

#include "base/siphash.h"
#include "net/event.h"
#include "net/framing.h"
#include "net/upstream.h"
#include "net/upstream_stream.h"

#include <sys/queue.h>

enum {
    UPSTREAM_BATCH = 8,        /* datagrams of one read: mostly one is there; a flood is dropped eight at a time */
    UPSTREAM_CHAIN_STEPS = 64, /* looked at for one that fits; then a new one is made */
    UPSTREAM_STALE_IDS = 8,    /* cancelled queries whose replies a connection may still bring */
    UPSTREAM_HEADER_SIZE = 12,
};

struct upstream_socket;
struct upstream_connection;

/* In the free list, or outstanding on a socket or a connection. */
typedef struct upstream_query {
    TAILQ_ENTRY(upstream_query) link; /* free list, or its connection's */
    struct upstream_socket *socket;
    struct upstream_connection *connection;
    uint64_t owner;
    uint32_t generation; /* counts the uses of this slot */
    uint16_t id;
    bool in_use;
} upstream_query_t;
TAILQ_HEAD(upstream_query_list, upstream_query);

/* The states of a socket's slot and the list it is in; drawn at the head of upstream_udp.c. */
typedef enum upstream_socket_state { SOCKET_FREE, SOCKET_IDLE, SOCKET_BUSY, SOCKET_SPARE } upstream_socket_state_t;

typedef struct upstream_socket {
    net_event_t event;
    struct upstream *upstream;
    upstream_query_t *query;            /* SOCKET_BUSY */
    TAILQ_ENTRY(upstream_socket) link;  /* free, idle or spare list */
    TAILQ_ENTRY(upstream_socket) aging; /* idle and busy ones, by made_ms */
    LIST_ENTRY(upstream_socket) chain;  /* idle ones of one bucket */
    net_address_t server;
    uint64_t made_ms; /* when this port was taken */
    int fd;           /* -1: SOCKET_FREE */
    upstream_socket_state_t state;
    uint16_t uses;
    uint16_t stale_id; /* of a query that was cancelled on this port */
    bool has_stale;
    bool is_aging;
    bool is_worn; /* takes no new query */
} upstream_socket_t;
TAILQ_HEAD(upstream_socket_list, upstream_socket);
LIST_HEAD(upstream_socket_chain, upstream_socket);

typedef enum upstream_connection_state {
    CONNECTION_FREE,
    CONNECTION_CONNECTING,
    CONNECTION_OPEN,
    CONNECTION_ENDING, /* its queries are being told */
} upstream_connection_state_t;

typedef struct upstream_connection {
    net_event_t event;
    struct upstream *upstream;
    TAILQ_ENTRY(upstream_connection) link;  /* free list; idle ones by idle_since_ms */
    TAILQ_ENTRY(upstream_connection) dirty; /* with bytes to write in the next tick */
    LIST_ENTRY(upstream_connection) chain;  /* of one bucket */
    struct upstream_query_list queries;
    upstream_stream_t stream;
    framing_t in;
    net_address_t server;
    uint64_t idle_since_ms;
    uint8_t *out; /* UPSTREAM_TCP_OUT_SIZE, kept with the slot */
    uint32_t out_start;
    uint32_t out_end;
    uint32_t interest; /* EPOLL* registered */
    unsigned query_count;
    upstream_connection_state_t state;
    uint8_t stale_count;
    uint16_t stale_ids[UPSTREAM_STALE_IDS];
    bool is_dirty;
    bool is_idle;    /* in the idle list */
    bool is_suspect; /* a query was cancelled since its last reply */
    bool is_worn;    /* takes no new query: too many were cancelled */
} upstream_connection_t;
TAILQ_HEAD(upstream_connection_list, upstream_connection);
LIST_HEAD(upstream_connection_chain, upstream_connection);

typedef struct upstream_datagrams {
    struct mmsghdr headers[UPSTREAM_BATCH];
    struct iovec parts[UPSTREAM_BATCH];
    net_address_t from[UPSTREAM_BATCH];
    union {
        struct cmsghdr align;
        uint8_t bytes[64]; /* one int */
    } control[UPSTREAM_BATCH];
    uint8_t bytes[UPSTREAM_BATCH][UPSTREAM_UDP_MESSAGE_MAX];
} upstream_datagrams_t;

struct upstream {
    upstream_environment_t environment;
    upstream_settings_t settings;
    siphash_key_t key;
    uint64_t now_ms;
    unsigned outstanding;
    bool is_calling; /* a handler runs */

    upstream_query_t *queries; /* settings.queries_max */
    struct upstream_query_list free_queries;

    upstream_socket_t *sockets; /* settings.udp_sockets_max */
    struct upstream_socket_list free_sockets;
    struct upstream_socket_list idle_sockets; /* idle for longest first */
    struct upstream_socket_list spare_v4;
    struct upstream_socket_list spare_v6;
    struct upstream_socket_list aging_sockets;
    struct upstream_socket_chain *socket_chains;
    size_t socket_chain_mask;
    upstream_datagrams_t *datagrams;

    upstream_connection_t *connections; /* settings.tcp_connections_max */
    struct upstream_connection_list free_connections;
    struct upstream_connection_list idle_connections;
    struct upstream_connection_list dirty_connections;
    struct upstream_connection_chain *connection_chains;
    size_t connection_chain_mask;
    upstream_connection_t *current; /* whose turn it is: not ended by what its handlers do */
    net_budget_t budget;
    uint8_t *scratch; /* FRAMING_SCRATCH_MAX */
};

/* ---- upstream.c ---- */

static inline void upstream_count(upstream_t *upstream, net_counter_t counter)
{
    net_count(upstream->environment.counters, counter);
}

size_t upstream_hash(const upstream_t *upstream, const net_address_t *address);
/* One of the configured sources of the family, at random, with port 0; NULL: none is configured. */
const net_address_t *upstream_source(upstream_t *upstream, sa_family_t family);
/* Gives the slot back; the ticket is void from now on. */
void upstream_query_end(upstream_t *upstream, upstream_query_t *query);
/* Calls the handler. The query must have ended before failed(). */
bool upstream_deliver(upstream_t *upstream, const upstream_query_t *query, const net_address_t *server, const uint8_t *message,
                      size_t size);
void upstream_tell_failed(upstream_t *upstream, uint64_t owner, upstream_failure_t failure);
/* What a system call's errno means for those who wait. */
upstream_failure_t upstream_failure(int reason);
/* The system is short of descriptors or memory, for now. */
bool upstream_is_shortage(int reason);

/* ---- upstream_socket.c ---- */

static inline bool upstream_has_system_ports(const upstream_t *upstream)
{
    return upstream->settings.port_high == 0;
}

/* A UDP socket with its source, and its port if that is ours to choose; not connected. -1 with errno. */
int upstream_socket_udp(upstream_t *upstream, sa_family_t family);
/* A TCP socket whose connection is on its way. -1 with errno. */
int upstream_socket_tcp(upstream_t *upstream, const net_address_t *server);
/* Closes it and keeps errno. -1. */
int upstream_socket_discard(int fd);

/* ---- upstream_udp.c ---- */

status_t upstream_udp_init(upstream_t *upstream) MUST_USE;
void upstream_udp_clear(upstream_t *upstream);
status_t upstream_udp_send(upstream_t *upstream, const upstream_request_t *request, upstream_query_t *query) MUST_USE;
void upstream_udp_cancel(upstream_query_t *query);
uint64_t upstream_udp_deadline_ms(const upstream_t *upstream);
void upstream_udp_tick(upstream_t *upstream);
/* Closes a descriptor that does no work, for somebody who needs one. False: there is none. */
bool upstream_udp_give_descriptor(upstream_t *upstream);

/* ---- upstream_tcp.c ---- */

status_t upstream_tcp_init(upstream_t *upstream) MUST_USE;
void upstream_tcp_clear(upstream_t *upstream);
status_t upstream_tcp_send(upstream_t *upstream, const upstream_request_t *request, upstream_query_t *query) MUST_USE;
void upstream_tcp_cancel(upstream_query_t *query);
uint64_t upstream_tcp_deadline_ms(const upstream_t *upstream);
void upstream_tcp_tick(upstream_t *upstream);
