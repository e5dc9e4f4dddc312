/* What one answer costs: builds a zone in memory, prepares requests of a realistic mix, and feeds them to dispatch_answer().
 *
 *     budget MIX [ROUNDS]     one mix: tld, hosting, root, signed-hosting, nsec3; cached, cached-root; beside-tld, beside-hosting
 *
 * Under callgrind, with --toggle-collect=budget_feed, the instructions of the feeding loop are those of the answers. Run plainly, it
 * counts allocations and locks instead, and fails when there are any. Prints one line of JSON. tests/budget/run.py does both.
 */
#include "served.h"
#include "told.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS = 2000, REQUEST_SIZE_MAX = 128, ZONE_TEXT_MAX = 8 << 20, DELEGATIONS = 10000, HOSTS = 10000, TLDS = 1500, CACHED = 20000 };

/* ---- allocations and locks, counted while `is_feeding` ---- */

static bool is_feeding;
static uint64_t allocations;
static uint64_t locks;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
    allocations += is_feeding;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations += is_feeding;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    allocations += is_feeding;
    return __libc_realloc(old, size);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *);
    locks += is_feeding;
    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    }
    return real(mutex);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    static int (*real)(pthread_rwlock_t *);
    locks += is_feeding;
    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_rwlock_rdlock");
    }
    return real(lock);
}

/* ---- requests ---- */

typedef struct request {
    uint16_t size;
    uint8_t wire[REQUEST_SIZE_MAX];
} request_t;

typedef struct run {
    served_t served;
    request_t requests[REQUESTS];
    net_address_t clients[REQUESTS];
    acl_t *allow;
    cache_t *cache;
    uint64_t answered;
    uint64_t bytes;
    uint64_t random; /* state of a small generator: every run asks the same */
} run_t;

static uint32_t draw(run_t *run, uint32_t below)
{
    run->random = run->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((run->random >> 33) % below);
}

static bool chance(run_t *run, uint32_t percent)
{
    return draw(run, 100) < percent;
}

static void ask(run_t *run, unsigned index, const char *name, uint16_t type, bool dnssec_ok)
{
    request_t *request = &run->requests[index];
    question_t question = {
        .name = name,
        .type = type,
        .flags = run->cache ? FLAG_RD : 0,
        .edns = dnssec_ok || chance(run, 80),
        .dnssec_ok = dnssec_ok,
        .udp_size = 1232,
    };
    request->size = (uint16_t)question_write(&question, request->wire, sizeof request->wire);
}

/* ---- zones ---- */

typedef struct text {
    char *at;
    size_t left;
} text_t;

static void put(text_t *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(text_t *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->at, text->left, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= text->left) {
        fprintf(stderr, "zone text too long\n");
        exit(2);
    }
    text->at += length;
    text->left -= (size_t)length;
}

static const char apex_text[] =
    "$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n";

/* Delegations with two servers, a third of them below the zone's own name with glue, the rest with a few hosters; some are signed. */
static void put_delegations(text_t *text, unsigned count, unsigned ds_percent)
{
    put(text, "%s", apex_text);
    for (unsigned i = 0; i < count; i++) {
        if (i % 3 == 0) {
            put(text, "name%u NS ns1.name%u\nname%u NS ns2.name%u\nns1.name%u A 198.51.100.%u\nns2.name%u A 198.51.100.%u\n", i, i, i, i, i,
                i % 250, i, i % 250);
        } else {
            put(text, "name%u NS ns1.hoster%u.net.\nname%u NS ns2.hoster%u.net.\n", i, i % 97, i, i % 97);
        }
        if (i % 100 < ds_percent) {
            put(text, "name%u DS %u 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n", i, i % 65536);
        }
    }
}

static void put_hosts(text_t *text, unsigned count)
{
    put(text, "%s*.wild A 192.0.2.99\n@ MX 10 mail\nmail A 192.0.2.3\n", apex_text);
    for (unsigned i = 0; i < count; i++) {
        switch (i % 10) {
        case 0:
            put(text, "host%u CNAME host%u\n", i, i + 1);
            break;
        case 1:
            put(text, "host%u A 192.0.2.1\nhost%u A 192.0.2.2\nhost%u A 192.0.2.3\nhost%u A 192.0.2.4\n", i, i, i, i);
            break;
        case 2:
            put(text, "host%u MX 10 mail\nhost%u MX 20 mx.hoster.net.\nhost%u A 192.0.2.7\n", i, i, i);
            break;
        case 3:
            put(text, "host%u TXT \"v=spf1 include:spf.hoster.net ip4:192.0.2.0/24 -all\"\nhost%u A 192.0.2.8\n", i, i);
            break;
        default:
            put(text, "host%u A 192.0.2.9\nhost%u AAAA 2001:db8::%x\n", i, i, i % 65536);
            break;
        }
    }
}

