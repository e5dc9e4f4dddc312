/* Names in text: the master-file form of RFC 1035 5.1. */
#include "wire/name.h"

#include <string.h>

typedef struct text_reader {
    const char *text;
    size_t length;
    size_t position;
    name_t *name;
    size_t used;        /* bytes of the wire form so far, the length octet of the open label included */
    size_t label;       /* where the open label's length octet is */
    size_t label_begin; /* where the open label begins in the text */
} text_reader_t;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* One octet of a label, escapes resolved: \DDD is an octet by its decimal number, \X is X with no special meaning. */
static status_t read_octet(text_reader_t *reader, uint8_t *octet)
{
    const char *at = reader->text + reader->position;
    size_t left = reader->length - reader->position;
    if (at[0] != '\\') {
        *octet = (uint8_t)at[0];
        reader->position++;
        return STATUS_OK;
    }
    if (left < 2) {
        return STATUS_MALFORMED;
    }
    if (!is_digit(at[1])) {
        *octet = (uint8_t)at[1];
        reader->position += 2;
        return STATUS_OK;
    }
    if (left < 4 || !is_digit(at[2]) || !is_digit(at[3])) {
        return STATUS_MALFORMED;
    }
    int value = (at[1] - '0') * 100 + (at[2] - '0') * 10 + (at[3] - '0');
    if (value > 255) {
        return STATUS_MALFORMED;
    }
    *octet = (uint8_t)value;
    reader->position += 4;
    return STATUS_OK;
}

static status_t put_octet(text_reader_t *reader, uint8_t octet)
{
    /* One byte stays free for the root. */
    if (reader->used - reader->label > NAME_LABEL_MAX || reader->used >= NAME_WIRE_MAX - 1) {
        return STATUS_LIMIT;
    }
    reader->name->wire[reader->used++] = octet;
    return STATUS_OK;
}

static status_t close_label(text_reader_t *reader)
{
    size_t length = reader->used - reader->label - 1;
    if (length == 0) {
        return STATUS_MALFORMED;
    }
    reader->name->wire[reader->label] = (uint8_t)length;
    reader->name->labels++;
    reader->label = reader->used++;
    reader->label_begin = reader->position;
    return STATUS_OK;
}

/* Labels up to the end of the text; *absolute when it ended in a dot. */
static status_t read_labels(text_reader_t *reader, bool *absolute)
{
    status_t status = STATUS_OK;
    while (reader->position < reader->length && status == STATUS_OK) {
        if (reader->text[reader->position] == '.') {
            size_t dot = reader->position++;
            status = close_label(reader);
            if (status != STATUS_OK) {
                reader->position = dot;
            }
            continue;
        }
        size_t begin = reader->position;
        uint8_t octet;
        status = read_octet(reader, &octet);
        if (status == STATUS_OK) {
            status = put_octet(reader, octet);
            if (status != STATUS_OK) {
                reader->position = begin;
            }
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    *absolute = reader->label_begin == reader->length;
    return *absolute ? STATUS_OK : close_label(reader);
}

/* The open label's place takes the root, or the origin. */
static status_t finish_name(text_reader_t *reader, bool absolute, const uint8_t *origin)
{
    static const uint8_t root[] = {0};
    if (!absolute && !origin) {
        return STATUS_INVALID;
    }
    const uint8_t *rest = absolute ? root : origin;
    size_t rest_length = name_length(rest);
    if (reader->label + rest_length > NAME_WIRE_MAX) {
        return STATUS_LIMIT;
    }
    memcpy(reader->name->wire + reader->label, rest, rest_length);
    reader->name->length = (uint8_t)(reader->label + rest_length);
    reader->name->labels = (uint8_t)(reader->name->labels + name_labels(rest));
    return STATUS_OK;
}

status_t name_from_text(name_t *name, const char *text, size_t length, const uint8_t *origin, size_t *error_at)
{
    text_reader_t reader = {.text = text, .length = length, .name = name, .used = 1};
    bool absolute = false;
    status_t status;
    name->labels = 0;
    if (length == 0) {
        status = STATUS_MALFORMED;
    } else if (length == 1 && text[0] == '.') {
        status = finish_name(&reader, true, NULL);
    } else if (length == 1 && text[0] == '@') {
        status = finish_name(&reader, false, origin);
    } else {
        status = read_labels(&reader, &absolute);
        if (status == STATUS_OK) {
            status = finish_name(&reader, absolute, origin);
            reader.position = status == STATUS_OK ? length : 0; /* the name as a whole is wrong, not a place in it */
        }
    }
    if (status != STATUS_OK && error_at) {
        *error_at = reader.position;
    }
    return status;
}

static size_t octet_to_text(uint8_t octet, char *text)
{
    if (octet <= ' ' || octet > '~') {
        text[0] = '\\';
        text[1] = (char)('0' + octet / 100);
        text[2] = (char)('0' + octet / 10 % 10);
        text[3] = (char)('0' + octet % 10);
        return 4;
    }
    size_t length = 0;
    if (strchr("\"().;\\@$", octet)) {
        text[length++] = '\\';
    }
    text[length++] = (char)octet;
    return length;
}

size_t name_to_text(const uint8_t *wire, char text[static NAME_TEXT_MAX])
{
    size_t length = 0;
    if (*wire == 0) {
        text[length++] = '.';
    }
    for (; *wire != 0; wire += *wire + 1u) {
        for (size_t i = 1; i <= *wire; i++) {
            length += octet_to_text(wire[i], text + length);
        }
        text[length++] = '.';
    }
    text[length] = 0;
    return length;
}
