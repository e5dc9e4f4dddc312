/* What service.c (socket and clients) and service_commands.c (what can be asked) share. Private to control/. */
#pragma once

#include "control/service.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct control_service {
    server_t *server;
    log_t *log;
    char *config_file; /* NULL: none */
    char *path;        /* of the socket, while it is open */
    dev_t device;      /* of the socket file, to know it again */
    ino_t inode;       /* the same */
    int listener;      /* -1: not open */
    int wake;          /* eventfd that ends the thread; -1 */
    pthread_t thread;
    bool is_running;
    atomic_bool stopping;
    pthread_mutex_t lock; /* around every call that changes the server or reads what a change would free */
};

/* Who is at the other end (SO_PEERCRED, SO_PEERGROUPS), as when the socket was connected. */
typedef struct control_peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
    bool may_change;
} control_peer_t;

/* control_service_reload() for those who hold the lock; counts zones reloaded and failed. */
status_t control_reload_locked(control_service_t *service, size_t *reloaded, size_t *failed, buffer_t *why) MUST_USE;

/* The thread: serves clients until service->stopping. */
void *control_serve(void *service);

/* A failure as one line of an answer; why may be NULL. */
void control_write_failure(buffer_t *out, status_t status, const char *why);

/* Answers one request (a line without its newline) into out, whole lines. Failures become answers; out's own status tells of memory. */
void control_answer(control_service_t *service, const control_peer_t *peer, const char *request, size_t size, buffer_t *out);
