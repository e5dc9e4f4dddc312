/* What the validator's files share: the walk from a trust anchor down (validate_walk.c), the judgement of one outcome (validate_data.c),
 * what is asked for again (validate_renew.c), and words for people (validate_text.c). The state machine, its invariants and how it all fits
 * stand at the head of validate.c.
 *
 * Every zone that matters to a fetch is a suffix of its name, so zones are told by their number of labels.
 */
#pragma once

#include "resolver/state.h"
#include "resolver/zone_trust.h"

typedef enum verdict {
    VERDICT_SECURE,
    VERDICT_INSECURE,
    VERDICT_INDETERMINATE, /* no trust anchor above */
    VERDICT_BOGUS,
    VERDICT_FAILED, /* could not be found out */
    VERDICT_WAIT,   /* a look-up runs */
    VERDICT_GO_ON,  /* something was learned: look again */
} verdict_t;

/* One step of one fetch. */
typedef struct validator {
    resolver_t *resolver;
    fetch_t *fetch;
    validation_t *state;
    outcome_t *outcome;
    unsigned home;         /* labels of the deepest zone that the data may be from: those of the owner, one less for a DS */
    dnssec_budget_t purse; /* out of the fetch's budget; taken back at the end of the step */
    dnssec_context_t context;
    /* why */
    int16_t extended_error;
    bool is_own;      /* bogus: the data itself; other servers may have better */
    bool by_budget;   /* failed: says nothing about the name */
    bool is_shortage; /* likewise; it is our own want of this moment */
    uint32_t limit_s; /* of the verdict's life */
    char text[TEXT_MAX];
} validator_t;

/* ---- validate_walk.c ---- */

typedef enum walk_goal {
    WALK_TO_DS,   /* the zone's DS, or its trust anchor */
    WALK_TO_KEYS, /* the zone's keys */
    WALK_TO_CUT,  /* an insecure delegation at or above the name, which holds unsigned data */
} walk_goal_t;

/* Finds out about the zone of so many labels. VERDICT_SECURE: *zone is it (NULL: trusted by an anchor of its own, for WALK_TO_DS), or, for
 * WALK_TO_CUT, the deepest zone, which is secure all the same. All other verdicts but VERDICT_GO_ON, with the reason. */
verdict_t validate_walk(validator_t *validator, unsigned labels, walk_goal_t goal, zone_trust_t **zone);
/* Begins the look-up of a zone's DS or DNSKEY RRset. VERDICT_WAIT, or VERDICT_FAILED with the reason. */
verdict_t validate_look_up(validator_t *validator, unsigned labels, uint16_t type);
/* Is it one that this fetch may wait for (invariant 4 of validate.c)? */
bool validate_may_look_up(const validator_t *validator, unsigned labels, uint16_t type);
/* Takes what the look-up brought. VERDICT_GO_ON, or a verdict. */
verdict_t validate_take_lookup(validator_t *validator);
/* A DS or DNSKEY entry, or the denial of a DS, that is validated now: what it says about the zone of its name is kept. False: that there is
 * no zone cut at the name. */
bool validate_learn(validator_t *validator, unsigned labels, const store_entry_t *entry);
/* The anchors at exactly this suffix; NULL: none. */
const trust_point_t *validate_point(const validator_t *validator, unsigned labels);

/* ---- validate_data.c ---- */

/* VERDICT_SECURE, INSECURE, INDETERMINATE, BOGUS or FAILED with the outcome's entry adjusted, or VERDICT_WAIT. */
verdict_t validate_judge(validator_t *validator);
/* One RRset by the keys of a zone that is ZONE_SECURE. */
dnssec_result_t validate_rrset(validator_t *validator, const zone_trust_t *zone, const rrset_t *rrset, dnssec_verified_t *verified);

/* ---- validate_renew.c ---- */

/* VERDICT_WAIT: the zone's DS or DNSKEY RRset is asked for again. VERDICT_GO_ON: it was, or may not be now. */
verdict_t validate_renew(validator_t *validator, unsigned labels, uint16_t type);
/* The same for the keys of a zone whose keys did not verify this RRset, if another key that they do not hold might. */
verdict_t validate_renew_keys(validator_t *validator, const zone_trust_t *zone, const rrset_t *rrset);

/* ---- validate_text.c: each fills the reason and returns the verdict ---- */

/* An RRset that is not valid; VERDICT_FAILED when that is for want of budget or memory. */
verdict_t validate_say_result(validator_t *validator, const rrset_t *rrset, const uint8_t *zone, dnssec_result_t result);
/* A DNSKEY RRset that its DS or anchors do not vouch for. */
verdict_t validate_say_keys(validator_t *validator, const rrset_t *dnskeys, bool by_anchor, dnssec_result_t result);
verdict_t validate_say_denial(validator_t *validator, const store_entry_t *entry, denial_result_t result);
/* No signature where there must be one. */
verdict_t validate_say_unsigned(validator_t *validator, const store_entry_t *entry, const uint8_t *zone);
__attribute__((format(printf, 4, 5))) verdict_t validate_say(validator_t *validator, verdict_t verdict, int extended_error,
                                                             const char *format, ...);
