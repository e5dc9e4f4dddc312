/* One writer of nested data for both forms people ask for: JSON by jansson, YAML by libfyaml's emitter.
 *
 * Invariants: errors stick until emitter_finish(); inside a map emit_key() stands before each value. One thread at a time.
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum emit_form { EMIT_YAML, EMIT_JSON } emit_form_t;
typedef enum emit_kind { EMIT_MAP, EMIT_LIST } emit_kind_t;

typedef struct emitter emitter_t;

/* NULL without memory. */
emitter_t *emitter_new(emit_form_t form);
void emit_open(emitter_t *emitter, emit_kind_t kind);
void emit_close(emitter_t *emitter);
void emit_key(emitter_t *emitter, const char *key);
void emit_text(emitter_t *emitter, const char *text);
void emit_text_n(emitter_t *emitter, const char *text, size_t length);
void emit_boolean(emitter_t *emitter, bool value);
/* Text that is a number becomes one, other text stays text ("auto"). */
void emit_number_text(emitter_t *emitter, const char *text);
/* Appends all of it to out and frees the emitter. STATUS_NO_MEMORY, or out's own status. */
status_t emitter_finish(emitter_t *emitter, buffer_t *out) MUST_USE;
