/* The table of RR types and classes: numbers, mnemonics, rdata fields and what each type means to the protocol.
 *
 * One table drives text <-> wire, canonical form, compression and sorting. Source: IANA "DNS Parameters", RFC 1035, 3597, 6895
 * and each type's own document.
 */
#pragma once

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLASS_IN = 1,
    CLASS_CH = 3,
    CLASS_HS = 4,
    CLASS_NONE = 254,
    CLASS_ANY = 255,
};

enum {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_MD = 3,
    TYPE_MF = 4,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_MB = 7,
    TYPE_MG = 8,
    TYPE_MR = 9,
    TYPE_NULL = 10,
    TYPE_WKS = 11,
    TYPE_PTR = 12,
    TYPE_HINFO = 13,
    TYPE_MINFO = 14,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_RP = 17,
    TYPE_AFSDB = 18,
    TYPE_X25 = 19,
    TYPE_ISDN = 20,
    TYPE_RT = 21,
    TYPE_NSAP = 22,
    TYPE_NSAP_PTR = 23,
    TYPE_SIG = 24,
    TYPE_KEY = 25,
    TYPE_PX = 26,
    TYPE_GPOS = 27,
    TYPE_AAAA = 28,
    TYPE_LOC = 29,
    TYPE_NXT = 30,
    TYPE_EID = 31,
    TYPE_NIMLOC = 32,
    TYPE_SRV = 33,
    TYPE_ATMA = 34,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
    TYPE_CERT = 37,
    TYPE_A6 = 38,
    TYPE_DNAME = 39,
    TYPE_SINK = 40,
    TYPE_OPT = 41,
    TYPE_APL = 42,
    TYPE_DS = 43,
    TYPE_SSHFP = 44,
    TYPE_IPSECKEY = 45,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_DHCID = 49,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_TLSA = 52,
    TYPE_SMIMEA = 53,
    TYPE_HIP = 55,
    TYPE_NINFO = 56,
    TYPE_RKEY = 57,
    TYPE_TALINK = 58,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_OPENPGPKEY = 61,
    TYPE_CSYNC = 62,
    TYPE_ZONEMD = 63,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_DSYNC = 66,
    TYPE_HHIT = 67,
    TYPE_BRID = 68,
    TYPE_SPF = 99,
    TYPE_NID = 104,
    TYPE_L32 = 105,
    TYPE_L64 = 106,
    TYPE_LP = 107,
    TYPE_EUI48 = 108,
    TYPE_EUI64 = 109,
    TYPE_NXNAME = 128,
    TYPE_TKEY = 249,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_MAILB = 253,
    TYPE_MAILA = 254,
    TYPE_ANY = 255,
    TYPE_URI = 256,
    TYPE_CAA = 257,
    TYPE_AVC = 258,
    TYPE_DOA = 259,
    TYPE_AMTRELAY = 260,
    TYPE_RESINFO = 261,
    TYPE_WALLET = 262,
    TYPE_CLA = 263,
    TYPE_IPN = 264,
    TYPE_TA = 32768,
    TYPE_DLV = 32769,
};

/* What a type means to the server, whatever its rdata looks like. */
enum {
    RRTYPE_META = 1u << 0,       /* OPT, TSIG, ANY, AXFR ...: never data of a zone (RFC 6895 3.1) */
    RRTYPE_SINGLETON = 1u << 1,  /* at most one record at an owner: SOA, CNAME, DNAME */
    RRTYPE_COMPRESSED = 1u << 2, /* names in rdata may be compressed when sent (RFC 3597 4: the RFC 1035 types) */
    RRTYPE_DOWNCASED = 1u << 3,  /* names in rdata are lower-cased in canonical form (RFC 4034 6.2, 6840 5.1) */
    RRTYPE_EXPANDED = 1u << 4,   /* names in rdata may arrive compressed (RFC 3597 4, leniently for the types of RFC 1183 to 2782) */
};

typedef struct rrtype_info {
    uint16_t type;
    uint16_t flags;        /* RRTYPE_* */
    const char *mnemonic;  /* "NSEC3" */
    const uint8_t *fields; /* rdata layout, codes of wire/rdata.h's implementation; NULL: opaque, \# form only */
} rrtype_info_t;

/* NULL for a type that the table does not know. Constant time. */
const rrtype_info_t *rrtype_info(uint16_t type);

enum { RRTYPE_TEXT_MAX = 16 };
/* Mnemonic or TYPEnnn; terminated; returns its length. */
size_t rrtype_to_text(uint16_t type, char text[static RRTYPE_TEXT_MAX]);
/* Mnemonic in any case, or TYPEnnn (RFC 3597 5). STATUS_NOT_FOUND otherwise. */
status_t rrtype_from_text(const char *text, size_t length, uint16_t *type) MUST_USE;
/* IN, CH, HS, NONE, ANY, or CLASSnnn. */
size_t rrclass_to_text(uint16_t rrclass, char text[static RRTYPE_TEXT_MAX]);
status_t rrclass_from_text(const char *text, size_t length, uint16_t *rrclass) MUST_USE;

/* True for data types that may stand in a zone (not 0, not meta, not OPT). */
bool rrtype_is_data(uint16_t type);
