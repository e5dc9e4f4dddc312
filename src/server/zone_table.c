#include "server/zone_table.h"

#include "base/rcu.h"

#include <stdlib.h>
#include <string.h>

static void fill_view(zone_table_t *table, _Atomic unsigned *transfers_running)
{
    const server_settings_t *settings = table->settings;
    unsigned idle_ds = settings->tcp_idle_timeout_ms / 100;
    table->view = (dispatch_view_t){
        .zones = table->set,
        .nsid = settings->nsid,
        .version = settings->version,
        .hostname = settings->hostname,
        .minimal_responses = settings->minimal_responses,
        .rotate_rrsets = settings->rotate_rrsets,
        .udp_size_max = settings->udp_size_max,
        .transfers_max = settings->transfers_max,
        .transfer_time_max_ms = settings->transfer_time_max_ms,
        .tcp_idle_timeout_ds = (uint16_t)(idle_ds > UINT16_MAX ? UINT16_MAX : idle_ds),
        .transfers_running = transfers_running,
        .recursion_allow = settings->recursion.enabled ? settings->recursion.allow : NULL,
        .local_root = table->root_set,
        .local_root_until_s = table->root ? &table->root->good_until_s : NULL,
        .prefetch_percent = settings->recursion.resolver.prefetch ? settings->recursion.resolver.prefetch_percent : 0,
    };
}

/* Behind the others. */
static status_t make_root(zone_table_t *table, const server_settings_t *settings)
{
    if (!settings->recursion.enabled || !settings->recursion.root_path) {
        return STATUS_OK;
    }
    table->root = &table->entries[table->count];
    table->root->slot.name = (name_t){.length = 1};
    table->root->slot.user = &table->root->access;
    table->root->file = settings->recursion.root_path;
    table->root->is_root_copy = true;
    table->root->is_fetched = settings->recursion.root_primary_count > 0;
    return zone_set_new(&(zone_slot_t *){&table->root->slot}, 1, &table->root_set);
}

static status_t make_set(zone_table_t *table)
{
    zone_slot_t **slots = calloc(table->count + 1, sizeof *slots);
    if (!slots) {
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < table->count; i++) {
        slots[i] = &table->entries[i].slot;
    }
    status_t status = zone_set_new(slots, table->count, &table->set);
    free(slots);
    return status;
}

status_t zone_table_new(server_settings_t *settings, _Atomic unsigned *transfers_running, zone_table_t **out)
{
    zone_table_t *table = calloc(1, sizeof *table);
    zone_entry_t *entries = calloc(settings->zone_count + 1, sizeof *entries);
    if (!table || !entries) {
        free(table);
        free(entries);
        return STATUS_NO_MEMORY;
    }
    table->entries = entries;
    table->count = settings->zone_count;
    for (size_t i = 0; i < table->count; i++) {
        const zone_settings_t *zone = &settings->zones[i];
        entries[i].slot.name = zone->name;
        entries[i].slot.user = &entries[i].access;
        entries[i].access.allow_transfer = zone->allow_transfer;
        entries[i].file = zone->file;
    }
    status_t status = make_set(table);
    status = status == STATUS_OK ? make_root(table, settings) : status;
    if (status != STATUS_OK) {
        zone_table_free(table);
        return status;
    }
    table->settings = settings;
    fill_view(table, transfers_running);
    *out = table;
    return STATUS_OK;
}

void zone_table_free(zone_table_t *table)
{
    if (!table) {
        return;
    }
    zone_set_free(table->set);
    zone_set_free(table->root_set);
    for (size_t i = 0; i < table->count + (table->root != NULL); i++) {
        const zone_contents_t *contents = rcu_read(&table->entries[i].slot.contents);
        if (contents) {
            zone_contents_unref(contents);
        }
        included_files_unref(table->entries[i].included);
        free(table->entries[i].last_error);
    }
    free(table->entries);
    server_settings_free(table->settings);
    free(table);
}

void zone_table_adopt(zone_table_t *table, const zone_table_t *before)
{
    for (size_t i = 0; i < table->count + (table->root != NULL); i++) {
        zone_entry_t *entry = &table->entries[i];
        const zone_entry_t *old = entry == table->root ? before->root : zone_table_find(before, entry->slot.name.wire);
        const zone_contents_t *contents = old ? rcu_read(&old->slot.contents) : NULL;
        if (!old) {
            continue;
        }
        if (contents) {
            rcu_publish(&entry->slot.contents, zone_contents_ref(contents));
        }
        entry->loaded_at_s = old->loaded_at_s;
        entry->load_ms = old->load_ms;
        entry->good_until_s = old->good_until_s;
        if (strcmp(entry->file, old->file) == 0) {
            entry->identity = old->identity;
            entry->included = included_files_ref(old->included);
            entry->last_error = old->last_error ? strdup(old->last_error) : NULL;
        }
    }
}

zone_entry_t *zone_table_find(const zone_table_t *table, const uint8_t *name)
{
    zone_slot_t *slot = zone_set_get(table->set, name);
    return slot ? (zone_entry_t *)(void *)((char *)slot - offsetof(zone_entry_t, slot)) : NULL;
}
