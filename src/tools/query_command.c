/* portolan query: one question to one server; AXFR as a stream of records. */
#include "base/require.h"
#include "tools/query.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 256 * 1024 * 1024, ARENA_MAX_BYTES = 16 * 1024 * 1024, TRIES = 3, PORT_DNS = 53 };

/* ---- what is asked ---- */

static bool set_reverse(query_options_t *options, const char *text)
{
    char name[80];
    uint8_t bytes[16];
    size_t used = 0;
    if (inet_pton(AF_INET, text, bytes) == 1) {
        snprintf(name, sizeof name, "%u.%u.%u.%u.in-addr.arpa.", bytes[3], bytes[2], bytes[1], bytes[0]);
    } else if (inet_pton(AF_INET6, text, bytes) == 1) {
        for (int i = 15; i >= 0; i--) {
            used += (size_t)snprintf(name + used, sizeof name - used, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4);
        }
        snprintf(name + used, sizeof name - used, "ip6.arpa.");
    } else {
        (void)tool_fail("--reverse %s: an address expected", text);
        return false;
    }
    return name_from_text(&options->name, name, strlen(name), NULL, NULL) == STATUS_OK;
}

static bool set_name(query_options_t *options, const char *text)
{
    static const uint8_t root[NAME_PADDING] = {0};
    if (name_from_text(&options->name, text, strlen(text), root, NULL) == STATUS_OK) {
        return true;
    }
    (void)tool_fail("\"%s\" is not a domain name", text);
    return false;
}

typedef struct query_words {
    const char *server;
    const char *port;
    const char *udp_size;
    const char *rrclass;
    const char *timeout;
    bool reverse;
} query_words_t;

/* @SERVER may stand anywhere, then NAME, then TYPE. */
static bool take_operands(query_options_t *options, query_words_t *words, int argc, char **argv)
{
    const char *operands[2];
    int count = 0;
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '@') {
            words->server = argv[i];
        } else if (count < 2) {
            operands[count++] = argv[i];
        } else {
            (void)tool_fail("one word too many: %s", argv[i]);
            return false;
        }
    }
    if (count == 0) {
        (void)tool_fail("which name? portolan query [@SERVER] NAME [TYPE]");
        return false;
    }
    options->type = words->reverse ? TYPE_PTR : TYPE_A;
    if (count == 2 && rrtype_from_text(operands[1], strlen(operands[1]), &options->type) != STATUS_OK) {
        (void)tool_fail("\"%s\" is not a type of record", operands[1]);
        return false;
    }
    return words->reverse ? set_reverse(options, operands[0]) : set_name(options, operands[0]);
}

static bool take_numbers(query_options_t *options, const query_words_t *words, long *port)
{
    long udp_size = UDP_SIZE_DEFAULT;
    long timeout_s = 2;
    *port = PORT_DNS;
    if ((words->port && !tool_number("--port", words->port, 1, 65535, port)) ||
        (words->udp_size && !tool_number("--udp-size", words->udp_size, 0, 65535, &udp_size)) ||
        (words->timeout && !tool_number("--timeout", words->timeout, 1, 3600, &timeout_s))) {
        return false;
    }
    options->udp_size = (uint16_t)udp_size;
    options->timeout_ms = (int)timeout_s * 1000;
    options->rrclass = CLASS_IN;
    if (words->rrclass && rrclass_from_text(words->rrclass, strlen(words->rrclass), &options->rrclass) != STATUS_OK) {
        (void)tool_fail("--class %s: unknown class", words->rrclass);
        return false;
    }
    return true;
}

static bool find_server(query_options_t *options, const query_words_t *words, long port)
{
    buffer_t why;
    buffer_init(&why, 4096);
    status_t status = endpoint_parse(words->server ? words->server : "127.0.0.1", (uint16_t)port, &options->server, &why);
    if (status != STATUS_OK) {
        (void)tool_fail("%s", buffer_text(&why));
    }
    buffer_clear(&why);
    return status == STATUS_OK;
}

