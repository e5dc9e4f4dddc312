/* What udp.c and udp_later.c share; private to them. */
#pragma once

#include "net/event.h"
#include "net/udp.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    UDP_CONTROL_SIZE = 64, /* one in_pktinfo or in6_pktinfo */
    UDP_LATER_MAX = 64,    /* datagrams that wait for the end of the round */
    UDP_LATER_BYTES = 64 * 1024,
};

typedef union udp_control {
    struct cmsghdr align;
    uint8_t bytes[UDP_CONTROL_SIZE];
} udp_control_t;

typedef struct udp_socket {
    net_event_t event;
    struct udp *udp;
    struct udp_socket *next;
    uint64_t number; /* never reused */
    net_address_t address;
    int fd;
    unsigned queued; /* answers in the queue */
    bool wildcard;
} udp_socket_t;

/* Answers that came later, until udp_flush(). Entry i belongs to socket[i]; its bytes are anywhere in `bytes`. */
typedef struct udp_queue {
    unsigned count;
    size_t used; /* of bytes */
    uint8_t *bytes;
    udp_socket_t *socket[UDP_LATER_MAX];
    struct iovec part[UDP_LATER_MAX];
    net_address_t to[UDP_LATER_MAX];
    net_address_t from[UDP_LATER_MAX]; /* wildcard sockets */
    uint32_t interface[UDP_LATER_MAX]; /* likewise */
    udp_control_t control[UDP_BATCH];
    struct mmsghdr out[UDP_BATCH];
    struct iovec out_part[UDP_BATCH];
} udp_queue_t;

struct udp {
    net_later_t later; /* first: what a route leads back to */
    int epoll_fd;
    net_handler_t handler;
    net_counters_t *counters;
    udp_socket_t *sockets;
    uint64_t next_number;
    uint64_t waiting;                 /* requests whose answer comes later */
    const udp_socket_t *prepared_for; /* whose family and control needs the headers are set up for */
    uint8_t *requests;                /* UDP_BATCH buffers */
    uint8_t *replies;
    struct mmsghdr in[UDP_BATCH];
    struct mmsghdr out[UDP_BATCH];
    struct iovec in_part[UDP_BATCH];
    struct iovec out_part[UDP_BATCH];
    net_address_t from[UDP_BATCH];
    udp_control_t control[UDP_BATCH];
    udp_queue_t queue;
};

/* Sends `count` datagrams, each of one part, by this socket. */
void udp_send(udp_t *udp, const udp_socket_t *socket, struct mmsghdr *out, unsigned count);
/* net_later_t for datagrams. */
void udp_keep(net_later_t *later, const net_client_t *client, net_route_t *route);
void udp_answer(const net_route_t *route, const uint8_t *message, size_t size, uint16_t idle_timeout_ds);
