/* What is known about zones: which are signed, by which keys; which are proven to be unsigned; which fail. The memory of the validator.
 *
 * Invariants
 *  1. Whatever is here followed from a trust anchor (or was found bogus below one); nothing is here that was only said.
 *  2. An entry ends with the shortest life of what it was concluded from: TTLs as validation bounded them, signatures included. Keys may
 * end earlier than the DS they were trusted by: then the zone is ZONE_SIGNED again.
 *  3. At most zones_max entries; the one unused for the longest goes first. An entry holds at most ZONE_DS_MAX DS and ZONE_KEYS_MAX keys.
 *     Keys of at most ZONES_PARSED_MAX zones are kept as libcrypto wants them, which takes some 5 KiB each; those of the others are parsed
 *     again when they are needed, at a tenth of what a signature costs.
 *  4. Found by a keyed hash: strangers choose the names.
 *
 * One table per resolver, one thread at a time. Pointers to entries hold until the next call that puts or clears.
 */
#pragma once

#include "base/siphash.h"
#include "dnssec/key.h"
#include "dnssec/verify.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ZONE_DS_MAX = 32, ZONE_KEYS_MAX = 32, ZONES_PARSED_MAX = 64 };

typedef enum zone_state {
    ZONE_SIGNED,   /* its DS are valid; its keys are not known */
    ZONE_SECURE,   /* its keys are known */
    ZONE_INSECURE, /* proven not to be validated */
    ZONE_BOGUS,    /* its DS or DNSKEY records could not be validated */
} zone_state_t;

typedef struct zone_trust {
    struct zone_trust *next;  /* in the same slot */
    struct zone_trust *newer; /* by use */
    struct zone_trust *older;
    uint64_t hash;
    zone_state_t state;
    int16_t extended_error; /* INSECURE, BOGUS: why; EDE_* */
    uint8_t labels;
    uint64_t until_s;      /* Unix time; of the whole */
    uint64_t keys_until_s; /* SECURE */
    dnssec_rdata_t *ds;    /* SIGNED, SECURE; none below a trust anchor */
    uint16_t ds_count;
    uint16_t key_count;
    uint8_t parsed_place; /* among the zones whose keys are kept parsed, from 1; 0: not among them */
    bool is_parsed_again; /* found since it came to be among them, or since it was last passed over there */
    dnssec_key_t **keys;  /* SECURE; references are held, by nobody else */
    char *text;           /* BOGUS: for people */
    const uint8_t *zone;  /* wire, lower case */
    _Alignas(8) uint8_t memory[];
} zone_trust_t;

typedef struct zone_trust_table zone_trust_table_t;

/* NULL without memory. key is copied. */
zone_trust_table_t *zone_trust_table_new(unsigned zones_max, const siphash_key_t *key);
void zone_trust_table_free(zone_trust_table_t *table);
/* Forgets all. */
void zone_trust_table_clear(zone_trust_table_t *table);
size_t zone_trust_table_count(const zone_trust_table_t *table);

/* The deepest zone known among the suffixes of the name that have at most `labels_max` and at least `labels_min` labels; NULL: none. Cost:
 * a hash for each label. */
zone_trust_t *zone_trust_deepest(zone_trust_table_t *table, const name_key_t *name, unsigned labels_max, unsigned labels_min,
                                 uint64_t now_s);
/* Exactly this zone (lower case); NULL: nothing known. */
zone_trust_t *zone_trust_find(zone_trust_table_t *table, const uint8_t *zone, uint64_t now_s);

/* Each takes the place of what was known about the zone, copies all, and does nothing without memory. until_s must lie in the future. */
void zone_trust_put_signed(zone_trust_table_t *table, const uint8_t *zone, dnssec_records_t ds, uint64_t until_s);
void zone_trust_put_insecure(zone_trust_table_t *table, const uint8_t *zone, int16_t extended_error, uint64_t until_s);
typedef struct zone_reason {
    int16_t extended_error;
    const char *text;
} zone_reason_t;
void zone_trust_put_bogus(zone_trust_table_t *table, const uint8_t *zone, zone_reason_t fault, uint64_t until_s);
/* The keys of a zone: those among the DNSKEY records that policy accepts. The DS that led to them are kept if they are known; a zone that
 * is trusted by an anchor has none. */
void zone_trust_put_keys(zone_trust_table_t *table, const uint8_t *zone, const dnssec_policy_t *policy, dnssec_records_t dnskeys,
                         uint64_t until_s);
