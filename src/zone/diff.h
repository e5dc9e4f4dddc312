/* The records in which two versions of a zone differ, signatures included.
 *
 * A record whose TTL changed counts as removed and added. Any thread that holds both contents. Cost: one pass over both.
 */
#pragma once

#include "base/status.h"
#include "zone/contents.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct zone_change {
    bool is_added; /* else removed */
    const uint8_t *owner;
    uint16_t type;
    uint16_t rrclass;
    uint32_t ttl_s;
    uint8_t *rdata; /* wire, canonical; the callee may change it */
    size_t rdlength;
} zone_change_t;

/* Calls `change` for each difference: owners in canonical order (NSEC3 owners last), types in ascending order, for each record that is in
 * one version only. Any status but STATUS_OK ends the comparison and is returned. STATUS_NO_MEMORY, STATUS_LIMIT (a name with more than
 * 1 GiB of data). */
status_t zone_diff(const zone_contents_t *from, const zone_contents_t *to, status_t (*change)(void *context, const zone_change_t *change),
                   void *context) MUST_USE;
