/* What a validator tells the world about the keys that it trusts: to the zone (RFC 8145) and to who asks by a special label (RFC 8509).
 * Pure; any thread. */
#pragma once

#include "resolver/trust.h"

#include <stdbool.h>
#include <stdint.h>

/* The name whose type NULL is asked to tell a zone which of its keys are trusted: "_ta-4a5c-9728." (RFC 8145 5.1). False: no anchors, or
 * more than one label holds. */
bool signal_key_tags_name(const trust_point_t *point, name_t *name);

typedef enum sentinel { SENTINEL_NONE, SENTINEL_AS_IT_IS, SENTINEL_FAILS } sentinel_t;
/* What becomes of a secure answer to (name, in lower case, type) that was asked for with CD clear (RFC 8509 2.2): nothing special; given as
 * it is; SERVFAIL. */
sentinel_t signal_sentinel(const resolver_trust_t *trust, const uint8_t *name, uint16_t type);
