/* portolan check: probes of a server as a stranger sees it, and what was found. */
#pragma once

#include "base/arena.h"
#include "tools/exchange.h"
#include "wire/message.h"
#include "wire/rrtype.h"

#include <stdbool.h>

typedef enum verdict { VERDICT_GOOD, VERDICT_NOTE, VERDICT_BAD } verdict_t;

typedef struct finding {
    const char *probe; /* stable name, "udp", "open-recursion" */
    verdict_t verdict;
    char text[240];
} finding_t;

enum { FINDINGS_MAX = 48 };

typedef struct probe {
    endpoint_t server;
    int timeout_ms;
    const uint8_t *zone; /* a zone it should serve, or NULL */
    bool udp_answers;
    bool tcp_answers;
    finding_t findings[FINDINGS_MAX];
    size_t count;
    uint8_t *reply; /* MESSAGE_MAX bytes */
    size_t reply_size;
    arena_t arena; /* of the message parsed last */
    message_t answer;
} probe_t;

/* One request of a probe. */
typedef struct probe_query {
    const char *name;    /* text, with final dot */
    const uint8_t *wire; /* instead of name */
    uint16_t type;
    uint16_t rrclass; /* 0: IN */
    uint16_t flags;   /* of the header */
    bool edns;
    uint8_t edns_version;
    uint16_t edns_flags;
    uint16_t udp_size; /* 0: 1232 */
    uint16_t option;   /* an EDNS option without content; 0: none */
} probe_query_t;

void probe_found(probe_t *probe, const char *name, verdict_t verdict, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Asks and parses into probe->answer. STATUS_MALFORMED: an answer that cannot be parsed; others as exchange_udp(). */
status_t probe_ask(probe_t *probe, const probe_query_t *query, bool tcp) MUST_USE;
/* Builds the bytes of a query; returns its size. */
size_t probe_build(const probe_query_t *query, uint8_t *out, size_t capacity);
/* Sends bytes as they are over UDP; STATUS_AGAIN: silence for wait_ms. The answer is in probe->reply, unparsed. */
status_t probe_send(probe_t *probe, const uint8_t *request, size_t size, int wait_ms) MUST_USE;

void probe_transports(probe_t *probe);
void probe_edns(probe_t *probe);
void probe_openness(probe_t *probe);
void probe_recursion(probe_t *probe);
void probe_identity(probe_t *probe);
void probe_oddities(probe_t *probe);
