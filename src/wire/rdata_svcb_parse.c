/* SvcParams: text to wire (RFC 9460 2.1 and appendix A). */
#include "base/require.h"
#include "wire/rdata_parse.h"
#include "wire/rdata_svcb.h"
#include "wire/text.h"

#include <string.h>

/* One key=value of the last token. */
typedef struct param {
    rdata_parser_t *parser;
    uint16_t key;
    bool by_number;    /* written as keyNNNNN: the value is the wire form as a string */
    const char *value; /* NULL: none; without quotes */
    const char *end;
} param_t;

static bool key_from_text(const char *text, size_t length, uint16_t *key, bool *by_number)
{
    *by_number = false;
    for (uint16_t i = 0; rdata_svcb_key_name(i); i++) {
        if (text_equal(text, length, rdata_svcb_key_name(i))) {
            *key = i;
            return true;
        }
    }
    uint32_t number;
    if (length < 4 || !text_equal(text, 3, "key") || (text[3] == '0' && length > 4) ||
        !text_to_u32(text + 3, length - 3, UINT16_MAX, &number)) {
        return false;
    }
    *key = (uint16_t)number;
    *by_number = true;
    return true;
}

static status_t split_token(param_t *param)
{
    const rdata_token_t *token = &param->parser->token;
    const char *end = token->text + token->length;
    const char *equals = memchr(token->text, '=', token->length);
    const char *key_end = equals ? equals : end;
    if (token->quoted || !key_from_text(token->text, (size_t)(key_end - token->text), &param->key, &param->by_number)) {
        return rdata_unexpected(param->parser, "service parameter (a known key or keyNNNNN, then =value)");
    }
    param->value = equals ? equals + 1 : NULL;
    param->end = end;
    if (param->value && end - param->value >= 2 && *param->value == '"' && end[-1] == '"') {
        param->value++;
        param->end--;
    }
    return STATUS_OK;
}

/* The next octet of the value with the string's escapes resolved; -1 and the error filled for a bad escape. */
static int next_octet(param_t *param, const char **text)
{
    const char *at = *text;
    int octet = *at == '\\' ? text_escape(text, param->end) : (unsigned char)*(*text)++;
    if (octet < 0) {
        rdata_fail(param->parser, STATUS_MALFORMED, at, "bad escape: \\ is followed by three digits up to 255 or by one other character");
    }
    return octet;
}

static status_t write_raw(param_t *param)
{
    for (const char *text = param->value; text < param->end;) {
        int octet = next_octet(param, &text);
        if (octet < 0) {
            return STATUS_MALFORMED;
        }
        byte_write_u8(&param->parser->writer, (uint8_t)octet);
    }
    return STATUS_OK;
}

/* The next item of a list without escapes; NULL at the end. */
static const char *next_item(const param_t *param, const char **text, size_t *length)
{
    const char *item = *text;
    if (!item) {
        return NULL;
    }
    const char *comma = memchr(item, ',', (size_t)(param->end - item));
    *length = (size_t)((comma ? comma : param->end) - item);
    *text = comma ? comma + 1 : NULL;
    return item;
}

/* Keys in any order; on the wire they increase (RFC 9460 8). */
static status_t write_mandatory(param_t *param)
{
    uint8_t named[65536 / 8] = {0};
    const char *text = param->value;
    const char *item;
    size_t length;
    while ((item = next_item(param, &text, &length))) {
        uint16_t key;
        bool by_number;
        if (!key_from_text(item, length, &key, &by_number)) {
            return rdata_fail(param->parser, STATUS_MALFORMED, item, "mandatory: a list of keys expected");
        }
        if (key == SVCB_MANDATORY) {
            return rdata_fail(param->parser, STATUS_INVALID, item, "mandatory must not name itself");
        }
        if (named[key >> 3] & 1u << (key & 7)) {
            return rdata_fail(param->parser, STATUS_INVALID, item, "mandatory names a key twice");
        }
        named[key >> 3] |= (uint8_t)(1u << (key & 7));
    }
    for (unsigned key = 0; key <= UINT16_MAX; key++) {
        if (named[key >> 3] & 1u << (key & 7)) {
            byte_write_u16(&param->parser->writer, (uint16_t)key);
        }
    }
    return STATUS_OK;
}

