/* Signs a zone for tests, well or badly: NSEC or NSEC3, any keys, and a list of faults that a validator must notice.
 *
 * Without faults the outcome is a zone that others find good (tests/differential/test_zone_signer.py). Keys with the SEP flag sign the
 * DNSKEY RRset, the others the rest; where there is but one kind, it signs all. The same input gives the same zone, to the octet.
 */
#pragma once

#include "signing_key.h"
#include "zone/contents.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum zone_fault_kind {
    FAULT_NO_SIGNATURE,       /* by key, or by any */
    FAULT_ALTER_SIGNATURE,    /* its last octet is another */
    FAULT_ALTER_DATA,         /* the last octet of a record is another than the one signed */
    FAULT_TIMES,              /* value: inception, more: expiration; validly signed, as all that follows is */
    FAULT_LABELS,             /* value */
    FAULT_ORIGINAL_TTL,       /* value */
    FAULT_SIGNER,             /* name */
    FAULT_KEY_TAG,            /* value: added to the tag; cannot be valid any more */
    FAULT_ALGORITHM,          /* value: the number; likewise */
    FAULT_FOREIGN_KEY,        /* other: signs instead */
    FAULT_NOISE_SIGNATURES,   /* value: so many more, of the key's tag, which verify nothing, before the good one */
    FAULT_NO_RECORDS,         /* the RRset is left out; bitmaps and chains are as if it were there */
    FAULT_NEXT_NAME,          /* of the NSEC at owner: name; NSEC3: its hash */
    FAULT_BITMAP_ADD,         /* of the NSEC or NSEC3 of owner: value, a type */
    FAULT_BITMAP_DROP,        /* likewise */
    FAULT_NO_KEY,             /* key is not in the DNSKEY RRset, but signs */
    FAULT_KEY_FLAGS,          /* the record of key has these flags instead: value */
    FAULT_KEY_PROTOCOL,       /* likewise the protocol */
    FAULT_COLLIDING_KEYS,     /* value: so many more DNSKEYs with the tag of key */
    FAULT_UNKNOWN_NSEC3_FLAG, /* bit 1 of the NSEC3 of owner */
} zone_fault_kind_t;

typedef struct zone_fault {
    zone_fault_kind_t kind;
    const char *owner; /* NULL: any. NSEC3 records go by the name that they stand for */
    uint16_t type;     /* the RRset's, or covered; 0: any */
    uint32_t value;
    uint32_t more;
    const char *name;
    const signing_key_t *key; /* NULL: any */
    const signing_key_t *other;
} zone_fault_t;

typedef enum zone_denial { ZONE_DENIAL_NSEC, ZONE_DENIAL_NSEC3, ZONE_DENIAL_OPT_OUT, ZONE_DENIAL_NONE } zone_denial_t;

enum { ZONE_SIGNER_FAULTS_MAX = 32, ZONE_SIGNER_SALT_MAX = 16 };

typedef struct zone_signing {
    const signing_key_t *const *keys;
    size_t key_count;
    uint32_t inception_s;
    uint32_t expiration_s;
    zone_denial_t denial;
    uint16_t iterations;
    uint8_t salt_size;
    uint8_t salt[ZONE_SIGNER_SALT_MAX];
    const zone_fault_t *faults;
    size_t fault_count;
} zone_signing_t;

/* One reference, the caller's; plain is not taken. Never NULL: ends the program instead. */
const zone_contents_t *zone_sign(const zone_contents_t *plain, const zone_signing_t *signing);
