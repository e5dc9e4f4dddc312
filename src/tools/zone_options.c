#include "tools/zone_options.h"

#include "wire/rrtype.h"
#include "wire/text.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- arguments ---- */

static bool set_policy(zone_options_t *options, const char *argument)
{
    char code[64];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : 0;
    if (!equals || length >= sizeof code) {
        fprintf(stderr, "portolan: --policy %s: CODE=ACTION expected\n", argument);
        return false;
    }
    memcpy(code, argument, length);
    code[length] = 0;
    switch (zone_check_policy_set(&options->policy, code, equals + 1)) {
    case STATUS_OK:
        return true;
    case STATUS_NOT_FOUND: {
        const char *suggestion = zone_check_suggest(code);
        fprintf(stderr, "portolan: --policy %s: there is no check \"%s\"%s%s%s\n", argument, code, suggestion ? "; did you mean " : "",
                suggestion ? suggestion : "", suggestion ? "?" : "");
        return false;
    }
    default:
        fprintf(stderr, "portolan: --policy %s: \"%s\" is none of error, warning, ignore\n", argument, equals + 1);
        return false;
    }
}

static bool set_time(zone_options_t *options, const char *argument)
{
    if (text_to_time(argument, strlen(argument), &options->policy.now_s)) {
        return true;
    }
    fprintf(stderr, "portolan: --time %s: YYYYMMDDHHMMSS or seconds since 1970 expected\n", argument);
    return false;
}

static bool set_class(zone_options_t *options, const char *argument)
{
    if (rrclass_from_text(argument, strlen(argument), &options->rrclass) == STATUS_OK) {
        return true;
    }
    fprintf(stderr, "portolan: --class %s: unknown class\n", argument);
    return false;
}

/* An option with its value: --name VALUE or --name=VALUE. Returns the value, or NULL if argv[*at] is another option. *missing: it is this
 * one, and its value is not there. */
static const char *option_value(const char *name, int argc, char **argv, int *at, bool *missing)
{
    size_t length = strlen(name);
    const char *word = argv[*at];
    if (strncmp(word, name, length) != 0) {
        return NULL;
    }
    if (word[length] == '=') {
        return word + length + 1;
    }
    if (word[length] != 0) {
        return NULL;
    }
    *missing = *at + 1 >= argc;
    return *missing ? NULL : argv[++*at];
}

static bool parse_option(zone_options_t *options, const zone_command_t *command, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    const char *value;
    bool missing = false;
    if (strcmp(word, "--quiet") == 0) {
        options->quiet = true;
        return true;
    }
    if (command->has_policy && strcmp(word, "--json") == 0) {
        options->json = true;
        return true;
    }
    if (command->has_policy && strcmp(word, "--list") == 0) {
        options->list = true;
        return true;
    }
    if (command->has_policy && strcmp(word, "--verify") == 0) {
        return zone_check_policy_set(&options->policy, "rrsig-invalid", "error") == STATUS_OK;
    }
    if ((value = option_value("--class", argc, argv, at, &missing))) {
        return set_class(options, value);
    }
    if (command->has_policy && !missing && (value = option_value("--policy", argc, argv, at, &missing))) {
        return set_policy(options, value);
    }
    if (command->has_policy && !missing && (value = option_value("--time", argc, argv, at, &missing))) {
        return set_time(options, value);
    }
    if (missing) {
        fprintf(stderr, "portolan: %s needs a value\n", word);
    } else if (strcmp(word, "--help") != 0 && strcmp(word, "-h") != 0) {
        fprintf(stderr, "portolan: unknown option %s\n", word);
    }
    fprintf(stderr, "usage: %s\n", command->usage);
    return false;
}

static bool set_zone(zone_options_t *options, const char *text)
{
    static const uint8_t root[NAME_PADDING] = {0};
    if (name_from_text(&options->zone, text, strlen(text), root, NULL) != STATUS_OK) {
        fprintf(stderr, "portolan: \"%s\" is not a domain name\n", text);
        return false;
    }
    name_lower(options->zone.wire, options->zone.length);
    options->zone_given = true;
    return true;
}

