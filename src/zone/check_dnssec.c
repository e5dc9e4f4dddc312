/* Signatures and the chain of denial, by their shape: what is there, for what, by whom and when; not by cryptography.
 */
#include "base/bytes.h"
#include "dnssec/key.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "wire/text.h"
#include "zone/check_internal.h"

#include <string.h>

enum { KEYS_MAX = 64, HASH_SIZE = 20 };

/* RRSIG rdata (RFC 4034 3.1). */
enum { SIG_ALGORITHM = 2, SIG_LABELS = 3, SIG_TTL = 4, SIG_EXPIRATION = 8, SIG_INCEPTION = 12, SIG_TAG = 16, SIG_SIGNER = 18 };

typedef struct zone_key {
    uint16_t tag;
    uint8_t algorithm;
} zone_key_t;

typedef struct dnssec_checker {
    zone_checker_t *base;
    zone_key_t keys[KEYS_MAX];
    unsigned key_count;
    bool any_opt_out;
    node_set_t seen; /* NSEC3 owners that match a name; empty non-terminals that were looked at */
} dnssec_checker_t;

static void collect_keys(dnssec_checker_t *checker)
{
    const zone_rrset_t *rrset = zone_node_find(checker->base->apex, TYPE_DNSKEY);
    if (!rrset) {
        checker_add(checker->base, "dnskey-missing", checker->base->apex->wire, TYPE_DNSKEY, NULL,
                    "the zone has signatures but no DNSKEY record");
        return;
    }
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < rrset->count && checker->key_count < KEYS_MAX; i++) {
        size_t length = load_be16(record);
        checker->keys[checker->key_count++] = (zone_key_t){dnssec_key_tag(record + 2, length), record[2 + 3]};
        record += 2 + length;
    }
}

/* ---- signatures ---- */

static bool is_key_known(const dnssec_checker_t *checker, uint16_t tag, uint8_t algorithm)
{
    for (unsigned i = 0; i < checker->key_count; i++) {
        if (checker->keys[i].tag == tag && checker->keys[i].algorithm == algorithm) {
            return true;
        }
    }
    return checker->key_count == 0 || checker->key_count == KEYS_MAX; /* no keys: reported once; too many: not known */
}

static void check_signature(dnssec_checker_t *checker, const zone_node_t *node, const zone_rrset_t *rrset, const uint8_t *rdata)
{
    zone_checker_t *base = checker->base;
    char type[RRTYPE_TEXT_MAX];
    rrtype_to_text(rrset->type, type);
    if (!name_equal(rdata + SIG_SIGNER, base->apex->wire)) {
        checker_add(base, "rrsig-signer", node->wire, TYPE_RRSIG, NULL, "the signer of the signature over %s is not the zone", type);
    } else if (!is_key_known(checker, load_be16(rdata + SIG_TAG), rdata[SIG_ALGORITHM])) {
        checker_add(base, "rrsig-no-key", node->wire, TYPE_RRSIG, NULL,
                    "the signature over %s is by key %u, algorithm %u, which is no DNSKEY of the zone", type, load_be16(rdata + SIG_TAG),
                    rdata[SIG_ALGORITHM]);
    }
    unsigned labels = node->labels - (unsigned)name_is_wildcard(node->wire);
    if (rdata[SIG_LABELS] != labels) {
        checker_add(base, "rrsig-labels", node->wire, TYPE_RRSIG, NULL, "the signature over %s has a labels field of %u instead of %u",
                    type, rdata[SIG_LABELS], labels);
    }
    uint32_t ttl_s = load_be32(rrset->fixed + 4);
    if (load_be32(rdata + SIG_TTL) != ttl_s) {
        checker_add(base, "rrsig-ttl", node->wire, TYPE_RRSIG, NULL, "the signature over %s has an original TTL of %u, the data has %u",
                    type, load_be32(rdata + SIG_TTL), ttl_s);
    }
    uint32_t now_s = base->policy ? base->policy->now_s : 0;
    if (now_s != 0 && (int32_t)(load_be32(rdata + SIG_EXPIRATION) - now_s) < 0) {
        checker_add(base, "rrsig-expired", node->wire, TYPE_RRSIG, "sign the zone again", "the signature over %s has expired", type);
    } else if (now_s != 0 && (int32_t)(load_be32(rdata + SIG_INCEPTION) - now_s) > 0) {
        checker_add(base, "rrsig-expired", node->wire, TYPE_RRSIG, "is the clock right?", "the signature over %s is not valid yet", type);
    }
}

