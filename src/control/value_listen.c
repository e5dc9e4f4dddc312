/* Listeners: scheme://address:port. */
#include "base/diagnostic.h"
#include "base/require.h"
#include "control/value.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

enum { PORT_DNS = 53 };

static const char *const schemes[] = {"dns", "dot", "doh", "doq", NULL};

static status_t parse_scheme(const char *text, size_t length, size_t *behind, value_error_t *error)
{
    const char *colon = memmem(text, length, "://", 3);
    if (!colon) {
        bool number = length > 0 && (text[0] == '[' || (text[0] >= '0' && text[0] <= '9'));
        snprintf(error->hint, sizeof error->hint, "dns://%.*s", number ? value_shown(length) : 12, number ? text : "127.0.0.1:53");
        return value_invalid(error, 0, "a listener is written dns://ADDRESS:PORT, got \"%.*s\"", value_shown(length), text);
    }
    size_t size = (size_t)(colon - text);
    *behind = size + 3;
    for (size_t i = 0; schemes[i]; i++) {
        if (strlen(schemes[i]) == size && memcmp(schemes[i], text, size) == 0) {
            if (i == 0) {
                return STATUS_OK;
            }
            (void)value_invalid(error, 0, "%s:// is not supported by this version, which speaks DNS over UDP and TCP (dns://)", schemes[i]);
            return STATUS_UNSUPPORTED;
        }
    }
    const char *near = diagnostics_suggest(text, size, schemes);
    snprintf(error->hint, sizeof error->hint, "did you mean %s://?", near ? near : "dns");
    return value_invalid(error, 0, "unknown transport \"%.*s\"", value_shown(size), text);
}

static status_t parse_port(const char *text, size_t length, size_t at, in_port_t *port, value_error_t *error)
{
    unsigned long number = 0;
    size_t i = at;
    for (; i < length && text[i] >= '0' && text[i] <= '9' && number < 65536; i++) {
        number = number * 10 + (unsigned long)(text[i] - '0');
    }
    if (i < length && text[i] == '/' && number > 0) {
        return value_invalid(error, i, "dns:// has no path");
    }
    if (i < length || number < 1 || number > 65535) {
        return value_invalid(error, at, "a port from 1 to 65535 expected, got \"%.*s\"", value_shown(length - at), text + at);
    }
    *port = htons((in_port_t)number);
    return STATUS_OK;
}

/* An IPv6 address with perhaps %interface behind it (RFC 4007 11). */
static status_t parse_v6(const char *host, size_t at, struct sockaddr_in6 *v6, value_error_t *error)
{
    char address[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    snprintf(address, sizeof address, "%s", host);
    char *zone = strchr(address, '%');
    if (zone) {
        *zone++ = 0;
    }
    if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1) {
        return value_invalid(error, at, "an IPv6 address expected in the brackets, got \"%s\"", host);
    }
    if (zone && (v6->sin6_scope_id = if_nametoindex(zone)) == 0) {
        return value_invalid(error, at, "there is no network interface \"%s\"", zone);
    }
    if (!zone && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) {
        return value_invalid(error, at, "a link-local address needs its interface: [%s%%eth0]", address);
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(PORT_DNS);
    return STATUS_OK;
}

static status_t parse_v4(const char *host, size_t at, struct sockaddr_in *v4, value_error_t *error)
{
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(PORT_DNS);
        return STATUS_OK;
    }
    struct in6_addr ignored;
    if (inet_pton(AF_INET6, host, &ignored) == 1) {
        snprintf(error->hint, sizeof error->hint, "dns://[ADDRESS]:PORT");
        return value_invalid(error, at, "an IPv6 address stands in brackets");
    }
    return value_invalid(error, at, "an IP address expected, got \"%s\"", host);
}

status_t value_parse_listen(const char *text, size_t length, listen_settings_t *listen, value_error_t *error)
{
    *error = (value_error_t){.at = 0};
    *listen = (listen_settings_t){.protocol = NET_UDP};
    size_t start = 0;
    status_t status = parse_scheme(text, length, &start, error);
    if (status != STATUS_OK) {
        return status;
    }
    bool bracket = start < length && text[start] == '[';
    const char *end = memchr(text + start, bracket ? ']' : ':', length - start);
    if (bracket && !end) {
        return value_invalid(error, start, "the closing bracket is missing");
    }
    /* an IPv6 address without brackets has more than one colon: the address is then all the rest, for the message */
    bool bare_v6 = !bracket && end && memchr(end + 1, ':', length - (size_t)(end + 1 - text));
    size_t host_start = start + (bracket ? 1 : 0);
    size_t host_end = end && !bare_v6 ? (size_t)(end - text) : length;
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    if (host_end - host_start >= sizeof host) {
        return value_invalid(error, host_start, "an IP address expected, got \"%.*s\"", value_shown(host_end - host_start),
                             text + host_start);
    }
    memcpy(host, text + host_start, host_end - host_start);
    host[host_end - host_start] = 0;
    status = bracket ? parse_v6(host, host_start, &listen->address.v6, error) : parse_v4(host, host_start, &listen->address.v4, error);
    size_t behind = host_end + (bracket ? 1 : 0);
    if (status != STATUS_OK || behind == length) {
        return status;
    }
    if (text[behind] != ':') {
        return value_invalid(error, behind, "a colon and a port expected behind the address");
    }
    return parse_port(text, length, behind + 1, bracket ? &listen->address.v6.sin6_port : &listen->address.v4.sin_port, error);
}

void value_print_listen(const listen_settings_t *listen, buffer_t *out)
{
    char address[INET6_ADDRSTRLEN] = "";
    char interface[IF_NAMESIZE] = "";
    if (listen->address.sa.sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = &listen->address.v6;
        inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof address);
        bool scoped = v6->sin6_scope_id != 0 && if_indextoname(v6->sin6_scope_id, interface);
        buffer_printf(out, "dns://[%s%s%s]:%u", address, scoped ? "%" : "", interface, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET, &listen->address.v4.sin_addr, address, sizeof address);
        buffer_printf(out, "dns://%s:%u", address, ntohs(listen->address.v4.sin_port));
    }
}
