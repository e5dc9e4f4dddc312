/* A cache in a mapping that outlives it: taken over, refused, damaged, and left in the middle of a change. */
#include "../lib/cache_content.h"
#include "../lib/random.h"
#include "cache/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1700000000, NAMES = 1500, BUDGET = 2 << 20 };

typedef struct file {
    uint8_t *memory;
    cache_settings_t settings;
    cache_t *cache;
    cache_reader_t reader;
    cache_entry_t entry;
    uint8_t buffer[CACHE_BUFFER_SIZE];
} file_t;

static status_t begin(file_t *f)
{
    status_t found = STATUS_OK;
    assert_int_equal(cache_new(&f->cache, &f->settings, f->memory, &found), STATUS_OK);
    cache_reader_init(&f->reader, f->cache);
    return found;
}

static void put_all(file_t *f)
{
    uint8_t data[1024];
    for (unsigned i = 0; i < NAMES; i++) {
        content_name_t name = content_host("n", i);
        cache_rrset_t rrset = {.type = TYPE_A, .count = 3, .ttl_s = 600, .data = data};
        rrset.data_size = content_records(data, 3, 4, i);
        cache_put_t put = {.question = content_question(&name, TYPE_A), .ttl_s = 600, .rrsets = &rrset, .rrset_count = 1};
        assert_int_equal(cache_put(f->cache, &put, NOW), STATUS_OK);
        cache_answer_put_t answer = {.question = put.question, .message = data, .ttl_limit_s = 600};
        answer.size = content_message(data, &name, 2, 600, (uint8_t)i);
        assert_int_equal(cache_answer_put(f->cache, &answer, NOW), STATUS_OK);
    }
}

/* How many of what was put are there; whatever is there must be right. */
static unsigned count_right(file_t *f)
{
    unsigned right = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t data[64];
        uint8_t request[128];
        uint8_t out[256];
        uint8_t message[256];
        content_name_t name = content_host("n", i);
        cache_question_t question = content_question(&name, TYPE_A);
        cache_rrset_t rrset;
        if (cache_get(&f->reader, &question, CACHE_RRSET, 0, NOW, &f->entry) == STATUS_OK) {
            assert_true(cache_entry_next(&f->entry, &rrset));
            assert_int_equal(rrset.data_size, content_records(data, 3, 4, i));
            assert_memory_equal(rrset.data, data, rrset.data_size);
            right++;
        }
        content_request(request, &name, 0x1234);
        cache_answer_get_t get = {.question = question, .request = request, .flags_keep = 0xffff, .out = out, .capacity = sizeof out};
        if (cache_answer_get(&f->reader, &get, NOW) == STATUS_OK) {
            assert_int_equal(get.size, content_message(message, &name, 2, 600, (uint8_t)i));
            assert_memory_equal(out, message, get.size);
            right++;
        }
    }
    return right;
}

static int set_up(void **state)
{
    file_t *f = calloc(1, sizeof *f);
    f->memory = aligned_alloc(CACHE_PAGE, BUDGET);
    assert_non_null(f->memory);
    memset(f->memory, 0, BUDGET);
    cache_settings_default(&f->settings);
    f->settings.budget_bytes = BUDGET;
    f->settings.key = (siphash_key_t){1, 2};
    f->entry.buffer = f->buffer;
    f->entry.capacity = sizeof f->buffer;
    *state = f;
    assert_int_equal(begin(f), STATUS_NOT_FOUND);
    put_all(f);
    return 0;
}

static int tear_down(void **state)
{
    file_t *f = *state;
    cache_free(f->cache);
    free(f->memory);
    free(f);
    return 0;
}

static void content_survives_a_restart(void **state)
{
    file_t *f = *state;
    unsigned before = count_right(f);
    assert_true(before > NAMES);
    for (unsigned run = 0; run < 3; run++) {
        cache_free(f->cache);
        f->settings.key = (siphash_key_t){run, 99}; /* the file's counts */
        assert_int_equal(begin(f), STATUS_OK);
        assert_int_equal(count_right(f), before);
    }
    put_all(f);
    assert_true(count_right(f) > NAMES);
    cache_statistics_t statistics;
    cache_statistics(f->cache, &statistics);
    assert_int_equal(statistics.damaged, 0);
}

