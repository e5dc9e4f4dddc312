/* Prebuilt answers. A hit is one copy, and patching.
 *
 * A value is, in words: the header from its flags on, without QDCOUNT (flags, ANCOUNT, NSCOUNT, ARCOUNT, as on the wire); then
 * {bytes behind the question (16), TTLs (16), places of the first two TTLs (16 each)}; more places, four a word; then the bytes behind the
 * question. Places count from there. The id and the question are the client's.
 */
#include "base/require.h"
#include "cache/read.h"
#include "cache/table.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <string.h>

enum {
    VALUE_FLAGS,
    VALUE_SIZES,
    VALUE_PLACES,     /* more of them */
    PLACES_FIRST = 2, /* places in VALUE_SIZES */
    QUESTION_FIXED = 4,
};

static size_t place_words(size_t ttls)
{
    return ttls > PLACES_FIRST ? (ttls - PLACES_FIRST + 3) / 4 : 0;
}

/* ---- put ---- */

typedef struct answer_scan {
    uint16_t places[CACHE_ANSWER_TTLS_MAX + 5]; /* written in words of four */
    size_t ttls;
    uint32_t ttl_s; /* the lowest */
    size_t rest;    /* where the bytes behind the question begin */
} answer_scan_t;

/* Passes over a name, compressed or not. */
static void skip_name(byte_reader_t *reader)
{
    for (;;) {
        uint8_t length = byte_read_u8(reader);
        if (length > NAME_LABEL_MAX) {
            (void)byte_read_u8(reader);
            reader->failed |= length < 0xc0;
            return;
        }
        if (length == 0 || !byte_read(reader, length)) {
            return;
        }
    }
}

static status_t answer_scan(answer_scan_t *scan, const cache_answer_put_t *put)
{
    byte_reader_t reader = byte_reader(put->message, put->size);
    const uint8_t *header = byte_read(&reader, MESSAGE_HEADER_SIZE);
    *scan = (answer_scan_t){.ttl_s = put->ttl_limit_s};
    if (!header || load_be16(header + 4) != 1 || !byte_read(&reader, put->question.length + (size_t)QUESTION_FIXED)) {
        return STATUS_MALFORMED;
    }
    scan->rest = reader.position;
    unsigned records = load_be16(header + 6) + (unsigned)load_be16(header + 8) + load_be16(header + 10);
    if (records > CACHE_ANSWER_TTLS_MAX || put->size > UINT16_MAX) {
        return STATUS_LIMIT;
    }
    for (; records > 0; records--) {
        skip_name(&reader);
        uint16_t type = byte_read_u16(&reader);
        (void)byte_read_u16(&reader);
        scan->places[scan->ttls++] = (uint16_t)(reader.position - scan->rest);
        uint32_t ttl_s = byte_read_u32(&reader);
        (void)byte_read(&reader, byte_read_u16(&reader));
        if (type == TYPE_OPT || type == TYPE_TSIG) {
            return STATUS_INVALID;
        }
        scan->ttl_s = ttl_s < scan->ttl_s ? ttl_s : scan->ttl_s;
    }
    if (reader.failed || byte_reader_left(&reader) > 0) {
        return STATUS_MALFORMED;
    }
    return scan->ttl_s > 0 ? STATUS_OK : STATUS_INVALID;
}

static void answer_write(cache_t *cache, table_write_t *write, const cache_answer_put_t *put, const answer_scan_t *scan)
{
    size_t rest_size = put->size - scan->rest;
    uint16_t sizes[4] = {(uint16_t)rest_size, (uint16_t)scan->ttls, scan->places[0], scan->places[1]};
    uint8_t flags[8];
    memcpy(flags, put->message + 2, 2);
    memcpy(flags + 2, put->message + 6, 6);
    record_append(&write->writer, flags, sizeof flags);
    record_append(&write->writer, sizes, sizeof sizes);
    record_append(&write->writer, scan->places + PLACES_FIRST, place_words(scan->ttls) * 8);
    record_append(&write->writer, put->message + scan->rest, rest_size);
    table_end(cache, write);
}

status_t cache_answer_put(cache_t *cache, const cache_answer_put_t *put, uint32_t now_s)
{
    answer_scan_t scan;
    REQUIRE(put->variant < CACHE_ANSWER_VARIANTS);
    status_t status = answer_scan(&scan, put);
    if (status != STATUS_OK) {
        return status;
    }
    size_t size = (VALUE_PLACES + place_words(scan.ttls)) * 8 + put->size - scan.rest;
    if (size > cache_value_max(cache)) {
        return STATUS_LIMIT;
    }
    uint32_t expires = now_s > UINT32_MAX - scan.ttl_s ? UINT32_MAX : now_s + scan.ttl_s;
    cache_key_t key;
    cache_key_init(&key, cache, &put->question, CACHE_SPACE_ANSWER + put->variant);
    record_head_t head = {
        .time = now_s | (uint64_t)expires << 32,
        .state = (uint64_t)CACHE_ANSWER << 32 | (uint64_t)RECORD_ZONE_UNKNOWN << 40 | (uint64_t)put->info << 48,
        .value_size = (uint16_t)size,
    };
    shard_lock(cache, key.shard);
    cache_place_t place = table_find(cache, &key);
    table_write_t write;
    table_begin(cache, &write, &key, &place, &head);
    answer_write(cache, &write, put, &scan);
    shard_unlock(cache, key.shard);
    return STATUS_OK;
}

/* ---- get ---- */

