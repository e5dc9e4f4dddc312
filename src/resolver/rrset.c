#include "resolver/rrset.h"

#include "base/require.h"
#include "resolver/settings.h"
#include "wire/rrtype.h"

#include <string.h>

enum { RRSIG_FIXED_SIZE = 18, LENGTH_SIZE = 2 };

static bool is_signature_of(const record_t *record, uint16_t type)
{
    return record->type == TYPE_RRSIG && record->rdlength > RRSIG_FIXED_SIZE && load_be16(record->rdata) == type;
}

/* Is this rdata among those written from `begin` on? */
static bool is_written(const byte_writer_t *writer, size_t begin, const record_t *record)
{
    for (size_t at = begin; at < writer->position;) {
        uint16_t length = load_be16(writer->data + at);
        if (length == record->rdlength && memcmp(writer->data + at + LENGTH_SIZE, record->rdata, length) == 0) {
            return true;
        }
        at += LENGTH_SIZE + length;
    }
    return false;
}

static void write_rdata(byte_writer_t *writer, const record_t *record)
{
    byte_write_u16(writer, record->rdlength);
    byte_write(writer, record->rdata, record->rdlength);
}

typedef struct gathering {
    const record_t *records;
    unsigned count;
    const uint8_t *owner;
    uint16_t type;
    bool signatures; /* the RRSIGs that cover the type, not its records */
} gathering_t;

static bool is_wanted(const gathering_t *gathering, const record_t *record)
{
    bool fits = gathering->signatures ? is_signature_of(record, gathering->type) : record->type == gathering->type;
    return fits && record->rrclass == CLASS_IN && name_equal(record->owner, gathering->owner);
}

/* Writes what is wanted, each once; returns how many, at most maximum + 1. */
static unsigned gather(const gathering_t *gathering, unsigned maximum, byte_writer_t *writer, uint32_t *ttl_s)
{
    size_t begin = writer->position;
    unsigned written = 0;
    for (unsigned i = 0; i < gathering->count && written <= maximum; i++) {
        const record_t *record = &gathering->records[i];
        if (!is_wanted(gathering, record)) {
            continue;
        }
        *ttl_s = record->ttl_s < *ttl_s ? record->ttl_s : *ttl_s;
        if (!is_written(writer, begin, record)) {
            write_rdata(writer, record);
            written++;
        }
    }
    return written;
}

static size_t size_of(const gathering_t *gathering)
{
    size_t size = 0;
    for (unsigned i = 0; i < gathering->count; i++) {
        size += is_wanted(gathering, &gathering->records[i]) ? LENGTH_SIZE + (size_t)gathering->records[i].rdlength : 0;
    }
    return size;
}

static uint8_t *copy_owner(arena_t *arena, const uint8_t *owner)
{
    size_t length = name_length(owner);
    uint8_t *copy = arena_alloc(arena, length + NAME_PADDING);
    if (copy) {
        memcpy(copy, owner, length);
        memset(copy + length, 0, NAME_PADDING);
        name_lower(copy, length);
    }
    return copy;
}

status_t rrset_collect(const message_t *message, section_t section, const uint8_t *owner, uint16_t type, unsigned records_max,
                       arena_t *arena, rrset_t *rrset)
{
    gathering_t data = {message->records[section], message->count[section], owner, type, false};
    gathering_t signatures = data;
    signatures.signatures = true;
    size_t size = size_of(&data);
    if (size == 0) {
        return STATUS_NOT_FOUND;
    }
    size += size_of(&signatures);
    uint8_t *memory = arena_alloc(arena, size);
    uint8_t *own = copy_owner(arena, owner);
    if (!memory || !own) {
        return STATUS_NO_MEMORY;
    }
    byte_writer_t writer = byte_writer(memory, size);
    *rrset = (rrset_t){.owner = own, .type = type, .rrclass = CLASS_IN, .ttl_s = UINT32_MAX, .data = memory};
    unsigned count = gather(&data, records_max, &writer, &rrset->ttl_s);
    if (count > records_max) {
        return STATUS_LIMIT;
    }
    rrset->count = (uint16_t)count;
    rrset->data_size = (uint32_t)writer.position;
    count = gather(&signatures, RESOLVER_SIGNATURES_MAX - 1, &writer, &rrset->ttl_s);
    rrset->signature_count = (uint16_t)count;
    rrset->signature_size = (uint32_t)writer.position - rrset->data_size;
    REQUIRE(!writer.failed);
    return STATUS_OK;
}

status_t rrset_make(rrset_t *rrset, arena_t *arena, const uint8_t *owner, uint16_t type, uint32_t ttl_s, const uint8_t *rdata,
                    size_t rdlength)
{
    REQUIRE(rdlength <= UINT16_MAX);
    uint8_t *memory = arena_alloc(arena, LENGTH_SIZE + rdlength);
    uint8_t *own = copy_owner(arena, owner);
    if (!memory || !own) {
        return STATUS_NO_MEMORY;
    }
    store_be16(memory, (uint16_t)rdlength);
    memcpy(memory + LENGTH_SIZE, rdata, rdlength);
    *rrset = (rrset_t){.owner = own, .type = type, .rrclass = CLASS_IN, .ttl_s = ttl_s, .count = 1, .data = memory};
    rrset->data_size = (uint32_t)(LENGTH_SIZE + rdlength);
    return STATUS_OK;
}

status_t rrset_copy(rrset_t *to, const rrset_t *from, arena_t *arena)
{
    size_t size = (size_t)from->data_size + from->signature_size;
    uint8_t *memory = arena_alloc(arena, size);
    uint8_t *own = copy_owner(arena, from->owner);
    if (!memory || !own) {
        return STATUS_NO_MEMORY;
    }
    memcpy(memory, from->data, size);
    *to = *from;
    to->owner = own;
    to->data = memory;
    return STATUS_OK;
}

static const uint8_t *next_in(const uint8_t *begin, size_t size, const uint8_t **at, uint16_t *rdlength)
{
    const uint8_t *place = *at ? *at : begin;
    if (place >= begin + size) {
        return NULL;
    }
    *rdlength = load_be16(place);
    *at = place + LENGTH_SIZE + *rdlength;
    return place + LENGTH_SIZE;
}

const uint8_t *rrset_next(const rrset_t *rrset, const uint8_t **at, uint16_t *rdlength)
{
    return next_in(rrset->data, rrset->data_size, at, rdlength);
}

const uint8_t *rrset_next_signature(const rrset_t *rrset, const uint8_t **at, uint16_t *rdlength)
{
    return next_in(rrset->data + rrset->data_size, rrset->signature_size, at, rdlength);
}
