/* What the files of commands share: one request being answered. Private to control/. */
#pragma once

#include "control/service_internal.h"

#include <jansson.h>

typedef struct control_exchange {
    control_service_t *service;
    const control_peer_t *peer;
    const json_t *request;
    buffer_t *out;
} control_exchange_t;

/* One line of an answer; takes the reference; NULL counts as no memory. */
void control_write_line(buffer_t *out, json_t *line);
/* A text from outside (a path) that need not be UTF-8; null where it is not, or NULL. */
json_t *control_text(const char *text);

/* service_cache.c. As all commands: the result (a new reference), or a status and, for people, *why. */
status_t control_cache_lookup(control_exchange_t *exchange, json_t **result, buffer_t *why);
status_t control_cache_flush(control_exchange_t *exchange, json_t **result, buffer_t *why);
status_t control_cache_stats(control_exchange_t *exchange, json_t **result, buffer_t *why);

/* service_trust.c. Likewise. */
status_t control_trust_show(control_exchange_t *exchange, json_t **result, buffer_t *why);
status_t control_trust_refresh(control_exchange_t *exchange, json_t **result, buffer_t *why);
status_t control_nta_add(control_exchange_t *exchange, json_t **result, buffer_t *why);
status_t control_nta_remove(control_exchange_t *exchange, json_t **result, buffer_t *why);
