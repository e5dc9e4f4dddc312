#include "control/schema.h"

#include "base/require.h"
#include "control/config.h"
#include "server/settings.h"

#include <string.h>

#define FIELD(name)      .offset = offsetof(server_settings_t, name), .size = sizeof(((server_settings_t *)0)->name)
#define ZONE_FIELD(name) .offset = offsetof(zone_settings_t, name), .size = sizeof(((zone_settings_t *)0)->name)

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static const config_choice_t rrset_orders[] = {{"fixed", false}, {"rotate", true}, {NULL, 0}};
static const config_choice_t log_levels[] = {{"debug", LOG_DEBUG},     {"info", LOG_INFO},   {"notice", LOG_NOTICE},
                                             {"warning", LOG_WARNING}, {"error", LOG_ERROR}, {NULL, 0}};

static const config_item_t schema[] = {
    {.path = "listen",
     .type = CONFIG_LISTEN,
     .initial = "dns://127.0.0.1:53 dns://[::1]:53",
     .summary = "Where questions are answered: `dns://ADDRESS:PORT` is UDP and TCP; the port may be left out (53); IPv6 addresses stand in "
                "brackets.",
     .example = "[\"dns://0.0.0.0:53\", \"dns://[::]:53\"]"},
    {.path = "zones",
     .type = CONFIG_ZONES,
     .summary = "The zones this server answers for, by name, with or without the final dot; `.` is the root.",
     .example = "{ example.com: { file: example.com.zone } }"},
    {.path = "zones.*.file",
     .type = CONFIG_PATH,
     ZONE_FIELD(file),
     .minimum = 1,
     .maximum = 4095,
     .is_required = true,
     .summary = "The zone's master file; a relative path counts from the directory of this configuration file.",
     .example = "example.com.zone"},
    {.path = "zones.*.allow-transfer",
     .type = CONFIG_ADDRESSES,
     ZONE_FIELD(allow_transfer),
     .none = "none",
     .summary = "Who may transfer the whole zone (AXFR): addresses, prefixes, `loopback`, `private`, `linklocal`, `any`; a `!` before an "
                "entry denies, the longest match counts. Nobody by default.",
     .example = "[192.0.2.53, \"2001:db8::/32\"]"},
    {.path = "workers",
     .type = CONFIG_INTEGER,
     FIELD(workers),
     .initial = "auto",
     .none = "auto",
     .minimum = 1,
     .maximum = 1024,
     .is_fixed = true,
     .summary = "Threads that answer; `auto` is one for each core.",
     .example = "4"},
    {.path = "user",
     .type = CONFIG_TEXT,
     FIELD(user),
     .initial = "auto",
     .none = "auto",
     .minimum = 1,
     .maximum = 256,
     .is_fixed = true,
     .summary = "The user the server becomes once its ports are open; `auto` is `portolan` when started by root and there is such a user, "
                "else no change.",
     .example = "portolan"},
    {.path = "state",
     .type = CONFIG_PATH,
     FIELD(state),
     .initial = CONFIG_STATE_DEFAULT,
     .none = "none",
     .minimum = 1,
     .maximum = 4095,
     .is_fixed = true,
     .summary = "The directory for what the server itself must keep over a restart.",
     .example = CONFIG_STATE_DEFAULT},
    {.path = "control",
     .type = CONFIG_PATH,
     FIELD(control),
     .initial = CONFIG_CONTROL_DEFAULT,
     .none = "none",
     .minimum = 1,
     .maximum = 107,
     .is_fixed = true,
     .summary = "The Unix socket on which `portolan` talks to the server; `none` for no socket.",
     .example = CONFIG_CONTROL_DEFAULT},
    {.path = "nsid",
     .type = CONFIG_TEXT,
     FIELD(nsid),
     .initial = "none",
     .none = "none",
     .minimum = 1,
     .maximum = 128,
     .summary = "The identifier given to those who ask for it with the NSID option (RFC 5001).",
     .example = "ams1"},
    {.path = "version",
     .type = CONFIG_TEXT,
     FIELD(version),
     .initial = "Portolan",
     .none = "hide",
     .minimum = 1,
     .maximum = 255,
     .summary = "The answer to `version.bind CH TXT`; `hide` refuses the question.",
     .example = "hide"},
    {.path = "hostname",
     .type = CONFIG_TEXT,
     FIELD(hostname),
     .initial = "hide",
     .none = "hide",
     .minimum = 1,
     .maximum = 255,
     .summary = "The answer to `hostname.bind CH TXT` and `id.server CH TXT` (RFC 4892); `hide` refuses the questions.",
     .example = "ns1.example.com"},
    {.path = "minimal-responses",
     .type = CONFIG_BOOLEAN,
     FIELD(minimal_responses),
     .initial = "yes",
     .summary = "Leave out authority and additional records that an answer does not need: smaller answers, less to amplify.",
     .example = "no"},
    {.path = "rrset-order",
     .type = CONFIG_CHOICE,
     FIELD(rotate_rrsets),
     .initial = "fixed",
     .choices = rrset_orders,
     .summary = "The order of the records of an RRset: `fixed`, or `rotate` from answer to answer.",
     .example = "rotate"},
    {.path = "udp-size",
     .type = CONFIG_SIZE,
     FIELD(udp_size_max),
     .initial = "1232",
     .minimum = 512,
     .maximum = 4096,
     .summary = "The largest answer over UDP to clients that allow as much (EDNS); above 1232 bytes answers may be fragmented.",
     .example = "1400"},
    {.path = "tcp", .type = CONFIG_SECTION, .summary = "Limits of TCP connections (RFC 7766, RFC 9210)."},
    {.path = "tcp.connections",
     .type = CONFIG_INTEGER,
     FIELD(tcp_connections_max),
     .initial = "1000",
     .minimum = 1,
     .maximum = 1000000,
     .summary = "Connections open at once, for the whole server; a new one then takes the place of the one idle longest.",
     .example = "5000"},
    {.path = "tcp.connections-per-prefix",
     .type = CONFIG_INTEGER,
     FIELD(tcp_connections_per_prefix_max),
     .initial = "100",
     .minimum = 1,
     .maximum = 1000000,
     .summary = "Connections open at once from one IPv4 address or one IPv6 /56.",
     .example = "200"},
    {.path = "tcp.idle-timeout",
     .type = CONFIG_DURATION,
     FIELD(tcp_idle_timeout_ms),
     .initial = "10s",
     .minimum = 100,
     .maximum = HOUR,
     .summary = "How long a connection may be silent between questions.",
     .example = "30s"},
    {.path = "tcp.first-byte-timeout",
     .type = CONFIG_DURATION,
     FIELD(tcp_first_byte_timeout_ms),
     .initial = "3s",
     .minimum = 100,
     .maximum = HOUR,
     .summary = "How long a new connection may take to begin its first question.",
     .example = "2s"},
    {.path = "tcp.message-timeout",
     .type = CONFIG_DURATION,
     FIELD(tcp_message_timeout_ms),
     .initial = "10s",
     .minimum = 100,
     .maximum = HOUR,
     .summary = "How long one whole question may take to arrive, and how long a client may leave an answer unread.",
     .example = "5s"},
    {.path = "transfers", .type = CONFIG_SECTION, .summary = "Outgoing zone transfers."},
    {.path = "transfers.concurrent",
     .type = CONFIG_INTEGER,
     FIELD(transfers_max),
     .initial = "100",
     .minimum = 1,
     .maximum = 10000,
     .summary = "Transfers that run at once; those beyond are refused and may try again.",
     .example = "20"},
    {.path = "transfers.time-limit",
     .type = CONFIG_DURATION,
     FIELD(transfer_time_max_ms),
     .initial = "2h",
     .minimum = 100,
     .maximum = 24 * HOUR,
     .summary =
         "How long one transfer may take; one that is slower is cut short, so that nobody keeps its place and the zone's old version "
         "for ever.",
     .example = "30m"},
    {.path = "log", .type = CONFIG_SECTION, .summary = "Log lines, written to standard error."},
    {.path = "log.level",
     .type = CONFIG_CHOICE,
     FIELD(log_level),
     .initial = "info",
     .choices = log_levels,
     .summary = "The least important kind of line that is written: `debug`, `info`, `notice`, `warning` or `error`.",
     .example = "notice"},
    {.path = "tls", .type = CONFIG_LATER, .summary = "Certificate and key of the encrypted transports."},
};

