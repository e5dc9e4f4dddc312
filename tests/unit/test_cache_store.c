/* The cache as the resolver's store: case by case, and against the plain store of the simulator under random operations. */
#include "../lib/random.h"
#include "../sim/store_memory.h"
#include "base/require.h"
#include "server/cache_store.h"
#include "wire/edns.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1700000000, ARENA_MAX = 1 << 20, STALE_MAX_S = 2000 };
enum { BUDGET = 256 << 20 }; /* nothing is evicted, not even from a tenth of it that holds what nobody asked for */

typedef struct fixture {
    cache_t *cache;
    resolver_settings_t settings;
    store_t *store;
    arena_t arena;
} fixture_t;

static void begin(fixture_t *f)
{
    cache_settings_t settings;
    resolver_settings_default(&f->settings);
    f->settings.stale_max_s = STALE_MAX_S;
    cache_store_settings(&settings, BUDGET);
    settings.key = (siphash_key_t){3, 4};
    assert_int_equal(cache_new(&f->cache, &settings, NULL, NULL), STATUS_OK);
    f->store = cache_store_new(f->cache, &f->settings);
    assert_non_null(f->store);
    arena_init(&f->arena, 0, ARENA_MAX);
}

static void end(fixture_t *f)
{
    cache_store_free(f->store);
    cache_free(f->cache);
    arena_clear(&f->arena);
}

static name_key_t key_of(const char *text)
{
    name_t name;
    name_key_t key;
    assert_int_equal(name_from_text(&name, text, strlen(text), NULL, NULL), STATUS_OK);
    name_key_init(&key, name.wire, name.length);
    return key;
}

static const uint8_t *wire_of(fixture_t *f, const char *text)
{
    name_key_t key = key_of(text);
    uint8_t *wire = arena_alloc(&f->arena, sizeof key.wire);
    assert_non_null(wire);
    memcpy(wire, key.wire, sizeof key.wire);
    return wire;
}

/* One record from text. */
static rrset_t rrset_of(fixture_t *f, const char *owner, uint16_t type, uint32_t ttl_s, const char *text)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    rrset_t rrset;
    rdata_error_t error;
    uint8_t rdata[1024];
    byte_writer_t writer = byte_writer(rdata, sizeof rdata);
    assert_int_equal(rdata_from_line(type, CLASS_IN, text, strlen(text), root, &writer, &error), STATUS_OK);
    assert_int_equal(rrset_make(&rrset, &f->arena, wire_of(f, owner), type, ttl_s, rdata, writer.position), STATUS_OK);
    return rrset;
}

/* With an RRSIG of this signer; the labels are the owner's, less `fewer`. */
static rrset_t signed_of(fixture_t *f, rrset_t rrset, const char *signer, unsigned fewer)
{
    name_key_t key = key_of(signer);
    size_t rdlength = 18u + key.length + 4;
    uint8_t *data = arena_alloc(&f->arena, rrset.data_size + 2 + rdlength);
    assert_non_null(data);
    memcpy(data, rrset.data, rrset.data_size);
    uint8_t *signature = data + rrset.data_size;
    memset(signature, 0, 2 + rdlength);
    store_be16(signature, (uint16_t)rdlength);
    store_be16(signature + 2, rrset.type);
    signature[2 + 3] = (uint8_t)(name_labels(rrset.owner) - name_is_wildcard(rrset.owner) - fewer);
    memcpy(signature + 2 + 18, key.wire, key.length);
    rrset.data = data;
    rrset.signature_count = 1;
    rrset.signature_size = (uint32_t)(2 + rdlength);
    return rrset;
}

static bool find(fixture_t *f, const char *name, uint16_t type, store_want_t want, uint64_t now_s, store_entry_t *entry)
{
    name_key_t key = key_of(name);
    store_question_t question = {.name = &key, .type = type, .want = want, .now_s = now_s};
    return f->store->operations->find(f->store, &question, &f->arena, entry);
}

static void put(fixture_t *f, const char *name, const store_entry_t *entry, uint64_t now_s)
{
    name_key_t key = key_of(name);
    f->store->operations->put(f->store, &key, entry, now_s);
}

