/* Formats of the fields with windows and items, and the rules of single types that go beyond the format. */
#include "wire/rdata.h"
#include "wire/rdata_field.h"
#include "wire/rrtype.h"

#include <string.h>

/* RFC 4034 4.1.2: windows in increasing order, of 1 to 32 octets. */
void rdata_skip_bitmap(byte_reader_t *reader)
{
    int last = -1;
    while (byte_reader_left(reader) > 0 && !reader->failed) {
        uint8_t window = byte_read_u8(reader);
        uint8_t size = byte_read_u8(reader);
        byte_read(reader, size);
        if (window <= last || size < 1 || size > 32) {
            reader->failed = true;
        }
        last = window;
    }
}

enum { APL_IPV4 = 1, APL_IPV6 = 2 };

/* RFC 3123 4. Items of other address families are taken as they are. */
void rdata_skip_apl(byte_reader_t *reader)
{
    while (byte_reader_left(reader) > 0 && !reader->failed) {
        uint16_t family = byte_read_u16(reader);
        uint8_t prefix = byte_read_u8(reader);
        uint8_t size = byte_read_u8(reader) & 0x7f;
        byte_read(reader, size);
        if ((family == APL_IPV4 && (prefix > 32 || size > 4)) || (family == APL_IPV6 && (prefix > 128 || size > 16))) {
            reader->failed = true;
        }
    }
}

static const char *apl_complaint(const uint8_t *rdata, size_t length)
{
    byte_reader_t reader = byte_reader(rdata, length);
    while (byte_reader_left(&reader) > 0) {
        uint16_t family = byte_read_u16(&reader);
        byte_read_u8(&reader);
        uint8_t size = byte_read_u8(&reader) & 0x7f;
        const uint8_t *address = byte_read(&reader, size);
        if (family != APL_IPV4 && family != APL_IPV6) {
            return "APL items of this address family have no text form";
        }
        if (address && size > 0 && address[size - 1] == 0) {
            return "an APL address ends in zero octets, which must be left out (RFC 3123 4)";
        }
    }
    return NULL;
}

static const char *bitmap_complaint(const uint8_t *bitmap, size_t length)
{
    byte_reader_t reader = byte_reader(bitmap, length);
    while (byte_reader_left(&reader) > 0) {
        byte_read_u8(&reader);
        uint8_t size = byte_read_u8(&reader);
        const uint8_t *bits = byte_read(&reader, size);
        if (bits && size > 0 && bits[size - 1] == 0) {
            return "the type bitmap has zero octets at the end of a window (RFC 4034 4.1.2)";
        }
    }
    return NULL;
}

/* The field that begins with the bitmap is always the last. */
static const char *bitmap_at_end_complaint(uint16_t type, const uint8_t *rdata, size_t length)
{
    rdata_walk_t walk = {.fields = rdata_layout(type, CLASS_IN), .reader = byte_reader(rdata, length)};
    uint8_t code;
    while ((code = rdata_walk_next(&walk)) != FIELD_END && code != FIELD_BITMAP) {
        rdata_skip(code, &walk.reader);
    }
    return bitmap_complaint(rdata + walk.reader.position, byte_reader_left(&walk.reader));
}

/* RFC 2535 5.2: one string of bits, the first octet's first bit zero, types below 128. */
static const char *nxt_complaint(const uint8_t *rdata, size_t length)
{
    byte_reader_t reader = byte_reader(rdata, length);
    rdata_skip_name(&reader);
    size_t size = byte_reader_left(&reader);
    const uint8_t *bits = rdata + reader.position;
    if (size == 0) {
        return NULL;
    }
    return size > 16 || bits[size - 1] == 0 || (bits[0] & 0x80) ? "the NXT bitmap is not one that RFC 2535 5.2 allows" : NULL;
}

static const char *services_complaint(const uint8_t *rdata, size_t length)
{
    return length > 5 && rdata[length - 1] == 0 ? "the WKS bitmap has zero octets at its end" : NULL;
}

/* Digest sizes that RFC 4034, 4509, 5933 and 6605 fix. */
static const char *ds_complaint(uint16_t type, const uint8_t *rdata, size_t length)
{
    size_t size = length - 4;
    /* RFC 8078 4: "0 0 0 00" in a CDS asks for the DS to be deleted. */
    if (type == TYPE_CDS && load_be32(rdata) == 0) {
        return size == 1 && rdata[4] == 0 ? NULL : "a CDS that asks for deletion is \"0 0 0 00\" (RFC 8078 4)";
    }
    switch (rdata[3]) {
    case 1:
        return size == 20 ? NULL : "a SHA-1 digest has 20 octets (40 hexadecimal digits)";
    case 2:
        return size == 32 ? NULL : "a SHA-256 digest has 32 octets (64 hexadecimal digits)";
    case 3:
        return size == 32 ? NULL : "a GOST R 34.11-94 digest has 32 octets (64 hexadecimal digits)";
    case 4:
        return size == 48 ? NULL : "a SHA-384 digest has 48 octets (96 hexadecimal digits)";
    default:
        return NULL;
    }
}

/* RFC 8976 2.2.3 and 2.2.4. */
static const char *zonemd_complaint(const uint8_t *rdata, size_t length)
{
    size_t size = length - 6;
    if (size < 12) {
        return "a ZONEMD digest has at least 12 octets (24 hexadecimal digits)";
    }
    if (rdata[4] != 1) {
        return NULL; /* the sizes belong to the SIMPLE scheme's hash algorithms */
    }
    if (rdata[5] == 1 && size != 48) {
        return "a SHA-384 digest has 48 octets (96 hexadecimal digits)";
    }
    return rdata[5] == 2 && size != 64 ? "a SHA-512 digest has 64 octets (128 hexadecimal digits)" : NULL;
}

