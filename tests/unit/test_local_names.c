/* What is answered locally: the operator's records, wildcards and denials, and hosts files. */
#include "base/require.h"
#include "resolver/hosts.h"
#include "resolver/special.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- records ---- */

enum { RECORDS_MAX = 16, RDATA_ROOM = 64 };

typedef struct local {
    resolver_local_record_t records[RECORDS_MAX];
    uint8_t rdata[RECORDS_MAX][RDATA_ROOM];
    resolver_settings_t settings;
    special_t *special;
    arena_t arena;
} local_t;

static name_t name_of(const char *text)
{
    name_t name;
    static const uint8_t root[1 + NAME_PADDING] = {0};
    assert_int_equal(name_from_text(&name, text, strlen(text), root, NULL), STATUS_OK);
    return name;
}

static void add(local_t *local, const char *owner, uint16_t type, const char *rdata)
{
    size_t i = local->settings.local_record_count++;
    assert_true(i < RECORDS_MAX);
    resolver_local_record_t *record = &local->records[i];
    *record = (resolver_local_record_t){.owner = name_of(owner), .type = type, .ttl_s = 77, .rdata = local->rdata[i]};
    if (rdata) {
        byte_writer_t writer = byte_writer(local->rdata[i], RDATA_ROOM);
        rdata_error_t error;
        static const uint8_t root[1 + NAME_PADDING] = {0};
        uint8_t room[RDATA_MAX];
        byte_writer_t whole = byte_writer(room, sizeof room);
        assert_int_equal(rdata_from_line(type, CLASS_IN, rdata, strlen(rdata), root, &whole, &error), STATUS_OK);
        byte_write(&writer, room, whole.position);
        record->rdlength = (uint16_t)writer.position;
    }
}

static int begin(void **state)
{
    static local_t local;
    memset(&local, 0, sizeof local);
    resolver_settings_default(&local.settings);
    local.settings.local_records = local.records;
    arena_init(&local.arena, 0, 1 << 24);
    add(&local, "Printer.home.arpa", TYPE_A, "10.0.0.7");
    add(&local, "printer.home.arpa", TYPE_TXT, "\"second floor\"");
    add(&local, "www.example", TYPE_CNAME, "elsewhere.example");
    add(&local, "*.wild.example", TYPE_A, "10.0.0.8");
    add(&local, "given.wild.example", TYPE_A, "10.0.0.9");
    add(&local, "ads.example", RESOLVER_LOCAL_NXDOMAIN, NULL);
    add(&local, "fine.ads.example", TYPE_A, "10.0.0.10");
    add(&local, "quiet.example", RESOLVER_LOCAL_NODATA, NULL);
    add(&local, "*.tracker.example", RESOLVER_LOCAL_NXDOMAIN, NULL);
    local.special = special_new(&local.settings);
    assert_non_null(local.special);
    *state = &local;
    return 0;
}

static int end(void **state)
{
    local_t *local = *state;
    special_free(local->special);
    arena_clear(&local->arena);
    return 0;
}

/* "A 77", "name error", "no data", or "-" for names that are not answered here. */
static const char *find(local_t *local, const char *name, uint16_t type, store_entry_t *entry)
{
    static char text[64];
    name_t plain = name_of(name);
    name_key_t key;
    name_key_init(&key, plain.wire, plain.length);
    if (!special_find(local->special, &key, type, &local->arena, entry)) {
        return "-";
    }
    assert_int_equal(entry->security, STORE_INSECURE);
    if (entry->kind == STORE_RRSET) {
        char mnemonic[RRTYPE_TEXT_MAX];
        rrtype_to_text(entry->type, mnemonic);
        assert_true(name_equal(entry->rrsets[0].owner, plain.wire));
        snprintf(text, sizeof text, "%s %u", mnemonic, entry->ttl_s);
        return text;
    }
    assert_true(name_is_at_or_below(plain.wire, entry->zone));
    assert_int_equal(entry->rrsets[0].type, TYPE_SOA);
    return entry->kind == STORE_NAME_ERROR ? "name error" : "no data";
}

