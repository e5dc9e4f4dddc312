/* The alphabet of rdata layouts: private to the rdata implementation and the table of types.
 *
 * A layout is a zero-ended string of field codes. Invariants: a field that takes "the rest" is the last one; fields whose meaning
 * hangs on earlier octets (GATEWAY, RELAY, A6_NAME) appear only in layouts where those octets have fixed places.
 */
#pragma once

#include "base/bytes.h"
#include "wire/rrtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rdata_field {
    FIELD_END,
    /* integers in network order; what they are called in text differs */
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_OCTAL16,   /* Chaosnet address */
    FIELD_TTL,       /* seconds; 1h30m in text */
    FIELD_TIME,      /* seconds since 1970; YYYYMMDDHHmmSS in text (RFC 4034 3.2) */
    FIELD_TYPE,      /* RR type */
    FIELD_ALGORITHM, /* DNSSEC algorithm; mnemonics taken */
    FIELD_DIGEST,    /* DS digest type; mnemonics taken */
    FIELD_CERT_TYPE, /* RFC 4398 2.1 */
    FIELD_KEY_FLAGS, /* RFC 2535 7.1 */
    FIELD_PROTOCOL,  /* KEY protocol (RFC 2535 7.1) */
    FIELD_SCHEME,    /* DSYNC scheme (RFC 9859) */
    /* addresses */
    FIELD_IPV4,
    FIELD_IPV6,
    FIELD_ILNP64, /* RFC 6742 2.1.2 */
    FIELD_EUI48,
    FIELD_EUI64,
    /* names */
    FIELD_NAME,
    FIELD_NAMES, /* any number, to the end */
    /* texts */
    FIELD_STRING,          /* <character-string> */
    FIELD_STRING_OPTIONAL, /* one or none, at the end */
    FIELD_STRINGS,         /* one or more, to the end */
    FIELD_TAG,             /* CAA property tag: length octet, letters and digits */
    FIELD_LONG_STRING,     /* the rest, without a length */
    FIELD_DIGITS,          /* X.25 address: a string of digits */
    /* octets */
    FIELD_SALT,            /* length octet; hex or "-" */
    FIELD_HASH,            /* length octet; base32hex (RFC 5155 3.3) */
    FIELD_HEX,             /* the rest, at least one octet */
    FIELD_BASE64,          /* the rest, at least one octet */
    FIELD_BASE64_OPTIONAL, /* the rest, may be empty */
    FIELD_BASE64_DASH,     /* the rest, "-" when empty */
    FIELD_NSAP,            /* the rest; 0x47.0005 (RFC 1706) */
    /* with a grammar of their own */
    FIELD_BITMAP,     /* RFC 4034 4.1.2 */
    FIELD_NXT_BITMAP, /* RFC 2535 5.2 */
    FIELD_SERVICES,   /* protocol and ports of WKS (RFC 1035 3.4.2) */
    FIELD_GATEWAY,    /* by the octet at 1 (RFC 4025 2.5) */
    FIELD_RELAY_TYPE, /* discovery bit and type (RFC 8777 4.2) */
    FIELD_RELAY,      /* by the octet at 1 */
    FIELD_HIP,        /* lengths, algorithm, HIT and key (RFC 8005 5) */
    FIELD_APL,        /* RFC 3123 4 */
    FIELD_LOC,        /* RFC 1876 2 */
    FIELD_SVCPARAMS,  /* RFC 9460 2.2 */
    FIELD_ATMA,       /* ATM Forum AF-SAA-0069 5 */
    FIELD_A6_PREFIX,  /* prefix length and suffix (RFC 2874 3.1) */
    FIELD_A6_NAME,    /* there when the octet at 0 is not 0 */
    FIELD_COUNT,
};

/* Layout of a type in a class; NULL when it is opaque. */
const uint8_t *rdata_layout(uint16_t type, uint16_t rrclass);

/* One step of a walk over rdata: the field's code and where it begins. FIELD_NAMES comes once for each name. */
typedef struct rdata_walk {
    const uint8_t *fields;
    byte_reader_t reader; /* on the rdata alone, except in rdata_read() */
} rdata_walk_t;

/* The next field to be moved over, or FIELD_END. */
uint8_t rdata_walk_next(rdata_walk_t *walk);
/* Moves over one field, checking its format; reader->failed when it does not fit. */
void rdata_skip(uint8_t code, byte_reader_t *reader);
/* Moves over a name that must not be compressed. */
void rdata_skip_name(byte_reader_t *reader);
/* Is there a domain name, and nothing else, at the reader's place? */
bool rdata_field_is_name(uint8_t code, const byte_reader_t *reader);
/* Which kind of gateway (IPSECKEY) or relay (AMTRELAY) follows. */
enum { GATEWAY_NONE = 0, GATEWAY_IPV4 = 1, GATEWAY_IPV6 = 2, GATEWAY_NAME = 3 };
unsigned rdata_gateway_type(uint8_t code, const uint8_t *rdata);

/* Checks with a grammar of their own: move reader over the field or set failed. */
void rdata_skip_bitmap(byte_reader_t *reader);
void rdata_skip_apl(byte_reader_t *reader);
void rdata_skip_svcparams(byte_reader_t *reader);

/* What is wrong with well-framed rdata by its type's own rules, as a sentence for people; NULL: nothing. Text with such content is
 * refused and such wire data is shown in \# form, but it is not refused from a peer, who may know better. */
const char *rdata_complaint(uint16_t type, const uint8_t *rdata, size_t length);
const char *rdata_svcparams_complaint(const uint8_t *params, size_t length);

/* The class in UPDATE messages says "no rdata here" (RFC 2136 2.4, 2.5). */
static inline bool rdata_may_be_absent(uint16_t rrclass)
{
    return rrclass == CLASS_ANY || rrclass == CLASS_NONE;
}
