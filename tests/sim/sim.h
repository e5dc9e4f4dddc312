/* A virtual internet around the real resolver: virtual clock, virtual network, one seed. The same seed gives the same run, to the byte.
 *
 * Servers answer with the very code that serves zones (server/dispatch over auth/), from zones given as text; each stands at an address
 * with a latency, a loss and a set of behaviours. What the resolver remembers lies in the plain store of store_memory.h, or, with
 * SIM_STORE=cache in the environment, in the server's cache: all must hold with either. Failures of the set-up end the program: a test that
 * cannot begin must not pass.
 */
#pragma once

#include "change.h"
#include "resolver/hints.h"
#include "resolver/resolver.h"
#include "server/cache_store.h"
#include "server/dispatch.h"
#include "store_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_ZONES_MAX = 64, SIM_HOSTS_MAX = 96, SIM_HOST_ZONES_MAX = 16, SIM_PENDING_MAX = 4096, SIM_ANSWERS_MAX = 4096 };

/* What a server does besides answering well. */
enum {
    SIM_SILENT = 1u << 0,               /* drops everything */
    SIM_REFUSES = 1u << 1,              /* REFUSED */
    SIM_FAILS = 1u << 2,                /* SERVFAIL */
    SIM_LAME = 1u << 3,                 /* NOERROR, empty, no AA */
    SIM_UPWARD = 1u << 4,               /* a referral to the root */
    SIM_FORMERR_ON_EDNS = 1u << 5,      /* FORMERR, header only, when it sees an OPT; else answers plainly */
    SIM_DROPS_EDNS = 1u << 6,           /* drops queries with an OPT */
    SIM_TRUNCATES = 1u << 7,            /* TC on every UDP answer */
    SIM_NO_TCP = 1u << 8,               /* refuses connections */
    SIM_WRONG_ID = 1u << 9,             /* sends a forgery with another id before each answer */
    SIM_WRONG_QUESTION = 1u << 10,      /* likewise with another question */
    SIM_WRONG_SOURCE = 1u << 11,        /* likewise from another address */
    SIM_GARBAGE = 1u << 12,             /* likewise half of the answer, flags random */
    SIM_NOT_A_RESPONSE = 1u << 13,      /* likewise with QR clear */
    SIM_LOSES_CASE = 1u << 14,          /* lower-cases the question */
    SIM_DENIES_EMPTY = 1u << 15,        /* NXDOMAIN in place of NODATA (empty non-terminals) */
    SIM_OUT_OF_CACHE = 1u << 16,        /* AA clear, RA set */
    SIM_NO_SOA = 1u << 17,              /* no SOA in the authority section */
    SIM_SPEAKS_COOKIES = 1u << 18,      /* RFC 7873 */
    SIM_BAD_COOKIE_FIRST = 1u << 19,    /* BADCOOKIE until it sees its own cookie */
    SIM_POISONS = 1u << 20,             /* adds records of names that are none of its business */
    SIM_ONLY_GARBAGE = 1u << 21,        /* nothing but broken messages */
    SIM_WRONG_COOKIE = 1u << 22,        /* a forgery with another cookie before each answer */
    SIM_PARENT_NS = 1u << 23,           /* puts an NS RRset of "." into each authority section */
    SIM_NOTIMP_UNLESS_WHOLE = 1u << 24, /* NOTIMP for type A of names that do not hold an A */
    SIM_UNREACHABLE = 1u << 25,         /* no route */
    SIM_STRIPS_DNSSEC = 1u << 26,       /* no RRSIG, NSEC, NSEC3 */
};

struct sim;
struct sim_host;
/* A scripted server: writes its reply to the query into out (capacity 65,535); 0: none. */
typedef size_t (*sim_script_t)(struct sim_host *host, const query_t *query, uint8_t *out);

