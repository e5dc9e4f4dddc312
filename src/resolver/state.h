/* What the resolver's files share, and nobody else sees. Begin with the two state machines at the heads of request.c and fetch.c. */
#pragma once

#include "resolver/budget.h"
#include "resolver/infra.h"
#include "resolver/minimise.h"
#include "resolver/query.h"
#include "resolver/reply.h"
#include "resolver/resolver.h"
#include "resolver/special.h"
#include "resolver/zone_trust.h"

#include "base/arena.h"
#include "base/require.h"
#include "dnssec/denial.h"

typedef struct fetch fetch_t;
typedef struct request request_t;

enum {
    OUTCOME_ARENA_MAX = 1 << 20, /* one RRset of 64 KiB with proofs, several times over */
    REPLY_ARENA_MAX = 1 << 22,   /* one message of 64 KiB, parsed */
    TEXT_MAX = 400,              /* of an extended error */
    ZONE_QUOTA_SLOTS = 4096,
    LOOP_SEARCH_MAX = 256, /* fetches looked at for a loop; more counts as one */
    RENEWAL_SLOTS = 4096,
};

/* ---- results ---- */

/* What became of one question: an entry and the memory it lies in. Shared by all who waited; immutable once a fetch is over. */
typedef struct outcome {
    unsigned references;
    bool overflow;         /* a DNAME made the name too long: YXDOMAIN, rrsets[0] is the DNAME */
    bool is_served;        /* out of a zone that this server serves */
    bool by_budget;        /* a failure that says nothing about the name: some request's budget, or our own limits */
    bool is_shortage;      /* by_budget, and of this moment: a table is full, there is no memory, no socket */
    bool is_known_failure; /* out of the store: nobody was asked now */
    char text[TEXT_MAX];   /* of a failure: for people */
    store_entry_t entry;
    arena_t arena;
} outcome_t;

/* NULL without memory. */
outcome_t *outcome_new(void);
outcome_t *outcome_ref(outcome_t *outcome);
void outcome_unref(outcome_t *outcome);

/* ---- timers: a binary heap ---- */

typedef struct resolver_timer {
    uint64_t deadline_ms;
    size_t place;   /* in the heap, from 1; 0: not set */
    fetch_t *fetch; /* whose it is */
    request_t *request;
} resolver_timer_t;

typedef struct timer_heap {
    resolver_timer_t **timers; /* [1..count] */
    size_t count;
    size_t capacity; /* timers there can be: one for each request and fetch */
} timer_heap_t;

/* ---- tables of questions ---- */

typedef struct question_node {
    struct question_node *next;
    uint64_t hash;
    const name_key_t *name;
    uint16_t type;
    uint16_t flags;
} question_node_t;

typedef struct question_table {
    question_node_t **slots;
    size_t mask;
    size_t count;
} question_table_t;

/* ---- who waits for whom ---- */

/* Somebody waits for a fetch, or has its outcome: fetch set, then outcome set, never both. */
typedef struct edge {
    fetch_t *fetch; /* waited for */
    outcome_t *outcome;
    struct edge *next; /* in fetch->waiters */
    fetch_t *by_fetch; /* who waits: one of the two */
    request_t *by_request;
    uint16_t type;  /* a look-up of addresses: A or AAAA */
    uint8_t server; /* likewise: whose */
} edge_t;

/* ---- actions ---- */

/* One wish. Made together with what will need it (a client, an exchange), so that its time never fails for want of memory. */
typedef struct action_node {
    struct action_node *next;
    resolver_action_t action;
    struct answer_memory *answer;
    uint8_t message[]; /* of a RESOLVER_SEND */
} action_node_t;

/* ---- requests ---- */

typedef struct client {
    struct client *next;
    action_node_t *action; /* its answer */
    uint64_t handle;
    uint64_t arrived_ms;
    unsigned flags;
} client_t;

typedef enum request_state { REQUEST_LOOK_UP, REQUEST_WAIT, REQUEST_DONE } request_state_t;

