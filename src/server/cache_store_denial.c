/* Aggressive use of what denials have taught (RFC 8198): which NSEC or NSEC3 RRsets speak of a name. */
#include "server/cache_store_state.h"

#include "wire/edns.h"

#include <string.h>

enum {
    RRSIG_LABELS = 3, /* where the field stands (RFC 4034 3.1) */
    RRSIG_SIGNER = 18,
    RDATA_HEAD = 2, /* the length before each rdata */
    NSEC3_FLAGS = 1,
    SOA_NUMBERS = 20, /* the end of SOA rdata; MINIMUM are the last four octets */
    MINIMUM_SIZE = 4,
    PROOFS_MAX = 3,  /* NSEC: the name and the wildcard; NSEC3: closest encloser, next closer, wildcard (RFC 5155 8.4) */
    HASHES_MAX = 16, /* for one look-up, which no budget is charged with (CVE-2023-50868); deeper names are asked upstream */
};

/* ---- what is kept ---- */

/* The zone that signed the RRset, by all its RRSIGs alike, and not out of a wildcard (RFC 4035 5.3.4). */
static bool signer_of(const rrset_t *rrset, name_t *signer)
{
    const uint8_t *at = NULL;
    const uint8_t *rdata;
    uint16_t rdlength;
    unsigned count = 0;
    unsigned labels = name_labels(rrset->owner) - name_is_wildcard(rrset->owner);
    for (; (rdata = rrset_next_signature(rrset, &at, &rdlength)) != NULL; count++) {
        byte_reader_t reader = byte_reader(rdata, rdlength);
        name_t name;
        reader.position = rdlength < RRSIG_SIGNER ? rdlength : RRSIG_SIGNER;
        if (name_read_uncompressed(&reader, &name) != STATUS_OK || rdata[RRSIG_LABELS] != labels ||
            (count > 0 && !name_equal(name.wire, signer->wire))) {
            return false;
        }
        *signer = name;
        name_lower(signer->wire, signer->length);
    }
    return count > 0 && name_is_at_or_below(rrset->owner, signer->wire);
}

void cache_store_put_proofs(cache_store_t *store, const store_entry_t *entry, uint32_t now_s)
{
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        const rrset_t *rrset = &entry->rrsets[i];
        bool is_soa = rrset->type == TYPE_SOA && i == 0 && entry->kind != STORE_RRSET;
        bool is_proof = (rrset->type == TYPE_NSEC || rrset->type == TYPE_NSEC3) && (i > 0 || entry->kind != STORE_RRSET);
        name_t signer;
        if (!(is_soa || is_proof) || rrset->count != 1 || !signer_of(rrset, &signer)) {
            continue;
        }
        cache_rrset_t packed = cache_store_rrset(rrset);
        cache_put_t put = {
            .question = cache_store_question(rrset->owner, name_length(rrset->owner), rrset->type),
            .kind = CACHE_RRSET,
            .rank = CACHE_RANK_AUTHORITY,
            .security = CACHE_SECURE,
            .info = (uint16_t)entry->extended_error,
            .ttl_s = rrset->ttl_s < entry->ttl_s ? rrset->ttl_s : entry->ttl_s,
            .zone = signer.wire,
            .rrsets = &packed,
            .rrset_count = 1,
        };
        status_t status = cache_put(store->cache, &put, now_s);
        (void)status; /* better known already, or no room: only less is answered from it */
    }
}

/* ---- gathering proofs ---- */

typedef struct search {
    cache_store_t *store;
    const uint8_t *zone;
    const name_key_t *name;
    uint32_t now_s;
    arena_t *arena;
    rrset_t *rrsets; /* [1 + PROOFS_MAX] */
    unsigned count;
    unsigned hashes;
} search_t;

