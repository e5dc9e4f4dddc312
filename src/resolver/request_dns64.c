/* Where DNS64 meets a request (RFC 6147 5.1, 5.3.1, 5.5): when AAAA are left out, when they are made, and of what.
 *
 * Never for CD: who checks on its own wants what is signed. A denial of AAAA that does not validate is a failure, and stays one.
 */
#include "resolver/dns64.h"
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "wire/rrtype.h"

enum { TTL_WITHOUT_SOA_S = 600 }; /* RFC 6147 5.1.7 */

static store_security_t least(store_security_t a, store_security_t b)
{
    return a < b ? a : b;
}

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
        made->entry.security = least(denial->entry.security, a->entry.security);
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

/* What was found for A, after there was no AAAA. Takes the reference. */
static outcome_t *take_a(resolver_t *resolver, request_t *request, outcome_t *a)
{
    outcome_t *denial = request->without_aaaa;
    const store_entry_t *entry = &a->entry;
    outcome_t *result = NULL;
    request->without_aaaa = NULL;
    if (entry->kind == STORE_RRSET && entry->type == TYPE_A && entry->security != STORE_BOGUS) {
        result = make(resolver, denial, a);
    } else if (denial->entry.kind == STORE_NODATA) {
        result = outcome_ref(denial); /* RFC 6147 5.4 */
    } else {
        result = outcome_ref(a);
    }
    outcome_unref(denial);
    outcome_unref(a);
    return result ? result : outcome_ref(&resolver->exhausted);
}

outcome_t *request_dns64(resolver_t *resolver, request_t *request, outcome_t *outcome)
{
    const store_entry_t *entry = &outcome->entry;
    if (resolver->settings->dns64_count == 0 || request->type != TYPE_AAAA || (request->flags & RESOLVER_FLAG_CHECKING_DISABLED)) {
        return outcome;
    }
    if (request->without_aaaa) {
        return take_a(resolver, request, outcome);
    }
    bool is_data = entry->kind == STORE_RRSET && entry->type == TYPE_AAAA;
    if (is_data && dns64_has_excluded(resolver->settings, &entry->rrsets[0])) {
        outcome_t *left = filter(resolver, outcome);
        if (left) {
            outcome_unref(outcome);
            return left;
        }
    } else if (is_data || (entry->kind != STORE_NODATA && !is_unanswered(outcome))) {
        return outcome;
    }
    if (!budget_take(&request->budget->hops_left)) {
        return outcome;
    }
    request->without_aaaa = outcome;
    return NULL;
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
