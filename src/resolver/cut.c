/* The zone whose servers are asked: found in configuration, store or hints; its names and addresses. */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "resolver/hints.h"
#include "wire/rrtype.h"

#include <string.h>

enum { SILENCES_BEFORE_FALLBACK = 2 };

/* ---- quota of a zone: counters hashed by name, so that no table can be filled ---- */

static uint16_t *quota_of(resolver_t *resolver, const name_key_t *zone)
{
    return &resolver->zone_quota[siphash(&resolver->hash_key, zone->wire, zone->length) % ZONE_QUOTA_SLOTS];
}

void cut_leave(resolver_t *resolver, fetch_t *fetch)
{
    for (unsigned i = 0; i < fetch->cut.lookups; i++) {
        edge_detach(resolver, &fetch->lookups[i]);
    }
    fetch->cut.lookups = 0;
    if (fetch->cut.in_quota) {
        fetch->cut.in_quota = false;
        --*quota_of(resolver, &fetch->cut.zone);
    }
}

/* The quota holds below the top: every question passes the root and its children's parents. */
static bool enter_quota(resolver_t *resolver, fetch_t *fetch)
{
    uint16_t *quota = quota_of(resolver, &fetch->cut.zone);
    if (fetch->cut.kind == CUT_FORWARD || fetch->cut.kind == CUT_SERVED || fetch->cut.zone.labels < 2) {
        return true;
    }
    if (*quota >= resolver->settings->fetches_a_zone_max) {
        return false;
    }
    ++*quota;
    fetch->cut.in_quota = true;
    return true;
}

/* ---- addresses ---- */

static uint8_t family_bit(bool is_ipv6)
{
    return is_ipv6 ? 2 : 1;
}

void cut_add_address(resolver_t *resolver, fetch_t *fetch, unsigned server, const resolver_address_t *address)
{
    cut_t *cut = &fetch->cut;
    if (!resolver_address_may_be_asked(resolver->settings, address)) {
        return;
    }
    if (server < cut->server_count) {
        cut->servers[server].families |= family_bit(address->family == RESOLVER_IPV6);
    }
    for (unsigned i = 0; i < cut->candidate_count; i++) {
        if (resolver_address_equal(&cut->candidates[i].address, address)) {
            return;
        }
    }
    if (cut->candidate_count < RESOLVER_CANDIDATES_MAX) {
        cut->candidates[cut->candidate_count++] = (candidate_t){.address = *address};
    }
}

static void add_rrset(resolver_t *resolver, fetch_t *fetch, unsigned server, const store_entry_t *entry)
{
    enum { ADDRESSES_A_NAME_MAX = 8 };
    const uint8_t *at = NULL;
    const uint8_t *rdata;
    uint16_t rdlength;
    if (entry->kind != STORE_RRSET || entry->rrset_count == 0 || entry->security == STORE_BOGUS) {
        return;
    }
    for (unsigned i = 0; i < ADDRESSES_A_NAME_MAX && (rdata = rrset_next(&entry->rrsets[0], &at, &rdlength)) != NULL; i++) {
        resolver_address_t address;
        if (resolver_address_from_rdata(&address, entry->type, rdata, rdlength)) {
            cut_add_address(resolver, fetch, server, &address);
        }
    }
}

void cut_take_lookup(resolver_t *resolver, fetch_t *fetch, edge_t *edge)
{
    const outcome_t *outcome = edge->outcome;
    add_rrset(resolver, fetch, edge->server, &outcome->entry);
    if (outcome->by_budget && !fetch->trouble.what) { /* what says nothing of a server's name says nothing of ours */
        fetch_set_trouble(fetch, "the addresses of its name servers cannot be had just now", EDE_NO_REACHABLE_AUTHORITY, NULL);
        fetch->trouble.fault = outcome->is_shortage ? FAULT_SHORTAGE : FAULT_BUDGET;
    }
    outcome_unref(edge->outcome);
    edge->outcome = NULL;
}

/* ---- look-ups of name servers' addresses ---- */

