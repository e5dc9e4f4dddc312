/* DNS messages to and from one server, as a client: UDP with everything that is not the answer passed over, and TCP. Blocking, with times.
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "net/handler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct endpoint {
    net_address_t address;
    char text[80]; /* "127.0.0.1:53", "[::1]:53" */
} endpoint_t;

/* "ADDRESS", "NAME", "ADDRESS:PORT", "[ADDRESS]:PORT", each with @ in front or not; port counts where the text has none. Names go through
 * the system's resolver. STATUS_MALFORMED, STATUS_NOT_FOUND; *why filled. */
status_t endpoint_parse(const char *text, uint16_t port, endpoint_t *endpoint, buffer_t *why) MUST_USE;

typedef struct exchange_times {
    int timeout_ms;   /* for each try */
    unsigned tries;   /* UDP: how often the request is sent */
    double round_ms;  /* out: from the last send to the answer */
    unsigned ignored; /* out: datagrams that were not the answer */
} exchange_times_t;

/* Sends a request and waits for its answer: same id, QR set, the same question (case included) unless the answer has none. What else
 * comes is counted and passed over (a forger must not end the wait). reply has capacity bytes.
 * STATUS_AGAIN: no answer in time; STATUS_IO: errno, such as ECONNREFUSED. */
status_t exchange_udp(const endpoint_t *endpoint, const uint8_t *request, size_t size, uint8_t *reply, size_t capacity, size_t *reply_size,
                      exchange_times_t *times) MUST_USE;
/* Does reply answer request in the sense above? */
bool exchange_matches(const uint8_t *request, size_t size, const uint8_t *reply, size_t reply_size);

/* A connection; *fd to be closed by the caller. STATUS_AGAIN: no answer in time; STATUS_IO: errno. */
status_t exchange_connect(const endpoint_t *endpoint, int timeout_ms, int *fd) MUST_USE;
/* One message with its length in front, in one write. size <= 65535. Statuses as above. */
status_t exchange_send(int fd, const uint8_t *message, size_t size) MUST_USE;
/* The next message; reply has 65535 bytes. STATUS_END: the server closed; others as above. */
status_t exchange_receive(int fd, int timeout_ms, uint8_t *reply, size_t *reply_size) MUST_USE;
/* Connect, send, receive, close. */
status_t exchange_tcp(const endpoint_t *endpoint, const uint8_t *request, size_t size, uint8_t *reply, size_t *reply_size,
                      exchange_times_t *times) MUST_USE;

/* "no answer in 2 s", "Connection refused" */
void exchange_explain(status_t status, int timeout_ms, buffer_t *out);
uint16_t exchange_random_id(void);
