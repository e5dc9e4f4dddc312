/* The expectations of secure.h, which need the test framework. */
#include "secure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *security_text(store_security_t security)
{
    static const char *const texts[] = {"indeterminate", "insecure", "secure", "bogus"};
    return texts[security];
}

/* Tells all when something is not as it must be. */
static void check(const sim_answer_t *answer, const char *name, bool is_good, const char *wanted)
{
    if (!is_good) {
        fprintf(stderr, "%s: wanted %s\nand was told: %s, extended error %d (%s)\n%s", name, wanted, security_text(answer->security),
                answer->extended_error, answer->why, answer->text);
        fail();
    }
}

void secure_expect(sim_t *sim, const char *name, uint16_t type, const char *text)
{
    const sim_answer_t *answer = sim_ask(sim, name, type);
    check(answer, name, strcmp(answer->text, text) == 0, text);
    check(answer, name, answer->security == STORE_SECURE, "a secure answer");
}

void insecure_expect(sim_t *sim, const char *name, uint16_t type, const char *text)
{
    const sim_answer_t *answer = sim_ask(sim, name, type);
    check(answer, name, strcmp(answer->text, text) == 0, text);
    check(answer, name, answer->security == STORE_INSECURE, "an insecure answer");
}

void truth_expect(sim_t *sim, const char *name, uint16_t type, store_security_t security)
{
    buffer_t truth;
    buffer_init(&truth, 1 << 20);
    bool is_known = sim_truth(sim, name, type, &truth);
    const sim_answer_t *answer = sim_ask(sim, name, type);
    check(answer, name, is_known && strcmp(answer->text, buffer_text(&truth)) == 0, buffer_text(&truth));
    check(answer, name, answer->security == security, security_text(security));
    buffer_clear(&truth);
}

static bool is_reason(int extended_error, int wanted)
{
    return extended_error == wanted ||
           (wanted == SECURE_ANY_REASON && (extended_error == EDE_DNSSEC_BOGUS || extended_error == EDE_DNSKEY_MISSING ||
                                            extended_error == EDE_RRSIGS_MISSING || extended_error == EDE_NSEC_MISSING));
}

void bogus_expect(sim_t *sim, const char *name, uint16_t type, int extended_error)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "SERVFAIL with extended error %d and a text", extended_error);
    const sim_answer_t *answer = sim_ask(sim, name, type);
    bool is_empty = strcmp(answer->text, "SERVFAIL\n") == 0 && answer->authority_count == 0 && answer->security != STORE_SECURE;
    check(answer, name, is_empty && is_reason(answer->extended_error, extended_error) && answer->why[0], wanted);
}
