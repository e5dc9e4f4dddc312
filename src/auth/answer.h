/* From a parsed query to an authoritative answer, written straight into the message that will be sent (RFC 1034 4.3.2 as updated by
 * RFC 2308, 4035, 4592, 5155, 6604, 6672, 8482, 9471).
 *
 * Invariants
 *  1. Pure: no clock, no socket, no allocation, no lock, no global. What it needs to remember while it works stands in an auth_t, which is
 *     allocated once and used for any number of answers, one at a time.
 *  2. An RRset is written whole or not at all. A missing RRset that the answer needs sets TC, and nothing follows it; optional ones are
 *     left out in silence (RFC 2181 9, RFC 4035 3.1.1).
 *  3. Every loop is bounded: AUTH_HOPS_MAX names of a CNAME/DNAME chain, AUTH_ADDITIONAL_MAX names in the additional section, and the
 *     records of the RRsets involved.
 */
#pragma once

#include "wire/edns.h"
#include "wire/message.h"
#include "zone/set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AUTH_HOPS_MAX = 16,       /* names of a CNAME or DNAME chain that are followed (TsuNAME) */
    AUTH_ADDITIONAL_MAX = 13, /* names whose addresses are looked up as optional data (CVE-2024-11187) */
    AUTH_PROOFS_MAX = 24,     /* NSEC or NSEC3 RRsets of one answer: one a hop, three for the last name */
};

/* What an answer says, for counters; its RCODE apart. */
typedef enum auth_outcome {
    AUTH_ANSWER,        /* the RRset asked for */
    AUTH_NODATA,        /* the name exists, the type does not */
    AUTH_NAME_ERROR,    /* NXDOMAIN */
    AUTH_REFERRAL,      /* below a zone cut */
    AUTH_CHAIN_END,     /* a CNAME chain leads out of our zones, into itself, or is too long: the client goes on */
    AUTH_NAME_OVERFLOW, /* YXDOMAIN: a DNAME makes the name too long */
    AUTH_REFUSED,       /* no zone of ours */
    AUTH_FAILURE,       /* SERVFAIL: the zone is not loaded, or an NSEC3 hash collides (RFC 5155 7.2.9) */
    AUTH_OUTCOMES
} auth_outcome_t;

typedef struct auth_request {
    const query_t *query;    /* opcode QUERY, class IN, a question */
    uint16_t type;           /* what is looked for: the question's type, or SOA in place of IXFR (RFC 1995 2); no transfer */
    const zone_set_t *zones; /* published for as long as the call lasts */
    uint8_t *out;            /* the message; its first `size` bytes are header (not touched here) and question, in the case as asked */
    size_t size;
    size_t limit;           /* records end at or before out + limit; the caller has taken off what the OPT record needs */
    bool minimal_responses; /* leave out optional authority and additional data */
    bool rotate_rrsets;     /* begin with another record in each answer, by the query's id */
} auth_request_t;

typedef struct auth_answer {
    size_t size;        /* of the message so far */
    uint16_t counts[3]; /* records in the answer, authority and additional sections */
    uint16_t flags;     /* FLAG_AA, FLAG_TC */
    uint8_t rcode;
    int8_t extended_error; /* an EDE_* code, EDE_NONE mostly */
    auth_outcome_t outcome;
    const zone_contents_t *zone; /* the zone nearest to the question's name, NULL: none or not loaded */
    const zone_slot_t *slot;     /* likewise; NULL: none */
} auth_answer_t;

/* The head of one thread's working memory: what the caller fills in, and what it finds afterwards. */
typedef struct auth {
    auth_request_t request;
    auth_answer_t answer;
} auth_t;

/* NULL without memory. */
auth_t *auth_new(void);
void auth_free(auth_t *auth);

/* Answers auth->request; every field of auth->answer is set. Any thread that may read the zones, with an auth_t of its own; cost: one zone
 * look-up for each name of the chain and one sequential read of each RRset sent; up to three NSEC3 hashes where a zone denies with NSEC3.
 */
void auth_answer(auth_t *auth);
