/* What was validated and kept, and is not so any more: keys and DS records that changed early, delegations that were forged. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WWW         "NOERROR\nwww.example.net. A 198.51.100.1\n"
#define WILD(label) "NOERROR\n" label ".wild.example.net. A 198.51.100.9\n"

enum { MINUTE_S = 60 };

static uint64_t renewals(const sim_t *sim)
{
    return resolver_count(sim->resolver, RESOLVER_COUNT_RENEWALS);
}

/* ---- keys ---- */

/* The zone's keys go, all at once: others take their place. */
static void change_keys(secure_t *secure, const char *apex, bool with_ksk)
{
    secure_zone_t *zone = secure_zone(secure, apex);
    signing_key_t *ksk = zone->keys[0];
    signing_key_t *zsk = secure_add_key(secure, apex, zone->algorithm, zone->zsk_flags);
    signing_key_t *other = secure_add_key(secure, apex, zone->algorithm, zone->ksk_flags);
    signing_key_t *keys[] = {with_ksk ? other : ksk, zsk};
    for (size_t i = 0; i < zone->key_count; i++) {
        if (zone->keys[i] != keys[0] && zone->keys[i] != keys[1]) {
            signing_key_free(zone->keys[i]);
        }
    }
    memcpy(zone->keys, keys, sizeof keys);
    zone->key_count = 2;
    secure_sign_again(secure, apex);
}

static void keys_that_changed_early(void **state)
{
    (void)state;
    static const char *const names[] = {"mail.example.net.", "nowhere.example.net.", "x.wild.example.net.", "x.walias.example.net."};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        secure_expect(sim, "www.example.net.", TYPE_A, WWW);
        sim_sleep(sim, 2 * MINUTE_S);
        change_keys(secure, "example.net.", false);
        truth_expect(sim, names[i], i == 0 ? TYPE_MX : TYPE_A, STORE_SECURE);
        assert_int_equal(sim_find_host(sim, "192.0.2.11")->queries_dnskey, 2);
        secure_expect(sim, "x.wild.example.net.", TYPE_A, WILD("x"));
        assert_int_equal(sim_find_host(sim, "192.0.2.11")->queries_dnskey, 2);
        secure_free(secure);
    }
}

/* The same of a zone above, whose DS RRset of the next one is not known. */
static void keys_above_that_changed_early(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    truth_expect(sim, "www.unsigned.net.", TYPE_A, STORE_INSECURE);
    sim_sleep(sim, 2 * MINUTE_S);
    change_keys(secure, "net.", false);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

static void ds_that_changed_early(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    sim_sleep(sim, 2 * MINUTE_S);
    change_keys(secure, "example.net.", true);
    secure_sign_again(secure, "net.");
    secure_expect(sim, "x.wild.example.net.", TYPE_A, WILD("x"));
    assert_int_equal(sim_find_host(sim, "192.0.2.11")->queries_dnskey, 2);
    assert_int_equal(sim_find_host(sim, "192.0.2.3")->queries_ds, 1);
    secure_expect(sim, "y.wild.example.net.", TYPE_A, WILD("y"));
    assert_int_equal(sim_find_host(sim, "192.0.2.11")->queries_dnskey, 2);
    secure_free(secure);
}

/* Who is told the zone is signed no more, when its keys no longer fit. */
static void ds_that_went_early(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    sim_sleep(sim, 2 * MINUTE_S);
    change_keys(secure, "example.net.", true);
    secure_zone(secure, "example.net.")->ds_text = "";
    secure_sign_again(secure, "net.");
    insecure_expect(sim, "x.wild.example.net.", TYPE_A, WILD("x"));
    secure_free(secure);
}

/* Signatures by keys that the zone does not have at all: asking for the keys again and again would serve whoever makes them. */
static void garbage_tags_are_no_lever(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_KEY_TAG, .owner = "*.wild.example.net.", .value = 1});
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    sim_sleep(sim, 2 * MINUTE_S);
    unsigned before = sim_find_host(sim, "192.0.2.11")->queries_dnskey;
    for (unsigned i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.wild.example.net.", i);
        const sim_answer_t *answer = sim_ask(sim, name, TYPE_A);
        assert_string_equal(answer->text, "SERVFAIL\n");
        assert_int_equal(answer->extended_error, EDE_DNSKEY_MISSING);
    }
    assert_in_range(sim_find_host(sim, "192.0.2.11")->queries_dnskey - before, 1, 2);
    secure_expect(sim, "alias.example.net.", TYPE_A,
                  "NOERROR\nalias.example.net. CNAME www.example.net.\nwww.example.net. A 198.51.100.1\n");
    secure_free(secure);
}

/* Renewed keys that are no good do not take the place of good ones. */
static void keys_that_cannot_be_renewed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        secure_t *secure = secure_new();
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_KEY_TAG, .owner = "*.wild.example.net.", .value = 1});
        sim_t *sim = secure_start(secure);
        secure_expect(sim, "www.example.net.", TYPE_A, WWW);
        sim_sleep(sim, 2 * MINUTE_S);
        static const sim_change_t unsigned_keys[] = {{.kind = CHANGE_DROP, .for_type = TYPE_DNSKEY, .type = TYPE_RRSIG}};
        static const sim_change_t failing_keys[] = {{.kind = CHANGE_RCODE, .for_type = TYPE_DNSKEY, .value = RCODE_SERVFAIL}};
        sim_change_answers(sim, "192.0.2.11", i == 0 ? unsigned_keys : failing_keys, 1);
        bogus_expect(sim, "x.wild.example.net.", TYPE_A, EDE_DNSKEY_MISSING);
        secure_expect(sim, "short.example.net.", TYPE_A, "NOERROR\nshort.example.net. A 198.51.100.2\n");
        secure_free(secure);
    }
}

