#include "served.h"

#include "base/rcu.h"
#include "dnssec/nsec3_hash.h"
#include "fake_signer.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/builder.h"
#include "zone/parser.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void give_up(const char *what, const char *about)
{
    fprintf(stderr, "set-up failed: %s: %s\n", what, about);
    abort();
}

static name_t name_of(const char *text)
{
    name_t name;
    if (name_from_text(&name, text, strlen(text), NULL, NULL) != STATUS_OK) {
        give_up("not a name", text);
    }
    return name;
}

/* ---- zones ---- */

typedef struct loading {
    zone_builder_t *builder;
    zone_findings_t *findings;
} loading_t;

static status_t add_record(void *context, const zone_record_t *record)
{
    loading_t *loading = context;
    return zone_builder_add(loading->builder, record->owner, record->type, record->rrclass, record->ttl_s, record->rdata, record->rdlength,
                            loading->findings);
}

static const zone_contents_t *parse(const name_t *apex, const char *text)
{
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 10);
    loading_t loading = {.builder = zone_builder_new(apex->wire, CLASS_IN), .findings = zone_findings_new()};
    zone_parser_settings_t settings = {
        .origin = apex->wire,
        .rrclass = CLASS_IN,
        .file = "test",
        .diagnostics = &diagnostics,
        .record = add_record,
        .context = &loading,
    };
    const zone_contents_t *contents = NULL;
    if (!loading.builder || zone_parse_text(&settings, text, strlen(text)) != STATUS_OK) {
        give_up("zone text", diagnostics.first ? diagnostics.first->message : "?");
    }
    if (zone_builder_finish(loading.builder, loading.findings, &contents) != STATUS_OK) {
        give_up("zone contents", text);
    }
    zone_builder_free(loading.builder);
    zone_findings_free(loading.findings);
    diagnostics_clear(&diagnostics);
    return contents;
}

const zone_contents_t *served_zone(const char *apex, const char *text, served_signing_t signing)
{
    name_t name = name_of(apex);
    name_lower(name.wire, name.length);
    const zone_contents_t *contents = parse(&name, text);
    if (signing != SERVED_UNSIGNED) {
        const zone_contents_t *plain = contents;
        contents = fake_sign(plain, signing != SERVED_NSEC, signing == SERVED_NSEC3_OPT_OUT);
        zone_contents_unref(plain);
        if (!contents) {
            give_up("signing", apex);
        }
    }
    return contents;
}

void served_init(served_t *served)
{
    memset(served, 0, sizeof *served);
    served->address.v4.sin_family = AF_INET;
    served->address.v4.sin_addr.s_addr = htonl(0xc0000201);
    served->view = (dispatch_view_t){
        .minimal_responses = true,
        .udp_size_max = UDP_SIZE_DEFAULT,
        .transfers_max = 10,
        .tcp_idle_timeout_ds = 100,
        .transfers_running = &served->transfers_running,
    };
    if (zone_set_new(NULL, 0, &served->set) != STATUS_OK) {
        give_up("zone set", "empty");
    }
    served->view.zones = served->set;
    atomic_store(&served->published, &served->view);
    served->dispatch = dispatch_new(&served->published);
    if (!served->dispatch) {
        give_up("dispatch", "no memory");
    }
}

void served_clear(served_t *served)
{
    dispatch_free(served->dispatch);
    zone_set_free(served->set);
    for (size_t i = 0; i < served->count; i++) {
        const zone_contents_t *contents = atomic_load(&served->slots[i].contents);
        if (contents) {
            zone_contents_unref(contents);
        }
    }
}

void served_add(served_t *served, const char *apex, const char *text, served_signing_t signing)
{
    if (served->count == SERVED_ZONES_MAX) {
        give_up("too many zones", apex);
    }
    zone_slot_t *slot = &served->slots[served->count];
    slot->name = name_of(apex);
    name_lower(slot->name.wire, slot->name.length);
    slot->user = &served->access[served->count];
    atomic_store(&slot->contents, text ? served_zone(apex, text, signing) : NULL);
    served->count++;
    zone_slot_t *all[SERVED_ZONES_MAX];
    for (size_t i = 0; i < served->count; i++) {
        all[i] = &served->slots[i];
    }
    zone_set_free(served->set);
    if (zone_set_new(all, served->count, &served->set) != STATUS_OK) {
        give_up("zone set", apex);
    }
    served->view.zones = served->set;
}

/* ---- questions ---- */

size_t question_write(const question_t *question, uint8_t *out, size_t capacity)
{
    name_t name = name_of(question->name);
    byte_writer_t writer = byte_writer(out, capacity);
    byte_write_u16(&writer, 0x1234);
    byte_write_u16(&writer, question->flags);
    byte_write_u16(&writer, 1);
    byte_write_u16(&writer, 0);
    byte_write_u16(&writer, question->authority != NULL);
    byte_write_u16(&writer, question->edns);
    byte_write(&writer, name.wire, name.length);
    byte_write_u16(&writer, question->type);
    byte_write_u16(&writer, question->rrclass ? question->rrclass : CLASS_IN);
    if (question->authority) {
        byte_write(&writer, question->authority, question->authority_size);
    }
    if (question->edns) {
        byte_write_u8(&writer, 0);
        byte_write_u16(&writer, TYPE_OPT);
        byte_write_u16(&writer, question->udp_size ? question->udp_size : 4096);
        byte_write_u32(&writer, question->dnssec_ok ? 0x8000 : 0);
        byte_write_u16(&writer, (uint16_t)question->options_size);
        byte_write(&writer, question->options, question->options_size);
    }
    return writer.failed ? 0 : writer.position;
}

