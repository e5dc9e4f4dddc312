#include "policy/acl.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* All prefixes are kept as IPv6; IPv4 lives in ::ffff:0:0/96, so that mapped addresses need no case of their own. */
enum { ADDRESS_SIZE = 16, MAPPED_BITS = 96 };

typedef struct acl_entry {
    uint8_t prefix[ADDRESS_SIZE];
    uint8_t bits;
    bool denies;
} acl_entry_t;

struct acl {
    acl_entry_t *entries; /* longest prefix first, denials before allowances of the same length */
    size_t count;
    size_t capacity;
};

typedef struct acl_group {
    const char *name;
    const char *const *prefixes; /* ends with NULL */
} acl_group_t;

static const acl_group_t groups[] = {
    {"any", (const char *const[]){"0.0.0.0/0", "::/0", NULL}},
    {"none", (const char *const[]){NULL}},
    {"loopback", (const char *const[]){"127.0.0.0/8", "::1", NULL}},
    {"private", (const char *const[]){"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", NULL}},
    {"linklocal", (const char *const[]){"169.254.0.0/16", "fe80::/10", NULL}},
};

acl_t *acl_new(void)
{
    return calloc(1, sizeof(acl_t));
}

void acl_free(acl_t *acl)
{
    if (acl) {
        free(acl->entries);
        free(acl);
    }
}

static void map_v4(uint8_t mapped[static ADDRESS_SIZE], const uint8_t *v4)
{
    memset(mapped, 0, 10);
    mapped[10] = mapped[11] = 0xff;
    memcpy(mapped + 12, v4, 4);
}

/* True when the first `bits` bits are equal. */
static bool prefix_matches(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

static bool host_bits_set(const acl_entry_t *entry)
{
    for (unsigned bit = entry->bits; bit < ADDRESS_SIZE * 8; bit++) {
        if (entry->prefix[bit / 8] & (0x80 >> (bit % 8))) {
            return true;
        }
    }
    return false;
}

/* The digits behind the '/', at most `limit`. */
static status_t parse_bits(const char *text, unsigned limit, unsigned *bits)
{
    if (*text < '0' || *text > '9' || strlen(text) > 3) {
        return STATUS_MALFORMED;
    }
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != 0 || value > limit) {
        return STATUS_MALFORMED;
    }
    *bits = (unsigned)value;
    return STATUS_OK;
}

static status_t parse_prefix(char *text, acl_entry_t *entry)
{
    char *slash = strchr(text, '/');
    if (slash) {
        *slash = 0;
    }
    uint8_t v4[4];
    unsigned width;
    if (inet_pton(AF_INET, text, v4) == 1) {
        map_v4(entry->prefix, v4);
        width = 32;
    } else if (inet_pton(AF_INET6, text, entry->prefix) == 1) {
        width = 128;
    } else {
        return STATUS_MALFORMED;
    }
    unsigned bits = width;
    if (slash && parse_bits(slash + 1, width, &bits) != STATUS_OK) {
        return STATUS_MALFORMED;
    }
    entry->bits = (uint8_t)(width == 32 ? bits + MAPPED_BITS : bits);
    return host_bits_set(entry) ? STATUS_INVALID : STATUS_OK;
}

static status_t insert(acl_t *acl, const acl_entry_t *entry)
{
    if (acl->count == acl->capacity) {
        size_t capacity = acl->capacity ? acl->capacity * 2 : 4;
        acl_entry_t *entries = realloc(acl->entries, capacity * sizeof *entries);
        if (!entries) {
            return STATUS_NO_MEMORY;
        }
        acl->entries = entries;
        acl->capacity = capacity;
    }
    size_t at = acl->count++;
    for (; at > 0; at--) {
        const acl_entry_t *before = &acl->entries[at - 1];
        if (before->bits > entry->bits || (before->bits == entry->bits && before->denies >= entry->denies)) {
            break;
        }
        acl->entries[at] = *before;
    }
    acl->entries[at] = *entry;
    return STATUS_OK;
}

static status_t add_prefix(acl_t *acl, const char *text, size_t length, bool denies)
{
    char copy[INET6_ADDRSTRLEN + 4];
    if (length >= sizeof copy || memchr(text, 0, length)) {
        return STATUS_MALFORMED;
    }
    memcpy(copy, text, length);
    copy[length] = 0;
    acl_entry_t entry = {.denies = denies};
    status_t status = parse_prefix(copy, &entry);
    return status == STATUS_OK ? insert(acl, &entry) : status;
}

status_t acl_add(acl_t *acl, const char *text, size_t length)
{
    bool denies = length > 0 && *text == '!';
    text += denies;
    length -= denies;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        if (strlen(groups[i].name) != length || memcmp(groups[i].name, text, length) != 0) {
            continue;
        }
        status_t status = STATUS_OK;
        for (const char *const *prefix = groups[i].prefixes; *prefix && status == STATUS_OK; prefix++) {
            status = add_prefix(acl, *prefix, strlen(*prefix), denies);
        }
        return status;
    }
    return add_prefix(acl, text, length, denies);
}

bool acl_allows(const acl_t *acl, int family, const uint8_t *address)
{
    uint8_t mapped[ADDRESS_SIZE];
    if (family == AF_INET) {
        map_v4(mapped, address);
        address = mapped;
    } else if (family != AF_INET6) {
        return false;
    }
    for (size_t i = 0; acl && i < acl->count; i++) {
        if (prefix_matches(acl->entries[i].prefix, address, acl->entries[i].bits)) {
            return !acl->entries[i].denies;
        }
    }
    return false;
}
