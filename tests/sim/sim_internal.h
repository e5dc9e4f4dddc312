/* Shared by the simulator's own files. */
#pragma once

#include "sim.h"

typedef struct sim_delivery {
    uint64_t exchange;
    uint64_t delay_ms;
    resolver_address_t source;
    const uint8_t *bytes;
    size_t size;
} sim_delivery_t;

_Noreturn void sim_give_up(const char *what, const char *about);
void sim_deliver(sim_t *sim, const sim_delivery_t *delivery);
/* Lets a host answer a message, in its way. */
void sim_host_answer(sim_host_t *host, const resolver_action_t *action);
/* Does to a parsed answer what the change says. */
void sim_change_apply(sim_host_t *host, const sim_change_t *change, message_t *message, arena_t *arena);
zone_slot_t *sim_find_zone(sim_t *sim, const uint8_t *apex);
void sim_print_record(const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t rdlength, buffer_t *text);
void sim_sort_lines(char *text);
/* RCODE and sorted records as one text; the caller frees. */
char *sim_finish_text(uint16_t rcode, buffer_t *records);
