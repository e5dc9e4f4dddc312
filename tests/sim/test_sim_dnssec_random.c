/* Random signed worlds: what the resolver says is what the zones say, worth exactly what their signatures make it; what is bogus is not
 * said at all. SIM_SEEDS sets how many worlds, SIM_SEED runs one and prints it. */
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

enum { SEEDS = 60, QUESTIONS = 40 };

typedef struct tally {
    unsigned secure;
    unsigned insecure;
    unsigned bogus;
    unsigned failed; /* SERVFAIL where there is an answer */
    unsigned wrong;
} tally_t;

static const char *security_text(store_security_t security)
{
    static const char *const texts[] = {"indeterminate", "insecure", "secure", "bogus"};
    return texts[security];
}

static void complain(uint64_t seed, const char *name, uint16_t type, const sim_answer_t *answer, const char *wanted)
{
    char mnemonic[RRTYPE_TEXT_MAX];
    rrtype_to_text(type, mnemonic);
    fprintf(stderr, "seed %lu: %s %s: said %s (%s)\n%sbut it is %s\n", (unsigned long)seed, name, mnemonic, security_text(answer->security),
            answer->why, answer->text, wanted);
}

static void ask(world_t *world, uint64_t seed, tally_t *tally)
{
    uint16_t type;
    const char *name = world_question(world, &type);
    sim_truth_path_t path = {0};
    buffer_t truth;
    buffer_init(&truth, 1 << 20);
    bool is_known = sim_truth_path(world->sim, name, type, &truth, &path);
    store_security_t security = world_security(world, &path);
    const sim_answer_t *answer = sim_ask(world->sim, name, type);
    if (answer->rcode == RCODE_SERVFAIL) {
        bool is_right = !is_known || security == STORE_BOGUS;
        tally->bogus += is_right;
        tally->failed += !is_right;
        if (!is_right && getenv("SIM_VERBOSE")) {
            complain(seed, name, type, answer, security_text(security));
        }
    } else if (!is_known || security == STORE_BOGUS || answer->security != security || strcmp(buffer_text(&truth), answer->text) != 0) {
        tally->wrong++;
        complain(seed, name, type, answer, security_text(security));
        fprintf(stderr, "%s", is_known ? buffer_text(&truth) : "nothing\n");
    } else {
        tally->secure += security == STORE_SECURE;
        tally->insecure += security == STORE_INSECURE;
    }
    buffer_clear(&truth);
}

static void run_worlds(const char *what, const world_settings_t *settings, tally_t *tally)
{
    const char *only = getenv("SIM_SEED");
    const char *count = getenv("SIM_SEEDS");
    uint64_t first = only ? strtoul(only, NULL, 10) : 1;
    uint64_t last = only ? first : count ? strtoul(count, NULL, 10) : SEEDS;
    for (uint64_t seed = first; seed <= last; seed++) {
        world_t *world = world_new(seed, settings);
        world->sim->prints = only != NULL;
        for (unsigned i = 0; i < QUESTIONS; i++) {
            ask(world, seed, tally);
            if (sim_random(world->sim, 10) == 0) {
                sim_sleep(world->sim, 1 + sim_random(world->sim, 5000));
            }
        }
        world_free(world);
    }
    print_message("%s: %u secure, %u insecure, %u bogus, %u failed, %u wrong\n", what, tally->secure, tally->insecure, tally->bogus,
                  tally->failed, tally->wrong);
    assert_int_equal(tally->wrong, 0);
    assert_true(only || (tally->secure > 0 && tally->insecure > 0));
}

/* All is well: every answer is there. */
static void healthy_signed_worlds(void **state)
{
    (void)state;
    world_settings_t settings = {.signed_percent = 80};
    tally_t tally = {0};
    run_worlds("healthy signed worlds", &settings, &tally);
    assert_int_equal(tally.failed, 0);
}

/* Servers of well-signed zones may be named in bogus ones; then there may be no way to them. */
static void worlds_with_bogus_zones(void **state)
{
    (void)state;
    world_settings_t settings = {.signed_percent = 80, .bogus_percent = 25};
    tally_t tally = {0};
    run_worlds("worlds with bogus zones", &settings, &tally);
    assert_true(tally.bogus > 0 && tally.failed * 5 < tally.secure);
}

static void broken_signed_worlds(void **state)
{
    (void)state;
    world_settings_t settings = {.signed_percent = 70, .bogus_percent = 15, .broken_percent = 30, .loss_percent = 10, .knots = true};
    tally_t tally = {0};
    run_worlds("broken signed worlds", &settings, &tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_signed_worlds),
        cmocka_unit_test(worlds_with_bogus_zones),
        cmocka_unit_test(broken_signed_worlds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
