/* The iterative resolver (RFC 1034 5.3.3 and all that came since) as a pure state machine: (state, event) -> actions.
 *
 * It has no clock, no socket and no random source. Time comes in with every event, random numbers out of a stream handed to
 * resolver_new(), replies as events; what it wants done is drained with resolver_next_action(). So the server, a fuzzer and a
 * simulated internet drive the very same code, and the same events in give the same actions out.
 *
 *     resolver_ask() --\                                   /--> RESOLVER_SEND     put a message on the wire
 *     resolver_reply() -+--> [ requests, fetches, timers ] +--> RESOLVER_CLOSE    an exchange is over: its socket is free
 *     resolver_failed() |        drained after each event  |--> RESOLVER_ANSWER   a client has its answer
 *     resolver_tick() --/                                   \--> RESOLVER_DISCARD  a client waited too long: send nothing
 *
 * Invariants
 *  1. Every client that resolver_ask() took gets exactly one RESOLVER_ANSWER or RESOLVER_DISCARD, at the latest when its request's wall
 *     time is over.
 *  2. Every RESOLVER_SEND is followed by exactly one RESOLVER_CLOSE of the same exchange; between them a fetch is never silent for longer
 *     than its timer.
 *  3. Identical questions are one request, however many clients ask; identical look-ups are one fetch, whoever waits for them; and what
 *     different fetches would ask of the same zone in the same words is asked once at a time.
 *  4. A request sends at most upstream_queries_max messages, for whatever reason (budget.h).
 *  5. What waits for what has no cycle.
 *  6. A reply that does not fit (source, id, question, case, cookie) changes nothing but counters: the wait goes on (TuDoor).
 *
 * One thread at a time; one resolver per worker. Memory: bounded by the settings' tables.
 */
#pragma once

#include "base/status.h"
#include "resolver/answer.h"
#include "resolver/settings.h"
#include "resolver/store.h"
#include "resolver/trust.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct resolver resolver_t;

/* When an event happens, by both clocks. monotonic_ms never goes back; unix_s is the wall clock that TTLs follow. */
typedef struct resolver_time {
    uint64_t monotonic_ms;
    uint64_t unix_s;
} resolver_time_t;

/* Unpredictable numbers (ids, case, choice of servers): a cryptographic generator in a server, a seeded one in a test. */
typedef struct resolver_random {
    uint64_t (*next)(void *context);
    void *context;
} resolver_random_t;

/* ---- life ---- */

/* settings and store must outlive the resolver. The cookie secret and hash keys are drawn from random now. NULL without memory. */
resolver_t *resolver_new(const resolver_settings_t *settings, store_t *store, resolver_random_t random);
/* Clients that still wait get nothing. */
void resolver_free(resolver_t *resolver);

/* What validation trusts, from now on. trust must outlive the resolver or the next call; NULL: nothing is validated. What the store holds
 * as secure or bogus by an earlier trust is the caller's to flush. */
void resolver_set_trust(resolver_t *resolver, const resolver_trust_t *trust);

/* Zones that this very server serves: no network is needed for them, they go before what delegations say (not before stub and forward zones
 * that are deeper), and nothing of them is put into the store, as it may change at any time. They are asked by RESOLVER_SEND with
 * RESOLVER_LOCAL. What they say and cannot be proven counts as insecure, never as bogus: the operator's own word. */
typedef struct resolver_served {
    /* The deepest zone served at or above the name's suffix of `labels` labels; false: none. *zone: lower case. */
    bool (*find)(void *context, const name_key_t *name, unsigned labels, name_t *zone);
    /* Is there a copy of the root zone here, and is it in force (RFC 8806)? It is asked by RESOLVER_LOCAL_ROOT in place of the root's
     * servers, and believed no more than they are: what does not validate, and what it fails to answer, they are asked for. NULL: never. */
    bool (*has_root)(void *context);
    void *context;
} resolver_served_t;
void resolver_set_served(resolver_t *resolver, resolver_served_t served);

