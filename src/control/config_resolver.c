/* Zones that are asked elsewhere, prefixes and addresses of the resolver, and what its settings must be to each other. */
#include "control/config_tree.h"

#include "base/require.h"
#include "net/address.h"
#include "net/upstream.h"
#include "resolver/hints.h"
#include "server/root_keeper.h"

#include <stdio.h>
#include <string.h>

enum { PREFIXES_MAX = 10000, SERVERS_MAX = RESOLVER_CANDIDATES_MAX, DELEGATES_MAX = 10000 };

void config_store_array(const config_item_t *item, void *base, const void *items, size_t count)
{
    memcpy((char *)base + item->offset, &items, sizeof items);
    memcpy((char *)base + item->count, &count, sizeof count);
}

/* Room for as many things of this size as the list has entries; NULL: reported, or out of memory, or nothing to read. */
static void *make_room(config_t *config, const config_item_t *item, const yaml_node_t *value, size_t size, size_t maximum)
{
    size_t count = value->kind == YAML_SEQUENCE ? value->children : 1;
    if (count > maximum) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", value, 0, NULL, "%s: more than %zu entries", config_item_key(item),
                    maximum);
        return NULL;
    }
    void *items = arena_alloc(&config->settings->arena, (count + 1) * size);
    config->out_of_memory |= items == NULL;
    return items;
}

/* `none` alone stands for an empty list. */
static bool is_none(const config_item_t *item, const yaml_node_t *value)
{
    return item->none && value->kind == YAML_SCALAR && value->length == strlen(item->none) &&
           memcmp(value->text, item->none, value->length) == 0;
}

/* ---- prefixes ---- */

/* RFC 6052 2.2 */
static bool is_dns64_length(unsigned length)
{
    return length == 96 || (length % 8 == 0 && length >= 32 && length <= 64);
}

static bool check_prefix(config_t *config, const config_item_t *item, const yaml_node_t *entry, const resolver_prefix_t *prefix)
{
    bool for_dns64 = strncmp(config_item_key(item), "dns64", strlen("dns64")) == 0;
    if (for_dns64 && prefix->address.family != RESOLVER_IPV6) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-address", entry, 0, "64:ff9b::/96", "%s: an IPv6 prefix expected",
                    config_item_key(item));
        return false;
    }
    if (strcmp(config_item_key(item), "dns64") == 0 && !is_dns64_length(prefix->length)) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-address", entry, 0, "64:ff9b::/96",
                    "a prefix of DNS64 has a length of 32, 40, 48, 56, 64 or 96 (RFC 6052 section 2.2)");
        return false;
    }
    return true;
}

void config_read_prefixes(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base)
{
    resolver_prefix_t *prefixes = make_room(config, item, value, sizeof *prefixes, PREFIXES_MAX);
    size_t count = 0;
    if (!prefixes || is_none(item, value)) {
        return;
    }
    for (const yaml_node_t *node = config_list_first(config, item, value); node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        value_error_t error;
        if (!entry) {
            continue;
        }
        if (value_parse_prefix(entry->text, entry->length, &prefixes[count], &error) != STATUS_OK) {
            config_report(config, "bad-address", entry, &error);
        } else if (check_prefix(config, item, entry, &prefixes[count])) {
            count++;
        }
    }
    config_store_array(item, base, prefixes, count);
}

void config_default_prefix(config_t *config, const config_item_t *item)
{
    resolver_prefix_t *prefix = arena_alloc(&config->settings->arena, sizeof *prefix);
    value_error_t error;
    if (!prefix) {
        config->out_of_memory = true;
        return;
    }
    REQUIRE(value_parse_prefix(item->initial, strlen(item->initial), prefix, &error) == STATUS_OK);
    config_store_array(item, config->settings, prefix, 1);
}

/* ---- addresses ---- */

void config_read_sources(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base)
{
    net_address_t *sources = make_room(config, item, value, sizeof *sources, UPSTREAM_SOURCES_MAX);
    size_t count = 0;
    if (!sources || is_none(item, value)) {
        return;
    }
    for (const yaml_node_t *node = config_list_first(config, item, value); node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        value_error_t error;
        if (entry && value_parse_source(entry->text, entry->length, &sources[count], &error) != STATUS_OK) {
            config_report(config, "bad-address", entry, &error);
        } else {
            count += entry != NULL;
        }
    }
    config_store_array(item, base, sources, count);
}

