#include "signed_world.h"

#include "base/require.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
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
};

sim_t *signed_world_begin(size_t (*tamper)(void *context, uint8_t *message, size_t size), void *context)
{
    static secure_t *secure; /* signing it again for each input would take most of the time */
    if (!secure) {
        secure = secure_new();
        secure_zone(secure, "example.net.")->second_address = "192.0.2.40";
        secure->sim->settings.randomise_case = false;
        secure->sim->settings.fetches_max = 64;
        secure->sim->settings.requests_max = 64;
        secure->sim->settings.clients_max = 64;
        secure_start(secure);
    }
    sim_restart(secure->sim, 7);
    secure->sim->tamper = tamper;
    secure->sim->tamper_context = context;
    return secure->sim;
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
