#include "sim.h"

#include "base/require.h"
#include "base/siphash.h"
#include "random.h"
#include "served.h"
#include "sim_internal.h"
#include "wire/rdata.h"
#include "wire/rrtype.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void sim_give_up(const char *what, const char *about)
{
    fprintf(stderr, "simulation: %s: %s\n", what, about);
    abort();
}

uint32_t sim_random(sim_t *sim, uint32_t limit)
{
    return random_below(&sim->seed, limit);
}

static uint64_t next_random(void *context)
{
    return random_next(context);
}

name_t sim_name(const char *text)
{
    name_t name;
    if (name_from_text(&name, text, strlen(text), NULL, NULL) != STATUS_OK) {
        sim_give_up("not a name", text);
    }
    return name;
}

static resolver_address_t address_of(const char *text)
{
    resolver_address_t address;
    if (!resolver_address_from_text(&address, text, strlen(text))) {
        sim_give_up("not an address", text);
    }
    return address;
}

/* ---- the world ---- */

sim_t *sim_new(uint64_t seed)
{
    sim_t *sim = calloc(1, sizeof *sim);
    REQUIRE(sim);
    sim->seed = seed;
    sim->epoch_s = 1800000000;
    sim->now_ms = 1000;
    resolver_settings_default(&sim->settings);
    sim->settings.addresses_remembered_max = 256;
    sim->settings.fetches_max = 512;
    sim->settings.requests_max = SIM_ANSWERS_MAX;
    sim->settings.discard_waiter_ms = 0;
    sim->settings.serve_stale = false;
    sim->settings.priming = false;
    sim->settings.signal_key_tags = false;
    trust_anchors_init(&sim->anchors);
    return sim;
}

static void forget(sim_t *sim)
{
    resolver_free(sim->resolver);
    if (sim->memory) {
        store_memory_free(sim->memory);
    }
    if (sim->cache) {
        cache_store_free(sim->store);
        cache_free(sim->cache);
    }
    for (size_t i = 0; i < sim->pending_count; i++) {
        free(sim->pending[i].bytes);
    }
    for (size_t i = 0; i < sim->answer_count; i++) {
        free(sim->answers[i].text);
        free(sim->answers[i].with_do);
        free(sim->answers[i].plain);
        sim->answers[i] = (sim_answer_t){0};
    }
    sim->memory = NULL;
    sim->cache = NULL;
    sim->resolver = NULL;
    sim->pending_count = 0;
    sim->answer_count = 0;
}

void sim_free(sim_t *sim)
{
    forget(sim);
    for (size_t i = 0; i < sim->host_count; i++) {
        dispatch_free(sim->hosts[i].dispatch);
        zone_set_free(sim->hosts[i].zones);
    }
    for (size_t i = 0; i < sim->zone_count; i++) {
        zone_contents_unref(atomic_load(&sim->zones[i].contents));
    }
    trust_anchors_clear(&sim->anchors);
    free(sim);
}

zone_slot_t *sim_find_zone(sim_t *sim, const uint8_t *apex)
{
    for (size_t i = 0; i < sim->zone_count; i++) {
        if (name_equal(sim->zones[i].name.wire, apex)) {
            return &sim->zones[i];
        }
    }
    return NULL;
}

void sim_zone_contents(sim_t *sim, const char *apex, const zone_contents_t *contents)
{
    if (sim->zone_count == SIM_ZONES_MAX) {
        sim_give_up("too many zones", apex);
    }
    zone_slot_t *slot = &sim->zones[sim->zone_count++];
    slot->name = sim_name(apex);
    name_lower(slot->name.wire, slot->name.length);
    atomic_store(&slot->contents, contents);
}

void sim_zone(sim_t *sim, const char *apex, const char *text)
{
    sim_zone_contents(sim, apex, served_zone(apex, text, SERVED_UNSIGNED));
}

void sim_change_contents(sim_t *sim, const char *apex, const zone_contents_t *contents)
{
    name_t name = sim_name(apex);
    zone_slot_t *slot = sim_find_zone(sim, name.wire);
    REQUIRE(slot);
    zone_contents_unref(atomic_load(&slot->contents));
    atomic_store(&slot->contents, contents);
}

void sim_change_zone(sim_t *sim, const char *apex, const char *text)
{
    sim_change_contents(sim, apex, served_zone(apex, text, SERVED_UNSIGNED));
}

