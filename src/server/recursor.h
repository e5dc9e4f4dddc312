/* One worker's hands and clock for its resolver: sockets (net/upstream), the wall clock, randomness, the clients that wait, the zones we
 * serve ourselves; and the other workers, as each question has one owner among them (by its hash), so that identical questions merge.
 *
 * Invariants
 *  1. Every request taken is answered or forgotten exactly once, by its own worker, through its own transport.
 *  2. What one worker gives another goes through mailboxes (a mutex and an eventfd); nothing of a mailbox is on the path of an answer out
 *     of a zone or the cache.
 *  3. A recursor that was replaced by another (new settings) serves those who wait on it until they have their answers.
 * One thread: the worker's, but where said.
 */
#pragma once

#include "net/handler.h"
#include "server/recursion.h"
#include "server/settings.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct recursor recursor_t;

/* A request, as dispatch has parsed it; bytes and key are copied. */
typedef struct recursor_request {
    const net_client_t *client;
    const uint8_t *bytes;
    size_t size;
    const query_t *query;
} recursor_request_t;

/* Takes the request: the client's route is kept, and dispatch_resume() makes the answer when it is known. STATUS_LIMIT, STATUS_NO_MEMORY:
 * not taken, answer SERVFAIL. STATUS_DENIED: this client has too many requests waiting. */
status_t recursor_ask(recursor_t *recursor, const recursor_request_t *request) MUST_USE;
/* A cached answer is about to expire and was asked for: resolve it again, for nobody. Never fails as far as anybody can see. */
void recursor_refresh(recursor_t *recursor, const name_key_t *name, uint16_t type, bool checking_disabled);
