#include "server/settings.h"

#include "base/require.h"
#include "dnssec/rollover.h"

#include <stdlib.h>
#include <string.h>

server_settings_t *server_settings_ref(server_settings_t *settings)
{
    atomic_fetch_add_explicit(&settings->shares, 1, memory_order_relaxed);
    return settings;
}

/* Whom the DNS of a host or a site is for: others would make it an open resolver (RFC 5358). */
static const acl_t *make_default_allow(server_settings_t *settings)
{
    static const char *const groups[] = {"loopback", "private", "linklocal"};
    access_list_t *list = arena_alloc(&settings->arena, sizeof *list);
    acl_t *acl = list ? acl_new() : NULL;
    if (!acl) {
        return NULL;
    }
    *list = (access_list_t){.next = settings->access_lists, .acl = acl};
    settings->access_lists = list;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (acl_add(acl, groups[i], strlen(groups[i])) != STATUS_OK) {
            return NULL;
        }
    }
    return acl;
}

status_t recursion_settings_default(server_settings_t *settings)
{
    static const resolver_prefix_t mapped = {
        .address = {.family = RESOLVER_IPV6, .port = RESOLVER_PORT, .bytes = {[10] = 0xff, [11] = 0xff}}, .length = 96};
    recursion_settings_t *recursion = &settings->recursion;
    *recursion = (recursion_settings_t){
        .enabled = true,
        .allow = make_default_allow(settings),
        .anchors = &settings->own_anchors,
        .update_anchors = true,
        .add_hold_s = ROLLOVER_HOLD_S,
        .remove_hold_s = ROLLOVER_HOLD_S,
        .waiting_max_a_client = 200,
        .cache_bytes = (size_t)128 << 20,
    };
    resolver_settings_default(&recursion->resolver);
    recursion->resolver.dns64_excluded = &mapped; /* RFC 6147 5.1.4 */
    recursion->resolver.dns64_excluded_count = 1;
    return recursion->allow ? trust_anchors_add_root(&settings->own_anchors) : STATUS_NO_MEMORY;
}

void server_settings_free(server_settings_t *settings)
{
    if (!settings || atomic_fetch_sub_explicit(&settings->shares, 1, memory_order_acq_rel) > 0) {
        return;
    }
    for (access_list_t *list = settings->access_lists; list; list = list->next) {
        acl_free(list->acl);
    }
    trust_anchors_clear(&settings->own_anchors);
    arena_clear(&settings->arena);
    free(settings);
}
