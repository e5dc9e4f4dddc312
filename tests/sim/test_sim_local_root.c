/* A copy of the root zone in the server itself (RFC 8806): used in place of the root's servers, and believed no more than they are. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char root_server[] = "192.0.2.1";

static sim_t *start(secure_t *secure)
{
    sim_t *sim = secure_start(secure);
    sim_copy_root(sim, ".");
    sim_restart(sim, 7);
    return sim;
}

static unsigned asked(sim_t *sim)
{
    return sim_find_host(sim, root_server)->queries;
}

static void roots_servers_are_not_asked(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = start(secure);
    for (unsigned round = 0; round < 2; round++) {
        truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
        truth_expect(sim, "www.unsigned.com.", TYPE_A, STORE_INSECURE);
        truth_expect(sim, "nowhere.", TYPE_A, STORE_SECURE);
        truth_expect(sim, "x.y.nowhere2.", TYPE_A, STORE_SECURE);
        truth_expect(sim, "org.", TYPE_DS, STORE_SECURE);
        truth_expect(sim, ".", TYPE_NS, STORE_SECURE);
        truth_expect(sim, ".", TYPE_SOA, STORE_SECURE);
        assert_int_equal(sim_ask(sim, ".", TYPE_DNSKEY)->security, STORE_SECURE);
    }
    assert_int_equal(asked(sim), 0);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_ROOT_FALLBACKS), 0);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_PRIMINGS), 0);
    secure_free(secure);
}

/* What it says is kept as if one of them had said it. */
static void learned_like_anything_else(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = start(secure);
    truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
    unsigned before = sim->root->queries;
    truth_expect(sim, "mail.example.net.", TYPE_MX, STORE_SECURE);
    assert_int_equal(sim->root->queries, before);
    const sim_answer_t *answer = sim_ask(sim, "nowhere.", TYPE_A);
    assert_true(answer->ttl_s > 0);
    before = sim->root->queries;
    truth_expect(sim, "nowhere.", TYPE_A, STORE_SECURE);
    assert_int_equal(sim->root->queries, before);
    secure_free(secure);
}

static void without_a_way_to_the_roots_servers(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = start(secure);
    sim_find_host(sim, root_server)->behaviours = SIM_UNREACHABLE;
    truth_expect(sim, "www.example.org.", TYPE_A, STORE_SECURE);
    secure_free(secure);
}

/* RFC 8806 3: at once to the root's servers, when it is too old. */
static void not_in_force(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = start(secure);
    sim->has_root = false;
    truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
    assert_int_equal(sim->root->queries, 0);
    assert_true(asked(sim) > 0);
    unsigned before = asked(sim);
    sim->has_root = true;
    truth_expect(sim, "www.example.org.", TYPE_A, STORE_SECURE);
    assert_int_equal(asked(sim), before);
    secure_free(secure);
}

static void broken(void **state)
{
    (void)state;
    static const unsigned behaviours[] = {SIM_FAILS, SIM_REFUSES, SIM_LAME, SIM_UPWARD};
    for (unsigned i = 0; i < ARRAY_SIZE(behaviours); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = start(secure);
        sim->root->behaviours = behaviours[i];
        truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
        truth_expect(sim, "nowhere.", TYPE_A, STORE_SECURE);
        assert_true(asked(sim) > 0);
        assert_true(resolver_count(sim->resolver, RESOLVER_COUNT_ROOT_FALLBACKS) > 0);
        secure_free(secure);
    }
}

/* Whatever somebody did to the file: what is signed in it must validate. */
static void tampered_with(void **state)
{
    (void)state;
    static const sim_change_t changes[][2] = {
        {{.kind = CHANGE_DROP, .type = TYPE_DS}, {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_DS}},
        {{.kind = CHANGE_DROP, .type = TYPE_RRSIG}, {.kind = CHANGE_DROP, .type = TYPE_NSEC}},
        {{.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_DNSKEY}, {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_DS}},
        {{.kind = CHANGE_RCODE, .for_type = TYPE_DS, .value = RCODE_NXDOMAIN}, {.kind = CHANGE_DROP, .type = TYPE_NSEC}},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = start(secure);
        sim->root->changes = changes[i];
        sim->root->change_count = 2;
        truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
        truth_expect(sim, "nowhere.", TYPE_A, STORE_SECURE);
        truth_expect(sim, "org.", TYPE_DS, STORE_SECURE);
        assert_true(asked(sim) > 0);
        secure_free(secure);
    }
}

/* Nobody is left who has better: then it is bogus. */
static void tampered_with_and_alone(void **state)
{
    (void)state;
    static const sim_change_t change = {.kind = CHANGE_DROP, .type = TYPE_RRSIG};
    secure_t *secure = secure_new();
    sim_t *sim = start(secure);
    sim->root->changes = &change;
    sim->root->change_count = 1;
    sim_find_host(sim, root_server)->behaviours = SIM_UNREACHABLE;
    const sim_answer_t *answer = sim_ask(sim, "nowhere.", TYPE_A);
    assert_int_equal(answer->rcode, RCODE_SERVFAIL);
    assert_int_not_equal(answer->security, STORE_SECURE);
    secure_free(secure);
}

/* A forward zone goes before it. */
static void not_for_forwarded_names(void **state)
{
    (void)state;
    static const resolver_address_t servers[] = {{.family = RESOLVER_IPV4, .port = 53, .bytes = {192, 0, 2, 11}}};
    const resolver_zone_t zones[] = {{.zone = sim_name("."), .kind = RESOLVER_FORWARD, .addresses = servers, .address_count = 1}};
    secure_t *secure = secure_new();
    secure->sim->settings.zones = zones;
    secure->sim->settings.zone_count = 1;
    secure->sim->settings.validate = false;
    sim_t *sim = start(secure);
    assert_string_equal(sim_ask(sim, "www.example.net.", TYPE_A)->text, "NOERROR\nwww.example.net. A 198.51.100.1\n");
    assert_int_equal(sim->root->queries, 0);
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_servers_are_not_asked),
        cmocka_unit_test(learned_like_anything_else),
        cmocka_unit_test(without_a_way_to_the_roots_servers),
        cmocka_unit_test(not_in_force),
        cmocka_unit_test(broken),
        cmocka_unit_test(tampered_with),
        cmocka_unit_test(tampered_with_and_alone),
        cmocka_unit_test(not_for_forwarded_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
