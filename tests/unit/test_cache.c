/* The cache's rules, one by one. */
#include "../lib/cache_content.h"
#include "cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1700000000 };

typedef struct fixture {
    cache_t *cache;
    cache_reader_t reader;
    cache_entry_t entry;
    uint8_t buffer[CACHE_BUFFER_SIZE];
} fixture_t;

static int set_up(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->cache = content_cache(8 << 20);
    cache_reader_init(&f->reader, f->cache);
    f->entry.buffer = f->buffer;
    f->entry.capacity = sizeof f->buffer;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *f = *state;
    cache_free(f->cache);
    free(f);
    return 0;
}

/* What most tests put: one record, all else by default. */
typedef struct what {
    const char *name;
    uint16_t type;
    cache_kind_t kind;
    cache_rank_t rank;
    cache_security_t security;
    uint32_t ttl_s;
    uint64_t seed;
    uint32_t limit_s;
    bool from_child;
} what_t;

static status_t put(fixture_t *f, const what_t *what, uint32_t now_s)
{
    uint8_t data[64];
    content_name_t name = content_name(what->name);
    cache_rrset_t rrset = {.type = what->type, .count = 1, .ttl_s = what->ttl_s, .data = data};
    rrset.data_size = content_records(data, 1, 4, what->seed);
    cache_put_t put = {
        .question = content_question(&name, what->type),
        .kind = what->kind,
        .rank = what->rank,
        .security = what->security,
        .ttl_s = what->ttl_s,
        .expires_limit_s = what->limit_s,
        .is_from_child = what->from_child,
        .rrsets = &rrset,
        .rrset_count = 1,
    };
    return cache_put(f->cache, &put, now_s);
}

static status_t get(fixture_t *f, const char *text, uint16_t type, cache_kind_t kind, unsigned flags, uint32_t now_s)
{
    content_name_t name = content_name(text);
    cache_question_t question = content_question(&name, type);
    return cache_get(&f->reader, &question, kind, flags, now_s, &f->entry);
}

static uint64_t seed_of(fixture_t *f)
{
    cache_rrset_t rrset;
    cache_entry_rewind(&f->entry);
    assert_true(cache_entry_next(&f->entry, &rrset));
    for (uint64_t seed = 0; seed < 256; seed++) {
        uint8_t data[8];
        content_records(data, 1, 4, seed);
        if (memcmp(rrset.data, data, 6) == 0) {
            return seed;
        }
    }
    fail_msg("not a record that was put");
    return 0;
}

static void what_is_put_is_found(void **state)
{
    fixture_t *f = *state;
    uint8_t data[256];
    uint8_t signatures[256];
    uint8_t denial[64];
    content_name_t name = content_name("www.example.com");
    content_name_t zone = content_name("example.com");
    content_name_t owner = content_name("a.example.com");
    cache_rrset_t rrsets[2] = {
        {.type = TYPE_A, .count = 3, .signature_count = 2, .ttl_s = 300, .data = data, .signatures = signatures},
        {.owner = owner.wire, .type = TYPE_NSEC, .count = 1, .ttl_s = 100, .data = denial},
    };
    rrsets[0].data_size = content_records(data, 3, 4, 1);
    rrsets[0].signature_size = content_records(signatures, 2, 90, 2);
    rrsets[1].data_size = content_records(denial, 1, 20, 3);
    cache_put_t put = {
        .question = content_question(&name, TYPE_A),
        .rank = CACHE_RANK_ANSWER,
        .security = CACHE_SECURE,
        .info = 0xfffe,
        .ttl_s = 300,
        .zone = zone.wire,
        .rrsets = rrsets,
        .rrset_count = 2,
    };
    assert_int_equal(cache_put(f->cache, &put, NOW), STATUS_OK);
    assert_int_equal(get(f, "www.example.com", TYPE_A, CACHE_RRSET, 0, NOW + 50), STATUS_OK);
    assert_int_equal(f->entry.kind, CACHE_RRSET);
    assert_int_equal(f->entry.rank, CACHE_RANK_ANSWER);
    assert_int_equal(f->entry.security, CACHE_SECURE);
    assert_int_equal(f->entry.info, 0xfffe);
    assert_int_equal(f->entry.ttl_s, 250);
    assert_int_equal(f->entry.stored_s, NOW);
    assert_memory_equal(f->entry.name, name.wire, name.length);
    assert_memory_equal(f->entry.zone, zone.wire, zone.length);
    cache_rrset_t got;
    assert_true(cache_entry_next(&f->entry, &got));
    assert_int_equal(got.count, 3);
    assert_int_equal(got.signature_count, 2);
    assert_int_equal(got.ttl_s, 250);
    assert_memory_equal(got.data, data, rrsets[0].data_size);
    assert_memory_equal(got.signatures, signatures, rrsets[0].signature_size);
    assert_memory_equal(got.owner, name.wire, name.length);
    assert_true(cache_entry_next(&f->entry, &got));
    assert_int_equal(got.type, TYPE_NSEC);
    assert_int_equal(got.ttl_s, 50);
    assert_memory_equal(got.owner, owner.wire, owner.length);
    assert_memory_equal(got.data, denial, rrsets[1].data_size);
    assert_false(cache_entry_next(&f->entry, &got));
    f->entry.capacity = 100;
    assert_int_equal(get(f, "www.example.com", TYPE_A, CACHE_RRSET, 0, NOW), STATUS_NO_SPACE);
    assert_true(f->entry.size > 100 && f->entry.size < 400);
}

