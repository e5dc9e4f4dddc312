/* What the recursors of one generation share: who owns a question, mailboxes, and how many requests each client has waiting. */
#include "server/recursor_internal.h"

#include "net/address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- life ---- */

static bool open_mailboxes(recursor_group_t *group)
{
    group->mailboxes = calloc(group->workers, sizeof *group->mailboxes);
    for (unsigned i = 0; group->mailboxes && i < group->workers; i++) {
        mailbox_t *mailbox = &group->mailboxes[i];
        pthread_mutex_init(&mailbox->lock, NULL);
        mailbox->end = &mailbox->first;
        mailbox->event_fd = -1;
    }
    bool opened = group->mailboxes != NULL;
    for (unsigned i = 0; opened && i < group->workers; i++) {
        group->mailboxes[i].event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        opened = group->mailboxes[i].event_fd >= 0;
    }
    return opened;
}

static void set_upstream(recursor_group_t *group, const upstream_settings_t *upstream)
{
    const recursion_settings_t *settings = group_settings(group);
    group->upstream = *upstream;
    if (settings->port_low != 0) {
        group->upstream.port_low = settings->port_low;
        group->upstream.port_high = settings->port_high;
    }
    for (size_t i = 0; i < settings->source_count && group->upstream.source_count < UPSTREAM_SOURCES_MAX; i++) {
        group->upstream.sources[group->upstream.source_count++] = settings->sources[i];
    }
}

recursor_group_t *recursor_group_new(const recursor_group_settings_t *settings)
{
    recursor_group_t *group = calloc(1, sizeof *group);
    if (!group) {
        return NULL;
    }
    atomic_init(&group->references, 1);
    atomic_init(&group->active, settings->workers);
    group->workers = settings->workers;
    group->settings = server_settings_ref(settings->settings);
    const recursion_settings_t *recursion = group_settings(group);
    group->trust = (resolver_trust_t){recursion->anchors, recursion->negative, recursion->negative_count};
    set_upstream(group, settings->upstream);
    random_fill(&group->owner_key, sizeof group->owner_key);
    random_fill(&group->prefix_key, sizeof group->prefix_key);
    group->waiting = calloc(PREFIX_SLOTS, sizeof *group->waiting);
    if (!open_mailboxes(group) || !group->waiting) {
        recursor_group_unref(group);
        return NULL;
    }
    return group;
}

/* Whoever had it to himself has emptied it. */
static void clear_mailbox(mailbox_t *mailbox)
{
    REQUIRE(!mailbox->first);
    if (mailbox->event_fd >= 0) {
        close(mailbox->event_fd);
    }
    pthread_mutex_destroy(&mailbox->lock);
}

void recursor_group_unref(recursor_group_t *group)
{
    if (!group || atomic_fetch_sub_explicit(&group->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (unsigned i = 0; group->mailboxes && i < group->workers; i++) {
        clear_mailbox(&group->mailboxes[i]);
    }
    free(group->mailboxes);
    free(group->waiting);
    server_settings_free(group->settings);
    free(group);
}

const resolver_settings_t *recursor_group_resolver_settings(const recursor_group_t *group)
{
    return &group_settings(group)->resolver;
}

/* ---- clients ---- */

static _Atomic uint16_t *count_of(recursor_group_t *group, const net_address_t *client)
{
    net_prefix_t prefix = net_address_prefix(client);
    return &group->waiting[siphash(&group->prefix_key, &prefix, sizeof prefix) % PREFIX_SLOTS];
}

bool group_client_enter(recursor_group_t *group, const net_address_t *client)
{
    unsigned limit = group_settings(group)->waiting_max_a_client;
    limit = limit < UINT16_MAX ? limit : UINT16_MAX - 1;
    _Atomic uint16_t *count = count_of(group, client);
    uint16_t before = atomic_load_explicit(count, memory_order_relaxed);
    do {
        if (before >= limit) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(count, &before, (uint16_t)(before + 1), memory_order_relaxed, memory_order_relaxed));
    return true;
}

void group_client_leave(recursor_group_t *group, const net_address_t *client)
{
    uint16_t before = atomic_fetch_sub_explicit(count_of(group, client), 1, memory_order_relaxed);
    REQUIRE(before > 0);
}

/* ---- mail ---- */

unsigned group_owner(const recursor_group_t *group, const uint8_t *name, size_t length, uint16_t type)
{
    if (group->workers == 1) {
        return 0;
    }
    return (unsigned)((siphash(&group->owner_key, name, length) + type) % group->workers);
}

static void announce(mailbox_t *mailbox)
{
    const uint64_t one = 1;
    (void)!write(mailbox->event_fd, &one, sizeof one);
}

status_t group_mail(recursor_group_t *group, unsigned to, mail_t *mail)
{
    mailbox_t *mailbox = &group->mailboxes[to];
    mail->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    if (mailbox->is_closed || (!mail->is_answer && mailbox->questions >= MAIL_QUESTIONS_MAX)) {
        pthread_mutex_unlock(&mailbox->lock);
        return STATUS_LIMIT;
    }
    *mailbox->end = mail;
    mailbox->end = &mail->next;
    mailbox->questions += !mail->is_answer;
    bool is_new = !mailbox->is_announced;
    mailbox->is_announced = true;
    pthread_mutex_unlock(&mailbox->lock);
    if (is_new) {
        announce(mailbox);
    }
    return STATUS_OK;
}

static mail_t *empty(mailbox_t *mailbox, bool closes)
{
    uint64_t announced;
    (void)!read(mailbox->event_fd, &announced, sizeof announced);
    pthread_mutex_lock(&mailbox->lock);
    mail_t *mail = mailbox->first;
    mailbox->first = NULL;
    mailbox->end = &mailbox->first;
    mailbox->questions = 0;
    mailbox->is_announced = false;
    mailbox->is_closed = closes;
    pthread_mutex_unlock(&mailbox->lock);
    return mail;
}

mail_t *group_take_mail(recursor_group_t *group, unsigned own)
{
    return empty(&group->mailboxes[own], group->mailboxes[own].is_closed);
}

mail_t *group_close_mailbox(recursor_group_t *group, unsigned own)
{
    return empty(&group->mailboxes[own], true);
}

void mail_free(mail_t *mail)
{
    free(mail->memory);
    free(mail);
}

void group_leave(recursor_group_t *group)
{
    if (atomic_fetch_sub_explicit(&group->active, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (unsigned i = 0; i < group->workers; i++) {
        announce(&group->mailboxes[i]);
    }
}