static bool is_known_server(const resolver_address_t *servers, size_t count, const resolver_address_t *server)
{
    for (size_t i = 0; i < count; i++) {
        if (resolver_address_equal(&servers[i], server)) {
            return true;
        }
    }
    return false;
}

void config_read_servers(config_t *config, const config_item_t *item, const yaml_node_t *value, void *base)
{
    resolver_address_t *servers = make_room(config, item, value, sizeof *servers, SERVERS_MAX);
    size_t count = 0;
    if (!servers || is_none(item, value)) {
        return;
    }
    if (value->kind == YAML_SEQUENCE && value->children == 0) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", value, 0, NULL, "the addresses of at least one server expected");
        return;
    }
    for (const yaml_node_t *node = config_list_first(config, item, value); node; node = config_list_next(value, node)) {
        const yaml_node_t *entry = config_list_entry(config, node);
        value_error_t error;
        if (!entry) {
            continue;
        }
        if (value_parse_server(entry->text, entry->length, &servers[count], &error) != STATUS_OK) {
            config_report(config, "bad-address", entry, &error);
        } else if (is_known_server(servers, count, &servers[count])) {
            yaml_report(&config->document, DIAGNOSTIC_WARNING, "duplicate-address", entry, 0, NULL, "the same server stands before");
        } else {
            count++;
        }
    }
    config_store_array(item, base, servers, count);
}

/* ---- forward and stub zones ---- */

typedef struct delegates {
    const config_item_t *item;
    const config_item_t *servers; /* resolver.forward.*.addresses */
    config_keys_t keys;
    resolver_zone_t *zones;
    size_t count;
} delegates_t;

static bool is_known_zone(const delegates_t *delegates, const name_t *name)
{
    for (size_t i = 0; i < delegates->count; i++) {
        const name_t *other = &delegates->zones[i].zone;
        if (other->length == name->length && memcmp(other->wire, name->wire, name->length) == 0) {
            return true;
        }
    }
    return false;
}

static void read_delegate(config_t *config, delegates_t *delegates, const yaml_node_t *key, const yaml_node_t *value)
{
    resolver_zone_t *zone = &delegates->zones[delegates->count];
    const yaml_node_t *name = yaml_follow(&config->document, key);
    *zone = (resolver_zone_t){.kind = delegates->item->type == CONFIG_FORWARD ? RESOLVER_FORWARD : RESOLVER_STUB};
    if (!name || !value) {
        return;
    }
    if (name->kind != YAML_SCALAR) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", key, 0, NULL, "the name of a zone expected, got %s",
                    yaml_kind_text(name));
        return;
    }
    bool good = config_read_name(config, name, "bad-zone-name", &zone->zone);
    if (good && is_known_zone(delegates, &zone->zone)) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "duplicate-zone", key, 0, NULL, "zone \"%.*s\" stands in forward or stub already",
                    value_shown(name->length), name->text);
        good = false;
    }
    if (value->kind == YAML_MAPPING) {
        const yaml_node_t *values[CONFIG_KEYS_MAX];
        config_read_keys(config, &delegates->keys, value, values);
        for (size_t i = 0; i < delegates->keys.count; i++) {
            if (values[i]) {
                config_read_value(config, delegates->keys.items[i], values[i], zone);
            }
        }
    } else {
        config_read_servers(config, delegates->servers, value, zone);
    }
    delegates->count += good;
}

void config_read_delegates(config_t *config, const config_item_t *item, const yaml_node_t *value)
{
    const resolver_settings_t *resolver = &config->settings->recursion.resolver;
    bool is_forward = item->type == CONFIG_FORWARD;
    delegates_t delegates = {.item = item, .count = resolver->zone_count};
    if (value->kind == YAML_NULL) {
        return;
    }
    if (value->kind != YAML_MAPPING || value->children / 2 > DELEGATES_MAX) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "wrong-type", value, 0, "{ corp.example: [10.0.0.53] }",
                    value->kind == YAML_MAPPING ? "more than 10,000 zones%s" : "a mapping of zones to addresses expected, got %s",
                    value->kind == YAML_MAPPING ? "" : yaml_kind_text(value));
        return;
    }
    config_keys_init(&delegates.keys, is_forward ? "resolver.forward.*" : "resolver.stub.*");
    delegates.servers = config_schema_find(delegates.keys.path, "addresses", strlen("addresses"));
    delegates.zones = arena_alloc(&config->settings->arena, (delegates.count + value->children / 2 + 1) * sizeof *delegates.zones);
    if (!delegates.zones) {
        config->out_of_memory = true;
        return;
    }
    if (delegates.count > 0) {
        memcpy(delegates.zones, resolver->zones, delegates.count * sizeof *delegates.zones);
    }
    for (const yaml_node_t *key = value->first; key && key->next; key = key->next->next) {
        read_delegate(config, &delegates, key, yaml_follow(&config->document, key->next));
    }
    config_store_array(item, config->settings, delegates.zones, delegates.count);
}

