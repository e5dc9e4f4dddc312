/* portolan: noun then verb; --json and --socket anywhere. */
#include "base/diagnostic.h"
#include "base/require.h"
#include "control/config.h"
#include "tools/command.h"
#include "tools/zone_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- zone-file commands: they parse their own words ---- */

static int run_zone_check(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    (void)tool;
    (void)command;
    return tool_zone_check(argc, argv);
}

static int run_zone_format(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    (void)tool;
    (void)command;
    return tool_zone_format(argc, argv);
}

static int run_zone_diff(const tool_t *tool, const command_t *command, int argc, char **argv)
{
    (void)tool;
    (void)command;
    return tool_zone_diff(argc, argv);
}

static const command_t commands[] = {
    {"config", "check", "[FILE]", "find every error of a configuration file",
     "FILE is " CONFIG_FILE_DEFAULT " unless named. Nothing is started and no zone is read.\n"
     "Status 0: it may be used; 1: it has errors; 2: it cannot be read.\n",
     false, run_config_check},
    {"config", "show", "[--effective] [FILE]", "print what a configuration file sets, in normal form",
     "  --effective   every setting there is, defaults included\n\nFILE is " CONFIG_FILE_DEFAULT " unless named.\n", false,
     run_config_show},
    {"config", "schema", "", "print the JSON Schema of the configuration file", NULL, false, run_config_schema},
    {"config", "reference", "[--manual]", "print the reference of all settings",
     "  --manual   as a manual page (roff) instead of Markdown\n", false, run_config_reference},

    {"zone", "check", "[OPTION]... ZONE FILE", "find every error of a zone file",
     "  --policy CODE=ACTION   make a finding an error, a warning, or ignore it\n"
     "  --time TIME            judge signatures as of YYYYMMDDHHMMSS or seconds since 1970 (now)\n"
     "  --class CLASS          the class of the zone (IN)\n"
     "  --quiet                no summary\n"
     "  --list                 print every CODE, what it counts as, and what it means; no file is read\n\n"
     "FILE may be - for standard input. Status 0: the zone may be loaded; 1: it has errors; 2: it cannot be read.\n",
     true, run_zone_check},
    {"zone", "format", "[--class CLASS] ZONE FILE", "print a zone file as canonical text",
     "Status 0: printed; 1: the zone has errors; 2: it cannot be read.\n", true, run_zone_format},
    {"zone", "diff", "[--quiet] [--class CLASS] [ZONE] A B", "compare the records of two zone files",
     "  --quiet   print nothing, the status tells\n\nStatus 0: the same records; 1: others; 2: trouble.\n", true, run_zone_diff},
    {"zone", "list", "", "list the zones of the running server", NULL, false, run_zone_list},
    {"zone", "status", "NAME", "show one zone of the running server", "Status 0: it is served; 1: it is not loaded, or there is none.\n",
     false, run_zone_status},
    {"zone", "reload", "[--force] [NAME]", "read a zone's file again, or those of all zones that changed",
     "  --force   even if the file did not change\n\nA file with errors leaves the old version serving (status 1).\n", false,
     run_zone_reload},

    {"cache", "lookup", "NAME [TYPE]", "show what the running server has learned of a name",
     "Each entry with the time it has left, how far it is to be trusted (DNSSEC and rank), and its records; then the servers that a\n"
     "question would go to. Status 0: something is known; 1: nothing is.\n",
     false, run_cache_lookup},
    {"cache", "flush", "[--tree] NAME | --all", "make the running server forget a name, or all names",
     "  --tree   the name and everything below it\n  --all    everything\n\n"
     "Prepared answers to other names whose chain of aliases passes NAME stay until they expire: forget those names too.\n",
     false, run_cache_flush},
    {"cache", "stats", "", "show how full the cache of the running server is, and what of", NULL, false, run_cache_stats},

    {"trust", "show", "", "show what the running server validates by, and what it does not validate",
     "For each trust anchor its keys: `configured` (a digest whose key was not seen yet), `valid`, `add-pending` (new, and not trusted\n"
     "before its time), `missing` (trusted, and no longer shown by its zone), `revoked`, `removed` (RFC 5011).\n",
     false, run_trust_show},
    {"trust", "refresh", "[ZONE]", "ask for the keys of a trust anchor, or of all, now",
     "The server does so by itself in good time. What comes of it stands in the log and in `portolan trust show`.\n", false,
     run_trust_refresh},

    {"nta", "add", "[--for TIME] NAME", "do not validate a name, and all below it, for a while",
     "A negative trust anchor (RFC 7646): for a zone that fails validation by a mistake of its operators, when one has made sure that it\n"
     "is one. It outlives a restart of the server.\n\n"
     "  --for TIME   how long: 30m, 1h, 7d (1h; a week at most)\n",
     false, run_nta_add},
    {"nta", "remove", "NAME", "validate a name again", NULL, false, run_nta_remove},
    {"nta", "list", "", "list what is not validated, and until when", NULL, false, run_nta_list},

    {"status", NULL, "", "show what the running server is and does", NULL, false, run_status},
    {"stats", NULL, "", "print the counters of the running server", NULL, false, run_stats},
    {"reload", NULL, "", "make the configuration file and all changed zone files current",
     "The configuration changes as a whole or, if anything is wrong with it, not at all (status 1).\n", false, run_reload},

    {"query", NULL, "[@SERVER[:PORT]] NAME [TYPE] [OPTION]...", "ask a server a question",
     "SERVER is an address or a name (127.0.0.1); TYPE is a type of record (A).\n\n"
     "  --port N          the port (53)\n"
     "  --tcp             over TCP from the start; over UDP a truncated answer is asked for again over TCP\n"
     "  --dnssec          ask for signatures and proofs (DO)\n"
     "  --nsid            ask for the server's identifier\n"
     "  --no-edns         without EDNS\n"
     "  --no-recurse      without the RD bit\n"
     "  --udp-size N      the largest answer over UDP to say we take (1232)\n"
     "  --class CLASS     IN, CH, ... (IN)\n"
     "  --reverse         NAME is an address: ask for its PTR\n"
     "  --short           print the rdata of the answers only\n"
     "  --timeout S       seconds to wait for each of three tries (2)\n\n"
     "AXFR prints the whole zone. Status 0: NOERROR; 1: another RCODE; 2: no answer.\n",
     false, run_query},
    {"check", NULL, "[ADDRESS[:PORT]] [OPTION]...", "look at a server as a stranger does, and judge it",
     "ADDRESS is 127.0.0.1, PORT is 53. Both transports, EDNS, open recursion, transfers, what it tells of itself, odd messages.\n\n"
     "  --zone NAME       a zone it should serve: asked for its SOA and for a transfer\n"
     "  --timeout S       seconds to wait for an answer (2)\n\n"
     "Status 0: nothing is wrong; 1: something is; 2: it does not answer at all.\n",
     false, run_check},
};

