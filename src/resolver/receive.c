/* Replies: does it fit, what does it say, what follows.
 *
 * A reply that does not fit is counted, and the wait goes on (TuDoor). Some misfits are near misses: signs of somebody who guesses, or of
 * a server that mangles. After near_misses_max of them, or at once where only the last proof is missing, the same question goes to the
 * same server over TCP, where nobody off the path can answer (Kaminsky, SADDNS).
 */
#include "resolver/resolver.h"
#include "resolver/state.h"

#include "resolver/referral.h"
#include "resolver/reply.h"
#include "wire/rrtype.h"

#include <string.h>

enum { CASE_LOST_MS = 3600000, QUESTION_AT = MESSAGE_HEADER_SIZE };

typedef enum fit {
    FIT_GOOD,
    FIT_HEADER_ONLY, /* an error without a question, as servers of before EDNS send it */
    FIT_MISS,        /* not ours */
    FIT_NEAR,        /* ours but for the proofs: case or cookie */
} fit_t;

typedef struct receipt {
    resolver_t *resolver;
    fetch_t *fetch;
    exchange_t *exchange;
    candidate_t *candidate;
    infra_entry_t *infra;
    const uint8_t *bytes;
    size_t size;
    uint16_t flags;
    message_t message;
} receipt_t;

static void count(receipt_t *receipt, resolver_counter_t counter)
{
    receipt->resolver->counters[counter]++;
}

/* ---- does it fit? ---- */

static fit_t fit_header(receipt_t *receipt)
{
    if (receipt->size < MESSAGE_HEADER_SIZE || load_be16(receipt->bytes) != receipt->exchange->id) {
        count(receipt, RESOLVER_COUNT_WRONG_ID);
        return FIT_MISS;
    }
    receipt->flags = load_be16(receipt->bytes + 2);
    if (!(receipt->flags & FLAG_QR) || (receipt->flags >> 11 & 15) != OPCODE_QUERY) {
        count(receipt, RESOLVER_COUNT_WRONG_QUESTION);
        return FIT_MISS;
    }
    /* The shape of a message, not data, is what such a server rejects: all that follows is that we ask more plainly. */
    if (receipt->size == MESSAGE_HEADER_SIZE && (receipt->flags & 15) == RCODE_FORMERR && receipt->exchange->has_edns &&
        receipt->infra->edns != INFRA_EDNS_GOOD) {
        return FIT_HEADER_ONLY;
    }
    return FIT_GOOD;
}

/* The question must come back as it was asked, octet by octet where the case is ours (RFC 5452 9.1). */
static fit_t fit_question(receipt_t *receipt)
{
    const exchange_t *exchange = receipt->exchange;
    size_t length = exchange->name.length;
    const uint8_t *question = receipt->bytes + QUESTION_AT;
    if (load_be16(receipt->bytes + 4) != 1 || receipt->size < QUESTION_AT + length + 4) {
        count(receipt, RESOLVER_COUNT_WRONG_QUESTION);
        return FIT_MISS;
    }
    name_t name;
    byte_reader_t reader = byte_reader(receipt->bytes, receipt->size);
    reader.position = QUESTION_AT;
    if (name_read_uncompressed(&reader, &name) != STATUS_OK || !name_equal(name.wire, exchange->name.wire) ||
        load_be16(question + length) != exchange->type || load_be16(question + length + 2) != CLASS_IN) {
        count(receipt, RESOLVER_COUNT_WRONG_QUESTION);
        return FIT_MISS;
    }
    if (memcmp(question, exchange->name.wire, length) == 0) {
        return FIT_GOOD;
    }
    if (exchange->keeps_case) {
        count(receipt, RESOLVER_COUNT_WRONG_QUESTION);
        return FIT_NEAR;
    }
    return FIT_GOOD;
}