static store_entry_t entry_of(store_kind_t kind, store_rank_t rank, const rrset_t *rrsets, unsigned count)
{
    return (store_entry_t){.kind = kind,
                           .rank = rank,
                           .type = TYPE_A,
                           .extended_error = EDE_NONE,
                           .ttl_s = 100,
                           .rrset_count = (uint16_t)count,
                           .rrsets = rrsets};
}

/* ---- cases ---- */

static void what_is_put_is_found(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t rrset = signed_of(&f, rrset_of(&f, "www.example.com.", TYPE_A, 100, "192.0.2.1"), "example.com.", 0);
    store_entry_t entry = entry_of(STORE_RRSET, STORE_RANK_AUTHORITATIVE, &rrset, 1);
    store_entry_t found;
    entry.zone = wire_of(&f, "example.com.");
    entry.security = STORE_SECURE;
    entry.extended_error = EDE_OTHER;
    put(&f, "www.example.com.", &entry, NOW);
    assert_true(find(&f, "www.example.com.", TYPE_A, STORE_WANT_FRESH, NOW + 30, &found));
    assert_int_equal(found.kind, STORE_RRSET);
    assert_int_equal(found.rank, STORE_RANK_AUTHORITATIVE);
    assert_int_equal(found.security, STORE_SECURE);
    assert_int_equal(found.extended_error, EDE_OTHER);
    assert_int_equal(found.ttl_s, 70);
    assert_int_equal(found.lifetime_s, 100);
    assert_true(name_equal(found.zone, entry.zone));
    assert_int_equal(found.rrset_count, 1);
    assert_int_equal(found.rrsets[0].ttl_s, 70);
    assert_int_equal(found.rrsets[0].signature_count, 1);
    assert_memory_equal(found.rrsets[0].data, rrset.data, rrset.data_size + rrset.signature_size);
    assert_false(find(&f, "www.example.com.", TYPE_AAAA, STORE_WANT_FRESH, NOW, &found));
    assert_false(find(&f, "www.example.com.", TYPE_A, STORE_WANT_FRESH, NOW + 100, &found));
    assert_true(find(&f, "www.example.com.", TYPE_A, STORE_WANT_STALE, NOW + 100 + STALE_MAX_S - 1, &found));
    assert_true(found.is_stale);
    assert_int_equal(found.ttl_s, 0);
    assert_false(find(&f, "www.example.com.", TYPE_A, STORE_WANT_STALE, NOW + 100 + STALE_MAX_S, &found));
    end(&f);
}

static void name_errors_and_older_data(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t rrset = rrset_of(&f, "a.example.", TYPE_A, 100, "192.0.2.1");
    store_entry_t data = entry_of(STORE_RRSET, STORE_RANK_AUTHORITATIVE, &rrset, 1);
    store_entry_t missing = entry_of(STORE_NAME_ERROR, STORE_RANK_AUTHORITY, NULL, 0);
    store_entry_t found;
    missing.ttl_s = 1000;
    put(&f, "a.example.", &data, NOW);
    put(&f, "a.example.", &missing, NOW + 10);
    assert_true(find(&f, "a.example.", TYPE_TXT, STORE_WANT_FRESH, NOW + 20, &found));
    assert_int_equal(found.kind, STORE_NAME_ERROR);
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_FRESH, NOW + 20, &found)); /* of a higher rank (RFC 2181 5.4.1) */
    assert_int_equal(found.kind, STORE_RRSET);
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_STALE, NOW + 200, &found)); /* the data are past, and known to be gone */
    assert_int_equal(found.kind, STORE_NAME_ERROR);
    put(&f, "a.example.", &data, NOW + 300);
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_FRESH, NOW + 301, &found));
    assert_int_equal(found.kind, STORE_RRSET);
    assert_false(find(&f, "a.example.", TYPE_TXT, STORE_WANT_FRESH, NOW + 301, &found)); /* the name exists again */
    end(&f);
}

