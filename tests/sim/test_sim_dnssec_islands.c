/* Where trust begins and where it ends: anchors, insecure delegations, negative anchors, servers that strip DNSSEC. */
#include "secure.h"

#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WWW "NOERROR\nwww.example.net. A 198.51.100.1\n"

/* ---- anchors ---- */

static void anchors_as_dnskey_text(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    const signing_key_t *key = secure_keys(secure, ".")[0];
    buffer_t text;
    buffer_init(&text, 4096);
    buffer_append_text(&text, ". DNSKEY ");
    rdata_to_text(TYPE_DNSKEY, CLASS_IN, key->rdata, key->rdata_size, &text);
    secure->anchor_text = buffer_text(&text);
    secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
    buffer_clear(&text);
    secure_free(secure);
}

static void an_anchor_that_does_not_match(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure->anchor_text = ". DS 20326 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
    sim_t *sim = secure_start(secure);
    bogus_expect(sim, "www.example.net.", TYPE_A, EDE_DNSKEY_MISSING);
    bogus_expect(sim, "www.unsigned.net.", TYPE_A, EDE_DNSKEY_MISSING);
    secure_free(secure);
}

/* During a rollover: one of two fits. */
static void one_anchor_of_two_matches(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    char text[2 * SECURE_DS_TEXT_MAX];
    secure_ds_text(secure_zone(secure, "."), secure_keys(secure, ".")[0], DNSSEC_DIGEST_SHA256, text);
    size_t length = strlen(text);
    snprintf(text + length, sizeof text - length, ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n");
    secure->anchor_text = text;
    secure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

static void without_anchors_nothing_is_secure(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, ".")->algorithm = 0;
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_NO_SIGNATURE});
    sim_t *sim = secure_start(secure);
    const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
    assert_string_equal(answer->text, WWW);
    assert_int_equal(answer->security, STORE_INDETERMINATE);
    secure_free(secure);
}

/* An anchor below an unsigned root: its island is secure, the rest is not judged. */
static void an_island_of_security(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    char text[SECURE_DS_TEXT_MAX];
    secure_zone(secure, ".")->algorithm = 0;
    secure_ds_text(secure_zone(secure, "example.net."), secure_keys(secure, "example.net.")[0], DNSSEC_DIGEST_SHA256, text);
    secure->anchor_text = text;
    secure_fault(secure, "example.org.", (zone_fault_t){.kind = FAULT_NO_SIGNATURE});
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_expect(sim, "nowhere.example.net.", TYPE_A, "NXDOMAIN\n");
    const sim_answer_t *answer = sim_ask(sim, "www.example.org.", TYPE_A);
    assert_string_equal(answer->text, "NOERROR\nwww.example.org. A 198.51.100.1\n");
    assert_true(answer->security == STORE_INDETERMINATE || answer->security == STORE_INSECURE);
    secure_free(secure);
}

/* ---- insecure delegations ---- */

static void insecure_delegations(void **state)
{
    (void)state;
    static const char *const zones[] = {"unsigned.net.", "unsigned.org.", "unsigned.com."}; /* NSEC, NSEC3, opt-out */
    for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        char name[64];
        char text[128];
        snprintf(name, sizeof name, "www.%s", zones[i]);
        snprintf(text, sizeof text, "NOERROR\n%s A 198.51.100.1\n", name);
        insecure_expect(sim, name, TYPE_A, text);
        snprintf(name, sizeof name, "nowhere.%s", zones[i]);
        insecure_expect(sim, name, TYPE_A, "NXDOMAIN\n");
        snprintf(name, sizeof name, "www.%s", zones[i]);
        insecure_expect(sim, name, TYPE_MX, "NOERROR\n");
        secure_free(secure);
    }
}

/* Opt-out with chaff: signed delegations and names before and behind the unsigned one; without: the chain is the apex alone. */
static void opt_out_with_and_without_chaff(void **state)
{
    (void)state;
    for (unsigned chaff = 0; chaff < 2; chaff++) {
        secure_t *secure = secure_new();
        secure_add(secure, "optout.net.", "net.", "192.0.2.30",
                   chaff ? "a A 192.0.2.99\nb A 192.0.2.99\nc.d A 192.0.2.99\n*.e TXT \"e\"\n" : NULL)
            ->signing.denial = ZONE_DENIAL_OPT_OUT;
        secure_add(secure, "child.optout.net.", "optout.net.", "192.0.2.31", "www A 198.51.100.1\n")->algorithm = 0;
        secure_add(secure, "deep.ent.optout.net.", "optout.net.", "192.0.2.32", "www A 198.51.100.1\n")->algorithm = 0;
        if (chaff) {
            secure_add(secure, "signed.optout.net.", "optout.net.", "192.0.2.33", "www A 198.51.100.1\n");
        }
        sim_t *sim = secure_start(secure);
        insecure_expect(sim, "www.child.optout.net.", TYPE_A, "NOERROR\nwww.child.optout.net. A 198.51.100.1\n");
        insecure_expect(sim, "www.deep.ent.optout.net.", TYPE_A, "NOERROR\nwww.deep.ent.optout.net. A 198.51.100.1\n");
        insecure_expect(sim, "child.optout.net.", TYPE_DS, "NOERROR\n");
        insecure_expect(sim, "nowhere.optout.net.", TYPE_A, "NXDOMAIN\n"); /* RFC 5155 9.2: no AD */
        if (chaff) {
            secure_expect(sim, "www.signed.optout.net.", TYPE_A, "NOERROR\nwww.signed.optout.net. A 198.51.100.1\n");
        }
        secure_free(secure);
    }
}

