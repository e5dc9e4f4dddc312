/* Delegations, as one entry of the cache: the NS RRset, the servers' addresses, the proofs. */
#include "server/cache_store_state.h"

#include <string.h>

enum {
    SERVERS_MAX = RESOLVER_NS_NAMES_MAX,
    ADDRESSES_MAX = 8 * SERVERS_MAX, /* of all servers (referral.c takes eight of each) */
    PROOFS_MAX = 16,
    PORT_SIZE = 2,
    RDATA_HEAD = 2, /* the length before each rdata */
    IPV4_SIZE = 4,
    IPV6_SIZE = 16,
    FORGETTING_S = 1,
};

/* ---- put ---- */

typedef struct packing {
    cache_rrset_t rrsets[1 + ADDRESSES_MAX + PROOFS_MAX];
    size_t count;
    unsigned address_count;
    uint32_t ttl_s;
    uint8_t names[SERVERS_MAX * (RDATA_HEAD + NAME_WIRE_MAX)];
    uint8_t addresses[ADDRESSES_MAX * (RDATA_HEAD + IPV6_SIZE + PORT_SIZE)];
} packing_t;

static void pack_names(packing_t *packing, const delegation_t *delegation, unsigned servers)
{
    byte_writer_t writer = byte_writer(packing->names, sizeof packing->names);
    for (unsigned i = 0; i < servers; i++) {
        size_t length = name_length(delegation->servers[i].name);
        byte_write_u16(&writer, (uint16_t)length);
        byte_write(&writer, delegation->servers[i].name, length);
    }
    packing->rrsets[packing->count++] = (cache_rrset_t){
        .owner = delegation->zone,
        .type = TYPE_NS,
        .count = (uint16_t)servers,
        .ttl_s = packing->ttl_s,
        .data = packing->names,
        .data_size = writer.position,
    };
}

static void pack_address(byte_writer_t *writer, const resolver_address_t *address)
{
    size_t size = address->family == RESOLVER_IPV6 ? IPV6_SIZE : IPV4_SIZE;
    bool has_port = address->port != RESOLVER_PORT;
    byte_write_u16(writer, (uint16_t)(size + (has_port ? PORT_SIZE : 0)));
    byte_write(writer, address->bytes, size);
    if (has_port) {
        byte_write_u16(writer, address->port);
    }
}

/* One RRset for each run of addresses of a family, so that their order comes back. */
static void pack_addresses(packing_t *packing, const delegation_server_t *server, byte_writer_t *writer)
{
    cache_rrset_t *run = NULL;
    for (unsigned i = 0; i < server->address_count && packing->address_count < ADDRESSES_MAX; i++) {
        const resolver_address_t *address = &server->addresses[i];
        uint16_t type = address->family == RESOLVER_IPV6 ? TYPE_AAAA : TYPE_A;
        if (!run || run->type != type) {
            run = &packing->rrsets[packing->count++];
            *run = (cache_rrset_t){.owner = server->name, .type = type, .ttl_s = packing->ttl_s, .data = writer->data + writer->position};
        }
        size_t begin = writer->position;
        pack_address(writer, address);
        packing->address_count++;
        run->count++;
        run->data_size += writer->position - begin;
    }
}

void cache_store_put_delegation(store_t *store, const delegation_t *delegation, uint64_t now_s)
{
    cache_store_t *own = (cache_store_t *)store;
    uint32_t limit_s = own->settings->delegation_ttl_max_s;
    packing_t packing;
    packing.count = 0;
    packing.address_count = 0;
    packing.ttl_s = delegation->ttl_s < limit_s ? delegation->ttl_s : limit_s;
    if (delegation->server_count == 0) {
        packing.ttl_s = FORGETTING_S; /* what stands there for so long is no delegation, see cache_store_find_delegation() */
    } else if (packing.ttl_s == 0) {
        return;
    }
    unsigned servers = delegation->server_count < SERVERS_MAX ? delegation->server_count : SERVERS_MAX;
    byte_writer_t writer = byte_writer(packing.addresses, sizeof packing.addresses);
    if (servers > 0) {
        pack_names(&packing, delegation, servers);
    }
    for (unsigned i = 0; i < servers; i++) {
        pack_addresses(&packing, &delegation->servers[i], &writer);
    }
    for (unsigned i = 0; i < delegation->proof_count && i < PROOFS_MAX; i++) {
        packing.rrsets[packing.count++] = cache_store_rrset(&delegation->proofs[i]);
    }
    cache_put_t put = {
        .question = cache_store_question(delegation->zone, name_length(delegation->zone), TYPE_NS),
        .kind = CACHE_DELEGATION,
        .rank = CACHE_RANK_REFERRAL,
        .ttl_s = packing.ttl_s,
        .rrsets = packing.rrsets,
        .rrset_count = packing.count,
    };
    status_t status = cache_put(own->cache, &put, cache_store_clock(now_s));
    (void)status; /* without room for it the referral is asked for again */
}

/* ---- find ---- */

typedef struct unpacking {
    arena_t *arena;
    delegation_server_t *servers; /* [SERVERS_MAX] */
    unsigned server_count;
    resolver_address_t *addresses; /* of the server in hand, room for ADDRESSES_MAX in all */
    unsigned address_count;        /* of all */
    rrset_t *proofs;               /* [PROOFS_MAX] */
    unsigned proof_count;
} unpacking_t;

