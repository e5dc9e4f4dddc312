/* Queries, settings and what UDP and TCP have in common; the sockets are in upstream_udp.c, the connections in upstream_tcp.c. */
#include "net/upstream.h"

#include "base/bytes.h"
#include "base/require.h"
#include "net/address.h"
#include "net/upstream_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SYSTEM_PORTS_ENOUGH = 28000, /* Linux has 28,232 by default: 14.8 bits */
    OWN_PORT_LOW = 16384,        /* few services listen above */
    OWN_PORT_HIGH = 65535,
};

/* ---- settings ---- */

unsigned upstream_system_ports(void)
{
    char line[64] = "";
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (!file) {
        return 0;
    }
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    char *behind = line;
    unsigned long low = strtoul(line, &behind, 10);
    unsigned long high = strtoul(behind, NULL, 10); /* 0 where there is no second number */
    return read && low <= high && high > 0 && high <= UINT16_MAX ? (unsigned)(high - low + 1) : 0;
}

void upstream_settings_default(upstream_settings_t *settings)
{
    *settings = (upstream_settings_t){
        .queries_max = 4096,
        .udp_sockets_max = 1024,
        .udp_uses_max = 16,
        .udp_life_ms = 3000,
        .tcp_connections_max = 128,
        .tcp_connections_per_server_max = 4,
        .tcp_pipeline_max = 64,
        .tcp_idle_ms = 5000,
        .tcp_buffers_max_bytes = 8 << 20,
    };
    if (upstream_system_ports() < SYSTEM_PORTS_ENOUGH) {
        settings->port_low = OWN_PORT_LOW;
        settings->port_high = OWN_PORT_HIGH;
    }
}

static bool is_address(const net_address_t *address)
{
    return address->sa.sa_family == AF_INET || address->sa.sa_family == AF_INET6;
}

static bool settings_are_valid(const upstream_settings_t *s)
{
    if (s->source_count > UPSTREAM_SOURCES_MAX) {
        return false;
    }
    for (unsigned i = 0; i < s->source_count; i++) {
        if (!is_address(&s->sources[i])) {
            return false;
        }
    }
    bool ports = s->port_low == 0 ? s->port_high == 0 : s->port_low <= s->port_high;
    return ports && s->queries_max > 0 && s->queries_max <= 1u << 20 && s->udp_sockets_max > 0 && s->udp_sockets_max <= 1u << 16 &&
           s->udp_uses_max > 0 && s->udp_uses_max <= UINT16_MAX && s->tcp_connections_max > 0 && s->tcp_connections_max <= 1u << 16 &&
           s->tcp_connections_per_server_max > 0 && s->tcp_connections_per_server_max <= s->tcp_connections_max &&
           s->tcp_pipeline_max > 0 && s->tcp_pipeline_max <= UINT16_MAX;
}

/* ---- life ---- */

status_t upstream_new(const upstream_environment_t *environment, const upstream_settings_t *settings, upstream_t **out)
{
    if (!settings_are_valid(settings)) {
        return STATUS_INVALID;
    }
    upstream_t *upstream = calloc(1, sizeof *upstream);
    if (!upstream) {
        return STATUS_NO_MEMORY;
    }
    upstream->environment = *environment;
    upstream->settings = *settings;
    upstream->key = (siphash_key_t){.k0 = environment->random.next(environment->random.context),
                                    .k1 = environment->random.next(environment->random.context)};
    for (unsigned i = 0; i < settings->source_count; i++) {
        net_address_t *source = &upstream->settings.sources[i];
        if (source->sa.sa_family == AF_INET) {
            source->v4.sin_port = 0;
        } else {
            source->v6.sin6_port = 0;
        }
    }
    TAILQ_INIT(&upstream->free_queries);
    upstream->queries = calloc(settings->queries_max, sizeof *upstream->queries);
    status_t udp = upstream_udp_init(upstream);
    status_t tcp = upstream_tcp_init(upstream);
    if (!upstream->queries || udp != STATUS_OK || tcp != STATUS_OK) {
        upstream_free(upstream);
        return STATUS_NO_MEMORY;
    }
    for (unsigned i = 0; i < settings->queries_max; i++) {
        TAILQ_INSERT_TAIL(&upstream->free_queries, &upstream->queries[i], link);
    }
    *out = upstream;
    return STATUS_OK;
}

void upstream_free(upstream_t *upstream)
{
    if (!upstream) {
        return;
    }
    REQUIRE(!upstream->is_calling);
    upstream_udp_clear(upstream);
    upstream_tcp_clear(upstream);
    free(upstream->queries);
    free(upstream);
}

/* ---- queries ---- */

static upstream_ticket_t ticket_of(const upstream_t *upstream, const upstream_query_t *query)
{
    return (uint64_t)query->generation << 32 | (uint64_t)(query - upstream->queries + 1);
}

