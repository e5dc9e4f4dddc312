/* Connected UDP sockets, one query at a time on each.
 *
 *     FREE --open--> BUSY --query over--> IDLE --query to the same server--> BUSY
 *                     |                    |
 *                     +--port is worn------+--old, or evicted--> SPARE --another port, another server--> BUSY   (the system's ports)
 *                                                           \--> FREE                                          (own ports: closed)
 *
 * Invariants
 *  1. BUSY: one query, connected to its server. IDLE: no query, still connected, in the chain of its server's hash.
 *  2. A socket changes its server only together with its port: AF_UNSPEC takes the port away, connect() brings a new one. A port that was
 *     bound by us cannot be taken away, so with own ports the socket is closed.
 *  3. Slots never move and are never freed: an event that was fetched before its socket changed finds nothing to read, or what belongs to
 *     the socket as it is now.
 *  4. connect() does not empty the receive queue, so every datagram's source is compared too.
 */
#include "base/bytes.h"
#include "base/require.h"
#include "net/address.h"
#include "net/upstream_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static struct upstream_socket_list *spare_list(upstream_t *upstream, sa_family_t family)
{
    return family == AF_INET ? &upstream->spare_v4 : &upstream->spare_v6;
}

static struct upstream_socket_chain *chain_of(const upstream_t *upstream, const net_address_t *server)
{
    return &upstream->socket_chains[upstream_hash(upstream, server) & upstream->socket_chain_mask];
}

/* ---- states ---- */

static void stop_aging(upstream_socket_t *socket)
{
    if (socket->is_aging) {
        TAILQ_REMOVE(&socket->upstream->aging_sockets, socket, aging);
        socket->is_aging = false;
    }
}

/* Takes a socket out of whatever list its state has it in. */
static void leave_state(upstream_socket_t *socket)
{
    upstream_t *upstream = socket->upstream;
    switch (socket->state) {
    case SOCKET_FREE:
        TAILQ_REMOVE(&upstream->free_sockets, socket, link);
        break;
    case SOCKET_IDLE:
        TAILQ_REMOVE(&upstream->idle_sockets, socket, link);
        LIST_REMOVE(socket, chain);
        break;
    case SOCKET_SPARE:
        TAILQ_REMOVE(spare_list(upstream, socket->server.sa.sa_family), socket, link);
        break;
    case SOCKET_BUSY:
        break;
    }
}

static void enter_free(upstream_socket_t *socket)
{
    stop_aging(socket);
    if (socket->fd >= 0) {
        close(socket->fd);
        socket->fd = -1;
    }
    socket->state = SOCKET_FREE;
    TAILQ_INSERT_HEAD(&socket->upstream->free_sockets, socket, link);
}

/* Its port is never used again. */
static void give_up_port(upstream_socket_t *socket)
{
    upstream_t *upstream = socket->upstream;
    if (!upstream_has_system_ports(upstream)) {
        enter_free(socket);
        return;
    }
    stop_aging(socket);
    socket->state = SOCKET_SPARE;
    TAILQ_INSERT_TAIL(spare_list(upstream, socket->server.sa.sa_family), socket, link);
}

/* The query on it is over. */
static void release(upstream_socket_t *socket)
{
    upstream_t *upstream = socket->upstream;
    socket->query = NULL;
    if (socket->is_worn || socket->uses >= upstream->settings.udp_uses_max) {
        give_up_port(socket);
        return;
    }
    socket->state = SOCKET_IDLE;
    TAILQ_INSERT_TAIL(&upstream->idle_sockets, socket, link);
    LIST_INSERT_HEAD(chain_of(upstream, &socket->server), socket, chain);
}

/* ---- receiving ---- */

static void prepare(upstream_datagrams_t *datagrams)
{
    for (unsigned i = 0; i < UPSTREAM_BATCH; i++) {
        struct msghdr *header = &datagrams->headers[i].msg_hdr;
        header->msg_namelen = sizeof datagrams->from[i];
        header->msg_controllen = sizeof datagrams->control[i];
    }
}

