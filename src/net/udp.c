#include "net/udp.h"

#include "base/rcu.h"
#include "base/require.h"
#include "net/address.h"
#include "net/truncate.h"
#include "net/udp_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Buffers one page apart would all begin in the same set of the first-level cache. */
    BUFFER_STRIDE = UDP_MESSAGE_MAX + 64,
    SEND_WAIT_MS = 2, /* for room in a full send buffer, once a batch */
    DRAIN_BATCHES_MAX = 1024,
};

udp_t *udp_new(int epoll_fd, const net_handler_t *handler, net_counters_t *counters)
{
    udp_t *udp = calloc(1, sizeof *udp);
    uint8_t *buffers = malloc(2 * (size_t)UDP_BATCH * BUFFER_STRIDE + UDP_LATER_BYTES);
    if (!udp || !buffers) {
        free(udp);
        free(buffers);
        return NULL;
    }
    udp->later = (net_later_t){.keep = udp_keep, .answer = udp_answer};
    udp->epoll_fd = epoll_fd;
    udp->handler = *handler;
    udp->counters = counters;
    udp->requests = buffers;
    udp->replies = buffers + (size_t)UDP_BATCH * BUFFER_STRIDE;
    udp->queue.bytes = buffers + 2 * (size_t)UDP_BATCH * BUFFER_STRIDE;
    for (size_t i = 0; i < UDP_BATCH; i++) {
        udp->in_part[i] = (struct iovec){.iov_base = udp->requests + i * BUFFER_STRIDE, .iov_len = UDP_MESSAGE_MAX};
        udp->in[i].msg_hdr = (struct msghdr){.msg_iov = &udp->in_part[i], .msg_iovlen = 1, .msg_name = &udp->from[i]};
        udp->out[i].msg_hdr = (struct msghdr){.msg_iov = &udp->out_part[i], .msg_iovlen = 1};
    }
    return udp;
}

/* The kernel leaves msg_namelen as it is while the family stays the same, so this is done only when another socket has its turn. */
static void prepare_headers(udp_t *udp, const udp_socket_t *socket)
{
    for (size_t i = 0; i < UDP_BATCH; i++) {
        struct msghdr *header = &udp->in[i].msg_hdr;
        header->msg_namelen = net_address_size(&socket->address);
        header->msg_control = socket->wildcard ? &udp->control[i] : NULL;
        header->msg_controllen = socket->wildcard ? UDP_CONTROL_SIZE : 0;
        udp->out[i].msg_hdr.msg_control = NULL;
        udp->out[i].msg_hdr.msg_controllen = 0;
    }
    udp->prepared_for = socket;
}

/* The answer leaves from the address that was asked, by whatever way the routes lead; only a link-local address needs its interface. */
static void set_source(struct msghdr *header)
{
    struct cmsghdr *first = CMSG_FIRSTHDR(header);
    if (!first) {
        return;
    }
    if (first->cmsg_level == IPPROTO_IP && first->cmsg_type == IP_PKTINFO) {
        ((struct in_pktinfo *)(void *)CMSG_DATA(first))->ipi_ifindex = 0;
    } else if (first->cmsg_level == IPPROTO_IPV6 && first->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(first);
        if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) {
            info->ipi6_ifindex = 0;
        }
    }
}

static bool request_is_acceptable(udp_t *udp, const struct msghdr *header, const net_address_t *from)
{
    if (UNLIKELY(header->msg_flags & MSG_TRUNC)) {
        net_count(udp->counters, NET_UDP_OVERSIZED);
        return false;
    }
    return LIKELY(net_address_port(from) != 0); /* nobody can be answered there */
}

/* Answers `count` requests into out[0..]; returns how many answers there are. */
static unsigned answer_batch(udp_t *udp, const udp_socket_t *socket, unsigned count)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < count; i++) {
        struct msghdr *in = &udp->in[i].msg_hdr;
        net_client_t client = {.address = &udp->from[i], .protocol = NET_UDP, .later = &udp->later};
        net_reply_t reply = {.size = 0};
        uint8_t *out = udp->replies + (size_t)i * BUFFER_STRIDE;
        if (LIKELY(request_is_acceptable(udp, in, client.address))) {
            udp->handler.answer(udp->handler.context, &client, udp->in_part[i].iov_base, udp->in[i].msg_len, out, UDP_MESSAGE_MAX, &reply);
        }
        if (LIKELY(reply.size > 0)) {
            struct msghdr *header = &udp->out[answers].msg_hdr;
            header->msg_name = &udp->from[i];
            header->msg_namelen = in->msg_namelen;
            udp->out_part[answers] = (struct iovec){.iov_base = out, .iov_len = reply.size};
            if (socket->wildcard) {
                header->msg_control = in->msg_control;
                header->msg_controllen = in->msg_controllen;
                set_source(header);
            }
            answers++;
        }
        if (socket->wildcard) {
            in->msg_controllen = UDP_CONTROL_SIZE;
        }
    }
    return answers;
}