void sim_trust(sim_t *sim, const char *text)
{
    trust_anchor_error_t error = {0};
    if (trust_anchors_parse(&sim->anchors, text, strlen(text), &error) != STATUS_OK) {
        sim_give_up(error.message, text);
    }
    sim->trust.anchors = &sim->anchors;
}

void sim_change_answers(sim_t *sim, const char *address, const sim_change_t *changes, size_t count)
{
    sim_host_t *host = sim_find_host(sim, address);
    host->changes = changes;
    host->change_count = count;
}

static sim_host_t *add_host(sim_t *sim, const char *address)
{
    if (sim->host_count == SIM_HOSTS_MAX) {
        sim_give_up("too many hosts", address);
    }
    sim_host_t *host = &sim->hosts[sim->host_count++];
    host->sim = sim;
    host->address = address_of(address);
    host->latency_ms = 20;
    return host;
}

sim_host_t *sim_host(sim_t *sim, const char *address, const char *zones)
{
    sim_host_t *host = add_host(sim, address);
    const char *at = zones;
    while (*at) {
        size_t length = strcspn(at, " ");
        char apex[NAME_TEXT_MAX];
        snprintf(apex, sizeof apex, "%.*s", (int)length, at);
        name_t name = sim_name(apex);
        zone_slot_t *slot = sim_find_zone(sim, name.wire);
        if (!slot || host->slot_count == SIM_HOST_ZONES_MAX) {
            sim_give_up("no such zone, or too many", apex);
        }
        host->slots[host->slot_count++] = slot;
        at += length + (at[length] == ' ');
    }
    if (zone_set_new(host->slots, host->slot_count, &host->zones) != STATUS_OK) {
        sim_give_up("zone set", zones);
    }
    host->view = (dispatch_view_t){
        .zones = host->zones,
        .minimal_responses = true,
        .udp_size_max = UDP_SIZE_DEFAULT,
        .transfers_max = 1,
        .tcp_idle_timeout_ds = 100,
        .transfers_running = &sim->transfers_running,
    };
    atomic_store(&host->published, &host->view);
    host->dispatch = dispatch_new(&host->published);
    REQUIRE(host->dispatch);
    return host;
}

sim_host_t *sim_scripted(sim_t *sim, const char *address, sim_script_t script, const void *data)
{
    sim_host_t *host = add_host(sim, address);
    host->script = script;
    host->script_data = data;
    return host;
}

static sim_host_t *host_at(sim_t *sim, const resolver_address_t *address)
{
    for (size_t i = 0; i < sim->host_count; i++) {
        if (resolver_address_equal(&sim->hosts[i].address, address)) {
            return &sim->hosts[i];
        }
    }
    return NULL;
}

sim_host_t *sim_find_host(sim_t *sim, const char *address)
{
    resolver_address_t wanted = address_of(address);
    sim_host_t *host = host_at(sim, &wanted);
    if (!host) {
        sim_give_up("no host", address);
    }
    return host;
}

sim_host_t *sim_serve(sim_t *sim, const char *zones)
{
    sim->own = sim_host(sim, "0.0.0.0", zones);
    sim->own->address = (resolver_address_t){.family = 0};
    sim->own->latency_ms = 0;
    return sim->own;
}

sim_host_t *sim_copy_root(sim_t *sim, const char *zone)
{
    sim->root = sim_host(sim, "0.0.0.0", zone);
    sim->root->address = (resolver_address_t){.family = 0};
    sim->root->latency_ms = 0;
    sim->has_root = true;
    return sim->root;
}

static bool has_root(void *context)
{
    const sim_t *sim = context;
    return sim->has_root;
}

static bool find_served(void *context, const name_key_t *name, unsigned labels, name_t *zone)
{
    const sim_t *sim = context;
    const zone_slot_t *slot = sim->own ? zone_set_find(sim->own->zones, name, labels) : NULL;
    if (slot) {
        *zone = slot->name;
    }
    return slot != NULL;
}

void sim_hint(sim_t *sim, const char *name, const char *address)
{
    REQUIRE(sim->hints.count < HINTS_SERVERS_MAX);
    hint_t *hint = &sim->hints.servers[sim->hints.count++];
    hint->name = sim_name(name);
    hint->addresses[0] = address_of(address);
    hint->address_count = 1;
}

