/* The life of one TCP connection.
 *
 *              first byte            whole message, answered
 *    FRESH ---------------> READING ------------------------+
 *      |                    ^     |                         v
 *      |  whole message     |     | message            IDLE or KEPT
 *      +--------------------|-----|------------------------>^ |
 *                           |     v                         | | first byte: READING
 *                           |   WRITING --------------------+ |
 *                           |   (answer not taken yet,        |
 *                           +--- or work left) <--------------+
 *
 * WAITING stands beside IDLE: all that came is taken, and some answers come later (tcp_later.c). It has no timer. The next byte leads to
 * READING; an answer that the peer does not take at once to WRITING; the last answer to IDLE or KEPT.
 *
 * Invariants
 *  1. out_end > out_start  =>  nothing is read, no message is taken, interest is EPOLLOUT.
 *  2. stream != NULL  =>  no further message is taken before it has ended: answers keep their order.
 *  3. Between turns the worker's scratch buffers belong to nobody.
 *  4. A message that brings no answer restarts no timer.
 *  5. in_work == TCP_IN_WORK_MAX  =>  nothing is read, no message is taken.
 *  6. in_work > 0  =>  it is in tcp_t.waiting, and is closed only by its peer's failure, a timer, an eviction, or want of memory.
 *  7. pending.size > 0  =>  it is queued for a turn, or out_end > out_start, or stream != NULL: what came later never lies forgotten.
 *  8. Nothing that the handler can call closes the connection whose request it has.
 */
#include "net/tcp_connection.h"

#include "base/bytes.h"
#include "base/require.h"
#include "wire/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t tcp_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

unsigned tcp_phase_timeout_ms(const tcp_t *tcp, tcp_phase_t phase)
{
    switch (phase) {
    case TCP_FRESH:
        return tcp->timeouts.first_byte_ms;
    case TCP_IDLE:
        return tcp->timeouts.idle_ms;
    case TCP_KEPT:
        return tcp->kept_ms;
    default:
        return tcp->timeouts.message_ms;
    }
}

static void leave_list(tcp_connection_t *connection)
{
    tcp_list_t *list = &connection->tcp->phases[connection->phase];
    *(connection->previous ? &connection->previous->next : &list->first) = connection->next;
    *(connection->next ? &connection->next->previous : &list->last) = connection->previous;
}

static void join_list(tcp_connection_t *connection)
{
    tcp_list_t *list = &connection->tcp->phases[connection->phase];
    connection->previous = list->last;
    connection->next = NULL;
    *(list->last ? &list->last->next : &list->first) = connection;
    list->last = connection;
}

void tcp_connection_enter(tcp_connection_t *connection, tcp_phase_t phase, int64_t since_ms)
{
    if (connection->phase == phase && connection->since_ms == since_ms) {
        return;
    }
    leave_list(connection);
    connection->phase = (uint8_t)phase;
    connection->since_ms = since_ms;
    join_list(connection);
}

static void set_interest(tcp_connection_t *connection, uint32_t interest)
{
    if (connection->interest == interest) {
        return;
    }
    if (net_event_change(connection->tcp->environment.epoll_fd, connection->fd, interest, &connection->event) != 0) {
        tcp_connection_close(connection);
        return;
    }
    connection->interest = interest;
}

void tcp_connection_close(tcp_connection_t *connection)
{
    tcp_t *tcp = connection->tcp;
    if (connection->fd < 0) {
        return;
    }
    if (connection->stream) {
        connection->stream->free(connection->stream);
        connection->stream = NULL;
    }
    framing_clear(&connection->in, tcp_connection_budget(connection));
    tcp_output_clear(connection);
    tcp_connection_forget_later(connection);
    leave_list(connection);
    close(connection->fd);
    connection->fd = -1;
    net_quota_give(tcp->environment.quota, connection->prefix);
    net_count(tcp->environment.counters, NET_TCP_CLOSED);
    if (!connection->queued) {
        connection->next_turn = tcp->dead;
        tcp->dead = connection;
    }
}

/* ---- answering ---- */

static void note_answer(tcp_connection_t *connection)
{
    connection->answered = true;
    connection->rested_ms = connection->tcp->now_ms;
}

static bool scratch_has_room(const tcp_t *tcp)
{
    return TCP_OUT_SIZE - tcp->out_used >= FRAME_MAX;
}

static void add_frame(tcp_t *tcp, size_t size)
{
    store_be16(tcp->out_scratch + tcp->out_used, (uint16_t)size);
    tcp->out_used += 2 + size;
}

