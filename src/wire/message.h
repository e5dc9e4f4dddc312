/* DNS messages: the server's one-pass query parser, the whole-message parser, and the general builder
 * (RFC 1035 4, 2181, 3597, 6891, 9619).
 *
 * query_parse() is the hot path: no allocation, no record copied. message_parse() is for answers, tools and tests. message_writer_t
 * builds any message with bounded name compression; auth/ has its own writer, which knows names by reference.
 */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"
#include "wire/edns.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MESSAGE_HEADER_SIZE = 12,
    MESSAGE_MAX = 65535,
    UDP_SIZE_MIN = 512,
    UDP_SIZE_DEFAULT = 1232,
    QUERY_RECORDS_MAX = 4, /* records of a request behind its question: a SOA, OPT and TSIG, and one more */
};

enum { OPCODE_QUERY = 0, OPCODE_IQUERY = 1, OPCODE_STATUS = 2, OPCODE_NOTIFY = 4, OPCODE_UPDATE = 5, OPCODE_DSO = 6 };

enum {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_YXRRSET = 7,
    RCODE_NXRRSET = 8,
    RCODE_NOTAUTH = 9,
    RCODE_NOTZONE = 10,
    RCODE_BADVERS = 16,
    RCODE_BADKEY = 17,
    RCODE_BADTIME = 18,
    RCODE_BADCOOKIE = 23,
};

/* Header flag bits of the 16-bit word at offset 2. */
enum {
    FLAG_QR = 0x8000,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    FLAG_Z = 0x0040,
    FLAG_AD = 0x0020,
    FLAG_CD = 0x0010,
};

/* A parsed request. Points into the message, which must stay in place and unchanged. */
typedef struct query {
    const uint8_t *message;
    size_t size;
    uint16_t id;
    uint16_t flags; /* the whole second header word */
    uint8_t opcode;
    uint8_t rcode;     /* RCODE_NOERROR: answer it; else answer this error. BADVERS (16) is found here too */
    bool has_question; /* the question below is filled and is echoed in the answer */
    bool has_tsig;     /* the last additional record is a TSIG */
    uint16_t type;
    uint16_t rrclass;
    uint16_t question_size; /* bytes of the question section: name + 4 */
    uint16_t tsig_offset;   /* where the TSIG record begins, if has_tsig */
    uint32_t ixfr_serial;   /* IXFR queries: the serial of the SOA in the authority section (RFC 1995 3) */
    bool has_ixfr_serial;
    name_key_t name; /* lower-cased; the case as asked is in the message at MESSAGE_HEADER_SIZE */
    edns_t edns;
} query_t;

/* What to do with the bytes of one request. */
typedef enum query_verdict {
    QUERY_ANSWER, /* *query is filled; query->rcode says whether it is an error */
    QUERY_DROP,   /* nothing is sent: shorter than a header, or a response (QR set; RFC 8906 3.1.x, loops) */
} query_verdict_t;

/* Parses one request. FORMERR for: QDCOUNT other than 1 with opcode QUERY (RFC 9619; 0 is accepted for a cookie-only query, has_question
 * false, RFC 7873 5.4), a compressed or broken question name, trailing bytes, truncated records, a second OPT or an OPT whose owner is not
 * the root, OPT outside additional, TSIG not last, malformed options. NOTIMP: opcodes other than QUERY, NOTIFY and UPDATE (header echoed,
 * question when it parses). BADVERS: EDNS version above 0. Answer and authority records of a QUERY are skipped over but must be well
 * framed, and with the additional ones no more than QUERY_RECORDS_MAX (FORMERR; UPDATE apart): what is no use must not cost more to read
 * than a question to answer. Cost: one pass. */
query_verdict_t query_parse(query_t *query, const uint8_t *message, size_t size);

/* ---- whole messages ---- */

typedef enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, SECTION_COUNT } section_t;

typedef struct record {
    const uint8_t *owner; /* uncompressed wire name, case kept; in the message's arena */
    uint16_t type;
    uint16_t rrclass;
    uint32_t ttl_s; /* as sent; values with the top bit set count as 0 (RFC 2181 8) */
    uint16_t rdlength;
    const uint8_t *rdata; /* uncompressed */
} record_t;

typedef struct message {
    uint16_t id;
    uint16_t flags;
    uint8_t opcode;
    uint16_t rcode; /* with the EDNS upper bits */
    uint16_t question_count;
    const uint8_t *question_name; /* the first question; NULL if none */
    uint16_t question_type;
    uint16_t question_class;
    record_t *records[SECTION_COUNT]; /* OPT is in `edns`, not among the records */
    uint16_t count[SECTION_COUNT];
    edns_t edns;
    uint16_t tsig_offset; /* 0: none */
} message_t;

/* Parses a whole message of any kind; all memory from arena. STATUS_MALFORMED, STATUS_NO_MEMORY. */
status_t message_parse(message_t *message, const uint8_t *wire, size_t size, arena_t *arena) MUST_USE;

/* ---- building ---- */

enum { COMPRESSION_ENTRIES_MAX = 128 };

/* Builds a message front to back: question, then the sections in order, then OPT. Names are compressed against at most
 * COMPRESSION_ENTRIES_MAX earlier suffixes, at most that many comparisons a label (CVE-2024-8508). */
typedef struct message_writer {
    byte_writer_t bytes;
    section_t section;  /* section being filled */
    uint16_t counts[4]; /* QD, AN, NS, AR */
    uint16_t suffix_count;
    uint16_t suffix_offset[COMPRESSION_ENTRIES_MAX];
    uint32_t suffix_hash[COMPRESSION_ENTRIES_MAX];
} message_writer_t;

/* Starts a message in out[capacity]; the header's counts are filled by message_writer_finish(). */
void message_writer_init(message_writer_t *writer, uint8_t *out, size_t capacity, uint16_t id, uint16_t flags);
void message_write_question(message_writer_t *writer, const uint8_t *name, uint16_t type, uint16_t rrclass);
/* Appends one record to a section (not earlier than the last one used). STATUS_NO_SPACE leaves the message as it was before the call. */
status_t message_write_record(message_writer_t *writer, section_t section, const uint8_t *owner, uint16_t type, uint16_t rrclass,
                              uint32_t ttl_s, const uint8_t *rdata, size_t rdlength) MUST_USE;
/* Appends an OPT record; options: raw, already encoded. Flags: upper RCODE bits, version and DO as in RFC 6891 6.1.3. */
status_t message_write_opt(message_writer_t *writer, uint16_t udp_size, uint8_t extended_rcode, uint8_t version, uint16_t flags,
                           const uint8_t *options, size_t options_size) MUST_USE;
/* Fills the counts; returns the message's size, 0 if anything did not fit. */
size_t message_writer_finish(message_writer_t *writer);

const char *rcode_text(uint16_t rcode); /* "NXDOMAIN"; "RCODE42" style for unknown, from static tables; never NULL */
const char *opcode_text(uint8_t opcode);
