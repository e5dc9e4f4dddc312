/* Wire to text, driven by the layout. */
#include "wire/rdata.h"
#include "wire/rdata_field.h"
#include "wire/rdata_loc.h"
#include "wire/rdata_svcb.h"
#include "wire/rrtype.h"
#include "wire/text.h"

typedef struct printer {
    buffer_t *out;
    size_t start; /* where the record's text begins */
} printer_t;

/* A blank between fields. */
static void separate(printer_t *printer)
{
    if (printer->out->size > printer->start) {
        buffer_append_byte(printer->out, ' ');
    }
}

static void print_number(printer_t *printer, uint64_t value)
{
    separate(printer);
    text_append_u64(printer->out, value);
}

static void print_name(printer_t *printer, const uint8_t *wire)
{
    char text[NAME_TEXT_MAX];
    size_t length = name_to_text(wire, text);
    separate(printer);
    buffer_append(printer->out, text, length);
}

static void print_type(printer_t *printer, uint16_t type)
{
    char text[RRTYPE_TEXT_MAX];
    size_t length = rrtype_to_text(type, text);
    separate(printer);
    buffer_append(printer->out, text, length);
}

static void print_quoted(printer_t *printer, const uint8_t *data, size_t size)
{
    separate(printer);
    buffer_append_byte(printer->out, '"');
    text_append_escaped(printer->out, data, size);
    buffer_append_byte(printer->out, '"');
}

static void print_strings(printer_t *printer, const uint8_t *data, size_t size)
{
    byte_reader_t reader = byte_reader(data, size);
    while (byte_reader_left(&reader) > 0 && !reader.failed) {
        uint8_t length = byte_read_u8(&reader);
        const uint8_t *string = byte_read(&reader, length);
        if (string) {
            print_quoted(printer, string, length);
        }
    }
}

static void print_hex(printer_t *printer, const uint8_t *data, size_t size)
{
    separate(printer);
    text_append_hex(printer->out, data, size);
}

static void print_base64(printer_t *printer, const uint8_t *data, size_t size)
{
    if (size > 0) {
        separate(printer);
        text_append_base64(printer->out, data, size);
    }
}

static void print_bits(printer_t *printer, unsigned base, const uint8_t *bits, size_t size)
{
    for (unsigned i = 0; i < size * 8; i++) {
        if (bits[i >> 3] & 0x80u >> (i & 7)) {
            print_type(printer, (uint16_t)(base + i));
        }
    }
}

static void print_bitmap(printer_t *printer, const uint8_t *data, size_t size)
{
    byte_reader_t reader = byte_reader(data, size);
    while (byte_reader_left(&reader) > 0 && !reader.failed) {
        unsigned window = byte_read_u8(&reader);
        uint8_t length = byte_read_u8(&reader);
        const uint8_t *bits = byte_read(&reader, length);
        if (bits) {
            print_bits(printer, window << 8, bits, length);
        }
    }
}

static void print_services(printer_t *printer, const uint8_t *data, size_t size)
{
    print_number(printer, data[0]);
    for (unsigned i = 0; i < (size - 1) * 8; i++) {
        if (data[1 + (i >> 3)] & 0x80u >> (i & 7)) {
            print_number(printer, i);
        }
    }
}

static void print_groups(printer_t *printer, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        buffer_printf(printer->out, i > 0 ? "-%02x" : "%02x", data[i]);
    }
}

static void print_ilnp64(printer_t *printer, const uint8_t *data)
{
    for (unsigned i = 0; i < 8; i += 2) {
        buffer_printf(printer->out, i > 0 ? ":%04x" : "%04x", load_be16(data + i));
    }
}

static void print_gateway(printer_t *printer, unsigned type, const uint8_t *data)
{
    switch (type) {
    case GATEWAY_IPV4:
        separate(printer);
        text_append_ipv4(printer->out, data);
        break;
    case GATEWAY_IPV6:
        separate(printer);
        text_append_ipv6(printer->out, data);
        break;
    case GATEWAY_NAME:
        print_name(printer, data);
        break;
    default:
        separate(printer);
        buffer_append_byte(printer->out, '.');
        break;
    }
}

