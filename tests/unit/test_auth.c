/* What is answered, name by name: each case asks through dispatch and compares the whole message, as text. */
#include "auth/answer.h"
#include "served.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char example_zone[] = "$TTL 3600\n"
                                   "@ SOA ns1 host 7 7200 900 1209600 300\n"
                                   "@ NS ns1\n"
                                   "@ NS ns.other.test.\n"
                                   "@ MX 10 mail\n"
                                   "@ MX 20 mail\n"
                                   "ns1 A 192.0.2.1\n"
                                   "ns1 AAAA 2001:db8::1\n"
                                   "mail A 192.0.2.2\n"
                                   "www A 192.0.2.3\n"
                                   "www A 192.0.2.4\n"
                                   "www TXT \"hello\"\n"
                                   "alias CNAME www\n"
                                   "alias2 CNAME alias\n"
                                   "out CNAME www.elsewhere.invalid.\n"
                                   "across CNAME www.other.test.\n"
                                   "across-dname CNAME a.b.d.other.test.\n"
                                   "dangling CNAME nothere\n"
                                   "into-cut CNAME host.sub\n"
                                   "loop1 CNAME loop2\n"
                                   "loop2 CNAME loop1\n"
                                   "*.wild A 192.0.2.9\n"
                                   "*.wild TXT \"w\"\n"
                                   "*.wc CNAME www\n"
                                   "b.wild TXT \"not the wildcard\"\n"
                                   "x.y.ent TXT \"deep\"\n"
                                   "sub NS ns.sub\n"
                                   "sub NS ns.sibling\n"
                                   "sub NS ns1\n"
                                   "sub NS ns.far.invalid.\n"
                                   "ns.sub A 192.0.2.10\n"
                                   "ns.sub AAAA 2001:db8::10\n"
                                   "sibling NS ns.sibling\n"
                                   "ns.sibling A 192.0.2.11\n"
                                   "secure NS ns.sub\n"
                                   "secure DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
                                   "d 60 DNAME target\n"
                                   "a.target A 192.0.2.20\n"
                                   "dloop DNAME dloop2\n"
                                   "dloop2 DNAME dloop\n"
                                   "srv SRV 1 2 3 mail\n"
                                   "svc HTTPS 1 . alpn=h2\n"
                                   "svc A 192.0.2.30\n"
                                   "svc-alias HTTPS 0 svc\n";

static const char other_zone[] = "$TTL 1800\n"
                                 "@ SOA ns host 9 7200 900 1209600 600\n"
                                 "@ NS ns\n"
                                 "ns A 192.0.2.101\n"
                                 "www A 192.0.2.102\n"
                                 "d DNAME example.\n"
                                 "back CNAME www.example.\n";

#define SOA_AU "AU example. 300 SOA ns1.example. host.example. 7 7200 900 1209600 300\n"

typedef struct fixture {
    served_t served;
    buffer_t text;
} fixture_t;

static fixture_t *begin(served_signing_t signing)
{
    fixture_t *fixture = test_calloc(1, sizeof *fixture);
    served_init(&fixture->served);
    buffer_init(&fixture->text, 1 << 20);
    served_add(&fixture->served, "example.", example_zone, signing);
    served_add(&fixture->served, "other.test.", other_zone, signing);
    return fixture;
}

static void end(fixture_t *fixture)
{
    served_clear(&fixture->served);
    buffer_clear(&fixture->text);
    test_free(fixture);
}

static const char *ask(fixture_t *fixture, const char *name, uint16_t type)
{
    question_t question = {.name = name, .type = type};
    return served_ask(&fixture->served, &question, &fixture->text);
}

static const char *ask_signed(fixture_t *fixture, const char *name, uint16_t type)
{
    question_t question = {.name = name, .type = type, .edns = true, .dnssec_ok = true};
    return served_ask(&fixture->served, &question, &fixture->text);
}

static const char *ask_sized(fixture_t *fixture, const char *name, uint16_t type, uint16_t size)
{
    question_t question = {.name = name, .type = type, .edns = true, .dnssec_ok = true, .udp_size = size};
    return served_ask(&fixture->served, &question, &fixture->text);
}

/* ---- plain ---- */

