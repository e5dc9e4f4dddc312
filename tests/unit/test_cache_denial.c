/* Denial by range (RFC 8198): against a plain walk over the chain. */
#include "../lib/cache_content.h"
#include "../lib/random.h"
#include "cache/layout.h"
#include "dnssec/nsec3_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1700000000, OWNERS = 400, QUESTIONS = 4000 };

typedef struct fixture {
    cache_t *cache;
    cache_reader_t reader;
    content_name_t zone;
    content_name_t owners[OWNERS]; /* canonical order, the apex first */
    uint64_t random;
    cache_entry_t entry;
    uint8_t buffer[CACHE_BUFFER_SIZE];
} fixture_t;

static int compare(const void *a, const void *b)
{
    return name_compare(((const content_name_t *)a)->wire, ((const content_name_t *)b)->wire);
}

/* Random labels of few different octets, zero and one among them, so that names lie close together. */
static content_name_t random_name(fixture_t *f)
{
    static const uint8_t octets[] = {0, 1, 2, '-', '.', 'a', 'b', 255};
    content_name_t name = {.length = 0};
    for (unsigned labels = 1 + random_below(&f->random, 3); labels > 0; labels--) {
        unsigned length = 1 + random_below(&f->random, 4);
        name.wire[name.length++] = (uint8_t)length;
        for (; length > 0; length--) {
            name.wire[name.length++] = octets[random_below(&f->random, sizeof octets)];
        }
    }
    memcpy(name.wire + name.length, f->zone.wire, f->zone.length);
    name.length = (uint8_t)(name.length + f->zone.length);
    return name;
}

static int set_up(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    f->cache = content_cache(8 << 20);
    f->zone = content_name("zone.example");
    f->random = 1;
    f->entry.buffer = f->buffer;
    f->entry.capacity = sizeof f->buffer;
    cache_reader_init(&f->reader, f->cache);
    f->owners[0] = f->zone;
    for (unsigned i = 1; i < OWNERS; i++) {
        f->owners[i] = random_name(f);
    }
    qsort(f->owners, OWNERS, sizeof *f->owners, compare);
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

static status_t put_record(fixture_t *f, const content_name_t *owner, uint16_t type, const uint8_t *rdata, size_t length,
                           cache_security_t security, uint32_t ttl_s)
{
    uint8_t data[600];
    cache_rrset_t rrset = {.type = type, .count = 1, .ttl_s = ttl_s, .data = data, .data_size = length + 2};
    store_be16(data, (uint16_t)length);
    memcpy(data + 2, rdata, length);
    cache_put_t put = {
        .question = content_question(owner, type),
        .security = security,
        .ttl_s = ttl_s,
        .zone = f->zone.wire,
        .rrsets = &rrset,
        .rrset_count = 1,
    };
    return cache_put(f->cache, &put, NOW);
}

static bool put_nsec(fixture_t *f, unsigned i, cache_security_t security)
{
    unsigned next = i + 1;
    while (next < OWNERS && compare(&f->owners[i], &f->owners[next]) == 0) {
        next++;
    }
    const content_name_t *to = &f->owners[next < OWNERS ? next : 0];
    return put_record(f, &f->owners[i], TYPE_NSEC, to->wire, to->length, security, 60) == STATUS_OK;
}

/* The last owner at or before a name. */
static unsigned before(const fixture_t *f, const content_name_t *name)
{
    unsigned i = OWNERS - 1;
    while (compare(&f->owners[i], name) > 0) {
        i--;
    }
    return i;
}

static status_t find(fixture_t *f, const content_name_t *name, uint32_t now_s, bool *matches)
{
    cache_question_t question = content_question(name, TYPE_A);
    return cache_find_nsec(&f->reader, f->zone.wire, &question, now_s, matches, &f->entry);
}

static void nsec_ranges_agree_with_a_walk(void **state)
{
    fixture_t *f = *state;
    bool known[OWNERS] = {false};
    for (unsigned round = 0; round < OWNERS / 2; round++) {
        unsigned i = random_below(&f->random, OWNERS);
        assert_true(put_nsec(f, i, CACHE_SECURE));
        for (unsigned j = 0; j < OWNERS; j++) {
            known[j] |= compare(&f->owners[i], &f->owners[j]) == 0;
        }
    }
    unsigned hits = 0;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        content_name_t name = i < OWNERS ? f->owners[i] : random_name(f);
        unsigned at = before(f, &name);
        bool matches = false;
        status_t status = find(f, &name, NOW + 59, &matches);
        assert_int_equal(status, known[at] ? STATUS_OK : STATUS_NOT_FOUND);
        if (status == STATUS_OK) {
            assert_int_equal(matches, compare(&f->owners[at], &name) == 0);
            assert_memory_equal(f->entry.name, f->owners[at].wire, f->owners[at].length);
            hits++;
        }
        assert_int_equal(find(f, &name, NOW + 60, &matches), STATUS_NOT_FOUND);
    }
    assert_true(hits > QUESTIONS / 10 && hits < QUESTIONS);
}

