/* The server's query parser: one pass, no allocation, nothing copied but the question's name and the cookie. */
#include "wire/message.h"

#include "base/require.h"
#include "wire/name_key.h"
#include "wire/rrtype.h"

enum {
    QUESTION_FIXED_SIZE = 4, /* type, class */
    RECORD_FIXED_SIZE = 10,  /* type, class, TTL, RDLENGTH */
    SOA_NUMBERS_SIZE = 20,
};

/* Sections of a request in the order they come; UPDATE calls them prerequisite, update and additional (RFC 2136 2). */
typedef struct counts {
    uint16_t answer;
    uint16_t authority;
    uint16_t additional;
} counts_t;

/* Behind the name at position, or 0 when it is broken. Pointers are stepped over, not followed: what they lead to is nothing
 * the server reads, and the name ends here in any case. */
static size_t skip_name(const uint8_t *message, size_t size, size_t position)
{
    size_t begin = position;
    while (position < size) {
        uint8_t octet = message[position];
        if (octet == 0) {
            return position - begin < NAME_WIRE_MAX ? position + 1 : 0;
        }
        if (octet >= 0xc0) {
            return size - position >= 2 && position - begin < NAME_WIRE_MAX ? position + 2 : 0;
        }
        if (octet > NAME_LABEL_MAX) {
            return 0;
        }
        position += octet + 1u;
    }
    return 0;
}

/* The serial out of a client's SOA (RFC 1995 3), whose rdata is [position, end). False when it is no SOA rdata. */
static bool read_ixfr_serial(query_t *query, size_t position, size_t end)
{
    position = skip_name(query->message, end, position);
    position = position != 0 ? skip_name(query->message, end, position) : 0;
    if (position == 0 || end - position != SOA_NUMBERS_SIZE) {
        return false;
    }
    query->ixfr_serial = load_be32(query->message + position);
    query->has_ixfr_serial = true;
    return true;
}

/* A record of the answer or authority section: stepped over. Returns the position behind it, 0 when it is broken or stands where
 * it must not. */
static size_t skip_record(query_t *query, size_t position, bool in_authority)
{
    const uint8_t *message = query->message;
    size_t fixed = skip_name(message, query->size, position);
    if (fixed == 0 || query->size - fixed < RECORD_FIXED_SIZE) {
        return 0;
    }
    uint16_t type = load_be16(message + fixed);
    size_t rdata = fixed + RECORD_FIXED_SIZE;
    size_t rdlength = load_be16(message + fixed + 8);
    if (query->size - rdata < rdlength || type == TYPE_OPT || type == TYPE_TSIG) {
        return 0;
    }
    if (in_authority && query->type == TYPE_IXFR && type == TYPE_SOA && query->opcode == OPCODE_QUERY && !query->has_ixfr_serial &&
        !read_ixfr_serial(query, rdata, rdata + rdlength)) {
        return 0;
    }
    return rdata + rdlength;
}

/* An OPT whose fixed fields begin at `fixed`. */
static inline void read_opt(query_t *query, const uint8_t *fixed, uint16_t rdlength)
{
    edns_set_fixed(&query->edns, load_be16(fixed + 2), load_be32(fixed + 4));
    if (rdlength > 0 && query->edns.version == 0) { /* what options of a later version look like is not known */
        edns_read_options(&query->edns, fixed + RECORD_FIXED_SIZE, rdlength);
    }
}

/* The additional section: OPT and TSIG count, the rest is stepped over. */
static size_t read_additional(query_t *query, size_t position, unsigned count)
{
    const uint8_t *message = query->message;
    for (; count > 0; count--) {
        size_t begin = position;
        size_t fixed = skip_name(message, query->size, position);
        if (fixed == 0 || query->size - fixed < RECORD_FIXED_SIZE) {
            return 0;
        }
        uint16_t type = load_be16(message + fixed);
        uint16_t rdlength = load_be16(message + fixed + 8);
        position = fixed + RECORD_FIXED_SIZE;
        if (query->size - position < rdlength) {
            return 0;
        }
        if (type == TYPE_OPT) {
            if (query->edns.present || message[begin] != 0) {
                query->edns = (edns_t){.present = false};
                return 0;
            }
            read_opt(query, message + fixed, rdlength);
        } else if (type == TYPE_TSIG) {
            if (count != 1) {
                return 0;
            }
            query->has_tsig = true;
            query->tsig_offset = (uint16_t)begin;
        }
        position += rdlength;
    }
    return position;
}

/* Everything behind the question. False: FORMERR. */
static bool read_sections(query_t *query, size_t position, counts_t counts)
{
    if (query->opcode != OPCODE_UPDATE && (unsigned)counts.answer + counts.authority + counts.additional > QUERY_RECORDS_MAX) {
        return false;
    }
    for (; counts.answer > 0 && position != 0; counts.answer--) {
        position = skip_record(query, position, false);
    }
    for (; counts.authority > 0 && position != 0; counts.authority--) {
        position = skip_record(query, position, true);
    }
    if (position != 0) {
        position = read_additional(query, position, counts.additional);
    }
    return position == query->size;
}

