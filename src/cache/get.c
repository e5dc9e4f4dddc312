/* Look-ups that copy an entry out, and walking over its RRsets. */
#include "cache/get.h"
#include "base/require.h"
#include "cache/read.h"
#include "wire/rrtype.h"

#include <string.h>

unsigned cache_space(cache_kind_t kind)
{
    static const uint8_t spaces[CACHE_KINDS] = {
        [CACHE_RRSET] = CACHE_SPACE_DATA,      [CACHE_NODATA] = CACHE_SPACE_DATA,           [CACHE_NXDOMAIN] = CACHE_SPACE_NXDOMAIN,
        [CACHE_FAILURE] = CACHE_SPACE_FAILURE, [CACHE_DELEGATION] = CACHE_SPACE_DELEGATION, [CACHE_ANSWER] = CACHE_SPACE_ANSWER,
    };
    REQUIRE(kind < CACHE_KINDS);
    return spaces[kind];
}

void cache_kind_key(cache_key_t *key, const cache_t *cache, const cache_question_t *question, cache_kind_t kind)
{
    cache_question_t asked = *question;
    if (kind == CACHE_NXDOMAIN) {
        asked.type = 0;
    } else if (kind == CACHE_DELEGATION) {
        asked.type = TYPE_NS;
    }
    cache_key_init(key, cache, &asked, cache_space(kind));
}

/* The suffix of an entry's name with so many labels, or NULL. The name has been checked. */
static const uint8_t *entry_zone(const cache_entry_t *entry, unsigned labels)
{
    unsigned own = name_labels(entry->name);
    return labels > own ? NULL : name_suffix(entry->name, labels);
}

/* Labels that end exactly at the length. Content may be damaged. */
static bool is_name(const uint8_t *name, size_t length)
{
    size_t at = 0;
    while (at < length && name[at] != 0 && name[at] <= NAME_LABEL_MAX) {
        at += name[at] + 1u;
    }
    return at + 1 == length && name[at] == 0;
}

bool record_copy(const cache_t *cache, const uint64_t *record, uint64_t key, uint32_t now_s, cache_entry_t *entry)
{
    (void)cache;
    uint64_t time = word_load(record + RECORD_TIME);
    uint64_t state = word_load(record + RECORD_STATE);
    size_t name_length = head_name_length(key);
    size_t value_size = head_value_size(key);
    size_t name_words = words_of(name_length);
    entry->kind = head_kind(state);
    entry->rank = head_rank(state);
    entry->security = head_security(state);
    entry->info = (uint16_t)(state >> 48);
    entry->type = (uint16_t)key;
    entry->variant = entry->kind == CACHE_ANSWER ? (uint8_t)(head_space(key) - CACHE_SPACE_ANSWER) : 0;
    entry->rrclass = (uint16_t)(key >> 16);
    entry->stored_s = head_stored(time);
    entry->expires_s = head_expires(time);
    entry->ttl_s = time_left(time, now_s);
    entry->age_s = time_age(time, now_s);
    entry->is_stale = entry->ttl_s == 0;
    entry->name_length = (uint8_t)name_length;
    entry->size = value_size;
    entry->position = 0;
    for (size_t i = 0; i < name_words; i++) {
        uint64_t word = word_load(record + RECORD_HEAD + i);
        memcpy(entry->name + 8 * i, &word, sizeof word);
    }
    const uint64_t *value = record + RECORD_HEAD + name_words;
    if (value_size > entry->capacity) {
        return is_name(entry->name, name_length);
    }
    for (size_t i = 0; i < value_size / 8; i++) {
        uint64_t word = word_load(value + i);
        memcpy(entry->buffer + 8 * i, &word, sizeof word);
    }
    if (value_size % 8 != 0) {
        uint64_t word = word_load(value + value_size / 8);
        memcpy(entry->buffer + (value_size & ~(size_t)7), &word, value_size % 8);
    }
    if (!is_name(entry->name, name_length) || entry->kind >= CACHE_KINDS || entry->rank >= CACHE_RANKS) {
        return false;
    }
    entry->zone = entry_zone(entry, (uint8_t)(state >> 40));
    return true;
}

typedef struct look_up {
    cache_reader_t *reader;
    uint32_t now_s;
    unsigned flags;
} look_up_t;

static bool is_found(const look_up_t *look_up, uint64_t time)
{
    if (time_left(time, look_up->now_s) > 0) {
        return true;
    }
    uint32_t expires = head_expires(time);
    return look_up->flags & CACHE_STALE && look_up->now_s >= expires &&
           look_up->now_s - expires < look_up->reader->cache->settings.stale_max_s;
}

/* Without counting. */
static status_t look_up_key(const look_up_t *look_up, const cache_key_t *key, cache_entry_t *entry)
{
    const cache_t *cache = look_up->reader->cache;
    for (unsigned attempt = 0; attempt < CACHE_RETRIES_MAX; attempt++) {
        cache_found_t found;
        cache_probe_result_t result = cache_probe(cache, key, &found);
        if (result == PROBE_MISSING) {
            return STATUS_NOT_FOUND;
        }
        if (result == PROBE_FOUND) {
            bool is_wanted = is_found(look_up, word_load(found.record + RECORD_TIME));
            bool is_good = is_wanted && record_copy(cache, found.record, found.key, look_up->now_s, entry);
            if (cache_is_undisturbed(&found)) {
                if (!is_good) {
                    return STATUS_NOT_FOUND;
                }
                if (!(look_up->flags & CACHE_PEEK)) {
                    cache_visit(&found);
                }
                return entry->size <= entry->capacity ? STATUS_OK : STATUS_NO_SPACE;
            }
        }
        cache_relax();
    }
    cache_count(look_up->reader, CACHE_COUNT_DISTURBED);
    return STATUS_NOT_FOUND;
}

