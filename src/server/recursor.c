/* Life and loop of one worker's recursor. */
#include "server/recursor.h"

#include "server/recursor_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

resolver_time_t recursor_now(recursor_t *recursor)
{
    struct timespec monotonic;
    struct timespec wall;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t read_ms = (uint64_t)monotonic.tv_sec * 1000 + (uint64_t)monotonic.tv_nsec / 1000000;
    if (UNLIKELY(read_ms < recursor->clock_read_ms)) {
        recursor->clock_ahead_ms += recursor->clock_read_ms - read_ms;
    }
    recursor->clock_read_ms = read_ms;
    return (resolver_time_t){.monotonic_ms = read_ms + recursor->clock_ahead_ms, .unix_s = (uint64_t)wall.tv_sec};
}

/* ---- counters ---- */

const char *recursor_counter_name(unsigned counter, char text[static RECURSOR_COUNTER_NAME_MAX])
{
    static const char *const own[RECURSOR_COUNTERS - RESOLVER_COUNTERS] = {
        "requests",  "joined",     "denied",     "limited",    "late",    "mailed",  "refreshes", "served",      "took-1ms", "took-10ms",
        "took-50ms", "took-100ms", "took-250ms", "took-500ms", "took-1s", "took-2s", "took-5s",   "took-longer", "waiting",
    };
    REQUIRE(counter < RECURSOR_COUNTERS);
    snprintf(text, RECURSOR_COUNTER_NAME_MAX, "resolver.%s",
             counter < RESOLVER_COUNTERS ? resolver_counter_name((resolver_counter_t)counter) : own[counter - RESOLVER_COUNTERS]);
    return text;
}

static void publish_counters(recursor_t *recursor)
{
    for (unsigned i = 0; i < RESOLVER_COUNTERS; i++) {
        uint64_t count = resolver_count(recursor->resolver, (resolver_counter_t)i);
        if (count != recursor->published[i]) {
            recursor_add(recursor, i, count - recursor->published[i]);
            recursor->published[i] = count;
        }
    }
}

/* ---- life ---- */

static void mail_ready(net_event_t *event, uint32_t events)
{
    (void)events;
    ((recursor_t *)event)->has_mail = true;
}

static bool make_parts(recursor_t *recursor)
{
    const recursion_settings_t *settings = group_settings(recursor->group);
    upstream_environment_t upstream = {
        .epoll_fd = recursor->environment.epoll_fd,
        .handler = {.context = recursor, .reply = network_reply, .failed = network_failed},
        .random = {.next = random_pool_next, .context = &recursor->random},
        .counters = recursor->environment.net_counters,
    };
    recursor->tickets = calloc(settings->resolver.fetches_max, sizeof *recursor->tickets);
    recursor->exchanges = calloc(settings->resolver.fetches_max, sizeof *recursor->exchanges);
    recursor->auth = auth_new();
    recursor->resolver = resolver_new(&settings->resolver, recursor->environment.store,
                                      (resolver_random_t){.next = random_pool_next, .context = &recursor->random});
    return recursor->tickets && recursor->exchanges && recursor->auth && recursor->resolver &&
           upstream_new(&upstream, &recursor->group->upstream, &recursor->upstream) == STATUS_OK;
}

static void free_store(const recursor_environment_t *environment)
{
    if (environment->free_store && environment->store) {
        environment->free_store(environment->store);
    }
}

recursor_t *recursor_new(recursor_group_t *group, unsigned index, const recursor_environment_t *environment)
{
    recursor_t *recursor = environment->store ? malloc(sizeof *recursor) : NULL;
    REQUIRE(index < group->workers);
    if (!recursor) {
        free_store(environment);
        return NULL;
    }
    memset(recursor, 0, offsetof(recursor_t, body)); /* what is behind is written before it is read */
    recursor->event.ready = mail_ready;
    recursor->environment = *environment;
    recursor->group = group;
    recursor->index = index;
    atomic_fetch_add_explicit(&group->references, 1, memory_order_relaxed);
    random_pool_init(&recursor->random);
    random_fill(&recursor->hash_key, sizeof recursor->hash_key);
    if (!make_parts(recursor)) {
        recursor_free(recursor);
        return NULL;
    }
    resolver_set_trust(recursor->resolver, &group->trust);
    resolver_set_served(recursor->resolver,
                        (resolver_served_t){.find = network_find_served, .has_root = network_has_root, .context = recursor});
    return recursor;
}

static void leave_group(recursor_t *recursor)
{
    if (!recursor->has_left) {
        recursor->has_left = true;
        group_leave(recursor->group);
    }
}

