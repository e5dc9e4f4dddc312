/* Servers that send anything at any time, to the resolver's sockets: streams cut anywhere, replies nobody asked for, ends in the midst;
 * while queries come and are cancelled, also from inside of what is told of them. Each query is over exactly once, and a reply is shown
 * only to who asked that server by that protocol, and over TCP in that id.
 *
 * Connections are pairs of local sockets, made here in place of upstream_socket.c; datagrams go over loopback. Input: steps, each an octet
 * that tells what (see step_kind), then what it needs. */
#include "base/bytes.h"
#include "base/require.h"
#include "fuzz.h"
#include "net/address.h"
#include "net/upstream_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { SERVERS = 2, PEERS_MAX = 24, ASKED_MAX = 64, STEPS_MAX = 400, ID_MASK = 7, ROUNDS_MAX = 4, MESSAGE_SIZE_MAX = 24000 };

typedef enum step_kind {
    STEP_ASK_UDP,      /* server, id, size */
    STEP_ASK_TCP,      /* likewise */
    STEP_CANCEL,       /* query */
    STEP_PEER_BYTES,   /* connection, count, as many octets */
    STEP_PEER_REPLY,   /* query, size: a whole message in its id */
    STEP_PEER_END,     /* connection, how */
    STEP_PEER_READ,    /* connection */
    STEP_UDP_REPLY,    /* query, size, from which server */
    STEP_TIME,         /* how long */
    STEP_ROUND,        /* what is ready */
    STEP_MOOD,         /* what handlers do: see mood */
    STEP_NEXT_FAILS,   /* why the next socket is not to be had */
    STEP_REPLY_BEGINS, /* connection, query, size, how much: a whole message cut short; what follows are other steps */
    STEP_KINDS
} step_kind_t;

enum mood { MOOD_REFUSES = 1, MOOD_ASKS = 2, MOOD_CANCELS_ITSELF = 4, MOOD_CANCELS_FIRST = 8, MOOD_OVER_TCP = 16 };

typedef struct asked {
    upstream_ticket_t ticket;
    uint16_t id;
    uint8_t server;
    net_protocol_t protocol;
    bool is_out;
    net_address_t client; /* over UDP, where the server saw it come from */
} asked_t;

typedef struct fuzz {
    upstream_t *upstream;
    byte_reader_t reader;
    net_counters_t counters;
    uint64_t random;
    uint64_t now_ms;
    int epoll_fd;
    unsigned mood;
    int next_failure; /* errno of the next socket; 0: none */
    int peers[PEERS_MAX];
    unsigned peer_count;
    asked_t asked[ASKED_MAX];
    unsigned asked_count;
    unsigned out_count;
    uint8_t message[MESSAGE_SIZE_MAX];
} fuzz_t;

/* For the whole process. */
typedef struct servers {
    int fd[SERVERS];
    net_address_t address[SERVERS];
} servers_t;

static const servers_t *get_servers(void)
{
    static servers_t *servers;
    if (!servers) {
        servers = calloc(1, sizeof *servers);
        REQUIRE(servers);
        for (unsigned i = 0; i < SERVERS; i++) {
            socklen_t size = sizeof servers->address[i].v4;
            servers->address[i].v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
            servers->fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            REQUIRE(servers->fd[i] >= 0 && bind(servers->fd[i], &servers->address[i].sa, size) == 0);
            REQUIRE(getsockname(servers->fd[i], &servers->address[i].sa, &size) == 0);
        }
    }
    return servers;
}

static uint64_t next_random(void *context)
{
    fuzz_t *fuzz = context;
    return fuzz->random += UINT64_C(0x9e3779b97f4a7c15);
}

/* ---- in place of upstream_socket.c ---- */

