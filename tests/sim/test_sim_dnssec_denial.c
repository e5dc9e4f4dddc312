/* Proofs that something does not exist, whole, with a record missing, and with records that prove something else (RFC 4035 5.4, RFC 5155 8,
 * RFC 6840 4, RFC 9276). */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The leaf zones hold the same; @ stands for their name in what follows. */
static const char *filled(const char *pattern, const char *zone, char out[static 256])
{
    size_t length = 0;
    for (; *pattern; pattern++) {
        length += (size_t)snprintf(out + length, 256 - length, *pattern == '@' ? "%s" : "%.1s", *pattern == '@' ? zone : pattern);
    }
    return out;
}

static const char *const leaf_zones[] = {"example.net.", "example.org.", "example.com."};
static const char *const leaf_hosts[] = {"192.0.2.11", "192.0.2.12", "192.0.2.10"};

/* All kinds of negative answer, and what stands in an answer with its proof. */
static const struct {
    const char *what;
    const char *name;
    uint16_t type;
    const char *text;
    bool is_opt_out; /* the proof has a name covered, which an opt-out span may hide an unsigned delegation behind (RFC 5155 9.2) */
} kinds[] = {
    {"name error", "nowhere.@", TYPE_A, "NXDOMAIN\n", true},
    {"deep name error", "so.very.far.nowhere.@", TYPE_A, "NXDOMAIN\n", true},
    {"name error below a name", "x.www.@", TYPE_A, "NXDOMAIN\n", true},
    {"no data", "www.@", TYPE_MX, "NOERROR\n", false},
    {"no data at the apex", "@", TYPE_MX, "NOERROR\n", false},
    {"no data at an empty non-terminal", "b.ent.@", TYPE_A, "NOERROR\n", false},
    {"no data at a higher empty non-terminal", "ent.@", TYPE_A, "NOERROR\n", false},
    {"wildcard no data", "x.wild.@", TYPE_MX, "NOERROR\n", true},
    {"wildcard answer", "x.wild.@", TYPE_A, "NOERROR\nx.wild.@ A 198.51.100.9\n", true},
    {"deep wildcard answer", "x.y.z.wild.@", TYPE_A, "NOERROR\nx.y.z.wild.@ A 198.51.100.9\n", true},
    {"no data at the wildcard itself", "*.wild.@", TYPE_MX, "NOERROR\n", false},
    {"answer at the wildcard itself", "*.wild.@", TYPE_A, "NOERROR\n*.wild.@ A 198.51.100.9\n", false},
    {"no DS", "www.@", TYPE_DS, "NOERROR\n", false},
};

static void whole_proofs(void **state)
{
    (void)state;
    for (size_t zone = 0; zone < ARRAY_SIZE(leaf_zones); zone++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
            char name[256];
            char text[256];
            filled(kinds[i].name, leaf_zones[zone], name);
            filled(kinds[i].text, leaf_zones[zone], text);
            (zone == 2 && kinds[i].is_opt_out ? insecure_expect : secure_expect)(sim, name, kinds[i].type, text);
        }
        secure_free(secure);
    }
}

/* ---- something is missing ---- */

/* Without the record that matches or covers `missing`, nothing is proven. */
static const struct {
    const char *name;
    uint16_t type;
    const char *missing;
    bool nsec; /* in a zone with NSEC this record is part of the proof */
    bool nsec3;
} missing[] = {
    {"nowhere.@", TYPE_A, "nowhere.@", true, true}, /* the name, next closer */
    {"nowhere.@", TYPE_A, "*.@", true, true},       /* the wildcard */
    {"nowhere.@", TYPE_A, "@", false, true},        /* the closest encloser */
    {"www.@", TYPE_MX, "www.@", true, true},        /* no data: its own */
    {"ent.@", TYPE_A, "ent.@", true, true},         /* empty non-terminal */
    {"b.ent.@", TYPE_A, "b.ent.@", true, true},     /* likewise */
    {"x.wild.@", TYPE_MX, "x.wild.@", true, true},  /* wildcard no data: next closer */
    {"x.wild.@", TYPE_MX, "*.wild.@", true, true},  /* the wildcard's own */
    {"x.wild.@", TYPE_MX, "wild.@", false, true},   /* the closest encloser */
    {"x.wild.@", TYPE_A, "x.wild.@", true, true},   /* wildcard expansion: next closer */
    {"www.@", TYPE_DS, "www.@", true, true},
};

