#include "denial_model.h"

#include "base/require.h"
#include "random.h"
#include "wire/rrtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABELS_ADDED_MAX = 3, RELEVANT_MAX = DENIAL_RECORDS_MAX, FAILURES_SHOWN = 20 };

typedef struct model {
    const signed_zone_t *zone;
    nsec3_parameters_t parameters;
    bool has_nsec3;
    bool has_opt_out;
    uint64_t random;
    unsigned apex_labels;
    unsigned failures;
    unsigned proven; /* answers of each kind, to see that the test tests something */
    unsigned opt_out;
    unsigned refused;
    const signed_rrset_t *relevant[RELEVANT_MAX];
    unsigned relevant_count;
} model_t;

/* ---- what is so ---- */

static bool holds(const model_t *model, const uint8_t *name, uint16_t type)
{
    return signed_zone_find(model->zone, name, type) != NULL;
}

static bool is_cut(const model_t *model, const uint8_t *name)
{
    return !name_equal(name, model->zone->apex) && holds(model, name, TYPE_NS);
}

/* Strictly below a delegation or a DNAME: the zone does not speak of it. */
static bool is_out_of_sight(const model_t *model, const uint8_t *name)
{
    for (unsigned labels = name_labels(name); labels-- > model->apex_labels;) {
        const uint8_t *ancestor = name_suffix(name, labels);
        if (is_cut(model, ancestor) || holds(model, ancestor, TYPE_DNAME)) {
            return true;
        }
    }
    return false;
}

static const uint8_t *closest_encloser(const model_t *model, const uint8_t *name)
{
    unsigned labels = name_labels(name);
    while (!signed_zone_name_exists(model->zone, name_suffix(name, labels))) {
        labels--;
    }
    return name_suffix(name, labels);
}

static void make_wildcard(const uint8_t *encloser, uint8_t wildcard[static NAME_WIRE_MAX + 2])
{
    memcpy(wildcard, "\001*", 2);
    memcpy(wildcard + 2, encloser, name_length(encloser));
}

static bool is_name_error(const model_t *model, const uint8_t *name)
{
    if (is_out_of_sight(model, name) || signed_zone_name_exists(model->zone, name)) {
        return false;
    }
    uint8_t wildcard[NAME_WIRE_MAX + 2];
    make_wildcard(closest_encloser(model, name), wildcard);
    return !signed_zone_name_exists(model->zone, wildcard);
}

static bool lacks_type(const model_t *model, const uint8_t *name, uint16_t type)
{
    if (holds(model, name, type) || holds(model, name, TYPE_CNAME)) {
        return false;
    }
    return type == TYPE_DS ? !name_equal(name, model->zone->apex) || name[0] == 0 : !is_cut(model, name);
}

static bool is_no_data(const model_t *model, const uint8_t *name, uint16_t type)
{
    if (is_out_of_sight(model, name)) {
        return false;
    }
    if (signed_zone_name_exists(model->zone, name)) {
        return lacks_type(model, name, type);
    }
    uint8_t wildcard[NAME_WIRE_MAX + 2];
    make_wildcard(closest_encloser(model, name), wildcard);
    return signed_zone_name_exists(model->zone, wildcard) && lacks_type(model, wildcard, type);
}

/* May there be an answer from a wildcard below the suffix of so many labels? Hashes do not tell that a name lies below a delegation: that
 * the zone signs no wildcard there is what rules it out (RFC 5155 8.8). */
static bool may_have_wildcard(const model_t *model, const uint8_t *name, unsigned labels)
{
    uint8_t wildcard[NAME_WIRE_MAX + 2];
    make_wildcard(name_suffix(name, labels), wildcard);
    return !model->has_nsec3 || (!is_out_of_sight(model, wildcard) && signed_zone_name_exists(model->zone, wildcard));
}

/* No closer match than a wildcard below the suffix of so many labels. */
static bool is_wildcard_answer(const model_t *model, const uint8_t *name, unsigned labels)
{
    const uint8_t *next_closer = name_suffix(name, labels + 1);
    return !is_out_of_sight(model, next_closer) && !signed_zone_name_exists(model->zone, next_closer);
}

static bool is_insecure_delegation(const model_t *model, const uint8_t *name)
{
    return !is_out_of_sight(model, name) && is_cut(model, name) && !holds(model, name, TYPE_DS);
}

/* ---- the records that speak of a name ---- */

