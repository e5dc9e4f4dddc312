/* From the outcomes of a chain of names to one answer (RFC 1034 4.3.2, 6604, 8767). */
#include "resolver/resolver.h"
#include "resolver/signal.h"
#include "resolver/state.h"

#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_ARENA_MAX = 1 << 16 };

const uint8_t *chain_target(const store_entry_t *entry)
{
    if (entry->kind != STORE_RRSET || entry->type != TYPE_CNAME || entry->rrset_count == 0) {
        return NULL;
    }
    const uint8_t *at = NULL;
    uint16_t rdlength;
    return rrset_next(&entry->rrsets[0], &at, &rdlength);
}

void answer_memory_unref(answer_memory_t *answer)
{
    if (!answer || --answer->references > 0) {
        return;
    }
    for (unsigned i = 0; i < answer->outcome_count; i++) {
        outcome_unref(answer->outcomes[i]);
    }
    arena_clear(&answer->arena);
    free(answer);
}

static answer_memory_t *answer_new(void)
{
    answer_memory_t *answer = calloc(1, sizeof *answer);
    if (answer) {
        answer->references = 1;
        answer->answer.extended_error = EDE_NONE;
        answer->answer.security = STORE_SECURE;
        answer->answer.ttl_s = UINT32_MAX;
        arena_init(&answer->arena, 1024, ANSWER_ARENA_MAX);
    }
    return answer;
}

answer_memory_t *chain_failure(uint16_t rcode, int16_t extended_error, const char *text)
{
    answer_memory_t *answer = answer_new();
    if (answer) {
        answer->answer.rcode = rcode;
        answer->answer.extended_error = extended_error;
        answer->answer.extended_text = text;
        answer->answer.security = STORE_INDETERMINATE;
        answer->answer.ttl_s = 0;
    }
    return answer;
}

/* ---- putting together ---- */

/* Two names of a chain within one zone may need the same proof: the NSEC at the end of an alias may come with the alias already. */
static bool has_proof(const resolver_answer_t *answer, const rrset_t *proofs, const rrset_t *rrset)
{
    for (unsigned i = 0; i < answer->authority_count; i++) {
        if (proofs[i].type == rrset->type && name_equal(proofs[i].owner, rrset->owner)) {
            return true;
        }
    }
    return false;
}

static void add_entry(resolver_answer_t *answer, rrset_t *records, rrset_t *proofs, const store_entry_t *entry)
{
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        const rrset_t *rrset = &entry->rrsets[i];
        bool is_data = entry->kind == STORE_RRSET && (i == 0 || rrset->type == TYPE_DNAME);
        if (!is_data) {
            if (!has_proof(answer, proofs, rrset)) {
                proofs[answer->authority_count++] = *rrset;
            }
        } else if (rrset->type == TYPE_DNAME && i > 0) { /* a DNAME goes before the CNAME made of it */
            records[answer->answer_count] = records[answer->answer_count - 1];
            records[answer->answer_count - 1] = *rrset;
            answer->answer_count++;
        } else {
            records[answer->answer_count++] = *rrset;
        }
    }
    answer->security = store_security_least(answer->security, entry->security);
    answer->ttl_s = entry->ttl_s < answer->ttl_s ? entry->ttl_s : answer->ttl_s;
}

static uint16_t rcode_of(const outcome_t *last)
{
    if (last->overflow) {
        return RCODE_YXDOMAIN;
    }
    switch (last->entry.kind) {
    case STORE_NAME_ERROR:
        return RCODE_NXDOMAIN;
    case STORE_FAILURE:
        return RCODE_SERVFAIL;
    case STORE_RRSET:
    case STORE_NODATA:
        break;
    }
    return RCODE_NOERROR;
}

answer_memory_t *chain_answer(const request_t *request, outcome_t *const *hops, unsigned count)
{
    REQUIRE(count > 0 && count <= ARRAY_SIZE(request->hops));
    outcome_t *last = hops[count - 1];
    if (last->entry.kind == STORE_FAILURE) {
        answer_memory_t *failure = chain_failure(RCODE_SERVFAIL, last->entry.extended_error, last->text);
        if (failure) { /* the text lives in the outcome */
            failure->answer.security = last->entry.security == STORE_BOGUS ? STORE_BOGUS : STORE_INDETERMINATE;
            failure->answer.is_cached_failure = last->is_known_failure;
            failure->outcomes[failure->outcome_count++] = outcome_ref(last);
        }
        return failure;
    }
    answer_memory_t *memory = answer_new();
    size_t total = 0;
    for (unsigned i = 0; i < count; i++) {
        total += hops[i]->entry.rrset_count;
    }
    rrset_t *rrsets = memory ? arena_alloc(&memory->arena, (2 * total + 1) * sizeof *rrsets) : NULL;
    if (!rrsets) {
        answer_memory_unref(memory);
        return NULL;
    }
    resolver_answer_t *answer = &memory->answer;
    for (unsigned i = 0; i < count; i++) {
        add_entry(answer, rrsets, rrsets + total, &hops[i]->entry);
        memory->outcomes[memory->outcome_count++] = outcome_ref(hops[i]);
        answer->is_served |= hops[i]->is_served;
    }
    answer->answer = rrsets;
    answer->authority = rrsets + total;
    answer->rcode = rcode_of(last);
    answer->extended_error = last->entry.extended_error;
    return memory;
}