static void names_types_classes_and_kinds_are_apart(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(put(f, &(what_t){.name = "a.example", .type = TYPE_A, .ttl_s = 60, .seed = 1}, NOW), STATUS_OK);
    assert_int_equal(put(f, &(what_t){.name = "a.example", .type = TYPE_NS, .ttl_s = 60, .seed = 2}, NOW), STATUS_OK);
    assert_int_equal(put(f, &(what_t){.name = "a.example", .kind = CACHE_DELEGATION, .ttl_s = 60, .seed = 3}, NOW), STATUS_OK);
    assert_int_equal(put(f, &(what_t){.name = "a.example", .type = TYPE_A, .kind = CACHE_FAILURE, .ttl_s = 9, .seed = 4}, NOW), STATUS_OK);
    assert_int_equal(get(f, "a.example", TYPE_A, CACHE_RRSET, 0, NOW), STATUS_OK);
    assert_int_equal(seed_of(f), 1);
    assert_int_equal(get(f, "a.example", TYPE_NS, CACHE_RRSET, 0, NOW), STATUS_OK);
    assert_int_equal(seed_of(f), 2);
    assert_int_equal(get(f, "a.example", 0, CACHE_DELEGATION, 0, NOW), STATUS_OK);
    assert_int_equal(seed_of(f), 3);
    assert_int_equal(get(f, "a.example", TYPE_A, CACHE_FAILURE, 0, NOW), STATUS_OK);
    assert_int_equal(seed_of(f), 4);
    assert_int_equal(get(f, "a.example", TYPE_AAAA, CACHE_RRSET, 0, NOW), STATUS_NOT_FOUND);
    assert_int_equal(get(f, "b.example", TYPE_A, CACHE_RRSET, 0, NOW), STATUS_NOT_FOUND);
    assert_int_equal(get(f, "a.example", TYPE_A, CACHE_NXDOMAIN, 0, NOW), STATUS_NOT_FOUND);
    content_name_t name = content_name("a.example");
    cache_question_t chaos = content_question(&name, TYPE_A);
    chaos.rrclass = CLASS_CH;
    assert_int_equal(cache_get(&f->reader, &chaos, CACHE_RRSET, 0, NOW, &f->entry), STATUS_NOT_FOUND);
}

/* RFC 2181 5.4.1. */
static void higher_rank_stays_while_fresh(void **state)
{
    fixture_t *f = *state;
    for (unsigned old = 0; old < CACHE_RANKS; old++) {
        for (unsigned new = 0; new < CACHE_RANKS; new ++) {
            cache_flush_all(f->cache);
            assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .rank = old, .ttl_s = 60, .seed = 1}, NOW), STATUS_OK);
            assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .rank = new, .ttl_s = 60, .seed = 2}, NOW + 59),
                             new < old ? STATUS_EXISTS : STATUS_OK);
            assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, 0, NOW + 59), STATUS_OK);
            assert_int_equal(seed_of(f), new < old ? 1 : 2);
            assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .rank = new, .ttl_s = 60, .seed = 3}, NOW + 60), STATUS_OK);
        }
    }
}

