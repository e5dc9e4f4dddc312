#include "base/bytes.h"
#include "server/exchange.h"
#include "wire/name.h"
#include "wire/rrtype.h"

#include <string.h>

enum {
    OPTION_HEADER = 4,
    KEEPALIVE_SIZE = OPTION_HEADER + 2,   /* RFC 7828 3.1 */
    EXPIRE_SIZE = OPTION_HEADER + 4,      /* RFC 7314 3.1 */
    ZONEVERSION_SIZE = OPTION_HEADER + 6, /* label count, type, serial: RFC 9660 2 */
    EDE_SIZE = OPTION_HEADER + 2,         /* code without text: RFC 8914 2 */
    EDE_TEXT_MAX = 255,                   /* longest EXTRA-TEXT (RFC 8914 3: no lengthy ones) */
    PADDING_BLOCK = 468,                  /* RFC 8467 4.1 */
    ZONEVERSION_SOA_SERIAL = 0,
};

static bool wants_keepalive(const exchange_t *exchange)
{
    net_protocol_t protocol = exchange->client->protocol;
    return exchange->auth->request.query->edns.keepalive_wanted &&
           (protocol == NET_TCP || protocol == NET_TLS); /* RFC 9250 5.5.2, RFC 8484 */
}

static bool is_encrypted(net_protocol_t protocol)
{
    return protocol == NET_TLS || protocol == NET_HTTPS || protocol == NET_QUIC;
}

static bool wants_expire(const query_t *query)
{
    return query->edns.expire_wanted && (query->type == TYPE_SOA || query->type == TYPE_AXFR || query->type == TYPE_IXFR);
}

size_t reply_options_reserved(const exchange_t *exchange)
{
    const edns_t *edns = &exchange->auth->request.query->edns;
    size_t size = 0;
    size += edns->nsid_wanted && exchange->view->nsid ? OPTION_HEADER + strlen(exchange->view->nsid) : 0;
    size += wants_keepalive(exchange) ? KEEPALIVE_SIZE : 0;
    size += wants_expire(exchange->auth->request.query) ? EXPIRE_SIZE : 0;
    size += edns->zoneversion_wanted ? ZONEVERSION_SIZE : 0;
    return size;
}

/* ---- OPT ---- */

static void write_option(byte_writer_t *writer, uint16_t code, const void *data, size_t size)
{
    byte_write_u16(writer, code);
    byte_write_u16(writer, (uint16_t)size);
    byte_write(writer, data, size);
}

static void write_expire(byte_writer_t *writer, const auth_answer_t *answer)
{
    enum { LENGTH = 2, EXPIRE_IN_STORED_SOA = 8 + 12 }; /* two references, then serial, refresh, retry */
    const zone_rrset_t *soa = answer->zone ? zone_node_find(zone_apex(answer->zone), TYPE_SOA) : NULL;
    if (soa) {
        write_option(writer, EDNS_EXPIRE, soa->data + LENGTH + EXPIRE_IN_STORED_SOA, 4);
    }
}

static void write_zoneversion(byte_writer_t *writer, const auth_answer_t *answer)
{
    if (answer->zone && answer->slot) {
        uint8_t data[6] = {answer->slot->name.labels, ZONEVERSION_SOA_SERIAL};
        store_be32(data + 2, zone_head(answer->zone)->serial);
        write_option(writer, EDNS_ZONEVERSION, data, sizeof data);
    }
}

/* RFC 8914 2. A text that does not fit, or that nobody would read to its end, is left out. There is room for the code. */
static void write_extended_error(byte_writer_t *writer, int8_t code, const char *text)
{
    size_t length = text ? strnlen(text, EDE_TEXT_MAX + 1) : 0;
    length = length <= EDE_TEXT_MAX && EDE_SIZE + length <= byte_writer_left(writer) ? length : 0;
    byte_write_u16(writer, EDNS_EDE);
    byte_write_u16(writer, (uint16_t)(2 + length));
    byte_write_u16(writer, (uint16_t)code);
    byte_write(writer, text, length);
}

