/* Domain names (RFC 1034 3.1, RFC 1035 2.3.4 and 3.1, RFC 4343).
 *
 * A name is its uncompressed wire form: labels, each behind its length, ended by the root's zero. Functions take
 * `const uint8_t *wire` to a valid uncompressed name (at most 255 bytes, labels at most 63), as all functions
 * here produce; whoever takes bytes from outside comes through name_read() or name_from_text() first.
 * "Labels" never counts the root: "." has 0, "example.com." has 2.
 */
#pragma once

#include "base/bytes.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NAME_WIRE_MAX = 255,
    NAME_LABEL_MAX = 63,
    NAME_LABELS_MAX = 127,
    NAME_TEXT_MAX = 1025,    /* longest text (every octet as \DDD) with final dot and terminator */
    NAME_POINTERS_MAX = 126, /* compression pointers followed in one name; more is malformed */
    NAME_PADDING = 16,       /* readable bytes kept behind a name, so that it may be read in words */
};

typedef struct name {
    uint8_t wire[NAME_WIRE_MAX + 1 + NAME_PADDING];
    uint8_t length; /* bytes of the wire form */
    uint8_t labels;
} name_t;

/* A lower-cased name prepared for look-ups: computed once for a query, never re-derived.
 * offset[i] is where the suffix of i labels begins in wire (offset[labels] == 0, offset[0] == length - 1, the root);
 * hash[i] is the hash of that suffix, the same value that name_hash() gives for it. Only [0..labels] are filled. */
typedef struct name_key {
    uint8_t wire[NAME_WIRE_MAX + 1 + NAME_PADDING];
    uint8_t length;
    uint8_t labels;
    uint8_t offset[NAME_LABELS_MAX + 1];
    uint64_t hash[NAME_LABELS_MAX + 1];
} name_key_t;

/* The hash of the root, and of label.parent from the parent's hash. Labels must be lower case. Fast, not keyed: for tables
 * whose content the operator chose; tables that strangers can fill use base/siphash.h. */
#define NAME_HASH_ROOT UINT64_C(0x9e3779b97f4a7c15)
uint64_t name_hash_label(uint64_t parent, const uint8_t *label, size_t length);
/* Hash of a whole lower-case name. */
uint64_t name_hash(const uint8_t *wire);

/* Fills key from a name of any case. Cost: one pass to lower the case (16 bytes at a time), one to hash. */
void name_key_init(name_key_t *key, const uint8_t *wire, size_t length);
/* The same from the uncompressed name at the front of size bytes from outside, checked on the way. Reads nothing behind them.
 * Returns the name's length; 0, with *key not to be used, if there is none: truncated, a compression pointer, longer than 255. */
size_t name_key_read(name_key_t *key, const uint8_t *bytes, size_t size);

/* Reads one name at reader->position out of the whole message reader->data, following compression pointers (only
 * backwards, at most NAME_POINTERS_MAX). The reader ends behind the name's first pointer or its root; case is kept.
 * STATUS_MALFORMED: truncated, label type 01/10, forward or looping pointer, longer than 255. */
status_t name_read(byte_reader_t *reader, name_t *name) MUST_USE;
/* The same where compression is not allowed (rdata of types newer than RFC 1035, RFC 3597 4): a pointer is malformed. */
status_t name_read_uncompressed(byte_reader_t *reader, name_t *name) MUST_USE;

/* Text to wire: \DDD and \X escapes, relative names completed with origin (wire form; NULL: relative is invalid), "@" is
 * the origin. Case is kept. On error *error_at (may be NULL) is the byte where it lies.
 * STATUS_MALFORMED: bad escape, empty label; STATUS_LIMIT: label or name too long; STATUS_INVALID: relative without origin. */
status_t name_from_text(name_t *name, const char *text, size_t length, const uint8_t *origin, size_t *error_at) MUST_USE;
/* Wire to master-file text with final dot, terminated (RFC 1035 5.1; special characters escaped, others as \DDD). Returns the text's
 * length. */
size_t name_to_text(const uint8_t *wire, char text[static NAME_TEXT_MAX]);

void name_set(name_t *name, const uint8_t *wire);                       /* copy of a valid wire name */
size_t name_length(const uint8_t *wire);                                /* bytes with the root */
unsigned name_labels(const uint8_t *wire);                              /* without the root */
void name_lower(uint8_t *wire, size_t length);                          /* ASCII letters to lower case, in place */
bool name_equal(const uint8_t *a, const uint8_t *b);                    /* case-insensitive */
int name_compare(const uint8_t *a, const uint8_t *b);                   /* canonical order, RFC 4034 6.1; <0, 0, >0 */
bool name_is_at_or_below(const uint8_t *name, const uint8_t *ancestor); /* equal counts; case-insensitive */
const uint8_t *name_suffix(const uint8_t *wire, unsigned labels);       /* the suffix with so many labels (<= its own) */
bool name_is_wildcard(const uint8_t *wire);                             /* leftmost label is exactly "*" (RFC 4592 2.1.1) */
/* prefix labels of `name` above its suffix of `drop` labels, put on `target`: DNAME substitution (RFC 6672 2.3).
 * STATUS_LIMIT when the result exceeds 255 bytes (YXDOMAIN). */
status_t name_substitute(name_t *result, const uint8_t *name, unsigned drop, const uint8_t *target) MUST_USE;
