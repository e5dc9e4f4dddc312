/* One request in, one answer out: the header, EDNS, what is refused and how, CHAOS, transfers, counters (server/dispatch.h). */
#include "served.h"
#include "server/transfer.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char zone_text[] = "$TTL 3600\n"
                                "@ SOA ns1 host 7 7200 900 1209600 300\n"
                                "@ NS ns1\n"
                                "@ TXT \"apex\"\n"
                                "ns1 A 192.0.2.1\n"
                                "www A 192.0.2.3\n"
                                "sub NS ns.sub\n"
                                "ns.sub A 192.0.2.9\n";

#define APEX_SOA "AN example. 3600 SOA ns1.example. host.example. 7 7200 900 1209600 300\n"

typedef struct fixture {
    served_t served;
    buffer_t text;
    acl_t *everybody;
} fixture_t;

static fixture_t *begin(void)
{
    fixture_t *fixture = test_calloc(1, sizeof *fixture);
    served_init(&fixture->served);
    buffer_init(&fixture->text, 8 << 20);
    served_add(&fixture->served, "example.", zone_text, SERVED_UNSIGNED);
    fixture->everybody = acl_new();
    assert_non_null(fixture->everybody);
    assert_int_equal(acl_add(fixture->everybody, "192.0.2.0/24", 12), STATUS_OK);
    return fixture;
}

static void end(fixture_t *fixture)
{
    served_clear(&fixture->served);
    acl_free(fixture->everybody);
    buffer_clear(&fixture->text);
    test_free(fixture);
}

static const char *ask(fixture_t *fixture, const question_t *question)
{
    return served_ask(&fixture->served, question, &fixture->text);
}

static uint64_t count(const fixture_t *fixture, dispatch_counter_t counter)
{
    return dispatch_count(fixture->served.dispatch, counter);
}

/* Sends bytes as they are. */
static size_t send_raw(fixture_t *fixture, const void *request, size_t size, uint8_t *out, size_t capacity)
{
    net_client_t client = {.address = &fixture->served.address, .protocol = fixture->served.protocol};
    net_reply_t reply;
    dispatch_answer(fixture->served.dispatch, &client, request, size, out, capacity, &reply);
    return reply.size;
}

/* ---- header ---- */

static void sets_header_bits(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "www.example.", .type = TYPE_A, .flags = FLAG_RD | FLAG_CD | FLAG_AD | FLAG_Z};
    /* RD is copied; RA, AD, CD and Z are not set (RFC 1035 4.1.1, RFC 4035 3.1.6). */
    assert_string_equal(ask(f, &question), "NOERROR qr aa rd\nAN www.example. 3600 A 192.0.2.3\n");
    uint8_t out[512];
    net_reply_t reply;
    size_t size = served_ask_raw(&f->served, &question, out, sizeof out, &reply);
    assert_int_equal(load_be16(out), 0x1234);
    assert_int_equal(size, 12 + 17 + 16);
    end(f);
}

static void answers_no_responses(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "www.example.", .type = TYPE_A, .flags = FLAG_QR};
    assert_string_equal(ask(f, &question), "");
    uint8_t out[512];
    assert_int_equal(send_raw(f, "\x12\x34\0\0\0\1\0\0\0\0\0", 11, out, sizeof out), 0);
    assert_int_equal(count(f, COUNT_DROPPED), 2);
    assert_int_equal(count(f, COUNT_QUERIES_UDP), 2);
    assert_int_equal(count(f, COUNT_ANSWERS), 0);
    end(f);
}

static void tells_format_errors(void **state)
{
    (void)state;
    fixture_t *f = begin();
    uint8_t request[512];
    uint8_t out[512];
    question_t question = {.name = "www.example.", .type = TYPE_A};
    size_t size = question_write(&question, request, sizeof request);
    request[5] = 2; /* two questions (RFC 9619) */
    assert_int_equal(send_raw(f, request, size, out, sizeof out), 12);
    assert_int_equal(out[3] & 15, RCODE_FORMERR);
    assert_int_equal(load_be16(out + 4), 0);
    request[5] = 1;
    request[size] = 0; /* a byte too many */
    assert_true(send_raw(f, request, size + 1, out, sizeof out) > 0);
    assert_int_equal(out[3] & 15, RCODE_FORMERR);
    assert_int_equal(count(f, COUNT_FORMERR), 2);
    end(f);
}

