#include "tools/exchange.h"

#include "base/bytes.h"
#include "base/require.h"
#include "wire/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* ---- where ---- */

static socklen_t address_size(const net_address_t *address)
{
    return address->sa.sa_family == AF_INET6 ? sizeof address->v6 : sizeof address->v4;
}

static bool split_port(char *host, uint16_t *port)
{
    char *colon = strrchr(host, ':');
    char *bracket = strchr(host, ']');
    bool has_port = colon && (bracket ? colon == bracket + 1 : strchr(host, ':') == colon);
    if (has_port) {
        char *end;
        errno = 0;
        unsigned long number = strtoul(colon + 1, &end, 10);
        if (*end || end == colon + 1 || errno || number < 1 || number > 65535) {
            return false;
        }
        *port = (uint16_t)number;
        *colon = 0;
    }
    if (host[0] == '[') {
        if (!bracket || bracket[1] != 0) {
            return false;
        }
        *bracket = 0;
        memmove(host, host + 1, strlen(host));
    }
    return true;
}

static void describe(endpoint_t *endpoint, uint16_t port)
{
    char address[INET6_ADDRSTRLEN] = "";
    bool v6 = endpoint->address.sa.sa_family == AF_INET6;
    const void *bytes = v6 ? (const void *)&endpoint->address.v6.sin6_addr : &endpoint->address.v4.sin_addr;
    inet_ntop(endpoint->address.sa.sa_family, bytes, address, sizeof address);
    snprintf(endpoint->text, sizeof endpoint->text, "%s%s%s:%u", v6 ? "[" : "", address, v6 ? "]" : "", port);
}

