/* DNS64 (RFC 6147, 6052, 7050): when AAAA are made, of what, and what they are worth. The signed internet, with names below dual.net. and a
 * prefix of 64:ff9b::/96. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const dual_text = "four A 198.51.100.1\n"
                                     "two A 198.51.100.1\n"
                                     "two A 198.51.100.2\n"
                                     "six AAAA 2001:db8::6\n"
                                     "both AAAA 2001:db8::6\n"
                                     "both A 198.51.100.1\n"
                                     "mapped AAAA ::ffff:198.51.100.7\n"
                                     "mapped A 198.51.100.7\n"
                                     "mixed AAAA ::ffff:198.51.100.7\n"
                                     "mixed AAAA 2001:db8::7\n"
                                     "useless AAAA ::ffff:198.51.100.7\n"
                                     "neither TXT \"neither\"\n"
                                     "short 60 A 198.51.100.1\n"
                                     "alias CNAME four\n"
                                     "alias2 CNAME alias\n"
                                     "away CNAME www.unsigned.net.\n"
                                     "dangling CNAME nowhere\n"
                                     "*.wild A 198.51.100.9\n"
                                     "d DNAME t\n"
                                     "x.t A 198.51.100.4\n";

static const char *const arpa_text = "ipv4only A 192.0.0.170\n"
                                     "ipv4only A 192.0.0.171\n"
                                     "1.2.3.60.in-addr PTR four.dual.net.\n"
                                     "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.2.ip6 PTR six.dual.net.\n";

static const resolver_prefix_t well_known[] = {{{RESOLVER_IPV6, 53, {0x00, 0x64, 0xff, 0x9b}}, 96},
                                               {{RESOLVER_IPV6, 53, {0x20, 0x01, 0x0d, 0xb8, 0xff}}, 40}};
static const resolver_prefix_t mapped[] = {{{RESOLVER_IPV6, 53, {[10] = 0xff, [11] = 0xff}}, 96}};

static secure_t *plan(void)
{
    secure_t *secure = secure_new();
    secure_add(secure, "dual.net.", "net.", "192.0.2.13", dual_text);
    secure_add(secure, "arpa.", ".", "192.0.2.14", arpa_text);
    resolver_settings_t *settings = &secure->sim->settings;
    settings->dns64 = well_known;
    settings->dns64_count = 1;
    settings->dns64_excluded = mapped;
    settings->dns64_excluded_count = 1;
    return secure;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* ---- RFC 6147 5.1 ---- */

static void made_where_there_are_none(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) { /* asked, and out of the store */
        secure_expect(sim, "four.dual.net.", TYPE_AAAA, "NOERROR\nfour.dual.net. AAAA 64:ff9b::c633:6401\n");
        secure_expect(sim, "two.dual.net.", TYPE_AAAA,
                      "NOERROR\ntwo.dual.net. AAAA 64:ff9b::c633:6401\ntwo.dual.net. AAAA 64:ff9b::c633:6402\n");
        secure_expect(sim, "x.wild.dual.net.", TYPE_AAAA, "NOERROR\nx.wild.dual.net. AAAA 64:ff9b::c633:6409\n");
        secure_expect(sim, "four.dual.net.", TYPE_A, "NOERROR\nfour.dual.net. A 198.51.100.1\n");
    }
    secure_free(secure);
}

static void not_signed_and_without_proofs(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    const sim_answer_t *made = sim_ask(sim, "four.dual.net.", TYPE_AAAA);
    assert_false(has(made->with_do, "RRSIG"));
    assert_false(has(made->with_do, "NSEC"));
    assert_true(has(sim_ask(sim, "six.dual.net.", TYPE_AAAA)->with_do, "RRSIG AAAA"));
    secure_free(secure);
}

static void left_alone_where_there_are_some(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "six.dual.net.", TYPE_AAAA, "NOERROR\nsix.dual.net. AAAA 2001:db8::6\n");
    secure_expect(sim, "both.dual.net.", TYPE_AAAA, "NOERROR\nboth.dual.net. AAAA 2001:db8::6\n");
    secure_free(secure);
}