static void knows_opcodes(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "example.", .type = TYPE_SOA, .flags = OPCODE_NOTIFY << 11};
    assert_string_equal(ask(f, &question), "REFUSED qr\n");
    question.name = "other.";
    assert_string_equal(ask(f, &question), "NOTAUTH qr\n");
    question = (question_t){.name = "example.", .type = TYPE_SOA, .flags = OPCODE_UPDATE << 11};
    assert_string_equal(ask(f, &question), "NOTIMP qr\n");
    question.name = "other.";
    assert_string_equal(ask(f, &question), "NOTAUTH qr\n");
    question.flags = 15 << 11;
    assert_string_equal(ask(f, &question), "NOTIMP qr\n");
    question.flags = OPCODE_STATUS << 11;
    assert_string_equal(ask(f, &question), "NOTIMP qr\n");
    end(f);
}

static void knows_classes_and_types(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "www.example.", .type = TYPE_A, .rrclass = CLASS_ANY};
    assert_string_equal(ask(f, &question), "REFUSED qr\n");
    question.rrclass = CLASS_HS;
    assert_string_equal(ask(f, &question), "REFUSED qr\n");
    question = (question_t){.name = "www.example.", .type = TYPE_MAILB};
    assert_string_equal(ask(f, &question), "NOTIMP qr\n");
    question.type = TYPE_OPT;
    assert_string_equal(ask(f, &question), "FORMERR qr\n");
    end(f);
}

/* ---- EDNS ---- */

static void speaks_edns(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "www.example.", .type = TYPE_A, .edns = true};
    assert_string_equal(ask(f, &question), "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.3\nOPT 1232\n");
    question.dnssec_ok = true;
    assert_string_equal(ask(f, &question), "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.3\nOPT 1232 do\n");
    f->served.view.udp_size_max = 4096;
    assert_string_equal(ask(f, &question), "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.3\nOPT 4096 do\n");
    end(f);
}

static void refuses_other_versions(void **state)
{
    (void)state;
    fixture_t *f = begin();
    uint8_t request[512];
    uint8_t out[512];
    question_t question = {.name = "www.example.", .type = TYPE_A, .edns = true};
    size_t size = question_write(&question, request, sizeof request);
    request[size - 5] = 1; /* version, behind the extended RCODE */
    size = send_raw(f, request, size, out, sizeof out);
    buffer_reset(&f->text);
    served_print(out, size, &f->text);
    assert_string_equal(buffer_text(&f->text), "BADVERS qr\nOPT 1232\n");
    assert_int_equal(count(f, COUNT_BADVERS), 1);
    end(f);
}

static void gives_options_that_were_asked_for(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static const uint8_t nsid[] = {0, EDNS_NSID, 0, 0};
    static const uint8_t version[] = {0, EDNS_ZONEVERSION, 0, 0};
    static const uint8_t expire[] = {0, EDNS_EXPIRE, 0, 0};
    static const uint8_t keepalive[] = {0, EDNS_TCP_KEEPALIVE, 0, 0};
    question_t question = {.name = "example.", .type = TYPE_SOA, .edns = true, .options = nsid, .options_size = 4};
    assert_string_equal(ask(f, &question), "NOERROR qr aa\n" APEX_SOA "OPT 1232\n");
    f->served.view.nsid = "ab";
    assert_string_equal(ask(f, &question), "NOERROR qr aa\n" APEX_SOA "OPT 1232 3=6162\n");
    question.options = version;
    assert_string_equal(ask(f, &question), "NOERROR qr aa\n" APEX_SOA "OPT 1232 19=010000000007\n");
    question.options = expire;
    assert_string_equal(ask(f, &question), "NOERROR qr aa\n" APEX_SOA "OPT 1232 9=00127500\n");
    question.options = keepalive; /* ignored on UDP (RFC 7828 3.3.1) */
    assert_string_equal(ask(f, &question), "NOERROR qr aa\n" APEX_SOA "OPT 1232\n");
    f->served.protocol = NET_TCP;
    assert_string_equal(ask(f, &question), "NOERROR qr aa\n" APEX_SOA "OPT 1232 11=0064\n");
    end(f);
}