/* The next rdata of an RRset whose records have been counted through. */
static const uint8_t *next_rdata(const cache_rrset_t *rrset, size_t *at, size_t *length)
{
    if (*at >= rrset->data_size) {
        return NULL;
    }
    const uint8_t *rdata = rrset->data + *at + RDATA_HEAD;
    *length = load_be16(rrset->data + *at);
    *at += RDATA_HEAD + *length;
    return rdata;
}

static bool unpack_names(unpacking_t *unpacking, const cache_rrset_t *rrset)
{
    size_t at = 0;
    size_t length;
    const uint8_t *rdata;
    while ((rdata = next_rdata(rrset, &at, &length)) != NULL && unpacking->server_count < SERVERS_MAX) {
        byte_reader_t reader = byte_reader(rdata, length);
        name_t name;
        if (name_read_uncompressed(&reader, &name) != STATUS_OK || byte_reader_left(&reader) > 0) {
            return false;
        }
        uint8_t *own = cache_store_take_name(name.wire, unpacking->arena);
        if (!own) {
            return false;
        }
        unpacking->servers[unpacking->server_count++] = (delegation_server_t){.name = own};
    }
    return true;
}

static bool unpack_address(resolver_address_t *address, uint16_t type, const uint8_t *rdata, size_t length)
{
    size_t size = type == TYPE_AAAA ? IPV6_SIZE : IPV4_SIZE;
    if (!resolver_address_from_rdata(address, type, rdata, length < size ? length : size) ||
        (length != size && length != size + PORT_SIZE)) {
        return false;
    }
    if (length > size) {
        address->port = load_be16(rdata + size);
    }
    return true;
}

/* Addresses follow the names in their order: those of one server lie together. */
static bool unpack_addresses(unpacking_t *unpacking, const cache_rrset_t *rrset)
{
    size_t at = 0;
    size_t length;
    const uint8_t *rdata;
    unsigned i = 0;
    while (i < unpacking->server_count && !name_equal(unpacking->servers[i].name, rrset->owner)) {
        i++;
    }
    if (i == unpacking->server_count) {
        return false;
    }
    delegation_server_t *server = &unpacking->servers[i];
    resolver_address_t *first = unpacking->addresses + unpacking->address_count - server->address_count;
    if (server->address_count > 0 && server->addresses != first) {
        return false;
    }
    while ((rdata = next_rdata(rrset, &at, &length)) != NULL && unpacking->address_count < ADDRESSES_MAX) {
        if (!unpack_address(&unpacking->addresses[unpacking->address_count], rrset->type, rdata, length)) {
            return false;
        }
        unpacking->address_count++;
        server->address_count++;
    }
    server->addresses = first;
    return true;
}

static bool unpack(unpacking_t *unpacking, const cache_rrset_t *rrset)
{
    if (unpacking->server_count == 0) {
        return rrset->type == TYPE_NS && unpack_names(unpacking, rrset);
    }
    if (rrset->type == TYPE_A || rrset->type == TYPE_AAAA) {
        return unpack_addresses(unpacking, rrset);
    }
    if (unpacking->proof_count == PROOFS_MAX) {
        return true;
    }
    return cache_store_take_rrset(rrset, unpacking->arena, &unpacking->proofs[unpacking->proof_count++]);
}

bool cache_store_delegation(cache_entry_t *entry, arena_t *arena, delegation_t *delegation)
{
    uint8_t *zone = cache_store_take_name(entry->name, arena);
    unpacking_t unpacking = {
        .arena = arena,
        .servers = arena_alloc(arena, SERVERS_MAX * sizeof *unpacking.servers),
        .addresses = arena_alloc(arena, ADDRESSES_MAX * sizeof *unpacking.addresses),
        .proofs = arena_alloc(arena, PROOFS_MAX * sizeof *unpacking.proofs),
    };
    cache_rrset_t rrset;
    if (!zone || !unpacking.servers || !unpacking.addresses || !unpacking.proofs) {
        return false;
    }
    cache_entry_rewind(entry);
    while (cache_entry_next(entry, &rrset)) {
        if (!unpack(&unpacking, &rrset)) {
            return false;
        }
    }
    *delegation = (delegation_t){
        .zone = zone,
        .ttl_s = entry->ttl_s,
        .server_count = (uint16_t)unpacking.server_count,
        .proof_count = (uint16_t)unpacking.proof_count,
        .servers = unpacking.servers,
        .proofs = unpacking.proofs,
    };
    return unpacking.server_count > 0;
}

bool cache_store_find_delegation(store_t *store, const name_key_t *name, unsigned labels, uint64_t now_s, arena_t *arena,
                                 delegation_t *delegation)
{
    cache_store_t *own = (cache_store_t *)store;
    uint32_t now = cache_store_clock(now_s);
    for (;;) {
        const uint8_t *suffix = name->wire + name->offset[labels];
        cache_question_t asked = cache_store_question(suffix, (size_t)name->length - name->offset[labels], TYPE_NS);
        if (cache_find_above(&own->reader, &asked, CACHE_DELEGATION, now, &own->data) != STATUS_OK) {
            return false;
        }
        if (cache_store_delegation(&own->data, arena, delegation)) {
            return true;
        }
        /* a damaged one, or no memory: one further up will do */
        unsigned found = name_labels(own->data.name);
        if (found == 0) {
            return false;
        }
        labels = found - 1;
    }
}
