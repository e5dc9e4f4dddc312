/* portolan cache lookup|flush|stats: what the running server has learned. */
#include "tools/client.h"
#include "tools/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_S = 60, COLUMN = 22 };

/* ---- cache lookup ---- */

typedef struct word {
    const char *key;
    const char *meaning;
} word_t;

static const char *meaning_of(const word_t *words, const char *key)
{
    for (; words->key; words++) {
        if (strcmp(words->key, key) == 0) {
            return words->meaning;
        }
    }
    return key;
}

static const char *kind_words(const char *kind)
{
    static const word_t words[] = {
        {"rrset", "records"},   {"nodata", "no such type"},   {"name-error", "no such name"},
        {"failure", "failure"}, {"delegation", "delegation"}, {"answer", "prepared answer"},
        {NULL, NULL},
    };
    return meaning_of(words, kind);
}

static const char *rank_words(const char *rank)
{
    static const word_t words[] = {
        {"additional", "came along with another answer"},
        {"referral", "said by the parent zone"},
        {"answer", "an answer, not authoritative"},
        {"authority", "beside an authoritative answer"},
        {"authoritative", "an authoritative answer"},
        {"local", "configured"},
        {NULL, NULL},
    };
    return meaning_of(words, rank);
}

static const char *security_words(const char *security)
{
    static const word_t words[] = {
        {"indeterminate", "not validated"},
        {"insecure", "insecure: proven to be unsigned"},
        {"bogus", "bogus: validation failed"},
        {"secure", "secure: validated"},
        {NULL, NULL},
    };
    return meaning_of(words, security);
}

static void print_life(const json_t *entry)
{
    if (show_truth(entry, "expired")) {
        printf("expired ");
        show_duration(show_number(entry, "expired-since"));
        printf(" ago");
    } else {
        show_duration(show_number(entry, "ttl"));
        printf(" left");
    }
    printf(" of ");
    show_duration(show_number(entry, "lifetime"));
}

static void print_records(const json_t *records)
{
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record)
    {
        printf("    %s %" PRId64 " %s %s\n", show_text(record, "owner"), show_number(record, "ttl"), show_text(record, "type"),
               show_text(record, "rdata"));
    }
}

static void print_addresses(const json_t *addresses)
{
    size_t i;
    json_t *address;
    json_array_foreach(addresses, i, address)
    {
        printf(" %s", json_string_value(address));
    }
}

static void print_servers(const json_t *delegation)
{
    size_t i;
    json_t *server;
    json_array_foreach(json_object_get(delegation, "servers"), i, server)
    {
        const json_t *addresses = json_object_get(server, "addresses");
        printf("    %s", show_text(server, "name"));
        print_addresses(addresses);
        printf("%s\n", json_array_size(addresses) == 0 ? " (addresses to be looked up)" : "");
    }
}

/* For whom an answer was prepared, and what it says. */
static void print_answer(const json_t *entry)
{
    const json_t *message = json_object_get(entry, "message");
    printf("    for clients %s DNSSEC records%s\n", show_truth(entry, "dnssec") ? "that ask for" : "without",
           show_truth(entry, "checking-disabled") ? ", validation switched off (CD)" : "");
    if (json_is_object(message)) {
        printf("    %s%s%s, records: %" PRId64 " answer, %" PRId64 " authority, %" PRId64 " additional; %" PRId64 " bytes\n",
               show_text(message, "rcode"), show_truth(message, "authenticated") ? ", authenticated (AD)" : "",
               show_truth(message, "truncated") ? ", truncated (TC)" : "", show_number(message, "answer"),
               show_number(message, "authority"), show_number(message, "additional"), show_number(message, "bytes"));
    }
}

static void print_entry(void *context, json_t *entry)
{
    (void)context;
    char title[64];
    bool has_type = json_is_string(json_object_get(entry, "type"));
    bool is_answer = json_is_string(json_object_get(entry, "rank")) == false;
    snprintf(title, sizeof title, "%s%s%s", kind_words(show_text(entry, "kind")), has_type ? ", " : "",
             has_type ? show_text(entry, "type") : "");
    printf("%-*s", COLUMN, title);
    print_life(entry);
    if (!is_answer) {
        printf("; %s; %s", security_words(show_text(entry, "security")), rank_words(show_text(entry, "rank")));
        if (json_is_string(json_object_get(entry, "zone"))) {
            printf("; zone %s", show_text(entry, "zone"));
        }
    }
    if (json_is_integer(json_object_get(entry, "extended-error"))) {
        printf("; extended error %" PRId64, show_number(entry, "extended-error"));
    }
    printf("\n");
    if (is_answer) {
        print_answer(entry);
    }
    if (json_is_string(json_object_get(entry, "reason"))) {
        printf("    %s\n", show_text(entry, "reason"));
    }
    print_servers(entry);
    print_records(json_object_get(entry, "records"));
}