static void bogus_data_displace_nothing(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t good = rrset_of(&f, "a.example.", TYPE_A, 100, "192.0.2.1");
    rrset_t forged = rrset_of(&f, "a.example.", TYPE_A, 100, "192.0.2.66");
    store_entry_t entry = entry_of(STORE_RRSET, STORE_RANK_AUTHORITATIVE, &good, 1);
    store_entry_t bogus = entry_of(STORE_RRSET, STORE_RANK_AUTHORITATIVE, &forged, 1);
    store_entry_t found;
    bogus.security = STORE_BOGUS;
    put(&f, "a.example.", &entry, NOW);
    put(&f, "a.example.", &bogus, NOW + 150);
    assert_false(find(&f, "a.example.", TYPE_A, STORE_WANT_FRESH, NOW + 160, &found));
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_STALE, NOW + 160, &found));
    assert_int_equal(found.security, STORE_INDETERMINATE);
    put(&f, "a.example.", &bogus, NOW + 100 + STALE_MAX_S); /* what nobody can find any more does not stand in the way */
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_FRESH, NOW + 100 + STALE_MAX_S, &found));
    assert_int_equal(found.security, STORE_BOGUS);
    end(&f);
}

/* A file may hold anything, and what comes out of it is taken apart by names: of an entry's own name is the first RRset, and a DNAME stands
 * above it. */
static void what_is_of_other_names_is_not_found(void **state)
{
    (void)state;
    static const struct {
        const char *owner;
        const char *dname; /* owner of one behind it; NULL: none */
        bool is_found;
    } cases[] = {
        {"www.example.com.", NULL, true},
        {"www.example.org.", NULL, false},
        {"a.b.www.example.com.", NULL, false},
        {"www.example.com.", "example.com.", true},
        {"www.example.com.", "example.org.", false},
        {"www.example.com.", "a.b.c.www.example.com.", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_t f;
        begin(&f);
        rrset_t rrsets[2] = {rrset_of(&f, cases[i].owner, TYPE_CNAME, 100, "x.example.net.")};
        if (cases[i].dname) {
            rrsets[1] = rrset_of(&f, cases[i].dname, TYPE_DNAME, 100, "example.net.");
        }
        store_entry_t entry = entry_of(STORE_RRSET, STORE_RANK_AUTHORITATIVE, rrsets, 1 + (cases[i].dname != NULL));
        entry.type = TYPE_CNAME;
        put(&f, "www.example.com.", &entry, NOW);
        name_key_t key = key_of("www.example.com.");
        store_question_t question = {.name = &key, .type = TYPE_CNAME, .want = STORE_WANT_FRESH, .now_s = NOW};
        store_entry_t found;
        assert_int_equal(f.store->operations->find(f.store, &question, &f.arena, &found), cases[i].is_found);
        end(&f);
    }
}

static void failures_stand_beside_data(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t rrset = rrset_of(&f, "a.example.", TYPE_A, 100, "192.0.2.1");
    store_entry_t data = entry_of(STORE_RRSET, STORE_RANK_ANSWER, &rrset, 1);
    store_entry_t failure = entry_of(STORE_FAILURE, STORE_RANK_FAILURE, NULL, 0);
    store_entry_t found;
    failure.ttl_s = 5;
    failure.extended_error = EDE_NO_REACHABLE_AUTHORITY;
    put(&f, "a.example.", &data, NOW);
    put(&f, "a.example.", &failure, NOW + 100);
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_FRESH, NOW + 101, &found));
    assert_int_equal(found.kind, STORE_FAILURE);
    assert_int_equal(found.extended_error, EDE_NO_REACHABLE_AUTHORITY);
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_STALE, NOW + 101, &found));
    assert_int_equal(found.kind, STORE_RRSET);
    assert_true(find(&f, "a.example.", TYPE_A, STORE_WANT_FAILURE, NOW + 1000, &found));
    assert_int_equal(found.lifetime_s, 5);
    assert_false(find(&f, "a.example.", TYPE_AAAA, STORE_WANT_FAILURE, NOW + 101, &found));
    end(&f);
}

static resolver_address_t address_of(const char *text, uint16_t port)
{
    resolver_address_t address;
    assert_true(resolver_address_from_text(&address, text, strlen(text)));
    address.port = port;
    return address;
}