/* Pads to a multiple of the block, or as far as the message may grow (RFC 7830 4, RFC 8467 4.1). */
static void write_padding(const exchange_t *exchange, byte_writer_t *writer, size_t size)
{
    size_t bare = size + writer->position + OPTION_HEADER;
    size_t padded = (bare + PADDING_BLOCK - 1) / PADDING_BLOCK * PADDING_BLOCK;
    padded = padded < exchange->limit ? padded : exchange->limit;
    if (padded < bare) {
        return;
    }
    byte_write_u16(writer, EDNS_PADDING);
    byte_write_u16(writer, (uint16_t)(padded - bare));
    uint8_t *zeros = byte_reserve(writer, padded - bare);
    if (zeros) {
        memset(zeros, 0, padded - bare);
    }
}

static void write_options(const exchange_t *exchange, byte_writer_t *writer, size_t size)
{
    const edns_t *edns = &exchange->auth->request.query->edns;
    const auth_answer_t *answer = &exchange->auth->answer;
    if (edns->nsid_wanted && exchange->view->nsid) {
        write_option(writer, EDNS_NSID, exchange->view->nsid, strlen(exchange->view->nsid));
    }
    if (wants_keepalive(exchange)) {
        uint8_t timeout[2];
        store_be16(timeout, exchange->view->tcp_idle_timeout_ds);
        write_option(writer, EDNS_TCP_KEEPALIVE, timeout, sizeof timeout);
        exchange->reply->idle_timeout_ds = exchange->view->tcp_idle_timeout_ds;
    }
    if (wants_expire(exchange->auth->request.query) && answer->slot &&
        answer->slot->name.labels == exchange->auth->request.query->name.labels) {
        write_expire(writer, answer);
    }
    if (edns->zoneversion_wanted) {
        write_zoneversion(writer, answer);
    }
    if (answer->extended_error != EDE_NONE && byte_writer_left(writer) >= EDE_SIZE) {
        const char *text = answer->outcome == AUTH_OUTCOMES ? exchange->extended_text : NULL;
        write_extended_error(writer, answer->extended_error, text);
        if (text && exchange->is_cached_failure && byte_writer_left(writer) >= EDE_SIZE) {
            write_extended_error(writer, EDE_CACHED_ERROR, NULL);
        }
    }
    if (edns->padding_wanted && is_encrypted(exchange->client->protocol)) {
        write_padding(exchange, writer, size);
    }
}

size_t reply_write_options(const exchange_t *exchange, uint8_t *at, size_t size)
{
    if (size + REPLY_OPT_SIZE > exchange->limit) {
        return 0;
    }
    byte_writer_t writer = byte_writer(at, exchange->limit - size);
    writer.position = REPLY_OPT_SIZE;
    write_options(exchange, &writer, size);
    size_t length = writer.failed ? 0 : writer.position - REPLY_OPT_SIZE;
    reply_write_bare_opt(exchange, at, (uint16_t)length);
    return REPLY_OPT_SIZE + length;
}

/* ---- TSIG ---- */

/* We hold no keys, so every key is unknown: an unsigned TSIG says BADKEY (RFC 8945 5.2.1, 5.3.2). */
size_t reply_write_tsig(const exchange_t *exchange, uint8_t *at, size_t size)
{
    const query_t *query = exchange->auth->request.query;
    byte_reader_t reader = byte_reader(query->message, query->size);
    reader.position = query->tsig_offset;
    name_t key;
    name_t algorithm;
    if (name_read(&reader, &key) != STATUS_OK) {
        return 0;
    }
    (void)byte_read(&reader, 10); /* type, class, TTL, length */
    if (name_read_uncompressed(&reader, &algorithm) != STATUS_OK) {
        return 0;
    }
    const uint8_t *time_and_fudge = byte_read(&reader, 8);
    (void)byte_read(&reader, byte_read_u16(&reader));
    uint16_t original_id = byte_read_u16(&reader);
    if (reader.failed) {
        return 0;
    }
    byte_writer_t writer = byte_writer(at, exchange->limit - size);
    byte_write(&writer, key.wire, key.length);
    byte_write_u16(&writer, TYPE_TSIG);
    byte_write_u16(&writer, CLASS_ANY);
    byte_write_u32(&writer, 0);
    byte_write_u16(&writer, (uint16_t)(algorithm.length + 16));
    byte_write(&writer, algorithm.wire, algorithm.length);
    byte_write(&writer, time_and_fudge, 8);
    byte_write_u16(&writer, 0); /* no MAC */
    byte_write_u16(&writer, original_id);
    byte_write_u16(&writer, exchange->tsig_error);
    byte_write_u16(&writer, 0);
    return writer.failed ? 0 : writer.position;
}
