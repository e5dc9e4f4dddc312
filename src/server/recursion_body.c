#include "server/recursion.h"

#include "base/require.h"
#include "wire/message.h"
#include "wire/rrtype.h"

enum {
    OPT_ROOM = 1024, /* of a message over a stream: for the OPT record, NSID and an extended error among its options */
    RCODE_HEADER_MAX = 15,
};

/* Errors carry no data that could be authentic (RFC 4035 3.2.3). */
static bool is_authentic(const resolver_answer_t *answer)
{
    bool is_data = answer->rcode == RCODE_NOERROR || answer->rcode == RCODE_NXDOMAIN || answer->rcode == RCODE_YXDOMAIN;
    return is_data && answer->security == STORE_SECURE && !answer->is_stale;
}

void recursion_body_make(const recursion_want_t *want, const resolver_answer_t *answer, uint8_t *out, recursion_body_t *body)
{
    message_writer_t writer;
    unsigned rcode = answer->rcode <= RCODE_HEADER_MAX ? answer->rcode : RCODE_SERVFAIL;
    unsigned flags = FLAG_QR | FLAG_RA | rcode | (is_authentic(answer) ? FLAG_AD : 0);
    message_writer_init(&writer, out, MESSAGE_MAX - OPT_ROOM, 0, (uint16_t)flags);
    message_write_question(&writer, want->name->wire, want->type, CLASS_IN);
    bool is_whole = resolver_answer_write(answer, want->type, want->dnssec_ok, &writer) == STATUS_OK;
    if (!is_whole) {
        store_be16(out + 2, (uint16_t)(flags | FLAG_TC));
    }
    *body = (recursion_body_t){
        .message = out,
        .size = message_writer_finish(&writer),
        .extended_error = answer->extended_error,
        .extended_text = answer->extended_text,
        .is_cached_failure = answer->is_cached_failure,
        .ttl_s = is_whole && !answer->is_stale && !answer->is_served ? answer->ttl_s : 0,
        .is_stale = answer->is_stale,
    };
}

void recursion_body_put(cache_t *cache, const recursion_want_t *want, const recursion_body_t *body, uint32_t now_s)
{
    if (body->ttl_s == 0) {
        return;
    }
    const cache_answer_put_t put = {
        .question = {.name = want->name->wire, .length = want->name->length, .type = want->type, .rrclass = CLASS_IN},
        .variant = recursion_variant(want->dnssec_ok, want->checking_disabled),
        .info = recursion_info(body->extended_error),
        .message = body->message,
        .size = body->size,
        .ttl_limit_s = body->ttl_s,
    };
    /* One that the cache does not take (too many records, a TTL of 0) is made from the RRsets each time. */
    (void)!cache_answer_put(cache, &put, now_s);
}
