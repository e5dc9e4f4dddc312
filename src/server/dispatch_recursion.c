/* Questions on a server that resolves for some clients: zones of ours first, then the answer cache, then those who resolve. */
#include "server/dispatch_state.h"

#include "base/rcu.h"
#include "server/recursor.h"
#include "wire/rrtype.h"

#include <netinet/in.h>
#include <string.h>

enum { PREFETCH_TTL_MIN_S = 10 }; /* answers that live shorter are not worth a question for nobody */

/* ---- who may ---- */

bool recursion_is_allowed(const dispatch_t *dispatch, const exchange_t *exchange)
{
    const acl_t *allow = exchange->view->recursion_allow;
    const net_address_t *address = exchange->client->address;
    if (!allow || !dispatch->resolver.ask) {
        return false;
    }
    return address->sa.sa_family == AF_INET ? acl_allows(allow, AF_INET, (const uint8_t *)&address->v4.sin_addr)
                                            : acl_allows(allow, AF_INET6, (const uint8_t *)&address->v6.sin6_addr);
}

/* ---- what there is to answer with ---- */

/* AD says something to those only who asked for it, by AD or DO (RFC 6840 5.7, 5.8). */
static uint16_t flags_kept(const query_t *query)
{
    return (query->flags & FLAG_AD) || query->edns.dnssec_ok ? UINT16_MAX : UINT16_MAX - FLAG_AD;
}

/* CD is copied (RFC 4035 3.2.2), as RD is. */
static uint16_t flags_copied(const query_t *query)
{
    return query->flags & (FLAG_RD | FLAG_CD);
}

static void fail(exchange_t *exchange, uint8_t rcode, int8_t extended_error, const char *text)
{
    exchange_fail(exchange, rcode, extended_error);
    exchange->extended_text = text;
    exchange->is_cached_failure = false;
    exchange->auth->answer.flags = FLAG_RA | (exchange->auth->request.query->flags & FLAG_CD);
}

/* What the client cannot take whole. Nothing is better than a part: it asks again over a stream (RFC 2181 9). */
static __attribute__((noinline)) void truncate_answer(exchange_t *exchange, uint16_t flags, int16_t extended_error)
{
    exchange_fail(exchange, flags & 15, (int8_t)extended_error);
    exchange->auth->answer.flags = FLAG_TC | (flags & (FLAG_RA | FLAG_CD));
}

void recursion_take(exchange_t *exchange, const recursion_body_t *body)
{
    const auth_request_t *request = &exchange->auth->request;
    const query_t *query = request->query;
    size_t size = request->size; /* of header and question; the body's are as long */
    if (!query->has_question || body->size < size || memcmp(body->message + size - 4, query->message + size - 4, 4) != 0) {
        fail(exchange, RCODE_SERVFAIL, EDE_OTHER, NULL);
        return;
    }
    uint16_t flags = (load_be16(body->message + 2) & flags_kept(query)) | flags_copied(query);
    if (body->size > request->limit) {
        truncate_answer(exchange, flags, body->extended_error);
        return;
    }
    memcpy(request->out + size, body->message + size, body->size - size);
    exchange->extended_text = body->extended_text;
    exchange->is_cached_failure = body->is_cached_failure;
    exchange->auth->answer = (auth_answer_t){
        .size = body->size,
        .counts = {load_be16(body->message + 6), load_be16(body->message + 8), load_be16(body->message + 10)},
        .flags = flags & (FLAG_TC | FLAG_RA | FLAG_AD | FLAG_CD),
        .rcode = flags & 15,
        .extended_error = (int8_t)body->extended_error,
        .outcome = AUTH_OUTCOMES,
    };
}

/* ---- those who resolve ---- */

static __attribute__((noinline)) recursion_result_t ask(dispatch_t *dispatch, exchange_t *exchange)
{
    const query_t *query = exchange->auth->request.query;
    const recursor_request_t request = {.client = exchange->client, .bytes = query->message, .size = query->size, .query = query};
    status_t status = exchange->client->later ? dispatch->resolver.ask(dispatch->resolver.context, &request) : STATUS_UNSUPPORTED;
    if (status == STATUS_OK) {
        dispatch_add(&dispatch->requests[dispatch_tally(exchange)], 1);
        dispatch_add(&dispatch->recursion.asked, 1);
        exchange->reply->later = true;
        return RECURSION_LATER;
    }
    if (status == STATUS_DENIED) {
        dispatch_add(&dispatch->recursion.denied, 1);
        fail(exchange, RCODE_REFUSED, EDE_OTHER, "too many questions of this client wait for an answer");
    } else {
        dispatch_add(&dispatch->recursion.limited, 1);
        fail(exchange, RCODE_SERVFAIL, EDE_OTHER, "too many questions wait for an answer");
    }
    return RECURSION_ANSWERED;
}

/* ---- the answer cache ---- */

/* Asked for again shortly before it expires: it is fetched again for those who come then, once. Of answers that share a place until then
 * only the first is. */
static __attribute__((noinline)) void refresh(dispatch_t *dispatch, const query_t *query, uint32_t left_s)
{
    bool checking_disabled = (query->flags & FLAG_CD) != 0;
    uint64_t hash = query->name.hash[query->name.labels] ^ query->type ^ (uint64_t)checking_disabled << 7;
    uint32_t *until_s = &dispatch->refreshed_until_s[(hash ^ hash >> 32) & (REFRESHED_MAX - 1)];
    if (dispatch->now_s < *until_s) {
        return;
    }
    *until_s = dispatch->now_s + left_s;
    dispatch_add(&dispatch->recursion.refreshed, 1);
    dispatch->resolver.refresh(dispatch->resolver.context, &query->name, query->type, checking_disabled);
}