static void make_store(sim_t *sim)
{
    const char *which = sim->uses_cache ? "cache" : getenv("SIM_STORE");
    if (!which || strcmp(which, "memory") == 0) {
        sim->memory = store_memory_new(4096, sim->settings.stale_max_s);
        sim->store = store_memory_store(sim->memory);
        return;
    }
    if (strcmp(which, "cache") != 0) {
        sim_give_up("SIM_STORE is memory or cache", which);
    }
    cache_settings_t settings;
    cache_store_settings(&settings, 4 << 20);
    settings.key = (siphash_key_t){1, 2};
    REQUIRE(cache_new(&sim->cache, &settings, NULL, NULL) == STATUS_OK);
    sim->store = cache_store_new(sim->cache, &sim->settings);
    REQUIRE(sim->store);
}

void sim_start(sim_t *sim)
{
    sim->settings.hints = &sim->hints;
    make_store(sim);
    sim->resolver = resolver_new(&sim->settings, sim->store, (resolver_random_t){next_random, &sim->seed});
    REQUIRE(sim->resolver);
    if (sim->trust.anchors) {
        resolver_set_trust(sim->resolver, &sim->trust);
    }
    if (sim->own || sim->root) {
        resolver_set_served(sim->resolver, (resolver_served_t){.find = find_served, .has_root = has_root, .context = sim});
    }
}

void sim_restart(sim_t *sim, uint64_t seed)
{
    enum { BEGIN_MS = 1000 };
    forget(sim);
    sim->seed = seed;
    sim->now_ms = BEGIN_MS;
    sim->trace = 0;
    sim->order = 0;
    sim->open = 0;
    sim_start(sim);
}

/* ---- the network ---- */

static resolver_time_t clock_of(const sim_t *sim)
{
    return (resolver_time_t){sim->now_ms, sim->epoch_s + sim->now_ms / 1000};
}

static sim_pending_t *add_pending(sim_t *sim, uint64_t exchange, uint64_t delay_ms)
{
    REQUIRE(sim->pending_count < SIM_PENDING_MAX);
    sim_pending_t *pending = &sim->pending[sim->pending_count++];
    *pending = (sim_pending_t){.at_ms = sim->now_ms + delay_ms, .order = sim->order++, .exchange = exchange};
    return pending;
}

void sim_deliver(sim_t *sim, const sim_delivery_t *delivery)
{
    sim_pending_t *pending = add_pending(sim, delivery->exchange, delivery->delay_ms);
    pending->source = delivery->source;
    pending->size = delivery->size;
    pending->bytes = malloc(delivery->size + 1);
    REQUIRE(pending->bytes);
    memcpy(pending->bytes, delivery->bytes, delivery->size);
}

static void deliver_failure(sim_t *sim, uint64_t exchange, uint64_t delay_ms, resolver_failure_t failure)
{
    sim_pending_t *pending = add_pending(sim, exchange, delay_ms);
    pending->is_failure = true;
    pending->failure = failure;
}

static void mix(sim_t *sim, const void *data, size_t size)
{
    siphash_key_t key = {sim->trace, sim->now_ms};
    sim->trace = siphash(&key, data, size);
}

/* NULL: nobody is there. */
static sim_host_t *host_of(sim_t *sim, const resolver_action_t *action)
{
    bool is_local = action->transport == RESOLVER_LOCAL || action->transport == RESOLVER_LOCAL_ROOT;
    REQUIRE(is_local == (action->address.family == 0));
    if (!is_local) {
        return host_at(sim, &action->address);
    }
    sim_host_t *host = action->transport == RESOLVER_LOCAL ? sim->own : sim->root;
    REQUIRE(host);
    return host;
}

static void transmit(sim_t *sim, const resolver_action_t *action)
{
    mix(sim, action->message, action->size);
    mix(sim, &action->address, sizeof action->address);
    sim_host_t *host = host_of(sim, action);
    bool is_tcp = action->transport == RESOLVER_TCP;
    if (sim->prints) {
        buffer_t text;
        buffer_init(&text, 65536);
        resolver_address_to_text(&action->address, &text);
        char name[NAME_TEXT_MAX];
        name_to_text(action->message + MESSAGE_HEADER_SIZE, name);
        size_t at = MESSAGE_HEADER_SIZE + name_length(action->message + MESSAGE_HEADER_SIZE);
        fprintf(stderr, "%8lu %s -> %s %s type %u\n", (unsigned long)sim->now_ms, is_tcp ? "tcp" : "udp", buffer_text(&text), name,
                load_be16(action->message + at));
        buffer_clear(&text);
    }
    if (sim->sockets_max > 0 && sim->open > sim->sockets_max) {
        deliver_failure(sim, action->exchange, 0, RESOLVER_FAILURE_NO_SOCKET);
        return;
    }
    if (!host || (host->behaviours & SIM_SILENT)) {
        if (host) {
            host->queries++;
        }
        return;
    }
    if (host->behaviours & SIM_UNREACHABLE) {
        deliver_failure(sim, action->exchange, 0, RESOLVER_FAILURE_UNREACHABLE);
        return;
    }
    if (is_tcp && (host->behaviours & SIM_NO_TCP)) {
        deliver_failure(sim, action->exchange, host->latency_ms, RESOLVER_FAILURE_REFUSED);
        return;
    }
    if (!is_tcp && sim_random(sim, 100) < host->loss_percent) {
        return;
    }
    host->queries++;
    host->queries_tcp += is_tcp;
    sim_host_answer(host, action);
}