static void pads_where_it_helps(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static const uint8_t padding[] = {0, EDNS_PADDING, 0, 0};
    question_t question = {.name = "www.example.", .type = TYPE_A, .edns = true, .options = padding, .options_size = 4};
    uint8_t out[MESSAGE_MAX];
    net_reply_t reply;
    f->served.protocol = NET_TLS;
    assert_int_equal(served_ask_raw(&f->served, &question, out, sizeof out, &reply), 468);
    f->served.protocol = NET_TCP;
    assert_true(served_ask_raw(&f->served, &question, out, sizeof out, &reply) < 100);
    end(f);
}

static void rejects_unknown_keys(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static const uint8_t tsig[] = "\3key\0\0\372\0\377\0\0\0\0\0\75\13hmac-sha256\0\0\0\1\2\3\4\1\54\0\40"
                                  "0123456789abcdef0123456789abcdef\x12\x34\0\0\0\0";
    uint8_t request[512];
    uint8_t out[512];
    question_t question = {.name = "www.example.", .type = TYPE_A};
    size_t size = question_write(&question, request, sizeof request);
    memcpy(request + size, tsig, sizeof tsig - 1);
    request[11] = 1;
    size = send_raw(f, request, size + sizeof tsig - 1, out, sizeof out);
    assert_int_equal(out[3] & 15, RCODE_NOTAUTH);
    assert_int_equal(load_be16(out + 10), 1);
    /* key, type, class, TTL, length, algorithm, time, fudge, no MAC, original id, BADKEY, nothing else (RFC 8945 5.3.2) */
    static const uint8_t expected[] = "\3key\0\0\372\0\377\0\0\0\0\0\35\13hmac-sha256\0\0\0\1\2\3\4\1\54\0\0\x12\x34\0\21\0\0";
    assert_int_equal(size, 12 + 17 + sizeof expected - 1);
    assert_memory_equal(out + 12 + 17, expected, sizeof expected - 1);
    end(f);
}

/* ---- CHAOS ---- */

static void answers_chaos(void **state)
{
    (void)state;
    fixture_t *f = begin();
    uint8_t out[512];
    net_reply_t reply;
    question_t question = {.name = "version.bind.", .type = TYPE_TXT, .rrclass = CLASS_CH};
    assert_string_equal(ask(f, &question), "REFUSED qr\n");
    f->served.view.version = "Portolan";
    f->served.view.hostname = "here";
    assert_string_equal(ask(f, &question), "NOERROR qr aa\nAN version.bind. 0 TXT \"Portolan\"\n");
    question.name = "VERSION.Server.";
    assert_string_equal(ask(f, &question), "NOERROR qr aa\nAN VERSION.Server. 0 TXT \"Portolan\"\n");
    question.name = "id.server.";
    assert_string_equal(ask(f, &question), "NOERROR qr aa\nAN id.server. 0 TXT \"here\"\n");
    size_t size = served_ask_raw(&f->served, &question, out, sizeof out, &reply);
    assert_memory_equal(out + size - 17 + 4, "\0\3", 2); /* class CH in the record */
    question.name = "hostname.bind.";
    assert_string_equal(ask(f, &question), "NOERROR qr aa\nAN hostname.bind. 0 TXT \"here\"\n");
    question.name = "authors.bind.";
    assert_string_equal(ask(f, &question), "REFUSED qr\n");
    question = (question_t){.name = "www.example.", .type = TYPE_A, .rrclass = CLASS_CH};
    assert_string_equal(ask(f, &question), "REFUSED qr\n");
    assert_int_equal(count(f, COUNT_CHAOS), 8);
    end(f);
}

/* ---- transfers ---- */

/* Runs the stream to its end; prints every message. Returns how many there were. */
static unsigned drain(fixture_t *fixture, net_stream_t *stream)
{
    unsigned messages = 0;
    size_t size;
    buffer_reset(&fixture->text);
    while (stream->next(stream, fixture->served.out, sizeof fixture->served.out, &size) == STATUS_OK) {
        assert_true(size <= MESSAGE_MAX);
        assert_int_equal(load_be16(fixture->served.out), 0x1234);
        assert_int_equal(load_be16(fixture->served.out + 4), messages == 0);
        served_print(fixture->served.out, size, &fixture->text);
        messages++;
    }
    stream->free(stream);
    return messages;
}