static bool came_in_fragments(struct msghdr *header)
{
    for (const struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, (struct cmsghdr *)(uintptr_t)part)) {
        if ((part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVFRAGSIZE) ||
            (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVFRAGSIZE)) {
            return true;
        }
    }
    return false;
}

/* Whether a datagram may be shown to who waits on the socket; else it is counted. */
static bool is_presentable(upstream_socket_t *socket, struct mmsghdr *datagram, const net_address_t *from)
{
    upstream_t *upstream = socket->upstream;
    const uint8_t *message = datagram->msg_hdr.msg_iov->iov_base;
    if (!net_address_equal(from, &socket->server)) {
        upstream_count(upstream, NET_UPSTREAM_WRONG_SOURCE);
    } else if (datagram->msg_hdr.msg_flags & MSG_TRUNC) {
        upstream_count(upstream, NET_UPSTREAM_OVERSIZED);
    } else if (came_in_fragments(&datagram->msg_hdr)) {
        upstream_count(upstream, NET_UPSTREAM_FRAGMENTED);
    } else if (datagram->msg_len < UPSTREAM_HEADER_SIZE) {
        upstream_count(upstream, NET_UPSTREAM_MALFORMED);
    } else if (!socket->query || (socket->has_stale && socket->stale_id == load_be16(message))) {
        upstream_count(upstream, NET_UPSTREAM_LATE); /* a new query on this port never has the stale id */
    } else {
        return true;
    }
    return false;
}

static void present(upstream_socket_t *socket, const uint8_t *message, size_t size)
{
    upstream_query_t *query = socket->query;
    uint32_t generation = query->generation;
    bool is_taken = upstream_deliver(socket->upstream, query, &socket->server, message, size);
    if (query->generation != generation) {
        return; /* the handler has cancelled it */
    }
    if (is_taken) {
        release(socket);
        upstream_query_end(socket->upstream, query);
    } else {
        socket->is_worn = true; /* somebody may know the port, and guess (RFC 5452 9.2) */
    }
}

/* An error that was waiting in the socket: an ICMP message that quoted its ports. */
static void take_error(upstream_socket_t *socket, int reason)
{
    upstream_query_t *query = socket->query;
    if (reason == EAGAIN || reason == EINTR || reason == EMSGSIZE || !query) {
        return; /* EMSGSIZE: no honest path is too narrow for a query, and who claims it may be anybody */
    }
    uint64_t owner = query->owner;
    socket->is_worn = true;
    release(socket);
    upstream_query_end(socket->upstream, query);
    upstream_tell_failed(socket->upstream, owner, upstream_failure(reason));
}

static void socket_ready(net_event_t *event, uint32_t events)
{
    upstream_socket_t *socket = (upstream_socket_t *)event;
    upstream_datagrams_t *datagrams = socket->upstream->datagrams;
    (void)events;
    if (socket->fd < 0) {
        return; /* closed since the event was fetched */
    }
    prepare(datagrams);
    int count = recvmmsg(socket->fd, datagrams->headers, UPSTREAM_BATCH, MSG_DONTWAIT, NULL);
    if (count < 0) {
        take_error(socket, errno);
        return;
    }
    for (int i = 0; i < count; i++) {
        if (is_presentable(socket, &datagrams->headers[i], &datagrams->from[i])) {
            present(socket, datagrams->bytes[i], datagrams->headers[i].msg_len);
        }
    }
}

/* ---- opening ---- */

/* Gives a slot without descriptor a registered socket that is not yet connected. -1 with errno. */
static int open_socket(upstream_socket_t *slot, sa_family_t family)
{
    upstream_t *upstream = slot->upstream;
    int fd = upstream_socket_udp(upstream, family);
    if (fd < 0) {
        return -1;
    }
    if (net_event_add(upstream->environment.epoll_fd, fd, EPOLLIN, &slot->event) != 0) {
        return upstream_socket_discard(fd);
    }
    slot->fd = fd;
    upstream_count(upstream, NET_UPSTREAM_SOCKETS_OPENED);
    return 0;
}

