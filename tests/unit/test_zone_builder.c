/* What the builder makes of records that are doubled, out of place, at odds with one another, or too many. */
#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/nsec3_hash.h"
#include "wire/name_key.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/builder.h"
#include "zone/contents.h"
#include "zone/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static name_t from_text(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    return name;
}

typedef struct fixture {
    zone_builder_t *builder;
    zone_findings_t *findings;
    const zone_contents_t *contents;
} fixture_t;

static fixture_t begin(const char *apex)
{
    name_t name = from_text(apex);
    fixture_t fixture = {.builder = zone_builder_new(name.wire, CLASS_IN), .findings = zone_findings_new()};
    assert_non_null(fixture.builder);
    assert_non_null(fixture.findings);
    return fixture;
}

static void end(fixture_t *fixture)
{
    zone_builder_free(fixture->builder);
    zone_findings_free(fixture->findings);
    zone_contents_unref(fixture->contents);
}

static status_t add_wire(fixture_t *fixture, const char *owner, uint16_t type, uint32_t ttl_s, const void *rdata, size_t rdlength)
{
    name_t name = from_text(owner);
    return zone_builder_add(fixture->builder, name.wire, type, CLASS_IN, ttl_s, rdata, rdlength, fixture->findings);
}

static status_t add_ttl(fixture_t *fixture, const char *owner, uint16_t type, uint32_t ttl_s, const char *text)
{
    uint8_t rdata[RDATA_MAX];
    byte_writer_t writer = byte_writer(rdata, sizeof rdata);
    name_t origin = from_text("example.");
    rdata_error_t error;
    assert_int_equal(rdata_from_line(type, CLASS_IN, text, strlen(text), origin.wire, &writer, &error), STATUS_OK);
    return add_wire(fixture, owner, type, ttl_s, rdata, writer.position);
}

static void add(fixture_t *fixture, const char *owner, uint16_t type, const char *text)
{
    assert_int_equal(add_ttl(fixture, owner, type, 3600, text), STATUS_OK);
}

static void add_soa(fixture_t *fixture)
{
    add(fixture, "example.", TYPE_SOA, "ns hostmaster 7 3600 600 86400 900");
}

static void finish(fixture_t *fixture)
{
    assert_int_equal(zone_builder_finish(fixture->builder, fixture->findings, &fixture->contents), STATUS_OK);
}

static size_t count_findings(const fixture_t *fixture, const char *code)
{
    size_t count = 0;
    for (const zone_finding_t *finding = zone_findings_first(fixture->findings); finding; finding = finding->next) {
        count += strcmp(finding->code, code) == 0;
    }
    return count;
}

static const zone_rrset_t *find(const fixture_t *fixture, const char *owner, uint16_t type)
{
    name_t name = from_text(owner);
    const zone_node_t *node = zone_find(fixture->contents, name.wire);
    return node ? zone_node_find(node, type) : NULL;
}

static uint32_t ttl_of(const zone_rrset_t *rrset)
{
    return load_be32(rrset->fixed + 4);
}

/* ---- the SOA ---- */

static void a_zone_needs_an_soa(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add(&fixture, "a.example.", TYPE_SOA, "ns hostmaster 7 3600 600 86400 900");
    add(&fixture, "a.example.", TYPE_A, "192.0.2.1");
    assert_int_equal(zone_builder_finish(fixture.builder, fixture.findings, &fixture.contents), STATUS_INVALID);
    assert_int_equal(count_findings(&fixture, "no-soa"), 1);
    assert_null(fixture.contents);
    end(&fixture);
}

static void an_empty_zone_is_none(void **state)
{
    (void)state;
    fixture_t fixture = begin(".");
    assert_int_equal(zone_builder_finish(fixture.builder, NULL, &fixture.contents), STATUS_INVALID);
    end(&fixture);
}

static void a_zone_has_one_soa(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    add(&fixture, "example.", TYPE_SOA, "ns hostmaster 8 3600 600 86400 900");
    assert_int_equal(zone_builder_finish(fixture.builder, fixture.findings, &fixture.contents), STATUS_INVALID);
    assert_int_equal(count_findings(&fixture, "multiple-soa"), 1);
    end(&fixture);
}

/* RFC 2308 3: the lesser of MINIMUM and the SOA's own TTL. */
static void the_soa_says_how_long_to_remember_what_is_not_there(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    add_soa(&fixture);
    finish(&fixture);
    assert_int_equal(zone_head(fixture.contents)->serial, 7);
    assert_int_equal(zone_head(fixture.contents)->negative_ttl_s, 900);
    assert_int_equal(count_findings(&fixture, "duplicate-record"), 1);
    end(&fixture);
    fixture = begin("example.");
    assert_int_equal(add_ttl(&fixture, "example.", TYPE_SOA, 60, "ns hostmaster 7 3600 600 86400 900"), STATUS_OK);
    finish(&fixture);
    assert_int_equal(zone_head(fixture.contents)->negative_ttl_s, 60);
    end(&fixture);
}

