#include "tools/zone_commands.h"

#include "tools/zone_options.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/check.h"
#include "zone/diff.h"
#include "zone/format.h"
#include "zone/loader.h"
#include "zone/parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_FINE = 0, EXIT_DIFFERENT = 1, EXIT_FINDINGS = 1, EXIT_TROUBLE = 2 };

/* Messages of a run of zone_load(); more than a person reads, few enough to print. */
enum { DIAGNOSTICS_SHOWN_MAX = 5000 };

static void print_diagnostics(const diagnostics_t *diagnostics)
{
    buffer_t out;
    buffer_init(&out, SIZE_MAX);
    diagnostics_print(diagnostics, &out);
    fwrite(out.data, 1, out.size, stderr);
    buffer_clear(&out);
}

static int exit_status_of(status_t status)
{
    switch (status) {
    case STATUS_OK:
        return EXIT_FINE;
    case STATUS_MALFORMED:
    case STATUS_INVALID:
        return EXIT_FINDINGS;
    default:
        return EXIT_TROUBLE;
    }
}

/* False when standard output could not take all that was written. */
static bool finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return true;
    }
    fprintf(stderr, "portolan: standard output: %s\n", strerror(errno));
    return false;
}

/* ---- zone check ---- */

static void print_summary(const zone_options_t *options, status_t status, const zone_contents_t *contents, const diagnostics_t *diagnostics)
{
    char apex[NAME_TEXT_MAX];
    name_to_text(options->zone.wire, apex);
    if (status == STATUS_OK) {
        zone_statistics_t statistics;
        zone_contents_statistics(contents, &statistics);
        printf("zone %s is fine: serial %u, %llu records, %llu names", apex, zone_head(contents)->serial,
               (unsigned long long)statistics.records, (unsigned long long)statistics.names);
    } else {
        printf("zone %s cannot be loaded: %zu error%s", apex, diagnostics->errors, diagnostics->errors == 1 ? "" : "s");
    }
    if (diagnostics->warnings > 0) {
        printf(", %zu warning%s", diagnostics->warnings, diagnostics->warnings == 1 ? "" : "s");
    }
    printf("\n");
}

int tool_zone_check(int argc, char **argv)
{
    static const zone_command_t command = {
        .usage = "portolan zone check [--json] [--quiet] [--verify] [--class CLASS] [--time TIME] [--policy CODE=ACTION]... ZONE FILE",
        .has_policy = true,
        .operands_min = 2,
        .operands_max = 2,
        .has_zone = true,
    };
    zone_options_t options;
    if (!zone_options_parse(&options, &command, argc, argv)) {
        return EXIT_TROUBLE;
    }
    if (options.list) {
        return zone_list_checks(&options) && finish_output() ? EXIT_FINE : EXIT_TROUBLE;
    }
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, DIAGNOSTICS_SHOWN_MAX);
    const zone_contents_t *contents = NULL;
    status_t status = zone_load(options.zone.wire, options.rrclass, options.files[0], &options.policy, &diagnostics, &contents);
    bool written = true;
    if (options.json) {
        written = zone_report_json(&options, status, contents, &diagnostics);
    } else {
        print_diagnostics(&diagnostics);
        if (!options.quiet) {
            print_summary(&options, status, contents, &diagnostics);
        }
    }
    if (contents) {
        zone_contents_unref(contents);
    }
    diagnostics_clear(&diagnostics);
    return finish_output() && written ? exit_status_of(status) : EXIT_TROUBLE;
}

/* ---- zone format ---- */

static status_t write_text(void *context, const void *text, size_t size)
{
    return fwrite(text, 1, size, context) == size ? STATUS_OK : STATUS_IO;
}

/* Loads a file for its records; only errors are told. */
static status_t load_quietly(const zone_options_t *options, const char *file, const zone_contents_t **contents)
{
    zone_check_policy_t policy;
    zone_check_policy_init(&policy);
    size_t count;
    const zone_check_code_t *codes = zone_check_codes(&count);
    for (size_t i = 0; i < count; i++) {
        policy.action[i] = codes[i].normal == ZONE_CHECK_ERROR ? ZONE_CHECK_ERROR : ZONE_CHECK_IGNORE;
    }
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, DIAGNOSTICS_SHOWN_MAX);
    status_t status = zone_load(options->zone.wire, options->rrclass, file, &policy, &diagnostics, contents);
    print_diagnostics(&diagnostics);
    diagnostics_clear(&diagnostics);
    return status;
}