size_t served_ask_raw(served_t *served, const question_t *question, uint8_t *out, size_t capacity, net_reply_t *reply)
{
    uint8_t request[1024];
    size_t size = question_write(question, request, sizeof request);
    net_client_t client = {.address = &served->address, .protocol = served->protocol, .later = served->later};
    dispatch_answer(served->dispatch, &client, request, size, out, capacity, reply);
    return reply->size;
}

const char *served_ask(served_t *served, const question_t *question, buffer_t *text)
{
    uint8_t *out = served->out;
    net_reply_t reply;
    size_t size = served_ask_raw(served, question, out, served->protocol == NET_UDP ? 4096 : sizeof served->out, &reply);
    buffer_reset(text);
    if (size > 0) {
        served_print(out, size, text);
    }
    return buffer_text(text);
}

/* ---- answers as text ---- */

static void print_flags(const message_t *message, buffer_t *text)
{
    static const struct {
        uint16_t bit;
        const char *name;
    } flags[] = {
        {FLAG_QR, "qr"}, {FLAG_AA, "aa"}, {FLAG_TC, "tc"}, {FLAG_RD, "rd"},
        {FLAG_RA, "ra"}, {FLAG_Z, "z"},   {FLAG_AD, "ad"}, {FLAG_CD, "cd"},
    };
    buffer_append_text(text, rcode_text(message->rcode));
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (message->flags & flags[i].bit) {
            buffer_printf(text, " %s", flags[i].name);
        }
    }
    buffer_append_text(text, "\n");
}

static void print_record(const char *section, const record_t *record, buffer_t *text)
{
    char owner[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    name_to_text(record->owner, owner);
    rrtype_to_text(record->type, type);
    if (record->type == TYPE_NSEC3) {
        owner[4] = '\0';
        buffer_printf(text, "%s %s %u NSEC3\n", section, owner, record->ttl_s);
        return;
    }
    if (record->type == TYPE_RRSIG) {
        rrtype_to_text(load_be16(record->rdata), type);
        if (load_be16(record->rdata) == TYPE_NSEC3) {
            owner[4] = '\0';
        }
        buffer_printf(text, "%s %s %u RRSIG %s\n", section, owner, record->ttl_s, type);
        return;
    }
    buffer_printf(text, "%s %s %u %s ", section, owner, record->ttl_s, type);
    rdata_to_text(record->type, record->rrclass, record->rdata, record->rdlength, text);
    buffer_append_text(text, "\n");
}

static void print_opt(const edns_t *edns, buffer_t *text)
{
    buffer_printf(text, "OPT %u%s", edns->udp_size, edns->dnssec_ok ? " do" : "");
    byte_reader_t reader = byte_reader(edns->options, edns->options_size);
    while (byte_reader_left(&reader) > 0 && !reader.failed) {
        uint16_t code = byte_read_u16(&reader);
        uint16_t size = byte_read_u16(&reader);
        const uint8_t *data = byte_read(&reader, size);
        if (code == EDNS_PADDING) {
            buffer_printf(text, " padding %u", size);
            continue;
        }
        buffer_printf(text, " %u=", code);
        for (uint16_t i = 0; data && i < size; i++) {
            buffer_printf(text, "%02x", data[i]);
        }
    }
    buffer_append_text(text, "\n");
}

void served_print(const uint8_t *wire, size_t size, buffer_t *text)
{
    static const char *const sections[SECTION_COUNT] = {"AN", "AU", "AD"};
    arena_t arena;
    arena_init(&arena, 0, 16 << 20);
    message_t message;
    if (message_parse(&message, wire, size, &arena) != STATUS_OK) {
        buffer_append_text(text, "MALFORMED\n");
        arena_clear(&arena);
        return;
    }
    print_flags(&message, text);
    for (unsigned section = 0; section < SECTION_COUNT; section++) {
        for (unsigned i = 0; i < message.count[section]; i++) {
            print_record(sections[section], &message.records[section][i], text);
        }
    }
    if (message.edns.present) {
        print_opt(&message.edns, text);
    }
    arena_clear(&arena);
}

const char *served_hash(const char *name, char label[static 5])
{
    name_t wire = name_of(name);
    uint8_t hash[NSEC3_HASH_SIZE];
    uint8_t whole[NSEC3_LABEL_SIZE];
    nsec3_parameters_t parameters = {.iterations = 0};
    name_lower(wire.wire, wire.length);
    nsec3_hash(&parameters, wire.wire, wire.length, hash);
    nsec3_hash_to_label(hash, whole);
    memcpy(label, whole, 4);
    label[4] = '\0';
    return label;
}
