#include "server/settings.h"

#include <stdlib.h>

void server_settings_free(server_settings_t *settings)
{
    if (!settings) {
        return;
    }
    for (access_list_t *list = settings->access_lists; list; list = list->next) {
        acl_free(list->acl);
    }
    arena_clear(&settings->arena);
    free(settings);
}