typedef struct sim_host {
    struct sim *sim;
    resolver_address_t address;
    unsigned latency_ms; /* of the whole round trip */
    unsigned loss_percent;
    unsigned behaviours;
    sim_script_t script; /* NULL: zones */
    const void *script_data;
    const sim_change_t *changes; /* what is done to its answers */
    size_t change_count;
    unsigned queries; /* that arrived */
    unsigned queries_tcp;
    unsigned queries_ds;
    unsigned queries_dnskey;
    zone_slot_t *slots[SIM_HOST_ZONES_MAX];
    size_t slot_count;
    zone_set_t *zones;
    dispatch_view_t view;
    _Atomic(const dispatch_view_t *) published;
    dispatch_t *dispatch;
} sim_host_t;

typedef struct sim_pending {
    uint64_t at_ms;
    uint64_t order;
    uint64_t exchange;
    bool is_failure;
    resolver_failure_t failure;
    resolver_address_t source;
    uint8_t *bytes;
    size_t size;
} sim_pending_t;

/* What a client was told. */
typedef struct sim_answer {
    bool is_there;
    bool is_discarded;
    bool is_stale;
    uint16_t rcode;
    int16_t extended_error;
    bool is_cached_failure;
    store_security_t security;
    uint32_t ttl_s;
    uint64_t took_ms;
    unsigned authority_count;
    char why[400];
    char *text;    /* "NOERROR\nwww.example. A 192.0.2.1\n": records sorted, without TTL; owned by the sim */
    char *with_do; /* the message to a client with DO, as served_print() has it; likewise */
    char *plain;   /* to one without */
} sim_answer_t;

typedef struct sim {
    uint64_t seed; /* state of the generator */
    uint64_t now_ms;
    uint64_t epoch_s;
    uint64_t trace; /* hash of all that was sent */
    uint64_t order;
    unsigned open;    /* exchanges not closed */
    unsigned sent_ad; /* messages with AD */
    unsigned sent_cd;
    unsigned sent_without_do;
    resolver_settings_t settings; /* may be changed before sim_start() */
    hints_t hints;
    store_t *store;
    bool uses_cache;        /* whatever SIM_STORE says; may be changed before sim_start() and sim_restart() */
    store_memory_t *memory; /* one of these holds what the store remembers */
    cache_t *cache;
    trust_anchors_t anchors;
    resolver_trust_t trust; /* used when it names anchors; may be changed before sim_start() */
    resolver_t *resolver;
    struct sim_host *own;  /* what this very server serves; NULL: nothing */
    struct sim_host *root; /* its copy of the root zone, which is in force while has_root says so; NULL: none */
    bool has_root;
    zone_slot_t zones[SIM_ZONES_MAX];
    size_t zone_count;
    sim_host_t hosts[SIM_HOSTS_MAX];
    size_t host_count;
    sim_pending_t pending[SIM_PENDING_MAX];
    size_t pending_count;
    uint64_t asked_ms[SIM_ANSWERS_MAX];
    uint16_t asked_type[SIM_ANSWERS_MAX];
    sim_answer_t answers[SIM_ANSWERS_MAX];
    size_t answer_count;
    _Atomic unsigned transfers_running;
    bool prints;          /* each message, to stderr */
    unsigned sockets_max; /* exchanges that may be open at once before one more gets no socket; 0: any */
    /* Sees each answer of a server before it leaves, and may change it (capacity 65,535); the new size, 0: it is lost. NULL: nobody. */
    size_t (*tamper)(void *context, uint8_t *message, size_t size);
    void *tamper_context;
} sim_t;

/* ---- the world ---- */

