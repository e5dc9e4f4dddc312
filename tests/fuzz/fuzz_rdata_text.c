/* Rdata from text and from the wire. Input: two octets of type, two of class, then text; the same octets are also taken as wire rdata. What
 * is taken must come back the same through its own text. */
#include "base/require.h"
#include "fuzz.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20, LOOKED_AT_MAX = 16384 };

static const uint8_t origin[] = "\x07"
                                "example";

/* The text of wire data that has passed the check leads back to it. */
static void check_round_trip(uint16_t type, uint16_t rrclass, const uint8_t *data, size_t size, byte_writer_t again)
{
    buffer_t out;
    buffer_init(&out, TEXT_MAX);
    rdata_to_text(type, rrclass, data, size, &out);
    REQUIRE(out.status == STATUS_OK);
    rdata_error_t error;
    status_t status = rdata_from_line(type, rrclass, buffer_text(&out), out.size, origin, &again, &error);
    REQUIRE(status == STATUS_OK);
    REQUIRE(again.position == size && (size == 0 || memcmp(again.data, data, size) == 0));
    buffer_clear(&out);
}

static void check_names(uint16_t type, const uint8_t *data, size_t size)
{
    size_t offset = 0;
    while (rdata_next_name(type, data, size, &offset) == STATUS_OK) {
        byte_reader_t reader = {.data = data, .size = size, .position = offset};
        name_t name;
        REQUIRE(name_read_uncompressed(&reader, &name) == STATUS_OK);
        offset += name.length;
    }
}

static void take_text(uint16_t type, uint16_t rrclass, const uint8_t *text, size_t size, uint8_t *memory)
{
    byte_writer_t writer = byte_writer(memory, RDATA_MAX);
    rdata_error_t error;
    if (rdata_from_line(type, rrclass, (const char *)text, size, origin, &writer, &error) != STATUS_OK) {
        REQUIRE(error.message[0] != 0 && writer.position == 0);
        REQUIRE(!error.at || ((const uint8_t *)error.at >= text && (const uint8_t *)error.at <= text + size));
        return;
    }
    if (!(writer.position == 0 && (rrclass == CLASS_ANY || rrclass == CLASS_NONE))) {
        REQUIRE(rdata_check(type, rrclass, memory, writer.position) == STATUS_OK);
    }
    check_round_trip(type, rrclass, memory, writer.position, byte_writer(memory + RDATA_MAX, RDATA_MAX));
}

static void take_wire(uint16_t type, uint16_t rrclass, const uint8_t *data, size_t size, uint8_t *memory)
{
    byte_reader_t reader = byte_reader(data, size);
    byte_writer_t writer = byte_writer(memory, RDATA_MAX);
    if (rdata_read(&reader, type, rrclass, size, &writer) != STATUS_OK || writer.position == 0) {
        return;
    }
    REQUIRE(rdata_check(type, rrclass, memory, writer.position) == STATUS_OK);
    check_round_trip(type, rrclass, memory, writer.position, byte_writer(memory + RDATA_MAX, RDATA_MAX));
    if (rrclass == CLASS_IN) {
        check_names(type, memory, writer.position);
        rdata_canonicalize(type, memory, writer.position);
        REQUIRE(rdata_check(type, rrclass, memory, writer.position) == STATUS_OK);
        type_bitmap_has(memory, writer.position, TYPE_NS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > LOOKED_AT_MAX) {
        return 0;
    }
    uint8_t *memory = malloc(2 * (size_t)RDATA_MAX);
    REQUIRE(memory);
    const uint16_t type = load_be16(data);
    const uint16_t rrclass = load_be16(data + 2);
    take_text(type, rrclass, data + 4, size - 4, memory);
    take_wire(type, rrclass, data + 4, size - 4, memory);
    free(memory);
    return 0;
}
