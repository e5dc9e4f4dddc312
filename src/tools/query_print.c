/* How the answer to `portolan query` is shown. */
#include "tools/query.h"

#include "base/require.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 16 * 1024 * 1024 };

static const char *const section_names[SECTION_COUNT] = {"answer", "authority", "additional"};

static const struct {
    uint16_t bit;
    const char *name;
} flag_names[] = {{FLAG_QR, "qr"}, {FLAG_AA, "aa"}, {FLAG_TC, "tc"}, {FLAG_RD, "rd"},
                  {FLAG_RA, "ra"}, {FLAG_Z, "z"},   {FLAG_AD, "ad"}, {FLAG_CD, "cd"}};

/* ---- EDNS options ---- */

typedef struct option {
    uint16_t code;
    uint16_t size;
    const uint8_t *data;
} option_t;

static bool next_option(byte_reader_t *reader, option_t *option)
{
    if (byte_reader_left(reader) < 4) {
        return false;
    }
    option->code = byte_read_u16(reader);
    option->size = byte_read_u16(reader);
    option->data = byte_read(reader, option->size);
    return !reader->failed;
}

/* Bytes as text where they are ASCII, \DDD elsewhere: what a server sends must not steer a terminal. */
static void print_bytes(const uint8_t *data, size_t size, buffer_t *out)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] >= 0x20 && data[i] < 0x7f && data[i] != '"' && data[i] != '\\') {
            buffer_append_byte(out, data[i]);
        } else {
            buffer_printf(out, "\\%03u", data[i]);
        }
    }
}

static void print_option(const option_t *option, buffer_t *out)
{
    switch (option->code) {
    case EDNS_NSID:
        buffer_append_text(out, "nsid \"");
        print_bytes(option->data, option->size, out);
        buffer_append_text(out, "\"");
        return;
    case EDNS_EDE:
        if (option->size >= 2) {
            buffer_printf(out, "extended error %u", load_be16(option->data));
            buffer_append_text(out, option->size > 2 ? " \"" : "");
            print_bytes(option->data + 2, option->size - 2u, out);
            buffer_append_text(out, option->size > 2 ? "\"" : "");
            return;
        }
        break;
    case EDNS_TCP_KEEPALIVE:
        if (option->size == 2) {
            buffer_printf(out, "keepalive %g s", load_be16(option->data) / 10.0);
            return;
        }
        break;
    case EDNS_EXPIRE:
        if (option->size == 4) {
            buffer_printf(out, "expire %u s", load_be32(option->data));
            return;
        }
        break;
    case EDNS_PADDING:
        buffer_printf(out, "padding %u", option->size);
        return;
    default:
        break;
    }
    buffer_printf(out, "option %u ", option->code);
    for (size_t i = 0; i < option->size; i++) {
        buffer_printf(out, "%02x", option->data[i]);
    }
}

/* ---- for people ---- */

