/* Rdata: text <-> wire, checking, canonical form, for every RR type (wire/rrtype.h holds the table).
 *
 * Wire rdata handled here is always uncompressed; wire/message.h expands compressed names while it reads a message.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RDATA_MAX = 65535 };

/* One token of master-file text as its reader found it: escapes not yet resolved, quotes removed. A quote inside an unquoted token is
 * an ordinary character, except where the source's `pairs` is set. */
typedef struct rdata_token {
    const char *text;
    size_t length;
    bool quoted;
} rdata_token_t;

/* Where rdata tokens come from (a zone-file lexer, or a line). next() gives STATUS_OK and a token, STATUS_END at the end of
 * the record, or another status after having reported an error itself. peek semantics are not needed. A token stays readable until the
 * next call of next(). */
typedef struct rdata_source {
    status_t (*next)(struct rdata_source *source, rdata_token_t *token);
    bool pairs; /* set by rdata_from_text() for SVCB and HTTPS, false otherwise: a quote directly behind '=' in an unquoted token opens a
                 * quoted part (blanks, ';' and parentheses in it are ordinary) that ends the token; key="a b" comes as one token, not
                 * `quoted`, its two quotes kept in the text (RFC 9460 2.1) */
} rdata_source_t;

typedef struct rdata_error {
    char message[160]; /* what is wrong, for people, without place: "IPv4 address expected, got \"1.2.3\"" */
    const char *at;    /* the offending place inside the last token's text, or NULL: the whole token or the end of the record */
    bool at_end;       /* the record ended too early */
} rdata_error_t;

/* Parses the rdata of one record of `type` from source into writer (capacity >= RDATA_MAX). Every type also takes the RFC 3597 \# form,
 * checked by rdata_check() for known types. origin: wire form, for relative names; NULL: they are an error.
 * STATUS_MALFORMED / STATUS_INVALID / STATUS_LIMIT with *error filled; any status of source->next otherwise. */
status_t rdata_from_text(uint16_t type, uint16_t rrclass, rdata_source_t *source, const uint8_t *origin, byte_writer_t *writer,
                         rdata_error_t *error) MUST_USE;

/* Convenience for tools and tests: the same from one line of text. */
status_t rdata_from_line(uint16_t type, uint16_t rrclass, const char *line, size_t length, const uint8_t *origin, byte_writer_t *writer,
                         rdata_error_t *error) MUST_USE;

/* Presentation form, fields separated by one blank, without newline: the canonical text that parses back to the same wire. Rdata that
 * does not fit its type, and unknown types, come out as \# form: never fails but for out's own error. */
void rdata_to_text(uint16_t type, uint16_t rrclass, const uint8_t *rdata, size_t length, buffer_t *out);

/* Does wire rdata have the format of its type? Unknown types always do. STATUS_MALFORMED otherwise. */
status_t rdata_check(uint16_t type, uint16_t rrclass, const uint8_t *rdata, size_t length) MUST_USE;

/* Canonical form in place (RFC 4034 6.2 with 6840 5.1): names of RRTYPE_DOWNCASED types to lower case. rdata must have passed
 * rdata_check(). */
void rdata_canonicalize(uint16_t type, uint8_t *rdata, size_t length);
/* Canonical order of two canonical rdata (RFC 4034 6.3): as octet strings, shorter first. */
int rdata_compare(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length);

/* Reads one rdata of rdlength bytes at reader->position of a whole message, expanding compressed names where the type allows them on
 * receipt (RFC 3597 4: the RFC 1035 types, and RP AFSDB RT SIG PX NXT NAPTR SRV KX DNAME leniently), into writer. Known types are
 * checked for format. STATUS_MALFORMED, STATUS_NO_SPACE. The reader ends behind the rdata. */
status_t rdata_read(byte_reader_t *reader, uint16_t type, uint16_t rrclass, size_t rdlength, byte_writer_t *writer) MUST_USE;

/* Iterates over the domain names inside wire rdata that passed rdata_check(): sets *offset to the place of the next name at or behind
 * *offset. STATUS_END when there is none. Used for compression, glue and additional-section look-ups. */
status_t rdata_next_name(uint16_t type, const uint8_t *rdata, size_t length, size_t *offset) MUST_USE;

/* NSEC / NSEC3 / CSYNC type bitmaps (RFC 4034 4.1.2). bitmap and length are just the windows. */
bool type_bitmap_has(const uint8_t *bitmap, size_t length, uint16_t type);
