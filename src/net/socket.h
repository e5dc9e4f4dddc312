/* Sockets as the server wants them: options set, bound, not blocking.
 *
 * Every socket has SO_REUSEPORT, so that each worker has its own. That would also let a second server of the same user share the port
 * unnoticed; net_socket_probe() is therefore called once for an address before the first real socket.
 * On STATUS_IO errno says why. Any thread.
 */
#pragma once

#include "base/status.h"
#include "net/handler.h"

/* STATUS_OK when nobody else is bound to the address for the protocol (SOCK_DGRAM or SOCK_STREAM), else STATUS_IO with errno. */
status_t net_socket_probe(const net_address_t *address, int type) MUST_USE;

/* A UDP socket. Datagrams leave with DF set and are never fragmented here; a path MTU learned from ICMP, which anybody can forge, is
 * ignored (RFC 9715 3.1; what does not fit the link is EMSGSIZE, see net/udp.c). On a wildcard address the socket tells to which address
 * each datagram came. IPv6 sockets take IPv6 only. */
status_t net_socket_udp(const net_address_t *address, int *fd) MUST_USE;

/* A listening TCP socket, not delaying small segments; IPv6 only likewise. */
status_t net_socket_tcp(const net_address_t *address, int *fd) MUST_USE;

/* Who holds the port of the address: "named (process 811)" into text[size], as far as this process may see; "" if it cannot be told.
 * Reads /proc; off the hot path. */
void net_socket_holder(const net_address_t *address, int type, char *text, size_t size);