static void missing_records(void **state)
{
    (void)state;
    for (size_t zone = 0; zone < 2; zone++) {
        for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
            if (!(zone == 0 ? missing[i].nsec : missing[i].nsec3)) {
                continue;
            }
            char name[256];
            char gone[256];
            filled(missing[i].name, leaf_zones[zone], name);
            const sim_change_t change = {
                .kind = CHANGE_DROP_DENIAL, .for_name = name, .owner = filled(missing[i].missing, leaf_zones[zone], gone)};
            secure_t *secure = secure_new();
            sim_t *sim = secure_start(secure);
            sim_change_answers(sim, leaf_hosts[zone], &change, 1);
            bogus_expect(sim, name, missing[i].type, EDE_NSEC_MISSING);
            secure_free(secure);
        }
    }
}

static void no_proof_at_all(void **state)
{
    (void)state;
    static const sim_change_t changes[] = {
        {.kind = CHANGE_DROP, .type = TYPE_NSEC},
        {.kind = CHANGE_DROP, .type = TYPE_NSEC3},
        {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_NSEC},
        {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_NSEC3},
        {.kind = CHANGE_DROP, .type = TYPE_SOA},
        {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_SOA},
    };
    static const char *const names[] = {"nowhere.@", "x.www.@", "ent.@"};
    for (size_t zone = 0; zone < 2; zone++) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
            char name[256];
            filled(names[i], leaf_zones[zone], name);
            secure_t *secure = secure_new();
            sim_t *sim = secure_start(secure);
            sim_change_answers(sim, leaf_hosts[zone], changes, ARRAY_SIZE(changes));
            bogus_expect(sim, name, TYPE_A, SECURE_ANY_REASON);
            secure_free(secure);
        }
    }
}

/* Records without signatures prove nothing, whatever they say. */
static void unauthenticated_records(void **state)
{
    (void)state;
    static const sim_change_t changes[] = {
        {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_NSEC},
        {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_NSEC3},
    };
    for (size_t zone = 0; zone < 2; zone++) {
        for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
            char name[256];
            filled(missing[i].name, leaf_zones[zone], name);
            secure_t *secure = secure_new();
            sim_t *sim = secure_start(secure);
            sim_change_answers(sim, leaf_hosts[zone], changes, ARRAY_SIZE(changes));
            const sim_answer_t *answer = sim_ask(sim, name, missing[i].type);
            assert_string_equal(answer->text, "SERVFAIL\n");
            assert_true(answer->extended_error == EDE_NSEC_MISSING || answer->extended_error == EDE_RRSIGS_MISSING);
            secure_free(secure);
        }
    }
}

/* A zone without a chain. */
static void a_zone_that_denies_nothing(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    secure_zone(secure, "example.net.")->signing.denial = ZONE_DENIAL_NONE;
    sim_t *sim = secure_start(secure);
    secure_expect(sim, "www.example.net.", TYPE_A, "NOERROR\nwww.example.net. A 198.51.100.1\n");
    bogus_expect(sim, "nowhere.example.net.", TYPE_A, EDE_NSEC_MISSING);
    bogus_expect(sim, "www.example.net.", TYPE_MX, EDE_NSEC_MISSING);
    bogus_expect(sim, "x.wild.example.net.", TYPE_A, EDE_NSEC_MISSING);
    secure_free(secure);
}

