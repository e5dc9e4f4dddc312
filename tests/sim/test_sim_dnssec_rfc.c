/* The zones of RFC 4035 appendix A and RFC 5155 appendix A, with the signatures that are printed there, at a time when they were valid; and
 * the responses of both appendices B, whole and with each record of their proofs missing. */
#include "secure.h"

#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { APRIL_2004 = 1082400000, APRIL_2010 = 1271700000 };

typedef struct example {
    const char *file;
    uint64_t epoch_s;
    const char *unsigned_child; /* and its server's address */
    const char *child_address;
} example_t;

static const example_t rfc4035 = {"rfc4035.zone", APRIL_2004, "b.example.", "192.0.2.7"};
static const example_t rfc5155 = {"rfc5155.zone", APRIL_2010, "c.example.", "192.0.2.7"};

static const zone_contents_t *load(const char *file)
{
    char path[512];
    name_t apex = sim_name("example.");
    const zone_contents_t *contents = NULL;
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 10);
    snprintf(path, sizeof path, "%s/%s", ZONES, file);
    status_t status = zone_load(apex.wire, CLASS_IN, path, NULL, &diagnostics, &contents);
    if (status != STATUS_OK) {
        print_message("%s: %s\n", path, diagnostics.first ? diagnostics.first->message : status_text(status));
        fail();
    }
    diagnostics_clear(&diagnostics);
    return contents;
}

/* The zone's own key signing key is the anchor: the root is not signed. */
static void trust_key(sim_t *sim, const zone_contents_t *contents)
{
    const zone_rrset_t *keys = zone_node_find(zone_apex(contents), TYPE_DNSKEY);
    assert_non_null(keys);
    const uint8_t *record = keys->data;
    for (unsigned i = 0; i < keys->count; i++) {
        uint8_t rdata[1024];
        size_t size = zone_record_rdata(contents, keys, record, rdata, &record);
        if (load_be16(rdata) & DNSKEY_FLAG_SEP) {
            buffer_t text;
            buffer_init(&text, 4096);
            buffer_append_text(&text, "example. DNSKEY ");
            rdata_to_text(TYPE_DNSKEY, CLASS_IN, rdata, size, &text);
            sim_trust(sim, buffer_text(&text));
            buffer_clear(&text);
        }
    }
}

static sim_t *started(const example_t *example)
{
    char child[256];
    sim_t *sim = sim_new(7);
    sim->epoch_s = example->epoch_s;
    sim_zone(
        sim, ".",
        ". 3600 SOA ns. host. 1 7200 900 1209600 300\n. 3600 NS ns.\nns. 3600 A 192.0.2.250\n"
        "example. 3600 NS ns1.example.\nexample. 3600 NS ns2.example.\nns1.example. 3600 A 192.0.2.1\nns2.example. 3600 A 192.0.2.2\n");
    const zone_contents_t *contents = load(example->file);
    trust_key(sim, contents);
    sim_zone_contents(sim, "example.", contents);
    snprintf(child, sizeof child, "@ 3600 SOA ns1 host 1 7200 900 1209600 300\n@ 3600 NS ns1\nns1 3600 A %s\nmc 3600 MX 1 ns1\n",
             example->child_address);
    sim_zone(sim, example->unsigned_child, child);
    sim_host(sim, "192.0.2.250", ".");
    sim_host(sim, "192.0.2.1", "example.");
    sim_host(sim, "192.0.2.2", "example.");
    sim_host(sim, example->child_address, example->unsigned_child);
    sim_hint(sim, "ns.", "192.0.2.250");
    sim->settings.minimise_names = false; /* the questions as printed */
    sim_start(sim);
    return sim;
}

/* A response, and how many RRsets of its proof are needed. */
typedef struct response {
    const char *section; /* of appendix B */
    const char *name;
    uint16_t type;
    unsigned proofs;
    store_security_t security;
} response_t;

/* Whole, then without each NSEC or NSEC3 RRset in turn, then without each one's signatures. */
static void check_responses(const example_t *example, const response_t *responses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const response_t *response = &responses[i];
        sim_t *sim = started(example);
        truth_expect(sim, response->name, response->type, response->security);
        sim_free(sim);
        for (unsigned missing = 0; missing < 2 * response->proofs; missing++) {
            const sim_change_t change = {
                .kind = missing < response->proofs ? CHANGE_DROP_NTH_DENIAL : CHANGE_DROP_NTH_SIGNATURE,
                .for_name = response->name,
                .for_type = response->type,
                .value = missing % response->proofs,
            };
            sim = started(example);
            sim_change_answers(sim, "192.0.2.1", &change, 1);
            sim_change_answers(sim, "192.0.2.2", &change, 1);
            const sim_answer_t *answer = sim_ask(sim, response->name, response->type);
            if (answer->rcode != RCODE_SERVFAIL) {
                print_message("%s without record %u is believed: %s", response->section, missing, answer->with_do);
            }
            assert_string_equal(answer->text, "SERVFAIL\n");
            sim_free(sim);
        }
    }
}

