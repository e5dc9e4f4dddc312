/* One line of text as a source of rdata tokens: for tools and tests. */
#include "wire/rdata.h"

typedef struct line_source {
    rdata_source_t source;
    const char *text;
    const char *end;
    rdata_error_t *error;
} line_source_t;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || c == ')';
}

/* From behind an opening quote to behind the closing one; false when there is none. */
static bool skip_quoted(line_source_t *line)
{
    for (; line->text < line->end; line->text++) {
        if (*line->text == '"') {
            line->text++;
            return true;
        }
        if (*line->text == '\\' && line->text + 1 < line->end) {
            line->text++;
        }
    }
    return false;
}

static status_t refuse_open_quote(line_source_t *line, const char *at)
{
    static const char message[] = "the quoted string is not closed";
    memcpy(line->error->message, message, sizeof message);
    line->error->at = at;
    return STATUS_MALFORMED;
}

static status_t next_quoted(line_source_t *line, rdata_token_t *token)
{
    const char *start = ++line->text;
    if (!skip_quoted(line)) {
        return refuse_open_quote(line, start);
    }
    *token = (rdata_token_t){.text = start, .length = (size_t)(line->text - 1 - start), .quoted = true};
    return STATUS_OK;
}

static status_t next_word(line_source_t *line, rdata_token_t *token)
{
    const char *start = line->text;
    for (; line->text < line->end && !is_blank(*line->text) && *line->text != ';'; line->text++) {
        if (*line->text == '\\' && line->text + 1 < line->end) {
            line->text++;
        } else if (*line->text == '"' && line->source.pairs && line->text > start && line->text[-1] == '=') {
            line->text++;
            if (!skip_quoted(line)) {
                return refuse_open_quote(line, start);
            }
            break;
        }
    }
    *token = (rdata_token_t){.text = start, .length = (size_t)(line->text - start)};
    return STATUS_OK;
}

static status_t next_token(rdata_source_t *source, rdata_token_t *token)
{
    line_source_t *line = (line_source_t *)source;
    while (line->text < line->end && is_blank(*line->text)) {
        line->text++;
    }
    if (line->text == line->end || *line->text == ';') {
        return STATUS_END;
    }
    return *line->text == '"' ? next_quoted(line, token) : next_word(line, token);
}

status_t rdata_from_line(uint16_t type, uint16_t rrclass, const char *line, size_t length, const uint8_t *origin, byte_writer_t *writer,
                         rdata_error_t *error)
{
    line_source_t source = {.source = {.next = next_token}, .text = line, .end = line + length, .error = error};
    return rdata_from_text(type, rrclass, &source.source, origin, writer, error);
}