static inline void ttl_lower(uint8_t *rest, size_t rest_size, size_t place, uint32_t age_s)
{
    if (LIKELY(place + 4 <= rest_size)) {
        uint32_t ttl_s = load_be32(rest + place);
        store_be32(rest + place, ttl_s > age_s ? ttl_s - age_s : 0);
    }
}

/* Behind the first two. */
static void ttls_lower(const uint64_t *value, uint8_t *rest, size_t rest_size, size_t ttls, uint32_t age_s)
{
    for (size_t i = PLACES_FIRST; i < ttls; i += 4) {
        uint64_t places = word_load(value + VALUE_PLACES + (i - PLACES_FIRST) / 4);
        for (size_t j = 0; j < 4 && i + j < ttls; j++) {
            ttl_lower(rest, rest_size, (uint16_t)(places >> (16 * j)), age_s);
        }
    }
}

static inline void copy_words(uint8_t *out, const uint64_t *words, size_t size)
{
    size_t at = 0;
    for (; at + 16 <= size; at += 16, words += 2) {
        uint64_t pair[2] = {word_load(words), word_load(words + 1)};
        memcpy(out + at, pair, sizeof pair);
    }
    for (; at + 8 <= size; at += 8) {
        uint64_t word = word_load(words++);
        memcpy(out + at, &word, sizeof word);
    }
    if (at < size) {
        uint64_t word = word_load(words);
        do {
            out[at++] = (uint8_t)word;
            word >>= 8;
        } while (at < size);
    }
}

/* The client's question, of length + 4 bytes and more than 4: in blocks of which the last overlaps. */
static inline void copy_question(uint8_t *out, const uint8_t *from, size_t size)
{
    enum { BLOCK = 16 };
    if (UNLIKELY(size < BLOCK)) {
        memcpy(out, from, size);
        return;
    }
    for (size_t at = 0; at + BLOCK < size; at += BLOCK) {
        memcpy(out + at, from + at, BLOCK);
    }
    memcpy(out + size - BLOCK, from + size - BLOCK, BLOCK);
}

/* Writes the message. STATUS_CORRUPT: the value makes no sense, or is being changed. */
static inline status_t answer_copy(const cache_found_t *found, cache_answer_get_t *get, uint32_t age_s)
{
    size_t value_size = head_value_size(found->key);
    const uint64_t *value = found->record + RECORD_HEAD + words_of(get->question.length);
    if (UNLIKELY(value_size < VALUE_PLACES * 8)) {
        return STATUS_CORRUPT;
    }
    uint64_t flags = word_load(value + VALUE_FLAGS);
    uint64_t sizes = word_load(value + VALUE_SIZES);
    size_t rest_size = (uint16_t)sizes;
    size_t ttls = (uint16_t)(sizes >> 16);
    size_t before = VALUE_PLACES + place_words(ttls);
    size_t question_size = get->question.length + (size_t)QUESTION_FIXED;
    if (UNLIKELY(before * 8 + rest_size != value_size)) {
        return STATUS_CORRUPT;
    }
    get->size = MESSAGE_HEADER_SIZE + question_size + rest_size;
    if (UNLIKELY(get->size > get->capacity)) {
        return STATUS_NO_SPACE;
    }
    uint8_t *out = get->out;
    uint8_t *rest = out + MESSAGE_HEADER_SIZE + question_size;
    uint16_t kept = (uint16_t)((__builtin_bswap16((uint16_t)flags) & get->flags_keep) | get->flags_add);
    if (get->request != out) {
        memcpy(out, get->request, 2);
        copy_question(out + MESSAGE_HEADER_SIZE, get->request + MESSAGE_HEADER_SIZE, question_size);
    }
    store_be16(out + 2, kept);
    store_be16(out + 4, 1);
    flags >>= 16;
    memcpy(out + 6, &flags, 6);
    copy_words(rest, value + before, rest_size);
    if (ttls > 0) {
        ttl_lower(rest, rest_size, (uint16_t)(sizes >> 32), age_s);
    }
    if (ttls > 1) {
        ttl_lower(rest, rest_size, (uint16_t)(sizes >> 48), age_s);
    }
    if (ttls > PLACES_FIRST) {
        ttls_lower(value, rest, rest_size, ttls, age_s);
    }
    return STATUS_OK;
}

status_t cache_answer_get(cache_reader_t *reader, cache_answer_get_t *get, uint32_t now_s)
{
    cache_key_t key;
    cache_key_init(&key, reader->cache, &get->question, CACHE_SPACE_ANSWER + get->variant);
    for (unsigned attempt = 0; attempt < CACHE_RETRIES_MAX; attempt++) {
        cache_found_t found;
        cache_probe_result_t result = cache_probe(reader->cache, &key, &found);
        if (UNLIKELY(result == PROBE_MISSING)) {
            break;
        }
        if (LIKELY(result == PROBE_FOUND)) {
            uint64_t time = word_load(found.record + RECORD_TIME);
            uint64_t state = word_load(found.record + RECORD_STATE);
            status_t status = STATUS_CORRUPT;
            get->ttl_s = time_left(time, now_s);
            get->ttl_original_s = head_expires(time) - head_stored(time);
            get->info = (uint16_t)(state >> 48);
            if (LIKELY(get->ttl_s > 0)) {
                status = answer_copy(&found, get, time_age(time, now_s));
            }
            if (cache_is_undisturbed(&found)) {
                if (UNLIKELY(status == STATUS_CORRUPT)) {
                    break;
                }
                cache_visit(&found);
                cache_count(reader, CACHE_COUNT_ANSWER_HITS);
                return status;
            }
        }
        cache_relax();
    }
    cache_count(reader, CACHE_COUNT_ANSWER_MISSES);
    return STATUS_NOT_FOUND;
}
