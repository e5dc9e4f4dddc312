/* Reads lines "[CLASS] TYPE rdata..." and answers each with one line: "ok<TAB>canonical text<TAB>wire in hexadecimal", or
 * "error<TAB>message". A line "TYPE =hex" takes wire rdata instead. For the tests that compare us with other implementations; relative
 * names end in example. */
#include "base/buffer.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t origin[] = "\x07"
                                "example";

static size_t word_length(const char *text)
{
    return strcspn(text, " \t\n");
}

static const char *skip_word(const char *text, size_t length)
{
    text += length;
    return text + strspn(text, " \t");
}

static void print_answer(uint16_t type, uint16_t rrclass, const byte_writer_t *wire)
{
    buffer_t out;
    buffer_init(&out, 1 << 20);
    buffer_append_text(&out, "ok\t");
    rdata_to_text(type, rrclass, wire->data, wire->position, &out);
    buffer_append_byte(&out, '\t');
    text_append_hex(&out, wire->data, wire->position);
    puts(buffer_text(&out));
    buffer_clear(&out);
}

static void answer_text(uint16_t type, uint16_t rrclass, const char *text, byte_writer_t *wire)
{
    rdata_error_t error;
    if (rdata_from_line(type, rrclass, text, strlen(text), origin, wire, &error) != STATUS_OK) {
        printf("error\t%s\n", error.message);
        return;
    }
    print_answer(type, rrclass, wire);
}

static void answer_wire(uint16_t type, uint16_t rrclass, const char *hex, byte_writer_t *wire)
{
    radix_decoder_t decoder = {0};
    size_t length = word_length(hex);
    if (hex_feed(&decoder, hex, length, wire) < length || !hex_finish(&decoder) || wire->failed) {
        puts("error\thexadecimal digits expected");
        return;
    }
    if (rdata_check(type, rrclass, wire->data, wire->position) != STATUS_OK) {
        puts("error\tthe wire data does not fit its type");
        return;
    }
    print_answer(type, rrclass, wire);
}

static void answer_line(const char *line, byte_writer_t *wire)
{
    uint16_t rrclass = CLASS_IN;
    uint16_t type;
    size_t length = word_length(line);
    if (rrclass_from_text(line, length, &rrclass) == STATUS_OK) {
        line = skip_word(line, length);
        length = word_length(line);
    }
    if (rrtype_from_text(line, length, &type) != STATUS_OK) {
        puts("error\trecord type expected");
        return;
    }
    line = skip_word(line, length);
    if (*line == '=') {
        answer_wire(type, rrclass, line + 1, wire);
    } else {
        answer_text(type, rrclass, line, wire);
    }
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    uint8_t *rdata = malloc(RDATA_MAX);
    while (rdata && getline(&line, &capacity, stdin) >= 0) {
        byte_writer_t wire = byte_writer(rdata, RDATA_MAX);
        answer_line(line, &wire);
    }
    free(rdata);
    free(line);
    return rdata ? 0 : 1;
}
