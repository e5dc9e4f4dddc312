/* Random worlds: what the resolver says is what the zones say, or SERVFAIL where servers are broken, and never anything else; its
 * invariants hold after every event; the same seed gives the same run. SIM_SEEDS sets how many worlds, SIM_SEED runs one and prints it. */
#include "world.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEEDS = 150, ROUNDS = 16 };

typedef struct tally {
    unsigned answered;
    unsigned failed; /* SERVFAIL where the zones say something */
    unsigned wrong;
    unsigned most_queries; /* for one question */
} tally_t;

static unsigned seeds(void)
{
    const char *text = getenv("SIM_SEEDS");
    return text ? (unsigned)strtoul(text, NULL, 10) : SEEDS;
}

/* A question that was asked, and what the zones say to it. */
typedef struct asked {
    const char *name;
    uint16_t type;
    size_t client;
} asked_t;

static void compare(world_t *world, uint64_t seed, const asked_t *asked, tally_t *tally)
{
    char mnemonic[RRTYPE_TEXT_MAX];
    buffer_t truth;
    buffer_init(&truth, 1 << 20);
    bool is_known = sim_truth(world->sim, asked->name, asked->type, &truth);
    const sim_answer_t *answer = &world->sim->answers[asked->client];
    assert_true(answer->is_there);
    rrtype_to_text(asked->type, mnemonic);
    if (answer->rcode == RCODE_SERVFAIL) {
        tally->failed += is_known;
        if (is_known && getenv("SIM_VERBOSE")) {
            fprintf(stderr, "seed %lu: %s %s: SERVFAIL: %s\n", (unsigned long)seed, asked->name, mnemonic, answer->why);
        }
    } else if (!is_known || strcmp(buffer_text(&truth), answer->text) != 0) {
        tally->wrong++;
        fprintf(stderr, "seed %lu: %s %s: said\n%sbut the zones say\n%s", (unsigned long)seed, asked->name, mnemonic, answer->text,
                is_known ? buffer_text(&truth) : "nothing\n");
    } else {
        tally->answered++;
    }
    buffer_clear(&truth);
}

/* One question alone, or several at once, some a little later than others. */
static void ask_some(world_t *world, uint64_t seed, tally_t *tally)
{
    enum { AT_ONCE_MAX = 12, LIMIT_MS = 60000 };
    asked_t asked[AT_ONCE_MAX];
    sim_t *sim = world->sim;
    unsigned count = sim_random(sim, 2) ? 1 : 1 + sim_random(sim, AT_ONCE_MAX);
    unsigned before = sim_queries(sim);
    for (unsigned i = 0; i < count; i++) {
        asked[i].name = world_question(world, &asked[i].type);
        asked[i].client = sim_begin(sim, asked[i].name, asked[i].type, 0);
        sim_run(sim, sim_random(sim, 4) ? 0 : sim_random(sim, 300));
    }
    sim_run(sim, LIMIT_MS);
    unsigned queries = (sim_queries(sim) - before) / count;
    tally->most_queries = queries > tally->most_queries ? queries : tally->most_queries;
    for (unsigned i = 0; i < count; i++) {
        compare(world, seed, &asked[i], tally);
    }
}

static uint64_t run_world(uint64_t seed, const world_settings_t *settings, tally_t *tally)
{
    world_t *world = world_new(seed, settings);
    world->sim->prints = getenv("SIM_SEED") != NULL;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ask_some(world, seed, tally);
        assert_int_equal(resolver_requests(world->sim->resolver), 0);
        assert_int_equal(resolver_fetches(world->sim->resolver), 0);
        if (sim_random(world->sim, 8) == 0) {
            sim_sleep(world->sim, 1 + sim_random(world->sim, 4000));
        }
    }
    uint64_t trace = world->sim->trace;
    world_free(world);
    return trace;
}

static void run_worlds(const char *what, const world_settings_t *settings, tally_t *tally)
{
    const char *only = getenv("SIM_SEED");
    uint64_t first = only ? strtoul(only, NULL, 10) : 1;
    uint64_t last = only ? first : seeds();
    for (uint64_t seed = first; seed <= last; seed++) {
        run_world(seed, settings, tally);
    }
    print_message("%s: %u right, %u failed, %u wrong, at most %u queries a question\n", what, tally->answered, tally->failed, tally->wrong,
                  tally->most_queries);
    assert_int_equal(tally->wrong, 0);
    assert_true(tally->most_queries <= 120); /* a request's 100, and those of a priming */
}

/* Everything works: every answer is there. */
static void healthy_worlds(void **state)
{
    (void)state;
    world_settings_t settings = {0};
    tally_t tally = {0};
    run_worlds("healthy worlds", &settings, &tally);
    assert_int_equal(tally.failed, 0);
}

static void lossy_worlds(void **state)
{
    (void)state;
    world_settings_t settings = {.loss_percent = 20};
    tally_t tally = {0};
    run_worlds("lossy worlds", &settings, &tally);
    assert_true(tally.failed * 50 < tally.answered);
}

static void broken_worlds(void **state)
{
    (void)state;
    world_settings_t settings = {.broken_percent = 40, .loss_percent = 10, .knots = true};
    tally_t tally = {0};
    run_worlds("broken worlds", &settings, &tally);
    assert_true(tally.answered > tally.failed);
}

static void same_seed_same_run(void **state)
{
    (void)state;
    world_settings_t settings = {.broken_percent = 40, .loss_percent = 20, .knots = true};
    tally_t tally = {0};
    for (uint64_t seed = 1; seed <= 5; seed++) {
        uint64_t first = run_world(seed, &settings, &tally);
        assert_true(first == run_world(seed, &settings, &tally));
        assert_true(first != run_world(seed + 100, &settings, &tally));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_worlds),
        cmocka_unit_test(lossy_worlds),
        cmocka_unit_test(broken_worlds),
        cmocka_unit_test(same_seed_same_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
