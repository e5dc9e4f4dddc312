/* Judges a signed zone file for tests/differential/test_verify.py: every signature must verify, no changed one may, and the zone's own
 * NSEC or NSEC3 records must prove exactly what its data says.
 *
 *     verify_tool ZONE FILE SECONDS NAMES
 *
 * SECONDS is the time of validation, NAMES how many random names are asked about. Prints one line of figures for each part; what is wrong
 * goes to standard error, and the exit status is 1. */
#include "base/bytes.h"
#include "base/require.h"
#include "denial_model.h"
#include "dnssec/verify.h"
#include "random.h"
#include "signed_zone.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RRSIG_FIXED = 18, FAILURES_SHOWN = 20, NAMES_LIMIT = 1000000 };

typedef struct judge {
    const signed_zone_t *zone;
    dnssec_policy_t policy;
    dnssec_budget_t budget;
    buffer_t scratch;
    dnssec_context_t context;
    uint64_t random;
    unsigned failures;
} judge_t;

static void complain(judge_t *judge, const dnssec_rrset_t *rrset, const char *what, dnssec_result_t result)
{
    char owner[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    name_to_text(rrset->owner, owner);
    rrtype_to_text(rrset->type, type);
    if (judge->failures++ < FAILURES_SHOWN) {
        fprintf(stderr, "%s %s: %s: %s\n", owner, type, what, dnssec_result_text(result));
    }
}

static dnssec_result_t verify(judge_t *judge, const dnssec_rrset_t *rrset, const dnssec_rdata_t *rrsig)
{
    judge->budget.signature_checks = DNSSEC_SIGNATURE_CHECKS_MAX;
    return dnssec_verify(&judge->context, rrset, (dnssec_records_t){rrsig, 1}, &judge->zone->keys, NULL);
}

/* ---- changes ---- */

typedef struct changed {
    dnssec_rrset_t rrset;
    dnssec_rdata_t records[65536];
    uint8_t rdata[RDATA_MAX + 1];
    uint8_t rrsig[RDATA_MAX + 1];
    dnssec_rdata_t rrsig_record;
    uint8_t owner[NAME_WIRE_MAX + 1];
} changed_t;

static void copy_set(changed_t *changed, const dnssec_rrset_t *rrset, const dnssec_rdata_t *rrsig)
{
    changed->rrset = *rrset;
    changed->rrset.records = changed->records;
    memcpy(changed->records, rrset->records, rrset->count * sizeof changed->records[0]);
    memcpy(changed->rrsig, rrsig->data, rrsig->length);
    changed->rrsig_record = (dnssec_rdata_t){changed->rrsig, rrsig->length};
    memcpy(changed->owner, rrset->owner, name_length(rrset->owner));
    changed->rrset.owner = changed->owner;
}

/* One bit of one record. False: the result is no rdata of the type, or canonically the same. */
static bool change_rdata(judge_t *judge, changed_t *changed)
{
    uint32_t which = random_below(&judge->random, changed->rrset.count);
    dnssec_rdata_t *record = &changed->records[which];
    if (record->length == 0) {
        return false;
    }
    uint8_t before[RDATA_MAX + 1];
    memcpy(before, record->data, record->length);
    memcpy(changed->rdata, record->data, record->length);
    changed->rdata[random_below(&judge->random, record->length)] ^= (uint8_t)(1u << random_below(&judge->random, 8));
    record->data = changed->rdata;
    if (rdata_check(changed->rrset.type, changed->rrset.rrclass, changed->rdata, record->length) != STATUS_OK) {
        return false;
    }
    uint8_t after[RDATA_MAX + 1];
    memcpy(after, changed->rdata, record->length);
    rdata_canonicalize(changed->rrset.type, before, record->length);
    rdata_canonicalize(changed->rrset.type, after, record->length);
    return memcmp(before, after, record->length) != 0;
}

/* Not of a wildcard: any other label in its place is an expansion of it, and valid. */
static bool change_owner(judge_t *judge, changed_t *changed)
{
    if (changed->owner[0] == 0 || name_is_wildcard(changed->owner)) {
        return false;
    }
    uint8_t *octet = &changed->owner[1 + random_below(&judge->random, changed->owner[0])];
    uint8_t before = *octet;
    *octet ^= (uint8_t)(1u << random_below(&judge->random, 8));
    return (before | 0x20) != (*octet | 0x20);
}

typedef enum change {
    CHANGE_SIGNATURE,
    CHANGE_PREFIX,
    CHANGE_RDATA,
    CHANGE_OWNER,
    CHANGE_DROP,
    CHANGE_ADD,
    CHANGE_LABELS,
    CHANGE_SIGNER,
    CHANGES
} change_t;

static const char *const change_names[CHANGES] = {
    [CHANGE_SIGNATURE] = "a bit of the signature", [CHANGE_PREFIX] = "a bit of the RRSIG's fields",
    [CHANGE_RDATA] = "a bit of the data",          [CHANGE_OWNER] = "a bit of the owner",
    [CHANGE_DROP] = "a record left out",           [CHANGE_ADD] = "a record added",
    [CHANGE_LABELS] = "another number of labels",  [CHANGE_SIGNER] = "another signer",
};

static bool apply(judge_t *judge, changed_t *changed, change_t change)
{
    size_t signer_size = name_length(changed->rrsig + RRSIG_FIXED);
    size_t signature_at = RRSIG_FIXED + signer_size;
    switch (change) {
    case CHANGE_SIGNATURE:
        changed->rrsig[signature_at + random_below(&judge->random, (uint32_t)(changed->rrsig_record.length - signature_at))] ^=
            (uint8_t)(1u << random_below(&judge->random, 8));
        return true;
    case CHANGE_PREFIX:
        changed->rrsig[random_below(&judge->random, RRSIG_FIXED)] ^= (uint8_t)(1u << random_below(&judge->random, 8));
        return true;
    case CHANGE_RDATA:
        return change_rdata(judge, changed);
    case CHANGE_OWNER:
        return change_owner(judge, changed);
    case CHANGE_DROP:
        changed->rrset.count--;
        return true;
    case CHANGE_ADD:
        memcpy(changed->rdata, changed->records[0].data, changed->records[0].length);
        changed->rdata[changed->records[0].length] = 1;
        changed->records[changed->rrset.count++] = (dnssec_rdata_t){changed->rdata, (uint16_t)(changed->records[0].length + 1)};
        return rdata_check(changed->rrset.type, changed->rrset.rrclass, changed->rdata, (size_t)changed->records[0].length + 1) ==
               STATUS_OK;
    case CHANGE_LABELS:
        changed->rrsig[3] = (uint8_t)(changed->rrsig[3] + (random_below(&judge->random, 2) ? 1 : -1));
        return true;
    case CHANGE_SIGNER: /* the parent zone */
        if (signer_size == 1) {
            return false;
        }
        memmove(changed->rrsig + RRSIG_FIXED, changed->rrsig + RRSIG_FIXED + 1 + changed->rrsig[RRSIG_FIXED],
                changed->rrsig_record.length - RRSIG_FIXED - 1u - changed->rrsig[RRSIG_FIXED]);
        changed->rrsig_record.length = (uint16_t)(changed->rrsig_record.length - 1u - changed->rrsig[RRSIG_FIXED]);
        return true;
    case CHANGES:
        break;
    }
    return false;
}

static unsigned judge_changes(judge_t *judge, changed_t *changed, const dnssec_rrset_t *rrset, const dnssec_rdata_t *rrsig)
{
    unsigned count = 0;
    for (unsigned change = 0; change < CHANGES; change++) {
        copy_set(changed, rrset, rrsig);
        if (apply(judge, changed, (change_t)change)) {
            count++;
            dnssec_result_t result = verify(judge, &changed->rrset, &changed->rrsig_record);
            if (result == DNSSEC_VALID) {
                complain(judge, rrset, change_names[change], result);
            }
        }
    }
    return count;
}

static void judge_times(judge_t *judge, const dnssec_rrset_t *rrset, const dnssec_rdata_t *rrsig)
{
    uint32_t now_s = judge->context.now_s;
    judge->context.now_s = load_be32(rrsig->data + 8) + 1;
    dnssec_result_t late = verify(judge, rrset, rrsig);
    judge->context.now_s = load_be32(rrsig->data + 12) - 1;
    dnssec_result_t early = verify(judge, rrset, rrsig);
    judge->context.now_s = now_s;
    if (late != DNSSEC_SIGNATURE_EXPIRED) {
        complain(judge, rrset, "after its expiration", late);
    }
    if (early != DNSSEC_SIGNATURE_NOT_YET_VALID) {
        complain(judge, rrset, "before its inception", early);
    }
}

static void judge_signatures(judge_t *judge)
{
    unsigned verified = 0;
    unsigned changes = 0;
    changed_t *changed = malloc(sizeof *changed);
    REQUIRE(changed);
    for (size_t i = 0; i < judge->zone->count; i++) {
        const signed_rrset_t *set = &judge->zone->rrsets[i];
        if (set->is_authoritative && set->rrsigs.count == 0) {
            complain(judge, &set->rrset, "no signature", DNSSEC_SIGNATURE_MISSING);
        }
        for (size_t j = 0; j < set->rrsigs.count; j++) {
            dnssec_result_t result = verify(judge, &set->rrset, &set->rrsigs.list[j]);
            if (result != DNSSEC_VALID) {
                complain(judge, &set->rrset, "as it stands", result);
                continue;
            }
            verified++;
            changes += judge_changes(judge, changed, &set->rrset, &set->rrsigs.list[j]);
            judge_times(judge, &set->rrset, &set->rrsigs.list[j]);
        }
    }
    free(changed);
    printf("signatures %u changes %u\n", verified, changes);
}

/* The apex's keys are trusted by digests of themselves; a digest of another key must not do. */
static void judge_keys(judge_t *judge)
{
    const signed_rrset_t *dnskeys = signed_zone_find(judge->zone, judge->zone->apex, TYPE_DNSKEY);
    REQUIRE(dnskeys && dnskeys->rrset.count <= 64);
    unsigned trusted = 0;
    for (uint32_t i = 0; i < dnskeys->rrset.count; i++) {
        uint8_t ds[DNSSEC_DS_MAX];
        const dnssec_rdata_t *key = &dnskeys->rrset.records[i];
        size_t size = dnssec_ds_make(DNSSEC_DIGEST_SHA256, judge->zone->apex, key->data, key->length, ds);
        const dnssec_rdata_t record = {ds, (uint16_t)size};
        const dnssec_trust_t trust = {.ds = {&record, 1}};
        dnssec_budget_init(&judge->budget);
        trusted += dnssec_verify_dnskeys(&judge->context, &dnskeys->rrset, dnskeys->rrsigs, &trust, NULL) == DNSSEC_VALID;
        ds[DS_FIXED_SIZE] ^= 1;
        dnssec_result_t result = dnssec_verify_dnskeys(&judge->context, &dnskeys->rrset, dnskeys->rrsigs, &trust, NULL);
        if (result == DNSSEC_VALID) {
            complain(judge, &dnskeys->rrset, "by a digest of another key", result);
        }
    }
    printf("keys %u trusted %u\n", dnskeys->rrset.count, trusted);
    if (trusted == 0) {
        complain(judge, &dnskeys->rrset, "by a digest of any of its keys", DNSSEC_KEY_MISSING);
    }
}

int main(int argc, char **argv)
{
    uint32_t now_s;
    uint32_t names;
    if (argc != 5 || !text_to_time(argv[3], strlen(argv[3]), &now_s) || !text_to_u32(argv[4], strlen(argv[4]), NAMES_LIMIT, &names)) {
        fprintf(stderr, "usage: verify_tool ZONE FILE SECONDS NAMES\n");
        return 2;
    }
    signed_zone_t zone;
    signed_zone_load_file(&zone, argv[1], argv[2]);
    judge_t judge = {.zone = &zone, .random = 1};
    dnssec_policy_init(&judge.policy);
    dnssec_budget_init(&judge.budget);
    buffer_init(&judge.scratch, 64 << 20);
    judge.context = (dnssec_context_t){.policy = &judge.policy, .budget = &judge.budget, .scratch = &judge.scratch, .now_s = now_s};
    judge_keys(&judge);
    judge_signatures(&judge);
    judge.failures += denial_model_compare(&zone, names);
    buffer_clear(&judge.scratch);
    signed_zone_clear(&zone);
    return judge.failures > 0;
}