static status_t look_up_count(const look_up_t *look_up, status_t status, const cache_entry_t *entry)
{
    if (status == STATUS_NOT_FOUND) {
        cache_count(look_up->reader, CACHE_COUNT_MISSES);
    } else if (entry->is_stale) {
        cache_count(look_up->reader, CACHE_COUNT_STALE_HITS);
    } else {
        cache_count(look_up->reader, CACHE_COUNT_HITS);
    }
    return status;
}

status_t cache_get(cache_reader_t *reader, const cache_question_t *question, cache_kind_t kind, unsigned flags, uint32_t now_s,
                   cache_entry_t *entry)
{
    REQUIRE(kind != CACHE_ANSWER);
    look_up_t look_up = {.reader = reader, .now_s = now_s, .flags = flags};
    cache_key_t key;
    cache_kind_key(&key, reader->cache, question, kind);
    return look_up_count(&look_up, look_up_key(&look_up, &key, entry), entry);
}

status_t cache_find_above(cache_reader_t *reader, const cache_question_t *question, cache_kind_t kind, uint32_t now_s, cache_entry_t *entry)
{
    REQUIRE(kind == CACHE_NXDOMAIN || kind == CACHE_DELEGATION);
    look_up_t look_up = {.reader = reader, .now_s = now_s};
    cache_question_t at = *question;
    status_t status = STATUS_NOT_FOUND;
    for (;;) {
        cache_key_t key;
        cache_kind_key(&key, reader->cache, &at, kind);
        status = look_up_key(&look_up, &key, entry);
        unsigned step = at.name[0] + 1u;
        if (status != STATUS_NOT_FOUND || step >= at.length) {
            break;
        }
        at.name += step;
        at.length = (uint8_t)(at.length - step);
    }
    return look_up_count(&look_up, status, entry);
}

/* ---- all of a name ---- */

/* The place of a walk in words: first what a name has one of, then for each type its data, its failure and its answers. */
static void walk_key(cache_key_t *key, const cache_t *cache, const cache_question_t *question, uint64_t position)
{
    enum { SINGLE = 2, EACH = 2 + CACHE_ANSWER_VARIANTS };
    cache_question_t asked = *question;
    if (position < SINGLE) {
        cache_kind_key(key, cache, question, position == 0 ? CACHE_DELEGATION : CACHE_NXDOMAIN);
        return;
    }
    unsigned which = (unsigned)((position - SINGLE) % EACH);
    asked.type = (uint16_t)((position - SINGLE) / EACH);
    if (which < 2) {
        cache_kind_key(key, cache, &asked, which == 0 ? CACHE_RRSET : CACHE_FAILURE);
    } else {
        cache_key_init(key, cache, &asked, CACHE_SPACE_ANSWER + which - 2);
    }
}

status_t cache_iterate_name(cache_reader_t *reader, const cache_question_t *question, uint64_t *cursor, uint32_t now_s,
                            cache_entry_t *entry)
{
    const uint64_t end = 2 + (UINT64_C(1) << 16) * (2 + CACHE_ANSWER_VARIANTS);
    look_up_t look_up = {.reader = reader, .now_s = now_s, .flags = CACHE_STALE | CACHE_PEEK};
    while (*cursor < end) {
        cache_key_t key;
        walk_key(&key, reader->cache, question, (*cursor)++);
        status_t status = look_up_key(&look_up, &key, entry);
        if (status != STATUS_NOT_FOUND) {
            return status;
        }
    }
    return STATUS_END;
}

/* ---- RRsets of an entry ---- */

void cache_entry_rewind(cache_entry_t *entry)
{
    entry->position = 0;
}

/* `count` records that fill the bytes exactly. */
static bool are_records(const uint8_t *bytes, size_t size, size_t count)
{
    size_t at = 0;
    for (; count > 0; count--) {
        if (size - at < 2 || size - at - 2 < load_be16(bytes + at)) {
            return false;
        }
        at += 2u + load_be16(bytes + at);
    }
    return at == size;
}

static uint32_t rrset_ttl(const cache_entry_t *entry, uint32_t ttl_s)
{
    uint32_t left = ttl_s > entry->age_s ? ttl_s - entry->age_s : 0;
    return left < entry->ttl_s ? left : entry->ttl_s;
}

bool cache_entry_next(cache_entry_t *entry, cache_rrset_t *rrset)
{
    if (entry->kind == CACHE_ANSWER || entry->size > entry->capacity) {
        return false;
    }
    byte_reader_t reader = byte_reader(entry->buffer, entry->size);
    reader.position = entry->position;
    size_t owner_length = byte_read_u8(&reader);
    const uint8_t *owner = owner_length > 0 ? byte_read(&reader, owner_length) : entry->name;
    rrset->type = byte_read_u16(&reader);
    uint32_t ttl_s = byte_read_u32(&reader);
    rrset->count = byte_read_u16(&reader);
    rrset->signature_count = byte_read_u8(&reader);
    rrset->data_size = byte_read_u16(&reader);
    rrset->signature_size = byte_read_u16(&reader);
    rrset->data = byte_read(&reader, rrset->data_size);
    rrset->signatures = byte_read(&reader, rrset->signature_size);
    if (reader.failed || (owner_length > 0 && !is_name(owner, owner_length)) || !are_records(rrset->data, rrset->data_size, rrset->count) ||
        !are_records(rrset->signatures, rrset->signature_size, rrset->signature_count)) {
        entry->position = entry->size;
        return false;
    }
    rrset->owner = owner;
    rrset->ttl_s = rrset_ttl(entry, ttl_s);
    entry->position = reader.position;
    return true;
}
