#include "dnssec/result.h"

#include "wire/edns.h"

static const struct {
    int ede;
    const char *text;
} results[DNSSEC_RESULT_COUNT] = {
    [DNSSEC_VALID] = {EDE_NONE, "valid"},
    [DNSSEC_SIGNATURE_MISSING] = {EDE_RRSIGS_MISSING, "there is no signature"},
    [DNSSEC_ALGORITHM_UNSUPPORTED] = {EDE_UNSUPPORTED_DNSKEY_ALGORITHM, "the algorithm or the size of its key is not supported"},
    [DNSSEC_DIGEST_UNSUPPORTED] = {EDE_UNSUPPORTED_DS_DIGEST, "the digest type of the DS is not supported"},
    [DNSSEC_SIGNATURE_MALFORMED] = {EDE_DNSSEC_BOGUS, "the signature is malformed"},
    [DNSSEC_SIGNER_WRONG] = {EDE_DNSSEC_BOGUS, "the signer is not the zone that the data must be from"},
    [DNSSEC_LABELS_WRONG] = {EDE_DNSSEC_BOGUS, "the signature's labels field does not fit the owner"},
    [DNSSEC_KEY_MISSING] = {EDE_DNSKEY_MISSING, "no DNSKEY matches"},
    [DNSSEC_KEY_REVOKED] = {EDE_DNSKEY_MISSING, "the DNSKEY that matches is revoked"},
    [DNSSEC_KEY_NOT_ZONE_KEY] = {EDE_NO_ZONE_KEY_BIT, "the DNSKEY that matches is no zone key"},
    [DNSSEC_KEY_MALFORMED] = {EDE_DNSSEC_BOGUS, "the DNSKEY that matches holds no public key of its algorithm"},
    [DNSSEC_SIGNATURE_INVERTED] = {EDE_SIGNATURE_EXPIRED_BEFORE_VALID, "the signature expires before it becomes valid"},
    [DNSSEC_SIGNATURE_NOT_YET_VALID] = {EDE_SIGNATURE_NOT_YET_VALID, "the signature is not valid yet"},
    [DNSSEC_SIGNATURE_EXPIRED] = {EDE_SIGNATURE_EXPIRED, "the signature has expired"},
    [DNSSEC_SIGNATURE_WRONG] = {EDE_DNSSEC_BOGUS, "the signature does not fit the data"},
    [DNSSEC_BUDGET_SPENT] = {EDE_DNSSEC_INDETERMINATE, "too many signatures would have to be checked"},
    [DNSSEC_NO_RESOURCES] = {EDE_DNSSEC_INDETERMINATE, "no memory to check the signature with"},
};

const char *dnssec_result_text(dnssec_result_t result)
{
    return result < DNSSEC_RESULT_COUNT ? results[result].text : "unknown result";
}

int dnssec_result_ede(dnssec_result_t result)
{
    return result < DNSSEC_RESULT_COUNT ? results[result].ede : EDE_OTHER;
}
