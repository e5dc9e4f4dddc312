/* Records that an answer does not need (minimal_answers), and look-ups that a question does not need (refresh_addresses). */
#include "internet.h"
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* ---- minimal_answers ---- */

static sim_t *talkative(bool minimal)
{
    sim_t *sim = internet_new();
    sim->settings.minimal_answers = minimal;
    sim_start(sim);
    return sim;
}

static void minimal_by_default(void **state)
{
    (void)state;
    sim_t *sim = talkative(true);
    sim_ask(sim, "victim.com.", TYPE_NS);
    sim_ask(sim, "ns.victim.com.", TYPE_A);
    const sim_answer_t *answer = sim_ask(sim, "www.victim.com.", TYPE_A);
    assert_string_equal(answer->plain, "NOERROR qr\nAN www.victim.com. 3600 A 198.51.100.20\n");
    sim_free(sim);
}

/* As far as it is known: nothing is asked for it. */
static void servers_and_addresses_that_are_known(void **state)
{
    (void)state;
    sim_t *sim = talkative(false);
    sim_ask(sim, "www.victim.com.", TYPE_A);
    sim_ask(sim, "victim.com.", TYPE_NS);
    sim_ask(sim, "ns.victim.com.", TYPE_A);
    unsigned before = sim_queries(sim);
    const sim_answer_t *answer = sim_ask(sim, "www.victim.com.", TYPE_A);
    assert_string_equal(answer->plain, "NOERROR qr\nAN www.victim.com. 3600 A 198.51.100.20\nAU victim.com. 3600 NS ns.victim.com.\n"
                                       "AD ns.victim.com. 3600 A 192.0.2.20\n");
    assert_int_equal(sim_queries(sim), before);
    answer = sim_ask(sim, "victim.com.", TYPE_NS);
    assert_string_equal(answer->plain, "NOERROR qr\nAN victim.com. 3600 NS ns.victim.com.\nAD ns.victim.com. 3600 A 192.0.2.20\n");
    assert_true(has(sim_ask(sim, "nowhere.victim.com.", TYPE_A)->plain, "AU victim.com. 300 SOA"));
    assert_false(has(sim_ask(sim, "nowhere.victim.com.", TYPE_A)->plain, " NS "));
    sim_free(sim);
}

/* What a server says of its own zone beside an answer is kept for it, too. */
static void learned_beside_answers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        sim_t *sim = internet_new();
        sim->settings.minimal_answers = i == 0;
        sim_find_host(sim, "192.0.2.20")->view.minimal_responses = false;
        sim_start(sim);
        const sim_answer_t *answer = sim_ask(sim, "www.victim.com.", TYPE_A);
        assert_true(has(answer->plain, "AU victim.com. 3600 NS ns.victim.com.\n") == (i != 0));
        sim_free(sim);
    }
}

/* The whole answer lives no longer than its shortest part. */
static void times_to_live(void **state)
{
    (void)state;
    sim_t *sim = talkative(false);
    sim_ask(sim, "victim.com.", TYPE_NS);
    sim_sleep(sim, 1000);
    const sim_answer_t *answer = sim_ask(sim, "www.victim.com.", TYPE_A);
    assert_true(has(answer->plain, "AN www.victim.com. 3600 A ") && has(answer->plain, "AU victim.com. 2600 NS "));
    assert_int_equal(answer->ttl_s, 2600);
    sim_free(sim);
}

/* RFC 4035 3.2.3: nothing unproven stands in an answer that is said to be authentic. */
static void only_what_is_proven_beside_what_is(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->sim->settings.minimal_answers = false;
    sim_t *sim = secure_start(secure);
    const sim_answer_t *answer = sim_ask(sim, "mail.example.net.", TYPE_MX);
    assert_int_equal(answer->security, STORE_SECURE);
    assert_false(has(answer->plain, " NS "));
    assert_false(has(answer->plain, "AD "));
    sim_ask(sim, "example.net.", TYPE_NS);
    sim_ask(sim, "www.example.net.", TYPE_A);
    answer = sim_ask(sim, "mail.example.net.", TYPE_MX);
    assert_int_equal(answer->security, STORE_SECURE);
    assert_true(has(answer->with_do, "AU example.net. 3600 NS ns.example.net.\n") && has(answer->with_do, "AU example.net. 3600 RRSIG NS"));
    assert_true(has(answer->with_do, "AD www.example.net. 3600 A 198.51.100.1\n") &&
                has(answer->with_do, "AD www.example.net. 3600 RRSIG A"));
    secure_free(secure);
}

/* ---- refresh_addresses ---- */

static const char two_servers[] = "two.net. 3600 SOA ns.two.net. host.two.net. 1 7200 900 1209600 300\n"
                                  "two.net. 3600 NS ns1.example.com.\n"
                                  "two.net. 3600 NS ns.victim.com.\n"
                                  "www.two.net. 3600 A 198.51.100.60\n";

static sim_t *with_two(bool refreshes)
{
    sim_t *sim = internet_new();
    sim_zone(sim, "two.net.", two_servers);
    sim_change_zone(sim, "net.",
                    "net. 3600 SOA ns.net. host.net. 1 7200 900 1209600 300\nnet. 3600 NS ns.net.\nns.net. 3600 A 192.0.2.3\n"
                    "two.net. 3600 NS ns1.example.com.\ntwo.net. 3600 NS ns.victim.com.\n");
    sim_host(sim, "192.0.2.61", "two.net.");
    sim->settings.refresh_addresses = refreshes;
    sim_start(sim);
    return sim;
}

static bool is_stored(sim_t *sim, const char *text, uint16_t type)
{
    name_t wire = sim_name(text);
    name_key_t name;
    store_entry_t entry;
    arena_t arena;
    name_key_init(&name, wire.wire, wire.length);
    arena_init(&arena, 0, 1 << 16);
    store_question_t question = {&name, type, STORE_WANT_FRESH, sim->epoch_s + sim->now_ms / 1000};
    bool is_found = sim->store->operations->find(sim->store, &question, &arena, &entry) && entry.rank == STORE_RANK_AUTHORITATIVE;
    arena_clear(&arena);
    return is_found;
}

static void looks_ahead_only_if_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        sim_t *sim = with_two(i != 0);
        assert_int_equal(sim_ask(sim, "www.victim.com.", TYPE_A)->rcode, RCODE_NOERROR);
        sim_run(sim, 5000);
        assert_true(is_stored(sim, "ns.victim.com.", TYPE_A) == (i != 0));
        sim_free(sim);
    }
}

/* RFC 1034 5.3.3 without the price of NXNSAttack: what is looked up ahead is paid for by the question that met the delegation. */
static void looks_ahead_within_the_budget(void **state)
{
    (void)state;
    sim_t *sim = with_two(true);
    sim->settings.ns_lookups_max = 1;
    assert_int_equal(sim_ask(sim, "www.example.com.", TYPE_A)->rcode, RCODE_NOERROR);
    sim_run(sim, 5000);
    assert_int_equal(is_stored(sim, "ns1.example.com.", TYPE_A) + is_stored(sim, "ns2.example.com.", TYPE_A), 1);
    sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minimal_by_default),
        cmocka_unit_test(servers_and_addresses_that_are_known),
        cmocka_unit_test(learned_beside_answers),
        cmocka_unit_test(times_to_live),
        cmocka_unit_test(only_what_is_proven_beside_what_is),
        cmocka_unit_test(looks_ahead_only_if_told),
        cmocka_unit_test(looks_ahead_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
