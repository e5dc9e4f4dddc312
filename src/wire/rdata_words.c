#include "wire/rdata_words.h"

#include "base/require.h"
#include "wire/rdata_field.h"
#include "wire/text.h"

/* IANA "DNS Security Algorithm Numbers", with the spellings that BIND, NSD and Knot take. */
static const rdata_word_t algorithms[] = {
    {"DELETE", 0},
    {"RSAMD5", 1},
    {"DH", 2},
    {"DSA", 3},
    {"ECC", 4},
    {"RSASHA1", 5},
    {"DSA-NSEC3-SHA1", 6},
    {"NSEC3DSA", 6},
    {"RSASHA1-NSEC3-SHA1", 7},
    {"NSEC3RSASHA1", 7},
    {"RSASHA256", 8},
    {"RSASHA512", 10},
    {"ECC-GOST", 12},
    {"ECCGOST", 12},
    {"ECDSAP256SHA256", 13},
    {"ECDSAP384SHA384", 14},
    {"ED25519", 15},
    {"ED448", 16},
    {"SM2SM3", 17},
    {"ECC-GOST12", 23},
    {"INDIRECT", 252},
    {"PRIVATEDNS", 253},
    {"PRIVATEOID", 254},
    {NULL, 0},
};

static const rdata_word_t digests[] = {
    {"SHA-1", 1}, {"SHA1", 1}, {"SHA-256", 2}, {"SHA256", 2}, {"GOST", 3}, {"SHA-384", 4}, {"SHA384", 4}, {NULL, 0},
};

static const rdata_word_t cert_types[] = {
    {"PKIX", 1},   {"SPKI", 2},    {"PGP", 3},   {"IPKIX", 4}, {"ISPKI", 5}, {"IPGP", 6},
    {"ACPKIX", 7}, {"IACPKIX", 8}, {"URI", 253}, {"OID", 254}, {NULL, 0},
};

static const rdata_word_t key_flags[] = {
    {"NOCONF", 0x4000}, {"NOAUTH", 0x8000}, {"NOKEY", 0xc000}, {"FLAG2", 0x2000}, {"EXTEND", 0x1000}, {"FLAG4", 0x0800}, {"FLAG5", 0x0400},
    {"USER", 0x0000},   {"ZONE", 0x0100},   {"HOST", 0x0200},  {"NTYP3", 0x0300}, {"FLAG8", 0x0080},  {"FLAG9", 0x0040}, {"FLAG10", 0x0020},
    {"FLAG11", 0x0010}, {"SIG0", 0x0000},   {"SIG1", 0x0001},  {"SIG2", 0x0002},  {"SIG3", 0x0003},   {"SIG4", 0x0004},  {"SIG5", 0x0005},
    {"SIG6", 0x0006},   {"SIG7", 0x0007},   {"SIG8", 0x0008},  {"SIG9", 0x0009},  {"SIG10", 0x000a},  {"SIG11", 0x000b}, {"SIG12", 0x000c},
    {"SIG13", 0x000d},  {"SIG14", 0x000e},  {"SIG15", 0x000f}, {NULL, 0},
};

static const rdata_word_t protocols[] = {
    {"NONE", 0}, {"TLS", 1}, {"EMAIL", 2}, {"DNSSEC", 3}, {"IPSEC", 4}, {"ALL", 255}, {NULL, 0},
};

static const rdata_word_t schemes[] = {{"NOTIFY", 1}, {NULL, 0}};

const rdata_words_t *rdata_words(uint8_t code)
{
    static const rdata_words_t words[FIELD_COUNT] = {
        [FIELD_ALGORITHM] = {algorithms, UINT8_MAX, "algorithm number or mnemonic"},
        [FIELD_DIGEST] = {digests, UINT8_MAX, "digest type number or mnemonic"},
        [FIELD_CERT_TYPE] = {cert_types, UINT16_MAX, "certificate type number or mnemonic"},
        [FIELD_KEY_FLAGS] = {key_flags, UINT16_MAX, "key flags as a number, or mnemonics joined by \"|\","},
        [FIELD_PROTOCOL] = {protocols, UINT8_MAX, "protocol number or mnemonic"},
        [FIELD_SCHEME] = {schemes, UINT8_MAX, "scheme number or NOTIFY"},
    };
    REQUIRE(code < FIELD_COUNT && words[code].list);
    return &words[code];
}

bool rdata_word_find(const rdata_words_t *words, const char *text, size_t length, uint32_t *value)
{
    for (const rdata_word_t *word = words->list; word->text; word++) {
        if (text_equal(text, length, word->text)) {
            *value = word->value;
            return true;
        }
    }
    return false;
}
