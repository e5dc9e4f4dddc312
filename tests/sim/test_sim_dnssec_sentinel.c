/* Questions by which people find out which root keys are trusted (RFC 8509), in all combinations: label, trust, type, security, CD,
 * settings, fresh and kept, stale. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NAME_MAX_TEXT = 128 };

static const char *sentinel_name(char text[static NAME_MAX_TEXT], const char *kind, unsigned tag, const char *zone)
{
    snprintf(text, NAME_MAX_TEXT, "root-key-sentinel-%s-ta-%05u.%s", kind, tag, zone);
    return text;
}

static void expect_answer(const sim_answer_t *answer, const char *address)
{
    assert_int_equal(answer->rcode, RCODE_NOERROR);
    assert_non_null(strstr(answer->text, address));
}

static void expect_failure(const sim_answer_t *answer)
{
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_string_equal(answer->with_do, "SERVFAIL qr\n");
    assert_int_equal(answer->extended_error, EDE_OTHER);
    assert_non_null(strstr(answer->why, "8509"));
}

static unsigned root_tag(secure_t *secure)
{
    return secure_keys(secure, ".")[0]->tag;
}

/* The table of 2.2, for both types, each asked three times. */
static void the_table(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    unsigned trusted = root_tag(secure);
    secure_zone(secure, "example.net.")->text = "*.wild A 198.51.100.9\n*.wild AAAA 2001:db8::9\n";
    sim_t *sim = secure_start(secure);
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    static const char *const data[] = {"198.51.100.", "2001:db8::"};
    for (unsigned type = 0; type < 2; type++) {
        for (unsigned is_trusted = 0; is_trusted < 2; is_trusted++) {
            for (unsigned round = 0; round < 6; round++) {
                char name[NAME_MAX_TEXT];
                bool asks_is = round % 2;
                unsigned tag = is_trusted ? trusted : (trusted + 1) % 65536;
                const sim_answer_t *answer =
                    sim_ask(sim, sentinel_name(name, asks_is ? "is" : "not", tag, "wild.example.net."), types[type]);
                if (asks_is == (is_trusted == 1)) {
                    expect_answer(answer, data[type]);
                    assert_int_equal(answer->security, STORE_SECURE);
                    assert_int_equal(answer->ttl_s, 0); /* a key may come to be trusted, and the next answer another */
                } else {
                    expect_failure(answer);
                }
            }
        }
    }
    secure_free(secure);
}

/* What does not meet a precondition of 2.1 is answered as if there were no such labels. */
static void preconditions(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    char name[NAME_MAX_TEXT];
    unsigned trusted = root_tag(secure);
    sim_t *sim = secure_start(secure);
    /* not secure */
    expect_answer(sim_ask(sim, sentinel_name(name, "not", trusted, "wild.unsigned.net."), TYPE_A), "198.51.100.");
    /* CD */
    sentinel_name(name, "not", trusted, "wild.example.net.");
    expect_answer(sim_ask_with(sim, name, TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED), "198.51.100.");
    expect_failure(sim_ask(sim, name, TYPE_A));
    expect_answer(sim_ask_with(sim, name, TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED), "198.51.100.");
    /* another type */
    assert_int_equal(sim_ask(sim, name, TYPE_TXT)->rcode, RCODE_NOERROR);
    assert_int_equal(sim_ask(sim, name, TYPE_MX)->rcode, RCODE_NOERROR);
    /* not the leftmost label; no five digits; no tag */
    char deeper[NAME_MAX_TEXT + 2];
    snprintf(deeper, sizeof deeper, "x.%s", name);
    expect_answer(sim_ask(sim, deeper, TYPE_A), "198.51.100.");
    expect_answer(sim_ask(sim, "root-key-sentinel-is-ta-1.wild.example.net.", TYPE_A), "198.51.100.");
    expect_answer(sim_ask(sim, "root-key-sentinel-is-ta-00a01.wild.example.net.", TYPE_A), "198.51.100.");
    expect_answer(sim_ask(sim, "root-key-sentinel-is-ta-99999.wild.example.net.", TYPE_A), "198.51.100.");
    secure_free(secure);
}

/* The original name counts: neither that of an alias' target, nor is an alias an excuse. */
static void aliases(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    char text[1024];
    unsigned trusted = root_tag(secure);
    snprintf(text, sizeof text, "www A 198.51.100.1\nroot-key-sentinel-not-ta-%05u CNAME www\nto CNAME root-key-sentinel-not-ta-%05u\n",
             trusted, trusted);
    secure_zone(secure, "example.net.")->text = text;
    sim_t *sim = secure_start(secure);
    char name[NAME_MAX_TEXT];
    expect_answer(sim_ask(sim, "to.example.net.", TYPE_A), "198.51.100.1");
    expect_failure(sim_ask(sim, sentinel_name(name, "not", trusted, "example.net."), TYPE_A));
    secure_free(secure);
}

/* Bogus is bogus, for its own reason. */
static void bogus_data(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    char name[NAME_MAX_TEXT];
    unsigned trusted = root_tag(secure);
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = TYPE_A});
    sim_t *sim = secure_start(secure);
    const sim_answer_t *answer = sim_ask(sim, sentinel_name(name, "is", trusted, "wild.example.net."), TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_int_equal(answer->extended_error, EDE_DNSSEC_BOGUS);
    secure_free(secure);
}

/* A failure on purpose is not one for which old data would be the cure, nor do old data tell another story. */
static void stale_data(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    char name[NAME_MAX_TEXT];
    unsigned trusted = root_tag(secure);
    secure->sim->settings.serve_stale = true;
    sim_t *sim = secure_start(secure);
    sentinel_name(name, "not", trusted, "wild.example.net.");
    expect_failure(sim_ask(sim, name, TYPE_A));
    sim_find_host(sim, secure_zone(secure, "example.net.")->address)->behaviours |= SIM_SILENT;
    sim_sleep(sim, 4000);
    assert_string_equal(sim_ask(sim, name, TYPE_A)->text, "SERVFAIL\n");
    secure_free(secure);
}

static void switched_off(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    char name[NAME_MAX_TEXT];
    unsigned trusted = root_tag(secure);
    secure->sim->settings.root_key_sentinel = false;
    sim_t *sim = secure_start(secure);
    const sim_answer_t *answer = sim_ask(sim, sentinel_name(name, "not", trusted, "wild.example.net."), TYPE_A);
    expect_answer(answer, "198.51.100.");
    assert_true(answer->ttl_s > 0);
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),  cmocka_unit_test(preconditions), cmocka_unit_test(aliases),
        cmocka_unit_test(bogus_data), cmocka_unit_test(stale_data),    cmocka_unit_test(switched_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