struct request {
    question_node_t node;
    request_state_t state;
    request_t *next_ready;
    bool is_ready;
    bool cached_only;
    bool is_local;      /* all parts so far */
    name_key_t name;    /* as asked */
    name_key_t current; /* of this hop */
    uint16_t type;
    uint16_t flags;
    unsigned client_count;
    client_t *clients;
    client_t **last_client;
    budget_t *budget;
    edge_t edge;
    resolver_timer_t timer;
    bool stale_tried;
    uint64_t aaaa_until_ms;  /* DNS64: AAAA that are looked up count as not there from then on; 0: nothing of the kind */
    outcome_t *without_aaaa; /* DNS64: the name has no AAAA, as this says, and its A are being looked up; NULL: nothing of the kind */
    unsigned hop_count;
    outcome_t *hops[RESOLVER_CNAME_HOPS_MAX + 2];
};

/* ---- fetches ---- */

typedef enum fetch_state {
    FETCH_BEGIN,
    FETCH_SELECT,
    FETCH_WAIT_REPLY,
    FETCH_WAIT_ADDRESSES,
    FETCH_FOLLOW,
    FETCH_VALIDATE,
    FETCH_DONE,
} fetch_state_t;

/* A name of a zone cut's NS RRset. */
typedef struct cut_server {
    name_t name;
    uint8_t families;  /* that addresses are known of: bit 0 IPv4, bit 1 IPv6 */
    uint8_t looked_up; /* families begun, likewise */
} cut_server_t;

/* An address that may be asked. */
typedef struct candidate {
    resolver_address_t address;
    uint8_t tries;
    bool is_dead;      /* not asked again at this cut */
    bool without_edns; /* for this fetch */
    bool without_case; /* likewise 0x20 */
    bool tcp_failed;
} candidate_t;

/* SERVED: a zone of this very server. It is asked without the network, by RESOLVER_LOCAL; what it says may change at any time, so nothing
 * of it is put into the store, and nothing is held against its one candidate, whose address is all zeros. LOCAL_ROOT: the copy of the root
 * zone (RFC 8806), by RESOLVER_LOCAL_ROOT: what it says is treated as if it came from one of the root's servers. */
typedef enum cut_kind { CUT_DELEGATION, CUT_HINTS, CUT_STUB, CUT_FORWARD, CUT_SERVED, CUT_LOCAL_ROOT } cut_kind_t;

/* The zone whose servers are asked. */
typedef struct cut {
    cut_kind_t kind;
    bool fallback_used; /* forwarders failed; now from the delegations */
    bool root_failed;   /* our copy of the root zone did not help; now its servers */
    bool in_quota;      /* counted in the resolver's quota of this zone */
    bool is_from_store; /* a delegation that is as old as it may be */
    uint8_t rounds;     /* of tries, after each of which a newer delegation was looked for in vain */
    name_key_t zone;
    uint64_t until_s; /* no delegation that its servers give outlives the one that led to them (ghost and phoenix domains) */
    unsigned sends;
    unsigned lookups;
    unsigned server_count;
    unsigned candidate_count;
    cut_server_t servers[RESOLVER_NS_NAMES_MAX];
    candidate_t candidates[RESOLVER_CANDIDATES_MAX];
} cut_t;

/* The message that is out. */
typedef struct exchange {
    bool is_open;
    bool has_edns;
    bool is_randomised; /* the name was sent in random case */
    bool keeps_case;    /* and the reply's question must be exactly that */
    bool has_cookie;
    bool cookie_retried;
    bool is_whole; /* the whole name and type were asked, nothing minimised */
    uint16_t id;
    uint16_t type;
    resolver_transport_t transport;
    unsigned candidate;
    unsigned near_misses;
    unsigned labels; /* of the name asked */
    uint64_t sent_ms;
    uint64_t handle;
    action_node_t *closing; /* while open: the RESOLVER_CLOSE to come */
    name_t name;            /* as sent */
    uint8_t cookie[QUERY_COOKIE_SIZE];
} exchange_t;

/* Whose fault something is, which decides how long a failure is remembered: the last word of servers; not longer than need be, as the next
 * question may find a network again; not at all, as it says nothing of the name. */
typedef enum fault { FAULT_SERVERS, FAULT_NETWORK, FAULT_BUDGET, FAULT_SHORTAGE } fault_t;

/* The last thing that went wrong, for the extended error. */
typedef struct trouble {
    const char *what; /* static storage; NULL: nothing yet */
    int16_t extended_error;
    bool has_address;
    fault_t fault;
    resolver_address_t address;
} trouble_t;

