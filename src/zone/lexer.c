#include "zone/lexer.h"

#include "wire/rrtype.h"

#include <string.h>

const uint8_t zone_byte_class[256] = {
    [0] = BYTE_SPECIAL,   ['.'] = BYTE_DOT,     [' '] = BYTE_BLANK,   ['\t'] = BYTE_BLANK,  ['\r'] = BYTE_BLANK,   ['\n'] = BYTE_NEWLINE,
    ['"'] = BYTE_SPECIAL, ['('] = BYTE_SPECIAL, [')'] = BYTE_SPECIAL, [';'] = BYTE_SPECIAL, ['\\'] = BYTE_SPECIAL,
};

/* The byte at p, with more text read when p is at the end of what is there; -1 at the end of the text. */
static inline int peek(zone_lexer_t *lexer, const uint8_t *p)
{
    if (*p == 0 && p >= lexer->source->filled && !zone_source_fill(lexer->source)) {
        return -1;
    }
    return *p;
}

static void next_line(zone_lexer_t *lexer, const uint8_t *newline)
{
    lexer->here.at = newline + 1;
    lexer->here.line_start = newline + 1;
    lexer->here.line++;
}

void zone_lexer_init(zone_lexer_t *lexer, zone_source_t *source)
{
    *lexer = (zone_lexer_t){.source = source, .here = {source->base, source->base, 1}};
    (void)peek(lexer, source->base);
    if (source->filled - source->base >= 3 && memcmp(source->base, "\xef\xbb\xbf", 3) == 0) {
        lexer->here.at += 3;
        lexer->here.line_start += 3;
    }
}

bool zone_lexer_begin_record(zone_lexer_t *lexer)
{
    lexer->depth = 0;
    lexer->pairs = false;
    lexer->quote_over_end.at = NULL;
    return peek(lexer, lexer->here.at) >= 0;
}

/* The first line's end at or behind p, or the end of the text. */
static const uint8_t *find_newline(zone_lexer_t *lexer, const uint8_t *p)
{
    for (;;) {
        const uint8_t *newline = memchr(p, '\n', (size_t)(lexer->source->filled - p));
        if (newline) {
            return newline;
        }
        p = lexer->source->filled;
        if (!zone_source_fill(lexer->source)) {
            return p;
        }
    }
}

/* From the byte behind an opening quote to the closing one, or NULL when there is none. Counts lines. */
static const uint8_t *find_closing_quote(zone_lexer_t *lexer, const uint8_t *p, const zone_position_t *quote)
{
    for (;;) {
        int c = peek(lexer, p);
        if (c < 0) {
            return NULL;
        }
        if (c == '"') {
            return p;
        }
        if (c == '\\' && peek(lexer, p + 1) >= 0) {
            p++;
        }
        if (*p == '\n') {
            if (!lexer->quote_over_end.at) {
                lexer->quote_over_end = *quote;
            }
            next_line(lexer, p);
        }
        p++;
    }
}

static void lex_quoted(zone_lexer_t *lexer, zone_token_t *token)
{
    const uint8_t *text = lexer->here.at + 1;
    const uint8_t *end = find_closing_quote(lexer, text, &token->from);
    if (!end) {
        token->kind = TOKEN_UNTERMINATED_QUOTE;
        lexer->here.at = lexer->source->filled;
        return;
    }
    token->kind = TOKEN_QUOTED;
    token->text = (const char *)text;
    token->length = (size_t)(end - text);
    lexer->here.at = end + 1;
}

static void lex_word(zone_lexer_t *lexer, zone_token_t *token)
{
    const uint8_t *p = lexer->here.at;
    for (;;) {
        while (zone_byte_class[*p] <= BYTE_DOT) {
            p++;
        }
        int c = peek(lexer, p);
        if (c >= 0 && zone_byte_class[c] <= BYTE_DOT) {
            continue;
        }
        if (c == '\\') {
            int escaped = peek(lexer, p + 1);
            p += escaped < 0 || escaped == '\n' || escaped == 0 ? 1 : 2;
        } else if (c == '"' && !(lexer->pairs && p > lexer->here.at && p[-1] == '=')) {
            p++;
        } else if (c == '"') {
            zone_position_t quote = {p, lexer->here.line_start, lexer->here.line};
            const uint8_t *end = find_closing_quote(lexer, p + 1, &quote);
            if (!end) {
                token->kind = TOKEN_UNTERMINATED_QUOTE;
                token->from = quote;
                lexer->here.at = lexer->source->filled;
                return;
            }
            p = end + 1;
        } else {
            break;
        }
    }
    token->kind = TOKEN_WORD;
    token->text = (const char *)token->from.at;
    token->length = (size_t)(p - token->from.at);
    lexer->here.at = p;
}

