/* The two sides of a zone cut: DS are the parent's word, NS the child's (RFC 4035 3.1.4.1, RFC 2181 5.4.1). */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static unsigned ds_asked(const sim_t *sim)
{
    unsigned count = 0;
    for (size_t i = 0; i < sim->host_count; i++) {
        count += sim->hosts[i].queries_ds;
    }
    return count;
}

/* What came with a referral and was validated answers those who ask for it. */
static void ds_of_a_referral_is_kept(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
    unsigned before = sim_queries(sim);
    truth_expect(sim, "example.net.", TYPE_DS, STORE_SECURE);
    truth_expect(sim, "net.", TYPE_DS, STORE_SECURE);
    assert_int_equal(sim_queries(sim), before);
    assert_int_equal(ds_asked(sim), 0);
    secure_free(secure);
}

/* Not so what came along unvalidated: who asks with CD learns nothing that others are given. */
static void ds_that_was_not_validated_is_asked_for(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    assert_int_equal(sim_ask_with(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED)->rcode, RCODE_NOERROR);
    unsigned before = sim_queries(sim);
    truth_expect(sim, "example.net.", TYPE_DS, STORE_SECURE);
    assert_true(sim_queries(sim) > before);
    secure_free(secure);
}

/* The parent has one of the child's two servers: asked for NS, the child's own RRset is given. */
static void ns_is_the_childs(void **state)
{
    (void)state;
    static const char *const zones[] = {"example.net.", "unsigned.net."};
    static const char *const texts[] = {"NOERROR\nexample.net. NS ns.example.net.\nexample.net. NS second.example.net.\n",
                                        "NOERROR\nunsigned.net. NS ns.unsigned.net.\nunsigned.net. NS second.unsigned.net.\n"};
    for (unsigned i = 0; i < ARRAY_SIZE(zones); i++) {
        secure_t *secure = secure_new();
        secure_zone(secure, zones[i])->text = "@ NS second\nsecond A 192.0.2.88\nwww A 198.51.100.1\n";
        sim_t *sim = secure_start(secure);
        for (unsigned round = 0; round < 2; round++) { /* the delegation, known from the first, is no answer */
            (i == 0 ? secure_expect : insecure_expect)(sim, zones[i], TYPE_NS, texts[i]);
            truth_expect(sim, i == 0 ? "www.example.net." : "www.unsigned.net.", TYPE_A, i == 0 ? STORE_SECURE : STORE_INSECURE);
        }
        secure_free(secure);
    }
}

/* Also when the delegation was there first, and for an apex whose servers are gone there is no answer out of the parent's words. */
static void ns_of_the_parent_is_no_answer(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
    sim_find_host(sim, "192.0.2.11")->behaviours = SIM_SILENT;
    assert_string_equal(sim_ask(sim, "example.net.", TYPE_NS)->text, "SERVFAIL\n");
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ds_of_a_referral_is_kept),
        cmocka_unit_test(ds_that_was_not_validated_is_asked_for),
        cmocka_unit_test(ns_is_the_childs),
        cmocka_unit_test(ns_of_the_parent_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
