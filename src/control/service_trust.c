/* What can be asked about trust, and changed of it. */
#include "control/service_commands.h"
#include "server/trust_view.h"

#include <string.h>

static status_t find_keeper(const control_exchange_t *exchange, trust_keeper_t **keeper, buffer_t *why)
{
    *keeper = server_trust_keeper(exchange->service->server);
    if (!*keeper || !server_settings(exchange->service->server)->recursion.enabled) {
        buffer_append_text(why, "this server trusts nobody, as it does not resolve");
        return STATUS_UNSUPPORTED;
    }
    return STATUS_OK;
}

/* STATUS_NOT_FOUND: the request names none. */
static status_t requested_name(const control_exchange_t *exchange, name_t *name, buffer_t *why)
{
    static const uint8_t root[NAME_PADDING] = {0};
    const json_t *value = json_object_get(exchange->request, "name");
    if (!value) {
        return STATUS_NOT_FOUND;
    }
    const char *text = json_string_value(value);
    if (!text || name_from_text(name, text, json_string_length(value), root, NULL) != STATUS_OK) {
        buffer_printf(why, "not a name: \"%.100s\"", text ? text : "");
        return STATUS_MALFORMED;
    }
    name_lower(name->wire, name->length);
    return STATUS_OK;
}

static status_t required_name(const control_exchange_t *exchange, name_t *name, buffer_t *why)
{
    status_t status = requested_name(exchange, name, why);
    if (status == STATUS_NOT_FOUND) {
        buffer_append_text(why, "which name? \"name\" is missing");
        return STATUS_MALFORMED;
    }
    return status;
}

static json_t *name_json(const uint8_t *wire)
{
    char text[NAME_TEXT_MAX];
    name_to_text(wire, text);
    return json_string(text);
}

static json_t *time_json(uint64_t seconds)
{
    return seconds == 0 ? json_null() : json_integer((json_int_t)seconds);
}

/* ---- trust show ---- */

typedef struct showing {
    buffer_t *out;
    json_t *point; /* with its keys so far; NULL: none yet */
} showing_t;

static void write_point(showing_t *showing)
{
    if (showing->point) {
        control_write_line(showing->out, json_pack("{s:o}", "item", showing->point));
        showing->point = NULL;
    }
}

static void show_point(void *context, const trust_point_view_t *point)
{
    showing_t *showing = context;
    write_point(showing);
    showing->point = json_pack("{s:s, s:o, s:b, s:b, s:I, s:o, s:o, s:[]}", "kind", "point", "zone", name_json(point->owner), "followed",
                               point->is_followed, "asking", point->is_asking, "trusted", (json_int_t)point->trusted, "seen",
                               time_json(point->seen_s), "next-query", time_json(point->next_query_s), "keys");
}

static void show_key(void *context, const trust_key_view_t *key)
{
    showing_t *showing = context;
    json_t *item = json_pack("{s:s, s:b, s:b, s:I, s:I, s:o, s:o, s:o}", "state", key->state, "trusted", key->is_trusted, "configured",
                             key->is_configured, "tag", (json_int_t)key->tag, "algorithm", (json_int_t)key->algorithm, "digest",
                             key->digest_type < 0 ? json_null() : json_integer(key->digest_type), "since", time_json(key->since_s),
                             "acceptable", time_json(key->acceptable_s));
    json_array_append_new(json_object_get(showing->point, "keys"), item);
}

static void show_negative(void *context, const trust_negative_view_t *negative)
{
    showing_t *showing = context;
    write_point(showing);
    control_write_line(showing->out, json_pack("{s:{s:s, s:o, s:b, s:o, s:o}}", "item", "kind", "negative", "name",
                                               name_json(negative->name), "configured", negative->is_configured, "since",
                                               time_json(negative->since_s), "until", time_json(negative->until_s)));
}

status_t control_trust_show(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    trust_keeper_t *keeper;
    status_t status = find_keeper(exchange, &keeper, why);
    if (status != STATUS_OK) {
        return status;
    }
    const recursion_settings_t *recursion = &server_settings(exchange->service->server)->recursion;
    showing_t showing = {.out = exchange->out};
    const trust_visitor_t visitor = {.context = &showing, .point = show_point, .key = show_key, .negative = show_negative};
    trust_keeper_visit(keeper, &visitor);
    write_point(&showing);
    *result = json_pack("{s:b, s:b}", "validate", recursion->resolver.validate, "follow-rollovers", recursion->update_anchors);
    return *result ? STATUS_OK : STATUS_NO_MEMORY;
}

/* ---- trust refresh ---- */

status_t control_trust_refresh(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    trust_keeper_t *keeper;
    name_t name;
    unsigned asked;
    status_t status = find_keeper(exchange, &keeper, why);
    if (status != STATUS_OK) {
        return status;
    }
    status = requested_name(exchange, &name, why);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    status = trust_keeper_refresh(keeper, status == STATUS_OK ? name.wire : NULL, &asked);
    if (status == STATUS_UNSUPPORTED) {
        buffer_append_text(why, "this server does not follow changes of keys (resolver: follow-rollovers, validate, trust-anchors)");
    } else if (status == STATUS_NOT_FOUND) {
        buffer_append_text(why, "there is no trust anchor for this very name");
    }
    *result = status == STATUS_OK ? json_pack("{s:I}", "asked", (json_int_t)asked) : NULL;
    return status;
}

/* ---- negative trust anchors ---- */

status_t control_nta_add(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    trust_keeper_t *keeper;
    name_t name;
    const json_t *life = json_object_get(exchange->request, "for");
    status_t status = find_keeper(exchange, &keeper, why);
    status = status == STATUS_OK ? required_name(exchange, &name, why) : status;
    if (status != STATUS_OK) {
        return status;
    }
    json_int_t life_s = life ? json_integer_value(life) : NEGATIVE_ANCHOR_LIFE_S;
    status = life_s > 0 ? trust_keeper_ignore(keeper, &name, (uint64_t)life_s) : STATUS_INVALID;
    if (status == STATUS_INVALID) {
        buffer_append_text(why, "a negative trust anchor lasts a week at most (RFC 7646), and at least a second");
    } else if (status == STATUS_LIMIT) {
        buffer_printf(why, "there are %d negative trust anchors already", NEGATIVE_ANCHORS_MAX);
    }
    *result = status == STATUS_OK ? json_pack("{s:o, s:I}", "name", name_json(name.wire), "for", life_s) : NULL;
    return status;
}

status_t control_nta_remove(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    trust_keeper_t *keeper;
    name_t name;
    status_t status = find_keeper(exchange, &keeper, why);
    status = status == STATUS_OK ? required_name(exchange, &name, why) : status;
    if (status != STATUS_OK) {
        return status;
    }
    status = trust_keeper_heed(keeper, name.wire);
    if (status == STATUS_NOT_FOUND) {
        buffer_append_text(why, "there is no negative trust anchor for this very name");
    } else if (status == STATUS_DENIED) {
        buffer_append_text(why, "it stands in the configuration (resolver: negative-trust-anchors): take it out there, and reload");
        status = STATUS_INVALID;
    }
    *result = status == STATUS_OK ? json_pack("{s:o}", "name", name_json(name.wire)) : NULL;
    return status;
}
