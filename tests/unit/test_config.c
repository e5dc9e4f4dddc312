/* Configuration: defaults, every kind of value, and every kind of error with its place. */
#include "base/require.h"
#include "config_fixture.h"
#include "control/schema.h"
#include "control/value.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- defaults ---- */

static void nothing_gives_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "---\n", "~\n", "{}\n", "zones:\ntcp:\nlog:\n", "\xef\xbb\xbf# marked\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        loaded_t loaded = load_good(texts[i]);
        const server_settings_t *settings = loaded.settings;
        assert_int_equal(settings->listen_count, 2);
        assert_int_equal(settings->listen[0].address.sa.sa_family, AF_INET);
        assert_int_equal(ntohl(settings->listen[0].address.v4.sin_addr.s_addr), INADDR_LOOPBACK);
        assert_int_equal(ntohs(settings->listen[0].address.v4.sin_port), 53);
        assert_false(settings->listen[0].optional);
        assert_int_equal(settings->listen[1].address.sa.sa_family, AF_INET6);
        assert_int_equal(ntohs(settings->listen[1].address.v6.sin6_port), 53);
        assert_true(settings->listen[1].optional);
        assert_int_equal(settings->zone_count, 0);
        assert_int_equal(settings->workers, 0);
        assert_null(settings->user);
        assert_null(settings->nsid);
        assert_null(settings->hostname);
        assert_string_equal(settings->version, "Portolan");
        assert_string_equal(settings->state, CONFIG_STATE_DEFAULT);
        assert_string_equal(settings->control, CONFIG_CONTROL_DEFAULT);
        assert_int_equal(settings->log_level, LOG_INFO);
        assert_true(settings->minimal_responses);
        assert_false(settings->rotate_rrsets);
        assert_int_equal(settings->udp_size_max, 1232);
        assert_int_equal(settings->tcp_connections_max, 1000);
        assert_int_equal(settings->tcp_connections_per_prefix_max, 100);
        assert_int_equal(settings->tcp_idle_timeout_ms, 10000);
        assert_int_equal(settings->tcp_first_byte_timeout_ms, 3000);
        assert_int_equal(settings->tcp_message_timeout_ms, 10000);
        assert_int_equal(settings->transfers_max, 100);
        assert_int_equal(settings->transfer_time_max_ms, 2 * 3600 * 1000);
        unload(&loaded);
    }
}

static void no_file_gives_defaults(void **state)
{
    (void)state;
    server_settings_t *settings = NULL;
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    assert_int_equal(config_load(NULL, &settings, &diagnostics), STATUS_OK);
    assert_int_equal(settings->listen_count, 2);
    server_settings_free(settings);
    assert_int_equal(config_load("/nowhere/at/all.yaml", &settings, &diagnostics), STATUS_IO);
    assert_null(settings);
    assert_int_equal(diagnostics.errors, 1);
    diagnostics_clear(&diagnostics);
}

/* A file that sets just this. */
static void load_one(const config_item_t *item, const char *value)
{
    buffer_t text;
    buffer_init(&text, 4096);
    unsigned indent = 0;
    const char *path = item->path;
    for (const char *dot; (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        buffer_printf(&text, "%*s%.*s:\n", (int)indent, "", (int)(dot - path), path);
        indent += 2;
    }
    buffer_printf(&text, "%*s%s: %s\n", (int)indent, "", path, value);
    loaded_t loaded = load_good(buffer_text(&text));
    unload(&loaded);
    buffer_clear(&text);
}

/* The table keeps its own promises: parents first, keys once, every default and example passes the check. */
static void schema_is_sound(void **state)
{
    (void)state;
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        assert_int_equal(config_schema_index(item), i);
        assert_non_null(item->summary);
        size_t length = strlen(item->summary);
        assert_true(length > 0 && item->summary[length - 1] == '.');
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(item->path, config_schema_at(j)->path);
        }
        const char *dot = strrchr(item->path, '.');
        char parent[128];
        snprintf(parent, sizeof parent, "%.*s", dot ? (int)(dot - item->path) : 0, item->path);
        bool has_parent = !dot || strchr(parent, '*');
        for (size_t j = 0; j < i; j++) {
            has_parent |= strcmp(config_schema_at(j)->path, parent) == 0;
        }
        assert_true(has_parent);
        bool has_field = item->type >= CONFIG_BOOLEAN && item->type <= CONFIG_PORTS;
        assert_true(!has_field || item->size > 0);
        if (has_field && !strchr(item->path, '*')) {
            const char *values[] = {item->initial, item->example, item->none};
            for (size_t k = 0; k < ARRAY_SIZE(values); k++) {
                if (values[k]) {
                    load_one(item, values[k]);
                }
            }
        }
    }
}

