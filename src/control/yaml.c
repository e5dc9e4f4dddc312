#include "control/yaml.h"

#include "base/require.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { YAML_ARENA_CHUNK = 1024 * 1024 };
static const size_t YAML_ARENA_MAX = (size_t)8 * 1024 * 1024 * 1024;

typedef struct anchor {
    const char *name;
    size_t length;
    yaml_node_t *node;
} anchor_t;

/* A collection being filled. */
typedef struct level {
    yaml_node_t *node;
    yaml_node_t *last;
} level_t;

typedef struct reader {
    yaml_document_t *document;
    struct fy_parser *parser;
    level_t levels[YAML_DEPTH_MAX];
    unsigned depth;
    anchor_t *anchors;
    size_t anchor_count;
    uint32_t line;   /* of the last event that had a place: where an empty value is shown */
    uint32_t offset; /* the same */
    unsigned documents;
} reader_t;

/* ---- places ---- */

static diagnostic_place_t place_of(const yaml_document_t *document, uint32_t line, size_t offset, size_t length)
{
    const char *source = document->source;
    diagnostic_place_t place = {.file = document->name, .line = line};
    if (offset > document->size || line == 0) {
        return place;
    }
    size_t start = offset;
    size_t end = offset;
    while (start > 0 && source[start - 1] != '\n') {
        start--;
    }
    while (end < document->size && source[end] != '\n' && source[end] != '\r') {
        end++;
    }
    place.column = (uint32_t)(offset - start + 1);
    place.length = (uint32_t)(length < end - offset ? length : end - offset);
    place.source = source + start;
    place.source_length = end - start;
    return place;
}

void yaml_report(yaml_document_t *document, diagnostic_severity_t severity, const char *code, const yaml_node_t *node, size_t at,
                 const char *hint, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    /* inside the text only where the source shows it letter by letter */
    bool verbatim = node->kind == YAML_SCALAR && node->extent == node->length && node->offset + (size_t)node->length <= document->size &&
                    memcmp(document->source + node->offset, node->text, node->length) == 0;
    at = verbatim && at < node->length ? at : 0;
    diagnostic_place_t place = place_of(document, node->line, node->offset + at, at ? 1 : node->extent);
    diagnostics_add(document->diagnostics, severity, code, &place, hint, "%s", message);
}

const char *yaml_kind_text(const yaml_node_t *node)
{
    static const char *const texts[] = {"nothing", "a single value", "a list", "a mapping", "an alias"};
    return texts[node->kind];
}

/* ---- building ---- */

static void report_node(reader_t *reader, const char *code, const yaml_node_t *node, const char *hint, const char *message)
{
    yaml_report(reader->document, DIAGNOSTIC_ERROR, code, node, 0, hint, "%s", message);
    reader->document->is_complete = false;
}

static yaml_node_t *new_node(reader_t *reader, struct fy_event *event, yaml_kind_t kind)
{
    yaml_node_t *node = arena_alloc(&reader->document->arena, sizeof *node);
    if (!node) {
        return NULL;
    }
    const struct fy_mark *start = fy_event_start_mark(event);
    const struct fy_mark *end = fy_event_end_mark(event);
    if (start && start->line >= 0 && start->input_pos <= reader->document->size) {
        reader->line = (uint32_t)start->line + 1;
        reader->offset = (uint32_t)start->input_pos;
    }
    *node = (yaml_node_t){.kind = (uint8_t)kind, .line = reader->line ? reader->line : 1, .offset = reader->offset};
    if (start && end && start->line >= 0 && start->line == end->line && end->input_pos > start->input_pos) {
        node->extent = (uint32_t)(end->input_pos - start->input_pos);
    }
    return node;
}

static void append_node(reader_t *reader, yaml_node_t *node)
{
    if (reader->depth == 0) {
        reader->document->root = node;
        return;
    }
    level_t *level = &reader->levels[reader->depth - 1];
    if (level->last) {
        level->last->next = node;
    } else {
        level->node->first = node;
    }
    level->last = node;
    level->node->children++;
    level->node->weight++;
}