/* ---- settings that depend on each other ---- */

/* The value that the file gives for a key of the resolver, else the resolver's section; NULL: all is default. */
static const yaml_node_t *given(const config_t *config, const char *parent, const char *key)
{
    const config_item_t *item = config_schema_find(parent, key, strlen(key));
    return item ? config->given[config_schema_index(item)] : NULL;
}

typedef struct order {
    const char *parent;
    const char *low_key;
    const char *high_key;
    uint32_t low;
    uint32_t high;
} order_t;

static void check_order(config_t *config, const order_t *order)
{
    if (order->low <= order->high) {
        return;
    }
    const yaml_node_t *low = given(config, order->parent, order->low_key);
    const yaml_node_t *high = given(config, order->parent, order->high_key);
    if (high && (!low || high->line >= low->line)) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", high, 0, NULL, "%s is less than %s", order->high_key, order->low_key);
    } else if (low) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", low, 0, NULL, "%s is more than %s", order->low_key, order->high_key);
    }
}

/* Root hints of which no address may be asked: resolution could not begin. */
static void check_hints(config_t *config)
{
    resolver_settings_t settings = config->settings->recursion.resolver;
    const yaml_node_t *node = given(config, "resolver", "root-hints");
    const hints_t *hints = settings.hints;
    for (int round = 0; hints && node && round < 2; round++) {
        settings.ask_loopback |= round == 1;
        for (unsigned i = 0; i < hints->count; i++) {
            for (unsigned j = 0; j < hints->servers[i].address_count; j++) {
                if (!resolver_address_may_be_asked(&settings, &hints->servers[i].addresses[j])) {
                    continue;
                }
                if (round == 1) {
                    yaml_report(&config->document, DIAGNOSTIC_ERROR, "not-askable", node, 0, "ask-loopback: yes",
                                "no address in the root hints may be asked: they are loopback addresses");
                }
                return;
            }
        }
    }
    if (hints && node && config->document.diagnostics->errors == config->errors_before) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "not-askable", node, 0, NULL,
                    "no address in the root hints may be asked: see ipv4, ipv6 and deny");
    }
}

/* Forward and stub zones all of whose servers are of a family that is switched off. */
static void check_families(config_t *config)
{
    const resolver_settings_t *resolver = &config->settings->recursion.resolver;
    for (size_t i = 0; i < resolver->zone_count; i++) {
        const resolver_zone_t *zone = &resolver->zones[i];
        bool is_askable = zone->address_count == 0; /* reported already */
        for (size_t j = 0; j < zone->address_count; j++) {
            is_askable |= zone->addresses[j].family == RESOLVER_IPV4 ? resolver->ipv4 : resolver->ipv6;
        }
        const yaml_node_t *node = given(config, "resolver", zone->kind == RESOLVER_FORWARD ? "forward" : "stub");
        if (!is_askable && node) {
            char name[NAME_TEXT_MAX];
            name_to_text(zone->zone.wire, name);
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "not-askable", node, 0, NULL,
                        "%s: all its servers have %s addresses, and %s is off", name, resolver->ipv4 ? "IPv6" : "IPv4",
                        resolver->ipv4 ? "ipv6" : "ipv4");
        }
    }
}

