/* The server's life, and what can be asked of it. Changing its settings is in server_reload.c, its addresses in server_listen.c. */
#include "server/server.h"

#include "base/rcu.h"
#include "base/require.h"
#include "server/state.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Partial messages and answers not yet taken, of all connections: 480 of the worst kind, and any number of good ones. */
enum { TCP_BUFFERS_MAX = 128 << 20 };

tcp_timeouts_t server_tcp_timeouts(const server_settings_t *settings)
{
    return (tcp_timeouts_t){.first_byte_ms = settings->tcp_first_byte_timeout_ms,
                            .idle_ms = settings->tcp_idle_timeout_ms,
                            .message_ms = settings->tcp_message_timeout_ms};
}

static bool make_workers(server_t *server, const server_settings_t *settings)
{
    worker_environment_t environment = {.view = &server->view, .quota = server->quota, .log = server->log};
    unsigned wanted = settings->workers > 0 ? settings->workers : loading_processors();
    server->workers = calloc(wanted, sizeof(worker_t *));
    while (server->workers && server->worker_count < wanted) {
        worker_t *worker = worker_new(&environment, server->worker_count, server_tcp_timeouts(settings));
        if (!worker) {
            return false;
        }
        server->workers[server->worker_count++] = worker;
    }
    return server->workers != NULL;
}

static bool make_recursion(server_t *server)
{
    recursion_plan_t plan;
    upstream_settings_default(&server->upstream);
    return server_plan_recursion(server, server->table, &plan) == STATUS_OK && server_change_recursion(server, &plan) == STATUS_OK;
}

server_t *server_new(server_settings_t *settings, log_t *log)
{
    server_t *server = calloc(1, sizeof *server);
    if (!server) {
        server_settings_free(settings);
        return NULL;
    }
    server->log = log;
    pthread_mutex_init(&server->control_lock, NULL);
    pthread_mutex_init(&server->state_lock, NULL);
    if (zone_table_new(settings, &server->transfers_running, &server->table) != STATUS_OK) {
        server_settings_free(settings);
        server_free(server);
        return NULL;
    }
    rcu_publish(&server->view, &server->table->view);
    server->quota = net_quota_new(settings->tcp_connections_max, settings->tcp_connections_per_prefix_max, TCP_BUFFERS_MAX);
    if (!server->quota || !make_workers(server, settings)) {
        server_free(server);
        return NULL;
    }
    return server;
}

status_t server_bind(server_t *server)
{
    const listener_list_t nothing = {.items = NULL};
    buffer_t why;
    if (server->bound) {
        return STATUS_OK;
    }
    buffer_init(&why, 64 * 1024);
    status_t status = server_open_listeners(server, server->table->settings, &nothing, &server->listening, &why);
    buffer_clear(&why);
    server->bound = status == STATUS_OK;
    return status;
}

status_t server_start(server_t *server)
{
    status_t status = server_bind(server);
    if (status != STATUS_OK || server->started) {
        return status;
    }
    if (!make_recursion(server)) {
        log_event(server->log, LOG_ERROR, "server.failed", LOG_TEXT("error", status_text(STATUS_NO_MEMORY)));
        return STATUS_NO_MEMORY;
    }
    if (server_make_keeper(server) != STATUS_OK) {
        log_event(server->log, LOG_ERROR, "server.failed", LOG_TEXT("error", status_text(STATUS_NO_MEMORY)));
        return STATUS_NO_MEMORY;
    }
    loading_t loading = {.log = server->log, .state_lock = &server->state_lock, .table = server->table};
    loading_run(&loading, LOADING_ALL);
    server->started = true;
    server->started_at_s = time(NULL);
    log_event(server->log, LOG_INFO, "server.loaded", LOG_NUMBER("zones", server->table->count), LOG_NUMBER("failed", loading.failed));
    return STATUS_OK;
}

status_t server_run(server_t *server)
{
    REQUIRE(server->started && !server->running);
    status_t status = server_hand_over(server, &server->listening);
    for (unsigned i = 0; i < server->worker_count && status == STATUS_OK; i++) {
        status = worker_start(server->workers[i]);
    }
    status = status == STATUS_OK && server->keeper ? trust_keeper_start(server->keeper) : status;
    status = status == STATUS_OK ? server_follow_root(server) : status;
    server->running = status == STATUS_OK;
    if (status != STATUS_OK) {
        log_event(server->log, LOG_ERROR, "server.failed", LOG_TEXT("error", status_text(status)));
        server_stop(server);
        return status;
    }
    log_event(server->log, LOG_NOTICE, "server.running", LOG_NUMBER("workers", server->worker_count),
              LOG_NUMBER("addresses", server->listening.count), LOG_NUMBER("zones", server->table->count));
    return STATUS_OK;
}

