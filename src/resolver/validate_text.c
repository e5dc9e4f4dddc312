/* Why something is bogus, in words that a person understands and an extended error code (RFC 8914). */
#include "resolver/validate.h"

#include "dnssec/denial.h"
#include "wire/rrtype.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { DATE_SIZE = 32 };

verdict_t validate_say(validator_t *validator, verdict_t verdict, int extended_error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(validator->text, sizeof validator->text, format, arguments);
    va_end(arguments);
    validator->extended_error = (int16_t)extended_error;
    return verdict;
}

/* ---- parts ---- */

/* "www.example. A" */
typedef struct subject {
    char text[160];
} subject_t;

static subject_t subject_of(const uint8_t *owner, uint16_t type)
{
    subject_t subject;
    char name[NAME_TEXT_MAX];
    char mnemonic[RRTYPE_TEXT_MAX];
    name_to_text(owner, name);
    rrtype_to_text(type, mnemonic);
    snprintf(subject.text, sizeof subject.text, "%.120s %s", name, mnemonic);
    return subject;
}

/* A time of an RRSIG is the nearest one that its 32 bits fit (RFC 4034 3.1.5). */
static void date_of(const validator_t *validator, uint32_t time_s, char date[static DATE_SIZE])
{
    int32_t distance_s = (int32_t)(time_s - validator->context.now_s);
    time_t seconds = (time_t)validator->resolver->now.unix_s + distance_s;
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || strftime(date, DATE_SIZE, "%Y-%m-%d %H:%M UTC", &parts) == 0) {
        snprintf(date, DATE_SIZE, "an impossible date");
    }
}

/* The signature that failed with this result, or else any by the zone. False: there is none. */
static bool find_signature(validator_t *validator, const rrset_t *rrset, const uint8_t *zone, dnssec_result_t result, dnssec_rrsig_t *found)
{
    validate_records_t records;
    bool is_found = false;
    if (!validate_records(&validator->resolver->scratch, rrset, &records)) {
        return false;
    }
    for (size_t i = 0; i < records.signatures.count; i++) {
        dnssec_rrsig_t rrsig;
        if (!dnssec_rrsig_read(&rrsig, records.signatures.list[i].data, records.signatures.list[i].length)) {
            continue;
        }
        bool is_it = dnssec_check_rrsig(&validator->context, &records.rrset, &rrsig, zone) == result;
        if (is_it || !is_found) {
            *found = rrsig;
            is_found = true;
        }
        if (is_it) {
            break;
        }
    }
    return is_found;
}

/* ---- sentences ---- */

static verdict_t say_spent(validator_t *validator, dnssec_result_t result)
{
    validator->by_budget = validator->purse.signature_checks == 0 || result == DNSSEC_NO_RESOURCES;
    validator->is_shortage = result == DNSSEC_NO_RESOURCES;
    return validate_say(validator, VERDICT_FAILED, dnssec_result_ede(result), "not validated: %s", dnssec_result_text(result));
}

static verdict_t say_signature(validator_t *validator, const rrset_t *rrset, const dnssec_rrsig_t *rrsig, dnssec_result_t result)
{
    const subject_t subject = subject_of(rrset->owner, rrset->type);
    const int ede = dnssec_result_ede(result);
    char signer[NAME_TEXT_MAX];
    char date[DATE_SIZE];
    name_to_text(rrsig->signer, signer);
    switch (result) {
    case DNSSEC_SIGNATURE_EXPIRED:
        date_of(validator, rrsig->expiration_s, date);
        return validate_say(validator, VERDICT_BOGUS, ede, "the signature of %s expired on %s; key %u of %.120s", subject.text, date,
                            rrsig->key_tag, signer);
    case DNSSEC_SIGNATURE_NOT_YET_VALID:
        date_of(validator, rrsig->inception_s, date);
        return validate_say(validator, VERDICT_BOGUS, ede, "the signature of %s is not valid before %s; key %u of %.120s", subject.text,
                            date, rrsig->key_tag, signer);
    case DNSSEC_KEY_MISSING:
        return validate_say(validator, VERDICT_BOGUS, ede, "%s is signed with key %u, which %.120s does not have", subject.text,
                            rrsig->key_tag, signer);
    default:
        return validate_say(validator, VERDICT_BOGUS, ede, "the signature of %s with key %u of %.120s does not count: %s", subject.text,
                            rrsig->key_tag, signer, dnssec_result_text(result));
    }
}

