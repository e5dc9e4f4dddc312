/* What can be asked over the control socket. */
#include "control/service_commands.h"
#include "base/diagnostic.h"
#include "control/config.h"
#include "control/value.h"

#include "base/require.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WHY_MAX_BYTES = 4 * 1024 * 1024 };

typedef struct command {
    const char *name;
    bool changes;
    /* The result (a new reference) or NULL with a status and, for people, *why. */
    status_t (*run)(control_exchange_t *exchange, json_t **result, buffer_t *why);
} command_t;

/* ---- lines ---- */

static int append(const char *text, size_t length, void *context)
{
    buffer_t *out = context;
    buffer_append(out, text, length);
    return out->status == STATUS_OK ? 0 : -1;
}

void control_write_line(buffer_t *out, json_t *line)
{
    if (!line || json_dump_callback(line, append, out, JSON_COMPACT) != 0) {
        out->status = out->status == STATUS_OK ? STATUS_NO_MEMORY : out->status;
    }
    buffer_append_byte(out, '\n');
    json_decref(line);
}

static const char *status_name(status_t status)
{
    static const char *const names[] = {
        [STATUS_OK] = "ok",
        [STATUS_NO_MEMORY] = "no-memory",
        [STATUS_NO_SPACE] = "no-space",
        [STATUS_MALFORMED] = "malformed",
        [STATUS_INVALID] = "invalid",
        [STATUS_NOT_FOUND] = "not-found",
        [STATUS_EXISTS] = "exists",
        [STATUS_LIMIT] = "limit",
        [STATUS_IO] = "io",
        [STATUS_DENIED] = "denied",
        [STATUS_UNSUPPORTED] = "unsupported",
        [STATUS_AGAIN] = "again",
        [STATUS_END] = "end",
        [STATUS_CANCELLED] = "cancelled",
        [STATUS_CORRUPT] = "corrupt",
    };
    return (size_t)status < ARRAY_SIZE(names) ? names[status] : "unknown";
}

void control_write_failure(buffer_t *out, status_t status, const char *why)
{
    json_t *text = json_string(why && *why ? why : status_text(status));
    if (!text) { /* a path or a name that is not UTF-8 */
        text = json_string(status_text(status));
    }
    control_write_line(out, json_pack("{s:b, s:s, s:o}", "ok", 0, "status", status_name(status), "error", text));
}

json_t *control_text(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    return value ? value : json_null();
}

/* ---- status and stats ---- */

typedef struct zone_totals {
    json_int_t zones;
    json_int_t loaded;
    json_int_t records;
    json_int_t bytes;
} zone_totals_t;

static void add_zone(void *context, const server_zone_status_t *zone)
{
    zone_totals_t *totals = context;
    totals->zones++;
    totals->loaded += zone->loaded;
    totals->records += (json_int_t)zone->size.records;
    totals->bytes += (json_int_t)zone->size.bytes;
}

static json_t *listeners(const server_settings_t *settings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < settings->listen_count; i++) {
        buffer_t text;
        buffer_init(&text, 256);
        value_print_listen(&settings->listen[i], &text);
        json_array_append_new(list, json_string(buffer_text(&text)));
        buffer_clear(&text);
    }
    return list;
}

static status_t run_status(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    (void)why;
    control_service_t *service = exchange->service;
    zone_totals_t totals = {0};
    status_t status = server_visit_zones(service->server, NULL, add_zone, &totals);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    int64_t started_s = server_started_at_s(service->server);
    *result =
        json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I}}", "version", PORTOLAN_VERSION, "pid", (json_int_t)getpid(),
                  "started", (json_int_t)started_s, "uptime", (json_int_t)(time(NULL) - started_s), "configuration",
                  control_text(service->config_file), "listen", listeners(server_settings(service->server)), "zones", "count", totals.zones,
                  "loaded", totals.loaded, "failed", totals.zones - totals.loaded, "records", totals.records, "bytes", totals.bytes);
    return *result ? STATUS_OK : STATUS_NO_MEMORY;
}