typedef struct schema_part {
    const config_item_t *items;
    size_t count;
} schema_part_t;

enum { PARTS = 3 };

static void list_parts(schema_part_t parts[static PARTS])
{
    parts[0] = (schema_part_t){schema, ARRAY_SIZE(schema)};
    parts[1].items = schema_resolver(&parts[1].count);
    parts[2].items = schema_resolver_limits(&parts[2].count);
}

const config_item_t *config_schema_at(size_t index)
{
    schema_part_t parts[PARTS];
    list_parts(parts);
    for (size_t i = 0; i < PARTS; i++) {
        if (index < parts[i].count) {
            return &parts[i].items[index];
        }
        index -= parts[i].count;
    }
    return NULL;
}

size_t config_schema_index(const config_item_t *item)
{
    size_t index = 0;
    while (config_schema_at(index) != item) {
        index++;
    }
    return index;
}

const char *config_item_key(const config_item_t *item)
{
    const char *dot = strrchr(item->path, '.');
    return dot ? dot + 1 : item->path;
}

bool config_item_is_below(const config_item_t *item, const char *parent)
{
    size_t length = strlen(parent);
    const char *rest = item->path;
    if (length > 0) {
        if (strncmp(rest, parent, length) != 0 || rest[length] != '.') {
            return false;
        }
        rest += length + 1;
    }
    return *rest != '*' && !strchr(rest, '.');
}

const config_item_t *config_schema_find(const char *parent, const char *key, size_t length)
{
    const config_item_t *item;
    for (size_t i = 0; (item = config_schema_at(i)) != NULL; i++) {
        const char *name = config_item_key(item);
        if (config_item_is_below(item, parent) && strlen(name) == length && memcmp(name, key, length) == 0) {
            return item;
        }
    }
    return NULL;
}
