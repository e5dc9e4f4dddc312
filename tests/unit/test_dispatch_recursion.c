/* Who may recurse, what the answer cache gives, what is handed over, and how that comes back (server/dispatch.h, server/recursion.h). */
#include "served.h"
#include "server/recursor.h"
#include "told.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1000000 };

static const char zone_text[] = "$TTL 3600\n"
                                "@ SOA ns1 host 7 7200 900 1209600 300\n"
                                "@ NS ns1\n"
                                "ns1 A 192.0.2.1\n"
                                "www A 192.0.2.3\n"
                                "alias CNAME www\n"
                                "away CNAME www.elsewhere.\n"
                                "down CNAME www.sub\n"
                                "sub NS ns.sub\n"
                                "sub DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
                                "ns.sub A 192.0.2.9\n";

#define REFERRAL "AU sub.example. 3600 NS ns.sub.example.\nAD ns.sub.example. 3600 A 192.0.2.9\n"

typedef struct fixture {
    net_later_t later; /* nothing is ever sent through it here: ask() only wants one */
    served_t served;
    buffer_t text;
    acl_t *allow;
    cache_t *cache;
    status_t verdict; /* of ask() */
    unsigned asked;
    unsigned refreshed;
    bool refreshed_cd;
    uint8_t request[1024]; /* the last one handed over */
    size_t size;
} fixture_t;

static status_t ask_resolver(void *context, const struct recursor_request *request)
{
    fixture_t *f = context;
    assert_ptr_equal(request->client->later, &f->later);
    assert_int_equal(request->query->size, request->size);
    f->asked++;
    memcpy(f->request, request->bytes, request->size);
    f->size = request->size;
    return f->verdict;
}

static void refresh(void *context, const name_key_t *name, uint16_t type, bool checking_disabled)
{
    fixture_t *f = context;
    assert_int_equal(type, TYPE_A);
    assert_true(name_equal(name->wire, (const uint8_t *)"\3www\11elsewhere"));
    f->refreshed++;
    f->refreshed_cd = checking_disabled;
}

static void allow(fixture_t *f, const char *prefix)
{
    acl_free(f->allow);
    f->allow = acl_new();
    assert_non_null(f->allow);
    assert_int_equal(acl_add(f->allow, prefix, strlen(prefix)), STATUS_OK);
    f->served.view.recursion_allow = f->allow;
}

static fixture_t *begin_without_zones(void)
{
    fixture_t *f = test_calloc(1, sizeof *f);
    cache_settings_t settings;
    cache_settings_default(&settings);
    settings.budget_bytes = 4 << 20;
    served_init(&f->served);
    buffer_init(&f->text, 8 << 20);
    allow(f, "192.0.2.0/24");
    assert_int_equal(cache_new(&f->cache, &settings, NULL, NULL), STATUS_OK);
    f->served.later = &f->later;
    f->served.view.cache = f->cache;
    f->served.view.prefetch_percent = 10;
    dispatch_set_resolver(f->served.dispatch, (dispatch_resolver_t){.context = f, .ask = ask_resolver, .refresh = refresh});
    dispatch_set_time(f->served.dispatch, NOW_S);
    return f;
}

static fixture_t *begin(void)
{
    fixture_t *f = begin_without_zones();
    served_add(&f->served, "example.", zone_text, SERVED_UNSIGNED);
    return f;
}

static void end(fixture_t *f)
{
    served_clear(&f->served);
    acl_free(f->allow);
    cache_free(f->cache);
    buffer_clear(&f->text);
    test_free(f);
}

static const char *ask(fixture_t *f, const question_t *question)
{
    return served_ask(&f->served, question, &f->text);
}

static const char *ask_for(fixture_t *f, const char *name, uint16_t type)
{
    return ask(f, &(question_t){.name = name, .type = type, .flags = FLAG_RD});
}

/* Asks, and expects it to be handed over. */
static void hand_over(fixture_t *f, const question_t *question)
{
    unsigned before = f->asked;
    net_reply_t reply;
    assert_int_equal(served_ask_raw(&f->served, question, f->served.out, 4096, &reply), 0);
    assert_true(reply.later);
    assert_int_equal(f->asked, before + 1);
}