static const char *caa_complaint(const uint8_t *rdata)
{
    for (unsigned i = 0; i < rdata[1]; i++) {
        uint8_t c = rdata[2 + i];
        uint8_t letter = c | 0x20;
        if (!((c >= '0' && c <= '9') || (letter >= 'a' && letter <= 'z'))) {
            return "a CAA property tag consists of letters and digits (RFC 8659 4.1)";
        }
    }
    return NULL;
}

static bool loc_size_is_good(uint8_t size)
{
    return size >> 4 <= 9 && (size & 15) <= 9 && (size >> 4 > 0 || size == 0);
}

static bool loc_angle_is_good(uint32_t angle, uint32_t degrees_max)
{
    const uint32_t middle = UINT32_C(1) << 31;
    uint32_t distance = angle > middle ? angle - middle : middle - angle;
    return distance <= degrees_max * 3600000u;
}

static const char *loc_complaint(const uint8_t *rdata)
{
    if (rdata[0] != 0) {
        return "only version 0 of LOC has a text form (RFC 1876 2)";
    }
    if (!loc_size_is_good(rdata[1]) || !loc_size_is_good(rdata[2]) || !loc_size_is_good(rdata[3])) {
        return "a LOC size or precision is not a digit and a power of ten (RFC 1876 2)";
    }
    return loc_angle_is_good(load_be32(rdata + 4), 90) && loc_angle_is_good(load_be32(rdata + 8), 180)
               ? NULL
               : "the LOC position is not on earth: latitude up to 90, longitude up to 180 degrees";
}

static const char *x25_complaint(const uint8_t *rdata)
{
    bool good = rdata[0] >= 4;
    for (unsigned i = 0; i < rdata[0]; i++) {
        good = good && rdata[1 + i] >= '0' && rdata[1 + i] <= '9';
    }
    return good ? NULL : "an X.25 address has four or more digits and nothing else (RFC 1183 3.1)";
}

static const char *atma_complaint(const uint8_t *rdata, size_t length)
{
    if (rdata[0] == 0) {
        return NULL;
    }
    bool good = rdata[0] == 1;
    for (size_t i = 1; i < length; i++) {
        good = good && rdata[i] >= '0' && rdata[i] <= '9';
    }
    return good ? NULL : "an ATM address is in AESA or E.164 format";
}

/* Bits in front of the suffix are written as zero (RFC 2874 3.1). */
static const char *a6_complaint(const uint8_t *rdata)
{
    unsigned spare = rdata[0] % 8u;
    return rdata[0] < 128 && spare > 0 && (rdata[1] >> (8 - spare)) != 0 ? "the A6 suffix has bits set that belong to the prefix" : NULL;
}

/* RFC 2535 3.1.2: both top bits set mean that there is no key. */
static const char *key_complaint(const uint8_t *rdata, size_t length)
{
    bool no_key = (rdata[0] & 0xc0) == 0xc0;
    if (no_key == (length == 4)) {
        return NULL;
    }
    return no_key ? "the KEY flags say that there is no key, but one follows" : "the public key is missing";
}

static const char *svcb_complaint(const uint8_t *rdata, size_t length)
{
    byte_reader_t reader = byte_reader(rdata, length);
    byte_read_u16(&reader);
    rdata_skip_name(&reader);
    return rdata_svcparams_complaint(rdata + reader.position, byte_reader_left(&reader));
}

const char *rdata_complaint(uint16_t type, const uint8_t *rdata, size_t length)
{
    switch (type) {
    case TYPE_APL:
        return apl_complaint(rdata, length);
    case TYPE_NSEC:
    case TYPE_NSEC3:
    case TYPE_CSYNC:
        return bitmap_at_end_complaint(type, rdata, length);
    case TYPE_NXT:
        return nxt_complaint(rdata, length);
    case TYPE_WKS:
        return services_complaint(rdata, length);
    case TYPE_DS:
    case TYPE_CDS:
    case TYPE_TA:
    case TYPE_DLV:
        return ds_complaint(type, rdata, length);
    case TYPE_ZONEMD:
        return zonemd_complaint(rdata, length);
    case TYPE_CAA:
        return caa_complaint(rdata);
    case TYPE_URI:
        return length > 4 ? NULL : "the target of a URI record must not be empty (RFC 7553 4.4)";
    case TYPE_LOC:
        return loc_complaint(rdata);
    case TYPE_X25:
        return x25_complaint(rdata);
    case TYPE_ATMA:
        return atma_complaint(rdata, length);
    case TYPE_A6:
        return a6_complaint(rdata);
    case TYPE_KEY:
        return key_complaint(rdata, length);
    case TYPE_IPSECKEY:
        return rdata[1] <= GATEWAY_NAME ? NULL : "the gateway type is 0 (none), 1 (IPv4), 2 (IPv6) or 3 (name)";
    case TYPE_AMTRELAY:
        return (rdata[1] & 0x7f) <= GATEWAY_NAME ? NULL : "the relay type is 0 (none), 1 (IPv4), 2 (IPv6) or 3 (name)";
    case TYPE_SVCB:
    case TYPE_HTTPS:
        return svcb_complaint(rdata, length);
    default:
        return NULL;
    }
}
