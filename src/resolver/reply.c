#include "resolver/reply.h"

#include "base/require.h"
#include "wire/rrtype.h"

/* The owner of the first record of a type in a section that `fits`, or NULL. */
typedef bool (*owner_test_t)(const reply_context_t *context, const uint8_t *owner);

static bool is_the_name(const reply_context_t *context, const uint8_t *owner)
{
    return name_equal(owner, context->name);
}

/* Inside the zone, and above the name: where a DNAME may stand. */
static bool is_above(const reply_context_t *context, const uint8_t *owner)
{
    return name_is_at_or_below(owner, context->zone) && name_is_at_or_below(context->name, owner) && !name_equal(owner, context->name);
}

static bool is_at_or_above(const reply_context_t *context, const uint8_t *owner)
{
    return name_is_at_or_below(owner, context->zone) && name_is_at_or_below(context->name, owner);
}

/* A zone cut below the zone's apex. A DS RRset lives above its cut, so a cut at its very name leads nowhere (RFC 4035 3.1.4.1). */
static bool is_cut(const reply_context_t *context, const uint8_t *owner)
{
    return is_at_or_above(context, owner) && !name_equal(owner, context->zone) &&
           !(context->type == TYPE_DS && name_equal(owner, context->name));
}

static const uint8_t *find_owner(const message_t *message, section_t section, uint16_t type, const reply_context_t *context,
                                 owner_test_t fits)
{
    for (unsigned i = 0; i < message->count[section]; i++) {
        const record_t *record = &message->records[section][i];
        if (record->type == type && record->rrclass == CLASS_IN && fits(context, record->owner)) {
            return record->owner;
        }
    }
    return NULL;
}

/* Data or an alias in the answer section; false if there is none. */
static bool find_answer(const message_t *message, const reply_context_t *context, reply_t *reply)
{
    /* A DNAME goes before all: below it there is nothing but the CNAMEs made of it, and those we make ourselves (RFC 6672 2.4, 3.1). */
    const struct {
        uint16_t type;
        owner_test_t fits;
        reply_kind_t kind;
    } steps[] = {{TYPE_DNAME, is_above, REPLY_DNAME}, {context->type, is_the_name, REPLY_ANSWER}, {TYPE_CNAME, is_the_name, REPLY_CNAME}};
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        reply->owner = find_owner(message, SECTION_ANSWER, steps[i].type, context, steps[i].fits);
        if (reply->owner) {
            reply->kind = steps[i].kind;
            return true;
        }
    }
    return false;
}

/* A server that recurses and is not responsible says what it has in its cache: that is nobody's authority. */
static bool is_out_of_a_cache(const message_t *message, const reply_context_t *context)
{
    return !context->is_forwarder && !(message->flags & FLAG_AA) && (message->flags & FLAG_RA);
}

static reply_kind_t kind_of_data(const message_t *message, const reply_context_t *context, reply_kind_t kind)
{
    if (is_out_of_a_cache(message, context)) {
        return REPLY_LAME;
    }
    return message->rcode == RCODE_NXDOMAIN && kind == REPLY_ANSWER ? REPLY_CONTRADICTORY : kind;
}

/* A zone of DS queries asked at the wrong side: the child denies what only its parent has (RFC 4035 3.1.4.1). */
static bool is_wrong_side(const reply_context_t *context, const uint8_t *soa)
{
    return context->type == TYPE_DS && soa && name_equal(soa, context->name) && !name_equal(soa, context->zone);
}

static reply_kind_t kind_of_denial(const message_t *message, const reply_context_t *context, const uint8_t *soa, reply_kind_t kind)
{
    bool trusted = soa || (message->flags & FLAG_AA) || context->is_forwarder;
    return trusted && !is_out_of_a_cache(message, context) && !is_wrong_side(context, soa) ? kind : REPLY_LAME;
}

static reply_kind_t kind_of_error(uint16_t rcode)
{
    switch (rcode) {
    case RCODE_FORMERR:
    case RCODE_NOTIMP:
    case RCODE_BADVERS:
        return REPLY_FORMAT_ERROR;
    case RCODE_SERVFAIL:
        return REPLY_SERVER_FAILURE;
    case RCODE_REFUSED:
    case RCODE_NOTAUTH:
        return REPLY_REFUSED;
    case RCODE_BADCOOKIE:
        return REPLY_BAD_COOKIE;
    default:
        return REPLY_CONTRADICTORY;
    }
}

void reply_classify(const message_t *message, const reply_context_t *context, reply_t *reply)
{
    *reply = (reply_t){.is_authoritative = (message->flags & FLAG_AA) != 0};
    bool is_yxdomain = message->rcode == RCODE_YXDOMAIN;
    if (message->rcode != RCODE_NOERROR && message->rcode != RCODE_NXDOMAIN && !is_yxdomain) {
        reply->kind = kind_of_error(message->rcode);
        return;
    }
    if (find_answer(message, context, reply)) {
        reply->kind = is_yxdomain && reply->kind != REPLY_DNAME ? REPLY_CONTRADICTORY : kind_of_data(message, context, reply->kind);
        return;
    }
    reply->owner = find_owner(message, SECTION_AUTHORITY, TYPE_SOA, context, is_at_or_above);
    if (message->rcode != RCODE_NOERROR) {
        reply->kind = is_yxdomain ? REPLY_CONTRADICTORY : kind_of_denial(message, context, reply->owner, REPLY_NAME_ERROR);
        return;
    }
    if (!reply->owner) {
        reply->owner = find_owner(message, SECTION_AUTHORITY, TYPE_NS, context, is_cut);
        if (reply->owner) {
            reply->kind = context->is_forwarder ? REPLY_LAME : REPLY_REFERRAL;
            return;
        }
    }
    reply->kind = kind_of_denial(message, context, reply->owner, REPLY_NODATA);
}

const char *reply_kind_text(reply_kind_t kind)
{
    switch (kind) {
    case REPLY_ANSWER:
    case REPLY_CNAME:
    case REPLY_DNAME:
    case REPLY_NODATA:
    case REPLY_NAME_ERROR:
    case REPLY_REFERRAL:
        return "answered";
    case REPLY_LAME:
        return "does not serve the zone";
    case REPLY_REFUSED:
        return "refused the question";
    case REPLY_SERVER_FAILURE:
        return "failed (SERVFAIL)";
    case REPLY_FORMAT_ERROR:
        return "did not understand the question (FORMERR or NOTIMP)";
    case REPLY_BAD_COOKIE:
        return "rejected its own cookie";
    case REPLY_CONTRADICTORY:
        return "sent a contradictory answer";
    }
    return "answered";
}
