/* Every signature of a zone by cryptography, with the zone's own keys. Whether its time is right, and its shape, check_dnssec.c tells: here
 * each is taken at its own inception. */
#include "base/bytes.h"
#include "dnssec/verify.h"
#include "wire/rrtype.h"
#include "zone/check_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    SCRATCH_MAX = 64 << 20,    /* the largest RRset of 65,535 records */
    EXPANDED_RDATA_MAX = 1024, /* a record stored with references: at most two names and 20 bytes (zone/contents.h) */
    RECORDS_SIZE_MAX = 128 << 20,
};

typedef struct verifier {
    zone_checker_t *base;
    dnssec_policy_t policy;
    dnssec_budget_t budget;
    buffer_t scratch;
    arena_t records; /* of one RRset */
    dnssec_key_t **keys;
    size_t key_count;
} verifier_t;

/* The zone is the operator's own: the limits against strangers do not apply. */
static void init(verifier_t *verifier, zone_checker_t *base)
{
    *verifier = (verifier_t){.base = base, .budget = {.signature_checks = UINT32_MAX}};
    dnssec_policy_init(&verifier->policy);
    verifier->policy.keys_per_tag_max = UINT8_MAX;
    buffer_init(&verifier->scratch, SCRATCH_MAX);
    arena_init(&verifier->records, 0, RECORDS_SIZE_MAX);
}

static void clear(verifier_t *verifier)
{
    for (size_t i = 0; i < verifier->key_count; i++) {
        dnssec_key_unref(verifier->keys[i]);
    }
    free(verifier->keys);
    buffer_clear(&verifier->scratch);
    arena_clear(&verifier->records);
}

static status_t collect_keys(verifier_t *verifier, const zone_rrset_t *dnskeys)
{
    verifier->keys = calloc(dnskeys->count, sizeof verifier->keys[0]);
    if (!verifier->keys) {
        return STATUS_NO_MEMORY;
    }
    const uint8_t *record = dnskeys->data;
    for (unsigned i = 0; i < dnskeys->count; i++, record += 2 + load_be16(record)) {
        status_t status = dnssec_key_new(&verifier->policy, record + 2, load_be16(record), &verifier->keys[verifier->key_count]);
        if (status == STATUS_NO_MEMORY) {
            return status;
        }
        verifier->key_count += status == STATUS_OK;
    }
    return STATUS_OK;
}

/* The RRset in the validator's terms. False: no memory. */
static bool describe(verifier_t *verifier, const zone_node_t *node, const zone_rrset_t *from, dnssec_rrset_t *rrset)
{
    arena_reset(&verifier->records);
    dnssec_rdata_t *list = arena_alloc(&verifier->records, from->count * sizeof *list);
    const uint8_t *record = from->data;
    for (unsigned i = 0; list && i < from->count; i++) {
        if (!from->has_refs) {
            list[i] = (dnssec_rdata_t){record + 2, load_be16(record)};
            record += 2 + load_be16(record);
            continue;
        }
        uint8_t *rdata = arena_alloc(&verifier->records, EXPANDED_RDATA_MAX);
        if (!rdata) {
            return false;
        }
        size_t length = zone_record_rdata(verifier->base->contents, from, record, rdata, &record);
        list[i] = (dnssec_rdata_t){rdata, (uint16_t)length};
    }
    *rrset = (dnssec_rrset_t){.owner = node->wire,
                              .records = list,
                              .count = from->count,
                              .ttl_s = load_be32(from->fixed + 4),
                              .type = from->type,
                              .rrclass = load_be16(from->fixed + 2)};
    return list != NULL;
}

/* Told by check_dnssec.c already. */
static bool is_told(dnssec_result_t result)
{
    return result == DNSSEC_SIGNER_WRONG || result == DNSSEC_LABELS_WRONG || result == DNSSEC_KEY_MISSING;
}

static status_t verify_signature(verifier_t *verifier, const dnssec_rrset_t *rrset, const dnssec_rdata_t *rdata)
{
    dnssec_rrsig_t rrsig = {0};
    bool is_read = dnssec_rrsig_read(&rrsig, rdata->data, rdata->length);
    const dnssec_context_t context = {
        .policy = &verifier->policy, .budget = &verifier->budget, .scratch = &verifier->scratch, .now_s = rrsig.inception_s};
    const dnssec_keys_t keys = {.zone = verifier->base->apex->wire, .list = verifier->keys, .count = verifier->key_count};
    dnssec_result_t result =
        is_read ? dnssec_verify(&context, rrset, (dnssec_records_t){rdata, 1}, &keys, NULL) : DNSSEC_SIGNATURE_MALFORMED;
    if (result == DNSSEC_NO_RESOURCES) {
        return STATUS_NO_MEMORY;
    }
    if (result != DNSSEC_VALID && !is_told(result)) {
        char type[RRTYPE_TEXT_MAX];
        rrtype_to_text(rrset->type, type);
        checker_add(verifier->base, "rrsig-invalid", rrset->owner, TYPE_RRSIG, "sign the zone again",
                    "the signature over %s by key %u, algorithm %u, does not verify: %s", type, rrsig.key_tag, rrsig.algorithm,
                    dnssec_result_text(result));
    }
    return STATUS_OK;
}

static status_t verify_node(verifier_t *verifier, const zone_node_t *node)
{
    bool is_cut = (node->flags & ZONE_NODE_CUT) && node != verifier->base->apex;
    const zone_rrset_t *from = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, from = zone_rrset_next(from)) {
        bool is_authoritative = !is_cut || from->type == TYPE_DS || from->type == TYPE_NSEC;
        dnssec_rrset_t rrset;
        if (from->count == 0 || from->signature_count == 0 || !is_authoritative) {
            continue;
        }
        if (!describe(verifier, node, from, &rrset)) {
            return STATUS_NO_MEMORY;
        }
        const uint8_t *record = from->data + from->data_size;
        for (unsigned j = 0; j < from->signature_count; j++, record += 2 + load_be16(record)) {
            const dnssec_rdata_t rdata = {record + 2, load_be16(record)};
            status_t status = verify_signature(verifier, &rrset, &rdata);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

status_t check_verify(zone_checker_t *base)
{
    const zone_rrset_t *dnskeys = zone_node_find(base->apex, TYPE_DNSKEY);
    if (!zone_head(base->contents)->is_signed || !dnskeys || !zone_findings_wanted(base->findings, "rrsig-invalid")) {
        return STATUS_OK;
    }
    verifier_t verifier;
    init(&verifier, base);
    status_t status = collect_keys(&verifier, dnskeys);
    uint64_t position = 0;
    const zone_node_t *node;
    while (status == STATUS_OK && (node = zone_iterate(base->contents, &position))) {
        if (!(node->flags & ZONE_NODE_OCCLUDED)) {
            status = verify_node(&verifier, node);
        }
    }
    clear(&verifier);
    return status;
}
