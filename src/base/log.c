#include "base/log.h"

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

static void line_add_value(line_t *line, const char *text)
{
    bool plain = *text != 0;
    for (const char *p = text; *p && plain; p++) {
        plain = (unsigned char)*p > ' ' && *p != '"' && *p != '=' && *p != '\\' && *p != 0x7f;
    }
    if (plain) {
        line_add(line, text, strlen(text));
        return;
    }
    line_add(line, "\"", 1);
    for (const char *p = text; *p; p++) {
        char escaped[8];
        if (*p == '"' || *p == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", *p);
        } else if ((unsigned char)*p < ' ' || *p == 0x7f) {
            snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)*p);
        } else {
            snprintf(escaped, sizeof escaped, "%c", *p);
        }
        line_add(line, escaped, strlen(escaped));
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