void query_print_record(const record_t *record, buffer_t *out)
{
    char name[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    char rrclass[RRTYPE_TEXT_MAX];
    name_to_text(record->owner, name);
    rrtype_to_text(record->type, type);
    rrclass_to_text(record->rrclass, rrclass);
    buffer_printf(out, "%s %u %s %s ", name, record->ttl_s, rrclass, type);
    rdata_to_text(record->type, record->rrclass, record->rdata, record->rdlength, out);
    buffer_append_byte(out, '\n');
}

void query_print_short(const message_t *answer, buffer_t *out)
{
    for (uint16_t i = 0; i < answer->count[SECTION_ANSWER]; i++) {
        const record_t *record = &answer->records[SECTION_ANSWER][i];
        rdata_to_text(record->type, record->rrclass, record->rdata, record->rdlength, out);
        buffer_append_byte(out, '\n');
    }
}

static void print_question(const message_t *answer, buffer_t *out)
{
    char name[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    char rrclass[RRTYPE_TEXT_MAX];
    if (!answer->question_name) {
        return;
    }
    name_to_text(answer->question_name, name);
    rrtype_to_text(answer->question_type, type);
    rrclass_to_text(answer->question_class, rrclass);
    buffer_printf(out, ";; question: %s %s %s\n", name, rrclass, type);
}

static void print_edns(const edns_t *edns, buffer_t *out)
{
    if (!edns->present) {
        return;
    }
    buffer_printf(out, ";; EDNS version %u, UDP size %u%s", edns->version, edns->udp_size, edns->dnssec_ok ? ", do" : "");
    byte_reader_t reader = byte_reader(edns->options, edns->options_size);
    option_t option;
    while (next_option(&reader, &option)) {
        buffer_append_text(out, ", ");
        print_option(&option, out);
    }
    buffer_append_byte(out, '\n');
}

void query_print(const query_options_t *options, const message_t *answer, const query_outcome_t *outcome, buffer_t *out)
{
    buffer_printf(out, ";; %s, flags", rcode_text(answer->rcode));
    for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
        if (answer->flags & flag_names[i].bit) {
            buffer_printf(out, " %s", flag_names[i].name);
        }
    }
    if (answer->opcode != OPCODE_QUERY) {
        buffer_printf(out, ", opcode %s", opcode_text(answer->opcode));
    }
    buffer_append_byte(out, '\n');
    print_edns(&answer->edns, out);
    print_question(answer, out);
    for (section_t section = SECTION_ANSWER; section < SECTION_COUNT; section++) {
        if (answer->count[section] > 0) {
            buffer_printf(out, "\n;; %s\n", section_names[section]);
        }
        for (uint16_t i = 0; i < answer->count[section]; i++) {
            query_print_record(&answer->records[section][i], out);
        }
    }
    buffer_printf(out, "\n;; %zu bytes from %s over %s in %.2f ms\n", outcome->size, options->server.text, outcome->transport,
                  outcome->round_ms);
}

/* ---- JSON ---- */

static json_t *record_json(const record_t *record)
{
    char name[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    char rrclass[RRTYPE_TEXT_MAX];
    buffer_t rdata;
    buffer_init(&rdata, TEXT_MAX_BYTES);
    name_to_text(record->owner, name);
    rrtype_to_text(record->type, type);
    rrclass_to_text(record->rrclass, rrclass);
    rdata_to_text(record->type, record->rrclass, record->rdata, record->rdlength, &rdata);
    json_t *object = json_pack("{s:s, s:I, s:s, s:s, s:s}", "name", name, "ttl", (json_int_t)record->ttl_s, "class", rrclass, "type", type,
                               "rdata", buffer_text(&rdata));
    buffer_clear(&rdata);
    return object;
}

static json_t *edns_json(const edns_t *edns)
{
    if (!edns->present) {
        return json_null();
    }
    json_t *list = json_array();
    byte_reader_t reader = byte_reader(edns->options, edns->options_size);
    option_t option;
    while (next_option(&reader, &option)) {
        buffer_t text;
        buffer_init(&text, TEXT_MAX_BYTES);
        print_option(&option, &text);
        json_array_append_new(list, json_pack("{s:i, s:s}", "code", (int)option.code, "text", buffer_text(&text)));
        buffer_clear(&text);
    }
    return json_pack("{s:i, s:i, s:b, s:o}", "version", (int)edns->version, "udp-size", (int)edns->udp_size, "dnssec-ok", edns->dnssec_ok,
                     "options", list);
}

static json_t *flags_json(const message_t *answer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
        if (answer->flags & flag_names[i].bit) {
            json_array_append_new(list, json_string(flag_names[i].name));
        }
    }
    return list;
}

json_t *query_json(const query_options_t *options, const message_t *answer, const query_outcome_t *outcome)
{
    json_t *object = json_pack("{s:s, s:s, s:f, s:I, s:i, s:s, s:o, s:o}", "server", options->server.text, "transport", outcome->transport,
                               "milliseconds", outcome->round_ms, "bytes", (json_int_t)outcome->size, "id", (int)answer->id, "rcode",
                               rcode_text(answer->rcode), "flags", flags_json(answer), "edns", edns_json(&answer->edns));
    if (!object) {
        return NULL;
    }
    for (section_t section = SECTION_ANSWER; section < SECTION_COUNT; section++) {
        json_t *list = json_array();
        for (uint16_t i = 0; i < answer->count[section]; i++) {
            json_array_append_new(list, record_json(&answer->records[section][i]));
        }
        json_object_set_new(object, section_names[section], list);
    }
    return object;
}
