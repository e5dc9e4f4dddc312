/* What the keeper of trust is made of: state files, negative anchors as data and as text, generations of trust and what differs. */
#include "server/negative_anchors.h"
#include "server/state_file.h"
#include "server/trust_set.h"
#include "wire/rrtype.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW_S = 1800000000, WEEK_S = 7 * 86400 };

static name_t name_of(const char *text)
{
    name_t name;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    return name;
}

/* ---- state files ---- */

static void expect_content(const state_file_t *file, const char *text)
{
    buffer_t content;
    buffer_init(&content, 100);
    assert_int_equal(state_file_read(file, &content), STATUS_OK);
    assert_string_equal(buffer_text(&content), text);
    buffer_clear(&content);
}

static void files_are_replaced_as_a_whole(void **state)
{
    (void)state;
    char parent[] = "/tmp/portolan-state-XXXXXX";
    char directory[64], path[96], other[96];
    struct stat there;
    buffer_t content;
    assert_non_null(mkdtemp(parent));
    snprintf(directory, sizeof directory, "%s/state", parent);
    snprintf(path, sizeof path, "%s/file", directory);
    snprintf(other, sizeof other, "%s/file.bad", directory);
    const state_file_t file = {.directory = directory, .name = "file"};
    buffer_init(&content, 100);
    assert_int_equal(state_file_read(&file, &content), STATUS_NOT_FOUND);
    assert_int_equal(state_file_write(&file, "one", 3), STATUS_OK); /* makes the directory */
    expect_content(&file, "one");
    assert_int_equal(stat(path, &there), 0);
    assert_int_equal(there.st_mode & 0777 & ~0640, 0);
    ino_t before = there.st_ino;
    assert_int_equal(state_file_write(&file, "twofold", 7), STATUS_OK);
    expect_content(&file, "twofold");
    assert_int_equal(stat(path, &there), 0);
    assert_int_not_equal(there.st_ino, before); /* never the old file with half of the new content */
    buffer_t small;
    buffer_init(&small, 4);
    assert_int_equal(state_file_read(&file, &small), STATUS_NO_SPACE);
    buffer_clear(&small);
    assert_int_equal(state_file_set_aside(&file), STATUS_OK);
    assert_int_equal(state_file_read(&file, &content), STATUS_NOT_FOUND);
    assert_int_equal(stat(other, &there), 0);
    assert_int_equal(symlink("file.bad", path), 0);
    assert_int_equal(state_file_read(&file, &content), STATUS_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(state_file_read(&file, &content), STATUS_INVALID); /* and nobody waits for a writer */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(rmdir(parent), 0);
    assert_int_equal(state_file_write(&file, "x", 1), STATUS_NOT_FOUND); /* no more than the last part is made */
    buffer_clear(&content);
}

/* ---- negative anchors ---- */

static void negative_anchors_are_sorted_and_end(void **state)
{
    (void)state;
    static const char *const names[] = {"b.example.", "A.example.", "example.", "z.a.example."};
    static const char *const sorted[] = {"example.", "a.example.", "z.a.example.", "b.example."};
    negative_anchors_t anchors;
    timed_anchor_t gone;
    negative_anchors_init(&anchors);
    assert_int_equal(negative_anchors_deadline(&anchors), UINT64_MAX);
    for (unsigned i = 0; i < 4; i++) {
        name_t name = name_of(names[i]);
        assert_int_equal(negative_anchors_add(&anchors, &name, NOW_S, 100 * (i + 1)), STATUS_OK);
        assert_int_equal(negative_anchors_add(&anchors, &name, NOW_S, 100 * (i + 1)), STATUS_OK);
    }
    assert_int_equal(anchors.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        name_t name = name_of(sorted[i]);
        assert_memory_equal(anchors.items[i].name.wire, name.wire, name.length); /* in lower case */
    }
    assert_int_equal(negative_anchors_deadline(&anchors), NOW_S + 100);
    assert_false(negative_anchors_expire(&anchors, NOW_S + 99, &gone));
    assert_true(negative_anchors_expire(&anchors, NOW_S + 200, &gone));
    assert_true(negative_anchors_expire(&anchors, NOW_S + 200, &gone));
    assert_false(negative_anchors_expire(&anchors, NOW_S + 200, &gone));
    name_t name = name_of("example.");
    assert_int_equal(negative_anchors_remove(&anchors, name.wire), STATUS_OK);
    assert_int_equal(negative_anchors_remove(&anchors, name.wire), STATUS_NOT_FOUND);
    assert_int_equal(anchors.count, 1);
    negative_anchors_clear(&anchors);
}

static void negative_anchors_have_limits(void **state)
{
    (void)state;
    negative_anchors_t anchors;
    negative_anchors_init(&anchors);
    name_t name = name_of("example.");
    assert_int_equal(negative_anchors_add(&anchors, &name, NOW_S, 0), STATUS_INVALID);
    assert_int_equal(negative_anchors_add(&anchors, &name, NOW_S, WEEK_S + 1), STATUS_INVALID);
    for (unsigned i = 0; i < NEGATIVE_ANCHORS_MAX; i++) {
        char text[32];
        snprintf(text, sizeof text, "n%u.example.", i);
        name = name_of(text);
        assert_int_equal(negative_anchors_add(&anchors, &name, NOW_S, WEEK_S), STATUS_OK);
    }
    name = name_of("one-more.example.");
    assert_int_equal(negative_anchors_add(&anchors, &name, NOW_S, 1), STATUS_LIMIT);
    negative_anchors_clear(&anchors);
}

static void negative_anchors_survive_as_text(void **state)
{
    (void)state;
    static const char *const names[] = {"a\\.b\\032c.example.", ".", "x.example."};
    negative_anchors_t anchors, again;
    buffer_t text, second;
    unsigned line;
    negative_anchors_init(&anchors);
    negative_anchors_init(&again);
    buffer_init(&text, NEGATIVE_ANCHORS_TEXT_MAX);
    buffer_init(&second, NEGATIVE_ANCHORS_TEXT_MAX);
    for (unsigned i = 0; i < 3; i++) {
        name_t name = name_of(names[i]);
        assert_int_equal(negative_anchors_add(&anchors, &name, NOW_S + i, 1000), STATUS_OK);
    }
    negative_anchors_write(&anchors, &text);
    assert_int_equal(negative_anchors_read(&again, buffer_text(&text), text.size, &line), STATUS_OK);
    negative_anchors_write(&again, &second);
    assert_string_equal(buffer_text(&text), buffer_text(&second));
    negative_anchors_clear(&again);
    for (size_t length = 0; length < text.size - 1; length++) { /* cut short; the last newline is not missed */
        assert_int_equal(negative_anchors_read(&again, buffer_text(&text), length, &line), STATUS_MALFORMED);
        assert_int_equal(again.count, 0);
    }
    negative_anchors_clear(&anchors);
    buffer_clear(&text);
    buffer_clear(&second);
}

static void damaged_negative_anchors_are_not_taken(void **state)
{
    (void)state;
#define HEAD "portolan-negative-trust-anchors 1\n"
    static const char *const texts[] = {
        "",
        "\n",
        "portolan-negative-trust-anchors 2\nend\n",
        HEAD "end\nend\n",
        HEAD "end\n\n",
        HEAD "anchor x. since=1 until=2\n",
        HEAD "anchor x. since=1 until=1\nend\n",
        HEAD "anchor x. since=2 until=1\nend\n",
        HEAD "anchor x. since=1 until=700000\nend\n",
        HEAD "anchor x. since=1 until=2 \nend\n",
        HEAD "anchor x. since= until=2\nend\n",
        HEAD "anchor x. since=-1 until=2\nend\n",
        HEAD "anchor x. since=18446744073709551617 until=18446744073709551618\nend\n",
        HEAD "anchor x..y. since=1 until=2\nend\n",
        HEAD "anchor  since=1 until=2\nend\n",
        HEAD "anchor x.\nend\n",
        HEAD "anchors x. since=1 until=2\nend\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        negative_anchors_t anchors;
        unsigned line;
        negative_anchors_init(&anchors);
        assert_int_equal(negative_anchors_read(&anchors, texts[i], strlen(texts[i]), &line), STATUS_MALFORMED);
        assert_int_equal(anchors.count, 0);
    }
#undef HEAD
}

/* ---- generations ---- */

static trust_set_t *make_set(const char *anchors, const char *negative, uint64_t until_s)
{
    trust_anchors_t configured;
    trust_anchor_error_t error;
    negative_anchors_t none;
    negative_anchor_t anchor;
    trust_set_t *set;
    trust_anchors_init(&configured);
    negative_anchors_init(&none);
    assert_int_equal(trust_anchors_parse(&configured, anchors, strlen(anchors), &error), STATUS_OK);
    recursion_settings_t settings = {.anchors = &configured, .negative = &anchor};
    if (negative) {
        anchor = (negative_anchor_t){.name = name_of(negative), .until_s = until_s};
        settings.negative_count = 1;
    }
    assert_int_equal(trust_set_new(&settings, NULL, &none, &set), STATUS_OK);
    trust_anchors_clear(&configured);
    return set;
}

static trust_changes_t compare(trust_set_t *before, trust_set_t *after)
{
    trust_changes_t changes;
    trust_set_compare(before, after, &changes);
    trust_set_free(before);
    trust_set_free(after);
    return changes;
}

#define DIGEST "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
#define ONE    ". DS 1 8 2 " DIGEST "\n"
#define TWO    ". DS 2 8 2 " DIGEST "\n"
#define BELOW  "a.example. DS 3 8 2 " DIGEST "\n"

static void changes_name_what_must_be_forgotten(void **state)
{
    (void)state;
    trust_changes_t changes = compare(make_set(ONE, NULL, 0), make_set(ONE, NULL, 0));
    assert_false(changes.any);
    changes = compare(make_set(ONE, NULL, 0), make_set(ONE TWO, NULL, 0)); /* only more */
    assert_true(changes.any && changes.count == 0);
    changes = compare(make_set(ONE TWO, NULL, 0), make_set(TWO, NULL, 0));
    assert_true(changes.any && changes.count == 1 && changes.names[0].length == 1);
    changes = compare(make_set(ONE, NULL, 0), make_set(ONE BELOW, NULL, 0));
    assert_true(changes.any && changes.count == 1 && changes.names[0].labels == 2);
    changes = compare(make_set(ONE BELOW, NULL, 0), make_set(ONE, NULL, 0));
    assert_true(changes.any && changes.count == 1 && changes.names[0].labels == 2);
    changes = compare(make_set(ONE, "b.example.", 0), make_set(ONE, NULL, 0));
    assert_true(changes.any && changes.count == 1 && changes.names[0].labels == 2);
    changes = compare(make_set(ONE, NULL, 0), make_set(ONE, "b.example.", 7));
    assert_true(changes.any && changes.count == 1);
    changes = compare(make_set(ONE, "b.example.", 8), make_set(ONE, "b.example.", 7));
    assert_true(changes.any && changes.count == 0);
    changes = compare(make_set(ONE, "b.example.", 7), make_set(ONE, "B.Example.", 7));
    assert_false(changes.any);
    changes = compare(make_set(TWO, "b.example.", 7), make_set(ONE, NULL, 0)); /* within what is forgotten anyway */
    assert_true(changes.any && changes.count == 1 && !changes.is_too_many);
    changes = compare(NULL, make_set(ONE, "b.example.", 7));
    assert_true(changes.any && changes.count == 0);
}

static void many_changes_are_one(void **state)
{
    (void)state;
    char all[(TRUST_CHANGES_MAX + 1) * 128] = "";
    size_t length = 0;
    for (unsigned i = 0; i <= TRUST_CHANGES_MAX; i++) {
        length += (size_t)snprintf(all + length, sizeof all - length, "n%u.example. DS 3 8 2 " DIGEST "\n", i);
    }
    trust_changes_t changes = compare(make_set(all, NULL, 0), make_set("", NULL, 0));
    assert_true(changes.any && changes.is_too_many);
}

static void usable_anchors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_usable;
    } cases[] = {{"", false}, {ONE, true}, {". DS 1 8 200 " DIGEST "\n", false}, {". DS 1 200 2 " DIGEST "\n", false}, {TWO BELOW, true}};
    dnssec_policy_t policy;
    dnssec_policy_init(&policy);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trust_set_t *set = make_set(cases[i].text, NULL, 0);
        assert_int_equal(trust_set_is_usable(set, &policy), cases[i].is_usable);
        trust_set_free(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_replaced_as_a_whole),
        cmocka_unit_test(negative_anchors_are_sorted_and_end),
        cmocka_unit_test(negative_anchors_have_limits),
        cmocka_unit_test(negative_anchors_survive_as_text),
        cmocka_unit_test(damaged_negative_anchors_are_not_taken),
        cmocka_unit_test(changes_name_what_must_be_forgotten),
        cmocka_unit_test(many_changes_are_one),
        cmocka_unit_test(usable_anchors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
