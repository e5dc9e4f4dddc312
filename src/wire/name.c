#include "wire/name.h"

#include "base/require.h"
#include "wire/name_fold.h"
#include "wire/name_key.h"

#include <string.h>

/* ---- measuring ---- */

size_t name_length(const uint8_t *wire)
{
    size_t position = 0;
    while (wire[position] != 0) {
        position += wire[position] + 1u;
    }
    return position + 1;
}

unsigned name_labels(const uint8_t *wire)
{
    unsigned labels = 0;
    for (; *wire != 0; wire += *wire + 1u) {
        labels++;
    }
    return labels;
}

const uint8_t *name_suffix(const uint8_t *wire, unsigned labels)
{
    unsigned own = name_labels(wire);
    REQUIRE(labels <= own);
    for (; own > labels; own--) {
        wire += *wire + 1u;
    }
    return wire;
}

bool name_is_wildcard(const uint8_t *wire)
{
    return wire[0] == 1 && wire[1] == '*';
}

void name_set(name_t *name, const uint8_t *wire)
{
    name->length = (uint8_t)name_length(wire);
    name->labels = (uint8_t)name_labels(wire);
    memmove(name->wire, wire, name->length);
}

/* ---- lower case ---- */

void name_lower(uint8_t *wire, size_t length)
{
    size_t done = 0;
    for (; done + NAME_FOLD_BLOCK <= length; done += NAME_FOLD_BLOCK) {
        name_fold_block(wire + done, wire + done);
    }
    for (; done < length; done++) {
        wire[done] = name_fold_byte(wire[done]);
    }
}

/* ---- hashing and keys ---- */

uint64_t name_hash_label(uint64_t parent, const uint8_t *label, size_t length)
{
    REQUIRE(length > 0 && length <= NAME_LABEL_MAX);
    uint8_t padded[NAME_LABEL_MAX + 1] = {0};
    memcpy(padded, label, length);
    return name_hash_padded(parent, padded, length);
}

/* Where each label begins, from the left; the number of labels. */
static unsigned label_starts(const uint8_t *wire, uint8_t start[static NAME_LABELS_MAX])
{
    unsigned labels = 0;
    for (size_t position = 0; wire[position] != 0; position += wire[position] + 1u) {
        REQUIRE(labels < NAME_LABELS_MAX);
        start[labels++] = (uint8_t)position;
    }
    return labels;
}

uint64_t name_hash(const uint8_t *wire)
{
    uint8_t start[NAME_LABELS_MAX];
    unsigned labels = label_starts(wire, start);
    uint64_t hash = NAME_HASH_ROOT;
    while (labels > 0) {
        const uint8_t *label = wire + start[--labels];
        hash = name_hash_label(hash, label + 1, *label);
    }
    return hash;
}

size_t name_key_read_long(name_key_t *key, const uint8_t *bytes, size_t size)
{
    uint8_t start[NAME_LABELS_MAX + 1];
    unsigned labels = 0;
    size_t limit = size < NAME_WIRE_MAX ? size : NAME_WIRE_MAX;
    size_t position = 0;
    for (; position < limit && bytes[position] != 0; position += bytes[position] + 1u) {
        if (bytes[position] > NAME_LABEL_MAX) {
            return 0;
        }
        start[labels++] = (uint8_t)position;
    }
    if (position >= limit) {
        return 0;
    }
    name_fold_into(key->wire, bytes, position + 1, size);
    key->length = (uint8_t)(position + 1);
    key->labels = (uint8_t)labels;
    key->offset[0] = (uint8_t)position;
    key->hash[0] = NAME_HASH_ROOT;
    for (unsigned i = 1; i <= labels; i++) {
        const uint8_t *label = key->wire + start[labels - i];
        key->offset[i] = start[labels - i];
        key->hash[i] = name_hash_padded(key->hash[i - 1], label + 1, *label);
    }
    return position + 1;
}

size_t name_key_read(name_key_t *key, const uint8_t *bytes, size_t size)
{
    return name_key_read_inline(key, bytes, size);
}

