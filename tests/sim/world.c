#include "world.h"

#include "base/require.h"
#include "sim_internal.h"
#include "wire/rrtype.h"
#include "world_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONES_MAX = WORLD_ZONES_MAX, SERVERS_MAX = 3, TEXT_SIZE = 128 };

/* A zone to be: its name, its servers, its text as it grows. */
typedef struct plan {
    char apex[TEXT_SIZE];
    unsigned parent; /* its index; the root is its own */
    unsigned depth;
    unsigned server_count;
    bool is_dangling; /* delegated, and served by nobody */
    bool shares_parent_servers;
    char server[SERVERS_MAX][TEXT_SIZE];
    char address[SERVERS_MAX][64];
    bool has_glue[SERVERS_MAX];
    world_signing_t signing;
    buffer_t text;
} plan_t;

typedef struct drawing {
    world_t *world;
    const world_settings_t *settings;
    plan_t plans[ZONES_MAX];
    unsigned count;
    unsigned addresses;
} drawing_t;

static uint32_t draw(drawing_t *drawing, uint32_t limit)
{
    return sim_random(drawing->world->sim, limit);
}

static bool chance(drawing_t *drawing, unsigned percent)
{
    return draw(drawing, 100) < percent;
}

static void add_name(drawing_t *drawing, const char *name)
{
    world_t *world = drawing->world;
    if (world->name_count < WORLD_NAMES_MAX) {
        world->names[world->name_count] = strdup(name);
        REQUIRE(world->names[world->name_count]);
        world->name_count++;
    }
}

static void join(char out[static TEXT_SIZE], const char *label, const char *apex)
{
    int length = strcmp(apex, ".") == 0 ? snprintf(out, TEXT_SIZE, "%s.", label) : snprintf(out, TEXT_SIZE, "%s.%s", label, apex);
    REQUIRE(length > 0 && length < TEXT_SIZE);
}

/* ---- zones and their servers ---- */

static void plan_address(drawing_t *drawing, char out[static 64])
{
    unsigned number = drawing->addresses++;
    if (number > 0 && chance(drawing, 20)) {
        snprintf(out, 64, "2001:db8::%x", number + 1);
    } else {
        snprintf(out, 64, "192.0.2.%u", number + 1);
    }
}

/* In the zone itself with glue; or under an earlier zone whose own servers have glue, so that no knot is tied unless wanted. */
static void plan_server(drawing_t *drawing, plan_t *plan, unsigned index)
{
    unsigned own = (unsigned)(plan - drawing->plans);
    const plan_t *home = plan;
    if (own > 1 && chance(drawing, 25)) {
        home = &drawing->plans[1 + draw(drawing, drawing->settings->knots ? drawing->count - 1 : own - 1)];
    }
    char label[16];
    snprintf(label, sizeof label, "ns%u-%u", own, index);
    join(plan->server[index], label, home->apex);
    plan->has_glue[index] = home == plan;
    plan_address(drawing, plan->address[index]);
}

static void plan_zones(drawing_t *drawing)
{
    drawing->plans[0] = (plan_t){.apex = "."};
    drawing->count = 4 + draw(drawing, ZONES_MAX - 4);
    for (unsigned i = 1; i < drawing->count; i++) {
        plan_t *plan = &drawing->plans[i];
        plan->parent = i <= 2 ? 0 : draw(drawing, i);
        if (drawing->plans[plan->parent].depth >= 4 || drawing->plans[plan->parent].is_dangling) {
            plan->parent = 0;
        }
        plan->depth = drawing->plans[plan->parent].depth + 1;
        char label[32];
        snprintf(label, sizeof label, chance(drawing, 15) ? "ent.z%u" : "z%u", i);
        join(plan->apex, label, drawing->plans[plan->parent].apex);
        plan->is_dangling = drawing->settings->knots && chance(drawing, 8);
    }
    for (unsigned i = 0; i < drawing->count; i++) {
        plan_t *plan = &drawing->plans[i];
        buffer_init(&plan->text, 1 << 20);
        plan->server_count = 1 + draw(drawing, SERVERS_MAX);
        plan->shares_parent_servers = i > 0 && !plan->is_dangling && chance(drawing, 15);
        for (unsigned j = 0; j < plan->server_count; j++) {
            plan_server(drawing, plan, j);
        }
    }
}

