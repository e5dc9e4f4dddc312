/* The radix encodings of RFC 4648, part of wire/text.h. */
#include "base/require.h"
#include "wire/text.h"

enum { NONE = 0xff };

/* Six-bit values; everything but the alphabet is NONE. */
static uint8_t base64_value(char c)
{
    static const uint8_t values[128] = {
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* 0x00 */
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* 0x10 */
        NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 62,   NONE, NONE, NONE, 63,   /* + / */
        52,   53,   54,   55,   56,   57,   58,   59,   60,   61,   NONE, NONE, NONE, NONE, NONE, NONE, /* 0 */
        NONE, 0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   /* A */
        15,   16,   17,   18,   19,   20,   21,   22,   23,   24,   25,   NONE, NONE, NONE, NONE, NONE, /* P */
        NONE, 26,   27,   28,   29,   30,   31,   32,   33,   34,   35,   36,   37,   38,   39,   40,   /* a */
        41,   42,   43,   44,   45,   46,   47,   48,   49,   50,   51,   NONE, NONE, NONE, NONE, NONE, /* p */
    };
    unsigned char u = (unsigned char)c;
    return u < sizeof values ? values[u] : NONE;
}

/* Whole groups of four; returns how many characters it took. */
static size_t base64_groups(const char *text, size_t length, byte_writer_t *writer)
{
    size_t groups = length / 4;
    size_t room = byte_writer_left(writer) / 3;
    groups = groups < room ? groups : room;
    uint8_t *out = writer->data + writer->position;
    size_t i = 0;
    for (; i < groups; i++) {
        uint32_t a = base64_value(text[4 * i]);
        uint32_t b = base64_value(text[4 * i + 1]);
        uint32_t c = base64_value(text[4 * i + 2]);
        uint32_t d = base64_value(text[4 * i + 3]);
        if (UNLIKELY((a | b | c | d) > 63)) {
            break;
        }
        uint32_t bits = a << 18 | b << 12 | c << 6 | d;
        out[3 * i] = (uint8_t)(bits >> 16);
        out[3 * i + 1] = (uint8_t)(bits >> 8);
        out[3 * i + 2] = (uint8_t)bits;
    }
    writer->position += 3 * i;
    return 4 * i;
}

static void base64_flush(radix_decoder_t *decoder, byte_writer_t *writer)
{
    unsigned octets = 3 - decoder->padding;
    uint32_t bits = (uint32_t)decoder->bits << 6 * decoder->padding;
    uint8_t *out = byte_reserve(writer, octets);
    for (unsigned i = 0; out && i < octets; i++) {
        out[i] = (uint8_t)(bits >> (16 - 8 * i));
    }
    decoder->bits = 0;
    decoder->count = 0;
}

size_t base64_feed(radix_decoder_t *decoder, const char *text, size_t length, byte_writer_t *writer)
{
    size_t i = 0;
    while (i < length) {
        if (decoder->count == 0 && decoder->padding == 0 && !writer->failed) {
            i += base64_groups(text + i, length - i, writer);
            if (i == length) {
                break;
            }
        }
        uint8_t value = base64_value(text[i]);
        bool pads = text[i] == '=' && decoder->count >= 2 && decoder->count + decoder->padding < 4;
        bool is_digit = value != NONE && decoder->padding == 0;
        if (!pads && !is_digit) {
            break;
        }
        if (pads) {
            decoder->padding++;
        } else {
            decoder->bits = decoder->bits << 6 | value;
            decoder->count++;
        }
        i++;
        if (decoder->count + decoder->padding == 4) {
            base64_flush(decoder, writer);
        }
    }
    return i;
}

bool base64_finish(const radix_decoder_t *decoder)
{
    return decoder->count == 0;
}

/* Whole pairs of digits; returns how many characters it took. */
static size_t hex_pairs(const char *text, size_t length, byte_writer_t *writer)
{
    size_t pairs = length / 2;
    size_t room = byte_writer_left(writer);
    pairs = pairs < room ? pairs : room;
    uint8_t *out = writer->data + writer->position;
    size_t i = 0;
    for (; i < pairs; i++) {
        int octet = text_hex_digit(text[2 * i]) * 16 | text_hex_digit(text[2 * i + 1]);
        if (UNLIKELY(octet < 0)) {
            break;
        }
        out[i] = (uint8_t)octet;
    }
    writer->position += i;
    return 2 * i;
}

size_t hex_feed(radix_decoder_t *decoder, const char *text, size_t length, byte_writer_t *writer)
{
    size_t i = decoder->count == 0 && !writer->failed ? hex_pairs(text, length, writer) : 0;
    for (; i < length; i++) {
        int digit = text_hex_digit(text[i]);
        if (digit < 0) {
            break;
        }
        decoder->bits = decoder->bits << 4 | (unsigned)digit;
        if (++decoder->count == 2) {
            byte_write_u8(writer, (uint8_t)decoder->bits);
            decoder->bits = 0;
            decoder->count = 0;
        }
    }
    return i;
}

bool hex_finish(const radix_decoder_t *decoder)
{
    return decoder->count == 0;
}

bool base32hex_decode(const char *text, size_t length, byte_writer_t *writer)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        unsigned letter = ((unsigned char)c | 0x20u) - 'a';
        unsigned value = c >= '0' && c <= '9' ? (unsigned)(c - '0') : letter < 22 ? letter + 10 : NONE;
        if (value == NONE) {
            return false;
        }
        bits = bits << 5 | value;
        count += 5;
        if (count >= 8) {
            count -= 8;
            byte_write_u8(writer, (uint8_t)(bits >> count));
        }
    }
    /* Left over are fewer bits than one more character would bring, and they are zero. */
    return count < 5 && (bits & ((1u << count) - 1)) == 0;
}

void text_append_hex(buffer_t *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t *room = size > 0 ? buffer_reserve(out, 2 * size) : NULL;
    if (room) {
        for (size_t i = 0; i < size; i++) {
            room[2 * i] = (uint8_t)digits[data[i] >> 4];
            room[2 * i + 1] = (uint8_t)digits[data[i] & 15];
        }
        out->size += 2 * size;
    }
}

void text_append_base64(buffer_t *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = (size + 2) / 3 * 4;
    uint8_t *room = length > 0 ? buffer_reserve(out, length) : NULL;
    if (!room) {
        return;
    }
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t bits = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        *room++ = (uint8_t)digits[bits >> 18];
        *room++ = (uint8_t)digits[bits >> 12 & 63];
        *room++ = left > 1 ? (uint8_t)digits[bits >> 6 & 63] : '=';
        *room++ = left > 2 ? (uint8_t)digits[bits & 63] : '=';
    }
    out->size += length;
}

void text_append_base32hex(buffer_t *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | data[i];
        for (count += 8; count >= 5;) {
            count -= 5;
            buffer_append_byte(out, (uint8_t)digits[bits >> count & 31]);
        }
    }
    if (count > 0) {
        buffer_append_byte(out, (uint8_t)digits[bits << (5 - count) & 31]);
    }
}
