/* Prebuilt answers. */
#include "../lib/cache_content.h"
#include "cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW = 1700000000 };

static status_t put_message(cache_t *cache, const content_name_t *name, uint8_t variant, const uint8_t *message, size_t size)
{
    cache_answer_put_t put = {
        .question = content_question(name, TYPE_A),
        .variant = variant,
        .info = 77,
        .message = message,
        .size = size,
        .ttl_limit_s = 3600,
    };
    return cache_answer_put(cache, &put, NOW);
}

typedef struct asked {
    uint8_t request[300];
    uint8_t out[66000];
    cache_answer_get_t get;
} asked_t;

static status_t ask(cache_reader_t *reader, asked_t *asked, const content_name_t *name, uint8_t variant, uint32_t now_s)
{
    content_request(asked->request, name, 0xbeef);
    for (unsigned i = 13; i < 12u + name->length; i++) {
        if (asked->request[i] >= 'a' && asked->request[i] <= 'z' && i % 2) {
            asked->request[i] ^= 0x20;
        }
    }
    asked->get = (cache_answer_get_t){
        .question = content_question(name, TYPE_A),
        .variant = variant,
        .request = asked->request,
        .flags_keep = 0xffff & ~0x0020,
        .flags_add = 0x0100,
        .out = asked->out,
        .capacity = asked->get.capacity ? asked->get.capacity : sizeof asked->out,
    };
    return cache_answer_get(reader, &asked->get, now_s);
}

/* Every size of name and number of records: the message comes back as it went in but for what is the client's, and the TTLs. */
static void a_hit_is_the_message_patched(void **state)
{
    (void)state;
    cache_t *cache = content_cache(8 << 20);
    cache_reader_t reader;
    asked_t *asked = calloc(1, sizeof *asked);
    uint8_t *message = calloc(1, 8192);
    cache_reader_init(&reader, cache);
    for (unsigned length = 0; length < 64; length++) {
        for (unsigned records = 0; records <= CACHE_ANSWER_TTLS_MAX; records += records < 12 ? 1 : 27) {
            char text[80] = {0};
            memset(text, 'q', length);
            content_name_t name = content_name(text);
            size_t size = content_message(message, &name, records, 600 + length, (uint8_t)length);
            message[3] |= 0x20; /* AD */
            assert_int_equal(put_message(cache, &name, 3, message, size), STATUS_OK);
            assert_int_equal(ask(&reader, asked, &name, 2, NOW), STATUS_NOT_FOUND);
            assert_int_equal(ask(&reader, asked, &name, 3, NOW + 100), STATUS_OK);
            assert_int_equal(asked->get.size, size);
            assert_int_equal(asked->get.info, 77);
            assert_int_equal(asked->get.ttl_original_s, records ? 600 + length : 3600);
            assert_int_equal(asked->get.ttl_s, asked->get.ttl_original_s - 100);
            message[0] = 0xbe;
            message[1] = 0xef;
            message[3] &= (uint8_t)~0x20;
            memcpy(message + 12, asked->request + 12, name.length);
            for (unsigned i = 0; i < records; i++) {
                store_be32(message + 16 + name.length + 16 * i + 6, 500 + length);
            }
            assert_memory_equal(asked->out, message, size);
            assert_int_equal(ask(&reader, asked, &name, 3, NOW + (records ? 600 + length : 3600)), STATUS_NOT_FOUND);
            asked->get.capacity = size - 1;
            assert_int_equal(ask(&reader, asked, &name, 3, NOW), STATUS_NO_SPACE);
            assert_int_equal(asked->get.size, size);
            asked->get.capacity = 0;
        }
    }
    free(message);
    free(asked);
    cache_free(cache);
}

static void the_lowest_ttl_counts(void **state)
{
    (void)state;
    cache_t *cache = content_cache(1 << 20);
    cache_reader_t reader;
    asked_t *asked = calloc(1, sizeof *asked);
    uint8_t message[512];
    content_name_t name = content_name("www.example");
    cache_reader_init(&reader, cache);
    size_t size = content_message(message, &name, 5, 600, 1);
    store_be32(message + 16 + name.length + 16 * 3 + 6, 9);
    assert_int_equal(put_message(cache, &name, 0, message, size), STATUS_OK);
    assert_int_equal(ask(&reader, asked, &name, 0, NOW + 8), STATUS_OK);
    assert_int_equal(asked->get.ttl_s, 1);
    assert_int_equal(ask(&reader, asked, &name, 0, NOW + 9), STATUS_NOT_FOUND);
    assert_int_equal(atomic_load(&reader.counts[CACHE_COUNT_ANSWER_HITS]), 1);
    assert_int_equal(atomic_load(&reader.counts[CACHE_COUNT_ANSWER_MISSES]), 1);
    store_be32(message + 16 + name.length + 16 * 3 + 6, 0);
    assert_int_equal(put_message(cache, &name, 0, message, size), STATUS_INVALID);
    free(asked);
    cache_free(cache);
}

static void broken_messages_are_refused(void **state)
{
    (void)state;
    cache_t *cache = content_cache(1 << 20);
    uint8_t message[8192] = {0};
    content_name_t name = content_name("www.example");
    size_t size = content_message(message, &name, 2, 600, 1);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(put_message(cache, &name, 0, message, cut), STATUS_MALFORMED);
    }
    assert_int_equal(put_message(cache, &name, 0, message, size + 1), STATUS_MALFORMED);
    message[16 + name.length + 3] = TYPE_OPT;
    assert_int_equal(put_message(cache, &name, 0, message, size), STATUS_INVALID);
    message[16 + name.length + 3] = TYPE_A;
    message[5] = 2;
    assert_int_equal(put_message(cache, &name, 0, message, size), STATUS_MALFORMED);
    size = content_message(message, &name, 200, 600, 1);
    message[6] = 1; /* ANCOUNT 456 */
    assert_int_equal(put_message(cache, &name, 0, message, size), STATUS_LIMIT);
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hit_is_the_message_patched),
        cmocka_unit_test(the_lowest_ttl_counts),
        cmocka_unit_test(broken_messages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
