/* Canonical text of a zone: one record a line, names absolute and in lower case, owners in canonical order (RFC 4034 6.1), the SOA first,
 * TTL and class always written, each RRset followed by its signatures, RFC 3597 for what has no text of its own. The text parses back to
 * the same records.
 *
 * Any thread that holds the contents.
 */
#pragma once

#include "base/buffer.h"
#include "base/status.h"
#include "zone/contents.h"

#include <stddef.h>
#include <stdint.h>

/* Takes pieces of text of some 256 KiB; any status but STATUS_OK ends the writing and is returned. */
typedef status_t (*zone_text_sink_t)(void *context, const void *text, size_t size);

/* The sink's status, or STATUS_NO_MEMORY. Memory: a buffer of at most 1 MiB, whatever the size of the zone. */
status_t zone_format(const zone_contents_t *contents, zone_text_sink_t sink, void *context) MUST_USE;

/* Appends one record and a line's end. rdata is uncompressed wire; it is brought into canonical form in place. */
void zone_format_record(buffer_t *out, const uint8_t *owner, uint16_t type, uint16_t rrclass, uint32_t ttl_s, uint8_t *rdata,
                        size_t length);
