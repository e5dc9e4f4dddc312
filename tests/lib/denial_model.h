/* What a zone's data says of a name, without cleverness; and what its NSEC or NSEC3 records prove, compared with it. */
#pragma once

#include "signed_zone.h"

#include <stdbool.h>
#include <stdint.h>

/* Asks about `names` names made of the zone's own labels. All records that match or cover a name in question are given to the proof, and
 * then random subsets of them: the whole must prove what is so, nothing may prove what is not. Returns how many answers were wrong, each
 * told of on standard error (the first twenty); prints the figures. */
unsigned denial_model_compare(const signed_zone_t *zone, unsigned names);