/* ---- events ---- */

enum {
    RESOLVER_FLAG_CACHED_ONLY = 1u << 0,       /* RD was clear: answer what is known, else REFUSED (RFC 8914 4.21) */
    RESOLVER_FLAG_PATIENT = 1u << 1,           /* never discarded for having waited (stream transports, internal clients) */
    RESOLVER_FLAG_CHECKING_DISABLED = 1u << 2, /* CD was set */
    RESOLVER_FLAG_REFRESH = 1u << 3,           /* ask even if the store knows: prefetch. The answer comes as to any client */
};

typedef struct resolver_question {
    uint64_t client;        /* the caller's handle; comes back with the answer */
    const name_key_t *name; /* copied */
    uint16_t type;
    uint16_t rrclass;
    unsigned flags; /* RESOLVER_FLAG_* */
} resolver_question_t;

/* A client asks. STATUS_LIMIT: too many wait already; nothing was taken, answer SERVFAIL. STATUS_NO_MEMORY likewise. */
status_t resolver_ask(resolver_t *resolver, const resolver_question_t *question, resolver_time_t now) MUST_USE;

typedef enum resolver_verdict {
    RESOLVER_ACCEPTED, /* the reply was the one waited for */
    RESOLVER_IGNORED,  /* it was not: keep listening */
    RESOLVER_UNKNOWN,  /* no such exchange (any more) */
} resolver_verdict_t;

/* Bytes arrived for an exchange; source is where they came from. The bytes are not kept. */
resolver_verdict_t resolver_reply(resolver_t *resolver, uint64_t exchange, const resolver_address_t *source, const uint8_t *bytes,
                                  size_t size, resolver_time_t now);

typedef enum resolver_failure {
    RESOLVER_FAILURE_REFUSED,     /* ICMP port unreachable, TCP reset, connection closed without an answer */
    RESOLVER_FAILURE_UNREACHABLE, /* no route to the address, or its whole family */
    RESOLVER_FAILURE_NO_SOCKET,   /* our own want of ports or descriptors */
} resolver_failure_t;

/* An exchange cannot go on. Unknown ones are ignored. */
void resolver_failed(resolver_t *resolver, uint64_t exchange, resolver_failure_t failure, resolver_time_t now);

/* When the next timer runs out, in monotonic milliseconds; UINT64_MAX: none. */
uint64_t resolver_deadline(const resolver_t *resolver);
/* Fires all timers up to now. */
void resolver_tick(resolver_t *resolver, resolver_time_t now);

/* ---- actions ---- */

typedef enum resolver_action_kind { RESOLVER_SEND, RESOLVER_CLOSE, RESOLVER_ANSWER, RESOLVER_DISCARD } resolver_action_kind_t;
/* LOCAL: the zones served by this very server; LOCAL_ROOT: its copy of the root zone. See resolver_set_served(); the address says nothing.
 */
typedef enum resolver_transport { RESOLVER_UDP, RESOLVER_TCP, RESOLVER_LOCAL, RESOLVER_LOCAL_ROOT } resolver_transport_t;

typedef struct resolver_action {
    resolver_action_kind_t kind;
    uint64_t exchange;               /* SEND, CLOSE: names the exchange in later events. Its lower half is below fetches_max, and no two
                                      * that are open share it: an array does for what belongs to an exchange */
    resolver_address_t address;      /* SEND */
    resolver_transport_t transport;  /* SEND. UDP: from a connected socket on a random port of its own (RFC 5452 9.2) */
    const uint8_t *message;          /* SEND */
    size_t size;                     /* SEND */
    uint64_t client;                 /* ANSWER, DISCARD */
    const resolver_answer_t *answer; /* ANSWER */
} resolver_action_t;

/* The oldest wish not yet drained; false when there is none. What it points to is valid until the next call of any function here. */
bool resolver_next_action(resolver_t *resolver, resolver_action_t *action);