/* ---- optional records ---- */

enum { OPTIONAL_NAMES_MAX = RESOLVER_NS_NAMES_MAX };

/* Good enough to stand in this answer; nothing in the authority section may be worth less than AD says (RFC 4035 3.2.3). */
static bool find_optional(resolver_t *resolver, const request_t *request, const uint8_t *owner, uint16_t type, answer_memory_t *memory,
                          rrset_t *rrset)
{
    const bool is_checked = !(request->flags & RESOLVER_FLAG_CHECKING_DISABLED);
    store_entry_t entry;
    name_key_t name;
    name_key_init(&name, owner, name_length(owner));
    if (!resolver_find(resolver, &name, type, STORE_WANT_FRESH, &memory->arena, &entry) || entry.kind != STORE_RRSET ||
        entry.rrset_count != 1 || entry.security == STORE_BOGUS || !validate_is_good(resolver, is_checked, &entry) ||
        (memory->answer.security == STORE_SECURE && entry.security != STORE_SECURE)) {
        return false;
    }
    *rrset = entry.rrsets[0];
    memory->answer.ttl_s = entry.ttl_s < memory->answer.ttl_s ? entry.ttl_s : memory->answer.ttl_s;
    return true;
}

/* Where in the rdata a host is named whose addresses are of use (RFC 1035 3.3, RFC 2782); -1: nowhere. */
static int host_at(uint16_t type)
{
    return type == TYPE_NS ? 0 : type == TYPE_MX ? 2 : type == TYPE_SRV ? 6 : -1;
}

static void add_addresses(resolver_t *resolver, const request_t *request, const rrset_t *naming, answer_memory_t *memory, rrset_t *rrsets)
{
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    const int offset = host_at(naming->type);
    const uint8_t *at = NULL;
    const uint8_t *rdata;
    uint16_t rdlength;
    while (offset >= 0 && (rdata = rrset_next(naming, &at, &rdlength)) != NULL) {
        for (unsigned i = 0; i < ARRAY_SIZE(types) && memory->answer.additional_count < 2 * OPTIONAL_NAMES_MAX; i++) {
            name_t host;
            name_set(&host, rdata + offset);
            name_lower(host.wire, host.length);
            memory->answer.additional_count +=
                find_optional(resolver, request, host.wire, types[i], memory, &rrsets[memory->answer.additional_count]);
        }
    }
}

/* The RRset that answers the question stands last. */
void chain_add_optional(resolver_t *resolver, const request_t *request, answer_memory_t *memory)
{
    resolver_answer_t *answer = &memory->answer;
    const outcome_t *last = memory->outcome_count > 0 ? memory->outcomes[memory->outcome_count - 1] : NULL;
    rrset_t *authority = arena_alloc(&memory->arena, (answer->authority_count + 1u) * sizeof *authority);
    rrset_t *additional = arena_alloc(&memory->arena, 2 * OPTIONAL_NAMES_MAX * sizeof *additional);
    if (!authority || !additional || !last || last->entry.kind != STORE_RRSET || answer->rcode != RCODE_NOERROR || last->is_served) {
        return;
    }
    memcpy(authority, answer->authority, answer->authority_count * sizeof *authority);
    answer->authority = authority;
    answer->additional = additional;
    const rrset_t *asked = &last->entry.rrsets[0];
    bool is_ns = asked->type == TYPE_NS && last->entry.zone && name_equal(asked->owner, last->entry.zone);
    add_addresses(resolver, request, asked, memory, additional);
    if (last->entry.zone && !is_ns &&
        find_optional(resolver, request, last->entry.zone, TYPE_NS, memory, &authority[answer->authority_count])) {
        answer->authority_count++;
        add_addresses(resolver, request, &authority[answer->authority_count - 1], memory, additional);
    }
}

