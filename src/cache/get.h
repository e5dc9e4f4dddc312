/* Between keys, kinds and entries. Not for others. */
#pragma once

#include "cache/key.h"

unsigned cache_space(cache_kind_t kind);
/* The key of a question for a kind, whose types may be fixed. */
void cache_kind_key(cache_key_t *key, const cache_t *cache, const cache_question_t *question, cache_kind_t kind);
/* Copies a record that record_at() gave. False: it makes no sense, or was changed meanwhile. Where it is larger than the buffer only its
 * head and name are copied. */
bool record_copy(const cache_t *cache, const uint64_t *record, uint64_t key, uint32_t now_s, cache_entry_t *entry);
