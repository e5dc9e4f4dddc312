#include "net/counters.h"

#include "base/require.h"

static const char *const names[NET_COUNTERS] = {
    [NET_UDP_OVERSIZED] = "udp.oversized",
    [NET_UDP_SEND_FAILED] = "udp.send-failed",
    [NET_UDP_TOO_BIG] = "udp.too-big",
    [NET_TCP_ACCEPTED] = "tcp.accepted",
    [NET_TCP_CLOSED] = "tcp.closed",
    [NET_TCP_EVICTED] = "tcp.evicted",
    [NET_TCP_REFUSED] = "tcp.refused",
    [NET_TCP_TIMED_OUT] = "tcp.timed-out",
    [NET_TCP_MALFORMED] = "tcp.malformed",
    [NET_TCP_BUFFERS_REFUSED] = "tcp.buffers-refused",
    [NET_TCP_NO_DESCRIPTORS] = "tcp.no-descriptors",
};

const char *net_counter_name(net_counter_t counter)
{
    REQUIRE(counter < NET_COUNTERS);
    return names[counter];
}
