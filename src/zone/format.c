#include "zone/format.h"

#include "base/bytes.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* One record takes at most some 300 KiB of text (64 KiB of rdata, each octet as \DDD, and quotes), so the buffer never gets full. */
enum { FLUSH_SIZE = 256 * 1024, BUFFER_MAX = 1024 * 1024 };

typedef struct formatter {
    const zone_contents_t *contents;
    zone_text_sink_t sink;
    void *context;
    buffer_t out;
    size_t owner_length;
    char owner[NAME_TEXT_MAX];
    uint8_t rdata[RDATA_MAX + 1];
} formatter_t;

static void append_number(buffer_t *out, uint32_t number)
{
    char digits[10];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_append(out, digits + at, sizeof digits - at);
}

static void append_record(buffer_t *out, const char *owner, size_t owner_length, const uint8_t fixed[static 8], uint16_t type,
                          uint8_t *rdata, size_t length)
{
    char text[RRTYPE_TEXT_MAX];
    uint16_t rrclass = load_be16(fixed + 2);
    buffer_append(out, owner, owner_length);
    buffer_append_byte(out, '\t');
    append_number(out, load_be32(fixed + 4));
    buffer_append_byte(out, '\t');
    buffer_append(out, text, rrclass_to_text(rrclass, text));
    buffer_append_byte(out, '\t');
    buffer_append(out, text, rrtype_to_text(type, text));
    buffer_append_byte(out, '\t');
    rdata_canonicalize(type, rdata, length);
    rdata_to_text(type, rrclass, rdata, length, out);
    buffer_append_byte(out, '\n');
}

void zone_format_record(buffer_t *out, const uint8_t *owner, uint16_t type, uint16_t rrclass, uint32_t ttl_s, uint8_t *rdata, size_t length)
{
    char text[NAME_TEXT_MAX];
    uint8_t fixed[8];
    size_t owner_length = name_to_text(owner, text);
    store_be16(fixed, type);
    store_be16(fixed + 2, rrclass);
    store_be32(fixed + 4, ttl_s);
    append_record(out, text, owner_length, fixed, type, rdata, length);
}

static status_t flush(formatter_t *formatter, size_t at_least)
{
    buffer_t *out = &formatter->out;
    if (out->status != STATUS_OK) {
        return out->status;
    }
    if (out->size == 0 || out->size < at_least) {
        return STATUS_OK;
    }
    status_t status = formatter->sink(formatter->context, out->data, out->size);
    buffer_reset(out);
    return status;
}

static status_t format_rrset(formatter_t *formatter, const zone_rrset_t *rrset)
{
    const uint8_t *record = rrset->data;
    status_t status = STATUS_OK;
    for (unsigned i = 0; i < rrset->count && status == STATUS_OK; i++) {
        size_t length = zone_record_rdata(formatter->contents, rrset, record, formatter->rdata, &record);
        append_record(&formatter->out, formatter->owner, formatter->owner_length, rrset->fixed, rrset->type, formatter->rdata, length);
        status = flush(formatter, FLUSH_SIZE);
    }
    record = rrset->data + rrset->data_size;
    for (unsigned i = 0; i < rrset->signature_count && status == STATUS_OK; i++) {
        size_t length = load_be16(record);
        memcpy(formatter->rdata, record + 2, length);
        append_record(&formatter->out, formatter->owner, formatter->owner_length, rrset->fixed, TYPE_RRSIG, formatter->rdata, length);
        record += 2 + length;
        status = flush(formatter, FLUSH_SIZE);
    }
    return status;
}

/* All RRsets of a node, the SOA before all others. */
static status_t format_node(formatter_t *formatter, const zone_node_t *node)
{
    formatter->owner_length = name_to_text(node->wire, formatter->owner);
    const zone_rrset_t *soa = node == zone_apex(formatter->contents) ? zone_node_find(node, TYPE_SOA) : NULL;
    status_t status = soa ? format_rrset(formatter, soa) : STATUS_OK;
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count && status == STATUS_OK; i++, rrset = zone_rrset_next(rrset)) {
        if (rrset != soa) {
            status = format_rrset(formatter, rrset);
        }
    }
    return status;
}

status_t zone_format(const zone_contents_t *contents, zone_text_sink_t sink, void *context)
{
    formatter_t *formatter = malloc(sizeof *formatter);
    if (!formatter) {
        return STATUS_NO_MEMORY;
    }
    formatter->contents = contents;
    formatter->sink = sink;
    formatter->context = context;
    buffer_init(&formatter->out, BUFFER_MAX);
    uint64_t position = 0;
    const zone_node_t *node;
    status_t status = STATUS_OK;
    while (status == STATUS_OK && (node = zone_iterate(contents, &position))) {
        status = format_node(formatter, node);
    }
    if (status == STATUS_OK) {
        status = flush(formatter, 0);
    }
    buffer_clear(&formatter->out);
    free(formatter);
    return status;
}