static void ask_delegations(run_t *run, const char *apex, unsigned count, unsigned nxdomain_percent, unsigned dnssec_percent)
{
    char name[96];
    for (unsigned i = 0; i < REQUESTS; i++) {
        unsigned n = draw(run, count);
        bool missing = chance(run, nxdomain_percent);
        (void)snprintf(name, sizeof name, "%s%s%u.%s", chance(run, 50) ? "www." : "", missing ? "missing" : "name", n, apex);
        ask(run, i, name, chance(run, 70) ? TYPE_A : TYPE_AAAA, chance(run, dnssec_percent));
    }
}

static void ask_hosts(run_t *run, const char *apex, unsigned count, unsigned dnssec_percent)
{
    static const uint16_t types[10] = {TYPE_A, TYPE_A, TYPE_MX, TYPE_TXT, TYPE_A, TYPE_AAAA, TYPE_A, TYPE_AAAA, TYPE_A, TYPE_A};
    char name[96];
    for (unsigned i = 0; i < REQUESTS; i++) {
        unsigned n = draw(run, count);
        unsigned kind = draw(run, 100);
        uint16_t type = types[n % 10];
        if (kind < 10) {
            (void)snprintf(name, sizeof name, "missing%u.%s", n, apex);
        } else if (kind < 15) {
            (void)snprintf(name, sizeof name, "any%u.wild.%s", n, apex);
            type = TYPE_A;
        } else {
            (void)snprintf(name, sizeof name, "host%u.%s", n, apex);
            type = kind < 25 ? TYPE_HINFO : type; /* there is none: NODATA */
        }
        ask(run, i, name, type, chance(run, dnssec_percent));
    }
}

/* ---- what was resolved before ---- */

enum { PRIMED_AT_S = 1000000, ASKED_AT_S = 1000100 };

static const char soa_text[] = "%s 900 SOA ns1.%s hostmaster.%s 1 7200 900 1209600 300\n";

/* One name of a busy resolver's cache. By its number: mostly addresses, some behind aliases, some that are not there, a few others. */
typedef struct cached_name {
    char name[64];
    uint16_t type;
    bool dnssec_ok;
    bool is_signed;
} cached_name_t;

static void cached_name(cached_name_t *cached, unsigned n)
{
    static const uint16_t types[20] = {TYPE_A, TYPE_A, TYPE_A,     TYPE_A,     TYPE_A,    TYPE_A,    TYPE_A,
                                       TYPE_A, TYPE_A, TYPE_AAAA,  TYPE_AAAA,  TYPE_AAAA, TYPE_AAAA, TYPE_AAAA,
                                       TYPE_A, TYPE_A, TYPE_HTTPS, TYPE_HTTPS, TYPE_MX,   TYPE_TXT};
    (void)snprintf(cached->name, sizeof cached->name, "%s%u.domain%u.example.", n % 3 ? "www" : "api-eu-west", n, n % 977);
    cached->type = types[n % 20];
    cached->dnssec_ok = n % 10 < 3;
    cached->is_signed = n % 4 == 0;
}