bool upstream_udp_give_descriptor(upstream_t *upstream)
{
    upstream_socket_t *socket = TAILQ_FIRST(&upstream->spare_v4);
    socket = socket ? socket : TAILQ_FIRST(&upstream->spare_v6);
    socket = socket ? socket : TAILQ_FIRST(&upstream->idle_sockets);
    if (!socket) {
        return false;
    }
    leave_state(socket);
    enter_free(socket);
    return true;
}

/* A slot in no list, in state BUSY, that has a descriptor of the family and another port than before, or no descriptor. NULL: all work. */
static upstream_socket_t *take_slot(upstream_t *upstream, sa_family_t family)
{
    upstream_socket_t *socket = TAILQ_FIRST(spare_list(upstream, family));
    socket = socket ? socket : TAILQ_FIRST(&upstream->free_sockets);
    if (!socket) {
        socket = TAILQ_FIRST(&upstream->idle_sockets);
        if (!socket || !upstream_has_system_ports(upstream) || socket->server.sa.sa_family != family) {
            socket = upstream_udp_give_descriptor(upstream) ? TAILQ_FIRST(&upstream->free_sockets) : NULL;
        }
    }
    if (socket) {
        leave_state(socket);
        stop_aging(socket);
        socket->state = SOCKET_BUSY;
    }
    return socket;
}

/* -1 with errno. */
static int connect_anew(upstream_socket_t *socket, const net_address_t *server)
{
    upstream_t *upstream = socket->upstream;
    sa_family_t family = server->sa.sa_family;
    if (socket->fd >= 0) {
        const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
        if (connect(socket->fd, &nobody, sizeof nobody) != 0) {
            return -1;
        }
    } else if (open_socket(socket, family) != 0) {
        if (!upstream_is_shortage(errno)) {
            return -1;
        }
        upstream_count(upstream, NET_UPSTREAM_NO_DESCRIPTORS);
        if (!upstream_udp_give_descriptor(upstream)) {
            errno = EMFILE;
            return -1;
        }
        if (open_socket(socket, family) != 0) {
            return -1;
        }
    }
    return connect(socket->fd, &server->sa, net_address_size(server));
}

static status_t status_of(int reason)
{
    return upstream_is_shortage(reason) || reason == EAGAIN ? STATUS_LIMIT : STATUS_IO;
}

static status_t open_towards(upstream_t *upstream, const net_address_t *server, upstream_socket_t **out)
{
    upstream_socket_t *socket = take_slot(upstream, server->sa.sa_family);
    if (!socket) {
        return STATUS_LIMIT;
    }
    if (connect_anew(socket, server) != 0) {
        int reason = errno;
        socket->server = *server; /* its family says where the socket may serve again */
        if (socket->fd >= 0) {
            give_up_port(socket);
        } else {
            enter_free(socket);
        }
        errno = reason;
        return status_of(reason);
    }
    upstream_count(upstream, NET_UPSTREAM_UDP_PORTS);
    socket->server = *server;
    socket->made_ms = upstream->now_ms;
    socket->uses = 0;
    socket->has_stale = false;
    socket->is_worn = false;
    socket->is_aging = true;
    TAILQ_INSERT_TAIL(&upstream->aging_sockets, socket, aging);
    *out = socket;
    return STATUS_OK;
}

/* ---- sending ---- */

static upstream_socket_t *find_idle(upstream_t *upstream, const net_address_t *server, uint16_t id)
{
    unsigned steps = UPSTREAM_CHAIN_STEPS;
    upstream_socket_t *socket;
    LIST_FOREACH(socket, chain_of(upstream, server), chain)
    {
        if (net_address_equal(&socket->server, server) && !(socket->has_stale && socket->stale_id == id) &&
            upstream->now_ms - socket->made_ms < upstream->settings.udp_life_ms) {
            leave_state(socket);
            socket->state = SOCKET_BUSY;
            return socket;
        }
        if (--steps == 0) {
            break;
        }
    }
    return NULL;
}

