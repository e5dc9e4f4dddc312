#include "server/transfer.h"

#include "auth/writer.h"
#include "base/bytes.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TRANSFER_MESSAGE_SIZE = 16384, /* as far as compression pointers reach (RFC 5936 3.4); more only for one large record */
    TRANSFER_OPT_MAX = 512,
};

typedef struct transfer {
    net_stream_t stream; /* first: the transport knows us by it */
    const zone_contents_t *zone;
    _Atomic unsigned *running; /* NULL: not counted */
    int64_t deadline_ms;       /* of clock_ms() */
    uint64_t position;         /* of zone_iterate() */
    const zone_node_t *node;   /* NULL: the next one is to be fetched */
    const zone_rrset_t *rrset;
    const uint8_t *record; /* the next one of rrset; NULL: rrset is to be entered */
    unsigned rrset_index;
    unsigned record_index; /* records, then signatures */
    enum { PHASE_FIRST_SOA, PHASE_BODY, PHASE_LAST_SOA, PHASE_DONE } phase;
    bool is_first_message;
    size_t head_size; /* header and question of the first message */
    size_t opt_size;
    uint8_t head[MESSAGE_HEADER_SIZE + NAME_WIRE_MAX + 4];
    uint8_t opt[TRANSFER_OPT_MAX];
    auth_names_t names;
} transfer_t;

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- which record is next ---- */

static bool enter_rrset(transfer_t *transfer)
{
    transfer->record = transfer->rrset->data;
    transfer->record_index = 0;
    /* The SOA is sent first and last, and nowhere else; its signatures stand with the apex (RFC 5936 2.2, 3.5). */
    if (transfer->rrset->type == TYPE_SOA && transfer->node == zone_apex(transfer->zone)) {
        transfer->record = transfer->rrset->data + transfer->rrset->data_size;
        transfer->record_index = transfer->rrset->count;
    }
    return transfer->record_index < (unsigned)transfer->rrset->count + transfer->rrset->signature_count;
}

/* Stands on a record afterwards; false: the zone is at its end. */
static bool find_record(transfer_t *transfer)
{
    for (;;) {
        if (!transfer->node) {
            transfer->node = zone_iterate(transfer->zone, &transfer->position);
            if (!transfer->node) {
                return false;
            }
            transfer->rrset = zone_node_first_rrset(transfer->node);
            transfer->rrset_index = 0;
            transfer->record = NULL;
        }
        for (; transfer->rrset_index < transfer->node->rrset_count; transfer->rrset_index++) {
            if (transfer->record || enter_rrset(transfer)) {
                return true;
            }
            transfer->rrset = zone_rrset_next(transfer->rrset);
            transfer->record = NULL;
        }
        transfer->node = NULL;
    }
}

static void step_record(transfer_t *transfer)
{
    transfer->record += 2 + load_be16(transfer->record);
    transfer->record_index++;
    if (transfer->record_index < (unsigned)transfer->rrset->count + transfer->rrset->signature_count) {
        return; /* signatures stand right behind the records */
    }
    transfer->rrset = zone_rrset_next(transfer->rrset);
    transfer->rrset_index++;
    transfer->record = NULL;
}

/* ---- messages ---- */

static bool write_soa(const transfer_t *transfer, auth_writer_t *writer)
{
    const zone_node_t *apex = zone_apex(transfer->zone);
    const zone_rrset_t *soa = zone_node_find(apex, TYPE_SOA);
    return soa && auth_write_record(writer, apex, soa, soa->data, false);
}

/* Writes the next record; false: it does not fit. */
static bool write_next(transfer_t *transfer, auth_writer_t *writer)
{
    if (transfer->phase == PHASE_BODY && !find_record(transfer)) {
        transfer->phase = PHASE_LAST_SOA;
    }
    if (transfer->phase == PHASE_BODY) {
        bool is_signature = transfer->record_index >= transfer->rrset->count;
        if (!auth_write_record(writer, transfer->node, transfer->rrset, transfer->record, is_signature)) {
            return false;
        }
        step_record(transfer);
        return true;
    }
    if (!write_soa(transfer, writer)) {
        return false;
    }
    transfer->phase = transfer->phase == PHASE_FIRST_SOA ? PHASE_BODY : PHASE_DONE;
    return true;
}

static unsigned fill(transfer_t *transfer, auth_writer_t *writer)
{
    unsigned count = 0;
    while (transfer->phase != PHASE_DONE && count < UINT16_MAX && write_next(transfer, writer)) {
        count++;
    }
    return count;
}

static status_t transfer_next(net_stream_t *stream, uint8_t *out, size_t capacity, size_t *size)
{
    transfer_t *transfer = (transfer_t *)stream;
    if (transfer->phase == PHASE_DONE) {
        return STATUS_END;
    }
    if (clock_ms() > transfer->deadline_ms) {
        return STATUS_LIMIT; /* a peer that takes a little now and then would keep its place, and an old version in memory */
    }
    /* The question and OPT stand in the first message only (RFC 5936 2.2.1, 2.2.5). */
    size_t head = transfer->is_first_message ? transfer->head_size : (size_t)MESSAGE_HEADER_SIZE;
    size_t opt = transfer->is_first_message ? transfer->opt_size : 0;
    size_t limit = TRANSFER_MESSAGE_SIZE;
    if (capacity < limit + opt) {
        return STATUS_NO_SPACE;
    }
    auth_writer_t writer;
    memcpy(out, transfer->head, head);
    auth_writer_init(&writer, &transfer->names, transfer->zone, out, head, limit);
    unsigned count = fill(transfer, &writer);
    if (count == 0) { /* one record larger than a usual message */
        limit = capacity < MESSAGE_MAX ? capacity : MESSAGE_MAX;
        auth_writer_init(&writer, &transfer->names, transfer->zone, out, head, limit - opt);
        count = write_next(transfer, &writer) ? 1 : 0;
    }
    if (count == 0) {
        return STATUS_NO_SPACE;
    }
    memcpy(writer.at, transfer->opt, opt);
    store_be16(out + 4, transfer->is_first_message);
    store_be16(out + 6, (uint16_t)count);
    store_be16(out + 8, 0);
    store_be16(out + 10, opt > 0);
    transfer->is_first_message = false;
    *size = (size_t)(writer.at - out) + opt;
    return STATUS_OK;
}

