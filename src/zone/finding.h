/* What is wrong with the data of a zone, as opposed to its text: findings carry owner and type, and get their place in the
 * zone file by a second pass that is only made when there are any (so a good zone pays nothing for places).
 */
#pragma once

#include "base/diagnostic.h"
#include "base/status.h"

#include <stdint.h>

typedef struct zone_findings zone_findings_t;

/* severity: the default of this code; the policy of the owner may change or silence it. */
void zone_findings_add(zone_findings_t *findings, diagnostic_severity_t severity, const char *code, const uint8_t *owner, uint16_t type,
                       const char *hint, const char *format, ...) __attribute__((format(printf, 7, 8)));

zone_findings_t *zone_findings_new(void); /* NULL without memory */
void zone_findings_free(zone_findings_t *findings);
