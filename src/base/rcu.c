#include "base/rcu.h"

#include <urcu-qsbr.h>

/* ThreadSanitizer cannot see the barriers inside liburcu: it is told that what a reader did before a quiescent state happened before the
 * end of a grace period. Nothing in other builds. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RCU_TELL_SANITIZER 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define RCU_TELL_SANITIZER 1
#endif

#ifdef RCU_TELL_SANITIZER
#include <sanitizer/tsan_interface.h>
#include <stdint.h>
static const char grace_period_edge = 0; /* only its address counts */
#define READER_IS_DONE()   __tsan_release((void *)(uintptr_t)&grace_period_edge)
#define READERS_ARE_DONE() __tsan_acquire((void *)(uintptr_t)&grace_period_edge)
#else
#define READER_IS_DONE()   ((void)0)
#define READERS_ARE_DONE() ((void)0)
#endif

void rcu_register(void)
{
    urcu_qsbr_register_thread();
}

void rcu_unregister(void)
{
    READER_IS_DONE();
    urcu_qsbr_unregister_thread();
}

void rcu_quiescent(void)
{
    READER_IS_DONE();
    urcu_qsbr_quiescent_state();
}

void rcu_offline(void)
{
    READER_IS_DONE();
    urcu_qsbr_thread_offline();
}

void rcu_online(void)
{
    urcu_qsbr_thread_online();
}

void rcu_wait(void)
{
    urcu_qsbr_synchronize_rcu();
    READERS_ARE_DONE();
}
