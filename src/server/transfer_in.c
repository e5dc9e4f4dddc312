#include "server/transfer_in.h"

#include "base/bytes.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <string.h>

enum { MESSAGE_ARENA_MAX = 8 << 20, SOA_NUMBERS = 20 };

void transfer_in_init(transfer_in_t *transfer, const name_t *apex, size_t text_max)
{
    memset(transfer, 0, sizeof *transfer);
    transfer->apex = *apex;
    arena_init(&transfer->arena, 1 << 16, MESSAGE_ARENA_MAX);
    buffer_init(&transfer->text, text_max);
}

void transfer_in_clear(transfer_in_t *transfer)
{
    arena_clear(&transfer->arena);
    buffer_clear(&transfer->text);
}

size_t transfer_in_ask(transfer_in_t *transfer, uint16_t id, uint16_t type, uint8_t out[static TRANSFER_IN_QUERY_MAX])
{
    message_writer_t writer;
    transfer->id = id;
    transfer->type = type;
    transfer->messages = 0;
    transfer->records = 0;
    transfer->soa_size = 0;
    transfer->why = NULL;
    message_writer_init(&writer, out, TRANSFER_IN_QUERY_MAX, id, 0);
    message_write_question(&writer, transfer->apex.wire, type, CLASS_IN);
    return message_writer_finish(&writer);
}

static status_t refuse(transfer_in_t *transfer, const char *why)
{
    transfer->why = why;
    return STATUS_INVALID;
}

/* RFC 5936 2.2.1, 2.2.2: later messages may go without the question. */
static status_t check_head(transfer_in_t *transfer, const message_t *message)
{
    bool has_question = message->question_count == 1 && message->question_type == transfer->type && message->question_class == CLASS_IN &&
                        name_equal(message->question_name, transfer->apex.wire);
    if (message->id != transfer->id || !(message->flags & FLAG_QR) || message->opcode != OPCODE_QUERY) {
        return refuse(transfer, "sent a message that is no answer to the question");
    }
    if (message->rcode != RCODE_NOERROR) {
        return refuse(transfer, message->rcode == RCODE_REFUSED   ? "refused"
                                : message->rcode == RCODE_NOTAUTH ? "does not serve the zone"
                                                                  : "answered with an error");
    }
    if (!has_question && !(message->question_count == 0 && transfer->messages > 0)) {
        return refuse(transfer, "answered another question");
    }
    if ((message->flags & FLAG_TC) || message->count[SECTION_ANSWER] == 0) {
        return refuse(transfer, "sent an answer without records");
    }
    return STATUS_OK;
}

static status_t write_record(transfer_in_t *transfer, const record_t *record)
{
    char owner[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    (void)name_to_text(record->owner, owner);
    (void)rrtype_to_text(record->type, type);
    buffer_printf(&transfer->text, "%s %u IN %s ", owner, record->ttl_s, type);
    rdata_to_text(record->type, CLASS_IN, record->rdata, record->rdlength, &transfer->text);
    buffer_append_text(&transfer->text, "\n");
    transfer->records++;
    if (transfer->text.status != STATUS_OK) {
        transfer->why = transfer->text.status == STATUS_NO_MEMORY ? "sent more than there is memory for" : "sent more than is taken";
    }
    return transfer->text.status;
}

static status_t begin(transfer_in_t *transfer, const record_t *record, bool is_soa)
{
    if (!is_soa || record->rdlength > sizeof transfer->soa || record->rdlength < SOA_NUMBERS) {
        return refuse(transfer, "did not begin with the zone's SOA");
    }
    memcpy(transfer->soa, record->rdata, record->rdlength);
    transfer->soa_size = record->rdlength;
    transfer->serial = load_be32(record->rdata + record->rdlength - SOA_NUMBERS);
    if (transfer->type == TYPE_SOA) {
        return STATUS_OK;
    }
    status_t status = write_record(transfer, record);
    return status == STATUS_OK ? STATUS_AGAIN : status;
}

static status_t take_record(transfer_in_t *transfer, const record_t *record)
{
    bool is_soa = record->type == TYPE_SOA && name_equal(record->owner, transfer->apex.wire);
    if (record->rrclass != CLASS_IN || !rrtype_is_data(record->type)) {
        return refuse(transfer, "sent a record that belongs in no zone");
    }
    if (transfer->soa_size == 0) {
        return begin(transfer, record, is_soa);
    }
    if (record->type != TYPE_SOA) {
        status_t status = write_record(transfer, record);
        return status == STATUS_OK ? STATUS_AGAIN : status;
    }
    bool is_end = is_soa && record->rdlength == transfer->soa_size && memcmp(record->rdata, transfer->soa, transfer->soa_size) == 0;
    return is_end ? STATUS_OK : refuse(transfer, "sent another SOA than at the beginning");
}

status_t transfer_in_take(transfer_in_t *transfer, const uint8_t *wire, size_t size)
{
    message_t message;
    arena_reset(&transfer->arena);
    status_t status = message_parse(&message, wire, size, &transfer->arena);
    if (status != STATUS_OK) {
        transfer->why = status == STATUS_NO_MEMORY ? "sent more than there is memory for" : "sent a message that cannot be read";
        return status;
    }
    status = check_head(transfer, &message);
    if (status != STATUS_OK) {
        return status;
    }
    transfer->messages++;
    const unsigned count = message.count[SECTION_ANSWER];
    for (unsigned i = 0; i < count; i++) {
        status = take_record(transfer, &message.records[SECTION_ANSWER][i]);
        if (status == STATUS_OK) {
            return i + 1 == count ? STATUS_OK : refuse(transfer, "sent records behind the last SOA");
        }
        if (status != STATUS_AGAIN) {
            return status;
        }
    }
    return STATUS_AGAIN;
}
