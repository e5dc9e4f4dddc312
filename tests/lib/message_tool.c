/* Reads lines of hexadecimal messages and answers each with one line, fields behind tabs, for the tests that compare us with other
 * implementations:
 *
 *     malformed
 *     ok  HEADER=id,flags,rcode  QUESTION=name,type,class  0=owner,type,class,ttl,rdata ...  OPT=size,version,flags,options  WIRE=hex
 *
 * 0, 1, 2 are the sections; WIRE is the message as message_writer_t builds it again.
 */
#include "base/buffer.h"
#include "wire/message.h"
#include "wire/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 64 * 1024 * 1024, LINE_MAX_BYTES = 16 * 1024 * 1024 };

static void print_name(buffer_t *out, const uint8_t *name)
{
    text_append_hex(out, name, name_length(name));
}

static status_t write_section(message_writer_t *writer, const message_t *message, section_t section)
{
    status_t status = STATUS_OK;
    for (unsigned i = 0; i < message->count[section] && status == STATUS_OK; i++) {
        const record_t *record = &message->records[section][i];
        status = message_write_record(writer, section, record->owner, record->type, record->rrclass, record->ttl_s, record->rdata,
                                      record->rdlength);
    }
    return status;
}

static void print_rebuilt(buffer_t *out, const message_t *message, uint8_t *wire)
{
    const edns_t *edns = &message->edns;
    message_writer_t writer;
    message_writer_init(&writer, wire, MESSAGE_MAX, message->id, message->flags);
    if (message->question_name) {
        message_write_question(&writer, message->question_name, message->question_type, message->question_class);
    }
    status_t status = write_section(&writer, message, SECTION_ANSWER);
    status = status == STATUS_OK ? write_section(&writer, message, SECTION_AUTHORITY) : status;
    if (status == STATUS_OK && edns->present) {
        status =
            message_write_opt(&writer, edns->udp_size, edns->extended_rcode, edns->version, edns->flags, edns->options, edns->options_size);
    }
    status = status == STATUS_OK ? write_section(&writer, message, SECTION_ADDITIONAL) : status;
    buffer_append_text(out, "\tWIRE=");
    if (status == STATUS_OK) {
        text_append_hex(out, wire, message_writer_finish(&writer));
    }
}

static void print_message(buffer_t *out, const message_t *message)
{
    buffer_printf(out, "ok\tHEADER=%u,%u,%u", message->id, message->flags, message->rcode);
    if (message->question_name) {
        buffer_append_text(out, "\tQUESTION=");
        print_name(out, message->question_name);
        buffer_printf(out, ",%u,%u", message->question_type, message->question_class);
    }
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        for (unsigned i = 0; i < message->count[section]; i++) {
            const record_t *record = &message->records[section][i];
            buffer_printf(out, "\t%u=", section);
            print_name(out, record->owner);
            buffer_printf(out, ",%u,%u,%u,", record->type, record->rrclass, record->ttl_s);
            text_append_hex(out, record->rdata, record->rdlength);
        }
    }
    if (message->edns.present) {
        buffer_printf(out, "\tOPT=%u,%u,%u,", message->edns.udp_size, message->edns.version, message->edns.flags);
        text_append_hex(out, message->edns.options, message->edns.options_size);
    }
}

static void answer_line(const char *line, buffer_t *out, arena_t *arena, uint8_t *scratch)
{
    radix_decoder_t decoder = {0};
    byte_writer_t wire = byte_writer(scratch, MESSAGE_MAX);
    message_t message;
    buffer_reset(out);
    size_t length = strcspn(line, "\n");
    if (hex_feed(&decoder, line, length, &wire) < length || !hex_finish(&decoder) || wire.failed) {
        buffer_append_text(out, "hexadecimal digits expected");
    } else {
        /* A block of exactly the message's size, so that a read behind its end shows. */
        uint8_t *exact = malloc(wire.position > 0 ? wire.position : 1);
        if (exact) {
            memcpy(exact, scratch, wire.position);
            if (message_parse(&message, exact, wire.position, arena) == STATUS_OK) {
                print_message(out, &message);
                print_rebuilt(out, &message, scratch);
            } else {
                buffer_append_text(out, "malformed");
            }
        }
        free(exact);
    }
    puts(buffer_text(out));
    arena_reset(arena);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    buffer_t out;
    arena_t arena;
    uint8_t *scratch = malloc(MESSAGE_MAX);
    buffer_init(&out, LINE_MAX_BYTES);
    arena_init(&arena, 0, ARENA_MAX);
    while (scratch && getline(&line, &capacity, stdin) >= 0) {
        answer_line(line, &out, &arena, scratch);
    }
    arena_clear(&arena);
    buffer_clear(&out);
    free(scratch);
    free(line);
    return scratch ? 0 : 1;
}
