/* How the validator goes about its work: what it asks, of whom, what it remembers and what it takes from a budget. What it must find good
 * or bad is in the dnssec tests beside this one. */
#include "secure.h"

#include "wire/rrtype.h"
#include "zone/loader.h"

#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WWW "NOERROR\nwww.example.net. A 198.51.100.1\n"

/* ---- bogus data is asked for again ---- */

/* Each kind of RRset that a chain hangs on, spoilt at one of two servers. */
static void other_servers_are_asked(void **state)
{
    (void)state;
    static const struct {
        sim_change_t change;
        const char *name;
        uint16_t type;
    } cases[] = {
        {{.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_A}, "www.example.net.", TYPE_A},
        {{.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_DNSKEY}, "www.example.net.", TYPE_A},
        {{.kind = CHANGE_DROP, .type = TYPE_NSEC}, "nowhere.example.net.", TYPE_A},
        {{.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_CNAME}, "alias.example.net.", TYPE_A},
        {{.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_DNAME}, "x.d.example.net.", TYPE_A},
        {{.kind = CHANGE_CLEAR, .for_type = TYPE_DNSKEY, .section = SECTION_ANSWER}, "www.example.net.", TYPE_A},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (unsigned seed = 0; seed < 4; seed++) { /* whichever is asked first */
            secure_t *secure = secure_new();
            secure_zone(secure, "example.net.")->second_address = "192.0.2.40";
            secure->sim->seed = 1 + seed;
            sim_t *sim = secure_start(secure);
            sim_change_answers(sim, seed % 2 ? "192.0.2.11" : "192.0.2.40", &cases[i].change, 1);
            truth_expect(sim, cases[i].name, cases[i].type, STORE_SECURE);
            assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_BOGUS), 0);
            secure_free(secure);
        }
    }
}

/* A server that strips what is at the parent: the DS itself, in referrals and answers. */
static void other_servers_of_the_parent_are_asked(void **state)
{
    (void)state;
    static const sim_change_t changes[] = {{.kind = CHANGE_DROP, .type = TYPE_DS},
                                           {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_DS}};
    for (unsigned seed = 0; seed < 4; seed++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "net.")->second_address = "192.0.2.41";
        secure->sim->seed = 1 + seed;
        sim_t *sim = secure_start(secure);
        sim_change_answers(sim, seed % 2 ? "192.0.2.3" : "192.0.2.41", changes, 2);
        secure_expect(sim, "www.example.net.", TYPE_A, WWW);
        secure_free(secure);
    }
}

static void so_many_and_no_more(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "example.net.")->second_address = "192.0.2.40";
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .owner = "www.example.net.", .type = TYPE_A});
    sim_t *sim = secure_start(secure);
    bogus_expect(sim, "www.example.net.", TYPE_A, EDE_DNSSEC_BOGUS);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_BOGUS_RETRIES), 2); /* each of two servers was found out once */
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_BOGUS), 1);
    unsigned queries = sim_queries(sim);
    bogus_expect(sim, "www.example.net.", TYPE_A, EDE_DNSSEC_BOGUS);
    assert_int_equal(sim_queries(sim), queries); /* remembered */
    secure_free(secure);
}

/* The other server does not answer: the client hears of bogus data, and soon. */
static void silent_servers_are_not_waited_for(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 4; seed++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->second_address = "192.0.2.40";
        secure->sim->seed = 1 + seed;
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .owner = "www.example.net.", .type = TYPE_A});
        sim_t *sim = secure_start(secure);
        sim_find_host(sim, "192.0.2.40")->behaviours = SIM_SILENT;
        bogus_expect(sim, "www.example.net.", TYPE_A, EDE_DNSSEC_BOGUS);
        assert_true(sim->answers[sim->answer_count - 1].took_ms < 4000);
        secure_free(secure);
    }
}

/* ---- what is asked, and what is known afterwards ---- */

/* Root, net. and example.net. once each for the data, the keys of each once, and no DS: they come with the referrals. */
static void no_question_too_many(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->sim->settings.minimise_names = false;
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    assert_int_equal(sim_queries(sim), 6);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_SIGNATURES), 6); /* three DNSKEY, two DS, the data */
    secure_expect(sim, "www.example.net.", TYPE_TXT, "NOERROR\nwww.example.net. TXT \"text\"\n");
    assert_int_equal(sim_queries(sim), 7);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_SIGNATURES), 7);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_SIGNATURES), 7); /* what is secure is not checked again */
    /* An unsigned zone: root and net. are known; its proof came with the referral. */
    insecure_expect(sim, "www.unsigned.net.", TYPE_A, "NOERROR\nwww.unsigned.net. A 198.51.100.1\n");
    assert_int_equal(sim_queries(sim), 9);
    insecure_expect(sim, "www.unsigned.net.", TYPE_TXT, "NOERROR\nwww.unsigned.net. TXT \"text\"\n");
    assert_int_equal(sim_queries(sim), 10);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_SIGNATURES), 8);
    secure_free(secure);
}

