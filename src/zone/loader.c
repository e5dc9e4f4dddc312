#include "zone/loader.h"

#include "zone/builder.h"
#include "zone/check.h"
#include "zone/finding.h"
#include "zone/parser.h"

typedef struct loader {
    zone_builder_t *builder;
    zone_findings_t *findings;
    zone_check_policy_t policy;
} loader_t;

static status_t take_record(void *context, const zone_record_t *record)
{
    loader_t *loader = context;
    status_t status = zone_builder_add(loader->builder, record->owner, record->type, record->rrclass, record->ttl_s, record->rdata,
                                       record->rdlength, loader->findings);
    return status == STATUS_INVALID ? STATUS_OK : status; /* a finding says why, and the policy how grave it is */
}

static status_t build_and_check(loader_t *loader, const zone_contents_t **contents)
{
    const zone_contents_t *built = NULL;
    status_t status = zone_builder_finish(loader->builder, loader->findings, &built);
    if (status == STATUS_OK) {
        status = zone_check(built, &loader->policy, loader->findings);
    }
    if (status == STATUS_OK && zone_findings_errors(loader->findings) > 0) {
        status = STATUS_INVALID;
    }
    if (status == STATUS_OK) {
        *contents = built;
    } else if (built) {
        zone_contents_unref(built);
    }
    return status;
}

/* Parse errors end the loading, but what else is wrong is to be told in the same run. */
static status_t load(loader_t *loader, const zone_parser_settings_t *settings, const zone_contents_t **contents)
{
    status_t parsed = zone_parse_file(settings);
    if (parsed != STATUS_OK && parsed != STATUS_MALFORMED) {
        return parsed;
    }
    if (parsed == STATUS_MALFORMED) {
        zone_check_policy_drop_absence(&loader->policy);
    }
    status_t status = build_and_check(loader, contents);
    zone_findings_report(loader->findings, settings, settings->diagnostics);
    if (status == STATUS_OK && parsed != STATUS_OK) {
        zone_contents_unref(*contents);
        *contents = NULL;
    }
    return status == STATUS_OK || status == STATUS_INVALID ? (parsed != STATUS_OK ? parsed : status) : status;
}

static void report_trouble(diagnostics_t *diagnostics, const char *file, status_t status)
{
    diagnostic_place_t whole = {.file = file};
    if (diagnostics->errors == 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, "trouble", &whole, NULL, "cannot be loaded: %s", status_text(status));
    }
}

status_t zone_load(const uint8_t *apex, uint16_t rrclass, const char *file, const struct zone_check_policy *policy,
                   diagnostics_t *diagnostics, const zone_contents_t **contents)
{
    loader_t loader = {.builder = zone_builder_new(apex, rrclass), .findings = zone_findings_new()};
    *contents = NULL;
    if (policy) {
        loader.policy = *policy;
    } else {
        zone_check_policy_init(&loader.policy);
    }
    zone_parser_settings_t settings = {
        .origin = apex,
        .rrclass = rrclass,
        .file = file,
        .diagnostics = diagnostics,
        .allow_include = true,
        .regular_files_only = loader.policy.regular_files_only,
        .record = take_record,
        .context = &loader,
        .included = loader.policy.included,
        .included_context = loader.policy.context,
    };
    status_t status = STATUS_NO_MEMORY;
    if (loader.builder && loader.findings) {
        zone_findings_set_policy(loader.findings, &loader.policy);
        status = load(&loader, &settings, contents);
    }
    if (status != STATUS_OK) {
        report_trouble(diagnostics, file, status);
    }
    zone_builder_free(loader.builder);
    zone_findings_free(loader.findings);
    return status;
}