static void delegations(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    resolver_address_t first[] = {address_of("192.0.2.1", 53), address_of("2001:db8::1", 53), address_of("192.0.2.2", 5353)};
    resolver_address_t second[] = {address_of("2001:db8::2", 5300)};
    delegation_server_t servers[] = {
        {wire_of(&f, "ns1.example.com."), ARRAY_SIZE(first), first},
        {wire_of(&f, "ns.elsewhere.net."), 0, NULL},
        {wire_of(&f, "ns2.example.com."), ARRAY_SIZE(second), second},
    };
    rrset_t proof = signed_of(&f, rrset_of(&f, "example.com.", TYPE_DS, 60, "1 8 1 00112233445566778899aabbccddeeff00112233"), "com.", 0);
    delegation_t delegation = {.zone = wire_of(&f, "example.com."),
                               .ttl_s = 60,
                               .server_count = ARRAY_SIZE(servers),
                               .proof_count = 1,
                               .servers = servers,
                               .proofs = &proof};
    f.store->operations->put_delegation(f.store, &delegation, NOW);
    name_key_t key = key_of("a.b.example.com.");
    delegation_t found;
    assert_true(f.store->operations->find_delegation(f.store, &key, key.labels, NOW + 10, &f.arena, &found));
    assert_true(name_equal(found.zone, delegation.zone));
    assert_int_equal(found.ttl_s, 50);
    assert_int_equal(found.server_count, ARRAY_SIZE(servers));
    for (unsigned i = 0; i < ARRAY_SIZE(servers); i++) {
        assert_true(name_equal(found.servers[i].name, servers[i].name));
        assert_int_equal(found.servers[i].address_count, servers[i].address_count);
        for (unsigned j = 0; j < servers[i].address_count; j++) {
            assert_true(resolver_address_equal(&found.servers[i].addresses[j], &servers[i].addresses[j]));
        }
    }
    assert_int_equal(found.proof_count, 1);
    assert_int_equal(found.proofs[0].type, TYPE_DS);
    assert_int_equal(found.proofs[0].signature_count, 1);
    assert_memory_equal(found.proofs[0].data, proof.data, proof.data_size + proof.signature_size);
    assert_false(f.store->operations->find_delegation(f.store, &key, 1, NOW + 10, &f.arena, &found)); /* above: of com. at most */
    assert_false(f.store->operations->find_delegation(f.store, &key, key.labels, NOW + 60, &f.arena, &found));
    end(&f);
}

/* ---- types of a name (CVE-2024-1737) ---- */

enum { FIRST_TYPE = 1000, WINDOW_S = 3600 };

