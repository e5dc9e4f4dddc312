/* Answers over TCP that come later: which connection waits for them, and where they wait for their turn. */
#include "base/bytes.h"
#include "base/require.h"
#include "net/tcp_connection.h"

#include <stdlib.h>
#include <string.h>

enum { PENDING_FIRST = 1024 }; /* bytes: a few answers */

/* ---- connections with queries in work ---- */

/* Numbers are given one after the other, so their low bits spread evenly. */
static tcp_connection_t **find(tcp_t *tcp, uint64_t number)
{
    tcp_connection_t **link = &tcp->waiting[number % TCP_WAITING_BUCKETS];
    while (*link && (*link)->number != number) {
        link = &(*link)->next_waiting;
    }
    return link;
}

void tcp_keep(net_later_t *later, const net_client_t *client, net_route_t *route)
{
    tcp_t *tcp = (tcp_t *)later;
    tcp_connection_t *connection = tcp->answering;
    REQUIRE(connection && client->address == &connection->address);
    *route = (net_route_t){.later = later, .protocol = client->protocol, .client = *client->address, .owner = connection->number};
    if (connection->in_work++ == 0) {
        tcp_connection_t **link = find(tcp, connection->number);
        connection->next_waiting = NULL;
        connection->waiting_since_ms = tcp->now_ms;
        *link = connection;
        tcp->waiting_count++;
    }
}

static void leave_waiting(tcp_connection_t *connection)
{
    tcp_t *tcp = connection->tcp;
    tcp_connection_t **link = find(tcp, connection->number);
    DEBUG_ASSERT(*link == connection);
    *link = connection->next_waiting;
    tcp->waiting_count--;
    connection->in_work = 0;
}

/* The idle timer goes on where it was when the first of the queries came: it has rested, not begun again. */
static void end_waiting(tcp_connection_t *connection, int64_t now_ms)
{
    int64_t rested_ms = connection->rested_ms + (now_ms - connection->waiting_since_ms);
    connection->rested_ms = rested_ms < now_ms ? rested_ms : now_ms;
    leave_waiting(connection);
}

/* ---- what waits for its turn ---- */

static bool make_room(tcp_connection_t *connection, size_t size)
{
    tcp_pending_t *pending = &connection->pending;
    size_t capacity = pending->capacity > 0 ? pending->capacity : PENDING_FIRST;
    while (capacity - pending->size < size) {
        capacity *= 2;
    }
    if (capacity == pending->capacity) {
        return true;
    }
    if (!tcp_output_take_budget(connection, capacity - pending->capacity)) {
        return false;
    }
    uint8_t *data = realloc(pending->data, capacity);
    if (!data) {
        net_budget_give(tcp_connection_budget(connection), capacity - pending->capacity);
        return false;
    }
    pending->data = data;
    pending->capacity = (uint32_t)capacity;
    return true;
}

static bool add_pending(tcp_connection_t *connection, const uint8_t *message, size_t size)
{
    if (!make_room(connection, 2 + size)) {
        return false;
    }
    tcp_pending_t *pending = &connection->pending;
    store_be16(pending->data + pending->size, (uint16_t)size);
    memcpy(pending->data + pending->size + 2, message, size);
    pending->size += (uint32_t)(2 + size);
    return true;
}

/* The handler may be at work on a request out of its buffers: then it is closed as soon as the handler is done. */
static void give_up(tcp_connection_t *connection)
{
    if (connection == connection->tcp->answering) {
        connection->failed = true;
    } else {
        tcp_connection_close(connection);
    }
}

void tcp_answer(const net_route_t *route, const uint8_t *message, size_t size, uint16_t idle_timeout_ds)
{
    tcp_t *tcp = (tcp_t *)route->later;
    tcp_connection_t *connection = *find(tcp, route->owner);
    REQUIRE(size <= FRAME_MAX - 2);
    if (!connection) {
        if (size > 0) {
            net_count(tcp->environment.counters, NET_TCP_CLIENT_GONE);
        }
        return;
    }
    if (idle_timeout_ds > 0) {
        connection->promised = true;
        tcp->kept_ms = idle_timeout_ds * 100u;
    }
    int64_t now_ms = tcp_now_ms();
    if (size > 0) {
        if (!add_pending(connection, message, size)) {
            give_up(connection);
            return;
        }
        connection->answered = true;
        connection->rested_ms = now_ms;
    }
    if (--connection->in_work == 0) {
        end_waiting(connection, now_ms);
    }
    tcp_connection_queue(connection);
}

void tcp_connection_forget_later(tcp_connection_t *connection)
{
    if (connection->in_work > 0) {
        leave_waiting(connection);
    }
    net_budget_give(tcp_connection_budget(connection), connection->pending.capacity);
    free(connection->pending.data);
    connection->pending = (tcp_pending_t){.data = NULL};
}
