/* Signed zones for tests of validation: the records of a zone file grouped to RRsets beside their signatures. */
#pragma once

#include "base/arena.h"
#include "dnssec/denial.h"
#include "dnssec/key.h"
#include "dnssec/verify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct signed_rrset {
    dnssec_rrset_t rrset;    /* owner is lower case */
    dnssec_records_t rrsigs; /* all RRSIGs at the owner that cover the type */
    bool is_authoritative;   /* not below a cut; at a cut only DS and NSEC */
} signed_rrset_t;

typedef struct signed_zone {
    arena_t arena;
    const uint8_t *apex;
    signed_rrset_t *rrsets; /* canonical order of owners, then by type */
    size_t count;
    dnssec_keys_t keys; /* those of the apex that policy accepts */
} signed_zone_t;

/* Ends the program with a message if the text is no zone file. apex: text of the zone's name. */
void signed_zone_load_text(signed_zone_t *zone, const char *apex, const char *text, size_t length);
void signed_zone_load_file(signed_zone_t *zone, const char *apex, const char *path);
void signed_zone_clear(signed_zone_t *zone);
/* NULL: not there. */
const signed_rrset_t *signed_zone_find(const signed_zone_t *zone, const uint8_t *owner, uint16_t type);
const signed_rrset_t *signed_zone_find_text(const signed_zone_t *zone, const char *owner, uint16_t type);
/* Does anything exist at the name or below it (RFC 4592 2.2)? Only authoritative data and cuts count. */
bool signed_zone_name_exists(const signed_zone_t *zone, const uint8_t *name);