/* Families without a route, by their bits. */
static unsigned families_down(const resolver_t *resolver)
{
    unsigned down = 0;
    for (unsigned is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
        down |= resolver->now.monotonic_ms < resolver->family_down_until_ms[is_ipv6] ? family_bit(is_ipv6) : 0u;
    }
    return down;
}

static bool is_reachable(const resolver_t *resolver, const cut_server_t *server)
{
    return (server->families & ~families_down(resolver)) != 0;
}

/* The address types to look up, in order of preference; zeros behind them. */
static void address_types(const resolver_t *resolver, uint16_t types[static 2])
{
    const resolver_settings_t *settings = resolver->settings;
    const unsigned down = families_down(resolver);
    const bool ipv6_first = down == 1 || (down != 2 && settings->prefer_ipv6);
    unsigned count = 0;
    types[0] = types[1] = 0;
    if (settings->ipv6 && ipv6_first) {
        types[count++] = TYPE_AAAA;
    }
    if (settings->ipv4) {
        types[count++] = TYPE_A;
    }
    if (settings->ipv6 && !ipv6_first) {
        types[count] = TYPE_AAAA;
    }
}

static bool has_pending(const fetch_t *fetch, unsigned server)
{
    for (unsigned i = 0; i < fetch->cut.lookups; i++) {
        if (fetch->lookups[i].server == server && fetch->lookups[i].fetch) {
            return true;
        }
    }
    return false;
}

/* Without glue, a name inside the very zone can only be found by asking that zone. */
static bool can_be_looked_up(const resolver_t *resolver, const fetch_t *fetch, const cut_server_t *server)
{
    return !is_reachable(resolver, server) && !name_is_at_or_below(server->name.wire, fetch->cut.zone.wire);
}

static void say_no_lookup(fetch_t *fetch, status_t status)
{
    fetch_set_trouble(fetch,
                      status == STATUS_EXISTS  ? "its name servers can only be found by asking themselves"
                      : status == STATUS_LIMIT ? "finding its name servers takes too many questions"
                                               : "too many questions are being resolved to find its name servers",
                      EDE_NO_REACHABLE_AUTHORITY, NULL);
    fetch->trouble.fault = status == STATUS_EXISTS ? FAULT_SERVERS : status == STATUS_LIMIT ? FAULT_BUDGET : FAULT_SHORTAGE;
}

static bool affords_fetch(const budget_t *budget, uint64_t now_ms)
{
    return budget->fetches_left > 0 && now_ms < budget->deadline_ms;
}

/* Begins one look-up; true if it is running. */
static bool begin_lookup(resolver_t *resolver, fetch_t *fetch, unsigned server, uint16_t type)
{
    name_key_t name;
    name_key_init(&name, fetch->cut.servers[server].name.wire, fetch->cut.servers[server].name.length);
    store_entry_t known;
    if (resolver_find(resolver, &name, type, STORE_WANT_FRESH, &resolver->scratch, &known)) {
        add_rrset(resolver, fetch, server, &known);
        return false;
    }
    edge_t *edge = &fetch->lookups[fetch->cut.lookups];
    *edge = (edge_t){.by_fetch = fetch, .type = type, .server = (uint8_t)server};
    /* Not validated: what a server at a wrong address says will not validate (RFC 4035 5), and so no look-up waits for one that waits
     * for it. */
    (void)fetch_find_budget(resolver, fetch, affords_fetch);
    fetch_wish_t wish = {&name, type, fetch->depth + 1, fetch->budget, edge, false, false};
    status_t status = fetch_want(resolver, &wish);
    if (status != STATUS_OK) {
        say_no_lookup(fetch, status);
        return false;
    }
    fetch->cut.lookups++;
    return true;
}