static void other_files_are_refused(void **state)
{
    file_t *f = *state;
    static const struct {
        size_t offset;
        status_t expected;
    } cases[] = {
        {offsetof(cache_file_header_t, magic), STATUS_CORRUPT},       {offsetof(cache_file_header_t, format), STATUS_UNSUPPORTED},
        {offsetof(cache_file_header_t, session) + 2, STATUS_CORRUPT}, {offsetof(cache_file_header_t, key), STATUS_UNSUPPORTED},
        {offsetof(cache_file_header_t, budget), STATUS_INVALID},      {offsetof(cache_file_header_t, checksum), STATUS_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cache_free(f->cache);
        f->memory[cases[i].offset] ^= 0x40;
        assert_int_equal(begin(f), cases[i].expected);
        assert_int_equal(count_right(f), 0);
        put_all(f);
        assert_true(count_right(f) > NAMES);
    }
}

/* Whatever bits fall over, content is right or gone, and the cache goes on working. */
static void damage_is_a_miss(void **state)
{
    file_t *f = *state;
    uint64_t random = 7;
    unsigned least = 2 * NAMES;
    for (unsigned round = 0; round < 60; round++) {
        cache_free(f->cache);
        for (unsigned i = 0; i < 1u << (round % 12); i++) {
            size_t at = sizeof(cache_file_header_t) + random_below(&random, BUDGET - sizeof(cache_file_header_t));
            f->memory[at] = (uint8_t)random_next(&random);
        }
        assert_int_equal(begin(f), STATUS_OK);
        unsigned right = count_right(f);
        least = right < least ? right : least;
        put_all(f);
        (void)count_right(f);
        uint64_t cursor = 0;
        while (cache_iterate(&f->reader, &cursor, NOW, &f->entry) != STATUS_END) {
        }
        (void)cache_flush_name(f->cache, (const uint8_t *)"\1n", 0);
    }
    assert_true(least < NAMES);
    cache_flush_all(f->cache);
    put_all(f);
    assert_true(count_right(f) > NAMES);
}

/* The process ended between bucket_begin() and bucket_end(). */
static void half_a_change_is_dropped(void **state)
{
    file_t *f = *state;
    for (uint32_t i = 0; i < f->cache->layout.buckets * f->cache->layout.shards; i++) {
        f->cache->buckets[i].sequence++;
    }
    cache_free(f->cache);
    assert_int_equal(begin(f), STATUS_OK);
    assert_int_equal(count_right(f), 0);
    assert_true(f->reader.counts[CACHE_COUNT_DISTURBED] > 0);
    put_all(f);
    assert_true(count_right(f) > NAMES);
    cache_statistics_t statistics;
    cache_statistics(f->cache, &statistics);
    assert_true(statistics.damaged > 0);
}

static void budgets_out_of_range_are_refused(void **state)
{
    file_t *f = *state;
    cache_t *cache = NULL;
    f->settings.budget_bytes = CACHE_BUDGET_MIN - 1;
    assert_int_equal(cache_new(&cache, &f->settings, NULL, NULL), STATUS_INVALID);
    f->settings.budget_bytes = ((size_t)32 << 30) + CACHE_PAGE;
    assert_int_equal(cache_new(&cache, &f->settings, NULL, NULL), STATUS_INVALID);
    for (size_t budget = CACHE_BUDGET_MIN; budget < 600 << 20; budget += budget / 3) {
        f->settings.budget_bytes = budget;
        assert_int_equal(cache_new(&cache, &f->settings, NULL, NULL), STATUS_OK);
        const cache_layout_t *layout = &cache->layout;
        uint64_t units = (uint64_t)layout->shards * (layout->ring_units[RING_SMALL] + layout->ring_units[RING_MAIN]);
        assert_true(layout->ring_at + units * CACHE_UNIT <= layout->budget && layout->budget <= budget);
        assert_true(units * CACHE_UNIT > budget / 100 * 80);
        cache_free(cache);
    }
}

int main(void)
{
#define CASE(function_) cmocka_unit_test_setup_teardown(function_, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(content_survives_a_restart), CASE(other_files_are_refused),          CASE(damage_is_a_miss),
        CASE(half_a_change_is_dropped),   CASE(budgets_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
