/* net/: framing of a stream, cutting an answer, counting connections, addresses. */
#include "base/bytes.h"
#include "net/address.h"
#include "net/framing.h"
#include "net/quota.h"
#include "net/truncate.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- framing ---- */

typedef struct stream {
    framing_t framing;
    net_budget_t budget;
    uint8_t scratch[FRAMING_SCRATCH_MAX];
} stream_t;

static stream_t *stream_new(size_t budget)
{
    stream_t *stream = calloc(1, sizeof *stream);
    assert_non_null(stream);
    stream->budget.maximum = budget;
    return stream;
}

/* One read of n bytes (or as many as there is room for); returns how many were taken. */
static size_t feed(stream_t *stream, const uint8_t *bytes, size_t n)
{
    uint8_t *where = NULL;
    size_t room = 0;
    assert_int_equal(framing_room(&stream->framing, stream->scratch, &stream->budget, &where, &room), STATUS_OK);
    assert_true(room > 0);
    n = n < room ? n : room;
    memcpy(where, bytes, n);
    framing_add(&stream->framing, n);
    return n;
}

static void end_turn(stream_t *stream)
{
    assert_int_equal(framing_keep(&stream->framing, &stream->budget), STATUS_OK);
    memset(stream->scratch, 0xee, sizeof stream->scratch); /* another connection's turn */
}

static void assert_message(stream_t *stream, const void *expected, size_t expected_size)
{
    const uint8_t *message = NULL;
    size_t size = 0;
    assert_true(framing_next(&stream->framing, &message, &size));
    assert_int_equal(size, expected_size);
    assert_memory_equal(message, expected, expected_size);
}

static void assert_no_message(stream_t *stream)
{
    const uint8_t *message = NULL;
    size_t size = 0;
    assert_false(framing_next(&stream->framing, &message, &size));
}

static void test_framing_many_in_one_read(void **state)
{
    (void)state;
    stream_t *stream = stream_new(1 << 20);
    assert_int_equal(feed(stream, (const uint8_t *)"\0\3one\0\0\0\3two\0\5th", 16), 16);
    assert_message(stream, "one", 3);
    assert_message(stream, "", 0);
    assert_message(stream, "two", 3);
    assert_no_message(stream);
    end_turn(stream);
    assert_int_equal(stream->budget.used, FRAMING_SMALL);
    feed(stream, (const uint8_t *)"ree", 3);
    assert_message(stream, "three", 5);
    end_turn(stream);
    assert_int_equal(stream->budget.used, 0); /* at rest a connection has no memory */
    free(stream);
}

static void test_framing_byte_by_byte(void **state)
{
    (void)state;
    stream_t *stream = stream_new(1 << 20);
    const uint8_t bytes[] = {0, 4, 'a', 'b', 'c', 'd'};
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_no_message(stream);
        assert_int_equal(feed(stream, &bytes[i], 1), 1);
        if (i + 1 < sizeof bytes) {
            end_turn(stream);
        }
    }
    assert_message(stream, "abcd", 4);
    end_turn(stream);
    free(stream);
}

