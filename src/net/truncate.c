#include "net/truncate.h"

#include "base/bytes.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <string.h>

static void skip_name(byte_reader_t *reader)
{
    for (;;) {
        uint8_t length = byte_read_u8(reader);
        if (reader->failed || length == 0) {
            return;
        }
        if (length >= 0xc0) {
            byte_read_u8(reader);
            return;
        }
        byte_read(reader, length);
    }
}

/* Goes to the OPT among `records` records; its size, 0 when there is none. */
static size_t find_opt(byte_reader_t *reader, unsigned records, size_t *offset)
{
    for (; records > 0 && !reader->failed; records--) {
        size_t start = reader->position;
        skip_name(reader);
        uint16_t type = byte_read_u16(reader);
        byte_read(reader, 6); /* class and TTL */
        byte_read(reader, byte_read_u16(reader));
        if (type == TYPE_OPT && !reader->failed) {
            *offset = start;
            return reader->position - start;
        }
    }
    return 0;
}

size_t net_truncate(uint8_t *message, size_t size)
{
    if (size < MESSAGE_HEADER_SIZE) {
        return 0;
    }
    byte_reader_t reader = byte_reader(message, size);
    size_t opt_offset = 0;
    reader.position = MESSAGE_HEADER_SIZE;
    for (unsigned left = load_be16(message + 4); left > 0 && !reader.failed; left--) {
        skip_name(&reader);
        byte_read(&reader, 4);
    }
    if (reader.failed) {
        return 0;
    }
    size_t end = reader.position;
    size_t opt_size = find_opt(&reader, load_be16(message + 6) + load_be16(message + 8) + load_be16(message + 10), &opt_offset);
    if (opt_size > 0) {
        memmove(message + end, message + opt_offset, opt_size);
    }
    store_be16(message + 2, load_be16(message + 2) | FLAG_TC);
    store_be32(message + 6, 0);
    store_be16(message + 10, opt_size > 0);
    return end + opt_size;
}
