/* What the recursor's files share: recursor.c (life, loop), recursor_question.c (who waits for what), recursor_network.c (messages to
 * servers and to our own zones), recursor_group.c (the other workers). Not for others. */
#pragma once

#include "auth/answer.h"
#include "base/random.h"
#include "base/require.h"
#include "base/siphash.h"
#include "net/event.h"
#include "server/recursor.h"

#include <pthread.h>

enum {
    REQUEST_SIZE_MAX = 4096,   /* longer ones are not kept: nobody needs them to ask a question */
    REFRESHES_MAX = 256,       /* questions of one worker that nobody waits for */
    MAIL_QUESTIONS_MAX = 4096, /* in one mailbox */
    PREFIX_SLOTS = 1 << 16,    /* a count each; clients share one by chance only, as the hash is keyed */
    QUESTION_SLOTS = 1 << 13,
};

/* What tells questions of one name and type apart. */
enum {
    QUESTION_DNSSEC_OK = 1u << 0,
    QUESTION_CHECKING_DISABLED = 1u << 1,
    QUESTION_CACHED_ONLY = 1u << 2, /* RD was clear */
    QUESTION_REFRESH = 1u << 3,
    QUESTION_INQUIRY = 1u << 4, /* the server's own; joins with no other */
};

/* ---- between workers ---- */

/* A question on its way to its owner, then the same object on its way back with the body. Its maker allocates it, and frees it. */
typedef struct mail {
    struct mail *next;
    unsigned from; /* worker */
    bool is_answer;
    uint8_t flags; /* QUESTION_* */
    uint16_t type;
    struct question *question; /* the maker's; nobody else looks behind it */
    bool has_body;             /* false in an answer: SERVFAIL */
    recursion_body_t body;
    uint8_t *memory; /* of the body's message and text */
    uint8_t length;
    uint8_t name[NAME_WIRE_MAX + 1 + NAME_PADDING]; /* lower case */
} mail_t;

typedef struct mailbox {
    pthread_mutex_t lock; /* for what follows, but the descriptor */
    mail_t *first;
    mail_t **end;
    unsigned questions; /* among them */
    bool is_announced;  /* the descriptor is readable, or about to be */
    bool is_closed;
    int event_fd;
} mailbox_t;

struct recursor_group {
    _Atomic unsigned references;
    _Atomic unsigned active; /* recursors that are not retired, or on which somebody waits */
    unsigned workers;
    server_settings_t *settings; /* one reference */
    upstream_settings_t upstream;
    resolver_trust_t trust; /* as the settings say */
    siphash_key_t owner_key;
    siphash_key_t prefix_key;
    _Atomic uint16_t *waiting; /* [PREFIX_SLOTS]: requests that wait, by client prefix */
    mailbox_t *mailboxes;      /* [workers] */
};

static inline const recursion_settings_t *group_settings(const recursor_group_t *group)
{
    return &group->settings->recursion;
}
unsigned group_owner(const recursor_group_t *group, const uint8_t *name, size_t length, uint16_t type);
/* One more request of this client; false: it has its fill. */
bool group_client_enter(recursor_group_t *group, const net_address_t *client);
void group_client_leave(recursor_group_t *group, const net_address_t *client);
/* One recursor is done with its own clients; wakes all when it was the last. */
void group_leave(recursor_group_t *group);
/* STATUS_LIMIT: full (questions only), or closed. On success the mail is the receiver's. */
status_t group_mail(recursor_group_t *group, unsigned to, mail_t *mail) MUST_USE;
/* All mail, oldest first. */
mail_t *group_take_mail(recursor_group_t *group, unsigned own);
/* The same, and nobody can mail there any more. */
mail_t *group_close_mailbox(recursor_group_t *group, unsigned own);
void mail_free(mail_t *mail);

/* ---- questions ---- */

/* Somebody who waits for a question: a client of this worker, or another worker. */
typedef struct waiter {
    struct waiter *next;
    mail_t *mail; /* NULL: a client */
    net_route_t route;
    uint64_t arrived_ms;
    size_t size;
    uint8_t request[];
} waiter_t;

typedef struct question {
    struct question *next; /* in its slot */
    uint64_t hash;
    uint16_t type;
    uint8_t flags; /* QUESTION_* */
    uint8_t length;
    unsigned waiter_count;
    waiter_t *first;
    waiter_t **end;
    recursor_inquiry_t *inquiry; /* NULL: not the server's own */
    uint8_t name[];              /* lower case, padded */
} question_t;

typedef struct question_key {
    const name_key_t *name;
    uint16_t type;
    uint8_t flags;
} question_key_t;

struct recursor {
    net_event_t event; /* of the mailbox */
    recursor_environment_t environment;
    recursor_group_t *group;
    unsigned index;
    recursor_t *replaced; /* the one before; run and freed by this one */
    resolver_t *resolver;
    upstream_t *upstream;
    auth_t *auth; /* for our own zones */
    random_pool_t random;
    upstream_ticket_t *tickets; /* by the low half of an exchange */
    uint64_t *exchanges;        /* whose ticket it is */
    siphash_key_t hash_key;
    question_t *questions[QUESTION_SLOTS];
    unsigned question_count;
    unsigned refreshes;
    unsigned waiting; /* clients of this worker */
    bool is_started;
    bool is_retired;
    bool has_left; /* the group counts it no more */
    bool has_mail;
    bool is_touched;         /* the resolver may have wishes */
    uint64_t told_ms;        /* when the log last said that servers cannot be reached; 0: never */
    uint64_t untold;         /* failures of that kind since */
    uint64_t heard;          /* replies of other servers that were taken */
    uint64_t heard_before;   /* at the last failure of that kind */
    bool is_told;            /* the log says that servers cannot be reached, and not yet that they can */
    bool is_cut_off;         /* no other server has answered between two of them */
    bool is_root_expired;    /* the log has said so */
    uint64_t clock_read_ms;  /* the monotonic clock when it was last looked at */
    uint64_t clock_ahead_ms; /* by which we are ahead of it, as it has gone back */
    uint64_t published[RESOLVER_COUNTERS];
    uint8_t body[MESSAGE_MAX];
    uint8_t out[MESSAGE_MAX];
    query_t query; /* of a question to our own zones */
};

/* monotonic_ms never goes back, even where the system's clock is faked so that it does: time stands still then. */
resolver_time_t recursor_now(recursor_t *recursor);
static inline void recursor_add(recursor_t *recursor, unsigned counter, uint64_t n)
{
    _Atomic uint64_t *value = &recursor->environment.counters->value[counter];
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n, memory_order_relaxed);
}

/* The resolver's answer to a question; NULL: it gave none, nothing is sent. */
void question_answer(recursor_t *recursor, question_t *question, const resolver_answer_t *answer);
/* Another worker asks; or has answered. */
void question_take_mail(recursor_t *recursor, mail_t *mail);
/* This recursor ends, or cannot be reached: the others get no body for what they asked. */
void question_return_mail(recursor_t *recursor, mail_t *mail);
void question_abandon_all(recursor_t *recursor);
void question_free_all(recursor_t *recursor);

/* ---- network ---- */

void network_send(recursor_t *recursor, const resolver_action_t *action);
void network_close(recursor_t *recursor, uint64_t exchange);
bool network_reply(void *context, const upstream_reply_t *reply);
void network_failed(void *context, uint64_t owner, upstream_failure_t failure);
/* For resolver_set_served(). */
bool network_find_served(void *context, const name_key_t *name, unsigned labels, name_t *zone);
/* Is there a copy of the root zone that may be used? */
bool network_has_root(void *context);
