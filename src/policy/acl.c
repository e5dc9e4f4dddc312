/* Two binary tries, one a family, without the nodes that would only lead on: a node stands for a prefix, and is there because the list has
 * it, or because two that it has part there.
 *
 * Invariants: nodes[0] is the root (the empty prefix) once there is any node; child 0 means none, as the root is nobody's child; a child's
 * prefix begins with its parent's and is longer; child[n] goes on with bit n.
 */
#include "policy/acl.h"

#include "base/bytes.h"
#include "base/require.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

typedef enum verdict { VERDICT_NONE, VERDICT_ALLOW, VERDICT_DENY } verdict_t;

/* Bits of an address from the first on; IPv4 has the upper 32 of `high`. */
typedef struct bits {
    uint64_t high;
    uint64_t low;
} bits_t;

typedef struct node {
    bits_t prefix; /* as long as `length` says; what stands behind is not looked at */
    uint32_t child[2];
    uint8_t length;
    uint8_t verdict; /* verdict_t */
} node_t;

typedef struct trie {
    node_t *nodes;
    uint32_t count;
    uint32_t capacity;
} trie_t;

struct acl {
    trie_t ipv4;
    trie_t ipv6;
};

typedef struct prefix {
    int family;
    uint8_t address[16];
    unsigned length; /* bits */
} prefix_t;

enum { IPV4_BITS = 32, IPV6_BITS = 128, MAPPED_BITS = 96, MAPPED_BYTES = 12, NODES_MAX = 1u << 28 };

acl_t *acl_new(void)
{
    return calloc(1, sizeof(acl_t));
}

void acl_free(acl_t *acl)
{
    if (acl) {
        free(acl->ipv4.nodes);
        free(acl->ipv6.nodes);
        free(acl);
    }
}

/* ---- the trie ---- */

static inline uint64_t load_word(const uint8_t *at)
{
    return (uint64_t)load_be32(at) << 32 | load_be32(at + 4);
}

static inline bits_t bits_of(int family, const uint8_t *address)
{
    return family == AF_INET ? (bits_t){.high = (uint64_t)load_be32(address) << 32}
                             : (bits_t){.high = load_word(address), .low = load_word(address + 8)};
}

/* Behind the last bit of all it does not matter which. */
static inline unsigned bit_at(bits_t bits, unsigned n)
{
    return (n < 64 ? bits.high : bits.low) >> (~n & 63) & 1;
}

/* How many bits are the same from the first on. */
static inline unsigned common_bits(bits_t a, bits_t b)
{
    uint64_t high = a.high ^ b.high;
    uint64_t low = a.low ^ b.low;
    if (high != 0) {
        return (unsigned)__builtin_clzll(high);
    }
    return low != 0 ? 64 + (unsigned)__builtin_clzll(low) : 128;
}

/* Room for `more` nodes behind the last. */
static bool trie_reserve(trie_t *trie, uint32_t more)
{
    if (trie->capacity - trie->count >= more) {
        return true;
    }
    uint32_t capacity = trie->capacity * 2 < trie->count + more ? trie->count + more : trie->capacity * 2;
    node_t *nodes = capacity <= NODES_MAX ? realloc(trie->nodes, capacity * sizeof *nodes) : NULL;
    if (!nodes) {
        return false;
    }
    trie->nodes = nodes;
    trie->capacity = capacity;
    return true;
}

static uint32_t trie_append(trie_t *trie, bits_t prefix, unsigned length)
{
    trie->nodes[trie->count] = (node_t){.prefix = prefix, .length = (uint8_t)length, .verdict = VERDICT_NONE};
    return trie->count++;
}

/* The node that follows `at` on the way to a longer prefix, made if need be: the child that is there, one where that parts from the
 * prefix, or the prefix itself. */
static uint32_t trie_step(trie_t *trie, uint32_t at, bits_t prefix, unsigned length)
{
    unsigned side = bit_at(prefix, trie->nodes[at].length);
    uint32_t child = trie->nodes[at].child[side];
    if (child == 0) {
        return trie->nodes[at].child[side] = trie_append(trie, prefix, length);
    }
    unsigned common = common_bits(trie->nodes[child].prefix, prefix);
    common = common < length ? common : length;
    if (common >= trie->nodes[child].length) {
        return child;
    }
    uint32_t middle = trie_append(trie, prefix, common);
    trie->nodes[middle].child[bit_at(trie->nodes[child].prefix, common)] = child;
    return trie->nodes[at].child[side] = middle;
}

static status_t trie_add(trie_t *trie, bits_t prefix, unsigned length, verdict_t verdict)
{
    enum { NODES_A_PREFIX = 3 }; /* the root, where it parts from others, itself */
    if (!trie_reserve(trie, NODES_A_PREFIX)) {
        return STATUS_NO_MEMORY;
    }
    uint32_t at = trie->count > 0 ? 0 : trie_append(trie, (bits_t){0, 0}, 0);
    while (trie->nodes[at].length < length) {
        at = trie_step(trie, at, prefix, length);
    }
    if (trie->nodes[at].verdict != VERDICT_DENY) {
        trie->nodes[at].verdict = (uint8_t)verdict;
    }
    return STATUS_OK;
}

