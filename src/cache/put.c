/* Storing entries: limits, the rules of who stays, and packing.
 *
 * A value is a list of RRsets, in network order: length of the owner (8; 0: the entry's name), owner, type (16), TTL (32), records (16),
 * RRSIGs (8), bytes of records (16), bytes of RRSIGs (16), records, RRSIGs.
 */
#include "base/require.h"
#include "cache/get.h"
#include "cache/index.h"
#include "cache/read.h"
#include "cache/table.h"
#include "wire/rrtype.h"

#include <string.h>

enum { RRSET_HEAD = 13 }; /* bytes behind the owner */

/* ---- lives ---- */

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

/* TTL by kind and security within the settings; 0: not stored. */
static uint32_t put_ttl(const cache_settings_t *settings, const cache_put_t *put)
{
    uint32_t ttl_s = put->ttl_s > settings->ttl_min_s ? put->ttl_s : settings->ttl_min_s;
    ttl_s = at_most(ttl_s, settings->ttl_max_s);
    if (put->kind == CACHE_NODATA || put->kind == CACHE_NXDOMAIN) {
        ttl_s = at_most(ttl_s, settings->negative_max_s);
    } else if (put->kind == CACHE_FAILURE) {
        ttl_s = at_most(ttl_s, settings->failure_max_s);
    }
    return put->security == CACHE_BOGUS ? at_most(ttl_s, settings->bogus_max_s) : ttl_s;
}

static uint32_t put_expires(const cache_settings_t *settings, const cache_put_t *put, uint32_t now_s)
{
    uint32_t ttl_s = put_ttl(settings, put);
    uint32_t expires = now_s > UINT32_MAX - ttl_s ? UINT32_MAX : now_s + ttl_s;
    return put->expires_limit_s ? at_most(expires, put->expires_limit_s) : expires;
}

/* ---- who stays ---- */

/* The fresh record `old` against what is to be put. */
static bool stays(const uint64_t *old, const cache_put_t *put, uint32_t now_s)
{
    if (time_left(old[RECORD_TIME], now_s) == 0) {
        return false;
    }
    cache_rank_t rank = head_rank(old[RECORD_STATE]);
    cache_security_t security = head_security(old[RECORD_STATE]);
    return rank > put->rank || (put->security == CACHE_BOGUS && security != CACHE_BOGUS) ||
           (rank == put->rank && security == CACHE_SECURE && put->security == CACHE_INDETERMINATE);
}

/* ---- packing ---- */

static size_t owner_size(const cache_put_t *put, const cache_rrset_t *rrset)
{
    if (!rrset->owner) {
        return 0;
    }
    size_t length = name_length(rrset->owner);
    return length == put->question.length && memcmp(rrset->owner, put->question.name, length) == 0 ? 0 : length;
}

/* Bytes of the value; SIZE_MAX: some field is out of range. */
static size_t value_size(const cache_put_t *put)
{
    size_t size = 0;
    for (size_t i = 0; i < put->rrset_count; i++) {
        const cache_rrset_t *rrset = &put->rrsets[i];
        if (rrset->data_size > UINT16_MAX || rrset->signature_size > UINT16_MAX || rrset->signature_count > UINT8_MAX ||
            size > CACHE_VALUE_MAX) {
            return SIZE_MAX;
        }
        size += 1 + owner_size(put, rrset) + RRSET_HEAD + rrset->data_size + rrset->signature_size;
    }
    return size;
}

static void rrset_append(record_writer_t *writer, const cache_put_t *put, const cache_rrset_t *rrset, uint32_t ttl_s)
{
    uint8_t head[1 + NAME_WIRE_MAX + RRSET_HEAD];
    byte_writer_t bytes = byte_writer(head, sizeof head);
    size_t owner = owner_size(put, rrset);
    byte_write_u8(&bytes, (uint8_t)owner);
    byte_write(&bytes, rrset->owner, owner);
    byte_write_u16(&bytes, rrset->type);
    byte_write_u32(&bytes, ttl_s);
    byte_write_u16(&bytes, rrset->count);
    byte_write_u8(&bytes, (uint8_t)rrset->signature_count);
    byte_write_u16(&bytes, (uint16_t)rrset->data_size);
    byte_write_u16(&bytes, (uint16_t)rrset->signature_size);
    DEBUG_ASSERT(!bytes.failed);
    record_append(writer, head, bytes.position);
    record_append(writer, rrset->data, rrset->data_size);
    record_append(writer, rrset->signatures, rrset->signature_size);
}

