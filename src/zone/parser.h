/* The master-file parser (RFC 1035 5, 2308 4, 3597 5, and what people really write).
 *
 * All errors of a file are reported in one run into the caller's diagnostics, each with its place; the parser resumes at the next
 * record. Records are handed over one by one; nothing is kept. One thread at a time; several parsers may run in parallel.
 *
 * Where the RFCs leave it open: a TTL that is not written is that of $TTL, else the last one written (RFC 1035 5.1), else the SOA's MINIMUM
 * (with a warning), else an error. $INCLUDE paths are relative to the folder of the file they stand in; behind an included file origin and
 * owner are what they were before, $TTL stays as it was left. A byte order mark is skipped, CR counts as a blank.
 * $GENERATE is that of BIND.
 */
#pragma once

#include "base/diagnostic.h"
#include "base/status.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct zone_record {
    const uint8_t *owner; /* wire, case as written */
    uint16_t type;
    uint16_t rrclass;
    uint32_t ttl_s;
    const uint8_t *rdata; /* wire, uncompressed, checked for its type */
    size_t rdlength;
    const diagnostic_place_t *place; /* of the record's first token; valid during the call */
} zone_record_t;

typedef struct zone_parser_settings {
    const uint8_t *origin; /* wire; the initial $ORIGIN */
    uint16_t rrclass;      /* class of the zone, used where none is written */
    const char *file;      /* shown in messages; base of relative $INCLUDE paths */
    diagnostics_t *diagnostics;
    bool allow_include;
    bool regular_files_only;    /* pipes and devices, which may never come to an end, are refused; included files are always regular */
    unsigned include_depth_max; /* 0: 10 */
    uint64_t generate_max;      /* records that $GENERATE may make in one parse; 0: 2^25, twice a /8 of IPv4 */
    bool ttl_is_optional;       /* a list of records that is no zone: without any TTL it is 0, instead of an error */
    bool general_path_only;     /* for tests: no short cut for plain records; the result must be the same */
    /* Takes one record. STATUS_OK goes on; STATUS_INVALID was reported by the callee and counts as an error; others end the parse. */
    status_t (*record)(void *context, const zone_record_t *record);
    void *context;
    /* Hears of each file that is included, before it is opened; NULL: nobody. */
    void (*included)(void *context, const char *path);
    void *included_context;
} zone_parser_settings_t;

/* Reads settings->file. STATUS_OK: no error in the file. STATUS_MALFORMED: at least one error, all reported. STATUS_IO: cannot be read
 * (reported), STATUS_UNSUPPORTED: no regular file (reported). Else the callee's status. */
status_t zone_parse_file(const zone_parser_settings_t *settings) MUST_USE;
/* The same from memory. */
status_t zone_parse_text(const zone_parser_settings_t *settings, const char *text, size_t length) MUST_USE;