static void records_speak_for_names(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
        const char *found;
    } cases[] = {
        {"printer.home.arpa", TYPE_A, "A 77"},
        {"PRINTER.home.arpa", TYPE_TXT, "TXT 77"},
        {"printer.home.arpa", TYPE_AAAA, "no data"},
        {"tray.printer.home.arpa", TYPE_A, "name error"}, /* of the built-in home.arpa */
        {"www.example", TYPE_AAAA, "CNAME 77"},
        {"www.example", TYPE_CNAME, "CNAME 77"},
        {"example", TYPE_A, "-"},
        {"below.www.example", TYPE_A, "-"},
        /* wildcards, RFC 4592 */
        {"any.wild.example", TYPE_A, "A 77"},
        {"any.thing.wild.example", TYPE_A, "A 77"},
        {"any.wild.example", TYPE_AAAA, "no data"},
        {"*.wild.example", TYPE_A, "A 77"},
        {"wild.example", TYPE_A, "-"},
        {"given.wild.example", TYPE_AAAA, "no data"},
        {"below.given.wild.example", TYPE_A, "-"},
        /* denials */
        {"ads.example", TYPE_A, "name error"},
        {"ads.example", TYPE_NS, "name error"},
        {"a.b.ads.example", TYPE_A, "name error"},
        {"fine.ads.example", TYPE_A, "A 77"},
        {"fine.ads.example", TYPE_MX, "no data"},
        {"not.fine.ads.example", TYPE_A, "name error"},
        {"bads.example", TYPE_A, "-"},
        {"quiet.example", TYPE_A, "no data"},
        {"not.quiet.example", TYPE_A, "-"},
        {"tracker.example", TYPE_A, "-"},
        {"x.tracker.example", TYPE_A, "name error"},
        {"x.y.tracker.example", TYPE_A, "name error"},
        {".", TYPE_NS, "-"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        store_entry_t entry;
        const char *found = find(*state, cases[i].name, cases[i].type, &entry);
        if (strcmp(found, cases[i].found) != 0) {
            fail_msg("%s type %u: %s, not %s", cases[i].name, cases[i].type, found, cases[i].found);
        }
    }
}

static void denials_say_why_and_for_how_long(void **state)
{
    store_entry_t entry;
    char owner[NAME_TEXT_MAX];
    assert_string_equal(find(*state, "x.y.tracker.example", TYPE_A, &entry), "name error");
    assert_int_equal(entry.extended_error, EDE_BLOCKED);
    assert_int_equal(entry.ttl_s, 77);
    assert_int_equal(entry.rrsets[0].ttl_s, 77);
    name_to_text(entry.zone, owner);
    assert_string_equal(owner, "tracker.example.");
    assert_string_equal(find(*state, "quiet.example", TYPE_A, &entry), "no data");
    assert_int_equal(entry.extended_error, EDE_NONE);
}

static void the_whole_tree_can_be_denied(void **state)
{
    local_t *local = *state;
    store_entry_t entry;
    add(local, "*", RESOLVER_LOCAL_NXDOMAIN, NULL);
    special_free(local->special);
    local->special = special_new(&local->settings);
    assert_string_equal(find(local, "com", TYPE_A, &entry), "name error");
    assert_string_equal(find(local, "a.b.c.d.e.f.g", TYPE_A, &entry), "name error");
    assert_string_equal(find(local, "printer.home.arpa", TYPE_A, &entry), "A 77");
    assert_string_equal(find(local, ".", TYPE_NS, &entry), "-");
}

/* A name of 255 bytes has room for no wildcard above itself but those that fit. */
static void long_names_are_looked_up(void **state)
{
    char text[256] = "";
    store_entry_t entry;
    for (size_t i = 0; i + 2 < 254; i += 2) {
        memcpy(text + i, "a.", 2);
    }
    assert_string_equal(find(*state, text, TYPE_A, &entry), "-");
}

/* ---- hosts files ---- */

typedef struct hosts {
    buffer_t entries;
    diagnostics_t diagnostics;
    buffer_t printed;
    status_t status;
} hosts_t;

static status_t take(void *context, const resolver_address_t *address, const name_t *name, bool is_first)
{
    hosts_t *hosts = context;
    char text[NAME_TEXT_MAX];
    name_to_text(name->wire, text);
    resolver_address_to_text(address, &hosts->entries);
    buffer_printf(&hosts->entries, " %s%s\n", text, is_first ? " *" : "");
    return strcmp(text, "stop.") == 0 ? STATUS_CANCELLED : STATUS_OK;
}

static hosts_t read_hosts(const char *text, size_t length)
{
    hosts_t hosts = {.status = STATUS_OK};
    buffer_init(&hosts.entries, 1 << 16);
    buffer_init(&hosts.printed, 1 << 16);
    diagnostics_init(&hosts.diagnostics, 0);
    const hosts_reader_t reader = {.file = "hosts", .diagnostics = &hosts.diagnostics, .entry = take, .context = &hosts};
    hosts.status = hosts_parse(&reader, text, length);
    diagnostics_print(&hosts.diagnostics, &hosts.printed);
    return hosts;
}

