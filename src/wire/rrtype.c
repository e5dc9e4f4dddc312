#include "wire/rrtype.h"

#include "base/require.h"
#include "wire/rdata_field.h"
#include "wire/text.h"

#include <string.h>

#define FIELDS(...) ((const uint8_t[]){__VA_ARGS__, FIELD_END})
#define OPAQUE      NULL

/* RFC 3597 4 names the types whose rdata may be compressed when sent; RFC 4034 6.2 those that are lower-cased. */
enum {
    OLD = RRTYPE_COMPRESSED | RRTYPE_DOWNCASED | RRTYPE_EXPANDED,
    LENIENT = RRTYPE_DOWNCASED | RRTYPE_EXPANDED,
};

#define SINGLE_NAME FIELDS(FIELD_NAME)
#define TEXTS       FIELDS(FIELD_STRINGS)
#define DIGEST_LIKE FIELDS(FIELD_U16, FIELD_ALGORITHM, FIELD_DIGEST, FIELD_HEX)
#define KEY_LIKE    FIELDS(FIELD_U16, FIELD_U8, FIELD_ALGORITHM, FIELD_BASE64)
#define SIG_LIKE                                                                                                                           \
    FIELDS(FIELD_TYPE, FIELD_ALGORITHM, FIELD_U8, FIELD_U32, FIELD_TIME, FIELD_TIME, FIELD_U16, FIELD_NAME, FIELD_BASE64_OPTIONAL)
#define TLSA_LIKE FIELDS(FIELD_U8, FIELD_U8, FIELD_U8, FIELD_HEX)
#define SVCB_LIKE FIELDS(FIELD_U16, FIELD_NAME, FIELD_SVCPARAMS)

