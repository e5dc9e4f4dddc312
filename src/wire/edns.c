#include "wire/edns.h"

#include "base/require.h"

enum { OPTION_HEADER_SIZE = 4, COOKIE_CLIENT_SIZE = 8, COOKIE_FULL_MIN = 16, COOKIE_FULL_MAX = 40 };

/* The first COOKIE counts, whatever its worth (RFC 7873 5.2). */
static void read_cookie(edns_t *edns, const uint8_t *data, uint16_t length)
{
    if (edns->cookie_length != 0 || edns->cookie_malformed) {
        return;
    }
    if (length != COOKIE_CLIENT_SIZE && (length < COOKIE_FULL_MIN || length > COOKIE_FULL_MAX)) {
        edns->cookie_malformed = true;
        return;
    }
    edns->cookie_length = (uint8_t)length;
    memcpy(edns->cookie, data, COOKIE_CLIENT_SIZE);
    if (UNLIKELY(length > COOKIE_CLIENT_SIZE)) {
        memcpy(edns->cookie + COOKIE_CLIENT_SIZE, data + COOKIE_CLIENT_SIZE, (size_t)length - COOKIE_CLIENT_SIZE);
    }
}

static void read_option(edns_t *edns, uint16_t code, const uint8_t *data, uint16_t length)
{
    switch (code) {
    case EDNS_COOKIE:
        read_cookie(edns, data, length);
        break;
    case EDNS_NSID: /* a payload in a query is ignored (RFC 5001 2.1) */
        edns->nsid_wanted = true;
        break;
    case EDNS_TCP_KEEPALIVE:
        edns->keepalive_wanted = true;
        break;
    case EDNS_PADDING:
        edns->padding_wanted = true;
        break;
    case EDNS_EXPIRE:
        edns->expire_wanted = true;
        break;
    case EDNS_ZONEVERSION:
        edns->zoneversion_wanted = true;
        break;
    default: /* unknown options are ignored (RFC 6891 6.1.2) */
        break;
    }
}

void edns_read_options(edns_t *edns, const uint8_t *rdata, uint16_t size)
{
    const uint8_t *end = rdata + size;
    edns->options = rdata;
    edns->options_size = size;
    for (unsigned seen = 0; rdata < end && seen < EDNS_OPTIONS_MAX; seen++) {
        size_t left = (size_t)(end - rdata);
        if (UNLIKELY(left < OPTION_HEADER_SIZE || left - OPTION_HEADER_SIZE < load_be16(rdata + 2))) {
            edns->malformed = true;
            return;
        }
        uint16_t length = load_be16(rdata + 2);
        read_option(edns, load_be16(rdata), rdata + OPTION_HEADER_SIZE, length);
        rdata += OPTION_HEADER_SIZE + length;
    }
}
