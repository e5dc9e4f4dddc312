#include "resolver/dns64.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t root[NAME_PADDING] = {0};

static resolver_prefix_t prefix_of(const char *text, uint8_t length)
{
    resolver_prefix_t prefix = {.length = length};
    assert_true(resolver_address_from_text(&prefix.address, text, strlen(text)));
    return prefix;
}

static name_t name_of(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), root, NULL), STATUS_OK);
    return name;
}

/* RFC 6052 2.4: 192.0.2.33 with each length of prefix. */
static void addresses_of_the_rfc(void **state)
{
    static const struct {
        const char *prefix;
        uint8_t length;
        const char *address;
    } rows[] = {
        {"2001:db8::", 32, "2001:db8:c000:221::"},
        {"2001:db8:100::", 40, "2001:db8:1c0:2:21::"},
        {"2001:db8:122::", 48, "2001:db8:122:c000:2:2100::"},
        {"2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221::"},
        {"2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100::"},
        {"2001:db8:122:344::", 96, "2001:db8:122:344::192.0.2.33"},
        {"64:ff9b::", 96, "64:ff9b::192.0.2.33"},
    };
    static const uint8_t ipv4[4] = {192, 0, 2, 33};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        resolver_prefix_t prefix = prefix_of(rows[i].prefix, rows[i].length);
        resolver_prefix_t expected = prefix_of(rows[i].address, 128);
        uint8_t ipv6[16];
        uint8_t back[4];
        assert_true(dns64_prefix_is_valid(&prefix));
        dns64_embed(&prefix, ipv4, ipv6);
        assert_memory_equal(ipv6, expected.address.bytes, sizeof ipv6);
        assert_true(dns64_extract(&prefix, ipv6, back));
        assert_memory_equal(back, ipv4, sizeof back);
        ipv6[0] ^= 1;
        assert_false(dns64_extract(&prefix, ipv6, back));
    }
    resolver_prefix_t odd = prefix_of("2001:db8::", 80);
    assert_false(dns64_prefix_is_valid(&odd));
    resolver_prefix_t reserved = prefix_of("2001:db8:0:0:100::", 96);
    assert_false(dns64_prefix_is_valid(&reserved)); /* bits 64 to 71 */
}

static rrset_t rrset_of(arena_t *arena, uint16_t type, const uint8_t *data, size_t count, size_t size)
{
    rrset_t rrset;
    name_t owner = name_of("host.example.");
    assert_int_equal(rrset_make(&rrset, arena, owner.wire, type, 300, data, size), STATUS_OK);
    uint8_t *all = arena_alloc(arena, count * (2 + size));
    assert_non_null(all);
    for (size_t i = 0; i < count; i++) {
        all[i * (2 + size)] = 0;
        all[i * (2 + size) + 1] = (uint8_t)size;
        memcpy(all + i * (2 + size) + 2, data + i * size, size);
    }
    rrset.data = all;
    rrset.count = (uint16_t)count;
    rrset.data_size = (uint32_t)(count * (2 + size));
    return rrset;
}

static void an_rrset_is_made_for_each_prefix(void **state)
{
    (void)state;
    static const uint8_t a[] = {192, 0, 2, 1, 198, 51, 100, 7};
    const resolver_prefix_t prefixes[] = {prefix_of("64:ff9b::", 96), prefix_of("2001:db8:64::", 96)};
    resolver_settings_t settings = {.dns64 = prefixes, .dns64_count = 2};
    arena_t arena;
    arena_init(&arena, 4096, 1 << 20);
    rrset_t rrset = rrset_of(&arena, TYPE_A, a, 2, 4);
    rrset_t aaaa;
    assert_int_equal(dns64_make(&settings, &rrset, 60, &arena, &aaaa), STATUS_OK);
    assert_int_equal(aaaa.type, TYPE_AAAA);
    assert_int_equal(aaaa.count, 4);
    assert_int_equal(aaaa.ttl_s, 60);
    assert_int_equal(aaaa.data_size, 4 * 18);
    resolver_prefix_t last = prefix_of("2001:db8:64::198.51.100.7", 128);
    assert_memory_equal(aaaa.data + 3 * 18 + 2, last.address.bytes, 16);
    arena_clear(&arena);
}

static void excluded_addresses_are_left_out(void **state)
{
    (void)state;
    uint8_t aaaa[2][16] = {{0}};
    const resolver_prefix_t excluded[] = {prefix_of("2001:db8:bad::", 48)};
    resolver_settings_t settings = {.dns64_excluded = excluded, .dns64_excluded_count = 1};
    memcpy(aaaa[0], prefix_of("2001:db8:bad::1", 128).address.bytes, 16);
    memcpy(aaaa[1], prefix_of("2001:db8:600d::1", 128).address.bytes, 16);
    arena_t arena;
    arena_init(&arena, 4096, 1 << 20);
    rrset_t both = rrset_of(&arena, TYPE_AAAA, aaaa[0], 2, 16);
    rrset_t left;
    assert_true(dns64_has_excluded(&settings, &both));
    assert_int_equal(dns64_filter(&settings, &both, &arena, &left), STATUS_OK);
    assert_int_equal(left.count, 1);
    assert_memory_equal(left.data + 2, aaaa[1], 16);
    assert_false(dns64_has_excluded(&settings, &left));
    rrset_t bad = rrset_of(&arena, TYPE_AAAA, aaaa[0], 1, 16);
    assert_int_equal(dns64_filter(&settings, &bad, &arena, &left), STATUS_NOT_FOUND);
    arena_clear(&arena);
}

static void reverse_names_lead_to_ipv4(void **state)
{
    (void)state;
    const resolver_prefix_t prefixes[] = {prefix_of("64:ff9b::", 96)};
    resolver_settings_t settings = {.dns64 = prefixes, .dns64_count = 1};
    name_t reverse = name_of("1.2.2.0.0.0.0.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.");
    name_t expected = name_of("33.2.0.192.in-addr.arpa.");
    name_t target;
    assert_true(dns64_pointer(&settings, reverse.wire, &target));
    assert_true(name_equal(target.wire, expected.wire));
    static const char *const others[] = {
        "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
        "2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.",
        "1.2.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.example.",
        "1.2.2.0.0.0.0.g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa.",
        ".",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        name_t other = name_of(others[i]);
        assert_false(dns64_pointer(&settings, other.wire, &target));
    }
    settings.dns64_count = 0;
    assert_false(dns64_pointer(&settings, reverse.wire, &target));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_rfc),
        cmocka_unit_test(an_rrset_is_made_for_each_prefix),
        cmocka_unit_test(excluded_addresses_are_left_out),
        cmocka_unit_test(reverse_names_lead_to_ipv4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