static anchor_t *find_anchor(reader_t *reader, const char *name, size_t length)
{
    for (size_t i = reader->anchor_count; i-- > 0;) { /* the latest of a name counts (YAML 1.2 3.2.2.2) */
        if (reader->anchors[i].length == length && memcmp(reader->anchors[i].name, name, length) == 0) {
            return &reader->anchors[i];
        }
    }
    return NULL;
}

static status_t note_anchor(reader_t *reader, struct fy_token *token, yaml_node_t *node)
{
    size_t length = 0;
    const char *name = token ? fy_token_get_text(token, &length) : NULL;
    if (!name) {
        return STATUS_OK;
    }
    arena_t *arena = &reader->document->arena;
    if (!reader->anchors && !(reader->anchors = arena_alloc(arena, YAML_ANCHORS_MAX * sizeof *reader->anchors))) {
        return STATUS_NO_MEMORY;
    }
    anchor_t *anchor = find_anchor(reader, name, length);
    if (!anchor) {
        if (reader->anchor_count == YAML_ANCHORS_MAX) {
            report_node(reader, "too-many-anchors", node, NULL, "more than 1,000 anchors");
            return STATUS_LIMIT;
        }
        anchor = &reader->anchors[reader->anchor_count];
        *anchor = (anchor_t){.name = arena_strndup(arena, name, length), .length = length};
        if (!anchor->name) {
            return STATUS_NO_MEMORY;
        }
        reader->anchor_count++;
    }
    anchor->node = node;
    return STATUS_OK;
}

static status_t take_alias(reader_t *reader, struct fy_event *event)
{
    yaml_node_t *node = new_node(reader, event, YAML_ALIAS);
    if (!node) {
        return STATUS_NO_MEMORY;
    }
    size_t length = 0;
    const char *name = event->alias.anchor ? fy_token_get_text(event->alias.anchor, &length) : NULL;
    anchor_t *anchor = name ? find_anchor(reader, name, length) : NULL;
    if (!anchor) {
        yaml_report(reader->document, DIAGNOSTIC_ERROR, "unknown-anchor", node, 0, NULL, "no anchor &%.*s stands before this alias",
                    (int)(length < 64 ? length : 64), name ? name : "");
        reader->document->is_complete = false;
        node->kind = YAML_NULL;
    } else if (anchor->node->open) {
        report_node(reader, "endless-alias", node, NULL, "this alias is part of what it stands for");
        node->kind = YAML_NULL;
    } else {
        node->target = anchor->node;
    }
    append_node(reader, node);
    return STATUS_OK;
}

static bool is_null_word(const char *text, size_t length)
{
    return length == 0 || (length == 1 && *text == '~') || (length == 4 && memcmp(text, "null", 4) == 0);
}

static status_t take_scalar(reader_t *reader, struct fy_event *event)
{
    yaml_document_t *document = reader->document;
    yaml_node_t *node = new_node(reader, event, YAML_SCALAR);
    if (!node) {
        return STATUS_NO_MEMORY;
    }
    size_t length = 0;
    const char *text = fy_token_get_text(event->scalar.value, &length);
    node->plain = fy_token_scalar_style(event->scalar.value) == FYSS_PLAIN;
    if (!text || (node->plain && is_null_word(text, length))) {
        node->kind = YAML_NULL;
    } else if (node->offset + length <= document->size && memcmp(document->source + node->offset, text, length) == 0) {
        node->text = document->source + node->offset;
        node->length = (uint32_t)length;
    } else {
        node->text = arena_strndup(&document->arena, text, length);
        node->length = (uint32_t)length;
        if (!node->text) {
            return STATUS_NO_MEMORY;
        }
    }
    if (event->scalar.tag) {
        report_node(reader, "tag", node, NULL, "tags are not used here");
    }
    append_node(reader, node);
    return note_anchor(reader, event->scalar.anchor, node);
}

