#include "zone/zonemd.h"

#include "base/bytes.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_BUFFER_SIZE = 1 << 17 };

/* The rdata of one signature of a node, for sorting. */
typedef struct signature {
    const uint8_t *rdata;
    size_t length;
} signature_t;

typedef struct digester {
    const zone_contents_t *contents;
    EVP_MD_CTX *hash;
    bool failed;
    size_t used;
    signature_t *signatures;
    size_t signature_capacity;
    uint8_t buffer[HASH_BUFFER_SIZE];
    uint8_t rdata[RDATA_MAX + 1];
} digester_t;

static void flush(digester_t *digester)
{
    if (digester->used > 0 && EVP_DigestUpdate(digester->hash, digester->buffer, digester->used) != 1) {
        digester->failed = true;
    }
    digester->used = 0;
}

/* One record in canonical form (RFC 4034 6.2); rdata is changed. */
static void digest_record(digester_t *digester, const zone_node_t *node, uint16_t type, const uint8_t fixed[static 8], uint8_t *rdata,
                          size_t length)
{
    rdata_canonicalize(type, rdata, length);
    if (HASH_BUFFER_SIZE - digester->used < NAME_WIRE_MAX + 10 + length) {
        flush(digester);
    }
    uint8_t *p = digester->buffer + digester->used;
    memcpy(p, node->wire, node->length);
    p += node->length;
    memcpy(p, fixed, 8);
    store_be16(p, type);
    store_be16(p + 8, (uint16_t)length);
    memcpy(p + 10, rdata, length);
    digester->used += node->length + 10 + length;
}

static void digest_rrset(digester_t *digester, const zone_node_t *node, const zone_rrset_t *rrset)
{
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++) {
        size_t length = zone_record_rdata(digester->contents, rrset, record, digester->rdata, &record);
        digest_record(digester, node, rrset->type, rrset->fixed, digester->rdata, length);
    }
}

static int compare_signatures(const void *a, const void *b)
{
    const signature_t *one = a;
    const signature_t *other = b;
    return rdata_compare(one->rdata, one->length, other->rdata, other->length);
}

/* The signatures of a node are one RRset of type RRSIG; those of the apex ZONEMD are left out (RFC 8976 3.3.1.1). */
static void digest_signatures(digester_t *digester, const zone_node_t *node, bool is_apex)
{
    size_t count = 0;
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        const uint8_t *record = rrset->data + rrset->data_size;
        for (unsigned j = 0; j < rrset->signature_count && !(is_apex && rrset->type == TYPE_ZONEMD); j++) {
            if (count == digester->signature_capacity) {
                size_t capacity = count ? count * 2 : 64;
                signature_t *larger = realloc(digester->signatures, capacity * sizeof *larger);
                if (!larger) {
                    digester->failed = true;
                    return;
                }
                digester->signatures = larger;
                digester->signature_capacity = capacity;
            }
            size_t length = load_be16(record);
            digester->signatures[count++] = (signature_t){record + 2, length};
            record += 2 + length;
        }
    }
    if (count > 1) {
        qsort(digester->signatures, count, sizeof digester->signatures[0], compare_signatures);
    }
    for (size_t i = 0; i < count; i++) {
        const signature_t *signature = &digester->signatures[i];
        /* The TTL is that of the data it covers (RFC 4034 3). */
        const zone_rrset_t *covered = zone_node_first_rrset(node);
        while (covered->type != load_be16(signature->rdata)) {
            covered = zone_rrset_next(covered);
        }
        memcpy(digester->rdata, signature->rdata, signature->length);
        digest_record(digester, node, TYPE_RRSIG, covered->fixed, digester->rdata, signature->length);
    }
}

static void digest_node(digester_t *digester, const zone_node_t *node, bool is_apex)
{
    bool signatures_done = false;
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        if (rrset->type > TYPE_RRSIG && !signatures_done) {
            digest_signatures(digester, node, is_apex);
            signatures_done = true;
        }
        if (!(is_apex && rrset->type == TYPE_ZONEMD)) {
            digest_rrset(digester, node, rrset);
        }
    }
    if (!signatures_done) {
        digest_signatures(digester, node, is_apex);
    }
}