void recursor_free(recursor_t *recursor)
{
    while (recursor) {
        recursor_t *replaced = recursor->replaced;
        recursor_group_t *group = recursor->group;
        if (recursor->is_started) {
            epoll_ctl(recursor->environment.epoll_fd, EPOLL_CTL_DEL, group->mailboxes[recursor->index].event_fd, NULL);
        }
        upstream_free(recursor->upstream);
        resolver_free(recursor->resolver);
        question_return_mail(recursor, group_close_mailbox(group, recursor->index));
        question_free_all(recursor);
        leave_group(recursor);
        auth_free(recursor->auth);
        free_store(&recursor->environment);
        free(recursor->tickets);
        free(recursor->exchanges);
        free(recursor);
        recursor_group_unref(group);
        recursor = replaced;
    }
}

status_t recursor_start(recursor_t *recursor, recursor_t *replaced)
{
    recursor->replaced = replaced;
    if (replaced) {
        recursor_retire(replaced);
    }
    int event_fd = recursor->group->mailboxes[recursor->index].event_fd;
    if (net_event_add(recursor->environment.epoll_fd, event_fd, EPOLLIN, &recursor->event) != 0) {
        question_return_mail(recursor, group_close_mailbox(recursor->group, recursor->index));
        return STATUS_IO;
    }
    recursor->is_started = true;
    return STATUS_OK;
}

static void leave_when_done(recursor_t *recursor)
{
    if (recursor->is_retired && recursor->waiting == 0) {
        leave_group(recursor);
    }
}

void recursor_retire(recursor_t *recursor)
{
    recursor->is_retired = true;
    leave_when_done(recursor);
}

/* Nobody in its group waits or can ask any more. */
static bool is_done(const recursor_t *recursor)
{
    return recursor->has_left && atomic_load_explicit(&recursor->group->active, memory_order_acquire) == 0;
}

bool recursor_is_finished(const recursor_t *recursor)
{
    return is_done(recursor) && !recursor->replaced;
}

void recursor_abandon(recursor_t *recursor)
{
    for (; recursor; recursor = recursor->replaced) {
        question_abandon_all(recursor);
        leave_when_done(recursor);
    }
}

void recursor_set_trust(recursor_t *recursor, const resolver_trust_t *trust)
{
    for (; recursor; recursor = recursor->replaced) {
        resolver_set_trust(recursor->resolver, trust ? trust : &recursor->group->trust);
    }
}

/* ---- the loop ---- */

static void carry_out(recursor_t *recursor)
{
    resolver_action_t action;
    recursor->is_touched = false;
    while (resolver_next_action(recursor->resolver, &action)) {
        switch (action.kind) {
        case RESOLVER_SEND:
            network_send(recursor, &action);
            break;
        case RESOLVER_CLOSE:
            network_close(recursor, action.exchange);
            break;
        case RESOLVER_ANSWER:
            question_answer(recursor, (question_t *)(uintptr_t)action.client, action.answer);
            break;
        case RESOLVER_DISCARD:
            question_answer(recursor, (question_t *)(uintptr_t)action.client, NULL);
            break;
        }
    }
}

static uint64_t deadline_of(const recursor_t *recursor)
{
    uint64_t own = resolver_deadline(recursor->resolver);
    uint64_t network = upstream_next_deadline_ms(recursor->upstream);
    return own < network ? own : network;
}

static void run(recursor_t *recursor)
{
    if (recursor->has_mail) {
        recursor->has_mail = false;
        question_take_mail(recursor, group_take_mail(recursor->group, recursor->index));
    }
    uint64_t deadline_ms = deadline_of(recursor);
    if (!recursor->is_touched && (deadline_ms == UINT64_MAX || deadline_ms > recursor_now(recursor).monotonic_ms)) {
        leave_when_done(recursor);
        return;
    }
    resolver_time_t now = recursor_now(recursor);
    resolver_tick(recursor->resolver, now);
    carry_out(recursor);
    upstream_tick(recursor->upstream, now.monotonic_ms);
    if (recursor->is_touched) { /* connections that failed; what is sent now leaves with the next round */
        carry_out(recursor);
    }
    publish_counters(recursor);
    leave_when_done(recursor);
}

void recursor_run(recursor_t *recursor)
{
    run(recursor);
    recursor_t **place = &recursor->replaced;
    while (*place) {
        recursor_t *before = *place;
        run(before);
        if (is_done(before)) {
            *place = before->replaced;
            before->replaced = NULL;
            recursor_free(before);
        } else {
            place = &before->replaced;
        }
    }
}

int recursor_wait_ms(recursor_t *recursor)
{
    int wait_ms = -1;
    for (; recursor; recursor = recursor->replaced) {
        uint64_t deadline_ms = deadline_of(recursor);
        if (recursor->is_touched || recursor->has_mail) {
            return 0;
        }
        if (deadline_ms != UINT64_MAX) {
            uint64_t now_ms = recursor_now(recursor).monotonic_ms;
            uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
            int own_ms = left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
            wait_ms = wait_ms < 0 || own_ms < wait_ms ? own_ms : wait_ms;
        }
    }
    return wait_ms;
}