/* Items end at commas that no list escape protects; the list's escapes are looked for behind the string's (RFC 9460 A.1). */
static status_t write_alpn(param_t *param)
{
    byte_writer_t *writer = &param->parser->writer;
    const char *text = param->value;
    for (bool more = true; more;) {
        uint8_t *length = byte_reserve(writer, 1);
        if (!length) {
            return rdata_too_long(param->parser);
        }
        size_t start = writer->position;
        more = false;
        while (text < param->end) {
            const char *at = text;
            int octet = next_octet(param, &text);
            if (octet == ',') {
                more = true;
                break;
            }
            if (octet == '\\') {
                octet = text < param->end ? next_octet(param, &text) : 0;
                if (octet != ',' && octet != '\\') {
                    return rdata_fail(param->parser, STATUS_MALFORMED, at, "in a list, only a comma or a backslash is escaped");
                }
            }
            if (octet < 0) {
                return STATUS_MALFORMED;
            }
            byte_write_u8(writer, (uint8_t)octet);
        }
        size_t size = writer->position - start;
        if (writer->failed) {
            return rdata_too_long(param->parser);
        }
        if (size == 0 || size > UINT8_MAX) {
            return rdata_fail(param->parser, STATUS_INVALID, NULL, "alpn: protocol names have 1 to 255 octets");
        }
        *length = (uint8_t)size;
    }
    return STATUS_OK;
}

static status_t write_port(param_t *param)
{
    uint32_t port;
    if (!text_to_u32(param->value, (size_t)(param->end - param->value), UINT16_MAX, &port)) {
        return rdata_fail(param->parser, STATUS_MALFORMED, param->value, "port: a number from 0 to 65535 expected");
    }
    byte_write_u16(&param->parser->writer, (uint16_t)port);
    return STATUS_OK;
}

static status_t write_hints(param_t *param)
{
    const bool is_v4 = param->key == SVCB_IPV4HINT;
    const char *text = param->value;
    const char *item;
    size_t length;
    while ((item = next_item(param, &text, &length))) {
        uint8_t address[16];
        if (!(is_v4 ? text_to_ipv4(item, length, address) : text_to_ipv6(item, length, address))) {
            return rdata_fail(param->parser, STATUS_MALFORMED, item, "%s: IPv%d addresses separated by commas expected",
                              rdata_svcb_key_name(param->key), is_v4 ? 4 : 6);
        }
        byte_write(&param->parser->writer, address, is_v4 ? 4 : 16);
    }
    return STATUS_OK;
}

static status_t write_ech(param_t *param)
{
    radix_decoder_t decoder = {0};
    size_t length = (size_t)(param->end - param->value);
    size_t took = base64_feed(&decoder, param->value, length, &param->parser->writer);
    if (took < length || !base64_finish(&decoder)) {
        return rdata_fail(param->parser, STATUS_MALFORMED, param->value + took, "ech: base64 text expected");
    }
    return STATUS_OK;
}

static status_t write_value(param_t *param)
{
    if (param->by_number) {
        return param->value ? write_raw(param) : STATUS_OK;
    }
    const bool is_flag = param->key == SVCB_NO_DEFAULT_ALPN || param->key == SVCB_OHTTP;
    const bool is_empty = !param->value || param->value == param->end;
    if (is_flag != is_empty) {
        return rdata_fail(param->parser, STATUS_INVALID, param->value, "%s %s", rdata_svcb_key_name(param->key),
                          is_flag ? "takes no value" : "needs a value");
    }
    switch (param->key) {
    case SVCB_MANDATORY:
        return write_mandatory(param);
    case SVCB_ALPN:
        return write_alpn(param);
    case SVCB_PORT:
        return write_port(param);
    case SVCB_IPV4HINT:
    case SVCB_IPV6HINT:
        return write_hints(param);
    case SVCB_ECH:
        return write_ech(param);
    case SVCB_DOHPATH:
        return write_raw(param);
    default:
        return STATUS_OK;
    }
}