/* What the client gets when the resolver then says this. */
static const char *resume(fixture_t *f, const told_t *told)
{
    uint8_t *message = test_malloc(MESSAGE_MAX);
    arena_t arena;
    resolver_answer_t answer;
    recursion_body_t body;
    query_t query;
    net_reply_t reply;
    const net_client_t client = {.address = &f->served.address, .protocol = f->served.protocol};
    assert_int_equal(query_parse(&query, f->request, f->size), QUERY_ANSWER);
    arena_init(&arena, 0, 64 << 20);
    told_answer(told, &arena, &answer);
    const recursion_want_t want = {&query.name, query.type, query.edns.dnssec_ok, (query.flags & FLAG_CD) != 0};
    recursion_body_make(&want, &answer, message, &body);
    dispatch_resume(f->served.dispatch, &client, f->request, f->size, &body, f->served.out,
                    f->served.protocol == NET_UDP ? 4096 : sizeof f->served.out, &reply);
    assert_false(reply.later);
    assert_int_equal(load_be16(f->served.out), load_be16(f->request));
    assert_memory_equal(f->served.out + MESSAGE_HEADER_SIZE, f->request + MESSAGE_HEADER_SIZE, query.question_size); /* in its case */
    buffer_reset(&f->text);
    served_print(f->served.out, reply.size, &f->text);
    arena_clear(&arena);
    test_free(message);
    return buffer_text(&f->text);
}

static void prime(fixture_t *f, bool dnssec_ok, bool checking_disabled, const told_t *told)
{
    told_put(f->cache, &(told_question_t){"www.elsewhere.", TYPE_A, dnssec_ok, checking_disabled}, told, NOW_S);
}

static const told_t secure_a = {
    .answer = "www.elsewhere. 300 A 198.51.100.7\n", .extended_error = EDE_NONE, .security = STORE_SECURE, .is_signed = true};

static uint64_t count(const fixture_t *f, dispatch_counter_t counter)
{
    return dispatch_count(f->served.dispatch, counter);
}

/* ---- who may ---- */

static void refuses_those_who_may_not(void **state)
{
    (void)state;
    fixture_t *f = begin();
    prime(f, false, false, &secure_a);
    allow(f, "198.51.100.0/24");
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "REFUSED qr rd\n");
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .edns = true}; /* nor do they see what others asked */
    assert_string_equal(ask(f, &question), "REFUSED qr\nOPT 1232 15=0012\n");
    assert_int_equal(count(f, COUNT_RECURSION_REFUSED), 2);
    assert_int_equal(count(f, COUNT_REFUSED), 2);
    assert_int_equal(f->asked, 0);
    assert_string_equal(ask_for(f, "www.example.", TYPE_A), "NOERROR qr aa rd\nAN www.example. 3600 A 192.0.2.3\n");
    assert_string_equal(ask_for(f, "a.sub.example.", TYPE_A), "NOERROR qr rd\n" REFERRAL);
    assert_string_equal(ask_for(f, "away.example.", TYPE_A), "NOERROR qr aa rd\nAN away.example. 3600 CNAME www.elsewhere.\n");
    assert_int_equal(count(f, COUNT_RECURSION_REFUSED), 2);
    end(f);
}

static void resolves_for_nobody_without_a_resolver(void **state)
{
    (void)state;
    fixture_t *f = begin();
    dispatch_set_resolver(f->served.dispatch, (dispatch_resolver_t){.ask = NULL});
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD};
    assert_string_equal(ask(f, &question), "REFUSED qr rd\n");
    f->served.view.recursion_allow = NULL;
    question.edns = true; /* an authoritative server says that it is none for this name (RFC 8914 4.21) */
    assert_string_equal(ask(f, &question), "REFUSED qr rd\nOPT 1232 15=0014\n");
    assert_int_equal(count(f, COUNT_RECURSION_REFUSED), 1);
    end(f);
}

static void knows_clients_by_either_family(void **state)
{
    (void)state;
    fixture_t *f = begin_without_zones();
    prime(f, false, false, &secure_a);
    f->served.address.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "2001:db8::1", &f->served.address.v6.sin6_addr);
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "REFUSED qr rd\n");
    allow(f, "2001:db8::/32");
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "NOERROR qr rd ra\nAN www.elsewhere. 300 A 198.51.100.7\n");
    allow(f, "192.0.2.0/24");
    inet_pton(AF_INET6, "::ffff:192.0.2.1", &f->served.address.v6.sin6_addr);
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "NOERROR qr rd ra\nAN www.elsewhere. 300 A 198.51.100.7\n");
    end(f);
}

