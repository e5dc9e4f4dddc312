#include "server/worker.h"

#include "base/rcu.h"
#include "net/address.h"
#include "net/event.h"
#include "net/udp.h"
#include "server/cache_store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_PER_ROUND = 64,
    DRAIN_MS = 5000,          /* for answers in flight when the server ends */
    DRAIN_RECURSION_MS = 800, /* of them, for answers that others have to give: whoever ends us waits for a second */
    DRAIN_STEP_MS = 20,
};

typedef enum order_kind { ORDER_SERVE, ORDER_LEAVE, ORDER_TIMEOUTS, ORDER_RECURSION, ORDER_TRUST, ORDER_INQUIRY, ORDER_STOP } order_kind_t;

typedef struct order {
    struct order *next;
    order_kind_t kind;
    net_address_t address;
    int udp_fd;
    int tcp_fd;
    tcp_timeouts_t timeouts;
    recursor_t *recursor;
    const resolver_trust_t *trust;
    recursor_inquiry_t *inquiry;
} order_t;

struct worker {
    net_event_t event; /* of order_fd */
    worker_environment_t environment;
    net_counters_t counters;
    recursor_counters_t recursor_counters;
    dispatch_t *dispatch;
    recursor_t *recursor; /* NULL: nobody resolves */
    const resolver_trust_t *trust;
    udp_t *udp;
    tcp_t *tcp;
    int epoll_fd;
    int order_fd; /* readable: there are orders */
    unsigned index;
    bool ordered;  /* the worker's own: orders were announced in this round */
    bool stopping; /* the worker's own */
    bool running;  /* the control thread's own */
    bool asked_to_stop;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t done;
    order_t *first;
    order_t **end;
    uint64_t given;
    uint64_t carried_out;
};

static void orders_ready(net_event_t *event, uint32_t events)
{
    (void)events;
    ((worker_t *)event)->ordered = true;
}

static bool open_descriptors(worker_t *worker)
{
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->order_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return worker->epoll_fd >= 0 && worker->order_fd >= 0 &&
           net_event_add(worker->epoll_fd, worker->order_fd, EPOLLIN, &worker->event) == 0;
}

worker_t *worker_new(const worker_environment_t *environment, unsigned index, tcp_timeouts_t timeouts)
{
    worker_t *worker = aligned_alloc(64, (sizeof *worker + 63) & ~(size_t)63); /* its counters share no cache line */
    if (!worker) {
        return NULL;
    }
    *worker = (worker_t){.event = {.ready = orders_ready}, .environment = *environment, .index = index, .epoll_fd = -1, .order_fd = -1};
    worker->end = &worker->first;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->done, NULL);
    worker->dispatch = dispatch_new(environment->view);
    if (!worker->dispatch || !open_descriptors(worker)) {
        worker_free(worker);
        return NULL;
    }
    tcp_environment_t tcp = {.epoll_fd = worker->epoll_fd,
                             .handler = {.context = worker->dispatch, .answer = dispatch_answer},
                             .quota = environment->quota,
                             .counters = &worker->counters,
                             .log = environment->log};
    worker->udp = udp_new(worker->epoll_fd, &tcp.handler, &worker->counters);
    worker->tcp = tcp_new(&tcp, timeouts);
    if (!worker->udp || !worker->tcp) {
        worker_free(worker);
        return NULL;
    }
    return worker;
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void worker_free(worker_t *worker)
{
    if (!worker) {
        return;
    }
    while (worker->first) {
        order_t *next = worker->first->next;
        close_if_open(worker->first->udp_fd);
        close_if_open(worker->first->tcp_fd);
        recursor_free(worker->first->recursor);
        if (worker->first->inquiry) {
            worker->first->inquiry->answered(worker->first->inquiry, NULL);
        }
        free(worker->first);
        worker->first = next;
    }
    recursor_free(worker->recursor);
    udp_free(worker->udp);
    tcp_free(worker->tcp);
    dispatch_free(worker->dispatch);
    close_if_open(worker->order_fd);
    close_if_open(worker->epoll_fd);
    pthread_mutex_destroy(&worker->lock);
    pthread_cond_destroy(&worker->done);
    free(worker);
}

/* ---- orders ---- */

static status_t give(worker_t *worker, const order_t *contents)
{
    const uint64_t one = 1;
    order_t *order = malloc(sizeof *order);
    if (!order) {
        close_if_open(contents->udp_fd);
        close_if_open(contents->tcp_fd);
        recursor_free(contents->recursor);
        return STATUS_NO_MEMORY;
    }
    *order = *contents;
    pthread_mutex_lock(&worker->lock);
    *worker->end = order;
    worker->end = &order->next;
    worker->given++;
    pthread_mutex_unlock(&worker->lock);
    (void)!write(worker->order_fd, &one, sizeof one);
    return STATUS_OK;
}

status_t worker_serve(worker_t *worker, const net_address_t *address, int udp_fd, int tcp_fd)
{
    return give(worker, &(order_t){.kind = ORDER_SERVE, .address = *address, .udp_fd = udp_fd, .tcp_fd = tcp_fd});
}

