/* Signature times (RFC 4034 3.1.5, RFC 1982), and what they do to TTLs (RFC 4035 5.3.3). */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1800000000, HOUR_S = 3600, SKEW_S = 300 };

#define WWW "NOERROR\nwww.example.net. A 198.51.100.1\n"

/* Every kind of RRset that an answer hangs on. */
static const struct {
    const char *zone;
    const char *owner;
    uint16_t type;
    const char *name;
} places[] = {
    {"example.net.", "www.example.net.", TYPE_A, "www.example.net."},
    {"example.net.", NULL, TYPE_DNSKEY, "www.example.net."},
    {"net.", "example.net.", TYPE_DS, "www.example.net."},
    {"net.", NULL, TYPE_DNSKEY, "www.example.net."},
    {".", NULL, TYPE_DNSKEY, "www.example.net."},
    {"example.net.", NULL, TYPE_NSEC, "nowhere.example.net."},
    {"example.org.", NULL, TYPE_NSEC3, "nowhere.example.org."},
    {"net.", "unsigned.net.", TYPE_NSEC, "www.unsigned.net."},
};

static void everywhere(uint32_t inception_s, uint32_t expiration_s, int extended_error)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        secure_t *secure = secure_new();
        secure_fault(
            secure, places[i].zone,
            (zone_fault_t){
                .kind = FAULT_TIMES, .owner = places[i].owner, .type = places[i].type, .value = inception_s, .more = expiration_s});
        bogus_expect(secure_start(secure), places[i].name, TYPE_A, extended_error);
        secure_free(secure);
    }
}

static void inception_in_the_future(void **state)
{
    (void)state;
    everywhere(NOW_S + HOUR_S, NOW_S + 24 * HOUR_S, EDE_SIGNATURE_NOT_YET_VALID);
}

static void expiration_in_the_past(void **state)
{
    (void)state;
    everywhere(NOW_S - 24 * HOUR_S, NOW_S - HOUR_S, EDE_SIGNATURE_EXPIRED);
}

static void expiration_before_inception(void **state)
{
    (void)state;
    everywhere(NOW_S - HOUR_S, NOW_S - 24 * HOUR_S, EDE_SIGNATURE_EXPIRED_BEFORE_VALID);
    everywhere(NOW_S + 24 * HOUR_S, NOW_S + HOUR_S, EDE_SIGNATURE_EXPIRED_BEFORE_VALID);
}

/* The least and the greatest of what counts as now. */
static void times_are_missed_by_the_skew_at_most(void **state)
{
    (void)state;
    static const struct {
        int from;
        int to;
        bool is_good;
    } cases[] = {
        {0, HOUR_S, true},  {SKEW_S - 20, HOUR_S, true},   {SKEW_S + 60, HOUR_S, false},
        {-HOUR_S, 0, true}, {-HOUR_S, -SKEW_S + 20, true}, {-HOUR_S, -SKEW_S - 60, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        secure_t *secure = secure_new();
        secure_fault(
            secure, "example.net.",
            (zone_fault_t){
                .kind = FAULT_TIMES, .type = TYPE_A, .value = (uint32_t)(NOW_S + cases[i].from), .more = (uint32_t)(NOW_S + cases[i].to)});
        sim_t *sim = secure_start(secure);
        if (cases[i].is_good) {
            secure_expect(sim, "www.example.net.", TYPE_A, WWW);
        } else {
            assert_string_equal(sim_ask(sim, "www.example.net.", TYPE_A)->text, "SERVFAIL\n");
        }
        secure_free(secure);
    }
}

/* Times are numbers modulo 2^32: 2038 and 2106 are ordinary days. */
static void beyond_2_to_the_31_and_32(void **state)
{
    (void)state;
    static const uint64_t moments[] = {(UINT64_C(1) << 31) - 1000, (UINT64_C(1) << 31) + 1000000, (UINT64_C(1) << 32) - 1000,
                                       (UINT64_C(1) << 32) + 1000, (UINT64_C(1) << 32) + 1000000000};
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        for (unsigned expired = 0; expired < 2; expired++) {
            secure_t *secure = secure_new_at(moments[i]);
            if (expired) {
                secure_fault(secure, "example.net.",
                             (zone_fault_t){.kind = FAULT_TIMES,
                                            .value = (uint32_t)(moments[i] - 2 * SECURE_DAY_S),
                                            .more = (uint32_t)(moments[i] - SECURE_DAY_S)});
                bogus_expect(secure_start(secure), "www.example.net.", TYPE_A, EDE_SIGNATURE_EXPIRED);
            } else {
                secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
            }
            secure_free(secure);
        }
    }
}

