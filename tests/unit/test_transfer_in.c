#include "server/transfer_in.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ID = 0x1234, TEXT_MAX = 10000 };

static const name_t root = {.length = 1};

typedef struct part {
    const char *owner;
    uint16_t type;
    const char *rdata;
} part_t;

static const part_t soa = {".", TYPE_SOA, "a. b. 7 1800 900 604800 86400"};
static const part_t ns = {".", TYPE_NS, "a.example."};
static const part_t txt = {"t.", TYPE_TXT, "\"a\\010b\" \"; ( $INCLUDE\""};

static name_t name_of(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), root.wire, NULL), STATUS_OK);
    return name;
}

typedef struct sent {
    uint16_t id;
    uint16_t flags;
    uint16_t question; /* type; 0: none */
    uint16_t rrclass;
    const part_t *parts[6];
} sent_t;

static size_t make(const sent_t *sent, uint8_t out[static 4096])
{
    message_writer_t writer;
    message_writer_init(&writer, out, 4096, sent->id, sent->flags);
    if (sent->question != 0) {
        message_write_question(&writer, root.wire, sent->question, CLASS_IN);
    }
    for (unsigned i = 0; i < 6 && sent->parts[i]; i++) {
        uint8_t rdata[512];
        rdata_error_t error;
        byte_writer_t bytes = byte_writer(rdata, sizeof rdata);
        const part_t *part = sent->parts[i];
        name_t owner = name_of(part->owner);
        assert_int_equal(rdata_from_line(part->type, CLASS_IN, part->rdata, strlen(part->rdata), root.wire, &bytes, &error), STATUS_OK);
        assert_int_equal(message_write_record(&writer, SECTION_ANSWER, owner.wire, part->type, sent->rrclass ? sent->rrclass : CLASS_IN, 60,
                                              rdata, bytes.position),
                         STATUS_OK);
    }
    return message_writer_finish(&writer);
}

static void begin(transfer_in_t *transfer, uint16_t type)
{
    uint8_t query[TRANSFER_IN_QUERY_MAX];
    query_t parsed;
    transfer_in_init(transfer, &root, TEXT_MAX);
    size_t size = transfer_in_ask(transfer, ID, type, query);
    assert_int_equal(query_parse(&parsed, query, size), QUERY_ANSWER);
    assert_true(parsed.id == ID && parsed.type == type && parsed.rcode == RCODE_NOERROR && !(parsed.flags & FLAG_RD));
}

static status_t take(transfer_in_t *transfer, const sent_t *sent)
{
    uint8_t message[4096];
    return transfer_in_take(transfer, message, make(sent, message));
}

static void one_message(void **state)
{
    (void)state;
    transfer_in_t transfer;
    begin(&transfer, TYPE_AXFR);
    assert_int_equal(take(&transfer, &(sent_t){ID, FLAG_QR | FLAG_AA, TYPE_AXFR, 0, {&soa, &ns, &txt, &soa}}), STATUS_OK);
    assert_int_equal(transfer.serial, 7);
    assert_int_equal(transfer.records, 3);
    assert_string_equal(buffer_text(&transfer.text), ". 60 IN SOA a. b. 7 1800 900 604800 86400\n"
                                                     ". 60 IN NS a.example.\n"
                                                     "t. 60 IN TXT \"a\\010b\" \"; ( $INCLUDE\"\n");
    transfer_in_clear(&transfer);
}

/* RFC 5936 2.2: later messages may come without the question; the SOA may be alone in one. */
static void several_messages(void **state)
{
    (void)state;
    transfer_in_t transfer;
    begin(&transfer, TYPE_AXFR);
    assert_int_equal(take(&transfer, &(sent_t){ID, FLAG_QR, TYPE_AXFR, 0, {&soa}}), STATUS_AGAIN);
    assert_int_equal(take(&transfer, &(sent_t){ID, FLAG_QR, 0, 0, {&ns, &txt}}), STATUS_AGAIN);
    assert_int_equal(take(&transfer, &(sent_t){ID, FLAG_QR, TYPE_AXFR, 0, {&soa}}), STATUS_OK);
    assert_int_equal(transfer.records, 3);
    transfer_in_clear(&transfer);
}

