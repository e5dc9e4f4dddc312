/* The probes of `portolan check` that ask whether the server resolves, for whom, and whether it does that well. */
#include "tools/probe.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "policy/acl.h"

#include <netinet/in.h>
#include <string.h>

/* Nobody's name (RFC 6761 6.4): a resolver finds out that it does not exist, an authoritative server refuses. */
static const char FOREIGN_NAME[] = "portolan-check.invalid.";

/* Is the server's address one of a group that acl.h names? Then those alone who are in it reach it there. */
static bool is_among(const probe_t *probe, const char *group)
{
    const net_address_t *address = &probe->server.address;
    acl_t *acl = acl_new();
    bool found = false;
    if (acl && acl_add(acl, group, strlen(group)) == STATUS_OK) {
        found = address->sa.sa_family == AF_INET ? acl_allows(acl, AF_INET, (const uint8_t *)&address->v4.sin_addr)
                                                 : acl_allows(acl, AF_INET6, (const uint8_t *)&address->v6.sin6_addr);
    }
    acl_free(acl);
    return found;
}

static void tell_openness(probe_t *probe)
{
    if (is_among(probe, "loopback")) {
        probe_found(probe, "open-recursion", VERDICT_GOOD, "resolves for this machine; ask from elsewhere whom else it resolves for");
    } else if (is_among(probe, "private") || is_among(probe, "linklocal")) {
        probe_found(probe, "open-recursion", VERDICT_NOTE, "resolves for us, at an address of a local network");
    } else {
        probe_found(probe, "open-recursion", VERDICT_BAD, "resolves for us at a public address: an open resolver if it does so for anyone");
    }
}

/* The text of the first extended error (RFC 8914) in `out`, with a separator in front; empty without one. */
static void extended_error(const probe_t *probe, buffer_t *out)
{
    byte_reader_t reader = byte_reader(probe->answer.edns.options, probe->answer.edns.options_size);
    while (byte_reader_left(&reader) >= 4) {
        uint16_t code = byte_read_u16(&reader);
        uint16_t size = byte_read_u16(&reader);
        const uint8_t *data = byte_read(&reader, size);
        if (!data || reader.failed) {
            return;
        }
        if (code == EDNS_EDE && size >= 2) {
            buffer_printf(out, " (extended error %u: ", load_be16(data));
            for (uint16_t i = 2; i < size; i++) { /* what a server sends must not steer a terminal */
                buffer_append_byte(out, data[i] >= 0x20 && data[i] < 0x7f ? data[i] : '?');
            }
            buffer_append_text(out, ")");
            return;
        }
    }
}

/* Does it find the root's SOA, and does AD say that it has validated that (RFC 4035 3.2.3, RFC 6840 5.7)? */
static void probe_resolution(probe_t *probe)
{
    const probe_query_t query = {.name = ".", .type = TYPE_SOA, .flags = FLAG_RD | FLAG_AD, .edns = true};
    if (probe_ask(probe, &query, !probe->udp_answers) != STATUS_OK) {
        probe_found(probe, "resolution", VERDICT_BAD, "is silent when asked about the root zone: can it reach the root's servers?");
        return;
    }
    const message_t *answer = &probe->answer;
    if (answer->rcode != RCODE_NOERROR || answer->count[SECTION_ANSWER] == 0) {
        buffer_t why;
        buffer_init(&why, 4096);
        extended_error(probe, &why);
        probe_found(probe, "resolution", VERDICT_BAD, "does not find the root zone: %s%.150s", rcode_text(answer->rcode),
                    buffer_text(&why));
        buffer_clear(&why);
        return;
    }
    probe_found(probe, "resolution", VERDICT_GOOD, "finds the root zone");
    if (answer->flags & FLAG_AD) {
        probe_found(probe, "validation", VERDICT_GOOD, "validates (AD)");
    } else if (!(answer->flags & FLAG_AA)) { /* a server of the root zone says it of itself */
        probe_found(probe, "validation", VERDICT_NOTE, "does not validate: no AD for the root zone");
    }
}

void probe_recursion(probe_t *probe)
{
    const probe_query_t query = {.name = FOREIGN_NAME, .type = TYPE_A, .flags = FLAG_RD};
    if (probe_ask(probe, &query, !probe->udp_answers) != STATUS_OK) {
        probe_found(probe, "open-recursion", VERDICT_NOTE, "is silent when asked about a name that is not its own (REFUSED is right)");
        return;
    }
    bool offers = (probe->answer.flags & FLAG_RA) != 0;
    bool solved = probe->answer.rcode == RCODE_NXDOMAIN || probe->answer.rcode == RCODE_NOERROR;
    if (!offers) {
        probe_found(probe, "open-recursion", VERDICT_GOOD, "does not resolve other people's names (%s)", rcode_text(probe->answer.rcode));
        return;
    }
    if (solved) {
        tell_openness(probe);
    } else {
        probe_found(probe, "open-recursion", VERDICT_NOTE, "says it resolves (RA), but answers %s", rcode_text(probe->answer.rcode));
    }
    probe_resolution(probe);
}
