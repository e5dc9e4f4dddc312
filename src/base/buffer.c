#include "base/buffer.h"

#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(buffer_t *buffer, size_t maximum)
{
    *buffer = (buffer_t){.maximum = maximum};
}

void buffer_clear(buffer_t *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->maximum);
}

void buffer_reset(buffer_t *buffer)
{
    buffer->size = 0;
    buffer->status = STATUS_OK;
}

static bool buffer_grow(buffer_t *buffer, size_t needed)
{
    if (needed > buffer->maximum) {
        buffer->status = STATUS_NO_SPACE;
        return false;
    }
    size_t capacity = buffer->capacity < 64 ? 64 : buffer->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    capacity = capacity > buffer->maximum ? buffer->maximum : capacity;
    uint8_t *data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->status = STATUS_NO_MEMORY;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

uint8_t *buffer_reserve(buffer_t *buffer, size_t n)
{
    if (buffer->status != STATUS_OK) {
        return NULL;
    }
    if (n > SIZE_MAX - buffer->size || (buffer->size + n > buffer->capacity && !buffer_grow(buffer, buffer->size + n))) {
        buffer->status = buffer->status == STATUS_OK ? STATUS_NO_SPACE : buffer->status;
        return NULL;
    }
    return buffer->data + buffer->size;
}

void buffer_append(buffer_t *buffer, const void *data, size_t n)
{
    uint8_t *room = n > 0 ? buffer_reserve(buffer, n) : NULL;
    if (room) {
        memcpy(room, data, n);
        buffer->size += n;
    }
}

void buffer_append_byte(buffer_t *buffer, uint8_t byte)
{
    buffer_append(buffer, &byte, 1);
}

void buffer_append_text(buffer_t *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_vprintf(buffer_t *buffer, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    REQUIRE(length >= 0);
    uint8_t *room = buffer_reserve(buffer, (size_t)length + 1);
    if (room) {
        vsnprintf((char *)room, (size_t)length + 1, format, again);
        buffer->size += (size_t)length;
    }
    va_end(again);
}

void buffer_printf(buffer_t *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buffer_vprintf(buffer, format, arguments);
    va_end(arguments);
}

const char *buffer_text(buffer_t *buffer)
{
    uint8_t *room = buffer_reserve(buffer, 1);
    if (!room) {
        return "";
    }
    *room = 0;
    return (const char *)buffer->data;
}
