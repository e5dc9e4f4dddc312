/* From a zone file to checked zone contents: parser, builder and checks in one call. The only way the server and the tools load a file. */
#pragma once

#include "base/diagnostic.h"
#include "base/status.h"
#include "zone/contents.h"

#include <stdint.h>

struct zone_check_policy; /* zone/check.h */

/* Parses, builds and checks. Errors and warnings, each with its place, go to diagnostics. *contents holds one reference on STATUS_OK only.
 * policy NULL: the default. Statuses: STATUS_MALFORMED / STATUS_INVALID (errors reported), STATUS_IO, STATUS_NO_MEMORY, STATUS_LIMIT,
 * STATUS_UNSUPPORTED (see the policy). */
status_t zone_load(const uint8_t *apex, uint16_t rrclass, const char *file, const struct zone_check_policy *policy,
                   diagnostics_t *diagnostics, const zone_contents_t **contents) MUST_USE;
