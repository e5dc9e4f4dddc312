#include "zone/finding.h"

#include "base/arena.h"
#include "wire/rdata.h"
#include "zone/check.h"
#include "zone/parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FINDINGS_ARENA_MAX = 8 << 20 };

struct zone_findings {
    const zone_check_policy_t *policy;
    arena_t arena;
    zone_finding_t *first;
    zone_finding_t *last;
    size_t kept;
    size_t count[2]; /* by severity */
    struct {
        const char *code;
        diagnostic_severity_t severity;
        size_t kept;
        size_t count;
    } codes[ZONE_CHECK_CODES_MAX + 1]; /* by zone_check_index() */
};

zone_findings_t *zone_findings_new(void)
{
    zone_findings_t *findings = calloc(1, sizeof *findings);
    if (findings) {
        arena_init(&findings->arena, 0, FINDINGS_ARENA_MAX);
    }
    return findings;
}

void zone_findings_free(zone_findings_t *findings)
{
    if (findings) {
        arena_clear(&findings->arena);
        free(findings);
    }
}

void zone_findings_set_policy(zone_findings_t *findings, const zone_check_policy_t *policy)
{
    findings->policy = policy;
}

bool zone_findings_wanted(const zone_findings_t *findings, const char *code)
{
    return zone_check_policy_get(findings->policy, code, ZONE_CHECK_WARNING) != ZONE_CHECK_IGNORE;
}

size_t zone_findings_errors(const zone_findings_t *findings)
{
    return findings->count[DIAGNOSTIC_ERROR];
}

size_t zone_findings_warnings(const zone_findings_t *findings)
{
    return findings->count[DIAGNOSTIC_WARNING];
}

const zone_finding_t *zone_findings_first(const zone_findings_t *findings)
{
    return findings->first;
}

/* True with *copy NULL for name NULL. */
static bool copy_lower(zone_findings_t *findings, const uint8_t *name, const uint8_t **copy)
{
    *copy = NULL;
    if (!name) {
        return true;
    }
    size_t length = name_length(name);
    uint8_t *lower = arena_alloc(&findings->arena, length + NAME_PADDING);
    if (!lower) {
        return false;
    }
    memcpy(lower, name, length);
    name_lower(lower, length);
    *copy = lower;
    return true;
}

static zone_finding_t *new_finding(zone_findings_t *findings, const zone_finding_t *wanted, const char *message)
{
    zone_finding_t *finding = arena_alloc(&findings->arena, sizeof *finding);
    if (!finding) {
        return NULL;
    }
    *finding = (zone_finding_t){.code = wanted->code, .type = wanted->type};
    finding->message = arena_strndup(&findings->arena, message, strlen(message));
    if (!copy_lower(findings, wanted->owner, &finding->owner) || !copy_lower(findings, wanted->target, &finding->target)) {
        return NULL;
    }
    if (wanted->hint) {
        finding->hint = arena_strndup(&findings->arena, wanted->hint, strlen(wanted->hint));
    }
    return finding->message ? finding : NULL;
}

/* wanted: all but message, next, and severity (the one for codes that are not listed). */
static __attribute__((format(printf, 3, 0))) void add_finding(zone_findings_t *findings, const zone_finding_t *wanted, const char *format,
                                                              va_list arguments)
{
    zone_check_action_t normal = wanted->severity == DIAGNOSTIC_ERROR ? ZONE_CHECK_ERROR : ZONE_CHECK_WARNING;
    zone_check_action_t action = zone_check_policy_get(findings->policy, wanted->code, normal);
    if (action == ZONE_CHECK_IGNORE) {
        return;
    }
    diagnostic_severity_t severity = action == ZONE_CHECK_ERROR ? DIAGNOSTIC_ERROR : DIAGNOSTIC_WARNING;
    size_t index = zone_check_index(wanted->code);
    findings->count[severity]++;
    findings->codes[index].count++;
    findings->codes[index].code = wanted->code;
    findings->codes[index].severity = severity;
    if (findings->codes[index].kept >= FINDINGS_KEPT_MAX) {
        return;
    }
    char message[768];
    vsnprintf(message, sizeof message, format, arguments);
    zone_finding_t *finding = new_finding(findings, wanted, message);
    if (!finding) {
        return;
    }
    finding->severity = severity;
    findings->kept++;
    findings->codes[index].kept++;
    *(findings->last ? &findings->last->next : &findings->first) = finding;
    findings->last = finding;
}

void zone_findings_add(zone_findings_t *findings, diagnostic_severity_t severity, const char *code, const uint8_t *owner, uint16_t type,
                       const char *hint, const char *format, ...)
{
    zone_finding_t wanted = {.code = code, .severity = severity, .type = type, .owner = owner, .hint = hint};
    va_list arguments;
    va_start(arguments, format);
    add_finding(findings, &wanted, format, arguments);
    va_end(arguments);
}