static void put_type(fixture_t *f, const char *name, unsigned number, uint64_t now_s)
{
    const uint8_t rdata[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    rrset_t rrset;
    arena_reset(&f->arena);
    assert_int_equal(rrset_make(&rrset, &f->arena, key_of(name).wire, (uint16_t)(FIRST_TYPE + number), 86400, rdata, 2), STATUS_OK);
    store_entry_t entry = entry_of(STORE_RRSET, STORE_RANK_AUTHORITATIVE, &rrset, 1);
    entry.type = (uint16_t)(FIRST_TYPE + number);
    entry.ttl_s = 86400;
    put(f, name, &entry, now_s);
}

static unsigned count_types(fixture_t *f, const char *name, unsigned types, uint64_t now_s)
{
    unsigned count = 0;
    for (unsigned i = 0; i < types; i++) {
        store_entry_t found;
        arena_reset(&f->arena);
        count += find(f, name, (uint16_t)(FIRST_TYPE + i), STORE_WANT_FRESH, now_s, &found);
    }
    return count;
}

static void a_name_has_so_many_types(void **state)
{
    (void)state;
    enum { TYPES = 1000 };
    fixture_t f;
    begin(&f);
    for (unsigned i = 0; i < TYPES; i++) {
        char other[32];
        (void)snprintf(other, sizeof other, "n%u.example.", i);
        put_type(&f, "a.example.", i, NOW);
        put_type(&f, other, 0, NOW); /* the names of others do not help */
        assert_int_equal(count_types(&f, other, 1, NOW), 1);
    }
    unsigned learned = count_types(&f, "a.example.", TYPES, NOW);
    assert_in_range(learned, f.settings.types_a_name_max, f.settings.types_a_name_max + 10);
    for (unsigned i = 0; i < 10 * f.settings.types_a_name_max; i++) {
        put_type(&f, "a.example.", i % 3, NOW + i); /* what is known is renewed, however often */
        put_type(&f, "b.example.", i % 3, NOW + i);
    }
    put_type(&f, "b.example.", 3, NOW + 1);
    assert_int_equal(count_types(&f, "b.example.", 4, NOW + 1000), 4);
    put_type(&f, "a.example.", TYPES, NOW + 2 * WINDOW_S);
    assert_int_equal(count_types(&f, "a.example.", TYPES + 1, NOW + 2 * WINDOW_S), learned + 1);
    end(&f);
}

/* ---- denials ---- */

static const char soa_text[] = "ns.example. host.example. 1 3600 600 86400 300";

static bool find_denial(fixture_t *f, const char *name, uint16_t type, uint64_t now_s, store_entry_t *entry)
{
    name_key_t key = key_of(name);
    store_question_t question = {.name = &key, .type = type, .now_s = now_s};
    return f->store->operations->find_denial(f->store, &question, wire_of(f, "example."), &f->arena, entry);
}

/* Teaches a name error: its SOA and these NSEC RRsets, all secure. */
static void learn(fixture_t *f, const char *name, const rrset_t *proofs, unsigned count, store_security_t security)
{
    rrset_t rrsets[8];
    rrsets[0] = signed_of(f, rrset_of(f, "example.", TYPE_SOA, 3600, soa_text), "example.", 0);
    memcpy(rrsets + 1, proofs, count * sizeof *proofs);
    store_entry_t entry = entry_of(STORE_NAME_ERROR, STORE_RANK_AUTHORITY, rrsets, 1 + count);
    entry.security = security;
    entry.ttl_s = 300;
    entry.zone = wire_of(f, "example.");
    put(f, name, &entry, NOW);
}

static rrset_t nsec(fixture_t *f, const char *owner, const char *text)
{
    return signed_of(f, rrset_of(f, owner, TYPE_NSEC, 300, text), "example.", 0);
}

static void denials_by_nsec(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t proofs[] = {nsec(&f, "b.example.", "f.example. A RRSIG NSEC"), nsec(&f, "example.", "b.example. SOA NS RRSIG NSEC")};
    store_entry_t found;
    learn(&f, "c.example.", proofs, 2, STORE_INSECURE);
    assert_false(find_denial(&f, "d.example.", TYPE_A, NOW, &found)); /* what is not proven proves nothing */
    learn(&f, "c.example.", proofs, 2, STORE_SECURE);
    assert_true(find_denial(&f, "d.example.", TYPE_A, NOW + 100, &found));
    assert_int_equal(found.kind, STORE_NAME_ERROR);
    assert_int_equal(found.security, STORE_SECURE);
    assert_int_equal(found.ttl_s, 200);
    assert_int_equal(found.rrset_count, 3);
    assert_int_equal(found.rrsets[0].type, TYPE_SOA);
    assert_int_equal(found.rrsets[1].type, TYPE_NSEC);
    assert_int_equal(found.rrsets[1].signature_count, 1);
    assert_true(find_denial(&f, "b.example.", TYPE_TXT, NOW, &found));
    assert_int_equal(found.kind, STORE_NODATA);
    assert_int_equal(found.rrset_count, 2);
    assert_false(find_denial(&f, "g.example.", TYPE_A, NOW, &found)); /* no range is known that covers it */
    assert_false(find_denial(&f, "d.example.", TYPE_A, NOW + 300, &found));
    end(&f);
}

static void denials_of_empty_non_terminals_and_by_wildcards(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t proofs[] = {nsec(&f, "b.example.", "x.d.example. A RRSIG NSEC"), nsec(&f, "*.example.", "b.example. TXT RRSIG NSEC")};
    store_entry_t found;
    learn(&f, "c.example.", proofs, 2, STORE_SECURE);
    assert_true(find_denial(&f, "d.example.", TYPE_A, NOW, &found));
    assert_int_equal(found.kind, STORE_NODATA);
    assert_int_equal(found.rrset_count, 2);
    assert_true(find_denial(&f, "bb.example.", TYPE_A, NOW, &found));
    assert_int_equal(found.kind, STORE_NODATA);
    assert_int_equal(found.rrset_count, 3);
    end(&f);
}

static void what_proves_nothing_is_not_kept(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t apex = nsec(&f, "example.", "b.example. SOA NS RRSIG NSEC");
    rrset_t expanded[] = {apex, signed_of(&f, rrset_of(&f, "b.example.", TYPE_NSEC, 300, "f.example. A"), "example.", 1)};
    rrset_t of_others[] = {apex, signed_of(&f, rrset_of(&f, "b.example.", TYPE_NSEC, 300, "f.example. A"), "other.", 0)};
    rrset_t unsigned_one[] = {apex, rrset_of(&f, "b.example.", TYPE_NSEC, 300, "f.example. A")};
    store_entry_t found;
    learn(&f, "c.example.", expanded, 2, STORE_SECURE);
    learn(&f, "c1.example.", of_others, 2, STORE_SECURE);
    learn(&f, "c2.example.", unsigned_one, 2, STORE_SECURE);
    assert_false(find_denial(&f, "d.example.", TYPE_A, NOW, &found));
    assert_true(find_denial(&f, "a.example.", TYPE_A, NOW, &found)); /* by the apex's own, which is good for the wildcard too */
    assert_int_equal(found.rrset_count, 2);
    end(&f);
}

static void hash_label(const char *name, int step, char label[static NSEC3_LABEL_SIZE + 1])
{
    name_key_t key = key_of(name);
    uint8_t hash[NSEC3_HASH_SIZE];
    const nsec3_parameters_t parameters = {.salt = NULL};
    nsec3_hash(&parameters, key.wire, key.length, hash);
    hash[NSEC3_HASH_SIZE - 1] = (uint8_t)(hash[NSEC3_HASH_SIZE - 1] + step);
    nsec3_hash_to_label(hash, (uint8_t *)label);
    label[NSEC3_LABEL_SIZE] = 0;
}

/* An NSEC3 that matches the name (step 0), or just covers it (-1). */
static rrset_t nsec3(fixture_t *f, const char *name, int step, unsigned flags)
{
    char owner[NSEC3_LABEL_SIZE + 1 + 16];
    char next[NSEC3_LABEL_SIZE + 1];
    char text[128];
    hash_label(name, step, owner);
    memcpy(owner + NSEC3_LABEL_SIZE, ".example.", sizeof ".example.");
    hash_label(name, 1, next);
    (void)snprintf(text, sizeof text, "1 %u 0 - %s A RRSIG", flags, next);
    return signed_of(f, rrset_of(f, owner, TYPE_NSEC3, 300, text), "example.", 0);
}

static void denials_by_nsec3(void **state)
{
    (void)state;
    fixture_t f;
    begin(&f);
    rrset_t proofs[] = {nsec3(&f, "example.", 0, 0), nsec3(&f, "d.example.", -1, 0), nsec3(&f, "*.example.", -1, 0)};
    store_entry_t found;
    learn(&f, "x.example.", proofs, 3, STORE_SECURE);
    assert_true(find_denial(&f, "d.example.", TYPE_A, NOW, &found));
    assert_int_equal(found.kind, STORE_NAME_ERROR);
    assert_int_equal(found.rrset_count, 4);
    assert_true(find_denial(&f, "a.b.d.example.", TYPE_A, NOW, &found) == false); /* its own hash is covered by nothing known */
    assert_true(find_denial(&f, "example.", TYPE_TXT, NOW, &found));
    assert_int_equal(found.kind, STORE_NODATA);
    assert_int_equal(found.rrset_count, 2);
    rrset_t opt_out[] = {nsec3(&f, "example.", 0, 0), nsec3(&f, "o.example.", -1, 1), nsec3(&f, "*.example.", -1, 0)};
    learn(&f, "y.example.", opt_out, 3, STORE_SECURE);
    assert_false(find_denial(&f, "o.example.", TYPE_A, NOW, &found)); /* RFC 8198 5.2 */
    end(&f);
}

/* ---- against the plain store ---- */

enum { NAMES = 24, TYPES = 4, ZONES = 6, OPERATIONS = 4000 };

typedef struct pair {
    fixture_t own;
    store_memory_t *memory;
    store_t *model;
    uint64_t random;
    uint64_t now_s;
    uint64_t found;
} pair_t;

static const uint16_t types[TYPES] = {TYPE_A, TYPE_AAAA, TYPE_TXT, TYPE_CNAME};
static const char *const zones[ZONES] = {".", "com.", "example.com.", "net.", "a.example.com.", "b.a.example.com."};

static unsigned below(pair_t *p, unsigned limit)
{
    return random_below(&p->random, limit);
}

static name_key_t some_name(pair_t *p)
{
    char text[64];
    (void)snprintf(text, sizeof text, "n%u.%s", below(p, NAMES / ZONES), zones[1 + below(p, ZONES - 1)]);
    return key_of(text);
}

static rrset_t some_rrset(pair_t *p, const uint8_t *owner, uint16_t type)
{
    uint8_t rdata[40];
    rrset_t rrset;
    size_t size = 1 + below(p, sizeof rdata - 1);
    for (size_t i = 0; i < size; i++) {
        rdata[i] = (uint8_t)random_next(&p->random);
    }
    assert_int_equal(rrset_make(&rrset, &p->own.arena, owner, type, below(p, 900), rdata, size), STATUS_OK);
    return below(p, 2) ? rrset : signed_of(&p->own, rrset, "com.", 0);
}

static void random_put(pair_t *p)
{
    name_key_t name = some_name(p);
    store_entry_t entry = {
        .kind = (store_kind_t)below(p, 4),
        .rank = (store_rank_t)(1 + below(p, STORE_RANK_AUTHORITATIVE)),
        .security = (store_security_t)below(p, 4),
        .type = types[below(p, TYPES)],
        .extended_error = (int16_t)(below(p, 30) - 1),
        .ttl_s = below(p, 10) == 0 ? 0 : below(p, 900),
    };
    rrset_t rrsets[STORE_ENTRY_RRSETS_MAX];
    uint8_t zone[NAME_WIRE_MAX + 1 + NAME_PADDING];
    entry.rrset_count = (uint16_t)(entry.kind == STORE_FAILURE ? 0 : 1 + below(p, STORE_ENTRY_RRSETS_MAX));
    entry.rank = entry.kind == STORE_FAILURE ? STORE_RANK_FAILURE : entry.rank;
    for (unsigned i = 0; i < entry.rrset_count; i++) {
        bool is_own = i == 0 && entry.kind == STORE_RRSET;
        rrsets[i] = some_rrset(p, is_own ? name.wire : key_of("proof.com.").wire, is_own ? entry.type : TYPE_TXT);
    }
    entry.rrsets = rrsets;
    memset(zone, 0, sizeof zone);
    const uint8_t *suffix = name_suffix(name.wire, below(p, name.labels));
    memcpy(zone, suffix, name_length(suffix));
    entry.zone = below(p, 4) ? zone : NULL;
    p->own.store->operations->put(p->own.store, &name, &entry, p->now_s);
    p->model->operations->put(p->model, &name, &entry, p->now_s);
}

static void compare_rrsets(const rrset_t *a, const rrset_t *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_true(name_equal(a[i].owner, b[i].owner));
        assert_int_equal(a[i].type, b[i].type);
        assert_int_equal(a[i].rrclass, b[i].rrclass);
        assert_int_equal(a[i].count, b[i].count);
        assert_int_equal(a[i].signature_count, b[i].signature_count);
        assert_int_equal(a[i].data_size, b[i].data_size);
        assert_int_equal(a[i].signature_size, b[i].signature_size);
        assert_memory_equal(a[i].data, b[i].data, a[i].data_size + a[i].signature_size);
    }
}