static void answers_positive(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "www.example.", TYPE_A),
                        "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.3\nAN www.example. 3600 A 192.0.2.4\n");
    assert_string_equal(ask(f, "example.", TYPE_MX),
                        "NOERROR qr aa\nAN example. 3600 MX 10 mail.example.\nAN example. 3600 MX 20 mail.example.\n");
    /* The addresses of a zone's servers always come along; those of foreign names are not ours to give. */
    assert_string_equal(ask(f, "example.", TYPE_NS), "NOERROR qr aa\nAN example. 3600 NS ns.other.test.\nAN example. 3600 NS ns1.example.\n"
                                                     "AD ns1.example. 3600 A 192.0.2.1\nAD ns1.example. 3600 AAAA 2001:db8::1\n");
    assert_string_equal(ask(f, "example.", TYPE_SOA),
                        "NOERROR qr aa\nAN example. 3600 SOA ns1.example. host.example. 7 7200 900 1209600 300\n");
    end(f);
}

static void keeps_the_case_of_the_question(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "wWw.ExAmple.", TYPE_TXT), "NOERROR qr aa\nAN wWw.ExAmple. 3600 TXT \"hello\"\n");
    assert_string_equal(ask(f, "ALIAS.ExAmple.", TYPE_TXT),
                        "NOERROR qr aa\nAN ALIAS.ExAmple. 3600 CNAME www.ExAmple.\nAN www.ExAmple. 3600 TXT \"hello\"\n");
    end(f);
}

static void answers_negative(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "www.example.", TYPE_AAAA), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "www.example.", 64999), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "nothere.example.", TYPE_A), "NXDOMAIN qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "below.www.example.", TYPE_A), "NXDOMAIN qr aa\n" SOA_AU);
    /* Empty non-terminals exist (RFC 4592 2.2.2). */
    assert_string_equal(ask(f, "y.ent.example.", TYPE_A), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "ent.example.", TYPE_TXT), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "z.ent.example.", TYPE_TXT), "NXDOMAIN qr aa\n" SOA_AU);
    end(f);
}

static void refuses_what_is_not_ours(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "www.elsewhere.", TYPE_A), "REFUSED qr\n");
    assert_string_equal(ask(f, ".", TYPE_NS), "REFUSED qr\n");
    assert_string_equal(ask_signed(f, "www.elsewhere.", TYPE_A), "REFUSED qr\nOPT 1232 do 15=0014\n");
    served_add(&f->served, "unloaded.", NULL, SERVED_UNSIGNED);
    assert_string_equal(ask_signed(f, "www.unloaded.", TYPE_A), "SERVFAIL qr\nOPT 1232 do 15=000e\n");
    end(f);
}

static void answers_any_with_one_rrset(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "www.example.", TYPE_ANY),
                        "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.3\nAN www.example. 3600 A 192.0.2.4\n");
    assert_string_equal(ask(f, "alias.example.", TYPE_ANY), "NOERROR qr aa\nAN alias.example. 3600 CNAME www.example.\n");
    assert_string_equal(ask(f, "ent.example.", TYPE_ANY), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "nothere.example.", TYPE_ANY), "NXDOMAIN qr aa\n" SOA_AU);
    end(f);
}

/* ---- chains ---- */

static void follows_cnames(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "alias2.example.", TYPE_TXT),
                        "NOERROR qr aa\nAN alias2.example. 3600 CNAME alias.example.\n"
                        "AN alias.example. 3600 CNAME www.example.\nAN www.example. 3600 TXT \"hello\"\n");
    assert_string_equal(ask(f, "alias.example.", TYPE_CNAME), "NOERROR qr aa\nAN alias.example. 3600 CNAME www.example.\n");
    assert_string_equal(ask(f, "alias.example.", TYPE_AAAA), "NOERROR qr aa\nAN alias.example. 3600 CNAME www.example.\n" SOA_AU);
    assert_string_equal(ask(f, "dangling.example.", TYPE_A), "NXDOMAIN qr aa\nAN dangling.example. 3600 CNAME nothere.example.\n" SOA_AU);
    assert_string_equal(ask(f, "out.example.", TYPE_A), "NOERROR qr aa\nAN out.example. 3600 CNAME www.elsewhere.invalid.\n");
    assert_string_equal(ask(f, "across.example.", TYPE_A),
                        "NOERROR qr aa\nAN across.example. 3600 CNAME www.other.test.\nAN www.other.test. 1800 A 192.0.2.102\n");
    assert_string_equal(ask(f, "back.other.test.", TYPE_TXT),
                        "NOERROR qr aa\nAN back.other.test. 1800 CNAME www.example.\nAN www.example. 3600 TXT \"hello\"\n");
    assert_string_equal(ask(f, "across.example.", TYPE_AAAA),
                        "NOERROR qr aa\nAN across.example. 3600 CNAME www.other.test.\n"
                        "AU other.test. 600 SOA ns.other.test. host.other.test. 9 7200 900 1209600 600\n");
    end(f);
}