static void check_signatures(dnssec_checker_t *checker, const zone_node_t *node)
{
    zone_checker_t *base = checker->base;
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    bool is_occluded = node->flags & ZONE_NODE_OCCLUDED;
    bool is_cut = (node->flags & ZONE_NODE_CUT) && node != base->apex;
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        char type[RRTYPE_TEXT_MAX];
        bool is_authoritative = !is_occluded && (!is_cut || rrset->type == TYPE_DS || rrset->type == TYPE_NSEC);
        if (rrset->count == 0 || (!is_authoritative && rrset->signature_count > 0)) {
            rrtype_to_text(rrset->type, type);
            checker_add(base, "rrsig-extra", node->wire, TYPE_RRSIG, NULL, "a signature over %s, which is %s", type,
                        rrset->count == 0 ? "not there" : "not authoritative");
            continue;
        }
        if (is_authoritative && rrset->signature_count == 0) {
            rrtype_to_text(rrset->type, type);
            checker_add(base, "rrsig-missing", node->wire, rrset->type, NULL, "%s has no signature", type);
        }
        const uint8_t *record = rrset->data + rrset->data_size;
        for (unsigned j = 0; j < rrset->signature_count; j++, record += 2 + load_be16(record)) {
            check_signature(checker, node, rrset, record + 2);
        }
    }
}

/* ---- type bitmaps ---- */

/* Is this type of a node to be named in its NSEC or NSEC3? At a zone cut only what the parent is authoritative for, and NS. */
static bool is_listed(const zone_node_t *node, const zone_rrset_t *rrset)
{
    return rrset->count > 0 &&
           (!(node->flags & ZONE_NODE_CUT) || rrset->type == TYPE_NS || rrset->type == TYPE_DS || rrset->type == TYPE_NSEC);
}

static bool holds_type(const zone_node_t *node, uint16_t type)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        if (is_listed(node, rrset) && (rrset->type == type || (type == TYPE_RRSIG && rrset->signature_count > 0))) {
            return true;
        }
    }
    return false;
}

/* A type that the bitmap names and the node lacks, or 0. */
static uint16_t find_surplus(const zone_node_t *node, const uint8_t *bitmap, size_t length)
{
    for (size_t i = 0; i + 2 <= length; i += 2 + (size_t)bitmap[i + 1]) {
        for (unsigned bit = 0; bit < bitmap[i + 1] * 8u; bit++) {
            uint16_t type = (uint16_t)(bitmap[i] << 8 | bit);
            if ((bitmap[i + 2 + bit / 8] & 0x80 >> bit % 8) && !holds_type(node, type)) {
                return type;
            }
        }
    }
    return 0;
}

/* A type that the node has and the bitmap lacks, or 0. */
static uint16_t find_lacking(const zone_node_t *node, const uint8_t *bitmap, size_t length)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    bool has_signatures = false;
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        if (is_listed(node, rrset)) {
            has_signatures |= rrset->signature_count > 0;
            if (!type_bitmap_has(bitmap, length, rrset->type)) {
                return rrset->type;
            }
        }
    }
    return has_signatures && !type_bitmap_has(bitmap, length, TYPE_RRSIG) ? TYPE_RRSIG : 0;
}

static void check_bitmap(dnssec_checker_t *checker, const zone_node_t *node, uint16_t denial_type, const uint8_t *bitmap, size_t length)
{
    char type[RRTYPE_TEXT_MAX];
    const char *denial = denial_type == TYPE_NSEC ? "NSEC" : "NSEC3";
    uint16_t surplus = find_surplus(node, bitmap, length);
    uint16_t lacking = find_lacking(node, bitmap, length);
    if (surplus != 0) {
        rrtype_to_text(surplus, type);
        checker_add(checker->base, "nsec-bitmap", node->wire, denial_type, NULL, "its %s names %s, which is not there", denial, type);
    }
    if (lacking != 0) {
        rrtype_to_text(lacking, type);
        checker_add(checker->base, "nsec-bitmap", node->wire, denial_type, NULL, "its %s does not name %s", denial, type);
    }
}

/* ---- NSEC (RFC 4034 4) ---- */

static bool has_data(const zone_node_t *node)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        if (rrset->count > 0) {
            return true;
        }
    }
    return false;
}