/* As many messages of the stream as the scratch holds. */
static void continue_stream(tcp_connection_t *connection)
{
    tcp_t *tcp = connection->tcp;
    status_t status = STATUS_OK;
    while (scratch_has_room(tcp)) {
        size_t size = 0;
        status = connection->stream->next(connection->stream, tcp->out_scratch + tcp->out_used + 2, FRAME_MAX - 2, &size);
        if (status != STATUS_OK) {
            break;
        }
        add_frame(tcp, size);
    }
    if (status == STATUS_END) {
        connection->stream->free(connection->stream);
        connection->stream = NULL;
        note_answer(connection);
    } else if (status != STATUS_OK) {
        tcp_connection_close(connection); /* cut short, so that the peer does not take a part for the whole */
    }
}

static void answer_message(tcp_connection_t *connection, const uint8_t *message, size_t size)
{
    tcp_t *tcp = connection->tcp;
    const net_handler_t *handler = &tcp->environment.handler;
    net_client_t client = {.address = &connection->address, .protocol = NET_TCP, .later = &tcp->later};
    net_reply_t reply = {.size = 0};
    connection->progressed = true;
    if (size < MESSAGE_HEADER_SIZE) {
        net_count(tcp->environment.counters, NET_TCP_MALFORMED);
        connection->closing = true;
        return;
    }
    tcp->answering = connection;
    handler->answer(handler->context, &client, message, size, tcp->out_scratch + tcp->out_used + 2, FRAME_MAX - 2, &reply);
    tcp->answering = NULL;
    if (reply.idle_timeout_ds > 0) {
        connection->promised = true;
        tcp->kept_ms = reply.idle_timeout_ds * 100u;
    }
    if (reply.stream) {
        connection->stream = reply.stream;
    } else if (reply.size > 0) {
        add_frame(tcp, reply.size);
        note_answer(connection);
    }
    if (UNLIKELY(connection->failed)) {
        tcp_connection_close(connection);
    }
}

/* As far as answers that come later allow it. */
static bool may_take(const tcp_connection_t *connection)
{
    return !connection->closing && connection->in_work < TCP_IN_WORK_MAX;
}

static bool has_work(const tcp_connection_t *connection)
{
    return connection->stream || (may_take(connection) && framing_has_next(&connection->in));
}

/* Takes messages until none is left or the budget of the turn is spent. False: the peer must take answers first, or it is gone. */
static bool work(tcp_connection_t *connection, unsigned *budget)
{
    while (connection->fd >= 0 && *budget > 0 && has_work(connection)) {
        if (connection->stream) {
            continue_stream(connection);
            *budget = 0;
        } else {
            const uint8_t *message = NULL;
            size_t size = 0;
            framing_next(&connection->in, &message, &size);
            answer_message(connection, message, size);
            --*budget;
        }
        if (connection->fd >= 0 && !scratch_has_room(connection->tcp) && !tcp_output_flush_scratch(connection)) {
            return false;
        }
    }
    return connection->fd >= 0;
}

/* ---- reading ---- */

static bool may_read(const tcp_connection_t *connection)
{
    return !connection->ended && may_take(connection);
}

/* One read. False: nothing came, or the connection is closed. */
static bool read_some(tcp_connection_t *connection)
{
    tcp_t *tcp = connection->tcp;
    uint8_t *where = NULL;
    size_t room = 0;
    DEBUG_ASSERT(connection->out_end == 0 && connection->in_work < TCP_IN_WORK_MAX);
    if (framing_room(&connection->in, tcp->in_scratch, tcp_connection_budget(connection), &where, &room) != STATUS_OK) {
        net_count(tcp->environment.counters, NET_TCP_BUFFERS_REFUSED);
        tcp_connection_close(connection);
        return false;
    }
    ssize_t got = recv(connection->fd, where, room, MSG_DONTWAIT);
    if (got > 0) {
        framing_add(&connection->in, (size_t)got);
        return true;
    }
    if (got == 0) {
        connection->ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        tcp_connection_close(connection);
    }
    return false;
}

/* ---- one turn ---- */

void tcp_connection_queue(tcp_connection_t *connection)
{
    tcp_t *tcp = connection->tcp;
    if (!connection->queued) {
        connection->queued = true;
        connection->next_turn = NULL;
        *tcp->turns_end = connection;
        tcp->turns_end = &connection->next_turn;
    }
}

static void read_on(tcp_connection_t *connection, bool held_before)
{
    bool same_message = held_before && !connection->progressed && connection->phase == TCP_READING;
    tcp_connection_enter(connection, TCP_READING, same_message ? connection->since_ms : connection->tcp->now_ms);
}

/* The phase of a connection with queries in work: only a message that has begun has its timer. */
static void wait_for_answers(tcp_connection_t *connection, bool held_before)
{
    if (may_read(connection) && framing_held(&connection->in) > 0) {
        read_on(connection, held_before);
    } else if (connection->phase != TCP_WAITING) {
        tcp_connection_enter(connection, TCP_WAITING, connection->tcp->now_ms);
    }
}

