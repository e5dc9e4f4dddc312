/* The two-byte length framing of DNS over a stream (RFC 1035 4.2.2, RFC 7766 8), and the bytes of one connection that wait for more.
 *
 *     framing_room()  -> where the next read goes: the worker's scratch, or behind what this connection already holds
 *     framing_add()   -> so many bytes came
 *     framing_next()  -> message by message, as long as whole ones are there
 *     framing_keep()  -> the rest moves out of the scratch into memory of its own
 *
 * Invariants
 *  1. start <= end <= capacity of what `data` points to; the bytes between are those not yet handed out.
 *  2. Between framing_keep() and framing_room() nothing points into the scratch: a connection without a partial message has no memory.
 *  3. Own memory grows only when it is full of bytes that really came, and never beyond FRAMING_MAX; all of it is taken from the budget.
 * One thread at a time; the budget may be shared by any.
 */
#pragma once

#include "base/status.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_MAX = 2 + 65535,
    FRAMING_SMALL = 512,   /* most queries */
    FRAMING_MEDIUM = 4096, /* a handful of pipelined ones */
    FRAMING_MAX = 66 * 1024,
    FRAMING_SCRATCH_MAX = 16 * 1024, /* so that the rest always fits own memory */
};

/* Memory that all connections share. */
typedef struct net_budget {
    _Atomic size_t used;
    size_t maximum; /* bytes */
} net_budget_t;

bool net_budget_take(net_budget_t *budget, size_t n);
void net_budget_give(net_budget_t *budget, size_t n);

typedef struct framing {
    uint8_t *data; /* the scratch, or own, or NULL */
    uint8_t *own;
    uint32_t start;
    uint32_t end;
    uint32_t capacity; /* of own */
} framing_t;

static inline size_t framing_held(const framing_t *framing)
{
    return framing->end - framing->start;
}

/* scratch: FRAMING_SCRATCH_MAX bytes. *room is never 0 on STATUS_OK. STATUS_LIMIT: the budget is used up; STATUS_NO_MEMORY. */
status_t framing_room(framing_t *framing, uint8_t *scratch, net_budget_t *budget, uint8_t **where, size_t *room) MUST_USE;
void framing_add(framing_t *framing, size_t n);
/* The next whole message (its length may be 0). False: there is none. */
bool framing_next(framing_t *framing, const uint8_t **message, size_t *size);
/* Whether framing_next() would give one. */
bool framing_has_next(const framing_t *framing);
/* Statuses as framing_room(). */
status_t framing_keep(framing_t *framing, net_budget_t *budget) MUST_USE;
/* Forgets everything. */
void framing_clear(framing_t *framing, net_budget_t *budget);