void zone_findings_add_target(zone_findings_t *findings, const char *code, const uint8_t *owner, uint16_t type, const uint8_t *target,
                              const char *format, ...)
{
    zone_finding_t wanted = {.code = code, .severity = DIAGNOSTIC_WARNING, .type = type, .owner = owner, .target = target};
    va_list arguments;
    va_start(arguments, format);
    add_finding(findings, &wanted, format, arguments);
    va_end(arguments);
}

/* ---- places: the second pass ---- */

enum { SEEN_MAX = 4096 };

/* A finding that looks for its record. */
typedef struct seeker {
    const zone_finding_t *finding;
    struct seeker *next; /* of the same hash bucket */
    bool found;          /* place is set */
    bool settled;        /* and need not get better */
    uint32_t ttl_s;      /* of the first record of this owner and type */
    uint64_t *seen;      /* duplicate-record: hashes of the rdata met so far */
    size_t seen_count;
    size_t order; /* of addition */
    diagnostic_place_t place;
} seeker_t;

typedef struct search {
    seeker_t *seekers;
    size_t count;
    size_t unsettled;
    seeker_t **buckets;
    size_t mask;
    arena_t arena; /* texts of the places */
} search_t;

static uint64_t hash_owner(const uint8_t *owner, size_t length)
{
    uint8_t lower[NAME_WIRE_MAX + 1 + NAME_PADDING];
    memcpy(lower, owner, length);
    name_lower(lower, length);
    return name_hash(lower);
}

static void take_place(search_t *search, seeker_t *seeker, const diagnostic_place_t *place)
{
    enum { SHOWN_MAX = 512 };
    const char *file = seeker->place.file;
    if (!file || strcmp(file, place->file) != 0) {
        file = arena_strndup(&search->arena, place->file, strlen(place->file));
    }
    seeker->found = file != NULL;
    seeker->place = *place;
    seeker->place.file = file;
    seeker->place.source = NULL;
    if (place->source) {
        seeker->place.source_length = place->source_length > SHOWN_MAX ? SHOWN_MAX : place->source_length;
        seeker->place.source = arena_strndup(&search->arena, place->source, seeker->place.source_length);
    }
}

/* The second of two equal records. False: not met yet. */
static bool is_repeated(seeker_t *seeker, const zone_record_t *record)
{
    uint8_t rdata[RDATA_MAX];
    memcpy(rdata, record->rdata, record->rdlength);
    rdata_canonicalize(record->type, rdata, record->rdlength);
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: the operator's own data */
    for (size_t i = 0; i < record->rdlength; i++) {
        hash = (hash ^ rdata[i]) * UINT64_C(0x100000001b3);
    }
    for (size_t i = 0; i < seeker->seen_count; i++) {
        if (seeker->seen[i] == hash) {
            return true;
        }
    }
    if (!seeker->seen) {
        seeker->seen = calloc(SEEN_MAX, sizeof *seeker->seen);
    }
    if (seeker->seen && seeker->seen_count < SEEN_MAX) {
        seeker->seen[seeker->seen_count++] = hash;
    }
    return false;
}

static bool ends_with_name(const zone_record_t *record, const uint8_t *name)
{
    size_t length = name_length(name);
    uint8_t lower[NAME_WIRE_MAX + 1 + NAME_PADDING];
    if (record->rdlength < length) {
        return false;
    }
    memcpy(lower, record->rdata + record->rdlength - length, length);
    name_lower(lower, length);
    return memcmp(lower, name, length) == 0;
}

/* Which record of its owner and type does a finding mean? The first, but: the one with its target, the repeated one of duplicates, the
 * later one of several SOA, CNAME, DNAME, the one whose TTL differs. */
static void consider(search_t *search, seeker_t *seeker, const zone_record_t *record)
{
    const char *code = seeker->finding->code;
    bool first = !seeker->found;
    bool better = first;
    bool settled = true;
    if (seeker->finding->type != 0 && seeker->finding->type != record->type) {
        if (first) {
            take_place(search, seeker, record->place); /* a record of this owner is better than none */
            seeker->ttl_s = UINT32_MAX;
        }
        return;
    }
    if (seeker->ttl_s == UINT32_MAX) {
        first = better = true;
    }
    if (seeker->finding->target) {
        settled = ends_with_name(record, seeker->finding->target);
        better |= settled;
    } else if (strcmp(code, "duplicate-record") == 0) {
        settled = is_repeated(seeker, record);
        better |= settled;
    } else if (strncmp(code, "multiple-", 9) == 0) {
        settled = !first;
        better = true;
    } else if (strcmp(code, "ttl-mismatch") == 0) {
        settled = !first && record->ttl_s != seeker->ttl_s;
        better |= settled;
    }
    if (better) {
        take_place(search, seeker, record->place);
    }
    if (first) {
        seeker->ttl_s = record->ttl_s;
    }
    seeker->settled = settled;
    search->unsettled -= settled;
}