/* ---- values ---- */

static void values_arrive(void **state)
{
    (void)state;
    loaded_t loaded = load_good("listen: [\"dns://0.0.0.0\", \"dns://[2001:db8::1]:5353\", dns://192.0.2.1:1053]\n"
                                "zones:\n"
                                "  Example.COM: { file: a.zone, allow-transfer: [192.0.2.53, loopback] }\n"
                                "  \".\": { file: /root.zone }\n"
                                "  a.example.com.: { file: ./sub/b.zone, allow-transfer: [] }\n"
                                "  example.org: { file: 'c d', allow-transfer: any }\n"
                                "workers: 3\nuser: dns\nstate: none\ncontrol: none\nnsid: \"ams 1\"\nversion: hide\nhostname: ns1\n"
                                "minimal-responses: off\nrrset-order: rotate\nudp-size: 4KiB\n"
                                "tcp: { connections: 5, connections-per-prefix: 2, idle-timeout: 1m30s, first-byte-timeout: 500ms,\n"
                                "       message-timeout: 1h }\n"
                                "transfers: { concurrent: 7 }\nlog: { level: warning }\n");
    const server_settings_t *settings = loaded.settings;
    assert_int_equal(settings->listen_count, 3);
    assert_int_equal(ntohs(settings->listen[0].address.v4.sin_port), 53);
    assert_int_equal(ntohs(settings->listen[1].address.v6.sin6_port), 5353);
    assert_int_equal(ntohl(settings->listen[2].address.v4.sin_addr.s_addr), 0xc0000201);
    assert_false(settings->listen[1].optional);
    assert_int_equal(settings->workers, 3);
    assert_string_equal(settings->user, "dns");
    assert_null(settings->state);
    assert_null(settings->control);
    assert_string_equal(settings->nsid, "ams 1");
    assert_null(settings->version);
    assert_string_equal(settings->hostname, "ns1");
    assert_false(settings->minimal_responses);
    assert_true(settings->rotate_rrsets);
    assert_int_equal(settings->udp_size_max, 4096);
    assert_int_equal(settings->tcp_connections_max, 5);
    assert_int_equal(settings->tcp_connections_per_prefix_max, 2);
    assert_int_equal(settings->tcp_idle_timeout_ms, 90000);
    assert_int_equal(settings->tcp_first_byte_timeout_ms, 500);
    assert_int_equal(settings->tcp_message_timeout_ms, 3600000);
    assert_int_equal(settings->transfers_max, 7);
    assert_int_equal(settings->log_level, LOG_WARNING);

    /* zones: canonical order, lower case, absolute paths, access lists */
    static const char *const names[] = {".", "example.com.", "a.example.com.", "example.org."};
    static const char *const files[] = {"/root.zone", "/zones/a.zone", "/zones/sub/b.zone", "/zones/c d"};
    assert_int_equal(settings->zone_count, 4);
    for (size_t i = 0; i < 4; i++) {
        char name[NAME_TEXT_MAX];
        name_to_text(settings->zones[i].name.wire, name);
        assert_string_equal(name, names[i]);
        assert_string_equal(settings->zones[i].file, files[i]);
    }
    const uint8_t secondary[4] = {192, 0, 2, 53};
    const uint8_t stranger[4] = {192, 0, 2, 54};
    assert_true(acl_allows(settings->zones[1].allow_transfer, AF_INET, secondary));
    assert_false(acl_allows(settings->zones[1].allow_transfer, AF_INET, stranger));
    assert_null(settings->zones[0].allow_transfer);
    assert_null(settings->zones[2].allow_transfer);
    assert_true(acl_allows(settings->zones[3].allow_transfer, AF_INET, stranger));
    unload(&loaded);
}