static void ends_loops(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "loop1.example.", TYPE_A),
                        "NOERROR qr aa\nAN loop1.example. 3600 CNAME loop2.example.\nAN loop2.example. 3600 CNAME loop1.example.\n");
    assert_string_equal(ask(f, "a.dloop.example.", TYPE_A),
                        "NOERROR qr aa\nAN dloop.example. 3600 DNAME dloop2.example.\nAN a.dloop.example. 3600 CNAME a.dloop2.example.\n"
                        "AN dloop2.example. 3600 DNAME dloop.example.\nAN a.dloop2.example. 3600 CNAME a.dloop.example.\n");
    end(f);
}

static void ends_long_chains(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    char zone[4096];
    int length = snprintf(zone, sizeof zone, "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n");
    for (int i = 0; i < 40; i++) {
        length += snprintf(zone + length, sizeof zone - (size_t)length, "c%d CNAME c%d\n", i, i + 1);
    }
    served_add(&f->served, "long.", zone, SERVED_UNSIGNED);
    const char *text = ask(f, "c0.long.", TYPE_A);
    size_t lines = 0;
    for (const char *p = text; (p = strstr(p, "CNAME")); p++) {
        lines++;
    }
    assert_int_equal(lines, AUTH_HOPS_MAX + 1);
    assert_non_null(strstr(text, "NOERROR qr aa\n"));
    end(f);
}

static void follows_dnames(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "A.d.example.", TYPE_A),
                        "NOERROR qr aa\nAN d.example. 60 DNAME target.example.\n"
                        "AN A.d.example. 60 CNAME A.target.example.\nAN A.target.example. 3600 A 192.0.2.20\n");
    assert_string_equal(ask(f, "d.example.", TYPE_DNAME), "NOERROR qr aa\nAN d.example. 60 DNAME target.example.\n");
    assert_string_equal(ask(f, "d.example.", TYPE_A), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "no.d.example.", TYPE_A), "NXDOMAIN qr aa\nAN d.example. 60 DNAME target.example.\n"
                                                         "AN no.d.example. 60 CNAME no.target.example.\n" SOA_AU);
    assert_string_equal(ask(f, "www.d.other.test.", TYPE_TXT),
                        "NOERROR qr aa\nAN d.other.test. 1800 DNAME example.\nAN www.d.other.test. 1800 CNAME www.example.\n"
                        "AN www.example. 3600 TXT \"hello\"\n");
    end(f);
}

static void tells_overlong_dnames(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    enum { LABEL = 50, FITS = 238 };
    char name[300];
    memset(name, 'a', sizeof name);
    for (size_t i = LABEL - 1; i < FITS - 1; i += LABEL) {
        name[i] = '.';
    }
    /* Behind target.example. this is 255 octets long, and one more is too long. */
    (void)snprintf(name + FITS, sizeof name - FITS, ".d.example.");
    const char *text = ask_sized(f, name, TYPE_A, 1232);
    assert_non_null(strstr(text, "NXDOMAIN qr aa\nAN d.example. 60 DNAME target.example.\n"));
    assert_non_null(strstr(text, "CNAME"));
    (void)snprintf(name + FITS, sizeof name - FITS, "a.d.example.");
    assert_string_equal(ask(f, name, TYPE_A), "YXDOMAIN qr aa\nAN d.example. 60 DNAME target.example.\n");
    end(f);
}

/* ---- wildcards ---- */

static void synthesizes_from_wildcards(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    assert_string_equal(ask(f, "a.wild.example.", TYPE_A), "NOERROR qr aa\nAN a.wild.example. 3600 A 192.0.2.9\n");
    assert_string_equal(ask(f, "a.b.c.wild.example.", TYPE_A), "NOERROR qr aa\nAN a.b.c.wild.example. 3600 A 192.0.2.9\n");
    assert_string_equal(ask(f, "*.wild.example.", TYPE_A), "NOERROR qr aa\nAN *.wild.example. 3600 A 192.0.2.9\n");
    assert_string_equal(ask(f, "a.wild.example.", TYPE_MX), "NOERROR qr aa\n" SOA_AU);
    /* An existing name hides the wildcard from what is below it (RFC 4592 3.3.1). */
    assert_string_equal(ask(f, "a.b.wild.example.", TYPE_A), "NXDOMAIN qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "b.wild.example.", TYPE_A), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "wild.example.", TYPE_A), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "q.wc.example.", TYPE_TXT),
                        "NOERROR qr aa\nAN q.wc.example. 3600 CNAME www.example.\nAN www.example. 3600 TXT \"hello\"\n");
    end(f);
}

