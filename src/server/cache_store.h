/* What the resolver remembers (resolver/store.h), kept in the cache that all workers share (cache/cache.h).
 *
 * One store for each worker, as a reader's counters have one writer; the content is common. What the interface asks for beyond what the
 * cache holds by itself:
 *  1. Data and the name error of a name stand in two places. Where both are known they count as rivals for one place: the name error hides
 *     data that are older than it and that it might have replaced.
 *  2. Not even expired data give way to bogus ones.
 *  3. A delegation's servers are kept as its NS RRset, the glue as A and AAAA RRsets in the servers' order (rdata of 6 or 18 octets: with
 *     a port other than 53), then the proofs.
 *  4. The NSEC and NSEC3 RRsets, and the SOA, of a secure entry are kept once more under their own names, for aggressive use (RFC 8198);
 *     only those that one zone signed, under its own name, and that no wildcard made.
 *  5. Of one name at most types_a_name_max types are learned in an hour, by each store; what is known already may be renewed.
 */
#pragma once

#include "cache/cache.h"
#include "resolver/settings.h"
#include "resolver/store.h"

/* Settings for a cache of so many bytes that stores are to use; the key is zero and to be filled. The cache's own limits on TTLs are wide:
 * the resolver has bounded them, by settings that may change while the cache lives on. */
void cache_store_settings(cache_settings_t *settings, size_t budget_bytes);

/* Both must outlive the store. NULL without memory. */
store_t *cache_store_new(cache_t *cache, const resolver_settings_t *settings);
/* NULL is fine. */
void cache_store_free(store_t *store);
/* The store's way into the cache: its counters, and answers (cache_answer_get()). The thread's that uses the store. */
cache_reader_t *cache_store_reader(store_t *store);

/* A cache entry of kind CACHE_DELEGATION as a delegation, copied to arena. False: it is none that makes sense, or no memory. */
bool cache_store_delegation(cache_entry_t *entry, arena_t *arena, delegation_t *delegation);
/* Why a failure failed, for people, copied to arena. NULL: not known, no failure, or no memory. */
const char *cache_store_reason(cache_entry_t *entry, arena_t *arena);
