/* The thread of the control service: one poll loop over the listener and its clients.
 *
 * A client:   reading --line--> answered --all sent--> reading ... --end, error, silence--> closed
 *
 * Invariants: a request is answered only when the answer before it is sent (a client that does not read holds up itself alone); every
 * client has a deadline that only its own progress moves; with all places taken, the one that was silent longest gives its place up.
 */
#include "base/require.h"
#include "control/service_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct client {
    int fd; /* -1: a free place */
    control_peer_t peer;
    int64_t active_ms; /* of its last progress */
    bool ended;        /* sends no more, or may not: closed once all is sent */
    size_t received;
    size_t sent;
    buffer_t out;
    char in[CONTROL_REQUEST_MAX_BYTES];
} client_t;

typedef struct loop {
    control_service_t *service;
    client_t *clients; /* CONTROL_CLIENTS_MAX */
    int64_t now_ms;
    int64_t accept_after_ms; /* after a failure that waiting may mend */
} loop_t;

enum { ACCEPT_PAUSE_MS = 1000, GROUPS_MAX = 1024 };

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- who ---- */

static bool is_in_group(int fd, gid_t own, gid_t wanted)
{
    gid_t groups[GROUPS_MAX];
    socklen_t size = sizeof groups;
    if (own == wanted) {
        return true;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
        return false;
    }
    for (size_t i = 0; i < size / sizeof *groups; i++) {
        if (groups[i] == wanted) {
            return true;
        }
    }
    return false;
}

static bool identify(int fd, control_peer_t *peer)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) {
        return false;
    }
    *peer = (control_peer_t){.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
    peer->may_change = peer->uid == 0 || peer->uid == geteuid() || is_in_group(fd, peer->gid, getegid());
    return true;
}

/* ---- life of a client ---- */

static void client_close(client_t *client)
{
    close(client->fd);
    client->fd = -1;
    buffer_clear(&client->out);
}

static client_t *free_place(loop_t *loop)
{
    client_t *oldest = &loop->clients[0];
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        client_t *client = &loop->clients[i];
        if (client->fd < 0) {
            return client;
        }
        oldest = client->active_ms < oldest->active_ms ? client : oldest;
    }
    client_close(oldest);
    return oldest;
}

static void accept_clients(loop_t *loop)
{
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        int fd = accept4(loop->service->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                loop->accept_after_ms = loop->now_ms + ACCEPT_PAUSE_MS;
            }
            return;
        }
        control_peer_t peer;
        if (!identify(fd, &peer)) {
            close(fd);
            continue;
        }
        client_t *client = free_place(loop);
        client->fd = fd;
        client->peer = peer;
        client->active_ms = loop->now_ms;
        client->ended = false;
        client->received = client->sent = 0;
        buffer_init(&client->out, CONTROL_ANSWER_MAX_BYTES);
    }
}

/* ---- requests and answers ---- */

/* Answers the request at the front of what was received, if it is whole. */
static bool answer_next(loop_t *loop, client_t *client)
{
    const char *newline = memchr(client->in, '\n', client->received);
    if (!newline) {
        if (client->received == sizeof client->in) {
            control_write_failure(&client->out, STATUS_LIMIT, "the request is too long");
            client->received = 0;
            client->ended = true;
            return true;
        }
        return false;
    }
    size_t length = (size_t)(newline - client->in);
    control_answer(loop->service, &client->peer, client->in, length, &client->out);
    if (client->out.status != STATUS_OK) { /* half an answer is none: the missing last line tells the client */
        client->ended = true;
    }
    client->received -= length + 1;
    memmove(client->in, newline + 1, client->received);
    loop->now_ms = clock_ms();
    client->active_ms = loop->now_ms;
    return true;
}

