#include "fake_server.h"

#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

uint64_t test_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool begins_with(const uint8_t *wire, const char *text)
{
    size_t length = strlen(text);
    return wire[0] >= length && memcmp(wire + 1, text, length) == 0;
}

static void count(fake_server_t *fake, const query_t *query)
{
    pthread_mutex_lock(&fake->lock);
    unsigned i = 0;
    while (i < fake->counted && !(fake->counts[i].type == query->type && name_equal(fake->counts[i].name, query->name.wire))) {
        i++;
    }
    if (i == fake->counted && i < FAKE_COUNTED_MAX) {
        memcpy(fake->counts[i].name, query->name.wire, query->name.length);
        fake->counts[i].type = query->type;
        fake->counts[i].times = 0;
        fake->counted++;
    }
    if (i < fake->counted) {
        fake->counts[i].times++;
    }
    pthread_mutex_unlock(&fake->lock);
}

static size_t answer(const fake_server_t *fake, const query_t *query, uint8_t *out, size_t capacity)
{
    static const uint8_t address[] = {192, 0, 2, 1};
    static const uint8_t root[1 + NAME_PADDING] = {0};
    static const uint8_t soa[2 + 20] = {0, 0, 0, 0, 0, 1, 0, 0, 7, 8, 0, 0, 3, 132, 0, 9, 58, 128, 0, 0, 1, 44};
    const uint8_t *asked = query->message + MESSAGE_HEADER_SIZE; /* in the case as asked */
    message_writer_t writer;
    message_writer_init(&writer, out, capacity, query->id, FLAG_QR | FLAG_AA);
    message_write_question(&writer, asked, query->type, query->rrclass);
    status_t status;
    if (begins_with(query->name.wire, "alias")) {
        status = message_write_record(&writer, SECTION_ANSWER, query->name.wire, TYPE_CNAME, CLASS_IN, 300, fake->alias_target.wire,
                                      fake->alias_target.length);
    } else if (query->type == TYPE_A && query->name.labels > 1) {
        status = message_write_record(&writer, SECTION_ANSWER, query->name.wire, TYPE_A, CLASS_IN, 300, address, sizeof address);
    } else {
        status = message_write_record(&writer, SECTION_AUTHORITY, root, TYPE_SOA, CLASS_IN, 300, soa, sizeof soa);
    }
    must(status == STATUS_OK);
    return message_writer_finish(&writer);
}

static void take(fake_server_t *fake)
{
    uint8_t request[512];
    fake_delayed_t reply;
    query_t query;
    socklen_t length = sizeof reply.client;
    ssize_t size = recvfrom(fake->fd, request, sizeof request, MSG_DONTWAIT, &reply.client.sa, &length);
    if (size < 0 || query_parse(&query, request, (size_t)size) != QUERY_ANSWER || !query.has_question) {
        return;
    }
    count(fake, &query);
    if (begins_with(query.name.wire, "silent")) {
        return;
    }
    reply.size = answer(fake, &query, reply.message, sizeof reply.message);
    reply.due_ms = test_now_ms() + (begins_with(query.name.wire, "slow") ? fake->slow_ms : 0);
    must(fake->delayed < FAKE_DELAYED_MAX);
    fake->delay[fake->delayed++] = reply;
}

static void send_due(fake_server_t *fake)
{
    uint64_t now_ms = test_now_ms();
    for (unsigned i = 0; i < fake->delayed;) {
        fake_delayed_t *reply = &fake->delay[i];
        if (reply->due_ms > now_ms) {
            i++;
            continue;
        }
        (void)!sendto(fake->fd, reply->message, reply->size, 0, &reply->client.sa, sizeof reply->client.v4);
        *reply = fake->delay[--fake->delayed];
    }
}

static void *serve(void *context)
{
    fake_server_t *fake = context;
    for (;;) {
        struct pollfd wait[] = {{.fd = fake->fd, .events = POLLIN}, {.fd = fake->stop_fd, .events = POLLIN}};
        poll(wait, 2, fake->delayed > 0 ? 5 : -1);
        if (wait[1].revents) {
            return NULL;
        }
        if (wait[0].revents) {
            take(fake);
        }
        send_due(fake);
    }
}

void fake_server_start(fake_server_t *fake, unsigned slow_ms, const char *alias_target)
{
    memset(fake, 0, sizeof *fake);
    net_address_t address = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address.v4;
    fake->slow_ms = slow_ms;
    must(name_from_text(&fake->alias_target, alias_target, strlen(alias_target), NULL, NULL) == STATUS_OK);
    pthread_mutex_init(&fake->lock, NULL);
    fake->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    fake->stop_fd = eventfd(0, EFD_CLOEXEC);
    int room = 1 << 20;
    setsockopt(fake->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    must(bind(fake->fd, &address.sa, sizeof address.v4) == 0 && getsockname(fake->fd, &address.sa, &length) == 0);
    fake->port = ntohs(address.v4.sin_port);
    must(pthread_create(&fake->thread, NULL, serve, fake) == 0);
}

void fake_server_stop(fake_server_t *fake)
{
    const uint64_t one = 1;
    must(write(fake->stop_fd, &one, sizeof one) == sizeof one);
    pthread_join(fake->thread, NULL);
    close(fake->fd);
    close(fake->stop_fd);
    pthread_mutex_destroy(&fake->lock);
}

unsigned fake_server_asked(fake_server_t *fake, const char *name, uint16_t type)
{
    name_t wanted;
    unsigned times = 0;
    must(name_from_text(&wanted, name, strlen(name), NULL, NULL) == STATUS_OK);
    pthread_mutex_lock(&fake->lock);
    for (unsigned i = 0; i < fake->counted; i++) {
        if (fake->counts[i].type == type && name_equal(fake->counts[i].name, wanted.wire)) {
            times = fake->counts[i].times;
        }
    }
    pthread_mutex_unlock(&fake->lock);
    return times;
}