/* RFC 7873 5.3: a cookie that is not ours, or none where one is expected, proves nothing good. Over TCP a missing one is forgiven. */
static fit_t fit_cookie(receipt_t *receipt)
{
    const edns_t *edns = &receipt->message.edns;
    exchange_t *exchange = receipt->exchange;
    infra_entry_t *infra = receipt->infra;
    if (!exchange->has_cookie) {
        return FIT_GOOD;
    }
    if (edns->cookie_length == 0 && !edns->cookie_malformed) {
        if (infra->cookie_length > 0 && exchange->transport == RESOLVER_UDP) {
            count(receipt, RESOLVER_COUNT_WRONG_COOKIE);
            return FIT_NEAR;
        }
        infra->cookie_length = 0;
        return FIT_GOOD;
    }
    if (edns->cookie_malformed || memcmp(edns->cookie, exchange->cookie, QUERY_COOKIE_SIZE) != 0) {
        count(receipt, RESOLVER_COUNT_WRONG_COOKIE);
        return FIT_MISS;
    }
    infra->cookie_length = (uint8_t)(edns->cookie_length - QUERY_COOKIE_SIZE);
    memcpy(infra->cookie, edns->cookie + QUERY_COOKIE_SIZE, infra->cookie_length);
    return FIT_GOOD;
}

/* ---- the same server, another way ---- */

static void again(receipt_t *receipt, resolver_transport_t transport)
{
    fetch_t *fetch = receipt->fetch;
    unsigned candidate = receipt->exchange->candidate;
    exchange_close(receipt->resolver, fetch);
    bool has_budget = budget_allows_send(fetch->budget, receipt->resolver->now.monotonic_ms) &&
                      fetch->cut.sends < receipt->resolver->settings->sends_a_cut_max;
    if (has_budget) {
        exchange_send(receipt->resolver, fetch, candidate, transport);
    } else {
        resolver_ready_fetch(receipt->resolver, fetch); /* its step says what is spent */
    }
}

static void leave_server(receipt_t *receipt, const char *what)
{
    receipt->candidate->is_dead = true;
    fetch_set_trouble(receipt->fetch, what, EDE_NO_REACHABLE_AUTHORITY, &receipt->candidate->address);
    exchange_close(receipt->resolver, receipt->fetch);
    resolver_ready_fetch(receipt->resolver, receipt->fetch);
}

/* A reply all but fits. Where TCP was tried in vain, the server is one that mangles the case and has no TCP: without 0x20 then. */
static resolver_verdict_t suspect(receipt_t *receipt, fit_t fit)
{
    exchange_t *exchange = receipt->exchange;
    exchange->near_misses++;
    receipt->infra->near_misses++;
    bool enough = fit == FIT_NEAR || exchange->near_misses >= receipt->resolver->settings->near_misses_max;
    if (!enough || exchange->transport == RESOLVER_TCP) {
        return RESOLVER_IGNORED;
    }
    if (receipt->candidate->tcp_failed) {
        return RESOLVER_IGNORED;
    }
    count(receipt, RESOLVER_COUNT_SUSPICIONS);
    receipt->candidate->without_case = fit == FIT_NEAR;
    again(receipt, RESOLVER_TCP);
    return RESOLVER_ACCEPTED;
}

/* ---- what it says ---- */

/* FORMERR, NOTIMP, BADVERS: more plainly, as far as that goes (RFC 6891 7). */
static void take_format_error(receipt_t *receipt)
{
    if (receipt->exchange->has_edns) {
        receipt->candidate->without_edns = true;
        count(receipt, RESOLVER_COUNT_NO_EDNS);
        again(receipt, receipt->exchange->transport);
        return;
    }
    leave_server(receipt, reply_kind_text(REPLY_FORMAT_ERROR));
}

/* RFC 7873 5.3: again with the new cookie, then over TCP. */
static void take_bad_cookie(receipt_t *receipt)
{
    if (receipt->exchange->transport == RESOLVER_TCP || !receipt->exchange->has_cookie) {
        leave_server(receipt, reply_kind_text(REPLY_BAD_COOKIE));
        return;
    }
    bool first = receipt->candidate->tries <= 1;
    again(receipt, first ? RESOLVER_UDP : RESOLVER_TCP);
}

/* A broken answer to a part of the name says nothing: show the whole name, to the same server (RFC 9156 2.3). */
static bool show_whole_name(receipt_t *receipt)
{
    if (receipt->exchange->is_whole) {
        return false;
    }
    receipt->fetch->minimise.enabled = false;
    follow_share_whole(receipt->fetch);
    receipt->candidate->tries = 0;
    count(receipt, RESOLVER_COUNT_NAME_SHOWN);
    again(receipt, RESOLVER_UDP);
    return true;
}