static net_stream_t *start_transfer(fixture_t *fixture, const question_t *question)
{
    uint8_t out[4096];
    net_reply_t reply;
    size_t size = served_ask_raw(&fixture->served, question, out, sizeof out, &reply);
    if (size > 0) {
        buffer_reset(&fixture->text);
        served_print(out, size, &fixture->text);
    }
    return reply.stream;
}

static void transfers_zones(void **state)
{
    (void)state;
    fixture_t *f = begin();
    f->served.protocol = NET_TCP;
    f->served.access[0].allow_transfer = f->everybody;
    question_t question = {.name = "ExAmple.", .type = TYPE_AXFR, .edns = true};
    net_stream_t *stream = start_transfer(f, &question);
    assert_non_null(stream);
    assert_int_equal(atomic_load(&f->served.transfers_running), 1);
    assert_int_equal(drain(f, stream), 1);
    assert_string_equal(buffer_text(&f->text), "NOERROR qr aa\n" /* case of the zone, not of the question (RFC 5936 3.4) */
                                               "AN example. 3600 SOA ns1.example. host.example. 7 7200 900 1209600 300\n"
                                               "AN example. 3600 NS ns1.example.\n"
                                               "AN example. 3600 TXT \"apex\"\n"
                                               "AN ns1.example. 3600 A 192.0.2.1\n"
                                               "AN sub.example. 3600 NS ns.sub.example.\n"
                                               "AN ns.sub.example. 3600 A 192.0.2.9\n"
                                               "AN www.example. 3600 A 192.0.2.3\n"
                                               "AN example. 3600 SOA ns1.example. host.example. 7 7200 900 1209600 300\nOPT 1232\n");
    assert_int_equal(atomic_load(&f->served.transfers_running), 0);
    assert_int_equal(count(f, COUNT_TRANSFERS), 1);
    end(f);
}

static void transfers_large_zones_from_a_snapshot(void **state)
{
    (void)state;
    enum { HOSTS = 5000 };
    fixture_t *f = begin();
    char *text = malloc(1 << 20);
    size_t length = (size_t)snprintf(text, 1 << 20, "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n");
    for (unsigned i = 0; i < HOSTS; i++) {
        length += (size_t)snprintf(text + length, (1 << 20) - length, "h%u A 192.0.2.1\nh%u MX 10 mail.h%u\n", i, i, i);
    }
    served_add(&f->served, "large.", text, SERVED_NSEC);
    free(text);
    f->served.protocol = NET_TCP;
    f->served.access[1].allow_transfer = f->everybody;
    question_t question = {.name = "large.", .type = TYPE_AXFR};
    net_stream_t *stream = start_transfer(f, &question);
    assert_non_null(stream);
    /* The zone is replaced while the transfer runs: what was begun is finished. */
    zone_slot_t *slot = &f->served.slots[1];
    const zone_contents_t *old = atomic_load(&slot->contents);
    atomic_store(&slot->contents, served_zone("large.", "$TTL 60\n@ SOA ns host 2 2 3 4 5\n@ NS ns\n", SERVED_UNSIGNED));
    zone_contents_unref(old);
    unsigned messages = drain(f, stream);
    assert_true(messages > 5);
    size_t records = 0;
    for (const char *p = buffer_text(&f->text); (p = strstr(p, "AN ")); p++) {
        records++;
    }
    /* A, MX and NSEC of each host with their signatures; SOA twice; NS, NSEC and DNSKEY of the apex; signatures of SOA and those three. */
    assert_int_equal(records, HOSTS * 6 + 2 + 3 + 4);
    assert_null(strstr(buffer_text(&f->text), "MALFORMED"));
    end(f);
}

