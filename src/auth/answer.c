#include "auth/answer.h"

#include "auth/state.h"
#include "base/bytes.h"
#include "wire/rrtype.h"

#include <stdlib.h>
#include <string.h>

/* How one name of the chain ended. */
typedef enum step {
    STEP_DONE,  /* answer->outcome says how */
    STEP_CNAME, /* go on with the target of the CNAME just written */
    STEP_DNAME, /* go on with the name in state->name, just written */
} step_t;

auth_t *auth_new(void)
{
    auth_state_t *state = calloc(1, sizeof *state); /* an empty table of names is all zero */
    return state ? &state->head : NULL;
}

void auth_free(auth_t *auth)
{
    free(auth);
}

/* ---- which zone ---- */

static const zone_contents_t *contents_of(const zone_slot_t *slot)
{
    return atomic_load_explicit(&slot->contents, memory_order_acquire);
}

/* DS of the apex of `slot`: it stands in the parent zone. A zone of ours further up knows only that the parent is delegated; then this zone
 * says that it has none (RFC 4035 3.1.4.1). */
static __attribute__((noinline)) const zone_slot_t *find_parent_zone(auth_state_t *state, const zone_set_t *zones, const name_key_t *key,
                                                                     const zone_slot_t *slot)
{
    const zone_slot_t *above = zone_set_find(zones, key, key->labels - 1u);
    const zone_contents_t *contents = above ? contents_of(above) : NULL;
    if (!contents) {
        return above ? above : slot;
    }
    zone_lookup(contents, key, &state->parent);
    bool is_delegated_above = state->parent.cut && state->parent.cut->labels < key->labels;
    return is_delegated_above ? slot : above;
}

/* The zone that answers for a name and type: the nearest at or above it; for DS of an apex its parent, if we serve that. NULL: none. */
static inline const zone_slot_t *find_zone(auth_state_t *state, const zone_set_t *zones, const name_key_t *key, uint16_t type)
{
    const zone_slot_t *slot = zone_set_find(zones, key, key->labels);
    if (UNLIKELY(type == TYPE_DS) && slot && key->labels > 0 && slot->name.labels == key->labels) {
        slot = find_parent_zone(state, zones, key, slot);
    }
    return slot;
}

static step_t done(auth_state_t *state, auth_outcome_t outcome)
{
    state->head.answer.outcome = outcome;
    return STEP_DONE;
}

/* ---- one name ---- */

static const zone_rrset_t *first_rrset(const zone_node_t *node, bool with_signatures)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned left = node->rrset_count; left > 0; left--, rrset = zone_rrset_next(rrset)) {
        if (with_signatures ? rrset->signature_count > 0 : rrset->count > 0) {
            return rrset;
        }
    }
    return NULL;
}

/* The answer to ANY and RRSIG is one RRset, the first, and the signatures of one (RFC 8482 4.1): nobody needs them all,
 * but those who amplify. */
static const zone_rrset_t *choose_rrset(auth_state_t *state, const zone_node_t *node)
{
    if (state->head.request.type == TYPE_ANY) {
        return first_rrset(node, false);
    }
    if (state->head.request.type == TYPE_RRSIG) {
        state->what = WRITE_SIGNATURES;
        return first_rrset(node, true);
    }
    return zone_node_find(node, state->head.request.type);
}

static bool has_additional(const auth_state_t *state, const zone_rrset_t *rrset)
{
    switch (rrset->type) {
    case TYPE_NS:
        return true; /* also where responses are minimal: a priming query asks for the addresses (RFC 8109 3.3) */
    case TYPE_MX:
    case TYPE_SRV:
    case TYPE_SVCB:
    case TYPE_HTTPS:
        return !state->head.request.minimal_responses;
    default:
        return false;
    }
}

