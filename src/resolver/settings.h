/* Every limit and switch of the resolver, with its default (RESOLVER_* below, set by resolver_settings_default()).
 *
 * Limits answer attacks that are named beside them; each is charged to one budget that a client's request carries (budget.h) or holds
 * for one table. Times end in _ms or _s. A settings object is immutable while a resolver uses it, and may be shared by threads.
 */
#pragma once

#include "resolver/address.h"
#include "wire/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hints; /* resolver/hints.h */

/* Sizes of tables inside a fetch or a request: a setting may be lower, never higher. */
enum {
    RESOLVER_NS_NAMES_MAX = 13,   /* names of one NS RRset that are considered (NXNSAttack, CVE-2024-11187) */
    RESOLVER_NS_LOOKUPS_MAX = 5,  /* look-ups of addresses of name servers for one referral (NXNSAttack) */
    RESOLVER_CANDIDATES_MAX = 39, /* addresses considered at one zone cut */
    RESOLVER_CNAME_HOPS_MAX = 16, /* names of a chain (TsuNAME) */
    RESOLVER_MINIMISE_STEPS = 10, /* MAX_MINIMISE_COUNT, RFC 9156 2.3 */
    RESOLVER_MINIMISE_SINGLE = 4, /* MINIMISE_ONE_LAB, RFC 9156 2.3 */
    RESOLVER_SIGNATURES_MAX = 16, /* RRSIGs kept with one RRset */
};

typedef enum resolver_zone_kind {
    RESOLVER_STUB,    /* the addresses are authoritative: asked without RD, referrals are followed */
    RESOLVER_FORWARD, /* the addresses are resolvers: asked with RD, the full name at once */
} resolver_zone_kind_t;

/* A part of the tree that is asked elsewhere than the delegations say. */
typedef struct resolver_zone {
    name_t zone; /* lower case */
    resolver_zone_kind_t kind;
    bool fallback; /* forward zones: descend from the root when no forwarder answers */
    const resolver_address_t *addresses;
    size_t address_count;
} resolver_zone_t;

/* In place of the type of a local record, without rdata. */
enum {
    RESOLVER_LOCAL_NODATA = 0,       /* the owner exists and has no records */
    RESOLVER_LOCAL_NXDOMAIN = 65535, /* the owner does not exist, nor does anything below it that is not given itself */
};

/* One record that is answered locally, before anything else. A wildcard owner stands for names that are not given themselves (RFC 4592). */
typedef struct resolver_local_record {
    name_t owner;  /* any case */
    uint16_t type; /* or RESOLVER_LOCAL_* */
    uint16_t rdlength;
    uint32_t ttl_s;
    const uint8_t *rdata; /* uncompressed, valid for its type */
} resolver_local_record_t;

