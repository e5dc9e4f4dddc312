/* Whole messages, records and all, into an arena. */
#include "wire/message.h"

#include "base/require.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

enum {
    RECORD_SIZE_MIN = 11, /* root owner, type, class, TTL, RDLENGTH */
    /* How much longer than the message one rdata of it may become: no type has more than two compressible names. */
    EXPANSION_MAX = 4 * NAME_WIRE_MAX,
};

typedef struct message_parser {
    message_t *message;
    arena_t *arena;
    byte_reader_t reader;
    uint8_t *scratch; /* one rdata, expanded */
    size_t scratch_size;
    name_t owner;
    bool tsig_seen; /* then nothing may follow (RFC 8945 5.1) */
} message_parser_t;

/* A copy with the padding that names are read with. NULL without memory. */
static uint8_t *copy_bytes(arena_t *arena, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = arena_alloc(arena, size + NAME_PADDING);
    if (copy) {
        memcpy(copy, bytes, size);
        memset(copy + size, 0, NAME_PADDING);
    }
    return copy;
}

static status_t parse_questions(message_parser_t *parser)
{
    message_t *message = parser->message;
    for (unsigned i = 0; i < message->question_count; i++) {
        status_t status = name_read(&parser->reader, &parser->owner);
        if (status != STATUS_OK) {
            return status;
        }
        uint16_t type = byte_read_u16(&parser->reader);
        uint16_t rrclass = byte_read_u16(&parser->reader);
        if (parser->reader.failed) {
            return STATUS_MALFORMED;
        }
        if (i == 0) {
            message->question_name = copy_bytes(parser->arena, parser->owner.wire, parser->owner.length);
            message->question_type = type;
            message->question_class = rrclass;
            if (!message->question_name) {
                return STATUS_NO_MEMORY;
            }
        }
    }
    return STATUS_OK;
}

static status_t parse_opt(message_parser_t *parser, section_t section, const record_t *record, uint32_t ttl)
{
    edns_t *edns = &parser->message->edns;
    const uint8_t *options = byte_read(&parser->reader, record->rdlength);
    if (!options || section != SECTION_ADDITIONAL || edns->present || parser->owner.length != 1) {
        return STATUS_MALFORMED;
    }
    edns_set_fixed(edns, record->rrclass, ttl);
    edns->options = options;
    edns->options_size = record->rdlength;
    if (edns->version == 0) {
        edns_read_options(edns, options, record->rdlength);
    }
    return edns->malformed ? STATUS_MALFORMED : STATUS_OK;
}

/* The rdata, uncompressed, into record. UPDATE asks and deletes with records of no rdata (RFC 2136 2.4, 2.5). */
static status_t parse_rdata(message_parser_t *parser, record_t *record)
{
    bool meta_class = record->rrclass == CLASS_ANY || record->rrclass == CLASS_NONE;
    byte_writer_t writer = byte_writer(parser->scratch, parser->scratch_size);
    if (record->rdlength > 0 || !(parser->message->opcode == OPCODE_UPDATE && meta_class)) {
        status_t status = rdata_read(&parser->reader, record->type, record->rrclass, record->rdlength, &writer);
        if (status != STATUS_OK || writer.failed || writer.position > RDATA_MAX) {
            return STATUS_MALFORMED;
        }
    }
    record->rdlength = (uint16_t)writer.position;
    record->rdata = copy_bytes(parser->arena, parser->scratch, writer.position);
    return record->rdata ? STATUS_OK : STATUS_NO_MEMORY;
}

/* One record; *kept is false for OPT, which is no record of the section. */
static status_t parse_record(message_parser_t *parser, section_t section, record_t *record, bool *kept)
{
    size_t begin = parser->reader.position;
    status_t status = parser->tsig_seen ? STATUS_MALFORMED : name_read(&parser->reader, &parser->owner);
    if (status != STATUS_OK) {
        return status;
    }
    record->type = byte_read_u16(&parser->reader);
    record->rrclass = byte_read_u16(&parser->reader);
    uint32_t ttl = byte_read_u32(&parser->reader);
    record->ttl_s = ttl > INT32_MAX ? 0 : ttl;
    record->rdlength = byte_read_u16(&parser->reader);
    if (parser->reader.failed || byte_reader_left(&parser->reader) < record->rdlength) {
        return STATUS_MALFORMED;
    }
    *kept = record->type != TYPE_OPT;
    if (!*kept) {
        return parse_opt(parser, section, record, ttl);
    }
    if (record->type == TYPE_TSIG) {
        if (section != SECTION_ADDITIONAL) {
            return STATUS_MALFORMED;
        }
        parser->tsig_seen = true;
        parser->message->tsig_offset = (uint16_t)begin;
    }
    record->owner = copy_bytes(parser->arena, parser->owner.wire, parser->owner.length);
    return record->owner ? parse_rdata(parser, record) : STATUS_NO_MEMORY;
}

static status_t parse_section(message_parser_t *parser, section_t section, uint16_t count)
{
    message_t *message = parser->message;
    if (count > byte_reader_left(&parser->reader) / RECORD_SIZE_MIN) {
        return STATUS_MALFORMED; /* before anything is allocated for a count that cannot be true */
    }
    record_t *records = count > 0 ? arena_alloc(parser->arena, count * sizeof *records) : NULL;
    if (count > 0 && !records) {
        return STATUS_NO_MEMORY;
    }
    message->records[section] = records;
    for (unsigned i = 0; i < count; i++) {
        bool kept = true;
        status_t status = parse_record(parser, section, &records[message->count[section]], &kept);
        if (status != STATUS_OK) {
            return status;
        }
        message->count[section] = (uint16_t)(message->count[section] + kept);
    }
    return STATUS_OK;
}

static status_t parse_header(message_parser_t *parser, uint16_t count[static SECTION_COUNT])
{
    message_t *message = parser->message;
    byte_reader_t *reader = &parser->reader;
    message->id = byte_read_u16(reader);
    message->flags = byte_read_u16(reader);
    message->opcode = message->flags >> 11 & 15;
    message->question_count = byte_read_u16(reader);
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        count[section] = byte_read_u16(reader);
    }
    return reader->failed ? STATUS_MALFORMED : STATUS_OK;
}

status_t message_parse(message_t *message, const uint8_t *wire, size_t size, arena_t *arena)
{
    *message = (message_t){.id = 0};
    if (size > MESSAGE_MAX) {
        return STATUS_MALFORMED;
    }
    message_parser_t parser = {.message = message, .arena = arena, .reader = byte_reader(wire, size)};
    uint16_t count[SECTION_COUNT];
    status_t status = parse_header(&parser, count);
    if (status == STATUS_OK) {
        parser.scratch_size = size + EXPANSION_MAX;
        parser.scratch = arena_alloc(arena, parser.scratch_size);
        status = parser.scratch ? parse_questions(&parser) : STATUS_NO_MEMORY;
    }
    for (unsigned section = 0; section < SECTION_COUNT && status == STATUS_OK; section++) {
        status = parse_section(&parser, (section_t)section, count[section]);
    }
    if (status == STATUS_OK && byte_reader_left(&parser.reader) > 0) {
        status = STATUS_MALFORMED;
    }
    message->rcode = (uint16_t)(message->edns.extended_rcode << 4 | (message->flags & 15));
    return status;
}