static int take_arguments(query_options_t *options, const command_t *command, int argc, char **argv)
{
    query_words_t words = {.server = NULL};
    const tool_option_t table[] = {{"--tcp", &options->tcp, NULL},
                                   {"--dnssec", &options->dnssec, NULL},
                                   {"--nsid", &options->nsid, NULL},
                                   {"--no-edns", &options->no_edns, NULL},
                                   {"--no-recurse", &options->no_recurse, NULL},
                                   {"--short", &options->short_form, NULL},
                                   {"--reverse", &words.reverse, NULL},
                                   {"--port", NULL, &words.port},
                                   {"--udp-size", NULL, &words.udp_size},
                                   {"--class", NULL, &words.rrclass},
                                   {"--timeout", NULL, &words.timeout},
                                   {NULL, NULL, NULL}};
    int done = tool_options(command, table, &argc, argv);
    if (done >= 0) {
        return done;
    }
    long port;
    bool good = take_operands(options, &words, argc, argv) && take_numbers(options, &words, &port) && find_server(options, &words, port);
    return good ? -1 : TOOL_TROUBLE;
}

size_t query_build(const query_options_t *options, uint8_t *out, size_t capacity)
{
    static const uint8_t nsid_option[4] = {0, EDNS_NSID, 0, 0};
    message_writer_t writer;
    message_writer_init(&writer, out, capacity, exchange_random_id(), options->no_recurse ? 0 : FLAG_RD);
    message_write_question(&writer, options->name.wire, options->type, options->rrclass);
    if (!options->no_edns) {
        status_t status = message_write_opt(&writer, options->udp_size, 0, 0, options->dnssec ? EDNS_FLAG_DO : 0, nsid_option,
                                            options->nsid ? sizeof nsid_option : 0);
        if (status != STATUS_OK) {
            return 0;
        }
    }
    return message_writer_finish(&writer);
}

/* ---- one answer ---- */

static int no_answer(const query_options_t *options, status_t status, const char *transport)
{
    buffer_t why;
    buffer_init(&why, 4096);
    exchange_explain(status, options->timeout_ms, &why);
    int result = tool_fail("%s over %s: %s", options->server.text, transport, buffer_text(&why));
    buffer_clear(&why);
    return result;
}

static int show_answer(const query_options_t *options, const uint8_t *reply, const query_outcome_t *outcome)
{
    arena_t arena;
    message_t answer;
    arena_init(&arena, 0, ARENA_MAX_BYTES);
    status_t status = message_parse(&answer, reply, outcome->size, &arena);
    int result = status == STATUS_OK ? TOOL_GOOD : tool_fail("the answer of %s is malformed", options->server.text);
    if (status == STATUS_OK) {
        result = answer.rcode == RCODE_NOERROR ? TOOL_GOOD : TOOL_NEGATIVE;
        if (options->json) {
            result = tool_write_json(query_json(options, &answer, outcome), result);
        } else {
            buffer_t text;
            buffer_init(&text, TEXT_MAX_BYTES);
            if (options->short_form) {
                query_print_short(&answer, &text);
            } else {
                query_print(options, &answer, outcome, &text);
            }
            result = tool_write(&text, result);
            buffer_clear(&text);
        }
    }
    arena_clear(&arena);
    return result;
}

