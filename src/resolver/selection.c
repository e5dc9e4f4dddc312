/* Which of a zone's addresses is asked next.
 *
 * Those asked least for this question come first; among them the ones not held against (back-off, lame for the zone), then the fastest.
 * An address never measured counts as fast, and one choice in EXPLORE_ONE_IN is random: so a server that got better is noticed.
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

enum {
    TRIES_BEFORE_FALLBACK = 2,
    TRIES_OF_ONE = 2,      /* before the only address of a zone counts as one that may have moved: one is lost now and then */
    TRIES_AFTER_BOGUS = 2, /* there is an answer, if a bad one: nobody is waited for as if there were none */
    EXPLORE_ONE_IN = 20,
    UNMEASURED_MS = 30, /* below most real round trips: everything is tried once */
    BAND_MS = 20,       /* differences below this are chance */
    PREFERENCE_MS = 10, /* what the preferred family is ahead */
};

typedef struct standing {
    unsigned penalty; /* tries, then what is held against it */
    unsigned score;   /* milliseconds */
} standing_t;

/* Forwarders that have a fall-back are not waited for as long as servers that have none. */
static unsigned tries_of(const resolver_t *resolver, const fetch_t *fetch)
{
    if (fetch->validation.rejected) {
        return TRIES_AFTER_BOGUS;
    }
    if (renew_is_open(fetch)) {
        unsigned tries = fetch->cut.rounds + (fetch->cut.candidate_count > 1 ? 1u : TRIES_OF_ONE);
        return tries < resolver->settings->tries_an_address ? tries : resolver->settings->tries_an_address;
    }
    bool has_fallback = fetch->cut.kind == CUT_FORWARD && !fetch->cut.fallback_used;
    return has_fallback ? TRIES_BEFORE_FALLBACK : resolver->settings->tries_an_address;
}

static bool is_usable(const resolver_t *resolver, const fetch_t *fetch, const candidate_t *candidate)
{
    return !candidate->is_dead && candidate->tries < tries_of(resolver, fetch);
}

static standing_t judge(resolver_t *resolver, const fetch_t *fetch, const candidate_t *candidate)
{
    uint64_t now_ms = resolver->now.monotonic_ms;
    const infra_entry_t *infra = infra_find(resolver->infra, &candidate->address);
    bool is_ipv6 = candidate->address.family == RESOLVER_IPV6;
    standing_t standing = {.penalty = candidate->tries * 8u, .score = UNMEASURED_MS};
    if (infra) {
        standing.score = infra->smoothed_ms != 0 ? infra->smoothed_ms : UNMEASURED_MS;
        /* Is it back? One question finds out. */
        standing.penalty += infra_is_backed_off(infra, now_ms) || (infra->silences > 0 && infra->outstanding > 0) ? 4 : 0;
        standing.penalty += infra_is_lame(resolver->infra, infra, &fetch->cut.zone, now_ms) ? 2 : 0;
        standing.score += infra->silences * resolver->settings->timeout_initial_ms;
    }
    standing.penalty += now_ms < resolver->family_down_until_ms[is_ipv6] ? 64 : 0;
    standing.score += is_ipv6 == resolver->settings->prefer_ipv6 ? 0 : PREFERENCE_MS;
    standing.score += resolver_random_below(resolver, BAND_MS);
    return standing;
}

bool selection_has_other(resolver_t *resolver, const fetch_t *fetch, unsigned candidate)
{
    const unsigned tries = fetch->cut.candidates[candidate].tries;
    for (unsigned i = 0; i < fetch->cut.candidate_count; i++) {
        const candidate_t *other = &fetch->cut.candidates[i];
        if (i != candidate && other->tries < tries && is_usable(resolver, fetch, other) &&
            judge(resolver, fetch, other).penalty == other->tries * 8u) {
            return true;
        }
    }
    return false;
}

int selection_next(resolver_t *resolver, fetch_t *fetch)
{
    bool explores = resolver_random_below(resolver, EXPLORE_ONE_IN) == 0;
    int best = -1;
    standing_t best_standing = {0};
    for (unsigned i = 0; i < fetch->cut.candidate_count; i++) {
        const candidate_t *candidate = &fetch->cut.candidates[i];
        if (!is_usable(resolver, fetch, candidate)) {
            continue;
        }
        standing_t standing = judge(resolver, fetch, candidate);
        if (explores) {
            standing.score = resolver_random_below(resolver, UINT16_MAX);
        }
        bool is_better = best < 0 || standing.penalty < best_standing.penalty ||
                         (standing.penalty == best_standing.penalty && standing.score < best_standing.score);
        if (is_better) {
            best = (int)i;
            best_standing = standing;
        }
    }
    return best;
}