status_t upstream_send(upstream_t *upstream, const upstream_request_t *request, upstream_ticket_t *ticket)
{
    REQUIRE(request->size >= UPSTREAM_HEADER_SIZE && is_address(request->server));
    REQUIRE(request->protocol == NET_UDP || request->protocol == NET_TCP);
    upstream->now_ms = request->now_ms > upstream->now_ms ? request->now_ms : upstream->now_ms;
    upstream_query_t *query = TAILQ_FIRST(&upstream->free_queries);
    if (!query) {
        upstream_count(upstream, NET_UPSTREAM_LIMITED);
        return STATUS_LIMIT;
    }
    query->id = load_be16(request->message);
    query->owner = request->owner;
    query->socket = NULL;
    query->connection = NULL;
    TAILQ_REMOVE(&upstream->free_queries, query, link);
    status_t status =
        request->protocol == NET_UDP ? upstream_udp_send(upstream, request, query) : upstream_tcp_send(upstream, request, query);
    if (status != STATUS_OK) {
        TAILQ_INSERT_HEAD(&upstream->free_queries, query, link);
        if (status == STATUS_LIMIT) {
            upstream_count(upstream, NET_UPSTREAM_LIMITED);
        }
        return status;
    }
    query->in_use = true;
    upstream->outstanding++;
    upstream_count(upstream, request->protocol == NET_UDP ? NET_UPSTREAM_UDP_SENT : NET_UPSTREAM_TCP_SENT);
    *ticket = ticket_of(upstream, query);
    return STATUS_OK;
}

void upstream_query_end(upstream_t *upstream, upstream_query_t *query)
{
    DEBUG_ASSERT(query->in_use && upstream->outstanding > 0);
    query->in_use = false;
    query->generation++;
    upstream->outstanding--;
    TAILQ_INSERT_TAIL(&upstream->free_queries, query, link); /* at the end, so that its ticket comes again as late as can be */
}

void upstream_cancel(upstream_t *upstream, upstream_ticket_t ticket)
{
    uint64_t index = (ticket & UINT32_MAX) - 1; /* 0 becomes the greatest */
    if (index >= upstream->settings.queries_max) {
        return;
    }
    upstream_query_t *query = &upstream->queries[index];
    if (!query->in_use || query->generation != ticket >> 32) {
        return;
    }
    if (query->socket) {
        upstream_udp_cancel(query);
    } else {
        upstream_tcp_cancel(query);
    }
}

unsigned upstream_outstanding(const upstream_t *upstream)
{
    return upstream->outstanding;
}

/* ---- handlers ---- */

bool upstream_deliver(upstream_t *upstream, const upstream_query_t *query, const net_address_t *server, const uint8_t *message, size_t size)
{
    const upstream_handler_t *handler = &upstream->environment.handler;
    net_address_t from = *server; /* the slot it stands in may be used anew before the handler returns */
    upstream_reply_t reply = {
        .owner = query->owner, .server = &from, .protocol = query->socket ? NET_UDP : NET_TCP, .message = message, .size = size};
    upstream->is_calling = true;
    bool taken = handler->reply(handler->context, &reply);
    upstream->is_calling = false;
    return taken;
}

void upstream_tell_failed(upstream_t *upstream, uint64_t owner, upstream_failure_t failure)
{
    const upstream_handler_t *handler = &upstream->environment.handler;
    upstream_count(upstream, NET_UPSTREAM_FAILED);
    upstream->is_calling = true;
    handler->failed(handler->context, owner, failure);
    upstream->is_calling = false;
}

upstream_failure_t upstream_failure(int reason)
{
    switch (reason) {
    case ECONNREFUSED:
        return UPSTREAM_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return UPSTREAM_CLOSED;
    default:
        return UPSTREAM_UNREACHABLE;
    }
}

bool upstream_is_shortage(int reason)
{
    return reason == EMFILE || reason == ENFILE || reason == ENOBUFS || reason == ENOMEM;
}

/* ---- what both share ---- */

size_t upstream_hash(const upstream_t *upstream, const net_address_t *address)
{
    uint8_t bytes[24] = {0};
    if (address->sa.sa_family == AF_INET) {
        memcpy(bytes, &address->v4.sin_port, 2);
        memcpy(bytes + 2, &address->v4.sin_addr, 4);
        return siphash(&upstream->key, bytes, 6);
    }
    memcpy(bytes, &address->v6.sin6_port, 2);
    memcpy(bytes + 2, &address->v6.sin6_addr, 16);
    memcpy(bytes + 18, &address->v6.sin6_scope_id, 4);
    return siphash(&upstream->key, bytes, 22);
}

const net_address_t *upstream_source(upstream_t *upstream, sa_family_t family)
{
    const upstream_settings_t *settings = &upstream->settings;
    unsigned fitting = 0;
    for (unsigned i = 0; i < settings->source_count; i++) {
        fitting += settings->sources[i].sa.sa_family == family;
    }
    if (fitting == 0) {
        return NULL;
    }
    unsigned chosen = (unsigned)(upstream->environment.random.next(upstream->environment.random.context) % fitting);
    for (unsigned i = 0;; i++) {
        if (settings->sources[i].sa.sa_family == family && chosen-- == 0) {
            return &settings->sources[i];
        }
    }
}

/* ---- time ---- */

uint64_t upstream_next_deadline_ms(const upstream_t *upstream)
{
    uint64_t udp = upstream_udp_deadline_ms(upstream);
    uint64_t tcp = upstream_tcp_deadline_ms(upstream);
    return udp < tcp ? udp : tcp;
}

void upstream_tick(upstream_t *upstream, uint64_t now_ms)
{
    REQUIRE(!upstream->is_calling);
    upstream->now_ms = now_ms > upstream->now_ms ? now_ms : upstream->now_ms;
    upstream_udp_tick(upstream);
    upstream_tcp_tick(upstream);
}