/* ---- what is not taken ---- */

static void records_out_of_the_zone_are_left_out(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    add(&fixture, "www.other.", TYPE_A, "192.0.2.1");
    add(&fixture, "notexample.", TYPE_A, "192.0.2.1");
    add(&fixture, ".", TYPE_A, "192.0.2.1");
    finish(&fixture);
    assert_int_equal(count_findings(&fixture, "out-of-zone"), 3);
    zone_statistics_t statistics;
    zone_contents_statistics(fixture.contents, &statistics);
    assert_int_equal(statistics.records, 1);
    end(&fixture);
}

static void records_of_another_class_are_refused(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    name_t owner = from_text("a.example.");
    const uint8_t address[4] = {192, 0, 2, 1};
    assert_int_equal(zone_builder_add(fixture.builder, owner.wire, TYPE_A, CLASS_CH, 60, address, sizeof address, fixture.findings),
                     STATUS_INVALID);
    assert_int_equal(count_findings(&fixture, "wrong-class"), 1);
    finish(&fixture);
    assert_null(zone_find(fixture.contents, owner.wire));
    end(&fixture);
}

static void rdata_that_cannot_be_stored_is_refused(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    assert_int_equal(add_wire(&fixture, "a.example.", TYPE_NS, 60, "\3abc", 4), STATUS_INVALID);       /* cut short */
    assert_int_equal(add_wire(&fixture, "a.example.", TYPE_NS, 60, "\1a\0x", 4), STATUS_INVALID);      /* something behind */
    assert_int_equal(add_wire(&fixture, "a.example.", TYPE_NS, 60, "\300\14", 2), STATUS_INVALID);     /* a pointer */
    assert_int_equal(add_wire(&fixture, "a.example.", TYPE_MX, 60, "\0", 1), STATUS_INVALID);          /* no name */
    assert_int_equal(add_wire(&fixture, "a.example.", TYPE_SOA, 60, "\0\0\1\2\3", 5), STATUS_INVALID); /* no numbers */
    assert_int_equal(add_wire(&fixture, "a.example.", TYPE_RRSIG, 60, "\0\1\5\1", 4), STATUS_INVALID);
    assert_int_equal(count_findings(&fixture, "bad-rdata"), 6);
    assert_int_equal(add_wire(&fixture, "a.example.", TYPE_NULL, 60, "", 0), STATUS_OK);
    finish(&fixture);
    assert_int_equal(find(&fixture, "a.example.", TYPE_NULL)->data_size, 2);
    end(&fixture);
}

/* ---- RRsets ---- */

static void an_rrset_has_the_ttl_that_came_first(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_A, 300, "192.0.2.9"), STATUS_OK);
    assert_int_equal(add_ttl(&fixture, "b.example.", TYPE_A, 30, "192.0.2.9"), STATUS_OK);
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_A, 200, "192.0.2.1"), STATUS_OK);
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_TXT, 100, "x"), STATUS_OK);
    finish(&fixture);
    assert_int_equal(count_findings(&fixture, "ttl-mismatch"), 1);
    assert_int_equal(ttl_of(find(&fixture, "a.example.", TYPE_A)), 300);
    assert_int_equal(ttl_of(find(&fixture, "a.example.", TYPE_TXT)), 100);
    end(&fixture);
}

#define SIGNATURE " 13 2 300 20300101000000 20200101000000 4711 example. AAAA"

static void signatures_stand_with_what_they_cover(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_RRSIG, 200, "A" SIGNATURE), STATUS_OK);
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_RRSIG, 300, "TXT" SIGNATURE), STATUS_OK);
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_RRSIG, 400, "MX" SIGNATURE), STATUS_OK);
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_A, 300, "192.0.2.1"), STATUS_OK);
    assert_int_equal(add_ttl(&fixture, "a.example.", TYPE_TXT, 300, "x"), STATUS_OK);
    add_soa(&fixture);
    finish(&fixture);
    assert_false(zone_head(fixture.contents)->is_signed);
    assert_int_equal(count_findings(&fixture, "rrsig-ttl-mismatch"), 1);
    assert_int_equal(find(&fixture, "a.example.", TYPE_A)->signature_count, 1);
    assert_int_equal(ttl_of(find(&fixture, "a.example.", TYPE_A)), 300);
    assert_int_equal(find(&fixture, "a.example.", TYPE_TXT)->signature_count, 1);
    assert_null(find(&fixture, "a.example.", TYPE_MX));
    assert_null(find(&fixture, "a.example.", TYPE_RRSIG));
    name_t name = from_text("a.example.");
    const zone_node_t *node = zone_find(fixture.contents, name.wire);
    assert_int_equal(node->rrset_count, 3);
    const zone_rrset_t *mx = zone_rrset_next(zone_node_first_rrset(node));
    assert_int_equal(mx->type, TYPE_MX);
    assert_int_equal(mx->count, 0);
    assert_int_equal(mx->signature_count, 1);
    assert_int_equal(ttl_of(mx), 400);
    end(&fixture);
}

