#include "control/value.h"

#include "base/diagnostic.h"
#include "base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct unit {
    const char *text;
    uint64_t factor;
} unit_t;

static const unit_t durations[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const unit_t seconds[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {NULL, 0}};
static const unit_t sizes[] = {{"B", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {NULL, 0}};

status_t value_invalid(value_error_t *error, size_t at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->at = at;
    return STATUS_INVALID;
}

static bool is_text(const char *text, size_t length, const char *word)
{
    return word && strlen(word) == length && memcmp(text, word, length) == 0;
}

/* ---- numbers ---- */

/* Digits at text[*at]; false if there are none. What leaves 64 bits becomes their largest number. */
static bool read_digits(const char *text, size_t length, size_t *at, uint64_t *number)
{
    size_t start = *at;
    *number = 0;
    for (; *at < length && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
        if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, (uint64_t)(text[*at] - '0'), number)) {
            *number = UINT64_MAX / 10 + 1; /* overflows again at the next digit */
        }
    }
    return *at > start;
}

/* The unit at text[*at]: the longest letters there must be one of the table. */
static const unit_t *read_unit(const char *text, size_t length, size_t *at, const unit_t *units)
{
    size_t end = *at;
    while (end < length && ((text[end] | 0x20) >= 'a' && (text[end] | 0x20) <= 'z')) {
        end++;
    }
    for (; units->text; units++) {
        if (is_text(text + *at, end - *at, units->text)) {
            *at = end;
            return units;
        }
    }
    return NULL;
}

static void print_number(const config_item_t *item, uint64_t number, buffer_t *out)
{
    const unit_t *units = item->type == CONFIG_DURATION ? durations : item->type == CONFIG_SECONDS ? seconds : NULL;
    const unit_t *best = units;
    for (; units && units->text && number > 0; units++) {
        best = number % units->factor == 0 ? units : best;
    }
    buffer_printf(out, "%llu%s", (unsigned long long)(best ? number / best->factor : number), best ? best->text : "");
}

static status_t store_number(const config_item_t *item, uint64_t number, void *field, value_error_t *error)
{
    if (number < item->minimum || number > item->maximum) {
        buffer_t range;
        buffer_init(&range, sizeof error->hint);
        print_number(item, item->minimum, &range);
        buffer_append_text(&range, " to ");
        print_number(item, item->maximum, &range);
        status_t status =
            value_invalid(error, 0, "too %s: %s is allowed here", number < item->minimum ? "small" : "large", buffer_text(&range));
        buffer_clear(&range);
        return status;
    }
    if (item->size == sizeof(uint16_t)) {
        uint16_t narrow = (uint16_t)number;
        memcpy(field, &narrow, sizeof narrow);
    } else if (item->size == sizeof(unsigned)) {
        unsigned plain = (unsigned)number;
        memcpy(field, &plain, sizeof plain);
    } else {
        REQUIRE(item->size == sizeof number);
        memcpy(field, &number, sizeof number);
    }
    return STATUS_OK;
}

static status_t parse_integer(const config_item_t *item, const char *text, size_t length, void *field, value_error_t *error)
{
    size_t at = 0;
    uint64_t number;
    if (!read_digits(text, length, &at, &number)) {
        return value_invalid(error, 0, "a whole number%s%s%s expected, got \"%.*s\"", item->none ? " or \"" : "",
                             item->none ? item->none : "", item->none ? "\"" : "", value_shown(length), text);
    }
    if (at < length) {
        return value_invalid(error, at, "a whole number expected, got \"%.*s\"", value_shown(length), text);
    }
    return store_number(item, number, field, error);
}

static status_t parse_size(const config_item_t *item, const char *text, size_t length, void *field, value_error_t *error)
{
    size_t at = 0;
    uint64_t number;
    if (!read_digits(text, length, &at, &number)) {
        return value_invalid(error, 0, "a size expected, got \"%.*s\"", value_shown(length), text);
    }
    const unit_t *unit = at < length ? read_unit(text, length, &at, sizes) : sizes;
    if (!unit || at < length) {
        snprintf(error->hint, sizeof error->hint, "plain bytes, or B, KiB, MiB, GiB");
        return value_invalid(error, at, "\"%.*s\" is not a unit of size", value_shown(length - at), text + at);
    }
    if (__builtin_mul_overflow(number, unit->factor, &number)) {
        number = UINT64_MAX;
    }
    return store_number(item, number, field, error);
}

