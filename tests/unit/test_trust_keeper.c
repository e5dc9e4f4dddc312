/* The keeper of trust (server/trust_keeper.h) with real keys, between a server and workers that the test plays, by a wall clock that it
 * turns (time() is wrapped). */
#include "base/bytes.h"
#include "server/trust_keeper.h"
#include "server/trust_view.h"
#include "signing_key.h"
#include "wire/rrtype.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    DAY_S = 86400,
    START_S = 1800000000,
    TTL_S = 2 * DAY_S,
    KEYS = 3,
    RECORDS = 8,
    INQUIRIES = 64,
    PATIENCE_MS = 20000,
    LOG_MAX = 1 << 16,
    REVOKED = SIGNING_KSK | DNSKEY_FLAG_REVOKE,
};

static _Atomic uint64_t test_time_s;
static _Atomic unsigned test_time_reads;

time_t __wrap_time(time_t *now);
time_t __wrap_time(time_t *now)
{
    time_t value = (time_t)atomic_load(&test_time_s);
    atomic_fetch_add(&test_time_reads, 1);
    if (now) {
        *now = value;
    }
    return value;
}

typedef struct fixture {
    char directory[64];
    int log_fd;
    log_t log;
    server_settings_t *settings;
    trust_keeper_t *keeper;
    signing_key_t *keys[KEYS];
    pthread_mutex_t lock; /* for what follows */
    server_trust_t *trust;
    unsigned published;
    unsigned flushed;
    recursor_inquiry_t *inquiries[INQUIRIES];
    unsigned inquiry_count;
    bool refuses_inquiries;
} fixture_t;

static const uint8_t root[NAME_PADDING] = {0};

/* ---- the server ---- */

static void publish(void *context, server_trust_t *trust)
{
    fixture_t *f = context;
    pthread_mutex_lock(&f->lock);
    server_trust_t *before = f->trust;
    f->trust = trust;
    f->published++;
    pthread_mutex_unlock(&f->lock);
    if (before) {
        before->free(before);
    }
}

static void flush(void *context, const uint8_t *name)
{
    fixture_t *f = context;
    assert_non_null(name);
    pthread_mutex_lock(&f->lock);
    f->flushed++;
    pthread_mutex_unlock(&f->lock);
}

static status_t inquire(void *context, recursor_inquiry_t *inquiry)
{
    fixture_t *f = context;
    pthread_mutex_lock(&f->lock);
    status_t status = f->inquiry_count < INQUIRIES && !f->refuses_inquiries ? STATUS_OK : STATUS_NO_MEMORY;
    if (status == STATUS_OK) {
        f->inquiries[f->inquiry_count++] = inquiry;
    }
    pthread_mutex_unlock(&f->lock);
    return status;
}

