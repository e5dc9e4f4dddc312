/* TCP connections to other servers: reused, pipelined, bounded (RFC 7766 6.2).
 *
 *     FREE --connect()--> CONNECTING --established--> OPEN --+--> ENDING --all queries told--> FREE
 *                              |                             |
 *                              +--refused, or wanted by none-+-- closed by the peer, broken framing, idle for long, evicted
 *
 * Invariants
 *  1. query_count is the length of `queries`; their ids differ from each other and from stale_ids.
 *  2. CONNECTING and OPEN ones are in the chain of their server's hash; OPEN ones without queries in the list of idle ones, and only those.
 *  3. The connection whose turn it is (`current`) is not ended by what its handlers do, but after its turn.
 *  4. out[out_start..out_end) waits to be written: in the tick (dirty), or when the socket has room (EPOLLOUT).
 */
#include "base/bytes.h"
#include "base/require.h"
#include "net/address.h"
#include "net/upstream_internal.h"

#include <errno.h>
#include <stdlib.h>

static struct upstream_connection_chain *chain_of(const upstream_t *upstream, const net_address_t *server)
{
    return &upstream->connection_chains[upstream_hash(upstream, server) & upstream->connection_chain_mask];
}

/* ---- lists ---- */

static void set_idle(upstream_connection_t *connection, bool idle)
{
    upstream_t *upstream = connection->upstream;
    if (connection->is_idle == idle) {
        return;
    }
    connection->is_idle = idle;
    if (idle) {
        connection->idle_since_ms = upstream->now_ms;
        TAILQ_INSERT_TAIL(&upstream->idle_connections, connection, link);
    } else {
        TAILQ_REMOVE(&upstream->idle_connections, connection, link);
    }
}

static void set_dirty(upstream_connection_t *connection, bool dirty)
{
    upstream_t *upstream = connection->upstream;
    if (connection->is_dirty == dirty) {
        return;
    }
    connection->is_dirty = dirty;
    if (dirty) {
        TAILQ_INSERT_TAIL(&upstream->dirty_connections, connection, dirty);
    } else {
        TAILQ_REMOVE(&upstream->dirty_connections, connection, dirty);
    }
}

static void attach(upstream_connection_t *connection, upstream_query_t *query)
{
    set_idle(connection, false);
    query->connection = connection;
    connection->query_count++;
    TAILQ_INSERT_TAIL(&connection->queries, query, link);
}

static void detach(upstream_connection_t *connection, upstream_query_t *query)
{
    connection->query_count--;
    TAILQ_REMOVE(&connection->queries, query, link);
    upstream_query_end(connection->upstream, query);
}

/* ---- the end ---- */

/* Ends a connection; those who wait on it are told `failure`. */
static void end(upstream_connection_t *connection, upstream_failure_t failure)
{
    upstream_t *upstream = connection->upstream;
    if (connection->state == CONNECTION_FREE || connection->state == CONNECTION_ENDING) {
        return;
    }
    connection->state = CONNECTION_ENDING;
    set_idle(connection, false);
    set_dirty(connection, false);
    LIST_REMOVE(connection, chain);
    connection->stream.operations->close(&connection->stream);
    framing_clear(&connection->in, &upstream->budget);
    upstream_count(upstream, NET_UPSTREAM_CONNECTIONS_CLOSED);
    upstream_query_t *query;
    while ((query = TAILQ_FIRST(&connection->queries)) != NULL) {
        uint64_t owner = query->owner;
        detach(connection, query);
        upstream_tell_failed(upstream, owner, failure);
    }
    connection->state = CONNECTION_FREE;
    TAILQ_INSERT_HEAD(&upstream->free_connections, connection, link);
}

/* After a query on it was over: idle, or of no more use. */
static void settle(upstream_connection_t *connection)
{
    if (connection->query_count > 0 || connection->state == CONNECTION_ENDING || connection->state == CONNECTION_FREE ||
        connection == connection->upstream->current) {
        return;
    }
    if (connection->state == CONNECTION_CONNECTING || connection->is_suspect || connection->is_worn) {
        end(connection, UPSTREAM_CLOSED);
    } else {
        set_idle(connection, true);
    }
}

/* ---- writing ---- */

static bool set_interest(upstream_connection_t *connection, uint32_t interest)
{
    if (connection->interest == interest) {
        return true;
    }
    connection->interest = interest;
    return net_event_change(connection->upstream->environment.epoll_fd, connection->stream.fd, interest, &connection->event) == 0;
}

