/* Memory that fails at any place of a resolution: every client gets an answer, the resolver's invariants hold, nothing is lost (a build
 * with AddressSanitizer sees to that), and as soon as there is memory again the same question is answered well.
 *
 * What the resolver allocates is counted, not what the simulator around it does: calls are counted inside its events only.
 */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct shortage {
    bool is_inside;   /* an event of the resolver */
    bool lasts;       /* not one allocation fails but all from there on */
    unsigned allowed; /* allocations that succeed; UINT_MAX: all */
    unsigned seen;
} shortage_t;

static shortage_t *shortage(void)
{
    static shortage_t only;
    return &only;
}

static bool fails(void)
{
    shortage_t *s = shortage();
    if (!s->is_inside) {
        return false;
    }
    unsigned number = s->seen++;
    return s->lasts ? number >= s->allowed : number == s->allowed;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

/* ---- the resolver's events ---- */

status_t __real_resolver_ask(resolver_t *resolver, const resolver_question_t *question, resolver_time_t now);
status_t __wrap_resolver_ask(resolver_t *resolver, const resolver_question_t *question, resolver_time_t now);
resolver_verdict_t __real_resolver_reply(resolver_t *resolver, uint64_t exchange, const resolver_address_t *source, const uint8_t *bytes,
                                         size_t size, resolver_time_t now);
resolver_verdict_t __wrap_resolver_reply(resolver_t *resolver, uint64_t exchange, const resolver_address_t *source, const uint8_t *bytes,
                                         size_t size, resolver_time_t now);
void __real_resolver_tick(resolver_t *resolver, resolver_time_t now);
void __wrap_resolver_tick(resolver_t *resolver, resolver_time_t now);

status_t __wrap_resolver_ask(resolver_t *resolver, const resolver_question_t *question, resolver_time_t now)
{
    shortage()->is_inside = true;
    status_t status = __real_resolver_ask(resolver, question, now);
    shortage()->is_inside = false;
    return status;
}

resolver_verdict_t __wrap_resolver_reply(resolver_t *resolver, uint64_t exchange, const resolver_address_t *source, const uint8_t *bytes,
                                         size_t size, resolver_time_t now)
{
    shortage()->is_inside = true;
    resolver_verdict_t verdict = __real_resolver_reply(resolver, exchange, source, bytes, size, now);
    shortage()->is_inside = false;
    return verdict;
}

void __wrap_resolver_tick(resolver_t *resolver, resolver_time_t now)
{
    shortage()->is_inside = true;
    __real_resolver_tick(resolver, now);
    shortage()->is_inside = false;
}

static void allow(unsigned allocations, bool lasts)
{
    *shortage() = (shortage_t){.lasts = lasts, .allowed = allocations};
}

static void allow_all(void)
{
    allow(UINT32_MAX, false);
}

/* ---- */

/* An alias from a zone with NSEC to a name of one with NSEC3: referrals, keys, DS, denials, a chain of two. */
static void try_at(sim_t *sim, unsigned allocations, bool lasts)
{
    static const char *const names[] = {"to-nsec3.example.net.", "nowhere.example.org.", "x.wild.example.org."};
    static const char *const texts[] = {"NOERROR\nto-nsec3.example.net. CNAME www.example.org.\nwww.example.org. A 198.51.100.1\n",
                                        "NXDOMAIN\n", NULL};
    size_t clients[3];
    allow(allocations, lasts);
    for (unsigned i = 0; i < 3; i++) {
        clients[i] = sim_begin(sim, names[i], TYPE_A, 0);
    }
    sim_run(sim, 30000);
    for (unsigned i = 0; i < 3; i++) {
        const sim_answer_t *answer = &sim->answers[clients[i]];
        assert_true(answer->is_there);
        assert_true(answer->rcode == RCODE_SERVFAIL || !texts[i] || strcmp(answer->text, texts[i]) == 0);
        assert_true(answer->rcode == RCODE_SERVFAIL || answer->security == STORE_SECURE);
    }
}

static void check_all(bool lasts, unsigned step)
{
    secure_t *secure = secure_new();
    allow_all();
    sim_t *sim = secure_start(secure);
    for (unsigned allocations = 0;; allocations += step) {
        try_at(sim, allocations, lasts);
        if (shortage()->seen <= allocations) {
            break;
        }
        allow_all();
        sim_sleep(sim, sim->settings.failure_ttl_max_s + 1);
        secure_expect(sim, "to-nsec3.example.net.", TYPE_A,
                      "NOERROR\nto-nsec3.example.net. CNAME www.example.org.\nwww.example.org. A 198.51.100.1\n");
        secure_expect(sim, "nowhere.example.org.", TYPE_A, "NXDOMAIN\n");
        sim_restart(sim, allocations);
    }
    allow_all();
    secure_free(secure);
}

static void one_allocation_fails(void **state)
{
    (void)state;
    check_all(false, 1);
}

static void all_allocations_fail_from_there_on(void **state)
{
    (void)state;
    check_all(true, 7);
}

static uint64_t no_random(void *context)
{
    (void)context;
    return 4;
}

/* Making a resolver. */
static void a_resolver_cannot_be_made(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    allow_all();
    sim_t *sim = secure_start(secure);
    resolver_t *resolver = NULL;
    for (unsigned allocations = 0; !resolver; allocations++) {
        allow(allocations, false);
        shortage()->is_inside = true;
        resolver = resolver_new(&sim->settings, sim->store, (resolver_random_t){.next = no_random});
        shortage()->is_inside = false;
    }
    resolver_free(resolver);
    allow_all();
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_allocation_fails),
        cmocka_unit_test(all_allocations_fail_from_there_on),
        cmocka_unit_test(a_resolver_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