/* RFC 4034 6.2 and 6.3: names are compared in lower case, and shown as they were written where the type is newer than RFC 1035. */
static void records_that_differ_in_case_are_the_same(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    add(&fixture, "a.example.", TYPE_SRV, "0 0 53 B.example.");
    add(&fixture, "A.example.", TYPE_SRV, "0 0 53 b.EXAMPLE.");
    add(&fixture, "a.example.", TYPE_SRV, "0 0 53 a.example.");
    add(&fixture, "a.example.", TYPE_SRV, "0 0 53 C.example.");
    add(&fixture, "a.example.", TYPE_MX, "1 B.example.");
    add(&fixture, "a.example.", TYPE_MX, "1 b.example.");
    add(&fixture, "a.example.", TYPE_TXT, "B");
    add(&fixture, "a.example.", TYPE_TXT, "b");
    finish(&fixture);
    assert_int_equal(count_findings(&fixture, "duplicate-record"), 2);
    const zone_rrset_t *srv = find(&fixture, "a.example.", TYPE_SRV);
    assert_int_equal(srv->count, 3);
    const char order[] = "aBC";
    const uint8_t *record = srv->data;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(record[2 + 7], order[i]);
        record += 2 + load_be16(record);
    }
    assert_int_equal(find(&fixture, "a.example.", TYPE_MX)->count, 1);
    assert_int_equal(find(&fixture, "a.example.", TYPE_TXT)->count, 2);
    end(&fixture);
}

static void many_duplicates_leave_one(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    for (unsigned i = 0; i < 500; i++) {
        char text[32];
        snprintf(text, sizeof text, "192.0.2.%u", i * 7 % 100);
        add(&fixture, "a.example.", TYPE_A, text);
        add(&fixture, "a.example.", TYPE_TXT, "x");
        add(&fixture, "a.example.", TYPE_RRSIG, "A" SIGNATURE);
    }
    finish(&fixture);
    const zone_rrset_t *addresses = find(&fixture, "a.example.", TYPE_A);
    assert_int_equal(addresses->count, 100);
    assert_int_equal(addresses->signature_count, 1);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(addresses->data[6 * i + 5], i);
    }
    assert_int_equal(find(&fixture, "a.example.", TYPE_TXT)->count, 1);
    assert_int_equal(zone_findings_warnings(fixture.findings), 400 + 499 + 499);
    end(&fixture);
}

static void an_rrset_has_at_most_65535_records(void **state)
{
    (void)state;
    for (unsigned count = 65535; count <= 65536; count++) {
        fixture_t fixture = begin("example.");
        add_soa(&fixture);
        name_t owner = from_text("a.example.");
        for (unsigned i = 0; i < count; i++) {
            uint8_t address[4];
            store_be32(address, i);
            assert_int_equal(zone_builder_add(fixture.builder, owner.wire, TYPE_A, CLASS_IN, 1, address, 4, NULL), STATUS_OK);
        }
        status_t status = zone_builder_finish(fixture.builder, fixture.findings, &fixture.contents);
        assert_int_equal(status, count == 65535 ? STATUS_OK : STATUS_LIMIT);
        assert_int_equal(count_findings(&fixture, "too-many-records"), count - 65535);
        if (fixture.contents) {
            assert_int_equal(find(&fixture, "a.example.", TYPE_A)->count, 65535);
        }
        end(&fixture);
    }
}

