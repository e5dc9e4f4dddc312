#include "net/socket.h"

#include "net/address.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    /* A burst of about 5,000 small queries: 20 ms of one worker's time. More would only make late answers. */
    UDP_BUFFER_SIZE = 4 << 20,
    TCP_BACKLOG = 4096, /* the kernel caps it at net.core.somaxconn */
};

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int close_keeping_errno(int fd)
{
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

/* A socket, -1 with errno. */
static int open_socket(const net_address_t *address, int type)
{
    int fd = socket(address->sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if ((address->sa.sa_family == AF_INET6 && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) != 0) ||
        (type == SOCK_STREAM && set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0)) {
        return close_keeping_errno(fd);
    }
    return fd;
}

status_t net_socket_probe(const net_address_t *address, int type)
{
    int fd = open_socket(address, type);
    if (fd < 0) {
        return STATUS_IO;
    }
    if (bind(fd, &address->sa, net_address_size(address)) != 0) {
        close_keeping_errno(fd);
        return STATUS_IO;
    }
    close(fd);
    return STATUS_OK;
}

/* More than the system's limit takes CAP_NET_ADMIN; with less the server works too. */
static void enlarge_buffer(int fd, int option, int forced_option)
{
    if (set_option(fd, SOL_SOCKET, forced_option, UDP_BUFFER_SIZE) != 0) {
        (void)!set_option(fd, SOL_SOCKET, option, UDP_BUFFER_SIZE);
    }
}

static int set_udp_options(int fd, const net_address_t *address)
{
    bool wildcard = net_address_is_wildcard(address);
    enlarge_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE);
    enlarge_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE);
    if (address->sa.sa_family == AF_INET) {
        return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) != 0 ||
                       (wildcard && set_option(fd, IPPROTO_IP, IP_PKTINFO, 1) != 0)
                   ? -1
                   : 0;
    }
    return set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) != 0 ||
                   set_option(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1) != 0 ||
                   (wildcard && set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) != 0)
               ? -1
               : 0;
}

status_t net_socket_udp(const net_address_t *address, int *out)
{
    int fd = open_socket(address, SOCK_DGRAM);
    if (fd < 0) {
        return STATUS_IO;
    }
    if (set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0 || set_udp_options(fd, address) != 0 ||
        bind(fd, &address->sa, net_address_size(address)) != 0) {
        close_keeping_errno(fd);
        return STATUS_IO;
    }
    *out = fd;
    return STATUS_OK;
}

status_t net_socket_tcp(const net_address_t *address, int *out)
{
    int fd = open_socket(address, SOCK_STREAM);
    if (fd < 0) {
        return STATUS_IO;
    }
    /* Accepted sockets inherit TCP_NODELAY: no system call for each connection. */
    if (set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0 || set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) != 0 ||
        bind(fd, &address->sa, net_address_size(address)) != 0 || listen(fd, TCP_BACKLOG) != 0) {
        close_keeping_errno(fd);
        return STATUS_IO;
    }
    *out = fd;
    return STATUS_OK;
}
