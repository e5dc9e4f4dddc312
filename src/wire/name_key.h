/* The inside of name_key_read(), for the query parser to have in line: it runs for every query that is served.
 *
 * A name of up to NAME_KEY_SHORT labels, nearly every one, has its label offsets collected in one register, which then is the beginning
 * of name_key_t.offset as it stands: each new label is shifted in from below, so the rightmost ends up first.
 */
#pragma once

#include "base/require.h"
#include "wire/name.h"
#include "wire/name_fold.h"

#include <string.h>

enum { NAME_KEY_SHORT = 7 }; /* with the root, 8 offsets */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "offsets and words of labels are taken in little-endian order");

/* A folded 64x64 multiplication carries every bit of the input to both ends of the result. */
static inline uint64_t name_hash_mix(uint64_t hash, uint64_t word)
{
    unsigned __int128 product = (unsigned __int128)(hash ^ word) * UINT64_C(0xd6e8feb86659fd93);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* length 1..63; 8 bytes from the label's first may be read, however short it is. The last word holds 1 to 8 bytes of the label at its
 * upper end. The length goes in, as "a" and "\000a" must differ. */
static inline uint64_t name_hash_padded(uint64_t parent, const uint8_t *label, size_t length)
{
    uint64_t hash = parent ^ length;
    uint64_t word;
    for (; UNLIKELY(length > sizeof word); length -= sizeof word, label += sizeof word) {
        memcpy(&word, label, sizeof word);
        hash = name_hash_mix(hash, word);
    }
    memcpy(&word, label, sizeof word);
    return name_hash_mix(hash, word << (-8 * length & 63)); /* by 64 - 8 * length */
}

/* Lower-cases length bytes. Touches no byte outside [0, size) of `in`; writes up to a whole block of `out`. */
static inline void name_fold_into(uint8_t *out, const uint8_t *in, size_t length, size_t size)
{
    if (LIKELY(length > NAME_FOLD_BLOCK)) {
        size_t last = length - NAME_FOLD_BLOCK; /* the last block overlaps the one before */
        for (size_t done = 0; done < last; done += NAME_FOLD_BLOCK) {
            name_fold_block(out + done, in + done);
        }
        name_fold_block(out + last, in + last);
    } else if (LIKELY(size >= NAME_FOLD_BLOCK)) {
        name_fold_block(out, in);
    } else {
        for (size_t done = 0; done < length; done++) {
            out[done] = name_fold_byte(in[done]);
        }
    }
}

/* name_key_read() for a name of any number of labels. */
size_t name_key_read_long(name_key_t *key, const uint8_t *bytes, size_t size);

static inline size_t name_key_read_inline(name_key_t *key, const uint8_t *bytes, size_t size)
{
    size_t limit = size < NAME_WIRE_MAX ? size : NAME_WIRE_MAX;
    size_t position = 0;
    unsigned labels = 0;
    unsigned seen = 0; /* all length octets, or'ed: label types show in the upper two bits */
    uint64_t offsets = 0;
    for (;; labels++) {
        if (UNLIKELY(position >= limit)) {
            return 0;
        }
        unsigned label_length = bytes[position];
        offsets = offsets << 8 | position;
        if (label_length == 0) {
            break;
        }
        seen |= label_length;
        position += label_length + 1;
    }
    if (UNLIKELY(seen > NAME_LABEL_MAX)) {
        return 0;
    }
    if (UNLIKELY(labels > NAME_KEY_SHORT)) {
        return name_key_read_long(key, bytes, size);
    }
    name_fold_into(key->wire, bytes, position + 1, size);
    key->length = (uint8_t)(position + 1);
    key->labels = (uint8_t)labels;
    memcpy(key->offset, &offsets, sizeof offsets);
    uint64_t hash = NAME_HASH_ROOT;
    key->hash[0] = hash;
    for (unsigned i = 1; i <= labels; i++) {
        const uint8_t *label = key->wire + key->offset[i];
        hash = name_hash_padded(hash, label + 1, *label);
        key->hash[i] = hash;
    }
    return position + 1;
}
