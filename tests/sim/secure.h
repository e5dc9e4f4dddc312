/* The signed internet that named tests of DNSSEC start from: a plan of zones that a test changes, then starts.
 *
 *     .               NSEC, the trust anchor
 *     com.            NSEC3, opt-out      net.  NSEC          org.  NSEC3
 *     example.com.    NSEC3, opt-out      example.net. NSEC   example.org. NSEC3     the same contents in each, see secure.c
 *     unsigned.com.   unsigned.net.       unsigned.org.       likewise, without keys: insecure
 *
 * Every zone has a server of its own: secure_zone_t.address. */
#pragma once

#include "sim.h"
#include "zone_signer.h"

enum { SECURE_ZONES_MAX = 24, SECURE_KEYS_MAX = 8, SECURE_TEXT_MAX = 16384, SECURE_DAY_S = 86400 };

typedef struct secure_zone {
    const char *apex;
    const char *parent; /* NULL: the root itself */
    const char *address;
    const char *second_address; /* NULL: one server */
    bool is_guest;              /* no server of its own: the address is that of another zone's */
    const char *text;           /* without SOA, NS, their addresses and delegations; NULL: nothing more */
    const char *soa_text;       /* instead of the SOA's usual numbers */
    uint8_t algorithm;          /* 0: unsigned */
    uint8_t second_algorithm;   /* 0: none; the zone is signed with both */
    bool is_split;              /* KSK and ZSK */
    uint16_t ksk_flags;
    uint16_t zsk_flags;
    uint8_t digest_type;    /* of the DS */
    const char *ds_text;    /* at the parent instead of the DS records that fit; "": none */
    zone_signing_t signing; /* keys are filled in by secure_start() */
    zone_fault_t faults[ZONE_SIGNER_FAULTS_MAX];
    size_t fault_count;
    signing_key_t *keys[SECURE_KEYS_MAX];
    size_t key_count;
} secure_zone_t;

typedef struct secure {
    sim_t *sim;
    secure_zone_t zones[SECURE_ZONES_MAX];
    size_t zone_count;
    const char *anchor_text; /* instead of the root's DS */
} secure_t;

secure_t *secure_new(void);
/* The same at another time, Unix seconds: signatures are valid from a day before it to 30 days behind it. */
secure_t *secure_new_at(uint64_t epoch_s);
/* Ends the sim too. */
void secure_free(secure_t *secure);
/* A zone of the plan; ends the program if there is none. */
secure_zone_t *secure_zone(secure_t *secure, const char *apex);
/* One more zone, signed with P-256 and NSEC, at an address. */
secure_zone_t *secure_add(secure_t *secure, const char *apex, const char *parent, const char *address, const char *text);
/* Adds a fault. */
void secure_fault(secure_t *secure, const char *apex, zone_fault_t fault);
/* The zone's keys, which faults may refer to: made now, as algorithm and split say. keys[0] is what the DS refers to. */
signing_key_t *const *secure_keys(secure_t *secure, const char *apex);
/* One more key that is published and signs. */
signing_key_t *secure_add_key(secure_t *secure, const char *apex, uint8_t algorithm, uint16_t flags);
/* DS text for a key of a zone, as at the parent; caller's buffer. */
enum { SECURE_DS_TEXT_MAX = 512 };
void secure_ds_text(const secure_zone_t *zone, const signing_key_t *key, uint8_t digest_type, char out[static SECURE_DS_TEXT_MAX]);
/* Signs all, makes the servers, starts the resolver. */
sim_t *secure_start(secure_t *secure);
/* Signs a zone of the plan anew, as it is now, in the running sim. */
void secure_sign_again(secure_t *secure, const char *apex);

/* ---- what answers must be ---- */

/* Each asks and fails the test with all that was said. text: sim_answer_t.text. */
void secure_expect(sim_t *sim, const char *name, uint16_t type, const char *text); /* and AD */
void insecure_expect(sim_t *sim, const char *name, uint16_t type, const char *text);
/* What the zones say, and this security. */
void truth_expect(sim_t *sim, const char *name, uint16_t type, store_security_t security);
/* SERVFAIL, nothing in it, this extended error; and with CD set the data (is there any) nevertheless. */
enum { SECURE_ANY_REASON = -2 }; /* several faults at once, or one that can be called by several names: any EDE that tells of bogus data */
void bogus_expect(sim_t *sim, const char *name, uint16_t type, int extended_error);