/* The phase of a connection that waits for its peer's next bytes. Without an answer it is over when a message that began at the last moment
 * would have had its time: what is kept busy with nothing that has an answer does not last. */
static void rest(tcp_connection_t *connection, bool held_before)
{
    tcp_t *tcp = connection->tcp;
    int64_t now = tcp->now_ms;
    bool reading = framing_held(&connection->in) > 0;
    tcp_phase_t phase = !connection->answered ? TCP_FRESH : connection->promised ? TCP_KEPT : TCP_IDLE;
    int64_t allowed = (int64_t)tcp_phase_timeout_ms(tcp, phase) + (reading ? tcp_phase_timeout_ms(tcp, TCP_READING) : 0);
    if (now - connection->rested_ms >= allowed) {
        net_count(tcp->environment.counters, NET_TCP_TIMED_OUT);
        tcp_connection_close(connection);
    } else if (reading) {
        read_on(connection, held_before);
    } else {
        tcp_connection_enter(connection, phase, connection->rested_ms);
    }
}

static void settle(tcp_connection_t *connection, bool held_before)
{
    bool has_out = connection->out_end > 0;
    bool busy = has_work(connection);
    bool waiting = connection->in_work > 0;
    if (!has_out && !busy && !waiting && (connection->ended || connection->closing)) {
        tcp_connection_close(connection);
        return;
    }
    if (connection->closing) {
        framing_clear(&connection->in, tcp_connection_budget(connection));
    } else if (framing_keep(&connection->in, tcp_connection_budget(connection)) != STATUS_OK) {
        net_count(connection->tcp->environment.counters, NET_TCP_BUFFERS_REFUSED);
        tcp_connection_close(connection);
        return;
    }
    if (!has_out && busy) {
        tcp_connection_queue(connection);
        tcp_connection_enter(connection, TCP_WRITING, connection->tcp->now_ms);
    } else if (!has_out && waiting) {
        wait_for_answers(connection, held_before);
    } else if (!has_out) {
        rest(connection, held_before);
    }
    DEBUG_ASSERT(connection->pending.size == 0 || connection->queued || has_out || connection->stream || connection->fd < 0);
    if (connection->fd >= 0) {
        set_interest(connection, has_out ? EPOLLOUT : may_read(connection) ? EPOLLIN : 0);
    }
}

void tcp_connection_turn(tcp_connection_t *connection, bool readable)
{
    unsigned budget = TCP_QUERIES_PER_TURN;
    bool held_before = framing_held(&connection->in) > 0;
    connection->progressed = false;
    connection->tcp->out_used = 0;
    connection->tcp->now_ms = tcp_now_ms();
    bool going = tcp_output_flush(connection) && tcp_output_flush_pending(connection) && work(connection, &budget);
    if (going && readable && may_read(connection) && !has_work(connection) && read_some(connection)) {
        going = work(connection, &budget);
    }
    if (connection->fd >= 0 && going && tcp_output_flush_scratch(connection)) {
        (void)tcp_output_flush_pending(connection);
    }
    if (connection->fd >= 0) {
        settle(connection, held_before);
    }
}

static void connection_ready(net_event_t *event, uint32_t events)
{
    tcp_connection_t *connection = (tcp_connection_t *)event;
    if (connection->fd < 0 || (connection->queued && !(events & (EPOLLERR | EPOLLHUP)))) {
        return;
    }
    if (events & EPOLLERR || (events & EPOLLHUP && connection->interest == 0)) {
        tcp_connection_close(connection);
        return;
    }
    tcp_connection_turn(connection, events & (EPOLLIN | EPOLLHUP));
}

bool tcp_connection_open(tcp_t *tcp, int fd, const net_address_t *address, net_prefix_t prefix)
{
    tcp_connection_t *connection = calloc(1, sizeof *connection);
    if (!connection) {
        close(fd);
        net_quota_give(tcp->environment.quota, prefix);
        return false;
    }
    *connection = (tcp_connection_t){.event = {.ready = connection_ready},
                                     .tcp = tcp,
                                     .number = tcp->next_number++,
                                     .fd = fd,
                                     .interest = EPOLLIN,
                                     .phase = TCP_FRESH,
                                     .address = *address,
                                     .prefix = prefix};
    connection->since_ms = connection->rested_ms = tcp_now_ms();
    join_list(connection);
    net_count(tcp->environment.counters, NET_TCP_ACCEPTED);
    if (net_event_add(tcp->environment.epoll_fd, fd, EPOLLIN, &connection->event) != 0) {
        tcp_connection_close(connection);
        return false;
    }
    return true;
}
