/* portolan config check|show|schema|reference */
#include "control/config.h"
#include "control/schema.h"
#include "tools/command.h"

#include <stdio.h>
#include <string.h>

enum { OUTPUT_MAX_BYTES = 1024 * 1024 * 1024 };

static const char *file_of(int argc, char **argv)
{
    if (argc == 0) {
        return CONFIG_FILE_DEFAULT;
    }
    return strcmp(argv[0], "-") == 0 ? "/dev/stdin" : argv[0];
}

static void print_diagnostics(const diagnostics_t *diagnostics)
{
    buffer_t text;
    buffer_init(&text, OUTPUT_MAX_BYTES);
    diagnostics_print(diagnostics, &text);
    fputs(buffer_text(&text), stderr);
    buffer_clear(&text);
}

static int status_of(status_t status)
{
    switch (status) {
    case STATUS_OK:
        return TOOL_GOOD;
    case STATUS_INVALID:
        return TOOL_NEGATIVE;
    case STATUS_IO: /* said among the diagnostics */
        return TOOL_TROUBLE;
    default:
        return tool_fail("%s", status_text(status));
    }
}

/* A text that need not be UTF-8. */
static json_t *text_of(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

static json_t *findings(const diagnostics_t *diagnostics)
{
    json_t *list = json_array();
    for (const diagnostic_t *entry = diagnostics->first; entry; entry = entry->next) {
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o, s:I, s:I, s:o, s:o}", "severity", entry->severity == DIAGNOSTIC_ERROR ? "error" : "warning",
                            "code", entry->code, "file", text_of(entry->place.file), "line", (json_int_t)entry->place.line, "column",
                            (json_int_t)entry->place.column, "message", text_of(entry->message), "hint", text_of(entry->hint)));
    }
    return list;
}

int run_config_check(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    const tool_option_t none[] = {{NULL, NULL, NULL}};
    int done = tool_options(command, none, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 0, 1);
    if (done >= 0) {
        return done;
    }
    const char *file = file_of(argc, argv);
    server_settings_t *settings = NULL;
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    status_t status = config_load(file, &settings, &diagnostics);
    int result = status_of(status);
    size_t zones = settings ? settings->zone_count : 0;
    if (tool->json) {
        result = tool_write_json(json_pack("{s:b, s:s, s:I, s:I, s:I, s:o}", "valid", status == STATUS_OK, "file", file, "zones",
                                           (json_int_t)zones, "errors", (json_int_t)diagnostics.errors, "warnings",
                                           (json_int_t)diagnostics.warnings, "findings", findings(&diagnostics)),
                                 result);
    } else {
        print_diagnostics(&diagnostics);
        if (status == STATUS_OK) {
            printf("%s is fine: %zu zone%s\n", file, zones, zones == 1 ? "" : "s");
        } else if (status == STATUS_INVALID) {
            printf("%s cannot be used: %zu error%s\n", file, diagnostics.errors, diagnostics.errors == 1 ? "" : "s");
        }
    }
    server_settings_free(settings);
    diagnostics_clear(&diagnostics);
    return result;
}

int run_config_show(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    bool effective = false;
    const tool_option_t options[] = {{"--effective", &effective, NULL}, {NULL, NULL, NULL}};
    int done = tool_options(command, options, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 0, 1);
    if (done >= 0) {
        return done;
    }
    buffer_t text;
    diagnostics_t diagnostics;
    buffer_init(&text, OUTPUT_MAX_BYTES);
    diagnostics_init(&diagnostics, 0);
    status_t status = config_show(file_of(argc, argv), effective, tool->json ? CONFIG_JSON : CONFIG_YAML, &text, &diagnostics);
    print_diagnostics(&diagnostics);
    int result = status_of(status);
    if (status == STATUS_OK) {
        result = tool_write(&text, result);
    }
    buffer_clear(&text);
    diagnostics_clear(&diagnostics);
    return result;
}

int run_config_schema(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    (void)tool; /* it is JSON in any case */
    const tool_option_t none[] = {{NULL, NULL, NULL}};
    int done = tool_options(command, none, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 0, 0);
    if (done >= 0) {
        return done;
    }
    buffer_t text;
    buffer_init(&text, OUTPUT_MAX_BYTES);
    status_t status = config_schema_json(&text);
    int result = status == STATUS_OK ? tool_write(&text, TOOL_GOOD) : tool_fail("%s", status_text(status));
    buffer_clear(&text);
    return result;
}

int run_config_reference(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    bool manual = false;
    const tool_option_t options[] = {{"--manual", &manual, NULL}, {NULL, NULL, NULL}};
    int done = tool_options(command, options, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 0, 0);
    if (done >= 0) {
        return done;
    }
    if (tool->json) {
        return tool_fail("the reference is text: for JSON there is \"config schema\"");
    }
    buffer_t text;
    buffer_init(&text, OUTPUT_MAX_BYTES);
    if (manual) {
        config_reference_manual(&text);
    } else {
        config_reference_markdown(&text);
    }
    int result = tool_write(&text, TOOL_GOOD);
    buffer_clear(&text);
    return result;
}
