/* Hosts files (/etc/hosts; the form goes back to RFC 952): an address and the names that stand for it, on each line.
 *
 * Comments begin with '#'. Names are those of hosts (RFC 952, RFC 1123 2.1; underscores are taken as well), always absolute. Keeps nothing;
 * any thread.
 */
#pragma once

#include "base/diagnostic.h"
#include "base/status.h"
#include "resolver/address.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct hosts_reader {
    const char *file; /* as people know it */
    diagnostics_t *diagnostics;
    /* Takes a good name of a line; the first is the one that the address stands for. Lower case. Any status but
     * STATUS_OK ends the reading. */
    status_t (*entry)(void *context, const resolver_address_t *address, const name_t *name, bool is_first);
    void *context;
} hosts_reader_t;

/* Reads all lines; every error goes to diagnostics, and the next line is read. Addresses with an interface (fe80::1%lo0) are left out with
 * a warning: DNS has no place for it. STATUS_MALFORMED: at least one error; else entry's status. */
status_t hosts_parse(const hosts_reader_t *reader, const char *text, size_t length) MUST_USE;
/* The name under which an address is looked up backwards: 7.0.0.10.in-addr.arpa (RFC 1035 3.5), ... ip6.arpa (RFC 3596 2.5). */
void hosts_reverse_name(const resolver_address_t *address, name_t *name);
