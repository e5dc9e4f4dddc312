/* What bogus data make the resolver do before it believes that they are the best there is. */
#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WWW "NOERROR\nwww.example.net. A 198.51.100.1\n"

/* Bogus data is asked for again elsewhere before it counts. */
static void another_server_is_asked(void **state)
{
    (void)state;
    static const char *const names[] = {"www.example.net.", "nowhere.example.net."};
    static const char *const texts[] = {WWW, "NXDOMAIN\n"};
    for (unsigned which = 0; which < 2; which++) {
        for (unsigned i = 0; i < 2; i++) {
            secure_t *secure = secure_new();
            secure_zone(secure, "example.net.")->second_address = "192.0.2.40";
            sim_t *sim = secure_start(secure);
            sim_find_host(sim, which ? "192.0.2.40" : "192.0.2.11")->behaviours = SIM_STRIPS_DNSSEC;
            secure_expect(sim, names[i], TYPE_A, texts[i]);
            secure_free(secure);
        }
    }
}

/* That no other server helps does not change what is wrong: the reason stays that of the data. */
static void the_other_server_is_of_no_help(void **state)
{
    (void)state;
    static const unsigned behaviours[] = {SIM_SILENT, SIM_REFUSES, SIM_FAILS, SIM_LAME, SIM_UNREACHABLE};
    for (size_t i = 0; i < ARRAY_SIZE(behaviours); i++) {
        secure_t *secure = secure_new();
        secure_zone(secure, "example.net.")->second_address = "192.0.2.40";
        secure_fault(secure, "example.net.", (zone_fault_t){.kind = FAULT_ALTER_SIGNATURE, .type = TYPE_A});
        sim_t *sim = secure_start(secure);
        sim_find_host(sim, "192.0.2.40")->behaviours = behaviours[i];
        bogus_expect(sim, "www.example.net.", TYPE_A, EDE_DNSSEC_BOGUS);
        secure_free(secure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_server_is_asked),
        cmocka_unit_test(the_other_server_is_of_no_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
