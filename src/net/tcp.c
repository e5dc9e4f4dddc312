/* Listeners, caps, timers and turns of the connections of one worker; the connections themselves are in tcp_connection.c. */
#include "net/tcp.h"

#include "base/require.h"
#include "net/tcp_connection.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 16,
    ACCEPTS_AT_REMOVAL_MAX = 4096,
    PAUSE_MS = 100, /* after an accept without descriptors and nobody to evict */
    COMPLAINT_EVERY_MS = 60000,
    EVICTION_STEPS_MAX = 256, /* looking for a connection of one client */
    CLOCK_SLACK_MS = 5,       /* the coarse clock's tick */
    STALLED_MS = 1000,        /* a reader that does not take 4 KiB in that time is far away or means no good */
};

typedef struct tcp_listener {
    net_event_t event;
    tcp_t *tcp;
    struct tcp_listener *next;
    net_address_t address;
    int fd;
} tcp_listener_t;

tcp_t *tcp_new(const tcp_environment_t *environment, tcp_timeouts_t timeouts)
{
    tcp_t *tcp = calloc(1, sizeof *tcp);
    if (!tcp) {
        return NULL;
    }
    tcp->later = (net_later_t){.keep = tcp_keep, .answer = tcp_answer};
    tcp->environment = *environment;
    tcp->timeouts = timeouts;
    tcp->kept_ms = timeouts.idle_ms;
    tcp->turns_end = &tcp->turns;
    tcp->in_scratch = malloc(FRAMING_SCRATCH_MAX);
    tcp->out_scratch = malloc(TCP_OUT_SIZE);
    if (!tcp->in_scratch || !tcp->out_scratch) {
        tcp_free(tcp);
        return NULL;
    }
    return tcp;
}

void tcp_set_timeouts(tcp_t *tcp, tcp_timeouts_t timeouts)
{
    tcp->timeouts = timeouts;
    tcp->kept_ms = timeouts.idle_ms;
}

/* ---- room for one more ---- */

/* Who may go, by how little is lost: those that wait for their peer's next message, then those who have not taken their answer, or have
 * waited for one, for some time. */
typedef struct eviction {
    uint8_t count;
    uint8_t phases[4]; /* tcp_phase_t */
    int64_t lasting_ms;
} eviction_t;

static const eviction_t evictions[] = {
    {.count = 4, .phases = {TCP_IDLE, TCP_KEPT, TCP_FRESH, TCP_READING}, .lasting_ms = 0},
    {.count = 2, .phases = {TCP_WRITING, TCP_WAITING}, .lasting_ms = STALLED_MS},
};

static bool is_of(const tcp_connection_t *connection, const net_prefix_t *prefix)
{
    return !prefix || (connection->prefix.bits == prefix->bits && connection->prefix.family == prefix->family);
}

/* The one that has been longest in its phase; of one client, or (NULL) of all. The lists are in this order. */
static tcp_connection_t *find_oldest(const tcp_t *tcp, const net_prefix_t *prefix, const eviction_t *eviction)
{
    unsigned steps = EVICTION_STEPS_MAX;
    tcp_connection_t *oldest = NULL;
    for (size_t i = 0; i < eviction->count; i++) {
        tcp_connection_t *one = tcp->phases[eviction->phases[i]].first;
        while (one && steps > 0 && !is_of(one, prefix)) {
            one = one->next;
            steps--;
        }
        if (one && steps > 0 && (!oldest || one->since_ms < oldest->since_ms)) {
            oldest = one;
        }
    }
    return oldest && tcp_now_ms() - oldest->since_ms >= eviction->lasting_ms ? oldest : NULL;
}

/* Closes one connection; of one client, or (NULL) of all. */
static bool make_room(tcp_t *tcp, const net_prefix_t *prefix)
{
    for (size_t i = 0; i < ARRAY_SIZE(evictions); i++) {
        tcp_connection_t *oldest = find_oldest(tcp, prefix, &evictions[i]);
        if (oldest) {
            net_count(tcp->environment.counters, NET_TCP_EVICTED);
            tcp_connection_close(oldest);
            return true;
        }
    }
    return false;
}

static bool take_place(tcp_t *tcp, net_prefix_t prefix)
{
    net_quota_t *quota = tcp->environment.quota;
    net_quota_verdict_t verdict = net_quota_take(quota, prefix);
    if (verdict == QUOTA_TAKEN) {
        return true;
    }
    bool evicted = make_room(tcp, verdict == QUOTA_FULL ? NULL : &prefix);
    return evicted && net_quota_take(quota, prefix) == QUOTA_TAKEN;
}

/* ---- accepting ---- */

static void set_listening(tcp_t *tcp, bool listening)
{
    for (tcp_listener_t *listener = tcp->listeners; listener; listener = listener->next) {
        (void)!net_event_change(tcp->environment.epoll_fd, listener->fd, listening ? EPOLLIN : 0, &listener->event);
    }
}

/* True when an accept may be tried again at once. */
static bool handle_no_descriptors(tcp_t *tcp, int reason)
{
    int64_t now = tcp_now_ms();
    net_count(tcp->environment.counters, NET_TCP_NO_DESCRIPTORS);
    if (now >= tcp->next_complaint_ms) {
        tcp->next_complaint_ms = now + COMPLAINT_EVERY_MS;
        log_event(tcp->environment.log, LOG_WARNING, "tcp.no-descriptors", LOG_TEXT("error", strerrordesc_np(reason)),
                  LOG_NUMBER("connections", net_quota_used(tcp->environment.quota)));
    }
    if (make_room(tcp, NULL)) {
        return true;
    }
    tcp->paused_until_ms = now + PAUSE_MS;
    set_listening(tcp, false);
    return false;
}