/* False: the connection was ended. */
static bool flush(upstream_connection_t *connection)
{
    upstream_stream_t *stream = &connection->stream;
    while (connection->out_start < connection->out_end) {
        size_t n = 0;
        status_t status =
            stream->operations->write(stream, connection->out + connection->out_start, connection->out_end - connection->out_start, &n);
        if (status == STATUS_AGAIN) {
            break;
        }
        if (status != STATUS_OK) {
            end(connection, upstream_failure(errno));
            return false;
        }
        connection->out_start += (uint32_t)n;
    }
    bool all = connection->out_start == connection->out_end;
    if (all) {
        connection->out_start = 0;
        connection->out_end = 0;
    }
    if (!set_interest(connection, all ? EPOLLIN : EPOLLIN | EPOLLOUT)) {
        end(connection, UPSTREAM_CLOSED);
        return false;
    }
    return true;
}

static void append(upstream_connection_t *connection, const uint8_t *message, size_t size)
{
    if (connection->out_start > 0) {
        memmove(connection->out, connection->out + connection->out_start, connection->out_end - connection->out_start);
        connection->out_end -= connection->out_start;
        connection->out_start = 0;
    }
    store_be16(connection->out + connection->out_end, (uint16_t)size);
    memcpy(connection->out + connection->out_end + 2, message, size);
    connection->out_end += 2 + (uint32_t)size;
    if (connection->state == CONNECTION_OPEN && !(connection->interest & EPOLLOUT)) {
        set_dirty(connection, true);
    }
}

/* ---- reading ---- */

static void forget_stale(upstream_connection_t *connection, uint16_t id)
{
    for (unsigned i = 0; i < connection->stale_count; i++) {
        if (connection->stale_ids[i] == id) {
            connection->stale_ids[i] = connection->stale_ids[--connection->stale_count];
            return;
        }
    }
}

static upstream_query_t *find_query(const upstream_connection_t *connection, uint16_t id)
{
    upstream_query_t *query;
    TAILQ_FOREACH(query, &connection->queries, link)
    {
        if (query->id == id) {
            break;
        }
    }
    return query;
}

static void take_message(upstream_connection_t *connection, const uint8_t *message, size_t size)
{
    upstream_t *upstream = connection->upstream;
    uint16_t id = load_be16(message);
    upstream_query_t *query = find_query(connection, id);
    connection->is_suspect = false;
    if (!query) {
        upstream_count(upstream, NET_UPSTREAM_LATE);
        forget_stale(connection, id);
        return;
    }
    uint32_t generation = query->generation;
    if (upstream_deliver(upstream, query, &connection->server, message, size) && query->generation == generation) {
        detach(connection, query);
    }
}

typedef enum turn_end { TURN_GOES_ON, TURN_CLOSED, TURN_BROKEN, TURN_NO_MEMORY } turn_end_t;

static turn_end_t take_messages(upstream_connection_t *connection)
{
    const uint8_t *message = NULL;
    size_t size = 0;
    while (framing_next(&connection->in, &message, &size)) {
        if (size < UPSTREAM_HEADER_SIZE) {
            upstream_count(connection->upstream, NET_UPSTREAM_MALFORMED);
            return TURN_BROKEN;
        }
        take_message(connection, message, size);
    }
    return TURN_GOES_ON;
}

/* One read, and all messages that are whole then. */
static turn_end_t read_some(upstream_connection_t *connection)
{
    upstream_t *upstream = connection->upstream;
    uint8_t *where = NULL;
    size_t room = 0;
    size_t n = 0;
    if (framing_room(&connection->in, upstream->scratch, &upstream->budget, &where, &room) != STATUS_OK) {
        return TURN_NO_MEMORY;
    }
    status_t status = connection->stream.operations->read(&connection->stream, where, room, &n);
    if (status == STATUS_END || status == STATUS_IO) {
        return TURN_CLOSED;
    }
    turn_end_t result = TURN_GOES_ON;
    if (status == STATUS_OK) {
        framing_add(&connection->in, n);
        result = take_messages(connection);
    }
    return framing_keep(&connection->in, &upstream->budget) == STATUS_OK ? result : TURN_NO_MEMORY;
}