/* What lies below an insecure zone is insecure, DS or not. */
/* That a zone is insecure is known for as long as its proof lives. Its data live for as long as their owner says all the same: a zone that
 * is signed later loses nothing when what was learned before counts as insecure until it expires. */
static void insecure_data_outlive_the_proof(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    const sim_answer_t *proof = sim_ask(sim, "unsigned.net.", TYPE_DS);
    const sim_answer_t *data = sim_ask(sim, "www.unsigned.net.", TYPE_A);
    assert_int_equal(data->security, STORE_INSECURE);
    assert_int_equal(data->ttl_s, 3600);
    assert_true(proof->ttl_s < 3600);
    secure_free(secure);
}

static void below_an_insecure_zone(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_add(secure, "plain.unsigned.net.", "unsigned.net.", "192.0.2.30", "www A 198.51.100.1\n")->algorithm = 0;
    secure_add(secure, "signed.unsigned.net.", "unsigned.net.", "192.0.2.31", "www A 198.51.100.1\n");
    secure_fault(secure, "signed.unsigned.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE});
    sim_t *sim = secure_start(secure);
    insecure_expect(sim, "www.plain.unsigned.net.", TYPE_A, "NOERROR\nwww.plain.unsigned.net. A 198.51.100.1\n");
    insecure_expect(sim, "www.signed.unsigned.net.", TYPE_A, "NOERROR\nwww.signed.unsigned.net. A 198.51.100.1\n");
    secure_free(secure);
}

/* Keys in the zone, none at the parent: insecure, even if the zone's signatures are broken. */
static void signed_without_a_ds(void **state)
{
    (void)state;
    for (unsigned broken = 0; broken < 2; broken++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->ds_text = "";
        if (broken) {
            secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_TIMES, .value = 1, .more = 2});
        }
        insecure_expect(secure_start(secure), "www.example.net.", TYPE_A, WWW);
        secure_free(secure);
    }
}

/* Parent and child on the same servers: nothing but the DS, or its absence, tells of the cut. */
static void parent_and_child_share_a_server(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_add(secure, "sub.example.net.", "example.net.", "192.0.2.11", "www A 198.51.100.1\n")->is_guest = true;
    secure_zone_t *bare = secure_add(secure, "bare.example.net.", "example.net.", "192.0.2.11", "www A 198.51.100.1\n");
    bare->is_guest = true;
    bare->algorithm = 0;
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.sub.example.net.", TYPE_A, "NOERROR\nwww.sub.example.net. A 198.51.100.1\n");
    insecure_expect(sim, "www.bare.example.net.", TYPE_A, "NOERROR\nwww.bare.example.net. A 198.51.100.1\n");
    secure_expect(sim, "www.example.net.", TYPE_A, WWW);
    secure_free(secure);
}

/* ---- negative trust anchors (RFC 7646) ---- */

static void negative_trust_anchors(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    negative_anchor_t anchors[] = {{.name = sim_name("example.net.")}, {.name = sim_name("org."), .until_s = secure->sim->epoch_s + 3600}};
    secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE});
    secure_fault(secure, "example.org.", (zone_fault_t){.kind = FAULT_NO_SIGNATURE});
    secure->sim->trust.negative = anchors;
    secure->sim->trust.negative_count = ARRAY_SIZE(anchors);
    sim_t *sim = secure_start(secure);
    insecure_expect(sim, "www.example.net.", TYPE_A, WWW);
    insecure_expect(sim, "nowhere.example.net.", TYPE_A, "NXDOMAIN\n");
    insecure_expect(sim, "short.example.org.", TYPE_A, "NOERROR\nshort.example.org. A 198.51.100.2\n");
    insecure_expect(sim, "www.unsigned.net.", TYPE_A, "NOERROR\nwww.unsigned.net. A 198.51.100.1\n");
    secure_expect(sim, "www.example.com.", TYPE_A, "NOERROR\nwww.example.com. A 198.51.100.1\n");
    sim_sleep(sim, 3700);
    insecure_expect(sim, "www.example.net.", TYPE_A, WWW);
    assert_string_equal(sim_ask(sim, "short.example.org.", TYPE_A)->text, "SERVFAIL\n"); /* its time is over */
    secure_free(secure);
}

/* ---- servers that strip DNSSEC ---- */

static void stripped_answers(void **state)
{
    (void)state;
    static const char *const hosts[] = {"192.0.2.11", "192.0.2.3", "192.0.2.1"}; /* the zone's, its parent's, the root's */
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        sim_find_host(sim, hosts[i])->behaviours = SIM_STRIPS_DNSSEC;
        const sim_answer_t *answer = sim_ask(sim, "www.example.net.", TYPE_A);
        assert_string_equal(answer->text, "SERVFAIL\n");
        assert_true(answer->extended_error == EDE_RRSIGS_MISSING || answer->extended_error == EDE_NSEC_MISSING);
        answer = sim_ask(sim, "nowhere.example.net.", TYPE_A);
        assert_string_equal(answer->text, "SERVFAIL\n");
        secure_free(secure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anchors_as_dnskey_text),
        cmocka_unit_test(an_anchor_that_does_not_match),
        cmocka_unit_test(one_anchor_of_two_matches),
        cmocka_unit_test(without_anchors_nothing_is_secure),
        cmocka_unit_test(an_island_of_security),
        cmocka_unit_test(insecure_delegations),
        cmocka_unit_test(opt_out_with_and_without_chaff),
        cmocka_unit_test(insecure_data_outlive_the_proof),
        cmocka_unit_test(below_an_insecure_zone),
        cmocka_unit_test(signed_without_a_ds),
        cmocka_unit_test(parent_and_child_share_a_server),
        cmocka_unit_test(negative_trust_anchors),
        cmocka_unit_test(stripped_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
