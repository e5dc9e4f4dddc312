/* portoland: start, signals, end. Everything else is in server/ and control/.
 *
 *     configuration -> ports and control socket opened -> privileges given up -> zones loaded -> workers started -> READY
 *     SIGHUP: configuration and changed zones are read again.  SIGTERM, SIGINT: answers in flight are sent, status 0; while zones are
 *     loaded: at once, status 0.
 *
 * Status 1: the configuration or the system does not allow a start (stderr says why); 2: a mistake on the command line.
 */
#include "base/buffer.h"
#include "base/diagnostic.h"
#include "base/log.h"
#include "control/config.h"
#include "control/service.h"
#include "daemon/early_end.h"
#include "daemon/notify.h"
#include "daemon/privileges.h"
#include "server/loading.h"
#include "server/recursor.h"
#include "server/server.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_NO_START = 1, STATUS_USAGE = 2 };

enum {
    DESCRIPTORS_APART = 128,       /* control clients, zone files, the log */
    DESCRIPTORS_PER_WORKER = 4,    /* epoll, orders */
    MESSAGES_MAX_BYTES = 16 << 20, /* what is wrong with a configuration, as text */
};

typedef struct options {
    const char *config_file; /* NULL: none given */
} options_t;

typedef struct program {
    log_t log;
    server_t *server;
    control_service_t *control;
    const char *config_file; /* NULL: defaults */
    int signal_fd;
    bool hung_up; /* SIGHUP came while the zones were loaded */
} program_t;

static void print_usage(FILE *out)
{
    fputs("usage: portoland [--config FILE]\n"
          "\n"
          "Serves DNS in the foreground. Without --config it reads " CONFIG_FILE_DEFAULT " if that exists,\n"
          "else it listens on 127.0.0.1 and ::1, port 53.\n"
          "\n"
          "  -c, --config FILE  the configuration (portolan config check FILE tells what is wrong with it)\n"
          "  -V, --version      print the version and end\n"
          "  -h, --help         print this and end\n"
          "\n"
          "SIGHUP reads the configuration and changed zones again; SIGTERM and SIGINT end the server.\n",
          out);
}

/* The status to end with, or -1 to go on. */
static int read_options(int argc, char **argv, options_t *options)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"version", no_argument, NULL, 'V'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    for (int letter = getopt_long(argc, argv, "c:Vh", known, NULL); letter != -1; letter = getopt_long(argc, argv, "c:Vh", known, NULL)) {
        switch (letter) {
        case 'c':
            options->config_file = optarg;
            break;
        case 'V':
            puts("portoland " PORTOLAN_VERSION);
            return 0;
        case 'h':
            print_usage(stdout);
            return 0;
        default:
            print_usage(stderr);
            return STATUS_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "portoland: unexpected word: %s\n", argv[optind]);
        print_usage(stderr);
        return STATUS_USAGE;
    }
    return -1;
}

static server_settings_t *load_settings(const char *file)
{
    diagnostics_t diagnostics;
    buffer_t text;
    server_settings_t *settings = NULL;
    diagnostics_init(&diagnostics, 0);
    buffer_init(&text, MESSAGES_MAX_BYTES);
    status_t status = config_load(file, &settings, &diagnostics);
    diagnostics_print(&diagnostics, &text);
    fputs(buffer_text(&text), stderr);
    if (status != STATUS_OK && diagnostics.errors == 0) {
        fprintf(stderr, "portoland: %s: %s\n", file ? file : "default settings", status_text(status));
    }
    buffer_clear(&text);
    diagnostics_clear(&diagnostics);
    return settings;
}

/* Whether stderr leads to the journal, which has its own time stamps: JOURNAL_STREAM is its device and inode. */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat status;
    if (!stream || fstat(fd, &status) != 0) {
        return false;
    }
    snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)status.st_dev, (unsigned long long)status.st_ino);
    return strcmp(stream, own) == 0;
}

/* From here on signals are only read, by the main thread; SIGPIPE means nothing: every write is checked. */
static bool take_signals(program_t *program)
{
    sigset_t signals;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    program->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    return sigaction(SIGPIPE, &ignore, NULL) == 0 && sigprocmask(SIG_BLOCK, &signals, NULL) == 0 && program->signal_fd >= 0;
}

static void allow_descriptors(program_t *program, const server_settings_t *settings)
{
    unsigned long workers = settings->workers > 0 ? settings->workers : loading_processors();
    unsigned long a_worker = DESCRIPTORS_PER_WORKER + 2 * (unsigned long)settings->listen_count;
    a_worker += settings->recursion.enabled ? (unsigned long)RECURSOR_DESCRIPTORS : 0;
    unsigned long wanted = settings->tcp_connections_max + workers * a_worker + DESCRIPTORS_APART;
    unsigned long allowed = 0;
    if (!privileges_allow_descriptors(wanted, &allowed)) {
        log_event(&program->log, LOG_WARNING, "limit.descriptors", LOG_NUMBER("wanted", wanted), LOG_NUMBER("allowed", allowed),
                  LOG_TEXT("meaning", "fewer TCP connections, or questions to other servers at once, than the configuration allows"));
    }
}