static void add_relevant(model_t *model, const signed_rrset_t *set)
{
    for (unsigned i = 0; i < model->relevant_count; i++) {
        if (model->relevant[i] == set) {
            return;
        }
    }
    if (set && model->relevant_count < RELEVANT_MAX) {
        model->relevant[model->relevant_count++] = set;
    }
}

/* The NSEC at the name or the last one before it. */
static const signed_rrset_t *nsec_for(const model_t *model, const uint8_t *name)
{
    const signed_rrset_t *found = NULL;
    for (size_t i = 0; i < model->zone->count; i++) {
        const signed_rrset_t *set = &model->zone->rrsets[i];
        if (set->rrset.type == TYPE_NSEC && set->rrset.count > 0 && name_compare(set->rrset.owner, name) <= 0) {
            found = set;
        }
    }
    return found;
}

/* The NSEC3 with this hash or the last one before it, around the ring. */
static const signed_rrset_t *nsec3_for(const model_t *model, const uint8_t *name)
{
    uint8_t hash[NSEC3_HASH_SIZE];
    uint8_t label[NSEC3_LABEL_SIZE];
    nsec3_hash(&model->parameters, name, name_length(name), hash);
    nsec3_hash_to_label(hash, label);
    const signed_rrset_t *found = NULL;
    const signed_rrset_t *last = NULL;
    for (size_t i = 0; i < model->zone->count; i++) {
        const signed_rrset_t *set = &model->zone->rrsets[i];
        if (set->rrset.type != TYPE_NSEC3 || set->rrset.count == 0) {
            continue;
        }
        const uint8_t *owner = set->rrset.owner + 1;
        if (memcmp(owner, label, NSEC3_LABEL_SIZE) <= 0 && (!found || memcmp(owner, found->rrset.owner + 1, NSEC3_LABEL_SIZE) > 0)) {
            found = set;
        }
        if (!last || memcmp(owner, last->rrset.owner + 1, NSEC3_LABEL_SIZE) > 0) {
            last = set;
        }
    }
    return found ? found : last;
}

static void add_for(model_t *model, const uint8_t *name)
{
    add_relevant(model, model->has_nsec3 ? nsec3_for(model, name) : nsec_for(model, name));
}

/* Everything that any proof about the name could want; the important first, as a set is bounded. */
static void add_for_wildcard_below(model_t *model, const uint8_t *encloser)
{
    uint8_t wildcard[NAME_WIRE_MAX + 2];
    make_wildcard(encloser, wildcard);
    if (name_length(wildcard) <= NAME_WIRE_MAX) {
        add_for(model, wildcard);
    }
}

/* With opt-out an encloser may have no record, and the provable one lies further up. */
static void collect(model_t *model, const uint8_t *name)
{
    model->relevant_count = 0;
    const uint8_t *encloser = closest_encloser(model, name);
    add_for(model, name);
    add_for(model, encloser);
    add_for_wildcard_below(model, encloser);
    for (unsigned labels = name_labels(name) + 1; labels-- > model->apex_labels;) {
        add_for(model, name_suffix(name, labels));
        if (model->has_opt_out) {
            add_for_wildcard_below(model, name_suffix(name, labels));
        }
    }
}

/* ---- comparison ---- */

typedef struct asked {
    const uint8_t *name;
    bool is_whole; /* all records were given, not some of them */
} asked_t;

static void judge(model_t *model, const asked_t *asked, const char *question, denial_result_t result, bool is_so)
{
    bool is_right = result == DENIAL_PROVEN    ? is_so
                    : result == DENIAL_OPT_OUT ? model->has_opt_out
                                               : result == DENIAL_NOT_PROVEN && !(asked->is_whole && is_so);
    model->proven += result == DENIAL_PROVEN;
    model->opt_out += result == DENIAL_OPT_OUT;
    model->refused += result == DENIAL_NOT_PROVEN;
    if (!is_right && model->failures++ < FAILURES_SHOWN) {
        char text[NAME_TEXT_MAX];
        name_to_text(asked->name, text);
        fprintf(stderr, "%s: %s is %s, and it is %s so%s\n", text, question, denial_result_text(result), is_so ? "" : "not",
                asked->is_whole ? "" : " (some records)");
    }
}

