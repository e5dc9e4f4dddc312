/* Walking over rdata by its layout: checks, canonical form, names, reading out of messages. */
#include "wire/rdata.h"

#include "base/require.h"
#include "wire/rdata_field.h"
#include "wire/rrtype.h"

#include <string.h>

/* Octets of the fields whose size is fixed and whose every value is well formed; 0 for the others. */
static const uint8_t fixed_size[FIELD_COUNT] = {
    [FIELD_U8] = 1,        [FIELD_U16] = 2,       [FIELD_U32] = 4,      [FIELD_U64] = 8,       [FIELD_OCTAL16] = 2,
    [FIELD_TTL] = 4,       [FIELD_TIME] = 4,      [FIELD_TYPE] = 2,     [FIELD_ALGORITHM] = 1, [FIELD_DIGEST] = 1,
    [FIELD_CERT_TYPE] = 2, [FIELD_KEY_FLAGS] = 2, [FIELD_PROTOCOL] = 1, [FIELD_SCHEME] = 1,    [FIELD_IPV4] = 4,
    [FIELD_IPV6] = 16,     [FIELD_ILNP64] = 8,    [FIELD_EUI48] = 6,    [FIELD_EUI64] = 8,     [FIELD_RELAY_TYPE] = 1,
};

uint8_t rdata_walk_next(rdata_walk_t *walk)
{
    uint8_t code = *walk->fields;
    if (UNLIKELY(code == FIELD_NAMES)) {
        return byte_reader_left(&walk->reader) > 0 ? code : FIELD_END;
    }
    walk->fields += code != FIELD_END;
    return code;
}

void rdata_skip_name(byte_reader_t *reader)
{
    size_t start = reader->position;
    for (;;) {
        uint8_t length = byte_read_u8(reader);
        if (length == 0) {
            break; /* the root, or past the end: failed */
        }
        if (length > NAME_LABEL_MAX) {
            reader->failed = true;
            return;
        }
        byte_read(reader, length);
    }
    if (reader->position - start > NAME_WIRE_MAX) {
        reader->failed = true;
    }
}

static void skip_rest(byte_reader_t *reader, bool may_be_empty)
{
    size_t left = byte_reader_left(reader);
    if (left == 0 && !may_be_empty) {
        reader->failed = true;
        return;
    }
    byte_read(reader, left);
}

static void skip_counted(byte_reader_t *reader)
{
    byte_read(reader, byte_read_u8(reader));
}

static void skip_strings(byte_reader_t *reader)
{
    do {
        skip_counted(reader);
    } while (!reader->failed && byte_reader_left(reader) > 0);
}

unsigned rdata_gateway_type(uint8_t code, const uint8_t *rdata)
{
    return code == FIELD_GATEWAY ? rdata[1] : rdata[1] & 0x7fu;
}

static void skip_gateway(uint8_t code, byte_reader_t *reader)
{
    switch (rdata_gateway_type(code, reader->data)) {
    case GATEWAY_NONE:
        break;
    case GATEWAY_IPV4:
        byte_read(reader, 4);
        break;
    case GATEWAY_IPV6:
        byte_read(reader, 16);
        break;
    case GATEWAY_NAME:
        rdata_skip_name(reader);
        break;
    default: /* not assigned yet: whatever follows belongs to it */
        skip_rest(reader, true);
        break;
    }
}

/* RFC 8005 5: HIT length, algorithm, key length, HIT, key. */
static void skip_hip(byte_reader_t *reader)
{
    uint8_t hit_size = byte_read_u8(reader);
    byte_read_u8(reader);
    uint16_t key_size = byte_read_u16(reader);
    byte_read(reader, hit_size);
    byte_read(reader, key_size);
    if (hit_size == 0 || key_size == 0) {
        reader->failed = true;
    }
}

/* RFC 1876 2: only version 0 is defined; nothing may be assumed of others. */
static void skip_loc(byte_reader_t *reader)
{
    if (byte_read_u8(reader) == 0) {
        byte_read(reader, 15);
    } else {
        skip_rest(reader, true);
    }
}

static void skip_services(byte_reader_t *reader)
{
    byte_read_u8(reader);
    if (byte_reader_left(reader) > 65536 / 8) {
        reader->failed = true;
    }
    skip_rest(reader, true);
}