bool zone_options_parse(zone_options_t *options, const zone_command_t *command, int argc, char **argv)
{
    const char *operands[3];
    unsigned count = 0;
    bool only_operands = false;
    *options = (zone_options_t){.rrclass = CLASS_IN};
    zone_check_policy_init(&options->policy);
    options->policy.now_s = (uint32_t)time(NULL);
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != 0) {
            if (!parse_option(options, command, argc, argv, &i)) {
                return false;
            }
        } else if (count < command->operands_max) {
            operands[count++] = argv[i];
        } else {
            fprintf(stderr, "portolan: one argument too many: %s\nusage: %s\n", argv[i], command->usage);
            return false;
        }
    }
    if (count < command->operands_min && !options->list) {
        fprintf(stderr, "usage: %s\n", command->usage);
        return false;
    }
    unsigned first_file = command->has_zone && count == command->operands_max ? 1 : 0;
    if (first_file == 1 && !set_zone(options, operands[0])) {
        return false;
    }
    for (unsigned i = first_file; i < count; i++) {
        options->files[i - first_file] = strcmp(operands[i], "-") == 0 ? "/dev/stdin" : operands[i];
    }
    return true;
}

/* ---- JSON ---- */

/* Zone files may hold any bytes; what is no UTF-8 is shown as \DDD. */
static json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    if (string) {
        return string;
    }
    buffer_t escaped;
    buffer_init(&escaped, SIZE_MAX);
    for (const char *p = text; *p != 0; p++) {
        if ((uint8_t)*p < 0x80) {
            buffer_append_byte(&escaped, (uint8_t)*p);
        } else {
            buffer_printf(&escaped, "\\%03u", (unsigned)(uint8_t)*p);
        }
    }
    string = json_string(buffer_text(&escaped));
    buffer_clear(&escaped);
    return string;
}

static json_t *json_finding(const diagnostic_t *entry)
{
    json_t *object = json_object();
    json_object_set_new(object, "severity", json_string(entry->severity == DIAGNOSTIC_ERROR ? "error" : "warning"));
    json_object_set_new(object, "code", json_string(entry->code));
    json_object_set_new(object, "file", json_text(entry->place.file ? entry->place.file : ""));
    if (entry->place.line > 0) {
        json_object_set_new(object, "line", json_integer(entry->place.line));
        json_object_set_new(object, "column", json_integer(entry->place.column));
    }
    json_object_set_new(object, "message", json_text(entry->message));
    if (entry->hint) {
        json_object_set_new(object, "hint", json_text(entry->hint));
    }
    return object;
}

static const char *const action_names[] = {[ZONE_CHECK_IGNORE] = "ignore", [ZONE_CHECK_WARNING] = "warning", [ZONE_CHECK_ERROR] = "error"};

bool zone_list_checks(const zone_options_t *options)
{
    size_t count;
    const zone_check_code_t *codes = zone_check_codes(&count);
    json_t *list = options->json ? json_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        const char *action = action_names[options->policy.action[i]];
        if (list) {
            json_array_append_new(list, json_pack("{ssssss}", "code", codes[i].code, "action", action, "summary", codes[i].summary));
        } else {
            printf("%-22s %-8s %s\n", codes[i].code, action, codes[i].summary);
        }
    }
    if (!list) {
        return true;
    }
    bool written = json_dumpf(list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0;
    printf("\n");
    json_decref(list);
    return written;
}

bool zone_report_json(const zone_options_t *options, status_t status, const zone_contents_t *contents, const diagnostics_t *diagnostics)
{
    char apex[NAME_TEXT_MAX];
    name_to_text(options->zone.wire, apex);
    json_t *report = json_object();
    json_object_set_new(report, "zone", json_text(apex));
    json_object_set_new(report, "file", json_text(options->files[0]));
    json_object_set_new(report, "loadable", json_boolean(status == STATUS_OK));
    if (contents) {
        zone_statistics_t statistics;
        zone_contents_statistics(contents, &statistics);
        json_object_set_new(report, "serial", json_integer(zone_head(contents)->serial));
        json_object_set_new(report, "records", json_integer((json_int_t)statistics.records));
        json_object_set_new(report, "rrsets", json_integer((json_int_t)statistics.rrsets));
        json_object_set_new(report, "names", json_integer((json_int_t)statistics.names));
    }
    json_object_set_new(report, "errors", json_integer((json_int_t)diagnostics->errors));
    json_object_set_new(report, "warnings", json_integer((json_int_t)diagnostics->warnings));
    json_t *findings = json_array();
    for (const diagnostic_t *entry = diagnostics->first; entry; entry = entry->next) {
        json_array_append_new(findings, json_finding(entry));
    }
    json_object_set_new(report, "findings", findings);
    bool written = json_dumpf(report, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0;
    printf("\n");
    json_decref(report);
    if (!written) {
        fprintf(stderr, "portolan: the report could not be written\n");
    }
    return written;
}