static void random_find(pair_t *p)
{
    name_key_t name = some_name(p);
    store_question_t question = {.name = &name, .type = types[below(p, TYPES)], .want = (store_want_t)below(p, 3), .now_s = p->now_s};
    store_entry_t got;
    store_entry_t expected;
    bool is_found = p->own.store->operations->find(p->own.store, &question, &p->own.arena, &got);
    assert_int_equal(is_found, p->model->operations->find(p->model, &question, &p->own.arena, &expected));
    if (!is_found) {
        return;
    }
    p->found++;
    assert_int_equal(got.kind, expected.kind);
    assert_int_equal(got.rank, expected.rank);
    assert_int_equal(got.security, expected.security);
    assert_int_equal(got.extended_error, expected.extended_error);
    assert_int_equal(got.is_stale, expected.is_stale);
    assert_int_equal(got.ttl_s, expected.ttl_s);
    assert_int_equal(got.lifetime_s, expected.lifetime_s);
    assert_int_equal(got.rrset_count, expected.rrset_count);
    assert_int_equal(!got.zone, !expected.zone);
    assert_true(!got.zone || name_equal(got.zone, expected.zone));
    compare_rrsets(got.rrsets, expected.rrsets, got.rrset_count);
    for (unsigned i = 0; i < got.rrset_count; i++) { /* no record outlives what it came with */
        uint32_t ttl_s = expected.rrsets[i].ttl_s < expected.ttl_s ? expected.rrsets[i].ttl_s : expected.ttl_s;
        assert_int_equal(got.rrsets[i].ttl_s, i == 0 && got.kind == STORE_RRSET ? expected.ttl_s : ttl_s);
    }
}

