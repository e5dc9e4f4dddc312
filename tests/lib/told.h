/* What a resolver would say, from text: for tests of all that is made of it. Failures of the set-up end the program with a message. */
#pragma once

#include "base/arena.h"
#include "cache/cache.h"
#include "resolver/answer.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct told {
    const char *answer;    /* master-file lines with absolute names and TTLs; NULL: none. Records of one RRset stand together */
    const char *authority; /* likewise */
    uint16_t rcode;
    int16_t extended_error; /* as it is: EDE_NONE, mostly, must be said */
    const char *extended_text;
    store_security_t security;
    bool is_signed; /* each RRset has an RRSIG of the size of a real one (ECDSA P-256) */
    bool is_stale;
    uint32_t ttl_s; /* 0: the least of the records' */
} told_t;

/* All memory from arena. */
void told_answer(const told_t *told, arena_t *arena, resolver_answer_t *answer);

/* The question whose prebuilt answer this is: name as text in any case. */
typedef struct told_question {
    const char *name;
    uint16_t type;
    bool dnssec_ok;
    bool checking_disabled;
} told_question_t;

/* Puts it into the cache, as the server would. */
void told_put(cache_t *cache, const told_question_t *question, const told_t *told, uint32_t now_s);
