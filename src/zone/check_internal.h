/* Inside zone_check(): what check.c, check_data.c and check_dnssec.c share. Nobody else includes it. */
#pragma once

#include "zone/check.h"
#include "zone/contents.h"
#include "zone/finding.h"

/* A set of nodes, one bit for each 8 bytes of the mapping. */
typedef struct node_set {
    uint64_t *words;
    size_t count; /* words */
} node_set_t;

typedef struct zone_checker {
    const zone_contents_t *contents;
    const zone_check_policy_t *policy;
    zone_findings_t *findings;
    const zone_node_t *apex;
    node_set_t name_servers; /* foreign and own names that an NS refers to; without words: not needed */
} zone_checker_t;

status_t node_set_init(node_set_t *set, const zone_contents_t *contents) MUST_USE;
void node_set_clear(node_set_t *set);

static inline void node_set_add(node_set_t *set, zone_ref_t ref)
{
    if (ref / 64 < set->count) {
        set->words[ref / 64] |= UINT64_C(1) << ref % 64;
    }
}

static inline bool node_set_has(const node_set_t *set, zone_ref_t ref)
{
    return ref / 64 < set->count && (set->words[ref / 64] >> ref % 64 & 1) != 0;
}

/* Adds a warning by default, an error where the table of codes says so. */
#define checker_add(checker_, code_, owner_, type_, hint_, ...)                                                                            \
    zone_findings_add((checker_)->findings, DIAGNOSTIC_WARNING, (code_), (owner_), (type_), (hint_), __VA_ARGS__)

/* The zone cut or DNAME above an occluded node. */
const zone_node_t *checker_occluded_by(const zone_checker_t *checker, const zone_node_t *node);

/* check_data.c */
void check_node_data(zone_checker_t *checker, const zone_node_t *node);
/* check_target.c: names in NS, MX and SRV. */
void check_targets(zone_checker_t *checker, const zone_node_t *node);
/* check_dnssec.c: signatures of one node; the denial chain as a whole. */
status_t check_dnssec(zone_checker_t *checker) MUST_USE;
/* check_verify.c: signatures by cryptography, where the policy wants it. */
status_t check_verify(zone_checker_t *checker) MUST_USE;
