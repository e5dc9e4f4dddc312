/* Makes a signed zone out of an unsigned one, with signatures of the right form and size that verify nothing: for tests of what is
 * answered and what it costs. */
#pragma once

#include "zone/contents.h"

#include <stdbool.h>

/* NSEC, or NSEC3 without salt and additional iterations (RFC 9276). One reference, the caller's; NULL: out of memory. */
const zone_contents_t *fake_sign(const zone_contents_t *plain, bool nsec3, bool opt_out);
