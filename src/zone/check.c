#include "zone/check.h"

#include "base/bytes.h"
#include "wire/rrtype.h"
#include "zone/check_internal.h"
#include "zone/zonemd.h"

#include <stdlib.h>
#include <string.h>

#define ERROR   ZONE_CHECK_ERROR
#define WARNING ZONE_CHECK_WARNING
#define IGNORE  ZONE_CHECK_IGNORE

/* Sorted by code: looked up by bisection. */
static const zone_check_code_t codes[] = {
    {"bad-host-name", WARNING, false, "an address, or the target of NS, MX or SRV, at a name that no host can have (RFC 1123 2.1)"},
    {"cname-and-other-data", ERROR, false, "other data beside a CNAME (RFC 1034 3.6.2, RFC 2181 10.1)"},
    {"dname-and-ns", ERROR, false, "DNAME and NS at one name below the apex (RFC 6672 2.3)"},
    {"dname-with-children", WARNING, false, "names below a DNAME are not visible (RFC 6672 2.4)"},
    {"dnskey-missing", WARNING, true, "signatures, but no DNSKEY at the apex (RFC 4035 2.1)"},
    {"ds-at-apex", WARNING, false, "DS at the apex: it belongs into the parent zone (RFC 4035 2.4)"},
    {"ds-without-ns", WARNING, true, "DS at a name that is not a zone cut (RFC 4035 2.4)"},
    {"duplicate-record", WARNING, false, "the same record twice; one is kept (RFC 2181 5)"},
    {"missing-glue", WARNING, true, "a name server below the zone cut has no address here (RFC 1034 4.2.1)"},
    {"multiple-cname", ERROR, false, "more than one CNAME at a name (RFC 2181 10.1)"},
    {"multiple-dname", ERROR, false, "more than one DNAME at a name (RFC 6672 2.4)"},
    {"multiple-soa", ERROR, false, "more than one SOA (RFC 1035 5.2)"},
    {"mx-target-cname", WARNING, false, "the mail server of an MX is an alias (RFC 2181 10.3)"},
    {"mx-target-no-address", WARNING, true, "the mail server of an MX has no address in this zone"},
    {"no-apex-ns", WARNING, true, "no NS at the apex (RFC 1034 4.2.1)"},
    {"no-soa", ERROR, true, "no SOA at the apex (RFC 1035 5.2)"},
    {"ns-target-cname", WARNING, false, "a name server's name is an alias (RFC 2181 10.3)"},
    {"ns-target-no-address", WARNING, true, "a name server within this zone has no address (RFC 1034 4.2.1)"},
    {"nsec-bitmap", WARNING, true, "the types of an NSEC or NSEC3 are not those of its name (RFC 4034 4.1.2)"},
    {"nsec-chain", WARNING, true, "the chain of NSEC or NSEC3 is broken or not closed (RFC 4034 4.1.1, RFC 5155 7.1)"},
    {"nsec-extra", WARNING, true, "an NSEC or NSEC3 that matches no authoritative name"},
    {"nsec-missing", WARNING, true, "a name has no NSEC or NSEC3 (RFC 4035 2.3, RFC 5155 7.1)"},
    {"nsec3-iterations", WARNING, false, "NSEC3 with iterations above zero or a salt costs and gives nothing (RFC 9276 3.1)"},
    {"nsec3-parameters", WARNING, true, "an NSEC3 whose parameters are not those of NSEC3PARAM (RFC 5155 7.1)"},
    {"occluded-data", WARNING, false, "data below a zone cut that is not glue is not visible (RFC 2136 7.18)"},
    {"orphan-glue", IGNORE, true, "an address below a zone cut that no NS refers to"},
    {"out-of-zone", WARNING, false, "a record outside the zone; it is left out"},
    {"rrset-too-large", WARNING, false,
     "more than a message can hold: it is never answered, and a record of that size ends every transfer"},
    {"rrsig-expired", WARNING, false, "a signature whose time is over, or not yet come (RFC 4034 3.1.5)"},
    {"rrsig-extra", WARNING, true, "a signature over data that is not there, or not authoritative (RFC 4035 2.2)"},
    {"rrsig-invalid", IGNORE, false, "a signature that does not verify by cryptography; zone check --verify asks (RFC 4035 5.3)"},
    {"rrsig-labels", WARNING, false, "the labels field of a signature does not fit its name (RFC 4034 3.1.3)"},
    {"rrsig-missing", WARNING, true, "an RRset without a signature in a signed zone (RFC 4035 2.2)"},
    {"rrsig-no-key", WARNING, true, "a signature by a key that is not at the apex (RFC 4035 2.2)"},
    {"rrsig-signer", WARNING, false, "a signature whose signer is not the zone (RFC 4035 2.2)"},
    {"rrsig-ttl", WARNING, false, "the original TTL of a signature is not that of the data (RFC 4034 3.1.4)"},
    {"rrsig-ttl-mismatch", WARNING, false, "the TTL of a signature is not that of the data; the data's is used (RFC 4034 3)"},
    {"soa-rname-at-sign", WARNING, false, "the mailbox of the SOA is written with @; it should have a dot there (RFC 1035 3.3.13)"},
    {"srv-target-cname", WARNING, false, "the target of an SRV is an alias (RFC 2782)"},
    {"srv-target-no-address", WARNING, true, "the target of an SRV has no address in this zone"},
    {"target-is-address", WARNING, false, "an IP address where NS, MX or SRV need a name (RFC 1912 2.8)"},
    {"ttl-mismatch", WARNING, false, "the records of an RRset have different TTLs; the first one's is used (RFC 2181 5.2)"},
    {"wildcard-dname", WARNING, false, "DNAME at a wildcard (RFC 4592 4.4)"},
    {"wildcard-ns", WARNING, false, "NS at a wildcard (RFC 4592 4.2)"},
    {"wrong-class", ERROR, false, "a record of another class than the zone (RFC 1035 5.2)"},
    {"zonemd-mismatch", WARNING, true, "no ZONEMD record verifies the zone (RFC 8976 4)"},
};
enum { CODE_COUNT = sizeof codes / sizeof codes[0] };
_Static_assert(sizeof codes / sizeof codes[0] <= (size_t)ZONE_CHECK_CODES_MAX, "the policy has room for every code");

