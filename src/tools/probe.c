/* The probes of `portolan check`. Each stands for something that strangers try on port 53; each says what it saw. */
#include "tools/probe.h"

#include "base/buffer.h"
#include "base/require.h"
#include "wire/rdata.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REQUEST_MAX = 512, SILENCE_MS = 500, TRIES = 2 };

void probe_found(probe_t *probe, const char *name, verdict_t verdict, const char *format, ...)
{
    if (!CHECK(probe->count < FINDINGS_MAX)) {
        return;
    }
    finding_t *finding = &probe->findings[probe->count++];
    *finding = (finding_t){.probe = name, .verdict = verdict};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
}

/* ---- asking ---- */

size_t probe_build(const probe_query_t *query, uint8_t *out, size_t capacity)
{
    message_writer_t writer;
    name_t name;
    if (query->wire) {
        name_set(&name, query->wire);
    } else if (name_from_text(&name, query->name, strlen(query->name), NULL, NULL) != STATUS_OK) {
        return 0;
    }
    message_writer_init(&writer, out, capacity, exchange_random_id(), query->flags);
    message_write_question(&writer, name.wire, query->type, query->rrclass ? query->rrclass : CLASS_IN);
    if (query->edns) {
        const uint8_t option[4] = {(uint8_t)(query->option >> 8), (uint8_t)query->option, 0, 0};
        status_t status = message_write_opt(&writer, query->udp_size ? query->udp_size : UDP_SIZE_DEFAULT, 0, query->edns_version,
                                            query->edns_flags, option, query->option ? sizeof option : 0);
        if (status != STATUS_OK) {
            return 0;
        }
    }
    return message_writer_finish(&writer);
}

static status_t parse(probe_t *probe)
{
    arena_reset(&probe->arena);
    return message_parse(&probe->answer, probe->reply, probe->reply_size, &probe->arena);
}

status_t probe_ask(probe_t *probe, const probe_query_t *query, bool tcp)
{
    uint8_t request[REQUEST_MAX];
    size_t size = probe_build(query, request, sizeof request);
    exchange_times_t times = {.timeout_ms = probe->timeout_ms, .tries = TRIES};
    if (!CHECK(size > 0)) {
        return STATUS_INVALID;
    }
    status_t status = tcp ? exchange_tcp(&probe->server, request, size, probe->reply, &probe->reply_size, &times)
                          : exchange_udp(&probe->server, request, size, probe->reply, MESSAGE_MAX, &probe->reply_size, &times);
    if (status == STATUS_OK && tcp && !exchange_matches(request, size, probe->reply, probe->reply_size)) {
        status = STATUS_MALFORMED;
    }
    return status == STATUS_OK ? parse(probe) : status;
}

status_t probe_send(probe_t *probe, const uint8_t *request, size_t size, int wait_ms)
{
    exchange_times_t times = {.timeout_ms = wait_ms, .tries = 1};
    return exchange_udp(&probe->server, request, size, probe->reply, MESSAGE_MAX, &probe->reply_size, &times);
}

static const char *explain(const probe_t *probe, status_t status, char text[static 128])
{
    buffer_t out;
    buffer_init(&out, 4096);
    exchange_explain(status, probe->timeout_ms, &out);
    snprintf(text, 128, "%s", status == STATUS_MALFORMED ? "the answer is malformed" : buffer_text(&out));
    buffer_clear(&out);
    return text;
}

static bool has_edns(const probe_t *probe)
{
    return probe->answer.edns.present;
}

/* ---- transports ---- */

static bool probe_transport(probe_t *probe, bool tcp)
{
    char why[128];
    const char *name = tcp ? "tcp" : "udp";
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA};
    status_t status = probe_ask(probe, &query, tcp);
    if (status == STATUS_OK) {
        probe_found(probe, name, VERDICT_GOOD, "answers over %s (%s)", tcp ? "TCP" : "UDP", rcode_text(probe->answer.rcode));
    } else {
        probe_found(probe, name, VERDICT_BAD, "no use over %s: %s", tcp ? "TCP" : "UDP", explain(probe, status, why));
    }
    return status == STATUS_OK;
}

/* Two requests in one write: both are answered on the same connection, in any order (RFC 7766 6.2.1.1). */
static void probe_pipelining(probe_t *probe)
{
    uint8_t request[REQUEST_MAX];
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA};
    int fd = -1;
    unsigned answers = 0;
    status_t status = exchange_connect(&probe->server, probe->timeout_ms, &fd);
    for (unsigned i = 0; i < 2 && status == STATUS_OK; i++) {
        size_t size = probe_build(&query, request, sizeof request);
        status = exchange_send(fd, request, size);
    }
    while (status == STATUS_OK && answers < 2) {
        status = exchange_receive(fd, probe->timeout_ms, probe->reply, &probe->reply_size);
        answers += status == STATUS_OK;
    }
    if (fd >= 0) {
        close(fd);
    }
    probe_found(probe, "tcp-pipelining", answers == 2 ? VERDICT_GOOD : VERDICT_BAD,
                answers == 2 ? "answers several questions on one connection" : "answers %u of two questions on one connection", answers);
}