/* ---- records that prove something else ---- */

static void expect_after(const char *zone, const sim_change_t *changes, size_t count, const char *name, uint16_t type)
{
    secure_t *secure = secure_new();
    secure_zone(secure, zone)->text = "www A 198.51.100.1\n*.wild A 198.51.100.9\nexists.wild A 198.51.100.8\nother A 198.51.100.7\n";
    sim_t *sim = secure_start(secure);
    sim_change_answers(sim, secure_zone(secure, zone)->address, changes, count);
    bogus_expect(sim, name, type, SECURE_ANY_REASON);
    secure_free(secure);
}

/* What exists is said not to, with proofs about other names. */
static void existing_names_denied(void **state)
{
    (void)state;
    for (size_t zone = 0; zone < 2; zone++) {
        char www[256];
        char other[256];
        char nowhere[256];
        char wildcard[256];
        const char *apex = leaf_zones[zone];
        filled("www.@", apex, www);
        filled("other.@", apex, other);
        filled("nowhere.@", apex, nowhere);
        filled("*.@", apex, wildcard);
        const sim_change_t name_error[] = {
            {.kind = CHANGE_CLEAR, .for_name = www, .section = SECTION_ANSWER},
            {.kind = CHANGE_RCODE, .for_name = www, .value = RCODE_NXDOMAIN},
            {.kind = CHANGE_ADD, .for_name = www, .zone = apex, .owner = apex, .type = TYPE_SOA, .section = SECTION_AUTHORITY},
            {.kind = CHANGE_ADD_DENIAL, .for_name = www, .zone = apex, .owner = nowhere},
            {.kind = CHANGE_ADD_DENIAL, .for_name = www, .zone = apex, .owner = wildcard},
            {.kind = CHANGE_ADD_DENIAL, .for_name = www, .zone = apex, .owner = apex},
        };
        expect_after(apex, name_error, ARRAY_SIZE(name_error), www, TYPE_A);
        const sim_change_t no_data[] = {
            name_error[0],
            name_error[2],
            {.kind = CHANGE_ADD_DENIAL, .for_name = www, .zone = apex, .owner = www},
        };
        expect_after(apex, no_data, ARRAY_SIZE(no_data), www, TYPE_A);
        const sim_change_t of_another[] = {
            name_error[0],
            name_error[2],
            {.kind = CHANGE_ADD_DENIAL, .for_name = www, .zone = apex, .owner = other},
        };
        expect_after(apex, of_another, ARRAY_SIZE(of_another), www, TYPE_A);
    }
}

/* The wildcard's data in place of those of a name that exists below it. */
static void a_wildcard_in_place_of_a_name(void **state)
{
    (void)state;
    for (size_t zone = 0; zone < 2; zone++) {
        char name[256];
        char wildcard[256];
        char beside[256];
        const char *apex = leaf_zones[zone];
        filled("exists.wild.@", apex, name);
        filled("*.wild.@", apex, wildcard);
        filled("x.wild.@", apex, beside);
        const sim_change_t changes[] = {
            {.kind = CHANGE_CLEAR, .for_name = name, .section = SECTION_ANSWER},
            {.kind = CHANGE_ADD,
             .for_name = name,
             .zone = apex,
             .owner = wildcard,
             .name = name,
             .type = TYPE_A,
             .section = SECTION_ANSWER},
            {.kind = CHANGE_ADD_DENIAL, .for_name = name, .zone = apex, .owner = beside},
            {.kind = CHANGE_ADD_DENIAL, .for_name = name, .zone = apex, .owner = name},
        };
        expect_after(apex, changes, ARRAY_SIZE(changes), name, TYPE_A);
        expect_after(apex, changes, 2, name, TYPE_A);
    }
}

