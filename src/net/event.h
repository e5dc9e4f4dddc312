/* What an event loop calls when a descriptor is ready: data.ptr of every epoll registration in the server is a net_event_t.
 *
 * The loop belongs to one worker thread; so do all objects registered with it.
 */
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

typedef struct net_event {
    void (*ready)(struct net_event *event, uint32_t events); /* events: EPOLL* bits */
} net_event_t;

/* Registers fd for level-triggered `events`. 0, or -1 with errno. */
static inline int net_event_add(int epoll_fd, int fd, uint32_t events, net_event_t *event)
{
    struct epoll_event registration = {.events = events, .data.ptr = event};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &registration);
}

static inline int net_event_change(int epoll_fd, int fd, uint32_t events, net_event_t *event)
{
    struct epoll_event registration = {.events = events, .data.ptr = event};
    return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &registration);
}
