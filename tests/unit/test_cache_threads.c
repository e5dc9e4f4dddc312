/* Readers and writers at once: whatever a reader gets is whole and is what its question asked for. Meant to run under ThreadSanitizer as
 * well. */
#include "../lib/cache_content.h"
#include "../lib/random.h"
#include "cache/cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1700000000, NAMES = 2000, READERS = 3, WRITERS = 2, WRITES = 30000, KEY_BYTES = 8, HOT = 2, RECORDS = 400 };

typedef struct stress {
    cache_t *cache;
    content_name_t names[NAMES];
    content_name_t zone;
    _Atomic unsigned writers_left;
    _Atomic unsigned torn;
    _Atomic uint64_t hits;
} stress_t;

typedef struct worker {
    stress_t *stress;
    uint64_t random;
    uint64_t hits;
    cache_reader_t reader;
    uint8_t buffer[CACHE_BUFFER_SIZE];
    uint8_t message[8192];
    uint8_t out[8192];
} worker_t;

/* Mostly few names, so that readers and writers meet. */
static unsigned choose(worker_t *w)
{
    return random_below(&w->random, random_below(&w->random, 4) ? HOT : NAMES);
}

/* Records of one byte value; first the name's number, so that content of another key shows. */
static void write_rrset(worker_t *w)
{
    unsigned number = choose(w);
    unsigned records = RECORDS - random_below(&w->random, RECORDS / 8);
    uint8_t fill = (uint8_t)random_next(&w->random);
    cache_rrset_t rrset = {.type = TYPE_TXT, .count = (uint16_t)records, .ttl_s = 60, .data = w->message};
    for (unsigned i = 0; i < records; i++) {
        uint8_t *record = w->message + (size_t)i * (2 + KEY_BYTES);
        store_be16(record, KEY_BYTES);
        memset(record + 2, fill, KEY_BYTES);
        store_be16(record + 2, (uint16_t)number);
    }
    rrset.data_size = records * (2 + KEY_BYTES);
    cache_put_t put = {.question = content_question(&w->stress->names[number], TYPE_TXT), .ttl_s = 60, .rrsets = &rrset, .rrset_count = 1};
    w->stress->torn += cache_put(w->stress->cache, &put, NOW) != STATUS_OK;
}

static void write_answer(worker_t *w)
{
    unsigned number = choose(w);
    const content_name_t *name = &w->stress->names[number];
    cache_answer_put_t put = {.question = content_question(name, TYPE_A), .message = w->message, .ttl_limit_s = 60};
    put.size = content_message(w->message, name, 240 - random_below(&w->random, 9), 60, (uint8_t)random_next(&w->random));
    w->stress->torn += cache_answer_put(w->stress->cache, &put, NOW) != STATUS_OK;
}

static void write_range(worker_t *w)
{
    uint8_t data[300];
    unsigned number = random_below(&w->random, NAMES - 1);
    const content_name_t *next = &w->stress->names[number + 1];
    cache_rrset_t rrset = {.type = TYPE_NSEC, .count = 1, .ttl_s = 60, .data = data, .data_size = 2u + next->length};
    store_be16(data, next->length);
    memcpy(data + 2, next->wire, next->length);
    cache_put_t put = {
        .question = content_question(&w->stress->names[number], TYPE_NSEC),
        .security = CACHE_SECURE,
        .ttl_s = 60,
        .zone = w->stress->zone.wire,
        .rrsets = &rrset,
        .rrset_count = 1,
    };
    w->stress->torn += cache_put(w->stress->cache, &put, NOW) != STATUS_OK;
}

static void *write_all(void *argument)
{
    worker_t *w = argument;
    for (unsigned i = 0; i < WRITES; i++) {
        switch (random_below(&w->random, 8)) {
        case 0:
            write_range(w);
            break;
        case 1:
        case 2:
        case 3:
            write_answer(w);
            break;
        default:
            write_rrset(w);
        }
        if (i % 2000 == 1999) {
            (void)cache_flush_name(w->stress->cache, w->stress->names[choose(w)].wire, 0);
        }
    }
    w->stress->writers_left--;
    return NULL;
}

