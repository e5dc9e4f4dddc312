/* NSEC3: which chain is served, its index, and each name's place in it (RFC 5155). */
#include "base/bytes.h"
#include "base/require.h"
#include "dnssec/nsec3_hash.h"
#include "zone/builder_state.h"

#include <string.h>

enum { CHAIN_PER_BUCKET = 4 };

/* Of an NSEC3 or NSEC3PARAM record. */
static bool parameters_of(const build_record_t *record, nsec3_parameters_t *parameters)
{
    return nsec3_parameters_read(parameters, record->data, record->size);
}

/* Is this NSEC3 owner, right below the apex (RFC 5155 3), a member of the chain with these parameters? Gives its hash. */
static bool in_chain(const zone_builder_t *builder, const build_name_t *name, const nsec3_parameters_t *chain,
                     uint8_t hash[static NSEC3_HASH_SIZE])
{
    if (name->parent != builder->apex || !nsec3_hash_from_label(name->wire + 1, name->wire[0], hash)) {
        return false;
    }
    for (uint32_t id = name->records; id != 0; id = build_record(builder, id)->next) {
        const build_record_t *record = build_record(builder, id);
        nsec3_parameters_t own;
        if (record->type == TYPE_NSEC3 && parameters_of(record, &own) && nsec3_parameters_equal(&own, chain)) {
            return true;
        }
    }
    return false;
}

static uint32_t count_members(const zone_builder_t *builder, const nsec3_parameters_t *chain)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < builder->denial.count; i++) {
        build_prefetch(builder, &builder->denial, i);
        uint8_t hash[NSEC3_HASH_SIZE];
        count += in_chain(builder, build_name(builder, id_list_items(&builder->denial)[i]), chain, hash);
    }
    return count;
}

/* An NSEC3PARAM with flags 0 announces a complete chain (RFC 5155 4.1.2, 7.1): the first one that has members is served. */
void builder_plan_denial(zone_builder_t *builder, zone_findings_t *findings)
{
    build_plan_t *plan = &builder->plan;
    const build_name_t *apex = build_name(builder, builder->apex);
    for (uint32_t id = apex->records; id != 0; id = build_record(builder, id)->next) {
        const build_record_t *record = build_record(builder, id);
        nsec3_parameters_t chain;
        if (record->type != TYPE_NSEC3PARAM || !parameters_of(record, &chain) || record->data[1] != 0) {
            continue;
        }
        if (chain.iterations > NSEC3_ITERATIONS_LIMIT) {
            if (findings) {
                zone_findings_add(findings, DIAGNOSTIC_WARNING, "nsec3-iterations", apex->wire, TYPE_NSEC3PARAM, NULL,
                                  "%u iterations are more than %d, beyond which no validator goes; the chain is not served",
                                  chain.iterations, NSEC3_ITERATIONS_LIMIT);
            }
            continue;
        }
        uint32_t members = plan->chain == 0 ? count_members(builder, &chain) : 0;
        if (members > 0) {
            plan->chain = id;
            plan->image.nsec3.count = members;
            plan->image.nsec3.bucket_count = members / CHAIN_PER_BUCKET + 1;
        }
    }
}

/* ---- writing ---- */

static void *in_image(const zone_contents_t *contents, zone_ref_t ref)
{
    return (uint8_t *)(uintptr_t)contents->head.base + (size_t)ref * ZONE_IMAGE_ALIGNMENT;
}

static void write_index(const zone_builder_t *builder, zone_contents_t *contents, const nsec3_parameters_t *chain)
{
    const zone_index_t *index = &zone_image(contents)->nsec3;
    uint64_t *keys = in_image(contents, index->keys);
    zone_ref_t *refs = in_image(contents, index->refs);
    uint32_t *buckets = in_image(contents, index->buckets);
    uint32_t members = 0;
    uint32_t bucket = 0;
    for (uint32_t i = 0; i < builder->denial.count; i++) {
        build_prefetch(builder, &builder->denial, i);
        const build_name_t *name = build_name(builder, id_list_items(&builder->denial)[i]);
        uint8_t hash[NSEC3_HASH_SIZE];
        if (!in_chain(builder, name, chain, hash)) {
            continue;
        }
        keys[members] = (uint64_t)load_be32(hash) << 32 | load_be32(hash + 4);
        refs[members] = name->ref;
        uint32_t own = (uint32_t)((keys[members] >> 32) * index->bucket_count >> 32);
        for (; bucket <= own; bucket++) {
            buckets[bucket] = members;
        }
        members++;
    }
    for (; bucket <= index->bucket_count; bucket++) {
        buckets[bucket] = members;
    }
    REQUIRE(members == index->count);
}

/* Names that are occluded are not in the chain (RFC 5155 7.1). */
static void write_matches(const zone_builder_t *builder, zone_contents_t *contents, const nsec3_parameters_t *chain)
{
    for (uint32_t i = 0; i < builder->tree.count; i++) {
        const build_name_t *name = build_name(builder, id_list_items(&builder->tree)[i]);
        if (name->flags & ZONE_NODE_OCCLUDED) {
            continue;
        }
        uint8_t hash[NSEC3_HASH_SIZE];
        bool matches;
        nsec3_hash(chain, name->wire, name->length, hash);
        const zone_node_t *owner = zone_nsec3_covering(contents, hash, &matches);
        zone_node_t *node = in_image(contents, name->ref);
        /* A delegation left out by opt-out is denied in every referral (RFC 5155 7.2.7): its proof is found once. */
        bool is_left_out = !matches && node->flags & ZONE_NODE_CUT;
        node->flags |= is_left_out ? ZONE_NODE_DENIAL_COVERS : 0;
        node->denial = matches || is_left_out ? zone_node_ref(contents, owner) : 0;
    }
}

void builder_write_denial(const zone_builder_t *builder, zone_contents_t *contents)
{
    if (builder->plan.chain == 0) {
        return;
    }
    nsec3_parameters_t chain;
    bool good = parameters_of(build_record(builder, builder->plan.chain), &chain);
    REQUIRE(good);
    write_index(builder, contents, &chain);
    write_matches(builder, contents, &chain);
}