status_t upstream_udp_send(upstream_t *upstream, const upstream_request_t *request, upstream_query_t *query)
{
    if (request->size > UPSTREAM_UDP_MESSAGE_MAX) {
        return STATUS_NO_SPACE;
    }
    upstream_socket_t *socket = find_idle(upstream, request->server, query->id);
    if (!socket) {
        status_t status = open_towards(upstream, request->server, &socket);
        if (status != STATUS_OK) {
            return status;
        }
    }
    /* The first attempt may be told of an error that an earlier query left behind. */
    if (send(socket->fd, request->message, request->size, MSG_DONTWAIT) < 0 &&
        send(socket->fd, request->message, request->size, MSG_DONTWAIT) < 0) {
        int reason = errno;
        socket->is_worn = true;
        release(socket);
        errno = reason;
        return status_of(reason);
    }
    socket->uses++;
    socket->query = query;
    query->socket = socket;
    return STATUS_OK;
}

void upstream_udp_cancel(upstream_query_t *query)
{
    upstream_socket_t *socket = query->socket;
    socket->is_worn = socket->is_worn || socket->has_stale; /* one late reply can be told from a forged one, not many */
    socket->has_stale = true;
    socket->stale_id = query->id;
    release(socket);
    upstream_query_end(socket->upstream, query);
}

/* ---- time ---- */

uint64_t upstream_udp_deadline_ms(const upstream_t *upstream)
{
    const upstream_socket_t *first = TAILQ_FIRST(&upstream->aging_sockets);
    return first ? first->made_ms + upstream->settings.udp_life_ms : UINT64_MAX;
}

void upstream_udp_tick(upstream_t *upstream)
{
    while (upstream_udp_deadline_ms(upstream) <= upstream->now_ms) {
        upstream_socket_t *socket = TAILQ_FIRST(&upstream->aging_sockets);
        stop_aging(socket);
        if (socket->state == SOCKET_IDLE) {
            leave_state(socket);
            give_up_port(socket);
        } else {
            socket->is_worn = true;
        }
    }
}

/* ---- life ---- */

static void point_headers(upstream_datagrams_t *datagrams)
{
    for (unsigned i = 0; i < UPSTREAM_BATCH; i++) {
        datagrams->parts[i] = (struct iovec){.iov_base = datagrams->bytes[i], .iov_len = UPSTREAM_UDP_MESSAGE_MAX};
        datagrams->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &datagrams->from[i], .msg_iov = &datagrams->parts[i], .msg_iovlen = 1, .msg_control = &datagrams->control[i]};
    }
}

status_t upstream_udp_init(upstream_t *upstream)
{
    unsigned count = upstream->settings.udp_sockets_max;
    size_t chains = 16;
    while (chains < count) {
        chains *= 2;
    }
    TAILQ_INIT(&upstream->free_sockets);
    TAILQ_INIT(&upstream->idle_sockets);
    TAILQ_INIT(&upstream->spare_v4);
    TAILQ_INIT(&upstream->spare_v6);
    TAILQ_INIT(&upstream->aging_sockets);
    upstream->sockets = calloc(count, sizeof *upstream->sockets);
    upstream->socket_chains = calloc(chains, sizeof *upstream->socket_chains); /* zero is an empty LIST */
    upstream->datagrams = calloc(1, sizeof *upstream->datagrams);
    if (!upstream->sockets || !upstream->socket_chains || !upstream->datagrams) {
        return STATUS_NO_MEMORY;
    }
    upstream->socket_chain_mask = chains - 1;
    point_headers(upstream->datagrams);
    for (unsigned i = 0; i < count; i++) {
        upstream_socket_t *socket = &upstream->sockets[i];
        *socket = (upstream_socket_t){.event = {.ready = socket_ready}, .upstream = upstream, .fd = -1};
        TAILQ_INSERT_TAIL(&upstream->free_sockets, socket, link);
    }
    return STATUS_OK;
}

void upstream_udp_clear(upstream_t *upstream)
{
    for (unsigned i = 0; upstream->sockets && i < upstream->settings.udp_sockets_max; i++) {
        if (upstream->sockets[i].fd >= 0) {
            close(upstream->sockets[i].fd);
        }
    }
    free(upstream->sockets);
    free(upstream->socket_chains);
    free(upstream->datagrams);
}