sim_t *sim_new(uint64_t seed);
void sim_free(sim_t *sim);
/* A zone from master-file text; text may be NULL later. */
void sim_zone(sim_t *sim, const char *apex, const char *text);
/* The same with contents made elsewhere, whose reference it takes. */
void sim_zone_contents(sim_t *sim, const char *apex, const zone_contents_t *contents);
/* A server at an address for zones already made, separated by blanks: sim_host(sim, "192.0.2.1", ". com. net."). */
sim_host_t *sim_host(sim_t *sim, const char *address, const char *zones);
sim_host_t *sim_scripted(sim_t *sim, const char *address, sim_script_t script, const void *data);
sim_host_t *sim_find_host(sim_t *sim, const char *address);
/* Puts other contents in place of a zone's. */
void sim_change_zone(sim_t *sim, const char *apex, const char *text);
void sim_change_contents(sim_t *sim, const char *apex, const zone_contents_t *contents);
/* Trust anchors from text: DS or DNSKEY records. */
void sim_trust(sim_t *sim, const char *text);
/* This very server serves these zones itself: the host that gets what is sent by RESOLVER_LOCAL. */
sim_host_t *sim_serve(sim_t *sim, const char *zones);
/* This very server has a copy of the root zone: the host that gets what is sent by RESOLVER_LOCAL_ROOT. */
sim_host_t *sim_copy_root(sim_t *sim, const char *zone);
/* A server of the root, for the hints. */
void sim_hint(sim_t *sim, const char *name, const char *address);
/* Makes the resolver; settings and hints are final then. */
void sim_start(sim_t *sim);

/* Forgets all that was asked, learned and sent, and begins again with this seed: the world stays, the clock goes back. */
void sim_restart(sim_t *sim, uint64_t seed);

/* ---- time ---- */

/* Lets a client ask; its index in sim->answers. flags: RESOLVER_FLAG_*. */
size_t sim_begin(sim_t *sim, const char *name, uint16_t type, unsigned flags);
/* Until nothing is left to do or limit_ms of virtual time have passed. Checks the resolver's invariants after each event. */
void sim_run(sim_t *sim, uint64_t limit_ms);
/* Lets time pass with nothing asked. */
void sim_sleep(sim_t *sim, uint64_t seconds);
/* Asks, and runs until the answer is there. */
const sim_answer_t *sim_ask(sim_t *sim, const char *name, uint16_t type);

uint32_t sim_random(sim_t *sim, uint32_t limit);
/* The same with RESOLVER_FLAG_*. */
const sim_answer_t *sim_ask_with(sim_t *sim, const char *name, uint16_t type, unsigned flags);
/* Sum of the queries that hosts saw. */
unsigned sim_queries(const sim_t *sim);

/* ---- truth ---- */

/* What the zones themselves say, in the form of sim_answer_t.text, however broken their servers are. False: they do not say (a delegation
 * to nowhere, an endless chain): SERVFAIL is the only right answer. */
bool sim_truth(sim_t *sim, const char *name, uint16_t type, buffer_t *text);
/* The same, and which zones had a say in it. */
enum { SIM_TRUTH_STEPS_MAX = 20 };
typedef struct sim_truth_step {
    const uint8_t *apex;
    bool is_covered; /* by NSEC3, and only covered: with opt-out that is never secure */
} sim_truth_step_t;
typedef struct sim_truth_path {
    unsigned count;
    sim_truth_step_t steps[SIM_TRUTH_STEPS_MAX];
} sim_truth_path_t;
bool sim_truth_path(sim_t *sim, const char *name, uint16_t type, buffer_t *text, sim_truth_path_t *path);

/* ---- scripts' help ---- */

name_t sim_name(const char *text);
/* Begins a reply to the query with these flags and RCODE in the low bits. */
void sim_reply_begin(message_writer_t *writer, const query_t *query, uint8_t *out, uint16_t flags);
/* Changes from here on what the host answers; the list must outlive it. */
void sim_change_answers(sim_t *sim, const char *address, const sim_change_t *changes, size_t count);
/* A record from text: sim_reply_add(&w, SECTION_ANSWER, "www.example.", TYPE_A, 60, "192.0.2.1"). */
void sim_reply_add(message_writer_t *writer, section_t section, const char *owner, uint16_t type, uint32_t ttl_s, const char *rdata);