/* ---- referrals ---- */

#define SUB_NS                                                                                                                             \
    "AU sub.example. 3600 NS ns.far.invalid.\nAU sub.example. 3600 NS ns.sub.example.\n"                                                   \
    "AU sub.example. 3600 NS ns.sibling.example.\nAU sub.example. 3600 NS ns1.example.\n"
#define SUB_GLUE     "AD ns.sub.example. 3600 A 192.0.2.10\nAD ns.sub.example. 3600 AAAA 2001:db8::10\n"
#define SIBLING_GLUE "AD ns.sibling.example. 3600 A 192.0.2.11\nAD ns1.example. 3600 A 192.0.2.1\nAD ns1.example. 3600 AAAA 2001:db8::1\n"

static void refers(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    /* In-domain glue comes first, so that it is the last to be dropped. */
    assert_string_equal(ask(f, "host.sub.example.", TYPE_A), "NOERROR qr\n" SUB_NS SUB_GLUE SIBLING_GLUE);
    assert_string_equal(ask(f, "sub.example.", TYPE_NS), "NOERROR qr\n" SUB_NS SUB_GLUE SIBLING_GLUE);
    assert_string_equal(ask(f, "ns.sub.example.", TYPE_A), "NOERROR qr\n" SUB_NS SUB_GLUE SIBLING_GLUE);
    assert_string_equal(ask(f, "sub.example.", TYPE_ANY), "NOERROR qr\n" SUB_NS SUB_GLUE SIBLING_GLUE);
    assert_string_equal(ask(f, "sub.example.", TYPE_DS), "NOERROR qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "x.sub.example.", TYPE_DS), "NOERROR qr\n" SUB_NS SUB_GLUE SIBLING_GLUE);
    assert_string_equal(ask(f, "into-cut.example.", TYPE_A),
                        "NOERROR qr aa\nAN into-cut.example. 3600 CNAME host.sub.example.\n" SUB_NS SUB_GLUE SIBLING_GLUE);
    end(f);
}

static void asks_the_parent_for_ds(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    served_add(&f->served, "secure.example.", "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.77\n", SERVED_UNSIGNED);
    served_add(&f->served, "deep.sub.example.", "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.78\n", SERVED_UNSIGNED);
    assert_string_equal(
        ask(f, "secure.example.", TYPE_DS),
        "NOERROR qr aa\nAN secure.example. 3600 DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n");
    assert_string_equal(ask(f, "ns.secure.example.", TYPE_A), "NOERROR qr aa\nAN ns.secure.example. 60 A 192.0.2.77\n");
    /* The parent is not ours: the child says that it has none (RFC 4035 3.1.4.1), be there a grandparent or not. */
    assert_string_equal(ask(f, "deep.sub.example.", TYPE_DS),
                        "NOERROR qr aa\nAU deep.sub.example. 5 SOA ns.deep.sub.example. host.deep.sub.example. 1 2 3 4 5\n");
    assert_string_equal(ask(f, "other.test.", TYPE_DS),
                        "NOERROR qr aa\nAU other.test. 600 SOA ns.other.test. host.other.test. 9 7200 900 1209600 600\n");
    end(f);
}

/* ---- more than the least ---- */

static void adds_addresses_when_not_minimal(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    f->served.view.minimal_responses = false;
    const char *servers = "AU example. 3600 NS ns.other.test.\nAU example. 3600 NS ns1.example.\n";
    char expected[1024];
    (void)snprintf(expected, sizeof expected,
                   "NOERROR qr aa\nAN example. 3600 MX 10 mail.example.\nAN example. 3600 MX 20 mail.example.\n%s"
                   "AD mail.example. 3600 A 192.0.2.2\n",
                   servers);
    assert_string_equal(ask(f, "example.", TYPE_MX), expected);
    (void)snprintf(expected, sizeof expected,
                   "NOERROR qr aa\nAN srv.example. 3600 SRV 1 2 3 mail.example.\n%sAD mail.example. 3600 A 192.0.2.2\n", servers);
    assert_string_equal(ask(f, "srv.example.", TYPE_SRV), expected);
    assert_non_null(strstr(ask(f, "svc.example.", TYPE_HTTPS), "AD svc.example. 3600 A 192.0.2.30\n"));
    assert_non_null(strstr(ask(f, "svc-alias.example.", TYPE_HTTPS), "AD svc.example. 3600 A 192.0.2.30\n"));
    f->served.view.minimal_responses = true;
    assert_null(strstr(ask(f, "srv.example.", TYPE_SRV), "AD "));
    end(f);
}

static void rotates_when_told(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_UNSIGNED);
    f->served.view.rotate_rrsets = true;
    /* The harness asks with id 0x1234, which is even: the first of two. */
    assert_string_equal(ask(f, "www.example.", TYPE_A),
                        "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.3\nAN www.example. 3600 A 192.0.2.4\n");
    question_t question = {.name = "www.example.", .type = TYPE_A};
    uint8_t request[512];
    uint8_t out[512];
    net_reply_t reply;
    net_client_t client = {.address = &f->served.address, .protocol = NET_UDP};
    size_t size = question_write(&question, request, sizeof request);
    request[1] |= 1;
    dispatch_answer(f->served.dispatch, &client, request, size, out, sizeof out, &reply);
    buffer_reset(&f->text);
    served_print(out, reply.size, &f->text);
    assert_string_equal(buffer_text(&f->text), "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.4\nAN www.example. 3600 A 192.0.2.3\n");
    end(f);
}