static void prime_name(run_t *run, unsigned n)
{
    char answer[1024] = "";
    char authority[512] = "";
    char zone[32];
    cached_name_t cached;
    told_t told = {.extended_error = EDE_NONE, .answer = answer, .authority = authority};
    cached_name(&cached, n);
    (void)snprintf(zone, sizeof zone, "domain%u.example.", n % 977);
    told.is_signed = cached.is_signed;
    told.security = cached.is_signed ? STORE_SECURE : STORE_INSECURE;
    text_t text = {.at = answer, .left = sizeof answer};
    switch (n % 20) {
    case 14: /* a content network: two aliases, two addresses */
    case 15:
        put(&text, "%s 300 CNAME %u.edge.network.test.\n%u.edge.network.test. 600 CNAME pop%u.edge.network.test.\n", cached.name, n, n,
            n % 40);
        put(&text, "pop%u.edge.network.test. 400 A 198.51.100.%u\npop%u.edge.network.test. 400 A 198.51.100.%u\n", n % 40, n % 250, n % 40,
            n % 250 + 1);
        break;
    case 16: /* no such type, or name */
    case 17:
        told.rcode = n % 20 == 17 ? RCODE_NXDOMAIN : RCODE_NOERROR;
        text = (text_t){.at = authority, .left = sizeof authority};
        put(&text, soa_text, zone, zone, zone);
        if (cached.is_signed) {
            put(&text, "%s 900 NSEC \\000.%s A AAAA RRSIG NSEC\n", cached.name, cached.name);
        }
        break;
    case 18:
        put(&text, "%s 3600 MX 10 mx1.%s\n%s 3600 MX 20 mx2.%s\n", cached.name, zone, cached.name, zone);
        break;
    case 19:
        put(&text, "%s 3600 TXT \"v=spf1 include:spf.hoster.net ip4:192.0.2.0/24 -all\"\n", cached.name);
        break;
    default:
        for (unsigned i = 0; i <= n % 2; i++) {
            cached.type == TYPE_A ? put(&text, "%s 300 A 192.0.2.%u\n", cached.name, n % 250 + i)
                                  : put(&text, "%s 300 AAAA 2001:db8::%x\n", cached.name, n % 65000 + i);
        }
    }
    told_put(run->cache, &(told_question_t){cached.name, cached.type, cached.dnssec_ok, false}, &told, PRIMED_AT_S);
}

static status_t never_asked(void *context, const struct recursor_request *request)
{
    (void)context;
    (void)request;
    fprintf(stderr, "a question missed the cache\n");
    exit(2);
}

static void never_refreshed(void *context, const name_key_t *name, uint16_t type, bool checking_disabled)
{
    (void)context;
    (void)name;
    (void)type;
    (void)checking_disabled;
}

/* Clients all over a network, as the default list allows them, and one more prefix; every tenth speaks IPv6. */
static void choose_client(run_t *run, net_address_t *client)
{
    if (chance(run, 10)) {
        client->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
        memcpy(&client->v6.sin6_addr, "\x20\x01\x0d\xb8\0\1\0\2", 8);
        client->v6.sin6_addr.s6_addr[15] = (uint8_t)draw(run, 200);
    } else {
        client->v4 = (struct sockaddr_in){.sin_family = AF_INET};
        client->v4.sin_addr.s_addr = htonl((chance(run, 50) ? 0x0a000000 : 0xc0a80000) + draw(run, 65536));
    }
}

/* The server resolves for its networks, whatever else it does. */
static void resolve(run_t *run)
{
    static const char *const allowed[] = {"loopback", "private", "linklocal", "2001:db8:1::/48", "198.51.100.0/24"};
    run->allow = acl_new();
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        if (!run->allow || acl_add(run->allow, allowed[i], strlen(allowed[i])) != STATUS_OK) {
            exit(2);
        }
    }
    run->served.view.recursion_allow = run->allow;
    run->served.view.prefetch_percent = 10;
    dispatch_set_resolver(run->served.dispatch, (dispatch_resolver_t){.ask = never_asked, .refresh = never_refreshed});
    for (unsigned i = 0; i < REQUESTS; i++) {
        choose_client(run, &run->clients[i]);
    }
}

static void prepare_cached(run_t *run)
{
    cache_settings_t settings;
    cache_settings_default(&settings);
    settings.budget_bytes = 64 << 20;
    if (cache_new(&run->cache, &settings, NULL, NULL) != STATUS_OK) {
        exit(2);
    }
    for (unsigned n = 0; n < CACHED; n++) {
        prime_name(run, n);
    }
    for (unsigned i = 0; i < REQUESTS; i++) {
        cached_name_t cached;
        cached_name(&cached, draw(run, CACHED));
        ask(run, i, cached.name, cached.type, cached.dnssec_ok);
    }
    resolve(run);
    run->served.view.cache = run->cache;
    dispatch_set_time(run->served.dispatch, ASKED_AT_S);
}

