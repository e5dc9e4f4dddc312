/* The resolver's section: defaults, reach of every setting, values, files that it names, and errors with their places. */
#include "base/require.h"
#include "config_fixture.h"
#include "control/schema.h"
#include "control/value.h"
#include "resolver/hints.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- defaults ---- */

static bool is_resolver_item(const config_item_t *item)
{
    return strncmp(item->path, "resolver.", strlen("resolver.")) == 0 && !strchr(item->path, '*');
}

/* Three sources of defaults, one truth: the schema's texts, recursion_settings_default(), and through it resolver_settings_default(). */
static void defaults_agree(void **state)
{
    (void)state;
    loaded_t loaded = load_good("");
    server_settings_t *plain = calloc(1, sizeof *plain);
    assert_non_null(plain);
    arena_init(&plain->arena, 0, 1 << 20);
    trust_anchors_init(&plain->own_anchors);
    assert_int_equal(recursion_settings_default(plain), STATUS_OK);
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (is_resolver_item(item) && item->type >= CONFIG_BOOLEAN && item->type <= CONFIG_PORTS &&
            memcmp((char *)plain + item->offset, (char *)loaded.settings + item->offset, item->size) != 0) {
            fail_msg("%s: the schema's default is another", item->path);
        }
    }
    const recursion_settings_t *recursions[] = {&plain->recursion, &loaded.settings->recursion};
    for (size_t i = 0; i < ARRAY_SIZE(recursions); i++) {
        const recursion_settings_t *recursion = recursions[i];
        const resolver_settings_t *resolver = &recursion->resolver;
        static const uint8_t addresses[][4] = {{127, 0, 0, 1}, {10, 1, 2, 3}, {169, 254, 1, 1}, {192, 0, 2, 1}};
        for (size_t j = 0; j < ARRAY_SIZE(addresses); j++) {
            assert_true(acl_allows(recursion->allow, AF_INET, addresses[j]) == (j < 3));
        }
        static const uint8_t root[1 + NAME_PADDING] = {0};
        const trust_point_t *point = trust_anchors_find(recursion->anchors, root);
        assert_true(point && point->ds_count == 2);
        assert_true(recursion->enabled && recursion->update_anchors);
        assert_null(resolver->hints);
        assert_int_equal(resolver->zone_count + resolver->local_record_count + resolver->denied_count + resolver->dns64_count, 0);
        assert_int_equal(recursion->negative_count + recursion->source_count, 0);
        assert_int_equal(resolver->dns64_excluded_count, 1);
        assert_int_equal(resolver->dns64_excluded[0].length, 96);
        assert_int_equal(resolver->dns64_excluded[0].address.bytes[11], 0xff);
    }
    unload(&loaded);
    server_settings_free(plain);
}

/* No field of resolver_settings_t without a key, and no key that sets what another one sets. */
static void every_setting_has_a_key(void **state)
{
    (void)state;
    enum { SIZE = sizeof(resolver_settings_t), START = offsetof(server_settings_t, recursion.resolver) };
    bool covered[SIZE] = {false};
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (!is_resolver_item(item)) {
            continue;
        }
        for (size_t at = item->offset; at < (size_t)item->offset + item->size; at++) {
            if (at >= START && at < START + SIZE) {
                if (item->count == 0 && covered[at - START]) { /* forward, stub and local-data go into one list */
                    fail_msg("%s sets what another key sets, too", item->path);
                }
                covered[at - START] = true;
            }
        }
        for (size_t at = item->count; item->count > 0 && at < item->count + sizeof(size_t); at++) {
            if (at >= START && at < START + SIZE) {
                covered[at - START] = true;
            }
        }
    }
#if __has_builtin(__builtin_clear_padding)
    resolver_settings_t marked;
    memset(&marked, 0xff, sizeof marked);
    __builtin_clear_padding(&marked); /* bytes of no field become 0 */
    for (size_t at = 0; at < SIZE; at++) {
        if (!covered[at] && ((const uint8_t *)&marked)[at] != 0) {
            fail_msg("no key for the field at byte %zu of resolver_settings_t", at);
        }
    }
#else
    (void)covered; /* gcc alone can tell padding from fields */
    skip();
#endif
}

/* ---- values ---- */

static void switches_turn_recursion_off(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool enabled;
    } cases[] = {{"resolver: no\n", false},
                 {"resolver: off\n", false},
                 {"resolver: yes\n", true},
                 {"resolver: {}\n", true},
                 {"resolver: { enabled: no }\n", false},
                 {"resolver:\n", true},
                 {"resolver: false\n", false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        loaded_t loaded = load_good(cases[i].text);
        assert_true(loaded.settings->recursion.enabled == cases[i].enabled);
        unload(&loaded);
    }
}

static void check_address(const resolver_address_t *address, const char *wanted)
{
    buffer_t text;
    buffer_init(&text, 256);
    value_print_server(address, &text);
    assert_string_equal(buffer_text(&text), wanted);
    buffer_clear(&text);
}