/* ---- clients ---- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void sim_sort_lines(char *text)
{
    enum { LINES_MAX = 512 };
    char *lines[LINES_MAX];
    size_t count = 0;
    size_t size = strlen(text);
    char *copy = strndup(text, size);
    REQUIRE(copy);
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line && count < LINES_MAX;) {
        lines[count++] = line;
    }
    qsort(lines, count, sizeof lines[0], compare_lines);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, size + 1 - at, "%s\n", lines[i]);
    }
    free(copy);
}

void sim_print_record(const uint8_t *owner, uint16_t type, const uint8_t *rdata, size_t rdlength, buffer_t *text)
{
    char name[NAME_TEXT_MAX];
    char mnemonic[RRTYPE_TEXT_MAX];
    name_to_text(owner, name);
    rrtype_to_text(type, mnemonic);
    buffer_printf(text, "%s %s ", name, mnemonic);
    rdata_to_text(type, CLASS_IN, rdata, rdlength, text);
    buffer_append_text(text, "\n");
}

char *sim_finish_text(uint16_t rcode, buffer_t *records)
{
    buffer_t text;
    buffer_init(&text, 1 << 20);
    char *lines = strdup(buffer_text(records));
    REQUIRE(lines);
    sim_sort_lines(lines);
    buffer_printf(&text, "%s\n%s", rcode_text(rcode), lines);
    free(lines);
    char *whole = strdup(buffer_text(&text));
    REQUIRE(whole);
    buffer_clear(&text);
    return whole;
}

/* What a client with or without DO gets to see. */
static char *print_message(const sim_t *sim, const resolver_action_t *action, bool with_dnssec)
{
    const name_t root = sim_name(".");
    uint8_t *out = malloc(MESSAGE_MAX);
    REQUIRE(out);
    buffer_t text;
    buffer_init(&text, 1 << 20);
    message_writer_t writer;
    message_writer_init(&writer, out, MESSAGE_MAX, 0, (uint16_t)(FLAG_QR | (action->answer->rcode & 15)));
    message_write_question(&writer, root.wire, TYPE_A, CLASS_IN);
    if (resolver_answer_write(action->answer, sim->asked_type[action->client], with_dnssec, &writer) != STATUS_OK) {
        buffer_append_text(&text, "TOO LARGE\n");
    }
    served_print(out, message_writer_finish(&writer), &text);
    char *whole = strdup(buffer_text(&text));
    REQUIRE(whole);
    buffer_clear(&text);
    free(out);
    return whole;
}

static void take_answer(sim_t *sim, const resolver_action_t *action)
{
    REQUIRE(action->client < sim->answer_count);
    sim_answer_t *answer = &sim->answers[action->client];
    REQUIRE(!answer->is_there); /* each client is told once */
    answer->is_there = true;
    answer->took_ms = sim->now_ms - sim->asked_ms[action->client];
    answer->is_discarded = action->kind == RESOLVER_DISCARD;
    if (answer->is_discarded) {
        answer->text = strdup("DISCARDED\n");
        return;
    }
    const resolver_answer_t *given = action->answer;
    answer->rcode = given->rcode;
    answer->extended_error = given->extended_error;
    answer->is_cached_failure = given->is_cached_failure;
    answer->security = given->security;
    answer->is_stale = given->is_stale;
    answer->ttl_s = given->ttl_s;
    answer->authority_count = given->authority_count;
    snprintf(answer->why, sizeof answer->why, "%s", given->extended_text ? given->extended_text : "");
    buffer_t records;
    buffer_init(&records, 1 << 20);
    for (unsigned i = 0; i < given->answer_count; i++) {
        const uint8_t *at = NULL;
        const uint8_t *rdata;
        uint16_t rdlength;
        while ((rdata = rrset_next(&given->answer[i], &at, &rdlength)) != NULL) {
            sim_print_record(given->answer[i].owner, given->answer[i].type, rdata, rdlength, &records);
        }
    }
    answer->text = sim_finish_text(given->rcode, &records);
    answer->with_do = print_message(sim, action, true);
    answer->plain = print_message(sim, action, false);
    mix(sim, answer->text, strlen(answer->text));
    buffer_clear(&records);
}

