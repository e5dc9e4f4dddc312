/* Negative trust anchors that were set while the server ran (RFC 7646): names that are not validated for a while. As data and as text.
 *
 * Invariants: sorted by name in canonical order, each once; each ends, at most a week after it was set (RFC 7646 2). Pure: time is a
 * parameter. One thread at a time.
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    NEGATIVE_ANCHORS_MAX = 1000,
    NEGATIVE_ANCHOR_LIFE_MAX_S = 7 * 86400, /* RFC 7646 2: "a week or less" */
    NEGATIVE_ANCHOR_LIFE_S = 3600,          /* unless somebody says otherwise */
    NEGATIVE_ANCHORS_TEXT_MAX = 2 << 20,    /* bytes */
};

typedef struct timed_anchor {
    name_t name;      /* lower case */
    uint64_t since_s; /* Unix time */
    uint64_t until_s;
} timed_anchor_t;

typedef struct negative_anchors {
    timed_anchor_t *items;
    size_t count;
    size_t room;
} negative_anchors_t;

void negative_anchors_init(negative_anchors_t *anchors);
void negative_anchors_clear(negative_anchors_t *anchors);

/* Sets one, or gives one that is there a new end. STATUS_INVALID: for nothing, or for longer than may be; STATUS_LIMIT: too many;
 * STATUS_NO_MEMORY. */
status_t negative_anchors_add(negative_anchors_t *anchors, const name_t *name, uint64_t now_s, uint64_t life_s) MUST_USE;
/* STATUS_NOT_FOUND. */
status_t negative_anchors_remove(negative_anchors_t *anchors, const uint8_t *name) MUST_USE;
/* Takes out the first that is over; false: none is. One whose beginning lies more than a week ahead was set by a clock that was wrong, and
 * is over too. */
bool negative_anchors_expire(negative_anchors_t *anchors, uint64_t now_s, timed_anchor_t *gone);
/* When the next one is over; UINT64_MAX: never. */
uint64_t negative_anchors_deadline(const negative_anchors_t *anchors);

/* Lines of text, for people too. Result in out's status. */
void negative_anchors_write(const negative_anchors_t *anchors, buffer_t *out);
/* Reads such text into an empty list. STATUS_MALFORMED with *line (from 1), and nothing is read; STATUS_NO_MEMORY. */
status_t negative_anchors_read(negative_anchors_t *anchors, const char *text, size_t length, unsigned *line) MUST_USE;