static void check_zone(const resolver_settings_t *resolver, size_t index, const char *name, resolver_zone_kind_t kind)
{
    char text[NAME_TEXT_MAX];
    name_to_text(resolver->zones[index].zone.wire, text);
    assert_string_equal(text, name);
    assert_int_equal(resolver->zones[index].kind, kind);
}

static void zones_go_elsewhere(void **state)
{
    (void)state;
    loaded_t loaded = load_good("resolver:\n"
                                "  stub: { Lab.Example: [127.0.0.1, \"10.0.0.2:5353\"], one.example: { addresses: \"2001:db8::1\" } }\n"
                                "  forward:\n"
                                "    corp.example: [10.0.0.53, \"10.0.0.53:5353\", \"[::1]:5353\", \"[2001:db8::53]\"]\n"
                                "    .: { addresses: 192.0.2.1, fallback: yes }\n"
                                "    plain.example: 192.0.2.2\n");
    const resolver_settings_t *resolver = &loaded.settings->recursion.resolver;
    assert_int_equal(resolver->zone_count, 5);
    check_zone(resolver, 0, "corp.example.", RESOLVER_FORWARD);
    check_zone(resolver, 1, ".", RESOLVER_FORWARD);
    check_zone(resolver, 2, "plain.example.", RESOLVER_FORWARD);
    check_zone(resolver, 3, "lab.example.", RESOLVER_STUB);
    check_zone(resolver, 4, "one.example.", RESOLVER_STUB);
    assert_true(resolver->zones[1].fallback && !resolver->zones[0].fallback && !resolver->zones[3].fallback);
    static const char *const forwarders[] = {"10.0.0.53", "10.0.0.53:5353", "[::1]:5353", "2001:db8::53"};
    assert_int_equal(resolver->zones[0].address_count, ARRAY_SIZE(forwarders));
    for (size_t i = 0; i < ARRAY_SIZE(forwarders); i++) {
        check_address(&resolver->zones[0].addresses[i], forwarders[i]);
    }
    check_address(&resolver->zones[1].addresses[0], "192.0.2.1");
    assert_int_equal(resolver->zones[2].address_count, 1);
    check_address(&resolver->zones[3].addresses[1], "10.0.0.2:5353");
    check_address(&resolver->zones[4].addresses[0], "2001:db8::1");
    unload(&loaded);
}

static void values_arrive(void **state)
{
    (void)state;
    loaded_t loaded = load_good("resolver:\n"
                                "  allow: [192.0.2.0/24]\n"
                                "  validate: no\n  signature-skew: 1h\n  accept-sha1: no\n  ipv6: off\n  udp-size: 4KiB\n"
                                "  deny: [198.51.100.0/24, \"2001:db8::/32\"]\n  sources: [192.0.2.1, \"2001:db8::1\"]\n"
                                "  ports: 20000-30000\n  dns64: [\"64:ff9b::/96\"]\n  dns64-exclude: none\n"
                                "  min-ttl: 5s\n  max-ttl: 1m30s\n  prefetch-percent: 20\n"
                                "  stale: { serve: no, max-age: 3d, client-timeout: 1s, answer-ttl: 10s }\n"
                                "  cache: { size: 5GiB, file: cache }\n"
                                "  timeouts: { initial: 1s, minimum: 50ms, maximum: 2s, tcp: 5s }\n"
                                "  limits: { upstream-queries: 50, reply-bytes: 256KiB, discard-after: never, waiting-per-client: 7 }\n");
    const recursion_settings_t *recursion = &loaded.settings->recursion;
    const resolver_settings_t *resolver = &recursion->resolver;
    const uint8_t client[4] = {192, 0, 2, 9};
    const uint8_t loopback[4] = {127, 0, 0, 1};
    assert_true(acl_allows(recursion->allow, AF_INET, client) && !acl_allows(recursion->allow, AF_INET, loopback));
    assert_true(!resolver->validate && !resolver->accept_sha1 && !resolver->ipv6 && resolver->ipv4);
    assert_int_equal(resolver->signature_skew_s, 3600);
    assert_int_equal(resolver->udp_size, 4096);
    assert_int_equal(resolver->denied_count, 2);
    assert_int_equal(resolver->denied[0].length, 24);
    assert_int_equal(resolver->denied[1].address.family, RESOLVER_IPV6);
    assert_int_equal(recursion->source_count, 2);
    assert_int_equal(ntohl(recursion->sources[0].v4.sin_addr.s_addr), 0xc0000201);
    assert_int_equal(recursion->sources[1].sa.sa_family, AF_INET6);
    assert_int_equal(recursion->port_low, 20000);
    assert_int_equal(recursion->port_high, 30000);
    assert_int_equal(resolver->dns64_count, 1);
    assert_int_equal(resolver->dns64[0].length, 96);
    assert_int_equal(resolver->dns64_excluded_count, 0);
    assert_int_equal(resolver->ttl_min_s, 5);
    assert_int_equal(resolver->ttl_max_s, 90);
    assert_int_equal(resolver->prefetch_percent, 20);
    assert_false(resolver->serve_stale);
    assert_int_equal(resolver->stale_max_s, 3 * 86400);
    assert_int_equal(resolver->stale_client_ms, 1000);
    assert_int_equal(resolver->stale_answer_ttl_s, 10);
    assert_true(recursion->cache_bytes == (size_t)5 << 30);
    assert_string_equal(recursion->cache_file, "/zones/cache");
    assert_int_equal(resolver->timeout_initial_ms, 1000);
    assert_int_equal(resolver->timeout_min_ms, 50);
    assert_int_equal(resolver->timeout_max_ms, 2000);
    assert_int_equal(resolver->tcp_timeout_ms, 5000);
    assert_int_equal(resolver->upstream_queries_max, 50);
    assert_int_equal(resolver->reply_bytes_max, 256 * 1024);
    assert_int_equal(resolver->discard_waiter_ms, 0);
    assert_int_equal(recursion->waiting_max_a_client, 7);
    unload(&loaded);
}

