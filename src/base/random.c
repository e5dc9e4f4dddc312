#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void random_fill(void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        } else if (errno != EINTR) {
            abort();
        }
    }
}

void random_pool_init(random_pool_t *pool)
{
    pool->left = 0;
}

uint64_t random_pool_next(void *context)
{
    random_pool_t *pool = context;
    if (pool->left < sizeof(uint64_t)) {
        random_fill(pool->bytes, sizeof pool->bytes);
        pool->left = sizeof pool->bytes;
    }
    uint8_t *at = pool->bytes + (sizeof pool->bytes - pool->left);
    uint64_t number;
    memcpy(&number, at, sizeof number);
    explicit_bzero(at, sizeof number);
    pool->left -= sizeof number;
    return number;
}