verdict_t validate_say_result(validator_t *validator, const rrset_t *rrset, const uint8_t *zone, dnssec_result_t result)
{
    dnssec_rrsig_t rrsig;
    validator->is_own = true;
    if (result == DNSSEC_BUDGET_SPENT || result == DNSSEC_NO_RESOURCES) {
        return say_spent(validator, result);
    }
    if (result != DNSSEC_SIGNATURE_MISSING && find_signature(validator, rrset, zone, result, &rrsig)) {
        return say_signature(validator, rrset, &rrsig, result);
    }
    char name[NAME_TEXT_MAX];
    name_to_text(zone, name);
    return validate_say(validator, VERDICT_BOGUS, dnssec_result_ede(result), "%s is not signed by %.120s, which is a signed zone",
                        subject_of(rrset->owner, rrset->type).text, name);
}

verdict_t validate_say_keys(validator_t *validator, const rrset_t *dnskeys, bool by_anchor, dnssec_result_t result)
{
    char zone[NAME_TEXT_MAX];
    bool is_by_others = result == DNSSEC_SIGNATURE_MISSING && dnskeys->signature_count > 0;
    if (result != DNSSEC_KEY_MISSING && !is_by_others) {
        return validate_say_result(validator, dnskeys, dnskeys->owner, result);
    }
    validator->is_own = true;
    name_to_text(dnskeys->owner, zone);
    return validate_say(validator, VERDICT_BOGUS, is_by_others ? EDE_RRSIGS_MISSING : EDE_DNSKEY_MISSING, "%s of %.120s %s that its %s",
                        is_by_others ? "the DNSKEY records" : "no DNSKEY", zone, is_by_others ? "are not signed with a key" : "is one",
                        by_anchor ? "trust anchors hold" : "parent's DS records name");
}

verdict_t validate_say_denial(validator_t *validator, const store_entry_t *entry, denial_result_t result)
{
    const subject_t subject = subject_of(validator->fetch->name.wire, validator->fetch->type);
    validator->is_own = true;
    if (result == DENIAL_BUDGET_SPENT) {
        validator->by_budget = true;
        return validate_say(validator, VERDICT_FAILED, EDE_DNSSEC_INDETERMINATE,
                            "not validated: the denial of %s takes too many NSEC3 hashes", subject.text);
    }
    if (entry->kind == STORE_RRSET) {
        return validate_say(validator, VERDICT_BOGUS, EDE_NSEC_MISSING,
                            "%s was made from a wildcard, and nothing proves that there is no closer name", subject.text);
    }
    return validate_say(validator, VERDICT_BOGUS, EDE_NSEC_MISSING, "that there is no %s is not proven by the NSEC or NSEC3 records sent",
                        subject.text);
}

/* Is there a proof that at least looks like one, but for its missing signature? */
static bool has_bare_proof(const store_entry_t *entry)
{
    for (unsigned i = 0; i < entry->rrset_count; i++) {
        bool is_proof = entry->rrsets[i].type == TYPE_NSEC || entry->rrsets[i].type == TYPE_NSEC3;
        if (is_proof && entry->rrsets[i].signature_count == 0) {
            return true;
        }
    }
    return false;
}

verdict_t validate_say_unsigned(validator_t *validator, const store_entry_t *entry, const uint8_t *zone)
{
    const subject_t subject = subject_of(validator->fetch->name.wire, entry->kind == STORE_RRSET ? entry->type : validator->fetch->type);
    char name[NAME_TEXT_MAX];
    validator->is_own = true;
    name_to_text(zone, name);
    if (entry->kind != STORE_RRSET) {
        return validate_say(validator, VERDICT_BOGUS, has_bare_proof(entry) ? EDE_RRSIGS_MISSING : EDE_NSEC_MISSING,
                            "the answer that there is no %s is not signed, and %.120s is a signed zone", subject.text, name);
    }
    bool is_made = entry->type == TYPE_CNAME && entry->rrset_count > 1 && entry->rrsets[1].type == TYPE_DNAME;
    const rrset_t *rrset = &entry->rrsets[is_made]; /* the DNAME that a CNAME was made of */
    if (rrset->signature_count > 0) {
        return validate_say_result(validator, rrset, zone, DNSSEC_SIGNER_WRONG);
    }
    return validate_say(validator, VERDICT_BOGUS, EDE_RRSIGS_MISSING, "%s is not signed, and %.120s is a signed zone", subject.text, name);
}
