#include "dnssec/key.h"
#include "resolver/signal.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t root[NAME_PADDING] = {0};

static name_t name_of(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), root, NULL), STATUS_OK);
    return name;
}

static void add_ds(trust_anchors_t *anchors, const char *owner, uint16_t tag)
{
    uint8_t ds[4 + 32] = {(uint8_t)(tag >> 8), (uint8_t)tag, DNSSEC_ECDSAP256SHA256, DNSSEC_DIGEST_SHA256};
    name_t name = name_of(owner);
    assert_int_equal(trust_anchors_add(anchors, name.wire, TYPE_DS, ds, sizeof ds), STATUS_OK);
}

static void expect_name(const trust_anchors_t *anchors, const char *owner, const char *expected)
{
    name_t point = name_of(owner);
    name_t name;
    char text[NAME_TEXT_MAX];
    assert_true(signal_key_tags_name(trust_anchors_find(anchors, point.wire), &name));
    name_to_text(name.wire, text);
    assert_string_equal(text, expected);
}

/* The examples of RFC 8145 5.1. */
static void key_tags_make_a_name(void **state)
{
    (void)state;
    trust_anchors_t anchors;
    trust_anchors_init(&anchors);
    add_ds(&anchors, ".", 17476);
    add_ds(&anchors, "example.com.", 1589);
    add_ds(&anchors, "example.com.", 43547);
    add_ds(&anchors, "example.com.", 31406);
    expect_name(&anchors, ".", "_ta-4444.");
    expect_name(&anchors, "example.com.", "_ta-0635-7aae-aa1b.example.com.");
    for (uint16_t tag = 0; tag < 9; tag++) {
        add_ds(&anchors, "example.com.", tag);
    }
    name_t point = name_of("example.com.");
    name_t name;
    assert_true(signal_key_tags_name(trust_anchors_find(&anchors, point.wire), &name)); /* twelve: 63 octets */
    add_ds(&anchors, "example.com.", 99);
    assert_false(signal_key_tags_name(trust_anchors_find(&anchors, point.wire), &name));
    trust_anchors_clear(&anchors);
}

static void sentinels_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        sentinel_t expected;
    } rows[] = {
        {"root-key-sentinel-is-ta-20326.example.", TYPE_A, SENTINEL_AS_IT_IS},
        {"root-key-sentinel-is-ta-00042.example.", TYPE_AAAA, SENTINEL_FAILS},
        {"root-key-sentinel-not-ta-20326.example.", TYPE_AAAA, SENTINEL_FAILS},
        {"root-key-sentinel-not-ta-00042.example.", TYPE_A, SENTINEL_AS_IT_IS},
        {"root-key-sentinel-is-ta-20326.example.", TYPE_TXT, SENTINEL_NONE},
        {"root-key-sentinel-is-ta-42.example.", TYPE_A, SENTINEL_NONE},
        {"root-key-sentinel-is-ta-000042.example.", TYPE_A, SENTINEL_NONE},
        {"root-key-sentinel-is-ta-99999.example.", TYPE_A, SENTINEL_NONE},
        {"root-key-sentinel-is-ta-2032x.example.", TYPE_A, SENTINEL_NONE},
        {"www.root-key-sentinel-is-ta-00042.example.", TYPE_A, SENTINEL_NONE},
        {".", TYPE_A, SENTINEL_NONE},
    };
    trust_anchors_t anchors;
    trust_anchors_init(&anchors);
    assert_int_equal(trust_anchors_add_root(&anchors), STATUS_OK);
    add_ds(&anchors, "example.com.", 42); /* not of the root */
    const resolver_trust_t trust = {.anchors = &anchors};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        name_t name = name_of(rows[i].name);
        assert_int_equal(signal_sentinel(&trust, name.wire, rows[i].type), rows[i].expected);
    }
    trust_anchors_clear(&anchors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_tags_make_a_name),
        cmocka_unit_test(sentinels_follow_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