static void clear_hosts(hosts_t *hosts)
{
    buffer_clear(&hosts->entries);
    buffer_clear(&hosts->printed);
    diagnostics_clear(&hosts->diagnostics);
}

static void hosts_files_are_read(void **state)
{
    (void)state;
    static const char text[] = "# who is who\n"
                               "127.0.0.1\tlocalhost\r\n"
                               "\n"
                               "  10.0.0.7   Printer.home.arpa. printer# the one upstairs\n"
                               "2001:db8::7 host_7 7.example\n"
                               "   # nothing\n"
                               "0.0.0.0 ads.example";
    hosts_t hosts = read_hosts(text, sizeof text - 1);
    assert_string_equal(buffer_text(&hosts.printed), "");
    assert_int_equal(hosts.status, STATUS_OK);
    assert_string_equal(buffer_text(&hosts.entries), "127.0.0.1 localhost. *\n"
                                                     "10.0.0.7 printer.home.arpa. *\n"
                                                     "10.0.0.7 printer.\n"
                                                     "2001:db8::7 host_7. *\n"
                                                     "2001:db8::7 7.example.\n"
                                                     "0.0.0.0 ads.example. *\n");
    clear_hosts(&hosts);
}

static void bad_lines_have_places(void **state)
{
    (void)state;
    static const char text[] = "10.0.0.1 good\n"
                               "10.0.0.256 bad\n"
                               "good 10.0.0.1\n"
                               "10.0.0.2\n"
                               "\t10.0.0.3 a b!c d..e .\n"
                               "10.0.0.4 d\xc3\xa9j\xc3\xa0.example\n"
                               "fe80::1%lo0 localhost\n"
                               "10.0.0.5 last";
    hosts_t hosts = read_hosts(text, sizeof text - 1);
    assert_int_equal(hosts.status, STATUS_MALFORMED);
    assert_int_equal(hosts.diagnostics.errors, 7);
    assert_int_equal(hosts.diagnostics.warnings, 1);
    static const char *const wanted[] = {
        "hosts:2:1: error: an IP address expected, got: \"10.0.0.256\"\n    10.0.0.256 bad\n    ^~~~~~~~~~\n",
        "hosts:3:1: error: an IP address expected, got: \"good\"",
        "hosts:4:1: error: no name stands behind this address: \"10.0.0.2\"",
        "hosts:5:14: error: this character may not stand in the name of a host: \"!\"",
        "hosts:5:17: error: not the name of a host: \"d..e\"",
        "hosts:5:22: error: not the name of a host: \".\"",
        "hosts:6:11: error: this character",
        "hosts:7:1: warning: left out",
    };
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        if (!strstr(buffer_text(&hosts.printed), wanted[i])) {
            fail_msg("missing: %s\n%s", wanted[i], buffer_text(&hosts.printed));
        }
    }
    assert_string_equal(buffer_text(&hosts.entries), "10.0.0.1 good. *\n10.0.0.3 a. *\n10.0.0.5 last. *\n");
    clear_hosts(&hosts);
}

static void reading_stops_when_told(void **state)
{
    (void)state;
    static const char text[] = "10.0.0.1 stop\n10.0.0.2 more\n";
    hosts_t hosts = read_hosts(text, sizeof text - 1);
    assert_int_equal(hosts.status, STATUS_CANCELLED);
    assert_string_equal(buffer_text(&hosts.entries), "10.0.0.1 stop. *\n");
    clear_hosts(&hosts);
}

static void addresses_have_reverse_names(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"10.0.0.7", "7.0.0.10.in-addr.arpa."},
        {"255.254.253.252", "252.253.254.255.in-addr.arpa."},
        {"2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."}, /* RFC 3596 2.5's kind */
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        resolver_address_t address;
        name_t name;
        char text[NAME_TEXT_MAX];
        assert_true(resolver_address_from_text(&address, cases[i][0], strlen(cases[i][0])));
        hosts_reverse_name(&address, &name);
        name_to_text(name.wire, text);
        assert_string_equal(text, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_speak_for_names, begin, end),
        cmocka_unit_test_setup_teardown(denials_say_why_and_for_how_long, begin, end),
        cmocka_unit_test_setup_teardown(the_whole_tree_can_be_denied, begin, end),
        cmocka_unit_test_setup_teardown(long_names_are_looked_up, begin, end),
        cmocka_unit_test(hosts_files_are_read),
        cmocka_unit_test(bad_lines_have_places),
        cmocka_unit_test(reading_stops_when_told),
        cmocka_unit_test(addresses_have_reverse_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
