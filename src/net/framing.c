#include "net/framing.h"

#include "base/bytes.h"
#include "base/require.h"

#include <stdlib.h>

bool net_budget_take(net_budget_t *budget, size_t n)
{
    size_t before = atomic_fetch_add_explicit(&budget->used, n, memory_order_relaxed);
    if (before + n <= budget->maximum) {
        return true;
    }
    atomic_fetch_sub_explicit(&budget->used, n, memory_order_relaxed);
    return false;
}

void net_budget_give(net_budget_t *budget, size_t n)
{
    atomic_fetch_sub_explicit(&budget->used, n, memory_order_relaxed);
}

static size_t capacity_for(size_t needed)
{
    return needed <= FRAMING_SMALL ? FRAMING_SMALL : needed <= FRAMING_MEDIUM ? FRAMING_MEDIUM : FRAMING_MAX;
}

/* Own memory of at least `needed` bytes, with the bytes held at its front. */
static status_t grow(framing_t *framing, size_t needed, net_budget_t *budget)
{
    size_t capacity = capacity_for(needed);
    if (!net_budget_take(budget, capacity)) {
        return STATUS_LIMIT;
    }
    uint8_t *own = malloc(capacity);
    if (!own) {
        net_budget_give(budget, capacity);
        return STATUS_NO_MEMORY;
    }
    size_t held = framing_held(framing);
    if (held > 0) {
        memcpy(own, framing->data + framing->start, held);
    }
    framing_clear(framing, budget);
    *framing = (framing_t){.data = own, .own = own, .end = (uint32_t)held, .capacity = (uint32_t)capacity};
    return STATUS_OK;
}

status_t framing_room(framing_t *framing, uint8_t *scratch, net_budget_t *budget, uint8_t **where, size_t *room)
{
    if (!framing->own) {
        *framing = (framing_t){.data = scratch};
        *where = scratch;
        *room = FRAMING_SCRATCH_MAX;
        return STATUS_OK;
    }
    if (framing->end == framing->capacity && framing->start > 0) {
        memmove(framing->own, framing->own + framing->start, framing_held(framing));
        framing->end -= framing->start;
        framing->start = 0;
    }
    if (framing->end == framing->capacity) {
        /* Full and no whole message handed out: a message is at most FRAME_MAX, which fits. */
        REQUIRE(framing->capacity < FRAMING_MAX);
        status_t status = grow(framing, (size_t)framing->capacity + 1, budget);
        if (status != STATUS_OK) {
            return status;
        }
    }
    *where = framing->own + framing->end;
    *room = framing->capacity - framing->end;
    return STATUS_OK;
}

void framing_add(framing_t *framing, size_t n)
{
    framing->end += (uint32_t)n;
}

bool framing_has_next(const framing_t *framing)
{
    size_t held = framing_held(framing);
    return held >= 2 && held - 2 >= load_be16(framing->data + framing->start);
}

bool framing_next(framing_t *framing, const uint8_t **message, size_t *size)
{
    if (!framing_has_next(framing)) {
        return false;
    }
    *size = load_be16(framing->data + framing->start);
    *message = framing->data + framing->start + 2;
    framing->start += (uint32_t)(2 + *size);
    return true;
}

status_t framing_keep(framing_t *framing, net_budget_t *budget)
{
    size_t held = framing_held(framing);
    if (held == 0) {
        framing_clear(framing, budget);
        return STATUS_OK;
    }
    return framing->own ? STATUS_OK : grow(framing, held, budget);
}

void framing_clear(framing_t *framing, net_budget_t *budget)
{
    if (framing->own) {
        net_budget_give(budget, framing->capacity);
        free(framing->own);
    }
    *framing = (framing_t){.data = NULL};
}
