/* What may stand at one name: aliases, zone cuts, wildcards, occluded data; and how much. */
#include "base/bytes.h"
#include "wire/message.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"
#include "zone/check_internal.h"

static bool stands_beside_cname(uint16_t type)
{
    /* RFC 4034 3 and 4, RFC 2535 2.3.5; NSEC3 never shares a name with data. */
    return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_KEY || type == TYPE_SIG || type == TYPE_NXT;
}

static void check_cname(zone_checker_t *checker, const zone_node_t *node)
{
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        if (rrset->count == 0) {
            continue;
        }
        if (!stands_beside_cname(rrset->type)) {
            char type[RRTYPE_TEXT_MAX];
            rrtype_to_text(rrset->type, type);
            checker_add(checker, "cname-and-other-data", node->wire, rrset->type,
                        "a name with a CNAME is an alias: all its data stand at the target", "%s beside a CNAME", type);
            return;
        }
    }
}

static void check_single(zone_checker_t *checker, const zone_node_t *node, uint16_t type, const char *code)
{
    const zone_rrset_t *rrset = zone_node_find(node, type);
    if (rrset && rrset->count > 1) {
        char text[RRTYPE_TEXT_MAX];
        rrtype_to_text(type, text);
        checker_add(checker, code, node->wire, type, NULL, "%u %s records, one is allowed", rrset->count, text);
    }
}

static void check_occluded(zone_checker_t *checker, const zone_node_t *node)
{
    const zone_node_t *above = checker_occluded_by(checker, node);
    char owner[NAME_TEXT_MAX];
    name_to_text(above ? above->wire : checker->apex->wire, owner);
    if (above && (above->flags & ZONE_NODE_DNAME)) {
        checker_add(checker, "dname-with-children", node->wire, 0, NULL, "not visible: below the DNAME of %s", owner);
        return;
    }
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        if (rrset->count > 0 && rrset->type != TYPE_A && rrset->type != TYPE_AAAA) {
            char type[RRTYPE_TEXT_MAX];
            rrtype_to_text(rrset->type, type);
            checker_add(checker, "occluded-data", node->wire, rrset->type, NULL, "%s is not visible: below the zone cut %s", type, owner);
            return;
        }
    }
    if (checker->name_servers.words && (node->flags & ZONE_NODE_ADDRESS) &&
        !node_set_has(&checker->name_servers, zone_node_ref(checker->contents, node))) {
        checker_add(checker, "orphan-glue", node->wire, 0, NULL, "an address below the zone cut %s that no NS refers to", owner);
    }
}

/* The first label of an SOA's mailbox holds no @: that is written with a dot. */
static void check_soa_mailbox(zone_checker_t *checker)
{
    const zone_rrset_t *soa = zone_node_find(checker->apex, TYPE_SOA);
    if (!soa) {
        return;
    }
    uint8_t rdata[RDATA_MAX];
    (void)zone_record_rdata(checker->contents, soa, soa->data, rdata, NULL);
    const uint8_t *mailbox = rdata + name_length(rdata);
    for (unsigned i = 1; i <= mailbox[0]; i++) {
        if (mailbox[i] == '@') {
            checker_add(checker, "soa-rname-at-sign", checker->apex->wire, TYPE_SOA,
                        "write hostmaster.example.com. for hostmaster@example.com", "the mailbox of the SOA holds an @");
            return;
        }
    }
}

/* What goes into no message, even over TCP, with nothing but the question before it and all owners as pointers. */
static void check_sizes(zone_checker_t *checker, const zone_node_t *node)
{
    enum { HEAD = 2 + 8, QUESTION_END = 4 }; /* pointer, type, class, TTL */
    const size_t room = MESSAGE_MAX - MESSAGE_HEADER_SIZE - node->length - (size_t)QUESTION_END;
    const zone_rrset_t *rrset = zone_node_first_rrset(node);
    for (unsigned i = 0; i < node->rrset_count; i++, rrset = zone_rrset_next(rrset)) {
        size_t names = rrset->has_refs ? 2 * (size_t)rrset->count : 0; /* a reference is four octets, a pointer two */
        size_t size = rrset->data_size - names + (size_t)HEAD * rrset->count;
        if (size > room) {
            char type[RRTYPE_TEXT_MAX];
            rrtype_to_text(rrset->type, type);
            checker_add(checker, "rrset-too-large", node->wire, rrset->type, NULL, "%u %s records of %zu bytes: no message can hold them",
                        rrset->count, type, size);
        }
    }
}

void check_node_data(zone_checker_t *checker, const zone_node_t *node)
{
    const uint16_t interesting = ZONE_NODE_APEX | ZONE_NODE_CNAME | ZONE_NODE_DNAME | ZONE_NODE_OCCLUDED;
    bool is_apex = node == checker->apex;
    check_sizes(checker, node);
    if (node->flags & interesting) {
        if (is_apex) {
            check_soa_mailbox(checker);
        }
        if (node->flags & ZONE_NODE_CNAME) {
            check_cname(checker, node);
            check_single(checker, node, TYPE_CNAME, "multiple-cname");
        }
        if (node->flags & ZONE_NODE_DNAME) {
            check_single(checker, node, TYPE_DNAME, "multiple-dname");
            if (!is_apex && zone_node_find(node, TYPE_NS)) {
                checker_add(checker, "dname-and-ns", node->wire, TYPE_DNAME, NULL, "DNAME and NS at one name that is not the apex");
            }
        }
        if (node->flags & ZONE_NODE_OCCLUDED) {
            check_occluded(checker, node);
        }
    }
    if (name_is_wildcard(node->wire)) {
        if ((node->flags & ZONE_NODE_CUT) && !is_apex) {
            checker_add(checker, "wildcard-ns", node->wire, TYPE_NS, NULL, "NS at a wildcard makes no zone cuts");
        }
        if (node->flags & ZONE_NODE_DNAME) {
            checker_add(checker, "wildcard-dname", node->wire, TYPE_DNAME, NULL, "DNAME at a wildcard is not defined");
        }
    }
    if (!(node->flags & ZONE_NODE_OCCLUDED) && zone_node_find(node, TYPE_DS)) {
        if (is_apex) {
            checker_add(checker, "ds-at-apex", node->wire, TYPE_DS, NULL, "DS belongs into the parent zone");
        } else if (!(node->flags & ZONE_NODE_CUT)) {
            checker_add(checker, "ds-without-ns", node->wire, TYPE_DS, NULL, "DS without NS: the name is not a zone cut");
        }
    }
}