/* The zone: authoritative, and the same over both. */
static void probe_zone(probe_t *probe)
{
    const probe_query_t query = {.wire = probe->zone, .type = TYPE_SOA};
    char zone[NAME_TEXT_MAX];
    name_to_text(probe->zone, zone);
    if (probe_ask(probe, &query, !probe->udp_answers) != STATUS_OK) {
        return;
    }
    bool good = probe->answer.rcode == RCODE_NOERROR && (probe->answer.flags & FLAG_AA) && probe->answer.count[SECTION_ANSWER] > 0;
    if (good) {
        probe_found(probe, "zone", VERDICT_GOOD, "is authoritative for %.100s", zone);
    } else {
        probe_found(probe, "zone", VERDICT_BAD, "is not authoritative for %.100s: %s%s", zone, rcode_text(probe->answer.rcode),
                    probe->answer.flags & FLAG_AA ? "" : " without AA");
    }
}

void probe_transports(probe_t *probe)
{
    probe->udp_answers = probe_transport(probe, false);
    probe->tcp_answers = probe_transport(probe, true);
    if (probe->tcp_answers) {
        probe_pipelining(probe);
    }
    if (probe->zone && (probe->udp_answers || probe->tcp_answers)) {
        probe_zone(probe);
    }
}

/* ---- EDNS (RFC 6891, RFC 8906 8.2) ---- */

static void probe_edns_version(probe_t *probe)
{
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA, .edns = true, .edns_version = 1};
    if (probe_ask(probe, &query, false) != STATUS_OK) {
        probe_found(probe, "edns-version", VERDICT_BAD, "is silent when asked with EDNS version 1 (BADVERS is right)");
    } else if (probe->answer.rcode == RCODE_BADVERS && has_edns(probe)) {
        probe_found(probe, "edns-version", VERDICT_GOOD, "refuses EDNS versions it does not know (BADVERS)");
    } else {
        probe_found(probe, "edns-version", VERDICT_BAD, "answers EDNS version 1 with %s (BADVERS is right)",
                    rcode_text(probe->answer.rcode));
    }
}

static void probe_edns_unknown(probe_t *probe)
{
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA, .edns = true, .edns_flags = 0x0080, .option = 100};
    if (probe_ask(probe, &query, false) != STATUS_OK) {
        probe_found(probe, "edns-unknown", VERDICT_BAD, "is silent when asked with an unknown EDNS option and flag");
        return;
    }
    bool good = has_edns(probe) && (probe->answer.edns.flags & 0x7fff) == 0 && probe->answer.rcode != RCODE_FORMERR &&
                probe->answer.rcode != RCODE_BADVERS;
    probe_found(probe, "edns-unknown", good ? VERDICT_GOOD : VERDICT_BAD,
                good ? "ignores EDNS options and flags it does not know" : "is confused by an unknown EDNS option and flag");
}

void probe_edns(probe_t *probe)
{
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA, .edns = true, .edns_flags = EDNS_FLAG_DO};
    if (!probe->udp_answers) {
        return;
    }
    if (probe_ask(probe, &query, false) != STATUS_OK || !has_edns(probe)) {
        probe_found(probe, "edns", VERDICT_BAD, "does not speak EDNS");
        return;
    }
    uint16_t size = probe->answer.edns.udp_size;
    probe_found(probe, "edns", VERDICT_GOOD, "speaks EDNS, takes UDP messages of %u bytes", size);
    if (size > 1232) {
        probe_found(probe, "edns-size", VERDICT_NOTE, "offers more than 1232 bytes: messages of that size may be fragmented");
    }
    probe_edns_version(probe);
    probe_edns_unknown(probe);
}

/* ---- what strangers may do ---- */

static void probe_transfer(probe_t *probe)
{
    char zone[NAME_TEXT_MAX] = ".";
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_AXFR};
    if (probe->zone) {
        name_to_text(probe->zone, zone);
    }
    status_t status = probe_ask(probe, &query, true);
    if (status == STATUS_OK && probe->answer.rcode == RCODE_NOERROR && probe->answer.count[SECTION_ANSWER] > 0) {
        probe_found(probe, "transfer", VERDICT_BAD, "hands the whole zone %.100s to us: check who else may have it", zone);
    } else {
        probe_found(probe, "transfer", VERDICT_GOOD, "does not transfer %.100s to us%s%s%s", zone, status == STATUS_OK ? " (" : "",
                    status == STATUS_OK ? rcode_text(probe->answer.rcode) : "", status == STATUS_OK ? ")" : "");
    }
}

/* How much more comes back than was sent: what an attacker with a false address would gain (RFC 8482, RFC 5358). */
static void probe_amplification(probe_t *probe)
{
    uint8_t request[REQUEST_MAX];
    const probe_query_t query = {
        .name = ".", .wire = probe->zone, .type = TYPE_ANY, .edns = true, .edns_flags = EDNS_FLAG_DO, .udp_size = 65535};
    size_t size = probe_build(&query, request, sizeof request);
    if (probe_send(probe, request, size, probe->timeout_ms) != STATUS_OK) {
        probe_found(probe, "amplification", VERDICT_NOTE, "is silent when asked for ANY");
        return;
    }
    double factor = (double)probe->reply_size / (double)size;
    bool large = probe->reply_size > 4096;
    probe_found(probe, "amplification",
                large                      ? VERDICT_BAD
                : probe->reply_size > 1500 ? VERDICT_NOTE
                                           : VERDICT_GOOD,
                "answers ANY over UDP with %zu bytes, %.1f times the question", probe->reply_size, factor);
}

