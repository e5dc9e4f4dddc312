/* portoland: reads the configuration, starts the server, gives up privileges, then waits for signals.
 *
 *   start -> bind and load (as started) -> drop privileges -> answer
 *   SIGHUP: reload     SIGTERM, SIGINT: finish what is in flight, end with status 0
 */
#include "base/buffer.h"
#include "base/diagnostic.h"
#include "base/log.h"
#include "control/config.h"
#include "control/service.h"
#include "daemon/notify.h"
#include "daemon/privileges.h"
#include "server/server.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_TROUBLE = 1, EXIT_USAGE = 2, TEXT_MAX_BYTES = 4 * 1024 * 1024, FILES_BESIDE_CONNECTIONS = 512 };

static const char usage_text[] = "usage: portoland [--config FILE]\n"
                                 "\n"
                                 "The Portolan DNS server. It runs in the foreground and logs to standard error.\n"
                                 "\n"
                                 "  -c, --config FILE   the configuration (default: " CONFIG_FILE_DEFAULT " if it exists,\n"
                                 "                      else built-in defaults: 127.0.0.1 and ::1, port 53)\n"
                                 "  -h, --help          this text\n"
                                 "  -V, --version       the version\n"
                                 "\n"
                                 "Signals: SIGHUP reads the configuration and changed zones again; SIGTERM and SIGINT end it.\n";

typedef struct daemon {
    log_t log;
    notify_t notify;
    const char *config_file; /* NULL: defaults */
    server_t *server;
    control_service_t *control;
    int signals; /* signalfd */
} daemon_t;

/* Prints and returns the exit status when the command line says all there is to do; -1 to go on. */
static int parse_options(daemon_t *daemon, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            daemon->config_file = optarg;
            break;
        case 'h':
            fputs(usage_text, stdout);
            return EXIT_SUCCESS;
        case 'V':
            puts("portoland " PORTOLAN_VERSION);
            return EXIT_SUCCESS;
        default:
            fputs("Try 'portoland --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "portoland: unexpected argument \"%s\"\nTry 'portoland --help'.\n", argv[optind]);
        return EXIT_USAGE;
    }
    if (!daemon->config_file && access(CONFIG_FILE_DEFAULT, F_OK) == 0) {
        daemon->config_file = CONFIG_FILE_DEFAULT;
    }
    return -1;
}

static server_settings_t *load_settings(const daemon_t *daemon)
{
    diagnostics_t diagnostics;
    buffer_t text;
    server_settings_t *settings = NULL;
    diagnostics_init(&diagnostics, 0);
    buffer_init(&text, TEXT_MAX_BYTES);
    status_t status = config_load(daemon->config_file, &settings, &diagnostics);
    diagnostics_print(&diagnostics, &text);
    fputs(buffer_text(&text), stderr);
    if (status != STATUS_OK) {
        fprintf(stderr, "portoland: not started: %s: %s\n", daemon->config_file ? daemon->config_file : "built-in defaults",
                diagnostics.errors > 0 ? "the configuration has errors" : status_text(status));
    }
    buffer_clear(&text);
    diagnostics_clear(&diagnostics);
    return status == STATUS_OK ? settings : NULL;
}

/* Signals become readable events, in every thread started from now on. */
static status_t take_signals(daemon_t *daemon)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN); /* a closed log or socket is an error code, not an end */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
        return STATUS_IO;
    }
    daemon->signals = signalfd(-1, &set, SFD_CLOEXEC);
    return daemon->signals < 0 ? STATUS_IO : STATUS_OK;
}

static status_t fail(daemon_t *daemon, const char *event, status_t status, buffer_t *why)
{
    const char *text = buffer_text(why);
    log_event(&daemon->log, LOG_ERROR, event, LOG_TEXT("error", *text ? text : status_text(status)));
    return status;
}

/* Binds and loads with the rights it was started with, gives them up, and begins to answer. */
static status_t start(daemon_t *daemon, buffer_t *why)
{
    const server_settings_t *settings = server_settings(daemon->server);
    /* every worker needs its own listeners; the rest are connections, zone files and the control socket */
    privileges_raise_files(settings->tcp_connections_max + FILES_BESIDE_CONNECTIONS, &daemon->log);
    status_t status = server_start(daemon->server);
    if (status != STATUS_OK) {
        return fail(daemon, "server.not-started", status, why);
    }
    status = control_service_open(daemon->control, why);
    if (status != STATUS_OK) {
        return fail(daemon, "control.not-opened", status, why);
    }
    status = privileges_drop(settings->user, &daemon->log, why);
    if (status != STATUS_OK) {
        return fail(daemon, "privileges.not-dropped", status, why);
    }
    status = server_run(daemon->server);
    if (status != STATUS_OK) {
        return fail(daemon, "server.not-running", status, why);
    }
    status = control_service_start(daemon->control);
    return status == STATUS_OK ? STATUS_OK : fail(daemon, "control.not-started", status, why);
}

static void reload(daemon_t *daemon)
{
    buffer_t why;
    buffer_init(&why, TEXT_MAX_BYTES);
    notify_reloading(&daemon->notify);
    if (control_service_reload(daemon->control, &why) != STATUS_OK) {
        fputs(buffer_text(&why), stderr); /* the log has the event; this has the places, for people */
        fputc('\n', stderr);
    }
    notify_ready(&daemon->notify);
    buffer_clear(&why);
}

static void serve_until_told(daemon_t *daemon)
{
    for (;;) {
        struct signalfd_siginfo info;
        ssize_t size = read(daemon->signals, &info, sizeof info);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size != sizeof info || info.ssi_signo != SIGHUP) {
            return;
        }
        reload(daemon);
    }
}

static int run(daemon_t *daemon)
{
    buffer_t why;
    buffer_init(&why, TEXT_MAX_BYTES);
    int result = EXIT_TROUBLE;
    if (take_signals(daemon) != STATUS_OK) {
        fprintf(stderr, "portoland: cannot take signals: %s\n", strerror(errno));
    } else if (start(daemon, &why) == STATUS_OK) {
        notify_ready(&daemon->notify);
        serve_until_told(daemon);
        notify_stopping(&daemon->notify);
        result = EXIT_SUCCESS;
    }
    control_service_stop(daemon->control);
    server_stop(daemon->server);
    buffer_clear(&why);
    return result;
}

int main(int argc, char **argv)
{
    daemon_t daemon = {.signals = -1};
    int done = parse_options(&daemon, argc, argv);
    if (done >= 0) {
        return done;
    }
    server_settings_t *settings = load_settings(&daemon);
    if (!settings) {
        return EXIT_TROUBLE;
    }
    log_init(&daemon.log, STDERR_FILENO, settings->log_level);
    daemon.log.no_time = getenv("JOURNAL_STREAM") != NULL; /* the journal stamps its lines itself */
    notify_init(&daemon.notify);
    int result = EXIT_TROUBLE;
    daemon.server = server_new(settings, &daemon.log); /* owns the settings from now on */
    daemon.control = daemon.server ? control_service_new(daemon.server, &daemon.log, daemon.config_file) : NULL;
    if (daemon.control) {
        result = run(&daemon);
    } else {
        fputs("portoland: out of memory\n", stderr);
    }
    control_service_free(daemon.control);
    server_free(daemon.server);
    notify_clear(&daemon.notify);
    if (daemon.signals >= 0) {
        close(daemon.signals);
    }
    return result;
}
