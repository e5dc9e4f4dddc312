/* QNAME minimisation (RFC 9156): how much of a name the next question shows.
 *
 * Invariants: every step shows more labels than the one before; after RESOLVER_MINIMISE_STEPS steps at the latest the whole name is asked.
 */
#pragma once

#include "wire/name.h"

#include <stdbool.h>

typedef struct minimise {
    bool enabled;   /* false: the whole name at once, until the next zone cut */
    unsigned steps; /* questions asked with less than the whole name, all zone cuts together */
    unsigned known; /* labels of the deepest name known to exist in the zone asked, or of the zone cut */
} minimise_t;

/* Labels of the name to be asked next, more than state->known unless that is all of them: one more for the first steps, then the rest
 * spread over the steps left (RFC 9156 2.3); a label that begins with an underscore is no boundary, so
 * the one before it is shown with it. */
unsigned minimise_next(const minimise_t *state, const name_key_t *name);