/* All owners in canonical order: the tree and the owners of NSEC3, which zone_iterate() gives one after the other, merged. */
static void digest_zone(digester_t *digester)
{
    const zone_contents_t *contents = digester->contents;
    uint64_t tree_position = 0;
    uint64_t hash_position = 0;
    const zone_node_t *hash = zone_iterate(contents, &hash_position);
    while (hash && !(hash->flags & ZONE_NODE_NSEC3_OWNER)) {
        hash = zone_iterate(contents, &hash_position);
    }
    const zone_node_t *tree = zone_iterate(contents, &tree_position);
    for (;;) {
        if (tree && (tree->flags & ZONE_NODE_NSEC3_OWNER)) {
            tree = NULL;
        }
        if (!tree && !hash) {
            return;
        }
        if (tree && (!hash || name_compare(tree->wire, hash->wire) <= 0)) {
            digest_node(digester, tree, tree == zone_apex(contents));
            tree = zone_iterate(contents, &tree_position);
        } else {
            digest_node(digester, hash, false);
            hash = zone_iterate(contents, &hash_position);
        }
    }
}

status_t zonemd_digest(const zone_contents_t *contents, uint8_t algorithm, uint8_t digest[static ZONEMD_DIGEST_MAX], size_t *size)
{
    const EVP_MD *kind = algorithm == ZONEMD_SHA384 ? EVP_sha384() : algorithm == ZONEMD_SHA512 ? EVP_sha512() : NULL;
    if (!kind) {
        return STATUS_UNSUPPORTED;
    }
    status_t status = STATUS_NO_MEMORY;
    digester_t *digester = malloc(sizeof *digester);
    if (!digester) {
        return status;
    }
    digester->contents = contents;
    digester->hash = EVP_MD_CTX_new();
    digester->failed = false;
    digester->used = 0;
    digester->signatures = NULL;
    digester->signature_capacity = 0;
    unsigned written = 0;
    if (digester->hash && EVP_DigestInit_ex(digester->hash, kind, NULL) == 1) {
        digest_zone(digester);
        flush(digester);
        if (!digester->failed && EVP_DigestFinal_ex(digester->hash, digest, &written) == 1) {
            status = STATUS_OK;
        }
    }
    *size = written;
    EVP_MD_CTX_free(digester->hash);
    free(digester->signatures);
    free(digester);
    return status;
}

/* ---- verification ---- */

/* One record: STATUS_OK when it verifies the zone; STATUS_UNSUPPORTED; STATUS_INVALID with `why`. */
static status_t verify_record(const zone_contents_t *contents, const uint8_t *rdata, size_t length, char *why, size_t why_size)
{
    uint32_t serial = load_be32(rdata);
    uint8_t scheme = rdata[4];
    uint8_t algorithm = rdata[5];
    if (scheme != ZONEMD_SCHEME_SIMPLE || (algorithm != ZONEMD_SHA384 && algorithm != ZONEMD_SHA512)) {
        return STATUS_UNSUPPORTED;
    }
    if (serial != zone_head(contents)->serial) {
        snprintf(why, why_size, "its serial is %u, that of the SOA %u", serial, zone_head(contents)->serial);
        return STATUS_INVALID;
    }
    size_t expected = algorithm == ZONEMD_SHA384 ? 48 : 64;
    if (length - 6 != expected) {
        snprintf(why, why_size, "its digest has %zu bytes instead of %zu", length - 6, expected);
        return STATUS_INVALID;
    }
    uint8_t digest[ZONEMD_DIGEST_MAX];
    size_t size;
    status_t status = zonemd_digest(contents, algorithm, digest, &size);
    if (status == STATUS_OK && (size != expected || memcmp(digest, rdata + 6, size) != 0)) {
        snprintf(why, why_size, "the SHA-%u digest differs", algorithm == ZONEMD_SHA384 ? 384 : 512);
        status = STATUS_INVALID;
    }
    return status;
}

/* RFC 8976 4, step 4: a scheme and algorithm that occur twice verify nothing. */
static bool is_repeated(const zone_rrset_t *rrset, const uint8_t *record)
{
    const uint8_t *other = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++, other += 2 + load_be16(other)) {
        if (other != record && other[2 + 4] == record[2 + 4] && other[2 + 5] == record[2 + 5]) {
            return true;
        }
    }
    return false;
}

status_t zonemd_verify(const zone_contents_t *contents, char *why, size_t why_size)
{
    const zone_rrset_t *rrset = zone_node_find(zone_apex(contents), TYPE_ZONEMD);
    if (!rrset) {
        return STATUS_NOT_FOUND;
    }
    status_t result = STATUS_UNSUPPORTED;
    const uint8_t *record = rrset->data;
    for (unsigned i = 0; i < rrset->count; i++, record += 2 + load_be16(record)) {
        status_t status;
        if (is_repeated(rrset, record)) {
            snprintf(why, why_size, "two records have the same scheme and algorithm");
            status = STATUS_INVALID;
        } else {
            status = verify_record(contents, record + 2, load_be16(record), why, why_size);
        }
        if (status == STATUS_OK || status == STATUS_NO_MEMORY) {
            return status;
        }
        result = status == STATUS_INVALID ? status : result;
    }
    return result;
}
