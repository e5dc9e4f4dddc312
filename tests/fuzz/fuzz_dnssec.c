/* Signatures, keys, DS and proofs of denial out of hostile records. Input: two octets of type, four of time, then pieces, each one octet of
 * kind, two of length, and its content: see piece_kind. Whatever comes, nothing is spent beyond the budget, and what is valid stays so. */
#include "base/require.h"
#include "dnssec/denial.h"
#include "dnssec/key.h"
#include "dnssec/trust_anchor.h"
#include "dnssec/verify.h"
#include "fuzz.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { PIECES_MAX = 48, LOOKED_AT_MAX = 32768 };

enum piece_kind {
    PIECE_OWNER,   /* a name: of the RRset, and the one asked about */
    PIECE_RECORD,  /* rdata of the type */
    PIECE_RRSIG,   /* rdata */
    PIECE_DNSKEY,  /* rdata */
    PIECE_DS,      /* rdata */
    PIECE_NSEC,    /* a name and rdata */
    PIECE_NSEC3,   /* a name and rdata */
    PIECE_ZONE,    /* a name */
    PIECE_ANCHORS, /* text */
    PIECE_KINDS,
};

typedef struct list {
    dnssec_rdata_t items[PIECES_MAX];
    size_t count;
} list_t;

typedef struct input {
    uint16_t type;
    uint32_t now_s;
    name_t owner;
    name_t zone;
    list_t records;
    list_t rrsigs;
    list_t dnskeys;
    list_t ds;
    struct {
        name_t owner;
        uint16_t type;
        dnssec_rdata_t rdata;
    } denials[PIECES_MAX];
    size_t denial_count;
} input_t;

static void append(list_t *list, uint16_t type, const uint8_t *data, size_t size)
{
    if (list->count < PIECES_MAX && rdata_check(type, CLASS_IN, data, size) == STATUS_OK) {
        list->items[list->count++] = (dnssec_rdata_t){data, (uint16_t)size};
    }
}

static void append_denial(input_t *input, uint16_t type, byte_reader_t reader)
{
    name_t owner;
    if (input->denial_count == PIECES_MAX || name_read_uncompressed(&reader, &owner) != STATUS_OK) {
        return;
    }
    const uint8_t *rdata = reader.data + reader.position;
    size_t size = byte_reader_left(&reader);
    if (rdata_check(type, CLASS_IN, rdata, size) == STATUS_OK) {
        input->denials[input->denial_count].owner = owner;
        input->denials[input->denial_count].type = type;
        input->denials[input->denial_count++].rdata = (dnssec_rdata_t){rdata, (uint16_t)size};
    }
}

static void take_name(name_t *out, byte_reader_t reader)
{
    name_t name;
    if (name_read_uncompressed(&reader, &name) == STATUS_OK) {
        *out = name;
    }
}

static void take_anchors(const uint8_t *text, size_t size)
{
    trust_anchors_t anchors;
    trust_anchor_error_t error = {0};
    trust_anchors_init(&anchors);
    status_t status = trust_anchors_parse(&anchors, (const char *)text, size, &error);
    REQUIRE(status == STATUS_OK || (error.message[0] != 0 && error.line > 0));
    trust_anchors_clear(&anchors);
}

static void take_piece(input_t *input, unsigned kind, const uint8_t *data, size_t size)
{
    switch (kind % PIECE_KINDS) {
    case PIECE_OWNER:
        take_name(&input->owner, byte_reader(data, size));
        break;
    case PIECE_ZONE:
        take_name(&input->zone, byte_reader(data, size));
        break;
    case PIECE_RECORD:
        append(&input->records, input->type, data, size);
        break;
    case PIECE_RRSIG: /* unchecked: it is read as it comes */
        if (input->rrsigs.count < PIECES_MAX) {
            input->rrsigs.items[input->rrsigs.count++] = (dnssec_rdata_t){data, (uint16_t)size};
        }
        break;
    case PIECE_DNSKEY:
        append(&input->dnskeys, TYPE_DNSKEY, data, size);
        break;
    case PIECE_DS:
        append(&input->ds, TYPE_DS, data, size);
        break;
    case PIECE_NSEC:
        append_denial(input, TYPE_NSEC, byte_reader(data, size));
        break;
    case PIECE_NSEC3:
        append_denial(input, TYPE_NSEC3, byte_reader(data, size));
        break;
    default:
        take_anchors(data, size);
        break;
    }
}

/* ---- what is done with it ---- */