status_t worker_leave(worker_t *worker, const net_address_t *address)
{
    return give(worker, &(order_t){.kind = ORDER_LEAVE, .address = *address, .udp_fd = -1, .tcp_fd = -1});
}

status_t worker_set_timeouts(worker_t *worker, tcp_timeouts_t timeouts)
{
    return give(worker, &(order_t){.kind = ORDER_TIMEOUTS, .timeouts = timeouts, .udp_fd = -1, .tcp_fd = -1});
}

recursor_t *worker_make_recursor(worker_t *worker, recursor_group_t *group, cache_t *cache)
{
    recursor_environment_t environment = {
        .epoll_fd = worker->epoll_fd,
        .net_counters = &worker->counters,
        .counters = &worker->recursor_counters,
        .view = worker->environment.view,
        .cache = cache,
        .store = cache_store_new(cache, recursor_group_resolver_settings(group)),
        .free_store = cache_store_free,
        .resume = dispatch_resume,
        .resume_context = worker->dispatch,
        .log = worker->environment.log,
    };
    return recursor_new(group, worker->index, &environment);
}

status_t worker_set_recursor(worker_t *worker, recursor_t *recursor)
{
    return give(worker, &(order_t){.kind = ORDER_RECURSION, .recursor = recursor, .udp_fd = -1, .tcp_fd = -1});
}

status_t worker_set_trust(worker_t *worker, const resolver_trust_t *trust)
{
    return give(worker, &(order_t){.kind = ORDER_TRUST, .trust = trust, .udp_fd = -1, .tcp_fd = -1});
}

status_t worker_inquire(worker_t *worker, recursor_inquiry_t *inquiry)
{
    return give(worker, &(order_t){.kind = ORDER_INQUIRY, .inquiry = inquiry, .udp_fd = -1, .tcp_fd = -1});
}

void worker_wait(worker_t *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (worker->running && worker->carried_out < worker->given) {
        pthread_cond_wait(&worker->done, &worker->lock);
    }
    pthread_mutex_unlock(&worker->lock);
}

static void serve(worker_t *worker, const order_t *order)
{
    char text[NET_ADDRESS_TEXT_MAX];
    status_t udp = udp_add(worker->udp, order->udp_fd, &order->address);
    status_t tcp = tcp_add(worker->tcp, order->tcp_fd, &order->address);
    if (udp != STATUS_OK || tcp != STATUS_OK) {
        log_event(worker->environment.log, LOG_ERROR, "listen.failed", LOG_TEXT("address", net_address_text(&order->address, text)),
                  LOG_NUMBER("worker", worker->index), LOG_TEXT("error", status_text(udp != STATUS_OK ? udp : tcp)));
    }
}

/* Those who wait on the recursor so far keep it; the next request goes to the new one. */
static void resolve(worker_t *worker, recursor_t *recursor)
{
    dispatch_set_recursor(worker->dispatch, recursor);
    if (!recursor) {
        if (worker->recursor) {
            recursor_retire(worker->recursor);
        }
        return;
    }
    recursor_set_trust(recursor, worker->trust);
    if (recursor_start(recursor, worker->recursor) != STATUS_OK) {
        log_event(worker->environment.log, LOG_ERROR, "recursion.failed", LOG_NUMBER("worker", worker->index),
                  LOG_TEXT("error", status_text(STATUS_IO)));
    }
    worker->recursor = recursor;
}

static void carry_out(worker_t *worker, const order_t *order)
{
    switch (order->kind) {
    case ORDER_SERVE:
        serve(worker, order);
        break;
    case ORDER_LEAVE:
        udp_remove(worker->udp, &order->address);
        tcp_remove(worker->tcp, &order->address);
        break;
    case ORDER_TIMEOUTS:
        tcp_set_timeouts(worker->tcp, order->timeouts);
        break;
    case ORDER_RECURSION:
        resolve(worker, order->recursor);
        break;
    case ORDER_TRUST:
        worker->trust = order->trust;
        recursor_set_trust(worker->recursor, order->trust);
        break;
    case ORDER_INQUIRY:
        if (worker->recursor) {
            recursor_inquire(worker->recursor, order->inquiry);
        } else {
            order->inquiry->answered(order->inquiry, NULL);
        }
        break;
    case ORDER_STOP:
        worker->stopping = true;
        break;
    }
}

static void carry_out_orders(worker_t *worker)
{
    uint64_t announced = 0;
    worker->ordered = false;
    (void)!read(worker->order_fd, &announced, sizeof announced);
    pthread_mutex_lock(&worker->lock);
    while (worker->first) {
        order_t *order = worker->first;
        worker->first = order->next;
        worker->end = worker->first ? worker->end : &worker->first;
        pthread_mutex_unlock(&worker->lock);
        carry_out(worker, order);
        free(order);
        pthread_mutex_lock(&worker->lock);
        worker->carried_out++;
        pthread_cond_broadcast(&worker->done);
    }
    pthread_mutex_unlock(&worker->lock);
}

/* ---- the loop ---- */

