#include "base/require.h"
#include "zone/set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_name(zone_slot_t *slot, const char *text)
{
    assert_int_equal(name_from_text(&slot->name, text, strlen(text), NULL, NULL), STATUS_OK);
}

static name_key_t key_of(const char *text)
{
    name_t name;
    name_key_t key;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    name_key_init(&key, name.wire, name.length);
    return key;
}

static const zone_slot_t *find(const zone_set_t *set, const char *text)
{
    name_key_t key = key_of(text);
    return zone_set_find(set, &key, key.labels);
}

static void an_empty_set_finds_nothing(void **state)
{
    (void)state;
    zone_set_t *set;
    assert_int_equal(zone_set_new(NULL, 0, &set), STATUS_OK);
    assert_int_equal(zone_set_count(set), 0);
    assert_null(find(set, "."));
    assert_null(find(set, "www.example.com."));
    assert_null(zone_set_get(set, (const uint8_t *)""));
    zone_set_free(set);
}

static void the_longest_apex_wins(void **state)
{
    (void)state;
    static const char *const names[] = {"example.com.", "sub.deep.example.com.", "com.", "example.net.", "1.0.0.127.in-addr.arpa."};
    zone_slot_t slots[ARRAY_SIZE(names)] = {0};
    zone_slot_t *pointers[ARRAY_SIZE(names)];
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        set_name(&slots[i], names[i]);
        pointers[i] = &slots[i];
    }
    zone_set_t *set;
    assert_int_equal(zone_set_new(pointers, ARRAY_SIZE(names), &set), STATUS_OK);
    assert_int_equal(zone_set_count(set), ARRAY_SIZE(names));
    assert_ptr_equal(zone_set_at(set, 3), &slots[3]);
    assert_ptr_equal(find(set, "example.com."), &slots[0]);
    assert_ptr_equal(find(set, "WWW.Example.COM."), &slots[0]);
    assert_ptr_equal(find(set, "deep.example.com."), &slots[0]);
    assert_ptr_equal(find(set, "a.b.sub.deep.example.com."), &slots[1]);
    assert_ptr_equal(find(set, "other.com."), &slots[2]);
    assert_ptr_equal(find(set, "1.0.0.127.in-addr.arpa."), &slots[4]);
    assert_null(find(set, "2.0.0.127.in-addr.arpa."));
    assert_null(find(set, "."));
    assert_null(find(set, "net."));
    assert_null(find(set, "xexample.net."));
    /* The parent side of an apex. */
    name_key_t key = key_of("sub.deep.example.com.");
    assert_ptr_equal(zone_set_find(set, &key, 4), &slots[1]);
    assert_ptr_equal(zone_set_find(set, &key, 3), &slots[0]);
    assert_ptr_equal(zone_set_find(set, &key, 1), &slots[2]);
    assert_null(zone_set_find(set, &key, 0));
    name_key_t upper = key_of("EXAMPLE.net.");
    assert_ptr_equal(zone_set_get(set, upper.wire), &slots[3]);
    assert_null(zone_set_get(set, key.wire + key.offset[3]));
    zone_set_free(set);
}

static void the_root_holds_everything_else(void **state)
{
    (void)state;
    zone_slot_t root = {0};
    zone_slot_t deep = {0};
    set_name(&root, ".");
    char text[NAME_TEXT_MAX] = "";
    for (unsigned i = 0; i < NAME_LABELS_MAX; i++) {
        memcpy(text + 2 * (size_t)i, "a.", 3);
    }
    set_name(&deep, text);
    assert_int_equal(deep.name.labels, NAME_LABELS_MAX);
    zone_slot_t *pointers[] = {&root, &deep};
    zone_set_t *set;
    assert_int_equal(zone_set_new(pointers, 2, &set), STATUS_OK);
    assert_ptr_equal(find(set, text), &deep);
    assert_ptr_equal(find(set, text + 2), &root);
    assert_ptr_equal(find(set, "."), &root);
    name_key_t key = key_of(text);
    assert_ptr_equal(zone_set_find(set, &key, NAME_LABELS_MAX - 1), &root);
    assert_ptr_equal(zone_set_find(set, &key, 0), &root);
    zone_set_free(set);
}

static void one_name_stands_once(void **state)
{
    (void)state;
    zone_slot_t one = {0};
    zone_slot_t two = {0};
    set_name(&one, "example.");
    set_name(&two, "example.");
    zone_slot_t *pointers[] = {&one, &two};
    zone_set_t *set = NULL;
    assert_int_equal(zone_set_new(pointers, 2, &set), STATUS_EXISTS);
    assert_null(set);
}

static void very_many_zones(void **state)
{
    (void)state;
    enum { ZONES = 100000 };
    zone_slot_t *slots = calloc(ZONES, sizeof *slots);
    zone_slot_t **pointers = calloc(ZONES, sizeof(zone_slot_t *));
    assert_non_null(slots);
    assert_non_null(pointers);
    char text[64];
    for (unsigned i = 0; i < ZONES; i++) {
        snprintf(text, sizeof text, i % 4 ? "zone%u.example." : "zone%u.co.example.", i);
        set_name(&slots[i], text);
        pointers[i] = &slots[i];
    }
    zone_set_t *set;
    assert_int_equal(zone_set_new(pointers, ZONES, &set), STATUS_OK);
    for (unsigned i = 0; i < ZONES; i++) {
        snprintf(text, sizeof text, i % 4 ? "www.zone%u.example." : "www.zone%u.co.example.", i);
        assert_ptr_equal(find(set, text), &slots[i]);
        snprintf(text, sizeof text, i % 4 ? "www.zone%u.co.example." : "www.zone%u.example.", i);
        assert_null(find(set, text));
    }
    zone_set_free(set);
    free(pointers);
    free(slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_finds_nothing),
        cmocka_unit_test(the_longest_apex_wins),
        cmocka_unit_test(the_root_holds_everything_else),
        cmocka_unit_test(one_name_stands_once),
        cmocka_unit_test(very_many_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