/* Data fetched for CD is validated out of the store: its own server is not asked again. */
static void unvalidated_data_is_validated_from_the_store(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
    } questions[] = {
        {"www.example.net.", TYPE_A}, {"nowhere.example.net.", TYPE_A}, {"x.wild.example.net.", TYPE_A}, {"www.example.net.", TYPE_MX}};
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        const sim_answer_t *answer = sim_ask_with(sim, questions[i].name, questions[i].type, RESOLVER_FLAG_CHECKING_DISABLED);
        assert_int_equal(answer->security, STORE_INDETERMINATE);
        assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_SIGNATURES), 0);
        unsigned queries = sim_find_host(sim, "192.0.2.11")->queries;
        truth_expect(sim, questions[i].name, questions[i].type, STORE_SECURE);
        assert_int_equal(sim_find_host(sim, "192.0.2.11")->queries, queries + 1); /* the DNSKEY */
        unsigned all = sim_queries(sim);
        answer = sim_ask_with(sim, questions[i].name, questions[i].type, RESOLVER_FLAG_CHECKING_DISABLED);
        assert_int_equal(answer->security, STORE_SECURE); /* upgraded by proof */
        assert_int_equal(sim_queries(sim), all);
        secure_free(secure);
    }
}

/* A question with CD never makes secure data less. */
static void secure_data_is_not_displaced(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    sim_ask_with(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED | RESOLVER_FLAG_REFRESH);
    unsigned queries = sim_queries(sim);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    assert_int_equal(sim_queries(sim), queries);
    secure_free(secure);
}

/* A renewal asks the server although the store has what is secure, and what comes is validated. */
static void renewals_are_validated(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    unsigned queries = sim_find_host(sim, "192.0.2.11")->queries;
    assert_int_equal(sim_ask_with(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_REFRESH)->security, STORE_SECURE);
    assert_int_equal(sim_find_host(sim, "192.0.2.11")->queries, queries + 1);
    assert_int_equal(resolver_count(sim->resolver, RESOLVER_COUNT_SIGNATURES), 7);
    secure_free(secure);
}

/* With next to no room for zones the store stands in: keys come out of it, and all is as secure as ever. */
static void a_small_table_of_zones(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->sim->settings.zones_trusted_max = 1;
    char names[32][64];
    for (unsigned i = 0; i < 12; i++) {
        snprintf(names[i], sizeof names[i], "z%u.net.", i);
        snprintf(names[i + 16], sizeof names[i + 16], "192.0.2.%u", 100 + i);
        secure_add(secure, names[i], "net.", names[i + 16], "www A 198.51.100.1\n");
    }
    sim_t *sim = secure_start(secure);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 12; i++) {
            char name[80];
            snprintf(name, sizeof name, "www.z%u.net.", i);
            truth_expect(sim, name, round ? TYPE_TXT : TYPE_A, STORE_SECURE);
        }
        truth_expect(sim, "www.example.org.", round ? TYPE_MX : TYPE_A, STORE_SECURE);
        truth_expect(sim, "www.example.net.", round ? TYPE_MX : TYPE_A, STORE_SECURE);
    }
    assert_int_equal(sim_find_host(sim, "192.0.2.100")->queries_dnskey, 1);
    secure_free(secure);
}

/* Trust that changes: what was concluded from the old is forgotten. */
static void another_trust(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    negative_anchor_t negative = {.name = sim_name("net.")};
    resolver_trust_t other = sim->trust;
    other.negative = &negative;
    other.negative_count = 1;
    resolver_set_trust(sim->resolver, &other);
    insecure_expect(sim, "www.example.net.", TYPE_TXT, "NOERROR\nwww.example.net. TXT \"text\"\n");
    resolver_set_trust(sim->resolver, NULL);
    assert_int_equal(sim_ask(sim, "mail.example.net.", TYPE_MX)->security, STORE_INDETERMINATE);
    resolver_set_trust(sim->resolver, &sim->trust);
    secure_expect(sim, "short.example.net.", TYPE_A, "NOERROR\nshort.example.net. A 198.51.100.2\n");
    secure_expect(sim, "mail.example.net.", TYPE_MX, "NOERROR\nmail.example.net. MX 10 www.example.net.\n"); /* out of the store */
    secure_free(secure);
}

