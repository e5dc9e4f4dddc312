#include "dnssec/canonical.h"

#include "base/bytes.h"
#include "base/require.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { RRSIG_FIXED_SIZE = 18, RECORD_FIXED_SIZE = 10 };

bool dnssec_rrsig_read(dnssec_rrsig_t *rrsig, const uint8_t *rdata, size_t length)
{
    byte_reader_t reader = byte_reader(rdata, length);
    *rrsig = (dnssec_rrsig_t){.rdata = rdata};
    rrsig->type_covered = byte_read_u16(&reader);
    rrsig->algorithm = byte_read_u8(&reader);
    rrsig->labels = byte_read_u8(&reader);
    rrsig->original_ttl_s = byte_read_u32(&reader);
    rrsig->expiration_s = byte_read_u32(&reader);
    rrsig->inception_s = byte_read_u32(&reader);
    rrsig->key_tag = byte_read_u16(&reader);
    name_t signer;
    if (reader.failed || name_read_uncompressed(&reader, &signer) != STATUS_OK || byte_reader_left(&reader) == 0) {
        return false;
    }
    rrsig->signer = rdata + RRSIG_FIXED_SIZE;
    rrsig->signer_length = signer.length;
    rrsig->signature_size = byte_reader_left(&reader);
    rrsig->signature = byte_read(&reader, rrsig->signature_size);
    return true;
}

unsigned dnssec_rrsig_labels(const uint8_t *owner)
{
    return name_labels(owner) - (unsigned)name_is_wildcard(owner);
}

/* ---- order ---- */

static int compare_records(const void *a, const void *b)
{
    const dnssec_rdata_t *one = a;
    const dnssec_rdata_t *other = b;
    return rdata_compare(one->data, one->length, other->data, other->length);
}

/* Sorts and drops what is there twice (RFC 4034 6.3). Returns how many are left. */
static uint32_t sort_records(dnssec_rdata_t *records, uint32_t count)
{
    uint32_t ordered = 1;
    while (ordered < count && compare_records(&records[ordered - 1], &records[ordered]) < 0) {
        ordered++;
    }
    if (ordered >= count) {
        return count;
    }
    qsort(records, count, sizeof records[0], compare_records);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < count; i++) {
        if (compare_records(&records[kept - 1], &records[i]) != 0) {
            records[kept++] = records[i];
        }
    }
    return kept;
}

/* ---- octets ---- */

typedef struct canonical_plan {
    uint8_t owner[NAME_WIRE_MAX]; /* "*" takes the place of a label of at least its own size */
    size_t owner_length;
    size_t rdata_size;  /* of all records */
    size_t list_size;   /* of the list of records */
    size_t copies_size; /* of their lower-cased copies */
    size_t total_size;
} canonical_plan_t;

static void plan_owner(canonical_plan_t *plan, const uint8_t *owner, unsigned labels)
{
    uint8_t *p = plan->owner;
    const uint8_t *from = owner;
    if (labels < dnssec_rrsig_labels(owner)) {
        from = name_suffix(owner, labels);
        *p++ = 1;
        *p++ = '*';
    }
    size_t length = name_length(from);
    memcpy(p, from, length);
    name_lower(p, length);
    plan->owner_length = (size_t)(p - plan->owner) + length;
}

static uint8_t *write_prefix(uint8_t *p, const dnssec_rrsig_t *rrsig)
{
    memcpy(p, rrsig->rdata, RRSIG_FIXED_SIZE + (size_t)rrsig->signer_length);
    name_lower(p + RRSIG_FIXED_SIZE, rrsig->signer_length);
    return p + RRSIG_FIXED_SIZE + rrsig->signer_length;
}

static uint8_t *write_record(uint8_t *p, const canonical_plan_t *plan, const uint8_t fixed[static 8], const dnssec_rdata_t *record)
{
    memcpy(p, plan->owner, plan->owner_length);
    p += plan->owner_length;
    memcpy(p, fixed, 8);
    store_be16(p + 8, record->length);
    if (record->length > 0) {
        memcpy(p + RECORD_FIXED_SIZE, record->data, record->length);
    }
    return p + RECORD_FIXED_SIZE + record->length;
}

static void make_plan(canonical_plan_t *plan, const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig)
{
    const rrtype_info_t *info = rrtype_info(rrset->type);
    size_t rdata_size = 0;
    for (uint32_t i = 0; i < rrset->count; i++) {
        rdata_size += rrset->records[i].length;
    }
    plan_owner(plan, rrset->owner, rrsig->labels);
    plan->list_size = rrset->count * sizeof(dnssec_rdata_t);
    plan->copies_size = info && (info->flags & RRTYPE_DOWNCASED) ? rdata_size : 0;
    plan->total_size = plan->list_size + plan->copies_size + RRSIG_FIXED_SIZE + rrsig->signer_length + rdata_size +
                       rrset->count * (plan->owner_length + RECORD_FIXED_SIZE);
}

static void copy_records(const canonical_plan_t *plan, const dnssec_rrset_t *rrset, dnssec_rdata_t *records, uint8_t *copies)
{
    for (uint32_t i = 0; i < rrset->count; i++) {
        records[i] = rrset->records[i];
        if (plan->copies_size > 0 && records[i].length > 0) {
            memcpy(copies, records[i].data, records[i].length);
            rdata_canonicalize(rrset->type, copies, records[i].length);
            records[i].data = copies;
            copies += records[i].length;
        }
    }
}

/* Scratch holds, in this order: the list of records to be sorted, copies of their rdata if names must be lower-cased, the result. */
status_t dnssec_signed_data(const dnssec_rrset_t *rrset, const dnssec_rrsig_t *rrsig, buffer_t *scratch, const uint8_t **data, size_t *size)
{
    canonical_plan_t plan;
    make_plan(&plan, rrset, rrsig);
    buffer_reset(scratch);
    uint8_t *memory = buffer_reserve(scratch, plan.total_size);
    if (!memory) {
        return scratch->status;
    }
    dnssec_rdata_t *records = (dnssec_rdata_t *)(void *)memory;
    copy_records(&plan, rrset, records, memory + plan.list_size);
    uint32_t count = sort_records(records, rrset->count);
    uint8_t fixed[8];
    store_be16(fixed, rrset->type);
    store_be16(fixed + 2, rrset->rrclass);
    store_be32(fixed + 4, rrsig->original_ttl_s);
    uint8_t *start = memory + plan.list_size + plan.copies_size;
    uint8_t *p = write_prefix(start, rrsig);
    for (uint32_t i = 0; i < count; i++) {
        p = write_record(p, &plan, fixed, &records[i]);
    }
    DEBUG_ASSERT((size_t)(p - memory) <= plan.total_size);
    *data = start;
    *size = (size_t)(p - start);
    return STATUS_OK;
}