/* A duration in units of its table. */
static status_t read_duration(const unit_t *units, const char *text, size_t length, uint64_t *number, value_error_t *error)
{
    const char *units_text = units == seconds ? "units are s, m, h and d: 10s, 1m30s" : "units are ms, s, m, h and d: 500ms, 10s, 1m30s";
    uint64_t total = 0;
    for (size_t at = 0; at < length || length == 0;) {
        uint64_t part;
        if (!read_digits(text, length, &at, &part)) {
            snprintf(error->hint, sizeof error->hint, "%s", units_text);
            return value_invalid(error, at, "a duration expected, got \"%.*s\"", value_shown(length), text);
        }
        if (at == length) {
            snprintf(error->hint, sizeof error->hint, "%.*ss, or another unit: %s", value_shown(length), text, units_text);
            return value_invalid(error, 0, "the unit of \"%.*s\" is missing", value_shown(length), text);
        }
        const unit_t *unit = read_unit(text, length, &at, units);
        if (!unit) {
            snprintf(error->hint, sizeof error->hint, "%s", units_text);
            return value_invalid(error, at, "\"%.*s\" is not a unit of time", value_shown(length - at), text + at);
        }
        if (__builtin_mul_overflow(part, unit->factor, &part) || __builtin_add_overflow(total, part, &total)) {
            total = UINT64_MAX;
            break;
        }
    }
    *number = total;
    return STATUS_OK;
}

static status_t parse_duration(const config_item_t *item, const char *text, size_t length, void *field, value_error_t *error)
{
    uint64_t number;
    status_t status = read_duration(item->type == CONFIG_SECONDS ? seconds : durations, text, length, &number, error);
    return status == STATUS_OK ? store_number(item, number, field, error) : status;
}

status_t value_parse_seconds(const char *text, size_t length, uint64_t *number, value_error_t *error)
{
    *error = (value_error_t){.at = 0};
    return read_duration(seconds, text, length, number, error);
}

/* ---- ports ---- */

static status_t parse_ports(const char *text, size_t length, void *field, value_error_t *error)
{
    uint64_t low;
    uint64_t high = 0;
    size_t at = 0;
    bool good = read_digits(text, length, &at, &low);
    size_t dash = at;
    if (good && at < length && text[at] == '-') {
        at++;
        good = read_digits(text, length, &at, &high);
    } else {
        good = false;
    }
    if (!good || at < length) {
        snprintf(error->hint, sizeof error->hint, "16384-65535");
        return value_invalid(error, 0, "a range of ports expected, got \"%.*s\"", value_shown(length), text);
    }
    if (low < 1 || high > UINT16_MAX) {
        return value_invalid(error, low < 1 ? 0 : dash + 1, "ports are numbers from 1 to 65535");
    }
    if (low > high) {
        return value_invalid(error, dash + 1, "the range ends before it begins");
    }
    uint16_t ports[2] = {(uint16_t)low, (uint16_t)high};
    memcpy(field, ports, sizeof ports);
    return STATUS_OK;
}

/* ---- words ---- */

static status_t parse_boolean(const char *text, size_t length, void *field, value_error_t *error)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (is_text(text, length, words[i])) {
            bool value = i % 2 == 1;
            memcpy(field, &value, sizeof value);
            return STATUS_OK;
        }
    }
    return value_invalid(error, 0, "yes or no expected, got \"%.*s\"", value_shown(length), text);
}

static status_t parse_choice(const config_item_t *item, const char *text, size_t length, void *field, value_error_t *error)
{
    enum { CHOICES_MAX = 16 };
    const char *names[CHOICES_MAX + 1];
    size_t count = 0;
    buffer_t list;
    buffer_init(&list, sizeof error->message / 2);
    for (const config_choice_t *choice = item->choices; choice->text && count < CHOICES_MAX; choice++) {
        if (is_text(text, length, choice->text)) {
            if (item->size == sizeof(bool)) {
                bool value = choice->value != 0;
                memcpy(field, &value, sizeof value);
            } else {
                REQUIRE(item->size == sizeof choice->value);
                memcpy(field, &choice->value, sizeof choice->value);
            }
            buffer_clear(&list);
            return STATUS_OK;
        }
        buffer_append_text(&list, count == 0 ? "" : choice[1].text ? ", " : " or ");
        buffer_append_text(&list, choice->text);
        names[count++] = choice->text;
    }
    names[count] = NULL;
    status_t status = value_invalid(error, 0, "%s expected, got \"%.*s\"", buffer_text(&list), value_shown(length), text);
    buffer_clear(&list);
    const char *near = diagnostics_suggest(text, length, names);
    if (near) {
        snprintf(error->hint, sizeof error->hint, "did you mean %s?", near);
    }
    return status;
}