static void stop_keeper(server_t *server)
{
    if (server->keeper) {
        trust_keeper_stop(server->keeper);
    }
    root_keeper_free(server->root_keeper);
    server->root_keeper = NULL;
}

void server_stop(server_t *server)
{
    stop_keeper(server); /* it may wait for the control lock, and for workers */
    pthread_mutex_lock(&server->control_lock);
    if (!server->stopped) {
        for (unsigned i = 0; i < server->worker_count; i++) {
            worker_ask_to_stop(server->workers[i]);
        }
        for (unsigned i = 0; i < server->worker_count; i++) {
            worker_stop(server->workers[i]);
        }
        server->stopped = true;
        log_event(server->log, LOG_NOTICE, "server.stopped", LOG_NUMBER("workers", server->worker_count));
    }
    pthread_mutex_unlock(&server->control_lock);
}

void server_free(server_t *server)
{
    if (!server) {
        return;
    }
    stop_keeper(server);
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_ask_to_stop(server->workers[i]);
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_stop(server->workers[i]);
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_free(server->workers[i]);
    }
    free(server->workers);
    trust_keeper_free(server->keeper); /* now that no worker answers it any more */
    server_cache_free(server->cache);
    if (server->trust) {
        server->trust->free(server->trust);
    }
    listener_list_close(&server->listening);
    net_quota_free(server->quota);
    zone_table_free(server->table);
    pthread_mutex_destroy(&server->control_lock);
    pthread_mutex_destroy(&server->state_lock);
    free(server);
}

/* ---- questions ---- */

static void visit_zone(const zone_entry_t *entry, void (*visit)(void *context, const server_zone_status_t *status), void *context)
{
    const zone_contents_t *contents = rcu_read(&entry->slot.contents);
    server_zone_status_t status = {.name = entry->slot.name.wire,
                                   .file = entry->file,
                                   .loaded = contents != NULL,
                                   .loaded_at_s = entry->loaded_at_s,
                                   .load_ms = entry->load_ms,
                                   .last_error = entry->last_error};
    if (contents) {
        status.serial = zone_head(contents)->serial;
        status.is_signed = zone_head(contents)->is_signed;
        zone_contents_statistics(contents, &status.size);
    }
    visit(context, &status);
}

status_t server_visit_zones(server_t *server, const uint8_t *name, void (*visit)(void *context, const server_zone_status_t *status),
                            void *context)
{
    status_t result = STATUS_OK;
    pthread_mutex_lock(&server->state_lock);
    if (name) {
        const zone_entry_t *entry = zone_table_find(server->table, name);
        if (entry) {
            visit_zone(entry, visit, context);
        } else {
            result = STATUS_NOT_FOUND;
        }
    }
    for (size_t i = 0; !name && i < server->table->count; i++) {
        visit_zone(&server->table->entries[i], visit, context);
    }
    pthread_mutex_unlock(&server->state_lock);
    return result;
}

static uint64_t count_loaded(server_t *server)
{
    uint64_t loaded = 0;
    pthread_mutex_lock(&server->state_lock);
    for (size_t i = 0; i < server->table->count; i++) {
        loaded += rcu_read(&server->table->entries[i].slot.contents) != NULL;
    }
    pthread_mutex_unlock(&server->state_lock);
    return loaded;
}

void server_visit_counters(server_t *server, void (*visit)(void *context, const char *name, uint64_t value), void *context)
{
    for (unsigned counter = 0; counter < DISPATCH_COUNTERS; counter++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < server->worker_count; i++) {
            sum += dispatch_count(worker_dispatch(server->workers[i]), (dispatch_counter_t)counter);
        }
        visit(context, dispatch_counter_name((dispatch_counter_t)counter), sum);
    }
    for (unsigned counter = 0; counter < NET_COUNTERS; counter++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < server->worker_count; i++) {
            sum += net_counter_read(worker_counters(server->workers[i]), (net_counter_t)counter);
        }
        visit(context, net_counter_name((net_counter_t)counter), sum);
    }
    server_visit_recursion(server, visit, context);
    visit(context, "tcp.connections", net_quota_used(server->quota));
    visit(context, "tcp.buffer-bytes", atomic_load(&net_quota_buffers(server->quota)->used));
    visit(context, "transfers.running", atomic_load(&server->transfers_running));
    visit(context, "zones.loaded", count_loaded(server));
    visit(context, "workers", server->worker_count);
}

int64_t server_started_at_s(const server_t *server)
{
    return server->started_at_s;
}

const server_settings_t *server_settings(const server_t *server)
{
    return server->table->settings;
}
