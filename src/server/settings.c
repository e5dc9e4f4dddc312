#include "server/settings.h"

#include <stdlib.h>

void server_settings_free(server_settings_t *settings)
{
    if (!settings) {
        return;
    }
    for (size_t i = 0; i < settings->zone_count; i++) {
        acl_free(settings->zones[i].allow_transfer);
    }
    arena_clear(&settings->arena);
    free(settings);
}
