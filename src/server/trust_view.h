/* What is trusted, for people to look at and to change (control/). All functions: any thread but the keeper's. */
#pragma once

#include "dnssec/rollover.h"
#include "server/trust_keeper.h"

/* One trust point. */
typedef struct trust_point_view {
    const uint8_t *owner;
    bool is_followed;      /* its rollovers are; otherwise the times below are 0 */
    bool is_asking;        /* its keys are being asked for just now */
    uint64_t next_query_s; /* Unix times; 0: at once, never */
    uint64_t seen_s;
    unsigned trusted; /* keys and digests that count; 0: the point is dead, nothing below it is validated by it */
} trust_point_view_t;

/* One key of the point before it, or a configured digest. */
typedef struct trust_key_view {
    const char *state;  /* "valid" ...: rollover_key_state_text(); "configured": trusted because the configuration says so */
    bool is_trusted;    /* answers are validated by it */
    bool is_configured; /* a digest or a key of the configuration stands for it */
    uint16_t tag;
    uint8_t algorithm;
    int16_t digest_type;   /* -1: a key */
    uint64_t since_s;      /* in this state; 0: unknown */
    uint64_t acceptable_s; /* a pending key: not before; else 0 */
} trust_key_view_t;

typedef struct trust_negative_view {
    const uint8_t *name;
    bool is_configured; /* else set at run time */
    uint64_t since_s;   /* 0: unknown */
    uint64_t until_s;   /* 0: no end */
} trust_negative_view_t;

/* NULL members: nobody wants to know. */
typedef struct trust_visitor {
    void *context;
    void (*point)(void *context, const trust_point_view_t *point);
    void (*key)(void *context, const trust_key_view_t *key);
    void (*negative)(void *context, const trust_negative_view_t *negative);
} trust_visitor_t;
/* Under the keeper's lock: be quick. */
void trust_keeper_visit(trust_keeper_t *keeper, const trust_visitor_t *visitor);

/* The name and all below it are not validated from now on, for so long. Statuses of negative_anchors_add(). */
status_t trust_keeper_ignore(trust_keeper_t *keeper, const name_t *name, uint64_t life_s) MUST_USE;
/* They are, again. STATUS_NOT_FOUND; STATUS_DENIED: only the configuration says so. */
status_t trust_keeper_heed(trust_keeper_t *keeper, const uint8_t *name) MUST_USE;
/* Asks for the keys of a point (NULL: of all) as soon as possible. Does not wait. *asked: how many points. STATUS_NOT_FOUND: no such point;
 * STATUS_UNSUPPORTED: rollovers are not followed. */
status_t trust_keeper_refresh(trust_keeper_t *keeper, const uint8_t *owner, unsigned *asked) MUST_USE;