static void only_secure_ranges_of_the_zone_count(void **state)
{
    fixture_t *f = *state;
    bool matches;
    content_name_t name = content_name("zzz.zone.example");
    content_name_t outside = content_name("zzz.example");
    content_name_t other = content_name("a.other.example");
    assert_true(put_nsec(f, OWNERS - 1, CACHE_INSECURE));
    assert_int_equal(find(f, &name, NOW, &matches), STATUS_NOT_FOUND);
    assert_true(put_nsec(f, OWNERS - 1, CACHE_SECURE));
    bool is_behind = compare(&f->owners[OWNERS - 1], &name) < 0;
    assert_int_equal(find(f, &name, NOW, &matches), is_behind ? STATUS_OK : STATUS_NOT_FOUND);
    assert_int_equal(find(f, &outside, NOW, &matches), STATUS_NOT_FOUND);
    /* a next name outside the zone proves nothing */
    cache_flush_all(f->cache);
    assert_int_equal(put_record(f, &f->zone, TYPE_NSEC, other.wire, other.length, CACHE_SECURE, 60), STATUS_OK);
    assert_int_equal(find(f, &name, NOW, &matches), STATUS_NOT_FOUND);
    /* neither does the parent's NSEC at the cut where the child's is asked for */
    content_name_t cut = content_name("cut.zone.example");
    content_name_t next = content_name("d.zone.example");
    content_name_t below = content_name("x.cut.zone.example");
    assert_int_equal(put_record(f, &cut, TYPE_NSEC, next.wire, next.length, CACHE_SECURE, 60), STATUS_OK);
    cache_question_t question = content_question(&below, TYPE_A);
    assert_int_equal(cache_find_nsec(&f->reader, cut.wire, &question, NOW, &matches, &f->entry), STATUS_NOT_FOUND);
    assert_int_equal(find(f, &below, NOW, &matches), STATUS_OK);
}

/* ---- NSEC3 ---- */

enum { HASHES = 200, RDATA_FIXED = 5, SALT = 3 };

static void put_nsec3(fixture_t *f, const uint8_t *hash, const uint8_t *next, const nsec3_parameters_t *parameters)
{
    uint8_t rdata[64] = {NSEC3_ALGORITHM_SHA1, 0, 0, (uint8_t)parameters->iterations, parameters->salt_size};
    size_t size = RDATA_FIXED;
    content_name_t owner = {.wire = {NSEC3_LABEL_SIZE}};
    memcpy(rdata + size, parameters->salt, parameters->salt_size);
    size += parameters->salt_size;
    rdata[size++] = NSEC3_HASH_SIZE;
    memcpy(rdata + size, next, NSEC3_HASH_SIZE);
    size += NSEC3_HASH_SIZE;
    nsec3_hash_to_label(hash, owner.wire + 1);
    memcpy(owner.wire + 1 + NSEC3_LABEL_SIZE, f->zone.wire, f->zone.length);
    owner.length = (uint8_t)(1 + NSEC3_LABEL_SIZE + f->zone.length);
    assert_int_equal(put_record(f, &owner, TYPE_NSEC3, rdata, size, CACHE_SECURE, 60), STATUS_OK);
}

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, NSEC3_HASH_SIZE);
}