static void transfer_free(net_stream_t *stream)
{
    transfer_t *transfer = (transfer_t *)stream;
    if (transfer->running) {
        atomic_fetch_sub_explicit(transfer->running, 1, memory_order_relaxed);
    }
    zone_contents_unref(transfer->zone);
    free(transfer);
}

static transfer_t *transfer_new(exchange_t *exchange)
{
    transfer_t *transfer = calloc(1, sizeof *transfer);
    if (!transfer) {
        return NULL;
    }
    auth_answer_t *answer = &exchange->auth->answer;
    transfer->stream = (net_stream_t){.next = transfer_next, .free = transfer_free};
    transfer->zone = zone_contents_ref(answer->zone);
    transfer->phase = PHASE_FIRST_SOA;
    unsigned time_max_ms = exchange->view->transfer_time_max_ms;
    transfer->deadline_ms = time_max_ms > 0 ? clock_ms() + time_max_ms : INT64_MAX;
    transfer->is_first_message = true;
    answer->flags = FLAG_AA;
    reply_write_header(&exchange->auth->request, answer, exchange->auth->request.out, 0);
    transfer->head_size = answer->size;
    memcpy(transfer->head, exchange->auth->request.out, answer->size);
    uint8_t *opt = exchange->auth->request.out + answer->size;
    transfer->opt_size = reply_write_opt(exchange, opt, answer->size);
    if (transfer->opt_size > sizeof transfer->opt) {
        transfer->opt_size = 0; /* padded to a whole block, which says nothing in a transfer of many */
    }
    memcpy(transfer->opt, opt, transfer->opt_size);
    return transfer;
}

/* ---- may they, and how ---- */

static bool is_allowed(const exchange_t *exchange, const zone_slot_t *slot)
{
    const zone_access_t *access = slot->user;
    const net_address_t *address = exchange->client->address;
    if (!access || !address) {
        return false;
    }
    if (address->sa.sa_family == AF_INET6) {
        return acl_allows(access->allow_transfer, AF_INET6, address->v6.sin6_addr.s6_addr);
    }
    uint8_t octets[4];
    memcpy(octets, &address->v4.sin_addr, sizeof octets);
    return address->sa.sa_family == AF_INET && acl_allows(access->allow_transfer, AF_INET, octets);
}

static transfer_verdict_t refuse(exchange_t *exchange, uint8_t rcode, int8_t extended_error)
{
    exchange_fail(exchange, rcode, extended_error);
    return TRANSFER_REFUSED;
}

/* Serial arithmetic (RFC 1982 3.2): is a equal to b or newer? */
static bool serial_at_least(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

static transfer_verdict_t start(exchange_t *exchange)
{
    _Atomic unsigned *running = exchange->view->transfers_running;
    if (running && atomic_fetch_add_explicit(running, 1, memory_order_relaxed) >= exchange->view->transfers_max) {
        atomic_fetch_sub_explicit(running, 1, memory_order_relaxed);
        return refuse(exchange, RCODE_SERVFAIL, EDE_OTHER); /* the secondary tries again later */
    }
    transfer_t *transfer = transfer_new(exchange);
    if (!transfer) {
        if (running) {
            atomic_fetch_sub_explicit(running, 1, memory_order_relaxed);
        }
        return refuse(exchange, RCODE_SERVFAIL, EDE_OTHER);
    }
    transfer->running = running;
    exchange->reply->stream = &transfer->stream;
    return TRANSFER_STARTED;
}

transfer_verdict_t transfer_answer(exchange_t *exchange)
{
    const query_t *query = exchange->auth->request.query;
    net_protocol_t protocol = exchange->client->protocol;
    bool carries_streams = protocol == NET_TCP || protocol == NET_TLS || protocol == NET_QUIC;
    if (query->type == TYPE_AXFR ? !carries_streams : !query->has_ixfr_serial) {
        return refuse(exchange, RCODE_FORMERR, EDE_NONE); /* RFC 5936 4.2, RFC 1995 3 */
    }
    const zone_slot_t *slot = zone_set_get(exchange->view->zones, query->name.wire);
    if (!slot) {
        return refuse(exchange, RCODE_NOTAUTH, EDE_NOT_AUTHORITATIVE);
    }
    if (!is_allowed(exchange, slot)) {
        return refuse(exchange, RCODE_REFUSED, EDE_PROHIBITED);
    }
    exchange_fail(exchange, RCODE_NOERROR, EDE_NONE);
    exchange->auth->answer.slot = slot;
    exchange->auth->answer.zone = atomic_load_explicit(&slot->contents, memory_order_acquire);
    if (!exchange->auth->answer.zone) {
        return refuse(exchange, RCODE_SERVFAIL, EDE_NOT_READY);
    }
    if (query->type == TYPE_IXFR &&
        (!carries_streams || serial_at_least(query->ixfr_serial, zone_head(exchange->auth->answer.zone)->serial))) {
        return TRANSFER_SOA;
    }
    return start(exchange);
}
