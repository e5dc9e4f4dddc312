#include "zone/parser.h"

#include "wire/rrtype.h"
#include "zone/parser_state.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    INCLUDE_DEPTH_DEFAULT = 10,
    INCLUDES_MAX = 10000, /* in one parse: files that include each other many times would be read for ever */
    /* An error that made us go back so many bytes was an open parenthesis or quote: after RUNAWAYS_MAX of them the rest of the text is not
     * read, so that time stays linear in the size of the file. */
    RUNAWAY_BYTES = 16384,
    RUNAWAYS_MAX = 100,
};

/* ---- messages ---- */

__attribute__((format(printf, 6, 0))) static void add_message(parser_t *parser, diagnostic_severity_t severity, const char *code,
                                                              const diagnostic_place_t *place, const char *hint, const char *format,
                                                              va_list arguments)
{
    char message[512];
    vsnprintf(message, sizeof message, format, arguments);
    diagnostics_add(parser->settings->diagnostics, severity, code, place, hint, "%s", message);
}

static diagnostic_place_t place_of(parser_t *parser, const zone_position_t *position, size_t length)
{
    return parser->fixed_place ? *parser->fixed_place : zone_lexer_place(parser->lexer, parser->input->file, position, length);
}

void parser_error(parser_t *parser, const char *code, const zone_position_t *position, size_t length, const char *hint, const char *format,
                  ...)
{
    parser->errors++;
    diagnostic_place_t place = place_of(parser, position, length);
    va_list arguments;
    va_start(arguments, format);
    add_message(parser, DIAGNOSTIC_ERROR, code, &place, hint, format, arguments);
    va_end(arguments);
}

void parser_warning(parser_t *parser, const char *code, const zone_position_t *position, size_t length, const char *hint,
                    const char *format, ...)
{
    diagnostic_place_t place = place_of(parser, position, length);
    va_list arguments;
    va_start(arguments, format);
    add_message(parser, DIAGNOSTIC_WARNING, code, &place, hint, format, arguments);
    va_end(arguments);
}

bool parser_report_token(parser_t *parser, const zone_token_t *token)
{
    switch (token->kind) {
    case TOKEN_UNTERMINATED_QUOTE:
        parser_error(parser, "unterminated-quote", &token->from, 1, "a quoted string ends with a second \"",
                     "this quoted string is never closed");
        return true;
    case TOKEN_UNBALANCED_OPEN:
        parser_error(parser, "unbalanced-parenthesis", &token->from, 1, NULL, "this parenthesis is never closed");
        return true;
    case TOKEN_UNBALANCED_CLOSE:
        parser_error(parser, "unbalanced-parenthesis", &token->from, 1, NULL, "this parenthesis was never opened");
        return true;
    case TOKEN_NUL:
        parser_error(parser, "nul-byte", &token->from, 1, "is this a text file? A zero byte in a name or string is written \\000",
                     "a zero byte in the text");
        return true;
    default:
        return false;
    }
}

bool parser_name(parser_t *parser, const zone_token_t *token, const char *what, name_t *name)
{
    size_t at = 0;
    status_t status = name_from_text(name, token->text, token->length, parser->origin.wire, &at);
    if (status == STATUS_OK) {
        return true;
    }
    zone_position_t position = token->from;
    position.at += at < token->length ? at + (token->kind == TOKEN_QUOTED) : 0;
    parser_error(parser, "bad-name", &position, at > 0 ? 1 : token->length, NULL, "%s: %s", what,
                 status == STATUS_LIMIT ? "a label has more than 63 bytes, or the name more than 255"
                                        : "an empty label, or a backslash that is not followed by a character or three digits up to 255");
    return false;
}

/* ---- delivery ---- */