/* Failures are asked again when they are over, not before (RFC 9520 3.2). */
static bool is_nearly_over(const dispatch_view_t *view, const cache_answer_get_t *get, unsigned rcode)
{
    return (uint64_t)get->ttl_s * 100 <= (uint64_t)get->ttl_original_s * view->prefetch_percent &&
           get->ttl_original_s >= PREFETCH_TTL_MIN_S && (rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN);
}

static inline recursion_result_t answer_from_cache(dispatch_t *dispatch, exchange_t *exchange, size_t capacity)
{
    const query_t *query = exchange->auth->request.query;
    uint8_t *out = exchange->auth->request.out;
    cache_answer_get_t get = {
        .question = {.name = query->name.wire, .length = query->name.length, .type = query->type, .rrclass = CLASS_IN},
        .variant = recursion_variant(query->edns.dnssec_ok, (query->flags & FLAG_CD) != 0),
        .request = out,
        .flags_keep = flags_kept(query),
        .flags_add = flags_copied(query),
        .out = out,
        .capacity = capacity, /* more than the client takes: the header of what is too large is looked at all the same */
    };
    dispatch->reader.cache = exchange->view->cache;
    status_t status = LIKELY(dispatch->reader.cache) ? cache_answer_get(&dispatch->reader, &get, dispatch->now_s) : STATUS_NOT_FOUND;
    if (status == STATUS_NOT_FOUND) {
        return ask(dispatch, exchange);
    }
    dispatch_add(&dispatch->recursion.cached, 1);
    if (UNLIKELY(status == STATUS_NO_SPACE)) {
        truncate_answer(exchange, FLAG_RA | flags_copied(query), EDE_NONE);
        return RECURSION_ANSWERED;
    }
    uint16_t flags = load_be16(out + 2);
    if (UNLIKELY(is_nearly_over(exchange->view, &get, flags & 15))) {
        refresh(dispatch, query, get.ttl_s);
    }
    int16_t extended_error = recursion_extended_error(get.info);
    if (UNLIKELY(get.size > exchange->auth->request.limit)) {
        truncate_answer(exchange, flags, extended_error);
        return RECURSION_ANSWERED;
    }
    auth_answer_t *answer = &exchange->auth->answer;
    answer->size = get.size;
    answer->flags = 0;
    answer->rcode = flags & 15;
    answer->extended_error = (int8_t)extended_error;
    answer->outcome = AUTH_OUTCOMES;
    answer->zone = NULL;
    answer->slot = NULL;
    exchange->extended_text = NULL;
    return RECURSION_CACHED;
}

/* ---- our zones ---- */

/* Is the name below a zone cut of the zone that it lies in, so that we could only refer to others? */
static bool is_delegated(const zone_slot_t *slot, const query_t *query)
{
    const zone_contents_t *contents = rcu_read(&slot->contents);
    zone_lookup_t found;
    if (!contents) {
        return false;
    }
    zone_lookup(contents, &query->name, &found);
    return found.cut && !(query->type == TYPE_DS && found.exact && found.node == found.cut);
}

/* The zone that could answer with authority. DS of an apex of ours is the parent's: who offers recursion goes and asks there (RFC 4035
 * 3.1.4.1). NULL: none. */
static const zone_slot_t *find_zone(const zone_set_t *zones, const query_t *query)
{
    const name_key_t *name = &query->name;
    if (zone_set_count(zones) == 0) {
        return NULL;
    }
    const zone_slot_t *slot = zone_set_find(zones, name, name->labels);
    if (UNLIKELY(query->type == TYPE_DS) && slot && name->labels > 0 && slot->name.labels == name->labels &&
        !zone_set_find(zones, name, name->labels - 1u)) {
        return NULL;
    }
    return slot;
}

/* Who does not ask for recursion, or may not have it, gets what our zones say. False: they say nothing, and the cache may be looked into.
 */
static __attribute__((noinline)) bool answer_without_recursion(dispatch_t *dispatch, exchange_t *exchange, bool is_allowed)
{
    auth_answer_t *answer = &exchange->auth->answer;
    auth_answer(exchange->auth);
    if (LIKELY(answer->outcome != AUTH_REFUSED)) {
        answer->flags |= is_allowed ? FLAG_RA : 0;
        return true;
    }
    if (!is_allowed) {
        dispatch_add(&dispatch->recursion.refused, 1);
        fail(exchange, RCODE_REFUSED, EDE_PROHIBITED, NULL);
        answer->flags = 0;
    }
    return !is_allowed;
}

/* Answers out of a zone of ours; false: what the client wants to know lies elsewhere. */
static __attribute__((noinline)) bool answer_from_zone(exchange_t *exchange)
{
    auth_answer_t *answer = &exchange->auth->answer;
    auth_answer(exchange->auth);
    answer->flags |= FLAG_RA;
    return answer->outcome != AUTH_CHAIN_END && answer->outcome != AUTH_REFERRAL;
}

__attribute__((noinline)) recursion_result_t recursion_answer(dispatch_t *dispatch, exchange_t *exchange, size_t capacity)
{
    const query_t *query = exchange->auth->request.query;
    bool is_allowed = recursion_is_allowed(dispatch, exchange);
    if (UNLIKELY(!is_allowed || !(query->flags & FLAG_RD))) {
        if (answer_without_recursion(dispatch, exchange, is_allowed)) {
            return RECURSION_ANSWERED;
        }
    } else {
        const zone_slot_t *slot = find_zone(exchange->view->zones, query);
        if (slot && !is_delegated(slot, query)) {
            /* What begins in our zones is in no cache: they may change at any time. */
            return answer_from_zone(exchange) ? RECURSION_ANSWERED : ask(dispatch, exchange);
        }
    }
    return answer_from_cache(dispatch, exchange, capacity);
}