static status_t search_record(void *context, const zone_record_t *record)
{
    search_t *search = context;
    size_t length = name_length(record->owner);
    for (seeker_t *seeker = search->buckets[hash_owner(record->owner, length) & search->mask]; seeker; seeker = seeker->next) {
        if (!seeker->settled && name_equal(seeker->finding->owner, record->owner)) {
            consider(search, seeker, record);
        }
    }
    return search->unsettled > 0 ? STATUS_OK : STATUS_END;
}

static bool search_init(search_t *search, const zone_findings_t *findings)
{
    size_t count = findings->kept;
    size_t buckets = 64;
    while (buckets < count * 2) {
        buckets *= 2;
    }
    *search = (search_t){.count = count, .mask = buckets - 1};
    arena_init(&search->arena, 0, FINDINGS_ARENA_MAX);
    search->seekers = calloc(count ? count : 1, sizeof *search->seekers);
    search->buckets = calloc(buckets, sizeof *search->buckets);
    if (!search->seekers || !search->buckets) {
        return false;
    }
    size_t i = 0;
    for (const zone_finding_t *finding = findings->first; finding; finding = finding->next, i++) {
        seeker_t *seeker = &search->seekers[i];
        *seeker = (seeker_t){.finding = finding, .order = i};
        if (finding->owner) {
            seeker_t **bucket = &search->buckets[name_hash(finding->owner) & search->mask];
            seeker->next = *bucket;
            *bucket = seeker;
            search->unsettled++;
        }
    }
    return true;
}

static void search_clear(search_t *search)
{
    for (size_t i = 0; search->seekers && i < search->count; i++) {
        free(search->seekers[i].seen);
    }
    free(search->seekers);
    free(search->buckets);
    arena_clear(&search->arena);
}

static int compare_seekers(const void *a, const void *b)
{
    const seeker_t *one = a;
    const seeker_t *other = b;
    if (one->finding->severity != other->finding->severity) {
        return one->finding->severity == DIAGNOSTIC_ERROR ? -1 : 1;
    }
    int files = one->found && other->found ? strcmp(one->place.file, other->place.file) : (int)one->found - (int)other->found;
    if (files != 0) {
        return files;
    }
    if (one->place.line != other->place.line) {
        return one->place.line < other->place.line ? -1 : 1;
    }
    return one->order < other->order ? -1 : 1;
}

static void write_finding(const zone_finding_t *finding, const diagnostic_place_t *place, diagnostics_t *diagnostics)
{
    char owner[NAME_TEXT_MAX] = "";
    if (finding->owner) {
        name_to_text(finding->owner, owner);
    }
    diagnostics_add(diagnostics, finding->severity, finding->code, place, finding->hint, "%s%s%s [%s]", owner, finding->owner ? ": " : "",
                    finding->message, finding->code);
}

void zone_findings_report(const zone_findings_t *findings, const zone_parser_settings_t *settings, diagnostics_t *diagnostics)
{
    diagnostic_place_t whole = {.file = settings->file ? settings->file : "(zone)"};
    search_t search;
    bool ready = findings->first && search_init(&search, findings);
    struct stat identity; /* a pipe cannot be read twice, and waiting for its next writer would be for ever */
    if (ready && search.unsettled > 0 && settings->file && stat(settings->file, &identity) == 0 && S_ISREG(identity.st_mode)) {
        diagnostics_t ignored;
        diagnostics_init(&ignored, 1);
        zone_parser_settings_t again = *settings;
        again.diagnostics = &ignored;
        again.record = search_record;
        again.context = &search;
        again.included = NULL;
        status_t status = zone_parse_file(&again);
        (void)status; /* what can be found was found */
        diagnostics_clear(&ignored);
    }
    if (ready) {
        qsort(search.seekers, search.count, sizeof *search.seekers, compare_seekers);
        for (size_t i = 0; i < search.count; i++) {
            const seeker_t *seeker = &search.seekers[i];
            write_finding(seeker->finding, seeker->found ? &seeker->place : &whole, diagnostics);
        }
    } else {
        for (const zone_finding_t *finding = findings->first; finding; finding = finding->next) {
            write_finding(finding, &whole, diagnostics);
        }
    }
    if (findings->first) {
        search_clear(&search);
    }
    for (size_t i = 0; i <= ZONE_CHECK_CODES_MAX; i++) {
        size_t more = findings->codes[i].count - findings->codes[i].kept;
        if (more > 0) {
            diagnostics_add(diagnostics, findings->codes[i].severity, findings->codes[i].code, &whole, NULL, "%s: %zu more like these",
                            findings->codes[i].code, more);
            *(findings->codes[i].severity == DIAGNOSTIC_ERROR ? &diagnostics->errors : &diagnostics->warnings) += more - 1;
            diagnostics->told += more - 1;
        }
    }
}
