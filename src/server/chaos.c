#include "base/bytes.h"
#include "server/exchange.h"
#include "wire/rrtype.h"

#include <string.h>

/* The text for a name, or NULL: none, or hidden. */
static const char *text_of(const exchange_t *exchange)
{
    static const struct {
        const char *name;
        size_t size;
        bool is_version;
    } names[] = {
        {"\7version\4bind", 14, true},
        {"\7version\6server", 16, true},
        {"\10hostname\4bind", 15, false},
        {"\2id\6server", 11, false},
    };
    const name_key_t *key = &exchange->auth->request.query->name;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (key->length == names[i].size && memcmp(key->wire, names[i].name, key->length) == 0) {
            return names[i].is_version ? exchange->view->version : exchange->view->hostname;
        }
    }
    return NULL;
}

void chaos_answer(exchange_t *exchange)
{
    enum { RECORD_SIZE = 2 + 10, STRING_MAX = 255 };
    const query_t *query = exchange->auth->request.query;
    const char *text = query->type == TYPE_TXT || query->type == TYPE_ANY ? text_of(exchange) : NULL;
    if (!text) {
        exchange_fail(exchange, RCODE_REFUSED, EDE_NONE);
        return;
    }
    size_t length = strnlen(text, STRING_MAX);
    auth_answer_t *answer = &exchange->auth->answer;
    exchange_fail(exchange, RCODE_NOERROR, EDE_NONE);
    answer->flags = FLAG_AA;
    if (answer->size + RECORD_SIZE + 1 + length > exchange->auth->request.limit) {
        answer->flags |= FLAG_TC;
        return;
    }
    uint8_t *p = exchange->auth->request.out + answer->size;
    store_be16(p, 0xc000 | MESSAGE_HEADER_SIZE); /* the question's name */
    store_be16(p + 2, TYPE_TXT);
    store_be16(p + 4, CLASS_CH);
    store_be32(p + 6, 0); /* never to be cached: the next query may reach another server */
    store_be16(p + 10, (uint16_t)(length + 1));
    p[RECORD_SIZE] = (uint8_t)length;
    memcpy(p + RECORD_SIZE + 1, text, length);
    answer->size += RECORD_SIZE + 1 + length;
    answer->counts[0] = 1;
}