typedef struct resolver_settings {
    /* ---- one client request ---- */
    unsigned upstream_queries_max;    /* 100: messages sent (NXNSAttack, CAMP, NRDelegationAttack) */
    unsigned fetches_max_a_request;   /* 64: questions worked on, sub-look-ups included (CAMP) */
    unsigned depth_max;               /* 16: look-up for a look-up for ... (TsuNAME) */
    unsigned cname_hops_max;          /* 16, at most RESOLVER_CNAME_HOPS_MAX */
    unsigned request_wall_ms;         /* 10,000: then SERVFAIL */
    unsigned reply_bytes_max;         /* 1 MiB received for one request */
    unsigned signature_checks_max;    /* 30 (KeyTrap) */
    unsigned keys_a_tag_max;          /* 2 (KeyTrap) */
    unsigned signatures_an_rrset_max; /* 2 tried per algorithm (KeyTrap) */
    unsigned ds_max;                  /* 8 DS records looked at (KeyTrap) */
    unsigned nsec3_hashes_max;        /* 600 (CVE-2023-50868) */
    unsigned nsec3_iterations_max;    /* 50: above, insecure (RFC 9276) */
    /* ---- one zone cut ---- */
    unsigned sends_a_cut_max;  /* 32 (NRDelegationAttack) */
    unsigned ns_names_max;     /* 13 */
    unsigned ns_lookups_max;   /* 5 */
    unsigned tries_an_address; /* 5 sends to one address for one question at one cut */
    /* ---- what is learned ---- */
    unsigned records_an_rrset_max; /* 100 (CVE-2024-1737) */
    unsigned types_a_name_max;     /* 100 (CVE-2024-1737); held by the store */
    uint32_t ttl_min_s;            /* 0 */
    uint32_t ttl_max_s;            /* 86,400 */
    uint32_t negative_ttl_max_s;   /* 3,600 (RFC 2308 5: one to three hours) */
    uint32_t delegation_ttl_max_s; /* 86,400 (ghost domains) */
    uint32_t failure_ttl_min_s;    /* 5, doubled by each failure that follows (RFC 9520 3.2) */
    uint32_t failure_ttl_max_s;    /* 300 (RFC 9520 3.2) */
    /* ---- tables ---- */
    unsigned clients_max;              /* 10,000 that wait */
    unsigned clients_a_request_max;    /* 1,000 that wait for the same question */
    unsigned requests_max;             /* 5,000 questions that clients wait for */
    unsigned fetches_max;              /* 4,096 questions being asked upstream */
    unsigned fetches_a_server_max;     /* 200 outstanding at one address (random sub-domains) */
    unsigned fetches_a_zone_max;       /* 200 outstanding at one zone cut (random sub-domains) */
    unsigned addresses_remembered_max; /* 16,384 in the table of servers */
    unsigned discard_waiter_ms;        /* 1,900: a client that waited longer gets nothing (DNSBomb); 0: always answered */
    /* ---- waiting for servers ---- */
    unsigned timeout_initial_ms; /* 400, for an address never heard of */
    unsigned timeout_min_ms;     /* 100 */
    unsigned timeout_max_ms;     /* 4,000 */
    unsigned tcp_timeout_ms;     /* 3,000: connection and answer */
    unsigned near_misses_max;    /* 3 replies that nearly fit, then the question goes over TCP (Kaminsky, SADDNS) */
    /* ---- stale answers (RFC 8767) ---- */
    bool serve_stale;
    uint32_t stale_max_s;        /* 86,400 after expiry */
    uint32_t stale_answer_ttl_s; /* 30 */
    unsigned stale_client_ms;    /* 1,800: a stale answer is given after this wait */
    /* ---- validation (validate.h); what is trusted comes with resolver_set_trust() ---- */
    bool validate;              /* RFC 4035 5; off: everything is indeterminate, AD is never set */
    bool accept_sha1;           /* RSA/SHA-1 signatures and SHA-1 digests count; off: what only they secure is insecure (RFC 8624) */
    uint32_t signature_skew_s;  /* 300: by which signature times may be missed, in both directions */
    uint32_t bogus_ttl_s;       /* 60: how long bogus data is remembered as such */
    unsigned bogus_retries_max; /* 3 other servers are asked before data counts as bogus */
    unsigned zones_trusted_max; /* 4,096 zones whose keys, or lack of them, are remembered */
    bool aggressive_nsec;       /* RFC 8198 */
    bool root_key_sentinel;     /* RFC 8509 */
    bool signal_key_tags;       /* RFC 8145 */
    /* ---- asked unprompted, made up ---- */
    bool prefetch;             /* names that are asked for again shortly before they expire */
    unsigned prefetch_percent; /* 10: of the TTL that is left when that begins */
    bool refresh_addresses;    /* after an answer, addresses of its zone's servers that are not known are looked up; within the question's
                                  budget */
    bool harden_glue;          /* glue counts only for names inside the zone whose server gives it; off: any */
    bool minimal_answers;      /* no NS and addresses beside an answer, even if they are known */
    const resolver_prefix_t *dns64; /* RFC 6147, 6052: prefixes (/32, /40, /48, /56, /64, /96) that AAAA are made with */
    size_t dns64_count;
    const resolver_prefix_t *dns64_excluded; /* AAAA that count as not there; default ::ffff:0:0/96 */
    size_t dns64_excluded_count;
    /* ---- switches ---- */
    bool minimise_names;      /* RFC 9156 */
    bool randomise_case;      /* 0x20 */
    bool cookies;             /* RFC 7873 towards servers */
    bool priming;             /* RFC 8109 */
    bool ipv4;                /* ask IPv4 addresses */
    bool ipv6;                /* ask IPv6 addresses */
    bool prefer_ipv6;         /* of two equally good addresses */
    bool ask_loopback;        /* loopback addresses may be asked */
    bool builtin_local_zones; /* special.h */
    uint16_t udp_size;        /* 1,232 */
    /* ---- what the operator gives; owned by the caller, must outlive the resolver ---- */
    const struct hints *hints; /* NULL: built in */
    const resolver_zone_t *zones;
    size_t zone_count;
    const resolver_local_record_t *local_records;
    size_t local_record_count;
    const resolver_prefix_t *denied; /* addresses never asked, besides those of resolver_address_may_be_asked() */
    size_t denied_count;
} resolver_settings_t;

/* All defaults. Any thread. */
void resolver_settings_default(resolver_settings_t *settings);
