/* portolan status, stats, reload, zone list|status|reload: what the running server says. */
#include "tools/client.h"
#include "tools/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_S = 30, WAIT_LOADING_S = 3600, COLUMN = 14 };

/* ---- status, stats, reload ---- */

static void print_status(const json_t *result)
{
    const json_t *zones = json_object_get(result, "zones");
    const json_t *listen = json_object_get(result, "listen");
    printf("Portolan %s, process %" PRId64 ", up ", show_text(result, "version"), show_number(result, "pid"));
    show_duration(show_number(result, "uptime"));
    printf("\n%-*s", COLUMN, "listening");
    for (size_t i = 0; i < json_array_size(listen); i++) {
        printf("%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(listen, i)));
    }
    printf("\n%-*s%s\n%-*s%" PRId64, COLUMN, "configuration", show_text(result, "configuration"), COLUMN, "zones",
           show_number(zones, "count"));
    if (show_number(zones, "failed") > 0) {
        printf(", of which %" PRId64 " not loaded", show_number(zones, "failed"));
    }
    printf("\n%-*s%" PRId64 " in ", COLUMN, "records", show_number(zones, "records"));
    show_bytes(show_number(zones, "bytes"));
    printf("\n");
}

int run_status(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    int done = tool_no_operands(command, argc, argv);
    if (done >= 0) {
        return done;
    }
    json_t *result;
    int status = client_ask(tool, json_pack("{s:s}", "command", "status"), WAIT_S, NULL, NULL, &result);
    if (status != TOOL_GOOD) {
        return status;
    }
    if (tool->json) {
        return tool_write_json(result, status);
    }
    print_status(result);
    json_decref(result);
    return status;
}

int run_stats(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    int done = tool_no_operands(command, argc, argv);
    if (done >= 0) {
        return done;
    }
    json_t *result;
    int status = client_ask(tool, json_pack("{s:s}", "command", "stats"), WAIT_S, NULL, NULL, &result);
    if (status != TOOL_GOOD) {
        return status;
    }
    if (tool->json) {
        return tool_write_json(result, status);
    }
    const char *name;
    json_t *value;
    json_object_foreach(result, name, value)
    {
        printf("%-32s %20" PRId64 "\n", name, (int64_t)json_integer_value(value));
    }
    json_decref(result);
    return status;
}

static void print_reloaded(const json_t *result, const char *what)
{
    int64_t reloaded = show_number(result, "reloaded");
    printf("%s%" PRId64 " zone%s reloaded\n", what, reloaded, reloaded == 1 ? "" : "s");
}

int run_reload(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    int done = tool_no_operands(command, argc, argv);
    if (done >= 0) {
        return done;
    }
    json_t *result;
    int status = client_ask(tool, json_pack("{s:s}", "command", "reload"), WAIT_LOADING_S, NULL, NULL, &result);
    if (status != TOOL_GOOD) {
        return status;
    }
    if (tool->json) {
        return tool_write_json(result, status);
    }
    print_reloaded(result, "the configuration is current; ");
    json_decref(result);
    return status;
}

/* ---- zones ---- */

static void print_zone_line(void *context, json_t *zone)
{
    (void)context;
    bool loaded = json_is_true(json_object_get(zone, "loaded"));
    printf("%-32s ", show_text(zone, "zone"));
    if (loaded) {
        printf("serial %-10" PRId64 " %8" PRId64 " records %s", show_number(zone, "serial"), show_number(zone, "records"),
               json_is_true(json_object_get(zone, "signed")) ? " signed" : "");
    } else {
        printf("not loaded");
    }
    if (json_is_string(json_object_get(zone, "error"))) {
        printf("  %s: %s", loaded ? "last reload failed" : "error", show_text(zone, "error"));
    }
    printf("\n");
}

static void collect(void *context, json_t *zone)
{
    json_array_append(context, zone);
}

int run_zone_list(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    int done = tool_no_operands(command, argc, argv);
    if (done >= 0) {
        return done;
    }
    json_t *result;
    json_t *list = tool->json ? json_array() : NULL;
    int status =
        client_ask(tool, json_pack("{s:s}", "command", "zone-list"), WAIT_S, tool->json ? collect : print_zone_line, list, &result);
    json_decref(result);
    if (status == TOOL_GOOD && tool->json) {
        return tool_write_json(list, status);
    }
    json_decref(list);
    return status;
}

static void print_zone(const json_t *zone)
{
    bool loaded = json_is_true(json_object_get(zone, "loaded"));
    printf("%s\n%-*s%s\n%-*s%s\n", show_text(zone, "zone"), COLUMN, "file", show_text(zone, "file"), COLUMN, "state",
           loaded ? "served" : "not loaded");
    if (loaded) {
        printf("%-*s%" PRId64 "\n%-*s%s\n%-*s%" PRId64 " names, %" PRId64 " RRsets, %" PRId64 " records in ", COLUMN, "serial",
               show_number(zone, "serial"), COLUMN, "signed", json_is_true(json_object_get(zone, "signed")) ? "yes" : "no", COLUMN, "size",
               show_number(zone, "names"), show_number(zone, "rrsets"), show_number(zone, "records"));
        show_bytes(show_number(zone, "bytes"));
        printf("\n%-*s", COLUMN, "loaded");
        show_time(show_number(zone, "loaded-at"));
        printf(", in %" PRId64 " ms\n", show_number(zone, "load-ms"));
    }
    if (json_is_string(json_object_get(zone, "error"))) {
        printf("%-*s%s\n", COLUMN, "error", show_text(zone, "error"));
    }
}

static int show_zone(const tool_t *tool, json_t *zone)
{
    int status = json_is_true(json_object_get(zone, "loaded")) ? TOOL_GOOD : TOOL_NEGATIVE;
    if (tool->json) {
        return tool_write_json(zone, status);
    }
    print_zone(zone);
    json_decref(zone);
    return status;
}

int run_zone_status(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    const tool_option_t none[] = {{NULL, NULL, NULL}};
    int done = tool_options(command, none, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 1, 1);
    if (done >= 0) {
        return done;
    }
    json_t *result;
    int status = client_ask(tool, json_pack("{s:s, s:s}", "command", "zone-status", "zone", argv[0]), WAIT_S, NULL, NULL, &result);
    return status == TOOL_GOOD ? show_zone(tool, result) : status;
}

int run_zone_reload(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    bool force = false;
    const tool_option_t options[] = {{"--force", &force, NULL}, {NULL, NULL, NULL}};
    int done = tool_options(command, options, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 0, 1);
    if (done >= 0) {
        return done;
    }
    json_t *request = json_pack("{s:s, s:b}", "command", "zone-reload", "force", force);
    if (argc == 1 && (!request || json_object_set_new(request, "zone", json_string(argv[0])) != 0)) {
        json_decref(request);
        return tool_fail("\"%s\" is not the name of a zone", argv[0]);
    }
    json_t *result;
    int status = client_ask(tool, request, WAIT_LOADING_S, NULL, NULL, &result);
    if (status != TOOL_GOOD) {
        return status;
    }
    if (argc == 1) {
        return show_zone(tool, result);
    }
    if (tool->json) {
        return tool_write_json(result, status);
    }
    print_reloaded(result, "");
    json_decref(result);
    return status;
}
