#include "base/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DIAGNOSTIC_ARENA_MAX = 16 * 1024 * 1024, SOURCE_SHOWN_MAX = 512, SUGGEST_LENGTH_MAX = 64 };

void diagnostics_init(diagnostics_t *list, size_t maximum)
{
    *list = (diagnostics_t){.maximum = maximum ? maximum : 1000};
    arena_init(&list->arena, 16384, DIAGNOSTIC_ARENA_MAX);
}

void diagnostics_clear(diagnostics_t *list)
{
    arena_clear(&list->arena);
    diagnostics_init(list, list->maximum);
}

static const char *copy_text(diagnostics_t *list, const char *text)
{
    return text ? arena_strndup(&list->arena, text, strlen(text)) : NULL;
}

void diagnostics_add(diagnostics_t *list, diagnostic_severity_t severity, const char *code, const diagnostic_place_t *place,
                     const char *hint, const char *format, ...)
{
    *(severity == DIAGNOSTIC_ERROR ? &list->errors : &list->warnings) += 1;
    diagnostic_t *entry = list->kept < list->maximum ? arena_alloc(&list->arena, sizeof *entry) : NULL;
    if (!entry) {
        return;
    }
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    *entry = (diagnostic_t){.severity = severity, .code = code, .place = *place};
    entry->message = copy_text(list, message);
    entry->hint = copy_text(list, hint);
    entry->place.file = copy_text(list, place->file);
    if (place->source) {
        size_t shown = place->source_length > SOURCE_SHOWN_MAX ? SOURCE_SHOWN_MAX : place->source_length;
        entry->place.source = arena_strndup(&list->arena, place->source, shown);
        entry->place.source_length = entry->place.source ? shown : 0;
    }
    if (!entry->message) {
        return;
    }
    if (list->last) {
        list->last->next = entry;
    } else {
        list->first = entry;
    }
    list->last = entry;
    list->kept++;
}

static void print_source(const diagnostic_t *entry, buffer_t *out)
{
    const diagnostic_place_t *place = &entry->place;
    if (!place->source || place->column == 0 || place->column > place->source_length + 1) {
        return;
    }
    buffer_append_text(out, "    ");
    for (size_t i = 0; i < place->source_length; i++) {
        uint8_t c = (uint8_t)place->source[i];
        buffer_append_byte(out, c == '\t' ? '\t' : c < 0x20 || c == 0x7f ? '?' : c);
    }
    buffer_append_text(out, "\n    ");
    for (size_t i = 0; i + 1 < place->column; i++) {
        uint8_t c = (uint8_t)place->source[i];
        if (c == '\t') {
            buffer_append_byte(out, '\t');
        } else if ((c & 0xc0) != 0x80) { /* one column for each UTF-8 character */
            buffer_append_byte(out, ' ');
        }
    }
    buffer_append_byte(out, '^');
    size_t end = place->column - 1 + place->length;
    for (size_t i = place->column; i < end && i < place->source_length; i++) {
        if (((uint8_t)place->source[i] & 0xc0) != 0x80) {
            buffer_append_byte(out, '~');
        }
    }
    buffer_append_byte(out, '\n');
}

void diagnostics_print(const diagnostics_t *list, buffer_t *out)
{
    for (const diagnostic_t *entry = list->first; entry; entry = entry->next) {
        buffer_append_text(out, entry->place.file ? entry->place.file : "(input)");
        if (entry->place.line > 0) {
            buffer_printf(out, ":%u", entry->place.line);
            if (entry->place.column > 0) {
                buffer_printf(out, ":%u", entry->place.column);
            }
        }
        buffer_printf(out, ": %s: %s\n", entry->severity == DIAGNOSTIC_ERROR ? "error" : "warning", entry->message);
        print_source(entry, out);
        if (entry->hint) {
            buffer_printf(out, "  hint: %s\n", entry->hint);
        }
    }
    size_t shown = list->kept + list->told;
    size_t all = list->errors + list->warnings;
    if (all > shown) {
        buffer_printf(out, "(%zu more not shown)\n", all - shown);
    }
}

static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[SUGGEST_LENGTH_MAX + 1];
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

const char *diagnostics_suggest(const char *word, size_t length, const char *const *candidates)
{
    const char *best = NULL;
    size_t best_distance = 3;
    for (; length <= SUGGEST_LENGTH_MAX && *candidates; candidates++) {
        size_t candidate_length = strlen(*candidates);
        if (candidate_length > SUGGEST_LENGTH_MAX) {
            continue;
        }
        size_t distance = edit_distance(word, length, *candidates, candidate_length);
        if (distance < best_distance && distance * 2 < candidate_length) {
            best = *candidates;
            best_distance = distance;
        }
    }
    return best;
}
