/* SvcParams: format, rules, and wire to text. */
#include "wire/rdata_svcb.h"

#include "base/require.h"
#include "wire/rdata_field.h"
#include "wire/text.h"

#include <string.h>

const char *rdata_svcb_key_name(uint16_t key)
{
    static const char *const names[] = {
        [SVCB_MANDATORY] = "mandatory", [SVCB_ALPN] = "alpn",         [SVCB_NO_DEFAULT_ALPN] = "no-default-alpn",
        [SVCB_PORT] = "port",           [SVCB_IPV4HINT] = "ipv4hint", [SVCB_ECH] = "ech",
        [SVCB_IPV6HINT] = "ipv6hint",   [SVCB_DOHPATH] = "dohpath",   [SVCB_OHTTP] = "ohttp",
    };
    return key < ARRAY_SIZE(names) ? names[key] : NULL;
}

/* RFC 9460 8: keys in increasing order, `mandatory` itself not among them. */
static bool mandatory_is_good(const uint8_t *value, uint16_t size)
{
    uint16_t last = SVCB_MANDATORY;
    for (unsigned i = 0; i + 2 <= size; i += 2) {
        uint16_t key = load_be16(value + i);
        if (key <= last) {
            return false;
        }
        last = key;
    }
    return size > 0 && size % 2 == 0;
}

/* RFC 9460 7.1.1: at least one protocol, none of them empty. */
static bool alpn_is_good(const uint8_t *value, uint16_t size)
{
    byte_reader_t reader = byte_reader(value, size);
    do {
        uint8_t length = byte_read_u8(&reader);
        byte_read(&reader, length);
        if (length == 0) {
            return false;
        }
    } while (!reader.failed && byte_reader_left(&reader) > 0);
    return !reader.failed;
}

static bool value_is_good(uint16_t key, const uint8_t *value, uint16_t size)
{
    switch (key) {
    case SVCB_MANDATORY:
        return mandatory_is_good(value, size);
    case SVCB_ALPN:
        return alpn_is_good(value, size);
    case SVCB_NO_DEFAULT_ALPN:
    case SVCB_OHTTP:
        return size == 0;
    case SVCB_PORT:
        return size == 2;
    case SVCB_IPV4HINT:
        return size > 0 && size % 4 == 0;
    case SVCB_IPV6HINT:
        return size > 0 && size % 16 == 0;
    case SVCB_ECH:
    case SVCB_DOHPATH:
        return size > 0;
    default:
        return true;
    }
}

/* RFC 9460 2.2: keys strictly increasing, each value in its key's format. */
void rdata_skip_svcparams(byte_reader_t *reader)
{
    int last = -1;
    while (byte_reader_left(reader) > 0 && !reader->failed) {
        uint16_t key = byte_read_u16(reader);
        uint16_t size = byte_read_u16(reader);
        const uint8_t *value = byte_read(reader, size);
        if (key <= last || !value || !value_is_good(key, value, size)) {
            reader->failed = true;
        }
        last = key;
    }
}

static const uint8_t *find_param(const uint8_t *params, size_t length, uint16_t wanted, uint16_t *size)
{
    byte_reader_t reader = byte_reader(params, length);
    while (byte_reader_left(&reader) > 0) {
        uint16_t key = byte_read_u16(&reader);
        *size = byte_read_u16(&reader);
        const uint8_t *value = byte_read(&reader, *size);
        if (key == wanted) {
            return value;
        }
    }
    return NULL;
}

/* Both lists are in increasing order: one pass over each. */
static bool mandatory_are_there(const uint8_t *params, size_t length)
{
    uint16_t size;
    const uint8_t *mandatory = find_param(params, length, SVCB_MANDATORY, &size);
    if (!mandatory) {
        return true;
    }
    unsigned met = 0;
    byte_reader_t reader = byte_reader(params, length);
    while (byte_reader_left(&reader) > 0 && met < size) {
        uint16_t key = byte_read_u16(&reader);
        byte_read(&reader, byte_read_u16(&reader));
        met += key == load_be16(mandatory + met) ? 2 : 0;
    }
    return met == size;
}

