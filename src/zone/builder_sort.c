/* Canonical order of a zone's names, by radix sort of 8 octets of their order keys at a time (zone/order.h): names with equal keys are told
 * apart by their next 8 octets. A list that is in order already, as most zone files and all transfers of signed zones have it, costs one
 * comparison of keys a name.
 */
#include "base/require.h"
#include "zone/builder_state.h"
#include "zone/order.h"

#include <string.h>

enum {
    DIGITS = 8,
    DIGIT_VALUES = 256,
    INSERTION_MAX = 32,                   /* items; below, counting digits costs more than it saves */
    ORDER_OCTETS_MAX = 2 * NAME_WIRE_MAX, /* an order key's whole length */
};

typedef struct sort_item {
    uint64_t key;
    uint32_t id;
} sort_item_t;

static bool is_sorted(const sort_item_t *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (items[i].key < items[i - 1].key) {
            return false;
        }
    }
    return true;
}

static void insertion_sort(sort_item_t *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        sort_item_t item = items[i];
        size_t to = i;
        for (; to > 0 && items[to - 1].key > item.key; to--) {
            items[to] = items[to - 1];
        }
        items[to] = item;
    }
}

/* Turns counts of a digit's values into places. False if all items have the same value: nothing to move. */
static bool counts_to_places(uint32_t *counts, size_t total)
{
    uint32_t place = 0;
    for (unsigned value = 0; value < DIGIT_VALUES; value++) {
        uint32_t count = counts[value];
        if (count == total) {
            return false;
        }
        counts[value] = place;
        place += count;
    }
    return true;
}

static void radix_sort(sort_item_t *items, sort_item_t *extra, size_t count)
{
    uint32_t counts[DIGITS][DIGIT_VALUES] = {0};
    for (size_t i = 0; i < count; i++) {
        for (unsigned digit = 0; digit < DIGITS; digit++) {
            counts[digit][items[i].key >> (8 * digit) & 0xff]++;
        }
    }
    sort_item_t *from = items;
    sort_item_t *to = extra;
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        if (!counts_to_places(counts[digit], count)) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            to[counts[digit][from[i].key >> (8 * digit) & 0xff]++] = from[i];
        }
        sort_item_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != items) {
        memcpy(items, from, count * sizeof *items);
    }
}

/* Keys of items are those from octet `skip` on. Recursion: at most ORDER_OCTETS_MAX / 8 deep. */
static void sort_items(const zone_builder_t *builder, sort_item_t *items, sort_item_t *extra, size_t count, size_t skip)
{
    if (!is_sorted(items, count)) {
        if (count <= INSERTION_MAX) {
            insertion_sort(items, count);
        } else {
            radix_sort(items, extra, count);
        }
    }
    unsigned apex_labels = build_name(builder, builder->apex)->labels;
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = begin + 1;
        while (end < count && items[end].key == items[begin].key) {
            end++;
        }
        if (end - begin == 1) {
            continue;
        }
        REQUIRE(skip < ORDER_OCTETS_MAX);
        for (size_t i = begin; i < end; i++) {
            items[i].key = zone_order_key(build_name(builder, items[i].id)->wire, apex_labels, skip + sizeof items->key);
        }
        sort_items(builder, items + begin, extra + begin, end - begin, skip + sizeof items->key);
    }
}

status_t builder_sort_names(zone_builder_t *builder, id_list_t *ids)
{
    if (ids->count == 0) {
        return STATUS_OK;
    }
    status_t status = block_reserve(&builder->slots, 2 * (size_t)ids->count * sizeof(sort_item_t));
    if (status != STATUS_OK) {
        return status;
    }
    sort_item_t *items = (sort_item_t *)(void *)builder->slots.base;
    uint32_t *list = id_list_items(ids);
    unsigned apex_labels = build_name(builder, builder->apex)->labels;
    for (uint32_t i = 0; i < ids->count; i++) {
        items[i] = (sort_item_t){.key = zone_order_key(build_name(builder, list[i])->wire, apex_labels, 0), .id = list[i]};
    }
    sort_items(builder, items, items + ids->count, ids->count, 0);
    for (uint32_t i = 0; i < ids->count; i++) {
        list[i] = items[i].id;
    }
    return STATUS_OK;
}

static void insertion_sort_slots(uint64_t *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t item = items[i];
        size_t to = i;
        for (; to > 0 && items[to - 1] > item; to--) {
            items[to] = items[to - 1];
        }
        items[to] = item;
    }
}

void builder_sort_slots(uint64_t *items, uint64_t *extra, size_t count)
{
    if (count <= INSERTION_MAX) {
        insertion_sort_slots(items, count);
        return;
    }
    uint32_t counts[DIGITS / 2][DIGIT_VALUES] = {0};
    for (size_t i = 0; i < count; i++) {
        for (unsigned digit = 0; digit < DIGITS / 2; digit++) {
            counts[digit][items[i] >> (32 + 8 * digit) & 0xff]++;
        }
    }
    uint64_t *from = items;
    uint64_t *to = extra;
    for (unsigned digit = 0; digit < DIGITS / 2; digit++) {
        if (!counts_to_places(counts[digit], count)) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            to[counts[digit][from[i] >> (32 + 8 * digit) & 0xff]++] = from[i];
        }
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != items) {
        memcpy(items, from, count * sizeof *items);
    }
}
