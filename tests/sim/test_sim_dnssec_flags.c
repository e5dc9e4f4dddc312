/* What clients and servers see of validation: CD, AD, DO, extended errors, which questions are asked of whom, and what is kept. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WWW "NOERROR\nwww.example.net. A 198.51.100.1\n"

static void expect_nothing(const sim_answer_t *answer)
{
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_string_equal(answer->with_do, "SERVFAIL qr\n");
    assert_string_equal(answer->plain, "SERVFAIL qr\n");
    assert_int_equal(answer->extended_error, EDE_DNSSEC_BOGUS);
}

/* CD clear: an empty answer. CD set: the data, and no word that they are good. Either order, fresh and kept. */
static void checking_disabled(void **state)
{
    (void)state;
    static const char *const names[] = {"www.example.net.", "nowhere.example.net."};
    static const char *const texts[] = {WWW, "NXDOMAIN\n"};
    for (unsigned which = 0; which < 2; which++) {
        for (unsigned order = 0; order < 2; order++) {
            secure_t *secure = secure_new();
            secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = which ? TYPE_NSEC : TYPE_A});
            sim_t *sim = secure_start(secure);
            for (unsigned i = 0; i < 4; i++) {
                bool is_disabled = (i + order) % 2;
                const sim_answer_t *answer = sim_ask_with(sim, names[which], TYPE_A, is_disabled ? RESOLVER_FLAG_CHECKING_DISABLED : 0);
                if (is_disabled) {
                    assert_string_equal(answer->text, texts[which]);
                    assert_true(answer->security != STORE_SECURE);
                } else {
                    expect_nothing(answer);
                }
            }
            secure_free(secure);
        }
    }
}

/* With CD set good data are still told from others. */
static void checking_disabled_and_good_data(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    assert_string_equal(sim_ask_with(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED)->text, WWW);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

/* Two clients ask at the same time, one with CD: each gets its own. */
static void checking_disabled_side_by_side(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = TYPE_A});
    sim_t *sim = secure_start(secure);
    size_t one = sim_begin(sim, "www.example.net.", TYPE_A, 0);
    size_t other = sim_begin(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED);
    sim_run(sim, 60000);
    expect_nothing(&sim->answers[one]);
    assert_string_equal(sim->answers[other].text, WWW);
    secure_free(secure);
}

/* Without validation nothing is secure, and nothing is bogus. */
static void validation_switched_off(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.org.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE});
    secure->sim->settings.validate = false;
    sim_t *sim = secure_start(secure);
    static const char *const names[] = {"www.example.net.", "www.example.org."};
    for (unsigned i = 0; i < 2; i++) {
        const sim_answer_t *answer = sim_ask(sim, names[i], TYPE_A);
        assert_int_equal(answer->rcode, RCODE_NOERROR);
        assert_int_equal(answer->security, STORE_INDETERMINATE);
    }
    assert_int_equal(sim_find_host(sim, "192.0.2.11")->queries_dnskey, 0);
    secure_free(secure);
}

/* DO goes out with every question, AD never does (RFC 4035 3.2.1, RFC 6840 5.7 is for clients). */
static void do_set_and_ad_cleared_towards_servers(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_expect(sim, "nowhere.example.org.", TYPE_A, "NXDOMAIN\n");
    insecure_expect(sim, "www.unsigned.com.", TYPE_A, "NOERROR\nwww.unsigned.com. A 198.51.100.1\n");
    assert_int_equal(sim->sent_ad, 0);
    assert_int_equal(sim->sent_without_do, 0);
    secure_free(secure);
}

static bool has_dnssec(const char *message)
{
    return strstr(message, " RRSIG ") || strstr(message, " NSEC ") || strstr(message, " NSEC3");
}

/* The data kept are given whole, or stripped, by the client's DO: the same out of one answer, fresh and kept. */
static void dnssec_records_by_the_clients_do(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
    } cases[] = {{"www.example.net.", TYPE_A},     {"www.example.net.", TYPE_MX},    {"nowhere.example.net.", TYPE_A},
                 {"x.wild.example.net.", TYPE_A},  {"nowhere.example.org.", TYPE_A}, {"x.d.example.org.", TYPE_A},
                 {"example.net.", TYPE_NS},        {"example.net.", TYPE_DS},        {"example.net.", TYPE_DNSKEY},
                 {"to-nsec3.example.net.", TYPE_A}};
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            const sim_answer_t *answer = sim_ask(sim, cases[i].name, cases[i].type);
            assert_int_equal(answer->security, STORE_SECURE);
            assert_true(has_dnssec(answer->with_do));
            assert_false(has_dnssec(answer->plain));
        }
    }
    const sim_answer_t *answer = sim_ask(sim, "nowhere.example.net.", TYPE_A);
    assert_non_null(strstr(answer->plain, "SOA"));
    assert_non_null(strstr(answer->with_do, "RRSIG SOA"));
    assert_non_null(strstr(answer->with_do, "RRSIG NSEC"));
    secure_free(secure);
}

/* Records of DNSSEC that were asked for are no decoration. */
static void dnssec_records_that_were_asked_for(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    assert_non_null(strstr(sim_ask(sim, "www.example.net.", TYPE_NSEC)->plain, "AN www.example.net. 300 NSEC"));
    assert_int_equal(sim->answers[0].security, STORE_SECURE);
    assert_non_null(strstr(sim_ask(sim, "www.example.net.", TYPE_RRSIG)->plain, "AN www.example.net."));
    secure_free(secure);
}