static bool rrset_is_whole(const cache_rrset_t *rrset, unsigned number)
{
    const uint8_t fill = rrset->data[2 + KEY_BYTES - 1];
    for (unsigned i = 0; i < rrset->count; i++) {
        const uint8_t *record = rrset->data + (size_t)i * (2 + KEY_BYTES) + 2;
        for (unsigned j = 2; j < KEY_BYTES; j++) {
            if (record[j] != fill) {
                return false;
            }
        }
        if (load_be16(record) != number) {
            return false;
        }
    }
    return rrset->count > 0 && rrset->data_size == rrset->count * (2u + KEY_BYTES);
}

static void read_rrset(worker_t *w)
{
    unsigned number = choose(w);
    cache_question_t question = content_question(&w->stress->names[number], TYPE_TXT);
    cache_entry_t entry = {.buffer = w->buffer, .capacity = sizeof w->buffer};
    cache_rrset_t rrset;
    if (cache_get(&w->reader, &question, CACHE_RRSET, 0, NOW, &entry) == STATUS_OK) {
        w->stress->torn += !cache_entry_next(&entry, &rrset) || !rrset_is_whole(&rrset, number);
        w->hits++;
    }
}

static void read_answer(worker_t *w)
{
    const content_name_t *name = &w->stress->names[choose(w)];
    cache_answer_get_t get = {.question = content_question(name, TYPE_A), .request = w->message, .out = w->out, .capacity = sizeof w->out};
    get.flags_keep = 0xffff;
    (void)content_request(w->message, name, 1);
    if (cache_answer_get(&w->reader, &get, NOW + 1) != STATUS_OK) {
        return;
    }
    const uint8_t *record = w->out + 16 + name->length;
    unsigned records = load_be16(w->out + 6);
    bool is_whole = get.size == 16u + name->length + 16u * records;
    for (unsigned i = 0; is_whole && i < records; i++) {
        is_whole = load_be32(record + 16 * i + 6) == 59 && record[16 * i + 15] == (uint8_t)(record[15] + i);
    }
    w->stress->torn += !is_whole;
    w->hits++;
}

static void read_range(worker_t *w)
{
    unsigned number = random_below(&w->random, NAMES);
    cache_question_t question = content_question(&w->stress->names[number], TYPE_A);
    cache_entry_t entry = {.buffer = w->buffer, .capacity = sizeof w->buffer};
    bool matches;
    if (cache_find_nsec(&w->reader, w->stress->zone.wire, &question, NOW, &matches, &entry) == STATUS_OK) {
        w->stress->torn += matches != (memcmp(entry.name, question.name, question.length) == 0);
        w->hits++;
    }
}

static void *read_all(void *argument)
{
    worker_t *w = argument;
    uint64_t cursor = 0;
    while (w->stress->writers_left > 0) {
        unsigned kind = random_below(&w->random, 64);
        if (kind < 30) {
            read_rrset(w);
        } else if (kind < 60) {
            read_answer(w);
        } else if (kind < 63) {
            read_range(w);
        } else {
            cache_entry_t entry = {.buffer = w->buffer, .capacity = sizeof w->buffer};
            cursor = cache_iterate(&w->reader, &cursor, NOW, &entry) == STATUS_OK ? cursor : 0;
        }
    }
    w->stress->hits += w->hits;
    return NULL;
}

static void nobody_sees_half_of_anything(void **state)
{
    (void)state;
    pthread_t threads[READERS + WRITERS];
    stress_t *stress = calloc(1, sizeof *stress);
    worker_t *workers = calloc(READERS + WRITERS, sizeof *workers);
    assert_true(stress && workers);
    stress->cache = content_cache(1 << 20); /* one shard, and too small for all */
    stress->writers_left = WRITERS;
    stress->zone = content_name("example");
    for (unsigned i = 0; i < NAMES; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "n%05u.example", i);
        stress->names[i] = content_name(text);
    }
    for (unsigned i = 0; i < READERS + WRITERS; i++) {
        workers[i].stress = stress;
        workers[i].random = i;
        cache_reader_init(&workers[i].reader, stress->cache);
        assert_int_equal(pthread_create(&threads[i], NULL, i < WRITERS ? write_all : read_all, &workers[i]), 0);
    }
    for (unsigned i = 0; i < READERS + WRITERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    cache_statistics_t statistics;
    cache_statistics(stress->cache, &statistics);
    assert_int_equal(stress->torn, 0);
    assert_true(stress->hits > 1000);
    assert_true(statistics.evictions > 0);
    assert_int_equal(statistics.damaged, 0);
    cache_free(stress->cache);
    free(workers);
    free(stress);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_sees_half_of_anything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