static void random_put_delegation(pair_t *p)
{
    enum { SERVERS = 5, ADDRESSES = 4 };
    delegation_server_t servers[SERVERS];
    resolver_address_t addresses[SERVERS][ADDRESSES];
    rrset_t proofs[3];
    delegation_t delegation = {.zone = wire_of(&p->own, zones[below(p, ZONES)]),
                               .ttl_s = below(p, 900),
                               .server_count = (uint16_t)(1 + below(p, SERVERS)),
                               .proof_count = (uint16_t)below(p, 4),
                               .servers = servers,
                               .proofs = proofs};
    for (unsigned i = 0; i < delegation.server_count; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "ns%u.net.", i);
        servers[i] = (delegation_server_t){wire_of(&p->own, name), (uint16_t)below(p, ADDRESSES + 1), addresses[i]};
        for (unsigned j = 0; j < servers[i].address_count; j++) {
            addresses[i][j] = address_of(below(p, 2) ? "192.0.2.1" : "2001:db8::1", (uint16_t)(below(p, 2) ? 53 : below(p, 65536)));
        }
    }
    for (unsigned i = 0; i < delegation.proof_count; i++) {
        proofs[i] = some_rrset(p, delegation.zone, i == 0 ? TYPE_DS : TYPE_NSEC3);
    }
    p->own.store->operations->put_delegation(p->own.store, &delegation, p->now_s);
    p->model->operations->put_delegation(p->model, &delegation, p->now_s);
}