/* Data of a node, which is the current name's or the wildcard that stands in for it (RFC 1034 4.3.2 3a and 3c). */
static inline __attribute__((always_inline)) step_t answer_from_node(auth_state_t *state, const zone_node_t *node)
{
    const zone_rrset_t *rrset = choose_rrset(state, node);
    if (LIKELY(rrset)) {
        state->head.answer.outcome = AUTH_ANSWER;
        if (auth_require(state, ANSWER, auth_write_rrset(&state->writer, state->pointer, rrset, state->what)) &&
            has_additional(state, rrset)) {
            state->additional = rrset;
            state->owner = node;
        }
        return STEP_DONE;
    }
    if (!(node->flags & ZONE_NODE_CNAME) || state->head.request.type == TYPE_RRSIG) {
        return done(state, AUTH_NODATA);
    }
    rrset = zone_node_find(node, TYPE_CNAME);
    if (!rrset) {
        return done(state, AUTH_NODATA);
    }
    state->head.answer.outcome = AUTH_CHAIN_END;
    state->owner = zone_node(state->zone, zone_ref_load(rrset->data + 2));
    const uint8_t *target = state->writer.at + (LIKELY(state->pointer != ROOT_OWNER) ? 2 : 1) + 10; /* behind the record's head */
    if (!auth_require(state, ANSWER, auth_write_rrset(&state->writer, state->pointer, rrset, state->what))) {
        return STEP_DONE;
    }
    state->target_at = *target < AUTH_POINTER >> 8 ? (size_t)(target - state->writer.begin) : load_be16(target) & ~(unsigned)AUTH_POINTER;
    return STEP_CNAME;
}

/* A chain may pass a DNAME twice, with different names; the record is sent once. Remembers it. */
static bool was_used(auth_state_t *state, const zone_rrset_t *dname)
{
    for (unsigned i = 0; i < state->count.dnames; i++) {
        if (state->dnames[i] == dname) {
            return true;
        }
    }
    state->dnames[state->count.dnames++] = dname;
    return false;
}

/* DNAME and the CNAME made from it, whose TTL is the DNAME's (RFC 6672 3.1, 3.2). */
static __attribute__((noinline)) step_t answer_from_dname(auth_state_t *state)
{
    const zone_node_t *node = state->found.dname;
    const zone_rrset_t *rrset = zone_node_find(node, TYPE_DNAME);
    if (UNLIKELY(!rrset)) {
        return done(state, AUTH_NODATA);
    }
    const query_t *query = state->head.request.query;
    state->head.answer.outcome = AUTH_CHAIN_END;
    if (!was_used(state, rrset) && !auth_require(state, ANSWER, auth_write_node_rrset(&state->writer, node, rrset, state->what))) {
        return STEP_DONE;
    }
    /* The part that stays keeps the case in which it was asked. */
    const uint8_t *asked = state->count.hops == 0 ? query->message + MESSAGE_HEADER_SIZE : state->key->wire;
    if (name_substitute(&state->name, asked, node->labels, rrset->data + 2) != STATUS_OK) {
        return done(state, AUTH_NAME_OVERFLOW);
    }
    unsigned count = auth_write_cname(&state->writer, state->pointer, load_be32(rrset->fixed + 4), &state->name);
    return auth_require(state, ANSWER, count) ? STEP_DNAME : STEP_DONE;
}

static __attribute__((noinline)) step_t answer_from_wildcard(auth_state_t *state)
{
    step_t step = answer_from_node(state, state->found.wildcard);
    if (state->dnssec && state->head.answer.outcome != AUTH_NODATA) {
        auth_prove_wildcard_answer(state);
    }
    return step;
}

static inline step_t answer_name(auth_state_t *state)
{
    const zone_lookup_t *found = &state->found;
    zone_lookup(state->zone, state->key, &state->found);
    if (state->place == PLACE_WHOLE) {
        auth_writer_know(&state->writer, found->node, state->key, state->at);
    } else if (state->place == PLACE_OFFSETS) {
        auth_writer_enter(&state->writer, found->node, state->offsets);
    }
    if (found->cut && !(state->head.request.type == TYPE_DS && found->exact && found->node == found->cut)) {
        return done(state, AUTH_REFERRAL);
    }
    if (UNLIKELY(found->dname)) {
        return answer_from_dname(state);
    }
    if (found->exact) {
        return answer_from_node(state, found->node);
    }
    if (found->wildcard) {
        return answer_from_wildcard(state);
    }
    return done(state, AUTH_NAME_ERROR);
}

/* ---- from name to name ---- */

/* Where the suffixes of a CNAME's target stand in the message, by their count of labels, for a zone that has other nodes for them. */
static void note_offsets(auth_state_t *state, const zone_node_t *target)
{
    memset(state->offsets, 0, sizeof state->offsets);
    for (const zone_node_t *node = target; node->labels > 0; node = zone_node(state->zone, node->parent)) {
        state->offsets[node->labels] = (uint16_t)auth_writer_find(&state->writer, node);
    }
}

