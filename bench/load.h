/* What both load clients share: the query file, time, and the line of figures they print.
 *
 * A query file is a row of {two bytes of length in network order, that many bytes of query}; ids are set by the client. The client prints
 * one JSON object: answers, lost, seconds, answers by RCODE, bytes received.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct query_set {
    uint8_t *bytes;
    uint32_t *offsets; /* of each query's first byte; its length stands in the two bytes before */
    size_t count;
} query_set_t;

typedef struct load_target {
    struct sockaddr_storage address;
    socklen_t address_size;
} load_target_t;

typedef struct load_result {
    uint64_t answers;
    uint64_t lost;
    uint64_t bad; /* not a response, or of an id that nobody waits for */
    uint64_t bytes;
    uint64_t rcodes[16];
    double seconds;
} load_result_t;

/* Reads the whole file; false, with a message on standard error, when it cannot be read or is not a query file. */
bool query_set_load(query_set_t *set, const char *path);
void query_set_free(query_set_t *set);
static inline size_t query_size(const query_set_t *set, size_t i)
{
    const uint8_t *query = set->bytes + set->offsets[i];
    return (size_t)(query[-2] << 8 | query[-1]);
}
/* An IPv4 or IPv6 address in text and a port; false, with a message, when it is none. */
bool load_target_parse(load_target_t *target, const char *address, const char *port);
/* A number of the command line within bounds; false, with a message, when it is none. */
bool load_number_parse(const char *text, unsigned minimum, unsigned maximum, unsigned *value);
double load_now_s(void);
/* Counts one response of at least 12 bytes. */
void load_result_count(load_result_t *result, const uint8_t *message, size_t size);
void load_result_print(const load_result_t *result);
