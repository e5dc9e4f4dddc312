#include "resolver/hints.h"

#include "base/require.h"
#include "wire/rrtype.h"
#include "zone/parser.h"

#include <string.h>

void hints_built_in(hints_t *hints)
{
    static const struct {
        const char *ipv4;
        const char *ipv6;
    } servers[HINTS_SERVERS_MAX] = {
        {"198.41.0.4", "2001:503:ba3e::2:30"},   {"170.247.170.2", "2801:1b8:10::b"},  {"192.33.4.12", "2001:500:2::c"},
        {"199.7.91.13", "2001:500:2d::d"},       {"192.203.230.10", "2001:500:a8::e"}, {"192.5.5.241", "2001:500:2f::f"},
        {"192.112.36.4", "2001:500:12::d0d"},    {"198.97.190.53", "2001:500:1::53"},  {"192.36.148.17", "2001:7fe::53"},
        {"192.58.128.30", "2001:503:c27::2:30"}, {"193.0.14.129", "2001:7fd::1"},      {"199.7.83.42", "2001:500:9f::42"},
        {"202.12.27.33", "2001:dc3::35"},
    };
    *hints = (hints_t){.count = HINTS_SERVERS_MAX};
    for (unsigned i = 0; i < HINTS_SERVERS_MAX; i++) {
        static const uint8_t name[] = "\1a\14root-servers\3net";
        hint_t *hint = &hints->servers[i];
        uint8_t own[sizeof name];
        memcpy(own, name, sizeof name);
        own[1] = (uint8_t)('a' + i);
        name_set(&hint->name, own);
        bool good = resolver_address_from_text(&hint->addresses[0], servers[i].ipv4, strlen(servers[i].ipv4)) &&
                    resolver_address_from_text(&hint->addresses[1], servers[i].ipv6, strlen(servers[i].ipv6));
        REQUIRE(good);
        hint->address_count = 2;
    }
}

static hint_t *find_hint(hints_t *hints, const uint8_t *name)
{
    for (unsigned i = 0; i < hints->count; i++) {
        if (name_equal(hints->servers[i].name.wire, name)) {
            return &hints->servers[i];
        }
    }
    return NULL;
}

static status_t take_name(void *context, const zone_record_t *record)
{
    hints_t *hints = context;
    if (record->type == TYPE_NS && record->owner[0] == 0 && hints->count < HINTS_SERVERS_MAX && !find_hint(hints, record->rdata)) {
        hint_t *hint = &hints->servers[hints->count++];
        name_set(&hint->name, record->rdata);
        name_lower(hint->name.wire, hint->name.length);
    }
    return STATUS_OK;
}

static status_t take_address(void *context, const zone_record_t *record)
{
    hint_t *hint = find_hint(context, record->owner);
    if (hint && hint->address_count < HINTS_ADDRESSES_MAX &&
        resolver_address_from_rdata(&hint->addresses[hint->address_count], record->type, record->rdata, record->rdlength)) {
        hint->address_count++;
    }
    return STATUS_OK;
}

status_t hints_parse(hints_t *hints, const char *text, size_t length, const char *file, diagnostics_t *diagnostics)
{
    static const uint8_t root[1 + NAME_PADDING] = {0};
    zone_parser_settings_t settings = {
        .origin = root,
        .rrclass = CLASS_IN,
        .file = file,
        .diagnostics = diagnostics,
        .ttl_is_optional = true,
        .record = take_name,
        .context = hints,
    };
    *hints = (hints_t){.count = 0};
    status_t status = zone_parse_text(&settings, text, length);
    if (status == STATUS_OK) { /* again for the addresses: they may stand before the names */
        diagnostics_t again;   /* warnings have been told */
        diagnostics_init(&again, 1);
        settings.record = take_address;
        settings.diagnostics = &again;
        status = zone_parse_text(&settings, text, length);
        diagnostics_clear(&again);
    }
    for (unsigned i = 0; status == STATUS_OK && i < hints->count; i++) {
        if (hints->servers[i].address_count > 0) {
            return STATUS_OK;
        }
    }
    return status == STATUS_OK ? STATUS_NOT_FOUND : status;
}
