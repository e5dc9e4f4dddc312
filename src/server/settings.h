/* Everything an operator can set, as the server takes it: plain data, checked, defaults filled in (control/ makes it from YAML).
 *
 * Owned by its arena; immutable once handed to the server, which frees it when the next settings have replaced it.
 */
#pragma once

#include "base/arena.h"
#include "base/log.h"
#include "net/handler.h"
#include "policy/acl.h"
#include "resolver/settings.h"
#include "resolver/trust.h"
#include "wire/name.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct listen_settings {
    net_protocol_t protocol; /* NET_UDP stands for dns://, UDP and TCP */
    net_address_t address;   /* with port */
    bool optional;           /* left out with a warning where the system has no such address (::1 of the default) */
} listen_settings_t;

/* Access lists are shared: 100,000 zones with the same secondaries have one. */
typedef struct access_list {
    struct access_list *next;
    acl_t *acl;
} access_list_t;

typedef struct zone_settings {
    name_t name;                 /* lower case */
    const char *file;            /* absolute path */
    const acl_t *allow_transfer; /* NULL: nobody; owned by the settings' access_lists */
} zone_settings_t;

/* How this server resolves. Everything points into the settings' arena. */
typedef struct recursion_settings {
    bool enabled;                   /* false: nobody is answered but from zones; no resolver is made */
    const acl_t *allow;             /* who may ask; default: loopback, private, linklocal. Owned by access_lists */
    resolver_settings_t resolver;   /* complete: hints, zones, local records, limits, switches */
    const trust_anchors_t *anchors; /* as configured, or built in; NULL: none */
    bool update_anchors;            /* follow key rollovers of configured anchors (RFC 5011), state in state/ */
    uint32_t add_hold_s;            /* with it: how long a new key must be seen before it is trusted (RFC 5011 2.4.1) */
    uint32_t remove_hold_s;         /* how long a revoked key is remembered as such (2.4.2) */
    const negative_anchor_t *negative;
    size_t negative_count;
    const net_address_t *sources; /* upstream source addresses; none: the system chooses */
    size_t source_count;
    uint16_t port_low; /* upstream source ports; 0: the system's or the default range */
    uint16_t port_high;
    unsigned waiting_max_a_client;            /* 200: requests of one client address (a /32 or /56) that wait at once (DNSBomb) */
    size_t cache_bytes;                       /* of the cache's mapping, default 128 MiB */
    const char *cache_file;                   /* NULL: not kept over a restart */
    const char *root_file;                    /* of a copy of the root zone for the resolver (RFC 8806), absolute path; NULL: none */
    const resolver_address_t *root_primaries; /* who it is fetched from instead */
    size_t root_primary_count;
    const char *root_path; /* where it lies in either case; NULL: there is none */
} recursion_settings_t;

typedef struct server_settings {
    arena_t arena;           /* holds all strings and arrays below */
    _Atomic unsigned shares; /* references beyond the first */
    listen_settings_t *listen;
    size_t listen_count;
    zone_settings_t *zones; /* sorted by canonical name */
    size_t zone_count;
    access_list_t *access_lists; /* all that zones and recursion refer to */
    trust_anchors_t own_anchors; /* what recursion.anchors points to, if to anything */

    unsigned workers;     /* 0: one per core */
    const char *user;     /* NULL: stay, unless root: "portolan" if it exists */
    const char *state;    /* directory or NULL */
    const char *control;  /* socket path or NULL */
    const char *nsid;     /* bytes of NSID, or NULL: none */
    const char *version;  /* version.bind text; NULL: hidden (REFUSED) */
    const char *hostname; /* hostname.bind / id.server; NULL: hidden */
    log_level_t log_level;
    bool minimal_responses; /* leave out optional authority and additional data */
    bool rotate_rrsets;     /* change the order of records in answers */
    uint16_t udp_size_max;  /* 512..4096, default 1232 */

    recursion_settings_t recursion;

    unsigned tcp_connections_max;            /* whole server, default 1000 */
    unsigned tcp_connections_per_prefix_max; /* a /32 or /56, default 100 */
    unsigned tcp_idle_timeout_ms;            /* default 10000 */
    unsigned tcp_first_byte_timeout_ms;      /* default 3000 */
    unsigned tcp_message_timeout_ms;         /* whole message or stalled write, default 10000 */
    unsigned transfers_max;                  /* running at once, default 100 */
    unsigned transfer_time_max_ms;           /* of one transfer, default two hours */
} server_settings_t;

/* One more reference, for whoever uses the settings beyond their replacement. Any thread. */
server_settings_t *server_settings_ref(server_settings_t *settings);
/* Fills settings->recursion as of a server that was told nothing: it resolves for loopback, private and link-local clients, from the public
 * root, validating. settings->arena is ready, settings->own_anchors empty and ready, and both, like the access list made, are the
 * settings'. STATUS_NO_MEMORY. */
status_t recursion_settings_default(server_settings_t *settings) MUST_USE;

/* Would recursors made by one do as well for the other? Who may ask, and what lies in files of the server, are not the recursors'. */
bool recursion_settings_equal(const recursion_settings_t *a, const recursion_settings_t *b);

/* Gives one reference back; the last one frees. NULL is allowed. Any thread. */
void server_settings_free(server_settings_t *settings);
