/* Queries to servers on the loopback through net/upstream: CPU time of this process a query; under `strace -c`, its system calls.
 *
 *     upstream_bench SERVERS QUERIES WINDOW USES system|own|tcp turns|skewed
 *
 * SERVERS addresses are asked in turn, or skewed as names are (the n-th about 1/n as often as the first); a process of its own echoes.
 * WINDOW queries are outstanding at a time.
 */
#include "base/bytes.h"
#include "net/address.h"
#include "net/event.h"
#include "net/upstream.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 64, BATCH = 32, DATAGRAM = 512 };

typedef struct bench {
    upstream_t *upstream;
    net_counters_t counters;
    net_address_t *servers;
    unsigned server_count;
    net_protocol_t protocol;
    bool is_skewed;
    uint64_t now_ms;
    unsigned long to_send;
    unsigned long sent;
    unsigned long over;
    uint64_t random[64];
    unsigned random_left;
} bench_t;

static uint64_t next_random(void *context)
{
    bench_t *bench = context;
    if (bench->random_left == 0) {
        if (getrandom(bench->random, sizeof bench->random, 0) != (ssize_t)sizeof bench->random) {
            abort();
        }
        bench->random_left = sizeof bench->random / sizeof bench->random[0];
    }
    return bench->random[--bench->random_left];
}

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Skewed: a power of two below server_count, each as likely, then one of as many. */
static unsigned choose_server(bench_t *bench)
{
    unsigned powers = 0;
    if (!bench->is_skewed) {
        return (unsigned)(bench->sent % bench->server_count);
    }
    while (2u << powers <= bench->server_count) {
        powers++;
    }
    uint64_t random = next_random(bench);
    unsigned size = 1u << (random >> 32) % (powers + 1);
    return (size - 1 + (unsigned)(random & (size - 1))) % bench->server_count;
}

static void send_one(bench_t *bench)
{
    uint8_t message[40] = {0};
    upstream_ticket_t ticket;
    upstream_request_t request = {.protocol = bench->protocol,
                                  .server = &bench->servers[choose_server(bench)],
                                  .message = message,
                                  .size = sizeof message,
                                  .owner = bench->sent,
                                  .now_ms = bench->now_ms};
    if (bench->sent >= bench->to_send) {
        return;
    }
    store_be16(message, (uint16_t)(bench->sent & 0xffff));
    status_t status = upstream_send(bench->upstream, &request, &ticket);
    if (status != STATUS_OK) {
        fprintf(stderr, "upstream_bench: %s\n", status_text(status));
        exit(1);
    }
    bench->sent++;
}

static bool take_reply(void *context, const upstream_reply_t *reply)
{
    bench_t *bench = context;
    if (load_be16(reply->message) != (uint16_t)reply->owner) {
        return false;
    }
    bench->over++;
    send_one(bench);
    return true;
}

static void take_failure(void *context, uint64_t owner, upstream_failure_t failure)
{
    (void)context;
    fprintf(stderr, "upstream_bench: query %lu failed (%d)\n", (unsigned long)owner, failure);
    exit(1);
}

/* ---- the other process ---- */

static void echo(const int *sockets, unsigned count, bool is_stream)
{
    uint8_t bytes[BATCH * DATAGRAM];
    struct epoll_event events[EVENTS];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(unsigned)sockets[i]};
        (void)!epoll_ctl(epoll_fd, EPOLL_CTL_ADD, sockets[i], &event);
    }
    for (;;) {
        int ready = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = (int)(events[i].data.u64 & UINT32_MAX);
            net_address_t from;
            socklen_t size = sizeof from;
            if (is_stream && !(events[i].data.u64 >> 32)) {
                int accepted = accept(fd, NULL, NULL);
                struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_C(1) << 32 | (unsigned)accepted};
                (void)!epoll_ctl(epoll_fd, EPOLL_CTL_ADD, accepted, &event);
                continue;
            }
            ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, is_stream ? NULL : &from.sa, is_stream ? NULL : &size);
            if (n <= 0) {
                close(fd);
            } else if (sendto(fd, bytes, (size_t)n, MSG_NOSIGNAL, is_stream ? NULL : &from.sa, is_stream ? 0 : size) != n) {
                fprintf(stderr, "upstream_bench: an echo was lost\n");
            }
        }
    }
}

