/* What the resolver gives a client: RRsets and what they are worth. The server makes a message of it (and may cache that).
 *
 * Immutable; valid as long as resolver.h says.
 */
#pragma once

#include "resolver/store.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct resolver_answer {
    uint16_t rcode;
    int16_t extended_error;    /* EDE_*, EDE_NONE mostly (RFC 8914) */
    const char *extended_text; /* for people; NULL: none */
    bool is_cached_failure;    /* it failed some time ago, for that reason, and is not tried again yet (RFC 9520): EDE 13 beside it */
    store_security_t security; /* the least of all parts; AD may be set when it is STORE_SECURE */
    bool is_stale;             /* RFC 8767 */
    bool is_local;             /* out of local data or a special name */
    bool is_served;            /* a part is out of a zone that this server serves: it may change at any time, and is not to be kept */
    uint32_t ttl_s;            /* the least of all parts: how long the whole may be kept; 0: not at all */
    uint16_t answer_count;
    uint16_t authority_count;
    const rrset_t *answer;    /* in order: a DNAME, the CNAME made of it, the next ... the RRset asked for */
    const rrset_t *authority; /* SOA and proofs; with minimal_answers off, the zone's NS */
    uint16_t additional_count;
    const rrset_t *additional; /* with minimal_answers off: addresses of servers and hosts that are named before */
} resolver_answer_t;

/* Appends the answer's sections to a message whose question is written. with_dnssec: the client set DO; otherwise RRSIG, NSEC and NSEC3
 * are left out unless they are what was asked (RFC 4035 3.2.1). STATUS_NO_SPACE: an RRset did not fit; set TC, those before it are whole.
 * Additional RRsets that do not fit are left out (RFC 2181 9).
 */
status_t resolver_answer_write(const resolver_answer_t *answer, uint16_t type, bool with_dnssec, message_writer_t *writer) MUST_USE;