const zone_check_code_t *zone_check_codes(size_t *count)
{
    *count = CODE_COUNT;
    return codes;
}

static int compare_code(const void *key, const void *entry)
{
    return strcmp(key, ((const zone_check_code_t *)entry)->code);
}

static const zone_check_code_t *find_code(const char *code)
{
    return bsearch(code, codes, CODE_COUNT, sizeof codes[0], compare_code);
}

size_t zone_check_index(const char *code)
{
    const zone_check_code_t *found = find_code(code);
    return found ? (size_t)(found - codes) : ZONE_CHECK_CODES_MAX;
}

void zone_check_policy_drop_absence(zone_check_policy_t *policy)
{
    for (size_t i = 0; i < CODE_COUNT; i++) {
        if (codes[i].tells_of_absence) {
            policy->action[i] = ZONE_CHECK_IGNORE;
        }
    }
}

void zone_check_policy_init(zone_check_policy_t *policy)
{
    *policy = (zone_check_policy_t){0};
    for (size_t i = 0; i < CODE_COUNT; i++) {
        policy->action[i] = (uint8_t)codes[i].normal;
    }
}

status_t zone_check_policy_set(zone_check_policy_t *policy, const char *code, const char *action)
{
    static const char *const names[] = {"ignore", "warning", "error"};
    size_t chosen = 0;
    while (strcmp(names[chosen], action) != 0) {
        if (++chosen == sizeof names / sizeof names[0]) {
            return STATUS_INVALID;
        }
    }
    if (strcmp(code, "all") == 0) {
        memset(policy->action, (int)chosen, sizeof policy->action);
        return STATUS_OK;
    }
    const zone_check_code_t *found = find_code(code);
    if (!found) {
        return STATUS_NOT_FOUND;
    }
    policy->action[found - codes] = (uint8_t)chosen;
    return STATUS_OK;
}