int upstream_socket_discard(int fd)
{
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static bool fails(fuzz_t *fuzz)
{
    errno = fuzz->next_failure;
    fuzz->next_failure = 0;
    return errno != 0;
}

int upstream_socket_udp(upstream_t *upstream, sa_family_t family)
{
    fuzz_t *fuzz = upstream->environment.handler.context;
    return fails(fuzz) ? -1 : socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int upstream_socket_tcp(upstream_t *upstream, const net_address_t *server)
{
    fuzz_t *fuzz = upstream->environment.handler.context;
    int pair[2];
    int little = 1; /* the least the system allows: writes are cut short */
    (void)server;
    if (fails(fuzz)) {
        return -1;
    }
    if (fuzz->peer_count == PEERS_MAX) {
        errno = EMFILE;
        return -1;
    }
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
    REQUIRE(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof little) == 0);
    fuzz->peers[fuzz->peer_count++] = pair[1];
    return pair[0];
}

/* ---- queries ---- */

static void ask(fuzz_t *fuzz, net_protocol_t protocol, unsigned server, uint16_t id, size_t size)
{
    if (fuzz->asked_count == ASKED_MAX) {
        return;
    }
    const servers_t *servers = get_servers();
    asked_t *asked = &fuzz->asked[fuzz->asked_count];
    *asked = (asked_t){.id = id & ID_MASK, .server = (uint8_t)(server % SERVERS), .protocol = protocol};
    store_be16(fuzz->message, asked->id);
    fuzz->message[2] = (uint8_t)fuzz->asked_count; /* tells the server which query it is */
    upstream_request_t request = {
        .protocol = protocol,
        .server = &servers->address[asked->server],
        .message = fuzz->message,
        .size = UPSTREAM_HEADER_SIZE + size,
        .owner = fuzz->asked_count,
        .now_ms = fuzz->now_ms,
    };
    status_t status = upstream_send(fuzz->upstream, &request, &asked->ticket);
    REQUIRE(status == STATUS_OK || status == STATUS_LIMIT || status == STATUS_IO || status == STATUS_NO_SPACE ||
            (status == STATUS_AGAIN && protocol == NET_TCP));
    if (status == STATUS_OK) {
        REQUIRE(asked->ticket != 0);
        asked->is_out = true;
        fuzz->asked_count++;
        fuzz->out_count++;
    }
}

static void end(fuzz_t *fuzz, asked_t *asked)
{
    REQUIRE(asked->is_out && fuzz->out_count > 0);
    asked->is_out = false;
    fuzz->out_count--;
}

static void cancel(fuzz_t *fuzz, asked_t *asked)
{
    upstream_cancel(fuzz->upstream, asked->ticket);
    if (asked->is_out) {
        end(fuzz, asked);
    }
}

static void act_within(fuzz_t *fuzz, asked_t *asked)
{
    if (fuzz->mood & MOOD_ASKS) {
        ask(fuzz, fuzz->mood & MOOD_OVER_TCP ? NET_TCP : NET_UDP, asked->server, (uint16_t)(asked->id + 1), 0);
    }
    if (fuzz->mood & MOOD_CANCELS_FIRST) {
        for (unsigned i = 0; i < fuzz->asked_count; i++) {
            if (fuzz->asked[i].is_out && &fuzz->asked[i] != asked) {
                cancel(fuzz, &fuzz->asked[i]);
                break;
            }
        }
    }
}

static bool take_reply(void *context, const upstream_reply_t *reply)
{
    fuzz_t *fuzz = context;
    REQUIRE(reply->owner < fuzz->asked_count && reply->size >= UPSTREAM_HEADER_SIZE);
    asked_t *asked = &fuzz->asked[reply->owner];
    bool has_id = load_be16(reply->message) == asked->id;
    REQUIRE(asked->is_out && reply->protocol == asked->protocol && (has_id || reply->protocol == NET_UDP));
    REQUIRE(net_address_equal(reply->server, &get_servers()->address[asked->server]));
    REQUIRE(reply->protocol == NET_TCP || reply->size <= UPSTREAM_UDP_MESSAGE_MAX);
    act_within(fuzz, asked);
    if (fuzz->mood & MOOD_CANCELS_ITSELF) {
        cancel(fuzz, asked);
        return (fuzz->mood & MOOD_REFUSES) == 0;
    }
    if (!has_id || (fuzz->mood & MOOD_REFUSES)) {
        return false;
    }
    end(fuzz, asked);
    return true;
}

static void take_failure(void *context, uint64_t owner, upstream_failure_t failure)
{
    fuzz_t *fuzz = context;
    REQUIRE(owner < fuzz->asked_count && failure <= UPSTREAM_NO_MEMORY);
    end(fuzz, &fuzz->asked[owner]);
    act_within(fuzz, &fuzz->asked[owner]);
}

/* ---- servers ---- */

static asked_t *choose_asked(fuzz_t *fuzz)
{
    unsigned number = byte_read_u8(&fuzz->reader);
    return fuzz->asked_count > 0 ? &fuzz->asked[number % fuzz->asked_count] : NULL;
}

static int choose_peer(fuzz_t *fuzz)
{
    unsigned number = byte_read_u8(&fuzz->reader);
    return fuzz->peer_count > 0 ? fuzz->peers[number % fuzz->peer_count] : -1;
}

/* What does not fit is lost, as the rest of a message may be. */
static void peer_send(int peer, const uint8_t *bytes, size_t size)
{
    if (peer >= 0) {
        (void)!send(peer, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

static void peer_reply(int peer, const asked_t *asked, size_t size, size_t part)
{
    uint8_t *framed = calloc(1, 2 + size);
    REQUIRE(framed);
    store_be16(framed, (uint16_t)size);
    if (size >= 2) {
        store_be16(framed + 2, asked ? asked->id : 0);
    }
    peer_send(peer, framed, part < 2 + size ? part : 2 + size);
    free(framed);
}

static void peer_end(int peer, unsigned how)
{
    if (peer >= 0) {
        shutdown(peer, how % 3 == 0 ? SHUT_WR : how % 3 == 1 ? SHUT_RD : SHUT_RDWR);
    }
}

static void peer_read(int peer)
{
    uint8_t bytes[8192];
    if (peer >= 0) {
        (void)!recv(peer, bytes, sizeof bytes, MSG_DONTWAIT);
    }
}

/* Where queries come from. */
static void read_queries(fuzz_t *fuzz)
{
    const servers_t *servers = get_servers();
    for (unsigned i = 0; i < SERVERS; i++) {
        uint8_t query[UPSTREAM_HEADER_SIZE];
        net_address_t from;
        socklen_t length = sizeof from;
        while (recvfrom(servers->fd[i], query, sizeof query, 0, &from.sa, &length) >= UPSTREAM_HEADER_SIZE) {
            REQUIRE(query[2] < fuzz->asked_count + 1u);
            fuzz->asked[query[2] % ASKED_MAX].client = from;
            length = sizeof from;
        }
    }
}

static void udp_reply(fuzz_t *fuzz, const asked_t *asked, size_t size, unsigned server)
{
    read_queries(fuzz);
    if (!asked || asked->client.sa.sa_family != AF_INET) {
        return;
    }
    uint8_t *reply = calloc(1, size + 2);
    REQUIRE(reply);
    store_be16(reply, asked->id ^ (server >> 6)); /* the id is wrong now and then */
    (void)!sendto(get_servers()->fd[server % SERVERS], reply, size, MSG_DONTWAIT, &asked->client.sa, net_address_size(&asked->client));
    free(reply);
}

/* ---- the run ---- */

static void round_of_events(fuzz_t *fuzz)
{
    struct epoll_event events[16];
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        int count = epoll_wait(fuzz->epoll_fd, events, 16, 0);
        for (int i = 0; i < count; i++) {
            net_event_t *event = events[i].data.ptr;
            event->ready(event, events[i].events);
        }
        upstream_tick(fuzz->upstream, fuzz->now_ms);
        if (count <= 0) {
            break;
        }
    }
}

/* Invariants that can be seen between events. */
static void check(const fuzz_t *fuzz)
{
    const upstream_t *upstream = fuzz->upstream;
    unsigned outstanding = 0;
    REQUIRE(upstream_outstanding(upstream) == fuzz->out_count);
    for (unsigned i = 0; i < upstream->settings.tcp_connections_max; i++) {
        const upstream_connection_t *connection = &upstream->connections[i];
        unsigned queries = 0;
        const upstream_query_t *query;
        TAILQ_FOREACH(query, &connection->queries, link)
        {
            REQUIRE(query->in_use && query->connection == connection);
            queries++;
        }
        REQUIRE(queries == connection->query_count && queries <= upstream->settings.tcp_pipeline_max);
        REQUIRE(connection->state == CONNECTION_CONNECTING || connection->state == CONNECTION_OPEN || queries == 0);
        REQUIRE(connection->is_idle == (connection->state == CONNECTION_OPEN && queries == 0));
        REQUIRE(connection->out_start <= connection->out_end && connection->out_end <= UPSTREAM_TCP_OUT_SIZE);
        outstanding += queries;
    }
    for (unsigned i = 0; i < upstream->settings.udp_sockets_max; i++) {
        const upstream_socket_t *socket = &upstream->sockets[i];
        REQUIRE((socket->state == SOCKET_FREE) == (socket->fd < 0));
        REQUIRE((socket->state == SOCKET_BUSY) == (socket->query != NULL));
        outstanding += socket->query != NULL;
    }
    REQUIRE(outstanding == fuzz->out_count);
}

static void step_ask(fuzz_t *fuzz, net_protocol_t protocol)
{
    unsigned server = byte_read_u8(&fuzz->reader);
    uint16_t id = byte_read_u8(&fuzz->reader);
    ask(fuzz, protocol, server, id, byte_read_u8(&fuzz->reader) * 80u);
}

static void step_peer(fuzz_t *fuzz, step_kind_t kind)
{
    int peer = choose_peer(fuzz);
    const asked_t *asked;
    size_t size;
    switch (kind) {
    case STEP_PEER_BYTES:
        size = byte_read_u8(&fuzz->reader);
        size = size < byte_reader_left(&fuzz->reader) ? size : byte_reader_left(&fuzz->reader);
        peer_send(peer, byte_read(&fuzz->reader, size), size);
        break;
    case STEP_PEER_END:
        peer_end(peer, byte_read_u8(&fuzz->reader));
        break;
    case STEP_PEER_READ:
        peer_read(peer);
        break;
    default:
        asked = choose_asked(fuzz);
        size = byte_read_u16(&fuzz->reader);
        peer_reply(peer, asked, size, kind == STEP_PEER_REPLY ? 2 + size : byte_read_u16(&fuzz->reader));
        break;
    }
}

static void step(fuzz_t *fuzz)
{
    static const int failures[] = {EMFILE, ENOBUFS, ENETUNREACH, EAGAIN, EACCES, ECONNREFUSED};
    step_kind_t kind = byte_read_u8(&fuzz->reader) % STEP_KINDS;
    asked_t *asked;
    size_t size;
    switch (kind) {
    case STEP_ASK_UDP:
    case STEP_ASK_TCP:
        step_ask(fuzz, kind == STEP_ASK_UDP ? NET_UDP : NET_TCP);
        break;
    case STEP_CANCEL:
        asked = choose_asked(fuzz);
        if (asked) {
            cancel(fuzz, asked);
        }
        break;
    case STEP_UDP_REPLY:
        asked = choose_asked(fuzz);
        size = byte_read_u16(&fuzz->reader) % 8192;
        udp_reply(fuzz, asked, size, byte_read_u8(&fuzz->reader));
        break;
    case STEP_TIME:
        fuzz->now_ms += byte_read_u8(&fuzz->reader) * 4u;
        upstream_tick(fuzz->upstream, fuzz->now_ms);
        break;
    case STEP_ROUND:
        round_of_events(fuzz);
        break;
    case STEP_MOOD:
        fuzz->mood = byte_read_u8(&fuzz->reader);
        break;
    case STEP_NEXT_FAILS:
        fuzz->next_failure = failures[byte_read_u8(&fuzz->reader) % ARRAY_SIZE(failures)];
        break;
    default:
        step_peer(fuzz, kind);
        break;
    }
    check(fuzz);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_t *fuzz = calloc(1, sizeof *fuzz);
    REQUIRE(fuzz);
    fuzz->reader = byte_reader(data, size);
    fuzz->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    upstream_settings_t settings = {
        .queries_max = 8,
        .udp_sockets_max = 3,
        .udp_uses_max = 3,
        .udp_life_ms = 700,
        .udp_fragments_allowed = true,
        .tcp_connections_max = 3,
        .tcp_connections_per_server_max = 2,
        .tcp_pipeline_max = 3,
        .tcp_idle_ms = 500,
        .tcp_buffers_max_bytes = FRAMING_MAX + FRAMING_MEDIUM,
    };
    upstream_environment_t environment = {
        .epoll_fd = fuzz->epoll_fd,
        .handler = {.context = fuzz, .reply = take_reply, .failed = take_failure},
        .random = {.next = next_random, .context = fuzz},
        .counters = &fuzz->counters,
    };
    REQUIRE(fuzz->epoll_fd >= 0 && upstream_new(&environment, &settings, &fuzz->upstream) == STATUS_OK);
    for (unsigned steps = 0; steps < STEPS_MAX && byte_reader_left(&fuzz->reader) > 0; steps++) {
        step(fuzz);
    }
    read_queries(fuzz);
    upstream_free(fuzz->upstream);
    for (unsigned i = 0; i < fuzz->peer_count; i++) {
        close(fuzz->peers[i]);
    }
    close(fuzz->epoll_fd);
    free(fuzz);
    return 0;
}