static void ask(model_t *model, const asked_t *asked, denial_set_t *set)
{
    static const struct {
        uint16_t type;
        const char *question;
    } types[] = {{TYPE_A, "no A"}, {TYPE_DS, "no DS"}, {TYPE_MX, "no MX"}, {TYPE_NS, "no NS"}, {TYPE_TXT, "no TXT"}, {TYPE_SOA, "no SOA"}};
    const uint8_t *name = asked->name;
    judge(model, asked, "name error", denial_name_error(set, name), is_name_error(model, name));
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        judge(model, asked, types[i].question, denial_no_data(set, name, types[i].type), is_no_data(model, name, types[i].type));
    }
    judge(model, asked, "insecure delegation", denial_insecure_delegation(set, name), is_insecure_delegation(model, name));
    for (unsigned labels = model->apex_labels; labels < name_labels(name); labels++) {
        if (!may_have_wildcard(model, name, labels)) {
            continue;
        }
        /* With some labels only the next closer name of the closest encloser need be provable. */
        bool is_so = is_wildcard_answer(model, name, labels);
        bool is_expected = is_so && name_suffix(name, labels) == closest_encloser(model, name);
        const asked_t wildcard = {.name = name, .is_whole = asked->is_whole && is_expected};
        judge(model, &wildcard, "wildcard answer", denial_wildcard_answer(set, name, labels), is_so);
    }
}

static void ask_with(model_t *model, const asked_t *asked, uint32_t chosen)
{
    dnssec_policy_t policy;
    dnssec_budget_t budget;
    nsec3_cache_t cache = {0};
    denial_set_t set;
    const dnssec_verified_t verified = {0};
    dnssec_policy_init(&policy);
    dnssec_budget_init(&budget);
    denial_set_init(&set, model->zone->apex, &policy, &budget, &cache);
    for (unsigned i = 0; i < model->relevant_count; i++) {
        if (chosen >> i & 1) {
            REQUIRE(denial_set_add(&set, &model->relevant[i]->rrset, &verified));
        }
    }
    ask(model, asked, &set);
}

/* A name of the zone, or one near it: labels of other names put before a suffix of it. */
static void make_name(model_t *model, uint8_t name[static NAME_WIRE_MAX + NAME_PADDING])
{
    const signed_zone_t *zone = model->zone;
    const uint8_t *base = zone->rrsets[random_below(&model->random, (uint32_t)zone->count)].rrset.owner;
    unsigned labels = name_labels(base);
    unsigned kept = model->apex_labels + random_below(&model->random, labels - model->apex_labels + 1);
    uint8_t made[NAME_WIRE_MAX + NAME_PADDING];
    base = name_suffix(base, random_below(&model->random, 2) ? labels : kept);
    memcpy(name, base, name_length(base));
    for (unsigned added = random_below(&model->random, LABELS_ADDED_MAX + 1); added > 0; added--) {
        const uint8_t *other = zone->rrsets[random_below(&model->random, (uint32_t)zone->count)].rrset.owner;
        size_t length = name_length(name);
        if (other[0] == 0 || length + other[0] + 1 > NAME_WIRE_MAX) {
            continue;
        }
        memcpy(made, other, other[0] + 1u);
        made[other[0]] = (uint8_t)(made[other[0]] ^ (random_below(&model->random, 4) == 0));
        memcpy(made + other[0] + 1, name, length);
        name_lower(made, length + other[0] + 1);
        memcpy(name, made, length + other[0] + 1);
    }
}

static void find_parameters(model_t *model)
{
    for (size_t i = 0; i < model->zone->count; i++) {
        const dnssec_rrset_t *rrset = &model->zone->rrsets[i].rrset;
        if (rrset->type == TYPE_NSEC3 && rrset->count > 0) {
            REQUIRE(nsec3_parameters_read(&model->parameters, rrset->records[0].data, rrset->records[0].length));
            model->has_nsec3 = true;
            model->has_opt_out |= rrset->records[0].data[1] & NSEC3_FLAG_OPT_OUT;
        }
    }
}

unsigned denial_model_compare(const signed_zone_t *zone, unsigned names)
{
    model_t model = {.zone = zone, .random = 7, .apex_labels = name_labels(zone->apex)};
    find_parameters(&model);
    for (unsigned i = 0; i < names; i++) {
        uint8_t name[NAME_WIRE_MAX + NAME_PADDING];
        make_name(&model, name);
        collect(&model, name);
        const asked_t whole = {.name = name, .is_whole = model.relevant_count < RELEVANT_MAX};
        ask_with(&model, &whole, UINT32_MAX);
        const asked_t part = {.name = name, .is_whole = false};
        ask_with(&model, &part, (uint32_t)random_next(&model.random));
    }
    printf("denial %s proven %u opt-out %u refused %u\n", model.has_nsec3 ? "NSEC3" : "NSEC", model.proven, model.opt_out, model.refused);
    return model.failures;
}
