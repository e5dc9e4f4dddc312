/* The resolver's parts that stand alone: minimisation, reading of replies, memory of servers, hints, addresses, special names. The whole is
 * tested in tests/sim/. */
#include "resolver/hints.h"
#include "resolver/infra.h"
#include "resolver/minimise.h"
#include "resolver/query.h"
#include "resolver/referral.h"
#include "resolver/reply.h"
#include "resolver/special.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static name_key_t key_of(const char *text)
{
    name_t name;
    name_key_t key;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    name_key_init(&key, name.wire, name.length);
    return key;
}

/* ---- minimisation ---- */

/* The example of RFC 9156 2.3. */
static void minimise_spreads_the_labels(void **state)
{
    (void)state;
    static const unsigned steps[] = {1, 1, 1, 1, 2, 2, 2, 2, 3, 3};
    name_key_t name = key_of("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.");
    minimise_t minimise = {.enabled = true};
    for (unsigned i = 0; i < 10; i++) {
        unsigned next = minimise_next(&minimise, &name);
        assert_int_equal(next, minimise.known + steps[i]);
        minimise.known = next;
        minimise.steps++;
    }
    assert_int_equal(minimise.known, name.labels);
}

static void minimise_passes_underscores(void **state)
{
    (void)state;
    name_key_t name = key_of("_25._tcp.mail.example.org.");
    minimise_t minimise = {.enabled = true, .known = 3};
    assert_int_equal(minimise_next(&minimise, &name), 5);
    minimise.known = 2;
    assert_int_equal(minimise_next(&minimise, &name), 3);
    minimise.known = 1;
    assert_int_equal(minimise_next(&minimise, &name), 2);
    minimise.enabled = false;
    assert_int_equal(minimise_next(&minimise, &name), 5);
}

/* ---- replies ---- */

static void add(message_writer_t *writer, section_t section, const char *line_owner, uint16_t type, const char *text)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    name_t owner;
    rdata_error_t error;
    assert_int_equal(name_from_text(&owner, line_owner, strlen(line_owner), NULL, NULL), STATUS_OK);
    uint8_t *room = test_malloc(RDATA_MAX);
    byte_writer_t rdata = byte_writer(room, RDATA_MAX);
    assert_int_equal(rdata_from_line(type, CLASS_IN, text, strlen(text), root, &rdata, &error), STATUS_OK);
    assert_int_equal(message_write_record(writer, section, owner.wire, type, CLASS_IN, 300, room, rdata.position), STATUS_OK);
    test_free(room);
}

/* One record of a reply: section, owner, type, rdata. */
typedef struct line {
    section_t section;
    const char *owner;
    uint16_t type;
    const char *rdata;
} line_t;

typedef struct reply_case {
    reply_kind_t kind;
    const char *name;
    uint16_t type;
    uint16_t flags; /* RCODE in the low bits */
    bool is_forwarder;
    line_t lines[3];
} reply_case_t;

#define SOA_TEXT "ns. host. 1 2 3 4 5"

