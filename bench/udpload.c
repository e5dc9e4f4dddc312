/*
 * A UDP client that keeps a given number of queries under way and sends the next as soon as answers come: a closed loop. It sends and
 * receives in batches, so that one core of it can ask more than one core of a server can answer.
 *
 *     udpload ADDRESS PORT QUERYFILE SECONDS OUTSTANDING [once]
 *
 * With `once` each query is asked a single time, and the end is when all have their answers, or after SECONDS: for resolvers with empty
 * caches.
 * The outstanding queries are shared by several sockets, each with a port of its own, as a server with several workers needs.
 * Invariants: 1. every slot has exactly one query under way or is about to send; 2. a slot's index is the query's id; 3. an answer counts
 * once: the slot must wait for it, on the socket it was sent on. A slot that has waited a second is counted as lost and asks again.
 */
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKETS = 4, BATCH = 64, SLOTS_MAX = 16384, ANSWER_BYTES = 4096 };
static const double LOST_AFTER_S = 1.0, LOST_AFTER_ONCE_S = 5.0;

typedef struct slot {
    double sent_s;
    bool is_waiting;
} slot_t;

typedef struct client {
    const query_set_t *queries;
    size_t next_query;
    bool once;
    int sockets[SOCKETS];
    unsigned slots_per_socket;
    slot_t slots[SOCKETS][SLOTS_MAX / SOCKETS];
    uint16_t ready[SOCKETS][SLOTS_MAX / SOCKETS]; /* slots that may send */
    unsigned ready_count[SOCKETS];
    load_result_t result;
} client_t;

typedef struct batch {
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    uint8_t bytes[BATCH][ANSWER_BYTES];
} batch_t;

static void send_ready(client_t *client, unsigned s, batch_t *batch, double now_s)
{
    while (client->ready_count[s] > 0) {
        unsigned count = client->ready_count[s] < BATCH ? client->ready_count[s] : BATCH;
        if (client->once && client->queries->count - client->next_query < count) {
            count = (unsigned)(client->queries->count - client->next_query);
        }
        if (count == 0) {
            return;
        }
        size_t first_query = client->next_query;
        for (unsigned i = 0; i < count; i++) {
            uint16_t slot = client->ready[s][client->ready_count[s] - 1 - i];
            size_t query = client->next_query;
            client->next_query = query + 1 < client->queries->count || client->once ? query + 1 : 0;
            size_t size = query_size(client->queries, query);
            size = size < ANSWER_BYTES ? size : ANSWER_BYTES;
            memcpy(batch->bytes[i], client->queries->bytes + client->queries->offsets[query], size);
            batch->bytes[i][0] = (uint8_t)(slot >> 8);
            batch->bytes[i][1] = (uint8_t)slot;
            batch->vectors[i] = (struct iovec){batch->bytes[i], size};
            batch->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &batch->vectors[i], .msg_iovlen = 1}};
        }
        int sent = sendmmsg(client->sockets[s], batch->messages, count, 0);
        if (client->once && sent < (int)count) {
            client->next_query = first_query + (size_t)(sent > 0 ? sent : 0); /* those that did not go out are asked later */
        }
        if (sent <= 0) {
            return; /* the socket is full: the slots stay ready */
        }
        for (int i = 0; i < sent; i++) {
            slot_t *slot = &client->slots[s][client->ready[s][client->ready_count[s] - 1 - (unsigned)i]];
            *slot = (slot_t){.sent_s = now_s, .is_waiting = true};
        }
        client->ready_count[s] -= (unsigned)sent;
    }
}

static void take_answer(client_t *client, unsigned s, const uint8_t *message, size_t size)
{
    unsigned slot = size >= 12 ? (unsigned)(message[0] << 8 | message[1]) : SLOTS_MAX;
    if (slot >= client->slots_per_socket || (message[2] & 0x80) == 0 || !client->slots[s][slot].is_waiting) {
        client->result.bad++;
        return;
    }
    load_result_count(&client->result, message, size);
    client->slots[s][slot].is_waiting = false;
    client->ready[s][client->ready_count[s]++] = (uint16_t)slot;
}

