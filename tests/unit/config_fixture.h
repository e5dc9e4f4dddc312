/* Configuration text, what became of it, and what must be said of bad text. For tests of control/config. */
#pragma once

#include "control/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct loaded {
    status_t status;
    server_settings_t *settings;
    diagnostics_t diagnostics;
    buffer_t printed;
} loaded_t;

static inline loaded_t load_in(const char *text, const char *directory)
{
    loaded_t loaded = {.settings = NULL};
    diagnostics_init(&loaded.diagnostics, 0);
    buffer_init(&loaded.printed, 1 << 24);
    loaded.status = config_load_text(text, strlen(text), "test.yaml", directory, &loaded.settings, &loaded.diagnostics);
    diagnostics_print(&loaded.diagnostics, &loaded.printed);
    assert_true((loaded.status == STATUS_OK) == (loaded.settings != NULL));
    assert_true((loaded.status == STATUS_OK) == (loaded.diagnostics.errors == 0));
    return loaded;
}

static inline loaded_t load(const char *text)
{
    return load_in(text, "/zones");
}

static inline void unload(loaded_t *loaded)
{
    server_settings_free(loaded->settings);
    diagnostics_clear(&loaded->diagnostics);
    buffer_clear(&loaded->printed);
}

static inline loaded_t load_good(const char *text)
{
    loaded_t loaded = load(text);
    if (loaded.status != STATUS_OK) {
        fail_msg("%s\n%s", text, buffer_text(&loaded.printed));
    }
    return loaded;
}

typedef struct bad {
    const char *text;
    const char *place; /* "line:column" */
    const char *code;
    const char *message; /* part of it */
    const char *hint;    /* part of it, or NULL */
} bad_t;

static inline void check_bad(const bad_t *bad)
{
    loaded_t loaded = load(bad->text);
    char place[32] = "";
    const diagnostic_t *entry = loaded.diagnostics.first;
    if (loaded.status != STATUS_INVALID || !entry) {
        fail_msg("accepted: %s", bad->text);
    } else {
        snprintf(place, sizeof place, "%u:%u", entry->place.line, entry->place.column);
        bool good = strcmp(place, bad->place) == 0 && strcmp(entry->code, bad->code) == 0 && strstr(entry->message, bad->message) &&
                    (!bad->hint || (entry->hint && strstr(entry->hint, bad->hint)));
        if (!good) {
            fail_msg("wanted %s %s \"%s\" (%s), got\n%s", bad->place, bad->code, bad->message, bad->hint ? bad->hint : "-",
                     buffer_text(&loaded.printed));
        }
    }
    unload(&loaded);
}