static void take_turn(upstream_connection_t *connection)
{
    connection->upstream->current = connection;
    turn_end_t result = read_some(connection);
    connection->upstream->current = NULL;
    switch (result) {
    case TURN_GOES_ON:
        settle(connection);
        break;
    case TURN_CLOSED:
        end(connection, UPSTREAM_CLOSED);
        break;
    case TURN_BROKEN:
        end(connection, UPSTREAM_BROKEN);
        break;
    case TURN_NO_MEMORY:
        end(connection, UPSTREAM_NO_MEMORY);
        break;
    }
}

/* False: not yet, or never. */
static bool establish(upstream_connection_t *connection)
{
    status_t status = connection->stream.operations->establish(&connection->stream);
    if (status == STATUS_OK) {
        connection->state = CONNECTION_OPEN;
        return flush(connection);
    }
    if (status != STATUS_AGAIN) {
        end(connection, upstream_failure(errno) == UPSTREAM_UNREACHABLE ? UPSTREAM_UNREACHABLE : UPSTREAM_REFUSED);
    }
    return false;
}

static void connection_ready(net_event_t *event, uint32_t events)
{
    upstream_connection_t *connection = (upstream_connection_t *)event;
    if (connection->state == CONNECTION_CONNECTING) {
        (void)establish(connection); /* what is readable already is reported again in the next round */
        return;
    }
    if (connection->state == CONNECTION_OPEN && (events & EPOLLOUT) && !flush(connection)) {
        return;
    }
    if (connection->state == CONNECTION_OPEN && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        take_turn(connection);
    }
}

/* ---- opening ---- */

static upstream_connection_t *take_slot(upstream_t *upstream)
{
    if (TAILQ_EMPTY(&upstream->free_connections)) {
        upstream_connection_t *idle = TAILQ_FIRST(&upstream->idle_connections);
        if (!idle) {
            return NULL;
        }
        end(idle, UPSTREAM_CLOSED); /* nobody waits on it */
    }
    return TAILQ_FIRST(&upstream->free_connections);
}

static void begin(upstream_connection_t *connection, const net_address_t *server)
{
    upstream_t *upstream = connection->upstream;
    TAILQ_REMOVE(&upstream->free_connections, connection, link);
    connection->state = CONNECTION_CONNECTING;
    connection->server = *server;
    connection->interest = EPOLLOUT;
    connection->out_start = 0;
    connection->out_end = 0;
    connection->stale_count = 0;
    connection->is_suspect = false;
    connection->is_worn = false;
    LIST_INSERT_HEAD(chain_of(upstream, server), connection, chain);
    upstream_count(upstream, NET_UPSTREAM_CONNECTIONS_OPENED);
}

static status_t open_towards(upstream_t *upstream, const net_address_t *server, upstream_connection_t **out)
{
    upstream_connection_t *connection = take_slot(upstream);
    if (!connection) {
        return STATUS_LIMIT;
    }
    connection->out = connection->out ? connection->out : malloc(UPSTREAM_TCP_OUT_SIZE);
    if (!connection->out) {
        return STATUS_NO_MEMORY;
    }
    int fd = upstream_socket_tcp(upstream, server);
    if (fd < 0 && upstream_is_shortage(errno)) {
        upstream_count(upstream, NET_UPSTREAM_NO_DESCRIPTORS);
        if (!upstream_udp_give_descriptor(upstream)) {
            return STATUS_LIMIT;
        }
        fd = upstream_socket_tcp(upstream, server);
    }
    if (fd < 0) {
        return upstream_is_shortage(errno) ? STATUS_LIMIT : STATUS_IO;
    }
    if (net_event_add(upstream->environment.epoll_fd, fd, EPOLLOUT, &connection->event) != 0) {
        (void)upstream_socket_discard(fd);
        return STATUS_IO;
    }
    upstream_stream_plain(&connection->stream, fd);
    begin(connection, server);
    *out = connection;
    return STATUS_OK;
}

/* ---- sending ---- */

static bool id_is_stale(const upstream_connection_t *connection, uint16_t id)
{
    for (unsigned i = 0; i < connection->stale_count; i++) {
        if (connection->stale_ids[i] == id) {
            return true;
        }
    }
    return false;
}

/* What the connections to one server have to offer. */
typedef struct offer {
    upstream_connection_t *connection; /* that takes the query; NULL: none */
    unsigned count;                    /* all of them */
    bool id_clashes;                   /* one would take it with another id */
} offer_t;

