/* Copying the short runs of bytes that messages are made of, without a call. */
#pragma once

#include "base/require.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { COPY_BLOCK = 16 };

/* Copies n >= 2 bytes without reading or writing past them; returns the end of the copy. */
static inline uint8_t *copy_bytes(uint8_t *out, const uint8_t *in, size_t n)
{
    enum { MEMCPY_FROM = 160 }; /* bytes; blocks beat the call up to here */
    if (n >= COPY_BLOCK) {
        if (UNLIKELY(n >= MEMCPY_FROM)) {
            memcpy(out, in, n);
            return out + n;
        }
        const uint8_t *last = in + n - COPY_BLOCK;
        uint8_t *end = out + n;
        for (; last - in >= (ptrdiff_t)2 * COPY_BLOCK; in += (ptrdiff_t)2 * COPY_BLOCK, out += (ptrdiff_t)2 * COPY_BLOCK) {
            memcpy(out, in, COPY_BLOCK);
            memcpy(out + COPY_BLOCK, in + COPY_BLOCK, COPY_BLOCK);
        }
        memcpy(out, in, COPY_BLOCK);
        if (last - in > COPY_BLOCK) {
            memcpy(out + COPY_BLOCK, in + COPY_BLOCK, COPY_BLOCK);
        }
        memcpy(end - COPY_BLOCK, last, COPY_BLOCK);
        return end;
    } else if (n >= 8) {
        memcpy(out, in, 8);
        memcpy(out + n - 8, in + n - 8, 8);
    } else if (n >= 4) {
        memcpy(out, in, 4);
        memcpy(out + n - 4, in + n - 4, 4);
    } else {
        memcpy(out, in, 2);
        out[n - 1] = in[n - 1];
    }
    return out + n;
}

/* The same out of a zone, where a whole block may be read at any place (zone/contents.h, invariant 6), into out..end, where blocks may be
 * written as far as there is room for them. */
static inline uint8_t *copy_from_zone(uint8_t *out, const uint8_t *end, const uint8_t *in, size_t n)
{
    if (LIKELY(n <= COPY_BLOCK && end - out >= COPY_BLOCK)) {
        memcpy(out, in, COPY_BLOCK);
        return out + n;
    }
    if (LIKELY(n > COPY_BLOCK && n <= 2 * COPY_BLOCK)) {
        memcpy(out, in, COPY_BLOCK);
        memcpy(out + n - COPY_BLOCK, in + n - COPY_BLOCK, COPY_BLOCK);
        return out + n;
    }
    return copy_bytes(out, in, n);
}
