/* The cache against a plain table, with a virtual clock and random operations: while nothing is evicted they agree in everything; under
 * eviction the cache may have forgotten, but what it knows is right.
 */
#include "../lib/cache_content.h"
#include "../lib/random.h"
#include "cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NAMES = 300, TYPES = 4, OPERATIONS = 60000, RECORDS_MAX = 40 };
enum { SPACE_DATA, SPACE_NXDOMAIN, SPACE_FAILURE, SPACE_DELEGATION, SPACES };

typedef struct known {
    bool is_there;
    cache_kind_t kind;
    cache_rank_t rank;
    cache_security_t security;
    uint32_t stored_s;
    uint32_t expires_s;
    unsigned records;
    uint64_t seed;
} known_t;

typedef struct model {
    cache_t *cache;
    cache_reader_t reader;
    cache_settings_t settings;
    content_name_t names[NAMES];
    known_t known[NAMES][TYPES][SPACES];
    uint64_t random;
    uint32_t now_s;
    bool may_forget;
    unsigned record_bytes;
    uint64_t hits;
    cache_entry_t entry;
    uint8_t buffer[CACHE_BUFFER_SIZE];
    uint8_t data[CACHE_BUFFER_SIZE];
} model_t;

static unsigned space_of(cache_kind_t kind)
{
    return kind <= CACHE_NODATA     ? SPACE_DATA
           : kind == CACHE_NXDOMAIN ? SPACE_NXDOMAIN
           : kind == CACHE_FAILURE  ? SPACE_FAILURE
                                    : SPACE_DELEGATION;
}

static known_t *place(model_t *m, unsigned name, unsigned type, cache_kind_t kind)
{
    bool any = kind == CACHE_NXDOMAIN || kind == CACHE_DELEGATION;
    return &m->known[name][any ? 0 : type][space_of(kind)];
}

static uint32_t expected_ttl(const model_t *m, const cache_put_t *put)
{
    uint32_t ttl_s = put->ttl_s < m->settings.ttl_min_s ? m->settings.ttl_min_s : put->ttl_s;
    uint32_t most = m->settings.ttl_max_s;
    if (put->kind == CACHE_NODATA || put->kind == CACHE_NXDOMAIN) {
        most = m->settings.negative_max_s;
    } else if (put->kind == CACHE_FAILURE) {
        most = m->settings.failure_max_s;
    }
    most = put->security == CACHE_BOGUS && most > m->settings.bogus_max_s ? m->settings.bogus_max_s : most;
    return ttl_s < most ? ttl_s : most;
}

static bool is_fresh(const model_t *m, const known_t *known)
{
    return known->is_there && known->expires_s > m->now_s;
}

static bool stays(const model_t *m, const known_t *old, const cache_put_t *put)
{
    return is_fresh(m, old) && (old->rank > put->rank || (put->security == CACHE_BOGUS && old->security != CACHE_BOGUS) ||
                                (old->rank == put->rank && old->security == CACHE_SECURE && put->security == CACHE_INDETERMINATE));
}

/* Under eviction the cache may not remember what speaks against a put: then it takes it. */
static void check_put(model_t *m, status_t status, status_t expected)
{
    if (m->may_forget && status != expected) {
        assert_true(expected == STATUS_EXISTS || (expected == STATUS_OK && status == STATUS_INVALID));
        return;
    }
    assert_int_equal(status, expected);
}

static void do_put(model_t *m)
{
    unsigned name = random_below(&m->random, NAMES);
    unsigned type = random_below(&m->random, TYPES);
    known_t new = {
        .is_there = true, .records = random_below(&m->random, RECORDS_MAX), .seed = random_next(&m->random), .stored_s = m->now_s};
    cache_rrset_t rrset = {.type = (uint16_t)(type + 1), .count = (uint16_t) new.records, .ttl_s = 50, .data = m->data};
    cache_put_t put = {
        .question = content_question(&m->names[name], (uint16_t)(type + 1)),
        .kind = new.kind = (cache_kind_t)random_below(&m->random, CACHE_ANSWER),
        .rank = new.rank = (cache_rank_t)random_below(&m->random, CACHE_RANKS),
        .security = new.security = (cache_security_t)random_below(&m->random, CACHE_SECURITIES),
        .ttl_s = random_below(&m->random, 8) == 0 ? 0 : random_below(&m->random, 500),
        .expires_limit_s = random_below(&m->random, 8) == 0 ? m->now_s + random_below(&m->random, 100) : 0,
        .rrsets = &rrset,
        .rrset_count = 1,
    };
    put.is_from_child = put.kind == CACHE_DELEGATION && random_below(&m->random, 2) == 0;
    rrset.data_size = content_records(m->data, new.records, m->record_bytes, new.seed);
    known_t *old = place(m, name, type, put.kind);
    new.expires_s = m->now_s + expected_ttl(m, &put);
    if (put.expires_limit_s && put.expires_limit_s < new.expires_s) {
        new.expires_s = put.expires_limit_s;
    }
    status_t status = cache_put(m->cache, &put, m->now_s);
    status_t expected = STATUS_OK;
    if (new.expires_s <= m->now_s) {
        expected = STATUS_INVALID;
    } else if (stays(m, old, &put)) {
        expected = STATUS_EXISTS;
    } else if (put.is_from_child && !is_fresh(m, old)) {
        expected = STATUS_INVALID;
    }
    check_put(m, status, expected);
    if (status != STATUS_OK) {
        old->is_there &= !(m->may_forget && status != expected);
        return;
    }
    if (put.is_from_child && old->expires_s < new.expires_s) {
        new.expires_s = old->expires_s;
    }
    *old = new;
    known_t *missing = place(m, name, type, CACHE_NXDOMAIN);
    bool is_unproven = put.security == CACHE_BOGUS && missing->security != CACHE_BOGUS;
    if (put.kind <= CACHE_NODATA && missing->is_there && !is_unproven && !stays(m, missing, &put)) {
        missing->is_there = false;
    }
}

