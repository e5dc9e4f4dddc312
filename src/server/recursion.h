/* Between the hot path (dispatch.c) and those who resolve (recursor.c): what is asked, and what comes back.
 *
 *     dispatch_answer() -- no zone of ours, RD, allowed --> answer cache: hit, done
 *                                                   miss --> recursor_ask()  reply->later, the request's bytes are kept
 *     recursor: resolver has answered --> recursion_body_make() --> answer cache, and for each client that waits
 *               dispatch_resume(request's bytes, body) --> net_later_t.answer()
 *
 * A body is a whole message without OPT and TSIG: id 0, flags QR|RA, AD if everything in it is secure, RCODE, the question in lower case,
 * the sections. It is what cache_answer_put() takes, and the same for every client who asked with the same name, type, DO and CD.
 */
#pragma once

#include "base/status.h"
#include "cache/cache.h"
#include "resolver/answer.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the client wants it. */
typedef struct recursion_want {
    const name_key_t *name;
    uint16_t type;
    bool dnssec_ok;
    bool checking_disabled;
} recursion_want_t;

typedef struct recursion_body {
    const uint8_t *message;
    size_t size;
    int16_t extended_error;    /* EDE_*, or EDE_NONE */
    const char *extended_text; /* for people; NULL: none */
    bool is_cached_failure;    /* EDE 13 goes beside the other (RFC 8914 4.14) */
    uint32_t ttl_s;            /* how long it may be kept; 0: not at all, as when it is stale, truncated, or out of our own zones */
    bool is_stale;
} recursion_body_t;

/* Writes the body for an answer into out[MESSAGE_MAX]; RRsets that do not fit into 64 KiB are left out and TC is set. body->message is out;
 * texts are the answer's. With CD clear, a bogus answer never gets here: the resolver says SERVFAIL. */
void recursion_body_make(const recursion_want_t *want, const resolver_answer_t *answer, uint8_t *out, recursion_body_t *body);

/* Keeps the body for those who ask the same, as long as body->ttl_s says; what is stale, truncated, too large or out of our own zones is
 * not kept. Any thread; takes a shard's lock. */
void recursion_body_put(cache_t *cache, const recursion_want_t *want, const recursion_body_t *body, uint32_t now_s);

/* What an entry of the answer cache is kept under, and how its extended error goes into `info`. */
static inline uint8_t recursion_variant(bool dnssec_ok, bool checking_disabled)
{
    return (uint8_t)((dnssec_ok ? CACHE_ANSWER_DO : 0) | (checking_disabled ? CACHE_ANSWER_CD : 0));
}
static inline uint16_t recursion_info(int16_t extended_error)
{
    return (uint16_t)(extended_error - EDE_NONE);
}
static inline int16_t recursion_extended_error(uint16_t info)
{
    return (int16_t)(info + EDE_NONE);
}