static void print_surroundings(const json_t *result)
{
    const json_t *delegation = json_object_get(result, "delegation");
    const json_t *configured = json_object_get(result, "configured");
    if (show_number(result, "entries") == 0) {
        printf("nothing is known of %s\n", show_text(result, "name"));
    }
    if (json_is_string(json_object_get(result, "missing-above"))) {
        printf("%s does not exist, so nothing below it does (RFC 8020)\n", show_text(result, "missing-above"));
    }
    if (json_is_object(configured)) {
        bool is_forward = strcmp(show_text(configured, "kind"), "forward") == 0;
        printf("questions go to the %s configured for %s:", is_forward ? "resolvers" : "servers", show_text(configured, "zone"));
        print_addresses(json_object_get(configured, "addresses"));
        printf("\n");
    } else if (json_is_object(delegation)) {
        printf("questions go to the servers of %s (known for ", show_text(delegation, "zone"));
        show_duration(show_number(delegation, "ttl"));
        printf(")\n");
        print_servers(delegation);
    } else {
        printf("questions go to the root servers of the hints\n");
    }
}

static void collect(void *context, json_t *entry)
{
    json_array_append(context, entry);
}

int run_cache_lookup(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    const tool_option_t none[] = {{NULL, NULL, NULL}};
    int done = tool_options(command, none, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 1, 2);
    if (done >= 0) {
        return done;
    }
    json_t *request = json_pack("{s:s, s:s}", "command", "cache-lookup", "name", argv[0]);
    if (!request || (argc == 2 && json_object_set_new(request, "type", json_string(argv[1])) != 0)) {
        json_decref(request);
        return tool_fail("this is no name and type");
    }
    json_t *result;
    json_t *list = tool->json ? json_array() : NULL;
    int status = client_ask(tool, request, WAIT_S, tool->json ? collect : print_entry, list, &result);
    if (status != TOOL_GOOD) {
        json_decref(list);
        return status;
    }
    status = show_number(result, "entries") > 0 ? TOOL_GOOD : TOOL_NEGATIVE;
    if (tool->json) {
        json_object_set_new(result, "entries", list);
        return tool_write_json(result, status);
    }
    print_surroundings(result);
    json_decref(result);
    return status;
}

/* ---- cache flush ---- */

int run_cache_flush(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    bool is_tree = false;
    bool is_all = false;
    const tool_option_t options[] = {{"--tree", &is_tree, NULL}, {"--all", &is_all, NULL}, {NULL, NULL, NULL}};
    int done = tool_options(command, options, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, is_all ? 0 : 1, is_all ? 0 : 1);
    if (done >= 0) {
        return done;
    }
    json_t *request = json_pack("{s:s, s:b, s:b}", "command", "cache-flush", "tree", is_tree, "all", is_all);
    if (!request || (!is_all && json_object_set_new(request, "name", json_string(argv[0])) != 0)) {
        json_decref(request);
        return tool_fail("this is no name");
    }
    json_t *result;
    int status = client_ask(tool, request, WAIT_S, NULL, NULL, &result);
    if (status != TOOL_GOOD) {
        return status;
    }
    if (tool->json) {
        return tool_write_json(result, status);
    }
    int64_t flushed = show_number(result, "flushed");
    printf("%" PRId64 " %s forgotten\n", flushed, flushed == 1 ? "entry" : "entries");
    json_decref(result);
    return status;
}

/* ---- cache stats ---- */

static void print_stats(const json_t *result)
{
    static const char *const counters[][2] = {
        {"answers-from-cache", "prepared answers given"},
        {"answers-resolved", "answers made"},
        {"stored", "entries stored"},
        {"refused", "worse than known"},
        {"evicted", "made room for others"},
        {"damaged", "damaged"},
    };
    json_t *entries = json_object_get(result, "entries");
    const json_t *bytes = json_object_get(result, "bytes");
    int64_t used = 0;
    const char *kind;
    json_t *count;
    json_object_foreach(json_object_get(result, "bytes"), kind, count)
    {
        used += json_integer_value(count);
    }
    bool has_file = json_is_string(json_object_get(result, "file"));
    printf("%-*s%s\n%-*s", COLUMN, "kept in", has_file ? show_text(result, "file") : "memory", COLUMN, "used");
    show_bytes(used);
    printf(" of ");
    show_bytes(show_number(result, "room"));
    printf(", and ");
    show_bytes(show_number(result, "budget") - show_number(result, "room"));
    printf(" to find it by\n\n");
    json_object_foreach(entries, kind, count)
    {
        printf("%-*s%12" PRId64 "   ", COLUMN, kind_words(kind), (int64_t)json_integer_value(count));
        show_bytes(show_number(bytes, kind));
        printf("\n");
    }
    printf("%-*s%12" PRId64 "\n\n", COLUMN, "ranges of denial", show_number(result, "ranges"));
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        printf("%-*s%12" PRId64 "\n", COLUMN, counters[i][1], show_number(result, counters[i][0]));
    }
}

int run_cache_stats(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    int done = tool_no_operands(command, argc, argv);
    if (done >= 0) {
        return done;
    }
    json_t *result;
    int status = client_ask(tool, json_pack("{s:s}", "command", "cache-stats"), WAIT_S, NULL, NULL, &result);
    if (status != TOOL_GOOD) {
        return status;
    }
    if (tool->json) {
        return tool_write_json(result, status);
    }
    print_stats(result);
    json_decref(result);
    return status;
}