static void check_link(dnssec_checker_t *checker, const zone_node_t *node, const uint8_t *expected)
{
    const uint8_t *next = zone_node_find(node, TYPE_NSEC)->data + 2;
    if (!name_equal(next, expected)) {
        char is[NAME_TEXT_MAX];
        char should[NAME_TEXT_MAX];
        name_to_text(next, is);
        name_to_text(expected, should);
        checker_add(checker->base, "nsec-chain", node->wire, TYPE_NSEC, NULL, "its NSEC leads to %s, the next name is %s", is, should);
    }
}

static void check_nsec_chain(dnssec_checker_t *checker)
{
    zone_checker_t *base = checker->base;
    const zone_node_t *last = NULL;
    const zone_node_t *node;
    uint64_t position = 0;
    while ((node = zone_iterate(base->contents, &position)) && !(node->flags & ZONE_NODE_NSEC3_OWNER)) {
        const zone_rrset_t *nsec = zone_node_find(node, TYPE_NSEC);
        if (node->flags & ZONE_NODE_OCCLUDED) {
            if (nsec) {
                checker_add(base, "nsec-extra", node->wire, TYPE_NSEC, NULL, "an NSEC at a name that is not authoritative");
            }
            continue;
        }
        if (!nsec) {
            if (has_data(node)) {
                checker_add(base, "nsec-missing", node->wire, TYPE_NSEC, "sign the zone again", "no NSEC at this name");
            }
            continue;
        }
        if (nsec->count > 1) {
            checker_add(base, "nsec-chain", node->wire, TYPE_NSEC, NULL, "%u NSEC records at one name", nsec->count);
        }
        size_t next_length = name_length(nsec->data + 2);
        check_bitmap(checker, node, TYPE_NSEC, nsec->data + 2 + next_length, load_be16(nsec->data) - next_length);
        if (last) {
            check_link(checker, last, node->wire);
        }
        last = node;
    }
    if (last) {
        check_link(checker, last, base->apex->wire);
    }
}

/* ---- NSEC3 (RFC 5155) ---- */

typedef struct nsec3_fields {
    uint8_t algorithm;
    uint8_t flags;
    uint16_t iterations;
    uint8_t salt_size;
    const uint8_t *salt;
    const uint8_t *next; /* HASH_SIZE bytes, or NULL when it has another size */
    const uint8_t *bitmap;
    size_t bitmap_size;
} nsec3_fields_t;

static nsec3_fields_t read_nsec3(const zone_rrset_t *rrset)
{
    const uint8_t *rdata = rrset->data + 2;
    nsec3_fields_t fields = {
        .algorithm = rdata[0],
        .flags = rdata[1],
        .iterations = load_be16(rdata + 2),
        .salt_size = rdata[4],
        .salt = rdata + 5,
    };
    const uint8_t *hash = rdata + 5 + fields.salt_size;
    fields.next = hash[0] == HASH_SIZE ? hash + 1 : NULL;
    fields.bitmap = hash + 1 + hash[0];
    fields.bitmap_size = load_be16(rrset->data) - (size_t)(fields.bitmap - rdata);
    return fields;
}

static bool owner_hash(const zone_node_t *node, uint8_t hash[static HASH_SIZE])
{
    byte_writer_t writer = byte_writer(hash, HASH_SIZE);
    return base32hex_decode((const char *)node->wire + 1, node->wire[0], &writer) && writer.position == HASH_SIZE && !writer.failed;
}

static void check_parameters(dnssec_checker_t *checker, const zone_node_t *node, const nsec3_fields_t *fields)
{
    const zone_contents_head_t *head = zone_head(checker->base->contents);
    if (fields->algorithm != 1 || fields->iterations != head->nsec3_iterations || fields->salt_size != head->nsec3_salt_size ||
        memcmp(fields->salt, head->nsec3_salt, fields->salt_size) != 0) {
        checker_add(checker->base, "nsec3-parameters", node->wire, TYPE_NSEC3, NULL,
                    "its parameters are not those of the NSEC3PARAM in use");
    }
    checker->any_opt_out |= fields->flags & 1;
}