static void lex_end_of_text(zone_lexer_t *lexer, zone_token_t *token)
{
    token->kind = TOKEN_END;
    if (lexer->depth > 0) {
        token->kind = TOKEN_UNBALANCED_OPEN;
        token->from = lexer->open;
        token->length = 1;
    }
}

void zone_lexer_next(zone_lexer_t *lexer, zone_token_t *token)
{
    token->text = "";
    token->length = 0;
    for (;;) {
        while (zone_byte_class[*lexer->here.at] == BYTE_BLANK) {
            lexer->here.at++;
        }
        token->from = lexer->here;
        int c = peek(lexer, lexer->here.at);
        switch (c) {
        case -1:
            lex_end_of_text(lexer, token);
            return;
        case '\n':
            next_line(lexer, lexer->here.at);
            if (lexer->depth == 0) {
                token->kind = TOKEN_END;
                return;
            }
            break;
        case ';':
            lexer->here.at = find_newline(lexer, lexer->here.at);
            break;
        case '(':
            if (lexer->depth++ == 0) {
                lexer->open = lexer->here;
            }
            lexer->here.at++;
            break;
        case ')':
            lexer->here.at++;
            if (lexer->depth == 0) {
                token->kind = TOKEN_UNBALANCED_CLOSE;
                token->length = 1;
                return;
            }
            lexer->depth--;
            break;
        case '"':
            lex_quoted(lexer, token);
            return;
        case 0:
            lexer->here.at++;
            token->kind = TOKEN_NUL;
            token->length = 1;
            return;
        default:
            if (zone_byte_class[c] == BYTE_BLANK) {
                break; /* read only now */
            }
            lex_word(lexer, token);
            return;
        }
    }
}

/* ---- after an error ---- */

/* Can the line at p be a record of its own? It begins with a directive, or one of its words 2 to 5 is a type. */
static bool line_looks_like_record(zone_lexer_t *lexer, const uint8_t *p)
{
    if (*p == '$') {
        return true;
    }
    for (unsigned word = 0; word < 5; word++) {
        const uint8_t *begin = p;
        while (zone_byte_class[*p] <= BYTE_DOT) {
            p++;
        }
        uint16_t type;
        if (word > 0 && rrtype_from_text((const char *)begin, (size_t)(p - begin), &type) == STATUS_OK) {
            return true;
        }
        if (zone_byte_class[*p] != BYTE_BLANK) {
            return false;
        }
        while (peek(lexer, p) >= 0 && zone_byte_class[*p] == BYTE_BLANK) {
            p++;
        }
    }
    return false;
}

static void resume_at(zone_lexer_t *lexer, const zone_position_t *position)
{
    lexer->here = *position;
    lexer->here.at = position->line_start;
    lexer->depth = 0;
}

/* To the line behind the one that holds `position`. */
static void resume_behind(zone_lexer_t *lexer, const zone_position_t *position)
{
    resume_at(lexer, position);
    lexer->here.at = find_newline(lexer, position->at);
    if (peek(lexer, lexer->here.at) == '\n') {
        next_line(lexer, lexer->here.at);
    }
}

void zone_lexer_resume(zone_lexer_t *lexer, const zone_position_t *from)
{
    lexer->here = *from;
    lexer->depth = 0;
    lexer->quote_over_end.at = NULL;
    for (;;) {
        zone_token_t token;
        zone_lexer_next(lexer, &token);
        if (lexer->quote_over_end.at) {
            /* Most often the closing quote was forgotten, and this string swallowed other records. */
            zone_position_t quote = lexer->quote_over_end;
            resume_behind(lexer, &quote);
            return;
        }
        switch (token.kind) {
        case TOKEN_END:
        case TOKEN_UNBALANCED_OPEN:
        case TOKEN_UNTERMINATED_QUOTE:
            return;
        default:
            break;
        }
        if (token.from.line > from->line && token.from.at == token.from.line_start && line_looks_like_record(lexer, token.from.at)) {
            resume_at(lexer, &token.from);
            return;
        }
    }
}

void zone_lexer_skip_all(zone_lexer_t *lexer)
{
    while (zone_source_fill(lexer->source)) {
    }
    lexer->here.at = lexer->source->filled;
}

diagnostic_place_t zone_lexer_place(zone_lexer_t *lexer, const char *file, const zone_position_t *position, size_t length)
{
    const uint8_t *begin = position->line_start;
    const uint8_t *end = find_newline(lexer, position->at);
    size_t line_length = (size_t)(end - begin);
    if (line_length > 0 && begin[line_length - 1] == '\r') {
        line_length--;
    }
    return (diagnostic_place_t){
        .file = file,
        .line = position->line,
        .column = (uint32_t)(position->at - begin) + 1,
        .length = (uint32_t)length,
        .source = (const char *)begin,
        .source_length = line_length,
    };
}
