/* Arguments and JSON output of the zone-file commands. */
#pragma once

#include "base/diagnostic.h"
#include "base/status.h"
#include "wire/name.h"
#include "zone/check.h"
#include "zone/contents.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct zone_command {
    const char *usage;
    bool has_policy;       /* takes --policy, --time, --list, --json */
    bool has_zone;         /* the first operand is a zone; with operands_min < operands_max it may be left out */
    unsigned operands_min; /* zone included */
    unsigned operands_max;
} zone_command_t;

typedef struct zone_options {
    name_t zone;
    bool zone_given;
    uint16_t rrclass;
    const char *files[2]; /* "-" has become /dev/stdin */
    bool json;
    bool quiet;
    bool list; /* operands may be missing */
    zone_check_policy_t policy;
} zone_options_t;

/* False: the command cannot run (or its help was asked for); a message was written to standard error. */
bool zone_options_parse(zone_options_t *options, const zone_command_t *command, int argc, char **argv);

/* Every check with what it counts as by the policy, on standard output. False: it could not be written. */
bool zone_list_checks(const zone_options_t *options);

/* The result of a check on standard output: one object. False: it could not be made or written (a message was written). contents may be
 * NULL. */
bool zone_report_json(const zone_options_t *options, status_t status, const zone_contents_t *contents, const diagnostics_t *diagnostics);