static void add_counter(void *context, const char *name, uint64_t value)
{
    json_object_set_new(context, name, json_integer((json_int_t)value));
}

static status_t run_stats(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    (void)why;
    *result = json_object();
    if (!*result) {
        return STATUS_NO_MEMORY;
    }
    server_visit_counters(exchange->service->server, add_counter, *result);
    return STATUS_OK;
}

/* ---- zones ---- */

static json_t *zone_object(const server_zone_status_t *zone)
{
    char name[NAME_TEXT_MAX];
    name_to_text(zone->name, name);
    return json_pack("{s:s, s:o, s:b, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "zone", name, "file", control_text(zone->file),
                     "loaded", zone->loaded, "serial", (json_int_t)zone->serial, "signed", zone->is_signed, "names",
                     (json_int_t)zone->size.names, "rrsets", (json_int_t)zone->size.rrsets, "records", (json_int_t)zone->size.records,
                     "bytes", (json_int_t)zone->size.bytes, "loaded-at", (json_int_t)zone->loaded_at_s, "load-ms",
                     (json_int_t)zone->load_ms, "error", control_text(zone->last_error));
}

static void write_zone(void *context, const server_zone_status_t *zone)
{
    control_write_line(context, json_pack("{s:o}", "item", zone_object(zone)));
}

/* The zone a request names. STATUS_NOT_FOUND: it names none. */
static status_t requested_zone(const control_exchange_t *exchange, name_t *name, buffer_t *why)
{
    static const uint8_t root[NAME_PADDING] = {0};
    const json_t *value = json_object_get(exchange->request, "zone");
    if (!value) {
        return STATUS_NOT_FOUND;
    }
    const char *text = json_string_value(value);
    if (!text || name_from_text(name, text, json_string_length(value), root, NULL) != STATUS_OK) {
        buffer_printf(why, "not the name of a zone: \"%.100s\"", text ? text : "");
        return STATUS_MALFORMED;
    }
    name_lower(name->wire, name->length);
    return STATUS_OK;
}

static status_t no_such_zone(const name_t *name, buffer_t *why)
{
    char text[NAME_TEXT_MAX];
    name_to_text(name->wire, text);
    buffer_printf(why, "no zone %s here", text);
    return STATUS_NOT_FOUND;
}

