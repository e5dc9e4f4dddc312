/* The keeper of trust, as this server's workers, cache and control lock have it. */
#include "server/server.h"
#include "server/state.h"

static void publish(void *context, server_trust_t *trust)
{
    server_set_trust(context, trust);
}

static void flush(void *context, const uint8_t *name)
{
    server_t *server = context;
    pthread_mutex_lock(&server->control_lock); /* a reload may be making the cache */
    cache_t *cache = server_cache(server);
    if (cache) {
        (void)cache_flush_subtree(cache, name, 0);
    }
    pthread_mutex_unlock(&server->control_lock);
}

static status_t inquire(void *context, recursor_inquiry_t *inquiry)
{
    server_t *server = context;
    return worker_inquire(server->workers[0], inquiry);
}

status_t server_make_keeper(server_t *server)
{
    server_settings_t *settings = server->table->settings;
    if (server->keeper || !settings->recursion.enabled) {
        return STATUS_OK;
    }
    const trust_environment_t environment = {.context = server, .publish = publish, .flush = flush, .inquire = inquire, .log = server->log};
    server->keeper = trust_keeper_new(settings, &environment);
    if (!server->keeper) {
        return STATUS_NO_MEMORY;
    }
    trust_keeper_load(server->keeper);
    return STATUS_OK;
}

void server_follow_trust(server_t *server)
{
    status_t status = STATUS_OK;
    if (server->keeper) {
        trust_keeper_configure(server->keeper, server->table->settings);
        trust_keeper_wait(server->keeper);
    } else {
        status = server_make_keeper(server);
        status = status == STATUS_OK && server->keeper ? trust_keeper_start(server->keeper) : status;
    }
    if (status != STATUS_OK) {
        log_event(server->log, LOG_ERROR, "reload.incomplete", LOG_TEXT("reason", status_text(status)));
    }
}

trust_keeper_t *server_trust_keeper(server_t *server)
{
    return server->keeper;
}

status_t server_follow_root(server_t *server)
{
    const recursion_settings_t *settings = &server->table->settings->recursion;
    if (server->root_keeper) {
        root_keeper_wake(server->root_keeper);
        return STATUS_OK;
    }
    return settings->enabled && settings->root_primary_count > 0 ? root_keeper_new(server, &server->root_keeper) : STATUS_OK;
}