/* ---- help ---- */

static void print_commands(FILE *out, const char *noun)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const command_t *command = &commands[i];
        if (!noun || strcmp(noun, command->noun) == 0) {
            char name[32];
            snprintf(name, sizeof name, "%s%s%s", command->noun, command->verb ? " " : "", command->verb ? command->verb : "");
            fprintf(out, "  %-17s %s\n", name, command->summary);
        }
    }
}

static void print_help(FILE *out)
{
    fputs("usage: portolan [--json] [--socket PATH] COMMAND ...\n\nThe tool of the Portolan DNS server.\n\n", out);
    print_commands(out, NULL);
    fputs("\nEverywhere:\n"
          "  --json            the result as JSON\n"
          "  --socket PATH     where the server listens for this tool (" CONFIG_CONTROL_DEFAULT ")\n"
          "  --help            help, also of one command: portolan query --help\n"
          "  --version         the version\n\n"
          "Status 0: done and good; 1: the answer is a no; 2: trouble.\n",
          out);
}

static int print_command_help(const command_t *command)
{
    printf("usage: portolan %s%s%s %s\n\n%s.\n", command->noun, command->verb ? " " : "", command->verb ? command->verb : "",
           command->arguments, command->summary);
    if (command->details) {
        printf("\n%s", command->details);
    }
    return TOOL_GOOD;
}

