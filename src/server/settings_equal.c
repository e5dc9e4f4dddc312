/* Do two settings ask for the same resolver? Unequal padding only makes them count as different: then a new one is made, as ever. */
#include "resolver/hints.h"
#include "server/settings.h"

#include <string.h>

/* The settings without what they point to, and without what recursors do not read. */
static void flatten(recursion_settings_t *flat, const recursion_settings_t *settings)
{
    memcpy(flat, settings, sizeof *flat);
    flat->allow = NULL;
    flat->anchors = NULL;
    flat->negative = NULL;
    flat->sources = NULL;
    flat->cache_file = NULL;
    flat->root_file = NULL;
    flat->root_path = NULL;
    flat->root_primaries = NULL;
    flat->root_primary_count = 0;
    flat->resolver.dns64 = NULL;
    flat->resolver.dns64_excluded = NULL;
    flat->resolver.hints = NULL;
    flat->resolver.zones = NULL;
    flat->resolver.local_records = NULL;
    flat->resolver.denied = NULL;
}

static bool is_same_name(const name_t *a, const name_t *b)
{
    return a->length == b->length && memcmp(a->wire, b->wire, a->length) == 0;
}

static bool are_same_addresses(const resolver_address_t *a, const resolver_address_t *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!resolver_address_equal(&a[i], &b[i])) {
            return false;
        }
    }
    return true;
}

static bool are_same_prefixes(const resolver_prefix_t *a, const resolver_prefix_t *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].length != b[i].length || !resolver_address_equal(&a[i].address, &b[i].address)) {
            return false;
        }
    }
    return true;
}

static bool are_same_hints(const hints_t *a, const hints_t *b)
{
    if (!a || !b || a->count != b->count) {
        return a == b;
    }
    for (unsigned i = 0; i < a->count; i++) {
        const hint_t *one = &a->servers[i];
        const hint_t *other = &b->servers[i];
        if (!is_same_name(&one->name, &other->name) || one->address_count != other->address_count ||
            !are_same_addresses(one->addresses, other->addresses, one->address_count)) {
            return false;
        }
    }
    return true;
}

static bool are_same_zones(const resolver_settings_t *a, const resolver_settings_t *b)
{
    for (size_t i = 0; i < a->zone_count; i++) {
        const resolver_zone_t *one = &a->zones[i];
        const resolver_zone_t *other = &b->zones[i];
        if (!is_same_name(&one->zone, &other->zone) || one->kind != other->kind || one->fallback != other->fallback ||
            one->address_count != other->address_count || !are_same_addresses(one->addresses, other->addresses, one->address_count)) {
            return false;
        }
    }
    return true;
}

static bool are_same_records(const resolver_settings_t *a, const resolver_settings_t *b)
{
    for (size_t i = 0; i < a->local_record_count; i++) {
        const resolver_local_record_t *one = &a->local_records[i];
        const resolver_local_record_t *other = &b->local_records[i];
        if (!is_same_name(&one->owner, &other->owner) || one->type != other->type || one->ttl_s != other->ttl_s ||
            one->rdlength != other->rdlength || (one->rdlength > 0 && memcmp(one->rdata, other->rdata, one->rdlength) != 0)) {
            return false;
        }
    }
    return true;
}

static bool is_same_rdata(const dnssec_rdata_t *a, const dnssec_rdata_t *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].length != b[i].length || memcmp(a[i].data, b[i].data, a[i].length) != 0) {
            return false;
        }
    }
    return true;
}

static bool are_same_anchors(const trust_anchors_t *a, const trust_anchors_t *b)
{
    const trust_point_t *one = a ? a->points : NULL;
    const trust_point_t *other = b ? b->points : NULL;
    for (; one && other; one = one->next, other = other->next) {
        if (!name_equal(one->owner, other->owner) || one->ds_count != other->ds_count || one->dnskey_count != other->dnskey_count ||
            !is_same_rdata(one->ds, other->ds, one->ds_count) || !is_same_rdata(one->dnskeys, other->dnskeys, one->dnskey_count)) {
            return false;
        }
    }
    return one == other && (a != NULL) == (b != NULL);
}

static bool are_same_exceptions(const recursion_settings_t *a, const recursion_settings_t *b)
{
    for (size_t i = 0; i < a->negative_count; i++) {
        if (!is_same_name(&a->negative[i].name, &b->negative[i].name) || a->negative[i].until_s != b->negative[i].until_s) {
            return false;
        }
    }
    return true;
}

bool recursion_settings_equal(const recursion_settings_t *a, const recursion_settings_t *b)
{
    recursion_settings_t one;
    recursion_settings_t other;
    flatten(&one, a);
    flatten(&other, b);
    const resolver_settings_t *resolver = &a->resolver;
    return memcmp(&one, &other, sizeof one) == 0 && /* and with it all counts */
           (a->source_count == 0 || memcmp(a->sources, b->sources, a->source_count * sizeof *a->sources) == 0) &&
           are_same_prefixes(resolver->dns64, b->resolver.dns64, resolver->dns64_count) &&
           are_same_prefixes(resolver->dns64_excluded, b->resolver.dns64_excluded, resolver->dns64_excluded_count) &&
           are_same_prefixes(resolver->denied, b->resolver.denied, resolver->denied_count) &&
           are_same_hints(resolver->hints, b->resolver.hints) && are_same_zones(resolver, &b->resolver) &&
           are_same_records(resolver, &b->resolver) && are_same_anchors(a->anchors, b->anchors) && are_same_exceptions(a, b);
}
