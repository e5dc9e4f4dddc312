/* Plain records in one pass: owner, TTL, class and type without escapes, quotes, parentheses or comments; and the rdata of the types that
 * large zones are made of. Whatever is not plain is left to the general path, which also writes all messages. So nothing here reports,
 * and both ways must give the same records (tests compare them).
 */
#include "zone/parser_state.h"

#include "wire/rrtype.h"

#include <string.h>

static inline bool is_blank(uint8_t c)
{
    return zone_byte_class[c] == BYTE_BLANK;
}

static inline const uint8_t *skip_blanks(const uint8_t *p)
{
    while (is_blank(*p)) {
        p++;
    }
    return p;
}

static inline bool is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') <= 9;
}

/* A name without escapes, completed with the origin. Returns the byte behind it, or NULL. */
static inline const uint8_t *plain_name(const uint8_t *p, const name_t *origin, name_t *name)
{
    uint8_t *label = name->wire; /* its length octet */
    uint8_t *out = label + 1;
    uint8_t *limit = name->wire + NAME_WIRE_MAX;
    unsigned labels = 0;
    for (;;) {
        uint8_t c = *p;
        uint8_t class = zone_byte_class[c];
        if (class == BYTE_NAME) {
            if (out >= limit) {
                return NULL;
            }
            *out++ = c;
            p++;
            continue;
        }
        size_t size = (size_t)(out - label) - 1;
        if (class != BYTE_DOT || size == 0 || size > NAME_LABEL_MAX || out >= limit) {
            break;
        }
        *label = (uint8_t)size;
        labels++;
        label = out++;
        p++;
    }
    size_t size = (size_t)(out - label) - 1;
    uint8_t class = zone_byte_class[*p];
    if ((class != BYTE_BLANK && class != BYTE_NEWLINE) || size > NAME_LABEL_MAX) {
        return NULL;
    }
    if (size == 0) {
        if (labels == 0) {
            return NULL;
        }
        *label = 0;
        name->length = (uint8_t)(out - name->wire);
        name->labels = (uint8_t)labels;
        return p;
    }
    size_t length = (size_t)(out - name->wire) + origin->length;
    if (length > NAME_WIRE_MAX || (size == 1 && labels == 0 && label[1] == '@')) {
        return NULL;
    }
    *label = (uint8_t)size;
    memcpy(out, origin->wire, origin->length);
    name->length = (uint8_t)length;
    name->labels = (uint8_t)(labels + 1 + origin->labels);
    return p;
}

/* Digits up to `maximum`, a blank or the line's end behind them. */
static inline const uint8_t *plain_number(const uint8_t *p, uint32_t maximum, uint32_t *number)
{
    const uint8_t *digits = p;
    uint64_t value = 0;
    for (; is_digit(*p) && p - digits < 10; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
    }
    uint8_t class = zone_byte_class[*p];
    if (p == digits || value > maximum || (class != BYTE_BLANK && class != BYTE_NEWLINE)) {
        return NULL;
    }
    *number = (uint32_t)value;
    return p;
}

/* ---- rdata: each reader returns the byte behind its last field, or NULL ---- */

static const uint8_t *plain_ipv4(const uint8_t *p, uint8_t out[static 4])
{
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *digits = p;
        unsigned value = 0;
        for (; is_digit(*p) && p - digits < 3; p++) {
            value = value * 10 + (unsigned)(*p - '0');
        }
        if (p == digits || value > 255 || (*digits == '0' && p - digits > 1) || (i < 3 && *p++ != '.')) {
            return NULL;
        }
        out[i] = (uint8_t)value;
    }
    return p;
}

