/* Zones in memory behind one dispatch_t: what the tests of answers, the fuzz target and the instruction budget ask their questions of.
 *
 * Nothing here reads a file or a socket. Failures of the set-up end the program with a message: a test that cannot begin must not pass.
 */
#pragma once

#include "base/buffer.h"
#include "server/dispatch.h"
#include "wire/message.h"
#include "zone/set.h"

#include <stddef.h>
#include <stdint.h>

enum { SERVED_ZONES_MAX = 8 };

/* How a zone is signed: chain and RRSIGs have the form and size of real ones (ECDSA P-256), the signatures verify nothing. */
typedef enum served_signing { SERVED_UNSIGNED, SERVED_NSEC, SERVED_NSEC3, SERVED_NSEC3_OPT_OUT } served_signing_t;

typedef struct served {
    zone_slot_t slots[SERVED_ZONES_MAX];
    zone_access_t access[SERVED_ZONES_MAX];
    size_t count;
    zone_set_t *set;
    dispatch_view_t view; /* may be changed between questions */
    _Atomic(const dispatch_view_t *) published;
    _Atomic unsigned transfers_running;
    dispatch_t *dispatch;
    net_address_t address; /* of the client: 192.0.2.1 */
    net_protocol_t protocol;
    net_later_t *later; /* of the client; NULL: it cannot be answered later */
    uint8_t out[MESSAGE_MAX];
} served_t;

void served_init(served_t *served);
void served_clear(served_t *served);
/* Adds a zone from master-file text; text NULL: one that is not loaded. */
void served_add(served_t *served, const char *apex, const char *text, served_signing_t signing);
/* The contents of such a zone, with one reference. */
const zone_contents_t *served_zone(const char *apex, const char *text, served_signing_t signing);

/* What to ask. */
typedef struct question {
    const char *name; /* text, case kept */
    uint16_t type;
    uint16_t rrclass; /* 0: IN */
    uint16_t flags;   /* of the header; opcode included */
    bool edns;
    bool dnssec_ok;
    uint16_t udp_size; /* 0: 4096 */
    const uint8_t *options;
    size_t options_size;
    const uint8_t *authority; /* raw record for the authority section, or NULL */
    size_t authority_size;
} question_t;

size_t question_write(const question_t *question, uint8_t *out, size_t capacity);
/* Asks and prints the answer: one line "NOERROR qr aa", then one a record, "AN www.example. 3600 A 192.0.2.1"; RRSIG rdata is left out but
 * for the type covered; an NSEC3 owner stands as the label's first four characters. OPT: "OPT 1232 do NSID=..". No answer: "". */
const char *served_ask(served_t *served, const question_t *question, buffer_t *text);
/* The raw answer; its size, 0 for none. */
size_t served_ask_raw(served_t *served, const question_t *question, uint8_t *out, size_t capacity, net_reply_t *reply);
/* Prints any message in that way. */
void served_print(const uint8_t *wire, size_t size, buffer_t *text);
/* First four characters of the NSEC3 label of a name in such a zone (no salt, no additional iterations). */
const char *served_hash(const char *name, char label[static 5]);
