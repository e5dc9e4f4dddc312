/* EDNS(0): the OPT pseudo-record and its options (RFC 6891; EDE 8914, NSID 5001, keepalive 7828, padding 7830/8467, cookies 7873,
 * EXPIRE 7314, ZONEVERSION 9660).
 */
#pragma once

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    EDNS_NSID = 3,
    EDNS_CLIENT_SUBNET = 8,
    EDNS_EXPIRE = 9,
    EDNS_COOKIE = 10,
    EDNS_TCP_KEEPALIVE = 11,
    EDNS_PADDING = 12,
    EDNS_CHAIN = 13,
    EDNS_KEY_TAG = 14,
    EDNS_EDE = 15,
    EDNS_CLIENT_TAG = 16,
    EDNS_SERVER_TAG = 17,
    EDNS_REPORT_CHANNEL = 18,
    EDNS_ZONEVERSION = 19,
};

enum {
    EDE_NONE = -1,
    EDE_OTHER = 0,
    EDE_UNSUPPORTED_DNSKEY_ALGORITHM = 1,
    EDE_UNSUPPORTED_DS_DIGEST = 2,
    EDE_STALE_ANSWER = 3,
    EDE_FORGED_ANSWER = 4,
    EDE_DNSSEC_INDETERMINATE = 5,
    EDE_DNSSEC_BOGUS = 6,
    EDE_SIGNATURE_EXPIRED = 7,
    EDE_SIGNATURE_NOT_YET_VALID = 8,
    EDE_DNSKEY_MISSING = 9,
    EDE_RRSIGS_MISSING = 10,
    EDE_NO_ZONE_KEY_BIT = 11,
    EDE_NSEC_MISSING = 12,
    EDE_CACHED_ERROR = 13,
    EDE_NOT_READY = 14,
    EDE_BLOCKED = 15,
    EDE_CENSORED = 16,
    EDE_FILTERED = 17,
    EDE_PROHIBITED = 18,
    EDE_STALE_NXDOMAIN = 19,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NOT_SUPPORTED = 21,
    EDE_NO_REACHABLE_AUTHORITY = 22,
    EDE_NETWORK_ERROR = 23,
    EDE_INVALID_DATA = 24,
    EDE_SIGNATURE_EXPIRED_BEFORE_VALID = 25,
    EDE_TOO_EARLY = 26,
    EDE_UNSUPPORTED_NSEC3_ITERATIONS = 27,
    EDE_UNABLE_TO_CONFORM = 28,
    EDE_SYNTHESIZED = 29,
    EDE_INVALID_QUERY_TYPE = 30,
};

/* What a received OPT said. Options seen twice: the first counts, except where their RFC says otherwise. */
typedef struct edns {
    bool present;
    uint8_t version;
    bool dnssec_ok;
    bool nsid_wanted;      /* NSID asked for */
    bool keepalive_wanted; /* edns-tcp-keepalive present (empty in a query) */
    bool padding_wanted;   /* the client padded, so may the answer be */
    bool expire_wanted;    /* EXPIRE asked for */
    bool zoneversion_wanted;
    bool malformed;        /* an option's framing overruns the OPT: FORMERR */
    bool cookie_malformed; /* COOKIE of a length not allowed (RFC 7873 5.2.2): FORMERR */
    uint8_t cookie_length; /* 0: none; 8: client only; 16..40 with server part */
    uint8_t cookie[40];
    uint16_t udp_size;      /* as sent; below 512 counts as 512 */
    uint8_t extended_rcode; /* upper eight bits, in answers */
    uint16_t flags;         /* all flags, DO included */
    const uint8_t *options; /* raw options inside the message, or NULL */
    uint16_t options_size;
} edns_t;

enum {
    EDNS_FLAG_DO = 0x8000,
    EDNS_OPTIONS_MAX = 64, /* options looked at in one OPT; those behind are skipped */
};

/* Sets all that an OPT's class and TTL fields say (RFC 6891 6.1.2, 6.1.3), `present` included. The options are left alone. */
static inline void edns_set_fixed(edns_t *edns, uint16_t rrclass, uint32_t ttl)
{
    edns->present = true;
    edns->udp_size = rrclass < 512 ? 512 : rrclass;
    edns->extended_rcode = (uint8_t)(ttl >> 24);
    edns->version = (uint8_t)(ttl >> 16);
    edns->flags = (uint16_t)ttl;
    edns->dnssec_ok = (ttl & EDNS_FLAG_DO) != 0;
}

/* Reads the OPT's options from rdata of size bytes into *edns, whose option fields must all be zero. At most EDNS_OPTIONS_MAX options
 * are looked at, the rest skipped. Of options seen twice the first counts. */
void edns_read_options(edns_t *edns, const uint8_t *rdata, uint16_t size);