bool cut_look_up(resolver_t *resolver, fetch_t *fetch)
{
    uint16_t types[2];
    address_types(resolver, types);
    for (unsigned family = 0; family < ARRAY_SIZE(types) && types[family] != 0; family++) {
        unsigned first = fetch->cut.server_count > 0 ? resolver_random_below(resolver, fetch->cut.server_count) : 0;
        for (unsigned i = 0; i < fetch->cut.server_count; i++) {
            unsigned index = (first + i) % fetch->cut.server_count;
            cut_server_t *server = &fetch->cut.servers[index];
            const uint8_t bit = family_bit(types[family] == TYPE_AAAA);
            if (((server->looked_up | server->families) & bit) || !can_be_looked_up(resolver, fetch, server) || has_pending(fetch, index)) {
                continue;
            }
            if (fetch->cut.lookups >= resolver->settings->ns_lookups_max) {
                return false;
            }
            server->looked_up |= bit;
            if (begin_lookup(resolver, fetch, index, types[family])) {
                return true;
            }
            if (is_reachable(resolver, server)) {
                return false; /* found in the store: no need to look up more */
            }
        }
    }
    return false;
}

/* For the next questions to the zone; on the budget of whoever asked this one, so that no delegation makes us ask more for it (NXNSAttack).
 */
void cut_look_ahead(resolver_t *resolver, const fetch_t *fetch)
{
    uint16_t types[2];
    unsigned left = resolver->settings->ns_lookups_max;
    if (!resolver->settings->refresh_addresses || fetch->cut.kind != CUT_DELEGATION || fetch->depth > 0) {
        return;
    }
    address_types(resolver, types);
    for (unsigned i = 0; i < ARRAY_SIZE(types) * fetch->cut.server_count && left > 0; i++) {
        const name_t *server = &fetch->cut.servers[i / ARRAY_SIZE(types)].name;
        const uint16_t type = types[i % ARRAY_SIZE(types)];
        store_entry_t known;
        name_key_t name;
        name_key_init(&name, server->wire, server->length);
        if (type == 0 || resolver_find(resolver, &name, type, STORE_WANT_FRESH, &resolver->scratch, &known)) {
            continue;
        }
        fetch_wish_t wish = {&name, type, fetch->depth + 1, fetch->budget, NULL, false, false};
        left -= fetch_want(resolver, &wish) == STATUS_OK;
    }
}

/* ---- entering ---- */

/* Prepares the fetch for a new zone; false, with the fetch ended, if the zone has its fill of questions. */
static bool begin_cut(resolver_t *resolver, fetch_t *fetch, const uint8_t *zone, cut_kind_t kind)
{
    bool fallback_used = fetch->cut.fallback_used;
    cut_leave(resolver, fetch);
    cut_t *cut = &fetch->cut;
    cut->kind = kind;
    cut->fallback_used = fallback_used;
    cut->sends = 0;
    cut->server_count = 0;
    cut->candidate_count = 0;
    cut->is_from_store = false;
    cut->rounds = 0;
    cut->until_s = UINT64_MAX;
    name_key_init(&cut->zone, zone, name_length(zone));
    fetch->trouble = (trouble_t){.what = NULL};
    fetch->minimised_silences = 0;
    fetch->minimise.enabled = resolver->settings->minimise_names && kind != CUT_FORWARD && !cut_is_local(cut);
    fetch->minimise.known = cut->zone.labels;
    fetch->state = FETCH_SELECT;
    if (!enter_quota(resolver, fetch)) {
        resolver->counters[RESOLVER_COUNT_QUOTA]++;
        fetch_set_trouble(fetch, "too many questions for this zone are waiting", EDE_OTHER, NULL);
        fetch->trouble.fault = FAULT_SHORTAGE;
        fetch_fail_by_budget(resolver, fetch);
        return false;
    }
    return true;
}

/* Addresses that the store knows for names without glue. */
static void fill_from_store(resolver_t *resolver, fetch_t *fetch)
{
    uint16_t types[2];
    address_types(resolver, types);
    for (unsigned i = 0; i < fetch->cut.server_count; i++) {
        cut_server_t *server = &fetch->cut.servers[i];
        for (unsigned family = 0; family < ARRAY_SIZE(types) && types[family] != 0 && !is_reachable(resolver, server); family++) {
            name_key_t name;
            store_entry_t entry;
            name_key_init(&name, server->name.wire, server->name.length);
            if (resolver_find(resolver, &name, types[family], STORE_WANT_FRESH, &resolver->scratch, &entry)) {
                add_rrset(resolver, fetch, i, &entry);
                server->looked_up |= family_bit(types[family] == TYPE_AAAA);
            }
        }
    }
}