static void security_is_what_the_put_says(void **state)
{
    fixture_t *f = *state;
    for (unsigned old = 0; old < CACHE_SECURITIES; old++) {
        for (unsigned new = 0; new < CACHE_SECURITIES; new ++) {
            cache_flush_all(f->cache);
            assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .security = old, .ttl_s = 60, .seed = 1}, NOW), STATUS_OK);
            bool stays = (new == CACHE_BOGUS &&old != CACHE_BOGUS) || (old == CACHE_SECURE && new == CACHE_INDETERMINATE);
            assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .security = new, .ttl_s = 60, .seed = 2}, NOW),
                             stays ? STATUS_EXISTS : STATUS_OK);
            assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, 0, NOW), STATUS_OK);
            assert_int_equal(f->entry.security, stays ? old : new);
        }
    }
}

static uint32_t life(fixture_t *f, cache_kind_t kind, cache_security_t security, uint32_t ttl_s, uint32_t limit_s)
{
    cache_flush_all(f->cache);
    what_t what = {.name = "x", .type = TYPE_A, .kind = kind, .security = security, .ttl_s = ttl_s, .limit_s = limit_s};
    status_t status = put(f, &what, NOW);
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_INVALID);
        return 0;
    }
    assert_int_equal(get(f, "x", TYPE_A, kind, 0, NOW), STATUS_OK);
    return f->entry.ttl_s;
}

static void lives_keep_within_the_settings(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(life(f, CACHE_RRSET, CACHE_INSECURE, 300, 0), 300);
    assert_int_equal(life(f, CACHE_RRSET, CACHE_INSECURE, 0, 0), 0);
    assert_int_equal(life(f, CACHE_RRSET, CACHE_INSECURE, UINT32_MAX, 0), 86400);
    assert_int_equal(life(f, CACHE_DELEGATION, CACHE_INSECURE, 172800, 0), 86400);
    assert_int_equal(life(f, CACHE_NODATA, CACHE_INSECURE, 86400, 0), 3600);
    assert_int_equal(life(f, CACHE_NXDOMAIN, CACHE_INSECURE, 86400, 0), 3600);
    assert_int_equal(life(f, CACHE_FAILURE, CACHE_INDETERMINATE, 86400, 0), 30);
    assert_int_equal(life(f, CACHE_RRSET, CACHE_BOGUS, 300, 0), 60);
    assert_int_equal(life(f, CACHE_RRSET, CACHE_SECURE, 300, NOW + 20), 20);
    assert_int_equal(life(f, CACHE_RRSET, CACHE_SECURE, 300, NOW), 0);
}

static void minimum_ttl_does_not_outlive_a_limit(void **state)
{
    fixture_t *f = *state;
    cache_settings_t settings;
    cache_free(f->cache);
    cache_settings_default(&settings);
    settings.ttl_min_s = 30;
    assert_int_equal(cache_new(&f->cache, &settings, NULL, NULL), STATUS_OK);
    cache_reader_init(&f->reader, f->cache);
    assert_int_equal(life(f, CACHE_RRSET, CACHE_INSECURE, 0, 0), 30);
    assert_int_equal(life(f, CACHE_RRSET, CACHE_SECURE, 0, NOW + 5), 5);
    cache_rrset_t rrset;
    assert_true(cache_entry_next(&f->entry, &rrset));
    assert_int_equal(rrset.ttl_s, 5);
}

/* RFC 8767. */
static void stale_entries_are_for_those_who_ask(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .ttl_s = 60, .seed = 5}, NOW), STATUS_OK);
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, 0, NOW + 60), STATUS_NOT_FOUND);
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, CACHE_STALE, NOW + 60), STATUS_OK);
    assert_true(f->entry.is_stale && f->entry.ttl_s == 0);
    assert_int_equal(seed_of(f), 5);
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, CACHE_STALE, NOW + 60 + 86400), STATUS_NOT_FOUND);
    /* RFC 9520: a failure leaves them alone */
    assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .kind = CACHE_FAILURE, .ttl_s = 5}, NOW + 61), STATUS_OK);
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, CACHE_STALE, NOW + 62), STATUS_OK);
}

