#include "auth/copy.h"
#include "base/bytes.h"
#include "server/exchange.h"
#include "wire/name.h"
#include "wire/rrtype.h"

#include <string.h>

enum {
    OPT_SIZE = 11, /* owner, type, size, TTL, length */
    OPTION_HEADER = 4,
    KEEPALIVE_SIZE = OPTION_HEADER + 2,   /* RFC 7828 3.1 */
    EXPIRE_SIZE = OPTION_HEADER + 4,      /* RFC 7314 3.1 */
    ZONEVERSION_SIZE = OPTION_HEADER + 6, /* label count, type, serial: RFC 9660 2 */
    EDE_SIZE = OPTION_HEADER + 2,         /* code without text: RFC 8914 2 */
    PADDING_BLOCK = 468,                  /* RFC 8467 4.1 */
    ZONEVERSION_SOA_SERIAL = 0,
};

static bool wants_keepalive(const exchange_t *exchange)
{
    net_protocol_t protocol = exchange->client->protocol;
    return exchange->query->edns.keepalive_wanted && (protocol == NET_TCP || protocol == NET_TLS); /* RFC 9250 5.5.2, RFC 8484 */
}

static bool is_encrypted(net_protocol_t protocol)
{
    return protocol == NET_TLS || protocol == NET_HTTPS || protocol == NET_QUIC;
}

static bool wants_expire(const query_t *query)
{
    return query->edns.expire_wanted && (query->type == TYPE_SOA || query->type == TYPE_AXFR || query->type == TYPE_IXFR);
}

static __attribute__((noinline)) size_t options_reserved(const exchange_t *exchange)
{
    const edns_t *edns = &exchange->query->edns;
    size_t size = 0;
    size += edns->nsid_wanted && exchange->view->nsid ? OPTION_HEADER + strlen(exchange->view->nsid) : 0;
    size += wants_keepalive(exchange) ? KEEPALIVE_SIZE : 0;
    size += wants_expire(exchange->query) ? EXPIRE_SIZE : 0;
    size += edns->zoneversion_wanted ? ZONEVERSION_SIZE : 0;
    return size;
}

void reply_begin(exchange_t *exchange, size_t capacity)
{
    const query_t *query = exchange->query;
    const edns_t *edns = &query->edns;
    size_t limit = MESSAGE_MAX;
    if (LIKELY(!exchange_is_stream(exchange))) {
        size_t maximum = exchange->view->udp_size_max;
        limit = edns->present && edns->udp_size > UDP_SIZE_MIN ? edns->udp_size : UDP_SIZE_MIN;
        limit = limit > maximum && maximum >= UDP_SIZE_MIN ? maximum : limit;
    }
    exchange->limit = limit < capacity ? limit : capacity;
    exchange->reserved = 0;
    if (edns->present) {
        exchange->reserved = UNLIKELY(edns->options_size > 0) ? OPT_SIZE + options_reserved(exchange) : OPT_SIZE;
    }
    exchange->tsig_error = 0;
    exchange->question_end = MESSAGE_HEADER_SIZE + (query->has_question ? (size_t)query->question_size : 0);
    (void)copy_bytes(exchange->out, query->message, exchange->question_end);
}

void reply_write_header(const exchange_t *exchange, uint8_t *out, uint16_t additional_count)
{
    const auth_answer_t *answer = &exchange->answer;
    const query_t *query = exchange->query;
    /* RD is copied (RFC 1035 4.1.1). AD would claim a validation that has not been made, and CD is cleared (RFC 4035 3.1.6). */
    unsigned flags = FLAG_QR | (unsigned)query->opcode << 11 | (query->flags & FLAG_RD) | answer->flags | (answer->rcode & 15u);
    store_be16(out + 2, (uint16_t)flags); /* the id stands there already */
    store_be16(out + 4, query->has_question);
    store_be16(out + 6, answer->counts[0]);
    store_be16(out + 8, answer->counts[1]);
    store_be16(out + 10, additional_count);
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

static __attribute__((noinline)) void write_options(const exchange_t *exchange, byte_writer_t *writer, size_t size)
{
    const edns_t *edns = &exchange->query->edns;
    const auth_answer_t *answer = &exchange->answer;
    if (edns->nsid_wanted && exchange->view->nsid) {
        write_option(writer, EDNS_NSID, exchange->view->nsid, strlen(exchange->view->nsid));
    }
    if (wants_keepalive(exchange)) {
        uint8_t timeout[2];
        store_be16(timeout, exchange->view->tcp_idle_timeout_ds);
        write_option(writer, EDNS_TCP_KEEPALIVE, timeout, sizeof timeout);
        exchange->reply->idle_timeout_ds = exchange->view->tcp_idle_timeout_ds;
    }
    if (wants_expire(exchange->query) && answer->slot && answer->slot->name.labels == exchange->query->name.labels) {
        write_expire(writer, answer);
    }
    if (edns->zoneversion_wanted) {
        write_zoneversion(writer, answer);
    }
    if (answer->extended_error != EDE_NONE && byte_writer_left(writer) >= EDE_SIZE) {
        uint8_t code[2];
        store_be16(code, (uint16_t)answer->extended_error);
        write_option(writer, EDNS_EDE, code, sizeof code);
    }
    if (edns->padding_wanted && is_encrypted(exchange->client->protocol)) {
        write_padding(exchange, writer, size);
    }
}

size_t reply_write_opt(const exchange_t *exchange, uint8_t *at, size_t size)
{
    const edns_t *edns = &exchange->query->edns;
    if (!edns->present || size + OPT_SIZE > exchange->limit) {
        return 0;
    }
    size_t length = 0;
    if (UNLIKELY(edns->options_size > 0 || exchange->answer.extended_error != EDE_NONE)) {
        byte_writer_t writer = byte_writer(at, exchange->limit - size);
        writer.position = OPT_SIZE;
        write_options(exchange, &writer, size);
        length = writer.failed ? 0 : writer.position - OPT_SIZE;
    }
    at[0] = 0;
    store_be16(at + 1, TYPE_OPT);
    store_be16(at + 3, exchange->view->udp_size_max);
    at[5] = exchange->answer.rcode >> 4; /* upper bits of the RCODE, then version 0 */
    at[6] = 0;
    store_be16(at + 7, edns->dnssec_ok ? 0x8000 : 0); /* DO is copied (RFC 3225 3), the rest is zero (RFC 6891 6.1.4) */
    store_be16(at + 9, (uint16_t)length);
    return OPT_SIZE + length;
}

/* ---- TSIG ---- */

/* We hold no keys, so every key is unknown: an unsigned TSIG says BADKEY (RFC 8945 5.2.1, 5.3.2). Returns its size, 0 if the request's is
 * broken. */
static size_t write_tsig_error(const exchange_t *exchange, uint8_t *at, size_t size)
{
    const query_t *query = exchange->query;
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

size_t reply_close(exchange_t *exchange)
{
    auth_answer_t *answer = &exchange->answer;
    uint16_t additional = answer->counts[2];
    size_t size = answer->size;
    size_t opt = reply_write_opt(exchange, exchange->out + size, size);
    additional = (uint16_t)(additional + (opt > 0));
    size += opt;
    if (UNLIKELY(exchange->tsig_error)) {
        size_t tsig = write_tsig_error(exchange, exchange->out + size, size);
        additional = (uint16_t)(additional + (tsig > 0));
        size += tsig;
    }
    reply_write_header(exchange, exchange->out, additional);
    return size;
}
