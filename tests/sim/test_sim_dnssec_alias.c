/* Aliases from zone to zone: an answer is worth what its worst link is worth (RFC 4035 3.2.3). Secure and insecure beginnings and ends,
 * combined with data, no data, name errors and wildcard expansions by NSEC and NSEC3. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const zones[] = {"example.net.", "example.org.", "example.com.", "unsigned.net.", "unsigned.org.", "unsigned.com."};
enum { SIGNED_ZONES = 3 };

/* What is at the end, and whether it is secure. In the opt-out zone only what has a record of its own is. */
static const struct {
    const char *alias;
    uint16_t type;
    bool is_secure;
} ends[] = {
    {"to-nsec", TYPE_A, true},        {"to-nsec", TYPE_MX, true},          {"to-nsec3", TYPE_A, true},
    {"to-nsec3", TYPE_MX, true},      {"to-optout", TYPE_A, true},         {"to-optout", TYPE_MX, true},
    {"to-unsigned", TYPE_A, false},   {"to-unsigned", TYPE_MX, false},     {"nowhere-nsec", TYPE_A, true},
    {"nowhere-nsec3", TYPE_A, true},  {"nowhere-unsigned", TYPE_A, false}, {"wild-nsec", TYPE_A, true},
    {"wild-nsec", TYPE_MX, true},     {"wild-nsec3", TYPE_A, true},        {"wild-nsec3", TYPE_MX, true},
    {"wild-unsigned", TYPE_A, false}, {"wild-unsigned", TYPE_MX, false},
};

/* Fresh, and out of the store. */
static void every_beginning_with_every_end(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t zone = 0; zone < ARRAY_SIZE(zones); zone++) {
            for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
                char name[128];
                snprintf(name, sizeof name, "%s.%s", ends[i].alias, zones[zone]);
                truth_expect(sim, name, ends[i].type, zone < SIGNED_ZONES && ends[i].is_secure ? STORE_SECURE : STORE_INSECURE);
            }
        }
    }
    secure_free(secure);
}

/* The alias itself made by a wildcard, or by a DNAME. */
static void aliases_made_by_wildcards_and_dnames(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    for (size_t zone = 0; zone < ARRAY_SIZE(zones); zone++) {
        bool is_signed = zone < SIGNED_ZONES;
        bool is_opt_out = zone == 2;
        char name[128];
        snprintf(name, sizeof name, "x.walias.%s", zones[zone]);
        truth_expect(sim, name, TYPE_A, is_signed && !is_opt_out ? STORE_SECURE : STORE_INSECURE);
        truth_expect(sim, name, TYPE_MX, is_signed && !is_opt_out ? STORE_SECURE : STORE_INSECURE);
        snprintf(name, sizeof name, "x.d.%s", zones[zone]);
        truth_expect(sim, name, TYPE_A, is_signed ? STORE_SECURE : STORE_INSECURE);
        truth_expect(sim, name, TYPE_MX, is_signed ? STORE_SECURE : STORE_INSECURE);
        snprintf(name, sizeof name, "nowhere.d.%s", zones[zone]);
        truth_expect(sim, name, TYPE_A, is_signed && !is_opt_out ? STORE_SECURE : STORE_INSECURE);
        snprintf(name, sizeof name, "dangling.%s", zones[zone]);
        truth_expect(sim, name, TYPE_A, is_signed && !is_opt_out ? STORE_SECURE : STORE_INSECURE);
        snprintf(name, sizeof name, "alias2.%s", zones[zone]);
        truth_expect(sim, name, TYPE_A, is_signed ? STORE_SECURE : STORE_INSECURE);
        truth_expect(sim, name, TYPE_CNAME, is_signed ? STORE_SECURE : STORE_INSECURE);
    }
    secure_free(secure);
}

/* One bogus link spoils the chain, wherever it is, and however the chain begins. */
static void a_bogus_link(void **state)
{
    (void)state;
    for (size_t zone = 0; zone < ARRAY_SIZE(zones); zone++) {
        secure_t *secure = secure_new();
        char name[128];
        secure_fault(secure, "example.org.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE});
        sim_t *sim = secure_start(secure);
        for (unsigned i = 0; i < 3; i++) {
            static const char *const aliases[] = {"to-nsec3", "nowhere-nsec3", "wild-nsec3"};
            snprintf(name, sizeof name, "%s.%s", aliases[i], zones[zone]);
            const sim_answer_t *answer = sim_ask(sim, name, TYPE_A);
            assert_string_equal(answer->text, "SERVFAIL\n");
            assert_int_equal(answer->extended_error, EDE_DNSSEC_BOGUS);
        }
        secure_free(secure);
    }
}

/* A signed alias whose signature is broken or gone. */
static void a_bogus_alias(void **state)
{
    (void)state;
    static const struct {
        zone_fault_kind_t kind;
        const char *owner;
        uint16_t type;
        const char *name;
        int extended_error;
    } cases[] = {
        {FAULT_ALTER_SIGNATURE, "to-unsigned.example.net.", TYPE_CNAME, "to-unsigned.example.net.", EDE_DNSSEC_BOGUS},
        {FAULT_NO_SIGNATURE, "to-unsigned.example.net.", TYPE_CNAME, "to-unsigned.example.net.", EDE_RRSIGS_MISSING},
        {FAULT_ALTER_SIGNATURE, "d.example.net.", TYPE_DNAME, "x.d.example.net.", EDE_DNSSEC_BOGUS},
        {FAULT_NO_SIGNATURE, "d.example.net.", TYPE_DNAME, "x.d.example.net.", EDE_RRSIGS_MISSING},
        {FAULT_ALTER_SIGNATURE, "*.walias.example.net.", TYPE_CNAME, "x.walias.example.net.", EDE_DNSSEC_BOGUS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        secure_t *secure = secure_new();
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = cases[i].kind, .owner = cases[i].owner, .type = cases[i].type});
        bogus_expect(secure_start(secure), cases[i].name, TYPE_A, cases[i].extended_error);
        secure_free(secure);
    }
}

/* A CNAME that the DNAME beside it does not make: the server's word for an alias is nothing, the DNAME's is (RFC 6672 5.3.1). */
static void a_cname_that_the_dname_does_not_make(void **state)
{
    (void)state;
    static const sim_change_t changes[] = {
        {.kind = CHANGE_DROP, .for_name = "x.d.example.net.", .type = TYPE_CNAME},
        {.kind = CHANGE_ADD,
         .for_name = "x.d.example.net.",
         .zone = "unsigned.net.",
         .owner = "to-unsigned.unsigned.net.",
         .name = "x.d.example.net.",
         .type = TYPE_CNAME,
         .section = SECTION_ANSWER},
    };
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    sim_change_answers(sim, "192.0.2.11", changes, ARRAY_SIZE(changes));
    const sim_answer_t *answer = sim_ask(sim, "x.d.example.net.", TYPE_A);
    assert_null(strstr(answer->text, "unsigned"));
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_beginning_with_every_end),
        cmocka_unit_test(aliases_made_by_wildcards_and_dnames),
        cmocka_unit_test(a_bogus_link),
        cmocka_unit_test(a_bogus_alias),
        cmocka_unit_test(a_cname_that_the_dname_does_not_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