static void pause_ms(unsigned ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

/* The oldest inquiry of the type; NULL after a while. */
static recursor_inquiry_t *take_inquiry(fixture_t *f, uint16_t type, unsigned patience_ms)
{
    for (unsigned waited = 0; waited <= patience_ms; waited++) {
        recursor_inquiry_t *found = NULL;
        pthread_mutex_lock(&f->lock);
        for (unsigned i = 0; i < f->inquiry_count && !found; i++) {
            if (f->inquiries[i]->type == type) {
                found = f->inquiries[i];
                memmove(f->inquiries + i, f->inquiries + i + 1, (--f->inquiry_count - i) * sizeof *f->inquiries);
            }
        }
        pthread_mutex_unlock(&f->lock);
        if (found) {
            return found;
        }
        pause_ms(1);
    }
    return NULL;
}

static void answer_signals(fixture_t *f)
{
    static const resolver_answer_t denied = {.rcode = RCODE_NXDOMAIN};
    recursor_inquiry_t *signal;
    while ((signal = take_inquiry(f, TYPE_NULL, 0)) != NULL) {
        signal->answered(signal, &denied);
    }
}

/* ---- life ---- */

static void add_ds(server_settings_t *settings, const signing_key_t *key)
{
    uint8_t ds[DNSSEC_DS_MAX];
    size_t size = dnssec_ds_make(DNSSEC_DIGEST_SHA256, root, key->rdata, key->rdata_size, ds);
    assert_int_equal(trust_anchors_add(&settings->own_anchors, root, TYPE_DS, ds, size), STATUS_OK);
}

static server_settings_t *make_settings(const fixture_t *f)
{
    server_settings_t *settings = calloc(1, sizeof *settings);
    assert_non_null(settings);
    arena_init(&settings->arena, 0, 1 << 24);
    trust_anchors_init(&settings->own_anchors);
    assert_int_equal(recursion_settings_default(settings), STATUS_OK);
    trust_anchors_clear(&settings->own_anchors);
    trust_anchors_init(&settings->own_anchors);
    settings->state = f->directory;
    return settings;
}

static void begin(fixture_t *f)
{
    const trust_environment_t environment = {.context = f, .publish = publish, .flush = flush, .inquire = inquire, .log = &f->log};
    f->keeper = trust_keeper_new(f->settings, &environment);
    assert_non_null(f->keeper);
    trust_keeper_load(f->keeper);
    assert_int_equal(trust_keeper_start(f->keeper), STATUS_OK);
}

static void end(fixture_t *f)
{
    trust_keeper_stop(f->keeper);
    answer_signals(f);
    for (recursor_inquiry_t *left; (left = take_inquiry(f, TYPE_DNSKEY, 0)) != NULL;) {
        left->answered(left, NULL);
    }
    trust_keeper_free(f->keeper);
    if (f->trust) {
        f->trust->free(f->trust);
        f->trust = NULL;
    }
}

static int set_up(void **state)
{
    fixture_t *f = calloc(1, sizeof *f);
    assert_non_null(f);
    atomic_store(&test_time_s, START_S);
    snprintf(f->directory, sizeof f->directory, "/tmp/portolan-keeper-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    char path[96];
    snprintf(path, sizeof path, "%s/log", f->directory);
    f->log_fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    assert_true(f->log_fd >= 0);
    log_init(&f->log, f->log_fd, LOG_DEBUG);
    pthread_mutex_init(&f->lock, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        f->keys[i] = signing_key_new(i + 1, DNSSEC_ED25519, SIGNING_KSK);
    }
    f->settings = make_settings(f);
    add_ds(f->settings, f->keys[0]);
    begin(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"log", "trust-anchors", "trust-anchors.bad", "negative-trust-anchors",
                                        "negative-trust-anchors.bad"};
    fixture_t *f = *state;
    end(f);
    for (unsigned i = 0; i < KEYS; i++) {
        signing_key_free(f->keys[i]);
    }
    server_settings_free(f->settings);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[96];
        snprintf(path, sizeof path, "%s/%s", f->directory, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(f->directory);
    close(f->log_fd);
    pthread_mutex_destroy(&f->lock);
    free(f);
    return 0;
}

static bool has_logged(const fixture_t *f, const char *text)
{
    char *content = calloc(1, LOG_MAX);
    assert_non_null(content);
    assert_true(pread(f->log_fd, content, LOG_MAX - 1, 0) >= 0);
    bool found = strstr(content, text) != NULL;
    free(content);
    return found;
}

/* ---- what a zone shows ---- */

typedef struct zone {
    dnssec_rdata_t records[RECORDS];
    uint8_t rdata[RECORDS][64];
    unsigned count;
    uint8_t data[4096]; /* as an rrset_t has it */
    size_t size;
    size_t records_size;
    unsigned signature_count;
} zone_t;

static void add_data(zone_t *zone, const uint8_t *rdata, size_t size)
{
    store_be16(zone->data + zone->size, (uint16_t)size);
    memcpy(zone->data + zone->size + 2, rdata, size);
    zone->size += 2 + size;
}

static void show(zone_t *zone, const signing_key_t *key, uint16_t flags)
{
    uint8_t *rdata = zone->rdata[zone->count];
    memcpy(rdata, key->rdata, key->rdata_size);
    store_be16(rdata, flags);
    zone->records[zone->count++] = (dnssec_rdata_t){rdata, (uint16_t)key->rdata_size};
    add_data(zone, rdata, key->rdata_size);
    zone->records_size = zone->size;
}

/* Behind all show(). */
static void sign(zone_t *zone, const signing_key_t *key, uint16_t flags)
{
    enum { HEAD = 19 };
    uint8_t rrsig[HEAD + SIGNATURE_SIZE_MAX] = {0};
    uint8_t dnskey[64];
    const dnssec_rrset_t rrset = {
        .owner = root, .records = zone->records, .count = zone->count, .ttl_s = TTL_S, .type = TYPE_DNSKEY, .rrclass = CLASS_IN};
    memcpy(dnskey, key->rdata, key->rdata_size);
    store_be16(dnskey, flags);
    store_be16(rrsig, TYPE_DNSKEY);
    rrsig[2] = key->algorithm;
    store_be32(rrsig + 4, TTL_S);
    store_be32(rrsig + 8, (uint32_t)atomic_load(&test_time_s) + 20 * DAY_S);
    store_be32(rrsig + 12, (uint32_t)atomic_load(&test_time_s) - DAY_S);
    store_be16(rrsig + 16, dnssec_key_tag(dnskey, key->rdata_size));
    dnssec_rrsig_t fields;
    buffer_t scratch;
    const uint8_t *data;
    size_t size;
    buffer_init(&scratch, 1 << 16);
    assert_true(dnssec_rrsig_read(&fields, rrsig, HEAD + 1));
    assert_int_equal(dnssec_signed_data(&rrset, &fields, &scratch, &data, &size), STATUS_OK);
    size_t signature_size = signing_key_sign(key, data, size, rrsig + HEAD);
    buffer_clear(&scratch);
    add_data(zone, rrsig, HEAD + signature_size);
    zone->signature_count++;
}

static bool is_asking(fixture_t *f);

/* Has the keeper ask, and gives it this. NULL: no answer at all. */
static void look(fixture_t *f, const zone_t *zone)
{
    unsigned asked = 0;
    assert_int_equal(trust_keeper_refresh(f->keeper, root, &asked), STATUS_OK);
    assert_int_equal(asked, 1);
    recursor_inquiry_t *inquiry = take_inquiry(f, TYPE_DNSKEY, PATIENCE_MS);
    assert_non_null(inquiry);
    if (zone) {
        const rrset_t rrset = {.owner = root,
                               .type = TYPE_DNSKEY,
                               .rrclass = CLASS_IN,
                               .ttl_s = TTL_S,
                               .count = (uint16_t)zone->count,
                               .signature_count = (uint16_t)zone->signature_count,
                               .data_size = (uint32_t)zone->records_size,
                               .signature_size = (uint32_t)(zone->size - zone->records_size),
                               .data = zone->data};
        const resolver_answer_t answer = {.rcode = RCODE_NOERROR, .answer_count = 1, .answer = &rrset};
        inquiry->answered(inquiry, &answer);
    } else {
        inquiry->answered(inquiry, NULL);
    }
    for (unsigned waited = 0; is_asking(f); waited++) {
        assert_true(waited < PATIENCE_MS);
        pause_ms(1);
    }
    trust_keeper_wait(f->keeper);
    answer_signals(f);
}

/* ---- what the keeper shows ---- */

typedef struct seen {
    trust_point_view_t point;
    trust_key_view_t keys[ROLLOVER_KEYS_MAX];
    unsigned key_count;
    unsigned negative_count;
    trust_negative_view_t negative;
} seen_t;

static void see_point(void *context, const trust_point_view_t *point)
{
    ((seen_t *)context)->point = *point;
}

static void see_key(void *context, const trust_key_view_t *key)
{
    seen_t *seen = context;
    seen->keys[seen->key_count++] = *key;
}

static void see_negative(void *context, const trust_negative_view_t *negative)
{
    seen_t *seen = context;
    seen->negative_count++;
    seen->negative = *negative;
}

static seen_t see(fixture_t *f)
{
    seen_t seen = {.key_count = 0};
    const trust_visitor_t visitor = {.context = &seen, .point = see_point, .key = see_key, .negative = see_negative};
    trust_keeper_visit(f->keeper, &visitor);
    return seen;
}

static bool is_asking(fixture_t *f)
{
    return see(f).point.is_asking;
}

static const char *state_of(fixture_t *f, unsigned key)
{
    seen_t seen = see(f);
    for (unsigned i = 0; i < seen.key_count; i++) {
        if (seen.keys[i].tag == f->keys[key]->tag) {
            return seen.keys[i].state;
        }
    }
    return "unknown";
}

/* Is it in what the workers have? */
static bool is_in_force(fixture_t *f, unsigned key)
{
    bool found = false;
    pthread_mutex_lock(&f->lock);
    const trust_point_t *point = trust_anchors_find(f->trust->trust.anchors, root);
    for (unsigned i = 0; point && i < point->dnskey_count; i++) {
        found = found || dnssec_key_tag(point->dnskeys[i].data, point->dnskeys[i].length) == f->keys[key]->tag;
    }
    pthread_mutex_unlock(&f->lock);
    return found;
}

/* ---- tests ---- */

static void a_key_waits_for_thirty_days(void **state)
{
    fixture_t *f = *state;
    assert_string_equal(state_of(f, 0), "configured");
    for (unsigned day = 0; day <= 31; day++) {
        zone_t zone = {.count = 0};
        show(&zone, f->keys[0], SIGNING_KSK);
        show(&zone, f->keys[1], SIGNING_KSK);
        sign(&zone, f->keys[0], SIGNING_KSK);
        look(f, &zone);
        assert_string_equal(state_of(f, 0), "valid");
        assert_string_equal(state_of(f, 1), day < 30 ? "add-pending" : "valid");
        assert_int_equal(is_in_force(f, 1), day >= 30);
        seen_t seen = see(f);
        assert_int_equal(seen.point.seen_s, START_S + (uint64_t)day * DAY_S);
        assert_int_equal(seen.point.next_query_s, START_S + (uint64_t)day * DAY_S + TTL_S / 2);
        if (day % 7 == 0) { /* whatever happens to the server meanwhile */
            end(f);
            begin(f);
        }
        atomic_fetch_add(&test_time_s, DAY_S);
    }
    assert_int_equal(f->flushed, 0); /* nothing that was right became wrong */
    assert_true(has_logged(f, "trust.key-accepted zone=. "));
}

static void a_revocation_counts_at_once(void **state)
{
    fixture_t *f = *state;
    zone_t zone = {.count = 0};
    show(&zone, f->keys[0], SIGNING_KSK);
    sign(&zone, f->keys[0], SIGNING_KSK);
    look(f, &zone);
    assert_true(is_in_force(f, 0));
    assert_int_equal(f->flushed, 0);
    zone = (zone_t){.count = 0};
    show(&zone, f->keys[0], REVOKED);
    sign(&zone, f->keys[0], REVOKED);
    look(f, &zone);
    assert_false(is_in_force(f, 0));
    assert_null(trust_anchors_find(f->trust->trust.anchors, root)); /* its digest is worth nothing either */
    assert_int_equal(f->flushed, 1);
    assert_true(has_logged(f, "warning trust.key-revoked"));
    assert_true(has_logged(f, "error trust.point-deleted"));
    assert_true(has_logged(f, "warning trust.nothing"));
    end(f);
    begin(f);
    assert_null(trust_anchors_find(f->trust->trust.anchors, root));
}

static void no_answer_is_no_failure(void **state)
{
    fixture_t *f = *state;
    zone_t zone = {.count = 0};
    show(&zone, f->keys[0], SIGNING_KSK);
    sign(&zone, f->keys[0], SIGNING_KSK);
    look(f, NULL);
    assert_int_equal(see(f).point.next_query_s, 0); /* asked again, soon */
    assert_false(has_logged(f, "trust.probe-failed"));
    look(f, &zone);
    assert_true(is_in_force(f, 0));
}

static void what_no_key_has_signed_proves_nothing(void **state)
{
    fixture_t *f = *state;
    zone_t zone = {.count = 0};
    show(&zone, f->keys[0], SIGNING_KSK);
    show(&zone, f->keys[1], SIGNING_KSK);
    sign(&zone, f->keys[1], SIGNING_KSK);
    look(f, &zone);
    assert_string_equal(state_of(f, 0), "configured");
    assert_string_equal(state_of(f, 1), "unknown");
    assert_int_equal(see(f).point.next_query_s, START_S + 3600);
    assert_true(has_logged(f, "warning trust.probe-failed"));
}

/* Each probe tells the zone what is trusted then. */
static void probes_come_with_signals(void **state)
{
    fixture_t *f = *state;
    unsigned asked;
    char expected[NAME_TEXT_MAX], text[NAME_TEXT_MAX];
    assert_int_equal(trust_keeper_refresh(f->keeper, NULL, &asked), STATUS_OK);
    recursor_inquiry_t *signal = take_inquiry(f, TYPE_NULL, PATIENCE_MS);
    assert_non_null(signal);
    snprintf(expected, sizeof expected, "_ta-%04x.", f->keys[0]->tag);
    name_to_text(signal->name.wire, text);
    assert_string_equal(text, expected);
    signal->answered(signal, NULL);
}

static void negative_anchors_last_as_long_as_they_should(void **state)
{
    fixture_t *f = *state;
    name_t name;
    assert_int_equal(name_from_text(&name, "Broken.Example.", 15, NULL, NULL), STATUS_OK);
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 3600), STATUS_OK);
    assert_int_equal(f->flushed, 1);
    assert_int_equal(f->trust->trust.negative_count, 1);
    assert_int_equal(f->trust->trust.negative[0].until_s, START_S + 3600);
    atomic_fetch_add(&test_time_s, 1800);
    end(f);
    begin(f);
    assert_int_equal(f->trust->trust.negative_count, 1); /* when this returned, its file was written */
    assert_int_equal(see(f).negative.since_s, START_S);
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 7200), STATUS_OK); /* another end */
    assert_int_equal(f->trust->trust.negative_count, 1);
    assert_int_equal(f->flushed, 1);
    atomic_fetch_add(&test_time_s, 7200);
    trust_keeper_configure(f->keeper, f->settings); /* it looks at the clock */
    trust_keeper_wait(f->keeper);
    assert_int_equal(f->trust->trust.negative_count, 0);
    assert_int_equal(f->flushed, 2);
    assert_true(has_logged(f, "nta.ended name=broken.example."));
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 0), STATUS_INVALID);
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 7 * DAY_S + 1), STATUS_INVALID);
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 7 * DAY_S), STATUS_OK);
    assert_int_equal(trust_keeper_heed(f->keeper, name.wire), STATUS_OK);
    assert_int_equal(trust_keeper_heed(f->keeper, name.wire), STATUS_NOT_FOUND);
}