static void skip_atma(byte_reader_t *reader)
{
    byte_read_u8(reader);
    skip_rest(reader, false);
}

/* RFC 2874 3.1: as many octets of suffix as the bits that the prefix does not give. */
static void skip_a6_prefix(byte_reader_t *reader)
{
    uint8_t prefix = byte_read_u8(reader);
    if (prefix > 128) {
        reader->failed = true;
        return;
    }
    byte_read(reader, (128u - prefix + 7) / 8);
}

static void skip_non_empty(byte_reader_t *reader)
{
    uint8_t size = byte_read_u8(reader);
    byte_read(reader, size);
    if (size == 0) {
        reader->failed = true;
    }
}

static void skip_special(uint8_t code, byte_reader_t *reader)
{
    switch (code) {
    case FIELD_BITMAP:
        rdata_skip_bitmap(reader);
        break;
    case FIELD_SERVICES:
        skip_services(reader);
        break;
    case FIELD_GATEWAY:
    case FIELD_RELAY:
        skip_gateway(code, reader);
        break;
    case FIELD_HIP:
        skip_hip(reader);
        break;
    case FIELD_APL:
        rdata_skip_apl(reader);
        break;
    case FIELD_LOC:
        skip_loc(reader);
        break;
    case FIELD_SVCPARAMS:
        rdata_skip_svcparams(reader);
        break;
    case FIELD_ATMA:
        skip_atma(reader);
        break;
    case FIELD_A6_PREFIX:
        skip_a6_prefix(reader);
        break;
    case FIELD_A6_NAME:
        if (reader->data[0] > 0) {
            rdata_skip_name(reader);
        }
        break;
    default:
        REQUIRE(!"a field code without a check");
    }
}

void rdata_skip(uint8_t code, byte_reader_t *reader)
{
    if (fixed_size[code] > 0) {
        byte_read(reader, fixed_size[code]);
        return;
    }
    if (reader->failed) {
        return; /* what later fields hang on may be missing */
    }
    switch (code) {
    case FIELD_NAME:
    case FIELD_NAMES:
        rdata_skip_name(reader);
        break;
    case FIELD_STRING:
    case FIELD_DIGITS:
    case FIELD_SALT:
        skip_counted(reader);
        break;
    case FIELD_STRING_OPTIONAL:
        if (byte_reader_left(reader) > 0) {
            skip_counted(reader);
        }
        break;
    case FIELD_STRINGS:
        skip_strings(reader);
        break;
    case FIELD_TAG:
    case FIELD_HASH:
        skip_non_empty(reader);
        break;
    case FIELD_HEX:
    case FIELD_BASE64:
    case FIELD_NSAP:
        skip_rest(reader, false);
        break;
    case FIELD_LONG_STRING:
    case FIELD_BASE64_OPTIONAL:
    case FIELD_BASE64_DASH:
    case FIELD_NXT_BITMAP:
        skip_rest(reader, true);
        break;
    default:
        skip_special(code, reader);
        break;
    }
}

bool rdata_field_is_name(uint8_t code, const byte_reader_t *reader)
{
    switch (code) {
    case FIELD_NAME:
    case FIELD_NAMES:
        return true;
    case FIELD_GATEWAY:
    case FIELD_RELAY:
        return rdata_gateway_type(code, reader->data) == GATEWAY_NAME;
    case FIELD_A6_NAME:
        return reader->data[0] > 0;
    default:
        return false;
    }
}

status_t rdata_check(uint16_t type, uint16_t rrclass, const uint8_t *rdata, size_t length)
{
    const uint8_t *fields = rdata_layout(type, rrclass);
    if (length > RDATA_MAX) {
        return STATUS_MALFORMED;
    }
    if (!fields || (length == 0 && rdata_may_be_absent(rrclass))) {
        return STATUS_OK;
    }
    rdata_walk_t walk = {.fields = fields, .reader = byte_reader(rdata, length)};
    uint8_t code;
    while ((code = rdata_walk_next(&walk)) != FIELD_END && !walk.reader.failed) {
        rdata_skip(code, &walk.reader);
    }
    return walk.reader.failed || byte_reader_left(&walk.reader) > 0 ? STATUS_MALFORMED : STATUS_OK;
}

