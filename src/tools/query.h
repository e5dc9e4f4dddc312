/* portolan query: what is asked, and how an answer is shown. */
#pragma once

#include "tools/command.h"
#include "tools/exchange.h"
#include "wire/message.h"

typedef struct query_options {
    name_t name;
    uint16_t type;
    uint16_t rrclass;
    uint16_t udp_size;
    bool tcp;
    bool dnssec;
    bool nsid;
    bool no_edns;
    bool no_recurse;
    bool short_form;
    bool json;
    int timeout_ms;
    endpoint_t server;
} query_options_t;

/* How an answer came. */
typedef struct query_outcome {
    const char *transport; /* "UDP", "TCP" */
    double round_ms;
    size_t size;
} query_outcome_t;

/* The request as bytes; 0 if it does not fit (it does). */
size_t query_build(const query_options_t *options, uint8_t *out, size_t capacity);

/* An answer for people, for scripts (--short), or as JSON (a new reference, NULL without memory). */
void query_print(const query_options_t *options, const message_t *answer, const query_outcome_t *outcome, buffer_t *out);
void query_print_short(const message_t *answer, buffer_t *out);
void query_print_record(const record_t *record, buffer_t *out);
json_t *query_json(const query_options_t *options, const message_t *answer, const query_outcome_t *outcome);