static void zones_are_in_canonical_order(void **state)
{
    (void)state;
    loaded_t loaded =
        load_good("zones:\n  z.example: {file: x}\n  \"a\\\\000.example\": {file: x}\n  \"a\\\\001.example\": {file: x}\n"
                  "  a.example: {file: x}\n  yljkjljk.a.example: {file: x}\n  Z.a.example: {file: x}\n  example: {file: x}\n"
                  "  b: {file: x}\n  zABC.a.EXAMPLE: {file: x}\n  \"\\\\200.z.example\": {file: x}\n  '*.z.example': {file: x}\n");
    assert_int_equal(loaded.settings->zone_count, 11);
    for (size_t i = 1; i < loaded.settings->zone_count; i++) {
        assert_true(name_compare(loaded.settings->zones[i - 1].name.wire, loaded.settings->zones[i].name.wire) < 0);
    }
    unload(&loaded);
}

static void aliases_stand_for_their_anchors(void **state)
{
    (void)state;
    loaded_t loaded = load_good("zones:\n  a: &zone { file: one.zone, allow-transfer: &who [192.0.2.1] }\n  b: *zone\n"
                                "  c: { file: three.zone, allow-transfer: *who }\n");
    const uint8_t address[4] = {192, 0, 2, 1};
    assert_string_equal(loaded.settings->zones[1].file, "/zones/one.zone");
    for (size_t i = 0; i < 3; i++) {
        assert_true(acl_allows(loaded.settings->zones[i].allow_transfer, AF_INET, address));
    }
    assert_ptr_equal(loaded.settings->zones[0].allow_transfer, loaded.settings->zones[2].allow_transfer);
    unload(&loaded);
}

static void equal_access_lists_are_one(void **state)
{
    (void)state;
    loaded_t loaded =
        load_good("zones:\n  a: { file: x, allow-transfer: [192.0.2.1, \"::1\"] }\n  b: { file: x, allow-transfer: [192.0.2.1, \"::1\"] }\n"
                  "  c: { file: x, allow-transfer: [192.0.2.1] }\n  d: { file: x, allow-transfer: 192.0.2.1 }\n");
    const zone_settings_t *zones = loaded.settings->zones;
    assert_ptr_equal(zones[0].allow_transfer, zones[1].allow_transfer);
    assert_ptr_equal(zones[2].allow_transfer, zones[3].allow_transfer);
    assert_ptr_not_equal(zones[0].allow_transfer, zones[2].allow_transfer);
    unload(&loaded);

    /* one with an error is reported wherever it stands */
    loaded = load("zones:\n  a: { file: x, allow-transfer: [x, []] }\n  b: { file: x, allow-transfer: [x, []] }\n");
    assert_int_equal(loaded.diagnostics.errors, 4);
    unload(&loaded);
}

/* ---- errors ---- */

