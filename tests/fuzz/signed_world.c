#include "signed_world.h"

#include "base/require.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WAIT_MS = 60000 };

static const struct {
    const char *name;
    uint16_t type;
} questions[] = {
    {"www.example.net.", TYPE_A},           {"www.example.org.", TYPE_MX},
    {"nowhere.example.net.", TYPE_A},       {"nowhere.example.org.", TYPE_A},
    {"x.wild.example.org.", TYPE_A},        {"x.wild.example.net.", TYPE_TXT},
    {"www.unsigned.net.", TYPE_A},          {"www.unsigned.com.", TYPE_A},
    {"to-nsec3.example.net.", TYPE_A},      {"x.d.example.org.", TYPE_A},
    {"ent.example.net.", TYPE_A},           {"example.net.", TYPE_DS},
    {"example.org.", TYPE_DNSKEY},          {"unsigned.org.", TYPE_DS},
    {"wild-nsec3.example.com.", TYPE_AAAA}, {"net.", TYPE_NS},
    {"to-unsigned.example.org.", TYPE_A},   {"nowhere.example.com.", TYPE_A},
    {"nowhere-else.example.net.", TYPE_A},  {"nowhere-else.example.org.", TYPE_A}, /* in the gaps of the others */
};

/* example.net. and example.org. alone: asked at their own servers, trusted by anchors of their own. */
enum { ISLANDS = 2 };

typedef struct world {
    secure_t *secure;
    trust_anchors_t island_anchors;
    resolver_trust_t trust[SIGNED_WORLD_STARTS];
    resolver_address_t addresses[ISLANDS];
    resolver_zone_t stubs[ISLANDS];
} world_t;

static void make_islands(world_t *world)
{
    static const char *const apexes[ISLANDS] = {"example.net.", "example.org."};
    trust_anchors_init(&world->island_anchors);
    for (unsigned i = 0; i < ISLANDS; i++) {
        const secure_zone_t *zone = secure_zone(world->secure, apexes[i]);
        char anchor[SECURE_DS_TEXT_MAX];
        trust_anchor_error_t error;
        secure_ds_text(zone, zone->keys[0], DNSSEC_DIGEST_SHA256, anchor);
        REQUIRE(trust_anchors_parse(&world->island_anchors, anchor, strlen(anchor), &error) == STATUS_OK);
        REQUIRE(resolver_address_from_text(&world->addresses[i], zone->address, strlen(zone->address)));
        world->stubs[i] = (resolver_zone_t){.zone = sim_name(apexes[i]), .kind = RESOLVER_STUB, .addresses = &world->addresses[i]};
        world->stubs[i].address_count = 1;
    }
    world->trust[SIGNED_WORLD_ROOT] = world->secure->sim->trust;
    world->trust[SIGNED_WORLD_ISLANDS] = (resolver_trust_t){.anchors = &world->island_anchors};
}

static world_t *make_world(void)
{
    world_t *world = calloc(1, sizeof *world);
    REQUIRE(world);
    world->secure = secure_new();
    secure_zone(world->secure, "example.net.")->second_address = "192.0.2.40";
    resolver_settings_t *settings = &world->secure->sim->settings;
    settings->randomise_case = false;
    settings->builtin_local_zones = false; /* no question here is about them, and to list them takes a tenth of a run */
    settings->addresses_remembered_max = 64;
    settings->zones_trusted_max = 64;
    settings->fetches_max = 64;
    settings->requests_max = 64;
    settings->clients_max = 64;
    settings->zones = world->stubs;
    secure_start(world->secure);
    make_islands(world);
    return world;
}

sim_t *signed_world_begin(signed_world_way_t way, size_t (*tamper)(void *context, uint8_t *message, size_t size), void *context)
{
    static world_t *world; /* signing it again for each input would take most of the time */
    if (!world) {
        world = make_world();
    }
    sim_t *sim = world->secure->sim;
    sim->settings.zone_count = way.start == SIGNED_WORLD_ISLANDS ? ISLANDS : 0;
    sim->trust = world->trust[way.start];
    sim->uses_cache = way.uses_cache;
    sim_restart(sim, 7);
    sim->tamper = tamper;
    sim->tamper_context = context;
    return sim;
}

/* Letter case in names of rdata is not signed (RFC 4034 6.2). */
static void judge(sim_t *sim, size_t question, const sim_answer_t *answer)
{
    buffer_t truth;
    buffer_init(&truth, 1 << 20);
    bool is_known = sim_truth(sim, questions[question].name, questions[question].type, &truth);
    if (answer->security == STORE_SECURE && !(is_known && strcasecmp(buffer_text(&truth), answer->text) == 0)) {
        fprintf(stderr, "%s: said to be secure\n%sbut the zones say\n%s", questions[question].name, answer->text, buffer_text(&truth));
        abort();
    }
    buffer_clear(&truth);
}

void signed_world_ask(sim_t *sim, const uint8_t *choices, size_t count)
{
    enum { AT_ONCE_MAX = 8 };
    size_t clients[AT_ONCE_MAX];
    count = count < AT_ONCE_MAX ? count : AT_ONCE_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t question = choices[i] % ARRAY_SIZE(questions);
        unsigned flags = choices[i] & 0x80 ? RESOLVER_FLAG_CHECKING_DISABLED : 0;
        clients[i] = sim_begin(sim, questions[question].name, questions[question].type, flags);
        sim_run(sim, choices[i] & 0x40 ? WAIT_MS : 0);
    }
    sim_run(sim, WAIT_MS);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(sim->answers[clients[i]].is_there);
        judge(sim, choices[i] % ARRAY_SIZE(questions), &sim->answers[clients[i]]);
    }
    REQUIRE(resolver_fetches(sim->resolver) == 0 && resolver_exchanges(sim->resolver) == 0);
}
