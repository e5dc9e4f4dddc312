#include "net/counters.h"

#include "base/require.h"

static const char *const names[NET_COUNTERS] = {
    [NET_UDP_OVERSIZED] = "udp.oversized",
    [NET_UDP_SEND_FAILED] = "udp.send-failed",
    [NET_UDP_TOO_BIG] = "udp.too-big",
    [NET_UDP_CLIENT_GONE] = "udp.client-gone",
    [NET_TCP_ACCEPTED] = "tcp.accepted",
    [NET_TCP_CLOSED] = "tcp.closed",
    [NET_TCP_EVICTED] = "tcp.evicted",
    [NET_TCP_REFUSED] = "tcp.refused",
    [NET_TCP_TIMED_OUT] = "tcp.timed-out",
    [NET_TCP_MALFORMED] = "tcp.malformed",
    [NET_TCP_BUFFERS_REFUSED] = "tcp.buffers-refused",
    [NET_TCP_NO_DESCRIPTORS] = "tcp.no-descriptors",
    [NET_TCP_CLIENT_GONE] = "tcp.client-gone",
    [NET_UPSTREAM_UDP_SENT] = "upstream.udp-sent",
    [NET_UPSTREAM_TCP_SENT] = "upstream.tcp-sent",
    [NET_UPSTREAM_FAILED] = "upstream.failed",
    [NET_UPSTREAM_LIMITED] = "upstream.limited",
    [NET_UPSTREAM_NO_DESCRIPTORS] = "upstream.no-descriptors",
    [NET_UPSTREAM_SOCKETS_OPENED] = "upstream.sockets-opened",
    [NET_UPSTREAM_UDP_PORTS] = "upstream.udp-ports",
    [NET_UPSTREAM_PORT_TAKEN] = "upstream.port-taken",
    [NET_UPSTREAM_LATE] = "upstream.late",
    [NET_UPSTREAM_WRONG_SOURCE] = "upstream.wrong-source",
    [NET_UPSTREAM_FRAGMENTED] = "upstream.fragmented",
    [NET_UPSTREAM_OVERSIZED] = "upstream.oversized",
    [NET_UPSTREAM_MALFORMED] = "upstream.malformed",
    [NET_UPSTREAM_CONNECTIONS_OPENED] = "upstream.connections-opened",
    [NET_UPSTREAM_CONNECTIONS_CLOSED] = "upstream.connections-closed",
};

const char *net_counter_name(net_counter_t counter)
{
    REQUIRE(counter < NET_COUNTERS);
    return names[counter];
}
