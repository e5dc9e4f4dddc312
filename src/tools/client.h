/* One request to the running server over its control socket. */
#pragma once

#include "tools/command.h"

/* Sends the request (takes the reference) and reads the answer. visit (or NULL) is called for each item, borrowed. *result, a new
 * reference, is set on TOOL_GOOD only. TOOL_NEGATIVE: the server says no; TOOL_TROUBLE: no server, no rights, no sense. A message was
 * written. wait_s: seconds of silence that are allowed. */
int client_ask(const tool_t *tool, json_t *request, int wait_s, void (*visit)(void *context, json_t *item), void *context, json_t **result);
