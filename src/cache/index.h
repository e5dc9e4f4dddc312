/* Denial ranges in order: which NSEC or NSEC3 RRset may cover a name. Only places are kept here, the RRsets are in the table, and whatever
 * the index says is checked against the RRset. So losing a node, or meeting a damaged one, costs a question to the network and nothing
 * else. Not for others.
 *
 * Nodes of an index shard are sorted by (zone, chain, key) through an array of 16-bit numbers; readers search it under a sequence counter
 * as in layout.h, and give up when they are disturbed. When it is full a clock hand takes the first node that nobody used since it last
 * came by.
 */
#pragma once

#include "cache/layout.h"

/* Enters the range of a secure NSEC or NSEC3 RRset with a zone. Places that are too long for a node are passed over. */
void index_add(cache_t *cache, const cache_put_t *put, uint32_t expires);
void index_clear(cache_t *cache);
/* After taking over a file. */
void index_adopt(cache_t *cache);
uint64_t index_count(cache_t *cache);
