/* Zone transfers out: AXFR (RFC 5936), and IXFR answered with the newest SOA or the whole zone (RFC 1995 2, 4).
 *
 * A transfer is a net_stream_t that makes one message each time it is asked, from a counted snapshot of the zone: the zone may be
 * replaced meanwhile. It starts on the worker's thread and is used by one thread at a time; it may outlive the dispatch_t that began it.
 */
#pragma once

#include "server/exchange.h"

typedef enum transfer_verdict {
    TRANSFER_STARTED, /* exchange->reply->stream is set */
    TRANSFER_SOA,     /* answer with the SOA alone */
    TRANSFER_REFUSED, /* exchange->answer says why: FORMERR, NOTAUTH, REFUSED, SERVFAIL */
} transfer_verdict_t;

/* A query of type AXFR or IXFR, class IN. The only part of dispatch that allocates. */
transfer_verdict_t transfer_answer(exchange_t *exchange);