/* ---- delegations ---- */

/* Puts into the store what an attacker would: a delegation of the zone to his server. */
static void forge(sim_t *sim, const char *zone, const char *address)
{
    name_t apex = sim_name(zone);
    name_t server = sim_name("ns.attacker.");
    resolver_address_t own;
    assert_true(resolver_address_from_text(&own, address, strlen(address)));
    const delegation_server_t servers[] = {{.name = server.wire, .address_count = 1, .addresses = &own}};
    const delegation_t delegation = {.zone = apex.wire, .ttl_s = 3600, .server_count = 1, .servers = servers};
    sim->store->operations->put_delegation(sim->store, &delegation, sim->epoch_s + sim->now_ms / 1000);
}

static void a_forged_delegation(void **state)
{
    (void)state;
    static const unsigned behaviours[] = {0, SIM_SILENT, SIM_REFUSES, SIM_STRIPS_DNSSEC};
    static const char *const zones[] = {"example.net.", "net.", "."};
    for (size_t i = 0; i < ARRAY_SIZE(behaviours); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(zones); j++) {
            for (unsigned is_known = 0; is_known < 2; is_known++) {
                secure_t *secure = secure_new();
                sim_t *sim = secure_start(secure);
                sim_zone(sim, "x.", "x. SOA ns.x. host.x. 1 7200 900 1209600 300\nx. NS ns.x.\nns.x. A 203.0.113.66\n");
                sim_host_t *host = sim_host(sim, "203.0.113.66", "x.");
                host->behaviours = behaviours[i];
                if (is_known) {
                    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
                }
                forge(sim, zones[j], "203.0.113.66");
                secure_expect(sim, "x.wild.example.net.", TYPE_A, WILD("x"));
                secure_expect(sim, "mail.example.net.", TYPE_MX, "NOERROR\nmail.example.net. MX 10 www.example.net.\n");
                secure_free(secure);
            }
        }
    }
}

/* A server that answers whatever it is asked, and refers to itself: the attacker's. */
static size_t attacker(sim_host_t *host, const query_t *query, uint8_t *out)
{
    char name[NAME_TEXT_MAX];
    message_writer_t writer;
    name_to_text(query->message + MESSAGE_HEADER_SIZE, name);
    (void)host;
    if (query->type == TYPE_A && strcmp(name, "example.net.") == 0) {
        sim_reply_begin(&writer, query, out, 0);
        sim_reply_add(&writer, SECTION_AUTHORITY, name, TYPE_NS, 86400, "ns.attacker.");
        sim_reply_add(&writer, SECTION_ADDITIONAL, "ns.attacker.", TYPE_A, 86400, "203.0.113.66");
        return message_writer_finish(&writer);
    }
    sim_reply_begin(&writer, query, out, FLAG_AA);
    if (query->type == TYPE_A) {
        sim_reply_add(&writer, SECTION_ANSWER, name, TYPE_A, 86400, "203.0.113.66");
    }
    return message_writer_finish(&writer);
}

static void a_forged_delegation_that_leads_on(void **state)
{
    (void)state;
    static const char *const zones[] = {"example.net.", "net.", "."};
    for (size_t j = 0; j < ARRAY_SIZE(zones); j++) {
        for (unsigned is_known = 0; is_known < 2; is_known++) {
            secure_t *secure = secure_new();
            sim_t *sim = secure_start(secure);
            sim_scripted(sim, "203.0.113.66", attacker, NULL);
            if (is_known) {
                secure_expect(sim, "www.example.net.", TYPE_A, WWW);
            }
            forge(sim, zones[j], "203.0.113.66");
            secure_expect(sim, "x.wild.example.net.", TYPE_A, WILD("x"));
            secure_expect(sim, "y.wild.example.net.", TYPE_A, WILD("y"));
            secure_free(secure);
        }
    }
}

/* A zone whose own data is bogus stays so: its parent is asked once a minute. */
static void a_bogus_zone_is_no_lever(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .owner = "*.wild.example.net."});
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    unsigned before = sim_find_host(sim, "192.0.2.3")->queries;
    for (unsigned i = 0; i < 100; i++) {
        char name[64];
        snprintf(name, sizeof name, "n%u.wild.example.net.", i);
        const sim_answer_t *answer = sim_ask(sim, name, TYPE_A);
        assert_string_equal(answer->text, "SERVFAIL\n");
        assert_int_equal(answer->extended_error, EDE_DNSSEC_BOGUS);
    }
    assert_int_equal(sim_find_host(sim, "192.0.2.3")->queries, before + 1);
    assert_int_equal(renewals(sim), 1);
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_changed_early),   cmocka_unit_test(keys_above_that_changed_early),
        cmocka_unit_test(ds_that_changed_early),     cmocka_unit_test(ds_that_went_early),
        cmocka_unit_test(garbage_tags_are_no_lever), cmocka_unit_test(keys_that_cannot_be_renewed),
        cmocka_unit_test(a_forged_delegation),       cmocka_unit_test(a_forged_delegation_that_leads_on),
        cmocka_unit_test(a_bogus_zone_is_no_lever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