/* Labels of the zone, if it is the name or above it. */
static unsigned zone_labels(const cache_put_t *put)
{
    return put->zone && name_is_at_or_below(put->question.name, put->zone) ? name_labels(put->zone) : RECORD_ZONE_UNKNOWN;
}

static void put_write(cache_t *cache, const cache_put_t *put, const cache_key_t *key, const cache_place_t *place, const record_head_t *head)
{
    const cache_settings_t *settings = &cache->settings;
    table_write_t write;
    table_begin(cache, &write, key, place, head);
    for (size_t i = 0; i < put->rrset_count; i++) {
        uint32_t ttl_s = put->rrsets[i].ttl_s > settings->ttl_min_s ? put->rrsets[i].ttl_s : settings->ttl_min_s;
        if (put->kind == CACHE_RRSET && i == 0) {
            ttl_s = head_expires(head->time) - head_stored(head->time);
        }
        rrset_append(&write.writer, put, &put->rrsets[i], at_most(ttl_s, settings->ttl_max_s));
    }
    table_end(cache, &write);
}

/* ---- */

static status_t put_locked(cache_t *cache, const cache_put_t *put, const cache_key_t *key, record_head_t *head, uint32_t now_s)
{
    cache_place_t place = table_find(cache, key);
    if (place.record && stays(place.record, put, now_s)) {
        cache->locks[key->shard].kept++;
        return STATUS_EXISTS;
    }
    if (put->is_from_child) {
        uint64_t time = place.record ? place.record[RECORD_TIME] : 0;
        if (time_left(time, now_s) == 0) {
            return STATUS_INVALID;
        }
        uint32_t expires = at_most(head_expires(head->time), head_expires(time));
        head->time = head_stored(head->time) | (uint64_t)expires << 32;
    }
    put_write(cache, put, key, &place, head);
    return STATUS_OK;
}

/* A name that has data exists. */
static void forget_nxdomain(cache_t *cache, const cache_put_t *put, uint32_t now_s)
{
    cache_key_t key;
    cache_kind_key(&key, cache, &put->question, CACHE_NXDOMAIN);
    shard_lock(cache, key.shard);
    cache_place_t place = table_find(cache, &key);
    bool is_unproven = put->security == CACHE_BOGUS && place.record && head_security(place.record[RECORD_STATE]) != CACHE_BOGUS;
    if (place.record && !is_unproven && !stays(place.record, put, now_s)) {
        table_remove(cache, key.shard, &place);
    }
    shard_unlock(cache, key.shard);
}

static bool put_is_valid(const cache_put_t *put)
{
    if ((unsigned)put->kind >= CACHE_ANSWER || (unsigned)put->rank >= CACHE_RANKS || (unsigned)put->security >= CACHE_SECURITIES ||
        (put->kind == CACHE_RRSET && put->rrset_count == 0)) {
        return false;
    }
    return !put->is_from_child || put->kind == CACHE_DELEGATION;
}

status_t cache_put(cache_t *cache, const cache_put_t *put, uint32_t now_s)
{
    if (!put_is_valid(put)) {
        return STATUS_INVALID;
    }
    size_t size = value_size(put);
    uint32_t expires = put_expires(&cache->settings, put, now_s);
    if (size > cache_value_max(cache)) {
        return STATUS_LIMIT;
    }
    if (expires <= now_s) {
        return STATUS_INVALID;
    }
    cache_key_t key;
    cache_kind_key(&key, cache, &put->question, put->kind);
    record_head_t head = {
        .time = now_s | (uint64_t)expires << 32,
        .state = (uint64_t)put->kind << 32 | (uint64_t)put->rank << 35 | (uint64_t)put->security << 38 | (uint64_t)zone_labels(put) << 40 |
                 (uint64_t)put->info << 48,
        .value_size = (uint16_t)size,
    };
    shard_lock(cache, key.shard);
    status_t status = put_locked(cache, put, &key, &head, now_s);
    shard_unlock(cache, key.shard);
    if (status == STATUS_OK && (put->kind == CACHE_RRSET || put->kind == CACHE_NODATA)) {
        forget_nxdomain(cache, put, now_s);
    }
    if (status == STATUS_OK && put->kind == CACHE_RRSET && put->security == CACHE_SECURE && put->zone &&
        (put->question.type == TYPE_NSEC || put->question.type == TYPE_NSEC3)) {
        index_add(cache, put, expires);
    }
    return status;
}
