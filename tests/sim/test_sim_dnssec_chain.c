#include "secure.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void secure_answers(void **state)
{
    (void)state;
    secure_t *secure = secure_new();
    sim_t *sim = secure_start(secure);
    sim->prints = true;
    secure_expect(sim, "www.example.net.", TYPE_A, "NOERROR\nwww.example.net. A 198.51.100.1\n");
    secure_free(secure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secure_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
