/* What operators want to hear about a zone before it is served: each check has a stable code and a policy, error or warning or silence.
 *
 * Defaults follow the RFCs and the custom of BIND, NSD and Knot: an error is what an RFC forbids and no server could serve sensibly; all
 * else that is odd is a warning, so that odd but legal zones load. What cannot be read or kept has codes as well ("bad-rdata",
 * "too-many-records", those of zone/parser.h), but no policy: it is always an error.
 */
#pragma once

#include "base/diagnostic.h"
#include "base/status.h"
#include "zone/contents.h"
#include "zone/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum zone_check_action { ZONE_CHECK_IGNORE, ZONE_CHECK_WARNING, ZONE_CHECK_ERROR } zone_check_action_t;

typedef struct zone_check_code {
    const char *code; /* kebab-case, stable */
    zone_check_action_t normal;
    bool tells_of_absence; /* may only mean that a record in error was left out */
    const char *summary;   /* for the reference page */
} zone_check_code_t;

enum { ZONE_CHECK_CODES_MAX = 96 };

typedef struct zone_check_policy {
    uint8_t action[ZONE_CHECK_CODES_MAX]; /* zone_check_action_t, by index in zone_check_codes() */
    uint32_t now_s;                       /* seconds since 1970, to judge signatures by; 0: their times are not judged */
    /* For zone_load() */
    bool regular_files_only;                           /* a pipe or device is an error */
    void (*included)(void *context, const char *path); /* hears of each file that is included, before it is opened; NULL: nobody */
    void *context;
} zone_check_policy_t;

/* Index of a code in zone_check_codes(), or ZONE_CHECK_CODES_MAX. */
size_t zone_check_index(const char *code);
/* All codes, in alphabetical order. */
const zone_check_code_t *zone_check_codes(size_t *count);
/* The defaults; now_s 0. */
void zone_check_policy_init(zone_check_policy_t *policy);
/* code: one of zone_check_codes(), or "all"; action: "error", "warning", "ignore". STATUS_NOT_FOUND: no such code; STATUS_INVALID: no such
 * action. */
status_t zone_check_policy_set(zone_check_policy_t *policy, const char *code, const char *action) MUST_USE;
/* Silences all codes that tell of absence: for a zone whose text has errors, so that one mistake is reported once. */
void zone_check_policy_drop_absence(zone_check_policy_t *policy);
/* policy NULL: the default. Codes that are not listed: `normal`. */
zone_check_action_t zone_check_policy_get(const zone_check_policy_t *policy, const char *code, zone_check_action_t normal);
/* A code close to a mistyped one, or NULL. */
const char *zone_check_suggest(const char *code);

/* Runs all checks that the policy of `findings` does not ignore. Cost: one pass over the zone; signed zones add one over their denial
 * chain; ZONEMD a digest of the whole zone;
 * "rrsig-invalid", which is ignored by default, a public-key operation for each signature. STATUS_NO_MEMORY. */
status_t zone_check(const zone_contents_t *contents, const zone_check_policy_t *policy, zone_findings_t *findings) MUST_USE;
