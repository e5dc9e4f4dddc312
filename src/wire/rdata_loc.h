/* LOC in text (RFC 1876 3). Private to the rdata implementation. */
#pragma once

#include "base/buffer.h"

#include <stdint.h>

/* The 16 octets of version 0, checked. */
void rdata_print_loc(const uint8_t *rdata, buffer_t *out);