static void print_hip(printer_t *printer, const uint8_t *data)
{
    print_number(printer, data[1]);
    print_hex(printer, data + 4, data[0]);
    print_base64(printer, data + 4 + data[0], load_be16(data + 2));
}

static void print_apl(printer_t *printer, const uint8_t *data, size_t size)
{
    byte_reader_t reader = byte_reader(data, size);
    while (byte_reader_left(&reader) > 0 && !reader.failed) {
        uint16_t family = byte_read_u16(&reader);
        uint8_t prefix = byte_read_u8(&reader);
        uint8_t length = byte_read_u8(&reader);
        uint8_t address[16] = {0};
        const uint8_t *part = byte_read(&reader, length & 0x7f);
        if (part) {
            memcpy(address, part, length & 0x7f);
        }
        separate(printer);
        buffer_printf(printer->out, "%s%u:", length & 0x80 ? "!" : "", family);
        if (family == 1) {
            text_append_ipv4(printer->out, address);
        } else {
            text_append_ipv6(printer->out, address);
        }
        buffer_printf(printer->out, "/%u", prefix);
    }
}

static void print_a6_prefix(printer_t *printer, const uint8_t *data, size_t size)
{
    uint8_t address[16] = {0};
    memcpy(address + sizeof address - (size - 1), data + 1, size - 1);
    print_number(printer, data[0]);
    if (data[0] < 128) {
        separate(printer);
        text_append_ipv6(printer->out, address);
    }
}

static void print_atma(printer_t *printer, const uint8_t *data, size_t size)
{
    if (data[0] == 0) {
        print_hex(printer, data + 1, size - 1);
        return;
    }
    separate(printer);
    buffer_append_byte(printer->out, '+');
    buffer_append(printer->out, data + 1, size - 1);
}

static void print_scheme(printer_t *printer, uint8_t scheme)
{
    if (scheme == 1) {
        separate(printer);
        buffer_append_text(printer->out, "NOTIFY");
    } else {
        print_number(printer, scheme);
    }
}

static void print_integer(printer_t *printer, uint8_t code, const uint8_t *data, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | data[i];
    }
    switch (code) {
    case FIELD_TIME:
        separate(printer);
        text_append_time(printer->out, (uint32_t)value);
        break;
    case FIELD_TYPE:
        print_type(printer, (uint16_t)value);
        break;
    case FIELD_OCTAL16:
        separate(printer);
        buffer_printf(printer->out, "%o", (unsigned)value);
        break;
    case FIELD_SCHEME:
        print_scheme(printer, (uint8_t)value);
        break;
    case FIELD_RELAY_TYPE:
        print_number(printer, value >> 7);
        print_number(printer, value & 0x7f);
        break;
    default:
        print_number(printer, value);
        break;
    }
}

static void print_address(printer_t *printer, uint8_t code, const uint8_t *data, size_t size)
{
    separate(printer);
    switch (code) {
    case FIELD_IPV4:
        text_append_ipv4(printer->out, data);
        break;
    case FIELD_IPV6:
        text_append_ipv6(printer->out, data);
        break;
    case FIELD_ILNP64:
        print_ilnp64(printer, data);
        break;
    default:
        print_groups(printer, data, size);
        break;
    }
}

static void print_octets(printer_t *printer, uint8_t code, const uint8_t *data, size_t size)
{
    switch (code) {
    case FIELD_SALT:
        separate(printer);
        if (data[0] == 0) {
            buffer_append_byte(printer->out, '-');
        }
        text_append_hex(printer->out, data + 1, data[0]);
        break;
    case FIELD_HASH:
        separate(printer);
        text_append_base32hex(printer->out, data + 1, data[0]);
        break;
    case FIELD_BASE64_DASH:
        if (size == 0) {
            separate(printer);
            buffer_append_byte(printer->out, '-');
        }
        print_base64(printer, data, size);
        break;
    case FIELD_NSAP:
        separate(printer);
        buffer_append_text(printer->out, "0x");
        text_append_hex(printer->out, data, size);
        break;
    case FIELD_HEX:
        print_hex(printer, data, size);
        break;
    default:
        print_base64(printer, data, size);
        break;
    }
}