static void the_longest_names_fit(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    name_t name = from_text("example.");
    while (name.length + 2 <= NAME_WIRE_MAX) {
        memmove(name.wire + 2, name.wire, name.length);
        memcpy(name.wire, "\1*", 2);
        name.length += 2;
    }
    const uint8_t address[4] = {0};
    assert_int_equal(zone_builder_add(fixture.builder, name.wire, TYPE_A, CLASS_IN, 1, address, 4, NULL), STATUS_OK);
    assert_int_equal(zone_builder_add(fixture.builder, name.wire, TYPE_NS, CLASS_IN, 1, name.wire, name.length, NULL), STATUS_OK);
    uint8_t nsec[NAME_WIRE_MAX + 3];
    memcpy(nsec, name.wire, name.length);
    memcpy(nsec + name.length, "\0\1\100", 3);
    assert_int_equal(zone_builder_add(fixture.builder, name.wire, TYPE_NSEC, CLASS_IN, 1, nsec, name.length + 3u, NULL), STATUS_OK);
    finish(&fixture);
    const zone_node_t *node = zone_find(fixture.contents, name.wire);
    assert_non_null(node);
    assert_int_equal(node->length, name.length);
    assert_ptr_equal(zone_nsec_covering(fixture.contents, name.wire), node);
    name_key_t key;
    name_key_init(&key, name.wire, name.length);
    zone_lookup_t lookup;
    zone_lookup(fixture.contents, &key, &lookup);
    assert_ptr_equal(lookup.cut, node);
    end(&fixture);
}

/* A label of two words whose second one takes back what the first did to the hash: all such names have the hash 0. */
static bool colliding_label(uint64_t parent, uint64_t number, uint8_t label[16])
{
    uint64_t first = number * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t second = name_hash_mix(parent ^ 16, first);
    memcpy(label, &first, 8);
    memcpy(label + 8, &second, 8);
    for (unsigned i = 0; i < 16; i++) {
        if (label[i] >= 'A' && label[i] <= 'Z') {
            return false;
        }
    }
    return true;
}

/* Whoever writes a zone's content can make names collide: few are found as others are, many are refused before they cost time. */
static void names_made_to_collide_have_a_limit(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    name_t apex = from_text("example.");
    name_t owner = {.length = (uint8_t)(17 + apex.length)};
    owner.wire[0] = 16;
    memcpy(owner.wire + 17, apex.wire, apex.length);
    uint64_t number = 0;
    status_t status = STATUS_OK;
    unsigned taken = 0;
    for (; status == STATUS_OK && taken < 2 * ZONE_PROBES_MAX; number++) {
        if (colliding_label(name_hash(apex.wire), number, owner.wire + 1)) {
            assert_int_equal(name_hash(owner.wire), 0);
            status = zone_builder_add(fixture.builder, owner.wire, TYPE_A, CLASS_IN, 1, (const uint8_t *)"aaaa", 4, NULL);
            taken += status == STATUS_OK;
        }
    }
    assert_int_equal(status, STATUS_LIMIT);
    assert_in_range(taken, ZONE_PROBES_MAX / 2, ZONE_PROBES_MAX);
    assert_int_equal(zone_builder_finish(fixture.builder, NULL, &fixture.contents), STATUS_LIMIT);
    end(&fixture);

    for (unsigned count = ZONE_COLLISIONS_MAX; count <= ZONE_COLLISIONS_MAX + 1; count++) {
        fixture = begin("example.");
        add_soa(&fixture);
        uint64_t end_of_names = 0;
        for (taken = 0; taken < count; end_of_names++) {
            if (colliding_label(name_hash(apex.wire), end_of_names, owner.wire + 1)) {
                status = zone_builder_add(fixture.builder, owner.wire, TYPE_A, CLASS_IN, 1, (const uint8_t *)"aaaa", 4, NULL);
                assert_int_equal(status, STATUS_OK);
                taken++;
            }
        }
        if (count > ZONE_COLLISIONS_MAX) {
            assert_int_equal(zone_builder_finish(fixture.builder, NULL, &fixture.contents), STATUS_LIMIT);
            end(&fixture);
            continue;
        }
        finish(&fixture);
        for (number = 0; number < 6000; number++) {
            if (colliding_label(name_hash(apex.wire), number, owner.wire + 1)) {
                assert_int_equal(zone_find(fixture.contents, owner.wire) != NULL, number < end_of_names);
            }
        }
        end(&fixture);
    }
}

/* ---- NSEC3 ---- */

static void add_nsec3(fixture_t *fixture, const char *label, const char *parent, const char *parameters)
{
    char owner[NAME_TEXT_MAX];
    char text[256];
    snprintf(owner, sizeof owner, "%s.%s", label, parent);
    snprintf(text, sizeof text, "%s 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A", parameters);
    add(fixture, owner, TYPE_NSEC3, text);
}

