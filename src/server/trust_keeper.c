/* Life of the keeper, its thread, and how a change gets into force. */
#include "server/trust_keeper.h"

#include "server/trust_keeper_internal.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_MS = 10000, /* after the start: what begins a system begins its network, too */
    /* The wall clock may be set, and the machine may sleep: then what is due is found to be due at the latest after this. */
    LOOK_AGAIN_MS = 60000,
};
static const uint64_t CLOCK_LEAST_S = 1704067200; /* 2024: this program is younger */

uint64_t keeper_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t keeper_now_s(void)
{
    return (uint64_t)time(NULL);
}

bool keeper_follows(const trust_keeper_t *keeper)
{
    const recursion_settings_t *recursion = keeper_recursion(keeper);
    return recursion->enabled && recursion->resolver.validate && recursion->update_anchors && recursion->anchors;
}

void keeper_wake(trust_keeper_t *keeper)
{
    const uint64_t one = 1;
    (void)!write(keeper->wake_fd, &one, sizeof one); /* cannot fail: the counter is far from its end */
}

uint64_t keeper_want(trust_keeper_t *keeper)
{
    return ++keeper->wanted;
}

void keeper_await(trust_keeper_t *keeper, uint64_t wanted)
{
    keeper_wake(keeper);
    while (keeper->is_alive && keeper->in_force < wanted) {
        pthread_cond_wait(&keeper->done, &keeper->lock);
    }
}

/* ---- life ---- */

trust_keeper_t *trust_keeper_new(server_settings_t *settings, const trust_environment_t *environment)
{
    trust_keeper_t *keeper = calloc(1, sizeof *keeper);
    if (!keeper) {
        return NULL;
    }
    keeper->environment = *environment;
    keeper->settings = server_settings_ref(settings);
    keeper->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_mutex_init(&keeper->inbox_lock, NULL);
    pthread_cond_init(&keeper->done, NULL);
    rollover_init(&keeper->rollover);
    negative_anchors_init(&keeper->negative);
    if (keeper->wake_fd < 0) {
        trust_keeper_free(keeper);
        return NULL;
    }
    return keeper;
}

void trust_keeper_free(trust_keeper_t *keeper)
{
    if (!keeper) {
        return;
    }
    trust_keeper_stop(keeper);
    probe_free_inbox(keeper);
    rollover_clear(&keeper->rollover);
    negative_anchors_clear(&keeper->negative);
    server_settings_free(keeper->settings);
    if (keeper->wake_fd >= 0) {
        close(keeper->wake_fd);
    }
    pthread_cond_destroy(&keeper->done);
    pthread_mutex_destroy(&keeper->inbox_lock);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}

/* ---- a change gets into force ---- */

/* RFC 5011 5: whoever relied on this point has to know. */
static void tell_of_dead_points(const trust_keeper_t *keeper, const trust_set_t *set)
{
    const trust_anchors_t *configured = keeper_recursion(keeper)->anchors;
    for (const trust_point_t *point = configured ? configured->points : NULL; point; point = point->next) {
        bool was_alive = !keeper->current || trust_anchors_find(&keeper->current->anchors, point->owner);
        if (was_alive && !trust_anchors_find(&set->anchors, point->owner)) {
            char owner[NAME_TEXT_MAX];
            (void)name_to_text(point->owner, owner);
            log_event(keeper->environment.log, LOG_ERROR, "trust.point-deleted", LOG_TEXT("zone", owner),
                      LOG_TEXT("meaning", "all its keys are revoked: nothing below it is validated until other keys are configured"));
        }
    }
}

static void tell_of_nothing(const trust_keeper_t *keeper, const trust_set_t *set)
{
    dnssec_policy_t policy;
    validate_policy(&keeper_recursion(keeper)->resolver, &policy);
    if (keeper_recursion(keeper)->resolver.validate && !trust_set_is_usable(set, &policy)) {
        log_event(keeper->environment.log, LOG_WARNING, "trust.nothing",
                  LOG_TEXT("meaning", "validation is on, and there is no trust anchor that could be used: no answer is validated"));
    }
}

/* The names that the cache must forget are known before the old set is freed, and forgotten after the new one is in force. */
static void put_in_force(trust_keeper_t *keeper, trust_set_t *set)
{
    static const uint8_t root[NAME_PADDING] = {0};
    trust_changes_t changes;
    trust_set_compare(keeper->current, set, &changes);
    if (!changes.any) {
        trust_set_free(set);
        return;
    }
    tell_of_dead_points(keeper, set);
    tell_of_nothing(keeper, set);
    keeper->current = set;
    pthread_mutex_unlock(&keeper->lock);
    keeper->environment.publish(keeper->environment.context, &set->published);
    for (unsigned i = 0; i < changes.count && !changes.is_too_many; i++) {
        keeper->environment.flush(keeper->environment.context, changes.names[i].wire);
    }
    if (changes.is_too_many) {
        keeper->environment.flush(keeper->environment.context, root);
    }
    pthread_mutex_lock(&keeper->lock);
}

static void publish(trust_keeper_t *keeper)
{
    trust_set_t *set;
    if (!keeper_recursion(keeper)->enabled) {
        return;
    }
    status_t status = trust_set_new(keeper_recursion(keeper), keeper_follows(keeper) ? &keeper->rollover : NULL, &keeper->negative, &set);
    if (status == STATUS_OK) {
        put_in_force(keeper, set);
    } else {
        log_event(keeper->environment.log, LOG_ERROR, "trust.unchanged", LOG_TEXT("error", status_text(status)),
                  LOG_TEXT("meaning", "what was trusted before is trusted still"));
    }
}