/* What was found out about a zone's servers before its parent was asked for them again; see renew.c. */
typedef struct renewal {
    uint8_t labels; /* of the zone */
    uint8_t rounds;
    bool minimises;
    unsigned silences; /* minimised_silences */
    unsigned sends;
    trouble_t trouble;
    unsigned candidate_count;
    candidate_t candidates[];
} renewal_t;

/* Something that was renewed lately, by keyed hash: one that comes to the same place pushes it out. */
typedef struct renewal_slot {
    uint32_t tag;
    uint32_t until_s; /* monotonic */
} renewal_slot_t;

/* Of a checked fetch; see validate.c. */
typedef struct validation {
    outcome_t *outcome;  /* being validated: in FETCH_VALIDATE */
    outcome_t *rejected; /* the last one found bogus, with the reason */
    edge_t edge;         /* the look-up of a DS or DNSKEY RRset */
    unsigned lookups;    /* begun */
    uint8_t wanted;      /* labels of the name looked up */
    uint8_t walked;      /* labels of the deepest name that is known to be no zone cut, for this outcome */
    uint8_t retries;     /* servers asked after one sent bogus data */
    unsigned sends;      /* of the cut, when it did */
    bool is_from_store;  /* the outcome is */
    bool is_renewing;    /* what is looked up is known, and perhaps old */
    bool is_keys_renewed;
    bool is_ds_renewed;
} validation_t;

struct fetch {
    question_node_t node;
    fetch_state_t state;
    fetch_t *next_ready;
    bool is_ready;
    bool is_pinned;  /* wanted by the resolver itself: priming */
    bool is_checked; /* its outcome is validated */
    bool is_renewal; /* the store is not asked for it */
    bool is_first;   /* nothing was spent of its budget when it began: what it cannot afford, the same question never can */
    uint32_t slot;
    uint64_t visited; /* mark of the last search for loops */
    name_key_t name;
    uint16_t type;
    unsigned depth;
    budget_t *budget;
    edge_t *waiters;
    cut_t cut;
    minimise_t minimise;
    unsigned minimised_silences; /* at this cut */
    exchange_t exchange;
    question_node_t asked; /* in the resolver's table while the exchange is open */
    name_key_t asked_name;
    fetch_t *followers; /* who would ask the same now */
    fetch_t *next_follower;
    fetch_t *leader; /* in FETCH_FOLLOW */
    trouble_t trouble;
    renewal_t *renewal; /* NULL: no delegation was asked for again */
    resolver_timer_t timer;
    edge_t lookups[RESOLVER_NS_LOOKUPS_MAX]; /* of this cut; [0..cut.lookups) */
    validation_t validation;
    outcome_t *outcome; /* being made; set once DONE */
};

/* ---- the resolver ---- */

/* An answer with the outcomes that its RRsets lie in; shared by the clients of one request. */
typedef struct answer_memory {
    unsigned references;
    resolver_answer_t answer;
    arena_t arena;
    unsigned outcome_count;
    outcome_t *outcomes[RESOLVER_CNAME_HOPS_MAX + 2];
} answer_memory_t;

struct resolver {
    const resolver_settings_t *settings;
    store_t *store;
    resolver_random_t random;
    const resolver_trust_t *trust; /* NULL: nothing is validated */
    zone_trust_table_t *zone_trust;
    dnssec_policy_t dnssec_policy;
    nsec3_cache_t nsec3_cache;
    buffer_t signed_data;     /* scratch of one signature */
    resolver_served_t served; /* find NULL: nothing is served here */
    resolver_time_t now;      /* of the event being handled */
    siphash_key_t hash_key;
    siphash_key_t cookie_secret;
    infra_t *infra;
    special_t *special;
    struct hints *hints; /* the built-in ones, or NULL: settings->hints */
    question_table_t requests;
    question_table_t fetches;
    question_table_t asked; /* what is out */
    fetch_t **fetch_slots;  /* [settings->fetches_max] */
    uint32_t *free_slots;
    uint32_t free_slot_count;
    uint32_t generation; /* of exchanges: makes each handle new */
    uint64_t visit;      /* of the last search for loops */
    uint64_t priming_after_ms;
    uint64_t family_down_until_ms[2]; /* IPv4, IPv6: no route */
    unsigned client_count;
    timer_heap_t timers;
    fetch_t *ready_fetches;
    fetch_t **last_ready_fetch;
    request_t *ready_requests;
    request_t **last_ready_request;
    action_node_t *actions;
    action_node_t **last_action;
    action_node_t *drained; /* the one last handed out */
    outcome_t exhausted;    /* what a fetch comes to without memory */
    arena_t scratch;        /* of one step */
    arena_t reply_arena;    /* of one reply */
    uint16_t zone_quota[ZONE_QUOTA_SLOTS];
    renewal_slot_t renewals[RENEWAL_SLOTS];
    uint64_t counters[RESOLVER_COUNTERS];
};

