/* Canonical order of names (RFC 4034 6.1) as order of integers.
 *
 * The labels below the apex, the topmost first, are written one after the other, each behind it a zero; octets 0 and 1 become 1 0 and 1 1.
 * The octet strings so made compare as the names do. An order key is 8 octets of it as a big-endian number, zeros behind its end: keys of a
 * <= b never compare as a > b, and equal keys are told apart by the next 8 octets.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The key from octet `skip` on. wire: lower case, at or below an apex of apex_labels labels. Cost: the name's length. */
uint64_t zone_order_key(const uint8_t *wire, unsigned apex_labels, size_t skip);