/* Set by a clock that ran years ahead: no reason to ignore a zone for years. */
static void negative_anchors_of_a_wrong_clock_end(void **state)
{
    fixture_t *f = *state;
    name_t name;
    assert_int_equal(name_from_text(&name, "x.example.", 10, NULL, NULL), STATUS_OK);
    atomic_store(&test_time_s, START_S + 1000 * (uint64_t)DAY_S);
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 3600), STATUS_OK);
    atomic_store(&test_time_s, START_S);
    end(f);
    begin(f);
    assert_int_equal(f->trust->trust.negative_count, 0);
}

static void a_state_that_cannot_be_written(void **state)
{
    fixture_t *f = *state;
    name_t name;
    char path[96];
    snprintf(path, sizeof path, "%s/negative-trust-anchors.new", f->directory);
    assert_int_equal(mkdir(path, 0700), 0); /* in the way */
    assert_int_equal(name_from_text(&name, "x.example.", 10, NULL, NULL), STATUS_OK);
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 3600), STATUS_OK);
    assert_int_equal(f->trust->trust.negative_count, 1);
    assert_true(has_logged(f, "error trust.state-unwritten"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(trust_keeper_ignore(f->keeper, &name, 3000), STATUS_OK); /* tried again with the next change */
    end(f);
    begin(f);
    assert_int_equal(f->trust->trust.negative_count, 1);
}

static void other_settings(void **state)
{
    fixture_t *f = *state;
    zone_t zone = {.count = 0};
    show(&zone, f->keys[0], SIGNING_KSK);
    sign(&zone, f->keys[0], SIGNING_KSK);
    look(f, &zone);
    unsigned published = f->published;
    trust_keeper_configure(f->keeper, f->settings); /* the same */
    trust_keeper_wait(f->keeper);
    assert_int_equal(f->published, published);

    server_settings_t *settings = make_settings(f);
    add_ds(settings, f->keys[2]);
    trust_keeper_configure(f->keeper, settings);
    trust_keeper_wait(f->keeper);
    assert_int_equal(f->flushed, 1);
    assert_false(is_in_force(f, 0)); /* whoever took it out of the configuration wants it gone */
    server_settings_free(settings);

    settings = make_settings(f);
    settings->recursion.anchors = NULL;
    trust_keeper_configure(f->keeper, settings);
    trust_keeper_wait(f->keeper);
    assert_int_equal(f->flushed, 2);
    assert_null(trust_anchors_find(f->trust->trust.anchors, root));
    server_settings_free(settings);
}

static void a_clock_that_is_wrong(void **state)
{
    fixture_t *f = *state;
    assert_false(has_logged(f, "clock.wrong"));
    atomic_store(&test_time_s, 1000);
    end(f);
    begin(f);
    assert_true(has_logged(f, "warning clock.wrong"));
}

/* A clock that ran ahead and was set right must not put everything off until then. */
static void a_clock_that_was_set_back(void **state)
{
    fixture_t *f = *state;
    atomic_store(&test_time_s, START_S + 4000 * (uint64_t)DAY_S);
    zone_t zone = {.count = 0};
    show(&zone, f->keys[0], SIGNING_KSK);
    show(&zone, f->keys[1], SIGNING_KSK);
    sign(&zone, f->keys[0], SIGNING_KSK);
    look(f, &zone);
    assert_string_equal(state_of(f, 1), "add-pending");
    for (unsigned day = 0; day <= 30; day += 15) {
        atomic_store(&test_time_s, START_S + (uint64_t)day * DAY_S);
        zone_t again = {.count = 0};
        show(&again, f->keys[0], SIGNING_KSK);
        show(&again, f->keys[1], SIGNING_KSK);
        sign(&again, f->keys[0], SIGNING_KSK);
        if (day == 0) {
            rollover_point_t point = {.next_query_s = see(f).point.next_query_s};
            assert_true(rollover_is_due(&point, START_S));
        }
        look(f, &again);
        assert_string_equal(state_of(f, 1), day < 30 ? "add-pending" : "valid");
    }
}

/* The thread looks at the clock in every round. */
static bool is_at_rest(void)
{
    enum { REST_MS = 100, ROUNDS_READS_MAX = 50 };
    pause_ms(REST_MS); /* what was begun ends */
    unsigned before = atomic_load(&test_time_reads);
    pause_ms(REST_MS);
    return atomic_load(&test_time_reads) - before < ROUNDS_READS_MAX;
}

static void nothing_to_do_takes_no_time(void **state)
{
    fixture_t *f = *state;
    unsigned asked;
    assert_int_equal(trust_keeper_refresh(f->keeper, NULL, &asked), STATUS_OK); /* the wait after the start is over */
    recursor_inquiry_t *inquiry = take_inquiry(f, TYPE_DNSKEY, PATIENCE_MS);
    assert_non_null(inquiry);
    inquiry->answered(inquiry, &(resolver_answer_t){.rcode = RCODE_SERVFAIL});
    assert_true(is_at_rest());
    for (unsigned validates = 0; validates < 2; validates++) {
        for (unsigned signals = 0; signals < 2; signals++) {
            server_settings_t *settings = make_settings(f);
            settings->recursion.update_anchors = false;
            settings->recursion.resolver.validate = validates != 0;
            settings->recursion.resolver.signal_key_tags = signals != 0;
            trust_keeper_configure(f->keeper, settings);
            trust_keeper_wait(f->keeper);
            assert_true(is_at_rest());
            server_settings_free(settings);
        }
    }
}

static void who_can_ask_nobody_waits(void **state)
{
    fixture_t *f = *state;
    unsigned asked;
    pthread_mutex_lock(&f->lock);
    f->refuses_inquiries = true;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(trust_keeper_refresh(f->keeper, NULL, &asked), STATUS_OK);
    assert_true(is_at_rest());
    pthread_mutex_lock(&f->lock);
    f->refuses_inquiries = false;
    pthread_mutex_unlock(&f->lock);
    recursor_inquiry_t *inquiry = take_inquiry(f, TYPE_DNSKEY, PATIENCE_MS);
    assert_non_null(inquiry);
    inquiry->answered(inquiry, NULL);
}

/* The server ends while a question is out. */
static void an_end_with_a_question_open(void **state)
{
    fixture_t *f = *state;
    unsigned asked;
    assert_int_equal(trust_keeper_refresh(f->keeper, NULL, &asked), STATUS_OK);
    recursor_inquiry_t *inquiry = take_inquiry(f, TYPE_DNSKEY, PATIENCE_MS);
    assert_non_null(inquiry);
    trust_keeper_stop(f->keeper);
    inquiry->answered(inquiry, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_waits_for_thirty_days, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_revocation_counts_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_answer_is_no_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_key_has_signed_proves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(probes_come_with_signals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(negative_anchors_last_as_long_as_they_should, set_up, tear_down),
        cmocka_unit_test_setup_teardown(negative_anchors_of_a_wrong_clock_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_that_cannot_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_that_was_set_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_to_do_takes_no_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_can_ask_nobody_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_with_a_question_open, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