static void says_that_recursion_is_available(void **state)
{
    (void)state;
    fixture_t *f = begin();
    assert_string_equal(ask_for(f, "www.example.", TYPE_A), "NOERROR qr aa rd ra\nAN www.example. 3600 A 192.0.2.3\n");
    question_t question = {.name = "www.example.", .type = TYPE_A};
    assert_string_equal(ask(f, &question), "NOERROR qr aa ra\nAN www.example. 3600 A 192.0.2.3\n");
    question.rrclass = CLASS_HS;
    assert_string_equal(ask(f, &question), "REFUSED qr ra\n");
    question = (question_t){.name = "elsewhere.", .type = TYPE_AXFR};
    assert_string_equal(ask(f, &question), "FORMERR qr ra\n"); /* over UDP */
    question.type = TYPE_MAILB;
    assert_string_equal(ask(f, &question), "NOTIMP qr ra\n");
    f->served.protocol = NET_TCP;
    question.type = TYPE_AXFR;
    assert_string_equal(ask(f, &question), "NOTAUTH qr ra\n");
    assert_int_equal(f->asked, 0);
    end(f);
}

/* ---- our zones first ---- */

static void answers_from_its_zones_first(void **state)
{
    (void)state;
    fixture_t *f = begin();
    told_put(f->cache, &(told_question_t){"www.example.", TYPE_A, false, false},
             &(told_t){.answer = "www.example. 300 A 203.0.113.1\n", .extended_error = EDE_NONE}, NOW_S);
    assert_string_equal(ask_for(f, "www.example.", TYPE_A), "NOERROR qr aa rd ra\nAN www.example. 3600 A 192.0.2.3\n");
    assert_string_equal(ask_for(f, "alias.example.", TYPE_A),
                        "NOERROR qr aa rd ra\nAN alias.example. 3600 CNAME www.example.\nAN www.example. 3600 A 192.0.2.3\n");
    assert_string_equal(ask_for(f, "no.example.", TYPE_A),
                        "NXDOMAIN qr aa rd ra\nAU example. 300 SOA ns1.example. host.example. 7 7200 900 1209600 300\n");
    assert_int_equal(f->asked, 0);
    end(f);
}

static void follows_where_its_zones_lead_to(void **state)
{
    (void)state;
    fixture_t *f = begin();
    prime(f, false, false, &secure_a);
    const char *const names[] = {"away.example.", "down.example.", "a.sub.example."};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        question_t question = {.name = names[i], .type = TYPE_A, .flags = FLAG_RD};
        hand_over(f, &question);
    }
    /* below a zone cut others answer, and the cache has it */
    told_put(f->cache, &(told_question_t){"a.sub.example.", TYPE_A, false, false},
             &(told_t){.answer = "a.sub.example. 300 A 203.0.113.1\n", .extended_error = EDE_NONE}, NOW_S);
    assert_string_equal(ask_for(f, "a.sub.example.", TYPE_A), "NOERROR qr rd ra\nAN a.sub.example. 300 A 203.0.113.1\n");
    /* not for a chain that begins in our zones: they may change at any time */
    told_put(f->cache, &(told_question_t){"away.example.", TYPE_A, false, false},
             &(told_t){.answer = "away.example. 300 CNAME old.elsewhere.\nold.elsewhere. 300 A 203.0.113.1\n", .extended_error = EDE_NONE},
             NOW_S);
    hand_over(f, &(question_t){.name = "away.example.", .type = TYPE_A, .flags = FLAG_RD});
    /* without RD the referral, and the beginning of the chain, are the answer */
    question_t question = {.name = "a.sub.example.", .type = TYPE_A};
    assert_string_equal(ask(f, &question), "NOERROR qr ra\n" REFERRAL);
    question.name = "away.example.";
    assert_string_equal(ask(f, &question), "NOERROR qr aa ra\nAN away.example. 3600 CNAME www.elsewhere.\n");
    end(f);
}

/* The parent has the DS (RFC 4035 3.1.4.1). */
static void asks_the_parent_for_ds(void **state)
{
    (void)state;
    fixture_t *f = begin();
    hand_over(f, &(question_t){.name = "example.", .type = TYPE_DS, .flags = FLAG_RD});
    question_t question = {.name = "example.", .type = TYPE_DS};
    assert_string_equal(ask(f, &question), "NOERROR qr aa ra\nAU example. 300 SOA ns1.example. host.example. 7 7200 900 1209600 300\n");
    static const char ds[] = "NOERROR qr aa rd ra\nAN sub.example. 3600 DS 1 13 2 "
                             "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n";
    assert_string_equal(ask_for(f, "sub.example.", TYPE_DS), ds); /* here we are the parent */
    end(f);
}

static void fails_where_its_zone_is_not_loaded(void **state)
{
    (void)state;
    fixture_t *f = begin();
    served_add(&f->served, "elsewhere.", NULL, SERVED_UNSIGNED);
    prime(f, false, false, &secure_a);
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "SERVFAIL qr rd ra\n");
    assert_int_equal(f->asked, 0);
    end(f);
}

