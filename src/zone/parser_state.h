/* Inside the zone-file parser: what parser.c (entries, directives, files), parser_record.c (records by tokens), parser_fast.c (plain
 * records in one pass) and parser_generate.c share. Nobody else includes it.
 */
#pragma once

#include "wire/rdata.h"
#include "zone/lexer.h"
#include "zone/parser.h"

/* One file or text that is being read; nested by $INCLUDE. */
typedef struct parser_input {
    struct parser_input *parent;
    const char *file;
    zone_source_t source;
    zone_lexer_t lexer;
} parser_input_t;

typedef struct parser {
    const zone_parser_settings_t *settings;
    parser_input_t *input;
    zone_lexer_t *lexer; /* of input, or of what $GENERATE wrote */
    unsigned depth;      /* of $INCLUDE */
    unsigned includes;   /* files included so far */
    name_t origin;
    name_t owner; /* the last one stated */
    bool has_owner;
    bool owner_was_bad;     /* records without an owner belong to one that was reported: left out silently */
    const char *owner_text; /* as last written, for the fast path; NULL: unknown. Compared, never kept past its source. */
    size_t owner_text_length;
    bool has_ttl;      /* $TTL was given */
    bool has_last_ttl; /* a record stated its TTL */
    bool has_soa_ttl;  /* an SOA without TTL gave its MINIMUM, or would have, had it no error */
    uint32_t ttl_s;    /* of $TTL */
    uint32_t last_ttl_s;
    uint32_t soa_ttl_s;
    size_t errors;
    unsigned runaways;                     /* errors that made us look through the rest of the text */
    uint64_t generated;                    /* records made by $GENERATE */
    const diagnostic_place_t *fixed_place; /* what is reported and handed over while $GENERATE works; NULL: the token's own */
    uint8_t rdata[RDATA_MAX + 1];
} parser_t;

/* A record being put together. */
typedef struct parser_entry {
    zone_position_t from; /* its first token */
    size_t from_length;
    const uint8_t *line_end; /* of the line of `from`; NULL: not known */
    uint16_t type;
    uint16_t rrclass;
    bool has_ttl;
    uint32_t ttl_s;
} parser_entry_t;

/* Reports an error at a position and counts it. */
void parser_error(parser_t *parser, const char *code, const zone_position_t *position, size_t length, const char *hint, const char *format,
                  ...) __attribute__((format(printf, 6, 7)));
void parser_warning(parser_t *parser, const char *code, const zone_position_t *position, size_t length, const char *hint,
                    const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Reports a token that stands for an error of the lexer; false for the other kinds. */
bool parser_report_token(parser_t *parser, const zone_token_t *token);

/* A name of a token; reports what is wrong with it. what: "owner name". */
bool parser_name(parser_t *parser, const zone_token_t *token, const char *what, name_t *name);
/* A TTL: "1h30m" or plain seconds. Reports what is wrong, and cuts what is over 2^31 - 1 with a warning. expected: "a TTL". */
bool parser_ttl(parser_t *parser, const zone_token_t *token, const char *expected, uint32_t *ttl_s);

/* One record from the lexer's place on. STATUS_OK also for an empty line; STATUS_MALFORMED: reported, the caller resumes; else the status
 * of the callee that ends the parse. */
status_t parser_record(parser_t *parser) MUST_USE;
/* [TTL] [class] type, or [class] [TTL] type, beginning with *token; owner: the record's first token if that is its owner, or NULL. False:
 * reported. */
bool parser_header(parser_t *parser, parser_entry_t *entry, zone_token_t *token, const zone_token_t *owner);
/* The rest of a record behind its type, and its delivery. Statuses as parser_record(). */
status_t parser_record_rdata(parser_t *parser, parser_entry_t *entry) MUST_USE;
/* Hands a record over, with the TTL that holds for it. */
status_t parser_deliver(parser_t *parser, const parser_entry_t *entry, size_t rdlength) MUST_USE;

/* Tries the fast path on the line at the lexer's place. True: the record was delivered or reported, *status says how it went (as
 * parser_record()). False: nothing was touched but the owner, which the general path sets anew. */
bool parser_record_fast(parser_t *parser, status_t *status) MUST_USE;

/* The arguments of $GENERATE and its records. Statuses as parser_record(). */
status_t parser_generate(parser_t *parser, const zone_position_t *directive) MUST_USE;
