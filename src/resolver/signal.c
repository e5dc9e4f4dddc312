#include "resolver/signal.h"

#include "base/bytes.h"
#include "dnssec/key.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <string.h>

enum {
    LABEL_MAX = 63,
    TAG_TEXT = 5, /* "-4a5c"; five digits of a sentinel */
    TAGS_MAX = (LABEL_MAX - 3) / TAG_TEXT,
};

/* Adds a tag to a sorted list without doubles; false: no room. */
static bool add_tag(uint16_t *tags, unsigned *count, uint16_t tag)
{
    unsigned place = 0;
    while (place < *count && tags[place] < tag) {
        place++;
    }
    if (place < *count && tags[place] == tag) {
        return true;
    }
    if (*count == TAGS_MAX) {
        return false;
    }
    memmove(tags + place + 1, tags + place, (*count - place) * sizeof *tags);
    tags[place] = tag;
    ++*count;
    return true;
}

static uint16_t tag_of_ds(const dnssec_rdata_t *ds)
{
    return load_be16(ds->data);
}

bool signal_key_tags_name(const trust_point_t *point, name_t *name)
{
    uint16_t tags[TAGS_MAX];
    unsigned count = 0;
    bool fits = true;
    for (unsigned i = 0; i < point->ds_count && fits; i++) {
        fits = add_tag(tags, &count, tag_of_ds(&point->ds[i]));
    }
    for (unsigned i = 0; i < point->dnskey_count && fits; i++) {
        fits = add_tag(tags, &count, dnssec_key_tag(point->dnskeys[i].data, point->dnskeys[i].length));
    }
    char label[LABEL_MAX + 1] = "_ta";
    size_t length = 3;
    for (unsigned i = 0; i < count; i++) {
        length += (size_t)snprintf(label + length, sizeof label - length, "-%04x", tags[i]);
    }
    return fits && count > 0 && name_from_text(name, label, length, point->owner, NULL) == STATUS_OK;
}

/* ---- sentinels ---- */

/* Five decimal digits that make a key tag. */
static bool read_tag(const uint8_t *text, uint16_t *tag)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < TAG_TEXT; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = 10 * number + (text[i] - '0');
    }
    *tag = (uint16_t)number;
    return number <= UINT16_MAX;
}

static bool has_label(const uint8_t *name, const uint8_t *prefix, size_t size)
{
    return name[0] == size + TAG_TEXT && memcmp(name + 1, prefix, size) == 0;
}

static bool is_trusted_tag(const resolver_trust_t *trust, uint16_t tag)
{
    static const uint8_t root[NAME_PADDING] = {0};
    const trust_point_t *point = trust->anchors ? trust_anchors_find(trust->anchors, root) : NULL;
    for (unsigned i = 0; point && i < point->ds_count; i++) {
        if (tag_of_ds(&point->ds[i]) == tag) {
            return true;
        }
    }
    for (unsigned i = 0; point && i < point->dnskey_count; i++) {
        if (dnssec_key_tag(point->dnskeys[i].data, point->dnskeys[i].length) == tag) {
            return true;
        }
    }
    return false;
}

sentinel_t signal_sentinel(const resolver_trust_t *trust, const uint8_t *name, uint16_t type)
{
    static const uint8_t is_ta[] = {"root-key-sentinel-is-ta-"};
    static const uint8_t not_ta[] = {"root-key-sentinel-not-ta-"};
    bool asks_is = has_label(name, is_ta, sizeof is_ta - 1);
    bool asks_not = has_label(name, not_ta, sizeof not_ta - 1);
    uint16_t tag;
    if ((type != TYPE_A && type != TYPE_AAAA) || (!asks_is && !asks_not) || !read_tag(name + 1 + name[0] - TAG_TEXT, &tag)) {
        return SENTINEL_NONE;
    }
    return is_trusted_tag(trust, tag) == asks_is ? SENTINEL_AS_IT_IS : SENTINEL_FAILS;
}