static void looks_into_the_cache_below_a_root_zone_of_its_own(void **state)
{
    (void)state;
    fixture_t *f = begin();
    served_add(&f->served, ".", "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a.root.\na.root. A 192.0.2.7\nelsewhere NS ns.elsewhere\n",
               SERVED_UNSIGNED);
    prime(f, false, false, &secure_a);
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "NOERROR qr rd ra\nAN www.elsewhere. 300 A 198.51.100.7\n");
    assert_string_equal(ask_for(f, "nothere.", TYPE_A), "NXDOMAIN qr aa rd ra\nAU . 5 SOA a. b. 1 2 3 4 5\n");
    assert_int_equal(f->asked, 0);
    end(f);
}

/* ---- the answer cache ---- */

static void answers_from_the_cache(void **state)
{
    (void)state;
    fixture_t *f = begin();
    prime(f, false, false, &secure_a);
    prime(f, true, false, &secure_a);
    dispatch_set_time(f->served.dispatch, NOW_S + 100);
    question_t question = {.name = "wWw.Elsewhere.", .type = TYPE_A, .flags = FLAG_RD};
    assert_string_equal(ask(f, &question), "NOERROR qr rd ra\nAN wWw.Elsewhere. 200 A 198.51.100.7\n");
    assert_int_equal(load_be16(f->served.out), 0x1234);
    /* AD speaks to those who asked for it, by AD or DO (RFC 6840 5.7, 5.8) */
    question.flags |= FLAG_AD;
    assert_string_equal(ask(f, &question), "NOERROR qr rd ra ad\nAN wWw.Elsewhere. 200 A 198.51.100.7\n");
    question = (question_t){.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD, .edns = true, .dnssec_ok = true};
    assert_string_equal(ask(f, &question),
                        "NOERROR qr rd ra ad\nAN www.elsewhere. 200 A 198.51.100.7\nAN www.elsewhere. 200 RRSIG A\nOPT 1232 do\n");
    question.flags = 0; /* without RD what is known is told, to those who may ask */
    question.dnssec_ok = false;
    assert_string_equal(ask(f, &question), "NOERROR qr ra\nAN www.elsewhere. 200 A 198.51.100.7\nOPT 1232\n");
    f->served.protocol = NET_TCP;
    question.edns = false;
    assert_string_equal(ask(f, &question), "NOERROR qr ra\nAN www.elsewhere. 200 A 198.51.100.7\n");
    assert_int_equal(f->asked, 0);
    assert_int_equal(count(f, COUNT_RECURSION_CACHED), 5);
    assert_int_equal(count(f, COUNT_NOERROR), 5);
    assert_int_equal(count(f, COUNT_ANSWERS), 5);
    assert_int_equal(count(f, COUNT_DNSSEC_OK), 1);
    dispatch_set_time(f->served.dispatch, NOW_S + 300);
    f->served.protocol = NET_UDP;
    hand_over(f, &question);
    end(f);
}

static void keeps_what_is_not_checked_apart(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static const told_t bogus = {
        .answer = "www.elsewhere. 300 A 203.0.113.66\n", .extended_error = EDE_DNSSEC_BOGUS, .security = STORE_BOGUS, .is_signed = true};
    static const told_t failure = {.rcode = RCODE_SERVFAIL, .extended_error = EDE_DNSSEC_BOGUS, .ttl_s = 60, .security = STORE_BOGUS};
    prime(f, false, true, &bogus);
    prime(f, false, false, &failure);
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD | FLAG_AD, .edns = true};
    assert_string_equal(ask(f, &question), "SERVFAIL qr rd ra\nOPT 1232 15=0006\n");
    question.flags |= FLAG_CD;
    assert_string_equal(ask(f, &question), "NOERROR qr rd ra cd\nAN www.elsewhere. 300 A 203.0.113.66\nOPT 1232 15=0006\n");
    assert_int_equal(count(f, COUNT_SERVFAIL), 1);
    end(f);
}