static bool complain(const char *what, const char *why)
{
    fprintf(stderr, "portoland: %s%s%s\n", what, why[0] ? ": " : "", why);
    return false;
}

static void log_stopping(program_t *program, int signal_number)
{
    log_event(&program->log, LOG_NOTICE, "server.stopping", LOG_TEXT("signal", signal_number == SIGTERM ? "SIGTERM" : "SIGINT"));
}

/* Another thread is reading zones, and nothing was answered yet: only the socket must go. */
static void end_early(void *context, int signal_number)
{
    program_t *program = context;
    log_stopping(program, signal_number);
    notify_manager("STOPPING=1");
    control_service_stop(program->control);
    log_event(&program->log, LOG_NOTICE, "server.stopped", LOG_NUMBER("workers", 0));
    _exit(EXIT_SUCCESS);
}

static status_t load_zones(program_t *program)
{
    early_end_t watch;
    bool watched = early_end_watch(&watch, program->signal_fd, end_early, program);
    status_t status = server_start(program->server);
    if (watched) {
        program->hung_up = early_end_stop(&watch);
    }
    return status;
}

/* Takes settings. */
static bool start(program_t *program, server_settings_t *settings, buffer_t *why)
{
    allow_descriptors(program, settings);
    program->server = server_new(settings, &program->log);
    program->control = program->server ? control_service_new(program->server, &program->log, program->config_file) : NULL;
    if (!program->control) {
        return complain("not enough memory or descriptors", "");
    }
    if (server_bind(program->server) != STATUS_OK) {
        return complain("not all addresses can be listened on", "");
    }
    if (control_service_open(program->control, why) != STATUS_OK) {
        return complain("control socket", buffer_text(why));
    }
    if (privileges_drop(server_settings(program->server)->user, &program->log, why) != STATUS_OK) {
        return complain("privileges", buffer_text(why));
    }
    if (load_zones(program) != STATUS_OK || server_run(program->server) != STATUS_OK) {
        return complain("the server cannot start", "");
    }
    if (control_service_start(program->control) != STATUS_OK) {
        return complain("the control service cannot start", "");
    }
    return true;
}

static void reload(program_t *program)
{
    buffer_t why;
    buffer_init(&why, MESSAGES_MAX_BYTES);
    notify_reloading();
    (void)!control_service_reload(program->control, &why); /* the log says how it went */
    notify_manager("READY=1");
    buffer_clear(&why);
}

static void serve_until_told(program_t *program)
{
    if (program->hung_up) {
        reload(program); /* the configuration may have changed since it was read */
    }
    for (;;) {
        struct signalfd_siginfo received;
        if (read(program->signal_fd, &received, sizeof received) != (ssize_t)sizeof received) {
            continue;
        }
        if (received.ssi_signo == SIGHUP) {
            reload(program);
        } else {
            log_stopping(program, (int)received.ssi_signo);
            return;
        }
    }
}

static void end(program_t *program)
{
    if (program->control) {
        control_service_stop(program->control);
        control_service_free(program->control);
    }
    if (program->server) {
        server_stop(program->server);
        server_free(program->server);
    }
    close(program->signal_fd);
}

int main(int argc, char **argv)
{
    options_t options = {.config_file = NULL};
    program_t program = {.signal_fd = -1};
    buffer_t why;
    if (!privileges_secure_standard_files()) {
        return STATUS_NO_START;
    }
    int status = read_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    program.config_file = options.config_file ? options.config_file : access(CONFIG_FILE_DEFAULT, F_OK) == 0 ? CONFIG_FILE_DEFAULT : NULL;
    server_settings_t *settings = load_settings(program.config_file);
    if (!settings) {
        return STATUS_NO_START;
    }
    log_init(&program.log, STDERR_FILENO, settings->log_level);
    program.log.no_time = is_journal(STDERR_FILENO);
    if (!take_signals(&program)) {
        server_settings_free(settings);
        return STATUS_NO_START;
    }
    log_event(&program.log, LOG_NOTICE, "server.starting", LOG_TEXT("version", PORTOLAN_VERSION), LOG_NUMBER("pid", getpid()),
              LOG_TEXT("config", program.config_file ? program.config_file : "(defaults)"));
    buffer_init(&why, MESSAGES_MAX_BYTES);
    bool started = start(&program, settings, &why);
    if (started) {
        notify_manager("READY=1");
        serve_until_told(&program);
        notify_manager("STOPPING=1");
    }
    end(&program);
    buffer_clear(&why);
    return started ? 0 : STATUS_NO_START;
}