static void take_error(receipt_t *receipt, reply_kind_t kind)
{
    if (show_whole_name(receipt)) {
        return;
    }
    if (kind == REPLY_LAME || kind == REPLY_REFUSED) {
        count(receipt, RESOLVER_COUNT_LAME);
        infra_set_lame(receipt->resolver->infra, receipt->infra, &receipt->fetch->cut.zone, receipt->resolver->now.monotonic_ms);
    }
    leave_server(receipt, reply_kind_text(kind));
}

/* What a zone delegates ends with the zone's own delegation, even if it took its servers until then to say so: else a domain that its
 * parent took away would live on below itself. */
static void limit_life(const receipt_t *receipt, delegation_t *delegation)
{
    uint64_t until_s = receipt->fetch->cut.until_s;
    uint64_t now_s = receipt->resolver->now.unix_s;
    uint64_t left_s = until_s > now_s ? until_s - now_s : 0;
    delegation->ttl_s = delegation->ttl_s < left_s ? delegation->ttl_s : (uint32_t)left_s;
}

static void take_referral(receipt_t *receipt, const reply_t *reply)
{
    resolver_t *resolver = receipt->resolver;
    fetch_t *fetch = receipt->fetch;
    referral_source_t source = {&receipt->message, SECTION_AUTHORITY, fetch->cut.zone.wire, reply->owner};
    delegation_t delegation;
    if (referral_read(&source, resolver->settings, &resolver->reply_arena, &delegation) != STATUS_OK) {
        take_error(receipt, REPLY_LAME);
        return;
    }
    count(receipt, RESOLVER_COUNT_REFERRALS);
    DEBUG_ASSERT(name_labels(delegation.zone) > fetch->cut.zone.labels);
    limit_life(receipt, &delegation);
    if (fetch->cut.kind != CUT_SERVED) {
        resolver->store->operations->put_delegation(resolver->store, &delegation, resolver->now.unix_s);
    }
    fetch->minimise.steps += !receipt->exchange->is_whole;
    follow_share_referral(resolver, fetch, &delegation);
    exchange_close(resolver, fetch);
    cut_enter(resolver, fetch, &delegation, CUT_DELEGATION);
}

/* A part of the name exists, or has no data: one label more. */
static void take_step(receipt_t *receipt)
{
    fetch_t *fetch = receipt->fetch;
    fetch->minimise.known = receipt->exchange->labels;
    follow_share_step(fetch);
    fetch->minimise.steps++;
    fetch->minimised_silences = 0;
    receipt->candidate->tries = 0;
    exchange_close(receipt->resolver, fetch);
    resolver_ready_fetch(receipt->resolver, fetch);
}

static void take_good(receipt_t *receipt, const reply_t *reply)
{
    bool is_whole = receipt->exchange->is_whole;
    if (!is_whole && reply->kind == REPLY_NAME_ERROR) { /* often wrong for empty non-terminals: ask for the whole (RFC 9156 2.3) */
        show_whole_name(receipt);
        return;
    }
    if (!is_whole && reply->kind != REPLY_DNAME) {
        take_step(receipt);
        return;
    }
    result_take(receipt->resolver, receipt->fetch, &receipt->message, reply);
}

static void take_kind(receipt_t *receipt, const reply_t *reply)
{
    switch (reply->kind) {
    case REPLY_ANSWER:
    case REPLY_CNAME:
    case REPLY_DNAME:
    case REPLY_NODATA:
    case REPLY_NAME_ERROR:
        take_good(receipt, reply);
        return;
    case REPLY_REFERRAL:
        take_referral(receipt, reply);
        return;
    case REPLY_FORMAT_ERROR:
        take_format_error(receipt);
        return;
    case REPLY_BAD_COOKIE:
        take_bad_cookie(receipt);
        return;
    case REPLY_LAME:
    case REPLY_REFUSED:
    case REPLY_SERVER_FAILURE:
    case REPLY_CONTRADICTORY:
        take_error(receipt, reply->kind);
        return;
    }
}

/* ---- the way of a reply ---- */