void cut_enter(resolver_t *resolver, fetch_t *fetch, const delegation_t *delegation, cut_kind_t kind)
{
    if (!begin_cut(resolver, fetch, delegation->zone, kind)) {
        return;
    }
    cut_t *cut = &fetch->cut;
    if (cut->zone.labels > 0) { /* nobody takes the root away */
        cut->until_s = resolver->now.unix_s + delegation->ttl_s;
    }
    for (unsigned i = 0; i < delegation->server_count && cut->server_count < RESOLVER_NS_NAMES_MAX; i++) {
        const delegation_server_t *server = &delegation->servers[i];
        cut_server_t *own = &cut->servers[cut->server_count++];
        *own = (cut_server_t){.families = 0};
        name_set(&own->name, server->name);
        for (unsigned j = 0; j < server->address_count; j++) {
            cut_add_address(resolver, fetch, i, &server->addresses[j]);
        }
    }
    fill_from_store(resolver, fetch);
    if (renew_enter(resolver, fetch)) {
        resolver_ready_fetch(resolver, fetch);
    }
}

static void enter_hints(resolver_t *resolver, fetch_t *fetch)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    const hints_t *hints = resolver->settings->hints ? resolver->settings->hints : resolver->hints;
    if (!begin_cut(resolver, fetch, root, CUT_HINTS)) {
        return;
    }
    for (unsigned i = 0; i < hints->count; i++) {
        for (unsigned j = 0; j < hints->servers[i].address_count; j++) {
            cut_add_address(resolver, fetch, RESOLVER_NS_NAMES_MAX, &hints->servers[i].addresses[j]);
        }
    }
    if (renew_enter(resolver, fetch)) {
        resolver_ready_fetch(resolver, fetch);
    }
    fetch_prime(resolver);
}

/* The operator's own choice: no filter but the families. A forwarder that has died is not waited for by each of the ten questions that one
 * answer may take (keys, DS), if there is a fall-back: one at a time sees, by one message, whether it is back. */
static void add_configured(resolver_t *resolver, fetch_t *fetch, const resolver_zone_t *zone, const resolver_address_t *address)
{
    const infra_entry_t *infra = zone->fallback ? infra_find(resolver->infra, address) : NULL;
    if (!infra || !infra_is_given_up(infra, SILENCES_BEFORE_FALLBACK, resolver->now.monotonic_ms)) {
        bool was_silent = infra && infra->silences >= SILENCES_BEFORE_FALLBACK;
        unsigned tries = was_silent ? SILENCES_BEFORE_FALLBACK - 1 : 0;
        fetch->cut.candidates[fetch->cut.candidate_count++] = (candidate_t){.address = *address, .tries = (uint8_t)tries};
    }
}

static void enter_configured(resolver_t *resolver, fetch_t *fetch, const resolver_zone_t *zone)
{
    if (!begin_cut(resolver, fetch, zone->zone.wire, zone->kind == RESOLVER_FORWARD ? CUT_FORWARD : CUT_STUB)) {
        return;
    }
    fetch->cut.fallback_used = !zone->fallback;
    for (size_t i = 0; i < zone->address_count && fetch->cut.candidate_count < RESOLVER_CANDIDATES_MAX; i++) {
        add_configured(resolver, fetch, zone, &zone->addresses[i]);
    }
    resolver_ready_fetch(resolver, fetch);
}

static void enter_served(resolver_t *resolver, fetch_t *fetch, const name_t *zone)
{
    if (begin_cut(resolver, fetch, zone->wire, CUT_SERVED)) {
        fetch->cut.candidates[fetch->cut.candidate_count++] = (candidate_t){.address = {.family = 0}};
        resolver_ready_fetch(resolver, fetch);
    }
}

static void enter_local_root(resolver_t *resolver, fetch_t *fetch)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    if (begin_cut(resolver, fetch, root, CUT_LOCAL_ROOT)) {
        fetch->cut.candidates[fetch->cut.candidate_count++] = (candidate_t){.address = {.family = 0}};
        resolver_ready_fetch(resolver, fetch);
    }
}

