/* Any bytes as replies to a resolver that waits for them, over a whole resolution: each client gets one answer, the invariants hold after
 * every event, nothing but the truth is secure. Input: one octet that tells how many questions follow and, by its top bits, where
 * resolution starts and what remembers; the questions, one octet each; then, for each reply in turn, one octet of kind and one or two of
 * length and its content: see reply_kind. When the input is used up, replies are what the servers really say. */
#include "base/bytes.h"
#include "fuzz.h"
#include "signed_world.h"

#include <string.h>

enum { QUESTIONS_MAX = 4, LENGTH_SIZE = 2 };

typedef enum reply_kind {
    REPLY_TRUE,       /* as it is; no content */
    REPLY_LOST,       /* likewise */
    REPLY_RAW,        /* the content and nothing else */
    REPLY_FITTING,    /* flags and counts, then all behind the question; id and question fit */
    REPLY_CUT,        /* the true one, as long as the content's length says */
    REPLY_BENT,       /* the true one; content: pairs of a place (two octets) and an octet to put there */
    REPLY_LENGTHENED, /* the true one with the content behind it */
    REPLY_KINDS
} reply_kind_t;

static size_t question_end(const uint8_t *message, size_t size)
{
    size_t at = MESSAGE_HEADER_SIZE;
    while (at < size && message[at] != 0) {
        at += 1u + message[at];
    }
    return at + 5;
}

static size_t make_fitting(uint8_t *message, size_t size, const uint8_t *content, size_t length)
{
    enum { HEAD_SIZE = 8 };
    uint8_t head[HEAD_SIZE] = {0};
    size_t end = question_end(message, size);
    size_t head_size = length < HEAD_SIZE ? length : HEAD_SIZE;
    memcpy(head, content, head_size);
    message[2] = head[0] | 0x80;
    message[3] = head[1];
    memcpy(message + 6, head + 2, 6);
    if (length > head_size && end + length - head_size <= MESSAGE_MAX) {
        memcpy(message + end, content + head_size, length - head_size);
        end += length - head_size;
    }
    return end;
}

static size_t bend(uint8_t *message, size_t size, const uint8_t *content, size_t length)
{
    for (size_t i = 0; i + 3 <= length; i += 3) {
        message[2 + load_be16(content + i) % (size - 2)] = content[i + 2]; /* the id stays */
    }
    return size;
}

static size_t tamper(void *context, uint8_t *message, size_t size)
{
    byte_reader_t *reader = context;
    if (byte_reader_left(reader) == 0) {
        return size;
    }
    reply_kind_t kind = byte_read_u8(reader) % REPLY_KINDS;
    if (kind == REPLY_TRUE || kind == REPLY_LOST || byte_reader_left(reader) < LENGTH_SIZE) {
        return kind == REPLY_LOST ? 0 : size;
    }
    size_t length = byte_read_u16(reader);
    size_t left = byte_reader_left(reader);
    if (kind == REPLY_CUT) {
        return length < size ? length : size;
    }
    length = length < left ? length : left;
    const uint8_t *content = byte_read(reader, length);
    switch (kind) {
    case REPLY_RAW:
        memcpy(message, content, length);
        return length;
    case REPLY_FITTING:
        return make_fitting(message, size, content, length);
    case REPLY_BENT:
        return bend(message, size, content, length);
    default:
        length = size + length <= MESSAGE_MAX ? length : 0;
        memcpy(message + size, content, length);
        return size + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    byte_reader_t reader = byte_reader(data, size);
    uint8_t head = byte_read_u8(&reader);
    size_t count = 1 + head % QUESTIONS_MAX;
    count = count < byte_reader_left(&reader) ? count : byte_reader_left(&reader);
    const uint8_t *choices = byte_read(&reader, count);
    const signed_world_way_t way = {head & 0x80 ? SIGNED_WORLD_ISLANDS : SIGNED_WORLD_ROOT, (head & 0x40) != 0};
    signed_world_ask(signed_world_begin(way, tamper, &reader), choices, count);
    return 0;
}
