/* The addresses a server listens on: from settings to the workers' sockets. */
#include "net/address.h"
#include "server/state.h"

#include <stdlib.h>

static bool is_same(const listen_settings_t *a, const listen_settings_t *b)
{
    return a->protocol == b->protocol && net_address_equal(&a->address, &b->address);
}

bool listener_list_has(const listener_list_t *list, const listen_settings_t *settings)
{
    for (size_t i = 0; i < list->count; i++) {
        if (is_same(&list->items[i].settings, settings)) {
            return true;
        }
    }
    return false;
}

void listener_list_close(listener_list_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        listener_close(&list->items[i]);
    }
    free(list->items);
    *list = (listener_list_t){.items = NULL};
}

/* Opens one address into the list. */
static status_t open_one(server_t *server, const listen_settings_t *settings, listener_list_t *opened, buffer_t *why)
{
    char address[NET_ADDRESS_TEXT_MAX];
    buffer_t reason;
    buffer_init(&reason, 4096);
    status_t status = listener_open(&opened->items[opened->count], settings, server->worker_count, &reason);
    net_address_text(&settings->address, address);
    if (status == STATUS_OK) {
        opened->count++;
    } else if (status == STATUS_NOT_FOUND && settings->optional) {
        log_event(server->log, LOG_WARNING, "listen.skipped", LOG_TEXT("address", address), LOG_TEXT("reason", buffer_text(&reason)));
        status = STATUS_OK;
    } else {
        log_event(server->log, LOG_ERROR, "listen.failed", LOG_TEXT("address", address), LOG_TEXT("reason", buffer_text(&reason)));
        buffer_printf(why, "%s%s", why->size > 0 ? "\n" : "", buffer_text(&reason));
    }
    buffer_clear(&reason);
    return status;
}

status_t server_open_listeners(server_t *server, const server_settings_t *wanted, const listener_list_t *present, listener_list_t *opened,
                               buffer_t *why)
{
    status_t result = STATUS_OK;
    *opened = (listener_list_t){.items = calloc(wanted->listen_count + 1, sizeof *opened->items)};
    if (!opened->items) {
        buffer_append_text(why, status_text(STATUS_NO_MEMORY));
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < wanted->listen_count; i++) {
        const listen_settings_t *settings = &wanted->listen[i];
        if (listener_list_has(present, settings) || listener_list_has(opened, settings)) {
            continue;
        }
        status_t status = open_one(server, settings, opened, why);
        result = result == STATUS_OK ? status : result;
    }
    if (result == STATUS_OK && opened->count + present->count == 0) {
        buffer_append_text(why, "none of the addresses to listen on can be had");
        log_event(server->log, LOG_ERROR, "listen.none", LOG_TEXT("reason", buffer_text(why)));
        result = STATUS_NOT_FOUND;
    }
    if (result != STATUS_OK) {
        listener_list_close(opened);
    }
    return result;
}

status_t server_hand_over(server_t *server, listener_list_t *list)
{
    for (size_t i = 0; i < list->count; i++) {
        listener_t *listener = &list->items[i];
        char address[NET_ADDRESS_TEXT_MAX];
        for (unsigned w = 0; w < listener->workers; w++) {
            int udp_fd = listener->udp_fds[w];
            int tcp_fd = listener->tcp_fds[w];
            listener->udp_fds[w] = listener->tcp_fds[w] = -1;
            status_t status = worker_serve(server->workers[w], &listener->settings.address, udp_fd, tcp_fd);
            if (status != STATUS_OK) {
                return status;
            }
        }
        log_event(server->log, LOG_INFO, "listen.opened", LOG_TEXT("address", net_address_text(&listener->settings.address, address)),
                  LOG_NUMBER("workers", listener->workers));
    }
    return STATUS_OK;
}
