/* The message that asks a server. */
#pragma once

#include "base/siphash.h"
#include "resolver/infra.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    QUERY_COOKIE_SIZE = 8, /* of the client's part (RFC 7873 4) */
    QUERY_SIZE_MAX = 512,  /* header, one name, OPT with a cookie: always fits */
};

/* How one question is put to one server. */
typedef struct query_shape {
    const uint8_t *name; /* wire, in the case to be sent */
    uint16_t type;
    uint16_t id;
    bool recursion_desired; /* towards forwarders */
    bool checking_disabled; /* likewise: who validates wants what there is (RFC 6840 5.9) */
    bool edns;
    uint16_t udp_size;
    const uint8_t *client_cookie; /* QUERY_COOKIE_SIZE bytes; NULL: no cookie. Needs edns */
    const uint8_t *server_cookie;
    size_t server_cookie_size;
} query_shape_t;

/* Writes the message; returns its size. */
size_t query_write(const query_shape_t *shape, uint8_t out[static QUERY_SIZE_MAX]);
/* The first `length` bytes of a wire name with the case of each letter chosen by the bits of random (0x20). */
void query_randomise_case(uint8_t *name, size_t length, uint64_t random[static 4]);
/* The client's cookie for a server: a keyed hash of its address, so that no two servers can link us (RFC 7873 4.1, 9018 4.1). */
void query_client_cookie(const siphash_key_t *secret, const resolver_address_t *server, uint8_t cookie[static QUERY_COOKIE_SIZE]);