static void replies_are_classified(void **state)
{
    (void)state;
    static const reply_case_t cases[] = {
        {REPLY_ANSWER, "www.example.", TYPE_A, FLAG_AA, false, {{SECTION_ANSWER, "www.example.", TYPE_A, "192.0.2.1"}}},
        {REPLY_ANSWER, "www.example.", TYPE_A, 0, false, {{SECTION_ANSWER, "www.example.", TYPE_A, "192.0.2.1"}}},
        {REPLY_LAME, "www.example.", TYPE_A, FLAG_RA, false, {{SECTION_ANSWER, "www.example.", TYPE_A, "192.0.2.1"}}},
        {REPLY_ANSWER, "www.example.", TYPE_A, FLAG_RA, true, {{SECTION_ANSWER, "www.example.", TYPE_A, "192.0.2.1"}}},
        {REPLY_CNAME, "www.example.", TYPE_A, FLAG_AA, false, {{SECTION_ANSWER, "www.example.", TYPE_CNAME, "x.test."}}},
        {REPLY_CNAME, "www.example.", TYPE_A, FLAG_AA | RCODE_NXDOMAIN, false, {{SECTION_ANSWER, "www.example.", TYPE_CNAME, "x.test."}}},
        {REPLY_DNAME, "a.b.example.", TYPE_A, FLAG_AA, false, {{SECTION_ANSWER, "b.example.", TYPE_DNAME, "x.test."}}},
        {REPLY_DNAME, "a.b.example.", TYPE_A, FLAG_AA | RCODE_YXDOMAIN, false, {{SECTION_ANSWER, "b.example.", TYPE_DNAME, "x.test."}}},
        {REPLY_CONTRADICTORY, "a.b.example.", TYPE_A, FLAG_AA | RCODE_YXDOMAIN, false, {{SECTION_ANSWER, NULL, 0, NULL}}},
        {REPLY_CONTRADICTORY,
         "www.example.",
         TYPE_A,
         FLAG_AA | RCODE_NXDOMAIN,
         false,
         {{SECTION_ANSWER, "www.example.", TYPE_A, "192.0.2.1"}}},
        {REPLY_NODATA, "www.example.", TYPE_A, FLAG_AA, false, {{SECTION_AUTHORITY, "example.", TYPE_SOA, SOA_TEXT}}},
        {REPLY_NODATA, "www.example.", TYPE_A, FLAG_AA, false, {{SECTION_ANSWER, NULL, 0, NULL}}},
        {REPLY_LAME, "www.example.", TYPE_A, 0, false, {{SECTION_ANSWER, NULL, 0, NULL}}},
        {REPLY_LAME, "www.example.", TYPE_A, 0, false, {{SECTION_AUTHORITY, ".", TYPE_SOA, SOA_TEXT}}},
        {REPLY_NAME_ERROR, "www.example.", TYPE_A, FLAG_AA | RCODE_NXDOMAIN, false, {{SECTION_AUTHORITY, "example.", TYPE_SOA, SOA_TEXT}}},
        {REPLY_NAME_ERROR,
         "www.example.",
         TYPE_A,
         FLAG_AA | RCODE_NXDOMAIN,
         false,
         {{SECTION_AUTHORITY, "example.", TYPE_NS, "ns.example."}}},
        {REPLY_REFERRAL, "a.b.example.", TYPE_A, 0, false, {{SECTION_AUTHORITY, "b.example.", TYPE_NS, "ns.b.example."}}},
        {REPLY_REFERRAL, "b.example.", TYPE_A, FLAG_AA, false, {{SECTION_AUTHORITY, "b.example.", TYPE_NS, "ns.b.example."}}},
        {REPLY_LAME, "b.example.", TYPE_DS, 0, false, {{SECTION_AUTHORITY, "b.example.", TYPE_NS, "ns.b.example."}}},
        {REPLY_LAME, "b.example.", TYPE_DS, FLAG_AA, false, {{SECTION_AUTHORITY, "b.example.", TYPE_SOA, SOA_TEXT}}},
        {REPLY_LAME, "www.example.", TYPE_A, 0, false, {{SECTION_AUTHORITY, ".", TYPE_NS, "ns.root."}}},
        {REPLY_LAME, "www.example.", TYPE_A, 0, false, {{SECTION_AUTHORITY, "example.", TYPE_NS, "ns.example."}}},
        {REPLY_LAME, "www.example.", TYPE_A, 0, false, {{SECTION_AUTHORITY, "c.example.", TYPE_NS, "ns.c.example."}}},
        {REPLY_LAME, "a.b.example.", TYPE_A, FLAG_RA, true, {{SECTION_AUTHORITY, "b.example.", TYPE_NS, "ns.b.example."}}},
        {REPLY_REFUSED, "www.example.", TYPE_A, RCODE_REFUSED, false, {{SECTION_ANSWER, NULL, 0, NULL}}},
        {REPLY_SERVER_FAILURE, "www.example.", TYPE_A, RCODE_SERVFAIL, false, {{SECTION_ANSWER, NULL, 0, NULL}}},
        {REPLY_FORMAT_ERROR, "www.example.", TYPE_A, RCODE_NOTIMP, false, {{SECTION_ANSWER, NULL, 0, NULL}}},
        {REPLY_CONTRADICTORY, "www.example.", TYPE_A, 11, false, {{SECTION_ANSWER, NULL, 0, NULL}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[1024];
        message_writer_t writer;
        name_key_t name = key_of(cases[i].name);
        name_key_t zone = key_of("example.");
        message_writer_init(&writer, bytes, sizeof bytes, 1, (uint16_t)(FLAG_QR | cases[i].flags));
        message_write_question(&writer, name.wire, cases[i].type, CLASS_IN);
        for (unsigned j = 0; j < 3 && cases[i].lines[j].owner; j++) {
            add(&writer, cases[i].lines[j].section, cases[i].lines[j].owner, cases[i].lines[j].type, cases[i].lines[j].rdata);
        }
        arena_t arena;
        message_t message;
        reply_t reply;
        arena_init(&arena, 0, 1 << 20);
        assert_int_equal(message_parse(&message, bytes, message_writer_finish(&writer), &arena), STATUS_OK);
        reply_context_t context = {zone.wire, name.wire, cases[i].type, cases[i].is_forwarder};
        reply_classify(&message, &context, &reply);
        if (reply.kind != cases[i].kind) {
            fail_msg("case %zu: kind %d, not %d", i, (int)reply.kind, (int)cases[i].kind);
        }
        arena_clear(&arena);
    }
}

static void glue_is_taken_inside_the_bailiwick_only(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    message_writer_t writer;
    name_key_t name = key_of("www.b.example.");
    name_key_t zone = key_of("example.");
    message_writer_init(&writer, bytes, sizeof bytes, 1, FLAG_QR);
    message_write_question(&writer, name.wire, TYPE_A, CLASS_IN);
    add(&writer, SECTION_AUTHORITY, "b.example.", TYPE_NS, "ns.other.");
    add(&writer, SECTION_AUTHORITY, "b.example.", TYPE_NS, "NS.b.example.");
    add(&writer, SECTION_AUTHORITY, "b.example.", TYPE_NS, "ns.b.example.");
    add(&writer, SECTION_AUTHORITY, "b.example.", TYPE_DS, "1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF");
    add(&writer, SECTION_ADDITIONAL, "ns.other.", TYPE_A, "203.0.113.66");
    add(&writer, SECTION_ADDITIONAL, "ns.b.example.", TYPE_A, "192.0.2.1");
    add(&writer, SECTION_ADDITIONAL, "ns.b.example.", TYPE_A, "127.0.0.1");
    add(&writer, SECTION_ADDITIONAL, "unasked.example.", TYPE_A, "203.0.113.66");
    arena_t arena;
    message_t message;
    delegation_t delegation;
    resolver_settings_t settings;
    resolver_settings_default(&settings);
    arena_init(&arena, 0, 1 << 20);
    assert_int_equal(message_parse(&message, bytes, message_writer_finish(&writer), &arena), STATUS_OK);
    name_key_t cut = key_of("b.example.");
    referral_source_t source = {&message, SECTION_AUTHORITY, zone.wire, cut.wire};
    assert_int_equal(referral_read(&source, &settings, &arena, &delegation), STATUS_OK);
    assert_int_equal(delegation.server_count, 2); /* those with glue first, each once */
    assert_int_equal(delegation.servers[0].address_count, 1);
    assert_int_equal(delegation.servers[0].addresses[0].bytes[3], 1);
    assert_int_equal(delegation.servers[1].address_count, 0);
    assert_int_equal(delegation.proof_count, 1);
    assert_int_equal(delegation.ttl_s, 300);
    settings.harden_glue = false; /* believed, as the operator wants it; but still for names of the NS RRset alone */
    assert_int_equal(referral_read(&source, &settings, &arena, &delegation), STATUS_OK);
    assert_int_equal(delegation.server_count, 2);
    assert_int_equal(delegation.servers[0].address_count, 1);
    assert_int_equal(delegation.servers[0].addresses[0].bytes[3], 66);
    arena_clear(&arena);
}

/* ---- the memory of servers ---- */

static resolver_address_t address_of(const char *text)
{
    resolver_address_t address;
    assert_true(resolver_address_from_text(&address, text, strlen(text)));
    return address;
}

/* ---- referrals that are dear to read ---- */

static uint64_t worked_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What reading the referral costs, in units of what parsing its message does. */
static uint64_t dearness(message_writer_t *writer)
{
    enum { ROUNDS = 5 };
    name_key_t zone = key_of("example.");
    name_key_t cut = key_of("b.example.");
    resolver_settings_t settings;
    delegation_t delegation;
    message_t message;
    arena_t arena;
    resolver_settings_default(&settings);
    size_t size = message_writer_finish(writer);
    const uint64_t begin = worked_us();
    for (unsigned i = 0; i < ROUNDS; i++) {
        arena_init(&arena, 0, 1 << 22);
        assert_int_equal(message_parse(&message, writer->bytes.data, size, &arena), STATUS_OK);
        if (i + 1 < ROUNDS) {
            arena_clear(&arena);
        }
    }
    const uint64_t parsed = worked_us();
    for (unsigned i = 0; i < ROUNDS; i++) {
        referral_source_t source = {&message, SECTION_AUTHORITY, zone.wire, cut.wire};
        assert_int_equal(referral_read(&source, &settings, &arena, &delegation), STATUS_OK);
    }
    const uint64_t end = worked_us();
    arena_clear(&arena);
    return (end - parsed) / (parsed - begin + 1);
}

/* 64 KiB of referral must not cost much more than to parse it, whatever it is made of. */
static void dear_referrals(void **state)
{
    enum { MANY = 1500, DEAR = 15 };
    (void)state;
    uint8_t *bytes = malloc(MESSAGE_MAX);
    assert_non_null(bytes);
    name_key_t name = key_of("b.example.");
    for (unsigned kind = 0; kind < 3; kind++) {
        message_writer_t writer;
        message_writer_init(&writer, bytes, MESSAGE_MAX, 1, FLAG_QR);
        message_write_question(&writer, name.wire, TYPE_A, CLASS_IN);
        for (unsigned i = 0; i < MANY; i++) {
            uint8_t server[] = "\5abcde\7example";
            const uint8_t nsec[] = {0, 0, 2, (uint8_t)(i / 255), (uint8_t)(i % 255 + 1)};
            for (unsigned j = 1, rest = i; j <= server[0]; j++, rest /= 26) {
                server[j] = (uint8_t)('a' + rest % 26);
            }
            status_t status = kind == 0 || i == 0 ? message_write_record(&writer, SECTION_AUTHORITY, name.wire, TYPE_NS, CLASS_IN, 300,
                                                                         server, sizeof server)
                                                  : message_write_record(&writer, SECTION_AUTHORITY, name.wire, TYPE_NSEC,
                                                                         kind == 1 ? CLASS_CH : CLASS_IN, 300, nsec, sizeof nsec);
            assert_int_equal(status, STATUS_OK);
        }
        for (unsigned i = 0; i < MANY && kind == 0; i++) {
            const uint8_t address[] = {192, 0, 2, 1};
            assert_int_equal(message_write_record(&writer, SECTION_ADDITIONAL, name.wire, TYPE_A, CLASS_IN, 300, address, sizeof address),
                             STATUS_OK);
        }
        assert_in_range(dearness(&writer), 0, DEAR);
    }
    free(bytes);
}

static void servers_are_remembered(void **state)
{
    (void)state;
    resolver_settings_t settings;
    resolver_settings_default(&settings);
    settings.addresses_remembered_max = 8;
    siphash_key_t key = {1, 2};
    infra_t *infra = infra_new(&settings, &key);
    resolver_address_t address = address_of("192.0.2.1");
    infra_entry_t *entry = infra_get(infra, &address, 0);
    assert_int_equal(entry->timeout_ms, settings.timeout_initial_ms);
    for (unsigned i = 0; i < 50; i++) {
        infra_answered(infra, entry, i, 40);
    }
    assert_in_range(entry->smoothed_ms, 35, 40);
    assert_int_equal(entry->timeout_ms, settings.timeout_min_ms);
    for (unsigned i = 0; i < 10; i++) {
        infra_silent(infra, entry, 100);
        assert_true(infra_is_backed_off(entry, 100) == (i + 1 >= INFRA_SILENCES_MAX));
    }
    assert_int_equal(entry->timeout_ms, settings.timeout_max_ms);
    infra_answered(infra, entry, 200, 40);
    assert_false(infra_is_backed_off(entry, 200));
    name_key_t zone = key_of("example.");
    name_key_t other = key_of("other.");
    infra_set_lame(infra, entry, &zone, 200);
    assert_true(infra_is_lame(infra, entry, &zone, 300) && !infra_is_lame(infra, entry, &other, 300));
    assert_false(infra_is_lame(infra, entry, &zone, 200 + INFRA_MEMORY_MS));
    entry->outstanding = 1; /* never pushed out */
    for (unsigned i = 0; i < 100; i++) {
        resolver_address_t stranger = {.family = RESOLVER_IPV4, .port = 53, .bytes = {10, 0, 0, (uint8_t)i}};
        infra_get(infra, &stranger, 1000 + i);
    }
    assert_ptr_equal(infra_find(infra, &address), entry);
    infra_free(infra);
}

/* ---- hints, addresses, names ---- */

static void hints_are_read(void **state)
{
    (void)state;
    static const char text[] =
        "A.ROOT. 3600 A 192.0.2.1\n. 3600 NS a.root.\n. 3600 NS b.root.\nb.root. 3600 AAAA 2001:db8::1\nc.root. 3600 A 192.0.2.300\n";
    hints_t *hints = test_malloc(sizeof *hints);
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 10);
    assert_int_equal(hints_parse(hints, text, sizeof text - 1, "named.root", &diagnostics), STATUS_MALFORMED);
    diagnostics_clear(&diagnostics);
    diagnostics_init(&diagnostics, 10);
    assert_int_equal(hints_parse(hints, text, strcspn(text, "c"), "named.root", &diagnostics), STATUS_OK);
    assert_int_equal(hints->count, 2);
    assert_int_equal(hints->servers[0].address_count, 1);
    assert_int_equal(hints_parse(hints, ". 3600 NS a.root.\n", 18, "named.root", &diagnostics), STATUS_NOT_FOUND);
    hints_built_in(hints);
    assert_int_equal(hints->count, 13);
    assert_int_equal(hints->servers[12].address_count, 2);
    diagnostics_clear(&diagnostics);
    test_free(hints);
}

static void addresses_that_may_be_asked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool may;
    } cases[] = {{"192.0.2.1", true},         {"10.0.0.1", true}, {"0.0.0.0", false},     {"127.0.0.1", false}, {"255.255.255.255", false},
                 {"224.0.0.1", false},        {"::", false},      {"::1", false},         {"ff02::fb", false},  {"2001:db8::1", true},
                 {"::ffff:192.0.2.1", false}, {"fd00::1", true},  {"198.51.100.7", false}};
    static const resolver_prefix_t denied[] = {{{.family = RESOLVER_IPV4, .bytes = {198, 51, 100, 4}}, 30}};
    resolver_settings_t settings;
    resolver_settings_default(&settings);
    settings.denied = denied;
    settings.denied_count = 1;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        resolver_address_t address = address_of(cases[i].text);
        assert_true(resolver_address_may_be_asked(&settings, &address) == cases[i].may);
    }
    settings.ask_loopback = true;
    settings.ipv6 = false;
    resolver_address_t loopback = address_of("127.0.0.1");
    resolver_address_t ipv6 = address_of("2001:db8::1");
    assert_true(resolver_address_may_be_asked(&settings, &loopback));
    assert_false(resolver_address_may_be_asked(&settings, &ipv6));
}

