#include "base/log.h"

#include "base/visible.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 4096 };

typedef struct line {
    char text[LOG_LINE_MAX];
    size_t length;
} line_t;

static void line_add(line_t *line, const char *text, size_t length)
{
    size_t room = sizeof line->text - 5 - line->length; /* "...\n" always fits */
    length = length > room ? room : length;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

/* Bytes of the character at p that may stand as they are; 0: its first byte is escaped. A value is a stranger's text. */
static size_t plain_bytes(const char *p, size_t left)
{
    return *p == '"' || *p == '\\' ? 0 : visible_character((const uint8_t *)p, left);
}

static bool needs_quotes(const char *text, size_t length)
{
    bool plain = length > 0;
    for (size_t at = 0; at < length && plain;) {
        size_t size = plain_bytes(text + at, length - at);
        plain = size > 0 && text[at] != ' ' && text[at] != '=';
        at += size;
    }
    return !plain;
}

static void line_add_value(line_t *line, const char *text)
{
    size_t length = strlen(text);
    if (!needs_quotes(text, length)) {
        line_add(line, text, length);
        return;
    }
    line_add(line, "\"", 1);
    for (size_t at = 0; at < length;) {
        char escaped[8];
        const char *p = text + at;
        size_t size = plain_bytes(p, length - at);
        if (size > 0) {
            line_add(line, p, size);
        } else if (*p == '"' || *p == '\\') {
            line_add(line, "\\", 1);
            line_add(line, p, 1);
        } else {
            line_add(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)*p));
        }
        at += size > 0 ? size : 1;
    }
    line_add(line, "\"", 1);
}

void log_init(log_t *log, int fd, log_level_t threshold)
{
    *log = (log_t){.fd = fd};
    atomic_init(&log->threshold, (int)threshold);
}

static const char *const level_names[] = {"debug", "info", "notice", "warning", "error"};

const char *log_level_text(log_level_t level)
{
    return level_names[level];
}

status_t log_level_from_text(const char *text, log_level_t *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (log_level_t)i;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

static void line_add_time(line_t *line)
{
    struct timespec now;
    struct tm parts;
    char text[64];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    length += (size_t)snprintf(text + length, sizeof text - length, ".%06ldZ ", now.tv_nsec / 1000);
    line_add(line, text, length);
}

void log_write(log_t *log, log_level_t level, const char *event, const log_field_t *fields, size_t count)
{
    line_t line = {.length = 0};
    if (!log->no_time) {
        line_add_time(&line);
    }
    line_add(&line, log_level_text(level), strlen(log_level_text(level)));
    line_add(&line, " ", 1);
    line_add(&line, event, strlen(event));
    for (size_t i = 0; i < count; i++) {
        line_add(&line, " ", 1);
        line_add(&line, fields[i].key, strlen(fields[i].key));
        line_add(&line, "=", 1);
        if (fields[i].text) {
            line_add_value(&line, fields[i].text);
        } else {
            char number[32];
            snprintf(number, sizeof number, "%lld", (long long)fields[i].number);
            line_add(&line, number, strlen(number));
        }
    }
    if (line.length >= sizeof line.text - 5) {
        memcpy(line.text + line.length, "...", 3);
        line.length += 3;
    }
    line.text[line.length++] = '\n';
    ssize_t written = write(log->fd, line.text, line.length);
    (void)written; /* a full or closed log must never stop the service */
}