static inline int hex_digit(uint8_t c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static const uint8_t *plain_ipv6(const uint8_t *p, uint8_t out[static 16])
{
    uint8_t groups[16];
    unsigned count = 0;
    int gap = -1; /* groups before "::" */
    if (p[0] == ':') {
        if (p[1] != ':') {
            return NULL;
        }
        gap = 0;
        p += 2;
    }
    while (hex_digit(*p) >= 0) {
        unsigned value = 0;
        unsigned digits = 0;
        for (int digit; (digit = hex_digit(*p)) >= 0 && digits < 4; digits++, p++) {
            value = value << 4 | (unsigned)digit;
        }
        if (count == 8) {
            return NULL;
        }
        store_be16(groups + (size_t)count * 2, (uint16_t)value);
        count++;
        if (*p != ':') {
            break;
        }
        p++;
        if (*p == ':') {
            if (gap >= 0) {
                return NULL;
            }
            gap = (int)count;
            p++;
        } else if (hex_digit(*p) < 0) {
            return NULL;
        }
    }
    if (gap < 0 ? count != 8 : count > 7) {
        return NULL;
    }
    unsigned head = gap < 0 ? 8 : (unsigned)gap;
    unsigned tail = count - (gap < 0 ? 8 : (unsigned)gap);
    memset(out, 0, 16);
    memcpy(out, groups, (size_t)head * 2);
    memcpy(out + 16 - (size_t)tail * 2, groups + (size_t)head * 2, (size_t)tail * 2);
    return p;
}

/* Key tag, algorithm, digest type, and a digest of the length that its type has, in one word. */
static const uint8_t *plain_ds(const uint8_t *p, uint8_t *out, size_t *size)
{
    uint32_t tag;
    uint32_t algorithm;
    uint32_t digest_type;
    if (!(p = plain_number(p, UINT16_MAX, &tag)) || !(p = plain_number(skip_blanks(p), UINT8_MAX, &algorithm)) ||
        !(p = plain_number(skip_blanks(p), UINT8_MAX, &digest_type))) {
        return NULL;
    }
    size_t expected = digest_type == 1 ? 20 : digest_type == 2 ? 32 : digest_type == 4 ? 48 : 0;
    store_be16(out, (uint16_t)tag);
    out[2] = (uint8_t)algorithm;
    out[3] = (uint8_t)digest_type;
    p = skip_blanks(p);
    for (size_t i = 0; i < expected; i++) {
        int high = hex_digit(p[0]);
        int low = high >= 0 ? hex_digit(p[1]) : -1;
        if (low < 0) {
            return NULL;
        }
        out[4 + i] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    *size = 4 + expected;
    return expected > 0 ? p : NULL;
}

static inline const uint8_t *plain_name_rdata(const parser_t *parser, const uint8_t *p, uint8_t *out, size_t *size)
{
    name_t name;
    p = plain_name(p, &parser->origin, &name);
    if (p) {
        memcpy(out, name.wire, name.length);
        *size = name.length;
    }
    return p;
}

static const uint8_t *plain_mx(const parser_t *parser, const uint8_t *p, uint8_t *out, size_t *size)
{
    uint32_t preference;
    p = plain_number(p, UINT16_MAX, &preference);
    if (!p) {
        return NULL;
    }
    store_be16(out, (uint16_t)preference);
    p = plain_name_rdata(parser, skip_blanks(p), out + 2, size);
    *size += 2;
    return p;
}

/* The rdata and the line's end; NULL when it is not plain. */
static const uint8_t *plain_rdata(parser_t *parser, const parser_entry_t *entry, const uint8_t *p, size_t *size)
{
    if (entry->rrclass != CLASS_IN) {
        return NULL;
    }
    switch (entry->type) {
    case TYPE_A:
        p = plain_ipv4(p, parser->rdata);
        *size = 4;
        break;
    case TYPE_AAAA:
        p = plain_ipv6(p, parser->rdata);
        *size = 16;
        break;
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
    case TYPE_DNAME:
        p = plain_name_rdata(parser, p, parser->rdata, size);
        break;
    case TYPE_MX:
        p = plain_mx(parser, p, parser->rdata, size);
        break;
    case TYPE_DS:
        p = plain_ds(p, parser->rdata, size);
        break;
    default:
        return NULL;
    }
    p = p ? skip_blanks(p) : NULL;
    return p && *p == '\n' ? p : NULL;
}

/* ---- the fields before it ---- */

static bool plain_type(const uint8_t *p, size_t length, uint16_t *type)
{
    if (length == 1 && (p[0] | 0x20) == 'a') {
        *type = TYPE_A;
        return true;
    }
    if (length == 2 && (p[0] | 0x20) == 'n' && (p[1] | 0x20) == 's') {
        *type = TYPE_NS;
        return true;
    }
    return rrtype_from_text((const char *)p, length, type) == STATUS_OK && rrtype_is_data(*type);
}

/* [TTL] [class] [TTL] type; returns the first byte of the rdata, or NULL. */
static const uint8_t *plain_header(const uint8_t *p, parser_entry_t *entry)
{
    bool has_class = false;
    for (;;) {
        if (is_digit(*p)) {
            p = entry->has_ttl ? NULL : plain_number(p, INT32_MAX, &entry->ttl_s);
            if (!p) {
                return NULL;
            }
            entry->has_ttl = true;
        } else if (!has_class && (p[0] | 0x20) == 'i' && (p[1] | 0x20) == 'n' && is_blank(p[2])) {
            has_class = true;
            entry->rrclass = CLASS_IN;
            p += 2;
        } else {
            break;
        }
        p = skip_blanks(p);
    }
    const uint8_t *type = p;
    while (zone_byte_class[*p] == BYTE_NAME) {
        p++;
    }
    if (p == type || !is_blank(*p) || !plain_type(type, (size_t)(p - type), &entry->type)) {
        return NULL;
    }
    return skip_blanks(p);
}

/* The owner, or the blanks that stand for the last one; returns the byte behind, or NULL. */
static inline const uint8_t *plain_owner(parser_t *parser, parser_entry_t *entry)
{
    const uint8_t *p = entry->from.at;
    if (is_blank(*p)) {
        p = skip_blanks(p);
        entry->from.at = p;
        while (zone_byte_class[p[entry->from_length]] <= BYTE_DOT) {
            entry->from_length++;
        }
        return parser->has_owner && !parser->owner_was_bad ? p : NULL;
    }
    size_t length = parser->owner_text_length;
    if (parser->owner_text && memcmp(p, parser->owner_text, length) == 0 && is_blank(p[length])) {
        entry->from_length = length;
        return p + length;
    }
    parser->owner_text = NULL;
    const uint8_t *end = *p == '$' ? NULL : plain_name(p, &parser->origin, &parser->owner);
    if (!end || !is_blank(*end)) {
        return NULL;
    }
    parser->has_owner = true;
    parser->owner_was_bad = false;
    parser->owner_text = (const char *)p;
    parser->owner_text_length = (size_t)(end - p);
    entry->from_length = parser->owner_text_length;
    return end;
}

bool parser_record_fast(parser_t *parser, status_t *status)
{
    zone_lexer_t *lexer = parser->lexer;
    parser_entry_t entry = {.from = lexer->here, .rrclass = parser->settings->rrclass};
    if (zone_byte_class[*lexer->here.at] > BYTE_BLANK) {
        return false;
    }
    const uint8_t *p = plain_owner(parser, &entry);
    p = p ? plain_header(skip_blanks(p), &entry) : NULL;
    if (!p) {
        return false;
    }
    size_t rdlength = 0;
    const uint8_t *end = plain_rdata(parser, &entry, p, &rdlength);
    if (!end) {
        lexer->here.at = p;
        *status = parser_record_rdata(parser, &entry);
        return true;
    }
    entry.line_end = end;
    lexer->here.at = end + 1;
    lexer->here.line_start = end + 1;
    lexer->here.line++;
    *status = parser_deliver(parser, &entry, rdlength);
    return true;
}