/* ---- finding the command ---- */

static const char *suggest(const char *word, const char *noun)
{
    const char *names[ARRAY_SIZE(commands) + 1];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!noun) {
            names[count++] = commands[i].noun;
        } else if (strcmp(noun, commands[i].noun) == 0 && commands[i].verb) {
            names[count++] = commands[i].verb;
        }
    }
    names[count] = NULL;
    return diagnostics_suggest(word, strlen(word), names);
}

static int unknown_command(const char *noun, const char *verb)
{
    const char *near = suggest(verb ? verb : noun, verb ? noun : NULL);
    fprintf(stderr, "portolan: unknown command \"%s%s%s\"", noun, verb ? " " : "", verb ? verb : "");
    if (near) {
        fprintf(stderr, ": did you mean \"%s%s%s\"?\n", verb ? noun : "", verb ? " " : "", near);
    } else {
        fputs("\n", stderr);
        print_commands(stderr, verb ? noun : NULL);
    }
    return TOOL_TROUBLE;
}

static bool is_noun(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].noun, word) == 0) {
            return true;
        }
    }
    return false;
}

/* The command of argv[0] and, where it has verbs, argv[1]; *words is how many were used. */
static const command_t *find_command(int argc, char **argv, int *words)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const command_t *command = &commands[i];
        bool same_verb = !command->verb || (argc > 1 && strcmp(argv[1], command->verb) == 0);
        if (strcmp(argv[0], command->noun) == 0 && same_verb) {
            *words = command->verb ? 2 : 1;
            return command;
        }
    }
    return NULL;
}

/* ---- the words that may stand anywhere ---- */

typedef struct globals {
    tool_t tool;
    bool help;
    bool version;
} globals_t;

/* Takes them out of argv; what stands behind "--" is left. -1: go on. */
static int take_globals(globals_t *globals, int *argc, char **argv, int from)
{
    int kept = from;
    int i = from;
    for (; i < *argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            break;
        }
        if (strcmp(argv[i], "--json") == 0) {
            globals->tool.json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            globals->help = true;
        } else if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
            globals->version = true;
        } else if (strncmp(argv[i], "--socket=", strlen("--socket=")) == 0) {
            globals->tool.socket = argv[i] + strlen("--socket=");
        } else if (strcmp(argv[i], "--socket") == 0) {
            if (++i == *argc) {
                return tool_fail("--socket needs a path");
            }
            globals->tool.socket = argv[i];
        } else {
            argv[kept++] = argv[i];
        }
    }
    while (i < *argc) {
        argv[kept++] = argv[i++];
    }
    *argc = kept;
    return -1;
}

static int dispatch(globals_t *globals, int argc, char **argv)
{
    char json[] = "--json";
    int words = 0;
    const command_t *command = find_command(argc, argv, &words);
    if (!command) {
        bool verb_missing = is_noun(argv[0]) && argc == 1;
        if (verb_missing) {
            print_commands(globals->help ? stdout : stderr, argv[0]);
            return globals->help ? TOOL_GOOD : TOOL_TROUBLE;
        }
        return unknown_command(argv[0], is_noun(argv[0]) ? argv[1] : NULL);
    }
    if (globals->help) {
        return print_command_help(command);
    }
    if (command->is_raw && globals->tool.json) { /* it takes the word itself: put it where it looks */
        argv[--words] = json;
    }
    return command->run(&globals->tool, command, argc - words, argv + words);
}

int main(int argc, char **argv)
{
    globals_t globals = {.tool = {.socket = CONFIG_CONTROL_DEFAULT}};
    int done = take_globals(&globals, &argc, argv, 1);
    if (done >= 0) {
        return done;
    }
    if (globals.version) {
        puts("portolan " PORTOLAN_VERSION);
        return TOOL_GOOD;
    }
    if (argc < 2) {
        print_help(globals.help ? stdout : stderr);
        return globals.help ? TOOL_GOOD : TOOL_TROUBLE;
    }
    if (strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return TOOL_GOOD;
    }
    return dispatch(&globals, argc - 1, argv + 1);
}