/* What every accepted reply teaches about its server. */
static void learn(receipt_t *receipt, reply_kind_t kind)
{
    uint64_t now_ms = receipt->resolver->now.monotonic_ms;
    infra_entry_t *infra = receipt->infra;
    receipt->resolver->family_down_until_ms[infra->address.family == RESOLVER_IPV6] = 0;
    if (receipt->exchange->transport == RESOLVER_UDP) {
        infra_answered(receipt->resolver->infra, infra, now_ms, (uint32_t)(now_ms - receipt->exchange->sent_ms));
    } else {
        infra->silences = 0;
        infra->backed_off_until_ms = 0;
    }
    bool is_mangled = memcmp(receipt->bytes + QUESTION_AT, receipt->exchange->name.wire, receipt->exchange->name.length) != 0;
    if (receipt->exchange->transport == RESOLVER_TCP && is_mangled) {
        infra->case_lost_until_ms = now_ms + CASE_LOST_MS;
    }
    if (receipt->message.edns.present) {
        infra->edns = INFRA_EDNS_GOOD;
    } else if (receipt->candidate->without_edns && !receipt->exchange->has_edns && kind <= REPLY_REFERRAL &&
               infra->edns == INFRA_EDNS_UNKNOWN) {
        infra_set_no_edns(infra, now_ms);
    }
    budget_take_bytes(receipt->fetch->budget, receipt->size);
    count(receipt, RESOLVER_COUNT_REPLIES);
}

/* Names in the records are often pointers into the question: its random case is taken off before it gets into them. */
static status_t parse(receipt_t *receipt)
{
    arena_t *arena = &receipt->resolver->reply_arena;
    const uint8_t *bytes = receipt->bytes;
    if (receipt->exchange->is_randomised) {
        uint8_t *copy = arena_alloc(arena, receipt->size);
        if (!copy) {
            return STATUS_NO_MEMORY;
        }
        memcpy(copy, bytes, receipt->size);
        name_lower(copy + QUESTION_AT, receipt->exchange->name.length);
        bytes = copy;
    }
    return message_parse(&receipt->message, bytes, receipt->size, arena);
}

static resolver_verdict_t take(receipt_t *receipt)
{
    exchange_t *exchange = receipt->exchange;
    fit_t fit = fit_header(receipt);
    if (fit == FIT_HEADER_ONLY) {
        budget_take_bytes(receipt->fetch->budget, receipt->size);
        take_format_error(receipt);
        return RESOLVER_ACCEPTED;
    }
    fit = fit == FIT_GOOD ? fit_question(receipt) : fit;
    if (fit != FIT_GOOD) {
        return suspect(receipt, fit);
    }
    if ((receipt->flags & FLAG_TC) && exchange->transport == RESOLVER_UDP) {
        count(receipt, RESOLVER_COUNT_TRUNCATED); /* what little it holds is not looked at (RFC 2181 9) */
        if (receipt->candidate->tcp_failed) {
            leave_server(receipt, "sends truncated answers and does not answer over TCP");
        } else {
            again(receipt, RESOLVER_TCP);
        }
        return RESOLVER_ACCEPTED;
    }
    bool is_parsed = parse(receipt) == STATUS_OK;
    if (!is_parsed || (receipt->flags & FLAG_TC)) {
        count(receipt, RESOLVER_COUNT_MALFORMED);
        if (exchange->transport == RESOLVER_UDP) {
            return suspect(receipt, FIT_MISS);
        }
        leave_server(receipt, "sent an answer that cannot be read");
        return RESOLVER_ACCEPTED;
    }
    fit = fit_cookie(receipt);
    if (fit != FIT_GOOD) {
        return suspect(receipt, fit);
    }
    reply_context_t context = {receipt->fetch->cut.zone.wire, exchange->name.wire, exchange->type, receipt->fetch->cut.kind == CUT_FORWARD};
    reply_t reply;
    reply_classify(&receipt->message, &context, &reply);
    learn(receipt, reply.kind);
    take_kind(receipt, &reply);
    return RESOLVER_ACCEPTED;
}

resolver_verdict_t receive_reply(resolver_t *resolver, fetch_t *fetch, const resolver_address_t *source, const uint8_t *bytes, size_t size)
{
    receipt_t receipt = {
        .resolver = resolver,
        .fetch = fetch,
        .exchange = &fetch->exchange,
        .candidate = &fetch->cut.candidates[fetch->exchange.candidate],
        .bytes = bytes,
        .size = size,
    };
    if (!resolver_address_equal(source, &receipt.candidate->address)) {
        resolver->counters[RESOLVER_COUNT_WRONG_SOURCE]++;
        return RESOLVER_IGNORED;
    }
    receipt.infra = infra_find(resolver->infra, source);
    REQUIRE(receipt.infra);
    return take(&receipt);
}
