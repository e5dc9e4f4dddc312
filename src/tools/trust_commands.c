/* portolan trust show|refresh, portolan nta add|remove|list: what the running server trusts. */
#include "control/value.h"
#include "tools/client.h"
#include "tools/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WAIT_S = 60 };

static bool is_kind(const json_t *item, const char *kind)
{
    return strcmp(show_text(item, "kind"), kind) == 0;
}

static void print_when(const char *before, const json_t *object, const char *key)
{
    if (json_is_integer(json_object_get(object, key))) {
        printf("%s", before);
        show_time(show_number(object, key));
    }
}

/* ---- trust show ---- */

static const char *algorithm_text(int64_t number)
{
    static const char *const names[] = {
        [5] = "RSASHA1",          [7] = "RSASHA1-NSEC3-SHA1", [8] = "RSASHA256", [10] = "RSASHA512",
        [13] = "ECDSAP256SHA256", [14] = "ECDSAP384SHA384",   [15] = "ED25519",  [16] = "ED448",
    };
    const size_t count = sizeof names / sizeof *names;
    return number >= 0 && (size_t)number < count && names[number] ? names[number] : "unknown";
}

static void print_key(const json_t *key)
{
    int64_t digest = show_number(key, "digest");
    printf("  key %5" PRId64 "  %-11s  algorithm %" PRId64 " (%s)", show_number(key, "tag"), show_text(key, "state"),
           show_number(key, "algorithm"), algorithm_text(show_number(key, "algorithm")));
    if (json_is_integer(json_object_get(key, "digest"))) {
        printf(", digest %" PRId64, digest);
    }
    print_when(", since ", key, "since");
    print_when(", trusted not before ", key, "acceptable");
    printf("%s\n", show_truth(key, "trusted") ? "" : ", not trusted");
}

static void print_point(const json_t *point)
{
    size_t i;
    json_t *key;
    printf("%s%s", show_text(point, "zone"), show_number(point, "trusted") == 0 ? "  NOTHING IS TRUSTED HERE" : "");
    if (!show_truth(point, "followed")) {
        printf("  (changes of its keys are not followed)");
    } else {
        print_when("  last seen ", point, "seen");
        print_when(", asked again ", point, "next-query");
        printf("%s", show_truth(point, "asking") ? ", being asked" : "");
    }
    printf("\n");
    json_array_foreach(json_object_get(point, "keys"), i, key)
    {
        print_key(key);
    }
}

static void print_negative(const json_t *anchor)
{
    int64_t until_s = show_number(anchor, "until");
    printf("%s  not validated", show_text(anchor, "name"));
    if (until_s > 0) {
        int64_t left_s = until_s - (int64_t)time(NULL);
        print_when(" until ", anchor, "until");
        printf(" (");
        show_duration(left_s > 0 ? left_s : 0);
        printf(" left)");
    }
    printf("%s\n", show_truth(anchor, "configured") ? ", as configured" : "");
}

typedef struct showing {
    json_t *points; /* NULL: as text */
    json_t *negative;
    bool only_negative;
    size_t shown;
} showing_t;

static void show_item(void *context, json_t *item)
{
    showing_t *showing = context;
    bool is_negative = is_kind(item, "negative");
    if (showing->only_negative && !is_negative) {
        return;
    }
    showing->shown++;
    if (showing->points) {
        json_array_append(is_negative ? showing->negative : showing->points, item);
        json_object_del(item, "kind");
    } else if (is_negative) {
        print_negative(item);
    } else {
        print_point(item);
    }
}

static int show(const tool_t *tool, const command_t *command, int argc, char **argv, bool only_negative)
{
    int done = tool_no_operands(command, argc, argv);
    if (done >= 0) {
        return done;
    }
    json_t *result;
    showing_t showing = {.only_negative = only_negative};
    if (tool->json) {
        showing.points = json_array();
        showing.negative = json_array();
    }
    int status = client_ask(tool, json_pack("{s:s}", "command", "trust-show"), WAIT_S, show_item, &showing, &result);
    if (status == TOOL_GOOD && tool->json) {
        json_t *negative = json_incref(showing.negative);
        json_object_set(result, "points", showing.points);
        json_object_set(result, "negative", negative);
        status = tool_write_json(only_negative ? json_incref(negative) : json_incref(result), status);
        json_decref(negative);
        json_decref(result);
    } else if (status == TOOL_GOOD) {
        if (!only_negative && !show_truth(result, "validate")) {
            printf("validation is off (resolver: validate)\n");
        } else if (showing.shown == 0) {
            printf("%s\n", only_negative ? "no negative trust anchors" : "no trust anchors: nothing is validated");
        }
        json_decref(result);
    }
    json_decref(showing.points);
    json_decref(showing.negative);
    return status;
}

int run_trust_show(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    return show(tool, command, argc, argv, false);
}

int run_nta_list(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    return show(tool, command, argc, argv, true);
}

/* ---- changes ---- */

/* Asks, and gives the result or prints it as JSON; *result is NULL where nothing is left to print. */
static int change(const tool_t *tool, json_t *request, json_t **result)
{
    int status = client_ask(tool, request, WAIT_S, NULL, NULL, result);
    if (status != TOOL_GOOD) {
        *result = NULL;
    } else if (tool->json) {
        status = tool_write_json(*result, status);
        *result = NULL;
    }
    return status;
}

int run_trust_refresh(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    const tool_option_t none[] = {{NULL, NULL, NULL}};
    int done = tool_options(command, none, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 0, 1);
    if (done >= 0) {
        return done;
    }
    json_t *request = json_pack("{s:s, s:s*}", "command", "trust-refresh", "name", argc == 1 ? argv[0] : NULL);
    if (!request) {
        return tool_fail("this is no name");
    }
    json_t *result;
    int status = change(tool, request, &result);
    if (result) {
        int64_t asked = show_number(result, "asked");
        printf("%" PRId64 " %s asked; see `portolan trust show` and the log\n", asked, asked == 1 ? "zone is" : "zones are");
        json_decref(result);
    }
    return status;
}

int run_nta_add(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    const char *life = "1h";
    const tool_option_t options[] = {{"--for", NULL, &life}, {NULL, NULL, NULL}};
    int done = tool_options(command, options, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 1, 1);
    if (done >= 0) {
        return done;
    }
    value_error_t error;
    uint64_t life_s;
    if (value_parse_seconds(life, strlen(life), &life_s, &error) != STATUS_OK || life_s > INT32_MAX) {
        return tool_fail("--for takes a duration such as 30m, 1h or 7d, not \"%s\"", life);
    }
    json_t *request = json_pack("{s:s, s:s, s:I}", "command", "nta-add", "name", argv[0], "for", (json_int_t)life_s);
    if (!request) {
        return tool_fail("this is no name");
    }
    json_t *result;
    int status = change(tool, request, &result);
    if (result) {
        printf("%s and all below it are not validated for ", show_text(result, "name"));
        show_duration(show_number(result, "for"));
        printf("\n");
        json_decref(result);
    }
    return status;
}

int run_nta_remove(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    const tool_option_t none[] = {{NULL, NULL, NULL}};
    int done = tool_options(command, none, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 1, 1);
    if (done >= 0) {
        return done;
    }
    json_t *request = json_pack("{s:s, s:s}", "command", "nta-remove", "name", argv[0]);
    if (!request) {
        return tool_fail("this is no name");
    }
    json_t *result;
    int status = change(tool, request, &result);
    if (result) {
        printf("%s is validated again\n", show_text(result, "name"));
        json_decref(result);
    }
    return status;
}
