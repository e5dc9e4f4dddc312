/* Aggressive use of cached denial (RFC 8198): the index says which RRset may cover a name, the RRset says whether it does. */
#include "cache/denial.h"

#include "base/require.h"
#include "cache/read.h"
#include "wire/rrtype.h"

#include <string.h>

enum { NSEC3_FIXED = 5 }; /* bytes before the salt (RFC 5155 3.2) */

static bool names_equal(const uint8_t *a, size_t a_length, const uint8_t *b)
{
    return a_length == name_length(b) && memcmp(a, b, a_length) == 0;
}

/* The one secure record of the RRset at a node's owner, from this zone and not from the other side of a zone cut. */
static status_t node_record(cache_reader_t *reader, const cache_question_t *owner, const uint8_t *zone, uint32_t now_s,
                            cache_entry_t *entry, cache_rrset_t *rrset)
{
    status_t status = cache_get(reader, owner, CACHE_RRSET, 0, now_s, entry);
    if (status != STATUS_OK) {
        return status;
    }
    bool is_right = entry->kind == CACHE_RRSET && entry->security == CACHE_SECURE && entry->zone && name_equal(entry->zone, zone) &&
                    cache_entry_next(entry, rrset) && rrset->type == owner->type && rrset->count == 1;
    cache_entry_rewind(entry);
    return is_right ? STATUS_OK : STATUS_NOT_FOUND;
}

static status_t range_used(cache_reader_t *reader, const denial_hit_t *hit)
{
    index_touch(reader->cache, hit);
    cache_count(reader, CACHE_COUNT_RANGE_HITS);
    return STATUS_OK;
}

/* ---- NSEC ---- */

/* Does the range from owner to the next name in rdata (RFC 4034 4.1.1) cover the name? The last one of a zone leads back to its apex. */
static bool nsec_covers(const uint8_t *owner, const cache_rrset_t *rrset, const uint8_t *zone, const uint8_t *name)
{
    byte_reader_t bytes = byte_reader(rrset->data + 2, rrset->data_size - 2);
    name_t next;
    if (name_read_uncompressed(&bytes, &next) != STATUS_OK || !name_is_at_or_below(next.wire, zone)) {
        return false;
    }
    return name_compare(owner, name) < 0 && (name_compare(name, next.wire) < 0 || name_equal(next.wire, zone));
}

status_t cache_find_nsec(cache_reader_t *reader, const uint8_t *zone, const cache_question_t *question, uint32_t now_s, bool *matches,
                         cache_entry_t *entry)
{
    const cache_t *cache = reader->cache;
    denial_place_t place = {.zone = denial_zone_hash(cache, zone, question->rrclass)};
    denial_hit_t hit;
    name_t owner;
    if (!name_is_at_or_below(question->name, zone)) {
        return STATUS_NOT_FOUND;
    }
    place.size = denial_name_key(question->name, name_labels(zone), place.key);
    if (!index_find(cache, &place, DENIAL_AT_OR_BEFORE, &hit) || !denial_key_name(hit.node.key, hit.node.key_length, zone, &owner)) {
        return STATUS_NOT_FOUND;
    }
    cache_question_t asked = {.name = owner.wire, .length = owner.length, .type = TYPE_NSEC, .rrclass = question->rrclass};
    cache_rrset_t rrset;
    status_t status = node_record(reader, &asked, zone, now_s, entry, &rrset);
    if (status != STATUS_OK) {
        return status;
    }
    *matches = names_equal(question->name, question->length, owner.wire);
    return *matches || nsec_covers(owner.wire, &rrset, zone, question->name) ? range_used(reader, &hit) : STATUS_NOT_FOUND;
}

/* ---- NSEC3 ---- */

/* The owner of a hash in a zone. False: too long. */
static bool hash_owner(const uint8_t *hash, const uint8_t *zone, name_t *owner)
{
    size_t zone_length = name_length(zone);
    if (1 + NSEC3_LABEL_SIZE + zone_length > NAME_WIRE_MAX) {
        return false;
    }
    owner->wire[0] = NSEC3_LABEL_SIZE;
    nsec3_hash_to_label(hash, owner->wire + 1);
    memcpy(owner->wire + 1 + NSEC3_LABEL_SIZE, zone, zone_length);
    owner->length = (uint8_t)(1 + NSEC3_LABEL_SIZE + zone_length);
    return true;
}