/* ---- NSEC ---- */

#define OPT        "OPT 1232 do\n"
#define SIGNED_SOA SOA_AU "AU example. 300 RRSIG SOA\n"

static void proves_with_nsec(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC);
    assert_string_equal(ask_signed(f, "www.example.", TYPE_TXT),
                        "NOERROR qr aa\nAN www.example. 3600 TXT \"hello\"\nAN www.example. 3600 RRSIG TXT\n" OPT);
    assert_string_equal(ask_signed(f, "www.example.", TYPE_AAAA),
                        "NOERROR qr aa\n" SIGNED_SOA
                        "AU www.example. 300 NSEC example. A TXT RRSIG NSEC\nAU www.example. 300 RRSIG NSEC\n" OPT);
    /* An empty non-terminal has no NSEC of its own: the one before it covers it. */
    assert_string_equal(ask_signed(f, "ent.example.", TYPE_A),
                        "NOERROR qr aa\n" SIGNED_SOA
                        "AU dloop2.example. 300 NSEC x.y.ent.example. DNAME RRSIG NSEC\nAU dloop2.example. 300 RRSIG NSEC\n" OPT);
    /* Neither the name nor a wildcard. */
    assert_string_equal(ask_signed(f, "nothere.example.", TYPE_A),
                        "NXDOMAIN qr aa\n" SIGNED_SOA
                        "AU mail.example. 300 NSEC ns1.example. A RRSIG NSEC\nAU mail.example. 300 RRSIG NSEC\n"
                        "AU example. 300 NSEC across.example. NS SOA MX RRSIG NSEC DNSKEY\nAU example. 300 RRSIG NSEC\n" OPT);
    /* One NSEC may prove both, and is sent once. */
    assert_string_equal(ask_signed(f, "zz.www.example.", TYPE_A),
                        "NXDOMAIN qr aa\n" SIGNED_SOA
                        "AU www.example. 300 NSEC example. A TXT RRSIG NSEC\nAU www.example. 300 RRSIG NSEC\n" OPT);
    /* Without DO no DNSSEC records, but those asked for. */
    assert_string_equal(ask(f, "nothere.example.", TYPE_A), "NXDOMAIN qr aa\n" SOA_AU);
    assert_string_equal(ask(f, "www.example.", TYPE_NSEC), "NOERROR qr aa\nAN www.example. 300 NSEC example. A TXT RRSIG NSEC\n");
    end(f);
}

static void proves_wildcards_with_nsec(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC);
    const char *no_closer = "AU *.wild.example. 300 NSEC b.wild.example. A TXT RRSIG NSEC\nAU *.wild.example. 300 RRSIG NSEC\n";
    char expected[2048];
    (void)snprintf(expected, sizeof expected, "NOERROR qr aa\nAN a.wild.example. 3600 TXT \"w\"\nAN a.wild.example. 3600 RRSIG TXT\n%s" OPT,
                   no_closer);
    assert_string_equal(ask_signed(f, "a.wild.example.", TYPE_TXT), expected);
    (void)snprintf(expected, sizeof expected, "NOERROR qr aa\n" SIGNED_SOA "%s" OPT, no_closer);
    assert_string_equal(ask_signed(f, "a.wild.example.", TYPE_MX), expected);
    assert_string_equal(ask_signed(f, "c.wild.example.", TYPE_MX),
                        "NOERROR qr aa\n" SIGNED_SOA
                        "AU b.wild.example. 300 NSEC www.example. TXT RRSIG NSEC\nAU b.wild.example. 300 RRSIG NSEC\n"
                        "AU *.wild.example. 300 NSEC b.wild.example. A TXT RRSIG NSEC\nAU *.wild.example. 300 RRSIG NSEC\n" OPT);
    /* A wildcard CNAME brings its proof along, behind whatever the chain ends in. */
    assert_string_equal(ask_signed(f, "q.wc.example.", TYPE_TXT),
                        "NOERROR qr aa\nAN q.wc.example. 3600 CNAME www.example.\nAN q.wc.example. 3600 RRSIG CNAME\n"
                        "AN www.example. 3600 TXT \"hello\"\nAN www.example. 3600 RRSIG TXT\n"
                        "AU *.wc.example. 300 NSEC *.wild.example. CNAME RRSIG NSEC\nAU *.wc.example. 300 RRSIG NSEC\n" OPT);
    end(f);
}

