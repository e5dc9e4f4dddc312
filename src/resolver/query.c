#include "resolver/query.h"

#include "base/require.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <string.h>

size_t query_write(const query_shape_t *shape, uint8_t out[static QUERY_SIZE_MAX])
{
    message_writer_t writer;
    uint16_t flags = (uint16_t)((shape->recursion_desired ? FLAG_RD : 0) | (shape->checking_disabled ? FLAG_CD : 0));
    message_writer_init(&writer, out, QUERY_SIZE_MAX, shape->id, flags);
    message_write_question(&writer, shape->name, shape->type, CLASS_IN);
    if (shape->edns) {
        uint8_t options[4 + QUERY_COOKIE_SIZE + INFRA_COOKIE_MAX];
        byte_writer_t bytes = byte_writer(options, sizeof options);
        if (shape->client_cookie) {
            byte_write_u16(&bytes, EDNS_COOKIE);
            byte_write_u16(&bytes, (uint16_t)(QUERY_COOKIE_SIZE + shape->server_cookie_size));
            byte_write(&bytes, shape->client_cookie, QUERY_COOKIE_SIZE);
            byte_write(&bytes, shape->server_cookie, shape->server_cookie_size);
        }
        REQUIRE(!bytes.failed);
        status_t status = message_write_opt(&writer, shape->udp_size, 0, 0, EDNS_FLAG_DO, options, bytes.position);
        REQUIRE(status == STATUS_OK);
    }
    size_t size = message_writer_finish(&writer);
    REQUIRE(size > 0);
    return size;
}

void query_randomise_case(uint8_t *name, size_t length, uint64_t random[static 4])
{
    for (size_t i = 0; i < length; i++) {
        bool is_letter = (name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z';
        if (is_letter && (random[i / 64 % 4] >> (i % 64) & 1)) {
            name[i] ^= 0x20;
        }
    }
}

void query_client_cookie(const siphash_key_t *secret, const resolver_address_t *server, uint8_t cookie[static QUERY_COOKIE_SIZE])
{
    uint64_t hash = siphash(secret, server->bytes, sizeof server->bytes);
    memcpy(cookie, &hash, sizeof hash);
}