static inline bool trie_allows(const trie_t *trie, bits_t address)
{
    uint8_t verdict = VERDICT_NONE;
    uint32_t at = 0;
    if (trie->count == 0) {
        return false;
    }
    do {
        const node_t *node = &trie->nodes[at];
        if (common_bits(node->prefix, address) < node->length) {
            break;
        }
        verdict = node->verdict != VERDICT_NONE ? node->verdict : verdict;
        at = node->child[bit_at(address, node->length)];
    } while (at != 0);
    return verdict == VERDICT_ALLOW;
}

/* ---- text ---- */

static const struct group {
    const char *name;
    const char *prefixes[5];
} groups[] = {
    {"loopback", {"127.0.0.0/8", "::1/128"}},
    {"private", {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}},
    {"linklocal", {"169.254.0.0/16", "fe80::/10"}},
    {"any", {"0.0.0.0/0", "::/0"}},
};

static bool text_is(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

static bool is_mapped(const uint8_t address[static 16])
{
    static const uint8_t mapped[MAPPED_BYTES] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, mapped, sizeof mapped) == 0;
}

/* Decimal, without sign or leading zeros, at most `maximum`. */
static bool read_bits(const char *text, size_t length, unsigned maximum, unsigned *bits)
{
    unsigned value = 0;
    if (length == 0 || length > 3 || (length > 1 && text[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *bits = value;
    return value <= maximum;
}

static bool has_host_bits(const prefix_t *prefix)
{
    unsigned bits = prefix->family == AF_INET ? IPV4_BITS : IPV6_BITS;
    for (unsigned bit = prefix->length; bit < bits; bit++) {
        if (bit_at(bits_of(prefix->family, prefix->address), bit)) {
            return true;
        }
    }
    return false;
}

static status_t read_prefix(const char *text, size_t length, prefix_t *prefix)
{
    const char *slash = memchr(text, '/', length);
    size_t address_length = slash ? (size_t)(slash - text) : length;
    char address[INET6_ADDRSTRLEN];
    if (address_length >= sizeof address || memchr(text, 0, length)) {
        return STATUS_MALFORMED;
    }
    memcpy(address, text, address_length);
    address[address_length] = 0;
    prefix->family = memchr(address, ':', address_length) ? AF_INET6 : AF_INET;
    prefix->length = prefix->family == AF_INET ? IPV4_BITS : IPV6_BITS;
    if (inet_pton(prefix->family, address, prefix->address) != 1) {
        return STATUS_MALFORMED;
    }
    if (slash && !read_bits(slash + 1, length - address_length - 1, prefix->length, &prefix->length)) {
        return STATUS_MALFORMED;
    }
    if (has_host_bits(prefix)) {
        return STATUS_INVALID;
    }
    if (prefix->family == AF_INET6 && prefix->length >= MAPPED_BITS && is_mapped(prefix->address)) {
        prefix->family = AF_INET;
        prefix->length -= MAPPED_BITS;
        memmove(prefix->address, prefix->address + MAPPED_BYTES, 4);
    }
    return STATUS_OK;
}

static status_t add_prefix(acl_t *acl, const char *text, size_t length, verdict_t verdict)
{
    prefix_t prefix;
    status_t status = read_prefix(text, length, &prefix);
    if (status != STATUS_OK) {
        return status;
    }
    return trie_add(prefix.family == AF_INET ? &acl->ipv4 : &acl->ipv6, bits_of(prefix.family, prefix.address), prefix.length, verdict);
}

status_t acl_add(acl_t *acl, const char *text, size_t length)
{
    verdict_t verdict = VERDICT_ALLOW;
    if (text_is(text, length, "none")) {
        return STATUS_OK;
    }
    if (length > 0 && text[0] == '!') {
        verdict = VERDICT_DENY;
        text++;
        length--;
    }
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        if (text_is(text, length, groups[i].name)) {
            status_t status = STATUS_OK;
            for (const char *const *prefix = groups[i].prefixes; *prefix && status == STATUS_OK; prefix++) {
                status = add_prefix(acl, *prefix, strlen(*prefix), verdict);
            }
            return status;
        }
    }
    return add_prefix(acl, text, length, verdict);
}

bool acl_allows(const acl_t *acl, int family, const uint8_t *address)
{
    if (!acl) {
        return false;
    }
    if (family == AF_INET) {
        return trie_allows(&acl->ipv4, bits_of(AF_INET, address));
    }
    if (family != AF_INET6) {
        return false;
    }
    return is_mapped(address) ? trie_allows(&acl->ipv4, bits_of(AF_INET, address + MAPPED_BYTES))
                              : trie_allows(&acl->ipv6, bits_of(AF_INET6, address));
}
