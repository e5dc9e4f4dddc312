#include "dnssec/trust_anchor.h"

#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/key.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/text.h"

#include <stdio.h>
#include <string.h>

void trust_anchors_init(trust_anchors_t *anchors)
{
    arena_init(&anchors->arena, 16384, TRUST_ANCHORS_SIZE_MAX);
    anchors->points = NULL;
}

void trust_anchors_clear(trust_anchors_t *anchors)
{
    arena_clear(&anchors->arena);
    anchors->points = NULL;
}

/* ---- records ---- */

static trust_point_t *find_point(const trust_anchors_t *anchors, const uint8_t *name)
{
    trust_point_t *point = anchors->points;
    while (point && !name_equal(point->owner, name)) {
        point = point->next;
    }
    return point;
}

static trust_point_t *make_point(trust_anchors_t *anchors, const uint8_t *owner)
{
    size_t length = name_length(owner);
    trust_point_t *point = arena_alloc(&anchors->arena, sizeof *point);
    uint8_t *copy = arena_alloc(&anchors->arena, length);
    dnssec_rdata_t *lists = arena_alloc(&anchors->arena, 2 * TRUST_POINT_RECORDS_MAX * sizeof *lists);
    if (!point || !copy || !lists) {
        return NULL;
    }
    memcpy(copy, owner, length);
    name_lower(copy, length);
    *point = (trust_point_t){.next = anchors->points, .owner = copy, .ds = lists, .dnskeys = lists + TRUST_POINT_RECORDS_MAX};
    anchors->points = point;
    return point;
}

static status_t check_record(uint16_t type, const uint8_t *rdata, size_t length)
{
    if (type != TYPE_DS && type != TYPE_DNSKEY) {
        return STATUS_INVALID;
    }
    if (rdata_check(type, CLASS_IN, rdata, length) != STATUS_OK || length <= DS_FIXED_SIZE || length <= DNSKEY_FIXED_SIZE) {
        return STATUS_MALFORMED;
    }
    uint16_t flags = load_be16(rdata);
    bool is_zone_key = (flags & (DNSKEY_FLAG_ZONE | DNSKEY_FLAG_REVOKE)) == DNSKEY_FLAG_ZONE && rdata[2] == DNSKEY_PROTOCOL;
    return type == TYPE_DS || is_zone_key ? STATUS_OK : STATUS_INVALID;
}

status_t trust_anchors_add(trust_anchors_t *anchors, const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t length)
{
    status_t status = check_record(type, rdata, length);
    if (status != STATUS_OK) {
        return status;
    }
    trust_point_t *point = find_point(anchors, owner);
    if (!point) {
        point = make_point(anchors, owner);
    }
    uint8_t *copy = arena_alloc(&anchors->arena, length);
    if (!point || !copy) {
        return STATUS_NO_MEMORY;
    }
    dnssec_rdata_t *list = type == TYPE_DS ? point->ds : point->dnskeys;
    uint16_t *count = type == TYPE_DS ? &point->ds_count : &point->dnskey_count;
    for (unsigned i = 0; i < *count; i++) {
        if (list[i].length == length && memcmp(list[i].data, rdata, length) == 0) {
            return STATUS_OK;
        }
    }
    if (*count == TRUST_POINT_RECORDS_MAX) {
        return STATUS_LIMIT;
    }
    memcpy(copy, rdata, length);
    list[(*count)++] = (dnssec_rdata_t){copy, (uint16_t)length};
    return STATUS_OK;
}

const trust_point_t *trust_anchors_find(const trust_anchors_t *anchors, const uint8_t *name)
{
    return find_point(anchors, name);
}

const trust_point_t *trust_anchors_closest(const trust_anchors_t *anchors, const uint8_t *name)
{
    const trust_point_t *closest = NULL;
    for (const trust_point_t *point = anchors->points; point; point = point->next) {
        if (name_is_at_or_below(name, point->owner) && (!closest || name_labels(point->owner) > name_labels(closest->owner))) {
            closest = point;
        }
    }
    return closest;
}

/* ---- text ---- */

typedef struct anchor_reader {
    const char *text;
    const char *end;
    unsigned line;        /* where text stands */
    unsigned record_line; /* where the record began */
    trust_anchor_error_t *error;
} anchor_reader_t;

static const uint8_t root[NAME_PADDING] = {0};

static status_t fail(const anchor_reader_t *reader, status_t status, const char *message)
{
    reader->error->line = reader->record_line;
    snprintf(reader->error->message, sizeof reader->error->message, "%s", message);
    return status;
}