static void truncates_what_the_client_cannot_take(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static char lines[8192];
    size_t length = 0;
    for (unsigned i = 0; i < 100; i++) {
        length += (size_t)snprintf(lines + length, sizeof lines - length, "www.elsewhere. 300 A 198.51.100.%u\n", i);
    }
    const told_t large = {.answer = lines, .extended_error = EDE_NONE, .security = STORE_SECURE};
    prime(f, false, false, &large);
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD | FLAG_AD};
    assert_string_equal(ask(f, &question), "NOERROR qr tc rd ra\n");
    question.edns = true;
    assert_string_equal(ask(f, &question), "NOERROR qr tc rd ra\nOPT 1232\n");
    assert_int_equal(count(f, COUNT_TRUNCATED), 2);
    f->served.view.udp_size_max = 4096;
    assert_int_equal(strncmp(ask(f, &question), "NOERROR qr rd ra ad\nAN www.elsewhere. 300 A 198.51.100.0\n", 56), 0);
    f->served.view.udp_size_max = 1232;
    f->served.protocol = NET_TCP;
    assert_int_equal(strncmp(ask(f, &question), "NOERROR qr rd ra ad\nAN www.elsewhere. 300 A 198.51.100.0\n", 56), 0);
    f->served.protocol = NET_UDP;
    /* the same when it comes later, and with the RCODE that it has */
    question.name = "new.elsewhere.";
    hand_over(f, &question);
    assert_string_equal(resume(f, &large), "NOERROR qr tc rd ra\nOPT 1232\n");
    const told_t error = {.authority = lines, .rcode = RCODE_NXDOMAIN, .extended_error = EDE_NONE};
    assert_string_equal(resume(f, &error), "NXDOMAIN qr tc rd ra\nOPT 1232\n");
    f->served.protocol = NET_TCP;
    assert_int_equal(strncmp(resume(f, &large), "NOERROR qr rd ra ad\nAN www.elsewhere. 300 A 198.51.100.0\n", 56), 0);
    end(f);
}

/* Not even the header of what has no room in the buffer is known. */
static void truncates_what_has_no_room_at_all(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static char lines[16384];
    size_t length = 0;
    for (unsigned i = 0; i < 60; i++) {
        length += (size_t)snprintf(lines + length, sizeof lines - length, "www.elsewhere. 300 TXT \"%0100u\"\n", i);
    }
    told_put(f->cache, &(told_question_t){"www.elsewhere.", TYPE_TXT, false, false}, &(told_t){.answer = lines, .extended_error = EDE_NONE},
             NOW_S);
    f->served.view.udp_size_max = 4096;
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_TXT), "NOERROR qr tc rd ra\n");
    f->served.protocol = NET_TCP;
    assert_true(strlen(ask_for(f, "www.elsewhere.", TYPE_TXT)) > 6000);
    assert_int_equal(f->asked, 0);
    end(f);
}

static void refreshes_what_is_asked_for_again(void **state)
{
    (void)state;
    fixture_t *f = begin();
    prime(f, false, false, &secure_a);
    prime(f, false, true, &secure_a);
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD};
    dispatch_set_time(f->served.dispatch, NOW_S + 269);
    assert_string_equal(ask(f, &question), "NOERROR qr rd ra\nAN www.elsewhere. 31 A 198.51.100.7\n");
    assert_int_equal(f->refreshed, 0);
    dispatch_set_time(f->served.dispatch, NOW_S + 270);
    for (unsigned i = 0; i < 5; i++) { /* once is enough */
        dispatch_set_time(f->served.dispatch, NOW_S + 270 + i);
        (void)ask(f, &question);
    }
    assert_int_equal(f->refreshed, 1);
    assert_false(f->refreshed_cd);
    question.flags |= FLAG_CD;
    (void)ask(f, &question);
    assert_int_equal(f->refreshed, 2);
    assert_true(f->refreshed_cd);
    assert_int_equal(count(f, COUNT_RECURSION_REFRESHED), 2);
    /* the next life of the same answer */
    told_put(f->cache, &(told_question_t){"www.elsewhere.", TYPE_A, false, false}, &secure_a, NOW_S + 300);
    question.flags = FLAG_RD;
    dispatch_set_time(f->served.dispatch, NOW_S + 570);
    (void)ask(f, &question);
    assert_int_equal(f->refreshed, 3);
    f->served.view.prefetch_percent = 0;
    told_put(f->cache, &(told_question_t){"www.elsewhere.", TYPE_A, false, false}, &secure_a, NOW_S + 600);
    dispatch_set_time(f->served.dispatch, NOW_S + 899);
    assert_string_equal(ask(f, &question), "NOERROR qr rd ra\nAN www.elsewhere. 1 A 198.51.100.7\n");
    assert_int_equal(f->refreshed, 3);
    end(f);
}

/* Failures end by themselves (RFC 9520 3.2), and what lives some seconds is not worth it. */
static void refreshes_nothing_else(void **state)
{
    (void)state;
    fixture_t *f = begin();
    prime(f, false, false, &(told_t){.rcode = RCODE_SERVFAIL, .extended_error = EDE_OTHER, .ttl_s = 300});
    dispatch_set_time(f->served.dispatch, NOW_S + 299);
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "SERVFAIL qr rd ra\n");
    prime(f, false, false, &(told_t){.answer = "www.elsewhere. 9 A 198.51.100.7\n", .extended_error = EDE_NONE});
    f->served.view.prefetch_percent = 50;
    dispatch_set_time(f->served.dispatch, NOW_S + 8);
    assert_string_equal(ask_for(f, "www.elsewhere.", TYPE_A), "NOERROR qr rd ra\nAN www.elsewhere. 1 A 198.51.100.7\n");
    assert_int_equal(f->refreshed, 0);
    end(f);
}