static void nsec3_ranges_agree_with_a_walk(void **state)
{
    fixture_t *f = *state;
    static const uint8_t salt[SALT] = {1, 2, 3};
    uint8_t hashes[HASHES][NSEC3_HASH_SIZE];
    bool known[HASHES] = {false};
    cache_hashed_t hashed = {.zone = f->zone.wire, .rrclass = CLASS_IN, .parameters = {salt, SALT, 5}};
    nsec3_parameters_t other = {salt, SALT - 1, 5};
    cache_nsec3_t parameters;
    bool matches;
    for (unsigned i = 0; i < HASHES; i++) {
        for (unsigned j = 0; j < NSEC3_HASH_SIZE; j++) {
            hashes[i][j] = (uint8_t)random_next(&f->random);
        }
    }
    qsort(hashes, HASHES, NSEC3_HASH_SIZE, compare_hashes);
    assert_int_equal(cache_find_nsec3(&f->reader, f->zone.wire, CLASS_IN, NOW, &parameters, &f->entry), STATUS_NOT_FOUND);
    for (unsigned i = 0; i < HASHES; i++) {
        known[i] = i == HASHES - 1 || random_below(&f->random, 2);
        if (known[i]) {
            put_nsec3(f, hashes[i], hashes[(i + 1) % HASHES], &hashed.parameters);
        }
    }
    assert_int_equal(cache_find_nsec3(&f->reader, f->zone.wire, CLASS_IN, NOW, &parameters, &f->entry), STATUS_OK);
    assert_true(parameters.iterations == 5 && parameters.salt_size == SALT && memcmp(parameters.salt, salt, SALT) == 0);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        unsigned at = HASHES - 1;
        for (unsigned j = 0; j < NSEC3_HASH_SIZE; j++) {
            hashed.hash[j] = (uint8_t)random_next(&f->random);
        }
        if (i < HASHES) {
            memcpy(hashed.hash, hashes[i], NSEC3_HASH_SIZE);
        }
        for (unsigned j = 0; j < HASHES && memcmp(hashes[j], hashed.hash, NSEC3_HASH_SIZE) <= 0; j++) {
            at = j;
        }
        status_t status = cache_find_nsec3_range(&f->reader, &hashed, NOW, &matches, &f->entry);
        assert_int_equal(status, known[at] ? STATUS_OK : STATUS_NOT_FOUND);
        assert_true(status != STATUS_OK || matches == (i < HASHES));
    }
    hashed.parameters = other;
    assert_int_equal(cache_find_nsec3_range(&f->reader, &hashed, NOW, &matches, &f->entry), STATUS_NOT_FOUND);
}

/* Every node stands in the order once, and the order is one. */
static void check_order(const cache_t *cache)
{
    uint8_t seen[CACHE_INDEX_NODES_MAX] = {0};
    const cache_node_t *last = NULL;
    for (uint32_t i = 0; i < cache->indexes[0].count; i++) {
        const cache_node_t *node = &cache->nodes[cache->order[i]];
        assert_int_equal(seen[cache->order[i]]++, 0);
        if (last) {
            size_t common = last->key_length < node->key_length ? last->key_length : node->key_length;
            int order = memcmp(last->key, node->key, common);
            assert_true(order < 0 || (order == 0 && last->key_length < node->key_length));
        }
        last = node;
    }
}

static void the_index_stays_within_its_bounds(void **state)
{
    fixture_t *f = *state;
    cache_free(f->cache);
    f->cache = content_cache(1 << 20);
    cache_reader_init(&f->reader, f->cache);
    cache_statistics_t statistics;
    content_name_t next = content_name("z.zone.example");
    content_name_t used = content_name("a.zone.example");
    bool matches;
    assert_int_equal(put_record(f, &used, TYPE_NSEC, next.wire, next.length, CACHE_SECURE, 60), STATUS_OK);
    for (unsigned i = 0; i < 20000; i++) {
        content_name_t name = content_host("x", random_below(&f->random, 1 << 30));
        memcpy(name.wire + name.length - 1, f->zone.wire, f->zone.length);
        name.length = (uint8_t)(name.length - 1 + f->zone.length);
        assert_int_equal(put_record(f, &name, TYPE_NSEC, next.wire, next.length, CACHE_SECURE, 60), STATUS_OK);
        assert_int_equal(find(f, &used, NOW, &matches), STATUS_OK);
        assert_true(matches);
    }
    cache_statistics(f->cache, &statistics);
    assert_true(statistics.ranges > 100 && statistics.ranges < 400);
    assert_int_equal(statistics.ranges, f->cache->layout.index_nodes);
    check_order(f->cache);
}

int main(void)
{
#define CASE(function_) cmocka_unit_test_setup_teardown(function_, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(nsec_ranges_agree_with_a_walk),
        CASE(only_secure_ranges_of_the_zone_count),
        CASE(nsec3_ranges_agree_with_a_walk),
        CASE(the_index_stays_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
