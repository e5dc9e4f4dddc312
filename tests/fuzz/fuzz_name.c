/* Names out of messages and out of text: whatever is accepted survives text, keys and a second reading unchanged. */
#include "base/require.h"
#include "fuzz.h"
#include "wire/name.h"

#include <string.h>

enum { POSITIONS_MAX = 64 };

static void check_name(const name_t *name)
{
    char text[NAME_TEXT_MAX];
    name_t again;
    name_key_t key;
    REQUIRE(name_length(name->wire) == name->length && name_labels(name->wire) == name->labels);
    size_t length = name_to_text(name->wire, text);
    REQUIRE(length < NAME_TEXT_MAX && strlen(text) == length);
    REQUIRE(name_from_text(&again, text, length, NULL, NULL) == STATUS_OK);
    REQUIRE(again.length == name->length && memcmp(again.wire, name->wire, name->length) == 0);

    name_key_init(&key, name->wire, name->length);
    REQUIRE(key.length == name->length && key.labels == name->labels);
    REQUIRE(name_equal(key.wire, name->wire) && name_compare(key.wire, name->wire) == 0);
    for (unsigned labels = 0; labels <= key.labels; labels++) {
        REQUIRE(name_suffix(key.wire, labels) == key.wire + key.offset[labels]);
        REQUIRE(name_hash(key.wire + key.offset[labels]) == key.hash[labels]);
        REQUIRE(name_is_at_or_below(name->wire, key.wire + key.offset[labels]));
    }
    if (name->labels > 0 && name_substitute(&again, name->wire, name->labels - 1, name->wire) == STATUS_OK) {
        REQUIRE(name_length(again.wire) == again.length && name_labels(again.wire) == again.labels);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t origin[] = "\6origin\4test";
    name_t name;
    for (size_t position = 0; position < size && position < POSITIONS_MAX; position++) {
        byte_reader_t reader = byte_reader(data, size);
        reader.position = position;
        bool good = name_read(&reader, &name) == STATUS_OK;
        REQUIRE(good != reader.failed && reader.position <= size && (!good || reader.position > position));
        if (good) {
            check_name(&name);
        }
        name_key_t key;
        size_t length = name_key_read(&key, data + position, size - position);
        byte_reader_t plain = byte_reader(data + position, size - position);
        REQUIRE((name_read_uncompressed(&plain, &name) == STATUS_OK) == (length > 0));
        REQUIRE(length == plain.position);
    }
    size_t error_at = 0;
    if (name_from_text(&name, (const char *)data, size, origin, &error_at) == STATUS_OK) {
        check_name(&name);
    } else {
        REQUIRE(error_at <= size);
    }
    return 0;
}