/* What was validated once may be given stale; what never was, not even that (RFC 8767 is no way around validation). */
static void stale_data_must_have_been_validated(void **state)
{
    (void)state;
    for (unsigned is_disabled = 0; is_disabled < 2; is_disabled++) {
        secure_t *secure = secure_new();
        secure->sim->settings.serve_stale = true;
        sim_t *sim = secure_start(secure);
        unsigned flags = is_disabled ? RESOLVER_FLAG_CHECKING_DISABLED : 0;
        assert_string_equal(sim_ask_with(sim, "www.example.net.", TYPE_A, flags)->text, WWW);
        sim_sleep(sim, 4000);
        for (size_t i = 0; i < sim->host_count; i++) {
            sim->hosts[i].behaviours = SIM_SILENT;
        }
        const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
        assert_string_equal(answer->text, is_disabled ? "SERVFAIL\n" : WWW);
        assert_true(answer->is_stale != is_disabled);
        answer = sim_ask_with(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED);
        assert_string_equal(answer->text, WWW);
        secure_free(secure);
    }
}

/* The keys are slow to come: the data, which is there, waits for them. */
static void fresh_data_waits_for_its_keys(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->sim->settings.serve_stale = true;
    sim_t *sim = secure_start(secure);
    sim_ask_with(sim, "www.example.net.", TYPE_A, RESOLVER_FLAG_CHECKING_DISABLED);
    sim_find_host(sim, "192.0.2.1")->behaviours = SIM_SILENT;
    const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
    assert_string_equal(answer->text, "SERVFAIL\n");
    secure_free(secure);
}

/* Many at once, some for names that hang on the same keys: they wait for the same look-ups, and none in a circle. */
static void all_at_once(void **state)
{
    (void)state;
    static const char *const names[] = {"www.example.net.",       "nowhere.example.net.",
                                        "to-nsec3.example.net.",  "www.example.org.",
                                        "x.wild.example.com.",    "www.unsigned.org.",
                                        "example.net.",           "net.",
                                        "to-optout.example.org.", "."};
    static const uint16_t types[] = {TYPE_A, TYPE_DNSKEY, TYPE_DS, TYPE_NS, TYPE_AAAA};
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(types); j++) {
            sim_begin(sim, names[i], types[j], 0);
            sim_begin(sim, names[i], types[j], RESOLVER_FLAG_CHECKING_DISABLED);
        }
    }
    sim_run(sim, 20000);
    for (size_t i = 0; i < sim->answer_count; i++) {
        assert_true(sim->answers[i].is_there);
        assert_int_not_equal(sim->answers[i].rcode, RCODE_SERVFAIL);
    }
    assert_true(sim_find_host(sim, "192.0.2.11")->queries_dnskey <= 8); /* four names, twice */
    secure_free(secure);
}

/* ---- forwarders ---- */

/* One server of everything is what a forwarder looks like. It is asked with CD (RFC 6840 5.9), and what it says is not believed. */
static void forwarders(void **state)
{
    (void)state;
    for (unsigned strips = 0; strips < 2; strips++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure->sim;
        resolver_address_t address;
        assert_true(resolver_address_from_text(&address, "192.0.2.99", 10));
        const resolver_zone_t zone = {.zone = sim_name("."), .kind = RESOLVER_FORWARD, .addresses = &address, .address_count = 1};
        sim->settings.zones = &zone;
        sim->settings.zone_count = 1;
        secure_start(secure);
        sim_host(sim, "192.0.2.99", ". com. net. org. example.com. example.net. example.org. unsigned.com. unsigned.net. unsigned.org.")
            ->behaviours = strips ? SIM_STRIPS_DNSSEC : 0;
        if (strips) {
            assert_string_equal(sim_ask(sim, "www.example.net.", TYPE_A)->text, "SERVFAIL\n");
        } else {
            truth_expect(sim, "www.example.net.", TYPE_A, STORE_SECURE);
            truth_expect(sim, "nowhere.example.org.", TYPE_A, STORE_SECURE);
            truth_expect(sim, "www.unsigned.net.", TYPE_A, STORE_INSECURE);
            truth_expect(sim, "a.b.ent.unsigned.org.", TYPE_A, STORE_INSECURE);
            truth_expect(sim, "example.net.", TYPE_DS, STORE_SECURE);
            truth_expect(sim, "to-optout.example.net.", TYPE_A, STORE_SECURE);
        }
        assert_true(sim->sent_cd > 0);
        assert_int_equal(sim->sent_cd, sim_find_host(sim, "192.0.2.99")->queries);
        secure_free(secure);
    }
}

