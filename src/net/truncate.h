/* Cuts an answer down to what any path carries. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Turns an answer of `size` bytes into the truncated one, in place: header with TC, question, OPT if there was one (RFC 2181 9,
 * RFC 6891 7). Returns the new size; 0 when the message is none. Pure; any thread. */
size_t net_truncate(uint8_t *message, size_t size);
