#include "base/rcu.h"

#include <urcu-qsbr.h>

void rcu_register(void)
{
    urcu_qsbr_register_thread();
}

void rcu_unregister(void)
{
    urcu_qsbr_unregister_thread();
}

void rcu_quiescent(void)
{
    urcu_qsbr_quiescent_state();
}

void rcu_offline(void)
{
    urcu_qsbr_thread_offline();
}

void rcu_online(void)
{
    urcu_qsbr_thread_online();
}

void rcu_wait(void)
{
    urcu_qsbr_synchronize_rcu();
}