/* Seconds of the wall clock, for the ages of cached answers; without a system call. */
static uint32_t wall_clock_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (uint32_t)now.tv_sec;
}

/* How long the worker may sleep: milliseconds, -1 for ever. */
static int wait_ms(const worker_t *worker)
{
    int tcp_ms = tcp_wait_ms(worker->tcp);
    int recursor_ms = recursor_wait_ms(worker->recursor);
    return recursor_ms < 0 || (tcp_ms >= 0 && tcp_ms < recursor_ms) ? tcp_ms : recursor_ms;
}

static void free_recursor(worker_t *worker)
{
    dispatch_set_recursor(worker->dispatch, NULL);
    recursor_free(worker->recursor);
    worker->recursor = NULL;
}

static void run_recursor(worker_t *worker)
{
    if (!worker->recursor) {
        return;
    }
    recursor_run(worker->recursor);
    if (recursor_is_finished(worker->recursor)) { /* not replaced by another: resolving was switched off, or the server ends */
        free_recursor(worker);
    }
}

/* One round; returns how many events there were. */
static int run_round(worker_t *worker, int sleep_ms)
{
    struct epoll_event events[EVENTS_PER_ROUND];
    rcu_offline();
    int count = epoll_wait(worker->epoll_fd, events, EVENTS_PER_ROUND, sleep_ms);
    rcu_online();
    dispatch_set_time(worker->dispatch, wall_clock_s());
    for (int i = 0; i < count; i++) {
        net_event_t *event = events[i].data.ptr;
        event->ready(event, events[i].events);
    }
    run_recursor(worker);
    tcp_run(worker->tcp);
    udp_flush(worker->udp);
    return count;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* No answer is being sent, made, or still to come. */
static bool is_quiet(const worker_t *worker)
{
    return tcp_is_quiet(worker->tcp) && udp_is_quiet(worker->udp);
}

/* Answers that others have to give are waited for, but not for long; then those who wait are told. Other workers may wait for ours, and
 * their mailboxes need somebody who answers: so all go on until nobody waits. False: over, as far as recursion goes. */
static bool drain_recursion(worker_t *worker, int64_t since_ms)
{
    if (!worker->recursor) {
        return false;
    }
    if (now_ms() < since_ms + DRAIN_RECURSION_MS) {
        return true;
    }
    recursor_abandon(worker->recursor);
    udp_flush(worker->udp);
    return false;
}

/* What has come is answered, and what was answered is sent, before the sockets close. */
static void drain(worker_t *worker)
{
    int64_t begin_ms = now_ms();
    tcp_remove(worker->tcp, NULL);
    udp_drain(worker->udp);
    run_round(worker, 0);
    if (worker->recursor) {
        recursor_retire(worker->recursor);
    }
    while ((run_round(worker, 0) > 0 || drain_recursion(worker, begin_ms) || !is_quiet(worker)) && now_ms() < begin_ms + DRAIN_MS) {
        int sleep_ms = wait_ms(worker);
        if ((worker->recursor || !is_quiet(worker)) && sleep_ms != 0) {
            run_round(worker, sleep_ms > 0 && sleep_ms < DRAIN_STEP_MS ? sleep_ms : DRAIN_STEP_MS);
        }
    }
    free_recursor(worker);
    udp_free(worker->udp);
    worker->udp = NULL;
    tcp_free(worker->tcp);
    worker->tcp = NULL;
}

static void *worker_main(void *context)
{
    worker_t *worker = context;
    char name[16];
    snprintf(name, sizeof name, "worker-%u", worker->index);
    pthread_setname_np(pthread_self(), name);
    rcu_register();
    carry_out_orders(worker);
    while (!worker->stopping) {
        run_round(worker, wait_ms(worker));
        if (worker->ordered) {
            carry_out_orders(worker);
        }
    }
    drain(worker);
    rcu_unregister();
    return NULL;
}

status_t worker_start(worker_t *worker)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int reason = pthread_create(&worker->thread, NULL, worker_main, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    worker->running = reason == 0;
    return reason == 0 ? STATUS_OK : reason == EAGAIN ? STATUS_LIMIT : STATUS_NO_MEMORY;
}

void worker_ask_to_stop(worker_t *worker)
{
    while (worker->running && !worker->asked_to_stop) {
        worker->asked_to_stop = give(worker, &(order_t){.kind = ORDER_STOP, .udp_fd = -1, .tcp_fd = -1}) == STATUS_OK;
        if (!worker->asked_to_stop) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* no memory: the server must end all the same */
        }
    }
}

void worker_stop(worker_t *worker)
{
    if (worker->running) {
        worker_ask_to_stop(worker);
        pthread_join(worker->thread, NULL);
        worker->running = false;
    }
}

const dispatch_t *worker_dispatch(const worker_t *worker)
{
    return worker->dispatch;
}

const net_counters_t *worker_counters(const worker_t *worker)
{
    return &worker->counters;
}

const recursor_counters_t *worker_recursor_counters(const worker_t *worker)
{
    return &worker->recursor_counters;
}
