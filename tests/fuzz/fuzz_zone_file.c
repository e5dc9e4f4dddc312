/* Zone-file text: both ways of parsing must agree; a zone that loads must come back the same from its canonical text. */
#include "fuzz.h"

#include "base/require.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/builder.h"
#include "zone/check.h"
#include "zone/format.h"
#include "zone/parser.h"

#include <string.h>

static const uint8_t origin[32] = "\7example\3com";

typedef struct trial {
    uint64_t hash; /* of all records and their places */
    zone_builder_t *builder;
    zone_findings_t *findings;
} trial_t;

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static status_t take(void *context, const zone_record_t *record)
{
    trial_t *trial = context;
    REQUIRE(rdata_check(record->type, record->rrclass, record->rdata, record->rdlength) == STATUS_OK);
    REQUIRE(record->place->line > 0 && record->place->column > 0);
    trial->hash = mix(trial->hash, record->owner, name_length(record->owner));
    trial->hash = mix(trial->hash, &record->type, sizeof record->type);
    trial->hash = mix(trial->hash, &record->rrclass, sizeof record->rrclass);
    trial->hash = mix(trial->hash, &record->ttl_s, sizeof record->ttl_s);
    trial->hash = mix(trial->hash, record->rdata, record->rdlength);
    trial->hash = mix(trial->hash, &record->place->line, sizeof record->place->line);
    trial->hash = mix(trial->hash, &record->place->column, sizeof record->place->column);
    if (!trial->builder) {
        return STATUS_OK;
    }
    return zone_builder_add(trial->builder, record->owner, record->type, record->rrclass, record->ttl_s, record->rdata, record->rdlength,
                            trial->findings);
}

/* Returns a hash of all that the parser said. */
static uint64_t parse(trial_t *trial, const void *text, size_t size, bool general_path_only)
{
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 100);
    zone_parser_settings_t settings = {
        .origin = origin,
        .rrclass = CLASS_IN,
        .file = "fuzz",
        .diagnostics = &diagnostics,
        .generate_max = 200,
        .general_path_only = general_path_only,
        .record = take,
        .context = trial,
    };
    trial->hash = 0;
    status_t status = zone_parse_text(&settings, text, size);
    REQUIRE((status == STATUS_OK) == (diagnostics.errors == 0) || trial->builder);
    buffer_t messages;
    buffer_init(&messages, SIZE_MAX);
    diagnostics_print(&diagnostics, &messages);
    uint64_t hash = mix(trial->hash, messages.data, messages.size);
    buffer_clear(&messages);
    diagnostics_clear(&diagnostics);
    return hash;
}

static status_t append(void *context, const void *text, size_t size)
{
    buffer_append(context, text, size);
    return STATUS_OK;
}

/* Builds a zone of the text's good records and writes it canonically; false if it is no zone. */
static bool build_and_format(const void *text, size_t size, buffer_t *out)
{
    trial_t trial = {.builder = zone_builder_new(origin, CLASS_IN), .findings = zone_findings_new()};
    const zone_contents_t *contents = NULL;
    REQUIRE(trial.builder && trial.findings);
    parse(&trial, text, size, false);
    bool built = zone_builder_finish(trial.builder, trial.findings, &contents) == STATUS_OK;
    if (built) {
        REQUIRE(zone_check(contents, NULL, trial.findings) == STATUS_OK);
        REQUIRE(zone_format(contents, append, out) == STATUS_OK);
        zone_contents_unref(contents);
    }
    zone_builder_free(trial.builder);
    zone_findings_free(trial.findings);
    return built;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    trial_t trial = {0};
    uint64_t first = parse(&trial, data, size, false);
    REQUIRE(parse(&trial, data, size, true) == first);
    buffer_t once;
    buffer_t twice;
    buffer_init(&once, SIZE_MAX);
    buffer_init(&twice, SIZE_MAX);
    if (build_and_format(data, size, &once)) {
        REQUIRE(build_and_format(once.data, once.size, &twice));
        REQUIRE(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    }
    buffer_clear(&once);
    buffer_clear(&twice);
    return 0;
}