/* Keeps the RRset of the look-up that just succeeded, once. */
static bool keep(search_t *search)
{
    cache_rrset_t rrset;
    cache_entry_t *entry = &search->store->data;
    cache_entry_rewind(entry);
    if (!cache_entry_next(entry, &rrset)) {
        return false;
    }
    for (unsigned i = 1; i < search->count; i++) {
        if (name_equal(search->rrsets[i].owner, rrset.owner)) {
            return true;
        }
    }
    return search->count <= PROOFS_MAX && cache_store_take_rrset(&rrset, search->arena, &search->rrsets[search->count]) &&
           search->count++ > 0;
}

static bool find_soa(search_t *search)
{
    cache_entry_t *entry = &search->store->data;
    cache_question_t asked = cache_store_question(search->zone, name_length(search->zone), TYPE_SOA);
    cache_rrset_t rrset;
    bool is_found = cache_get(&search->store->reader, &asked, CACHE_RRSET, 0, search->now_s, entry) == STATUS_OK &&
                    entry->kind == CACHE_RRSET && entry->security == CACHE_SECURE && cache_entry_next(entry, &rrset) &&
                    rrset.type == TYPE_SOA && rrset.count == 1 && rrset.data_size >= RDATA_HEAD + SOA_NUMBERS &&
                    cache_store_take_rrset(&rrset, search->arena, &search->rrsets[0]);
    search->count = is_found;
    return is_found;
}

/* "*" below the suffix of so many labels. False: it would be too long. */
static bool wildcard_at(const search_t *search, unsigned labels, name_t *wildcard)
{
    const uint8_t *encloser = search->name->wire + search->name->offset[labels];
    size_t length = (size_t)search->name->length - search->name->offset[labels];
    if (length + 2 > NAME_WIRE_MAX) {
        return false;
    }
    wildcard->wire[0] = 1;
    wildcard->wire[1] = '*';
    memcpy(wildcard->wire + 2, encloser, length);
    wildcard->length = (uint8_t)(length + 2);
    return true;
}

/* ---- NSEC ---- */

static bool find_nsec(search_t *search, const uint8_t *name, size_t length, bool *matches)
{
    cache_question_t asked = cache_store_question(name, length, TYPE_NSEC);
    return cache_find_nsec(&search->store->reader, search->zone, &asked, search->now_s, matches, &search->store->data) == STATUS_OK &&
           keep(search);
}

/* Labels of the closest encloser, which is the longest name that the covered one shares with either end of the range (RFC 4035 5.4 with
 * RFC 4592 2.2); all of the name's if it is one without records.
 * 0: the record makes no sense. */
static unsigned nsec_encloser(const search_t *search)
{
    const rrset_t *nsec = &search->rrsets[search->count - 1];
    byte_reader_t reader = byte_reader(nsec->data + RDATA_HEAD, nsec->data_size - RDATA_HEAD);
    name_t next;
    if (name_read_uncompressed(&reader, &next) != STATUS_OK) {
        return 0;
    }
    unsigned labels = search->name->labels;
    for (; labels > 0; labels--) {
        const uint8_t *suffix = search->name->wire + search->name->offset[labels];
        if (name_is_at_or_below(nsec->owner, suffix) || name_is_at_or_below(next.wire, suffix)) {
            break;
        }
    }
    return labels;
}

static bool by_nsec(search_t *search, store_kind_t *kind)
{
    bool matches;
    name_t wildcard;
    *kind = STORE_NODATA;
    if (!find_nsec(search, search->name->wire, search->name->length, &matches)) {
        return false;
    }
    unsigned labels = matches ? search->name->labels : nsec_encloser(search);
    if (labels == search->name->labels) {
        return true;
    }
    if (!wildcard_at(search, labels, &wildcard) || !find_nsec(search, wildcard.wire, wildcard.length, &matches)) {
        return false;
    }
    *kind = matches ? STORE_NODATA : STORE_NAME_ERROR;
    return true;
}

/* ---- NSEC3 ---- */