/* ---- stale answers ---- */

/* The type or an alias, fresh or stale; NULL if there is nothing good. What was never validated is not given to who has CD clear. */
static outcome_t *find_stale_type(resolver_t *resolver, const name_key_t *name, const request_t *request, uint16_t type)
{
    outcome_t *outcome = outcome_new();
    const uint16_t types[] = {type, TYPE_CNAME};
    const bool is_checked = !(request->flags & RESOLVER_FLAG_CHECKING_DISABLED);
    for (unsigned i = 0; outcome && i < ARRAY_SIZE(types); i++) {
        if (resolver_find_special(resolver, name, types[i], &outcome->arena, &outcome->entry)) {
            return outcome;
        }
        if (resolver_find(resolver, name, types[i], STORE_WANT_STALE, &outcome->arena, &outcome->entry) &&
            outcome->entry.security != STORE_BOGUS && validate_is_good(resolver, is_checked, &outcome->entry) &&
            outcome->entry.rank > STORE_RANK_REFERRAL && (i == 0 || outcome->entry.kind == STORE_RRSET)) {
            return outcome;
        }
    }
    outcome_unref(outcome);
    return NULL;
}

/* One name of the chain; likewise. */
static outcome_t *find_stale(resolver_t *resolver, const name_key_t *name, const request_t *request)
{
    outcome_t *outcome = find_stale_type(resolver, name, request, request->type);
    return request_is_dns64(resolver, request) ? request_dns64_stale(resolver, outcome, find_stale_type(resolver, name, request, TYPE_A))
                                               : outcome;
}

/* RFC 8767 4: a stale RRset is given out with a TTL of 30 seconds. */
static void set_stale(const resolver_settings_t *settings, answer_memory_t *memory)
{
    resolver_answer_t *answer = &memory->answer;
    rrset_t *rrsets = arena_alloc(&memory->arena, (answer->answer_count + answer->authority_count + 1u) * sizeof *rrsets);
    for (unsigned i = 0; rrsets && i < answer->answer_count + answer->authority_count; i++) {
        rrsets[i] = i < answer->answer_count ? answer->answer[i] : answer->authority[i - answer->answer_count];
        if (rrsets[i].ttl_s == 0) {
            rrsets[i].ttl_s = settings->stale_answer_ttl_s;
        }
    }
    if (rrsets) {
        answer->answer = rrsets;
        answer->authority = rrsets + answer->answer_count;
    }
    answer->is_stale = true;
    answer->ttl_s = settings->stale_answer_ttl_s;
    answer->extended_error = answer->rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE_ANSWER;
    answer->extended_text = "the servers of the name do not answer";
}

bool chain_fails_by_sentinel(const resolver_t *resolver, const request_t *request, resolver_answer_t *answer)
{
    bool is_fit = resolver->settings->root_key_sentinel && resolver->trust && !(request->flags & RESOLVER_FLAG_CHECKING_DISABLED) &&
                  answer->security == STORE_SECURE;
    sentinel_t sentinel = is_fit ? signal_sentinel(resolver->trust, request->name.wire, request->type) : SENTINEL_NONE;
    if (sentinel == SENTINEL_AS_IT_IS) {
        answer->ttl_s = 0;
    }
    return sentinel == SENTINEL_FAILS;
}

answer_memory_t *chain_stale(resolver_t *resolver, const request_t *request)
{
    outcome_t *hops[RESOLVER_CNAME_HOPS_MAX + 1];
    name_key_t name = request->name;
    unsigned count = 0;
    bool is_stale = false;
    bool is_complete = false;
    while (count < ARRAY_SIZE(hops) && !is_complete) {
        outcome_t *outcome = find_stale(resolver, &name, request);
        if (!outcome) {
            break;
        }
        hops[count++] = outcome;
        is_stale = is_stale || outcome->entry.is_stale;
        const uint8_t *target = request->type != TYPE_CNAME ? chain_target(&outcome->entry) : NULL;
        is_complete = !target;
        if (target) {
            name_key_init(&name, target, name_length(target));
        }
    }
    answer_memory_t *answer = is_complete ? chain_answer(request, hops, count) : NULL;
    for (unsigned i = 0; i < count; i++) {
        outcome_unref(hops[i]);
    }
    if (answer && chain_fails_by_sentinel(resolver, request, &answer->answer)) {
        answer_memory_unref(answer);
        return NULL;
    }
    if (answer && is_stale) {
        set_stale(resolver->settings, answer);
    }
    return answer;
}