/* A clock that was set back must not make entries live until it has caught up: as long again as they have, and no longer. */
static void a_clock_set_back_keeps_nothing_alive(void **state)
{
    enum { YEAR_S = 365 * 86400 };
    fixture_t *f = *state;
    assert_int_equal(put(f, &(what_t){.name = "x", .type = TYPE_A, .ttl_s = 60, .seed = 5}, NOW + YEAR_S), STATUS_OK);
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, 0, NOW + YEAR_S - 59), STATUS_OK);
    assert_int_equal(f->entry.ttl_s, 60); /* no longer life than it had */
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, 0, NOW + YEAR_S - 60), STATUS_NOT_FOUND);
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, 0, NOW), STATUS_NOT_FOUND);
    assert_int_equal(get(f, "x", TYPE_A, CACHE_RRSET, CACHE_STALE, NOW), STATUS_NOT_FOUND);
    /* Nor does it keep out what is learned now, though of a lower rank. */
    assert_int_equal(put(f, &(what_t){.name = "y", .type = TYPE_A, .rank = CACHE_RANK_ANSWER, .ttl_s = 60}, NOW + YEAR_S), STATUS_OK);
    assert_int_equal(put(f, &(what_t){.name = "y", .type = TYPE_A, .rank = CACHE_RANK_REFERRAL, .ttl_s = 60}, NOW), STATUS_OK);
    assert_int_equal(get(f, "y", TYPE_A, CACHE_RRSET, 0, NOW), STATUS_OK);
}

/* The Ghost and Phoenix attacks. */
static void a_child_never_prolongs_its_delegation(void **state)
{
    fixture_t *f = *state;
    what_t parent = {.name = "evil.example", .kind = CACHE_DELEGATION, .rank = CACHE_RANK_REFERRAL, .ttl_s = 100, .seed = 1};
    what_t child = {
        .name = "evil.example", .kind = CACHE_DELEGATION, .rank = CACHE_RANK_ANSWER, .ttl_s = 5000, .seed = 2, .from_child = true};
    assert_int_equal(put(f, &child, NOW), STATUS_INVALID);
    assert_int_equal(put(f, &parent, NOW), STATUS_OK);
    assert_int_equal(put(f, &child, NOW + 90), STATUS_OK);
    assert_int_equal(get(f, "evil.example", 0, CACHE_DELEGATION, 0, NOW + 90), STATUS_OK);
    assert_int_equal(f->entry.ttl_s, 10);
    assert_int_equal(put(f, &child, NOW + 99), STATUS_OK);
    assert_int_equal(get(f, "evil.example", 0, CACHE_DELEGATION, 0, NOW + 100), STATUS_NOT_FOUND);
    assert_int_equal(put(f, &child, NOW + 100), STATUS_INVALID);
    /* the child's own NS RRset is another thing */
    assert_int_equal(put(f, &(what_t){.name = "evil.example", .type = TYPE_NS, .rank = CACHE_RANK_ANSWER, .ttl_s = 5000}, NOW), STATUS_OK);
    assert_int_equal(get(f, "evil.example", 0, CACHE_DELEGATION, 0, NOW + 100), STATUS_NOT_FOUND);
}

static status_t find_above(fixture_t *f, const char *text, cache_kind_t kind, uint32_t now_s)
{
    content_name_t name = content_name(text);
    cache_question_t question = content_question(&name, TYPE_A);
    return cache_find_above(&f->reader, &question, kind, now_s, &f->entry);
}

static void the_deepest_delegation_is_found(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(find_above(f, "www.a.b.example", CACHE_DELEGATION, NOW), STATUS_NOT_FOUND);
    assert_int_equal(put(f, &(what_t){.name = "", .kind = CACHE_DELEGATION, .ttl_s = 600, .seed = 1}, NOW), STATUS_OK);
    assert_int_equal(put(f, &(what_t){.name = "example", .kind = CACHE_DELEGATION, .ttl_s = 600, .seed = 2}, NOW), STATUS_OK);
    assert_int_equal(put(f, &(what_t){.name = "a.b.example", .kind = CACHE_DELEGATION, .ttl_s = 60, .seed = 3}, NOW), STATUS_OK);
    assert_int_equal(find_above(f, "www.a.b.example", CACHE_DELEGATION, NOW), STATUS_OK);
    assert_int_equal(seed_of(f), 3);
    assert_int_equal(f->entry.name_length, content_name("a.b.example").length);
    assert_int_equal(find_above(f, "a.b.example", CACHE_DELEGATION, NOW), STATUS_OK);
    assert_int_equal(seed_of(f), 3);
    assert_int_equal(find_above(f, "www.a.b.example", CACHE_DELEGATION, NOW + 60), STATUS_OK);
    assert_int_equal(seed_of(f), 2);
    assert_int_equal(find_above(f, "com", CACHE_DELEGATION, NOW), STATUS_OK);
    assert_int_equal(seed_of(f), 1);
    assert_int_equal(f->entry.name_length, 1);
}