static void rfc4035_appendix_b(void **state)
{
    (void)state;
    static const response_t responses[] = {
        {"B.1 answer", "x.w.example.", TYPE_MX, 0, STORE_SECURE},
        {"B.2 name error", "ml.example.", TYPE_A, 2, STORE_SECURE},
        {"B.3 no data", "ns1.example.", TYPE_MX, 1, STORE_SECURE},
        {"B.5 referral to an unsigned zone", "mc.b.example.", TYPE_MX, 0, STORE_INSECURE},
        {"B.6 wildcard expansion", "a.z.w.example.", TYPE_MX, 1, STORE_SECURE},
        {"B.7 wildcard no data", "a.z.w.example.", TYPE_AAAA, 2, STORE_SECURE},
        {"apex", "example.", TYPE_NS, 0, STORE_SECURE},
        {"empty non-terminal", "w.example.", TYPE_A, 1, STORE_SECURE},
    };
    check_responses(&rfc4035, responses, ARRAY_SIZE(responses));
}

/* The whole chain is opt-out: what only a covering record proves is insecure (9.2). For the same reason B.5 is believed, as insecure,
 * without its third record: the covered name may be an empty non-terminal above an unsigned delegation. */
static void rfc5155_appendix_b(void **state)
{
    (void)state;
    static const response_t responses[] = {
        {"B.1 name error", "a.c.x.w.example.", TYPE_A, 3, STORE_INSECURE},
        {"B.2 no data", "ns1.example.", TYPE_MX, 1, STORE_SECURE},
        {"B.2.1 no data, empty non-terminal", "y.w.example.", TYPE_A, 1, STORE_SECURE},
        {"B.3 referral to an opt-out unsigned zone", "mc.c.example.", TYPE_MX, 0, STORE_INSECURE},
        {"B.4 wildcard expansion", "a.z.w.example.", TYPE_MX, 1, STORE_INSECURE},
        {"B.5 wildcard no data", "a.z.w.example.", TYPE_AAAA, 2, STORE_INSECURE},
        {"answer", "x.w.example.", TYPE_MX, 0, STORE_SECURE},
    };
    check_responses(&rfc5155, responses, ARRAY_SIZE(responses));
}

/* A referral to a signed zone (B.4 of RFC 4035) whose servers do not have it: nothing is known. */
static void a_signed_child_that_is_not_there(void **state)
{
    (void)state;
    sim_t *sim = started(&rfc4035);
    assert_string_equal(sim_ask(sim, "mc.a.example.", TYPE_MX)->text, "SERVFAIL\n");
    truth_expect(sim, "a.example.", TYPE_DS, STORE_SECURE);
    sim_free(sim);
}

/* The same zone without the proof that a child is unsigned. */
static void an_unsigned_child_without_proof(void **state)
{
    (void)state;
    static const sim_change_t changes[] = {{.kind = CHANGE_DROP, .type = TYPE_NSEC}, {.kind = CHANGE_DROP, .type = TYPE_NSEC3}};
    const example_t *const examples[] = {&rfc4035, &rfc5155};
    for (unsigned i = 0; i < 2; i++) {
        sim_t *sim = started(examples[i]);
        char name[64];
        snprintf(name, sizeof name, "mc.%s", examples[i]->unsigned_child);
        sim_change_answers(sim, "192.0.2.1", changes, 2);
        sim_change_answers(sim, "192.0.2.2", changes, 2);
        bogus_expect(sim, name, TYPE_MX, EDE_NSEC_MISSING);
        sim_free(sim);
    }
}

/* Twenty years later nothing of it holds. */
static void today(void **state)
{
    (void)state;
    const example_t *const examples[] = {&rfc4035, &rfc5155};
    for (unsigned i = 0; i < 2; i++) {
        example_t late = *examples[i];
        late.epoch_s = 1800000000;
        sim_t *sim = started(&late);
        bogus_expect(sim, "x.w.example.", TYPE_MX, EDE_SIGNATURE_EXPIRED);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc4035_appendix_b),
        cmocka_unit_test(rfc5155_appendix_b),
        cmocka_unit_test(a_signed_child_that_is_not_there),
        cmocka_unit_test(an_unsigned_child_without_proof),
        cmocka_unit_test(today),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
