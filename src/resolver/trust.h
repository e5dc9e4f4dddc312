/* What validation trusts without proof, and what it is told not to check.
 *
 * Immutable once handed to resolver_set_trust(); whoever made it keeps it until every resolver has been given another.
 */
#pragma once

#include "dnssec/algorithm.h"
#include "dnssec/trust_anchor.h"
#include "resolver/settings.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 7646: the name and all below it count as insecure, until a closer trust anchor. */
typedef struct negative_anchor {
    name_t name;      /* lower case */
    uint64_t until_s; /* Unix time; 0: no end */
} negative_anchor_t;

typedef struct resolver_trust {
    const trust_anchors_t *anchors; /* NULL: none, nothing is validated */
    const negative_anchor_t *negative;
    size_t negative_count;
} resolver_trust_t;

/* Which signatures these settings accept, for who checks some himself. Any thread. */
void validate_policy(const resolver_settings_t *settings, dnssec_policy_t *policy);
