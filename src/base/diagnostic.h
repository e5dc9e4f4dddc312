/* What is wrong with a file a person wrote: every error and warning, with its place, in one run.
 *
 * Printed form:
 *     file:line:column: error: what is wrong
 *         the source line
 *             ^~~~
 *       hint: what would be right
 *
 * Invariants: lines and columns count from 1; line 0 means "the file as a whole"; texts are copied. At most
 * `maximum` entries are kept, all are counted. One thread at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef enum diagnostic_severity { DIAGNOSTIC_WARNING, DIAGNOSTIC_ERROR } diagnostic_severity_t;

typedef struct diagnostic_place {
    const char *file;
    uint32_t line;      /* from 1; 0: no line */
    uint32_t column;    /* from 1, in bytes; 0: no column */
    uint32_t length;    /* bytes marked under the line; 0 counts as 1 */
    const char *source; /* the text of the line, not terminated; NULL: not shown */
    size_t source_length;
} diagnostic_place_t;

typedef struct diagnostic {
    struct diagnostic *next;
    diagnostic_severity_t severity;
    const char *code; /* stable identifier, e.g. "cname-and-other-data"; static storage */
    diagnostic_place_t place;
    const char *message;
    const char *hint; /* or NULL */
} diagnostic_t;

typedef struct diagnostics {
    arena_t arena;
    diagnostic_t *first;
    diagnostic_t *last;
    size_t kept;
    size_t maximum;  /* entries kept */
    size_t errors;   /* all, kept or not */
    size_t warnings; /* all, kept or not */
    size_t told;     /* of those not kept: told of by an entry of their own ("50 more like these") */
} diagnostics_t;

/* maximum: entries to keep (0: 1,000). */
void diagnostics_init(diagnostics_t *list, size_t maximum);
void diagnostics_clear(diagnostics_t *list);
/* Adds one entry; `hint` may be NULL; the message is formatted. Never fails: without memory the entry is only counted. */
void diagnostics_add(diagnostics_t *list, diagnostic_severity_t severity, const char *code, const diagnostic_place_t *place,
                     const char *hint, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* All entries in order of addition, in the printed form above, then a line on those not kept, if any. */
void diagnostics_print(const diagnostics_t *list, buffer_t *out);
/* The candidate closest to `word` when close enough to be a slip (edit distance <= 2 and < half the length), else NULL.
 * candidates ends with NULL. */
const char *diagnostics_suggest(const char *word, size_t length, const char *const *candidates);
