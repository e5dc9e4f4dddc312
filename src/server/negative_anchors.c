/* The text: a head, a line for each anchor, and a last line that tells a whole file from one that was cut short.
 *
 *     portolan-negative-trust-anchors 1
 *     anchor broken.example. since=1764000000 until=1764003600
 *     end
 */
#include "server/negative_anchors.h"

#include "base/require.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char head[] = "portolan-negative-trust-anchors 1";

void negative_anchors_init(negative_anchors_t *anchors)
{
    *anchors = (negative_anchors_t){.items = NULL};
}

void negative_anchors_clear(negative_anchors_t *anchors)
{
    free(anchors->items);
    negative_anchors_init(anchors);
}

/* Its place, or the one where it would stand. */
static size_t find(const negative_anchors_t *anchors, const uint8_t *name, bool *found)
{
    size_t place = 0;
    int order = 1;
    while (place < anchors->count && (order = name_compare(anchors->items[place].name.wire, name)) < 0) {
        place++;
    }
    *found = place < anchors->count && order == 0;
    return place;
}

static status_t make_room(negative_anchors_t *anchors)
{
    if (anchors->count == NEGATIVE_ANCHORS_MAX) {
        return STATUS_LIMIT;
    }
    if (anchors->count == anchors->room) {
        size_t room = 2 * anchors->room + 4;
        timed_anchor_t *items = realloc(anchors->items, room * sizeof *items);
        if (!items) {
            return STATUS_NO_MEMORY;
        }
        anchors->items = items;
        anchors->room = room;
    }
    return STATUS_OK;
}

static status_t put(negative_anchors_t *anchors, const timed_anchor_t *anchor)
{
    bool found;
    size_t place = find(anchors, anchor->name.wire, &found);
    status_t status = found ? STATUS_OK : make_room(anchors);
    if (status != STATUS_OK) {
        return status;
    }
    if (!found) {
        memmove(anchors->items + place + 1, anchors->items + place, (anchors->count - place) * sizeof *anchors->items);
        anchors->count++;
    }
    anchors->items[place] = *anchor;
    return STATUS_OK;
}

status_t negative_anchors_add(negative_anchors_t *anchors, const name_t *name, uint64_t now_s, uint64_t life_s)
{
    if (life_s == 0 || life_s > NEGATIVE_ANCHOR_LIFE_MAX_S) {
        return STATUS_INVALID;
    }
    timed_anchor_t anchor = {.name = *name, .since_s = now_s, .until_s = now_s + life_s};
    name_lower(anchor.name.wire, anchor.name.length);
    return put(anchors, &anchor);
}

static void take_out(negative_anchors_t *anchors, size_t place)
{
    anchors->count--;
    memmove(anchors->items + place, anchors->items + place + 1, (anchors->count - place) * sizeof *anchors->items);
}

status_t negative_anchors_remove(negative_anchors_t *anchors, const uint8_t *name)
{
    bool found;
    size_t place = find(anchors, name, &found);
    if (!found) {
        return STATUS_NOT_FOUND;
    }
    take_out(anchors, place);
    return STATUS_OK;
}

bool negative_anchors_expire(negative_anchors_t *anchors, uint64_t now_s, timed_anchor_t *gone)
{
    for (size_t i = 0; i < anchors->count; i++) {
        const timed_anchor_t *anchor = &anchors->items[i];
        if (now_s >= anchor->until_s || anchor->since_s > now_s + NEGATIVE_ANCHOR_LIFE_MAX_S) {
            *gone = *anchor;
            take_out(anchors, i);
            return true;
        }
    }
    return false;
}

uint64_t negative_anchors_deadline(const negative_anchors_t *anchors)
{
    uint64_t deadline_s = UINT64_MAX;
    for (size_t i = 0; i < anchors->count; i++) {
        deadline_s = anchors->items[i].until_s < deadline_s ? anchors->items[i].until_s : deadline_s;
    }
    return deadline_s;
}

/* ---- text ---- */

void negative_anchors_write(const negative_anchors_t *anchors, buffer_t *out)
{
    buffer_printf(out, "%s\n", head);
    for (size_t i = 0; i < anchors->count; i++) {
        char name[NAME_TEXT_MAX];
        name_to_text(anchors->items[i].name.wire, name);
        buffer_printf(out, "anchor %s since=%" PRIu64 " until=%" PRIu64 "\n", name, anchors->items[i].since_s, anchors->items[i].until_s);
    }
    buffer_append_text(out, "end\n");
}

typedef struct line_reader {
    const char *at;
    const char *end;
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

static bool take_number(line_reader_t *line, const char *name, uint64_t *number)
{
    enum { BASE = 10 };
    if (!take_text(line, name)) {
        return false;
    }
    const char *first = line->at;
    for (*number = 0; line->at < line->end && *line->at >= '0' && *line->at <= '9'; line->at++) {
        unsigned digit = (unsigned)(*line->at - '0');
        if (*number > ((uint64_t)INT64_MAX - digit) / BASE) {
            return false;
        }
        *number = BASE * *number + digit;
    }
    return line->at > first;
}

static status_t read_anchor(negative_anchors_t *anchors, line_reader_t *line)
{
    static const uint8_t root[NAME_PADDING] = {0};
    timed_anchor_t anchor;
    const char *blank = memchr(line->at, ' ', (size_t)(line->end - line->at));
    if (!blank || name_from_text(&anchor.name, line->at, (size_t)(blank - line->at), root, NULL) != STATUS_OK) {
        return STATUS_MALFORMED;
    }
    name_lower(anchor.name.wire, anchor.name.length);
    line->at = blank;
    if (!take_number(line, " since=", &anchor.since_s) || !take_number(line, " until=", &anchor.until_s) || line->at != line->end ||
        anchor.until_s <= anchor.since_s || anchor.until_s - anchor.since_s > NEGATIVE_ANCHOR_LIFE_MAX_S) {
        return STATUS_MALFORMED;
    }
    status_t status = put(anchors, &anchor);
    return status == STATUS_LIMIT ? STATUS_MALFORMED : status;
}

static status_t read_line(negative_anchors_t *anchors, unsigned number, line_reader_t line, bool *is_over)
{
    if (number == 1) {
        return take_text(&line, head) && line.at == line.end ? STATUS_OK : STATUS_MALFORMED;
    }
    if (!*is_over && take_text(&line, "anchor ")) {
        return read_anchor(anchors, &line);
    }
    bool is_end = !*is_over && take_text(&line, "end") && line.at == line.end;
    *is_over = true;
    return is_end ? STATUS_OK : STATUS_MALFORMED;
}

status_t negative_anchors_read(negative_anchors_t *anchors, const char *text, size_t length, unsigned *line_number)
{
    const char *at = text;
    const char *end = text + length;
    bool is_over = false;
    status_t status = STATUS_OK;
    REQUIRE(anchors->count == 0);
    for (*line_number = 0; status == STATUS_OK && at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        ++*line_number;
        status = read_line(anchors, *line_number, (line_reader_t){.at = at, .end = line_end}, &is_over);
        at = line_end < end ? line_end + 1 : end;
    }
    if (status == STATUS_OK && !is_over) {
        status = STATUS_MALFORMED;
    }
    if (status != STATUS_OK) {
        negative_anchors_clear(anchors);
    }
    return status;
}