/* Copies the next record into out as one line, without comments and with blanks for parentheses. False: the text is at its end.
 * Names and rdata of anchors hold no quoted strings. */
static bool next_record(anchor_reader_t *reader, buffer_t *out)
{
    unsigned depth = 0;
    bool is_comment = false;
    buffer_reset(out);
    while (reader->text < reader->end) {
        char c = *reader->text++;
        if (c == '\n') {
            reader->line++;
            is_comment = false;
            if (depth == 0 && out->size > 0) {
                return true;
            }
            c = ' ';
        }
        if (is_comment || (out->size == 0 && (c == ' ' || c == '\t' || c == '\r'))) {
            continue;
        }
        if (c == ';') {
            is_comment = true;
            continue;
        }
        depth += c == '(';
        depth -= c == ')' && depth > 0;
        reader->record_line = out->size == 0 ? reader->line : reader->record_line;
        buffer_append_byte(out, c == '(' || c == ')' || c == '\t' || c == '\r' ? ' ' : (uint8_t)c);
    }
    return out->size > 0;
}

static size_t next_word(const char **text, const char *end, const char **word)
{
    while (*text < end && **text == ' ') {
        ++*text;
    }
    *word = *text;
    while (*text < end && **text != ' ') {
        ++*text;
    }
    return (size_t)(*text - *word);
}

/* [TTL] [CLASS] TYPE in either order of the first two. */
static status_t read_type(const anchor_reader_t *reader, const char **text, const char *end, uint16_t *type)
{
    for (unsigned words = 0; words < 3; words++) {
        const char *word;
        size_t length = next_word(text, end, &word);
        uint32_t ttl_s;
        uint16_t rrclass;
        if (length > 0 && rrtype_from_text(word, length, type) == STATUS_OK) {
            return *type == TYPE_DS || *type == TYPE_DNSKEY ? STATUS_OK
                                                            : fail(reader, STATUS_INVALID, "a trust anchor is a DS or a DNSKEY record");
        }
        if (!text_to_ttl(word, length, &ttl_s) && rrclass_from_text(word, length, &rrclass) != STATUS_OK) {
            break;
        }
    }
    return fail(reader, STATUS_MALFORMED, "DS or DNSKEY expected");
}

static status_t parse_record(trust_anchors_t *anchors, const anchor_reader_t *reader, buffer_t *line, byte_writer_t rdata)
{
    const char *text = (const char *)line->data;
    const char *end = text + line->size;
    const char *word;
    size_t length = next_word(&text, end, &word);
    name_t owner;
    if (name_from_text(&owner, word, length, root, NULL) != STATUS_OK) {
        return fail(reader, STATUS_MALFORMED, "a domain name expected");
    }
    uint16_t type;
    status_t status = read_type(reader, &text, end, &type);
    if (status != STATUS_OK) {
        return status;
    }
    rdata_error_t error;
    status = rdata_from_line(type, CLASS_IN, text, (size_t)(end - text), root, &rdata, &error);
    if (status != STATUS_OK) {
        return fail(reader, status, error.message);
    }
    status = trust_anchors_add(anchors, owner.wire, type, rdata.data, rdata.position);
    if (status == STATUS_INVALID) {
        return fail(reader, status, "the DNSKEY is no zone key, or is revoked");
    }
    return status == STATUS_OK ? status : fail(reader, status, status_text(status));
}

status_t trust_anchors_parse(trust_anchors_t *anchors, const char *text, size_t length, trust_anchor_error_t *error)
{
    anchor_reader_t reader = {.text = text, .end = text + length, .line = 1, .record_line = 1, .error = error};
    buffer_t line;
    buffer_t memory;
    buffer_init(&line, 4 * (size_t)RDATA_MAX);
    buffer_init(&memory, RDATA_MAX);
    uint8_t *rdata = buffer_reserve(&memory, RDATA_MAX);
    status_t status = rdata ? STATUS_OK : fail(&reader, STATUS_NO_MEMORY, status_text(STATUS_NO_MEMORY));
    while (status == STATUS_OK && next_record(&reader, &line)) {
        status = line.status == STATUS_OK ? parse_record(anchors, &reader, &line, byte_writer(rdata, RDATA_MAX))
                                          : fail(&reader, line.status, "the record is too long");
    }
    buffer_clear(&line);
    buffer_clear(&memory);
    return status;
}

/* https://data.iana.org/root-anchors/root-anchors.xml */
status_t trust_anchors_add_root(trust_anchors_t *anchors)
{
    static const char records[] = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
                                  ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n";
    trust_anchor_error_t error;
    return trust_anchors_parse(anchors, records, sizeof records - 1, &error);
}