static void special_names_give_way_to_configured_zones(void **state)
{
    (void)state;
    resolver_zone_t zones[1] = {{.kind = RESOLVER_FORWARD}};
    resolver_settings_t settings;
    resolver_settings_default(&settings);
    assert_int_equal(name_from_text(&zones[0].zone, "1.168.192.in-addr.arpa.", 23, NULL, NULL), STATUS_OK);
    settings.zones = zones;
    settings.zone_count = 1;
    special_t *special = special_new(&settings);
    arena_t arena;
    store_entry_t entry;
    arena_init(&arena, 0, 1 << 20);
    name_key_t inside = key_of("7.1.168.192.in-addr.arpa.");
    name_key_t outside = key_of("7.2.168.192.in-addr.arpa.");
    assert_false(special_find(special, &inside, TYPE_PTR, &arena, &entry));
    assert_true(special_find(special, &outside, TYPE_PTR, &arena, &entry));
    assert_int_equal(entry.kind, STORE_NAME_ERROR);
    special_free(special);
    settings.builtin_local_zones = false;
    special = special_new(&settings);
    assert_false(special_find(special, &outside, TYPE_PTR, &arena, &entry));
    special_free(special);
    arena_clear(&arena);
}

static void queries_are_well_formed(void **state)
{
    (void)state;
    static const uint8_t client[QUERY_COOKIE_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t server[INFRA_COOKIE_MAX] = {9};
    char longest[NAME_TEXT_MAX];
    memset(longest, 'a', sizeof longest);
    for (unsigned i = 0; i < 4; i++) {
        longest[i * 63 + 62] = '.';
    }
    name_t name;
    assert_int_equal(name_from_text(&name, longest, 252, NULL, NULL), STATUS_OK);
    query_shape_t shape = {.name = name.wire,
                           .type = TYPE_A,
                           .id = 77,
                           .edns = true,
                           .udp_size = 1232,
                           .client_cookie = client,
                           .server_cookie = server,
                           .server_cookie_size = sizeof server};
    uint8_t bytes[QUERY_SIZE_MAX];
    size_t size = query_write(&shape, bytes);
    query_t query;
    assert_int_equal(query_parse(&query, bytes, size), QUERY_ANSWER);
    assert_true(query.rcode == RCODE_NOERROR && query.edns.dnssec_ok && query.edns.cookie_length == 40 && query.id == 77);
    assert_false(query.flags & FLAG_RD);
    uint64_t random[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    query_randomise_case(name.wire, name.length, random);
    assert_true(name.wire[1] == 'A' && name.wire[0] == 62 && name_equal(name.wire, shape.name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dear_referrals),
        cmocka_unit_test(minimise_spreads_the_labels),
        cmocka_unit_test(minimise_passes_underscores),
        cmocka_unit_test(replies_are_classified),
        cmocka_unit_test(glue_is_taken_inside_the_bailiwick_only),
        cmocka_unit_test(servers_are_remembered),
        cmocka_unit_test(hints_are_read),
        cmocka_unit_test(addresses_that_may_be_asked),
        cmocka_unit_test(special_names_give_way_to_configured_zones),
        cmocka_unit_test(queries_are_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