static void random_find_delegation(pair_t *p)
{
    name_key_t name = some_name(p);
    unsigned labels = below(p, name.labels + 1u);
    delegation_t got;
    delegation_t expected;
    bool is_found = p->own.store->operations->find_delegation(p->own.store, &name, labels, p->now_s, &p->own.arena, &got);
    assert_int_equal(is_found, p->model->operations->find_delegation(p->model, &name, labels, p->now_s, &p->own.arena, &expected));
    if (!is_found) {
        return;
    }
    p->found++;
    assert_true(name_equal(got.zone, expected.zone));
    assert_int_equal(got.ttl_s, expected.ttl_s);
    assert_int_equal(got.server_count, expected.server_count);
    assert_int_equal(got.proof_count, expected.proof_count);
    for (unsigned i = 0; i < got.server_count; i++) {
        assert_true(name_equal(got.servers[i].name, expected.servers[i].name));
        assert_int_equal(got.servers[i].address_count, expected.servers[i].address_count);
        for (unsigned j = 0; j < got.servers[i].address_count; j++) {
            assert_true(resolver_address_equal(&got.servers[i].addresses[j], &expected.servers[i].addresses[j]));
        }
    }
    compare_rrsets(got.proofs, expected.proofs, got.proof_count);
}

static void agrees_with_the_plain_store(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        pair_t p = {.random = seed, .now_s = NOW};
        begin(&p.own);
        p.memory = store_memory_new(100000, STALE_MAX_S);
        p.model = store_memory_store(p.memory);
        for (unsigned i = 0; i < OPERATIONS; i++) {
            static void (*const operations[])(pair_t *) = {random_put, random_find, random_find, random_put_delegation,
                                                           random_find_delegation};
            arena_reset(&p.own.arena);
            operations[below(&p, ARRAY_SIZE(operations))](&p);
            p.now_s += below(&p, 20) == 0 ? below(&p, 300) : 0;
        }
        assert_true(p.found > OPERATIONS / 5);
        store_memory_free(p.memory);
        end(&p.own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found),
        cmocka_unit_test(name_errors_and_older_data),
        cmocka_unit_test(bogus_data_displace_nothing),
        cmocka_unit_test(what_is_of_other_names_is_not_found),
        cmocka_unit_test(failures_stand_beside_data),
        cmocka_unit_test(delegations),
        cmocka_unit_test(a_name_has_so_many_types),
        cmocka_unit_test(denials_by_nsec),
        cmocka_unit_test(denials_of_empty_non_terminals_and_by_wildcards),
        cmocka_unit_test(what_proves_nothing_is_not_kept),
        cmocka_unit_test(denials_by_nsec3),
        cmocka_unit_test(agrees_with_the_plain_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
