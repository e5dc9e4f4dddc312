/* Small values in master-file text: numbers, times, addresses, and the radix encodings of RFC 4648.
 *
 * Everything works on a stretch of characters that need not be terminated, allocates nothing and keeps no state outside its arguments:
 * any thread. The scanners answer true when the whole stretch is one value.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is text[length] the zero-ended word, letter case aside? */
bool text_equal(const char *text, size_t length, const char *word);

/* Decimal digits, up to and including maximum. */
bool text_to_u32(const char *text, size_t length, uint32_t maximum, uint32_t *value);
bool text_to_u64(const char *text, size_t length, uint64_t *value);
/* Seconds: plain digits, or numbers with the units w d h m s in either case: 1h30m. */
bool text_to_ttl(const char *text, size_t length, uint32_t *seconds);
/* Seconds since 1970 modulo 2^32: YYYYMMDDHHmmSS (UTC, of any year, as some write a far time), or up to ten digits of seconds (RFC
 * 4034 3.2). */
bool text_to_time(const char *text, size_t length, uint32_t *seconds);
/* Dotted quad; parts without leading zeros. */
bool text_to_ipv4(const char *text, size_t length, uint8_t address[static 4]);
/* RFC 4291 2.2, with a dotted quad at the end if so written. */
bool text_to_ipv6(const char *text, size_t length, uint8_t address[static 16]);
/* Value of one hexadecimal digit; negative for other characters. Without branches: digits and letters come in no order that a processor
 * could guess. */
static inline int text_hex_digit(char c)
{
    unsigned digit = (unsigned char)c - (unsigned)'0';
    unsigned letter = ((unsigned char)c | 0x20u) - 'a';
    int value = letter < 6 ? (int)letter + 10 : -1;
    return digit < 10 ? (int)digit : value;
}

/* Resolves the escape at *text (a backslash) and moves *text behind it; -1 when it is none that RFC 1035 5.1 knows. */
int text_escape(const char **text, const char *end);

/* Digits of value without terminator, at most 20; returns how many. */
size_t text_from_u64(uint64_t value, char *out);
void text_append_u64(buffer_t *out, uint64_t value);
/* YYYYMMDDHHmmSS. */
void text_append_time(buffer_t *out, uint32_t seconds);
void text_append_ipv4(buffer_t *out, const uint8_t address[static 4]);
void text_append_ipv6(buffer_t *out, const uint8_t address[static 16]); /* RFC 5952 */
void text_append_hex(buffer_t *out, const uint8_t *data, size_t size);  /* upper case */
void text_append_base64(buffer_t *out, const uint8_t *data, size_t size);
void text_append_base32hex(buffer_t *out, const uint8_t *data, size_t size); /* upper case, no padding (RFC 5155 1.3) */
/* One character of a character-string, escaped where master files need it inside quotes (RFC 1035 5.1). */
void text_append_escaped(buffer_t *out, const uint8_t *data, size_t size);

/* Decoders that take their text in pieces. Each feed returns how many characters it took: less than length means that the next one does
 * not belong there. The writer's own error is the caller's to check. finish() is false when the text ended inside a group. */
typedef struct radix_decoder {
    uint64_t bits;    /* of the open group */
    unsigned count;   /* characters in the open group */
    unsigned padding; /* '=' seen */
} radix_decoder_t;

size_t hex_feed(radix_decoder_t *decoder, const char *text, size_t length, byte_writer_t *writer);
size_t base64_feed(radix_decoder_t *decoder, const char *text, size_t length, byte_writer_t *writer);
bool hex_finish(const radix_decoder_t *decoder);
bool base64_finish(const radix_decoder_t *decoder);
/* Whole text, no padding, case-insensitive. */
bool base32hex_decode(const char *text, size_t length, byte_writer_t *writer);