static void ns_answers(void **state)
{
    (void)state;
    static const char *const names[] = {"example.net.", "net.", ".", "example.com."};
    for (unsigned randomised = 0; randomised < 2; randomised++) {
        secure_t *secure = secure_new();
        secure->sim->settings.randomise_case = randomised;
        sim_t *sim = secure_start(secure);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            truth_expect(sim, names[i], TYPE_NS, STORE_SECURE);
            assert_non_null(strstr(sim->answers[sim->answer_count - 1].with_do, "RRSIG NS\n"));
        }
        secure_free(secure);
    }
}

static void ds_queries_go_to_the_parent(void **state)
{
    (void)state;
    for (unsigned known = 0; known < 2; known++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        if (known) {
            secure_expect(sim, "www.example.net.", TYPE_A, WWW);
        }
        truth_expect(sim, "example.net.", TYPE_DS, STORE_SECURE);
        truth_expect(sim, "net.", TYPE_DS, STORE_SECURE);
        truth_expect(sim, ".", TYPE_DS, STORE_SECURE);
        truth_expect(sim, "unsigned.net.", TYPE_DS, STORE_SECURE);
        truth_expect(sim, "unsigned.com.", TYPE_DS, STORE_INSECURE); /* opt-out */
        truth_expect(sim, "www.example.net.", TYPE_DS, STORE_SECURE);
        truth_expect(sim, "www.unsigned.net.", TYPE_DS, STORE_INSECURE);
        assert_int_equal(sim_find_host(sim, "192.0.2.21")->queries_ds, 1); /* that of the name below its apex */
        secure_free(secure);
    }
}

/* What validation fetched on its way is known afterwards. */
static void intermediate_records_are_cached(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    unsigned queries = sim_queries(sim);
    truth_expect(sim, "example.net.", TYPE_DNSKEY, STORE_SECURE);
    truth_expect(sim, "net.", TYPE_DNSKEY, STORE_SECURE);
    truth_expect(sim, ".", TYPE_DNSKEY, STORE_SECURE);
    assert_int_equal(sim_queries(sim), queries);
    truth_expect(sim, "mail.example.net.", TYPE_MX, STORE_SECURE);
    assert_int_equal(sim_queries(sim), queries + 1);
    secure_free(secure);
}

/* A client without RD may have what is known, with its security. */
static void kept_answers_keep_their_security(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    insecure_expect(sim, "www.unsigned.net.", TYPE_A, "NOERROR\nwww.unsigned.net. A 198.51.100.1\n");
    size_t client = sim_begin(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CACHED_ONLY);
    assert_string_equal(sim->answers[client].text, WWW);
    assert_int_equal(sim->answers[client].security, STORE_SECURE);
    client = sim_begin(sim, "www.unsigned.net.", TYPE_A, RESOLVER_FLAG_CACHED_ONLY);
    assert_int_equal(sim->answers[client].security, STORE_INSECURE);
    secure_free(secure);
}

/* Bogus data are remembered a while, with the reason, then asked for again. */
static void bogus_answers_are_kept_briefly(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = TYPE_A});
    sim_t *sim = secure_start(secure);
    expect_nothing(sim_ask(sim, "www.example.net.", TYPE_A));
    unsigned queries = sim_queries(sim);
    for (unsigned i = 0; i < 3; i++) {
        expect_nothing(sim_ask(sim, "www.example.net.", TYPE_A));
    }
    assert_int_equal(sim_queries(sim), queries);
    secure_zone(secure, "example.net.")->fault_count = 0; /* mended */
    secure_sign_again(secure, "example.net.");
    expect_nothing(sim_ask(sim, "www.example.net.", TYPE_A));
    sim_sleep(sim, sim->settings.bogus_ttl_s + 1);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

/* The reason names what is wrong and where. */
static void reasons_are_for_people(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = TYPE_A});
    secure_fault(secure, "example.org.", (zone_fault_t){.kind = FAULT_NO_SIGNATURE, .type = TYPE_DNSKEY});
    sim_t *sim = secure_start(secure);
    const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
    assert_non_null(strstr(answer->why, "www.example.net."));
    answer = sim_ask(sim, "www.example.org.", TYPE_A);
    assert_non_null(strstr(answer->why, "example.org."));
    assert_non_null(strstr(answer->why, "DNSKEY"));
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checking_disabled),
        cmocka_unit_test(checking_disabled_and_good_data),
        cmocka_unit_test(checking_disabled_side_by_side),
        cmocka_unit_test(validation_switched_off),
        cmocka_unit_test(do_set_and_ad_cleared_towards_servers),
        cmocka_unit_test(dnssec_records_by_the_clients_do),
        cmocka_unit_test(dnssec_records_that_were_asked_for),
        cmocka_unit_test(ns_answers),
        cmocka_unit_test(ds_queries_go_to_the_parent),
        cmocka_unit_test(intermediate_records_are_cached),
        cmocka_unit_test(kept_answers_keep_their_security),
        cmocka_unit_test(bogus_answers_are_kept_briefly),
        cmocka_unit_test(reasons_are_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
