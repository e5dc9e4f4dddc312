#include "server/loading.h"

#include "base/bytes.h"
#include "base/diagnostic.h"
#include "base/rcu.h"
#include "base/require.h"
#include "wire/name.h"
#include "wire/rrtype.h"
#include "zone/check.h"
#include "zone/loader.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS_MAX = 64,
    PAUSE_MS = 100,   /* before the first new try; then twice as long each time */
    FRESH_MS = 1000,  /* a file written so recently may be half-written */
    RETIRED_MAX = 64, /* old versions that wait for one grace period together */
    RETIRED_BYTES_MAX = 16 << 20,
    TRIM_BYTES_MIN = 32 << 20, /* what loading such a zone leaves behind is given back to the system */
};

/* Old versions of one thread that readers may still see. */
typedef struct retired {
    const zone_contents_t *contents[RETIRED_MAX];
    size_t count;
    uint64_t bytes;
} retired_t;

typedef struct job {
    loading_t *loading;
    loading_extent_t extent;
    _Atomic size_t next;
    _Atomic uint64_t bytes;
} job_t;

void loading_policy_of_root(zone_check_policy_t *policy)
{
    REQUIRE(zone_check_policy_set(policy, "zonemd-mismatch", "error") == STATUS_OK);
    REQUIRE(zone_check_policy_set(policy, "no-apex-ns", "error") == STATUS_OK);
}

