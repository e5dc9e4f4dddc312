/* A name server on a loopback address that answers for the whole tree as if it were the root's, and counts what it is asked.
 *
 * What it says depends on the first label: "silent..." nothing, "slow..." after `slow_ms`, "alias..." a CNAME to `alias_target`, anything
 * else an address, 192.0.2.1. Names of one label exist and have nothing. One thread of its own.
 */
#pragma once

#include "base/buffer.h"
#include "net/handler.h"
#include "wire/message.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { FAKE_COUNTED_MAX = 4096, FAKE_DELAYED_MAX = 1024 };

typedef struct fake_counted {
    uint8_t name[NAME_WIRE_MAX + 1 + NAME_PADDING];
    uint16_t type;
    unsigned times;
} fake_counted_t;

typedef struct fake_delayed {
    uint64_t due_ms;
    net_address_t client;
    size_t size;
    uint8_t message[512];
} fake_delayed_t;

typedef struct fake_server {
    int fd;
    int stop_fd;
    uint16_t port; /* of 127.0.0.1 */
    unsigned slow_ms;
    name_t alias_target;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    unsigned counted;
    fake_counted_t counts[FAKE_COUNTED_MAX];
    unsigned delayed;
    fake_delayed_t delay[FAKE_DELAYED_MAX];
} fake_server_t;

/* slow_ms and alias_target (text) are constant from then on. */
void fake_server_start(fake_server_t *fake, unsigned slow_ms, const char *alias_target);
void fake_server_stop(fake_server_t *fake);
/* How often it was asked for this name, whatever the case. */
unsigned fake_server_asked(fake_server_t *fake, const char *name, uint16_t type);
uint64_t test_now_ms(void);
