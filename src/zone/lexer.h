/* Tokens of master-file text (RFC 1035 5.1): words, quoted strings, ends of records; parentheses and comments are dealt with here.
 *
 * Invariants
 *  1. `at` stands in source->base .. source->filled; line_start <= at; every token lies inside one file and keeps its address while the
 *     lexer stays in its record.
 *  2. `depth` parentheses are open; a line's end inside parentheses is a blank.
 *  3. A word ends at a blank, a line's end, or one of ( ) ; and a backslash makes the next byte part of the word. A quote inside a word is
 *     an ordinary byte; but with `pairs` one directly behind `=` takes all up to its closing quote into the word (RFC 9460 2.1).
 */
#pragma once

#include "base/diagnostic.h"
#include "zone/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a byte is to the scanners; a table of 256. */
enum { BYTE_NAME, BYTE_DOT, BYTE_BLANK, BYTE_NEWLINE, BYTE_SPECIAL };
extern const uint8_t zone_byte_class[256];

typedef enum zone_token_kind {
    TOKEN_WORD,
    TOKEN_QUOTED,
    TOKEN_END,                /* of the record: a line's end outside parentheses, or the end of the file */
    TOKEN_UNTERMINATED_QUOTE, /* at: the quote */
    TOKEN_UNBALANCED_OPEN,    /* at: the outermost parenthesis that is never closed */
    TOKEN_UNBALANCED_CLOSE,
    TOKEN_NUL, /* a zero byte in the text */
} zone_token_kind_t;

typedef struct zone_position {
    const uint8_t *at;
    const uint8_t *line_start;
    uint32_t line; /* from 1 */
} zone_position_t;

typedef struct zone_token {
    zone_token_kind_t kind;
    const char *text; /* without quotes */
    size_t length;
    zone_position_t from; /* quote included */
} zone_token_t;

typedef struct zone_lexer {
    zone_source_t *source;
    zone_position_t here;
    unsigned depth;
    bool pairs;                     /* rdata of SVCB and HTTPS: see 3 */
    zone_position_t open;           /* of the outermost open parenthesis, when depth > 0 */
    zone_position_t quote_over_end; /* the first quote of this record whose string runs over a line's end; at NULL: none */
} zone_lexer_t;

/* At the beginning of a source; skips a byte order mark. */
void zone_lexer_init(zone_lexer_t *lexer, zone_source_t *source);
/* True and false at the end of the text. Forgets the state of the last record. */
bool zone_lexer_begin_record(zone_lexer_t *lexer);
void zone_lexer_next(zone_lexer_t *lexer, zone_token_t *token);
/* After an error in the record that began at `from`: goes to the next line that can be a record. Looks further than the end of the record
 * only where a parenthesis or quote is left open: there, a line that begins in the first column and holds a type is a record. */
void zone_lexer_resume(zone_lexer_t *lexer, const zone_position_t *from);
/* The rest of the text is skipped. */
void zone_lexer_skip_all(zone_lexer_t *lexer);
/* A place to show: `length` bytes from a position, with its line. */
diagnostic_place_t zone_lexer_place(zone_lexer_t *lexer, const char *file, const zone_position_t *position, size_t length);
