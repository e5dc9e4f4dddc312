/* portolan check: runs the probes and tells what they found. */
#include "tools/command.h"
#include "tools/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX_BYTES = 16 * 1024 * 1024, PORT_DNS = 53 };

static const char *const verdict_names[] = {"good", "note", "bad"};

static bool take_arguments(probe_t *probe, name_t *zone, const char *server, const char *zone_text, const char *timeout)
{
    static const uint8_t root[NAME_PADDING] = {0};
    long timeout_s = 2;
    if (timeout && !tool_number("--timeout", timeout, 1, 60, &timeout_s)) {
        return false;
    }
    probe->timeout_ms = (int)timeout_s * 1000;
    if (zone_text) {
        if (name_from_text(zone, zone_text, strlen(zone_text), root, NULL) != STATUS_OK) {
            (void)tool_fail("--zone %s: not a domain name", zone_text);
            return false;
        }
        probe->zone = zone->wire;
    }
    buffer_t why;
    buffer_init(&why, 4096);
    status_t status = endpoint_parse(server, PORT_DNS, &probe->server, &why);
    if (status != STATUS_OK) {
        (void)tool_fail("%s", buffer_text(&why));
    }
    buffer_clear(&why);
    return status == STATUS_OK;
}

static int judge(const probe_t *probe)
{
    int result = TOOL_GOOD;
    for (size_t i = 0; i < probe->count; i++) {
        result = probe->findings[i].verdict == VERDICT_BAD ? TOOL_NEGATIVE : result;
    }
    return probe->udp_answers || probe->tcp_answers ? result : TOOL_TROUBLE;
}

static int show_json(const probe_t *probe, int result)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < probe->count; i++) {
        json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "probe", probe->findings[i].probe, "verdict",
                                                  verdict_names[probe->findings[i].verdict], "text", probe->findings[i].text));
    }
    return tool_write_json(json_pack("{s:s, s:o}", "server", probe->server.text, "findings", findings), result);
}

static int show(const probe_t *probe, int result)
{
    size_t bad = 0;
    printf("%s\n", probe->server.text);
    for (size_t i = 0; i < probe->count; i++) {
        const finding_t *finding = &probe->findings[i];
        printf("  %-4s  %-15s %s\n", verdict_names[finding->verdict], finding->probe, finding->text);
        bad += finding->verdict == VERDICT_BAD;
    }
    if (result == TOOL_TROUBLE) {
        printf("It does not answer.\n");
    } else if (bad == 0) {
        printf("Nothing is wrong.\n");
    } else {
        printf("%zu finding%s to see to.\n", bad, bad == 1 ? "" : "s");
    }
    return fflush(stdout) == 0 ? result : TOOL_TROUBLE;
}

int run_check(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    const char *zone_text = NULL;
    const char *timeout = NULL;
    const tool_option_t options[] = {{"--zone", NULL, &zone_text}, {"--timeout", NULL, &timeout}, {NULL, NULL, NULL}};
    int done = tool_options(command, options, &argc, argv);
    done = done >= 0 ? done : tool_operands(command, argc, 0, 1);
    if (done >= 0) {
        return done;
    }
    name_t zone;
    probe_t probe = {.reply = malloc(MESSAGE_MAX)};
    if (!probe.reply) {
        return tool_fail("%s", status_text(STATUS_NO_MEMORY));
    }
    if (!take_arguments(&probe, &zone, argc == 1 ? argv[0] : "127.0.0.1", zone_text, timeout)) {
        free(probe.reply);
        return TOOL_TROUBLE;
    }
    arena_init(&probe.arena, 0, ARENA_MAX_BYTES);
    probe_transports(&probe);
    if (probe.udp_answers || probe.tcp_answers) {
        probe_edns(&probe);
        probe_openness(&probe);
        probe_identity(&probe);
        probe_oddities(&probe);
    }
    int result = judge(&probe);
    result = tool->json ? show_json(&probe, result) : show(&probe, result);
    arena_clear(&probe.arena);
    free(probe.reply);
    return result;
}
