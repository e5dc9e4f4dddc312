/* Content for tests and measurements of the cache: names, and values that show by themselves whether they are whole. */
#pragma once

#include "cache/cache.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct content_name {
    uint8_t wire[NAME_WIRE_MAX + 1];
    uint8_t length;
} content_name_t;

/* From text without escapes, with or without the final dot. */
static inline content_name_t content_name(const char *text)
{
    content_name_t name = {.length = 0};
    while (*text && *text != '.') {
        size_t label = strcspn(text, ".");
        name.wire[name.length++] = (uint8_t)label;
        memcpy(name.wire + name.length, text, label);
        name.length = (uint8_t)(name.length + label);
        text += label + (text[label] == '.');
    }
    name.wire[name.length++] = 0;
    return name;
}

static inline content_name_t content_host(const char *word, uint64_t number)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%s%llu.example%llu.com", word, (unsigned long long)number, (unsigned long long)(number % 1000));
    return content_name(text);
}

static inline cache_question_t content_question(const content_name_t *name, uint16_t type)
{
    return (cache_question_t){.name = name->wire, .length = name->length, .type = type, .rrclass = CLASS_IN};
}

/* `count` records of `length` bytes whose bytes follow from the seed. Returns the size. */
static inline size_t content_records(uint8_t *out, unsigned count, unsigned length, uint64_t seed)
{
    size_t size = 0;
    for (unsigned i = 0; i < count; i++) {
        store_be16(out + size, (uint16_t)length);
        size += 2;
        for (unsigned j = 0; j < length; j++) {
            out[size++] = (uint8_t)(seed * 31 + i * 7 + j * 13);
        }
    }
    return size;
}

/* An answer with A records of one TTL: the client's question in `request`, the message in `message`. Returns the message's size. */
static inline size_t content_message(uint8_t *message, const content_name_t *name, unsigned records, uint32_t ttl_s, uint8_t seed)
{
    static const uint8_t header[12] = {0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};
    size_t size = sizeof header;
    memcpy(message, header, sizeof header);
    message[7] = (uint8_t)records;
    memcpy(message + size, name->wire, name->length);
    size += name->length;
    memcpy(message + size, (const uint8_t[]){0, 1, 0, 1}, 4);
    size += 4;
    for (unsigned i = 0; i < records; i++) {
        memcpy(message + size, (const uint8_t[]){0xc0, 12, 0, 1, 0, 1}, 6);
        store_be32(message + size + 6, ttl_s);
        memcpy(message + size + 10, (const uint8_t[]){0, 4, 192, 0, 2}, 5);
        message[size + 15] = (uint8_t)(seed + i);
        size += 16;
    }
    return size;
}

/* The part of a message that a client sends: header and question. */
static inline size_t content_request(uint8_t *request, const content_name_t *name, uint16_t id)
{
    (void)content_message(request, name, 0, 0, 0);
    store_be16(request, id);
    store_be16(request + 2, 0x0100);
    return 16u + name->length;
}

static inline cache_t *content_cache(size_t budget_bytes)
{
    cache_settings_t settings;
    cache_t *cache = NULL;
    cache_settings_default(&settings);
    settings.budget_bytes = budget_bytes;
    settings.key = (siphash_key_t){UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    if (cache_new(&cache, &settings, NULL, NULL) != STATUS_OK) {
        abort();
    }
    return cache;
}