static void verify_rrset(const dnssec_context_t *context, const input_t *input)
{
    dnssec_key_t *keys[PIECES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < input->dnskeys.count; i++) {
        const dnssec_rdata_t *record = &input->dnskeys.items[i];
        if (dnssec_key_new(context->policy, record->data, record->length, &keys[count]) == STATUS_OK) {
            REQUIRE(keys[count]->tag == dnssec_key_tag(record->data, record->length));
            count++;
        }
    }
    const dnssec_keys_t set = {.zone = input->zone.wire, .list = keys, .count = count};
    const dnssec_rrset_t rrset = {.owner = input->owner.wire,
                                  .records = input->records.items,
                                  .count = (uint32_t)input->records.count,
                                  .ttl_s = 3600,
                                  .type = input->type,
                                  .rrclass = CLASS_IN};
    const dnssec_records_t rrsigs = {input->rrsigs.items, input->rrsigs.count};
    dnssec_verified_t verified = {0};
    uint32_t left = context->budget->signature_checks;
    dnssec_result_t result = dnssec_verify(context, &rrset, rrsigs, &set, &verified);
    REQUIRE(result < DNSSEC_RESULT_COUNT && context->budget->signature_checks <= left);
    if (result == DNSSEC_VALID) {
        REQUIRE(context->budget->signature_checks < left && verified.ttl_s <= 3600);
        REQUIRE(name_is_at_or_below(input->owner.wire, input->zone.wire));
        REQUIRE(dnssec_verify(context, &rrset, rrsigs, &set, NULL) == DNSSEC_VALID || context->budget->signature_checks == 0);
    }
    for (size_t i = 0; i < count; i++) {
        dnssec_key_unref(keys[i]);
    }
}

static void verify_dnskeys(const dnssec_context_t *context, const input_t *input)
{
    const dnssec_rrset_t rrset = {.owner = input->zone.wire,
                                  .records = input->dnskeys.items,
                                  .count = (uint32_t)input->dnskeys.count,
                                  .ttl_s = 3600,
                                  .type = TYPE_DNSKEY,
                                  .rrclass = CLASS_IN};
    const dnssec_records_t rrsigs = {input->rrsigs.items, input->rrsigs.count};
    const dnssec_trust_t by_ds = {.ds = {input->ds.items, input->ds.count}};
    const dnssec_trust_t by_keys = {.dnskeys = {input->dnskeys.items, input->dnskeys.count}};
    dnssec_result_t usable = dnssec_ds_usable(context->policy, by_ds.ds);
    dnssec_result_t result = dnssec_verify_dnskeys(context, &rrset, rrsigs, &by_ds, NULL);
    REQUIRE(result < DNSSEC_RESULT_COUNT && !(result == DNSSEC_VALID && usable != DNSSEC_VALID));
    REQUIRE(!(usable == DNSSEC_VALID && result == DNSSEC_DIGEST_UNSUPPORTED)); /* no way from bogus to insecure */
    REQUIRE(dnssec_verify_dnskeys(context, &rrset, rrsigs, &by_keys, NULL) < DNSSEC_RESULT_COUNT);
}

static void ask_denial(const dnssec_context_t *context, const input_t *input, nsec3_cache_t *cache)
{
    denial_set_t set;
    const dnssec_verified_t verified = {0};
    denial_set_init(&set, input->zone.wire, context->policy, context->budget, cache);
    for (size_t i = 0; i < input->denial_count; i++) {
        const dnssec_rrset_t rrset = {.owner = input->denials[i].owner.wire,
                                      .records = &input->denials[i].rdata,
                                      .count = 1,
                                      .type = input->denials[i].type,
                                      .rrclass = CLASS_IN};
        denial_set_add(&set, &rrset, &verified);
    }
    const uint8_t *name = input->owner.wire;
    uint32_t left = context->budget->nsec3_hashes;
    denial_result_t name_error = denial_name_error(&set, name);
    denial_result_t no_data = denial_no_data(&set, name, input->type);
    denial_result_t cut = denial_insecure_delegation(&set, name);
    REQUIRE(denial_result_text(name_error) && denial_result_text(no_data) && denial_result_text(cut));
    for (unsigned labels = 0; labels < name_labels(name); labels++) {
        REQUIRE(denial_wildcard_answer(&set, name, labels) <= DENIAL_BUDGET_SPENT);
    }
    REQUIRE(context->budget->nsec3_hashes <= left);
    if (!name_is_at_or_below(name, input->zone.wire)) {
        REQUIRE(name_error == DENIAL_NOT_PROVEN && no_data == DENIAL_NOT_PROVEN && cut == DENIAL_NOT_PROVEN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    byte_reader_t reader = byte_reader(data, size);
    input_t *input = calloc(1, sizeof *input);
    REQUIRE(input);
    input->owner.length = input->zone.length = 1;
    input->type = byte_read_u16(&reader);
    input->now_s = byte_read_u32(&reader);
    while (size <= LOOKED_AT_MAX && byte_reader_left(&reader) >= 3) {
        unsigned kind = byte_read_u8(&reader);
        size_t length = byte_read_u16(&reader);
        const uint8_t *piece = byte_read(&reader, length);
        if (!piece) {
            break;
        }
        take_piece(input, kind, piece, length);
    }
    dnssec_policy_t policy;
    dnssec_budget_t budget;
    buffer_t scratch;
    dnssec_policy_init(&policy);
    dnssec_budget_init(&budget);
    buffer_init(&scratch, 1 << 20);
    nsec3_cache_t *cache = calloc(1, sizeof *cache);
    REQUIRE(cache);
    const dnssec_context_t context = {.policy = &policy, .budget = &budget, .scratch = &scratch, .now_s = input->now_s};
    verify_rrset(&context, input);
    verify_dnskeys(&context, input);
    ask_denial(&context, input, cache);
    ask_denial(&context, input, NULL);
    buffer_clear(&scratch);
    free(cache);
    free(input);
    return 0;
}