/* Which zones are signed, how well, and what follows for those below them. */
static void plan_signatures(drawing_t *drawing)
{
    world_t *world = drawing->world;
    if (drawing->settings->signed_percent == 0) {
        return;
    }
    for (unsigned i = 0; i < drawing->count; i++) {
        plan_t *plan = &drawing->plans[i];
        store_security_t above = i > 0 ? world->zones[plan->parent].security : STORE_SECURE;
        if (i == 0 || (!plan->is_dangling && chance(drawing, drawing->settings->signed_percent))) {
            world_signing_draw(&plan->signing, world->sim, plan->apex, i > 0 ? drawing->settings->bogus_percent : 0);
        }
        store_security_t own = !plan->signing.is_signed ? STORE_INSECURE : plan->signing.is_broken ? STORE_BOGUS : STORE_SECURE;
        world->zones[i].apex = sim_name(plan->apex);
        world->zones[i].is_opt_out = plan->signing.is_signed && plan->signing.signing.denial == ZONE_DENIAL_OPT_OUT;
        world->zones[i].security = above == STORE_SECURE ? own : above;
        world->zone_count++;
    }
}

store_security_t world_security(const world_t *world, const sim_truth_path_t *path)
{
    store_security_t least = STORE_SECURE;
    for (unsigned step = 0; step < path->count; step++) {
        for (size_t i = 0; i < world->zone_count; i++) {
            if (!name_equal(world->zones[i].apex.wire, path->steps[step].apex)) {
                continue;
            }
            if (world->zones[i].security == STORE_BOGUS) {
                return STORE_BOGUS;
            }
            bool is_opt_out = world->zones[i].is_opt_out && path->steps[step].is_covered;
            least = world->zones[i].security == STORE_INSECURE || is_opt_out ? STORE_INSECURE : least;
        }
    }
    return least;
}

static void record(plan_t *plan, const char *owner, const char *type, const char *rdata)
{
    buffer_printf(&plan->text, "%s 3600 %s %s\n", owner, type, rdata);
}

static plan_t *home_of(drawing_t *drawing, const char *name)
{
    name_t wire = sim_name(name);
    plan_t *home = &drawing->plans[0];
    for (unsigned i = 1; i < drawing->count; i++) {
        name_t apex = sim_name(drawing->plans[i].apex);
        name_t best = sim_name(home->apex);
        if (name_is_at_or_below(wire.wire, apex.wire) && apex.labels > best.labels) {
            home = &drawing->plans[i];
        }
    }
    return home;
}

static void write_servers(drawing_t *drawing, plan_t *plan)
{
    plan_t *parent = &drawing->plans[plan->parent];
    if (plan->signing.is_signed && plan != parent) {
        world_signing_write_ds(&plan->signing, plan->apex, &parent->text);
    }
    for (unsigned j = 0; j < plan->server_count; j++) {
        const char *type = strchr(plan->address[j], ':') ? "AAAA" : "A";
        record(plan, plan->apex, "NS", plan->server[j]);
        plan_t *home = home_of(drawing, plan->server[j]);
        record(home, plan->server[j], type, plan->address[j]);
        add_name(drawing, plan->server[j]);
        if (plan != parent) {
            record(parent, plan->apex, "NS", plan->server[j]);
            if (home == plan) {
                record(parent, plan->server[j], type, plan->address[j]);
            }
        }
    }
}

/* ---- contents ---- */

static const char *any_name(drawing_t *drawing, char out[static TEXT_SIZE])
{
    if (drawing->world->name_count > 0 && chance(drawing, 70)) {
        return drawing->world->names[draw(drawing, (uint32_t)drawing->world->name_count)];
    }
    join(out, "nowhere", drawing->plans[draw(drawing, drawing->count)].apex);
    return out;
}

