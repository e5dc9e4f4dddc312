/* Three grades of assertion.
 *
 * REQUIRE      a programmer's contract; always compiled in; failing ends the process with file, line and condition.
 * CHECK        unexpected but handled: evaluates to the condition, reports the first failure at each place to stderr.
 * DEBUG_ASSERT a REQUIRE in debug and test builds (PORTOLAN_DEBUG), nothing otherwise; for the hot path.
 *
 * Input from a peer, a file or a disk image never reaches REQUIRE or DEBUG_ASSERT.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

_Noreturn void require_failed(const char *condition, const char *file, int line);
void check_failed(const char *condition, const char *file, int line);

#define REQUIRE(condition) (__builtin_expect(!!(condition), 1) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))

#define CHECK(condition)                                                                                                                   \
    __extension__({                                                                                                                        \
        static atomic_flag check_reported_ = ATOMIC_FLAG_INIT;                                                                             \
        bool check_good_ = __builtin_expect(!!(condition), 1);                                                                             \
        if (!check_good_ && !atomic_flag_test_and_set(&check_reported_)) {                                                                 \
            check_failed(#condition, __FILE__, __LINE__);                                                                                  \
        }                                                                                                                                  \
        check_good_;                                                                                                                       \
    })

#ifdef PORTOLAN_DEBUG
#define DEBUG_ASSERT(condition) REQUIRE(condition)
#else
#define DEBUG_ASSERT(condition) ((void)sizeof(condition))
#endif

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define ARRAY_SIZE(array)   (sizeof(array) / sizeof((array)[0]))
