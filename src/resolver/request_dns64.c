/* Where DNS64 meets a request (RFC 6147 5.1, 5.3.1, 5.5): when AAAA are left out, when they are made, and of what.
 *
 * Never for CD: who checks on its own wants what is signed. A denial of AAAA that does not validate is a failure, and stays one.
 */
#include "resolver/dns64.h"
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "wire/rrtype.h"

enum { TTL_WITHOUT_SOA_S = 600 }; /* RFC 6147 5.1.7 */

/* What failed for want of an answer counts as an empty one (RFC 6147 5.1.2, 5.1.3); what failed its checks, or our own limits, does not. */
static bool is_unanswered(const outcome_t *outcome)
{
    return outcome->entry.kind == STORE_FAILURE && !outcome->by_budget && outcome->entry.security != STORE_BOGUS &&
           (outcome->entry.extended_error == EDE_NO_REACHABLE_AUTHORITY || outcome->entry.extended_error == EDE_NETWORK_ERROR);
}

/* A copy of an outcome with one other RRset. NULL without memory. */
static outcome_t *copy_with(const outcome_t *outcome, const rrset_t *rrset)
{
    outcome_t *made = outcome_new();
    rrset_t *copy = made ? arena_alloc(&made->arena, sizeof *copy) : NULL;
    if (!copy || rrset_copy(copy, rrset, &made->arena) != STATUS_OK) {
        outcome_unref(made);
        return NULL;
    }
    made->is_served = outcome->is_served;
    made->entry = outcome->entry;
    made->entry.type = TYPE_AAAA;
    made->entry.ttl_s = rrset->ttl_s;
    made->entry.zone = NULL;
    made->entry.rrsets = copy;
    made->entry.rrset_count = 1;
    return made;
}

/* NULL without memory. */
static outcome_t *make(const resolver_t *resolver, const outcome_t *denial, const outcome_t *a)
{
    uint32_t ttl_max_s = denial->entry.kind == STORE_NODATA && denial->entry.rrset_count > 0 ? denial->entry.ttl_s : TTL_WITHOUT_SOA_S;
    arena_t arena;
    rrset_t rrset;
    outcome_t *made = NULL;
    arena_init(&arena, 4096, OUTCOME_ARENA_MAX);
    if (dns64_make(resolver->settings, &a->entry.rrsets[0], ttl_max_s, &arena, &rrset) == STATUS_OK) {
        made = copy_with(a, &rrset);
    }
    if (made) {
        made->entry.security = store_security_least(denial->entry.security, a->entry.security);
        made->entry.is_stale |= denial->entry.is_stale;
    }
    arena_clear(&arena);
    return made;
}

/* AAAA records of which some are of no use: the others; NULL if there are none, or no memory. */
static outcome_t *filter(const resolver_t *resolver, const outcome_t *outcome)
{
    arena_t arena;
    rrset_t left;
    outcome_t *made = NULL;
    arena_init(&arena, 4096, OUTCOME_ARENA_MAX);
    if (dns64_filter(resolver->settings, &outcome->entry.rrsets[0], &arena, &left) == STATUS_OK) {
        made = copy_with(outcome, &left);
    }
    arena_clear(&arena);
    return made;
}

/* What was found for A, after this was found for AAAA. Takes both references. */
static outcome_t *combine(resolver_t *resolver, outcome_t *denial, outcome_t *a)
{
    const store_entry_t *entry = &a->entry;
    outcome_t *result = NULL;
    if (entry->kind == STORE_RRSET && entry->type == TYPE_A && entry->security != STORE_BOGUS) {
        result = make(resolver, denial, a);
    } else if (denial->entry.kind == STORE_NODATA && entry->kind != STORE_FAILURE) {
        result = outcome_ref(denial); /* RFC 6147 5.4 */
    } else {
        result = outcome_ref(a); /* RFC 6147 5.1.6 */
    }
    outcome_unref(denial);
    outcome_unref(a);
    return result ? result : outcome_ref(&resolver->exhausted);
}

/* An outcome for AAAA: as it is, or without the addresses that do not count. Takes the reference; NULL: it stays, and A is wanted. */
static outcome_t *sift(const resolver_t *resolver, outcome_t *outcome)
{
    const store_entry_t *entry = &outcome->entry;
    bool is_data = entry->kind == STORE_RRSET && entry->type == TYPE_AAAA;
    if (is_data && dns64_has_excluded(resolver->settings, &entry->rrsets[0])) {
        outcome_t *left = filter(resolver, outcome);
        if (left) {
            outcome_unref(outcome);
        }
        return left;
    }
    return is_data || (entry->kind != STORE_NODATA && !is_unanswered(outcome)) ? outcome : NULL;
}

bool request_is_dns64(const resolver_t *resolver, const request_t *request)
{
    return resolver->settings->dns64_count > 0 && request->type == TYPE_AAAA && !(request->flags & RESOLVER_FLAG_CHECKING_DISABLED);
}

outcome_t *request_dns64(resolver_t *resolver, request_t *request, outcome_t *outcome)
{
    if (!request_is_dns64(resolver, request)) {
        return outcome;
    }
    if (request->without_aaaa) {
        outcome_t *denial = request->without_aaaa;
        request->without_aaaa = NULL;
        return combine(resolver, denial, outcome);
    }
    outcome_t *sifted = sift(resolver, outcome);
    if (sifted || !budget_take(&request->budget->hops_left)) {
        return sifted ? sifted : outcome;
    }
    request->without_aaaa = outcome;
    return NULL;
}

outcome_t *request_dns64_stale(resolver_t *resolver, outcome_t *aaaa, outcome_t *a)
{
    outcome_t *sifted = aaaa ? sift(resolver, aaaa) : NULL;
    if (aaaa && !sifted && a) {
        return combine(resolver, aaaa, a);
    }
    if (!sifted) {
        outcome_unref(aaaa);
    }
    outcome_unref(a);
    return sifted;
}

bool request_reverse_dns64(const resolver_t *resolver, const request_t *request, outcome_t *outcome)
{
    name_t target;
    if (request->type != TYPE_PTR || request->hop_count > 0 || !dns64_pointer(resolver->settings, request->current.wire, &target)) {
        return false;
    }
    rrset_t *alias = arena_alloc(&outcome->arena, sizeof *alias);
    if (!alias ||
        rrset_make(alias, &outcome->arena, request->current.wire, TYPE_CNAME, TTL_WITHOUT_SOA_S, target.wire, target.length) != STATUS_OK) {
        return false;
    }
    outcome->entry = (store_entry_t){.kind = STORE_RRSET,
                                     .rank = STORE_RANK_AUTHORITATIVE,
                                     .security = STORE_INSECURE,
                                     .type = TYPE_CNAME,
                                     .extended_error = EDE_NONE,
                                     .ttl_s = TTL_WITHOUT_SOA_S,
                                     .rrset_count = 1,
                                     .rrsets = alias};
    return true;
}
