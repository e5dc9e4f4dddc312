/* Answers to datagrams that come after others: the way back is kept, and what comes is sent with one call a socket at the end of the round.
 */
#include "base/require.h"
#include "net/address.h"
#include "net/udp_internal.h"

#include <string.h>

/* ---- the way back ---- */

/* Which local address a datagram to a wildcard socket was sent to (RFC 2181 4.1: the answer has to come from there). An interface is
 * needed by link-local addresses alone; any other answer leaves by whatever way the routes lead. */
static void note_destination(struct msghdr *header, net_route_t *route)
{
    struct cmsghdr *first = CMSG_FIRSTHDR(header);
    if (!first) {
        return;
    }
    if (first->cmsg_level == IPPROTO_IP && first->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(first), sizeof info);
        route->local.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = info.ipi_spec_dst};
    } else if (first->cmsg_level == IPPROTO_IPV6 && first->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(first), sizeof info);
        route->local.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = info.ipi6_addr};
        route->interface = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
    }
}

void udp_keep(net_later_t *later, const net_client_t *client, net_route_t *route)
{
    udp_t *udp = (udp_t *)later;
    const udp_socket_t *socket = udp->prepared_for;
    size_t at = (size_t)(client->address - udp->from);
    REQUIRE(socket && at < UDP_BATCH);
    *route = (net_route_t){.later = later, .protocol = NET_UDP, .client = *client->address, .owner = socket->number};
    if (socket->wildcard) {
        note_destination(&udp->in[at].msg_hdr, route);
    }
    udp->waiting++;
}

/* ---- the queue ---- */

/* The source address of a datagram, for its control block; returns the block's length, 0 when the system may choose. */
static size_t write_source(udp_control_t *control, const net_address_t *from, uint32_t interface)
{
    struct msghdr header = {.msg_control = control, .msg_controllen = UDP_CONTROL_SIZE};
    struct cmsghdr *first = CMSG_FIRSTHDR(&header);
    if (from->sa.sa_family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = from->v4.sin_addr};
        *first = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info)};
        memcpy(CMSG_DATA(first), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    if (from->sa.sa_family == AF_INET6) {
        struct in6_pktinfo info = {.ipi6_addr = from->v6.sin6_addr, .ipi6_ifindex = interface};
        *first = (struct cmsghdr){.cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info)};
        memcpy(CMSG_DATA(first), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    return 0;
}

static void prepare(udp_queue_t *queue, unsigned entry, unsigned at)
{
    size_t control_size = write_source(&queue->control[at], &queue->from[entry], queue->interface[entry]);
    queue->out_part[at] = queue->part[entry];
    queue->out[at].msg_hdr = (struct msghdr){.msg_name = &queue->to[entry],
                                             .msg_namelen = net_address_size(&queue->to[entry]),
                                             .msg_iov = &queue->out_part[at],
                                             .msg_iovlen = 1,
                                             .msg_control = control_size > 0 ? &queue->control[at] : NULL,
                                             .msg_controllen = control_size};
}

static void flush_socket(udp_socket_t *socket)
{
    udp_t *udp = socket->udp;
    udp_queue_t *queue = &udp->queue;
    unsigned ready = 0;
    for (unsigned entry = 0; socket->queued > 0; entry++) {
        DEBUG_ASSERT(entry < queue->count);
        if (queue->socket[entry] != socket) {
            continue;
        }
        queue->socket[entry] = NULL;
        socket->queued--;
        prepare(queue, entry, ready++);
        if (ready == UDP_BATCH || socket->queued == 0) {
            udp_send(udp, socket, queue->out, ready);
            ready = 0;
        }
    }
}

void udp_flush(udp_t *udp)
{
    if (LIKELY(udp->queue.count == 0)) {
        return;
    }
    for (udp_socket_t *socket = udp->sockets; socket; socket = socket->next) {
        flush_socket(socket);
    }
    udp->queue.count = 0;
    udp->queue.used = 0;
}

static udp_socket_t *find_socket(const udp_t *udp, uint64_t number)
{
    udp_socket_t *socket = udp->sockets;
    while (socket && socket->number != number) {
        socket = socket->next;
    }
    return socket;
}

void udp_answer(const net_route_t *route, const uint8_t *message, size_t size, uint16_t idle_timeout_ds)
{
    udp_t *udp = (udp_t *)route->later;
    udp_queue_t *queue = &udp->queue;
    (void)idle_timeout_ds;
    REQUIRE(size <= UDP_MESSAGE_MAX && udp->waiting > 0);
    udp->waiting--;
    udp_socket_t *socket = find_socket(udp, route->owner);
    if (size == 0) {
        return;
    }
    if (!socket) {
        net_count(udp->counters, NET_UDP_CLIENT_GONE);
        return;
    }
    if (queue->count == UDP_LATER_MAX || UDP_LATER_BYTES - queue->used < size) {
        udp_flush(udp);
    }
    unsigned entry = queue->count++;
    queue->part[entry] = (struct iovec){.iov_base = memcpy(queue->bytes + queue->used, message, size), .iov_len = size};
    queue->used += size;
    queue->socket[entry] = socket;
    queue->to[entry] = route->client;
    queue->from[entry] = route->local;
    queue->interface[entry] = route->interface;
    socket->queued++;
}