static void nobody_may_ask_when_none_is_allowed(void **state)
{
    (void)state;
    static const char *const texts[] = {"resolver: { allow: none }\n", "resolver: { allow: [] }\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        loaded_t loaded = load_good(texts[i]);
        const uint8_t loopback[4] = {127, 0, 0, 1};
        assert_false(acl_allows(loaded.settings->recursion.allow, AF_INET, loopback));
        unload(&loaded);
    }
}

static void trust_can_be_written_in_place(void **state)
{
    (void)state;
    static const uint8_t root[1 + NAME_PADDING] = {0};
    static const uint8_t corp[] = "\4corp\7example\0               ";
    loaded_t loaded = load_good("resolver:\n  trust-anchors:\n    - builtin\n"
                                "    - corp.example. DS 12345 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
                                "    - corp.example 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n");
    const trust_anchors_t *anchors = loaded.settings->recursion.anchors;
    assert_int_equal(trust_anchors_find(anchors, root)->ds_count, 2);
    assert_int_equal(trust_anchors_find(anchors, corp)->ds_count, 1);
    assert_int_equal(trust_anchors_find(anchors, corp)->dnskey_count, 1);
    unload(&loaded);
    loaded = load_good("resolver: { trust-anchors: none }\n");
    assert_null(loaded.settings->recursion.anchors);
    unload(&loaded);
}

static void forwarding_to_itself_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned warnings;
    } rows[] = {
        {"listen: dns://127.0.0.1:5353\nresolver: { forward: { .: \"127.0.0.1:5353\" } }\n", 1},
        {"resolver: { forward: { a.example: [10.0.0.1, 127.0.0.1] }, stub: { b.example: \"::1\" } }\n", 2}, /* the default listens there */
        {"listen: dns://0.0.0.0:53\nresolver: { stub: { a.example: 127.9.9.9 } }\n", 1},
        {"listen: dns://127.0.0.1:53\nresolver: { forward: { .: \"127.0.0.1:5353\" } }\n", 0},
        {"listen: dns://127.0.0.1:53\nresolver: { forward: { .: [\"::1\", 127.0.0.2] } }\n", 0},
        {"listen: dns://0.0.0.0:53\nresolver: { forward: { .: 10.0.0.1 } }\n", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        loaded_t loaded = load_good(rows[i].text);
        assert_int_equal(loaded.diagnostics.warnings, rows[i].warnings);
        assert_true(rows[i].warnings == 0 || strstr(buffer_text(&loaded.printed), "this server itself listens at one of the addresses"));
        unload(&loaded);
    }
}

static void distrust_has_an_end(void **state)
{
    (void)state;
    loaded_t loaded =
        load_good("resolver:\n  negative-trust-anchors:\n    a.example: 7d\n    B.example: none\n"
                  "    c.example: 2040-09-01T00:00:00Z\n    d.example: 2040-09-01\n    e.example: '2040-09-01T02:30:00+02:30'\n"
                  "    f.example: 2020-02-29\n");
    const recursion_settings_t *recursion = &loaded.settings->recursion;
    uint64_t now_s = (uint64_t)time(NULL);
    assert_int_equal(recursion->negative_count, 6);
    assert_true(recursion->negative[0].until_s >= now_s + 7 * 86400 - 60 && recursion->negative[0].until_s <= now_s + 7 * 86400);
    assert_int_equal(recursion->negative[1].until_s, 0);
    assert_int_equal(recursion->negative[1].name.wire[1], 'b');
    for (size_t i = 2; i < 5; i++) {
        assert_int_equal(recursion->negative[i].until_s, 2230070400);
    }
    assert_int_equal(recursion->negative[5].until_s, 1582934400);
    assert_int_equal(loaded.diagnostics.warnings, 1);
    unload(&loaded);
    loaded = load_good("resolver: { negative-trust-anchors: [a.example, b.example] }\n");
    assert_int_equal(loaded.settings->recursion.negative_count, 2);
    assert_int_equal(loaded.settings->recursion.negative[1].until_s, 0);
    unload(&loaded);
}