static offer_t look_for(upstream_t *upstream, const upstream_request_t *request, uint16_t id)
{
    offer_t offer = {.count = 0};
    upstream_connection_t *connection;
    LIST_FOREACH(connection, chain_of(upstream, request->server), chain)
    {
        if (!net_address_equal(&connection->server, request->server)) {
            continue;
        }
        offer.count++;
        if (offer.connection || connection->is_suspect || connection->is_worn ||
            connection->query_count >= upstream->settings.tcp_pipeline_max ||
            connection->out_end - connection->out_start + 2 + request->size > UPSTREAM_TCP_OUT_SIZE) {
            continue;
        }
        if (find_query(connection, id) || id_is_stale(connection, id)) {
            offer.id_clashes = true;
        } else {
            offer.connection = connection;
        }
    }
    return offer;
}

status_t upstream_tcp_send(upstream_t *upstream, const upstream_request_t *request, upstream_query_t *query)
{
    if (request->size > UPSTREAM_TCP_OUT_SIZE - 2) {
        return STATUS_NO_SPACE;
    }
    offer_t offer = look_for(upstream, request, query->id);
    if (!offer.connection) {
        if (offer.count >= upstream->settings.tcp_connections_per_server_max) {
            return offer.id_clashes ? STATUS_AGAIN : STATUS_LIMIT;
        }
        status_t status = open_towards(upstream, request->server, &offer.connection);
        if (status != STATUS_OK) {
            return status;
        }
    }
    attach(offer.connection, query);
    append(offer.connection, request->message, request->size);
    return STATUS_OK;
}

void upstream_tcp_cancel(upstream_query_t *query)
{
    upstream_connection_t *connection = query->connection;
    if (connection->stale_count < UPSTREAM_STALE_IDS) {
        connection->stale_ids[connection->stale_count++] = query->id;
    } else {
        connection->is_worn = true;
    }
    connection->is_suspect = true;
    detach(connection, query);
    settle(connection);
}

/* ---- time ---- */

uint64_t upstream_tcp_deadline_ms(const upstream_t *upstream)
{
    if (!TAILQ_EMPTY(&upstream->dirty_connections)) {
        return 0;
    }
    const upstream_connection_t *first = TAILQ_FIRST(&upstream->idle_connections);
    return first ? first->idle_since_ms + upstream->settings.tcp_idle_ms : UINT64_MAX;
}

void upstream_tcp_tick(upstream_t *upstream)
{
    upstream_connection_t *connection;
    while ((connection = TAILQ_FIRST(&upstream->dirty_connections)) != NULL) {
        set_dirty(connection, false);
        (void)flush(connection);
    }
    while ((connection = TAILQ_FIRST(&upstream->idle_connections)) != NULL &&
           connection->idle_since_ms + upstream->settings.tcp_idle_ms <= upstream->now_ms) {
        end(connection, UPSTREAM_CLOSED);
    }
}

/* ---- life ---- */

status_t upstream_tcp_init(upstream_t *upstream)
{
    unsigned count = upstream->settings.tcp_connections_max;
    size_t chains = 16;
    while (chains < count) {
        chains *= 2;
    }
    TAILQ_INIT(&upstream->free_connections);
    TAILQ_INIT(&upstream->idle_connections);
    TAILQ_INIT(&upstream->dirty_connections);
    upstream->budget.maximum = upstream->settings.tcp_buffers_max_bytes;
    upstream->connections = calloc(count, sizeof *upstream->connections);
    upstream->connection_chains = calloc(chains, sizeof *upstream->connection_chains);
    upstream->scratch = malloc(FRAMING_SCRATCH_MAX);
    if (!upstream->connections || !upstream->connection_chains || !upstream->scratch) {
        return STATUS_NO_MEMORY;
    }
    upstream->connection_chain_mask = chains - 1;
    for (unsigned i = 0; i < count; i++) {
        upstream_connection_t *connection = &upstream->connections[i];
        *connection = (upstream_connection_t){.event = {.ready = connection_ready}, .upstream = upstream};
        TAILQ_INIT(&connection->queries);
        TAILQ_INSERT_TAIL(&upstream->free_connections, connection, link);
    }
    return STATUS_OK;
}

void upstream_tcp_clear(upstream_t *upstream)
{
    for (unsigned i = 0; upstream->connections && i < upstream->settings.tcp_connections_max; i++) {
        upstream_connection_t *connection = &upstream->connections[i];
        if (connection->state != CONNECTION_FREE) {
            connection->stream.operations->close(&connection->stream);
            framing_clear(&connection->in, &upstream->budget);
        }
        free(connection->out);
    }
    free(upstream->connections);
    free(upstream->connection_chains);
    free(upstream->scratch);
}
