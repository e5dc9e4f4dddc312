/* Bounded reading and writing of network-order bytes, with a sticky error.
 *
 * Invariants: position <= size always; after the first overrun `failed` stays true, reads give 0, writes are dropped,
 * and the position no longer moves. So a run of calls is checked once, at its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Unaligned big-endian access to memory that is known to be there. */
static inline uint16_t load_be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t load_be48(const uint8_t *p)
{
    return (uint64_t)load_be16(p) << 32 | load_be32(p + 2);
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void store_be48(uint8_t *p, uint64_t v)
{
    store_be16(p, (uint16_t)(v >> 32));
    store_be32(p + 2, (uint32_t)v);
}

typedef struct byte_reader {
    const uint8_t *data;
    size_t size;
    size_t position;
    bool failed;
} byte_reader_t;

static inline byte_reader_t byte_reader(const void *data, size_t size)
{
    return (byte_reader_t){.data = data, .size = size};
}

static inline size_t byte_reader_left(const byte_reader_t *r)
{
    return r->size - r->position;
}

/* The next n bytes, or NULL (and failed) if fewer are left. */
static inline const uint8_t *byte_read(byte_reader_t *r, size_t n)
{
    if (r->failed || byte_reader_left(r) < n) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->position;
    r->position += n;
    return p;
}

static inline uint8_t byte_read_u8(byte_reader_t *r)
{
    const uint8_t *p = byte_read(r, 1);
    return p ? *p : 0;
}

static inline uint16_t byte_read_u16(byte_reader_t *r)
{
    const uint8_t *p = byte_read(r, 2);
    return p ? load_be16(p) : 0;
}

static inline uint32_t byte_read_u32(byte_reader_t *r)
{
    const uint8_t *p = byte_read(r, 4);
    return p ? load_be32(p) : 0;
}

static inline uint64_t byte_read_u48(byte_reader_t *r)
{
    const uint8_t *p = byte_read(r, 6);
    return p ? load_be48(p) : 0;
}

typedef struct byte_writer {
    uint8_t *data;
    size_t size; /* capacity */
    size_t position;
    bool failed;
} byte_writer_t;

static inline byte_writer_t byte_writer(void *data, size_t size)
{
    return (byte_writer_t){.data = data, .size = size};
}

static inline size_t byte_writer_left(const byte_writer_t *w)
{
    return w->size - w->position;
}

/* Room for n bytes to be filled by the caller, or NULL (and failed) if there is none. */
static inline uint8_t *byte_reserve(byte_writer_t *w, size_t n)
{
    if (w->failed || byte_writer_left(w) < n) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->data + w->position;
    w->position += n;
    return p;
}

static inline void byte_write(byte_writer_t *w, const void *data, size_t n)
{
    uint8_t *p = byte_reserve(w, n);
    if (p && n > 0) {
        memcpy(p, data, n);
    }
}

static inline void byte_write_u8(byte_writer_t *w, uint8_t v)
{
    byte_write(w, &v, 1);
}

static inline void byte_write_u16(byte_writer_t *w, uint16_t v)
{
    uint8_t *p = byte_reserve(w, 2);
    if (p) {
        store_be16(p, v);
    }
}

static inline void byte_write_u32(byte_writer_t *w, uint32_t v)
{
    uint8_t *p = byte_reserve(w, 4);
    if (p) {
        store_be32(p, v);
    }
}

static inline void byte_write_u48(byte_writer_t *w, uint64_t v)
{
    uint8_t *p = byte_reserve(w, 6);
    if (p) {
        store_be48(p, v);
    }
}