/* ---- local data ---- */

/* "owner TTL TYPE rdata-length" lines. */
static void list_local(const server_settings_t *settings, buffer_t *out)
{
    const resolver_settings_t *resolver = &settings->recursion.resolver;
    for (size_t i = 0; i < resolver->local_record_count; i++) {
        const resolver_local_record_t *record = &resolver->local_records[i];
        char owner[NAME_TEXT_MAX];
        char type[RRTYPE_TEXT_MAX];
        name_to_text(record->owner.wire, owner);
        rrtype_to_text(record->type, type);
        bool is_word = record->type == RESOLVER_LOCAL_NODATA || record->type == RESOLVER_LOCAL_NXDOMAIN;
        buffer_printf(out, "%s %u %s %u\n", owner, record->ttl_s, is_word ? (record->type ? "nxdomain" : "nodata") : type,
                      record->rdlength);
    }
}

static void local_data_is_taken(void **state)
{
    (void)state;
    loaded_t loaded = load_good("resolver:\n  local-data:\n"
                                "    Printer.home.arpa: { A: [10.0.0.7, 10.0.0.8, 10.0.0.7], txt: '\"a b\" c', ttl: 5m }\n"
                                "    '*.ads.example': NXDOMAIN\n    quiet.example: nodata\n    www.example.: { CNAME: elsewhere }\n");
    buffer_t out;
    buffer_init(&out, 4096);
    list_local(loaded.settings, &out);
    assert_string_equal(buffer_text(&out), "printer.home.arpa. 300 A 4\nprinter.home.arpa. 300 A 4\nprinter.home.arpa. 300 TXT 6\n"
                                           "*.ads.example. 3600 nxdomain 0\nquiet.example. 3600 nodata 0\n"
                                           "www.example. 3600 CNAME 11\n");
    buffer_clear(&out);
    unload(&loaded);
}

/* ---- files ---- */

typedef struct folder {
    char path[64];
} folder_t;

static int make_folder(void **state)
{
    static folder_t folder;
    snprintf(folder.path, sizeof folder.path, "/tmp/portolan-test-XXXXXX");
    *state = &folder;
    return mkdtemp(folder.path) ? 0 : -1;
}

static const char *const names[] = {"named.root", "root.key", "hosts", "big", "fifo", "other.root"};

static int remove_folder(void **state)
{
    const folder_t *folder = *state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
        unlink(path);
    }
    return rmdir(folder->path);
}

