/* Any bytes as a request, over UDP and over TCP: whatever comes back is a well-formed message within its limit, and a transfer that was let
 * in runs to its end. */
#include "base/require.h"
#include "fuzz.h"
#include "served.h"

#include <stdlib.h>
#include <string.h>

static const char zone_text[] = "$TTL 3600\n"
                                "@ SOA ns1 host 7 7200 900 1209600 300\n"
                                "@ NS ns1\n"
                                "@ MX 10 mail\n"
                                "ns1 A 192.0.2.1\n"
                                "mail AAAA 2001:db8::1\n"
                                "alias CNAME www\n"
                                "www A 192.0.2.3\n"
                                "*.w TXT \"w\"\n"
                                "*.c CNAME across.other.\n"
                                "d DNAME e.d2\n"
                                "d2 DNAME d\n"
                                "x.y.ent TXT \"deep\"\n"
                                "sub NS ns.sub\n"
                                "sub NS ns.sub2\n"
                                "ns.sub A 192.0.2.9\n"
                                "sub2 NS ns.sub\n"
                                "srv SRV 1 2 3 mail\n"
                                "svc HTTPS 1 . alpn=h2\n";
static const char other_text[] = "$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n*.across CNAME b.c.example.\nacross CNAME a.d.example.\n";

static served_t *set_up(void)
{
    served_t *served = calloc(1, sizeof *served);
    REQUIRE(served);
    served_init(served);
    served->view.version = "fuzz";
    served->view.nsid = "fuzz";
    served->view.minimal_responses = false;
    served_add(served, "example.", zone_text, SERVED_NSEC3);
    served_add(served, "other.", other_text, SERVED_NSEC);
    acl_t *everybody = acl_new();
    REQUIRE(everybody && acl_add(everybody, "any", 3) == STATUS_OK);
    served->access[0].allow_transfer = everybody;
    return served;
}

static void check(const uint8_t *request, size_t request_size, const uint8_t *answer, size_t size)
{
    arena_t arena;
    arena_init(&arena, 0, 64 << 20);
    message_t message;
    REQUIRE(message_parse(&message, answer, size, &arena) == STATUS_OK);
    REQUIRE(request_size >= MESSAGE_HEADER_SIZE && memcmp(request, answer, 2) == 0);
    REQUIRE(message.flags & FLAG_QR);
    arena_clear(&arena);
}

static void run(served_t *served, const uint8_t *data, size_t size, net_protocol_t protocol)
{
    net_client_t client = {.address = &served->address, .protocol = protocol};
    net_reply_t reply;
    size_t capacity = protocol == NET_UDP ? 4096 : MESSAGE_MAX;
    dispatch_answer(served->dispatch, &client, data, size, served->out, capacity, &reply);
    REQUIRE(reply.size <= (protocol == NET_UDP ? UDP_SIZE_DEFAULT : MESSAGE_MAX));
    if (reply.size > 0) {
        check(data, size, served->out, reply.size);
    }
    if (reply.stream) {
        REQUIRE(protocol != NET_UDP);
        unsigned messages = 0;
        while (reply.stream->next(reply.stream, served->out, capacity, &reply.size) == STATUS_OK) {
            check(data, size, served->out, reply.size);
            REQUIRE(++messages < 100);
        }
        reply.stream->free(reply.stream);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static served_t *served;
    if (!served) {
        served = set_up();
    }
    if (size > MESSAGE_MAX) {
        return 0;
    }
    run(served, data, size, NET_UDP);
    run(served, data, size, NET_TCP);
    run(served, data, size, NET_TLS);
    return 0;
}
