/* Read-copy-update: the one place that names liburcu (QSBR flavour).
 *
 * A thread that reads published data registers once, then calls rcu_quiescent() between batches, and brackets every wait
 * with rcu_offline()/rcu_online(). Between two quiescent states whatever rcu_read() returned stays valid. A thread that
 * waits with rcu_wait() must not itself be inside a read (it is taken offline for the wait if it is registered).
 */
#pragma once

#include <stdatomic.h>

void rcu_register(void);
void rcu_unregister(void);
void rcu_quiescent(void);
void rcu_offline(void);
void rcu_online(void);
/* Returns after every registered thread has passed a quiescent state: what was unpublished before may be freed. */
void rcu_wait(void);

/* Publish and read one pointer. `slot` is an _Atomic pointer. */
#define rcu_publish(slot, value) atomic_store_explicit((slot), (value), memory_order_release)
#define rcu_read(slot)           atomic_load_explicit((slot), memory_order_consume)