zone_check_action_t zone_check_policy_get(const zone_check_policy_t *policy, const char *code, zone_check_action_t normal)
{
    const zone_check_code_t *found = find_code(code);
    if (!found) {
        return normal;
    }
    return policy ? (zone_check_action_t)policy->action[found - codes] : found->normal;
}

const char *zone_check_suggest(const char *code)
{
    const char *names[CODE_COUNT + 1];
    for (size_t i = 0; i < CODE_COUNT; i++) {
        names[i] = codes[i].code;
    }
    names[CODE_COUNT] = NULL;
    return diagnostics_suggest(code, strlen(code), names);
}

/* ---- the walk ---- */

status_t node_set_init(node_set_t *set, const zone_contents_t *contents)
{
    zone_statistics_t statistics;
    zone_contents_statistics(contents, &statistics);
    set->count = (size_t)(statistics.bytes / 8 / 64 + 1);
    set->words = calloc(set->count, sizeof *set->words);
    return set->words ? STATUS_OK : STATUS_NO_MEMORY;
}

void node_set_clear(node_set_t *set)
{
    free(set->words);
    *set = (node_set_t){0};
}

const zone_node_t *checker_occluded_by(const zone_checker_t *checker, const zone_node_t *node)
{
    const zone_node_t *found = NULL;
    for (; node != checker->apex && node->parent != 0; node = zone_node(checker->contents, node->parent)) {
        const zone_node_t *above = zone_node(checker->contents, node->parent);
        if ((above->flags & ZONE_NODE_DNAME) || ((above->flags & ZONE_NODE_CUT) && above != checker->apex)) {
            found = above;
        }
    }
    return found;
}

static void collect_name_servers(zone_checker_t *checker, const zone_node_t *node)
{
    const zone_rrset_t *ns = node->flags & ZONE_NODE_CUT ? zone_node_find(node, TYPE_NS) : NULL;
    const uint8_t *record = ns ? ns->data : NULL;
    for (unsigned i = 0; ns && i < ns->count; i++) {
        node_set_add(&checker->name_servers, zone_ref_load(record + 2));
        record += 2 + load_be16(record);
    }
}

static void check_zonemd(zone_checker_t *checker)
{
    char why[200];
    if (zone_node_find(checker->apex, TYPE_ZONEMD) && zone_findings_wanted(checker->findings, "zonemd-mismatch") &&
        zonemd_verify(checker->contents, why, sizeof why) == STATUS_INVALID) {
        checker_add(checker, "zonemd-mismatch", checker->apex->wire, TYPE_ZONEMD, NULL, "the zone does not match its digest: %s", why);
    }
}

status_t zone_check(const zone_contents_t *contents, const zone_check_policy_t *policy, zone_findings_t *findings)
{
    zone_checker_t checker = {.contents = contents, .policy = policy, .findings = findings, .apex = zone_apex(contents)};
    uint64_t position = 0;
    const zone_node_t *node;
    if (zone_findings_wanted(findings, "orphan-glue")) {
        if (node_set_init(&checker.name_servers, contents) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
        while ((node = zone_iterate(contents, &position))) {
            collect_name_servers(&checker, node);
        }
    }
    if (!zone_node_find(checker.apex, TYPE_NS)) {
        checker_add(&checker, "no-apex-ns", checker.apex->wire, 0, NULL, "the apex has no NS record");
    }
    position = 0;
    while ((node = zone_iterate(contents, &position))) {
        check_node_data(&checker, node);
        check_targets(&checker, node);
    }
    status_t status = check_dnssec(&checker);
    if (status == STATUS_OK) {
        status = check_verify(&checker);
    }
    if (status == STATUS_OK) {
        check_zonemd(&checker);
    }
    node_set_clear(&checker.name_servers);
    return status;
}