/* RFC 9461 5: a path that is a URI template with the variable "dns". */
static bool dohpath_is_good(const uint8_t *value, uint16_t size)
{
    const uint8_t *open = size > 0 && value[0] == '/' ? memchr(value, '{', size) : NULL;
    const uint8_t *close = open ? memchr(open, '}', (size_t)(value + size - open)) : NULL;
    return close && memmem(open, (size_t)(close - open), "dns", 3);
}

const char *rdata_svcparams_complaint(const uint8_t *params, size_t length)
{
    uint16_t size;
    if (!mandatory_are_there(params, length)) {
        return "a key that is named mandatory is missing (RFC 9460 8)";
    }
    if (find_param(params, length, SVCB_NO_DEFAULT_ALPN, &size) && !find_param(params, length, SVCB_ALPN, &size)) {
        return "no-default-alpn needs alpn beside it (RFC 9460 7.1.1)";
    }
    const uint8_t *dohpath = find_param(params, length, SVCB_DOHPATH, &size);
    if (dohpath && !dohpath_is_good(dohpath, size)) {
        return "dohpath is a path with the variable dns, as in /dns-query{?dns} (RFC 9461 5)";
    }
    return NULL;
}

/* ---- text ---- */

static void print_key(uint16_t key, buffer_t *out)
{
    const char *name = rdata_svcb_key_name(key);
    if (name) {
        buffer_append_text(out, name);
        return;
    }
    buffer_append_text(out, "key");
    text_append_u64(out, key);
}

static void print_mandatory(const uint8_t *value, uint16_t size, buffer_t *out)
{
    for (unsigned i = 0; i < size; i += 2) {
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        print_key(load_be16(value + i), out);
    }
}

/* Commas and backslashes of an item are escaped once for the list, and the result once more for the string (RFC 9460 A.1). */
static void print_alpn(const uint8_t *value, uint16_t size, buffer_t *out)
{
    buffer_append_byte(out, '"');
    for (unsigned i = 0; i < size;) {
        unsigned end = i + 1 + value[i];
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        for (i++; i < end; i++) {
            if (value[i] == ',' || value[i] == '\\') {
                buffer_append_text(out, "\\\\");
            }
            text_append_escaped(out, value + i, 1);
        }
    }
    buffer_append_byte(out, '"');
}

static void print_hints(uint16_t key, const uint8_t *value, uint16_t size, buffer_t *out)
{
    const unsigned step = key == SVCB_IPV4HINT ? 4 : 16;
    for (unsigned i = 0; i < size; i += step) {
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        if (key == SVCB_IPV4HINT) {
            text_append_ipv4(out, value + i);
        } else {
            text_append_ipv6(out, value + i);
        }
    }
}

static void print_value(uint16_t key, const uint8_t *value, uint16_t size, buffer_t *out)
{
    switch (key) {
    case SVCB_MANDATORY:
        print_mandatory(value, size, out);
        break;
    case SVCB_ALPN:
        print_alpn(value, size, out);
        break;
    case SVCB_PORT:
        text_append_u64(out, load_be16(value));
        break;
    case SVCB_IPV4HINT:
    case SVCB_IPV6HINT:
        print_hints(key, value, size, out);
        break;
    case SVCB_ECH:
        text_append_base64(out, value, size);
        break;
    default:
        buffer_append_byte(out, '"');
        text_append_escaped(out, value, size);
        buffer_append_byte(out, '"');
        break;
    }
}

void rdata_print_svcparams(const uint8_t *params, size_t length, buffer_t *out)
{
    byte_reader_t reader = byte_reader(params, length);
    while (byte_reader_left(&reader) > 0 && !reader.failed) {
        uint16_t key = byte_read_u16(&reader);
        uint16_t size = byte_read_u16(&reader);
        const uint8_t *value = byte_read(&reader, size);
        buffer_append_byte(out, ' ');
        print_key(key, out);
        if (value && size > 0) {
            buffer_append_byte(out, '=');
            print_value(key, value, size, out);
        }
    }
}
