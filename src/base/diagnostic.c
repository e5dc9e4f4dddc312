#include "base/diagnostic.h"

#include "base/visible.h"

#include <stdarg.h>
#include <stdbool.h>
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

/* Writes text with `?` for each byte that may not be shown; mark: that byte instead of each character. Tabs stay. Returns bytes read: the
 * last character may end behind `length`. */
static size_t append_visible(buffer_t *out, const char *text, size_t length, size_t left, uint8_t mark)
{
    size_t at = 0;
    while (at < length) {
        const uint8_t *p = (const uint8_t *)text + at;
        size_t size = visible_character(p, left - at);
        if (*p == '\t' && mark != '~') {
            buffer_append_byte(out, '\t');
        } else if (mark != 0) {
            buffer_append_byte(out, mark);
        } else if (size == 0) {
            buffer_append_byte(out, '?');
        } else {
            buffer_append(out, p, size);
        }
        at += size ? size : 1;
    }
    return at;
}

static void append_visible_text(buffer_t *out, const char *text)
{
    append_visible(out, text, strlen(text), strlen(text), 0);
}

static void print_source(const diagnostic_t *entry, buffer_t *out)
{
    const diagnostic_place_t *place = &entry->place;
    if (!place->source || place->column == 0 || place->column > place->source_length + 1) {
        return;
    }
    buffer_append_text(out, "    ");
    append_visible(out, place->source, place->source_length, place->source_length, 0);
    buffer_append_text(out, "\n    ");
    size_t column = append_visible(out, place->source, place->column - 1, place->source_length, ' ');
    buffer_append_byte(out, '^');
    size_t end = place->column - 1 + place->length;
    end = end < place->source_length ? end : place->source_length;
    if (column < end) {
        size_t first = visible_character((const uint8_t *)place->source + column, place->source_length - column);
        column += first ? first : 1;
    }
    if (column < end) {
        append_visible(out, place->source + column, end - column, place->source_length - column, '~');
    }
    buffer_append_byte(out, '\n');
}

void diagnostics_print(const diagnostics_t *list, buffer_t *out)
{
    for (const diagnostic_t *entry = list->first; entry; entry = entry->next) {
        append_visible_text(out, entry->place.file ? entry->place.file : "(input)");
        if (entry->place.line > 0) {
            buffer_printf(out, ":%u", entry->place.line);
            if (entry->place.column > 0) {
                buffer_printf(out, ":%u", entry->place.column);
            }
        }
        buffer_append_text(out, entry->severity == DIAGNOSTIC_ERROR ? ": error: " : ": warning: ");
        append_visible_text(out, entry->message);
        buffer_append_byte(out, '\n');
        print_source(entry, out);
        if (entry->hint) {
            buffer_append_text(out, "  hint: ");
            append_visible_text(out, entry->hint);
            buffer_append_byte(out, '\n');
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