static void only_the_announced_chain_is_served(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    add(&fixture, "example.", TYPE_NSEC3PARAM, "1 0 501 -"); /* more iterations than are served */
    add(&fixture, "example.", TYPE_NSEC3PARAM, "1 0 12 aabbccdd");
    add_nsec3(&fixture, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "example.", "1 0 12 aabbccdd"); /* of example. (RFC 5155 A) */
    add_nsec3(&fixture, "35mthgpgcu1qg68fab165klnsnk3dpvl", "example.", "1 1 12 aabbccdd"); /* of a.example.; opt-out */
    add_nsec3(&fixture, "gjeqe526plbf1g8mklp59enfd789njgi", "example.", "1 0 12 aabbccde"); /* another salt */
    add_nsec3(&fixture, "gjeqe526plbf1g8mklp59enfd789njgi", "deep.example.", "1 0 12 aabbccdd");
    add_nsec3(&fixture, "no-hash", "example.", "1 0 12 aabbccdd");
    add_nsec3(&fixture, "0p9mhaveqvm6t7vbl5lop2u3t2rp3ton", "example.", "1 0 501 -");
    add(&fixture, "a.example.", TYPE_A, "192.0.2.1");
    add(&fixture, "ai.example.", TYPE_A, "192.0.2.1");
    add(&fixture, "35mthgpgcu1qg68fab165klnsnk3dpvl.example.", TYPE_TXT, "exists besides");
    finish(&fixture);
    const zone_contents_head_t *head = zone_head(fixture.contents);
    assert_true(head->has_nsec3);
    assert_int_equal(head->nsec3_iterations, 12);
    assert_int_equal(head->nsec3_salt_size, 4);
    assert_memory_equal(head->nsec3_salt, "\xaa\xbb\xcc\xdd", 4);
    assert_int_equal(count_findings(&fixture, "nsec3-iterations"), 1);
    const zone_node_t *apex = zone_apex(fixture.contents);
    assert_int_not_equal(apex->denial, 0);
    assert_memory_equal(zone_node(fixture.contents, apex->denial)->wire + 1, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", 32);
    name_t a = from_text("a.example.");
    const zone_node_t *owner = zone_node(fixture.contents, zone_find(fixture.contents, a.wire)->denial);
    assert_true(owner->flags & ZONE_NODE_NSEC3_OWNER);
    assert_non_null(zone_node_find(owner, TYPE_TXT));
    assert_ptr_equal(zone_find(fixture.contents, owner->wire), owner);
    name_t ai = from_text("ai.example.");
    assert_int_equal(zone_find(fixture.contents, ai.wire)->denial, 0);
    name_t deep = from_text("deep.example.");
    assert_null(zone_find(fixture.contents, deep.wire));
    uint64_t position = 0;
    size_t denial_owners = 0;
    for (const zone_node_t *node; (node = zone_iterate(fixture.contents, &position)) != NULL;) {
        denial_owners += zone_node_find(node, TYPE_NSEC3) != NULL;
    }
    assert_int_equal(denial_owners, 6);
    end(&fixture);
}

static void no_chain_without_its_announcement(void **state)
{
    (void)state;
    fixture_t fixture = begin("example.");
    add_soa(&fixture);
    add(&fixture, "example.", TYPE_NSEC3PARAM, "1 1 12 aabbccdd"); /* flags: not complete (RFC 5155 4.1.2) */
    add(&fixture, "example.", TYPE_NSEC3PARAM, "1 0 13 aabbccdd");
    add_nsec3(&fixture, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "example.", "1 0 12 aabbccdd");
    finish(&fixture);
    assert_false(zone_head(fixture.contents)->has_nsec3);
    bool matches;
    assert_null(zone_nsec3_covering(fixture.contents, (const uint8_t *)"aaaaaaaaaaaaaaaaaaaa", &matches));
    assert_int_equal(zone_apex(fixture.contents)->denial, 0);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_needs_an_soa),
        cmocka_unit_test(an_empty_zone_is_none),
        cmocka_unit_test(a_zone_has_one_soa),
        cmocka_unit_test(the_soa_says_how_long_to_remember_what_is_not_there),
        cmocka_unit_test(records_out_of_the_zone_are_left_out),
        cmocka_unit_test(records_of_another_class_are_refused),
        cmocka_unit_test(rdata_that_cannot_be_stored_is_refused),
        cmocka_unit_test(an_rrset_has_the_ttl_that_came_first),
        cmocka_unit_test(signatures_stand_with_what_they_cover),
        cmocka_unit_test(records_that_differ_in_case_are_the_same),
        cmocka_unit_test(many_duplicates_leave_one),
        cmocka_unit_test(an_rrset_has_at_most_65535_records),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(names_made_to_collide_have_a_limit),
        cmocka_unit_test(only_the_announced_chain_is_served),
        cmocka_unit_test(no_chain_without_its_announcement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