static void write_owner(drawing_t *drawing, plan_t *plan, unsigned number)
{
    static const struct {
        const char *before;
        const char *behind;
    } shapes[] = {{"h", ""}, {"a.b.h", ""}, {"*.w", ""}, {"_x._tcp.h", ""}, {"h", ".deep.er.and.deep.er.still"}};
    char label[64];
    char owner[TEXT_SIZE];
    char target[TEXT_SIZE];
    char rdata[TEXT_SIZE + 8];
    unsigned shape = draw(drawing, ARRAY_SIZE(shapes));
    snprintf(label, sizeof label, "%s%u%s", shapes[shape].before, number, shapes[shape].behind);
    join(owner, label, plan->apex);
    switch (draw(drawing, 6)) {
    case 0:
        record(plan, owner, "CNAME", any_name(drawing, target));
        break;
    case 1:
        snprintf(rdata, sizeof rdata, "10 %s", any_name(drawing, target));
        record(plan, owner, "MX", rdata);
        break;
    case 2:
        record(plan, owner, "AAAA", "2001:db8:1::1");
        break;
    case 3:
        if (shape == 0) {
            record(plan, owner, "DNAME", drawing->plans[draw(drawing, drawing->count)].apex);
            join(target, "h1", owner);
            add_name(drawing, target);
            break;
        }
        __attribute__((fallthrough));
    default:
        record(plan, owner, "A", "198.51.100.1");
        record(plan, owner, "A", "198.51.100.2");
        record(plan, owner, "TXT", "\"text\"");
        break;
    }
    add_name(drawing, owner);
    if (shape == 1 || shape == 4) { /* its empty non-terminals */
        add_name(drawing, strchr(owner, '.') + 1);
    }
    if (shape == 2) {
        join(target, "match", strchr(owner, '.') + 1);
        add_name(drawing, target);
        join(target, "deep.match", strchr(owner, '.') + 1);
        add_name(drawing, target);
    }
}

static void write_contents(drawing_t *drawing, plan_t *plan)
{
    char name[TEXT_SIZE];
    unsigned owners = 2 + draw(drawing, 8);
    add_name(drawing, plan->apex);
    for (unsigned i = 0; i < owners; i++) {
        write_owner(drawing, plan, i);
    }
    join(name, "missing", plan->apex);
    add_name(drawing, name);
    join(name, "very.far.missing", plan->apex);
    add_name(drawing, name);
    if (drawing->settings->knots) {
        char a[TEXT_SIZE];
        char b[TEXT_SIZE];
        join(a, "loop1", plan->apex);
        join(b, "loop2", plan->apex);
        record(plan, a, "CNAME", b);
        record(plan, b, "CNAME", a);
        add_name(drawing, a);
    }
}

/* ---- servers ---- */

static unsigned draw_behaviour(drawing_t *drawing)
{
    static const unsigned kinds[] = {
        SIM_SILENT,
        SIM_REFUSES,
        SIM_FAILS,
        SIM_LAME,
        SIM_UPWARD,
        SIM_FORMERR_ON_EDNS,
        SIM_DROPS_EDNS,
        SIM_TRUNCATES,
        SIM_WRONG_ID,
        SIM_WRONG_QUESTION,
        SIM_WRONG_SOURCE,
        SIM_GARBAGE,
        SIM_NOT_A_RESPONSE,
        SIM_LOSES_CASE,
        SIM_OUT_OF_CACHE,
        SIM_NO_SOA,
        SIM_SPEAKS_COOKIES,
        SIM_SPEAKS_COOKIES | SIM_BAD_COOKIE_FIRST,
        SIM_POISONS,
        SIM_ONLY_GARBAGE,
        SIM_PARENT_NS,
        SIM_NOTIMP_UNLESS_WHOLE,
        SIM_UNREACHABLE,
        SIM_NO_TCP | SIM_TRUNCATES,
        SIM_LOSES_CASE | SIM_NO_TCP,
        SIM_SPEAKS_COOKIES | SIM_WRONG_COOKIE,
    };
    return kinds[draw(drawing, ARRAY_SIZE(kinds))];
}