/* The RRset that matches or covers the name. What an opt-out span covers may exist (RFC 8198 5.2). */
static bool find_nsec3(search_t *search, cache_hashed_t *hashed, const uint8_t *name, size_t length, bool *matches)
{
    cache_entry_t *entry = &search->store->data;
    cache_rrset_t rrset;
    if (search->hashes++ >= HASHES_MAX) {
        return false;
    }
    nsec3_hash(&hashed->parameters, name, length, hashed->hash);
    if (cache_find_nsec3_range(&search->store->reader, hashed, search->now_s, matches, entry) != STATUS_OK) {
        return false;
    }
    cache_entry_rewind(entry);
    return *matches || (cache_entry_next(entry, &rrset) && !(rrset.data[RDATA_HEAD + NSEC3_FLAGS] & NSEC3_FLAG_OPT_OUT));
}

/* The closest encloser proof (RFC 5155 8.3): from the name upwards, what is covered until something matches. */
static bool find_encloser(search_t *search, cache_hashed_t *hashed, unsigned *labels)
{
    unsigned zone_labels = name_labels(search->zone);
    for (unsigned at = search->name->labels;; at--) {
        bool matches;
        const uint8_t *suffix = search->name->wire + search->name->offset[at];
        size_t length = (size_t)search->name->length - search->name->offset[at];
        if (!find_nsec3(search, hashed, suffix, length, &matches)) {
            return false;
        }
        if (matches) {
            *labels = at;
            return keep(search);
        }
        search->count = 1; /* only the last one covered, the next closer name, belongs to the proof */
        if (at == zone_labels || !keep(search)) {
            return false;
        }
    }
}

static bool by_nsec3(search_t *search, store_kind_t *kind)
{
    cache_nsec3_t parameters;
    unsigned labels;
    bool matches;
    name_t wildcard;
    *kind = STORE_NODATA;
    if (cache_find_nsec3(&search->store->reader, search->zone, CLASS_IN, search->now_s, &parameters, &search->store->data) != STATUS_OK ||
        parameters.iterations > search->store->settings->nsec3_iterations_max) {
        return false;
    }
    cache_hashed_t hashed = {
        .zone = search->zone,
        .rrclass = CLASS_IN,
        .parameters = {.salt = parameters.salt, .salt_size = parameters.salt_size, .iterations = parameters.iterations},
    };
    search->count = 1;
    if (!find_encloser(search, &hashed, &labels)) {
        return false;
    }
    if (labels == search->name->labels) {
        return true;
    }
    if (!wildcard_at(search, labels, &wildcard) || !find_nsec3(search, &hashed, wildcard.wire, wildcard.length, &matches)) {
        return false;
    }
    *kind = matches ? STORE_NODATA : STORE_NAME_ERROR;
    return keep(search);
}

/* ---- wildcards ---- */

/* The wildcard's own RRset, as rrsets[0] under the name that it would make. */
static bool take_wildcard(search_t *search, const name_t *wildcard, uint16_t type)
{
    cache_entry_t *entry = &search->store->data;
    cache_question_t asked = cache_store_question(wildcard->wire, wildcard->length, type);
    cache_rrset_t rrset;
    bool is_found = cache_get(&search->store->reader, &asked, CACHE_RRSET, 0, search->now_s, entry) == STATUS_OK &&
                    entry->kind == CACHE_RRSET && entry->security == CACHE_SECURE && entry->zone && name_equal(entry->zone, search->zone) &&
                    cache_entry_next(entry, &rrset) && rrset.type == type && rrset.count > 0 && rrset.signature_count > 0 &&
                    cache_store_take_rrset(&rrset, search->arena, &search->rrsets[0]);
    search->rrsets[0].owner = is_found ? cache_store_take_name(search->name->wire, search->arena) : NULL;
    search->count = 1;
    return is_found && search->rrsets[0].owner;
}

/* The closest wildcard that is known, and labels of its parent. */
static bool find_wildcard(search_t *search, uint16_t type, unsigned *labels)
{
    const unsigned zone_labels = name_labels(search->zone);
    for (unsigned at = search->name->labels; at-- > zone_labels;) {
        name_t wildcard;
        if (wildcard_at(search, at, &wildcard) &&
            (take_wildcard(search, &wildcard, type) || (type != TYPE_CNAME && take_wildcard(search, &wildcard, TYPE_CNAME)))) {
            *labels = at;
            return true;
        }
    }
    return false;
}