static status_t check_text(const config_item_t *item, const char *text, size_t length, value_error_t *error)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return value_invalid(error, i, "a control character (0x%02x) may not stand here", (unsigned)(unsigned char)text[i]);
        }
    }
    if (length < item->minimum) {
        return value_invalid(error, 0, "the text is empty");
    }
    if (length > item->maximum) {
        return value_invalid(error, 0, "the text is longer than %llu bytes", (unsigned long long)item->maximum);
    }
    return STATUS_OK;
}

static status_t parse_text(const config_item_t *item, const char *text, size_t length, const value_context_t *context, void *field,
                           value_error_t *error)
{
    status_t status = check_text(item, text, length, error);
    if (status != STATUS_OK) {
        return status;
    }
    size_t drop = length >= 2 && text[0] == '.' && text[1] == '/' ? 2 : 0;
    bool joined = item->type == CONFIG_PATH && text[0] != '/';
    size_t prefix = joined ? strlen(context->directory) : 0;
    if (!joined) {
        drop = 0;
    } else if (prefix + 1 + length - drop > item->maximum) {
        return value_invalid(error, 0, "the path is longer than %llu bytes with its directory", (unsigned long long)item->maximum);
    }
    char *copy = arena_alloc(context->arena, prefix + 1 + length + 1);
    if (!copy) {
        return STATUS_NO_MEMORY;
    }
    size_t used = prefix;
    memcpy(copy, joined ? context->directory : "", prefix);
    if (joined && (prefix == 0 || copy[prefix - 1] != '/')) {
        copy[used++] = '/';
    }
    memcpy(copy + used, text + drop, length - drop);
    copy[used + length - drop] = 0;
    memcpy(field, &copy, sizeof copy);
    return STATUS_OK;
}

static void store_nothing(const config_item_t *item, void *field)
{
    memset(field, 0, item->size);
}

status_t value_parse(const config_item_t *item, const char *text, size_t length, const value_context_t *context, void *field,
                     value_error_t *error)
{
    *error = (value_error_t){.at = 0};
    if (is_text(text, length, item->none)) {
        store_nothing(item, field);
        return STATUS_OK;
    }
    switch (item->type) {
    case CONFIG_BOOLEAN:
        return parse_boolean(text, length, field, error);
    case CONFIG_INTEGER:
        return parse_integer(item, text, length, field, error);
    case CONFIG_SIZE:
        return parse_size(item, text, length, field, error);
    case CONFIG_PORTS:
        return parse_ports(text, length, field, error);
    case CONFIG_DURATION:
    case CONFIG_SECONDS:
        return parse_duration(item, text, length, field, error);
    case CONFIG_CHOICE:
        return parse_choice(item, text, length, field, error);
    case CONFIG_TEXT:
    case CONFIG_PATH:
        return parse_text(item, text, length, context, field, error);
    default:
        return value_invalid(error, 0, "not a single value");
    }
}

/* ---- back to text ---- */

static uint64_t load_number(const config_item_t *item, const void *field)
{
    if (item->size == sizeof(uint16_t)) {
        uint16_t narrow;
        memcpy(&narrow, field, sizeof narrow);
        return narrow;
    }
    if (item->size == sizeof(uint64_t)) {
        uint64_t wide;
        memcpy(&wide, field, sizeof wide);
        return wide;
    }
    unsigned plain;
    memcpy(&plain, field, sizeof plain);
    return plain;
}

static void print_choice(const config_item_t *item, const void *field, buffer_t *out)
{
    for (const config_choice_t *choice = item->choices; choice->text; choice++) {
        bool same;
        if (item->size == sizeof(bool)) {
            bool value;
            memcpy(&value, field, sizeof value);
            same = (choice->value != 0) == value;
        } else {
            same = memcmp(field, &choice->value, sizeof choice->value) == 0;
        }
        if (same) {
            buffer_append_text(out, choice->text);
            return;
        }
    }
}

void value_print(const config_item_t *item, const void *field, buffer_t *out)
{
    const char *text;
    switch (item->type) {
    case CONFIG_BOOLEAN:
        buffer_append_text(out, *(const bool *)field ? "yes" : "no");
        return;
    case CONFIG_CHOICE:
        print_choice(item, field, out);
        return;
    case CONFIG_TEXT:
    case CONFIG_PATH:
        memcpy(&text, field, sizeof text);
        buffer_append_text(out, text ? text : item->none ? item->none : "");
        return;
    case CONFIG_PORTS: {
        uint16_t ports[2];
        memcpy(ports, field, sizeof ports);
        if (ports[0] == 0) {
            buffer_append_text(out, item->none);
        } else {
            buffer_printf(out, "%u-%u", ports[0], ports[1]);
        }
        return;
    }
    default:
        if (item->none && load_number(item, field) == 0) {
            buffer_append_text(out, item->none);
        } else {
            print_number(item, load_number(item, field), out);
        }
    }
}