static status_t run_zone_list(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    (void)why;
    status_t status = server_visit_zones(exchange->service->server, NULL, write_zone, exchange->out);
    *result = json_object();
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void keep_zone(void *context, const server_zone_status_t *zone)
{
    json_t **result = context;
    json_decref(*result);
    *result = zone_object(zone);
}

static status_t run_zone_status(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    name_t name;
    status_t status = requested_zone(exchange, &name, why);
    if (status != STATUS_OK) {
        if (status == STATUS_NOT_FOUND) {
            buffer_append_text(why, "which zone? \"zone\" is missing");
            status = STATUS_MALFORMED;
        }
        return status;
    }
    status = server_visit_zones(exchange->service->server, name.wire, keep_zone, result);
    return status == STATUS_NOT_FOUND ? no_such_zone(&name, why) : status;
}

static bool is_forced(const control_exchange_t *exchange)
{
    return json_is_true(json_object_get(exchange->request, "force"));
}

static status_t reload_all_zones(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    size_t reloaded = 0;
    size_t failed = 0;
    status_t status = server_reload_zones(exchange->service->server, is_forced(exchange), &reloaded, &failed);
    *result = json_pack("{s:I, s:I}", "reloaded", (json_int_t)reloaded, "failed", (json_int_t)failed);
    if (failed > 0 && buffer_text(why)[0] == 0) {
        buffer_printf(why,
                      "%zu of %zu changed zones could not be loaded (an old version, where there is one, stays): see `portolan zone list` "
                      "and the log",
                      failed, reloaded + failed);
        return status == STATUS_OK ? STATUS_INVALID : status;
    }
    return status;
}

static status_t run_zone_reload(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    name_t name;
    status_t status = requested_zone(exchange, &name, why);
    if (status == STATUS_NOT_FOUND) {
        return reload_all_zones(exchange, result, why);
    }
    if (status != STATUS_OK) {
        return status;
    }
    status = server_reload_zone(exchange->service->server, name.wire, is_forced(exchange), why);
    if (status == STATUS_NOT_FOUND && buffer_text(why)[0] == 0) {
        return no_such_zone(&name, why);
    }
    if (status == STATUS_OK) {
        status = server_visit_zones(exchange->service->server, name.wire, keep_zone, result);
    }
    return status;
}

/* ---- the whole configuration ---- */

static status_t run_reload(control_exchange_t *exchange, json_t **result, buffer_t *why)
{
    size_t reloaded = 0;
    size_t failed = 0;
    status_t status = control_reload_locked(exchange->service, &reloaded, &failed, why);
    *result = json_pack("{s:I, s:I}", "reloaded", (json_int_t)reloaded, "failed", (json_int_t)failed);
    return status;
}

/* ---- dispatch ---- */

static const command_t commands[] = {
    {"status", false, run_status},
    {"stats", false, run_stats},
    {"zone-list", false, run_zone_list},
    {"zone-status", false, run_zone_status},
    {"zone-reload", true, run_zone_reload},
    {"reload", true, run_reload},
    {"cache-lookup", false, control_cache_lookup},
    {"cache-flush", true, control_cache_flush},
    {"cache-stats", false, control_cache_stats},
    {"trust-show", false, control_trust_show},
    {"trust-refresh", true, control_trust_refresh},
    {"nta-add", true, control_nta_add},
    {"nta-remove", true, control_nta_remove},
};

static void log_change(const control_exchange_t *exchange, const command_t *command, status_t status)
{
    const char *name = json_string_value(json_object_get(exchange->request, "name"));
    const char *zone = name ? name : json_string_value(json_object_get(exchange->request, "zone"));
    log_event(exchange->service->log, status == STATUS_DENIED ? LOG_WARNING : LOG_NOTICE, "control.command",
              LOG_TEXT("command", command->name), LOG_TEXT("zone", zone ? zone : "-"), LOG_NUMBER("uid", exchange->peer->uid),
              LOG_NUMBER("pid", exchange->peer->pid), LOG_TEXT("result", status_name(status)));
}

static void run_command(control_exchange_t *exchange, const command_t *command)
{
    json_t *result = NULL;
    buffer_t why;
    status_t status;
    buffer_init(&why, WHY_MAX_BYTES);
    if (command->changes && !exchange->peer->may_change) {
        buffer_append_text(&why, "only root, the server's user and members of its group may change anything");
        status = STATUS_DENIED;
    } else {
        pthread_mutex_lock(&exchange->service->lock);
        status = command->run(exchange, &result, &why);
        pthread_mutex_unlock(&exchange->service->lock);
    }
    if (command->changes) {
        log_change(exchange, command, status);
    }
    if (status != STATUS_OK || !result) {
        control_write_failure(exchange->out, status != STATUS_OK ? status : STATUS_NO_MEMORY, buffer_text(&why));
        json_decref(result);
    } else {
        control_write_line(exchange->out, json_pack("{s:b, s:o}", "ok", 1, "result", result));
    }
    buffer_clear(&why);
}

void control_answer(control_service_t *service, const control_peer_t *peer, const char *request, size_t size, buffer_t *out)
{
    json_error_t error;
    json_t *json = json_loadb(request, size, JSON_REJECT_DUPLICATES, &error);
    const char *name = json_string_value(json_object_get(json, "command"));
    if (!name) {
        control_write_failure(out, STATUS_MALFORMED, json ? "a request is an object with a \"command\"" : "the request is not JSON");
        json_decref(json);
        return;
    }
    control_exchange_t exchange = {.service = service, .peer = peer, .request = json, .out = out};
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            run_command(&exchange, &commands[i]);
            json_decref(json);
            return;
        }
    }
    char text[128];
    snprintf(text, sizeof text, "unknown command \"%.60s\"", name);
    control_write_failure(out, STATUS_UNSUPPORTED, text);
    json_decref(json);
}