static void proves_delegations_with_nsec(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC);
    assert_string_equal(ask_signed(f, "a.secure.example.", TYPE_A),
                        "NOERROR qr\nAU secure.example. 3600 NS ns.sub.example.\n"
                        "AU secure.example. 3600 DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
                        "AU secure.example. 3600 RRSIG DS\n" SUB_GLUE OPT);
    assert_string_equal(ask_signed(f, "a.sibling.example.", TYPE_A),
                        "NOERROR qr\nAU sibling.example. 3600 NS ns.sibling.example.\n"
                        "AU sibling.example. 300 NSEC srv.example. NS RRSIG NSEC\nAU sibling.example. 300 RRSIG NSEC\n"
                        "AD ns.sibling.example. 3600 A 192.0.2.11\n" OPT);
    assert_string_equal(ask_signed(f, "sibling.example.", TYPE_DS),
                        "NOERROR qr aa\n" SIGNED_SOA
                        "AU sibling.example. 300 NSEC srv.example. NS RRSIG NSEC\nAU sibling.example. 300 RRSIG NSEC\n" OPT);
    assert_string_equal(
        ask_signed(f, "secure.example.", TYPE_DS),
        "NOERROR qr aa\nAN secure.example. 3600 DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
        "AN secure.example. 3600 RRSIG DS\n" OPT);
    end(f);
}

static void answers_rrsig_with_one_set(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC);
    assert_string_equal(ask(f, "www.example.", TYPE_RRSIG), "NOERROR qr aa\nAN www.example. 3600 RRSIG A\n");
    assert_string_equal(ask(f, "alias.example.", TYPE_RRSIG), "NOERROR qr aa\nAN alias.example. 3600 RRSIG CNAME\n");
    assert_string_equal(ask_signed(f, "www.example.", TYPE_ANY),
                        "NOERROR qr aa\nAN www.example. 3600 A 192.0.2.3\nAN www.example. 3600 A 192.0.2.4\n"
                        "AN www.example. 3600 RRSIG A\n" OPT);
    end(f);
}

/* ---- NSEC3 ---- */

/* The first four characters of the label of a matching or covering NSEC3, in the order of the answer. */
static void assert_nsec3(const char *text, size_t count, const char *matching)
{
    char line[64];
    size_t found = 0;
    for (const char *p = text; (p = strstr(p, " 300 NSEC3\n")); p++) {
        found++;
    }
    assert_int_equal(found, count);
    if (matching) {
        char label[5];
        (void)snprintf(line, sizeof line, "AU %s 300 NSEC3\n", served_hash(matching, label));
        assert_non_null(strstr(text, line));
    }
}

static void proves_with_nsec3(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC3);
    const char *text = ask_signed(f, "www.example.", TYPE_AAAA);
    assert_non_null(strstr(text, "NOERROR qr aa\n" SIGNED_SOA));
    assert_nsec3(text, 1, "www.example.");
    text = ask_signed(f, "ent.example.", TYPE_AAAA);
    assert_non_null(strstr(text, "NOERROR qr aa\n" SIGNED_SOA));
    assert_nsec3(text, 1, "ent.example.");
    text = ask_signed(f, "a.b.nothere.example.", TYPE_A);
    assert_non_null(strstr(text, "NXDOMAIN qr aa\n" SIGNED_SOA));
    assert_nsec3(text, 3, "example.");
    text = ask_signed(f, "a.wild.example.", TYPE_A);
    assert_non_null(strstr(text, "AN a.wild.example. 3600 A 192.0.2.9\nAN a.wild.example. 3600 RRSIG A\nAU "));
    assert_nsec3(text, 1, NULL);
    text = ask_signed(f, "a.wild.example.", TYPE_MX);
    assert_nsec3(text, 3, "wild.example.");
    assert_nsec3(text, 3, "*.wild.example.");
    text = ask_signed(f, "a.sibling.example.", TYPE_A);
    assert_nsec3(text, 1, "sibling.example.");
    /* An NSEC3 owner is no name of the zone (RFC 5155 7.2.8). */
    char label[5];
    (void)served_hash("www.example.", label);
    text = ask_signed(f, "example.", TYPE_NSEC3PARAM);
    assert_non_null(strstr(text, "AN example. 0 NSEC3PARAM 1 0 0 -\n"));
    end(f);
}