void probe_openness(probe_t *probe)
{
    probe_recursion(probe);
    if (probe->tcp_answers) {
        probe_transfer(probe);
    }
    if (probe->udp_answers) {
        probe_amplification(probe);
    }
}

/* ---- what it tells of itself (RFC 4892) ---- */

static bool has_digit(const char *text)
{
    return text[strcspn(text, "0123456789")] != 0;
}

static void probe_chaos(probe_t *probe, const char *id, const char *name)
{
    const probe_query_t query = {.name = name, .type = TYPE_TXT, .rrclass = CLASS_CH};
    status_t status = probe_ask(probe, &query, !probe->udp_answers);
    if (status != STATUS_OK || probe->answer.rcode != RCODE_NOERROR || probe->answer.count[SECTION_ANSWER] == 0) {
        probe_found(probe, id, VERDICT_GOOD, "hides %s (%s)", name, status == STATUS_OK ? rcode_text(probe->answer.rcode) : "no answer");
        return;
    }
    const record_t *record = &probe->answer.records[SECTION_ANSWER][0];
    buffer_t text;
    buffer_init(&text, 4096);
    rdata_to_text(record->type, record->rrclass, record->rdata, record->rdlength, &text);
    bool tells_version = strcmp(id, "version") == 0 && has_digit(buffer_text(&text));
    probe_found(probe, id, VERDICT_NOTE, "tells %s: %.120s%s", name, buffer_text(&text),
                tells_version ? ": a version number helps those who look for known holes" : "");
    buffer_clear(&text);
}

void probe_identity(probe_t *probe)
{
    probe_chaos(probe, "version", "version.bind.");
    probe_chaos(probe, "hostname", "hostname.bind.");
    probe_chaos(probe, "identity", "id.server.");
}

/* ---- odd messages (RFC 8906, RFC 9619) ---- */

/* A response is never answered: two servers could go on for ever. */
static void probe_response(probe_t *probe)
{
    uint8_t request[REQUEST_MAX];
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA, .flags = FLAG_QR};
    size_t size = probe_build(&query, request, sizeof request);
    bool silent = probe_send(probe, request, size, SILENCE_MS) != STATUS_OK;
    probe_found(probe, "response", silent ? VERDICT_GOOD : VERDICT_BAD,
                silent ? "does not answer responses" : "answers responses: two servers can be set upon each other");
}

static void probe_odd(probe_t *probe, const char *id, uint16_t flags, uint16_t questions, const char *what)
{
    uint8_t request[REQUEST_MAX];
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA, .flags = flags};
    size_t size = probe_build(&query, request, sizeof request);
    store_be16(request + 4, questions);
    status_t status = probe_send(probe, request, size, probe->timeout_ms);
    unsigned rcode = status == STATUS_OK ? load_be16(probe->reply + 2) & 15u : 0;
    unsigned right = questions == 1 ? RCODE_NOTIMP : RCODE_FORMERR;
    if (status == STATUS_OK && rcode == right) {
        probe_found(probe, id, VERDICT_GOOD, "answers %s with %s", what, rcode_text((uint16_t)rcode));
    } else {
        probe_found(probe, id, VERDICT_NOTE, "answers %s with %s (%s is right)", what,
                    status == STATUS_OK ? rcode_text((uint16_t)rcode) : "silence", rcode_text((uint16_t)right));
    }
}

/* Still there after bytes that are no message at all. */
static void probe_garbage(probe_t *probe)
{
    uint8_t garbage[REQUEST_MAX];
    for (size_t i = 0; i < sizeof garbage; i++) {
        garbage[i] = (uint8_t)(i * 37 + 11);
    }
    garbage[2] &= 0x7f; /* a request */
    status_t ignored = probe_send(probe, garbage, sizeof garbage, SILENCE_MS);
    (void)ignored; /* any answer or none: what counts is the next question */
    const probe_query_t query = {.name = ".", .wire = probe->zone, .type = TYPE_SOA};
    bool alive = probe_ask(probe, &query, false) == STATUS_OK;
    probe_found(probe, "garbage", alive ? VERDICT_GOOD : VERDICT_BAD,
                alive ? "still answers after bytes that are no message" : "does not answer any more after bytes that are no message");
}

void probe_oddities(probe_t *probe)
{
    enum { UNKNOWN_OPCODE = 15 << 11 };
    if (probe->udp_answers) {
        probe_response(probe);
        probe_odd(probe, "opcode", UNKNOWN_OPCODE, 1, "an unknown opcode");
        probe_odd(probe, "questions", 0, 2, "two questions in one message");
        probe_garbage(probe);
    }
}