void name_key_init(name_key_t *key, const uint8_t *wire, size_t length)
{
    size_t read = name_key_read_inline(key, wire, length);
    REQUIRE(read == length && length > 0);
}

/* ---- reading out of a message ---- */

static status_t read_failed(byte_reader_t *reader)
{
    reader->failed = true;
    return STATUS_MALFORMED;
}

static status_t read_name(byte_reader_t *reader, name_t *name, unsigned pointers_left)
{
    const uint8_t *data = reader->data;
    size_t position = reader->position;
    size_t segment = position; /* where the labels now being read begin: a pointer must lead before it, so no loop is possible */
    size_t end = 0;            /* behind the first pointer; 0: none seen */
    size_t length = 0;
    unsigned labels = 0;
    for (;;) {
        if (reader->failed || position >= reader->size) {
            return read_failed(reader);
        }
        uint8_t octet = data[position];
        if (octet == 0) {
            break;
        }
        if (octet <= NAME_LABEL_MAX) {
            size_t step = octet + 1u;
            if (reader->size - position < step || length + step >= NAME_WIRE_MAX) {
                return read_failed(reader);
            }
            memcpy(name->wire + length, data + position, step);
            length += step;
            position += step;
            labels++;
            continue;
        }
        if (octet < 0xc0 || pointers_left == 0 || reader->size - position < 2) {
            return read_failed(reader);
        }
        size_t target = load_be16(data + position) & 0x3fffu;
        if (target >= segment) {
            return read_failed(reader);
        }
        end = end != 0 ? end : position + 2;
        position = segment = target;
        pointers_left--;
    }
    name->wire[length] = 0;
    name->length = (uint8_t)(length + 1);
    name->labels = (uint8_t)labels;
    reader->position = end != 0 ? end : position + 1;
    return STATUS_OK;
}

status_t name_read(byte_reader_t *reader, name_t *name)
{
    return read_name(reader, name, NAME_POINTERS_MAX);
}

status_t name_read_uncompressed(byte_reader_t *reader, name_t *name)
{
    return read_name(reader, name, 0);
}

/* ---- comparing ---- */

static bool equal_octets(const uint8_t *a, const uint8_t *b, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (name_fold_byte(a[i]) != name_fold_byte(b[i])) {
            return false;
        }
    }
    return true;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
    size_t length = name_length(a);
    return length == name_length(b) && equal_octets(a, b, length);
}

bool name_is_at_or_below(const uint8_t *name, const uint8_t *ancestor)
{
    unsigned labels = name_labels(ancestor);
    return labels <= name_labels(name) && name_equal(name_suffix(name, labels), ancestor);
}

static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    size_t shorter = a[0] < b[0] ? a[0] : b[0];
    for (size_t i = 1; i <= shorter; i++) {
        int difference = name_fold_byte(a[i]) - name_fold_byte(b[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return a[0] - b[0];
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_start[NAME_LABELS_MAX];
    uint8_t b_start[NAME_LABELS_MAX];
    unsigned a_left = label_starts(a, a_start);
    unsigned b_left = label_starts(b, b_start);
    while (a_left > 0 && b_left > 0) {
        int difference = compare_labels(a + a_start[--a_left], b + b_start[--b_left]);
        if (difference != 0) {
            return difference;
        }
    }
    return (int)a_left - (int)b_left;
}

/* ---- putting together ---- */

status_t name_substitute(name_t *result, const uint8_t *name, unsigned drop, const uint8_t *target)
{
    size_t prefix = (size_t)(name_suffix(name, drop) - name);
    size_t target_length = name_length(target);
    if (prefix + target_length > NAME_WIRE_MAX) {
        return STATUS_LIMIT;
    }
    unsigned labels = name_labels(name) - drop + name_labels(target);
    /* Through a copy, as result may be the memory that name or target lie in. */
    uint8_t wire[NAME_WIRE_MAX];
    memcpy(wire, name, prefix);
    memcpy(wire + prefix, target, target_length);
    memcpy(result->wire, wire, prefix + target_length);
    result->length = (uint8_t)(prefix + target_length);
    result->labels = (uint8_t)labels;
    return STATUS_OK;
}