status_t rdata_next_name(uint16_t type, const uint8_t *rdata, size_t length, size_t *offset)
{
    const rrtype_info_t *info = rrtype_info(type);
    if (!info || !info->fields || length == 0) {
        return STATUS_END;
    }
    rdata_walk_t walk = {.fields = info->fields, .reader = byte_reader(rdata, length)};
    uint8_t code;
    while ((code = rdata_walk_next(&walk)) != FIELD_END && !walk.reader.failed) {
        if (walk.reader.position >= *offset && rdata_field_is_name(code, &walk.reader)) {
            *offset = walk.reader.position;
            return STATUS_OK;
        }
        rdata_skip(code, &walk.reader);
    }
    return STATUS_END;
}

void rdata_canonicalize(uint16_t type, uint8_t *rdata, size_t length)
{
    const rrtype_info_t *info = rrtype_info(type);
    if (!info || !(info->flags & RRTYPE_DOWNCASED)) {
        return;
    }
    size_t offset = 0;
    while (rdata_next_name(type, rdata, length, &offset) == STATUS_OK) {
        size_t size = name_length(rdata + offset);
        name_lower(rdata + offset, size);
        offset += size;
    }
}

int rdata_compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
    size_t shared = a_length < b_length ? a_length : b_length;
    int difference = shared > 0 ? memcmp(a, b, shared) : 0;
    return difference ? difference : (a_length > b_length) - (a_length < b_length);
}

/* Rdata whose names may be compressed: the reader is on the message up to the end of this rdata, so that pointers can be followed. The
 * layouts in question have no field that looks at earlier octets. */
static status_t read_expanding(byte_reader_t *message, const uint8_t *fields, byte_writer_t *writer)
{
    rdata_walk_t walk = {.fields = fields, .reader = *message};
    uint8_t code;
    while ((code = rdata_walk_next(&walk)) != FIELD_END) {
        size_t start = walk.reader.position;
        if (code == FIELD_NAME) {
            name_t name;
            if (name_read(&walk.reader, &name) != STATUS_OK) {
                return STATUS_MALFORMED;
            }
            byte_write(writer, name.wire, name.length);
        } else {
            rdata_skip(code, &walk.reader);
            if (walk.reader.failed) {
                return STATUS_MALFORMED;
            }
            byte_write(writer, walk.reader.data + start, walk.reader.position - start);
        }
    }
    return walk.reader.failed || byte_reader_left(&walk.reader) > 0 ? STATUS_MALFORMED : STATUS_OK;
}

status_t rdata_read(byte_reader_t *reader, uint16_t type, uint16_t rrclass, size_t rdlength, byte_writer_t *writer)
{
    size_t start = reader->position;
    const uint8_t *wire = byte_read(reader, rdlength);
    if (!wire || rdlength > RDATA_MAX) {
        return STATUS_MALFORMED;
    }
    const rrtype_info_t *info = rrtype_info(type);
    byte_writer_t rdata = *writer;
    status_t status;
    if (info && (info->flags & RRTYPE_EXPANDED) && !(rdlength == 0 && rdata_may_be_absent(rrclass))) {
        byte_reader_t message = {.data = reader->data, .size = start + rdlength, .position = start};
        status = read_expanding(&message, info->fields, &rdata);
    } else {
        status = rdata_check(type, rrclass, wire, rdlength);
        byte_write(&rdata, wire, rdlength);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (rdata.failed) {
        return STATUS_NO_SPACE;
    }
    /* Expansion of names may exceed what an RDLENGTH can say. */
    if (rdata.position - writer->position > RDATA_MAX) {
        return STATUS_MALFORMED;
    }
    *writer = rdata;
    return STATUS_OK;
}

bool type_bitmap_has(const uint8_t *bitmap, size_t length, uint16_t type)
{
    byte_reader_t reader = byte_reader(bitmap, length);
    while (byte_reader_left(&reader) > 0 && !reader.failed) {
        uint8_t window = byte_read_u8(&reader);
        uint8_t size = byte_read_u8(&reader);
        const uint8_t *bits = byte_read(&reader, size);
        if (bits && window == type >> 8) {
            unsigned octet = (type & 0xffu) >> 3;
            return octet < size && (bits[octet] & 0x80u >> (type & 7u));
        }
    }
    return false;
}