/* Asked without the network? */
static inline bool cut_is_local(const cut_t *cut)
{
    return cut->kind == CUT_SERVED || cut->kind == CUT_LOCAL_ROOT;
}

static inline uint64_t resolver_random(resolver_t *resolver)
{
    return resolver->random.next(resolver->random.context);
}

/* 0 .. limit - 1 */
static inline unsigned resolver_random_below(resolver_t *resolver, unsigned limit)
{
    return (unsigned)(resolver_random(resolver) % limit);
}

/* timer.c */
bool timer_heap_init(timer_heap_t *heap, size_t capacity);
void timer_set(timer_heap_t *heap, resolver_timer_t *timer, uint64_t deadline_ms);
void timer_stop(timer_heap_t *heap, resolver_timer_t *timer);

/* table.c */
bool question_table_init(question_table_t *table, size_t expected);
void question_table_clear(question_table_t *table);
question_node_t *question_table_find(const question_table_t *table, const siphash_key_t *key, const question_node_t *wanted);
void question_table_add(question_table_t *table, const siphash_key_t *key, question_node_t *node);
void question_table_remove(question_table_t *table, question_node_t *node);

/* resolver.c */
action_node_t *action_node_new(resolver_action_kind_t kind, size_t message_size); /* NULL without memory */
void resolver_add_action(resolver_t *resolver, action_node_t *node);
void resolver_ready_fetch(resolver_t *resolver, fetch_t *fetch);
void resolver_ready_request(resolver_t *resolver, request_t *request);
bool resolver_find(resolver_t *resolver, const name_key_t *name, uint16_t type, store_want_t want, arena_t *arena, store_entry_t *entry);
/* Local data and special names; built-in zones give way to zones that this server serves and that are as deep. */
bool resolver_find_special(resolver_t *resolver, const name_key_t *name, uint16_t type, arena_t *arena, store_entry_t *entry);
/* The zone of this very server that a question of this type belongs to; false: none. */
bool resolver_find_served(const resolver_t *resolver, const name_key_t *name, uint16_t type, name_t *zone);

/* request.c, chain.c */
status_t request_begin(resolver_t *resolver, const resolver_question_t *question);
void request_step(resolver_t *resolver, request_t *request);
void request_timer(resolver_t *resolver, request_t *request);
void request_free(resolver_t *resolver, request_t *request);
answer_memory_t *chain_answer(const request_t *request, outcome_t *const *hops, unsigned count);
/* What is not needed but of use: the zone's NS, addresses of hosts that are named; as far as the store has them. */
void chain_add_optional(resolver_t *resolver, const request_t *request, answer_memory_t *memory);
answer_memory_t *chain_failure(uint16_t rcode, int16_t extended_error, const char *text);
answer_memory_t *chain_stale(resolver_t *resolver, const request_t *request);
/* Is this answer, as it is about to be given, one to fail, so as to say which root keys are trusted (RFC 8509 2)? One that need not is made
 * one that is not kept: the next may have to. */
bool chain_fails_by_sentinel(const resolver_t *resolver, const request_t *request, resolver_answer_t *answer);
void answer_memory_unref(answer_memory_t *answer);
/* The name that a CNAME entry leads to; NULL if it is none. */
const uint8_t *chain_target(const store_entry_t *entry);

/* request_dns64.c: RFC 6147 */
/* An outcome for a request's chain: as it is, with AAAA left out or made; or NULL: kept, and now A is to be looked up. Takes the reference.
 */