static void proves_opt_out(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC3_OPT_OUT);
    /* An insecure delegation has no NSEC3: the closest provable encloser and what covers the next closer name (RFC 5155 7.2.7, 7.2.4). */
    const char *text = ask_signed(f, "a.sibling.example.", TYPE_A);
    assert_non_null(strstr(text, "NOERROR qr\nAU sibling.example. 3600 NS ns.sibling.example.\n"));
    assert_nsec3(text, 2, "example.");
    text = ask_signed(f, "sibling.example.", TYPE_DS);
    assert_non_null(strstr(text, "NOERROR qr aa\n" SIGNED_SOA));
    assert_nsec3(text, 2, "example.");
    text = ask_signed(f, "a.secure.example.", TYPE_A);
    assert_nsec3(text, 0, NULL);
    assert_non_null(strstr(text, "RRSIG DS"));
    end(f);
}

static void proves_across_zones(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC);
    served_add(&f->served, "third.test.", "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n*.w CNAME nothere.example.\n", SERVED_NSEC);
    assert_string_equal(ask_signed(f, "a.w.third.test.", TYPE_A),
                        "NXDOMAIN qr aa\nAN a.w.third.test. 60 CNAME nothere.example.\nAN a.w.third.test. 60 RRSIG CNAME\n" SIGNED_SOA
                        "AU *.w.third.test. 300 NSEC third.test. CNAME RRSIG NSEC\nAU *.w.third.test. 300 RRSIG NSEC\n"
                        "AU mail.example. 300 NSEC ns1.example. A RRSIG NSEC\nAU mail.example. 300 RRSIG NSEC\n"
                        "AU example. 300 NSEC across.example. NS SOA MX RRSIG NSEC DNSKEY\nAU example. 300 RRSIG NSEC\n" OPT);
    end(f);
}

/* A wildcard's alias in one zone leads below a delegation of another: the proof of the first stands between DS and glue of the second. */
static void proves_before_glue_of_another_zone(void **state)
{
    (void)state;
    static const char third[] = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n*.w CNAME x.secure.example.\n*.v CNAME y.open.test.\n";
    fixture_t *f = begin(SERVED_NSEC);
    served_add(&f->served, "third.test.", third, SERVED_NSEC);
    served_add(&f->served, "open.test.", "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\ny NS ns.y\nns.y A 192.0.2.5\n", SERVED_UNSIGNED);
    const char *text = ask_signed(f, "a.w.third.test.", TYPE_A);
    assert_non_null(strstr(text, "AN a.w.third.test. 60 CNAME x.secure.example.\nAN a.w.third.test. 60 RRSIG CNAME\n"
                                 "AU secure.example. 3600 NS ns.sub.example.\nAU secure.example. 3600 DS 1 13 2 "));
    assert_non_null(strstr(text, "AU *.w.third.test. 300 NSEC third.test. CNAME RRSIG NSEC\nAU *.w.third.test. 300 RRSIG NSEC\n"
                                 "AD ns.sub.example. 3600 A 192.0.2.10\nAD ns.sub.example. 3600 AAAA 2001:db8::10\n"));
    text = ask_signed(f, "a.v.third.test.", TYPE_A); /* the second zone is not signed: the first one's proof is needed all the same */
    assert_non_null(strstr(text, "AU y.open.test. 60 NS ns.y.open.test.\nAU *.v.third.test. 300 NSEC *.w.third.test. CNAME RRSIG NSEC\n"
                                 "AU *.v.third.test. 300 RRSIG NSEC\nAD ns.y.open.test. 60 A 192.0.2.5\n"));
    end(f);
}

/* ---- too much for one message ---- */