/* False: the client is gone. */
static bool send_answer(loop_t *loop, client_t *client)
{
    while (client->sent < client->out.size) {
        ssize_t n = send(client->fd, client->out.data + client->sent, client->out.size - client->sent, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        client->sent += (size_t)n;
        client->active_ms = loop->now_ms;
    }
    buffer_clear(&client->out);
    client->sent = 0;
    return true;
}

static bool receive(loop_t *loop, client_t *client)
{
    size_t room = sizeof client->in - client->received;
    if (room == 0 || client->ended) {
        return true;
    }
    ssize_t n = recv(client->fd, client->in + client->received, room, 0);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (n == 0) {
        client->ended = true;
        return true;
    }
    client->received += (size_t)n;
    client->active_ms = loop->now_ms;
    return true;
}

static void serve_client(loop_t *loop, client_t *client, short events)
{
    bool alive = !(events & (POLLERR | POLLNVAL));
    if (alive && (events & (POLLIN | POLLHUP))) {
        alive = receive(loop, client);
    }
    while (alive && !atomic_load(&loop->service->stopping)) {
        alive = send_answer(loop, client);
        if (client->out.size > 0 || !answer_next(loop, client)) {
            break;
        }
    }
    bool done = client->ended && client->out.size == 0;
    bool silent = loop->now_ms - client->active_ms >= CONTROL_IDLE_TIMEOUT_MS;
    if (!alive || done || silent) {
        client_close(client);
    }
}

/* ---- the loop ---- */

static int time_left_ms(const loop_t *loop)
{
    int64_t until_ms = INT64_MAX;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const client_t *client = &loop->clients[i];
        if (client->fd >= 0 && client->active_ms + CONTROL_IDLE_TIMEOUT_MS < until_ms) {
            until_ms = client->active_ms + CONTROL_IDLE_TIMEOUT_MS;
        }
    }
    if (loop->accept_after_ms > loop->now_ms && loop->accept_after_ms < until_ms) {
        until_ms = loop->accept_after_ms;
    }
    if (until_ms == INT64_MAX) {
        return -1;
    }
    return until_ms > loop->now_ms ? (int)(until_ms - loop->now_ms) : 0;
}

static short wanted_events(const client_t *client)
{
    if (client->out.size > 0) {
        return POLLOUT;
    }
    return client->ended ? 0 : POLLIN;
}

static bool turn(loop_t *loop)
{
    struct pollfd polled[CONTROL_CLIENTS_MAX + 2];
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) { /* poll() passes over negative descriptors */
        polled[i] = (struct pollfd){.fd = loop->clients[i].fd, .events = wanted_events(&loop->clients[i])};
    }
    bool accepts = loop->accept_after_ms <= loop->now_ms;
    polled[CONTROL_CLIENTS_MAX] = (struct pollfd){.fd = accepts ? loop->service->listener : -1, .events = POLLIN};
    polled[CONTROL_CLIENTS_MAX + 1] = (struct pollfd){.fd = loop->service->wake, .events = POLLIN};
    int ready = poll(polled, CONTROL_CLIENTS_MAX + 2, time_left_ms(loop));
    if (ready < 0 && errno != EINTR && errno != ENOMEM) {
        return false;
    }
    loop->now_ms = clock_ms();
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (loop->clients[i].fd >= 0 && !atomic_load(&loop->service->stopping)) {
            serve_client(loop, &loop->clients[i], ready > 0 ? polled[i].revents : 0);
        }
    }
    if (ready > 0 && polled[CONTROL_CLIENTS_MAX].revents) {
        accept_clients(loop);
    }
    return !atomic_load(&loop->service->stopping);
}

void *control_serve(void *context)
{
    loop_t loop = {.service = context, .now_ms = clock_ms()};
    loop.clients = calloc(CONTROL_CLIENTS_MAX, sizeof *loop.clients);
    if (!loop.clients) {
        log_event(loop.service->log, LOG_ERROR, "control.failed", LOG_TEXT("error", status_text(STATUS_NO_MEMORY)));
        return NULL;
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        loop.clients[i].fd = -1;
    }
    while (turn(&loop)) {
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (loop.clients[i].fd >= 0) {
            client_close(&loop.clients[i]);
        }
    }
    free(loop.clients);
    return NULL;
}
