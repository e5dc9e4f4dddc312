/* What a server that resolves has besides: one cache, and a recursor in each worker for each generation of settings. */
#include "server/server.h"
#include "server/state.h"

#include <stdlib.h>
#include <time.h>

/* With the rights that the server keeps: a file belongs to the server's user. The content is worth more than a change of its size: so that
 * takes a restart. */
static status_t make_cache(server_t *server, const recursion_settings_t *settings)
{
    return server->cache ? STATUS_OK : server_cache_new(&server->cache, settings, server->log);
}

static status_t make_recursors(server_t *server, server_settings_t *settings, recursion_plan_t *plan)
{
    recursor_group_settings_t wanted = {.settings = settings, .upstream = &server->upstream, .workers = server->worker_count};
    plan->recursors = calloc(server->worker_count, sizeof(recursor_t *));
    recursor_group_t *group = plan->recursors ? recursor_group_new(&wanted) : NULL;
    if (!group) {
        return STATUS_NO_MEMORY;
    }
    while (plan->count < server->worker_count) {
        recursor_t *recursor = worker_make_recursor(server->workers[plan->count], group, server_cache_content(server->cache));
        if (!recursor) {
            break;
        }
        plan->recursors[plan->count++] = recursor;
    }
    recursor_group_unref(group);
    return plan->count == server->worker_count ? STATUS_OK : STATUS_NO_MEMORY;
}

status_t server_plan_recursion(server_t *server, zone_table_t *table, recursion_plan_t *plan)
{
    const recursion_settings_t *settings = &table->settings->recursion;
    *plan = (recursion_plan_t){.recursors = NULL};
    if (!settings->enabled) {
        return STATUS_OK;
    }
    status_t status = make_cache(server, settings);
    if (status == STATUS_OK) {
        table->view.cache = server_cache_content(server->cache);
        /* What they know of other servers (round trips, EDNS, cookies) is worth keeping. */
        plan->keeps = server->has_recursors && recursion_settings_equal(&server->table->settings->recursion, settings);
    }
    if (status == STATUS_OK && !plan->keeps) {
        status = make_recursors(server, table->settings, plan);
    }
    if (status != STATUS_OK) {
        recursion_plan_clear(plan);
    }
    return status;
}

status_t server_change_recursion(server_t *server, recursion_plan_t *plan)
{
    status_t result = STATUS_OK;
    for (unsigned i = 0; !plan->keeps && i < server->worker_count; i++) {
        status_t status = worker_set_recursor(server->workers[i], plan->recursors ? plan->recursors[i] : NULL);
        result = result == STATUS_OK ? status : result;
    }
    server->has_recursors = result == STATUS_OK && (plan->keeps || plan->recursors);
    plan->count = 0;
    recursion_plan_clear(plan);
    return result;
}

void recursion_plan_clear(recursion_plan_t *plan)
{
    for (unsigned i = 0; i < plan->count; i++) {
        recursor_free(plan->recursors[i]);
    }
    free(plan->recursors);
    *plan = (recursion_plan_t){.recursors = NULL};
}

/* An order takes some bytes of memory, and somebody must not be left with a trust that is freed. */
static void order_trust(worker_t *worker, const resolver_trust_t *trust)
{
    while (worker_set_trust(worker, trust) != STATUS_OK) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void server_set_trust(server_t *server, server_trust_t *trust)
{
    pthread_mutex_lock(&server->control_lock);
    server_trust_t *before = server->trust;
    server->trust = trust;
    for (unsigned i = 0; i < server->worker_count; i++) {
        order_trust(server->workers[i], trust ? &trust->trust : NULL);
    }
    for (unsigned i = 0; i < server->worker_count; i++) {
        worker_wait(server->workers[i]);
    }
    pthread_mutex_unlock(&server->control_lock);
    if (before) {
        before->free(before);
    }
}

cache_t *server_cache(server_t *server)
{
    return server->cache ? server_cache_content(server->cache) : NULL;
}

const char *server_cache_path(const server_t *server)
{
    return server->cache ? server_cache_file(server->cache) : NULL;
}

void server_visit_recursion(server_t *server, void (*visit)(void *context, const char *name, uint64_t value), void *context)
{
    char name[RECURSOR_COUNTER_NAME_MAX];
    for (unsigned counter = 0; server->cache && counter < RECURSOR_COUNTERS; counter++) {
        uint64_t sum = 0;
        for (unsigned i = 0; i < server->worker_count; i++) {
            sum += recursor_count(worker_recursor_counters(server->workers[i]), counter);
        }
        visit(context, recursor_counter_name(counter, name), sum);
    }
}
