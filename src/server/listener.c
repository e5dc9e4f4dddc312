#include "server/listener.h"

#include "net/address.h"
#include "net/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static status_t status_of(int reason)
{
    switch (reason) {
    case EADDRINUSE:
        return STATUS_EXISTS;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
        return STATUS_DENIED;
    case ENOMEM:
    case ENOBUFS:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_IO;
    }
}

static status_t explain(const net_address_t *address, int type, int reason, buffer_t *why)
{
    char text[NET_ADDRESS_TEXT_MAX];
    char holder[128];
    buffer_printf(why, "cannot listen on %s (%s): %s", net_address_text(address, text), type == SOCK_STREAM ? "TCP" : "UDP",
                  strerrordesc_np(reason));
    if (reason == EADDRINUSE) {
        char own[32];
        net_socket_holder(address, type, holder, sizeof holder);
        snprintf(own, sizeof own, "(process %d)", (int)getpid());
        if (strstr(holder, own)) {
            buffer_append_text(why, ", by this server itself: it takes a restart to go from one address to a wildcard or back on one port");
        } else if (holder[0]) {
            buffer_printf(why, ", by %s", holder);
        }
    } else if (reason == EACCES && net_address_port(address) < 1024) {
        buffer_append_text(why, "; ports below 1024 take root or CAP_NET_BIND_SERVICE, which the server has only while it starts");
    } else if (reason == EADDRNOTAVAIL) {
        buffer_append_text(why, "; no interface has this address");
    }
    return status_of(reason);
}

static status_t open_all(listener_t *listener, buffer_t *why)
{
    const net_address_t *address = &listener->settings.address;
    if (net_socket_probe(address, SOCK_DGRAM) != STATUS_OK) {
        return explain(address, SOCK_DGRAM, errno, why);
    }
    if (net_socket_probe(address, SOCK_STREAM) != STATUS_OK) {
        return explain(address, SOCK_STREAM, errno, why);
    }
    for (unsigned i = 0; i < listener->workers; i++) {
        if (net_socket_udp(address, &listener->udp_fds[i]) != STATUS_OK) {
            return explain(address, SOCK_DGRAM, errno, why);
        }
        if (net_socket_tcp(address, &listener->tcp_fds[i]) != STATUS_OK) {
            return explain(address, SOCK_STREAM, errno, why);
        }
    }
    return STATUS_OK;
}

status_t listener_open(listener_t *listener, const listen_settings_t *settings, unsigned workers, buffer_t *why)
{
    *listener = (listener_t){.settings = *settings, .workers = workers};
    if (settings->protocol != NET_UDP) {
        buffer_append_text(why, "only dns:// can be listened on");
        return STATUS_UNSUPPORTED;
    }
    listener->udp_fds = malloc(workers * sizeof(int));
    listener->tcp_fds = malloc(workers * sizeof(int));
    if (!listener->udp_fds || !listener->tcp_fds) {
        listener->workers = 0;
        listener_close(listener);
        buffer_append_text(why, status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    for (unsigned i = 0; i < workers; i++) {
        listener->udp_fds[i] = listener->tcp_fds[i] = -1;
    }
    status_t status = open_all(listener, why);
    if (status != STATUS_OK) {
        listener_close(listener);
    }
    return status;
}

static void close_all(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    free(fds);
}

void listener_close(listener_t *listener)
{
    close_all(listener->udp_fds, listener->workers);
    close_all(listener->tcp_fds, listener->workers);
    listener->udp_fds = listener->tcp_fds = NULL;
    listener->workers = 0;
}