static bool was_visited(const auth_state_t *state, uint64_t hash)
{
    for (unsigned i = 0; i < state->count.hops; i++) {
        if (state->visited[i] == hash) {
            return true;
        }
    }
    return false;
}

/* Makes the name that was just written the current one. False: it is out of a pointer's reach. */
static __attribute__((noinline)) bool take_target(auth_state_t *state, step_t step)
{
    name_key_t *key = &state->next_key;
    size_t at = 0;
    if (state->key == key) {
        /* The writer may know the name of the hop before by this very key: its suffixes go to the table before the key changes. */
        auth_writer_switch(&state->writer, state->zone, auth_writer_stamp(&state->writer));
    }
    if (step == STEP_CNAME) {
        const zone_node_t *target = state->owner;
        at = state->target_at;
        if (at >= AUTH_NAMES_OFFSET_MAX) {
            return false;
        }
        name_key_init(key, target->wire, target->length);
        state->place = PLACE_TABLE;
    } else {
        at = (size_t)(state->writer.at - state->writer.begin) - state->name.length;
        if (at + state->name.length > AUTH_NAMES_OFFSET_MAX) {
            return false;
        }
        name_key_init(key, state->name.wire, state->name.length);
        state->place = PLACE_WHOLE;
    }
    state->key = key;
    state->at = (uint16_t)at;
    state->pointer = key->labels > 0 ? (uint16_t)(AUTH_POINTER | at) : ROOT_OWNER;
    return true;
}

/* A zone without signatures has nothing to add for DO. */
static inline bool wants_dnssec(const query_t *query, const zone_contents_t *zone)
{
    return query->edns.dnssec_ok & zone_head(zone)->is_signed; /* false without EDNS */
}

static inline void set_dnssec(auth_state_t *state, bool dnssec)
{
    state->dnssec = dnssec;
    state->what = WRITE_RECORDS | (uint32_t)dnssec * WRITE_SIGNATURES;
    if (UNLIKELY(state->head.request.rotate_rrsets)) {
        state->what |= (uint32_t)state->head.request.query->id << WRITE_ROTATION_SHIFT;
    }
}

/* The next name of a chain; false: the chain ends here, and who asked goes on from its last name. A loop shows itself as a name that
 * was there before; should two names share a hash, one chain ends early. */
static __attribute__((noinline)) bool follow(auth_state_t *state, step_t step)
{
    if (state->count.hops == AUTH_HOPS_MAX) {
        return false;
    }
    state->visited[state->count.hops++] = state->key->hash[state->key->labels];
    if (!take_target(state, step) || was_visited(state, state->key->hash[state->key->labels])) {
        return false;
    }
    const zone_slot_t *slot = find_zone(state, state->head.request.zones, state->key, state->head.request.type);
    const zone_contents_t *contents = slot ? contents_of(slot) : NULL;
    if (contents && contents != state->zone) {
        if (state->place == PLACE_TABLE) {
            note_offsets(state, state->owner);
            state->place = PLACE_OFFSETS;
        }
        state->zone = contents;
        set_dnssec(state, wants_dnssec(state->head.request.query, contents));
        (void)auth_writer_stamp(&state->writer); /* the message has stamps of its own before there is another */
        auth_writer_switch(&state->writer, contents, auth_names_next_zone(&state->names));
    }
    return contents != NULL;
}

/* ---- the sections behind the answer ---- */

static void write_negative(auth_state_t *state)
{
    const zone_node_t *apex = zone_apex(state->zone);
    const zone_rrset_t *soa = zone_node_find(apex, TYPE_SOA);
    uint32_t what = WRITE_RECORDS | (state->dnssec ? WRITE_SIGNATURES : 0);
    if (UNLIKELY(!soa)) {
        return;
    }
    uint16_t pointer = LIKELY(state->place == PLACE_WHOLE) ? auth_pointer_above(state, apex) : 0;
    if (auth_require(state, AUTHORITY, auth_write_negative_soa(&state->writer, apex, pointer, soa, what))) {
        if (state->count.proofs > 0) {
            auth_write_proofs(state);
        }
    }
}