#define ROW(type_, flags_, mnemonic_, fields_)                                                                                             \
    [TYPE_##type_] = {.type = TYPE_##type_, .flags = (flags_), .mnemonic = (mnemonic_), .fields = (fields_)}

/* Indexed by number; numbers without a mnemonic are unknown. */
static const rrtype_info_t types[] = {
    ROW(A, 0, "A", FIELDS(FIELD_IPV4)),
    ROW(NS, OLD, "NS", SINGLE_NAME),
    ROW(MD, OLD, "MD", SINGLE_NAME),
    ROW(MF, OLD, "MF", SINGLE_NAME),
    ROW(CNAME, OLD | RRTYPE_SINGLETON, "CNAME", SINGLE_NAME),
    ROW(SOA, OLD | RRTYPE_SINGLETON, "SOA", FIELDS(FIELD_NAME, FIELD_NAME, FIELD_U32, FIELD_TTL, FIELD_TTL, FIELD_TTL, FIELD_TTL)),
    ROW(MB, OLD, "MB", SINGLE_NAME),
    ROW(MG, OLD, "MG", SINGLE_NAME),
    ROW(MR, OLD, "MR", SINGLE_NAME),
    ROW(NULL, 0, "NULL", OPAQUE),
    ROW(WKS, 0, "WKS", FIELDS(FIELD_IPV4, FIELD_SERVICES)),
    ROW(PTR, OLD, "PTR", SINGLE_NAME),
    ROW(HINFO, 0, "HINFO", FIELDS(FIELD_STRING, FIELD_STRING)),
    ROW(MINFO, OLD, "MINFO", FIELDS(FIELD_NAME, FIELD_NAME)),
    ROW(MX, OLD, "MX", FIELDS(FIELD_U16, FIELD_NAME)),
    ROW(TXT, 0, "TXT", TEXTS),
    ROW(RP, LENIENT, "RP", FIELDS(FIELD_NAME, FIELD_NAME)),
    ROW(AFSDB, LENIENT, "AFSDB", FIELDS(FIELD_U16, FIELD_NAME)),
    ROW(X25, 0, "X25", FIELDS(FIELD_DIGITS)),
    ROW(ISDN, 0, "ISDN", FIELDS(FIELD_STRING, FIELD_STRING_OPTIONAL)),
    ROW(RT, LENIENT, "RT", FIELDS(FIELD_U16, FIELD_NAME)),
    ROW(NSAP, 0, "NSAP", FIELDS(FIELD_NSAP)),
    ROW(NSAP_PTR, 0, "NSAP-PTR", SINGLE_NAME),
    ROW(SIG, LENIENT, "SIG", SIG_LIKE),
    ROW(KEY, 0, "KEY", FIELDS(FIELD_KEY_FLAGS, FIELD_PROTOCOL, FIELD_ALGORITHM, FIELD_BASE64_OPTIONAL)),
    ROW(PX, LENIENT, "PX", FIELDS(FIELD_U16, FIELD_NAME, FIELD_NAME)),
    ROW(GPOS, 0, "GPOS", FIELDS(FIELD_STRING, FIELD_STRING, FIELD_STRING)),
    ROW(AAAA, 0, "AAAA", FIELDS(FIELD_IPV6)),
    ROW(LOC, 0, "LOC", FIELDS(FIELD_LOC)),
    ROW(NXT, LENIENT, "NXT", FIELDS(FIELD_NAME, FIELD_NXT_BITMAP)),
    ROW(EID, 0, "EID", FIELDS(FIELD_HEX)),
    ROW(NIMLOC, 0, "NIMLOC", FIELDS(FIELD_HEX)),
    ROW(SRV, LENIENT, "SRV", FIELDS(FIELD_U16, FIELD_U16, FIELD_U16, FIELD_NAME)),
    ROW(ATMA, 0, "ATMA", FIELDS(FIELD_ATMA)),
    ROW(NAPTR, LENIENT, "NAPTR", FIELDS(FIELD_U16, FIELD_U16, FIELD_STRING, FIELD_STRING, FIELD_STRING, FIELD_NAME)),
    ROW(KX, LENIENT, "KX", FIELDS(FIELD_U16, FIELD_NAME)),
    ROW(CERT, 0, "CERT", FIELDS(FIELD_CERT_TYPE, FIELD_U16, FIELD_ALGORITHM, FIELD_BASE64)),
    ROW(A6, RRTYPE_DOWNCASED, "A6", FIELDS(FIELD_A6_PREFIX, FIELD_A6_NAME)),
    ROW(DNAME, LENIENT | RRTYPE_SINGLETON, "DNAME", SINGLE_NAME),
    ROW(SINK, 0, "SINK", FIELDS(FIELD_U8, FIELD_U8, FIELD_U8, FIELD_BASE64_OPTIONAL)),
    ROW(OPT, RRTYPE_META, "OPT", OPAQUE),
    ROW(APL, 0, "APL", FIELDS(FIELD_APL)),
    ROW(DS, 0, "DS", DIGEST_LIKE),
    ROW(SSHFP, 0, "SSHFP", FIELDS(FIELD_U8, FIELD_U8, FIELD_HEX)),
    ROW(IPSECKEY, 0, "IPSECKEY", FIELDS(FIELD_U8, FIELD_U8, FIELD_U8, FIELD_GATEWAY, FIELD_BASE64_OPTIONAL)),
    ROW(RRSIG, RRTYPE_DOWNCASED, "RRSIG", SIG_LIKE),
    ROW(NSEC, 0, "NSEC", FIELDS(FIELD_NAME, FIELD_BITMAP)),
    ROW(DNSKEY, 0, "DNSKEY", KEY_LIKE),
    ROW(DHCID, 0, "DHCID", FIELDS(FIELD_BASE64)),
    ROW(NSEC3, 0, "NSEC3", FIELDS(FIELD_U8, FIELD_U8, FIELD_U16, FIELD_SALT, FIELD_HASH, FIELD_BITMAP)),
    ROW(NSEC3PARAM, 0, "NSEC3PARAM", FIELDS(FIELD_U8, FIELD_U8, FIELD_U16, FIELD_SALT)),
    ROW(TLSA, 0, "TLSA", TLSA_LIKE),
    ROW(SMIMEA, 0, "SMIMEA", TLSA_LIKE),
    ROW(HIP, 0, "HIP", FIELDS(FIELD_HIP, FIELD_NAMES)),
    ROW(NINFO, 0, "NINFO", TEXTS),
    ROW(RKEY, 0, "RKEY", KEY_LIKE),
    ROW(TALINK, 0, "TALINK", FIELDS(FIELD_NAME, FIELD_NAME)),
    ROW(CDS, 0, "CDS", DIGEST_LIKE),
    ROW(CDNSKEY, 0, "CDNSKEY", KEY_LIKE),
    ROW(OPENPGPKEY, 0, "OPENPGPKEY", FIELDS(FIELD_BASE64)),
    ROW(CSYNC, 0, "CSYNC", FIELDS(FIELD_U32, FIELD_U16, FIELD_BITMAP)),
    ROW(ZONEMD, 0, "ZONEMD", FIELDS(FIELD_U32, FIELD_U8, FIELD_U8, FIELD_HEX)),
    ROW(SVCB, 0, "SVCB", SVCB_LIKE),
    ROW(HTTPS, 0, "HTTPS", SVCB_LIKE),
    ROW(DSYNC, 0, "DSYNC", FIELDS(FIELD_TYPE, FIELD_SCHEME, FIELD_U16, FIELD_NAME)),
    ROW(HHIT, 0, "HHIT", FIELDS(FIELD_BASE64)),
    ROW(BRID, 0, "BRID", FIELDS(FIELD_BASE64)),
    ROW(SPF, 0, "SPF", TEXTS),
    ROW(NID, 0, "NID", FIELDS(FIELD_U16, FIELD_ILNP64)),
    ROW(L32, 0, "L32", FIELDS(FIELD_U16, FIELD_IPV4)),
    ROW(L64, 0, "L64", FIELDS(FIELD_U16, FIELD_ILNP64)),
    ROW(LP, 0, "LP", FIELDS(FIELD_U16, FIELD_NAME)),
    ROW(EUI48, 0, "EUI48", FIELDS(FIELD_EUI48)),
    ROW(EUI64, 0, "EUI64", FIELDS(FIELD_EUI64)),
    ROW(NXNAME, RRTYPE_META, "NXNAME", OPAQUE),
    ROW(TKEY, RRTYPE_META, "TKEY", OPAQUE),
    ROW(TSIG, RRTYPE_META, "TSIG", OPAQUE),
    ROW(IXFR, RRTYPE_META, "IXFR", OPAQUE),
    ROW(AXFR, RRTYPE_META, "AXFR", OPAQUE),
    ROW(MAILB, RRTYPE_META, "MAILB", OPAQUE),
    ROW(MAILA, RRTYPE_META, "MAILA", OPAQUE),
    ROW(ANY, RRTYPE_META, "ANY", OPAQUE),
    ROW(URI, 0, "URI", FIELDS(FIELD_U16, FIELD_U16, FIELD_LONG_STRING)),
    ROW(CAA, 0, "CAA", FIELDS(FIELD_U8, FIELD_TAG, FIELD_LONG_STRING)),
    ROW(AVC, 0, "AVC", TEXTS),
    ROW(DOA, 0, "DOA", FIELDS(FIELD_U32, FIELD_U32, FIELD_U8, FIELD_STRING, FIELD_BASE64_DASH)),
    ROW(AMTRELAY, 0, "AMTRELAY", FIELDS(FIELD_U8, FIELD_RELAY_TYPE, FIELD_RELAY)),
    ROW(RESINFO, 0, "RESINFO", TEXTS),
    ROW(WALLET, 0, "WALLET", TEXTS),
    ROW(CLA, 0, "CLA", TEXTS),
    ROW(IPN, 0, "IPN", FIELDS(FIELD_U64)),
};

/* The types far from the others. */
static const rrtype_info_t far_types[] = {
    {.type = TYPE_TA, .mnemonic = "TA", .fields = DIGEST_LIKE},
    {.type = TYPE_DLV, .mnemonic = "DLV", .fields = DIGEST_LIKE},
};

/* By mnemonic, in octet order, for a binary search that compares eight octets at a time. The table above is the source: the unit test
 * holds the two against each other. */
typedef struct mnemonic {
    char text[14];
    uint16_t number;
} mnemonic_t;

static const mnemonic_t mnemonics[] = {
    {"A", TYPE_A},
    {"A6", TYPE_A6},
    {"AAAA", TYPE_AAAA},
    {"AFSDB", TYPE_AFSDB},
    {"AMTRELAY", TYPE_AMTRELAY},
    {"ANY", TYPE_ANY},
    {"APL", TYPE_APL},
    {"ATMA", TYPE_ATMA},
    {"AVC", TYPE_AVC},
    {"AXFR", TYPE_AXFR},
    {"BRID", TYPE_BRID},
    {"CAA", TYPE_CAA},
    {"CDNSKEY", TYPE_CDNSKEY},
    {"CDS", TYPE_CDS},
    {"CERT", TYPE_CERT},
    {"CLA", TYPE_CLA},
    {"CNAME", TYPE_CNAME},
    {"CSYNC", TYPE_CSYNC},
    {"DHCID", TYPE_DHCID},
    {"DLV", TYPE_DLV},
    {"DNAME", TYPE_DNAME},
    {"DNSKEY", TYPE_DNSKEY},
    {"DOA", TYPE_DOA},
    {"DS", TYPE_DS},
    {"DSYNC", TYPE_DSYNC},
    {"EID", TYPE_EID},
    {"EUI48", TYPE_EUI48},
    {"EUI64", TYPE_EUI64},
    {"GPOS", TYPE_GPOS},
    {"HHIT", TYPE_HHIT},
    {"HINFO", TYPE_HINFO},
    {"HIP", TYPE_HIP},
    {"HTTPS", TYPE_HTTPS},
    {"IPN", TYPE_IPN},
    {"IPSECKEY", TYPE_IPSECKEY},
    {"ISDN", TYPE_ISDN},
    {"IXFR", TYPE_IXFR},
    {"KEY", TYPE_KEY},
    {"KX", TYPE_KX},
    {"L32", TYPE_L32},
    {"L64", TYPE_L64},
    {"LOC", TYPE_LOC},
    {"LP", TYPE_LP},
    {"MAILA", TYPE_MAILA},
    {"MAILB", TYPE_MAILB},
    {"MB", TYPE_MB},
    {"MD", TYPE_MD},
    {"MF", TYPE_MF},
    {"MG", TYPE_MG},
    {"MINFO", TYPE_MINFO},
    {"MR", TYPE_MR},
    {"MX", TYPE_MX},
    {"NAPTR", TYPE_NAPTR},
    {"NID", TYPE_NID},
    {"NIMLOC", TYPE_NIMLOC},
    {"NINFO", TYPE_NINFO},
    {"NS", TYPE_NS},
    {"NSAP", TYPE_NSAP},
    {"NSAP-PTR", TYPE_NSAP_PTR},
    {"NSEC", TYPE_NSEC},
    {"NSEC3", TYPE_NSEC3},
    {"NSEC3PARAM", TYPE_NSEC3PARAM},
    {"NULL", TYPE_NULL},
    {"NXNAME", TYPE_NXNAME},
    {"NXT", TYPE_NXT},
    {"OPENPGPKEY", TYPE_OPENPGPKEY},
    {"OPT", TYPE_OPT},
    {"PTR", TYPE_PTR},
    {"PX", TYPE_PX},
    {"RESINFO", TYPE_RESINFO},
    {"RKEY", TYPE_RKEY},
    {"RP", TYPE_RP},
    {"RRSIG", TYPE_RRSIG},
    {"RT", TYPE_RT},
    {"SIG", TYPE_SIG},
    {"SINK", TYPE_SINK},
    {"SMIMEA", TYPE_SMIMEA},
    {"SOA", TYPE_SOA},
    {"SPF", TYPE_SPF},
    {"SRV", TYPE_SRV},
    {"SSHFP", TYPE_SSHFP},
    {"SVCB", TYPE_SVCB},
    {"TA", TYPE_TA},
    {"TALINK", TYPE_TALINK},
    {"TKEY", TYPE_TKEY},
    {"TLSA", TYPE_TLSA},
    {"TSIG", TYPE_TSIG},
    {"TXT", TYPE_TXT},
    {"URI", TYPE_URI},
    {"WALLET", TYPE_WALLET},
    {"WKS", TYPE_WKS},
    {"X25", TYPE_X25},
    {"ZONEMD", TYPE_ZONEMD},
};

static const mnemonic_t classes[] = {
    {"ANY", CLASS_ANY}, {"CH", CLASS_CH}, {"HS", CLASS_HS}, {"IN", CLASS_IN}, {"NONE", CLASS_NONE},
};

const rrtype_info_t *rrtype_info(uint16_t type)
{
    if (LIKELY(type < ARRAY_SIZE(types))) {
        return types[type].mnemonic ? &types[type] : NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(far_types); i++) {
        if (far_types[i].type == type) {
            return &far_types[i];
        }
    }
    return NULL;
}

/* Chaosnet addresses are a name and an octal number (RFC 1035 3.4 leaves them to the class). */
static const uint8_t chaos_address[] = {FIELD_NAME, FIELD_OCTAL16, FIELD_END};

const uint8_t *rdata_layout(uint16_t type, uint16_t rrclass)
{
    if (UNLIKELY(rrclass == CLASS_CH && type == TYPE_A)) {
        return chaos_address;
    }
    const rrtype_info_t *info = rrtype_info(type);
    return info ? info->fields : NULL;
}

static uint64_t load_be64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static bool mnemonic_find(const mnemonic_t *table, size_t count, const char *text, size_t length, uint16_t *number)
{
    char upper[sizeof table->text] = {0};
    if (length == 0 || length >= sizeof upper) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    const uint64_t key = load_be64(upper);
    const mnemonic_t *low = table;
    for (size_t n = count; n > 1;) {
        size_t half = n / 2;
        low = load_be64(low[half].text) <= key ? low + half : low;
        n -= half;
    }
    if (memcmp(low->text, upper, sizeof upper) != 0 || upper[length - 1] == 0) {
        return false;
    }
    *number = low->number;
    return true;
}

/* TYPE123, CLASS7 (RFC 3597 5). */
static bool numbered(const char *prefix, size_t prefix_length, const char *text, size_t length, uint16_t *number)
{
    uint32_t value;
    if (length <= prefix_length || !text_equal(text, prefix_length, prefix) ||
        !text_to_u32(text + prefix_length, length - prefix_length, UINT16_MAX, &value)) {
        return false;
    }
    *number = (uint16_t)value;
    return true;
}

static size_t numbered_text(const char *prefix, size_t prefix_length, uint16_t number, char text[static RRTYPE_TEXT_MAX])
{
    memcpy(text, prefix, prefix_length);
    size_t length = prefix_length + text_from_u64(number, text + prefix_length);
    text[length] = 0;
    return length;
}

static size_t copy_mnemonic(const char *mnemonic, char text[static RRTYPE_TEXT_MAX])
{
    size_t length = strlen(mnemonic);
    memcpy(text, mnemonic, length + 1);
    return length;
}

size_t rrtype_to_text(uint16_t type, char text[static RRTYPE_TEXT_MAX])
{
    const rrtype_info_t *info = rrtype_info(type);
    return info ? copy_mnemonic(info->mnemonic, text) : numbered_text("TYPE", 4, type, text);
}

status_t rrtype_from_text(const char *text, size_t length, uint16_t *type)
{
    bool found = mnemonic_find(mnemonics, ARRAY_SIZE(mnemonics), text, length, type) || numbered("TYPE", 4, text, length, type);
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

size_t rrclass_to_text(uint16_t rrclass, char text[static RRTYPE_TEXT_MAX])
{
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (classes[i].number == rrclass) {
            return copy_mnemonic(classes[i].text, text);
        }
    }
    return numbered_text("CLASS", 5, rrclass, text);
}

status_t rrclass_from_text(const char *text, size_t length, uint16_t *rrclass)
{
    bool found = mnemonic_find(classes, ARRAY_SIZE(classes), text, length, rrclass) || numbered("CLASS", 5, text, length, rrclass);
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

bool rrtype_is_data(uint16_t type)
{
    /* 128 to 255 are Q and meta types (RFC 6895 3.1). */
    return type != 0 && type != TYPE_OPT && (type < 128 || type > 255);
}