/* ---- watching ---- */

typedef enum resolver_counter {
    RESOLVER_COUNT_QUESTIONS,      /* asked by clients */
    RESOLVER_COUNT_MERGED,         /* of them, joined to one that was running */
    RESOLVER_COUNT_LOCAL,          /* answered from local data and special names */
    RESOLVER_COUNT_FROM_STORE,     /* names answered from the store */
    RESOLVER_COUNT_SYNTHESISED,    /* names answered by what other answers have proven (RFC 8198) */
    RESOLVER_COUNT_STALE,          /* stale answers given */
    RESOLVER_COUNT_DISCARDED,      /* clients that waited too long */
    RESOLVER_COUNT_FAILURES,       /* SERVFAIL answers */
    RESOLVER_COUNT_FETCHES,        /* questions worked on upstream */
    RESOLVER_COUNT_FETCHES_MERGED, /* wanted by another one too */
    RESOLVER_COUNT_FOLLOWED,       /* questions that another fetch was asking just then */
    RESOLVER_COUNT_SENT_UDP,
    RESOLVER_COUNT_SENT_TCP,
    RESOLVER_COUNT_TIMEOUTS,
    RESOLVER_COUNT_REPLIES,    /* accepted */
    RESOLVER_COUNT_UNEXPECTED, /* for no exchange */
    RESOLVER_COUNT_WRONG_SOURCE,
    RESOLVER_COUNT_WRONG_ID,
    RESOLVER_COUNT_WRONG_QUESTION, /* QR, opcode, name, type, class or case */
    RESOLVER_COUNT_WRONG_COOKIE,
    RESOLVER_COUNT_MALFORMED,
    RESOLVER_COUNT_SUSPICIONS, /* turned to TCP after near misses */
    RESOLVER_COUNT_TRUNCATED,  /* turned to TCP after TC */
    RESOLVER_COUNT_REFERRALS,
    RESOLVER_COUNT_LAME,
    RESOLVER_COUNT_NO_EDNS,      /* asked again without EDNS */
    RESOLVER_COUNT_NAME_SHOWN,   /* minimisation given up at a zone cut */
    RESOLVER_COUNT_LOOPS,        /* look-ups not begun as they would wait for themselves */
    RESOLVER_COUNT_BUDGET_SPENT, /* requests or fetches that ran into a limit */
    RESOLVER_COUNT_QUOTA,        /* sends refused by a per-server or per-zone quota */
    RESOLVER_COUNT_PRIMINGS,
    RESOLVER_COUNT_ROOT_FALLBACKS, /* questions that the copy of the root zone could not answer well */
    RESOLVER_COUNT_RENEWALS,       /* delegations that were not used any longer, as they led to no good data */
    RESOLVER_COUNT_SECURE,         /* outcomes validated */
    RESOLVER_COUNT_INSECURE,       /* outcomes proven to be of unsigned zones */
    RESOLVER_COUNT_BOGUS,          /* outcomes given up as bogus */
    RESOLVER_COUNT_BOGUS_RETRIES,  /* other servers asked after bogus data */
    RESOLVER_COUNT_SIGNATURES,     /* public-key operations */
    RESOLVER_COUNTERS
} resolver_counter_t;

uint64_t resolver_count(const resolver_t *resolver, resolver_counter_t counter);
/* Stable names: "sent-udp". */
const char *resolver_counter_name(resolver_counter_t counter);
/* Questions that clients wait for, and questions being asked upstream, now. */
unsigned resolver_requests(const resolver_t *resolver);
unsigned resolver_fetches(const resolver_t *resolver);
/* Messages sent and not closed. */
unsigned resolver_exchanges(const resolver_t *resolver);
/* Checks the invariants that can be seen between events; for tests: REQUIREs. Cost: linear in what is running. */
void resolver_check(const resolver_t *resolver);