/* 5.1.4 */
static void excluded_addresses_do_not_count(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        secure_expect(sim, "mapped.dual.net.", TYPE_AAAA, "NOERROR\nmapped.dual.net. AAAA 64:ff9b::c633:6407\n");
        const sim_answer_t *mixed = sim_ask(sim, "mixed.dual.net.", TYPE_AAAA);
        assert_string_equal(mixed->text, "NOERROR\nmixed.dual.net. AAAA 2001:db8::7\n");
        assert_false(has(mixed->with_do, "RRSIG")); /* it would not fit the part */
        assert_string_equal(sim_ask(sim, "useless.dual.net.", TYPE_AAAA)->text, "NOERROR\n");
    }
    assert_string_equal(sim_ask(sim, "useless.dual.net.", TYPE_A)->text, "NOERROR\n");
    secure_free(secure);
}

/* 5.1.2, 5.4 */
static void denials_stay(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        secure_expect(sim, "nowhere.dual.net.", TYPE_AAAA, "NXDOMAIN\n");
        secure_expect(sim, "neither.dual.net.", TYPE_AAAA, "NOERROR\n");
        assert_true(has(sim_ask(sim, "neither.dual.net.", TYPE_AAAA)->with_do, "AU dual.net. "));
        assert_true(has(sim_ask(sim, "neither.dual.net.", TYPE_AAAA)->with_do, "NSEC "));
        secure_expect(sim, "four.dual.net.", TYPE_MX, "NOERROR\n");
    }
    secure_free(secure);
}

/* 5.1.5 */
static void along_aliases(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        secure_expect(sim, "alias2.dual.net.", TYPE_AAAA,
                      "NOERROR\nalias.dual.net. CNAME four.dual.net.\nalias2.dual.net. CNAME alias.dual.net.\n"
                      "four.dual.net. AAAA 64:ff9b::c633:6401\n");
        insecure_expect(sim, "away.dual.net.", TYPE_AAAA,
                        "NOERROR\naway.dual.net. CNAME www.unsigned.net.\nwww.unsigned.net. AAAA 64:ff9b::c633:6401\n");
        secure_expect(sim, "dangling.dual.net.", TYPE_AAAA, "NXDOMAIN\ndangling.dual.net. CNAME nowhere.dual.net.\n");
        secure_expect(sim, "x.d.dual.net.", TYPE_AAAA,
                      "NOERROR\nd.dual.net. DNAME t.dual.net.\nx.d.dual.net. CNAME x.t.dual.net.\nx.t.dual.net. AAAA 64:ff9b::c633:6404\n");
    }
    assert_true(has(sim_ask(sim, "alias2.dual.net.", TYPE_AAAA)->with_do, "RRSIG CNAME"));
    secure_free(secure);
}

/* 5.1.7: as long as the A, and no longer than the answer that there are no AAAA. */
static void times_to_live(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    assert_true(has(sim_ask(sim, "four.dual.net.", TYPE_AAAA)->plain, "AN four.dual.net. 300 AAAA"));
    assert_int_equal(sim_ask(sim, "four.dual.net.", TYPE_AAAA)->ttl_s, 300);
    assert_true(has(sim_ask(sim, "short.dual.net.", TYPE_AAAA)->plain, "AN short.dual.net. 60 AAAA"));
    assert_true(has(sim_ask(sim, "mapped.dual.net.", TYPE_AAAA)->plain, "AN mapped.dual.net. 600 AAAA")); /* no SOA */
    sim_sleep(sim, 100);
    assert_true(has(sim_ask(sim, "four.dual.net.", TYPE_AAAA)->plain, "AN four.dual.net. 200 AAAA"));
    secure_free(secure);
}

static void several_prefixes(void **state)
{
    (void)state;
    secure_t *secure = plan();
    secure->sim->settings.dns64_count = 2;
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "four.dual.net.", TYPE_AAAA,
                  "NOERROR\nfour.dual.net. AAAA 2001:db8:ffc6:3364:1::\nfour.dual.net. AAAA 64:ff9b::c633:6401\n");
    secure_free(secure);
}

/* RFC 7050: how clients find the prefix. */
static void the_prefix_can_be_found(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    assert_string_equal(sim_ask(sim, "ipv4only.arpa.", TYPE_AAAA)->text,
                        "NOERROR\nipv4only.arpa. AAAA 64:ff9b::c000:aa\nipv4only.arpa. AAAA 64:ff9b::c000:ab\n");
    secure_free(secure);
}

static void off_by_default(void **state)
{
    (void)state;
    secure_t *secure = plan();
    secure->sim->settings.dns64_count = 0;
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "four.dual.net.", TYPE_AAAA, "NOERROR\n");
    secure_expect(sim, "mapped.dual.net.", TYPE_AAAA, "NOERROR\nmapped.dual.net. AAAA ::ffff:198.51.100.7\n");
    secure_free(secure);
}

