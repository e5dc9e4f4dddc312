/* base/random: what can be told of randomness without believing in it. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NUMBERS = RANDOM_POOL_SIZE / 8 };

/* Longer than getrandom() promises to give at once; no byte is left out, and none is written beside. */
static void test_fill_fills_all(void **state)
{
    enum { SIZE = 100000, TRIES = 40 };
    uint8_t bytes[SIZE + 2];
    bool written[SIZE] = {false};
    (void)state;
    for (unsigned try = 0; try < TRIES; try++) {
        memset(bytes, 0, sizeof bytes);
        random_fill(bytes + 1, SIZE);
        assert_int_equal(bytes[0], 0);
        assert_int_equal(bytes[SIZE + 1], 0);
        for (unsigned i = 0; i < SIZE; i++) {
            written[i] |= bytes[1 + i] != 0;
        }
    }
    for (unsigned i = 0; i < SIZE; i++) {
        assert_true(written[i]); /* by chance once in 256^40 / 100000 */
    }
    random_fill(bytes, 0);
    assert_int_equal(bytes[0], 0);
}

/* Over several fillings every bit has been both, and no number comes twice. */
static void test_numbers_differ(void **state)
{
    uint64_t numbers[3 * NUMBERS + 1];
    uint64_t ones = 0;
    uint64_t zeros = 0;
    random_pool_t pool;
    (void)state;
    random_pool_init(&pool);
    for (unsigned i = 0; i < 3 * NUMBERS + 1; i++) {
        numbers[i] = random_pool_next(&pool);
        ones |= numbers[i];
        zeros |= ~numbers[i];
        for (unsigned before = 0; before < i; before++) {
            assert_true(numbers[before] != numbers[i]);
        }
    }
    assert_true(ones == UINT64_MAX && zeros == UINT64_MAX);
}

/* Nobody who reads the memory later learns a number that was handed out; those to come are still there. */
static void test_numbers_are_wiped(void **state)
{
    const uint8_t zeros[RANDOM_POOL_SIZE] = {0};
    random_pool_t pool;
    (void)state;
    random_pool_init(&pool);
    for (unsigned i = 1; i <= NUMBERS; i++) {
        random_pool_next(&pool);
        assert_int_equal(pool.left, sizeof zeros - (size_t)i * 8);
        assert_memory_equal(pool.bytes, zeros, (size_t)i * 8);
        if (i < NUMBERS) {
            assert_memory_not_equal(pool.bytes + (size_t)i * 8, zeros, 8);
        }
    }
    random_pool_next(&pool);
    assert_int_equal(pool.left, sizeof zeros - 8);
}

static void test_pools_differ(void **state)
{
    random_pool_t one;
    random_pool_t other;
    (void)state;
    random_pool_init(&one);
    random_pool_init(&other);
    assert_true(random_pool_next(&one) != random_pool_next(&other));
    assert_memory_not_equal(one.bytes + 8, other.bytes + 8, sizeof one.bytes - 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_fills_all),
        cmocka_unit_test(test_numbers_differ),
        cmocka_unit_test(test_numbers_are_wiped),
        cmocka_unit_test(test_pools_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