static status_t nsec3_record(cache_reader_t *reader, const cache_hashed_t *hashed, const denial_hit_t *hit, uint32_t now_s,
                             cache_entry_t *entry, cache_rrset_t *rrset)
{
    name_t owner;
    if (hit->node.key_length != NSEC3_HASH_SIZE || !hash_owner(hit->node.key, hashed->zone, &owner)) {
        return STATUS_NOT_FOUND;
    }
    cache_question_t asked = {.name = owner.wire, .length = owner.length, .type = TYPE_NSEC3, .rrclass = hashed->rrclass};
    return node_record(reader, &asked, hashed->zone, now_s, entry, rrset);
}

/* The next hashed owner of NSEC3 rdata, or NULL. */
static const uint8_t *nsec3_next(const uint8_t *rdata, size_t length)
{
    size_t at = length > NSEC3_FIXED ? NSEC3_FIXED + (size_t)rdata[NSEC3_FIXED - 1] : length;
    return at < length && rdata[at] == NSEC3_HASH_SIZE && length - at > NSEC3_HASH_SIZE ? rdata + at + 1 : NULL;
}

/* RFC 5155 1.3: the last range of a chain ends at its first hash. */
static bool nsec3_covers(const uint8_t *owner, const uint8_t *next, const uint8_t *hash)
{
    bool is_behind = memcmp(owner, hash, NSEC3_HASH_SIZE) < 0;
    bool is_before = memcmp(hash, next, NSEC3_HASH_SIZE) < 0;
    return memcmp(owner, next, NSEC3_HASH_SIZE) < 0 ? is_behind && is_before : is_behind || is_before;
}

status_t cache_find_nsec3_range(cache_reader_t *reader, const cache_hashed_t *hashed, uint32_t now_s, bool *matches, cache_entry_t *entry)
{
    const cache_t *cache = reader->cache;
    denial_place_t place = {
        .zone = denial_zone_hash(cache, hashed->zone, hashed->rrclass),
        .chain = denial_chain(cache, &hashed->parameters),
        .size = NSEC3_HASH_SIZE,
    };
    denial_hit_t hit;
    memcpy(place.key, hashed->hash, NSEC3_HASH_SIZE);
    if (!index_find(cache, &place, DENIAL_AT_OR_BEFORE, &hit)) {
        place.is_end = true; /* before all that is known: only the last of the chain may cover it */
        if (!index_find(cache, &place, DENIAL_AT_OR_BEFORE, &hit)) {
            return STATUS_NOT_FOUND;
        }
    }
    cache_rrset_t rrset;
    status_t status = nsec3_record(reader, hashed, &hit, now_s, entry, &rrset);
    if (status != STATUS_OK) {
        return status;
    }
    nsec3_parameters_t parameters;
    const uint8_t *next = nsec3_next(rrset.data + 2, rrset.data_size - 2);
    if (!next || !nsec3_parameters_read(&parameters, rrset.data + 2, rrset.data_size - 2) ||
        !nsec3_parameters_equal(&parameters, &hashed->parameters)) {
        return STATUS_NOT_FOUND;
    }
    *matches = memcmp(hit.node.key, hashed->hash, NSEC3_HASH_SIZE) == 0;
    return *matches || nsec3_covers(hit.node.key, next, hashed->hash) ? range_used(reader, &hit) : STATUS_NOT_FOUND;
}

status_t cache_find_nsec3(cache_reader_t *reader, const uint8_t *zone, uint16_t rrclass, uint32_t now_s, cache_nsec3_t *parameters,
                          cache_entry_t *entry)
{
    denial_place_t place = {.zone = denial_zone_hash(reader->cache, zone, rrclass), .chain = 1};
    cache_hashed_t hashed = {.zone = zone, .rrclass = rrclass};
    denial_hit_t hit;
    cache_rrset_t rrset;
    nsec3_parameters_t found;
    if (!index_find(reader->cache, &place, DENIAL_FIRST, &hit)) {
        return STATUS_NOT_FOUND;
    }
    status_t status = nsec3_record(reader, &hashed, &hit, now_s, entry, &rrset);
    if (status != STATUS_OK) {
        return status;
    }
    if (!nsec3_parameters_read(&found, rrset.data + 2, rrset.data_size - 2)) {
        return STATUS_NOT_FOUND;
    }
    parameters->iterations = found.iterations;
    parameters->salt_size = found.salt_size;
    if (found.salt_size > 0) {
        memcpy(parameters->salt, found.salt, found.salt_size);
    }
    return STATUS_OK;
}