/* The record that should cover the name does not: another stands in its place. */
static void records_that_do_not_cover(void **state)
{
    (void)state;
    for (size_t zone = 0; zone < 2; zone++) {
        char name[256];
        char www[256];
        filled("nowhere.@", leaf_zones[zone], name);
        filled("www.@", leaf_zones[zone], www);
        const sim_change_t changes[] = {
            {.kind = CHANGE_DROP_DENIAL, .owner = name},
            {.kind = CHANGE_ADD_DENIAL, .zone = leaf_zones[zone], .owner = www},
        };
        expect_after(leaf_zones[zone], changes, 2, name, TYPE_A);
    }
}

/* The parent's records about the delegation, and those of a sibling: valid signatures, and no word about this zone. */
static void records_of_the_wrong_zone(void **state)
{
    (void)state;
    static const struct {
        const char *apex;
        const char *from;
    } cases[] = {{"example.net.", "net."}, {"example.org.", "org."}, {"example.org.", "com."}, {"example.net.", "."}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char name[256];
        filled("nowhere.@", cases[i].apex, name);
        const sim_change_t changes[] = {
            {.kind = CHANGE_DROP, .type = TYPE_NSEC},
            {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_NSEC},
            {.kind = CHANGE_DROP, .type = TYPE_NSEC3},
            {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_NSEC3},
            {.kind = CHANGE_ADD_DENIAL, .zone = cases[i].from, .owner = name},
            {.kind = CHANGE_ADD_DENIAL, .zone = cases[i].from, .owner = cases[i].apex},
            {.kind = CHANGE_ADD_DENIAL, .zone = cases[i].from, .owner = cases[i].from},
        };
        expect_after(cases[i].apex, changes, ARRAY_SIZE(changes), name, TYPE_A);
    }
}

/* ---- bitmaps and fields that are not what they should be ---- */

static void faulty(const char *zone, zone_fault_t fault, const char *name, uint16_t type)
{
    secure_t *secure = secure_new();
    secure_fault(secure, zone, fault);
    bogus_expect(secure_start(secure), name, type, SECURE_ANY_REASON);
    secure_free(secure);
}

static void bits_that_forbid_no_data(void **state)
{
    (void)state;
    static const uint16_t bits[] = {TYPE_CNAME, TYPE_MX, TYPE_NS}; /* an alias; the type itself; a delegation speaks of DS alone */
    for (size_t zone = 0; zone < 2; zone++) {
        for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
            char name[256];
            filled("www.@", leaf_zones[zone], name);
            faulty(leaf_zones[zone], (zone_fault_t){.kind = FAULT_BITMAP_ADD, .owner = name, .value = bits[i]}, name, TYPE_MX);
        }
    }
}

/* At a wildcard the same. */
static void bits_of_a_wildcard(void **state)
{
    (void)state;
    for (size_t zone = 0; zone < 2; zone++) {
        char name[256];
        char wildcard[256];
        filled("x.wild.@", leaf_zones[zone], name);
        filled("*.wild.@", leaf_zones[zone], wildcard);
        faulty(leaf_zones[zone], (zone_fault_t){.kind = FAULT_BITMAP_ADD, .owner = wildcard, .value = TYPE_CNAME}, name, TYPE_MX);
        faulty(leaf_zones[zone], (zone_fault_t){.kind = FAULT_BITMAP_ADD, .owner = wildcard, .value = TYPE_MX}, name, TYPE_MX);
    }
}

static void next_names_out_of_the_zone(void **state)
{
    (void)state;
    static const char *const next[] = {"example.org.", "net.", "zz.net.", "aaaa."};
    for (size_t i = 0; i < ARRAY_SIZE(next); i++) {
        faulty("example.net.", (zone_fault_t){.kind = FAULT_NEXT_NAME, .owner = "www.example.net.", .name = next[i]}, "zebra.example.net.",
               TYPE_A);
    }
}