unsigned loading_processors(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? (unsigned)count : 1;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(unsigned milliseconds)
{
    struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* ---- old versions ---- */

static void release(retired_t *retired)
{
    if (retired->count > 0) {
        rcu_wait();
    }
    for (size_t i = 0; i < retired->count; i++) {
        zone_contents_unref(retired->contents[i]);
    }
    retired->count = 0;
    retired->bytes = 0;
}

static void retire(retired_t *retired, const zone_contents_t *contents)
{
    zone_statistics_t size;
    if (!contents) {
        return;
    }
    zone_contents_statistics(contents, &size);
    retired->contents[retired->count++] = contents;
    retired->bytes += size.bytes;
    if (retired->count == RETIRED_MAX || retired->bytes > RETIRED_BYTES_MAX) {
        release(retired);
    }
}

/* ---- what the log says ---- */

static void log_diagnostics(log_t *log, const char *zone, const diagnostics_t *diagnostics)
{
    for (const diagnostic_t *d = diagnostics->first; d; d = d->next) {
        bool is_error = d->severity == DIAGNOSTIC_ERROR;
        log_event(log, is_error ? LOG_ERROR : LOG_WARNING, is_error ? "zone.error" : "zone.warning", LOG_TEXT("zone", zone),
                  LOG_TEXT("file", d->place.file), LOG_NUMBER("line", d->place.line), LOG_NUMBER("column", d->place.column),
                  LOG_TEXT("code", d->code), LOG_TEXT("message", d->message), LOG_TEXT("hint", d->hint));
    }
    if (diagnostics->errors + diagnostics->warnings > diagnostics->kept) {
        log_event(log, LOG_WARNING, "zone.more-findings", LOG_TEXT("zone", zone),
                  LOG_NUMBER("count", diagnostics->errors + diagnostics->warnings - diagnostics->kept));
    }
}

static void log_loaded(log_t *log, const char *zone, const zone_entry_t *entry, const zone_contents_t *contents, size_t warnings)
{
    zone_statistics_t size;
    zone_contents_statistics(contents, &size);
    log_event(log, LOG_INFO, "zone.loaded", LOG_TEXT("zone", zone), LOG_TEXT("file", entry->file),
              LOG_NUMBER("serial", zone_head(contents)->serial), LOG_NUMBER("records", size.records), LOG_NUMBER("names", size.names),
              LOG_NUMBER("bytes", size.bytes), LOG_NUMBER("ms", entry->load_ms), LOG_NUMBER("warnings", warnings));
}

/* ---- one zone ---- */

/* One attempt's outcome. */
typedef struct attempt {
    status_t status;
    int reason; /* errno, where status is STATUS_IO */
    file_identity_t identity;
    included_files_t *included;
    const zone_contents_t *contents;
    diagnostics_t diagnostics;
} attempt_t;

static void note_included(void *context, const char *path)
{
    attempt_t *attempt = context;
    included_files_add(&attempt->included, path);
}

static void read_file(attempt_t *attempt, const zone_entry_t *entry)
{
    zone_check_policy_t policy;
    *attempt = (attempt_t){.status = STATUS_OK};
    diagnostics_init(&attempt->diagnostics, 0);
    attempt->status = file_identity_read(entry->file, &attempt->identity);
    if (attempt->status == STATUS_OK) {
        zone_check_policy_init(&policy);
        policy.now_s = (uint32_t)time(NULL);
        if (entry->is_root_copy) {
            loading_policy_of_root(&policy);
        }
        policy.regular_files_only = true; /* nothing may hold up a reload for ever */
        policy.included = note_included;
        policy.context = attempt;
        errno = 0;
        attempt->status = zone_load(entry->slot.name.wire, CLASS_IN, entry->file, &policy, &attempt->diagnostics, &attempt->contents);
    }
    attempt->reason = errno;
}

static void discard(attempt_t *attempt)
{
    if (attempt->contents) {
        zone_contents_unref(attempt->contents);
        attempt->contents = NULL;
    }
    included_files_unref(attempt->included);
    attempt->included = NULL;
    diagnostics_clear(&attempt->diagnostics);
}

/* Whether the file should be read once more: it is not what was read, or it may become whole yet. */
static bool is_in_motion(const attempt_t *attempt, const char *file)
{
    file_identity_t now;
    if (file_identity_read(file, &now) != STATUS_OK) {
        return attempt->status == STATUS_OK;
    }
    if (!file_identity_equal(&now, &attempt->identity)) {
        return true;
    }
    return attempt->status != STATUS_OK && attempt->identity.changed_ns / 1000000 > clock_ms(CLOCK_REALTIME) - FRESH_MS;
}

static void read_until_still(attempt_t *attempt, const zone_entry_t *entry)
{
    unsigned pause = PAUSE_MS;
    read_file(attempt, entry);
    for (unsigned tries = 1; is_in_motion(attempt, entry->file); tries++, pause *= 2) {
        if (tries == LOADING_TRIES_MAX) {
            if (attempt->status == STATUS_OK) {
                discard(attempt);
                *attempt = (attempt_t){.status = STATUS_AGAIN};
                diagnostics_init(&attempt->diagnostics, 0);
            }
            return;
        }
        discard(attempt);
        pause_ms(pause);
        read_file(attempt, entry);
    }
}

static const diagnostic_t *first_error(const attempt_t *attempt)
{
    const diagnostic_t *d = attempt->diagnostics.first;
    while (d && d->severity != DIAGNOSTIC_ERROR) {
        d = d->next;
    }
    return d;
}

/* "file:line: message", or what the system said; allocated, NULL without memory. */
static char *describe_failure(const attempt_t *attempt, const char *file)
{
    buffer_t text;
    const diagnostic_t *error = first_error(attempt);
    buffer_init(&text, 64 * 1024);
    if (error && error->place.file && error->place.line > 0) {
        buffer_printf(&text, "%s:%u: %s", error->place.file, error->place.line, error->message);
    } else if (error) {
        buffer_printf(&text, "%s: %s", file, error->message);
    } else if (attempt->status == STATUS_IO && attempt->reason != 0) {
        buffer_printf(&text, "%s: %s", file, strerrordesc_np(attempt->reason));
    } else if (attempt->status == STATUS_AGAIN) {
        buffer_printf(&text, "%s: it changes while it is read", file);
    } else {
        buffer_printf(&text, "%s: %s", file, status_text(attempt->status));
    }
    char *copy = strdup(buffer_text(&text));
    buffer_clear(&text);
    return copy;
}

/* A file is as old as its last writing. */
static int64_t good_until(const attempt_t *attempt)
{
    enum { LENGTH = 2, EXPIRE_IN_STORED_SOA = 8 + 12 }; /* two references, then serial, refresh, retry */
    const zone_rrset_t *soa = zone_node_find(zone_apex(attempt->contents), TYPE_SOA);
    return attempt->identity.changed_ns / 1000000000 + load_be32(soa->data + LENGTH + EXPIRE_IN_STORED_SOA);
}

static void publish(loading_t *loading, zone_entry_t *entry, attempt_t *attempt, uint32_t load_ms, retired_t *retired)
{
    pthread_mutex_lock(loading->state_lock);
    const zone_contents_t *before = rcu_read(&entry->slot.contents);
    rcu_publish(&entry->slot.contents, attempt->contents);
    entry->identity = attempt->identity;
    entry->good_until_s = good_until(attempt);
    included_files_unref(entry->included);
    entry->included = attempt->included;
    entry->loaded_at_s = time(NULL);
    entry->load_ms = load_ms;
    free(entry->last_error);
    entry->last_error = NULL;
    pthread_mutex_unlock(loading->state_lock);
    attempt->included = NULL;
    attempt->contents = NULL;
    retire(retired, before);
    atomic_fetch_add(&loading->loaded, 1);
}

static void note_failure(loading_t *loading, zone_entry_t *entry, const char *zone, const attempt_t *attempt)
{
    char *error = describe_failure(attempt, entry->file);
    bool serves = rcu_read(&entry->slot.contents) != NULL;
    const char *otherwise = entry->is_root_copy ? "nothing, the root's servers are asked" : "SERVFAIL";
    log_event(loading->log, LOG_ERROR, "zone.failed", LOG_TEXT("zone", zone), LOG_TEXT("file", entry->file),
              LOG_NUMBER("errors", attempt->diagnostics.errors), LOG_TEXT("error", error),
              LOG_TEXT("serving", serves ? "the version before" : otherwise));
    pthread_mutex_lock(loading->state_lock);
    free(entry->last_error);
    entry->last_error = error;
    pthread_mutex_unlock(loading->state_lock);
    atomic_fetch_add(&loading->failed, 1);
}

static status_t load_zone(loading_t *loading, zone_entry_t *entry, retired_t *retired, uint64_t *bytes)
{
    char zone[NAME_TEXT_MAX];
    attempt_t attempt;
    zone_statistics_t size = {.bytes = 0};
    int64_t began = clock_ms(CLOCK_MONOTONIC);
    name_to_text(entry->slot.name.wire, zone);
    read_until_still(&attempt, entry);
    log_diagnostics(loading->log, zone, &attempt.diagnostics);
    status_t status = attempt.status;
    if (status == STATUS_OK) {
        const zone_contents_t *contents = attempt.contents;
        zone_contents_statistics(contents, &size);
        publish(loading, entry, &attempt, (uint32_t)(clock_ms(CLOCK_MONOTONIC) - began), retired);
        log_loaded(loading->log, zone, entry, contents, attempt.diagnostics.warnings);
    } else {
        note_failure(loading, entry, zone, &attempt);
    }
    *bytes += size.bytes;
    discard(&attempt);
    return status;
}

static bool is_due(const zone_entry_t *entry, loading_extent_t extent)
{
    file_identity_t now;
    if (entry->is_fetched && file_identity_read(entry->file, &now) != STATUS_OK) {
        return false; /* it comes by and by */
    }
    if (extent == LOADING_NEW) {
        return !entry->last_error && entry->identity.inode == 0;
    }
    return extent == LOADING_ALL || entry->last_error || !rcu_read(&entry->slot.contents) ||
           file_identity_read(entry->file, &now) != STATUS_OK || !file_identity_equal(&now, &entry->identity) ||
           included_files_changed(entry->included);
}

/* ---- many zones ---- */

static void *load_some(void *context)
{
    job_t *job = context;
    zone_table_t *table = job->loading->table;
    const size_t count = table->count + (table->root != NULL);
    retired_t retired = {.count = 0};
    uint64_t bytes = 0;
    for (size_t i = atomic_fetch_add(&job->next, 1); i < count; i = atomic_fetch_add(&job->next, 1)) {
        if (is_due(&table->entries[i], job->extent)) {
            (void)!load_zone(job->loading, &table->entries[i], &retired, &bytes);
        }
    }
    release(&retired);
    atomic_fetch_add(&job->bytes, bytes);
    return NULL;
}

void loading_run(loading_t *loading, loading_extent_t extent)
{
    job_t job = {.loading = loading, .extent = extent};
    pthread_t threads[THREADS_MAX];
    unsigned started = 0;
    sigset_t all;
    sigset_t before;
    const size_t count = loading->table->count + (loading->table->root != NULL);
    size_t wanted = count < loading_processors() ? count : loading_processors();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started + 1 < wanted && started < THREADS_MAX && pthread_create(&threads[started], NULL, load_some, &job) == 0) {
        started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    load_some(&job); /* this thread takes part, so that there is at least one */
    while (started > 0) {
        pthread_join(threads[--started], NULL);
    }
    if (atomic_load(&job.bytes) > TRIM_BYTES_MIN) {
        malloc_trim(0);
    }
}

status_t loading_run_one(loading_t *loading, zone_entry_t *entry, loading_extent_t extent)
{
    retired_t retired = {.count = 0};
    uint64_t bytes = 0;
    status_t status = is_due(entry, extent) ? load_zone(loading, entry, &retired, &bytes) : STATUS_OK;
    release(&retired);
    if (bytes > TRIM_BYTES_MIN) {
        malloc_trim(0);
    }
    return status;
}
