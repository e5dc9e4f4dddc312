/* Single values of the configuration: text to field, and field to text. Pure; any thread. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "control/schema.h"
#include "server/settings.h"

#include <stddef.h>

typedef struct value_error {
    char message[256]; /* what is wrong, for people */
    char hint[160];    /* what would be right; empty: nothing to say */
    size_t at;         /* byte of the text where it lies; 0: all of it */
} value_error_t;

/* Fills error->message and ->at; returns STATUS_INVALID. */
status_t value_invalid(value_error_t *error, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* How much of a text a message shows: the precision for "%.*s". */
static inline int value_shown(size_t length)
{
    enum { SHOWN_MAX = 60 };
    return (int)(length < SHOWN_MAX ? length : SHOWN_MAX);
}

/* Where a value's text comes from, and where its memory goes. */
typedef struct value_context {
    arena_t *arena;        /* copies of texts */
    const char *directory; /* where relative paths count from */
} value_context_t;

/* Reads a text of length bytes as item says (one of its types for one value) and stores it at field, item->size
 * bytes. STATUS_INVALID with *error filled; STATUS_NO_MEMORY. */
status_t value_parse(const config_item_t *item, const char *text, size_t length, const value_context_t *context, void *field,
                     value_error_t *error) MUST_USE;
/* The value at field as one would write it. */
void value_print(const config_item_t *item, const void *field, buffer_t *out);

/* A duration with units s, m, h, d, in seconds. STATUS_INVALID with *error. */
status_t value_parse_seconds(const char *text, size_t length, uint64_t *number, value_error_t *error) MUST_USE;
/* Seconds since 1970 of "2026-09-01T00:00:00Z", "2026-09-01T02:00+02:00" or "2026-09-01" (RFC 3339, UTC without an offset).
 * STATUS_INVALID with *error. */
status_t value_parse_time(const char *text, size_t length, uint64_t *time_s, value_error_t *error) MUST_USE;

/* A server: "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353"; port 53 where none is written. */
status_t value_parse_server(const char *text, size_t length, resolver_address_t *address, value_error_t *error) MUST_USE;
void value_print_server(const resolver_address_t *address, buffer_t *out);
/* "192.0.2.0/24", "2001:db8::/32", or an address, which is a prefix of all its bits. No bits may be set behind the prefix. */
status_t value_parse_prefix(const char *text, size_t length, resolver_prefix_t *prefix, value_error_t *error) MUST_USE;
void value_print_prefix(const resolver_prefix_t *prefix, buffer_t *out);
/* An address of this host, without a port. */
status_t value_parse_source(const char *text, size_t length, net_address_t *address, value_error_t *error) MUST_USE;
void value_print_source(const net_address_t *address, buffer_t *out);

/* "dns://192.0.2.1:53" and the like. STATUS_INVALID with *error; STATUS_UNSUPPORTED likewise, for transports of later versions. */
status_t value_parse_listen(const char *text, size_t length, listen_settings_t *listen, value_error_t *error) MUST_USE;
void value_print_listen(const listen_settings_t *listen, buffer_t *out);
