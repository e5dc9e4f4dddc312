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

/* Reads a text of length bytes as item says (BOOLEAN, INTEGER, SIZE, DURATION, CHOICE, TEXT, PATH) and stores it at field, item->size
 * bytes. STATUS_INVALID with *error filled; STATUS_NO_MEMORY. */
status_t value_parse(const config_item_t *item, const char *text, size_t length, const value_context_t *context, void *field,
                     value_error_t *error) MUST_USE;
/* The value at field as one would write it. */
void value_print(const config_item_t *item, const void *field, buffer_t *out);

/* "dns://192.0.2.1:53" and the like. STATUS_INVALID with *error; STATUS_UNSUPPORTED likewise, for transports of later versions. */
status_t value_parse_listen(const char *text, size_t length, listen_settings_t *listen, value_error_t *error) MUST_USE;
void value_print_listen(const listen_settings_t *listen, buffer_t *out);