/* ---- finding ---- */

static const resolver_zone_t *find_configured(const resolver_t *resolver, const fetch_t *fetch)
{
    const resolver_zone_t *best = NULL;
    for (size_t i = 0; i < resolver->settings->zone_count; i++) {
        const resolver_zone_t *zone = &resolver->settings->zones[i];
        bool is_inside = name_is_at_or_below(fetch->name.wire, zone->zone.wire);
        bool is_apex_ds = fetch->type == TYPE_DS && zone->zone.labels > 0 && zone->zone.labels == fetch->name.labels;
        bool is_tried = zone->kind == RESOLVER_FORWARD && fetch->cut.fallback_used;
        if (is_inside && !is_apex_ds && !is_tried && (!best || zone->zone.labels > best->zone.labels)) {
            best = zone;
        }
    }
    return best;
}

/* A tree that is known not to exist (RFC 8020; only where proven: servers that deny empty non-terminals are not rare), or that a DNAME
 * moves elsewhere. True: the fetch is over. */
static bool answer_from_ancestors(resolver_t *resolver, fetch_t *fetch, unsigned cut_labels)
{
    for (unsigned labels = fetch->name.labels; labels-- > cut_labels && labels > 0;) {
        name_key_t ancestor;
        store_entry_t entry;
        const uint8_t *wire = fetch->name.wire + fetch->name.offset[labels];
        name_key_init(&ancestor, wire, name_length(wire));
        if (!resolver_find(resolver, &ancestor, TYPE_DNAME, STORE_WANT_FRESH, &resolver->scratch, &entry)) {
            continue;
        }
        bool is_rejected = fetch->validation.retries > 0 || (fetch->is_checked && entry.security == STORE_BOGUS);
        if ((entry.kind == STORE_NAME_ERROR && entry.security == STORE_SECURE) || (entry.kind == STORE_RRSET && !is_rejected)) {
            result_take_known(resolver, fetch, &entry);
            return true;
        }
    }
    return false;
}

void cut_find(resolver_t *resolver, fetch_t *fetch)
{
    /* A DS RRset is the parent's (RFC 4035 3.1.4.1). */
    bool is_ds = fetch->type == TYPE_DS && fetch->name.labels > 0;
    unsigned labels = fetch->name.labels - is_ds;
    delegation_t delegation;
    bool is_root_left = fetch->renewal && fetch->renewal->labels == 0;
    if (fetch->renewal && !is_root_left && fetch->renewal->labels <= labels) {
        labels = fetch->renewal->labels - 1u; /* the parent's */
    }
    bool found = !is_root_left && resolver->store->operations->find_delegation(resolver->store, &fetch->name, labels, resolver->now.unix_s,
                                                                               &resolver->scratch, &delegation);
    unsigned found_labels = found ? name_labels(delegation.zone) : 0;
    const resolver_zone_t *configured = find_configured(resolver, fetch);
    name_t served;
    if (resolver_find_served(resolver, &fetch->name, fetch->type, &served) && (!configured || served.labels >= configured->zone.labels)) {
        if (served.labels >= found_labels) { /* before what the store knows of the names above: our own zones are newer */
            enter_served(resolver, fetch, &served);
            return;
        }
        configured = NULL; /* what our zone delegates is asked there */
    }
    bool is_configured = configured && (configured->kind == RESOLVER_FORWARD || configured->zone.labels >= found_labels);
    if (answer_from_ancestors(resolver, fetch, is_configured ? configured->zone.labels : found_labels)) {
        return;
    }
    const resolver_served_t *own = &resolver->served;
    if (is_configured) {
        enter_configured(resolver, fetch, configured);
    } else if (found_labels == 0 && !fetch->cut.root_failed && own->has_root && own->has_root(own->context)) {
        enter_local_root(resolver, fetch);
    } else if (found) {
        cut_enter(resolver, fetch, &delegation, CUT_DELEGATION);
        fetch->cut.is_from_store = true;
    } else {
        enter_hints(resolver, fetch);
    }
}
