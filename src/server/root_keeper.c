#include "server/root_keeper.h"

#include "base/bytes.h"
#include "base/random.h"
#include "base/rcu.h"
#include "net/address.h"
#include "server/state.h"
#include "server/state_file.h"
#include "server/transfer_in.h"
#include "wire/rrtype.h"
#include "zone/check.h"
#include "zone/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TRANSFER_MS = 60000, /* of one server, connection and all */
    REFRESH_MIN_S = 60,
    REFRESH_MAX_S = 86400,
    RETRY_MIN_S = 60,
    RETRY_MAX_S = 3600,
    MESSAGE_SIZE_MAX = 65535,
};

struct root_keeper {
    struct server *server;
    pthread_t thread;
    int wake_fd;
    _Atomic bool stopping;
    bool is_woken; /* while it was busy */
    uint8_t message[MESSAGE_SIZE_MAX];
};

/* One connection to one server. */
typedef struct session {
    root_keeper_t *keeper;
    int fd;
    uint64_t deadline_ms;
    const char *why;
} session_t;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the connection ---- */

/* False: over, by time or by the end of the server. */
static bool wait_for(session_t *session, short events)
{
    while (!session->keeper->stopping) {
        uint64_t now = now_ms();
        struct pollfd waited[] = {{.fd = session->fd, .events = events}, {.fd = session->keeper->wake_fd, .events = POLLIN}};
        if (now >= session->deadline_ms) {
            session->why = "did not answer in time";
            return false;
        }
        int count = poll(waited, 2, (int)(session->deadline_ms - now));
        if (count > 0 && waited[0].revents) {
            return true;
        }
        if (count > 0) { /* only a wake-up, which is for later: do not spin on it */
            uint64_t wakes;
            (void)!read(session->keeper->wake_fd, &wakes, sizeof wakes);
            session->keeper->is_woken = true;
        }
    }
    session->why = "was left, as the server ends";
    return false;
}

static socklen_t socket_address(const resolver_address_t *from, net_address_t *to)
{
    memset(to, 0, sizeof *to);
    if (from->family == RESOLVER_IPV4) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(from->port);
        memcpy(&to->v4.sin_addr, from->bytes, sizeof to->v4.sin_addr);
        return sizeof to->v4;
    }
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(from->port);
    memcpy(&to->v6.sin6_addr, from->bytes, sizeof to->v6.sin6_addr);
    return sizeof to->v6;
}

static bool bind_source(session_t *session, const recursion_settings_t *settings, sa_family_t family)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        const net_address_t *source = &settings->sources[i];
        if (source->sa.sa_family == family) {
            return bind(session->fd, &source->sa, family == AF_INET ? sizeof source->v4 : sizeof source->v6) == 0;
        }
    }
    return true;
}