/* Returns the position behind the question, 0 when there is none that can be read. */
static size_t read_question(query_t *query)
{
    static const uint8_t root[] = {0};
    const uint8_t *question = query->message + MESSAGE_HEADER_SIZE;
    size_t left = query->size - MESSAGE_HEADER_SIZE;
    size_t length = load_be16(query->message + 4) == 1 ? name_key_read_inline(&query->name, question, left) : 0;
    if (UNLIKELY(length == 0 || left - length < QUESTION_FIXED_SIZE)) {
        name_key_init(&query->name, root, sizeof root); /* nothing of an earlier request may show */
        return 0;
    }
    query->has_question = true;
    query->type = load_be16(question + length);
    query->rrclass = load_be16(question + length + 2);
    query->question_size = (uint16_t)(length + QUESTION_FIXED_SIZE);
    return MESSAGE_HEADER_SIZE + length + QUESTION_FIXED_SIZE;
}

static uint8_t judge_edns(const query_t *query)
{
    if (query->edns.version > 0) {
        return RCODE_BADVERS;
    }
    return query->edns.malformed || query->edns.cookie_malformed ? RCODE_FORMERR : RCODE_NOERROR;
}

/* An opcode of which no more is known than the header (RFC 8906 3.1.4): whatever the rest looks like, the answer is NOTIMP. */
static uint8_t judge_unknown(query_t *query, bool well_formed)
{
    if (!well_formed) {
        query->edns = (edns_t){.present = false};
        query->has_tsig = false;
        query->tsig_offset = 0;
    }
    return RCODE_NOTIMP;
}

/* No question: a client that only asks for a cookie (RFC 7873 5.4), or an error. */
static uint8_t judge_questionless(const query_t *query)
{
    uint8_t rcode = judge_edns(query);
    return rcode == RCODE_NOERROR && query->edns.cookie_length == 0 ? RCODE_FORMERR : rcode;
}

static void query_reset(query_t *query, const uint8_t *message, size_t size)
{
    query->message = message;
    query->size = size;
    uint32_t head = load_be32(message);
    query->id = (uint16_t)(head >> 16);
    query->flags = (uint16_t)head;
    query->opcode = head >> 11 & 15;
    query->rcode = RCODE_NOERROR;
    query->has_question = false;
    query->has_tsig = false;
    query->type = 0;
    query->rrclass = 0;
    query->question_size = 0;
    query->tsig_offset = 0;
    query->ixfr_serial = 0;
    query->has_ixfr_serial = false;
    query->edns = (edns_t){.present = false};
}

/* Any request whatever, from behind its question (position 0: it has none that can be read). */
static __attribute__((noinline)) uint8_t parse_general(query_t *query, size_t position)
{
    const uint8_t *message = query->message;
    counts_t counts = {load_be16(message + 6), load_be16(message + 8), load_be16(message + 10)};
    bool questionless = position == 0 && query->opcode == OPCODE_QUERY && load_be16(message + 4) == 0;
    position = questionless ? MESSAGE_HEADER_SIZE : position;
    bool well_formed = position != 0 && read_sections(query, position, counts);
    if (query->opcode != OPCODE_QUERY && query->opcode != OPCODE_NOTIFY && query->opcode != OPCODE_UPDATE) {
        return judge_unknown(query, well_formed);
    }
    if (!well_formed) {
        return RCODE_FORMERR;
    }
    return questionless ? judge_questionless(query) : judge_edns(query);
}

/* What nearly every query is: a question, and behind it nothing but an OPT that ends with the message. False, with nothing done, when
 * this is another one. */
static inline bool parse_plain(query_t *query, size_t position)
{
    static const uint8_t question_alone[8] = {0, 1};
    static const uint8_t question_and_opt[8] = {0, 1, [7] = 1};
    size_t left = query->size - position;
    const uint8_t *record = query->message + position;
    if (memcmp(query->message + 4, question_and_opt, 8) != 0) {
        return memcmp(query->message + 4, question_alone, 8) == 0 && left == 0;
    }
    if (left < 1 + RECORD_FIXED_SIZE || record[0] != 0 || load_be16(record + 1) != TYPE_OPT ||
        load_be16(record + 9) != left - 1 - RECORD_FIXED_SIZE) {
        return false;
    }
    read_opt(query, record + 1, load_be16(record + 9));
    query->rcode = judge_edns(query);
    return true;
}

query_verdict_t query_parse(query_t *query, const uint8_t *message, size_t size)
{
    if (UNLIKELY(size < MESSAGE_HEADER_SIZE || size > MESSAGE_MAX || (message[2] & FLAG_QR >> 8) != 0)) {
        return QUERY_DROP;
    }
    query_reset(query, message, size);
    size_t position = read_question(query);
    if (UNLIKELY(position == 0 || query->opcode != OPCODE_QUERY || !parse_plain(query, position))) {
        query->rcode = parse_general(query, position);
    }
    return QUERY_ANSWER;
}