outcome_t *request_dns64(resolver_t *resolver, request_t *request, outcome_t *outcome);
/* Are AAAA made for this request, where there are none? */
bool request_is_dns64(const resolver_t *resolver, const request_t *request);
/* The same out of what is known of AAAA and of A, each perhaps NULL; takes both references. NULL: that is not enough. */
outcome_t *request_dns64_stale(resolver_t *resolver, outcome_t *aaaa, outcome_t *a);
/* A reverse name of an address that DNS64 makes is an alias of the IPv4 address's; false: the current name is none. */
bool request_reverse_dns64(const resolver_t *resolver, const request_t *request, outcome_t *outcome);

/* fetch.c */
typedef struct fetch_wish {
    const name_key_t *name;
    uint16_t type;
    unsigned depth;
    budget_t *budget;
    edge_t *edge;    /* by_fetch or by_request set; NULL: pinned */
    bool is_checked; /* the outcome is to be validated */
    bool is_renewal; /* the servers are asked whatever the store knows */
} fetch_wish_t;
/* STATUS_OK: edge->fetch is set. STATUS_LIMIT: budget or depth; STATUS_NO_SPACE: the table is full, or fills; STATUS_EXISTS: it would wait
 * for itself; STATUS_NO_MEMORY. */
status_t fetch_want(resolver_t *resolver, const fetch_wish_t *wish) MUST_USE;
void fetch_step(resolver_t *resolver, fetch_t *fetch);
/* Nobody waits on this edge any more. */
void edge_detach(resolver_t *resolver, edge_t *edge);
void fetch_finish(resolver_t *resolver, fetch_t *fetch, outcome_t *outcome);
/* Makes the budget of somebody who waits the fetch's, if there is one that `allows`; the present one comes first. */
bool fetch_find_budget(resolver_t *resolver, fetch_t *fetch, bool (*allows)(const budget_t *budget, uint64_t now_ms));
void fetch_fail(resolver_t *resolver, fetch_t *fetch);
void fetch_fail_by_budget(resolver_t *resolver, fetch_t *fetch);
void fetch_free(resolver_t *resolver, fetch_t *fetch);
void fetch_prime(resolver_t *resolver);
/* Keeps a failure (RFC 9520): at least failure_ttl_min_s, longer with each one that follows. Sets entry->ttl_s. */
void fetch_keep_failure(resolver_t *resolver, const name_key_t *name, store_entry_t *entry);
/* By FAULT_SERVERS; another fault is set behind it. */
void fetch_set_trouble(fetch_t *fetch, const char *what, int16_t extended_error, const resolver_address_t *address);
/* The last trouble in words. */
void fetch_write_trouble(const fetch_t *fetch, char text[static TEXT_MAX]);

/* cut.c: the zone whose servers are asked, and their addresses */
void cut_find(resolver_t *resolver, fetch_t *fetch);
void cut_enter(resolver_t *resolver, fetch_t *fetch, const delegation_t *delegation, cut_kind_t kind);
void cut_leave(resolver_t *resolver, fetch_t *fetch);
void cut_add_address(resolver_t *resolver, fetch_t *fetch, unsigned server, const resolver_address_t *address);
/* The addresses that a finished look-up brought; releases the edge's outcome. */
void cut_take_lookup(resolver_t *resolver, fetch_t *fetch, edge_t *edge);
/* Begins the look-up of a name server's addresses; false: none is left that may be looked up. */
bool cut_look_up(resolver_t *resolver, fetch_t *fetch);

/* aggressive.c: answers out of what is proven already (RFC 8198). False: nothing is proven; entry is undefined then. */
typedef struct aggressive_question {
    const name_key_t *name;
    uint16_t type;
    budget_t *budget; /* NSEC3 hashes are taken from it */
} aggressive_question_t;
bool aggressive_find(resolver_t *resolver, const aggressive_question_t *question, arena_t *arena, store_entry_t *entry);

/* With refresh_addresses: begins look-ups of addresses that the zone's servers have and that are not known, for nobody. */
void cut_look_ahead(resolver_t *resolver, const fetch_t *fetch);

/* renew.c: delegations, and keys, that are not what they were */
/* Is a delegation in use that may be asked for again? Then its servers are tried in rounds, with renew_delegation() after each. */
bool renew_is_open(const fetch_t *fetch);
/* Leaves a delegation that led to no good data for what the store has by now, or for the parent's word. False: nothing of the kind can be
 * done now. True: the fetch goes on. */