/* The NSEC3 RRset that covers the next closer name (RFC 5155 7.2.6). */
static bool cover_next_closer(search_t *search, unsigned labels)
{
    cache_nsec3_t parameters;
    bool matches;
    if (cache_find_nsec3(&search->store->reader, search->zone, CLASS_IN, search->now_s, &parameters, &search->store->data) != STATUS_OK ||
        parameters.iterations > search->store->settings->nsec3_iterations_max) {
        return false;
    }
    cache_hashed_t hashed = {
        .zone = search->zone,
        .rrclass = CLASS_IN,
        .parameters = {.salt = parameters.salt, .salt_size = parameters.salt_size, .iterations = parameters.iterations},
    };
    size_t offset = search->name->offset[labels + 1];
    return find_nsec3(search, &hashed, search->name->wire + offset, search->name->length - offset, &matches) && !matches && keep(search);
}

/* ---- */

/* RFC 8198 5.4, RFC 2308 5. */
static uint32_t bound_ttls(search_t *search, uint32_t minimum_s)
{
    uint32_t limit_s = search->store->settings->negative_ttl_max_s;
    uint32_t ttl_s = minimum_s < limit_s ? minimum_s : limit_s;
    for (unsigned i = 0; i < search->count; i++) {
        ttl_s = search->rrsets[i].ttl_s < ttl_s ? search->rrsets[i].ttl_s : ttl_s;
    }
    for (unsigned i = 0; i < search->count; i++) {
        search->rrsets[i].ttl_s = ttl_s;
    }
    return ttl_s;
}

static search_t search_of(store_t *store, const store_question_t *question, const uint8_t *zone, arena_t *arena)
{
    return (search_t){
        .store = (cache_store_t *)store,
        .zone = zone,
        .name = question->name,
        .now_s = cache_store_clock(question->now_s),
        .arena = arena,
        .rrsets = arena_alloc(arena, (1 + PROOFS_MAX) * sizeof(rrset_t)),
    };
}

static bool give(search_t *search, store_kind_t kind, uint32_t minimum_s, store_entry_t *entry)
{
    uint32_t ttl_s = bound_ttls(search, minimum_s);
    *entry = (store_entry_t){
        .kind = kind,
        .rank = STORE_RANK_AUTHORITY,
        .security = STORE_SECURE,
        .extended_error = EDE_NONE,
        .ttl_s = ttl_s,
        .lifetime_s = ttl_s,
        .rrset_count = (uint16_t)search->count,
        .zone = cache_store_take_name(search->zone, search->arena),
        .rrsets = search->rrsets,
    };
    return entry->zone && ttl_s > 0;
}

bool cache_store_find_denial(store_t *store, const store_question_t *question, const uint8_t *zone, arena_t *arena, store_entry_t *entry)
{
    search_t search = search_of(store, question, zone, arena);
    store_kind_t kind;
    if (!search.rrsets || !name_is_at_or_below(question->name->wire, zone) || !find_soa(&search) ||
        (!by_nsec(&search, &kind) && !by_nsec3(&search, &kind))) {
        return false;
    }
    const rrset_t *soa = &search.rrsets[0];
    bool is_given = give(&search, kind, load_be32(soa->data + soa->data_size - MINIMUM_SIZE), entry);
    entry->type = question->type;
    return is_given;
}

bool cache_store_find_expansion(store_t *store, const store_question_t *question, const uint8_t *zone, arena_t *arena, store_entry_t *entry)
{
    search_t search = search_of(store, question, zone, arena);
    const name_key_t *name = question->name;
    unsigned labels;
    bool matches;
    if (!search.rrsets || !name_is_at_or_below(name->wire, zone) || !find_wildcard(&search, question->type, &labels)) {
        return false;
    }
    bool is_covered = (find_nsec(&search, name->wire, name->length, &matches) && !matches) || cover_next_closer(&search, labels);
    bool is_given = is_covered && give(&search, STORE_RRSET, UINT32_MAX, entry);
    entry->type = search.rrsets[0].type;
    return is_given;
}