static bool open_connection(session_t *session, const recursion_settings_t *settings, const resolver_address_t *primary)
{
    net_address_t address;
    socklen_t size = socket_address(primary, &address);
    int error = 0;
    socklen_t error_size = sizeof error;
    session->why = "cannot be connected to";
    session->fd = socket(address.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (session->fd < 0 || !bind_source(session, settings, address.sa.sa_family)) {
        return false;
    }
    if (connect(session->fd, &address.sa, size) == 0) {
        return true;
    }
    return errno == EINPROGRESS && wait_for(session, POLLOUT) && getsockopt(session->fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 &&
           error == 0;
}

static bool send_all(session_t *session, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(session->fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            session->why = "closed the connection";
            return false;
        } else if (!wait_for(session, POLLOUT)) {
            return false;
        }
    }
    return true;
}

static bool receive_all(session_t *session, uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t got = recv(session->fd, data, size, 0);
        if (got > 0) {
            data += got;
            size -= (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            session->why = "closed the connection";
            return false;
        } else if (!wait_for(session, POLLIN)) {
            return false;
        }
    }
    return true;
}

/* One question and all messages of its answer. */
static bool ask(session_t *session, transfer_in_t *transfer, uint16_t type)
{
    uint8_t query[2 + TRANSFER_IN_QUERY_MAX];
    uint8_t *message = session->keeper->message;
    uint16_t id;
    random_fill(&id, sizeof id);
    size_t size = transfer_in_ask(transfer, id, type, query + 2);
    store_be16(query, (uint16_t)size);
    if (!send_all(session, query, size + 2)) {
        return false;
    }
    status_t status = STATUS_AGAIN;
    while (status == STATUS_AGAIN) {
        uint8_t head[2];
        if (!receive_all(session, head, sizeof head) || !receive_all(session, message, load_be16(head)) || !wait_for(session, POLLOUT)) {
            return false;
        }
        status = transfer_in_take(transfer, message, load_be16(head));
        session->why = transfer->why;
    }
    return status == STATUS_OK;
}

/* ---- the file ---- */

/* Would the loader take it? So that what is good is replaced only by what is good. */
static bool is_good(const char *path)
{
    static const uint8_t root[NAME_PADDING] = {0};
    zone_check_policy_t policy;
    diagnostics_t diagnostics;
    const zone_contents_t *contents = NULL;
    zone_check_policy_init(&policy);
    loading_policy_of_root(&policy);
    policy.regular_files_only = true;
    diagnostics_init(&diagnostics, 0);
    status_t status = zone_load(root, CLASS_IN, path, &policy, &diagnostics, &contents);
    diagnostics_clear(&diagnostics);
    if (status == STATUS_OK) {
        zone_contents_unref(contents);
    }
    return status == STATUS_OK;
}

static bool replace_file(session_t *session, const server_settings_t *settings, const transfer_in_t *transfer)
{
    const state_file_t file = {.directory = settings->state, .name = ROOT_KEEPER_FILE ".new"};
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", settings->state, file.name);
    session->why = "sent a zone that cannot be kept in the state directory";
    if (length < 0 || length >= (int)sizeof path || state_file_write(&file, transfer->text.data, transfer->text.size) != STATUS_OK) {
        return false;
    }
    if (!is_good(path)) {
        session->why = "sent a zone that is not whole, or does not match its digest (ZONEMD)";
        (void)unlink(path);
        return false;
    }
    return rename(path, settings->recursion.root_path) == 0;
}

/* Puts what the file says into force. */
static void load(root_keeper_t *keeper, const server_settings_t *settings)
{
    server_t *server = keeper->server;
    pthread_mutex_lock(&server->control_lock);
    if (!server->stopped && server->table->settings == settings && server->table->root) {
        loading_t loading = {.log = server->log, .state_lock = &server->state_lock, .table = server->table};
        (void)!loading_run_one(&loading, server->table->root, LOADING_CHANGED);
    }
    pthread_mutex_unlock(&server->control_lock);
}

/* ---- one round ---- */

/* What is in force. */
typedef struct present {
    server_settings_t *settings; /* a reference */
    bool is_loaded;
    uint32_t serial;
    uint32_t refresh_s;
    uint32_t retry_s;
    int64_t written_s; /* when it was last known to be current */
} present_t;

static uint32_t bounded(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

static present_t look(root_keeper_t *keeper)
{
    enum { LENGTH = 2, REFRESH_IN_STORED_SOA = 8 + 4 }; /* two references, then serial */
    server_t *server = keeper->server;
    present_t present = {.retry_s = RETRY_MIN_S, .refresh_s = RETRY_MIN_S};
    pthread_mutex_lock(&server->state_lock);
    const zone_entry_t *entry = server->table->root;
    const zone_contents_t *contents = entry ? rcu_read(&entry->slot.contents) : NULL;
    present.settings = server_settings_ref(server->table->settings);
    if (contents) {
        const uint8_t *soa = zone_node_find(zone_apex(contents), TYPE_SOA)->data + LENGTH;
        present.is_loaded = true;
        present.serial = zone_head(contents)->serial;
        present.refresh_s = bounded(load_be32(soa + REFRESH_IN_STORED_SOA), REFRESH_MIN_S, REFRESH_MAX_S);
        present.retry_s = bounded(load_be32(soa + REFRESH_IN_STORED_SOA + 4), RETRY_MIN_S, RETRY_MAX_S);
        present.written_s = entry->identity.changed_ns / 1000000000;
    }
    pthread_mutex_unlock(&server->state_lock);
    return present;
}

/* RFC 1982 3.2 */
static bool is_newer(uint32_t serial, uint32_t than)
{
    return serial != than && serial - than < UINT32_C(1) << 31;
}

static bool refresh_from(session_t *session, const present_t *present, const resolver_address_t *primary, transfer_in_t *transfer)
{
    if (!open_connection(session, &present->settings->recursion, primary) || !ask(session, transfer, TYPE_SOA)) {
        return false;
    }
    if (present->is_loaded && transfer->serial == present->serial) {
        return utimensat(AT_FDCWD, present->settings->recursion.root_path, NULL, 0) == 0;
    }
    if (present->is_loaded && !is_newer(transfer->serial, present->serial)) {
        session->why = "has an older zone than ours";
        return false;
    }
    return ask(session, transfer, TYPE_AXFR) && replace_file(session, present->settings, transfer);
}

static bool try_primary(root_keeper_t *keeper, const present_t *present, const resolver_address_t *primary)
{
    static const name_t root = {.length = 1};
    session_t session = {.keeper = keeper, .fd = -1, .deadline_ms = now_ms() + TRANSFER_MS};
    transfer_in_t transfer;
    buffer_t text;
    uint64_t began_ms = now_ms();
    buffer_init(&text, NET_ADDRESS_TEXT_MAX);
    resolver_address_to_text(primary, &text);
    transfer_in_init(&transfer, &root, ROOT_KEEPER_FILE_MAX);
    bool is_done = refresh_from(&session, present, primary, &transfer);
    if (!is_done && !keeper->stopping) {
        log_event(keeper->server->log, LOG_WARNING, "local-root.not-fetched", LOG_TEXT("server", buffer_text(&text)),
                  LOG_TEXT("reason", session.why));
    } else if (is_done && transfer.type == TYPE_AXFR) {
        log_event(keeper->server->log, LOG_INFO, "local-root.fetched", LOG_TEXT("server", buffer_text(&text)),
                  LOG_NUMBER("serial", transfer.serial), LOG_NUMBER("records", transfer.records), LOG_NUMBER("ms", now_ms() - began_ms));
    }
    if (session.fd >= 0) {
        close(session.fd);
    }
    transfer_in_clear(&transfer);
    buffer_clear(&text);
    return is_done;
}

/* Milliseconds until the next round; -1: when somebody wakes us. is_wanted: now, whatever the SOA says. */
static int round_once(root_keeper_t *keeper, bool is_wanted)
{
    present_t present = look(keeper);
    const recursion_settings_t *settings = &present.settings->recursion;
    int64_t due_s = present.is_loaded ? present.written_s + present.refresh_s : 0;
    int64_t left_s = due_s - (int64_t)time(NULL);
    int wait_s = -1;
    if (settings->enabled && settings->root_primary_count > 0) {
        bool is_done = !is_wanted && left_s > 0;
        wait_s = is_done && left_s < REFRESH_MAX_S ? (int)left_s : (int)present.retry_s;
        for (size_t i = 0; i < settings->root_primary_count && !is_done && !keeper->stopping; i++) {
            is_done = try_primary(keeper, &present, &settings->root_primaries[i]);
            if (is_done) {
                load(keeper, present.settings);
                wait_s = (int)present.refresh_s;
            }
        }
    }
    server_settings_free(present.settings);
    return wait_s < 0 ? -1 : wait_s * 1000;
}

static void *run(void *context)
{
    root_keeper_t *keeper = context;
    bool is_wanted = false;
    pthread_setname_np(pthread_self(), "root");
    while (!keeper->stopping) {
        struct pollfd wake = {.fd = keeper->wake_fd, .events = POLLIN};
        uint64_t count;
        int wait = round_once(keeper, is_wanted);
        is_wanted = keeper->is_woken || (!keeper->stopping && poll(&wake, 1, wait) > 0);
        keeper->is_woken = false;
        (void)!read(keeper->wake_fd, &count, sizeof count);
    }
    return NULL;
}

/* ---- life ---- */

status_t root_keeper_new(struct server *server, root_keeper_t **out)
{
    root_keeper_t *keeper = calloc(1, sizeof *keeper);
    if (!keeper) {
        return STATUS_NO_MEMORY;
    }
    keeper->server = server;
    keeper->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_running = keeper->wake_fd >= 0 && pthread_create(&keeper->thread, NULL, run, keeper) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!is_running) {
        if (keeper->wake_fd >= 0) {
            close(keeper->wake_fd);
        }
        free(keeper);
        return STATUS_IO;
    }
    *out = keeper;
    return STATUS_OK;
}

void root_keeper_wake(root_keeper_t *keeper)
{
    uint64_t one = 1;
    (void)!write(keeper->wake_fd, &one, sizeof one);
}

void root_keeper_free(root_keeper_t *keeper)
{
    if (keeper) {
        keeper->stopping = true;
        root_keeper_wake(keeper);
        pthread_join(keeper->thread, NULL);
        close(keeper->wake_fd);
        free(keeper);
    }
}
