#include "internet.h"

#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SOA(apex) apex " 3600 SOA ns." apex " host." apex " 1 7200 900 1209600 300\n"

static const char root_zone[] = ". 3600 SOA ns.rootsrv. host.rootsrv. 1 7200 900 1209600 300\n"
                                ". 3600 NS ns.rootsrv.\n"
                                "ns.rootsrv. 3600 A 192.0.2.1\n"
                                "com. 3600 NS ns.com.\n"
                                "ns.com. 3600 A 192.0.2.2\n"
                                "net. 3600 NS ns.net.\n"
                                "ns.net. 3600 A 192.0.2.3\n";

static const char com_zone[] = SOA("com.") "com. 3600 NS ns.com.\n"
                                           "ns.com. 3600 A 192.0.2.2\n"
                                           "example.com. 3600 NS ns1.example.com.\n"
                                           "example.com. 3600 NS ns2.example.com.\n"
                                           "ns1.example.com. 3600 A 192.0.2.10\n"
                                           "ns2.example.com. 3600 A 192.0.2.11\n"
                                           "victim.com. 3600 NS ns.victim.com.\n"
                                           "ns.victim.com. 3600 A 192.0.2.20\n";

static const char net_zone[] = SOA("net.") "net. 3600 NS ns.net.\n"
                                           "ns.net. 3600 A 192.0.2.3\n"
                                           "other.net. 3600 NS ns.other.net.\n"
                                           "ns.other.net. 3600 A 192.0.2.30\n"
                                           "glueless.net. 3600 NS ns1.example.com.\n";

static const char example_zone[] = SOA("example.com.") "example.com. 3600 NS ns1.example.com.\n"
                                                       "example.com. 3600 NS ns2.example.com.\n"
                                                       "ns1.example.com. 3600 A 192.0.2.10\n"
                                                       "ns2.example.com. 3600 A 192.0.2.11\n"
                                                       "www.example.com. 3600 A 198.51.100.1\n"
                                                       "short.example.com. 60 A 198.51.100.2\n"
                                                       "a.b.c.d.example.com. 3600 A 198.51.100.3\n"
                                                       "odd.example.com. 3600 TYPE65280 \\# 3 010203\n"
                                                       "alias.example.com. 3600 CNAME www.example.com.\n"
                                                       "alias2.example.com. 3600 CNAME alias.example.com.\n"
                                                       "across.example.com. 3600 CNAME www.other.net.\n"
                                                       "dangling.example.com. 3600 CNAME nowhere.example.com.\n"
                                                       "loop1.example.com. 3600 CNAME loop2.example.com.\n"
                                                       "loop2.example.com. 3600 CNAME loop1.example.com.\n"
                                                       "local.example.com. 3600 CNAME localhost.\n"
                                                       "d.example.com. 3600 DNAME other.net.\n"
                                                       "*.wild.example.com. 3600 A 198.51.100.9\n"
                                                       "big.example.com. 3600 TXT \"a record\"\n";

static const char victim_zone[] = SOA("victim.com.") "victim.com. 3600 NS ns.victim.com.\n"
                                                     "ns.victim.com. 3600 A 192.0.2.20\n"
                                                     "www.victim.com. 3600 A 198.51.100.20\n";

static const char other_zone[] = SOA("other.net.") "other.net. 3600 NS ns.other.net.\n"
                                                   "ns.other.net. 3600 A 192.0.2.30\n"
                                                   "www.other.net. 3600 A 198.51.100.30\n"
                                                   "back.other.net. 3600 CNAME alias.example.com.\n";

static const char glueless_zone[] = SOA("glueless.net.") "glueless.net. 3600 NS ns1.example.com.\n"
                                                         "www.glueless.net. 3600 A 198.51.100.40\n";

sim_t *internet_new(void)
{
    sim_t *sim = sim_new(7);
    sim_zone(sim, ".", root_zone);
    sim_zone(sim, "com.", com_zone);
    sim_zone(sim, "net.", net_zone);
    sim_zone(sim, "example.com.", example_zone);
    sim_zone(sim, "victim.com.", victim_zone);
    sim_zone(sim, "other.net.", other_zone);
    sim_zone(sim, "glueless.net.", glueless_zone);
    sim_host(sim, "192.0.2.1", ".");
    sim_host(sim, "192.0.2.2", "com.");
    sim_host(sim, "192.0.2.3", "net.");
    sim_host(sim, "192.0.2.10", "example.com. glueless.net.");
    sim_host(sim, "192.0.2.11", "example.com.");
    sim_host(sim, "192.0.2.20", "victim.com.");
    sim_host(sim, "192.0.2.30", "other.net.");
    sim_hint(sim, "ns.rootsrv.", "192.0.2.1");
    return sim;
}

void internet_expect(sim_t *sim, const char *name, uint16_t type, const char *text)
{
    const sim_answer_t *answer = sim_ask(sim, name, type);
    if (answer->why[0]) {
        print_message("%s: %s\n", name, answer->why);
    }
    assert_string_equal(answer->text, text);
}