typedef enum send_failure { SEND_RETRY, SEND_SKIP, SEND_GIVE_UP } send_failure_t;

/* After sendmmsg() refused this datagram with `reason`. */
static send_failure_t handle_send_failure(udp_t *udp, const udp_socket_t *socket, struct iovec *part, int reason, bool *waited)
{
    if (reason == EINTR) {
        return SEND_RETRY;
    }
    if (reason == EAGAIN) {
        struct pollfd room = {.fd = socket->fd, .events = POLLOUT};
        if (*waited) {
            return SEND_GIVE_UP;
        }
        *waited = true;
        return poll(&room, 1, SEND_WAIT_MS) > 0 ? SEND_RETRY : SEND_GIVE_UP;
    }
    if (reason == EMSGSIZE) {
        size_t size = net_truncate(part->iov_base, part->iov_len);
        if (size > 0 && size < part->iov_len) {
            part->iov_len = size;
            net_count(udp->counters, NET_UDP_TOO_BIG);
            return SEND_RETRY;
        }
    }
    return SEND_SKIP; /* ENOBUFS, EPERM of a packet filter, no route ...: this one is lost, as any datagram may be */
}

void udp_send(udp_t *udp, const udp_socket_t *socket, struct mmsghdr *out, unsigned count)
{
    bool waited = false;
    for (unsigned done = 0; done < count;) {
        int sent = sendmmsg(socket->fd, out + done, count - done, MSG_DONTWAIT);
        if (LIKELY(sent > 0)) {
            done += (unsigned)sent;
            continue;
        }
        switch (handle_send_failure(udp, socket, out[done].msg_hdr.msg_iov, errno, &waited)) {
        case SEND_RETRY:
            break;
        case SEND_SKIP:
            net_count(udp->counters, NET_UDP_SEND_FAILED);
            done++;
            break;
        case SEND_GIVE_UP:
            for (; done < count; done++) {
                net_count(udp->counters, NET_UDP_SEND_FAILED);
            }
            break;
        }
    }
}

/* Up to `batches` batches; true when the socket has no more. */
static bool serve(udp_t *udp, const udp_socket_t *socket, unsigned batches)
{
    if (udp->prepared_for != socket) {
        prepare_headers(udp, socket);
    }
    for (; batches > 0; batches--) {
        int count = recvmmsg(socket->fd, udp->in, UDP_BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0) {
            if (errno == EAGAIN) {
                return true;
            }
            continue; /* a pending error of the socket: reading has cleared it */
        }
        unsigned answers = answer_batch(udp, socket, (unsigned)count);
        udp_send(udp, socket, udp->out, answers);
        rcu_quiescent();
        if (count < UDP_BATCH) {
            return true;
        }
    }
    return false;
}

static void socket_ready(net_event_t *event, uint32_t events)
{
    udp_socket_t *socket = (udp_socket_t *)event;
    (void)events;
    serve(socket->udp, socket, UDP_BATCHES_PER_TURN);
}

status_t udp_add(udp_t *udp, int fd, const net_address_t *address)
{
    udp_socket_t *socket = malloc(sizeof *socket);
    if (!socket) {
        close(fd);
        return STATUS_NO_MEMORY;
    }
    *socket = (udp_socket_t){.event = {.ready = socket_ready}, .udp = udp, .address = *address, .fd = fd};
    socket->wildcard = net_address_is_wildcard(address);
    socket->number = udp->next_number++;
    if (net_event_add(udp->epoll_fd, fd, EPOLLIN, &socket->event) != 0) {
        close(fd);
        free(socket);
        return STATUS_IO;
    }
    socket->next = udp->sockets;
    udp->sockets = socket;
    return STATUS_OK;
}

static void drain_socket(udp_t *udp, const udp_socket_t *socket)
{
    (void)serve(udp, socket, DRAIN_BATCHES_MAX);
}

void udp_remove(udp_t *udp, const net_address_t *address)
{
    for (udp_socket_t **link = &udp->sockets; *link; link = &(*link)->next) {
        udp_socket_t *socket = *link;
        if (net_address_equal(&socket->address, address)) {
            drain_socket(udp, socket);
            udp_flush(udp);
            *link = socket->next;
            udp->prepared_for = NULL;
            close(socket->fd);
            free(socket);
            return;
        }
    }
}

void udp_drain(udp_t *udp)
{
    for (const udp_socket_t *socket = udp->sockets; socket; socket = socket->next) {
        (void)!epoll_ctl(udp->epoll_fd, EPOLL_CTL_DEL, socket->fd, NULL);
        drain_socket(udp, socket);
    }
    udp_flush(udp);
}

bool udp_is_quiet(const udp_t *udp)
{
    return udp->waiting == 0;
}

void udp_free(udp_t *udp)
{
    if (!udp) {
        return;
    }
    while (udp->sockets) {
        udp_socket_t *next = udp->sockets->next;
        close(udp->sockets->fd);
        free(udp->sockets);
        udp->sockets = next;
    }
    free(udp->requests);
    free(udp);
}