/* ---- the root as it was ---- */

enum { AUGUST_2017 = 1503360000 }; /* 2017-08-22 */

/* The key that signed the root's keys until October 2018, as IANA published it. */
static const char anchor_2010[] = ". DS 19036 8 2 49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5\n";

/* The unpacked zone in a temporary file, whose name is put into path. */
static void unpack(const char *packed, char *path)
{
    int file = mkstemp(path);
    char *arguments[] = {strdup("xz"), strdup("-dc"), strdup(packed), NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = -1;
    assert_true(file >= 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, file, STDOUT_FILENO), 0);
    assert_int_equal(posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    posix_spawn_file_actions_destroy(&actions);
    for (unsigned i = 0; i < 3; i++) {
        free(arguments[i]);
    }
    close(file);
}

static const zone_contents_t *load_root(const char *packed)
{
    char path[] = "/tmp/portolan-root-XXXXXX";
    const zone_contents_t *contents = NULL;
    name_t root = sim_name(".");
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 10);
    unpack(packed, path);
    assert_int_equal(zone_load(root.wire, CLASS_IN, path, NULL, &diagnostics, &contents), STATUS_OK);
    unlink(path);
    diagnostics_clear(&diagnostics);
    return contents;
}

static sim_t *start_root(const zone_contents_t *contents, const char *anchor, uint64_t epoch_s)
{
    sim_t *sim = sim_new(7);
    sim->epoch_s = epoch_s;
    sim_trust(sim, anchor);
    sim_zone_contents(sim, ".", zone_contents_ref(contents));
    sim_host(sim, "192.0.2.1", ".");
    sim_hint(sim, "a.root-servers.net.", "192.0.2.1");
    sim_start(sim);
    return sim;
}

/* The real root zone, with its anchor, at its time: keys, the DS of signed domains, and denials of all kinds. Before and after, nothing. */
static void root_of_2017(void **state)
{
    (void)state;
    const char *data = getenv("PORTOLAN_DATA");
    char packed[512];
    snprintf(packed, sizeof packed, "%s/root/root-2017-signed.zone.xz", data ? data : "");
    if (!data || access(packed, R_OK) != 0) {
        print_message("skipped: PORTOLAN_DATA does not name a folder with the root zone\n");
        skip();
    }
    const zone_contents_t *contents = load_root(packed);
    sim_t *sim = start_root(contents, anchor_2010, AUGUST_2017);
    static const struct {
        const char *name;
        uint16_t type;
    } questions[] = {
        /* NS last: at the addresses that come with it there is nobody */
        {".", TYPE_DNSKEY},
        {".", TYPE_SOA},
        {".", TYPE_A},
        {"com.", TYPE_DS},
        {"se.", TYPE_DS},
        {"arpa.", TYPE_DS},
        {"nowhere-at-all.", TYPE_A},
        {"a.b.c.nosuch.", TYPE_MX},
        {"ly.", TYPE_DS},
        {".", TYPE_NS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        truth_expect(sim, questions[i].name, questions[i].type, STORE_SECURE);
    }
    sim_free(sim);
    sim = start_root(contents, anchor_2010, AUGUST_2017 + 90 * SECURE_DAY_S);
    bogus_expect(sim, "com.", TYPE_DS, EDE_SIGNATURE_EXPIRED);
    sim_free(sim);
    sim = start_root(contents, anchor_2010, AUGUST_2017 - 90 * SECURE_DAY_S);
    bogus_expect(sim, "com.", TYPE_DS, EDE_SIGNATURE_NOT_YET_VALID);
    sim_free(sim);
    /* The key that took over in 2018 is published, but has signed nothing yet. */
    sim = start_root(contents, ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n", AUGUST_2017);
    bogus_expect(sim, "com.", TYPE_DS, SECURE_ANY_REASON);
    sim_free(sim);
    zone_contents_unref(contents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_servers_are_asked),
        cmocka_unit_test(other_servers_of_the_parent_are_asked),
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(silent_servers_are_not_waited_for),
        cmocka_unit_test(no_question_too_many),
        cmocka_unit_test(unvalidated_data_is_validated_from_the_store),
        cmocka_unit_test(secure_data_is_not_displaced),
        cmocka_unit_test(renewals_are_validated),
        cmocka_unit_test(a_small_table_of_zones),
        cmocka_unit_test(another_trust),
        cmocka_unit_test(stale_data_must_have_been_validated),
        cmocka_unit_test(fresh_data_waits_for_its_keys),
        cmocka_unit_test(all_at_once),
        cmocka_unit_test(forwarders),
        cmocka_unit_test(root_of_2017),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