static void end_negative(trust_keeper_t *keeper)
{
    timed_anchor_t gone;
    while (negative_anchors_expire(&keeper->negative, keeper_now_s(), &gone)) {
        char name[NAME_TEXT_MAX];
        (void)name_to_text(gone.name.wire, name);
        log_event(keeper->environment.log, LOG_NOTICE, "nta.ended", LOG_TEXT("name", name), LOG_TEXT("meaning", "it is validated again"));
        keeper->is_negative_unsaved = true;
        (void)keeper_want(keeper);
        if (!keeper->current) { /* it ended while the server did not run, and the cache may have outlived that */
            keeper->environment.flush(keeper->environment.context, gone.name.wire);
        }
    }
}

/* ---- settings ---- */

static void take_settings(trust_keeper_t *keeper)
{
    const recursion_settings_t *recursion = keeper_recursion(keeper);
    if (!keeper_follows(keeper)) {
        return;
    }
    state_read_rollover(keeper);
    keeper->rollover.settings = (rollover_settings_t){.add_hold_s = recursion->add_hold_s, .remove_hold_s = recursion->remove_hold_s};
    status_t status = rollover_configure(&keeper->rollover, recursion->anchors, keeper_now_s());
    if (status != STATUS_OK) {
        log_event(keeper->environment.log, LOG_ERROR, "trust.not-followed", LOG_TEXT("error", status_text(status)),
                  LOG_TEXT("meaning", "changes of the keys of some trust anchors are not followed"));
    }
}

static void check_clock(const trust_keeper_t *keeper)
{
    uint64_t now_s = keeper_now_s();
    if (keeper_recursion(keeper)->enabled && keeper_recursion(keeper)->resolver.validate && now_s < CLOCK_LEAST_S) {
        log_event(keeper->environment.log, LOG_WARNING, "clock.wrong", LOG_NUMBER("seconds", now_s),
                  LOG_TEXT("meaning", "the system's clock is years behind: signatures will seem not yet valid, and names bogus"));
    }
}

void trust_keeper_load(trust_keeper_t *keeper)
{
    static const uint8_t root[NAME_PADDING] = {0};
    bool is_lost;
    pthread_mutex_lock(&keeper->lock);
    check_clock(keeper);
    take_settings(keeper);
    state_read_negative(keeper, &is_lost);
    if (is_lost) {
        keeper->environment.flush(keeper->environment.context, root);
    }
    end_negative(keeper);
    publish(keeper);
    keeper->in_force = keeper->wanted;
    pthread_mutex_unlock(&keeper->lock);
}

void trust_keeper_configure(trust_keeper_t *keeper, server_settings_t *settings)
{
    pthread_mutex_lock(&keeper->lock);
    server_settings_t *before = keeper->settings;
    keeper->settings = server_settings_ref(settings);
    take_settings(keeper);
    keeper->signal_ms = 0;
    (void)keeper_want(keeper);
    keeper_wake(keeper);
    pthread_mutex_unlock(&keeper->lock);
    server_settings_free(before);
}

void trust_keeper_wait(trust_keeper_t *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    keeper_await(keeper, keeper->wanted);
    pthread_mutex_unlock(&keeper->lock);
}

/* ---- the thread ---- */

static void work(trust_keeper_t *keeper)
{
    end_negative(keeper);
    probe_take_answers(keeper);
    uint64_t wanted = keeper->wanted;
    if (wanted != keeper->in_force) {
        publish(keeper);
    }
    state_save(keeper);
    keeper->in_force = wanted;
    pthread_cond_broadcast(&keeper->done);
    probe_send_due(keeper);
}

static int wait_ms(const trust_keeper_t *keeper)
{
    uint64_t now_ms = keeper_monotonic_ms();
    uint64_t now_s = keeper_now_s();
    uint64_t negative_s = negative_anchors_deadline(&keeper->negative);
    uint64_t deadline_ms = probe_deadline_ms(keeper);
    uint64_t wait = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    if (negative_s != UINT64_MAX) {
        uint64_t negative_ms = negative_s > now_s ? (negative_s - now_s) * 1000 : 0;
        wait = negative_ms < wait ? negative_ms : wait;
    }
    return keeper->wanted != keeper->in_force ? 0 : wait < LOOK_AGAIN_MS ? (int)wait : LOOK_AGAIN_MS;
}

static void *keeper_main(void *context)
{
    trust_keeper_t *keeper = context;
    pthread_setname_np(pthread_self(), "trust");
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->stopping) {
        struct pollfd wake = {.fd = keeper->wake_fd, .events = POLLIN};
        uint64_t count;
        work(keeper);
        int wait = keeper->stopping ? 0 : wait_ms(keeper);
        pthread_mutex_unlock(&keeper->lock);
        (void)poll(&wake, 1, wait);
        (void)!read(keeper->wake_fd, &count, sizeof count);
        pthread_mutex_lock(&keeper->lock);
    }
    keeper->is_alive = false;
    pthread_cond_broadcast(&keeper->done);
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

status_t trust_keeper_start(trust_keeper_t *keeper)
{
    sigset_t all;
    sigset_t before;
    keeper->first_ms = keeper_monotonic_ms() + FIRST_MS;
    keeper->is_alive = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    keeper->is_running = pthread_create(&keeper->thread, NULL, keeper_main, keeper) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    keeper->is_alive = keeper->is_running;
    return keeper->is_running ? STATUS_OK : STATUS_LIMIT;
}

void trust_keeper_stop(trust_keeper_t *keeper)
{
    if (keeper->is_running) {
        pthread_mutex_lock(&keeper->lock);
        keeper->stopping = true;
        keeper_wake(keeper);
        pthread_mutex_unlock(&keeper->lock);
        pthread_join(keeper->thread, NULL);
        keeper->is_running = false;
    }
}
