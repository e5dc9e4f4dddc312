/* A zone by AXFR from another server (RFC 5936), message by message, as master-file text that the loader takes. No socket, no clock.
 *
 * Invariants
 *  1. Only a message with our id and question, in class IN, without error or truncation counts; anything else ends the transfer.
 *  2. The first record is the zone's SOA; the same SOA ends it, and nothing stands behind it. Another SOA anywhere refuses the whole: the
 * zone changed while it was sent.
 *  3. Text and messages are bounded: a server that never ends is not followed for ever (its time is bounded by the caller).
 */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "wire/name.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TRANSFER_IN_QUERY_MAX = 12 + NAME_WIRE_MAX + 4,
    TRANSFER_IN_SOA_MAX = 2 * NAME_WIRE_MAX + 20,
};

typedef struct transfer_in {
    name_t apex;
    uint16_t id;
    uint16_t type;   /* of the question that is out */
    arena_t arena;   /* of one message */
    buffer_t text;   /* the zone so far */
    uint32_t serial; /* of the first SOA */
    uint16_t soa_size;
    uint8_t soa[TRANSFER_IN_SOA_MAX]; /* its rdata */
    size_t messages;
    size_t records;
    const char *why; /* of a failure, for people: what the server did; static storage */
} transfer_in_t;

/* text_max: bytes of the zone's text. */
void transfer_in_init(transfer_in_t *transfer, const name_t *apex, size_t text_max);
void transfer_in_clear(transfer_in_t *transfer);

/* Asks for the zone's SOA, or the zone (TYPE_SOA, TYPE_AXFR): the message, without the two octets of its length. Forgets what came before.
 */
size_t transfer_in_ask(transfer_in_t *transfer, uint16_t id, uint16_t type, uint8_t out[static TRANSFER_IN_QUERY_MAX]);
/* One message that came. STATUS_OK: that was all; serial is set. STATUS_AGAIN: there is more to come. STATUS_MALFORMED, STATUS_INVALID,
 * STATUS_NO_SPACE (longer than text_max), STATUS_NO_MEMORY: it is over; `why` says what is wrong. */
status_t transfer_in_take(transfer_in_t *transfer, const uint8_t *message, size_t size) MUST_USE;