bool renew_delegation(resolver_t *resolver, fetch_t *fetch);
/* A zone was entered: what is known of its servers stands. False: it is the same zone as before, and so the fetch has ended. */
bool renew_enter(resolver_t *resolver, fetch_t *fetch);
/* The fetch has its answer: was it the parent that gave it, and so there is no such delegation any more? */
void renew_forget(resolver_t *resolver, const fetch_t *fetch);
/* May this zone's delegation (type 0), or DS or DNSKEY RRset, be asked for again before its time? If so, not again for a minute. */
bool renewal_take(resolver_t *resolver, const uint8_t *zone, uint16_t type);

/* selection.c: the next address to ask, or -1 */
int selection_next(resolver_t *resolver, fetch_t *fetch);
/* Is there an address besides this candidate that was tried less often, and that nothing speaks against? */
bool selection_has_other(resolver_t *resolver, const fetch_t *fetch, unsigned candidate);

/* follow.c: one message for all who would ask the same */
/* Is somebody asking what this fetch would ask with so many labels? Then it follows. */
bool follow_same_question(resolver_t *resolver, fetch_t *fetch, unsigned labels);
void follow_leave(fetch_t *fetch);
void follow_open(resolver_t *resolver, fetch_t *fetch);
void follow_close(resolver_t *resolver, fetch_t *fetch);
void follow_share_step(fetch_t *fetch);
void follow_share_whole(fetch_t *fetch);
void follow_share_referral(resolver_t *resolver, fetch_t *fetch, const delegation_t *delegation);

/* exchange.c: messages out */
/* Labels of the name that the next question shows. */
unsigned exchange_labels(resolver_t *resolver, fetch_t *fetch);
void exchange_send(resolver_t *resolver, fetch_t *fetch, unsigned candidate, resolver_transport_t transport);
void exchange_close(resolver_t *resolver, fetch_t *fetch);
void exchange_failed(resolver_t *resolver, fetch_t *fetch, resolver_failure_t failure);
void exchange_timed_out(resolver_t *resolver, fetch_t *fetch);
fetch_t *exchange_find(const resolver_t *resolver, uint64_t handle);

/* receive.c: messages in */
resolver_verdict_t receive_reply(resolver_t *resolver, fetch_t *fetch, const resolver_address_t *source, const uint8_t *bytes, size_t size);

/* result.c: from a good reply to an outcome */
void result_take(resolver_t *resolver, fetch_t *fetch, const message_t *message, const reply_t *reply);
/* Puts an outcome, and the DNAME that it was made by, into the store. */
void result_keep(resolver_t *resolver, const fetch_t *fetch, const outcome_t *outcome);
/* The same as result_take() from the store: the DNAME or name error of an ancestor. */
void result_take_known(resolver_t *resolver, fetch_t *fetch, const store_entry_t *entry);

/* validate.c: between an outcome and those who wait for it */
/* Is anything trusted, so that there is something to validate by? */
bool validate_is_on(const resolver_t *resolver);
/* The outcome of a fetch, to be validated if it is a checked one; takes the reference. */
void validate_take(resolver_t *resolver, fetch_t *fetch, outcome_t *outcome);
/* The same from the store, for a checked fetch; false: nothing is known. */
bool validate_take_known(resolver_t *resolver, fetch_t *fetch);
void validate_step(resolver_t *resolver, fetch_t *fetch);
/* Were so many messages sent since the outcome was rejected that it must do? */
bool validate_has_tried_enough(const resolver_t *resolver, const fetch_t *fetch);
/* No server is left that might have better than what was rejected. */
void validate_give_up(resolver_t *resolver, fetch_t *fetch);
void validate_leave(resolver_t *resolver, fetch_t *fetch);
/* An RRset as dnssec/ takes it. False: no memory is left in arena. */
typedef struct validate_records {
    dnssec_rrset_t rrset;
    dnssec_records_t signatures;
} validate_records_t;
bool validate_records(arena_t *arena, const rrset_t *rrset, validate_records_t *records);
/* May an entry of the store be given as it is, to one who asked with CD clear (is_checked) or set? */
bool validate_is_good(const resolver_t *resolver, bool is_checked, const store_entry_t *entry);
/* What the store has of a failure, or as bogus, for this name becomes a failure with words to it. All else stays as it is. */
void validate_make_failure(resolver_t *resolver, const name_key_t *name, outcome_t *outcome);