static void test_framing_largest_message(void **state)
{
    (void)state;
    stream_t *stream = stream_new(1 << 20);
    uint8_t *bytes = malloc(FRAME_MAX + 5);
    assert_non_null(bytes);
    store_be16(bytes, 65535);
    for (size_t i = 2; i < FRAME_MAX; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    memcpy(bytes + FRAME_MAX, "\0\3end", 5);
    for (size_t done = 0; done < FRAME_MAX + 5;) {
        done += feed(stream, bytes + done, FRAME_MAX + 5 - done);
        if (framing_has_next(&stream->framing)) {
            break;
        }
        end_turn(stream);
    }
    assert_message(stream, bytes + 2, 65535);
    size_t held = framing_held(&stream->framing);
    end_turn(stream);
    feed(stream, bytes + FRAME_MAX + held, 5 - held);
    assert_message(stream, "end", 3);
    end_turn(stream);
    assert_int_equal(stream->budget.used, 0);
    free(bytes);
    free(stream);
}

/* A client that promises much and sends little costs little. */
static void test_framing_memory_follows_what_came(void **state)
{
    (void)state;
    stream_t *stream = stream_new(1 << 20);
    feed(stream, (const uint8_t *)"\xff\xff_", 3);
    end_turn(stream);
    assert_int_equal(stream->budget.used, FRAMING_SMALL);
    framing_clear(&stream->framing, &stream->budget);
    assert_int_equal(stream->budget.used, 0);
    free(stream);
}

static void test_framing_budget(void **state)
{
    (void)state;
    stream_t *stream = stream_new(FRAMING_SMALL - 1);
    feed(stream, (const uint8_t *)"\0\5x", 3);
    assert_int_equal(framing_keep(&stream->framing, &stream->budget), STATUS_LIMIT);
    assert_int_equal(stream->budget.used, 0);
    framing_clear(&stream->framing, &stream->budget);
    free(stream);
}

/* ---- truncation ---- */

static void test_truncate(void **state)
{
    (void)state;
    uint8_t message[] = {0x12, 0x34, 0x84, 0x00, 0,   1, 0, 1,   0, 0, 0, 1,             /* header */
                         1,    'a',  0,    0,    1,   0, 1,                              /* question */
                         0xc0, 12,   0,    1,    0,   1, 0, 0,   0, 9, 0, 4, 1, 2, 3, 4, /* answer */
                         0,    0,    41,   4,    208, 0, 0, 128, 0, 0, 0};               /* OPT */
    size_t size = net_truncate(message, sizeof message);
    assert_int_equal(size, 12 + 7 + 11);
    assert_int_equal(load_be16(message + 2), 0x8600);
    assert_int_equal(load_be16(message + 4), 1);
    assert_int_equal(load_be16(message + 6), 0);
    assert_int_equal(load_be16(message + 8), 0);
    assert_int_equal(load_be16(message + 10), 1);
    assert_int_equal(load_be16(message + 20), 41);
    assert_int_equal(net_truncate(message, 11), 0);
    assert_int_equal(net_truncate(message, 14), 0); /* a question that is cut off */
}

static void test_truncate_without_opt(void **state)
{
    (void)state;
    uint8_t message[] = {0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 0, 1, 0, 0, 0, 9, 0, 1, 0};
    assert_int_equal(net_truncate(message, sizeof message), 17);
    assert_int_equal(load_be16(message + 10), 0);
}

/* ---- addresses and quota ---- */

static net_address_t address_of(const char *text, uint16_t port)
{
    net_address_t address = {.v6 = {.sin6_family = AF_INET6}};
    if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1) {
        address.v6.sin6_port = htons(port);
        return address;
    }
    address = (net_address_t){.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    assert_int_equal(inet_pton(AF_INET, text, &address.v4.sin_addr), 1);
    return address;
}

static void test_address_text(void **state)
{
    (void)state;
    char text[NET_ADDRESS_TEXT_MAX];
    net_address_t four = address_of("192.0.2.1", 53);
    net_address_t six = address_of("2001:db8::1", 5353);
    assert_string_equal(net_address_text(&four, text), "192.0.2.1:53");
    assert_string_equal(net_address_text(&six, text), "[2001:db8::1]:5353");
    six.v6.sin6_scope_id = 7;
    assert_string_equal(net_address_text(&six, text), "[2001:db8::1%7]:5353");
    net_address_t any_four = address_of("0.0.0.0", 53);
    net_address_t any_six = address_of("::", 53);
    assert_true(net_address_is_wildcard(&any_four) && net_address_is_wildcard(&any_six));
    assert_false(net_address_is_wildcard(&four) || net_address_is_wildcard(&six));
    assert_false(net_address_equal(&any_four, &any_six));
    assert_true(net_address_equal(&four, &four));
}

static bool same_client(const char *a, const char *b)
{
    net_address_t x = address_of(a, 1);
    net_address_t y = address_of(b, 2);
    net_prefix_t p = net_address_prefix(&x);
    net_prefix_t q = net_address_prefix(&y);
    return p.bits == q.bits && p.family == q.family;
}

static void test_address_prefix(void **state)
{
    (void)state;
    assert_true(same_client("192.0.2.1", "192.0.2.1"));
    assert_false(same_client("192.0.2.1", "192.0.2.2"));
    assert_true(same_client("2001:db8:0:ff00::1", "2001:db8:0:ffff:1::"));
    assert_false(same_client("2001:db8:0:ff00::1", "2001:db8:0:fe00::1"));
    assert_false(same_client("::", "0.0.0.0"));
}

static void test_quota_limits(void **state)
{
    (void)state;
    net_quota_t *quota = net_quota_new(4, 2, 1000);
    net_prefix_t a = {.bits = 1, .family = AF_INET};
    net_prefix_t b = {.bits = 1, .family = AF_INET6};
    net_prefix_t c = {.bits = 3, .family = AF_INET};
    assert_non_null(quota);
    assert_int_equal(net_quota_take(quota, a), QUOTA_TAKEN);
    assert_int_equal(net_quota_take(quota, a), QUOTA_TAKEN);
    assert_int_equal(net_quota_take(quota, a), QUOTA_PREFIX_FULL);
    assert_int_equal(net_quota_take(quota, b), QUOTA_TAKEN);
    assert_int_equal(net_quota_take(quota, c), QUOTA_TAKEN);
    assert_int_equal(net_quota_take(quota, b), QUOTA_FULL);
    net_quota_give(quota, a);
    assert_int_equal(net_quota_take(quota, b), QUOTA_TAKEN);
    assert_int_equal(net_quota_configure(quota, 2, 1), STATUS_OK);
    assert_int_equal(net_quota_used(quota), 4);
    assert_int_equal(net_quota_take(quota, c), QUOTA_PREFIX_FULL);
    net_quota_give(quota, c);
    assert_int_equal(net_quota_take(quota, c), QUOTA_FULL);
    net_quota_free(quota);
}

/* Against a plain array of counts, so that gaps in the table are closed rightly. */
static void test_quota_many(void **state)
{
    enum { PREFIXES = 97, STEPS = 20000 };
    (void)state;
    net_quota_t *quota = net_quota_new(300, 5, 1000);
    unsigned counts[PREFIXES] = {0};
    unsigned total = 0;
    uint32_t random = 12345;
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * 1664525 + 1013904223;
        unsigned i = (random >> 8) % PREFIXES;
        net_prefix_t prefix = {.bits = i, .family = AF_INET};
        if (random >> 31) {
            net_quota_verdict_t expected = counts[i] == 5 ? QUOTA_PREFIX_FULL : total == 300 ? QUOTA_FULL : QUOTA_TAKEN;
            assert_int_equal(net_quota_take(quota, prefix), expected);
            counts[i] += expected == QUOTA_TAKEN;
            total += expected == QUOTA_TAKEN;
        } else if (counts[i] > 0) {
            net_quota_give(quota, prefix);
            counts[i]--;
            total--;
        }
        assert_int_equal(net_quota_used(quota), total);
    }
    net_quota_free(quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_framing_many_in_one_read),
        cmocka_unit_test(test_framing_byte_by_byte),
        cmocka_unit_test(test_framing_largest_message),
        cmocka_unit_test(test_framing_memory_follows_what_came),
        cmocka_unit_test(test_framing_budget),
        cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_truncate_without_opt),
        cmocka_unit_test(test_address_text),
        cmocka_unit_test(test_address_prefix),
        cmocka_unit_test(test_quota_limits),
        cmocka_unit_test(test_quota_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
