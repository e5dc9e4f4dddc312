#include "server/cache_store_state.h"

#include "base/bytes.h"
#include "base/random.h"
#include "base/require.h"

#include <stdlib.h>
#include <string.h>

/* ---- the two shapes of things ---- */

static cache_rank_t rank_in(store_rank_t rank)
{
    switch (rank) {
    case STORE_RANK_FAILURE:
    case STORE_RANK_ADDITIONAL:
        return CACHE_RANK_ADDITIONAL;
    case STORE_RANK_REFERRAL:
        return CACHE_RANK_REFERRAL;
    case STORE_RANK_ANSWER:
        return CACHE_RANK_ANSWER_NOT_AUTHORITATIVE;
    case STORE_RANK_AUTHORITY:
        return CACHE_RANK_AUTHORITY;
    case STORE_RANK_AUTHORITATIVE:
        return CACHE_RANK_ANSWER;
    }
    return CACHE_RANK_ADDITIONAL;
}

static store_rank_t rank_out(cache_rank_t rank)
{
    static const store_rank_t ranks[CACHE_RANKS] = {
        [CACHE_RANK_ADDITIONAL] = STORE_RANK_ADDITIONAL,
        [CACHE_RANK_REFERRAL] = STORE_RANK_REFERRAL,
        [CACHE_RANK_ANSWER_NOT_AUTHORITATIVE] = STORE_RANK_ANSWER,
        [CACHE_RANK_AUTHORITY] = STORE_RANK_AUTHORITY,
        [CACHE_RANK_ANSWER] = STORE_RANK_AUTHORITATIVE,
        [CACHE_RANK_LOCAL] = STORE_RANK_AUTHORITATIVE,
    };
    return ranks[rank];
}

static cache_security_t security_in(store_security_t security)
{
    switch (security) {
    case STORE_INSECURE:
        return CACHE_INSECURE;
    case STORE_SECURE:
        return CACHE_SECURE;
    case STORE_BOGUS:
        return CACHE_BOGUS;
    case STORE_INDETERMINATE:
        break;
    }
    return CACHE_INDETERMINATE;
}

static store_security_t security_out(cache_security_t security)
{
    static const store_security_t securities[CACHE_SECURITIES] = {
        [CACHE_INDETERMINATE] = STORE_INDETERMINATE,
        [CACHE_INSECURE] = STORE_INSECURE,
        [CACHE_BOGUS] = STORE_BOGUS,
        [CACHE_SECURE] = STORE_SECURE,
    };
    return securities[security];
}

static cache_kind_t kind_in(store_kind_t kind)
{
    switch (kind) {
    case STORE_RRSET:
        return CACHE_RRSET;
    case STORE_NODATA:
        return CACHE_NODATA;
    case STORE_NAME_ERROR:
        return CACHE_NXDOMAIN;
    case STORE_FAILURE:
        break;
    }
    return CACHE_FAILURE;
}

cache_rrset_t cache_store_rrset(const rrset_t *rrset)
{
    return (cache_rrset_t){
        .owner = rrset->owner,
        .type = rrset->type,
        .count = rrset->count,
        .signature_count = rrset->signature_count,
        .ttl_s = rrset->ttl_s,
        .data = rrset->data,
        .data_size = rrset->data_size,
        .signatures = rrset->data + rrset->data_size,
        .signature_size = rrset->signature_size,
    };
}

uint8_t *cache_store_take_name(const uint8_t *wire, arena_t *arena)
{
    size_t length = name_length(wire);
    uint8_t *copy = arena_alloc(arena, length + NAME_PADDING);
    if (copy) {
        memcpy(copy, wire, length);
        memset(copy + length, 0, NAME_PADDING);
    }
    return copy;
}

bool cache_store_take_rrset(const cache_rrset_t *from, arena_t *arena, rrset_t *rrset)
{
    uint8_t *owner = cache_store_take_name(from->owner, arena);
    uint8_t *data = arena_alloc(arena, from->data_size + from->signature_size);
    if (!owner || !data) {
        return false;
    }
    memcpy(data, from->data, from->data_size);
    memcpy(data + from->data_size, from->signatures, from->signature_size);
    *rrset = (rrset_t){
        .owner = owner,
        .type = from->type,
        .rrclass = CLASS_IN,
        .ttl_s = from->ttl_s,
        .count = from->count,
        .signature_count = from->signature_count,
        .data_size = (uint32_t)from->data_size,
        .signature_size = (uint32_t)from->signature_size,
        .data = data,
    };
    return true;
}

/* ---- find ---- */

/* Is a stale entry still one by our settings, whatever the cache's are? */
static bool is_kept(const cache_store_t *store, const cache_entry_t *entry, uint32_t now_s)
{
    return !entry->is_stale || now_s < entry->expires_s || now_s - entry->expires_s < store->settings->stale_max_s;
}

