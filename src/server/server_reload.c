/* New settings, and new versions of zones, while answering.
 *
 * A reload of settings makes everything that can fail first: the new table with its zones loaded, the new sockets, room for the lists. Then
 * it changes over in an order in which no query is lost: workers begin on the new addresses, the view is replaced, workers leave the
 * addresses that are gone; after a grace period the old generation is freed.
 */
#include "base/rcu.h"
#include "server/server.h"
#include "server/state.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What only a start can change. */
static status_t check_unchangeable(const server_settings_t *before, const server_settings_t *settings, buffer_t *why)
{
    const char *what = before->workers != settings->workers                ? "workers"
                       : !is_same_text(before->user, settings->user)       ? "user"
                       : !is_same_text(before->control, settings->control) ? "control"
                                                                           : NULL;
    if (what) {
        buffer_printf(why, "%s cannot change while the server runs: restart it", what);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

/* The addresses that stay, then the new ones; `gone` gets those left out. */
static status_t plan_listening(const server_t *server, const server_settings_t *settings, const listener_list_t *opened,
                               listener_list_t *after, listener_list_t *gone)
{
    listener_list_t wanted = {.items = calloc(settings->listen_count + 1, sizeof *wanted.items), .count = settings->listen_count};
    after->items = calloc(server->listening.count + opened->count + 1, sizeof *after->items);
    gone->items = calloc(server->listening.count + 1, sizeof *gone->items);
    if (!wanted.items || !after->items || !gone->items) {
        free(wanted.items);
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < settings->listen_count; i++) {
        wanted.items[i].settings = settings->listen[i];
    }
    for (size_t i = 0; i < server->listening.count; i++) {
        const listener_t *listener = &server->listening.items[i];
        listener_list_t *list = listener_list_has(&wanted, &listener->settings) ? after : gone;
        list->items[list->count++] = *listener;
    }
    memcpy(after->items + after->count, opened->items, opened->count * sizeof *opened->items);
    after->count += opened->count;
    free(wanted.items);
    return STATUS_OK;
}

static void leave(server_t *server, const listener_list_t *gone)
{
    for (size_t i = 0; i < gone->count; i++) {
        for (unsigned w = 0; w < server->worker_count; w++) {
            /* Without memory for the order, a worker goes on answering there: told, and tried again by the next reload. */
            if (worker_leave(server->workers[w], &gone->items[i].settings.address) != STATUS_OK) {
                log_event(server->log, LOG_ERROR, "listen.kept", LOG_NUMBER("worker", w),
                          LOG_TEXT("reason", status_text(STATUS_NO_MEMORY)));
            }
        }
    }
}

static void wait_for_workers(server_t *server)
{
    for (unsigned w = 0; w < server->worker_count; w++) {
        worker_wait(server->workers[w]);
    }
}

/* What others said of a zone is of no use once we serve it. Each zone is a pass over the whole cache: many are one. */
static void forget_others_words(server_t *server, const zone_table_t *before, const zone_table_t *table)
{
    enum { PASSES_MAX = 16 };
    unsigned added = 0;
    for (size_t i = 0; i < table->count && added <= PASSES_MAX; i++) {
        added += !zone_table_find(before, table->entries[i].slot.name.wire);
    }
    if (added > PASSES_MAX) {
        (void)cache_flush_all(server_cache(server));
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        const uint8_t *zone = table->entries[i].slot.name.wire;
        if (!zone_table_find(before, zone)) {
            (void)cache_flush_subtree(server_cache(server), zone, 0);
        }
    }
}

/* Nothing here can fail halfway but for want of memory for an order of some bytes, which is logged. */
static void change_over(server_t *server, zone_table_t *table, listener_list_t *opened, const listener_list_t *gone,
                        recursion_plan_t *recursion)
{
    const server_settings_t *settings = table->settings;
    zone_table_t *before = server->table;
    if (server_hand_over(server, opened) != STATUS_OK || server_change_recursion(server, recursion) != STATUS_OK ||
        net_quota_configure(server->quota, settings->tcp_connections_max, settings->tcp_connections_per_prefix_max) != STATUS_OK) {
        log_event(server->log, LOG_ERROR, "reload.incomplete", LOG_TEXT("reason", status_text(STATUS_NO_MEMORY)));
    }
    for (unsigned w = 0; w < server->worker_count; w++) {
        (void)!worker_set_timeouts(server->workers[w], server_tcp_timeouts(settings));
    }
    if (server->log) {
        atomic_store(&server->log->threshold, (int)settings->log_level);
    }
    wait_for_workers(server);
    pthread_mutex_lock(&server->state_lock);
    server->table = table;
    rcu_publish(&server->view, &table->view);
    pthread_mutex_unlock(&server->state_lock);
    leave(server, gone);
    wait_for_workers(server);
    rcu_wait();
    if (server->cache && settings->recursion.enabled) {
        server_cache_follow(server->cache, &settings->recursion); /* now that nobody begins anything by the old ones */
    }
    if (server->cache) {
        forget_others_words(server, before, table);
    }
    zone_table_free(before);
    malloc_trim(0); /* with 100,000 zones, the old generation was some 60 MB */
}

/* The new generation, with every zone taken over or, where it is new or has another file, loaded. */
static status_t make_table(server_t *server, server_settings_t *settings, zone_table_t **table)
{
    status_t status = zone_table_new(settings, &server->transfers_running, table);
    if (status == STATUS_OK) {
        zone_table_adopt(*table, server->table);
        loading_t loading = {.log = server->log, .state_lock = &server->state_lock, .table = *table};
        loading_run(&loading, LOADING_NEW);
        log_event(server->log, LOG_INFO, "server.loaded", LOG_NUMBER("zones", (*table)->count), LOG_NUMBER("loaded", loading.loaded),
                  LOG_NUMBER("failed", loading.failed));
    }
    return status;
}

/* The table, and the recursors that go with it. */
static status_t make_generation(server_t *server, server_settings_t *settings, zone_table_t **table, recursion_plan_t *recursion)
{
    status_t status = make_table(server, settings, table);
    if (status == STATUS_OK) {
        status = server_plan_recursion(server, *table, recursion);
        if (status != STATUS_OK) {
            (void)server_settings_ref(settings); /* which stay the caller's */
            zone_table_free(*table);
        }
    }
    return status;
}

static status_t reload(server_t *server, server_settings_t *settings, buffer_t *why)
{
    listener_list_t opened = {.items = NULL};
    listener_list_t after = {.items = NULL};
    listener_list_t gone = {.items = NULL};
    zone_table_t *table = NULL;
    recursion_plan_t recursion;
    status_t status = check_unchangeable(server->table->settings, settings, why);
    if (status != STATUS_OK) {
        return status;
    }
    status = server_open_listeners(server, settings, &server->listening, &opened, why);
    if (status != STATUS_OK) {
        return status;
    }
    status = plan_listening(server, settings, &opened, &after, &gone);
    if (status == STATUS_OK) {
        status = make_generation(server, settings, &table, &recursion);
    }
    if (status != STATUS_OK) {
        buffer_append_text(why, status_text(status));
        listener_list_close(&opened);
        free(after.items);
        free(gone.items);
        return status;
    }
    change_over(server, table, &opened, &gone, &recursion);
    for (size_t i = 0; i < gone.count; i++) {
        listener_close(&gone.items[i]);
    }
    free(gone.items);
    free(opened.items);
    free(server->listening.items);
    server->listening = after;
    return STATUS_OK;
}

static void follow_root(server_t *server)
{
    status_t status = server_follow_root(server);
    if (status != STATUS_OK) {
        log_event(server->log, LOG_ERROR, "reload.incomplete", LOG_TEXT("reason", status_text(status)));
    }
}

status_t server_reload(server_t *server, server_settings_t *settings, buffer_t *why)
{
    pthread_mutex_lock(&server->control_lock);
    status_t status = server->running && !server->stopped ? reload(server, settings, why) : STATUS_CANCELLED;
    if (status == STATUS_OK) {
        log_event(server->log, LOG_NOTICE, "server.reloaded", LOG_NUMBER("zones", server->table->count),
                  LOG_NUMBER("addresses", server->listening.count));
    } else {
        log_event(server->log, LOG_ERROR, "server.reload-failed", LOG_TEXT("reason", buffer_text(why)));
    }
    pthread_mutex_unlock(&server->control_lock);
    if (status == STATUS_OK) {
        server_follow_trust(server);
        follow_root(server);
    }
    return status;
}

status_t server_reload_zone(server_t *server, const uint8_t *name, bool force, buffer_t *why)
{
    pthread_mutex_lock(&server->control_lock);
    status_t status = STATUS_NOT_FOUND;
    zone_entry_t *entry = zone_table_find(server->table, name);
    if (entry) {
        loading_t loading = {.log = server->log, .state_lock = &server->state_lock, .table = server->table};
        status = loading_run_one(&loading, entry, force ? LOADING_ALL : LOADING_CHANGED);
        if (status != STATUS_OK) {
            buffer_append_text(why, entry->last_error ? entry->last_error : status_text(status));
        }
    } else {
        buffer_append_text(why, "no such zone");
    }
    pthread_mutex_unlock(&server->control_lock);
    return status;
}

status_t server_reload_zones(server_t *server, bool force, size_t *reloaded, size_t *failed)
{
    pthread_mutex_lock(&server->control_lock);
    loading_t loading = {.log = server->log, .state_lock = &server->state_lock, .table = server->table};
    loading_run(&loading, force ? LOADING_ALL : LOADING_CHANGED);
    *reloaded = loading.loaded;
    *failed = loading.failed;
    log_event(server->log, LOG_INFO, "server.zones-reloaded", LOG_NUMBER("loaded", *reloaded), LOG_NUMBER("failed", *failed));
    pthread_mutex_unlock(&server->control_lock);
    return STATUS_OK;
}
