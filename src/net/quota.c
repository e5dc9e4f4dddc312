#include "net/quota.h"

#include "base/require.h"
#include "base/siphash.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* Open addressing with linear probing; count 0 is an empty place. The table is at least twice as large as the number of
 * connections, so of prefixes. */
typedef struct entry {
    net_prefix_t prefix;
    unsigned count;
} entry_t;

struct net_quota {
    pthread_mutex_t lock;
    siphash_key_t key; /* strangers choose the prefixes */
    entry_t *table;
    size_t mask;
    unsigned used;
    unsigned connections_max;
    unsigned per_prefix_max;
    net_budget_t buffers;
};

static size_t table_size(unsigned connections)
{
    size_t size = 16;
    while (size < 2 * (size_t)connections) {
        size *= 2;
    }
    return size;
}

static bool prefix_equal(net_prefix_t a, net_prefix_t b)
{
    return a.bits == b.bits && a.family == b.family;
}

/* The place of the prefix, or the empty one where it would go. */
static size_t find(const net_quota_t *quota, net_prefix_t prefix)
{
    size_t at = siphash(&quota->key, &prefix, sizeof prefix) & quota->mask;
    while (quota->table[at].count > 0 && !prefix_equal(quota->table[at].prefix, prefix)) {
        at = (at + 1) & quota->mask;
    }
    return at;
}

net_quota_t *net_quota_new(unsigned connections_max, unsigned per_prefix_max, size_t buffers_max)
{
    net_quota_t *quota = calloc(1, sizeof *quota);
    if (!quota) {
        return NULL;
    }
    pthread_mutex_init(&quota->lock, NULL);
    quota->buffers.maximum = buffers_max;
    if (getrandom(&quota->key, sizeof quota->key, 0) != (ssize_t)sizeof quota->key ||
        net_quota_configure(quota, connections_max, per_prefix_max) != STATUS_OK) {
        net_quota_free(quota);
        return NULL;
    }
    return quota;
}

void net_quota_free(net_quota_t *quota)
{
    if (quota) {
        pthread_mutex_destroy(&quota->lock);
        free(quota->table);
        free(quota);
    }
}

static void insert_all(net_quota_t *quota, const entry_t *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].count > 0) {
            quota->table[find(quota, entries[i].prefix)] = entries[i];
        }
    }
}

status_t net_quota_configure(net_quota_t *quota, unsigned connections_max, unsigned per_prefix_max)
{
    REQUIRE(connections_max > 0 && per_prefix_max > 0);
    pthread_mutex_lock(&quota->lock);
    size_t size = table_size(connections_max > quota->used ? connections_max : quota->used);
    entry_t *table = calloc(size, sizeof *table);
    if (table) {
        entry_t *before = quota->table;
        size_t count = before ? quota->mask + 1 : 0;
        quota->table = table;
        quota->mask = size - 1;
        insert_all(quota, before, count);
        free(before);
        quota->connections_max = connections_max;
        quota->per_prefix_max = per_prefix_max;
    }
    pthread_mutex_unlock(&quota->lock);
    return table ? STATUS_OK : STATUS_NO_MEMORY;
}

net_quota_verdict_t net_quota_take(net_quota_t *quota, net_prefix_t prefix)
{
    net_quota_verdict_t verdict = QUOTA_FULL;
    pthread_mutex_lock(&quota->lock);
    size_t at = find(quota, prefix);
    if (quota->table[at].count >= quota->per_prefix_max) {
        verdict = QUOTA_PREFIX_FULL;
    } else if (quota->used < quota->connections_max) {
        verdict = QUOTA_TAKEN;
        quota->table[at] = (entry_t){.prefix = prefix, .count = quota->table[at].count + 1};
        quota->used++;
    }
    pthread_mutex_unlock(&quota->lock);
    return verdict;
}

/* Closes the gap that an emptied place leaves in its probe sequence. */
static void close_gap(net_quota_t *quota, size_t gap)
{
    for (size_t at = (gap + 1) & quota->mask; quota->table[at].count > 0; at = (at + 1) & quota->mask) {
        size_t home = siphash(&quota->key, &quota->table[at].prefix, sizeof quota->table[at].prefix) & quota->mask;
        if (((at - home) & quota->mask) >= ((at - gap) & quota->mask)) {
            quota->table[gap] = quota->table[at];
            quota->table[at].count = 0;
            gap = at;
        }
    }
}

void net_quota_give(net_quota_t *quota, net_prefix_t prefix)
{
    pthread_mutex_lock(&quota->lock);
    size_t at = find(quota, prefix);
    REQUIRE(quota->table[at].count > 0 && quota->used > 0);
    quota->used--;
    if (--quota->table[at].count == 0) {
        close_gap(quota, at);
    }
    pthread_mutex_unlock(&quota->lock);
}

unsigned net_quota_used(net_quota_t *quota)
{
    pthread_mutex_lock(&quota->lock);
    unsigned used = quota->used;
    pthread_mutex_unlock(&quota->lock);
    return used;
}

net_budget_t *net_quota_buffers(net_quota_t *quota)
{
    return &quota->buffers;
}
