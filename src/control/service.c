/* The control service: its life, and every reload. The clients are served by service_clients.c. */
#include "control/service.h"

#include "base/diagnostic.h"
#include "base/require.h"
#include "control/config.h"
#include "control/schema.h"
#include "control/service_internal.h"
#include "control/socket.h"
#include "control/value.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

control_service_t *control_service_new(server_t *server, log_t *log, const char *config_file)
{
    control_service_t *service = calloc(1, sizeof *service);
    if (!service) {
        return NULL;
    }
    *service = (control_service_t){.server = server, .log = log, .listener = -1, .wake = -1};
    service->config_file = config_file ? strdup(config_file) : NULL;
    if ((config_file && !service->config_file) || pthread_mutex_init(&service->lock, NULL) != 0) {
        free(service->config_file);
        free(service);
        return NULL;
    }
    atomic_init(&service->stopping, false);
    return service;
}

/* ---- the socket ---- */

static void note_identity(control_service_t *service)
{
    struct stat there;
    if (lstat(service->path, &there) == 0) {
        service->device = there.st_dev;
        service->inode = there.st_ino;
    }
}

status_t control_service_open(control_service_t *service, buffer_t *why)
{
    REQUIRE(service->listener < 0);
    const server_settings_t *settings = server_settings(service->server);
    if (!settings->control) {
        return STATUS_OK;
    }
    status_t status = control_socket_make(settings->control, settings->user, &service->listener, why);
    bool is_default = strcmp(settings->control, CONFIG_CONTROL_DEFAULT) == 0;
    if (is_default && (status == STATUS_DENIED || status == STATUS_IO)) {
        log_event(service->log, LOG_WARNING, "control.none", LOG_TEXT("socket", settings->control), LOG_TEXT("error", buffer_text(why)));
        buffer_reset(why);
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        service->path = strdup(settings->control);
        if (!service->path) {
            return STATUS_NO_MEMORY;
        }
        note_identity(service);
        log_event(service->log, LOG_INFO, "control.open", LOG_TEXT("socket", service->path));
    }
    return status;
}

static void close_socket(control_service_t *service)
{
    if (service->listener >= 0) {
        close(service->listener);
        service->listener = -1;
    }
    struct stat there; /* only our own: another server may have taken the place */
    if (service->path && lstat(service->path, &there) == 0 && there.st_dev == service->device && there.st_ino == service->inode) {
        (void)unlink(service->path); /* the directory may be root's; the next start removes it then */
    }
    free(service->path);
    service->path = NULL;
}

/* ---- the thread ---- */

status_t control_service_start(control_service_t *service)
{
    REQUIRE(!service->is_running);
    if (service->listener < 0) {
        return STATUS_OK;
    }
    service->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (service->wake < 0) {
        return STATUS_IO;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&service->thread, NULL, control_serve, service);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        errno = error;
        return STATUS_IO;
    }
    service->is_running = true;
    return STATUS_OK;
}

void control_service_stop(control_service_t *service)
{
    if (service->is_running) {
        atomic_store(&service->stopping, true);
        uint64_t one = 1;
        ssize_t written = write(service->wake, &one, sizeof one);
        (void)written; /* cannot fail: the counter is far from its end */
        pthread_join(service->thread, NULL);
        service->is_running = false;
    }
    if (service->wake >= 0) {
        close(service->wake);
        service->wake = -1;
    }
    close_socket(service);
}

void control_service_free(control_service_t *service)
{
    if (service) {
        control_service_stop(service);
        pthread_mutex_destroy(&service->lock);
        free(service->config_file);
        free(service);
    }
}

/* ---- reload ---- */

static bool is_same_value(const config_item_t *item, const server_settings_t *a, const server_settings_t *b)
{
    buffer_t texts[2];
    const server_settings_t *settings[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        buffer_init(&texts[i], 65536);
        value_print(item, (const char *)settings[i] + item->offset, &texts[i]);
    }
    bool same = strcmp(buffer_text(&texts[0]), buffer_text(&texts[1])) == 0;
    buffer_clear(&texts[0]);
    buffer_clear(&texts[1]);
    return same;
}

/* Settings that are taken at start only must be as they were. */
static status_t check_fixed(const server_settings_t *now, const server_settings_t *next, buffer_t *why)
{
    status_t status = STATUS_OK;
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        if (item->is_fixed && !is_same_value(item, now, next)) {
            buffer_printf(why, "%s\"%s\" cannot change while the server runs: restart it", status == STATUS_OK ? "" : "; ", item->path);
            status = STATUS_INVALID;
        }
    }
    return status;
}

static status_t reload_settings(control_service_t *service, buffer_t *why)
{
    server_settings_t *settings = NULL;
    diagnostics_t diagnostics;
    diagnostics_init(&diagnostics, 0);
    status_t status = config_load(service->config_file, &settings, &diagnostics);
    if (status != STATUS_OK) {
        diagnostics_print(&diagnostics, why);
    } else {
        status = check_fixed(server_settings(service->server), settings, why);
    }
    diagnostics_clear(&diagnostics);
    log_level_t level = settings ? settings->log_level : LOG_INFO;
    if (status == STATUS_OK) {
        status = server_reload(service->server, settings, why);
    }
    if (status != STATUS_OK) {
        server_settings_free(settings);
        return status;
    }
    atomic_store_explicit(&service->log->threshold, (int)level, memory_order_relaxed);
    return STATUS_OK;
}

/* The first line of why, for the log: the whole text goes to whoever asked. */
static void log_failure(control_service_t *service, status_t status, buffer_t *why)
{
    char line[512];
    const char *first = line;
    const char *text = buffer_text(why);
    size_t length = strcspn(text, "\n");
    length = length < sizeof line - 1 ? length : sizeof line - 1;
    memcpy(line, text, length);
    line[length] = 0;
    if (length == 0) {
        first = status_text(status);
    }
    log_event(service->log, LOG_ERROR, "config.not-reloaded", LOG_TEXT("file", service->config_file), LOG_TEXT("error", first));
}

status_t control_reload_locked(control_service_t *service, size_t *reloaded, size_t *failed, buffer_t *why)
{
    if (service->config_file) {
        status_t status = reload_settings(service, why);
        if (status != STATUS_OK) {
            log_failure(service, status, why);
            return status;
        }
        log_event(service->log, LOG_NOTICE, "config.reloaded", LOG_TEXT("file", service->config_file));
    }
    status_t status = server_reload_zones(service->server, false, reloaded, failed);
    if (*failed > 0) {
        buffer_printf(
            why,
            "the configuration is current, but %zu of %zu changed zones could not be loaded: an old version, where there is one, stays",
            *failed, *failed + *reloaded);
        status = status == STATUS_OK ? STATUS_INVALID : status;
    }
    return status;
}

status_t control_service_reload(control_service_t *service, buffer_t *why)
{
    size_t reloaded = 0;
    size_t failed = 0;
    pthread_mutex_lock(&service->lock);
    status_t status = control_reload_locked(service, &reloaded, &failed, why);
    pthread_mutex_unlock(&service->lock);
    return status;
}