static void truncates(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC);
    char zone[16384];
    int length = snprintf(zone, sizeof zone, "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n");
    for (int i = 0; i < 60; i++) {
        length += snprintf(zone + length, sizeof zone - (size_t)length, "big A 192.0.2.%d\n", i);
    }
    for (int i = 0; i < 13; i++) {
        length += snprintf(zone + length, sizeof zone - (size_t)length, "cut NS n%d.cut\nn%d.cut A 192.0.2.%d\nn%d.cut AAAA 2001:db8::%d\n",
                           i, i, i, i, i);
    }
    for (int i = 0; i < 13; i++) {
        length += snprintf(zone + length, sizeof zone - (size_t)length, "far NS n%d.cut\n", i);
    }
    served_add(&f->served, "huge.", zone, SERVED_UNSIGNED);
    /* Never a part of an RRset (RFC 2181 9). */
    assert_string_equal(ask(f, "big.huge.", TYPE_A), "NOERROR qr aa tc\n");
    assert_null(strstr(ask_sized(f, "big.huge.", TYPE_A, 1232), " tc"));
    /* In-domain glue is needed, sibling glue is not (RFC 9471 3). */
    assert_non_null(strstr(ask(f, "a.cut.huge.", TYPE_A), "NOERROR qr tc\n"));
    assert_null(strstr(ask_sized(f, "a.cut.huge.", TYPE_A, 1232), " tc"));
    assert_non_null(strstr(ask(f, "a.far.huge.", TYPE_A), "NOERROR qr\n"));
    /* The signature belongs to the answer (RFC 4035 3.1.1). */
    assert_non_null(strstr(ask_sized(f, "nothere.example.", TYPE_A, 512), "NXDOMAIN qr aa\n"));
    const char *text = ask_sized(f, "nothere-nothere-nothere-nothere-nothere-nothere-nothere.example.", TYPE_A, 512);
    assert_non_null(strstr(text, "NXDOMAIN qr aa tc\n" SIGNED_SOA "AU mail.example. 300 NSEC"));
    assert_null(strstr(text, "AU example. 300 NSEC"));
    f->served.protocol = NET_TCP;
    assert_null(strstr(ask(f, "big.huge.", TYPE_A), " tc"));
    end(f);
}

static void serves_the_root(void **state)
{
    (void)state;
    fixture_t *f = begin(SERVED_NSEC);
    served_add(&f->served, ".",
               "$TTL 86400\n@ SOA a.root-servers.net. nstld 1 2 3 4 900\n@ NS a.root-servers.net.\ncom NS a.gtld.net.\nnet NS a.gtld.net.\n"
               "a.gtld.net A 192.0.2.1\na.root-servers.net A 198.41.0.4\n",
               SERVED_UNSIGNED);
    assert_string_equal(ask(f, ".", TYPE_NS),
                        "NOERROR qr aa\nAN . 86400 NS a.root-servers.net.\nAD a.root-servers.net. 86400 A 198.41.0.4\n");
    assert_string_equal(ask(f, "nothere.", TYPE_A), "NXDOMAIN qr aa\nAU . 900 SOA a.root-servers.net. nstld. 1 2 3 4 900\n");
    assert_string_equal(ask(f, "www.example.com.", TYPE_A), "NOERROR qr\nAU com. 86400 NS a.gtld.net.\nAD a.gtld.net. 86400 A 192.0.2.1\n");
    assert_string_equal(ask(f, ".", TYPE_DS), "NOERROR qr aa\nAU . 900 SOA a.root-servers.net. nstld. 1 2 3 4 900\n");
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_positive),
        cmocka_unit_test(keeps_the_case_of_the_question),
        cmocka_unit_test(answers_negative),
        cmocka_unit_test(refuses_what_is_not_ours),
        cmocka_unit_test(answers_any_with_one_rrset),
        cmocka_unit_test(follows_cnames),
        cmocka_unit_test(ends_loops),
        cmocka_unit_test(ends_long_chains),
        cmocka_unit_test(follows_dnames),
        cmocka_unit_test(tells_overlong_dnames),
        cmocka_unit_test(synthesizes_from_wildcards),
        cmocka_unit_test(refers),
        cmocka_unit_test(asks_the_parent_for_ds),
        cmocka_unit_test(adds_addresses_when_not_minimal),
        cmocka_unit_test(rotates_when_told),
        cmocka_unit_test(proves_with_nsec),
        cmocka_unit_test(proves_wildcards_with_nsec),
        cmocka_unit_test(proves_delegations_with_nsec),
        cmocka_unit_test(answers_rrsig_with_one_set),
        cmocka_unit_test(proves_with_nsec3),
        cmocka_unit_test(proves_opt_out),
        cmocka_unit_test(proves_across_zones),
        cmocka_unit_test(proves_before_glue_of_another_zone),
        cmocka_unit_test(truncates),
        cmocka_unit_test(serves_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
