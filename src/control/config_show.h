/* Between config_show.c and config_show_resolver.c: writing effective settings. Private to control/. */
#pragma once

#include "control/config_tree.h"
#include "control/emit.h"

typedef struct show {
    config_t *config;
    emitter_t *emitter;
    bool effective;
} show_t;

/* One of the resolver's items that consist of parts, with its key; value: what the file gives, or NULL. */
void show_resolver_item(show_t *show, const config_item_t *item, const yaml_node_t *value);
