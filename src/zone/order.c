#include "zone/order.h"

#include "base/require.h"
#include "wire/name.h"

typedef struct key_writer {
    uint64_t key;
    size_t skip;
    unsigned size; /* octets in key */
} key_writer_t;

static inline void put(key_writer_t *writer, uint8_t octet)
{
    if (writer->skip > 0) {
        writer->skip--;
    } else {
        writer->key = writer->key << 8 | octet;
        writer->size++;
    }
}

uint64_t zone_order_key(const uint8_t *wire, unsigned apex_labels, size_t skip)
{
    uint8_t start[NAME_LABELS_MAX];
    unsigned labels = 0;
    for (size_t position = 0; wire[position] != 0; position += wire[position] + 1u) {
        DEBUG_ASSERT(labels < NAME_LABELS_MAX);
        start[labels++] = (uint8_t)position;
    }
    key_writer_t writer = {.skip = skip};
    for (unsigned left = labels - apex_labels; left > 0; left--) {
        const uint8_t *label = wire + start[left - 1];
        for (unsigned i = 1; i <= label[0] && writer.size < 8; i++) {
            if (label[i] < 2) {
                put(&writer, 1);
                if (writer.size == 8) {
                    return writer.key;
                }
            }
            put(&writer, label[i]);
        }
        if (writer.size == 8) {
            return writer.key;
        }
        put(&writer, 0);
        if (writer.size == 8) {
            return writer.key;
        }
    }
    return writer.size == 0 ? 0 : writer.key << (64 - 8 * writer.size);
}
