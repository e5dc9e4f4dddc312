/* What the counters of a worker say. */
#include "server/dispatch_state.h"

const char *dispatch_counter_name(dispatch_counter_t counter)
{
    static const char *const names[DISPATCH_COUNTERS] = {
        [COUNT_QUERIES_UDP] = "queries.udp",
        [COUNT_QUERIES_TCP] = "queries.tcp",
        [COUNT_DROPPED] = "queries.dropped",
        [COUNT_ANSWERS] = "answers",
        [COUNT_NOERROR] = "answers.noerror",
        [COUNT_FORMERR] = "answers.formerr",
        [COUNT_SERVFAIL] = "answers.servfail",
        [COUNT_NXDOMAIN] = "answers.nxdomain",
        [COUNT_NOTIMP] = "answers.notimp",
        [COUNT_REFUSED] = "answers.refused",
        [COUNT_NOTAUTH] = "answers.notauth",
        [COUNT_BADVERS] = "answers.badvers",
        [COUNT_OTHER_RCODE] = "answers.other",
        [COUNT_NODATA] = "answers.nodata",
        [COUNT_REFERRALS] = "answers.referral",
        [COUNT_TRUNCATED] = "answers.truncated",
        [COUNT_DNSSEC_OK] = "queries.dnssec_ok",
        [COUNT_EDNS] = "queries.edns",
        [COUNT_TRANSFERS] = "transfers",
        [COUNT_TRANSFERS_REFUSED] = "transfers.refused",
        [COUNT_CHAOS] = "queries.chaos",
        [COUNT_BYTES_IN] = "bytes.in",
        [COUNT_BYTES_OUT] = "bytes.out",
        [COUNT_RECURSION_REFUSED] = "queries.recursion-refused",
        [COUNT_RECURSION_CACHED] = "recursion.cached",
        [COUNT_RECURSION_ASKED] = "recursion.asked",
        [COUNT_RECURSION_ANSWERED] = "recursion.answered",
        [COUNT_RECURSION_DENIED] = "recursion.denied",
        [COUNT_RECURSION_LIMITED] = "recursion.limited",
        [COUNT_RECURSION_REFRESHED] = "recursion.refreshed",
    };
    REQUIRE(counter < DISPATCH_COUNTERS);
    return names[counter];
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Requests that were answered or handed over, of those with all bits of `with` and none of `without`. */
static uint64_t requests(const dispatch_t *dispatch, unsigned with, unsigned without)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < TALLY_REQUESTS; i++) {
        sum += (i & with) == with && (i & without) == 0 ? get(&dispatch->requests[i]) : 0;
    }
    return sum;
}

static uint64_t noerror(const dispatch_t *dispatch)
{
    return get(&dispatch->rcodes[RCODE_NOERROR]) + get(&dispatch->outcomes[AUTH_ANSWER]) + get(&dispatch->outcomes[AUTH_NODATA]) +
           get(&dispatch->outcomes[AUTH_REFERRAL]) + get(&dispatch->outcomes[AUTH_CHAIN_END]);
}

static uint64_t other_rcodes(const dispatch_t *dispatch)
{
    uint64_t sum = get(&dispatch->outcomes[AUTH_NAME_OVERFLOW]);
    for (unsigned rcode = RCODE_YXDOMAIN; rcode < TALLY_RCODES; rcode++) {
        sum += rcode != RCODE_NOTAUTH && rcode != RCODE_BADVERS ? get(&dispatch->rcodes[rcode]) : 0;
    }
    return sum;
}

uint64_t dispatch_count(const dispatch_t *dispatch, dispatch_counter_t counter)
{
    switch (counter) {
    case COUNT_QUERIES_UDP:
        return requests(dispatch, 0, TALLY_STREAM) + get(&dispatch->dropped[0]);
    case COUNT_QUERIES_TCP:
        return requests(dispatch, TALLY_STREAM, 0) + get(&dispatch->dropped[1]);
    case COUNT_DROPPED:
        return get(&dispatch->dropped[0]) + get(&dispatch->dropped[1]);
    case COUNT_ANSWERS:
        return requests(dispatch, 0, 0) - get(&dispatch->recursion.asked) + get(&dispatch->recursion.answered);
    case COUNT_NOERROR:
        return noerror(dispatch);
    case COUNT_FORMERR:
        return get(&dispatch->rcodes[RCODE_FORMERR]);
    case COUNT_SERVFAIL:
        return get(&dispatch->rcodes[RCODE_SERVFAIL]) + get(&dispatch->outcomes[AUTH_FAILURE]);
    case COUNT_NXDOMAIN:
        return get(&dispatch->rcodes[RCODE_NXDOMAIN]) + get(&dispatch->outcomes[AUTH_NAME_ERROR]);
    case COUNT_NOTIMP:
        return get(&dispatch->rcodes[RCODE_NOTIMP]);
    case COUNT_REFUSED:
        return get(&dispatch->rcodes[RCODE_REFUSED]) + get(&dispatch->outcomes[AUTH_REFUSED]);
    case COUNT_NOTAUTH:
        return get(&dispatch->rcodes[RCODE_NOTAUTH]);
    case COUNT_BADVERS:
        return get(&dispatch->rcodes[RCODE_BADVERS]);
    case COUNT_OTHER_RCODE:
        return other_rcodes(dispatch);
    case COUNT_NODATA:
        return get(&dispatch->outcomes[AUTH_NODATA]);
    case COUNT_REFERRALS:
        return get(&dispatch->outcomes[AUTH_REFERRAL]);
    case COUNT_TRUNCATED:
        return get(&dispatch->truncated);
    case COUNT_DNSSEC_OK:
        return requests(dispatch, TALLY_DNSSEC_OK, 0);
    case COUNT_EDNS:
        return requests(dispatch, TALLY_EDNS, 0);
    case COUNT_TRANSFERS:
        return get(&dispatch->transfers);
    case COUNT_TRANSFERS_REFUSED:
        return get(&dispatch->transfers_refused);
    case COUNT_CHAOS:
        return get(&dispatch->chaos);
    case COUNT_BYTES_IN:
        return get(&dispatch->bytes_in);
    case COUNT_BYTES_OUT:
        return get(&dispatch->bytes_out);
    case COUNT_RECURSION_REFUSED:
        return get(&dispatch->recursion.refused);
    case COUNT_RECURSION_CACHED:
        return get(&dispatch->recursion.cached);
    case COUNT_RECURSION_ASKED:
        return get(&dispatch->recursion.asked);
    case COUNT_RECURSION_ANSWERED:
        return get(&dispatch->recursion.answered);
    case COUNT_RECURSION_DENIED:
        return get(&dispatch->recursion.denied);
    case COUNT_RECURSION_LIMITED:
        return get(&dispatch->recursion.limited);
    case COUNT_RECURSION_REFRESHED:
        return get(&dispatch->recursion.refreshed);
    case DISPATCH_COUNTERS:
        break;
    }
    return 0;
}
