/* One event a line: time, level, a stable event name, key=value fields.
 *
 *     2026-11-23T10:47:14.123456Z info zone.loaded zone=example.com serial=42 records=12
 *
 * Values with blanks, quotes, '=' or control characters are quoted and escaped, so that no peer can forge a line. The log is
 * a value that is handed down, not a global. Any thread may write (one write(2) a line); a level below the threshold
 * costs one comparison at the call.
 */
#pragma once

#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR } log_level_t;

typedef struct log {
    int fd;                /* where lines go; not owned */
    _Atomic int threshold; /* a log_level_t: lines below it are dropped */
    bool no_time;          /* leave out the time stamp (the journal adds its own) */
} log_t;

typedef struct log_field {
    const char *key;
    const char *text; /* NULL: the number counts */
    int64_t number;
} log_field_t;

/* A function, as an array is a text too, and compilers mistrust asking an array whether it is NULL. */
static inline log_field_t log_text_field(const char *key, const char *text)
{
    return (log_field_t){.key = key, .text = text ? text : ""};
}

#define LOG_TEXT(key_, text_)     log_text_field((key_), (text_))
#define LOG_NUMBER(key_, number_) ((log_field_t){.key = (key_), .number = (int64_t)(number_)})

void log_init(log_t *log, int fd, log_level_t threshold);
const char *log_level_text(log_level_t level);
status_t log_level_from_text(const char *text, log_level_t *level) MUST_USE;
/* Writes one line. Lines longer than 4 KiB are cut and end in "...". */
void log_write(log_t *log, log_level_t level, const char *event, const log_field_t *fields, size_t count);

/* log may be NULL: nothing is written. At least one field. */
#define log_event(log_, level_, event_, ...)                                                                                               \
    do {                                                                                                                                   \
        log_t *log_event_ = (log_);                                                                                                        \
        if (log_event_ && (int)(level_) >= atomic_load_explicit(&log_event_->threshold, memory_order_relaxed)) {                           \
            const log_field_t log_fields_[] = {__VA_ARGS__};                                                                               \
            log_write(log_event_, (level_), (event_), log_fields_, sizeof log_fields_ / sizeof log_fields_[0]);                            \
        }                                                                                                                                  \
    } while (0)