static void keeps_only_what_may_be_kept(void **state)
{
    (void)state;
    fixture_t *f = begin();
    told_t told = secure_a;
    told.is_stale = true;
    prime(f, false, false, &told);
    hand_over(f, &(question_t){.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD});
    prime(f, false, false,
          &(told_t){.rcode = RCODE_SERVFAIL, .extended_error = EDE_OTHER, .ttl_s = 0, .answer = "www.elsewhere. 0 A 192.0.2.1\n"});
    hand_over(f, &(question_t){.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD});
    /* none of our own zones */
    arena_t arena;
    resolver_answer_t answer;
    recursion_body_t body;
    name_key_t name;
    uint8_t *message = test_malloc(MESSAGE_MAX);
    arena_init(&arena, 0, 1 << 20);
    told_answer(&secure_a, &arena, &answer);
    name_key_init(&name, (const uint8_t *)"\3www\11elsewhere", 15);
    const recursion_want_t want = {&name, TYPE_A, false, false};
    recursion_body_make(&want, &answer, message, &body);
    assert_int_equal(body.ttl_s, 300);
    answer.is_served = true;
    recursion_body_make(&want, &answer, message, &body);
    assert_int_equal(body.ttl_s, 0);
    recursion_body_put(f->cache, &want, &body, NOW_S);
    hand_over(f, &(question_t){.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD});
    arena_clear(&arena);
    test_free(message);
    end(f);
}

/* ---- what comes later ---- */

static void hands_over_and_resumes(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "wWw.elseWhere.", .type = TYPE_A, .flags = FLAG_RD, .edns = true, .dnssec_ok = true};
    hand_over(f, &question);
    assert_int_equal(count(f, COUNT_RECURSION_ASKED), 1);
    assert_int_equal(count(f, COUNT_QUERIES_UDP), 1);
    assert_int_equal(count(f, COUNT_EDNS), 1);
    assert_int_equal(count(f, COUNT_ANSWERS), 0);
    assert_string_equal(resume(f, &secure_a),
                        "NOERROR qr rd ra ad\nAN wWw.elseWhere. 300 A 198.51.100.7\nAN wWw.elseWhere. 300 RRSIG A\nOPT 1232 do\n");
    assert_int_equal(count(f, COUNT_ANSWERS), 1);
    assert_int_equal(count(f, COUNT_NOERROR), 1);
    assert_int_equal(count(f, COUNT_RECURSION_ANSWERED), 1);
    assert_int_equal(count(f, COUNT_QUERIES_UDP), 1);
    assert_true(count(f, COUNT_BYTES_OUT) > 0);
    /* without EDNS, and without the question for AD */
    question = (question_t){.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD};
    hand_over(f, &question);
    assert_string_equal(resume(f, &secure_a), "NOERROR qr rd ra\nAN www.elsewhere. 300 A 198.51.100.7\n");
    question.flags = FLAG_RD | FLAG_CD | FLAG_AD;
    hand_over(f, &question);
    assert_string_equal(resume(f, &secure_a), "NOERROR qr rd ra ad cd\nAN www.elsewhere. 300 A 198.51.100.7\n");
    end(f);
}

static void explains_failures(void **state)
{
    (void)state;
    fixture_t *f = begin();
    told_t told = {.rcode = RCODE_SERVFAIL, .extended_error = EDE_SIGNATURE_EXPIRED, .extended_text = "ab"};
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD | FLAG_AD, .edns = true};
    hand_over(f, &question);
    assert_string_equal(resume(f, &told), "SERVFAIL qr rd ra\nOPT 1232 15=00076162\n");
    assert_int_equal(count(f, COUNT_SERVFAIL), 1);
    /* a text that does not fit is left out before anything else */
    static char text[256];
    memset(text, 'x', 255);
    told.extended_text = text;
    question.udp_size = 512;
    assert_non_null(strstr(resume(f, &told), "15=0007787878"));
    static const uint8_t nsid[] = {0, EDNS_NSID, 0, 0};
    static char name[240];
    memset(name, 'n', 239);
    f->served.view.nsid = name;
    question.options = nsid;
    question.options_size = sizeof nsid;
    hand_over(f, &question);
    assert_null(strstr(resume(f, &told), "15=0007787878"));
    assert_non_null(strstr(buffer_text(&f->text), " 15=0007\n"));
    /* nor does it stay for an answer out of a zone */
    told_put(f->cache, &(told_question_t){"www.elsewhere.", TYPE_A, false, false},
             &(told_t){.rcode = RCODE_SERVFAIL, .extended_error = EDE_NOT_READY, .ttl_s = 10}, NOW_S);
    question = (question_t){.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD, .edns = true};
    assert_string_equal(ask(f, &question), "SERVFAIL qr rd ra\nOPT 1232 15=000e\n");
    end(f);
}

