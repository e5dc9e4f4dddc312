/* How the tool is made: a table of commands (main.c), each a noun and perhaps a verb, and what all of them share.
 *
 * Exit statuses: 0 done and good; 1 the answer is a no (errors in a file, a zone that is not loaded, a finding); 2 trouble (usage, no
 * server, no memory).
 */
#pragma once

#include "base/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { TOOL_GOOD = 0, TOOL_NEGATIVE = 1, TOOL_TROUBLE = 2 };

/* What may stand anywhere on the command line. */
typedef struct tool {
    bool json;          /* --json */
    const char *socket; /* --socket PATH */
} tool_t;

typedef struct command {
    const char *noun;
    const char *verb;      /* NULL: the noun is the command */
    const char *arguments; /* as in a usage line: "[--effective] [FILE]" */
    const char *summary;   /* a phrase without a full stop */
    const char *details;   /* of --help, ends in a newline; or NULL */
    bool is_raw;           /* parses all of its words itself, --json and --help among them */
    /* argv: the words behind noun and verb. */
    int (*run)(const tool_t *tool, const struct command *command, int argc, char **argv);
} command_t;

/* An option of one command. */
typedef struct tool_option {
    const char *name;   /* "--tcp"; NULL ends the list */
    bool *flag;         /* set by the option, or: */
    const char **value; /* takes the word behind it, or behind '=' */
} tool_option_t;

/* Takes the options out of argv and leaves the operands in front; *argc is their count. "--" ends the options. -1: go on; otherwise the
 * exit status (a message was written). */
int tool_options(const command_t *command, const tool_option_t *options, int *argc, char **argv);
/* At least and at most so many operands; -1: go on; otherwise the exit status. */
int tool_operands(const command_t *command, int argc, int least, int most);
/* A whole number from least to most; false: a message was written. */
bool tool_number(const char *option, const char *text, long least, long most, long *number);

/* One line to standard error, "portolan: " in front; returns TOOL_TROUBLE. */
int tool_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Standard output as a whole; TOOL_TROUBLE if it cannot be written, else `status`. */
int tool_write(const buffer_t *text, int status);
/* The same for JSON, indented; takes the reference; NULL counts as no memory. */
int tool_write_json(json_t *value, int status);

/* ---- the commands ---- */

int run_config_check(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_config_show(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_config_schema(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_config_reference(const tool_t *tool, const command_t *command, int argc, char **argv);

int run_zone_list(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_zone_status(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_zone_reload(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_status(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_stats(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_reload(const tool_t *tool, const command_t *command, int argc, char **argv);

int run_cache_lookup(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_cache_flush(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_cache_stats(const tool_t *tool, const command_t *command, int argc, char **argv);

int run_trust_show(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_trust_refresh(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_nta_add(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_nta_remove(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_nta_list(const tool_t *tool, const command_t *command, int argc, char **argv);

int run_query(const tool_t *tool, const command_t *command, int argc, char **argv);
int run_check(const tool_t *tool, const command_t *command, int argc, char **argv);
