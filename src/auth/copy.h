/* Copying the short runs of bytes that messages are made of, without a call. */
#pragma once

#include "base/require.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copies n >= 2 bytes without reading or writing past them; returns the end of the copy. */
static inline uint8_t *copy_bytes(uint8_t *out, const uint8_t *in, size_t n)
{
    enum { BLOCK = 16, MEMCPY_FROM = 160 }; /* bytes; blocks beat the call up to here */
    if (n >= BLOCK) {
        if (UNLIKELY(n >= MEMCPY_FROM)) {
            memcpy(out, in, n);
            return out + n;
        }
        for (size_t i = 0; i + BLOCK <= n; i += BLOCK) {
            memcpy(out + i, in + i, BLOCK);
        }
        memcpy(out + n - BLOCK, in + n - BLOCK, BLOCK);
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