static status_t open_collection(reader_t *reader, struct fy_event *event)
{
    bool mapping = event->type == FYET_MAPPING_START;
    yaml_node_t *node = new_node(reader, event, mapping ? YAML_MAPPING : YAML_SEQUENCE);
    if (!node) {
        return STATUS_NO_MEMORY;
    }
    node->open = true;
    append_node(reader, node);
    if (mapping ? event->mapping_start.tag : event->sequence_start.tag) {
        report_node(reader, "tag", node, NULL, "tags are not used here");
    }
    if (reader->depth == YAML_DEPTH_MAX) {
        report_node(reader, "too-deep", node, NULL, "nested too deeply");
        return STATUS_LIMIT;
    }
    reader->levels[reader->depth++] = (level_t){.node = node};
    return note_anchor(reader, mapping ? event->mapping_start.anchor : event->sequence_start.anchor, node);
}

static status_t take_event(reader_t *reader, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (reader->documents++ > 0) {
            yaml_node_t *node = new_node(reader, event, YAML_NULL);
            if (node) {
                report_node(reader, "second-document", node, NULL, "a second document: one is all that is read");
            }
            return STATUS_LIMIT;
        }
        return STATUS_OK;
    case FYET_SCALAR:
        return take_scalar(reader, event);
    case FYET_ALIAS:
        return take_alias(reader, event);
    case FYET_SEQUENCE_START:
    case FYET_MAPPING_START:
        return open_collection(reader, event);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        if (CHECK(reader->depth > 0)) {
            yaml_node_t *node = reader->levels[--reader->depth].node;
            node->open = false;
            if (reader->depth > 0) {
                reader->levels[reader->depth - 1].node->weight += node->weight;
            }
        }
        return STATUS_OK;
    default:
        return STATUS_OK;
    }
}

/* ---- what libfyaml refuses ---- */

/* Offset of a line (from 1) and a column (from 1, in characters), at most the end of that line. */
static size_t find_offset(const yaml_document_t *document, int line, int column)
{
    const char *source = document->source;
    size_t offset = 0;
    for (int i = 1; i < line; i++) {
        const char *newline = memchr(source + offset, '\n', document->size - offset);
        if (!newline) {
            break;
        }
        offset = (size_t)(newline - source) + 1;
    }
    for (int i = 1; i < column && offset < document->size && source[offset] != '\n'; i++) {
        do {
            offset++;
        } while (offset < document->size && ((unsigned char)source[offset] & 0xc0) == 0x80);
    }
    return offset;
}

/* A tab in the indentation of this line or the next: what most errors "in the middle of nowhere" are about. */
static bool find_tab(const yaml_document_t *document, int line, size_t *offset)
{
    for (int i = line; i <= line + 1; i++) {
        size_t at = find_offset(document, i, 1);
        while (at < document->size && document->source[at] == ' ') {
            at++;
        }
        if (at < document->size && document->source[at] == '\t') {
            *offset = at;
            return true;
        }
    }
    return false;
}

static uint32_t line_of(const yaml_document_t *document, size_t offset)
{
    uint32_t line = 1;
    for (size_t i = 0; i < offset && i < document->size; i++) {
        line += document->source[i] == '\n';
    }
    return line;
}

static void report_syntax(reader_t *reader, struct fy_diag *diag)
{
    yaml_document_t *document = reader->document;
    void *iterator = NULL;
    size_t reported = 0;
    for (struct fy_diag_error *error; (error = fy_diag_errors_iterate(diag, &iterator));) {
        if (error->type != FYET_ERROR || !error->msg || reported > 0) { /* those behind the first are its echoes */
            continue;
        }
        reported++;
        size_t offset = find_offset(document, error->line, error->column);
        const char *hint = NULL;
        if (find_tab(document, error->line, &offset)) {
            hint = "indent with spaces: YAML allows no tabs there";
        }
        diagnostic_place_t place = place_of(document, line_of(document, offset), offset, 1);
        diagnostics_add(document->diagnostics, DIAGNOSTIC_ERROR, "yaml-syntax", &place, hint, "%s", error->msg);
    }
    if (reported == 0) {
        diagnostic_place_t place = place_of(document, reader->line, reader->offset, 1);
        diagnostics_add(document->diagnostics, DIAGNOSTIC_ERROR, "yaml-syntax", &place, NULL, "not readable as YAML behind this place");
    }
    document->is_complete = false;
}

