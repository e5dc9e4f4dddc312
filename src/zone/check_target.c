/* Names in NS, MX and SRV, and names that hold addresses: are they host names, and do they lead to addresses? */
#include "base/bytes.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/check_internal.h"

typedef struct target_kind {
    uint16_t type;
    const char *what;
    const char *alias_code;
    const char *no_address_code;
} target_kind_t;

/* RFC 952, RFC 1123 2.1: letters, digits and hyphens, no hyphen at an end of a label. */
static bool is_host_name(const uint8_t *wire)
{
    for (; *wire != 0; wire += *wire + 1u) {
        for (unsigned i = 1; i <= *wire; i++) {
            uint8_t c = wire[i];
            bool inside = i > 1 && i < *wire;
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c == '-' && inside))) {
                return false;
            }
        }
    }
    return true;
}

/* "192.0.2.1." in the place of a name. */
static bool looks_like_address(const uint8_t *wire)
{
    unsigned labels = 0;
    for (; *wire != 0; wire += *wire + 1u, labels++) {
        for (unsigned i = 1; i <= *wire; i++) {
            if (wire[i] < '0' || wire[i] > '9' || *wire > 3) {
                return labels >= 4; /* digits completed with the origin */
            }
        }
    }
    return labels >= 4;
}

static void report_target(zone_checker_t *checker, const zone_node_t *node, const target_kind_t *kind, const char *code,
                          const uint8_t *target, const char *what)
{
    char text[NAME_TEXT_MAX];
    name_to_text(target, text);
    zone_findings_add_target(checker->findings, code, node->wire, kind->type, target, "%s %s %s", kind->what, text, what);
}

/* A target that is in the zone by its name. RFC 9471: an address is needed as glue for what is at or below the cut itself; what lies
 * below another cut is that zone's business. */
static void check_inside(zone_checker_t *checker, const zone_node_t *node, const target_kind_t *kind, const uint8_t *target)
{
    uint8_t lower[NAME_WIRE_MAX + 1 + NAME_PADDING];
    size_t length = name_length(target);
    memcpy(lower, target, length);
    name_key_t key;
    name_key_init(&key, lower, length);
    zone_lookup_t found;
    zone_lookup(checker->contents, &key, &found);
    if (found.dname) {
        report_target(checker, node, kind, kind->alias_code, target, "is an alias, by a DNAME");
        return;
    }
    if (found.cut) {
        const zone_node_t *glue = zone_find(checker->contents, key.wire);
        if (kind->type == TYPE_NS && found.cut == node && !(glue && (glue->flags & ZONE_NODE_ADDRESS))) {
            report_target(checker, node, kind, "missing-glue", target, "is at or below this zone cut and has no address here");
        }
        return;
    }
    const zone_node_t *holder = found.exact ? found.node : found.wildcard;
    if (holder && (holder->flags & ZONE_NODE_CNAME)) {
        report_target(checker, node, kind, kind->alias_code, target, "is an alias (CNAME)");
    } else if (!holder || !(holder->flags & ZONE_NODE_ADDRESS)) {
        report_target(checker, node, kind, kind->no_address_code, target, "has no address");
    }
}

static void check_name(zone_checker_t *checker, const zone_node_t *node, const target_kind_t *kind, const uint8_t *target)
{
    if (*target == 0) {
        return; /* null MX (RFC 7505), no service (RFC 2782) */
    }
    if (looks_like_address(target)) {
        report_target(checker, node, kind, "target-is-address", target, "looks like an IP address; a name is needed");
    } else if (!is_host_name(target)) {
        report_target(checker, node, kind, "bad-host-name", target, "is not the name of a host");
    }
}

/* Targets that the contents keep as references: most need no look-up, their node says all. */
static void check_references(zone_checker_t *checker, const zone_node_t *node, const target_kind_t *kind, size_t offset)
{
    const zone_rrset_t *rrset = zone_node_find(node, kind->type);
    const uint8_t *record = rrset ? rrset->data : NULL;
    for (unsigned i = 0; rrset && i < rrset->count; i++, record += 2 + load_be16(record)) {
        const zone_node_t *target = zone_node(checker->contents, zone_ref_load(record + 2 + offset));
        check_name(checker, node, kind, target->wire);
        bool has_address = (target->flags & (ZONE_NODE_ADDRESS | ZONE_NODE_CNAME | ZONE_NODE_FOREIGN)) == ZONE_NODE_ADDRESS;
        if (target->wire[0] != 0 && !has_address && name_is_at_or_below(target->wire, checker->apex->wire)) {
            check_inside(checker, node, kind, target->wire);
        }
    }
}

static void check_srv(zone_checker_t *checker, const zone_node_t *node)
{
    static const target_kind_t kind = {TYPE_SRV, "the target", "srv-target-cname", "srv-target-no-address"};
    const zone_rrset_t *rrset = zone_node_find(node, TYPE_SRV);
    const uint8_t *record = rrset ? rrset->data : NULL;
    for (unsigned i = 0; rrset && i < rrset->count; i++, record += 2 + load_be16(record)) {
        const uint8_t *target = record + 2 + 6;
        check_name(checker, node, &kind, target);
        if (*target != 0 && name_is_at_or_below(target, checker->apex->wire)) {
            check_inside(checker, node, &kind, target);
        }
    }
}

void check_targets(zone_checker_t *checker, const zone_node_t *node)
{
    static const target_kind_t ns = {TYPE_NS, "the name server", "ns-target-cname", "ns-target-no-address"};
    static const target_kind_t mx = {TYPE_MX, "the mail server", "mx-target-cname", "mx-target-no-address"};
    if (node->flags & (ZONE_NODE_CUT | ZONE_NODE_APEX)) {
        check_references(checker, node, &ns, 0);
    }
    if (node->flags & (ZONE_NODE_OCCLUDED | ZONE_NODE_CUT)) {
        return;
    }
    check_references(checker, node, &mx, 2);
    check_srv(checker, node);
    if (node->flags & ZONE_NODE_ADDRESS) {
        const uint8_t *host = name_is_wildcard(node->wire) ? node->wire + 2 : node->wire;
        if (!is_host_name(host)) {
            checker_add(checker, "bad-host-name", node->wire, 0, NULL, "an address at a name that is not the name of a host");
        }
    }
}