/* RFC 1035 5.1, RFC 2308 4; MINIMUM is what BIND falls back on. False: reported. */
static bool settle_ttl(parser_t *parser, const parser_entry_t *entry, size_t rdlength, uint32_t *ttl_s)
{
    if (entry->has_ttl) {
        parser->has_last_ttl = true;
        parser->last_ttl_s = entry->ttl_s;
        *ttl_s = entry->ttl_s;
    } else if (parser->has_ttl) {
        *ttl_s = parser->ttl_s;
    } else if (parser->has_last_ttl) {
        *ttl_s = parser->last_ttl_s;
    } else if (parser->has_soa_ttl) {
        *ttl_s = parser->soa_ttl_s;
    } else if (entry->type == TYPE_SOA && rdlength >= 22) {
        uint32_t minimum = load_be32(parser->rdata + rdlength - 4);
        parser->has_soa_ttl = true;
        parser->soa_ttl_s = minimum > INT32_MAX ? INT32_MAX : minimum;
        *ttl_s = parser->soa_ttl_s;
        parser_warning(parser, "no-ttl", &entry->from, entry->from_length, "put a $TTL line at the top of the file",
                       "no TTL is given: the SOA's minimum field, %u, is used", parser->soa_ttl_s);
    } else if (parser->settings->ttl_is_optional) {
        *ttl_s = 0;
    } else {
        parser_error(parser, "no-ttl", &entry->from, entry->from_length, "put a $TTL line at the top of the file",
                     "this record has no TTL, and no $TTL, no earlier TTL and no SOA stands before it");
        parser->has_soa_ttl = true; /* told once */
        return false;
    }
    return true;
}

status_t parser_deliver(parser_t *parser, const parser_entry_t *entry, size_t rdlength)
{
    uint32_t ttl_s;
    if (!settle_ttl(parser, entry, rdlength, &ttl_s)) {
        return STATUS_MALFORMED;
    }
    diagnostic_place_t place;
    if (entry->line_end) {
        place = (diagnostic_place_t){
            .file = parser->input->file,
            .line = entry->from.line,
            .column = (uint32_t)(entry->from.at - entry->from.line_start) + 1,
            .length = (uint32_t)entry->from_length,
            .source = (const char *)entry->from.line_start,
            .source_length = (size_t)(entry->line_end - entry->from.line_start) - (entry->line_end[-1] == '\r'),
        };
    } else {
        place = place_of(parser, &entry->from, entry->from_length);
    }
    zone_record_t record = {
        .owner = parser->owner.wire,
        .type = entry->type,
        .rrclass = entry->rrclass,
        .ttl_s = ttl_s,
        .rdata = parser->rdata,
        .rdlength = rdlength,
        .place = &place,
    };
    status_t status = parser->settings->record(parser->settings->context, &record);
    if (status == STATUS_INVALID) {
        parser->errors++;
        return STATUS_OK;
    }
    return status;
}

/* ---- directives ---- */

static status_t parse_input(parser_t *parser);

/* The argument of a directive; false: reported. */
static bool next_argument(parser_t *parser, const char *what, zone_token_t *token)
{
    zone_lexer_next(parser->lexer, token);
    if (parser_report_token(parser, token)) {
        return false;
    }
    if (token->kind == TOKEN_END) {
        parser_error(parser, "bad-directive", &token->from, 1, NULL, "%s expected", what);
        return false;
    }
    return true;
}

static bool expect_end(parser_t *parser)
{
    zone_token_t token;
    zone_lexer_next(parser->lexer, &token);
    if (token.kind == TOKEN_END) {
        return true;
    }
    if (!parser_report_token(parser, &token)) {
        parser_error(parser, "bad-directive", &token.from, token.length, NULL, "nothing more expected on this line");
    }
    return false;
}

static status_t directive_origin(parser_t *parser, const zone_position_t *directive)
{
    (void)directive;
    zone_token_t token;
    name_t origin;
    if (!next_argument(parser, "a domain name", &token) || !parser_name(parser, &token, "origin", &origin) || !expect_end(parser)) {
        return STATUS_MALFORMED;
    }
    parser->origin = origin;
    parser->owner_text = NULL;
    return STATUS_OK;
}

static status_t directive_ttl(parser_t *parser, const zone_position_t *directive)
{
    (void)directive;
    zone_token_t token;
    if (!next_argument(parser, "a TTL", &token)) {
        return STATUS_MALFORMED;
    }
    uint32_t ttl_s;
    if (!parser_ttl(parser, &token, "a TTL such as 3600 or 1h30m", &ttl_s) || !expect_end(parser)) {
        return STATUS_MALFORMED;
    }
    parser->has_ttl = true;
    parser->ttl_s = ttl_s;
    return STATUS_OK;
}

/* The file's path, beside the file it is named in. False: too long. */
static bool include_path(const char *including, const zone_token_t *token, char path[static PATH_MAX])
{
    size_t used = 0;
    const char *slash = strrchr(including, '/');
    if (token->text[0] != '/' && slash) {
        used = (size_t)(slash - including) + 1;
        if (used >= PATH_MAX) {
            return false;
        }
        memcpy(path, including, used);
    }
    for (size_t i = 0; i < token->length; i++) {
        if (token->text[i] == '\\' && i + 1 < token->length) {
            i++;
        }
        if (used + 1 >= PATH_MAX || token->text[i] == 0) {
            return false;
        }
        path[used++] = token->text[i];
    }
    path[used] = 0;
    return true;
}