static void check_found(model_t *m, const known_t *known)
{
    cache_rrset_t rrset;
    assert_true(known->is_there);
    assert_int_equal(m->entry.kind, known->kind);
    assert_int_equal(m->entry.rank, known->rank);
    assert_int_equal(m->entry.security, known->security);
    assert_int_equal(m->entry.stored_s, known->stored_s);
    assert_int_equal(m->entry.expires_s, known->expires_s);
    assert_int_equal(m->entry.ttl_s, known->expires_s > m->now_s ? known->expires_s - m->now_s : 0);
    assert_true(cache_entry_next(&m->entry, &rrset));
    assert_int_equal(rrset.count, known->records);
    size_t size = content_records(m->data, known->records, m->record_bytes, known->seed);
    assert_int_equal(rrset.data_size, size);
    if (size > 0) {
        assert_memory_equal(rrset.data, m->data, size);
    }
    m->hits++;
}

static void do_get(model_t *m)
{
    unsigned name = random_below(&m->random, NAMES);
    unsigned type = random_below(&m->random, TYPES);
    cache_kind_t kind = (cache_kind_t)random_below(&m->random, CACHE_ANSWER);
    unsigned flags = random_below(&m->random, 4);
    cache_question_t question = content_question(&m->names[name], (uint16_t)(type + 1));
    known_t *known = place(m, name, type, kind);
    status_t status = cache_get(&m->reader, &question, kind, flags, m->now_s, &m->entry);
    bool is_known = is_fresh(m, known) || (known->is_there && flags & CACHE_STALE && m->now_s - known->expires_s < m->settings.stale_max_s);
    if (status == STATUS_OK) {
        assert_true(is_known);
        check_found(m, known);
    } else {
        assert_int_equal(status, STATUS_NOT_FOUND);
        assert_true(!is_known || m->may_forget);
        known->is_there &= !is_known;
    }
}

static void do_flush(model_t *m)
{
    unsigned name = random_below(&m->random, NAMES);
    uint64_t expected = 0;
    for (unsigned type = 0; type < TYPES; type++) {
        for (unsigned space = 0; space < SPACES; space++) {
            expected += m->known[name][type][space].is_there;
            m->known[name][type][space].is_there = false;
        }
    }
    uint64_t flushed = cache_flush_name(m->cache, m->names[name].wire, 0);
    assert_true(m->may_forget ? flushed <= expected : flushed == expected);
}

static void check_totals(model_t *m)
{
    uint64_t expected[CACHE_KINDS] = {0};
    cache_statistics_t statistics;
    for (unsigned i = 0; i < NAMES * TYPES * SPACES; i++) {
        const known_t *known = &m->known[0][0][0] + i;
        expected[known->kind] += known->is_there;
    }
    cache_statistics(m->cache, &statistics);
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        assert_true(m->may_forget ? statistics.entries[kind] <= expected[kind] : statistics.entries[kind] == expected[kind]);
    }
    assert_true(m->may_forget == (statistics.evictions > 0));
    assert_int_equal(statistics.damaged, 0);
}

static void run(size_t budget_bytes, unsigned record_bytes, bool may_forget, uint64_t seed)
{
    model_t *m = calloc(1, sizeof *m);
    assert_non_null(m);
    cache_settings_default(&m->settings);
    m->settings.budget_bytes = budget_bytes;
    m->settings.key = (siphash_key_t){seed, ~seed};
    m->settings.ttl_min_s = 3;
    m->settings.ttl_max_s = 400;
    m->settings.negative_max_s = 200;
    m->settings.stale_max_s = 300;
    m->random = seed;
    m->now_s = 1700000000;
    m->may_forget = may_forget;
    m->record_bytes = record_bytes;
    m->entry.buffer = m->buffer;
    m->entry.capacity = sizeof m->buffer;
    assert_int_equal(cache_new(&m->cache, &m->settings, NULL, NULL), STATUS_OK);
    cache_reader_init(&m->reader, m->cache);
    for (unsigned i = 0; i < NAMES; i++) {
        m->names[i] = content_host("n", i);
    }
    for (unsigned i = 0; i < OPERATIONS; i++) {
        unsigned operation = random_below(&m->random, 1000);
        if (operation < 400) {
            do_put(m);
        } else if (operation < 985) {
            do_get(m);
        } else if (operation < 995) {
            m->now_s += random_below(&m->random, 20);
        } else {
            do_flush(m);
        }
    }
    check_totals(m);
    assert_true(m->hits > OPERATIONS / 50);
    cache_free(m->cache);
    free(m);
}

static void agrees_while_nothing_is_evicted(void **state)
{
    (void)state;
    run(256 << 20, 12, false, 1);
    run(256 << 20, 30, false, 2);
}

static void is_right_under_eviction(void **state)
{
    (void)state;
    for (uint64_t seed = 10; seed < 14; seed++) {
        run(1 << 20, 60, true, seed);
    }
    run(5 << 20, 400, true, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_while_nothing_is_evicted),
        cmocka_unit_test(is_right_under_eviction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
