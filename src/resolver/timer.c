/* Timers: a binary heap, smallest deadline first. Invariant: timers[t->place] == t for every timer set. */
#include "resolver/state.h"

#include <stdlib.h>

static void put(timer_heap_t *heap, size_t place, resolver_timer_t *timer)
{
    heap->timers[place] = timer;
    timer->place = place;
}

static void sift_up(timer_heap_t *heap, resolver_timer_t *timer, size_t place)
{
    for (; place > 1 && heap->timers[place / 2]->deadline_ms > timer->deadline_ms; place /= 2) {
        put(heap, place, heap->timers[place / 2]);
    }
    put(heap, place, timer);
}

static void sift_down(timer_heap_t *heap, resolver_timer_t *timer, size_t place)
{
    for (;;) {
        size_t child = 2 * place;
        if (child < heap->count && heap->timers[child + 1]->deadline_ms < heap->timers[child]->deadline_ms) {
            child++;
        }
        if (child > heap->count || heap->timers[child]->deadline_ms >= timer->deadline_ms) {
            break;
        }
        put(heap, place, heap->timers[child]);
        place = child;
    }
    put(heap, place, timer);
}

bool timer_heap_init(timer_heap_t *heap, size_t capacity)
{
    heap->timers = calloc(capacity + 1, sizeof(resolver_timer_t *));
    heap->capacity = capacity;
    heap->count = 0;
    return heap->timers != NULL;
}

void timer_set(timer_heap_t *heap, resolver_timer_t *timer, uint64_t deadline_ms)
{
    timer_stop(heap, timer);
    REQUIRE(heap->count < heap->capacity);
    timer->deadline_ms = deadline_ms;
    sift_up(heap, timer, ++heap->count);
}

void timer_stop(timer_heap_t *heap, resolver_timer_t *timer)
{
    if (timer->place == 0) {
        return;
    }
    DEBUG_ASSERT(heap->timers[timer->place] == timer);
    size_t place = timer->place;
    timer->place = 0;
    resolver_timer_t *last = heap->timers[heap->count--];
    if (last == timer) {
        return;
    }
    if (place > 1 && heap->timers[place / 2]->deadline_ms > last->deadline_ms) {
        sift_up(heap, last, place);
    } else {
        sift_down(heap, last, place);
    }
}