/* Over the moments themselves, with data in the store. */
static void across_2_to_the_32(void **state)
{
    (void)state;
    secure_t *secure = secure_new_at((UINT64_C(1) << 32) - 600);
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    sim_sleep(sim, 1200);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_expect(sim, "www.example.org.", TYPE_A, "NOERROR\nwww.example.org. A 198.51.100.1\n");
    secure_free(secure);
}

/* Half the number space away in either direction is not now. */
static void far_from_now(void **state)
{
    (void)state;
    everywhere(NOW_S + (1u << 31) - 1000, NOW_S + (1u << 31) + 1000, EDE_SIGNATURE_NOT_YET_VALID);
    everywhere(1, 2, EDE_SIGNATURE_EXPIRED);
}

/* ---- TTLs ---- */

static void ttl_bounded_by_signature_expiry(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *name;
    } cases[] = {{TYPE_A, "www.example.net."}, {TYPE_NSEC, "nowhere.example.net."}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        secure_t *secure = secure_new();
        secure->sim->settings.signature_skew_s = 0;
        secure->sim->settings.aggressive_nsec = false;
        secure_fault(secure, "example.net.",
                     (zone_fault_t){.kind = FAULT_TIMES, .type = cases[i].type, .value = NOW_S - HOUR_S, .more = NOW_S + 200});
        sim_t *sim = secure_start(secure);
        const sim_answer_t *answer = sim_ask(sim, cases[i].name, TYPE_A);
        assert_int_equal(answer->security, STORE_SECURE);
        assert_in_range(answer->ttl_s, 150, 200);
        unsigned queries = sim_queries(sim);
        sim_sleep(sim, 100);
        assert_int_equal(sim_ask(sim, cases[i].name, TYPE_A)->security, STORE_SECURE);
        assert_int_equal(sim_queries(sim), queries);
        sim_sleep(sim, 200);
        bogus_expect(sim, cases[i].name, TYPE_A, EDE_SIGNATURE_EXPIRED);
        assert_true(sim_queries(sim) > queries);
        secure_free(secure);
    }
}

/* The RRset is shown for as long as its own signature holds; keys that expire meanwhile are looked up again. */
static void keys_that_expire(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->sim->settings.signature_skew_s = 0;
    secure_fault(secure, "example.net.",
                 (zone_fault_t){.kind = FAULT_TIMES, .type = TYPE_DNSKEY, .value = NOW_S - HOUR_S, .more = NOW_S + 200});
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    sim_sleep(sim, 300);
    bogus_expect(sim, "mail.example.net.", TYPE_MX, EDE_SIGNATURE_EXPIRED);
    secure_free(secure);
}

static void rrsig_ttl_equal_to_its_rrset(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
    assert_non_null(strstr(answer->with_do, "AN www.example.net. 3600 A 198.51.100.1\n"));
    assert_non_null(strstr(answer->with_do, "AN www.example.net. 3600 RRSIG A\n"));
    sim_sleep(sim, 100);
    answer = sim_ask(sim, "www.example.net.", TYPE_A);
    const char *address = strstr(answer->with_do, "AN www.example.net. ");
    assert_non_null(address);
    assert_true(answer->ttl_s < 3600);
    char line[128];
    snprintf(line, sizeof line, "AN www.example.net. %u RRSIG A\n", answer->ttl_s);
    assert_non_null(strstr(answer->with_do, line));
    secure_free(secure);
}

/* A server may not lengthen a TTL, only shorten it (RFC 4035 5.3.3: the original TTL is signed). */
static void ttl_bounded_by_the_original_ttl(void **state)
{
    (void)state;
    static const struct {
        uint32_t original;
        uint32_t sent;
        uint32_t expected;
    } cases[] = {{60, 3600, 60}, {3600, 60, 60}, {3600, 86400, 3600}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const sim_change_t change = {.kind = CHANGE_TTL, .owner = "www.example.net.", .value = cases[i].sent};
        secure_t *secure = secure_new();
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ORIGINAL_TTL, .type = TYPE_A, .value = cases[i].original});
        sim_t *sim = secure_start(secure);
        sim_change_answers(sim, "192.0.2.11", &change, 1);
        secure_expect(sim, "www.example.net.", TYPE_A, WWW);
        assert_int_equal(sim->answers[0].ttl_s, cases[i].expected);
        secure_free(secure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inception_in_the_future),
        cmocka_unit_test(expiration_in_the_past),
        cmocka_unit_test(expiration_before_inception),
        cmocka_unit_test(times_are_missed_by_the_skew_at_most),
        cmocka_unit_test(beyond_2_to_the_31_and_32),
        cmocka_unit_test(across_2_to_the_32),
        cmocka_unit_test(far_from_now),
        cmocka_unit_test(ttl_bounded_by_signature_expiry),
        cmocka_unit_test(keys_that_expire),
        cmocka_unit_test(rrsig_ttl_equal_to_its_rrset),
        cmocka_unit_test(ttl_bounded_by_the_original_ttl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
