#include "wire/text.h"

#include <arpa/inet.h>
#include <string.h>

bool text_equal(const char *text, size_t length, const char *word)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char a = (unsigned char)text[i];
        unsigned char b = (unsigned char)word[i];
        a = a >= 'A' && a <= 'Z' ? a + 32 : a;
        b = b >= 'A' && b <= 'Z' ? b + 32 : b;
        if (a != b || b == 0) {
            return false;
        }
    }
    return word[length] == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_to_u64(const char *text, size_t length, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]) || __builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(text[i] - '0'), &sum)) {
            return false;
        }
    }
    *value = sum;
    return length > 0;
}

bool text_to_u32(const char *text, size_t length, uint32_t maximum, uint32_t *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        sum = sum * 10 + digit;
        if (digit > 9 || sum > maximum) {
            return false;
        }
    }
    *value = (uint32_t)sum;
    return length > 0;
}

static uint32_t unit_seconds(char unit)
{
    switch (unit | 0x20) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

bool text_to_ttl(const char *text, size_t length, uint32_t *seconds)
{
    if (text_to_u32(text, length, UINT32_MAX, seconds)) {
        return true;
    }
    uint64_t sum = 0;
    size_t i = 0;
    while (i < length) {
        size_t start = i;
        while (i < length && is_digit(text[i])) {
            i++;
        }
        uint32_t count;
        uint32_t unit = i < length ? unit_seconds(text[i]) : 0;
        if (unit == 0 || !text_to_u32(text + start, i - start, UINT32_MAX, &count)) {
            return false;
        }
        sum += (uint64_t)count * unit;
        if (sum > UINT32_MAX) {
            return false;
        }
        i++;
    }
    *seconds = (uint32_t)sum;
    return length > 0;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar: years are taken to begin in March, so that the leap day is the last. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    unsigned shifted = (month + 9) % 12;
    int64_t day_of_year = (153 * shifted + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719468;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

static unsigned two_digits(const char *text)
{
    return (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
}

bool text_to_time(const char *text, size_t length, uint32_t *seconds)
{
    if (length != 14) {
        return length <= 10 && text_to_u32(text, length, UINT32_MAX, seconds);
    }
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
    }
    unsigned year = two_digits(text) * 100 + two_digits(text + 2);
    unsigned month = two_digits(text + 4);
    unsigned day = two_digits(text + 6);
    unsigned hour = two_digits(text + 8);
    unsigned minute = two_digits(text + 10);
    unsigned second = two_digits(text + 12);
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *seconds = (uint32_t)(days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second);
    return true;
}

bool text_to_ipv4(const char *text, size_t length, uint8_t address[static 4])
{
    const char *end = text + length;
    for (unsigned part = 0; part < 4; part++) {
        unsigned value = 0;
        unsigned digits = 0;
        for (; text < end && is_digit(*text) && digits < 4; text++, digits++) {
            value = value * 10 + (unsigned)(*text - '0');
        }
        if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && text[-(int)digits] == '0')) {
            return false;
        }
        address[part] = (uint8_t)value;
        if (part < 3 && (text == end || *text++ != '.')) {
            return false;
        }
    }
    return text == end;
}

bool text_to_ipv6(const char *text, size_t length, uint8_t address[static 16])
{
    const char *end = text + length;
    int gap = -1; /* octets in front of the "::" */
    int filled = 0;
    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        text += 2;
    }
    while (text < end) {
        const char *start = text;
        unsigned value = 0;
        int digit;
        while (text < end && (digit = text_hex_digit(*text)) >= 0 && text - start < 4) {
            value = value << 4 | (unsigned)digit;
            text++;
        }
        if (text < end && *text == '.' && filled <= 12 && text_to_ipv4(start, (size_t)(end - start), address + filled)) {
            filled += 4;
            break;
        }
        if (text == start || filled > 14) {
            return false;
        }
        store_be16(address + filled, (uint16_t)value);
        filled += 2;
        if (text == end) {
            break;
        }
        if (*text++ != ':' || text == end) {
            return false;
        }
        if (*text == ':') {
            if (gap >= 0) {
                return false;
            }
            gap = filled;
            text++;
        }
    }
    if (gap < 0) {
        return filled == 16;
    }
    if (filled > 14) {
        return false;
    }
    memmove(address + 16 - (filled - gap), address + gap, (size_t)(filled - gap));
    memset(address + gap, 0, (size_t)(16 - filled));
    return true;
}

int text_escape(const char **text, const char *end)
{
    const char *p = *text + 1;
    if (p == end) {
        return -1;
    }
    if (!is_digit(*p)) {
        *text = p + 1;
        return (unsigned char)*p;
    }
    if (end - p < 3 || !is_digit(p[1]) || !is_digit(p[2])) {
        return -1;
    }
    int value = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    if (value > 255) {
        return -1;
    }
    *text = p + 3;
    return value;
}

size_t text_from_u64(uint64_t value, char *out)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = digits[count - 1 - i];
    }
    return count;
}

void text_append_u64(buffer_t *out, uint64_t value)
{
    char digits[20];
    buffer_append(out, digits, text_from_u64(value, digits));
}

void text_append_time(buffer_t *out, uint32_t seconds)
{
    /* The inverse of days_from_date(), in eras of 400 years. */
    unsigned days = seconds / 86400 + 719468;
    unsigned of_day = seconds % 86400;
    unsigned era = days / 146097;
    unsigned of_era = days % 146097;
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    unsigned day = of_year - (153 * shifted + 2) / 5 + 1;
    unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
    unsigned year = era * 400 + year_of_era + (month <= 2);
    buffer_printf(out, "%04u%02u%02u%02u%02u%02u", year, month, day, of_day / 3600, of_day / 60 % 60, of_day % 60);
}

void text_append_ipv4(buffer_t *out, const uint8_t address[static 4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0) {
            buffer_append_byte(out, '.');
        }
        text_append_u64(out, address[i]);
    }
}

void text_append_ipv6(buffer_t *out, const uint8_t address[static 16])
{
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(AF_INET6, address, text, sizeof text)) {
        buffer_append_text(out, text);
    }
}

void text_append_escaped(buffer_t *out, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = data[i];
        if (c < 0x20 || c > 0x7e) {
            const char escape[4] = {'\\', (char)('0' + c / 100), (char)('0' + c / 10 % 10), (char)('0' + c % 10)};
            buffer_append(out, escape, sizeof escape);
            continue;
        }
        if (c == '"' || c == '\\') {
            buffer_append_byte(out, '\\');
        }
        buffer_append_byte(out, c);
    }
}