/* Length of the UTF-8 sequence at p, 0 if it is none (RFC 3629 4). */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool beyond = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return overlong || beyond ? 0 : n;
}

/* Reports the first byte that cannot stand in YAML text. */
static bool check_characters(yaml_document_t *document)
{
    const unsigned char *bytes = (const unsigned char *)document->source;
    for (size_t i = 0; i < document->size;) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f) {
            i++;
            continue;
        }
        size_t n = utf8_length(bytes + i, document->size - i);
        bool control = n == 1 && (bytes[i] < 0x20 || bytes[i] == 0x7f) && bytes[i] != '\t' && bytes[i] != '\n' && bytes[i] != '\r';
        if (n == 0 || control) {
            diagnostic_place_t place = place_of(document, line_of(document, i), i, 1);
            diagnostics_add(document->diagnostics, DIAGNOSTIC_ERROR, n == 0 ? "not-utf-8" : "control-character", &place, NULL,
                            n == 0 ? "byte 0x%02x is not part of UTF-8 text" : "control character 0x%02x", bytes[i]);
            return false;
        }
        i += n;
    }
    return true;
}

static status_t read_events(reader_t *reader, struct fy_diag *diag)
{
    struct fy_event *event;
    status_t status = STATUS_OK;
    while (status == STATUS_OK && (event = fy_parser_parse(reader->parser))) {
        status = take_event(reader, event);
        fy_parser_event_free(reader->parser, event);
    }
    if (status == STATUS_OK && fy_parser_get_stream_error(reader->parser)) {
        report_syntax(reader, diag);
    }
    return status == STATUS_LIMIT ? STATUS_OK : status;
}

status_t yaml_read(yaml_document_t *document, const char *source, size_t size, const char *name, diagnostics_t *diagnostics)
{
    *document = (yaml_document_t){.name = name, .source = source, .size = size, .is_complete = true, .diagnostics = diagnostics};
    arena_init(&document->arena, YAML_ARENA_CHUNK, YAML_ARENA_MAX);
    REQUIRE(size <= UINT32_MAX / 2);
    if (!check_characters(document)) {
        document->is_complete = false;
        return STATUS_OK;
    }
    if (size == 0) {
        return STATUS_OK;
    }
    status_t status = STATUS_NO_MEMORY;
    struct fy_parser *parser = NULL;
    struct fy_diag_cfg diag_settings;
    fy_diag_cfg_default(&diag_settings);
    diag_settings.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_settings);
    if (!diag) {
        goto out;
    }
    fy_diag_set_collect_errors(diag, true);
    const struct fy_parse_cfg settings = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = diag};
    parser = fy_parser_create(&settings);
    if (!parser || fy_parser_set_string(parser, source, size) != 0) {
        goto out;
    }
    reader_t reader = {.document = document, .parser = parser};
    status = read_events(&reader, diag);
out:
    if (parser) {
        fy_parser_destroy(parser);
    }
    if (diag) {
        fy_diag_destroy(diag);
    }
    return status;
}

void yaml_clear(yaml_document_t *document)
{
    arena_clear(&document->arena);
    document->root = NULL;
}

const yaml_node_t *yaml_follow(yaml_document_t *document, const yaml_node_t *node)
{
    if (node->kind != YAML_ALIAS) {
        return node;
    }
    const yaml_node_t *target = node->target;
    size_t before = document->aliased;
    document->aliased += 1 + (size_t)target->weight;
    if (document->aliased <= YAML_ALIASED_MAX) {
        return target;
    }
    if (before <= YAML_ALIASED_MAX) {
        yaml_report(document, DIAGNOSTIC_ERROR, "too-many-aliases", node, 0, NULL, "aliases stand for more than %d values in this file",
                    (int)YAML_ALIASED_MAX);
    }
    return NULL;
}