static void errors_have_places(void **state)
{
    (void)state;
    static const bad_t cases[] = {
        {"workers: 1\nlisen: []\n", "2:1", "unknown-key", "unknown setting \"lisen\"", "did you mean listen?"},
        {"tcp: { idle-timout: 5s }\n", "1:8", "unknown-key", "in tcp", "did you mean idle-timeout?"},
        {"tcp: { workers: 5 }\n", "1:8", "unknown-key", "in tcp", "there is workers"},
        {"foo: 1\n", "1:1", "unknown-key", "\"foo\"", "known here: listen"},
        {"workers: 1\nworkers: 2\n", "2:1", "duplicate-key", "given twice", NULL},
        {"[a]: 1\n", "1:1", "wrong-type", "the name of a setting", NULL},
        {"- a\n", "1:1", "wrong-type", "got a list", NULL},
        {"hello\n", "1:1", "wrong-type", "got a single value", NULL},
        {"workers: [1]\n", "1:10", "wrong-type", "a single value expected, got a list", NULL},
        {"workers:\n", "1:1", "wrong-type", "got nothing", NULL},
        {"workers: many\n", "1:10", "bad-value", "got \"many\"", NULL},
        {"workers: 0\n", "1:10", "bad-value", "too small: 1 to 1024", NULL},
        {"workers: 1025\n", "1:10", "bad-value", "too large: 1 to 1024", NULL},
        {"workers: 99999999999999999999999999\n", "1:10", "bad-value", "too large", NULL},
        {"workers: 4x\n", "1:11", "bad-value", "a whole number expected", NULL},
        {"workers: -1\n", "1:10", "bad-value", "a whole number", NULL},
        {"udp-size: 511\n", "1:11", "bad-value", "512 to 4096", NULL},
        {"udp-size: 5KiB\n", "1:11", "bad-value", "too large", NULL},
        {"udp-size: 1KB\n", "1:12", "bad-value", "not a unit of size", "KiB"},
        {"tcp: { idle-timeout: 10 }\n", "1:22", "bad-value", "the unit of \"10\" is missing", "10s"},
        {"tcp: { idle-timeout: 10 s }\n", "1:24", "bad-value", "not a unit of time", "ms, s, m, h"},
        {"tcp: { idle-timeout: soon }\n", "1:22", "bad-value", "a duration expected", NULL},
        {"tcp: { idle-timeout: 99d }\n", "1:22", "bad-value", "100ms to 1h", NULL},
        {"tcp: { idle-timeout: '' }\n", "1:23", "bad-value", "a duration expected", NULL},
        {"tcp: yes\n", "1:6", "wrong-type", "a mapping expected", NULL},
        {"minimal-responses: maybe\n", "1:20", "bad-value", "yes or no", NULL},
        {"rrset-order: rotat\n", "1:14", "bad-value", "fixed or rotate", "did you mean rotate?"},
        {"log: { level: loud }\n", "1:15", "bad-value", "debug, info, notice, warning or error", NULL},
        {"version: ''\n", "1:11", "bad-value", "empty", NULL},
        {"version: \"a\\x07b\"\n", "1:11", "bad-value", "control character", NULL},
        {"nsid: \"a\\0b\"\n", "1:8", "bad-value", "control character", NULL},
        {"listen: []\n", "1:9", "bad-value", "from 1 to", NULL},
        {"listen: {}\n", "1:9", "wrong-type", "a list expected, got a mapping", NULL},
        {"listen: [127.0.0.1]\n", "1:10", "bad-value", "dns://ADDRESS:PORT", "dns://127.0.0.1"},
        {"listen: [dms://127.0.0.1]\n", "1:10", "bad-value", "unknown transport", "dns://"},
        {"listen: [dot://127.0.0.1]\n", "1:10", "not-supported", "dot:// is not supported", NULL},
        {"listen: [doh://127.0.0.1/dns-query]\n", "1:10", "not-supported", "doh:// is not supported", NULL},
        {"listen: [doq://127.0.0.1]\n", "1:10", "not-supported", "doq:// is not supported", NULL},
        {"listen: [dns://localhost]\n", "1:16", "bad-value", "an IP address expected", NULL},
        {"listen: [dns://1.2.3.4.5]\n", "1:16", "bad-value", "an IP address expected", NULL},
        {"listen: [dns://127.0.0.1:0]\n", "1:26", "bad-value", "a port from 1", NULL},
        {"listen: [dns://127.0.0.1:65536]\n", "1:26", "bad-value", "a port from 1", NULL},
        {"listen: [\"dns://127.0.0.1:\"]\n", "1:11", "bad-value", "a port from 1", NULL},
        {"listen: [dns://127.0.0.1:53/x]\n", "1:28", "bad-value", "no path", NULL},
        {"listen: [\"dns://::1\"]\n", "1:17", "bad-value", "in brackets", "[ADDRESS]"},
        {"listen: [\"dns://[::1\"]\n", "1:17", "bad-value", "closing bracket", NULL},
        {"listen: [\"dns://[::g]\"]\n", "1:18", "bad-value", "IPv6 address expected", NULL},
        {"listen: [\"dns://[::1]53\"]\n", "1:22", "bad-value", "a colon and a port", NULL},
        {"listen: [\"dns://[fe80::1]\"]\n", "1:18", "bad-value", "needs its interface", NULL},
        {"listen: [dns://127.0.0.1, dns://127.0.0.1:53]\n", "1:27", "duplicate-listener", "stands above", NULL},
        {"listen: [dns://127.0.0.1, dns://0.0.0.0]\n", "1:27", "duplicate-listener", "overlaps with 127.0.0.1:53 above", NULL},
        {"listen: ['dns://[::]:5', 'dns://[::1]:53', 'dns://[::1]:5', 'dns://0.0.0.0:5']\n", "1:45", "duplicate-listener",
         "overlaps with [::]:5", NULL},
        {"zones: []\n", "1:8", "wrong-type", "a mapping expected", NULL},
        {"zones: { a: x }\n", "1:13", "wrong-type", "settings of a zone", NULL},
        {"zones: { a: {} }\n", "1:13", "missing-key", "\"file\" is missing", "file: "},
        {"zones: { a: { file: x }, A.: { file: y } }\n", "1:26", "duplicate-zone", "line 1", NULL},
        {"zones: { a..b: { file: x } }\n", "1:12", "bad-zone-name", "not a domain name", NULL},
        {"zones: { '': { file: x } }\n", "1:11", "bad-zone-name", "not a domain name", NULL},
        {"zones: { 'a b': { file: x } }\n", "1:12", "bad-zone-name", "may not stand", NULL},
        {"zones: { d\xc3\xa9j\xc3\xa0.com: { file: x } }\n", "1:11", "bad-zone-name", "may not stand", "xn--"},
        {"zones: { a: { file: x, alow-transfer: [] } }\n", "1:24", "unknown-key", "in a zone", "allow-transfer"},
        {"zones: { a: { file: x, allow-transfer: [1.2.3] } }\n", "1:41", "bad-address", "1.2.3", NULL},
        {"zones: { a: { file: x, allow-transfer: [1.2.3.4/8] } }\n", "1:41", "bad-address", "bits set", NULL},
        {"zones: { a: { file: x, allow-transfer: [[]] } }\n", "1:41", "wrong-type", "a single value", NULL},
        {"tls: {}\n", "1:1", "not-supported", "\"tls\" is not supported", NULL},
        {"workers: *n\n", "1:11", "unknown-anchor", "&n", NULL},
        {"zones: &z { a: *z }\n", "1:17", "endless-alias", "part of what", NULL},
        {"workers: !!int 4\n", "1:16", "tag", "tags", NULL},
        {"workers: 1\n---\nworkers: 2\n", "2:1", "second-document", "one is all", NULL},
        {"zones:\n\ta: { file: x }\n", "2:1", "yaml-syntax", "", "indent with spaces"},
        {"listen: [dns://127.0.0.1\n", "2:1", "yaml-syntax", "", NULL},
        {"version: \"abc\n", "1:11", "yaml-syntax", "", NULL},
        {"version: \xff\n", "1:10", "not-utf-8", "0xff", NULL},
        {"version: \xed\xa0\x80\n", "1:10", "not-utf-8", "0xed", NULL},
        {"version: a\x01\n", "1:11", "control-character", "0x01", NULL},
        {"a: [[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]\n", "1:1", "unknown-key", "", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        check_bad(&cases[i]);
    }
}

static void all_errors_come_in_one_run(void **state)
{
    (void)state;
    loaded_t loaded = load("log: { level: loud }\nworkers: x\nzones:\n  a: { fil: x }\n  b..c: { file: x }\nudp-size: 1\n");
    assert_int_equal(loaded.diagnostics.errors, 6);
    uint32_t line = 0;
    for (const diagnostic_t *entry = loaded.diagnostics.first; entry; entry = entry->next) {
        assert_true(entry->place.line >= line);
        line = entry->place.line;
    }
    assert_non_null(strstr(buffer_text(&loaded.printed), "test.yaml:2:10: error: a whole number or \"auto\" expected, got \"x\"\n"
                                                         "    workers: x\n"
                                                         "             ^\n"));
    unload(&loaded);
}

static void alias_bombs_are_bounded(void **state)
{
    (void)state;
    buffer_t text;
    buffer_init(&text, 1 << 24);
    buffer_append_text(&text, "zones:\n  z0: &z { file: x, allow-transfer: [");
    for (int i = 0; i < 10000; i++) {
        buffer_printf(&text, "%s10.0.%d.%d", i ? ", " : "", i / 256, i % 256);
    }
    buffer_append_text(&text, "] }\n");
    for (int i = 1; i < 2000; i++) {
        buffer_printf(&text, "  z%d: *z\n", i);
    }
    loaded_t loaded = load(buffer_text(&text));
    assert_int_equal(loaded.status, STATUS_INVALID);
    assert_int_equal(loaded.diagnostics.errors, 1);
    assert_string_equal(loaded.diagnostics.first->code, "too-many-aliases");
    unload(&loaded);
    buffer_clear(&text);
}

/* 100,000 zones: linear. The bound is wide, for sanitizers and busy machines; a document tree takes minutes. */
static void many_zones_load_fast(void **state)
{
    (void)state;
    enum { ZONES = 100000 };
    buffer_t text;
    buffer_init(&text, 1 << 26);
    buffer_append_text(&text, "zones:\n");
    for (unsigned i = 0; i < ZONES; i++) {
        buffer_printf(&text, "  d%u.example.com: { file: d%u.zone }\n", i * 7919u % ZONES, i);
    }
    struct timespec before;
    struct timespec after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    loaded_t loaded = load_good(buffer_text(&text));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_int_equal(loaded.settings->zone_count, ZONES);
    assert_true(after.tv_sec - before.tv_sec < 10);
    unload(&loaded);
    buffer_clear(&text);
}

/* ---- showing ---- */

static void shown_settings_load_again(void **state)
{
    (void)state;
    static const char text[] = "listen: [\"dns://[::1]:54\"]\nzones:\n  b.a: { file: x, allow-transfer: [\"::1\", \"!10.0.0.0/8\"] }\n"
                               "  \".\": { file: 'odd: [name] #x' }\nnsid: \"yes\"\ntcp: { idle-timeout: 1500ms }\nversion: \"a: b\"\n";
    char path[] = "/tmp/portolan-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_true(fputs(text, file) >= 0 && fclose(file) == 0);
    buffer_t shown[2];
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    for (int i = 0; i < 2; i++) { /* what is shown, read again, shows the same */
        buffer_init(&shown[i], 1 << 20);
        assert_int_equal(config_show(path, true, CONFIG_YAML, &shown[i], &diagnostics), STATUS_OK);
        file = fopen(path, "w");
        assert_true(file && fwrite(shown[i].data, 1, shown[i].size, file) == shown[i].size && fclose(file) == 0);
    }
    assert_string_equal(buffer_text(&shown[0]), buffer_text(&shown[1]));
    assert_non_null(strstr(buffer_text(&shown[0]), "idle-timeout: 1500ms"));
    assert_non_null(strstr(buffer_text(&shown[0]), "10.0.0.0/8"));
    for (int i = 0; i < 2; i++) {
        buffer_clear(&shown[i]);
    }
    diagnostics_clear(&diagnostics);
    remove(path);
}

static void listeners_print_as_they_are_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"dns://192.0.2.1:53", "dns://[2001:db8::1]:5353", "dns://0.0.0.0:1", "dns://[::]:65535"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        listen_settings_t listen;
        value_error_t error;
        buffer_t out;
        buffer_init(&out, 256);
        assert_int_equal(value_parse_listen(texts[i], strlen(texts[i]), &listen, &error), STATUS_OK);
        value_print_listen(&listen, &out);
        assert_string_equal(buffer_text(&out), texts[i]);
        buffer_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gives_defaults),
        cmocka_unit_test(no_file_gives_defaults),
        cmocka_unit_test(schema_is_sound),
        cmocka_unit_test(values_arrive),
        cmocka_unit_test(zones_are_in_canonical_order),
        cmocka_unit_test(aliases_stand_for_their_anchors),
        cmocka_unit_test(equal_access_lists_are_one),
        cmocka_unit_test(errors_have_places),
        cmocka_unit_test(all_errors_come_in_one_run),
        cmocka_unit_test(alias_bombs_are_bounded),
        cmocka_unit_test(many_zones_load_fast),
        cmocka_unit_test(shown_settings_load_again),
        cmocka_unit_test(listeners_print_as_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