/* One field of `size` octets at `data`, in rdata that has passed the check. */
static void print_field(printer_t *printer, uint8_t code, const uint8_t *rdata, const uint8_t *data, size_t size)
{
    switch (code) {
    case FIELD_NAME:
    case FIELD_NAMES:
        print_name(printer, data);
        break;
    case FIELD_IPV4:
    case FIELD_IPV6:
    case FIELD_ILNP64:
    case FIELD_EUI48:
    case FIELD_EUI64:
        print_address(printer, code, data, size);
        break;
    case FIELD_STRING:
    case FIELD_STRING_OPTIONAL:
    case FIELD_STRINGS:
    case FIELD_DIGITS:
        print_strings(printer, data, size);
        break;
    case FIELD_TAG:
        separate(printer);
        buffer_append(printer->out, data + 1, data[0]);
        break;
    case FIELD_LONG_STRING:
        print_quoted(printer, data, size);
        break;
    case FIELD_SALT:
    case FIELD_HASH:
    case FIELD_HEX:
    case FIELD_BASE64:
    case FIELD_BASE64_OPTIONAL:
    case FIELD_BASE64_DASH:
    case FIELD_NSAP:
        print_octets(printer, code, data, size);
        break;
    case FIELD_BITMAP:
        print_bitmap(printer, data, size);
        break;
    case FIELD_NXT_BITMAP:
        print_bits(printer, 0, data, size);
        break;
    case FIELD_SERVICES:
        print_services(printer, data, size);
        break;
    case FIELD_GATEWAY:
    case FIELD_RELAY:
        print_gateway(printer, rdata_gateway_type(code, rdata), data);
        break;
    case FIELD_HIP:
        print_hip(printer, data);
        break;
    case FIELD_APL:
        print_apl(printer, data, size);
        break;
    case FIELD_LOC:
        rdata_print_loc(data, printer->out);
        break;
    case FIELD_SVCPARAMS:
        rdata_print_svcparams(data, size, printer->out);
        break;
    case FIELD_ATMA:
        print_atma(printer, data, size);
        break;
    case FIELD_A6_PREFIX:
        print_a6_prefix(printer, data, size);
        break;
    case FIELD_A6_NAME:
        if (size > 0) {
            print_name(printer, data);
        }
        break;
    default:
        print_integer(printer, code, data, size);
        break;
    }
}

/* RFC 3597 5. */
static void print_generic(const uint8_t *rdata, size_t length, buffer_t *out)
{
    buffer_append_text(out, "\\# ");
    text_append_u64(out, length);
    if (length > 0) {
        buffer_append_byte(out, ' ');
        text_append_hex(out, rdata, length);
    }
}

void rdata_to_text(uint16_t type, uint16_t rrclass, const uint8_t *rdata, size_t length, buffer_t *out)
{
    const uint8_t *fields = rdata_layout(type, rrclass);
    const uint16_t strict = rdata_may_be_absent(rrclass) ? CLASS_IN : rrclass;
    if (!fields || rdata_check(type, strict, rdata, length) != STATUS_OK || rdata_complaint(type, rdata, length)) {
        print_generic(rdata, length, out);
        return;
    }
    printer_t printer = {.out = out, .start = out->size};
    if (length == 0) {
        return; /* APL without items: nothing to be said */
    }
    rdata_walk_t walk = {.fields = fields, .reader = byte_reader(rdata, length)};
    uint8_t code;
    while ((code = rdata_walk_next(&walk)) != FIELD_END) {
        size_t start = walk.reader.position;
        rdata_skip(code, &walk.reader);
        print_field(&printer, code, rdata, rdata + start, walk.reader.position - start);
    }
}