static void drain(sim_t *sim)
{
    resolver_action_t action;
    while (resolver_next_action(sim->resolver, &action)) {
        switch (action.kind) {
        case RESOLVER_SEND:
            sim->open++;
            transmit(sim, &action);
            break;
        case RESOLVER_CLOSE:
            REQUIRE(sim->open > 0);
            sim->open--;
            break;
        case RESOLVER_ANSWER:
        case RESOLVER_DISCARD:
            take_answer(sim, &action);
            break;
        }
    }
    resolver_check(sim->resolver);
    REQUIRE(sim->open == resolver_exchanges(sim->resolver));
}

size_t sim_begin(sim_t *sim, const char *text, uint16_t type, unsigned flags)
{
    REQUIRE(sim->answer_count < SIM_ANSWERS_MAX);
    size_t client = sim->answer_count++;
    sim->asked_ms[client] = sim->now_ms;
    sim->asked_type[client] = type;
    name_t name = sim_name(text);
    name_key_t key;
    name_key_init(&key, name.wire, name.length);
    resolver_question_t question = {.client = client, .name = &key, .type = type, .rrclass = CLASS_IN, .flags = flags};
    status_t status = resolver_ask(sim->resolver, &question, clock_of(sim));
    if (status != STATUS_OK) {
        sim->answers[client] = (sim_answer_t){.is_there = true, .rcode = RCODE_SERVFAIL, .text = strdup("SERVFAIL\n")};
    }
    drain(sim);
    return client;
}

/* ---- time ---- */

static sim_pending_t *first_pending(sim_t *sim)
{
    sim_pending_t *first = NULL;
    for (size_t i = 0; i < sim->pending_count; i++) {
        sim_pending_t *pending = &sim->pending[i];
        if (!first || pending->at_ms < first->at_ms || (pending->at_ms == first->at_ms && pending->order < first->order)) {
            first = pending;
        }
    }
    return first;
}

static void handle(sim_t *sim, sim_pending_t *place)
{
    sim_pending_t pending = *place;
    *place = sim->pending[--sim->pending_count];
    if (pending.is_failure) {
        resolver_failed(sim->resolver, pending.exchange, pending.failure, clock_of(sim));
    } else {
        resolver_reply(sim->resolver, pending.exchange, &pending.source, pending.bytes, pending.size, clock_of(sim));
    }
    free(pending.bytes);
}

void sim_run(sim_t *sim, uint64_t limit_ms)
{
    uint64_t end_ms = sim->now_ms + limit_ms;
    for (;;) {
        drain(sim);
        sim_pending_t *pending = first_pending(sim);
        uint64_t deadline_ms = resolver_deadline(sim->resolver);
        uint64_t next_ms = pending && pending->at_ms <= deadline_ms ? pending->at_ms : deadline_ms;
        if (next_ms > end_ms) {
            break;
        }
        sim->now_ms = next_ms > sim->now_ms ? next_ms : sim->now_ms;
        if (pending && pending->at_ms == next_ms) {
            handle(sim, pending);
        } else {
            resolver_tick(sim->resolver, clock_of(sim));
        }
    }
}

void sim_sleep(sim_t *sim, uint64_t seconds)
{
    sim_run(sim, seconds * 1000);
    sim->now_ms += seconds * 1000;
}

const sim_answer_t *sim_ask(sim_t *sim, const char *name, uint16_t type)
{
    return sim_ask_with(sim, name, type, 0);
}

const sim_answer_t *sim_ask_with(sim_t *sim, const char *name, uint16_t type, unsigned flags)
{
    enum { LIMIT_MS = 60000 };
    size_t client = sim_begin(sim, name, type, flags);
    sim_run(sim, LIMIT_MS);
    REQUIRE(sim->answers[client].is_there); /* invariant 1 of resolver.h */
    return &sim->answers[client];
}

unsigned sim_queries(const sim_t *sim)
{
    unsigned queries = 0;
    for (size_t i = 0; i < sim->host_count; i++) {
        queries += sim->hosts[i].queries;
    }
    return queries;
}