/* RFC 8020. */
static void what_is_below_a_missing_name_is_missing(void **state)
{
    fixture_t *f = *state;
    assert_int_equal(put(f, &(what_t){.name = "gone.example", .kind = CACHE_NXDOMAIN, .ttl_s = 600, .seed = 1}, NOW), STATUS_OK);
    assert_int_equal(find_above(f, "x.y.gone.example", CACHE_NXDOMAIN, NOW), STATUS_OK);
    assert_int_equal(find_above(f, "gone.example", CACHE_NXDOMAIN, NOW), STATUS_OK);
    assert_int_equal(find_above(f, "notgone.example", CACHE_NXDOMAIN, NOW), STATUS_NOT_FOUND);
    assert_int_equal(put(f, &(what_t){.name = "gone.example", .type = TYPE_A, .ttl_s = 600, .seed = 1}, NOW), STATUS_OK);
    assert_int_equal(find_above(f, "x.y.gone.example", CACHE_NXDOMAIN, NOW), STATUS_NOT_FOUND);
}

static void flushing_takes_what_it_says(void **state)
{
    fixture_t *f = *state;
    static const char *const names[] = {"example", "a.example", "b.a.example", "ba.example", "xexample", ""};
    uint8_t message[512];
    for (unsigned i = 0; i < 6; i++) {
        content_name_t name = content_name(names[i]);
        cache_answer_put_t answer = {.question = content_question(&name, TYPE_A), .message = message, .ttl_limit_s = 60};
        answer.size = content_message(message, &name, 1, 60, 1);
        assert_int_equal(put(f, &(what_t){.name = names[i], .type = TYPE_A, .ttl_s = 60}, NOW), STATUS_OK);
        assert_int_equal(put(f, &(what_t){.name = names[i], .type = TYPE_MX, .ttl_s = 60}, NOW), STATUS_OK);
        assert_int_equal(cache_answer_put(f->cache, &answer, NOW), STATUS_OK);
    }
    content_name_t name = content_name("a.example");
    assert_int_equal(cache_flush_name(f->cache, name.wire, CLASS_CH), 0);
    assert_int_equal(cache_flush_name(f->cache, name.wire, CLASS_IN), 3);
    assert_int_equal(cache_flush_subtree(f->cache, name.wire, 0), 3);
    assert_int_equal(get(f, "ba.example", TYPE_A, CACHE_RRSET, 0, NOW), STATUS_OK);
    name = content_name("example");
    assert_int_equal(cache_flush_subtree(f->cache, name.wire, 0), 6);
    assert_int_equal(get(f, "xexample", TYPE_MX, CACHE_RRSET, 0, NOW), STATUS_OK);
    assert_int_equal(cache_flush_all(f->cache), 6);
    cache_statistics_t statistics;
    cache_statistics(f->cache, &statistics);
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        assert_int_equal(statistics.entries[kind] + statistics.bytes[kind], 0);
    }
    assert_int_equal(statistics.puts, 18);
}

static void iteration_sees_everything_once(void **state)
{
    fixture_t *f = *state;
    enum { COUNT = 1000 };
    uint8_t seen[COUNT] = {0};
    for (unsigned i = 0; i < COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "n%u.example", i);
        assert_int_equal(put(f, &(what_t){.name = text, .type = TYPE_A, .ttl_s = 60}, NOW), STATUS_OK);
    }
    uint64_t cursor = 0;
    while (cache_iterate(&f->reader, &cursor, NOW, &f->entry) == STATUS_OK) {
        char text[64] = {0};
        memcpy(text, f->entry.name + 2, f->entry.name[0] - 1u);
        seen[strtoul(text, NULL, 10)]++;
    }
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(seen[i], 1);
    }
}