static bool prepare(run_t *run, const char *mix, char *buffer)
{
    static const char beside[] = "beside-"; /* zones of a server that resolves, too */
    text_t text = {.at = buffer, .left = ZONE_TEXT_MAX};
    if (strncmp(mix, beside, sizeof beside - 1) == 0) {
        resolve(run);
        mix += sizeof beside - 1;
    }
    if (strcmp(mix, "tld") == 0) {
        put_delegations(&text, DELEGATIONS, 0);
        served_add(&run->served, "tld.", buffer, SERVED_UNSIGNED);
        ask_delegations(run, "tld.", DELEGATIONS, 20, 30);
    } else if (strcmp(mix, "hosting") == 0) {
        put_hosts(&text, HOSTS);
        served_add(&run->served, "hosting.example.", buffer, SERVED_UNSIGNED);
        ask_hosts(run, "hosting.example.", HOSTS, 30);
    } else if (strcmp(mix, "root") == 0) {
        put_delegations(&text, TLDS, 90);
        served_add(&run->served, ".", buffer, SERVED_NSEC);
        ask_delegations(run, "", TLDS, 30, 100);
    } else if (strcmp(mix, "signed-hosting") == 0) {
        put_hosts(&text, HOSTS);
        served_add(&run->served, "hosting.example.", buffer, SERVED_NSEC);
        ask_hosts(run, "hosting.example.", HOSTS, 100);
    } else if (strcmp(mix, "nsec3") == 0) {
        put_delegations(&text, DELEGATIONS, 20);
        served_add(&run->served, "tld.", buffer, SERVED_NSEC3_OPT_OUT);
        ask_delegations(run, "tld.", DELEGATIONS, 20, 100);
    } else if (strcmp(mix, "cached") == 0) {
        prepare_cached(run);
    } else if (strcmp(mix, "cached-root") == 0) { /* the same below a zone of ours that delegates it */
        put_delegations(&text, TLDS, 90);
        put(&text, "example NS ns.example\nexample DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n");
        served_add(&run->served, ".", buffer, SERVED_NSEC);
        prepare_cached(run);
    } else {
        return false;
    }
    return true;
}

/* ---- the measured part ---- */

__attribute__((noinline)) uint64_t budget_feed(run_t *run);
uint64_t budget_feed(run_t *run)
{
    net_client_t client = {.address = &run->served.address, .protocol = NET_UDP};
    net_reply_t reply;
    uint64_t bytes = 0;
    for (request_t *request = run->requests; request < run->requests + REQUESTS; request++) {
        client.address = run->cache ? &run->clients[request - run->requests] : client.address;
        dispatch_answer(run->served.dispatch, &client, request->wire, request->size, run->served.out, 4096, &reply);
        bytes += reply.size;
    }
    return bytes;
}

int main(int argc, char **argv)
{
    run_t *run = calloc(1, sizeof *run);
    char *buffer = malloc(ZONE_TEXT_MAX);
    unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    if (!run || !buffer || argc < 2) {
        fprintf(stderr, "usage: budget MIX [ROUNDS]\n");
        return 2;
    }
    served_init(&run->served);
    if (!prepare(run, argv[1], buffer)) {
        fprintf(stderr, "no mix named %s\n", argv[1]);
        return 2;
    }
    is_feeding = true;
    for (unsigned long round = 0; round < rounds; round++) {
        run->bytes += budget_feed(run);
    }
    is_feeding = false;
    uint64_t asked = rounds * REQUESTS;
    run->answered = dispatch_count(run->served.dispatch, COUNT_ANSWERS);
    printf("{\"mix\": \"%s\", \"asked\": %lu, \"answered\": %lu, \"bytes\": %lu, \"allocations\": %lu, \"locks\": %lu}\n", argv[1],
           (unsigned long)asked, (unsigned long)run->answered, (unsigned long)run->bytes, (unsigned long)allocations, (unsigned long)locks);
    bool is_cached = !run->cache || dispatch_count(run->served.dispatch, COUNT_RECURSION_CACHED) == asked;
    bool good = is_cached && run->answered == asked && allocations == 0 && locks == 0;
    served_clear(&run->served);
    acl_free(run->allow);
    cache_free(run->cache);
    free(run);
    free(buffer);
    return good ? 0 : 1;
}