int tool_zone_format(int argc, char **argv)
{
    static const zone_command_t command = {
        .usage = "portolan zone format [--class CLASS] ZONE FILE",
        .operands_min = 2,
        .operands_max = 2,
        .has_zone = true,
    };
    zone_options_t options;
    if (!zone_options_parse(&options, &command, argc, argv)) {
        return EXIT_TROUBLE;
    }
    const zone_contents_t *contents;
    status_t status = load_quietly(&options, options.files[0], &contents);
    if (status != STATUS_OK) {
        return exit_status_of(status);
    }
    status = zone_format(contents, write_text, stdout);
    zone_contents_unref(contents);
    return finish_output() && status == STATUS_OK ? EXIT_FINE : EXIT_TROUBLE;
}

/* ---- zone diff ---- */

typedef struct diff_output {
    buffer_t line;
    size_t removed;
    size_t added;
} diff_output_t;

static status_t print_change(void *context, const zone_change_t *change)
{
    diff_output_t *output = context;
    buffer_reset(&output->line);
    buffer_append_text(&output->line, change->is_added ? "+ " : "- ");
    zone_format_record(&output->line, change->owner, change->type, change->rrclass, change->ttl_s, change->rdata, change->rdlength);
    *(change->is_added ? &output->added : &output->removed) += 1;
    if (output->line.status != STATUS_OK) {
        return output->line.status;
    }
    return write_text(stdout, output->line.data, output->line.size);
}

static status_t find_apex(void *context, const zone_record_t *record)
{
    if (record->type != TYPE_SOA) {
        return STATUS_OK;
    }
    name_set(context, record->owner);
    return STATUS_END;
}

/* The owner of the first SOA of a file. */
static bool apex_of_file(zone_options_t *options, const char *file)
{
    static const uint8_t root[NAME_PADDING] = {0};
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    zone_parser_settings_t settings = {
        .origin = root,
        .rrclass = options->rrclass,
        .file = file,
        .diagnostics = &diagnostics,
        .allow_include = true,
        .record = find_apex,
        .context = &options->zone,
    };
    status_t status = zone_parse_file(&settings);
    if (status != STATUS_END) {
        print_diagnostics(&diagnostics);
        fprintf(stderr, "portolan: %s: no SOA record; name the zone: portolan zone diff ZONE A B\n", file);
    }
    diagnostics_clear(&diagnostics);
    return status == STATUS_END;
}

static int print_difference(const zone_options_t *options, const zone_contents_t *from, const zone_contents_t *to)
{
    diff_output_t output = {.removed = 0};
    buffer_init(&output.line, SIZE_MAX);
    status_t status = zone_diff(from, to, print_change, &output);
    buffer_clear(&output.line);
    if (!finish_output() || status != STATUS_OK) {
        fprintf(stderr, "portolan: %s\n", status_text(status));
        return EXIT_TROUBLE;
    }
    if (!options->quiet) {
        fprintf(stderr, "serial %u -> %u: %zu removed, %zu added\n", zone_head(from)->serial, zone_head(to)->serial, output.removed,
                output.added);
    }
    return output.removed + output.added > 0 ? EXIT_DIFFERENT : EXIT_FINE;
}

int tool_zone_diff(int argc, char **argv)
{
    static const zone_command_t command = {
        .usage = "portolan zone diff [--quiet] [--class CLASS] [ZONE] A B",
        .operands_min = 2,
        .operands_max = 3,
        .has_zone = true,
    };
    zone_options_t options;
    if (!zone_options_parse(&options, &command, argc, argv)) {
        return EXIT_TROUBLE;
    }
    if (!options.zone_given && !apex_of_file(&options, options.files[0])) {
        return EXIT_TROUBLE;
    }
    const zone_contents_t *from = NULL;
    const zone_contents_t *to = NULL;
    status_t from_status = load_quietly(&options, options.files[0], &from);
    status_t to_status = load_quietly(&options, options.files[1], &to);
    int exit_status = EXIT_TROUBLE;
    if (from_status == STATUS_OK && to_status == STATUS_OK) {
        exit_status = print_difference(&options, from, to);
    }
    if (from) {
        zone_contents_unref(from);
    }
    if (to) {
        zone_contents_unref(to);
    }
    return exit_status;
}