static pid_t start_servers(bench_t *bench)
{
    int *sockets = calloc(bench->server_count, sizeof *sockets);
    int type = bench->protocol == NET_UDP ? SOCK_DGRAM : SOCK_STREAM;
    for (unsigned i = 0; i < bench->server_count; i++) {
        net_address_t *address = &bench->servers[i];
        socklen_t size = sizeof address->v4;
        address->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + i)};
        sockets[i] = socket(AF_INET, type, 0);
        if (bind(sockets[i], &address->sa, size) != 0 || getsockname(sockets[i], &address->sa, &size) != 0 ||
            (type == SOCK_STREAM && listen(sockets[i], 128) != 0)) {
            perror("upstream_bench: server");
            exit(1);
        }
    }
    pid_t child = fork();
    if (child == 0) {
        echo(sockets, bench->server_count, type == SOCK_STREAM);
    }
    for (unsigned i = 0; i < bench->server_count; i++) {
        close(sockets[i]);
    }
    free(sockets);
    return child;
}

/* ---- the loop ---- */

static void run(bench_t *bench, int epoll_fd, unsigned window)
{
    struct epoll_event events[EVENTS];
    for (unsigned i = 0; i < window; i++) {
        send_one(bench);
    }
    upstream_tick(bench->upstream, bench->now_ms);
    while (bench->over < bench->to_send) {
        int count = epoll_wait(epoll_fd, events, EVENTS, 2000);
        if (count == 0) {
            fprintf(stderr, "upstream_bench: replies were lost\n");
            exit(1);
        }
        bench->now_ms = (uint64_t)(seconds(CLOCK_MONOTONIC) * 1000); /* no system call */
        for (int i = 0; i < count; i++) {
            net_event_t *event = events[i].data.ptr;
            event->ready(event, events[i].events);
        }
        upstream_tick(bench->upstream, bench->now_ms);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: upstream_bench SERVERS QUERIES WINDOW USES system|own|tcp turns|skewed\n");
        return 2;
    }
    static bench_t bench;
    upstream_settings_t settings;
    upstream_settings_default(&settings);
    bench.server_count = (unsigned)strtoul(argv[1], NULL, 10);
    bench.to_send = strtoul(argv[2], NULL, 10);
    bench.protocol = strcmp(argv[5], "tcp") == 0 ? NET_TCP : NET_UDP;
    bench.is_skewed = strcmp(argv[6], "skewed") == 0;
    bench.servers = calloc(bench.server_count, sizeof *bench.servers);
    settings.udp_uses_max = (unsigned)strtoul(argv[4], NULL, 10);
    settings.port_low = strcmp(argv[5], "own") == 0 ? 16384 : 0;
    settings.port_high = strcmp(argv[5], "own") == 0 ? 65535 : 0;
    pid_t child = start_servers(&bench);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    upstream_environment_t environment = {.epoll_fd = epoll_fd,
                                          .handler = {.context = &bench, .reply = take_reply, .failed = take_failure},
                                          .random = {.next = next_random, .context = &bench},
                                          .counters = &bench.counters};
    if (upstream_new(&environment, &settings, &bench.upstream) != STATUS_OK) {
        return 1;
    }
    double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    run(&bench, epoll_fd, (unsigned)strtoul(argv[3], NULL, 10));
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - before;
    printf("%lu queries, %.2f us of CPU each, %.0f a CPU second; %lu ports, %lu sockets\n", bench.over, cpu / (double)bench.over * 1e6,
           (double)bench.over / cpu, (unsigned long)net_counter_read(&bench.counters, NET_UPSTREAM_UDP_PORTS),
           (unsigned long)net_counter_read(&bench.counters, NET_UPSTREAM_SOCKETS_OPENED));
    upstream_free(bench.upstream);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(epoll_fd);
    free(bench.servers);
    return 0;
}