static void serial(void **state)
{
    (void)state;
    transfer_in_t transfer;
    begin(&transfer, TYPE_SOA);
    assert_int_equal(take(&transfer, &(sent_t){ID, FLAG_QR | FLAG_AA, TYPE_SOA, 0, {&soa}}), STATUS_OK);
    assert_int_equal(transfer.serial, 7);
    assert_int_equal(transfer.text.size, 0);
    transfer_in_clear(&transfer);
}

/* Each is refused, with a reason. */
static void refused(void **state)
{
    (void)state;
    static const part_t later = {".", TYPE_SOA, "a. b. 8 1800 900 604800 86400"};
    static const part_t other = {"t.", TYPE_SOA, "a. b. 7 1800 900 604800 86400"};
    static const struct {
        sent_t sent;
        const char *why;
    } cases[] = {
        {{ID + 1, FLAG_QR, TYPE_AXFR, 0, {&soa, &soa}}, "no answer"},
        {{ID, 0, TYPE_AXFR, 0, {&soa, &soa}}, "no answer"},
        {{ID, FLAG_QR | 4 << 11, TYPE_AXFR, 0, {&soa, &soa}}, "no answer"},
        {{ID, FLAG_QR | RCODE_REFUSED, TYPE_AXFR, 0, {NULL}}, "refused"},
        {{ID, FLAG_QR | RCODE_NOTAUTH, TYPE_AXFR, 0, {NULL}}, "does not serve"},
        {{ID, FLAG_QR | RCODE_SERVFAIL, TYPE_AXFR, 0, {NULL}}, "error"},
        {{ID, FLAG_QR, TYPE_SOA, 0, {&soa, &soa}}, "another question"},
        {{ID, FLAG_QR, 0, 0, {&soa, &soa}}, "another question"},
        {{ID, FLAG_QR | FLAG_TC, TYPE_AXFR, 0, {&soa, &soa}}, "without records"},
        {{ID, FLAG_QR, TYPE_AXFR, 0, {NULL}}, "without records"},
        {{ID, FLAG_QR, TYPE_AXFR, 0, {&ns, &soa}}, "did not begin"},
        {{ID, FLAG_QR, TYPE_AXFR, 0, {&other, &ns, &other}}, "did not begin"},
        {{ID, FLAG_QR, TYPE_AXFR, 0, {&soa, &ns, &later}}, "another SOA"},
        {{ID, FLAG_QR, TYPE_AXFR, 0, {&soa, &other, &ns, &soa}}, "another SOA"},
        {{ID, FLAG_QR, TYPE_AXFR, 0, {&soa, &ns, &soa, &ns}}, "behind the last"},
        {{ID, FLAG_QR, TYPE_AXFR, CLASS_CH, {&soa, &soa}}, "in no zone"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        transfer_in_t transfer;
        begin(&transfer, TYPE_AXFR);
        assert_int_equal(take(&transfer, &cases[i].sent), STATUS_INVALID);
        if (!strstr(transfer.why, cases[i].why)) {
            fail_msg("case %zu: %s", i, transfer.why);
        }
        transfer_in_clear(&transfer);
    }
}

static void broken_and_endless(void **state)
{
    (void)state;
    uint8_t message[4096];
    transfer_in_t transfer;
    begin(&transfer, TYPE_AXFR);
    size_t size = make(&(sent_t){ID, FLAG_QR, TYPE_AXFR, 0, {&soa, &ns, &soa}}, message);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_not_equal(transfer_in_take(&transfer, message, cut), STATUS_OK);
        assert_non_null(transfer.why);
    }
    transfer_in_clear(&transfer);
    begin(&transfer, TYPE_AXFR);
    status_t status = take(&transfer, &(sent_t){ID, FLAG_QR, TYPE_AXFR, 0, {&soa}});
    for (unsigned i = 0; i < TEXT_MAX && status == STATUS_AGAIN; i++) {
        status = take(&transfer, &(sent_t){ID, FLAG_QR, 0, 0, {&ns}});
    }
    assert_true(status != STATUS_OK && status != STATUS_AGAIN);
    assert_string_equal(transfer.why, "sent more than is taken");
    transfer_in_clear(&transfer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_message), cmocka_unit_test(several_messages),   cmocka_unit_test(serial),
        cmocka_unit_test(refused),     cmocka_unit_test(broken_and_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