static void a_walk_over_one_name_sees_all_of_it(void **state)
{
    fixture_t *f = *state;
    static const what_t items[] = {
        {.name = "a.example", .type = TYPE_NS, .kind = CACHE_DELEGATION, .ttl_s = 60},
        {.name = "a.example", .type = TYPE_A, .kind = CACHE_FAILURE, .ttl_s = 5},
        {.name = "a.example", .type = TYPE_TXT, .kind = CACHE_NODATA, .ttl_s = 60},
        {.name = "a.example", .type = 0, .kind = CACHE_NXDOMAIN, .ttl_s = 60}, /* last: data would make the name exist again */
        {.name = "a.example", .type = 65535, .kind = CACHE_FAILURE, .ttl_s = 5},
        {.name = "b.example", .type = TYPE_A, .ttl_s = 60},
        {.name = "b.a.example", .type = TYPE_A, .ttl_s = 60},
    };
    enum { OWN = 5 };
    uint8_t message[512];
    content_name_t name = content_name("a.example");
    cache_question_t question = content_question(&name, TYPE_A);
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        assert_int_equal(put(f, &items[i], NOW), STATUS_OK);
    }
    cache_answer_put_t answer = {.question = question, .variant = CACHE_ANSWER_DO | CACHE_ANSWER_CD, .message = message, .ttl_limit_s = 60};
    answer.size = content_message(message, &name, 1, 60, 1);
    assert_int_equal(cache_answer_put(f->cache, &answer, NOW), STATUS_OK);
    uint64_t cursor = 0;
    unsigned seen[CACHE_KINDS] = {0};
    unsigned count = 0;
    uint16_t before = 0;
    for (; cache_iterate_name(&f->reader, &question, &cursor, NOW + 10, &f->entry) == STATUS_OK; count++) {
        assert_memory_equal(f->entry.name, name.wire, name.length);
        assert_int_equal(f->entry.is_stale, f->entry.kind == CACHE_FAILURE);
        assert_true(count < 2 || f->entry.type >= before);
        before = f->entry.type;
        seen[f->entry.kind]++;
        if (f->entry.kind == CACHE_ANSWER) {
            assert_int_equal(f->entry.variant, answer.variant);
        }
    }
    assert_int_equal(count, OWN + 1);
    assert_int_equal(seen[CACHE_DELEGATION], 1);
    assert_int_equal(seen[CACHE_NXDOMAIN], 1);
    assert_int_equal(seen[CACHE_FAILURE], 2);
    assert_int_equal(seen[CACHE_NODATA], 1);
    assert_int_equal(seen[CACHE_ANSWER], 1);
    assert_int_equal(f->reader.counts[CACHE_COUNT_MISSES], 0); /* looking is no use */
}

static void values_out_of_range_are_refused(void **state)
{
    fixture_t *f = *state;
    uint8_t *data = calloc(1, 70000);
    content_name_t name = content_name("big.example");
    cache_rrset_t rrsets[2] = {{.type = TYPE_TXT, .count = 1, .ttl_s = 60, .data = data}, {.type = TYPE_TXT, .ttl_s = 60, .data = data}};
    cache_put_t put = {.question = content_question(&name, TYPE_TXT), .ttl_s = 60, .rrsets = rrsets, .rrset_count = 1};
    size_t most = cache_value_max(f->cache);
    assert_true(most > 60000);
    store_be16(data, (uint16_t)(most - 16));
    rrsets[0].data_size = most - 14; /* a length of no owner, 13 bytes of head */
    assert_int_equal(cache_put(f->cache, &put, NOW), STATUS_OK);
    assert_int_equal(get(f, "big.example", TYPE_TXT, CACHE_RRSET, 0, NOW), STATUS_OK);
    cache_rrset_t got;
    assert_true(cache_entry_next(&f->entry, &got));
    assert_int_equal(got.data_size, most - 14);
    rrsets[0].data_size = most - 13;
    assert_int_equal(cache_put(f->cache, &put, NOW), STATUS_LIMIT);
    rrsets[0].data_size = 40000;
    rrsets[1].data_size = 40000;
    put.rrset_count = 2;
    assert_int_equal(cache_put(f->cache, &put, NOW), STATUS_LIMIT);
    put.rrset_count = 0;
    assert_int_equal(cache_put(f->cache, &put, NOW), STATUS_INVALID);
    free(data);
}

int main(void)
{
#define CASE(function_) cmocka_unit_test_setup_teardown(function_, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_is_put_is_found),
        CASE(names_types_classes_and_kinds_are_apart),
        CASE(higher_rank_stays_while_fresh),
        CASE(security_is_what_the_put_says),
        CASE(lives_keep_within_the_settings),
        CASE(minimum_ttl_does_not_outlive_a_limit),
        CASE(stale_entries_are_for_those_who_ask),
        CASE(a_clock_set_back_keeps_nothing_alive),
        CASE(a_child_never_prolongs_its_delegation),
        CASE(the_deepest_delegation_is_found),
        CASE(what_is_below_a_missing_name_is_missing),
        CASE(flushing_takes_what_it_says),
        CASE(iteration_sees_everything_once),
        CASE(a_walk_over_one_name_sees_all_of_it),
        CASE(values_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
