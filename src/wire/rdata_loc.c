#include "wire/rdata_loc.h"

#include "wire/rdata_parse.h"
#include "wire/text.h"

enum {
    LOC_ALTITUDE_BASE_CM = 10000000, /* 100,000 m below the WGS 84 spheroid */
    LOC_SIZE_DEFAULT = 0x12,         /* 1 m */
    LOC_HORIZONTAL_DEFAULT = 0x16,   /* 10,000 m */
    LOC_VERTICAL_DEFAULT = 0x13,     /* 10 m */
    MILLISECONDS_A_DEGREE = 3600000,
};

static const uint32_t loc_middle = UINT32_C(1) << 31; /* the equator, the prime meridian */

/* Digits with up to `places` after a point, as an integer of the smallest place: "1.5" with 3 places is 1500. */
static bool scan_decimal(const char *text, const char *end, unsigned places, uint64_t *value)
{
    uint64_t sum = 0;
    unsigned digits = 0;
    unsigned after = 0;
    bool point = false;
    for (; text < end; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        unsigned digit = (unsigned char)*text - (unsigned)'0';
        if (digit > 9 || ++digits > 15 || (point && ++after > places)) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    for (; after < places; after++) {
        sum *= 10;
    }
    *value = sum;
    return digits > 0;
}

/* What one direction needs. */
typedef struct angle_form {
    char positive;
    char negative;
    uint32_t degrees_max;
    const char *expected;
} angle_form_t;

static const angle_form_t latitude = {'N', 'S', 90, "latitude as in \"52 22 23.000 N\""};
static const angle_form_t longitude = {'E', 'W', 180, "longitude as in \"4 53 32.000 E\""};

/* N, S, E, W as the form has them: 1, -1; 0 otherwise. */
static int hemisphere(const rdata_parser_t *parser, const angle_form_t *form)
{
    if (parser->token.length != 1) {
        return 0;
    }
    char c = (char)(parser->token.text[0] & ~0x20);
    return c == form->positive ? 1 : c == form->negative ? -1 : 0;
}

/* Degrees, then minutes and seconds if given, then the hemisphere. */
static status_t parse_angle(rdata_parser_t *parser, const angle_form_t *form)
{
    static const uint32_t unit_ms[] = {MILLISECONDS_A_DEGREE, 60000, 1};
    const uint64_t maximum[] = {form->degrees_max, 59, 59999};
    uint64_t sum = 0;
    for (unsigned part = 0; part < 4; part++) {
        status_t status = rdata_take_word(parser, form->expected);
        if (status != STATUS_OK) {
            return status;
        }
        int sign = part > 0 ? hemisphere(parser, form) : 0;
        if (sign != 0) {
            if (sum > (uint64_t)form->degrees_max * MILLISECONDS_A_DEGREE) {
                return rdata_fail(parser, STATUS_INVALID, NULL, "the angle is more than %u degrees", form->degrees_max);
            }
            byte_write_u32(&parser->writer, sign > 0 ? loc_middle + (uint32_t)sum : loc_middle - (uint32_t)sum);
            return STATUS_OK;
        }
        uint64_t value;
        const rdata_token_t *token = &parser->token;
        if (part == 3 || !scan_decimal(token->text, token->text + token->length, part == 2 ? 3 : 0, &value) || value > maximum[part]) {
            break;
        }
        sum += value * unit_ms[part];
    }
    return rdata_unexpected(parser, form->expected);
}

/* Metres, with an "m" behind if the writer likes, in centimetres. */
static bool scan_metres(const rdata_parser_t *parser, uint64_t maximum_cm, uint64_t *cm)
{
    const char *text = parser->token.text;
    const char *end = text + parser->token.length;
    if (end > text && (end[-1] | 0x20) == 'm') {
        end--;
    }
    return !parser->token.quoted && scan_decimal(text, end, 2, cm) && *cm <= maximum_cm;
}

static status_t parse_altitude(rdata_parser_t *parser)
{
    const char *expected = "altitude in metres, from -100000.00m to 42849672.95m,";
    status_t status = rdata_take_word(parser, expected);
    if (status != STATUS_OK) {
        return status;
    }
    rdata_token_t whole = parser->token;
    bool below = whole.length > 0 && whole.text[0] == '-';
    bool is_signed = below || (whole.length > 0 && whole.text[0] == '+');
    parser->token.text += is_signed;
    parser->token.length -= is_signed;
    uint64_t cm;
    bool good = scan_metres(parser, below ? LOC_ALTITUDE_BASE_CM : UINT32_MAX - LOC_ALTITUDE_BASE_CM, &cm);
    parser->token = whole;
    if (!good) {
        return rdata_unexpected(parser, expected);
    }
    byte_write_u32(&parser->writer, below ? LOC_ALTITUDE_BASE_CM - (uint32_t)cm : LOC_ALTITUDE_BASE_CM + (uint32_t)cm);
    return STATUS_OK;
}

/* One digit and a power of ten, of centimetres (RFC 1876 2). */
static uint8_t pack_size(uint64_t cm)
{
    unsigned exponent = 0;
    while (cm > 9) {
        cm /= 10;
        exponent++;
    }
    return (uint8_t)(cm << 4 | exponent);
}

status_t rdata_parse_loc(rdata_parser_t *parser)
{
    uint8_t *head = byte_reserve(&parser->writer, 4);
    if (!head) {
        return rdata_too_long(parser);
    }
    head[0] = 0;
    head[1] = LOC_SIZE_DEFAULT;
    head[2] = LOC_HORIZONTAL_DEFAULT;
    head[3] = LOC_VERTICAL_DEFAULT;
    status_t status = parse_angle(parser, &latitude);
    if (status == STATUS_OK) {
        status = parse_angle(parser, &longitude);
    }
    if (status == STATUS_OK) {
        status = parse_altitude(parser);
    }
    for (unsigned i = 1; i < 4 && status == STATUS_OK; i++) {
        bool taken;
        status = rdata_take_if_any(parser, &taken);
        if (status != STATUS_OK || !taken) {
            break;
        }
        uint64_t cm;
        if (!scan_metres(parser, UINT64_C(9000000000), &cm)) {
            return rdata_unexpected(parser, "size or precision in metres, up to 90000000.00m,");
        }
        head[i] = pack_size(cm);
    }
    return status;
}

static void print_angle(uint32_t angle, const angle_form_t *form, buffer_t *out)
{
    uint32_t ms = angle > loc_middle ? angle - loc_middle : loc_middle - angle;
    buffer_printf(out, "%u %u %u.%03u %c ", ms / MILLISECONDS_A_DEGREE, ms / 60000 % 60, ms / 1000 % 60, ms % 1000,
                  angle < loc_middle ? form->negative : form->positive);
}

static void print_size(uint8_t size, buffer_t *out)
{
    uint64_t cm = size >> 4;
    for (unsigned i = size & 15; i > 0; i--) {
        cm *= 10;
    }
    buffer_append_byte(out, ' ');
    text_append_u64(out, cm / 100);
    if (cm % 100 > 0) {
        buffer_printf(out, ".%02u", (unsigned)(cm % 100));
    }
    buffer_append_byte(out, 'm');
}

void rdata_print_loc(const uint8_t *rdata, buffer_t *out)
{
    print_angle(load_be32(rdata + 4), &latitude, out);
    print_angle(load_be32(rdata + 8), &longitude, out);
    uint32_t altitude = load_be32(rdata + 12);
    bool below = altitude < LOC_ALTITUDE_BASE_CM;
    uint32_t cm = below ? LOC_ALTITUDE_BASE_CM - altitude : altitude - LOC_ALTITUDE_BASE_CM;
    buffer_printf(out, "%s%u.%02um", below ? "-" : "", cm / 100, cm % 100);
    print_size(rdata[1], out);
    print_size(rdata[2], out);
    print_size(rdata[3], out);
}