status_t endpoint_parse(const char *text, uint16_t port, endpoint_t *endpoint, buffer_t *why)
{
    char host[256];
    text += *text == '@';
    if (snprintf(host, sizeof host, "%s", text) >= (int)sizeof host || !split_port(host, &port) || host[0] == 0) {
        buffer_printf(why, "\"%.100s\" is not ADDRESS, NAME or either with :PORT", text);
        return STATUS_MALFORMED;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int error = getaddrinfo(host, service, &hints, &found);
    if (error != 0) {
        buffer_printf(why, "%s: %s", host, gai_strerror(error));
        return STATUS_NOT_FOUND;
    }
    REQUIRE(found->ai_addrlen <= sizeof endpoint->address);
    memcpy(&endpoint->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    describe(endpoint, port);
    return STATUS_OK;
}

/* ---- time ---- */

static double clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Waits until fd is ready or until_ms; STATUS_AGAIN when that passes. */
static status_t wait_for(int fd, short events, double until_ms)
{
    for (;;) {
        double left_ms = until_ms - clock_ms();
        struct pollfd polled = {.fd = fd, .events = events};
        int ready = poll(&polled, 1, left_ms > 0 ? (int)(left_ms + 1) : 0);
        if (ready > 0) {
            return STATUS_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return STATUS_IO;
        }
        if (ready == 0 && clock_ms() >= until_ms) {
            return STATUS_AGAIN;
        }
    }
}

uint16_t exchange_random_id(void)
{
    uint16_t id = 0;
    ssize_t n = getrandom(&id, sizeof id, 0);
    REQUIRE(n == sizeof id); /* cannot fail for so few bytes */
    return id;
}

/* ---- UDP ---- */

/* Bytes of the question section of a message with one question, 0 if there is none whole. */
static size_t question_size(const uint8_t *message, size_t size)
{
    if (size < MESSAGE_HEADER_SIZE || load_be16(message + 4) != 1) {
        return 0;
    }
    byte_reader_t reader = byte_reader(message, size);
    reader.position = MESSAGE_HEADER_SIZE;
    name_t name;
    if (name_read_uncompressed(&reader, &name) != STATUS_OK || byte_reader_left(&reader) < 4) {
        return 0;
    }
    return reader.position + 4 - MESSAGE_HEADER_SIZE;
}

bool exchange_matches(const uint8_t *request, size_t size, const uint8_t *reply, size_t reply_size)
{
    if (reply_size < MESSAGE_HEADER_SIZE || memcmp(request, reply, 2) != 0 || !(load_be16(reply + 2) & FLAG_QR)) {
        return false;
    }
    size_t asked = question_size(request, size);
    size_t echoed = question_size(reply, reply_size);
    if (load_be16(reply + 4) == 0 || asked == 0) { /* errors may come without a question; odd requests have none to compare */
        return true;
    }
    return asked == echoed && memcmp(request + MESSAGE_HEADER_SIZE, reply + MESSAGE_HEADER_SIZE, asked) == 0;
}

static status_t await_reply(int fd, const uint8_t *request, size_t size, uint8_t *reply, size_t capacity, size_t *reply_size,
                            exchange_times_t *times)
{
    double began_ms = clock_ms();
    for (;;) {
        status_t status = wait_for(fd, POLLIN, began_ms + times->timeout_ms);
        if (status != STATUS_OK) {
            return status;
        }
        ssize_t n = recv(fd, reply, capacity, MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return STATUS_IO;
        }
        if (n >= 0 && exchange_matches(request, size, reply, (size_t)n)) {
            *reply_size = (size_t)n;
            times->round_ms = clock_ms() - began_ms;
            return STATUS_OK;
        }
        times->ignored += n >= 0;
    }
}

status_t exchange_udp(const endpoint_t *endpoint, const uint8_t *request, size_t size, uint8_t *reply, size_t capacity, size_t *reply_size,
                      exchange_times_t *times)
{
    int fd = socket(endpoint->address.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return STATUS_IO;
    }
    /* connected: the port is random, only this server is heard, and its host's "port unreachable" comes as an error */
    status_t status = connect(fd, &endpoint->address.sa, address_size(&endpoint->address)) < 0 ? STATUS_IO : STATUS_AGAIN;
    times->ignored = 0;
    for (unsigned i = 0; i < times->tries && status == STATUS_AGAIN; i++) {
        ssize_t sent = send(fd, request, size, MSG_NOSIGNAL);
        status = sent < 0 ? STATUS_IO : await_reply(fd, request, size, reply, capacity, reply_size, times);
    }
    int error = errno;
    close(fd);
    errno = error;
    return status;
}

/* ---- TCP ---- */

status_t exchange_connect(const endpoint_t *endpoint, int timeout_ms, int *fd)
{
    int made = socket(endpoint->address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return STATUS_IO;
    }
    status_t status = STATUS_OK;
    if (connect(made, &endpoint->address.sa, address_size(&endpoint->address)) < 0) {
        status = errno == EINPROGRESS ? wait_for(made, POLLOUT, clock_ms() + timeout_ms) : STATUS_IO;
        int error = errno;
        socklen_t length = sizeof error;
        if (status == STATUS_OK && getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error != 0) {
            status = STATUS_IO;
        }
        errno = error;
    }
    if (status != STATUS_OK) {
        int error = errno;
        close(made);
        errno = error;
        return status;
    }
    *fd = made;
    return STATUS_OK;
}

static status_t send_all(int fd, const uint8_t *data, size_t size)
{
    enum { SEND_TIMEOUT_MS = 10000 };
    double until_ms = clock_ms() + SEND_TIMEOUT_MS;
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            status_t status = wait_for(fd, POLLOUT, until_ms);
            if (status != STATUS_OK) {
                return status;
            }
        } else if (n < 0 && errno != EINTR) {
            return STATUS_IO;
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return STATUS_OK;
}

status_t exchange_send(int fd, const uint8_t *message, size_t size)
{
    REQUIRE(size <= MESSAGE_MAX);
    uint8_t *framed = malloc(size + 2);
    if (!framed) {
        return STATUS_NO_MEMORY;
    }
    store_be16(framed, (uint16_t)size);
    memcpy(framed + 2, message, size);
    status_t status = send_all(fd, framed, size + 2);
    free(framed);
    return status;
}

static status_t receive_all(int fd, double until_ms, uint8_t *data, size_t size)
{
    for (size_t got = 0; got < size;) {
        status_t status = wait_for(fd, POLLIN, until_ms);
        if (status != STATUS_OK) {
            return status;
        }
        ssize_t n = recv(fd, data + got, size - got, MSG_DONTWAIT);
        if (n == 0) {
            return STATUS_END;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return STATUS_IO;
        }
        got += n > 0 ? (size_t)n : 0;
    }
    return STATUS_OK;
}

status_t exchange_receive(int fd, int timeout_ms, uint8_t *reply, size_t *reply_size)
{
    uint8_t length[2];
    double until_ms = clock_ms() + timeout_ms;
    status_t status = receive_all(fd, until_ms, length, sizeof length);
    if (status == STATUS_OK) {
        *reply_size = load_be16(length);
        status = receive_all(fd, until_ms, reply, *reply_size);
    }
    return status;
}

status_t exchange_tcp(const endpoint_t *endpoint, const uint8_t *request, size_t size, uint8_t *reply, size_t *reply_size,
                      exchange_times_t *times)
{
    int fd = -1;
    double began_ms = clock_ms();
    status_t status = exchange_connect(endpoint, times->timeout_ms, &fd);
    if (status != STATUS_OK) {
        return status;
    }
    status = exchange_send(fd, request, size);
    if (status == STATUS_OK) {
        status = exchange_receive(fd, times->timeout_ms, reply, reply_size);
    }
    times->round_ms = clock_ms() - began_ms;
    int error = errno;
    close(fd);
    errno = error;
    return status;
}

void exchange_explain(status_t status, int timeout_ms, buffer_t *out)
{
    switch (status) {
    case STATUS_AGAIN:
        buffer_printf(out, "no answer in %g s", timeout_ms / 1000.0);
        return;
    case STATUS_IO:
        buffer_append_text(out, strerror(errno));
        return;
    case STATUS_END:
        buffer_append_text(out, "the server closed the connection without an answer");
        return;
    default:
        buffer_append_text(out, status_text(status));
    }
}