static void admit(tcp_t *tcp, int fd, const net_address_t *address)
{
    net_prefix_t prefix = net_address_prefix(address);
    if (!take_place(tcp, prefix)) {
        net_count(tcp->environment.counters, NET_TCP_REFUSED);
        close(fd);
        return;
    }
    (void)tcp_connection_open(tcp, fd, address, prefix);
}

static void accept_some(tcp_listener_t *listener, unsigned count)
{
    for (; count > 0; count--) {
        net_address_t address;
        socklen_t size = sizeof address;
        int fd = accept4(listener->fd, &address.sa, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(listener->tcp, fd, &address);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!handle_no_descriptors(listener->tcp, errno)) {
                return;
            }
        } /* else: the peer's own failure, such as ECONNABORTED */
    }
}

static void listener_ready(net_event_t *event, uint32_t events)
{
    (void)events;
    accept_some((tcp_listener_t *)event, ACCEPTS_PER_TURN);
}

status_t tcp_add(tcp_t *tcp, int fd, const net_address_t *address)
{
    tcp_listener_t *listener = malloc(sizeof *listener);
    if (!listener) {
        close(fd);
        return STATUS_NO_MEMORY;
    }
    *listener = (tcp_listener_t){.event = {.ready = listener_ready}, .tcp = tcp, .address = *address, .fd = fd};
    if (net_event_add(tcp->environment.epoll_fd, fd, tcp->paused_until_ms ? 0 : EPOLLIN, &listener->event) != 0) {
        close(fd);
        free(listener);
        return STATUS_IO;
    }
    listener->next = tcp->listeners;
    tcp->listeners = listener;
    return STATUS_OK;
}

void tcp_remove(tcp_t *tcp, const net_address_t *address)
{
    for (tcp_listener_t **link = &tcp->listeners; *link;) {
        tcp_listener_t *listener = *link;
        if (address && !net_address_equal(&listener->address, address)) {
            link = &listener->next;
            continue;
        }
        accept_some(listener, ACCEPTS_AT_REMOVAL_MAX);
        *link = listener->next;
        close(listener->fd);
        free(listener);
    }
}

/* ---- timers and turns ---- */

static int64_t next_deadline_ms(const tcp_t *tcp)
{
    int64_t deadline = tcp->paused_until_ms ? tcp->paused_until_ms : INT64_MAX;
    for (unsigned phase = 0; phase < TCP_TIMED_PHASES; phase++) {
        const tcp_connection_t *first = tcp->phases[phase].first;
        int64_t expires = first ? first->since_ms + tcp_phase_timeout_ms(tcp, (tcp_phase_t)phase) : INT64_MAX;
        deadline = expires < deadline ? expires : deadline;
    }
    return deadline;
}

int tcp_wait_ms(const tcp_t *tcp)
{
    if (tcp->turns) {
        return 0;
    }
    int64_t deadline = next_deadline_ms(tcp);
    if (deadline == INT64_MAX) {
        return -1;
    }
    int64_t wait = deadline - tcp_now_ms() + CLOCK_SLACK_MS;
    return wait < 0 ? 0 : wait > INT_MAX ? INT_MAX : (int)wait;
}

static void expire(tcp_t *tcp, int64_t now)
{
    for (unsigned phase = 0; phase < TCP_TIMED_PHASES; phase++) {
        unsigned timeout = tcp_phase_timeout_ms(tcp, (tcp_phase_t)phase);
        while (tcp->phases[phase].first && now - tcp->phases[phase].first->since_ms >= timeout) {
            net_count(tcp->environment.counters, NET_TCP_TIMED_OUT);
            tcp_connection_close(tcp->phases[phase].first);
        }
    }
    if (tcp->paused_until_ms && now >= tcp->paused_until_ms) {
        tcp->paused_until_ms = 0;
        set_listening(tcp, true);
    }
}

/* One turn for each that is queued now; those queued on the way have theirs the next time. */
static void run_turns(tcp_t *tcp)
{
    tcp_connection_t *queue = tcp->turns;
    tcp->turns = NULL;
    tcp->turns_end = &tcp->turns;
    while (queue) {
        tcp_connection_t *connection = queue;
        queue = connection->next_turn;
        connection->queued = false;
        if (connection->fd >= 0) {
            tcp_connection_turn(connection, false);
        } else {
            free(connection);
        }
    }
}

void tcp_run(tcp_t *tcp)
{
    run_turns(tcp);
    if (next_deadline_ms(tcp) != INT64_MAX) {
        expire(tcp, tcp_now_ms());
    }
    while (tcp->dead) {
        tcp_connection_t *next = tcp->dead->next_turn;
        free(tcp->dead);
        tcp->dead = next;
    }
}

bool tcp_is_quiet(const tcp_t *tcp)
{
    return !tcp->turns && !tcp->phases[TCP_WRITING].first && tcp->waiting_count == 0;
}

void tcp_free(tcp_t *tcp)
{
    if (!tcp) {
        return;
    }
    while (tcp->listeners) {
        tcp_listener_t *next = tcp->listeners->next;
        close(tcp->listeners->fd);
        free(tcp->listeners);
        tcp->listeners = next;
    }
    for (unsigned phase = 0; phase < TCP_PHASES; phase++) {
        while (tcp->phases[phase].first) {
            tcp_connection_close(tcp->phases[phase].first);
        }
    }
    tcp_run(tcp);
    free(tcp->in_scratch);
    free(tcp->out_scratch);
    free(tcp);
}