static void unknown_nsec3_flags(void **state)
{
    (void)state;
    faulty("example.org.", (zone_fault_t){.kind = FAULT_UNKNOWN_NSEC3_FLAG}, "nowhere.example.org.", TYPE_A);
    faulty("example.org.", (zone_fault_t){.kind = FAULT_UNKNOWN_NSEC3_FLAG}, "www.example.org.", TYPE_MX);
}

/* ---- delegations ---- */

static void no_proof_of_an_insecure_delegation(void **state)
{
    (void)state;
    static const char *const parents[] = {"192.0.2.3", "192.0.2.4", "192.0.2.2"};
    static const char *const names[] = {"www.unsigned.net.", "www.unsigned.org.", "www.unsigned.com."};
    static const sim_change_t changes[] = {
        {.kind = CHANGE_DROP, .type = TYPE_NSEC},
        {.kind = CHANGE_DROP, .type = TYPE_NSEC3},
    };
    for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        sim_change_answers(sim, parents[i], changes, ARRAY_SIZE(changes));
        bogus_expect(sim, names[i], TYPE_A, EDE_NSEC_MISSING);
        secure_free(secure);
    }
}

/* The DS is taken away, and what is put in its place does not prove that there is none. */
static void a_ds_denied_by_the_wrong_record(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *owner;
    } cases[] = {
        {"example.net.", "example.net."}, /* the child's own: SOA bit */
        {"net.", "example.net."},         /* says that there is a DS */
        {"net.", "unsigned.net."},        /* of another delegation */
        {"net.", "net."},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const sim_change_t changes[] = {
            {.kind = CHANGE_DROP, .type = TYPE_DS},
            {.kind = CHANGE_DROP, .type = TYPE_RRSIG, .covered = TYPE_DS},
            {.kind = CHANGE_ADD_DENIAL, .zone = cases[i].zone, .owner = cases[i].owner},
        };
        secure_t *secure = secure_new();
        sim_t *sim = secure_start(secure);
        sim_change_answers(sim, "192.0.2.3", changes, ARRAY_SIZE(changes));
        bogus_expect(sim, "www.example.net.", TYPE_A, SECURE_ANY_REASON);
        secure_free(secure);
    }
}

/* RFC 6840 4.4: a delegation without DS shows NS, and neither DS nor SOA. */
static void bits_of_an_insecure_delegation(void **state)
{
    (void)state;
    static const struct {
        zone_fault_kind_t kind;
        uint16_t type;
    } cases[] = {{FAULT_BITMAP_DROP, TYPE_NS}, {FAULT_BITMAP_ADD, TYPE_DS}, {FAULT_BITMAP_ADD, TYPE_SOA}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        faulty("net.", (zone_fault_t){.kind = cases[i].kind, .owner = "unsigned.net.", .value = cases[i].type}, "www.unsigned.net.",
               TYPE_A);
        faulty("org.", (zone_fault_t){.kind = cases[i].kind, .owner = "unsigned.org.", .value = cases[i].type}, "www.unsigned.org.",
               TYPE_A);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_proofs),
        cmocka_unit_test(missing_records),
        cmocka_unit_test(no_proof_at_all),
        cmocka_unit_test(unauthenticated_records),
        cmocka_unit_test(a_zone_that_denies_nothing),
        cmocka_unit_test(existing_names_denied),
        cmocka_unit_test(a_wildcard_in_place_of_a_name),
        cmocka_unit_test(records_that_do_not_cover),
        cmocka_unit_test(records_of_the_wrong_zone),
        cmocka_unit_test(bits_that_forbid_no_data),
        cmocka_unit_test(bits_of_a_wildcard),
        cmocka_unit_test(next_names_out_of_the_zone),
        cmocka_unit_test(unknown_nsec3_flags),
        cmocka_unit_test(no_proof_of_an_insecure_delegation),
        cmocka_unit_test(a_ds_denied_by_the_wrong_record),
        cmocka_unit_test(bits_of_an_insecure_delegation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
