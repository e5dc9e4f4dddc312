/* SvcParams of SVCB and HTTPS (RFC 9460; dohpath RFC 9461, ohttp RFC 9540). Private to the rdata implementation. */
#pragma once

#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SVCB_MANDATORY = 0,
    SVCB_ALPN = 1,
    SVCB_NO_DEFAULT_ALPN = 2,
    SVCB_PORT = 3,
    SVCB_IPV4HINT = 4,
    SVCB_ECH = 5,
    SVCB_IPV6HINT = 6,
    SVCB_DOHPATH = 7,
    SVCB_OHTTP = 8,
};

/* Name of a key, or NULL: keyNNNNN. */
const char *rdata_svcb_key_name(uint16_t key);
/* The parameters, each behind a blank; they have passed the check. */
void rdata_print_svcparams(const uint8_t *params, size_t length, buffer_t *out);
