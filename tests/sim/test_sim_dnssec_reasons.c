/* What a client is told of a failure, when it is met and when it is asked for again (RFC 8914, RFC 9520 3.2): the same reason, and that it
 * is out of the cache. And each proof once. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_same(sim_t *sim, const char *name, int16_t extended_error, const char *part)
{
    const sim_answer_t first = *sim_ask(sim, name, TYPE_A);
    unsigned queries = sim_queries(sim);
    const sim_answer_t *again = sim_ask(sim, name, TYPE_A);
    assert_string_equal(first.text, "SERVFAIL\n");
    assert_false(first.is_cached_failure);
    assert_int_equal(first.extended_error, extended_error);
    if (!strstr(first.why, part)) {
        fail_msg("%s", first.why);
    }
    assert_int_equal(sim_queries(sim), queries);
    assert_string_equal(again->text, "SERVFAIL\n");
    assert_true(again->is_cached_failure);
    assert_int_equal(again->extended_error, extended_error);
    assert_string_equal(again->why, first.why);
}

static void nobody_answers(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    sim_find_host(sim, "192.0.2.11")->behaviours = SIM_SILENT;
    expect_same(sim, "www.example.net.", EDE_NO_REACHABLE_AUTHORITY, "example.net. gave an answer: the last, 192.0.2.11, did not answer");
    sim_find_host(sim, "192.0.2.12")->behaviours = SIM_REFUSES;
    expect_same(sim, "www.example.org.", EDE_NO_REACHABLE_AUTHORITY, "the last, 192.0.2.12, refused the question");
    secure_free(secure);
}

static void no_network_at_all(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    sim_find_host(sim, "192.0.2.1")->behaviours = SIM_UNREACHABLE;
    expect_same(sim, "www.example.net.", EDE_NETWORK_ERROR, "no server of . gave an answer: the last, 192.0.2.1");
    secure_free(secure);
}

/* Also where the bogus data itself lies in the store, for those who ask with CD. */
static void bogus_data(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.net.",
                 (zone_fault_t){FAULT_TIMES, .owner = "www.example.net.", .type = TYPE_A, .value = 1, .more = 1000000});
    sim_t *sim = secure_start(secure);
    expect_same(sim, "www.example.net.", EDE_SIGNATURE_EXPIRED, "www.example.net.");
    assert_string_equal(sim_ask_with(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED)->text,
                        "NOERROR\nwww.example.net. A 198.51.100.1\n");
    const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
    assert_true(answer->is_cached_failure && answer->extended_error == EDE_SIGNATURE_EXPIRED);
    assert_non_null(strstr(answer->why, "www.example.net."));
    secure_free(secure);
}

static unsigned occurrences(const char *text, const char *part)
{
    unsigned count = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* An alias and its target in one zone may need the same NSEC: a wildcard's alias to a name beside it. */
static void proofs_stand_once(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "example.net.")->text = "*.w CNAME nowhere.w\n"
                                                "nowhere.w TXT \"here\"\n"
                                                "z A 198.51.100.1\n";
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        const sim_answer_t *answer = sim_ask(sim, "x.w.example.net.", TYPE_A);
        assert_string_equal(answer->text, "NOERROR\nx.w.example.net. CNAME nowhere.w.example.net.\n");
        assert_int_equal(answer->security, STORE_SECURE);
        assert_int_equal(occurrences(answer->with_do, "nowhere.w.example.net. 300 NSEC "), 1);
        assert_int_equal(occurrences(answer->with_do, "300 RRSIG NSEC\n"), 1);
    }
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(no_network_at_all),
        cmocka_unit_test(bogus_data),
        cmocka_unit_test(proofs_stand_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
