/* Sockets towards other servers: options, sources, ports. */
#include "net/address.h"
#include "net/upstream_internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { PORT_ATTEMPTS = 16 };

int upstream_socket_discard(int fd)
{
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static int set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

/* Queries leave unfragmented whatever anybody says of the path's MTU, and replies tell whether they came in fragments (RFC 9715 3.2).
 * IPV6_V6ONLY would be one system call more, for a socket that connect() ties to one address anyway. */
static int set_options(const upstream_t *upstream, int fd, sa_family_t family)
{
    bool is_v4 = family == AF_INET;
    int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    if (set_option(fd, level, is_v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, is_v4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE) != 0) {
        return -1;
    }
    return upstream->settings.udp_fragments_allowed ? 0 : set_option(fd, level, is_v4 ? IP_RECVFRAGSIZE : IPV6_RECVFRAGSIZE, 1);
}

static uint16_t draw_port(upstream_t *upstream)
{
    const upstream_settings_t *settings = &upstream->settings;
    uint64_t count = (uint64_t)settings->port_high - settings->port_low + 1;
    uint64_t random = upstream->environment.random.next(upstream->environment.random.context);
    return (uint16_t)(settings->port_low + ((random >> 32) * count >> 32)); /* uneven by 2^-16 at most */
}

/* -1 with errno. */
static int bind_own_port(upstream_t *upstream, int fd, net_address_t *source)
{
    for (unsigned attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
        in_port_t port = htons(draw_port(upstream));
        if (source->sa.sa_family == AF_INET) {
            source->v4.sin_port = port;
        } else {
            source->v6.sin6_port = port;
        }
        if (bind(fd, &source->sa, net_address_size(source)) == 0) {
            return 0;
        }
        if (errno != EADDRINUSE && errno != EACCES) {
            return -1;
        }
        upstream_count(upstream, NET_UPSTREAM_PORT_TAKEN);
    }
    errno = EAGAIN; /* as connect() says it when the system has no port left */
    return -1;
}

/* -1 with errno. */
static int bind_source(upstream_t *upstream, int fd, sa_family_t family)
{
    const net_address_t *configured = upstream_source(upstream, family);
    if (upstream_has_system_ports(upstream)) {
        return configured ? bind(fd, &configured->sa, net_address_size(configured)) : 0;
    }
    net_address_t source = {.v6 = {.sin6_family = family}};
    if (configured) {
        source = *configured;
    }
    return bind_own_port(upstream, fd, &source);
}

int upstream_socket_udp(upstream_t *upstream, sa_family_t family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    return set_options(upstream, fd, family) == 0 && bind_source(upstream, fd, family) == 0 ? fd : upstream_socket_discard(fd);
}

int upstream_socket_tcp(upstream_t *upstream, const net_address_t *server)
{
    const net_address_t *source = upstream_source(upstream, server->sa.sa_family);
    int fd = socket(server->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    /* Queries of one round leave in one write: to wait for more would only delay them. */
    if (set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) != 0 ||
        (source && (set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) != 0 || bind(fd, &source->sa, net_address_size(source)) != 0))) {
        return upstream_socket_discard(fd);
    }
    return connect(fd, &server->sa, net_address_size(server)) == 0 || errno == EINPROGRESS ? fd : upstream_socket_discard(fd);
}