static void knows_every_rcode(void **state)
{
    (void)state;
    fixture_t *f = begin();
    hand_over(f, &(question_t){.name = "a.elsewhere.", .type = TYPE_A, .flags = FLAG_RD | FLAG_AD});
    static const char soa[] = "elsewhere. 60 SOA ns.elsewhere. host.elsewhere. 1 2 3 4 60\n";
    told_t told = {.authority = soa, .rcode = RCODE_NXDOMAIN, .extended_error = EDE_NONE, .security = STORE_SECURE};
    assert_string_equal(resume(f, &told), "NXDOMAIN qr rd ra ad\nAU elsewhere. 60 SOA ns.elsewhere. host.elsewhere. 1 2 3 4 60\n");
    told.rcode = RCODE_YXDOMAIN;
    told.authority = NULL;
    told.answer = "elsewhere. 60 DNAME long.example.\n";
    assert_string_equal(resume(f, &told), "YXDOMAIN qr rd ra ad\nAN elsewhere. 60 DNAME long.example.\n");
    told = (told_t){.rcode = RCODE_REFUSED, .extended_error = EDE_NOT_AUTHORITATIVE, .security = STORE_SECURE};
    assert_string_equal(resume(f, &told), "REFUSED qr rd ra\n");
    told.rcode = RCODE_BADVERS; /* nothing a resolver has to say */
    assert_string_equal(resume(f, &told), "SERVFAIL qr rd ra\n");
    end(f);
}

/* Chains in their order, and denials, as a client wants them (RFC 4035 3.2.1). */
static void leaves_out_dnssec_for_those_who_did_not_ask(void **state)
{
    (void)state;
    fixture_t *f = begin();
    told_t told = {
        .answer = "dept.elsewhere. 60 DNAME other.\na.dept.elsewhere. 60 CNAME a.other.\n",
        .authority = "other. 60 SOA ns.other. host.other. 1 2 3 4 60\na.other. 60 NSEC b.other. AAAA RRSIG NSEC\n",
        .extended_error = EDE_NONE,
        .security = STORE_SECURE,
        .is_signed = true,
    };
    question_t question = {.name = "a.dept.elsewhere.", .type = TYPE_A, .flags = FLAG_RD};
    hand_over(f, &question);
    assert_string_equal(resume(f, &told), "NOERROR qr rd ra\nAN dept.elsewhere. 60 DNAME other.\n"
                                          "AN a.dept.elsewhere. 60 CNAME a.other.\n"
                                          "AU other. 60 SOA ns.other. host.other. 1 2 3 4 60\n");
    question.edns = question.dnssec_ok = true;
    hand_over(f, &question);
    assert_string_equal(resume(f, &told), "NOERROR qr rd ra ad\nAN dept.elsewhere. 60 DNAME other.\n"
                                          "AN dept.elsewhere. 60 RRSIG DNAME\n"
                                          "AN a.dept.elsewhere. 60 CNAME a.other.\n"
                                          "AN a.dept.elsewhere. 60 RRSIG CNAME\n"
                                          "AU other. 60 SOA ns.other. host.other. 1 2 3 4 60\n"
                                          "AU other. 60 RRSIG SOA\n"
                                          "AU a.other. 60 NSEC b.other. AAAA RRSIG NSEC\n"
                                          "AU a.other. 60 RRSIG NSEC\nOPT 1232 do\n");
    /* what was asked for by its type is data */
    question = (question_t){.name = "a.other.", .type = TYPE_NSEC, .flags = FLAG_RD};
    hand_over(f, &question);
    told = (told_t){.answer = "a.other. 60 NSEC b.other. AAAA RRSIG NSEC\n", .extended_error = EDE_NONE};
    assert_string_equal(resume(f, &told), "NOERROR qr rd ra\nAN a.other. 60 NSEC b.other. AAAA RRSIG NSEC\n");
    end(f);
}

