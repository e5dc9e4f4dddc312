/* What the cache by itself costs.
 *
 *     cache_bench answers|rrsets|misses|puts [ROUNDS]
 *
 * Fills a cache of 64 MiB with 100,000 names, an answer of about 80 bytes and a signed address each, and does one operation for names
 * at random. Prints nanoseconds an operation; under callgrind, with --toggle-collect='bench_*', the instructions in them are those of the
 * operations.
 */
#include "../tests/lib/cache_content.h"
#include "../tests/lib/random.h"
#include "cache/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NOW = 1700000000, NAMES = 100000, ASKED = 4096 };

typedef struct bench {
    cache_t *cache;
    cache_reader_t reader;
    content_name_t names[ASKED];
    uint8_t requests[ASKED][128];
    uint8_t out[1232];
    uint8_t buffer[CACHE_BUFFER_SIZE];
    uint64_t good;
} bench_t;

static cache_put_t address(const content_name_t *name, cache_rrset_t *rrset, uint8_t data[128])
{
    size_t size = content_records(data, 1, 4, 1);
    *rrset = (cache_rrset_t){.type = TYPE_A, .count = 1, .signature_count = 1, .ttl_s = 3600, .data = data, .data_size = size};
    rrset->signatures = data + size;
    rrset->signature_size = content_records(data + size, 1, 94, 2);
    return (cache_put_t){.question = content_question(name, TYPE_A), .ttl_s = 3600, .rrsets = rrset, .rrset_count = 1};
}

static void fill(bench_t *b)
{
    uint64_t seed = 1;
    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t data[128];
        uint8_t message[512];
        cache_rrset_t rrset;
        content_name_t name = content_host("host", i);
        cache_put_t put = address(&name, &rrset, data);
        cache_answer_put_t answer = {.question = put.question, .message = message, .ttl_limit_s = 3600};
        answer.size = content_message(message, &name, 2, 3600, 1);
        b->good += cache_put(b->cache, &put, NOW) == STATUS_OK && cache_answer_put(b->cache, &answer, NOW) == STATUS_OK;
    }
    for (unsigned i = 0; i < ASKED; i++) {
        b->names[i] = content_host("host", NAMES - 1 - random_below(&seed, 4000));
        content_request(b->requests[i], &b->names[i], (uint16_t)i);
    }
}

void bench_answers(bench_t *b);
void bench_rrsets(bench_t *b);
void bench_misses(bench_t *b);
void bench_puts(bench_t *b);

__attribute__((noinline)) void bench_answers(bench_t *b)
{
    for (unsigned i = 0; i < ASKED; i++) {
        cache_answer_get_t get = {
            .question = content_question(&b->names[i], TYPE_A),
            .request = b->requests[i],
            .flags_keep = 0xffff,
            .flags_add = 0x0100,
            .out = b->out,
            .capacity = sizeof b->out,
        };
        b->good += cache_answer_get(&b->reader, &get, NOW + 10) == STATUS_OK;
    }
}

__attribute__((noinline)) void bench_rrsets(bench_t *b)
{
    cache_entry_t entry = {.buffer = b->buffer, .capacity = sizeof b->buffer};
    for (unsigned i = 0; i < ASKED; i++) {
        cache_question_t question = content_question(&b->names[i], TYPE_A);
        b->good += cache_get(&b->reader, &question, CACHE_RRSET, 0, NOW + 10, &entry) == STATUS_OK;
    }
}

__attribute__((noinline)) void bench_misses(bench_t *b)
{
    for (unsigned i = 0; i < ASKED; i++) {
        cache_answer_get_t get = {.question = content_question(&b->names[i], TYPE_MX), .request = b->requests[i], .out = b->out};
        b->good += cache_answer_get(&b->reader, &get, NOW + 10) == STATUS_NOT_FOUND;
    }
}

__attribute__((noinline)) void bench_puts(bench_t *b)
{
    for (unsigned i = 0; i < ASKED; i++) {
        uint8_t data[128];
        cache_rrset_t rrset;
        cache_put_t put = address(&b->names[i], &rrset, data);
        put.question.rrclass = (uint16_t)b->good;
        b->good += cache_put(b->cache, &put, NOW) == STATUS_OK;
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(bench_t *);
    } kinds[] = {{"answers", bench_answers}, {"rrsets", bench_rrsets}, {"misses", bench_misses}, {"puts", bench_puts}};
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
    bench_t *b = calloc(1, sizeof *b);
    if (!b || argc < 2 || rounds == 0) {
        fprintf(stderr, "usage: cache_bench answers|rrsets|misses|puts [ROUNDS]\n");
        return 2;
    }
    b->cache = content_cache(64 << 20);
    cache_reader_init(&b->reader, b->cache);
    fill(b);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, argv[1]) != 0) {
            continue;
        }
        struct timespec from;
        struct timespec to;
        uint64_t before = b->good;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        for (unsigned long round = 0; round < rounds; round++) {
            kinds[i].run(b);
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
        printf("%s: %.1f ns each, %lu of %lu good\n", argv[1], ns / (double)(rounds * ASKED), (unsigned long)(b->good - before),
               rounds * ASKED);
    }
    cache_free(b->cache);
    free(b);
    return 0;
}