static void receive(client_t *client, unsigned s, batch_t *batch)
{
    for (;;) {
        for (unsigned i = 0; i < BATCH; i++) {
            batch->vectors[i] = (struct iovec){batch->bytes[i], ANSWER_BYTES};
            batch->messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &batch->vectors[i], .msg_iovlen = 1}};
        }
        int count = recvmmsg(client->sockets[s], batch->messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            take_answer(client, s, batch->bytes[i], batch->messages[i].msg_len);
        }
        if (count < BATCH) {
            return;
        }
    }
}

static void give_up_late(client_t *client, double now_s)
{
    for (unsigned s = 0; s < SOCKETS; s++) {
        for (unsigned i = 0; i < client->slots_per_socket; i++) {
            slot_t *slot = &client->slots[s][i];
            if (slot->is_waiting && now_s - slot->sent_s > (client->once ? LOST_AFTER_ONCE_S : LOST_AFTER_S)) {
                client->result.lost++;
                slot->is_waiting = false;
                client->ready[s][client->ready_count[s]++] = (uint16_t)i;
            }
        }
    }
}

static bool open_sockets(client_t *client, const load_target_t *target)
{
    for (unsigned s = 0; s < SOCKETS; s++) {
        client->sockets[s] = socket(target->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (client->sockets[s] < 0 || connect(client->sockets[s], (const struct sockaddr *)&target->address, target->address_size) != 0) {
            perror("socket");
            return false;
        }
        int size_bytes = 4 << 20;
        (void)setsockopt(client->sockets[s], SOL_SOCKET, SO_RCVBUF, &size_bytes, sizeof(size_bytes));
        for (unsigned i = 0; i < client->slots_per_socket; i++) {
            client->ready[s][i] = (uint16_t)i;
        }
        client->ready_count[s] = client->slots_per_socket;
    }
    return true;
}

static bool is_done(const client_t *client)
{
    return client->once && client->next_query == client->queries->count &&
           client->result.answers + client->result.lost == client->queries->count;
}

static void run(client_t *client, batch_t *batch, double seconds)
{
    struct pollfd polls[SOCKETS];
    double began_s = load_now_s(), now_s = began_s, checked_s = began_s;
    for (unsigned s = 0; s < SOCKETS; s++) {
        polls[s] = (struct pollfd){.fd = client->sockets[s], .events = POLLIN};
        send_ready(client, s, batch, now_s);
    }
    while (now_s - began_s < seconds && !is_done(client)) {
        (void)poll(polls, SOCKETS, 100);
        now_s = load_now_s();
        if (now_s - checked_s > 0.25) {
            give_up_late(client, now_s);
            checked_s = now_s;
        }
        for (unsigned s = 0; s < SOCKETS; s++) {
            if (polls[s].revents != 0) {
                receive(client, s, batch);
            }
            send_ready(client, s, batch, now_s);
        }
    }
    client->result.seconds = now_s - began_s;
}

int main(int argc, char **argv)
{
    int status = EXIT_FAILURE;
    unsigned seconds = 0, outstanding = 0;
    load_target_t target;
    query_set_t queries = {0};
    client_t *client = calloc(1, sizeof(*client));
    batch_t *batch = calloc(1, sizeof(*batch));
    bool once = argc == 7 && strcmp(argv[6], "once") == 0;
    if (argc != 6 && !once) {
        fprintf(stderr, "usage: udpload ADDRESS PORT QUERYFILE SECONDS OUTSTANDING [once]\n");
        goto out;
    }
    if (client == NULL || batch == NULL || !load_target_parse(&target, argv[1], argv[2]) || !query_set_load(&queries, argv[3]) ||
        !load_number_parse(argv[4], 1, 3600, &seconds) || !load_number_parse(argv[5], SOCKETS, SLOTS_MAX, &outstanding)) {
        goto out;
    }
    client->queries = &queries;
    client->once = once;
    client->slots_per_socket = outstanding / SOCKETS;
    if (!open_sockets(client, &target)) {
        goto out;
    }
    run(client, batch, seconds);
    load_result_print(&client->result);
    status = EXIT_SUCCESS;
out:
    query_set_free(&queries);
    free(batch);
    free(client);
    return status;
}
