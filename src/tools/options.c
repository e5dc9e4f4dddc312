/* Options, operands and output of the commands. */
#include "tools/command.h"

#include "base/diagnostic.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 32 };

int tool_fail(const char *format, ...)
{
    va_list arguments;
    fputs("portolan: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return TOOL_TROUBLE;
}

static int usage_error(const command_t *command)
{
    fprintf(stderr, "usage: portolan %s%s%s %s\n", command->noun, command->verb ? " " : "", command->verb ? command->verb : "",
            command->arguments);
    return TOOL_TROUBLE;
}

static int unknown_option(const command_t *command, const tool_option_t *options, const char *word)
{
    const char *names[OPTIONS_MAX + 1];
    size_t count = 0;
    for (; options[count].name && count < OPTIONS_MAX; count++) {
        names[count] = options[count].name;
    }
    names[count] = NULL;
    const char *near = diagnostics_suggest(word, strcspn(word, "="), names);
    (void)tool_fail("unknown option %s%s%s%s", word, near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
    return usage_error(command);
}

static const tool_option_t *find_option(const tool_option_t *options, const char *word)
{
    size_t length = strcspn(word, "=");
    for (; options->name; options++) {
        if (strlen(options->name) == length && memcmp(options->name, word, length) == 0) {
            return options;
        }
    }
    return NULL;
}

int tool_options(const command_t *command, const tool_option_t *options, int *argc, char **argv)
{
    int operands = 0;
    for (int i = 0; i < *argc; i++) {
        char *word = argv[i];
        if (strcmp(word, "--") == 0) {
            while (++i < *argc) {
                argv[operands++] = argv[i];
            }
            break;
        }
        if (word[0] != '-' || word[1] == 0) {
            argv[operands++] = word;
            continue;
        }
        const tool_option_t *option = find_option(options, word);
        const char *equals = strchr(word, '=');
        if (!option) {
            return unknown_option(command, options, word);
        }
        if (option->flag) {
            if (equals) {
                return tool_fail("%s takes no value", option->name);
            }
            *option->flag = true;
        } else if (equals || i + 1 < *argc) {
            *option->value = equals ? equals + 1 : argv[++i];
        } else {
            return tool_fail("%s needs a value", option->name);
        }
    }
    *argc = operands;
    return -1;
}

int tool_operands(const command_t *command, int argc, int least, int most)
{
    if (argc >= least && argc <= most) {
        return -1;
    }
    (void)tool_fail(argc < least ? "something is missing" : "too many words");
    return usage_error(command);
}

bool tool_number(const char *option, const char *text, long least, long most, long *number)
{
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    if (errno == 0 && *text && *end == 0 && *number >= least && *number <= most) {
        return true;
    }
    (void)tool_fail("%s %s: a number from %ld to %ld expected", option, text, least, most);
    return false;
}

int tool_write(const buffer_t *text, int status)
{
    if (text->status != STATUS_OK) {
        return tool_fail("%s", status_text(text->status));
    }
    if ((text->size > 0 && fwrite(text->data, 1, text->size, stdout) != text->size) || fflush(stdout) != 0) {
        return tool_fail("cannot write: %s", strerror(errno));
    }
    return status;
}

int tool_write_json(json_t *value, int status)
{
    if (!value) {
        return tool_fail("%s", status_text(STATUS_NO_MEMORY));
    }
    int failed = json_dumpf(value, stdout, JSON_INDENT(2));
    json_decref(value);
    fputc('\n', stdout);
    if (failed || fflush(stdout) != 0) {
        return tool_fail("cannot write: %s", strerror(errno));
    }
    return status;
}
