/* What stays when not everything fits, and what an entry costs. */
#include "../lib/cache_content.h"
#include "../lib/random.h"
#include "cache/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

enum { NOW = 1700000000, POPULATION = 200000, REQUESTS = 600000, BUDGET = 4 << 20 };

typedef struct workload {
    cache_t *cache;
    cache_reader_t reader;
    uint64_t random;
    double *shares; /* cumulative, by rank */
    cache_entry_t entry;
    uint8_t buffer[CACHE_BUFFER_SIZE];
} workload_t;

static unsigned zipf(workload_t *w)
{
    double at = (double)(random_next(&w->random) >> 11) / 9007199254740992.0 * w->shares[POPULATION - 1];
    unsigned low = 0;
    unsigned high = POPULATION - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (w->shares[middle] < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static cache_put_t signed_address(const content_name_t *name, cache_rrset_t *rrset)
{
    static const uint8_t zeros[256] = {0};
    static const uint8_t signature[] = {0, 94};
    static uint8_t address[6] = {0, 4, 192, 0, 2, 1};
    static uint8_t rrsig[96];
    memcpy(rrsig, signature, 2);
    memcpy(rrsig + 2, zeros, 94);
    *rrset = (cache_rrset_t){.type = TYPE_A, .count = 1, .signature_count = 1, .ttl_s = 3600};
    rrset->data = address;
    rrset->data_size = sizeof address;
    rrset->signatures = rrsig;
    rrset->signature_size = sizeof rrsig;
    return (cache_put_t){.question = content_question(name, TYPE_A), .ttl_s = 3600, .rrsets = rrset, .rrset_count = 1};
}

static bool request(workload_t *w, const content_name_t *name)
{
    cache_rrset_t rrset;
    cache_put_t put = signed_address(name, &rrset);
    if (cache_get(&w->reader, &put.question, CACHE_RRSET, 0, NOW, &w->entry) == STATUS_OK) {
        return true;
    }
    assert_int_equal(cache_put(w->cache, &put, NOW), STATUS_OK);
    return false;
}

/* The share of hits among the names that are used, with `flood` random names asked for each of them. */
static double hit_rate(unsigned flood)
{
    workload_t *w = calloc(1, sizeof *w);
    w->shares = calloc(POPULATION, sizeof *w->shares);
    double sum = 0;
    uint64_t hits = 0;
    uint64_t stranger = 0;
    for (unsigned i = 0; i < POPULATION; i++) {
        sum += 1.0 / (i + 1);
        w->shares[i] = sum;
    }
    w->cache = content_cache(BUDGET);
    w->entry.buffer = w->buffer;
    w->entry.capacity = sizeof w->buffer;
    cache_reader_init(&w->reader, w->cache);
    for (unsigned i = 0; i < REQUESTS; i++) {
        content_name_t name = content_host("www", zipf(w));
        bool is_hit = request(w, &name);
        hits += i >= REQUESTS / 2 && is_hit;
        for (unsigned j = 0; j < flood; j++) {
            name = content_host("r", stranger++);
            assert_false(request(w, &name));
        }
    }
    cache_statistics_t statistics;
    cache_statistics(w->cache, &statistics);
    uint64_t bytes = 0;
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        bytes += statistics.bytes[kind];
    }
    assert_true(bytes <= statistics.data_bytes && statistics.data_bytes <= statistics.budget_bytes);
    cache_free(w->cache);
    free(w->shares);
    free(w);
    return (double)hits / (REQUESTS - REQUESTS / 2);
}

/* An oracle that holds the most popular names that fit would have this rate. */
static double best_rate(unsigned entries)
{
    double top = 0;
    double all = 0;
    for (unsigned i = 0; i < POPULATION; i++) {
        top += i < entries ? 1.0 / (i + 1) : 0;
        all += 1.0 / (i + 1);
    }
    return top / all;
}

static void a_flood_of_names_washes_out_little(void **state)
{
    (void)state;
    double alone = hit_rate(0);
    double flooded = hit_rate(3);
    double best = best_rate(BUDGET / 200);
    print_message("hit rate: %.3f alone, %.3f with three random names for each, %.3f the best possible\n", alone, flooded, best);
    assert_true(alone > best - 0.05);
    assert_true(flooded > alone - 0.05);
}

/* Signed addresses until the memory is full of names that are all still there: what each took of the budget. */
static void an_entry_is_small(void **state)
{
    (void)state;
    cache_t *cache = content_cache(16 << 20);
    cache_reader_t reader;
    uint8_t buffer[1024];
    cache_entry_t entry = {.buffer = buffer, .capacity = sizeof buffer};
    cache_statistics_t statistics = {0};
    unsigned names = 0;
    cache_reader_init(&reader, cache);
    while (names < 1000000) {
        content_name_t name = content_host("www", names);
        cache_rrset_t rrset;
        cache_put_t put = signed_address(&name, &rrset);
        assert_int_equal(cache_put(cache, &put, NOW), STATUS_OK);
        assert_int_equal(cache_get(&reader, &put.question, CACHE_RRSET, 0, NOW, &entry), STATUS_OK);
        names++;
        if (names % 1000 == 0) {
            cache_statistics(cache, &statistics);
            if (statistics.evictions > names / 200) {
                break;
            }
        }
    }
    double bytes = (double)statistics.budget_bytes / (double)statistics.entries[CACHE_RRSET];
    print_message("%.0f bytes of the budget for each name with a signed address\n", bytes);
    assert_true(bytes < 250);
    cache_free(cache);
}

/* A full bucket pair is the only other way to lose something. */
static void the_table_is_not_full_before_the_memory(void **state)
{
    (void)state;
    cache_t *cache = content_cache(16 << 20);
    cache_statistics_t statistics;
    cache_reader_t reader;
    uint8_t buffer[1024];
    cache_entry_t entry = {.buffer = buffer, .capacity = sizeof buffer};
    cache_reader_init(&reader, cache);
    for (unsigned i = 0; i < 100000; i++) { /* 100,000 of 128 bytes: what the rings hold */
        content_name_t name = content_host("f", i);
        cache_put_t put = {.question = content_question(&name, TYPE_A), .kind = CACHE_FAILURE, .ttl_s = 30};
        assert_int_equal(cache_put(cache, &put, NOW), STATUS_OK);
        assert_int_equal(cache_get(&reader, &put.question, CACHE_FAILURE, 0, NOW, &entry), STATUS_OK);
    }
    cache_statistics(cache, &statistics);
    assert_true(statistics.evictions < 500);
    cache_free(cache);
}

/* Pages of memory are touched as content comes, whatever the budget. */
static size_t touched_bytes(void *mapping, size_t size)
{
    enum { PAGE = 4096 };
    unsigned char *pages = malloc(size / PAGE);
    size_t touched = 0;
    assert_non_null(pages);
    assert_int_equal(mincore(mapping, size, pages), 0);
    for (size_t i = 0; i < size / PAGE; i++) {
        touched += pages[i] & 1;
    }
    free(pages);
    return touched * PAGE;
}

/* Tables and records; ghosts, of which there are none yet, are only read. */
static size_t written_bytes(const cache_t *cache)
{
    const cache_layout_t *layout = &cache->layout;
    size_t table = (layout->node_at & ~(size_t)4095) - layout->shard_at;
    return touched_bytes(cache->base + layout->shard_at, table) +
           touched_bytes(cache->base + layout->ring_at, layout->budget - layout->ring_at);
}

static void little_content_takes_little_memory(void **state)
{
    (void)state;
    enum { SIZE = 128 << 20, NAMES = 20000 };
    cache_settings_t settings;
    cache_t *cache;
    cache_statistics_t statistics;
    cache_reader_t reader;
    uint8_t buffer[1024];
    cache_entry_t entry = {.buffer = buffer, .capacity = sizeof buffer};
    cache_settings_default(&settings);
    settings.budget_bytes = SIZE;
    assert_int_equal(cache_new(&cache, &settings, NULL, NULL), STATUS_OK);
    cache_reader_init(&reader, cache);
    size_t before = written_bytes(cache);
    for (unsigned i = 0; i < NAMES; i++) {
        content_name_t name = content_host("small", i);
        cache_rrset_t rrset;
        cache_put_t put = signed_address(&name, &rrset);
        assert_int_equal(cache_put(cache, &put, NOW), STATUS_OK);
        assert_int_equal(cache_get(&reader, &put.question, CACHE_RRSET, 0, NOW, &entry), STATUS_OK);
    }
    size_t bytes = (written_bytes(cache) - before) / NAMES;
    cache_statistics(cache, &statistics);
    print_message("%zu bytes touched at first, %zu for each name with a signed address\n", before, bytes);
    assert_int_equal(statistics.entries[CACHE_RRSET], NAMES);
    assert_int_equal(statistics.evictions, 0);
    assert_true(before < 1 << 20);
    assert_true(bytes < 250);
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_names_washes_out_little),
        cmocka_unit_test(an_entry_is_small),
        cmocka_unit_test(the_table_is_not_full_before_the_memory),
        cmocka_unit_test(little_content_takes_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