static bool get(cache_store_t *store, const store_question_t *question, cache_kind_t kind, cache_entry_t *entry)
{
    unsigned flags = question->want == STORE_WANT_FRESH ? 0 : CACHE_STALE;
    if (question->want == STORE_WANT_FAILURE) {
        flags |= CACHE_PEEK; /* asked by no client: failures are not worth keeping longer */
    }
    cache_question_t asked = cache_store_question(question->name->wire, question->name->length, question->type);
    uint32_t now_s = cache_store_clock(question->now_s);
    return cache_get(&store->reader, &asked, kind, flags, now_s, entry) == STATUS_OK && is_kept(store, entry, now_s);
}

/* Invariant 1 of the header: is the name error newer than the data, and would it have taken their place (invariant 2 of store.h)? */
static bool hides(const cache_entry_t *name_error, const cache_entry_t *data)
{
    if (name_error->stored_s <= data->stored_s || (name_error->security == CACHE_BOGUS && data->security != CACHE_BOGUS)) {
        return false;
    }
    bool is_weaker = name_error->rank < data->rank ||
                     (name_error->rank == data->rank && data->security == CACHE_SECURE && name_error->security == CACHE_INDETERMINATE);
    return data->is_stale || !is_weaker;
}

static cache_entry_t *find_data(cache_store_t *store, const store_question_t *question)
{
    bool has_data = get(store, question, CACHE_RRSET, &store->data);
    bool has_name_error = get(store, question, CACHE_NXDOMAIN, &store->name_error);
    if (has_name_error && (!has_data || hides(&store->name_error, &store->data))) {
        return &store->name_error;
    }
    return has_data ? &store->data : NULL;
}

static bool take_kind(cache_kind_t kind, store_entry_t *entry)
{
    switch (kind) {
    case CACHE_RRSET:
        entry->kind = STORE_RRSET;
        return true;
    case CACHE_NODATA:
        entry->kind = STORE_NODATA;
        return true;
    case CACHE_NXDOMAIN:
        entry->kind = STORE_NAME_ERROR;
        return true;
    case CACHE_FAILURE:
        entry->kind = STORE_FAILURE;
        entry->rank = STORE_RANK_FAILURE;
        return true;
    case CACHE_DELEGATION:
    case CACHE_ANSWER:
    case CACHE_KINDS:
        break;
    }
    return false;
}

/* Names are taken apart by the number of labels of those above them. A file may hold anything. */
static bool is_of_name(const uint8_t *name, const store_entry_t *entry)
{
    if (entry->kind == STORE_RRSET && (entry->rrset_count == 0 || !name_equal(entry->rrsets[0].owner, name))) {
        return false;
    }
    for (unsigned i = 1; i < entry->rrset_count; i++) {
        if (entry->rrsets[i].type == TYPE_DNAME && !name_is_at_or_below(name, entry->rrsets[i].owner)) {
            return false;
        }
    }
    return true;
}

static bool take_rrsets(cache_entry_t *found, arena_t *arena, store_entry_t *entry)
{
    rrset_t *rrsets = arena_alloc(arena, STORE_ENTRY_RRSETS_MAX * sizeof *rrsets);
    cache_rrset_t rrset;
    if (!rrsets) {
        return false;
    }
    cache_entry_rewind(found);
    while (entry->rrset_count < STORE_ENTRY_RRSETS_MAX && cache_entry_next(found, &rrset)) {
        if (!cache_store_take_rrset(&rrset, arena, &rrsets[entry->rrset_count])) {
            return false;
        }
        entry->rrset_count++;
    }
    entry->rrsets = rrsets;
    /* Whoever finds an RRset looks into the first without asking. */
    return is_of_name(found->name, entry) &&
           (entry->kind != STORE_RRSET || (entry->rrset_count > 0 && rrsets[0].count > 0 && rrsets[0].type == entry->type));
}

/* A failure's reason stands in the cache as what it is to people: a TXT record. */
enum { REASON_HEAD = 3 }; /* lengths of the rdata and of its one character string */

static cache_rrset_t pack_reason(const char *text, uint8_t data[static REASON_HEAD + STORE_TEXT_MAX])
{
    size_t length = strnlen(text, STORE_TEXT_MAX - 1);
    store_be16(data, (uint16_t)(length + 1));
    data[2] = (uint8_t)length;
    memcpy(data + REASON_HEAD, text, length);
    return (cache_rrset_t){.type = TYPE_TXT, .count = 1, .data = data, .data_size = REASON_HEAD + length};
}

const char *cache_store_reason(cache_entry_t *found, arena_t *arena)
{
    cache_rrset_t rrset;
    cache_entry_rewind(found);
    bool is_reason = found->kind == CACHE_FAILURE && cache_entry_next(found, &rrset) && rrset.type == TYPE_TXT &&
                     rrset.data_size >= REASON_HEAD && rrset.data[2] == rrset.data_size - REASON_HEAD;
    return is_reason ? arena_strndup(arena, (const char *)rrset.data + REASON_HEAD, rrset.data[2]) : NULL;
}