static void serves_streams(void **state)
{
    (void)state;
    fixture_t *f = begin();
    static const uint8_t options[] = {0, EDNS_TCP_KEEPALIVE, 0, 0, 0, EDNS_PADDING, 0, 0};
    f->served.protocol = NET_TLS;
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD, .edns = true, .options = options, .options_size = 8};
    hand_over(f, &question);
    assert_string_equal(resume(f, &secure_a), "NOERROR qr rd ra\nAN www.elsewhere. 300 A 198.51.100.7\nOPT 1232 11=0064 padding 400\n");
    prime(f, false, false, &secure_a);
    assert_string_equal(ask(f, &question), "NOERROR qr rd ra\nAN www.elsewhere. 300 A 198.51.100.7\nOPT 1232 11=0064 padding 400\n");
    assert_int_equal(count(f, COUNT_QUERIES_TCP), 2);
    end(f);
}

static void tells_that_there_are_too_many(void **state)
{
    (void)state;
    fixture_t *f = begin();
    question_t question = {.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD | FLAG_CD};
    f->verdict = STATUS_LIMIT;
    assert_string_equal(ask(f, &question), "SERVFAIL qr rd ra cd\n");
    f->verdict = STATUS_NO_MEMORY;
    assert_string_equal(ask(f, &question), "SERVFAIL qr rd ra cd\n");
    f->verdict = STATUS_DENIED;
    assert_string_equal(ask(f, &question), "REFUSED qr rd ra cd\n");
    question.edns = true;
    assert_non_null(strstr(ask(f, &question), "15=0000746f6f206d616e79"));
    assert_int_equal(count(f, COUNT_RECURSION_LIMITED), 2);
    assert_int_equal(count(f, COUNT_RECURSION_DENIED), 2);
    assert_int_equal(count(f, COUNT_RECURSION_ASKED), 0);
    assert_int_equal(count(f, COUNT_ANSWERS), 4);
    f->served.later = NULL; /* a transport that cannot answer later */
    f->verdict = STATUS_OK;
    f->asked = 0;
    question.edns = false;
    assert_string_equal(ask(f, &question), "SERVFAIL qr rd ra cd\n");
    assert_int_equal(f->asked, 0);
    end(f);
}

/* What was kept is a request that was parsed before; still, nothing but an answer to it may come of it. */
static void survives_a_body_that_does_not_fit_the_request(void **state)
{
    (void)state;
    fixture_t *f = begin();
    net_reply_t reply;
    const net_client_t client = {.address = &f->served.address};
    hand_over(f, &(question_t){.name = "www.elsewhere.", .type = TYPE_A, .flags = FLAG_RD});
    const recursion_body_t body = {.message = f->request, .size = MESSAGE_HEADER_SIZE, .extended_error = EDE_NONE};
    dispatch_resume(f->served.dispatch, &client, f->request, f->size, &body, f->served.out, 4096, &reply);
    buffer_reset(&f->text);
    served_print(f->served.out, reply.size, &f->text);
    assert_string_equal(buffer_text(&f->text), "SERVFAIL qr rd ra\n");
    dispatch_resume(f->served.dispatch, &client, f->request, 11, &body, f->served.out, 4096, &reply);
    assert_int_equal(reply.size, 0);
    end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_those_who_may_not),
        cmocka_unit_test(resolves_for_nobody_without_a_resolver),
        cmocka_unit_test(knows_clients_by_either_family),
        cmocka_unit_test(says_that_recursion_is_available),
        cmocka_unit_test(answers_from_its_zones_first),
        cmocka_unit_test(follows_where_its_zones_lead_to),
        cmocka_unit_test(asks_the_parent_for_ds),
        cmocka_unit_test(fails_where_its_zone_is_not_loaded),
        cmocka_unit_test(looks_into_the_cache_below_a_root_zone_of_its_own),
        cmocka_unit_test(answers_from_the_cache),
        cmocka_unit_test(keeps_what_is_not_checked_apart),
        cmocka_unit_test(truncates_what_the_client_cannot_take),
        cmocka_unit_test(truncates_what_has_no_room_at_all),
        cmocka_unit_test(refreshes_what_is_asked_for_again),
        cmocka_unit_test(refreshes_nothing_else),
        cmocka_unit_test(keeps_only_what_may_be_kept),
        cmocka_unit_test(hands_over_and_resumes),
        cmocka_unit_test(explains_failures),
        cmocka_unit_test(knows_every_rcode),
        cmocka_unit_test(leaves_out_dnssec_for_those_who_did_not_ask),
        cmocka_unit_test(serves_streams),
        cmocka_unit_test(tells_that_there_are_too_many),
        cmocka_unit_test(survives_a_body_that_does_not_fit_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
