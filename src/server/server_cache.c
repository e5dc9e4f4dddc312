/* The file: the cache's own mapping, then one page that says under which settings it was filled. */
#include "server/server_cache.h"

#include "base/random.h"
#include "server/cache_store.h"
#include "server/server_cache_file.h"

#include <stdlib.h>
#include <string.h>

struct server_cache {
    log_t *log;
    cache_t *content;
    cache_file_t file; /* memory NULL: none */
    char *path;        /* its */
    uint64_t fingerprint;
};

/* ---- what makes one thing of what is learned, and not another ---- */

static void absorb(siphash_key_t *state, const void *data, size_t size)
{
    state->k0 = siphash(state, data, size);
    state->k1 += size + 1;
}

static void absorb_number(siphash_key_t *state, uint64_t number)
{
    absorb(state, &number, sizeof number);
}

static void absorb_address(siphash_key_t *state, const resolver_address_t *address)
{
    absorb_number(state, address->family);
    absorb_number(state, address->port);
    absorb(state, address->bytes, sizeof address->bytes);
}

static void absorb_prefixes(siphash_key_t *state, const resolver_prefix_t *prefixes, size_t count)
{
    absorb_number(state, count);
    for (size_t i = 0; i < count; i++) {
        absorb_address(state, &prefixes[i].address);
        absorb_number(state, prefixes[i].length);
    }
}

static void absorb_rdata(siphash_key_t *state, const dnssec_rdata_t *rdata, size_t count)
{
    absorb_number(state, count);
    for (size_t i = 0; i < count; i++) {
        absorb(state, rdata[i].data, rdata[i].length);
    }
}

static void absorb_trust(siphash_key_t *state, const recursion_settings_t *settings)
{
    absorb_number(state, settings->resolver.validate);
    absorb_number(state, settings->resolver.accept_sha1);
    absorb_number(state, settings->resolver.nsec3_iterations_max);
    for (const trust_point_t *point = settings->anchors ? settings->anchors->points : NULL; point; point = point->next) {
        absorb(state, point->owner, name_length(point->owner));
        absorb_rdata(state, point->ds, point->ds_count);
        absorb_rdata(state, point->dnskeys, point->dnskey_count);
    }
    absorb_number(state, settings->negative_count);
    for (size_t i = 0; i < settings->negative_count; i++) {
        absorb(state, settings->negative[i].name.wire, settings->negative[i].name.length);
    }
}

/* What answers are made of besides what servers say: prebuilt answers hold the result. */
static void absorb_sources(siphash_key_t *state, const resolver_settings_t *settings)
{
    absorb_number(state, settings->builtin_local_zones);
    absorb_number(state, settings->minimal_answers);
    absorb_number(state, settings->root_key_sentinel);
    absorb_prefixes(state, settings->dns64, settings->dns64_count);
    absorb_prefixes(state, settings->dns64_excluded, settings->dns64_excluded_count);
    absorb_number(state, settings->zone_count);
    for (size_t i = 0; i < settings->zone_count; i++) {
        const resolver_zone_t *zone = &settings->zones[i];
        absorb(state, zone->zone.wire, zone->zone.length);
        absorb_number(state, zone->kind);
        absorb_number(state, zone->fallback);
        absorb_number(state, zone->address_count);
        for (size_t j = 0; j < zone->address_count; j++) {
            absorb_address(state, &zone->addresses[j]);
        }
    }
    absorb_number(state, settings->local_record_count);
    for (size_t i = 0; i < settings->local_record_count; i++) {
        const resolver_local_record_t *record = &settings->local_records[i];
        absorb(state, record->owner.wire, record->owner.length);
        absorb_number(state, record->type);
        absorb_number(state, record->ttl_s);
        absorb(state, record->rdata, record->rdlength);
    }
}

static uint64_t fingerprint_of(const recursion_settings_t *settings)
{
    siphash_key_t state = {0, 0};
    absorb_trust(&state, settings);
    absorb_sources(&state, &settings->resolver);
    return siphash(&state, "", 0);
}

/* ---- */

static uint64_t count_entries(const server_cache_t *cache)
{
    cache_statistics_t statistics;
    uint64_t entries = 0;
    cache_statistics(cache->content, &statistics);
    for (unsigned kind = 0; kind < CACHE_KINDS; kind++) {
        entries += statistics.entries[kind];
    }
    return entries;
}

