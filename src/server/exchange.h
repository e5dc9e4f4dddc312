/* One request and the answer being made for it: what dispatch*.c, reply.c, chaos.c and transfer.c share. Not for others. */
#pragma once

#include "auth/answer.h"
#include "base/bytes.h"
#include "net/handler.h"
#include "server/dispatch.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct exchange {
    auth_t *auth; /* request: query, out, size of header and question, limit of what stands before the OPT record; answer: what stands in
                   * out, and how it is to be closed */
    const dispatch_view_t *view;
    const net_client_t *client;
    net_reply_t *reply;
    size_t limit;              /* bytes of the whole answer: what the client takes, what we send at most, what fits */
    const char *extended_text; /* for people, beside answer.extended_error; NULL: none. Set where answer.outcome is AUTH_OUTCOMES */
    bool is_cached_failure;    /* where there is a text: EDE 13 goes beside the other */
    uint8_t tsig_error;        /* RCODE_BADKEY: the answer carries an unsigned TSIG that says so */
} exchange_t;

static inline bool exchange_is_stream(const exchange_t *exchange)
{
    return exchange->client->protocol != NET_UDP;
}

/* An answer with nothing in it but the question yet. */
static inline void exchange_fail(exchange_t *exchange, uint8_t rcode, int8_t extended_error)
{
    exchange->auth->answer = (auth_answer_t){
        .size = exchange->auth->request.size,
        .rcode = rcode,
        .extended_error = extended_error,
        .outcome = AUTH_OUTCOMES,
    };
    exchange->extended_text = NULL;
}

/* ---- reply.c ---- */

enum { REPLY_OPT_SIZE = 11 }; /* owner, type, size, TTL, length */

/* Bytes that the options asked for will need in the answer, but for padding and an extended error. */
size_t reply_options_reserved(const exchange_t *exchange);
/* The OPT record with its options at `at`, the message being `size` bytes so far; returns its size. */
size_t reply_write_options(const exchange_t *exchange, uint8_t *at, size_t size);
/* An unsigned TSIG that says tsig_error; returns its size, 0 if the request's is broken. */
size_t reply_write_tsig(const exchange_t *exchange, uint8_t *at, size_t size);

/* The bare OPT record with room for more behind it: DO is copied (RFC 3225 3), other flags are zero (RFC 6891 6.1.4), the version is 0. */
static inline void reply_write_bare_opt(const exchange_t *exchange, uint8_t *at, uint16_t options_size)
{
    const auth_t *auth = exchange->auth;
    uint64_t head = (uint64_t)TYPE_OPT << 40 | (uint64_t)exchange->view->udp_size_max << 24 | (auth->answer.rcode >> 4) << 16 |
                    (auth->request.query->edns.dnssec_ok ? 0x80 : 0); /* a zero for the root is the uppermost octet */
    head = __builtin_bswap64(head);
    memcpy(at, &head, sizeof head);
    at[8] = 0;
    store_be16(at + 9, options_size);
}

/* The OPT record of an answer; returns its size, 0 without EDNS. */
static inline size_t reply_write_opt(const exchange_t *exchange, uint8_t *at, size_t size)
{
    const auth_t *auth = exchange->auth;
    const edns_t *edns = &auth->request.query->edns;
    if (!edns->present) {
        return 0;
    }
    if (UNLIKELY(edns->options_size > 0 || auth->answer.extended_error != EDE_NONE)) {
        return reply_write_options(exchange, at, size);
    }
    reply_write_bare_opt(exchange, at, 0);
    return REPLY_OPT_SIZE;
}

/* The header of an answer. The id, the first two octets, stands there already. answer->flags: AA, TC; RA for those whom we resolve for; AD
 * and CD in what was resolved. */
static inline void reply_write_header(const auth_request_t *request, const auth_answer_t *answer, uint8_t *out, unsigned additional)
{
    const query_t *query = request->query;
    /* RD is copied (RFC 1035 4.1.1). An answer out of a zone claims no validation, and clears CD (RFC 4035 3.1.6). */
    unsigned flags = FLAG_QR | (unsigned)query->opcode << 11 | (query->flags & FLAG_RD) | answer->flags | (answer->rcode & 15u);
    uint64_t counts = (uint64_t)query->has_question << 48 | (uint64_t)answer->counts[0] << 32 | (uint64_t)answer->counts[1] << 16 |
                      (additional & UINT16_MAX);
    counts = __builtin_bswap64(counts);
    store_be16(out + 2, (uint16_t)flags);
    memcpy(out + 4, &counts, sizeof counts);
}

/* ---- chaos.c ---- */

/* Class CH: version.bind, hostname.bind and their like (RFC 4892). */
void chaos_answer(exchange_t *exchange);