static int ask(const query_options_t *options, const uint8_t *request, size_t size, uint8_t *reply)
{
    query_outcome_t outcome = {.transport = options->tcp ? "TCP" : "UDP"};
    exchange_times_t times = {.timeout_ms = options->timeout_ms, .tries = TRIES};
    status_t status = STATUS_OK;
    bool truncated = false;
    if (!options->tcp) {
        status = exchange_udp(&options->server, request, size, reply, MESSAGE_MAX, &outcome.size, &times);
        truncated = status == STATUS_OK && (load_be16(reply + 2) & FLAG_TC);
    }
    if (options->tcp || truncated) {
        outcome.transport = "TCP";
        status = exchange_tcp(&options->server, request, size, reply, &outcome.size, &times);
        if (status == STATUS_OK && !exchange_matches(request, size, reply, outcome.size)) {
            return tool_fail("%s over TCP: this is not the answer to the question", options->server.text);
        }
    }
    if (status != STATUS_OK) {
        return no_answer(options, status, outcome.transport);
    }
    if (times.ignored > 0) {
        fprintf(stderr, "portolan: %u datagram%s passed over that %s not the answer\n", times.ignored, times.ignored == 1 ? "" : "s",
                times.ignored == 1 ? "was" : "were");
    }
    outcome.round_ms = times.round_ms;
    return show_answer(options, reply, &outcome);
}

/* ---- transfers (RFC 5936) ---- */

/* Prints the records of one message; counts SOA records. TOOL_GOOD: there may be more. */
static int show_transfer_message(const query_options_t *options, const uint8_t *reply, size_t size, unsigned *soa_count)
{
    arena_t arena;
    message_t answer;
    buffer_t text;
    arena_init(&arena, 0, ARENA_MAX_BYTES);
    buffer_init(&text, TEXT_MAX_BYTES);
    int result = TOOL_GOOD;
    if (message_parse(&answer, reply, size, &arena) != STATUS_OK) {
        result = tool_fail("a message of the transfer is malformed");
    } else if (answer.rcode != RCODE_NOERROR || answer.count[SECTION_ANSWER] == 0) {
        (void)tool_fail("%s: transfer refused: %s", options->server.text, rcode_text(answer.rcode));
        result = TOOL_NEGATIVE;
    } else {
        for (uint16_t i = 0; i < answer.count[SECTION_ANSWER]; i++) {
            const record_t *record = &answer.records[SECTION_ANSWER][i];
            *soa_count += record->type == TYPE_SOA;
            query_print_record(record, &text);
        }
        result = tool_write(&text, TOOL_GOOD);
    }
    buffer_clear(&text);
    arena_clear(&arena);
    return result;
}

static int transfer(const query_options_t *options, const uint8_t *request, size_t size, uint8_t *reply)
{
    int fd = -1;
    unsigned soa_count = 0;
    status_t status = exchange_connect(&options->server, options->timeout_ms, &fd);
    if (status != STATUS_OK) {
        return no_answer(options, status, "TCP");
    }
    int result = TOOL_GOOD;
    status = exchange_send(fd, request, size);
    while (status == STATUS_OK && result == TOOL_GOOD && soa_count < 2) {
        size_t reply_size;
        status = exchange_receive(fd, options->timeout_ms, reply, &reply_size);
        if (status != STATUS_OK) {
            break;
        }
        if (reply_size < MESSAGE_HEADER_SIZE || memcmp(reply, request, 2) != 0 || !(load_be16(reply + 2) & FLAG_QR)) {
            result = tool_fail("%s: this is not the transfer asked for", options->server.text);
        } else {
            result = show_transfer_message(options, reply, reply_size, &soa_count);
        }
    }
    close(fd);
    return status == STATUS_OK ? result : no_answer(options, status, "TCP");
}

int run_query(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    query_options_t options = {.json = tool->json};
    int done = take_arguments(&options, command, argc, argv);
    if (done >= 0) {
        return done;
    }
    uint8_t request[512];
    size_t size = query_build(&options, request, sizeof request);
    uint8_t *reply = malloc(MESSAGE_MAX);
    if (size == 0 || !reply) {
        free(reply);
        return tool_fail("%s", status_text(STATUS_NO_MEMORY));
    }
    bool is_transfer = options.type == TYPE_AXFR;
    if (is_transfer && options.json) {
        free(reply);
        return tool_fail("a transfer is printed as records only, not as JSON");
    }
    int result = is_transfer ? transfer(&options, request, size, reply) : ask(&options, request, size, reply);
    free(reply);
    return result;
}
