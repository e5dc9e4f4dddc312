/* Lower-casing of names in blocks: the one place that knows about vector instructions.
 *
 * Only 'A'..'Z' change (RFC 4343 3). A label's length octet is 0..63 and so never a letter: the wire form of a name may be folded
 * blindly, without looking where its labels begin.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { NAME_FOLD_BLOCK = 16 };

static inline uint8_t name_fold_byte(uint8_t octet)
{
    return (uint8_t)(octet | ((unsigned)(octet - 'A') < 26) << 5);
}

#ifdef __SSE2__
/* Reads and writes NAME_FOLD_BLOCK bytes; in and out may be the same. */
static inline void name_fold_block(uint8_t *out, const uint8_t *in)
{
    __m128i octets = _mm_loadu_si128((const __m128i *)(const void *)in);
    /* 'A'..'Z' moved to the 26 smallest signed values, so that one comparison finds them. */
    __m128i moved = _mm_add_epi8(octets, _mm_set1_epi8((char)(-128 - 'A')));
    __m128i upper = _mm_cmpgt_epi8(_mm_set1_epi8(-128 + 26), moved);
    __m128i lower = _mm_or_si128(octets, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
    _mm_storeu_si128((__m128i *)(void *)out, lower);
}
#else
static inline uint64_t name_fold_word(uint64_t octets)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = octets & 0x7f * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones;      /* top bit of an octet: >= 'A' */
    uint64_t above_z = low + (0x80 - 'Z' - 1) * ones; /* top bit of an octet: > 'Z' */
    uint64_t upper = from_a & ~above_z & ~octets & 0x80 * ones;
    return octets | upper >> 2;
}

static inline void name_fold_block(uint8_t *out, const uint8_t *in)
{
    uint64_t words[2];
    memcpy(words, in, sizeof words);
    words[0] = name_fold_word(words[0]);
    words[1] = name_fold_word(words[1]);
    memcpy(out, words, sizeof words);
}
#endif
