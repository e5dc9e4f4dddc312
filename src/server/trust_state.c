/* The keeper's files in the state directory. */
#include "server/state_file.h"
#include "server/trust_keeper_internal.h"

#include <errno.h>
#include <string.h>

enum { SAVE_AGAIN_MS = 600000 };

static const char rollover_name[] = "trust-anchors";
static const char negative_name[] = "negative-trust-anchors";

static const char *reason_of(status_t status, int error)
{
    return status == STATUS_IO || status == STATUS_DENIED || status == STATUS_NO_SPACE ? strerror(error) : status_text(status);
}

static void tell_of_damage(const trust_keeper_t *keeper, const state_file_t *file, status_t status, unsigned line)
{
    bool kept = state_file_set_aside(file) == STATUS_OK;
    log_event(keeper->environment.log, LOG_ERROR, "trust.state-damaged", LOG_TEXT("directory", file->directory),
              LOG_TEXT("file", file->name), LOG_NUMBER("line", line), LOG_TEXT("error", reason_of(status, errno)),
              LOG_TEXT("kept", kept ? "as FILE.bad" : "no"),
              LOG_TEXT("meaning", "only what is configured counts; what had been learned since is learned anew"));
}

/* Reads the file and hands its text to `parse`. False: it is damaged. */
static bool read_file(trust_keeper_t *keeper, const char *name, size_t maximum,
                      status_t (*parse)(trust_keeper_t *keeper, const char *text, size_t size, unsigned *line))
{
    const state_file_t file = {.directory = keeper->settings->state, .name = name};
    buffer_t text;
    unsigned line = 0;
    if (!file.directory) {
        return true;
    }
    buffer_init(&text, maximum);
    status_t status = state_file_read(&file, &text);
    if (status == STATUS_OK) {
        status = parse(keeper, buffer_text(&text), text.size, &line);
    }
    bool is_good = status == STATUS_OK || status == STATUS_NOT_FOUND;
    if (!is_good) {
        tell_of_damage(keeper, &file, status, line);
    }
    buffer_clear(&text);
    return is_good;
}

static status_t parse_rollover(trust_keeper_t *keeper, const char *text, size_t size, unsigned *line)
{
    return rollover_read(&keeper->rollover, text, size, line);
}

static status_t parse_negative(trust_keeper_t *keeper, const char *text, size_t size, unsigned *line)
{
    return negative_anchors_read(&keeper->negative, text, size, line);
}

void state_read_rollover(trust_keeper_t *keeper)
{
    if (!keeper->is_read) {
        keeper->is_read = true;
        (void)read_file(keeper, rollover_name, ROLLOVER_STATE_MAX, parse_rollover);
    }
}

void state_read_negative(trust_keeper_t *keeper, bool *is_lost)
{
    *is_lost = !read_file(keeper, negative_name, NEGATIVE_ANCHORS_TEXT_MAX, parse_negative);
}

/* ---- writing ---- */

static bool save(trust_keeper_t *keeper, const char *name, buffer_t *text)
{
    const state_file_t file = {.directory = keeper->settings->state, .name = name};
    status_t status = text->status == STATUS_OK ? state_file_write(&file, text->data, text->size) : text->status;
    if (status != STATUS_OK) {
        log_event(keeper->environment.log, LOG_ERROR, "trust.state-unwritten", LOG_TEXT("directory", file.directory),
                  LOG_TEXT("file", file.name), LOG_TEXT("error", reason_of(status, errno)),
                  LOG_TEXT("meaning", "after a restart it would not be known any more; tried again every ten minutes"));
        keeper->save_again_ms = keeper_monotonic_ms() + SAVE_AGAIN_MS;
    }
    buffer_clear(text);
    return status == STATUS_OK;
}

void state_save(trust_keeper_t *keeper)
{
    buffer_t text;
    if (!keeper->settings->state || keeper_monotonic_ms() < keeper->save_again_ms) {
        return;
    }
    if (keeper->is_unsaved) {
        buffer_init(&text, ROLLOVER_STATE_MAX);
        rollover_write(&keeper->rollover, &text);
        keeper->is_unsaved = !save(keeper, rollover_name, &text);
    }
    if (keeper->is_negative_unsaved) {
        buffer_init(&text, NEGATIVE_ANCHORS_TEXT_MAX);
        negative_anchors_write(&keeper->negative, &text);
        keeper->is_negative_unsaved = !save(keeper, negative_name, &text);
    }
}
