/*
 * A TCP client that keeps a given number of queries under way on each of several long-lived connections (RFC 7766): a closed loop. What a
 * read brings is answered with as many new queries in one write, as resolvers with much to ask do.
 *
 *     tcpload ADDRESS PORT QUERYFILE SECONDS CONNECTIONS OUTSTANDING_PER_CONNECTION
 *
 * Invariants: 1. a connection has at most OUTSTANDING queries under way; 2. ids are those under way, each counted once; 3. a connection
 * that the server closes is opened again, and what was under way on it is counted as lost.
 */
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1000, OUTSTANDING_MAX = 256, BUFFER_BYTES = 256 * 1024, QUERY_MAX_BYTES = 512 };

typedef struct connection {
    int socket;
    unsigned under_way;
    bool waits[OUTSTANDING_MAX]; /* by id */
    uint8_t *out;                /* queries not yet written */
    size_t out_begin, out_end;
    uint8_t *in; /* bytes of answers not yet taken */
    size_t in_size;
} connection_t;

typedef struct client {
    const query_set_t *queries;
    const load_target_t *target;
    size_t next_query;
    unsigned outstanding;
    connection_t connections[CONNECTIONS_MAX];
    struct pollfd polls[CONNECTIONS_MAX];
    load_result_t result;
} client_t;

static bool connection_open(client_t *client, connection_t *connection)
{
    int one = 1;
    connection->socket = socket(client->target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 ||
        connect(connection->socket, (const struct sockaddr *)&client->target->address, client->target->address_size) != 0) {
        perror("connect");
        return false;
    }
    (void)setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    client->result.lost += connection->under_way;
    connection->under_way = 0;
    memset(connection->waits, 0, sizeof(connection->waits));
    connection->out_begin = connection->out_end = connection->in_size = 0;
    return true;
}

static void add_query(client_t *client, connection_t *connection, unsigned id)
{
    size_t query = client->next_query;
    client->next_query = query + 1 < client->queries->count ? query + 1 : 0;
    size_t size = query_size(client->queries, query);
    if (size > QUERY_MAX_BYTES || connection->out_end + 2 + size > BUFFER_BYTES) {
        return;
    }
    uint8_t *at = connection->out + connection->out_end;
    memcpy(at, client->queries->bytes + client->queries->offsets[query] - 2, 2 + size);
    at[2] = (uint8_t)(id >> 8);
    at[3] = (uint8_t)id;
    connection->out_end += 2 + size;
    connection->waits[id] = true;
    connection->under_way++;
}

/* Fills up what is under way and writes. False: the server has closed the connection. */
static bool connection_send(client_t *client, connection_t *connection)
{
    if (connection->out_begin == connection->out_end) {
        connection->out_begin = connection->out_end = 0;
        for (unsigned id = 0; id < client->outstanding && connection->under_way < client->outstanding; id++) {
            if (!connection->waits[id]) {
                add_query(client, connection, id);
            }
        }
    }
    if (connection->out_begin < connection->out_end) {
        ssize_t sent = send(connection->socket, connection->out + connection->out_begin, connection->out_end - connection->out_begin,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        connection->out_begin += (size_t)sent;
    }
    return true;
}

/* Takes the whole answers out of the buffer. */
static void take_answers(client_t *client, connection_t *connection)
{
    size_t at = 0;
    while (connection->in_size - at >= 2) {
        const uint8_t *frame = connection->in + at;
        size_t size = (size_t)(frame[0] << 8 | frame[1]);
        if (connection->in_size - at < 2 + size) {
            break;
        }
        unsigned id = size >= 12 ? (unsigned)(frame[2] << 8 | frame[3]) : OUTSTANDING_MAX;
        if (id >= client->outstanding || !connection->waits[id] || (frame[4] & 0x80) == 0) {
            client->result.bad++;
        } else {
            connection->waits[id] = false;
            connection->under_way--;
            load_result_count(&client->result, frame + 2, size);
        }
        at += 2 + size;
    }
    memmove(connection->in, connection->in + at, connection->in_size - at);
    connection->in_size -= at;
}

/* False: the server has closed the connection. */
static bool connection_receive(client_t *client, connection_t *connection)
{
    ssize_t got = recv(connection->socket, connection->in + connection->in_size, BUFFER_BYTES - connection->in_size, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    connection->in_size += (size_t)got;
    take_answers(client, connection);
    return true;
}

static bool serve(client_t *client, unsigned i)
{
    connection_t *connection = &client->connections[i];
    struct pollfd *poll_of = &client->polls[i];
    bool is_open = (poll_of->revents & (POLLIN | POLLHUP | POLLERR)) == 0 || connection_receive(client, connection);
    is_open = is_open && connection_send(client, connection);
    if (!is_open) {
        (void)close(connection->socket);
        if (!connection_open(client, connection) || !connection_send(client, connection)) {
            return false;
        }
    }
    poll_of->fd = connection->socket;
    poll_of->events = (short)(connection->out_begin < connection->out_end ? POLLIN | POLLOUT : POLLIN);
    return true;
}

static bool open_all(client_t *client, unsigned connections)
{
    for (unsigned i = 0; i < connections; i++) {
        connection_t *connection = &client->connections[i];
        connection->in = malloc(BUFFER_BYTES);
        connection->out = malloc(BUFFER_BYTES);
        if (connection->in == NULL || connection->out == NULL || !connection_open(client, connection)) {
            return false;
        }
        client->polls[i] = (struct pollfd){.fd = connection->socket, .events = POLLIN | POLLOUT};
    }
    return true;
}

static bool run(client_t *client, unsigned connections, double seconds)
{
    double began_s = load_now_s(), now_s = began_s;
    while (now_s - began_s < seconds) {
        (void)poll(client->polls, connections, 100);
        for (unsigned i = 0; i < connections; i++) {
            if (client->polls[i].revents != 0 && !serve(client, i)) {
                return false;
            }
        }
        now_s = load_now_s();
    }
    client->result.seconds = now_s - began_s;
    return true;
}

static void client_free(client_t *client)
{
    for (unsigned i = 0; client != NULL && i < CONNECTIONS_MAX; i++) {
        free(client->connections[i].in);
        free(client->connections[i].out);
    }
    free(client);
}

int main(int argc, char **argv)
{
    int status = EXIT_FAILURE;
    unsigned seconds = 0, connections = 0;
    load_target_t target;
    query_set_t queries = {0};
    client_t *client = calloc(1, sizeof(*client));
    if (argc != 7) {
        fprintf(stderr, "usage: tcpload ADDRESS PORT QUERYFILE SECONDS CONNECTIONS OUTSTANDING_PER_CONNECTION\n");
        goto out;
    }
    if (client == NULL || !load_target_parse(&target, argv[1], argv[2]) || !query_set_load(&queries, argv[3]) ||
        !load_number_parse(argv[4], 1, 3600, &seconds) || !load_number_parse(argv[5], 1, CONNECTIONS_MAX, &connections) ||
        !load_number_parse(argv[6], 1, OUTSTANDING_MAX, &client->outstanding)) {
        goto out;
    }
    client->queries = &queries;
    client->target = &target;
    if (open_all(client, connections) && run(client, connections, seconds)) {
        load_result_print(&client->result);
        status = EXIT_SUCCESS;
    }
out:
    query_set_free(&queries);
    client_free(client);
    return status;
}
