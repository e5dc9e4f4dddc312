#include "resolver/answer.h"

#include "base/require.h"
#include "wire/rrtype.h"

static bool is_dnssec_type(uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

static status_t write_rrset(const rrset_t *rrset, section_t section, bool with_signatures, message_writer_t *writer)
{
    const message_writer_t before = *writer;
    const uint8_t *at = NULL;
    const uint8_t *rdata;
    uint16_t rdlength;
    status_t status = STATUS_OK;
    while (status == STATUS_OK && (rdata = rrset_next(rrset, &at, &rdlength)) != NULL) {
        status = message_write_record(writer, section, rrset->owner, rrset->type, rrset->rrclass, rrset->ttl_s, rdata, rdlength);
    }
    at = NULL;
    while (with_signatures && status == STATUS_OK && (rdata = rrset_next_signature(rrset, &at, &rdlength)) != NULL) {
        status = message_write_record(writer, section, rrset->owner, TYPE_RRSIG, rrset->rrclass, rrset->ttl_s, rdata, rdlength);
    }
    if (status != STATUS_OK) {
        *writer = before; /* never a part of an RRset (RFC 2181 9) */
    }
    return status;
}

static status_t write_section(const rrset_t *rrsets, unsigned count, section_t section, uint16_t type, bool with_dnssec,
                              message_writer_t *writer)
{
    status_t status = STATUS_OK;
    for (unsigned i = 0; i < count && status == STATUS_OK; i++) {
        if (with_dnssec || !is_dnssec_type(rrsets[i].type) || (section == SECTION_ANSWER && rrsets[i].type == type)) {
            status = write_rrset(&rrsets[i], section, with_dnssec, writer);
        }
    }
    return status;
}

status_t resolver_answer_write(const resolver_answer_t *answer, uint16_t type, bool with_dnssec, message_writer_t *writer)
{
    status_t status = write_section(answer->answer, answer->answer_count, SECTION_ANSWER, type, with_dnssec, writer);
    if (status == STATUS_OK) {
        status = write_section(answer->authority, answer->authority_count, SECTION_AUTHORITY, type, with_dnssec, writer);
    }
    if (status == STATUS_OK) {
        (void)!write_section(answer->additional, answer->additional_count, SECTION_ADDITIONAL, type, with_dnssec, writer);
    }
    return status;
}
