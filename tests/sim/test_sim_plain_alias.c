/* Aliases between zone cuts: from a parent into its child, up again, sideways, fresh and from the store. (Other chains: test_sim_plain.c.)
 */
#include "internet.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static sim_t *started(void)
{
    sim_t *sim = internet_new();
    sim_change_zone(sim, "com.",
                    "com. 3600 SOA ns.com. host.com. 1 7200 900 1209600 300\ncom. 3600 NS ns.com.\nns.com. 3600 A 192.0.2.2\n"
                    "example.com. 3600 NS ns1.example.com.\nns1.example.com. 3600 A 192.0.2.10\n"
                    "victim.com. 3600 NS ns.victim.com.\nns.victim.com. 3600 A 192.0.2.20\n"
                    "down.com. 3600 CNAME www.example.com.\nend.com. 3600 A 198.51.100.60\n"
                    "tree.com. 3600 DNAME example.com.\n");
    sim_change_zone(
        sim, "victim.com.",
        "victim.com. 3600 SOA ns.victim.com. host.victim.com. 1 7200 900 1209600 300\nvictim.com. 3600 NS ns.victim.com.\n"
        "ns.victim.com. 3600 A 192.0.2.20\nup.victim.com. 3600 CNAME end.com.\nsideways.victim.com. 3600 CNAME www.example.com.\n"
        "updown.victim.com. 3600 CNAME down.com.\napex.victim.com. 3600 CNAME example.com.\n"
        "parent.victim.com. 3600 CNAME com.\n");
    sim_start(sim);
    return sim;
}

static void cname_between_zone_cuts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"down.com.", "NOERROR\ndown.com. CNAME www.example.com.\nwww.example.com. A 198.51.100.1\n"},
        {"up.victim.com.", "NOERROR\nend.com. A 198.51.100.60\nup.victim.com. CNAME end.com.\n"},
        {"sideways.victim.com.", "NOERROR\nsideways.victim.com. CNAME www.example.com.\nwww.example.com. A 198.51.100.1\n"},
        {"updown.victim.com.",
         "NOERROR\ndown.com. CNAME www.example.com.\nupdown.victim.com. CNAME down.com.\nwww.example.com. A 198.51.100.1\n"},
        {"apex.victim.com.", "NOERROR\napex.victim.com. CNAME example.com.\n"},
        {"parent.victim.com.", "NOERROR\nparent.victim.com. CNAME com.\n"},
        {"www.tree.com.", "NOERROR\ntree.com. DNAME example.com.\nwww.example.com. A 198.51.100.1\nwww.tree.com. CNAME www.example.com.\n"},
    };
    for (size_t first = 0; first < ARRAY_SIZE(cases); first++) { /* each with an empty store, then all with what it left */
        sim_t *sim = started();
        internet_expect(sim, cases[first].name, TYPE_A, cases[first].text);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            internet_expect(sim, cases[i].name, TYPE_A, cases[i].text);
        }
        unsigned queries = sim_queries(sim);
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            internet_expect(sim, cases[i].name, TYPE_A, cases[i].text);
        }
        assert_int_equal(sim_queries(sim), queries);
        sim_free(sim);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cname_between_zone_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