static bool is_own(const config_t *config, const resolver_address_t *address)
{
    static const uint8_t ipv6_loopback[16] = {[15] = 1};
    bool is_ipv4 = address->family == RESOLVER_IPV4;
    bool is_loopback = is_ipv4 ? address->bytes[0] == 127 : memcmp(address->bytes, ipv6_loopback, sizeof ipv6_loopback) == 0;
    for (size_t i = 0; i < config->settings->listen_count; i++) {
        const net_address_t *listen = &config->settings->listen[i].address;
        if (net_address_port(listen) != address->port || listen->sa.sa_family != (is_ipv4 ? AF_INET : AF_INET6)) {
            continue;
        }
        bool is_same =
            is_ipv4 ? memcmp(&listen->v4.sin_addr, address->bytes, 4) == 0 : memcmp(&listen->v6.sin6_addr, address->bytes, 16) == 0;
        if (is_same || (is_loopback && net_address_is_wildcard(listen))) {
            return true;
        }
    }
    return false;
}

/* A server that forwards to itself waits for itself. */
static void check_circles(config_t *config)
{
    const resolver_settings_t *resolver = &config->settings->recursion.resolver;
    for (size_t i = 0; i < resolver->zone_count; i++) {
        const resolver_zone_t *zone = &resolver->zones[i];
        const yaml_node_t *node = given(config, "resolver", zone->kind == RESOLVER_FORWARD ? "forward" : "stub");
        bool is_circle = false;
        for (size_t j = 0; j < zone->address_count; j++) {
            is_circle |= is_own(config, &zone->addresses[j]);
        }
        if (is_circle && node) {
            char name[NAME_TEXT_MAX];
            name_to_text(zone->zone.wire, name);
            yaml_report(&config->document, DIAGNOSTIC_WARNING, "own-address", node, 0, NULL,
                        "%s: this server itself listens at one of the addresses: it would wait for its own answer", name);
        }
    }
}

/* The root zone comes from a file or from servers; what is fetched lies in the state directory. */
static void check_local_root(config_t *config)
{
    recursion_settings_t *recursion = &config->settings->recursion;
    const yaml_node_t *transfer = given(config, "resolver.local-root", "transfer");
    const char *state = config->settings->state;
    recursion->root_path = recursion->root_file;
    if (recursion->root_primary_count == 0 || !transfer) {
        return;
    }
    if (recursion->root_file) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", transfer, 0, NULL,
                    "the root zone is read from a file or fetched from servers, not both");
    } else if (!state) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", transfer, 0, "state: " CONFIG_STATE_DEFAULT,
                    "transfer needs a state directory to keep the root zone in");
    } else {
        size_t size = strlen(state) + sizeof "/" ROOT_KEEPER_FILE;
        char *path = arena_alloc(&config->settings->arena, size);
        config->out_of_memory |= path == NULL;
        if (path) {
            snprintf(path, size, "%s/" ROOT_KEEPER_FILE, state);
        }
        recursion->root_path = path;
    }
}

void config_check_resolver(config_t *config)
{
    recursion_settings_t *recursion = &config->settings->recursion;
    const resolver_settings_t *resolver = &recursion->resolver;
    const order_t orders[] = {
        {"resolver", "min-ttl", "max-ttl", resolver->ttl_min_s, resolver->ttl_max_s},
        {"resolver", "min-failure-ttl", "max-failure-ttl", resolver->failure_ttl_min_s, resolver->failure_ttl_max_s},
        {"resolver.timeouts", "minimum", "initial", resolver->timeout_min_ms, resolver->timeout_initial_ms},
        {"resolver.timeouts", "initial", "maximum", resolver->timeout_initial_ms, resolver->timeout_max_ms},
    };
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        check_order(config, &orders[i]);
    }
    const yaml_node_t *ipv6 = given(config, "resolver", "ipv6");
    const yaml_node_t *ipv4 = given(config, "resolver", "ipv4");
    if (!resolver->ipv4 && !resolver->ipv6 && ipv4 && ipv6) {
        yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", ipv4->offset > ipv6->offset ? ipv4 : ipv6, 0,
                    "resolver: no turns recursion off", "neither ipv4 nor ipv6: no server could be asked");
    } else {
        check_hints(config);
        check_families(config);
    }
    check_circles(config);
    check_local_root(config);
    const yaml_node_t *follow = given(config, "resolver", "follow-rollovers");
    if (!config->settings->state && recursion->update_anchors) {
        if (follow) {
            yaml_report(&config->document, DIAGNOSTIC_ERROR, "bad-value", follow, 0, "state: " CONFIG_STATE_DEFAULT,
                        "follow-rollovers needs a state directory to remember keys in");
        }
        recursion->update_anchors = false;
    }
}