static bool is_being_read(const parser_input_t *input, const struct stat *identity)
{
    for (; input; input = input->parent) {
        if (identity->st_ino != 0 && input->source.identity.st_ino == identity->st_ino &&
            input->source.identity.st_dev == identity->st_dev) {
            return true;
        }
    }
    return false;
}

static status_t read_input(parser_t *parser, parser_input_t *input)
{
    zone_lexer_t *outer = parser->lexer;
    input->parent = parser->input;
    parser->input = input;
    parser->lexer = &input->lexer;
    parser->owner_text = NULL;
    zone_lexer_init(&input->lexer, &input->source);
    status_t status = parse_input(parser);
    diagnostic_place_t whole = {.file = input->file};
    if (status == STATUS_OK && input->source.error_number != 0) {
        diagnostics_add(parser->settings->diagnostics, DIAGNOSTIC_ERROR, "io", &whole, NULL, "cannot be read: %s",
                        strerror(input->source.error_number));
        status = STATUS_IO;
    } else if (status == STATUS_OK && zone_source_has_changed(&input->source)) {
        diagnostics_add(parser->settings->diagnostics, DIAGNOSTIC_ERROR, "file-changed", &whole,
                        "write a new file and rename it into place", "the file was changed while it was read");
        status = STATUS_IO;
    }
    zone_source_close(&input->source);
    parser->owner_text = NULL;
    parser->input = input->parent;
    parser->lexer = outer;
    return status;
}

static const char *unreadable_text(status_t status)
{
    return status == STATUS_IO ? strerror(errno) : status == STATUS_UNSUPPORTED ? "a pipe or device, not a file" : status_text(status);
}

static status_t include_file(parser_t *parser, const zone_token_t *token, const char *path, const name_t *origin)
{
    parser_input_t input = {.file = path};
    if (parser->settings->included) {
        parser->settings->included(parser->settings->included_context, path);
    }
    status_t status = zone_source_open(&input.source, path, true);
    if (status == STATUS_NO_MEMORY) {
        return status;
    }
    if (status != STATUS_OK) {
        parser_error(parser, "include-unreadable", &token->from, token->length, "paths are relative to the folder of this file",
                     "%s cannot be read: %s", path, unreadable_text(status));
        return STATUS_MALFORMED;
    }
    if (is_being_read(parser->input, &input.source.identity)) {
        zone_source_close(&input.source);
        parser_error(parser, "include-loop", &token->from, token->length, NULL, "%s includes itself", path);
        return STATUS_MALFORMED;
    }
    name_t saved_origin = parser->origin;
    name_t saved_owner = parser->owner;
    bool had_owner = parser->has_owner;
    parser->origin = *origin;
    parser->depth++;
    status = read_input(parser, &input);
    parser->depth--;
    parser->origin = saved_origin;
    parser->owner = saved_owner;
    parser->has_owner = had_owner;
    parser->owner_was_bad = false;
    return status;
}

static status_t directive_include(parser_t *parser, const zone_position_t *directive)
{
    const zone_parser_settings_t *settings = parser->settings;
    zone_token_t file;
    zone_token_t token;
    if (!next_argument(parser, "a file", &file)) {
        return STATUS_MALFORMED;
    }
    name_t origin = parser->origin;
    zone_lexer_next(parser->lexer, &token);
    if (parser_report_token(parser, &token)) {
        return STATUS_MALFORMED;
    }
    if (token.kind != TOKEN_END && (!parser_name(parser, &token, "origin", &origin) || !expect_end(parser))) {
        return STATUS_MALFORMED;
    }
    if (!settings->allow_include) {
        parser_error(parser, "include-denied", directive, 8, NULL, "$INCLUDE is not allowed here");
        return STATUS_MALFORMED;
    }
    if (parser->depth >= (settings->include_depth_max ? settings->include_depth_max : INCLUDE_DEPTH_DEFAULT)) {
        parser_error(parser, "include-depth", &file.from, file.length, NULL, "files include each other more than %u deep", parser->depth);
        return STATUS_MALFORMED;
    }
    if (parser->includes >= INCLUDES_MAX) {
        if (parser->includes++ == INCLUDES_MAX) {
            parser_error(parser, "include-limit", &file.from, file.length, NULL, "more than %d files are included", INCLUDES_MAX);
        }
        return STATUS_MALFORMED;
    }
    parser->includes++;
    char path[PATH_MAX];
    if (!include_path(parser->input->file, &file, path)) {
        parser_error(parser, "include-unreadable", &file.from, file.length, NULL, "this path is too long, or not a path");
        return STATUS_MALFORMED;
    }
    return include_file(parser, &file, path, &origin);
}