/* The format that a key's value must have also when it is written as keyNNNNN. */
static bool value_fits(const byte_writer_t *writer, size_t at)
{
    byte_reader_t reader = byte_reader(writer->data + at, writer->position - at);
    rdata_skip_svcparams(&reader);
    return !reader.failed;
}

static status_t parse_param(rdata_parser_t *parser, int *key)
{
    param_t param = {.parser = parser};
    status_t status = split_token(&param);
    if (status != STATUS_OK) {
        return status;
    }
    byte_writer_t *writer = &parser->writer;
    const size_t at = writer->position;
    byte_write_u16(writer, param.key);
    byte_write_u16(writer, 0);
    status = writer->failed ? STATUS_OK : write_value(&param);
    if (status != STATUS_OK) {
        return status;
    }
    if (writer->failed) {
        return rdata_too_long(parser);
    }
    store_be16(writer->data + at + 2, (uint16_t)(writer->position - at - 4));
    *key = param.key;
    return value_fits(writer, at) ? STATUS_OK
                                  : rdata_fail(parser, STATUS_INVALID, param.value, "the value does not have the format of its key");
}

static void sift_down(uint32_t *heap, size_t count, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child] < heap[child + 1];
        if (heap[at] >= heap[child]) {
            return;
        }
        uint32_t value = heap[at];
        heap[at] = heap[child];
        heap[child] = value;
    }
}

static void sort(uint32_t *values, size_t count)
{
    for (size_t i = count / 2; i > 0; i--) {
        sift_down(values, count, i - 1);
    }
    for (size_t left = count; left > 1; left--) {
        uint32_t largest = values[0];
        values[0] = values[left - 1];
        values[left - 1] = largest;
        sift_down(values, left - 1, 0);
    }
}

enum { PARAMS_MAX = RDATA_MAX / 4 };

/* Brings parameters that came out of order into the order of their keys. In n log n steps: thousands of them fit into one record. */
static status_t put_in_order(rdata_parser_t *parser, size_t params)
{
    uint8_t *begin = parser->writer.data + params;
    const size_t size = parser->writer.position - params;
    uint32_t order[PARAMS_MAX]; /* key, then place */
    size_t count = 0;
    for (size_t at = 0; at < size; at += 4u + load_be16(begin + at + 2)) {
        order[count++] = (uint32_t)load_be16(begin + at) << 16 | (uint32_t)at;
    }
    sort(order, count);
    uint8_t copy[RDATA_MAX];
    memcpy(copy, begin, size);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && order[i] >> 16 == order[i - 1] >> 16) {
            const char *name = rdata_svcb_key_name((uint16_t)(order[i] >> 16));
            return name ? rdata_fail(parser, STATUS_INVALID, NULL, "%s is there twice", name)
                        : rdata_fail(parser, STATUS_INVALID, NULL, "key%u is there twice", order[i] >> 16);
        }
        const uint8_t *from = copy + (order[i] & 0xffff);
        size_t length = 4u + load_be16(from + 2);
        memcpy(begin, from, length);
        begin += length;
    }
    return STATUS_OK;
}

status_t rdata_parse_svcparams(rdata_parser_t *parser)
{
    const size_t params = parser->writer.position;
    int last = -1;
    bool in_order = true;
    for (;;) {
        bool taken;
        status_t status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK) {
            return status;
        }
        if (!taken) {
            return in_order ? STATUS_OK : put_in_order(parser, params);
        }
        int key = -1;
        status = parse_param(parser, &key);
        if (status != STATUS_OK) {
            return status;
        }
        in_order = in_order && key > last;
        last = key;
    }
}