/* ---- servers that misbehave for AAAA: 5.1.2, 5.1.3 (RFC 4074) ---- */

static const sim_change_t fails_for_aaaa[] = {{.kind = CHANGE_RCODE, .for_type = TYPE_AAAA, .value = RCODE_SERVFAIL}};
static const sim_change_t refuses_aaaa[] = {{.kind = CHANGE_RCODE, .for_type = TYPE_AAAA, .value = RCODE_REFUSED}};

static void a_failure_is_no_answer(void **state)
{
    (void)state;
    const sim_change_t *changes[] = {fails_for_aaaa, refuses_aaaa};
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        secure_t *secure = plan();
        sim_t *sim = secure_start(secure);
        sim_change_answers(sim, "192.0.2.21", changes[i], 1);
        for (unsigned round = 0; round < 2; round++) { /* the second meets the failure in the store */
            assert_string_equal(sim_ask(sim, "www.unsigned.net.", TYPE_AAAA)->text, "NOERROR\nwww.unsigned.net. AAAA 64:ff9b::c633:6401\n");
        }
        assert_string_equal(sim_ask(sim, "alias.unsigned.net.", TYPE_AAAA)->text,
                            "NOERROR\nalias.unsigned.net. CNAME www.unsigned.net.\nwww.unsigned.net. AAAA 64:ff9b::c633:6401\n");
        secure_free(secure);
    }
}

static size_t drop_aaaa(void *context, uint8_t *message, size_t size)
{
    size_t at = MESSAGE_HEADER_SIZE;
    (void)context;
    while (message[at] != 0) {
        at += message[at] + 1u;
    }
    return load_be16(message + at + 1) == TYPE_AAAA ? 0 : size;
}

static void silence_is_no_answer(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    sim->tamper = drop_aaaa;
    const sim_answer_t *answer = sim_ask(sim, "www.unsigned.net.", TYPE_AAAA);
    assert_string_equal(answer->text, "NOERROR\nwww.unsigned.net. AAAA 64:ff9b::c633:6401\n");
    assert_true(answer->took_ms < sim->settings.request_wall_ms);
    secure_free(secure);
}

/* Nor is there an A: it failed, after all. */
static void nothing_answers(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    sim_find_host(sim, "192.0.2.21")->behaviours = SIM_FAILS;
    const sim_answer_t *answer = sim_ask(sim, "www.unsigned.net.", TYPE_AAAA);
    assert_string_equal(answer->text, "SERVFAIL\n");
    assert_int_equal(answer->extended_error, EDE_NO_REACHABLE_AUTHORITY);
    secure_free(secure);
}

/* ---- RFC 6147 5.5 ---- */

static void bogus_denials_are_failures(void **state)
{
    (void)state;
    static const sim_change_t changes[] = {{.kind = CHANGE_DROP, .for_type = TYPE_AAAA, .type = TYPE_NSEC},
                                           {.kind = CHANGE_DROP, .for_type = TYPE_AAAA, .type = TYPE_RRSIG, .covered = TYPE_NSEC}};
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    sim_change_answers(sim, "192.0.2.13", changes, ARRAY_SIZE(changes));
    for (unsigned round = 0; round < 2; round++) {
        bogus_expect(sim, "four.dual.net.", TYPE_AAAA, EDE_NSEC_MISSING);
    }
    secure_expect(sim, "four.dual.net.", TYPE_A, "NOERROR\nfour.dual.net. A 198.51.100.1\n");
    secure_free(secure);
}

static void bogus_addresses_are_failures(void **state)
{
    (void)state;
    secure_t *secure = plan();
    secure_fault(secure, "dual.net.", (zone_fault_t){FAULT_TIMES, .owner = "four.dual.net.", .type = TYPE_A, .value = 1, .more = 1000000});
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        const sim_answer_t *answer = sim_ask(sim, "four.dual.net.", TYPE_AAAA);
        assert_string_equal(answer->text, "SERVFAIL\n");
        assert_int_equal(answer->extended_error, EDE_SIGNATURE_EXPIRED);
    }
    secure_free(secure);
}

