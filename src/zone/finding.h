/* What is wrong with the data of a zone, as opposed to its text: findings carry owner and type, and get their place in the
 * zone file by a second pass that is only made when there are any (so a good zone pays nothing for places).
 *
 * Invariants: every finding is counted by its severity and code; FINDINGS_KEPT_MAX of each code are kept, so that a zone whose every
 * signature has expired still shows what else is wrong. A finding whose code the policy ignores is neither. One thread at a time.
 */
#pragma once

#include "base/diagnostic.h"
#include "base/status.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone_check_policy;    /* zone/check.h */
struct zone_parser_settings; /* zone/parser.h */

enum { FINDINGS_KEPT_MAX = 50 };

typedef struct zone_findings zone_findings_t;

typedef struct zone_finding {
    struct zone_finding *next;
    const char *code; /* static storage */
    diagnostic_severity_t severity;
    uint16_t type;         /* 0: the name as a whole */
    const uint8_t *owner;  /* wire, lower case; NULL: the zone as a whole */
    const uint8_t *target; /* wire, lower case: of the records of this owner and type, the one whose rdata ends with it; NULL: the first */
    const char *message;
    const char *hint; /* or NULL */
} zone_finding_t;

/* severity: the default of a code that zone/check.h does not list; the policy of the owner may change or silence it. owner: wire, any
 * case, or NULL. code: static storage. The message does not repeat the owner: whoever prints it puts the name before it. */
void zone_findings_add(zone_findings_t *findings, diagnostic_severity_t severity, const char *code, const uint8_t *owner, uint16_t type,
                       const char *hint, const char *format, ...) __attribute__((format(printf, 7, 8)));

/* The same for the one record of an RRset whose rdata ends with the name `target` (wire, any case): NS, MX, SRV. Severity: a warning
 * where zone/check.h does not list the code; no hint. */
void zone_findings_add_target(zone_findings_t *findings, const char *code, const uint8_t *owner, uint16_t type, const uint8_t *target,
                              const char *format, ...) __attribute__((format(printf, 6, 7)));

zone_findings_t *zone_findings_new(void); /* NULL without memory */
void zone_findings_free(zone_findings_t *findings);

/* Before the first finding; NULL: the default. The policy must outlive the findings. */
void zone_findings_set_policy(zone_findings_t *findings, const struct zone_check_policy *policy);
/* Would a finding of this code be counted? For checks that cost something. */
bool zone_findings_wanted(const zone_findings_t *findings, const char *code);
size_t zone_findings_errors(const zone_findings_t *findings);   /* all, kept or not */
size_t zone_findings_warnings(const zone_findings_t *findings); /* all, kept or not */
/* Those kept, in order of addition; NULL if none. */
const zone_finding_t *zone_findings_first(const zone_findings_t *findings);

/* Writes the findings, errors first, each in the order of the file, to `diagnostics`. Reads the zone file again to find the places; a
 * finding without a record of its own (a missing one) is shown at a record of its owner, or at the file as a whole. What was not kept is
 * named by its number. Only origin, rrclass,
 * file and the limits of `settings` are used. file NULL: no places. Needs no success: without memory, findings lack places. */
void zone_findings_report(const zone_findings_t *findings, const struct zone_parser_settings *settings, diagnostics_t *diagnostics);
