/* The state of rollovers as text: one line for each trust point, then one for each of its keys.
 *
 *     portolan-trust-anchors 1
 *     point . query=1764000000 seen=1763990000 ttl=172800 lifetime=1209600
 *     key valid place=0 since=1763990000 acceptable=0 vouchers=0 257 3 8 AwEAA...
 *     end
 *
 * The last line tells a whole file from one that was cut short.
 */
#include "dnssec/rollover.h"

#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/key.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char head[] = "portolan-trust-anchors 1";

void rollover_write(const rollover_t *rollover, buffer_t *out)
{
    buffer_printf(out, "%s\n", head);
    for (const rollover_point_t *point = rollover->points; point; point = point->next) {
        char owner[NAME_TEXT_MAX];
        name_to_text(point->owner.wire, owner);
        buffer_printf(out, "point %s query=%" PRIu64 " seen=%" PRIu64 " ttl=%" PRIu32 " lifetime=%" PRIu32 "\n", owner, point->next_query_s,
                      point->seen_s, point->ttl_s, point->lifetime_s);
        for (unsigned i = 0; i < ROLLOVER_KEYS_MAX; i++) {
            const rollover_key_t *key = &point->keys[i];
            if (key->is_used) {
                buffer_printf(out, "key %s place=%u since=%" PRIu64 " acceptable=%" PRIu64 " vouchers=%u ",
                              rollover_key_state_text(key->state), i, key->since_s, key->acceptable_s, (unsigned)key->vouchers);
                rdata_to_text(TYPE_DNSKEY, CLASS_IN, key->rdata, key->length, out);
                buffer_append_byte(out, '\n');
            }
        }
    }
    buffer_append_text(out, "end\n");
}

/* ---- reading ---- */

typedef struct line_reader {
    const char *at;
    const char *end;
    bool failed;
} line_reader_t;

static bool take_text(line_reader_t *line, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(line->end - line->at) < length || memcmp(line->at, text, length) != 0) {
        return false;
    }
    line->at += length;
    return true;
}

/* " NAME=NUMBER", at most maximum. */
static uint64_t take_number(line_reader_t *line, const char *name, uint64_t maximum)
{
    uint64_t number = 0;
    const char *first;
    line->failed = line->failed || !take_text(line, " ") || !take_text(line, name) || !take_text(line, "=");
    for (first = line->at; !line->failed && line->at < line->end && *line->at >= '0' && *line->at <= '9'; line->at++) {
        unsigned digit = (unsigned)(*line->at - '0');
        line->failed = number > (maximum - digit) / 10;
        number = 10 * number + digit;
    }
    line->failed = line->failed || line->at == first;
    return number;
}

static status_t read_point(rollover_t *rollover, line_reader_t *line)
{
    static const uint8_t root[NAME_PADDING] = {0};
    const char *first = line->at;
    while (line->at < line->end && *line->at != ' ') {
        line->at++;
    }
    name_t owner;
    if (rollover->count == ROLLOVER_POINTS_MAX || name_from_text(&owner, first, (size_t)(line->at - first), root, NULL) != STATUS_OK) {
        return STATUS_MALFORMED;
    }
    rollover_point_t *point = calloc(1, sizeof *point);
    if (!point) {
        return STATUS_NO_MEMORY;
    }
    point->owner = owner;
    name_lower(point->owner.wire, point->owner.length);
    point->next = rollover->points;
    rollover->points = point;
    rollover->count++;
    point->next_query_s = take_number(line, "query", INT64_MAX);
    point->seen_s = take_number(line, "seen", INT64_MAX);
    point->ttl_s = (uint32_t)take_number(line, "ttl", UINT32_MAX);
    point->lifetime_s = (uint32_t)take_number(line, "lifetime", UINT32_MAX);
    return line->failed || line->at != line->end ? STATUS_MALFORMED : STATUS_OK;
}

static bool read_state(line_reader_t *line, rollover_key_state_t *state)
{
    for (unsigned i = ROLLOVER_ADD_PENDING; i <= ROLLOVER_REMOVED; i++) {
        if (take_text(line, rollover_key_state_text((rollover_key_state_t)i))) {
            *state = (rollover_key_state_t)i;
            return true;
        }
    }
    return false;
}

static status_t read_key(rollover_point_t *point, line_reader_t *line)
{
    rollover_key_t key = {.is_used = true};
    if (!point || !read_state(line, &key.state)) {
        return STATUS_MALFORMED;
    }
    uint64_t place = take_number(line, "place", ROLLOVER_KEYS_MAX - 1);
    key.since_s = take_number(line, "since", INT64_MAX);
    key.acceptable_s = take_number(line, "acceptable", INT64_MAX);
    key.vouchers = (uint16_t)take_number(line, "vouchers", UINT16_MAX);
    uint8_t *rdata = line->failed ? NULL : malloc(RDATA_MAX);
    if (!rdata) {
        return line->failed ? STATUS_MALFORMED : STATUS_NO_MEMORY;
    }
    byte_writer_t writer = byte_writer(rdata, RDATA_MAX);
    rdata_error_t error;
    status_t status = rdata_from_line(TYPE_DNSKEY, CLASS_IN, line->at, (size_t)(line->end - line->at), NULL, &writer, &error);
    bool fits = status == STATUS_OK && writer.position > DNSKEY_FIXED_SIZE && writer.position <= sizeof key.rdata &&
                (load_be16(rdata) & DNSKEY_FLAG_REVOKE) == 0 && !point->keys[place].is_used;
    if (fits) {
        key.length = (uint16_t)writer.position;
        memcpy(key.rdata, rdata, writer.position);
        key.tag = dnssec_key_tag(key.rdata, key.length);
        point->keys[place] = key;
    }
    free(rdata);
    return fits ? STATUS_OK : STATUS_MALFORMED;
}

/* One line behind the first; *is_over after the last. */
static status_t read_line(rollover_t *rollover, line_reader_t line, bool *is_over)
{
    if (*is_over) {
        return STATUS_MALFORMED;
    }
    if (take_text(&line, "point ")) {
        return read_point(rollover, &line);
    }
    if (take_text(&line, "key ")) {
        return read_key(rollover->points, &line);
    }
    *is_over = take_text(&line, "end") && line.at == line.end;
    return *is_over ? STATUS_OK : STATUS_MALFORMED;
}

status_t rollover_read(rollover_t *rollover, const char *text, size_t length, unsigned *line_number)
{
    const char *at = text;
    const char *end = text + length;
    bool is_over = false;
    status_t status = length <= ROLLOVER_STATE_MAX ? STATUS_OK : STATUS_MALFORMED;
    REQUIRE(!rollover->points);
    for (*line_number = 1; status == STATUS_OK && at < end; ++*line_number) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        line_reader_t line = {.at = at, .end = line_end};
        if (*line_number > 1) {
            status = read_line(rollover, line, &is_over);
        } else {
            status = take_text(&line, head) && line.at == line.end ? STATUS_OK : STATUS_MALFORMED;
        }
        at = line_end < end ? line_end + 1 : end;
    }
    --*line_number;
    if (status == STATUS_OK && !is_over) {
        status = STATUS_MALFORMED; /* cut short */
    }
    if (status != STATUS_OK) {
        rollover_clear(rollover);
    }
    return status;
}