static __attribute__((noinline)) void write_optional(auth_state_t *state)
{
    const zone_node_t *apex = zone_apex(state->zone);
    if (!state->head.request.minimal_responses && state->head.request.type != TYPE_NS) {
        const zone_rrset_t *servers = zone_node_find(apex, TYPE_NS);
        uint32_t what = WRITE_RECORDS | (state->dnssec ? WRITE_SIGNATURES : 0);
        (void)(servers && auth_offer(state, AUTHORITY, auth_write_node_rrset(&state->writer, apex, servers, what)));
    }
    if (state->additional) {
        auth_write_additional(state);
    }
}

static void write_sections(auth_state_t *state)
{
    auth_answer_t *answer = &state->head.answer;
    switch (answer->outcome) {
    case AUTH_ANSWER:
        if (UNLIKELY(state->count.proofs > 0)) {
            auth_write_proofs(state);
        }
        if (!(answer->flags & FLAG_TC) && (state->additional || !state->head.request.minimal_responses)) {
            write_optional(state);
        }
        break;
    case AUTH_NODATA:
        if (state->dnssec) {
            state->found.exact ? auth_prove_nodata(state) : auth_prove_wildcard_nodata(state);
        }
        write_negative(state);
        break;
    case AUTH_NAME_ERROR:
        answer->rcode = RCODE_NXDOMAIN;
        if (state->dnssec) {
            auth_prove_name_error(state);
        }
        write_negative(state);
        break;
    case AUTH_REFERRAL:
        if (state->count.hops == 0) {
            answer->flags &= (uint16_t)~FLAG_AA; /* AA speaks of the first owner in the answer section (RFC 1035 4.1.1) */
        } else if (state->count.proofs > 0) {
            state->dnssec = true; /* an earlier zone has something to prove, even where this one is not signed */
        }
        auth_write_referral(state);
        break;
    case AUTH_NAME_OVERFLOW:
        answer->rcode = RCODE_YXDOMAIN;
        auth_write_proofs(state);
        break;
    default:
        auth_write_proofs(state);
        break;
    }
}

static __attribute__((noinline)) void set_error(const auth_request_t *request, auth_answer_t *answer, auth_outcome_t outcome,
                                                int8_t extended_error)
{
    answer->size = request->size;
    memset(answer->counts, 0, sizeof answer->counts);
    answer->flags = 0;
    answer->rcode = outcome == AUTH_REFUSED ? RCODE_REFUSED : RCODE_SERVFAIL;
    answer->extended_error = extended_error;
    answer->outcome = outcome;
}

static inline void begin(auth_state_t *state, const zone_contents_t *zone)
{
    const auth_request_t *request = &state->head.request;
    const query_t *query = request->query;
    state->zone = zone;
    state->key = &query->name;
    state->at = MESSAGE_HEADER_SIZE;
    state->pointer = LIKELY(query->name.labels > 0) ? AUTH_POINTER | MESSAGE_HEADER_SIZE : ROOT_OWNER;
    set_dnssec(state, wants_dnssec(query, zone));
    state->additional = NULL;
    memset(&state->count, 0, sizeof state->count);
    state->place = PLACE_WHOLE;
    auth_writer_init(&state->writer, &state->names, zone, request->out, request->size, request->limit);
}

void auth_answer(auth_t *auth)
{
    auth_state_t *state = (auth_state_t *)auth;
    const auth_request_t *request = &auth->request;
    auth_answer_t *answer = &auth->answer;
    const zone_slot_t *slot = find_zone(state, request->zones, &request->query->name, request->type);
    const zone_contents_t *zone = slot ? contents_of(slot) : NULL;
    memset(answer->counts, 0, sizeof answer->counts);
    answer->flags = FLAG_AA;
    answer->rcode = RCODE_NOERROR;
    answer->extended_error = EDE_NONE;
    answer->slot = slot;
    answer->zone = zone;
    if (UNLIKELY(!zone)) {
        set_error(request, answer, slot ? AUTH_FAILURE : AUTH_REFUSED, slot ? EDE_NOT_READY : EDE_NOT_AUTHORITATIVE);
        return;
    }
    begin(state, zone);
    for (;;) {
        step_t step = answer_name(state);
        if (LIKELY(step == STEP_DONE) || !follow(state, step)) {
            break;
        }
    }
    if (LIKELY(!(answer->flags & FLAG_TC))) {
        write_sections(state);
    }
    answer->size = (size_t)(state->writer.at - request->out);
    if (UNLIKELY(answer->outcome == AUTH_FAILURE)) {
        set_error(request, answer, AUTH_FAILURE, EDE_OTHER);
    }
}
