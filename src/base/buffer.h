/* A growable byte buffer with a maximum and a sticky error; the text builder of everything off the hot path.
 *
 * Invariants: size <= capacity <= maximum; once `status` is not STATUS_OK nothing more is appended. Owner: whoever calls
 * buffer_init() calls buffer_clear(). One thread at a time.
 */
#pragma once

#include "base/status.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

typedef struct buffer {
    uint8_t *data;
    size_t size;     /* bytes used */
    size_t capacity; /* bytes allocated */
    size_t maximum;  /* bytes it may ever hold */
    status_t status; /* STATUS_OK, STATUS_NO_MEMORY, or STATUS_NO_SPACE at the maximum */
} buffer_t;

/* An empty buffer; allocates nothing yet. */
void buffer_init(buffer_t *buffer, size_t maximum);
/* Frees the storage; the buffer is empty and usable again. */
void buffer_clear(buffer_t *buffer);
/* Forgets content and error, keeps the storage. */
void buffer_reset(buffer_t *buffer);
/* Room for n more bytes behind the content, or NULL (status set). Does not change size. */
uint8_t *buffer_reserve(buffer_t *buffer, size_t n);
void buffer_append(buffer_t *buffer, const void *data, size_t n);
void buffer_append_byte(buffer_t *buffer, uint8_t byte);
/* Appends a C string without its terminator. */
void buffer_append_text(buffer_t *buffer, const char *text);
void buffer_printf(buffer_t *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_vprintf(buffer_t *buffer, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
/* The content as a C string (a terminator is kept behind size); "" after an error or when empty. Valid until the next call. */
const char *buffer_text(buffer_t *buffer);
