/* What the keeper's files share: trust_keeper.c (life, thread, publishing), trust_probe.c (questions and their answers), trust_state.c
 * (state files), trust_view.c (people). Not for others. */
#pragma once

#include "server/trust_keeper.h"

#include <pthread.h>

/* A question on its way, and what came of it. */
typedef struct probe {
    recursor_inquiry_t inquiry; /* first */
    struct probe *next;         /* in `asking`, then in the inbox */
    trust_keeper_t *keeper;
    bool is_signal;  /* the answer says nothing */
    bool is_refused; /* nobody could be asked: no answer at all */
    uint16_t rcode;
    uint32_t ttl_s;
    uint16_t count; /* records, then signatures in `data`, each behind its length */
    uint16_t signature_count;
    uint8_t *data; /* NULL: none, or no memory */
} probe_t;

struct trust_keeper {
    trust_environment_t environment;
    int wake_fd; /* eventfd: there is something to do */
    pthread_t thread;
    bool is_running;      /* the control thread's own */
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t done;
    bool stopping;
    bool is_alive; /* the thread goes on */
    server_settings_t *settings;
    rollover_t rollover;
    bool is_read;    /* the rollover's state file was looked at */
    bool is_unsaved; /* the rollover's state is newer than its file */
    bool is_negative_unsaved;
    uint64_t save_again_ms; /* not before: it failed; monotonic */
    negative_anchors_t negative;
    trust_set_t *current; /* as published; the server's */
    uint64_t wanted;      /* changes asked for */
    uint64_t in_force;    /* of them */
    uint64_t first_ms;    /* monotonic: nothing is asked before */
    uint64_t signal_ms;   /* monotonic: when points that are not followed are told of next */
    unsigned asking_count;
    name_t asking[ROLLOVER_POINTS_MAX]; /* points that are being asked */
    pthread_mutex_t inbox_lock;         /* for what follows */
    probe_t *inbox;
};

uint64_t keeper_monotonic_ms(void);
uint64_t keeper_now_s(void);
/* Are rollovers followed? */
bool keeper_follows(const trust_keeper_t *keeper);
static inline const recursion_settings_t *keeper_recursion(const trust_keeper_t *keeper)
{
    return &keeper->settings->recursion;
}
void keeper_wake(trust_keeper_t *keeper);
/* With the lock held: something is to be published. Returns what to wait for. */
uint64_t keeper_want(trust_keeper_t *keeper);
/* With the lock held, which is let go meanwhile. */
void keeper_await(trust_keeper_t *keeper, uint64_t wanted);

/* ---- trust_state.c: all with the lock held ---- */

/* Puts the state of the file, if it is good and was not read yet, into the empty rollover. */
void state_read_rollover(trust_keeper_t *keeper);
/* *is_lost: what it held is not known any more. */
void state_read_negative(trust_keeper_t *keeper, bool *is_lost);
/* What is unsaved. */
void state_save(trust_keeper_t *keeper);

/* ---- trust_probe.c: all with the lock held ---- */

bool probe_is_asking(const trust_keeper_t *keeper, const uint8_t *owner);
/* Takes the inbox into account. */
void probe_take_answers(trust_keeper_t *keeper);
/* Asks what is due. */
void probe_send_due(trust_keeper_t *keeper);
/* When something will be due: monotonic milliseconds. */
uint64_t probe_deadline_ms(const trust_keeper_t *keeper);
/* After the thread's end: answers nobody took. */
void probe_free_inbox(trust_keeper_t *keeper);
