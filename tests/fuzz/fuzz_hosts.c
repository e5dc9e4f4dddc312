/* Hosts files: whatever they hold, good lines give names of hosts in lower case, and bad ones an error with a place inside the text. */
#include "base/require.h"
#include "fuzz.h"
#include "resolver/hosts.h"

#include <string.h>

typedef struct seen {
    size_t names;
    bool has_address; /* that of the line before */
    resolver_address_t address;
} seen_t;

static status_t take(void *context, const resolver_address_t *address, const name_t *name, bool is_first)
{
    seen_t *seen = context;
    REQUIRE(address->family == RESOLVER_IPV4 || address->family == RESOLVER_IPV6);
    REQUIRE(name->length > 1 && name->length == name_length(name->wire) && name->labels == name_labels(name->wire));
    REQUIRE(is_first || !seen->has_address || resolver_address_equal(address, &seen->address));
    name_t lower = *name;
    name_lower(lower.wire, lower.length);
    REQUIRE(memcmp(lower.wire, name->wire, name->length) == 0);
    name_t reverse;
    hosts_reverse_name(address, &reverse);
    REQUIRE(reverse.labels == (address->family == RESOLVER_IPV4 ? 6 : 34));
    seen->has_address = true;
    seen->address = *address;
    seen->names++;
    return STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen_t seen = {.names = 0};
    diagnostics_t diagnostics;
    buffer_t text;
    diagnostics_init(&diagnostics, 100);
    buffer_init(&text, 1 << 20);
    const hosts_reader_t reader = {.file = "fuzz", .diagnostics = &diagnostics, .entry = take, .context = &seen};
    status_t status = hosts_parse(&reader, (const char *)data, size);
    REQUIRE(status == (diagnostics.errors > 0 ? STATUS_MALFORMED : STATUS_OK));
    REQUIRE(seen.names <= size / 2);
    for (const diagnostic_t *entry = diagnostics.first; entry; entry = entry->next) {
        REQUIRE(entry->place.line > 0 && entry->place.column > 0 && entry->place.line <= size + 1);
        REQUIRE(entry->place.column + entry->place.length <= size + 1);
    }
    diagnostics_print(&diagnostics, &text);
    diagnostics_clear(&diagnostics);
    buffer_clear(&text);
    return 0;
}
