/* One TCP connection; private to net/tcp*.c. The state machine is at the head of tcp_connection.c. */
#pragma once

#include "net/event.h"
#include "net/framing.h"
#include "net/tcp.h"

/* Which timer runs. Each phase has one list, ordered by the time it was entered, so that the next to expire is the first. */
typedef enum tcp_phase {
    TCP_FRESH,   /* nothing has come yet */
    TCP_IDLE,    /* all that came is answered */
    TCP_KEPT,    /* likewise, and edns-tcp-keepalive has promised a time */
    TCP_READING, /* part of a message has come */
    TCP_WRITING, /* an answer is waiting for the peer, or being made */
    TCP_WAITING, /* all that came is taken, and some answers come later: no timer */
    TCP_PHASES,
    TCP_TIMED_PHASES = TCP_WAITING
} tcp_phase_t;

/* Answers that came later and have not been offered to the peer: whole frames. */
typedef struct tcp_pending {
    uint8_t *data;
    uint32_t size;
    uint32_t capacity;
} tcp_pending_t;

typedef struct tcp_connection {
    net_event_t event;
    tcp_t *tcp;
    struct tcp_connection *previous; /* in the list of its phase */
    struct tcp_connection *next;
    struct tcp_connection *next_waiting; /* in its bucket of tcp_t.waiting, while in_work > 0 */
    struct tcp_connection *next_turn;    /* in the queue of those with work left, or the list of the dead */
    uint64_t number;                     /* never reused */
    int64_t waiting_since_ms;            /* since in_work > 0 */
    int64_t since_ms;                    /* the phase's timer counts from here */
    int64_t rested_ms;                   /* the last answer, or accept */
    int fd;                              /* -1: closed, to be freed after this round */
    uint32_t interest;                   /* EPOLL* registered */
    uint32_t taken;                      /* bytes the peer took since since_ms, in TCP_WRITING */
    uint32_t out_start;                  /* answers that could not be written yet: out[out_start..out_end) */
    uint32_t out_end;
    uint32_t out_capacity;
    uint16_t in_work; /* queries whose answers come later */
    uint8_t phase;    /* tcp_phase_t */
    bool queued;      /* in the queue of those with work left */
    bool ended;       /* the peer sends no more */
    bool closing;     /* take nothing more; close when all is sent */
    bool answered;    /* ever */
    bool promised;    /* edns-tcp-keepalive was answered */
    bool failed;      /* to be closed when the handler is done */
    bool progressed;  /* a whole message was taken in this turn */
    uint8_t *out;
    tcp_pending_t pending;
    framing_t in;
    net_stream_t *stream;
    net_address_t address;
    net_prefix_t prefix;
} tcp_connection_t;

typedef struct tcp_list {
    tcp_connection_t *first; /* longest there */
    tcp_connection_t *last;
} tcp_list_t;

enum {
    TCP_OUT_SIZE = 256 * 1024,
    TCP_QUERIES_PER_TURN = 512,
    TCP_IN_WORK_MAX = 128, /* of one connection; no more is taken before one of them has its answer */
    TCP_WAITING_BUCKETS = 1024,
};

struct tcp {
    net_later_t later; /* first: what a route leads back to */
    tcp_environment_t environment;
    tcp_timeouts_t timeouts;
    unsigned kept_ms; /* what edns-tcp-keepalive promises */
    struct tcp_listener *listeners;
    tcp_list_t phases[TCP_PHASES];
    tcp_connection_t *turns; /* with work left, first come first served */
    tcp_connection_t **turns_end;
    tcp_connection_t *dead;
    tcp_connection_t *answering; /* whose request the handler has now */
    uint64_t next_number;
    size_t waiting_count;      /* connections with queries in work */
    int64_t now_ms;            /* at the beginning of the present turn */
    int64_t paused_until_ms;   /* no descriptors: accept nothing before; 0: not paused */
    int64_t next_complaint_ms; /* not before: one log line a minute */
    uint8_t *in_scratch;       /* FRAMING_SCRATCH_MAX */
    uint8_t *out_scratch;      /* TCP_OUT_SIZE */
    size_t out_used;
    tcp_connection_t *waiting[TCP_WAITING_BUCKETS]; /* connections with queries in work, by number */
};

/* Milliseconds of a monotonic clock, some 4 ms coarse. */
int64_t tcp_now_ms(void);

/* Takes over an accepted socket whose place in the quota is taken. False: no memory, or no registration; all is given back. */
bool tcp_connection_open(tcp_t *tcp, int fd, const net_address_t *address, net_prefix_t prefix);
/* The object stays until tcp_run(). */
void tcp_connection_close(tcp_connection_t *connection);
/* One bounded turn. readable: there may be bytes to read. */
void tcp_connection_turn(tcp_connection_t *connection, bool readable);
/* Moves it to a phase's list, timed from since_ms. */
void tcp_connection_enter(tcp_connection_t *connection, tcp_phase_t phase, int64_t since_ms);
/* Of a timed phase. */
unsigned tcp_phase_timeout_ms(const tcp_t *tcp, tcp_phase_t phase);
/* Gives it a turn in tcp_run(). */
void tcp_connection_queue(tcp_connection_t *connection);
/* At its end: frees what waits, and forgets the queries in work. */
void tcp_connection_forget_later(tcp_connection_t *connection);
/* net_later_t for connections. */
void tcp_keep(net_later_t *later, const net_client_t *client, net_route_t *route);
void tcp_answer(const net_route_t *route, const uint8_t *message, size_t size, uint16_t idle_timeout_ds);

/* ---- tcp_output.c: each closes the connection when its peer has gone or memory is wanting; false: that, or the peer must take first ----
 */

/* Writes what the worker's scratch holds; what the peer does not take is kept. */
bool tcp_output_flush_scratch(tcp_connection_t *connection);
/* Writes what was kept; true when nothing is any more. */
bool tcp_output_flush(tcp_connection_t *connection);
/* Writes the answers that came later, all at once, but not among the messages of a transfer. */
bool tcp_output_flush_pending(tcp_connection_t *connection);
/* Forgets what was kept. */
void tcp_output_clear(tcp_connection_t *connection);
/* Takes buffer memory for it. When there is none left, the connection that has not taken its answer for longest is closed, but never the
 * one whose request the handler has. */
bool tcp_output_take_budget(tcp_connection_t *connection, size_t size);

static inline net_budget_t *tcp_connection_budget(const tcp_connection_t *connection)
{
    return net_quota_buffers(connection->tcp->environment.quota);
}