static void make_servers(drawing_t *drawing, const plan_t *plan)
{
    sim_t *sim = drawing->world->sim;
    char zones[2 * TEXT_SIZE * ZONES_MAX] = "";
    size_t length = 0;
    unsigned served = 0;
    for (unsigned i = 0; i < drawing->count; i++) {
        const plan_t *other = &drawing->plans[i];
        bool is_own = other == plan || (other->shares_parent_servers && &drawing->plans[other->parent] == plan);
        if (is_own && !other->is_dangling && served < SIM_HOST_ZONES_MAX) {
            length += (size_t)snprintf(zones + length, sizeof zones - length, "%s%s", served > 0 ? " " : "", other->apex);
            served++;
        }
    }
    for (unsigned j = 0; j < plan->server_count; j++) {
        sim_host_t *host = sim_host(sim, plan->address[j], zones);
        host->latency_ms = 1 + draw(drawing, 150);
        host->loss_percent = drawing->settings->loss_percent > 0 ? draw(drawing, drawing->settings->loss_percent) : 0;
        host->behaviours = chance(drawing, drawing->settings->broken_percent) ? draw_behaviour(drawing) : 0;
    }
}

world_t *world_new(uint64_t seed, const world_settings_t *settings)
{
    world_t *world = calloc(1, sizeof *world);
    drawing_t *drawing = calloc(1, sizeof *drawing);
    REQUIRE(world && drawing);
    world->sim = sim_new(seed);
    *drawing = (drawing_t){.world = world, .settings = settings};
    plan_zones(drawing);
    plan_signatures(drawing);
    for (unsigned i = 0; i < drawing->count; i++) {
        plan_t *plan = &drawing->plans[i];
        char soa[2 * TEXT_SIZE];
        snprintf(soa, sizeof soa, "%s host. 1 7200 900 1209600 300", plan->server[0]);
        record(plan, plan->apex, "SOA", soa);
        write_servers(drawing, plan);
    }
    for (unsigned i = 0; i < drawing->count; i++) {
        write_contents(drawing, &drawing->plans[i]);
    }
    for (unsigned i = 0; i < drawing->count; i++) {
        if (!drawing->plans[i].is_dangling) {
            plan_t *plan = &drawing->plans[i];
            sim_zone_contents(world->sim, plan->apex, world_signing_make(&plan->signing, plan->apex, buffer_text(&plan->text)));
        }
    }
    if (settings->signed_percent > 0) {
        buffer_t anchor;
        buffer_init(&anchor, 1024);
        world_signing_write_ds(&drawing->plans[0].signing, ".", &anchor);
        sim_trust(world->sim, buffer_text(&anchor));
        buffer_clear(&anchor);
    }
    for (unsigned i = 0; i < drawing->count; i++) {
        make_servers(drawing, &drawing->plans[i]);
        buffer_clear(&drawing->plans[i].text);
        world_signing_clear(&drawing->plans[i].signing);
    }
    for (unsigned j = 0; j < drawing->plans[0].server_count; j++) {
        sim_hint(world->sim, drawing->plans[0].server[j], drawing->plans[0].address[j]);
    }
    world->sim->settings.priming = draw(drawing, 2) == 0;
    world->sim->settings.prefer_ipv6 = draw(drawing, 2) == 0;
    world->sim->settings.minimise_names = draw(drawing, 4) != 0;
    world->sim->settings.randomise_case = draw(drawing, 4) != 0;
    if (settings->signed_percent > 0) { /* what is signed costs more; here it is the truth of answers that counts, not their price */
        world->sim->settings.signature_checks_max = 1000;
        world->sim->settings.upstream_queries_max = 1000;
        world->sim->settings.fetches_max_a_request = 1000;
        world->sim->settings.request_wall_ms = 50000;
    }
    sim_start(world->sim);
    free(drawing);
    return world;
}

void world_free(world_t *world)
{
    for (size_t i = 0; i < world->name_count; i++) {
        free(world->names[i]);
    }
    sim_free(world->sim);
    free(world);
}

const char *world_question(world_t *world, uint16_t *type)
{
    static const uint16_t types[] = {TYPE_A, TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_MX, TYPE_NS, TYPE_SOA, TYPE_CNAME, TYPE_DS};
    *type = types[sim_random(world->sim, ARRAY_SIZE(types))];
    return world->names[sim_random(world->sim, (uint32_t)world->name_count)];
}
