/* One request and the answer being made for it: what dispatch.c, reply.c, chaos.c and transfer.c share. Not for others. */
#pragma once

#include "auth/answer.h"
#include "net/handler.h"
#include "server/dispatch.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct exchange {
    const dispatch_view_t *view;
    const net_client_t *client;
    const query_t *query;
    uint8_t *out;
    net_reply_t *reply;
    size_t limit;         /* bytes of the whole answer: what the client takes, what we send at most, what fits */
    size_t reserved;      /* bytes of the OPT record that will be needed, but for padding and an extended error */
    size_t question_end;  /* bytes of header and question */
    auth_answer_t answer; /* what stands in out, and how it is to be closed */
    uint8_t tsig_error;   /* RCODE_BADKEY: the answer carries an unsigned TSIG that says so */
} exchange_t;

static inline bool exchange_is_stream(const exchange_t *exchange)
{
    return exchange->client->protocol != NET_UDP;
}

/* An answer with nothing in it but the question yet. */
static inline void exchange_fail(exchange_t *exchange, uint8_t rcode, int8_t extended_error)
{
    exchange->answer = (auth_answer_t){
        .size = exchange->question_end,
        .rcode = rcode,
        .extended_error = extended_error,
        .outcome = AUTH_OUTCOMES,
    };
}

/* ---- reply.c ---- */

/* Copies header and question, works out the limit and what the OPT record needs; the answer is not filled. */
void reply_begin(exchange_t *exchange, size_t capacity);
/* Completes header, OPT and TSIG; returns the size of the message. */
size_t reply_close(exchange_t *exchange);
/* Writes the OPT record at `at`, the message being `size` bytes so far; returns its size, 0 without EDNS or room. */
size_t reply_write_opt(const exchange_t *exchange, uint8_t *at, size_t size);
/* The header of an answer with these counts. */
void reply_write_header(const exchange_t *exchange, uint8_t *out, uint16_t additional_count);

/* ---- chaos.c ---- */

/* Class CH: version.bind, hostname.bind and their like (RFC 4892). */
void chaos_answer(exchange_t *exchange);