/* Who checks itself gets what is signed. */
static void nothing_is_made_with_cd(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        const sim_answer_t *answer = sim_ask_with(sim, "four.dual.net.", TYPE_AAAA, RESOLVER_FLAG_CHECKING_DISABLED);
        assert_string_equal(answer->text, "NOERROR\n");
        assert_true(has(answer->with_do, "NSEC "));
        assert_string_equal(sim_ask_with(sim, "mapped.dual.net.", TYPE_AAAA, RESOLVER_FLAG_CHECKING_DISABLED)->text,
                            "NOERROR\nmapped.dual.net. AAAA ::ffff:198.51.100.7\n");
        secure_expect(sim, "four.dual.net.", TYPE_AAAA, "NOERROR\nfour.dual.net. AAAA 64:ff9b::c633:6401\n");
    }
    secure_free(secure);
}

/* ---- RFC 6147 5.3.1 ---- */

static void reverse_names(void **state)
{
    (void)state;
    secure_t *secure = plan();
    sim_t *sim = secure_start(secure);
    const char made[] = "1.0.2.0.3.0.c.3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.";
    const sim_answer_t *answer = sim_ask(sim, made, TYPE_PTR);
    assert_true(has(answer->text, "CNAME 1.2.3.60.in-addr.arpa.\n") && has(answer->text, "1.2.3.60.in-addr.arpa. PTR four.dual.net.\n"));
    assert_int_equal(answer->rcode, RCODE_NOERROR);
    assert_int_equal(answer->security, STORE_INSECURE); /* the alias is ours */
    secure_expect(sim, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.a.2.ip6.arpa.", TYPE_MX, "NOERROR\n");
    secure_free(secure);
}

/* ---- RFC 8767 ---- */

static void out_of_stale_data(void **state)
{
    (void)state;
    secure_t *secure = plan();
    secure->sim->settings.serve_stale = true;
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "alias.dual.net.", TYPE_AAAA,
                  "NOERROR\nalias.dual.net. CNAME four.dual.net.\nfour.dual.net. AAAA 64:ff9b::c633:6401\n");
    secure_expect(sim, "mapped.dual.net.", TYPE_AAAA, "NOERROR\nmapped.dual.net. AAAA 64:ff9b::c633:6407\n");
    secure_expect(sim, "mixed.dual.net.", TYPE_AAAA, "NOERROR\nmixed.dual.net. AAAA 2001:db8::7\n");
    sim_sleep(sim, 4000);
    sim_find_host(sim, "192.0.2.13")->behaviours = SIM_SILENT;
    const sim_answer_t *answer = sim_ask(sim, "alias.dual.net.", TYPE_AAAA);
    assert_string_equal(answer->text, "NOERROR\nalias.dual.net. CNAME four.dual.net.\nfour.dual.net. AAAA 64:ff9b::c633:6401\n");
    assert_true(answer->is_stale);
    assert_true(has(answer->plain, "AN four.dual.net. 30 AAAA"));
    assert_string_equal(sim_ask(sim, "mapped.dual.net.", TYPE_AAAA)->text, "NOERROR\nmapped.dual.net. AAAA 64:ff9b::c633:6407\n");
    assert_string_equal(sim_ask(sim, "mixed.dual.net.", TYPE_AAAA)->text, "NOERROR\nmixed.dual.net. AAAA 2001:db8::7\n");
    assert_string_equal(sim_ask_with(sim, "mapped.dual.net.", TYPE_AAAA, RESOLVER_FLAG_CHECKING_DISABLED)->text,
                        "NOERROR\nmapped.dual.net. AAAA ::ffff:198.51.100.7\n");
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_where_there_are_none),
        cmocka_unit_test(not_signed_and_without_proofs),
        cmocka_unit_test(left_alone_where_there_are_some),
        cmocka_unit_test(excluded_addresses_do_not_count),
        cmocka_unit_test(denials_stay),
        cmocka_unit_test(along_aliases),
        cmocka_unit_test(times_to_live),
        cmocka_unit_test(several_prefixes),
        cmocka_unit_test(the_prefix_can_be_found),
        cmocka_unit_test(off_by_default),
        cmocka_unit_test(a_failure_is_no_answer),
        cmocka_unit_test(silence_is_no_answer),
        cmocka_unit_test(nothing_answers),
        cmocka_unit_test(bogus_denials_are_failures),
        cmocka_unit_test(bogus_addresses_are_failures),
        cmocka_unit_test(nothing_is_made_with_cd),
        cmocka_unit_test(reverse_names),
        cmocka_unit_test(out_of_stale_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