/* The ring of hashes: each NSEC3 leads to the next one, the last to the first. */
static void check_nsec3_ring(dnssec_checker_t *checker)
{
    zone_checker_t *base = checker->base;
    const zone_node_t *node;
    const zone_node_t *last = NULL;
    uint64_t position = 0;
    uint8_t first[HASH_SIZE];
    uint8_t hash[HASH_SIZE];
    nsec3_fields_t fields = {0};
    while ((node = zone_iterate(base->contents, &position))) {
        const zone_rrset_t *rrset = node->flags & ZONE_NODE_NSEC3_OWNER ? zone_node_find(node, TYPE_NSEC3) : NULL;
        if (!rrset || !owner_hash(node, hash)) {
            continue;
        }
        if (!last) {
            memcpy(first, hash, sizeof first);
        } else if (!fields.next || memcmp(fields.next, hash, HASH_SIZE) != 0) {
            checker_add(base, "nsec-chain", last->wire, TYPE_NSEC3, NULL, "its NSEC3 does not lead to the next hash of the zone");
        }
        fields = read_nsec3(rrset);
        check_parameters(checker, node, &fields);
        last = node;
    }
    if (last && (!fields.next || memcmp(fields.next, first, HASH_SIZE) != 0)) {
        checker_add(base, "nsec-chain", last->wire, TYPE_NSEC3, NULL, "the last NSEC3 does not lead back to the first");
    }
}

/* One name that is authoritative: its NSEC3, or its right to have none. */
static void check_nsec3_match(dnssec_checker_t *checker, const zone_node_t *node)
{
    zone_checker_t *base = checker->base;
    const zone_node_t *denial = zone_node_match(node) ? zone_node(base->contents, node->denial) : NULL;
    const zone_rrset_t *rrset = denial ? zone_node_find(denial, TYPE_NSEC3) : NULL;
    if (!rrset) {
        checker_add(base, "nsec-missing", node->wire, TYPE_NSEC3, "sign the zone again", "no NSEC3 matches this name");
        return;
    }
    node_set_add(&checker->seen, node->denial);
    nsec3_fields_t fields = read_nsec3(rrset);
    check_bitmap(checker, node, TYPE_NSEC3, fields.bitmap, fields.bitmap_size);
}

static void check_nsec3_names(dnssec_checker_t *checker)
{
    zone_checker_t *base = checker->base;
    const zone_node_t *node;
    uint64_t position = 0;
    while ((node = zone_iterate(base->contents, &position)) && !(node->flags & ZONE_NODE_NSEC3_OWNER)) {
        if ((node->flags & ZONE_NODE_OCCLUDED) || !has_data(node)) {
            continue;
        }
        bool is_insecure_cut = (node->flags & ZONE_NODE_CUT) && node != base->apex && !zone_node_find(node, TYPE_DS);
        if (is_insecure_cut && checker->any_opt_out && zone_node_match(node) == 0) {
            continue; /* RFC 5155 6 */
        }
        check_nsec3_match(checker, node);
        /* Empty non-terminals above a name that is in the chain are in it, too (RFC 5155 7.1). */
        while (node != base->apex) {
            zone_ref_t parent = node->parent;
            node = zone_node(base->contents, parent);
            if (node == base->apex || node->rrset_count > 0 || node_set_has(&checker->seen, parent)) {
                break;
            }
            node_set_add(&checker->seen, parent);
            check_nsec3_match(checker, node);
        }
    }
    for (; node; node = zone_iterate(base->contents, &position)) {
        if (!node_set_has(&checker->seen, zone_node_ref(base->contents, node))) {
            checker_add(base, "nsec-extra", node->wire, TYPE_NSEC3, NULL, "this NSEC3 matches no name of the zone");
        }
    }
}

status_t check_dnssec(zone_checker_t *base)
{
    const zone_contents_head_t *head = zone_head(base->contents);
    if (!head->is_signed) {
        return STATUS_OK; /* leftovers of signing in an unsigned zone mislead nobody */
    }
    dnssec_checker_t checker = {.base = base};
    collect_keys(&checker);
    uint64_t position = 0;
    const zone_node_t *node;
    while ((node = zone_iterate(base->contents, &position))) {
        check_signatures(&checker, node);
    }
    if (head->has_nsec) {
        check_nsec_chain(&checker);
    }
    if (head->has_nsec3) {
        if (node_set_init(&checker.seen, base->contents) != STATUS_OK) {
            return STATUS_NO_MEMORY;
        }
        if (head->nsec3_iterations > 0) {
            checker_add(base, "nsec3-iterations", base->apex->wire, TYPE_NSEC3PARAM, "use 0 iterations and no salt",
                        "NSEC3 with %u additional iterations", head->nsec3_iterations);
        }
        check_nsec3_ring(&checker);
        check_nsec3_names(&checker);
        node_set_clear(&checker.seen);
    }
    if (!head->has_nsec && !head->has_nsec3) {
        checker_add(base, "nsec-missing", base->apex->wire, TYPE_NSEC, "sign the zone again",
                    "a signed zone that has neither NSEC nor NSEC3 at its apex");
    }
    return STATUS_OK;
}
