/* Loads a zone file and looks its questions up, without sockets or answers: what zone contents cost by themselves.
 *
 *     zone_bench ORIGIN ZONE-FILE [QUERY-FILE]
 *
 * QUERY-FILE holds messages, each behind its 16-bit length, as bench/worlds.py writes them. For instructions a look-up, run it under
 * `valgrind --tool=callgrind --toggle-collect=zone_lookup`, or see `make budget`. */
#include "base/bytes.h"
#include "wire/name.h"
#include "wire/rrtype.h"
#include "zone/contents.h"
#include "zone/loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { ROUNDS = 5, QUESTION_OFFSET = 12, PREFETCH_AHEAD = 8 };

typedef struct questions {
    name_key_t *keys;
    size_t count;
} questions_t;

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double memory_mib(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            kib = strtod(line + strlen(key) + 1, NULL);
        }
    }
    if (file) {
        fclose(file);
    }
    return kib / 1024;
}

static bool read_questions(const char *path, const uint8_t *origin, questions_t *questions)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 20;
    questions->keys = file ? malloc(room * sizeof *questions->keys) : NULL;
    uint8_t head[2];
    uint8_t message[65535];
    while (questions->keys && questions->count < room && fread(head, sizeof head, 1, file) == 1) {
        size_t size = load_be16(head);
        if (size <= QUESTION_OFFSET || fread(message, size, 1, file) != 1) {
            break;
        }
        name_key_t *key = &questions->keys[questions->count];
        bool good = name_key_read(key, message + QUESTION_OFFSET, size - QUESTION_OFFSET) > 0;
        questions->count += good && name_is_at_or_below(key->wire, origin);
    }
    if (file) {
        fclose(file);
    }
    return questions->count > 0;
}

typedef struct tally {
    size_t exact, cuts, missing;
} tally_t;

static void look_up_all(const zone_contents_t *contents, const questions_t *questions, size_t ahead, tally_t *tally)
{
    for (size_t i = 0; i < questions->count; i++) {
        if (ahead > 0 && i + ahead < questions->count) {
            zone_prefetch(contents, &questions->keys[i + ahead]);
        }
        zone_lookup_t lookup;
        zone_lookup(contents, &questions->keys[i], &lookup);
        tally->cuts += lookup.cut != NULL;
        tally->exact += lookup.exact;
        tally->missing += !lookup.exact && !lookup.cut;
    }
}

static void measure(const zone_contents_t *contents, const questions_t *questions, size_t ahead)
{
    double best = 1e9;
    tally_t tally = {0};
    for (unsigned round = 0; round < ROUNDS; round++) {
        double before = cpu_s();
        tally = (tally_t){0};
        look_up_all(contents, questions, ahead, &tally);
        double took = cpu_s() - before;
        best = took < best ? took : best;
    }
    printf("prefetch %zu: %zu questions, %zu exact, %zu below cuts, %zu missing: best of %d: %.1f ns each\n", ahead, questions->count,
           tally.exact, tally.cuts, tally.missing, ROUNDS, best / (double)questions->count * 1e9);
}

int main(int count, char **arguments)
{
    name_t origin;
    if (count < 3 || name_from_text(&origin, arguments[1], strlen(arguments[1]), (const uint8_t *)"", NULL) != STATUS_OK) {
        fprintf(stderr, "usage: zone_bench ORIGIN ZONE-FILE [QUERY-FILE]\n");
        return 2;
    }
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 10);
    const zone_contents_t *contents = NULL;
    double before = cpu_s();
    status_t status = zone_load(origin.wire, CLASS_IN, arguments[2], NULL, &diagnostics, &contents);
    double took = cpu_s() - before;
    diagnostics_clear(&diagnostics);
    if (status != STATUS_OK) {
        fprintf(stderr, "zone_bench: %s: %s\n", arguments[2], status_text(status));
        return 1;
    }
    zone_statistics_t statistics;
    zone_contents_statistics(contents, &statistics);
    printf("%llu names, %llu RRsets, %llu records; load %.2f s CPU; image %.1f MiB, resident %.1f MiB, peak %.1f MiB\n",
           (unsigned long long)statistics.names, (unsigned long long)statistics.rrsets, (unsigned long long)statistics.records, took,
           (double)statistics.bytes / (1 << 20), memory_mib("VmRSS"), memory_mib("VmHWM"));
    questions_t questions = {0};
    if (count > 3 && read_questions(arguments[3], origin.wire, &questions)) {
        measure(contents, &questions, 0);
        measure(contents, &questions, PREFETCH_AHEAD);
    }
    free(questions.keys);
    zone_contents_unref(contents);
    return 0;
}