static void transfers_only_to_those_who_may(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "example.", .type = TYPE_AXFR, .edns = true};
    f->served.protocol = NET_TCP;
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "REFUSED qr\nOPT 1232 15=0012\n");
    f->served.access[0].allow_transfer = f->everybody;
    f->served.address.v4.sin_addr.s_addr = htonl(0xcb007101);
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "REFUSED qr\nOPT 1232 15=0012\n");
    question.name = "other.";
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "NOTAUTH qr\nOPT 1232 15=0014\n");
    question.name = "www.example.";
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "NOTAUTH qr\nOPT 1232 15=0014\n");
    f->served.protocol = NET_UDP;
    question.name = "example.";
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "FORMERR qr\nOPT 1232\n");
    f->served.protocol = NET_TCP;
    f->served.address.v4.sin_addr.s_addr = htonl(0xc0000201);
    f->served.view.transfers_max = 0;
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "SERVFAIL qr\nOPT 1232 15=0000\n");
    assert_int_equal(atomic_load(&f->served.transfers_running), 0);
    assert_int_equal(count(f, COUNT_TRANSFERS_REFUSED), 6);
    end(f);
}

static void answers_ixfr(void **state)
{
    (void)state;
    fixture_t *f = begin();
    /* example. SOA with serial 6, as a secondary sends it */
    uint8_t soa[] = "\7example\0\0\6\0\1\0\0\0\0\0\26\0\0\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    question_t question = {.name = "example.", .type = TYPE_IXFR, .authority = soa, .authority_size = sizeof soa - 1};
    f->served.access[0].allow_transfer = f->everybody;
    /* UDP: the SOA alone says that there is more (RFC 1995 2). */
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "NOERROR qr aa\n" APEX_SOA);
    f->served.protocol = NET_TCP;
    net_stream_t *stream = start_transfer(f, &question);
    assert_non_null(stream);
    assert_int_equal(drain(f, stream), 1);
    assert_non_null(strstr(buffer_text(&f->text), "AN www.example. 3600 A 192.0.2.3\n"));
    soa[sizeof soa - 1 - 17] = 7; /* they have it already */
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "NOERROR qr aa\n" APEX_SOA);
    question.authority = NULL;
    assert_null(start_transfer(f, &question));
    assert_string_equal(buffer_text(&f->text), "FORMERR qr\n");
    end(f);
}

/* ---- counters ---- */

static void counts(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static const char *const names[] = {"www.example.", "no.example.", "a.sub.example.", "elsewhere."};
    for (size_t i = 0; i < 4; i++) {
        question_t question = {.name = names[i], .type = TYPE_A, .edns = i > 0, .dnssec_ok = i > 1};
        (void)ask(f, &question);
    }
    f->served.protocol = NET_TCP;
    question_t question = {.name = "www.example.", .type = TYPE_MX};
    (void)ask(f, &question);
    assert_int_equal(count(f, COUNT_QUERIES_UDP), 4);
    assert_int_equal(count(f, COUNT_QUERIES_TCP), 1);
    assert_int_equal(count(f, COUNT_ANSWERS), 5);
    assert_int_equal(count(f, COUNT_NOERROR), 3);
    assert_int_equal(count(f, COUNT_NXDOMAIN), 1);
    assert_int_equal(count(f, COUNT_REFUSED), 1);
    assert_int_equal(count(f, COUNT_REFERRALS), 1);
    assert_int_equal(count(f, COUNT_NODATA), 1);
    assert_int_equal(count(f, COUNT_EDNS), 3);
    assert_int_equal(count(f, COUNT_DNSSEC_OK), 2);
    assert_true(count(f, COUNT_BYTES_IN) > 0 && count(f, COUNT_BYTES_OUT) > count(f, COUNT_BYTES_IN));
    for (int i = 0; i < DISPATCH_COUNTERS; i++) {
        assert_non_null(dispatch_counter_name((dispatch_counter_t)i));
    }
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_header_bits),
        cmocka_unit_test(answers_no_responses),
        cmocka_unit_test(tells_format_errors),
        cmocka_unit_test(knows_opcodes),
        cmocka_unit_test(knows_classes_and_types),
        cmocka_unit_test(speaks_edns),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(gives_options_that_were_asked_for),
        cmocka_unit_test(pads_where_it_helps),
        cmocka_unit_test(rejects_unknown_keys),
        cmocka_unit_test(answers_chaos),
        cmocka_unit_test(transfers_zones),
        cmocka_unit_test(transfers_large_zones_from_a_snapshot),
        cmocka_unit_test(transfers_only_to_those_who_may),
        cmocka_unit_test(answers_ixfr),
        cmocka_unit_test(counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
