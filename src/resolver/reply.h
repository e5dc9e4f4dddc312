/* What a reply says about the question that was sent (RFC 1034 5.3.3, 2181 5.4.1, 2308 2, 6604, 6672).
 *
 * Invariant: nothing outside the bailiwick of the zone whose servers were asked is ever looked at: not for a decision, not for data.
 */
#pragma once

#include "wire/message.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum reply_kind {
    REPLY_ANSWER,     /* the RRset asked for */
    REPLY_CNAME,      /* an alias of the name */
    REPLY_DNAME,      /* an alias of a tree above the name */
    REPLY_NODATA,     /* the name exists, the type does not */
    REPLY_NAME_ERROR, /* the name does not exist */
    REPLY_REFERRAL,   /* a zone cut between the zone and the name */
    REPLY_LAME,       /* the server does not serve the zone: upward or sideways referral, answer out of a cache, empty */
    REPLY_REFUSED,    /* REFUSED or NOTAUTH */
    REPLY_SERVER_FAILURE,
    REPLY_FORMAT_ERROR, /* FORMERR, NOTIMP or BADVERS: the server does not take the message's shape */
    REPLY_BAD_COOKIE,
    REPLY_CONTRADICTORY, /* an RCODE that does not go with the records, or no known RCODE */
} reply_kind_t;

typedef struct reply_context {
    const uint8_t *zone; /* apex of the zone that the server was asked for */
    const uint8_t *name; /* as sent, any case; at or below zone */
    uint16_t type;       /* as sent */
    bool is_forwarder;   /* a resolver: AA is not expected */
} reply_context_t;

typedef struct reply {
    reply_kind_t kind;
    const uint8_t *owner; /* of the RRset (answer, CNAME, DNAME), the SOA (negative; NULL: none), or the zone cut (referral) */
    bool is_authoritative;
} reply_t;

/* Any thread; cost linear in the records. */
void reply_classify(const message_t *message, const reply_context_t *context, reply_t *reply);
/* A short phrase for people: "refused the question". Never NULL. */
const char *reply_kind_text(reply_kind_t kind);