static const char *const directive_names[] = {"$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE", NULL};

static status_t parse_directive(parser_t *parser)
{
    static status_t (*const handlers[])(parser_t *, const zone_position_t *) = {directive_origin, directive_ttl, directive_include,
                                                                                parser_generate};
    zone_token_t token;
    zone_lexer_next(parser->lexer, &token);
    for (size_t i = 0; directive_names[i]; i++) {
        if (strlen(directive_names[i]) == token.length && strncasecmp(directive_names[i], token.text, token.length) == 0) {
            return handlers[i](parser, &token.from);
        }
    }
    char upper[16] = "";
    for (size_t i = 0; i < token.length && i + 1 < sizeof upper; i++) {
        upper[i] = token.text[i] >= 'a' && token.text[i] <= 'z' ? (char)(token.text[i] - 32) : token.text[i];
    }
    const char *suggestion = diagnostics_suggest(upper, strlen(upper), directive_names);
    char hint[64];
    snprintf(hint, sizeof hint, "did you mean %s?", suggestion ? suggestion : "");
    parser_error(parser, "unknown-directive", &token.from, token.length, suggestion ? hint : "a name that begins with $ is written \\$...",
                 "unknown directive \"%.*s\"", (int)(token.length > 64 ? 64 : token.length), token.text);
    return STATUS_MALFORMED;
}

/* ---- entries ---- */

static void resume(parser_t *parser, const zone_position_t *from)
{
    zone_lexer_t *lexer = parser->lexer;
    const uint8_t *reached = lexer->here.at;
    zone_lexer_resume(lexer, from);
    if (reached > lexer->here.at && (size_t)(reached - lexer->here.at) > RUNAWAY_BYTES && ++parser->runaways > RUNAWAYS_MAX) {
        parser_error(parser, "unbalanced-parenthesis", from, 1, NULL,
                     "too many parentheses or quotes are left open: the rest of the text is not read");
        zone_lexer_skip_all(lexer);
    }
}

/* Gives the text of earlier records up. */
static inline void slide(parser_t *parser)
{
    zone_lexer_t *lexer = parser->lexer;
    size_t moved = zone_source_slide(lexer->source, lexer->here.at);
    if (moved > 0) {
        lexer->here.at -= moved;
        lexer->here.line_start -= moved;
        parser->owner_text = NULL;
    }
}

static status_t parse_input(parser_t *parser)
{
    zone_lexer_t *lexer = parser->lexer;
    while (zone_lexer_begin_record(lexer)) {
        slide(parser);
        zone_position_t from = lexer->here;
        status_t status;
        if (parser->settings->general_path_only || !parser_record_fast(parser, &status)) {
            status = *from.at == '$' ? parse_directive(parser) : parser_record(parser);
        }
        if (status == STATUS_MALFORMED) {
            resume(parser, &from);
        } else if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static status_t parse(const zone_parser_settings_t *settings, parser_input_t *input)
{
    parser_t *parser = calloc(1, sizeof *parser);
    if (!parser) {
        zone_source_close(&input->source);
        return STATUS_NO_MEMORY;
    }
    parser->settings = settings;
    name_set(&parser->origin, settings->origin);
    status_t status = read_input(parser, input);
    if (status == STATUS_OK && parser->errors > 0) {
        status = STATUS_MALFORMED;
    }
    free(parser);
    return status;
}

status_t zone_parse_file(const zone_parser_settings_t *settings)
{
    parser_input_t input = {.file = settings->file};
    status_t status = zone_source_open(&input.source, settings->file, settings->regular_files_only);
    if (status != STATUS_OK) {
        diagnostic_place_t whole = {.file = settings->file};
        diagnostics_add(settings->diagnostics, DIAGNOSTIC_ERROR, "io", &whole, NULL, "cannot be read: %s", unreadable_text(status));
        return status;
    }
    return parse(settings, &input);
}

status_t zone_parse_text(const zone_parser_settings_t *settings, const char *text, size_t length)
{
    parser_input_t input = {.file = settings->file ? settings->file : "(text)"};
    status_t status = zone_source_copy(&input.source, text, length);
    return status == STATUS_OK ? parse(settings, &input) : status;
}
