/* The state of one rdata_from_text(): private to the text parser's files.
 *
 * Invariants: `writer` covers exactly this record's rdata, from its first octet, at most RDATA_MAX; a function that does not return
 * STATUS_OK has filled *error, unless the status came from the source.
 */
#pragma once

#include "wire/rdata.h"
#include "wire/rdata_field.h"

typedef struct rdata_parser {
    rdata_source_t *source;
    const uint8_t *origin;
    rdata_error_t *error;
    byte_writer_t writer;
    rdata_token_t token; /* the last one taken */
    bool put_back;       /* the token is to be taken again */
    uint16_t type;
    uint16_t rrclass;
} rdata_parser_t;

/* Takes the next token. At the record's end: STATUS_MALFORMED and "... expected, but the record ends here". */
status_t rdata_take(rdata_parser_t *parser, const char *expected) MUST_USE;
/* The same for something that need not be quoted: a quoted string is refused. */
status_t rdata_take_word(rdata_parser_t *parser, const char *expected) MUST_USE;
/* Takes the next token if there is one. */
status_t rdata_take_if_any(rdata_parser_t *parser, bool *taken) MUST_USE;

/* Fills *error; returns status. `at` lies in the last token or is NULL. */
status_t rdata_fail(rdata_parser_t *parser, status_t status, const char *at, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));
/* "... expected, got ..." about the last token. */
status_t rdata_unexpected(rdata_parser_t *parser, const char *expected) __attribute__((cold));
/* "longer than 65535 octets". */
status_t rdata_too_long(rdata_parser_t *parser) __attribute__((cold));

status_t rdata_parse_field(rdata_parser_t *parser, uint8_t code) MUST_USE;
status_t rdata_parse_name(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_number(rdata_parser_t *parser, uint32_t maximum, uint32_t *value, const char *expected) MUST_USE;

/* From minimum to maximum character-strings. */
status_t rdata_parse_strings(rdata_parser_t *parser, size_t minimum, size_t maximum) MUST_USE;
status_t rdata_parse_tag(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_long_string(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_salt(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_hash(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_hex(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_base64(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_base64_optional(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_base64_dash(rdata_parser_t *parser) MUST_USE;

status_t rdata_parse_special(rdata_parser_t *parser, uint8_t code) MUST_USE;
status_t rdata_parse_svcparams(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_loc(rdata_parser_t *parser) MUST_USE;
status_t rdata_parse_bitmap(rdata_parser_t *parser, uint8_t code) MUST_USE;
status_t rdata_parse_services(rdata_parser_t *parser) MUST_USE;
/* After the \# token: length and hexadecimal digits (RFC 3597 5). */
status_t rdata_parse_generic(rdata_parser_t *parser) MUST_USE;
