/* One message for all who would ask the same: fetches for different names pass the same zone cuts, and minimised they ask the same question
 * there. Asked many times at once it would cost its server as many answers, and give a forger as many chances as there are ids out
 * (RFC 5452 5, RebirthDay). So the first one asks, and the others follow it.
 *
 * Invariants
 *  1. A fetch follows only one whose exchange is open, so it waits no longer than that one's timer, and for nothing else.
 *  2. What the leader learns of the way (a referral, a name that exists, a denial not to be trusted) its followers learn at once; of
 *     anything else they learn nothing, and one of them leads next.
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "wire/rrtype.h"

static question_node_t node_of(const fetch_t *fetch, const name_key_t *name, uint16_t type)
{
    unsigned apart = fetch->cut.kind == CUT_FORWARD ? 1 : fetch->cut.kind == CUT_SERVED ? 2 : fetch->cut.kind == CUT_LOCAL_ROOT ? 3 : 0;
    return (question_node_t){.name = name, .type = type, .flags = (uint16_t)(fetch->cut.zone.labels << 2 | apart)};
}

static fetch_t *fetch_of(question_node_t *node)
{
    return node ? (fetch_t *)(void *)((char *)node - offsetof(fetch_t, asked)) : NULL;
}

bool follow_same_question(resolver_t *resolver, fetch_t *fetch, unsigned labels)
{
    name_key_t name;
    const uint8_t *wire = fetch->name.wire + fetch->name.offset[labels];
    name_key_init(&name, wire, name_length(wire));
    question_node_t wanted = node_of(fetch, &name, labels == fetch->name.labels ? fetch->type : TYPE_A);
    fetch_t *leader = fetch_of(question_table_find(&resolver->asked, &resolver->hash_key, &wanted));
    if (!leader) {
        return false;
    }
    DEBUG_ASSERT(leader != fetch && leader->exchange.is_open);
    fetch->leader = leader;
    fetch->next_follower = leader->followers;
    leader->followers = fetch;
    fetch->state = FETCH_FOLLOW;
    resolver->counters[RESOLVER_COUNT_FOLLOWED]++;
    return true;
}

void follow_leave(fetch_t *fetch)
{
    if (!fetch->leader) {
        return;
    }
    fetch_t **place = &fetch->leader->followers;
    while (*place != fetch) {
        REQUIRE(*place);
        place = &(*place)->next_follower;
    }
    *place = fetch->next_follower;
    fetch->leader = NULL;
    fetch->state = FETCH_SELECT;
}

void follow_open(resolver_t *resolver, fetch_t *fetch)
{
    const uint8_t *wire = fetch->name.wire + fetch->name.offset[fetch->exchange.labels];
    name_key_init(&fetch->asked_name, wire, name_length(wire));
    fetch->asked = node_of(fetch, &fetch->asked_name, fetch->exchange.type);
    question_table_add(&resolver->asked, &resolver->hash_key, &fetch->asked);
}

void follow_close(resolver_t *resolver, fetch_t *fetch)
{
    question_table_remove(&resolver->asked, &fetch->asked);
    while (fetch->followers) {
        fetch_t *follower = fetch->followers;
        follow_leave(follower);
        resolver_ready_fetch(resolver, follower);
    }
}

void follow_share_step(fetch_t *fetch)
{
    for (fetch_t *follower = fetch->followers; follower; follower = follower->next_follower) {
        if (fetch->exchange.labels < follower->name.labels) {
            follower->minimise.known = fetch->exchange.labels;
            follower->minimise.steps++;
        }
    }
}

void follow_share_whole(fetch_t *fetch)
{
    for (fetch_t *follower = fetch->followers; follower; follower = follower->next_follower) {
        follower->minimise.enabled = false;
    }
}

void follow_share_referral(resolver_t *resolver, fetch_t *fetch, const delegation_t *delegation)
{
    while (fetch->followers) {
        fetch_t *follower = fetch->followers;
        follow_leave(follower);
        follower->minimise.steps++;
        cut_enter(resolver, follower, delegation, CUT_DELEGATION);
    }
}
