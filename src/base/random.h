/* Unpredictable numbers out of the system's generator (getrandom), drawn in blocks, so that one costs no system call.
 *
 * A pool belongs to one thread. After a fork() the child must make its own. Numbers handed out are wiped from the pool.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { RANDOM_POOL_SIZE = 4096 };

typedef struct random_pool {
    size_t left; /* bytes not yet handed out, at the end */
    _Alignas(8) uint8_t bytes[RANDOM_POOL_SIZE];
} random_pool_t;

/* Empty: the first number fills it. */
void random_pool_init(random_pool_t *pool);
/* context is a random_pool_t; the shape that resolver_random_t and upstream_random_t want. Ends the process if the system has no
 * randomness to give: to go on would mean guessable ids. */
uint64_t random_pool_next(void *context);
/* size bytes straight from the system, for keys and secrets; likewise never fails. */
void random_fill(void *out, size_t size);