static void put(const folder_t *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *file = fopen(path, "w");
    assert_true(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void files_are_read(void **state)
{
    const folder_t *folder = *state;
    put(folder, "named.root", ". NS A.root.test.\n. 3600 IN NS b.root.test.\na.root.test. A 192.0.2.1\nb.root.test. AAAA 2001:db8::1\n");
    put(folder, "root.key", "; the lab's\n. IN DS 12345 13 2 (\n E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D )\n");
    put(folder, "hosts",
        "127.0.0.1 localhost\n10.0.0.7 printer.home.arpa printer\n10.0.0.7 other\n10.0.0.7 printer\n0.0.0.0 ads.example\n"
        "10.0.0.8 local.example\n");
    loaded_t loaded = load_in("resolver: { root-hints: named.root, trust-anchors: root.key, hosts-files: hosts,\n"
                              "            local-data: { local.example: nxdomain, printer: { AAAA: '2001:db8::7', ttl: 1m } } }\n",
                              folder->path);
    if (loaded.status != STATUS_OK) {
        fail_msg("%s", buffer_text(&loaded.printed));
    }
    const recursion_settings_t *recursion = &loaded.settings->recursion;
    const hints_t *hints = recursion->resolver.hints;
    static const uint8_t root[1 + NAME_PADDING] = {0};
    assert_int_equal(hints->count, 2);
    assert_int_equal(hints->servers[0].address_count, 1);
    check_address(&hints->servers[1].addresses[0], "2001:db8::1");
    assert_int_equal(trust_anchors_find(recursion->anchors, root)->ds_count, 1);
    buffer_t out;
    buffer_init(&out, 4096);
    list_local(loaded.settings, &out);
    assert_string_equal(buffer_text(&out),
                        "printer.home.arpa. 3600 A 4\n7.0.0.10.in-addr.arpa. 3600 PTR 19\n8.0.0.10.in-addr.arpa. 3600 PTR 15\n"
                        "1.0.0.127.in-addr.arpa. 3600 PTR 11\n"
                        "ads.example. 3600 A 4\nlocal.example. 3600 nxdomain 0\nlocalhost. 3600 A 4\nother. 3600 A 4\n"
                        "printer. 60 AAAA 16\nprinter. 3600 A 4\n");
    buffer_clear(&out);
    unload(&loaded);
}

/* What special.c gives for one type of a name is bounded, and who writes more is told. */
static void large_rrsets_are_cut(void **state)
{
    const folder_t *folder = *state;
    buffer_t text;
    buffer_init(&text, 1 << 20);
    for (unsigned i = 0; i < 300; i++) {
        buffer_printf(&text, "10.0.%u.%u many.example\n", i / 256, i % 256);
    }
    put(folder, "hosts", buffer_text(&text));
    buffer_clear(&text);
    loaded_t loaded = load_in("resolver: { hosts-files: hosts }\n", folder->path);
    assert_int_equal(loaded.status, STATUS_OK);
    assert_int_equal(loaded.diagnostics.warnings, 1);
    assert_non_null(strstr(buffer_text(&loaded.printed), "test.yaml:1:26: warning: many.example.: only 256 records of a type are given"));
    assert_int_equal(loaded.settings->recursion.resolver.local_record_count, 256 + 300);
    unload(&loaded);
}

static void files_have_their_own_places(void **state)
{
    const folder_t *folder = *state;
    put(folder, "named.root", ". 3600 NS a.root.test.\na.root.test. 3600 A 192.0.2.300\nb.root.test. 3600 AAAA ::g\n");
    put(folder, "root.key", ". IN A 192.0.2.1\n. IN DNSKEY 385 3 8 AwEAAQ==\n. IN DS 1 2\n");
    put(folder, "hosts", "10.0.0.7 a\nb 10.0.0.8\n");
    loaded_t loaded =
        load_in("workers: x\nresolver:\n  hosts-files: hosts\n  root-hints: named.root\n  trust-anchors: [root.key, other.key]\n"
                "  min-ttl: soon\n",
                folder->path);
    assert_int_equal(loaded.status, STATUS_INVALID);
    static const char *const wanted[] = {
        "test.yaml:1:10: error: ",
        "test.yaml:5:29: error: cannot read FOLDER/other.key: No such file or directory\n",
        "test.yaml:6:12: error: a duration expected",
        "FOLDER/named.root:2:21: error: ",
        "    a.root.test. 3600 A 192.0.2.300\n                        ^~~~~~~~~~~\n",
        "FOLDER/named.root:3:24: error: ",
        "FOLDER/hosts:2:1: error: an IP address expected",
        "FOLDER/root.key:1:1: error: a trust anchor is a DS or a DNSKEY record\n",
        "FOLDER/root.key:2:1: error: this DNSKEY is no zone key, or is revoked\n",
        "FOLDER/root.key:3:",
    };
    const char *at = buffer_text(&loaded.printed);
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) { /* in this order: the file itself, then the others */
        char text[256];
        const char *mark = strstr(wanted[i], "FOLDER");
        snprintf(text, sizeof text, "%.*s%s%s", mark ? (int)(mark - wanted[i]) : 0, wanted[i], mark ? folder->path : "",
                 mark ? mark + strlen("FOLDER") : wanted[i]);
        if (strncmp(wanted[i], "FOLDER/hosts", 12) != 0 && strncmp(wanted[i], "FOLDER/root", 11) != 0 && !strstr(at, text)) {
            fail_msg("missing here: %s\n%s", text, buffer_text(&loaded.printed));
        }
        if (!strstr(buffer_text(&loaded.printed), text)) {
            fail_msg("missing: %s\n%s", text, buffer_text(&loaded.printed));
        }
        at = strstr(at, text) ? strstr(at, text) : at;
    }
    assert_int_equal(loaded.diagnostics.errors, 9);
    unload(&loaded);
}

static void useless_files_are_refused(void **state)
{
    const folder_t *folder = *state;
    char fifo[128];
    snprintf(fifo, sizeof fifo, "%s/fifo", folder->path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    put(folder, "named.root", ". 3600 NS a.root.test.\n");
    put(folder, "other.root", ". NS a.root.test.\na.root.test. A 127.0.0.1\n");
    put(folder, "root.key", "; nothing\n");
    FILE *big = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/big", folder->path);
    big = fopen(path, "w");
    assert_true(big && ftruncate(fileno(big), 2 << 20) == 0 && fclose(big) == 0);
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"resolver: { root-hints: named.root }\n", "names no server of the root that has an address"},
        {"resolver: { root-hints: other.root }\n", "no address in the root hints may be asked: they are loopback addresses"},
        {"resolver: { root-hints: other.root, ask-loopback: yes, ipv4: no }\n", "no address in the root hints may be asked: see ipv4"},
        {"resolver: { root-hints: fifo }\n", "this is no regular file"},
        {"resolver: { root-hints: . }\n", "this is no regular file"},
        {"resolver: { root-hints: big }\n", "it is too large"},
        {"resolver: { trust-anchors: root.key }\n", "has no DS or DNSKEY record"},
        {"resolver: { trust-anchors: big }\n", "it is too large"},
        {"resolver: { hosts-files: [hosts, /dev/zero] }\n", "/dev/zero: this is no regular file"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        loaded_t loaded = load_in(cases[i].text, folder->path);
        assert_int_equal(loaded.status, STATUS_INVALID);
        if (!strstr(buffer_text(&loaded.printed), cases[i].message)) {
            fail_msg("%s: %s", cases[i].text, buffer_text(&loaded.printed));
        }
        unload(&loaded);
    }
}

/* ---- errors ---- */

static void errors_have_places(void **state)
{
    (void)state;
    static const bad_t cases[] = {
        {"resolver: { alow: [any] }\n", "1:13", "unknown-key", "in resolver", "did you mean allow?"},
        {"resolver: { upstream-queries: 5 }\n", "1:13", "unknown-key", "in resolver", "there is resolver.limits.upstream-queries"},
        {"resolver: { limits: { cnames: 5 } }\n", "1:23", "unknown-key", "in resolver.limits", "known here"},
        {"resolver: maybe\n", "1:11", "bad-value", "yes or no", NULL},
        {"resolver: [no]\n", "1:11", "wrong-type", "a mapping expected", NULL},
        {"resolver: { allow: [1.2.3] }\n", "1:21", "bad-address", "1.2.3", NULL},
        {"resolver: { validate: 1 }\n", "1:23", "bad-value", "yes or no", NULL},
        {"resolver: { min-ttl: 500ms }\n", "1:25", "bad-value", "not a unit of time", "s, m, h and d"},
        {"resolver: { max-ttl: 3600 }\n", "1:22", "bad-value", "the unit of \"3600\" is missing", "3600s"},
        {"resolver: { max-ttl: 8d }\n", "1:22", "bad-value", "1s to 7d", NULL},
        {"resolver: { limits: { cname-hops: 17 } }\n", "1:35", "bad-value", "1 to 16", NULL},
        {"resolver: { cache: { size: 1KiB } }\n", "1:28", "bad-value", "too small", NULL},
        {"resolver: { ports: 53 }\n", "1:20", "bad-value", "a range of ports", "16384-65535"},
        {"resolver: { ports: 0-5 }\n", "1:20", "bad-value", "1 to 65535", NULL},
        {"resolver: { ports: 5-65536 }\n", "1:22", "bad-value", "1 to 65535", NULL},
        {"resolver: { ports: 6-5 }\n", "1:22", "bad-value", "ends before it begins", NULL},
        {"resolver: { ports: 6-5x }\n", "1:20", "bad-value", "a range of ports", NULL},
        {"resolver: { sources: [192.0.2.1:53] }\n", "1:23", "bad-address", "without a port", NULL},
        {"resolver: { sources: [1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5,1.1.1.6,1.1.1.7,1.1.1.8,1.1.1.9,1.1.1.10,1.1.1.11,1.1.1.12,"
         "1.1.1.13,1.1.1.14,1.1.1.15,1.1.1.16,1.1.1.17] }\n",
         "1:22", "bad-value", "more than 16", NULL},
        {"resolver: { deny: [10.0.0.1/8] }\n", "1:20", "bad-address", "bits set", "clear the bits"},
        {"resolver: { deny: [10.0.0.0/33] }\n", "1:29", "bad-address", "0 to 32", NULL},
        {"resolver: { deny: [any] }\n", "1:20", "bad-address", "an address or prefix", NULL},
        {"resolver: { dns64: 10.0.0.0/8 }\n", "1:20", "bad-address", "an IPv6 prefix", "64:ff9b::/96"},
        {"resolver: { dns64: \"64:ff9b::/95\" }\n", "1:21", "bad-address", "32, 40, 48, 56, 64 or 96", NULL},
        {"resolver: { dns64-exclude: 10.0.0.0/8 }\n", "1:28", "bad-address", "an IPv6 prefix", NULL},
        /* forward and stub */
        {"resolver: { forward: [10.0.0.53] }\n", "1:22", "wrong-type", "a mapping of zones", "corp.example"},
        {"resolver: { forward: { a..b: 10.0.0.53 } }\n", "1:26", "bad-zone-name", "not a domain name", NULL},
        {"resolver: { forward: { a: [] } }\n", "1:27", "bad-value", "at least one", NULL},
        {"resolver: { forward: { a: {} } }\n", "1:27", "missing-key", "addresses", NULL},
        {"resolver: { forward: { a: } }\n", "1:24", "wrong-type", "got nothing", NULL},
        {"resolver: { forward: { a: { adresses: 10.0.0.1 } } }\n", "1:27", "missing-key", "addresses", NULL},
        {"resolver: { forward: { a: { addresses: 10.0.0.1, falback: yes } } }\n", "1:50", "unknown-key", "falback",
         "did you mean fallback?"},
        {"resolver: { stub: { a: { addresses: 10.0.0.1, fallback: yes } } }\n", "1:47", "unknown-key", "fallback", NULL},
        {"resolver: { forward: { a: 10.0.0.1, A.: 10.0.0.2 } }\n", "1:37", "duplicate-zone", "already", NULL},
        {"resolver:\n  stub: { a: 10.0.0.1 }\n  forward: { a: 10.0.0.1 }\n", "2:11", "duplicate-zone", "forward or stub", NULL},
        {"resolver: { forward: { a: ns.example } }\n", "1:27", "bad-address", "the IP address of a server", "192.0.2.1:5353"},
        {"resolver: { forward: { a: '10.0.0.1@5353' } }\n", "1:28", "bad-address", "IP address", "10.0.0.1:5353"},
        {"resolver: { forward: { a: '2001:db8::1#5353' } }\n", "1:28", "bad-address", "IP address", "[2001:db8::1]:5353"},
        {"resolver: { forward: { a: 10.0.0.1:0 } }\n", "1:36", "bad-address", "a port from 1", NULL},
        {"resolver: { forward: { a: 10.0.0.1:65536 } }\n", "1:36", "bad-address", "a port from 1", NULL},
        {"resolver: { forward: { a: '[::1' } }\n", "1:28", "bad-address", "closing bracket", NULL},
        {"resolver: { forward: { a: '[10.0.0.1]:53' } }\n", "1:29", "bad-address", "IP address", NULL},
        {"resolver: { forward: { a: '[::1]53' } }\n", "1:33", "bad-address", "a colon and a port", NULL},
        /* trust */
        {"resolver: { root-hints: /nowhere/at/all }\n", "1:25", "cannot-read", "No such file", NULL},
        {"resolver: { root-hints: [a, b] }\n", "1:25", "wrong-type", "the path of a file", NULL},
        {"resolver: { trust-anchors: [none, builtin] }\n", "1:29", "bad-value", "none stands alone", NULL},
        {"resolver: { trust-anchors: '. DS 1 8 2 XYZ' }\n", "1:40", "bad-rdata", "", NULL},
        {"resolver: { trust-anchors: . DS 1 8 2 00 }\n", "1:28", "bad-rdata", "", NULL},
        {"resolver: { trust-anchors: '. DNSKY 257 3 8 AwEAAQ==' }\n", "1:29", "cannot-read", "No such file", "OWNER DS"},
        {"resolver: { trust-anchors: '. DNSKEY 0 3 8 AwEAAQ==' }\n", "1:29", "bad-trust-anchor", "no zone key", NULL},
        {"resolver: { negative-trust-anchors: { a: soon } }\n", "1:42", "bad-value", "a duration expected", "7d"},
        {"resolver: { negative-trust-anchors: { a: 0s } }\n", "1:42", "bad-value", "at least 1s", NULL},
        {"resolver: { negative-trust-anchors: { a: 2026-13-01 } }\n", "1:42", "bad-value", "a point in time", "2026-09-01"},
        {"resolver: { negative-trust-anchors: { a: 2026-02-29 } }\n", "1:42", "bad-value", "a point in time", NULL},
        {"resolver: { negative-trust-anchors: { a: 2026-01-01T24:00 } }\n", "1:42", "bad-value", "a point in time", NULL},
        {"resolver: { negative-trust-anchors: { a: 2026-01-01T10:00:00X } }\n", "1:42", "bad-value", "a point in time", NULL},
        {"resolver: { negative-trust-anchors: [a, A.] }\n", "1:41", "duplicate-name", "already", NULL},
        {"resolver: { negative-trust-anchors: { a: } }\n", "1:39", "wrong-type", "got nothing", NULL},
        {"resolver: { follow-rollovers: yes }\nstate: none\n", "1:31", "bad-value", "needs a state directory", "state: "},
        /* local data */
        {"resolver: { local-data: [a] }\n", "1:25", "wrong-type", "a mapping of names", NULL},
        {"resolver: { local-data: { a: nxdomian } }\n", "1:30", "bad-value", "nxdomain or nodata", "did you mean nxdomain?"},
        {"resolver: { local-data: { a: {} } }\n", "1:30", "wrong-type", "records by type", NULL},
        {"resolver: { local-data: { a: { AAA: '::1' } } }\n", "1:32", "unknown-type", "AAA", "did you mean AAAA?"},
        {"resolver: { local-data: { a: { ANY: 'x' } } }\n", "1:32", "unknown-type", "ANY", NULL},
        {"resolver: { local-data: { a: { A: 10.0.0.256 } } }\n", "1:35", "bad-rdata", "IPv4 address", NULL},
        {"resolver: { local-data: { a: { MX: 10 } } }\n", "1:36", "bad-rdata", "", NULL},
        {"resolver: { local-data: { a: { CNAME: b, A: 10.0.0.1 } } }\n", "1:32", "cname-and-other-data", "alone", NULL},
        {"resolver: { local-data: { a: { CNAME: [b, c] } } }\n", "1:32", "cname-and-other-data", "alone", NULL},
        {"resolver: { local-data: { a: { A: 10.0.0.1, ttl: 5 } } }\n", "1:50", "bad-value", "unit", "5s"},
        {"resolver: { local-data: { a: nodata, A.: { A: 10.0.0.1 } } }\n", "1:38", "duplicate-name", "line 1", NULL},
        {"resolver: { local-data: { a b: nodata } }\n", "1:28", "bad-name", "may not stand", NULL},
        {"resolver: { hosts-files: {} }\n", "1:26", "wrong-type", "a list expected", NULL},
        /* what does not go together */
        {"resolver: { min-ttl: 1h, max-ttl: 1m }\n", "1:35", "bad-value", "max-ttl is less than min-ttl", NULL},
        {"resolver: { timeouts: { minimum: 1s } }\n", "1:34", "bad-value", "minimum is more than initial", NULL},
        {"resolver: { timeouts: { initial: 5s } }\n", "1:34", "bad-value", "initial is more than maximum", NULL},
        {"resolver: { min-failure-ttl: 1m, max-failure-ttl: 30s }\n", "1:51", "bad-value", "less than min-failure-ttl", NULL},
        {"resolver: { ipv6: no, forward: { a: '::1', b: ['::1', 10.0.0.1] } }\n", "1:32", "not-askable", "a.: all its servers have IPv6",
         NULL},
        {"resolver: { ipv4: no, stub: { a: 10.0.0.1 } }\n", "1:29", "not-askable", "ipv4 is off", NULL},
        {"resolver: { ipv4: no, ipv6: no }\n", "1:29", "bad-value", "no server could be asked", "resolver: no"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        check_bad(&cases[i]);
    }
}

/* ---- showing ---- */

static void shown_settings_load_again(void **state)
{
    const folder_t *folder = *state;
    static const char text[] =
        "resolver:\n  allow: [any, \"!10.0.0.0/8\"]\n  root-hints: named.root\n"
        "  trust-anchors: [builtin, root.key, \". DS 12345 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\"]\n"
        "  forward: { corp.example: [\"[::1]:5353\"], .: { addresses: 10.0.0.53, fallback: yes } }\n  stub: { lab.example: 127.0.0.1 }\n"
        "  local-data: { a.example: { A: 10.0.0.7, TXT: ['\"x\" y', z], ttl: 5m }, '*.b.example': nxdomain }\n  hosts-files: hosts\n"
        "  negative-trust-anchors: { broken.example: 7d, old.example: none }\n  dns64: \"64:ff9b::/96\"\n  deny: [198.51.100.0/24]\n"
        "  sources: 192.0.2.1\n  ports: 1024-2048\n  cache: { size: 1GiB }\n  limits: { discard-after: never }\n";
    put(folder, "named.root", ". 3600 NS a.root.test.\na.root.test. 3600 A 192.0.2.1\n");
    put(folder, "root.key", ". DS 12345 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n");
    put(folder, "hosts", "10.0.0.7 a\n");
    char path[128];
    snprintf(path, sizeof path, "%s/big", folder->path);
    put(folder, "big", text);
    buffer_t shown[2];
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    for (int i = 0; i < 2; i++) {
        buffer_init(&shown[i], 1 << 20);
        if (config_show(path, true, CONFIG_YAML, &shown[i], &diagnostics) != STATUS_OK) {
            diagnostics_print(&diagnostics, &shown[i]);
            fail_msg("%s", buffer_text(&shown[i]));
        }
        put(folder, "big", buffer_text(&shown[i]));
    }
    assert_string_equal(buffer_text(&shown[0]), buffer_text(&shown[1]));
    static const char *const parts[] = {"\"[::1]:5353\"", "fallback: yes", "lab.example.:",        "nxdomain",     "broken.example: 7d",
                                        "1024-2048",      "/named.root",   "discard-after: never", "64:ff9b::/96", "signature-checks: 30"};
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (!strstr(buffer_text(&shown[0]), parts[i])) {
            fail_msg("missing: %s\n%s", parts[i], buffer_text(&shown[0]));
        }
    }
    buffer_clear(&shown[0]);
    buffer_clear(&shown[1]);
    diagnostics_clear(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_agree),
        cmocka_unit_test(every_setting_has_a_key),
        cmocka_unit_test(switches_turn_recursion_off),
        cmocka_unit_test(zones_go_elsewhere),
        cmocka_unit_test(values_arrive),
        cmocka_unit_test(nobody_may_ask_when_none_is_allowed),
        cmocka_unit_test(trust_can_be_written_in_place),
        cmocka_unit_test(distrust_has_an_end),
        cmocka_unit_test(forwarding_to_itself_is_told),
        cmocka_unit_test(local_data_is_taken),
        cmocka_unit_test_setup_teardown(files_are_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(large_rrsets_are_cut, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(files_have_their_own_places, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(useless_files_are_refused, make_folder, remove_folder),
        cmocka_unit_test(errors_have_places),
        cmocka_unit_test_setup_teardown(shown_settings_load_again, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