static void empty(server_cache_t *cache, uint64_t fingerprint)
{
    cache_file_forget_fingerprint(&cache->file);
    uint64_t flushed = cache_flush_all(cache->content);
    cache_file_set_fingerprint(&cache->file, fingerprint);
    log_event(cache->log, LOG_NOTICE, "cache.flushed", LOG_NUMBER("entries", flushed),
              LOG_TEXT("reason", "it was filled under other settings (trust anchors, zones to ask elsewhere, DNS64 or local data)"));
}

static const char *found_text(status_t found)
{
    switch (found) {
    case STATUS_NOT_FOUND:
        return "a new file";
    case STATUS_UNSUPPORTED:
        return "another version wrote it";
    case STATUS_INVALID:
        return "it had another size";
    default:
        return "its head is damaged";
    }
}

/* What of the file's content is taken over, now that it is mapped. */
static void judge_content(server_cache_t *cache, const char *path, status_t found)
{
    uint64_t written;
    if (found != STATUS_OK) {
        cache_file_set_fingerprint(&cache->file, cache->fingerprint);
        log_event(cache->log, LOG_INFO, "cache.empty", LOG_TEXT("file", path), LOG_NUMBER("bytes", cache->file.budget),
                  LOG_TEXT("reason", found_text(found)));
        return;
    }
    if (!cache_file_fingerprint(&cache->file, &written) || written != cache->fingerprint) {
        empty(cache, cache->fingerprint);
        return;
    }
    log_event(cache->log, LOG_INFO, "cache.restored", LOG_TEXT("file", path), LOG_NUMBER("bytes", cache->file.budget),
              LOG_NUMBER("entries", count_entries(cache)));
}

static status_t use_file(server_cache_t *cache, const cache_settings_t *settings, const char *path)
{
    buffer_t why;
    status_t found;
    buffer_init(&why, 4096);
    status_t status = cache_file_map(&cache->file, path, settings->budget_bytes, &why);
    if (status == STATUS_OK) {
        status = cache_new(&cache->content, settings, cache->file.memory, &found);
        if (status == STATUS_OK) {
            judge_content(cache, path, found);
        } else {
            cache_file_unmap(&cache->file);
        }
    } else {
        log_event(cache->log, LOG_ERROR, "cache.file-unused", LOG_TEXT("file", path), LOG_TEXT("reason", buffer_text(&why)),
                  LOG_TEXT("meaning", "what is learned is kept in memory only"));
    }
    buffer_clear(&why);
    return status;
}

status_t server_cache_new(server_cache_t **out, const recursion_settings_t *settings, log_t *log)
{
    cache_settings_t wanted;
    server_cache_t *cache = calloc(1, sizeof *cache);
    if (!cache) {
        return STATUS_NO_MEMORY;
    }
    cache->log = log;
    cache->fingerprint = fingerprint_of(settings);
    cache_store_settings(&wanted, settings->cache_bytes);
    random_fill(&wanted.key, sizeof wanted.key);
    status_t status = STATUS_NOT_FOUND;
    if (settings->cache_file) {
        cache->path = strdup(settings->cache_file);
        status = cache->path ? use_file(cache, &wanted, cache->path) : STATUS_NO_MEMORY;
    }
    if (status != STATUS_OK) {
        status = cache_new(&cache->content, &wanted, NULL, NULL);
    }
    if (status != STATUS_OK) {
        log_event(log, LOG_ERROR, "cache.failed", LOG_NUMBER("bytes", wanted.budget_bytes), LOG_TEXT("error", status_text(status)),
                  LOG_TEXT("setting", "resolver.cache.size"));
        server_cache_free(cache);
        return status;
    }
    *out = cache;
    return STATUS_OK;
}

void server_cache_free(server_cache_t *cache)
{
    if (cache) {
        cache_free(cache->content);
        cache_file_unmap(&cache->file);
        free(cache->path);
        free(cache);
    }
}

cache_t *server_cache_content(const server_cache_t *cache)
{
    return cache->content;
}

const char *server_cache_file(const server_cache_t *cache)
{
    return cache->file.memory ? cache->path : NULL;
}

void server_cache_follow(server_cache_t *cache, const recursion_settings_t *settings)
{
    uint64_t fingerprint = fingerprint_of(settings);
    if (fingerprint != cache->fingerprint) {
        cache->fingerprint = fingerprint;
        empty(cache, fingerprint);
    }
}