static bool take(cache_entry_t *found, const store_question_t *question, arena_t *arena, store_entry_t *entry)
{
    *entry = (store_entry_t){
        .rank = rank_out(found->rank),
        .security = security_out(found->security),
        .type = question->type,
        .extended_error = (int16_t)found->info,
        .is_stale = found->is_stale,
        .ttl_s = found->ttl_s,
        .lifetime_s = found->expires_s - found->stored_s,
    };
    if (found->zone) {
        entry->zone = cache_store_take_name(found->zone, arena);
        if (!entry->zone) {
            return false;
        }
    }
    if (found->kind == CACHE_FAILURE) {
        entry->text = cache_store_reason(found, arena);
        return take_kind(found->kind, entry);
    }
    return take_kind(found->kind, entry) && take_rrsets(found, arena, entry);
}

static bool find(store_t *store, const store_question_t *question, arena_t *arena, store_entry_t *entry)
{
    cache_store_t *own = (cache_store_t *)store;
    cache_entry_t *found = question->want != STORE_WANT_FAILURE ? find_data(own, question) : NULL;
    if (!found && question->want != STORE_WANT_STALE && get(own, question, CACHE_FAILURE, &own->data)) {
        found = &own->data;
    }
    return found && take(found, question, arena, entry);
}

/* ---- put ---- */

/* Invariant 2 of the header. Two workers at once may both say no: then the data were replaced in between, and what is bogus ends soon. */
static bool bogus_would_displace(cache_store_t *store, const cache_put_t *put, uint32_t now_s)
{
    return put->security == CACHE_BOGUS &&
           cache_get(&store->reader, &put->question, put->kind, CACHE_STALE | CACHE_PEEK, now_s, &store->data) == STATUS_OK &&
           store->data.security != CACHE_BOGUS && is_kept(store, &store->data, now_s);
}

static void put(store_t *store, const name_key_t *name, const store_entry_t *entry, uint64_t now_s)
{
    cache_store_t *own = (cache_store_t *)store;
    cache_rrset_t rrsets[STORE_ENTRY_RRSETS_MAX];
    REQUIRE(entry->rrset_count <= STORE_ENTRY_RRSETS_MAX);
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        rrsets[i] = cache_store_rrset(&entry->rrsets[i]);
    }
    uint8_t reason[REASON_HEAD + STORE_TEXT_MAX];
    bool has_reason = entry->kind == STORE_FAILURE && entry->text;
    if (has_reason) {
        rrsets[0] = pack_reason(entry->text, reason);
    }
    cache_put_t put = {
        .question = cache_store_question(name->wire, name->length, entry->type),
        .kind = kind_in(entry->kind),
        .rank = rank_in(entry->rank),
        .security = security_in(entry->security),
        .info = (uint16_t)entry->extended_error,
        .ttl_s = entry->ttl_s,
        .zone = entry->zone,
        .rrsets = rrsets,
        .rrset_count = has_reason ? 1u : entry->rrset_count,
    };
    uint32_t now = cache_store_clock(now_s);
    if (entry->ttl_s == 0 || bogus_would_displace(own, &put, now) || !cache_store_takes_type(own, &put, now)) {
        return;
    }
    /* Whatever else it says, the entry is not kept, which is no error here. */
    if (cache_put(own->cache, &put, now) == STATUS_OK && entry->security == STORE_SECURE) {
        cache_store_put_proofs(own, entry, now);
    }
}

/* ---- life ---- */

void cache_store_settings(cache_settings_t *settings, size_t budget_bytes)
{
    enum { TTL_MAX_S = INT32_MAX }; /* RFC 2181 8 */
    *settings = (cache_settings_t){
        .budget_bytes = budget_bytes,
        .ttl_max_s = TTL_MAX_S,
        .negative_max_s = TTL_MAX_S,
        .failure_max_s = TTL_MAX_S,
        .bogus_max_s = TTL_MAX_S,
        .stale_max_s = TTL_MAX_S,
    };
}

store_t *cache_store_new(cache_t *cache, const resolver_settings_t *settings)
{
    static const store_operations_t operations = {
        .find = find,
        .find_delegation = cache_store_find_delegation,
        .put = put,
        .put_delegation = cache_store_put_delegation,
        .find_denial = cache_store_find_denial,
        .find_expansion = cache_store_find_expansion,
    };
    cache_store_t *store = calloc(1, sizeof *store);
    if (!store) {
        return NULL;
    }
    store->store.operations = &operations;
    store->cache = cache;
    store->settings = settings;
    random_fill(&store->types_key, sizeof store->types_key);
    cache_reader_init(&store->reader, cache);
    store->data.buffer = store->data_buffer;
    store->data.capacity = sizeof store->data_buffer;
    store->name_error.buffer = store->name_error_buffer;
    store->name_error.capacity = sizeof store->name_error_buffer;
    return &store->store;
}

void cache_store_free(store_t *store)
{
    free(store);
}

cache_reader_t *cache_store_reader(store_t *store)
{
    return &((cache_store_t *)store)->reader;
}
